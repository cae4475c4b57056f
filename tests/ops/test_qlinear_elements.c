/* test_qlinear_elements.c: cases of the element-wise operators and poolings of quantised tensors. */
#include "opcase.h"

#define ADD             "quern:QLinearAdd"
#define POOL            "quern:QLinearGlobalAveragePool"
#define TABLE           "quern:ByteTable"
#define U8(scale, zero) "f32[] " scale, "u8[] " zero
#define I8(scale, zero) "f32[] " scale, "i8[] " zero

static const struct qn_op_case cases[] = {
    {ADD, 1, "", IN("u8[2,2] 10 20 30 255", U8(".5", "10"), "u8[2,2] 0 1 2 255", U8("1", "0"), U8(".5", "5")),
     OUT("u8[2,2] 5 17 29 255")},
    /* Half to even, before the zero point; saturation at both ends. */
    {ADD, 1, "", IN("i8[6] 1 3 5 -3 127 -128", I8(".5", "0"), "u8[1] 0", U8("1", "0"), I8("1", "1")),
     OUT("i8[6] 1 3 3 -1 65 -63")},
    {ADD, 1, "", IN("i8[2] 127 -128", I8("1", "0"), "i8[2] 127 -128", I8("1", "0"), I8("1", "0")),
     OUT("i8[2] 127 -128")},
    /* Broadcast both ways, long rows, scalars, nothing. */
    {ADD, 1, "", IN("u8[2,1] 1 2", U8("1", "0"), "u8[3] 10 20 30", U8("1", "0"), U8("1", "0")),
     OUT("u8[2,3] 11 21 31 12 22 32")},
    {ADD, 1, "", IN("u8[3,700] 7 ...", U8("1", "3"), "i8[] -2", I8("1", "0"), U8("1", "100")),
     OUT("u8[3,700] 102 ...")},
    {ADD, 1, "", IN("u8[] 7", U8("1", "3"), "i8[3,700] -2 ...", I8("1", "0"), U8("1", "100")),
     OUT("u8[3,700] 102 ...")},
    {ADD, 1, "", IN("u8[] 7", U8("1", "3"), "u8[] 2", U8("1", "0"), U8("1", "0")), OUT("u8[] 6")},
    {ADD, 1, "", IN("u8[0,2]", U8("1", "3"), "u8[2] 2 3", U8("1", "0"), U8("1", "0")), OUT("u8[0,2]")},
    {"quern:QLinearSub", 1, "", IN("u8[2] 5 9", U8("1", "0"), "u8[2] 3 4", U8("2", "0"), I8("1", "0")),
     OUT("i8[2] -1 1")},
    {"quern:QLinearMul", 1, "", IN("u8[3] 5 9 0", U8(".5", "1"), "i8[3] 3 -4 9", I8("2", "0"), U8("1", "128")),
     OUT("u8[3] 140 96 119")},
    {"quern:QLinearDiv", 1, "", IN("u8[3] 5 9 0", U8("1", "1"), "u8[3] 2 4 0", U8("1", "0"), U8("1", "7")),
     OUT("u8[3] 9 9 0")},
    {ADD, 1, "", IN("u8[2] 1 2", "f32[2] 1 2", "u8[] 0", "u8[2] 1 2", U8("1", "0"), U8("1", "0")),
     FAILS(SHAPE, "a_scale of shape [2] is not one element")},
    {ADD, 1, "", IN("u8[2] 1 2", U8("1", "0"), "u8[3] 1 2 3", U8("1", "0"), U8("1", "0")), FAILS(SHAPE, "")},

    {POOL, 1, "", IN("u8[1,2,2,2] 1 2 3 4 255 255 255 255", U8("1", "0"), U8("1", "3")), OUT("u8[1,2,1,1] 5 255")},
    {POOL, 1, "", IN("i8[2,1,3] -128 -128 -128 1 2 4", I8("2", "1"), I8("1", "-1")), OUT("i8[2,1,1] -128 2")},
    {POOL, 1, "", IN("i8[2,70,130] 3 ...", I8("2", "1"), U8("1", "0")), OUT("u8[2,70,1] 4 ...")},
    {POOL, 1, "", IN("u8[0,2,2]", U8("1", "0"), U8("1", "3")), OUT("u8[0,2,1]")},
    {POOL, 1, "", IN("u8[2] 1 2", U8("1", "0"), U8("1", "3")), FAILS(SHAPE, "x has no channels")},

    {TABLE, 1, "", IN("i8[4] -1 0 127 -128", "u8[256] 9 ..."), OUT("u8[4] 9 ...")},
    {TABLE, 1, "", IN("u8[0]", "i8[256] 9 ..."), OUT("i8[0]")},
    {TABLE, 1, "", IN("u8[1] 0", "i8[255] 9 ..."), FAILS(SHAPE, "a table of shape [255] is not one of 256 elements")},
};

QN_OP_CASES_MAIN(cases)
