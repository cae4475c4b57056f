/* test_scan.c: cases of Scan. */
#include "bodycase.h"

#define F QN_BIT(FLOAT)

/* running sum, collected */
static const struct qn_op sum = {.name = "sum",
                                 .domain = "",
                                 .in = QN_FORMALS(QN_IN("s", 0, F), QN_IN("x", 0, F)),
                                 .out = QN_FORMALS(QN_OUT("t", 0, F), QN_OUT("y", 0, F)),
                                 .body = "t = Add(s, x); y = Identity(t);"};
static const struct qn_op negate = {.name = "negate",
                                    .domain = "",
                                    .in = QN_FORMALS(QN_IN("x", 0, F)),
                                    .out = QN_FORMALS(QN_OUT("y", 0, F)),
                                    .body = "z = Constant<value_float=0.0>(); y = Sub(z, x);"};

#define SCAN .op = "Scan", .body_attrs = {"body"}
#define X    "f32[3,2] 1 2 3 4 5 6"

static const struct qn_body_case cases[] = {
    {SCAN, .opset = 9, .attrs = "num_scan_inputs=1", .bodies = {&sum}, IN("f32[2] 0 0", X),
     OUT("f32[2] 9 12", "f32[3,2] 1 2 4 6 9 12")},
    {SCAN, .opset = 25, .attrs = "num_scan_inputs=1 scan_input_directions=[1]", .bodies = {&sum}, IN("f32[2] 0 0", X),
     OUT("f32[2] 9 12", "f32[3,2] 5 6 8 10 9 12")},
    {SCAN, .opset = 11, .attrs = "num_scan_inputs=1 scan_output_directions=[1]", .bodies = {&sum}, IN("f32[2] 0 0", X),
     OUT("f32[2] 9 12", "f32[3,2] 9 12 4 6 1 2")},
    {SCAN, .opset = 16, .attrs = "num_scan_inputs=1 scan_input_axes=[1] scan_output_axes=[-1]", .bodies = {&sum},
     IN("f32[3] 0 0 0", X), OUT("f32[3] 3 7 11", "f32[3,2] 1 3 3 7 5 11")},
    {SCAN, .opset = 19, .attrs = "num_scan_inputs=1", .bodies = {&negate}, IN(X), OUT("f32[3,2] -1 -2 -3 -4 -5 -6")},
    {SCAN, .opset = 21, .attrs = "num_scan_inputs=1", .bodies = {&negate}, IN("f32[0,2]"), OUT("f32[0,2]")},
    {SCAN, .opset = 8, .attrs = "num_scan_inputs=1", .bodies = {&sum},
     IN("-", "f32[1,2] 0 0", "f32[1,3,2] 1 2 3 4 5 6"), OUT("f32[1,2] 9 12", "f32[1,3,2] 1 2 4 6 9 12")},
    {SCAN, .opset = 8, .attrs = "num_scan_inputs=1", .bodies = {&sum},
     IN("i64[2] 1 2", "f32[2,1] 0 0", "f32[2,2,1] 1 2 3 4"), OUT("f32[2,1] 1 7", "f32[2,2,1] 1 0 3 7")},
    {SCAN, .opset = 8, .attrs = "num_scan_inputs=1", .bodies = {&sum}, IN("i64[1] 9", "f32[1,1] 0", "f32[1,2,1] 1 2"),
     FAILS(RANGE, "sequence length 9 is outside 0..2")},
    {SCAN, .opset = 9, .attrs = "num_scan_inputs=2", .bodies = {&sum}, IN("f32[3] 0 0 0", "f32[2] 0 0"),
     FAILS(SHAPE, "has length 2, the first one 3")},
    {SCAN, .opset = 9, .attrs = "num_scan_inputs=3", .bodies = {&sum}, IN("f32[2] 0 0", X),
     FAILS(FORMAT, "num_scan_inputs is 3")},
    {SCAN, .opset = 9, .attrs = "num_scan_inputs=1 scan_input_axes=[2]", .bodies = {&sum}, IN("f32[2] 0 0", X),
     FAILS(SHAPE, "axis 2 is outside")},
};

QN_BODY_CASES_MAIN(cases)
