/* graph.h: the graph between import and plan: variables with facts, nodes, sub-graphs. All of it lives in one arena.
 *
 * A variable is made once (single assignment): a graph input, a constant, or a node's output. Bodies (of If, Loop,
 * Scan, SequenceMap) are graphs of their own with a parent. What a body takes from outside is a capture: the node that
 * owns the body has the outer variable behind its formal inputs, the body has an inner variable for it among
 * `captures`; so whoever walks nodes sees every use. Constants are not captured but shared: an inner variable with the
 * same konst.
 */
#ifndef QN_IR_GRAPH_H
#define QN_IR_GRAPH_H

#include "base/strmap.h"
#include "ir/attr.h"
#include "ir/fact.h"

struct qn_op;
struct qn_node;
struct qn_graph;
struct qn_program;

enum { QN_MAX_NESTING = 64 }; /* bodies inside bodies; import refuses deeper models */

struct qn_var {
    const char *name; /* of the model, or made up ("conv_7_folded"); never NULL */
    struct qn_fact fact;
    struct qn_node *producer; /* NULL: graph input, capture or constant */
    int index;                /* which output of the producer */
    int n_uses;               /* node inputs reading it, plus one for each time it is a graph output */
    uint32_t id;              /* dense per graph, for side tables */
};

struct qn_body {
    struct qn_graph *graph;
    int *capture_input; /* for each graph->captures[i]: its index among the owning node's in[] */
};

struct qn_node {
    const char *name; /* never NULL; made up when the model has none */
    const struct qn_op *op;
    const char *op_name; /* for dumps and errors */
    void *params;        /* parsed attributes, of op->params_bytes */
    int n_in;            /* formal inputs first, then captures */
    int n_formal;
    int in_capacity;    /* room in `in`; whoever replaces the array while growing it may leave this as it is */
    struct qn_var **in; /* NULL: optional input left out */
    int n_out;
    struct qn_var **out; /* NULL: output not wanted */
    int n_bodies;
    struct qn_body *bodies;      /* in the order of the graph attributes in op->attrs */
    struct qn_node *prev, *next; /* a topological order */
    uint32_t id;
};

struct qn_graph {
    struct qn_arena *arena;
    struct qn_graph *parent; /* NULL: the main graph */
    const char *name;
    int n_inputs, n_outputs, n_captures;
    struct qn_var **inputs;
    struct qn_var **outputs;
    struct qn_var **captures; /* inner variables standing for outer ones */
    struct qn_node *first, *last;
    size_t n_nodes;
    uint32_t n_vars, n_node_ids; /* one more than the largest id */
    struct qn_symbols *symbols;  /* names of dims, shared by all graphs of a model */
    struct qn_program *program;  /* set by the plan layer: the plans of a body; NULL before */
};

/* Names of dims: symbol k is names[k]. */
struct qn_symbols {
    struct qn_arena *arena;
    struct qn_strmap map;
    const char **names;
    size_t n, capacity;
};

/* All makers return NULL when the arena is spent. Names are copied into the arena. */
struct qn_symbols *qn_symbols_create(struct qn_arena *arena);
/* The dim for a name, the same for equal names; QN_DIM_UNKNOWN when out of memory. */
int64_t qn_symbols_dim(struct qn_symbols *symbols, const char *name);

struct qn_graph *qn_graph_create(struct qn_arena *arena, struct qn_graph *parent, struct qn_symbols *symbols,
                                 const char *name);
struct qn_var *qn_graph_add_var(struct qn_graph *graph, const char *name);
/* A constant; the tensor is borrowed and must outlive the graph. */
struct qn_var *qn_graph_add_const(struct qn_graph *graph, const char *name, const struct qn_tensor *tensor);
/* A node before `before` (NULL: at the end) with room for n_in inputs and n_out outputs, all NULL; params NULL. */
struct qn_node *qn_graph_add_node(struct qn_graph *graph, struct qn_node *before, const struct qn_op *op,
                                  const char *op_name, const char *name, int n_in, int n_out);
/* Connect, keeping n_uses and producer right. var may be NULL. */
void qn_node_set_in(struct qn_node *node, int i, struct qn_var *var);
void qn_node_set_out(struct qn_node *node, int i, struct qn_var *var);
/* Appends a capture of the outer variable to the node's inputs; gives its index, -1 when out of memory. */
int qn_node_add_in(struct qn_graph *graph, struct qn_node *node, struct qn_var *var);

/* Patches: the only edits passes make. */
/* The graph's output i is var from now on, with whatever name var has. */
void qn_patch_set_output(struct qn_graph *graph, int i, struct qn_var *var);
/* Takes the node out of the order; its inputs lose a use; its outputs must be unused or taken over by another node. */
void qn_patch_remove_node(struct qn_graph *graph, struct qn_node *node);
/* The variable becomes a constant (its producer must be removed by the caller). */
void qn_patch_make_const(struct qn_var *var, const struct qn_tensor *tensor);
/* `by` now produces output i's variable, which some other node produced: takes over names and uses. */
void qn_patch_take_output(struct qn_node *by, int i, struct qn_var *var);

/* The single node that reads var, when it has exactly one use and is not a graph output; else NULL. Linear in the nodes
 * after the producer only through qn_uses below; passes that ask often build a struct qn_uses first. */
struct qn_uses {
    struct qn_node **first; /* per var id: one reader, valid when n_uses is 1 */
    uint32_t n_vars;        /* ids of later variables have no entry */
};
bool qn_uses_build(struct qn_uses *uses, struct qn_graph *graph, struct qn_arena *arena);
struct qn_node *qn_uses_only(const struct qn_uses *uses, const struct qn_graph *graph, const struct qn_var *var);
bool qn_graph_is_output(const struct qn_graph *graph, const struct qn_var *var);

/* A copy of the structure in another arena: nodes, variables and facts are new; ops, params, names, constants, symbols
 * and the graphs of bodies are shared. For specialising a graph to concrete shapes. */
struct qn_graph *qn_graph_clone(const struct qn_graph *graph, struct qn_arena *arena);

/* Checks every invariant stated above; INTERNAL with a sentence when one is broken. Recurses into bodies by a bounded
 * list. */
enum qn_status qn_graph_verify(const struct qn_graph *graph, struct qn_err *err);
/* Text, one line per input, constant, node and output; bodies indented. */
void qn_graph_dump(const struct qn_graph *graph, struct qn_buf *buf);

#endif
