/* test_nms.c: cases of NonMaxSuppression. */
#include "opcase.h"

#define SIX    "f32[1,6,4] 0 0 1 1  0 .1 1 1.1  0 -.1 1 .9  0 10 1 11  0 10.1 1 11.1  0 100 1 101"
#define SCORES "f32[1,1,6] .9 .75 .6 .95 .5 .3"

static const struct qn_op_case cases[] = {
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] 3", "f32[1] .5", "f32[1] 0"),
     OUT("i64[3,3] 0 0 3 0 0 0 0 0 5")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[] 2", "f32[] .5"), OUT("i64[2,3] 0 0 3 0 0 0")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] 30", "f32[1] .5", "f32[1] .4"), OUT("i64[2,3] 0 0 3 0 0 0")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] 9", "f32[1] 1"),
     OUT("i64[6,3] 0 0 3 0 0 0 0 0 1 0 0 2 0 0 4 0 0 5")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES), OUT("i64[0,3]")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] -3"), OUT("i64[0,3]")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[0]", "f32[0]", "f32[0]"), OUT("i64[0,3]")},
    /* Corners in any order. */
    {"NonMaxSuppression", 10, "", IN("f32[1,2,4] 1 1 0 0 0 .1 1 1.1", "f32[1,1,2] .5 .6", "i64[1] 3", "f32[1] .5"),
     OUT("i64[1,3] 0 0 1")},
    {"NonMaxSuppression", 11, "center_point_box=1",
     IN("f32[1,3,4] .5 .5 1 1 .6 .5 1 1 9 9 1 1", "f32[1,1,3] .5 .6 .1", "i64[1] 3", "f32[1] .5"),
     OUT("i64[2,3] 0 0 1 0 0 2")},
    /* Equal scores: the lower index; an overlap of exactly the threshold stays. */
    {"NonMaxSuppression", 11, "", IN("f32[1,2,4] 0 0 1 2 0 1 1 3", "f32[1,1,2] .5 .5", "i64[1] 3", "f32[1] .33333334"),
     OUT("i64[2,3] 0 0 0 0 0 1")},
    {"NonMaxSuppression", 11, "", IN("f32[1,2,4] 0 0 1 2 0 1 1 3", "f32[1,1,2] .5 .5", "i64[1] 3", "f32[1] .3"),
     OUT("i64[1,3] 0 0 0")},
    {"NonMaxSuppression", 11, "", IN("f32[1,2,4] 0 0 1 1 0 0 1 1", "f32[1,2,2] nan .5 .4 nan", "i64[1] 3", "f32[1] .5"),
     OUT("i64[2,3] 0 0 1 0 1 0")},
    {"NonMaxSuppression", 11, "", IN("f32[2,1,4] 0 0 1 1 0 0 1 1", "f32[2,2,1] .1 .2 .3 .4", "i64[1] 1"),
     OUT("i64[4,3] 0 0 0 0 1 0 1 0 0 1 1 0")},
    {"NonMaxSuppression", 11, "", IN("f32[1,0,4]", "f32[1,2,0]", "i64[1] 1"), OUT("i64[0,3]")},
    {"NonMaxSuppression", 11, "", IN("f32[0,2,4]", "f32[0,2,2]", "i64[1] 1"), OUT("i64[0,3]")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] 1", "f32[1] 1.5"), FAILS(RANGE, "iou_threshold is 1.5")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[1] 1", "f32[1] nan"), FAILS(RANGE, "iou_threshold is")},
    {"NonMaxSuppression", 11, "", IN(SIX, SCORES, "i64[2] 1 1"), FAILS(SHAPE, "must be one number, not 2")},
    {"NonMaxSuppression", 11, "", IN(SIX, "f32[1,1,5] 0 ..."), FAILS(SHAPE, "scores of shape [1,1,5] do not go with")},
    {"NonMaxSuppression", 11, "", IN(SIX, "f32[2,1,6] 0 ..."), FAILS(SHAPE, "scores of shape [2,1,6] do not go with")},
    {"NonMaxSuppression", 11, "", IN("f32[1,6,3] 0 ...", SCORES), FAILS(SHAPE, "are not [batch,boxes,4]")},
};

QN_OP_CASES_MAIN(cases)
