/* qlinear_elements.c: operators of quantised tensors of uint8 or int8, elements and planes, which quantised graphs
 * become: quern:QLinearAdd, Sub, Mul, Div: the float32 result of dequantised operands, quantised; operands broadcast.
 * quern:QLinearGlobalAveragePool: the exact sum of a plane times x_scale / (y_scale * size). quern:ByteTable: table[x],
 * by the bits of x. Scales and zero points are one. Not here: how graphs come to them (integers.c). */
#include <stdio.h>
#include <string.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "ops/quantized.h"

struct binary {
    enum qn_binary op;
};

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO };
enum { POOL_Y_SCALE = B, POOL_Y_ZERO };
enum { BLOCK = 512 };

static enum qn_status check_ones(struct qn_infer *in)
{
    char text[QN_SHAPE_TEXT];

    for (int i = 0; i < in->n_in; i++)
        QN_CHECK(i == A || (i == B && in->n_in > B_ZERO) || qn_quant_is_one(&in->in[i]->shape), in->err, SHAPE,
                 "%s of shape %s is not one element", in->node->op->in[i].name, qn_shape_text(&in->in[i]->shape, text));
    return QN_OK;
}

/* How one operand, or the result, is quantised. */
struct coding {
    enum qn_bytes_form form;
    float scale;
    int32_t zero;
};

static struct coding coding_of(const struct qn_call *call, int scale)
{
    const struct qn_tensor *zero = qn_in(call, scale + 1);

    return (struct coding){qn_quant_form(zero->dtype), *(const float *)qn_in(call, scale)->data,
                           (int32_t)qn_tensor_int(zero, 0)};
}

/* ---- Two operands --------------------------------------------------------------------------------------------- */

static enum qn_status infer_binary(struct qn_infer *in, const void *params)
{
    const struct qn_fact *const ins[] = {in->in[A], in->in[B]};
    struct qn_infer plain = *in;
    struct qn_fact y = {0};

    QN_TRY(check_ones(in));
    plain.in = ins;
    plain.n_in = 2;
    plain.out = &y;
    plain.n_out = 1;
    QN_TRY(qn_infer_broadcast(&plain, params));
    return qn_infer_out(in, 0, in->in[Y_ZERO]->dtype, &y.shape);
}

struct binary_job {
    const struct qn_kern *kern;
    enum qn_binary op;
    struct coding in[2], y;
};

static void binary_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct binary_job *j = arg;
    float x[2][BLOCK], y[BLOCK];

    for (int64_t at = 0, some; at < n; at += some) {
        some = n - at < BLOCK ? n - at : BLOCK;
        for (int i = 0; i < 2; i++)
            if (at == 0 || step[i])
                qn_bytes_dequantise(x[i], j->in[i].form, (const char *)src[i] + at * step[i], j->in[i].scale,
                                    j->in[i].zero, step[i] ? some : 1);
        if (step[0] && step[1])
            j->kern->vv[j->op](y, x[0], x[1], (size_t)some);
        else if (step[0])
            j->kern->vs[j->op](y, x[0], x[1][0], (size_t)some);
        else
            j->kern->sv[j->op](y, x[0][0], x[1], step[1] ? (size_t)some : 1);
        qn_bytes_quantise((char *)dst + at, j->y.form, y, j->y.scale, j->y.zero, some);
    }
}

static enum qn_status run_binary(const struct qn_call *call)
{
    const struct binary_job job = {qn_kern(),
                                   ((const struct binary *)call->params)->op,
                                   {coding_of(call, A_SCALE), coding_of(call, B_SCALE)},
                                   coding_of(call, Y_SCALE)};
    const struct qn_tensor *const ins[] = {qn_in(call, A), qn_in(call, B)};
    struct qn_broadcast b;

    qn_broadcast_init(&b, qn_out(call, 0), 2, ins);
    qn_broadcast_run(&b, call->pool, 2, binary_row, &job);
    return QN_OK;
}

/* ---- Planes --------------------------------------------------------------------------------------------------- */

static enum qn_status infer_pool(struct qn_infer *in, const void *params)
{
    struct qn_shape y = in->in[A]->shape;

    (void)params;
    QN_TRY(check_ones(in));
    QN_CHECK(y.rank < 0 || y.rank >= 2, in->err, SHAPE, "x has no channels");
    for (int i = 2; i < y.rank; i++)
        y.dims[i] = 1;
    return qn_infer_out(in, 0, in->in[POOL_Y_ZERO]->dtype, &y);
}

struct pool_job {
    struct coding x, y;
    const char *src;
    char *dst;
    int64_t planes, n;
};

static void pool_part(void *arg, int part, int n_parts)
{
    const struct pool_job *j = arg;
    const float scale = j->x.scale / (j->y.scale * (float)j->n);
    int64_t begin, end;

    qn_pool_slice(j->planes, 64, part, n_parts, &begin, &end);
    for (; begin < end; begin++) {
        float sum = (float)(qn_bytes_sum(j->x.form, j->src + begin * j->n, j->n) - j->n * j->x.zero) * scale;

        qn_bytes_quantise(j->dst + begin, j->y.form, &sum, 1, j->y.zero, 1);
    }
}

static enum qn_status run_pool(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, A);
    struct pool_job job = {coding_of(call, A_SCALE), coding_of(call, POOL_Y_SCALE), x->data,
                           qn_out(call, 0)->data,    qn_tensor_span(x, 0, 2),       qn_tensor_span(x, 2, x->rank)};

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, qn_tensor_count(x) / 8, 1), pool_part, &job);
    return QN_OK;
}

/* ---- Tables --------------------------------------------------------------------------------------------------- */

static enum qn_status infer_table(struct qn_infer *in, const void *params)
{
    char text[QN_SHAPE_TEXT];

    (void)params;
    QN_CHECK(in->in[1]->shape.rank < 0 || (in->in[1]->shape.rank == 1 && in->in[1]->shape.dims[0] == 256), in->err,
             SHAPE, "a table of shape %s is not one of 256 elements", qn_shape_text(&in->in[1]->shape, text));
    return qn_infer_out(in, 0, in->in[1]->dtype, &in->in[0]->shape);
}

static void table_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const uint8_t *x = src[0], *table = arg;
    uint8_t *y = dst;

    (void)step;
    for (int64_t i = 0; i < n; i++)
        y[i] = table[x[i]];
}

static enum qn_status run_table(const struct qn_call *call)
{
    qn_map_run(call, qn_in(call, 0), 1, table_row, qn_in(call, 1)->data);
    return QN_OK;
}

/* ---- From the operators of float32 ---------------------------------------------------------------------------- */

enum qn_status qn_qlinear_elements_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                            const struct qn_quantised *y, struct qn_node **made)
{
    struct qn_var *ins[Y_ZERO + 1];
    struct qn_quantised x;
    char name[64];
    int n = 0;

    for (int i = 0; i < node->n_in; i++) {
        if (!qn_dequantised_bytes(node->in[i], &x))
            return QN_OK;
        ins[n++] = x.bytes;
        ins[n++] = x.scale;
        ins[n++] = qn_quantised_zero_var(rewrite, node, &x);
    }
    ins[n++] = y->scale;
    ins[n++] = qn_quantised_zero_var(rewrite, node, y);
    snprintf(name, sizeof(name), "QLinear%s", node->op->name);
    return qn_quantised_make(rewrite, node, "quern", name, 1, ins, n, made);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BYTES (QN_BIT(UINT8) | QN_BIT(INT8))
#define FLOAT QN_BIT(FLOAT)

static const struct qn_kernel binary_kernels[] = {{.name = "qlinear_binary", .run = run_binary}, {.name = NULL}};
static const struct qn_kernel pool_kernels[] = {{.name = "qlinear_global_pool", .run = run_pool}, {.name = NULL}};
static const struct qn_kernel table_kernels[] = {{.name = "byte_table", .run = run_table}, {.name = NULL}};

#define ROW(text, inputs, y_group, infer_fn, kernel_list, ...)                                                         \
    {                                                                                                                  \
        .name = (text), .domain = "quern", .since = 1, .until = 1, .in = inputs,                                       \
        .out = QN_FORMALS(QN_OUT("y", y_group, BYTES)), .infer = (infer_fn), .kernels = (kernel_list), __VA_ARGS__     \
    }
#define CODED(name, group)                                                                                             \
    QN_IN(name, group, BYTES), QN_IN(name "_scale", 0, FLOAT), QN_IN(name "_zero_point", group, BYTES)
#define Y_CODING QN_IN("y_scale", 0, FLOAT), QN_IN("y_zero_point", 'Y', BYTES)
#define BINARY(name, which)                                                                                            \
    ROW(name, QN_FORMALS(CODED("a", 'A'), CODED("b", 'B'), Y_CODING), 'Y', infer_binary, binary_kernels,               \
        QN_PRESET(binary, .op = (which)), .inplace = QN_INPLACE(A) | QN_INPLACE(B))

const struct qn_op qn_ops_qlinear_elements[] = {
    BINARY("QLinearAdd", QN_ADD),
    BINARY("QLinearSub", QN_SUB),
    BINARY("QLinearMul", QN_MUL),
    BINARY("QLinearDiv", QN_DIV),
    ROW("QLinearGlobalAveragePool", QN_FORMALS(CODED("x", 'X'), Y_CODING), 'Y', infer_pool, pool_kernels, .flags = 0),
    ROW("ByteTable", QN_FORMALS(QN_IN("x", 'X', BYTES), QN_IN("table", 'Y', BYTES)), 'Y', infer_table, table_kernels,
        .inplace = QN_INPLACE(0)),
    {.name = NULL},
};
