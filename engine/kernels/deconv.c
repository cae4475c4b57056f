/* deconv.c: transposed convolution as a product per image and group, columns[c_out * taps][pixels] = W^T X, whose
 * result is added into the output where each tap spreads it (col2im). A few output channels at a time, so that the
 * columns stay small; each output channel belongs to one thread, and its taps are added in order, so the bits do not
 * depend on threads. */
#include <string.h>

#include "base/checked.h"
#include "base/pool.h"
#include "kernels/conv_impl.h"

enum { ALIGN = 64, COLUMN_FLOATS = 65536 /* of a part, unless one channel needs more */ };

static const double parallel_from = 0.75e6;

struct sizes {
    int64_t n_in, n_out, n_taps;
    int64_t group_in, group_out;
    int64_t channels; /* output channels of a group done at a time */
    int64_t chunks;   /* of a group */
};

static struct sizes find_sizes(const struct qn_conv *conv)
{
    struct sizes s = {.n_in = qn_conv_product(conv->in, conv->rank),
                      .n_out = qn_conv_product(conv->out, conv->rank),
                      .n_taps = qn_conv_product(conv->kernel, conv->rank),
                      .group_in = conv->c_in / conv->group,
                      .group_out = conv->c_out / conv->group};
    const int64_t floats = s.n_taps * s.n_in;

    s.channels = floats > 0 && COLUMN_FLOATS / floats > 1 ? COLUMN_FLOATS / floats : 1;
    if (s.channels > s.group_out)
        s.channels = s.group_out > 0 ? s.group_out : 1;
    s.chunks = (s.group_out + s.channels - 1) / s.channels;
    return s;
}

static bool accept(const struct qn_conv *conv)
{
    int64_t n_in = 1, n_out = 1, n_taps = 1, floats;

    if (conv->rank < 0 || conv->rank > 3 || conv->group <= 0)
        return false;
    for (int i = 0; i < conv->rank; i++)
        if (!qn_mul64(n_in, conv->in[i], &n_in) || !qn_mul64(n_out, conv->out[i], &n_out) ||
            !qn_mul64(n_taps, conv->kernel[i], &n_taps))
            return false;
    return qn_mul64(n_in, n_taps, &floats) && floats < INT64_MAX / 64;
}

/* Columns are made chunk by chunk, so weights are kept as they are: W is [c_in][c_out * taps], a transposed A. */
static struct qn_gemm make_gemm(const struct qn_conv *conv, const struct sizes *s)
{
    return (struct qn_gemm){.m = s->channels * s->n_taps,
                            .n = s->n_in,
                            .k = s->group_in,
                            .a_trans = true,
                            .lda = conv->c_out / conv->group * s->n_taps,
                            .ldb = s->n_in,
                            .ldc = s->n_in,
                            .alpha = 1};
}

/* A part's bytes: the product's workspace, then the columns. The last chunk may have fewer channels, and be blocked
 * differently. */
static bool part_bytes(const struct qn_conv *conv, const struct sizes *s, size_t *product, size_t *n_bytes)
{
    struct qn_gemm g = make_gemm(conv, s);
    size_t last;

    if (!qn_gemm_bytes(&g, 1, product))
        return false;
    g.m = (s->group_out - (s->chunks - 1) * s->channels) * s->n_taps;
    if (s->chunks == 0 || !qn_gemm_bytes(&g, 1, &last))
        return s->chunks == 0;
    *product = last > *product ? last : *product;
    if (*product > SIZE_MAX / 4)
        return false;
    *product = qn_round_up(*product, ALIGN);
    if (!qn_mul((size_t)(s->channels * s->n_taps), (size_t)s->n_in, n_bytes) || *n_bytes > SIZE_MAX / 16)
        return false;
    *n_bytes = qn_round_up(*n_bytes * sizeof(float), ALIGN) + *product;
    return true;
}

static bool bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    const struct sizes s = find_sizes(conv);
    size_t product;

    *n_bytes = 0;
    return part_bytes(conv, &s, &product, n_bytes) && qn_mul(*n_bytes, (size_t)n_threads, n_bytes) &&
           qn_add(*n_bytes, ALIGN, n_bytes);
}

struct run {
    const struct qn_conv *conv;
    const struct qn_conv_data *data;
    struct sizes sizes;
    size_t product_bytes, part_bytes;
    char *room;
};

/* Output positions along an axis that input positions [from, to) reach with a tap moved by `shift` stay inside the
 * output. */
static void clip_axis(const struct qn_conv *conv, int axis, int64_t shift, int64_t *from, int64_t *to)
{
    const int64_t step = conv->stride[axis];

    *from = shift >= 0 ? 0 : (-shift + step - 1) / step;
    *to = shift >= conv->out[axis] ? 0 : (conv->out[axis] - shift + step - 1) / step;
    if (*to > conv->in[axis])
        *to = conv->in[axis];
}

static void add_row(float *dst, const float *src, int64_t step, int64_t n)
{
    if (step == 1)
        for (int64_t i = 0; i < n; i++)
            dst[i] += src[i];
    else
        for (int64_t i = 0; i < n; i++)
            dst[i * step] += src[i];
}

/* The geometry with missing axes in front as axes of one. */
static struct qn_conv widen(const struct qn_conv *conv)
{
    struct qn_conv w = {.rank = 3};

    for (int axis = 0; axis < 3; axis++) {
        const int i = axis - (3 - conv->rank);

        w.in[axis] = i < 0 ? 1 : conv->in[i];
        w.out[axis] = i < 0 ? 1 : conv->out[i];
        w.kernel[axis] = i < 0 ? 1 : conv->kernel[i];
        w.stride[axis] = i < 0 ? 1 : conv->stride[i];
        w.dilation[axis] = i < 0 ? 1 : conv->dilation[i];
        w.pad[axis] = i < 0 ? 0 : conv->pad[i];
    }
    return w;
}

/* Adds one tap's column plane [in...] into an output plane [out...]. shift: of the tap along each axis, less the pad.
 */
static void add_tap(const struct qn_conv *w, const float *column, const int64_t *shift, float *y)
{
    int64_t from[3], to[3];

    for (int axis = 0; axis < 3; axis++)
        clip_axis(w, axis, shift[axis], &from[axis], &to[axis]);
    if (from[2] >= to[2])
        return;
    for (int64_t z = from[0]; z < to[0]; z++) {
        for (int64_t r = from[1]; r < to[1]; r++) {
            float *row = y + ((z * w->stride[0] + shift[0]) * w->out[1] + r * w->stride[1] + shift[1]) * w->out[2];

            add_row(row + from[2] * w->stride[2] + shift[2], column + (z * w->in[1] + r) * w->in[2] + from[2],
                    w->stride[2], to[2] - from[2]);
        }
    }
}

static void add_taps(const struct qn_conv *w, const float *columns, int64_t n_in, float *y)
{
    for (int64_t kz = 0; kz < w->kernel[0]; kz++) {
        for (int64_t ky = 0; ky < w->kernel[1]; ky++) {
            for (int64_t kx = 0; kx < w->kernel[2]; kx++, columns += n_in) {
                const int64_t shift[3] = {kz * w->dilation[0] - w->pad[0], ky * w->dilation[1] - w->pad[1],
                                          kx * w->dilation[2] - w->pad[2]};

                add_tap(w, columns, shift, y);
            }
        }
    }
}

static void finish_plane(const struct run *run, int64_t plane)
{
    const struct qn_conv_data *data = run->data;
    const struct qn_kern *kern = qn_kern();
    const size_t n = (size_t)run->sizes.n_out;
    float *y = data->y + plane * run->sizes.n_out;

    if (data->bias != NULL)
        kern->vs[QN_ADD](y, y, data->bias[plane % run->conv->c_out], n);
    if (data->residual != NULL)
        kern->vv[QN_ADD](y, y, data->residual + plane * run->sizes.n_out, n);
    if (data->act.kind != QN_ACT_NONE)
        kern->act(y, y, n, &data->act);
}

/* Chunk number `index` of batch * group * chunks. */
static void run_chunk(const struct run *run, int64_t index, char *room)
{
    const struct sizes *s = &run->sizes;
    const struct qn_conv widened = widen(run->conv);
    const int64_t image = index / s->chunks, group = image % run->conv->group; /* image: of batch * group */
    const int64_t first = index % s->chunks * s->channels;
    const int64_t n = s->group_out - first < s->channels ? s->group_out - first : s->channels;
    const struct qn_work work = {room, 1, NULL};
    float *columns = (float *)(void *)(room + run->product_bytes);
    struct qn_gemm g = make_gemm(run->conv, s);

    g.m = n * s->n_taps;
    g.a = (const float *)run->data->w + (group * s->group_in * s->group_out + first) * s->n_taps;
    g.b = run->data->x + image * s->group_in * s->n_in;
    g.c = columns;
    qn_gemm(&g, &work);
    for (int64_t co = 0; co < n; co++) {
        const int64_t plane = image * s->group_out + first + co;
        float *y = run->data->y + plane * s->n_out;

        memset(y, 0, (size_t)s->n_out * sizeof(float));
        add_taps(&widened, columns + co * s->n_taps * s->n_in, s->n_in, y);
        finish_plane(run, plane);
    }
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct run *run = arg;
    int64_t begin, end;

    qn_pool_slice(run->conv->batch * run->conv->group * run->sizes.chunks, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_chunk(run, i, run->room + (size_t)part * run->part_bytes);
}

static void run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    struct run run = {.conv = conv, .data = data, .sizes = find_sizes(conv)};
    const double flops = (double)conv->batch * (double)conv->c_out * (double)run.sizes.n_taps * (double)run.sizes.n_in *
                         (double)run.sizes.group_in;
    int n_parts = 1;

    if (run.sizes.chunks == 0 || !part_bytes(conv, &run.sizes, &run.product_bytes, &run.part_bytes))
        return; /* bytes() refused it already */
    run.room = (char *)qn_round_up((size_t)(uintptr_t)work->data, ALIGN);
    if (flops >= parallel_from && work->n_threads > 1)
        n_parts = qn_pool_threads(work->pool) < work->n_threads ? qn_pool_threads(work->pool) : work->n_threads;
    qn_pool_run(work->pool, n_parts, run_part, &run);
}

const struct qn_conv_algo qn_deconv_gemm = {"deconv_gemm", accept, qn_conv_weight_bytes, qn_conv_pack_copy, bytes, run};

const struct qn_conv_algo *qn_deconv_choose(const struct qn_conv *conv)
{
    return accept(conv) ? &qn_deconv_gemm : &qn_deconv_ref;
}
