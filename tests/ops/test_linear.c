/* test_linear.c: cases of LinearClassifier and LinearRegressor. */
#include "opcase.h"

#define CLASSIFY "ai.onnx.ml:LinearClassifier", 1
#define REGRESS  "ai.onnx.ml:LinearRegressor", 1
#define X        "f32[3,3] 1 -2 3 0 0 0 -1 -5 -3"
#define ONE      "coefficients=[.1,.2,.3] intercepts=[.05] classlabels_ints=[4,5]"
#define THREE    "classlabels_strings=['a','b','c'] coefficients=[.1,.2,.3,-.1,-.2,.3,0,0,0] intercepts=[.05,.1,.15]"

static const struct qn_op_case cases[] = {
    {CLASSIFY, ONE, IN(X), OUT("i64[3] 5 5 4", "f32[3,2] .35 .65 .95 .05 2.95 -1.95")},
    {CLASSIFY, "post_transform='SOFTMAX' " ONE, IN(X), OUT("i64[3] 5 5 4", "f32[3,2] .35 .65 .95 .05 2.95 -1.95")},
    {CLASSIFY, "post_transform='LOGISTIC' multi_class=1 " ONE, IN(X),
     OUT("i64[3] 5 5 4", "f32[3,2] .3429895 .6570105 .4875026 .5124974 .8754467 .1245533")},
    {CLASSIFY, ONE, IN("i64[3] 1 -2 3"), OUT("i64[1] 5", "f32[1,2] .35 .65")},
    {CLASSIFY, ONE, IN("f64[1,3] 1 -2 3"), OUT("i64[1] 5", "f32[1,2] .35 .65")},
    {CLASSIFY, ONE, IN("i32[0,3]"), OUT("i64[0]", "f32[0,2]")},
    {CLASSIFY, "post_transform='PROBIT' " ONE, IN("f32[1,3] 0 0 1"), OUT("i64[1] 5", "f32[1,2] .38534024 -.38534024"),
     TOLERANCE(1e-4, 1e-6)},
    {CLASSIFY, "coefficients=[.1,.2] intercepts=[.5]", IN("f32[2,2] 1 2 -9 0"), OUT("i64[2] 1 0", "f32[2,1] 1 -.4")},
    {CLASSIFY, THREE, IN(X), OUT("str[3] 'b' 'c' 'b'", "f32[3,3] .65 1.3 .15 .05 .1 .15 -1.95 .3 .15")},
    {CLASSIFY, "post_transform='SOFTMAX' " THREE, IN("f32[1,3] 1 -2 3"),
     OUT("str[1] 'b'", "f32[1,3] .2839238 .5438677 .1722085")},
    {CLASSIFY, "post_transform='LOGISTIC' " THREE, IN("f32[1,3] 1 -2 3"),
     OUT("str[1] 'b'", "f32[1,3] .6570104 .785835 .5374299")},
    {CLASSIFY, THREE, IN("f32[1,3] nan 0 0"), OUT("str[1] 'a'", "f32[1,3] nan nan nan")},
    {CLASSIFY, "post_transform='SOFTMAX_ZERO' coefficients=[1,0,0,1.] classlabels_ints=[7,8]", IN("f32[2,2] 1 0 2 3"),
     OUT("i64[2] 7 8", "f32[2,2] 1 0 .2689414 .7310586")},
    {CLASSIFY, "coefficients=[1,0.] classlabels_ints=[7,8]", IN("f32[1,2] 3 9"), OUT("i64[1] 8", "f32[1,2] -2 3")},
    {CLASSIFY, "coefficients=[1,0,0,1.] classlabels_ints=[7]", IN("f32[1,2] 1 0"), OUT("-", "-"),
     FAILS(FORMAT, "1 class labels for 2 scores")},
    {CLASSIFY, "coefficients=[1.] intercepts=[0.] classlabels_ints=[7]", IN("f32[1,1] 1"), OUT("-", "-"),
     FAILS(FORMAT, "1 class labels for 1 scores")},
    {CLASSIFY, ONE, IN("f32[1,2] 1 0"), OUT("-", "-"),
     FAILS(SHAPE, "3 coefficients for 1 scores of rows of 2 features")},
    {CLASSIFY, ONE, IN("f32[1,1,3] 1 0 0"), OUT("-", "-"), FAILS(SHAPE, "a tensor of rank 3 came")},
    {CLASSIFY, "classlabels_strings=['a','b'] " ONE, IN(X), OUT("-", "-"),
     FAILS(FORMAT, "class labels are given twice")},
    {CLASSIFY, "classlabels_ints=[1,2]", IN(X), OUT("-", "-"),
     FAILS(FORMAT, "required attribute 'coefficients' is missing")},
    {CLASSIFY, "post_transform='RELU' " ONE, IN(X), OUT("-", "-"), FAILS(FORMAT, "unknown value 'RELU'")},
    {REGRESS, "coefficients=[.1,.2,.3] intercepts=[.5]", IN(X), OUT("f32[3,1] 1.1 .5 -1.5")},
    {REGRESS, "post_transform='LOGISTIC' coefficients=[.1,.2,.3] intercepts=[.5]", IN(X), OUT("f32[3,1] 1.1 .5 -1.5")},
    {REGRESS, "coefficients=[.1,.2,.3,0,.1,.2] targets=2", IN(X), OUT("f32[3,2] .6 .4 0 0 -2 -1.1")},
    {REGRESS, "post_transform='SOFTMAX' coefficients=[.1,.2,.3,0,.1,.2] targets=2", IN("f64[3] 1 -2 3"),
     OUT("f32[1,2] .549834 .450166")},
    {REGRESS, "coefficients=[2.]", IN("i32[] 4"), OUT("f32[1,1] 8")},
    {REGRESS, "intercepts=[2.]", IN("f32[2,0]"), OUT("f32[2,1] 2 2")},
    {REGRESS, "coefficients=[.1,.2] targets=2 intercepts=[.5]", IN("f32[1,1] 1"),
     FAILS(FORMAT, "1 intercepts for 2 targets")},
    {REGRESS, "coefficients=[.1,.2] targets=0", IN("f32[1,1] 1"), FAILS(FORMAT, "'targets' is 0")},
    {REGRESS, "", IN("f32[1,1] 1"), FAILS(SHAPE, "0 coefficients for 1 scores of rows of 1 features")},
};

QN_OP_CASES_MAIN(cases)
