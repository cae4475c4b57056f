/* quantize.c: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
 * One scale (and zero point) for the tensor, for each index of an axis, or for each block along an axis. Quantizing
 * divides in the precision asked for (by default that of the scale; int32 scales in float64), rounds half to even, adds
 * the zero point and saturates; NaN becomes the zero point. Float targets are rounded as Cast does. Dequantizing
 * multiplies in float32 and rounds once to the output's type. Not here: products of quantised tensors
 * (qlinear_matmul.c, qlinear_conv.c). */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "tensor/convert.h"

struct quantize {
    int64_t axis, block_size, output_dtype, precision;
    bool saturate;
    bool scalar; /* version 10: one scale alone */
};

enum { X, SCALE, ZERO };

/* ---- Granularity ---------------------------------------------------------------------------------------------- */

/* Element i of X belongs to scale (o * n_blocks + a / block) * width + (blocked ? in : 0), where i is [o][a][in] in
 * [outer][axis][inner]. One scale for all has axis and inner 1; one per index a block of 1 and width 1. */
struct grain {
    int64_t axis, inner, block, n_blocks, width;
    bool repeats; /* scales do not depend on o */
};

static struct grain grain_of(const struct quantize *p, int rank, const int64_t *dims, int64_t n_scales)
{
    int axis = (int)(p->axis < 0 ? p->axis + rank : p->axis);
    struct grain g = {.axis = 1, .inner = 1, .block = 1, .n_blocks = 1, .width = 1, .repeats = true};

    if (p->block_size == 0 && n_scales == 1)
        return g;
    g.axis = g.n_blocks = dims[axis];
    for (int i = axis + 1; i < rank; i++)
        g.inner *= dims[i];
    if (p->block_size > 0) {
        g.block = p->block_size;
        g.n_blocks = dims[axis] / g.block + (dims[axis] % g.block != 0);
        g.width = g.inner;
        g.repeats = false;
    }
    return g;
}

/* The scale of element i, and for how many elements from i on scales go on in steps of *step (0 or 1). */
static int64_t scale_at(const struct grain *g, int64_t i, int64_t *run, int64_t *step)
{
    int64_t in = i % g->inner, a = i / g->inner % g->axis, o = i / g->inner / g->axis;
    int64_t first = ((g->repeats ? 0 : o * g->n_blocks) + a / g->block) * g->width;

    *step = g->width > 1;
    *run = g->inner - in;
    if (g->axis == 1 && g->repeats)
        *run = INT64_MAX;
    else if (g->inner == 1)
        *run = (g->block - a % g->block < g->axis - a ? g->block - a % g->block : g->axis - a);
    return g->width > 1 ? first + in : first;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* Whether a scale or zero point of this shape fits X; *n: how many values it has. */
static enum qn_status check_scale(struct qn_infer *in, const struct quantize *p, const struct qn_shape *scale)
{
    const struct qn_shape *x = &in->in[X]->shape;
    char text[QN_SHAPE_TEXT], x_text[QN_SHAPE_TEXT];
    int64_t n;
    int axis;

    if (x->rank < 0 || !qn_shape_known(scale) || !qn_dims_count(scale->dims, 0, scale->rank, &n))
        return QN_OK;
    if (p->block_size == 0 && n == 1)
        return QN_OK;
    QN_CHECK(!p->scalar, in->err, SHAPE, "the scale must be a scalar, not %s", qn_shape_text(scale, text));
    QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
    if (p->block_size == 0) {
        QN_CHECK(scale->rank == 1 && (n == x->dims[axis] || !qn_dim_known(x->dims[axis])), in->err, SHAPE,
                 "a scale of shape %s does not fit axis %d of %s", qn_shape_text(scale, text), axis,
                 qn_shape_text(x, x_text));
        return QN_OK;
    }
    QN_CHECK(scale->rank == x->rank, in->err, SHAPE, "a scale of shape %s does not fit blocks of %s",
             qn_shape_text(scale, text), qn_shape_text(x, x_text));
    for (int i = 0; i < x->rank; i++) {
        int64_t want = x->dims[i];

        if (i == axis && qn_dim_known(want))
            want = want / p->block_size + (want % p->block_size != 0);
        QN_CHECK(!qn_dim_known(want) || scale->dims[i] == want, in->err, SHAPE,
                 "a scale of shape %s does not fit blocks of %lld on axis %d of %s", qn_shape_text(scale, text),
                 (long long)p->block_size, axis, qn_shape_text(x, x_text));
    }
    return QN_OK;
}

static enum qn_status check_zero(struct qn_infer *in)
{
    const struct qn_fact *zero = qn_infer_in(in, ZERO);
    const struct qn_shape *scale = &in->in[SCALE]->shape;
    char text[QN_SHAPE_TEXT], scale_text[QN_SHAPE_TEXT];
    int64_t n, n_scales;

    if (!zero || zero->shape.rank < 0 || !qn_dims_count(zero->shape.dims, 0, zero->shape.rank, &n) || scale->rank < 0 ||
        !qn_dims_count(scale->dims, 0, scale->rank, &n_scales))
        return QN_OK;
    QN_CHECK(n == n_scales, in->err, SHAPE, "zero points of shape %s do not fit scales of shape %s",
             qn_shape_text(&zero->shape, text), qn_shape_text(scale, scale_text));
    return QN_OK;
}

static enum qn_status infer_quantize(struct qn_infer *in, const void *params)
{
    const struct quantize *p = params;
    const struct qn_fact *zero = qn_infer_in(in, ZERO);
    enum qn_dtype asked = (enum qn_dtype)p->output_dtype, dtype = zero ? zero->dtype : asked ? asked : QN_UINT8;

    QN_CHECK(qn_dtypes_have(in->node->op->in[ZERO].types, dtype) || dtype == QN_UNDEFINED, in->err, FORMAT,
             "cannot quantize to %s", qn_dtype_name(dtype));
    QN_CHECK(!zero || !asked || zero->dtype == asked || zero->dtype == QN_UNDEFINED, in->err, SHAPE,
             "output_dtype is %s where the zero point is %s", qn_dtype_name(asked), qn_dtype_name(dtype));
    QN_CHECK(p->precision == 0 || p->precision == QN_FLOAT || p->precision == QN_FLOAT16 ||
                 p->precision == QN_BFLOAT16 || p->precision == QN_DOUBLE,
             in->err, FORMAT, "a precision of element type %lld is not supported", (long long)p->precision);
    QN_TRY(check_scale(in, p, &in->in[SCALE]->shape));
    QN_TRY(check_zero(in));
    return qn_infer_out(in, 0, dtype, &in->in[X]->shape);
}

static enum qn_status infer_dequantize(struct qn_infer *in, const void *params)
{
    const struct quantize *p = params;
    enum qn_dtype dtype = p->output_dtype ? (enum qn_dtype)p->output_dtype : in->in[SCALE]->dtype;

    QN_CHECK(qn_dtypes_have(in->node->op->out[0].types, dtype) || dtype == QN_UNDEFINED, in->err, FORMAT,
             "cannot dequantize to %s", qn_dtype_name(dtype));
    QN_TRY(check_scale(in, p, &in->in[SCALE]->shape));
    QN_TRY(check_zero(in));
    return qn_infer_out(in, 0, dtype, &in->in[X]->shape);
}

/* ---- Targets -------------------------------------------------------------------------------------------------- */

/* Range of an integer target; false for floats. */
static bool range_of(enum qn_dtype dtype, double *low, double *high)
{
    static const struct {
        double low, high;
    } ranges[QN_N_DTYPE] = {
        [QN_UINT8] = {0, 255}, [QN_INT8] = {-128, 127}, [QN_UINT16] = {0, 65535}, [QN_INT16] = {-32768, 32767},
        [QN_UINT4] = {0, 15},  [QN_INT4] = {-8, 7},     [QN_UINT2] = {0, 3},      [QN_INT2] = {-2, 1},
    };

    *low = ranges[dtype].low;
    *high = ranges[dtype].high;
    return *high > 0;
}

/* ---- Reference: element by element ---------------------------------------------------------------------------- */

/* x / scale in the given precision. */
static double divide(double x, double scale, enum qn_dtype precision)
{
    float quotient;

    switch (precision) {
    case QN_FLOAT16:
        quotient = qn_half_to_float(qn_double_to_half(x)) / qn_half_to_float(qn_double_to_half(scale));
        return qn_half_to_float(qn_float_to_half(quotient));
    case QN_BFLOAT16:
        quotient =
            qn_bfloat_to_float(qn_float_to_bfloat((float)x)) / qn_bfloat_to_float(qn_float_to_bfloat((float)scale));
        return qn_bfloat_to_float(qn_float_to_bfloat(quotient));
    case QN_DOUBLE:
    case QN_INT32:
        return x / scale;
    default:
        return (float)x / (float)scale;
    }
}

static enum qn_dtype precision_of(const struct quantize *p, enum qn_dtype scale)
{
    return p->precision ? (enum qn_dtype)p->precision : scale;
}

static void store_narrow(struct qn_tensor *y, int64_t i, float x, bool saturate)
{
    uint8_t bits = qn_float_to_narrow(y->dtype, x, saturate, 'n');

    if (qn_dtype_bits(y->dtype) == 4)
        qn_packed_set(y->data, i, 4, bits);
    else
        ((uint8_t *)y->data)[i] = bits;
}

/* Packed elements share bytes: what is behind the last one becomes 0. */
static void clear_tail(struct qn_tensor *y)
{
    size_t n = qn_tensor_bytes(y);

    if (qn_dtype_bits(y->dtype) < 8 && n > 0)
        ((uint8_t *)y->data)[n - 1] = 0;
}

static enum qn_status quantize_ref(const struct qn_call *call)
{
    const struct quantize *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *scale = qn_in(call, SCALE), *zero = qn_in(call, ZERO);
    const struct grain g = grain_of(p, x->rank, x->dims, qn_tensor_count(scale));
    struct qn_tensor *y = qn_out(call, 0);
    enum qn_dtype precision = precision_of(p, scale->dtype);
    double low, high;
    bool whole = range_of(y->dtype, &low, &high);

    clear_tail(y);
    for (int64_t i = 0, n = qn_tensor_count(x), run, step; i < n; i++) {
        int64_t at = scale_at(&g, i, &run, &step);
        double v = divide(qn_tensor_double(x, i), qn_tensor_double(scale, at), precision);
        double z = zero ? qn_tensor_double(zero, at) : 0;

        if (whole) {
            v = (isnan(v) ? 0 : nearbyint(v)) + z;
            qn_tensor_set_int(y, i, (int64_t)(v < low ? low : v > high ? high : v));
        } else {
            store_narrow(y, i, (float)(z != 0 ? v + z : v), p->saturate);
        }
    }
    return QN_OK;
}

static enum qn_status dequantize_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, X), *scale = qn_in(call, SCALE), *zero = qn_in(call, ZERO);
    const struct grain g = grain_of(call->params, x->rank, x->dims, qn_tensor_count(scale));

    for (int64_t i = 0, n = qn_tensor_count(x), run, step; i < n; i++) {
        int64_t at = scale_at(&g, i, &run, &step);
        float v = (float)(qn_tensor_double(x, i) - (zero ? qn_tensor_double(zero, at) : 0));

        qn_tensor_set_double(qn_out(call, 0), i, (double)(v * (float)qn_tensor_double(scale, at)));
    }
    return QN_OK;
}

/* ---- Fast: pieces of the flat tensor -------------------------------------------------------------------------- */

/* Elements that are worked on at a time: whole bytes of any type. */
enum { PIECE = 512 };

struct job {
    const struct quantize *p;
    struct grain g;
    const struct qn_tensor *x;
    struct qn_tensor *y;
    const float *scale, *zero; /* as float32; zero NULL: none */
    enum qn_dtype precision;
    double low, high; /* of integers */
    bool whole;
};

typedef void piece_fn(const struct job *job, int64_t begin, int64_t n);

/* values[scale of element begin + i] -> dst[i]. */
static void spread(const struct grain *g, const float *values, int64_t begin, int64_t n, float *dst)
{
    for (int64_t i = 0, run, step; i < n; i += run) {
        int64_t at = scale_at(g, begin + i, &run, &step);

        run = run < n - i ? run : n - i;
        if (step) {
            memcpy(dst + i, values + at, (size_t)run * sizeof(*dst));
            continue;
        }
        for (int64_t k = i; k < i + run; k++)
            dst[k] = values[at];
    }
}

static const void *at_bits(const struct qn_tensor *tensor, int64_t i)
{
    return (const char *)tensor->data + (size_t)i * (size_t)qn_dtype_bits(tensor->dtype) / 8;
}

/* Elements as float32: where they stand, or converted into room. */
static const float *load(const struct qn_tensor *tensor, int64_t begin, int64_t n, float *room)
{
    if (tensor->dtype == QN_FLOAT)
        return (const float *)tensor->data + begin;
    qn_convert(tensor->dtype, at_bits(tensor, begin), QN_FLOAT, room, n, (struct qn_convert_options){.saturate = true});
    return room;
}

/* Through a narrower type and back. */
static void round_through(enum qn_dtype dtype, float *x, int64_t n)
{
    uint16_t narrow[PIECE];

    if (dtype != QN_FLOAT16 && dtype != QN_BFLOAT16)
        return;
    qn_convert(QN_FLOAT, x, dtype, narrow, n, (struct qn_convert_options){.saturate = false});
    qn_convert(dtype, narrow, QN_FLOAT, x, n, (struct qn_convert_options){.saturate = false});
}

/* Integers of at most 17 bits come out of a float's low bits after this is added; the addition rounds half to even. */
#define ROUNDER 12582912.0f /* 1.5 * 2^23 */

#define PUT(type)                                                                                                      \
    for (int64_t i = 0; i < n; i++)                                                                                    \
    ((type *)job->y->data)[begin + i] = (type)whole[i]

/* v: quotients; z: zero points. */
static void put_integers(const struct job *job, int64_t begin, int64_t n, const float *v, const float *z)
{
    const float low = (float)job->low, high = (float)job->high;
    int32_t whole[PIECE];

    for (int64_t i = 0; i < n; i++) {
        float least = low - z[i], most = high - z[i], x = v[i] == v[i] ? v[i] : 0;

        x = x > least ? x : least;
        x = x < most ? x : most;
        whole[i] = (int32_t)((x + ROUNDER) - ROUNDER) + (int32_t)z[i];
    }
    switch (job->y->dtype) {
    case QN_UINT8:
    case QN_INT8:
        PUT(uint8_t);
        return;
    case QN_UINT16:
    case QN_INT16:
        PUT(uint16_t);
        return;
    default:
        for (int64_t i = 0; i < n; i++)
            qn_packed_set(job->y->data, begin + i, qn_dtype_bits(job->y->dtype), (uint8_t)whole[i]);
    }
}

static void quantize_piece(const struct job *job, int64_t begin, int64_t n)
{
    const struct qn_kern *kern = qn_kern();
    float room[PIECE], scale[PIECE], zero[PIECE] = {0};
    const float *x = load(job->x, begin, n, room);

    if (job->precision == QN_FLOAT16 || job->precision == QN_BFLOAT16) {
        memmove(room, x, (size_t)n * sizeof(*room));
        round_through(job->precision, room, n);
        x = room;
    }
    spread(&job->g, job->scale, begin, n, scale);
    round_through(job->precision, scale, n);
    if (job->zero)
        spread(&job->g, job->zero, begin, n, zero);
    kern->vv[QN_DIV](room, x, scale, (size_t)n);
    round_through(job->precision, room, n);
    if (job->whole) {
        put_integers(job, begin, n, room, zero);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        store_narrow(job->y, begin + i, zero[i] != 0 ? room[i] + zero[i] : room[i], job->p->saturate);
}

static void dequantize_piece(const struct job *job, int64_t begin, int64_t n)
{
    const struct qn_kern *kern = qn_kern();
    float room[PIECE], scale[PIECE], zero[PIECE];
    bool direct = job->y->dtype == QN_FLOAT;
    float *y = direct ? (float *)job->y->data + begin : room;
    const float *x = load(job->x, begin, n, y);

    spread(&job->g, job->scale, begin, n, scale);
    if (job->zero) {
        spread(&job->g, job->zero, begin, n, zero);
        kern->vv[QN_SUB](y, x, zero, (size_t)n);
        x = y;
    }
    kern->vv[QN_MUL](y, x, scale, (size_t)n);
    if (!direct)
        qn_convert(QN_FLOAT, y, job->y->dtype, (char *)job->y->data + (size_t)begin * 2, n,
                   (struct qn_convert_options){.saturate = false});
}

struct pieces {
    const struct job *job;
    piece_fn *piece;
    int64_t n;
};

static void pieces_part(void *arg, int part, int n_parts)
{
    const struct pieces *pieces = arg;
    int64_t begin, end;

    qn_pool_slice(pieces->n, PIECE, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i += PIECE)
        pieces->piece(pieces->job, i, end - i < PIECE ? end - i : PIECE);
}

/* Scales and zero points as float32, in the workspace where they are not. */
static size_t pieces_workspace(const struct qn_site *site)
{
    int64_t n;
    size_t bytes;

    if (!qn_dims_count(site->in[SCALE]->shape.dims, 0, site->in[SCALE]->shape.rank, &n) ||
        !qn_mul((size_t)n, 2 * sizeof(float), &bytes))
        return SIZE_MAX;
    return bytes;
}

static const float *as_floats(const struct qn_tensor *tensor, float *room)
{
    if (!tensor)
        return NULL;
    return load(tensor, 0, qn_tensor_count(tensor), room);
}

static enum qn_status run_pieces(const struct qn_call *call, piece_fn *piece)
{
    const struct quantize *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *scale = qn_in(call, SCALE);
    int64_t n = qn_tensor_count(x), n_scales = qn_tensor_count(scale);
    struct job job = {.p = p,
                      .g = grain_of(p, x->rank, x->dims, n_scales),
                      .x = x,
                      .y = qn_out(call, 0),
                      .precision = precision_of(p, scale->dtype)};
    struct pieces pieces = {&job, piece, n};

    clear_tail(job.y);
    job.scale = as_floats(scale, call->workspace);
    job.zero = as_floats(qn_in(call, ZERO), (float *)call->workspace + n_scales);
    job.whole = range_of(job.y->dtype, &job.low, &job.high);
    if (n > 0)
        qn_pool_run(call->pool, qn_broadcast_parts(call->pool, n, 2), pieces_part, &pieces);
    return QN_OK;
}

/* What float32 carries exactly. */
static const char *accept_quantize(const struct qn_site *site)
{
    const struct quantize *p = site->params;

    if (site->in[SCALE]->dtype == QN_INT32 || p->precision == QN_DOUBLE)
        return "division in float64";
    return NULL;
}

static const char *accept_dequantize(const struct qn_site *site)
{
    return site->in[X]->dtype == QN_INT32 ? "int32 is wider than float32" : NULL;
}

static enum qn_status quantize_pieces(const struct qn_call *call) { return run_pieces(call, quantize_piece); }
static enum qn_status dequantize_pieces(const struct qn_call *call) { return run_pieces(call, dequantize_piece); }

static const struct qn_kernel quantize_kernels[] = {
    {.name = "quantize", .accept = accept_quantize, .workspace = pieces_workspace, .run = quantize_pieces},
    {.name = "quantize_ref", .run = quantize_ref},
    {.name = NULL},
};
static const struct qn_kernel dequantize_kernels[] = {
    {.name = "dequantize", .accept = accept_dequantize, .workspace = pieces_workspace, .run = dequantize_pieces},
    {.name = "dequantize_ref", .run = dequantize_ref},
    {.name = NULL},
};

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------------------------ */

static enum qn_status infer_dynamic(struct qn_infer *in, const void *params)
{
    const struct qn_shape scalar = QN_SHAPE_SCALAR;

    (void)params;
    QN_TRY(qn_infer_out(in, 0, QN_UINT8, &in->in[0]->shape));
    QN_TRY(qn_infer_out(in, 1, QN_FLOAT, &scalar));
    return qn_infer_out(in, 2, QN_UINT8, &scalar);
}

/* The range of X with 0 becomes 0..255; of zeros alone, the scale is 1 / 255. */
static enum qn_status dynamic(const struct qn_call *call, const struct qn_kern *kern)
{
    const struct quantize p = {.axis = 0};
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t n = qn_tensor_count(x);
    float max = kern->max(x->data, (size_t)n), min = kern->min(x->data, (size_t)n), scale, zero;
    struct job job = {.p = &p, .x = x, .y = qn_out(call, 0), .scale = &scale, .zero = &zero, .precision = QN_FLOAT};
    struct pieces pieces = {&job, quantize_piece, n};

    max = max > 0 ? max : 0;
    min = min < 0 ? min : 0;
    scale = (max == min ? 1.0f : max - min) / 255.0f;
    zero = -min / scale;
    zero = !(zero > 0) ? 0 : zero < 255 ? nearbyintf(zero) : 255;
    if (qn_out(call, 1))
        *(float *)qn_out(call, 1)->data = scale;
    if (qn_out(call, 2))
        *(uint8_t *)qn_out(call, 2)->data = (uint8_t)zero;
    if (!job.y)
        return QN_OK;
    job.g = grain_of(&p, x->rank, x->dims, 1);
    job.whole = range_of(QN_UINT8, &job.low, &job.high);
    if (n > 0)
        qn_pool_run(call->pool, qn_broadcast_parts(call->pool, n, 2), pieces_part, &pieces);
    return QN_OK;
}

static enum qn_status dynamic_f32(const struct qn_call *call) { return dynamic(call, qn_kern()); }
static enum qn_status dynamic_ref(const struct qn_call *call) { return dynamic(call, qn_kern_ref()); }

static const struct qn_kernel dynamic_kernels[] = {
    {.name = "dynamic_quantize_f32", .run = dynamic_f32},
    {.name = "dynamic_quantize_ref", .run = dynamic_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define FLOAT            QN_BIT(FLOAT)
#define INT32            QN_BIT(INT32)
#define BYTES            (QN_BIT(INT8) | QN_BIT(UINT8))
#define WORDS            (QN_BIT(INT16) | QN_BIT(UINT16))
#define E8M0             QN_BIT(FLOAT8E8M0)
#define FLOAT4           QN_BIT(FLOAT4E2M1)
#define FLOATS_NO_DOUBLE (FLOAT | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))

#define AXIS      QN_INT_ATTR(quantize, axis, 1)
#define SATURATE  QN_BOOL_ATTR(quantize, saturate, 1)
#define BLOCK     QN_INT_ATTR_RANGE(quantize, block_size, 0, 0, INT64_MAX)
#define OUTPUT    QN_INT_ATTR_RANGE(quantize, output_dtype, 0, 0, QN_N_DTYPE - 1)
#define PRECISION QN_INT_ATTR_RANGE(quantize, precision, 0, 0, QN_N_DTYPE - 1)

#define QUANTIZE(first, last, x_types, scale_group, scale_types, y_types, is_scalar, ...)                              \
    {                                                                                                                  \
        .name = "QuantizeLinear", .domain = "", .since = (first), .until = (last),                                     \
        .in = QN_FORMALS(QN_IN("x", 'T', x_types), QN_IN("y_scale", scale_group, scale_types),                         \
                         QN_OPT("y_zero_point", 'Y', y_types)),                                                        \
        .out = QN_FORMALS(QN_OUT("y", 'Y', y_types)), .attrs = QN_ATTRS(__VA_ARGS__),                                  \
        QN_PRESET(quantize, .axis = 1, .saturate = true, .scalar = (is_scalar)), .infer = infer_quantize,              \
        .kernels = quantize_kernels, .tolerance = QN_EXACT,                                                            \
    }
#define DEQUANTIZE(first, last, x_types, scale_types, y_types, is_scalar, ...)                                         \
    {                                                                                                                  \
        .name = "DequantizeLinear", .domain = "", .since = (first), .until = (last),                                   \
        .in = QN_FORMALS(QN_IN("x", 'T', x_types), QN_IN("x_scale", 'S', scale_types),                                 \
                         QN_OPT("x_zero_point", 'T', x_types)),                                                        \
        .out = QN_FORMALS(QN_OUT("y", 'Y', y_types)), .attrs = QN_ATTRS(__VA_ARGS__),                                  \
        QN_PRESET(quantize, .axis = 1, .scalar = (is_scalar)), .infer = infer_dequantize,                              \
        .kernels = dequantize_kernels, .tolerance = QN_EXACT,                                                          \
    }

#define X_19 (FLOATS_NO_DOUBLE | INT32)
#define Y_19 (BYTES | QN_FLOAT8S)
#define Y_21 (Y_19 | WORDS | QN_INT4S)
#define Y_23 (Y_21 | FLOAT4)
#define Y_25 (Y_23 | QN_INT2S)

const struct qn_op qn_ops_quantize[] = {
    QUANTIZE(10, 12, FLOAT | INT32, 'S', FLOAT, BYTES, true, {.name = NULL}),
    QUANTIZE(13, 18, FLOAT | INT32, 'S', FLOAT, BYTES, false, AXIS),
    QUANTIZE(19, 20, X_19, 'T', X_19, Y_19, false, AXIS, SATURATE),
    QUANTIZE(21, 22, X_19, 'T', X_19, Y_21, false, AXIS, SATURATE, BLOCK, OUTPUT),
    QUANTIZE(23, 23, X_19, 'S', X_19, Y_23, false, AXIS, SATURATE, BLOCK, OUTPUT, PRECISION),
    QUANTIZE(24, 24, X_19, 'S', X_19 | E8M0, Y_23, false, AXIS, SATURATE, BLOCK, OUTPUT, PRECISION),
    QUANTIZE(25, 27, X_19, 'S', X_19 | E8M0, Y_25, false, AXIS, SATURATE, BLOCK, OUTPUT, PRECISION),
    DEQUANTIZE(10, 12, BYTES | INT32, FLOAT, FLOAT, true, {.name = NULL}),
    DEQUANTIZE(13, 18, BYTES | INT32, FLOAT, FLOAT, false, AXIS),
    DEQUANTIZE(19, 20, Y_19 | INT32, FLOATS_NO_DOUBLE, FLOATS_NO_DOUBLE, false, AXIS),
    DEQUANTIZE(21, 22, Y_21 | INT32, FLOATS_NO_DOUBLE, FLOATS_NO_DOUBLE, false, AXIS, BLOCK),
    DEQUANTIZE(23, 23, Y_23 | INT32, FLOATS_NO_DOUBLE, FLOATS_NO_DOUBLE, false, AXIS, BLOCK, OUTPUT),
    DEQUANTIZE(24, 24, Y_23 | INT32, FLOATS_NO_DOUBLE | E8M0, FLOATS_NO_DOUBLE, false, AXIS, BLOCK, OUTPUT),
    DEQUANTIZE(25, 27, Y_25 | INT32, FLOATS_NO_DOUBLE | E8M0, FLOATS_NO_DOUBLE, false, AXIS, BLOCK, OUTPUT),
    {
        .name = "DynamicQuantizeLinear",
        .domain = "",
        .since = 11,
        .until = 27,
        .in = QN_FORMALS(QN_IN("x", 'T', FLOAT)),
        .out = QN_FORMALS(QN_OUT("y", 'Y', QN_BIT(UINT8)), QN_OUT("y_scale", 'S', FLOAT),
                          QN_OUT("y_zero_point", 'Y', QN_BIT(UINT8))),
        .infer = infer_dynamic,
        .kernels = dynamic_kernels,
        .tolerance = QN_EXACT,
    },
    {.name = NULL},
};
