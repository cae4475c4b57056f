/* test_import.c: models from bytes to graphs: files that are none, versions, names, order, what is missing, size,
 * damage. Each case is a small model written field by field, with the dump of its graph or the sentence of its error.
 * Attributes, bodies and functions, tensors and weight files have files of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/model_case.h"

/* ---- Files that are no models ------------------------------------------------------------------------------------ */

#define BYTES(text) text, sizeof(text) - 1

static void other_files(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } files[] = {
        {BYTES(""), "the model is empty"},
        {BYTES("\x08"), "not a valid ONNX model: at byte 0"},
        {BYTES("PK\x03\x04\x14\x00\x00\x00\x00\x00"), "zip archive"},
        {BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "gzip"},
        {BYTES("<!DOCTYPE html><html>"), "HTML"},
        {BYTES("{\"error\": \"not found\"}"), "JSON"},
        {BYTES("version https://git-lfs.github.com/spec/v1\n"), "Git LFS"},
        {BYTES("\x1c\x00\x00\x00TFL3\x14\x00\x20\x00"), "TensorFlow Lite"},
        {BYTES("\x24\x00\x00\x00ORTM\x00\x00\x00\x00"), "onnxruntime's own"},
        {BYTES("\x89HDF\r\n\x1a\n"), "HDF5"},
        {BYTES("\x93NUMPY\x01\x00"), "NumPy"},
        {BYTES("\x40\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{}}"), "safetensors"},
        {BYTES("hello, world"), "it looks like text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        qn_bytes_fail(files[i].bytes, files[i].n, QN_FORMAT, files[i].text);
}

static void no_file(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};

    (void)state;
    assert_int_equal(qn_import_open("/nonexistent/model.onnx", NULL, 0, NULL, &model, &err), QN_IO);
    assert_int_equal(qn_import_open("/dev/zero", NULL, 0, NULL, &model, &err), QN_IO);
    qn_import_close(&model);
}

/* ---- What the model says of itself ------------------------------------------------------------------------------- */

static void header(struct qn_writer *w, int64_t ir, const int64_t *opsets, int n)
{
    qn_write_int(w, 1, ir);
    for (int i = 0; i < n; i++)
        qn_write_opset(w, 8, i % 2 ? "ai.onnx" : "", opsets[i]);
    qn_write_begin(w, 7);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_weight(w, "w");
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}

static void versions(void **state)
{
    static const struct {
        int64_t ir, opsets[2];
        int n;
        bool allow_newer;
        enum qn_status status;
        const char *text;
    } cases[] = {
        {3, {7}, 1, false, QN_OK, ""},
        {13, {17}, 1, false, QN_OK, ""},
        {0, {17}, 1, false, QN_FORMAT, "IR version 0"},
        {-1, {17}, 1, false, QN_FORMAT, "IR version -1"},
        {2, {17}, 1, false, QN_UNSUPPORTED, "IR version 2 is older than 3"},
        {99, {17}, 1, false, QN_UNSUPPORTED, "IR version 99 is newer than 13"},
        {99, {17}, 1, true, QN_OK, ""},
        {8, {0}, 0, false, QN_FORMAT, "imports no operator set"},
        {8, {0}, 1, false, QN_FORMAT, "operator set 'ai.onnx' is imported with version 0"},
        {8, {-1}, 1, false, QN_FORMAT, "with version -1"},
        {8, {INT64_MIN}, 1, false, QN_FORMAT, "with version -9223372036854775808"},
        {8, {999}, 1, false, QN_UNSUPPORTED, "operator ai.onnx:Add of opset 999 is newer"},
        {8, {999}, 1, true, QN_OK, ""},
        {8, {7, 17}, 2, false, QN_OK, ""},
        {8, {17, 7}, 2, false, QN_OK, ""},
    };
    struct qn_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_model model;
        struct qn_writer w;
        enum qn_status status;

        qn_writer_init(&w, QN_CASE_CAPACITY);
        header(&w, cases[i].ir, cases[i].opsets, cases[i].n);
        qn_model_options.allow_newer = cases[i].allow_newer;
        memset(&err, 0, sizeof(err));
        status = qn_import_open(NULL, w.data, w.n, &qn_model_options, &model, &err);
        if (status != cases[i].status || !strstr(err.text, cases[i].text))
            fail_msg("case %zu: got %s '%s'", i, qn_status_name(status), err.text);
        if (status == QN_OK && cases[i].n == 2) {
            assert_int_equal(model.n_opsets, 1);
            assert_int_equal(model.opsets[0].version, 17);
        }
        qn_import_close(&model);
        qn_writer_deinit(&w);
    }
}

static void facts_about_the_model(void **state)
{
    struct qn_model model;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    qn_write_text(&w, 2, "maker");
    qn_write_text(&w, 3, "1.2");
    qn_write_text(&w, 4, "org.example");
    qn_write_text(&w, 6, "what it does");
    header(&w, 8, (const int64_t[]){17}, 1);
    assert_int_equal(qn_import_open(NULL, w.data, w.n, NULL, &model, NULL), QN_OK);
    assert_string_equal(model.producer, "maker");
    assert_string_equal(model.producer_version, "1.2");
    assert_string_equal(model.model_domain, "org.example");
    assert_string_equal(model.doc, "what it does");
    assert_string_equal(model.graph_name, "");
    assert_string_equal(model.output_names[0], "y");
    assert_int_equal(model.ir_version, 8);
    assert_int_equal(model.n_nodes_in_file, 1);
    qn_import_close(&model);
    qn_import_close(&model);
    qn_writer_deinit(&w);
}

/* ---- Graphs that are right --------------------------------------------------------------------------------------- */

static void simple(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_put_weight(w, "w");
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}
#define SIMPLE_DUMP                                                                                                    \
    "graph g\n"                                                                                                        \
    "  in x: float32[2]\n"                                                                                             \
    "  const w: float32[2] 1 2\n"                                                                                      \
    "  y: ? = Add(x, w)  # Add_0\n"                                                                                    \
    "  out y\n"

static void initializer_as_input(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_write_value_info(w, 11, "w", QN_FLOAT, QN_DIMS(5, 5));
    qn_put_out(w, "y");
    qn_put_weight(w, "w");
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}

static void unsorted(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "c");
    qn_write_node(w, "Add", "b x", "c");
    qn_write_node(w, "Add", "a x", "b");
    qn_write_node(w, "Add", "x x", "a");
    qn_write_end(w);
}

static void odd_outputs(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "x");
    qn_put_out(w, "w");
    qn_put_out(w, "y");
    qn_put_out(w, "y");
    qn_put_weight(w, "w");
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}

static void left_out(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "Clip", "x - hi -", "y");
    qn_put_weight(w, "hi");
    qn_write_end(w);
}

static void sparse_initializer(struct qn_writer *w)
{
    const float value = 7;
    const int64_t index = 3;

    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_begin(w, 15);
    qn_write_tensor(w, 1, "w", QN_FLOAT, QN_DIMS(1), &value, sizeof(value));
    qn_write_tensor(w, 2, "", QN_INT64, QN_DIMS(1), &index, sizeof(index));
    qn_write_int(w, 3, 5);
    qn_write_end(w);
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}

/* batch twice: one symbol; "" and a negative size: unknown. */
static void dims_of_inputs(struct qn_writer *w)
{
    qn_put_model(w);
    for (int input = 0; input < 2; input++) {
        qn_write_begin(w, 11);
        qn_write_text(w, 1, input ? "b" : "a");
        qn_write_begin(w, 2);
        qn_write_begin(w, 1);
        qn_write_int(w, 1, QN_FLOAT);
        qn_write_begin(w, 2);
        for (int dim = 0; dim < 4; dim++) {
            qn_write_begin(w, 1);
            if (dim == 0)
                qn_write_text(w, 2, "batch");
            if (dim == 1)
                qn_write_text(w, 2, "");
            if (dim == 2)
                qn_write_int(w, 1, -7);
            if (dim == 3)
                qn_write_int(w, 1, 3);
            qn_write_end(w);
        }
        for (int i = 0; i < 4; i++)
            qn_write_end(w);
    }
    qn_put_out(w, "y");
    qn_write_node(w, "Add", "a b", "y");
    qn_write_end(w);
}

/* optional(seq(float32[?])) and map(string, int64), a tensor without a shape. */
static void kinds_of_inputs(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_begin(w, 11);
    qn_write_text(w, 1, "o");
    qn_write_raw(w, "\x12\x10\x4a\x0e\x0a\x0c\x22\x0a\x0a\x08\x0a\x06\x08\x01\x12\x02\x0a\x00", 18);
    qn_write_end(w);
    qn_write_begin(w, 11);
    qn_write_text(w, 1, "m");
    qn_write_raw(w, "\x12\x0a\x2a\x08\x08\x08\x12\x04\x0a\x02\x08\x07", 12);
    qn_write_end(w);
    qn_write_begin(w, 11);
    qn_write_text(w, 1, "t");
    qn_write_raw(w, "\x12\x04\x0a\x02\x08\x0a", 6);
    qn_write_end(w);
    qn_put_out(w, "t");
    qn_write_end(w);
}

static void good_graphs(void **state)
{
    (void)state;
    qn_model_dumps(simple, SIMPLE_DUMP);
    qn_model_dumps(initializer_as_input, SIMPLE_DUMP);
    qn_model_dumps(unsorted, "graph g\n"
                             "  in x: float32[2]\n"
                             "  a: ? = Add(x, x)  # Add_0\n"
                             "  b: ? = Add(a, x)  # Add_1\n"
                             "  c: ? = Add(b, x)  # Add_2\n"
                             "  out c\n");
    qn_model_dumps(odd_outputs, "graph g\n"
                                "  in x: float32[2]\n"
                                "  const w: float32[2] 1 2\n"
                                "  y: ? = Add(x, w)  # Add_0\n"
                                "  out x\n"
                                "  out w\n"
                                "  out y\n"
                                "  out y\n");
    qn_model_dumps(left_out, "graph g\n"
                             "  in x: float32[2]\n"
                             "  const hi: float32[2] 1 2\n"
                             "  y: ? = Clip(x, -, hi)  # Clip_0\n"
                             "  out y\n");
    qn_model_dumps(sparse_initializer, "graph g\n"
                                       "  in x: float32[2]\n"
                                       "  const w: float32[5] 0 0 0 7 0\n"
                                       "  y: ? = Add(x, w)  # Add_0\n"
                                       "  out y\n");
    qn_model_dumps(dims_of_inputs, "graph g\n"
                                   "  in a: float32[batch,?,?,3]\n"
                                   "  in b: float32[batch,?,?,3]\n"
                                   "  y: ? = Add(a, b)  # Add_0\n"
                                   "  out y\n");
    qn_model_dumps(kinds_of_inputs, "graph g\n"
                                    "  in o: optional(seq(float32[?]))\n"
                                    "  in m: map(string,int64)\n"
                                    "  in t: float16\n"
                                    "  out t\n");
}

/* ---- Graphs that are wrong --------------------------------------------------------------------------------------- */

static void no_graph(struct qn_writer *w)
{
    qn_write_int(w, 1, 8);
    qn_write_opset(w, 8, "", 17);
}
static void no_outputs(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_write_end(w);
}
static void no_op_type(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "", "x", "y");
    qn_write_end(w);
}
static void one_node(struct qn_writer *w, const char *op, const char *inputs, const char *outputs, const char *output)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_weight(w, "w");
    qn_put_out(w, output);
    qn_write_node(w, op, inputs, outputs);
    qn_write_end(w);
}
static void too_many_inputs(struct qn_writer *w) { one_node(w, "Add", "x x x", "y", "y"); }
static void too_few_inputs(struct qn_writer *w) { one_node(w, "Add", "x", "y", "y"); }
static void required_left_out(struct qn_writer *w) { one_node(w, "Add", "- x", "y", "y"); }
static void too_many_outputs(struct qn_writer *w) { one_node(w, "Add", "x x", "y z", "y"); }
static void undefined_input(struct qn_writer *w) { one_node(w, "Add", "x nothing", "y", "y"); }
static void output_never_made(struct qn_writer *w) { one_node(w, "Add", "x x", "y", "z"); }
static void output_without_name(struct qn_writer *w) { one_node(w, "Add", "x x", "y", ""); }
static void output_is_input(struct qn_writer *w) { one_node(w, "Add", "x x", "x", "x"); }
static void output_is_initializer(struct qn_writer *w) { one_node(w, "Add", "x x", "w", "x"); }
static void self_loop(struct qn_writer *w) { one_node(w, "Add", "x y", "y", "y"); }
static void made_twice_by_one(struct qn_writer *w) { one_node(w, "Split", "x", "y y", "y"); }
static void made_twice(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "Add", "x x", "y");
    qn_write_node(w, "Mul", "x x", "y");
    qn_write_end(w);
}
static void circle(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "c");
    qn_write_node(w, "Add", "x b", "a");
    qn_write_node(w, "Mul", "x a", "b");
    qn_write_node(w, "Sub", "x b", "c");
    qn_write_end(w);
}
static void same_input_twice(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_x(w);
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void same_initializer_twice(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_weight(w, "w");
    qn_put_weight(w, "w");
    qn_put_out(w, "w");
    qn_write_end(w);
}
static void initializer_without_name(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_put_weight(w, "");
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void input_without_name(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_value_info(w, 11, "", QN_FLOAT, QN_DIMS(2));
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void input_without_type(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_value_info(w, 11, "x", 0, 0, NULL);
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void input_of_type_99(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_value_info(w, 11, "x", 99, QN_DIMS(2));
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void input_too_large(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_value_info(w, 11, "x", QN_FLOAT, QN_DIMS(INT64_C(1) << 32, INT64_C(1) << 32));
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void input_of_rank_17(struct qn_writer *w)
{
    qn_put_model(w);
    qn_write_value_info(w, 11, "x", QN_FLOAT, QN_DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
    qn_put_out(w, "x");
    qn_write_end(w);
}
static void standard_not_imported(struct qn_writer *w)
{
    qn_write_int(w, 1, 8);
    qn_write_opset(w, 8, "ai.onnx.ml", 3);
    qn_write_begin(w, 7);
    qn_put_x(w);
    qn_put_out(w, "y");
    qn_write_node(w, "Add", "x x", "y");
    qn_write_end(w);
}

static void wrong_graphs(void **state)
{
    static const struct {
        qn_build_model *build;
        const char *text;
    } cases[] = {
        {no_graph, "the model has no graph"},
        {no_outputs, "the graph has no outputs"},
        {no_op_type, "names no operator"},
        {too_many_inputs, "at most 2 inputs expected, 3 given"},
        {too_few_inputs, "at least 2 inputs expected, 1 given"},
        {required_left_out, "required input 0"},
        {too_many_outputs, "at most 1 outputs expected, 2 given"},
        {undefined_input, "input 'nothing' is not defined"},
        {output_never_made, "output 'z' of graph 'g' is never made"},
        {output_without_name, "output '' of graph 'g' is never made"},
        {output_is_input, "value 'x', made by node 'Add', is an input or initializer already"},
        {output_is_initializer, "value 'w', made by node 'Add', is an input or initializer already"},
        {self_loop, "in a circle, node 'Add'"},
        {made_twice_by_one, "value 'y' is made by node 'Split' and by node 'Split'"},
        {made_twice, "value 'y' is made by node 'Add' and by node 'Mul'"},
        {circle, "in a circle, node 'Add'"},
        {same_input_twice, "input 'x' is given twice"},
        {same_initializer_twice, "value 'w' is defined twice"},
        {initializer_without_name, "an initializer has no name"},
        {input_without_name, "input 0 has no name"},
        {input_without_type, "input 'x' has no type"},
        {input_of_type_99, "input 'x' has element type 99, which does not exist"},
        {standard_not_imported, "uses operator set 'ai.onnx' without importing it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        qn_model_fails(cases[i].build, QN_FORMAT, cases[i].text);
    qn_model_fails(input_too_large, QN_LIMIT, "input 'x' is too large");
    qn_model_fails(input_of_rank_17, QN_LIMIT, "input 'x' has rank 17");
}

static void errors_name_the_node(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    qn_put_model(&w);
    qn_put_x(&w);
    qn_put_out(&w, "y");
    qn_write_begin_node(&w, 1, "Add", "x q", "y");
    qn_write_text(&w, 3, "adds\nup");
    qn_write_end(&w);
    qn_write_end(&w);
    assert_int_equal(qn_import_open(NULL, w.data, w.n, NULL, &model, &err), QN_FORMAT);
    assert_string_equal(err.node, "adds?up");
    assert_string_equal(err.op, "Add");
    qn_writer_deinit(&w);
}

/* ---- What is missing --------------------------------------------------------------------------------------------- */

static void lacking(struct qn_writer *w)
{
    qn_put_model(w);
    qn_put_x(w);
    qn_write_begin(w, 11);
    qn_write_text(w, 1, "s");
    qn_write_raw(w, "\x12\x04\x42\x02\x08\x01", 6);
    qn_write_end(w);
    qn_put_out(w, "d");
    qn_write_node(w, "Frobnicate", "x", "a");
    qn_write_node(w, "Frobnicate", "a", "b");
    qn_write_node(w, "Add", "a b", "c");
    qn_write_begin_node(w, 1, "Gelu", "c", "d");
    qn_write_text(w, 7, "com.example");
    qn_write_end(w);
    qn_write_end(w);
}

static void everything_missing_is_told_at_once(void **state)
{
    (void)state;
    qn_model_fails(lacking, QN_UNSUPPORTED, "3 things are missing for this model, first: input 's' is a sparse tensor");
    assert_string_equal(qn_model_missing,
                        "input 's' is a sparse tensor\n"
                        "operator ai.onnx:Frobnicate is not known (2 nodes: Frobnicate_0, Frobnicate_1)\n"
                        "operator com.example:Gelu is not known (1 node: Gelu_3)\n");
}

/* ---- Size -------------------------------------------------------------------------------------------------------- */

/* Something of everything. */
static void rich(struct qn_writer *w)
{
    const int64_t index = 1;

    qn_put_model(w);
    qn_put_cond(w);
    qn_put_x(w);
    qn_put_weight(w, "w");
    qn_write_begin_tensor(w, 5, "v", QN_INT8, QN_DIMS(3));
    qn_write_bytes(w, 5, "\x01\x02\x03", 3);
    qn_write_end(w);
    qn_write_begin(w, 15);
    qn_write_tensor(w, 1, "s", QN_FLOAT, QN_DIMS(1), qn_one_two, 4);
    qn_write_tensor(w, 2, "", QN_INT64, QN_DIMS(1), &index, sizeof(index));
    qn_write_int(w, 3, 2);
    qn_write_end(w);
    qn_put_out(w, "y");
    qn_put_open_call(w, 1, "F", "x w", "f");
    qn_put_int(w, "n", 3);
    qn_write_end(w);
    qn_write_begin_node(w, 1, "If", "cond", "y");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Add", "f s", "t");
    qn_put_out(w, "t");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_put_out(w, "f");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "F", "p q", "r");
    qn_write_text(w, 6, "n");
    qn_write_begin_node(w, 7, "Softmax", "p", "t");
    qn_put_ref(w, "axis", "n");
    qn_write_end(w);
    qn_put_node(w, 7, "Add", "t q", "r");
    qn_write_end(w);
}

static void large_model(struct qn_writer *w, int n, bool chain)
{
    char in[32], name[32];

    qn_put_model(w);
    qn_put_x(w);
    qn_put_out(w, "n0");
    for (int i = n - 1; i >= 0; i--) { /* against the order */
        snprintf(in, sizeof(in), chain && i < n - 1 ? "n%d x" : "x x", i + 1);
        snprintf(name, sizeof(name), "n%d", i);
        qn_write_node(w, "Add", in, name);
    }
    qn_write_end(w);
}

static void long_chains_and_many_readers(void **state)
{
    (void)state;
    for (int chain = 0; chain < 2; chain++) {
        struct qn_model model;
        struct qn_err err = {0};
        struct qn_writer w;

        qn_writer_init(&w, 8 << 20);
        large_model(&w, 100000, chain);
        assert_int_equal(qn_import_open(NULL, w.data, w.n, NULL, &model, &err), QN_OK);
        assert_int_equal(model.graph->n_nodes, 100000);
        assert_int_equal(qn_graph_verify(model.graph, &err), QN_OK);
        qn_import_close(&model);
        qn_writer_deinit(&w);
    }
}

/* A million nodes of two bytes each are refused before they become structures. */
static void crowd_of_empty_nodes(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 8 << 20);
    qn_put_model(&w);
    for (int i = 0; i < 1000000; i++)
        qn_write_bytes(&w, 1, "", 0);
    qn_write_end(&w);
    qn_model_options.max_memory = 32 << 20;
    assert_int_equal(qn_import_open(NULL, w.data, w.n, &qn_model_options, &model, &err), QN_FORMAT);
    assert_non_null(strstr(err.text, "names no operator"));
    qn_writer_deinit(&w);
}

static void memory_stays_in_its_budget(void **state)
{
    struct qn_model model;
    struct qn_err err = {0};
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 8 << 20);
    large_model(&w, 100000, true);
    qn_model_options.max_memory = 4 << 20;
    assert_int_equal(qn_import_open(NULL, w.data, w.n, &qn_model_options, &model, &err), QN_NOMEM);
    qn_writer_deinit(&w);
}

/* Every budget from nothing to enough: an error or a graph, never anything else. */
static void any_budget(void **state)
{
    struct qn_writer w;
    bool done = false;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    rich(&w);
    for (size_t budget = 1; !done; budget += 509) {
        struct qn_model model;
        struct qn_err err = {0};
        enum qn_status status;

        qn_model_options.max_memory = budget;
        status = qn_import_open(NULL, w.data, w.n, &qn_model_options, &model, &err);
        done = status == QN_OK;
        if (!done)
            assert_int_equal(status, QN_NOMEM);
        qn_import_close(&model);
        assert_true(budget < 1 << 20);
    }
    qn_writer_deinit(&w);
}

/* ---- Anything ---------------------------------------------------------------------------------------------------- */

/* Whatever the bytes, the answer is an error with a sentence, or a graph that keeps its promises. */
static void import_anything(const unsigned char *bytes, size_t n)
{
    struct qn_model model;
    struct qn_err err = {0};
    enum qn_status status = qn_import_open(NULL, bytes, n, NULL, &model, &err);

    if (status != QN_OK) {
        assert_true(err.text[0] != '\0');
        return;
    }
    if (qn_graph_verify(model.graph, &err) != QN_OK)
        fail_msg("%s (node '%s')", err.text, err.node);
    qn_import_close(&model);
}

static void cut_anywhere(void **state)
{
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    rich(&w);
    for (size_t n = 0; n <= w.n; n++) {
        unsigned char *cut = malloc(n ? n : 1);

        memcpy(cut, w.data, n);
        import_anything(cut, n);
        free(cut);
    }
    qn_writer_deinit(&w);
}

static void any_bit_turned(void **state)
{
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    rich(&w);
    for (size_t bit = 0; bit < w.n * 8; bit++) {
        w.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        import_anything(w.data, w.n);
        w.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    qn_writer_deinit(&w);
}

/* Bytes replaced, taken out and doubled at places that a fixed generator picks. */
static void random_damage(void **state)
{
    uint64_t seed = 99;
    struct qn_writer w;
    unsigned char *bytes = malloc(2 * QN_CASE_CAPACITY);

    (void)state;
    qn_writer_init(&w, QN_CASE_CAPACITY);
    rich(&w);
    for (int round = 0; round < 3000; round++) {
        size_t n = w.n;

        memcpy(bytes, w.data, n);
        for (int k = 0; k < 3; k++) {
            size_t at, length;

            seed = seed * 6364136223846793005u + 1442695040888963407u;
            at = (size_t)(seed >> 33) % n;
            length = (size_t)(seed >> 20) % 8 % (n - at);
            if (seed >> 60 & 1) {
                bytes[at] = (unsigned char)(seed >> 48);
            } else if (seed >> 61 & 1) {
                memmove(bytes + at, bytes + at + length, n - at - length);
                n -= length;
            } else {
                memmove(bytes + at + length, bytes + at, n - at);
                n += length;
            }
        }
        import_anything(bytes, n);
    }
    qn_writer_deinit(&w);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(other_files, qn_model_set_up),
        cmocka_unit_test_setup(no_file, qn_model_set_up),
        cmocka_unit_test_setup(versions, qn_model_set_up),
        cmocka_unit_test_setup(facts_about_the_model, qn_model_set_up),
        cmocka_unit_test_setup(good_graphs, qn_model_set_up),
        cmocka_unit_test_setup(wrong_graphs, qn_model_set_up),
        cmocka_unit_test_setup(errors_name_the_node, qn_model_set_up),
        cmocka_unit_test_setup(everything_missing_is_told_at_once, qn_model_set_up),
        cmocka_unit_test_setup(long_chains_and_many_readers, qn_model_set_up),
        cmocka_unit_test_setup(crowd_of_empty_nodes, qn_model_set_up),
        cmocka_unit_test_setup(memory_stays_in_its_budget, qn_model_set_up),
        cmocka_unit_test_setup(any_budget, qn_model_set_up),
        cmocka_unit_test_setup(cut_anywhere, qn_model_set_up),
        cmocka_unit_test_setup(any_bit_turned, qn_model_set_up),
        cmocka_unit_test_setup(random_damage, qn_model_set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
