/* lp_norm.c: LpNormalization: along one axis, x / (sum of |x|^p)^(1/p) for p 1 or 2; where that is 0, 0.
 * Not here: normalising rows of features (ai.onnx.ml Normalizer), norms by themselves (ReduceL1, ReduceL2). */
#include <math.h>
#include <string.h>

#include "ops/broadcast.h"

struct lp_norm {
    int64_t axis, p;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct lp_norm *p = params;
    const struct qn_shape *x = &in->in[0]->shape;
    int axis;

    if (x->rank >= 0)
        QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
    return qn_infer_same(in, params);
}

/* The tensor as [outer][n][inner]: the norm runs over n. */
struct block {
    int64_t outer, n, inner;
};

static struct block block_of(const struct lp_norm *p, int rank, const int64_t *dims)
{
    int axis = (int)(p->axis < 0 ? p->axis + rank : p->axis);
    struct block b = {1, dims[axis], 1};

    for (int i = 0; i < rank; i++) {
        if (i < axis)
            b.outer *= dims[i];
        if (i > axis)
            b.inner *= dims[i];
    }
    return b;
}

static void normalize(const struct qn_call *call, int64_t at, int64_t n, int64_t step)
{
    const struct lp_norm *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    double norm = 0;

    for (int64_t i = 0; i < n; i++) {
        double v = fabs(qn_tensor_double(x, at + i * step));

        norm += p->p == 1 ? v : v * v;
    }
    norm = p->p == 1 ? norm : sqrt(norm);
    for (int64_t i = 0; i < n; i++)
        qn_tensor_set_double(qn_out(call, 0), at + i * step, norm == 0 ? 0 : qn_tensor_double(x, at + i * step) / norm);
}

static enum qn_status lp_norm_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    const struct block b = block_of(call->params, x->rank, x->dims);

    for (int64_t o = 0; o < b.outer; o++)
        for (int64_t i = 0; i < b.inner; i++)
            normalize(call, o * b.n * b.inner + i, b.n, b.inner);
    return QN_OK;
}

/* ---- float32 along the last axis ------------------------------------------------------------------------------ */

static const char *accept_rows(const struct qn_site *site)
{
    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    return block_of(site->params, site->in[0]->shape.rank, site->in[0]->shape.dims).inner == 1
               ? NULL
               : "the axis is not the innermost";
}

struct rows {
    int64_t p, n, n_rows;
    const float *x;
    float *y;
};

static void rows_part(void *arg, int part, int n_parts)
{
    const struct qn_kern *kern = qn_kern();
    const struct rows *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->n_rows, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const float *x = r->x + i * r->n;
        float norm = r->p == 1 ? kern->sum_abs(x, (size_t)r->n) : sqrtf(kern->sum_sq(x, (size_t)r->n));

        if (norm == 0)
            memset(r->y + i * r->n, 0, (size_t)r->n * sizeof(float));
        else
            kern->vs[QN_DIV](r->y + i * r->n, x, norm, (size_t)r->n);
    }
}

static enum qn_status lp_norm_rows(const struct qn_call *call)
{
    const struct lp_norm *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    const struct block b = block_of(p, x->rank, x->dims);
    struct rows rows = {p->p, b.n, b.outer, x->data, qn_out(call, 0)->data};

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, b.outer * b.n, 2), rows_part, &rows);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "lpnorm_rows_f32", .accept = accept_rows, .run = lp_norm_rows},
    {.name = "lpnorm_ref", .accept = qn_accept_not_narrow, .run = lp_norm_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(first, last, type_set)                                                                                     \
    {                                                                                                                  \
        .name = "LpNormalization", .domain = "", .since = (first), .until = (last),                                    \
        .in = QN_FORMALS(QN_IN("input", 'T', type_set)), .out = QN_FORMALS(QN_OUT("output", 'T', type_set)),           \
        .attrs = QN_ATTRS(QN_INT_ATTR(lp_norm, axis, -1), QN_INT_ATTR_RANGE(lp_norm, p, 2, 1, 2)), QN_PARAMS(lp_norm), \
        .infer = infer, .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = QN_ROUNDING,                        \
    }

const struct qn_op qn_ops_lp_norm[] = {
    ROW(1, 21, QN_FLOATS_STD),
    ROW(22, 27, QN_FLOATS),
    {.name = NULL},
};
