/* depthwise_body.h: depthwise convolution of a plane straight from the input, over the vector vocabulary: a vector of
 * output columns and four output rows at a time, so that an input row loaded once serves every kernel row that covers
 * it. Lanes outside the input are masked, rows outside are zero. Included once per CPU level after vec_<isa>.h and
 * vec_math.h. */
#ifndef QN_KERNELS_DEPTHWISE_BODY_H
#define QN_KERNELS_DEPTHWISE_BODY_H

#include "kernels/conv_impl.h"

enum { DW_MAX_KX = 16, DW_ROWS = 4 };

/* What holds for a vector of output columns. */
struct dw_columns {
    const struct qn_window *w;
    const float *x, *weight, *residual;
    float *y;
    vf bias, lo, hi;
    enum qn_act_kind act;
    int64_t ox;
    size_t n;                             /* columns */
    vm mask[DW_MAX_KX], mask2[DW_MAX_KX]; /* at stride 2, of the two loads */
};

/* Elements [from, to) of the n input columns that one kernel column needs, `at` the first one's position. */
static void dw_find_masks(struct dw_columns *c)
{
    const struct qn_window *w = c->w;
    const int64_t step = w->stride[1], n = ((int64_t)c->n - 1) * step + 1;

    for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
        const int64_t at = c->ox * step - w->pad[1] + kx * w->dilation[1];
        const int64_t from = at < 0 ? (at + n <= 0 ? n : -at) : 0;
        const int64_t to = at + n > w->in[1] ? (at >= w->in[1] ? 0 : w->in[1] - at) : n;
        const size_t low = (size_t)from, high = (size_t)(to > from ? to : from);

        c->mask[kx] = vm_range(low < VF_LANES ? low : VF_LANES, high < VF_LANES ? high : VF_LANES);
        if (step == 2)
            c->mask2[kx] = vm_range(low > VF_LANES ? low - VF_LANES : 0, high > VF_LANES ? high - VF_LANES : 0);
    }
}

/* The inputs of one kernel column, zero when the row lies outside. row points at column 0 of the input row. */
VF_INLINE vf dw_load(const struct dw_columns *c, const float *row, bool inside, int64_t kx, const int stride)
{
    const float *p = row + c->ox * stride - c->w->pad[1] + kx * c->w->dilation[1];

    if (!inside)
        return vf_zero();
    if (stride == 1)
        return vf_load_m(p, c->mask[kx]);
    return vf_even(vf_load_m(p, c->mask[kx]), vf_load_m(p + VF_LANES, c->mask2[kx]));
}

VF_INLINE void dw_store(const struct dw_columns *c, vf sum, int64_t row)
{
    const int64_t at = row * c->w->out[1] + c->ox;

    sum = vf_add(sum, c->bias);
    if (c->residual != NULL)
        sum = vf_add(sum, vf_load_n(c->residual + at, c->n));
    if (c->act == QN_ACT_RELU)
        sum = vf_max(vf_zero(), sum);
    else if (c->act == QN_ACT_CLIP)
        sum = vf_clip(sum, c->lo, c->hi);
    vf_store_n(c->y + at, sum, c->n);
}

/* Rows of output [row, row + n_rows), n_rows and side, the kernel's height and width, constants. Strides and dilation
 * of rows are 1: every input row is loaded once. */
VF_INLINE void dw_stream(const struct dw_columns *c, int64_t row, const int n_rows, const int side)
{
    const struct qn_window *w = c->w;
    const int64_t first = row - w->pad[0];
    vf acc[DW_ROWS];

    QN_UNROLL
    for (int r = 0; r < n_rows; r++)
        acc[r] = vf_zero();
    QN_UNROLL
    for (int j = 0; j < n_rows + side - 1; j++) {
        const int64_t y = first + j;
        const bool inside = y >= 0 && y < w->in[0];
        const float *src = c->x + (inside ? y * w->in[1] : 0);

        QN_UNROLL
        for (int kx = 0; kx < side; kx++) {
            const vf v = dw_load(c, src, inside, kx, 1);

            QN_UNROLL
            for (int r = 0; r < n_rows; r++)
                if (j - r >= 0 && j - r < side)
                    acc[r] = vf_fma(vf_load1(c->weight + (j - r) * side + kx), v, acc[r]);
        }
    }
    QN_UNROLL
    for (int r = 0; r < n_rows; r++)
        dw_store(c, acc[r], row + r);
}

/* The same for any dilation and stride of rows; height and width of the kernel may be constants. */
VF_INLINE void dw_general(const struct dw_columns *c, int64_t row, const int n_rows, const int stride,
                          const int64_t height, const int64_t width)
{
    const struct qn_window *w = c->w;
    const float *weight = c->weight;
    vf acc[DW_ROWS];

    QN_UNROLL
    for (int r = 0; r < n_rows; r++)
        acc[r] = vf_zero();
    for (int64_t ky = 0; ky < height; ky++) {
        const float *src[DW_ROWS];
        bool inside[DW_ROWS];

        QN_UNROLL
        for (int r = 0; r < n_rows; r++) {
            const int64_t y = (row + r) * w->stride[0] - w->pad[0] + ky * w->dilation[0];

            inside[r] = y >= 0 && y < w->in[0];
            src[r] = c->x + (inside[r] ? y * w->in[1] : 0);
        }
        for (int64_t kx = 0; kx < width; kx++) {
            const vf factor = vf_load1(weight++);

            QN_UNROLL
            for (int r = 0; r < n_rows; r++)
                acc[r] = vf_fma(factor, dw_load(c, src[r], inside[r], kx, stride), acc[r]);
        }
    }
    QN_UNROLL
    for (int r = 0; r < n_rows; r++)
        dw_store(c, acc[r], row + r);
}

/* All rows of a vector of columns in fours. The last four may overlap the four before, unless the residual is
 * overwritten. */
#define DW_EACH_ROWS(body)                                                                                             \
    do {                                                                                                               \
        int64_t row = row0;                                                                                            \
                                                                                                                       \
        for (; row + DW_ROWS <= row1; row += DW_ROWS)                                                                  \
            body(DW_ROWS);                                                                                             \
        if (row < row1 && row1 - row0 >= DW_ROWS && c->residual != c->y) {                                             \
            row = row1 - DW_ROWS;                                                                                      \
            body(DW_ROWS);                                                                                             \
            row = row1;                                                                                                \
        }                                                                                                              \
        for (; row < row1; row++)                                                                                      \
            body(1);                                                                                                   \
    } while (0)

#define DW_STREAM_3(n_rows)  dw_stream(c, row, n_rows, 3)
#define DW_STREAM_5(n_rows)  dw_stream(c, row, n_rows, 5)
#define DW_STREAM_7(n_rows)  dw_stream(c, row, n_rows, 7)
#define DW_GENERAL_1(n_rows) dw_general(c, row, n_rows, 1, c->w->kernel[0], c->w->kernel[1])
#define DW_GENERAL_2(n_rows) dw_general(c, row, n_rows, 2, c->w->kernel[0], c->w->kernel[1])
#define DW_STRIDE2_3(n_rows) dw_general(c, row, n_rows, 2, 3, 3)

static __attribute__((noinline)) void dw_columns_3x3(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_STREAM_3);
}

static __attribute__((noinline)) void dw_columns_5x5(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_STREAM_5);
}

static __attribute__((noinline)) void dw_columns_7x7(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_STREAM_7);
}

static __attribute__((noinline)) void dw_columns_3x3_stride2(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_STRIDE2_3);
}

static __attribute__((noinline)) void dw_columns_any(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_GENERAL_1);
}

static __attribute__((noinline)) void dw_columns_stride2(const struct dw_columns *c, int64_t row0, int64_t row1)
{
    DW_EACH_ROWS(DW_GENERAL_2);
}

static void conv_plane(const struct qn_window *w, const float *x, const float *weight, float bias,
                       const float *residual, const struct qn_act *act, float *y, int64_t row0, int64_t row1)
{
    const bool stream = w->stride[0] == 1 && w->stride[1] == 1 && w->dilation[0] == 1 && w->kernel[0] == w->kernel[1];
    struct dw_columns c = {.w = w,
                           .x = x,
                           .weight = weight,
                           .residual = residual,
                           .y = y,
                           .bias = vf_set1(bias),
                           .lo = vf_set1(act->a),
                           .hi = vf_set1(act->b),
                           .act = act->kind};

    for (; c.ox < w->out[1]; c.ox += VF_LANES) {
        const int64_t left = w->out[1] - c.ox;

        c.n = left < VF_LANES ? (size_t)left : VF_LANES;
        dw_find_masks(&c);
        if (w->stride[1] == 2 && w->kernel[0] == 3 && w->kernel[1] == 3)
            dw_columns_3x3_stride2(&c, row0, row1);
        else if (w->stride[1] == 2)
            dw_columns_stride2(&c, row0, row1);
        else if (stream && w->kernel[0] == 3)
            dw_columns_3x3(&c, row0, row1);
        else if (stream && w->kernel[0] == 5)
            dw_columns_5x5(&c, row0, row1);
        else if (stream && w->kernel[0] == 7)
            dw_columns_7x7(&c, row0, row1);
        else
            dw_columns_any(&c, row0, row1);
    }
}

#endif
