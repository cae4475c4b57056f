/* concat.c: Concat. Every input is copied as rows of its own length into rows of the output's length. */
#include <string.h>

#include "base/checked.h"
#include "ops/move.h"
#include "ops/op.h"

struct concat {
    int64_t axis;
};

/* Adds what input i says: equal dims beside the axis, its dim along the axis on top. */
static enum qn_status append(struct qn_infer *in, int i, int axis, struct qn_shape *y)
{
    const struct qn_shape *x = &in->in[i]->shape;
    struct qn_shape rest = *x, merged;
    char got[QN_SHAPE_TEXT], want[QN_SHAPE_TEXT];
    int64_t *sum = &y->dims[axis];

    if (x->rank < 0) {
        *sum = QN_DIM_UNKNOWN;
        return QN_OK;
    }
    rest.dims[axis] = *sum;
    QN_CHECK(x->rank == y->rank && qn_shape_merge(y, &rest, &merged), in->err, SHAPE,
             "input %d of shape %s does not fit %s along axis %d", i, qn_shape_text(x, got), qn_shape_text(y, want),
             axis);
    *y = merged;
    if (!qn_dim_known(*sum) || !qn_dim_known(x->dims[axis]))
        *sum = QN_DIM_UNKNOWN;
    else
        QN_CHECK(qn_add64(*sum, x->dims[axis], sum), in->err, LIMIT, "the result is too large");
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    int axis;

    for (int i = 0; i < in->n_in && y.rank < 0; i++)
        y = in->in[i]->shape;
    if (y.rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct concat *)params)->axis, y.rank, &axis));
        y.dims[axis] = 0;
        for (int i = 0; i < in->n_in; i++)
            QN_TRY(append(in, i, axis, &y));
        if (in->n_in == 1)
            y = in->in[0]->shape;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status concat_move(const struct qn_call *call)
{
    const struct concat *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    int axis = (int)(p->axis < 0 ? p->axis + y->rank : p->axis);
    int64_t outer = qn_tensor_span(y, 0, axis), row = qn_tensor_span(y, axis, y->rank), at = 0;
    size_t size = qn_dtype_bytes(y->dtype);

    for (int i = 0; i < call->n_in; i++) {
        const struct qn_tensor *x = qn_in(call, i);
        int64_t n = qn_tensor_span(x, axis, x->rank);
        struct qn_move move = {0};

        qn_move_axis(&move, outer, n, row);
        qn_move_axis(&move, n, 1, 1);
        qn_move_run(&move, size, x->data, (char *)y->data + (size_t)at * size, call->pool);
        at += n;
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "concat_move", .accept = qn_accept_whole_bytes, .run = concat_move},
    {.name = NULL},
};

#define ROW(first, last, types, attribute)                                                                             \
    {                                                                                                                  \
        .name = "Concat", .domain = "", .since = (first), .until = (last),                                             \
        .in = QN_FORMALS(QN_VAR("inputs", 'T', types)), .out = QN_FORMALS(QN_OUT("concat_result", 'T', types)),        \
        .attrs = QN_ATTRS(attribute), QN_PARAMS(concat), .infer = infer, .kernels = kernels                            \
    }

const struct qn_op qn_ops_concat[] = {
    ROW(1, 3, QN_FLOATS_STD, QN_INT_ATTR(concat, axis, 1)),
    ROW(4, 12, QN_ALL_IR3, QN_INT_ATTR_REQUIRED(concat, axis)),
    ROW(13, 27, QN_ALL_IR4, QN_INT_ATTR_REQUIRED(concat, axis)),
    {.name = NULL},
};
