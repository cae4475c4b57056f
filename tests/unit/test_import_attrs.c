/* test_import_attrs.c: attributes in the file and what becomes of them. Constant shows it: each of its attributes turns
 * into a constant input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/model_case.h"

static void constant_with(struct qn_writer *w, void (*attrs)(struct qn_writer *w))
{
    qn_put_model(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "Constant", "", "y");
    attrs(w);
    qn_write_end(w);
    qn_write_end(w);
}

static void attr_int(struct qn_writer *w) { qn_put_int(w, "value_int", -5); }
static void attr_int_zero(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", QN_CASE_INT);
    qn_write_end(w);
}
static void attr_untyped(struct qn_writer *w)
{
    qn_write_begin(w, 5);
    qn_write_text(w, 1, "value_float");
    qn_write_float(w, 2, 0.5f);
    qn_write_end(w);
}
static void attr_ints(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_ints", 7);
    qn_write_int(w, 8, 1);
    qn_write_bytes(w, 8, "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    qn_write_end(w);
}
static void attr_floats(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_floats", 6);
    qn_write_float(w, 7, 1);
    qn_write_bytes(w, 7, qn_one_two, sizeof(qn_one_two));
    qn_write_end(w);
}
static void attr_tensor(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value", 4);
    qn_write_tensor(w, 5, "", QN_FLOAT, QN_DIMS(2), qn_one_two, sizeof(qn_one_two));
    qn_write_end(w);
}
static void attr_sparse(struct qn_writer *w)
{
    const int64_t index = 1;

    qn_write_begin_attr(w, "sparse_value", 11);
    qn_write_begin(w, 22);
    qn_write_tensor(w, 1, "", QN_FLOAT, QN_DIMS(1), qn_one_two, 4);
    qn_write_tensor(w, 2, "", QN_INT64, QN_DIMS(1), &index, sizeof(index));
    qn_write_int(w, 3, 3);
    qn_write_end(w);
    qn_write_end(w);
}

static void attr_no_name(struct qn_writer *w) { qn_put_int(w, "", 1); }
static void attr_unknown(struct qn_writer *w) { qn_put_int(w, "nothing", 1); }
static void attr_twice(struct qn_writer *w)
{
    qn_put_int(w, "value_int", 1);
    qn_put_int(w, "value_int", 2);
}
static void attr_wrong_field(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", QN_CASE_INT);
    qn_write_float(w, 2, 1);
    qn_write_end(w);
}
static void attr_two_fields(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", QN_CASE_INT);
    qn_write_int(w, 3, 1);
    qn_write_float(w, 2, 1);
    qn_write_end(w);
}
static void attr_nothing(struct qn_writer *w)
{
    qn_write_begin(w, 5);
    qn_write_text(w, 1, "value_int");
    qn_write_end(w);
}
static void attr_no_tensor(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value", 4);
    qn_write_end(w);
}
static void attr_wrong_kind(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", 1);
    qn_write_float(w, 2, 1);
    qn_write_end(w);
}
static void attr_kind_99(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", 99);
    qn_write_end(w);
}
static void attr_ref_outside(struct qn_writer *w) { qn_put_ref(w, "value_int", "n"); }
static void attr_bad_tensor(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value", 4);
    qn_write_tensor(w, 5, "t", QN_FLOAT, QN_DIMS(2), qn_one_two, 7);
    qn_write_end(w);
}
static void attr_types(struct qn_writer *w)
{
    qn_write_begin_attr(w, "value_int", 14);
    qn_write_bytes(w, 15, "", 0);
    qn_write_end(w);
}

static void attributes(void **state)
{
    static const struct {
        void (*attrs)(struct qn_writer *w);
        const char *dump;
    } good[] = {
        {attr_int, "value_int: int64[] -5"},
        {attr_int_zero, "value_int: int64[] 0"},
        {attr_untyped, "value_float: float32[] 0.5"},
        {attr_ints, "value_ints: int64[3] 1 2 -1"},
        {attr_floats, "value_floats: float32[3] 1 1 2"},
        {attr_tensor, "value: float32[2] 1 2"},
        {attr_sparse, "sparse_value: float32[3] 0 1 0"},
    };
    char expected[256];
    struct qn_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *name_end = strchr(good[i].dump, ':');

        snprintf(expected, sizeof(expected), "graph g\n  const Constant_0.%s\n  y: ? = Constant(Constant_0.%.*s)  %s",
                 good[i].dump, (int)(name_end - good[i].dump), good[i].dump, "# Constant_0\n  out y\n");
        qn_writer_init(&w, QN_CASE_CAPACITY);
        constant_with(&w, good[i].attrs);
        qn_bytes_dump(w.data, w.n, expected);
        qn_writer_deinit(&w);
    }
}

static void wrong_attributes(void **state)
{
    static const struct {
        void (*attrs)(struct qn_writer *w);
        enum qn_status status;
        const char *text;
    } wrong[] = {
        {attr_no_name, QN_FORMAT, "an attribute has no name"},
        {attr_unknown, QN_FORMAT, "unknown attribute 'nothing'"},
        {attr_twice, QN_FORMAT, "attribute 'value_int' is given twice"},
        {attr_wrong_field, QN_FORMAT, "attribute 'value_int' is of type int and holds float"},
        {attr_two_fields, QN_FORMAT, "attribute 'value_int' holds both int and float"},
        {attr_nothing, QN_FORMAT, "attribute 'value_int' has neither type nor value"},
        {attr_no_tensor, QN_FORMAT, "attribute 'value' has no tensor"},
        {attr_wrong_kind, QN_FORMAT, "attribute 'value_int' must be of type int, not float"},
        {attr_kind_99, QN_UNSUPPORTED, "attribute 'value_int' has the unknown type 99"},
        {attr_ref_outside, QN_FORMAT, "attribute 'value_int' refers to 'n', but stands in no function"},
        {attr_bad_tensor, QN_FORMAT, "tensor 't' has 7 bytes of raw_data where 8 are expected"},
        {attr_types, QN_UNSUPPORTED, "attribute 'value_int' is of type types"},
    };
    struct qn_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        qn_writer_init(&w, QN_CASE_CAPACITY);
        constant_with(&w, wrong[i].attrs);
        qn_bytes_fail(w.data, w.n, wrong[i].status, wrong[i].text);
        qn_writer_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(attributes, qn_model_set_up),
        cmocka_unit_test_setup(wrong_attributes, qn_model_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
