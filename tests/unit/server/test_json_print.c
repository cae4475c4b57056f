/* test_json_print.c: numbers printed with the fewest digits that read back, and values as JSON text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/codec/decimal.h"
#include "server/codec/json_value.h"

static uint64_t seed = UINT64_C(2463534242);

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- numbers ---- */

struct printed {
    char text[QN_PRINT_BYTES + 1];
};

static struct printed print_f32(float value)
{
    struct printed p;
    char *end = qn_print_f32(p.text, value, QN_NAN_NULL);

    assert_in_range(end - p.text, 1, QN_PRINT_BYTES);
    *end = '\0';
    return p;
}

static struct printed print_f64(double value)
{
    struct printed p;
    char *end = qn_print_f64(p.text, value, QN_NAN_NULL);

    assert_in_range(end - p.text, 1, QN_PRINT_BYTES);
    *end = '\0';
    return p;
}

/* From the first digit that is not zero to the last. */
static int significant_digits(const char *text)
{
    int n = 0;
    int zeros = 0;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0')
            zeros += n > 0;
        else if (*text >= '1' && *text <= '9') {
            n += zeros + 1;
            zeros = 0;
        }
    }
    return n == 0 ? 1 : n;
}

/* The C library's shortest: tries one digit more until it reads back. It rounds to nearest, so a number of that length
 * that is nearer cannot exist. */
static void check_f32(float value)
{
    struct printed p = print_f32(value);
    float back = strtof(p.text, NULL);
    char text[64];
    int n = 0;

    if (memcmp(&back, &value, sizeof(value)) != 0)
        fail_msg("%a is printed as %s", (double)value, p.text);
    do {
        snprintf(text, sizeof(text), "%.*e", n++, (double)value);
    } while (strtof(text, NULL) != value);
    if (significant_digits(p.text) > n)
        fail_msg("%s is printed as %s", text, p.text);
    if (significant_digits(p.text) == n)
        assert_true(fabs(strtod(p.text, NULL) - (double)value) <= fabs(strtod(text, NULL) - (double)value));
}

static void check_f64(double value)
{
    struct printed p = print_f64(value);
    double back = strtod(p.text, NULL);
    char text[64];
    int n = 0;

    if (memcmp(&back, &value, sizeof(value)) != 0)
        fail_msg("%a is printed as %s", value, p.text);
    do {
        snprintf(text, sizeof(text), "%.*e", n++, value);
    } while (strtod(text, NULL) != value);
    if (significant_digits(p.text) > n)
        fail_msg("%s is printed as %s", text, p.text);
}

static void prints_as_people_write(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1, "-1.0"},
        {100, "100.0"},
        {1234.5, "1234.5"},
        {0.1, "0.1"},
        {-0.25, "-0.25"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-5"},
        {0.0000123, "1.23e-5"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e16"},
        {1.5e300, "1.5e300"},
        {123456789012345680.0, "1.2345678901234568e17"},
        {9007199254740992.0, "9007199254740992.0"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
        {0.30000000000000004, "0.30000000000000004"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(print_f64(cases[i].value).text, cases[i].text);
    assert_string_equal(print_f32(0.1f).text, "0.1");
    assert_string_equal(print_f32(16777216.0f).text, "16777216.0");
    assert_string_equal(print_f32(3.4028235e38f).text, "3.4028235e38");
    assert_string_equal(print_f32(1e-45f).text, "1e-45");
    assert_string_equal(print_f32(0.3f).text, "0.3");
    assert_string_equal(print_f32(123456.79f).text, "123456.79");
    assert_string_equal(print_f32(-0.0f).text, "-0.0");
}

static void prints_non_finite(void **state)
{
    static const char *const wanted[3][3] = {
        {"null", "null", "null"}, {"\"NaN\"", "\"Infinity\"", "\"-Infinity\""}, {"NaN", "Infinity", "-Infinity"}};
    static const float values[] = {NAN, INFINITY, -INFINITY};
    static const uint16_t halves[] = {0xfe00, 0x7c00, 0xfc00};
    char text[QN_PRINT_BYTES + 1];

    (void)state;
    for (int mode = 0; mode < 3; mode++)
        for (int i = 0; i < 3; i++) {
            *qn_print_f32(text, values[i], (enum qn_nan_mode)mode) = '\0';
            assert_string_equal(text, wanted[mode][i]);
            *qn_print_f64(text, (double)values[i], (enum qn_nan_mode)mode) = '\0';
            assert_string_equal(text, wanted[mode][i]);
            *qn_print_f16(text, halves[i], (enum qn_nan_mode)mode) = '\0';
            assert_string_equal(text, wanted[mode][i]);
        }
}

static void reads_back_and_is_shortest(void **state)
{
    (void)state;
    for (int i = 0; i < 60000; i++) {
        uint32_t bits_32 = (uint32_t)next_random();
        uint64_t bits_64 = next_random();
        float f32;
        double f64;

        memcpy(&f32, &bits_32, sizeof(f32));
        memcpy(&f64, &bits_64, sizeof(f64));
        if (isfinite(f32))
            check_f32(f32);
        if (isfinite(f64))
            check_f64(f64);
        check_f32((float)((double)(next_random() % 2000001) / 1000.0 - 1000));
        check_f64((double)(next_random() % 2000000001) / 1000.0);
    }
}

/* Around every power of two, where the interval is lopsided, and of ten. */
static void is_right_at_powers(void **state)
{
    (void)state;
    for (int e = -1074; e < 1024; e++)
        for (int k = -2; k <= 2; k++) {
            double f64 = ldexp(1, e);
            float f32 = ldexpf(1, e);
            uint64_t bits_64;
            uint32_t bits_32;

            memcpy(&bits_64, &f64, sizeof(f64));
            bits_64 += (uint64_t)k;
            memcpy(&f64, &bits_64, sizeof(f64));
            if (isfinite(f64) && f64 > 0)
                check_f64(f64);
            memcpy(&bits_32, &f32, sizeof(f32));
            bits_32 += (uint32_t)k;
            memcpy(&f32, &bits_32, sizeof(f32));
            if (isfinite(f32) && f32 > 0)
                check_f32(f32);
        }
    for (int e = -323; e <= 308; e++) {
        char text[16];

        snprintf(text, sizeof(text), "1e%d", e);
        check_f64(strtod(text, NULL));
        if (strtof(text, NULL) > 0 && isfinite(strtof(text, NULL)))
            check_f32(strtof(text, NULL));
    }
}

/* A sample of all float32, spread evenly, through this project's own reader, which is fast enough for many. */
static void float32_reads_back_through_the_reader(void **state)
{
    char text[QN_PRINT_BYTES + 16];

    (void)state;
    for (uint64_t bits = 1; bits < 0x7f800000; bits += 331) {
        uint32_t bits_32 = (uint32_t)bits;
        float value;
        float back;
        struct decimal number;
        const char *fault;
        char *end;

        memcpy(&value, &bits_32, sizeof(value));
        end = qn_print_f32(text, value, QN_NAN_NULL);
        memset(end, 0, 16);
        assert_ptr_equal(qn_decimal_read(text, &number, &fault), end);
        assert_true(qn_decimal_to_f32(&number, &back));
        if (memcmp(&value, &back, sizeof(value)) != 0)
            fail_msg("%a is printed as %s", (double)value, text);
    }
}

static void all_16_bit_numbers_read_back(void **state)
{
    static const struct decimal_format *const formats[] = {&qn_decimal_f16, &qn_decimal_bf16};
    char text[QN_PRINT_BYTES + 16];

    (void)state;
    for (int t = 0; t < 2; t++)
        for (unsigned bits = 0; bits <= 0xffff; bits++) {
            char *end = (t == 0 ? qn_print_f16 : qn_print_bf16)(text, (uint16_t)bits, QN_NAN_STRING);
            struct decimal number;
            const char *fault;
            uint64_t back;

            memset(end, 0, 16);
            if (text[0] == '"')
                continue;
            assert_ptr_equal(qn_decimal_read(text, &number, &fault), end);
            assert_true(qn_decimal_round(&number, formats[t], &back));
            assert_int_equal(back, bits);
            assert_true(significant_digits(text) <= (t == 0 ? 5 : 4));
        }
    *qn_print_f16(text, 0x2e66, QN_NAN_NULL) = '\0';
    assert_string_equal(text, "0.1");
    *qn_print_bf16(text, 0x3dcd, QN_NAN_NULL) = '\0';
    assert_string_equal(text, "0.1");
}

static void prints_integers_exactly(void **state)
{
    char text[QN_PRINT_BYTES + 1];
    char wanted[32];

    (void)state;
    *qn_print_i64(text, INT64_MIN) = '\0';
    assert_string_equal(text, "-9223372036854775808");
    *qn_print_u64(text, UINT64_MAX) = '\0';
    assert_string_equal(text, "18446744073709551615");
    *qn_print_i64(text, 0) = '\0';
    assert_string_equal(text, "0");
    *qn_print_i64(text, INT64_C(9007199254740993)) = '\0';
    assert_string_equal(text, "9007199254740993");
    for (uint64_t power = 1, i = 0; i < 20; i++, power *= 10)
        for (uint64_t k = 0; k < 3; k++) {
            *qn_print_u64(text, power + k - 1) = '\0';
            snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)(power + k - 1));
            assert_string_equal(text, wanted);
        }
    for (int i = 0; i < 100000; i++) {
        uint64_t value = next_random() >> next_random() % 64;

        *qn_print_i64(text, (int64_t)value) = '\0';
        snprintf(wanted, sizeof(wanted), "%lld", (long long)value);
        assert_string_equal(text, wanted);
    }
}

/* ---- values ---- */

static struct qn_tensor tensor_of(enum qn_dtype dtype, int rank, const int64_t *dims, const void *data)
{
    struct qn_tensor tensor = {.dtype = dtype, .rank = rank};

    for (int i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    memcpy(&tensor.data, &data, sizeof(data));
    return tensor;
}

static void check_value(const struct qn_value *value, const char *wanted)
{
    struct qn_buf out;
    struct qn_err err = {0};

    qn_buf_init(&out, 1 << 20);
    if (qn_json_put_value(&out, value, QN_NAN_NULL, "y", &err) != QN_OK)
        fail_msg("%s: %s", wanted, err.text);
    assert_string_equal(out.data, wanted);
    qn_buf_deinit(&out);
}

static void nests_tensors_by_shape(void **state)
{
    static const float data[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct {
        int rank;
        int64_t dims[4];
        const char *text;
    } cases[] = {
        {0, {0}, "1.0"},
        {1, {3}, "[1.0,2.0,3.0]"},
        {2, {2, 3}, "[[1.0,2.0,3.0],[4.0,5.0,6.0]]"},
        {3, {2, 2, 2}, "[[[1.0,2.0],[3.0,4.0]],[[5.0,6.0],[7.0,8.0]]]"},
        {4, {1, 2, 1, 1}, "[[[[1.0]],[[2.0]]]]"},
        {1, {0}, "[]"},
        {2, {2, 0}, "[[],[]]"},
        {3, {2, 0, 3}, "[[],[]]"},
        {3, {1, 2, 0}, "[[[],[]]]"},
        {3, {2, 2, 0}, "[[[],[]],[[],[]]]"},
        {2, {0, 5}, "[]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_value value = {.tensor = tensor_of(QN_FLOAT, cases[i].rank, cases[i].dims, data)};

        check_value(&value, cases[i].text);
    }
}

static void prints_every_type(void **state)
{
    static const uint8_t bytes[] = {0xff, 0x80, 0x01};
    static const uint16_t shorts[] = {0xffff, 0x8000, 1};
    static const uint32_t words[] = {UINT32_MAX, 0x80000000u, 1};
    static const uint64_t longs[] = {UINT64_MAX, UINT64_C(1) << 63, 1};
    static const uint16_t halves[] = {0x3c00, 0xbc00, 0x2e66};
    static const uint16_t brains[] = {0x3f80, 0xbf80, 0x3dcd};
    static const double doubles[] = {0.1, -1, 1e300};
    static const struct qn_str strings[] = {{"a\"b", 3}, {"\xFF", 1}, {"\0", 1}};
    static const uint8_t packed[] = {0x21, 0x8f};
    static const struct {
        enum qn_dtype dtype;
        int64_t n;
        const void *data;
        const char *text;
    } cases[] = {
        {QN_INT8, 3, bytes, "[-1,-128,1]"},
        {QN_UINT8, 3, bytes, "[255,128,1]"},
        {QN_BOOL, 3, bytes, "[true,true,true]"},
        {QN_INT16, 3, shorts, "[-1,-32768,1]"},
        {QN_UINT16, 3, shorts, "[65535,32768,1]"},
        {QN_INT32, 3, words, "[-1,-2147483648,1]"},
        {QN_UINT32, 3, words, "[4294967295,2147483648,1]"},
        {QN_INT64, 3, longs, "[-1,-9223372036854775808,1]"},
        {QN_UINT64, 3, longs, "[18446744073709551615,9223372036854775808,1]"},
        {QN_FLOAT16, 3, halves, "[1.0,-1.0,0.1]"},
        {QN_BFLOAT16, 3, brains, "[1.0,-1.0,0.1]"},
        {QN_DOUBLE, 3, doubles, "[0.1,-1.0,1e300]"},
        {QN_STRING, 3, strings, "[\"a\\\"b\",\"\xEF\xBF\xBD\",\"\\u0000\"]"},
        {QN_INT4, 4, packed, "[1,2,-1,-8]"},
        {QN_UINT4, 4, packed, "[1,2,15,8]"},
        {QN_INT2, 8, packed, "[1,0,-2,0,-1,-1,0,-2]"},
        {QN_UINT2, 5, packed, "[1,0,2,0,3]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_value value = {.tensor = tensor_of(cases[i].dtype, 1, &cases[i].n, cases[i].data)};

        check_value(&value, cases[i].text);
    }
}

static void prints_sequences_and_maps(void **state)
{
    static const int64_t two = 2;
    static const int64_t labels[] = {0, 1};
    static const float odds[] = {0.25f, 0.75f};
    static const struct qn_str names[] = {{"cat", 3}, {"dog", 3}};
    struct qn_value by_number[2] = {{.tensor = tensor_of(QN_INT64, 1, &two, labels)},
                                    {.tensor = tensor_of(QN_FLOAT, 1, &two, odds)}};
    struct qn_value by_name[2] = {{.tensor = tensor_of(QN_STRING, 1, &two, names)},
                                  {.tensor = tensor_of(QN_FLOAT, 1, &two, odds)}};
    struct qn_value maps[2] = {{.kind = QN_MAP, .items = by_number, .n = 2},
                               {.kind = QN_MAP, .items = by_name, .n = 2}};
    struct qn_value sequence = {.kind = QN_SEQUENCE, .items = maps, .n = 2};
    struct qn_value empty = {.kind = QN_SEQUENCE};
    struct qn_value present = {.kind = QN_OPTIONAL, .items = by_number, .n = 1};
    struct qn_value absent = {.kind = QN_OPTIONAL};
    struct qn_value all[4] = {sequence, empty, present, absent};
    struct qn_value nested = {.kind = QN_SEQUENCE, .items = all, .n = 4};

    (void)state;
    check_value(&sequence, "[{\"0\":0.25,\"1\":0.75},{\"cat\":0.25,\"dog\":0.75}]");
    check_value(&empty, "[]");
    check_value(&present, "[0,1]");
    check_value(&absent, "null");
    check_value(&nested, "[[{\"0\":0.25,\"1\":0.75},{\"cat\":0.25,\"dog\":0.75}],[],[0,1],null]");
}

static void says_what_it_cannot_print(void **state)
{
    static const float data[1000] = {0};
    static const int64_t n = 1000;
    struct qn_value value = {.tensor = tensor_of(QN_COMPLEX64, 1, &n, data)};
    struct qn_value nest[40];
    struct qn_buf out;
    struct qn_err err = {0};

    (void)state;
    qn_buf_init(&out, 500);
    assert_int_equal(qn_json_put_value(&out, &value, QN_NAN_NULL, "y", &err), QN_UNSUPPORTED);
    assert_string_equal(err.text, "output \"y\": values of type complex64 cannot be written as JSON");
    value.tensor.dtype = QN_FLOAT;
    assert_int_equal(qn_json_put_value(&out, &value, QN_NAN_NULL, "y", &err), QN_LIMIT);
    qn_buf_clear(&out);
    for (int i = 0; i < 40; i++)
        nest[i] = (struct qn_value){.kind = QN_SEQUENCE, .items = i == 0 ? &value : &nest[i - 1], .n = 1};
    assert_int_equal(qn_json_put_value(&out, &nest[39], QN_NAN_NULL, "y", &err), QN_UNSUPPORTED);
    qn_buf_deinit(&out);
}

static void prints_many_rows(void **state)
{
    enum { N = 3000 };
    static const int64_t dims[] = {3, N / 3};
    int64_t *data = calloc(N, sizeof(*data));
    struct qn_value value;
    struct qn_buf out;
    char *at;

    (void)state;
    assert_non_null(data);
    for (int i = 0; i < N; i++)
        data[i] = i - 5;
    value = (struct qn_value){.tensor = tensor_of(QN_INT64, 2, dims, data)};
    qn_buf_init(&out, 1 << 20);
    assert_int_equal(qn_json_put_value(&out, &value, QN_NAN_NULL, "y", NULL), QN_OK);
    at = out.data;
    for (int i = 0; i < N; i++) {
        while (*at == '[' || *at == ',' || *at == ']')
            at++;
        assert_int_equal(strtoll(at, &at, 10), i - 5);
    }
    assert_string_equal(at, "]]");
    qn_buf_deinit(&out);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_people_write),
        cmocka_unit_test(prints_non_finite),
        cmocka_unit_test(reads_back_and_is_shortest),
        cmocka_unit_test(is_right_at_powers),
        cmocka_unit_test(float32_reads_back_through_the_reader),
        cmocka_unit_test(all_16_bit_numbers_read_back),
        cmocka_unit_test(prints_integers_exactly),
        cmocka_unit_test(nests_tensors_by_shape),
        cmocka_unit_test(prints_every_type),
        cmocka_unit_test(prints_sequences_and_maps),
        cmocka_unit_test(says_what_it_cannot_print),
        cmocka_unit_test(prints_many_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
