/* rows_body.h: the row functions of struct qn_kern over the vector vocabulary, as one body for every CPU level.
 * Included once per level after vec_<isa>.h and vec_math.h. The last, partial vector goes through the same instructions
 * as the others, so a result does not depend on where its element stands. */
#ifndef QN_KERNELS_ROWS_BODY_H
#define QN_KERNELS_ROWS_BODY_H

#include <string.h>

#include "kernels/kern_impl.h"

/* Runs `step` for every whole vector and once for the rest; `step` uses i and LOAD(p), STORE(p, v). */
#define LOAD_WHOLE(p)     vf_load((p) + i)
#define STORE_WHOLE(p, v) vf_store((p) + i, v)
#define LOAD_REST(p)      vf_load_n((p) + i, n - i)
#define STORE_REST(p, v)  vf_store_n((p) + i, v, n - i)
#define EACH_VECTOR(STEP)                                                                                              \
    do {                                                                                                               \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            STEP(LOAD_WHOLE, STORE_WHOLE);                                                                             \
        if (i < n)                                                                                                     \
            STEP(LOAD_REST, STORE_REST);                                                                               \
    } while (0)

#define UNARY(name, function)                                                                                          \
    static void row_##name(float *dst, const float *src, size_t n)                                                     \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            vf_store(dst + i, function(vf_load(src + i)));                                                             \
        if (i < n)                                                                                                     \
            vf_store_n(dst + i, function(vf_load_n(src + i, n - i)), n - i);                                           \
    }

VF_INLINE vf reciprocal(vf x) { return vf_div(vf_set1(1.0f), x); }

UNARY(exp, vf_exp)
UNARY(log, vf_log)
UNARY(tanh, vf_tanh)
UNARY(sigmoid, vf_sigmoid)
UNARY(erf, vf_erf)
UNARY(abs, vf_abs)
UNARY(neg, vf_neg)
UNARY(sqrt, vf_sqrt)
UNARY(reciprocal, reciprocal)

/* With kind a constant the switch in vf_act() folds away, so every activation gets a loop of its own. */
VF_INLINE void act_loop(float *dst, const float *src, size_t n, enum qn_act_kind kind, float act_a, float act_b)
{
    const vf a = vf_set1(act_a), b = vf_set1(act_b);

#define ACT_STEP(LOAD, STORE) STORE(dst, vf_act(LOAD(src), kind, a, b))
    EACH_VECTOR(ACT_STEP);
}

static void row_act(float *dst, const float *src, size_t n, const struct qn_act *act)
{
    switch (act->kind) {
    case QN_ACT_RELU:
        act_loop(dst, src, n, QN_ACT_RELU, 0, 0);
        break;
    case QN_ACT_CLIP:
        act_loop(dst, src, n, QN_ACT_CLIP, act->a, act->b);
        break;
    case QN_ACT_LEAKY:
        act_loop(dst, src, n, QN_ACT_LEAKY, act->a, 0);
        break;
    case QN_ACT_HARDSIGMOID:
        act_loop(dst, src, n, QN_ACT_HARDSIGMOID, act->a, act->b);
        break;
    case QN_ACT_HARDSWISH:
        act_loop(dst, src, n, QN_ACT_HARDSWISH, 0, 0);
        break;
    case QN_ACT_SIGMOID:
        act_loop(dst, src, n, QN_ACT_SIGMOID, 0, 0);
        break;
    case QN_ACT_TANH:
        act_loop(dst, src, n, QN_ACT_TANH, 0, 0);
        break;
    case QN_ACT_SILU:
        act_loop(dst, src, n, QN_ACT_SILU, act->a, 0);
        break;
    case QN_ACT_GELU:
        act_loop(dst, src, n, QN_ACT_GELU, 0, 0);
        break;
    case QN_ACT_GELU_TANH:
        act_loop(dst, src, n, QN_ACT_GELU_TANH, 0, 0);
        break;
    case QN_ACT_ELU:
        act_loop(dst, src, n, QN_ACT_ELU, act->a, 0);
        break;
    case QN_ACT_NONE:
    case QN_N_ACT:
        memmove(dst, src, n * sizeof(float));
        break;
    }
}

/* As x86's max and min, but NaN of either side wins. */
VF_INLINE vf nan_max(vf a, vf b) { return vf_select(vf_is_nan(a), a, vf_max(a, b)); }
VF_INLINE vf nan_min(vf a, vf b) { return vf_select(vf_is_nan(a), a, vf_min(a, b)); }

#define BINARY(name, function)                                                                                         \
    static void vv_##name(float *dst, const float *a, const float *b, size_t n)                                        \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            vf_store(dst + i, function(vf_load(a + i), vf_load(b + i)));                                               \
        if (i < n)                                                                                                     \
            vf_store_n(dst + i, function(vf_load_n(a + i, n - i), vf_load_n(b + i, n - i)), n - i);                    \
    }                                                                                                                  \
    static void vs_##name(float *dst, const float *a, float b, size_t n)                                               \
    {                                                                                                                  \
        const vf y = vf_set1(b);                                                                                       \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            vf_store(dst + i, function(vf_load(a + i), y));                                                            \
        if (i < n)                                                                                                     \
            vf_store_n(dst + i, function(vf_load_n(a + i, n - i), y), n - i);                                          \
    }                                                                                                                  \
    static void sv_##name(float *dst, float a, const float *b, size_t n)                                               \
    {                                                                                                                  \
        const vf x = vf_set1(a);                                                                                       \
        size_t i = 0;                                                                                                  \
                                                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            vf_store(dst + i, function(x, vf_load(b + i)));                                                            \
        if (i < n)                                                                                                     \
            vf_store_n(dst + i, function(x, vf_load_n(b + i, n - i)), n - i);                                          \
    }

BINARY(add, vf_add)
BINARY(sub, vf_sub)
BINARY(mul, vf_mul)
BINARY(div, vf_div)
BINARY(max, nan_max)
BINARY(min, nan_min)

static void scale_shift(float *dst, const float *src, float scale, float shift, size_t n)
{
    const vf a = vf_set1(scale), b = vf_set1(shift);

#define SCALE_SHIFT_STEP(LOAD, STORE) STORE(dst, vf_add(vf_mul(LOAD(src), a), b))
    EACH_VECTOR(SCALE_SHIFT_STEP);
}

static void scale_shift_vv(float *dst, const float *src, const float *scale, const float *shift, size_t n)
{
#define SCALE_SHIFT_VV_STEP(LOAD, STORE) STORE(dst, vf_add(vf_mul(LOAD(src), LOAD(scale)), LOAD(shift)))
    if (shift == NULL)
        vv_mul(dst, src, scale, n);
    else
        EACH_VECTOR(SCALE_SHIFT_VV_STEP);
}

static void axpy(float *dst, float a, const float *x, size_t n)
{
    const vf factor = vf_set1(a);

#define AXPY_STEP(LOAD, STORE) STORE(dst, vf_fma(factor, LOAD(x), LOAD(dst)))
    EACH_VECTOR(AXPY_STEP);
}

/* ---- Reductions: 64 lanes in SUM_VECS registers ---- */

enum { SUM_VECS = QN_SUM_LANES / VF_LANES };

/* Adds lanes in halves down to one. */
VF_INLINE float fold(vf *acc)
{
    QN_UNROLL
    for (int half = SUM_VECS / 2; half > 0; half /= 2)
        for (int v = 0; v < half; v++)
            acc[v] = vf_add(acc[v], acc[v + half]);
    return vf_sum(acc[0]);
}

/* TERM(LOAD) is what a vector of elements adds. Lanes beyond the row stay as they are: the term of a missing element,
 * loaded as 0, need not be 0. */
#define SUM(name, parameters, TERM)                                                                                    \
    static float name parameters                                                                                       \
    {                                                                                                                  \
        double total = 0;                                                                                              \
                                                                                                                       \
        for (size_t start = 0; start < n; start += QN_SUM_BLOCK) {                                                     \
            const size_t end = n - start < QN_SUM_BLOCK ? n : start + QN_SUM_BLOCK;                                    \
            size_t i = start;                                                                                          \
            vf acc[SUM_VECS];                                                                                          \
                                                                                                                       \
            for (int v = 0; v < SUM_VECS; v++)                                                                         \
                acc[v] = vf_zero();                                                                                    \
            for (; i + QN_SUM_LANES <= end; i += QN_SUM_LANES)                                                         \
                for (int v = 0; v < SUM_VECS; v++)                                                                     \
                    acc[v] = vf_add(acc[v], TERM(SUM_LOAD));                                                           \
            for (int v = 0; v < SUM_VECS && i + (size_t)v * VF_LANES < end; v++) {                                     \
                const size_t left = end - i - (size_t)v * VF_LANES;                                                    \
                const size_t lanes = left < VF_LANES ? left : VF_LANES;                                                \
                                                                                                                       \
                acc[v] = vf_select(vm_first(lanes), vf_add(acc[v], TERM(SUM_LOAD_REST)), acc[v]);                      \
            }                                                                                                          \
            total += (double)fold(acc);                                                                                \
        }                                                                                                              \
        return (float)total;                                                                                           \
    }
#define SUM_LOAD(p)      vf_load((p) + i + v * VF_LANES)
#define SUM_LOAD_REST(p) vf_load_n((p) + i + v * VF_LANES, lanes)

VF_INLINE vf square(vf x) { return vf_mul(x, x); }

#define TERM_SUM(LOAD)     LOAD(src)
#define TERM_SQ(LOAD)      square(LOAD(src))
#define TERM_ABS(LOAD)     vf_abs(LOAD(src))
#define TERM_SQ_DIFF(LOAD) square(vf_sub(LOAD(src), vf_set1(mean)))
#define TERM_DOT(LOAD)     vf_mul(LOAD(a), LOAD(b))

SUM(sum, (const float *src, size_t n), TERM_SUM)
SUM(sum_sq, (const float *src, size_t n), TERM_SQ)
SUM(sum_abs, (const float *src, size_t n), TERM_ABS)
SUM(sum_sq_diff, (const float *src, float mean, size_t n), TERM_SQ_DIFF)
SUM(dot, (const float *a, const float *b, size_t n), TERM_DOT)

VF_INLINE float extreme(const float *src, size_t n, const bool largest)
{
    const vf start = vf_set1(largest ? -INFINITY : INFINITY);
    vf acc[4] = {start, start, start, start};
    vm nan = vf_lt(start, start);
    size_t i = 0;

    for (; i + 4 * VF_LANES <= n; i += 4 * VF_LANES) {
        for (int v = 0; v < 4; v++) {
            const vf x = vf_load(src + i + v * VF_LANES);

            nan = vm_or(nan, vf_is_nan(x));
            acc[v] = largest ? vf_max(x, acc[v]) : vf_min(x, acc[v]);
        }
    }
    for (; i < n; i += VF_LANES) {
        const size_t n_lanes = n - i < VF_LANES ? n - i : VF_LANES;
        const vf x = vf_select(vm_first(n_lanes), vf_load_n(src + i, n_lanes), start);

        nan = vm_or(nan, vf_is_nan(x));
        acc[0] = largest ? vf_max(x, acc[0]) : vf_min(x, acc[0]);
    }
    if (vm_any(nan))
        return NAN;
    for (int v = 1; v < 4; v++)
        acc[0] = largest ? vf_max(acc[v], acc[0]) : vf_min(acc[v], acc[0]);
    return largest ? vf_greatest(acc[0]) : vf_least(acc[0]);
}

static float row_max(const float *src, size_t n) { return extreme(src, n, true); }
static float row_min(const float *src, size_t n) { return extreme(src, n, false); }

/* ---- Normalisations ---- */

static void exp_minus(float *dst, const float *src, float shift, size_t n)
{
    const vf top = vf_set1(shift);

#define EXP_MINUS_STEP(LOAD, STORE) STORE(dst, vf_exp(vf_sub(LOAD(src), top)))
    EACH_VECTOR(EXP_MINUS_STEP);
}

static void softmax(float *dst, const float *src, const float *mask, float scale, size_t n)
{
    const vf factor = vf_set1(scale);
    const float *from = src;

#define SOFTMAX_SCALE_STEP(LOAD, STORE) STORE(dst, vf_mul(LOAD(src), factor))
#define SOFTMAX_MASK_STEP(LOAD, STORE)  STORE(dst, vf_add(vf_mul(LOAD(src), factor), LOAD(mask)))
    if (mask != NULL)
        EACH_VECTOR(SOFTMAX_MASK_STEP);
    else if (scale != 1.0f)
        EACH_VECTOR(SOFTMAX_SCALE_STEP);
    if (mask != NULL || scale != 1.0f)
        from = dst;
    exp_minus(dst, from, row_max(from, n), n);
    vs_mul(dst, dst, 1.0f / sum(dst, n), n);
}

/* The exponentials are only summed: they go through a small buffer, in the order of sum(). */
static void log_softmax(float *dst, const float *src, size_t n)
{
    const float top = row_max(src, n);
    double total = 0;
    float shift;

    for (size_t i = 0; i < n; i += 256) {
        const size_t part = n - i < 256 ? n - i : 256;
        float e[256];

        exp_minus(e, src + i, top, part);
        total += (double)sum(e, part);
    }
    shift = logf((float)total);
    vs_sub(dst, src, top, n);
    vs_sub(dst, dst, shift, n);
}

static void normalize(float *dst, const float *src, const float *scale, const float *bias, float mean, float inv,
                      size_t n)
{
    const vf m = vf_set1(mean), f = vf_set1(inv);

#define CENTRE(LOAD)                      vf_mul(vf_sub(LOAD(src), m), f)
#define NORMALIZE_STEP(LOAD, STORE)       STORE(dst, CENTRE(LOAD))
#define NORMALIZE_SCALE_STEP(LOAD, STORE) STORE(dst, vf_mul(CENTRE(LOAD), LOAD(scale)))
#define NORMALIZE_BIAS_STEP(LOAD, STORE)  STORE(dst, vf_add(CENTRE(LOAD), LOAD(bias)))
#define NORMALIZE_BOTH_STEP(LOAD, STORE)  STORE(dst, vf_add(vf_mul(CENTRE(LOAD), LOAD(scale)), LOAD(bias)))
    if (scale != NULL && bias != NULL)
        EACH_VECTOR(NORMALIZE_BOTH_STEP);
    else if (scale != NULL)
        EACH_VECTOR(NORMALIZE_SCALE_STEP);
    else if (bias != NULL)
        EACH_VECTOR(NORMALIZE_BIAS_STEP);
    else
        EACH_VECTOR(NORMALIZE_STEP);
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

/* ---- Conversions ---- */

static void f16_to_f32(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;

    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(dst + i, vf_load_f16(src + i));
    if (i < n) {
        uint16_t rest[VF_LANES] = {0};

        memcpy(rest, src + i, (n - i) * sizeof(*src));
        vf_store_n(dst + i, vf_load_f16(rest), n - i);
    }
}

static void f32_to_f16(uint16_t *dst, const float *src, size_t n)
{
    size_t i = 0;

    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store_f16(dst + i, vf_load(src + i));
    if (i < n) {
        uint16_t rest[VF_LANES];

        vf_store_f16(rest, vf_load_n(src + i, n - i));
        memcpy(dst + i, rest, (n - i) * sizeof(*dst));
    }
}

/* Overwrites what stands here; the rest of the table, with transpose_4b, stays. */
static void fill_rows(struct qn_kern *kern, const char *name)
{
    *kern = (struct qn_kern){
        .name = name,
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
        .transpose_4b = kern->transpose_4b,
        .f16_to_f32 = f16_to_f32,
        .f32_to_f16 = f32_to_f16,
        .bf16_to_f32 = kern->bf16_to_f32,
        .f32_to_bf16 = f32_to_bf16_plain,
    };
}

#endif
