/* test_gemm.c: the float32 product against the obvious loops, bit for bit: every CPU level, operand form, tile shape,
 * tail, number of threads and way to end a sum; and the float64 product against its own. */
#include <math.h>

#include "ktest.h"

enum form { PACKED, PLAIN, TRANS, FILLED, N_FORMS };

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

static float *pack_b(const struct qn_gemm *g)
{
    size_t n_bytes;
    float *packed;

    assert_true(qn_gemm_pack_b_bytes(g->k, g->n, &n_bytes));
    packed = ktest_alloc(n_bytes / sizeof(float));
    qn_gemm_pack_b(g->k, g->n, g->b, g->ldb, g->b_trans, packed);
    ktest_check_guards(packed, n_bytes / sizeof(float));
    return packed;
}

static bool costly(enum qn_act_kind kind) { return kind >= QN_ACT_SIGMOID; }

/* Runs g with n_threads into a fresh C of the given start, checks it against want and the guards. */
static void run_and_compare(struct qn_gemm g, int n_threads, const float *start, const float *want, size_t n_c,
                            bool exact)
{
    struct qn_work work = {.n_threads = n_threads, .pool = ktest_pool(n_threads)};
    float *c = ktest_alloc(n_c), *data;
    size_t n_bytes;

    memcpy(c, start, n_c * sizeof(float));
    if (g.residual == want) /* stands for "in place" */
        g.residual = c;
    g.c = c;
    assert_true(qn_gemm_bytes(&g, n_threads, &n_bytes));
    data = ktest_alloc((n_bytes + 3) / sizeof(float));
    work.data = data;
    qn_gemm(&g, &work);
    ktest_check_guards(data, (n_bytes + 3) / sizeof(float));
    ktest_check_guards(c, n_c);
    if (exact)
        ktest_same_bits(c, want, n_c, "product");
    else
        for (size_t i = 0; i < n_c; i++)
            assert_true(fabsf(c[i] - want[i]) <= 2e-6f * (1 + fabsf(want[i])));
    ktest_free(data);
    ktest_free(c);
}

static void check(const struct shape *s)
{
    struct qn_gemm g = {.m = s->m, .n = s->n, .k = s->k, .alpha = s->alpha ? 0.37f : 1.0f, .act = s->act};
    const int64_t pad = ktest_range(0, 3);
    const int64_t c_rows = s->c_trans ? s->n : s->m, c_cols = s->c_trans ? s->m : s->n;
    struct source source;
    float *a, *b, *want, *start, *col = NULL, *row = NULL, *residual = NULL, *pa = NULL, *pb = NULL;
    size_t n_c, n_res = 0;

    g.a_trans = s->a == TRANS || (s->a == PACKED && ktest_range(0, 1) == 1);
    g.b_trans = s->b == TRANS || (s->b == PACKED && ktest_range(0, 1) == 1);
    g.lda = (g.a_trans ? s->m : s->k) + pad;
    g.ldb = (g.b_trans ? s->k : s->n) + pad;
    g.c_trans = s->c_trans;
    g.ldc = c_cols + pad;
    n_c = (size_t)((c_rows - 1) * g.ldc + c_cols);
    g.a = a = ktest_random((size_t)(((g.a_trans ? s->k : s->m) - 1) * g.lda + (g.a_trans ? s->m : s->k)));
    g.b = b = ktest_random((size_t)(((g.b_trans ? s->n : s->k) - 1) * g.ldb + (g.b_trans ? s->k : s->n)));
    start = ktest_random(n_c);
    want = ktest_alloc(n_c);
    memcpy(want, start, n_c * sizeof(float));
    g.c = want;
    if (s->bias_col)
        g.bias_col = col = ktest_random((size_t)s->n);
    if (s->bias_row)
        g.bias_row = row = ktest_random((size_t)s->m);
    if (s->residual && s->in_place) {
        g.residual = want;
        g.ld_residual = g.ldc;
    } else if (s->residual) {
        g.ld_residual = c_cols + 1;
        n_res = (size_t)((c_rows - 1) * g.ld_residual + c_cols);
        g.residual = residual = ktest_random(n_res);
    }
    qn_gemm_ref(&g);
    if (s->a == PACKED)
        g.a_packed = pa = pack_a(&g);
    if (s->b == PACKED)
        g.b_packed = pb = pack_b(&g);
    source = (struct source){g.b, g.ldb, g.a, g.lda, g.a_trans};
    g.a_arg = g.b_arg = &source;
    if (s->a == FILLED)
        g.a_fill = fill_a;
    if (s->b == FILLED)
        g.b_fill = fill;
    for (int n_threads = 1; n_threads <= 3; n_threads++)
        run_and_compare(g, n_threads, start, want, n_c, !costly(s->act.kind));
    ktest_free(a);
    ktest_free(b);
    ktest_free(start);
    ktest_free(want);
    ktest_free(col);
    ktest_free(row);
    ktest_free(residual);
    ktest_free(pa);
    ktest_free(pb);
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

static struct shape random_shape(int64_t m, int64_t n, int64_t k)
{
    struct shape s = {.m = m, .n = n, .k = k};

    s.a = (enum form)ktest_range(0, FILLED);
    s.b = (enum form)ktest_range(0, FILLED);

    s.alpha = ktest_range(0, 3) == 0;
    s.bias_col = ktest_range(0, 1) == 0;
    s.bias_row = ktest_range(0, 1) == 0;
    s.residual = ktest_range(0, 1) == 0;
    s.in_place = ktest_range(0, 1) == 0;
    s.c_trans = ktest_range(0, 3) == 0;
    s.act = acts[ktest_range(0, (int64_t)(sizeof(acts) / sizeof(acts[0])) - 1)];
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
    ktest_each_level(tails);
    ktest_each_level(forms);
    ktest_each_level(activations);
    ktest_each_level(blocks);
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
    assert_false(qn_gemm_pack_b_bytes(INT64_MAX / 2, INT64_MAX / 2, &n));
    assert_false(qn_gemm_pack_a_bytes(INT64_MAX / 2, INT64_MAX / 2, &n));
    assert_false(qn_gemm_pack_b_bytes(INT64_MAX, 1, &n));
    assert_true(qn_gemm_pack_b_bytes(3, 17, &n));
    assert_int_equal(n, 3 * 32 * sizeof(float));
}

static void doubles(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        const int64_t m = ktest_range(1, 40), n = ktest_range(1, 40), k = ktest_range(0, 40);
        const bool a_trans = ktest_range(0, 1), b_trans = ktest_range(0, 1);
        const int64_t lda = (a_trans ? m : k) + 1, ldb = (b_trans ? k : n) + 2, ldc = n + 1;
        const double alpha = 1.5, beta = round % 3 == 0 ? 0 : 0.5;
        double a[41 * 42], b[42 * 43], c[40 * 41], want[40 * 41];

        for (int i = 0; i < 41 * 42; i++)
            a[i] = (double)ktest_float();
        for (int i = 0; i < 42 * 43; i++)
            b[i] = (double)ktest_float();
        for (int i = 0; i < 40 * 41; i++)
            c[i] = want[i] = beta == 0 ? (double)NAN : (double)ktest_float();
        qn_dgemm_ref(a_trans, b_trans, m, n, k, alpha, a, lda, b, ldb, beta, want, ldc);
        qn_dgemm(a_trans, b_trans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;

                for (int64_t l = 0; l < k; l++)
                    sum += a[a_trans ? l * lda + i : i * lda + l] * b[b_trans ? j * ldb + l : l * ldb + j];
                if (beta == 0)
                    assert_true(fabs(want[i * ldc + j] - alpha * sum) < 1e-12);
                assert_true(fabs(want[i * ldc + j] - c[i * ldc + j]) < 1e-12);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_level), cmocka_unit_test(empty),
                                       cmocka_unit_test(special), cmocka_unit_test(overflow),
                                       cmocka_unit_test(doubles)};

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
