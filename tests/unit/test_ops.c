/* test_ops.c: the operator tables as a whole: look-up, versions that neither overlap nor run backwards, complete rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ops/op.h"

enum { MAX_ROWS = 4096 };

static size_t all_rows(const struct qn_op *rows[MAX_ROWS])
{
    size_t n = 0;

    for (const struct qn_op *const *table = qn_ops_tables; *table; table++) {
        for (const struct qn_op *op = *table; op->name; op++) {
            assert_true(n < MAX_ROWS);
            rows[n++] = op;
        }
    }
    return n;
}

static void versions_do_not_overlap(void **state)
{
    static const struct qn_op *rows[MAX_ROWS];
    size_t n = all_rows(rows);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rows[i]->name, rows[j]->name) != 0 || strcmp(rows[i]->domain, rows[j]->domain) != 0)
                continue;
            if (rows[i]->since <= rows[j]->until && rows[j]->since <= rows[i]->until)
                fail_msg("%s:%s %d-%d and %d-%d overlap", rows[i]->domain, rows[i]->name, rows[j]->since,
                         rows[j]->until, rows[i]->since, rows[i]->until);
        }
    }
}

static void rows_are_complete(void **state)
{
    static const struct qn_op *rows[MAX_ROWS];
    size_t n = all_rows(rows);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct qn_op *op = rows[i];

        if (op->since < 1 || op->until < op->since || !op->in || !op->out || !op->infer ||
            (!op->kernels && !op->body && !(op->flags & QN_VIEW)))
            fail_msg("%s:%s-%d lacks something", op->domain, op->name, op->since);
    }
}

static void look_up_takes_the_right_version(void **state)
{
    const struct qn_op *op;
    struct qn_err err;

    (void)state;
    assert_int_equal(qn_op_find("", "Softmax", 12, false, &op, &err), QN_OK);
    assert_int_equal(op->since, 11);
    assert_int_equal(qn_op_find("ai.onnx", "Softmax", QN_NEWEST_OPSET, false, &op, &err), QN_OK);
    assert_int_equal(op->since, 13);
    assert_int_equal(qn_op_find("", "Softmax", QN_NEWEST_OPSET + 1, false, &op, &err), QN_UNSUPPORTED);
    assert_null(op);
    assert_non_null(strstr(err.text, "newer than the newest"));
    assert_int_equal(qn_op_find("", "Softmax", QN_NEWEST_OPSET + 1, true, &op, &err), QN_OK);
    assert_int_equal(qn_op_find("", "LayerNormalization", 16, false, &op, &err), QN_UNSUPPORTED);
    assert_non_null(strstr(err.text, "does not exist in opset 16"));
    assert_int_equal(qn_op_find("", "Softmaxx", 13, false, &op, &err), QN_UNSUPPORTED);
    assert_int_equal(qn_op_find("com.example", "Softmax", 13, false, &op, &err), QN_UNSUPPORTED);
    assert_non_null(strstr(err.text, "com.example:Softmax is not known"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_do_not_overlap),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(look_up_takes_the_right_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
