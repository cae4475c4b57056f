/* graphcase.h: tests of rewrites as tables: a graph as text, what the passes must make of it, and values to run both
 * on. Header only, one program per test file.
 *
 *   in x f32[batch,3]          an input; dims are sizes, names or ?
 *   const w f32[3,2] 1 2 ...   a constant, in the form of opcase.h
 *   y = MatMul-13 x w          a node: output, operator-opset, inputs ("-": left out), {attributes}
 *   out y                      an output
 *   run x f32[2,3] 1 2 ...     a value for an input
 *
 * After the passes, the lines of the dump that show nodes must be the expected ones. The graph is verified before and
 * after, and outputs of the two are compared. Narrow element types that no kernel takes are rounded after every node
 * before the passes. */
#ifndef QN_TESTS_GRAPHCASE_H
#define QN_TESTS_GRAPHCASE_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opcase.h"
#include "ops/eval.h"
#include "passes/pass.h"
#include "tensor/compare.h"

struct graph_case {
    const char *name;
    const char *graph;
    const char *nodes; /* node lines of the dump after the passes, without indentation */
    bool rounds;       /* outputs may differ in the last bits */
    const char *want;  /* output 0 after the passes, where it is another one */
};

enum { MAX_NAMED = 64 };

struct graph_reader {
    const struct graph_case *c;
    struct qn_arena arena;
    struct qn_graph *graph;
    struct qn_var *vars[MAX_NAMED];
    int n_vars;
    struct qn_value values[MAX_NAMED]; /* of inputs, by place in vars */
};

static struct qn_var *find_var(struct graph_reader *r, const char *name, int *index)
{
    for (int i = 0; i < r->n_vars; i++) {
        if (strcmp(r->vars[i]->name, name) == 0) {
            if (index)
                *index = i;
            return r->vars[i];
        }
    }
    fail_msg("%s: no variable '%s'", r->c->name, name);
    return NULL;
}

static struct qn_var *add_var(struct graph_reader *r, struct qn_var *var)
{
    assert_non_null(var);
    assert_true(r->n_vars < MAX_NAMED);
    return r->vars[r->n_vars++] = var;
}

/* "f32[batch,3]" -> a fact. */
static struct qn_fact parse_type(struct graph_reader *r, char *text)
{
    char zeros[64], *bracket = strchr(text, '['), *dims = bracket + 1;
    struct qn_shape shape = QN_SHAPE_SCALAR;
    struct qn_value value;

    assert_non_null(bracket);
    snprintf(zeros, sizeof(zeros), "%.*s[0]", (int)(bracket - text), text);
    assert_true(qn_parse_value(&r->arena, zeros, &value));
    *strchr(dims, ']') = 0;
    for (char *save, *dim = strtok_r(dims, ",", &save); dim; dim = strtok_r(NULL, ",", &save))
        shape.dims[shape.rank++] = strcmp(dim, "?") == 0          ? QN_DIM_UNKNOWN
                                   : isdigit((unsigned char)*dim) ? strtoll(dim, NULL, 10)
                                                                  : qn_symbols_dim(r->graph->symbols, dim);
    return qn_fact_tensor(value.tensor.dtype, &shape);
}

static void read_in(struct graph_reader *r, char *name, char *type)
{
    struct qn_var *var = add_var(r, qn_graph_add_var(r->graph, name));

    var->fact = parse_type(r, type);
    r->graph->inputs[r->graph->n_inputs++] = var;
}

static void read_const(struct graph_reader *r, const char *name, const char *text)
{
    struct qn_value *value = qn_arena_alloc(&r->arena, sizeof(*value));

    assert_true(qn_parse_value(&r->arena, text, value));
    add_var(r, qn_graph_add_const(r->graph, name, &value->tensor));
}

/* rest: "= Op-13 a b {attributes}" */
static void read_node(struct graph_reader *r, const char *out, char *rest)
{
    char *brace = strchr(rest, '{'), *save, *op = strtok_r(rest + 2, " ", &save), *dash;
    struct qn_var *ins[QN_CASE_VALUES], *outs[1];
    struct qn_attr_value *attrs = NULL;
    struct qn_err err = {.text = ""};
    size_t n_attrs = 0;
    int n_ins = 0;

    if (brace) {
        *strrchr(brace, '}') = 0;
        *brace = 0;
        assert_true(qn_parse_attrs(&r->arena, brace + 1, &attrs, &n_attrs));
    }
    dash = strrchr(op, '-');
    *dash = 0;
    for (char *in = strtok_r(NULL, " ", &save); in; in = strtok_r(NULL, " ", &save))
        ins[n_ins++] = strcmp(in, "-") == 0 ? NULL : find_var(r, in, NULL);
    outs[0] = add_var(r, qn_graph_add_var(r->graph, out));
    if (!qn_op_make_node(r->graph, NULL, "", op, strtoll(dash + 1, NULL, 10), out, ins, n_ins, outs, 1, attrs, n_attrs,
                         &err))
        fail_msg("%s: %s: %s", r->c->name, op, err.text);
}

static void read_line(struct graph_reader *r, char *line)
{
    char *save, *word = strtok_r(line, " ", &save), *name;
    int i = 0;

    if (!word)
        return;
    if (strncmp(save, "= ", 2) == 0) {
        read_node(r, word, save);
        return;
    }
    name = strtok_r(NULL, " ", &save);
    if (strcmp(word, "in") == 0) {
        read_in(r, name, save);
    } else if (strcmp(word, "const") == 0) {
        read_const(r, name, save);
    } else if (strcmp(word, "out") == 0) {
        r->graph->outputs[r->graph->n_outputs] = find_var(r, name, NULL);
        r->graph->outputs[r->graph->n_outputs++]->n_uses++;
    } else if (strcmp(word, "run") == 0) {
        find_var(r, name, &i);
        assert_true(qn_parse_value(&r->arena, save, &r->values[i]));
    } else {
        fail_msg("%s: '%s' is not a line", r->c->name, word);
    }
}

static void read_graph(struct graph_reader *r, const struct graph_case *c)
{
    char *text, *save;

    memset(r, 0, sizeof(*r));
    r->c = c;
    qn_arena_init(&r->arena, (size_t)1 << 28);
    r->graph = qn_graph_create(&r->arena, NULL, qn_symbols_create(&r->arena), "main");
    r->graph->inputs = qn_arena_array(&r->arena, 8, sizeof(struct qn_var *));
    r->graph->outputs = qn_arena_array(&r->arena, 8, sizeof(struct qn_var *));
    text = qn_arena_strdup(&r->arena, c->graph);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        read_line(r, line);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static void *graph_alloc(void *self, size_t n, struct qn_err *err)
{
    (void)err;
    return qn_arena_alloc(self, n);
}

/* Node after node; values by variable id. */
static void run_graph(struct graph_reader *r, struct qn_value *values, const char *which)
{
    const struct qn_services services = {.alloc = graph_alloc, .self = &r->arena};
    const struct qn_eval how = {.services = &services, .scratch = &r->arena};

    for (int i = 0; i < r->n_vars; i++)
        if (r->values[i].tensor.data)
            values[r->vars[i]->id] = r->values[i];
    for (const struct qn_node *node = r->graph->first; node; node = node->next) {
        struct qn_value *ins[QN_CASE_VALUES] = {NULL}, *outs[4] = {NULL};
        struct qn_err err = {.text = ""};

        for (int i = 0; i < node->n_in; i++) {
            if (!node->in[i])
                continue;
            ins[i] = &values[node->in[i]->id];
            if (node->in[i]->fact.konst)
                ins[i]->tensor = *node->in[i]->fact.konst;
        }
        for (int i = 0; i < node->n_out; i++)
            outs[i] = node->out[i] ? &values[node->out[i]->id] : NULL;
        if (qn_op_eval_with(r->graph, node, ins, outs, &how, &err) != QN_OK)
            fail_msg("%s: %s the passes, %s: %s", r->c->name, which, node->op_name, err.text);
    }
}

/* ---- Comparing ------------------------------------------------------------------------------------------------ */

/* The lines of the dump that show nodes. */
static void check_nodes(const struct graph_reader *r)
{
    struct qn_buf dump, nodes;
    char *save;

    qn_buf_init(&dump, 1 << 20);
    qn_buf_init(&nodes, 1 << 20);
    qn_graph_dump(r->graph, &dump);
    for (char *line = strtok_r(dump.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strstr(line, " = "))
            qn_buf_printf(&nodes, "%s\n", line + strspn(line, " "));
    if (strcmp(nodes.data ? nodes.data : "", r->c->nodes) != 0)
        fail_msg("%s: expected\n%sgot\n%s", r->c->name, r->c->nodes, nodes.data);
    qn_buf_deinit(&dump);
    qn_buf_deinit(&nodes);
}

static void check_outputs(struct graph_reader *r, const struct qn_value *before, const struct qn_value *after)
{
    const double slack = r->c->rounds ? 1e-5 : 0;

    for (int i = 0; i < r->graph->n_outputs; i++) {
        uint32_t id = r->graph->outputs[i]->id;
        struct qn_value want = before[id];
        struct qn_difference difference;

        if (i == 0 && r->c->want)
            assert_true(qn_parse_value(&r->arena, r->c->want, &want));
        qn_value_compare(&after[id], &want, (struct qn_tolerance){.rtol = slack, .atol = slack}, &difference);
        if (!difference.equal)
            fail_msg("%s: %s", r->c->name, difference.reason);
    }
}

static void run_graph_case(const struct graph_case *c)
{
    struct graph_reader *r = test_malloc(sizeof(*r));
    struct qn_passes passes = {.fold_bytes = 1 << 20}, strict = {.reference = true};
    struct qn_graph *whole;
    struct qn_value *before, *after;
    struct qn_err err = {.text = ""};

    read_graph(r, c);
    passes.arena = strict.arena = &r->arena;
    passes.err = strict.err = &err;
    before = qn_arena_array(&r->arena, 256, sizeof(*before));
    after = qn_arena_array(&r->arena, 256, sizeof(*after));
    if (qn_graph_infer(r->graph, 0, &err) != QN_OK || qn_graph_verify(r->graph, &err) != QN_OK)
        fail_msg("%s: %s", c->name, err.text);
    whole = r->graph;
    r->graph = qn_graph_clone(whole, &r->arena);
    if (qn_pass_widen(&strict, r->graph) != QN_OK)
        fail_msg("%s: %s", c->name, err.text);
    run_graph(r, before, "before");
    r->graph = whole;
    if (qn_passes_run(&passes, r->graph) != QN_OK || qn_graph_verify(r->graph, &err) != QN_OK)
        fail_msg("%s: %s", c->name, err.text);
    assert_true(r->graph->n_vars < 256);
    check_nodes(r);
    run_graph(r, after, "after");
    check_outputs(r, before, after);
    qn_arena_deinit(&r->arena);
    test_free(r);
}

#define GRAPH_CASES_MAIN(table)                                                                                        \
    static void run_cases(void **state)                                                                                \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)                                                  \
            run_graph_case(&(table)[i]);                                                                               \
    }                                                                                                                  \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases)};                                               \
                                                                                                                       \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                              \
    }

#endif
