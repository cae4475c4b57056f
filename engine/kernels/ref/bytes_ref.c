/* bytes_ref.c: products of bytes in plain C, words of two. */
#define BYTES_DEPTH 2
#include "kernels/simd/bytes_body.h"

static void product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < n_panels; p++) {
            const int16_t *x = (const int16_t *)a + i * words * 2, *y = (const int16_t *)b + p * words * 32;
            uint32_t sums[QN_BYTES_PANEL] = {0};

            for (int64_t w = 0; w < words; w++, x += 2, y += 32)
                for (int j = 0; j < QN_BYTES_PANEL; j++)
                    sums[j] += (uint32_t)(x[0] * y[2 * j] + x[1] * y[2 * j + 1]);
            memcpy(c + i * ldc + p * QN_BYTES_PANEL, sums, sizeof(sums));
        }
}

void qn_bytes_init_ref(struct qn_bytes_isa *isa) { *isa = BYTES_TABLE; }
