/* test_gemm.c: products of float32 and float64 against the obvious loops, bit for bit: every CPU level, operand form,
 * tile shape, tail, number of threads and way to end a sum; rows alone against rows among others; and float64 against
 * OpenBLAS, where that is found. */
#include <math.h>

#if defined(QN_HAVE_BLAS)
#include <cblas.h>
#endif

#include "kernels/kern_impl.h"

#include "ktest.h"

enum form { PACKED, PLAIN, TRANS, FILLED, N_FORMS };

/* The memory functions of ktest.h for n elements of either type; doubles are aligned to 8 bytes and not more. */
static void *alloc(enum qn_gemm_type type, size_t n)
{
    return type == QN_GEMM_F64 ? ktest_alloc(2 * n + 1) + 1 : ktest_alloc(n);
}

static void release(enum qn_gemm_type type, const void *p)
{
    if (p != NULL)
        ktest_free((const float *)p - (type == QN_GEMM_F64 ? 1 : 0));
}

static void check_guards(enum qn_gemm_type type, const void *p, size_t n)
{
    ktest_check_guards(p, n * qn_gemm_elem(type) / sizeof(float));
}

static double ktest_double(void) { return (double)(ktest_u64() >> 11) * 0x1p-51 - 2.0; }

static void *make_random(enum qn_gemm_type type, size_t n)
{
    void *p = alloc(type, n);

    for (size_t i = 0; i < n; i++) {
        if (type == QN_GEMM_F64)
            ((double *)p)[i] = ktest_double();
        else
            ((float *)p)[i] = ktest_float();
    }
    return p;
}

/* Equal bits; or nearly equal numbers, for sums of k terms of another order or for costly activations. */
static void compare(const struct qn_gemm *g, const void *got, const void *want, size_t n, bool exact)
{
    for (size_t i = 0; i < n; i++) {
        const bool wide = g->type == QN_GEMM_F64;
        const double x = wide ? ((const double *)got)[i] : (double)((const float *)got)[i];
        const double y = wide ? ((const double *)want)[i] : (double)((const float *)want)[i];

        if (exact ? memcmp(&x, &y, sizeof(x)) != 0
                  : !(fabs(x - y) <= (wide ? 1e-14 * (double)(g->k + 4) : 2e-6) * (1 + fabs(y))))
            fail_msg("%lldx%lldx%lld: element %zu of %zu is %a, wanted %a", (long long)g->m, (long long)g->n,
                     (long long)g->k, i, n, x, y);
    }
}

struct source { /* what fill() and fill_a() read: B row-major; A as it comes */
    const float *b;
    int64_t ldb;
    const float *a;
    int64_t lda;
    bool a_trans;
};

static void fill(const void *arg, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst)
{
    const struct source *s = arg;

    for (int64_t j = 0; j < n; j += QN_GEMM_PANEL)
        for (int64_t kk = 0; kk < k; kk++)
            for (int64_t i = 0; i < QN_GEMM_PANEL; i++)
                *dst++ = j + i < n ? s->b[(k0 + kk) * s->ldb + j0 + j + i] : 0;
}

static void fill_a(const void *arg, int64_t k0, int64_t k, int64_t i0, int64_t n, float *dst)
{
    const struct source *s = arg;

    assert_in_range(n, 1, QN_GEMM_PANEL);
    for (int64_t kk = k0; kk < k0 + k; kk++)
        for (int64_t i = i0; i < i0 + QN_GEMM_PANEL; i++)
            *dst++ = i - i0 >= n ? 0 : s->a_trans ? s->a[kk * s->lda + i] : s->a[i * s->lda + kk];
}

/* One product: shape, how the operands come, and what follows the sum. */
struct shape {
    enum qn_gemm_type type;
    int64_t m, n, k;
    enum form a, b;
    bool alpha, bias_col, bias_row, residual, in_place, c_trans;
    struct qn_act act;
};

static float *pack_a(const struct qn_gemm *g)
{
    size_t n_bytes;
    float *packed;

    assert_true(qn_gemm_pack_a_bytes(g->m, g->k, &n_bytes));
    packed = ktest_alloc(n_bytes / sizeof(float));
    qn_gemm_pack_a(g->m, g->k, g->a, g->lda, g->a_trans, packed);
    ktest_check_guards(packed, n_bytes / sizeof(float));
    return packed;
}

static void *pack_b(const struct qn_gemm *g)
{
    size_t n_bytes, n;
    void *packed;

    assert_true(qn_gemm_pack_b_bytes(g->type, g->k, g->n, &n_bytes));
    n = n_bytes / qn_gemm_elem(g->type);
    packed = alloc(g->type, n);
    qn_gemm_pack_b(g->type, g->k, g->n, g->b, g->ldb, g->b_trans, packed);
    check_guards(g->type, packed, n);
    return packed;
}

static bool costly(enum qn_act_kind kind) { return kind >= QN_ACT_SIGMOID; }

/* Whether the product is not the engine's own. */
static bool is_foreign(enum qn_gemm_type type) { return qn_isa()->gemm[type].whole != NULL; }

/* Runs g with n_threads into a fresh C of the given start, checks it against want and the guards. */
static void run_and_compare(struct qn_gemm g, int n_threads, const void *start, const void *want, size_t n_c)
{
    struct qn_work work = {.n_threads = n_threads, .pool = ktest_pool(n_threads)};
    void *c = alloc(g.type, n_c);
    float *data;
    size_t n_bytes;

    memcpy(c, start, n_c * qn_gemm_elem(g.type));
    if (g.residual == want) /* stands for "in place" */
        g.residual = c;
    g.c = c;
    assert_true(qn_gemm_bytes(&g, n_threads, &n_bytes));
    data = ktest_alloc((n_bytes + 3) / sizeof(float));
    work.data = data;
    qn_gemm(&g, &work);
    ktest_check_guards(data, (n_bytes + 3) / sizeof(float));
    check_guards(g.type, c, n_c);
    compare(&g, c, want, n_c, !costly(g.act.kind) && !is_foreign(g.type));
    ktest_free(data);
    release(g.type, c);
}

static void check(const struct shape *s)
{
    struct qn_gemm g = {
        .type = s->type, .m = s->m, .n = s->n, .k = s->k, .alpha = s->alpha ? 0.37 : 1.0, .act = s->act};
    const int64_t pad = ktest_range(0, 3);
    const int64_t c_rows = s->c_trans ? s->n : s->m, c_cols = s->c_trans ? s->m : s->n;
    const void *made[9] = {NULL};
    struct source source;
    void *want, *start;
    size_t n_c;

    g.a_trans = s->a == TRANS || (s->a == PACKED && ktest_range(0, 1) == 1);
    g.b_trans = s->b == TRANS || (s->b == PACKED && ktest_range(0, 1) == 1);
    g.lda = (g.a_trans ? s->m : s->k) + pad;
    g.ldb = (g.b_trans ? s->k : s->n) + pad;
    g.c_trans = s->c_trans;
    g.ldc = c_cols + pad;
    n_c = (size_t)((c_rows - 1) * g.ldc + c_cols);
    made[0] = g.a = make_random(s->type, (size_t)(((g.a_trans ? s->k : s->m) - 1) * g.lda + (g.a_trans ? s->m : s->k)));
    made[1] = g.b = make_random(s->type, (size_t)(((g.b_trans ? s->n : s->k) - 1) * g.ldb + (g.b_trans ? s->k : s->n)));
    made[2] = start = make_random(s->type, n_c);
    made[3] = want = alloc(s->type, n_c);
    memcpy(want, start, n_c * qn_gemm_elem(s->type));
    g.c = want;
    if (s->bias_col)
        made[4] = g.bias_col = make_random(s->type, (size_t)s->n);
    if (s->bias_row)
        made[5] = g.bias_row = make_random(s->type, (size_t)s->m);
    if (s->residual && s->in_place) {
        g.residual = want;
        g.ld_residual = g.ldc;
    } else if (s->residual) {
        g.ld_residual = c_cols + 1;
        made[6] = g.residual = make_random(s->type, (size_t)((c_rows - 1) * g.ld_residual + c_cols));
    }
    qn_gemm_ref(&g);
    if (s->a == PACKED)
        made[7] = g.a_packed = pack_a(&g);
    if (s->b == PACKED)
        made[8] = g.b_packed = pack_b(&g);
    source = (struct source){g.b, g.ldb, g.a, g.lda, g.a_trans};
    g.a_arg = g.b_arg = &source;
    if (s->a == FILLED)
        g.a_fill = fill_a;
    if (s->b == FILLED)
        g.b_fill = fill;
    for (int n_threads = 1; n_threads <= 3; n_threads++)
        run_and_compare(g, n_threads, start, want, n_c);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        release(s->type, made[i]);
}

static const struct qn_act acts[] = {{QN_ACT_NONE, 0, 0},
                                     {QN_ACT_RELU, 0, 0},
                                     {QN_ACT_CLIP, -0.5f, 1.25f},
                                     {QN_ACT_LEAKY, 0.1f, 0},
                                     {QN_ACT_HARDSIGMOID, .2f, .5f},
                                     {QN_ACT_HARDSWISH, 0, 0},
                                     {QN_ACT_SIGMOID, 0, 0},
                                     {QN_ACT_TANH, 0, 0},
                                     {QN_ACT_SILU, 1, 0},
                                     {QN_ACT_GELU, 0, 0},
                                     {QN_ACT_GELU_TANH, 0, 0},
                                     {QN_ACT_ELU, 1.3f, 0}};

static enum qn_gemm_type type_under_test;

/* What float64 does not have is replaced by something it has. */
static void limit(struct shape *s)
{
    if (s->type == QN_GEMM_F32)
        return;
    s->a = s->a == TRANS ? TRANS : PLAIN;
    s->b = s->b == FILLED ? PACKED : s->b;
    s->c_trans = false;
    s->act.kind = QN_ACT_NONE;
}

static struct shape random_shape(int64_t m, int64_t n, int64_t k)
{
    struct shape s = {.type = type_under_test, .m = m, .n = n, .k = k};

    s.a = (enum form)ktest_range(0, FILLED);
    s.b = (enum form)ktest_range(0, FILLED);
    s.alpha = ktest_range(0, 3) == 0;
    s.bias_col = ktest_range(0, 1) == 0;
    s.bias_row = ktest_range(0, 1) == 0;
    s.residual = ktest_range(0, 1) == 0;
    s.in_place = ktest_range(0, 1) == 0;
    s.c_trans = ktest_range(0, 3) == 0;
    s.act = acts[ktest_range(0, (int64_t)(sizeof(acts) / sizeof(acts[0])) - 1)];
    limit(&s);
    return s;
}

/* Every height of tile with every form of A and B and every tail of columns. */
static void tails(void)
{
    for (int64_t m = 1; m <= 30; m++) {
        for (int64_t n = 1; n <= 66; n += ktest_slow() ? ktest_range(1, 9) : n < 34 ? 1 : 7) {
            const struct shape s = random_shape(m, n, ktest_range(1, 9));

            check(&s);
        }
    }
}

static void forms(void)
{
    for (enum form a = PACKED; a <= FILLED; a++) {
        for (enum form b = PACKED; b <= FILLED; b++) {
            for (int64_t m = 1; m <= 17; m += ktest_slow() ? 3 : 1) {
                struct shape s = random_shape(m, ktest_range(1, 180), ktest_range(1, 40));

                s.a = a;
                s.b = b;
                limit(&s);
                check(&s);
            }
        }
    }
}

static void activations(void)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        struct shape s = random_shape(13, 50, 5);

        s.act = acts[i];
        check(&s);
        s.n = 48;
        check(&s);
    }
}

/* Several blocks of k, of rows and of columns; big enough for threads. */
static void blocks(void)
{
    static const int64_t sizes[][3] = {{150, 70, 700}, {5, 600, 330}, {1, 1000, 900},  {64, 530, 321},
                                       {300, 33, 150}, {3, 40, 9000}, {14, 300, 1200}, {29, 260, 641}};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int repeat = 0; repeat < (ktest_slow() ? 1 : 4); repeat++) {
            const struct shape s = random_shape(sizes[i][0], sizes[i][1], sizes[i][2]);

            check(&s);
        }
    }
}

static void every_level(void **state)
{
    (void)state;
    type_under_test = QN_GEMM_F32;
    ktest_each_level(tails);
    ktest_each_level(forms);
    ktest_each_level(activations);
    ktest_each_level(blocks);
}

static void every_level_f64(void **state)
{
    (void)state;
    type_under_test = QN_GEMM_F64;
    ktest_each_level(tails);
    ktest_each_level(forms);
    ktest_each_level(blocks);
}

/* A row has the same bits alone and at every place among others, whatever thread meets it. */
static void rows_alone_of(enum qn_gemm_type type)
{
    enum { M = 61, N = 37, K = 500 };
    const size_t row_bytes = N * qn_gemm_elem(type);
    struct qn_gemm g = {.type = type, .m = M, .n = N, .k = K, .lda = K, .ldb = N, .ldc = N, .alpha = 1};
    char *a = make_random(type, M * K), *b = make_random(type, K * N), *all = alloc(type, M * N), *one = alloc(type, N);
    void *packed;

    g.a = a;
    g.b = b;
    g.b_packed = packed = pack_b(&g);
    for (int64_t m = 1; m <= M; m += 7) {
        const int n_threads = m % 3 == 0 ? 3 : 2;
        struct qn_work work = {.n_threads = n_threads, .pool = ktest_pool(n_threads)};
        size_t n_bytes;

        g.m = m;
        g.a = a;
        g.c = all;
        assert_true(qn_gemm_bytes(&g, n_threads, &n_bytes));
        work.data = ktest_alloc(n_bytes / sizeof(float) + 1);
        qn_gemm(&g, &work);
        for (int64_t i = 0; i < m; i++) {
            g.m = 1;
            g.a = a + (size_t)i * K * qn_gemm_elem(type);
            g.c = one;
            qn_gemm(&g, &(struct qn_work){.n_threads = 1, .data = work.data});
            assert_memory_equal(one, all + (size_t)i * row_bytes, row_bytes);
        }
        ktest_free(work.data);
    }
    release(type, packed);
    release(type, a);
    release(type, b);
    release(type, all);
    release(type, one);
}

static void rows_alone_body(void)
{
    for (enum qn_gemm_type type = QN_GEMM_F32; type < QN_N_GEMM_TYPES; type++)
        if (!is_foreign(type))
            rows_alone_of(type);
}

static void rows_alone(void **state)
{
    (void)state;
    ktest_each_level(rows_alone_body);
}

/* k 0 is a sum of nothing; m or n 0 touches nothing. */
static void empty_body(void)
{
    const float bias[3] = {1, -2, 3};
    float c[6] = {9, 9, 9, 9, 9, 9};
    struct qn_gemm g = {.m = 2, .n = 3, .k = 0, .lda = 1, .ldb = 3, .ldc = 3, .c = c, .alpha = 1, .bias_col = bias};
    const struct qn_work work = {.n_threads = 1};

    g.act.kind = QN_ACT_RELU;
    qn_gemm(&g, &work);
    for (int i = 0; i < 6; i++)
        assert_true(c[i] == (i % 3 == 1 ? 0.0f : bias[i % 3]));
    g.m = 0;
    qn_gemm(&g, &work);
    g.m = 2;
    g.n = 0;
    qn_gemm(&g, &work);
    assert_true(c[0] == 1);
}

static void empty(void **state)
{
    (void)state;
    ktest_each_level(empty_body);
}

/* NaN and infinity come through, also next to the zero columns of a partial panel. */
static void special_body(void)
{
    float a[5] = {1, INFINITY, 0, -1, 2}, b[5 * 3], c[3], want[3], *packed;
    struct qn_gemm g = {.m = 1, .n = 3, .k = 5, .a = a, .lda = 5, .b = b, .ldb = 3, .c = want, .ldc = 3, .alpha = 1};
    const struct qn_work work = {.n_threads = 1};

    for (int i = 0; i < 15; i++)
        b[i] = (float)(i + 1);
    b[7] = NAN; /* times 0 */
    g.act.kind = QN_ACT_RELU;
    qn_gemm_ref(&g);
    assert_true(isinf(want[0]) && isnan(want[1]) && isinf(want[2]));
    g.b_packed = packed = pack_b(&g);
    g.c = c;
    qn_gemm(&g, &work);
    assert_true(isinf(c[0]) && isnan(c[1]) && isinf(c[2]));
    ktest_free(packed);
}

static void special(void **state)
{
    (void)state;
    ktest_each_level(special_body);
}

static void overflow(void **state)
{
    size_t n;

    (void)state;
    for (enum qn_gemm_type type = QN_GEMM_F32; type < QN_N_GEMM_TYPES; type++) {
        assert_false(qn_gemm_pack_b_bytes(type, INT64_MAX / 2, INT64_MAX / 2, &n));
        assert_false(qn_gemm_pack_b_bytes(type, INT64_MAX, 1, &n));
    }
    assert_false(qn_gemm_pack_a_bytes(INT64_MAX / 2, INT64_MAX / 2, &n));
    assert_true(qn_gemm_pack_b_bytes(QN_GEMM_F32, 3, 17, &n));
    assert_int_equal(n, 3 * 32 * sizeof(float));
}

#if defined(QN_HAVE_BLAS)
/* Another library's answer: the same numbers but for rounding. */
static void against_blas_body(void)
{
    static const int64_t sizes[][3] = {{1, 1, 1}, {1, 300, 64}, {40, 39, 41}, {130, 70, 600}, {33, 1, 1000}};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const int64_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        struct qn_gemm g = {
            .type = QN_GEMM_F64, .m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n, .ld_residual = n, .alpha = 1.5};
        double *a = make_random(QN_GEMM_F64, (size_t)(m * k)), *b = make_random(QN_GEMM_F64, (size_t)(k * n));
        double *c = make_random(QN_GEMM_F64, (size_t)(m * n)), *want = alloc(QN_GEMM_F64, (size_t)(m * n));
        size_t n_bytes;
        void *data;

        memcpy(want, c, (size_t)(m * n) * sizeof(*c));
        g.a = a;
        g.b = b;
        g.residual = g.c = c;
        assert_true(qn_gemm_bytes(&g, 1, &n_bytes));
        data = ktest_alloc(n_bytes / sizeof(float) + 1);
        qn_gemm(&g, &(struct qn_work){.n_threads = 1, .data = data});
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, g.alpha, a, (int)k, b, (int)n, 1,
                    want, (int)n);
        compare(&g, c, want, (size_t)(m * n), false);
        ktest_free(data);
        release(QN_GEMM_F64, a);
        release(QN_GEMM_F64, b);
        release(QN_GEMM_F64, c);
        release(QN_GEMM_F64, want);
    }
}

static void against_blas(void **state)
{
    (void)state;
    openblas_set_num_threads(1);
    ktest_each_level(against_blas_body);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level),
        cmocka_unit_test(every_level_f64),
        cmocka_unit_test(rows_alone),
        cmocka_unit_test(empty),
        cmocka_unit_test(special),
        cmocka_unit_test(overflow),
#if defined(QN_HAVE_BLAS)
        cmocka_unit_test(against_blas),
#endif
    };

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
