/* test_logic.c: cases of And, Or, Xor and Not. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"And", 7, "", IN("bool[4] 0 0 1 1", "bool[4] 0 1 0 1"), OUT("bool[4] 0 0 0 1")},
    {"Or", 7, "", IN("bool[4] 0 0 1 1", "bool[4] 0 1 0 1"), OUT("bool[4] 0 1 1 1")},
    {"Xor", 7, "", IN("bool[4] 0 0 1 1", "bool[4] 0 1 0 1"), OUT("bool[4] 0 1 1 0")},
    {"And", 7, "", IN("bool[2,1] 0 1", "bool[3] 0 1 1"), OUT("bool[2,3] 0 0 0 0 1 1")},
    {"Or", 7, "", IN("bool[] 1", "bool[2,2] 0 ..."), OUT("bool[2,2] 1 ...")},
    {"Xor", 7, "", IN("bool[] 1", "bool[] 1"), OUT("bool[] 0")},
    {"Or", 7, "", IN("bool[0,2]", "bool[2] 0 1"), OUT("bool[0,2]")},
    {"And", 1, "", IN("bool[2] 1 0", "bool[2] 1 1"), OUT("bool[2] 1 0")},
    {"And", 1, "broadcast=1 axis=0", IN("bool[2,2] 1 1 1 1", "bool[2] 1 0"), OUT("bool[2,2] 1 1 0 0")},
    {"Xor", 1, "broadcast=1", IN("bool[2,2] 1 1 1 1", "bool[2] 1 0"), OUT("bool[2,2] 0 1 0 1")},
    {"Or", 1, "", IN("bool[2] 1 1", "bool[1] 1"), FAILS(SHAPE, "broadcast is not set")},
    {"And", 7, "", IN("i32[1] 1", "i32[1] 1"), FAILS(SHAPE, "cannot be int32")},
    {"And", 7, "", IN("bool[2] 1 1", "bool[3] 1 1 1"), FAILS(SHAPE, "do not broadcast")},
    {"Not", 1, "", IN("bool[2,2] 0 1 1 0"), OUT("bool[2,2] 1 0 0 1")},
    {"Not", 1, "", IN("bool[] 0"), OUT("bool[] 1")},
    {"Not", 1, "", IN("bool[0]"), OUT("bool[0]")},
    {"Not", 1, "", IN("bool[50000] 1 ..."), OUT("bool[50000] 0 ...")},
    {"Not", 1, "", IN("u8[1] 0"), FAILS(SHAPE, "cannot be uint8")},
};

QN_OP_CASES_MAIN(cases)
