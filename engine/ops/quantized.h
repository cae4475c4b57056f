/* quantized.h: what the operators of quantised tensors share: parameters (scales, zero points), and how the kernels see
 * them. */
#ifndef QN_OPS_QUANTIZED_H
#define QN_OPS_QUANTIZED_H

#include "ops/op.h"
#include "tensor/tensor.h"

/* A scale or zero point: one for all, one per row (or column, channel), or one per row of every matrix. It repeats, so
 * element i serves row i of all rows counted through. A NULL tensor is all zeros. */
struct qn_quant {
    const struct qn_tensor *tensor;
    int64_t n;
};
static inline struct qn_quant qn_quant_of(const struct qn_tensor *tensor)
{
    return (struct qn_quant){tensor, tensor ? qn_tensor_count(tensor) : 1};
}
/* A uint8 or int8 zero point. */
static inline int32_t qn_quant_zero(const struct qn_quant *q, int64_t row)
{
    int64_t i = q->n == 1 ? 0 : row < q->n ? row : row % q->n;

    if (!q->tensor)
        return 0;
    return q->tensor->dtype == QN_INT8 ? ((const int8_t *)q->tensor->data)[i] : ((const uint8_t *)q->tensor->data)[i];
}
/* A scale by its own index, or by the row it serves. */
static inline float qn_quant_scale_at(const struct qn_quant *q, int64_t i)
{
    return q->tensor->dtype == QN_FLOAT ? ((const float *)q->tensor->data)[i] : (float)qn_tensor_double(q->tensor, i);
}
static inline float qn_quant_scale(const struct qn_quant *q, int64_t row)
{
    return qn_quant_scale_at(q, q->n == 1 ? 0 : row < q->n ? row : row % q->n);
}

/* Whether the shape is that of one element, or may be. */
bool qn_quant_is_one(const struct qn_shape *shape);
/* SHAPE unless input i, a scale or zero point, is or may be one element; 0: there is no such input. */
enum qn_status qn_quant_check_one(struct qn_infer *in, int i);

/* How the kernels call bytes and sums. */
static inline enum qn_bytes_form qn_quant_form(enum qn_dtype dtype)
{
    return dtype == QN_UINT8 ? QN_BYTES_U8 : dtype == QN_INT8 ? QN_BYTES_S8 : QN_BYTES_S32;
}

/* Element i of y: saturate(round(sum * scale) + zero) as uint8 or int8, rounded half to even; as int32 the sum. */
void qn_quant_store(struct qn_tensor *y, int64_t i, int32_t sum, float scale, int32_t zero);

/* In how many parts so many multiply-adds of bytes are worth splitting. */
int qn_quant_parts(const struct qn_call *call, double work);

/* ---- Graphs whose values are quantised and dequantised around every operator ---------------------------------- */

/* A float32 value that stands for bytes (or a bias in int32): (bytes - zero) * scale. Scales are constants, positive
 * and of a size that products and quotients of three of them neither overflow nor vanish. */
struct qn_quantised {
    struct qn_var *bytes;        /* NULL: not yet there */
    struct qn_var *scale, *zero; /* zero NULL: none */
    enum qn_dtype dtype;
    int axis; /* of the scales; -1: one for all */
};

/* Whether the value comes from a DequantizeLinear of uint8, int8 or int32. */
bool qn_dequantised(const struct qn_var *value, struct qn_quantised *q);
/* The same with bytes, and one scale for all. */
bool qn_dequantised_bytes(const struct qn_var *value, struct qn_quantised *q);
/* Whether the node quantises float32 to uint8 or int8 with one scale. */
bool qn_quantises(const struct qn_node *node, struct qn_quantised *q);
float qn_quantised_scale(const struct qn_quantised *q, int64_t i);
int32_t qn_quantised_zero(const struct qn_quantised *q, int64_t i);
/* The zero point as a variable: a new constant where there is none; NULL when out of memory. */
struct qn_var *qn_quantised_zero_var(struct qn_rewrite *rewrite, const struct qn_node *node,
                                     const struct qn_quantised *q);
/* b, a constant or a dequantised one, of n elements, as int32 of scale x * w (w's scales: one, or n). NULL, with
 * *declined or without memory, when it is none, or when the rounding, or a sum of k products beside it, is too large.
 */
struct qn_var *qn_quantised_bias(struct qn_rewrite *rewrite, const struct qn_node *node, const struct qn_var *b,
                                 int64_t n, int64_t k, const struct qn_quantised *x, const struct qn_quantised *w,
                                 const struct qn_quantised *y);
/* A node in front of the given one, without outputs yet. */
enum qn_status qn_quantised_make(struct qn_rewrite *rewrite, struct qn_node *node, const char *domain,
                                 const char *op_name, int64_t opset, struct qn_var *const *ins, int n_ins,
                                 struct qn_node **made);

/* The rewrite of QuantizeLinear: what is before it becomes operators of bytes, as far as it can. */
enum qn_status qn_quantised_rewrite(struct qn_rewrite *rewrite, struct qn_node *node);

/* For hooks `integers` of operators that only move elements in the case at hand, between equal scales. */
enum qn_status qn_quantised_move(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                                 struct qn_node **made);

/* Hooks `integers` of Conv; of element-wise operators and poolings called "QLinear" and their name; and of products,
 * b used transposed, bias NULL or a vector. */
enum qn_status qn_qlinear_conv_integers(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                                        struct qn_node **made);
enum qn_status qn_qlinear_elements_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                            const struct qn_quantised *y, struct qn_node **made);
enum qn_status qn_qlinear_matmul_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                          const struct qn_quantised *y, struct qn_node **made);
enum qn_status qn_qlinear_product_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                           const struct qn_quantised *y, bool trans_b, const struct qn_var *bias,
                                           struct qn_node **made);

#endif
