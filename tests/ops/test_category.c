/* test_category.c: cases of CategoryMapper, DictVectorizer and CastMap. */
#include "opcase.h"

#define MAPPER    "ai.onnx.ml:CategoryMapper", 1
#define VECTORIZE "ai.onnx.ml:DictVectorizer", 1
#define CAST      "ai.onnx.ml:CastMap", 1
#define ABA       "cats_strings=['a','b','a'] cats_int64s=[1,2,3]"
#define WORDS     "string_vocabulary=['a','c','b','z']"
#define FLOATS    "map [ i64[3] 3 0 2 ; f32[3] -2.75 1.5 17 ]"
#define TEXTS     "map [ i64[3] 3 0 2 ; str[3] '-2.75' ' 1.5' '9007199254740993' ]"

static const struct qn_op_case cases[] = {
    {MAPPER, ABA, IN("str[1,3] 'a' 'c' 'b'"), OUT("i64[1,3] 3 -1 2")},
    {MAPPER, "cats_strings=['a','b','c'] cats_int64s=[1,2,1] default_string='?'", IN("i64[3] 1 2 7"),
     OUT("str[3] 'c' 'b' '?'")},
    {MAPPER, ABA " default_int64=9", IN("str[] 'x'"), OUT("i64[] 9")},
    {MAPPER, "", IN("str[0]"), OUT("i64[0]")},
    {MAPPER, "cats_strings=['a','b'] cats_int64s=[1]", IN("str[0]"), FAILS(FORMAT, "1 integers stand against 2")},
    {MAPPER, ABA, IN("f32[1] 0"), FAILS(SHAPE, "cannot be float32")},
    {VECTORIZE, WORDS, IN("map [ str[2] 'c' 'a' ; f32[2] 8 4 ]"), OUT("f32[1,4] 4 8 0 0")},
    {VECTORIZE, WORDS, IN("map [ str[2] 'a' 'q' ; i64[2] 4 8 ]"), OUT("i64[1,4] 4 0 0 0")},
    {VECTORIZE, WORDS, IN("map [ str[0] ; f64[0] ]"), OUT("f64[1,4] 0 ...")},
    {VECTORIZE, "int64_vocabulary=[5,6,5]", IN("map [ i64[1] 5 ; f64[1] .1 ]"), OUT("f64[1,3] .1 0 .1")},
    {VECTORIZE, "int64_vocabulary=[5,6]", IN("map [ i64[1] 6 ; str[1] 'x' ]"), OUT("str[1,2] '' 'x'")},
    {VECTORIZE, WORDS, IN("map [ i64[1] 6 ; str[1] 'x' ]"),
     FAILS(SHAPE, "the vocabulary is of string, the map's keys are int64")},
    {VECTORIZE, "", IN("map [ i64[1] 6 ; str[1] 'x' ]"), FAILS(FORMAT, "one vocabulary expected")},
    {VECTORIZE, WORDS, IN("f32[1] 6"), FAILS(SHAPE, "cannot be a tensor")},
    {CAST, "", IN(FLOATS), OUT("f32[1,3] 1.5 17 -2.75")},
    {CAST, "map_form='SPARSE' max_map=5", IN(FLOATS), OUT("f32[1,5] 1.5 0 17 -2.75 0")},
    {CAST, "cast_to='TO_INT64'", IN(FLOATS), OUT("i64[1,3] 1 17 -2")},
    {CAST, "cast_to='TO_STRING'", IN(FLOATS), OUT("str[1,3] '1.500000' '17.000000' '-2.750000'")},
    {CAST, "cast_to='TO_STRING' map_form='SPARSE' max_map=2", IN("map [ i64[1] 1 ; f32[1] inf ]"),
     OUT("str[1,2] '0.f' 'inf'")},
    {CAST, "", IN(TEXTS), OUT("f32[1,3] 1.5 9007199254740992 -2.75")},
    {CAST, "cast_to='TO_INT64'", IN(TEXTS), OUT("i64[1,3] 1 9007199254740993 -2")},
    {CAST, "cast_to='TO_STRING'", IN(TEXTS), OUT("str[1,3] ' 1.5' '9007199254740993' '-2.75'")},
    {CAST, "", IN("map [ i64[0] ; f32[0] ]"), OUT("f32[1,0]")},
    {CAST, "map_form='SPARSE' max_map=3", IN(FLOATS), FAILS(RANGE, "key 3 is outside 0..2")},
    {CAST, "map_form='SPARSE' max_map=3", IN("map [ i64[1] -1 ; f32[1] 1 ]"), FAILS(RANGE, "key -1 is outside 0..2")},
    {CAST, "", IN("map [ i64[1] 0 ; str[1] '12x' ]"), FAILS(RANGE, "not a number")},
    {CAST, "", IN("map [ str[1] 'a' ; f32[1] 1 ]"), FAILS(SHAPE, "the map's keys must be int64, not string")},
    {CAST, "", IN("map [ i64[1] 0 ; f64[1] 1 ]"), FAILS(SHAPE, "the map's values cannot be float64")},
    {CAST, "max_map=-1", IN(FLOATS), FAILS(FORMAT, "'max_map' is -1")},
};

QN_OP_CASES_MAIN(cases)
