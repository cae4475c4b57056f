/* import_frame.c: the stack of graphs and calls under construction. A frame is pushed for a graph or for the nodes of a
 * function, its nodes are stepped one by one, and when the last is done the frame ends and its owner goes on. Depth,
 * the number of nodes and the bytes of functions read again are bounded, whatever calls whatever. */
#include <stdio.h>
#include <string.h>

#include "import/importer.h"

enum {
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_SPARSE_INITIALIZER = 15,
    FUNCTION_NODE = 7,
    VALUE_NAME = 1,
    VALUE_TYPE = 2
};

/* Longer prefixes are replaced by a number, so that names do not grow with the depth of functions. */
enum { MAX_PREFIX = 256 };

/* ---- Frames --------------------------------------------------------------------------------------------------- */

static size_t memory_used(const struct qn_importer *imp)
{
    size_t used = imp->fixed.used + imp->scratch.used;

    for (int i = 0; i < imp->depth; i++)
        used += imp->frames[i].arena.used;
    return used;
}

/* A fresh frame; what the frame's place held before goes, only its arena's memory is kept. */
static enum qn_status push(struct qn_importer *imp, struct qn_slice message, struct qn_frame **frame)
{
    size_t used = memory_used(imp);
    struct qn_arena arena;

    QN_CHECK(imp->depth < QN_MAX_FRAMES, imp->err, FORMAT, "bodies and functions nest deeper than %d", QN_MAX_FRAMES);
    *frame = &imp->frames[imp->depth++];
    arena = (*frame)->arena;
    qn_arena_reset(&arena);
    arena.budget = used < imp->max_memory ? imp->max_memory - used : 0;
    if (arena.budget < arena.used)
        arena.budget = arena.used;
    memset(*frame, 0, sizeof(**frame));
    (*frame)->arena = arena;
    (*frame)->message = message;
    (*frame)->prefix = "";
    qn_strmap_init(&(*frame)->names, &(*frame)->arena);
    return QN_OK;
}

static enum qn_status count_expansion(struct qn_importer *imp, const struct qn_frame *frame)
{
    if (!frame->function)
        return QN_OK;
    imp->n_expanded += frame->message.n;
    QN_CHECK(imp->n_expanded <= imp->max_expanded, imp->err, LIMIT, "functions expand to more than %zu bytes",
             imp->max_expanded);
    return QN_OK;
}

static enum qn_status read_node(struct qn_importer *imp, struct qn_frame *frame, struct qn_slice message)
{
    const uint32_t small = QN_FIELD(1) | QN_FIELD(2) | QN_FIELD(3) | QN_FIELD(4) | QN_FIELD(7) | QN_FIELD(8);
    const QnOnnx__NodeProto *proto = QN_DECODE(node_proto, &frame->arena, message, small, imp->err);

    if (!proto)
        return QN_NOMEM;
    QN_CHECK(proto->op_type && *proto->op_type, imp->err, FORMAT, "node '%s' names no operator",
             proto->name ? proto->name : "");
    frame->nodes[frame->n_nodes++] = (struct qn_pending_node){message, proto};
    return QN_OK;
}

static enum qn_status read_nodes(struct qn_importer *imp, struct qn_frame *frame, uint32_t number)
{
    size_t n = qn_proto_count(frame->message, number);
    struct qn_wire wire = qn_wire_open(frame->message);
    struct qn_wire_field field;

    frame->nodes = qn_arena_array(&frame->arena, n, sizeof(*frame->nodes));
    QN_CHECK_MEM(frame->nodes, imp->err);
    while (frame->n_nodes < n && qn_wire_more(&wire, &field))
        if (field.number == number && field.type == QN_WIRE_BYTES)
            QN_TRY(read_node(imp, frame, field.bytes));
    return qn_import_order(imp, frame);
}

/* ---- Graphs: beginning ---------------------------------------------------------------------------------------- */

static enum qn_status add_initializer(struct qn_importer *imp, struct qn_frame *frame, struct qn_slice message,
                                      bool sparse)
{
    struct qn_tensor *tensor = qn_arena_alloc(&imp->model->arena, sizeof(*tensor));
    const char *name;
    struct qn_var *var;

    QN_CHECK_MEM(tensor, imp->err);
    if (sparse)
        QN_TRY(qn_import_sparse(&imp->tensors, message, tensor, &name, imp->err));
    else
        QN_TRY(qn_import_tensor(&imp->tensors, message, tensor, &name, imp->err));
    QN_CHECK(*name, imp->err, FORMAT, "an initializer has no name");
    var = qn_graph_add_const(frame->graph, name, tensor);
    QN_CHECK_MEM(var, imp->err);
    return qn_name_define(imp, frame, name, var);
}

static enum qn_status read_initializers(struct qn_importer *imp, struct qn_frame *frame)
{
    struct qn_wire wire = qn_wire_open(frame->message);
    struct qn_wire_field field;

    while (qn_wire_more(&wire, &field)) {
        bool sparse = field.number == GRAPH_SPARSE_INITIALIZER;

        if ((sparse || field.number == GRAPH_INITIALIZER) && field.type == QN_WIRE_BYTES)
            QN_TRY(add_initializer(imp, frame, field.bytes, sparse));
    }
    return QN_OK;
}

/* Only the types of the model's own inputs are taken over: declarations inside are often wrong, and inference knows
 * better. */
static enum qn_status read_input_type(struct qn_importer *imp, struct qn_slice message, struct qn_var *var)
{
    struct qn_err why = {0};
    struct qn_slice type;
    enum qn_status status;
    char what[96];

    QN_CHECK(qn_proto_bytes(message, VALUE_TYPE, &type), imp->err, FORMAT, "input '%s' has no type", var->name);
    snprintf(what, sizeof(what), "input '%.60s'", var->name);
    status =
        qn_import_type(&imp->model->arena, &imp->scratch, imp->model->graph->symbols, type, what, &var->fact, &why);
    if (status == QN_UNSUPPORTED) {
        var->fact = QN_FACT_UNKNOWN;
        return qn_lack_add(imp, why.text, NULL);
    }
    return status == QN_OK ? QN_OK : qn_err_set(imp->err, status, "%s", why.text);
}

static enum qn_status read_value_name(struct qn_importer *imp, struct qn_slice message, char **name)
{
    struct qn_slice text;

    qn_proto_bytes(message, VALUE_NAME, &text);
    *name = qn_arena_strndup(&imp->scratch, (const char *)text.data, text.n);
    QN_CHECK_MEM(*name, imp->err);
    return QN_OK;
}

/* An initializer that is listed among the model's inputs is a default that callers could replace; here it is a constant
 * and no input. In a body the operator feeds the inputs by position, so there the input stays. */
static enum qn_status add_input(struct qn_importer *imp, struct qn_frame *frame, struct qn_slice message, bool is_main)
{
    struct qn_graph *graph = frame->graph;
    struct qn_var *known, *var;
    char *name;

    QN_TRY(read_value_name(imp, message, &name));
    QN_CHECK(*name || !is_main, imp->err, FORMAT, "input %d has no name", graph->n_inputs);
    known = *name ? qn_strmap_get(&frame->names, name) : NULL;
    QN_CHECK(!known || known->fact.konst, imp->err, FORMAT, "input '%s' is given twice", name);
    if (known && is_main)
        return QN_OK;
    var = qn_graph_add_var(graph, name);
    QN_CHECK_MEM(var, imp->err);
    if (is_main)
        QN_TRY(read_input_type(imp, message, var));
    graph->inputs[graph->n_inputs++] = var;
    if (!*name)
        return QN_OK;
    QN_CHECK(qn_strmap_set(&frame->names, var->name, var), imp->err, NOMEM, "out of memory");
    return QN_OK;
}

static enum qn_status read_inputs(struct qn_importer *imp, struct qn_frame *frame)
{
    struct qn_graph *graph = frame->graph;
    struct qn_slice *list;
    size_t n;

    list = qn_proto_list(&frame->arena, frame->message, GRAPH_INPUT, &n);
    QN_CHECK_MEM(list, imp->err);
    graph->inputs = qn_arena_array(graph->arena, n, sizeof(struct qn_var *));
    QN_CHECK_MEM(graph->inputs, imp->err);
    for (size_t i = 0; i < n; i++) {
        struct qn_arena_mark mark = qn_arena_mark(&imp->scratch);

        QN_TRY(add_input(imp, frame, list[i], graph->parent == NULL));
        qn_arena_rewind(&imp->scratch, mark);
    }
    return QN_OK;
}

static enum qn_status push_graph(struct qn_importer *imp, struct qn_slice message, struct qn_symbols *symbols)
{
    struct qn_frame *owner = imp->depth > 0 ? qn_top(imp) : NULL, *frame;
    struct qn_graph *parent = owner ? owner->graph : NULL;
    const QnOnnx__GraphProto *proto;

    QN_CHECK(imp->n_graphs < QN_MAX_NESTING, imp->err, FORMAT, "bodies nest deeper than %d", QN_MAX_NESTING);
    QN_TRY(push(imp, message, &frame));
    imp->n_graphs++;
    if (owner) {
        frame->function = owner->function;
        frame->env = owner->env;
        frame->prefix = owner->prefix;
        QN_TRY(count_expansion(imp, frame));
    }
    proto = QN_DECODE(graph_proto, &frame->arena, message, QN_FIELD(GRAPH_NAME), imp->err);
    if (!proto)
        return QN_NOMEM;
    frame->graph = qn_graph_create(&imp->model->arena, parent, symbols, proto->name);
    QN_CHECK_MEM(frame->graph, imp->err);
    if (!parent)
        imp->model->graph = frame->graph;
    QN_TRY(read_initializers(imp, frame));
    QN_TRY(read_inputs(imp, frame));
    return read_nodes(imp, frame, GRAPH_NODE);
}

enum qn_status qn_push_body(struct qn_importer *imp, struct qn_slice graph)
{
    return push_graph(imp, graph, imp->model->graph->symbols);
}

/* ---- Graphs: end ---------------------------------------------------------------------------------------------- */

static enum qn_status add_output(struct qn_importer *imp, struct qn_frame *frame, struct qn_slice message)
{
    struct qn_graph *graph = frame->graph;
    struct qn_var *var = NULL;
    const char *copy;
    char *name;

    QN_TRY(read_value_name(imp, message, &name));
    if (*name)
        QN_TRY(qn_name_find(imp, imp->depth - 1, name, &var));
    QN_CHECK(var && var != &qn_absent, imp->err, FORMAT, "output '%s' of %s '%s' is never made", name,
             graph->parent ? "body" : "graph", graph->name);
    if (!graph->parent) {
        copy = qn_arena_strdup(graph->arena, name);
        QN_CHECK_MEM(copy, imp->err);
        imp->model->output_names[graph->n_outputs] = copy;
    }
    graph->outputs[graph->n_outputs++] = var;
    var->n_uses++;
    return QN_OK;
}

static enum qn_status finish_graph(struct qn_importer *imp, struct qn_frame *frame)
{
    struct qn_graph *graph = frame->graph;
    struct qn_slice *list;
    size_t n;

    list = qn_proto_list(&frame->arena, frame->message, GRAPH_OUTPUT, &n);
    QN_CHECK_MEM(list, imp->err);
    QN_CHECK(n > 0 || graph->parent, imp->err, FORMAT, "the graph has no outputs");
    graph->outputs = qn_arena_array(graph->arena, n, sizeof(struct qn_var *));
    QN_CHECK_MEM(graph->outputs, imp->err);
    if (!graph->parent) {
        imp->model->output_names = qn_arena_array(graph->arena, n, sizeof(char *));
        QN_CHECK_MEM(imp->model->output_names, imp->err);
    }
    for (size_t i = 0; i < n; i++) {
        struct qn_arena_mark mark = qn_arena_mark(&imp->scratch);

        QN_TRY(add_output(imp, frame, list[i]));
        qn_arena_rewind(&imp->scratch, mark);
    }
    return QN_OK;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

static enum qn_status check_call(struct qn_importer *imp, const struct qn_function *function,
                                 const QnOnnx__NodeProto *node)
{
    QN_CHECK(node->n_input <= function->proto->n_input, imp->err, FORMAT,
             "function '%s' takes %zu inputs and is called with %zu", function->name, function->proto->n_input,
             node->n_input);
    QN_CHECK(node->n_output <= function->proto->n_output, imp->err, FORMAT,
             "function '%s' has %zu outputs and is called for %zu", function->name, function->proto->n_output,
             node->n_output);
    for (int i = 0; i < imp->depth; i++)
        QN_CHECK(!imp->frames[i].is_call || imp->frames[i].function != function, imp->err, FORMAT,
                 "function '%s' calls itself", function->name);
    return QN_OK;
}

static enum qn_status set_prefix(struct qn_importer *imp, struct qn_frame *call, const char *name)
{
    char number[32];

    if (strlen(name) >= MAX_PREFIX) {
        snprintf(number, sizeof(number), "call_%zu", imp->n_nodes);
        name = number;
    }
    call->prefix = qn_name_join(&call->arena, name, "/");
    QN_CHECK_MEM(call->prefix, imp->err);
    return QN_OK;
}

static enum qn_status bind_inputs(struct qn_importer *imp, struct qn_frame *call, const QnOnnx__NodeProto *node)
{
    const QnOnnx__FunctionProto *proto = call->function->proto;

    for (size_t i = 0; i < proto->n_input; i++) {
        struct qn_var *var = &qn_absent;

        if (i < node->n_input && node->input[i][0]) {
            QN_TRY(qn_name_find(imp, imp->depth - 2, node->input[i], &var));
            QN_CHECK(var, imp->err, FORMAT, "input '%s' is not defined", node->input[i]);
        }
        QN_TRY(qn_name_define(imp, call, proto->input[i], var));
    }
    return QN_OK;
}

enum qn_status qn_push_call(struct qn_importer *imp)
{
    struct qn_frame *caller = qn_top(imp), *call;
    const struct qn_node_work *work = &caller->work;
    const QnOnnx__NodeProto *node = qn_frame_node(caller)->proto;

    QN_TRY(check_call(imp, work->function, node));
    QN_TRY(push(imp, work->function->message, &call));
    call->is_call = true;
    call->graph = caller->graph;
    call->first_var = caller->graph->n_vars;
    call->function = work->function;
    QN_TRY(count_expansion(imp, call));
    QN_TRY(set_prefix(imp, call, work->name));
    QN_TRY(bind_inputs(imp, call, node));
    QN_TRY(qn_function_env(imp, call, work->values, work->n_values));
    return read_nodes(imp, call, FUNCTION_NODE);
}

/* ---- The loop ------------------------------------------------------------------------------------------------- */

static enum qn_status finish(struct qn_importer *imp)
{
    struct qn_frame *frame = qn_top(imp);

    if (frame->is_call)
        return qn_end_call(imp);
    QN_TRY(finish_graph(imp, frame));
    if (imp->depth > 1)
        return qn_end_body(imp);
    imp->depth = 0;
    return QN_OK;
}

enum qn_status qn_import_run(struct qn_importer *imp, struct qn_slice graph)
{
    struct qn_symbols *symbols = qn_symbols_create(&imp->model->arena);

    QN_CHECK_MEM(symbols, imp->err);
    QN_TRY(push_graph(imp, graph, symbols));
    while (imp->depth > 0) {
        const struct qn_frame *frame = qn_top(imp);

        if (frame->at < frame->n_nodes)
            QN_TRY(qn_step_node(imp));
        else
            QN_TRY(finish(imp));
    }
    return QN_OK;
}
