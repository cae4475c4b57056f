/* test_expand_tile.c: cases of Expand and Tile. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Expand", 13, "", IN("f32[3,1] 1 2 3", "i64[2] 3 2"), OUT("f32[3,2] 1 1 2 2 3 3")},
    {"Expand", 13, "", IN("f32[3,1] 1 2 3", "i64[3] 2 1 1"), OUT("f32[2,3,1] 1 2 3 1 2 3")},
    {"Expand", 13, "", IN("i64[2] 1 2", "i64[1] 1"), OUT("i64[2] 1 2")},
    {"Expand", 13, "", IN("u8[] 9", "i64[2] 2 2"), OUT("u8[2,2] 9 ...")},
    {"Expand", 13, "", IN("u8[] 9", "i64[0]"), OUT("u8[] 9")},
    {"Expand", 13, "", IN("str[1] 'x'", "i64[1] 3"), OUT("str[3] 'x' 'x' 'x'")},
    {"Expand", 8, "", IN("c64[2,1] 1 2 3 4", "i64[2] 1 2"), OUT("c64[2,2] 1 2 1 2 3 4 3 4")},
    {"Expand", 13, "", IN("f16[1,2] 1 2", "i64[2] 2 1"), OUT("f16[2,2] 1 2 1 2")},
    {"Expand", 13, "", IN("f32[1,2] 1 2", "i64[2] 0 2"), OUT("f32[0,2]")},
    {"Expand", 13, "", IN("f32[1] 3", "i64[1] 100000"), OUT("f32[100000] 3 ...")},
    {"Expand", 13, "", IN("f32[3] 1 2 3", "i64[1] 2"), FAILS(SHAPE, "shape [3] cannot be expanded to [2]")},
    {"Expand", 13, "", IN("f32[1] 1", "i64[1] -1"), FAILS(RANGE, "entry 0 of the shape is -1")},
    {"Expand", 13, "", IN("f32[1] 1", "i64[17] 1 ..."), FAILS(LIMIT, "rank 17")},
    {"Expand", 13, "", IN("f32[1] 1", "i64[2] 4611686018427387904 4611686018427387904"), FAILS(LIMIT, "too large")},

    {"Tile", 13, "", IN("f32[2,2] 1 2 3 4", "i64[2] 2 2"), OUT("f32[4,4] 1 2 1 2 3 4 3 4 1 2 1 2 3 4 3 4")},
    {"Tile", 13, "", IN("i8[2] 1 2", "i64[1] 3"), OUT("i8[6] 1 2 1 2 1 2")},
    {"Tile", 13, "", IN("f64[2,1] 1 2", "i64[2] 1 3"), OUT("f64[2,3] 1 1 1 2 2 2")},
    {"Tile", 13, "", IN("str[1,2] 'a' 'b'", "i64[2] 2 1"), OUT("str[2,2] 'a' 'b' 'a' 'b'")},
    {"Tile", 6, "", IN("f32[] 3", "i64[0]"), OUT("f32[] 3")},
    {"Tile", 6, "", IN("f32[2] 1 2", "i64[1] 0"), OUT("f32[0]")},
    {"Tile", 1, "", IN("f32[2,1] 1 2", "f32[] 2", "f32[] 1"), OUT("f32[2,2] 1 1 2 2")},
    {"Tile", 1, "", IN("f16[1] 1", "f16[1] 3", "f16[1] 0"), OUT("f16[3] 1 1 1")},
    {"Tile", 1, "", IN("f32[1] 1", "f32[] 2", "f32[] 1"), FAILS(SHAPE, "axis 1 is outside a tensor of rank 1")},
    {"Tile", 1, "", IN("f32[1] 1", "f32[2] 2 2", "f32[] 0"), FAILS(SHAPE, "must be one number each")},
    {"Tile", 13, "", IN("f32[2] 1 2", "i64[2] 1 1"), FAILS(SHAPE, "repeats has 2 entries for a tensor of rank 1")},
    {"Tile", 13, "", IN("f32[2] 1 2", "i64[1] -1"), FAILS(RANGE, "entry 0 of repeats is -1")},
    {"Tile", 13, "", IN("f32[2] 1 2", "i64[1] 9223372036854775807"), FAILS(LIMIT, "too large")},
};

QN_OP_CASES_MAIN(cases)
