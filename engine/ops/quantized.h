/* quantized.h: what the products and convolutions of quantised tensors share: parameters (scales, zero points),
 * operands as 16-bit integers less their zero points, and the way from sums back to quantised outputs. */
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

/* dst[i] = src[i * step] - zero for uint8 or int8 elements. */
void qn_quant_widen(int16_t *dst, enum qn_dtype dtype, const void *src, int64_t step, int32_t zero, int64_t n);
/* dst[i * ld + j] = src[j * n + i] - zero for i < n (positions), j < m (channels): channels become the fast index. */
void qn_quant_widen_turned(int16_t *dst, int64_t ld, enum qn_dtype dtype, const void *src, int64_t n_row, int32_t zero,
                           int64_t m, int64_t n);

/* dst[i] = saturate(round(sums[i] * scale[i * step]) + zero) as uint8 or int8; rounded half to even; step is 0 or 1. */
void qn_quant_narrow(void *dst, enum qn_dtype dtype, const int32_t *sums, const float *scale, int64_t step,
                     int32_t zero, int64_t n);

#endif
