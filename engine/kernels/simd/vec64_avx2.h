/* vec64_avx2.h: the part of the vector vocabulary that matrix products speak, under the same names but for float64: 4
 * lanes of AVX2 with FMA. The contract of every name stands in vec_avx2.h, instead of which it is included. */
#ifndef QN_KERNELS_VEC64_AVX2_H
#define QN_KERNELS_VEC64_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_LANES  4
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef double vf_elem;
typedef __m256d vf;

VF_INLINE __m256i vm_first(size_t n) /* the first n lanes */
{
    static const int64_t ones[8] = {-1, -1, -1, -1, 0, 0, 0, 0};

    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 4 - n));
}

VF_INLINE void vf_prefetch(const double *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
VF_INLINE vf vf_zero(void) { return _mm256_setzero_pd(); }
VF_INLINE vf vf_set1(double x) { return _mm256_set1_pd(x); }
VF_INLINE vf vf_load1(const double *p) { return _mm256_broadcast_sd(p); }
VF_INLINE vf vf_load(const double *p) { return _mm256_loadu_pd(p); }
VF_INLINE vf vf_load_n(const double *p, size_t n) { return _mm256_maskload_pd(p, vm_first(n)); }
VF_INLINE void vf_store(double *p, vf a) { _mm256_storeu_pd(p, a); }

/* Plain stores: a masked store is slow on some processors. */
VF_INLINE void vf_store_n(double *p, vf a, size_t n)
{
    __m128d low = _mm256_castpd256_pd128(a);

    if (n >= 4) {
        _mm256_storeu_pd(p, a);
        return;
    }
    if (n & 2) {
        _mm_storeu_pd(p, low);
        low = _mm256_extractf128_pd(a, 1);
        p += 2;
    }
    if (n & 1)
        _mm_store_sd(p, low);
}

VF_INLINE vf vf_add(vf a, vf b) { return _mm256_add_pd(a, b); }
VF_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_pd(a, b); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_pd(a, b, c); }

/* Four rows of four columns, in registers. */
VF_INLINE void vf_transpose(vf *r)
{
    const vf a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
    const vf c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);

    r[0] = _mm256_permute2f128_pd(a, c, 0x20);
    r[1] = _mm256_permute2f128_pd(b, d, 0x20);
    r[2] = _mm256_permute2f128_pd(a, c, 0x31);
    r[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

#endif
