/* dots_avx512vnni.c: sums of products of 16-bit integers for AVX-512 with VNNI. */
#include "kernels/simd/dots_body.h"

void qn_dots__avx512vnni(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c,
                         int64_t ldc)
{
    dots(m, n, stride, a, b, c, ldc);
}
