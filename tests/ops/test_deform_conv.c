/* test_deform_conv.c: cases of DeformConv. A kernel of one tap and weight 1 shows what is sampled. */
#include "opcase.h"

#define X23 "f32[1,1,2,3] 1 2 3 4 5 6"

static const struct qn_op_case cases[] = {
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] 0 ..."), OUT("f32[1,1,2,3] 1 2 3 4 5 6")},
    /* half a row down: what is below the last row is 0 */
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] .5 .5 .5 .5 .5 .5 0 0 0 0 0 0"),
     OUT("f32[1,1,2,3] 2.5 3.5 4.5 2 2.5 3")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] 0 0 0 0 0 0 -.5 -.25 0 .5 1 2"),
     OUT("f32[1,1,2,3] .5 1.75 3 4.5 6 0")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] .5 -2 inf -inf nan 1e30 .5 0 0 0 0 0"),
     OUT("f32[1,1,2,3] 3 0 0 0 0 0")},
    {"DeformConv", 22, "", IN("f64[1,1,1,2] 1 2", "f64[1,1,1,1] 3", "f64[1,2,1,2] 0 0 .5 0"), OUT("f64[1,1,1,2] 4.5 6"),
     TOLERANCE(1e-12, 1e-12)},
    {"DeformConv", 22, "", IN("f16[1,1,1,2] 1 2", "f16[1,1,1,1] 3", "f16[1,2,1,2] 0 0 .5 0"),
     OUT("f16[1,1,1,2] 4.5 6")},
    {"DeformConv", 22, "", IN("bf16[1,1,1,2] 1 2", "bf16[1,1,1,1] 3", "bf16[1,2,1,2] 0 0 .5 0"),
     OUT("bf16[1,1,1,2] 4.5 6")},
    {"DeformConv", 19, "", IN("f32[1,1,1,2] 1 2", "f32[1,1,1,1] 3", "f32[1,2,1,2] 0 0 .5 0"),
     OUT("f32[1,1,1,2] 4.5 6")},
    /* without offsets it is a convolution; bias and mask */
    {"DeformConv", 22, "kernel_shape=[1,2] pads=[0,1,0,1]", IN(X23, "f32[1,1,1,2] 1 10", "f32[1,4,2,4] 0 ..."),
     OUT("f32[1,1,2,4] 10 21 32 3 40 54 65 6")},
    {"DeformConv", 22, "strides=[1,2] dilations=[1,2]",
     IN(X23, "f32[1,1,1,2] 1 10", "f32[1,4,2,1] 0 ...", "f32[1] 100"), OUT("f32[1,1,2,1] 131 164")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,2] 1 10", "f32[1,4,2,2] 0 ...", "-", "f32[1,2,2,2] 1 1 1 1 0 .5 1 0"),
     OUT("f32[1,1,2,2] 1 17 54 5")},
    /* groups: channel 1 has offsets of its own; two filters, a group each */
    {"DeformConv", 22, "offset_group=2",
     IN("f32[1,2,1,2] 1 2 3 4", "f32[1,2,1,1] 1 10", "f32[1,4,1,2] 0 0 0 0 0 0 1 -1"), OUT("f32[1,1,1,2] 41 32")},
    {"DeformConv", 22, "group=2",
     IN("f32[1,2,1,2] 1 2 3 4", "f32[2,1,1,1] 1 10", "f32[1,2,1,2] 0 0 1 -1", "f32[2] 0 5"),
     OUT("f32[1,2,1,2] 2 1 45 35")},
    {"DeformConv", 22, "group=2 offset_group=2",
     IN("f32[2,2,1,1] 1 2 3 4", "f32[2,1,1,1] 1 10", "f32[2,4,1,1] 0 0 0 .5 0 .25 0 0"),
     OUT("f32[2,2,1,1] 1 10 2.25 40")},
    /* one, three and four axes */
    {"DeformConv", 22, "", IN("f32[1,1,3] 1 2 4", "f32[1,1,2] 1 10", "f32[1,2,2] .5 0 0 .5"),
     OUT("f32[1,1,2] 21.5 22")},
    {"DeformConv", 22, "",
     IN("f32[1,1,2,1,2] 1 2 3 5", "f32[1,1,1,1,1] 1", "f32[1,3,2,1,2] .5 0 0 0 0 0 0 0 .5 0 0 -.5"),
     OUT("f32[1,1,2,1,2] 2.75 2 3 4")},
    {"DeformConv", 22, "", IN("f32[1,1,1,1,1,2] 1 2", "f32[1,1,1,1,1,1] 1", "f32[1,4,1,1,1,2] 0 0 0 0 0 0 .5 0"),
     OUT("f32[1,1,1,1,1,2] 1.5 2")},
    /* more than a block of positions */
    {"DeformConv", 22, "", IN("f32[1,1,10,20] 3 ...", "f32[2,1,1,1] 1 2", "f32[1,2,10,20] 0 ...", "f32[2] 1 0"),
     OUT("f32[1,2,10,20] 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 "
         "4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 "
         "4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 "
         "4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 4 "
         "4 4 4 4 6 ...")},
    {"DeformConv", 22, "", IN("f32[0,1,1,1]", "f32[1,1,1,1] 1", "f32[0,2,1,1]"), OUT("f32[0,1,1,1]")},
    {"DeformConv", 22, "", IN("f32[1,1,1,2] 1 2", "f32[0,1,1,1]", "f32[1,2,1,2] 0 ..."), OUT("f32[1,0,1,2]")},

    {"DeformConv", 22, "", IN("f32[1,1] 1", "f32[1,1] 1", "f32[1,1] 0"), FAILS(SHAPE, "rank 3 or more, not 2")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1] 1", "f32[1,2,2,3] 0 ..."), FAILS(SHAPE, "W must have rank 4")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,1,2,3] 0 ..."),
     FAILS(SHAPE, "dimension 1 of offset is 1, expected 2")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,2] 0 ..."),
     FAILS(SHAPE, "dimension 3 of offset is 2, expected 3")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] 0 ...", "-", "f32[1,2,2,3] 1 ..."),
     FAILS(SHAPE, "dimension 1 of the mask is 2, expected 1")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] 0 ...", "f32[2] 1 1"),
     FAILS(SHAPE, "B must have one element for each of 1")},
    {"DeformConv", 22, "group=2", IN(X23, "f32[2,1,1,1] 1 1", "f32[1,2,2,3] 0 ..."),
     FAILS(SHAPE, "W is for 2 groups of 1 channels, X has 1")},
    {"DeformConv", 22, "offset_group=2", IN(X23, "f32[1,1,1,1] 1", "f32[1,2,2,3] 0 ..."),
     FAILS(SHAPE, "1 channels cannot be in 2 offset groups")},
    {"DeformConv", 22, "", IN(X23, "f32[1,1,3,1] 1 1 1", "f32[1,6,1,3] 0 ..."), FAILS(SHAPE, "window")},
};

QN_OP_CASES_MAIN(cases)
