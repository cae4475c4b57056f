/* bytes_body.h: products of bytes: packing and rows in plain C, which the compiler vectorises; compiled once for each
 * CPU level. BYTES_DEPTH, defined before, is how many elements of k a word holds; INTERLEAVE, too, may be a function of
 * the level that packs one word of 16 columns. Not here: the products themselves. */
#ifndef QN_KERNELS_BYTES_BODY_H
#define QN_KERNELS_BYTES_BODY_H

#include <string.h>

#include "kernels/kern_impl.h"

#if BYTES_DEPTH == 4
typedef int8_t row_element;
typedef uint8_t column_element;
#else
typedef int16_t row_element;
typedef int16_t column_element;
#endif

enum { WORD_BYTES = 4 * QN_BYTES_PANEL };

/* ---- Packing -------------------------------------------------------------------------------------------------- */

static void pack_row(void *packed, const uint8_t *src, uint8_t flip, int64_t k)
{
    row_element *restrict dst = packed;
    int64_t padded = qn_bytes_words(k, BYTES_DEPTH) * BYTES_DEPTH;

    for (int64_t i = 0; i < k; i++)
        dst[i] = (row_element)(int8_t)(src[i] ^ flip);
    for (int64_t i = k; i < padded; i++)
        dst[i] = 0;
}

#ifndef INTERLEAVE
/* One word of 16 columns: dst[j][u] = rows[u][j]. */
static void interleave(column_element *restrict dst, const uint8_t *const *rows, uint8_t flip)
{
    for (int u = 0; u < BYTES_DEPTH; u++)
        for (int j = 0; j < QN_BYTES_PANEL; j++)
            dst[j * BYTES_DEPTH + u] = (column_element)(uint8_t)(rows[u][j] ^ flip);
}
#define INTERLEAVE interleave
#endif

/* Beyond k and n anything will do: the other operand has zeros there, or the column is not wanted. */
static void pack_columns(void *packed, int64_t panel_bytes, const uint8_t *src, int64_t ld, uint8_t flip, int64_t k,
                         int64_t n)
{
    for (int64_t j = 0; j < n; j += QN_BYTES_PANEL) {
        char *dst = (char *)packed + j / QN_BYTES_PANEL * panel_bytes;

        for (int64_t i = 0; i < k; i += BYTES_DEPTH, dst += WORD_BYTES) {
            uint8_t edge[BYTES_DEPTH][QN_BYTES_PANEL] = {{0}};
            const uint8_t *rows[BYTES_DEPTH];

            for (int u = 0; u < BYTES_DEPTH; u++) {
                rows[u] = src + (i + u < k ? i + u : k - 1) * ld + j;
                if (j + QN_BYTES_PANEL > n) {
                    memcpy(edge[u], rows[u], (size_t)(n - j));
                    rows[u] = edge[u];
                }
            }
            INTERLEAVE((column_element *)(void *)dst, rows, flip);
        }
    }
}

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

/* Clamped to integers first, which changes nothing; adding 1.5 * 2^23 then leaves the nearest integer in the last
 * places of the sum. NaN gives low. */
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

#define DEFINE_ROWS(name, type, lowest, highest)                                                                       \
    static void finish_##name(type *restrict dst, const int32_t *sums, const float *scale, bool by_column,             \
                              uint32_t add, int32_t zero, int64_t n)                                                   \
    {                                                                                                                  \
        const float low = (float)((lowest)-zero), high = (float)((highest)-zero), s = scale[0];                        \
                                                                                                                       \
        if (by_column) {                                                                                               \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] =                                                                                               \
                    (type)(round_between((float)(int32_t)((uint32_t)sums[i] + add) * scale[i], low, high) + zero);     \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                dst[i] = (type)(round_between((float)(int32_t)((uint32_t)sums[i] + add) * s, low, high) + zero);       \
        }                                                                                                              \
    }                                                                                                                  \
    static void quantise_##name(type *restrict dst, const float *src, float scale, int32_t zero, int64_t n)            \
    {                                                                                                                  \
        const float low = (float)((lowest)-zero), high = (float)((highest)-zero);                                      \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            dst[i] = (type)(round_between(src[i] / scale, low, high) + zero);                                          \
    }                                                                                                                  \
    static void dequantise_##name(float *restrict dst, const type *src, float scale, int32_t zero, int64_t n)          \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                                \
            dst[i] = (float)((int32_t)src[i] - zero) * scale;                                                          \
    }                                                                                                                  \
    static int32_t sum_##name(const type *src, int64_t n)                                                              \
    {                                                                                                                  \
        int32_t sum = 0;                                                                                               \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            sum += src[i];                                                                                             \
        return sum;                                                                                                    \
    }
DEFINE_ROWS(u8, uint8_t, 0, UINT8_MAX)
DEFINE_ROWS(s8, int8_t, INT8_MIN, INT8_MAX)

static void finish(void *dst, int32_t *sums, int64_t n, const struct qn_bytes_finish *f)
{
    uint32_t *restrict row = (uint32_t *)sums;

    if (f->column_add)
        for (int64_t i = 0; i < n; i++)
            row[i] += (uint32_t)f->column_add[i];
    if (f->column_mul)
        for (int64_t i = 0; i < n; i++)
            row[i] += f->mul * (uint32_t)f->column_mul[i];
    if (f->form == QN_BYTES_U8)
        finish_u8(dst, sums, f->scale, f->by_column, f->add, f->zero, n);
    else if (f->form == QN_BYTES_S8)
        finish_s8(dst, sums, f->scale, f->by_column, f->add, f->zero, n);
    else
        for (int64_t i = 0; i < n; i++)
            ((uint32_t *)dst)[i] = row[i] + f->add;
}

static void quantise(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n)
{
    if (form == QN_BYTES_U8)
        quantise_u8(dst, src, scale, zero, n);
    else
        quantise_s8(dst, src, scale, zero, n);
}

static void dequantise(float *dst, enum qn_bytes_form form, const void *src, float scale, int32_t zero, int64_t n)
{
    if (form == QN_BYTES_U8)
        dequantise_u8(dst, src, scale, zero, n);
    else
        dequantise_s8(dst, src, scale, zero, n);
}

static int64_t sum(enum qn_bytes_form form, const void *src, int64_t n)
{
    const int64_t most = 1 << 23; /* whose sum an int32 holds */
    int64_t total = 0;

    for (int64_t i = 0; i < n; i += most) {
        int64_t some = n - i < most ? n - i : most;

        total += form == QN_BYTES_U8 ? sum_u8((const uint8_t *)src + i, some) : sum_s8((const int8_t *)src + i, some);
    }
    return total;
}

#define BYTES_TABLE                                                                                                    \
    (struct qn_bytes_isa)                                                                                              \
    {                                                                                                                  \
        .depth = BYTES_DEPTH, .pack_row = pack_row, .pack_columns = pack_columns, .product = product,                  \
        .finish = finish, .quantise = quantise, .dequantise = dequantise, .sum = sum                                   \
    }

#endif
