/* narrow.h: the bit work behind narrow floating-point types, inline for the array loops of convert.c. Internal to this
 * folder; everyone else calls convert.h.
 *
 * All of it is integer arithmetic and additions of normal floats, without branches on data where a loop over it should
 * vectorise, and does not depend on how the processor treats subnormal floats. */
#ifndef QN_TENSOR_NARROW_H
#define QN_TENSOR_NARROW_H

#include <math.h>
#include <string.h>

#include "tensor/convert.h"

static inline uint32_t float_bits(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline float bits_float(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* The exponent moves by the difference of the biases; infinities and NaNs move it twice to reach the top; subnormals
 * are built one exponent too high with an implied one, which the subtraction of 2^-14 takes away again. */
static inline float half_to_float(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t normal = magnitude + (112u << 23);
    uint32_t special = magnitude + (224u << 23);
    uint32_t subnormal = float_bits(bits_float(magnitude + (113u << 23)) - bits_float(113u << 23));
    uint32_t bits = magnitude < 1u << 23 ? subnormal : normal;

    bits = magnitude >= 31u << 23 ? special : bits;
    return bits_float(bits | sign);
}

/* Normals round by an integer addition that carries into the exponent; subnormals by adding a power of two whose last
 * place is a half's smallest step. NaNs become quiet and keep the top of their payload. */
static inline uint16_t float_to_half(float x)
{
    uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000, a = bits & 0x7fffffff;
    uint32_t normal = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;
    uint32_t subnormal = float_bits(bits_float(a) + 0.5f) - float_bits(0.5f);
    uint32_t nan = 0x7e00 | (a >> 13 & 0x3ff);
    uint32_t half = a < 113u << 23 ? subnormal : normal;

    half = a >= 143u << 23 ? 0x7c00 : half;
    half = a > 255u << 23 ? nan : half;
    return (uint16_t)(half | sign);
}

static inline float bfloat_to_float(uint16_t b) { return bits_float((uint32_t)b << 16); }

static inline uint16_t float_to_bfloat(float x)
{
    uint32_t bits = float_bits(x);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint32_t nan = bits >> 16 | 0x40;

    return (uint16_t)((bits & 0x7fffffff) > 255u << 23 ? nan : rounded);
}

/* Rounds to odd: an inexact result is the neighbour of x whose last bit is one. Rounding that again to nearest, to a
 * format with at least two bits less, gives the same as rounding x directly (Boldo and Melquiond, 2008). What is no
 * float even after rounding becomes infinite. */
static inline float double_to_odd_float(double x)
{
    float nearest = (float)x;
    uint32_t bits = float_bits(nearest);
    bool finite = fabs(x) < 0x1p128; /* false for NaN */

    if (finite && (double)nearest != x)
        bits = (bits - (fabs((double)nearest) > fabs(x))) | 1;
    return bits_float(bits);
}

/* A sign, exponent and mantissa format of at most 8 bits. */
struct narrow_format {
    int mantissa_bits, bias;
    uint32_t sign, max; /* the sign bit; the code of the largest magnitude */
    uint32_t inf, nan;  /* codes, without sign, of what is out of range and of NaN */
    bool unsigned_zero; /* FNUZ: no negative zero; its code is the only NaN, in nan */
};

static const struct narrow_format narrow_e4m3fn = {3, 7, 0x80, 0x7e, 0x7f, 0x7f, false};
static const struct narrow_format narrow_e4m3fnuz = {3, 8, 0x80, 0x7f, 0x80, 0x80, true};
static const struct narrow_format narrow_e5m2 = {2, 15, 0x80, 0x7b, 0x7c, 0x7e, false};
static const struct narrow_format narrow_e5m2fnuz = {2, 16, 0x80, 0x7f, 0x80, 0x80, true};
static const struct narrow_format narrow_e2m1 = {1, 1, 0x8, 0x7, 0x7, 0x8, false};

/* Rounds to nearest even as float_to_half does. Called with a constant format, it folds to straight code. */
static inline uint8_t float_to_format(const struct narrow_format *format, float x, bool saturate)
{
    int shift = 23 - format->mantissa_bits;
    uint32_t bits = float_bits(x), sign = bits >> 31 ? format->sign : 0, a = bits & 0x7fffffff;
    uint32_t min_normal = (uint32_t)(128 - format->bias) << 23;
    uint32_t magic = (uint32_t)(128 - format->bias + shift) << 23; /* a float whose last place is the smallest step */
    uint32_t normal = (a + (1u << (shift - 1)) - 1 + (a >> shift & 1)) >> shift;
    uint32_t subnormal = float_bits(bits_float(a) + bits_float(magic)) - magic;
    uint32_t code = a < min_normal ? subnormal : normal - ((uint32_t)(127 - format->bias) << format->mantissa_bits);

    code = a >= 255u << 23 || code > format->max ? (saturate ? format->max : format->inf) : code;
    code = a > 255u << 23 ? format->nan : code;
    if (format->unsigned_zero && code == 0)
        sign = 0;
    return (uint8_t)(code | sign);
}

static inline float format_to_float(const struct narrow_format *format, uint8_t bits)
{
    uint32_t sign = bits & format->sign ? 0x80000000 : 0, magnitude = bits & (format->sign - 1);
    uint32_t min_normal = (uint32_t)(128 - format->bias) << 23;
    uint32_t shifted = magnitude << (23 - format->mantissa_bits);
    uint32_t value = shifted + ((uint32_t)(127 - format->bias) << 23);

    if (format->unsigned_zero && bits == format->nan)
        return bits_float(0xffc00000); /* with the sign its code has */
    if (magnitude > format->max)
        value = magnitude == format->inf && format->inf != format->nan ? 255u << 23 : float_bits(NAN);
    else if (shifted < 1u << 23) /* built with an implied one that is taken away again */
        value = float_bits(bits_float(shifted + min_normal) - bits_float(min_normal));
    return bits_float(value | sign);
}

/* FLOAT8E8M0: the power of two 2^(code - 127); 255 is NaN. */
static inline float e8m0_to_float(uint8_t bits)
{
    return bits_float(bits == 0 ? 1u << 22 : bits == 255 ? 0x7fc00000 : (uint32_t)bits << 23);
}

/* Only the magnitude counts: the standard leaves negative values open. The exponent is rounded as if it had no
 * bounds, and then, with zero below and infinity above all others, held within them or, unsaturated, turned to NaN. */
static inline uint8_t float_to_e8m0(float x, bool saturate, char round_mode)
{
    uint32_t a = float_bits(x) & 0x7fffffff, mantissa = a & 0x7fffff;
    int code = (int)(a >> 23);

    if (a > 255u << 23)
        return 255;
    if (code == 0) {
        code = mantissa ? 1 : -1000; /* subnormals: shift the leading one into the place of the implied one */
        while (mantissa && mantissa < 1u << 23) {
            mantissa <<= 1;
            code--;
        }
        mantissa &= 0x7fffff;
    }
    code += round_mode == 'd' ? 0 : round_mode == 'n' ? mantissa >= 1u << 22 : mantissa > 0;
    if (code >= 0 && code <= 254)
        return (uint8_t)code;
    return !saturate ? 255 : code < 0 ? 0 : 254;
}

static inline float narrow_to_float(enum qn_dtype dtype, uint8_t bits)
{
    switch (dtype) {
    case QN_FLOAT8E4M3FN:
        return format_to_float(&narrow_e4m3fn, bits);
    case QN_FLOAT8E4M3FNUZ:
        return format_to_float(&narrow_e4m3fnuz, bits);
    case QN_FLOAT8E5M2:
        return format_to_float(&narrow_e5m2, bits);
    case QN_FLOAT8E5M2FNUZ:
        return format_to_float(&narrow_e5m2fnuz, bits);
    case QN_FLOAT4E2M1:
        return format_to_float(&narrow_e2m1, bits & 15);
    case QN_FLOAT8E8M0:
        return e8m0_to_float(bits);
    default:
        return NAN;
    }
}

/* FLOAT4E2M1 always saturates, having neither NaN nor infinity; NaN becomes negative zero, as in the standard's
 * cases. */
static inline uint8_t float_to_narrow(enum qn_dtype dtype, float x, bool saturate, char round_mode)
{
    switch (dtype) {
    case QN_FLOAT8E4M3FN:
        return float_to_format(&narrow_e4m3fn, x, saturate);
    case QN_FLOAT8E4M3FNUZ:
        return float_to_format(&narrow_e4m3fnuz, x, saturate);
    case QN_FLOAT8E5M2:
        return float_to_format(&narrow_e5m2, x, saturate);
    case QN_FLOAT8E5M2FNUZ:
        return float_to_format(&narrow_e5m2fnuz, x, saturate);
    case QN_FLOAT4E2M1:
        return float_to_format(&narrow_e2m1, x, true);
    case QN_FLOAT8E8M0:
        return float_to_e8m0(x, saturate, round_mode);
    default:
        return 0;
    }
}

#endif
