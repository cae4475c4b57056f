/* graph.c: makers of graphs, variables, nodes and dim names, and the structural copy.
 * Everything lives in the graph's arena and is never freed one by one. Edits of finished graphs are in patch.c, the
 * invariants in verify.c. */
#include <assert.h>
#include <string.h>

#include "ir/graph.h"

struct qn_symbols *qn_symbols_create(struct qn_arena *arena)
{
    struct qn_symbols *symbols = qn_arena_alloc(arena, sizeof(*symbols));

    if (!symbols)
        return NULL;
    symbols->arena = arena;
    qn_strmap_init(&symbols->map, arena);
    return symbols;
}

static bool grow_symbols(struct qn_symbols *symbols)
{
    size_t capacity = symbols->capacity ? symbols->capacity * 2 : 16;
    const char **names = qn_arena_array(symbols->arena, capacity, sizeof(*names));

    if (!names)
        return false;
    if (symbols->n)
        memcpy(names, symbols->names, symbols->n * sizeof(*names));
    symbols->names = names;
    symbols->capacity = capacity;
    return true;
}

/* The map's value is the symbol's number plus one, so that symbol 0 differs from absent. */
int64_t qn_symbols_dim(struct qn_symbols *symbols, const char *name)
{
    const void *found = qn_strmap_get(&symbols->map, name);
    char *copy;

    if (found)
        return qn_dim_symbol((int64_t)(uintptr_t)found - 1);
    if (symbols->n == symbols->capacity && !grow_symbols(symbols))
        return QN_DIM_UNKNOWN;
    copy = qn_arena_strdup(symbols->arena, name);
    if (!copy || !qn_strmap_set(&symbols->map, copy, (void *)(uintptr_t)(symbols->n + 1)))
        return QN_DIM_UNKNOWN;
    symbols->names[symbols->n++] = copy;
    return qn_dim_symbol((int64_t)symbols->n - 1);
}

struct qn_graph *qn_graph_create(struct qn_arena *arena, struct qn_graph *parent, struct qn_symbols *symbols,
                                 const char *name)
{
    struct qn_graph *graph = qn_arena_alloc(arena, sizeof(*graph));

    if (!graph)
        return NULL;
    graph->arena = arena;
    graph->parent = parent;
    graph->symbols = symbols;
    graph->name = qn_arena_strdup(arena, name ? name : "");
    return graph->name ? graph : NULL;
}

struct qn_var *qn_graph_add_var(struct qn_graph *graph, const char *name)
{
    struct qn_var *var = qn_arena_alloc(graph->arena, sizeof(*var));

    if (!var)
        return NULL;
    var->name = qn_arena_strdup(graph->arena, name ? name : "");
    if (!var->name)
        return NULL;
    var->fact = QN_FACT_UNKNOWN;
    var->id = graph->n_vars++;
    return var;
}

struct qn_var *qn_graph_add_const(struct qn_graph *graph, const char *name, const struct qn_tensor *tensor)
{
    struct qn_var *var = qn_graph_add_var(graph, name);

    if (var)
        var->fact = qn_fact_const(tensor);
    return var;
}

static void link_node(struct qn_graph *graph, struct qn_node *node, struct qn_node *before)
{
    struct qn_node *after = before ? before->prev : graph->last;

    node->prev = after;
    node->next = before;
    if (after)
        after->next = node;
    else
        graph->first = node;
    if (before)
        before->prev = node;
    else
        graph->last = node;
    graph->n_nodes++;
}

struct qn_node *qn_graph_add_node(struct qn_graph *graph, struct qn_node *before, const struct qn_op *op,
                                  const char *op_name, const char *name, int n_in, int n_out)
{
    struct qn_node *node = qn_arena_alloc(graph->arena, sizeof(*node));

    assert(n_in >= 0 && n_out >= 0);
    if (!node)
        return NULL;
    node->name = qn_arena_strdup(graph->arena, name ? name : "");
    node->op_name = qn_arena_strdup(graph->arena, op_name ? op_name : "");
    node->in = qn_arena_array(graph->arena, (size_t)n_in, sizeof(struct qn_var *));
    node->out = qn_arena_array(graph->arena, (size_t)n_out, sizeof(struct qn_var *));
    if (!node->name || !node->op_name || !node->in || !node->out)
        return NULL;
    node->op = op;
    node->n_in = node->n_formal = node->in_capacity = n_in;
    node->n_out = n_out;
    node->id = graph->n_node_ids++;
    link_node(graph, node, before);
    return node;
}

void qn_node_set_in(struct qn_node *node, int i, struct qn_var *var)
{
    assert(i >= 0 && i < node->n_in);
    if (var)
        var->n_uses++;
    if (node->in[i])
        node->in[i]->n_uses--;
    node->in[i] = var;
}

void qn_node_set_out(struct qn_node *node, int i, struct qn_var *var)
{
    struct qn_var *old;

    assert(i >= 0 && i < node->n_out);
    old = node->out[i];
    if (old && old != var && old->producer == node && old->index == i)
        old->producer = NULL;
    node->out[i] = var;
    if (var) {
        var->producer = node;
        var->index = i;
    }
}

int qn_node_add_in(struct qn_graph *graph, struct qn_node *node, struct qn_var *var)
{
    if (node->n_in >= node->in_capacity) {
        int capacity = node->n_in < 4 ? 8 : node->n_in < INT32_MAX / 2 ? node->n_in * 2 : node->n_in;
        struct qn_var **in = NULL;

        if (capacity > node->n_in)
            in = qn_arena_array(graph->arena, (size_t)capacity, sizeof(struct qn_var *));
        if (!in)
            return -1;
        if (node->n_in)
            memcpy(in, node->in, (size_t)node->n_in * sizeof(struct qn_var *));
        node->in = in;
        node->in_capacity = capacity;
    }
    node->in[node->n_in++] = NULL;
    qn_node_set_in(node, node->n_in - 1, var);
    return node->n_in - 1;
}

bool qn_graph_is_output(const struct qn_graph *graph, const struct qn_var *var)
{
    for (int i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i] == var)
            return true;
    return false;
}

/* ---- Copy ---------------------------------------------------------------------------------------------------------
 */

/* Variables keep their ids, so the table from old to new is an array. */
struct clone {
    struct qn_graph *graph;
    struct qn_var **vars;
    bool failed;
};

static struct qn_var *clone_var(struct clone *c, const struct qn_var *var)
{
    struct qn_var *copy;

    if (!var || c->failed)
        return NULL;
    if (c->vars[var->id])
        return c->vars[var->id];
    copy = qn_arena_memdup(c->graph->arena, var, sizeof(*var));
    if (!copy) {
        c->failed = true;
        return NULL;
    }
    copy->producer = NULL;
    c->vars[var->id] = copy;
    return copy;
}

static struct qn_var **clone_vars(struct clone *c, struct qn_var *const *vars, int n)
{
    struct qn_var **copies = qn_arena_array(c->graph->arena, (size_t)n, sizeof(struct qn_var *));

    if (!copies) {
        c->failed = true;
        return NULL;
    }
    for (int i = 0; i < n; i++)
        copies[i] = clone_var(c, vars[i]);
    return copies;
}

static struct qn_body *clone_bodies(struct clone *c, const struct qn_node *node)
{
    struct qn_body *bodies;

    if (node->n_bodies == 0)
        return NULL;
    bodies = qn_arena_memdup(c->graph->arena, node->bodies, (size_t)node->n_bodies * sizeof(*bodies));
    if (!bodies)
        c->failed = true;
    return bodies;
}

static void clone_node(struct clone *c, const struct qn_node *node)
{
    struct qn_node *copy = qn_arena_memdup(c->graph->arena, node, sizeof(*node));

    if (!copy) {
        c->failed = true;
        return;
    }
    copy->in = clone_vars(c, node->in, node->n_in);
    copy->in_capacity = node->n_in;
    copy->out = clone_vars(c, node->out, node->n_out);
    copy->bodies = clone_bodies(c, node);
    if (c->failed)
        return;
    for (int i = 0; i < copy->n_out; i++)
        if (copy->out[i])
            copy->out[i]->producer = copy;
    link_node(c->graph, copy, NULL);
}

struct qn_graph *qn_graph_clone(const struct qn_graph *graph, struct qn_arena *arena)
{
    struct clone c = {.graph = qn_arena_memdup(arena, graph, sizeof(*graph))};

    if (!c.graph)
        return NULL;
    c.graph->arena = arena;
    c.graph->first = c.graph->last = NULL;
    c.graph->n_nodes = 0;
    c.vars = qn_arena_array(arena, graph->n_vars, sizeof(struct qn_var *));
    if (!c.vars)
        return NULL;
    c.graph->inputs = clone_vars(&c, graph->inputs, graph->n_inputs);
    c.graph->captures = clone_vars(&c, graph->captures, graph->n_captures);
    for (const struct qn_node *node = graph->first; node && !c.failed; node = node->next)
        clone_node(&c, node);
    c.graph->outputs = clone_vars(&c, graph->outputs, graph->n_outputs);
    return c.failed ? NULL : c.graph;
}
