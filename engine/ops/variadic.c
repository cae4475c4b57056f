/* variadic.c: Min, Max, Sum, Mean of any number of tensors, one after the other in their order.
 * Versions 1 and 6 want equal shapes, later ones broadcast. NaN wins in Min and Max. Not in place: a tensor may stand
 * among the inputs more than once, and would be overwritten before its second turn. */
#include <math.h>
#include <string.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"

enum kind { MIN, MAX, SUM, MEAN };

struct variadic {
    enum kind kind;
    bool equal_shapes;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct variadic *p = params;
    struct qn_shape shape = in->in[0]->shape;

    if (!p->equal_shapes)
        return qn_infer_broadcast(in, params);
    for (int i = 1; i < in->n_in; i++) {
        struct qn_shape other = in->in[i]->shape;
        char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

        QN_CHECK(qn_shape_merge(&shape, &other, &shape), in->err, SHAPE, "shape %s of input %d is not %s",
                 qn_shape_text(&other, a), i, qn_shape_text(&shape, b));
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &shape);
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

/* The output from its first two inputs, or from itself and the next. */
static void fold(const struct qn_call *call, const struct qn_tensor *x, const struct qn_tensor *y, qn_row_fn *row,
                 const void *arg)
{
    const struct qn_tensor *const ins[] = {x, y};
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, ins);
    qn_broadcast_run(&broadcast, call->pool, 1, row, arg);
}

static void fold_all(const struct qn_call *call, qn_row_fn *row, const void *arg)
{
    struct qn_tensor *out = qn_out(call, 0);

    if (call->n_in == 1 && qn_tensor_bytes(out) > 0)
        memcpy(out->data, qn_in(call, 0)->data, qn_tensor_bytes(out));
    for (int i = 1; i < call->n_in; i++)
        fold(call, i == 1 ? qn_in(call, 0) : out, qn_in(call, i), row, arg);
}

QN_BINARY_ROW(add_f32, float, float, float, x + y)
QN_BINARY_ROW(add_f64, double, double, double, x + y)

#define EXTREMES(suffix, type)                                                                                         \
    QN_BINARY_ROW(min_##suffix, type, type, type, x < y ? x : y)                                                       \
    QN_BINARY_ROW(max_##suffix, type, type, type, x > y ? x : y)
EXTREMES(u8, uint8_t)
EXTREMES(u16, uint16_t)
EXTREMES(u32, uint32_t)
EXTREMES(u64, uint64_t)
EXTREMES(i8, int8_t)
EXTREMES(i16, int16_t)
EXTREMES(i32, int32_t)
EXTREMES(i64, int64_t)
QN_BINARY_ROW(min_f32, float, float, float, x < y || isnan(x) ? x : y)
QN_BINARY_ROW(max_f32, float, float, float, x > y || isnan(x) ? x : y)
QN_BINARY_ROW(min_f64, double, double, double, x < y || isnan(x) ? x : y)
QN_BINARY_ROW(max_f64, double, double, double, x > y || isnan(x) ? x : y)

static qn_row_fn *const rows[][QN_N_DTYPE] = {
    [MIN] = {QN_ROWS_FLOATS(min), QN_ROWS_UNSIGNED(min), QN_ROWS_SIGNED(min)},
    [MAX] = {QN_ROWS_FLOATS(max), QN_ROWS_UNSIGNED(max), QN_ROWS_SIGNED(max)},
    [SUM] = {QN_ROWS_FLOATS(add)},
    [MEAN] = {QN_ROWS_FLOATS(add)},
};

/* arg: the number of inputs as a double. */
QN_UNARY_ROW(divide_f32, float, float, x / (float)*(const double *)arg)
QN_UNARY_ROW(divide_f64, double, double, x / *(const double *)arg)

static void finish(const struct qn_call *call)
{
    const struct variadic *p = call->params;
    const struct qn_tensor *out = qn_out(call, 0);
    double n = call->n_in;

    if (p->kind == MEAN && call->n_in > 1)
        qn_map_run(call, out, 1, out->dtype == QN_FLOAT ? divide_f32 : divide_f64, &n);
}

static enum qn_status variadic_ref(const struct qn_call *call)
{
    const struct variadic *p = call->params;

    fold_all(call, rows[p->kind][qn_out(call, 0)->dtype], NULL);
    finish(call);
    return QN_OK;
}

/* arg: which of the kernel table's operations. */
static void row_f32(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct qn_kern *kern = qn_kern();
    enum qn_binary op = *(const enum qn_binary *)arg;
    const float *a = src[0], *b = src[1];

    if (step[0] && step[1]) {
        kern->vv[op](dst, a, b, (size_t)n);
    } else if (step[0]) {
        kern->vs[op](dst, a, *b, (size_t)n);
    } else if (step[1]) {
        kern->sv[op](dst, *a, b, (size_t)n);
    } else { /* a later input is wider than both */
        float *c = dst;

        kern->sv[op](c, *a, b, 1);
        for (int64_t i = 1; i < n; i++)
            c[i] = c[0];
    }
}

static enum qn_status variadic_f32(const struct qn_call *call)
{
    static const enum qn_binary binary_of[] = {[MIN] = QN_MIN, [MAX] = QN_MAX, [SUM] = QN_ADD, [MEAN] = QN_ADD};
    const struct variadic *p = call->params;

    fold_all(call, row_f32, &binary_of[p->kind]);
    finish(call);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "variadic_f32", .accept = qn_accept_f32, .run = variadic_f32},
    {.name = "variadic_ref", .accept = qn_accept_not_narrow, .run = variadic_ref},
    {.name = NULL},
};

/* ---- Rewriting --------------------------------------------------------------------------------------------------- */

/* A Sum of two is an Add, which others know how to absorb. */
static enum qn_status rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    const struct variadic *p = node->params;
    struct qn_var *out = node->out[0];
    struct qn_node *add;

    if (p->kind != SUM || node->n_in != 2 || !out)
        return QN_OK;
    add = qn_op_make_node(rewrite->graph, node, "", "Add", QN_NEWEST_OPSET, node->name, node->in, 2,
                          &(struct qn_var *){NULL}, 1, NULL, 0, rewrite->err);
    if (!add)
        return rewrite->err && rewrite->err->status != QN_OK ? rewrite->err->status : QN_NOMEM;
    qn_patch_take_output(add, 0, out);
    qn_patch_remove_node(rewrite->graph, node);
    rewrite->changed = true;
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {QN_IGNORED_ATTR("consumed_inputs"), {.name = NULL}};

#define ROW(op, result, first, last, which, equal, type_set, attr_list, level)                                         \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_VAR("data_0", 'T', type_set)), .out = QN_FORMALS(QN_OUT(result, 'T', type_set)),           \
        .attrs = (attr_list), QN_PRESET(variadic, .kind = (which), .equal_shapes = (equal)), .infer = infer,           \
        .kernels = kernels, .tolerance = (level), .rewrite = rewrite                                                   \
    }
#define EXTREME_ROWS(op, result, which)                                                                                \
    ROW(op, result, 1, 5, which, true, QN_FLOATS_STD, attrs_1, QN_EXACT),                                              \
        ROW(op, result, 6, 7, which, true, QN_FLOATS_STD, NULL, QN_EXACT),                                             \
        ROW(op, result, 8, 11, which, false, QN_FLOATS_STD, NULL, QN_EXACT),                                           \
        ROW(op, result, 12, 12, which, false, QN_FLOATS_STD | QN_INTS, NULL, QN_EXACT),                                \
        ROW(op, result, 13, 27, which, false, QN_NUMBERS, NULL, QN_EXACT)
#define SUM_ROWS(op, result, which)                                                                                    \
    ROW(op, result, 1, 5, which, true, QN_FLOATS_STD, attrs_1, QN_ROUNDING),                                           \
        ROW(op, result, 6, 7, which, true, QN_FLOATS_STD, NULL, QN_ROUNDING),                                          \
        ROW(op, result, 8, 12, which, false, QN_FLOATS_STD, NULL, QN_ROUNDING),                                        \
        ROW(op, result, 13, 27, which, false, QN_FLOATS, NULL, QN_ROUNDING)

const struct qn_op qn_ops_variadic[] = {
    EXTREME_ROWS("Min", "min", MIN),
    EXTREME_ROWS("Max", "max", MAX),
    SUM_ROWS("Sum", "sum", SUM),
    SUM_ROWS("Mean", "mean", MEAN),
    {.name = NULL},
};
