/* plan.h: a graph made ready to run for one set of input shapes: order, buffers, kernels, packed weights. A finished
 * plan never changes and is shared by any number of runs. A program is a graph with its cache of plans; every body of a
 * control-flow node is a program of its own.
 *
 * Where a value lives:
 *   constant  in the model's mapping or an arena of the program or plan
 *   input     in the caller's memory
 *   placed    at an offset of the run's arena, shared in time by the greedy-by-size planner
 *   dynamic   allocated while running, because its shape or kind is not known before
 * A view (Reshape and alike) of a placed or input value lives where that value lives. */
#ifndef QN_PLAN_PLAN_H
#define QN_PLAN_PLAN_H

#include <pthread.h>

#include "ops/op.h"
#include "passes/pass.h"

struct qn_program;

enum qn_place_kind { QN_PLACE_NONE, QN_PLACE_CONST, QN_PLACE_INPUT, QN_PLACE_ARENA, QN_PLACE_DYNAMIC };

struct qn_place {
    enum qn_place_kind kind;
    int input;     /* INPUT: formal inputs first, then captures */
    size_t offset; /* ARENA */
    size_t bytes;  /* ARENA */
};

struct qn_step {
    const struct qn_node *node;
    const struct qn_kernel *kernel; /* NULL: evaluated while running, by qn_op_eval_with() */
    const void *packed;
    size_t workspace;       /* offset in the arena */
    size_t workspace_bytes; /* 0: none */
};

struct qn_plan {
    struct qn_program *program;
    struct qn_plan *next;    /* in the program's cache, latest used first */
    int n_references;        /* under the program's lock */
    struct qn_arena arena;   /* everything below */
    struct qn_graph *graph;  /* the clone with concrete shapes */
    struct qn_fact *inputs;  /* the key: facts of inputs and captures */
    struct qn_place *places; /* per variable id */
    struct qn_var **vars;    /* per variable id; NULL: gone */
    struct qn_step *steps;
    size_t n_steps;
    size_t arena_bytes; /* of one run */
    bool is_static;     /* no step is evaluated while running */
};

/* What all programs of one session share. */
struct qn_packs;
struct qn_plan_options {
    bool reference;
    int threads;
    size_t max_memory;
    const char *dump;
    void (*dump_fn)(void *arg, const char *stage, const char *text);
    void *dump_arg;
    /* Told of constants that were packed, so that their memory can be given back until they are read again; from any
     * thread. NULL: nobody is told. */
    void (*packed_fn)(void *arg, const void *data, size_t n_bytes);
    void *packed_arg;
};

struct qn_program {
    const struct qn_graph *graph; /* of the model, after passes; never changed */
    const struct qn_plan_options *options;
    struct qn_packs *packs;
    pthread_mutex_t lock;
    struct qn_plan *plans;
    int n_plans;
    struct qn_program *next; /* all programs of a session, for destroying them */
};

/* Programs for a graph and every body in it; body graphs find theirs in graph->program. */
enum qn_status qn_program_create(struct qn_graph *graph, const struct qn_plan_options *options, struct qn_packs *packs,
                                 struct qn_program **program, struct qn_err *err);
void qn_program_destroy(struct qn_program *program); /* NULL is fine; the whole list */

/* The plan for these values' types and shapes, from the cache or made now; release it when another one takes its place.
 */
enum qn_status qn_plan_acquire(struct qn_program *program, const struct qn_value *const *inputs, struct qn_plan **plan,
                               struct qn_err *err);
/* As above for facts; for planning before the first request. */
enum qn_status qn_plan_acquire_facts(struct qn_program *program, const struct qn_fact *inputs, struct qn_plan **plan,
                                     struct qn_err *err);
void qn_plan_release(struct qn_plan *plan); /* NULL is fine */
/* Whether the plan is the right one for these values. */
bool qn_plan_fits(const struct qn_plan *plan, const struct qn_value *const *inputs);
/* Steps with kernels and offsets as text. */
void qn_plan_dump(const struct qn_plan *plan, struct qn_buf *buf);
/* Why the kernels before the step's own declined, as text; nothing when none did. */
void qn_plan_print_reasons(const struct qn_plan *plan, const struct qn_step *step, struct qn_buf *buf);

/* Offsets for items that live from step `first` to step `last`: no two that live at one time overlap. Greedy by size
 * (Pisarchyk and Lee, arXiv 2001.03288); more than so many in less time and more memory. Gives the total; NOMEM, and
 * LIMIT when it cannot be counted. */
struct qn_interval {
    size_t first, last;
    size_t bytes;  /* rounded up to 64 by the planner */
    size_t offset; /* out */
};
enum { QN_MANY_INTERVALS = 16384 };
enum qn_status qn_plan_offsets(struct qn_interval *items, size_t n, size_t *total, struct qn_err *err);

/* Packed weights, shared by the plans of a session: one per kernel, parameters and constants. Thread-safe. The options
 * live as long. */
enum qn_status qn_packs_create(struct qn_packs **packs, const struct qn_plan_options *options, struct qn_err *err);
void qn_packs_destroy(struct qn_packs *packs);
/* What the kernel's prepare makes of the site. shared: the constants outlive every plan; otherwise the result is made
 * in `arena` for the asker alone. */
enum qn_status qn_packs_get(struct qn_packs *packs, const struct qn_kernel *kernel, const struct qn_site *site,
                            bool shared, struct qn_arena *arena, const void **packed, struct qn_err *err);
size_t qn_packs_bytes(struct qn_packs *packs);

#endif
