/* test_shape.c: cases of Shape and Size. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Shape", 13, "", IN("f32[2,3] 0 ..."), OUT("i64[2] 2 3")},
    {"Shape", 1, "", IN("f32[] 0"), OUT("i64[0]")},
    {"Shape", 1, "", IN("str[0,3]"), OUT("i64[2] 0 3")},
    {"Shape", 1, "start=1", IN("f32[2] 0 ..."), FAILS(FORMAT, "unknown attribute 'start'")},
    {"Shape", 15, "start=1", IN("f32[2,3,4] 0 ..."), OUT("i64[2] 3 4")},
    {"Shape", 15, "start=-1", IN("f32[2,3,4] 0 ..."), OUT("i64[1] 4")},
    {"Shape", 15, "end=-1", IN("f32[2,3,4] 0 ..."), OUT("i64[2] 2 3")},
    {"Shape", 15, "start=-9 end=2", IN("f32[2,3,4] 0 ..."), OUT("i64[2] 2 3")},
    {"Shape", 15, "start=2 end=1", IN("f32[2,3,4] 0 ..."), OUT("i64[0]")},
    {"Shape", 15, "start=4 end=100", IN("f32[2,3,4] 0 ..."), OUT("i64[0]")},
    {"Shape", 25, "", IN("i2[5] 0 ..."), OUT("i64[1] 5")},
    {"Shape", 19, "", IN("u4[5] 0 ..."), FAILS(SHAPE, "cannot be uint4")},
    {"Size", 13, "", IN("f32[2,3] 0 ..."), OUT("i64[] 6")},
    {"Size", 1, "", IN("f32[] 0"), OUT("i64[] 1")},
    {"Size", 13, "", IN("f32[4,0]"), OUT("i64[] 0")},
    {"Size", 21, "", IN("u4[5] 0 ..."), OUT("i64[] 5")},
    {"Size", 13, "", IN("seq(f32) [ ]"), FAILS(SHAPE, "cannot be a sequence")},
};

QN_OP_CASES_MAIN(cases)
