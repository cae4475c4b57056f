/* conv.c: Conv and the fused quern:Conv: act(Conv(X, W, B) + residual), float32 alone, the residual shaped as Y.
 * Any number of spatial axes, groups, dilations, every form of auto_pad (pads are then not looked at); an empty
 * auto_pad is NOTSET. A window larger than the padded input is an error. Not here: the shared part (convolve.c) and the
 * loops (the kernels). */
#include "ops/convolve.h"
#include "ops/quantized.h"

QN_CONVOLVE_ALGO(qn_conv_depthwise)
QN_CONVOLVE_ALGO(qn_conv_gemm)

static const struct qn_kernel kernels[] = {
    QN_CONVOLVE_KERNEL("conv_depthwise_f32", qn_conv_depthwise),
    QN_CONVOLVE_KERNEL("conv_gemm_f32", qn_conv_gemm),
    {.name = "conv_ref",
     .accept = qn_accept_not_narrow,
     .workspace = qn_convolve_ref_workspace,
     .run = qn_convolve_ref},
    {.name = NULL},
};

static const struct qn_attr attrs[] = {QN_CONVOLVE_ATTRS, {.name = NULL}};
static const struct qn_attr attrs_fused[] = {QN_CONVOLVE_ATTRS, QN_ACT_ATTRS(qn_convolve, act), {.name = NULL}};

#define ROW(domain_text, first, last, type_set, attr_list, ...)                                                        \
    {                                                                                                                  \
        .name = "Conv", .domain = (domain_text), .since = (first), .until = (last),                                    \
        .in =                                                                                                          \
            QN_FORMALS(QN_IN("X", 'T', type_set), QN_IN("W", 'T', type_set), QN_OPT("B", 'T', type_set), __VA_ARGS__), \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .attrs = (attr_list),                                           \
        QN_PRESET(qn_convolve, .transposed = false), .infer = qn_convolve_infer, .kernels = kernels,                   \
        .tolerance = QN_ROUNDING, .flops = qn_convolve_flops, .rewrite = qn_convolve_rewrite,                          \
        .integers = (domain_text)[0] ? NULL : qn_qlinear_conv_integers,                                                \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, 0, 0, 0                                                                                                  \
    }

const struct qn_op qn_ops_conv[] = {
    ROW("", 1, 21, QN_FLOATS_STD, attrs, END),
    ROW("", 22, 27, QN_FLOATS, attrs, END),
    ROW("quern", 1, 1, QN_BIT(FLOAT), attrs_fused, QN_OPT("residual", 'T', QN_BIT(FLOAT))),
    {.name = NULL},
};
