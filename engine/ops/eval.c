/* eval.c: evaluates one node over values, by the same inference and kernels that a plan uses. Serves constant folding,
 * steps whose shapes are known only while running, and operator tests. */
#include <string.h>

#include "ops/eval.h"

/* ---- Facts of values ------------------------------------------------------------------------------------------ */

enum qn_status qn_value_fact(const struct qn_value *value, struct qn_arena *arena, struct qn_fact *fact,
                             struct qn_err *err)
{
    *fact = QN_FACT_UNKNOWN;
    while (value->kind == QN_SEQUENCE || value->kind == QN_OPTIONAL) {
        struct qn_fact *elem = qn_arena_alloc(arena, sizeof(*elem));

        QN_CHECK_MEM(elem, err);
        *elem = QN_FACT_UNKNOWN;
        elem->dtype = value->tensor.dtype;
        fact->kind = value->kind;
        fact->elem = elem;
        if (value->n == 0)
            return QN_OK;
        value = &value->items[0];
        fact = elem;
    }
    fact->kind = value->kind;
    if (value->kind == QN_MAP) {
        fact->key = value->items[0].tensor.dtype;
        fact->dtype = value->items[1].tensor.dtype;
    } else if (value->tensor.data || qn_tensor_count(&value->tensor) == 0) { /* none need no memory */
        *fact = qn_fact_const(&value->tensor);
    } else {
        struct qn_shape shape = qn_tensor_shape(&value->tensor);

        *fact = qn_fact_tensor(value->tensor.dtype, &shape);
    }
    return QN_OK;
}

/* Elements of a sequence may differ in shape: only their type is sure. */
static void forget_element_shape(struct qn_fact *fact)
{
    struct qn_fact *elem = (struct qn_fact *)fact->elem;

    for (; elem; elem = (struct qn_fact *)elem->elem) {
        elem->konst = NULL;
        elem->shape = QN_SHAPE_UNKNOWN;
    }
}

/* ---- One evaluation ------------------------------------------------------------------------------------------- */

struct evaluation {
    struct qn_graph *graph;
    const struct qn_node *node;
    struct qn_value *const *ins;
    struct qn_value *const *outs;
    const struct qn_eval *how;
    struct qn_fact *in_facts, *out_facts;
    const struct qn_fact **in, **out;
    struct qn_site site;
    struct qn_err *err;
};

static enum qn_status infer(struct evaluation *e)
{
    struct qn_arena *scratch = e->how->scratch;
    size_t n_in = (size_t)e->node->n_in, n_out = (size_t)e->node->n_out;

    e->in_facts = qn_arena_array(scratch, n_in, sizeof(*e->in_facts));
    e->out_facts = qn_arena_array(scratch, n_out, sizeof(*e->out_facts));
    e->in = qn_arena_array(scratch, n_in, sizeof(*e->in));
    e->out = qn_arena_array(scratch, n_out, sizeof(*e->out));
    QN_CHECK_MEM(e->in_facts && e->out_facts && e->in && e->out ? e : NULL, e->err);
    for (size_t i = 0; i < n_in; i++) {
        if (!e->ins[i])
            continue;
        QN_TRY(qn_value_fact(e->ins[i], scratch, &e->in_facts[i], e->err));
        forget_element_shape(&e->in_facts[i]);
        e->in[i] = &e->in_facts[i];
    }
    QN_TRY(qn_op_infer_facts(e->graph, e->node, e->in, e->out_facts, scratch, 0, e->err));
    for (size_t i = 0; i < n_out; i++) {
        const struct qn_fact *fact = e->out[i] = e->outs[i] ? &e->out_facts[i] : NULL;

        /* All inputs are there, so only memory can have been lacking; no kernel may run without its output. */
        QN_CHECK(!fact || fact->kind != QN_TENSOR || qn_shape_known(&fact->shape) ||
                     (e->node->op->flags & QN_DATA_DEPENDENT),
                 e->err, NOMEM, "out of memory");
    }
    /* Inference may read every value; kernels may count on those only that are constants of the graph. */
    for (size_t i = 0; i < n_in; i++)
        if (e->node->in[i] && !e->node->in[i]->fact.konst)
            e->in_facts[i].konst = NULL;
    return QN_OK;
}

/* Memory for every output whose shape is known and which the caller has not placed. */
static enum qn_status place(struct evaluation *e)
{
    for (int i = 0; i < e->node->n_out; i++) {
        const struct qn_fact *fact = e->out[i];
        struct qn_tensor *tensor;
        size_t bytes;

        if (!fact)
            continue;
        e->outs[i]->kind = fact->kind;
        tensor = &e->outs[i]->tensor;
        if (fact->kind != QN_TENSOR || !qn_shape_known(&fact->shape) || fact->dtype == QN_UNDEFINED || tensor->data)
            continue;
        QN_CHECK(qn_shape_bytes(&fact->shape, fact->dtype, &bytes), e->err, LIMIT, "output %d is too large", i);
        tensor->dtype = fact->dtype;
        tensor->rank = fact->shape.rank;
        memcpy(tensor->dims, fact->shape.dims, sizeof(tensor->dims));
        tensor->data = e->how->services->alloc(e->how->services->self, bytes, e->err);
        if (!tensor->data)
            return e->err && e->err->status ? e->err->status : QN_NOMEM;
    }
    return QN_OK;
}

static enum qn_status view(struct evaluation *e)
{
    struct qn_value *out = e->outs[0];

    *out = *e->ins[0];
    if (e->out_facts[0].kind == QN_TENSOR && out->kind == QN_TENSOR) {
        out->tensor.rank = e->out_facts[0].shape.rank;
        memcpy(out->tensor.dims, e->out_facts[0].shape.dims, sizeof(out->tensor.dims));
    }
    return QN_OK;
}

static enum qn_status run_kernel(struct evaluation *e, const struct qn_kernel *kernel)
{
    struct qn_call call = {
        .node = e->node,
        .params = e->node->params,
        .n_in = e->node->n_in,
        .in = e->ins,
        .n_out = e->node->n_out,
        .out = e->outs,
        .threads = e->site.threads,
        .pool = e->how->pool,
        .services = e->how->services,
        .err = e->err,
    };

    QN_TRY(place(e));
    if (kernel->prepare && e->how->prepare)
        QN_TRY(e->how->prepare(e->how->prepare_self, kernel, &e->site, &call.packed, e->err));
    else if (kernel->prepare)
        QN_TRY(kernel->prepare(&e->site, e->how->scratch, &call.packed, e->err));
    if (kernel->workspace) {
        size_t n = kernel->workspace(&e->site);

        QN_CHECK(n != SIZE_MAX, e->err, LIMIT, "the workspace is too large");
        call.workspace = qn_arena_alloc_raw(e->how->scratch, n < 64 ? 64 : n);
        QN_CHECK_MEM(call.workspace, e->err);
    }
    return kernel->run(&call);
}

enum qn_status qn_op_eval_with(struct qn_graph *graph, const struct qn_node *node, struct qn_value *const *ins,
                               struct qn_value *const *outs, const struct qn_eval *how, struct qn_err *err)
{
    struct evaluation e = {.graph = graph, .node = node, .ins = ins, .outs = outs, .how = how, .err = err};
    const struct qn_kernel *kernel;

    QN_TRY(infer(&e));
    if (node->op->flags & QN_VIEW)
        return view(&e);
    e.site = (struct qn_site){.node = node,
                              .params = node->params,
                              .n_in = node->n_formal,
                              .in = e.in,
                              .n_out = node->n_out,
                              .out = e.out,
                              .cpu = qn_cpu_level(),
                              .threads = qn_pool_threads(how->pool)};
    kernel = how->kernel ? how->kernel : qn_op_choose(node->op, &e.site, how->reference, NULL);
    QN_CHECK(kernel, err, UNSUPPORTED, "no kernel for these element types");
    return run_kernel(&e, kernel);
}

/* ---- Folding's way in ----------------------------------------------------------------------------------------- */

static void *alloc_in_arena(void *self, size_t n_bytes, struct qn_err *err)
{
    void *memory = qn_arena_alloc(self, n_bytes);

    if (!memory)
        qn_err_set(err, QN_LIMIT, "%zu bytes are more than may be used here", n_bytes);
    return memory;
}

static enum qn_status no_body(void *self, const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                              struct qn_value *outs, size_t n_outs)
{
    (void)self, (void)b, (void)ins, (void)n_ins, (void)outs, (void)n_outs;
    QN_FAIL(call->err, INTERNAL, "a body cannot run here");
}

static uint64_t no_random(void *self)
{
    (void)self;
    return 0x9e3779b97f4a7c15u;
}

enum qn_status qn_op_eval(struct qn_graph *graph, const struct qn_node *node, struct qn_value *const *ins,
                          struct qn_value *const *outs, struct qn_arena *arena, struct qn_arena *scratch,
                          bool reference, struct qn_err *err)
{
    const struct qn_services services = {alloc_in_arena, no_body, NULL, no_random, arena};
    const struct qn_eval how = {.services = &services, .scratch = scratch, .reference = reference};

    return qn_op_eval_with(graph, node, ins, outs, &how, err);
}
