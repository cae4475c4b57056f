/* test_lrn.c: cases of LRN. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"LRN", 13, "size=3", IN("f32[1,4,1,2] -4 3 -1 6 2 -2 5 1"),
     OUT("f32[1,4,1,2] -3.9983008 2.9966295 -.9994753 5.9926605 1.9985013 -1.9979526 4.9963779 .99987501")},
    {"LRN", 1, "size=2 alpha=.5 beta=.5 bias=2.0", IN("f32[1,4] -4 3 -1 6"),
     OUT("f32[1,4] -1.3926213 1.4142136 -.2981424 1.8090681")},
    {"LRN", 13, "size=3 alpha=.5 beta=1.0", IN("f32[1,3,1] 1 2 3"), OUT("f32[1,3,1] .54545455 .6 .94736842")},
    {"LRN", 13, "size=3 alpha=.5 beta=.3", IN("f32[1,3,1,1] -4 3 -1"),
     OUT("f32[1,3,1,1] -2.4439754 1.8156061 -.74509108")},
    {"LRN", 13, "size=100 alpha=50.0 beta=.5 bias=0.0", IN("f64[2,2] 3 4 6 8"),
     OUT("f64[2,2] .84852814 1.13137085 .84852814 1.13137085")},
    {"LRN", 13, "size=1 alpha=1.0 beta=1.0 bias=0.0", IN("f32[1,1,3000] 2 ..."), OUT("f32[1,1,3000] .5 ...")},
    {"LRN", 13, "size=5", IN("f32[2,40,20,23] 0 ..."), OUT("f32[2,40,20,23] 0 ...")},
    {"LRN", 13, "size=1 alpha=1.0 beta=1.0 bias=0.0", IN("f16[1,1,1] 2"), OUT("f16[1,1,1] .5")},
    {"LRN", 13, "size=1 alpha=1.0 beta=1.0 bias=0.0", IN("bf16[1,1,1] 2"), OUT("bf16[1,1,1] .5")},
    {"LRN", 13, "size=1", IN("f32[1,1,1] nan"), OUT("f32[1,1,1] nan")},
    {"LRN", 13, "size=3", IN("f32[0,2,3]"), OUT("f32[0,2,3]")},
    {"LRN", 13, "size=3", IN("f32[2,0,3]"), OUT("f32[2,0,3]")},
    {"LRN", 13, "size=3", IN("f32[2,3,0]"), OUT("f32[2,3,0]")},
    {"LRN", 13, "size=3", IN("f32[3] 0 ..."), FAILS(SHAPE, "X needs batch and channels: [3]")},
    {"LRN", 13, "size=0", IN("f32[1,3] 0 ..."), FAILS(FORMAT, "'size' is 0")},
    {"LRN", 13, "", IN("f32[1,3] 0 ..."), FAILS(FORMAT, "'size' is missing")},
    {"LRN", 1, "size=1", IN("bf16[1,1,1] 2"), FAILS(SHAPE, "cannot be bfloat16")},
};

QN_OP_CASES_MAIN(cases)
