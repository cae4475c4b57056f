/* softmax.c: Softmax, LogSoftmax, Hardmax.
 * Versions 1 and 11: the input is flattened to [prod(dims before axis), prod(dims from axis on)] and each row is one
 * distribution; version 13: along `axis` alone. Rows with NaN stay NaN; an empty axis gives an empty result.
 * Not here: the softmax inside attention. */
#include <math.h>

#include "ops/op.h"

struct softmax {
    int64_t axis;
    bool flatten; /* versions before 13 */
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct softmax *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    int axis;

    /* The old form allows axis == rank for a row of one; a scalar is a row of one. */
    if (x->shape.rank > 0 && !(p->flatten && p->axis == x->shape.rank))
        QN_TRY(qn_infer_axis(in, p->axis, x->shape.rank, &axis));
    return qn_infer_same(in, params);
}

/* The tensor as [outer, n, inner]: the distribution runs over n. */
struct block {
    int64_t outer, n, inner;
};

static struct block block_of(const struct qn_tensor *x, const struct softmax *p)
{
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);

    if (x->rank == 0)
        return (struct block){1, 1, 1};
    if (p->flatten)
        return (struct block){qn_tensor_span(x, 0, axis), qn_tensor_span(x, axis, x->rank), 1};
    return (struct block){qn_tensor_span(x, 0, axis), x->dims[axis], qn_tensor_span(x, axis + 1, x->rank)};
}

/* ---- Reference: one row of n elements, `step` apart, in double ------------------------------------------------ */

typedef void row_fn(const struct qn_tensor *x, struct qn_tensor *y, int64_t at, int64_t n, int64_t step);

static double row_max(const struct qn_tensor *x, int64_t at, int64_t n, int64_t step)
{
    double max = -INFINITY;

    for (int64_t i = 0; i < n; i++) {
        double v = qn_tensor_double(x, at + i * step);

        if (v > max || isnan(v))
            max = v;
    }
    return max;
}

static double row_sum(const struct qn_tensor *x, int64_t at, int64_t n, int64_t step, double max)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += exp(qn_tensor_double(x, at + i * step) - max);
    return sum;
}

static void softmax_row(const struct qn_tensor *x, struct qn_tensor *y, int64_t at, int64_t n, int64_t step)
{
    double max = row_max(x, at, n, step), sum = row_sum(x, at, n, step, max);

    for (int64_t i = at; i < at + n * step; i += step)
        qn_tensor_set_double(y, i, exp(qn_tensor_double(x, i) - max) / sum);
}

static void log_softmax_row(const struct qn_tensor *x, struct qn_tensor *y, int64_t at, int64_t n, int64_t step)
{
    double max = row_max(x, at, n, step), log_sum = log(row_sum(x, at, n, step, max));

    for (int64_t i = at; i < at + n * step; i += step)
        qn_tensor_set_double(y, i, qn_tensor_double(x, i) - max - log_sum);
}

/* 1 at the first maximum, 0 elsewhere. A NaN counts as the largest. */
static void hardmax_row(const struct qn_tensor *x, struct qn_tensor *y, int64_t at, int64_t n, int64_t step)
{
    double max = row_max(x, at, n, step);
    bool found = false;

    for (int64_t i = at; i < at + n * step; i += step) {
        double v = qn_tensor_double(x, i);
        bool here = !found && (v == max || isnan(v));

        qn_tensor_set_double(y, i, here);
        found = found || here;
    }
}

static enum qn_status each_row(const struct qn_call *call, row_fn *row)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct block b = block_of(x, call->params);

    for (int64_t o = 0; o < b.outer; o++)
        for (int64_t i = 0; i < b.inner; i++)
            row(x, qn_out(call, 0), o * b.n * b.inner + i, b.n, b.inner);
    return QN_OK;
}

static enum qn_status softmax_ref(const struct qn_call *call) { return each_row(call, softmax_row); }
static enum qn_status log_softmax_ref(const struct qn_call *call) { return each_row(call, log_softmax_row); }
static enum qn_status hardmax_ref(const struct qn_call *call) { return each_row(call, hardmax_row); }

/* ---- Fast: contiguous float32 rows ---------------------------------------------------------------------------- */

static const char *accept_f32_rows(const struct qn_site *site)
{
    const struct softmax *p = site->params;
    const struct qn_shape *shape = &site->in[0]->shape;
    int64_t inner = 1;

    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    if (!p->flatten && shape->rank > 0)
        qn_dims_count(shape->dims, (int)(p->axis < 0 ? p->axis + shape->rank : p->axis) + 1, shape->rank, &inner);
    return inner == 1 ? NULL : "the axis is not the innermost";
}

typedef void f32_row_fn(float *dst, const float *src, size_t n);

struct rows {
    f32_row_fn *row;
    const float *x;
    float *y;
    struct block b;
};

static void rows_part(void *arg, int part, int n_parts)
{
    const struct rows *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->b.outer, 1, part, n_parts, &begin, &end);
    for (int64_t o = begin; o < end; o++)
        r->row(r->y + o * r->b.n, r->x + o * r->b.n, (size_t)r->b.n);
}

static enum qn_status each_f32_row(const struct qn_call *call, f32_row_fn *row)
{
    struct rows r = {row, qn_in(call, 0)->data, qn_out(call, 0)->data, block_of(qn_in(call, 0), call->params)};
    bool small = r.b.outer * r.b.n < 32768;

    if (r.b.n > 0)
        qn_pool_run(call->pool, small ? 1 : qn_pool_threads(call->pool), rows_part, &r);
    return QN_OK;
}

static void softmax_f32_row(float *dst, const float *src, size_t n) { qn_kern()->softmax(dst, src, NULL, 1.0f, n); }
static void log_softmax_f32_row(float *dst, const float *src, size_t n) { qn_kern()->log_softmax(dst, src, n); }

static enum qn_status softmax_f32(const struct qn_call *call) { return each_f32_row(call, softmax_f32_row); }
static enum qn_status log_softmax_f32(const struct qn_call *call) { return each_f32_row(call, log_softmax_f32_row); }

static const struct qn_kernel softmax_kernels[] = {
    {.name = "softmax_f32", .accept = accept_f32_rows, .run = softmax_f32},
    {.name = "softmax_ref", .accept = qn_accept_not_narrow, .run = softmax_ref},
    {.name = NULL},
};
static const struct qn_kernel log_softmax_kernels[] = {
    {.name = "log_softmax_f32", .accept = accept_f32_rows, .run = log_softmax_f32},
    {.name = "log_softmax_ref", .accept = qn_accept_not_narrow, .run = log_softmax_ref},
    {.name = NULL},
};
static const struct qn_kernel hardmax_kernels[] = {
    {.name = "hardmax_ref", .accept = qn_accept_not_narrow, .run = hardmax_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, default_axis, old, type_set, kernel_list, level)                                          \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("input", 'T', type_set)), .out = QN_FORMALS(QN_OUT("output", 'T', type_set)),           \
        .attrs = QN_ATTRS(QN_INT_ATTR(softmax, axis, default_axis)), QN_PRESET(softmax, .flatten = (old)),             \
        .infer = infer, .kernels = (kernel_list), .inplace = QN_INPLACE(0), .tolerance = (level),                      \
    }

const struct qn_op qn_ops_softmax[] = {
    ROW("Softmax", 1, 10, 1, true, QN_FLOATS_STD, softmax_kernels, QN_ROUNDING),
    ROW("Softmax", 11, 12, 1, true, QN_FLOATS_STD, softmax_kernels, QN_ROUNDING),
    ROW("Softmax", 13, 27, -1, false, QN_FLOATS, softmax_kernels, QN_ROUNDING),
    ROW("LogSoftmax", 1, 10, 1, true, QN_FLOATS_STD, log_softmax_kernels, QN_ROUNDING),
    ROW("LogSoftmax", 11, 12, 1, true, QN_FLOATS_STD, log_softmax_kernels, QN_ROUNDING),
    ROW("LogSoftmax", 13, 27, -1, false, QN_FLOATS, log_softmax_kernels, QN_ROUNDING),
    ROW("Hardmax", 1, 10, 1, true, QN_FLOATS_STD, hardmax_kernels, QN_EXACT),
    ROW("Hardmax", 11, 12, 1, true, QN_FLOATS_STD, hardmax_kernels, QN_EXACT),
    ROW("Hardmax", 13, 27, -1, false, QN_FLOATS, hardmax_kernels, QN_EXACT),
    {.name = NULL},
};
