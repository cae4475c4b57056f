/* test_err.c: errors are set once, named once, and stay printable whatever a file put into a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/utf8.h"

static void set_returns_the_status_and_formats(void **state)
{
    struct qn_err err = {0};

    (void)state;
    assert_int_equal(qn_err_set(&err, QN_SHAPE, "axis %d of %s", 3, "x"), QN_SHAPE);
    assert_int_equal(err.status, QN_SHAPE);
    assert_string_equal(err.text, "axis 3 of x");
    assert_int_equal(qn_err_set(NULL, QN_IO, "nobody listens"), QN_IO);
}

static void controls_and_broken_bytes_become_question_marks(void **state)
{
    struct qn_err err = {0};

    (void)state;
    qn_err_set(&err, QN_FORMAT, "name \"%s\"", "a\nb\x1b[31m\x7f");
    assert_string_equal(err.text, "name \"a?b?[31m?\"");
    qn_err_set(&err, QN_FORMAT, "%s", "\xC3\xA4\xFF\xC0\xAF\xED\xA0\x80z");
    assert_string_equal(err.text, "\xC3\xA4??????z");
    qn_err_set(&err, QN_FORMAT, "%s",
               "\xC2\x9B"
               "1m");
    assert_string_equal(err.text, "??1m");
}

/* A character that the end of the text cuts in half disappears as a whole. */
static void long_text_is_cut_at_a_character(void **state)
{
    struct qn_err err = {0};
    char text[1024];
    size_t n;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xF0\x9F\x8C\xBE", 4);
        text[sizeof(text) - 4] = '\0';
        qn_err_set(&err, QN_FORMAT, "%s", text);
        n = strlen(err.text);
        assert_in_range(n, sizeof(err.text) - 4, sizeof(err.text) - 1);
        for (size_t i = 0; i < n;) {
            size_t length = qn_utf8_length(err.text + i, n - i);

            assert_int_not_equal(length, 0);
            i += length;
        }
        assert_null(strchr(err.text, '?'));
    }
}

static void the_inner_node_stays_named(void **state)
{
    struct qn_err err = {0};

    (void)state;
    assert_int_equal(qn_err_at(&err, QN_OK, "n", "Add"), QN_OK);
    assert_string_equal(err.op, "");
    assert_int_equal(qn_err_at(&err, QN_RANGE, "in\ner", "Add"), QN_RANGE);
    assert_int_equal(qn_err_at(&err, QN_RANGE, "outer", "Loop"), QN_RANGE);
    assert_string_equal(err.node, "in?er");
    assert_string_equal(err.op, "Add");
    assert_int_equal(qn_err_at(NULL, QN_RANGE, "outer", "Loop"), QN_RANGE);
}

static void a_nameless_node_counts_by_its_operator(void **state)
{
    struct qn_err err = {0};

    (void)state;
    qn_err_at(&err, QN_RANGE, NULL, "Add");
    qn_err_at(&err, QN_RANGE, "outer", "Loop");
    assert_string_equal(err.node, "");
    assert_string_equal(err.op, "Add");
}

static enum qn_status checked(int value, struct qn_err *err)
{
    QN_CHECK(value > 0, err, ARG, "value %d is not positive", value);
    QN_TRY(value > 5 ? QN_OK : QN_LIMIT);
    QN_CHECK_MEM(value == 7 ? NULL : err, err);
    return QN_OK;
}

static void macros_return_what_went_wrong(void **state)
{
    struct qn_err err = {0};

    (void)state;
    assert_int_equal(checked(0, &err), QN_ARG);
    assert_string_equal(err.text, "value 0 is not positive");
    assert_int_equal(checked(5, &err), QN_LIMIT);
    assert_int_equal(checked(7, &err), QN_NOMEM);
    assert_int_equal(checked(8, &err), QN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_the_status_and_formats),
        cmocka_unit_test(controls_and_broken_bytes_become_question_marks),
        cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(the_inner_node_stays_named),
        cmocka_unit_test(a_nameless_node_counts_by_its_operator),
        cmocka_unit_test(macros_return_what_went_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
