/* test_bitcast.c: cases of BitCast. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"BitCast", 26, "to=6", IN("f32[2] 1 -0.0"), OUT("i32[2] 1065353216 -2147483648")},
    {"BitCast", 26, "to=1", IN("i32[1,1] 1065353216"), OUT("f32[1,1] 1")},
    {"BitCast", 26, "to=7", IN("f64[] 1"), OUT("i64[] 4607182418800017408")},
    {"BitCast", 26, "to=4", IN("bf16[1] 1"), OUT("u16[1] 16256")},
    {"BitCast", 26, "to=10", IN("u16[1] 15360"), OUT("f16[1] 1")},
    {"BitCast", 26, "to=2", IN("bool[2] 1 0"), OUT("u8[2] 1 0")},
    {"BitCast", 26, "to=21", IN("i4[3] -1 7 -8"), OUT("u4[3] 15 7 8")},
    {"BitCast", 26, "to=6", IN("u32[0,3]"), OUT("i32[0,3]")},
    {"BitCast", 26, "to=11", IN("f32[2] 1 1"), FAILS(SHAPE, "elements of 32 bits cannot become elements of 64 bits")},
    {"BitCast", 26, "to=8", IN("i64[1] 1"), FAILS(SHAPE, "cannot become strings")},
    {"BitCast", 26, "to=6", IN("str[1] 'a'"), FAILS(SHAPE, "cannot be")},
    {"BitCast", 26, "", IN("i64[1] 1"), FAILS(FORMAT, "to")},
};

QN_OP_CASES_MAIN(cases)
