/* integers.c: graphs in which every operator stands between a DequantizeLinear and a QuantizeLinear, as quantisers
 * export them, become graphs of operators of bytes. Everything starts from a QuantizeLinear: it moves up over operators
 * that only move elements; there it meets a dequantisation (both go, or become a table of 256 results), or an operator
 * that knows how to become one of bytes (its hook `integers`). Activations in between are tables, or fall away where
 * saturation does their work. Nothing is done where the result could differ from that in float32 by more than the
 * rounding of one step. Not here: recognising the two nodes (quantize.c), the operators themselves (qlinear*.c). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/fuse.h"
#include "ops/quantized.h"

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

float qn_quantised_scale(const struct qn_quantised *q, int64_t i)
{
    return ((const float *)q->scale->fact.konst->data)[q->axis < 0 ? 0 : i];
}

int32_t qn_quantised_zero(const struct qn_quantised *q, int64_t i)
{
    return q->zero ? (int32_t)qn_tensor_int(q->zero->fact.konst, q->axis < 0 ? 0 : i) : 0;
}

struct qn_var *qn_quantised_zero_var(struct qn_rewrite *rewrite, const struct qn_node *node,
                                     const struct qn_quantised *q)
{
    void *data;

    return q->zero ? q->zero : qn_fuse_tensor(rewrite, node, "zero", q->dtype, &QN_SHAPE_SCALAR, &data);
}

/* The bias of channel m in steps of `step`, not yet rounded. */
static double bias_in_steps(const struct qn_tensor *b, const struct qn_quantised *q, int64_t m, double step)
{
    double whole, scale;

    if (!q)
        return (double)((const float *)b->data)[m] / step;
    whole = (double)(qn_tensor_int(b, m) - qn_quantised_zero(q, m));
    scale = qn_quantised_scale(q, m);
    return fabs(scale - step) <= step * 1e-6 ? whole : whole * scale / step;
}

struct qn_var *qn_quantised_bias(struct qn_rewrite *rewrite, const struct qn_node *node, const struct qn_var *b,
                                 int64_t n, int64_t k, const struct qn_quantised *x, const struct qn_quantised *w,
                                 const struct qn_quantised *y)
{
    const struct qn_shape shape = qn_shape_1d(n);
    struct qn_quantised q;
    bool quantised = qn_dequantised(b, &q);
    const struct qn_tensor *values = quantised ? q.bytes->fact.konst : b->fact.konst;
    struct qn_var *var;
    void *made;

    rewrite->declined = "the bias is not constant";
    if (!values || (!quantised && values->dtype != QN_FLOAT) || qn_tensor_count(values) != n)
        return NULL;
    var = qn_fuse_tensor(rewrite, node, "bias", QN_INT32, &shape, &made);
    for (int64_t m = 0; var && m < n; m++) {
        const double step = (double)qn_quantised_scale(x, 0) * qn_quantised_scale(w, m);
        const double steps = bias_in_steps(values, quantised ? &q : NULL, m, step);

        rewrite->declined = "the bias is too large or too fine";
        if (!(fabs(steps) + (double)k * (255 * 255) < 0x1p31) ||
            fabs(steps - rint(steps)) * step > 0.25 * (double)qn_quantised_scale(y, 0))
            return NULL;
        ((int32_t *)made)[m] = (int32_t)rint(steps);
    }
    rewrite->declined = NULL;
    return var;
}

enum qn_status qn_quantised_make(struct qn_rewrite *rewrite, struct qn_node *node, const char *domain,
                                 const char *op_name, int64_t opset, struct qn_var *const *ins, int n_ins,
                                 struct qn_node **made)
{
    for (int i = 0; i < n_ins; i++)
        QN_CHECK_MEM(ins[i], rewrite->err);
    *made = qn_op_make_node(rewrite->graph, node, domain, op_name, opset, node->name, ins, n_ins,
                            (struct qn_var *[]){NULL}, 1, NULL, 0, rewrite->err);
    if (!*made)
        return rewrite->err && rewrite->err->status ? rewrite->err->status : QN_NOMEM;
    return QN_OK;
}

/* ---- What stands before a quantisation ------------------------------------------------------------------------ */

static bool is_move(const struct qn_node *node, enum qn_dtype dtype)
{
    return (node->op->flags & (QN_VIEW | QN_MOVES)) && node->n_bodies == 0 && (node->n_out == 1 || !node->out[1]) &&
           node->in[0]->fact.kind == QN_TENSOR && qn_dtypes_have(node->op->in[0].types, dtype);
}

static bool is_activation(const struct qn_node *node, struct qn_act *act)
{
    return node->op->activation && node->op->activation(node, act) && act->kind != QN_ACT_NONE;
}

static bool is_concat(const struct qn_node *node)
{
    return !node->op->domain[0] && strcmp(node->op->name, "Concat") == 0 && node->op->since >= 4;
}

/* Whether the value could come as bytes: up, over what nobody else reads, to a dequantisation or a hook. */
static bool may_be_bytes(const struct qn_var *value, enum qn_dtype dtype)
{
    struct qn_quantised q;
    struct qn_act act;

    while (!qn_dequantised_bytes(value, &q)) {
        const struct qn_node *node = value->producer;

        if (!node || value->n_uses != 1 || value->fact.dtype != QN_FLOAT || value->index != 0)
            return false;
        if (node->op->integers)
            return true;
        if (is_concat(node)) {
            for (int i = 0; i < node->n_in; i++)
                if (!qn_dequantised_bytes(node->in[i], &q))
                    return false;
            return true;
        }
        if (!is_move(node, dtype) && !is_activation(node, &act))
            return false;
        value = node->in[0];
    }
    return true;
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

/* A copy of the node, in front of `before`. */
static struct qn_node *copy_node(struct qn_rewrite *rewrite, const struct qn_node *node, struct qn_node *before)
{
    struct qn_node *copy =
        qn_graph_add_node(rewrite->graph, before, node->op, node->op_name, node->name, node->n_in, node->n_out);

    if (!copy)
        return NULL;
    copy->params = node->params;
    for (int i = 0; i < node->n_in; i++)
        qn_node_set_in(copy, i, node->in[i]);
    return copy;
}

enum qn_status qn_quantised_move(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                                 struct qn_node **made)
{
    struct qn_quantised x;

    if (!qn_dequantised_bytes(node->in[0], &x) || x.dtype != y->dtype ||
        qn_quantised_scale(&x, 0) != qn_quantised_scale(y, 0) || qn_quantised_zero(&x, 0) != qn_quantised_zero(y, 0) ||
        !qn_dtypes_have(node->op->in[0].types, x.dtype))
        return QN_OK;
    *made = copy_node(rewrite, node, node);
    QN_CHECK_MEM(*made, rewrite->err);
    qn_node_set_in(*made, 0, x.bytes);
    return QN_OK;
}

/* A new value of bytes, output 0 of the node, shaped as the one it is made of. */
static struct qn_var *add_bytes(struct qn_rewrite *rewrite, struct qn_node *node, enum qn_dtype dtype,
                                const struct qn_var *like)
{
    char name[192];
    struct qn_var *var;

    snprintf(name, sizeof(name), "%.90s.%.90s", like->name, "bytes");
    var = qn_graph_add_var(rewrite->graph, name);
    if (var) {
        var->fact = qn_fact_tensor(dtype, &like->fact.shape);
        qn_node_set_out(node, 0, var);
    }
    return var;
}

/* Q(move(x)) becomes move(Q(x)). */
static enum qn_status move_up(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y)
{
    struct qn_node *move = node->in[0]->producer, *after = copy_node(rewrite, move, node->next);
    struct qn_var *x = move->in[0], *bytes;

    QN_CHECK_MEM(after, rewrite->err);
    qn_patch_take_output(after, 0, node->out[0]);
    bytes = add_bytes(rewrite, node, y->dtype, x);
    QN_CHECK_MEM(bytes, rewrite->err);
    qn_node_set_in(after, 0, bytes);
    qn_node_set_in(node, 0, x);
    qn_patch_remove_node(rewrite->graph, move);
    return QN_OK;
}

/* Q(Concat(x, ...)) becomes Concat(Q(x), ...). The quantisations are offered in the next round. */
static enum qn_status move_into(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y)
{
    struct qn_node *concat = node->in[0]->producer, *after = copy_node(rewrite, concat, node->next);

    QN_CHECK_MEM(after, rewrite->err);
    for (int i = 0; i < concat->n_in; i++) {
        struct qn_node *part = copy_node(rewrite, node, node);
        struct qn_var *bytes = part ? add_bytes(rewrite, part, y->dtype, concat->in[i]) : NULL;

        QN_CHECK_MEM(bytes, rewrite->err);
        qn_node_set_in(part, 0, concat->in[i]);
        qn_node_set_in(after, i, bytes);
    }
    qn_patch_take_output(after, 0, node->out[0]);
    qn_patch_remove_node(rewrite->graph, node);
    qn_patch_remove_node(rewrite->graph, concat);
    return QN_OK;
}

/* Takes out the node and what was computed only for it, up to and with `last`. */
static void remove_up_to(struct qn_graph *graph, struct qn_node *node, const struct qn_node *last)
{
    for (struct qn_node *before; node; node = before) {
        before = node == last ? NULL : node->in[0]->producer;
        qn_patch_remove_node(graph, node);
    }
}

/* Who reads output 0 of the node, which comes before them, reads x. */
static void read_instead(struct qn_node *node, struct qn_var *x)
{
    for (struct qn_node *reader = node->next; reader && node->out[0]->n_uses > 0; reader = reader->next)
        for (int i = 0; i < reader->n_in; i++)
            if (reader->in[i] == node->out[0])
                qn_node_set_in(reader, i, x);
}

/* A node that replaces each byte of x by table[byte] and gives y. */
static enum qn_status add_table(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_var *x, enum qn_dtype dtype,
                                const uint8_t *table)
{
    const struct qn_shape shape = qn_shape_1d(256);
    struct qn_var *ins[2] = {x, NULL};
    struct qn_node *made = NULL;
    void *data;

    ins[1] = qn_fuse_tensor(rewrite, node, "table", dtype, &shape, &data);
    QN_CHECK_MEM(ins[1], rewrite->err);
    memcpy(data, table, 256);
    QN_TRY(qn_quantised_make(rewrite, node, "quern", "ByteTable", 1, ins, 2, &made));
    qn_patch_take_output(made, 0, node->out[0]);
    return QN_OK;
}

enum { MAX_CHAIN = 8 };

/* Q(acts(DQ(x))): nothing when both ends agree, else a table of what the three give for each byte. */
static enum qn_status join_ends(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *x,
                                const struct qn_quantised *y, const struct qn_act *acts, int n_acts)
{
    const enum qn_bytes_form from = qn_quant_form(x->dtype), to = qn_quant_form(y->dtype);
    struct qn_node *first = node;
    uint8_t bytes[256];
    float values[256];
    bool same = x->dtype == y->dtype;

    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    qn_bytes_dequantise(values, from, bytes, qn_quantised_scale(x, 0), qn_quantised_zero(x, 0), 256);
    for (int i = n_acts - 1; i >= 0; i--) {
        qn_kern()->act(values, values, 256, &acts[i]);
        first = first->in[0]->producer;
    }
    qn_bytes_quantise(bytes, to, values, qn_quantised_scale(y, 0), qn_quantised_zero(y, 0), 256);
    for (int i = 0; i < 256 && same; i++)
        same = bytes[i] == i;
    if (same && !qn_graph_is_output(rewrite->graph, node->out[0]))
        read_instead(node, x->bytes);
    else
        QN_TRY(add_table(rewrite, node, x->bytes, y->dtype, bytes));
    remove_up_to(rewrite->graph, node, first);
    return QN_OK;
}

/* Where activations clamp, in bytes: false when they do something else. */
static bool clamps(const struct qn_act *acts, int n_acts, const struct qn_quantised *y, int32_t *low, int32_t *high)
{
    float ends[2] = {-INFINITY, INFINITY};
    uint8_t bytes[2];

    for (int i = n_acts - 1; i >= 0; i--) {
        if (acts[i].kind != QN_ACT_RELU && acts[i].kind != QN_ACT_CLIP)
            return false;
        qn_kern()->act(ends, ends, 2, &acts[i]);
    }
    qn_bytes_quantise(bytes, qn_quant_form(y->dtype), ends, qn_quantised_scale(y, 0), qn_quantised_zero(y, 0), 2);
    *low = y->dtype == QN_INT8 ? (int8_t)bytes[0] : bytes[0];
    *high = y->dtype == QN_INT8 ? (int8_t)bytes[1] : bytes[1];
    return true;
}

/* Q(acts(op(...))) by the operator's hook. */
static enum qn_status use_hook(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *op,
                               const struct qn_quantised *y, const struct qn_act *acts, int n_acts)
{
    const int32_t least = y->dtype == QN_INT8 ? -128 : 0;
    struct qn_node *made = NULL;
    struct qn_var *bytes;
    uint8_t table[256];
    int32_t low, high;

    if (!clamps(acts, n_acts, y, &low, &high))
        return QN_OK;
    QN_TRY(op->op->integers(rewrite, op, y, &made));
    if (!made)
        return QN_OK;
    rewrite->declined = NULL;
    rewrite->changed = true;
    if (low == least && high == least + 255) {
        qn_patch_take_output(made, 0, node->out[0]);
    } else {
        for (int i = 0; i < 256; i++) {
            int32_t byte = y->dtype == QN_INT8 ? (int8_t)i : i;

            table[i] = (uint8_t)(byte < low ? low : byte > high ? high : byte);
        }
        bytes = add_bytes(rewrite, made, y->dtype, node->out[0]);
        QN_CHECK_MEM(bytes, rewrite->err);
        QN_TRY(add_table(rewrite, node, bytes, y->dtype, table));
    }
    remove_up_to(rewrite->graph, node, op);
    return QN_OK;
}

enum qn_status qn_quantised_rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    struct qn_act acts[MAX_CHAIN];
    struct qn_quantised x, y;
    struct qn_node *op;
    int n_acts = 0;

    if (!qn_quantises(node, &y) || !may_be_bytes(node->in[0], y.dtype))
        return QN_OK;
    while (node->in[0]->producer && is_move(node->in[0]->producer, y.dtype)) {
        QN_TRY(move_up(rewrite, node, &y));
        rewrite->changed = true;
    }
    op = node->in[0]->producer;
    if (is_concat(op)) {
        rewrite->changed = true;
        return move_into(rewrite, node, &y);
    }
    while (n_acts < MAX_CHAIN && is_activation(op, &acts[n_acts])) {
        op = op->in[0]->producer;
        n_acts++;
    }
    if (qn_dequantised_bytes(n_acts > 0 ? op->out[0] : node->in[0], &x)) {
        rewrite->changed = true;
        return join_ends(rewrite, node, &x, &y, acts, n_acts);
    }
    return op->op->integers ? use_hook(rewrite, node, op, &y, acts, n_acts) : QN_OK;
}
