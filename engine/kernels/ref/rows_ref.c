/* rows_ref.c: the row functions of struct qn_kern in plain C, over the C library's mathematics. The oracle of the
 * vector versions, and what a machine without them runs. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kern_impl.h"

static float sigmoid_scalar(float x)
{
    const float e = expf(-fabsf(x));

    return (x < 0 ? e : 1.0f) / (1.0f + e);
}

static float clip_scalar(float x, float lo, float hi)
{
    x = lo > x ? lo : x;
    return hi < x ? hi : x;
}

float qn_act_scalar(float x, const struct qn_act *act)
{
    switch (act->kind) {
    case QN_ACT_RELU:
        return 0 > x ? 0 : x;
    case QN_ACT_CLIP:
        return clip_scalar(x, act->a, act->b);
    case QN_ACT_LEAKY:
        return x < 0 ? act->a * x : x;
    case QN_ACT_HARDSIGMOID:
        return clip_scalar(act->a * x + act->b, 0, 1);
    case QN_ACT_HARDSWISH:
        return x * clip_scalar(fmaf(x, 1.0f / 6.0f, 0.5f), 0, 1);
    case QN_ACT_SIGMOID:
        return sigmoid_scalar(x);
    case QN_ACT_TANH:
        return tanhf(x);
    case QN_ACT_SILU:
        return x * sigmoid_scalar(act->a * x);
    case QN_ACT_GELU:
        return 0.5f * x * (1.0f + erff(x * (float)0x1.6a09e667f3bcdp-1));
    case QN_ACT_GELU_TANH:
        return 0.5f * x * (1.0f + tanhf((float)0x1.9884533d43651p-1 * (x + 0.044715f * x * x * x)));
    case QN_ACT_ELU:
        return x < 0 ? act->a * expm1f(x) : x;
    case QN_ACT_NONE:
    case QN_N_ACT:
        break;
    }
    return x;
}

#define UNARY(name, expression)                                                                                        \
    static void row_##name(float *dst, const float *src, size_t n)                                                     \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float x = src[i];                                                                                    \
                                                                                                                       \
            dst[i] = expression;                                                                                       \
        }                                                                                                              \
    }

UNARY(exp, expf(x))
UNARY(log, logf(x))
UNARY(tanh, tanhf(x))
UNARY(sigmoid, sigmoid_scalar(x))
UNARY(erf, erff(x))
UNARY(abs, fabsf(x))
UNARY(neg, -x)
UNARY(sqrt, sqrtf(x))
UNARY(reciprocal, 1.0f / x)

static void row_act(float *dst, const float *src, size_t n, const struct qn_act *act)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = qn_act_scalar(src[i], act);
}

static float max_scalar(float a, float b) { return isnan(a) ? a : a > b ? a : b; } /* NaN of b comes through too */
static float min_scalar(float a, float b) { return isnan(a) ? a : a < b ? a : b; }

#define BINARY(name, expression)                                                                                       \
    static void vv_##name(float *dst, const float *a, const float *b, size_t n)                                        \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float x = a[i], y = b[i];                                                                            \
                                                                                                                       \
            dst[i] = expression;                                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void vs_##name(float *dst, const float *a, float y, size_t n)                                               \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float x = a[i];                                                                                      \
                                                                                                                       \
            dst[i] = expression;                                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void sv_##name(float *dst, float x, const float *b, size_t n)                                               \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float y = b[i];                                                                                      \
                                                                                                                       \
            dst[i] = expression;                                                                                       \
        }                                                                                                              \
    }

BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(div, x / y)
BINARY(max, max_scalar(x, y))
BINARY(min, min_scalar(x, y))

static void scale_shift(float *dst, const float *src, float scale, float shift, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] * scale + shift;
}

static void scale_shift_vv(float *dst, const float *src, const float *scale, const float *shift, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float x = src[i] * scale[i];

        dst[i] = shift == NULL ? x : x + shift[i];
    }
}

static void axpy(float *dst, float a, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = fmaf(a, x[i], dst[i]);
}

/* The order of every sum: element i of a block goes to lane i % LANES, lanes fold in halves, blocks add in double. */
enum { LANES = QN_SUM_LANES, BLOCK = QN_SUM_BLOCK };

static float fold(float *lanes)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}

#define SUM(name, parameters, expression)                                                                              \
    static float name parameters                                                                                       \
    {                                                                                                                  \
        double total = 0;                                                                                              \
                                                                                                                       \
        for (size_t start = 0; start < n; start += BLOCK) {                                                            \
            const size_t end = n - start < BLOCK ? n : start + BLOCK;                                                  \
            float lanes[LANES] = {0};                                                                                  \
                                                                                                                       \
            for (size_t i = start; i < end; i++)                                                                       \
                lanes[i % LANES] += expression;                                                                        \
            total += (double)fold(lanes);                                                                              \
        }                                                                                                              \
        return (float)total;                                                                                           \
    }

SUM(sum, (const float *src, size_t n), src[i])
SUM(sum_sq, (const float *src, size_t n), src[i] * src[i])
SUM(sum_abs, (const float *src, size_t n), fabsf(src[i]))
SUM(sum_sq_diff, (const float *src, float mean, size_t n), (src[i] - mean) * (src[i] - mean))
SUM(dot, (const float *a, const float *b, size_t n), a[i] * b[i])

static float row_max(const float *src, size_t n)
{
    float m = -INFINITY;

    for (size_t i = 0; i < n; i++)
        m = max_scalar(m, src[i]);
    return m;
}

static float row_min(const float *src, size_t n)
{
    float m = INFINITY;

    for (size_t i = 0; i < n; i++)
        m = min_scalar(m, src[i]);
    return m;
}

static void softmax(float *dst, const float *src, const float *mask, float scale, size_t n)
{
    float top, total;

    for (size_t i = 0; i < n; i++)
        dst[i] = mask == NULL ? src[i] * scale : src[i] * scale + mask[i];
    top = row_max(dst, n);
    for (size_t i = 0; i < n; i++)
        dst[i] = expf(dst[i] - top);
    total = 1.0f / sum(dst, n);
    for (size_t i = 0; i < n; i++)
        dst[i] *= total;
}

static void log_softmax(float *dst, const float *src, size_t n)
{
    const float top = row_max(src, n);
    double total = 0;
    float shift;

    for (size_t i = 0; i < n; i++)
        total += (double)expf(src[i] - top);
    shift = logf((float)total);
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] - top - shift;
}

static void normalize(float *dst, const float *src, const float *scale, const float *bias, float mean, float inv,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = (src[i] - mean) * inv;

        if (scale != NULL)
            x *= scale[i];
        dst[i] = bias == NULL ? x : x + bias[i];
    }
}

static void layernorm(float *dst, const float *src, const float *scale, const float *bias, float epsilon, size_t n,
                      float *mean, float *inv_std)
{
    const float m = sum(src, n) / (float)n;
    const float inv = 1.0f / sqrtf(sum_sq_diff(src, m, n) / (float)n + epsilon);

    normalize(dst, src, scale, bias, m, inv, n);
    if (mean != NULL)
        *mean = m;
    if (inv_std != NULL)
        *inv_std = inv;
}

static void rmsnorm(float *dst, const float *src, const float *scale, float epsilon, size_t n)
{
    normalize(dst, src, scale, NULL, 0, 1.0f / sqrtf(sum_sq(src, n) / (float)n + epsilon), n);
}

/* Blocks of 16 by 16: as many lines of each side as a cache surely keeps. */
static void transpose_4b(void *dst, int64_t ld_dst, const void *src, int64_t ld_src, int64_t rows, int64_t cols)
{
    enum { SIDE = 16 };
    uint32_t *d = dst;
    const uint32_t *s = src;

    for (int64_t r0 = 0; r0 < rows; r0 += SIDE) {
        const int64_t r1 = rows - r0 < SIDE ? rows : r0 + SIDE;

        for (int64_t c0 = 0; c0 < cols; c0 += SIDE) {
            const int64_t c1 = cols - c0 < SIDE ? cols : c0 + SIDE;

            for (int64_t c = c0; c < c1; c++)
                for (int64_t r = r0; r < r1; r++)
                    d[c * ld_dst + r] = s[r * ld_src + c];
        }
    }
}

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* IEEE 754 binary16. Signalling NaN becomes quiet, as the processor's conversion does. */
static float widen_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 0x3ffu;

    if (exponent == 31)
        return float_of(sign | 0x7f800000u | (mantissa != 0 ? 0x400000u | mantissa << 13 : 0));
    if (exponent == 0) {
        const float x = (float)mantissa * 0x1p-24f;

        return sign != 0 ? -x : x;
    }
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

static uint16_t narrow_f16(float x)
{
    const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    uint32_t half;

    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x477ff000u) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) {
        /* Below the least normal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits. */
        half = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
        return (uint16_t)(sign | half);
    }
    half = magnitude - (112u << 23);
    half += 0xfffu + (half >> 13 & 1u);
    return (uint16_t)(sign | half >> 13);
}

static void f16_to_f32(float *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = widen_f16(src[i]);
}

static void f32_to_f16(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = narrow_f16(src[i]);
}

static void bf16_to_f32(float *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = float_of((uint32_t)src[i] << 16);
}

void qn_rows_init_ref(struct qn_kern *kern)
{
    *kern = (struct qn_kern){
        .name = "generic",
        .exp = row_exp,
        .log = row_log,
        .tanh = row_tanh,
        .sigmoid = row_sigmoid,
        .erf = row_erf,
        .abs = row_abs,
        .neg = row_neg,
        .sqrt = row_sqrt,
        .reciprocal = row_reciprocal,
        .act = row_act,
        .vv = {vv_add, vv_sub, vv_mul, vv_div, vv_max, vv_min},
        .vs = {vs_add, vs_sub, vs_mul, vs_div, vs_max, vs_min},
        .sv = {sv_add, sv_sub, sv_mul, sv_div, sv_max, sv_min},
        .scale_shift = scale_shift,
        .scale_shift_vv = scale_shift_vv,
        .axpy = axpy,
        .sum = sum,
        .sum_sq = sum_sq,
        .sum_abs = sum_abs,
        .max = row_max,
        .min = row_min,
        .sum_sq_diff = sum_sq_diff,
        .dot = dot,
        .softmax = softmax,
        .log_softmax = log_softmax,
        .layernorm = layernorm,
        .rmsnorm = rmsnorm,
        .transpose_4b = transpose_4b,
        .f16_to_f32 = f16_to_f32,
        .f32_to_f16 = f32_to_f16,
        .bf16_to_f32 = bf16_to_f32,
        .f32_to_bf16 = f32_to_bf16_plain,
    };
}
