/* convert.h: narrow floating-point and packed types, and conversion between any two types as ONNX Cast defines it. */
#ifndef QN_TENSOR_CONVERT_H
#define QN_TENSOR_CONVERT_H

#include "tensor/dtype.h"

float qn_half_to_float(uint16_t h);
uint16_t qn_float_to_half(float x);   /* round to nearest even, overflow to infinity */
uint16_t qn_double_to_half(double x); /* one rounding */
float qn_bfloat_to_float(uint16_t b);
uint16_t qn_float_to_bfloat(float x); /* round to nearest even; NaN stays NaN */

/* FLOAT8E4M3FN, -FNUZ, E5M2, -FNUZ, E8M0, FLOAT4E2M1: by type. saturate: out of range becomes the largest value,
 * else NaN or infinity as the format has them (ONNX Cast tables). round_mode of E8M0: 'u'p, 'd'own, 'n'earest. */
float qn_narrow_to_float(enum qn_dtype dtype, uint8_t bits);
uint8_t qn_float_to_narrow(enum qn_dtype dtype, float x, bool saturate, char round_mode);

/* Packed types of 4 and 2 bits: element i of packed data, as stored bits (not sign-extended), and back. */
static inline uint8_t qn_packed_get(const void *data, int64_t i, int bits)
{
    int per_byte = 8 / bits;
    const uint8_t *bytes = (const uint8_t *)data;

    return (uint8_t)(bytes[i / per_byte] >> (i % per_byte * bits) & ((1 << bits) - 1));
}
static inline void qn_packed_set(void *data, int64_t i, int bits, uint8_t value)
{
    int per_byte = 8 / bits, shift = (int)(i % per_byte * bits), mask = (1 << bits) - 1;
    uint8_t *bytes = (uint8_t *)data;

    bytes[i / per_byte] = (uint8_t)((bytes[i / per_byte] & ~(mask << shift)) | (value & mask) << shift);
}

struct qn_convert_options {
    bool saturate;   /* for float8 and narrower targets */
    char round_mode; /* for E8M0 */
};

/* n elements from one real type (floats of any width, integers of any width, BOOL) to another. Floats to integers
 * truncate toward zero, saturate, NaN gives 0; to BOOL: not zero (NaN is true); integers to narrower integers wrap;
 * 4- and 2-bit types are packed, and floats to packed integers truncate and then wrap, as the standard's cases have
 * it (infinities and NaN give 0). FLOAT4E2M1 always saturates. Every conversion rounds once. src and dst do not
 * overlap. Strings and complex types are the Cast operator's. */
void qn_convert(enum qn_dtype from, const void *src, enum qn_dtype to, void *dst, int64_t n,
                struct qn_convert_options options);

#endif
