/* test_conv_transpose.c: cases of ConvTranspose and of the fused quern:ConvTranspose. */
#include "opcase.h"

#define X22 "f32[1,1,2,2] 1 2 3 4"
#define W22 "f32[1,1,2,2] -4 3 -1 6"
#define W33 "f32[1,1,3,3] -4 3 -1 6 2 -2 5 1 -3"
#define OP  "ConvTranspose"

static const struct qn_op_case cases[] = {
    /* Strides, padding, dilations. */
    {OP, 11, "", IN(X22, X22), OUT("f32[1,1,3,3] 1 4 4 6 20 16 9 24 16")},
    {OP, 1, "", IN(X22, X22), OUT("f32[1,1,3,3] 1 4 4 6 20 16 9 24 16")},
    {OP, 11, "strides=[2,2]", IN(X22, W22, "f32[1] .5"),
     OUT("f32[1,1,4,4] -3.5 3.5 -7.5 6.5 -.5 6.5 -1.5 12.5 -11.5 9.5 -15.5 12.5 -2.5 18.5 -3.5 24.5")},
    {OP, 11, "strides=[2,1] pads=[1,0,0,1] dilations=[1,2]",
     IN("f32[1,1,2,3] 1 2 3 4 5 6", "f32[1,1,3,2] -4 3 -1 6 2 -2"),
     OUT("f32[1,1,4,4] -1 -2 3 12 -14 -16 -8 11 -4 -5 18 30 8 10 4 -10")},
    {OP, 11, "strides=[3,2] output_padding=[1,1]", IN(X22, W22),
     OUT("f32[1,1,6,5] -4 3 -8 6 0 -1 6 -2 12 0 0 0 0 0 0 -12 9 -16 12 0 -3 18 -4 24 0 ...")},
    {OP, 11, "strides=[2,2] auto_pad='VALID'", IN(X22, W22),
     OUT("f32[1,1,4,4] -4 3 -8 6 -1 6 -2 12 -12 9 -16 12 -3 18 -4 24")},

    /* A wanted size. */
    {OP, 11, "strides=[2,2] output_shape=[4,3]", IN(X22, W33), OUT("f32[1,1,4,3] 2 10 4 10 -12 14 6 18 8 3 11 4")},
    {OP, 11, "strides=[2,2] output_shape=[4,3] auto_pad='SAME_UPPER'", IN(X22, W33),
     OUT("f32[1,1,4,3] 3 -9 6 2 10 4 10 -12 14 6 18 8")},
    {OP, 11, "strides=[2,2] output_shape=[1,1,4,3] auto_pad='SAME_LOWER'", IN(X22, W33),
     OUT("f32[1,1,4,3] 2 10 4 10 -12 14 6 18 8 3 11 4")},
    {OP, 11, "strides=[2,2] auto_pad='SAME_UPPER'", IN(X22, W33),
     OUT("f32[1,1,4,4] -4 3 -9 6 6 2 10 4 -7 10 -12 14 18 6 18 8")},
    {OP, 11, "strides=[2,2] auto_pad='SAME_LOWER'", IN(X22, W33),
     OUT("f32[1,1,4,4] 2 10 4 -4 10 -12 14 -10 6 18 8 -8 3 11 4 -12")},
    {OP, 11, "strides=[2,2] auto_pad='SAME_UPPER'", IN("f32[1,1,1,2] 1 2", "f32[1,1,1,1] -4", "f32[1] 1"),
     OUT("f32[1,1,2,4] -3 1 -7 1 1 ...")},
    {OP, 11, "output_shape=[5]", IN("f32[1,1,2] 1 2", "f32[1,1,2] 1 2", "f32[1] .5"),
     OUT("f32[1,1,5] 1.5 4.5 4.5 .5 .5")},
    {OP, 11, "output_shape=[4]", IN("f32[1,1,2] 1 2", "f32[1,1,2] 1 2"), OUT("f32[1,1,4] 1 4 4 0")},
    {OP, 11, "output_shape=[4] auto_pad='SAME_UPPER'", IN("f32[1,1,2] 1 2", "f32[1,1,2] 1 2"),
     OUT("f32[1,1,4] 1 4 4 0")},

    /* Groups and numbers of axes. */
    {OP, 11, "group=2", IN("f32[1,4,1,2] 1 2 3 4 5 6 7 8", "f32[4,2,1,1] -4 3 -1 6 2 -2 5 1", "f32[4] 1 2 3 4"),
     OUT("f32[1,4,1,2] -6 -11 23 32 48 55 1 0")},
    {OP, 11, "group=2 strides=[2,2] pads=[0,1,0,0]",
     IN("f32[1,2,2,2] 1 2 3 4 5 6 7 8", "f32[2,1,2,2] -4 3 -1 6 2 -2 5 1"),
     OUT("f32[1,2,4,3] 3 -8 6 6 -2 12 9 -16 12 18 -4 24 -10 12 -12 5 30 6 -14 16 -16 7 40 8")},
    {OP, 11, "strides=[2] pads=[1,1]", IN("f32[2,1,3] 1 2 3 4 5 6", "f32[1,2,3] -4 3 -1 6 2 -2"),
     OUT("f32[2,2,5] 3 -9 6 -14 9 2 10 4 14 6 12 -24 15 -29 18 8 22 10 26 12")},
    {OP, 11, "", IN("f32[1,1,1,2,2] 1 2 3 4", "f32[1,1,2,1,2] -4 3 -1 6"),
     OUT("f32[1,1,2,2,3] -4 -5 6 -12 -7 12 -1 4 12 -3 14 24")},
    {OP, 11, "", IN("f32[1,1,1,1,2,2] 1 2 3 4", "f32[1,1,1,1,2,2] 1 2 3 4"),
     OUT("f32[1,1,1,1,3,3] 1 4 4 6 20 16 9 24 16")},
    {OP, 11, "strides=[2,2]", IN("f32[1,40,20,21] 1 ...", "f32[40,24,2,2] .5 ..."), OUT("f32[1,24,40,42] 20 ...")},

    /* Nothing to do; types. */
    {OP, 11, "", IN("f32[0,1,2,2]", X22), OUT("f32[0,1,3,3]")},
    {OP, 11, "", IN("f32[1,0,2]", "f32[0,2,2]", "f32[2] 1 2"), OUT("f32[1,2,3] 1 1 1 2 ...")},
    {OP, 11, "", IN("f32[1,1,0]", "f32[1,1,2] 1 2"), OUT("f32[1,1,0]")},
    {OP, 11, "", IN("f64[1,1,2,2] 1 2 3 4", "f64[1,1,2,2] 1 2 3 4", "f64[1] 1"),
     OUT("f64[1,1,3,3] 2 5 5 7 21 17 10 25 17")},
    {OP, 11, "", IN("f16[1,1,2] 1 2", "f16[1,1,1] .5"), OUT("f16[1,1,2] .5 1")},
    {OP, 22, "", IN("bf16[1,1,2] 1 2", "bf16[1,1,1] .5"), OUT("bf16[1,1,2] .5 1")},

    /* What does not fit. */
    {OP, 11, "", IN("f32[1,2,2] 0 ...", "f32[3,1,2] 0 ..."), FAILS(SHAPE, "X has 2 channels where W expects 3")},
    {OP, 11, "group=2", IN("f32[1,3,2] 0 ...", "f32[3,1,2] 0 ..."),
     FAILS(SHAPE, "3 input channels do not divide into 2")},
    {OP, 11, "", IN(X22, W22, "f32[2] 0 0"), FAILS(SHAPE, "B of shape [2] is not one value for each of 1 channels")},
    {OP, 11, "output_padding=[1]", IN(X22, W22), FAILS(SHAPE, "output_padding has 1 entries, 2 are expected")},
    {OP, 11, "output_shape=[3]", IN(X22, W22), FAILS(SHAPE, "output_shape has 1 entries, 2 are expected")},
    {OP, 11, "output_padding=[1,-1]", IN(X22, W22), FAILS(FORMAT, "'output_padding' is -1")},
    {OP, 11, "pads=[2,2,2,2]", IN(X22, W22), FAILS(SHAPE, "padding leaves nothing of spatial axis 0")},
    {OP, 11, "", IN("f32[1,1] 0", "f32[1,1] 0"), FAILS(SHAPE, "at least one spatial axis")},

    /* The fused form. */
    {"quern:ConvTranspose", 1, "activation='relu'", IN(X22, W22, "f32[1] -5"), OUT("f32[1,1,3,3] 0 0 1 0 0 19 0 9 19")},
};

QN_OP_CASES_MAIN(cases)
