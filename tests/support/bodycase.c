/* bodycase.c: builds a graph of one node with bodies and runs it twice, with a second run on the same frames. */
#include "bodycase.h"

#include <stdio.h>
#include <string.h>

#include "ops/eval.h"
#include "run/frame.h"
#include "tensor/compare.h"

static struct qn_graph *make_body(struct qn_arena *arena, struct qn_graph *parent, const struct qn_op *text)
{
    struct qn_graph *graph = qn_graph_create(arena, parent, parent->symbols, text->name);
    struct qn_node *node;
    int n_in = 0, n_out = 0;

    while (text->in[n_in].name)
        n_in++;
    while (text->out[n_out].name)
        n_out++;
    graph->n_inputs = n_in;
    graph->inputs = qn_arena_array(arena, (size_t)n_in, sizeof(*graph->inputs));
    graph->n_outputs = n_out;
    graph->outputs = qn_arena_array(arena, (size_t)n_out, sizeof(*graph->outputs));
    node = qn_graph_add_node(graph, NULL, text, text->name, "text", n_in, n_out);
    for (int i = 0; i < n_in; i++) {
        graph->inputs[i] = qn_graph_add_var(graph, text->in[i].name);
        qn_node_set_in(node, i, graph->inputs[i]);
    }
    for (int i = 0; i < n_out; i++) {
        graph->outputs[i] = qn_graph_add_var(graph, text->out[i].name);
        graph->outputs[i]->n_uses++;
        qn_node_set_out(node, i, graph->outputs[i]);
    }
    assert_int_equal(qn_op_bind(graph, node, text, NULL, 0, NULL), QN_OK);
    assert_int_equal(qn_op_expand(graph, node, NULL), QN_OK);
    return graph;
}

struct bench {
    const struct qn_body_case *c;
    struct qn_arena arena;
    struct qn_graph *graph;
    struct qn_value ins[QN_CASE_VALUES], want[QN_CASE_VALUES];
    int n_in, n_out;
    struct qn_err err;
};

static void connect(struct bench *b, struct qn_node *node)
{
    b->graph->inputs = qn_arena_array(&b->arena, QN_CASE_VALUES, sizeof(struct qn_var *));
    b->graph->outputs = qn_arena_array(&b->arena, QN_CASE_VALUES, sizeof(struct qn_var *));
    for (int i = 0; i < b->n_in; i++) {
        struct qn_var *var;

        if (strcmp(b->c->in[i], "-") == 0)
            continue;
        assert_true(qn_parse_value(&b->arena, b->c->in[i], &b->ins[b->graph->n_inputs]));
        var = qn_graph_add_var(b->graph, "x");
        assert_int_equal(qn_value_fact(&b->ins[b->graph->n_inputs], &b->arena, &var->fact, NULL), QN_OK);
        var->fact.konst = NULL;
        b->graph->inputs[b->graph->n_inputs++] = var;
        qn_node_set_in(node, i, var);
    }
    for (int i = 0; i < b->n_out; i++) {
        struct qn_var *var = qn_graph_add_var(b->graph, "y");

        if (b->c->out[i])
            assert_true(qn_parse_value(&b->arena, b->c->out[i], &b->want[i]));
        var->n_uses++;
        b->graph->outputs[b->graph->n_outputs++] = var;
        qn_node_set_out(node, i, var);
    }
}

static enum qn_status build(struct bench *b)
{
    struct qn_attr_value *attrs;
    const struct qn_op *op;
    struct qn_node *node;
    size_t n_attrs;

    assert_true(qn_parse_attrs(&b->arena, b->c->attrs ? b->c->attrs : "", &attrs, &n_attrs));
    for (int i = 0; i < 2 && b->c->bodies[i]; i++)
        attrs[n_attrs++] = (struct qn_attr_value){.name = b->c->body_attrs[i],
                                                  .kind = QN_ATTR_GRAPH,
                                                  .n = 1,
                                                  .g = make_body(&b->arena, b->graph, b->c->bodies[i])};
    QN_TRY(qn_op_find(b->c->domain ? b->c->domain : "", b->c->op, b->c->opset, false, &op, &b->err));
    node = qn_graph_add_node(b->graph, NULL, op, op->name, "case", b->n_in, b->n_out);
    connect(b, node);
    return qn_op_bind(b->graph, node, op, attrs, n_attrs, &b->err);
}

static void compare(struct bench *b, const struct qn_value *outs)
{
    for (int i = 0; i < b->n_out; i++) {
        struct qn_difference difference;

        qn_value_compare(&outs[i], &b->want[i], (struct qn_tolerance){1e-6, 1e-6, 0}, &difference);
        if (!difference.equal)
            fail_msg("%s-%d output %d: %s", b->c->op, b->c->opset, i, difference.reason);
    }
}

static enum qn_status run(struct bench *b)
{
    const struct qn_plan_options options = {.threads = 1, .max_memory = (size_t)1 << 26};
    struct qn_run shared = {.random = 1, .max_memory = (size_t)1 << 26};
    struct qn_passes passes = {.arena = &b->arena, .fold_bytes = 1 << 20, .err = &b->err};
    const struct qn_value *ins[QN_CASE_VALUES];
    struct qn_value outs[QN_CASE_VALUES];
    struct qn_program *program;
    struct qn_packs *packs;
    struct qn_frame frame;
    enum qn_status status;

    QN_TRY(qn_passes_run(&passes, b->graph));
    assert_int_equal(qn_packs_create(&packs, &options, NULL), QN_OK);
    assert_int_equal(qn_program_create(b->graph, &options, packs, &program, NULL), QN_OK);
    qn_frame_init(&frame, &shared, program);
    for (int i = 0; i < b->graph->n_inputs; i++)
        ins[i] = &b->ins[i];
    status = qn_frame_run(&frame, ins, outs, &b->err);
    if (status == QN_OK) {
        status = qn_frame_run(&frame, ins, outs, &b->err);
        compare(b, outs);
    }
    qn_frame_deinit(&frame);
    qn_program_destroy(program);
    qn_packs_destroy(packs);
    return status;
}

static void run_case(const struct qn_body_case *c)
{
    struct bench b = {.c = c};
    enum qn_status status;

    qn_arena_init(&b.arena, (size_t)1 << 27);
    b.graph = qn_graph_create(&b.arena, NULL, qn_symbols_create(&b.arena), "case");
    while (b.n_in < QN_CASE_VALUES && c->in[b.n_in])
        b.n_in++;
    while (b.n_out < QN_CASE_VALUES && c->out[b.n_out])
        b.n_out++;
    if (b.n_out == 0)
        b.n_out = 1;
    status = build(&b);
    if (status == QN_OK)
        status = run(&b);
    if (status != c->fails || (c->message && !strstr(b.err.text, c->message)))
        fail_msg("%s-%d: expected %s '%s', got %s '%s'", c->op, c->opset, qn_status_name(c->fails),
                 c->message ? c->message : "", qn_status_name(status), b.err.text);
    qn_arena_deinit(&b.arena);
}

void qn_run_body_cases(const struct qn_body_case *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++)
        run_case(&cases[i]);
}
