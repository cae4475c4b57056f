/* center_crop_pad.c: CenterCropPad: the middle of the input in the middle of a zeroed output; of an odd difference the
 * smaller half goes to the front. */
#include <string.h>

#include "ops/args.h"
#include "ops/move.h"

struct center {
    struct qn_ints axes; /* not given: all */
};

/* The dims of the result; unknown ones among x stay unless they are named. */
static enum qn_status resolve(const struct center *p, const struct qn_arg *sizes, struct qn_shape *y,
                              struct qn_err *err)
{
    struct qn_arg axes = {.given = true, .n = p->axes.given ? (int)p->axes.n : y->rank};

    QN_CHECK(!p->axes.given || p->axes.n <= QN_MAX_RANK, err, SHAPE, "attribute 'axes' has %zu entries", p->axes.n);
    for (int i = 0; i < axes.n; i++)
        axes.v[i] = p->axes.given ? p->axes.v[i] : i;
    QN_TRY(qn_arg_axes(&axes, y->rank, err));
    QN_CHECK(sizes->n == axes.n, err, SHAPE, "shape has %d entries for %d axes", sizes->n, axes.n);
    for (int i = 0; i < axes.n; i++) {
        QN_CHECK(sizes->v[i] >= 0, err, RANGE, "entry %d of shape is %lld", i, (long long)sizes->v[i]);
        y->dims[axes.v[i]] = sizes->v[i];
    }
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y = in->in[0]->shape;
    struct qn_arg sizes;
    bool known;

    QN_TRY(qn_arg_infer(in, 1, "shape", &sizes, &known));
    if (y.rank >= 0 && known)
        QN_TRY(resolve(params, &sizes, &y, in->err));
    for (int i = 0; i < y.rank && !known; i++)
        y.dims[i] = QN_DIM_UNKNOWN;
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status center_move(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape y = qn_tensor_shape(x);
    int64_t x_steps[QN_MAX_RANK], y_steps[QN_MAX_RANK], from = 0, to = 0;
    size_t size = qn_dtype_bytes(x->dtype);
    char *out = qn_out(call, 0)->data;
    struct qn_move move = {0};
    struct qn_arg sizes;

    QN_TRY(qn_arg_read(qn_in(call, 1), "shape", &sizes, call->err));
    QN_TRY(resolve(call->params, &sizes, &y, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &y));
    qn_dense_steps(x->rank, x->dims, x_steps);
    qn_dense_steps(y.rank, y.dims, y_steps);
    for (int i = 0; i < y.rank; i++) {
        int64_t shared = y.dims[i] < x->dims[i] ? y.dims[i] : x->dims[i];

        from += (x->dims[i] - shared) / 2 * x_steps[i];
        to += (y.dims[i] - shared) / 2 * y_steps[i];
        qn_move_axis(&move, shared, x_steps[i], y_steps[i]);
    }
    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    memset(out, 0, qn_tensor_bytes(qn_out(call, 0)));
    if (qn_tensor_count(x) > 0)
        qn_move_run(&move, size, (const char *)x->data + (size_t)from * size, out + (size_t)to * size, call->pool);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "center_crop_pad_move", .accept = qn_accept_whole_bytes, .run = center_move},
    {.name = NULL},
};

const struct qn_op qn_ops_center_crop_pad[] = {
    {.name = "CenterCropPad",
     .domain = "",
     .since = 18,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input_data", 'T', QN_ALL_IR4), QN_IN("shape", 0, QN_BIT(INT32) | QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("output_data", 'T', QN_ALL_IR4)),
     .attrs = QN_ATTRS(QN_INTS_ATTR(center, axes)),
     QN_PARAMS(center),
     .infer = infer,
     .kernels = kernels},
    {.name = NULL},
};
