/* vec_avx2.h: the vector vocabulary of the kernel bodies in simd/, for AVX2 with FMA: 8 floats. vec_avx512.h has the
 * same names; a body includes neither, the file that instantiates it does. Semantics that matter: vf_max(a, b) is a > b
 * ? a : b and vf_min(a, b) is a < b ? a : b, so the second operand comes through when one is NaN; vf_load_n() and
 * vf_store_n() touch n elements only (0 to VF_LANES), and load zeros in the other lanes. */
#ifndef QN_KERNELS_VEC_AVX2_H
#define QN_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VF_LANES  8
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef float vf_elem;
typedef __m256 vf;  /* floats */
typedef __m256i vi; /* 32-bit integers */
typedef __m256 vm;  /* one all-ones or all-zeros word per lane */

VF_INLINE vm vm_first(size_t n) /* the first n lanes */
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

    return _mm256_loadu_ps((const float *)(const void *)(ones + 8 - n));
}

VF_INLINE vm vm_range(size_t from, size_t to) /* lanes [from, to) */
{
    return _mm256_andnot_ps(vm_first(from), vm_first(to));
}

VF_INLINE void vf_prefetch(const float *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
VF_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
VF_INLINE vf vf_set1(float x) { return _mm256_set1_ps(x); }
VF_INLINE vf vf_load1(const float *p) { return _mm256_broadcast_ss(p); } /* one element to all lanes */
VF_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
VF_INLINE vf vf_load_m(const float *p, vm m) { return _mm256_maskload_ps(p, _mm256_castps_si256(m)); }
VF_INLINE vf vf_load_n(const float *p, size_t n) { return vf_load_m(p, vm_first(n)); }
VF_INLINE void vf_store(float *p, vf a) { _mm256_storeu_ps(p, a); }

/* Plain stores: a masked store is slow on some processors. */
VF_INLINE void vf_store_n(float *p, vf a, size_t n)
{
    __m128 low = _mm256_castps256_ps128(a);

    if (n >= 8) {
        _mm256_storeu_ps(p, a);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, low);
        low = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, low);
        low = _mm_movehl_ps(low, low);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, low);
}

VF_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
VF_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
VF_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
VF_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   /* a * b + c */
VF_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a * b */
VF_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
VF_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
VF_INLINE vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
VF_INLINE vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VF_INLINE vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
VF_INLINE vf vf_neg(vf a) { return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a); }
/* The magnitude of a with the sign of b. */
VF_INLINE vf vf_copysign(vf a, vf b) { return _mm256_or_ps(vf_abs(a), _mm256_and_ps(_mm256_set1_ps(-0.0f), b)); }

VF_INLINE vm vf_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
VF_INLINE vm vf_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
VF_INLINE vm vf_is_nan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
VF_INLINE vm vm_or(vm a, vm b) { return _mm256_or_ps(a, b); }
VF_INLINE vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
VF_INLINE int vm_any(vm m) { return _mm256_movemask_ps(m) != 0; }
VF_INLINE vf vf_select(vm m, vf yes, vf no) { return _mm256_blendv_ps(no, yes, m); }

/* The lanes folded in halves: 4 onto 4, 2 onto 2, 1 onto 1. */
#define VF_FOLD_128(v, op)                                                                                             \
    do {                                                                                                               \
        v = op##_ps(v, _mm_movehl_ps(v, v));                                                                           \
        v = op##_ss(v, _mm_shuffle_ps(v, v, 1));                                                                       \
    } while (0)
VF_INLINE float vf_sum(vf a)
{
    __m128 v = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    VF_FOLD_128(v, _mm_add);
    return _mm_cvtss_f32(v);
}
VF_INLINE float vf_greatest(vf a)
{
    __m128 v = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    VF_FOLD_128(v, _mm_max);
    return _mm_cvtss_f32(v);
}
VF_INLINE float vf_least(vf a)
{
    __m128 v = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

    VF_FOLD_128(v, _mm_min);
    return _mm_cvtss_f32(v);
}

VF_INLINE vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
VF_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
VF_INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
VF_INLINE vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
#define vi_sll(a, count) _mm256_slli_epi32(a, count)
#define vi_srl(a, count) _mm256_srli_epi32(a, count)
#define vi_sra(a, count) _mm256_srai_epi32(a, count)
VF_INLINE vi vi_from_bits(vf a) { return _mm256_castps_si256(a); }
VF_INLINE vf vf_from_bits(vi a) { return _mm256_castsi256_ps(a); }
VF_INLINE vi vi_from_float(vf a) { return _mm256_cvtps_epi32(a); } /* to nearest even */
VF_INLINE vf vf_from_int(vi a) { return _mm256_cvtepi32_ps(a); }
VF_INLINE vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
/* Lanes where a, taken as unsigned, is below b; a of any value, b from 0 to INT32_MAX. */
VF_INLINE vm vi_below(vi a, vi b)
{
    vi negative = _mm256_srai_epi32(a, 31);

    return _mm256_castsi256_ps(_mm256_andnot_si256(negative, _mm256_cmpgt_epi32(b, a)));
}
/* p[index] in the lanes of m, zero elsewhere; nothing is read for the others. */
VF_INLINE vf vf_gather_m(const float *p, vi index, vm m)
{
    return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), p, index, m, 4);
}
/* v with the lanes of m read from memory. */
VF_INLINE vf vf_merge_m(vf v, const float *p, vm m) { return _mm256_blendv_ps(v, vf_load_m(p, m), m); }

/* The even elements of the sixteen a, b; the odd ones. */
VF_INLINE vf vf_even(vf a, vf b)
{
    __m256d pairs = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));

    return _mm256_castpd_ps(_mm256_permute4x64_pd(pairs, 0xd8));
}
VF_INLINE vf vf_odd(vf a, vf b)
{
    __m256d pairs = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd));

    return _mm256_castpd_ps(_mm256_permute4x64_pd(pairs, 0xd8));
}

/* a * 2^n for whole n from -252 to 254, rounding once, also into the subnormals. */
VF_INLINE vf vf_scale2(vf a, vf n)
{
    vi whole = _mm256_cvtps_epi32(n);
    vi half = _mm256_srai_epi32(whole, 1);
    vi rest = _mm256_sub_epi32(whole, half);
    vi bias = _mm256_set1_epi32(127);

    a = _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
    return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
}

VF_INLINE vf vf_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
VF_INLINE void vf_store_f16(uint16_t *p, vf a)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

/* Eight rows of eight columns, in registers: column i of the result is row i of the source. */
VF_INLINE void vf_transpose(vf *r)
{
    vf t[8], u[8];

    for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
        u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

#endif
