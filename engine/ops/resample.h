/* resample.h: resampling along one axis, as Resize does it: where in the input each output element looks, with which
 * weights, and the pass that applies them. Interpolation is separable: one pass per axis that changes. Knows neither
 * nodes nor attributes. The formulas are those of the ONNX specification of Resize. */
#ifndef QN_OPS_RESAMPLE_H
#define QN_OPS_RESAMPLE_H

#include "base/pool.h"
#include "tensor/tensor.h"

/* How a place of the output maps to the input. */
enum qn_coordinates {
    QN_HALF_PIXEL,
    QN_PYTORCH_HALF_PIXEL,
    QN_ALIGN_CORNERS,
    QN_ASYMMETRIC,
    QN_TF_HALF_PIXEL_FOR_NN,
    QN_TF_CROP_AND_RESIZE,
    QN_HALF_PIXEL_SYMMETRIC
};
enum qn_nearest {
    QN_ROUND_PREFER_FLOOR,
    QN_ROUND_PREFER_CEIL,
    QN_FLOOR,
    QN_CEIL,
    QN_SIMPLE /* ceil when shrinking, else floor */
};
enum qn_filter { QN_LINEAR, QN_CUBIC };

struct qn_axis {
    enum qn_coordinates coordinates;
    int64_t in, out;
    double scale;      /* as asked for, or out / in */
    double width;      /* in * scale: out before rounding */
    double start, end; /* the region, for QN_TF_CROP_AND_RESIZE */
};

/* The input element nearest to output element i; -1: outside the input (QN_TF_CROP_AND_RESIZE only). Computed in
 * float32 as other runtimes do, because ties and floors depend on it. */
int64_t qn_axis_nearest(const struct qn_axis *axis, enum qn_nearest mode, int64_t i);
/* Whether output element i looks outside of the input (QN_TF_CROP_AND_RESIZE only). */
bool qn_axis_outside(const struct qn_axis *axis, int64_t i);

struct qn_resampler {
    enum qn_filter filter;
    bool antialias;       /* widen the filter when shrinking */
    bool exclude_outside; /* weights beyond the edges are zero instead of the edge's */
    double cubic_a;
};

/* Weights of one axis: output i is the sum of weight[k] * x[index[k]] over k in [at[i], at[i + 1]). Weights are double,
 * or float where the table was made for float32. */
struct qn_taps {
    int64_t *at, *index;
    void *weight;
};

/* The most taps an output element can have at this scale. */
int64_t qn_resampler_width(const struct qn_resampler *r, double scale);
/* Bytes of a table for `out` elements of `width` taps; false on overflow. */
bool qn_taps_bytes(int64_t out, int64_t width, size_t *n_bytes);
/* Fills a table in memory of that size, for passes in float32 when `single` is set. */
void qn_taps_make(const struct qn_resampler *r, const struct qn_axis *axis, bool single, void *memory,
                  struct qn_taps *taps);

/* src [outer, in, inner] -> dst [outer, out, inner]; no overlap. */
void qn_resample_f32(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                     const float *src, float *dst, struct qn_pool *pool);
void qn_resample_f64(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                     const double *src, double *dst, struct qn_pool *pool);

#endif
