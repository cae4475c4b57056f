/* test_einsum.c: cases of Einsum. */
#include "opcase.h"

#define A23  "f32[2,3] 1 2 3 4 5 6"
#define B32  "f32[3,2] 1 2 3 4 5 6"
#define B222 "f32[2,2,2] 1 2 3 4 5 6 7 8"

static const struct qn_op_case cases[] = {
    /* One operand. */
    {"Einsum", 12, "equation='ij->ji'", IN(A23), OUT("f32[3,2] 1 4 2 5 3 6")},
    {"Einsum", 12, "equation='ji'", IN(A23), OUT("f32[3,2] 1 4 2 5 3 6")},
    {"Einsum", 12, "equation='ij->'", IN(A23), OUT("f32[] 21")},
    {"Einsum", 12, "equation='ij->j'", IN(A23), OUT("f32[3] 5 7 9")},
    {"Einsum", 12, "equation='ii->i'", IN("f32[2,2] 1 2 3 4"), OUT("f32[2] 1 4")},
    {"Einsum", 12, "equation='ii'", IN("f32[2,2] 1 2 3 4"), OUT("f32[] 5")},
    {"Einsum", 12, "equation='...ii ->...i'", IN(B222), OUT("f32[2,2] 1 4 5 8")},
    {"Einsum", 12, "equation='...'", IN(A23), OUT("f32[2,3] 1 2 3 4 5 6")},
    {"Einsum", 12, "equation='...->...'", IN("f32[] 3"), OUT("f32[] 3")},
    {"Einsum", 12, "equation=''", IN("f32[] 3"), OUT("f32[] 3")},
    {"Einsum", 12, "equation='bA'", IN(A23), OUT("f32[3,2] 1 4 2 5 3 6")},

    /* Two operands: products. */
    {"Einsum", 12, "equation='ij,jk->ik'", IN(A23, B32), OUT("f32[2,2] 22 28 49 64")},
    {"Einsum", 12, "equation='ij,jk'", IN(A23, B32), OUT("f32[2,2] 22 28 49 64")},
    {"Einsum", 12, "equation=' i j , j k -> k i '", IN(A23, B32), OUT("f32[2,2] 22 49 28 64")},
    {"Einsum", 12, "equation='ij,kj->ik'", IN(A23, A23), OUT("f32[2,2] 14 32 32 77")},
    {"Einsum", 12, "equation='ji,jk->ik'", IN(A23, A23), OUT("f32[3,3] 17 22 27 22 29 36 27 36 45")},
    {"Einsum", 12, "equation='i,i'", IN("f32[3] 1 2 3", "f32[3] 1 2 3"), OUT("f32[] 14")},
    {"Einsum", 12, "equation='i,j->ji'", IN("f32[2] 1 2", "f32[3] 1 2 3"), OUT("f32[3,2] 1 2 2 4 3 6")},
    {"Einsum", 12, "equation=',i->i'", IN("f32[] 2", "f32[3] 1 2 3"), OUT("f32[3] 2 4 6")},
    {"Einsum", 12, "equation='bij,bjk->bik'", IN(B222, B222), OUT("f32[2,2,2] 7 10 15 22 67 78 91 106")},
    {"Einsum", 12, "equation='bij,bkj->bik'", IN(B222, B222), OUT("f32[2,2,2] 5 11 11 25 61 83 83 113")},
    {"Einsum", 12, "equation='bij,bjk->kbi'", IN(B222, B222), OUT("f32[2,2,2] 7 15 67 91 10 22 78 106")},
    {"Einsum", 12, "equation='bhi,chi->bc'", IN(B222, B222), OUT("f32[2,2] 30 70 70 174")},
    {"Einsum", 12, "equation='ibj,jkb->bki'", IN(B222, B222), OUT("f32[2,2,2] 11 35 17 57 30 62 44 92")},
    {"Einsum", 12, "equation='...ij,...jk->...ik'", IN(B222, "f32[2,2] 1 2 3 4"),
     OUT("f32[2,2,2] 7 10 15 22 23 34 31 46")},
    {"Einsum", 12, "equation='i...,...->...'", IN(A23, "f32[3] 1 2 3"), OUT("f32[3] 5 14 27")},
    {"Einsum", 12, "equation='ii,ij->j'", IN("f32[2,2] 1 2 3 4", "f32[2,2] 1 2 3 4"), OUT("f32[2] 13 18")},
    {"Einsum", 12, "equation='ij,k->k'", IN(A23, "f32[2] 1 2"), OUT("f32[2] 21 42")},
    {"Einsum", 12, "equation='ij,ij->ij'", IN(A23, "f32[1,3] 1 2 3"), OUT("f32[2,3] 1 4 9 4 10 18")},
    {"Einsum", 12, "equation='i,i'", IN("f32[1] 2", "f32[3] 1 2 3"), OUT("f32[] 12")},
    {"Einsum", 12, "equation='abcd,abed->abce'", IN("f32[2,6,40,32] 1 ...", "f32[2,6,40,32] .5 ..."),
     OUT("f32[2,6,40,40] 16 ...")},
    {"Einsum", 12, "equation='bsd,dhe->bhse'", IN("f32[2,30,64] 1 ...", "f32[64,4,16] .5 ..."),
     OUT("f32[2,4,30,16] 32 ...")},

    /* More operands. */
    {"Einsum", 12, "equation='i,j,k->kij'", IN("f32[2] 1 2", "f32[2] 1 3", "f32[2] 1 5"),
     OUT("f32[2,2,2] 1 3 2 6 5 15 10 30")},
    {"Einsum", 12, "equation='ij,jk,kl->il'", IN(A23, B32, "f32[2,1] 1 -1"), OUT("f32[2,1] -6 -15")},
    {"Einsum", 12, "equation='...,...,i...->i'", IN("f32[2] 1 2", "f32[1] 3", "f32[2,2] 1 2 3 4"),
     FAILS(SHAPE, "lacks the ellipsis")},

    /* Nothing to add. */
    {"Einsum", 12, "equation='ij,jk->ik'", IN("f32[2,0]", "f32[0,3]"), OUT("f32[2,3] 0 ...")},
    {"Einsum", 12, "equation='ij->i'", IN("f64[2,0]"), OUT("f64[2] 0 0")},
    {"Einsum", 12, "equation='ij,jk->ik'", IN("f32[0,2]", "f32[2,3] 1 ..."), OUT("f32[0,3]")},
    {"Einsum", 12, "equation='bij,bjk->bik'", IN("f32[0,2,2]", "f32[0,2,2]"), OUT("f32[0,2,2]")},

    /* Types. */
    {"Einsum", 12, "equation='ij,jk->ik'", IN("f64[1,2] 1 2", "f64[2,1] .5 .25"), OUT("f64[1,1] 1")},
    {"Einsum", 12, "equation='i,i'", IN("f16[2] 1 2", "f16[2] .5 .25"), OUT("f16[] 1")},
    {"Einsum", 12, "equation='i,i'", IN("i8[2] 100 -3", "i8[2] 2 5"), OUT("i8[] -71")},
    {"Einsum", 12, "equation='i,i'", IN("u8[2] 100 3", "u8[2] 2 50"), OUT("u8[] 94")},
    {"Einsum", 12, "equation='i,i'", IN("i16[2] 100 -3", "i16[2] 2 5"), OUT("i16[] 185")},
    {"Einsum", 12, "equation='i,i'", IN("u16[1] 65535", "u16[1] 65535"), OUT("u16[] 1")},
    {"Einsum", 12, "equation='i,j->ij'", IN("i32[1] -2147483648", "i32[2] -1 1"),
     OUT("i32[1,2] -2147483648 -2147483648")},
    {"Einsum", 12, "equation='i,i'", IN("u32[1] 65536", "u32[1] 65537"), OUT("u32[] 65536")},
    {"Einsum", 12, "equation='i,i'", IN("i64[2] 9223372036854775807 -1", "i64[2] 2 1"), OUT("i64[] -3")},
    {"Einsum", 12, "equation='i->'", IN("u64[2] 18446744073709551615 2"), OUT("u64[] 1")},

    /* Bad equations. */
    {"Einsum", 12, "", IN(A23), FAILS(FORMAT, "'equation' is missing")},
    {"Einsum", 12, "equation='ij,jk'", IN(A23), FAILS(FORMAT, "more terms than the 1 inputs")},
    {"Einsum", 12, "equation='ij'", IN(A23, A23), FAILS(FORMAT, "1 terms for 2 inputs")},
    {"Einsum", 12, "equation='ij->ik'", IN(A23), FAILS(FORMAT, "names 'k', which no input has")},
    {"Einsum", 12, "equation='ij->ii'", IN(A23), FAILS(FORMAT, "names 'i' twice")},
    {"Einsum", 12, "equation='i.j'", IN(A23), FAILS(FORMAT, "unexpected '.' at position 1")},
    {"Einsum", 12, "equation='ij->i->j'", IN(A23), FAILS(FORMAT, "unexpected '-' at position 5")},
    {"Einsum", 12, "equation='...i...'", IN(A23), FAILS(FORMAT, "two ellipses")},
    {"Einsum", 12, "equation='abcdefghijklmnopqrst'", IN(A23), FAILS(FORMAT, "more than 16 letters")},
    {"Einsum", 12, "equation='abcdefghi,jklmnopqr'", IN(A23, A23), FAILS(FORMAT, "output has more than 16 axes")},

    /* Inputs that do not fit. */
    {"Einsum", 12, "equation='ijk'", IN(A23), FAILS(SHAPE, "gives input 0 3 letters, it has rank 2")},
    {"Einsum", 12, "equation='ijk...'", IN(A23),
     FAILS(SHAPE, "gives input 0 3 letters and an ellipsis, it has rank 2")},
    {"Einsum", 12, "equation='ij,jk'", IN(A23, A23), FAILS(SHAPE, "gives sizes 3 and 2 one name")},
    {"Einsum", 12, "equation='ii'", IN(A23), FAILS(SHAPE, "gives sizes 2 and 3 one name")},
    {"Einsum", 12, "equation='...,...'", IN(A23, B32), FAILS(SHAPE, "gives sizes 2 and 3 one name")},
    {"Einsum", 12, "equation='i...->i'", IN(A23), FAILS(SHAPE, "output lacks the ellipsis")},
    {"Einsum", 12, "equation='i,i'", IN("f32[1] 0", "f64[1] 0"), FAILS(SHAPE, "float64 where float32 is expected")},
};

QN_OP_CASES_MAIN(cases)
