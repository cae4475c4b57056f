/* cse.c: common sub-expressions. Two nodes are the same when operator, parameters (bit for bit) and inputs are; inputs
 * that are small constants compare by value, for exporters that repeat them. One walk in order, with a hash table of
 * the nodes that stay and a table of what stands for the outputs of those that go, so that readers are turned as the
 * walk meets them. */
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

static bool may_share(const struct qn_node *node) { return node->n_bodies == 0 && !(node->op->flags & QN_RANDOM); }

struct cse {
    struct qn_node **slots;
    size_t mask;             /* slots, less one */
    struct qn_var **instead; /* by id: what stands for a variable; NULL: itself */
};

/* The slot of an equal node, or the free one for this. */
static struct qn_node **find_slot(const struct cse *c, const struct qn_node *node)
{
    size_t i = hash_node(node) & c->mask;

    while (c->slots[i] && !same_node(c->slots[i], node))
        i = (i + 1) & c->mask;
    return &c->slots[i];
}

static void turn_inputs(const struct cse *c, struct qn_node *node)
{
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] && c->instead[node->in[i]->id])
            qn_node_set_in(node, i, c->instead[node->in[i]->id]);
}

static void share(const struct cse *c, struct qn_node *node)
{
    struct qn_node **slot;

    turn_inputs(c, node);
    if (!may_share(node))
        return;
    slot = find_slot(c, node);
    for (int i = 0; *slot && i < node->n_out; i++)
        if (node->out[i])
            c->instead[node->out[i]->id] = (*slot)->out[i];
    if (!*slot)
        *slot = node;
}

static bool is_replaced(const struct cse *c, const struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] && c->instead[node->out[i]->id])
            return true;
    return false;
}

static void share_all(const struct cse *c, struct qn_graph *graph)
{
    for (struct qn_node *node = graph->first; node; node = node->next)
        share(c, node);
    for (int i = 0; i < graph->n_outputs; i++)
        if (c->instead[graph->outputs[i]->id])
            qn_patch_set_output(graph, i, c->instead[graph->outputs[i]->id]);
    for (struct qn_node *node = graph->first; node; node = node->next)
        if (is_replaced(c, node))
            qn_patch_remove_node(graph, node);
}

enum qn_status qn_pass_cse(struct qn_passes *passes, struct qn_graph *graph)
{
    struct qn_arena scratch;
    struct cse c;
    size_t n_slots = 16;
    bool ok;

    if (passes->reference)
        return QN_OK;
    while (n_slots < graph->n_nodes * 2)
        n_slots *= 2;
    qn_arena_init(&scratch, (size_t)1 << 30);
    c.mask = n_slots - 1;
    c.slots = qn_arena_array(&scratch, n_slots, sizeof(*c.slots));
    c.instead = qn_arena_array(&scratch, graph->n_vars, sizeof(*c.instead));
    ok = c.slots && c.instead;
    if (ok)
        share_all(&c, graph);
    qn_arena_deinit(&scratch);
    return ok ? QN_OK : qn_err_set(passes->err, QN_NOMEM, "out of memory");
}
