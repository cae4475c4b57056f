/* verify.c: every invariant that graph.h states, checked from scratch over a graph and its bodies. Debug builds call it
 * around each pass; tests call it always. It alters nothing and keeps its tables in an arena of its own. */
#include "ir/walk.h"

/* What is known of each variable of the graph under check, by id. */
struct seen {
    const struct qn_var *var; /* NULL: not met yet */
    bool defined;             /* an input, capture, or output of a node passed already */
    int n_uses;
};

struct verify {
    const struct qn_graph *graph;
    struct seen *seen;
    struct qn_err *err;
};

static enum qn_status check_id(struct verify *v, const struct qn_var *var)
{
    QN_CHECK(var->name, v->err, INTERNAL, "variable %u has no name", (unsigned)var->id);
    QN_CHECK(var->id < v->graph->n_vars, v->err, INTERNAL, "variable '%s' has id %u of %u", var->name,
             (unsigned)var->id, (unsigned)v->graph->n_vars);
    if (!v->seen[var->id].var)
        v->seen[var->id].var = var;
    QN_CHECK(v->seen[var->id].var == var, v->err, INTERNAL, "variables '%s' and '%s' share id %u", var->name,
             v->seen[var->id].var->name, (unsigned)var->id);
    return QN_OK;
}

static enum qn_status define(struct verify *v, const struct qn_var *var)
{
    QN_TRY(check_id(v, var));
    QN_CHECK(!v->seen[var->id].defined, v->err, INTERNAL, "variable '%s' is defined twice", var->name);
    v->seen[var->id].defined = true;
    return QN_OK;
}

static enum qn_status use(struct verify *v, const struct qn_var *var)
{
    QN_TRY(check_id(v, var));
    v->seen[var->id].n_uses++;
    if (v->seen[var->id].defined)
        return QN_OK;
    QN_CHECK(!var->producer, v->err, INTERNAL, "variable '%s' is read before its producer", var->name);
    QN_CHECK(var->fact.konst, v->err, INTERNAL, "variable '%s' is neither produced nor a constant", var->name);
    return QN_OK;
}

static enum qn_status check_formals(struct verify *v, struct qn_var *const *vars, int n, const char *what)
{
    for (int i = 0; i < n; i++) {
        QN_CHECK(vars[i], v->err, INTERNAL, "%s %d is missing", what, i);
        QN_CHECK(!vars[i]->producer, v->err, INTERNAL, "%s '%s' has a producer", what, vars[i]->name);
        QN_TRY(define(v, vars[i]));
    }
    return QN_OK;
}

static enum qn_status check_body(struct verify *v, const struct qn_node *node, const struct qn_body *body)
{
    QN_CHECK(body->graph, v->err, INTERNAL, "a body is missing");
    QN_CHECK(body->graph->parent, v->err, INTERNAL, "body '%s' has no parent", body->graph->name);
    for (int i = 0; i < body->graph->n_captures; i++) {
        int at = body->capture_input ? body->capture_input[i] : -1;

        QN_CHECK(at >= node->n_formal && at < node->n_in, v->err, INTERNAL,
                 "capture %d of body '%s' is at input %d, not among %d..%d", i, body->graph->name, at, node->n_formal,
                 node->n_in);
        QN_CHECK(node->in[at], v->err, INTERNAL, "capture %d of body '%s' is not connected", i, body->graph->name);
    }
    return QN_OK;
}

static enum qn_status check_outputs(struct verify *v, const struct qn_node *node)
{
    for (int i = 0; i < node->n_out; i++) {
        const struct qn_var *var = node->out[i];

        if (!var)
            continue;
        QN_CHECK(var->producer == node && var->index == i, v->err, INTERNAL,
                 "output %d, '%s', does not name its producer", i, var->name);
        QN_TRY(define(v, var));
    }
    return QN_OK;
}

static enum qn_status check_node(struct verify *v, const struct qn_node *node)
{
    QN_CHECK(node->name && node->op_name, v->err, INTERNAL, "node %u has no name", (unsigned)node->id);
    QN_CHECK(node->id < v->graph->n_node_ids, v->err, INTERNAL, "node id %u is not below %u", (unsigned)node->id,
             (unsigned)v->graph->n_node_ids);
    QN_CHECK(node->n_formal >= 0 && node->n_formal <= node->n_in, v->err, INTERNAL, "%d formal inputs of %d",
             node->n_formal, node->n_in);
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i])
            QN_TRY(use(v, node->in[i]));
    for (int i = 0; i < node->n_bodies; i++)
        QN_TRY(check_body(v, node, &node->bodies[i]));
    return check_outputs(v, node);
}

static enum qn_status check_links(struct verify *v)
{
    const struct qn_node *last = NULL;
    size_t n = 0;

    for (const struct qn_node *node = v->graph->first; node; last = node, node = node->next) {
        QN_CHECK(node->prev == last, v->err, INTERNAL, "the order of nodes is broken before '%s'", node->name);
        QN_CHECK(++n <= v->graph->n_nodes, v->err, INTERNAL, "more nodes than %zu", v->graph->n_nodes);
    }
    QN_CHECK(n == v->graph->n_nodes && last == v->graph->last, v->err, INTERNAL, "%zu nodes where %zu are counted", n,
             v->graph->n_nodes);
    return QN_OK;
}

static enum qn_status check_counts(struct verify *v)
{
    for (uint32_t i = 0; i < v->graph->n_vars; i++)
        if (v->seen[i].var)
            QN_CHECK(v->seen[i].var->n_uses == v->seen[i].n_uses, v->err, INTERNAL,
                     "variable '%s' counts %d uses and has %d", v->seen[i].var->name, v->seen[i].var->n_uses,
                     v->seen[i].n_uses);
    return QN_OK;
}

static enum qn_status verify_one(const struct qn_graph *graph, struct qn_arena *scratch, struct qn_err *err)
{
    struct qn_arena_mark mark = qn_arena_mark(scratch);
    struct verify v = {.graph = graph, .err = err};
    enum qn_status status;

    v.seen = qn_arena_array(scratch, graph->n_vars, sizeof(*v.seen));
    QN_CHECK_MEM(v.seen, err);
    QN_TRY(check_links(&v));
    QN_TRY(check_formals(&v, graph->inputs, graph->n_inputs, "input"));
    QN_TRY(check_formals(&v, graph->captures, graph->n_captures, "capture"));
    for (const struct qn_node *node = graph->first; node; node = node->next) {
        status = check_node(&v, node);
        if (status != QN_OK)
            return qn_err_at(err, status, node->name, node->op_name);
    }
    for (int i = 0; i < graph->n_outputs; i++) {
        QN_CHECK(graph->outputs[i], err, INTERNAL, "graph output %d is missing", i);
        QN_TRY(use(&v, graph->outputs[i]));
    }
    QN_TRY(check_counts(&v));
    qn_arena_rewind(scratch, mark);
    return QN_OK;
}

enum qn_status qn_graph_verify(const struct qn_graph *graph, struct qn_err *err)
{
    enum qn_status status = QN_OK;
    enum qn_walk_event event;
    struct qn_arena scratch;
    struct qn_walk walk;

    qn_arena_init(&scratch, SIZE_MAX);
    qn_walk_init(&walk, graph);
    do {
        event = qn_walk_next(&walk);
        if (event == QN_WALK_ENTER)
            status = verify_one(walk.graph, &scratch, err);
        else if (event == QN_WALK_TOO_DEEP)
            status = qn_err_set(err, QN_INTERNAL, "bodies nest deeper than %d", QN_MAX_NESTING);
    } while (status == QN_OK && event != QN_WALK_END);
    qn_arena_deinit(&scratch);
    return status;
}
