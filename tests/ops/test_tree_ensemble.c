/* test_tree_ensemble.c: cases of TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble. That packed trees walk
 * as the plain ones do, in large forests, is unit/test_trees.c. */
#include "opcase.h"

#define CLASSIFIER "ai.onnx.ml:TreeEnsembleClassifier"
#define REGRESSOR  "ai.onnx.ml:TreeEnsembleRegressor"
#define ENSEMBLE   "ai.onnx.ml:TreeEnsemble", 5

/* One tree: x[0] against 0, leaf 1 where it is true, leaf 2 where it is false. Names in quotes come before lists of
 * floats. */
#define MODES(branch) "nodes_modes=['" branch "','LEAF','LEAF'] "
#define TREE                                                                                                           \
    "nodes_treeids=[0,0,0] nodes_nodeids=[0,1,2] nodes_featureids=[0,0,0] nodes_truenodeids=[1,0,0] "                  \
    "nodes_falsenodeids=[2,0,0] nodes_values=[0.,0,0] "
#define ONE MODES("BRANCH_LEQ") TREE

/* Votes of the two leaves for target 0, or for two targets. */
#define TARGET(one, two)                                                                                               \
    "target_treeids=[0,0] target_nodeids=[1,2] target_ids=[0,0] target_weights=[" one "," two "] n_targets=1 "
#define TARGETS                                                                                                        \
    "target_treeids=[0,0,0] target_nodeids=[1,1,2] target_ids=[0,1,0] target_weights=[.3,.4,.6] n_targets=2 "
#define CLASS(id, one, two)                                                                                            \
    "class_treeids=[0,0] class_nodeids=[1,2] class_ids=[" id "," id "] class_weights=[" one "," two "] "
#define BOTH  "class_treeids=[0,0,0,0] class_nodeids=[1,1,2,2] class_ids=[0,1,0,1] class_weights=[.3,.7,.8,-.2] "
#define MIXED "class_treeids=[0,0,0] class_nodeids=[1,2,1] class_ids=[0,0,2] class_weights=[-.3,-.8,-.1] "
#define L2    "classlabels_int64s=[10,11] "
#define L3    "classlabels_strings=['a','b','c'] "

/* Two trees: x[0] <= 0 ? 1 : 2, and x[1] > 1 ? 10 : -20. */
#define TWO                                                                                                            \
    "nodes_modes=['BRANCH_LEQ','LEAF','LEAF','BRANCH_GT','LEAF','LEAF'] nodes_treeids=[0,0,0,1,1,1] "                  \
    "nodes_nodeids=[0,1,2,0,1,2] nodes_featureids=[0,0,0,1,0,0] nodes_truenodeids=[1,0,0,1,0,0] "                      \
    "nodes_falsenodeids=[2,0,0,2,0,0] nodes_values=[0.,0,0,1,0,0] target_treeids=[0,0,1,1] "                           \
    "target_nodeids=[1,2,1,2] target_weights=[1.,2,10,-20] "
#define AGGREGATE(function) "aggregate_function='" function "' " TWO "target_ids=[0,0,0,0] n_targets=1 "
#define BY_TREE(function)   "aggregate_function='" function "' " TWO "target_ids=[0,0,1,1] n_targets=2 "
#define X2                  "f32[3,2] -1 2 1 0 nan nan"

/* Version 5, the same tree with any mode, and two trees of two targets. */
#define SPLIT(mode)                                                                                                    \
    "tree_roots=[0] nodes_modes=<u8[1] " mode "> nodes_featureids=[0] nodes_splits=<f32[1] 0> nodes_trueleafs=[1] "    \
    "nodes_truenodeids=[0] nodes_falseleafs=[1] nodes_falsenodeids=[1] leaf_weights=<f32[2] 1 2> "                     \
    "leaf_targetids=[0,0] n_targets=1 "
#define TREES_5(type)                                                                                                  \
    "tree_roots=[0,1] nodes_modes=<u8[3] 0 0 1> nodes_featureids=[0,0,1] nodes_splits=<" type "[3] 0 1 .5> "           \
    "nodes_trueleafs=[1,1,1] nodes_truenodeids=[0,2,3] nodes_falseleafs=[1,0,1] nodes_falsenodeids=[1,2,0] "           \
    "leaf_weights=<" type "[4] .1 .2 .3 -.4> leaf_targetids=[0,1,0,1] n_targets=2 "
#define X5(type) type "[3,2] -1 0 2 0 .5 9"

static const struct qn_op_case cases[] = {
    /* what a branch asks for, and missing values */
    {REGRESSOR, 1, ONE TARGET("1.", "2"), IN("f32[1] -1"), OUT("f32[1,1] 1")},
    {REGRESSOR, 1, ONE TARGET("1.", "2"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 1 1 2 2")},
    {REGRESSOR, 1, MODES("BRANCH_LT") TREE TARGET("1.", "2"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 1 2 2 2")},
    {REGRESSOR, 1, MODES("BRANCH_GTE") TREE TARGET("1.", "2"), IN("f32[4,1] -1 -0 1 nan"), OUT("f32[4,1] 2 1 1 2")},
    {REGRESSOR, 3, MODES("BRANCH_GT") TREE TARGET("1.", "2"), IN("f64[4,1] -1 0 inf nan"), OUT("f32[4,1] 2 2 1 2")},
    {REGRESSOR, 3, MODES("BRANCH_EQ") TREE TARGET("1.", "2"), IN("i32[3,1] -1 0 1"), OUT("f32[3,1] 2 1 2")},
    /* feature 0 is 1 or 2: feature 1 decides */
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_EQ','BRANCH_EQ','LEAF','BRANCH_LEQ','LEAF','LEAF'] nodes_treeids=[0,0,0,0,0,0] "
     "nodes_nodeids=[0,1,2,3,4,5] nodes_featureids=[0,0,0,1,0,0] nodes_truenodeids=[3,3,0,4,0,0] "
     "nodes_falsenodeids=[1,2,0,5,0,0] nodes_values=[1.,2,0,.5,0,0] target_treeids=[0,0,0] target_nodeids=[2,4,5] "
     "target_ids=[0,0,0] target_weights=[1.,2,3] n_targets=1",
     IN("f32[5,2] 1 0 2 1 3 0 2 .5 nan 0"), OUT("f32[5,1] 2 3 1 2 1")},
    /* both sides lead to one leaf */
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_LEQ','LEAF'] nodes_treeids=[5,5] nodes_nodeids=[0,1] nodes_featureids=[0,0] "
     "nodes_truenodeids=[1,0] nodes_falsenodeids=[1,0] nodes_values=[0.,0] target_treeids=[5] target_nodeids=[1] "
     "target_ids=[0] target_weights=[7.] n_targets=1",
     IN("f32[2,1] 0 1"), OUT("f32[2,1] 7 7")},
    {REGRESSOR, 3, MODES("BRANCH_NEQ") TREE TARGET("1.", "2"), IN("f32[3,1] -1 0 nan"), OUT("f32[3,1] 1 2 1")},
    {REGRESSOR, 3, "nodes_missing_value_tracks_true=[1,0,0] " ONE TARGET("1.", "2"), IN("f32[2,1] nan 1"),
     OUT("f32[2,1] 1 2")},
    {REGRESSOR, 3, "nodes_missing_value_tracks_true=[1,0,0] " MODES("BRANCH_GT") TREE TARGET("1.", "2"),
     IN("f32[9,1] nan -1 inf -inf nan 1 0 2 nan"), OUT("f32[9,1] 1 2 1 2 1 1 2 1 1")},
    {REGRESSOR, 3, "nodes_missing_value_tracks_true=[2,0,0] " ONE TARGET("1.", "2"), IN("f32[1,1] nan"),
     OUT("f32[1,1] 2")},
    {REGRESSOR, 1, MODES("BRANCH_FOO") TREE TARGET("1.", "2"), IN("f32[1,1] 0"),
     FAILS(FORMAT, "tree 0: node 0 has the unknown mode 'BRANCH_FOO'")},
    /* sums */
    {REGRESSOR, 1, AGGREGATE("SUM"), IN(X2), OUT("f32[3,1] 11 -18 -18")},
    {REGRESSOR, 1, AGGREGATE("AVERAGE") "base_values=[.5]", IN(X2), OUT("f32[3,1] 6 -8.5 -8.5")},
    {REGRESSOR, 1, AGGREGATE("MIN"), IN(X2), OUT("f32[3,1] 1 -20 -20")},
    {REGRESSOR, 1, AGGREGATE("MAX") "base_values=[.5]", IN(X2), OUT("f32[3,1] 10.5 2.5 2.5")},
    {REGRESSOR, 1, BY_TREE("SUM"), IN(X2), OUT("f32[3,2] 1 10 2 -20 2 -20")},
    {REGRESSOR, 1, BY_TREE("SUM"), IN("i64[9,2] 0 0 1 2 ..."),
     OUT("f32[9,2] 1 -20 2 10 2 10 2 10 2 10 2 10 2 10 2 10 2 10")},
    {REGRESSOR, 3, BY_TREE("MIN") "base_values=[.5,.25]", IN(X2), OUT("f32[3,2] 1.5 10.25 2.5 -19.75 2.5 -19.75")},
    {REGRESSOR, 3, BY_TREE("AVERAGE"), IN("f64[2] 1 2"), OUT("f32[1,2] 1 5")},
    {REGRESSOR, 3, ONE TARGETS, IN("f32[2,1] 0 1"), OUT("f32[2,2] .3 .4 .6 0")},
    {REGRESSOR, 3, ONE TARGETS "base_values=[0.,1]", IN("f32[2,1] 0 1"), OUT("f32[2,2] .3 1.4 .6 1")},
    {REGRESSOR, 3, "post_transform='SOFTMAX' " ONE TARGETS, IN("f32[1,1] 0"), OUT("f32[1,2] .4750208 .5249792")},
    {REGRESSOR, 3, "post_transform='LOGISTIC' " ONE TARGETS, IN("f32[1,1] 0"), OUT("f32[1,2] .5744425 .5986877")},
    {REGRESSOR, 3, "post_transform='LOGISTIC' " ONE TARGET(".3", ".6"), IN("f32[1,1] 0"), OUT("f32[1,1] .3")},
    {REGRESSOR, 3, "post_transform='PROBIT' " ONE TARGET(".3", ".6"), IN("f32[1,1] 0"), OUT("f32[1,1] -.5244459")},
    {REGRESSOR, 3, ONE TARGET("1.", "2"), IN("f32[0,1]"), OUT("f32[0,1]")},
    {REGRESSOR, 3, "", IN("f32[2,0]"), OUT("f32[2,1] 0 0")},
    {REGRESSOR, 3,
     "nodes_modes=['LEAF'] nodes_treeids=[4] nodes_nodeids=[7] nodes_featureids=[0] nodes_truenodeids=[0] "
     "nodes_falsenodeids=[0] nodes_values=[0.] target_treeids=[4,4] target_nodeids=[7,7] target_ids=[0,0] "
     "target_weights=[1.,2]",
     IN("f32[9,0]"), OUT("f32[9,1] 3 ...")},
    /* doubles: the threshold lies between two floats */
    {REGRESSOR, 3,
     MODES("BRANCH_LEQ") "nodes_treeids=[0,0,0] nodes_nodeids=[0,1,2] nodes_featureids=[0,0,0] "
                         "nodes_truenodeids=[1,0,0] nodes_falsenodeids=[2,0,0] nodes_values_as_tensor=<f64[3] "
                         "1.00000001 0 0> "
                         "target_treeids=[0,0] target_nodeids=[1,2] target_ids=[0,0] target_weights_as_tensor=<f64[2] "
                         "1e-9 2> "
                         "base_values_as_tensor=<f64[1] 1>",
     IN("f64[3,1] 1 1.00000002 1.000000005"), OUT("f32[3,1] 1.000000001 3 1.000000001")},
    {REGRESSOR, 3,
     MODES("BRANCH_LT") "nodes_treeids=[0,0,0] nodes_nodeids=[0,1,2] nodes_featureids=[0,0,0] "
                        "nodes_truenodeids=[1,0,0] nodes_falsenodeids=[2,0,0] nodes_values_as_tensor=<f64[3] "
                        "1.00000001 0 0> "
                        "target_treeids=[0,0] target_nodeids=[1,2] target_ids=[0,0] target_weights_as_tensor=<f64[2] 1 "
                        "2>",
     IN("f32[2,1] 1 1.0000001"), OUT("f32[2,1] 1 2")},
    /* ids in any order, negative and large */
    {REGRESSOR, 1,
     "nodes_modes=['LEAF','BRANCH_LEQ','LEAF','LEAF'] nodes_treeids=[9,9,-3,9] nodes_nodeids=[-5,10,0,5000000000] "
     "nodes_featureids=[0,0,-7,0] nodes_truenodeids=[0,-5,0,0] nodes_falsenodeids=[0,5000000000,0,0] "
     "nodes_values=[0.,0,0,0] target_treeids=[-3,9,9] target_nodeids=[0,5000000000,-5] target_ids=[0,0,0] "
     "target_weights=[100.,2,1]",
     IN("f32[2,1] 0 1"), OUT("f32[2,1] 101 102")},
    /* what a file may not say */
    {REGRESSOR, 1, ONE "target_treeids=[0] target_nodeids=[7] target_ids=[0] target_weights=[1.]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "tree 0: node 7 has a weight but does not exist")},
    {REGRESSOR, 1, ONE "target_treeids=[1] target_nodeids=[1] target_ids=[0] target_weights=[1.]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "tree 1: node 1 has a weight but does not exist")},
    {REGRESSOR, 1, ONE "target_treeids=[0] target_nodeids=[1] target_ids=[1] target_weights=[1.]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "tree 0: node 1 has a weight for target 1 of 1")},
    {REGRESSOR, 1, ONE "target_treeids=[0] target_nodeids=[1] target_ids=[0]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "the list of weights has 0 entries, 1 expected")},
    {REGRESSOR, 1, ONE TARGET("1.", "2") "base_values=[1.,2]", IN("f32[1,1] 0"), FAILS(FORMAT, "2 base values for 1")},
    {REGRESSOR, 1, ONE TARGET("1.", "2") "nodes_hitrates=[1]", IN("f32[1,1] 0"), OUT("f32[1,1] 1")},
    {REGRESSOR, 1, ONE TARGET("1.", "2") "nodes_missing_value_tracks_true=[1]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "nodes_missing_value_tracks_true has 1 entries, 3 expected")},
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_LEQ','LEAF','LEAF','LEAF'] nodes_treeids=[0,0,0,0] nodes_nodeids=[0,1,2,2] "
     "nodes_featureids=[0,0,0,0] nodes_truenodeids=[1,0,0,0] nodes_falsenodeids=[2,0,0,0] nodes_values=[0.,0,0,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 0: node 2 is given twice")},
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_LEQ','LEAF'] nodes_treeids=[5,5] nodes_nodeids=[0,1] nodes_featureids=[0,0] "
     "nodes_truenodeids=[1,0] nodes_falsenodeids=[9,0] nodes_values=[0.,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 5: node 0 leads to node 9, which does not exist")},
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_LEQ','BRANCH_LEQ','BRANCH_LT','LEAF'] nodes_treeids=[5,5,5,5] nodes_nodeids=[0,1,2,3] "
     "nodes_featureids=[0,0,0,0] nodes_truenodeids=[1,2,1,0] nodes_falsenodeids=[3,3,3,0] nodes_values=[0.,0,0,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 5: branches go in a circle at node 1")},
    {REGRESSOR, 1,
     "nodes_modes=['BRANCH_LEQ','LEAF'] nodes_treeids=[5,5] nodes_nodeids=[0,1] nodes_featureids=[0,0] "
     "nodes_truenodeids=[0,0] nodes_falsenodeids=[1,0] nodes_values=[0.,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 5: it has no root")},
    {REGRESSOR, 1,
     "nodes_modes=['LEAF','LEAF'] nodes_treeids=[5,5] nodes_nodeids=[0,1] nodes_featureids=[0,0] "
     "nodes_truenodeids=[0,0] nodes_falsenodeids=[1,0] nodes_values=[0.,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 5: no branch leads to node 0 nor to node 1")},
    {REGRESSOR, 1,
     "nodes_modes=['LEAF','BRANCH_LEQ','BRANCH_LT','LEAF','LEAF'] nodes_treeids=[5,5,5,5,5] nodes_nodeids=[0,1,2,3,4] "
     "nodes_featureids=[0,0,0,0,0] nodes_truenodeids=[0,2,1,0,0] nodes_falsenodeids=[0,3,4,0,0] "
     "nodes_values=[0.,0,0,0,0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 5: node 1 is not reached from the root")},
    {REGRESSOR, 1,
     MODES("BRANCH_LEQ") "nodes_treeids=[0,0,0] nodes_nodeids=[0,1,2] nodes_featureids=[-1,0,0] "
                         "nodes_truenodeids=[1,0,0] nodes_falsenodeids=[2,0,0] nodes_values=[0.,0,0] ",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 0: node 0 reads feature -1")},
    {REGRESSOR, 1, MODES("BRANCH_LEQ") "nodes_treeids=[0,0] nodes_nodeids=[0,1,2]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "nodes_treeids has 2 entries, 3 expected")},
    {REGRESSOR, 1, BY_TREE("SUM"), IN("f32[1,1] 0"), FAILS(SHAPE, "the trees read feature 1 of rows of 1")},
    {REGRESSOR, 1, BY_TREE("SUM"), IN("f32[1,1,2] 0 ..."), FAILS(SHAPE, "a tensor of rank 3 came")},
    {REGRESSOR, 1, "nodes_values_as_tensor=<f64[1] 0>", IN("f32[1,1] 0"), FAILS(FORMAT, "unknown attribute")},
    {REGRESSOR, 3, ONE "nodes_values_as_tensor=<f64[3] 0 0 0>", IN("f32[1,1] 0"),
     FAILS(FORMAT, "nodes_values and nodes_values_as_tensor are both given")},
    {REGRESSOR, 1, "n_targets=0", IN("f32[1,1] 0"), FAILS(FORMAT, "'n_targets' is 0")},
    /* two classes */
    {CLASSIFIER, 1, ONE CLASS("0", ".3", ".8") L2, IN("f32[2,1] 0 1"), OUT("i64[2] 10 11", "f32[2,2] .7 .3 .2 .8")},
    {CLASSIFIER, 1, ONE CLASS("0", "-.3", ".8") L2, IN("f32[2,1] 0 1"), OUT("i64[2] 10 11", "f32[2,2] .3 -.3 -.8 .8")},
    {CLASSIFIER, 1, ONE CLASS("1", ".3", ".8") L2, IN("f32[2,1] 0 1"), OUT("i64[2] 10 11", "f32[2,2] 0 .3 0 .8")},
    {CLASSIFIER, 1, ONE CLASS("0", ".3", ".8") L2 "base_values=[.1]", IN("f32[2,1] 0 1"),
     OUT("i64[2] 10 11", "f32[2,2] .6 .4 .1 .9")},
    {CLASSIFIER, 1, ONE CLASS("0", ".3", ".8") L2 "base_values=[.1,.2]", IN("f32[2,1] 0 1"),
     OUT("i64[2] 10 11", "f32[2,2] .4 0 .9 0")},
    {CLASSIFIER, 3, "post_transform='LOGISTIC' " ONE CLASS("0", "-.3", ".8") L2, IN("f64[2,1] 0 1"),
     OUT("i64[2] 10 11", "f32[2,2] .5744425 .4255575 .3100255 .6899745")},
    {CLASSIFIER, 3, "post_transform='SOFTMAX' " ONE CLASS("1", ".3", ".8") L2, IN("i64[2,1] 0 1"),
     OUT("i64[2] 10 11", "f32[2,2] .4255575 .5744425 .3100255 .6899745")},
    {CLASSIFIER, 3, ONE BOTH L2, IN("f32[2,1] 0 1"), OUT("i64[2] 11 10", "f32[2,2] .3 .7 .8 -.2")},
    {CLASSIFIER, 3, ONE BOTH L2 "base_values=[.1,.2]", IN("f32[1,1] 0"), OUT("i64[1] 11", "f32[1,2] -.5 .5")},
    {CLASSIFIER, 3, ONE CLASS("0", ".3", ".8") L2, IN("i32[9,1] 1 0 ..."),
     OUT("i64[9] 11 10 ...", "f32[9,2] .2 .8 .7 .3 .7 .3 .7 .3 .7 .3 .7 .3 .7 .3 .7 .3 .7 .3")},
    /* other numbers of classes */
    {CLASSIFIER, 3, L3 ONE MIXED, IN("f32[2,1] 0 1"), OUT("str[2] 'c' 'a'", "f32[2,3] -.3 0 -.1 -.8 0 0")},
    {CLASSIFIER, 3, L3 ONE MIXED "base_values=[0.,-1,-2]", IN("f32[2,1] 0 1"),
     OUT("str[2] 'a' 'a'", "f32[2,3] -.3 -1 -2.1 -.8 -1 -2")},
    {CLASSIFIER, 3, "post_transform='SOFTMAX' " L3 ONE MIXED, IN("f32[1,1] 0"),
     OUT("str[1] 'c'", "f32[1,3] .2800131 .3779781 .3420088")},
    {CLASSIFIER, 3, "post_transform='SOFTMAX_ZERO' " L3 ONE MIXED, IN("f32[1,1] 0"),
     OUT("str[1] 'c'", "f32[1,3] .4501660 0 .5498340")},
    {CLASSIFIER, 3, ONE CLASS("0", "-.3", ".8") "classlabels_int64s=[5]", IN("f32[2,1] 0 1"),
     OUT("i64[2] 0 1", "f32[2,1] -.3 .8")},
    {CLASSIFIER, 1, ONE CLASS("0", ".3", ".8"), IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "class labels are missing")},
    {CLASSIFIER, 1, ONE CLASS("2", ".3", ".8") L2, IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "tree 0: node 1 has a weight for target 2 of 2")},
    {CLASSIFIER, 1, "classlabels_strings=['a'] " ONE CLASS("0", ".3", ".8"), IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "one string is not enough")},
    {CLASSIFIER, 1, L3 ONE MIXED "base_values=[1.]", IN("f32[1,1] 0"), OUT("-", "-"),
     FAILS(FORMAT, "1 base values for 3 classes")},
    /* version 5 */
    {ENSEMBLE, SPLIT("0"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 1 1 2 2")},
    {ENSEMBLE, SPLIT("1"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 1 2 2 2")},
    {ENSEMBLE, SPLIT("2"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 2 1 1 2")},
    {ENSEMBLE, SPLIT("3"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 2 2 1 2")},
    {ENSEMBLE, SPLIT("4"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 2 1 2 2")},
    {ENSEMBLE, SPLIT("5"), IN("f32[4,1] -1 0 1 nan"), OUT("f32[4,1] 1 2 1 1")},
    {ENSEMBLE, SPLIT("6") "membership_values=<f32[3] 1 3 nan>", IN("f32[5,1] 0 1 2 3 nan"), OUT("f32[5,1] 2 1 2 1 2")},
    {ENSEMBLE, SPLIT("6") "membership_values=<f32[2] 1.5 3> nodes_missing_value_tracks_true=[1]",
     IN("f32[3,1] 1.5 2 nan"), OUT("f32[3,1] 1 2 1")},
    {ENSEMBLE, TREES_5("f32"), IN(X5("f32")), OUT("f32[3,2] .4 0 0 -.2 .3 .2")},
    {ENSEMBLE, TREES_5("f64"), IN(X5("f64")), OUT("f64[3,2] .4 0 0 -.2 .3 .2"), TOLERANCE(1e-12, 1e-15)},
    {ENSEMBLE, TREES_5("f16"), IN(X5("f16")), OUT("f16[3,2] .4 0 0 -.2 .3 .2"), TOLERANCE(1e-3, 1e-3)},
    {ENSEMBLE, TREES_5("f32") "aggregate_function=0", IN(X5("f32")), OUT("f32[3,2] .2 0 0 -.1 .15 .1")},
    {ENSEMBLE, TREES_5("f32") "aggregate_function=2", IN(X5("f32")), OUT("f32[3,2] .1 0 0 -.4 .3 .2")},
    {ENSEMBLE, TREES_5("f32") "aggregate_function=3", IN(X5("f32")), OUT("f32[3,2] .3 0 0 .2 .3 .2")},
    {ENSEMBLE, TREES_5("f32") "post_transform=1", IN("f32[2] .5 9"), OUT("f32[1,2] .5249792 .4750208")},
    {ENSEMBLE, TREES_5("f32") "post_transform=2", IN("f32[2] .5 9"), OUT("f32[1,2] .5744425 .5498340")},
    {ENSEMBLE, TREES_5("f32") "post_transform=4", IN("f32[2] .5 9"), OUT("f32[1,2] -.5244459 -.8416217"),
     TOLERANCE(1e-3, 1e-4)},
    {ENSEMBLE, TREES_5("f32") "post_transform=5", IN(X5("f32")), FAILS(FORMAT, "'post_transform' is 5")},
    {ENSEMBLE, TREES_5("f32") "aggregate_function=4", IN(X5("f32")), FAILS(FORMAT, "'aggregate_function' is 4")},
    {ENSEMBLE, SPLIT("7"), IN("f32[1,1] 0"), FAILS(FORMAT, "node 0 has the unknown mode 7")},
    {ENSEMBLE, SPLIT("6"), IN("f32[1,1] 0"), FAILS(FORMAT, "membership_values has 0 sets for 1 nodes")},
    {ENSEMBLE, SPLIT("6") "membership_values=<f32[3] 1 nan 2>", IN("f32[1,1] 0"), FAILS(FORMAT, "more sets than")},
    {ENSEMBLE, SPLIT("0") "nodes_missing_value_tracks_true=[1,1]", IN("f32[1,1] 0"),
     FAILS(FORMAT, "nodes_missing_value_tracks_true has 2 entries, 1 expected")},
    {ENSEMBLE,
     "tree_roots=[0] nodes_modes=<u8[1] 0> nodes_featureids=[0] nodes_splits=<f32[1] 0> nodes_trueleafs=[0] "
     "nodes_truenodeids=[0] nodes_falseleafs=[1] nodes_falsenodeids=[0] leaf_weights=<f32[1] 1> leaf_targetids=[0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 0 begins at node 0, which belongs to another tree or branch")},
    {ENSEMBLE,
     "tree_roots=[0] nodes_modes=<u8[2] 0 0> nodes_featureids=[0,0] nodes_splits=<f32[2] 0 0> nodes_trueleafs=[1,0] "
     "nodes_truenodeids=[0,1] nodes_falseleafs=[1,1] nodes_falsenodeids=[0,0] leaf_weights=<f32[1] 1> "
     "leaf_targetids=[0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "node 1 is not reached")},
    {ENSEMBLE,
     "tree_roots=[0] nodes_modes=<u8[1] 0> nodes_featureids=[0] nodes_splits=<f32[1] 0> nodes_trueleafs=[1] "
     "nodes_truenodeids=[0] nodes_falseleafs=[1] nodes_falsenodeids=[5] leaf_weights=<f32[1] 1> leaf_targetids=[0]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "node 0 leads to leaf 5, which does not exist")},
    {ENSEMBLE,
     "tree_roots=[1] nodes_modes=<u8[1] 0> nodes_featureids=[0] nodes_splits=<f32[1] 0> nodes_trueleafs=[1] "
     "nodes_truenodeids=[0] nodes_falseleafs=[1] nodes_falsenodeids=[0] leaf_weights=<f32[1] 1> leaf_targetids=[1]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "tree 0 begins at node 1 of 1")},
    {ENSEMBLE,
     "tree_roots=[0] nodes_modes=<u8[1] 0> nodes_featureids=[0] nodes_splits=<f32[1] 0> nodes_trueleafs=[1] "
     "nodes_truenodeids=[0] nodes_falseleafs=[1] nodes_falsenodeids=[0] leaf_weights=<f32[1] 1> leaf_targetids=[1]",
     IN("f32[1,1] 0"), FAILS(FORMAT, "leaf 0 is for target 1 of 1")},
    {ENSEMBLE, SPLIT("0"), IN("i32[1,1] 0"), FAILS(SHAPE, "cannot be int32")},
};

QN_OP_CASES_MAIN(cases)
