/* fuse.c: shared by rewrites of Conv, Gemm and MatMul; see fuse.h. */
#include "ops/fuse.h"

#include <stdio.h>
#include <string.h>

const char *const qn_act_names[] = {
    [QN_ACT_NONE] = "none",
    [QN_ACT_RELU] = "relu",
    [QN_ACT_CLIP] = "clip",
    [QN_ACT_LEAKY] = "leaky_relu",
    [QN_ACT_HARDSIGMOID] = "hard_sigmoid",
    [QN_ACT_HARDSWISH] = "hard_swish",
    [QN_ACT_SIGMOID] = "sigmoid",
    [QN_ACT_TANH] = "tanh",
    [QN_ACT_SILU] = "silu",
    [QN_ACT_GELU] = "gelu",
    [QN_ACT_GELU_TANH] = "gelu_tanh",
    [QN_ACT_ELU] = "elu",
    [QN_N_ACT] = NULL,
};

struct qn_node *qn_fuse_next(const struct qn_rewrite *rewrite, const struct qn_node *node)
{
    const struct qn_var *value = node->out[0];

    if (node->n_out != 1 || !value || value->fact.dtype != QN_FLOAT)
        return NULL;
    return qn_uses_only(&rewrite->uses, rewrite->graph, value);
}

bool qn_fuse_activation(const struct qn_node *next, const struct qn_var *value, struct qn_act *act)
{
    return next->in[0] == value && next->op->activation && next->op->activation(next, act);
}

int qn_fuse_addend(const struct qn_node *next, const struct qn_var *value)
{
    if (strcmp(next->op->name, "Add") != 0 || next->op->domain[0] || next->op->since < 7 || next->n_in != 2)
        return -1;
    return next->in[0] == value ? 1 : 0;
}

bool qn_fuse_same_shape(const struct qn_var *a, const struct qn_var *b)
{
    const struct qn_shape *shape = &a->fact.shape;

    if (shape->rank < 0 || !qn_shape_equal(shape, &b->fact.shape))
        return false;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] == QN_DIM_UNKNOWN)
            return false;
    return true;
}

struct qn_var *qn_fuse_tensor(struct qn_rewrite *rewrite, const struct qn_node *node, const char *suffix,
                              enum qn_dtype dtype, const struct qn_shape *shape, void **data)
{
    struct qn_tensor *tensor = qn_arena_alloc(rewrite->arena, sizeof(*tensor));
    char name[128];

    if (!tensor || qn_tensor_create(rewrite->arena, dtype, shape, tensor, rewrite->err) != QN_OK)
        return NULL;
    *data = tensor->data;
    snprintf(name, sizeof(name), "%.90s.%s", node->name, suffix);
    return qn_graph_add_const(rewrite->graph, name, tensor);
}

struct qn_var *qn_fuse_const(struct qn_rewrite *rewrite, const struct qn_node *node, const char *suffix,
                             const struct qn_shape *shape, float **data)
{
    void *values;
    struct qn_var *var = qn_fuse_tensor(rewrite, node, suffix, QN_FLOAT, shape, &values);

    if (var)
        *data = values;
    return var;
}

enum qn_status qn_fuse_join(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, const char *op_name,
                            struct qn_var *const *ins, int n_ins, const void *params)
{
    const struct qn_op *op;
    struct qn_node *fused;
    char name[192];

    QN_TRY(qn_op_find("quern", op_name, 1, false, &op, rewrite->err));
    snprintf(name, sizeof(name), "%.90s+%.90s", node->name, next->name);
    fused = qn_graph_add_node(rewrite->graph, next, op, op->name, name, n_ins, 1);
    QN_CHECK_MEM(fused, rewrite->err);
    fused->params = qn_arena_memdup(rewrite->arena, params, op->params_bytes);
    QN_CHECK_MEM(fused->params, rewrite->err);
    for (int i = 0; i < n_ins; i++)
        qn_node_set_in(fused, i, ins[i]);
    qn_patch_take_output(fused, 0, next->out[0]);
    qn_patch_remove_node(rewrite->graph, next);
    qn_patch_remove_node(rewrite->graph, node);
    rewrite->changed = true;
    return QN_OK;
}
