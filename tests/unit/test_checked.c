/* test_checked.c: size arithmetic at its edges, and the slices of a job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/pool.h"

static void sizes_stop_at_their_edge(void **state)
{
    size_t n;

    (void)state;
    assert_true(qn_mul(SIZE_MAX, 1, &n) && n == SIZE_MAX);
    assert_true(qn_mul(SIZE_MAX / 2, 2, &n) && n == SIZE_MAX - 1);
    assert_false(qn_mul(SIZE_MAX / 2 + 1, 2, &n));
    assert_false(qn_mul((size_t)1 << 32, (size_t)1 << 32, &n));
    assert_true(qn_mul(0, SIZE_MAX, &n) && n == 0);
    assert_true(qn_add(SIZE_MAX, 0, &n) && n == SIZE_MAX);
    assert_false(qn_add(SIZE_MAX, 1, &n));
}

static void signed_values_stop_at_both_edges(void **state)
{
    int64_t n;

    (void)state;
    assert_true(qn_mul64(INT64_MIN, 1, &n) && n == INT64_MIN);
    assert_false(qn_mul64(INT64_MIN, -1, &n));
    assert_false(qn_add64(INT64_MAX, 1, &n));
    assert_true(qn_add64(INT64_MIN, INT64_MAX, &n) && n == -1);
    assert_false(qn_sub64(INT64_MIN, 1, &n));
    assert_false(qn_sub64(0, INT64_MIN, &n));
    assert_true(qn_sub64(-1, INT64_MIN, &n) && n == INT64_MAX);
}

static void rounding_up_keeps_multiples(void **state)
{
    (void)state;
    assert_int_equal(qn_round_up(0, 64), 0);
    assert_int_equal(qn_round_up(1, 64), 64);
    assert_int_equal(qn_round_up(64, 64), 64);
    assert_int_equal(qn_round_up(65, 64), 128);
    assert_true(qn_round_up(SIZE_MAX - 64, 64) == SIZE_MAX - 63);
}

/* Slices meet, cover everything in order and begin at multiples of the grain. */
static void slices_cover_everything_once(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 70; n++) {
        for (int64_t grain = 1; grain < 20; grain += 3) {
            for (int n_parts = 1; n_parts < 12; n_parts++) {
                int64_t at = 0;

                for (int part = 0; part < n_parts; part++) {
                    int64_t begin, end;

                    qn_pool_slice(n, grain, part, n_parts, &begin, &end);
                    assert_true(begin == at && end >= begin && (begin % grain == 0 || begin == n));
                    at = end;
                }
                assert_true(at == n);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_stop_at_their_edge),
        cmocka_unit_test(signed_values_stop_at_both_edges),
        cmocka_unit_test(rounding_up_keeps_multiples),
        cmocka_unit_test(slices_cover_everything_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
