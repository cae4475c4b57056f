/* test_lp_norm.c: cases of LpNormalization. */
#include "opcase.h"

#define OP "LpNormalization"

static const struct qn_op_case cases[] = {
    {OP, 1, "", IN("f32[2,3] -4 3 -1 6 2 -2"),
     OUT("f32[2,3] -.78446454 .58834839 -.19611613 .90453398 .30151135 -.30151135")},
    {OP, 22, "axis=0 p=1", IN("f32[2,3] -4 3 -1 6 2 -2"), OUT("f32[2,3] -.4 .6 -.33333334 .6 .4 -.66666669")},
    {OP, 22, "p=1", IN("f64[2,2] -1 3 0 0"), OUT("f64[2,2] -.25 .75 0 0")},
    {OP, 22, "", IN("f32[2,2] 0 0 3 4"), OUT("f32[2,2] 0 0 .6 .8")},
    {OP, 22, "axis=-2", IN("f32[1,2,1] 3 4"), OUT("f32[1,2,1] .6 .8")},
    {OP, 22, "", IN("f32[2] nan 1"), OUT("f32[2] nan nan")},
    {OP, 22, "", IN("f32[200,300] 2 ..."), OUT("f32[200,300] .057735026 ...")},
    {OP, 22, "", IN("bf16[2] 0 4"), OUT("bf16[2] 0 1")},
    {OP, 1, "", IN("f16[2] 0 4"), OUT("f16[2] 0 1")},
    {OP, 22, "", IN("f32[2,0]"), OUT("f32[2,0]")},
    {OP, 22, "axis=0", IN("f32[0,2]"), OUT("f32[0,2]")},
    {OP, 22, "axis=2", IN("f32[2,2] 0 ..."), FAILS(SHAPE, "axis 2 is outside a tensor of rank 2")},
    {OP, 22, "", IN("f32[] 0"), FAILS(SHAPE, "axis -1 is outside a tensor of rank 0")},
    {OP, 22, "p=3", IN("f32[2] 0 0"), FAILS(FORMAT, "'p' is 3, outside 1..2")},
    {OP, 22, "", IN("i32[2] 0 0"), FAILS(SHAPE, "cannot be int32")},
};

QN_OP_CASES_MAIN(cases)
