/* test_move_infer.c: what the operators that move elements infer when shapes or values are not known: unknown ranks,
 * unknown and named dims, lists whose values only the run knows. One line per case: facts in, facts out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opcase.h"

/* Inputs: "f32[n,?,3]" is a fact with a named and an unknown dim, "f32[...]" one of unknown rank, "= i64[2] 1 2" a
 * constant,
 * "-" left out. Outputs: as qn_fact_print writes them; "= int64[2] 1 2" is a constant. */
struct infer_case {
    const char *op;
    int opset;
    const char *attrs;
    const char *in[6];
    const char *out[4];
};

static const struct infer_case cases[] = {
    {"Reshape", 21, "", IN("f32[n,3,4]", "= i64[2] 0 -1"), OUT("float32[n,12]")},
    {"Reshape", 21, "", IN("f32[n,3,4]", "= i64[2] -1 12"), OUT("float32[n,12]")},
    {"Reshape", 21, "", IN("f32[n,3,4]", "= i64[2] -1 6"), OUT("float32[?,6]")},
    {"Reshape", 21, "", IN("f32[n,m]", "= i64[3] 0 0 1"), OUT("float32[n,m,1]")},
    {"Reshape", 21, "", IN("f32[n,m]", "= i64[1] -1"), OUT("float32[?]")},
    {"Reshape", 21, "", IN("f32[...]", "= i64[3] 0 -1 5"), OUT("float32[?,?,5]")},
    {"Reshape", 21, "", IN("f32[2,3]", "i64[2]"), OUT("float32[?,?]")},
    {"Reshape", 21, "", IN("f32[2,3]", "i64[?]"), OUT("float32")},
    {"Reshape", 21, "", IN("= f32[2] 1 2", "= i64[2] 2 1"), OUT("= float32[2,1] 1 2")},
    {"Flatten", 21, "axis=1", IN("f32[n,3,4]"), OUT("float32[n,12]")},
    {"Flatten", 21, "axis=2", IN("f32[n,1,4]"), OUT("float32[n,4]")},
    {"Flatten", 21, "axis=2", IN("f32[n,3,m]"), OUT("float32[?,m]")},
    {"Flatten", 21, "", IN("f32[...]"), OUT("float32[?,?]")},
    {"Squeeze", 21, "", IN("f32[n,1,?]", "= i64[2] 1 2"), OUT("float32[n]")},
    {"Squeeze", 21, "", IN("f32[n,1,3]"), OUT("float32")},
    {"Squeeze", 21, "", IN("f32[n,1,3]", "i64[2]"), OUT("float32[?]")},
    {"Unsqueeze", 21, "", IN("f32[n]", "= i64[1] 0"), OUT("float32[1,n]")},
    {"Unsqueeze", 21, "", IN("f32[n]", "i64[2]"), OUT("float32[?,?,?]")},
    {"Unsqueeze", 21, "", IN("f32[...]", "= i64[1] 0"), OUT("float32")},
    {"Identity", 21, "", IN("f32[n,?]"), OUT("float32[n,?]")},
    {"Shape", 21, "", IN("f32[n,3]"), OUT("int64[2]")},
    {"Shape", 21, "start=1", IN("f32[n,3]"), OUT("= int64[1] 3")},
    {"Shape", 21, "", IN("f32[...]"), OUT("int64[?]")},
    {"Size", 21, "", IN("f32[2,3]"), OUT("= int64[] 6")},
    {"Size", 21, "", IN("f32[n]"), OUT("int64[]")},
    {"ConstantOfShape", 21, "", IN("i64[3]"), OUT("float32[?,?,?]")},
    {"ConstantOfShape", 21, "value=<i64[1] 1>", IN("i64[n]"), OUT("int64")},
    {"Range", 21, "", IN("= i64[] 0", "i64[]", "= i64[] 1"), OUT("int64[?]")},
    {"OneHot", 21, "", IN("i64[n]", "i64[]", "f32[2]"), OUT("float32[n,?]")},
    {"OneHot", 21, "axis=0", IN("i64[n]", "= i64[] 5", "f32[2]"), OUT("float32[5,n]")},
    {"Transpose", 21, "perm=[2,0,1]", IN("f32[n,?,3]"), OUT("float32[3,n,?]")},
    {"Transpose", 21, "perm=[1,0]", IN("f32[...]"), OUT("float32[?,?]")},
    {"Transpose", 21, "", IN("f32[...]"), OUT("float32")},
    {"Concat", 21, "axis=0", IN("f32[n,3]", "f32[2,3]"), OUT("float32[?,3]")},
    {"Concat", 21, "axis=1", IN("f32[n,3]", "f32[2,?]"), OUT("float32[2,?]")},
    {"Concat", 21, "axis=1", IN("f32[n,3]", "f32[n,2]"), OUT("float32[n,5]")},
    {"Concat", 21, "axis=1", IN("f32[...]", "f32[2,3]"), OUT("float32[2,?]")},
    {"Split", 21, "axis=1 num_outputs=2", IN("f32[n,5]"), OUT("float32[n,3]", "float32[n,2]")},
    {"Split", 13, "axis=1", IN("f32[n,?]"), OUT("float32[n,?]", "float32[n,?]")},
    {"Split", 21, "axis=1", IN("f32[n,?]", "= i64[2] 1 2"), OUT("float32[n,1]", "float32[n,2]")},
    {"Split", 21, "axis=1", IN("f32[n,4]", "i64[2]"), OUT("float32[n,?]", "float32[n,?]")},
    {"Slice", 21, "", IN("f32[n,8]", "= i64[1] 1", "= i64[1] 100", "= i64[1] 1"), OUT("float32[n,7]")},
    {"Slice", 21, "", IN("f32[n,8]", "= i64[1] 0", "= i64[1] 9223372036854775807", "= i64[1] 0"), OUT("float32[n,8]")},
    {"Slice", 21, "", IN("f32[n,8]", "= i64[1] 1", "= i64[1] 3", "= i64[1] 0"), OUT("float32[?,8]")},
    {"Slice", 21, "", IN("f32[n,8]", "i64[1]", "= i64[1] 3", "= i64[1] 1"), OUT("float32[n,?]")},
    {"Slice", 21, "", IN("f32[n,8]", "i64[1]", "i64[1]"), OUT("float32[?,8]")},
    {"Slice", 21, "", IN("f32[n,8]", "i64[?]", "i64[?]"), OUT("float32[?,?]")},
    {"Slice", 21, "", IN("f32[n,8]", "= i64[1] 0", "= i64[1] 1", "i64[1]"), OUT("float32[?,?]")},
    {"Expand", 21, "", IN("f32[n,1]", "= i64[2] 1 4"), OUT("float32[n,4]")},
    {"Expand", 21, "", IN("f32[n,3]", "i64[3]"), OUT("float32[?,?,3]")},
    {"Expand", 21, "", IN("f32[n,3]", "i64[?]"), OUT("float32")},
    {"Tile", 21, "", IN("f32[n,3]", "= i64[2] 1 2"), OUT("float32[n,6]")},
    {"Tile", 21, "", IN("f32[n,3]", "= i64[2] 2 1"), OUT("float32[?,3]")},
    {"Tile", 21, "", IN("f32[n,3]", "i64[2]"), OUT("float32[?,?]")},
    {"Pad", 21, "", IN("f32[n,3]", "= i64[4] 0 1 0 1"), OUT("float32[n,5]")},
    {"Pad", 21, "", IN("f32[n,3]", "= i64[2] 1 1", "-", "= i64[1] 0"), OUT("float32[?,3]")},
    {"Pad", 21, "", IN("f32[n,3]", "i64[4]"), OUT("float32[?,?]")},
    {"DepthToSpace", 21, "blocksize=2", IN("f32[n,8,?,4]"), OUT("float32[n,2,?,8]")},
    {"SpaceToDepth", 21, "blocksize=2", IN("f32[n,?,6,4]"), OUT("float32[n,?,3,2]")},
    {"Trilu", 21, "", IN("f32[n,n]", "i64[]"), OUT("float32[n,n]")},
    {"ReverseSequence", 21, "", IN("f32[n,?]", "i64[?]"), OUT("float32[n,?]")},
    {"Gather", 21, "axis=1", IN("f32[n,8,m]", "i64[k,2]"), OUT("float32[n,k,2,m]")},
    {"Gather", 21, "", IN("f32[...]", "i64[2]"), OUT("float32")},
    {"GatherElements", 21, "", IN("f32[...]", "i64[2,?]"), OUT("float32[2,?]")},
    {"GatherND", 21, "", IN("f32[n,8,m]", "i64[k,1]"), OUT("float32[k,8,m]")},
    {"GatherND", 21, "", IN("f32[n,8,m]", "i64[k,?]"), OUT("float32")},
    {"ScatterND", 21, "", IN("f32[n,8]", "i64[k,1]", "f32[...]"), OUT("float32[n,8]")},
    {"ScatterElements", 21, "", IN("f32[n,8]", "i64[...]", "f32[?,2]"), OUT("float32[n,8]")},
    {"TensorScatter", 24, "", IN("f32[n,4,16,8]", "f32[n,4,?,8]", "i64[?]"), OUT("float32[n,4,16,8]")},
    {"Compress", 21, "axis=0", IN("f32[n,8]", "bool[?]"), OUT("float32[?,8]")},
    {"Compress", 21, "", IN("f32[n,8]", "bool[?]"), OUT("float32[?]")},
    {"NonZero", 21, "", IN("f32[n,8]"), OUT("int64[2,?]")},
    {"NonZero", 21, "", IN("f32[...]"), OUT("int64[?,?]")},
    {"Unique", 21, "axis=1", IN("f32[n,8]"), OUT("float32[n,?]", "int64[?]", "int64[8]", "int64[?]")},
    {"TopK", 21, "", IN("f32[n,8]", "= i64[1] 3"), OUT("float32[n,3]", "int64[n,3]")},
    {"TopK", 21, "", IN("f32[n,8]", "i64[1]"), OUT("float32[n,?]", "int64[n,?]")},
    {"Resize", 21, "", IN("f32[n,3,?,5]", "-", "= f32[4] 1 1 2 2"), OUT("float32[n,3,?,10]")},
    {"Resize", 21, "", IN("f32[n,3,?,5]", "-", "-", "= i64[4] 1 3 9 9"), OUT("float32[1,3,9,9]")},
    {"Resize", 21, "axes=[2,3]", IN("f32[n,3,?,5]", "-", "-", "= i64[2] 1 9"), OUT("float32[n,3,1,9]")},
    {"Resize", 21, "axes=[2,3] keep_aspect_ratio_policy='not_larger'", IN("f32[n,3,?,5]", "-", "-", "= i64[2] 9 9"),
     OUT("float32[n,3,?,?]")},
    {"Resize", 21, "", IN("f32[n,3,4,5]", "-", "f32[4]"), OUT("float32[?,?,?,?]")},
    {"NonMaxSuppression", 21, "", IN("f32[n,?,4]", "f32[...]"), OUT("int64[?,3]")},
    {"GridSample", 21, "", IN("f32[n,3,?,?]", "f32[?,h,w,2]"), OUT("float32[n,3,h,w]")},
    {"GridSample", 21, "", IN("f32[...]", "f32[?,h,w,2]"), OUT("float32[?,?,h,w]")},
    {"AffineGrid", 21, "", IN("f32[?,2,3]", "i64[4]"), OUT("float32")},
    {"RoiAlign", 21, "output_width=7", IN("f32[n,c,?,?]", "f32[k,4]", "i64[?]"), OUT("float32[k,c,1,7]")},
    {"Col2Im", 21, "", IN("f32[n,?,?]", "= i64[2] 5 5", "= i64[2] 2 2"), OUT("float32[n,?,5,5]")},
    {"Col2Im", 21, "", IN("f32[n,8,?]", "i64[2]", "= i64[2] 2 2"), OUT("float32")},
    {"CenterCropPad", 21, "axes=[1]", IN("f32[n,?]", "= i64[1] 4"), OUT("float32[n,4]")},
    {"CenterCropPad", 21, "", IN("f32[n,4]", "i64[2]"), OUT("float32[?,?]")},
};

static struct qn_symbols *symbols;

static int64_t read_dim(struct qn_arena *arena, const char **at)
{
    size_t n = strcspn(*at, ",]");
    char *text = qn_arena_strndup(arena, *at, n);

    *at += n + (**at ? (*at)[n] == ',' : 0);
    if (strcmp(text, "?") == 0)
        return QN_DIM_UNKNOWN;
    return text[0] >= '0' && text[0] <= '9' ? strtoll(text, NULL, 10) : qn_symbols_dim(symbols, text);
}

/* "f32[n,?,3]": the type is read from an empty tensor of that type. */
static struct qn_fact read_fact(struct qn_arena *arena, const char *text)
{
    const char *bracket = strchr(text, '['), *at = bracket + 1;
    struct qn_shape shape = QN_SHAPE_SCALAR;
    struct qn_value empty;
    char type[32];

    snprintf(type, sizeof(type), "%.*s[0]", (int)(bracket - text), text);
    assert_true(qn_parse_value(arena, type, &empty));
    if (strncmp(at, "...", 3) == 0)
        return qn_fact_tensor(empty.tensor.dtype, &QN_SHAPE_UNKNOWN);
    while (*at != ']')
        shape.dims[shape.rank++] = read_dim(arena, &at);
    return qn_fact_tensor(empty.tensor.dtype, &shape);
}

static void print_fact(const struct qn_fact *fact, struct qn_buf *buf)
{
    if (fact->konst) {
        struct qn_value value = {.kind = QN_TENSOR, .tensor = *fact->konst};

        qn_buf_puts(buf, "= ");
        qn_value_print(buf, &value, 100);
    } else {
        qn_fact_print(buf, fact, symbols->names, symbols->n);
    }
}

static struct qn_node *make_node(const struct infer_case *c, struct qn_graph *graph, const struct qn_fact *facts,
                                 int n_in, int n_out)
{
    struct qn_var *ins[8] = {NULL}, *outs[4];
    struct qn_attr_value *attrs;
    struct qn_node *node;
    struct qn_err err = {0};
    size_t n_attrs;

    for (int i = 0; i < n_in; i++) {
        if (strcmp(c->in[i], "-") == 0)
            continue;
        ins[i] = qn_graph_add_var(graph, "x");
        ins[i]->fact = facts[i];
    }
    for (int i = 0; i < n_out; i++)
        outs[i] = qn_graph_add_var(graph, "y");
    assert_true(qn_parse_attrs(graph->arena, c->attrs, &attrs, &n_attrs));
    node = qn_op_make_node(graph, NULL, "", c->op, c->opset, "case", ins, n_in, outs, n_out, attrs, n_attrs, &err);
    if (!node)
        fail_msg("%s: %s", c->op, err.text);
    return node;
}

static void run_case(const struct infer_case *c, struct qn_arena *arena)
{
    struct qn_graph *graph;
    struct qn_fact facts[8] = {{0}};
    struct qn_node *node;
    struct qn_err err = {0};
    int n_in = 0, n_out = 0;

    symbols = qn_symbols_create(arena);
    graph = qn_graph_create(arena, NULL, symbols, "case");
    for (; n_in < 6 && c->in[n_in]; n_in++) {
        struct qn_value *value = qn_arena_alloc(arena, sizeof(*value));

        if (c->in[n_in][0] == '=') {
            assert_true(qn_parse_value(arena, c->in[n_in] + 1, value));
            facts[n_in] = qn_fact_const(&value->tensor);
        } else if (c->in[n_in][0] != '-') {
            facts[n_in] = read_fact(arena, c->in[n_in]);
        }
    }
    while (n_out < 4 && c->out[n_out])
        n_out++;
    node = make_node(c, graph, facts, n_in, n_out);
    if (qn_op_infer(graph, node, 0, &err) != QN_OK)
        fail_msg("%s(%s) {%s}: %s", c->op, c->in[0], c->attrs, err.text);
    for (int i = 0; i < n_out; i++) {
        struct qn_buf buf;

        qn_buf_init(&buf, 4096);
        print_fact(&node->out[i]->fact, &buf);
        if (!buf.data || strcmp(buf.data, c->out[i]) != 0)
            fail_msg("%s(%s) {%s}: output %d: expected %s, got %s", c->op, c->in[0], c->attrs, i, c->out[i],
                     buf.data ? buf.data : "nothing");
        qn_buf_deinit(&buf);
    }
}

static void run_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_arena arena;

        qn_arena_init(&arena, 1 << 24);
        run_case(&cases[i], &arena);
        qn_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
