/* reverse_sequence.c: ReverseSequence: for each batch entry the first sequence_lens[b] time steps in reverse order. */
#include "ops/args.h"
#include "ops/move.h"

struct reverse {
    int64_t batch_axis, time_axis; /* 0 and 1 in either order */
};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct reverse *p = params;

    (void)node, (void)arena;
    QN_CHECK(p->batch_axis >= 0 && p->batch_axis <= 1 && p->time_axis == 1 - p->batch_axis, err, FORMAT,
             "attributes 'batch_axis' and 'time_axis' must be 0 and 1, not %lld and %lld", (long long)p->batch_axis,
             (long long)p->time_axis);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *lens = &in->in[1]->shape;
    struct qn_shape batch = {.rank = 1}, both;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank < 0 || x->rank >= 2, in->err, SHAPE, "a tensor of rank 2 or more is expected, not of rank %d",
             x->rank);
    if (x->rank >= 0) {
        batch.dims[0] = x->dims[((const struct reverse *)params)->batch_axis];
        QN_CHECK(qn_shape_merge(&batch, lens, &both), in->err, SHAPE,
                 "sequence_lens of shape %s does not name one length for each of the batch", qn_shape_text(lens, text));
    }
    return qn_infer_same(in, params);
}

static enum qn_status reverse_move(const struct qn_call *call)
{
    const struct reverse *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *lens = qn_in(call, 1);
    int64_t steps[QN_MAX_RANK], n_time = x->dims[p->time_axis], inner = qn_tensor_span(x, 2, x->rank);
    int64_t size = (int64_t)qn_dtype_bytes(x->dtype);

    qn_dense_steps(x->rank, x->dims, steps);
    for (int64_t b = 0; b < x->dims[p->batch_axis]; b++) {
        int64_t n = qn_index(lens, b), batch = steps[p->batch_axis] * b * size, step = steps[p->time_axis];
        struct qn_move head = {0}, tail = {0};
        const char *src = (const char *)x->data + batch;
        char *dst = (char *)qn_out(call, 0)->data + batch;

        QN_CHECK(n >= 0 && n <= n_time, call->err, RANGE, "sequence_lens[%lld] is %lld, outside 0..%lld", (long long)b,
                 (long long)n, (long long)n_time);
        qn_move_axis(&head, n, -step, step);
        qn_move_axis(&head, inner, 1, 1);
        qn_move_run(&head, (size_t)size, n ? src + (n - 1) * step * size : src, dst, call->pool);
        qn_move_axis(&tail, n_time - n, step, step);
        qn_move_axis(&tail, inner, 1, 1);
        qn_move_run(&tail, (size_t)size, src + n * step * size, dst + n * step * size, call->pool);
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "reverse_sequence_move", .accept = qn_accept_whole_bytes, .run = reverse_move},
    {.name = NULL},
};

const struct qn_op qn_ops_reverse_sequence[] = {
    {.name = "ReverseSequence",
     .domain = "",
     .since = 10,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR3), QN_IN("sequence_lens", 0, QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("Y", 'T', QN_ALL_IR3)),
     .attrs = QN_ATTRS(QN_INT_ATTR(reverse, batch_axis, 1), QN_INT_ATTR(reverse, time_axis, 0)),
     QN_PARAMS(reverse),
     .parse = parse,
     .infer = infer,
     .kernels = kernels},
    {.name = NULL},
};
