/* compress.c: Compress, NonZero: outputs as long as the data says. Both count first, place the output, then fill it. */
#include "ops/args.h"
#include "ops/move.h"

/* ---- Compress ------------------------------------------------------------------------------------------------- */

#define NO_AXIS INT32_MIN /* the input counts as flat */

struct compress {
    int64_t axis;
};

static enum qn_status infer_compress(struct qn_infer *in, const void *params)
{
    const struct compress *p = params;
    const struct qn_shape *x = &in->in[0]->shape, *condition = &in->in[1]->shape;
    struct qn_shape y = p->axis == NO_AXIS ? qn_shape_1d(QN_DIM_UNKNOWN) : *x;
    int axis;

    QN_CHECK(condition->rank < 0 || condition->rank == 1, in->err, SHAPE, "condition must be a list, not of rank %d",
             condition->rank);
    if (p->axis != NO_AXIS && y.rank >= 0) {
        QN_TRY(qn_infer_axis(in, p->axis, y.rank, &axis));
        y.dims[axis] = QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status compress_ref(const struct qn_call *call)
{
    const struct compress *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *condition = qn_in(call, 1);
    bool flat = p->axis == NO_AXIS;
    int axis = flat ? 0 : (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t outer = flat ? 1 : qn_tensor_span(x, 0, axis), bound = flat ? qn_tensor_count(x) : x->dims[axis];
    int64_t n = qn_tensor_count(condition), n_taken = 0, inner = flat ? 1 : qn_tensor_span(x, axis + 1, x->rank);
    size_t run = (size_t)inner * qn_dtype_bytes(x->dtype);
    struct qn_shape y = flat ? qn_shape_1d(0) : qn_tensor_shape(x);
    const uint8_t *take = condition->data;
    char *out;

    QN_CHECK(n <= bound, call->err, SHAPE, "condition has %lld entries for %lld", (long long)n, (long long)bound);
    for (int64_t i = 0; i < n; i++)
        n_taken += take[i] != 0;
    y.dims[axis] = n_taken;
    QN_TRY(qn_call_place(call, 0, x->dtype, y.rank, y.dims));
    out = qn_out(call, 0)->data;
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < n; i++) {
            if (!take[i])
                continue;
            qn_copy_run(out, (const char *)x->data + (size_t)(o * bound + i) * run, run);
            out += run;
        }
    }
    return QN_OK;
}

static const struct qn_kernel compress_kernels[] = {
    {.name = "compress_ref", .accept = qn_accept_whole_bytes, .run = compress_ref},
    {.name = NULL},
};

/* ---- NonZero -------------------------------------------------------------------------------------------------- */

static enum qn_status infer_non_zero(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = {.rank = 2, .dims = {x->rank < 0 ? QN_DIM_UNKNOWN : x->rank, QN_DIM_UNKNOWN}};

    (void)params;
    return qn_infer_out(in, 0, QN_INT64, &y);
}

/* Whether element i is neither zero (of either sign), false nor an empty string; NaN is not zero. */
static bool is_set(const struct qn_tensor *x, int64_t i)
{
    size_t size = qn_dtype_bytes(x->dtype);
    const char *at = (const char *)x->data + (size_t)i * size;
    uint64_t bits = 0;

    switch (x->dtype) {
    case QN_STRING:
        return ((const struct qn_str *)at)->n > 0;
    case QN_COMPLEX64:
        return ((const float *)at)[0] != 0 || ((const float *)at)[1] != 0;
    case QN_COMPLEX128:
        return ((const double *)at)[0] != 0 || ((const double *)at)[1] != 0;
    case QN_FLOAT:
        return *(const float *)at != 0;
    case QN_DOUBLE:
        return *(const double *)at != 0;
    case QN_FLOAT16:
    case QN_BFLOAT16:
        return (*(const uint16_t *)at & 0x7fff) != 0;
    default:
        memcpy(&bits, at, size);
        return bits != 0;
    }
}

static enum qn_status non_zero_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t total = qn_tensor_count(x), n = 0, at[QN_MAX_RANK] = {0}, *out;

    for (int64_t i = 0; i < total; i++)
        n += is_set(x, i);
    QN_TRY(qn_call_place(call, 0, QN_INT64, 2, (int64_t[]){x->rank, n}));
    out = qn_out(call, 0)->data;
    for (int64_t i = 0; i < total; i++) {
        if (is_set(x, i)) {
            for (int a = 0; a < x->rank; a++)
                out[a * n] = at[a];
            out++;
        }
        for (int a = x->rank - 1; a >= 0 && ++at[a] == x->dims[a]; a--)
            at[a] = 0;
    }
    return QN_OK;
}

static const struct qn_kernel non_zero_kernels[] = {
    {.name = "non_zero_ref", .run = non_zero_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COMPRESS(first, last)                                                                                          \
    {                                                                                                                  \
        .name = "Compress", .domain = "", .since = (first), .until = (last),                                           \
        .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR3), QN_IN("condition", 0, QN_BIT(BOOL))),                        \
        .out = QN_FORMALS(QN_OUT("output", 'T', QN_ALL_IR3)), .attrs = QN_ATTRS(QN_INT_ATTR(compress, axis, NO_AXIS)), \
        QN_PARAMS(compress), .flags = QN_DATA_DEPENDENT | QN_KEEPS_VALUES, .infer = infer_compress,                    \
        .kernels = compress_kernels                                                                                    \
    }
#define NON_ZERO(first, last, types)                                                                                   \
    {                                                                                                                  \
        .name = "NonZero", .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", 'T', types)),  \
        .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(INT64))), .flags = QN_DATA_DEPENDENT, .infer = infer_non_zero,         \
        .kernels = non_zero_kernels                                                                                    \
    }

const struct qn_op qn_ops_compress[] = {
    COMPRESS(9, 27),
    NON_ZERO(9, 12, QN_ALL_IR3),
    NON_ZERO(13, 27, QN_ALL_IR4),
    {.name = NULL},
};
