/* import_node.c: one NodeProto to one struct qn_node, or to a call of a function. In steps, because a node with bodies
 * waits until their graphs are complete: begin, attribute after attribute, then connect and bind. An operator that the
 * engine lacks is noted; its outputs are defined all the same, so that everything missing is found in one go. */
#include <stdio.h>
#include <string.h>

#include "import/importer.h"

enum { NODE_ATTRIBUTE = 5 };

/* Variadic nodes with more inputs than this were never seen; the engine counts in int. */
enum { MAX_ENDS = 1000000 };

/* Names the node at work in a frame as the place of an error. */
static enum qn_status fail_at(const struct qn_importer *imp, const struct qn_frame *frame, enum qn_status status)
{
    const char *op = qn_frame_node(frame)->proto->op_type;

    return qn_err_at(imp->err, status, frame->work.name ? frame->work.name : "", op ? op : "");
}

/* ---- Begin ---------------------------------------------------------------------------------------------------- */

static enum qn_status make_name(struct qn_importer *imp, struct qn_frame *frame, const QnOnnx__NodeProto *proto)
{
    const char *name = proto->name;
    char made[96];

    if (!name || !*name) {
        snprintf(made, sizeof(made), "%.64s_%zu", proto->op_type, frame->at);
        name = made;
    }
    frame->work.name = qn_name_join(&frame->arena, frame->prefix, name);
    QN_CHECK_MEM(frame->work.name, imp->err);
    return QN_OK;
}

static enum qn_status begin(struct qn_importer *imp, struct qn_frame *frame)
{
    const struct qn_pending_node *node = qn_frame_node(frame);
    const QnOnnx__NodeProto *proto = node->proto;
    struct qn_node_work *work = &frame->work;

    memset(work, 0, sizeof(*work));
    QN_TRY(make_name(imp, frame, proto));
    QN_CHECK(++imp->n_nodes <= QN_MAX_MODEL_NODES, imp->err, LIMIT, "functions expand to more than %d nodes",
             QN_MAX_MODEL_NODES);
    QN_CHECK(proto->n_input <= MAX_ENDS && proto->n_output <= MAX_ENDS, imp->err, LIMIT,
             "node '%s' has more than %d inputs or outputs", work->name, MAX_ENDS);
    work->domain = qn_domain_plain(proto->domain);
    work->function = qn_functions_find(imp, work->domain, proto->op_type, proto->overload ? proto->overload : "");
    work->attrs = qn_proto_list(&frame->arena, node->message, NODE_ATTRIBUTE, &work->n_attrs);
    work->values = qn_arena_array(&frame->arena, work->n_attrs, sizeof(*work->values));
    work->bodies = qn_arena_array(&frame->arena, work->n_attrs, sizeof(*work->bodies));
    QN_CHECK(work->attrs && work->values && work->bodies, imp->err, NOMEM, "out of memory");
    work->begun = true;
    return QN_OK;
}

/* ---- Attributes ----------------------------------------------------------------------------------------------- */

/* An attribute that takes its value from the function's; absent when the caller gave none. */
static enum qn_status take_ref(struct qn_importer *imp, struct qn_frame *frame, const struct qn_attr_value *wanted,
                               const char *ref)
{
    const struct qn_attr_value *given;
    struct qn_attr_value *value;

    QN_CHECK(frame->env, imp->err, FORMAT, "attribute '%s' refers to '%s', but stands in no function", wanted->name,
             ref);
    given = qn_strmap_get(frame->env, ref);
    if (!given)
        return QN_OK;
    QN_CHECK(!wanted->kind || wanted->kind == given->kind, imp->err, FORMAT,
             "attribute '%s' refers to '%s', which is of another type", wanted->name, ref);
    value = &frame->work.values[frame->work.n_values++];
    *value = *given;
    value->name = wanted->name;
    return QN_OK;
}

/* The next attribute; a body is pushed and will be back through qn_end_body. */
static enum qn_status read_attr(struct qn_importer *imp, struct qn_frame *frame)
{
    const struct qn_attr_reader reader = {&imp->tensors, &imp->model->arena, &frame->arena, &imp->scratch,
                                          imp->model->graph->symbols};
    struct qn_node_work *work = &frame->work;
    struct qn_attr_value value;
    struct qn_attr_extra extra;

    QN_TRY(qn_import_attr(&reader, work->attrs[work->at], &value, &extra, imp->err));
    for (size_t i = 0; i < work->n_values; i++)
        QN_CHECK(strcmp(work->values[i].name, value.name) != 0, imp->err, FORMAT, "attribute '%s' is given twice",
                 value.name);
    if (extra.ref) {
        work->at++;
        return take_ref(imp, frame, &value, extra.ref);
    }
    work->values[work->n_values++] = value;
    if (value.kind != QN_ATTR_GRAPH) {
        work->at++;
        return QN_OK;
    }
    QN_CHECK(!work->function, imp->err, UNSUPPORTED, "attribute '%s' gives a graph to a function", value.name);
    return qn_push_body(imp, extra.graph);
}

enum qn_status qn_end_body(struct qn_importer *imp)
{
    const struct qn_frame *body = qn_top(imp);
    struct qn_node_work *work;

    imp->depth--;
    imp->n_graphs--;
    work = &qn_top(imp)->work;
    work->values[work->n_values - 1].g = body->graph;
    work->bodies[work->n_bodies++] = (struct qn_done_body){body->graph, body->outers};
    work->at++;
    return QN_OK;
}

/* ---- Inputs and outputs --------------------------------------------------------------------------------------- */

/* Inputs left out at the end are as if never mentioned. */
static enum qn_status connect_inputs(struct qn_importer *imp, struct qn_node *node, const QnOnnx__NodeProto *proto)
{
    for (int i = 0; i < node->n_in; i++) {
        struct qn_var *var;

        if (!proto->input[i][0])
            continue;
        QN_TRY(qn_name_find(imp, imp->depth - 1, proto->input[i], &var));
        QN_CHECK(var, imp->err, FORMAT, "input '%s' is not defined", proto->input[i]);
        if (var != &qn_absent)
            qn_node_set_in(node, i, var);
    }
    while (node->n_in > 0 && !node->in[node->n_in - 1])
        node->n_in--;
    return QN_OK;
}

static enum qn_status connect_outputs(struct qn_importer *imp, struct qn_frame *frame, struct qn_node *node,
                                      const QnOnnx__NodeProto *proto)
{
    for (int i = 0; i < node->n_out; i++) {
        struct qn_arena_mark mark = qn_arena_mark(&imp->scratch);
        struct qn_var *var;
        const char *name;

        if (!proto->output[i][0])
            continue;
        name = qn_name_join(&imp->scratch, frame->prefix, proto->output[i]);
        QN_CHECK_MEM(name, imp->err);
        var = qn_graph_add_var(frame->graph, name);
        QN_CHECK_MEM(var, imp->err);
        qn_arena_rewind(&imp->scratch, mark);
        QN_TRY(qn_name_define(imp, frame, proto->output[i], var));
        qn_node_set_out(node, i, var);
    }
    return QN_OK;
}

/* ---- Captures ------------------------------------------------------------------------------------------------- */

static const struct qn_done_body *find_done(const struct qn_node_work *work, const struct qn_graph *graph)
{
    for (size_t i = 0; i < work->n_bodies; i++)
        if (work->bodies[i].graph == graph)
            return &work->bodies[i];
    return NULL;
}

/* The input of the node that carries var, behind the formal ones. Bodies of one node share it where the search is
 * short. */
static int capture_input(struct qn_graph *graph, struct qn_node *node, struct qn_var *var)
{
    int end = node->n_in < node->n_formal + 64 ? node->n_in : node->n_formal + 64;

    for (int i = node->n_formal; i < end; i++)
        if (node->in[i] == var)
            return i;
    return qn_node_add_in(graph, node, var);
}

static enum qn_status connect_captures(struct qn_frame *frame, struct qn_node *node, struct qn_err *err)
{
    for (int b = 0; b < node->n_bodies; b++) {
        struct qn_body *body = &node->bodies[b];
        const struct qn_done_body *done = find_done(&frame->work, body->graph);
        int n = body->graph->n_captures;

        QN_CHECK(done, err, INTERNAL, "a body of the node was not imported for it");
        body->capture_input = qn_arena_array(frame->graph->arena, (size_t)n, sizeof(int));
        QN_CHECK_MEM(body->capture_input, err);
        for (int i = 0; i < n; i++) {
            body->capture_input[i] = capture_input(frame->graph, node, done->outers[i]);
            QN_CHECK(body->capture_input[i] >= 0, err, NOMEM, "out of memory");
        }
    }
    return QN_OK;
}

/* ---- Complete ------------------------------------------------------------------------------------------------- */

/* OK and *op NULL: the engine lacks it, which has been noted. */
static enum qn_status find_op(struct qn_importer *imp, struct qn_frame *frame, const char *op_type,
                              const struct qn_op **op)
{
    const char *domain = frame->work.domain;
    int64_t opset = qn_opset_of(imp, frame, domain);
    struct qn_err why = {0};
    enum qn_status status;

    *op = NULL;
    if (opset > 0) {
        status = qn_op_find(domain, op_type, opset, imp->options->allow_newer, op, &why);
    } else {
        QN_CHECK(*domain && strcmp(domain, "ai.onnx.ml") != 0, imp->err, FORMAT,
                 "the model uses operator set '%s' without importing it", *domain ? domain : "ai.onnx");
        status = qn_err_set(&why, QN_UNSUPPORTED, "operator %s:%s is not known", domain, op_type);
    }
    if (status == QN_UNSUPPORTED)
        return qn_lack_add(imp, why.text, frame->work.name);
    return status == QN_OK ? QN_OK : qn_err_set(imp->err, status, "%s", why.text);
}

static enum qn_status bind_and_expand(struct qn_frame *frame, struct qn_node *node, const struct qn_op *op,
                                      struct qn_err *err)
{
    QN_TRY(qn_op_bind(frame->graph, node, op, frame->work.values, frame->work.n_values, err));
    node->n_formal = node->n_in;
    QN_TRY(connect_captures(frame, node, err));
    return op->body ? qn_op_expand(frame->graph, node, err) : QN_OK;
}

static enum qn_status bind(struct qn_importer *imp, struct qn_frame *frame, struct qn_node *node,
                           const struct qn_op *op)
{
    struct qn_err why = {0};
    enum qn_status status = bind_and_expand(frame, node, op, &why);
    char line[640];

    if (status == QN_UNSUPPORTED) {
        snprintf(line, sizeof(line), "%s: %s", op->name, why.text);
        return qn_lack_add(imp, line, frame->work.name);
    }
    return status == QN_OK ? QN_OK : qn_err_set(imp->err, status, "%s", why.text);
}

static enum qn_status complete(struct qn_importer *imp, struct qn_frame *frame)
{
    const QnOnnx__NodeProto *proto = qn_frame_node(frame)->proto;
    const struct qn_op *op;
    struct qn_node *node;

    QN_TRY(find_op(imp, frame, proto->op_type, &op));
    node = qn_graph_add_node(frame->graph, NULL, op, proto->op_type, frame->work.name, (int)proto->n_input,
                             (int)proto->n_output);
    QN_CHECK_MEM(node, imp->err);
    QN_TRY(connect_inputs(imp, node, proto));
    QN_TRY(connect_outputs(imp, frame, node, proto));
    if (op)
        QN_TRY(bind(imp, frame, node, op));
    frame->work.begun = false;
    frame->at++;
    return QN_OK;
}

static enum qn_status step(struct qn_importer *imp, struct qn_frame *frame)
{
    if (!frame->work.begun)
        return begin(imp, frame);
    if (frame->work.at < frame->work.n_attrs)
        return read_attr(imp, frame);
    return frame->work.function ? qn_push_call(imp) : complete(imp, frame);
}

enum qn_status qn_step_node(struct qn_importer *imp)
{
    struct qn_frame *frame = qn_top(imp);
    enum qn_status status = step(imp, frame);

    return status == QN_OK ? QN_OK : fail_at(imp, frame, status);
}

/* ---- After a call --------------------------------------------------------------------------------------------- */

/* What the function calls a formal output is, from now on, called as the caller wants it. */
static enum qn_status hand_over(struct qn_importer *imp, struct qn_frame *call, struct qn_frame *caller,
                                const char *formal, const char *actual)
{
    struct qn_var *var = qn_strmap_get(&call->names, formal);

    QN_CHECK(var, imp->err, FORMAT, "function '%s' never makes its output '%s'", call->function->name, formal);
    if (var->producer && var->id >= call->first_var) {
        var->name = qn_name_join(&imp->model->arena, caller->prefix, actual);
        QN_CHECK_MEM(var->name, imp->err);
    }
    return qn_name_define(imp, caller, actual, var);
}

enum qn_status qn_end_call(struct qn_importer *imp)
{
    struct qn_frame *call = qn_top(imp), *caller;
    const QnOnnx__NodeProto *proto;
    enum qn_status status;

    imp->depth--;
    caller = qn_top(imp);
    proto = qn_frame_node(caller)->proto;
    for (size_t i = 0; i < proto->n_output; i++) {
        if (!proto->output[i][0])
            continue;
        status = hand_over(imp, call, caller, call->function->proto->output[i], proto->output[i]);
        if (status != QN_OK)
            return fail_at(imp, caller, status);
    }
    caller->work.begun = false;
    caller->at++;
    return QN_OK;
}
