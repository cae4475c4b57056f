/* test_concat.c: cases of Concat. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Concat", 13, "axis=0", IN("f32[1,2] 1 2", "f32[2,2] 3 4 5 6"), OUT("f32[3,2] 1 2 3 4 5 6")},
    {"Concat", 13, "axis=1", IN("f32[2,1] 1 2", "f32[2,2] 3 4 5 6"), OUT("f32[2,3] 1 3 4 2 5 6")},
    {"Concat", 13, "axis=-1", IN("i64[2] 1 2", "i64[1] 3", "i64[0]"), OUT("i64[3] 1 2 3")},
    {"Concat", 13, "axis=1", IN("u8[1,1,2] 1 2"), OUT("u8[1,1,2] 1 2")},
    {"Concat", 13, "axis=0", IN("str[1] 'a'", "str[2] 'b' ''"), OUT("str[3] 'a' 'b' ''")},
    {"Concat", 13, "axis=2", IN("bf16[2,1,1] 1 2", "bf16[2,1,1] 3 4"), OUT("bf16[2,1,2] 1 3 2 4")},
    {"Concat", 4, "axis=1", IN("c128[1,1] 1 2", "c128[1,1] 3 4"), OUT("c128[1,2] 1 2 3 4")},
    {"Concat", 13, "axis=0", IN("f32[0,3]", "f32[0,3]"), OUT("f32[0,3]")},
    {"Concat", 13, "axis=1", IN("f32[0,3]", "f32[0,2]"), OUT("f32[0,5]")},
    {"Concat", 13, "axis=0", IN("f32[200,300] 1 ...", "f32[1,300] 1 ..."), OUT("f32[201,300] 1 ...")},
    {"Concat", 1, "", IN("f32[1,1] 1", "f32[1,1] 2"), OUT("f32[1,2] 1 2")},
    {"Concat", 1, "axis=0", IN("f32[1,1] 1", "f32[1,1] 2"), OUT("f32[2,1] 1 2")},
    {"Concat", 4, "", IN("f32[1] 1", "f32[1] 2"), FAILS(FORMAT, "required attribute 'axis' is missing")},
    {"Concat", 13, "axis=0", IN("f32[1,2] 0 0", "f32[1,3] 0 0 0"), FAILS(SHAPE, "input 1 of shape [1,3] does not fit")},
    {"Concat", 13, "axis=0", IN("f32[1,2] 0 0", "f32[2] 0 0"), FAILS(SHAPE, "input 1 of shape [2] does not fit")},
    {"Concat", 13, "axis=0", IN("f32[1] 0", "i32[1] 0"), FAILS(SHAPE, "is int32 where float32 is expected")},
    {"Concat", 13, "axis=1", IN("f32[1] 0", "f32[1] 0"), FAILS(SHAPE, "axis 1 is outside a tensor of rank 1")},
    {"Concat", 13, "axis=0", IN("f32[] 0", "f32[] 0"), FAILS(SHAPE, "axis 0 is outside a tensor of rank 0")},
};

QN_OP_CASES_MAIN(cases)
