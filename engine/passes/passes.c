/* passes.c: the ordered list of passes, over the main graph and every body. */
#include <string.h>

#include "passes/pass.h"

static const struct qn_pass full_list[] = {
    {"fold", qn_pass_fold},       {"widen", qn_pass_widen},       {"cse", qn_pass_cse},
    {"dce", qn_pass_dce},         {"integers", qn_pass_integers}, {"fuse", qn_pass_rewrite},
    {"refold", qn_pass_fold_all}, {"clean", qn_pass_dce},         {NULL, NULL},
};

static const struct qn_pass specialise_list[] = {
    {"specialise", qn_pass_fold_all},
    {"widen_rest", qn_pass_widen},
    {"dce", qn_pass_dce},
    {NULL, NULL},
};

enum { MAX_DUMP = 256 << 20 };

void qn_passes_dump(const struct qn_passes *passes, const struct qn_graph *graph, const char *stage)
{
    struct qn_buf text;

    if (!passes->dump_fn || !passes->dump || (strcmp(passes->dump, "all") != 0 && strcmp(passes->dump, stage) != 0))
        return;
    qn_buf_init(&text, MAX_DUMP);
    qn_graph_dump(graph, &text);
    passes->dump_fn(passes->dump_arg, stage, text.data ? text.data : "");
    qn_buf_deinit(&text);
}

static enum qn_status run_list(struct qn_passes *passes, struct qn_graph *graph, const struct qn_pass *list)
{
    for (const struct qn_pass *pass = list; pass->name; pass++) {
        QN_TRY(pass->run(passes, graph));
#ifndef NDEBUG
        QN_TRY(qn_graph_verify(graph, passes->err));
#endif
        qn_passes_dump(passes, graph, pass->name);
    }
    return QN_OK;
}

/* What a body may assume of its inputs: declared element types hold, declared shapes often do not; captured values are
 * what the outer graph knows of them. */
static void seed_body(const struct qn_node *node, const struct qn_body *body)
{
    struct qn_graph *graph = body->graph;

    for (int i = 0; i < graph->n_inputs; i++) {
        graph->inputs[i]->fact.shape = QN_SHAPE_UNKNOWN;
        graph->inputs[i]->fact.konst = NULL;
    }
    for (int i = 0; i < graph->n_captures; i++)
        graph->captures[i]->fact = node->in[body->capture_input[i]]->fact;
}

enum qn_status qn_passes_run(struct qn_passes *passes, struct qn_graph *graph)
{
    struct qn_arena scratch;
    struct qn_graph **stack;
    size_t n = 1, capacity = 64;
    enum qn_status status = QN_OK;

    qn_arena_init(&scratch, (size_t)1 << 30);
    stack = qn_arena_array(&scratch, capacity, sizeof(*stack));
    if (!stack)
        status = qn_err_set(passes->err, QN_NOMEM, "out of memory");
    else
        stack[0] = graph;
    while (status == QN_OK && n > 0) {
        struct qn_graph *next = stack[--n];

        status = run_list(passes, next, full_list);
        for (struct qn_node *node = next->first; status == QN_OK && node; node = node->next) {
            for (int b = 0; b < node->n_bodies && status == QN_OK; b++) {
                if (n == capacity) {
                    struct qn_graph **more = qn_arena_array(&scratch, capacity * 2, sizeof(*stack));

                    if (!more) {
                        status = qn_err_set(passes->err, QN_NOMEM, "out of memory");
                        break;
                    }
                    memcpy(more, stack, n * sizeof(*stack));
                    stack = more;
                    capacity *= 2;
                }
                seed_body(node, &node->bodies[b]);
                stack[n++] = node->bodies[b].graph;
            }
        }
    }
    qn_arena_deinit(&scratch);
    return status;
}

enum qn_status qn_passes_specialise(struct qn_passes *passes, struct qn_graph *graph)
{
    return run_list(passes, graph, specialise_list);
}
