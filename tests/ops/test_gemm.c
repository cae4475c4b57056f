/* test_gemm.c: cases of Gemm and of the fused quern:Gemm. */
#include "opcase.h"

#define A23 "f32[2,3] 1 2 3 4 5 6"
#define A32 "f32[3,2] 1 4 2 5 3 6" /* the same, transposed */
#define B32 "f32[3,2] 1 2 3 4 5 6"
#define B23 "f32[2,3] 1 3 5 2 4 6"
#define AB  "22 28 49 64"

static const struct qn_op_case cases[] = {
    /* Operands. */
    {"Gemm", 13, "", IN(A23, B32), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "transA=1", IN(A32, B32), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "transB=1", IN(A23, B23), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "transA=1 transB=1", IN(A32, B23), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "alpha=.5", IN(A23, B32), OUT("f32[2,2] 11 14 24.5 32")},
    {"Gemm", 13, "", IN("f32[1,3] 1 2 3", "f32[3,1] 1 2 3"), OUT("f32[1,1] 14")},
    {"Gemm", 13, "", IN("f32[40,40] 1 ...", "f32[40,33] 2 ..."), OUT("f32[40,33] 80 ...")},
    {"Gemm", 13, "", IN("f32[130,300] 1 ...", "f32[300,70] .5 ...", "f32[70] 1 ..."), OUT("f32[130,70] 151 ...")},

    /* C in every form. */
    {"Gemm", 13, "", IN(A23, B32, "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 23 30 52 68")},
    {"Gemm", 13, "beta=2.0", IN(A23, B32, "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 24 32 55 72")},
    {"Gemm", 13, "beta=2.0 alpha=2.0", IN(A23, B32, "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 46 60 104 136")},
    {"Gemm", 13, "", IN(A23, B32, "f32[2] 1 2"), OUT("f32[2,2] 23 30 50 66")},
    {"Gemm", 13, "beta=.5", IN(A23, B32, "f32[2] 2 4"), OUT("f32[2,2] 23 30 50 66")},
    {"Gemm", 13, "", IN(A23, B32, "f32[1,2] 1 2"), OUT("f32[2,2] 23 30 50 66")},
    {"Gemm", 13, "", IN(A23, B32, "f32[2,1] 1 2"), OUT("f32[2,2] 23 29 51 66")},
    {"Gemm", 13, "beta=2.0", IN(A23, B32, "f32[2,1] 1 2"), OUT("f32[2,2] 24 30 53 68")},
    {"Gemm", 13, "", IN(A23, B32, "f32[] 1"), OUT("f32[2,2] 23 29 50 65")},
    {"Gemm", 13, "beta=-1.0", IN(A23, B32, "f32[1] 1"), OUT("f32[2,2] 21 27 48 63")},
    {"Gemm", 13, "", IN(A23, B32, "f32[1,1] 1"), OUT("f32[2,2] 23 29 50 65")},
    {"Gemm", 13, "beta=0.0", IN(A23, B32, "f32[1] nan"), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "", IN(A23, B32, "-"), OUT("f32[2,2] " AB)},
    {"Gemm", 13, "", IN("f32[1,3] 1 2 3", B32, "f32[1,2] 1 2"), OUT("f32[1,2] 23 30")},
    {"Gemm", 13, "", IN(A23, "f32[3,1] 1 2 3", "f32[2,1] 1 2"), OUT("f32[2,1] 15 34")},

    /* Nothing to multiply. */
    {"Gemm", 13, "", IN("f32[2,0]", "f32[0,2]"), OUT("f32[2,2] 0 ...")},
    {"Gemm", 13, "", IN("f32[2,0]", "f32[0,2]", "f32[2] 1 2"), OUT("f32[2,2] 1 2 1 2")},
    {"Gemm", 13, "", IN("f32[0,3]", B32), OUT("f32[0,2]")},
    {"Gemm", 13, "", IN(A23, "f32[3,0]", "f32[] 1"), OUT("f32[2,0]")},
    {"Gemm", 13, "", IN("f64[2,0]", "f64[0,2]", "f64[2] 1 2"), OUT("f64[2,2] 1 2 1 2")},

    /* Values and types. */
    {"Gemm", 13, "", IN("f32[1,2] inf 1", "f32[2,2] 1 0 1 1"), OUT("f32[1,2] inf nan")},
    {"Gemm", 13, "", IN("f32[1,2] nan 1", "f32[2,1] 1 1"), OUT("f32[1,1] nan")},
    {"Gemm", 13, "alpha=.5 beta=2.0 transB=1", IN("f64[2,3] 1 2 3 4 5 6", "f64[2,3] 1 3 5 2 4 6", "f64[2] 1 2"),
     OUT("f64[2,2] 13 18 26.5 36")},
    {"Gemm", 13, "transA=1", IN("f64[3,2] 1 4 2 5 3 6", "f64[3,2] 1 2 3 4 5 6", "f64[2,1] 1 2"),
     OUT("f64[2,2] 23 29 51 66")},
    {"Gemm", 13, "", IN("f16[1,2] 1 2", "f16[2,1] 3 4", "f16[1] .5"), OUT("f16[1,1] 11.5")},
    {"Gemm", 13, "", IN("bf16[1,2] 1 2", "bf16[2,1] 3 4"), OUT("bf16[1,1] 11")},
    {"Gemm", 9, "transA=1", IN("i32[2,1] 3 -4", "i32[2,2] 1 2 3 4", "i32[2] 100 200"), OUT("i32[1,2] 91 190")},
    {"Gemm", 13, "", IN("i32[1,1] 2147483647", "i32[1,1] 2", "i32[] 3"), OUT("i32[1,1] 1")},
    {"Gemm", 13, "alpha=.5 beta=3.0", IN("i32[1,2] 1 2", "i32[2,1] 2 4", "i32[1] -1"), OUT("i32[1,1] 2")},
    {"Gemm", 13, "transB=1", IN("u32[1,1] 4294967295", "u32[1,1] 2"), OUT("u32[1,1] 4294967294")},
    {"Gemm", 13, "", IN("i64[1,2] -9223372036854775808 1", "i64[2,1] 1 -1", "i64[1] 1"),
     OUT("i64[1,1] -9223372036854775808")},
    {"Gemm", 13, "", IN("u64[1,1] 18446744073709551615", "u64[1,1] 3"), OUT("u64[1,1] 18446744073709551613")},

    /* Old forms of C. */
    {"Gemm", 1, "broadcast=1", IN(A23, B32, "f32[2] 1 2"), OUT("f32[2,2] 23 30 50 66")},
    {"Gemm", 6, "", IN(A23, B32, "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 23 30 52 68")},
    {"Gemm", 6, "broadcast=1 transB=1", IN(A23, B23, "f32[1] 1"), OUT("f32[2,2] 23 29 50 65")},
    {"Gemm", 6, "", IN(A23, B32, "f32[2] 1 2"), FAILS(SHAPE, "C of shape [2] is not [2,2] and broadcast is not set")},
    {"Gemm", 7, "", IN(A23, B32, "f32[2] 1 2"), OUT("f32[2,2] 23 30 50 66")},
    {"Gemm", 7, "broadcast=1", IN(A23, B32, "f32[2] 1 2"), FAILS(FORMAT, "unknown attribute 'broadcast'")},
    {"Gemm", 9, "", IN(A23, B32), FAILS(FORMAT, "at least 3 inputs expected")},
    {"Gemm", 7, "", IN("i32[1,1] 1", "i32[1,1] 1", "i32[1] 1"), FAILS(SHAPE, "cannot be int32")},

    /* What does not fit. */
    {"Gemm", 13, "", IN(A23, A23), FAILS(SHAPE, "[2,3] and [2,3] cannot be multiplied: the inner sizes are 3 and 2")},
    {"Gemm", 13, "transA=1", IN(A23, B32), FAILS(SHAPE, "inner sizes are 2 and 3")},
    {"Gemm", 13, "", IN("f32[3] 1 2 3", B32), FAILS(SHAPE, "A must be a matrix, not [3]")},
    {"Gemm", 13, "", IN(A23, "f32[1,3,2] 0 ..."), FAILS(SHAPE, "B must be a matrix, not [1,3,2]")},
    {"Gemm", 13, "", IN(A23, B32, "f32[3] 1 2 3"), FAILS(SHAPE, "C of shape [3] does not broadcast to [2,2]")},
    {"Gemm", 13, "", IN(A23, B32, "f32[1,2,2] 0 ..."), FAILS(SHAPE, "C of shape [1,2,2] does not broadcast")},
    {"Gemm", 13, "", IN(A23, "f64[3,2] 1 ..."), FAILS(SHAPE, "float64 where float32 is expected")},
    {"Gemm", 13, "", IN("i8[1,1] 1", "i8[1,1] 1"), FAILS(SHAPE, "cannot be int8")},

    /* The fused form. */
    {"quern:Gemm", 1, "activation='relu'", IN(A23, "f32[3,2] 1 -2 3 -4 5 -6", "f32[2] 1 2"), OUT("f32[2,2] 23 0 50 0")},
    {"quern:Gemm", 1, "activation='clip' activation_a=25.0 activation_b=50.0", IN(A23, B32),
     OUT("f32[2,2] 25 28 49 50")},
    {"quern:Gemm", 1, "", IN(A23, B32, "-", "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 23 30 52 68")},
    {"quern:Gemm", 1, "", IN(A23, B32, "f32[2] 10 20", "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 33 50 62 88")},
    {"quern:Gemm", 1, "", IN(A23, B32, "f32[2,2] 10 20 30 40", "f32[2,2] 1 2 3 4"), OUT("f32[2,2] 33 50 82 108")},
    {"quern:Gemm", 1, "beta=2.0 activation='leaky_relu' activation_a=.5",
     IN(A23, B32, "f32[2,1] -20 -40", "f32[2,2] 1 2 3 4"), OUT("f32[2,2] -8.5 -5 -14 -6")},
    {"quern:Gemm", 1, "activation='hard_sigmoid' activation_a=.01 activation_b=.5", IN(A23, B32),
     OUT("f32[2,2] .72 .78 .99 1")},
    {"quern:Gemm", 1, "activation='sigmoid'", IN("f32[1,1] 0", "f32[1,1] 1"), OUT("f32[1,1] .5")},
    {"quern:Gemm", 1, "activation='relu'", IN("f32[2,1,3] 1 2 3 4 5 6", B32, "f32[2] -30 -30"),
     OUT("f32[2,1,2] 0 0 19 34")},
    {"quern:Gemm", 1, "", IN("f32[1,2,3] 1 2 3 4 5 6", B32, "f32[] 1", "f32[1,2,2] 1 2 3 4"),
     OUT("f32[1,2,2] 24 31 53 69")},
    {"quern:Gemm", 1, "", IN(A23, B32, "-", "f32[2] 1 2"), FAILS(SHAPE, "the residual of shape [2] is not [2,2]")},
    {"quern:Gemm", 1, "", IN("f32[1,2,3] 1 ...", B32, "f32[2,2] 0 ..."), FAILS(SHAPE, "C of shape [2,2] does not")},
    {"quern:Gemm", 1, "", IN("f32[3] 1 ...", B32), FAILS(SHAPE, "A must be a matrix, not [3]")},
    {"quern:Gemm", 1, "activation='swish9'", IN(A23, B32), FAILS(FORMAT, "unknown value 'swish9'")},
    {"quern:Gemm", 1, "", IN("f64[1,1] 1", "f64[1,1] 1"), FAILS(SHAPE, "cannot be float64")},
};

QN_OP_CASES_MAIN(cases)
