/* args.c: reading small lists of integers and axes for inference and kernels. */
#include "ops/args.h"

enum qn_status qn_arg_read(const struct qn_tensor *tensor, const char *what, struct qn_arg *arg, struct qn_err *err)
{
    int64_t n;

    *arg = (struct qn_arg){.given = tensor != NULL};
    if (!tensor)
        return QN_OK;
    n = qn_tensor_count(tensor);
    QN_CHECK(n <= QN_ARG_MAX, err, SHAPE, "%s has %lld entries, at most %d make sense", what, (long long)n, QN_ARG_MAX);
    for (int64_t i = 0; i < n; i++)
        arg->v[i] = qn_tensor_int(tensor, i);
    arg->n = (int)n;
    return QN_OK;
}

enum qn_status qn_arg_infer(struct qn_infer *in, int i, const char *what, struct qn_arg *arg, bool *known)
{
    const struct qn_fact *fact = qn_infer_in(in, i);
    int64_t n;

    *known = !fact || fact->konst;
    if (*known)
        return qn_arg_read(fact ? fact->konst : NULL, what, arg, in->err);
    *arg = (struct qn_arg){.given = true, .n = -1};
    if (fact->shape.rank < 0 || !qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &n))
        return QN_OK;
    QN_CHECK(n <= QN_ARG_MAX, in->err, SHAPE, "%s has %lld entries, at most %d make sense", what, (long long)n,
             QN_ARG_MAX);
    arg->n = (int)n;
    return QN_OK;
}

enum qn_status qn_arg_axis(int64_t axis, int rank, int *result, struct qn_err *err)
{
    *result = 0;
    QN_CHECK(axis >= -rank && axis < rank, err, SHAPE, "axis %lld is outside a tensor of rank %d", (long long)axis,
             rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return QN_OK;
}

enum qn_status qn_arg_axes(struct qn_arg *axes, int rank, struct qn_err *err)
{
    unsigned seen = 0;

    for (int i = 0; i < axes->n; i++) {
        int axis;

        QN_TRY(qn_arg_axis(axes->v[i], rank, &axis, err));
        QN_CHECK(!(seen >> axis & 1), err, SHAPE, "axis %d is named twice", axis);
        seen |= 1u << axis;
        axes->v[i] = axis;
    }
    return QN_OK;
}

enum qn_status qn_arg_check_out(const struct qn_call *call, int i, const struct qn_shape *shape)
{
    const struct qn_tensor *out = qn_out(call, i);
    char want[QN_SHAPE_TEXT], got[QN_SHAPE_TEXT];
    struct qn_shape placed;

    if (!out)
        return QN_OK;
    placed = qn_tensor_shape(out);
    QN_CHECK(qn_shape_equal(&placed, shape), call->err, SHAPE, "output %d becomes %s where %s was declared", i,
             qn_shape_text(shape, want), qn_shape_text(&placed, got));
    return QN_OK;
}
