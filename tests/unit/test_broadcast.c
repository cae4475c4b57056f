/* test_broadcast.c: the broadcast iterator against one obvious loop, over random shapes, with and without threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ops/broadcast.h"

enum { MAX_COUNT = 200000 };

static uint32_t state = 12345;

static int64_t pick(int64_t n)
{
    state = state * 1664525u + 1013904223u;
    return (int64_t)(state >> 8) % n;
}

/* A different answer for every combination of operands and for every place. */
static void row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    int64_t *c = dst;
    const int32_t *x = src[0];
    const uint8_t *y = src[1];
    const int64_t *z = src[2];

    (void)arg;
    for (int64_t i = 0; i < n; i++)
        c[i] = x[i * step[0]] * 1000003LL + y[i * step[1]] * 31 + z[i * step[2]];
}

static int64_t offset_of(const struct qn_tensor *t, const struct qn_tensor *out, int64_t at)
{
    int64_t offset = 0, stride = 1;

    for (int back = 1; back <= out->rank; back++) {
        int64_t dim = out->dims[out->rank - back], index = at % dim;

        at /= dim;
        if (back > t->rank)
            continue;
        if (t->dims[t->rank - back] != 1)
            offset += index * stride;
        stride *= t->dims[t->rank - back];
    }
    return offset;
}

static void random_shapes(struct qn_tensor *out, struct qn_tensor ins[3], bool large)
{
    static const int64_t sizes[] = {1, 1, 2, 3, 5, 8};

    out->rank = (int)pick(5);
    for (int k = 0; k < out->rank; k++)
        out->dims[k] = sizes[pick(6)];
    if (large && out->rank > 0)
        out->dims[pick(out->rank)] = 1000 + pick(400);
    if (pick(20) == 0 && out->rank > 0)
        out->dims[pick(out->rank)] = 0;
    for (int i = 0; i < 3; i++) {
        ins[i].rank = (int)pick(out->rank + 1);
        for (int k = 0; k < ins[i].rank; k++) {
            int64_t dim = out->dims[out->rank - ins[i].rank + k];

            ins[i].dims[k] = pick(3) ? dim : 1;
        }
    }
}

static void check_one(struct qn_pool *pool, int64_t *got, const int32_t *x, const uint8_t *y, const int64_t *z,
                      bool large)
{
    struct qn_tensor out = {.dtype = QN_INT64, .data = got};
    struct qn_tensor ins[3] = {{.dtype = QN_INT32, .data = (void *)x},
                               {.dtype = QN_UINT8, .data = (void *)y},
                               {.dtype = QN_INT64, .data = (void *)z}};
    const struct qn_tensor *const pointers[3] = {&ins[0], &ins[1], &ins[2]};
    struct qn_broadcast b;
    int64_t n;

    random_shapes(&out, ins, large);
    n = qn_tensor_count(&out);
    if (n > MAX_COUNT)
        return;
    for (int64_t i = 0; i <= n; i++)
        got[i] = -1;
    qn_broadcast_init(&b, &out, 3, pointers);
    qn_broadcast_run(&b, pool, 1 + (int)pick(8), row, NULL);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(got[i], x[offset_of(&ins[0], &out, i)] * 1000003LL + y[offset_of(&ins[1], &out, i)] * 31 +
                                     z[offset_of(&ins[2], &out, i)]);
    assert_int_equal(got[n], -1);
}

static void test_random(void **test_state)
{
    struct qn_pool *pool = qn_pool_create(3);
    int64_t *got = malloc((MAX_COUNT + 1) * sizeof(*got));
    int32_t *x = malloc(MAX_COUNT * sizeof(*x));
    uint8_t *y = malloc(MAX_COUNT * sizeof(*y));
    int64_t *z = malloc(MAX_COUNT * sizeof(*z));

    (void)test_state;
    assert_true(got && x && y && z);
    for (int i = 0; i < MAX_COUNT; i++) {
        x[i] = (int32_t)pick(1 << 20);
        y[i] = (uint8_t)pick(256);
        z[i] = pick(1 << 20) << 40;
    }
    for (int round = 0; round < 3000; round++)
        check_one(round % 2 ? pool : NULL, got, x, y, z, round % 8 == 0);
    free(got), free(x), free(y), free(z);
    qn_pool_destroy(pool);
}

static void test_parts(void **test_state)
{
    struct qn_pool *pool = qn_pool_create(2);

    (void)test_state;
    assert_int_equal(qn_broadcast_parts(NULL, 1 << 30, 1), 1);
    assert_int_equal(qn_broadcast_parts(pool, 100, 1), 1);
    assert_int_equal(qn_broadcast_parts(pool, 100, 64), 1);
    assert_true(qn_broadcast_parts(pool, 1 << 30, 1) <= 2);
    qn_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_parts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
