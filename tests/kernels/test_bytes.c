/* test_bytes.c: products of bytes and their rows, every CPU level against sums worked out one by one. */
#include <math.h>

#include "ktest.h"

static uint8_t *random_bytes(size_t n)
{
    uint8_t *bytes = malloc(n + 1);
    bool extreme = ktest_range(0, 3) == 0;

    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = extreme ? (uint8_t)(ktest_range(0, 1) * 255) ^ (uint8_t)(ktest_range(0, 1) * 128)
                           : (uint8_t)ktest_range(0, 255);
    return bytes;
}

static int32_t value_of(uint8_t byte, enum qn_bytes_form form) { return form == QN_BYTES_S8 ? (int8_t)byte : byte; }

/* As packed: rows int8, columns uint8. */
static int32_t row_value(uint8_t byte, enum qn_bytes_form form)
{
    return value_of(byte, form) - (form == QN_BYTES_U8 ? 128 : 0);
}
static int32_t column_value(uint8_t byte, enum qn_bytes_form form)
{
    return value_of(byte, form) + (form == QN_BYTES_S8 ? 128 : 0);
}

static void check_product(void)
{
    const int64_t m = ktest_range(1, 9), n = ktest_range(1, 150), k = ktest_range(1, 300);
    const int64_t words = qn_bytes_words(k, qn_bytes_depth()), n_panels = (n + 15) / 16, ldc = n_panels * 16 + 3;
    const int64_t panel_bytes = qn_bytes_panel_bytes(words), half = k / 2 / qn_bytes_depth() * qn_bytes_depth();
    enum qn_bytes_form a_form = (enum qn_bytes_form)ktest_range(0, 1), b_form = (enum qn_bytes_form)ktest_range(0, 1);
    uint8_t *a = random_bytes((size_t)(m * k)), *b = random_bytes((size_t)(k * n));
    char *rows = malloc((size_t)(m * words * 4)), *panels = malloc((size_t)(n_panels * panel_bytes));
    int32_t *c = malloc((size_t)(m * ldc) * sizeof(*c)), *sums = malloc((size_t)(n_panels * 16) * sizeof(*sums));

    for (int64_t i = 0; i < m; i++) {
        int32_t sum = 0;

        for (int64_t x = 0; x < k; x++)
            sum += row_value(a[i * k + x], a_form);
        assert_int_equal(qn_bytes_pack_row(rows + i * words * 4, a + i * k, a_form, k), sum);
    }
    memset(panels, 0x77, (size_t)(n_panels * panel_bytes));
    qn_bytes_pack_columns(panels, panel_bytes, b, n, b_form, half, n);
    qn_bytes_pack_columns(panels + qn_bytes_panel_bytes(half / qn_bytes_depth()), panel_bytes, b + half * n, n, b_form,
                          k - half, n);
    qn_bytes_product(m, n_panels, words, rows, panels, c, ldc);
    qn_bytes_column_sums(panels, words, k, n_panels, sums);
    for (int64_t j = 0; j < n; j++) {
        int32_t sum = 0;

        for (int64_t x = 0; x < k; x++)
            sum += column_value(b[x * n + j], b_form);
        assert_int_equal(sums[j], sum);
        for (int64_t i = 0; i < m; i++) {
            sum = 0;
            for (int64_t x = 0; x < k; x++)
                sum += row_value(a[i * k + x], a_form) * column_value(b[x * n + j], b_form);
            assert_int_equal(c[i * ldc + j], sum);
        }
    }
    free(a), free(b), free(rows), free(panels), free(c), free(sums);
}

static float rounded(float x, float low)
{
    x = x > low ? x : low;
    return rintf(x < low + 255 ? x : low + 255);
}

static void check_rows(void)
{
    const int64_t n = ktest_range(1, 100);
    enum qn_bytes_form form = (enum qn_bytes_form)ktest_range(0, 1);
    const int32_t zero = (int32_t)ktest_range(0, 255) - (form == QN_BYTES_S8 ? 128 : 0);
    const float low = (float)(form == QN_BYTES_S8 ? -128 - zero : -zero);
    struct qn_bytes_finish finish = {.form = form, .add = (uint32_t)ktest_range(-1000, 1000), .zero = zero};
    int32_t sums[100], add[100], mul[100];
    float scale[100], back[100];
    uint8_t dst[101], *src = random_bytes((size_t)n);

    finish.by_column = ktest_range(0, 1);
    finish.mul = (uint32_t)ktest_range(-9, 9);
    finish.column_add = ktest_range(0, 1) ? add : NULL;
    finish.column_mul = ktest_range(0, 1) ? mul : NULL;
    finish.scale = scale;
    for (int i = 0; i < n; i++) {
        sums[i] = (int32_t)ktest_range(-30000, 30000);
        add[i] = (int32_t)ktest_range(-1000, 1000);
        mul[i] = (int32_t)ktest_range(-1000, 1000);
        scale[i] = ktest_range(0, 9) ? ldexpf(ktest_float(), -8) : ktest_range(0, 1) ? 0.5f : NAN;
    }
    for (int pass = 0; pass < 3; pass++) {
        int32_t want[100], work[100];
        float x[100];

        dst[n] = 0xa5;
        for (int i = 0; i < n; i++) {
            int32_t sum = sums[i] + (int32_t)finish.add + (finish.column_add ? add[i] : 0) +
                          (finish.column_mul ? (int32_t)finish.mul * mul[i] : 0);
            float s = scale[finish.by_column ? i : 0];

            x[i] = (float)sums[i] * 0.125f;
            want[i] = (int32_t)rounded(pass == 0   ? (float)sum * s
                                       : pass == 1 ? x[i] / scale[0]
                                                   : x[i] * scale[0],
                                       low) +
                      zero;
        }
        memcpy(work, sums, sizeof(work));
        if (pass == 0)
            qn_bytes_finish(dst, work, n, &finish);
        else if (pass == 1)
            qn_bytes_quantise(dst, form, x, scale[0], zero, n);
        else
            qn_bytes_scale(dst, form, x, scale[0], zero, n);
        for (int i = 0; i < n; i++)
            assert_int_equal(value_of(dst[i], form), want[i]);
        assert_int_equal(dst[n], 0xa5);
    }
    qn_bytes_dequantise(back, form, src, 0.37f, zero, n);
    for (int i = 0; i < n; i++)
        assert_true(back[i] == (float)(value_of(src[i], form) - zero) * 0.37f);
    free(src);
}

static void check_all(void)
{
    for (int i = 0; i < 100; i++) {
        check_product();
        check_rows();
    }
}

static void all_levels(void **state)
{
    (void)state;
    ktest_each_level(check_all);
}

static void sums_wrap_nowhere(void **state)
{
    const int64_t n = 20000000;
    uint8_t *bytes = malloc((size_t)n);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 255, (size_t)n);
    assert_int_equal(qn_bytes_sum(QN_BYTES_U8, bytes, n), 255 * n);
    assert_int_equal(qn_bytes_sum(QN_BYTES_S8, bytes, n), -n);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_levels), cmocka_unit_test(sums_wrap_nowhere)};

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
