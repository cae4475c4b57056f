/* opcase.c: the driver of operator case tables: the product of cases, kernels, CPU levels, threads and in-place runs.
 */
#include "opcase.h"

#include <stdio.h>
#include <string.h>

#include "ops/eval.h"
#include "passes/pass.h"
#include "tensor/compare.h"

struct bench {
    const struct qn_op_case *c;
    struct qn_arena arena, scratch;
    struct qn_graph *graph;
    struct qn_node *node;
    struct qn_value ins[QN_CASE_VALUES + 8], want[QN_CASE_VALUES];
    struct qn_value *in[QN_CASE_VALUES + 8];
    struct qn_var *given[QN_CASE_VALUES + 8], *wanted[QN_CASE_VALUES]; /* of the node, also when others replace it */
    int n_in, n_out;
    int n_ran;
    struct qn_err err;
};

static void complain(const struct bench *b, const char *kernel, const char *what)
{
    fail_msg("%s-%d(%s) {%s} kernel %s: %s", b->c->op, b->c->opset, b->c->in[0] ? b->c->in[0] : "", b->c->attrs, kernel,
             what);
}

static void *give(void *self, size_t n, struct qn_err *err)
{
    void *memory = qn_arena_alloc(self, n);

    if (!memory)
        qn_err_set(err, QN_LIMIT, "%zu bytes are more than the test allows", n);
    return memory;
}

static enum qn_status no_body(void *self, const struct qn_call *call, int body, const struct qn_value *ins,
                              size_t n_ins, struct qn_value *outs, size_t n_outs)
{
    (void)self, (void)body, (void)ins, (void)n_ins, (void)outs, (void)n_outs;
    QN_FAIL(call->err, INTERNAL, "no bodies in case tables");
}

static uint64_t random_bits(void *self)
{
    static uint64_t x = 88172645463325252u;

    (void)self;
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x;
}

/* ---- Building the node ---------------------------------------------------------------------------------------- */

static int count(const char *const texts[QN_CASE_VALUES])
{
    int n = 0;

    while (n < QN_CASE_VALUES && texts[n])
        n++;
    return n;
}

static enum qn_status bind(struct bench *b)
{
    const char *colon = strchr(b->c->op, ':');
    const char *domain = colon ? qn_arena_strndup(&b->arena, b->c->op, (size_t)(colon - b->c->op)) : "";
    const char *name = colon ? colon + 1 : b->c->op;
    struct qn_attr_value *attrs;
    const struct qn_op *op;
    size_t n_attrs;

    assert_true(qn_parse_attrs(&b->arena, b->c->attrs ? b->c->attrs : "", &attrs, &n_attrs));
    QN_TRY(qn_op_find(domain, name, b->c->opset, false, &op, &b->err));
    b->node = qn_graph_add_node(b->graph, NULL, op, op->name, "case", b->n_in, b->n_out);
    for (int i = 0; i < b->n_in; i++) {
        char text[16];

        snprintf(text, sizeof(text), "x%d", i);
        if (b->in[i])
            qn_node_set_in(b->node, i, qn_graph_add_var(b->graph, text));
    }
    for (int i = 0; i < b->n_out; i++) {
        char text[16];

        snprintf(text, sizeof(text), "y%d", i);
        if (!b->c->out[i] || strcmp(b->c->out[i], "-") != 0)
            qn_node_set_out(b->node, i, qn_graph_add_var(b->graph, text));
    }
    QN_TRY(qn_op_bind(b->graph, b->node, op, attrs, n_attrs, &b->err));
    /* Attributes that became inputs. */
    for (int i = 0; i < b->node->n_in; i++) {
        if (!b->node->in[i] || !b->node->in[i]->fact.konst)
            continue;
        b->ins[i] = (struct qn_value){.kind = QN_TENSOR, .tensor = *b->node->in[i]->fact.konst};
        b->in[i] = &b->ins[i];
    }
    b->n_in = b->node->n_in;
    memcpy(b->given, b->node->in, (size_t)b->n_in * sizeof(*b->given));
    memcpy(b->wanted, b->node->out, (size_t)b->n_out * sizeof(*b->wanted));
    return QN_OK;
}

static void read_values(struct bench *b)
{
    b->n_in = count(b->c->in);
    b->n_out = count(b->c->out);
    if (b->n_out == 0)
        b->n_out = 1;
    for (int i = 0; i < b->n_in; i++) {
        if (strcmp(b->c->in[i], "-") == 0)
            continue;
        assert_true(qn_parse_value(&b->arena, b->c->in[i], &b->ins[i]));
        b->in[i] = &b->ins[i];
    }
    for (int i = 0; i < b->n_out && b->c->out[i]; i++)
        if (strcmp(b->c->out[i], "-") != 0)
            assert_true(qn_parse_value(&b->arena, b->c->out[i], &b->want[i]));
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static void check_outputs(struct bench *b, struct qn_value *const *outs, const char *kernel)
{
    bool exact = b->node->op->tolerance == QN_EXACT && b->c->rtol == 0 && b->c->atol == 0;
    struct qn_tolerance tolerance = {.rtol = exact        ? 0
                                             : b->c->rtol ? b->c->rtol
                                                          : 1e-5,
                                     .atol = exact        ? 0
                                             : b->c->atol ? b->c->atol
                                                          : 1e-6};

    for (int i = 0; i < b->n_out; i++) {
        struct qn_difference difference;

        if (!outs[i] || !b->c->out[i])
            continue;
        qn_value_compare(outs[i], &b->want[i], tolerance, &difference);
        if (!difference.equal) {
            char text[400];

            snprintf(text, sizeof(text), "output %d: %s", i, difference.reason);
            complain(b, kernel, text);
        }
    }
}

static enum qn_status run_once(struct bench *b, const struct qn_kernel *kernel, struct qn_pool *pool, int in_place)
{
    struct qn_services services = {give, no_body, NULL, random_bits, &b->scratch};
    struct qn_eval how = {.services = &services, .scratch = &b->scratch, .pool = pool, .kernel = kernel};
    struct qn_value outs[QN_CASE_VALUES] = {{QN_TENSOR, {QN_UNDEFINED, 0, {0}, NULL}, NULL, 0}};
    struct qn_value *in[QN_CASE_VALUES + 8], *out[QN_CASE_VALUES], taken;
    enum qn_status status;

    memset(outs, 0, sizeof(outs));
    memcpy(in, b->in, sizeof(in));
    for (int i = 0; i < b->n_out; i++)
        out[i] = b->node->out[i] ? &outs[i] : NULL;
    if (in_place >= 0) {
        assert_int_equal(qn_value_copy(&b->scratch, b->in[in_place], &taken, NULL), QN_OK);
        in[in_place] = &taken;
        outs[0].tensor = b->want[0].tensor;
        outs[0].tensor.data = taken.tensor.data;
    }
    memset(&b->err, 0, sizeof(b->err));
    status = qn_op_eval_with(b->graph, b->node, in, out, &how, &b->err);
    if (status == QN_OK && b->c->fails == QN_OK)
        check_outputs(b, out, kernel ? kernel->name : "chosen");
    qn_arena_reset(&b->scratch);
    b->n_ran++;
    return status;
}

static bool may_run_in_place(const struct bench *b, int i)
{
    return (b->node->op->inplace >> i & 1) && b->in[i] && b->c->fails == QN_OK && b->node->out[0] &&
           b->in[i]->kind == QN_TENSOR && b->want[0].kind == QN_TENSOR &&
           qn_tensor_bytes(&b->in[i]->tensor) == qn_tensor_bytes(&b->want[0].tensor);
}

static void check_status(struct bench *b, enum qn_status status, const char *kernel)
{
    char text[700];

    if (status == b->c->fails && (!b->c->message || strstr(b->err.text, b->c->message)))
        return;
    snprintf(text, sizeof(text), "expected %s '%s', got %s '%s'", qn_status_name(b->c->fails),
             b->c->message ? b->c->message : "", qn_status_name(status), b->err.text);
    complain(b, kernel, text);
}

static struct qn_pool *shared_pool(void)
{
    static struct qn_pool *pool;

    if (!pool)
        pool = qn_pool_create(3);
    return pool;
}

static void run_product(struct bench *b, const struct qn_kernel *kernel)
{
    const char *name = kernel ? kernel->name : "chosen";

    check_status(b, run_once(b, kernel, NULL, -1), name);
    check_status(b, run_once(b, kernel, shared_pool(), -1), name);
    for (int i = 0; i < b->n_in && i < 32; i++)
        if (may_run_in_place(b, i))
            check_status(b, run_once(b, kernel, NULL, i), name);
}

/* Every kernel that takes the site; facts are those of the values. */
static void run_kernels(struct bench *b)
{
    struct qn_fact facts[QN_CASE_VALUES + 8], outs[QN_CASE_VALUES];
    const struct qn_fact *in[QN_CASE_VALUES + 8] = {NULL}, *out[QN_CASE_VALUES] = {NULL};
    struct qn_site site = {.node = b->node,
                           .params = b->node->params,
                           .n_in = b->node->n_formal,
                           .in = in,
                           .n_out = b->n_out,
                           .out = out,
                           .cpu = qn_cpu_level(),
                           .threads = 1};

    for (int i = 0; i < b->n_in; i++) {
        if (!b->in[i])
            continue;
        assert_int_equal(qn_value_fact(b->in[i], &b->arena, &facts[i], NULL), QN_OK);
        in[i] = &facts[i];
    }
    /* Inference reads values, kernels' choice only constants. */
    if (qn_op_infer_facts(b->graph, b->node, in, outs, &b->arena, 0, NULL) != QN_OK || !b->node->op->kernels)
        return;
    for (int i = 0; i < b->n_out; i++)
        out[i] = b->node->out[i] ? &outs[i] : NULL;
    for (int i = 0; i < b->n_in; i++)
        if (b->node->in[i] && !b->node->in[i]->fact.konst)
            facts[i].konst = NULL;
    for (const struct qn_kernel *kernel = b->node->op->kernels; kernel->name; kernel++)
        if (!kernel->accept || !kernel->accept(&site))
            run_product(b, kernel);
}

/* ---- Several nodes for one ------------------------------------------------------------------------------------ */

/* The case's graph, with conversions around nodes whose kernels do not take its types. */
static struct qn_graph *widen(struct bench *b)
{
    struct qn_passes passes = {.arena = &b->arena, .reference = true};
    struct qn_graph *graph;

    for (int i = 0; i < b->n_in; i++) {
        if (!b->given[i] || b->given[i]->fact.konst)
            continue;
        assert_int_equal(qn_value_fact(b->in[i], &b->arena, &b->given[i]->fact, NULL), QN_OK);
        b->given[i]->fact.konst = NULL;
    }
    graph = qn_graph_clone(b->graph, &b->arena);
    if (qn_graph_infer(graph, 0, NULL) == QN_OK)
        assert_int_equal(qn_pass_widen(&passes, graph), QN_OK);
    return graph;
}

/* The nodes one after the other. */
static void run_nodes(struct bench *b, struct qn_graph *graph, struct qn_pool *pool)
{
    struct qn_services services = {give, no_body, NULL, random_bits, &b->scratch};
    struct qn_eval how = {.services = &services, .scratch = &b->scratch, .pool = pool};
    struct qn_value *values = qn_arena_array(&b->scratch, graph->n_vars, sizeof(*values)), *ins[64], *outs[64];
    enum qn_status status = QN_OK;

    for (int i = 0; i < b->n_in; i++)
        if (b->given[i])
            values[b->given[i]->id] = b->ins[i];
    for (struct qn_node *node = graph->first; node && status == QN_OK; node = node->next) {
        assert_true(node->n_in < 64 && node->n_out < 64);
        for (int i = 0; i < node->n_in; i++) {
            ins[i] = node->in[i] ? &values[node->in[i]->id] : NULL;
            if (ins[i] && node->in[i]->fact.konst)
                ins[i]->tensor = *node->in[i]->fact.konst;
        }
        for (int i = 0; i < node->n_out; i++)
            outs[i] = node->out[i] ? &values[node->out[i]->id] : NULL;
        status = qn_op_eval_with(graph, node, ins, outs, &how, &b->err);
    }
    for (int i = 0; i < b->n_out; i++)
        outs[i] = b->wanted[i] ? &values[b->wanted[i]->id] : NULL;
    check_status(b, status, "(nodes)");
    if (status == QN_OK && b->c->fails == QN_OK)
        check_outputs(b, outs, "(nodes)");
    qn_arena_reset(&b->scratch);
    b->n_ran++;
}

/* Which inputs kernels see as constants of the graph: none, all but the first, all. Attributes that became inputs
 * always. */
static void set_constants(struct bench *b, int which)
{
    for (int i = 0; i < b->n_in; i++) {
        bool constant = which == 2 || (which == 1 && i > 0) || i >= count(b->c->in);

        if (b->in[i] && b->in[i]->kind == QN_TENSOR && b->node->in[i])
            b->node->in[i]->fact.konst = constant ? &b->in[i]->tensor : NULL;
    }
}

/* Kernel by kernel, or, for an operator defined by text and for types that no kernel takes, as several nodes. */
static void run_all(struct bench *b)
{
    static const enum qn_cpu_level levels[] = {QN_CPU_GENERIC, QN_CPU_AVX2, QN_CPU_AVX512};
    struct qn_graph *graph = widen(b);

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        qn_cpu_limit(levels[i]);
        if (graph->n_nodes > 1 || b->node->op->body) {
            run_nodes(b, graph, NULL);
            run_nodes(b, graph, shared_pool());
            continue;
        }
        for (int which = 0; which < 3; which++) {
            set_constants(b, which);
            run_kernels(b);
            run_product(b, NULL);
        }
    }
    assert_true(b->n_ran > 0);
}

static void run_case(const struct qn_op_case *c)
{
    struct bench *b = test_calloc(1, sizeof(*b));
    enum qn_status status;

    b->c = c;
    qn_arena_init(&b->arena, (size_t)1 << 28);
    qn_arena_init(&b->scratch, (size_t)1 << 28);
    b->graph = qn_graph_create(&b->arena, NULL, qn_symbols_create(&b->arena), "case");
    read_values(b);
    status = bind(b);
    if (status == QN_OK && b->node->op->body)
        status = qn_op_expand(b->graph, b->node, &b->err);
    if (status == QN_OK)
        run_all(b);
    else
        check_status(b, status, "(bind)");
    qn_arena_deinit(&b->arena);
    qn_arena_deinit(&b->scratch);
    test_free(b);
}

void qn_run_op_cases(const struct qn_op_case *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++)
        run_case(&cases[i]);
}
