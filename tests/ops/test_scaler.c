/* test_scaler.c: cases of Scaler, Normalizer, Binarizer and Imputer. */
#include "opcase.h"

#define SCALER   "ai.onnx.ml:Scaler", 1
#define NORM     "ai.onnx.ml:Normalizer", 1
#define BINARIZE "ai.onnx.ml:Binarizer", 1
#define IMPUTE   "ai.onnx.ml:Imputer", 1

static const struct qn_op_case cases[] = {
    {SCALER, "scale=[2.,3.,4.] offset=[1.,1.,1.]", IN("f32[2,3] 1 -2 3 0 0 0"), OUT("f32[2,3] 0 -9 8 -2 -3 -4")},
    {SCALER, "scale=[2.] offset=[1.]", IN("f32[2,2] 1 -2 3 0"), OUT("f32[2,2] 0 -6 4 -2")},
    {SCALER, "scale=[2.,3.] offset=[1.]", IN("f64[2] 1 2"), OUT("f32[2] 0 3")},
    {SCALER, "offset=[1.]", IN("i32[2,2,1] 1 2 3 -4"), OUT("f32[2,2,1] 0 1 2 -5")},
    {SCALER, "scale=[.5]", IN("i64[] 7"), OUT("f32[] 3.5")},
    {"ai.onnx.ml:Scaler", 5, "", IN("f32[0,3]"), OUT("f32[0,3]")},
    {SCALER, "scale=[1.,2.]", IN("f32[2,0]"), FAILS(SHAPE, "2 values of scale and offset for rows of 0 features")},
    {SCALER, "scale=[1.,2.]", IN("f32[2,3] 0 ..."), FAILS(SHAPE, "for rows of 3 features")},
    {SCALER, "scale=[1.,2.] offset=[1.,2.,3.]", IN("f32[2,3] 0 ..."), FAILS(FORMAT, "2 offsets or scales stand")},
    {SCALER, "", IN("str[1] 'a'"), FAILS(SHAPE, "cannot be string")},
    {NORM, "", IN("f32[3,3] 1 -2 3 0 0 0 -1 -5 -3"), OUT("f32[3,3] .33333333 -.66666667 1 0 0 0 1 5 3")},
    {NORM, "norm='L1'", IN("f32[2,3] 1 -2 3 0 0 0"), OUT("f32[2,3] .16666667 -.33333333 .5 0 0 0")},
    {NORM, "norm='L2'", IN("f32[3] 1 -2 3"), OUT("f32[3] .26726124 -.53452248 .80178373")},
    {NORM, "norm='L2'", IN("f32[2] 3e30 4e30"), OUT("f32[2] .6 .8")},
    {NORM, "norm='L2'", IN("f32[2] 3e-30 4e-30"), OUT("f32[2] .6 .8")},
    {NORM, "norm='L1'", IN("i64[1,2] 1 -3"), OUT("f32[1,2] .25 -.75")},
    {NORM, "norm='L2'", IN("i32[2] 3 4"), OUT("f32[2] .6 .8")},
    {NORM, "norm='L2'", IN("f64[2] 3 4"), OUT("f32[2] .6 .8")},
    {NORM, "", IN("f32[3] nan 1 2"), OUT("f32[3] nan .5 1")},
    {NORM, "norm='L1'", IN("f32[3] inf 1 -2"), OUT("f32[3] nan 0 0")},
    {NORM, "norm='L2'", IN("f32[2] nan 1"), OUT("f32[2] nan nan")},
    {NORM, "norm='L2'", IN("f32[2,0]"), OUT("f32[2,0]")},
    {NORM, "norm='L2'", IN("f32[]  -3"), OUT("f32[] -1")},
    {NORM, "norm='L3'", IN("f32[2] 1 2"), FAILS(FORMAT, "attribute 'norm' has the unknown value 'L3'")},
    {NORM, "", IN("f32[1,2,1] 1 2"), FAILS(SHAPE, "a tensor of rank 3 came")},
    {BINARIZE, "threshold=.5", IN("f32[2,2] .5 .6 nan -inf"), OUT("f32[2,2] 0 1 0 0")},
    {BINARIZE, "", IN("f64[3] -1 0 1e-300"), OUT("f64[3] 0 0 1")},
    {BINARIZE, "threshold=-.5", IN("i32[3] -1 0 1"), OUT("i32[3] 0 1 1")},
    {BINARIZE, "threshold=1152921504606846976.", IN("i64[2] 1152921504606846976 1152921504606846977"),
     OUT("i64[2] 0 1")},
    {BINARIZE, "threshold=-inf", IN("i64[1] -9223372036854775808"), OUT("i64[1] 1")},
    {BINARIZE, "threshold=nan", IN("i64[1] 3"), OUT("i64[1] 0")},
    {BINARIZE, "threshold=1e30", IN("i64[1] 9223372036854775807"), OUT("i64[1] 0")},
    {BINARIZE, "", IN("f32[] 1"), OUT("f32[] 1")},
    {BINARIZE, "", IN("f32[0]"), OUT("f32[0]")},
    {IMPUTE, "imputed_value_floats=[9.,8.,7.]", IN("f32[2,3] 1 0 3 0 0 -0"), OUT("f32[2,3] 1 8 3 9 8 7")},
    {IMPUTE, "imputed_value_floats=[9.] replaced_value_float=nan", IN("f64[1,3] nan 1 0"), OUT("f64[1,3] 9 1 0")},
    {IMPUTE, "imputed_value_int64s=[9] replaced_value_int64=-1", IN("i64[4] -1 0 1 -1"), OUT("i64[4] 9 0 1 9")},
    {IMPUTE, "imputed_value_int64s=[9,8]", IN("i32[1,2] 0 0"), OUT("i32[1,2] 9 8")},
    {IMPUTE, "imputed_value_int64s=[5000000000]", IN("i32[1] 0"), FAILS(RANGE, "5000000000 does not fit in int32")},
    {IMPUTE, "imputed_value_int64s=[9]", IN("f32[1] 0"), FAILS(FORMAT, "not of the kind of float32")},
    {IMPUTE, "imputed_value_int64s=[9] imputed_value_floats=[1.]", IN("f32[1] 0"), FAILS(FORMAT, "given twice")},
    {IMPUTE, "", IN("f32[1] 0"), FAILS(FORMAT, "imputed values are missing")},
    {IMPUTE, "imputed_value_floats=[1.,2.]", IN("f32[2,3] 0 ..."), FAILS(SHAPE, "2 values of the imputer")},
};

QN_OP_CASES_MAIN(cases)
