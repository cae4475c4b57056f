/* quantized.c: parameters of quantised tensors, and one result at a time; see quantized.h. */
#include "ops/quantized.h"

#include <math.h>

#include "ops/broadcast.h"

bool qn_quant_is_one(const struct qn_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] != 1 && qn_dim_known(shape->dims[i]))
            return false;
    return true;
}

void qn_quant_store(struct qn_tensor *y, int64_t i, int32_t sum, float scale, int32_t zero)
{
    float low = y->dtype == QN_INT8 ? -128 : 0, x = rintf((float)sum * scale) + (float)zero;

    if (y->dtype == QN_INT32)
        ((int32_t *)y->data)[i] = sum;
    else
        qn_tensor_set_double(y, i, x > low ? fminf(x, low + 255) : low);
}

int qn_quant_parts(const struct qn_call *call, double work)
{
    int parts = qn_broadcast_parts(call->pool, (int64_t)fmin(work, 0x1p40), 1);

    return parts < call->threads ? parts : call->threads;
}
