/* vec_avx512.h: the vector vocabulary of the kernel bodies in simd/, for AVX-512 F, BW, DQ, VL: 16 floats. The contract
 * of every name stands in vec_avx2.h. */
#ifndef QN_KERNELS_VEC_AVX512_H
#define QN_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_LANES  16
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef float vf_elem;
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

VF_INLINE vm vm_first(size_t n) { return (vm)((1u << n) - 1); }
VF_INLINE vm vm_range(size_t from, size_t to) { return (vm)(vm_first(to) & ~vm_first(from)); }

VF_INLINE void vf_prefetch(const float *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
VF_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
VF_INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
VF_INLINE vf vf_load1(const float *p) { return _mm512_set1_ps(*p); }
VF_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
VF_INLINE vf vf_load_m(const float *p, vm m) { return _mm512_maskz_loadu_ps(m, p); }
VF_INLINE vf vf_load_n(const float *p, size_t n) { return vf_load_m(p, vm_first(n)); }
VF_INLINE void vf_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
VF_INLINE void vf_store_n(float *p, vf a, size_t n) { _mm512_mask_storeu_ps(p, vm_first(n), a); }

VF_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VF_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VF_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VF_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VF_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
VF_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
VF_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
VF_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VF_INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VF_INLINE vf vf_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
VF_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }
VF_INLINE vf vf_copysign(vf a, vf b) { return _mm512_or_ps(vf_abs(a), _mm512_and_ps(_mm512_set1_ps(-0.0f), b)); }

VF_INLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VF_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VF_INLINE vm vf_is_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VF_INLINE vm vm_or(vm a, vm b) { return (vm)(a | b); }
VF_INLINE vm vm_and(vm a, vm b) { return (vm)(a & b); }
VF_INLINE int vm_any(vm m) { return m != 0; }
VF_INLINE vf vf_select(vm m, vf yes, vf no) { return _mm512_mask_blend_ps(m, no, yes); }

/* The lanes folded in halves: 8 onto 8, 4 onto 4, 2 onto 2, 1 onto 1. */
#define VF_FOLD_128(v, op)                                                                                             \
    do {                                                                                                               \
        v = op##_ps(v, _mm_movehl_ps(v, v));                                                                           \
        v = op##_ss(v, _mm_shuffle_ps(v, v, 1));                                                                       \
    } while (0)
VF_INLINE float vf_sum(vf a)
{
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 v = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    VF_FOLD_128(v, _mm_add);
    return _mm_cvtss_f32(v);
}
VF_INLINE float vf_greatest(vf a)
{
    const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 v = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    VF_FOLD_128(v, _mm_max);
    return _mm_cvtss_f32(v);
}
VF_INLINE float vf_least(vf a)
{
    const __m256 h = _mm256_min_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 v = _mm_min_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    VF_FOLD_128(v, _mm_min);
    return _mm_cvtss_f32(v);
}

VF_INLINE vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
VF_INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
VF_INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
VF_INLINE vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
#define vi_sll(a, count) _mm512_slli_epi32(a, count)
#define vi_srl(a, count) _mm512_srli_epi32(a, count)
#define vi_sra(a, count) _mm512_srai_epi32(a, count)
VF_INLINE vi vi_from_bits(vf a) { return _mm512_castps_si512(a); }
VF_INLINE vf vf_from_bits(vi a) { return _mm512_castsi512_ps(a); }
VF_INLINE vi vi_from_float(vf a) { return _mm512_cvtps_epi32(a); }
VF_INLINE vf vf_from_int(vi a) { return _mm512_cvtepi32_ps(a); }
VF_INLINE vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
VF_INLINE vm vi_below(vi a, vi b) { return _mm512_cmplt_epu32_mask(a, b); }
VF_INLINE vf vf_gather_m(const float *p, vi index, vm m)
{
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), m, index, p, 4);
}
VF_INLINE vf vf_merge_m(vf v, const float *p, vm m) { return _mm512_mask_loadu_ps(v, m, p); }

VF_INLINE vf vf_even(vf a, vf b)
{
    const vi index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);

    return _mm512_permutex2var_ps(a, index, b);
}
VF_INLINE vf vf_odd(vf a, vf b)
{
    const vi index = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);

    return _mm512_permutex2var_ps(a, index, b);
}

VF_INLINE vf vf_scale2(vf a, vf n) { return _mm512_scalef_ps(a, n); }

VF_INLINE vf vf_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
VF_INLINE void vf_store_f16(uint16_t *p, vf a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

#endif
