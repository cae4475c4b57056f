/* rewrite.c: fusions. Each descriptor may absorb its neighbours; this pass offers every node to its descriptor, in
 * order, round after round until one changes nothing. What a fusion looks like is known only to the operator's own
 * file. */
#include "base/log.h"
#include "passes/pass.h"

enum { MAX_ROUNDS = 16 };

static enum qn_status offer(struct qn_passes *passes, struct qn_rewrite *rewrite, struct qn_node *node)
{
    enum qn_status status;

    rewrite->changed = false;
    rewrite->declined = NULL;
    status = node->op->rewrite(rewrite, node);
    if (status != QN_OK)
        return qn_err_at(passes->err, status, node->name, node->op_name);
    if (rewrite->declined)
        qn_log(QN_LOG_DEBUG, "fuse", "%s (%s): %s", node->name, node->op_name, rewrite->declined);
    passes->n_rewrites += rewrite->changed;
    return QN_OK;
}

/* False for a node that an earlier rewrite of this round removed. */
static bool is_linked(const struct qn_graph *graph, const struct qn_node *node)
{
    return node->prev ? node->prev->next == node : graph->first == node;
}

static enum qn_status offer_all(struct qn_passes *passes, struct qn_rewrite *rewrite, unsigned early, bool *changed)
{
    *changed = false;
    for (struct qn_node *node = rewrite->graph->first; node; node = node->next) {
        if (!node->op->rewrite || (node->op->flags & QN_REWRITE_EARLY) != early || !is_linked(rewrite->graph, node))
            continue;
        if (passes->max_rewrites > 0 && passes->n_rewrites >= passes->max_rewrites)
            break;
        QN_TRY(offer(passes, rewrite, node));
        *changed |= rewrite->changed;
    }
    return QN_OK;
}

static enum qn_status rewrite_all(struct qn_passes *passes, struct qn_graph *graph, unsigned early)
{
    struct qn_rewrite rewrite = {.graph = graph, .arena = graph->arena, .err = passes->err};
    bool changed = !passes->reference && passes->max_rewrites >= 0;
    enum qn_status status = QN_OK;
    struct qn_arena scratch;

    qn_arena_init(&scratch, (size_t)1 << 30);
    for (int round = 0; changed && status == QN_OK && round < MAX_ROUNDS; round++) {
        if (!qn_uses_build(&rewrite.uses, graph, &scratch))
            status = qn_err_set(passes->err, QN_NOMEM, "out of memory");
        else
            status = offer_all(passes, &rewrite, early, &changed);
        qn_arena_reset(&scratch);
    }
    qn_arena_deinit(&scratch);
    return status;
}

enum qn_status qn_pass_rewrite(struct qn_passes *passes, struct qn_graph *graph)
{
    return rewrite_all(passes, graph, 0);
}

/* What became superfluous goes first, so that only constants that are still wanted are folded. */
enum qn_status qn_pass_integers(struct qn_passes *passes, struct qn_graph *graph)
{
    QN_TRY(rewrite_all(passes, graph, QN_REWRITE_EARLY));
    QN_TRY(qn_pass_dce(passes, graph));
    return passes->late ? qn_pass_fold_all(passes, graph) : QN_OK;
}
