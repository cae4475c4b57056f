/* test_compare.c: what counts as equal, how far apart the rest is, and the sentence that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/compare.h"
#include "tensor/convert.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct qn_tolerance exact = {0, 0, 0};

static struct qn_value vector(enum qn_dtype dtype, int64_t n, const void *data)
{
    return (struct qn_value){.tensor = {dtype, 1, {n}, (void *)(uintptr_t)data}};
}

static struct qn_difference compare(const struct qn_value *got, const struct qn_value *want,
                                    struct qn_tolerance tolerance)
{
    struct qn_difference difference;

    memset(&difference, 0x5a, sizeof(difference));
    qn_value_compare(got, want, tolerance, &difference);
    assert_int_equal(difference.equal, difference.reason[0] == 0);
    return difference;
}

static struct qn_difference compare_vectors(enum qn_dtype dtype, int64_t n, const void *got, const void *want,
                                            struct qn_tolerance tolerance)
{
    struct qn_value g = vector(dtype, n, got), w = vector(dtype, n, want);

    return compare(&g, &w, tolerance);
}

static void equal_tensors_are_equal(void **state)
{
    static uint64_t bytes[64];
    uint64_t x = 7;
    struct qn_str strings[2] = {{"a", 1}, {NULL, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(bytes); i++)
        bytes[i] = x = x * 6364136223846793005u + 1442695040888963407u;
    for (int dtype = 1; dtype < QN_N_DTYPE; dtype++) {
        const void *data = dtype == QN_STRING ? (const void *)strings : bytes;
        struct qn_difference d = compare_vectors((enum qn_dtype)dtype, dtype == QN_STRING ? 2 : 31, data, data, exact);

        assert_true(d.equal && d.n_bad == 0 && d.first_bad == -1 && d.n_nan == 0);
        assert_true(d.max_abs == 0 && d.max_rel == 0 && d.max_ulp == 0);
        assert_int_equal(d.n, dtype == QN_STRING ? 2 : 31);
        assert_true(d.cosine > 0.9999999 && d.cosine <= 1);
    }
}

static void one_wrong_element_is_named(void **state)
{
    float want[2][3] = {{1, 2, 3}, {4, 5, 6}}, got[2][3] = {{1, 2, 3}, {4, 5.5f, 7}};
    struct qn_value w = {.tensor = {QN_FLOAT, 2, {2, 3}, want}}, g = {.tensor = {QN_FLOAT, 2, {2, 3}, got}};
    struct qn_difference d = compare(&g, &w, exact);

    (void)state;
    assert_false(d.equal);
    assert_true(d.n == 6 && d.n_bad == 2 && d.first_bad == 4 && d.n_nan == 0);
    assert_true(d.max_abs == 1 && fabs(d.max_rel - 1.0 / 6) < 1e-15);
    assert_string_equal(d.reason, "at [1,1] expected 5, got 5.5; 2 of 6 elements differ");
    assert_true(d.cosine < 1 && d.cosine > 0.99);
}

static void type_shape_and_kind_must_agree(void **state)
{
    float data[6] = {0};
    struct qn_value a = {.tensor = {QN_FLOAT, 2, {2, 3}, data}}, b = {.tensor = {QN_FLOAT, 2, {3, 2}, data}};
    struct qn_value c = {.tensor = {QN_INT32, 2, {2, 3}, data}}, s = {.kind = QN_SEQUENCE}, m = {.kind = QN_MAP};
    struct qn_value scalar = {.tensor = {QN_FLOAT, 0, {0}, data}}, one = vector(QN_FLOAT, 1, data);

    (void)state;
    assert_string_equal(compare(&a, &b, exact).reason, "expected float32[3,2], got float32[2,3]");
    assert_string_equal(compare(&a, &c, exact).reason, "expected int32[2,3], got float32[2,3]");
    assert_string_equal(compare(&one, &scalar, exact).reason, "expected float32[], got float32[1]");
    assert_string_equal(compare(&a, &s, exact).reason, "expected a sequence, got a tensor");
    assert_string_equal(compare(&m, &a, exact).reason, "expected a tensor, got a map");
}

static void tolerance_is_absolute_plus_relative(void **state)
{
    const double want[] = {100, 100, -100, 0}, got[] = {101, 99, -101, 0.5};

    (void)state;
    assert_false(compare_vectors(QN_DOUBLE, 3, got, want, (struct qn_tolerance){0.0099, 0, 0}).equal);
    assert_true(compare_vectors(QN_DOUBLE, 3, got, want, (struct qn_tolerance){0.0101, 0, 0}).equal);
    assert_true(compare_vectors(QN_DOUBLE, 3, got, want, (struct qn_tolerance){0, 1, 0}).equal);
    assert_true(compare_vectors(QN_DOUBLE, 3, got, want, (struct qn_tolerance){0.0051, 0.5, 0}).equal);
    assert_int_equal(compare_vectors(QN_DOUBLE, 4, got, want, (struct qn_tolerance){0.1, 0, 0}).first_bad, 3);
    assert_int_equal(compare_vectors(QN_DOUBLE, 3, got, want, (struct qn_tolerance){0, 0.999, 0}).n_bad, 3);
}

/* A distance of n units in the last place is within n and not within n - 1, in each type's own units. */
static void ulps_are_of_the_own_type(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        uint64_t got, want; /* bits */
        double ulps;
    } cases[] = {
        {QN_FLOAT, 0x3f800003, 0x3f800000, 3},
        {QN_FLOAT, 0x3f7fffff, 0x3f800001, 2}, /* over the change of exponent */
        {QN_FLOAT, 0x80000001, 0x00000002, 3}, /* through zero */
        {QN_FLOAT, 0x80000000, 0x00000000, 0},
        {QN_FLOAT, 0x7f7fffff, 0xff7fffff, 4278190078.0},
        {QN_DOUBLE, 0x3ff0000000000005, 0x3ff0000000000000, 5},
        {QN_DOUBLE, 0x7fefffffffffffff, 0xffefffffffffffff, 18437736874454810624.0},
        {QN_FLOAT16, 0x3c02, 0x3c00, 2},
        {QN_FLOAT16, 0x8001, 0x0001, 2},
        {QN_BFLOAT16, 0x3f81, 0x3f80, 1},
        {QN_FLOAT8E4M3FN, 0x39, 0x38, 1},
        {QN_FLOAT8E4M3FNUZ, 0x81, 0x01, 2},
        {QN_FLOAT8E5M2, 0x3d, 0x3c, 1},
        {QN_FLOAT4E2M1, 0x5, 0x3, 2},
        {QN_FLOAT8E8M0, 130, 127, 3},
        {QN_FLOAT8E8M0, 127, 129, 2},
        {QN_INT32, 5, 9, 4},
        {QN_UINT8, 0, 255, 255},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const void *got = &cases[i].got, *want = &cases[i].want;
        struct qn_difference d =
            compare_vectors(cases[i].dtype, 1, got, want, (struct qn_tolerance){0, 0, cases[i].ulps});

        assert_true(d.max_ulp == cases[i].ulps);
        assert_true(d.equal);
        if (cases[i].ulps > 0) {
            d = compare_vectors(cases[i].dtype, 1, got, want, (struct qn_tolerance){0, 0, cases[i].ulps * 0.99});
            assert_false(d.equal);
        }
    }
}

static void nan_matches_only_nan(void **state)
{
    const float want[] = {NAN, 1, NAN, 2}, got[] = {-NAN, NAN, 3, 2};
    struct qn_difference d = compare_vectors(QN_FLOAT, 4, got, want, (struct qn_tolerance){1e9, 1e9, 1e9});

    (void)state;
    assert_true(d.n_bad == 2 && d.n_nan == 2 && d.first_bad == 1);
    assert_string_equal(d.reason, "at [1] expected 1, got nan; 2 of 4 elements differ");
    assert_true(d.max_abs == 0 && d.max_ulp == 0 && d.cosine == 1);
}

static void infinities_match_by_sign_whatever_the_tolerance(void **state)
{
    const struct qn_tolerance wide = {1e9, 1e9, 1e9};
    const float want[] = {INFINITY, -INFINITY, INFINITY, FLT_MAX, INFINITY}, same[] = {INFINITY, -INFINITY};
    const float other[] = {-INFINITY, INFINITY, FLT_MAX, INFINITY, NAN};
    struct qn_difference d = compare_vectors(QN_FLOAT, 2, same, want, exact);

    (void)state;
    assert_true(d.equal && d.max_abs == 0 && d.max_rel == 0 && d.max_ulp == 0 && d.cosine == 1);
    for (size_t i = 0; i < COUNT(want); i++)
        assert_false(compare_vectors(QN_FLOAT, 1, &other[i], &want[i], wide).equal);
    d = compare_vectors(QN_FLOAT, 5, other, want, wide);
    assert_true(d.n_bad == 5 && d.n_nan == 1 && isinf(d.max_abs));
    assert_string_equal(d.reason, "at [0] expected inf, got -inf; 5 of 5 elements differ");
}

static void integers_differ_exactly(void **state)
{
    const int64_t want[] = {INT64_MAX, INT64_MIN, 1000}, got[] = {INT64_MAX - 1, INT64_MAX, 1001};
    const uint64_t large = UINT64_MAX, half = (uint64_t)1 << 63;
    const uint8_t want4[] = {0x0f}, got4[] = {0x71};
    struct qn_difference d = compare_vectors(QN_INT64, 1, got, want, exact);

    (void)state;
    assert_true(!d.equal && d.max_abs == 1);
    assert_string_equal(d.reason,
                        "at [0] expected 9223372036854775807, got 9223372036854775806; 1 of 1 elements differ");
    assert_true(compare_vectors(QN_INT64, 2, got, want, exact).max_abs == 0x1p64);
    assert_true(compare_vectors(QN_INT64, 1, got + 2, want + 2, (struct qn_tolerance){0.001, 0, 0}).equal);
    assert_false(compare_vectors(QN_INT64, 1, got + 2, want + 2, (struct qn_tolerance){0.0009, 0, 0}).equal);
    assert_true(compare_vectors(QN_UINT64, 1, &large, &half, exact).max_abs == 0x1p63);
    d = compare_vectors(QN_INT4, 2, got4, want4, exact);
    assert_string_equal(d.reason, "at [0] expected -1, got 1; 2 of 2 elements differ");
    assert_true(d.max_abs == 7);
}

static void booleans_compare_by_truth(void **state)
{
    const uint8_t want[] = {1, 0, 1}, same[] = {255, 0, 1}, other[] = {1, 1, 1};

    (void)state;
    assert_true(compare_vectors(QN_BOOL, 3, same, want, exact).equal);
    assert_string_equal(compare_vectors(QN_BOOL, 3, other, want, exact).reason,
                        "at [1] expected false, got true; 1 of 3 elements differ");
}

static void complex_numbers_compare_by_modulus(void **state)
{
    const float want[] = {3, 4, 0, INFINITY}, got[] = {3.03f, 4.04f, 0, INFINITY}, nan[] = {3, NAN, 0, INFINITY};
    const double wide[] = {1, -1}, other[] = {1, -2};
    struct qn_difference d = compare_vectors(QN_COMPLEX64, 2, got, want, (struct qn_tolerance){0.0101, 0, 0});

    (void)state;
    assert_true(d.equal && fabs(d.max_abs - 0.05) < 1e-6 && fabs(d.max_rel - 0.01) < 1e-6 && d.n == 2);
    assert_false(compare_vectors(QN_COMPLEX64, 2, got, want, (struct qn_tolerance){0.0099, 0, 0}).equal);
    assert_int_equal(compare_vectors(QN_COMPLEX64, 2, nan, want, exact).n_nan, 1);
    assert_string_equal(compare_vectors(QN_COMPLEX128, 1, other, wide, exact).reason,
                        "at [0] expected 1-1i, got 1-2i; 1 of 1 elements differ");
}

static void strings_compare_byte_by_byte(void **state)
{
    char long_got[101], long_want[101];
    struct qn_str want[] = {{"cat", 3}, {"dog", 3}}, got[] = {{"cat", 3}, {"do\0", 3}};
    struct qn_str g = {long_got, 100}, w = {long_want, 100};
    struct qn_difference d = compare_vectors(QN_STRING, 2, got, want, (struct qn_tolerance){1, 1, 1});

    (void)state;
    assert_true(d.n_bad == 1 && d.first_bad == 1 && d.n == 2);
    assert_string_equal(d.reason, "at [1] expected \"dog\", got \"do?\"; 1 of 2 elements differ");
    memset(long_got, 'a', 100);
    memset(long_want, 'a', 100);
    long_got[90] = 'b';
    d = compare_vectors(QN_STRING, 1, &g, &w, exact);
    assert_non_null(strstr(d.reason, "(from byte 90 on)"));
}

static void cosine_is_of_all_finite_pairs(void **state)
{
    const double want[] = {1, 0, NAN}, turned[] = {0, 1, NAN}, opposed[] = {-2, 0, 5}, zero[] = {0, 0, 0};
    const double vast[] = {1e300, 1e300}, vaster[] = {1e308, 1e308};

    (void)state;
    assert_true(compare_vectors(QN_DOUBLE, 3, turned, want, exact).cosine == 0);
    assert_true(compare_vectors(QN_DOUBLE, 3, opposed, want, exact).cosine == -1);
    assert_true(compare_vectors(QN_DOUBLE, 3, zero, want, exact).cosine == 0);
    assert_true(compare_vectors(QN_DOUBLE, 3, zero, zero, exact).cosine == 1);
    assert_true(fabs(compare_vectors(QN_DOUBLE, 2, vast, vaster, exact).cosine - 1) < 1e-15);
}

static void close_floats_are_told_apart_in_text(void **state)
{
    const float want = 0x1.000002p0f, got = 1;
    const double wide = 0x1.0000000000001p0, other = 1;

    (void)state;
    assert_string_equal(compare_vectors(QN_FLOAT, 1, &got, &want, exact).reason,
                        "at [0] expected 1.00000012, got 1; 1 of 1 elements differ");
    assert_string_equal(compare_vectors(QN_DOUBLE, 1, &other, &wide, exact).reason,
                        "at [0] expected 1.0000000000000002, got 1; 1 of 1 elements differ");
}

static void sequences_compare_item_by_item(void **state)
{
    float a = 1, b = 2, c = 3, d = 4;
    struct qn_value want_items[] = {vector(QN_FLOAT, 1, &a), vector(QN_FLOAT, 1, &b)};
    struct qn_value got_items[] = {vector(QN_FLOAT, 1, &c), vector(QN_FLOAT, 1, &d)};
    struct qn_value inner_want = {.kind = QN_SEQUENCE, .items = want_items, .n = 2};
    struct qn_value inner_got = {.kind = QN_SEQUENCE, .items = got_items, .n = 2};
    struct qn_value want_outer[] = {inner_want, inner_want}, got_outer[] = {inner_want, inner_got};
    struct qn_value want = {.kind = QN_SEQUENCE, .items = want_outer, .n = 2};
    struct qn_value got = {.kind = QN_SEQUENCE, .items = got_outer, .n = 2};
    struct qn_value held_want = {.kind = QN_OPTIONAL, .items = &want, .n = 1};
    struct qn_value held_got = {.kind = QN_OPTIONAL, .items = &got, .n = 1}, empty = {.kind = QN_OPTIONAL};
    struct qn_difference difference = compare(&got, &want, exact);

    (void)state;
    assert_true(compare(&want, &want, exact).equal);
    assert_true(difference.n == 4 && difference.n_bad == 2 && difference.first_bad == 0 && difference.max_abs == 2);
    assert_string_equal(difference.reason, "item 1, item 0: at [0] expected 1, got 3; 1 of 1 elements differ");
    assert_string_equal(compare(&held_got, &held_want, exact).reason, difference.reason);
    got_outer[1].n = 1;
    assert_string_equal(compare(&got, &want, exact).reason, "item 1: expected a sequence of 2 items, got 1");
    assert_string_equal(compare(&empty, &held_want, exact).reason,
                        "expected an optional with a value, got one without");
    assert_string_equal(compare(&held_want, &empty, exact).reason,
                        "expected an optional without a value, got one with one");
    assert_true(compare(&empty, &empty, exact).equal);
}

static struct qn_value map_of(struct qn_value entries[2], enum qn_dtype key, const void *keys, const float *values,
                              int64_t n)
{
    entries[0] = vector(key, n, keys);
    entries[1] = vector(QN_FLOAT, n, values);
    return (struct qn_value){.kind = QN_MAP, .items = entries, .n = 2};
}

static void maps_compare_by_key(void **state)
{
    const int64_t want_keys[] = {5, -1, 9}, got_keys[] = {9, 5, -1}, lacking[] = {9, 5, 7};
    const float want_values[] = {0.5f, 0.1f, 0.9f}, got_values[] = {0.9f, 0.5f, 0.1f}, wrong[] = {0.9f, 0.5f, 0.25f};
    struct qn_value w[2], g[2], l[2], b[2];
    struct qn_value want = map_of(w, QN_INT64, want_keys, want_values, 3);
    struct qn_value got = map_of(g, QN_INT64, got_keys, got_values, 3);
    struct qn_value missing = map_of(l, QN_INT64, lacking, got_values, 3);
    struct qn_value bad = map_of(b, QN_INT64, got_keys, wrong, 3);
    struct qn_difference d = compare(&bad, &want, exact);

    (void)state;
    assert_true(compare(&want, &want, exact).equal);
    assert_true(compare(&got, &want, exact).equal);
    assert_true(compare(&got, &want, exact).n == 3);
    assert_true(d.n_bad == 1 && d.first_bad == 1);
    assert_string_equal(d.reason, "at key -1 expected 0.100000001, got 0.25; 1 of 3 elements differ");
    assert_string_equal(compare(&missing, &want, exact).reason, "expected a key -1, which is missing");
    assert_string_equal(compare(&want, &missing, exact).reason, "got a key -1, which is not expected");
    g[0].tensor.dims[0] = g[1].tensor.dims[0] = 2;
    assert_string_equal(compare(&got, &want, exact).reason, "expected a map of 3 entries, got 2");
    g[0].tensor.dtype = QN_STRING;
    assert_string_equal(compare(&got, &want, exact).reason, "expected int64 as the map's keys, got string");
    got.n = 0;
    assert_string_equal(compare(&got, &want, exact).reason, "expected a map, got an empty one");
}

/* Many string keys, reversed: any order of many entries is found without a search per entry. */
static void large_maps_are_matched_in_any_order(void **state)
{
    enum { MANY = 50000 };
    char(*names)[8] = (char(*)[8])calloc(MANY, sizeof(names[0]));
    struct qn_str *want_keys = (struct qn_str *)calloc(MANY, sizeof(want_keys[0]));
    struct qn_str *got_keys = (struct qn_str *)calloc(MANY, sizeof(got_keys[0]));
    float *want_values = (float *)calloc(MANY, sizeof(want_values[0]));
    float *got_values = (float *)calloc(MANY, sizeof(got_values[0]));
    struct qn_value w[2], g[2], want, got;

    (void)state;
    assert_true(names && want_keys && got_keys && want_values && got_values);
    for (int i = 0; i < MANY; i++) {
        for (int k = 0, rest = i; k < 5; k++, rest /= 10)
            names[i][k] = (char)('0' + rest % 10);
        want_keys[i] = got_keys[MANY - 1 - i] = (struct qn_str){names[i], 5};
        want_values[i] = got_values[MANY - 1 - i] = (float)i;
    }
    want = map_of(w, QN_STRING, want_keys, want_values, MANY);
    got = map_of(g, QN_STRING, got_keys, got_values, MANY);
    assert_true(compare(&got, &want, exact).equal);
    got_values[0] = -1;
    assert_string_equal(compare(&got, &want, exact).reason,
                        "at key \"99994\" expected 49999, got -1; 1 of 50000 elements differ");
    free(names);
    free(want_keys);
    free(got_keys);
    free(want_values);
    free(got_values);
}

static void deep_values_end_with_a_reason(void **state)
{
    struct qn_value levels[QN_VALUE_MAX_DEPTH + 2] = {{.kind = QN_TENSOR}};
    float x = 1;
    size_t last = COUNT(levels) - 1;

    (void)state;
    for (size_t i = 0; i < last; i++)
        levels[i] = (struct qn_value){.kind = QN_SEQUENCE, .items = &levels[i + 1], .n = 1};
    levels[last] = vector(QN_FLOAT, 1, &x);
    assert_true(compare(&levels[1], &levels[1], exact).equal);
    assert_false(compare(&levels[0], &levels[0], exact).equal);
}

static void the_longest_reason_is_cut(void **state)
{
    enum { DEPTH = QN_VALUE_MAX_DEPTH };
    struct qn_value want[DEPTH + 1], got[DEPTH + 1];
    char bytes[100];
    struct qn_str strings[2] = {{bytes, 100}, {bytes, 99}};
    struct qn_difference d;

    (void)state;
    memset(bytes, 'a', sizeof(bytes));
    for (size_t i = 0; i < DEPTH; i++) {
        want[i] = (struct qn_value){.kind = QN_SEQUENCE, .items = &want[i + 1], .n = 1};
        got[i] = (struct qn_value){.kind = QN_SEQUENCE, .items = &got[i + 1], .n = 1};
    }
    want[DEPTH] = (struct qn_value){.tensor = {QN_STRING, QN_MAX_RANK, {0}, &strings[0]}};
    for (int i = 0; i < QN_MAX_RANK; i++)
        want[DEPTH].tensor.dims[i] = 1;
    got[DEPTH] = want[DEPTH];
    got[DEPTH].tensor.data = &strings[1];
    d = compare(&got[0], &want[0], exact);
    assert_int_equal(strlen(d.reason), sizeof(d.reason) - 1);
    assert_memory_equal(d.reason, "item 0, item 0, ", 16);
    assert_non_null(strstr(d.reason, ": at [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0] expected \"aaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_tensors_are_equal),
        cmocka_unit_test(one_wrong_element_is_named),
        cmocka_unit_test(type_shape_and_kind_must_agree),
        cmocka_unit_test(tolerance_is_absolute_plus_relative),
        cmocka_unit_test(ulps_are_of_the_own_type),
        cmocka_unit_test(nan_matches_only_nan),
        cmocka_unit_test(infinities_match_by_sign_whatever_the_tolerance),
        cmocka_unit_test(integers_differ_exactly),
        cmocka_unit_test(booleans_compare_by_truth),
        cmocka_unit_test(complex_numbers_compare_by_modulus),
        cmocka_unit_test(strings_compare_byte_by_byte),
        cmocka_unit_test(cosine_is_of_all_finite_pairs),
        cmocka_unit_test(close_floats_are_told_apart_in_text),
        cmocka_unit_test(sequences_compare_item_by_item),
        cmocka_unit_test(maps_compare_by_key),
        cmocka_unit_test(large_maps_are_matched_in_any_order),
        cmocka_unit_test(deep_values_end_with_a_reason),
        cmocka_unit_test(the_longest_reason_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
