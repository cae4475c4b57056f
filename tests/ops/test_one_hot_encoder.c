/* test_one_hot_encoder.c: cases of OneHotEncoder. */
#include "opcase.h"

#define ENCODE "ai.onnx.ml:OneHotEncoder", 1
#define CATS   "cats_int64s=[1,2,3]"

static const struct qn_op_case cases[] = {
    {ENCODE, CATS, IN("f32[1,3] 1.9 2 7"), OUT("f32[1,3,3] 1 0 0 0 1 0 0 0 0")},
    {ENCODE, "cats_int64s=[0,1]", IN("f32[3] nan 0 1"), OUT("f32[3,2] 0 0 1 0 0 1")},
    {ENCODE, CATS, IN("f64[2] -1 3"), OUT("f32[2,3] 0 0 0 0 0 1")},
    {ENCODE, CATS, IN("i32[] 2"), OUT("f32[3] 0 1 0")},
    {ENCODE, "cats_int64s=[1,2,1]", IN("i64[2] 1 2"), OUT("f32[2,3] 0 0 1 0 1 0")},
    {ENCODE, "cats_strings=['a','b']", IN("str[1,3] 'a' 'c' 'b'"), OUT("f32[1,3,2] 1 0 0 0 0 1")},
    {ENCODE, CATS, IN("i64[0,2]"), OUT("f32[0,2,3]")},
    {ENCODE, CATS " zeros=0", IN("i64[2] 1 2"), OUT("f32[2,3] 1 0 0 0 1 0")},
    {ENCODE, CATS " zeros=0", IN("i64[2] 1 7"), FAILS(RANGE, "element 1 is of no known category")},
    {ENCODE, CATS, IN("str[1] 'a'"), FAILS(SHAPE, "the categories are int64, the input is string")},
    {ENCODE, "", IN("i64[1] 0"), FAILS(FORMAT, "one list of categories expected")},
    {ENCODE, "cats_strings=['a'] cats_int64s=[1]", IN("i64[1] 0"), FAILS(FORMAT, "one list of categories expected")},
    {ENCODE, CATS, IN("i64[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] 1"), FAILS(LIMIT, "more than 16 dimensions")},
};

QN_OP_CASES_MAIN(cases)
