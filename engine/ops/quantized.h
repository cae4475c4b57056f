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
    int64_t i = q->n == 1 ? 0 : row % q->n;

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
    return qn_quant_scale_at(q, q->n == 1 ? 0 : row % q->n);
}

/* Whether the shape is that of one element, or may be. */
bool qn_quant_is_one(const struct qn_shape *shape);

/* How the kernels call bytes and sums. */
static inline enum qn_bytes_form qn_quant_form(enum qn_dtype dtype)
{
    return dtype == QN_UINT8 ? QN_BYTES_U8 : dtype == QN_INT8 ? QN_BYTES_S8 : QN_BYTES_S32;
}

/* Element i of y: saturate(round(sum * scale) + zero) as uint8 or int8, rounded half to even; as int32 the sum. */
void qn_quant_store(struct qn_tensor *y, int64_t i, int32_t sum, float scale, int32_t zero);

/* In how many parts so many multiply-adds of bytes are worth splitting. */
int qn_quant_parts(const struct qn_call *call, double work);

#endif
