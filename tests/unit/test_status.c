/* test_status.c: every status has a name, text, HTTP class and exit code, and stray values are internal errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quern.h"

static void every_status_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < QN_N_STATUS; i++) {
        enum qn_status status = (enum qn_status)i;

        assert_true(qn_status_name(status)[0] >= 'A' && qn_status_name(status)[0] <= 'Z');
        assert_true(qn_status_text(status)[0] != '\0');
        assert_in_range(qn_status_http(status), 200, 599);
        assert_in_range(qn_status_exit(status), 0, 7);
        assert_int_equal(qn_status_exit(status) == 0, status == QN_OK);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(qn_status_name(status), qn_status_name((enum qn_status)j));
    }
}

static void rows_stand_in_the_order_of_the_enum(void **state)
{
    (void)state;
    assert_string_equal(qn_status_name(QN_OK), "OK");
    assert_string_equal(qn_status_name(QN_SHAPE), "SHAPE");
    assert_string_equal(qn_status_text(QN_SHAPE), "shape or type mismatch");
    assert_int_equal(qn_status_http(QN_TIMEOUT), 504);
    assert_int_equal(qn_status_http(QN_CANCELLED), 499);
    assert_int_equal(qn_status_exit(QN_IO), 6);
    assert_string_equal(qn_status_name(QN_INTERNAL), "INTERNAL");
}

static void stray_values_are_internal(void **state)
{
    (void)state;
    assert_string_equal(qn_status_name((enum qn_status)QN_N_STATUS), "INTERNAL");
    assert_int_equal(qn_status_http((enum qn_status)12345), 500);
    assert_int_equal(qn_status_exit((enum qn_status) - 1), 7);
}

static void version_has_three_numbers(void **state)
{
    const char *version = qn_version();
    int n_dots = 0;

    (void)state;
    for (; *version != '\0'; version++) {
        assert_true(*version == '.' || (*version >= '0' && *version <= '9'));
        n_dots += *version == '.';
    }
    assert_int_equal(n_dots, 2);
    assert_string_not_equal(qn_version(), "0.0.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_described),
        cmocka_unit_test(rows_stand_in_the_order_of_the_enum),
        cmocka_unit_test(stray_values_are_internal),
        cmocka_unit_test(version_has_three_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
