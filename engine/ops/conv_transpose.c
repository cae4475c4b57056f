/* conv_transpose.c: ConvTranspose and the fused quern:ConvTranspose: act(ConvTranspose(X, W, B)), float32 alone.
 * output_shape (of the spatial axes, or of all) and auto_pad SAME set the size of Y; the padding that follows is split
 * with the odd one at the beginning, for SAME_UPPER at the end, in every version (the text of version 1 has it the
 * other way round). Where they ask for more than the input reaches, the rest, at the end, is bias alone. Not here: the
 * shared part (convolve.c) and the loops (the kernels). */
#include "ops/convolve.h"

QN_CONVOLVE_ALGO(qn_deconv_gemm)

static const struct qn_kernel kernels[] = {
    QN_CONVOLVE_KERNEL("deconv_gemm_f32", qn_deconv_gemm),
    {.name = "deconv_ref",
     .accept = qn_accept_not_narrow,
     .workspace = qn_convolve_ref_workspace,
     .run = qn_convolve_ref},
    {.name = NULL},
};

#define LIST_ATTR(field)                                                                                               \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INTS, .offset = offsetof(struct qn_convolve, field), .min = 0,                 \
        .max = INT32_MAX                                                                                               \
    }
#define ATTRS QN_CONVOLVE_ATTRS, LIST_ATTR(output_shape), LIST_ATTR(output_padding)

static const struct qn_attr attrs[] = {ATTRS, {.name = NULL}};
static const struct qn_attr attrs_fused[] = {ATTRS, QN_ACT_ATTRS(qn_convolve, act), {.name = NULL}};

#define ROW(domain_text, first, last, type_set, attr_list)                                                             \
    {                                                                                                                  \
        .name = "ConvTranspose", .domain = (domain_text), .since = (first), .until = (last),                           \
        .in = QN_FORMALS(QN_IN("X", 'T', type_set), QN_IN("W", 'T', type_set), QN_OPT("B", 'T', type_set)),            \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .attrs = (attr_list),                                           \
        QN_PRESET(qn_convolve, .transposed = true), .infer = qn_convolve_infer, .kernels = kernels,                    \
        .tolerance = QN_ROUNDING, .flops = qn_convolve_flops, .rewrite = qn_convolve_rewrite,                          \
    }

const struct qn_op qn_ops_conv_transpose[] = {
    ROW("", 1, 21, QN_FLOATS_STD, attrs),
    ROW("", 22, 27, QN_FLOATS, attrs),
    ROW("quern", 1, 1, QN_BIT(FLOAT), attrs_fused),
    {.name = NULL},
};
