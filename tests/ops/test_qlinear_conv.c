/* test_qlinear_conv.c: cases of ConvInteger and QLinearConv. */
#include "opcase.h"

#define CI        "ConvInteger"
#define QC        "QLinearConv"
#define X         "u8[1,1,3,3] 2 3 4 5 6 7 8 9 10"
#define ONE(zero) "f32[] 1", zero

static const struct qn_op_case cases[] = {
    {CI, 10, "", IN(X, "u8[1,1,2,2] 1 ...", "u8[] 1"), OUT("i32[1,1,2,2] 12 16 24 28")},
    {CI, 10, "pads=[1,1,1,1]", IN(X, "u8[1,1,2,2] 1 ...", "u8[] 1"),
     OUT("i32[1,1,4,4] 1 3 5 3 5 12 16 9 11 24 28 15 7 15 17 9")},
    {CI, 10, "strides=[2,2] pads=[1,1,1,1]", IN(X, "i8[1,1,2,2] 1 0 0 -1", "u8[] 1"), OUT("i32[1,1,2,2] -1 -3 -7 -4")},
    {CI, 10, "dilations=[2,2]", IN(X, "u8[1,1,2,2] 1 2 3 4", "-", "u8[] 1"), OUT("i32[1,1,1,1] 50")},
    {CI, 10, "auto_pad='SAME_UPPER'", IN(X, "u8[1,1,2,2] 1 ...", "u8[1] 1"),
     OUT("i32[1,1,3,3] 12 16 9 24 28 15 15 17 9")},
    {CI, 10, "auto_pad='SAME_LOWER'", IN(X, "u8[1,1,2,2] 1 ...", "u8[1] 1"),
     OUT("i32[1,1,3,3] 1 3 5 5 12 16 11 24 28")},
    /* Zero points by channel, groups, one axis, three axes, none in the batch. */
    {CI, 10, "", IN("i8[1,2,3] 1 2 3 -1 -2 -3", "i8[2,2,1] 1 2 3 4", "-", "i8[2] 1 -1"),
     OUT("i32[1,2,3] -1 -2 -3 -1 -2 -3")},
    {CI, 10, "group=2", IN("i8[1,2,3] 1 2 3 -1 -2 -3", "i8[2,1,2] 1 2 3 4", "-", "i8[2] 1 -1"),
     OUT("i32[1,2,2] 2 3 -14 -23")},
    {CI, 10, "group=2", IN("i8[1,2,3] 1 2 3 -1 -2 -3", "i8[4,1,2] 1 0 0 1 1 0 0 1"),
     OUT("i32[1,4,2] 1 2 2 3 -1 -2 -2 -3")},
    {CI, 10, "group=2", IN("u8[2,4,1,1] 1 2 3 4 5 6 7 8", "u8[2,2,1,1] 1 2 3 4"), OUT("i32[2,2,1,1] 5 25 17 53")},
    {CI, 10, "", IN("u8[1,1,2,2,2] 1 2 3 4 5 6 7 8", "u8[1,1,2,2,2] 1 ..."), OUT("i32[1,1,1,1,1] 36")},
    {CI, 10, "", IN("u8[0,1,3]", "u8[1,1,2] 1 2"), OUT("i32[0,1,2]")},
    {CI, 10, "", IN("u8[1,1,3] 1 ...", "u8[0,1,2]"), OUT("i32[1,0,2]")},
    {CI, 10, "", IN("u8[1,0,3]", "u8[2,0,2]"), OUT("i32[1,2,2] 0 ...")},
    {CI, 10, "", IN("u8[1,40,2,65] 255 ...", "i8[33,40,1,1] -128 ...", "u8[] 5"), OUT("i32[1,33,2,65] -1280000 ...")},
    {CI, 10, "pads=[0,2,0,2]", IN("u8[1,5,2,6] 3 ...", "u8[1,5,2,5] 2 ...", "u8[] 1", "u8[] 1"),
     OUT("i32[1,1,1,6] 60 80 100 100 80 60")},
    {CI, 10, "", IN(X, "u8[1,2,2,2] 1 ..."), FAILS(SHAPE, "X has 1 channels where W expects 2")},
    {CI, 10, "", IN(X, "u8[1,1,4,4] 1 ..."), FAILS(SHAPE, "a window of 4 does not fit into 3")},
    {CI, 10, "", IN(X, "u8[1,1,2,2] 1 ...", "u8[2] 1 2"), FAILS(SHAPE, "x_zero_point of shape [2] is not one")},
    {CI, 10, "", IN(X, "u8[1,1,2,2] 1 ...", "-", "u8[2] 1 2"), FAILS(SHAPE, "w_zero_point of shape [2] is not one")},
    {CI, 10, "", IN("u8[1,1] 1", "u8[1,1] 1"), FAILS(SHAPE, "at least one spatial axis")},

    {QC, 10, "",
     IN("u8[1,1,3,3] 255 174 162 25 203 168 58 34 68", "f32[] .5", "u8[] 100", "u8[1,1,1,1] 0", "f32[] .5", "u8[] 255",
        "f32[] 4", "u8[] 123"),
     OUT("u8[1,1,3,3] 0 0 0 255 0 0 255 255 255")},
    /* (x - 1) * 1 * .5 + B: half to even, then the zero point; saturation. */
    {QC, 10, "",
     IN("u8[1,1,5] 2 4 6 255 1", "f32[] .5", "u8[] 1", "i8[1,1,1] 1", ONE("i8[] 0"), ONE("u8[] 3"), "i32[1] 0"),
     OUT("u8[1,1,5] 3 5 5 130 3")},
    {QC, 10, "",
     IN("u8[1,1,4] 0 2 200 6", ONE("u8[] 1"), "u8[2,1,1] 1 2", "f32[2] 1 .5", "u8[2] 0 1", ONE("i8[] -1"),
        "i32[2] 10 -20"),
     OUT("i8[1,2,4] 8 10 127 14 -11 -11 89 -9")},
    {QC, 10, "group=2", IN("i8[1,2,2] 1 2 3 4", ONE("i8[] 0"), "i8[2,1,1] 2 3", ONE("i8[] 0"), ONE("i8[] 0")),
     OUT("i8[1,2,2] 2 4 9 12")},
    {QC, 10, "", IN("u8[1,1,4] 0 ...", ONE("u8[] 1"), "u8[2,1,1] 1 2", "f32[3] 1 ...", "u8[2] 0 1", ONE("i8[] -1")),
     FAILS(SHAPE, "w_scale of shape [3] is not one value for each output channel")},
    {QC, 10, "", IN("u8[1,1,4] 0 ...", ONE("u8[] 1"), "u8[2,1,1] 1 2", ONE("u8[] 0"), ONE("i8[] -1"), "i32[1] 0"),
     FAILS(SHAPE, "B of shape [1] is not one value for each of 2 channels")},
};

QN_OP_CASES_MAIN(cases)
