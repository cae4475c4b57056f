/* test_quantize.c: cases of DynamicQuantizeLinear. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"DynamicQuantizeLinear", 11, "", IN("f32[6] 0 2 -3 -2.5 1.34 0.5"),
     OUT("u8[6] 153 255 0 26 221 179", "f32[] .01960784", "u8[] 153")},
    {"DynamicQuantizeLinear", 11, "", IN("f32[3] 0 ..."), OUT("u8[3] 0 ...", "f32[] 1", "u8[] 0")},
    {"DynamicQuantizeLinear", 11, "", IN("f32[0]"), OUT("u8[0]", "f32[] 1", "u8[] 0")},
    {"DynamicQuantizeLinear", 11, "", IN("f32[] 255"), OUT("u8[] 255", "f32[] 1", "u8[] 0")},
    {"DynamicQuantizeLinear", 11, "", IN("f32[2] nan 1"), OUT("u8[2] 0 0", "f32[] nan", "u8[] 0")},
    {"DynamicQuantizeLinear", 11, "", IN("f64[2] 1 2"), OUT("u8[2]", "f32[]", "u8[]"),
     FAILS(SHAPE, "cannot be float64")},
};

QN_OP_CASES_MAIN(cases)
