/* control.c: If and Loop.
 * ONNX If-1..25, Loop-1..25. Bodies are graphs of their own; what they read from outside are captures of the node.
 * Values that a loop carries are views into the body's two frames, which take turns; values that it collects are
 * copied. A loop ends with its condition, its trip count, the run's deadline or memory limit, whichever comes first. */
#include "ops/control.h"

#include <string.h>

/* ---- If --------------------------------------------------------------------------------------------------------- */

enum { THEN = 0, ELSE = 1 };

static const struct qn_attr if_attrs[] = {QN_GRAPH_ATTR("then_branch"), QN_GRAPH_ATTR("else_branch"), {.name = NULL}};

static enum qn_status one_flag(const struct qn_tensor *tensor, const char *what, bool *flag, struct qn_err *err)
{
    QN_CHECK(qn_tensor_count(tensor) == 1, err, SHAPE, "%s must be one value, it has %lld", what,
             (long long)qn_tensor_count(tensor));
    *flag = *(const bool *)tensor->data;
    return QN_OK;
}

/* What holds for both; values of different kinds (an optional that becomes what it held) leave nothing known. */
static enum qn_status join(struct qn_infer *in, const struct qn_fact *a, const struct qn_fact *b, const char *what,
                           int i, struct qn_fact *both)
{
    if (a->kind != b->kind) {
        *both = QN_FACT_UNKNOWN;
        return QN_OK;
    }
    QN_CHECK(qn_fact_join(a, b, both), in->err, SHAPE, "%s %d is of two types: %s and %s", what, i,
             qn_dtype_name(a->dtype), qn_dtype_name(b->dtype));
    return QN_OK;
}

static enum qn_status branch_facts(struct qn_infer *in, int b, struct qn_fact **facts)
{
    const struct qn_graph *body = in->node->bodies[b].graph;

    *facts = qn_arena_array(in->arena, (size_t)body->n_outputs, sizeof(**facts));
    QN_CHECK_MEM(*facts, in->err);
    return qn_infer_body(in, b, NULL, 0, *facts);
}

static enum qn_status check_branches(const struct qn_infer *in)
{
    const struct qn_graph *branches[] = {in->node->bodies[THEN].graph, in->node->bodies[ELSE].graph};

    for (int b = THEN; b <= ELSE; b++) {
        QN_CHECK(branches[b]->n_inputs == 0, in->err, FORMAT, "a branch takes no inputs, this one has %d",
                 branches[b]->n_inputs);
        QN_CHECK(branches[b]->n_outputs >= in->n_out, in->err, FORMAT, "a branch has %d outputs, the node %d",
                 branches[b]->n_outputs, in->n_out);
    }
    QN_CHECK(branches[THEN]->n_outputs == branches[ELSE]->n_outputs, in->err, FORMAT,
             "the branches have %d and %d outputs", branches[THEN]->n_outputs, branches[ELSE]->n_outputs);
    return QN_OK;
}

/* A branch that contradicts the shapes given cannot be taken without an error, so the other one tells what comes out.
 */
static enum qn_status both_facts(struct qn_infer *in)
{
    struct qn_err ignored = {QN_OK, 0, {0}, {0}, {0}}, *err = in->err;
    struct qn_fact *then_facts, *else_facts;
    enum qn_status status;
    bool then_fits;

    in->err = &ignored;
    then_fits = branch_facts(in, THEN, &then_facts) == QN_OK;
    in->err = then_fits ? &ignored : err;
    status = branch_facts(in, ELSE, &else_facts);
    in->err = err;
    if (!then_fits)
        QN_TRY(status);
    if (status != QN_OK)
        else_facts = then_facts;
    for (int i = 0; i < in->n_out; i++) {
        struct qn_fact both;

        QN_TRY(join(in, then_fits ? &then_facts[i] : &else_facts[i], &else_facts[i], "the branches' output", i, &both));
        QN_TRY(qn_infer_out_fact(in, i, &both));
    }
    return QN_OK;
}

static enum qn_status if_infer(struct qn_infer *in, const void *params)
{
    const struct qn_fact *cond = qn_infer_in(in, 0);
    struct qn_fact *facts;
    bool flag = false;
    int64_t n;

    (void)params;
    QN_TRY(check_branches(in));
    QN_CHECK(!qn_shape_known(&cond->shape) || !qn_dims_count(cond->shape.dims, 0, cond->shape.rank, &n) || n == 1,
             in->err, SHAPE, "the condition must be one value, it has %lld", (long long)n);
    if (cond->konst) {
        QN_TRY(one_flag(cond->konst, "the condition", &flag, in->err));
        QN_TRY(branch_facts(in, flag ? THEN : ELSE, &facts));
        for (int i = 0; i < in->n_out; i++)
            QN_TRY(qn_infer_out_fact(in, i, &facts[i]));
        return QN_OK;
    }
    return both_facts(in);
}

static enum qn_status if_run(const struct qn_call *call)
{
    struct qn_value *outs;
    size_t n_outs;
    bool flag = false;
    int b;

    QN_TRY(one_flag(qn_in(call, 0), "the condition", &flag, call->err));
    b = flag ? THEN : ELSE;
    n_outs = (size_t)call->node->bodies[b].graph->n_outputs;
    outs = qn_call_alloc(call, n_outs, sizeof(*outs));
    if (!outs)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    QN_TRY(qn_call_body(call, b, NULL, 0, outs, n_outs));
    for (int i = 0; i < call->n_out; i++)
        if (call->out[i])
            *call->out[i] = outs[i];
    return QN_OK;
}

static const struct qn_kernel if_kernels[] = {{.name = "if_ref", .run = if_run}, {.name = NULL}};

/* ---- Loop ------------------------------------------------------------------------------------------------------- */

static const struct qn_attr loop_attrs[] = {QN_GRAPH_ATTR("body"), {.name = NULL}};

/* Rounds in which facts of carried values may widen before their shapes are given up; bodies deep inside others go
 * straight to the end, so that the work stays linear in the depth. */
enum { WIDENING_ROUNDS = 3, DEEP = 3 };

static int n_carried(int n_in) { return n_in > 2 ? n_in - 2 : 0; }

static void widen(struct qn_fact *fact)
{
    fact->konst = NULL;
    if (fact->kind == QN_TENSOR)
        fact->shape = QN_SHAPE_UNKNOWN;
    else
        fact->elem = NULL;
}

struct loop_facts {
    int n;                     /* carried values */
    const struct qn_fact **in; /* of the body: iteration, condition, carried */
    struct qn_fact *carried;
    struct qn_fact *outs; /* of the body: condition, carried, collected */
};

/* One round: facts after an iteration, joined with those before. */
static enum qn_status widening_round(struct qn_infer *in, struct loop_facts *f, bool *stable)
{
    *stable = true;
    QN_TRY(qn_infer_body(in, 0, f->in, f->n + 2, f->outs));
    for (int i = 0; i < f->n; i++) {
        struct qn_fact both;

        if (f->carried[i].kind == QN_TENSOR && f->carried[i].dtype != QN_UNDEFINED &&
            f->outs[i + 1].dtype == QN_UNDEFINED)
            f->outs[i + 1].dtype = f->carried[i].dtype;
        QN_TRY(join(in, &f->carried[i], &f->outs[i + 1], "carried value", i, &both));
        both.konst = NULL;
        if (both.kind == QN_TENSOR && !qn_shape_equal(&both.shape, &f->carried[i].shape))
            *stable = false;
        f->carried[i] = both;
    }
    return QN_OK;
}

static enum qn_status start_facts(struct qn_infer *in, struct loop_facts *f)
{
    const struct qn_graph *body = in->node->bodies[0].graph;
    const struct qn_shape scalar = QN_SHAPE_SCALAR;
    struct qn_fact *both = qn_arena_array(in->arena, 2, sizeof(*both));

    f->n = n_carried(in->n_in);
    QN_CHECK(body->n_inputs == f->n + 2, in->err, FORMAT, "the body takes %d inputs where %d are expected",
             body->n_inputs, f->n + 2);
    QN_CHECK(body->n_outputs >= f->n + 1 && in->n_out <= body->n_outputs - 1, in->err, FORMAT,
             "the body gives %d outputs, the node %d", body->n_outputs, in->n_out);
    f->in = qn_arena_array(in->arena, (size_t)f->n + 2, sizeof(*f->in));
    f->carried = qn_arena_array(in->arena, (size_t)f->n, sizeof(*f->carried));
    f->outs = qn_arena_array(in->arena, (size_t)body->n_outputs, sizeof(*f->outs));
    QN_CHECK_MEM(both && f->in && f->carried && f->outs ? f : NULL, in->err);
    both[0] = qn_fact_tensor(QN_INT64, &scalar);
    both[1] = qn_fact_tensor(QN_BOOL, &scalar);
    f->in[0] = &both[0];
    f->in[1] = &both[1];
    for (int i = 0; i < f->n; i++) {
        f->carried[i] = *in->in[i + 2];
        f->carried[i].konst = NULL;
        f->in[i + 2] = &f->carried[i];
    }
    return QN_OK;
}

static enum qn_status loop_infer(struct qn_infer *in, const void *params)
{
    const struct qn_graph *body = in->node->bodies[0].graph;
    bool stable = false;
    struct loop_facts f;

    (void)params;
    QN_TRY(start_facts(in, &f));
    for (int round = in->depth < DEEP ? 0 : WIDENING_ROUNDS; !stable && round < WIDENING_ROUNDS; round++)
        QN_TRY(widening_round(in, &f, &stable));
    if (!stable) {
        for (int i = 0; i < f.n; i++)
            widen(&f.carried[i]);
        QN_TRY(widening_round(in, &f, &stable));
    }
    for (int i = 0; i < f.n; i++)
        QN_TRY(qn_infer_out_fact(in, i, &f.carried[i]));
    for (int i = f.n; i < body->n_outputs - 1; i++) {
        const struct qn_fact *element = &f.outs[i + 1];
        struct qn_shape shape = QN_SHAPE_UNKNOWN;

        if (element->shape.rank >= 0 && element->shape.rank < QN_MAX_RANK) {
            shape = qn_shape_1d(QN_DIM_UNKNOWN);
            shape.rank += element->shape.rank;
            memcpy(shape.dims + 1, element->shape.dims, (size_t)element->shape.rank * sizeof(int64_t));
        }
        QN_TRY(qn_infer_out(in, i, element->dtype, &shape));
    }
    return QN_OK;
}

struct loop {
    int64_t iteration, trip_count;
    bool condition;
    size_t n_carried, n_outs;
    struct qn_value *ins;  /* of the body */
    struct qn_value *outs; /* of the body: two sets that take turns */
    struct qn_stack *stacks;
};

static struct qn_value scalar_value(enum qn_dtype dtype, void *data)
{
    return (struct qn_value){.kind = QN_TENSOR, .tensor = {.dtype = dtype, .data = data}};
}

static enum qn_status start_loop(const struct qn_call *call, struct loop *loop)
{
    const struct qn_graph *body = call->node->bodies[0].graph;
    const struct qn_tensor *trips = qn_in(call, 0), *condition = qn_in(call, 1);

    loop->n_carried = (size_t)n_carried(call->node->n_formal);
    loop->n_outs = (size_t)body->n_outputs;
    loop->trip_count = INT64_MAX;
    loop->condition = true;
    if (trips) {
        QN_CHECK(qn_tensor_count(trips) == 1, call->err, SHAPE, "the trip count must be one value");
        loop->trip_count = *(const int64_t *)trips->data;
    }
    if (condition)
        QN_TRY(one_flag(condition, "the condition", &loop->condition, call->err));
    loop->ins = qn_call_alloc(call, loop->n_carried + 2, sizeof(*loop->ins));
    loop->outs = qn_call_alloc(call, loop->n_outs, sizeof(*loop->outs));
    loop->stacks = qn_call_alloc(call, loop->n_outs - loop->n_carried, sizeof(*loop->stacks));
    if (!loop->ins || !loop->outs || !loop->stacks)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    loop->ins[0] = scalar_value(QN_INT64, &loop->iteration);
    loop->ins[1] = scalar_value(QN_BOOL, &loop->condition);
    for (size_t i = 0; i < loop->n_carried; i++)
        loop->ins[i + 2] = *call->in[i + 2];
    return QN_OK;
}

static enum qn_status iterate(const struct qn_call *call, struct loop *loop)
{
    bool condition = false;

    QN_TRY(qn_call_poll(call));
    QN_TRY(qn_call_body(call, 0, loop->ins, loop->n_carried + 2, loop->outs, loop->n_outs));
    QN_TRY(one_flag(&loop->outs[0].tensor, "the body's condition", &condition, call->err));
    for (size_t i = 0; i < loop->n_carried; i++)
        loop->ins[i + 2] = loop->outs[i + 1];
    for (size_t i = loop->n_carried + 1; i < loop->n_outs; i++)
        QN_TRY(qn_stack_push(call, &loop->stacks[i - loop->n_carried - 1], &loop->outs[i], (int)i - 1));
    loop->condition = condition;
    loop->iteration++;
    return QN_OK;
}

static enum qn_status loop_run(const struct qn_call *call)
{
    struct loop loop = {.iteration = 0};

    QN_TRY(start_loop(call, &loop));
    while (loop.condition && loop.iteration < loop.trip_count)
        QN_TRY(iterate(call, &loop));
    for (size_t i = 0; i < loop.n_carried && (int)i < call->n_out; i++)
        if (call->out[i])
            *call->out[i] = loop.ins[i + 2];
    for (size_t i = loop.n_carried; i + 1 < loop.n_outs; i++)
        QN_TRY(qn_stack_finish(call, &loop.stacks[i - loop.n_carried], (int)i));
    return QN_OK;
}

static const struct qn_kernel loop_kernels[] = {{.name = "loop_ref", .run = loop_run}, {.name = NULL}};

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

#define IF_ROW(op, first, last, set, kind_flags)                                                                       \
    {.name = "If",                                                                                                     \
     .domain = "",                                                                                                     \
     .since = (first),                                                                                                 \
     .until = (last),                                                                                                  \
     .in = QN_FORMALS(QN_IN("cond", 'B', QN_BIT(BOOL))),                                                               \
     .out = QN_FORMALS({"outputs", 'V', set, QN_VARIADIC | QN_HETEROGENEOUS | (kind_flags)}),                          \
     .attrs = if_attrs,                                                                                                \
     .flags = QN_DATA_DEPENDENT | QN_KEEPS_VALUES | QN_NO_FOLD,                                                        \
     .infer = if_infer,                                                                                                \
     .kernels = if_kernels},

#define LOOP_ROW(op, first, last, set, kind_flags)                                                                     \
    {.name = "Loop",                                                                                                   \
     .domain = "",                                                                                                     \
     .since = (first),                                                                                                 \
     .until = (last),                                                                                                  \
     .in = QN_FORMALS(QN_OPT("M", 'I', QN_BIT(INT64)), QN_OPT("cond", 'B', QN_BIT(BOOL)),                              \
                      {"v_initial", 'V', set, QN_VARIADIC | QN_HETEROGENEOUS | QN_OPTIONAL_FORMAL | (kind_flags)}),    \
     .out = QN_FORMALS({"v_final_and_scan_outputs", 'V', set, QN_VARIADIC | QN_HETEROGENEOUS | (kind_flags)}),         \
     .attrs = loop_attrs,                                                                                              \
     .flags = QN_DATA_DEPENDENT | QN_KEEPS_VALUES | QN_NO_FOLD,                                                        \
     .infer = loop_infer,                                                                                              \
     .kernels = loop_kernels},

const struct qn_op qn_ops_control[] = {
    QN_CONTROL_VERSIONS(IF_ROW, If) QN_CONTROL_VERSIONS(LOOP_ROW, Loop){.name = NULL},
};
