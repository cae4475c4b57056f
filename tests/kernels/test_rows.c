/* test_rows.c: the row functions of every CPU level: error in units in the last place against double precision, special
 * values, the same bits at every position and tail, sums with the same bits everywhere, guards, in place. */
#include <float.h>
#include <math.h>

#include "ktest.h"

/* ---- element-wise against double ---- */

static double sigmoid64(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

struct unary {
    const char *name;
    size_t offset; /* of the function in struct qn_kern */
    double (*exact)(double x);
    uint32_t max_ulps;
};

#define ROW(name) #name, offsetof(struct qn_kern, name)
static const struct unary unaries[] = {
    {ROW(exp), exp, 2}, {ROW(log), log, 2},  {ROW(tanh), tanh, 4}, {ROW(sigmoid), sigmoid64, 4},
    {ROW(erf), erf, 4}, {ROW(abs), fabs, 0}, {ROW(sqrt), sqrt, 0},
};
enum { N_UNARIES = sizeof(unaries) / sizeof(unaries[0]) };

static qn_row_unary *function_of(const struct unary *u)
{
    qn_row_unary *f;

    memcpy(&f, (const char *)qn_kern() + u->offset, sizeof(f));
    return f;
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static const uint32_t special_bits[] = {0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000,
                                        0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
                                        0x3f800000, 0xbf800000, 0x42b17218, 0xc2cff1b5, 0xc2aeac50, 0x3f200000};

/* All of a stride of the floats, and those near the edges of a function. */
static void ulps_body(void)
{
    enum { N = 1024 };
    float x[N], y[N];

    for (size_t u = 0; u < N_UNARIES; u++) {
        qn_row_unary *f = function_of(&unaries[u]);
        uint32_t worst = 0, at = 0;

        for (uint64_t start = ktest_u64() % 8009; start < 1ull << 32; start += 8009ull * N) {
            for (int i = 0; i < N; i++)
                x[i] = float_of((uint32_t)(start + 8009u * (uint64_t)i));
            if (start < 8009)
                for (size_t i = 0; i < sizeof(special_bits) / sizeof(special_bits[0]); i++)
                    x[i] = float_of(special_bits[i]);
            f(y, x, N);
            for (int i = 0; i < N; i++) {
                const float want = (float)unaries[u].exact((double)x[i]);
                const uint32_t d = ktest_ulps(y[i], want);

                if (d > worst) {
                    worst = d;
                    memcpy(&at, &x[i], sizeof(at));
                }
            }
        }
        printf("  %s %s: %u ULP at %a\n", qn_kern()->name, unaries[u].name, worst, (double)float_of(at));
        if (worst > unaries[u].max_ulps)
            fail_msg("%s: %u ULP at %a", unaries[u].name, worst, (double)float_of(at));
    }
}

static void ulps(void **state)
{
    (void)state;
    ktest_each_level(ulps_body);
}

/* ---- activations ---- */

static double act64(double x, const struct qn_act *act)
{
    const double a = (double)act->a, b = (double)act->b;

    switch (act->kind) {
    case QN_ACT_RELU:
        return x < 0 ? 0 : x;
    case QN_ACT_CLIP:
        return x < a ? a : x > b ? b : x;
    case QN_ACT_LEAKY:
        return x < 0 ? a * x : x;
    case QN_ACT_HARDSIGMOID:
        return fmin(fmax(a * x + b, 0), 1);
    case QN_ACT_HARDSWISH:
        return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case QN_ACT_SIGMOID:
        return sigmoid64(x);
    case QN_ACT_TANH:
        return tanh(x);
    case QN_ACT_SILU:
        return x * sigmoid64(a * x);
    case QN_ACT_GELU:
        return x / 2 * (1 + erf(x / sqrt(2)));
    case QN_ACT_GELU_TANH:
        return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case QN_ACT_ELU:
        return x < 0 ? a * expm1(x) : x;
    default:
        return x;
    }
}

static void acts_body(void)
{
    enum { N = 4001 };
    static float x[N], y[N];

    for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * 0.0073f;
    x[3] = NAN;
    for (int kind = 0; kind < QN_N_ACT; kind++) {
        const struct qn_act act = {(enum qn_act_kind)kind, kind == QN_ACT_CLIP ? -1.5f : 0.7f, 1.3f};

        qn_kern()->act(y, x, N, &act);
        for (int i = 0; i < N; i++) {
            const double want = act64((double)x[i], &act);

            if (i == 3)
                assert_true(isnan(y[i]));
            else if (!(fabs((double)y[i] - want) <= 4e-7 * (1 + fabs(want))))
                fail_msg("activation %d of %g is %g, wanted %g", kind, (double)x[i], (double)y[i], want);
        }
    }
}

/* An element has the same bits wherever it stands, whatever follows, in place or not. */
static void positions_body(void)
{
    enum { N = 70 };
    float *x = ktest_random(N), whole[N];

    for (size_t u = 0; u < N_UNARIES + QN_N_ACT; u++) {
        const struct qn_act act = {(enum qn_act_kind)(u < N_UNARIES ? 0 : u - N_UNARIES), 0.7f, 1.3f};
        qn_row_unary *f = u < N_UNARIES ? function_of(&unaries[u]) : NULL;

        for (int i = 0; i < N; i++) { /* one at a time */
            if (f != NULL)
                f(&whole[i], &x[i], 1);
            else
                qn_kern()->act(&whole[i], &x[i], 1, &act);
        }
        for (size_t n = 0; n <= 34; n++) {
            const size_t start = (size_t)ktest_range(0, N - 34);
            float *y = ktest_alloc(n), *same = ktest_alloc(n);

            memcpy(same, x + start, n * sizeof(float));
            if (f != NULL) {
                f(y, x + start, n);
                f(same, same, n);
            } else {
                qn_kern()->act(y, x + start, n, &act);
                qn_kern()->act(same, same, n, &act);
            }
            ktest_same_bits(y, whole + start, n, "position");
            ktest_same_bits(same, whole + start, n, "in place");
            ktest_check_guards(y, n);
            ktest_check_guards(same, n);
            ktest_free(y);
            ktest_free(same);
        }
    }
    ktest_free(x);
}

static void acts(void **state)
{
    (void)state;
    ktest_each_level(acts_body);
    ktest_each_level(positions_body);
}

/* ---- two operands: exact at every level ---- */

static void binary_body(void)
{
    const struct qn_kern *k = qn_kern(), *ref = qn_kern_ref();

    for (size_t n = 0; n <= 40; n++) {
        float *a = ktest_random(n), *b = ktest_random(n), *c = ktest_random(n), *want = ktest_alloc(n), *y;
        const float s = ktest_float(), t = ktest_float();

        if (n > 4) {
            a[1] = NAN;
            b[2] = NAN;
            a[3] = b[3] = INFINITY;
            b[4] = 0;
        }
#define BOTH(call, text)                                                                                               \
    do {                                                                                                               \
        y = ktest_alloc(n);                                                                                            \
        memcpy(y, c, n * sizeof(float));                                                                               \
        memcpy(want, c, n * sizeof(float));                                                                            \
        {                                                                                                              \
            const struct qn_kern *q = ref;                                                                             \
            float *d = want;                                                                                           \
            call;                                                                                                      \
        }                                                                                                              \
        {                                                                                                              \
            const struct qn_kern *q = k;                                                                               \
            float *d = y;                                                                                              \
            call;                                                                                                      \
        }                                                                                                              \
        ktest_check_guards(y, n);                                                                                      \
        for (size_t i = 0; i < n; i++)                                                                                 \
            if (ktest_ulps(y[i], want[i]) != 0)                                                                        \
                fail_msg("%s: element %zu of %zu is %g, wanted %g", text, i, n, (double)y[i], (double)want[i]);        \
        ktest_free(y);                                                                                                 \
    } while (0)
        for (int op = 0; op < QN_N_BINARY; op++) {
            BOTH(q->vv[op](d, a, b, n), "vv");
            BOTH(q->vs[op](d, a, s, n), "vs");
            BOTH(q->sv[op](d, s, b, n), "sv");
            BOTH(q->vv[op](d, d, b, n), "vv in place");
        }
        BOTH(q->vs[QN_MAX](d, a, NAN, n), "max with NaN");
        BOTH(q->scale_shift(d, a, s, t, n), "scale_shift");
        BOTH(q->scale_shift_vv(d, a, b, c, n), "scale_shift_vv");
        BOTH(q->scale_shift_vv(d, a, b, NULL, n), "scale_vv");
        BOTH(q->axpy(d, s, b, n), "axpy");
        BOTH(q->neg(d, a, n), "neg");
        BOTH(q->reciprocal(d, a, n), "reciprocal");
        ktest_free(a);
        ktest_free(b);
        ktest_free(c);
        ktest_free(want);
    }
}

static void binary(void **state)
{
    (void)state;
    ktest_each_level(binary_body);
    /* the reference itself */
    assert_int_equal(QN_N_BINARY, 6);
    for (int op = 0; op < QN_N_BINARY; op++) {
        static const float wants[] = {5, -1, 6, 2.0f / 3.0f, 3, 2};
        const float a = 2, b = 3;
        float y;

        qn_kern_ref()->vv[op](&y, &a, &b, 1);
        assert_true(y == wants[op]);
        qn_kern_ref()->vs[op](&y, &a, 3, 1);
        assert_true(y == wants[op]);
        qn_kern_ref()->sv[op](&y, 2, &b, 1);
        assert_true(y == wants[op]);
    }
}

/* ---- reductions ---- */

static void reductions_body(void)
{
    const struct qn_kern *k = qn_kern(), *ref = qn_kern_ref();

    for (size_t n = 0; n <= 10000; n += n < 140 ? 1 : 977) {
        float *a = ktest_random(n), *b = ktest_random(n);
        double sum = 0, sq = 0;
        float top = -INFINITY;

        for (size_t i = 0; i < n; i++) {
            sum += (double)a[i];
            sq += (double)a[i] * (double)a[i];
            top = a[i] > top ? a[i] : top;
        }
        assert_true(fabs((double)k->sum(a, n) - sum) <= 1e-5 + 1e-7 * (double)n);
        assert_true(fabs((double)k->sum_sq(a, n) - sq) <= 1e-5 + 1e-6 * sq);
        assert_true(k->max(a, n) == top);
        assert_true(k->min(a, n) == ref->min(a, n));
        assert_true(k->sum(a, n) == ref->sum(a, n));
        assert_true(k->sum_sq(a, n) == ref->sum_sq(a, n));
        assert_true(k->sum_abs(a, n) == ref->sum_abs(a, n));
        assert_true(k->sum_sq_diff(a, 0.3f, n) == ref->sum_sq_diff(a, 0.3f, n));
        assert_true(k->dot(a, b, n) == ref->dot(a, b, n));
        if (n > 0) {
            a[ktest_range(0, (int64_t)n - 1)] = NAN;
            assert_true(isnan(k->max(a, n)) && isnan(k->min(a, n)) && isnan(k->sum(a, n)));
        }
        ktest_free(a);
        ktest_free(b);
    }
}

static void reductions(void **state)
{
    (void)state;
    ktest_each_level(reductions_body);
}

/* ---- normalisations ---- */

static void near(const float *got, const double *want, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= 3e-6 * (1 + fabs(want[i]))))
            fail_msg("%s: element %zu of %zu is %g, wanted %g", what, i, n, (double)got[i], want[i]);
}

static void softmax_of(const float *x, const float *mask, double scale, size_t n, double *y, double *log_y)
{
    double top = -INFINITY, total = 0;

    for (size_t i = 0; i < n; i++) {
        y[i] = (double)x[i] * scale + (mask == NULL ? 0 : (double)mask[i]);
        top = fmax(top, y[i]);
    }
    for (size_t i = 0; i < n; i++)
        total += exp(y[i] - top);
    for (size_t i = 0; i < n; i++) {
        log_y[i] = y[i] - top - log(total);
        y[i] = exp(log_y[i]);
    }
}

static void norms_body(void)
{
    const struct qn_kern *k = qn_kern();

    for (size_t n = 1; n <= 1100; n += n < 70 ? 1 : 103) {
        float *x = ktest_random(n), *mask = ktest_random(n), *scale = ktest_random(n), *bias = ktest_random(n);
        float *y = ktest_alloc(n), mean, inv;
        double *want = calloc(2 * n, sizeof(*want)), m = 0, v = 0, sq = 0;

        softmax_of(x, NULL, 1, n, want, want + n);
        k->softmax(y, x, NULL, 1, n);
        near(y, want, n, "softmax");
        k->log_softmax(y, x, n);
        near(y, want + n, n, "log_softmax");
        mask[n / 2] = n > 1 ? -INFINITY : 0;
        softmax_of(x, mask, 0.5, n, want, want + n);
        k->softmax(y, x, mask, 0.5f, n);
        near(y, want, n, "masked softmax");
        for (size_t i = 0; i < n; i++) {
            m += (double)x[i] / (double)n;
            sq += (double)x[i] * (double)x[i] / (double)n;
        }
        for (size_t i = 0; i < n; i++)
            v += ((double)x[i] - m) * ((double)x[i] - m) / (double)n;
        for (size_t i = 0; i < n; i++) {
            want[i] = ((double)x[i] - m) / sqrt(v + 1e-3) * (double)scale[i] + (double)bias[i];
            want[n + i] = (double)x[i] / sqrt(sq + 1e-3) * (double)scale[i];
        }
        k->layernorm(y, x, scale, bias, 1e-3f, n, &mean, &inv);
        near(y, want, n, "layernorm");
        near(&mean, &m, 1, "mean");
        assert_true(fabs((double)inv * sqrt(v + 1e-3) - 1) < 1e-5);
        k->rmsnorm(y, x, scale, 1e-3f, n);
        near(y, want + n, n, "rmsnorm");
        k->layernorm(y, x, NULL, NULL, 1e-3f, n, NULL, NULL);
        for (size_t i = 0; i < n; i++)
            want[i] = ((double)x[i] - m) / sqrt(v + 1e-3);
        near(y, want, n, "layernorm without scale");
        ktest_check_guards(y, n);
        free(want);
        ktest_free(x);
        ktest_free(mask);
        ktest_free(scale);
        ktest_free(bias);
        ktest_free(y);
    }
}

static void norm_specials_body(void)
{
    float x[20], y[20];

    for (int i = 0; i < 20; i++)
        x[i] = -INFINITY;
    qn_kern()->softmax(y, x, NULL, 1, 20);
    assert_true(isnan(y[0]) && isnan(y[19]));
    x[7] = 3;
    qn_kern()->softmax(y, x, NULL, 1, 20);
    assert_true(y[0] == 0 && y[7] == 1 && y[19] == 0);
    x[9] = NAN;
    qn_kern()->softmax(y, x, NULL, 1, 20);
    assert_true(isnan(y[0]) && isnan(y[9]));
    for (int i = 0; i < 20; i++)
        x[i] = 1e30f;
    qn_kern()->softmax(y, x, NULL, 1, 20);
    assert_true(fabsf(y[3] - 0.05f) < 1e-7f);
}

static void norms(void **state)
{
    (void)state;
    ktest_each_level(norms_body);
    ktest_each_level(norm_specials_body);
}

/* ---- moves and conversions ---- */

static void transpose_body(void)
{
    for (int round = 0; round < 200; round++) {
        const int64_t rows = ktest_range(0, 40), cols = ktest_range(0, 40), ld_src = cols + ktest_range(0, 3);
        const int64_t ld_dst = rows + ktest_range(0, 3);
        const size_t n = (size_t)(cols == 0 ? 0 : (cols - 1) * ld_dst + rows);
        float *src = ktest_random((size_t)(rows * ld_src)), *dst = ktest_alloc(n), *want = ktest_alloc(n);

        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++)
                want[c * ld_dst + r] = src[r * ld_src + c];
        qn_kern()->transpose_4b(dst, ld_dst, src, ld_src, rows, cols);
        assert_memory_equal(dst, want, n * sizeof(float));
        ktest_check_guards(dst, n);
        ktest_free(src);
        ktest_free(dst);
        ktest_free(want);
    }
}

static void conversions_body(void)
{
    const struct qn_kern *k = qn_kern(), *ref = qn_kern_ref();
    static uint16_t halves[65536 + 3], back[65536 + 3];
    static float wide[65536 + 3], want[65536 + 3];

    for (uint32_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    k->f16_to_f32(wide, halves, 65536);
    ref->f16_to_f32(want, halves, 65536);
    assert_memory_equal(wide, want, 65536 * sizeof(float));
    k->f32_to_f16(back, wide, 65536);
    for (uint32_t i = 0; i < 65536; i++)
        if (!isnan(wide[i]))
            assert_int_equal(back[i], i);
    k->bf16_to_f32(wide, halves, 65536);
    k->f32_to_bf16(back, wide, 65536);
    for (uint32_t i = 0; i < 65536; i++)
        if (!isnan(wide[i]))
            assert_int_equal(back[i], i);
    /* Halfway cases and everything between: against the reference, which is itself checked by neighbours below. */
    for (int round = 0; round < 40; round++) {
        const size_t n = (size_t)ktest_range(0, 3000);

        for (size_t i = 0; i < n; i++) {
            const uint32_t bits = (uint32_t)ktest_u64();

            wide[i] = float_of(i % 2 == 0 ? bits : 0x38000000u + (bits & 0x0fffe000u) + 0x1000u * (bits & 1));
        }
        back[n] = 0x1234;
        k->f32_to_f16(back, wide, n);
        assert_int_equal(back[n], 0x1234);
        ref->f32_to_f16(halves, wide, n);
        assert_memory_equal(back, halves, n * sizeof(*back));
        k->f16_to_f32(want, back, n);
        for (size_t i = 0; i < n; i++)
            if (fabsf(wide[i]) < 65504)
                assert_true(fabs((double)want[i] - (double)wide[i]) <=
                            fmax(fabs((double)wide[i]) * 0x1p-11, 0x1p-25)); /* half a unit */
        k->f32_to_bf16(back, wide, n);
        k->bf16_to_f32(want, back, n);
        for (size_t i = 0; i < n; i++)
            if (fabsf(wide[i]) < 0x1p127f)
                assert_true(fabs((double)want[i] - (double)wide[i]) <= fmax(fabs((double)wide[i]) * 0x1p-8, 0x1p-134));
    }
    assert_true(isnan(wide[0] = NAN));
    k->f32_to_f16(back, wide, 1);
    assert_int_equal(back[0] & 0x7e00, 0x7e00);
    k->f32_to_bf16(back, wide, 1);
    assert_int_equal(back[0] & 0x7fc0, 0x7fc0);
}

static void moves(void **state)
{
    (void)state;
    ktest_each_level(transpose_body);
    ktest_each_level(conversions_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ulps),       cmocka_unit_test(acts),  cmocka_unit_test(binary),
                                       cmocka_unit_test(reductions), cmocka_unit_test(norms), cmocka_unit_test(moves)};

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
