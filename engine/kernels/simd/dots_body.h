/* dots_body.h: sums of products of 16-bit integers in plain C; compiled once for each CPU level, whose multiply-and-add
 * of pairs the compiler finds by itself. An int32 holds the sum of DEPTH products, so that only sums of sums have to
 * wrap. */
#ifndef QN_KERNELS_DOTS_BODY_H
#define QN_KERNELS_DOTS_BODY_H

#include "kernels/dots_impl.h"

enum { DEPTH = 1 << 15 }; /* 2^15 * 255^2 < 2^31 */

/* Two rows of a by four of b, over n steps, added to c. */
static void tile_2x4(const int16_t *restrict a, const int16_t *restrict b, int64_t stride, int64_t n,
                     uint32_t *restrict c, int64_t ldc)
{
    const int16_t *a1 = a + stride, *b1 = b + stride, *b2 = b1 + stride, *b3 = b2 + stride;
    int32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;

    for (int64_t i = 0; i < n * QN_DOTS_STEP; i++) {
        s00 += (int32_t)a[i] * b[i];
        s01 += (int32_t)a[i] * b1[i];
        s02 += (int32_t)a[i] * b2[i];
        s03 += (int32_t)a[i] * b3[i];
        s10 += (int32_t)a1[i] * b[i];
        s11 += (int32_t)a1[i] * b1[i];
        s12 += (int32_t)a1[i] * b2[i];
        s13 += (int32_t)a1[i] * b3[i];
    }
    c[0] += (uint32_t)s00, c[1] += (uint32_t)s01, c[2] += (uint32_t)s02, c[3] += (uint32_t)s03;
    c += ldc;
    c[0] += (uint32_t)s10, c[1] += (uint32_t)s11, c[2] += (uint32_t)s12, c[3] += (uint32_t)s13;
}

static void tile_1x4(const int16_t *restrict a, const int16_t *restrict b, int64_t stride, int64_t n,
                     uint32_t *restrict c)
{
    const int16_t *b1 = b + stride, *b2 = b1 + stride, *b3 = b2 + stride;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (int64_t i = 0; i < n * QN_DOTS_STEP; i++) {
        s0 += (int32_t)a[i] * b[i];
        s1 += (int32_t)a[i] * b1[i];
        s2 += (int32_t)a[i] * b2[i];
        s3 += (int32_t)a[i] * b3[i];
    }
    c[0] += (uint32_t)s0, c[1] += (uint32_t)s1, c[2] += (uint32_t)s2, c[3] += (uint32_t)s3;
}

static void tile_1x1(const int16_t *restrict a, const int16_t *restrict b, int64_t n, uint32_t *restrict c)
{
    int32_t s = 0;

    for (int64_t i = 0; i < n * QN_DOTS_STEP; i++)
        s += (int32_t)a[i] * b[i];
    *c += (uint32_t)s;
}

/* Columns of one row, or of two. */
static void strip(int64_t rows, int64_t n, int64_t stride, int64_t steps, const int16_t *a, const int16_t *b,
                  uint32_t *c, int64_t ldc)
{
    int64_t j = 0;

    for (; j + 4 <= n; j += 4) {
        if (rows == 2)
            tile_2x4(a, b + j * stride, stride, steps, c + j, ldc);
        else
            tile_1x4(a, b + j * stride, stride, steps, c + j);
    }
    for (; j < n; j++)
        for (int64_t i = 0; i < rows; i++)
            tile_1x1(a + i * stride, b + j * stride, steps, c + i * ldc + j);
}

static void dots(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c, int64_t ldc)
{
    uint32_t *sums = (uint32_t *)c;

    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            sums[i * ldc + j] = 0;
    for (int64_t x = 0; x < stride; x += DEPTH) {
        int64_t steps = (stride - x < DEPTH ? stride - x : DEPTH) / QN_DOTS_STEP;

        for (int64_t i = 0; i < m; i += 2)
            strip(m - i < 2 ? 1 : 2, n, stride, steps, a + i * stride + x, b + x, sums + i * ldc, ldc);
    }
}

__attribute__((unused)) static void tap_sums(int32_t *restrict dst, const int16_t *restrict src, const int64_t *offset,
                                             const int16_t *weight, int64_t n_taps, int64_t n)
{
    for (int64_t i = 0; i < n; i += QN_TAPS_STEP) {
        int32_t sums[QN_TAPS_STEP] = {0};

        for (int64_t t = 0; t < n_taps; t++) {
            const int16_t *x = src + offset[t] + i;
            const int16_t w = weight[t];

            for (int u = 0; u < QN_TAPS_STEP; u++)
                sums[u] += (int32_t)w * x[u];
        }
        for (int u = 0; u < QN_TAPS_STEP; u++)
            dst[i + u] = sums[u];
    }
}

#endif
