/* quantize.c: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: y = saturate(round(x / scale) + zero point), and
 * x = (y - zero point) * scale, with one scale for the tensor, one for each place of an axis, or one for each block of
 * an axis. Rounding is half to even; NaN becomes the lowest integer. The quotient is rounded to `precision`, or to the
 * type of the scale when that is absent (float32 for FLOAT8E8M0, float64 for int32); the product is float32, rounded to
 * the type of the output. One scale of any rank up to 1 serves the whole tensor. DynamicQuantizeLinear: a tensor of
 * zeros has scale 1; NaN in x becomes the scale, then y and the zero point are 0. Not here: products of quantised
 * tensors (qlinear.c). */
#include <math.h>
#include <string.h>

#include "ops/broadcast.h"
#include "ops/quantized.h"
#include "tensor/convert.h"

struct quantize {
    int64_t axis, block_size;
    int64_t output_dtype, precision; /* enum qn_dtype; UNDEFINED: by the inputs */
    bool saturate;
    bool whole; /* version 10: one scale for the tensor */
};

enum { X, SCALE, ZERO };

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static bool one_element(const struct qn_shape *shape)
{
    return shape->rank == 0 || (shape->rank == 1 && shape->dims[0] == 1);
}

/* A scale of the rank of x has its shape, blocks of the axis apart. */
static enum qn_status check_blocks(struct qn_infer *in, const struct quantize *p, int axis)
{
    const struct qn_shape *x = &in->in[X]->shape, *scale = &in->in[SCALE]->shape;
    char x_text[QN_SHAPE_TEXT], s_text[QN_SHAPE_TEXT];

    for (int i = 0; i < x->rank; i++) {
        int64_t want = x->dims[i];

        if (i == axis && qn_dim_known(want))
            want = want / p->block_size + (want % p->block_size != 0);
        QN_CHECK(want == scale->dims[i] || !qn_dim_known(want) || !qn_dim_known(scale->dims[i]), in->err, SHAPE,
                 "a scale of shape %s does not fit blocks of %lld on axis %d of %s", qn_shape_text(scale, s_text),
                 (long long)p->block_size, axis, qn_shape_text(x, x_text));
    }
    return QN_OK;
}

static enum qn_status check_scale(struct qn_infer *in, const struct quantize *p)
{
    const struct qn_shape *x = &in->in[X]->shape, *scale = &in->in[SCALE]->shape;
    char text[QN_SHAPE_TEXT];
    int axis;

    if (x->rank < 0 || scale->rank < 0 || one_element(scale))
        return QN_OK;
    qn_shape_text(scale, text);
    if (p->whole) {
        QN_CHECK(scale->rank == 1 && !qn_dim_known(scale->dims[0]), in->err, SHAPE,
                 "a scale of shape %s is not one element", text);
        return QN_OK;
    }
    if (scale->rank == 1 && !qn_dim_known(scale->dims[0]) && p->block_size == 0)
        return QN_OK;
    QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
    if (p->block_size > 0) {
        QN_CHECK(scale->rank == x->rank, in->err, SHAPE, "a scale of shape %s for blocks of a tensor of rank %d", text,
                 x->rank);
        return check_blocks(in, p, axis);
    }
    QN_CHECK(scale->rank == 1, in->err, SHAPE, "a scale of shape %s without block_size", text);
    QN_CHECK(scale->dims[0] == x->dims[axis] || !qn_dim_known(x->dims[axis]), in->err, SHAPE,
             "%lld scales for axis %d of size %lld", (long long)scale->dims[0], axis, (long long)x->dims[axis]);
    return QN_OK;
}

static enum qn_status check_zero(struct qn_infer *in)
{
    const struct qn_shape *scale = &in->in[SCALE]->shape, *zero = qn_infer_in(in, ZERO) ? &in->in[ZERO]->shape : NULL;
    char s_text[QN_SHAPE_TEXT], z_text[QN_SHAPE_TEXT];
    struct qn_shape both;

    if (!zero || (one_element(scale) && one_element(zero)))
        return QN_OK;
    QN_CHECK(qn_shape_merge(scale, zero, &both) || (scale->rank == 1 && !qn_dim_known(scale->dims[0])) ||
                 (zero->rank == 1 && !qn_dim_known(zero->dims[0])),
             in->err, SHAPE, "scale and zero point have shapes %s and %s", qn_shape_text(scale, s_text),
             qn_shape_text(zero, z_text));
    return QN_OK;
}

static enum qn_status infer_quantize(struct qn_infer *in, const void *params)
{
    const struct quantize *p = params;
    const struct qn_fact *zero = qn_infer_in(in, ZERO);
    enum qn_dtype dtype = (enum qn_dtype)p->output_dtype;

    QN_TRY(check_scale(in, p));
    QN_TRY(check_zero(in));
    QN_CHECK(!zero || dtype == QN_UNDEFINED || dtype == zero->dtype, in->err, SHAPE,
             "output_dtype is %s where the zero point is %s", qn_dtype_name(dtype), qn_dtype_name(zero->dtype));
    if (dtype == QN_UNDEFINED)
        dtype = zero ? zero->dtype : QN_UINT8;
    return qn_infer_out(in, 0, dtype, &in->in[X]->shape);
}

static enum qn_status infer_dequantize(struct qn_infer *in, const void *params)
{
    const struct quantize *p = params;
    enum qn_dtype dtype = p->output_dtype ? (enum qn_dtype)p->output_dtype : in->in[SCALE]->dtype;

    QN_TRY(check_scale(in, p));
    QN_TRY(check_zero(in));
    QN_CHECK(qn_dtypes_have(in->node->op->out[0].types, dtype), in->err, SHAPE,
             "output_dtype is needed with a scale of %s", qn_dtype_name(dtype));
    return qn_infer_out(in, 0, dtype, &in->in[X]->shape);
}

/* Element types that an attribute may name; 0, the default, names none. */
static enum qn_status check_dtype(const char *attr, int64_t value, qn_dtypes allowed, struct qn_err *err)
{
    QN_CHECK(value == QN_UNDEFINED || qn_dtype_valid(value), err, FORMAT, "%s %lld is no element type", attr,
             (long long)value);
    QN_CHECK(value == QN_UNDEFINED || qn_dtypes_have(allowed, (enum qn_dtype)value), err, FORMAT, "%s cannot be %s",
             attr, qn_dtype_name((enum qn_dtype)value));
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct quantize *p = params;
    qn_dtypes precisions = QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16) | QN_BIT(DOUBLE);

    (void)arena;
    QN_TRY(check_dtype("output_dtype", p->output_dtype, node->op->out[0].types, err));
    return check_dtype("precision", p->precision, precisions, err);
}

/* ---- Which scale belongs to which element --------------------------------------------------------------------- */

/* x as [outer, n, inner]; blocks of the middle axis. Runs of elements share a scale, or follow scales one by one. */
struct layout {
    int64_t n, inner, block;
    int64_t outer_step, block_step; /* in scales */
    bool inner_step;                /* a scale for each place of inner */
};

static struct layout layout_of(const struct quantize *p, const struct qn_tensor *x, const struct qn_tensor *scale)
{
    struct qn_shape shape = qn_tensor_shape(scale);
    struct layout l = {.n = 1, .inner = qn_tensor_count(x), .block = 1};
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);

    if (one_element(&shape))
        return l;
    l.n = x->dims[axis];
    l.inner = qn_tensor_span(x, axis + 1, x->rank);
    l.block_step = 1;
    if (p->block_size > 0) {
        l.block = p->block_size;
        l.block_step = l.inner;
        l.outer_step = scale->dims[axis] * l.inner;
        l.inner_step = l.inner > 1;
    } else if (l.inner == 1) {
        /* Neighbours have neighbouring scales: the axis is the inner one. */
        l = (struct layout){.n = 1, .inner = l.n, .block = 1, .inner_step = true};
    }
    return l;
}

/* A run of elements: x[0..n) with scales from `scale` on, `step` (0 or 1) apart. */
struct piece {
    int64_t n, scale, step;
};

/* The run that begins at element `at` and ends before `end`. */
static struct piece piece_at(const struct layout *l, int64_t at, int64_t end)
{
    int64_t row = at / l->inner, i = at % l->inner, place = row % l->n, block = place / l->block;
    int64_t last = l->inner - i; /* left of the run */

    if (!l->inner_step && l->inner == 1) /* a block is a run */
        last = ((block + 1) * l->block < l->n ? (block + 1) * l->block : l->n) - place;
    return (struct piece){.n = last < end - at ? last : end - at,
                          .scale = row / l->n * l->outer_step + block * l->block_step + (l->inner_step ? i : 0),
                          .step = l->inner_step};
}

/* ---- Any types: blocks of elements in float64 ----------------------------------------------------------------- */

enum { BLOCK = 256 }; /* a multiple of 8, so that packed types begin at whole bytes */

struct job {
    struct layout layout;
    const struct qn_tensor *x, *scale, *zero;
    struct qn_tensor *y;
    enum qn_dtype precision;
    bool saturate;
    int64_t n;
};

/* Elements [at, at + n) of a tensor, rounded to `via` first; at is a multiple of 8 and n at most BLOCK + 8. */
static void load(const struct qn_tensor *x, enum qn_dtype via, int64_t at, int64_t n, double *values)
{
    const char *src = (const char *)x->data + qn_dtype_span(x->dtype, at);
    char narrow[(BLOCK + 8) * sizeof(double)];

    if (via == x->dtype || via == QN_DOUBLE) {
        qn_convert(x->dtype, src, QN_DOUBLE, values, n, (struct qn_convert_options){0});
        return;
    }
    qn_convert(x->dtype, src, via, narrow, n, (struct qn_convert_options){0});
    qn_convert(via, narrow, QN_DOUBLE, values, n, (struct qn_convert_options){0});
}

/* A parameter for each of the elements [at, at + n) of x. */
static void spread(const struct job *j, const struct qn_tensor *parameter, enum qn_dtype via, int64_t at, int64_t n,
                   double *values)
{
    double some[BLOCK + 8];

    for (int64_t i = 0; i < n;) {
        struct piece piece = piece_at(&j->layout, at + i, at + n);
        int64_t skip = piece.scale % 8, count = piece.step ? piece.n : 1;

        load(parameter, via, piece.scale - skip, skip + count, some);
        for (int64_t k = 0; k < piece.n; k++)
            values[i + k] = some[skip + k * piece.step];
        i += piece.n;
    }
}

static void round_to(enum qn_dtype dtype, double *values, int64_t n)
{
    char narrow[BLOCK * sizeof(double)];

    if (dtype == QN_DOUBLE)
        return;
    qn_convert(QN_DOUBLE, values, dtype, narrow, n, (struct qn_convert_options){0});
    qn_convert(dtype, narrow, QN_DOUBLE, values, n, (struct qn_convert_options){0});
}

struct range {
    int32_t low, high;
};

static struct range range_of(enum qn_dtype dtype)
{
    int bits = qn_dtype_bits(dtype);
    bool is_signed = qn_dtypes_have(QN_SIGNED | QN_BIT(INT4) | QN_BIT(INT2), dtype);

    return is_signed ? (struct range){-(1 << (bits - 1)), (1 << (bits - 1)) - 1} : (struct range){0, (1 << bits) - 1};
}

static void quantize_block(const struct job *j, int64_t at, int64_t n)
{
    char *dst = (char *)j->y->data + qn_dtype_span(j->y->dtype, at);
    struct range range = range_of(j->y->dtype);
    double x[BLOCK], scale[BLOCK], zero[BLOCK] = {0};
    int32_t whole[BLOCK];

    load(j->x, j->precision, at, n, x);
    spread(j, j->scale, j->precision, at, n, scale);
    if (j->zero)
        spread(j, j->zero, QN_DOUBLE, at, n, zero);
    for (int64_t i = 0; i < n; i++)
        x[i] /= scale[i];
    round_to(j->precision, x, n);
    if (!qn_dtype_is_integer(j->y->dtype)) {
        for (int64_t i = 0; i < n; i++)
            x[i] += zero[i];
        qn_convert(QN_DOUBLE, x, j->y->dtype, dst, n, (struct qn_convert_options){.saturate = j->saturate});
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double low = range.low - zero[i], high = range.high - zero[i], q = x[i] > low ? x[i] : low;

        whole[i] = (int32_t)(rint(q < high ? q : high) + zero[i]);
    }
    qn_convert(QN_INT32, whole, j->y->dtype, dst, n, (struct qn_convert_options){0});
}

static void dequantize_block(const struct job *j, int64_t at, int64_t n)
{
    char *dst = (char *)j->y->data + qn_dtype_span(j->y->dtype, at);
    double x[BLOCK], scale[BLOCK], zero[BLOCK] = {0};
    float y[BLOCK];

    load(j->x, QN_DOUBLE, at, n, x);
    spread(j, j->scale, QN_DOUBLE, at, n, scale);
    if (j->zero)
        spread(j, j->zero, QN_DOUBLE, at, n, zero);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero[i]) * (float)scale[i];
    qn_convert(QN_FLOAT, y, j->y->dtype, dst, n, (struct qn_convert_options){0});
}

static void quantize_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(j->n, BLOCK, part, n_parts, &begin, &end);
    for (; begin < end; begin += BLOCK)
        quantize_block(j, begin, end - begin < BLOCK ? end - begin : BLOCK);
}

static void dequantize_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(j->n, BLOCK, part, n_parts, &begin, &end);
    for (; begin < end; begin += BLOCK)
        dequantize_block(j, begin, end - begin < BLOCK ? end - begin : BLOCK);
}

static enum qn_dtype precision_of(const struct quantize *p, enum qn_dtype scale)
{
    if (p->precision != QN_UNDEFINED)
        return (enum qn_dtype)p->precision;
    return scale == QN_INT32 ? QN_DOUBLE : scale == QN_FLOAT8E8M0 ? QN_FLOAT : scale;
}

static struct job job_of(const struct qn_call *call)
{
    const struct quantize *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *scale = qn_in(call, SCALE);

    return (struct job){.layout = layout_of(p, x, scale),
                        .x = x,
                        .scale = scale,
                        .zero = qn_in(call, ZERO),
                        .y = qn_out(call, 0),
                        .precision = precision_of(p, scale->dtype),
                        .saturate = p->saturate,
                        .n = qn_tensor_count(x)};
}

static enum qn_status quantize_any(const struct qn_call *call)
{
    struct job job = job_of(call);

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.n, 16), quantize_part, &job);
    return QN_OK;
}

static enum qn_status dequantize_any(const struct qn_call *call)
{
    struct job job = job_of(call);

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.n, 16), dequantize_part, &job);
    return QN_OK;
}

/* ---- float32 and integers of whole bytes ---------------------------------------------------------------------- */

/* x / scale between low and high, rounded half to even: adding 1.5 * 2^23 leaves the nearest integer in the last
 * places of the sum. low and high are integers of at most 18 bits, so clamping first changes nothing. NaN gives low. */
static inline int32_t round_quotient(float x, float scale, float low, float high)
{
    const float magic = 0x1.8p23f;
    int32_t bits, nothing;
    float q = x / scale;

    q = q > low ? q : low;
    q = (q < high ? q : high) + magic;
    memcpy(&bits, &q, sizeof(bits));
    memcpy(&nothing, &magic, sizeof(nothing));
    return bits - nothing;
}

/* n elements with one scale, or with one for each. */
typedef void quantize_fn(void *dst, const float *x, const float *scale, const void *zero, int64_t step, int64_t n);
typedef void dequantize_fn(float *y, const void *src, const float *scale, const void *zero, int64_t step, int64_t n);

#define DEFINE_QUANTIZE(name, type, lowest, highest)                                                                   \
    static void quantize_##name(void *dst, const float *x, const float *scale, const void *zero, int64_t step,         \
                                int64_t n)                                                                             \
    {                                                                                                                  \
        const type *zeros = zero;                                                                                      \
        int32_t z = zeros ? zeros[0] : 0;                                                                              \
        const float low = (float)((lowest)-z), high = (float)((highest)-z), s = scale[0];                              \
        type *restrict y = dst;                                                                                        \
                                                                                                                       \
        if (!step) {                                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                                            \
                y[i] = (type)(round_quotient(x[i], s, low, high) + z);                                                 \
        } else if (!zeros) {                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                y[i] = (type)round_quotient(x[i], scale[i], low, high);                                                \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                z = zeros[i];                                                                                          \
                y[i] = (type)(round_quotient(x[i], scale[i], (float)((lowest)-z), (float)((highest)-z)) + z);          \
            }                                                                                                          \
        }                                                                                                              \
    }
DEFINE_QUANTIZE(u8, uint8_t, 0, UINT8_MAX)
DEFINE_QUANTIZE(i8, int8_t, INT8_MIN, INT8_MAX)
DEFINE_QUANTIZE(u16, uint16_t, 0, UINT16_MAX)
DEFINE_QUANTIZE(i16, int16_t, INT16_MIN, INT16_MAX)

/* wide holds every difference of two. */
#define DEFINE_DEQUANTIZE(name, type, wide)                                                                            \
    static void dequantize_##name(float *restrict y, const void *src, const float *scale, const void *zero,            \
                                  int64_t step, int64_t n)                                                             \
    {                                                                                                                  \
        const type *x = src, *zeros = zero;                                                                            \
        const wide z = zeros ? zeros[0] : 0;                                                                           \
        const float s = scale[0];                                                                                      \
                                                                                                                       \
        if (!step) {                                                                                                   \
            for (int64_t i = 0; i < n; i++)                                                                            \
                y[i] = (float)((wide)x[i] - z) * s;                                                                    \
        } else if (!zeros) {                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                y[i] = (float)x[i] * scale[i];                                                                         \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                y[i] = (float)((wide)x[i] - (wide)zeros[i]) * scale[i];                                                \
        }                                                                                                              \
    }
DEFINE_DEQUANTIZE(u8, uint8_t, int32_t)
DEFINE_DEQUANTIZE(i8, int8_t, int32_t)
DEFINE_DEQUANTIZE(u16, uint16_t, int32_t)
DEFINE_DEQUANTIZE(i16, int16_t, int32_t)
DEFINE_DEQUANTIZE(i32, int32_t, double)

static quantize_fn *const quantizers[QN_N_DTYPE] = {
    [QN_UINT8] = quantize_u8, [QN_INT8] = quantize_i8, [QN_UINT16] = quantize_u16, [QN_INT16] = quantize_i16};
static dequantize_fn *const dequantizers[QN_N_DTYPE] = {[QN_UINT8] = dequantize_u8,
                                                        [QN_INT8] = dequantize_i8,
                                                        [QN_UINT16] = dequantize_u16,
                                                        [QN_INT16] = dequantize_i16,
                                                        [QN_INT32] = dequantize_i32};

static const char *accept_quantize(const struct qn_site *site)
{
    if (site->in[X]->dtype != QN_FLOAT || precision_of(site->params, site->in[SCALE]->dtype) != QN_FLOAT ||
        site->in[SCALE]->dtype != QN_FLOAT)
        return "not float32";
    return quantizers[site->out[0]->dtype] ? NULL : "not to an integer of 1 or 2 bytes";
}

static const char *accept_dequantize(const struct qn_site *site)
{
    if (site->in[SCALE]->dtype != QN_FLOAT || site->out[0]->dtype != QN_FLOAT)
        return "not float32";
    return dequantizers[site->in[X]->dtype] ? NULL : "not from an integer of whole bytes";
}

/* One piece; zero points of the type of the quantised side. */
static const void *zero_at(const struct job *j, int64_t i)
{
    return j->zero ? (const char *)j->zero->data + (size_t)i * qn_dtype_bytes(j->zero->dtype) : NULL;
}

static bool is_bytes(enum qn_dtype dtype) { return dtype == QN_UINT8 || dtype == QN_INT8; }

static int32_t byte_zero(const struct job *j, int64_t i) { return j->zero ? (int32_t)qn_tensor_int(j->zero, i) : 0; }

static void quantize_fast_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    size_t size = qn_dtype_bytes(j->y->dtype);
    int64_t begin, end;

    qn_pool_slice(j->n, BLOCK, part, n_parts, &begin, &end);
    while (begin < end) {
        struct piece p = piece_at(&j->layout, begin, end);

        char *y = (char *)j->y->data + (size_t)begin * size;
        const float *x = (const float *)j->x->data + begin, *scale = (const float *)j->scale->data + p.scale;

        if (is_bytes(j->y->dtype) && p.step == 0)
            qn_bytes_quantise(y, qn_quant_form(j->y->dtype), x, *scale, byte_zero(j, p.scale), p.n);
        else
            quantizers[j->y->dtype](y, x, scale, zero_at(j, p.scale), p.step, p.n);
        begin += p.n;
    }
}

static void dequantize_fast_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    size_t size = qn_dtype_bytes(j->x->dtype);
    int64_t begin, end;

    qn_pool_slice(j->n, BLOCK, part, n_parts, &begin, &end);
    while (begin < end) {
        struct piece p = piece_at(&j->layout, begin, end);

        const char *x = (const char *)j->x->data + (size_t)begin * size;
        const float *scale = (const float *)j->scale->data + p.scale;
        float *y = (float *)j->y->data + begin;

        if (is_bytes(j->x->dtype) && p.step == 0)
            qn_bytes_dequantise(y, qn_quant_form(j->x->dtype), x, *scale, byte_zero(j, p.scale), p.n);
        else
            dequantizers[j->x->dtype](y, x, scale, zero_at(j, p.scale), p.step, p.n);
        begin += p.n;
    }
}

static enum qn_status quantize_fast(const struct qn_call *call)
{
    struct job job = job_of(call);

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.n, 2), quantize_fast_part, &job);
    return QN_OK;
}

static enum qn_status dequantize_fast(const struct qn_call *call)
{
    struct job job = job_of(call);

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.n, 1), dequantize_fast_part, &job);
    return QN_OK;
}

static const struct qn_kernel quantize_kernels[] = {
    {.name = "quantize_f32", .accept = accept_quantize, .run = quantize_fast},
    {.name = "quantize_any", .run = quantize_any},
    {.name = NULL},
};
static const struct qn_kernel dequantize_kernels[] = {
    {.name = "dequantize_f32", .accept = accept_dequantize, .run = dequantize_fast},
    {.name = "dequantize_any", .run = dequantize_any},
    {.name = NULL},
};

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------------------------ */

static enum qn_status infer_dynamic(struct qn_infer *in, const void *params)
{
    (void)params;
    QN_TRY(qn_infer_out(in, 0, QN_UINT8, &in->in[X]->shape));
    QN_TRY(qn_infer_out(in, 1, QN_FLOAT, &QN_SHAPE_SCALAR));
    return qn_infer_out(in, 2, QN_UINT8, &QN_SHAPE_SCALAR);
}

struct dynamic {
    float scale;
    uint8_t zero;
};

static void dynamic_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct dynamic *d = arg;

    (void)step;
    qn_bytes_quantise(dst, QN_BYTES_U8, src[0], d->scale, d->zero, n);
}

static enum qn_status run_dynamic(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, X);
    size_t n = (size_t)qn_tensor_count(x);
    float min = qn_kern()->min(x->data, n), max = qn_kern()->max(x->data, n);
    struct dynamic d;

    min = min > 0 ? 0 : min; /* zero is always in range; NaN stays */
    max = max < 0 ? 0 : max;
    d.scale = max == min ? 1.0f : (max - min) / 255.0f;
    d.zero = (uint8_t)round_quotient(0 - min, d.scale, 0, 255);
    if (qn_out(call, 0))
        qn_map_run(call, x, 2, dynamic_row, &d);
    if (qn_out(call, 1))
        *(float *)qn_out(call, 1)->data = d.scale;
    if (qn_out(call, 2))
        *(uint8_t *)qn_out(call, 2)->data = d.zero;
    return QN_OK;
}

static const struct qn_kernel dynamic_kernels[] = {
    {.name = "dynamic_quantize_f32", .run = run_dynamic},
    {.name = NULL},
};

/* ---- In graphs ------------------------------------------------------------------------------------------------ */

/* Scales whose products and quotients stay far from both ends of float32. */
static bool is_scale(const struct qn_var *scale)
{
    const struct qn_tensor *t = scale->fact.konst;

    if (!t || t->dtype != QN_FLOAT)
        return false;
    for (int64_t i = 0, n = qn_tensor_count(t); i < n; i++)
        if (!(((const float *)t->data)[i] >= 0x1p-60f && ((const float *)t->data)[i] <= 0x1p30f))
            return false;
    return qn_tensor_count(t) > 0;
}

/* What the inputs of a node say; bytes and their type are the caller's. */
static bool parameters(const struct qn_node *node, struct qn_quantised *q)
{
    const struct quantize *p = node->params;
    struct qn_shape shape;

    *q = (struct qn_quantised){.scale = node->in[SCALE], .zero = node->n_in > ZERO ? node->in[ZERO] : NULL, .axis = -1};
    if (p->block_size > 0 || !is_scale(q->scale) || (q->zero && !q->zero->fact.konst))
        return false;
    shape = qn_tensor_shape(q->scale->fact.konst);
    if (!one_element(&shape)) {
        q->axis = (int)(p->axis < 0 ? p->axis + node->in[X]->fact.shape.rank : p->axis);
        return q->axis >= 0 && node->in[X]->fact.shape.rank > q->axis &&
               (!q->zero || qn_tensor_count(q->zero->fact.konst) == shape.dims[0]);
    }
    return !q->zero || qn_tensor_count(q->zero->fact.konst) == 1;
}

static bool is_node(const struct qn_node *node, const char *name)
{
    return node && !node->op->domain[0] && strcmp(node->op->name, name) == 0;
}

bool qn_dequantised(const struct qn_var *value, struct qn_quantised *q)
{
    const struct qn_node *node = value->producer;

    if (value->fact.dtype != QN_FLOAT || !is_node(node, "DequantizeLinear") || !parameters(node, q))
        return false;
    q->bytes = node->in[X];
    q->dtype = q->bytes->fact.dtype;
    return q->dtype == QN_UINT8 || q->dtype == QN_INT8 || q->dtype == QN_INT32;
}

bool qn_dequantised_bytes(const struct qn_var *value, struct qn_quantised *q)
{
    return qn_dequantised(value, q) && q->dtype != QN_INT32 && q->axis < 0;
}

bool qn_quantises(const struct qn_node *node, struct qn_quantised *q)
{
    const struct quantize *p = node->params;

    if (!is_node(node, "QuantizeLinear") || node->in[X]->fact.dtype != QN_FLOAT || !node->out[0] ||
        (p->precision != QN_UNDEFINED && p->precision != QN_FLOAT) || !parameters(node, q))
        return false;
    q->dtype = node->out[0]->fact.dtype;
    return q->axis < 0 && (q->dtype == QN_UINT8 || q->dtype == QN_INT8);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define FLOATS_32 (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))
#define FULL_10   (QN_BIT(FLOAT) | QN_BIT(INT32))
#define FULL_19   (FLOATS_32 | QN_BIT(INT32))
#define TYPES_10  (QN_BIT(UINT8) | QN_BIT(INT8))
#define TYPES_19  (TYPES_10 | QN_FLOAT8S)
#define TYPES_21  (TYPES_19 | QN_BIT(UINT16) | QN_BIT(INT16) | QN_INT4S)
#define TYPES_23  (TYPES_21 | QN_BIT(FLOAT4E2M1))
#define TYPES_25  (TYPES_23 | QN_INT2S)
#define E8M0      QN_BIT(FLOAT8E8M0)
#define I32       QN_BIT(INT32)

#define NO_ATTRS  QN_ATTRS({.name = NULL})
#define AXIS      QN_INT_ATTR(quantize, axis, 1)
#define SATURATE  QN_BOOL_ATTR(quantize, saturate, 1)
#define BLOCKED   QN_INT_ATTR_RANGE(quantize, block_size, 0, 0, INT32_MAX)
#define OUTPUT    QN_INT_ATTR(quantize, output_dtype, 0)
#define PRECISION QN_INT_ATTR(quantize, precision, 0)

/* Groups are the letters of the standard; versions 10 and 13 fix the type of the scale. */
#define QUANTIZE(first, last, x_types, scale_group, scale_types, y_group, y_types, attr_list)                          \
    {                                                                                                                  \
        .name = "QuantizeLinear", .domain = "", .since = (first), .until = (last),                                     \
        .in = QN_FORMALS(QN_IN("x", '1', x_types), QN_IN("y_scale", scale_group, scale_types),                         \
                         QN_OPT("y_zero_point", y_group, y_types)),                                                    \
        .out = QN_FORMALS(QN_OUT("y", y_group, y_types)), .attrs = attr_list,                                          \
        QN_PRESET(quantize, .axis = 1, .saturate = true, .whole = (first) == 10), .parse = parse,                      \
        .infer = infer_quantize, .kernels = quantize_kernels, .tolerance = QN_EXACT, .flags = QN_REWRITE_EARLY,        \
        .rewrite = qn_quantised_rewrite                                                                                \
    }
#define DEQUANTIZE(first, last, x_types, scale_group, scale_types, y_group, y_types, attr_list)                        \
    {                                                                                                                  \
        .name = "DequantizeLinear", .domain = "", .since = (first), .until = (last),                                   \
        .in = QN_FORMALS(QN_IN("x", '1', x_types), QN_IN("x_scale", scale_group, scale_types),                         \
                         QN_OPT("x_zero_point", '1', x_types)),                                                        \
        .out = QN_FORMALS(QN_OUT("y", y_group, y_types)), .attrs = attr_list,                                          \
        QN_PRESET(quantize, .axis = 1, .whole = (first) == 10), .parse = parse, .infer = infer_dequantize,             \
        .kernels = dequantize_kernels, .tolerance = QN_ROUNDING, .flags = QN_FOLD_LATE                                 \
    }

const struct qn_op qn_ops_quantize[] = {
    QUANTIZE(10, 12, FULL_10, 0, QN_BIT(FLOAT), '2', TYPES_10, NO_ATTRS),
    QUANTIZE(13, 18, FULL_10, 0, QN_BIT(FLOAT), '2', TYPES_10, QN_ATTRS(AXIS)),
    QUANTIZE(19, 20, FULL_19, '1', FULL_19, '2', TYPES_19, QN_ATTRS(AXIS, SATURATE)),
    QUANTIZE(21, 22, FULL_19, '1', FULL_19, '2', TYPES_21, QN_ATTRS(AXIS, SATURATE, BLOCKED, OUTPUT)),
    QUANTIZE(23, 23, FULL_19, '2', FULL_19, '3', TYPES_23, QN_ATTRS(AXIS, SATURATE, BLOCKED, OUTPUT, PRECISION)),
    QUANTIZE(24, 24, FULL_19, '2', FULL_19 | E8M0, '3', TYPES_23, QN_ATTRS(AXIS, SATURATE, BLOCKED, OUTPUT, PRECISION)),
    QUANTIZE(25, 27, FULL_19, '2', FULL_19 | E8M0, '3', TYPES_25, QN_ATTRS(AXIS, SATURATE, BLOCKED, OUTPUT, PRECISION)),
    DEQUANTIZE(10, 12, TYPES_10 | I32, 0, QN_BIT(FLOAT), 0, QN_BIT(FLOAT), NO_ATTRS),
    DEQUANTIZE(13, 18, TYPES_10 | I32, 0, QN_BIT(FLOAT), 0, QN_BIT(FLOAT), QN_ATTRS(AXIS)),
    DEQUANTIZE(19, 20, TYPES_19 | I32, '2', FLOATS_32, '2', FLOATS_32, QN_ATTRS(AXIS)),
    DEQUANTIZE(21, 22, TYPES_21 | I32, '2', FLOATS_32, '2', FLOATS_32, QN_ATTRS(AXIS, BLOCKED)),
    DEQUANTIZE(23, 23, TYPES_23 | I32, '2', FLOATS_32, '3', FLOATS_32, QN_ATTRS(AXIS, BLOCKED, OUTPUT)),
    DEQUANTIZE(24, 24, TYPES_23 | I32, '2', FLOATS_32 | E8M0, '3', FLOATS_32, QN_ATTRS(AXIS, BLOCKED, OUTPUT)),
    DEQUANTIZE(25, 27, TYPES_25 | I32, '2', FLOATS_32 | E8M0, '3', FLOATS_32, QN_ATTRS(AXIS, BLOCKED, OUTPUT)),
    {.name = "DynamicQuantizeLinear",
     .domain = "",
     .since = 11,
     .until = 27,
     .in = QN_FORMALS(QN_IN("x", '1', QN_BIT(FLOAT))),
     .out = QN_FORMALS(QN_OUT("y", '2', QN_BIT(UINT8)), QN_OUT("y_scale", 0, QN_BIT(FLOAT)),
                       QN_OUT("y_zero_point", '2', QN_BIT(UINT8))),
     .infer = infer_dynamic,
     .kernels = dynamic_kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
