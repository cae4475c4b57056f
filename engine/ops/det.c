/* det.c: Det: determinants of square matrices, the last two axes, by elimination with row exchange in float64. An empty
 * matrix has determinant 1. */
#include <math.h>

#include "base/checked.h"
#include "ops/op.h"

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = *x;
    char text[QN_SHAPE_TEXT];

    (void)params;
    if (x->rank >= 0) {
        QN_CHECK(x->rank >= 2, in->err, SHAPE, "X must be of rank 2 at least, not %s", qn_shape_text(x, text));
        QN_CHECK(x->dims[x->rank - 1] == x->dims[x->rank - 2] || !qn_dim_known(x->dims[x->rank - 1]) ||
                     !qn_dim_known(x->dims[x->rank - 2]),
                 in->err, SHAPE, "matrices of %s are not square", qn_shape_text(x, text));
        y.rank -= 2;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* One matrix as doubles. */
static size_t workspace(const struct qn_site *site)
{
    const struct qn_shape *x = &site->in[0]->shape;
    size_t n = (size_t)x->dims[x->rank - 1], bytes;

    return qn_mul(n, n, &bytes) && qn_mul(bytes, sizeof(double), &bytes) ? bytes : SIZE_MAX;
}

/* The row at or below `step` with the largest entry in that column. A NaN counts as large: it decides the result. */
static int64_t find_pivot(const double *a, int64_t n, int64_t step)
{
    int64_t best = step;

    for (int64_t i = step + 1; i < n; i++)
        if (!(fabs(a[i * n + step]) <= fabs(a[best * n + step])))
            best = i;
    return best;
}

static void swap_rows(double *a, int64_t n, int64_t i, int64_t j)
{
    for (int64_t k = 0; k < n; k++) {
        double x = a[i * n + k];

        a[i * n + k] = a[j * n + k];
        a[j * n + k] = x;
    }
}

static double determinant(double *a, int64_t n)
{
    double det = 1;

    for (int64_t step = 0; step < n; step++) {
        int64_t pivot = find_pivot(a, n, step);

        if (pivot != step) {
            swap_rows(a, n, pivot, step);
            det = -det;
        }
        det *= a[step * n + step];
        if (a[step * n + step] == 0)
            return det;
        for (int64_t i = step + 1; i < n; i++) {
            double factor = a[i * n + step] / a[step * n + step];

            for (int64_t k = step + 1; k < n; k++)
                a[i * n + k] -= factor * a[step * n + k];
        }
    }
    return det;
}

static enum qn_status det_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t n = x->dims[x->rank - 1], count = qn_tensor_count(qn_out(call, 0));
    double *a = call->workspace;

    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < n * n; k++)
            a[k] = qn_tensor_double(x, i * n * n + k);
        qn_tensor_set_double(qn_out(call, 0), i, determinant(a, n));
        QN_TRY(qn_call_poll(call));
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "det_ref", .accept = qn_accept_not_narrow, .workspace = workspace, .run = det_ref},
    {.name = NULL},
};

#define ROW(first, last, type_set)                                                                                     \
    {                                                                                                                  \
        .name = "Det", .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", 'T', type_set)),   \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING,   \
    }

const struct qn_op qn_ops_det[] = {
    ROW(11, 21, QN_FLOATS_STD),
    ROW(22, 27, QN_FLOATS),
    {.name = NULL},
};
