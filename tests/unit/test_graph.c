/* test_graph.c: making, editing, copying, checking and dumping graphs; every invariant broken once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ir/graph.h"

/* x -> A -> a -> B -> b (output); a and the constant w also into C -> c (output). */
struct fixture {
    struct qn_arena arena;
    struct qn_graph *graph;
    struct qn_var *x, *w, *a, *b, *c;
    struct qn_node *node_a, *node_b, *node_c;
    float data[2];
    struct qn_tensor tensor;
};

static struct qn_node *add(struct qn_graph *graph, const char *op, struct qn_var *in0, struct qn_var *in1,
                           struct qn_var *out)
{
    struct qn_node *node = qn_graph_add_node(graph, NULL, NULL, op, "", in1 ? 2 : 1, 1);

    assert_non_null(node);
    qn_node_set_in(node, 0, in0);
    if (in1)
        qn_node_set_in(node, 1, in1);
    qn_node_set_out(node, 0, out);
    return node;
}

static void set_list(struct qn_graph *graph, struct qn_var ***list, int *n, struct qn_var *first, struct qn_var *second)
{
    *list = qn_arena_array(graph->arena, 2, sizeof(struct qn_var *));
    (*list)[0] = first;
    (*list)[1] = second;
    *n = second ? 2 : 1;
}

static void set_outputs(struct qn_graph *graph, struct qn_var *first, struct qn_var *second)
{
    set_list(graph, &graph->outputs, &graph->n_outputs, first, second);
    first->n_uses++;
    if (second)
        second->n_uses++;
}

static void build(struct fixture *f)
{
    struct qn_shape shape = qn_shape_1d(2);

    memset(f, 0, sizeof(*f));
    qn_arena_init(&f->arena, SIZE_MAX);
    f->data[0] = 1;
    f->data[1] = 2;
    f->tensor = (struct qn_tensor){.dtype = QN_FLOAT, .rank = 1, .dims = {2}, .data = f->data};
    f->graph = qn_graph_create(&f->arena, NULL, qn_symbols_create(&f->arena), "g");
    f->x = qn_graph_add_var(f->graph, "x");
    f->x->fact = qn_fact_tensor(QN_FLOAT, &shape);
    f->x->fact.shape.dims[0] = qn_symbols_dim(f->graph->symbols, "batch");
    f->w = qn_graph_add_const(f->graph, "w", &f->tensor);
    f->a = qn_graph_add_var(f->graph, "a");
    f->b = qn_graph_add_var(f->graph, "b");
    f->c = qn_graph_add_var(f->graph, "c");
    set_list(f->graph, &f->graph->inputs, &f->graph->n_inputs, f->x, NULL);
    f->node_a = add(f->graph, "A", f->x, NULL, f->a);
    f->node_b = add(f->graph, "B", f->a, NULL, f->b);
    f->node_c = add(f->graph, "C", f->a, f->w, f->c);
    set_outputs(f->graph, f->b, f->c);
}

static void assert_valid(const struct qn_graph *graph)
{
    struct qn_err err = {0};

    if (qn_graph_verify(graph, &err) != QN_OK)
        fail_msg("%s", err.text);
}

static void assert_dumps(const struct qn_graph *graph, const char *expected)
{
    struct qn_buf buf;

    qn_buf_init(&buf, 100000);
    qn_graph_dump(graph, &buf);
    assert_false(buf.failed);
    assert_string_equal(buf.data, expected);
    qn_buf_deinit(&buf);
}

/* ---- Making --------------------------------------------------------------------------------------------------- */

static void symbols_are_equal_for_equal_names(void **state)
{
    struct qn_arena arena;
    struct qn_symbols *symbols;
    char name[16];

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    symbols = qn_symbols_create(&arena);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 100; i++) {
            snprintf(name, sizeof(name), "n%d", i);
            assert_int_equal(qn_symbols_dim(symbols, name), qn_dim_symbol(i));
        }
    assert_int_equal(symbols->n, 100);
    assert_string_equal(symbols->names[99], "n99");
    qn_arena_deinit(&arena);
}

static void uses_and_producers_are_counted(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    assert_valid(f.graph);
    assert_int_equal(f.a->n_uses, 2);
    assert_int_equal(f.b->n_uses, 1);
    assert_ptr_equal(f.c->producer, f.node_c);
    qn_node_set_in(f.node_c, 0, f.x);
    assert_int_equal(f.a->n_uses, 1);
    qn_node_set_in(f.node_c, 0, f.x);
    assert_int_equal(f.x->n_uses, 2);
    qn_node_set_in(f.node_c, 1, NULL);
    assert_int_equal(f.w->n_uses, 0);
    assert_valid(f.graph);
    qn_arena_deinit(&f.arena);
}

static void nodes_go_where_they_are_wanted(void **state)
{
    struct fixture f;
    struct qn_node *first, *middle;

    (void)state;
    build(&f);
    first = qn_graph_add_node(f.graph, f.node_a, NULL, "First", "", 0, 0);
    middle = qn_graph_add_node(f.graph, f.node_c, NULL, "Middle", "", 0, 0);
    assert_ptr_equal(f.graph->first, first);
    assert_ptr_equal(first->next, f.node_a);
    assert_ptr_equal(f.node_b->next, middle);
    assert_ptr_equal(middle->next, f.node_c);
    assert_int_equal(f.graph->n_nodes, 5);
    assert_valid(f.graph);
    qn_arena_deinit(&f.arena);
}

static void inputs_can_be_appended_many_times(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(qn_node_add_in(f.graph, f.node_c, f.x), 2 + i);
    assert_int_equal(f.node_c->n_formal, 2);
    assert_ptr_equal(f.node_c->in[1], f.w);
    assert_int_equal(f.x->n_uses, 1001);
    assert_valid(f.graph);
    qn_arena_deinit(&f.arena);
}

static void refused_memory_gives_null(void **state)
{
    struct qn_arena arena;
    struct qn_graph *graph;

    (void)state;
    qn_arena_init(&arena, 8192);
    graph = qn_graph_create(&arena, NULL, qn_symbols_create(&arena), "g");
    assert_non_null(graph);
    assert_non_null(qn_graph_add_node(graph, NULL, NULL, "A", "a", 2, 1));
    assert_null(qn_graph_add_node(graph, NULL, NULL, "A", "a", 100000, 1));
    assert_int_equal(graph->n_nodes, 1);
    while (qn_graph_add_var(graph, "a name of some length, so that the end comes"))
        ;
    assert_int_equal(qn_symbols_dim(graph->symbols, "n"), QN_DIM_UNKNOWN);
    assert_null(qn_graph_clone(graph, &arena));
    qn_arena_deinit(&arena);
}

/* ---- Patches -------------------------------------------------------------------------------------------------- */

static void outputs_change_hands(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    qn_patch_set_output(f.graph, 1, f.b);
    assert_ptr_equal(f.graph->outputs[1], f.b);
    assert_int_equal(f.b->n_uses, 2);
    assert_int_equal(f.c->n_uses, 0);
    qn_patch_remove_node(f.graph, f.node_c);
    assert_int_equal(f.graph->n_nodes, 2);
    assert_valid(f.graph);
    assert_dumps(f.graph, "graph g\n"
                          "  in x: float32[batch]\n"
                          "  a: ? = A(x)\n"
                          "  b: ? = B(a)\n"
                          "  out b\n"
                          "  out b\n");
    qn_arena_deinit(&f.arena);
}

static void a_variable_becomes_constant(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    qn_patch_make_const(f.a, &f.tensor);
    qn_patch_remove_node(f.graph, f.node_a);
    assert_valid(f.graph);
    assert_dumps(f.graph, "graph g\n"
                          "  in x: float32[batch]\n"
                          "  const a: float32[2] 1 2\n"
                          "  const w: float32[2] 1 2\n"
                          "  b: ? = B(a)\n"
                          "  c: ? = C(a, w)\n"
                          "  out b\n"
                          "  out c\n");
    qn_arena_deinit(&f.arena);
}

static void outputs_are_taken_over(void **state)
{
    struct fixture f;
    struct qn_node *fused;

    (void)state;
    build(&f);
    fused = qn_graph_add_node(f.graph, f.node_b, NULL, "Fused", "f", 1, 2);
    qn_node_set_in(fused, 0, f.x);
    qn_patch_take_output(fused, 0, f.b);
    qn_patch_take_output(fused, 1, f.a);
    qn_patch_remove_node(f.graph, f.node_b);
    qn_patch_remove_node(f.graph, f.node_a);
    assert_valid(f.graph);
    assert_dumps(f.graph, "graph g\n"
                          "  in x: float32[batch]\n"
                          "  const w: float32[2] 1 2\n"
                          "  b: ?, a: ? = Fused(x)  # f\n"
                          "  c: ? = C(a, w)\n"
                          "  out b\n"
                          "  out c\n");
    qn_arena_deinit(&f.arena);
}

static void the_only_reader(void **state)
{
    struct fixture f;
    struct qn_uses uses;

    (void)state;
    build(&f);
    assert_true(qn_uses_build(&uses, f.graph, &f.arena));
    assert_ptr_equal(qn_uses_only(&uses, f.graph, f.x), f.node_a);
    assert_ptr_equal(qn_uses_only(&uses, f.graph, f.w), f.node_c);
    assert_null(qn_uses_only(&uses, f.graph, f.a)); /* two readers */
    assert_null(qn_uses_only(&uses, f.graph, f.b)); /* graph output */
    assert_null(qn_uses_only(&uses, f.graph, qn_graph_add_var(f.graph, "later")));
    qn_node_set_in(f.node_b, 0, f.x);
    qn_node_set_in(f.node_a, 0, f.w);
    assert_null(qn_uses_only(&uses, f.graph, f.x)); /* the table is out of date */
    qn_arena_deinit(&f.arena);
}

/* ---- Bodies and copies ---------------------------------------------------------------------------------------- */

/* Gives node B a body that captures x: in x2, y = D(x2). */
static struct qn_graph *add_body(struct fixture *f)
{
    struct qn_graph *body = qn_graph_create(&f->arena, f->graph, f->graph->symbols, "inner");
    struct qn_var *inner = qn_graph_add_var(body, "x2"), *y = qn_graph_add_var(body, "y");
    struct qn_node *node = f->node_b;

    set_list(body, &body->captures, &body->n_captures, inner, NULL);
    add(body, "D", inner, NULL, y);
    set_outputs(body, y, NULL);
    node->bodies = qn_arena_array(&f->arena, 1, sizeof(*node->bodies));
    node->n_bodies = 1;
    node->bodies[0].graph = body;
    node->bodies[0].capture_input = qn_arena_array(&f->arena, 1, sizeof(int));
    node->bodies[0].capture_input[0] = qn_node_add_in(f->graph, node, f->x);
    return body;
}

static const char *const with_body = "graph g\n"
                                     "  in x: float32[batch]\n"
                                     "  const w: float32[2] 1 2\n"
                                     "  a: ? = A(x)\n"
                                     "  b: ? = B(a; x)\n"
                                     "    body inner\n"
                                     "      capture x2: ?\n"
                                     "      y: ? = D(x2)\n"
                                     "      out y\n"
                                     "  c: ? = C(a, w)\n"
                                     "  out b\n"
                                     "  out c\n";

static void bodies_are_indented(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    add_body(&f);
    assert_valid(f.graph);
    assert_dumps(f.graph, with_body);
    qn_arena_deinit(&f.arena);
}

static void control_characters_do_not_break_lines(void **state)
{
    struct fixture f;

    (void)state;
    build(&f);
    f.x->name = "x\n  out y\x1b[31m";
    qn_patch_set_output(f.graph, 0, f.x);
    qn_patch_set_output(f.graph, 1, f.x);
    qn_patch_remove_node(f.graph, f.node_c);
    qn_patch_remove_node(f.graph, f.node_b);
    qn_patch_remove_node(f.graph, f.node_a);
    assert_dumps(f.graph, "graph g\n"
                          "  in x?  out y?[31m: float32[batch]\n"
                          "  out x?  out y?[31m\n"
                          "  out x?  out y?[31m\n");
    qn_arena_deinit(&f.arena);
}

static void a_copy_is_independent(void **state)
{
    struct fixture f;
    struct qn_arena other;
    struct qn_graph *copy;

    (void)state;
    build(&f);
    add_body(&f);
    qn_arena_init(&other, SIZE_MAX);
    copy = qn_graph_clone(f.graph, &other);
    assert_non_null(copy);
    assert_valid(copy);
    assert_dumps(copy, with_body);
    assert_ptr_not_equal(copy->inputs[0], f.x);
    assert_int_equal(copy->inputs[0]->id, f.x->id);
    assert_ptr_equal(copy->first->next->bodies[0].graph, f.node_b->bodies[0].graph);
    qn_patch_set_output(copy, 0, copy->inputs[0]);
    qn_patch_remove_node(copy, copy->first->next);
    copy->inputs[0]->fact.shape.dims[0] = 7;
    assert_valid(copy);
    assert_dumps(f.graph, with_body);
    assert_valid(f.graph);
    qn_arena_deinit(&other);
    qn_arena_deinit(&f.arena);
}

/* ---- Broken graphs -------------------------------------------------------------------------------------------- */

static void break_uses(struct fixture *f) { f->a->n_uses++; }
static void break_producer(struct fixture *f) { f->a->producer = f->node_b; }
static void break_index(struct fixture *f) { f->a->index = 1; }
static void break_order(struct fixture *f) { qn_node_set_in(f->node_a, 0, f->c); }
static void break_links(struct fixture *f) { f->node_b->prev = NULL; }
static void break_count(struct fixture *f) { f->graph->n_nodes = 2; }
static void break_circle(struct fixture *f)
{
    f->node_c->next = f->node_a;
    f->node_a->prev = f->node_c;
}
static void break_const(struct fixture *f) { f->w->fact.konst = NULL; }
static void break_twice(struct fixture *f)
{
    f->node_c->out[0] = f->b;
    f->b->producer = f->node_c;
}
static void break_input(struct fixture *f) { f->graph->inputs[0] = f->a; }
static void break_output(struct fixture *f) { f->graph->outputs[0] = NULL; }
static void break_id(struct fixture *f) { f->b->id = f->a->id; }
static void break_large_id(struct fixture *f) { f->b->id = 99; }
static void break_node_id(struct fixture *f) { f->node_a->id = 99; }
static void break_formal(struct fixture *f) { f->node_a->n_formal = 2; }
static void break_capture(struct fixture *f) { add_body(f), f->node_b->bodies[0].capture_input[0] = 0; }
static void break_capture_place(struct fixture *f) { add_body(f), qn_node_set_in(f->node_b, 1, NULL); }
static void break_parent(struct fixture *f) { add_body(f)->parent = NULL; }
static void break_inside(struct fixture *f) { add_body(f)->first->out[0]->n_uses = 5; }
static void break_body(struct fixture *f) { add_body(f), f->node_b->bodies[0].graph = NULL; }
/* A body that is its own body. */
static void break_depth(struct fixture *f)
{
    struct qn_graph *body = add_body(f);

    body->first->bodies = f->node_b->bodies;
    body->first->n_bodies = 1;
    body->first->in_capacity = 0;
    qn_node_add_in(body, body->first, body->captures[0]);
}

static const struct {
    void (*break_it)(struct fixture *f);
    const char *text;
} breaks[] = {
    {break_uses, "variable 'a' counts 3 uses and has 2"},
    {break_producer, "does not name its producer"},
    {break_index, "does not name its producer"},
    {break_order, "read before its producer"},
    {break_links, "the order of nodes is broken"},
    {break_count, "more nodes than 2"},
    {break_circle, "the order of nodes is broken"},
    {break_const, "neither produced nor a constant"},
    {break_twice, "does not name its producer"},
    {break_input, "input 'a' has a producer"},
    {break_output, "graph output 0 is missing"},
    {break_id, "share id"},
    {break_large_id, "has id 99"},
    {break_node_id, "node id 99"},
    {break_formal, "2 formal inputs of 1"},
    {break_capture, "is at input 0, not among 1..2"},
    {break_capture_place, "is not connected"},
    {break_parent, "has no parent"},
    {break_inside, "variable 'y' counts 5 uses and has 1"},
    {break_body, "a body is missing"},
    {break_depth, "nest deeper than 64"},
};

static void every_broken_invariant_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct qn_err err = {0};
        struct fixture f;

        build(&f);
        breaks[i].break_it(&f);
        assert_int_equal(qn_graph_verify(f.graph, &err), QN_INTERNAL);
        if (!strstr(err.text, breaks[i].text))
            fail_msg("'%s' expected, got '%s'", breaks[i].text, err.text);
        qn_arena_deinit(&f.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_equal_for_equal_names),
        cmocka_unit_test(uses_and_producers_are_counted),
        cmocka_unit_test(nodes_go_where_they_are_wanted),
        cmocka_unit_test(inputs_can_be_appended_many_times),
        cmocka_unit_test(refused_memory_gives_null),
        cmocka_unit_test(outputs_change_hands),
        cmocka_unit_test(a_variable_becomes_constant),
        cmocka_unit_test(outputs_are_taken_over),
        cmocka_unit_test(the_only_reader),
        cmocka_unit_test(bodies_are_indented),
        cmocka_unit_test(control_characters_do_not_break_lines),
        cmocka_unit_test(a_copy_is_independent),
        cmocka_unit_test(every_broken_invariant_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
