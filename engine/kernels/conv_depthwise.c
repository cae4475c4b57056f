/* conv_depthwise.c: convolution with one input channel per group, over one or two axes: a product of matrices would
 * have little to share. Where the CPU level has a kernel for whole planes it reads the input as it is; other
 * geometries go through the windows of planes.c. Weights stay as they are. */
#include "kernels/conv_impl.h"

static bool make_window(const struct qn_conv *conv, struct qn_window *w)
{
    return qn_window_make(w, conv->batch * conv->c_out, conv->rank, conv->in, conv->out, conv->kernel, conv->stride,
                          conv->dilation, conv->pad);
}

/* From so many output channels that read the same input, a product of matrices is faster. */
enum { DIRECT_SHARE = 16, WINDOW_SHARE = 4 };

static bool accept(const struct qn_conv *conv)
{
    struct qn_window w;

    return conv->group == conv->c_in && conv->group > 0 && make_window(conv, &w) &&
           conv->c_out < conv->group * (qn_window_direct(&w) ? DIRECT_SHARE : WINDOW_SHARE);
}

static bool bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    struct qn_window w;

    *n_bytes = 0;
    return make_window(conv, &w) && (qn_window_direct(&w) || qn_window_bytes(&w, n_threads, n_bytes));
}

struct depthwise {
    const struct qn_conv *conv;
    const struct qn_conv_data *data;
    const struct qn_window *window;
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

/* Rows of a plane straight from the input. What the kernel cannot activate is activated after it, in cache. */
static void direct_rows(const void *arg, int64_t plane, int64_t row0, int64_t row1)
{
    const struct depthwise *d = arg;
    const struct qn_conv_data *data = d->data;
    const int64_t co = plane % d->conv->c_out;
    const bool cheap = data->act.kind <= QN_ACT_CLIP;
    const struct qn_act none = {QN_ACT_NONE, 0, 0};
    float *y = data->y + plane * d->n_out;

    d->isa->conv_plane(d->window, input_plane(d, plane), (const float *)data->w + co * d->n_taps,
                       data->bias == NULL ? 0 : data->bias[co],
                       data->residual == NULL ? NULL : data->residual + plane * d->n_out, cheap ? &data->act : &none, y,
                       row0, row1);
    if (!cheap)
        qn_kern()->act(y + row0 * d->width, y + row0 * d->width, (size_t)((row1 - row0) * d->width), &data->act);
}

static void run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    struct qn_window w;
    const struct depthwise d = {.conv = conv,
                                .window = &w,
                                .data = data,
                                .isa = &qn_isa()->plane,
                                .n_in = qn_conv_product(conv->in, conv->rank),
                                .n_out = qn_conv_product(conv->out, conv->rank),
                                .n_taps = qn_conv_product(conv->kernel, conv->rank),
                                .width = conv->out[conv->rank - 1],
                                .multiplier = conv->c_out / conv->group};
    const struct qn_window_job job = {.window = &w, .fill = 0, .arg = &d, .plane = input_plane, .row = output_row};

    if (!make_window(conv, &w))
        return;
    if (qn_window_direct(&w))
        qn_planes_run(direct_rows, &d, w.n_planes, w.out[0], (double)w.n_planes * (double)d.n_out * (double)d.n_taps,
                      work);
    else
        qn_window_run(&job, work);
}

const struct qn_conv_algo qn_conv_depthwise = {"conv_depthwise",  accept, qn_conv_weight_bytes,
                                               qn_conv_pack_copy, bytes,  run};
