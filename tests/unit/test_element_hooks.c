/* test_element_hooks.c: what element-wise operators tell the optimiser of themselves: activations and affine maps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/op.h"

struct bench {
    struct qn_arena arena;
    struct qn_graph *graph;
};

static int make_bench(void **state)
{
    struct bench *b = test_calloc(1, sizeof(*b));

    qn_arena_init(&b->arena, 1 << 20);
    b->graph = qn_graph_create(&b->arena, NULL, qn_symbols_create(&b->arena), "hooks");
    *state = b;
    return b->graph ? 0 : -1;
}

static int free_bench(void **state)
{
    struct bench *b = *state;

    qn_arena_deinit(&b->arena);
    test_free(b);
    return 0;
}

/* x[1,3,4] of float32. */
static struct qn_var *input(struct bench *b)
{
    struct qn_var *x = qn_graph_add_var(b->graph, "x");
    struct qn_shape shape = {.rank = 3, .dims = {1, 3, 4}};

    x->fact = qn_fact_tensor(QN_FLOAT, &shape);
    return x;
}

static struct qn_var *constant(struct bench *b, enum qn_dtype dtype, int rank, const int64_t *dims,
                               const double *values)
{
    struct qn_shape shape = qn_shape_make(rank, dims);
    struct qn_tensor *t = qn_arena_alloc(&b->arena, sizeof(*t));

    assert_int_equal(qn_tensor_create(&b->arena, dtype, &shape, t, NULL), QN_OK);
    for (int64_t i = 0; i < qn_tensor_count(t); i++)
        qn_tensor_set_double(t, i, values[i]);
    return qn_graph_add_const(b->graph, "c", t);
}

static struct qn_node *make_node(struct bench *b, const char *op, int64_t opset, struct qn_var *const *ins, int n_ins,
                                 const struct qn_attr_value *attrs, size_t n_attrs)
{
    struct qn_var *outs[] = {qn_graph_add_var(b->graph, "y")};
    struct qn_err err = {QN_OK, 0, "", "", ""};
    struct qn_node *node =
        qn_op_make_node(b->graph, NULL, "", op, opset, "node", ins, n_ins, outs, 1, attrs, n_attrs, &err);

    if (!node)
        fail_msg("%s: %s", op, err.text);
    return node;
}

/* ---- Affine maps ---------------------------------------------------------------------------------------------- */

/* Whether op(x, c), or with c_first op(c, x), says it is x * scale + shift. */
static void check_affine(struct bench *b, const char *op, bool c_first, double scale, double shift)
{
    const double c[] = {2, 4, 8};
    struct qn_var *x = input(b), *var = constant(b, QN_FLOAT, 2, (const int64_t[]){3, 1}, c);
    struct qn_var *ins[] = {c_first ? var : x, c_first ? x : var};
    struct qn_node *node = make_node(b, op, 14, ins, 2, NULL, 0);
    struct qn_affine affine;
    int which = -1;

    assert_true(node->op->affine(node, &b->arena, &which, &affine));
    assert_int_equal(which, c_first ? 1 : 0);
    assert_int_equal(affine.n, 3);
    for (int i = 0; i < 3; i++) {
        double want_scale = scale == 0 ? c[i] : scale == 2 ? 1 / c[i] : scale, want_shift = shift * c[i];

        assert_true((affine.scale ? affine.scale[i] : 1) == (float)want_scale);
        assert_true((affine.shift ? affine.shift[i] : 0) == (float)want_shift);
    }
}

/* A scale of 0 stands for c, of 2 for 1 / c; the shift is a multiple of c. */
static void test_affine(void **state)
{
    check_affine(*state, "Add", false, 1, 1);
    check_affine(*state, "Add", true, 1, 1);
    check_affine(*state, "Sub", false, 1, -1);
    check_affine(*state, "Sub", true, -1, 1);
    check_affine(*state, "Mul", false, 0, 0);
    check_affine(*state, "Mul", true, 0, 0);
    check_affine(*state, "Div", false, 2, 0);
}

static bool is_affine(struct bench *b, const char *op, int64_t opset, enum qn_dtype dtype, int rank,
                      const int64_t *dims, bool c_first)
{
    const double c[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct qn_var *x = input(b), *var = constant(b, dtype, rank, dims, c);
    struct qn_var *ins[] = {c_first ? var : x, c_first ? x : var};
    struct qn_node *node = make_node(b, op, opset, ins, 2, NULL, 0);
    struct qn_affine affine;
    int which;

    return node->op->affine(node, &b->arena, &which, &affine);
}

static void test_not_affine(void **state)
{
    struct bench *b = *state;

    assert_true(is_affine(b, "Add", 14, QN_FLOAT, 0, NULL, false));
    assert_true(is_affine(b, "Add", 14, QN_FLOAT, 3, (const int64_t[]){1, 1, 1}, false));
    assert_true(is_affine(b, "Add", 14, QN_FLOAT, 3, (const int64_t[]){1, 3, 1}, false));
    assert_false(is_affine(b, "Add", 14, QN_FLOAT, 1, (const int64_t[]){4}, false));
    assert_false(is_affine(b, "Add", 14, QN_FLOAT, 2, (const int64_t[]){3, 4}, false));
    assert_false(is_affine(b, "Add", 14, QN_FLOAT, 4, (const int64_t[]){1, 1, 1, 1}, false));
    assert_false(is_affine(b, "Add", 14, QN_DOUBLE, 0, NULL, false));
    assert_false(is_affine(b, "Div", 14, QN_FLOAT, 0, NULL, true));
}

/* In version 6 the axis places the constant. */
static void test_affine_of_old_form(void **state)
{
    struct bench *b = *state;
    const struct qn_attr_value attrs[] = {{.name = "broadcast", .kind = QN_ATTR_INT, .n = 1, .i = 1},
                                          {.name = "axis", .kind = QN_ATTR_INT, .n = 1, .i = 1}};
    struct qn_var *ins[] = {input(b), constant(b, QN_FLOAT, 1, (const int64_t[]){3}, (const double[]){1, 2, 3})};
    struct qn_node *node = make_node(b, "Mul", 6, ins, 2, attrs, 2);
    struct qn_affine affine;
    int which;

    assert_true(node->op->affine(node, &b->arena, &which, &affine));
    assert_int_equal(affine.n, 3);
    assert_true(affine.scale[2] == 3);
}

/* ---- Activations ---------------------------------------------------------------------------------------------- */

static void check_act(struct bench *b, const char *op, enum qn_act_kind kind, float a, float c)
{
    struct qn_var *ins[] = {input(b)};
    struct qn_node *node = make_node(b, op, 24, ins, 1, NULL, 0);
    struct qn_act act;

    assert_true(node->op->activation(node, &act));
    assert_int_equal(act.kind, kind);
    assert_true(act.a == a);
    assert_true(act.b == c);
}

static void test_activations(void **state)
{
    check_act(*state, "Relu", QN_ACT_RELU, 0, 0);
    check_act(*state, "LeakyRelu", QN_ACT_LEAKY, 0.01f, 0);
    check_act(*state, "Elu", QN_ACT_ELU, 1, 0);
    check_act(*state, "Sigmoid", QN_ACT_SIGMOID, 0, 0);
    check_act(*state, "HardSigmoid", QN_ACT_HARDSIGMOID, 0.2f, 0.5f);
    check_act(*state, "HardSwish", QN_ACT_HARDSWISH, 0, 0);
    check_act(*state, "Swish", QN_ACT_SILU, 1, 0);
    check_act(*state, "Gelu", QN_ACT_GELU, 0, 0);
    check_act(*state, "Tanh", QN_ACT_TANH, 0, 0);
    check_act(*state, "Clip", QN_ACT_CLIP, -INFINITY, INFINITY);
}

static void check_clip(struct bench *b, struct qn_var *min, struct qn_var *max, bool known, enum qn_act_kind kind)
{
    struct qn_var *ins[] = {input(b), min, max};
    struct qn_node *node = make_node(b, "Clip", 13, ins, 3, NULL, 0);
    struct qn_act act;

    assert_int_equal(node->op->activation(node, &act), known);
    if (known)
        assert_int_equal(act.kind, kind);
}

static void test_clip(void **state)
{
    struct bench *b = *state;
    struct qn_var *zero = constant(b, QN_FLOAT, 0, NULL, (const double[]){0});
    struct qn_var *six = constant(b, QN_FLOAT, 0, NULL, (const double[]){6});

    check_clip(b, zero, six, true, QN_ACT_CLIP);
    check_clip(b, zero, NULL, true, QN_ACT_RELU);
    check_clip(b, NULL, six, true, QN_ACT_CLIP);
    check_clip(b, input(b), six, false, QN_ACT_NONE);
    check_clip(b, zero, input(b), false, QN_ACT_NONE);
}

static void test_prelu(void **state)
{
    struct bench *b = *state;
    struct qn_var *one[] = {input(b), constant(b, QN_FLOAT, 1, (const int64_t[]){1}, (const double[]){0.25})};
    struct qn_var *many[] = {input(b), constant(b, QN_FLOAT, 1, (const int64_t[]){4}, (const double[]){1, 2, 3, 4})};
    struct qn_node *node = make_node(b, "PRelu", 16, one, 2, NULL, 0);
    struct qn_act act;

    assert_true(node->op->activation(node, &act));
    assert_int_equal(act.kind, QN_ACT_LEAKY);
    assert_true(act.a == 0.25);
    node = make_node(b, "PRelu", 16, many, 2, NULL, 0);
    assert_false(node->op->activation(node, &act));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_affine),      TEST(test_not_affine), TEST(test_affine_of_old_form),
        TEST(test_activations), TEST(test_clip),       TEST(test_prelu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
