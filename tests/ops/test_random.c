/* test_random.c: cases of the random operators: shapes, types, degenerate distributions with one answer, errors; and
 * the moments of large samples. */
#include "opcase.h"

#include <math.h>
#include <string.h>

static const struct qn_op_case cases[] = {
    {"RandomNormal", 1, "shape=[2,2] mean=3.0 scale=0.0", .in = {NULL}, OUT("f32[2,2] 3 ...")},
    {"RandomNormal", 22, "shape=[2] mean=3.0 scale=0.0 dtype=11", .in = {NULL}, OUT("f64[2] 3 ...")},
    {"RandomNormal", 22, "shape=[2] mean=3.0 scale=0.0 dtype=16", .in = {NULL}, OUT("bf16[2] 3 ...")},
    {"RandomUniform", 1, "shape=[3] low=2.0 high=2.0", .in = {NULL}, OUT("f32[3] 2 ...")},
    {"RandomUniform", 1, "shape=[0,3]", .in = {NULL}, OUT("f32[0,3]")},
    {"RandomUniform", 1, "shape=[-1]", .in = {NULL}, FAILS(SHAPE, "dimension 0 is -1")},
    {"RandomUniform", 1, "", .in = {NULL}, FAILS(FORMAT, "required attribute 'shape'")},
    {"RandomNormalLike", 1, "mean=1.0 scale=0.0", IN("f64[2] 0 0"), OUT("f64[2] 1 1")},
    {"RandomUniformLike", 22, "low=1.0 high=1.0 dtype=10", IN("i64[2] 0 0"), OUT("f16[2] 1 1")},
    {"Bernoulli", 15, "", IN("f32[4] 0 1 0 1"), OUT("f32[4] 0 1 0 1")},
    {"Bernoulli", 22, "dtype=9", IN("f32[4] 0 1 0 1"), OUT("bool[4] 0 1 0 1")},
    {"Bernoulli", 15, "dtype=7 seed=1.0", IN("f64[2] 0 1"), OUT("i64[2] 0 1")},
    {"Multinomial", 7, "sample_size=3", IN("f32[2,3] 0 -inf -inf -inf -inf 0"), OUT("i32[2,3] 0 0 0 2 2 2")},
    {"Multinomial", 22, "sample_size=2 dtype=7", IN("f64[1,1] 5"), OUT("i64[1,2] 0 0")},
    {"Multinomial", 7, "dtype=1", IN("f32[1,1] 5"), FAILS(FORMAT, "cannot be float32")},
    {"Multinomial", 7, "", IN("f32[1] 5"), FAILS(SHAPE, "must have 2 dimensions")},
    {"Multinomial", 7, "", IN("f32[1,0]"), FAILS(SHAPE, "no class to draw from")},
};

static void run_cases(void **state)
{
    (void)state;
    qn_run_op_cases(cases, sizeof(cases) / sizeof(cases[0]));
}

/* 40,000 values of a seeded node without inputs. */
static const float *sample(struct qn_arena *arena, struct qn_arena *scratch, const char *op_name, float seed)
{
    struct qn_graph *graph = qn_graph_create(arena, NULL, qn_symbols_create(arena), "g");
    struct qn_var *out = qn_graph_add_var(graph, "y");
    int64_t *shape = qn_arena_memdup(arena, (const int64_t[]){40000}, sizeof(int64_t));
    struct qn_attr_value attrs[] = {{.name = "shape", .kind = QN_ATTR_INTS, .n = 1, .ints = shape},
                                    {.name = "seed", .kind = QN_ATTR_FLOAT, .n = 1, .f = seed}};
    struct qn_node *node = qn_op_make_node(graph, NULL, "", op_name, 22, "n", NULL, 0, &out, 1, attrs, 2, NULL);
    struct qn_value value, *outs = &value;

    memset(&value, 0, sizeof(value));
    assert_int_equal(qn_op_eval(graph, node, NULL, &outs, arena, scratch, false, NULL), QN_OK);
    return value.tensor.data;
}

static void samples_have_the_right_moments(void **state)
{
    struct qn_arena arena, scratch;
    const float *normal, *uniform, *again;
    double mean = 0, square = 0, flat = 0;

    (void)state;
    qn_arena_init(&arena, 1 << 24);
    qn_arena_init(&scratch, 1 << 24);
    normal = sample(&arena, &scratch, "RandomNormal", 3);
    uniform = sample(&arena, &scratch, "RandomUniform", 3);
    again = sample(&arena, &scratch, "RandomUniform", 3);
    for (int i = 0; i < 40000; i++) {
        mean += normal[i] / 40000.0;
        square += normal[i] * (double)normal[i] / 40000.0;
        flat += uniform[i] / 40000.0;
        assert_true(uniform[i] >= 0 && uniform[i] <= 1);
    }
    assert_true(fabs(mean) < 0.03 && fabs(square - 1) < 0.05 && fabs(flat - 0.5) < 0.02);
    assert_memory_equal(uniform, again, 40000 * sizeof(float));
    again = sample(&arena, &scratch, "RandomUniform", 4);
    assert_memory_not_equal(uniform, again, 40000 * sizeof(float));
    qn_arena_deinit(&arena);
    qn_arena_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases), cmocka_unit_test(samples_have_the_right_moments)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
