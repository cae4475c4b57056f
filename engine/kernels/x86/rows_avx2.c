/* rows_avx2.c: the row functions for AVX2, and the transposition of 4-byte elements, which serves AVX-512 too. */
#include "kernels/simd/vec_avx2.h"

#include "kernels/simd/vec_math.h"

#include "kernels/simd/rows_body.h"

/* One block of up to 8 rows by 8 columns; the edges go through masks. */
static void transpose_edge(float *dst, int64_t ld_dst, const float *src, int64_t ld_src, size_t rows, size_t cols)
{
    vf r[8];

    for (size_t i = 0; i < 8; i++)
        r[i] = i < rows ? vf_load_n(src + (int64_t)i * ld_src, cols) : vf_zero();
    vf_transpose(r);
    for (size_t i = 0; i < cols; i++)
        vf_store_n(dst + (int64_t)i * ld_dst, r[i], rows);
}

static void transpose_4b(void *dst, int64_t ld_dst, const void *src, int64_t ld_src, int64_t rows, int64_t cols)
{
    float *d = dst; /* only moved, never looked at as numbers */
    const float *s = src;

    for (int64_t c = 0; c < cols; c += 8) {
        const size_t n_cols = cols - c < 8 ? (size_t)(cols - c) : 8;

        for (int64_t r = 0; r < rows; r += 8) {
            const size_t n_rows = rows - r < 8 ? (size_t)(rows - r) : 8;
            vf block[8];

            if (n_rows < 8 || n_cols < 8) {
                transpose_edge(d + c * ld_dst + r, ld_dst, s + r * ld_src + c, ld_src, n_rows, n_cols);
                continue;
            }
            for (int i = 0; i < 8; i++)
                block[i] = vf_load(s + (r + i) * ld_src + c);
            vf_transpose(block);
            for (int i = 0; i < 8; i++)
                vf_store(d + (c + i) * ld_dst + r, block[i]);
        }
    }
}

void qn_rows_init__avx2(struct qn_kern *kern)
{
    fill_rows(kern, "avx2");
    kern->transpose_4b = transpose_4b;
}
