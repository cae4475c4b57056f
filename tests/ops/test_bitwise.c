/* test_bitwise.c: cases of BitShift, BitwiseAnd, BitwiseOr, BitwiseXor and BitwiseNot. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"BitShift", 11, "direction='LEFT'", IN("u8[3] 16 4 255", "u8[3] 1 2 4"), OUT("u8[3] 32 16 240")},
    {"BitShift", 11, "direction='RIGHT'", IN("u8[3] 16 4 255", "u8[3] 1 2 4"), OUT("u8[3] 8 1 15")},
    {"BitShift", 11, "direction='LEFT'", IN("u16[2] 65535 1", "u16[2] 8 15"), OUT("u16[2] 65280 32768")},
    {"BitShift", 11, "direction='RIGHT'", IN("u16[2] 65535 1", "u16[] 8"), OUT("u16[2] 255 0")},
    {"BitShift", 11, "direction='LEFT'", IN("u32[] 3", "u32[2] 31 32"), OUT("u32[2] 2147483648 0")},
    {"BitShift", 11, "direction='RIGHT'", IN("u32[1] 4294967295", "u32[1] 31"), OUT("u32[1] 1")},
    {"BitShift", 11, "direction='LEFT'", IN("u64[2] 1 1", "u64[2] 63 64"), OUT("u64[2] 9223372036854775808 0")},
    {"BitShift", 11, "direction='RIGHT'", IN("u64[2] 9223372036854775808 1", "u64[2] 63 18446744073709551615"),
     OUT("u64[2] 1 0")},
    {"BitShift", 11, "direction='LEFT'", IN("u8[0]", "u8[] 1"), OUT("u8[0]")},
    {"BitShift", 11, "direction='UP'", IN("u8[1] 1", "u8[1] 1"), FAILS(FORMAT, "unknown value 'UP'")},
    {"BitShift", 11, "", IN("u8[1] 1", "u8[1] 1"), FAILS(FORMAT, "required attribute 'direction' is missing")},
    {"BitShift", 11, "direction='LEFT'", IN("i8[1] 1", "i8[1] 1"), FAILS(SHAPE, "cannot be int8")},
    {"BitwiseAnd", 18, "", IN("i32[3] 12 -1 5", "i32[3] 10 255 -2"), OUT("i32[3] 8 255 4")},
    {"BitwiseAnd", 18, "", IN("i64[2,1] -1 1", "i64[3] 1 2 3"), OUT("i64[2,3] 1 2 3 1 0 1")},
    {"BitwiseAnd", 18, "", IN("u16[1] 65535", "u16[1] 4096"), OUT("u16[1] 4096")},
    {"BitwiseOr", 18, "", IN("i8[2] -128 1", "i8[] 2"), OUT("i8[2] -126 3")},
    {"BitwiseOr", 18, "", IN("u64[1] 9223372036854775808", "u64[1] 1"), OUT("u64[1] 9223372036854775809")},
    {"BitwiseOr", 18, "", IN("i16[] 1", "i16[] 2"), OUT("i16[] 3")},
    {"BitwiseXor", 18, "", IN("u8[2] 255 1", "u8[2] 15 3"), OUT("u8[2] 240 2")},
    {"BitwiseXor", 18, "", IN("u32[1] 4294967295", "u32[1] 1"), OUT("u32[1] 4294967294")},
    {"BitwiseXor", 18, "", IN("u32[2] 1 1", "u32[3] 1 1 1"), FAILS(SHAPE, "do not broadcast")},
    {"BitwiseXor", 18, "", IN("f32[1] 1", "f32[1] 1"), FAILS(SHAPE, "cannot be float32")},
    {"BitwiseNot", 18, "", IN("i32[2,2] 0 -1 5 2147483647"), OUT("i32[2,2] -1 0 -6 -2147483648")},
    {"BitwiseNot", 18, "", IN("u8[3] 0 255 15"), OUT("u8[3] 255 0 240")},
    {"BitwiseNot", 18, "", IN("u16[1] 3"), OUT("u16[1] 65532")},
    {"BitwiseNot", 18, "", IN("i64[1] 3"), OUT("i64[1] -4")},
    {"BitwiseNot", 18, "", IN("i64[] 3"), OUT("i64[] -4")},
    {"BitwiseNot", 18, "", IN("i8[2,0]"), OUT("i8[2,0]")},
    {"BitwiseNot", 18, "", IN("bool[1] 1"), FAILS(SHAPE, "cannot be bool")},
};

QN_OP_CASES_MAIN(cases)
