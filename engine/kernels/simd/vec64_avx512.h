/* vec64_avx512.h: vec64_avx2.h for AVX-512 F: 8 float64. */
#ifndef QN_KERNELS_VEC64_AVX512_H
#define QN_KERNELS_VEC64_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_LANES  8
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef double vf_elem;
typedef __m512d vf;

VF_INLINE __mmask8 vm_first(size_t n) { return (__mmask8)((1u << n) - 1); }

VF_INLINE void vf_prefetch(const double *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
VF_INLINE vf vf_zero(void) { return _mm512_setzero_pd(); }
VF_INLINE vf vf_set1(double x) { return _mm512_set1_pd(x); }
VF_INLINE vf vf_load1(const double *p) { return _mm512_set1_pd(*p); }
VF_INLINE vf vf_load(const double *p) { return _mm512_loadu_pd(p); }
VF_INLINE vf vf_load_n(const double *p, size_t n) { return _mm512_maskz_loadu_pd(vm_first(n), p); }
VF_INLINE void vf_store(double *p, vf a) { _mm512_storeu_pd(p, a); }
VF_INLINE void vf_store_n(double *p, vf a, size_t n) { _mm512_mask_storeu_pd(p, vm_first(n), a); }

VF_INLINE vf vf_add(vf a, vf b) { return _mm512_add_pd(a, b); }
VF_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_pd(a, b); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_pd(a, b, c); }

#endif
