/* iproduct.c: exact products of 8-bit integer matrices in plain C that compilers vectorise; see iproduct.h. */
#include "ops/iproduct.h"

#include "tensor/convert.h"

void qn_widen_bytes(enum qn_dtype dtype, const void *src, int64_t n, int32_t zero, int16_t *dst)
{
    const int8_t *i8 = src;
    const uint8_t *u8 = src;

    if (dtype == QN_INT8) {
        for (int64_t i = 0; i < n; i++)
            dst[i] = (int16_t)(i8[i] - zero);
    } else {
        for (int64_t i = 0; i < n; i++)
            dst[i] = (int16_t)(u8[i] - zero);
    }
}

/* Rows of A that share what is loaded of B, and rows of B that share what is loaded of C. */
enum { ROWS = 4, DEPTH = 4 };

/* Adds `depth` rows of B to `rows` rows of C. Both counts are constants where this is inlined. */
static inline void add_rows(int rows, int depth, int64_t n, const int16_t *a, int64_t lda, const int16_t *b,
                            int64_t ldb, uint32_t *c, int64_t ldc)
{
    for (int r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j++) {
            uint32_t sum = c[r * ldc + j];

            for (int d = 0; d < depth; d++)
                sum += (uint32_t)((int32_t)a[r * lda + d] * (int32_t)b[d * ldb + j]);
            c[r * ldc + j] = sum;
        }
}

static inline void multiply_rows(int rows, int64_t n, int64_t k, const int16_t *a, int64_t lda, const int16_t *b,
                                 int64_t ldb, uint32_t *c, int64_t ldc)
{
    int64_t x = 0;

    for (int r = 0; r < rows; r++)
        for (int64_t j = 0; j < n; j++)
            c[r * ldc + j] = 0;
    for (; x + DEPTH <= k; x += DEPTH)
        add_rows(rows, DEPTH, n, a + x, lda, b + x * ldb, ldb, c, ldc);
    for (; x < k; x++)
        add_rows(rows, 1, n, a + x, lda, b + x * ldb, ldb, c, ldc);
}

void qn_iproduct(int64_t m, int64_t n, int64_t k, const int16_t *a, int64_t lda, const int16_t *b, int64_t ldb,
                 int32_t *c, int64_t ldc)
{
    uint32_t *sums = (uint32_t *)c;
    int64_t i = 0;

    for (; i + ROWS <= m; i += ROWS)
        multiply_rows(ROWS, n, k, a + i * lda, lda, b, ldb, sums + i * ldc, ldc);
    for (; i < m; i++)
        multiply_rows(1, n, k, a + i * lda, lda, b, ldb, sums + i * ldc, ldc);
}

/* Added to a float of less than 2^22, rounds it half to even into the low bits. */
#define ROUNDER 12582912.0f /* 1.5 * 2^23 */

void qn_requantize(const int32_t *sum, int64_t n, const float *scale, int64_t step, enum qn_dtype dtype, int32_t zero,
                   void *dst)
{
    const float least = (float)((dtype == QN_INT8 ? -128 : 0) - zero),
                most = (float)((dtype == QN_INT8 ? 127 : 255) - zero);
    uint8_t *y = dst;

    for (int64_t i = 0; i < n; i++) {
        float x = (float)sum[i] * scale[i * step];

        x = x == x ? x : 0;
        x = x > least ? x : least;
        x = x < most ? x : most;
        y[i] = (uint8_t)((int32_t)((x + ROUNDER) - ROUNDER) + zero);
    }
}

static float round_to(enum qn_dtype dtype, float x)
{
    return dtype == QN_FLOAT16    ? qn_half_to_float(qn_float_to_half(x))
           : dtype == QN_BFLOAT16 ? qn_bfloat_to_float(qn_float_to_bfloat(x))
                                  : x;
}

float qn_combine_scales(enum qn_dtype dtype, float a, float b, float c)
{
    return round_to(dtype, round_to(dtype, a * b) / c);
}
