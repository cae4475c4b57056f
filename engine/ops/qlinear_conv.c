/* qlinear_conv.c: ConvInteger, QLinearConv: convolutions of 8-bit integers less their zero points, sums in int32 that
 * wrap; the second adds a bias, scales by x_scale * w_scale / y_scale, rounds half to even, adds y's zero point and
 * saturates. Weights have one scale and zero point, or one for each output channel. Padding is zero, that is, x's zero
 * point. Not here: geometry (convolve.c), the product (iproduct.c). */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/convolve.h"
#include "ops/iproduct.h"

/* Inputs of both; SKIP: not there. */
struct layout {
    int x, w, x_scale, w_scale, x_zero, w_zero, y_scale, y_zero, bias;
};
enum { SKIP = -1 };
static const struct layout integer_layout = {0, 1, SKIP, SKIP, 2, 3, SKIP, SKIP, SKIP};
static const struct layout qlinear_layout = {0, 3, 1, 4, 2, 5, 6, 7, 8};

struct qconv {
    struct qn_convolve conv;
    const struct layout *in;
};

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* One value for all, or one for each of `channels`. */
static enum qn_status check_values(struct qn_infer *in, int i, int64_t channels)
{
    const struct qn_fact *fact = i == SKIP ? NULL : qn_infer_in(in, i);
    char text[QN_SHAPE_TEXT];
    int64_t n;

    if (!fact || fact->shape.rank < 0 || !qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &n) || n == 1 ||
        !qn_dim_known(channels))
        return QN_OK;
    QN_CHECK(n == channels && fact->shape.rank == 1, in->err, SHAPE,
             "input %d of shape %s is neither one value nor one for each of %lld channels", i,
             qn_shape_text(&fact->shape, text), (long long)channels);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qconv *p = params;
    const struct layout *l = p->in;
    const struct qn_fact *bias = l->bias == SKIP ? NULL : qn_infer_in(in, l->bias);
    int64_t channels;
    struct qn_shape y;

    QN_TRY(qn_convolve_shape(&p->conv, &in->in[l->x]->shape, &in->in[l->w]->shape, &y, in->err));
    channels = y.rank < 0 ? QN_DIM_UNKNOWN : y.dims[1];
    QN_TRY(check_values(in, l->x_zero, 1));
    QN_TRY(check_values(in, l->x_scale, 1));
    QN_TRY(check_values(in, l->y_zero, 1));
    QN_TRY(check_values(in, l->y_scale, 1));
    QN_TRY(check_values(in, l->w_zero, channels));
    QN_TRY(check_values(in, l->w_scale, channels));
    if (bias)
        QN_CHECK(bias->shape.rank < 0 ||
                     (bias->shape.rank == 1 && (bias->shape.dims[0] == channels || !qn_dim_known(channels) ||
                                                !qn_dim_known(bias->shape.dims[0]))),
                 in->err, SHAPE, "the bias is not one value for each of %lld channels", (long long)channels);
    return qn_infer_out(in, 0, l->y_zero == SKIP ? QN_INT32 : in->in[l->y_zero]->dtype, &y);
}

/* ---- Common --------------------------------------------------------------------------------------------------- */

/* Output positions and channels of one piece of work. */
enum { TILE = 64, CHANNELS = 64 };

struct job {
    const struct qn_call *call;
    const struct layout *in;
    struct qn_conv conv;
    int64_t n_in, n_out, n_taps; /* elements of a plane of x, of y, and of a kernel */
    int64_t per_in, per_out, k;  /* channels of a group; per_in * n_taps */
    const int16_t *w;            /* [c_out][k] */
    char *room;
    size_t offsets_bytes, columns_bytes, room_bytes;
    int64_t n_tiles, n_chunks, chunk; /* of positions; of channels; channels in a chunk */
};

static const struct qn_tensor *input(const struct qn_call *call, int i) { return i == SKIP ? NULL : qn_in(call, i); }

static bool make_job(const struct qconv *p, const int64_t *x, const int64_t *w, int rank, struct job *job)
{
    size_t bytes = TILE * sizeof(int64_t);

    *job =
        (struct job){.in = p->in, .conv = qn_convolve_sizes(&p->conv, x, w, rank), .n_in = 1, .n_out = 1, .n_taps = 1};
    for (int i = 0; i < job->conv.rank; i++) {
        job->n_in *= job->conv.in[i];
        job->n_out *= job->conv.out[i];
        job->n_taps *= job->conv.kernel[i];
    }
    job->per_in = job->conv.c_in / job->conv.group;
    job->per_out = job->conv.c_out / job->conv.group;
    job->k = job->per_in * job->n_taps;
    job->n_tiles = (job->n_out + TILE - 1) / TILE;
    /* A chunk is some whole groups, or a part of one group. */
    job->chunk = job->per_out >= CHANNELS || job->per_out == 0 ? CHANNELS : CHANNELS / job->per_out * job->per_out;
    job->n_chunks = job->per_out >= CHANNELS ? job->conv.group * ((job->per_out + CHANNELS - 1) / CHANNELS)
                                             : (job->conv.c_out + job->chunk - 1) / job->chunk;
    if (!qn_mul(bytes, (size_t)job->n_taps, &job->offsets_bytes) ||
        !qn_mul((size_t)job->k, TILE * sizeof(int16_t), &job->columns_bytes) ||
        !qn_add(job->offsets_bytes, job->columns_bytes, &bytes))
        return false;
    return qn_add(bytes, (size_t)TILE * CHANNELS * sizeof(int32_t), &job->room_bytes);
}

/* For each tap, where in a plane of x the output positions [first, first + n) meet it; -1: in padding. */
static void find_offsets(const struct job *job, int64_t first, int64_t n, int64_t *offsets)
{
    const struct qn_conv *c = &job->conv;

    for (int64_t tap = 0; tap < job->n_taps; tap++)
        for (int64_t j = 0; j < n; j++) {
            int64_t out = first + j, rest = tap, step = 1, at = 0;

            for (int i = c->rank - 1; i >= 0 && at >= 0; i--) {
                int64_t x = out % c->out[i] * c->stride[i] - c->pad[i] + rest % c->kernel[i] * c->dilation[i];

                out /= c->out[i];
                rest /= c->kernel[i];
                at = x < 0 || x >= c->in[i] ? -1 : at + x * step;
                step *= c->in[i];
            }
            offsets[tap * TILE + j] = at;
        }
}

/* Weights less their zero points. */
static void widen_w(const struct qn_tensor *w, const struct qn_tensor *zero, int64_t c_out, int16_t *dst)
{
    int64_t k = c_out > 0 ? qn_tensor_count(w) / c_out : 0, n_zeros = zero ? qn_tensor_count(zero) : 1;

    for (int64_t m = 0; m < c_out; m++)
        qn_widen_bytes(w->dtype, (const char *)w->data + m * k, k, qn_byte_at(zero, n_zeros == 1 ? 0 : m), dst + m * k);
}

/* n sums of channel m become output, from element `at` of y on. */
static void finish(const struct qn_call *call, int64_t m, int32_t *sums, int64_t n, int64_t at)
{
    const struct layout *l = ((const struct qconv *)call->params)->in;
    const struct qn_tensor *bias = input(call, l->bias), *w_scale = input(call, l->w_scale);
    const struct qn_tensor *zero = input(call, l->y_zero);
    float scale;

    if (l->y_scale == SKIP) {
        memcpy((int32_t *)qn_out(call, 0)->data + at, sums, (size_t)n * sizeof(*sums));
        return;
    }
    for (int64_t i = 0; bias && i < n; i++)
        sums[i] = (int32_t)((uint32_t)sums[i] + (uint32_t)((const int32_t *)bias->data)[m]);
    scale = qn_combine_scales(QN_FLOAT, *(const float *)input(call, l->x_scale)->data,
                              ((const float *)w_scale->data)[qn_tensor_count(w_scale) == 1 ? 0 : m],
                              *(const float *)input(call, l->y_scale)->data);
    qn_requantize(sums, n, &scale, 0, zero->dtype, qn_byte_at(zero, 0), (char *)qn_out(call, 0)->data + at);
}

static bool make_job_of_call(const struct qn_call *call, struct job *job)
{
    const struct qconv *p = call->params;
    const struct qn_tensor *x = input(call, p->in->x), *w = input(call, p->in->w);
    bool fits = make_job(p, x->dims, w->dims, x->rank, job);

    job->call = call;
    job->room = call->workspace;
    return fits;
}

static bool make_job_of_site(const struct qn_site *site, struct job *job)
{
    const struct qconv *p = site->params;
    const struct qn_shape *x = &site->in[p->in->x]->shape;

    return make_job(p, x->dims, site->in[p->in->w]->shape.dims, x->rank, job);
}

/* ---- Reference: one output at a time -------------------------------------------------------------------------- */

static size_t ref_workspace(const struct qn_site *site)
{
    struct job job;

    return make_job_of_site(site, &job) ? job.offsets_bytes : SIZE_MAX;
}

static int32_t sum_of(const struct job *job, int64_t image, int64_t m, const int64_t *offsets)
{
    const struct qn_tensor *x = input(job->call, job->in->x), *w = input(job->call, job->in->w);
    const struct qn_tensor *w_zero = input(job->call, job->in->w_zero);
    int32_t zero_x = qn_byte_at(input(job->call, job->in->x_zero), 0);
    int32_t zero_w = qn_byte_at(w_zero, w_zero && qn_tensor_count(w_zero) > 1 ? m : 0);
    uint32_t sum = 0;

    for (int64_t c = 0; c < job->per_in; c++)
        for (int64_t tap = 0; tap < job->n_taps; tap++) {
            int64_t plane = image * job->conv.c_in + m / job->per_out * job->per_in + c, at = offsets[tap * TILE];

            if (at >= 0)
                sum += (uint32_t)((qn_byte_at(x, plane * job->n_in + at) - zero_x) *
                                  (qn_byte_at(w, m * job->k + c * job->n_taps + tap) - zero_w));
        }
    return (int32_t)sum;
}

static enum qn_status qconv_ref(const struct qn_call *call)
{
    struct job job;

    if (!make_job_of_call(call, &job))
        QN_FAIL(call->err, LIMIT, "the convolution is too large");
    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    for (int64_t out = 0; out < job.n_out; out++) {
        find_offsets(&job, out, 1, call->workspace);
        for (int64_t image = 0; image < job.conv.batch; image++)
            for (int64_t m = 0; m < job.conv.c_out; m++) {
                int32_t sum = sum_of(&job, image, m, call->workspace);

                finish(call, m, &sum, 1, (image * job.conv.c_out + m) * job.n_out + out);
            }
        QN_TRY(qn_call_poll(call));
    }
    return QN_OK;
}

/* ---- Tiles: a matrix of what the windows of some positions hold, times the weights ---------------------------- */

/* w and its zero points, when both are constant; else NULL. */
static const struct qn_tensor *constant_w(const struct qn_site *site, const struct qn_tensor **zero)
{
    const struct layout *l = ((const struct qconv *)site->params)->in;
    const struct qn_fact *fact = l->w_zero < site->n_in ? site->in[l->w_zero] : NULL;

    *zero = fact ? fact->konst : NULL;
    return fact && !fact->konst ? NULL : site->in[l->w]->konst;
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct qn_tensor *zero, *w = constant_w(site, &zero);
    size_t bytes;
    int16_t *made;

    *packed = NULL;
    if (!w)
        return QN_OK;
    QN_CHECK(qn_mul((size_t)qn_tensor_count(w), sizeof(int16_t), &bytes), err, LIMIT, "the weights are too large");
    made = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(made, err);
    widen_w(w, zero, w->dims[0], made);
    *packed = made;
    return QN_OK;
}

static size_t workspace(const struct qn_site *site)
{
    const struct qn_tensor *zero;
    size_t bytes, widened = 0;
    struct job job;

    if (!make_job_of_site(site, &job) || !qn_mul(job.room_bytes, (size_t)site->threads, &bytes))
        return SIZE_MAX;
    if (!constant_w(site, &zero) &&
        (!qn_mul((size_t)job.conv.c_out, (size_t)job.k, &widened) || !qn_mul(widened, sizeof(int16_t), &widened)))
        return SIZE_MAX;
    return qn_add(bytes, widened, &bytes) ? bytes : SIZE_MAX;
}

/* columns[c * n_taps + tap][j]: what position j meets there in the channels of a group. */
static void gather(const struct job *job, int64_t image, int64_t group, int64_t n, const int64_t *offsets,
                   int16_t *columns)
{
    const struct qn_tensor *x = input(job->call, job->in->x);
    int32_t zero = qn_byte_at(input(job->call, job->in->x_zero), 0);

    for (int64_t c = 0; c < job->per_in; c++) {
        const char *plane = (const char *)x->data + (image * job->conv.c_in + group * job->per_in + c) * job->n_in;

        for (int64_t tap = 0; tap < job->n_taps; tap++) {
            const int64_t *from = offsets + tap * TILE;
            int16_t *row = columns + (c * job->n_taps + tap) * TILE;

            if (x->dtype == QN_INT8) {
                for (int64_t j = 0; j < n; j++)
                    row[j] = from[j] < 0 ? 0 : (int16_t)(((const int8_t *)plane)[from[j]] - zero);
            } else {
                for (int64_t j = 0; j < n; j++)
                    row[j] = from[j] < 0 ? 0 : (int16_t)(((const uint8_t *)plane)[from[j]] - zero);
            }
        }
    }
}

/* The channels [*first, *end) of a chunk. */
static void chunk_of(const struct job *job, int64_t index, int64_t *first, int64_t *end)
{
    int64_t per_group = (job->per_out + CHANNELS - 1) / CHANNELS, limit = job->conv.c_out;

    if (job->per_out >= CHANNELS) {
        *first = index / per_group * job->per_out + index % per_group * CHANNELS;
        limit = (index / per_group + 1) * job->per_out;
    } else {
        *first = index * job->chunk;
    }
    *end = limit - *first < job->chunk ? limit : *first + job->chunk;
}

static void run_piece(const struct job *job, int64_t index, char *room)
{
    int64_t tile = index / job->n_chunks % job->n_tiles * TILE, image = index / job->n_chunks / job->n_tiles;
    int64_t n = job->n_out - tile < TILE ? job->n_out - tile : TILE, first, end;
    int64_t *offsets = (int64_t *)(void *)room;
    int16_t *columns = (int16_t *)(void *)(room + job->offsets_bytes);
    int32_t *sums = (int32_t *)(void *)(room + job->offsets_bytes + job->columns_bytes);

    find_offsets(job, tile, n, offsets);
    chunk_of(job, index % job->n_chunks, &first, &end);
    for (int64_t m = first; m < end;) {
        int64_t group = m / job->per_out, stop = (group + 1) * job->per_out < end ? (group + 1) * job->per_out : end;

        gather(job, image, group, n, offsets, columns);
        qn_iproduct(stop - m, n, job->k, job->w + m * job->k, job->k, columns, TILE, sums, TILE);
        for (; m < stop; m++, sums += TILE)
            finish(job->call, m, sums, n, (image * job->conv.c_out + m) * job->n_out + tile);
    }
}

static void pieces_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->conv.batch * job->n_tiles * job->n_chunks, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_piece(job, i, job->room + (size_t)part * job->room_bytes);
}

static enum qn_status qconv_tiles(const struct qn_call *call)
{
    struct job job;
    double work;
    int parts = qn_pool_threads(call->pool);

    if (!make_job_of_call(call, &job))
        QN_FAIL(call->err, LIMIT, "the convolution is too large");
    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    job.w = call->packed;
    if (!job.w) {
        int16_t *w = (int16_t *)(void *)(job.room + (size_t)call->threads * job.room_bytes);

        widen_w(input(call, job.in->w), input(call, job.in->w_zero), job.conv.c_out, w);
        job.w = w;
    }
    work = (double)job.conv.batch * (double)job.conv.c_out * (double)job.n_out * (double)job.k;
    parts = work < 100000 ? 1 : parts < call->threads ? parts : call->threads;
    qn_pool_run(call->pool, parts, pieces_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "qconv_tiles", .prepare = prepare, .workspace = workspace, .run = qconv_tiles},
    {.name = "qconv_ref", .workspace = ref_workspace, .run = qconv_ref},
    {.name = NULL},
};

static double flops(const struct qn_site *site)
{
    struct job job;

    make_job_of_site(site, &job);
    return 2.0 * (double)job.conv.batch * (double)job.conv.c_out * (double)job.n_out * (double)job.k;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BYTES (QN_BIT(INT8) | QN_BIT(UINT8))
#define FLOAT QN_BIT(FLOAT)
#define INTS_ATTR(text, at, low)                                                                                       \
    {                                                                                                                  \
        .name = (text), .form = QN_FORM_INTS, .offset = offsetof(struct qconv, conv.sliding.at), .min = (low),         \
        .max = INT32_MAX                                                                                               \
    }

static const struct qn_attr attrs[] = {
    {.name = "auto_pad",
     .form = QN_FORM_ENUM,
     .offset = offsetof(struct qconv, conv.sliding.auto_pad),
     .text = "NOTSET",
     .choices = qn_auto_pad_names},
    {.name = "group",
     .form = QN_FORM_INT,
     .offset = offsetof(struct qconv, conv.group),
     .number = 1,
     .min = 1,
     .max = INT32_MAX},
    INTS_ATTR("kernel_shape", kernel_shape, 1),
    INTS_ATTR("strides", strides, 1),
    INTS_ATTR("dilations", dilations, 1),
    INTS_ATTR("pads", pads, 0),
    {.name = NULL},
};

#define COMMON(which)                                                                                                  \
    .domain = "", .since = 10, .until = 27, .attrs = attrs, QN_PRESET(qconv, .in = &(which)), .infer = infer,          \
    .kernels = kernels, .tolerance = QN_EXACT, .flops = flops

const struct qn_op qn_ops_qlinear_conv[] = {
    {
        .name = "ConvInteger",
        COMMON(integer_layout),
        .in = QN_FORMALS(QN_IN("x", '1', BYTES), QN_IN("w", '2', BYTES), QN_OPT("x_zero_point", '1', BYTES),
                         QN_OPT("w_zero_point", '2', BYTES)),
        .out = QN_FORMALS(QN_OUT("y", '3', QN_BIT(INT32))),
    },
    {
        .name = "QLinearConv",
        COMMON(qlinear_layout),
        .in =
            QN_FORMALS(QN_IN("x", '1', BYTES), QN_IN("x_scale", 0, FLOAT), QN_IN("x_zero_point", '1', BYTES),
                       QN_IN("w", '2', BYTES), QN_IN("w_scale", 0, FLOAT), QN_IN("w_zero_point", '2', BYTES),
                       QN_IN("y_scale", 0, FLOAT), QN_IN("y_zero_point", '3', BYTES), QN_OPT("B", '4', QN_BIT(INT32))),
        .out = QN_FORMALS(QN_OUT("y", '3', BYTES)),
    },
    {.name = NULL},
};
