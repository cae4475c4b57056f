/* test_pool2d.c: pooling against its reference, bit for bit, over random geometries, CPU levels and threads; the
 * reference on values worked out by hand. */
#include <math.h>

#include "ktest.h"

static int64_t product(const int64_t *sizes, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= sizes[i];
    return n;
}

static struct qn_pooling random_pooling(int rank, int64_t max_in)
{
    struct qn_pooling p = {.planes = ktest_range(1, 6), .rank = rank};

    p.count_include_pad = ktest_range(0, 1);
    p.column_major = ktest_range(0, 1);
    for (int i = 0; i < rank; i++) {
        int64_t reach;

        p.kernel[i] = ktest_range(1, 5);
        p.stride[i] = ktest_range(1, 4);
        p.dilation[i] = ktest_range(1, 2);
        p.pad[i] = ktest_range(0, p.kernel[i] - 1);
        p.pad_end[i] = ktest_range(0, p.kernel[i] - 1);
        reach = (p.kernel[i] - 1) * p.dilation[i] + 1;
        p.in[i] = ktest_range(1, max_in);
        if (p.in[i] + p.pad[i] + p.pad_end[i] < reach)
            p.in[i] = reach;
        /* rounded down, or up as ceil_mode does */
        p.out[i] = (p.in[i] + p.pad[i] + p.pad_end[i] - reach + ktest_range(0, p.stride[i] - 1)) / p.stride[i] + 1;
    }
    return p;
}

static void check_one(const struct qn_pooling *p, bool max, bool with_indices)
{
    const size_t n_in = (size_t)(p->planes * product(p->in, p->rank));
    const size_t n_out = (size_t)(p->planes * product(p->out, p->rank));
    float *x = ktest_random(n_in), *want = ktest_alloc(n_out);
    int64_t *want_at = calloc(n_out + 1, sizeof(*want_at)), *at = calloc(n_out + 1, sizeof(*at));

    for (int i = 0; i < 3; i++) /* NaN and infinities among the rest */
        x[ktest_range(0, (int64_t)n_in - 1)] = i == 0 ? NAN : i == 1 ? INFINITY : -INFINITY;
    if (max)
        qn_maxpool_ref(p, x, want, with_indices ? want_at : NULL);
    else
        qn_avgpool_ref(p, x, want);
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        struct qn_work work = {.n_threads = n_threads, .pool = ktest_pool(n_threads)};
        float *y = ktest_alloc(n_out), *room;
        size_t n_bytes;

        assert_true(qn_pooling_bytes(p, n_threads, &n_bytes));
        room = ktest_alloc((n_bytes + 3) / sizeof(float));
        work.data = room;
        if (max)
            qn_maxpool(p, x, y, with_indices ? at : NULL, &work);
        else
            qn_avgpool(p, x, y, &work);
        ktest_check_guards(room, (n_bytes + 3) / sizeof(float));
        ktest_check_guards(y, n_out);
        for (size_t i = 0; i < n_out; i++)
            if (ktest_ulps(y[i], want[i]) != 0)
                fail_msg("%s: element %zu is %g, wanted %g", max ? "max" : "average", i, (double)y[i], (double)want[i]);
        if (max && with_indices)
            assert_memory_equal(at, want_at, n_out * sizeof(*at));
        ktest_free(room);
        ktest_free(y);
    }
    free(want_at);
    free(at);
    ktest_free(x);
    ktest_free(want);
}

static void random_body(void)
{
    for (int i = 0; i < 150; i++) {
        const int rank = (int)ktest_range(1, 3);
        const struct qn_pooling p = random_pooling(rank, rank == 1 ? 200 : rank == 2 ? 40 : 7);

        check_one(&p, true, false);
        check_one(&p, true, true);
        check_one(&p, false, false);
    }
}

/* Several bands of rows, enough work for threads, and the window that is the whole plane. */
static void large_body(void)
{
    struct qn_pooling p = random_pooling(2, 10);

    p.planes = 5;
    for (int i = 0; i < 2; i++) {
        p.in[i] = 180;
        p.kernel[i] = 3;
        p.stride[i] = 2;
        p.dilation[i] = p.pad[i] = p.pad_end[i] = 1;
        p.out[i] = 90;
    }
    check_one(&p, true, false);
    check_one(&p, false, false);
    for (int i = 0; i < 2; i++) {
        p.kernel[i] = 180;
        p.out[i] = p.stride[i] = 1;
        p.pad[i] = p.pad_end[i] = 0;
    }
    check_one(&p, true, false);
    check_one(&p, false, false);
}

static void every_level(void **state)
{
    (void)state;
    ktest_each_level(random_body);
    ktest_each_level(large_body);
}

static void by_hand(void **state)
{
    const float x[9] = {1, 2, 3, 4, 9, 6, 7, 8, 5};
    const float max_want[4] = {9, 9, 9, 9}, avg_want[4] = {4, 5, 7, 7};
    struct qn_pooling p = {
        .planes = 1, .rank = 2, .in = {3, 3}, .out = {2, 2}, .kernel = {2, 2}, .stride = {1, 1}, .dilation = {1, 1}};
    int64_t indices[4];
    float y[4];

    (void)state;
    qn_maxpool_ref(&p, x, y, indices);
    assert_memory_equal(y, max_want, sizeof(y));
    assert_true(indices[0] == 4 && indices[3] == 4);
    qn_avgpool_ref(&p, x, y);
    assert_memory_equal(y, avg_want, sizeof(y));
    /* One padded corner: of 4 elements, or of 1. */
    p.pad[0] = p.pad[1] = 1;
    p.stride[0] = p.stride[1] = 2;
    qn_avgpool_ref(&p, x, y);
    assert_true(y[0] == 1 && y[1] == 2.5f && y[2] == 5.5f && y[3] == 7);
    p.count_include_pad = true;
    qn_avgpool_ref(&p, x, y);
    assert_true(y[0] == 0.25f && y[1] == 1.25f && y[2] == 2.75f && y[3] == 7);
    p.column_major = true;
    qn_maxpool_ref(&p, x, y, indices);
    assert_true(indices[0] == 0 && indices[1] == 6 && indices[2] == 2 && indices[3] == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand), cmocka_unit_test(every_level)};

    ktest_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
