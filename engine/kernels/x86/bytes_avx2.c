/* bytes_avx2.c: products of bytes for AVX2: widened to 16 bits, because the instruction that multiplies bytes saturates
 * its sums of two. */
#include <immintrin.h>
#include <stdint.h>

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
