/* test_instance_norm.c: cases of InstanceNormalization and GroupNormalization. */
#include "opcase.h"

#define INSTANCE "InstanceNormalization"
#define GROUP    "GroupNormalization"
#define SCALE    "f32[2] 1 2", "f32[2] .5 -1"
#define X142     "f32[1,4,2] -4 3 -1 6 2 -2 5 1"

static const struct qn_op_case cases[] = {
    {INSTANCE, 6, "", IN("f32[2,2,1,3] -4 3 -1 6 2 -2 5 1 -3 4 0 -4", SCALE),
     OUT("f32[2,2,1,3] -.66247571 1.7787234 .38375247 1.4494886 -1 -3.4494886 1.7247443 .5 -.72474432 1.4494886 -1 "
         "-3.4494886")},
    {INSTANCE, 1, "epsilon=.5 consumed_inputs=[0]", IN("f32[1,2,2,2] -4 3 -1 6 2 -2 5 1", SCALE),
     OUT("f32[1,2,2,2] -.79099441 1.0163978 -.016397774 1.7909945 -.61509979 -3.6943011 1.6943014 -1.3849001")},
    {INSTANCE, 22, "epsilon=.5", IN("f64[1,2,4] -4 3 -1 6 2 -2 5 1", "f64[2] 1 2", "f64[2] .5 -1"),
     OUT("f64[1,2,4] -.79099441 1.0163978 -.016397774 1.7909945 -.61509979 -3.6943011 1.6943014 -1.3849001")},
    {INSTANCE, 6, "", IN("f32[12,1,40,100] 1 ...", "f32[1] 2", "f32[1] .5"), OUT("f32[12,1,40,100] .5 ...")},
    {INSTANCE, 22, "epsilon=0.0", IN("bf16[1,1,2] 1 3", "bf16[1] 2", "bf16[1] 1"), OUT("bf16[1,1,2] -1 3")},
    {INSTANCE, 6, "epsilon=0.0", IN("f16[1,1,2] 1 3", "f16[1] 2", "f16[1] 1"), OUT("f16[1,1,2] -1 3")},
    {INSTANCE, 6, "", IN("f32[1,1,2] nan 1", "f32[1] 2", "f32[1] 1"), OUT("f32[1,1,2] nan nan")},
    {INSTANCE, 6, "", IN("f32[2,1,0]", "f32[1] 2", "f32[1] 1"), OUT("f32[2,1,0]")},
    {INSTANCE, 6, "", IN("f32[0,1,4]", "f32[1] 2", "f32[1] 1"), OUT("f32[0,1,4]")},
    {INSTANCE, 6, "", IN("f32[1,3,1] 0 ...", SCALE),
     FAILS(SHAPE, "input 1 of shape [2] is not one value for each of 3")},
    {INSTANCE, 6, "", IN("f32[3] 0 ...", SCALE), FAILS(SHAPE, "X needs batch and channels: [3]")},
    {INSTANCE, 6, "", IN("f32[1,1,1] 0", "f32[1,1] 0", "f32[1] 0"),
     FAILS(SHAPE, "input 1 of shape [1,1] must be of rank 1")},
    {INSTANCE, 6, "consumed_inputs=[0]", IN("f32[1,1,1] 0", "f32[1] 0", "f32[1] 0"),
     FAILS(FORMAT, "unknown attribute")},

    {GROUP, 21, "num_groups=2", IN(X142, "f32[4] 1 2 3 4", "f32[4] 0 1 2 3"),
     OUT("f32[1,4,2] -1.3130639 .52522558 -.050451159 3.6261277 2.5999994 -2.1999969 8.5999956 2.2000005")},
    {GROUP, 21, "num_groups=1 epsilon=.5", IN("f32[2,2,2] -4 3 -1 6 2 -2 5 1", SCALE),
     OUT("f32[2,2,2] -.79099441 1.0163977 -2.0327954 1.5819888 .69245011 -.84715068 1.6943014 -1.3849002")},
    {GROUP, 18, "num_groups=2", IN(X142, SCALE),
     OUT("f32[1,4,2] -.81306386 1.0252256 -.02522558 1.8130639 -.60000026 -3.7999978 1.7999978 -1.3999997")},
    {GROUP, 21, "num_groups=2 stash_type=1", IN("f64[1,2,2] 1 3 2 6", "f64[2] 1 1", "f64[2] 0 1"),
     OUT("f64[1,2,2] -1 1 0 2"), TOLERANCE(1e-5, 1e-5)},
    {GROUP, 21, "num_groups=1", IN("f16[1,1,2] 1 3", "f16[1] 1", "f16[1] 0"), OUT("f16[1,1,2] -1 1")},
    {GROUP, 21, "num_groups=2", IN("f32[0,2,2]", SCALE), OUT("f32[0,2,2]")},
    {GROUP, 21, "num_groups=3", IN(X142, SCALE), FAILS(SHAPE, "4 channels do not divide into 3 groups")},
    {GROUP, 21, "num_groups=2", IN(X142, SCALE), FAILS(SHAPE, "input 1 of shape [2] is not one value for each of 4")},
    {GROUP, 18, "num_groups=1", IN(X142, SCALE), FAILS(SHAPE, "input 1 of shape [2] is not one value for each of 1")},
    {GROUP, 21, "num_groups=0", IN(X142, SCALE), FAILS(FORMAT, "'num_groups' is 0")},
    {GROUP, 21, "", IN(X142, SCALE), FAILS(FORMAT, "'num_groups' is missing")},
};

QN_OP_CASES_MAIN(cases)
