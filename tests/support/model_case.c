/* model_case.c: see the header. */
#include "support/model_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const float qn_one_two[2] = {1, 2};
struct qn_import_options qn_model_options;
char qn_model_missing[4096];

static void hear(void *arg, const char *line)
{
    size_t n = strlen(qn_model_missing);

    (void)arg;
    snprintf(qn_model_missing + n, sizeof(qn_model_missing) - n, "%s\n", line);
}

int qn_model_set_up(void **state)
{
    (void)state;
    memset(&qn_model_options, 0, sizeof(qn_model_options));
    qn_model_options.missing_fn = hear;
    qn_model_missing[0] = '\0';
    return 0;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

void qn_put_x(struct qn_writer *w) { qn_write_value_info(w, 11, "x", QN_FLOAT, QN_DIMS(2)); }
void qn_put_cond(struct qn_writer *w) { qn_write_value_info(w, 11, "cond", QN_BOOL, 0, NULL); }
void qn_put_out(struct qn_writer *w, const char *name) { qn_write_value_info(w, 12, name, 0, 0, NULL); }
void qn_put_weight(struct qn_writer *w, const char *name)
{
    qn_write_tensor(w, 5, name, QN_FLOAT, QN_DIMS(2), qn_one_two, sizeof(qn_one_two));
}

void qn_put_model(struct qn_writer *w) { qn_write_model_head(w, 8, 17); }

void qn_put_body(struct qn_writer *w, const char *attr)
{
    qn_write_begin_attr(w, attr, QN_CASE_GRAPH);
    qn_write_begin(w, 6);
    qn_write_text(w, 2, attr);
}

void qn_put_body_end(struct qn_writer *w)
{
    qn_write_end(w);
    qn_write_end(w);
}

void qn_put_int(struct qn_writer *w, const char *name, int64_t value)
{
    qn_write_begin_attr(w, name, QN_CASE_INT);
    qn_write_int(w, 3, value);
    qn_write_end(w);
}

void qn_put_ref(struct qn_writer *w, const char *name, const char *of)
{
    qn_write_begin_attr(w, name, QN_CASE_INT);
    qn_write_text(w, 21, of);
    qn_write_end(w);
}

void qn_put_function(struct qn_writer *w, const char *name, const char *inputs, const char *outputs)
{
    qn_write_begin(w, 25);
    qn_write_text(w, 1, name);
    qn_write_names(w, 4, inputs);
    qn_write_names(w, 5, outputs);
    qn_write_text(w, 10, "local");
    qn_write_opset(w, 9, "", 17);
}

void qn_put_open_call(struct qn_writer *w, uint32_t number, const char *name, const char *inputs, const char *outputs)
{
    qn_write_begin_node(w, number, name, inputs, outputs);
    qn_write_text(w, 7, "local");
}

void qn_put_call(struct qn_writer *w, uint32_t number, const char *name, const char *inputs, const char *outputs)
{
    qn_put_open_call(w, number, name, inputs, outputs);
    qn_write_end(w);
}

void qn_put_node(struct qn_writer *w, uint32_t number, const char *op, const char *inputs, const char *outputs)
{
    qn_write_begin_node(w, number, op, inputs, outputs);
    qn_write_end(w);
}

void qn_put_calling_model(struct qn_writer *w, const char *name)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_call(w, 1, name, "x", "y");
    qn_write_end(w);
}

/* ---- Questions --------------------------------------------------------------------------------------------------- */

void qn_bytes_fail(const void *bytes, size_t n, enum qn_status status, const char *text)
{
    struct qn_model model;
    struct qn_err err = {0};
    enum qn_status got = qn_import_open(NULL, bytes, n, &qn_model_options, &model, &err);

    if (got != status || !strstr(err.text, text))
        fail_msg("%s '%s' expected, got %s '%s'", qn_status_name(status), text, qn_status_name(got), err.text);
    assert_null(model.graph);
    assert_null(model.arena.first);
}

void qn_bytes_dump(const void *bytes, size_t n, const char *expected)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_buf buf;

    if (qn_import_open(NULL, bytes, n, &qn_model_options, &model, &err) != QN_OK)
        fail_msg("%s (node '%s')\n%s", err.text, err.node, qn_model_missing);
    if (qn_graph_verify(model.graph, &err) != QN_OK)
        fail_msg("%s (node '%s')", err.text, err.node);
    qn_buf_init(&buf, 1 << 20);
    qn_graph_dump(model.graph, &buf);
    assert_string_equal(buf.data, expected);
    qn_buf_deinit(&buf);
    qn_import_close(&model);
}

void qn_model_fails(qn_build_model *build, enum qn_status status, const char *text)
{
    struct qn_writer w;

    qn_writer_init(&w, QN_CASE_CAPACITY);
    build(&w);
    qn_bytes_fail(w.data, w.n, status, text);
    qn_writer_deinit(&w);
}

void qn_model_dumps(qn_build_model *build, const char *expected)
{
    struct qn_writer w;

    qn_writer_init(&w, QN_CASE_CAPACITY);
    build(&w);
    qn_bytes_dump(w.data, w.n, expected);
    qn_writer_deinit(&w);
}
