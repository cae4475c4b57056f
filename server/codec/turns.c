/* turns.c: several runs as one answer; see turns.h. */
#include "server/codec/turns.h"

#include <string.h>

#include "base/checked.h"
#include "server/codec/element.h"

enum qn_status qn_turns_measure(struct qn_exchange *x, struct qn_err *err)
{
    const struct qn_tensor *tensor = &x->inputs[0].tensor;
    unsigned bits = qn_element_bits(tensor->dtype);
    size_t n;

    if (x->n_runs == 0)
        return QN_OK;
    QN_CHECK(qn_element_count(tensor->rank, tensor->dims, &n) && qn_element_bytes(tensor->dtype, n, &x->stride), err,
             SHAPE, "an example is too large");
    QN_CHECK(x->n_runs == 1 || bits >= 8 || n % (8 / bits) == 0, err, UNSUPPORTED,
             "several examples of packed %s must fill whole bytes", qn_dtype_name(tensor->dtype));
    return QN_OK;
}

void qn_turns_advance(struct qn_exchange *x)
{
    x->inputs[0].tensor.data = (char *)x->inputs[0].tensor.data + x->stride;
}

struct qn_value *qn_turns_begin(const struct qn_exchange *x)
{
    struct qn_value *joined = qn_scratch_array(x->scratch, x->model->n_outputs, sizeof(*joined));

    if (joined == NULL)
        return NULL;
    for (size_t i = 0; i < x->model->n_outputs; i++) {
        joined[i].kind = QN_SEQUENCE;
        joined[i].n = x->n_runs;
        joined[i].items = qn_scratch_array(x->scratch, x->n_runs, sizeof(*joined[i].items));
        if (joined[i].items == NULL)
            return NULL;
    }
    return joined;
}

static enum qn_status copy_tensor(struct qn_scratch *scratch, const struct qn_tensor *from, struct qn_tensor *to,
                                  struct qn_err *err)
{
    const struct qn_str *from_strings = from->data;
    struct qn_str *to_strings;
    size_t n;
    size_t n_bytes;

    *to = *from;
    QN_CHECK(qn_element_count(from->rank, from->dims, &n) && qn_element_bytes(from->dtype, n, &n_bytes), err, INTERNAL,
             "an output has no valid shape");
    to->data = qn_scratch_alloc(scratch, n_bytes);
    QN_CHECK_MEM(to->data, err);
    if (n_bytes > 0)
        memcpy(to->data, from->data, n_bytes);
    to_strings = to->data;
    for (size_t i = 0; from->dtype == QN_STRING && i < n; i++) {
        char *text = qn_scratch_alloc(scratch, from_strings[i].n);

        QN_CHECK_MEM(text, err);
        if (from_strings[i].n > 0)
            memcpy(text, from_strings[i].data, from_strings[i].n);
        to_strings[i].data = text;
    }
    return QN_OK;
}

/* Values nest a few levels at most: each level of a copy is an entry of the list of copies still to be made, which is
 * as long as there are values. */
struct pending {
    struct pending *next;
    const struct qn_value *from;
    struct qn_value *to;
};

static enum qn_status copy_one(struct qn_scratch *scratch, const struct qn_value *from, struct qn_value *to,
                               struct pending **list, struct qn_err *err)
{
    size_t n_bytes;
    struct pending *added;

    *to = *from;
    if (from->kind == QN_TENSOR)
        return copy_tensor(scratch, &from->tensor, &to->tensor, err);
    QN_CHECK(qn_mul(from->n, sizeof(*added), &n_bytes), err, NOMEM, "out of memory");
    to->items = qn_scratch_array(scratch, from->n, sizeof(*to->items));
    added = qn_scratch_alloc(scratch, n_bytes);
    QN_CHECK(to->items != NULL && added != NULL, err, NOMEM, "out of memory");
    for (size_t i = 0; i < from->n; i++) {
        added[i] = (struct pending){*list, &from->items[i], &to->items[i]};
        *list = &added[i];
    }
    return QN_OK;
}

static enum qn_status copy_value(struct qn_scratch *scratch, const struct qn_value *from, struct qn_value *to,
                                 struct qn_err *err)
{
    struct pending *list = NULL;

    QN_TRY(copy_one(scratch, from, to, &list, err));
    while (list != NULL) {
        struct pending *one = list;

        list = one->next;
        QN_TRY(copy_one(scratch, one->from, one->to, &list, err));
    }
    return QN_OK;
}

enum qn_status qn_turns_keep(const struct qn_exchange *x, struct qn_value *joined, size_t run,
                             const struct qn_value *outputs, struct qn_err *err)
{
    for (size_t i = 0; i < x->model->n_outputs; i++) {
        const struct qn_value *output = &outputs[i];
        struct qn_value *item = &joined[i].items[run];
        struct qn_tensor *tensor = &item->tensor;

        if (output->kind == QN_SEQUENCE && output->n == 1)
            output = output->items;
        QN_TRY(copy_value(x->scratch, output, item, err));
        if (item->kind == QN_TENSOR && tensor->rank > 0 && tensor->dims[0] == 1) {
            tensor->rank--;
            memmove(tensor->dims, tensor->dims + 1, (size_t)tensor->rank * sizeof(tensor->dims[0]));
        }
    }
    return QN_OK;
}
