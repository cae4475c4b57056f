/* test_loss.c: cases of NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss. */
#include "opcase.h"

#define LOGS "f32[2,3] -1 -2 -3 -4 -5 -6"

static const struct qn_op_case cases[] = {
    {"NegativeLogLikelihoodLoss", 12, "", IN(LOGS, "i64[2] 0 2"), OUT("f32[] 3.5")},
    {"NegativeLogLikelihoodLoss", 13, "reduction='sum'", IN(LOGS, "i32[2] 0 2"), OUT("f32[] 7")},
    {"NegativeLogLikelihoodLoss", 22, "reduction='none'", IN(LOGS, "i64[2] 0 2"), OUT("f32[2] 1 6")},
    {"NegativeLogLikelihoodLoss", 13, "", IN(LOGS, "i64[2] 0 2", "f32[3] 1 1 3"), OUT("f32[] 4.75")},
    {"NegativeLogLikelihoodLoss", 13, "ignore_index=2 reduction='none'", IN(LOGS, "i64[2] 0 2"), OUT("f32[2] 1 0")},
    {"NegativeLogLikelihoodLoss", 13, "ignore_index=-1", IN(LOGS, "i64[2] -1 1"), OUT("f32[] 5")},
    {"NegativeLogLikelihoodLoss", 13, "reduction='none'", IN("f64[1,2,2] -1 -2 -3 -4", "i64[1,2] 1 0"),
     OUT("f64[1,2] 3 2")},
    {"NegativeLogLikelihoodLoss", 13, "", IN("f16[1,2] -1 -2", "i64[1] 1"), OUT("f16[] 2")},
    {"NegativeLogLikelihoodLoss", 13, "", IN(LOGS, "i64[2] 0 3"), FAILS(RANGE, "label 3 is outside 0..2")},
    {"NegativeLogLikelihoodLoss", 13, "", IN(LOGS, "i64[3] 0 1 2"), FAILS(SHAPE, "dimension 0 of the labels is 3")},
    {"NegativeLogLikelihoodLoss", 13, "", IN(LOGS, "i64[2] 0 1", "f32[2] 1 1"),
     FAILS(SHAPE, "2 weights are given for 3 classes")},
    {"NegativeLogLikelihoodLoss", 13, "", IN("f32[2] 1 2", "i64[2] 0 1"), FAILS(SHAPE, "2 dimensions or more")},
    {"SoftmaxCrossEntropyLoss", 12, "", IN("f32[1,3] 1 2 3", "i64[1] 2"), OUT("f32[] .4076059")},
    {"SoftmaxCrossEntropyLoss", 13, "reduction='sum'", IN("f32[2,3] 1 2 3 1 2 3", "i64[2] 2 0"),
     OUT("f32[] 2.8152118", "f32[2,3] -2.4076059 -1.4076059 -.4076059 -2.4076059 -1.4076059 -.4076059")},
    {"SoftmaxCrossEntropyLoss", 13, "reduction='none' ignore_index=0", IN("f32[2,3] 1 2 3 1 2 3", "i64[2] 2 0"),
     OUT("f32[2] .4076059 0")},
    {"SoftmaxCrossEntropyLoss", 13, "reduction='most'", IN("f32[1,3] 1 2 3", "i64[1] 2"),
     FAILS(FORMAT, "unknown value 'most'")},
};

QN_OP_CASES_MAIN(cases)
