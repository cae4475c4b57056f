/* conv_ref.c: convolution and transposed convolution in plain C, over any number of spatial axes, groups, strides,
 * dilations and pads. What lies outside the input is multiplied as 0, so that qn_conv_gemm has the same bits. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "kernels/conv_impl.h"

int64_t qn_conv_product(const int64_t *sizes, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= sizes[i];
    return n;
}

/* Coordinates of element `at` of a row-major box. */
static void unravel(int64_t at, const int64_t *sizes, int rank, int64_t *position)
{
    for (int i = rank - 1; i >= 0; i--) {
        position[i] = at % sizes[i];
        at /= sizes[i];
    }
}

/* The element of a plane of X under a tap, 0 outside. */
static float under_tap(const struct qn_conv *conv, const float *plane, const int64_t *out, const int64_t *tap)
{
    int64_t at = 0;

    for (int i = 0; i < conv->rank; i++) {
        const int64_t p = out[i] * conv->stride[i] - conv->pad[i] + tap[i] * conv->dilation[i];

        if (p < 0 || p >= conv->in[i])
            return 0;
        at = at * conv->in[i] + p;
    }
    return plane[at];
}

static void conv_plane(const struct qn_conv *conv, const struct qn_conv_data *data, int64_t batch, int64_t co)
{
    const int64_t n_in = qn_conv_product(conv->in, conv->rank), n_out = qn_conv_product(conv->out, conv->rank);
    const int64_t n_taps = qn_conv_product(conv->kernel, conv->rank);
    const int64_t group_in = conv->c_in / conv->group, group_out = conv->c_out / conv->group;
    const float *x = data->x + (batch * conv->c_in + co / group_out * group_in) * n_in;
    const float *w = (const float *)data->w + co * group_in * n_taps;
    const int64_t first = (batch * conv->c_out + co) * n_out;

    for (int64_t j = 0; j < n_out; j++) {
        int64_t out[QN_CONV_RANK], tap[QN_CONV_RANK];
        float sum = 0;

        unravel(j, conv->out, conv->rank, out);
        for (int64_t k = 0; k < group_in * n_taps; k++) {
            unravel(k % n_taps, conv->kernel, conv->rank, tap);
            sum = fmaf(w[k], under_tap(conv, x + k / n_taps * n_in, out, tap), sum);
        }
        if (data->bias != NULL)
            sum += data->bias[co];
        if (data->residual != NULL)
            sum += data->residual[first + j];
        data->y[first + j] = qn_act_scalar(sum, &data->act);
    }
}

static void run_conv(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    (void)work;
    for (int64_t batch = 0; batch < conv->batch; batch++)
        for (int64_t co = 0; co < conv->c_out; co++)
            conv_plane(conv, data, batch, co);
}

/* The element of a plane of X that a tap spreads to an output position, 0 when there is none. */
static float spread_from(const struct qn_conv *conv, const float *plane, const int64_t *out, const int64_t *tap)
{
    int64_t at = 0;

    for (int i = 0; i < conv->rank; i++) {
        const int64_t p = out[i] + conv->pad[i] - tap[i] * conv->dilation[i];

        if (p < 0 || p % conv->stride[i] != 0 || p / conv->stride[i] >= conv->in[i])
            return 0;
        at = at * conv->in[i] + p / conv->stride[i];
    }
    return plane[at];
}

static void deconv_plane(const struct qn_conv *conv, const struct qn_conv_data *data, int64_t batch, int64_t co)
{
    const int64_t n_in = qn_conv_product(conv->in, conv->rank), n_out = qn_conv_product(conv->out, conv->rank);
    const int64_t n_taps = qn_conv_product(conv->kernel, conv->rank);
    const int64_t group_in = conv->c_in / conv->group, group_out = conv->c_out / conv->group;
    const int64_t first_in = co / group_out * group_in;
    const float *w = (const float *)data->w + (first_in * group_out + co % group_out) * n_taps;
    const float *x = data->x + (batch * conv->c_in + first_in) * n_in;
    const int64_t first = (batch * conv->c_out + co) * n_out;

    for (int64_t j = 0; j < n_out; j++) {
        int64_t out[QN_CONV_RANK], tap[QN_CONV_RANK];
        float sum = 0;

        unravel(j, conv->out, conv->rank, out);
        for (int64_t ci = 0; ci < group_in; ci++) {
            for (int64_t t = 0; t < n_taps; t++) {
                unravel(t, conv->kernel, conv->rank, tap);
                sum = fmaf(w[ci * group_out * n_taps + t], spread_from(conv, x + ci * n_in, out, tap), sum);
            }
        }
        if (data->bias != NULL)
            sum += data->bias[co];
        if (data->residual != NULL)
            sum += data->residual[first + j];
        data->y[first + j] = qn_act_scalar(sum, &data->act);
    }
}

static void run_deconv(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    (void)work;
    for (int64_t batch = 0; batch < conv->batch; batch++)
        for (int64_t co = 0; co < conv->c_out; co++)
            deconv_plane(conv, data, batch, co);
}

static bool accept(const struct qn_conv *conv) { return conv->rank >= 0 && conv->rank <= QN_CONV_RANK; }

/* Floats of W in either layout: the product of channels is the same. */
bool qn_conv_weight_bytes(const struct qn_conv *conv, size_t *n_bytes)
{
    *n_bytes = sizeof(float);
    for (int i = 0; i < conv->rank; i++)
        if (!qn_mul(*n_bytes, (size_t)conv->kernel[i], n_bytes))
            return false;
    return qn_mul(*n_bytes, (size_t)conv->c_in, n_bytes) &&
           qn_mul(*n_bytes, (size_t)(conv->c_out / conv->group), n_bytes);
}

void qn_conv_pack_copy(const struct qn_conv *conv, const float *w, void *packed)
{
    size_t n_bytes;

    if (qn_conv_weight_bytes(conv, &n_bytes))
        memcpy(packed, w, n_bytes);
}

static bool no_bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    (void)conv;
    (void)n_threads;
    *n_bytes = 0;
    return true;
}

const struct qn_conv_algo qn_conv_ref = {"conv_ref",        accept,   qn_conv_weight_bytes,
                                         qn_conv_pack_copy, no_bytes, run_conv};
const struct qn_conv_algo qn_deconv_ref = {"deconv_ref",      accept,   qn_conv_weight_bytes,
                                           qn_conv_pack_copy, no_bytes, run_deconv};
