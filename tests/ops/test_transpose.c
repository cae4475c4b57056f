/* test_transpose.c: cases of Transpose: every element size, runs, blocks, merged axes. */
#include "opcase.h"

#define TO_24 "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"

static const struct qn_op_case cases[] = {
    {"Transpose", 13, "", IN("f32[2,3] 1 2 3 4 5 6"), OUT("f32[3,2] 1 4 2 5 3 6")},
    {"Transpose", 13, "perm=[0,1]", IN("f32[2,3] 1 2 3 4 5 6"), OUT("f32[2,3] 1 2 3 4 5 6")},
    {"Transpose", 13, "perm=[0,2,1]", IN("u8[2,3,4] " TO_24),
     OUT("u8[2,4,3] 0 4 8 1 5 9 2 6 10 3 7 11 12 16 20 13 17 21 14 18 22 15 19 23")},
    {"Transpose", 13, "perm=[1,0,2]", IN("i16[2,3,4] " TO_24),
     OUT("i16[3,2,4] 0 1 2 3 12 13 14 15 4 5 6 7 16 17 18 19 8 9 10 11 20 21 22 23")},
    {"Transpose", 13, "perm=[2,0,1]", IN("f64[2,3,4] " TO_24),
     OUT("f64[4,2,3] 0 4 8 12 16 20 1 5 9 13 17 21 2 6 10 14 18 22 3 7 11 15 19 23")},
    {"Transpose", 13, "", IN("i32[2,3,4] " TO_24),
     OUT("i32[4,3,2] 0 12 4 16 8 20 1 13 5 17 9 21 2 14 6 18 10 22 3 15 7 19 11 23")},
    {"Transpose", 13, "perm=[1,2,0]", IN("f16[2,3,4] " TO_24),
     OUT("f16[3,4,2] 0 12 1 13 2 14 3 15 4 16 5 17 6 18 7 19 8 20 9 21 10 22 11 23")},
    {"Transpose", 13, "perm=[0,3,1,2]", IN("f32[2,2,2,3] " TO_24),
     OUT("f32[2,3,2,2] 0 3 6 9 1 4 7 10 2 5 8 11 12 15 18 21 13 16 19 22 14 17 20 23")},
    {"Transpose", 13, "perm=[0,2,1,3]", IN("f32[1,2,3,4] " TO_24),
     OUT("f32[1,3,2,4] 0 1 2 3 12 13 14 15 4 5 6 7 16 17 18 19 8 9 10 11 20 21 22 23")},
    {"Transpose", 13, "perm=[3,1,0,2]", IN("i64[2,3,2,2] " TO_24),
     OUT("i64[2,3,2,2] 0 2 12 14 4 6 16 18 8 10 20 22 1 3 13 15 5 7 17 19 9 11 21 23")},
    {"Transpose", 1, "", IN("str[2,2] 'a' 'b' 'c' 'd'"), OUT("str[2,2] 'a' 'c' 'b' 'd'")},
    {"Transpose", 1, "", IN("c64[1,2] 1 2 3 4"), OUT("c64[2,1] 1 2 3 4")},
    {"Transpose", 13, "", IN("c128[2,2] 1 2 3 4 5 6 7 8"), OUT("c128[2,2] 1 2 5 6 3 4 7 8")},
    {"Transpose", 21, "", IN("i4[2,3] 1 -2 3 -4 5 -6"), OUT("i4[3,2] 1 -4 -2 5 3 -6")},
    {"Transpose", 25, "", IN("u2[2,2] 0 1 2 3"), OUT("u2[2,2] 0 2 1 3")},
    {"Transpose", 21, "", IN("f8e4m3fn[2,2] 1 2 nan 4"), OUT("f8e4m3fn[2,2] 1 nan 2 4")},
    {"Transpose", 13, "", IN("f32[] 3"), OUT("f32[] 3")},
    {"Transpose", 13, "perm=[]", IN("f32[] 3"), OUT("f32[] 3")},
    {"Transpose", 13, "", IN("f32[2,0,3]"), OUT("f32[3,0,2]")},
    {"Transpose", 13, "", IN("f32[200,300] 1.5 ..."), OUT("f32[300,200] 1.5 ...")},
    {"Transpose", 13, "perm=[1,0,2]", IN("u8[3,100,900] 7 ..."), OUT("u8[100,3,900] 7 ...")},
    {"Transpose", 13, "perm=[0,0]", IN("f32[2,2] 0 ..."), FAILS(SHAPE, "perm names axis 0 twice")},
    {"Transpose", 13, "perm=[0,2]", IN("f32[2,2] 0 ..."), FAILS(SHAPE, "entry 1 of perm is 2")},
    {"Transpose", 13, "perm=[1,-2]", IN("f32[2,2] 0 ..."), FAILS(SHAPE, "entry 1 of perm is -2")},
    {"Transpose", 13, "perm=[1,0]", IN("f32[2] 0 ..."), FAILS(SHAPE, "perm has 2 entries for a tensor of rank 1")},
};

QN_OP_CASES_MAIN(cases)
