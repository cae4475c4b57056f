/* fold.c: inference and constant folding in one walk, so that a node sees what its predecessors became. A node is
 * evaluated by the ordinary kernels when all its inputs are constant; one that only asks for shapes (Shape, Size) is
 * known from facts alone. Results are kept within a budget: whatever is larger is computed at run time instead.
 * Dequantised constants are folded later than others: operators of bytes want the bytes. */
#include <string.h>

#include "passes/pass.h"

/* Bytes all outputs will take, or SIZE_MAX when not known. */
static size_t output_bytes(const struct qn_node *node)
{
    size_t total = 0;

    for (int i = 0; i < node->n_out; i++) {
        const struct qn_fact *fact = node->out[i] ? &node->out[i]->fact : NULL;
        size_t bytes;

        if (!fact)
            continue;
        if (fact->kind != QN_TENSOR || !qn_shape_bytes(&fact->shape, fact->dtype, &bytes))
            return SIZE_MAX;
        total += bytes;
    }
    return total;
}

static bool known_from_facts(const struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] && !node->out[i]->fact.konst)
            return false;
    return true;
}

/* Outputs become constants, the node goes. */
static void replace(struct qn_graph *graph, struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i])
            qn_patch_make_const(node->out[i], node->out[i]->fact.konst);
    qn_patch_remove_node(graph, node);
}

static enum qn_status evaluate(struct qn_passes *passes, struct qn_graph *graph, struct qn_node *node,
                               struct qn_arena *scratch, bool *done)
{
    struct qn_value *values = qn_arena_array(scratch, (size_t)node->n_in, sizeof(*values));
    struct qn_value **ins = qn_arena_array(scratch, (size_t)node->n_in, sizeof(*ins));
    struct qn_value **outs = qn_arena_array(scratch, (size_t)node->n_out, sizeof(*outs));
    struct qn_value *results = qn_arena_array(passes->arena, (size_t)node->n_out, sizeof(*results));
    struct qn_err ignored = {QN_OK, 0, {0}, {0}, {0}};

    *done = false;
    QN_CHECK_MEM(values && ins && outs && results ? node : NULL, passes->err);
    for (int i = 0; i < node->n_in; i++) {
        if (!node->in[i])
            continue;
        values[i].tensor = *node->in[i]->fact.konst;
        ins[i] = &values[i];
    }
    for (int i = 0; i < node->n_out; i++)
        outs[i] = node->out[i] ? &results[i] : NULL;
    /* What fails here fails again, with its proper error, if the run ever gets to it. */
    if (qn_op_eval(graph, node, ins, outs, passes->arena, scratch, passes->reference, &ignored) != QN_OK)
        return QN_OK;
    for (int i = 0; i < node->n_out; i++) {
        if (!outs[i])
            continue;
        if (results[i].kind != QN_TENSOR)
            return QN_OK;
        node->out[i]->fact = qn_fact_const(&results[i].tensor);
    }
    *done = true;
    return QN_OK;
}

static enum qn_status fold_node(struct qn_passes *passes, struct qn_graph *graph, struct qn_node *node, bool all,
                                struct qn_arena *scratch)
{
    size_t bytes;
    bool done;

    QN_TRY(qn_op_infer(graph, node, 0, passes->err));
    if (known_from_facts(node)) {
        replace(graph, node);
        return QN_OK;
    }
    if (!qn_op_foldable(node))
        return QN_OK;
    if (!all && (node->op->flags & QN_FOLD_LATE)) {
        passes->late = true;
        return QN_OK;
    }
    bytes = output_bytes(node);
    if (bytes == SIZE_MAX)
        bytes = (size_t)1 << 20;
    if (bytes > passes->fold_bytes)
        return QN_OK;
    QN_TRY(evaluate(passes, graph, node, scratch, &done));
    if (done) {
        passes->fold_bytes -= bytes;
        replace(graph, node);
    }
    return QN_OK;
}

static enum qn_status fold(struct qn_passes *passes, struct qn_graph *graph, bool all)
{
    enum qn_status status = QN_OK;
    struct qn_arena scratch;

    qn_arena_init(&scratch, (size_t)4 << 30);
    for (struct qn_node *node = graph->first, *next; node && status == QN_OK; node = next) {
        next = node->next;
        status = fold_node(passes, graph, node, all, &scratch);
        if (status != QN_OK)
            qn_err_at(passes->err, status, node->name, node->op_name);
        qn_arena_reset(&scratch);
    }
    qn_arena_deinit(&scratch);
    return status;
}

enum qn_status qn_pass_fold(struct qn_passes *passes, struct qn_graph *graph)
{
    passes->late = false;
    return fold(passes, graph, false);
}

enum qn_status qn_pass_fold_all(struct qn_passes *passes, struct qn_graph *graph) { return fold(passes, graph, true); }
