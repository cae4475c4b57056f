/* plane_ref.c: im2col and rows of depthwise convolution and pooling in plain C, for machines without vector versions.
 */
#include <math.h>

#include "kernels/kern_impl.h"

/* Element (k, j) of the im2col matrix. */
static float element(const struct qn_im2col *im, int64_t k, int64_t j)
{
    int64_t at = 0, tap[3], position[3];

    for (int axis = 2; axis >= 0; axis--) {
        tap[axis] = k % im->kernel[axis];
        k /= im->kernel[axis];
        position[axis] = j % im->out[axis];
        j /= im->out[axis];
    }
    at = k; /* what is left is the channel */
    for (int axis = 0; axis < 3; axis++) {
        const int64_t i = position[axis] * im->stride[axis] - im->pad[axis] + tap[axis] * im->dilation[axis];

        if (i < 0 || i >= im->size[axis])
            return 0;
        at = at * im->size[axis] + i;
    }
    return im->x[at];
}

static void im2col(const struct qn_im2col *im, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst)
{
    for (int64_t j = 0; j < n; j += QN_GEMM_PANEL)
        for (int64_t kk = 0; kk < k; kk++)
            for (int64_t i = 0; i < QN_GEMM_PANEL; i++)
                *dst++ = j + i < n ? element(im, k0 + kk, j0 + j + i) : 0;
}

static void take(float *dst, const float *src, int64_t stride, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = src[i * stride];
}

static void conv_row(float *dst, const float *src, const struct qn_taps *taps, float bias, const float *residual,
                     const struct qn_act *act, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float sum = 0;

        for (int64_t t = 0; t < taps->n_taps; t++)
            sum = fmaf(taps->weight[t], src[taps->offset[t] + i], sum);
        sum += bias;
        if (residual != NULL)
            sum += residual[i];
        dst[i] = qn_act_scalar(sum, act);
    }
}

static void max_row(float *dst, const float *src, const struct qn_taps *taps, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float m = src[taps->offset[0] + i];

        for (int64_t t = 1; t < taps->n_taps; t++) {
            const float x = src[taps->offset[t] + i];

            m = isnan(x) || x > m ? x : m;
        }
        dst[i] = m;
    }
}

static void avg_row(float *dst, const float *src, const struct qn_taps *taps, const float *divisor, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float sum = 0;

        for (int64_t t = 0; t < taps->n_taps; t++)
            sum += src[taps->offset[t] + i];
        dst[i] = sum / divisor[i];
    }
}

void qn_plane_init_ref(struct qn_plane_isa *isa)
{
    *isa = (struct qn_plane_isa){
        .im2col = im2col, .take = take, .conv_row = conv_row, .max_row = max_row, .avg_row = avg_row};
}
