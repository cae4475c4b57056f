/* dots.h: exact sums of products of 16-bit integers, the inner loops of quantised products and convolutions. Operands
 * are values less their zero points, in [-255, 255]; sums are the true ones modulo 2^32, and so the same at every CPU
 * level, for every blocking and thread count. Common rules as in kern.h. */
#ifndef QN_KERNELS_DOTS_H
#define QN_KERNELS_DOTS_H

#include <stdint.h>

/* Rows are padded with zeros to a multiple of this. */
enum { QN_DOTS_STEP = 32 };

static inline int64_t qn_dots_stride(int64_t k) { return (k + QN_DOTS_STEP - 1) / QN_DOTS_STEP * QN_DOTS_STEP; }

/* c[i * ldc + j] = sum of a[i][x] * b[j][x] over x < stride, for i < m, j < n; a is [m][stride], b [n][stride], stride
 * a multiple of QN_DOTS_STEP. */
void qn_dots(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c, int64_t ldc);

/* dst[i] = sum of weight[t] * src[offset[t] + i] over t < n_taps, for i < n; n is a multiple of QN_TAPS_STEP, and so
 * many of src and dst are there. At most 2^15 taps. */
enum { QN_TAPS_STEP = 16 };
void qn_tap_sums(int32_t *dst, const int16_t *src, const int64_t *offset, const int16_t *weight, int64_t n_taps,
                 int64_t n);

#endif
