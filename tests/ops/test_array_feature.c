/* test_array_feature.c: cases of ArrayFeatureExtractor and FeatureVectorizer. */
#include "opcase.h"

#define EXTRACT "ai.onnx.ml:ArrayFeatureExtractor", 1, ""
#define SET     "ai.onnx.ml:FeatureVectorizer", 1
#define X       "f32[2,3] 1 2 3 4 5 6"

static const struct qn_op_case cases[] = {
    {EXTRACT, IN(X, "i64[2] 0 2"), OUT("f32[2,2] 1 3 4 6")},
    {EXTRACT, IN("f64[3] 1 2 3", "i64[3] 2 0 0"), OUT("f64[1,3] 3 1 1")},
    {EXTRACT, IN("i32[2,1,2] 1 2 3 4", "i64[1,2] 1 0"), OUT("i32[2,1,2] 2 1 4 3")},
    {EXTRACT, IN("i64[1,2] 5 6", "i64[] 1"), OUT("i64[1,1] 6")},
    {EXTRACT, IN("str[2,2] 'a' 'b' 'c' 'd'", "i64[1] 1"), OUT("str[2,1] 'b' 'd'")},
    {EXTRACT, IN(X, "i64[0]"), OUT("f32[2,0]")},
    {EXTRACT, IN("f32[0,3]", "i64[2] 0 2"), OUT("f32[0,2]")},
    {EXTRACT, IN(X, "i64[1] 3"), FAILS(RANGE, "feature 3 is outside 0..2")},
    {EXTRACT, IN(X, "i64[1] -1"), FAILS(RANGE, "feature -1 is outside 0..2")},
    {EXTRACT, IN("f32[] 1", "i64[1] 0"), FAILS(SHAPE, "a scalar has no features")},
    {SET, "inputdimensions=[3,2]", IN(X, "f32[2,2] 7 8 9 0"), OUT("f32[2,5] 1 2 3 7 8 4 5 6 9 0")},
    {SET, "inputdimensions=[4,1]", IN(X, "f32[2,2] 7 8 9 0"), OUT("f32[2,5] 1 2 3 0 7 4 5 6 0 9")},
    {SET, "", IN("i64[2] 1 2", "i64[1] 3"), OUT("f32[1,3] 1 2 3")},
    {SET, "inputdimensions=[4]", IN("f64[2,2,2] 1 2 3 4 5 6 7 8"), OUT("f32[2,4] 1 2 3 4 5 6 7 8")},
    {SET, "", IN("i32[] 7"), OUT("f32[1,1] 7")},
    {SET, "inputdimensions=[0]", IN("i32[2,2] 7 ..."), OUT("f32[2,0]")},
    {SET, "inputdimensions=[2]", IN("i32[2,0]"), OUT("f32[2,2] 0 ...")},
    {SET, "inputdimensions=[3]", IN(X, X), FAILS(FORMAT, "1 input dimensions are given for 2 inputs")},
    {SET, "", IN(X, "f32[1,1] 0"), FAILS(SHAPE, "input 1 has 1 rows, those before it 2")},
    {SET, "", IN(X, "f64[2,1] 0 0"), FAILS(SHAPE, "is float64 where float32 is expected")},
    {SET, "inputdimensions=[-1]", IN(X), FAILS(FORMAT, "'inputdimensions' is -1")},
};

QN_OP_CASES_MAIN(cases)
