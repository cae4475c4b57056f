/* test_trees.c: random forests built from attributes in any order, and walked in every form: each must reach the leaf
 * that a search through the attributes reaches. Forests of more than one window, deep chains, missing values, single
 * rows and blocks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/trees.h"

enum { MAX_NODES = 40000, MAX_FEATURES = 9 };

enum { LEQ, LT, GTE, GT, EQ, NEQ, LEAF };
static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                    "BRANCH_EQ",  "BRANCH_NEQ", "LEAF"};

/* The nodes as they are listed, and the same as attributes. */
static struct {
    size_t n, n_trees, n_features;
    struct entry {
        int64_t tree, node, feature, on_true, on_false, missing;
        int mode;
        double value;
    } v[MAX_NODES];
} a;

static struct {
    int64_t tree[MAX_NODES], node[MAX_NODES], feature[MAX_NODES], on_true[MAX_NODES], on_false[MAX_NODES];
    int64_t missing[MAX_NODES], targets[MAX_NODES];
    struct qn_str mode[MAX_NODES];
    double value[MAX_NODES], weight[MAX_NODES];
} attrs;

static uint32_t state = 2463534242u;

static size_t pick(size_t n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

static double number(void)
{
    static const double odd[] = {0, -0.0, 1e-40, INFINITY, -INFINITY, 1e300, -1e300};

    return pick(20) == 0 ? odd[pick(7)] : ((double)pick(13) - 6) / 3;
}

static bool is_leaf(size_t i) { return a.v[i].mode == LEAF; }

static void add_leaf(int64_t tree, int64_t node)
{
    a.v[a.n++] = (struct entry){.tree = tree,
                                .node = node,
                                .feature = -1,
                                .on_true = 77777777,
                                .on_false = 77777777,
                                .mode = LEAF,
                                .value = (double)NAN};
}

/* Turns leaves into branches until there are enough; a chain always takes the newest. */
static void grow_tree(int64_t tree, size_t n_branches, size_t n_modes, bool chain)
{
    size_t begin = a.n, last = a.n;
    int64_t id = (int64_t)pick(1000) - 500, step = 1 + (int64_t)pick(2) * 3;

    add_leaf(tree, id);
    for (size_t b = 0; b < n_branches && a.n + 2 <= MAX_NODES; b++) {
        size_t at = chain ? last : begin + pick(a.n - begin);

        while (!is_leaf(at))
            at = begin + pick(a.n - begin);
        last = a.n + pick(2);
        add_leaf(tree, id += step);
        add_leaf(tree, id += step);
        a.v[at].mode = (int)pick(n_modes);
        a.v[at].feature = (int64_t)pick(a.n_features);
        a.v[at].missing = (int64_t)pick(2);
        a.v[at].value = pick(200) == 0 ? (double)NAN : number();
        a.v[at].on_true = a.v[a.n - 1].node;
        a.v[at].on_false = a.v[a.n - 2].node;
    }
}

static void shuffle(void)
{
    for (size_t i = a.n; i-- > 1;) {
        size_t k = pick(i + 1);
        struct entry kept = a.v[i];

        a.v[i] = a.v[k];
        a.v[k] = kept;
    }
}

static struct qn_ints ints(const int64_t *v) { return (struct qn_ints){v, a.n, true}; }

static struct qn_tensor doubles(double *v)
{
    return (struct qn_tensor){.dtype = QN_DOUBLE, .rank = 1, .dims = {(int64_t)a.n}, .data = v};
}

/* The weight of entry i is i: what a walk reaches is told by its vote. */
static void build(struct qn_forest *forest, struct qn_arena *arena)
{
    struct qn_err err = {0};
    struct qn_tree_nodes nodes = {
        .tree_ids = ints(attrs.tree),
        .node_ids = ints(attrs.node),
        .feature_ids = ints(attrs.feature),
        .true_ids = ints(attrs.on_true),
        .false_ids = ints(attrs.on_false),
        .missing_true = ints(attrs.missing),
        .modes = {attrs.mode, a.n, true},
        .values = doubles(attrs.value),
        .vote_tree_ids = ints(attrs.tree),
        .vote_node_ids = ints(attrs.node),
        .vote_targets = ints(attrs.targets),
        .vote_weights = doubles(attrs.weight),
    };

    for (size_t i = 0; i < a.n; i++) {
        attrs.tree[i] = a.v[i].tree;
        attrs.node[i] = a.v[i].node;
        attrs.feature[i] = a.v[i].feature;
        attrs.on_true[i] = a.v[i].on_true;
        attrs.on_false[i] = a.v[i].on_false;
        attrs.missing[i] = a.v[i].missing;
        attrs.mode[i] = (struct qn_str){names[a.v[i].mode], strlen(names[a.v[i].mode])};
        attrs.value[i] = a.v[i].value;
        attrs.weight[i] = (double)i;
    }
    *forest = (struct qn_forest){.n_targets = 1};
    if (qn_forest_of_nodes(forest, &nodes, arena, &err) != QN_OK)
        fail_msg("%s", err.text);
    assert_int_equal(forest->n_trees, a.n_trees);
}

/* ---- The answer ----------------------------------------------------------------------------------------------- */

static bool takes_true(const struct entry *entry, double x)
{
    double t = entry->value;

    if (isnan(x) && entry->missing == 1)
        return true;
    switch (entry->mode) {
    case LEQ:
        return x <= t;
    case LT:
        return x < t;
    case GTE:
        return x >= t;
    case GT:
        return x > t;
    case EQ:
        return x == t;
    default:
        return x != t;
    }
}

static size_t find(int64_t tree, int64_t node)
{
    for (size_t i = 0; i < a.n; i++)
        if (a.v[i].tree == tree && a.v[i].node == node)
            return i;
    fail();
    return 0;
}

/* Entry at which x ends in the tree of entry `root`; next: entries that branches lead to. */
static size_t search(size_t root, const size_t next[][2], const double *x)
{
    while (!is_leaf(root))
        root = next[root][takes_true(&a.v[root], x[a.v[root].feature])];
    return root;
}

static size_t next[MAX_NODES][2];

static void find_next(void)
{
    for (size_t i = 0; i < a.n; i++) {
        if (is_leaf(i))
            continue;
        next[i][0] = find(a.v[i].tree, a.v[i].on_false);
        next[i][1] = find(a.v[i].tree, a.v[i].on_true);
    }
}

/* The roots in the order in which trees are listed. */
static void find_roots(size_t *roots)
{
    static uint8_t is_child[MAX_NODES];
    size_t n = 0;

    memset(is_child, 0, sizeof(is_child));
    for (size_t i = 0; i < a.n; i++)
        if (!is_leaf(i))
            is_child[next[i][0]] = is_child[next[i][1]] = 1;
    for (size_t i = 0; i < a.n; i++) {
        bool seen = false;

        for (size_t k = 0; k < n; k++)
            seen = seen || a.v[roots[k]].tree == a.v[i].tree;
        for (size_t k = 0; k < a.n && !seen; k++) {
            if (a.v[k].tree == a.v[i].tree && !is_child[k]) {
                roots[n++] = k;
                seen = true;
            }
        }
    }
    assert_int_equal(n, a.n_trees);
}

/* ---- Walks ---------------------------------------------------------------------------------------------------- */

enum { N_ROWS = 21 };

static double reached(const struct qn_tree_pack *pack, uint32_t node)
{
    const struct qn_forest *forest = pack->forest;

    if (pack->direct)
        return qn_tree_value(pack, node);
    return forest->votes[forest->first_vote[qn_tree_leaf(pack, node)]].weight;
}

static void check_pack(const struct qn_tree_pack *pack, const struct qn_tensor *x, double want[][N_ROWS],
                       struct qn_arena *arena)
{
    void *room = qn_arena_alloc(arena, (size_t)pack->slots * QN_TREE_LANES * sizeof(double));
    uint32_t ends[QN_TREE_WINDOW];

    for (int64_t r = 0; r < N_ROWS; r++) {
        qn_tree_row(pack, x, r, room);
        for (size_t w = 0; w * QN_TREE_WINDOW < a.n_trees; w++) {
            qn_tree_walk_window(pack, room, (int64_t)w, ends);
            for (size_t t = w * QN_TREE_WINDOW; t < a.n_trees && t < (w + 1) * QN_TREE_WINDOW; t++)
                assert_float_equal(reached(pack, ends[t % QN_TREE_WINDOW]), want[t][r], 0);
        }
    }
    for (int64_t r = 0; r < N_ROWS; r += QN_TREE_LANES) {
        int64_t n = N_ROWS - r < QN_TREE_LANES ? N_ROWS - r : QN_TREE_LANES;

        qn_tree_rows(pack, x, r, n, room);
        for (size_t t = 0; t < a.n_trees; t++) {
            qn_tree_walk_rows(pack, room, (int64_t)t, ends);
            for (int64_t i = 0; i < n; i++)
                assert_float_equal(reached(pack, ends[i]), want[t][r + i], 0);
        }
    }
}

static void check_forest(bool direct)
{
    static double want[200][N_ROWS];
    float floats[N_ROWS][MAX_FEATURES];
    double row[MAX_FEATURES];
    struct qn_tensor x = {.dtype = QN_FLOAT, .rank = 2, .dims = {N_ROWS, (int64_t)a.n_features}};
    size_t roots[200];
    struct qn_forest forest;
    struct qn_arena arena;
    const struct qn_tree_pack *pack;

    qn_arena_init(&arena, (size_t)1 << 28);
    build(&forest, &arena);
    find_next();
    find_roots(roots);
    for (size_t r = 0; r < N_ROWS; r++) {
        for (size_t f = 0; f < a.n_features; f++) {
            float v = pick(6) == 0 ? NAN : (float)number();

            ((float *)floats)[r * a.n_features + f] = v;
            row[f] = (double)v;
        }
        for (size_t t = 0; t < a.n_trees; t++) {
            size_t leaf = (size_t)qn_forest_leaf(&forest, (int64_t)t, row);

            want[t][r] = (double)search(roots[t], (const size_t(*)[2])next, row);
            assert_float_equal(forest.votes[forest.first_vote[leaf]].weight, want[t][r], 0);
        }
    }
    x.data = floats;
    assert_true(qn_tree_fits_wide(&forest));
    assert_int_equal(qn_tree_pack_make(&forest, true, direct, &arena, &pack, NULL), QN_OK);
    assert_int_equal(pack->direct, direct);
    check_pack(pack, &x, want, &arena);
    if (qn_tree_fits_small(&forest)) {
        assert_int_equal(qn_tree_pack_make(&forest, false, direct, &arena, &pack, NULL), QN_OK);
        check_pack(pack, &x, want, &arena);
    }
    qn_arena_deinit(&arena);
}

static void grow(size_t n_trees, size_t n_branches, size_t n_modes, bool chain)
{
    memset(&a, 0, sizeof(a));
    a.n_trees = n_trees;
    a.n_features = 1 + pick(MAX_FEATURES);
    for (size_t t = 0; t < n_trees; t++)
        grow_tree((int64_t)t * 7 - 20, chain ? n_branches : pick(n_branches + 1), n_modes, chain);
}

static void test_forests(void **unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        grow(1 + pick(i % 4 == 0 ? 150 : 20), pick(12), i % 2 ? 4 : 6, false);
        if (i % 3)
            shuffle();
        check_forest(i % 5 == 0);
    }
}

static void test_chains(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        grow(3, 300, 4, true);
        shuffle();
        check_forest(false);
    }
}

/* More nodes in a tree than small steps reach. */
static void test_large_tree(void **unused)
{
    struct qn_forest forest;
    struct qn_arena arena;

    (void)unused;
    qn_arena_init(&arena, (size_t)1 << 28);
    memset(&a, 0, sizeof(a));
    a.n_trees = a.n_features = 1;
    grow_tree(0, MAX_NODES / 2 - 1, 4, false);
    build(&forest, &arena);
    assert_int_equal(forest.largest, MAX_NODES / 2 - 1);
    forest.largest = 32768;
    assert_false(qn_tree_fits_small(&forest));
    qn_arena_deinit(&arena);
}

/* The sizes are those of a model of millions of nodes: a quadratic step would take hours. */
static void test_many_nodes(void **unused)
{
    enum { N = 1500001 };
    struct qn_arena arena;
    struct qn_forest forest = {.n_targets = 1};
    int64_t *ids, *zeros, *on_true, *on_false;
    struct qn_str *mode_names;
    float *values;
    struct qn_tree_nodes nodes = {.vote_weights = {.dtype = QN_FLOAT, .rank = 1}};

    (void)unused;
    qn_arena_init(&arena, (size_t)1 << 30);
    ids = qn_arena_array(&arena, N, sizeof(*ids));
    zeros = qn_arena_array(&arena, N, sizeof(*zeros));
    on_true = qn_arena_array(&arena, N, sizeof(*on_true));
    on_false = qn_arena_array(&arena, N, sizeof(*on_false));
    mode_names = qn_arena_array(&arena, N, sizeof(*mode_names));
    values = qn_arena_array(&arena, N, sizeof(*values));
    assert_true(ids && zeros && on_true && on_false && mode_names && values);
    /* A heap, listed backwards, with gaps between the ids. */
    for (int64_t i = 0; i < N; i++) {
        int64_t node = N - 1 - i;

        ids[i] = 3 * node;
        on_true[i] = 3 * (2 * node + 1);
        on_false[i] = 3 * (2 * node + 2);
        mode_names[i] = 2 * node + 2 < N ? (struct qn_str){"BRANCH_LEQ", 10} : (struct qn_str){"LEAF", 4};
    }
    nodes.tree_ids = nodes.feature_ids = (struct qn_ints){zeros, N, true};
    nodes.node_ids = (struct qn_ints){ids, N, true};
    nodes.true_ids = (struct qn_ints){on_true, N, true};
    nodes.false_ids = (struct qn_ints){on_false, N, true};
    nodes.modes = (struct qn_strs){mode_names, N, true};
    nodes.values = (struct qn_tensor){.dtype = QN_FLOAT, .rank = 1, .dims = {N}, .data = values};
    assert_int_equal(qn_forest_of_nodes(&forest, &nodes, &arena, NULL), QN_OK);
    assert_int_equal(forest.n_leaves, N / 2 + 1);
    assert_int_equal(forest.largest, N / 2);
    qn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forests),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_large_tree),
        cmocka_unit_test(test_many_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
