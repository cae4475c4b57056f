/* args.h: small lists of integers that come as tensors (axes, pads, repeats, sizes ...), read in the same way by
 * inference, from constants, and by kernels, from values. Nothing in such a list is trusted: its length is bounded
 * here, its values are checked by whoever asks. */
#ifndef QN_OPS_ARGS_H
#define QN_OPS_ARGS_H

#include "ops/op.h"

enum { QN_ARG_MAX = 2 * QN_MAX_RANK };

struct qn_arg {
    bool given; /* false: the input was left out */
    int n;
    int64_t v[QN_ARG_MAX];
};

/* The values of a scalar or a list of any real type; NULL: not given. SHAPE with `what` when it is longer than
 * QN_ARG_MAX. */
enum qn_status qn_arg_read(const struct qn_tensor *tensor, const char *what, struct qn_arg *arg, struct qn_err *err);
/* Input i while inferring: *known is false when it is given but its value is not known yet; arg->n is then its length
 * when that is known, -1 otherwise. */
enum qn_status qn_arg_infer(struct qn_infer *in, int i, const char *what, struct qn_arg *arg, bool *known);

/* Makes axes non-negative; SHAPE when one is outside the rank or comes twice. */
enum qn_status qn_arg_axes(struct qn_arg *axes, int rank, struct qn_err *err);
/* An axis counted from the end when negative, made non-negative; SHAPE when outside. */
enum qn_status qn_arg_axis(int64_t axis, int rank, int *result, struct qn_err *err);

/* Fails with SHAPE unless output i, as placed, has this shape: for operators whose shape follows from values. */
enum qn_status qn_arg_check_out(const struct qn_call *call, int i, const struct qn_shape *shape);

/* Element i of an int32 or int64 tensor. */
static inline int64_t qn_index(const struct qn_tensor *tensor, int64_t i)
{
    return tensor->dtype == QN_INT32 ? ((const int32_t *)tensor->data)[i] : ((const int64_t *)tensor->data)[i];
}

#endif
