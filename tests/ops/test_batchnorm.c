/* test_batchnorm.c: cases of BatchNormalization. */
#include "opcase.h"

#define OP    "BatchNormalization"
#define DATA  "[2,2,1,3] -4 3 -1 6 2 -2 5 1 -3 4 0 -4"
#define X     "f32" DATA
#define STATS "f32[2] 1 2", "f32[2] .5 -1", "f32[2] 0 1", "f32[2] 4 .25"
#define Y     "[2,2,1,3] -1.5 2 0 19 3 -13 3 1 -1 11 -5 -21"
#define LOOSE TOLERANCE(1e-4, 1e-4)
#define TRAINED                                                                                                        \
    "f32[2,2,1,3] -.80855912 1.3898202 .13360345 1.9276991 -.41446018 -2.7566195 2.0179286 .76171184 -.49450493 "      \
    ".75661945 -1.5855398 -3.9276991"
#define RUNNING "f32[2] .016666671 1", "f32[2] 4.6138892 1.391667"

static const struct qn_op_case cases[] = {
    /* Given statistics. */
    {OP, 15, "", IN(X, STATS), OUT("f32" Y), LOOSE},
    {OP, 9, "", IN(X, STATS), OUT("f32" Y), LOOSE},
    {OP, 7, "spatial=1", IN(X, STATS), OUT("f32" Y), LOOSE},
    {OP, 6, "is_test=1", IN(X, STATS), OUT("f32" Y), LOOSE},
    {OP, 1, "is_test=1 consumed_inputs=[0,0,0,1,1]", IN(X, STATS), OUT("f32" Y), LOOSE},
    {OP, 15, "epsilon=.1", IN(X, STATS),
     OUT("f32[2,2,1,3] -1.4754592 1.9815944 .0061351955 15.903084 2.3806167 -11.141851 2.9693241 .99386477 "
         "-.98159444 9.1418505 -4.3806171 -17.903084")},
    {OP, 15, "", IN("f32[3,2] -4 3 -1 6 2 -2", STATS), OUT("f32[3,2] -1.5 7 0 19 1.5 -13"), LOOSE},
    {OP, 15, "", IN("f32[3] 1 2 3", "f32[1] 2", "f32[1] 1", "f32[1] 2", "f32[1] 1"), OUT("f32[3] -1 1 3"), LOOSE},
    {OP, 15, "", IN("f32[2,3,50,400] 1 ...", "f32[3] 2 ...", "f32[3] 1 ...", "f32[3] 0 ...", "f32[3] 1 ..."),
     OUT("f32[2,3,50,400] 3 ..."), LOOSE},
    {OP, 15, "", IN("f32[900,70] 1 ...", "f32[70] 2 ...", "f32[70] 1 ...", "f32[70] 0 ...", "f32[70] 1 ..."),
     OUT("f32[900,70] 3 ..."), LOOSE},
    {OP, 7, "spatial=0", IN("f32[2,2,1] 1 2 3 4", "f32[2,1] 1 2", "f32[2,1] 0 1", "f32[2,1] 1 2", "f32[2,1] 1 4"),
     OUT("f32[2,2,1] 0 1 2 3"), LOOSE},
    {OP, 15, "", IN(X, STATS), OUT("f32" Y, "f32[2] 0 1", "f32[2] 4 .25"), LOOSE},

    /* Statistics of the batch. */
    {OP, 15, "training_mode=1", IN(X, STATS), OUT(TRAINED, RUNNING)},
    {OP, 14, "training_mode=1", IN(X, STATS), OUT(TRAINED, "-", "f32[2] 4.6138892 1.391667")},
    {OP, 9, "", IN(X, STATS), OUT(TRAINED, RUNNING, "f32[2] .16666667 1", "f32[2] 10.1388889 11.6666667"),
     TOLERANCE(1e-5, 1e-5)},
    {OP, 6, "", IN(X, STATS), OUT(TRAINED)},
    {OP, 7, "spatial=0 momentum=.5", IN("f32[2,2] 1 2 3 6", "f32[2] 1 2", "f32[2] 0 1", "f32[2] 0 0", "f32[2] 1 1"),
     OUT("f32[2,2] -1 -1 1 3", "f32[2] 1 2", "f32[2] 1 2.5"), LOOSE},

    /* Types. */
    {OP, 15, "", IN("f64" DATA, "f64[2] 1 2", "f64[2] .5 -1", "f64[2] 0 1", "f64[2] 4 .25"), OUT("f64" Y), LOOSE},
    {OP, 9, "", IN("f16[1,1,2] 1 2", "f16[1] 2", "f16[1] 1", "f16[1] 0", "f16[1] 1"), OUT("f16[1,1,2] 3 5")},
    {OP, 14, "", IN("bf16[1,1,2] 1 2", "bf16[1] 2", "bf16[1] 1", "f32[1] 0", "f32[1] 1"), OUT("bf16[1,1,2] 3 5")},
    {OP, 15, "", IN("f16[1,1,2] 1 2", "f32[1] 2", "f32[1] 1", "f64[1] 0", "f64[1] 1"), OUT("f16[1,1,2] 3 5")},
    {OP, 15, "", IN("f32[1,1,2] nan inf", "f32[1] 2", "f32[1] 1", "f32[1] 0", "f32[1] 1"), OUT("f32[1,1,2] nan inf")},

    /* Nothing to do. */
    {OP, 15, "", IN("f32[0,2,3]", STATS), OUT("f32[0,2,3]")},
    {OP, 15, "", IN("f32[2,0]", "f32[0]", "f32[0]", "f32[0]", "f32[0]"), OUT("f32[2,0]")},

    /* What does not fit. */
    {OP, 15, "", IN("f32[1,3,1] 0 ...", STATS),
     FAILS(SHAPE, "input 1 of shape [2] is not one value for each of 3 channels")},
    {OP, 15, "", IN("f32[1,2] 0 ...", "f32[2,1] 0 0", "f32[2] 0 0", "f32[2] 0 0", "f32[2] 0 0"),
     FAILS(SHAPE, "input 1 of shape [2,1] must be of rank 1")},
    {OP, 15, "", IN("f32[] 0", STATS), FAILS(SHAPE, "X must not be a scalar")},
    {OP, 9, "spatial=1", IN(X, STATS), FAILS(FORMAT, "unknown attribute 'spatial'")},
    {OP, 1, "is_test=1", IN(X, STATS), FAILS(FORMAT, "'consumed_inputs' is missing")},
    {OP, 9, "", IN("f32[1,1] 0", "f64[1] 0", "f32[1] 0", "f32[1] 0", "f32[1] 0"),
     FAILS(SHAPE, "float64 where float32")},
};

QN_OP_CASES_MAIN(cases)
