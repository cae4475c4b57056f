/* tree_pack.c: lays a forest out for walking: the nodes of a tree in breadth, the two that follow a branch side by
 * side. What the nodes mean, and how every comparison becomes one, stands in trees.h. */
#include <math.h>

#include "base/checked.h"
#include "ops/trees.h"

/* ---- Comparisons of small nodes ------------------------------------------------------------------------------- */

/* A condition as x <= threshold. */
struct small_form {
    float threshold;
    bool flipped;    /* the second side is then the false one */
    bool nan_second; /* NaN goes to the second side */
};

/* The greatest float that is not above x; for floats it is then the same to be <= either. */
static float not_above(double x)
{
    float f = (float)x;

    return (double)f > x ? nextafterf(f, -INFINITY) : f;
}

/* The greatest float below x; NaN, which nothing is <= to, when there is none. */
static float below(double x)
{
    float f = not_above(x);

    if ((double)f < x)
        return f;
    return f == -INFINITY ? NAN : nextafterf(f, -INFINITY);
}

static bool small_form(const struct qn_tree_branch *branch, struct small_form *form)
{
    switch (branch->when & (QN_TREE_BELOW | QN_TREE_EQUAL | QN_TREE_ABOVE | QN_TREE_MEMBER)) {
    case 0:
        *form = (struct small_form){.threshold = NAN};
        break;
    case QN_TREE_BELOW | QN_TREE_EQUAL | QN_TREE_ABOVE:
        *form = (struct small_form){.threshold = NAN, .flipped = true};
        break;
    case QN_TREE_BELOW | QN_TREE_EQUAL:
        *form = (struct small_form){.threshold = not_above(branch->threshold)};
        break;
    case QN_TREE_ABOVE:
        *form = (struct small_form){.threshold = not_above(branch->threshold), .flipped = true};
        break;
    case QN_TREE_BELOW:
        *form = (struct small_form){.threshold = below(branch->threshold)};
        break;
    case QN_TREE_ABOVE | QN_TREE_EQUAL:
        *form = (struct small_form){.threshold = below(branch->threshold), .flipped = true};
        break;
    default:
        return false;
    }
    form->nan_second = form->flipped != ((branch->when & QN_TREE_NAN) != 0);
    return !form->nan_second || !isnan(form->threshold);
}

static bool wants_copy(const struct qn_forest *forest)
{
    struct small_form form;

    for (int64_t b = 0; b < forest->n_branches; b++)
        if (small_form(&forest->branches[b], &form) && form.nan_second)
            return true;
    return false;
}

bool qn_tree_fits_small(const struct qn_forest *forest)
{
    struct small_form form;

    for (int64_t b = 0; b < forest->n_branches; b++)
        if (!small_form(&forest->branches[b], &form))
            return false;
    return !forest->shared && forest->width < 32768 && forest->largest < 32768;
}

bool qn_tree_fits_wide(const struct qn_forest *forest)
{
    for (int64_t b = 0; b < forest->n_branches; b++)
        if (forest->branches[b].when & QN_TREE_MEMBER)
            return false;
    return !forest->shared;
}

/* ---- Layout --------------------------------------------------------------------------------------------------- */

struct packer {
    const struct qn_forest *forest;
    struct qn_tree_pack *pack;
    struct qn_tree_small *small;
    struct qn_tree_wide *wide;
    uint32_t *roots, *depths;
    uint32_t n; /* nodes so far */
    struct qn_err *err;
};

/* While a tree grows, a node whose turn has not come holds what it will be. */
static void put_ref(struct packer *p, uint32_t at, int32_t ref)
{
    if (p->wide)
        p->wide[at].leaf = (uint32_t)ref;
    else
        p->small[at].leaf = (uint32_t)ref;
}

static int32_t get_ref(const struct packer *p, uint32_t at)
{
    return p->wide ? (int32_t)(uint32_t)p->wide[at].leaf : (int32_t)p->small[at].leaf;
}

static void put_leaf(struct packer *p, uint32_t at, uint32_t leaf)
{
    if (p->wide)
        p->wide[at] = (struct qn_tree_wide){.leaf = leaf};
    else
        p->small[at] = (struct qn_tree_small){.leaf = leaf, .feature = (uint16_t)p->forest->width};
}

static void put_branch(struct packer *p, uint32_t at, const struct qn_tree_branch *branch)
{
    uint32_t step = p->n - at;
    bool flipped = false;

    if (p->wide) {
        p->wide[at].threshold = branch->threshold;
        p->wide[at].feature = branch->feature & 0xFFFFFFF;
        p->wide[at].when = branch->when & 15;
        p->wide[at].step = step;
    } else {
        struct small_form form;
        int64_t copy;

        small_form(branch, &form);
        copy = form.nan_second ? p->forest->width + 1 : 0;
        p->small[at] = (struct qn_tree_small){
            .threshold = form.threshold, .feature = (uint16_t)(copy + branch->feature), .step = (uint16_t)step};
        flipped = form.flipped;
    }
    put_ref(p, p->n, branch->child[flipped]);
    put_ref(p, p->n + 1, branch->child[!flipped]);
    p->n += 2;
}

/* Level after level. */
static enum qn_status pack_tree(struct packer *p, int64_t tree)
{
    uint32_t begin = p->n, level_end = begin + 1;

    p->roots[tree] = begin;
    put_ref(p, p->n++, p->forest->roots[tree]);
    for (uint32_t at = begin; at < p->n; at++) {
        int32_t ref = get_ref(p, at);

        if (at == level_end) {
            p->depths[tree]++;
            level_end = p->n;
        }
        if (ref < 0) {
            put_leaf(p, at, (uint32_t)~ref);
            continue;
        }
        QN_CHECK(p->wide || p->n - at <= UINT16_MAX, p->err, INTERNAL, "a tree is too large for small nodes");
        put_branch(p, at, &p->forest->branches[ref]);
    }
    return QN_OK;
}

/* ---- Direct leaves -------------------------------------------------------------------------------------------- */

static bool is_leaf(const struct packer *p, uint32_t at)
{
    return p->wide ? p->wide[at].step == 0 : p->small[at].step == 0;
}

/* The target that all leaves of nodes [begin, end) vote for, each once; -1 when it is not so. */
static int64_t only_target(const struct packer *p, uint32_t begin, uint32_t end)
{
    const struct qn_forest *forest = p->forest;
    int64_t target = -1;

    for (uint32_t at = begin; at < end; at++) {
        size_t leaf, vote;

        if (!is_leaf(p, at))
            continue;
        leaf = qn_tree_leaf(p->pack, at);
        vote = forest->first_vote[leaf];
        if (forest->first_vote[leaf + 1] - vote != 1 || (target >= 0 && forest->votes[vote].target != target))
            return -1;
        target = forest->votes[vote].target;
    }
    return target;
}

static void put_values(struct packer *p)
{
    for (uint32_t at = 0; at < p->n; at++) {
        double value;

        if (!is_leaf(p, at))
            continue;
        value = p->forest->votes[p->forest->first_vote[qn_tree_leaf(p->pack, at)]].weight;
        if (p->wide)
            p->wide[at].value = value;
        else
            p->small[at].value = (float)value;
    }
}

/* Puts the votes themselves into the leaves, when they are that simple. */
static enum qn_status make_direct(struct packer *p, struct qn_arena *arena)
{
    int64_t n = p->forest->n_trees;
    int32_t *targets = qn_arena_array(arena, (size_t)n, sizeof(*targets));
    bool same = true;

    QN_CHECK_MEM(targets, p->err);
    for (int64_t t = 0; t < n; t++) {
        int64_t target = only_target(p, p->roots[t], t + 1 < n ? p->roots[t + 1] : p->n);

        if (target < 0 || target > INT32_MAX)
            return QN_OK;
        targets[t] = (int32_t)target;
        same = same && targets[t] == targets[0];
    }
    put_values(p);
    p->pack->direct = true;
    p->pack->target = n ? targets[0] : 0;
    p->pack->targets = same ? NULL : targets;
    return QN_OK;
}

/* ---- Order ---------------------------------------------------------------------------------------------------- */

/* Trees of a window by depth, so that those walked together have about as many steps. */
static void order_window(const uint32_t *depths, uint8_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i;

        for (; at > 0 && depths[order[at - 1]] > depths[i]; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
}

static enum qn_status order_trees(struct packer *p, struct qn_arena *arena)
{
    int64_t n = p->forest->n_trees;
    uint8_t *order = qn_arena_alloc(arena, (size_t)n);

    QN_CHECK_MEM(order, p->err);
    for (int64_t t = 0; t < n; t += QN_TREE_WINDOW) {
        int64_t n_trees = n - t < QN_TREE_WINDOW ? n - t : QN_TREE_WINDOW;

        order_window(p->depths + t, order + t, n_trees);
        for (int64_t i = 0; i < n_trees; i += QN_TREE_LANES) {
            int64_t last = i + QN_TREE_LANES < n_trees ? i + QN_TREE_LANES : n_trees;

            p->pack->visits += (double)p->depths[t + order[t + last - 1]] * QN_TREE_LANES;
        }
    }
    p->pack->order = order;
    return QN_OK;
}

static enum qn_status alloc_nodes(struct packer *p, bool wide, struct qn_arena *arena)
{
    size_t n = (size_t)p->forest->n_trees + 2 * (size_t)p->forest->n_branches;

    QN_CHECK(n < UINT32_MAX, p->err, LIMIT, "%zu nodes are too many", n);
    if (wide)
        p->pack->wide = p->wide = qn_arena_array(arena, n + 1, sizeof(*p->wide));
    else
        p->pack->small = p->small = qn_arena_array(arena, n + 1, sizeof(*p->small));
    p->pack->roots = p->roots = qn_arena_array(arena, (size_t)p->forest->n_trees, sizeof(*p->roots));
    p->pack->depths = p->depths = qn_arena_array(arena, (size_t)p->forest->n_trees, sizeof(*p->depths));
    QN_CHECK(p->wide || p->small, p->err, NOMEM, "out of memory for %zu nodes", n);
    QN_CHECK_MEM(p->roots, p->err);
    QN_CHECK_MEM(p->depths, p->err);
    return QN_OK;
}

enum qn_status qn_tree_pack_make(const struct qn_forest *forest, bool wide, bool direct, struct qn_arena *arena,
                                 const struct qn_tree_pack **result, struct qn_err *err)
{
    struct qn_tree_pack *pack = qn_arena_alloc(arena, sizeof(*pack));
    struct packer p = {.forest = forest, .pack = pack, .err = err};

    *result = NULL;
    QN_CHECK_MEM(pack, err);
    *pack = (struct qn_tree_pack){.forest = forest, .width = forest->width};
    pack->slots =
        wide ? (forest->width ? forest->width : 1) : forest->width + 1 + (wants_copy(forest) ? forest->width : 0);
    QN_TRY(alloc_nodes(&p, wide, arena));
    for (int64_t t = 0; t < forest->n_trees; t++)
        QN_TRY(pack_tree(&p, t));
    if (direct)
        QN_TRY(make_direct(&p, arena));
    QN_TRY(order_trees(&p, arena));
    *result = pack;
    return QN_OK;
}
