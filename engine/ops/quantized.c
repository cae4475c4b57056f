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

enum qn_status qn_quant_check_one(struct qn_infer *in, int i)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(!fact || qn_quant_is_one(&fact->shape), in->err, SHAPE, "%s of shape %s is not one element",
             in->node->op->in[i].name, qn_shape_text(&fact->shape, text));
    return QN_OK;
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
