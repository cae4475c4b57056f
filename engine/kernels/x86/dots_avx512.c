/* dots_avx512.c: sums of products of 16-bit integers for AVX-512. */
#include "kernels/simd/dots_body.h"

void qn_dots__avx512(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c, int64_t ldc)
{
    dots(m, n, stride, a, b, c, ldc);
}

void qn_tap_sums__avx512(int32_t *dst, const int16_t *src, const int64_t *offset, const int16_t *weight, int64_t n_taps,
                         int64_t n)
{
    tap_sums(dst, src, offset, weight, n_taps, n);
}
