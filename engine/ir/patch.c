/* patch.c: the only edits passes make to a finished graph. Each keeps producers and use counts right; none allocates
 * except the table of uses. */
#include <assert.h>

#include "ir/graph.h"

void qn_patch_set_output(struct qn_graph *graph, int i, struct qn_var *var)
{
    assert(i >= 0 && i < graph->n_outputs && var);
    var->n_uses++;
    graph->outputs[i]->n_uses--;
    graph->outputs[i] = var;
}

static void unlink_node(struct qn_graph *graph, struct qn_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        graph->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        graph->last = node->prev;
    graph->n_nodes--;
}

/* next and prev of the removed node stay, so that a loop standing on it can go on. */
void qn_patch_remove_node(struct qn_graph *graph, struct qn_node *node)
{
    for (int i = 0; i < node->n_in; i++)
        qn_node_set_in(node, i, NULL);
    for (int i = 0; i < node->n_out; i++) {
        assert(!node->out[i] || node->out[i]->producer != node || node->out[i]->n_uses == 0);
        qn_node_set_out(node, i, NULL);
    }
    unlink_node(graph, node);
}

/* The producer, if any, no longer has this output. */
static void detach(struct qn_var *var)
{
    if (var->producer && var->producer->out[var->index] == var)
        var->producer->out[var->index] = NULL;
    var->producer = NULL;
}

void qn_patch_make_const(struct qn_var *var, const struct qn_tensor *tensor)
{
    detach(var);
    var->index = 0;
    var->fact = qn_fact_const(tensor);
}

void qn_patch_take_output(struct qn_node *by, int i, struct qn_var *var)
{
    assert(i >= 0 && i < by->n_out);
    detach(var);
    qn_node_set_out(by, i, var);
}

/* ---- Uses ---------------------------------------------------------------------------------------------------------
 */

bool qn_uses_build(struct qn_uses *uses, struct qn_graph *graph, struct qn_arena *arena)
{
    uses->n_vars = graph->n_vars;
    uses->first = qn_arena_array(arena, graph->n_vars, sizeof(struct qn_node *));
    if (!uses->first)
        return false;
    for (struct qn_node *node = graph->first; node; node = node->next)
        for (int i = 0; i < node->n_in; i++)
            if (node->in[i] && !uses->first[node->in[i]->id])
                uses->first[node->in[i]->id] = node;
    return true;
}

/* With one use, a reader in the table means that the use is not as a graph output. The reader is looked at again
 * because an edit since the table was built may have moved the use. */
struct qn_node *qn_uses_only(const struct qn_uses *uses, const struct qn_graph *graph, const struct qn_var *var)
{
    struct qn_node *node;

    (void)graph;
    if (var->n_uses != 1 || var->id >= uses->n_vars)
        return NULL;
    node = uses->first[var->id];
    for (int i = 0; node && i < node->n_in; i++)
        if (node->in[i] == var)
            return node;
    return NULL;
}
