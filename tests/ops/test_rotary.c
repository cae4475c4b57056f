/* test_rotary.c: cases of RotaryEmbedding. Angles are quarter turns: (a, b) -> (-b, a), and none: (a, b) -> (a, b). */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    /* halves: pairs (1 3) turned, (2 4) not */
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,4] 1 2 3 4", "f32[1,1,2] 0 1", "f32[1,1,2] 1 0"),
     OUT("f32[1,1,1,4] -3 2 1 4")},
    {"RotaryEmbedding", 23, "interleaved=1", IN("f32[1,1,1,4] 1 2 3 4", "f32[1,1,2] 0 1", "f32[1,1,2] 1 0"),
     OUT("f32[1,1,1,4] -2 1 3 4")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,2] 3 4", "f32[1,1,1] .6", "f32[1,1,1] .8"), OUT("f32[1,1,1,2] -1.4 4.8")},
    /* the rest of a head stays */
    {"RotaryEmbedding", 23, "rotary_embedding_dim=2", IN("f32[1,1,1,4] 1 2 3 4", "f32[1,1,1] 0", "f32[1,1,1] 1"),
     OUT("f32[1,1,1,4] -2 1 3 4")},
    /* rank 3: two heads of a token share its angle; two tokens have positions 1 and 0 */
    {"RotaryEmbedding", 23, "num_heads=2",
     IN("f32[1,2,4] 1 2 3 4 5 6 7 8", "f32[3,1] 1 0 9", "f32[3,1] 0 1 9", "i64[1,2] 1 0"),
     OUT("f32[1,2,4] -2 1 -4 3 5 6 7 8")},
    {"RotaryEmbedding", 23, "", IN("f32[1,2,2,2] 1 2 3 4 5 6 7 8", "f32[2,1] 1 0", "f32[2,1] 0 1", "i64[1,2] 1 0"),
     OUT("f32[1,2,2,2] -2 1 3 4 -6 5 7 8")},
    {"RotaryEmbedding", 23, "", IN("f32[2,1,1,2] 1 2 3 4", "f32[2,1] 1 0", "f32[2,1] 0 1", "i64[2,1] 1 0"),
     OUT("f32[2,1,1,2] -2 1 3 4")},
    {"RotaryEmbedding", 23, "", IN("f16[1,1,1,2] 1 2", "f16[1,1,1] 0", "f16[1,1,1] 1"), OUT("f16[1,1,1,2] -2 1")},
    {"RotaryEmbedding", 23, "", IN("bf16[1,1,1,2] 1 2", "bf16[1,1,1] 0", "bf16[1,1,1] 1"), OUT("bf16[1,1,1,2] -2 1")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,2] nan 1", "f32[1,1,1] 1", "f32[1,1,1] 0"), OUT("f32[1,1,1,2] nan nan")},
    {"RotaryEmbedding", 23, "", IN("f32[1,0,1,2]", "f32[1,1,1] 1", "f32[1,1,1] 0"), OUT("f32[1,0,1,2]")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,0]", "f32[1,1,0]", "f32[1,1,0]"), OUT("f32[1,1,1,0]")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,3] 0 ...", "f32[1,1,1] 1", "f32[1,1,1] 0"),
     FAILS(SHAPE, "3 elements cannot be rotated in pairs")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,2] 0 0", "f32[1,1,1] 1", "f32[1,1,1] 0"), FAILS(SHAPE, "needs num_heads")},
    {"RotaryEmbedding", 23, "rotary_embedding_dim=4", IN("f32[1,1,1,2] 0 0", "f32[1,1,2] 1 1", "f32[1,1,2] 0 0"),
     FAILS(SHAPE, "rotary_embedding_dim 4 is more than a head of 2")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,2] 0 0", "f32[1,1,2] 1 1", "f32[1,1,1] 0"),
     FAILS(SHAPE, "the last dimension of a cache is 2, expected 1")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,2] 0 0", "f32[1,1] 1", "f32[1,1] 0"),
     FAILS(SHAPE, "must have rank 3 without position_ids")},
    {"RotaryEmbedding", 23, "", IN("f32[1,1,1,2] 0 0", "f32[1,1] 1", "f32[1,1] 0", "i64[1,1] 1"),
     FAILS(RANGE, "position 1 is outside caches of 1 rows")},
    {"RotaryEmbedding", 23, "", IN("f64[1,1,1,2] 0 0", "f64[1,1,1] 1", "f64[1,1,1] 0"), FAILS(SHAPE, "cannot be")},
};

QN_OP_CASES_MAIN(cases)
