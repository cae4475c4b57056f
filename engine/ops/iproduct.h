/* iproduct.h: exact products of 8-bit integer matrices: operands are widened to int16 with their zero points taken off,
 * sums are int32 and wrap. Shared by products and convolutions of quantised tensors; knows nothing of tensors' shapes.
 */
#ifndef QN_OPS_IPRODUCT_H
#define QN_OPS_IPRODUCT_H

#include "tensor/tensor.h"

/* dst[i] = src[i] - zero for n elements of int8 or uint8. */
void qn_widen_bytes(enum qn_dtype dtype, const void *src, int64_t n, int32_t zero, int16_t *dst);
/* C[m][ldc] = A[m][lda] B[k][ldb], n columns. */
void qn_iproduct(int64_t m, int64_t n, int64_t k, const int16_t *a, int64_t lda, const int16_t *b, int64_t ldb,
                 int32_t *c, int64_t ldc);
/* dst[i] = saturate(round(sum[i] * scale[i * step]) + zero), half to even, for int8 or uint8; step is 0 or 1. */
void qn_requantize(const int32_t *sum, int64_t n, const float *scale, int64_t step, enum qn_dtype dtype, int32_t zero,
                   void *dst);
/* a * b / c, every step rounded to the type that scales have. */
float qn_combine_scales(enum qn_dtype dtype, float a, float b, float c);

/* Element i of an int8 or uint8 tensor; 0 for NULL. */
static inline int32_t qn_byte_at(const struct qn_tensor *tensor, int64_t i)
{
    if (!tensor)
        return 0;
    return tensor->dtype == QN_INT8 ? ((const int8_t *)tensor->data)[i] : ((const uint8_t *)tensor->data)[i];
}

#endif
