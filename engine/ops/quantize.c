/* quantize.c: DynamicQuantizeLinear: float32 to uint8 with a scale and a zero point taken from the data, y =
 * saturate(round(x / scale) + zero point), rounding half to even. A tensor of zeros has scale 1. NaN in x becomes the
 * scale and leaves nothing of the rest: y and the zero point are 0. Not here: products of quantised tensors
 * (qlinear.c). */
#include <string.h>

#include "ops/broadcast.h"

/* ---- Rounding ------------------------------------------------------------------------------------------------- */

/* x / scale between low and high, rounded half to even: adding 1.5 * 2^23 leaves the nearest integer in the last
 * places of the sum. low and high are integers of at most 17 bits, so clamping first changes nothing. NaN gives low. */
static inline int32_t round_quotient(float x, float scale, float low, float high)
{
    const float magic = 0x1.8p23f;
    int32_t bits, zero;
    float q = x / scale;

    q = q > low ? q : low;
    q = (q < high ? q : high) + magic;
    memcpy(&bits, &q, sizeof(bits));
    memcpy(&zero, &magic, sizeof(zero));
    return bits - zero;
}

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------------------------ */

static enum qn_status infer_dynamic(struct qn_infer *in, const void *params)
{
    (void)params;
    QN_TRY(qn_infer_out(in, 0, QN_UINT8, &in->in[0]->shape));
    QN_TRY(qn_infer_out(in, 1, QN_FLOAT, &QN_SHAPE_SCALAR));
    return qn_infer_out(in, 2, QN_UINT8, &QN_SHAPE_SCALAR);
}

struct dynamic {
    float scale;
    int32_t zero;
};

static void dynamic_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct dynamic d = *(const struct dynamic *)arg;
    const float *x = src[0], low = (float)(0 - d.zero), high = (float)(255 - d.zero);
    uint8_t *y = dst;

    (void)step;
    for (int64_t i = 0; i < n; i++)
        y[i] = (uint8_t)(round_quotient(x[i], d.scale, low, high) + d.zero);
}

static enum qn_status run_dynamic(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    size_t n = (size_t)qn_tensor_count(x);
    float min = qn_kern()->min(x->data, n), max = qn_kern()->max(x->data, n);
    struct dynamic d;

    min = min > 0 ? 0 : min; /* zero is always in range; NaN stays */
    max = max < 0 ? 0 : max;
    d.scale = max == min ? 1.0f : (max - min) / 255.0f;
    d.zero = round_quotient(0 - min, d.scale, 0, 255);
    if (qn_out(call, 0))
        qn_map_run(call, x, 2, dynamic_row, &d);
    if (qn_out(call, 1))
        *(float *)qn_out(call, 1)->data = d.scale;
    if (qn_out(call, 2))
        *(uint8_t *)qn_out(call, 2)->data = (uint8_t)d.zero;
    return QN_OK;
}

static const struct qn_kernel dynamic_kernels[] = {
    {.name = "dynamic_quantize_f32", .run = run_dynamic},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

const struct qn_op qn_ops_quantize[] = {
    {.name = "DynamicQuantizeLinear",
     .domain = "",
     .since = 11,
     .until = 27,
     .in = QN_FORMALS(QN_IN("x", '1', QN_BIT(FLOAT))),
     .out = QN_FORMALS(QN_OUT("y", '2', QN_BIT(UINT8)), QN_OUT("y_scale", 0, QN_BIT(FLOAT)),
                       QN_OUT("y_zero_point", '2', QN_BIT(UINT8))),
     .infer = infer_dynamic,
     .kernels = dynamic_kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
