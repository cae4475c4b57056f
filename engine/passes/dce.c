/* dce.c: dead code. Walks backwards once, so that a chain of unused nodes goes in one pass. */
#include "passes/pass.h"

/* An unused output that the descriptor calls optional need not be computed. */
static void forget_unused_outputs(struct qn_node *node)
{
    const struct qn_formal *formal = node->op->out;

    for (int i = 0; i < node->n_out && formal->name; i++, formal++) {
        if (formal->flags & QN_VARIADIC)
            return;
        if (node->out[i] && node->out[i]->n_uses == 0 && (formal->flags & QN_OPTIONAL_FORMAL)) {
            node->out[i]->producer = NULL;
            node->out[i] = NULL;
        }
    }
}

static bool is_dead(const struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] && node->out[i]->n_uses > 0)
            return false;
    return true;
}

enum qn_status qn_pass_dce(struct qn_passes *passes, struct qn_graph *graph)
{
    (void)passes;
    for (struct qn_node *node = graph->last, *prev; node; node = prev) {
        prev = node->prev;
        if (is_dead(node))
            qn_patch_remove_node(graph, node);
        else
            forget_unused_outputs(node);
    }
    return QN_OK;
}
