/* test_topk.c: cases of TopK. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"TopK", 24, "axis=1", IN("f32[3,4] 0 1 2 3 4 5 6 7 8 9 10 11", "i64[1] 3"),
     OUT("f32[3,3] 3 2 1 7 6 5 11 10 9", "i64[3,3] 3 2 1 3 2 1 3 2 1")},
    {"TopK", 11, "largest=0 axis=0", IN("i32[3,2] 5 1 3 2 4 0", "i64[1] 2"),
     OUT("i32[2,2] 3 0 4 1", "i64[2,2] 1 2 2 0")},
    {"TopK", 11, "", IN("f32[6] 1 2 2 2 1 2", "i64[] 5"), OUT("f32[5] 2 2 2 2 1", "i64[5] 1 2 3 5 0")},
    {"TopK", 11, "largest=0", IN("u8[6] 1 2 2 2 1 2", "i64[1] 4"), OUT("u8[4] 1 1 2 2", "i64[4] 0 4 1 2")},
    {"TopK", 11, "", IN("f32[5] 1 nan 3 2 nan", "i64[1] 5"), OUT("f32[5] nan nan 3 2 1", "i64[5] 1 4 2 3 0")},
    {"TopK", 11, "largest=0", IN("f64[5] 1 nan 3 2 nan", "i64[1] 4"), OUT("f64[4] 1 2 3 nan", "i64[4] 0 3 2 1")},
    {"TopK", 11, "", IN("f32[4] -inf inf 0 -0.0", "i64[1] 3"), OUT("f32[3] inf 0 0", "i64[3] 1 2 3")},
    {"TopK", 11, "sorted=0", IN("i64[3] 1 3 2", "i64[1] 2"), OUT("i64[2] 3 2", "i64[2] 1 2")},
    {"TopK", 11, "", IN("i8[3] -1 3 2", "i64[1] 1"), OUT("i8[1] 3", "i64[1] 1")},
    {"TopK", 11, "", IN("u64[3] 1 18446744073709551615 2", "i64[1] 1"), OUT("u64[1] 18446744073709551615", "i64[1] 1")},
    {"TopK", 11, "axis=-2", IN("i16[1,3,2] 6 1 5 2 4 3", "i64[1] 2"), OUT("i16[1,2,2] 6 3 5 2", "i64[1,2,2] 0 2 1 1")},
    {"TopK", 11, "", IN("f16[3] 1 3 2", "i64[1] 2"), OUT("f16[2] 3 2", "i64[2] 1 2")},
    {"TopK", 24, "", IN("bf16[3] 1 3 2", "i64[1] 2"), OUT("bf16[2] 3 2", "i64[2] 1 2")},
    {"TopK", 11, "", IN("u16[2,2] 1 2 4 3", "i64[1] 1"), OUT("u16[2,1] 2 4", "i64[2,1] 1 0")},
    {"TopK", 11, "", IN("u32[2] 1 2", "i64[1] 0"), OUT("u32[0]", "i64[0]")},
    {"TopK", 11, "", IN("f32[0,3]", "i64[1] 2"), OUT("f32[0,2]", "i64[0,2]")},
    {"TopK", 10, "", IN("f32[3] 1 3 2", "i64[1] 2"), OUT("f32[2] 3 2", "i64[2] 1 2")},
    {"TopK", 1, "k=2 axis=0", IN("f32[3] 1 3 2"), OUT("f32[2] 3 2", "i64[2] 1 2")},
    {"TopK", 11, "", IN("f32[4000,20] 1 ...", "i64[1] 1"), OUT("f32[4000,1] 1 ...", "i64[4000,1] 0 ...")},
    {"TopK", 1, "", IN("f32[3] 1 3 2"), OUT("-", "-"), FAILS(FORMAT, "at least 2 inputs expected")},
    {"TopK", 10, "largest=0", IN("f32[1] 1", "i64[1] 1"), OUT("-", "-"), FAILS(FORMAT, "unknown attribute 'largest'")},
    {"TopK", 11, "", IN("f32[3] 1 3 2", "i64[1] 4"), OUT("-", "-"), FAILS(RANGE, "k is 4, the axis has 3 elements")},
    {"TopK", 11, "", IN("f32[3] 1 3 2", "i64[1] -1"), OUT("-", "-"), FAILS(RANGE, "k is -1")},
    {"TopK", 11, "", IN("f32[3] 1 3 2", "i64[2] 1 1"), OUT("-", "-"), FAILS(SHAPE, "k must be one number, not 2")},
    {"TopK", 11, "axis=1", IN("f32[3] 1 3 2", "i64[1] 1"), OUT("-", "-"), FAILS(SHAPE, "axis 1 is outside")},
    {"TopK", 11, "", IN("f32[] 1", "i64[1] 1"), OUT("-", "-"), FAILS(SHAPE, "rank 0")},
    {"TopK", 11, "", IN("str[1] 'a'", "i64[1] 1"), OUT("-", "-"), FAILS(SHAPE, "cannot be string")},
};

QN_OP_CASES_MAIN(cases)
