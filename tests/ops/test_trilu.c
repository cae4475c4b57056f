/* test_trilu.c: cases of Trilu. */
#include "opcase.h"

#define NINE  "1 2 3 4 5 6 7 8 9"
#define BIG   "9223372036854775807"
#define SMALL "-9223372036854775808"

static const struct qn_op_case cases[] = {
    {"Trilu", 14, "", IN("f32[3,3] " NINE), OUT("f32[3,3] 1 2 3 0 5 6 0 0 9")},
    {"Trilu", 14, "", IN("f32[3,3] " NINE, "i64[] 1"), OUT("f32[3,3] 0 2 3 0 0 6 0 0 0")},
    {"Trilu", 14, "", IN("f32[3,3] " NINE, "i64[] -1"), OUT("f32[3,3] 1 2 3 4 5 6 0 8 9")},
    {"Trilu", 14, "upper=0", IN("i32[3,3] " NINE), OUT("i32[3,3] 1 0 0 4 5 0 7 8 9")},
    {"Trilu", 14, "upper=0", IN("i8[3,3] " NINE, "i64[1] 1"), OUT("i8[3,3] 1 2 0 4 5 6 7 8 9")},
    {"Trilu", 14, "upper=0", IN("f64[2,4] 1 2 3 4 5 6 7 8", "i64[] -1"), OUT("f64[2,4] 0 0 0 0 5 0 0 0")},
    {"Trilu", 14, "", IN("f16[2,2,2] 1 2 3 4 5 6 7 8"), OUT("f16[2,2,2] 1 2 0 4 5 6 0 8")},
    {"Trilu", 14, "", IN("f32[2,1] 1 2", "i64[] " BIG), OUT("f32[2,1] 0 0")},
    {"Trilu", 14, "", IN("f32[2,1] 1 2", "i64[] " SMALL), OUT("f32[2,1] 1 2")},
    {"Trilu", 14, "upper=0", IN("f32[2,1] 1 2", "i64[] " BIG), OUT("f32[2,1] 1 2")},
    {"Trilu", 14, "upper=0", IN("f32[2,1] 1 2", "i64[] " SMALL), OUT("f32[2,1] 0 0")},
    {"Trilu", 14, "", IN("str[2,2] 'a' 'b' 'c' 'd'"), OUT("str[2,2] 'a' 'b' '' 'd'")},
    {"Trilu", 14, "", IN("f32[2,0,3]"), OUT("f32[2,0,3]")},
    {"Trilu", 14, "upper=0", IN("f32[300,300,2] 1 ...", "i64[] 2"), OUT("f32[300,300,2] 1 ...")},
    {"Trilu", 14, "", IN("f32[3] 1 2 3"), FAILS(SHAPE, "not a tensor of rank 1")},
    {"Trilu", 14, "", IN("f32[1,1] 1", "i64[2] 1 2"), FAILS(SHAPE, "k must be one number")},
};

QN_OP_CASES_MAIN(cases)
