/* test_layer_norm.c: cases of LayerNormalization, RMSNormalization and MeanVarianceNormalization. */
#include "opcase.h"

#define LAYER   "LayerNormalization"
#define RMS     "RMSNormalization"
#define MEANVAR "MeanVarianceNormalization"
#define DATA    "-4 3 -1 6 2 -2 5 1"
#define X24     "f32[2,4] " DATA
#define X222    "f32[2,2,2] " DATA
#define NORMAL  "-1.3130639 .52522558 -.52522555 1.3130639 .19999984 -1.3999989 1.3999989 -.19999984"

static const struct qn_op_case cases[] = {
    {LAYER, 17, "", IN(X24, "f32[4] 1 2 1 2", "f32[4] 0 1 2 3"),
     OUT("f32[2,4] -1.3130639 2.0504513 1.4747744 5.6261277 .19999982 -1.7999976 3.3999987 2.6000004", "f32[2,1] 1 1.5",
         "f32[2,1] .26261279 .39999965")},
    {LAYER, 17, "", IN(X24, "f32[4] 1 ..."), OUT("f32[2,4] " NORMAL, "-", "f32[2,1] .26261279 .39999965")},
    {LAYER, 17, "axis=1 epsilon=.5", IN(X222, "f32[2,2] -4 3 -1 6"),
     OUT("f32[2,2,2] 5.1639776 1.5491934 .51639777 7.7459664 -.76980031 -4.0414515 -1.3471506 -1.1547005")},
    {LAYER, 17, "axis=0", IN("f32[2,2] -4 3 -1 6", "f32[2,2] -4 3 -1 6", "f32[2,2] -4 3 -1 6"),
     OUT("f32[2,2] 1.2522554 4.5756769 -.47477442 13.878384", "f32[1,1] 1", "f32[1,1] .26261279")},
    {LAYER, 17, "axis=-2", IN("f32[2,2] -4 3 -1 6", "f32[2] 1 2"),
     OUT("f32[2,2] -1.3130639 1.0504512 -.52522555 2.6261278")},
    {LAYER, 17, "", IN(X24, "f32[] 2", "f32[1] 1"),
     OUT("f32[2,4] -1.6261278 2.0504512 -.0504511 3.6261278 1.3999997 -1.7999978 3.7999978 .6000003")},
    {LAYER, 17, "", IN(X24, "f32[2,1] 1 2"),
     OUT("f32[2,4] -1.3130639 .52522558 -.52522555 1.3130639 .39999968 -2.7999978 2.7999978 -.39999968")},
    {LAYER, 17, "", IN("f64[2,4] " DATA, "f64[4] 1 ..."),
     OUT("f64[2,4] " NORMAL, "f32[2,1] 1 1.5", "f32[2,1] .26261279 .39999965")},
    {LAYER, 17, "stash_type=16", IN("f32[1,2] 1 3", "f32[2] 1 ..."), OUT("f32[1,2] -1 1", "bf16[1,1] 2", "bf16[1,1] 1"),
     TOLERANCE(1e-4, 1e-4)},
    {LAYER, 17, "", IN("f16[1,2] 1 3", "f16[2] 1 2"), OUT("f16[1,2] -1 2", "f32[1,1] 2", "f32[1,1] 1"),
     TOLERANCE(1e-4, 1e-4)},
    {LAYER, 17, "", IN("bf16[1,2] 1 3", "bf16[2] 1 2"), OUT("bf16[1,2] -1 2")},
    {LAYER, 17, "", IN("f32[300,200] 1 ...", "f32[200] 3 ...", "f32[200] 7 ..."), OUT("f32[300,200] 7 ...")},
    {LAYER, 17, "", IN("f32[1,2] nan 1", "f32[2] 1 1"), OUT("f32[1,2] nan nan")},
    {LAYER, 17, "", IN("f32[2,0]", "f32[0]"), OUT("f32[2,0]", "f32[2,1] nan nan", "f32[2,1] nan nan")},
    {LAYER, 17, "", IN("f32[0,2]", "f32[2] 1 1"), OUT("f32[0,2]", "f32[0,1]")},
    {LAYER, 17, "axis=2", IN(X24, "f32[4] 1 ..."), FAILS(SHAPE, "axis 2 is outside a tensor of rank 2")},
    {LAYER, 17, "", IN(X24, "f32[3] 1 ..."), FAILS(SHAPE, "input 1 of shape [3] does not broadcast to [2,4]")},
    {LAYER, 17, "", IN(X24, "f32[4] 1 ...", "f32[1,2,4] 0 ..."), FAILS(SHAPE, "input 2 of shape [1,2,4] does not")},
    {LAYER, 17, "stash_type=10", IN(X24, "f32[4] 1 ..."), FAILS(FORMAT, "stash_type must be float32 or bfloat16")},
    {LAYER, 17, "", IN(X24, "f64[4] 1 ..."), FAILS(SHAPE, "float64 where float32 is expected")},

    {RMS, 23, "", IN(X24, "f32[4] 1 2 1 2"),
     OUT("f32[2,4] -1.0160007 1.5240011 -.25400019 3.0480022 .68599397 -1.3719879 1.7149849 .68599397")},
    {RMS, 23, "axis=1 epsilon=.5", IN(X222, "f32[2,2] -4 3 -1 6"),
     OUT("f32[2,2,2] 4 2.25 .25 9 -2.6666667 -2 -1.6666666 2")},
    {RMS, 23, "", IN("f64[1,2] 3 4", "f64[1] 2"), OUT("f64[1,2] 1.6970556 2.2627408"), TOLERANCE(1e-5, 1e-5)},
    {RMS, 23, "", IN("f32[1,2] 3 4", "f64[2] 2 1"), OUT("f64[1,2] 1.6970556 1.1313704"), TOLERANCE(1e-5, 1e-5)},
    {RMS, 23, "", IN("f16[1,2] 1 1", "f32[2] 2 1"), OUT("f32[1,2] 2 1"), TOLERANCE(1e-4, 1e-4)},
    {RMS, 23, "", IN("f32[2,0]", "f32[0]"), OUT("f32[2,0]")},
    {RMS, 23, "axis=-3", IN(X24, "f32[4] 1 ..."), FAILS(SHAPE, "axis -3 is outside a tensor of rank 2")},

    {MEANVAR, 13, "", IN("f32[2,2,1,2] " DATA),
     OUT("f32[2,2,1,2] -1.3105561 1.1358153 -1.3105561 1.1358153 .78633362 -.61159283 .78633362 -.61159283")},
    {MEANVAR, 9, "axes=[1]", IN("f32[2,3] -4 3 -1 6 2 -2"),
     OUT("f32[2,3] -1.1624763 1.278724 -.11624762 1.2247448 0 -1.2247448")},
    {MEANVAR, 13, "axes=[-1,0]", IN("f64[2,1,2] 1 3 5 7"), OUT("f64[2,1,2] -1.3416408 -.4472136 .4472136 1.3416408")},
    {MEANVAR, 13, "axes=[0]", IN("f32[2] 3 3"), OUT("f32[2] 0 0")},
    {MEANVAR, 13, "axes=[0]", IN("bf16[2] 1 3"), OUT("bf16[2] -1 1")},
    {MEANVAR, 13, "axes=[0]", IN("f32[0,2]"), OUT("f32[0,2]")},
    {MEANVAR, 13, "", IN("f32[1,2,1] 0 ..."), FAILS(SHAPE, "axis 3 is outside a tensor of rank 3")},
    {MEANVAR, 13, "axes=[0,-1]", IN("f32[2] 0 0"), FAILS(SHAPE, "axis 0 is named twice")},
};

QN_OP_CASES_MAIN(cases)
