/* conv_depthwise.c: convolution with one input channel per group, over one or two axes, through the windows of planes.c: for
 * such planes a product of matrices would have nothing to share. Weights stay as they are. */
#include "kernels/conv_impl.h"

static bool make_window(const struct qn_conv *conv, struct qn_window *w)
{
    return qn_window_make(w, conv->batch * conv->c_out, conv->rank, conv->in, conv->out, conv->kernel, conv->stride,
                          conv->dilation, conv->pad);
}

static bool accept(const struct qn_conv *conv)
{
    struct qn_window w;

    return conv->group == conv->c_in && conv->group > 0 && make_window(conv, &w);
}

static bool bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    struct qn_window w;

    return make_window(conv, &w) && qn_window_bytes(&w, n_threads, n_bytes);
}

struct depthwise {
    const struct qn_conv *conv;
    const struct qn_conv_data *data;
    const struct qn_plane_isa *isa;
    int64_t n_in, n_out, n_taps; /* of a plane */
    int64_t width;               /* of an output row */
    int64_t multiplier;          /* output channels of a group */
};

static const float *input_plane(const void *arg, int64_t plane)
{
    const struct depthwise *d = arg;
    const int64_t batch = plane / d->conv->c_out, co = plane % d->conv->c_out;

    return d->data->x + (batch * d->conv->c_in + co / d->multiplier) * d->n_in;
}

static void output_row(const void *arg, int64_t plane, int64_t row, const float *src, struct qn_taps *taps, float *room)
{
    const struct depthwise *d = arg;
    const int64_t co = plane % d->conv->c_out, at = plane * d->n_out + row * d->width;
    const float *residual = d->data->residual;

    (void)room;
    taps->weight = (const float *)d->data->w + co * d->n_taps;
    d->isa->conv_row(d->data->y + at, src, taps, d->data->bias == NULL ? 0 : d->data->bias[co],
                     residual == NULL ? NULL : residual + at, &d->data->act, d->width);
}

static void run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    const struct depthwise d = { .conv = conv,
                                 .data = data,
                                 .isa = &qn_isa()->plane,
                                 .n_in = qn_conv_product(conv->in, conv->rank),
                                 .n_out = qn_conv_product(conv->out, conv->rank),
                                 .n_taps = qn_conv_product(conv->kernel, conv->rank),
                                 .width = conv->out[conv->rank - 1],
                                 .multiplier = conv->c_out / conv->group };
    struct qn_window w;
    const struct qn_window_job job = { .window = &w, .fill = 0, .arg = &d, .plane = input_plane, .row = output_row };

    if (make_window(conv, &w))
        qn_window_run(&job, work);
}

const struct qn_conv_algo qn_conv_depthwise = { "conv_depthwise", accept, qn_conv_weight_bytes, qn_conv_pack_copy, bytes,
                                                run };
