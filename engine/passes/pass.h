/* pass.h: the optimiser: an ordered list of passes over a graph, each dumpable by name. Passes change a graph only
 * through the patch functions of ir/graph.h and know operators only through their descriptors. */
#ifndef QN_PASSES_PASS_H
#define QN_PASSES_PASS_H

#include "ops/op.h"

/* What the passes of one model share. */
struct qn_passes {
    struct qn_arena *arena; /* constants made by folding */
    size_t fold_bytes;      /* budget left for them */
    bool reference;         /* reference kernels, no rewriting */
    int max_rewrites;       /* 0: no limit; -1: none */
    int n_rewrites;
    bool late; /* something of this graph was left to fold late */
    void (*dump_fn)(void *arg, const char *stage, const char *text);
    void *dump_arg;
    const char *dump; /* "all" or a pass name */
    struct qn_err *err;
};

struct qn_pass {
    const char *name;
    enum qn_status (*run)(struct qn_passes *passes, struct qn_graph *graph);
};

/* Infers every node in order; a node whose outputs are known becomes constants. Shape sub-graphs vanish here. */
enum qn_status qn_pass_fold(struct qn_passes *passes, struct qn_graph *graph);
/* The same, nothing left out. */
enum qn_status qn_pass_fold_all(struct qn_passes *passes, struct qn_graph *graph);
/* Puts conversions around nodes whose kernels do not take narrow element types. */
enum qn_status qn_pass_widen(struct qn_passes *passes, struct qn_graph *graph);
/* Removes nodes without used outputs, and forgets unused optional outputs. */
enum qn_status qn_pass_dce(struct qn_passes *passes, struct qn_graph *graph);
/* Nodes with the same operator, parameters and inputs become one. */
enum qn_status qn_pass_cse(struct qn_passes *passes, struct qn_graph *graph);
/* Early rewrites: what works on dequantised values becomes operators of bytes. Then folds what was left. */
enum qn_status qn_pass_integers(struct qn_passes *passes, struct qn_graph *graph);
/* Lets every other node's descriptor rewrite it, until nothing changes: fusions. */
enum qn_status qn_pass_rewrite(struct qn_passes *passes, struct qn_graph *graph);

/* The whole list over a model's graph and every body in it. */
enum qn_status qn_passes_run(struct qn_passes *passes, struct qn_graph *graph);
/* The short list for a clone with concrete input shapes: fold, widen, dce. */
enum qn_status qn_passes_specialise(struct qn_passes *passes, struct qn_graph *graph);
/* Hands a stage's text to the dump function when the options ask for it. */
void qn_passes_dump(const struct qn_passes *passes, const struct qn_graph *graph, const char *stage);

#endif
