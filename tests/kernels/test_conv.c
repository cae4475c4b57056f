/* test_conv.c: every way to convolve against the reference, over random geometries, CPU levels and threads: bit for bit
 * for convolution, within rounding for transposed convolution, whose sums are ordered differently. The reference itself
 * is checked against sums worked out by hand. */
#include <math.h>

#include "ktest.h"

static const struct qn_act acts[] = {{QN_ACT_NONE, 0, 0},     {QN_ACT_RELU, 0, 0}, {QN_ACT_CLIP, 0, 6},
                                     {QN_ACT_LEAKY, 0.1f, 0}, {QN_ACT_SILU, 1, 0}, {QN_ACT_HARDSWISH, 0, 0},
                                     {QN_ACT_SIGMOID, 0, 0}};

static int64_t product(const int64_t *sizes, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= sizes[i];
    return n;
}

static size_t n_x(const struct qn_conv *c) { return (size_t)(c->batch * c->c_in * product(c->in, c->rank)); }
static size_t n_y(const struct qn_conv *c) { return (size_t)(c->batch * c->c_out * product(c->out, c->rank)); }
static size_t n_w(const struct qn_conv *c)
{
    return (size_t)(c->c_in * (c->c_out / c->group) * product(c->kernel, c->rank));
}

static float *pack(const struct qn_conv_algo *algo, const struct qn_conv *conv, const float *w)
{
    size_t n_bytes;
    float *packed;

    assert_true(algo->pack_bytes(conv, &n_bytes));
    packed = ktest_alloc(n_bytes / sizeof(float));
    algo->pack(conv, w, packed);
    ktest_check_guards(packed, n_bytes / sizeof(float));
    return packed;
}

/* want holds, until the run, what y starts from. */
static float *run(const struct qn_conv_algo *algo, const struct qn_conv *conv, struct qn_conv_data data, const float *w,
                  const float *start, bool in_place, int n_threads)
{
    struct qn_work work = {.n_threads = n_threads, .pool = ktest_pool(n_threads)};
    float *packed = pack(algo, conv, w), *room, *y = ktest_alloc(n_y(conv));
    size_t n_bytes;

    memcpy(y, start, n_y(conv) * sizeof(float));
    assert_true(algo->bytes(conv, n_threads, &n_bytes));
    room = ktest_alloc((n_bytes + 3) / sizeof(float));
    work.data = room;
    data.w = packed;
    data.y = y;
    if (in_place)
        data.residual = y;
    algo->run(conv, &data, &work);
    ktest_check_guards(room, (n_bytes + 3) / sizeof(float));
    ktest_check_guards(y, n_y(conv));
    ktest_free(room);
    ktest_free(packed);
    return y;
}

static void compare(const float *got, const float *want, size_t n, double tolerance, const char *name)
{
    if (tolerance == 0) {
        ktest_same_bits(got, want, n, name);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * (1 + fabs((double)want[i]))))
            fail_msg("%s: element %zu is %g, wanted %g", name, i, (double)got[i], (double)want[i]);
}

static void describe(const struct qn_conv *c, const char *name)
{
    printf("%s batch %lld c_in %lld c_out %lld group %lld\n", name, (long long)c->batch, (long long)c->c_in,
           (long long)c->c_out, (long long)c->group);
    for (int i = 0; i < c->rank; i++)
        printf("  axis %d: in %lld out %lld kernel %lld stride %lld dilation %lld pad %lld\n", i, (long long)c->in[i],
               (long long)c->out[i], (long long)c->kernel[i], (long long)c->stride[i], (long long)c->dilation[i],
               (long long)c->pad[i]);
}

/* Runs algo with 1, 2 and 3 threads against ref. */
static void check(const struct qn_conv_algo *algo, const struct qn_conv_algo *ref, const struct qn_conv *conv,
                  double tolerance)
{
    const bool residual = ktest_range(0, 1), in_place = residual && tolerance == 0 && ktest_range(0, 1);
    struct qn_conv_data data = {.act = acts[ktest_range(0, (int64_t)(sizeof(acts) / sizeof(acts[0])) - 1)]};
    float *x = ktest_random(n_x(conv)), *w = ktest_random(n_w(conv)), *start = ktest_random(n_y(conv));
    float *bias = ktest_range(0, 1) ? ktest_random((size_t)conv->c_out) : NULL;
    float *other = ktest_random(n_y(conv)), *want;

    if (data.act.kind >= QN_ACT_SIGMOID && tolerance == 0)
        tolerance = 2e-6;
    assert_true(algo->accept(conv));
    data.x = x;
    data.bias = bias;
    data.residual = residual ? other : NULL;
    want = run(ref, conv, data, w, start, in_place, 1);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        float *y = run(algo, conv, data, w, start, in_place, n_threads);

        if (memcmp(y, want, n_y(conv) * sizeof(float)) != 0 && tolerance == 0)
            describe(conv, algo->name);
        compare(y, want, n_y(conv), tolerance, algo->name);
        ktest_free(y);
    }
    ktest_free(want);
    ktest_free(x);
    ktest_free(w);
    ktest_free(start);
    ktest_free(bias);
    ktest_free(other);
}

/* One axis with at least one output. */
static void random_axis(struct qn_conv *c, int i, int64_t max_in, int64_t max_kernel, int64_t max_pad)
{
    int64_t reach;

    c->kernel[i] = ktest_range(1, max_kernel);
    c->stride[i] = ktest_range(1, 3);
    c->dilation[i] = ktest_range(1, 2);
    c->pad[i] = ktest_range(0, max_pad);
    reach = (c->kernel[i] - 1) * c->dilation[i] + 1;
    c->in[i] = ktest_range(1, max_in);
    if (c->in[i] + 2 * c->pad[i] < reach)
        c->in[i] = reach;
    c->out[i] = (c->in[i] + c->pad[i] + ktest_range(0, c->pad[i]) - reach) / c->stride[i] + 1;
    if (c->out[i] < 1)
        c->out[i] = 1;
}

/* A geometry; max_in bounds an axis. */
static struct qn_conv random_conv(int rank, int64_t group, int64_t in_per_group, int64_t out_per_group, int64_t max_in)
{
    struct qn_conv c = {.batch = ktest_range(1, 2),
                        .c_in = group * in_per_group,
                        .c_out = group * out_per_group,
                        .group = group,
                        .rank = rank};

    for (int i = 0; i < rank; i++)
        random_axis(&c, i, max_in, 5, 3);
    return c;
}

static int rounds(int n) { return ktest_slow() ? n / 4 : n; }

static void gemm_body(void)
{
    for (int i = 0; i < rounds(160); i++) {
        static const int64_t widths[] = {60, 60, 15, 6};
        const int rank = (int)ktest_range(0, 3);
        const struct qn_conv c =
            random_conv(rank, ktest_range(1, 3), ktest_range(1, 6), ktest_range(1, 20), widths[rank]);

        check(&qn_conv_gemm, &qn_conv_ref, &c, 0);
    }
}

/* Long windows, as over sound. */
static void wide_body(void)
{
    for (int i = 0; i < rounds(40); i++) {
        const int rank = (int)ktest_range(1, 3);
        struct qn_conv c = random_conv(rank, 1, ktest_range(1, 6), ktest_range(1, 20), 5);

        random_axis(&c, rank - 1, 150, 60, 30);
        check(&qn_conv_gemm, &qn_conv_ref, &c, 0);
    }
}

/* 1x1 convolutions read the input as it is; the sizes make threads and several blocks of k. */
static void pointwise_body(void)
{
    for (int i = 0; i < rounds(12); i++) {
        struct qn_conv c = {
            .batch = 1, .c_in = ktest_range(1, 700), .c_out = ktest_range(1, 90), .group = 1, .rank = 2};

        for (int axis = 0; axis < 2; axis++) {
            c.in[axis] = c.out[axis] = ktest_range(1, 12);
            c.kernel[axis] = c.stride[axis] = c.dilation[axis] = 1;
        }
        check(&qn_conv_gemm, &qn_conv_ref, &c, 0);
    }
}

/* Many input channels: several blocks of k that begin inside a channel. */
static void deep_body(void)
{
    for (int i = 0; i < rounds(8); i++) {
        const struct qn_conv c = random_conv(2, 1, ktest_range(60, 110), ktest_range(1, 30), 9);

        check(&qn_conv_gemm, &qn_conv_ref, &c, 0);
    }
}

/* Few outputs: the product turned over, and the choice of it. */
static void turned_body(void)
{
    int n_turned = 0;

    for (int i = 0; i < rounds(80); i++) {
        struct qn_conv c = random_conv(2, ktest_range(1, 2), ktest_range(1, 90), ktest_range(1, 70), 7);

        if (i % 4 == 0) /* a tap that is the whole image */
            for (int axis = 0; axis < 2; axis++) {
                c.out[axis] = c.in[axis];
                c.kernel[axis] = c.stride[axis] = c.dilation[axis] = 1;
                c.pad[axis] = 0;
            }
        if (!qn_conv_gemm_t.accept(&c))
            continue;
        check(&qn_conv_gemm_t, &qn_conv_ref, &c, 0);
        if (!qn_conv_depthwise.accept(&c))
            assert_ptr_equal(qn_conv_choose(&c), &qn_conv_gemm_t);
        n_turned++;
    }
    assert_true(n_turned > 0);
}

static void choice(void **state)
{
    struct qn_conv c = {1, 8, 8, 8, 2, {40, 40}, {40, 40}, {3, 3}, {1, 1}, {1, 1}, {1, 1}};

    (void)state;
    assert_ptr_equal(qn_conv_choose(&c), &qn_conv_depthwise);
    c.group = 1;
    assert_ptr_equal(qn_conv_choose(&c), &qn_conv_gemm);
    c.in[0] = c.in[1] = c.out[0] = c.out[1] = 1;
    c.c_out = 64;
    assert_ptr_equal(qn_conv_choose(&c), &qn_conv_gemm_t);
    c.rank = 5;
    assert_ptr_equal(qn_conv_choose(&c), &qn_conv_ref);
    assert_ptr_equal(qn_deconv_choose(&c), &qn_deconv_ref);
    c.rank = 2;
    assert_ptr_equal(qn_deconv_choose(&c), &qn_deconv_gemm);
}

static void depthwise_body(void)
{
    for (int i = 0; i < rounds(200); i++) {
        const int rank = (int)ktest_range(1, 2);
        const struct qn_conv c = random_conv(rank, ktest_range(1, 9), 1, ktest_range(1, 3), rank == 1 ? 300 : 70);

        check(&qn_conv_depthwise, &qn_conv_ref, &c, 0);
    }
}

/* Planes that need several bands of rows, strides beyond the kernel, and the usual square kernels. */
static void large_depthwise_body(void)
{
    struct qn_conv c = random_conv(2, 3, 1, 1, 20);

    for (int i = 0; i < 9; i++) {
        const int stride = i < 4 ? i + 1 : 1 + i % 2, side = i < 4 ? 3 : i < 6 ? 5 : i < 8 ? 7 : 9;

        for (int axis = 0; axis < 2; axis++) {
            c.in[axis] = i < 4 ? 150 + 37 * axis : ktest_range(1, 40);
            c.kernel[axis] = side;
            c.stride[axis] = stride;
            c.dilation[axis] = 1;
            c.pad[axis] = side / 2;
            c.out[axis] = (c.in[axis] - 1) / stride + 1;
        }
        check(&qn_conv_depthwise, &qn_conv_ref, &c, 0);
    }
}

static void deconv_body(void)
{
    for (int i = 0; i < rounds(120); i++) {
        const int rank = (int)ktest_range(0, 3);
        struct qn_conv c =
            random_conv(rank, ktest_range(1, 3), ktest_range(1, 8), ktest_range(1, 5), rank == 3 ? 4 : 8);

        for (int axis = 0; axis < rank; axis++) {
            c.out[axis] = (c.in[axis] - 1) * c.stride[axis] + (c.kernel[axis] - 1) * c.dilation[axis] + 1 -
                          c.pad[axis] - ktest_range(-1, c.pad[axis]);
            if (c.out[axis] < 1)
                c.out[axis] = 1;
        }
        check(&qn_deconv_gemm, &qn_deconv_ref, &c, 2e-5);
    }
}

static void large_deconv_body(void)
{
    struct qn_conv c = {.batch = 1, .c_in = 13, .c_out = 21, .group = 1, .rank = 2};

    for (int axis = 0; axis < 2; axis++) {
        c.in[axis] = 20;
        c.kernel[axis] = 4;
        c.stride[axis] = 2;
        c.dilation[axis] = 1;
        c.pad[axis] = 1;
        c.out[axis] = 40;
    }
    check(&qn_deconv_gemm, &qn_deconv_ref, &c, 2e-5);
}

static void convolution(void **state)
{
    (void)state;
    ktest_each_level(gemm_body);
    ktest_each_level(wide_body);
    ktest_each_level(pointwise_body);
    ktest_each_level(deep_body);
    ktest_each_level(turned_body);
}

static void depthwise(void **state)
{
    (void)state;
    ktest_each_level(depthwise_body);
    ktest_each_level(large_depthwise_body);
}

static void transposed(void **state)
{
    (void)state;
    ktest_each_level(deconv_body);
    ktest_each_level(large_deconv_body);
}

/* The references, on sums one can check by hand. */
static void by_hand(void **state)
{
    const float x[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, w[4] = {1, 2, 3, 4};
    const float conv_want[4] = {27, 37, 57, 67};
    const float stride_want[4] = {0, 3 * 1 + 4 * 2, 2 * 3 + 4 * 6, 67};
    const float spread_want[16] = {0, 1, 4, 4, 3, 13, 23, 18, 15, 43, 53, 36, 18, 45, 52, 32};
    const struct qn_work work = {.n_threads = 1};
    float y[16];
    struct qn_conv c = {1, 1, 1, 1, 2, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {1, 1}, {0, 0}};
    struct qn_conv_data data = {.x = x, .w = w, .y = y};

    (void)state;
    qn_conv_ref.run(&c, &data, &work);
    assert_memory_equal(y, conv_want, sizeof(conv_want));
    c.pad[0] = c.pad[1] = 1;
    c.stride[0] = c.stride[1] = 2;
    qn_conv_ref.run(&c, &data, &work);
    assert_memory_equal(y, stride_want, sizeof(stride_want));
    c = (struct qn_conv){1, 1, 1, 1, 2, {3, 3}, {4, 4}, {2, 2}, {1, 1}, {1, 1}, {0, 0}};
    qn_deconv_ref.run(&c, &data, &work);
    assert_memory_equal(y, spread_want, sizeof(spread_want));
}

/* Sizes nobody can hold are refused, not wrapped. */
static void overflow(void **state)
{
    struct qn_conv c = {1, 4, 4, 1, 2, {1 << 20, 1 << 20}, {1 << 20, 1 << 20}, {3, 3}, {1, 1}, {1, 1}, {1, 1}};

    (void)state;
    assert_false(qn_conv_gemm.accept(&c));
    c.group = 4;
    c.dilation[0] = INT64_MAX / 2;
    assert_false(qn_conv_depthwise.accept(&c));
    c.dilation[0] = 1;
    c.rank = 3;
    assert_false(qn_conv_depthwise.accept(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand),   cmocka_unit_test(convolution),
                                       cmocka_unit_test(depthwise), cmocka_unit_test(transposed),
                                       cmocka_unit_test(choice),    cmocka_unit_test(overflow)};

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
