/* predict.c: the format of POST /predict.
 *
 *   {"input": [...]}                one example      {"prediction": [...]}
 *   {"inputs": [[...], ...]}        examples         {"predictions": [[...], ...]}
 *   {"inputs": {"name": [...]}}     whole tensors    {"outputs": {"name": [...]}}
 *
 * The first two are for models with one input; fit.h says how arrays become its shape. A model with a fixed batch of
 * one runs the examples in turn. {"input": {"name": [...]}} gives tensors by name and is answered like an example.
 *
 * "prediction" is the first output, without its first dim where that is 1, always an array; "predictions" is the first
 * output, one entry per example. A model with several outputs, such as a classifier with label and probabilities,
 * answers both forms with all of them beside it: {"prediction": [2], "outputs": {"label": [2], "probabilities":
 * [[...]]}}. */
#include "server/codec/codec.h"

#include <stdio.h>
#include <string.h>

#include "server/codec/fit.h"
#include "server/codec/json_value.h"
#include "server/codec/turns.h"

enum form { FORM_EXAMPLE, FORM_LIST, FORM_NAMED };

/* ---- request ---- */

static enum qn_status read_tensor(struct qn_exchange *x, struct qn_json *json, size_t input, size_t max,
                                  struct qn_json_tensor *array)
{
    const struct qn_io *io = x->model->inputs[input];

    QN_CHECK(io->kind == QN_TENSOR, json->err, UNSUPPORTED, "input \"%s\" of type %s cannot be given here", io->name,
             io->type_text);
    *array = (struct qn_json_tensor){.name = io->name, .dtype = io->dtype, .max = max};
    return qn_json_read_tensor(json, x->scratch, array);
}

static enum qn_status read_whole(struct qn_exchange *x, struct qn_json *json, size_t input)
{
    const struct qn_io *io = x->model->inputs[input];
    struct qn_json_tensor array;

    QN_TRY(read_tensor(x, json, input, qn_fit_count(io), &array));
    return qn_fit_whole(io, &array, &x->inputs[input].tensor, json->err);
}

static enum qn_status read_examples(struct qn_exchange *x, struct qn_json *json)
{
    struct qn_json_tensor array;
    size_t n;

    QN_TRY(read_tensor(x, json, 0, SIZE_MAX, &array));
    QN_TRY(qn_fit_examples(x->model->inputs[0], &array, &x->inputs[0].tensor, &x->turns, &n, json->err));
    QN_CHECK(n <= x->max_batch, json->err, LIMIT, "the request has %zu examples, the limit is %zu (--max-batch)", n,
             x->max_batch);
    if (x->turns) {
        x->n_runs = n;
        QN_TRY(qn_turns_measure(x, json->err));
    }
    return QN_OK;
}

static enum qn_status unknown_input(const struct qn_exchange *x, struct qn_str name, struct qn_err *err)
{
    char names[300] = "none";
    size_t n_names = 0;

    for (size_t i = 0; i < x->model->n_inputs && n_names < sizeof(names) - 1; i++)
        n_names += (size_t)snprintf(names + n_names, sizeof(names) - n_names, "%s\"%.64s\"", i > 0 ? ", " : "",
                                    x->model->inputs[i]->name);
    QN_FAIL(err, FORMAT, "unknown input \"%.*s\", the model has %s", name.n < 64 ? (int)name.n : 64, name.data, names);
}

static enum qn_status read_named(struct qn_exchange *x, struct qn_json *json)
{
    bool *given = qn_scratch_array(x->scratch, x->model->n_inputs, sizeof(*given));
    struct qn_str name;

    QN_CHECK_MEM(given, json->err);
    QN_TRY(qn_json_enter(json, '{', "an object"));
    for (;;) {
        size_t i = 0;

        QN_TRY(qn_json_key(json, &name));
        if (name.data == NULL)
            break;
        while (i < x->model->n_inputs && !qn_str_is(name, x->model->inputs[i]->name))
            i++;
        if (i == x->model->n_inputs)
            return unknown_input(x, name, json->err);
        QN_CHECK(!given[i], json->err, FORMAT, "input \"%s\" is given twice", x->model->inputs[i]->name);
        given[i] = true;
        QN_TRY(read_whole(x, json, i));
    }
    for (size_t i = 0; i < x->model->n_inputs; i++)
        QN_CHECK(given[i], json->err, FORMAT, "input \"%s\" is missing", x->model->inputs[i]->name);
    return QN_OK;
}

/* The value of "input" or "inputs". */
static enum qn_status read_value(struct qn_exchange *x, struct qn_json *json)
{
    if (qn_json_peek(json) == '{') {
        if (x->form == FORM_LIST)
            x->form = FORM_NAMED;
        return read_named(x, json);
    }
    QN_CHECK(x->model->n_inputs > 0, json->err, FORMAT, "the model has no inputs, send {\"inputs\":{}}");
    QN_CHECK(x->model->n_inputs == 1, json->err, FORMAT,
             "the model has %zu inputs, send them by name: {\"inputs\":{\"%s\":[...],...}}", x->model->n_inputs,
             x->model->inputs[0]->name);
    return x->form == FORM_LIST ? read_examples(x, json) : read_whole(x, json, 0);
}

static enum qn_status decode(struct qn_exchange *x, struct qn_err *err)
{
    struct qn_json json;
    struct qn_str key;
    bool given = false;

    x->inputs = qn_scratch_array(x->scratch, x->model->n_inputs, sizeof(*x->inputs));
    QN_CHECK_MEM(x->inputs, err);
    x->n_runs = 1;
    qn_json_open(&json, x->body, x->n_body, err);
    QN_TRY(qn_json_enter(&json, '{', "an object with \"input\" or \"inputs\""));
    for (;;) {
        QN_TRY(qn_json_key(&json, &key));
        if (key.data == NULL)
            break;
        QN_CHECK(qn_str_is(key, "input") || qn_str_is(key, "inputs"), err, FORMAT,
                 "unknown member \"%.*s\", expected \"input\" or \"inputs\"", key.n < 64 ? (int)key.n : 64, key.data);
        QN_CHECK(!given, err, FORMAT, "more than one of \"input\" and \"inputs\"");
        given = true;
        x->form = key.n == strlen("inputs") ? FORM_LIST : FORM_EXAMPLE;
        QN_TRY(read_value(x, &json));
    }
    QN_CHECK(given, err, FORMAT, "\"input\" or \"inputs\" is missing");
    return qn_json_end(&json);
}

/* ---- answer ---- */

static enum qn_status put_named(const struct qn_exchange *x, const struct qn_value *outputs, struct qn_buf *out,
                                struct qn_err *err)
{
    qn_buf_puts(out, "\"outputs\":{");
    for (size_t i = 0; i < x->model->n_outputs; i++) {
        const char *name = x->model->outputs[i]->name;

        if (i > 0)
            qn_buf_append(out, ",", 1);
        qn_buf_json_string(out, name, strlen(name));
        qn_buf_append(out, ":", 1);
        QN_TRY(qn_json_put_value(out, &outputs[i], x->nan, name, err));
    }
    qn_buf_append(out, "}", 1);
    return QN_OK;
}

/* The first output, in the form of an example's answer or of a list. Always an array. */
static enum qn_status put_prediction(const struct qn_exchange *x, const struct qn_value *outputs, struct qn_buf *out,
                                     struct qn_err *err)
{
    struct qn_value value = outputs[0];
    struct qn_tensor *tensor = &value.tensor;
    bool is_scalar = value.kind == QN_TENSOR && tensor->rank == 0;

    if (x->form == FORM_EXAMPLE && value.kind == QN_TENSOR && tensor->rank > 1 && tensor->dims[0] == 1) {
        tensor->rank--;
        memmove(tensor->dims, tensor->dims + 1, (size_t)tensor->rank * sizeof(tensor->dims[0]));
    }
    if (is_scalar)
        qn_buf_append(out, "[", 1);
    QN_TRY(qn_json_put_value(out, &value, x->nan, x->model->outputs[0]->name, err));
    if (is_scalar)
        qn_buf_append(out, "]", 1);
    return QN_OK;
}

static enum qn_status encode(const struct qn_exchange *x, const struct qn_value *outputs, struct qn_buf *out,
                             struct qn_err *err)
{
    bool by_name = x->form == FORM_NAMED || x->model->n_outputs != 1;

    qn_buf_append(out, "{", 1);
    if (x->form != FORM_NAMED && x->model->n_outputs > 0) {
        qn_buf_puts(out, x->form == FORM_EXAMPLE ? "\"prediction\":" : "\"predictions\":");
        QN_TRY(put_prediction(x, outputs, out, err));
        if (by_name)
            qn_buf_append(out, ",", 1);
    }
    if (by_name)
        QN_TRY(put_named(x, outputs, out, err));
    qn_buf_append(out, "}", 1);
    QN_CHECK(!out->failed, err, LIMIT, "the answer is larger than the server may send");
    return QN_OK;
}

const struct qn_codec qn_codec_predict = {"predict", "application/json", decode, encode};
