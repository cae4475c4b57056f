/* test_linear_attention.c: cases of LinearAttention. exp(-.6931472) is one half. */
#include "opcase.h"

#define ONE     "kv_num_heads=1 q_num_heads=1 scale=1.0 "
#define LN_HALF "-.6931472"

/* Both outputs are there, but come to nothing. */
#define NOTHING OUT("f32[] 0", "f32[] 0")

static const struct qn_op_case cases[] = {
    /* S = 2 * 3 = 6, y = 6; then S = 6 + 1 * 5 = 11, y = 2 * 11 */
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("f32[1,2,1] 1 2", "f32[1,2,1] 2 1", "f32[1,2,1] 3 5"),
     OUT("f32[1,2,1] 6 22", "f32[1,1,1,1] 11")},
    {"LinearAttention", 27, ONE "update_rule='linear'",
     IN("f32[1,1,2] 1 10", "f32[1,1,2] 2 1", "f32[1,1,3] 1 2 3", "f32[1,1,2,3] 0 0 0 1 1 1"),
     OUT("f32[1,1,3] 22 34 46", "f32[1,1,2,3] 2 4 6 2 3 4")},
    /* the scale by default is 1 / sqrt(d_k) */
    {"LinearAttention", 27, "kv_num_heads=1 q_num_heads=1 update_rule='linear'",
     IN("f32[1,1,4] 2 0 0 0", "f32[1,1,4] 1 0 0 0", "f32[1,1,1] 3"), OUT("f32[1,1,1] 3", "f32[1,1,4,1] 3 0 0 0")},
    /* S = 8 / 2 + 2 * 3 */
    {"LinearAttention", 27, ONE "update_rule='gated'",
     IN("f32[1,1,1] 1", "f32[1,1,1] 2", "f32[1,1,1] 3", "f32[1,1,1,1] 8", "f32[1,1,1] " LN_HALF),
     OUT("f32[1,1,1] 10", "f32[1,1,1,1] 10")},
    /* a decay for each element of the key */
    {"LinearAttention", 27, ONE "update_rule='gated'",
     IN("f32[1,1,2] 1 1", "f32[1,1,2] 0 0", "f32[1,1,1] 3", "f32[1,1,2,1] 8 8", "f32[1,1,2] " LN_HALF " 0"),
     OUT("f32[1,1,1] 12", "f32[1,1,2,1] 4 8")},
    {"LinearAttention", 27, ONE "update_rule='gated'",
     IN("f32[1,1,2] 1 1", "f32[1,1,2] 0 0", "f32[1,1,1] 3", "f32[1,1,2,1] 8 8", "f32[1,1,1] " LN_HALF),
     OUT("f32[1,1,1] 8", "f32[1,1,2,1] 4 4")},
    /* the state recalls 8 * 2 = 16, should be 3: S = 8 + .5 * 2 * (3 - 16) */
    {"LinearAttention", 27, ONE "update_rule='delta'",
     IN("f32[1,1,1] 1", "f32[1,1,1] 2", "f32[1,1,1] 3", "f32[1,1,1,1] 8", "-", "f32[1,1,1] .5"),
     OUT("f32[1,1,1] -5", "f32[1,1,1,1] -5")},
    /* S = 4 + .5 * 2 * (3 - 8) */
    {"LinearAttention", 27, ONE,
     IN("f32[1,1,1] 1", "f32[1,1,1] 2", "f32[1,1,1] 3", "f32[1,1,1,1] 8", "f32[1,1,1] " LN_HALF, "f32[1,1,1] .5"),
     OUT("f32[1,1,1] -1", "f32[1,1,1,1] -1")},
    /* two queries share a state; two states with one beta */
    {"LinearAttention", 27, "kv_num_heads=1 q_num_heads=2 scale=1.0 update_rule='linear'",
     IN("f32[1,1,2] 1 10", "f32[1,1,1] 2", "f32[1,1,2] 3 4"), OUT("f32[1,1,4] 6 8 60 80", "f32[1,1,1,2] 6 8")},
    {"LinearAttention", 27, "kv_num_heads=2 q_num_heads=2 scale=1.0 update_rule='delta'",
     IN("f32[2,1,2] 1 1 1 1", "f32[2,1,2] 1 2 1 1", "f32[2,1,2] 3 4 5 6", "-", "-", "f32[2,1,1] .5 1"),
     OUT("f32[2,1,2] 1.5 4 5 6", "f32[2,2,1,1] 1.5 4 5 6")},
    {"LinearAttention", 27, "kv_num_heads=2 q_num_heads=2 scale=1.0 update_rule='delta' chunk_size=8",
     IN("f32[1,1,2] 1 1", "f32[1,1,2] 1 2", "f32[1,1,2] 3 4", "-", "-", "f32[1,1,2] .5 1"),
     OUT("f32[1,1,2] 1.5 8", "f32[1,2,1,1] 1.5 8")},
    {"LinearAttention", 27, ONE "update_rule='linear'",
     IN("f16[1,2,1] 1 2", "f16[1,2,1] 2 1", "f16[1,2,1] 3 5", "f32[1,1,1,1] 0"),
     OUT("f16[1,2,1] 6 22", "f32[1,1,1,1] 11")},
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("bf16[1,1,1] 1", "bf16[1,1,1] 2", "bf16[1,1,1] 3"),
     OUT("bf16[1,1,1] 6", "bf16[1,1,1,1] 6")},
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("f32[1,0,1]", "f32[1,0,1]", "f32[1,0,1]", "f32[1,1,1,1] 5"),
     OUT("f32[1,0,1]", "f32[1,1,1,1] 5")},
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("f32[0,1,1]", "f32[0,1,1]", "f32[0,1,1]"),
     OUT("f32[0,1,1]", "f32[0,1,1,1]")},
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("f32[1,1,1] 1", "f32[1,1,1] nan", "f32[1,1,1] 1"),
     OUT("f32[1,1,1] nan", "f32[1,1,1,1] nan")},

    {"LinearAttention", 27, ONE, IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(SHAPE, "needs decay")},
    {"LinearAttention", 27, ONE "update_rule='delta'", IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(SHAPE, "needs beta")},
    {"LinearAttention", 27, ONE "update_rule='linear'",
     IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1", "-", "f32[1,1,1] 1"), NOTHING, FAILS(SHAPE, "has no decay")},
    {"LinearAttention", 27, ONE "update_rule='gated'",
     IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1", "-", "f32[1,1,3] 1 1 1"), NOTHING,
     FAILS(SHAPE, "the last dimension of decay must be 1 or 1, not 3")},
    {"LinearAttention", 27, "kv_num_heads=2 q_num_heads=3", IN("f32[1,1,3] 0 ...", "f32[1,1,2] 0 0", "f32[1,1,2] 0 0"),
     NOTHING, FAILS(SHAPE, "3 query heads cannot share 2")},
    {"LinearAttention", 27, "kv_num_heads=2 q_num_heads=2", IN("f32[1,1,3] 0 ...", "f32[1,1,2] 0 0", "f32[1,1,2] 0 0"),
     NOTHING, FAILS(SHAPE, "3, is not a multiple of 2 heads")},
    {"LinearAttention", 27, ONE "update_rule='linear'",
     IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1,2] 0 0"), NOTHING,
     FAILS(SHAPE, "the size of a value is 1")},
    {"LinearAttention", 27, ONE "update_rule='linear'", IN("f32[1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(SHAPE, "query must have rank 3, not 2")},
    {"LinearAttention", 27, ONE "update_rule='other'", IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(FORMAT, "update_rule")},
    {"LinearAttention", 27, "q_num_heads=1", IN("f32[1,1,1] 1", "f32[1,1,1] 1", "f32[1,1,1] 1"), NOTHING,
     FAILS(FORMAT, "kv_num_heads")},
};

QN_OP_CASES_MAIN(cases)
