/* test_conv.c: cases of Conv and of the fused quern:Conv. */
#include "opcase.h"

#define X33 "f32[1,1,3,3] 1 2 3 4 5 6 7 8 9"
#define X43 "f32[1,1,4,3] 1 2 3 4 5 6 7 8 9 10 11 12"
#define W22 "f32[1,1,2,2] -4 3 -1 6"
#define W33 "f32[1,1,3,3] -4 3 -1 6 2 -2 5 1 -3"

static const struct qn_op_case cases[] = {
    /* Padding, strides, dilations. */
    {"Conv", 11, "", IN(X33, "f32[1,1,2,2] 1 2 3 4"), OUT("f32[1,1,2,2] 37 47 67 77")},
    {"Conv", 11, "pads=[1,1,1,1]", IN(X33, W33), OUT("f32[1,1,3,3] -13 11 49 -18 37 92 5 33 64")},
    {"Conv", 11, "pads=[0,1,2,0] strides=[2,1] dilations=[1,2]", IN("f32[1,1,3,4] 1 2 3 4 5 6 7 8 9 10 11 12", W22),
     OUT("f32[1,1,2,3] 42 42 46 30 -3 -4")},
    {"Conv", 11, "auto_pad='SAME_UPPER' strides=[2,2]", IN(X43, W22), OUT("f32[1,1,2,2] 28 -18 52 -48")},
    {"Conv", 11, "auto_pad='SAME_LOWER' strides=[2,2]", IN(X43, W22), OUT("f32[1,1,2,2] 27 32 81 56")},
    {"Conv", 11, "auto_pad='SAME_UPPER'", IN("f32[1,1,1,4] 1 2 3 4", "f32[1,1,1,2] -4 3"),
     OUT("f32[1,1,1,4] 2 1 0 -16")},
    {"Conv", 11, "auto_pad='SAME_LOWER'", IN("f32[1,1,1,4] 1 2 3 4", "f32[1,1,1,2] -4 3"), OUT("f32[1,1,1,4] 3 2 1 0")},
    {"Conv", 11, "auto_pad='SAME_UPPER' strides=[3,3]", IN("f32[1,1,4,4] 1 ...", "f32[1,1,1,1] 2"),
     OUT("f32[1,1,2,2] 2 ...")},
    {"Conv", 11, "auto_pad='VALID'", IN("f32[1,1,2,3] 1 2 3 4 5 6", W22), OUT("f32[1,1,1,2] 28 32")},
    {"Conv", 11, "auto_pad='' pads=[1,0,0,0]", IN("f32[1,1,1,3] 1 2 3", W22), OUT("f32[1,1,1,2] 11 16")},
    {"Conv", 1, "", IN(X33, "f32[1,1,2,2] 1 2 3 4"), OUT("f32[1,1,2,2] 37 47 67 77")},

    /* Channels and groups. */
    {"Conv", 11, "kernel_shape=[1,1]",
     IN("f32[2,3,1,2] 1 2 3 4 5 6 7 8 9 10 11 12", "f32[2,3,1,1] -4 3 -1 6 2 -2", "f32[2] 1 -1"),
     OUT("f32[2,2,1,2] 1 -1 1 7 -11 -13 37 43")},
    {"Conv", 11, "group=2", IN("f32[1,4,1,2] 1 2 3 4 5 6 7 8", "f32[2,2,1,1] -4 3 -1 6", "f32[2] 1 -1"),
     OUT("f32[1,2,1,2] 6 5 36 41")},
    {"Conv", 11, "group=2 pads=[1,0,1,0]",
     IN("f32[1,2,2,2] 1 2 3 4 5 6 7 8", "f32[4,1,3,1] -4 3 -1 6 2 -2 5 1 -3 4 0 -4"),
     OUT("f32[1,4,2,2] 0 2 5 4 -4 -4 12 20 -16 -18 32 38 -28 -32 20 24")},
    {"Conv", 11, "group=3 pads=[1,1,1,1]",
     IN("f32[1,3,2,2] 1 2 3 4 5 6 7 8 9 10 11 12",
        "f32[3,1,3,3] -4 3 -1 6 2 -2 5 1 -3 4 0 -4 3 -1 6 2 -2 5 1 -3 4 0 -4 3 -1 6 2", "f32[3] 1 2 3"),
     OUT("f32[1,3,2,2] -10 30 0 29 59 9 19 35 87 24 8 -66")},
    {"Conv", 11, "group=2 strides=[2,2] pads=[1,1,1,1]",
     IN("f32[1,2,3,3] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18",
        "f32[2,1,3,3] -4 3 -1 6 2 -2 5 1 -3 4 0 -4 3 -1 6 2 -2 5"),
     OUT("f32[1,2,2,2] -13 49 5 64 100 19 30 89")},
    {"Conv", 11, "", IN("f32[2,40,17,19] 1 ...", "f32[33,40,1,1] .5 ...", "f32[33] 1 ..."),
     OUT("f32[2,33,17,19] 21 ...")},
    {"Conv", 11, "", IN("f32[1,3,40,40] 1 ...", "f32[20,3,3,3] 2 ..."), OUT("f32[1,20,38,38] 54 ...")},
    {"Conv", 11, "group=40 strides=[2,2]", IN("f32[2,40,33,35] 1 ...", "f32[40,1,3,3] .5 ..."),
     OUT("f32[2,40,16,17] 4.5 ...")},

    /* Numbers of axes. */
    {"Conv", 11, "", IN("f32[2,2,4] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "f32[1,2,2] -4 3 -1 6", "f32[1] .5"),
     OUT("f32[2,1,3] 33.5 37.5 41.5 65.5 69.5 73.5")},
    {"Conv", 11, "strides=[2] pads=[1,0] dilations=[2]", IN("f32[1,1,6] 1 2 3 4 5 6", "f32[2,1,2] -4 3 -1 6"),
     OUT("f32[1,2,3] 6 4 2 12 22 32")},
    {"Conv", 11, "pads=[1,0,0,0,0,0]", IN("f32[1,1,2,2,2] 1 2 3 4 5 6 7 8", "f32[1,1,2,2,1] -4 3 -1 6"),
     OUT("f32[1,1,2,1,2] 17 22 42 46")},
    {"Conv", 11, "group=2 pads=[0,0,1,0,0,0]",
     IN("f32[1,2,1,2,2] 1 2 3 4 5 6 7 8", "f32[2,1,1,2,2] -4 3 -1 6 2 -2 5 1"), OUT("f32[1,2,1,1,2] 21 23 -3 41")},
    {"Conv", 11, "pads=[0,0,0,1,0,0,0,0]", IN("f32[1,1,1,1,3,3] 1 2 3 4 5 6 7 8 9", "f32[1,1,1,1,2,2] -4 3 -1 6"),
     OUT("f32[1,1,1,1,2,3] 27 28 32 54 40 44")},

    /* Nothing to do. */
    {"Conv", 11, "", IN("f32[0,1,3,3]", "f32[2,1,2,2] 1 ..."), OUT("f32[0,2,2,2]")},
    {"Conv", 11, "", IN(X33, "f32[0,1,2,2]"), OUT("f32[1,0,2,2]")},
    {"Conv", 11, "", IN("f32[1,0,3,3]", "f32[2,0,2,2]", "f32[2] 1 2"), OUT("f32[1,2,2,2] 1 1 1 1 2 ...")},
    {"Conv", 11, "", IN("f32[1,1,0]", "f32[1,1,2] 1 2"), OUT("f32[1,1,0]")},
    {"Conv", 11, "pads=[1,1]", IN("f32[1,1,0]", "f32[1,1,2] 1 2", "f32[1] 3"), OUT("f32[1,1,1] 3")},

    /* Types and values. */
    {"Conv", 11, "", IN("f64[1,1,3,3] 1 2 3 4 5 6 7 8 9", "f64[1,1,2,2] 1 2 3 4", "f64[1] .5"),
     OUT("f64[1,1,2,2] 37.5 47.5 67.5 77.5")},
    {"Conv", 11, "", IN("f16[1,1,2,2] 1 2 3 4", "f16[1,1,2,2] 1 2 3 4"), OUT("f16[1,1,1,1] 30")},
    {"Conv", 22, "", IN("bf16[1,1,2] 1 2", "bf16[1,1,1] .5"), OUT("bf16[1,1,2] .5 1")},
    {"Conv", 11, "", IN("f32[1,1,3] inf 1 nan", "f32[1,1,1] 2"), OUT("f32[1,1,3] inf 2 nan")},

    /* What does not fit. */
    {"Conv", 11, "", IN("bf16[1,1,2] 1 2", "bf16[1,1,1] .5"), FAILS(SHAPE, "cannot be bfloat16")},
    {"Conv", 11, "", IN("f32[1,2] 0 ...", "f32[1,2] 0 ..."),
     FAILS(SHAPE, "at least one spatial axis: [1,2] and [1,2]")},
    {"Conv", 11, "", IN(X33, "f32[1,1,2] 0 ..."), FAILS(SHAPE, "X [1,1,3,3] and W [1,1,2] differ in rank")},
    {"Conv", 11, "", IN(X33, "f32[1,2,1,1] 0 ..."), FAILS(SHAPE, "X has 1 channels where W expects 2")},
    {"Conv", 11, "group=2", IN("f32[1,2,1,1] 0 ...", "f32[3,1,1,1] 0 ..."),
     FAILS(SHAPE, "3 output channels do not divide into 2 groups")},
    {"Conv", 11, "", IN(X33, W22, "f32[2] 0 0"),
     FAILS(SHAPE, "B of shape [2] is not one value for each of 1 channels")},
    {"Conv", 11, "kernel_shape=[2,3]", IN(X33, W22),
     FAILS(SHAPE, "kernel_shape says 3 on axis 1 where the weights have 2")},
    {"Conv", 11, "pads=[] strides=[] dilations=[]", IN(X33, "f32[1,1,2,2] 1 2 3 4"), OUT("f32[1,1,2,2] 37 47 67 77")},
    {"Conv", 11, "strides=[1]", IN(X33, W22), FAILS(SHAPE, "strides has 1 entries, 2 are expected")},
    {"Conv", 11, "pads=[1,1]", IN(X33, W22), FAILS(SHAPE, "pads has 2 entries, 4 are expected")},
    {"Conv", 11, "strides=[0,1]", IN(X33, W22), FAILS(FORMAT, "'strides' is 0, outside 1..2147483647")},
    {"Conv", 11, "dilations=[1,-1]", IN(X33, W22), FAILS(FORMAT, "'dilations' is -1")},
    {"Conv", 11, "pads=[0,0,0,-1]", IN(X33, W22), FAILS(FORMAT, "'pads' is -1")},
    {"Conv", 11, "group=0", IN(X33, W22), FAILS(FORMAT, "'group' is 0")},
    {"Conv", 11, "auto_pad='SOME'", IN(X33, W22), FAILS(FORMAT, "unknown value 'SOME'")},
    {"Conv", 11, "dilations=[3,1]", IN(X33, W22),
     FAILS(SHAPE, "a window of 4 does not fit into 3 elements of spatial axis 0")},
    {"Conv", 11, "", IN(X33, "f32[1,1,0,1]"), FAILS(SHAPE, "the kernel is empty on spatial axis 0")},

    /* The fused form. */
    {"quern:Conv", 1, "activation='relu'", IN(X33, "f32[1,1,2,2] 1 2 -3 -4", "f32[1] 35"), OUT("f32[1,1,2,2] 8 4 0 0")},
    {"quern:Conv", 1, "", IN(X33, "f32[1,1,2,2] 1 2 3 4", "-", "f32[1,1,2,2] 1 2 3 4"),
     OUT("f32[1,1,2,2] 38 49 70 81")},
    {"quern:Conv", 1, "activation='clip' activation_a=40.0 activation_b=60.0",
     IN(X33, "f32[1,1,2,2] 1 2 3 4", "f32[1] 1", "f32[1,1,2,2] 1 2 3 -40"), OUT("f32[1,1,2,2] 40 50 60 40")},
    {"quern:Conv", 1, "group=2 activation='leaky_relu' activation_a=.5",
     IN("f32[1,2,1,2] 1 2 3 4", "f32[2,1,1,1] 1 -1", "f32[2] 0 1", "f32[1,2,1,2] -10 0 1 2"),
     OUT("f32[1,2,1,2] -4.5 2 -.5 -.5")},
    {"quern:Conv", 1, "", IN(X33, W22, "-", "f32[2,2] 0 ..."),
     FAILS(SHAPE, "the residual of shape [2,2] is not [1,1,2,2]")},
    {"quern:Conv", 1, "", IN("f64[1,1,1] 0", "f64[1,1,1] 0"), FAILS(SHAPE, "cannot be float64")},
};

QN_OP_CASES_MAIN(cases)
