/* test_offsets.c: places of buffers: no two that live at one time overlap, everything lies within the total, few
 * buffers and many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "plan/plan.h"

static uint64_t state = 88172645463325252u;

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % n);
}

static bool collide(const struct qn_interval *a, const struct qn_interval *b)
{
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

/* Random lives of about ten steps; gives the total. */
static size_t place_random(size_t n)
{
    struct qn_interval *items = calloc(n, sizeof(*items));
    size_t total = 0;

    assert_non_null(items);
    for (size_t i = 0; i < n; i++) {
        items[i].first = below(n);
        items[i].last = items[i].first + below(20);
        items[i].bytes = below(5) ? below(1000) : below(100000);
    }
    assert_int_equal(qn_plan_offsets(items, n, &total, NULL), QN_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(items[i].offset % 64, 0);
        assert_true(items[i].offset + items[i].bytes <= total);
        for (size_t k = i + 1; k < n; k++)
            if (collide(&items[i], &items[k]))
                fail_msg("%zu of %zu overlaps %zu", i, n, k);
    }
    free(items);
    return total;
}

static void buffers_do_not_overlap(void **unused)
{
    static const size_t counts[] = {1, 2, 3, 17, 100, 1000};

    (void)unused;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        for (int round = 0; round < 5; round++)
            place_random(counts[i]);
}

/* Ten or so live at a time: their memory is used again and again. */
static void many_buffers_share_memory(void **unused)
{
    (void)unused;
    assert_true(place_random(QN_MANY_INTERVALS + 1000) < 64 * 100000);
}

static void too_much_is_refused(void **unused)
{
    struct qn_interval *items = calloc(QN_MANY_INTERVALS + 1, sizeof(*items));
    size_t total;

    (void)unused;
    assert_non_null(items);
    items[0].bytes = items[1].bytes = SIZE_MAX / 2 + 1;
    assert_int_equal(qn_plan_offsets(items, 2, &total, NULL), QN_LIMIT);
    assert_int_equal(qn_plan_offsets(items, QN_MANY_INTERVALS + 1, &total, NULL), QN_LIMIT);
    items[0].bytes = SIZE_MAX - 10;
    assert_int_equal(qn_plan_offsets(items, 2, &total, NULL), QN_LIMIT);
    assert_int_equal(qn_plan_offsets(items, 0, &total, NULL), QN_OK);
    assert_int_equal(total, 0);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_do_not_overlap),
        cmocka_unit_test(many_buffers_share_memory),
        cmocka_unit_test(too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
