/* bitcast.c: BitCast: the same bits under another element type of the same width. ONNX version 26. */
#include "ops/move.h"
#include "ops/op.h"

struct bitcast {
    enum qn_dtype to;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct bitcast *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);

    QN_CHECK(p->to != QN_STRING, in->err, SHAPE, "bits cannot become strings");
    QN_CHECK(x->dtype == QN_UNDEFINED || qn_dtype_bits(x->dtype) == qn_dtype_bits(p->to), in->err, SHAPE,
             "elements of %d bits cannot become elements of %d bits", qn_dtype_bits(x->dtype), qn_dtype_bits(p->to));
    return qn_infer_out(in, 0, p->to, &x->shape);
}

static enum qn_status bitcast(const struct qn_call *call)
{
    qn_copy(qn_out(call, 0)->data, qn_in(call, 0)->data, qn_tensor_bytes(qn_in(call, 0)), call->pool);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "bitcast", .run = bitcast},
    {.name = NULL},
};

#define TYPES (QN_ANY & ~QN_BIT(STRING))

const struct qn_op qn_ops_bitcast[] = {
    {.name = "BitCast",
     .domain = "",
     .since = 26,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", '1', TYPES)),
     .out = QN_FORMALS(QN_OUT("output", '2', TYPES)),
     .attrs = QN_ATTRS({.name = "to", .form = QN_FORM_DTYPE, .offset = offsetof(struct bitcast, to), .required = true}),
     QN_PARAMS(bitcast),
     .flags = QN_CONVERTS,
     .infer = infer,
     .kernels = kernels,
     .inplace = QN_INPLACE(0),
     .tolerance = QN_EXACT},
    {.name = NULL},
};
