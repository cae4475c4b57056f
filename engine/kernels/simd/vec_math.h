/* vec_math.h: exp, log, tanh, sigmoid, erf and the activations over the vector vocabulary of vec_<isa>.h. Included
 * after it. Polynomials are minimax fits of relative error made for these intervals, coefficients rounded to float one
 * after another. Lanes are independent: what stands in one never changes another. */
#ifndef QN_KERNELS_VEC_MATH_H
#define QN_KERNELS_VEC_MATH_H

#include <float.h>
#include <math.h>

#include "kernels/kern.h"

/* e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2. x above the clamp overflows to inf, below it to 0. */
VF_INLINE vf vf_exp(vf x)
{
    vf n, r, q;

    x = vf_max(vf_set1(-104.0f), x); /* NaN, as the second operand, stays */
    x = vf_min(vf_set1(89.0f), x);
    n = vf_round(vf_mul(x, vf_set1(0x1.715476p+0f)));
    r = vf_fnma(n, vf_set1(0x1.62e4p-1f), x); /* ln 2 in two parts: the first has trailing zeros, n times it is exact */
    r = vf_fnma(n, vf_set1(0x1.7f7d1cp-20f), r);
    q = vf_fma(vf_set1(0x1.6a415ep-10f), r, vf_set1(0x1.1239c6p-7f));
    q = vf_fma(q, r, vf_set1(0x1.5558bcp-5f));
    q = vf_fma(q, r, vf_set1(0x1.555492p-3f));
    q = vf_fma(q, r, vf_set1(0x1.fffffcp-2f));
    q = vf_fma(vf_mul(q, r), r, r);
    return vf_scale2(vf_add(q, vf_set1(1.0f)), n);
}

/* x = 2^e m, m in [sqrt(1/2), sqrt 2); log m = f - f^2 / 2 + f^3 P(f), f = m - 1. */
VF_INLINE vf vf_log(vf x)
{
    const vm small = vf_lt(x, vf_set1(FLT_MIN));
    const vf scaled = vf_select(small, vf_mul(x, vf_set1(0x1p23f)), x);
    const vi bits = vi_sub(vi_from_bits(scaled), vi_set1(0x3f3504f3)); /* exponent relative to sqrt(1/2) */
    const vf e = vf_sub(vf_from_int(vi_sra(bits, 23)), vf_select(small, vf_set1(23.0f), vf_zero()));
    const vf m = vf_from_bits(vi_add(vi_and(bits, vi_set1(0x007fffff)), vi_set1(0x3f3504f3)));
    const vf f = vf_sub(m, vf_set1(1.0f));
    const vf f2 = vf_mul(f, f);
    vf p, y;

    p = vf_fma(vf_set1(0x1.147388p-4f), f, vf_set1(-0x1.de0206p-4f));
    p = vf_fma(p, f, vf_set1(0x1.e6c00ap-4f));
    p = vf_fma(p, f, vf_set1(-0x1.fc28c8p-4f));
    p = vf_fma(p, f, vf_set1(0x1.233ba2p-3f));
    p = vf_fma(p, f, vf_set1(-0x1.555c44p-3f));
    p = vf_fma(p, f, vf_set1(0x1.99a476p-3f));
    p = vf_fma(p, f, vf_set1(-0x1.000006p-2f));
    p = vf_fma(p, f, vf_set1(0x1.555548p-2f));
    y = vf_mul(vf_mul(p, f), f2);
    y = vf_fma(e, vf_set1(0x1.7f7d1cp-20f), y);
    y = vf_fnma(vf_set1(0.5f), f2, y);
    y = vf_add(f, y);
    y = vf_fma(e, vf_set1(0x1.62e4p-1f), y);
    y = vf_select(vf_eq(x, vf_set1(INFINITY)), x, y);
    y = vf_select(vf_eq(x, vf_zero()), vf_set1(-INFINITY), y);
    y = vf_select(vf_lt(x, vf_zero()), vf_set1(NAN), y);
    return vf_select(vf_is_nan(x), x, y);
}

/* Near 0 an odd polynomial, else 1 - 2 / (e^2x + 1). */
VF_INLINE vf vf_tanh(vf x)
{
    const vf t = vf_min(vf_set1(10.0f), vf_abs(x));
    const vf z = vf_mul(x, x);
    vf p, far;

    p = vf_fma(vf_set1(-0x1.750ce4p-8f), z, vf_set1(0x1.51f8cep-6f));
    p = vf_fma(p, z, vf_set1(-0x1.b835a4p-5f));
    p = vf_fma(p, z, vf_set1(0x1.1106f6p-3f));
    p = vf_fma(p, z, vf_set1(-0x1.555532p-2f));
    p = vf_fma(vf_mul(p, z), x, x);
    far = vf_add(vf_exp(vf_add(t, t)), vf_set1(1.0f));
    far = vf_copysign(vf_sub(vf_set1(1.0f), vf_div(vf_set1(2.0f), far)), x);
    return vf_select(vf_lt(t, vf_set1(0.625f)), p, far);
}

/* With e = exp(-|x|), which cannot overflow: 1 / (1 + e), or e / (1 + e) on the left. */
VF_INLINE vf vf_sigmoid(vf x)
{
    const vf e = vf_exp(vf_neg(vf_abs(x)));
    const vf top = vf_select(vf_lt(x, vf_zero()), e, vf_set1(1.0f));

    return vf_div(top, vf_add(vf_set1(1.0f), e));
}

/* Near 0 an odd polynomial, else 1 - exp(-t R(t)) with t R(t) fitted to -log erfc(t). */
VF_INLINE vf vf_erf(vf x)
{
    const vf t = vf_min(vf_set1(4.0f), vf_abs(x));
    const vf z = vf_mul(x, x);
    vf p, r;

    p = vf_fma(vf_set1(-0x1.386c0cp-11f), z, vf_set1(0x1.46d838p-8f));
    p = vf_fma(p, z, vf_set1(-0x1.b67bcep-6f));
    p = vf_fma(p, z, vf_set1(0x1.ce1984p-4f));
    p = vf_fma(p, z, vf_set1(-0x1.8126e2p-2f));
    p = vf_fma(p, z, vf_set1(0x1.06eba6p-3f));
    p = vf_fma(p, x, x);
    r = vf_fma(vf_set1(0x1.78d64ap-17f), t, vf_set1(-0x1.527c16p-12f));
    r = vf_fma(r, t, vf_set1(0x1.dd6d8ap-9f));
    r = vf_fma(r, t, vf_set1(-0x1.8551bcp-6f));
    r = vf_fma(r, t, vf_set1(0x1.b3259ap-4f));
    r = vf_fma(r, t, vf_set1(0x1.45328ap-1f));
    r = vf_fma(r, t, vf_set1(0x1.20ef1cp+0f));
    r = vf_sub(vf_set1(1.0f), vf_exp(vf_neg(vf_mul(r, t))));
    return vf_select(vf_lt(t, vf_set1(0.92f)), p, vf_copysign(r, x));
}

VF_INLINE vf vf_clip(vf x, vf lo, vf hi) { return vf_min(hi, vf_max(lo, x)); }

VF_INLINE vf vf_gelu(vf x)
{
    const vf half = vf_mul(x, vf_set1(0.5f));

    return vf_fma(half, vf_erf(vf_mul(x, vf_set1(0x1.6a09e6p-1f))), half);
}

VF_INLINE vf vf_gelu_tanh(vf x)
{
    const vf half = vf_mul(x, vf_set1(0.5f));
    const vf inner = vf_mul(x, vf_fma(vf_mul(x, x), vf_set1(0.044715f), vf_set1(1.0f)));

    return vf_fma(half, vf_tanh(vf_mul(inner, vf_set1(0x1.988454p-1f))), half);
}

VF_INLINE vf vf_elu(vf x, vf a)
{
    /* e^x - 1 cancels near 0, where tanh does not: e^x - 1 = (e^x + 1) tanh(x / 2) */
    const vf e = vf_mul(vf_add(vf_exp(x), vf_set1(1.0f)), vf_tanh(vf_mul(x, vf_set1(0.5f))));

    return vf_select(vf_lt(x, vf_zero()), vf_mul(a, e), x);
}

/* One vector through an activation. Where kind is a constant the switch folds away. */
VF_INLINE vf vf_act(vf x, enum qn_act_kind kind, vf a, vf b)
{
    switch (kind) {
    case QN_ACT_RELU:
        return vf_max(vf_zero(), x);
    case QN_ACT_CLIP:
        return vf_clip(x, a, b);
    case QN_ACT_LEAKY:
        return vf_select(vf_lt(x, vf_zero()), vf_mul(a, x), x);
    case QN_ACT_HARDSIGMOID:
        return vf_clip(vf_add(vf_mul(a, x), b), vf_zero(), vf_set1(1.0f));
    case QN_ACT_HARDSWISH:
        return vf_mul(x, vf_clip(vf_fma(x, vf_set1(1.0f / 6.0f), vf_set1(0.5f)), vf_zero(), vf_set1(1.0f)));
    case QN_ACT_SIGMOID:
        return vf_sigmoid(x);
    case QN_ACT_TANH:
        return vf_tanh(x);
    case QN_ACT_SILU:
        return vf_mul(x, vf_sigmoid(vf_mul(a, x)));
    case QN_ACT_GELU:
        return vf_gelu(x);
    case QN_ACT_GELU_TANH:
        return vf_gelu_tanh(x);
    case QN_ACT_ELU:
        return vf_elu(x, a);
    case QN_ACT_NONE:
    case QN_N_ACT:
        break;
    }
    return x;
}

#endif
