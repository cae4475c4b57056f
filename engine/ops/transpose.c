/* transpose.c: Transpose. The permutation is a nest of steps for the mover (move.c), which merges axes that stay
 * together, copies runs whole (attention's [B,S,H,D] to [B,H,S,D]) and goes in blocks where rows become columns (NHWC
 * and NCHW). */
#include "ops/args.h"
#include "ops/move.h"

struct transpose {
    struct qn_ints perm; /* not given: the axes in reverse */
};

static enum qn_status check_perm(const struct qn_ints *perm, struct qn_err *err)
{
    unsigned seen = 0;

    QN_CHECK(perm->n <= QN_MAX_RANK, err, LIMIT, "perm has %zu entries, at most %d are possible", perm->n, QN_MAX_RANK);
    for (size_t i = 0; i < perm->n; i++) {
        QN_CHECK(perm->v[i] >= 0 && perm->v[i] < (int64_t)perm->n, err, SHAPE,
                 "entry %zu of perm is %lld, outside a tensor of rank %zu", i, (long long)perm->v[i], perm->n);
        QN_CHECK(!(seen >> perm->v[i] & 1), err, SHAPE, "perm names axis %lld twice", (long long)perm->v[i]);
        seen |= 1u << perm->v[i];
    }
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    (void)node, (void)arena;
    return check_perm(&((const struct transpose *)params)->perm, err);
}

/* Which axis of the input becomes axis i of the output. */
static int source_axis(const struct transpose *p, int rank, int i)
{
    return p->perm.given ? (int)p->perm.v[i] : rank - 1 - i;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct transpose *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape y = {.rank = x->shape.rank < 0 && p->perm.given ? (int)p->perm.n : x->shape.rank};

    QN_CHECK(!p->perm.given || y.rank == (int)p->perm.n, in->err, SHAPE, "perm has %zu entries for a tensor of rank %d",
             p->perm.n, y.rank);
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = x->shape.rank < 0 ? QN_DIM_UNKNOWN : x->shape.dims[source_axis(p, y.rank, i)];
    return qn_infer_out(in, 0, x->dtype, &y);
}

static enum qn_status transpose_move(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t x_steps[QN_MAX_RANK], y_steps[QN_MAX_RANK];
    struct qn_move move = {0};

    qn_dense_steps(x->rank, x->dims, x_steps);
    qn_dense_steps(y->rank, y->dims, y_steps);
    for (int i = 0; i < y->rank; i++)
        qn_move_axis(&move, y->dims[i], x_steps[source_axis(call->params, x->rank, i)], y_steps[i]);
    qn_move_run(&move, qn_dtype_bytes(x->dtype), x->data, y->data, call->pool);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "transpose_move", .accept = qn_accept_whole_bytes, .run = transpose_move},
    {.name = NULL},
};

#define ROW(first, last, types)                                                                                        \
    {                                                                                                                  \
        .name = "Transpose", .domain = "", .since = (first), .until = (last),                                          \
        .in = QN_FORMALS(QN_IN("data", 'T', types)), .out = QN_FORMALS(QN_OUT("transposed", 'T', types)),              \
        .attrs = QN_ATTRS(QN_INTS_ATTR(transpose, perm)), QN_PARAMS(transpose), .parse = parse, .infer = infer,        \
        .kernels = kernels, .flags = QN_MOVES                                                                          \
    }

const struct qn_op qn_ops_transpose[] = {
    ROW(1, 12, QN_ALL_IR3),   ROW(13, 20, QN_ALL_IR4),  ROW(21, 22, QN_ALL_IR10), ROW(23, 23, QN_ALL_IR11),
    ROW(24, 24, QN_ALL_IR12), ROW(25, 27, QN_ALL_IR13), {.name = NULL},
};
