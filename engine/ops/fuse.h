/* fuse.h: what rewrites of several families share: finding the one reader of a result, recognising an activation or a
 * residual in it, and putting one fused node in the place of two. Only float32 is fused. */
#ifndef QN_OPS_FUSE_H
#define QN_OPS_FUSE_H

#include "ops/op.h"

/* Attributes of a fused operator that ends in an activation: field `act` of its params. */
extern const char *const qn_act_names[];
#define QN_ACT_ATTRS(type, field)                                                                                      \
    {.name = "activation",                                                                                             \
     .form = QN_FORM_ENUM,                                                                                             \
     .offset = offsetof(struct type, field.kind),                                                                      \
     .text = "none",                                                                                                   \
     .choices = qn_act_names},                                                                                         \
        {.name = "activation_a", .form = QN_FORM_FLOAT, .offset = offsetof(struct type, field.a)},                     \
    {                                                                                                                  \
        .name = "activation_b", .form = QN_FORM_FLOAT, .offset = offsetof(struct type, field.b)                        \
    }

/* The node that alone reads the only output of `node`, a float32 tensor; NULL when there is none. */
struct qn_node *qn_fuse_next(const struct qn_rewrite *rewrite, const struct qn_node *node);
/* Whether next is an activation of the value. */
bool qn_fuse_activation(const struct qn_node *next, const struct qn_var *value, struct qn_act *act);
/* When next is the sum of value and another variable: which input that is; else -1. */
int qn_fuse_addend(const struct qn_node *next, const struct qn_var *value);
/* Whether the two have the same shape in every run; symbols count, unknown dims do not. */
bool qn_fuse_same_shape(const struct qn_var *a, const struct qn_var *b);
/* A constant of the graph, named after the node; *data: its elements, zero. NULL when out of memory. */
struct qn_var *qn_fuse_tensor(struct qn_rewrite *rewrite, const struct qn_node *node, const char *suffix,
                              enum qn_dtype dtype, const struct qn_shape *shape, void **data);
/* The same in float32. */
struct qn_var *qn_fuse_const(struct qn_rewrite *rewrite, const struct qn_node *node, const char *suffix,
                             const struct qn_shape *shape, float **data);
/* Puts a node of quern:<op> before `next` that takes over next's output, and removes both. Any of ins may be NULL;
 * params are copied. */
enum qn_status qn_fuse_join(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, const char *op_name,
                            struct qn_var *const *ins, int n_ins, const void *params);

#endif
