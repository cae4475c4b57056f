/* qlinear_conv.c: ConvInteger and QLinearConv: convolutions of uint8 or int8 less their zero points, geometry as Conv.
 * Padding is the zero point of x. Sums, and the bias added to them, are exact in 32 bits and wrap beyond. QLinearConv
 * scales them by (x_scale * w_scale) / y_scale in float32, rounds half to even, adds the zero point and saturates.
 * Scale and zero point of w are one, or one for each output channel; the others are one. Not here: geometry
 * (convolve.c, sliding.c), the sums (the kernels). */
#include <string.h>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/convolve.h"
#include "ops/quantized.h"

/* Where the inputs are; 0 where the operator has none (x's place is always 0). */
struct places {
    int x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias;
};
static const struct places integer_places = {.w = 1, .x_zero = 2, .w_zero = 3};
static const struct places linear_places = {1, 2, 3, 4, 5, 6, 7, 8};

struct qconv {
    struct qn_convolve convolve; /* the first, so that qn_convolve_infer() and QN_CONVOLVE_ATTRS find it */
    const struct places *at;
};

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static enum qn_status check_channels(struct qn_infer *in, int i, const struct qn_shape *w)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char text[QN_SHAPE_TEXT];

    if (!fact || qn_quant_is_one(&fact->shape))
        return QN_OK;
    QN_CHECK(fact->shape.rank == 1 && (w->rank < 1 || !qn_dim_known(w->dims[0]) || fact->shape.dims[0] == w->dims[0]),
             in->err, SHAPE, "%s of shape %s is not one value for each output channel", in->node->op->in[i].name,
             qn_shape_text(&fact->shape, text));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct places *at = ((const struct qconv *)params)->at;
    const struct qn_fact *bias = at->bias ? qn_infer_in(in, at->bias) : NULL;
    const struct qn_fact *const ins[] = {in->in[0], in->in[at->w], bias};
    const struct qn_shape *w = &in->in[at->w]->shape;
    struct qn_fact y = {0};
    struct qn_infer plain = *in;

    /* As Conv would; only the type is another one. */
    plain.in = ins;
    plain.n_in = 3;
    plain.out = &y;
    plain.n_out = 1;
    QN_TRY(qn_convolve_infer(&plain, params));
    QN_TRY(qn_quant_check_one(in, at->x_scale));
    QN_TRY(qn_quant_check_one(in, at->x_zero));
    QN_TRY(qn_quant_check_one(in, at->y_scale));
    QN_TRY(qn_quant_check_one(in, at->y_zero));
    QN_TRY(check_channels(in, at->w_scale, w));
    QN_TRY(check_channels(in, at->w_zero, w));
    return qn_infer_out(in, 0, at->y_zero ? in->in[at->y_zero]->dtype : QN_INT32, &y.shape);
}

/* ---- What a call is about ------------------------------------------------------------------------------------- */

struct geometry {
    struct qn_sliding_size windows;
    int64_t batch, group, c_in, c_out; /* channels of one group */
    int64_t n_in, n_out, n_taps;       /* positions of a plane, of a plane of y, of a kernel */
    int64_t k, words;                  /* of a product: c_in * n_taps, [tap][channel] */
};

/* Shapes are known and passed inference. */
static struct geometry geometry_of(const struct qconv *p, const struct qn_shape *x, const struct qn_shape *w)
{
    struct geometry g = {.batch = x->dims[0], .group = p->convolve.group, .c_in = w->dims[1]};

    g.c_out = w->dims[0] / g.group;
    if (qn_sliding_resolve(&p->convolve.sliding, x->rank - 2, x->dims + 2, w->dims + 2, false, &g.windows, NULL) !=
        QN_OK)
        return g; /* inference would have said so */
    g.n_in = qn_sliding_in(&g.windows);
    g.n_out = qn_sliding_out(&g.windows);
    g.n_taps = qn_sliding_taps(&g.windows);
    g.k = g.c_in * g.n_taps;
    g.words = qn_bytes_words(g.k, qn_bytes_depth());
    return g;
}

static struct geometry geometry_of_site(const struct qn_site *site)
{
    const struct qconv *p = site->params;

    return geometry_of(p, &site->in[0]->shape, &site->in[p->at->w]->shape);
}

struct job {
    struct geometry g;
    const struct qn_tensor *x, *w, *bias;
    struct qn_tensor *y;
    struct qn_quant w_zero, w_scale;
    int32_t x_zero, y_zero;
    float x_scale, y_scale;
    const void *weights; /* as a kernel packs them */
    bool wants_sums;     /* of columns: a zero point of w is not 0 once packed */
    struct qn_conv conv; /* of some planes at once */
    char *room;          /* of each part, room_bytes apart */
    size_t room_bytes;
    int64_t tile;   /* output positions at once */
    int64_t slices; /* in which the output channels of a group are shared out */
};

static struct job job_of(const struct qn_call *call)
{
    const struct qconv *p = call->params;
    const struct places *at = p->at;
    const struct qn_tensor *x = qn_in(call, 0), *w = qn_in(call, at->w);
    struct qn_quant x_zero = qn_quant_of(qn_in(call, at->x_zero));
    struct qn_shape x_shape = qn_tensor_shape(x), w_shape = qn_tensor_shape(w);
    struct job j = {.g = geometry_of(p, &x_shape, &w_shape),
                    .x = x,
                    .w = w,
                    .y = qn_out(call, 0),
                    .bias = at->bias ? qn_in(call, at->bias) : NULL,
                    .w_zero = qn_quant_of(qn_in(call, at->w_zero)),
                    .x_zero = qn_quant_zero(&x_zero, 0),
                    .x_scale = 1,
                    .y_scale = 1};

    if (at->y_zero) {
        struct qn_quant y_zero = qn_quant_of(qn_in(call, at->y_zero));

        j.y_zero = qn_quant_zero(&y_zero, 0);
        j.x_scale = (float)qn_tensor_double(qn_in(call, at->x_scale), 0);
        j.y_scale = (float)qn_tensor_double(qn_in(call, at->y_scale), 0);
        j.w_scale = qn_quant_of(qn_in(call, at->w_scale));
    }
    return j;
}

/* Of output channel m, counted over all groups. */
static float scale_of(const struct job *j, int64_t m)
{
    return j->w_scale.tensor ? j->x_scale * qn_quant_scale(&j->w_scale, m) / j->y_scale : 1;
}

static uint32_t bias_of(const struct job *j, int64_t m) { return j->bias ? ((const uint32_t *)j->bias->data)[m] : 0; }

static char *output_at(const struct job *j, int64_t image, int64_t m, int64_t at)
{
    int64_t first = (image * j->g.group * j->g.c_out + m) * j->g.n_out + at;

    return (char *)j->y->data + (size_t)first * qn_dtype_bytes(j->y->dtype);
}

static double work_of(const struct geometry *g)
{
    return (double)g->batch * (double)(g->group * g->c_out) * (double)g->n_out * (double)g->k / 16;
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static int32_t sum_at(const struct job *j, int64_t image, int64_t m, int64_t out)
{
    const struct geometry *g = &j->g;
    const int32_t w_zero = qn_quant_zero(&j->w_zero, m);
    uint32_t sum = 0;

    for (int64_t c = 0; c < g->c_in; c++) {
        int64_t plane = ((image * g->group + m / g->c_out) * g->c_in + c) * g->n_in;
        int64_t kernel = (m * g->c_in + c) * g->n_taps;
        struct qn_sliding_window window;
        struct qn_sliding_row row;

        qn_sliding_open(&window, &g->windows, out);
        while (qn_sliding_next(&window, &row))
            for (int64_t i = 0; i < row.n; i++) {
                int64_t x = plane + row.x + i * (g->windows.rank ? g->windows.dilation[g->windows.rank - 1] : 1);

                sum += (uint32_t)(((int32_t)qn_tensor_int(j->x, x) - j->x_zero) *
                                  ((int32_t)qn_tensor_int(j->w, kernel + row.tap + i) - w_zero));
            }
    }
    return (int32_t)(sum + bias_of(j, m));
}

static enum qn_status conv_ref(const struct qn_call *call)
{
    struct job j = job_of(call);
    int64_t channels = j.g.group * j.g.c_out;

    for (int64_t i = 0, n = qn_tensor_count(j.y); i < n; i++) {
        int64_t plane = i / j.g.n_out, m = plane % channels;

        qn_quant_store(j.y, i, sum_at(&j, plane / channels, m, i % j.g.n_out), scale_of(&j, m), j.y_zero);
    }
    return QN_OK;
}

/* ---- Any geometry: a product of weights by windows ------------------------------------------------------------ */

enum { CHANNELS = 16, TILE = 256, TILE_BYTES = 1 << 17, CHUNK = 64 };

/* Whether windows are single pixels, all of them: then the image is the matrix of windows. */
static bool is_pointwise(const struct geometry *g)
{
    for (int i = 0; i < g->windows.rank; i++)
        if (g->windows.stride[i] != 1 || g->windows.pad[i] != 0 || g->windows.in[i] != g->windows.out[i])
            return false;
    return g->n_taps == 1;
}

/* Output positions at once, whole panels, so that their windows stay in the second cache; tiles are even. */
static int64_t tile_of(const struct geometry *g)
{
    int64_t most = g->words > 0 ? TILE_BYTES / (g->words * 4) / QN_BYTES_PANEL * QN_BYTES_PANEL : TILE, n_tiles;

    most = most < QN_BYTES_PANEL ? QN_BYTES_PANEL : most < TILE ? most : TILE;
    n_tiles = g->n_out > 0 ? (g->n_out + most - 1) / most : 1;
    return qn_bytes_words((g->n_out + n_tiles - 1) / n_tiles, QN_BYTES_PANEL) * QN_BYTES_PANEL;
}

/* Packed weights: sums of all rows, the rows, room for one before it is packed. */
struct weights {
    size_t rows, spare, total;
};

static bool weights_of(const struct geometry *g, struct weights *w)
{
    size_t m = (size_t)(g->group * g->c_out), n;

    if (!qn_mul(m, 4, &n) || n > SIZE_MAX / 4 || !qn_mul(n, (size_t)g->words, &w->spare))
        return false;
    w->rows = qn_round_up(n, 64);
    return qn_add(w->rows, w->spare, &w->spare) && qn_add(w->spare, (size_t)g->k + 63, &w->total) &&
           w->total < SIZE_MAX / 4;
}

/* [channel][tap] becomes [tap][channel]. */
static void pack_weights(const struct geometry *g, const struct qn_tensor *w, char *packed)
{
    const enum qn_bytes_form form = qn_quant_form(w->dtype);
    int32_t *sums = (int32_t *)(void *)packed;
    struct weights at;
    char *row;

    if (!weights_of(g, &at))
        return; /* prepare and workspace would have said so */
    row = packed + at.spare;
    for (int64_t m = 0; m < g->group * g->c_out; m++) {
        const char *src = (const char *)w->data + m * g->k;

        for (int64_t t = 0; t < g->n_taps; t++)
            for (int64_t c = 0; c < g->c_in; c++)
                row[t * g->c_in + c] = src[c * g->n_taps + t];
        sums[m] = qn_bytes_pack_row(packed + at.rows + m * g->words * 4, row, form, g->k);
    }
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct qn_tensor *w = site->in[((const struct qconv *)site->params)->at->w]->konst;
    struct geometry g = geometry_of_site(site);
    struct weights size;
    char *made;

    if (!w)
        return QN_OK;
    QN_CHECK(weights_of(&g, &size), err, LIMIT, "the weights are too large");
    made = qn_arena_alloc_raw(arena, size.total);
    QN_CHECK_MEM(made, err);
    pack_weights(&g, w, made);
    *packed = made;
    return QN_OK;
}

/* What one part needs: a tile of windows, packed; some rows of it before; sums of its columns. */
static bool tile_bytes(const struct geometry *g, size_t *bytes)
{
    size_t tile = (size_t)tile_of(g);

    return qn_mul(tile * 4, (size_t)g->words, bytes) && qn_add(*bytes, tile * (CHUNK + sizeof(int32_t)), bytes) &&
           *bytes <= (size_t)INT64_MAX - 64;
}

static size_t workspace(const struct qn_site *site)
{
    const struct qn_tensor *w = site->in[((const struct qconv *)site->params)->at->w]->konst;
    struct geometry g = geometry_of_site(site);
    struct weights weights = {0, 0, 0};
    size_t bytes;

    if ((!w && !weights_of(&g, &weights)) || !tile_bytes(&g, &bytes) ||
        !qn_mul(qn_round_up(bytes, 64), (size_t)site->threads, &bytes) ||
        !qn_add(bytes, qn_round_up(weights.total, 64), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* The elements that tap t meets from output positions [at, at + n), for some channels: rows ld apart. Where a window
 * reaches outside stands the zero point. */
static void fill_tap(const struct job *j, const uint8_t *planes, int64_t t, int64_t at, int64_t n, uint8_t *rows,
                     int64_t ld, int64_t channels)
{
    const struct qn_sliding_size *s = &j->g.windows;
    const int last = s->rank - 1;
    const int64_t width = s->in[last], stride = s->stride[last];
    int64_t tap[QN_CONV_RANK], out[QN_CONV_RANK], rest = at;

    for (int i = last; i >= 0; i--) {
        tap[i] = t % s->kernel[i] * s->dilation[i] - s->pad[i];
        t /= s->kernel[i];
        out[i] = rest % s->out[i];
        rest /= s->out[i];
    }
    for (int64_t run; n > 0; n -= run, rows += run) {
        int64_t x = out[last] * stride + tap[last], row = 0, from, to;

        run = s->out[last] - out[last] < n ? s->out[last] - out[last] : n;
        from = x < 0 ? (-x + stride - 1) / stride : 0;
        to = x < width ? (width - x + stride - 1) / stride : 0;
        for (int i = 0; i < last; i++) {
            int64_t place = out[i] * s->stride[i] + tap[i];

            if (place < 0 || place >= s->in[i])
                to = 0;
            row = row * s->in[i] + place;
        }
        to = to < run ? to : run;
        from = from < to ? from : to < 0 ? 0 : to;
        to = to < from ? from : to;
        for (int64_t c = 0; c < channels; c++) {
            const uint8_t *src = planes + c * j->g.n_in + row * width + x;
            uint8_t *dst = rows + c * ld;

            memset(dst, (uint8_t)j->x_zero, (size_t)from);
            if (stride == 1)
                memcpy(dst + from, src + from, (size_t)(to - from));
            else if (stride == 2)
                for (int64_t i = from; i < to; i++)
                    dst[i] = src[i * 2];
            else
                for (int64_t i = from; i < to; i++)
                    dst[i] = src[i * stride];
            memset(dst + to, (uint8_t)j->x_zero, (size_t)(run - to));
        }
        out[last] = 0;
        for (int i = last - 1; i >= 0 && ++out[i] == s->out[i]; i--)
            out[i] = 0;
    }
}

/* Windows of positions [at, at + n) as panels. */
static void pack_windows(const struct job *j, const uint8_t *planes, int64_t at, int64_t n, char *panels,
                         uint8_t *chunk)
{
    const struct geometry *g = &j->g;
    const enum qn_bytes_form form = qn_quant_form(j->x->dtype);
    const int64_t panel_bytes = qn_bytes_panel_bytes(g->words), depth = qn_bytes_depth();
    int64_t held = 0;

    if (is_pointwise(g)) {
        qn_bytes_pack_columns(panels, panel_bytes, planes + at, g->n_in, form, g->k, n);
        return;
    }
    for (int64_t k = 0, some; k < g->k; k += some) {
        int64_t t = k / g->c_in, c = k % g->c_in;

        some = g->c_in - c < CHUNK - held ? g->c_in - c : CHUNK - held;
        fill_tap(j, planes + c * g->n_in, t, at, n, chunk + held * j->tile, j->tile, some);
        held += some;
        if (held < CHUNK && k + some < g->k)
            continue;
        qn_bytes_pack_columns(panels + qn_bytes_panel_bytes((k + some - held) / depth), panel_bytes, chunk, j->tile,
                              form, held, n);
        held = 0;
    }
}

/* Positions [at, at + n) of output channels [begin, end), counted over all groups. */
static void convolve_tile(const struct job *j, int64_t image, int64_t at, int64_t n, int64_t begin, int64_t end,
                          char *room)
{
    const struct geometry *g = &j->g;
    const int64_t n_panels = qn_bytes_words(n, QN_BYTES_PANEL), group = begin / g->c_out;
    const int32_t x_zero = j->x_zero + (j->x->dtype == QN_INT8 ? 128 : 0);
    const int32_t *row_sums = j->weights;
    int32_t sums[CHANNELS * TILE], *column_sums = (int32_t *)(void *)(room + j->tile * g->words * 4);
    struct qn_bytes_finish finish = {.form = qn_quant_form(j->y->dtype), .zero = j->y_zero};
    struct weights at_weights = {0};

    weights_of(g, &at_weights);
    pack_windows(j, (const uint8_t *)j->x->data + (image * g->group + group) * g->c_in * g->n_in, at, n, room,
                 (uint8_t *)(void *)(column_sums + j->tile));
    if (j->wants_sums)
        qn_bytes_column_sums(room, g->words, g->k, n_panels, column_sums);
    for (int64_t m = begin; m < end; m += CHANNELS) {
        const int64_t some = end - m < CHANNELS ? end - m : CHANNELS;

        qn_bytes_product(some, n_panels, g->words, (const char *)j->weights + at_weights.rows + m * g->words * 4, room,
                         sums, TILE);
        for (int64_t i = m; i < m + some; i++) {
            const int32_t w_zero = qn_quant_zero(&j->w_zero, i) - (j->w->dtype == QN_UINT8 ? 128 : 0);
            const float scale = scale_of(j, i);

            finish.add = bias_of(j, i) + (uint32_t)x_zero * ((uint32_t)w_zero * (uint32_t)g->k - (uint32_t)row_sums[i]);
            finish.mul = -(uint32_t)w_zero;
            finish.column_mul = w_zero != 0 ? column_sums : NULL;
            finish.scale = &scale;
            qn_bytes_finish(output_at(j, image, i, at), sums + (i - m) * TILE, n, &finish);
        }
    }
}

static void convolve_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    const struct geometry *g = &j->g;
    int64_t n_tiles = (g->n_out + j->tile - 1) / j->tile, begin, end;

    qn_pool_slice(g->batch * g->group * n_tiles * j->slices, 1, part, n_parts, &begin, &end);
    for (; begin < end; begin++) {
        int64_t slice = begin % j->slices, at = begin / j->slices % n_tiles * j->tile, first, last;
        int64_t group = begin / j->slices / n_tiles % g->group, image = begin / j->slices / n_tiles / g->group;

        qn_pool_slice(g->c_out, CHANNELS, (int)slice, (int)j->slices, &first, &last);
        if (first < last)
            convolve_tile(j, image, at, g->n_out - at < j->tile ? g->n_out - at : j->tile, group * g->c_out + first,
                          group * g->c_out + last, j->room + (size_t)part * j->room_bytes);
    }
}

static enum qn_status conv_bytes(const struct qn_call *call)
{
    struct job j = job_of(call);
    int parts = qn_quant_parts(call, work_of(&j.g));
    struct weights weights = {0};

    if (qn_tensor_count(j.y) == 0)
        return QN_OK;
    j.weights = call->packed;
    j.room = call->workspace;
    if (!j.weights) {
        weights_of(&j.g, &weights); /* as for the workspace */
        pack_weights(&j.g, j.w, call->workspace);
        j.weights = call->workspace;
        j.room += qn_round_up(weights.total, 64);
    }
    for (int64_t m = 0; m < j.g.group * j.g.c_out && !j.wants_sums; m++)
        j.wants_sums = qn_quant_zero(&j.w_zero, m) != (j.w->dtype == QN_UINT8 ? 128 : 0);
    j.tile = tile_of(&j.g);
    tile_bytes(&j.g, &j.room_bytes);
    j.room_bytes = qn_round_up(j.room_bytes, 64);
    j.slices = j.g.batch * j.g.group * ((j.g.n_out + j.tile - 1) / j.tile) < 4 * parts && parts > 1 ? parts : 1;
    qn_pool_run(call->pool, parts, convolve_part, &j);
    return QN_OK;
}

/* ---- One input channel for each group: the float32 convolution of a plane, which is exact for such numbers ------- */

enum { MAX_TAPS = 256, MAX_FLOATS = 1 << 22 }; /* 256 * 255 * 255 < 2^24 */
enum { HELD_FLOATS = 1 << 14 };                /* of small planes several at once, as long as they stay in cache */

static bool planes_of(const struct geometry *g, struct qn_conv *conv)
{
    int64_t held;

    *conv = (struct qn_conv){.batch = 1, .rank = g->windows.rank};
    if (g->c_in != 1 || g->group < 1 || g->n_taps > MAX_TAPS || g->windows.rank < 1 || g->windows.rank > 2 ||
        g->n_in > MAX_FLOATS || g->n_out > MAX_FLOATS / (g->c_out > 0 ? g->c_out : 1))
        return false;
    held = HELD_FLOATS / (g->n_in + g->c_out * g->n_out + 1);
    held = held < 1 ? 1 : held < g->group ? held : g->group;
    conv->c_in = conv->group = held;
    conv->c_out = held * g->c_out;
    for (int i = 0; i < conv->rank; i++) {
        conv->in[i] = g->windows.in[i];
        conv->out[i] = g->windows.out[i];
        conv->kernel[i] = g->windows.kernel[i];
        conv->stride[i] = g->windows.stride[i];
        conv->dilation[i] = g->windows.dilation[i];
        conv->pad[i] = g->windows.pad[i];
    }
    return qn_conv_depthwise.accept(conv);
}

static const char *accept_planes(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);
    struct qn_conv conv;

    return planes_of(&g, &conv) ? NULL : "not channels of one or two axes by themselves";
}

/* Of each part: the planes, their kernels, biases and outputs, the convolution's own. */
static bool planes_bytes(const struct geometry *g, const struct qn_conv *conv, size_t *bytes)
{
    size_t floats = (size_t)(conv->group * g->n_in + conv->c_out * (1 + g->n_taps + g->n_out));

    if (!qn_conv_depthwise.bytes(conv, 1, bytes) || !qn_add(*bytes, qn_round_up(floats * sizeof(float), 64), bytes))
        return false;
    *bytes = qn_round_up(*bytes, 64);
    return true;
}

static size_t workspace_planes(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);
    struct qn_conv conv;
    size_t bytes;

    return planes_of(&g, &conv) && planes_bytes(&g, &conv, &bytes) && qn_mul(bytes, (size_t)site->threads, &bytes)
               ? bytes
               : SIZE_MAX;
}

/* The part of a bias that leaves sums exact floats, the whole or nothing. */
static float float_bias(const struct job *j, int64_t m)
{
    const int32_t bias = (int32_t)bias_of(j, m), most = (1 << 24) - (int32_t)j->g.n_taps * 255 * 255;

    return bias >= -most && bias <= most ? (float)bias : 0;
}

/* Sums of channel m as floats. */
static void finish_plane(const struct job *j, const float *y, int64_t image, int64_t m)
{
    const float scale = scale_of(j, m);
    const struct qn_bytes_finish finish = {.form = qn_quant_form(j->y->dtype),
                                           .add = bias_of(j, m) - (uint32_t)(int32_t)float_bias(j, m),
                                           .scale = &scale,
                                           .zero = j->y_zero};
    int32_t sums[TILE];

    if (finish.form != QN_BYTES_S32 && finish.add == 0) {
        qn_bytes_scale(output_at(j, image, m, 0), finish.form, y, scale, j->y_zero, j->g.n_out);
        return;
    }
    for (int64_t at = 0, n; at < j->g.n_out; at += n) {
        n = j->g.n_out - at < TILE ? j->g.n_out - at : TILE;
        for (int64_t i = 0; i < n; i++)
            sums[i] = (int32_t)y[at + i];
        qn_bytes_finish(output_at(j, image, m, at), sums, n, &finish);
    }
}

/* Kernels and biases of output channels [first, first + n). */
static void fill_kernels(const struct job *j, int64_t first, int64_t n, float *w, float *bias)
{
    const int64_t n_taps = j->g.n_taps;

    for (int64_t m = 0; m < n; m++) {
        bias[m] = float_bias(j, first + m);
        qn_bytes_dequantise(w + m * n_taps, qn_quant_form(j->w->dtype), (const char *)j->w->data + (first + m) * n_taps,
                            1, qn_quant_zero(&j->w_zero, first + m), n_taps);
    }
}

static void convolve_planes(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    const struct geometry *g = &j->g;
    struct qn_conv conv = j->conv;
    float *x = (float *)(void *)(j->room + (size_t)part * j->room_bytes), *w = x + conv.group * g->n_in;
    float *bias = w + conv.c_out * g->n_taps, *y = bias + conv.c_out;
    const struct qn_conv_data data = {.x = x, .w = w, .bias = bias, .y = y};
    size_t used = qn_round_up((size_t)(y + conv.c_out * g->n_out - x) * sizeof(float), 64);
    const struct qn_work work = {(char *)x + used, 1, NULL};
    int64_t begin, end;

    qn_pool_slice(g->batch * g->group, 1, part, n_parts, &begin, &end);
    for (int64_t some; begin < end; begin += some) {
        const int64_t group = begin % g->group;

        some = end - begin < j->conv.group ? end - begin : j->conv.group;
        some = g->group - group < some ? g->group - group : some;
        conv.c_in = conv.group = some;
        conv.c_out = some * g->c_out;
        qn_bytes_dequantise(x, qn_quant_form(j->x->dtype), (const char *)j->x->data + begin * g->n_in, 1, j->x_zero,
                            some * g->n_in);
        fill_kernels(j, group * g->c_out, conv.c_out, w, bias);
        qn_conv_depthwise.run(&conv, &data, &work);
        for (int64_t m = 0; m < conv.c_out; m++)
            finish_plane(j, y + m * g->n_out, begin / g->group, group * g->c_out + m);
    }
}

static enum qn_status conv_planes(const struct qn_call *call)
{
    struct job j = job_of(call);

    if (qn_tensor_count(j.y) == 0 || !planes_of(&j.g, &j.conv) || !planes_bytes(&j.g, &j.conv, &j.room_bytes))
        return QN_OK;
    j.room = call->workspace;
    qn_pool_run(call->pool, qn_quant_parts(call, work_of(&j.g) * 4), convolve_planes, &j);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "conv_planes_bytes", .accept = accept_planes, .workspace = workspace_planes, .run = conv_planes},
    {.name = "conv_bytes", .prepare = prepare, .workspace = workspace, .run = conv_bytes},
    {.name = "conv_quantised_ref", .run = conv_ref},
    {.name = NULL},
};

/* ---- From Conv ------------------------------------------------------------------------------------------------- */

enum qn_status qn_qlinear_conv_integers(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                                        struct qn_node **made)
{
    struct qn_quantised x, w;
    struct qn_var *bias = NULL;
    int64_t n, k;

    if (!qn_dequantised_bytes(node->in[0], &x) || !qn_dequantised(node->in[1], &w) || !w.bytes->fact.konst ||
        w.dtype == QN_INT32 || w.axis > 0 || w.bytes->fact.shape.rank < 3)
        return QN_OK;
    n = w.bytes->fact.shape.dims[0];
    k = n > 0 ? qn_tensor_count(w.bytes->fact.konst) / n : 0;
    if (k > INT32_MAX / (255 * 255))
        return QN_OK;
    if (node->n_in > 2 && node->in[2]) {
        bias = qn_quantised_bias(rewrite, node, node->in[2], n, k, &x, &w, y);
        if (!bias)
            return rewrite->declined ? QN_OK : QN_NOMEM;
    }
    QN_TRY(qn_quantised_make(rewrite, node, "", "QLinearConv", 10,
                             (struct qn_var *[]){x.bytes, x.scale, qn_quantised_zero_var(rewrite, node, &x), w.bytes,
                                                 w.scale, qn_quantised_zero_var(rewrite, node, &w), y->scale,
                                                 qn_quantised_zero_var(rewrite, node, y), bias},
                             bias ? 9 : 8, made));
    memcpy((*made)->params, node->params, sizeof(struct qn_convolve));
    return QN_OK;
}

static double flops(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);

    return 2.0 * (double)g.batch * (double)g.n_out * (double)(g.group * g.c_out) * (double)(g.c_in * g.n_taps);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BYTES (QN_BIT(UINT8) | QN_BIT(INT8))
#define FLOAT QN_BIT(FLOAT)

/* Offsets in struct qn_convolve are those in struct qconv. */
static const struct qn_attr attrs[] = {QN_CONVOLVE_ATTRS, {.name = NULL}};

const struct qn_op qn_ops_qlinear_conv[] = {
    {.name = "ConvInteger",
     .domain = "",
     .since = 10,
     .until = 27,
     .in = QN_FORMALS(QN_IN("x", '1', BYTES), QN_IN("w", '2', BYTES), QN_OPT("x_zero_point", '1', BYTES),
                      QN_OPT("w_zero_point", '2', BYTES)),
     .out = QN_FORMALS(QN_OUT("y", '3', QN_BIT(INT32))),
     .attrs = attrs,
     QN_PRESET(qconv, .at = &integer_places),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT,
     .flops = flops},
    {.name = "QLinearConv",
     .domain = "",
     .since = 10,
     .until = 27,
     .in = QN_FORMALS(QN_IN("x", '1', BYTES), QN_IN("x_scale", 0, FLOAT), QN_IN("x_zero_point", '1', BYTES),
                      QN_IN("w", '2', BYTES), QN_IN("w_scale", 0, FLOAT), QN_IN("w_zero_point", '2', BYTES),
                      QN_IN("y_scale", 0, FLOAT), QN_IN("y_zero_point", '3', BYTES), QN_OPT("B", '4', QN_BIT(INT32))),
     .out = QN_FORMALS(QN_OUT("y", '3', BYTES)),
     .attrs = attrs,
     QN_PRESET(qconv, .at = &linear_places),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING,
     .flops = flops},
    {.name = NULL},
};
