/* prelu.c: PRelu: slope * x where x is below 0, else x.
 * The slope broadcasts to x from version 7 on; before, a slope of one axis belongs to axis 1, the channels. Integers
 * wrap; unsigned ones pass unchanged. */
#include "kernels/kern.h"
#include "ops/broadcast.h"

struct prelu {
    bool per_channel; /* versions before 7 */
};

/* How the slope lines up with x: along channels when that is what the old form means, else in the newest way. */
static struct qn_align align_of(const struct prelu *p, int x_rank, int slope_rank)
{
    bool old = p->per_channel && x_rank > 1 && slope_rank == 1;

    return (struct qn_align){.old = old, .broadcast = old, .axis = 1};
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *slope = &in->in[1]->shape;
    struct qn_align align = align_of(params, x->rank, slope->rank);
    char x_text[QN_SHAPE_TEXT], slope_text[QN_SHAPE_TEXT];
    struct qn_shape shape, merged;

    if (align.old)
        return qn_align_infer(in, &align, in->in[0]->dtype);
    QN_CHECK(qn_shape_broadcast(x, slope, &shape) && (x->rank < 0 || qn_shape_merge(&shape, x, &merged)), in->err,
             SHAPE, "slope of shape %s does not broadcast to %s", qn_shape_text(slope, slope_text),
             qn_shape_text(x, x_text));
    return qn_infer_out(in, 0, in->in[0]->dtype, x);
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

QN_BINARY_ROW(prelu_f32, float, float, float, x < 0 ? y * x : x)
QN_BINARY_ROW(prelu_f64, double, double, double, x < 0 ? y * x : x)
QN_BINARY_ROW(prelu_i32, int32_t, int32_t, int32_t, x < 0 ? (int32_t)((uint32_t)x * (uint32_t)y) : x)
QN_BINARY_ROW(prelu_i64, int64_t, int64_t, int64_t, x < 0 ? (int64_t)((uint64_t)x * (uint64_t)y) : x)
QN_BINARY_ROW(prelu_u32, uint32_t, uint32_t, uint32_t, ((void)y, x))
QN_BINARY_ROW(prelu_u64, uint64_t, uint64_t, uint64_t, ((void)y, x))

static qn_row_fn *const rows[QN_N_DTYPE] = {
    QN_ROWS_FLOATS(prelu),   [QN_INT32] = prelu_i32,  [QN_INT64] = prelu_i64,
    [QN_UINT32] = prelu_u32, [QN_UINT64] = prelu_u64,
};

static enum qn_status run_rows(const struct qn_call *call, qn_row_fn *row)
{
    const struct qn_tensor *x = qn_in(call, 0), *slope = qn_in(call, 1);
    struct qn_align align = align_of(call->params, x->rank, slope->rank);
    struct qn_tensor view = qn_align_view(&align, x, slope);
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, (const struct qn_tensor *const[]){x, &view});
    qn_broadcast_run(&broadcast, call->pool, 1, row, NULL);
    return QN_OK;
}

static enum qn_status prelu_ref(const struct qn_call *call) { return run_rows(call, rows[qn_in(call, 0)->dtype]); }

/* A row with one slope is a leaky ReLU. */
static void row_f32(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    struct qn_act act = {.kind = QN_ACT_LEAKY, .a = *(const float *)src[1]};

    if (step[1])
        prelu_f32(dst, src, step, n, arg);
    else
        qn_kern()->act(dst, src[0], (size_t)n, &act);
}

static enum qn_status prelu_row_f32(const struct qn_call *call) { return run_rows(call, row_f32); }

static const struct qn_kernel kernels[] = {
    {.name = "prelu_f32", .accept = qn_accept_f32, .run = prelu_row_f32},
    {.name = "prelu_ref", .accept = qn_accept_not_narrow, .run = prelu_ref},
    {.name = NULL},
};

/* With one constant slope. */
static bool activation(const struct qn_node *node, struct qn_act *act)
{
    const struct qn_tensor *slope = node->in[1]->fact.konst;

    if (!slope || slope->dtype != QN_FLOAT || qn_tensor_count(slope) != 1)
        return false;
    *act = (struct qn_act){.kind = QN_ACT_LEAKY, .a = *(const float *)slope->data};
    return true;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))

static const struct qn_attr attrs_1[] = {QN_IGNORED_ATTR("consumed_inputs"), {.name = NULL}};

#define ROW(first, last, old, type_set, attr_list)                                                                     \
    {                                                                                                                  \
        .name = "PRelu", .domain = "", .since = (first), .until = (last),                                              \
        .in = QN_FORMALS(QN_IN("X", 'T', type_set), QN_IN("slope", 'T', type_set)),                                    \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .attrs = (attr_list), QN_PRESET(prelu, .per_channel = (old)),   \
        .infer = infer, .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = QN_EXACT, .activation = activation  \
    }

const struct qn_op qn_ops_prelu[] = {
    ROW(1, 5, true, QN_FLOATS_STD, attrs_1),       ROW(6, 6, true, QN_FLOATS_STD, NULL),
    ROW(7, 8, false, QN_FLOATS_STD, NULL),         ROW(9, 15, false, QN_FLOATS_STD | INTS_32, NULL),
    ROW(16, 27, false, QN_FLOATS | INTS_32, NULL), {.name = NULL},
};
