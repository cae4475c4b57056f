/* test_buf.c: growth, the maximum, sticky failure, formatting and JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_stay_terminated(void **state)
{
    struct qn_buf buf;

    (void)state;
    qn_buf_init(&buf, SIZE_MAX);
    assert_null(buf.data);
    for (int i = 0; i < 1000; i++) {
        assert_true(qn_buf_printf(&buf, "%d,", i % 10));
        assert_int_equal(strlen(buf.data), buf.n);
    }
    assert_int_equal(buf.n, 2000);
    assert_memory_equal(buf.data + 1990, "5,6,7,8,9,", 11);
    assert_true(qn_buf_append(&buf, NULL, 0));
    qn_buf_deinit(&buf);
    assert_null(buf.data);
}

static void the_maximum_is_exact_and_failure_stays(void **state)
{
    struct qn_buf buf;

    (void)state;
    qn_buf_init(&buf, 10);
    assert_true(qn_buf_puts(&buf, "0123456789"));
    assert_false(qn_buf_append(&buf, "x", 1));
    assert_true(buf.failed);
    assert_false(qn_buf_puts(&buf, ""));
    assert_string_equal(buf.data, "0123456789");
    qn_buf_clear(&buf);
    assert_false(buf.failed);
    assert_string_equal(buf.data, "");
    assert_true(qn_buf_printf(&buf, "%s", "abcdefghij"));
    qn_buf_clear(&buf);
    assert_false(qn_buf_printf(&buf, "%s", "abcdefghijk"));
    assert_string_equal(buf.data, "");
    assert_int_equal(buf.n, 0);
    qn_buf_deinit(&buf);

    qn_buf_init(&buf, 0);
    assert_true(qn_buf_puts(&buf, ""));
    assert_false(qn_buf_puts(&buf, "x"));
    qn_buf_deinit(&buf);
}

/* A text that just fits, and one that just does not, at every fill of the first allocation. */
static void printf_grows_at_every_fill(void **state)
{
    (void)state;
    for (size_t fill = 0; fill < 130; fill++) {
        struct qn_buf buf;
        char expected[256];

        qn_buf_init(&buf, 200);
        memset(expected, '.', fill);
        memcpy(expected + fill, "0123456789", 11);
        assert_true(qn_buf_append(&buf, expected, fill));
        assert_true(qn_buf_printf(&buf, "%s%d", "01234", 56789));
        assert_string_equal(buf.data, expected);
        assert_int_equal(buf.n, fill + 10);
        qn_buf_deinit(&buf);
    }
}

static void reserve_gives_room_behind_the_text(void **state)
{
    struct qn_buf buf;
    char *room;

    (void)state;
    qn_buf_init(&buf, 100);
    qn_buf_puts(&buf, "ab");
    room = qn_buf_reserve(&buf, 98);
    assert_ptr_equal(room, buf.data + 2);
    memset(room, 'c', 98);
    buf.n += 98;
    assert_true(qn_buf_puts(&buf, ""));
    assert_int_equal(strlen(buf.data), 100);
    assert_null(qn_buf_reserve(&buf, 1));
    assert_true(buf.failed);
    qn_buf_deinit(&buf);

    qn_buf_init(&buf, SIZE_MAX);
    qn_buf_puts(&buf, "x");
    assert_null(qn_buf_reserve(&buf, SIZE_MAX - 1));
    qn_buf_deinit(&buf);
}

static void assert_json(const char *text, size_t n, const char *expected)
{
    struct qn_buf buf;

    qn_buf_init(&buf, 1000);
    assert_true(qn_buf_json_string(&buf, text, n));
    assert_string_equal(buf.data, expected);
    qn_buf_deinit(&buf);
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    assert_json("", 0, "\"\"");
    assert_json("plain", 5, "\"plain\"");
    assert_json("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    assert_json("\n\r\t\b\f", 5, "\"\\n\\r\\t\\b\\f\"");
    assert_json("a\0b\x1f\x7f", 5, "\"a\\u0000b\\u001f\\u007f\"");
    assert_json("\xC3\xA4\xF0\x9F\x8C\xBE", 6, "\"\xC3\xA4\xF0\x9F\x8C\xBE\"");
    assert_json("\xC2\x9B\xE2\x80\xA8\xE2\x80\xA9", 8, "\"\\u009b\\u2028\\u2029\"");
    assert_json("x\xFFy\xC3", 4, "\"x\xEF\xBF\xBDy\xEF\xBF\xBD\"");
    assert_json("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void json_strings_respect_the_maximum(void **state)
{
    struct qn_buf buf;

    (void)state;
    for (size_t max = 0; max < 14; max++) {
        qn_buf_init(&buf, max);
        assert_int_equal(qn_buf_json_string(&buf, "ab\x01\"", 4), max >= 12);
        assert_true(buf.n <= max);
        qn_buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_stay_terminated),    cmocka_unit_test(the_maximum_is_exact_and_failure_stays),
        cmocka_unit_test(printf_grows_at_every_fill), cmocka_unit_test(reserve_gives_room_behind_the_text),
        cmocka_unit_test(json_strings_are_escaped),   cmocka_unit_test(json_strings_respect_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
