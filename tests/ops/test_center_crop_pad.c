/* test_center_crop_pad.c: cases of CenterCropPad. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"CenterCropPad", 18, "", IN("f32[5] 1 2 3 4 5", "i64[1] 3"), OUT("f32[3] 2 3 4")},
    {"CenterCropPad", 18, "", IN("f32[5] 1 2 3 4 5", "i64[1] 2"), OUT("f32[2] 2 3")},
    {"CenterCropPad", 18, "", IN("f32[2] 1 2", "i32[1] 5"), OUT("f32[5] 0 1 2 0 0")},
    {"CenterCropPad", 18, "", IN("i8[2,3] 1 2 3 4 5 6", "i64[2] 4 1"), OUT("i8[4,1] 0 2 5 0")},
    {"CenterCropPad", 18, "axes=[-1]", IN("f64[2,3] 1 2 3 4 5 6", "i64[1] 1"), OUT("f64[2,1] 2 5")},
    {"CenterCropPad", 18, "axes=[1,0]", IN("bf16[1,2] 1 2", "i64[2] 3 2"), OUT("bf16[2,3] 1 2 0 0 0 0")},
    {"CenterCropPad", 18, "", IN("str[1] 'a'", "i64[1] 3"), OUT("str[3] '' 'a' ''")},
    {"CenterCropPad", 18, "", IN("c128[1] 1 2", "i64[1] 2"), OUT("c128[2] 1 2 0 0")},
    {"CenterCropPad", 18, "", IN("f32[] 3", "i64[0]"), OUT("f32[] 3")},
    {"CenterCropPad", 18, "", IN("f32[0]", "i64[1] 2"), OUT("f32[2] 0 0")},
    {"CenterCropPad", 18, "", IN("f32[2] 1 2", "i64[1] 0"), OUT("f32[0]")},
    {"CenterCropPad", 18, "", IN("f32[2] 1 2", "i64[1] -1"), FAILS(RANGE, "entry 0 of shape is -1")},
    {"CenterCropPad", 18, "", IN("f32[2] 1 2", "i64[2] 1 1"), FAILS(SHAPE, "shape has 2 entries for 1 axes")},
    {"CenterCropPad", 18, "axes=[1]", IN("f32[2] 1 2", "i64[1] 1"), FAILS(SHAPE, "axis 1 is outside")},
    {"CenterCropPad", 18, "axes=[0,0]", IN("f32[2] 1 2", "i64[2] 1 1"), FAILS(SHAPE, "axis 0 is named twice")},
};

QN_OP_CASES_MAIN(cases)
