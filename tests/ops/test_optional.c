/* test_optional.c: cases of the optional operators. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"Optional", 15, "", IN("f32[2] 1 2"), OUT("opt(f32) [ f32[2] 1 2 ]")},
    {"Optional", 15, "", IN("seq(i64) [ i64[1] 3 ]"), OUT("opt(seq) [ seq(i64) [ i64[1] 3 ] ]")},
    {"Optional", 15, "", .in = {NULL}, FAILS(FORMAT, "needs the attribute 'type'")},
    {"OptionalHasElement", 15, "", IN("opt(f32) [ f32[2] 1 2 ]"), OUT("bool[] 1")},
    {"OptionalHasElement", 15, "", IN("opt(f32) [ ]"), OUT("bool[] 0")},
    {"OptionalHasElement", 15, "", IN("f32[1] 1"), FAILS(SHAPE, "cannot be a tensor")},
    {"OptionalHasElement", 18, "", IN("f32[1] 1"), OUT("bool[] 1")},
    {"OptionalHasElement", 18, "", .in = {NULL}, OUT("bool[] 0")},
    {"OptionalGetElement", 15, "", IN("opt(f32) [ f32[2] 1 2 ]"), OUT("f32[2] 1 2")},
    {"OptionalGetElement", 15, "", IN("opt(f32) [ ]"), FAILS(RANGE, "the optional is empty")},
    {"OptionalGetElement", 18, "", IN("f32[2] 1 2"), OUT("f32[2] 1 2")},
    {"OptionalGetElement", 18, "", IN("seq(f32) [ f32[1] 1 ]"), OUT("seq(f32) [ f32[1] 1 ]")},
};

QN_OP_CASES_MAIN(cases)
