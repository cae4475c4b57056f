/* bytes_avx512vnni.c: products of bytes for AVX-512 with VNNI, whose instruction adds four products of bytes to 32
 * bits. */
#include <immintrin.h>
#include <stdint.h>

enum { LANES = 16 };
typedef __m512 floats;
typedef __m512i ints;
#define FIRST(n)          ((__mmask16)(0xffff >> (LANES - (n))))
#define set_float(x)      _mm512_set1_ps(x)
#define set_int(x)        _mm512_set1_epi32(x)
#define load_ints(p, n)   _mm512_maskz_loadu_epi32(FIRST(n), p)
#define load_floats(p, n) _mm512_maskz_loadu_ps(FIRST(n), p)
#define load_bytes(p, is_signed, n)                                                                                    \
    ((is_signed) ? _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(FIRST(n), p))                                             \
                 : _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(FIRST(n), p)))
#define store_ints(p, x, n)   _mm512_mask_storeu_epi32(p, FIRST(n), x)
#define store_floats(p, x, n) _mm512_mask_storeu_ps(p, FIRST(n), x)
#define to_floats(x)          _mm512_cvtepi32_ps(x)
#define add_ints(a, b)        _mm512_add_epi32(a, b)
#define sub_ints(a, b)        _mm512_sub_epi32(a, b)
#define mul_ints(a, b)        _mm512_mullo_epi32(a, b)
#define mul_floats(a, b)      _mm512_mul_ps(a, b)
#define div_floats(a, b)      _mm512_div_ps(a, b)
/* Of two of which one is NaN, the second is the maximum. */
#define store_bytes(p, x, r, n)                                                                                        \
    _mm512_mask_cvtepi32_storeu_epi8(                                                                                  \
        p, FIRST(n),                                                                                                   \
        _mm512_add_epi32(_mm512_cvt_roundps_epi32(_mm512_min_ps(_mm512_max_ps(x, (r).low), (r).high),                  \
                                                  _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),                      \
                         (r).zero))

/* dst[j] = {rows[0][j], ..., rows[3][j]}. */
static inline void interleave_words(uint8_t *dst, const uint8_t *const *rows, uint8_t flip)
{
    const __m128i f = _mm_set1_epi8((char)flip);
    const __m128i a = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[0]), f);
    const __m128i b = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[1]), f);
    const __m128i c = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[2]), f);
    const __m128i d = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)rows[3]), f);
    const __m128i ab = _mm_unpacklo_epi8(a, b), cd = _mm_unpacklo_epi8(c, d);
    const __m128i ab1 = _mm_unpackhi_epi8(a, b), cd1 = _mm_unpackhi_epi8(c, d);
    __m128i *to = (__m128i *)(void *)dst;

    _mm_storeu_si128(to, _mm_unpacklo_epi16(ab, cd));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(ab, cd));
    _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(ab1, cd1));
    _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(ab1, cd1));
}

#define BYTES_DEPTH 4
#define INTERLEAVE  interleave_words
#include "kernels/simd/bytes_body.h"

/* Rows by panels, both constants. */
static inline __attribute__((always_inline)) void tile(const int rows, const int panels, int64_t words,
                                                       const int32_t *a, const char *b, int32_t *c, int64_t ldc)
{
    const int64_t panel_bytes = qn_bytes_panel_bytes(words);
    __m512i acc[4][4], column[4];

    QN_UNROLL
    for (int i = 0; i < rows; i++)
        QN_UNROLL
    for (int p = 0; p < panels; p++)
        acc[i][p] = _mm512_setzero_si512();
    for (int64_t w = 0; w < words; w++, b += WORD_BYTES) {
        QN_UNROLL
        for (int p = 0; p < panels; p++)
            column[p] = _mm512_loadu_si512(b + p * panel_bytes);
        QN_UNROLL
        for (int i = 0; i < rows; i++) {
            const __m512i x = _mm512_set1_epi32(a[i * words + w]);

            QN_UNROLL
            for (int p = 0; p < panels; p++)
                acc[i][p] = _mm512_dpbusd_epi32(acc[i][p], column[p], x);
        }
    }
    QN_UNROLL
    for (int i = 0; i < rows; i++)
        QN_UNROLL
    for (int p = 0; p < panels; p++)
        _mm512_storeu_si512(c + i * ldc + p * QN_BYTES_PANEL, acc[i][p]);
}

static inline __attribute__((always_inline)) void strip(const int panels, int64_t m, int64_t words, const int32_t *a,
                                                        const char *b, int32_t *c, int64_t ldc)
{
    int64_t i = 0;

    for (; i + 4 <= m; i += 4)
        tile(4, panels, words, a + i * words, b, c + i * ldc, ldc);
    for (; i < m; i++)
        tile(1, panels, words, a + i * words, b, c + i * ldc, ldc);
}

static void product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc)
{
    const char *panel = b;
    int64_t p = 0;

    for (; p + 4 <= n_panels; p += 4, panel += 4 * qn_bytes_panel_bytes(words))
        strip(4, m, words, a, panel, c + p * QN_BYTES_PANEL, ldc);
    for (; p + 2 <= n_panels; p += 2, panel += 2 * qn_bytes_panel_bytes(words))
        strip(2, m, words, a, panel, c + p * QN_BYTES_PANEL, ldc);
    if (p < n_panels)
        strip(1, m, words, a, panel, c + p * QN_BYTES_PANEL, ldc);
}

void qn_bytes_init__avx512vnni(struct qn_bytes_isa *isa) { *isa = BYTES_TABLE; }
