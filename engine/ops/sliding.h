/* sliding.h: windows that slide over spatial axes: the attributes that convolutions and poolings share, and the
 * geometry that follows from them for one shape; used alike by inference and kernels. X is
 * [batch][channels][spatial...]. Also here: walking over the part of a window that lies inside X, for plain loops over
 * any number of axes. */
#ifndef QN_OPS_SLIDING_H
#define QN_OPS_SLIDING_H

#include "kernels/kern.h"
#include "ops/op.h"

enum qn_auto_pad { QN_PAD_NOTSET, QN_PAD_SAME_UPPER, QN_PAD_SAME_LOWER, QN_PAD_VALID, QN_PAD_EMPTY };

struct qn_sliding {
    int auto_pad; /* enum qn_auto_pad; EMPTY is NOTSET */
    struct qn_ints kernel_shape, strides, pads, dilations;
};

extern const char *const qn_auto_pad_names[];
/* Attributes into field `sliding` of params. Sizes stay below 2^31, so that sums of products of two fit an int64. */
#define QN_SLIDING_INTS(type, field, low, must)                                                                        \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INTS, .offset = offsetof(struct type, sliding.field), .required = (must),      \
        .min = (low), .max = INT32_MAX                                                                                 \
    }
#define QN_SLIDING_ATTRS(type, kernel_required)                                                                        \
    {.name = "auto_pad",                                                                                               \
     .form = QN_FORM_ENUM,                                                                                             \
     .offset = offsetof(struct type, sliding.auto_pad),                                                                \
     .text = "NOTSET",                                                                                                 \
     .choices = qn_auto_pad_names},                                                                                    \
        QN_SLIDING_INTS(type, kernel_shape, 1, kernel_required), QN_SLIDING_INTS(type, strides, 1, false),             \
        QN_SLIDING_INTS(type, pads, 0, false)
#define QN_SLIDING_DILATIONS(type) QN_SLIDING_INTS(type, dilations, 1, false)

/* Sizes along each spatial axis; out (and pad, where it follows from it) unknown where in is. */
struct qn_sliding_size {
    int rank; /* spatial axes */
    int64_t in[QN_CONV_RANK], out[QN_CONV_RANK], kernel[QN_CONV_RANK];
    int64_t stride[QN_CONV_RANK], dilation[QN_CONV_RANK];
    int64_t pad[QN_CONV_RANK], pad_end[QN_CONV_RANK];
};

/* The attributes for `rank` spatial axes, without in and out. kernel: sizes where the operator has weights (unknown
 * ones are taken from kernel_shape), else NULL. SHAPE when lists have other lengths, or kernel_shape contradicts. */
enum qn_status qn_sliding_attrs(const struct qn_sliding *sliding, int rank, const int64_t *kernel,
                                struct qn_sliding_size *windows, struct qn_err *err);
/* All of it for spatial sizes `in`. Rounds the number of windows down, or up with ceil_mode as long as the last one
 * starts before the padding at the end. SHAPE when not one window fits. */
enum qn_status qn_sliding_resolve(const struct qn_sliding *sliding, int rank, const int64_t *in, const int64_t *kernel,
                                  bool ceil_mode, struct qn_sliding_size *windows, struct qn_err *err);

/* Products of sizes over the spatial axes. */
int64_t qn_sliding_in(const struct qn_sliding_size *windows);
int64_t qn_sliding_out(const struct qn_sliding_size *windows);
int64_t qn_sliding_taps(const struct qn_sliding_size *windows);

/* ---- Inside one window ---------------------------------------------------------------------------------------- */

/* What lies inside X of the window of one output position: runs along the last axis, in row-major order. */
struct qn_sliding_window {
    const struct qn_sliding_size *windows;
    int64_t n_rows;                                                 /* left */
    int64_t first[QN_CONV_RANK], n[QN_CONV_RANK], x0[QN_CONV_RANK]; /* taps inside; place of the first in X */
    int64_t index[QN_CONV_RANK];
};

/* n elements of X from x on, `dilation` of the last axis apart, meeting n taps from tap on. Offsets are in one plane of
 * X and one kernel. */
struct qn_sliding_row {
    int64_t x, tap, n;
};

/* The window of output position `out`, counted row-major. Every size is known. */
void qn_sliding_open(struct qn_sliding_window *window, const struct qn_sliding_size *windows, int64_t out);
bool qn_sliding_next(struct qn_sliding_window *window, struct qn_sliding_row *row);

#endif
