/* attrs.c: binds a node to its operator: checks the number of inputs and outputs, turns attributes into typed
 * parameters by the descriptor's table, and old attribute forms into constant inputs. Whatever a table cannot say is
 * op->parse's. */
#include <stdio.h>
#include <string.h>

#include "ops/op.h"

static const struct qn_attr no_attrs[] = {{.name = NULL}};

/* ---- Arity ---------------------------------------------------------------------------------------------------- */

static enum qn_status check_arity(const struct qn_formal *formals, struct qn_var *const *vars, int n, const char *what,
                                  struct qn_err *err)
{
    int n_formals = 0, n_required = 0;
    bool variadic = false;

    for (; formals[n_formals].name; n_formals++) {
        variadic = (formals[n_formals].flags & QN_VARIADIC) != 0;
        if (!(formals[n_formals].flags & QN_OPTIONAL_FORMAL))
            n_required = n_formals + 1;
    }
    QN_CHECK(n <= n_formals || variadic, err, FORMAT, "at most %d %ss expected, %d given", n_formals, what, n);
    QN_CHECK(n >= n_required, err, FORMAT, "at least %d %ss expected, %d given", n_required, what, n);
    if (what[0] != 'i')
        return QN_OK;
    for (int i = 0; i < n; i++) {
        const struct qn_formal *formal = &formals[i < n_formals ? i : n_formals - 1];

        QN_CHECK(vars[i] || (formal->flags & QN_OPTIONAL_FORMAL), err, FORMAT, "required input %d (%s) is missing", i,
                 formal->name);
    }
    return QN_OK;
}

/* A required output that the model leaves nameless still has its place: kernels write it for nobody. */
static enum qn_status fill_outputs(struct qn_graph *graph, struct qn_node *node, struct qn_err *err)
{
    const struct qn_formal *formal = node->op->out;

    for (int i = 0; i < node->n_out; i++) {
        if (!node->out[i] && !(formal->flags & (QN_OPTIONAL_FORMAL | QN_VARIADIC))) {
            struct qn_var *var = qn_graph_add_var(graph, node->name);

            QN_CHECK_MEM(var, err);
            qn_node_set_out(node, i, var);
        }
        if (formal[1].name)
            formal++;
    }
    return QN_OK;
}

/* ---- Values --------------------------------------------------------------------------------------------------- */

static const char *kind_name(enum qn_attr_kind kind)
{
    static const char *const names[] = {"none", "float",   "int",     "string", "tensor",        "graph",  "floats",
                                        "ints", "strings", "tensors", "graphs", "sparse tensor", "types?", "type"};

    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

static enum qn_status expect(const struct qn_attr_value *value, enum qn_attr_kind kind, struct qn_err *err)
{
    QN_CHECK(value->kind == kind, err, FORMAT, "attribute '%s' must be of type %s, not %s", value->name,
             kind_name(kind), kind_name(value->kind));
    return QN_OK;
}

static enum qn_status check_range(const struct qn_attr *spec, int64_t x, struct qn_err *err)
{
    if (spec->min == 0 && spec->max == 0)
        return QN_OK;
    QN_CHECK(x >= spec->min && x <= spec->max, err, FORMAT, "attribute '%s' is %lld, outside %lld..%lld", spec->name,
             (long long)x, (long long)spec->min, (long long)spec->max);
    return QN_OK;
}

static enum qn_status set_enum(const struct qn_attr *spec, struct qn_str text, int *field, struct qn_err *err)
{
    for (int i = 0; spec->choices[i]; i++) {
        if (strlen(spec->choices[i]) == text.n && memcmp(spec->choices[i], text.data, text.n) == 0) {
            *field = i;
            return QN_OK;
        }
    }
    QN_FAIL(err, FORMAT, "attribute '%s' has the unknown value '%.*s'", spec->name, (int)(text.n < 40 ? text.n : 40),
            text.data);
}

static enum qn_status set_int(const struct qn_attr *spec, int64_t x, void *field, struct qn_err *err)
{
    QN_TRY(check_range(spec, x, err));
    switch (spec->form) {
    case QN_FORM_BOOL:
        *(bool *)field = x != 0;
        return QN_OK;
    case QN_FORM_DTYPE:
        QN_CHECK(qn_dtype_valid(x), err, FORMAT, "attribute '%s' names element type %lld, which does not exist",
                 spec->name, (long long)x);
        *(enum qn_dtype *)field = (enum qn_dtype)x;
        return QN_OK;
    default:
        *(int64_t *)field = x;
        return QN_OK;
    }
}

static enum qn_status set_ints(const struct qn_attr *spec, const struct qn_attr_value *value, struct qn_ints *field,
                               struct qn_err *err)
{
    for (size_t i = 0; i < value->n; i++)
        QN_TRY(check_range(spec, value->ints[i], err));
    *field = (struct qn_ints){value->ints, value->n, true};
    return QN_OK;
}

static enum qn_status set_value(const struct qn_attr *spec, const struct qn_attr_value *value, char *params,
                                struct qn_err *err)
{
    void *field = params + spec->offset;

    switch (spec->form) {
    case QN_FORM_INT:
    case QN_FORM_BOOL:
    case QN_FORM_DTYPE:
        QN_TRY(expect(value, QN_ATTR_INT, err));
        return set_int(spec, value->i, field, err);
    case QN_FORM_FLOAT:
        QN_TRY(expect(value, QN_ATTR_FLOAT, err));
        *(float *)field = value->f;
        return QN_OK;
    case QN_FORM_STRING:
        QN_TRY(expect(value, QN_ATTR_STRING, err));
        *(struct qn_str *)field = value->s;
        return QN_OK;
    case QN_FORM_ENUM:
        QN_TRY(expect(value, QN_ATTR_STRING, err));
        return set_enum(spec, value->s, field, err);
    case QN_FORM_INTS:
        QN_TRY(expect(value, QN_ATTR_INTS, err));
        return set_ints(spec, value, field, err);
    case QN_FORM_FLOATS:
        QN_TRY(expect(value, QN_ATTR_FLOATS, err));
        *(struct qn_floats *)field = (struct qn_floats){value->floats, value->n, true};
        return QN_OK;
    case QN_FORM_STRINGS:
        QN_TRY(expect(value, QN_ATTR_STRINGS, err));
        *(struct qn_strs *)field = (struct qn_strs){value->strings, value->n, true};
        return QN_OK;
    case QN_FORM_TENSOR:
        QN_TRY(expect(value, QN_ATTR_TENSOR, err));
        *(const struct qn_tensor **)field = value->t;
        return QN_OK;
    case QN_FORM_TYPE:
        QN_TRY(expect(value, QN_ATTR_TYPE, err));
        *(const struct qn_fact **)field = value->type;
        return QN_OK;
    default:
        return QN_OK;
    }
}

static enum qn_status set_default(const struct qn_attr *spec, char *params, struct qn_err *err)
{
    void *field = params + spec->offset;

    switch (spec->form) {
    case QN_FORM_INT:
        *(int64_t *)field = (int64_t)spec->number;
        return QN_OK;
    case QN_FORM_BOOL:
        *(bool *)field = spec->number != 0;
        return QN_OK;
    case QN_FORM_DTYPE:
        *(enum qn_dtype *)field = (enum qn_dtype)spec->number;
        return QN_OK;
    case QN_FORM_FLOAT:
        *(float *)field = (float)spec->number;
        return QN_OK;
    case QN_FORM_STRING:
        *(struct qn_str *)field = (struct qn_str){spec->text, spec->text ? strlen(spec->text) : 0};
        return QN_OK;
    case QN_FORM_ENUM:
        return set_enum(spec, (struct qn_str){spec->text, strlen(spec->text)}, field, err);
    default:
        return QN_OK;
    }
}

/* ---- Attributes that became inputs ---------------------------------------------------------------------------- */

static enum qn_status make_input(struct qn_arena *arena, const struct qn_attr *spec, const struct qn_attr_value *value,
                                 const struct qn_tensor **tensor, struct qn_err *err)
{
    struct qn_tensor made = {.dtype = QN_INT64, .rank = 1, .dims = {(int64_t)value->n}};

    QN_TRY(expect(value, spec->kind, err));
    switch (value->kind) {
    case QN_ATTR_INT:
        made.rank = spec->as_1d ? 1 : 0;
        made.dims[0] = 1;
        made.data = qn_arena_memdup(arena, &value->i, sizeof(value->i));
        break;
    case QN_ATTR_INTS:
        made.data = qn_arena_memdup(arena, value->ints, value->n * sizeof(*value->ints));
        break;
    case QN_ATTR_FLOAT:
        made.dtype = QN_FLOAT;
        made.rank = spec->as_1d ? 1 : 0;
        made.dims[0] = 1;
        made.data = qn_arena_memdup(arena, &value->f, sizeof(value->f));
        break;
    case QN_ATTR_FLOATS:
        made.dtype = QN_FLOAT;
        made.data = qn_arena_memdup(arena, value->floats, value->n * sizeof(*value->floats));
        break;
    case QN_ATTR_TENSOR:
        *tensor = value->t;
        return QN_OK;
    default:
        QN_FAIL(err, INTERNAL, "attribute '%s' cannot become an input", spec->name);
    }
    QN_CHECK_MEM(made.data, err);
    *tensor = qn_arena_memdup(arena, &made, sizeof(made));
    QN_CHECK_MEM(*tensor, err);
    return QN_OK;
}

static enum qn_status widen_inputs(struct qn_graph *graph, struct qn_node *node, int n_in, struct qn_err *err)
{
    struct qn_var **in;

    if (n_in <= node->n_in)
        return QN_OK;
    in = qn_arena_array(graph->arena, (size_t)n_in, sizeof(*in));
    QN_CHECK_MEM(in, err);
    if (node->n_in)
        memcpy(in, node->in, (size_t)node->n_in * sizeof(*in));
    node->in = in;
    node->n_in = node->n_formal = n_in;
    return QN_OK;
}

static enum qn_status add_input(struct qn_graph *graph, struct qn_node *node, const struct qn_attr *spec,
                                const struct qn_attr_value *value, struct qn_err *err)
{
    const struct qn_tensor *tensor;
    struct qn_var *var;
    char name[128];

    QN_TRY(widen_inputs(graph, node, spec->input + 1, err));
    QN_CHECK(!node->in[spec->input], err, FORMAT, "attribute '%s' and input %d say the same thing", spec->name,
             spec->input);
    QN_TRY(make_input(graph->arena, spec, value, &tensor, err));
    snprintf(name, sizeof(name), "%.90s.%s", node->name, spec->name);
    var = qn_graph_add_const(graph, name, tensor);
    QN_CHECK_MEM(var, err);
    qn_node_set_in(node, spec->input, var);
    return QN_OK;
}

/* ---- Binding -------------------------------------------------------------------------------------------------- */

static const struct qn_attr_value *find_value(const struct qn_attr_value *values, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(values[i].name, name) == 0)
            return &values[i];
    return NULL;
}

static enum qn_status check_names(const struct qn_attr *specs, const struct qn_attr_value *values, size_t n,
                                  struct qn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct qn_attr *spec = specs;

        while (spec->name && strcmp(spec->name, values[i].name) != 0)
            spec++;
        QN_CHECK(spec->name, err, FORMAT, "unknown attribute '%s'", values[i].name);
        QN_CHECK(find_value(values, i, values[i].name) == NULL, err, FORMAT, "attribute '%s' is given twice",
                 values[i].name);
    }
    return QN_OK;
}

static enum qn_status bind_attr(struct qn_graph *graph, struct qn_node *node, const struct qn_attr *spec,
                                const struct qn_attr_value *value, struct qn_err *err)
{
    if (!value) {
        QN_CHECK(!spec->required, err, FORMAT, "required attribute '%s' is missing", spec->name);
        return set_default(spec, node->params, err);
    }
    if (spec->form == QN_FORM_INPUT)
        return add_input(graph, node, spec, value, err);
    if (spec->form == QN_FORM_GRAPH) {
        QN_TRY(expect(value, QN_ATTR_GRAPH, err));
        node->bodies[node->n_bodies++].graph = value->g;
        if (spec->offset)
            *(int *)((char *)node->params + spec->offset) = node->n_bodies;
        return QN_OK;
    }
    return set_value(spec, value, node->params, err);
}

static size_t count_bodies(const struct qn_attr *specs)
{
    size_t n = 0;

    for (; specs->name; specs++)
        n += specs->form == QN_FORM_GRAPH;
    return n;
}

enum qn_status qn_op_bind(struct qn_graph *graph, struct qn_node *node, const struct qn_op *op,
                          const struct qn_attr_value *attrs, size_t n_attrs, struct qn_err *err)
{
    const struct qn_attr *specs = op->attrs ? op->attrs : no_attrs;

    node->op = op;
    node->op_name = op->name;
    node->n_formal = node->n_in;
    node->params = qn_arena_alloc(graph->arena, op->params_bytes);
    node->bodies = qn_arena_array(graph->arena, count_bodies(specs), sizeof(*node->bodies));
    node->n_bodies = 0;
    QN_CHECK_MEM(node->params, err);
    QN_CHECK_MEM(node->bodies, err);
    if (op->preset)
        memcpy(node->params, op->preset, op->params_bytes);
    QN_TRY(check_names(specs, attrs, n_attrs, err));
    for (const struct qn_attr *spec = specs; spec->name; spec++)
        QN_TRY(bind_attr(graph, node, spec, find_value(attrs, n_attrs, spec->name), err));
    QN_TRY(check_arity(op->in, node->in, node->n_in, "input", err));
    QN_TRY(check_arity(op->out, node->out, node->n_out, "output", err));
    QN_TRY(fill_outputs(graph, node, err));
    if (op->parse)
        QN_TRY(op->parse(node, node->params, graph->arena, err));
    return QN_OK;
}

struct qn_node *qn_op_make_node(struct qn_graph *graph, struct qn_node *before, const char *domain, const char *op_name,
                                int64_t opset, const char *name, struct qn_var *const *ins, int n_ins,
                                struct qn_var *const *outs, int n_outs, const struct qn_attr_value *attrs,
                                size_t n_attrs, struct qn_err *err)
{
    const struct qn_op *op;
    struct qn_node *node;

    if (qn_op_find(domain, op_name, opset, true, &op, err) != QN_OK)
        return NULL;
    node = qn_graph_add_node(graph, before, op, op_name, name, n_ins, n_outs);
    if (!node) {
        qn_err_set(err, QN_NOMEM, "out of memory");
        return NULL;
    }
    for (int i = 0; i < n_ins; i++)
        qn_node_set_in(node, i, ins[i]);
    for (int i = 0; i < n_outs; i++)
        if (outs[i])
            qn_node_set_out(node, i, outs[i]);
    return qn_op_bind(graph, node, op, attrs, n_attrs, err) == QN_OK ? node : NULL;
}
