/* pooling_body.h: maxima and averages of a plane straight from the input, over the vector vocabulary: a vector of
 * output columns and four output rows at a time. Included once per CPU level after depthwise_body.h, whose columns and
 * masks it uses. The driver is pooling.c. */
#ifndef QN_KERNELS_POOLING_BODY_H
#define QN_KERNELS_POOLING_BODY_H

#include "kernels/simd/depthwise_body.h"

/* NaN wins, and of equals the one that was there. */
VF_INLINE vf pool_fold(vf acc, vf v, const bool max)
{
    return max ? vf_select(vf_is_nan(v), v, vf_max(v, acc)) : vf_add(acc, v);
}

/* The inputs of one kernel column, fill where they lie outside. */
VF_INLINE vf pool_load(const struct dw_columns *c, const float *row, int64_t kx, const int stride, vf fill)
{
    const float *p = row + c->ox * stride - c->w->pad[1] + kx * c->w->dilation[1];

    if (stride == 1)
        return vf_merge_m(fill, p, c->mask[kx]);
    return vf_even(vf_merge_m(fill, p, c->mask[kx]), vf_merge_m(fill, p + VF_LANES, c->mask2[kx]));
}

/* Output rows [row, row + n_rows) of a vector of columns; n_rows, stride and max are constants, side may be one, or 0
 * for any kernel. Rows outside the input add nothing. */
VF_INLINE void pool_rows(const struct dw_columns *c, const float *row_counts, vf column_counts, int64_t row,
                         const int n_rows, const int stride, const bool max, const int side)
{
    const struct qn_window *w = c->w;
    const int64_t height = side > 0 ? side : w->kernel[0], width = side > 0 ? side : w->kernel[1];
    const vf fill = vf_set1(max ? -INFINITY : 0.0f);
    vf acc[DW_ROWS];

    QN_UNROLL
    for (int r = 0; r < n_rows; r++)
        acc[r] = fill;
    for (int64_t ky = 0; ky < height; ky++) {
        QN_UNROLL
        for (int r = 0; r < n_rows; r++) {
            const int64_t y = (row + r) * w->stride[0] - w->pad[0] + ky * w->dilation[0];

            if (y < 0 || y >= w->in[0])
                continue;
            for (int64_t kx = 0; kx < width; kx++)
                acc[r] = pool_fold(acc[r], pool_load(c, c->x + y * w->in[1], kx, stride, fill), max);
        }
    }
    QN_UNROLL
    for (int r = 0; r < n_rows; r++) {
        if (!max)
            acc[r] = vf_div(acc[r], vf_mul(column_counts, vf_set1(row_counts[row + r])));
        vf_store_n(c->y + (row + r) * w->out[1] + c->ox, acc[r], c->n);
    }
}

/* All rows of a vector of columns; the last four may overlap the four before. */
VF_INLINE void pool_columns(const struct dw_columns *c, const float *row_counts, vf column_counts, int64_t row0,
                            int64_t row1, const int stride, const bool max, const int side)
{
    int64_t row = row0;

    if (row1 - row0 < DW_ROWS) {
        for (; row < row1; row++)
            pool_rows(c, row_counts, column_counts, row, 1, stride, max, side);
        return;
    }
    for (; row < row1; row += DW_ROWS)
        pool_rows(c, row_counts, column_counts, row + DW_ROWS <= row1 ? row : row1 - DW_ROWS, DW_ROWS, stride, max,
                  side);
}

/* The usual windows get constants, all others share one. */
static void pool_choose(const struct dw_columns *c, const float *row_counts, vf column_counts, bool max, int64_t row0,
                        int64_t row1)
{
    const struct qn_window *w = c->w;
    const int64_t side = w->kernel[0] == w->kernel[1] ? w->kernel[0] : 0;

#define POOL(stride, side)   pool_columns(c, row_counts, column_counts, row0, row1, stride, true, side)
#define POOL_AVERAGE(stride) pool_columns(c, row_counts, column_counts, row0, row1, stride, false, 0)
    if (!max && w->stride[1] == 1)
        POOL_AVERAGE(1);
    else if (!max)
        POOL_AVERAGE(2);
    else if (w->stride[1] == 1)
        POOL(1, 0);
    else if (side == 2)
        POOL(2, 2);
    else if (side == 3)
        POOL(2, 3);
    else
        POOL(2, 0);
}

static void pool_plane(const struct qn_window *w, const float *x, const float *column_counts, const float *row_counts,
                       float *y, int64_t row0, int64_t row1)
{
    struct dw_columns c = {.w = w, .x = x, .y = y};

    for (; c.ox < w->out[1]; c.ox += VF_LANES) {
        const int64_t left = w->out[1] - c.ox;
        vf counts = vf_set1(1.0f);

        c.n = left < VF_LANES ? (size_t)left : VF_LANES;
        if (column_counts != NULL)
            counts = vf_load_n(column_counts + c.ox, c.n);
        dw_find_masks(&c);
        pool_choose(&c, row_counts, counts, column_counts == NULL, row0, row1);
    }
}

#endif
