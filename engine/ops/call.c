/* call.c: what a running kernel may ask for: memory for outputs whose size depends on data, text, deep copies, bodies.
 * All of it goes through the services of whoever runs the node; kernels never touch the heap. */
#include <string.h>

#include "base/checked.h"
#include "ops/op.h"

void *qn_call_alloc(const struct qn_call *call, size_t n, size_t size)
{
    size_t bytes;

    if (!qn_mul(n, size, &bytes)) {
        qn_err_set(call->err, QN_LIMIT, "%zu elements of %zu bytes are too many", n, size);
        return NULL;
    }
    return call->services->alloc(call->services->self, bytes, call->err);
}

/* The status that qn_call_alloc left behind. */
static enum qn_status alloc_status(const struct qn_call *call)
{
    return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
}

enum qn_status qn_call_place(const struct qn_call *call, int i, enum qn_dtype dtype, int rank, const int64_t *dims)
{
    struct qn_tensor *out = qn_out(call, i);
    struct qn_shape shape = qn_shape_make(rank, dims);
    char got[QN_SHAPE_TEXT], want[QN_SHAPE_TEXT];
    size_t bytes;

    if (!out)
        return QN_OK;
    if (out->data) {
        struct qn_shape planned = qn_tensor_shape(out);

        QN_CHECK(out->dtype == dtype && qn_shape_equal(&shape, &planned), call->err, SHAPE,
                 "output %d became %s%s where %s%s was inferred", i, qn_dtype_name(dtype), qn_shape_text(&shape, got),
                 qn_dtype_name(out->dtype), qn_shape_text(&planned, want));
        return QN_OK;
    }
    QN_CHECK(qn_shape_bytes(&shape, dtype, &bytes), call->err, LIMIT, "output %d of shape %s is too large", i,
             qn_shape_text(&shape, got));
    out->dtype = dtype;
    out->rank = rank;
    if (rank)
        memcpy(out->dims, dims, (size_t)rank * sizeof(*dims));
    out->data = qn_call_alloc(call, bytes, 1);
    call->out[i]->kind = QN_TENSOR;
    return out->data ? QN_OK : alloc_status(call);
}

enum qn_status qn_call_str(const struct qn_call *call, const char *text, size_t n, struct qn_str *str)
{
    char *copy = n ? qn_call_alloc(call, n, 1) : (char *)"";

    if (!copy)
        return alloc_status(call);
    if (n)
        memcpy(copy, text, n);
    *str = (struct qn_str){copy, n};
    return QN_OK;
}

static enum qn_status copy_tensor(const struct qn_call *call, const struct qn_tensor *source, struct qn_tensor *copy)
{
    size_t n = qn_tensor_bytes(source);
    void *data = qn_call_alloc(call, n, 1);

    if (!data)
        return alloc_status(call);
    if (n)
        memcpy(data, source->data, n);
    *copy = *source;
    copy->data = data;
    if (source->dtype != QN_STRING)
        return QN_OK;
    for (int64_t i = 0, count = qn_tensor_count(source); i < count; i++) {
        const struct qn_str *str = (const struct qn_str *)source->data + i;

        QN_TRY(qn_call_str(call, str->data, str->n, (struct qn_str *)data + i));
    }
    return QN_OK;
}

/* Values nest as deeply as their type does, which import bounds; the recursion is as deep. */
enum qn_status qn_call_copy(const struct qn_call *call, const struct qn_value *source, struct qn_value *copy)
{
    struct qn_value made = *source;

    if (source->kind == QN_TENSOR) {
        QN_TRY(copy_tensor(call, &source->tensor, &made.tensor));
    } else {
        made.items = qn_call_alloc(call, source->n, sizeof(*made.items));
        if (!made.items)
            return alloc_status(call);
        for (size_t i = 0; i < source->n; i++)
            QN_TRY(qn_call_copy(call, &source->items[i], &made.items[i]));
    }
    *copy = made;
    return QN_OK;
}

enum qn_status qn_call_body(const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                            struct qn_value *outs, size_t n_outs)
{
    return call->services->body(call->services->self, call, b, ins, n_ins, outs, n_outs);
}

enum qn_status qn_call_poll(const struct qn_call *call)
{
    return call->services->poll ? call->services->poll(call->services->self, call->err) : QN_OK;
}
