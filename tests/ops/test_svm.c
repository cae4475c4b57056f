/* test_svm.c: cases of SVMClassifier and SVMRegressor. */
#include "opcase.h"

#define CLASSIFY "ai.onnx.ml:SVMClassifier", 1
#define REGRESS  "ai.onnx.ml:SVMRegressor", 1
#define X3       "f32[3,2] 1 2 -1 .5 0 -1"
/* Three support vectors; of two classes, of three classes. Texts come before floats. */
#define VECTORS "support_vectors=[0.5,1,-1,0,2,-0.5] "
#define TWO     VECTORS "coefficients=[0.7,-0.4,-0.3] rho=[0.1] classlabels_ints=[10,11] vectors_per_class=[1,2] "
#define ABC     "classlabels_strings=['a','b','c'] "
#define THREE   VECTORS "coefficients=[0.7,-0.4,-0.3,0.2,0.9,-0.6] rho=[0.1,-0.2,0.3] vectors_per_class=[1,1,1] "
#define ONE     VECTORS "coefficients=[0.7,-0.4,-0.3] rho=[0.1] n_supports=3 "

static const struct qn_op_case cases[] = {
    {CLASSIFY, "kernel_type='LINEAR' kernel_params=[0.5,0.25,3] " TWO, IN(X3),
     OUT("i64[3] 10 10 11", "f32[3,2] -1.95 1.95 -0.375 0.375 0.75 -0.75")},
    {CLASSIFY, "kernel_type='POLY' kernel_params=[0.5,0.25,3] " TWO, IN(X3),
     OUT("i64[3] 10 10 10", "f32[3,2] -2.342187 2.342187 -0.1431641 0.1431641 -0.0453125 0.0453125")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,0.25,3] " TWO, IN(X3),
     OUT("i64[3] 10 11 10", "f32[3,2] -0.459362 0.459362 0.05446679 -0.05446679 -0.0006214008 0.0006214008")},
    {CLASSIFY, "kernel_type='SIGMOID' kernel_params=[0.5,0.25,3] " TWO, IN(X3),
     OUT("i64[3] 10 10 11", "f32[3,2] -0.6410265 0.6410265 -0.2285551 0.2285551 0.3080457 -0.3080457")},
    {CLASSIFY, "post_transform='LOGISTIC' kernel_type='POLY' kernel_params=[0.5,1,2] " TWO, IN(X3),
     OUT("i64[3] 10 11 11", "f32[3,2] 0.05372018 0.9462798 0.526148 0.473852 0.6442251 0.3557749")},
    {CLASSIFY, "post_transform='SOFTMAX' kernel_type='RBF' kernel_params=[0.5,1,2] " TWO, IN(X3),
     OUT("i64[3] 10 11 10", "f32[3,2] 0.540638 0.459362 1.054467 -0.05446679 0.9993786 0.0006214008")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,1,2] prob_a=[-2.] prob_b=[0.1] " TWO, IN(X3),
     OUT("i64[3] 10 11 10", "f32[3,2] 0.6939653 0.3060346 0.4478923 0.5521077 0.4753276 0.5246723")},
    {CLASSIFY, ABC "kernel_type='RBF' kernel_params=[0.5,0,0] " THREE, IN(X3),
     OUT("str[3] 'a' 'b' 'a'",
         "f32[3,3] 0.4673568 -0.1009424 0.3004946 -0.0524454 -0.1447204 1.090204 0.0364513 -0.2119433 0.5594317")},
    {CLASSIFY, ABC "post_transform='LOGISTIC' kernel_type='RBF' kernel_params=[0.5,0,0] " THREE, IN(X3),
     OUT("str[3] 'a' 'b' 'a'",
         "f32[3,3] 0.614758 0.4747858 0.5745634 0.4868917 0.4638829 0.7484202 0.5091118 0.4472116 0.6363211")},
    {CLASSIFY, ABC "kernel_type='RBF' kernel_params=[0.5,0,0] prob_a=[-2.,-1,-1.5] prob_b=[0.1,0,-0.1] " THREE, IN(X3),
     OUT("str[3] 'a' 'b' 'a'",
         "f32[3,3] 0.4162844 0.283985 0.2997306 0.3141273 0.5154958 0.1703771 0.3191252 0.4342159 0.2466588")},
    {CLASSIFY, "kernel_params=[0.,0,0] coefficients=[0.5,-0.25,-0.5,0.75] rho=[0.25] classlabels_ints=[10,11]", IN(X3),
     OUT("i64[3] 11 11 11", "f32[3,2] 0.25 1.25 -0.375 1.125 0.5 -0.5")},
    {CLASSIFY, "kernel_params=[0.,0,0] coefficients=[0.5,0.25,0.5,0.75] rho=[0.25] classlabels_ints=[10,11]", IN(X3),
     OUT("i64[3] 11 11 10", "f32[3,2] 1.25 2.25 -0.125 0.125 0 -0.5")},
    {CLASSIFY,
     "post_transform='SOFTMAX' kernel_params=[0.,0,0] coefficients=[0.5,-0.25,-0.5,0.75,0,0.1] rho=[0.25,0.5,1] "
     "classlabels_ints=[7,8,9]",
     IN(X3),
     OUT("i64[3] 8 8 7",
         "f32[3,3] 0.2024421 0.5502946 0.2472633 0.1343053 0.6019146 0.26378 0.4824933 0.1774994 0.3400073")},
    {REGRESS, "kernel_type='RBF' kernel_params=[0.5,0,0] " ONE, IN(X3),
     OUT("f32[3,1] 0.459362 -0.05446679 0.0006214008")},
    {REGRESS, "post_transform='LOGISTIC' kernel_type='SIGMOID' kernel_params=[0.5,0.1,0] " ONE, IN(X3),
     OUT("f32[3,1] 0.7027021 0.1865163 -0.3067442")},
    {REGRESS, "kernel_params=[0.5,0,0] coefficients=[0.5,-0.25] rho=[0.25]", IN(X3), OUT("f32[3,1] 0.25 -0.375 0.5")},
    {REGRESS, "kernel_type='LINEAR' kernel_params=[0.5,0,0] " ONE "one_class=1", IN(X3), OUT("f32[3,1] 1 1 -1")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,0,0] " TWO, IN("f64[2] 1 2"),
     OUT("i64[1] 10", "f32[1,2] -0.459362 0.459362")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,0,0] " TWO, IN("i32[1,2] 1 2"),
     OUT("i64[1] 10", "f32[1,2] -0.459362 0.459362")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,0,0] " TWO, IN("i64[1,2] 1 2"),
     OUT("i64[1] 10", "f32[1,2] -0.459362 0.459362")},
    {CLASSIFY, "kernel_type='RBF' kernel_params=[0.5,0,0] " TWO, IN("f32[0,2]"), OUT("i64[0]", "f32[0,2]")},
    {CLASSIFY, "coefficients=[1.,2] rho=[.5] classlabels_ints=[4]", IN(X3),
     OUT("i64[3] 4 4 4", "f32[3,1] 5.5 .5 -1.5")},
    {CLASSIFY, "coefficients=[1.] rho=[0.] classlabels_ints=[4,5]", IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "1 coefficients for 2 rows of coefficients")},
    {CLASSIFY, "coefficients=[1.] rho=[0.]", IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "class labels are missing")},
    {CLASSIFY, "coefficients=[1.] classlabels_ints=[4]", IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "rho is missing")},
    {CLASSIFY, "rho=[1.] classlabels_ints=[4]", IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "coefficients are missing")},
    {CLASSIFY, "kernel_params=[1.] " TWO, IN(X3), OUT("-", "-"),
     FAILS(FORMAT, "kernel_params has 1 entries, 3 expected")},
    {CLASSIFY, "kernel_type='CUBE' " TWO, IN(X3), OUT("-", "-"), FAILS(FORMAT, "unknown value 'CUBE'")},
    {CLASSIFY, TWO "prob_a=[1.]", IN(X3), OUT("-", "-"), FAILS(FORMAT, "prob_a has 1 entries, prob_b 0")},
    {CLASSIFY, TWO, IN("f32[1,3] 0 ..."), OUT("-", "-"), FAILS(SHAPE, "rows of 2 features expected, 3 came")},
    {CLASSIFY, VECTORS "coefficients=[1.] rho=[0.] vectors_per_class=[1,2] classlabels_ints=[4,5]", IN(X3),
     OUT("-", "-"), FAILS(FORMAT, "1 coefficients for 3 support vectors against 1 classes")},
    {CLASSIFY, ABC VECTORS "coefficients=[1.] rho=[0.] vectors_per_class=[1,1,1]", IN(X3), OUT("-", "-"),
     FAILS(FORMAT, "rho has 1 entries for 3 pairs")},
    {CLASSIFY, ABC VECTORS "coefficients=[1.] rho=[0.] vectors_per_class=[1,1]", IN(X3), OUT("-", "-"),
     FAILS(FORMAT, "2 counts of support vectors for 3 classes")},
    {CLASSIFY, VECTORS "coefficients=[1.] rho=[0.] vectors_per_class=[1] classlabels_ints=[4]", IN(X3), OUT("-", "-"),
     FAILS(FORMAT, "1 classes")},
    {CLASSIFY, VECTORS "coefficients=[1.] rho=[0.] vectors_per_class=[-1,2] classlabels_ints=[4,5]", IN(X3),
     OUT("-", "-"), FAILS(FORMAT, "class 0 has -1 support vectors")},
    {CLASSIFY, "support_vectors=[1.] coefficients=[1.,2] rho=[0.] vectors_per_class=[1,1] classlabels_ints=[4,5]",
     IN(X3), OUT("-", "-"), FAILS(FORMAT, "1 numbers for 2 support vectors")},
    {REGRESS, "coefficients=[1.,2] rho=[.5]", IN("f32[2] 1 1"), OUT("f32[1,1] 3.5")},
    {REGRESS, VECTORS "coefficients=[1.,2] rho=[.5] n_supports=3", IN(X3),
     FAILS(FORMAT, "2 coefficients for 3 support vectors")},
    {REGRESS, "coefficients=[1.] rho=[.5] n_supports=-1", IN(X3), FAILS(FORMAT, "'n_supports' is -1")},
};

QN_OP_CASES_MAIN(cases)
