/* tree_build.c: from the attributes of TreeEnsemble operators to a forest, with every claim checked on the way. Nodes
 * are found by tree and node id through one order of all of them, which most models come in already and others are
 * brought to by a radix sort, so that loading is linear in the number of nodes. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/trees.h"

enum { MAX_NODES = 1 << 29, MAX_FEATURE = (1 << 28) - 1, NO_GROUP = -1 };

static double number_at(const struct qn_tensor *list, size_t i)
{
    switch (list->dtype) {
    case QN_FLOAT:
        return (double)((const float *)list->data)[i];
    case QN_DOUBLE:
        return ((const double *)list->data)[i];
    default:
        return qn_tensor_double(list, (int64_t)i);
    }
}

static enum qn_status check_numbers(const struct qn_tensor *list, const char *what, struct qn_err *err)
{
    QN_CHECK(list->dtype == QN_FLOAT || list->dtype == QN_DOUBLE || list->dtype == QN_FLOAT16, err, FORMAT,
             "%s cannot be %s", what, qn_dtype_name(list->dtype));
    return QN_OK;
}

static enum qn_status check_size(const char *what, size_t n, size_t want, struct qn_err *err)
{
    QN_CHECK(n == want, err, FORMAT, "%s has %zu entries, %zu expected", what, n, want);
    return QN_OK;
}

/* ---- Branches ------------------------------------------------------------------------------------------------- */

/* With the numbers of version 5; versions 1 and 3 know LEAF instead of BRANCH_MEMBER. */
enum mode { LEQ, LT, GTE, GT, EQ, NEQ, MEMBER, LEAF };

static const uint8_t mode_when[] = {
    [LEQ] = QN_TREE_BELOW | QN_TREE_EQUAL,
    [LT] = QN_TREE_BELOW,
    [GTE] = QN_TREE_ABOVE | QN_TREE_EQUAL,
    [GT] = QN_TREE_ABOVE,
    [EQ] = QN_TREE_EQUAL,
    [NEQ] = QN_TREE_BELOW | QN_TREE_ABOVE | QN_TREE_NAN,
    [MEMBER] = QN_TREE_MEMBER,
    [LEAF] = 0,
};

/* Nothing compares with a NaN threshold: the comparison is false, or true where it is an inequality. */
static void set_condition(struct qn_tree_branch *branch, enum mode mode, double threshold, bool missing_true)
{
    uint8_t when = mode_when[mode];

    if (isnan(threshold) && mode != MEMBER) {
        threshold = 0;
        when = mode == NEQ ? QN_TREE_BELOW | QN_TREE_EQUAL | QN_TREE_ABOVE | QN_TREE_NAN : 0;
    }
    branch->threshold = threshold;
    branch->when = missing_true ? when | QN_TREE_NAN : when;
}

enum { NOT_SEEN, OPEN, DONE };

/* Walks from every root; marks say how far every branch is. -1: all is well, else a branch that was not reached, or,
 * OPEN then, one that leads back to itself. The stack has room for two entries per branch and one. */
static int64_t find_unreached(struct qn_forest *forest, uint8_t *marks, int32_t *stack)
{
    for (int64_t t = 0; t < forest->n_trees; t++) {
        int64_t n_reached = 0, n_stacked = 0;

        if (forest->roots[t] >= 0)
            stack[n_stacked++] = forest->roots[t];
        while (n_stacked > 0) {
            const int32_t at = stack[n_stacked - 1];

            if (marks[at] != NOT_SEEN) { /* again, or all below it is done */
                marks[at] = DONE;
                n_stacked--;
                continue;
            }
            marks[at] = OPEN;
            n_reached++;
            for (int side = 0; side < 2; side++) {
                const int32_t child = forest->branches[at].child[side];

                if (child >= 0 && marks[child] == OPEN)
                    return child;
                if (child >= 0 && marks[child] == NOT_SEEN)
                    stack[n_stacked++] = child;
            }
        }
        forest->largest = n_reached > forest->largest ? n_reached : forest->largest;
    }
    for (int64_t b = 0; b < forest->n_branches; b++)
        if (marks[b] == NOT_SEEN)
            return b;
    return -1;
}

static enum qn_status alloc_forest(struct qn_forest *forest, size_t n_votes, struct qn_arena *arena, struct qn_err *err)
{
    forest->branches = qn_arena_array(arena, (size_t)forest->n_branches, sizeof(*forest->branches));
    forest->roots = qn_arena_array(arena, (size_t)forest->n_trees, sizeof(*forest->roots));
    forest->first_vote = qn_arena_array(arena, (size_t)forest->n_leaves + 1, sizeof(*forest->first_vote));
    forest->votes = qn_arena_array(arena, n_votes, sizeof(*forest->votes));
    QN_CHECK_MEM(forest->branches, err);
    QN_CHECK_MEM(forest->roots, err);
    QN_CHECK_MEM(forest->first_vote, err);
    QN_CHECK_MEM(forest->votes, err);
    return QN_OK;
}

/* ---- Versions 1 and 3: nodes by tree and node id -------------------------------------------------------------- */

/* The nodes of one tree: order[begin .. end), by rising node id. */
struct group {
    int64_t tree;
    uint32_t begin, end;
    bool dense; /* the ids have no gaps */
};

struct builder {
    struct qn_forest *forest;
    const struct qn_tree_nodes *a;
    size_t n;
    uint32_t *order; /* all nodes, by tree and node id */
    uint8_t *modes;  /* of each node */
    struct group *groups;
    int32_t n_groups;
    int32_t *refs;    /* each node as a child: branch number, or ~ leaf number */
    uint32_t *origin; /* of each branch: its node */
    uint8_t *has_parent;
    struct qn_arena *arena, *scratch;
    struct qn_err *err;
};

static enum qn_status check_node_sizes(const struct builder *b)
{
    const struct qn_tree_nodes *a = b->a;
    size_t n = b->n, n_votes = a->vote_targets.n;

    QN_CHECK(n < MAX_NODES, b->err, LIMIT, "%zu nodes are too many", n);
    QN_CHECK(n_votes < SIZE_MAX / 64, b->err, LIMIT, "%zu weights are too many", n_votes);
    QN_TRY(check_size("nodes_treeids", a->tree_ids.n, n, b->err));
    QN_TRY(check_size("nodes_featureids", a->feature_ids.n, n, b->err));
    QN_TRY(check_size("nodes_modes", a->modes.n, n, b->err));
    QN_TRY(check_size("nodes_truenodeids", a->true_ids.n, n, b->err));
    QN_TRY(check_size("nodes_falsenodeids", a->false_ids.n, n, b->err));
    QN_TRY(check_size("nodes_values", (size_t)qn_tensor_count(&a->values), n, b->err));
    QN_TRY(check_numbers(&a->values, "nodes_values", b->err));
    if (a->missing_true.n)
        QN_TRY(check_size("nodes_missing_value_tracks_true", a->missing_true.n, n, b->err));
    QN_TRY(check_size("the list of trees that have weights", a->vote_tree_ids.n, n_votes, b->err));
    QN_TRY(check_size("the list of nodes that have weights", a->vote_node_ids.n, n_votes, b->err));
    QN_TRY(check_numbers(&a->vote_weights, "weights", b->err));
    return check_size("the list of weights", (size_t)qn_tensor_count(&a->vote_weights), n_votes, b->err);
}

static enum qn_status read_modes(struct builder *b)
{
    static const char *const names[] = {
        [LEQ] = "BRANCH_LEQ", [LT] = "BRANCH_LT",   [GTE] = "BRANCH_GTE", [GT] = "BRANCH_GT",
        [EQ] = "BRANCH_EQ",   [NEQ] = "BRANCH_NEQ", [MEMBER] = "",        [LEAF] = "LEAF"};

    b->modes = qn_arena_alloc(b->scratch, b->n);
    QN_CHECK_MEM(b->modes, b->err);
    for (size_t i = 0; i < b->n; i++) {
        struct qn_str text = b->a->modes.v[i];
        int mode = 0;

        while (mode <= LEAF && (strlen(names[mode]) != text.n || memcmp(names[mode], text.data, text.n) != 0))
            mode++;
        QN_CHECK(mode <= LEAF && mode != MEMBER, b->err, FORMAT, "tree %lld: node %lld has the unknown mode '%.*s'",
                 (long long)b->a->tree_ids.v[i], (long long)b->a->node_ids.v[i], (int)(text.n < 40 ? text.n : 40),
                 text.data);
        b->modes[i] = (uint8_t)mode;
        b->forest->n_branches += mode != LEAF;
        b->forest->n_leaves += mode == LEAF;
    }
    return QN_OK;
}

/* Sorts `order` by 16 bits of keys, stably; nothing to do when they are all the same. */
static void sort_by_digit(const int64_t *keys, int shift, size_t n, uint32_t **order, uint32_t **spare,
                          uint32_t *counts)
{
    uint32_t sum = 0, *sorted = *spare;

    memset(counts, 0, 65536 * sizeof(*counts));
    for (size_t i = 0; i < n; i++)
        counts[(uint64_t)keys[i] >> shift & 65535]++;
    if (counts[(uint64_t)keys[0] >> shift & 65535] == n)
        return;
    for (size_t digit = 0; digit < 65536; digit++) {
        uint32_t count = counts[digit];

        counts[digit] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        sorted[counts[(uint64_t)keys[(*order)[i]] >> shift & 65535]++] = (*order)[i];
    *spare = *order;
    *order = sorted;
}

/* By tree, then node, as unsigned numbers: enough for finding. */
static bool comes_before(const struct qn_tree_nodes *a, size_t i, size_t k)
{
    if (a->tree_ids.v[i] != a->tree_ids.v[k])
        return (uint64_t)a->tree_ids.v[i] < (uint64_t)a->tree_ids.v[k];
    return (uint64_t)a->node_ids.v[i] < (uint64_t)a->node_ids.v[k];
}

static enum qn_status order_nodes(struct builder *b)
{
    uint32_t *counts, *spare;
    bool sorted = true;

    b->order = qn_arena_array(b->scratch, b->n, sizeof(*b->order));
    QN_CHECK_MEM(b->order, b->err);
    for (size_t i = 0; i < b->n; i++) {
        b->order[i] = (uint32_t)i;
        sorted = sorted && (i == 0 || comes_before(b->a, i - 1, i));
    }
    if (sorted)
        return QN_OK;
    spare = qn_arena_array(b->scratch, b->n, sizeof(*spare));
    counts = qn_arena_array(b->scratch, 65536, sizeof(*counts));
    QN_CHECK_MEM(spare, b->err);
    QN_CHECK_MEM(counts, b->err);
    for (int shift = 0; shift < 64; shift += 16)
        sort_by_digit(b->a->node_ids.v, shift, b->n, &b->order, &spare, counts);
    for (int shift = 0; shift < 64; shift += 16)
        sort_by_digit(b->a->tree_ids.v, shift, b->n, &b->order, &spare, counts);
    return QN_OK;
}

static enum qn_status make_groups(struct builder *b)
{
    const int64_t *trees = b->a->tree_ids.v, *nodes = b->a->node_ids.v;
    size_t n_groups = 0;

    for (size_t i = 0; i < b->n; i++)
        n_groups += i == 0 || trees[b->order[i]] != trees[b->order[i - 1]];
    b->groups = qn_arena_array(b->scratch, n_groups, sizeof(*b->groups));
    QN_CHECK_MEM(b->groups, b->err);
    for (size_t i = 0; i < b->n; i++) {
        struct group *group = &b->groups[b->n_groups - 1];
        uint32_t at = b->order[i];

        if (i == 0 || trees[at] != group->tree) {
            group = &b->groups[b->n_groups++];
            *group = (struct group){trees[at], (uint32_t)i, (uint32_t)i, true};
        } else {
            QN_CHECK(nodes[at] != nodes[b->order[i - 1]], b->err, FORMAT, "tree %lld: node %lld is given twice",
                     (long long)trees[at], (long long)nodes[at]);
        }
        group->dense = (uint64_t)nodes[at] - (uint64_t)nodes[b->order[group->begin]] == i - group->begin;
        group->end = (uint32_t)i + 1;
    }
    return QN_OK;
}

/* The place in the attributes of a node of the group; -1 when there is none. */
static int64_t find_node(const struct builder *b, const struct group *group, int64_t id)
{
    const int64_t *ids = b->a->node_ids.v;
    uint32_t low = group->begin, high = group->end;

    if (group->dense) {
        uint64_t at = (uint64_t)id - (uint64_t)ids[b->order[low]];

        return at < high - low ? (int64_t)b->order[low + at] : -1;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if ((uint64_t)ids[b->order[middle]] <= (uint64_t)id)
            low = middle;
        else
            high = middle;
    }
    return ids[b->order[low]] == id ? (int64_t)b->order[low] : -1;
}

/* Near the one found last, as weights come in the order of the trees. */
static int32_t find_group(const struct builder *b, int64_t tree, int32_t last)
{
    int32_t low = 0, high = b->n_groups;

    if (b->groups[last].tree == tree)
        return last;
    if (last + 1 < b->n_groups && b->groups[last + 1].tree == tree)
        return last + 1;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;

        if ((uint64_t)b->groups[middle].tree <= (uint64_t)tree)
            low = middle;
        else
            high = middle;
    }
    return b->groups[low].tree == tree ? low : NO_GROUP;
}

/* Trees are summed in the order in which their first nodes are listed. */
static enum qn_status order_trees(struct builder *b, int32_t **trees)
{
    int32_t *starts = qn_arena_array(b->scratch, b->n, sizeof(*starts)), n = 0; /* at a node: 1 + the tree it begins */

    *trees = qn_arena_array(b->scratch, (size_t)b->n_groups, sizeof(**trees));
    QN_CHECK_MEM(starts, b->err);
    QN_CHECK_MEM(*trees, b->err);
    for (int32_t g = 0; g < b->n_groups; g++) {
        uint32_t first = b->order[b->groups[g].begin];

        for (uint32_t i = b->groups[g].begin; i < b->groups[g].end; i++)
            first = b->order[i] < first ? b->order[i] : first;
        starts[first] = g + 1;
    }
    for (size_t i = 0; i < b->n; i++)
        if (starts[i])
            (*trees)[n++] = starts[i] - 1;
    return QN_OK;
}

/* Numbers branches and leaves, tree after tree. */
static enum qn_status number_nodes(struct builder *b, const int32_t *trees)
{
    int32_t n_branches = 0, n_leaves = 0;

    b->refs = qn_arena_array(b->scratch, b->n, sizeof(*b->refs));
    b->origin = qn_arena_array(b->scratch, (size_t)b->forest->n_branches, sizeof(*b->origin));
    b->has_parent = qn_arena_alloc(b->scratch, b->n);
    QN_CHECK_MEM(b->refs, b->err);
    QN_CHECK_MEM(b->origin, b->err);
    QN_CHECK_MEM(b->has_parent, b->err);
    for (int32_t t = 0; t < b->n_groups; t++) {
        const struct group *group = &b->groups[trees[t]];

        for (uint32_t i = group->begin; i < group->end; i++) {
            uint32_t at = b->order[i];

            if (b->modes[at] == LEAF) {
                b->refs[at] = ~n_leaves++;
            } else {
                b->origin[n_branches] = at;
                b->refs[at] = n_branches++;
            }
        }
    }
    return QN_OK;
}

static enum qn_status link_child(struct builder *b, const struct group *group, uint32_t at, int64_t id, int32_t *child)
{
    int64_t found = find_node(b, group, id);

    QN_CHECK(found >= 0, b->err, FORMAT, "tree %lld: node %lld leads to node %lld, which does not exist",
             (long long)group->tree, (long long)b->a->node_ids.v[at], (long long)id);
    b->forest->shared = b->forest->shared || (b->has_parent[found] && b->refs[found] >= 0);
    b->has_parent[found] = 1;
    *child = b->refs[found];
    return QN_OK;
}

static enum qn_status make_branch(struct builder *b, const struct group *group, uint32_t at)
{
    const struct qn_tree_nodes *a = b->a;
    struct qn_tree_branch *branch = &b->forest->branches[b->refs[at]];
    int64_t feature = a->feature_ids.v[at];

    QN_CHECK(feature >= 0 && feature <= MAX_FEATURE, b->err, FORMAT, "tree %lld: node %lld reads feature %lld",
             (long long)group->tree, (long long)a->node_ids.v[at], (long long)feature);
    set_condition(branch, b->modes[at], number_at(&a->values, at), a->missing_true.n && a->missing_true.v[at] == 1);
    branch->feature = (uint32_t)feature;
    b->forest->width = feature >= b->forest->width ? feature + 1 : b->forest->width;
    QN_TRY(link_child(b, group, at, a->false_ids.v[at], &branch->child[0]));
    return link_child(b, group, at, a->true_ids.v[at], &branch->child[1]);
}

static enum qn_status make_tree(struct builder *b, const struct group *group, int32_t *root)
{
    int64_t found = -1;

    for (uint32_t i = group->begin; i < group->end; i++)
        if (b->modes[b->order[i]] != LEAF)
            QN_TRY(make_branch(b, group, b->order[i]));
    for (uint32_t i = group->begin; i < group->end; i++) {
        if (b->has_parent[b->order[i]])
            continue;
        QN_CHECK(found < 0, b->err, FORMAT, "tree %lld: no branch leads to node %lld nor to node %lld",
                 (long long)group->tree, (long long)b->a->node_ids.v[found], (long long)b->a->node_ids.v[b->order[i]]);
        found = b->order[i];
    }
    QN_CHECK(found >= 0, b->err, FORMAT, "tree %lld: it has no root, its branches go in a circle",
             (long long)group->tree);
    *root = b->refs[found];
    return QN_OK;
}

static enum qn_status check_reached(struct builder *b)
{
    size_t n = (size_t)b->forest->n_branches;
    uint8_t *marks = qn_arena_alloc(b->scratch, n + 1);
    int32_t *stack = qn_arena_array(b->scratch, 2 * n + 1, sizeof(*stack));
    int64_t bad;

    QN_CHECK_MEM(marks, b->err);
    QN_CHECK_MEM(stack, b->err);
    bad = find_unreached(b->forest, marks, stack);
    QN_CHECK(bad < 0, b->err, FORMAT,
             marks[bad] == OPEN ? "tree %lld: branches go in a circle at node %lld"
                                : "tree %lld: node %lld is not reached from the root",
             (long long)b->a->tree_ids.v[b->origin[bad]], (long long)b->a->node_ids.v[b->origin[bad]]);
    return QN_OK;
}

/* The leaf that vote i is of; -1 for a weight at a branch, which no row ends in. */
static enum qn_status find_leaf(const struct builder *b, size_t i, int32_t *group, int64_t *leaf)
{
    int64_t tree = b->a->vote_tree_ids.v[i], node = b->a->vote_node_ids.v[i], target = b->a->vote_targets.v[i];
    int32_t found = b->n_groups ? find_group(b, tree, *group) : NO_GROUP;
    int64_t at = found == NO_GROUP ? -1 : find_node(b, &b->groups[found], node);

    QN_CHECK(at >= 0, b->err, FORMAT, "tree %lld: node %lld has a weight but does not exist", (long long)tree,
             (long long)node);
    QN_CHECK(target >= 0 && target < b->forest->n_targets, b->err, FORMAT,
             "tree %lld: node %lld has a weight for target %lld of %lld", (long long)tree, (long long)node,
             (long long)target, (long long)b->forest->n_targets);
    *group = found;
    *leaf = b->refs[at] < 0 ? ~b->refs[at] : -1;
    return QN_OK;
}

/* Counts, then fills; votes of one leaf keep their order. */
static enum qn_status make_votes(struct builder *b)
{
    size_t *first = b->forest->first_vote, sum = 0;
    int32_t group = 0;
    int64_t leaf = -1;

    for (size_t i = 0; i < b->a->vote_targets.n; i++) {
        QN_TRY(find_leaf(b, i, &group, &leaf));
        if (leaf >= 0)
            first[leaf]++;
    }
    for (int64_t k = 0; k <= b->forest->n_leaves; k++) {
        size_t count = first[k];

        first[k] = sum;
        sum += count;
    }
    for (size_t i = 0; i < b->a->vote_targets.n; i++) {
        QN_TRY(find_leaf(b, i, &group, &leaf));
        if (leaf >= 0)
            b->forest->votes[first[leaf]++] =
                (struct qn_tree_vote){number_at(&b->a->vote_weights, i), b->a->vote_targets.v[i]};
    }
    memmove(first + 1, first, (size_t)b->forest->n_leaves * sizeof(*first));
    first[0] = 0;
    return QN_OK;
}

static enum qn_status build_nodes(struct builder *b)
{
    int32_t *trees;

    QN_TRY(check_node_sizes(b));
    QN_TRY(read_modes(b));
    QN_TRY(order_nodes(b));
    QN_TRY(make_groups(b));
    QN_TRY(order_trees(b, &trees));
    QN_TRY(number_nodes(b, trees));
    b->forest->n_trees = b->n_groups;
    QN_TRY(alloc_forest(b->forest, b->a->vote_targets.n, b->arena, b->err));
    for (int32_t t = 0; t < b->n_groups; t++)
        QN_TRY(make_tree(b, &b->groups[trees[t]], &b->forest->roots[t]));
    QN_TRY(check_reached(b));
    return make_votes(b);
}

static struct qn_forest empty_forest(int64_t n_targets) { return (struct qn_forest){.n_targets = n_targets}; }

enum qn_status qn_forest_of_nodes(struct qn_forest *forest, const struct qn_tree_nodes *nodes, struct qn_arena *arena,
                                  struct qn_err *err)
{
    struct qn_arena scratch;
    struct builder b = {
        .forest = forest, .a = nodes, .n = nodes->node_ids.n, .arena = arena, .scratch = &scratch, .err = err};
    enum qn_status status;

    *forest = empty_forest(forest->n_targets);
    qn_arena_init(&scratch, arena->budget);
    status = build_nodes(&b);
    qn_arena_deinit(&scratch);
    return status;
}

/* ---- Version 5: branches and leaves by place ------------------------------------------------------------------ */

static enum qn_status check_split_sizes(const struct qn_tree_splits *a, size_t n, struct qn_err *err)
{
    QN_CHECK(n < MAX_NODES && a->leaf_targets.n < MAX_NODES, err, LIMIT, "%zu nodes and %zu leaves are too many", n,
             a->leaf_targets.n);
    QN_CHECK(a->modes->dtype == QN_UINT8, err, FORMAT, "nodes_modes must be uint8, not %s",
             qn_dtype_name(a->modes->dtype));
    QN_TRY(check_size("nodes_modes", (size_t)qn_tensor_count(a->modes), n, err));
    QN_TRY(check_size("nodes_splits", (size_t)qn_tensor_count(a->splits), n, err));
    QN_TRY(check_numbers(a->splits, "nodes_splits", err));
    QN_TRY(check_size("nodes_truenodeids", a->true_ids.n, n, err));
    QN_TRY(check_size("nodes_falsenodeids", a->false_ids.n, n, err));
    QN_TRY(check_size("nodes_trueleafs", a->true_leafs.n, n, err));
    QN_TRY(check_size("nodes_falseleafs", a->false_leafs.n, n, err));
    if (a->missing_true.n)
        QN_TRY(check_size("nodes_missing_value_tracks_true", a->missing_true.n, n, err));
    QN_TRY(check_numbers(a->leaf_weights, "leaf_weights", err));
    return check_size("leaf_weights", (size_t)qn_tensor_count(a->leaf_weights), a->leaf_targets.n, err);
}

/* Sets are lists of values with a NaN after each; the last NaN may be missing. */
static enum qn_status make_sets(struct qn_forest *forest, const struct qn_tensor *members, size_t n_sets,
                                struct qn_arena *arena, struct qn_err *err)
{
    size_t n = members ? (size_t)qn_tensor_count(members) : 0, set = 0, at = 0;

    if (members)
        QN_TRY(check_numbers(members, "membership_values", err));
    forest->members = qn_arena_array(arena, n, sizeof(*forest->members));
    forest->first_member = qn_arena_array(arena, n_sets + 1, sizeof(*forest->first_member));
    QN_CHECK_MEM(forest->members, err);
    QN_CHECK_MEM(forest->first_member, err);
    for (size_t i = 0; i < n; i++) {
        double x = number_at(members, i);

        QN_CHECK(set < n_sets, err, FORMAT, "membership_values has more sets than the %zu nodes that ask for one",
                 n_sets);
        if (isnan(x))
            forest->first_member[++set] = at;
        else
            forest->members[at++] = x;
    }
    if (set < n_sets && at > forest->first_member[set])
        forest->first_member[++set] = at;
    QN_CHECK(set == n_sets, err, FORMAT, "membership_values has %zu sets for %zu nodes", set, n_sets);
    return QN_OK;
}

static enum qn_status link_split(const struct qn_forest *forest, size_t i, int64_t to, bool to_leaf,
                                 uint8_t *has_parent, int32_t *child, struct qn_err *err)
{
    QN_CHECK(to >= 0 && to < (to_leaf ? forest->n_leaves : forest->n_branches), err, FORMAT,
             "node %zu leads to %s %lld, which does not exist", i, to_leaf ? "leaf" : "node", (long long)to);
    if (!to_leaf) {
        QN_CHECK(!has_parent[to], err, FORMAT, "two branches lead to node %lld", (long long)to);
        has_parent[to] = 1;
    }
    *child = to_leaf ? ~(int32_t)to : (int32_t)to;
    return QN_OK;
}

static enum qn_status make_splits(struct qn_forest *forest, const struct qn_tree_splits *a, uint8_t *has_parent,
                                  struct qn_err *err)
{
    uint32_t n_sets = 0;

    for (size_t i = 0; i < (size_t)forest->n_branches; i++) {
        struct qn_tree_branch *branch = &forest->branches[i];
        int64_t feature = a->feature_ids.v[i];
        uint8_t mode = ((const uint8_t *)a->modes->data)[i];

        QN_CHECK(mode <= MEMBER, err, FORMAT, "node %zu has the unknown mode %d", i, mode);
        QN_CHECK(feature >= 0 && feature <= MAX_FEATURE, err, FORMAT, "node %zu reads feature %lld", i,
                 (long long)feature);
        set_condition(branch, mode, number_at(a->splits, i), a->missing_true.n && a->missing_true.v[i] == 1);
        branch->feature = (uint32_t)feature;
        branch->set = mode == MEMBER ? n_sets++ : 0;
        forest->width = feature >= forest->width ? feature + 1 : forest->width;
        QN_TRY(link_split(forest, i, a->false_ids.v[i], a->false_leafs.v[i] != 0, has_parent, &branch->child[0], err));
        QN_TRY(link_split(forest, i, a->true_ids.v[i], a->true_leafs.v[i] != 0, has_parent, &branch->child[1], err));
    }
    return QN_OK;
}

static enum qn_status make_roots(struct qn_forest *forest, const struct qn_ints *roots, uint8_t *has_parent,
                                 struct qn_err *err)
{
    for (size_t t = 0; t < roots->n; t++) {
        int64_t root = roots->v[t];

        QN_CHECK(root >= 0 && root < forest->n_branches, err, FORMAT, "tree %zu begins at node %lld of %lld", t,
                 (long long)root, (long long)forest->n_branches);
        QN_CHECK(!has_parent[root], err, FORMAT,
                 "tree %zu begins at node %lld, which belongs to another tree or branch", t, (long long)root);
        has_parent[root] = 1;
        forest->roots[t] = (int32_t)root;
    }
    return QN_OK;
}

static enum qn_status make_leaves(struct qn_forest *forest, const struct qn_tree_splits *a, struct qn_err *err)
{
    for (int64_t i = 0; i < forest->n_leaves; i++) {
        int64_t target = a->leaf_targets.v[i];

        QN_CHECK(target >= 0 && target < forest->n_targets, err, FORMAT, "leaf %lld is for target %lld of %lld",
                 (long long)i, (long long)target, (long long)forest->n_targets);
        forest->first_vote[i + 1] = (size_t)i + 1;
        forest->votes[i] = (struct qn_tree_vote){number_at(a->leaf_weights, (size_t)i), target};
    }
    return QN_OK;
}

static enum qn_status build_splits(struct qn_forest *forest, const struct qn_tree_splits *a, struct qn_arena *arena,
                                   struct qn_arena *scratch, struct qn_err *err)
{
    size_t n = a->feature_ids.n, n_sets = 0;
    uint8_t *marks = qn_arena_alloc(scratch, n + 1);
    int32_t *stack = qn_arena_array(scratch, 2 * n + 1, sizeof(*stack));
    int64_t unreached;

    QN_CHECK_MEM(marks, err);
    QN_CHECK_MEM(stack, err);
    QN_TRY(check_split_sizes(a, n, err));
    for (size_t i = 0; i < n; i++)
        n_sets += ((const uint8_t *)a->modes->data)[i] == MEMBER;
    forest->n_branches = (int64_t)n;
    forest->n_leaves = (int64_t)a->leaf_targets.n;
    forest->n_trees = (int64_t)a->roots.n;
    QN_TRY(alloc_forest(forest, a->leaf_targets.n, arena, err));
    QN_TRY(make_sets(forest, a->members, n_sets, arena, err));
    QN_TRY(make_splits(forest, a, marks, err));
    QN_TRY(make_roots(forest, &a->roots, marks, err));
    QN_TRY(make_leaves(forest, a, err));
    memset(marks, 0, n + 1);
    unreached = find_unreached(forest, marks, stack);
    QN_CHECK(unreached < 0, err, FORMAT, "node %lld is not reached from the root of a tree", (long long)unreached);
    return QN_OK;
}

enum qn_status qn_forest_of_splits(struct qn_forest *forest, const struct qn_tree_splits *splits,
                                   struct qn_arena *arena, struct qn_err *err)
{
    struct qn_arena scratch;
    enum qn_status status;

    *forest = empty_forest(forest->n_targets);
    qn_arena_init(&scratch, arena->budget);
    status = build_splits(forest, splits, arena, &scratch, err);
    qn_arena_deinit(&scratch);
    return status;
}

/* ---- The plain walk ------------------------------------------------------------------------------------------- */

static bool is_member(const struct qn_forest *forest, uint32_t set, double x)
{
    for (size_t i = forest->first_member[set]; i < forest->first_member[set + 1]; i++)
        if (forest->members[i] == x)
            return true;
    return false;
}

static bool takes_true_side(const struct qn_forest *forest, const struct qn_tree_branch *branch, double x)
{
    double t = branch->threshold;
    int is = x < t ? QN_TREE_BELOW : x == t ? QN_TREE_EQUAL : x > t ? QN_TREE_ABOVE : QN_TREE_NAN;

    if ((branch->when & QN_TREE_MEMBER) && !isnan(x))
        return is_member(forest, branch->set, x);
    return (branch->when & is) != 0;
}

int64_t qn_forest_leaf(const struct qn_forest *forest, int64_t tree, const double *x)
{
    int32_t at = forest->roots[tree];

    while (at >= 0) {
        const struct qn_tree_branch *branch = &forest->branches[at];

        at = branch->child[takes_true_side(forest, branch, x[branch->feature])];
    }
    return ~at;
}
