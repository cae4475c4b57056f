/* dots_impl.h: the sums of products of kern.h at the CPU levels, for dots.c to choose from. Not for other folders. */
#ifndef QN_KERNELS_DOTS_IMPL_H
#define QN_KERNELS_DOTS_IMPL_H

#include "kernels/kern.h"

typedef void qn_dots_fn(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c,
                        int64_t ldc);
typedef void qn_tap_sums_fn(int32_t *dst, const int16_t *src, const int64_t *offset, const int16_t *weight,
                            int64_t n_taps, int64_t n);

qn_dots_fn qn_dots__avx2, qn_dots__avx512, qn_dots__avx512vnni;
qn_tap_sums_fn qn_tap_sums__avx2, qn_tap_sums__avx512;

#endif
