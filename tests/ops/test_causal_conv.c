/* test_causal_conv.c: cases of CausalConvWithState. */
#include "opcase.h"

/* Both outputs are there, but come to nothing. */
#define NOTHING OUT("f32[] 0", "f32[] 0")

static const struct qn_op_case cases[] = {
    {"CausalConvWithState", 27, "", IN("f32[1,1,4] 1 2 3 4", "f32[1,1,3] 1 10 100"),
     OUT("f32[1,1,4] 100 210 321 432", "f32[1,1,2] 3 4")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,4] 1 2 3 4", "f32[1,1,3] 1 10 100", "f32[1] .5", "f32[1,1,2] 8 9"),
     OUT("f32[1,1,4] 198.5 219.5 321.5 432.5", "f32[1,1,2] 3 4")},
    /* shorter than the state */
    {"CausalConvWithState", 27, "", IN("f32[1,1,1] 1", "f32[1,1,4] 1 10 100 1000", "-", "f32[1,1,3] 7 8 9"),
     OUT("f32[1,1,1] 1987", "f32[1,1,3] 8 9 1")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,2] 1 2", "f32[1,1,5] 1 10 100 1000 10000"),
     OUT("f32[1,1,2] 10000 21000", "f32[1,1,4] 0 0 1 2")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,0]", "f32[1,1,3] 1 1 1", "-", "f32[1,1,2] 8 9"),
     OUT("f32[1,1,0]", "f32[1,1,2] 8 9")},
    /* channels and batches; a kernel of one keeps no state */
    {"CausalConvWithState", 27, "", IN("f32[2,2,1] 1 2 3 4", "f32[2,1,1] 1 10", "f32[2] 0 5"),
     OUT("f32[2,2,1] 1 25 3 45", "f32[2,2,0]")},
    {"CausalConvWithState", 27, "", IN("f32[2,2,2] 1 2 3 4 5 6 7 8", "f32[2,1,2] 1 10 2 20"),
     OUT("f32[2,2,2] 10 21 60 86 50 65 140 174", "f32[2,2,1] 2 4 6 8")},
    {"CausalConvWithState", 27, "activation='silu'", IN("f32[1,1,3] 0 1 -1", "f32[1,1,1] 1"),
     OUT("f32[1,1,3] 0 .7310586 -.26894142", "f32[1,1,0]")},
    {"CausalConvWithState", 27, "activation='swish'", IN("f16[1,1,3] 0 1 -1", "f16[1,1,1] 1"),
     OUT("f16[1,1,3] 0 .731 -.269", "f16[1,1,0]"), TOLERANCE(1e-3, 1e-3)},
    {"CausalConvWithState", 27, "activation='none'", IN("bf16[1,1,2] 1 2", "bf16[1,1,2] 1 3"),
     OUT("bf16[1,1,2] 3 7", "bf16[1,1,1] 2")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,3] nan 1 1", "f32[1,1,2] 1 1"),
     OUT("f32[1,1,3] nan nan 2", "f32[1,1,1] 1")},
    {"CausalConvWithState", 27, "activation='relu'", IN("f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(FORMAT, "activation")},
    {"CausalConvWithState", 27, "", IN("f32[1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(SHAPE, "the input must have rank 3, not 2")},
    {"CausalConvWithState", 27, "", IN("f32[1,2,1] 1 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(SHAPE, "the number of channels of the weight is 1, expected 2")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,1] 1", "f32[1,2,1] 1 1"), NOTHING,
     FAILS(SHAPE, "the middle dimension")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,1] 1", "f32[1,1,0]"), NOTHING, FAILS(SHAPE, "the kernel is empty")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[2] 1 1"), NOTHING,
     FAILS(SHAPE, "length of the bias")},
    {"CausalConvWithState", 27, "", IN("f32[1,1,1] 1", "f32[1,1,2] 1 1", "-", "f32[1,1,2] 1 1"), NOTHING,
     FAILS(SHAPE, "the length of the past state is 2, expected 1")},
};

QN_OP_CASES_MAIN(cases)
