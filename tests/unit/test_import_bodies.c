/* test_import_bodies.c: graphs inside nodes and functions of the model: what they see of the names around them, what
 * the owner of a body lists as captures, what expansion makes of calls, and the nests and circles that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/model_case.h"

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

/* Both branches read x; one reads it two levels down; w is shared, not captured; "t" is each branch's own. */
static void nested_ifs(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_weight(w, "w");
    qn_put_out(w, "y");
    qn_write_node(w, "Add", "x x", "a");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Add", "a w", "t");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_write_begin_node(w, 1, "If", "cond", "t");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Add", "a x", "u");
    qn_put_out(w, "u");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_put_out(w, "w");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}
#define NESTED_IFS_DUMP                                                                                                \
    "graph g\n"                                                                                                        \
    "  in cond: bool[]\n"                                                                                              \
    "  in x: float32[2]\n"                                                                                             \
    "  a: ? = Add(x, x)  # Add_0\n"                                                                                    \
    "  y: ? = If(cond; a, x, cond)  # If_1\n"                                                                          \
    "    body then_branch\n"                                                                                           \
    "      capture a: ?\n"                                                                                             \
    "      const w: float32[2] 1 2\n"                                                                                  \
    "      t: ? = Add(a, w)  # Add_0\n"                                                                                \
    "      out t\n"                                                                                                    \
    "    body else_branch\n"                                                                                           \
    "      capture a: ?\n"                                                                                             \
    "      capture x: float32[2]\n"                                                                                    \
    "      capture cond: bool[]\n"                                                                                     \
    "      t: ? = If(cond; a, x)  # If_0\n"                                                                            \
    "        body then_branch\n"                                                                                       \
    "          capture a: ?\n"                                                                                         \
    "          capture x: float32[2]\n"                                                                                \
    "          u: ? = Add(a, x)  # Add_0\n"                                                                            \
    "          out u\n"                                                                                                \
    "        body else_branch\n"                                                                                       \
    "          const w: float32[2] 1 2\n"                                                                              \
    "          out w\n"                                                                                                \
    "      out t\n"                                                                                                    \
    "  out y\n"

/* The owner stands before what its body reads. */
static void unsorted_by_body(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_put_out(w, "a");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_write_node(w, "Add", "x a", "t");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_node(w, "Add", "x x", "a");
    qn_write_end(w);
}

/* The inner t hides the outer one, and is made before it is read. */
static void shadowed(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "Add", "x x", "t");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Mul", "x x", "t");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

static void body_reads_nothing_known(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Add", "q q", "t");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

static void branch_missing(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_put_out(w, "cond");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

static void body_output_missing(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_put_out(w, "nothing");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

/* The body's formal inputs stay, whatever initializers are called; an outer result is passed on as it is. */
static void loop_body(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_begin_node(w, 1, "Loop", "- cond x", "y");
    qn_put_body(w, "body");
    qn_write_value_info(w, 11, "i", QN_INT64, 0, NULL);
    qn_write_value_info(w, 11, "c", QN_BOOL, 0, NULL);
    qn_write_value_info(w, 11, "s", QN_FLOAT, QN_DIMS(99));
    qn_put_weight(w, "s");
    qn_put_out(w, "cond");
    qn_put_out(w, "s");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

static void bodies(void **state)
{
    (void)state;
    qn_model_dumps(nested_ifs, NESTED_IFS_DUMP);
    qn_model_dumps(unsorted_by_body, "graph g\n"
                                     "  in cond: bool[]\n"
                                     "  in x: float32[2]\n"
                                     "  a: ? = Add(x, x)  # Add_0\n"
                                     "  y: ? = If(cond; a, x)  # If_1\n"
                                     "    body then_branch\n"
                                     "      capture a: ?\n"
                                     "      out a\n"
                                     "    body else_branch\n"
                                     "      capture x: float32[2]\n"
                                     "      capture a: ?\n"
                                     "      t: ? = Add(x, a)  # Add_0\n"
                                     "      out t\n"
                                     "  out y\n");
    qn_model_dumps(shadowed, "graph g\n"
                             "  in cond: bool[]\n"
                             "  in x: float32[2]\n"
                             "  t: ? = Add(x, x)  # Add_0\n"
                             "  y: ? = If(cond; x, t)  # If_1\n"
                             "    body then_branch\n"
                             "      capture x: float32[2]\n"
                             "      t: ? = Mul(x, x)  # Mul_0\n"
                             "      out t\n"
                             "    body else_branch\n"
                             "      capture t: ?\n"
                             "      out t\n"
                             "  out y\n");
    qn_model_dumps(loop_body, "graph g\n"
                              "  in cond: bool[]\n"
                              "  in x: float32[2]\n"
                              "  y: ? = Loop(-, cond, x; cond)  # Loop_0\n"
                              "    body body\n"
                              "      in i: ?\n"
                              "      in c: ?\n"
                              "      in s: ?\n"
                              "      capture cond: bool[]\n"
                              "      out cond\n"
                              "      out s\n"
                              "  out y\n");
    qn_model_fails(body_reads_nothing_known, QN_FORMAT, "input 'q' is not defined");
    qn_model_fails(branch_missing, QN_FORMAT, "required attribute 'else_branch' is missing");
    qn_model_fails(body_output_missing, QN_FORMAT, "output 'nothing' of body 'then_branch' is never made");
}

/* ---- Functions --------------------------------------------------------------------------------------------------- */

static void two_level_function(struct qn_writer *w)
{
    qn_put_calling_model(w, "Outer");
    qn_put_function(w, "Outer", "p", "r");
    qn_put_call(w, 7, "Inner", "p p", "q");
    qn_put_node(w, 7, "Mul", "q p", "r");
    qn_write_end(w);
    qn_put_function(w, "Inner", "a b", "c");
    qn_put_node(w, 7, "Add", "t b", "c"); /* not in order */
    qn_put_node(w, 7, "Sub", "a b", "t");
    qn_write_end(w);
}

/* n: given; m: its default; k: neither. */
static void function_with_attributes(struct qn_writer *w)
{
    static const char *const refs[] = {"n", "m"};

    qn_put_model(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "", "y");
    qn_put_int(w, "n", 7);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "", "r");
    qn_write_text(w, 6, "n");
    qn_write_text(w, 6, "k");
    qn_write_begin(w, 11);
    qn_write_text(w, 1, "m");
    qn_write_int(w, 20, QN_CASE_INT);
    qn_write_int(w, 3, 8);
    qn_write_end(w);
    for (int i = 0; i < 2; i++) {
        qn_write_begin_node(w, 7, "Constant", "", refs[i]);
        qn_put_ref(w, "value_int", refs[i]);
        qn_write_end(w);
    }
    qn_write_begin_node(w, 7, "Concat", "n m", "r");
    qn_put_int(w, "axis", 0);
    qn_write_end(w);
    qn_write_end(w);
}

/* Input q is left out, r is handed on, and the node in the body knows the function's attributes and names. */
static void function_with_body(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_out(w, "z");
    qn_put_open_call(w, 1, "F", "cond x", "y z");
    qn_write_text(w, 3, "f1");
    qn_put_int(w, "n", 3);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "p r q", "s r");
    qn_write_text(w, 6, "n");
    qn_write_begin_node(w, 7, "If", "p", "s");
    qn_put_body(w, "then_branch");
    qn_write_begin_node(w, 1, "Clip", "r q", "t");
    qn_write_end(w);
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_write_begin_node(w, 1, "Constant", "", "t");
    qn_put_ref(w, "value_int", "n");
    qn_write_end(w);
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
}

/* A function goes before an operator of the same name, also of the standard domain. */
static void function_as_operator(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "Softmax", "x", "y");
    qn_write_end(w);
    qn_write_begin(w, 25);
    qn_write_text(w, 1, "Softmax");
    qn_write_text(w, 10, "ai.onnx");
    qn_write_names(w, 4, "p");
    qn_write_names(w, 5, "r");
    qn_put_node(w, 7, "Add", "p p", "r");
    qn_write_end(w);
}

static void overloads(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "x", "y");
    qn_write_text(w, 8, "two");
    qn_write_end(w);
    qn_write_end(w);
    for (int i = 0; i < 2; i++) {
        qn_put_function(w, "F", "p", "r");
        qn_write_text(w, 13, i ? "two" : "");
        qn_put_node(w, 7, i ? "Mul" : "Add", "p p", "r");
        qn_write_end(w);
    }
}

static void functions(void **state)
{
    (void)state;
    qn_model_dumps(two_level_function, "graph g\n"
                                       "  in x: float32[2]\n"
                                       "  Outer_0/Inner_0/t: ? = Sub(x, x)  # Outer_0/Inner_0/Sub_0\n"
                                       "  Outer_0/q: ? = Add(Outer_0/Inner_0/t, x)  # Outer_0/Inner_0/Add_1\n"
                                       "  y: ? = Mul(Outer_0/q, x)  # Outer_0/Mul_1\n"
                                       "  out y\n");
    qn_model_dumps(function_with_attributes, "graph g\n"
                                             "  const F_0/Constant_0.value_int: int64[] 7\n"
                                             "  const F_0/Constant_1.value_int: int64[] 8\n"
                                             "  F_0/n: ? = Constant(F_0/Constant_0.value_int)  # F_0/Constant_0\n"
                                             "  F_0/m: ? = Constant(F_0/Constant_1.value_int)  # F_0/Constant_1\n"
                                             "  y: ? = Concat(F_0/n, F_0/m)  # F_0/Concat_2\n"
                                             "  out y\n");
    qn_model_dumps(function_with_body, "graph g\n"
                                       "  in cond: bool[]\n"
                                       "  in x: float32[2]\n"
                                       "  y: ? = If(cond; x)  # f1/If_0\n"
                                       "    body then_branch\n"
                                       "      capture x: float32[2]\n"
                                       "      f1/t: ? = Clip(x)  # f1/Clip_0\n"
                                       "      out f1/t\n"
                                       "    body else_branch\n"
                                       "      const f1/Constant_0.value_int: int64[] 3\n"
                                       "      f1/t: ? = Constant(f1/Constant_0.value_int)  # f1/Constant_0\n"
                                       "      out f1/t\n"
                                       "  out y\n"
                                       "  out x\n");
    qn_model_dumps(function_as_operator, "graph g\n"
                                         "  in x: float32[2]\n"
                                         "  y: ? = Add(x, x)  # Softmax_0/Add_0\n"
                                         "  out y\n");
    qn_model_dumps(overloads, "graph g\n"
                              "  in x: float32[2]\n"
                              "  y: ? = Mul(x, x)  # F_0/Mul_0\n"
                              "  out y\n");
}

static void names_of_outputs_survive_functions(void **state)
{
    struct qn_model model;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    function_with_body(&w);
    assert_int_equal(qn_import_open(NULL, w.data, w.n, NULL, &model, NULL), QN_OK);
    assert_string_equal(model.output_names[0], "y");
    assert_string_equal(model.output_names[1], "z");
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

static void calls_itself(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p", "r");
    qn_put_call(w, 7, "F", "p", "r");
    qn_write_end(w);
}
static void call_each_other(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p", "r");
    qn_put_call(w, 7, "G", "p", "r");
    qn_write_end(w);
    qn_put_function(w, "G", "p", "r");
    qn_put_call(w, 7, "F", "p", "r");
    qn_write_end(w);
}
static void never_makes_output(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p", "r");
    qn_write_end(w);
}
static void function_twice(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    for (int i = 0; i < 2; i++) {
        qn_put_function(w, "F", "p", "p");
        qn_write_end(w);
    }
}
static void function_without_name(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "", "p", "p");
    qn_write_end(w);
}
static void too_many_arguments(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "", "r");
    qn_write_end(w);
}
static void too_many_results(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p", "");
    qn_write_end(w);
}
static void same_argument_twice(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p p", "p");
    qn_write_end(w);
}
static void unknown_function_attribute(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "x", "y");
    qn_put_int(w, "n", 3);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "p", "p");
    qn_write_end(w);
}
static void reference_of_other_type(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "", "y");
    qn_write_begin_attr(w, "n", 1);
    qn_write_float(w, 2, 1);
    qn_write_end(w);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "", "r");
    qn_write_text(w, 6, "n");
    qn_write_begin_node(w, 7, "Constant", "", "r");
    qn_put_ref(w, "value_int", "n");
    qn_write_end(w);
    qn_write_end(w);
}
static void graph_for_a_function(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "", "y");
    qn_put_body(w, "n");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "", "r");
    qn_write_text(w, 6, "n");
    qn_write_end(w);
}
/* A function sees its own inputs only. */
static void reads_the_callers_names(struct qn_writer *w)
{
    qn_put_calling_model(w, "F");
    qn_put_function(w, "F", "p", "r");
    qn_put_node(w, 7, "Add", "p x", "r");
    qn_write_end(w);
}
/* Thirty functions, each calling the next twice. */
static void explosion(struct qn_writer *w)
{
    char name[16], next[16];

    qn_put_calling_model(w, "F0");
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "F%d", i);
        snprintf(next, sizeof(next), "F%d", i + 1);
        qn_put_function(w, name, "p", "r");
        qn_put_call(w, 7, next, "p", "q");
        qn_put_call(w, 7, next, "q", "r");
        qn_write_end(w);
    }
    qn_put_function(w, "F30", "p", "p");
    qn_write_end(w);
}
/* A large function that does nothing, called so often that reading it takes long. */
static void much_text(struct qn_writer *w)
{
    static char text[60000];

    memset(text, '.', sizeof(text));
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "x");
    for (int i = 0; i < 1300; i++)
        qn_put_call(w, 1, "F", "", "");
    qn_write_end(w);
    qn_put_function(w, "F", "", "");
    qn_write_bytes(w, 8, text, sizeof(text));
    qn_write_end(w);
}
/* A chain of more functions than frames. */
static void deep_functions(struct qn_writer *w)
{
    char name[16], next[16];

    qn_put_calling_model(w, "F0");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "F%d", i);
        snprintf(next, sizeof(next), "F%d", i + 1);
        qn_put_function(w, name, "p", "r");
        qn_put_call(w, 7, next, "p", "r");
        qn_write_end(w);
    }
    qn_put_function(w, "F300", "p", "p");
    qn_write_end(w);
}
/* Bodies in functions in bodies: deeper than bodies may nest in a file. */
static void deep_bodies(struct qn_writer *w)
{
    char name[16], next[16];

    qn_put_model(w);
    qn_put_cond(w);
    qn_put_out(w, "y");
    qn_put_call(w, 1, "F0", "cond", "y");
    qn_write_end(w);
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof(name), "F%d", i);
        snprintf(next, sizeof(next), "F%d", i + 1);
        qn_put_function(w, name, "p", "r");
        qn_write_begin_node(w, 7, "If", "p", "r");
        for (int branch = 0; branch < 2; branch++) {
            qn_put_body(w, branch ? "then_branch" : "else_branch");
            qn_put_call(w, 1, next, "p", "t");
            qn_put_out(w, "t");
            qn_put_body_end(w);
        }
        qn_write_end(w);
        qn_write_end(w);
    }
    qn_put_function(w, "F70", "p", "p");
    qn_write_end(w);
}

static void wrong_functions(void **state)
{
    static const struct {
        qn_build_model *build;
        enum qn_status status;
        const char *text;
    } cases[] = {
        {calls_itself, QN_FORMAT, "function 'F' calls itself"},
        {call_each_other, QN_FORMAT, "function 'F' calls itself"},
        {never_makes_output, QN_FORMAT, "function 'F' never makes its output 'r'"},
        {function_twice, QN_FORMAT, "function 'local:F' is defined twice"},
        {function_without_name, QN_FORMAT, "a function has no name"},
        {too_many_arguments, QN_FORMAT, "function 'F' takes 0 inputs and is called with 1"},
        {too_many_results, QN_FORMAT, "function 'F' has 0 outputs and is called for 1"},
        {same_argument_twice, QN_FORMAT, "value 'p' is defined twice"},
        {unknown_function_attribute, QN_FORMAT, "function 'F' has no attribute 'n'"},
        {reference_of_other_type, QN_FORMAT, "attribute 'value_int' refers to 'n', which is of another type"},
        {graph_for_a_function, QN_UNSUPPORTED, "attribute 'n' gives a graph to a function"},
        {reads_the_callers_names, QN_FORMAT, "input 'x' is not defined"},
        {explosion, QN_LIMIT, "functions expand to more than 1000000 nodes"},
        {much_text, QN_LIMIT, "functions expand to more than 67"},
        {deep_functions, QN_FORMAT, "bodies and functions nest deeper than 256"},
        {deep_bodies, QN_FORMAT, "bodies nest deeper than 64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        qn_model_fails(cases[i].build, cases[i].status, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bodies, qn_model_set_up),
        cmocka_unit_test_setup(functions, qn_model_set_up),
        cmocka_unit_test_setup(names_of_outputs_survive_functions, qn_model_set_up),
        cmocka_unit_test_setup(wrong_functions, qn_model_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
