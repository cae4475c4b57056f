/* infer.c: runs operators' inference functions: one node, a graph, a body. Checks inputs against the descriptor's
 * formals first, so that an operator's own function sees only kinds and element types it allows. Facts go forward only.
 */
#include <string.h>

#include "ops/op.h"

/* Bodies nest at most this deep; import refuses more. */
enum { MAX_DEPTH = 64 };

/* ---- Helpers for operators ------------------------------------------------------------------------------------ */

const struct qn_fact *qn_infer_in(const struct qn_infer *in, int i) { return i < in->n_in ? in->in[i] : NULL; }

enum qn_status qn_infer_out_fact(struct qn_infer *in, int i, const struct qn_fact *fact)
{
    if (i < in->n_out)
        in->out[i] = *fact;
    return QN_OK;
}

enum qn_status qn_infer_out(struct qn_infer *in, int i, enum qn_dtype dtype, const struct qn_shape *shape)
{
    struct qn_fact fact = qn_fact_tensor(dtype, shape);

    return qn_infer_out_fact(in, i, &fact);
}

enum qn_status qn_infer_axis(struct qn_infer *in, int64_t axis, int rank, int *result)
{
    *result = 0;
    QN_CHECK(axis >= -rank && axis < rank, in->err, SHAPE, "axis %lld is outside a tensor of rank %d", (long long)axis,
             rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return QN_OK;
}

bool qn_infer_ints(struct qn_infer *in, int i, struct qn_ints *ints)
{
    const struct qn_fact *fact = qn_infer_in(in, i);
    int64_t n, *v;

    *ints = (struct qn_ints){NULL, 0, false};
    if (!fact || !fact->konst)
        return false;
    n = qn_tensor_count(fact->konst);
    v = qn_arena_array(in->arena, (size_t)n, sizeof(*v));
    if (!v)
        return false;
    for (int64_t k = 0; k < n; k++)
        v[k] = qn_tensor_int(fact->konst, k);
    *ints = (struct qn_ints){v, (size_t)n, true};
    return true;
}

enum qn_status qn_infer_same(struct qn_infer *in, const void *params)
{
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_fact y = *x;

    (void)params;
    y.konst = NULL;
    return qn_infer_out_fact(in, 0, &y);
}

static enum qn_status broadcast(struct qn_infer *in, enum qn_dtype dtype)
{
    struct qn_shape shape = QN_SHAPE_SCALAR;

    for (int i = 0; i < in->n_in; i++) {
        struct qn_shape wider;
        char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

        if (!in->in[i])
            continue;
        QN_CHECK(qn_shape_broadcast(&shape, &in->in[i]->shape, &wider), in->err, SHAPE,
                 "shapes %s and %s do not broadcast", qn_shape_text(&shape, a), qn_shape_text(&in->in[i]->shape, b));
        shape = wider;
    }
    return qn_infer_out(in, 0, dtype, &shape);
}

enum qn_status qn_infer_broadcast(struct qn_infer *in, const void *params)
{
    (void)params;
    return broadcast(in, in->in[0]->dtype);
}

enum qn_status qn_infer_broadcast_bool(struct qn_infer *in, const void *params)
{
    (void)params;
    return broadcast(in, QN_BOOL);
}

/* ---- Checks against the formals ------------------------------------------------------------------------------- */

static bool kind_allowed(const struct qn_formal *formal, enum qn_kind kind)
{
    static const unsigned bits[] = {QN_TENSOR_KIND, QN_SEQUENCE_KIND, QN_OPTIONAL_KIND, QN_MAP_KIND};
    unsigned kinds = formal->flags & (QN_TENSOR_KIND | QN_SEQUENCE_KIND | QN_OPTIONAL_KIND | QN_MAP_KIND);

    if (formal->flags & QN_ANY_KIND)
        return true;
    return ((kinds ? kinds : QN_TENSOR_KIND) & bits[kind]) != 0;
}

/* The element type that the formal speaks of: of the tensor, or of what a sequence or optional holds. */
static enum qn_dtype element_type(const struct qn_fact *fact)
{
    while (fact->elem && fact->kind != QN_TENSOR)
        fact = fact->elem;
    return fact->dtype;
}

static enum qn_status check_one(const struct qn_formal *formal, int i, const struct qn_fact *fact,
                                enum qn_dtype groups[128], struct qn_err *err)
{
    enum qn_dtype dtype = element_type(fact), *group = &groups[(unsigned char)formal->group & 127];

    if (fact->kind == QN_TENSOR && fact->dtype == QN_UNDEFINED && fact->shape.rank < 0)
        return QN_OK; /* nothing is known, not even that it is a tensor */
    QN_CHECK(kind_allowed(formal, fact->kind), err, SHAPE, "input %d (%s) cannot be %s", i, formal->name,
             qn_kind_name(fact->kind));
    if (dtype == QN_UNDEFINED || fact->kind == QN_MAP)
        return QN_OK;
    QN_CHECK(qn_dtypes_have(formal->types, dtype), err, SHAPE, "input %d (%s) cannot be %s", i, formal->name,
             qn_dtype_name(dtype));
    if (!formal->group || (formal->flags & QN_HETEROGENEOUS))
        return QN_OK;
    QN_CHECK(*group == QN_UNDEFINED || *group == dtype, err, SHAPE, "input %d (%s) is %s where %s is expected", i,
             formal->name, qn_dtype_name(dtype), qn_dtype_name(*group));
    *group = dtype;
    return QN_OK;
}

static enum qn_status check_formals(const struct qn_op *op, const struct qn_fact *const *ins, int n, struct qn_err *err)
{
    enum qn_dtype groups[128] = {QN_UNDEFINED};
    const struct qn_formal *formal = op->in;

    for (int i = 0; i < n; i++) {
        if (ins[i])
            QN_TRY(check_one(formal, i, ins[i], groups, err));
        if (formal[1].name)
            formal++;
    }
    return QN_OK;
}

/* Known shapes are sizes that can be counted in bits, so that whoever multiplies dims of a fact need not check again.
 */
static enum qn_status check_sizes(const struct qn_fact *outs, int n, struct qn_err *err)
{
    char text[QN_SHAPE_TEXT];
    size_t bytes;

    for (int i = 0; i < n; i++)
        QN_CHECK(outs[i].kind != QN_TENSOR || outs[i].dtype == QN_UNDEFINED || !qn_shape_known(&outs[i].shape) ||
                     qn_shape_bytes(&outs[i].shape, outs[i].dtype, &bytes),
                 err, LIMIT, "output %d of shape %s is too large", i, qn_shape_text(&outs[i].shape, text));
    return QN_OK;
}

/* ---- Nodes and graphs ----------------------------------------------------------------------------------------- */

enum qn_status qn_op_infer_facts(struct qn_graph *graph, const struct qn_node *node, const struct qn_fact *const *ins,
                                 struct qn_fact *outs, struct qn_arena *arena, int depth, struct qn_err *err)
{
    struct qn_infer in = {
        .node = node,
        .graph = graph,
        .params = node->params,
        .n_in = node->n_formal,
        .in = ins,
        .n_captures = node->n_in - node->n_formal,
        .captures = ins + node->n_formal,
        .n_out = node->n_out,
        .out = outs,
        .arena = arena,
        .err = err,
        .depth = depth,
    };

    QN_CHECK(depth <= MAX_DEPTH, err, LIMIT, "bodies nest deeper than %d", MAX_DEPTH);
    for (int i = 0; i < node->n_out; i++)
        outs[i] = QN_FACT_UNKNOWN;
    QN_TRY(check_formals(node->op, ins, node->n_formal, err));
    QN_TRY(node->op->infer(&in, node->params));
    return check_sizes(outs, node->n_out, err);
}

enum qn_status qn_op_infer(struct qn_graph *graph, struct qn_node *node, int depth, struct qn_err *err)
{
    const struct qn_fact *fixed_ins[16], **ins = fixed_ins;
    struct qn_fact fixed_outs[4], *outs = fixed_outs;

    if (node->n_in > 16)
        ins = qn_arena_array(graph->arena, (size_t)node->n_in, sizeof(*ins));
    if (node->n_out > 4)
        outs = qn_arena_array(graph->arena, (size_t)node->n_out, sizeof(*outs));
    QN_CHECK_MEM(ins, err);
    QN_CHECK_MEM(outs, err);
    for (int i = 0; i < node->n_in; i++)
        ins[i] = node->in[i] ? &node->in[i]->fact : NULL;
    QN_TRY(qn_op_infer_facts(graph, node, ins, outs, graph->arena, depth, err));
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i])
            node->out[i]->fact = outs[i];
    return QN_OK;
}

enum qn_status qn_graph_infer(struct qn_graph *graph, int depth, struct qn_err *err)
{
    for (struct qn_node *node = graph->first; node; node = node->next) {
        enum qn_status status = qn_op_infer(graph, node, depth, err);

        if (status != QN_OK)
            return qn_err_at(err, status, node->name, node->op_name);
    }
    return QN_OK;
}

/* ---- Bodies --------------------------------------------------------------------------------------------------- */

/* A fact that outlives the arena it was made in: element facts are copied, a constant value is forgotten. */
static enum qn_status keep_fact(struct qn_fact *fact, struct qn_arena *arena, struct qn_err *err)
{
    fact->konst = NULL;
    while (fact->elem) {
        struct qn_fact *elem = qn_arena_memdup(arena, fact->elem, sizeof(*elem));

        QN_CHECK_MEM(elem, err);
        elem->konst = NULL;
        fact->elem = elem;
        fact = elem;
    }
    return QN_OK;
}

static enum qn_status infer_body(struct qn_infer *in, const struct qn_body *body, const struct qn_fact *const *ins,
                                 int n_ins, struct qn_fact *outs, struct qn_arena *scratch)
{
    struct qn_graph *graph = qn_graph_clone(body->graph, scratch);

    QN_CHECK_MEM(graph, in->err);
    QN_CHECK(n_ins == graph->n_inputs, in->err, FORMAT, "the body takes %d inputs, %d are given", graph->n_inputs,
             n_ins);
    for (int i = 0; i < n_ins; i++)
        if (ins[i])
            graph->inputs[i]->fact = *ins[i];
    for (int i = 0; i < graph->n_captures; i++) {
        const struct qn_fact *fact = in->captures[body->capture_input[i] - in->n_in];

        if (fact)
            graph->captures[i]->fact = *fact;
    }
    QN_TRY(qn_graph_infer(graph, in->depth + 1, in->err));
    for (int i = 0; i < graph->n_outputs; i++) {
        outs[i] = graph->outputs[i]->fact;
        QN_TRY(keep_fact(&outs[i], in->arena, in->err));
    }
    return QN_OK;
}

enum qn_status qn_infer_body(struct qn_infer *in, int b, const struct qn_fact *const *ins, int n_ins,
                             struct qn_fact *outs)
{
    struct qn_arena scratch;
    enum qn_status status;

    qn_arena_init(&scratch, in->arena->budget);
    status = infer_body(in, &in->node->bodies[b], ins, n_ins, outs, &scratch);
    qn_arena_deinit(&scratch);
    return status;
}
