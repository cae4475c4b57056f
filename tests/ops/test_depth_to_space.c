/* test_depth_to_space.c: cases of DepthToSpace and SpaceToDepth. */
#include "opcase.h"

#define TO_16 "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"

static const struct qn_op_case cases[] = {
    {"DepthToSpace", 13, "blocksize=2", IN("f32[1,8,1,2] " TO_16),
     OUT("f32[1,2,2,4] 0 4 1 5 8 12 9 13 2 6 3 7 10 14 11 15")},
    {"DepthToSpace", 13, "blocksize=2 mode='CRD'", IN("u8[1,8,1,2] " TO_16),
     OUT("u8[1,2,2,4] 0 2 1 3 4 6 5 7 8 10 9 11 12 14 13 15")},
    {"DepthToSpace", 1, "blocksize=2", IN("f64[1,4,1,1] 1 2 3 4"), OUT("f64[1,1,2,2] 1 2 3 4")},
    {"DepthToSpace", 13, "blocksize=1", IN("str[1,1,1,2] 'a' 'b'"), OUT("str[1,1,1,2] 'a' 'b'")},
    {"DepthToSpace", 13, "blocksize=2", IN("f32[0,4,1,1]"), OUT("f32[0,1,2,2]")},
    {"DepthToSpace", 1, "blocksize=2 mode='DCR'", IN("f32[1,4,1,1] 1 2 3 4"),
     FAILS(FORMAT, "unknown attribute 'mode'")},
    {"DepthToSpace", 13, "blocksize=2", IN("f32[1,2,1,1] 1 2"),
     FAILS(SHAPE, "axis 1 of size 2 is not a multiple of 4")},
    {"DepthToSpace", 13, "blocksize=2", IN("f32[4,1,1] 1 2 3 4"), FAILS(SHAPE, "not one of rank 3")},
    {"DepthToSpace", 13, "blocksize=0", IN("f32[1,1,1,1] 1"), FAILS(FORMAT, "'blocksize' is 0, outside")},
    {"DepthToSpace", 13, "", IN("f32[1,1,1,1] 1"), FAILS(FORMAT, "'blocksize' is missing")},
    {"SpaceToDepth", 13, "blocksize=2", IN("f32[1,1,2,4] 0 1 2 3 4 5 6 7"), OUT("f32[1,4,1,2] 0 2 1 3 4 6 5 7")},
    {"SpaceToDepth", 13, "blocksize=2", IN("i64[1,2,2,2] 0 1 2 3 4 5 6 7"), OUT("i64[1,8,1,1] 0 4 1 5 2 6 3 7")},
    {"SpaceToDepth", 1, "blocksize=2", IN("bf16[1,1,2,2] 1 2 3 4"), FAILS(SHAPE, "cannot be bfloat16")},
    {"SpaceToDepth", 13, "blocksize=2", IN("bf16[1,1,2,2] 1 2 3 4"), OUT("bf16[1,4,1,1] 1 2 3 4")},
    {"SpaceToDepth", 13, "blocksize=2", IN("f32[1,1,2,3] 0 ..."),
     FAILS(SHAPE, "axis 3 of size 3 is not a multiple of 2")},
};

QN_OP_CASES_MAIN(cases)
