/* cse.c: common sub-expressions. Two nodes are the same when operator, parameters (bit for bit) and inputs are; inputs
 * that are small constants compare by value, for exporters that repeat them. One hash table over the nodes, in order.
 */
#include <string.h>

#include "passes/pass.h"

enum { SMALL_CONSTANT = 256 };

static bool same_constant(const struct qn_tensor *a, const struct qn_tensor *b)
{
    struct qn_shape sa = qn_tensor_shape(a), sb = qn_tensor_shape(b);
    size_t n = qn_tensor_bytes(a);

    return a->dtype == b->dtype && a->dtype != QN_STRING && qn_shape_equal(&sa, &sb) && n <= SMALL_CONSTANT &&
           memcmp(a->data, b->data, n) == 0;
}

static bool same_input(const struct qn_var *a, const struct qn_var *b)
{
    return a == b || (a && b && a->fact.konst && b->fact.konst && same_constant(a->fact.konst, b->fact.konst));
}

static bool same_node(const struct qn_node *a, const struct qn_node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out)
        return false;
    if (memcmp(a->params, b->params, a->op->params_bytes) != 0)
        return false;
    for (int i = 0; i < a->n_in; i++)
        if (!same_input(a->in[i], b->in[i]))
            return false;
    for (int i = 0; i < a->n_out; i++)
        if (b->out[i] && !a->out[i])
            return false;
    return true;
}

static uint64_t hash_node(const struct qn_node *node)
{
    uint64_t hash = qn_hash_bytes(node->params, node->op->params_bytes, (uintptr_t)node->op);

    for (int i = 0; i < node->n_in; i++) {
        const struct qn_var *var = node->in[i];
        const struct qn_tensor *konst = var ? var->fact.konst : NULL;

        if (konst && konst->dtype != QN_STRING && qn_tensor_bytes(konst) <= SMALL_CONSTANT)
            hash = qn_hash_bytes(konst->data, qn_tensor_bytes(konst), hash);
        else
            hash = qn_hash_bytes(&var, sizeof(var), hash);
    }
    return hash;
}

static void merge(struct qn_graph *graph, struct qn_node *kept, struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i])
            qn_patch_replace_var(graph, node->out[i], kept->out[i]);
    qn_patch_remove_node(graph, node);
}

static bool may_share(const struct qn_node *node) { return node->n_bodies == 0 && !(node->op->flags & QN_RANDOM); }

enum qn_status qn_pass_cse(struct qn_passes *passes, struct qn_graph *graph)
{
    struct qn_arena scratch;
    struct qn_node **slots;
    size_t n_slots = 16;

    if (passes->reference)
        return QN_OK;
    while (n_slots < graph->n_nodes * 2)
        n_slots *= 2;
    qn_arena_init(&scratch, (size_t)1 << 30);
    slots = qn_arena_array(&scratch, n_slots, sizeof(*slots));
    for (struct qn_node *node = slots ? graph->first : NULL, *next; node; node = next) {
        size_t i;

        next = node->next;
        if (!may_share(node))
            continue;
        for (i = hash_node(node) & (n_slots - 1); slots[i]; i = (i + 1) & (n_slots - 1))
            if (same_node(slots[i], node))
                break;
        if (slots[i])
            merge(graph, slots[i], node);
        else
            slots[i] = node;
    }
    qn_arena_deinit(&scratch);
    return slots ? QN_OK : qn_err_set(passes->err, QN_NOMEM, "out of memory");
}
