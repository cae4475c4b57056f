/* qlinear_conv.c: ConvInteger and QLinearConv: convolutions of uint8 or int8 less their zero points, geometry as Conv.
 * Padding is the zero point of x. Sums, and the bias added to them, are exact in 32 bits and wrap beyond. QLinearConv
 * scales them by (x_scale * w_scale) / y_scale in float32, rounds half to even, adds the zero point and saturates.
 * Scale and zero point of w are one, or one for each output channel; the others are one. Not here: geometry
 * (convolve.c, sliding.c), the sums (the kernels). */
#include <math.h>
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

static enum qn_status check_one(struct qn_infer *in, int i)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(!fact || qn_quant_is_one(&fact->shape), in->err, SHAPE, "%s of shape %s is not one element",
             in->node->op->in[i].name, qn_shape_text(&fact->shape, text));
    return QN_OK;
}

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
    QN_TRY(check_one(in, at->x_scale));
    QN_TRY(check_one(in, at->x_zero));
    QN_TRY(check_one(in, at->y_scale));
    QN_TRY(check_one(in, at->y_zero));
    QN_TRY(check_channels(in, at->w_scale, w));
    QN_TRY(check_channels(in, at->w_zero, w));
    return qn_infer_out(in, 0, at->y_zero ? in->in[at->y_zero]->dtype : QN_INT32, &y.shape);
}

/* ---- What a call is about ------------------------------------------------------------------------------------- */

struct geometry {
    struct qn_sliding_size windows;
    int64_t batch, group, c_in, c_out; /* channels of one group */
    int64_t n_in, n_out, n_taps;       /* positions of a plane, of a plane of y, of a kernel */
    int64_t stride;                    /* of a row of widened operands: c_in * n_taps values */
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
    g.stride = qn_dots_stride(g.c_in * g.n_taps);
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
    int64_t image;
    const int16_t *weights; /* widened: [group * c_out][stride], each [tap][channel] */
    int16_t *pixels;        /* the image, widened: [group][position][pixel_stride] */
    int64_t pixel_stride;
    char *room; /* of each part, room_bytes apart */
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
                    .x_zero = qn_quant_zero(&x_zero, 0)};

    if (at->y_zero) {
        struct qn_quant y_zero = qn_quant_of(qn_in(call, at->y_zero));

        j.y_zero = qn_quant_zero(&y_zero, 0);
        j.x_scale = (float)qn_tensor_double(qn_in(call, at->x_scale), 0);
        j.y_scale = (float)qn_tensor_double(qn_in(call, at->y_scale), 0);
        j.w_scale = qn_quant_of(qn_in(call, at->w_scale));
    }
    return j;
}

/* n sums of output channel m, counted over all groups, from position `at` on. sums are changed. */
static void finish(const struct job *j, int32_t *sums, int64_t m, int64_t at, int64_t n)
{
    int64_t first = (j->image * j->g.group * j->g.c_out + m) * j->g.n_out + at;
    char *dst = (char *)j->y->data + (size_t)first * qn_dtype_bytes(j->y->dtype);
    float scale;

    if (j->bias) {
        uint32_t bias = ((const uint32_t *)j->bias->data)[m];

        for (int64_t i = 0; i < n; i++)
            sums[i] = (int32_t)((uint32_t)sums[i] + bias);
    }
    if (j->y->dtype == QN_INT32) {
        memcpy(dst, sums, (size_t)n * sizeof(*sums));
        return;
    }
    scale = j->x_scale * qn_quant_scale(&j->w_scale, m) / j->y_scale;
    qn_quant_narrow(dst, j->y->dtype, sums, &scale, 0, j->y_zero, n);
}

static int parts_of(const struct qn_call *call, int64_t work)
{
    int parts = qn_broadcast_parts(call->pool, work, 1);

    return parts < call->threads ? parts : call->threads;
}

/* A multiply-and-add of bytes is cheap. */
static int64_t work_of(const struct geometry *g)
{
    return (int64_t)fmin((double)(g->group * g->c_out) * (double)g->n_out * (double)(g->c_in * g->n_taps) / 8, 0x1p40);
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static int32_t sum_at(const struct job *j, int64_t m, int64_t out)
{
    const struct geometry *g = &j->g;
    const int32_t w_zero = qn_quant_zero(&j->w_zero, m);
    uint32_t sum = 0;

    for (int64_t c = 0; c < g->c_in; c++) {
        int64_t plane = ((j->image * g->group + m / g->c_out) * g->c_in + c) * g->n_in;
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
    return (int32_t)sum;
}

static enum qn_status conv_ref(const struct qn_call *call)
{
    struct job j = job_of(call);

    for (j.image = 0; j.image < j.g.batch; j.image++)
        for (int64_t m = 0; m < j.g.group * j.g.c_out; m++)
            for (int64_t out = 0; out < j.g.n_out; out++) {
                int32_t sum = sum_at(&j, m, out);

                finish(&j, &sum, m, out, 1);
            }
    return QN_OK;
}

/* ---- Any geometry: rows of pixels by rows of weights ---------------------------------------------------------- */

enum { CHANNELS = 16, TILE = 128, TILE_BYTES = 65536, TURN = 256 };

static bool room_for(int64_t n, int64_t stride, size_t size, size_t *bytes)
{
    return qn_mul((size_t)n, (size_t)stride, bytes) && qn_mul(*bytes, size, bytes) && *bytes <= (size_t)INT64_MAX - 64;
}

/* Whether windows are single pixels, all of them: then the widened image is the matrix of windows. */
static bool is_pointwise(const struct geometry *g)
{
    for (int i = 0; i < g->windows.rank; i++)
        if (g->windows.stride[i] != 1 || g->windows.pad[i] != 0 || g->windows.in[i] != g->windows.out[i])
            return false;
    return g->n_taps == 1;
}

static int64_t pixel_stride(const struct geometry *g) { return is_pointwise(g) ? g->stride : g->c_in; }

/* Output positions at once, so that their windows stay in the second cache. */
static int64_t tile_of(const struct geometry *g)
{
    int64_t n = g->stride > 0 ? TILE_BYTES / (g->stride * (int64_t)sizeof(int16_t)) / 8 * 8 : TILE;

    return n < 8 ? 8 : n < TILE ? n : TILE;
}

/* Weights of channels of all groups. [channel][tap] becomes [tap][channel]. */
static void widen_weights(const struct geometry *g, const struct qn_tensor *w, const struct qn_quant *zero,
                          int16_t *weights)
{
    int64_t n = g->c_in * g->n_taps;

    for (int64_t m = 0; m < g->group * g->c_out; m++, weights += g->stride) {
        qn_quant_widen_turned(weights, g->c_in, w->dtype, (const char *)w->data + m * n, g->n_taps,
                              qn_quant_zero(zero, m), g->c_in, g->n_taps);
        memset(weights + n, 0, (size_t)(g->stride - n) * sizeof(*weights));
    }
}

static const struct qn_fact *input_of(const struct qn_site *site, int i)
{
    return i > 0 && i < site->n_in ? site->in[i] : NULL;
}

static bool w_is_constant(const struct qn_site *site)
{
    const struct places *at = ((const struct qconv *)site->params)->at;
    const struct qn_fact *zero = input_of(site, at->w_zero);

    return site->in[at->w]->konst && (!zero || zero->konst);
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct places *at = ((const struct qconv *)site->params)->at;
    const struct qn_fact *zero = input_of(site, at->w_zero);
    const struct qn_quant zeros = qn_quant_of(zero ? zero->konst : NULL);
    struct geometry g = geometry_of_site(site);
    int16_t *made;
    size_t bytes;

    if (!w_is_constant(site))
        return QN_OK;
    QN_CHECK(room_for(g.group * g.c_out, g.stride, sizeof(*made), &bytes), err, LIMIT, "the weights are too large");
    made = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(made, err);
    widen_weights(&g, site->in[at->w]->konst, &zeros, made);
    *packed = made;
    return QN_OK;
}

/* Parts of the workspace, in this order: weights unless constant, the image, a tile for each part. */
struct room {
    size_t weights, pixels, tile, total;
};

static bool make_room(const struct geometry *g, bool constant, int threads, struct room *room)
{
    size_t tiles;

    *room = (struct room){0};
    if (!constant && !room_for(g->group * g->c_out, g->stride, sizeof(int16_t), &room->weights))
        return false;
    if (!room_for(g->n_in, pixel_stride(g), sizeof(int16_t), &room->pixels) ||
        !qn_mul(room->pixels, (size_t)g->group, &room->pixels))
        return false;
    if (!is_pointwise(g) && !room_for(tile_of(g), g->stride, sizeof(int16_t), &room->tile))
        return false;
    return qn_mul(room->tile, (size_t)threads, &tiles) && qn_add(room->weights, room->pixels, &room->total) &&
           qn_add(room->total, tiles, &room->total);
}

static size_t workspace(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);
    struct room room;

    return make_room(&g, w_is_constant(site), site->threads, &room) ? room.total : SIZE_MAX;
}

/* The image, channels as the fast index. */
static void widen_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    const struct geometry *g = &j->g;
    int64_t begin, end;

    qn_pool_slice(g->n_in, TURN, part, n_parts, &begin, &end);
    for (int64_t group = 0; group < g->group; group++) {
        const char *src = (const char *)j->x->data + (j->image * g->group + group) * g->c_in * g->n_in;

        for (int64_t i = begin; i < end; i += TURN) {
            int64_t n = end - i < TURN ? end - i : TURN;
            int16_t *dst = j->pixels + (group * g->n_in + i) * j->pixel_stride;

            qn_quant_widen_turned(dst, j->pixel_stride, j->x->dtype, src + i, g->n_in, j->x_zero, g->c_in, n);
            for (int64_t k = 0; k < n && j->pixel_stride > g->c_in; k++)
                memset(dst + k * j->pixel_stride + g->c_in, 0, (size_t)(j->pixel_stride - g->c_in) * sizeof(*dst));
        }
    }
}

/* The window of output position `out`, zeros where it is outside. */
static void copy_window(const struct job *j, const int16_t *pixels, int64_t out, int16_t *dst)
{
    const struct geometry *g = &j->g;
    const int64_t step = g->windows.rank ? g->windows.dilation[g->windows.rank - 1] : 1;
    struct qn_sliding_window window;
    struct qn_sliding_row row;

    memset(dst, 0, (size_t)g->stride * sizeof(*dst));
    qn_sliding_open(&window, &g->windows, out);
    while (qn_sliding_next(&window, &row)) {
        int64_t n = step == 1 ? row.n : 1; /* taps that lie side by side */

        for (int64_t i = 0; i < row.n; i += n)
            memcpy(dst + (row.tap + i) * g->c_in, pixels + (row.x + i * step) * g->c_in,
                   (size_t)(n * g->c_in) * sizeof(*dst));
    }
}

/* Positions [at, at + n) of output channels [begin, end) of a group. */
static void convolve_tile(const struct job *j, int64_t group, int64_t at, int64_t n, int64_t begin, int64_t end,
                          int16_t *room)
{
    const struct geometry *g = &j->g;
    const int16_t *pixels = j->pixels + group * g->n_in * j->pixel_stride;
    const int16_t *windows = pixels + at * j->pixel_stride;
    int32_t sums[CHANNELS * TILE];

    if (!is_pointwise(g)) {
        for (int64_t i = 0; i < n; i++)
            copy_window(j, pixels, at + i, room + i * g->stride);
        windows = room;
    }
    for (int64_t m = group * g->c_out + begin; m < group * g->c_out + end; m += CHANNELS) {
        int64_t left = group * g->c_out + end - m, n_channels = left < CHANNELS ? left : CHANNELS;

        qn_dots(n_channels, n, g->stride, j->weights + m * g->stride, windows, sums, TILE);
        for (int64_t i = 0; i < n_channels; i++)
            finish(j, sums + i * TILE, m + i, at, n);
    }
}

static void convolve_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    const struct geometry *g = &j->g;
    int64_t n_tiles = (g->n_out + j->tile - 1) / j->tile, begin, end;

    qn_pool_slice(g->group * n_tiles * j->slices, 1, part, n_parts, &begin, &end);
    for (; begin < end; begin++) {
        int64_t slice = begin % j->slices, tile = begin / j->slices % n_tiles, group = begin / j->slices / n_tiles;
        int64_t at = tile * j->tile, first, last;

        qn_pool_slice(g->c_out, CHANNELS, (int)slice, (int)j->slices, &first, &last);
        if (first < last)
            convolve_tile(j, group, at, g->n_out - at < j->tile ? g->n_out - at : j->tile, first, last,
                          (int16_t *)(void *)(j->room + (size_t)part * j->room_bytes));
    }
}

static enum qn_status conv_bytes(const struct qn_call *call)
{
    struct job j = job_of(call);
    char *memory = call->workspace;
    struct room room;
    int parts = parts_of(call, work_of(&j.g));

    if (qn_tensor_count(j.y) == 0)
        return QN_OK;
    make_room(&j.g, call->packed != NULL, call->threads, &room); /* as for the workspace */
    j.weights = call->packed;
    if (!call->packed) {
        widen_weights(&j.g, j.w, &j.w_zero, call->workspace);
        j.weights = call->workspace;
    }
    j.pixels = (int16_t *)(void *)(memory + room.weights);
    j.pixel_stride = pixel_stride(&j.g);
    j.room = memory + room.weights + room.pixels;
    j.room_bytes = room.tile;
    j.tile = tile_of(&j.g);
    j.slices = j.g.group * ((j.g.n_out + j.tile - 1) / j.tile) < 4 * parts && parts > 1 ? parts : 1;
    for (j.image = 0; j.image < j.g.batch; j.image++) {
        qn_pool_run(call->pool, parts_of(call, j.g.group * j.g.c_in * j.g.n_in / 2), widen_part, &j);
        qn_pool_run(call->pool, parts, convolve_part, &j);
    }
    return QN_OK;
}

/* ---- One input channel for each group: planes ----------------------------------------------------------------- */

/* The padded plane of one channel, widened, its columns sorted by their place within a stride, so that the elements
 * that one tap meets lie side by side. */
struct plane {
    int64_t in[2], out[2], kernel[2], step[2], dilation[2], pad[2]; /* rows, columns; one row without a second axis */
    int64_t height, phase, width;                                   /* rows; columns of a phase; of all phases */
    int64_t n;                                                      /* an output row, rounded up */
};

static bool make_plane(const struct geometry *g, struct plane *p)
{
    int64_t reach, size;

    *p = (struct plane){{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, 0, 0, 0, 0};
    if (g->c_in != 1 || g->windows.rank < 1 || g->windows.rank > 2)
        return false;
    for (int i = 0, axis = 2 - g->windows.rank; i < g->windows.rank; i++, axis++) {
        p->in[axis] = g->windows.in[i];
        p->out[axis] = g->windows.out[i];
        p->kernel[axis] = g->windows.kernel[i];
        p->step[axis] = g->windows.stride[i];
        p->dilation[axis] = g->windows.dilation[i];
        p->pad[axis] = g->windows.pad[i];
    }
    for (int i = 0; i < 2; i++)
        if (p->out[i] > INT32_MAX / 4 || p->step[i] > 64 || p->dilation[i] > 4096 || p->kernel[i] > 4096 ||
            p->pad[i] > 1 << 20)
            return false;
    p->height = (p->out[0] - 1) * p->step[0] + (p->kernel[0] - 1) * p->dilation[0] + 1;
    reach = (p->kernel[1] - 1) * p->dilation[1] / p->step[1];
    p->n = (p->out[1] + QN_TAPS_STEP - 1) / QN_TAPS_STEP * QN_TAPS_STEP;
    p->phase = p->n + reach + 1;
    p->width = p->phase * p->step[1];
    return g->n_taps <= 1024 && qn_mul64(p->height, p->width, &size) && size <= 1 << 24;
}

/* A plane, its sums of one row, offsets and weights of its taps, as one part needs them. */
static size_t plane_bytes(const struct geometry *g, const struct plane *p)
{
    return qn_round_up((size_t)g->n_taps * sizeof(int64_t), 64) + qn_round_up((size_t)p->n * sizeof(int32_t), 64) +
           qn_round_up((size_t)g->n_taps * sizeof(int16_t), 64) +
           qn_round_up((size_t)(p->height * p->width) * sizeof(int16_t), 64);
}

static const char *accept_planes(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);
    struct plane p;

    return make_plane(&g, &p) ? NULL : "more than one input channel in a group, or not one or two axes";
}

static size_t workspace_planes(const struct qn_site *site)
{
    struct geometry g = geometry_of_site(site);
    struct plane p;
    size_t bytes;

    return make_plane(&g, &p) && qn_mul(plane_bytes(&g, &p), (size_t)site->threads, &bytes) ? bytes : SIZE_MAX;
}

static void widen_plane(const struct job *j, const struct plane *p, int64_t channel, int16_t *plane)
{
    const char *src = (const char *)j->x->data + (j->image * j->g.group + channel) * j->g.n_in;
    int64_t rows = p->height < p->in[0] + p->pad[0] ? p->height : p->in[0] + p->pad[0];

    memset(plane, 0, (size_t)(p->height * p->width) * sizeof(*plane));
    for (int64_t phase = 0; phase < p->step[1]; phase++) {
        /* Column x of the input is column x + pad of the plane: number (x + pad) / step of its phase. */
        int64_t first = p->pad[1] > phase ? (p->pad[1] - phase + p->step[1] - 1) / p->step[1] : 0;
        int64_t x = first * p->step[1] + phase - p->pad[1];
        int64_t n = x < p->in[1] ? (p->in[1] - x + p->step[1] - 1) / p->step[1] : 0;

        n = n < p->phase - first ? n : p->phase - first;
        for (int64_t y = p->pad[0]; y < rows && n > 0; y++)
            qn_quant_widen(plane + y * p->width + phase * p->phase + first, j->x->dtype,
                           src + (y - p->pad[0]) * p->in[1] + x, p->step[1], j->x_zero, n);
    }
}

static void convolve_planes(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    char *room = j->room + (size_t)part * j->room_bytes;
    int64_t begin, end, n_taps = j->g.n_taps, *offset;
    int16_t *weight, *plane;
    struct plane p;
    int32_t *sums;

    make_plane(&j->g, &p);
    offset = (int64_t *)(void *)room;
    sums = (int32_t *)(void *)(room += qn_round_up((size_t)n_taps * sizeof(*offset), 64));
    weight = (int16_t *)(void *)(room += qn_round_up((size_t)p.n * sizeof(*sums), 64));
    plane = (int16_t *)(void *)(room + qn_round_up((size_t)n_taps * sizeof(*weight), 64));
    for (int64_t t = 0; t < n_taps; t++) {
        int64_t column = t % p.kernel[1] * p.dilation[1];

        offset[t] = t / p.kernel[1] * p.dilation[0] * p.width + column % p.step[1] * p.phase + column / p.step[1];
    }
    qn_pool_slice(j->g.group * j->g.c_out, 1, part, n_parts, &begin, &end);
    for (int64_t m = begin; m < end; m++) {
        if (m == begin || m % j->g.c_out == 0)
            widen_plane(j, &p, m / j->g.c_out, plane);
        qn_quant_widen(weight, j->w->dtype, (const char *)j->w->data + m * n_taps, 1, qn_quant_zero(&j->w_zero, m),
                       n_taps);
        for (int64_t y = 0; y < p.out[0]; y++) {
            qn_tap_sums(sums, plane + y * p.step[0] * p.width, offset, weight, n_taps, p.n);
            finish(j, sums, m, y * p.out[1], p.out[1]);
        }
    }
}

static enum qn_status conv_planes(const struct qn_call *call)
{
    struct job j = job_of(call);
    struct plane p;

    if (qn_tensor_count(j.y) == 0)
        return QN_OK;
    make_plane(&j.g, &p);
    j.room = call->workspace;
    j.room_bytes = plane_bytes(&j.g, &p);
    for (j.image = 0; j.image < j.g.batch; j.image++)
        qn_pool_run(call->pool, parts_of(call, work_of(&j.g) * 2), convolve_planes, &j);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "conv_planes_bytes", .accept = accept_planes, .workspace = workspace_planes, .run = conv_planes},
    {.name = "conv_bytes", .prepare = prepare, .workspace = workspace, .run = conv_bytes},
    {.name = "conv_quantised_ref", .run = conv_ref},
    {.name = NULL},
};

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
