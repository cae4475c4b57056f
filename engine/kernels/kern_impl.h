/* kern_impl.h: what the kernel files share among themselves: the micro-kernel contract of matrix products, and the
 * functions each CPU level provides to the drivers (gemm.c, conv_*.c, pooling.c). Not for other folders. */
#ifndef QN_KERNELS_KERN_IMPL_H
#define QN_KERNELS_KERN_IMPL_H

#include <string.h>

#include "base/cpu.h"
#include "kernels/kern.h"

/* Before a loop whose count is a constant once its function is inlined: unrolled fully, so that arrays indexed by it
 * become registers. */
#if defined(__clang__)
#define QN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define QN_UNROLL _Pragma("GCC unroll 32")
#endif

/* One tile of C: up to max_rows rows by a few panels of columns, over one block of k.
 * Element (i, kk) of A is a[i * a_row + kk * a_step]; of B, column j of panel p: b[p * b_panel + kk * b_step + j]. All
 * columns of a panel of B must be readable; rows of C, residual and bias_col only in their n_cols columns. */
struct qn_tile {
    const void *a, *b;
    int64_t a_row, a_step, b_panel, b_step;
    int64_t k;
    const void *next; /* what to fetch into the second-level cache meanwhile, next_step elements further at every kk;
                         any address */
    int64_t next_step;
    void *c;
    int64_t ldc;
    int64_t n_cols; /* valid columns: above panel * (panels - 1), at most panel * panels */
    bool from_c;    /* the chain goes on from C instead of 0 */
    bool last;      /* this block ends the chain: the fields below are applied */
    double alpha;
    const void *bias_col, *bias_row; /* of the tile's first column and row, or NULL */
    const void *residual;            /* of the tile's first element, or NULL */
    int64_t ld_residual;
    struct qn_act act;
};

enum { QN_TILE_MAX_ROWS = 16, QN_TILE_MAX_PANELS = 8 };

/* What gemm.c needs of a CPU level for an element type. */
struct qn_gemm_isa {
    int64_t elem, panel; /* bytes of an element; columns of a panel, 64 bytes of them */
    int max_rows;        /* of a tile of one panel */
    int panels[QN_TILE_MAX_ROWS +
               1];      /* [rows]: the widest tile of that height; every smaller width in 1, 2, 3, 4, 8 works */
    int64_t kc, mc, nc; /* blocks: depth, rows and columns kept in cache */
    /* rows 1 .. max_rows, panels 1 .. panels[rows] of the widths above; a_row 1 unless rows_in_place. */
    void (*tile)(const struct qn_tile *tile, int rows, int panels);
    /* NULL, or multiplies by other means than tiles; then packed B is B itself, dense. */
    void (*whole)(const struct qn_gemm *g, const struct qn_work *work);
    /* Up to this many rows, A may be row-major (a_row anything, a_step 1). */
    int max_rows_in_place;
    /* dst[kk * width + i] = i < n ? src[i * ld + kk] : 0 for kk < k, i < width: columns become the fast index. */
    void (*pack_trans)(void *dst, int64_t width, const void *src, int64_t ld, int64_t n, int64_t k);
    /* dst[kk * width + i] = i < n ? src[kk * ld + i] : 0. */
    void (*pack_plain)(void *dst, int64_t width, const void *src, int64_t ld, int64_t n, int64_t k);
};

/* The input of an implicit im2col: rows are (channel, tap), columns output positions, both in row-major order. */
struct qn_im2col {
    const float *x; /* [channels][size[0]][size[1]][size[2]] */
    int64_t channels;
    int64_t size[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
};

/* Depthwise convolution and pooling of planes: every output is a sum, or another fold, over taps of a padded copy of
 * the input plane, split by stride phase so that neighbours in the output are neighbours in each phase. */
struct qn_taps {
    int64_t n_taps;
    const int64_t *offset; /* [n_taps]: from the base of an output row in the padded plane to the tap */
    const float *weight;   /* [n_taps]; convolution only */
};

struct qn_window; /* conv_impl.h */

/* What the convolution and pooling drivers need of a CPU level. */
struct qn_plane_isa {
    /* Columns [j0, j0 + n) and rows [k0, k0 + k) of the im2col matrix as panels [k][16], zero beyond n. */
    void (*im2col)(const struct qn_im2col *im, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst);
    /* dst[i] = src[i * stride] for i < n. */
    void (*take)(float *dst, const float *src, int64_t stride, int64_t n);
    /* dst[i] = chain over taps of weight * src[offset + i], then + bias + residual[i], then act. residual may be NULL.
     */
    void (*conv_row)(float *dst, const float *src, const struct qn_taps *taps, float bias, const float *residual,
                     const struct qn_act *act, int64_t n);
    /* Output rows [row0, row1) of one plane of a depthwise convolution, straight from the input; NULL: only through
     * conv_row. Column strides 1 and 2, kernels up to 16 wide, activations up to CLIP. residual: of the plane, or NULL;
     * may be y. */
    void (*conv_plane)(const struct qn_window *w, const float *x, const float *weight, float bias,
                       const float *residual, const struct qn_act *act, float *y, int64_t row0, int64_t row1);
    /* Output rows [row0, row1) of one plane of pooling, as conv_plane. column_counts, row_counts: how many taps of each
     * output column and row count, for averages; NULL: maxima. */
    void (*pool_plane)(const struct qn_window *w, const float *x, const float *column_counts, const float *row_counts,
                       float *y, int64_t row0, int64_t row1);
    /* dst[i] = max over taps of src[offset + i]; NaN wins. */
    void (*max_row)(float *dst, const float *src, const struct qn_taps *taps, int64_t n);
    /* dst[i] = sum over taps of src[offset + i], divided by divisor[i]. */
    void (*avg_row)(float *dst, const float *src, const struct qn_taps *taps, const float *divisor, int64_t n);
};

/* Products of bytes: kern.h says what each does. flip is 0x80 where the top bit changes. */
struct qn_bytes_isa {
    int64_t depth;
    void (*pack_row)(void *packed, const uint8_t *src, uint8_t flip, int64_t k);
    void (*pack_columns)(void *packed, int64_t panel_bytes, const uint8_t *src, int64_t ld, uint8_t flip, int64_t k,
                         int64_t n);
    void (*product)(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc);
    void (*finish)(void *dst, int32_t *sums, int64_t n, const struct qn_bytes_finish *finish);
    void (*quantise)(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n);
    void (*scale)(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n);
    void (*dequantise)(float *dst, enum qn_bytes_form form, const void *src, float scale, int32_t zero, int64_t n);
    int64_t (*sum)(enum qn_bytes_form form, const void *src, int64_t n);
};

struct qn_isa {
    struct qn_kern kern;
    struct qn_gemm_isa gemm[QN_N_GEMM_TYPES];
    struct qn_plane_isa plane;
    struct qn_bytes_isa bytes;
};

/* Everything at the CPU level in force. */
const struct qn_isa *qn_isa(void);

/* The order of every reduction: within a block, element i goes to lane i % lanes, lanes fold in halves, block sums add
 * up in double. */
enum { QN_SUM_LANES = 64, QN_SUM_BLOCK = 4096 };

/* The pieces of each level's table. The reference fills everything, the others overwrite what they do better. */
void qn_sgemm_init_ref(struct qn_gemm_isa *isa);
void qn_dgemm_init_ref(struct qn_gemm_isa *isa);
#if defined(QN_HAVE_BLAS)
void qn_dgemm_init_blas(struct qn_gemm_isa *isa);
#endif
void qn_rows_init_ref(struct qn_kern *kern);
void qn_plane_init_ref(struct qn_plane_isa *isa);
void qn_bytes_init_ref(struct qn_bytes_isa *isa);
void qn_sgemm_init__avx2(struct qn_gemm_isa *isa);
void qn_dgemm_init__avx2(struct qn_gemm_isa *isa);
void qn_rows_init__avx2(struct qn_kern *kern);
void qn_plane_init__avx2(struct qn_plane_isa *isa);
void qn_bytes_init__avx2(struct qn_bytes_isa *isa);
void qn_sgemm_init__avx512(struct qn_gemm_isa *isa);
void qn_dgemm_init__avx512(struct qn_gemm_isa *isa);
void qn_rows_init__avx512(struct qn_kern *kern);
void qn_plane_init__avx512(struct qn_plane_isa *isa);
void qn_bytes_init__avx512vnni(struct qn_bytes_isa *isa);

/* To nearest even; NaN stays one. Integer code that the compiler makes vectors of, for the level of the file it is in.
 */
static inline void f32_to_bf16_plain(uint16_t *restrict dst, const float *restrict src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits, nan, rounded;

        memcpy(&bits, &src[i], sizeof(bits));
        nan = bits >> 16 | 0x40u;
        rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
        dst[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
    }
}

/* qn_gemm_ref() by type. */
void qn_sgemm_ref(const struct qn_gemm *g);
void qn_dgemm_ref(const struct qn_gemm *g);

/* Scalar activation: the reference of all the others. */
float qn_act_scalar(float x, const struct qn_act *act);

#endif
