/* test_softmax.c: cases of Softmax, LogSoftmax and Hardmax. */
#include "opcase.h"

#define NEAR ".09003057 .24472847 .66524096"

static const struct qn_op_case cases[] = {
    {"Softmax", 13, "axis=-1", IN("f32[2,3] 1 2 3 1 2 3"), OUT("f32[2,3] " NEAR " " NEAR)},
    {"Softmax", 13, "axis=0", IN("f32[2,2] 1 1 1 1"), OUT("f32[2,2] .5 ...")},
    {"Softmax", 13, "axis=0", IN("f32[3,1] 1 2 3"), OUT("f32[3,1] " NEAR)},
    {"Softmax", 13, "", IN("f32[3] 1000 1001 1002"), OUT("f32[3] " NEAR)},
    {"Softmax", 13, "", IN("f32[3] 1 nan 2"), OUT("f32[3] nan ...")},
    {"Softmax", 13, "", IN("f32[3] -inf 0 0"), OUT("f32[3] 0 .5 .5")},
    {"Softmax", 13, "", IN("f32[]  3"), OUT("f32[] 1")},
    {"Softmax", 13, "axis=1", IN("f32[2,0]"), OUT("f32[2,0]")},
    {"Softmax", 13, "axis=0", IN("f64[3] 1 2 3"), OUT("f64[3] " NEAR), TOLERANCE(1e-6, 1e-6)},
    {"Softmax", 13, "", IN("f16[2] 1 1"), OUT("f16[2] .5 .5")},
    {"Softmax", 13, "", IN("bf16[2] 1 1"), OUT("bf16[2] .5 .5")},
    {"Softmax", 13, "axis=3", IN("f32[2,3] 0 ..."), FAILS(SHAPE, "axis 3 is outside a tensor of rank 2")},
    {"Softmax", 13, "", IN("i32[2] 1 2"), FAILS(SHAPE, "cannot be int32")},
    {"Softmax", 13, "beta=1", IN("f32[2] 1 2"), FAILS(FORMAT, "unknown attribute 'beta'")},
    {"Softmax", 13, "axis=1.5", IN("f32[2] 1 2"), FAILS(FORMAT, "must be of type int")},
    {"Softmax", 11, "", IN("f32[1,2,2] 1 ..."), OUT("f32[1,2,2] .25 ...")},
    {"Softmax", 11, "axis=0", IN("f32[2,2] 1 ..."), OUT("f32[2,2] .25 ...")},
    {"Softmax", 1, "axis=2", IN("f32[2,2] 1 ..."), OUT("f32[2,2] 1 ...")},
    {"LogSoftmax", 13, "", IN("f32[1,3] 1 2 3"), OUT("f32[1,3] -2.4076059 -1.4076059 -.4076059")},
    {"LogSoftmax", 13, "axis=0", IN("f32[3,1] 1 2 3"), OUT("f32[3,1] -2.4076059 -1.4076059 -.4076059")},
    {"LogSoftmax", 1, "", IN("f32[1,1,2] 1 1"), OUT("f32[1,1,2] -.6931472 ...")},
    {"Hardmax", 13, "", IN("f32[2,3] 1 3 3 2 1 0"), OUT("f32[2,3] 0 1 0 1 0 0")},
    {"Hardmax", 13, "", IN("f32[2,3] 1 nan 3 inf nan nan"), OUT("f32[2,3] 0 1 0 0 1 0")},
    {"Hardmax", 13, "axis=0", IN("f32[2,2] 1 2 3 0"), OUT("f32[2,2] 0 1 1 0")},
    {"Hardmax", 11, "axis=1", IN("f32[1,2,2] 1 4 3 2"), OUT("f32[1,2,2] 0 1 0 0")},
};

QN_OP_CASES_MAIN(cases)
