/* test_split.c: cases of Split. */
#include "opcase.h"

#define SIX "1 2 3 4 5 6"

static const struct qn_op_case cases[] = {
    {"Split", 13, "", IN("f32[6] " SIX), OUT("f32[2] 1 2", "f32[2] 3 4", "f32[2] 5 6")},
    {"Split", 13, "axis=1", IN("f32[2,3] " SIX, "i64[2] 1 2"), OUT("f32[2,1] 1 4", "f32[2,2] 2 3 5 6")},
    {"Split", 13, "axis=-2", IN("f32[2,3] " SIX), OUT("f32[1,3] 1 2 3", "f32[1,3] 4 5 6")},
    {"Split", 13, "", IN("str[2] 'a' 'b'", "i64[3] 0 2 0"), OUT("str[0]", "str[2] 'a' 'b'", "str[0]")},
    {"Split", 13, "", IN("f16[4] 1 2 3 4"), OUT("-", "f16[2] 3 4")},
    {"Split", 18, "num_outputs=3", IN("i8[7] 1 2 3 4 5 6 7"), OUT("i8[3] 1 2 3", "i8[3] 4 5 6", "i8[1] 7")},
    {"Split", 18, "num_outputs=4", IN("i8[5] 1 2 3 4 5"), OUT("i8[2] 1 2", "i8[2] 3 4", "i8[1] 5", "i8[0]")},
    {"Split", 18, "num_outputs=3", IN("i8[7] 1 2 3 4 5 6 7"), OUT("i8[3] 1 2 3")},
    {"Split", 18, "", IN("f64[3] 1 2 3"), OUT("f64[2] 1 2", "f64[1] 3")},
    {"Split", 13, "", IN("f32[0]"), OUT("f32[0]", "f32[0]")},
    {"Split", 13, "axis=1", IN("f32[400,200] 2 ..."), OUT("f32[400,100] 2 ...", "f32[400,100] 2 ...")},
    {"Split", 2, "split=[1,2]", IN("i32[3] 1 2 3"), OUT("i32[1] 1", "i32[2] 2 3")},
    {"Split", 11, "axis=-1", IN("bool[1,2] 1 0"), OUT("bool[1,1] 1", "bool[1,1] 0")},
    {"Split", 1, "axis=0", IN("f32[3] 1 2 3", "f32[2] 2 1"), OUT("f32[2] 1 2", "f32[1] 3")},
    {"Split", 1, "split=[3]", IN("f32[3] 1 2 3"), OUT("f32[3] 1 2 3")},
    {"Split", 13, "", IN("f32[3] 1 2 3"), OUT("f32[2] 1 2", "f32[1] 3"), FAILS(SHAPE, "into 2 equal parts")},
    {"Split", 13, "", IN("f32[3] 1 2 3", "i64[2] 1 3"), OUT("-", "-"), FAILS(SHAPE, "are more than 3 in all")},
    {"Split", 13, "", IN("f32[3] 1 2 3", "i64[2] 1 1"), OUT("-", "-"), FAILS(SHAPE, "are 1 less than the axis, 3")},
    {"Split", 13, "", IN("f32[3] 1 2 3", "i64[2] 4 -1"), OUT("-", "-"), FAILS(SHAPE, "are more than 3")},
    {"Split", 13, "", IN("f32[3] 1 2 3", "i64[2] -1 4"), OUT("-", "-"), FAILS(RANGE, "entry 0 of split is -1")},
    {"Split", 13, "", IN("f32[3] 1 2 3", "i64[1] 3"), OUT("-", "-"), FAILS(SHAPE, "split has 1 entries for 2 outputs")},
    {"Split", 13, "axis=1", IN("f32[3] 1 2 3"), FAILS(SHAPE, "axis 1 is outside a tensor of rank 1")},
    {"Split", 18, "num_outputs=1", IN("f32[3] 1 2 3"), OUT("-", "-"), FAILS(FORMAT, "'num_outputs' is 1")},
    {"Split", 18, "num_outputs=0", IN("f32[3] 1 2 3"), FAILS(FORMAT, "'num_outputs' is 0, outside")},
    {"Split", 18, "num_outputs=2", IN("f32[2] 1 2", "i64[2] 1 1"), OUT("-", "-"), FAILS(FORMAT, "both given")},
};

QN_OP_CASES_MAIN(cases)
