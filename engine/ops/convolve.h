/* convolve.h: what Conv and ConvTranspose share: parameters, inference, the plain loops, the way to the kernels'
 * algorithms, and absorbing what follows. Inputs are X [N][C][spatial...], W ([M][C / group][kernel...], transposed
 * [C][M / group][kernel...]), optionally B [M], and in the fused forms a residual shaped as Y [N][M][spatial...]. */
#ifndef QN_OPS_CONVOLVE_H
#define QN_OPS_CONVOLVE_H

#include "ops/fuse.h"
#include "ops/sliding.h"

struct qn_convolve {
    struct qn_sliding sliding;
    int64_t group;
    bool transposed;
    struct qn_ints output_shape, output_padding; /* transposed alone */
    struct qn_act act;                           /* fused forms */
};

#define QN_CONVOLVE_ATTRS                                                                                              \
    QN_SLIDING_ATTRS(qn_convolve, false), QN_SLIDING_DILATIONS(qn_convolve),                                           \
        QN_INT_ATTR_RANGE(qn_convolve, group, 1, 1, INT32_MAX)

qn_infer_fn qn_convolve_infer;
double qn_convolve_flops(const struct qn_site *site);

/* float32 by one of the kernels' algorithms; weights that are not constant are packed in the workspace. */
const char *qn_convolve_accept(const struct qn_site *site, const struct qn_conv_algo *algo);
enum qn_status qn_convolve_prepare(const struct qn_site *site, const struct qn_conv_algo *algo, struct qn_arena *arena,
                                   const void **packed, struct qn_err *err);
size_t qn_convolve_workspace(const struct qn_site *site, const struct qn_conv_algo *algo);
enum qn_status qn_convolve_run(const struct qn_call *call, const struct qn_conv_algo *algo);

/* Functions of a kernel over an algorithm, and its row in a list. */
#define QN_CONVOLVE_ALGO(algo)                                                                                         \
    static const char *accept_##algo(const struct qn_site *site) { return qn_convolve_accept(site, &algo); }           \
    static enum qn_status prepare_##algo(const struct qn_site *site, struct qn_arena *arena, const void **packed,      \
                                         struct qn_err *err)                                                           \
    {                                                                                                                  \
        return qn_convolve_prepare(site, &algo, arena, packed, err);                                                   \
    }                                                                                                                  \
    static size_t workspace_##algo(const struct qn_site *site) { return qn_convolve_workspace(site, &algo); }          \
    static enum qn_status run_##algo(const struct qn_call *call) { return qn_convolve_run(call, &algo); }
#define QN_CONVOLVE_KERNEL(text, algo)                                                                                 \
    {                                                                                                                  \
        .name = (text), .accept = accept_##algo, .prepare = prepare_##algo, .workspace = workspace_##algo,             \
        .run = run_##algo                                                                                              \
    }

/* float32 and float64, any number of axes, sums in double, one thread. */
size_t qn_convolve_ref_workspace(const struct qn_site *site);
enum qn_status qn_convolve_ref(const struct qn_call *call);

/* Drops taps of constant weights that meet only padding (not transposed). Absorbs a following scale and shift per
 * channel into constant weights, then a residual (not transposed), then an activation; the fused node is quern:<name of
 * node's operator>. */
enum qn_status qn_convolve_rewrite(struct qn_rewrite *rewrite, struct qn_node *node);

#endif
