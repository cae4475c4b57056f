/* test_det.c: cases of Det. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Det", 11, "", IN("f32[2,2] 0 1 2 3"), OUT("f32[] -2")},
    {"Det", 11, "", IN("f32[2,1,2,2] 1 2 3 4 2 0 0 3"), OUT("f32[2,1] -2 6")},
    {"Det", 22, "", IN("f64[3,3] 2 -3 1 2 0 -1 1 4 5"), OUT("f64[] 49")},
    {"Det", 11, "", IN("f32[3,3] 1 2 3 4 5 6 7 8 9"), OUT("f32[] 0")},
    {"Det", 11, "", IN("f32[2,2] 0 0 0 5"), OUT("f32[] 0")},
    {"Det", 11, "", IN("f32[1,1] -3"), OUT("f32[] -3")},
    {"Det", 11, "", IN("f32[2,0,0]"), OUT("f32[2] 1 1")},
    {"Det", 11, "", IN("f32[0,2,2]"), OUT("f32[0]")},
    {"Det", 11, "", IN("f32[2,2] 1 2 nan 4"), OUT("f32[] nan")},
    {"Det", 11, "", IN("f16[2,2] 1 2 3 4"), OUT("f16[] -2")},
    {"Det", 22, "", IN("bf16[2,2] 1 2 3 4"), OUT("bf16[] -2")},
    {"Det", 11, "", IN("f32[2] 0 0"), FAILS(SHAPE, "X must be of rank 2 at least, not [2]")},
    {"Det", 11, "", IN("f32[2,3] 0 ..."), FAILS(SHAPE, "matrices of [2,3] are not square")},
    {"Det", 11, "", IN("i32[1,1] 0"), FAILS(SHAPE, "cannot be int32")},
};

QN_OP_CASES_MAIN(cases)
