/* kern.h: the kernels' public header: raw loops over pointers, sizes and strides. Operators call these; nothing here
 * knows tensors, nodes or attributes, and nothing here can fail, except the ..._bytes() functions, which refuse sizes
 * that overflow.
 *
 * Common rules. Memory belongs to the caller and is borrowed for the call. Run functions never allocate; what they need
 * beside their operands is a workspace whose size a ..._bytes() function tells. Strides (ld...) count elements.
 * Pointers need only the alignment of their element; packed data and workspaces are best aligned to 64 bytes. Sizes may
 * be zero. Every function may be called from any thread; work is split over outputs only, so results do not depend on
 * the thread count. What was packed at one CPU level must be run at that level (qn_cpu_level() does not change outside
 * tests).
 *
 * Bits. Every element of a product is one chain of fused multiply-adds over k, ascending, starting from 0; then times
 * alpha (unless 1), plus column bias, plus row bias, plus residual, then activation. The sum has the same bits for
 * every CPU level, blocking, thread count, batch size and row position; except float64 at the generic level, where
 * links are rounded twice unless the base instruction set fuses them, and which is the BLAS library's in builds with
 * one. Exponential-like functions may differ in the last bits between CPU levels, never between positions, alignments,
 * tails or threads. */
#ifndef QN_KERNELS_KERN_H
#define QN_KERNELS_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qn_pool;

/* Where a run function works: scratch memory sized for n_threads, and the threads themselves. */
struct qn_work {
    void *data;           /* as many bytes as the matching ..._bytes(n_threads) said; may be NULL for 0 */
    int n_threads;        /* the most parts the work may be split in, at least 1 */
    struct qn_pool *pool; /* NULL: the caller's thread only */
};

/* ---- Activations ---- */

enum qn_act_kind {
    QN_ACT_NONE,
    QN_ACT_RELU,        /* 0 > x ? 0 : x; NaN stays NaN */
    QN_ACT_CLIP,        /* a > x ? a : x, then b < x ? b : x; NaN stays NaN */
    QN_ACT_LEAKY,       /* x < 0 ? a * x : x */
    QN_ACT_HARDSIGMOID, /* clip(a * x + b, 0, 1) */
    QN_ACT_HARDSWISH,   /* x * clip(x * (1 / 6) + 0.5, 0, 1) */
    QN_ACT_SIGMOID,     /* 1 / (1 + exp(-x)) */
    QN_ACT_TANH,
    QN_ACT_SILU,      /* x * sigmoid(a * x); a is 1 for SiLU, anything for Swish */
    QN_ACT_GELU,      /* x / 2 * (1 + erf(x / sqrt 2)) */
    QN_ACT_GELU_TANH, /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
    QN_ACT_ELU,       /* x < 0 ? a * (exp(x) - 1) : x */
    QN_N_ACT
};

struct qn_act {
    enum qn_act_kind kind;
    float a, b;
};

/* ---- Matrix product of float32 or float64 ---- */

/* What A, B, C, bias and residual are made of, and so the packed forms. */
enum qn_gemm_type { QN_GEMM_F32, QN_GEMM_F64, QN_N_GEMM_TYPES };

static inline size_t qn_gemm_elem(enum qn_gemm_type type)
{
    return type == QN_GEMM_F64 ? sizeof(double) : sizeof(float);
}

/* Packed B: panels of 16 columns of float32 or 8 of float64, each [k][16] or [k][8], zero-padded beyond n. The layout
 * is the same at every CPU level. */
enum { QN_GEMM_PANEL = 16 };

/* float32: writes panels of B: rows [k0, k0 + k) and columns [j0, j0 + n) of B, as ceil(n / 16) panels of [k][16] one
 * after the other at dst, columns beyond n zero. arg is the caller's. Called from several threads at once. */
typedef void qn_gemm_fill(const void *arg, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst);

/* C[m][n] = act(alpha * A[m][k] B[k][n] + bias_col[n] + bias_row[m] + residual[m][n]).
 * A and B come in one of three forms each; C must not overlap A or B. Zero-initialise, then set alpha. Packed A,
 * functions that fill, c_trans and an activation are for float32 only. */
struct qn_gemm {
    enum qn_gemm_type type;
    int64_t m, n, k;

    const void *a_packed; /* by qn_gemm_pack_a(), or NULL: then */
    qn_gemm_fill *a_fill; /* makes panels of A transposed (16 rows of A wide) as they are needed, or NULL: then */
    const void *a_arg;
    const void *a; /* [m][lda], or with a_trans [k][lda] */
    int64_t lda;
    bool a_trans;

    const void *b_packed; /* by qn_gemm_pack_b(), or NULL: then */
    qn_gemm_fill *b_fill; /* makes panels as they are needed, or NULL: then */
    const void *b_arg;
    const void *b; /* [k][ldb], or with b_trans [n][ldb] */
    int64_t ldb;
    bool b_trans;

    void *c; /* [m][ldc], or with c_trans [n][ldc]; residual likewise */
    int64_t ldc;
    bool c_trans;

    double alpha;         /* rounded to the type */
    const void *bias_col; /* [n] or NULL */
    const void *bias_row; /* [m] or NULL */
    const void *residual; /* or NULL; may be c itself when ld_residual == ldc, never partly overlapping */
    int64_t ld_residual;
    struct qn_act act;
};

/* Bytes of a packed B of k rows and n columns; false when the size overflows. */
bool qn_gemm_pack_b_bytes(enum qn_gemm_type type, int64_t k, int64_t n, size_t *n_bytes);
/* B is [k][ldb], or with trans [n][ldb]. */
void qn_gemm_pack_b(enum qn_gemm_type type, int64_t k, int64_t n, const void *b, int64_t ldb, bool trans, void *packed);

/* Bytes of a packed A of float32 (constant left side: convolution weights); row panels whose height depends on m and
 * the CPU level. */
bool qn_gemm_pack_a_bytes(int64_t m, int64_t k, size_t *n_bytes);
/* A is [m][lda], or with trans [k][lda]. */
void qn_gemm_pack_a(int64_t m, int64_t k, const float *a, int64_t lda, bool trans, float *packed);

/* Workspace of a run: reads type, sizes, flags, and which of a_packed, a_fill, b_packed and b_fill are NULL; nothing
 * else of g. */
bool qn_gemm_bytes(const struct qn_gemm *g, int n_threads, size_t *n_bytes);
void qn_gemm(const struct qn_gemm *g, const struct qn_work *work);
/* The obvious loops: same arguments, but packed and filled forms are not looked at: a and b must be there. */
void qn_gemm_ref(const struct qn_gemm *g);

/* ---- Convolution ---- */

enum { QN_CONV_RANK = 14 }; /* the most spatial axes */

/* X [batch][c_in][in...], Y [batch][c_out][out...], all dense. Convolution: W [c_out][c_in / group][kernel...].
 * Transposed convolution: W [c_in][c_out / group][kernel...]. Channels are totals over all groups. The caller computes
 * out and pad; whatever lies outside X is zero. */
struct qn_conv {
    int64_t batch, c_in, c_out, group;
    int rank; /* spatial axes, 0 .. QN_CONV_RANK */
    int64_t in[QN_CONV_RANK], out[QN_CONV_RANK], kernel[QN_CONV_RANK];
    int64_t stride[QN_CONV_RANK], dilation[QN_CONV_RANK];
    int64_t pad[QN_CONV_RANK]; /* at the beginning of each axis; may be negative for a transposed convolution */
};

/* What follows the sum: + bias[c_out] + residual (shaped as Y, may be Y itself), then the activation. */
struct qn_conv_data {
    const float *x;
    const void *w;         /* made by the algorithm's pack() */
    const float *bias;     /* NULL: none */
    const float *residual; /* NULL: none; Y itself not for a transposed convolution */
    struct qn_act act;
    float *y; /* does not overlap x */
};

/* One way to convolve. Weights are packed once, and shared by all runs. */
struct qn_conv_algo {
    const char *name;
    bool (*accept)(const struct qn_conv *conv);
    bool (*pack_bytes)(const struct qn_conv *conv, size_t *n_bytes); /* does not depend on batch, in, out or pad */
    void (*pack)(const struct qn_conv *conv, const float *w, void *packed);
    bool (*bytes)(const struct qn_conv *conv, int n_threads, size_t *n_bytes); /* workspace of a run */
    void (*run)(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work);
};

/* The fastest for a geometry: depthwise, gemm_t, gemm or, when none of them accepts, ref. */
const struct qn_conv_algo *qn_conv_choose(const struct qn_conv *conv);
const struct qn_conv_algo *qn_deconv_choose(const struct qn_conv *conv);

extern const struct qn_conv_algo qn_conv_depthwise; /* one input channel per group, 1 or 2 spatial axes */
extern const struct qn_conv_algo
    qn_conv_gemm_t; /* as qn_conv_gemm with outputs as rows: accepts only where that is faster */
extern const struct qn_conv_algo qn_conv_gemm;   /* any group, 0 to 3 spatial axes, implicit im2col; bits of ref */
extern const struct qn_conv_algo qn_conv_ref;    /* anything, slowly; one thread */
extern const struct qn_conv_algo qn_deconv_gemm; /* transposed: product, then col2im; 0 to 3 spatial axes */
extern const struct qn_conv_algo qn_deconv_ref;  /* transposed: anything, slowly; one thread */

/* ---- Pooling ---- */

/* X [planes][in...], Y [planes][out...], dense. A window starts at o * stride - pad and takes every dilation-th
 * element; what falls outside X is left out (max) or counted as the flag says (average). */
struct qn_pooling {
    int64_t planes; /* batch * channels */
    int rank;
    int64_t in[QN_CONV_RANK], out[QN_CONV_RANK], kernel[QN_CONV_RANK];
    int64_t stride[QN_CONV_RANK], dilation[QN_CONV_RANK];
    int64_t pad[QN_CONV_RANK], pad_end[QN_CONV_RANK];
    bool count_include_pad; /* average: padding counts in the divisor, the overhang of a rounded-up output does not */
    bool column_major;      /* max: indices count spatial axes in column-major order */
};

/* Workspace of qn_maxpool() and qn_avgpool(); false when a size overflows. */
bool qn_pooling_bytes(const struct qn_pooling *p, int n_threads, size_t *n_bytes);
/* indices: as Y, positions in the whole of X (planes included), or NULL. A window with no element inside X gives -inf
 * and the index of the plane's first element. NaN wins; of equal elements the first. Fast with one or two spatial axes
 * and no indices. */
void qn_maxpool(const struct qn_pooling *p, const float *x, float *y, int64_t *indices, const struct qn_work *work);
void qn_maxpool_ref(const struct qn_pooling *p, const float *x, float *y, int64_t *indices);
/* A window with nothing to count gives 0. Sums run over the window in row-major order, except that a window that is the
 * whole plane is summed as by struct qn_kern's sum. */
void qn_avgpool(const struct qn_pooling *p, const float *x, float *y, const struct qn_work *work);
void qn_avgpool_ref(const struct qn_pooling *p, const float *x, float *y);

/* ---- Products of bytes ---- */

/* C[m][n] = A[m][k] B[k][n] modulo 2^32, the same at every CPU level and for every blocking. Rows of A are packed as
 * int8, columns of B as uint8: bytes of the other kind change their top bit, which adds 128 to them, and so to their
 * zero point. Both operands are packed in 32-bit words along k, whose depth (2 or 4 elements) the CPU level decides;
 * what lies beyond k counts nothing. B is packed in panels of 16 columns. */
enum { QN_BYTES_PANEL = 16 };

/* What bytes are. */
enum qn_bytes_form { QN_BYTES_U8, QN_BYTES_S8, QN_BYTES_S32 };

/* Elements of k in a word; words of k elements; bytes of such a panel (a row of A takes 4 * words). */
int64_t qn_bytes_depth(void);
static inline int64_t qn_bytes_words(int64_t k, int64_t depth) { return (k + depth - 1) / depth; }
static inline int64_t qn_bytes_panel_bytes(int64_t words) { return words * 4 * QN_BYTES_PANEL; }

/* One row of A, of bytes in the given form; gives their sum after packing. */
int32_t qn_bytes_pack_row(void *packed, const void *src, enum qn_bytes_form form, int64_t k);
/* n columns of k rows of B, ld bytes apart, into panels panel_bytes apart; k is a multiple of the depth, unless these
 * are the last rows. Only n columns are read. */
void qn_bytes_pack_columns(void *packed, int64_t panel_bytes, const void *src, int64_t ld, enum qn_bytes_form form,
                           int64_t k, int64_t n);
/* Sums of the packed columns. */
void qn_bytes_column_sums(const void *packed, int64_t words, int64_t k, int64_t n_panels, int32_t *sums);
/* c: [m][ldc], whole panels. */
void qn_bytes_product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c,
                      int64_t ldc);

/* What becomes of a row of sums: y[i] = saturate(round((sums[i] + add + column_add[i] + mul * column_mul[i]) *
 * scale[i]) + zero), rounded half to even; S32: the sum alone. */
struct qn_bytes_finish {
    enum qn_bytes_form form;
    uint32_t add, mul;
    const int32_t *column_add, *column_mul; /* NULL: none */
    const float *scale;
    bool by_column; /* else one scale */
    int32_t zero;
};
/* sums are changed. */
void qn_bytes_finish(void *dst, int32_t *sums, int64_t n, const struct qn_bytes_finish *finish);
/* y = saturate(round(x / scale) + zero), rounded half to even; NaN becomes the least. */
void qn_bytes_quantise(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n);
/* The same of x * scale. */
void qn_bytes_scale(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n);
/* y = (x - zero) * scale */
void qn_bytes_dequantise(float *dst, enum qn_bytes_form form, const void *src, float scale, int32_t zero, int64_t n);
/* Sum of n bytes. */
int64_t qn_bytes_sum(enum qn_bytes_form form, const void *src, int64_t n);

/* ---- Rows: float32 functions over n contiguous elements ---- */

/* dst may be src (or a or b) exactly, never partly overlapping. */
typedef void qn_row_unary(float *dst, const float *src, size_t n);
typedef void qn_row_act(float *dst, const float *src, size_t n, const struct qn_act *act);
typedef void qn_row_vv(float *dst, const float *a, const float *b, size_t n);
typedef void qn_row_vs(float *dst, const float *a, float b, size_t n);
typedef void qn_row_sv(float *dst, float a, const float *b, size_t n);
typedef float qn_row_reduce(const float *src, size_t n);

enum qn_binary { QN_ADD, QN_SUB, QN_MUL, QN_DIV, QN_MAX, QN_MIN, QN_N_BINARY }; /* max and min: NaN wins */

struct qn_kern {
    const char *name; /* "generic", "avx2", "avx512" */

    /* Element-wise. Greatest error in units in the last place over all floats, as the tests check: exp 2, log 2, tanh
     * 4, sigmoid 4, erf 4; the others follow from these. exp overflows to inf and underflows gradually to 0. */
    qn_row_unary *exp, *log, *tanh, *sigmoid, *erf;
    qn_row_unary *abs, *neg, *sqrt, *reciprocal;
    qn_row_act *act; /* every kind of enum qn_act_kind; NONE copies */

    qn_row_vv *vv[QN_N_BINARY];
    qn_row_vs *vs[QN_N_BINARY]; /* a[i] op b */
    qn_row_sv *sv[QN_N_BINARY]; /* a op b[i] */
    /* dst[i] = src[i] * scale + shift, two roundings */
    void (*scale_shift)(float *dst, const float *src, float scale, float shift, size_t n);
    /* dst[i] = src[i] * scale[i] + shift[i]; shift may be NULL */
    void (*scale_shift_vv)(float *dst, const float *src, const float *scale, const float *shift, size_t n);
    /* dst[i] += a * x[i], fused: one link of a chain */
    void (*axpy)(float *dst, float a, const float *x, size_t n);

    /* Reductions. Sums run in 64 lanes per block of 4096 elements, block sums in double: an order fixed by n alone, and
     * the same bits at every CPU level. n 0 gives 0, -inf (max) and inf (min). max and min: NaN wins. */
    qn_row_reduce *sum, *sum_sq, *sum_abs, *max, *min;
    /* sum of (src[i] - mean)^2 */
    float (*sum_sq_diff)(const float *src, float mean, size_t n);
    float (*dot)(const float *a, const float *b, size_t n); /* lanes as sum: not the chain of a product */

    /* softmax(scale * src + mask); mask NULL: none. A row of NaN or of -inf only gives NaN. n 0 does nothing. */
    void (*softmax)(float *dst, const float *src, const float *mask, float scale, size_t n);
    void (*log_softmax)(float *dst, const float *src, size_t n);
    /* (src - mean) / sqrt(variance + epsilon) * scale[i] + bias[i]; scale and bias may be NULL; mean and inv_std
     * receive the statistics when not NULL. */
    void (*layernorm)(float *dst, const float *src, const float *scale, const float *bias, float epsilon, size_t n,
                      float *mean, float *inv_std);
    /* src / sqrt(mean of squares + epsilon) * scale[i]; scale may be NULL */
    void (*rmsnorm)(float *dst, const float *src, const float *scale, float epsilon, size_t n);

    /* dst[c][r] = src[r][c] for any 4-byte elements; no overlap. */
    void (*transpose_4b)(void *dst, int64_t ld_dst, const void *src, int64_t ld_src, int64_t rows, int64_t cols);

    /* Conversions, to nearest even; NaN stays a NaN. Rows do not overlap. */
    void (*f16_to_f32)(float *dst, const uint16_t *src, size_t n);
    void (*f32_to_f16)(uint16_t *dst, const float *src, size_t n);
    void (*bf16_to_f32)(float *dst, const uint16_t *src, size_t n);
    void (*f32_to_bf16)(uint16_t *dst, const float *src, size_t n);
};

/* The fastest table at the CPU level in force. Never NULL, never changes. */
const struct qn_kern *qn_kern(void);
/* The plain C table. */
const struct qn_kern *qn_kern_ref(void);

#endif
