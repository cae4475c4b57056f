/* dump.c: a graph as text, for people, for `dump` options and for tests that compare graphs.
 *
 *   graph main
 *     in x: float32[batch,4]
 *     const w: float32[4,3] ...
 *     y: float32[batch,3] = MatMul(x, w)  # fc1
 *     out y
 *
 * A body is a graph, indented below its owner, whose inputs and captures have lines of their own. A dash stands for an
 * input that is left out or an output that is not wanted. Parameters of nodes are not shown: their layout is the
 * operator's. */
#include <string.h>

#include "ir/walk.h"

/* Constants of more elements are shown by their type alone. */
enum { SHOWN_ELEMENTS = 8 };

struct dump {
    struct qn_buf *buf;
    struct qn_arena scratch;
    int depth;
};

static void indent(struct dump *d, int more)
{
    for (int i = 0; i < d->depth * 2 - 2 + more; i++)
        qn_buf_puts(d->buf, "  ");
}

/* Names come from a file: control characters would break the lines. */
static void put_name(struct qn_buf *buf, const char *name)
{
    for (const char *p = name; *p; p++) {
        char c = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;

        qn_buf_append(buf, &c, 1);
    }
}

static void put_var(struct dump *d, const struct qn_var *var)
{
    if (var)
        put_name(d->buf, var->name);
    else
        qn_buf_puts(d->buf, "-");
}

static void put_typed(struct dump *d, const struct qn_graph *graph, const struct qn_var *var)
{
    const struct qn_symbols *symbols = graph->symbols;

    put_var(d, var);
    if (!var)
        return;
    qn_buf_puts(d->buf, ": ");
    qn_fact_print(d->buf, &var->fact, symbols ? symbols->names : NULL, symbols ? symbols->n : 0);
}

static void put_const(struct dump *d, const struct qn_var *var)
{
    const struct qn_tensor *tensor = var->fact.konst;
    struct qn_value value = {.kind = QN_TENSOR};

    indent(d, 1);
    qn_buf_puts(d->buf, "const ");
    put_name(d->buf, var->name);
    qn_buf_puts(d->buf, ": ");
    if (tensor->data && qn_tensor_count(tensor) <= SHOWN_ELEMENTS) {
        value.tensor = *tensor;
        qn_value_print(d->buf, &value, SHOWN_ELEMENTS);
    } else {
        qn_fact_print(d->buf, &var->fact, NULL, 0);
        qn_buf_puts(d->buf, " ...");
    }
    qn_buf_puts(d->buf, "\n");
}

/* Constants stand in no list of the graph: they are found where they are used. */
static void put_consts(struct dump *d, const struct qn_graph *graph)
{
    struct qn_arena_mark mark = qn_arena_mark(&d->scratch);
    bool *seen = qn_arena_array(&d->scratch, graph->n_vars, sizeof(*seen));

    if (!seen) {
        d->buf->failed = true;
        return;
    }
    for (const struct qn_node *node = graph->first; node; node = node->next)
        for (int i = 0; i < node->n_in; i++) {
            const struct qn_var *var = node->in[i];

            if (!var || !var->fact.konst || var->producer || seen[var->id])
                continue;
            seen[var->id] = true;
            put_const(d, var);
        }
    for (int i = 0; i < graph->n_outputs; i++) {
        const struct qn_var *var = graph->outputs[i];

        if (!var || !var->fact.konst || var->producer || seen[var->id])
            continue;
        seen[var->id] = true;
        put_const(d, var);
    }
    qn_arena_rewind(&d->scratch, mark);
}

static void put_list(struct dump *d, const struct qn_graph *graph, const char *what, struct qn_var *const *vars, int n,
                     bool typed)
{
    for (int i = 0; i < n; i++) {
        indent(d, 1);
        qn_buf_printf(d->buf, "%s ", what);
        if (typed)
            put_typed(d, graph, vars[i]);
        else
            put_var(d, vars[i]);
        qn_buf_puts(d->buf, "\n");
    }
}

static void put_node(struct dump *d, const struct qn_graph *graph, const struct qn_node *node)
{
    indent(d, 1);
    for (int i = 0; i < node->n_out; i++) {
        qn_buf_puts(d->buf, i ? ", " : "");
        put_typed(d, graph, node->out[i]);
    }
    qn_buf_puts(d->buf, node->n_out ? " = " : "");
    put_name(d->buf, node->op_name);
    qn_buf_puts(d->buf, "(");
    for (int i = 0; i < node->n_in; i++) {
        qn_buf_puts(d->buf, i == 0 ? "" : i == node->n_formal ? "; " : ", ");
        put_var(d, node->in[i]);
    }
    qn_buf_puts(d->buf, ")");
    if (node->name[0]) {
        qn_buf_puts(d->buf, "  # ");
        put_name(d->buf, node->name);
    }
    qn_buf_puts(d->buf, "\n");
}

static void put_head(struct dump *d, const struct qn_graph *graph)
{
    indent(d, 0);
    qn_buf_puts(d->buf, graph->parent ? "body " : "graph ");
    put_name(d->buf, graph->name);
    qn_buf_puts(d->buf, "\n");
    put_list(d, graph, "in", graph->inputs, graph->n_inputs, true);
    put_list(d, graph, "capture", graph->captures, graph->n_captures, true);
    put_consts(d, graph);
}

void qn_graph_dump(const struct qn_graph *graph, struct qn_buf *buf)
{
    struct dump d = {.buf = buf};
    enum qn_walk_event event;
    struct qn_walk walk;

    qn_arena_init(&d.scratch, SIZE_MAX);
    qn_walk_init(&walk, graph);
    do {
        event = qn_walk_next(&walk);
        d.depth = walk.depth;
        if (event == QN_WALK_ENTER)
            put_head(&d, walk.graph);
        else if (event == QN_WALK_NODE)
            put_node(&d, walk.graph, walk.node);
        if (event != QN_WALK_LEAVE)
            continue;
        d.depth++;
        put_list(&d, walk.graph, "out", walk.graph->outputs, walk.graph->n_outputs, false);
    } while (event != QN_WALK_END && event != QN_WALK_TOO_DEEP && !buf->failed);
    if (event == QN_WALK_TOO_DEEP)
        qn_buf_puts(buf, "... bodies nest too deep\n");
    qn_arena_deinit(&d.scratch);
}
