/* bytes_avx2.c: products of bytes for AVX2: widened to 16 bits, because the instruction that multiplies bytes saturates
 * its sums of two. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 8 };
typedef __m256 floats;
typedef __m256i ints;
#define set_float(x)     _mm256_set1_ps(x)
#define set_int(x)       _mm256_set1_epi32(x)
#define to_floats(x)     _mm256_cvtepi32_ps(x)
#define add_ints(a, b)   _mm256_add_epi32(a, b)
#define sub_ints(a, b)   _mm256_sub_epi32(a, b)
#define mul_ints(a, b)   _mm256_mullo_epi32(a, b)
#define mul_floats(a, b) _mm256_mul_ps(a, b)
#define div_floats(a, b) _mm256_div_ps(a, b)

static inline __m256i first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline ints load_ints(const int32_t *p, int n) { return _mm256_maskload_epi32(p, first(n)); }
static inline floats load_floats(const float *p, int n) { return _mm256_maskload_ps(p, first(n)); }
static inline void store_ints(int32_t *p, ints x, int n) { _mm256_maskstore_epi32(p, first(n), x); }
static inline void store_floats(float *p, floats x, int n) { _mm256_maskstore_ps(p, first(n), x); }

static inline ints load_bytes(const uint8_t *p, int is_signed, int n)
{
    int64_t bytes = 0;
    __m128i x;

    memcpy(&bytes, p, (size_t)n);
    x = _mm_cvtsi64_si128(bytes);
    return is_signed ? _mm256_cvtepi8_epi32(x) : _mm256_cvtepu8_epi32(x);
}

/* Of two of which one is NaN, the second is the maximum. What lies below 256 keeps its low byte in both packings. */
#define store_bytes(p, x, r, n) store_rounded(p, _mm256_min_ps(_mm256_max_ps(x, (r).low), (r).high), (r).zero, n)
static inline void store_rounded(uint8_t *p, floats x, ints zero, int n)
{
    const __m256i mask = _mm256_set1_epi32(0xff);
    __m256i y = _mm256_and_si256(_mm256_add_epi32(_mm256_cvtps_epi32(x), zero), mask);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
    int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));

    memcpy(p, &bytes, (size_t)n);
}

/* dst[j] = {rows[0][j], rows[1][j]} in 16 bits. */
static inline void interleave_words(int16_t *dst, const uint8_t *const *rows, uint8_t flip)
{
    const __m128i f = _mm_set1_epi8((char)flip);
    const __m128i a = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[0]), f);
    const __m128i b = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[1]), f);

    _mm256_storeu_si256((__m256i *)(void *)dst, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)));
    _mm256_storeu_si256((__m256i *)(void *)(dst + 16), _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b)));
}

#define BYTES_DEPTH 2
#define INTERLEAVE  interleave_words
#include "kernels/simd/bytes_body.h"

/* Rows by one panel; rows is a constant. */
static inline __attribute__((always_inline)) void tile(const int rows, int64_t words, const int32_t *a, const void *b,
                                                       int32_t *c, int64_t ldc)
{
    const __m256i *panel = b;
    __m256i acc[4][2];

    QN_UNROLL
    for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
    for (int64_t w = 0; w < words; w++, panel += 2) {
        const __m256i b0 = _mm256_loadu_si256(panel), b1 = _mm256_loadu_si256(panel + 1);

        QN_UNROLL
        for (int i = 0; i < rows; i++) {
            const __m256i x = _mm256_set1_epi32(a[i * words + w]);

            acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(x, b0));
            acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(x, b1));
        }
    }
    QN_UNROLL
    for (int i = 0; i < rows; i++) {
        _mm256_storeu_si256((__m256i *)(void *)(c + i * ldc), acc[i][0]);
        _mm256_storeu_si256((__m256i *)(void *)(c + i * ldc + 8), acc[i][1]);
    }
}

static void product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc)
{
    for (int64_t p = 0; p < n_panels; p++, c += QN_BYTES_PANEL) {
        const char *panel = (const char *)b + p * qn_bytes_panel_bytes(words);
        int64_t i = 0;

        for (; i + 4 <= m; i += 4)
            tile(4, words, (const int32_t *)a + i * words, panel, c + i * ldc, ldc);
        for (; i < m; i++)
            tile(1, words, (const int32_t *)a + i * words, panel, c + i * ldc, ldc);
    }
}

void qn_bytes_init__avx2(struct qn_bytes_isa *isa) { *isa = BYTES_TABLE; }
