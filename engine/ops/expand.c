/* expand.c: operators that the standard defines as functions of others, written as text in their descriptor and
 * expanded at import. The grammar, one statement after the other, each ended by ';':
 *
 *     out, out = Op<name=value, name=value>(in, in);
 *
 * A name is an input or output of the operator (as its formals call it) or one made by an earlier statement; an empty
 * place is an input left out. A value is an integer, a float (with a point), 'text', [integers], or $name: the node's
 * own attribute. Op is the newest version of an operator of the default domain. Texts are part of the program, so a
 * mistake in one is INTERNAL. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

enum { MAX_PLACES = 16, MAX_ATTRS = 16, MAX_INTS = 16 };

struct expansion {
    struct qn_graph *graph;
    struct qn_node *node;
    struct qn_strmap names; /* of the text -> variables */
    struct qn_arena scratch;
    const char *at;
    int n_statements;
    struct qn_err *err;
};

static enum qn_status wrong(struct expansion *x, const char *why)
{
    QN_FAIL(x->err, INTERNAL, "the body of %s: %s at '%.20s'", x->node->op_name, why, x->at);
}

static void blanks(struct expansion *x)
{
    while (isspace((unsigned char)*x->at))
        x->at++;
}

static bool take(struct expansion *x, char c)
{
    blanks(x);
    if (*x->at != c)
        return false;
    x->at++;
    return true;
}

/* A name, empty when none stands here. */
static const char *take_name(struct expansion *x)
{
    const char *begin;

    blanks(x);
    begin = x->at;
    while (isalnum((unsigned char)*x->at) || *x->at == '_')
        x->at++;
    return qn_arena_strndup(&x->scratch, begin, (size_t)(x->at - begin));
}

/* ---- Names ---------------------------------------------------------------------------------------------------- */

static bool set_formals(struct expansion *x, const struct qn_formal *formals, struct qn_var *const *vars, int n)
{
    for (int i = 0; i < n && formals[i].name; i++)
        if (vars[i] && !qn_strmap_set(&x->names, formals[i].name, vars[i]))
            return false;
    return true;
}

/* The variable a statement makes: the node's own output, taken over from it, or a new one. */
static enum qn_status output_var(struct expansion *x, const char *name, struct qn_var **var)
{
    char text[256];

    *var = qn_strmap_get(&x->names, name);
    if (*var) {
        (*var)->producer->out[(*var)->index] = NULL;
        (*var)->producer = NULL;
        return QN_OK;
    }
    snprintf(text, sizeof(text), "%.120s.%.60s", x->node->name, name);
    *var = qn_graph_add_var(x->graph, text);
    QN_CHECK(*var && qn_strmap_set(&x->names, name, *var), x->err, NOMEM, "out of memory");
    return QN_OK;
}

/* ---- Attributes ----------------------------------------------------------------------------------------------- */

/* The node's own attribute, read back from its parameters. */
static enum qn_status own_attr(struct expansion *x, const char *name, struct qn_attr_value *value)
{
    const struct qn_attr *spec = x->node->op->attrs;
    const char *params = x->node->params;

    while (spec && spec->name && strcmp(spec->name, name) != 0)
        spec++;
    if (!spec || !spec->name)
        return wrong(x, "no such attribute");
    params += spec->offset;
    value->n = 1;
    switch (spec->form) {
    case QN_FORM_INT:
        value->kind = QN_ATTR_INT;
        value->i = *(const int64_t *)params;
        return QN_OK;
    case QN_FORM_BOOL:
        value->kind = QN_ATTR_INT;
        value->i = *(const bool *)params;
        return QN_OK;
    case QN_FORM_DTYPE:
        value->kind = QN_ATTR_INT;
        value->i = (int64_t) * (const enum qn_dtype *)params;
        return QN_OK;
    case QN_FORM_FLOAT:
        value->kind = QN_ATTR_FLOAT;
        value->f = *(const float *)params;
        return QN_OK;
    case QN_FORM_STRING:
        value->kind = QN_ATTR_STRING;
        value->s = *(const struct qn_str *)params;
        return QN_OK;
    case QN_FORM_INTS:
        value->kind = QN_ATTR_INTS;
        value->ints = ((const struct qn_ints *)params)->v;
        value->n = ((const struct qn_ints *)params)->n;
        return QN_OK;
    default:
        return wrong(x, "an attribute that cannot be passed on");
    }
}

static enum qn_status take_ints(struct expansion *x, struct qn_attr_value *value)
{
    int64_t *ints = qn_arena_array(x->graph->arena, MAX_INTS, sizeof(*ints));

    QN_CHECK_MEM(ints, x->err);
    value->kind = QN_ATTR_INTS;
    value->ints = ints;
    while (!take(x, ']')) {
        char *end;

        blanks(x);
        ints[value->n] = strtoll(x->at, &end, 10);
        if (end == x->at || ++value->n > MAX_INTS - 1)
            return wrong(x, "malformed list");
        x->at = end;
        take(x, ',');
    }
    return QN_OK;
}

static enum qn_status take_value(struct expansion *x, struct qn_attr_value *value)
{
    char *end;

    if (take(x, '$'))
        return own_attr(x, take_name(x), value);
    if (take(x, '['))
        return take_ints(x, value);
    value->n = 1;
    if (take(x, '\'')) {
        const char *quote = strchr(x->at, '\'');

        if (!quote)
            return wrong(x, "unended text");
        value->kind = QN_ATTR_STRING;
        value->s = (struct qn_str){x->at, (size_t)(quote - x->at)};
        x->at = quote + 1;
        return QN_OK;
    }
    value->kind = QN_ATTR_INT;
    value->i = strtoll(x->at, &end, 10);
    if (*end == '.' || *end == 'e') {
        value->kind = QN_ATTR_FLOAT;
        value->f = strtof(x->at, &end);
    }
    if (end == x->at)
        return wrong(x, "value expected");
    x->at = end;
    return QN_OK;
}

static enum qn_status take_attrs(struct expansion *x, struct qn_attr_value attrs[MAX_ATTRS], size_t *n)
{
    *n = 0;
    if (!take(x, '<'))
        return QN_OK;
    while (!take(x, '>')) {
        struct qn_attr_value *value = &attrs[*n];

        memset(value, 0, sizeof(*value));
        value->name = take_name(x);
        if (!*value->name || !take(x, '=') || ++*n == MAX_ATTRS)
            return wrong(x, "name=value expected");
        QN_TRY(take_value(x, value));
        take(x, ',');
    }
    return QN_OK;
}

/* ---- Statements ----------------------------------------------------------------------------------------------- */

static enum qn_status take_outputs(struct expansion *x, const char *names[MAX_PLACES], int *n)
{
    *n = 0;
    do {
        names[*n] = take_name(x);
        if (!*names[*n] || ++*n == MAX_PLACES)
            return wrong(x, "output name expected");
    } while (take(x, ','));
    return take(x, '=') ? QN_OK : wrong(x, "'=' expected");
}

static enum qn_status take_inputs(struct expansion *x, struct qn_var *vars[MAX_PLACES], int *n)
{
    *n = 0;
    if (!take(x, '('))
        return wrong(x, "'(' expected");
    while (!take(x, ')')) {
        const char *name = take_name(x);

        if (*n == MAX_PLACES)
            return wrong(x, "too many inputs");
        vars[*n] = *name ? qn_strmap_get(&x->names, name) : NULL;
        ++*n;
        if (!take(x, ',') && *x->at != ')')
            return wrong(x, "',' or ')' expected");
    }
    return QN_OK;
}

static enum qn_status statement(struct expansion *x)
{
    const char *outputs[MAX_PLACES], *op;
    struct qn_var *ins[MAX_PLACES], *outs[MAX_PLACES];
    struct qn_attr_value attrs[MAX_ATTRS];
    int n_outs, n_ins;
    size_t n_attrs;
    char name[256];

    QN_TRY(take_outputs(x, outputs, &n_outs));
    op = take_name(x);
    QN_TRY(take_attrs(x, attrs, &n_attrs));
    QN_TRY(take_inputs(x, ins, &n_ins));
    if (!take(x, ';'))
        return wrong(x, "';' expected");
    for (int i = 0; i < n_outs; i++)
        QN_TRY(output_var(x, outputs[i], &outs[i]));
    snprintf(name, sizeof(name), "%.120s.%d", x->node->name, x->n_statements++);
    if (!qn_op_make_node(x->graph, x->node, "", op, QN_NEWEST_OPSET, name, ins, n_ins, outs, n_outs, attrs, n_attrs,
                         x->err))
        return x->err && x->err->status != QN_OK ? x->err->status : QN_INTERNAL;
    return QN_OK;
}

static enum qn_status statements(struct expansion *x)
{
    if (!set_formals(x, x->node->op->in, x->node->in, x->node->n_in) ||
        !set_formals(x, x->node->op->out, x->node->out, x->node->n_out))
        QN_FAIL(x->err, NOMEM, "out of memory");
    for (blanks(x); *x->at; blanks(x))
        QN_TRY(statement(x));
    qn_patch_remove_node(x->graph, x->node);
    return QN_OK;
}

enum qn_status qn_op_expand(struct qn_graph *graph, struct qn_node *node, struct qn_err *err)
{
    struct expansion x = {.graph = graph, .node = node, .at = node->op->body, .err = err};
    enum qn_status status;

    qn_arena_init(&x.scratch, (size_t)1 << 20);
    qn_strmap_init(&x.names, &x.scratch);
    status = statements(&x);
    qn_arena_deinit(&x.scratch);
    return status;
}
