/* test_flex_attention.c: cases of FlexAttention. Scores 1 and 2 weigh .26894142 and .73105858. */
#include "bodycase.h"

#define F QN_BIT(FLOAT)
#define BODY(stem, types, ...)                                                                                         \
    static const struct qn_op stem = {.name = #stem,                                                                   \
                                      .domain = "",                                                                    \
                                      .in = QN_FORMALS(QN_IN("x", 0, types)),                                          \
                                      .out = QN_FORMALS(QN_OUT("y", 0, types)),                                        \
                                      .body = __VA_ARGS__}

BODY(negate, QN_FLOATS, "y = Neg(x);");
BODY(twice, F, "two = Constant<value_float=2.0>(); y = Mul(x, two);");
BODY(as_double, F, "y = Cast<to=11>(x);");
BODY(flat, F, "shape = Constant<value_ints=[1,-1]>(); y = Reshape(x, shape);");

#define FLEX      .op = "FlexAttention", .domain = "ai.onnx.preview", .opset = 1
#define MODS(...) .body_attrs = {__VA_ARGS__}
#define QKV       "f32[1,1,1,1] 1", "f32[1,1,2,1] 1 2", "f32[1,1,2,2] 10 1 20 0"

static const struct qn_body_case cases[] = {
    {FLEX, .attrs = "scale=1.0", IN(QKV), OUT("f32[1,1,1,2] 17.310586 .26894142")},
    {FLEX, .attrs = "scale=1.0", MODS("score_mod"), .bodies = {&negate}, IN(QKV),
     OUT("f32[1,1,1,2] 12.689414 .73105858")},
    {FLEX, .attrs = "scale=1.0", MODS("prob_mod"), .bodies = {&twice}, IN(QKV),
     OUT("f32[1,1,1,2] 34.621172 .53788284")},
    {FLEX, .attrs = "scale=1.0", MODS("score_mod", "prob_mod"), .bodies = {&negate, &twice}, IN(QKV),
     OUT("f32[1,1,1,2] 25.378828 1.4621172")},
    {FLEX, .attrs = "scale=1.0", MODS("score_mod"), .bodies = {&negate},
     IN("f64[1,1,1,1] 1", "f64[1,1,2,1] 1 2", "f64[1,1,2,2] 10 1 20 0"), OUT("f64[1,1,1,2] 12.689414 .73105858")},
    {FLEX, .attrs = "scale=1.0 softmax_precision=11", MODS("score_mod"), .bodies = {&negate}, IN(QKV),
     OUT("f32[1,1,1,2] 12.689414 .73105858")},
    {FLEX, .attrs = "", IN("f32[1,1,1,4] 2 0 0 0", "f32[1,1,2,4] 1 0 0 0 2 0 0 0", "f32[1,1,2,1] 10 20"),
     OUT("f32[1,1,1,1] 17.310586")},
    /* two query heads on one */
    {FLEX, .attrs = "scale=1.0", IN("f32[1,2,1,1] 1 0", "f32[1,1,2,1] 1 2", "f32[1,1,2,1] 10 20"),
     OUT("f32[1,2,1,1] 17.310586 15")},
    {FLEX, .attrs = "", IN("f32[0,1,1,1]", "f32[0,1,1,1]", "f32[0,1,1,1]"), OUT("f32[0,1,1,1]")},
    {FLEX, .attrs = "", IN("f32[1,1,1] 0", "f32[1,1,1] 0", "f32[1,1,1] 0"), FAILS(SHAPE, "must have rank 4, not 3")},
    {FLEX, .attrs = "", IN("f32[1,3,1,1] 0 ...", "f32[1,2,1,1] 0 0", "f32[1,2,1,1] 0 0"),
     FAILS(SHAPE, "3 query heads cannot share 2")},
    {FLEX, .attrs = "", MODS("score_mod"), .bodies = {&as_double}, IN(QKV),
     FAILS(SHAPE, "score_mod gives float64 for float32")},
    {FLEX, .attrs = "", MODS("prob_mod"), .bodies = {&flat}, IN(QKV), FAILS(SHAPE, "prob_mod changes the shape")},
    {FLEX, .attrs = "softmax_precision=7", IN(QKV), FAILS(SHAPE, "softmax_precision must be a floating-point type")},
};

QN_BODY_CASES_MAIN(cases)
