/* test_zipmap.c: cases of ZipMap. */
#include "opcase.h"

#define ZIP "ai.onnx.ml:ZipMap", 1

static const struct qn_op_case cases[] = {
    {ZIP, "classlabels_int64s=[5,3]", IN("f32[2,2] .25 .75 1 0"),
     OUT("seq(map) [ map [ i64[2] 5 3 ; f32[2] .25 .75 ] ; map [ i64[2] 5 3 ; f32[2] 1 0 ] ]")},
    {ZIP, "classlabels_strings=['no','yes']", IN("f32[2] .25 .75"),
     OUT("seq(map) [ map [ str[2] 'no' 'yes' ; f32[2] .25 .75 ] ]")},
    {ZIP, "classlabels_int64s=[5]", IN("f32[] 2"), OUT("seq(map) [ map [ i64[1] 5 ; f32[1] 2 ] ]")},
    {ZIP, "classlabels_int64s=[5]", IN("f32[0,1]"), OUT("seq(map) [ ]")},
    {ZIP, "classlabels_int64s=[5,3]", IN("f32[1,3] 0 ..."), FAILS(SHAPE, "rows of 2 features expected, 3 came")},
    {ZIP, "classlabels_int64s=[5,3,5]", IN("f32[1,3] 0 ..."), FAILS(FORMAT, "class label 5 is given twice")},
    {ZIP, "", IN("f32[1,3] 0 ..."), FAILS(FORMAT, "class labels are missing")},
    {ZIP, "classlabels_int64s=[5] classlabels_strings=['a']", IN("f32[1,1] 0"), FAILS(FORMAT, "given twice")},
    {ZIP, "classlabels_int64s=[5]", IN("f64[1,1] 0"), FAILS(SHAPE, "cannot be float64")},
};

QN_OP_CASES_MAIN(cases)
