/* conv_impl.h: what the convolution and pooling files share: sizes, and the padded planes of planes.c. */
#ifndef QN_KERNELS_CONV_IMPL_H
#define QN_KERNELS_CONV_IMPL_H

#include "kernels/kern_impl.h"

/* Product of the first rank sizes. */
int64_t qn_conv_product(const int64_t *sizes, int rank);
/* Bytes of W, which is also what algorithms that keep it as it is pack; false on overflow. */
bool qn_conv_weight_bytes(const struct qn_conv *conv, size_t *n_bytes);
void qn_conv_pack_copy(const struct qn_conv *conv, const float *w, void *packed);

/* One window that is the whole plane. */
bool qn_pooling_global(const struct qn_pooling *p);
/* How many taps of output o count along an axis of an average. */
int64_t qn_pooling_count(const struct qn_pooling *p, int axis, int64_t o);

/* A window sliding over planes of one or two axes (one axis is a height of 1). */
struct qn_window {
    int64_t n_planes; /* of output */
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2];
};

/* False when the rank is another, a size overflows, or a padded row would be absurdly long. */
bool qn_window_make(struct qn_window *window, int64_t n_planes, int rank, const int64_t *in, const int64_t *out,
                    const int64_t *kernel, const int64_t *stride, const int64_t *dilation, const int64_t *pad);

/* What a window does. Both functions are called from several threads at once. */
struct qn_window_job {
    const struct qn_window *window;
    float fill; /* stands outside a plane */
    const void *arg;
    /* The input plane that an output plane reads. */
    const float *(*plane)(const void *arg, int64_t plane);
    /* Computes one output row; src is the base that the taps' offsets count from, weight is the callee's to set, room
     * is the thread's own, of window->out[1] floats. */
    void (*row)(const void *arg, int64_t plane, int64_t row, const float *src, struct qn_taps *taps, float *room);
};

/* What runs over output rows [row0, row1) of one plane at a time, from several threads at once. */
typedef void qn_plane_rows(const void *arg, int64_t plane, int64_t row0, int64_t row1);

/* Cuts n_planes planes of n_rows rows, as a whole that many multiply-adds, into parts. */
void qn_planes_run(qn_plane_rows *rows, const void *arg, int64_t n_planes, int64_t n_rows, double total,
                   const struct qn_work *work);
/* Whether the CPU level has kernels for whole planes that take this window: strides of columns 1 and 2, kernels up to
 * 16 wide. */
bool qn_window_direct(const struct qn_window *window);

bool qn_window_bytes(const struct qn_window *window, int n_threads, size_t *n_bytes);
/* Slides the window over all planes; parts are runs of (plane, band of rows). */
void qn_window_run(const struct qn_window_job *job, const struct qn_work *work);

#endif
