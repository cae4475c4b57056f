/* test_slice.c: cases of Slice. */
#include "opcase.h"

#define EIGHT "1 2 3 4 5 6 7 8"
#define BIG   "9223372036854775807"
#define SMALL "-9223372036854775808"

static const struct qn_op_case cases[] = {
    {"Slice", 13, "", IN("f32[2,4] " EIGHT, "i64[2] 1 0", "i64[2] 2 3", "i64[2] 0 1", "i64[2] 1 2"),
     OUT("f32[1,2] 5 7")},
    {"Slice", 13, "", IN("f32[2,4] " EIGHT, "i64[2] 0 1", "i64[2] -1 1000"), OUT("f32[1,3] 2 3 4")},
    {"Slice", 13, "", IN("f32[2,4] " EIGHT, "i32[1] 1", "i32[1] 3", "i32[1] -1"), OUT("f32[2,2] 2 3 6 7")},
    {"Slice", 13, "", IN("u8[8] " EIGHT, "i64[1] -1", "i64[1] " SMALL, "i64[1] 0", "i64[1] -1"),
     OUT("u8[8] 8 7 6 5 4 3 2 1")},
    {"Slice", 13, "", IN("i16[8] " EIGHT, "i64[1] 6", "i64[1] 1", "-", "i64[1] -2"), OUT("i16[3] 7 5 3")},
    {"Slice", 13, "", IN("f64[2,4] " EIGHT, "i64[2] 20 -20", "i64[2] " SMALL " " BIG, "i64[2] 1 0", "i64[2] -3 1"),
     OUT("f64[2,2] 4 1 8 5")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] -9", "i64[1] -9", "i64[1] 0", "i64[1] -1"), OUT("f32[1] 1")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 3", "i64[1] 1"), OUT("f32[0]")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 1", "i64[1] " BIG, "i64[1] 0", "i64[1] " BIG), OUT("f32[1] 2")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 2", "i64[1] " SMALL, "i64[1] 0", "i64[1] " SMALL), OUT("f32[1] 3")},
    {"Slice", 13, "", IN("f32[0,2]", "i64[1] -1", "i64[1] " SMALL, "i64[1] 0", "i64[1] -1"), OUT("f32[0,2]")},
    {"Slice", 13, "", IN("f32[] 4", "i64[0]", "i64[0]"), OUT("f32[] 4")},
    {"Slice", 13, "", IN("str[3] 'a' 'b' 'c'", "i64[1] 1", "i64[1] 9"), OUT("str[2] 'b' 'c'")},
    {"Slice", 13, "", IN("c128[2] 1 2 3 4", "i64[1] 1", "i64[1] 9"), OUT("c128[1] 3 4")},
    {"Slice", 13, "", IN("bf16[2,1,2] 1 2 3 4", "i64[1] 1", "i64[1] 2", "i64[1] 2"), OUT("bf16[2,1,1] 2 4")},
    {"Slice", 13, "", IN("f32[300,300] 1 ...", "i64[1] 1", "i64[1] 299", "i64[1] 1"), OUT("f32[300,298] 1 ...")},
    {"Slice", 10, "", IN("i8[3] 1 2 3", "i64[1] 1", "i64[1] 3"), OUT("i8[2] 2 3")},
    {"Slice", 1, "starts=[0,-2] ends=[1,-1]", IN("f32[2,4] " EIGHT), OUT("f32[1,1] 3")},
    {"Slice", 1, "starts=[1] ends=[1000] axes=[1]", IN("bool[1,3] 1 0 1"), OUT("bool[1,2] 0 1")},
    {"Slice", 1, "starts=[1]", IN("f32[2] 1 2"), FAILS(FORMAT, "at least 3 inputs expected")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 0", "i64[1] 4", "i64[1] 0", "i64[1] 0"),
     FAILS(RANGE, "the step of axis 0 is zero")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 0", "i64[2] 4 4"), FAILS(SHAPE, "must be equally long")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[2] 0 0", "i64[2] 4 4"), FAILS(SHAPE, "2 axes of a tensor of rank 1")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 0", "i64[1] 4", "i64[1] 1"), FAILS(SHAPE, "axis 1 is outside")},
    {"Slice", 13, "", IN("f32[2,2] 1 2 3 4", "i64[2] 0 0", "i64[2] 1 1", "i64[2] 1 -1"),
     FAILS(SHAPE, "axis 1 is named")},
    {"Slice", 13, "", IN("f32[4] 1 2 3 4", "i64[1] 0", "i32[1] 4"), FAILS(SHAPE, "is int32 where int64 is expected")},
};

QN_OP_CASES_MAIN(cases)
