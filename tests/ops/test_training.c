/* test_training.c: cases of Adagrad, Adam and Momentum. */
#include "opcase.h"

#define DOMAIN "ai.onnx.preview.training:"
#define TWO    OUT("f32[] 0", "f32[] 0")

static const struct qn_op_case cases[] = {
    /* h = 9 + 16, x = 1 - .5 * 4 / 5; with T 3 and decay 1 the rate is a quarter */
    {DOMAIN "Adagrad", 1, "epsilon=0.0", IN("f32[] .5", "i64[] 3", "f32[1] 1", "f32[1] 4", "f32[1] 9"),
     OUT("f32[1] .6", "f32[1] 25")},
    {DOMAIN "Adagrad", 1, "epsilon=0.0 decay_factor=1.0",
     IN("f64[1] .5", "i64[1] 3", "f64[1] 1", "f64[1] 4", "f64[1] 9"), OUT("f64[1] .9", "f64[1] 25")},
    {DOMAIN "Adagrad", 1, "epsilon=5.0 norm_coefficient=2.0",
     IN("f32[] .5", "i64[] 0", "f32[1] 1", "f32[1] 2", "f32[1] 9"), OUT("f32[1] .8", "f32[1] 25")},
    /* two tensors of two types */
    {DOMAIN "Adagrad", 1, "epsilon=0.0",
     IN("f32[] .5", "i64[] 0", "f32[1] 1", "f64[2] 1 2", "f32[1] 4", "f64[2] 4 3", "f32[1] 9", "f64[2] 9 16"),
     OUT("f32[1] .6", "f64[2] .6 1.7", "f32[1] 25", "f64[2] 25 25")},
    /* v = 2 / 2 + 4 / 2, h = 2 / 2 + 16 / 2; x = 1 - .5 * 3 / 3 */
    {DOMAIN "Adam", 1, "alpha=0.5 beta=0.5 epsilon=0.0",
     IN("f32[] .5", "i64[] 0", "f32[1] 1", "f32[1] 4", "f32[1] 2", "f32[1] 2"),
     OUT("f32[1] .5", "f32[1] 3", "f32[1] 9")},
    /* the first step: the rate times sqrt(1 - .75) / (1 - .5); then half of x */
    {DOMAIN "Adam", 1, "alpha=0.5 beta=0.75 epsilon=0.0 norm_coefficient_post=0.5",
     IN("f32[] .5", "i64[] 1", "f32[1] 1", "f32[1] 4", "f32[1] 2", "f32[1] 0"),
     OUT("f32[1] .125", "f32[1] 3", "f32[1] 4")},
    /* g = 4 + .5 * 2, v = .5 * 2 + .1 * 5 */
    {DOMAIN "Momentum", 1, "alpha=0.5 beta=0.1 norm_coefficient=0.5 mode='standard'",
     IN("f32[] .5", "i64[] 1", "f32[1] 2", "f32[1] 4", "f32[1] 2"), OUT("f32[1] 1.25", "f32[1] 1.5")},
    {DOMAIN "Momentum", 1, "alpha=0.5 beta=0.1 norm_coefficient=0.5 mode='standard'",
     IN("f32[] .5", "i64[] 0", "f32[1] 2", "f32[1] 4", "f32[1] 2"), OUT("f32[1] -1", "f32[1] 6")},
    {DOMAIN "Momentum", 1, "alpha=0.5 beta=0.1 norm_coefficient=0.5 mode='nesterov'",
     IN("f64[] .5", "i64[] 1", "f64[1] 2", "f64[1] 4", "f64[1] 2"), OUT("f64[1] -.875", "f64[1] 1.5")},
    {DOMAIN "Momentum", 1, "alpha=0.5 beta=0.1 norm_coefficient=0.5 mode='standard'",
     IN("f32[] .5", "i64[] 1", "f32[0]", "f32[0]", "f32[0]"), OUT("f32[0]", "f32[0]")},

    {DOMAIN "Momentum", 1, "alpha=0.5 beta=0.1 norm_coefficient=0.5 mode='other'",
     IN("f32[] .5", "i64[] 1", "f32[1] 0", "f32[1] 0", "f32[1] 0"), TWO, FAILS(FORMAT, "mode")},
    {DOMAIN "Momentum", 1, "beta=0.1 norm_coefficient=0.5 mode='standard'",
     IN("f32[] .5", "i64[] 1", "f32[1] 0", "f32[1] 0", "f32[1] 0"), TWO, FAILS(FORMAT, "alpha")},
    {DOMAIN "Adagrad", 1, "", IN("f32[] .5", "i64[] 1", "f32[1] 0", "f32[1] 0"), TWO,
     FAILS(SHAPE, "2 tensors are not a multiple of 3")},
    {DOMAIN "Adagrad", 1, "", IN("f32[] .5", "i64[] 1", "f32[1] 0", "f32[1] 0", "f32[1] 0"), OUT("f32[] 0"),
     FAILS(SHAPE, "3 tensors give 2 outputs, not 1")},
    {DOMAIN "Adagrad", 1, "", IN("f32[] .5", "i64[] 1", "f32[1] 0", "f32[2] 0 0", "f32[1] 0"), TWO,
     FAILS(SHAPE, "inputs 2 and 3 must have one shape, not [1] and [2]")},
    {DOMAIN "Adagrad", 1, "", IN("f32[] .5", "i64[] 1", "f32[1] 0", "f64[1] 0", "f32[1] 0"), TWO,
     FAILS(SHAPE, "inputs 2 and 3 must have one type")},
    {DOMAIN "Adagrad", 1, "", IN("f32[2] .5 1", "i64[] 1", "f32[1] 0", "f32[1] 0", "f32[1] 0"), TWO,
     FAILS(SHAPE, "R must be a scalar")},
};

QN_OP_CASES_MAIN(cases)
