/* slice.c: Slice. Version 1 has the bounds as attributes and no steps. Bounds are clamped as in numpy, steps may be
 * negative. Where only some bounds are known to inference, the other axes keep their dims. */
#include "ops/args.h"
#include "ops/move.h"

/* The inputs behind the data, as far as they are known. */
struct bounds {
    struct qn_arg starts, ends, axes, steps;
};

/* One axis, resolved. */
struct range {
    int64_t start, step, n;
};

static enum qn_status check_bounds(struct bounds *b, int rank, struct qn_err *err)
{
    int n = b->starts.n;

    QN_CHECK(b->ends.n == n && (!b->axes.given || b->axes.n == n) && (!b->steps.given || b->steps.n == n), err, SHAPE,
             "starts, ends, axes and steps must be equally long");
    QN_CHECK(n <= rank, err, SHAPE, "%d axes of a tensor of rank %d cannot be sliced", n, rank);
    if (!b->axes.given)
        for (int i = 0; i < n; i++)
            b->axes.v[i] = i;
    b->axes.n = n;
    for (int i = 0; i < n && b->steps.given; i++)
        QN_CHECK(b->steps.v[i] != 0, err, RANGE, "the step of axis %lld is zero", (long long)b->axes.v[i]);
    return qn_arg_axes(&b->axes, rank, err);
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static struct range resolve(int64_t dim, int64_t start, int64_t end, int64_t step)
{
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? dim - 1 : dim;
    struct range r = {.step = step};
    uint64_t span, stride = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;

    start = clamp(start < 0 ? start + dim : start, low < 0 && dim > 0 ? 0 : low, high);
    end = clamp(end < 0 ? end + dim : end, low, high);
    r.start = start;
    if (step < 0 ? start <= end : start >= end)
        return r;
    span = step < 0 ? (uint64_t)(start - end) : (uint64_t)(end - start);
    r.n = (int64_t)((span - 1) / stride + 1);
    return r;
}

/* The whole axis, whatever its size: start 0, no step, an end as large as exporters write for "to the end". */
static bool is_whole(int64_t start, int64_t end, int64_t step) { return step == 1 && start == 0 && end >= INT32_MAX; }

static enum qn_status infer_known(struct qn_infer *in, struct bounds *b, struct qn_shape *y)
{
    QN_TRY(check_bounds(b, y->rank, in->err));
    for (int i = 0; i < b->axes.n; i++) {
        int64_t *dim = &y->dims[b->axes.v[i]], step = b->steps.given ? b->steps.v[i] : 1;

        if (qn_dim_known(*dim))
            *dim = resolve(*dim, b->starts.v[i], b->ends.v[i], step).n;
        else if (!is_whole(b->starts.v[i], b->ends.v[i], step))
            *dim = QN_DIM_UNKNOWN;
    }
    return QN_OK;
}

/* Some bound is not known: the axes that are touched become unknown; all, when not even these are known. */
static enum qn_status infer_unknown(struct qn_infer *in, struct qn_arg *axes, bool axes_known, int n,
                                    struct qn_shape *y)
{
    bool all = !axes_known || (!axes->given && n < 0);

    if (axes_known && axes->given)
        QN_TRY(qn_arg_axes(axes, y->rank, in->err));
    for (int i = 0; i < y->rank && all; i++)
        y->dims[i] = QN_DIM_UNKNOWN;
    for (int i = 0; i < axes->n && axes->given && !all; i++)
        y->dims[axes->v[i]] = QN_DIM_UNKNOWN;
    for (int i = 0; i < n && i < y->rank && !axes->given && !all; i++)
        y->dims[i] = QN_DIM_UNKNOWN;
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y = qn_infer_in(in, 0)->shape;
    bool starts_known, ends_known, axes_known, steps_known;
    struct bounds b;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "starts", &b.starts, &starts_known));
    QN_TRY(qn_arg_infer(in, 2, "ends", &b.ends, &ends_known));
    QN_TRY(qn_arg_infer(in, 3, "axes", &b.axes, &axes_known));
    QN_TRY(qn_arg_infer(in, 4, "steps", &b.steps, &steps_known));
    if (y.rank >= 0 && starts_known && ends_known && axes_known && steps_known)
        QN_TRY(infer_known(in, &b, &y));
    else if (y.rank >= 0)
        QN_TRY(infer_unknown(in, &b.axes, axes_known, b.starts.n, &y));
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status read_bounds(const struct qn_call *call, struct bounds *b)
{
    QN_TRY(qn_arg_read(qn_in(call, 1), "starts", &b->starts, call->err));
    QN_TRY(qn_arg_read(qn_in(call, 2), "ends", &b->ends, call->err));
    QN_TRY(qn_arg_read(qn_in(call, 3), "axes", &b->axes, call->err));
    QN_TRY(qn_arg_read(qn_in(call, 4), "steps", &b->steps, call->err));
    return check_bounds(b, qn_in(call, 0)->rank, call->err);
}

static enum qn_status slice_move(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape y = qn_tensor_shape(x);
    int64_t x_steps[QN_MAX_RANK], y_steps[QN_MAX_RANK], steps[QN_MAX_RANK], at = 0;
    struct qn_move move = {0};
    struct bounds b;

    QN_TRY(read_bounds(call, &b));
    qn_dense_steps(x->rank, x->dims, x_steps);
    for (int i = 0; i < x->rank; i++)
        steps[i] = 1;
    for (int i = 0; i < b.axes.n; i++) {
        int axis = (int)b.axes.v[i];
        struct range r = resolve(x->dims[axis], b.starts.v[i], b.ends.v[i], b.steps.given ? b.steps.v[i] : 1);

        y.dims[axis] = r.n;
        at += r.n ? r.start * x_steps[axis] : 0;
        steps[axis] = r.n > 1 ? r.step : 0; /* a step that is never taken may be of any size */
    }
    QN_TRY(qn_arg_check_out(call, 0, &y));
    qn_dense_steps(y.rank, y.dims, y_steps);
    for (int i = 0; i < y.rank; i++)
        qn_move_axis(&move, y.dims[i], steps[i] * x_steps[i], y_steps[i]);
    qn_move_run(&move, qn_dtype_bytes(x->dtype), (const char *)x->data + at * (int64_t)qn_dtype_bytes(x->dtype),
                qn_out(call, 0)->data, call->pool);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "slice_move", .accept = qn_accept_whole_bytes, .run = slice_move},
    {.name = NULL},
};

#define BOUNDS (QN_BIT(INT32) | QN_BIT(INT64))
#define ROW(first, last, types, attributes)                                                                            \
    {                                                                                                                  \
        .name = "Slice", .domain = "", .since = (first), .until = (last),                                              \
        .in = QN_FORMALS(QN_IN("data", 'T', types), QN_IN("starts", 'i', BOUNDS), QN_IN("ends", 'i', BOUNDS),          \
                         QN_OPT("axes", 'i', BOUNDS), QN_OPT("steps", 'i', BOUNDS)),                                   \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), .infer = infer, .kernels = kernels, .flags = QN_MOVES,        \
        .attrs = (attributes)                                                                                          \
    }

const struct qn_op qn_ops_slice[] = {
    ROW(1, 9, QN_ALL_IR3,
        QN_ATTRS(QN_INPUT_ATTR("starts", INTS, 1), QN_INPUT_ATTR("ends", INTS, 2), QN_INPUT_ATTR("axes", INTS, 3))),
    ROW(10, 12, QN_ALL_IR3, NULL),
    ROW(13, 27, QN_ALL_IR4, NULL),
    {.name = NULL},
};
