/* quantized.c: operands and results of quantised products; see quantized.h. */
#include "ops/quantized.h"

#include <string.h>

bool qn_quant_is_one(const struct qn_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] != 1 && qn_dim_known(shape->dims[i]))
            return false;
    return true;
}

/* ---- Operands ------------------------------------------------------------------------------------------------- */

#define DEFINE_WIDEN(name, type)                                                                                       \
    static void widen_##name(int16_t *restrict dst, const type *src, int64_t step, int32_t zero, int64_t n)            \
    {                                                                                                                  \
        const int16_t z = (int16_t)zero;                                                                               \
                                                                                                                       \
        if (step == 1) {                                                                                               \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] = (int16_t)(src[i] - z);                                                                        \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] = (int16_t)(src[i * step] - z);                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    /* Eight channels at a time: a store of 16 bytes for each position. */                                             \
    static void turn_##name(int16_t *restrict dst, int64_t ld, const type *src, int64_t n_row, int32_t zero,           \
                            int64_t m, int64_t n)                                                                      \
    {                                                                                                                  \
        const int16_t z = (int16_t)zero;                                                                               \
        int64_t j = 0;                                                                                                 \
                                                                                                                       \
        for (; j + 8 <= m; j += 8)                                                                                     \
            for (int64_t i = 0; i < n; i++)                                                                            \
                for (int u = 0; u < 8; u++)                                                                            \
                    dst[i * ld + j + u] = (int16_t)(src[(j + u) * n_row + i] - z);                                     \
        for (; j < m; j++)                                                                                             \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i * ld + j] = (int16_t)(src[j * n_row + i] - z);                                                   \
    }
DEFINE_WIDEN(u8, uint8_t)
DEFINE_WIDEN(i8, int8_t)

void qn_quant_widen(int16_t *dst, enum qn_dtype dtype, const void *src, int64_t step, int32_t zero, int64_t n)
{
    if (dtype == QN_INT8)
        widen_i8(dst, src, step, zero, n);
    else
        widen_u8(dst, src, step, zero, n);
}

void qn_quant_widen_turned(int16_t *dst, int64_t ld, enum qn_dtype dtype, const void *src, int64_t n_row, int32_t zero,
                           int64_t m, int64_t n)
{
    if (dtype == QN_INT8)
        turn_i8(dst, ld, src, n_row, zero, m, n);
    else
        turn_u8(dst, ld, src, n_row, zero, m, n);
}

/* ---- Results -------------------------------------------------------------------------------------------------- */

/* Clamped to integers first, which changes nothing; adding 1.5 * 2^23 then leaves the nearest integer in the last
 * places of the sum. NaN, of scales that are none, gives low. */
static inline int32_t round_between(float x, float low, float high)
{
    const float magic = 0x1.8p23f;
    int32_t bits, nothing;

    x = x > low ? x : low;
    x = (x < high ? x : high) + magic;
    memcpy(&bits, &x, sizeof(bits));
    memcpy(&nothing, &magic, sizeof(nothing));
    return bits - nothing;
}

#define DEFINE_NARROW(name, type, lowest, highest)                                                                     \
    static void narrow_##name(type *restrict dst, const int32_t *sums, const float *scale, int64_t step, int32_t zero, \
                              int64_t n)                                                                               \
    {                                                                                                                  \
        const float low = (float)((lowest)-zero), high = (float)((highest)-zero), s = scale[0];                        \
                                                                                                                       \
        if (step == 0) {                                                                                               \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] = (type)(round_between((float)sums[i] * s, low, high) + zero);                                  \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] = (type)(round_between((float)sums[i] * scale[i], low, high) + zero);                           \
        }                                                                                                              \
    }
DEFINE_NARROW(u8, uint8_t, 0, UINT8_MAX)
DEFINE_NARROW(i8, int8_t, INT8_MIN, INT8_MAX)

void qn_quant_narrow(void *dst, enum qn_dtype dtype, const int32_t *sums, const float *scale, int64_t step,
                     int32_t zero, int64_t n)
{
    if (dtype == QN_INT8)
        narrow_i8(dst, sums, scale, step, zero, n);
    else
        narrow_u8(dst, sums, scale, step, zero, n);
}
