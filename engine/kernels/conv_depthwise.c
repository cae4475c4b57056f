/* conv_depthwise.c: convolution with one input channel per group, over one or two axes: a product of matrices would
 * have nothing to share. Where the CPU level has a kernel for whole planes it reads the input as it is; other
 * geometries go through the windows of planes.c. Weights stay as they are. */
#include "base/pool.h"
#include "kernels/conv_impl.h"

/* Below this many multiply-adds a second thread costs more than it brings. */
static const double parallel_from = 0.5e6;

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

static bool direct(const struct qn_window *w)
{
    return qn_isa()->plane.conv_plane != NULL && w->stride[1] <= 2 && w->kernel[1] <= 16;
}

static bool bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    struct qn_window w;

    *n_bytes = 0;
    return make_window(conv, &w) && (direct(&w) || qn_window_bytes(&w, n_threads, n_bytes));
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

struct planes {
    const struct depthwise *d;
    const struct qn_window *w;
    int64_t bands; /* of rows per plane, to have enough parts */
};

/* One band of one plane. What the kernel cannot activate is activated after it, in cache. */
static void run_band(const struct planes *p, int64_t plane, int64_t band)
{
    const struct depthwise *d = p->d;
    const struct qn_conv_data *data = d->data;
    const int64_t co = plane % d->conv->c_out, width = p->w->out[1];
    const bool cheap = data->act.kind <= QN_ACT_CLIP;
    const struct qn_act none = {QN_ACT_NONE, 0, 0};
    float *y = data->y + plane * d->n_out;
    int64_t row0, row1;

    qn_pool_slice(p->w->out[0], 1, (int)band, (int)p->bands, &row0, &row1);
    d->isa->conv_plane(
        p->w, input_plane(d, plane), (const float *)data->w + co * d->n_taps, data->bias == NULL ? 0 : data->bias[co],
        data->residual == NULL ? NULL : data->residual + plane * d->n_out, cheap ? &data->act : &none, y, row0, row1);
    if (!cheap)
        qn_kern()->act(y + row0 * width, y + row0 * width, (size_t)((row1 - row0) * width), &data->act);
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct planes *p = arg;
    int64_t begin, end;

    qn_pool_slice(p->w->n_planes * p->bands, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_band(p, i / p->bands, i % p->bands);
}

static void run_planes(const struct depthwise *d, const struct qn_window *w, const struct qn_work *work)
{
    struct planes p = {d, w, 1};
    int n_parts = 1;

    if (work->n_threads > 1 && (double)w->n_planes * (double)d->n_out * (double)d->n_taps >= parallel_from) {
        n_parts = qn_pool_threads(work->pool) < work->n_threads ? qn_pool_threads(work->pool) : work->n_threads;
        if (w->n_planes < 4 * n_parts)
            p.bands = w->out[0] < n_parts ? w->out[0] : n_parts;
    }
    qn_pool_run(work->pool, n_parts, run_part, &p);
}

static void run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    const struct depthwise d = {.conv = conv,
                                .data = data,
                                .isa = &qn_isa()->plane,
                                .n_in = qn_conv_product(conv->in, conv->rank),
                                .n_out = qn_conv_product(conv->out, conv->rank),
                                .n_taps = qn_conv_product(conv->kernel, conv->rank),
                                .width = conv->out[conv->rank - 1],
                                .multiplier = conv->c_out / conv->group};
    struct qn_window w;
    const struct qn_window_job job = {.window = &w, .fill = 0, .arg = &d, .plane = input_plane, .row = output_row};

    if (!make_window(conv, &w))
        return;
    if (direct(&w))
        run_planes(&d, &w, work);
    else
        qn_window_run(&job, work);
}

const struct qn_conv_algo qn_conv_depthwise = {"conv_depthwise",  accept, qn_conv_weight_bytes,
                                               qn_conv_pack_copy, bytes,  run};
