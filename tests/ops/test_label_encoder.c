/* test_label_encoder.c: cases of LabelEncoder. */
#include "opcase.h"

#define ENCODE "ai.onnx.ml:LabelEncoder"
#define AB     "keys_strings=['a','b'] "

static const struct qn_op_case cases[] = {
    {ENCODE, 1, "classes_strings=['a','b','a']", IN("str[4] 'a' 'b' 'z' ''"), OUT("i64[4] 2 1 -1 -1")},
    {ENCODE, 1, "classes_strings=['a','b','a']", IN("i64[4] 0 1 5 -1"), OUT("str[4] 'a' 'b' '_Unused' '_Unused'")},
    {ENCODE, 1, "classes_strings=['a'] default_int64=7", IN("str[] 'b'"), OUT("i64[] 7")},
    {ENCODE, 1, "default_string='?'", IN("i64[1,1] 0"), OUT("str[1,1] '?'")},
    {ENCODE, 1, "classes_strings=['a']", IN("f32[1] 0"), FAILS(SHAPE, "cannot be float32")},
    {ENCODE, 2, AB "values_int64s=[5,6]", IN("str[2,2] 'b' 'a' 'A' 'ab'"), OUT("i64[2,2] 6 5 -1 -1")},
    {ENCODE, 2, "keys_strings=['a','b','a'] values_int64s=[1,2,3]", IN("str[1] 'a'"), OUT("i64[1] 1")},
    {ENCODE, 4, "keys_strings=['a','b','a'] values_int64s=[1,2,3]", IN("str[1] 'a'"), OUT("i64[1] 3")},
    {ENCODE, 2, AB "values_strings=['x','y']", IN("str[2] 'b' 'c'"), OUT("str[2] 'y' '_Unused'")},
    {ENCODE, 2, "values_strings=['x','y'] keys_int64s=[-1,9000000000]", IN("i64[3] 9000000000 -1 0"),
     OUT("str[3] 'y' 'x' '_Unused'")},
    {ENCODE, 2, "keys_floats=[1.,nan,0.] values_int64s=[1,2,3]", IN("f32[4] 1 nan -0 7"), OUT("i64[4] 1 2 3 -1")},
    {ENCODE, 2, "keys_int64s=[1,2] values_floats=[.5,.25] default_float=.125", IN("i64[3] 2 1 3"),
     OUT("f32[3] .25 .5 .125")},
    {ENCODE, 2, "keys_int64s=[1,2] values_int64s=[2,1]", IN("i64[3] 2 1 3"), OUT("i64[3] 1 2 -1")},
    {ENCODE, 3, "keys_int64s=[1] values_int64s=[2]", IN("i64[0]"), OUT("i64[0]")},
    {ENCODE, 4, "keys_tensor=<str[2] 'a' 'b'> values_tensor=<i16[2] 3 4> default_tensor=<i16[1] 42>",
     IN("str[3] 'b' 'a' 'c'"), OUT("i16[3] 4 3 42")},
    {ENCODE, 4, "keys_tensor=<f64[2] .1 nan> values_tensor=<i32[2] 3 4>", IN("f64[3] nan .1 .2"), OUT("i32[3] 4 3 -1")},
    {ENCODE, 4, "keys_tensor=<i16[2] -5 6> values_tensor=<f64[2] .5 .75>", IN("i16[3] 6 -5 0"),
     OUT("f64[3] .75 .5 -0")},
    {ENCODE, 4, "keys_tensor=<i32[1] 7> values_tensor=<str[1] 'x'> default_tensor=<str[] 'none'>", IN("i32[2] 7 8"),
     OUT("str[2] 'x' 'none'")},
    {ENCODE, 5, "keys_int64s=[1] values_tensor=<i64[1] 5> default_int64=99", IN("i64[] 3"), OUT("i64[] 99")},
    {ENCODE, 4, AB "values_int64s=[5,6]", IN("i64[1] 1"), FAILS(SHAPE, "the keys are string, the input is int64")},
    {ENCODE, 4, AB "values_int64s=[5]", IN("str[1] 'a'"), FAILS(FORMAT, "2 keys stand against 1 values")},
    {ENCODE, 4, AB "keys_int64s=[1,2] values_int64s=[5,6]", IN("str[1] 'a'"), FAILS(FORMAT, "2 lists of keys")},
    {ENCODE, 4, AB, IN("str[1] 'a'"), FAILS(FORMAT, "0 lists of values are given, 1 expected")},
    {ENCODE, 4, "keys_tensor=<i64[1,1] 1> values_int64s=[5]", IN("i64[1] 1"), FAILS(FORMAT, "list of keys has rank 2")},
    {ENCODE, 4, "keys_tensor=<bool[1] 1> values_int64s=[5]", IN("i64[1] 1"), FAILS(UNSUPPORTED, "keys of bool")},
    {ENCODE, 4, AB "values_int64s=[5,6] default_tensor=<i32[1] 1>", IN("str[1] 'a'"),
     FAILS(FORMAT, "the default must be one int64")},
    {ENCODE, 2, "keys_tensor=<i64[1] 1> values_int64s=[5]", IN("i64[1] 1"), FAILS(FORMAT, "unknown attribute")},
};

QN_OP_CASES_MAIN(cases)
