/* trilu.c: Trilu: the upper or lower triangle of the matrices in the last two axes; the rest becomes zero. */
#include <string.h>

#include "ops/args.h"
#include "ops/move.h"

struct trilu {
    bool upper;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    int rank = qn_infer_in(in, 0)->shape.rank;

    QN_CHECK(rank < 0 || rank >= 2, in->err, SHAPE, "a matrix or a stack of them is expected, not a tensor of rank %d",
             rank);
    return qn_infer_same(in, params);
}

struct job {
    const char *x;
    char *y;
    int64_t rows, cols, n_rows; /* of one matrix; of all */
    int64_t diagonal;           /* k, clamped to where it still matters */
    size_t size;
    bool upper;
};

static int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static void rows_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->n_rows, 1, part, n_parts, &begin, &end);
    for (int64_t r = begin; r < end; r++) {
        int64_t edge = clamp(r % job->rows + job->diagonal + !job->upper, 0, job->cols);
        size_t row = (size_t)(r * job->cols) * job->size, split = (size_t)edge * job->size;
        size_t n = (size_t)job->cols * job->size, from = job->upper ? split : 0, to = job->upper ? n : split;

        if (job->x != job->y)
            memcpy(job->y + row + from, job->x + row + from, to - from);
        if (job->upper)
            memset(job->y + row, 0, split);
        else
            memset(job->y + row + split, 0, n - split);
    }
}

static enum qn_status trilu_rows(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0), *k = qn_in(call, 1);
    struct job job = {.x = x->data,
                      .y = qn_out(call, 0)->data,
                      .rows = x->dims[x->rank - 2],
                      .cols = x->dims[x->rank - 1],
                      .size = qn_dtype_bytes(x->dtype),
                      .upper = ((const struct trilu *)call->params)->upper};

    QN_CHECK(!k || qn_tensor_count(k) == 1, call->err, SHAPE, "k must be one number, not %lld elements",
             (long long)qn_tensor_count(k));
    if (qn_tensor_count(x) == 0)
        return QN_OK;
    job.n_rows = qn_tensor_span(x, 0, x->rank - 1);
    job.diagonal = k ? clamp(qn_tensor_int(k, 0), -job.rows - 1, job.cols) : 0;
    qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(x)), rows_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "trilu_rows", .accept = qn_accept_whole_bytes, .run = trilu_rows},
    {.name = NULL},
};

const struct qn_op qn_ops_trilu[] = {
    {.name = "Trilu",
     .domain = "",
     .since = 14,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR4), QN_OPT("k", 0, QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("output", 'T', QN_ALL_IR4)),
     .attrs = QN_ATTRS(QN_BOOL_ATTR(trilu, upper, 1)),
     QN_PARAMS(trilu),

     .infer = infer,
     .kernels = kernels,
     .inplace = QN_INPLACE(0)},
    {.name = NULL},
};
