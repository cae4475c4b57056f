/* test_dtype.c: facts about element types, each stated a second time here, and the sets of the standard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tensor/dtype.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    int number; /* of TensorProto.DataType */
    const char *name;
    int bits;
    char class; /* f: floating point, i: integer, o: other */
} facts[] = {
    {1, "float32", 32, 'f'},
    {2, "uint8", 8, 'i'},
    {3, "int8", 8, 'i'},
    {4, "uint16", 16, 'i'},
    {5, "int16", 16, 'i'},
    {6, "int32", 32, 'i'},
    {7, "int64", 64, 'i'},
    {9, "bool", 8, 'o'},
    {10, "float16", 16, 'f'},
    {11, "float64", 64, 'f'},
    {12, "uint32", 32, 'i'},
    {13, "uint64", 64, 'i'},
    {14, "complex64", 64, 'o'},
    {15, "complex128", 128, 'o'},
    {16, "bfloat16", 16, 'f'},
    {17, "float8e4m3fn", 8, 'f'},
    {18, "float8e4m3fnuz", 8, 'f'},
    {19, "float8e5m2", 8, 'f'},
    {20, "float8e5m2fnuz", 8, 'f'},
    {21, "uint4", 4, 'i'},
    {22, "int4", 4, 'i'},
    {23, "float4e2m1", 4, 'f'},
    {24, "float8e8m0", 8, 'f'},
    {25, "uint2", 2, 'i'},
    {26, "int2", 2, 'i'},
};

static void facts_are_those_of_the_standard(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(facts); i++) {
        enum qn_dtype dtype = (enum qn_dtype)facts[i].number;

        assert_string_equal(qn_dtype_name(dtype), facts[i].name);
        assert_int_equal(qn_dtype_bits(dtype), facts[i].bits);
        assert_int_equal(qn_dtype_bytes(dtype), facts[i].bits / 8);
        assert_int_equal(qn_dtype_is_float(dtype), facts[i].class == 'f');
        assert_int_equal(qn_dtype_is_integer(dtype), facts[i].class == 'i');
        assert_true(qn_dtype_valid(facts[i].number));
        assert_int_equal(qn_dtype_parse(facts[i].name), dtype);
    }
}

static void strings_are_views(void **state)
{
    (void)state;
    assert_string_equal(qn_dtype_name(QN_STRING), "string");
    assert_int_equal(qn_dtype_bytes(QN_STRING), sizeof(struct qn_str));
    assert_int_equal(qn_dtype_parse("string"), QN_STRING);
    assert_false(qn_dtype_is_float(QN_STRING));
    assert_false(qn_dtype_is_integer(QN_STRING));
}

static void unknown_numbers_and_names_are_harmless(void **state)
{
    static const int64_t numbers[] = {-1, 0, QN_N_DTYPE, 255, INT64_MAX, INT64_MIN, ((int64_t)1 << 32) + 1};
    static const char *const names[] = {"", "float", "undefined", "float321", "Float32", "int 8"};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_false(qn_dtype_valid(numbers[i]));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(qn_dtype_parse(names[i]), QN_UNDEFINED);
    assert_string_equal(qn_dtype_name((enum qn_dtype)1000), "undefined");
    assert_int_equal(qn_dtype_bits((enum qn_dtype)1000), 0);
    assert_int_equal(qn_dtype_bits(QN_UNDEFINED), 0);
}

static void sets_agree_with_the_facts(void **state)
{
    (void)state;
    assert_false(qn_dtypes_have(QN_ANY, QN_UNDEFINED));
    for (int i = 1; i < QN_N_DTYPE; i++) {
        enum qn_dtype dtype = (enum qn_dtype)i;
        bool narrow_float = qn_dtypes_have(QN_FLOAT8S | QN_BIT(FLOAT8E8M0) | QN_BIT(FLOAT4E2M1), dtype);
        bool narrow_integer = qn_dtypes_have(QN_INT4S | QN_INT2S, dtype);

        assert_true(qn_dtypes_have(QN_ANY, dtype));
        assert_int_equal(qn_dtypes_have(QN_SUB_BYTE, dtype), qn_dtype_bits(dtype) < 8);
        assert_int_equal(qn_dtypes_have(QN_FLOATS, dtype), qn_dtype_is_float(dtype) && !narrow_float);
        assert_int_equal(qn_dtypes_have(QN_INTS, dtype), qn_dtype_is_integer(dtype) && !narrow_integer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_those_of_the_standard),
        cmocka_unit_test(strings_are_views),
        cmocka_unit_test(unknown_numbers_and_names_are_harmless),
        cmocka_unit_test(sets_agree_with_the_facts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
