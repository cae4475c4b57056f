/* test_window.c: cases of HannWindow, HammingWindow and BlackmanWindow. */
#include "opcase.h"

static const struct qn_op_case cases[] = {
    {"HannWindow", 17, "", IN("i32[] 4"), OUT("f32[4] 0 .5 1 .5")},
    {"HannWindow", 17, "periodic=0", IN("i64[] 5"), OUT("f32[5] 0 .5 1 .5 0")},
    {"HannWindow", 17, "output_datatype=11", IN("i64[] 4"), OUT("f64[4] 0 .5 1 .5")},
    {"HannWindow", 17, "", IN("i32[] 0"), OUT("f32[0]")},
    {"HammingWindow", 17, "", IN("i64[] 4"), OUT("f32[4] .08695652 .5434783 1 .5434783")},
    {"BlackmanWindow", 17, "", IN("i64[] 4"), OUT("f32[4] 0 .34 1 .34")},
    {"BlackmanWindow", 17, "periodic=0", IN("i64[] 3"), OUT("f32[3] 0 1 0")},
    {"HannWindow", 17, "output_datatype=99", IN("i64[] 3"), FAILS(FORMAT, "does not exist")},
};

QN_OP_CASES_MAIN(cases)
