/* test_where.c: cases of Where. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Where", 16, "", IN("bool[4] 1 0 1 0", "f32[4] 1 2 3 nan", "f32[4] 5 6 7 8"), OUT("f32[4] 1 6 3 8")},
    {"Where", 16, "", IN("bool[2,1] 1 0", "f32[2] 1 2", "f32[] 9"), OUT("f32[2,2] 1 2 9 9")},
    {"Where", 16, "", IN("bool[] 1", "i64[2,1] 1 2", "i64[3] 7 8 9"), OUT("i64[2,3] 1 1 1 2 2 2")},
    {"Where", 16, "", IN("bool[] 0", "i64[2,1] 1 2", "i64[3] 7 8 9"), OUT("i64[2,3] 7 8 9 7 8 9")},
    {"Where", 16, "", IN("bool[3] 1 0 1", "i8[] 1", "i8[3] 7 8 9"), OUT("i8[3] 1 8 1")},
    {"Where", 16, "", IN("bool[3] 1 0 1", "u16[3] 1 2 3", "u16[1] 7"), OUT("u16[3] 1 7 3")},
    {"Where", 16, "", IN("bool[] 1", "f32[] 1", "f32[] 7"), OUT("f32[] 1")},
    {"Where", 16, "", IN("bool[2] 1 0", "str[2] 'a' 'b'", "str[2] 'cc' 'dd'"), OUT("str[2] 'a' 'dd'")},
    {"Where", 16, "", IN("bool[2] 1 0", "c64[2] 1 2 3 4", "c64[] 5 6"), OUT("c64[2] 1 2 5 6")},
    {"Where", 16, "", IN("bool[2] 1 0", "c128[2] 1 2 3 4", "c128[] 5 6"), OUT("c128[2] 1 2 5 6")},
    {"Where", 16, "", IN("bool[2] 1 0", "bool[2] 1 1", "bool[2] 0 0"), OUT("bool[2] 1 0")},
    {"Where", 16, "", IN("bool[2] 1 0", "f16[2] 1 nan", "f16[2] 3 4"), OUT("f16[2] 1 4")},
    {"Where", 16, "", IN("bool[2] 1 0", "bf16[2] 1 2", "bf16[2] 3 4"), OUT("bf16[2] 1 4")},
    {"Where", 9, "", IN("bool[2] 1 0", "f64[2] 1 2", "f64[2] 3 4"), OUT("f64[2] 1 4")},
    {"Where", 16, "", IN("bool[0]", "f32[1] 1", "f32[] 3"), OUT("f32[0]")},
    {"Where", 16, "", IN("bool[60000] 1 0 ...", "f32[60000] 1 ...", "f32[] 2"), OUT("f32[60000] 1 2 ...")},
    {"Where", 16, "", IN("bool[2] 1 0", "f32[3] 1 2 3", "f32[] 3"), FAILS(SHAPE, "do not broadcast")},
    {"Where", 16, "", IN("bool[2] 1 0", "f32[2] 1 2", "f64[] 3"), FAILS(SHAPE, "float64 where float32")},
    {"Where", 16, "", IN("i32[2] 1 0", "f32[2] 1 2", "f32[] 3"), FAILS(SHAPE, "cannot be int32")},
    {"Where", 9, "", IN("bool[2] 1 0", "bf16[2] 1 2", "bf16[2] 3 4"), FAILS(SHAPE, "cannot be bfloat16")},
};

QN_OP_CASES_MAIN(cases)
