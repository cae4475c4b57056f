/* pooling_ref.c: MaxPool and AveragePool in plain C over any number of axes, with dilation, indices and every way to
 * count padding. */
#include <math.h>

#include "kernels/conv_impl.h"

/* Coordinates of element `at` of a row-major box. */
static void unravel(int64_t at, const int64_t *sizes, int rank, int64_t *position)
{
    for (int i = rank - 1; i >= 0; i--) {
        position[i] = at % sizes[i];
        at /= sizes[i];
    }
}

/* Where tap number t of the window of an output lies in the plane; -1: outside. Also column-major, as indices may be.
 */
static int64_t locate(const struct qn_pooling *p, const int64_t *out, int64_t t, int64_t *column_major)
{
    int64_t tap[QN_CONV_RANK], position[QN_CONV_RANK], at = 0;

    unravel(t, p->kernel, p->rank, tap);
    for (int i = 0; i < p->rank; i++) {
        position[i] = out[i] * p->stride[i] - p->pad[i] + tap[i] * p->dilation[i];
        if (position[i] < 0 || position[i] >= p->in[i])
            return -1;
        at = at * p->in[i] + position[i];
    }
    *column_major = 0;
    for (int i = p->rank - 1; i >= 0; i--)
        *column_major = *column_major * p->in[i] + position[i];
    return at;
}

/* Whether b comes in the place of a: the first of equals stays, a NaN is never replaced. */
static bool above(float b, float a) { return !isnan(a) && (isnan(b) || b > a); }

void qn_maxpool_ref(const struct qn_pooling *p, const float *x, float *y, int64_t *indices)
{
    const int64_t n_in = qn_conv_product(p->in, p->rank), n_out = qn_conv_product(p->out, p->rank);
    const int64_t n_taps = qn_conv_product(p->kernel, p->rank);

    for (int64_t plane = 0; plane < p->planes; plane++) {
        for (int64_t j = 0; j < n_out; j++) {
            int64_t out[QN_CONV_RANK], index = 0;
            float best = -INFINITY;
            bool found = false;

            unravel(j, p->out, p->rank, out);
            for (int64_t t = 0; t < n_taps; t++) {
                int64_t column_major = 0;
                const int64_t at = locate(p, out, t, &column_major);

                if (at >= 0 && (!found || above(x[plane * n_in + at], best))) {
                    best = x[plane * n_in + at];
                    index = p->column_major ? column_major : at;
                    found = true;
                }
            }
            y[plane * n_out + j] = best;
            if (indices != NULL)
                indices[plane * n_out + j] = plane * n_in + index;
        }
    }
}

static void average_plane(const struct qn_pooling *p, const float *x, float *y, int64_t n_out, int64_t n_taps)
{
    for (int64_t j = 0; j < n_out; j++) {
        int64_t out[QN_CONV_RANK], column_major, count = 1;
        float sum = 0;

        unravel(j, p->out, p->rank, out);
        for (int64_t t = 0; t < n_taps; t++) {
            const int64_t at = locate(p, out, t, &column_major);

            if (at >= 0)
                sum += x[at];
        }
        for (int i = 0; i < p->rank; i++)
            count *= qn_pooling_count(p, i, out[i]);
        y[j] = count > 0 ? sum / (float)count : 0;
    }
}

void qn_avgpool_ref(const struct qn_pooling *p, const float *x, float *y)
{
    const int64_t n_in = qn_conv_product(p->in, p->rank), n_out = qn_conv_product(p->out, p->rank);
    const int64_t n_taps = qn_conv_product(p->kernel, p->rank);
    const bool global = qn_pooling_global(p) && n_in > 0;

    for (int64_t plane = 0; plane < p->planes; plane++) {
        if (global)
            y[plane] = qn_kern_ref()->sum(x + plane * n_in, (size_t)n_in) / (float)n_in;
        else
            average_plane(p, x + plane * n_in, y + plane * n_out, n_out, n_taps);
    }
}
