/* eval.h: evaluating one node over values, with the caller's services: for steps of a plan whose shapes only the run
 * knows, and for tests that want a particular kernel. */
#ifndef QN_OPS_EVAL_H
#define QN_OPS_EVAL_H

#include "ops/op.h"

struct qn_eval {
    const struct qn_services *services; /* memory of outputs, bodies, deadline */
    struct qn_arena *scratch;           /* facts, workspace; the caller rewinds it */
    struct qn_pool *pool;
    bool reference;
    const struct qn_kernel *kernel; /* NULL: chosen by the descriptor's order */
    /* Optional: packed constants shared between runs; NULL packs into scratch each time. */
    enum qn_status (*prepare)(void *self, const struct qn_kernel *kernel, const struct qn_site *site,
                              const void **packed, struct qn_err *err);
    void *prepare_self;
};

/* ins: n_in values (captures too), outs: n_out values; an output whose tensor.data is set is placed already and must
 * have the type and shape that inference gives. Outputs of views and of operators that keep values refer to memory of
 * inputs. */
enum qn_status qn_op_eval_with(struct qn_graph *graph, const struct qn_node *node, struct qn_value *const *ins,
                               struct qn_value *const *outs, const struct qn_eval *how, struct qn_err *err);

/* What is known of a value that exists; constants refer to it. */
enum qn_status qn_value_fact(const struct qn_value *value, struct qn_arena *arena, struct qn_fact *fact,
                             struct qn_err *err);

#endif
