/* shape.c: Shape, Size. What they say is known as soon as the input's shape is, so inference makes the result a
 * constant; the kernels are for inputs whose shape only the run knows. */
#include <string.h>

#include "ops/op.h"

struct shape {
    int64_t start, end; /* the asked range of axes, clamped to the rank; counted from the end when negative */
};

/* An int64 tensor of n values (rank 0 when n is -1: one value) as output 0. */
static enum qn_status known_ints(struct qn_infer *in, int64_t n, const int64_t *values)
{
    struct qn_tensor tensor = {.dtype = QN_INT64, .rank = n >= 0, .dims = {n}};
    struct qn_tensor *copy = qn_arena_memdup(in->arena, &tensor, sizeof(tensor));
    struct qn_fact fact;

    QN_CHECK_MEM(copy, in->err);
    copy->data = qn_arena_array(in->arena, n >= 0 ? (size_t)n : 1, sizeof(*values));
    QN_CHECK_MEM(copy->data, in->err);
    memcpy(copy->data, values, (n >= 0 ? (size_t)n : 1) * sizeof(*values));
    fact = qn_fact_const(copy);
    return qn_infer_out_fact(in, 0, &fact);
}

/* ---- Shape ---------------------------------------------------------------------------------------------------- */

static int clamp_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return (int)(axis < 0 ? 0 : axis > rank ? rank : axis);
}

static void asked_range(const struct shape *p, int rank, int *begin, int *n)
{
    int end = clamp_axis(p->end, rank);

    *begin = clamp_axis(p->start, rank);
    *n = end > *begin ? end - *begin : 0;
}

static enum qn_status infer_shape(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    struct qn_shape y = qn_shape_1d(QN_DIM_UNKNOWN);
    bool known = true;
    int begin, n;

    if (x->rank < 0)
        return qn_infer_out(in, 0, QN_INT64, &y);
    asked_range(params, x->rank, &begin, &n);
    for (int i = 0; i < n; i++)
        known = known && qn_dim_known(x->dims[begin + i]);
    if (known)
        return known_ints(in, n, x->dims + begin);
    y.dims[0] = n;
    return qn_infer_out(in, 0, QN_INT64, &y);
}

static enum qn_status shape_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int begin, n;

    asked_range(call->params, x->rank, &begin, &n);
    if (n > 0)
        memcpy(qn_out(call, 0)->data, x->dims + begin, (size_t)n * sizeof(*x->dims));
    return QN_OK;
}

static const struct qn_kernel shape_kernels[] = {
    {.name = "shape_ref", .run = shape_ref},
    {.name = NULL},
};

/* ---- Size ----------------------------------------------------------------------------------------------------- */

static enum qn_status infer_size(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    int64_t n;

    (void)params;
    if (x->rank >= 0 && qn_dims_count(x->dims, 0, x->rank, &n))
        return known_ints(in, -1, &n);
    return qn_infer_out(in, 0, QN_INT64, &QN_SHAPE_SCALAR);
}

static enum qn_status size_ref(const struct qn_call *call)
{
    *(int64_t *)qn_out(call, 0)->data = qn_tensor_count(qn_in(call, 0));
    return QN_OK;
}

static const struct qn_kernel size_kernels[] = {
    {.name = "size_ref", .run = size_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, types, result, ...)                                                                       \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("data", 'T', types)),    \
        .out = QN_FORMALS(QN_OUT(result, 0, QN_BIT(INT64))), __VA_ARGS__                                               \
    }
#define SHAPE_1(first, last, types)                                                                                    \
    ROW("Shape", first, last, types, "shape", QN_PRESET(shape, .end = QN_MAX_RANK), .infer = infer_shape,              \
        .kernels = shape_kernels)
#define SHAPE_15(first, last, types)                                                                                   \
    ROW("Shape", first, last, types, "shape", QN_PARAMS(shape),                                                        \
        .attrs = QN_ATTRS(QN_INT_ATTR(shape, start, 0), QN_INT_ATTR(shape, end, QN_MAX_RANK)), .infer = infer_shape,   \
        .kernels = shape_kernels)
#define SIZE(first, last, types) ROW("Size", first, last, types, "size", .infer = infer_size, .kernels = size_kernels)

const struct qn_op qn_ops_shape[] = {
    SHAPE_1(1, 12, QN_ALL_IR3),    SHAPE_1(13, 14, QN_ALL_IR4),
    SHAPE_15(15, 18, QN_ALL_IR4),  SHAPE_15(19, 20, QN_ALL_IR9),
    SHAPE_15(21, 22, QN_ALL_IR10), SHAPE_15(23, 23, QN_ALL_IR11),
    SHAPE_15(24, 24, QN_ALL_IR12), SHAPE_15(25, 27, QN_ALL_IR13),
    SIZE(1, 12, QN_ALL_IR3),       SIZE(13, 18, QN_ALL_IR4),
    SIZE(19, 20, QN_ALL_IR9),      SIZE(21, 22, QN_ALL_IR10),
    SIZE(23, 23, QN_ALL_IR11),     SIZE(24, 24, QN_ALL_IR12),
    SIZE(25, 27, QN_ALL_IR13),     {.name = NULL},
};
