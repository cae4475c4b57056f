/* test_compress.c: cases of Compress and NonZero. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Compress", 11, "axis=0", IN("f32[3,2] 1 2 3 4 5 6", "bool[3] 0 1 1"), OUT("f32[2,2] 3 4 5 6")},
    {"Compress", 11, "axis=1", IN("i8[3,2] 1 2 3 4 5 6", "bool[2] 0 1"), OUT("i8[3,1] 2 4 6")},
    {"Compress", 11, "axis=-1", IN("f64[1,3] 1 2 3", "bool[2] 1 0"), OUT("f64[1,1] 1")},
    {"Compress", 11, "", IN("f32[3,2] 1 2 3 4 5 6", "bool[5] 0 1 0 0 1"), OUT("f32[2] 2 5")},
    {"Compress", 9, "axis=0", IN("str[2] 'a' 'b'", "bool[2] 0 1"), OUT("str[1] 'b'")},
    {"Compress", 9, "", IN("c128[2] 1 2 3 4", "bool[2] 0 1"), OUT("c128[1] 3 4")},
    {"Compress", 9, "axis=0", IN("f16[2,2] 1 2 3 4", "bool[0]"), OUT("f16[0,2]")},
    {"Compress", 9, "axis=1", IN("f32[0,2]", "bool[2] 1 1"), OUT("f32[0,2]")},
    {"Compress", 9, "", IN("f32[0]", "bool[0]"), OUT("f32[0]")},
    {"Compress", 11, "axis=0", IN("f32[2] 1 2", "bool[3] 1 0 0"), FAILS(SHAPE, "condition has 3 entries for 2")},
    {"Compress", 11, "axis=1", IN("f32[2] 1 2", "bool[1] 1"), FAILS(SHAPE, "axis 1 is outside")},
    {"Compress", 11, "", IN("f32[2] 1 2", "bool[1,1] 1"), FAILS(SHAPE, "condition must be a list")},

    {"NonZero", 13, "", IN("f32[2,2] 1 0 1 1"), OUT("i64[2,3] 0 1 1 0 0 1")},
    {"NonZero", 13, "", IN("f32[4] -0.0 nan 0 -inf"), OUT("i64[1,2] 1 3")},
    {"NonZero", 13, "", IN("bool[3] 1 0 1"), OUT("i64[1,2] 0 2")},
    {"NonZero", 13, "", IN("i16[1,2,2] 0 5 0 -5"), OUT("i64[3,2] 0 0 0 1 1 1")},
    {"NonZero", 13, "", IN("u64[2] 0 9223372036854775808"), OUT("i64[1,1] 1")},
    {"NonZero", 13, "", IN("f16[3] 0 -0.0 1"), OUT("i64[1,1] 2")},
    {"NonZero", 13, "", IN("bf16[2] 0 2"), OUT("i64[1,1] 1")},
    {"NonZero", 9, "", IN("f64[2] 0 1e-310"), OUT("i64[1,1] 1")},
    {"NonZero", 9, "", IN("str[2] '' 'a'"), OUT("i64[1,1] 1")},
    {"NonZero", 9, "", IN("c64[2] 0 0 0 1"), OUT("i64[1,1] 1")},
    {"NonZero", 9, "", IN("c128[2] 1 0 0 0"), OUT("i64[1,1] 0")},
    {"NonZero", 13, "", IN("f32[] 3"), OUT("i64[0,1]")},
    {"NonZero", 13, "", IN("f32[] 0"), OUT("i64[0,0]")},
    {"NonZero", 13, "", IN("f32[0,2]"), OUT("i64[2,0]")},
};

QN_OP_CASES_MAIN(cases)
