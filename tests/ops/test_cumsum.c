/* test_cumsum.c: cases of CumSum and CumProd. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"CumSum", 14, "", IN("f32[5] 1 2 3 4 5", "i32[] 0"), OUT("f32[5] 1 3 6 10 15")},
    {"CumSum", 14, "exclusive=1", IN("f32[5] 1 2 3 4 5", "i32[] 0"), OUT("f32[5] 0 1 3 6 10")},
    {"CumSum", 14, "reverse=1", IN("f32[5] 1 2 3 4 5", "i32[] 0"), OUT("f32[5] 15 14 12 9 5")},
    {"CumSum", 14, "reverse=1 exclusive=1", IN("f32[5] 1 2 3 4 5", "i32[] 0"), OUT("f32[5] 14 12 9 5 0")},
    {"CumSum", 14, "", IN("f64[2,3] 1 2 3 4 5 6", "i64[] 0"), OUT("f64[2,3] 1 2 3 5 7 9")},
    {"CumSum", 14, "", IN("f64[2,3] 1 2 3 4 5 6", "i64[] -1"), OUT("f64[2,3] 1 3 6 4 9 15")},
    {"CumSum", 14, "", IN("f64[2,3] 1 2 3 4 5 6", "i64[1] 1"), OUT("f64[2,3] 1 3 6 4 9 15")},
    {"CumSum", 14, "exclusive=1", IN("i32[2,2,2] 1 2 3 4 5 6 7 8", "i64[] 1"), OUT("i32[2,2,2] 0 0 1 2 0 0 5 6")},
    {"CumSum", 14, "", IN("i32[2] 2147483647 1", "i64[] 0"), OUT("i32[2] 2147483647 -2147483648")},
    {"CumSum", 14, "", IN("i64[2] 9223372036854775807 1", "i64[] 0"),
     OUT("i64[2] 9223372036854775807 -9223372036854775808")},
    {"CumSum", 14, "", IN("u32[2] 4294967295 1", "i64[] 0"), OUT("u32[2] 4294967295 0")},
    {"CumSum", 11, "", IN("u64[2] 18446744073709551615 2", "i64[] 0"), OUT("u64[2] 18446744073709551615 1")},
    {"CumSum", 14, "", IN("f32[3] 1 nan 3", "i64[] 0"), OUT("f32[3] 1 nan nan")},
    {"CumSum", 14, "", IN("f16[3] 1 2 3", "i64[] 0"), OUT("f16[3] 1 3 6")},
    {"CumSum", 14, "", IN("bf16[3] 1 2 3", "i64[] 0"), OUT("bf16[3] 1 3 6")},
    {"CumSum", 14, "", IN("f32[0]", "i64[] 0"), OUT("f32[0]")},
    {"CumSum", 14, "", IN("f32[2,0]", "i64[] 0"), OUT("f32[2,0]")},
    {"CumSum", 14, "exclusive=1", IN("f32[1,70000] 5 ...", "i64[] 0"), OUT("f32[1,70000] 0 ...")},
    {"CumSum", 14, "", IN("f32[2] 1 2", "i64[] 1"), FAILS(SHAPE, "axis 1 is outside a tensor of rank 1")},
    {"CumSum", 14, "", IN("f32[] 1", "i64[] 0"), FAILS(SHAPE, "axis 0 is outside a tensor of rank 0")},
    {"CumSum", 14, "", IN("f32[2] 1 2", "i64[2] 0 0"), FAILS(SHAPE, "axis must be one number, not of shape [2]")},
    {"CumSum", 14, "", IN("f32[2] 1 2", "f32[] 0"), FAILS(SHAPE, "cannot be float32")},
    {"CumSum", 14, "", IN("i8[2] 1 2", "i64[] 0"), FAILS(SHAPE, "cannot be int8")},
    {"CumSum", 11, "", IN("f16[2] 1 2", "i64[] 0"), FAILS(SHAPE, "cannot be float16")},
    {"CumProd", 26, "", IN("f32[4] 1 2 3 4", "i32[] 0"), OUT("f32[4] 1 2 6 24")},
    {"CumProd", 26, "exclusive=1", IN("f32[4] 1 2 3 4", "i32[] 0"), OUT("f32[4] 1 1 2 6")},
    {"CumProd", 26, "reverse=1", IN("f64[4] 1 2 3 4", "i32[] 0"), OUT("f64[4] 24 24 12 4")},
    {"CumProd", 26, "reverse=1 exclusive=1", IN("i64[2,2] 1 2 3 4", "i32[] 0"), OUT("i64[2,2] 3 4 1 1")},
    {"CumProd", 26, "", IN("i32[3] 65536 65536 5", "i32[] -1"), OUT("i32[3] 65536 0 0")},
    {"CumProd", 26, "", IN("bf16[3] 1 2 3", "i32[] 0"), OUT("bf16[3] 1 2 6")},
    {"CumProd", 25, "", IN("f32[2] 1 2", "i32[] 0"), FAILS(UNSUPPORTED, "does not exist in opset 25")},
};

QN_OP_CASES_MAIN(cases)
