/* widen.c: the machine pass for element types narrower than what kernels compute in. A node that no kernel takes as it
 * is, or that a better kernel takes in float32, is given widened inputs (float16, bfloat16, float8 and float4 as
 * float32; 4- and 2-bit integers as bytes), and its outputs are narrowed again by Casts. Constants are widened here
 * and now, so that packing and fusing see ordinary float32; Casts that nothing reads are left to dce.
 *
 * Between two widened nodes there is no Cast: intermediate values keep float32's precision and range, as C's
 * FLT_EVAL_METHOD allows, and nodes in between that only move float16 or bfloat16 values do so in float32. A value is
 * rounded to its type where that can be seen: as an output of the graph, as an input of a body, in a sequence, and
 * before a conversion that the model asks for. So a value that the narrow type could not hold, and would have made
 * infinite, may go on being finite until then. Reference mode rounds the outputs of every node.
 *
 * Decides by element types, so it works before shapes are known and once for all of them; running again changes
 * nothing, except where types have become known since. */
#include <stdio.h>
#include <string.h>

#include "passes/pass.h"

static const qn_dtypes halves = QN_BIT(FLOAT16) | QN_BIT(BFLOAT16);

struct widener {
    struct qn_passes *passes;
    struct qn_graph *graph;
    struct qn_var **wide;    /* per variable id: the same value widened; NULL: not yet */
    bool *exceeds;           /* per variable id: wide is what a node computed, not yet rounded */
    uint32_t n_vars;         /* variables made by the pass are past this, and not narrow */
    struct qn_arena scratch; /* one node */
    bool changed;
};

static enum qn_dtype widened(enum qn_dtype dtype, qn_dtypes types)
{
    if (!qn_dtypes_have(types, dtype))
        return dtype;
    if (qn_dtype_is_float(dtype))
        return QN_FLOAT;
    return dtype == QN_UINT4 || dtype == QN_UINT2 ? QN_UINT8 : QN_INT8;
}

/* ---- Looking at a node ---------------------------------------------------------------------------------------- */

static bool all_tensors(struct qn_var *const *vars, int n)
{
    for (int i = 0; i < n; i++)
        if (vars[i] && (vars[i]->fact.kind != QN_TENSOR || vars[i]->fact.dtype == QN_UNDEFINED))
            return false;
    return true;
}

static qn_dtypes types_of(struct qn_var *const *vars, int n)
{
    qn_dtypes types = 0;

    for (int i = 0; i < n; i++)
        if (vars[i])
            types |= (qn_dtypes)1 << vars[i]->fact.dtype;
    return types;
}

/* The site of a node whose inputs of these types are widened: facts in scratch, outputs by inference. False when the
 * operator cannot be had with such inputs. */
static bool look(struct widener *w, const struct qn_node *node, qn_dtypes types, struct qn_site *site)
{
    int n = node->n_in + node->n_out;
    struct qn_fact *facts = qn_arena_array(&w->scratch, (size_t)n, sizeof(*facts));
    const struct qn_fact **pointers = qn_arena_array(&w->scratch, (size_t)n, sizeof(*pointers));
    struct qn_err ignored = {QN_OK, 0, {0}, {0}, {0}};

    if (!facts || !pointers)
        return false;
    for (int i = 0; i < n; i++) {
        const struct qn_var *var = i < node->n_in ? node->in[i] : node->out[i - node->n_in];

        if (!var)
            continue;
        pointers[i] = &facts[i];
        facts[i] = var->fact;
        facts[i].dtype = widened(var->fact.dtype, types);
        if (facts[i].dtype != var->fact.dtype)
            facts[i].konst = NULL;
    }
    *site = (struct qn_site){.node = node,
                             .params = node->params,
                             .n_in = node->n_formal,
                             .in = pointers,
                             .n_out = node->n_out,
                             .out = pointers + node->n_in,
                             .cpu = qn_cpu_level(),
                             .threads = 1};
    return qn_op_infer_facts(w->graph, node, site->in, facts + node->n_in, &w->scratch, 0, &ignored) == QN_OK;
}

/* Whether all that the node reads of float16 and bfloat16, apart from constants, was computed wider than that. */
static bool reads_excess(const struct widener *w, const struct qn_node *node)
{
    bool some = false;

    for (int i = 0; i < node->n_in; i++) {
        const struct qn_var *var = node->in[i];

        if (!var || var->fact.konst || !qn_dtypes_have(halves, var->fact.dtype))
            continue;
        if (var->id >= w->n_vars || !w->exceeds[var->id])
            return false;
        some = true;
    }
    return some;
}

/* The types of inputs that are to be widened; 0: none. */
static qn_dtypes choose_types(struct widener *w, const struct qn_node *node, struct qn_site *site)
{
    bool reference = w->passes->reference;
    const struct qn_kernel *own;
    qn_dtypes types;

    if (node->n_bodies || (node->op->flags & QN_CONVERTS) || !all_tensors(node->in, node->n_in) ||
        !all_tensors(node->out, node->n_out))
        return 0;
    types = types_of(node->in, node->n_in) & QN_NARROW;
    if (!types)
        return 0;
    if (!node->op->kernels)
        return reads_excess(w, node) && look(w, node, halves, site) ? halves : 0;
    if (!look(w, node, 0, site))
        return 0;
    own = qn_op_choose(node->op, site, reference, NULL);
    if (own)
        types &= halves;
    if (!types || !look(w, node, types, site))
        return 0;
    return !own || reads_excess(w, node) || qn_op_choose(node->op, site, reference, NULL) != own ? types : 0;
}

/* ---- Changing it ---------------------------------------------------------------------------------------------- */

/* A variable for another form of `var`'s value. */
static struct qn_var *add_form(struct qn_graph *graph, const struct qn_var *var, enum qn_dtype dtype)
{
    char name[300];
    struct qn_var *form;

    snprintf(name, sizeof(name), "%.250s.%s", var->name, qn_dtype_name(dtype));
    form = qn_graph_add_var(graph, name);
    if (form)
        form->fact = qn_fact_tensor(dtype, &var->fact.shape);
    return form;
}

/* Values that only moved must come back as they were, so what is out of range does not saturate. */
static enum qn_status add_cast(struct widener *w, struct qn_node *before, struct qn_var *from, struct qn_var *to)
{
    const struct qn_attr_value attrs[] = {{.name = "to", .kind = QN_ATTR_INT, .n = 1, .i = to->fact.dtype},
                                          {.name = "saturate", .kind = QN_ATTR_INT, .n = 1, .i = 0}};

    return qn_op_make_node(w->graph, before, "", "Cast", QN_NEWEST_OPSET, to->name, &from, 1, &to, 1, attrs, 2,
                           w->passes->err)
               ? QN_OK
               : QN_NOMEM;
}

static enum qn_status widen_input(struct widener *w, struct qn_node *node, int i, enum qn_dtype dtype)
{
    struct qn_var *var = node->in[i], **wide = &w->wide[var->id];

    if (!*wide) {
        *wide = add_form(w->graph, var, dtype);
        QN_CHECK_MEM(*wide, w->passes->err);
        QN_TRY(add_cast(w, node, var, *wide));
    }
    qn_node_set_in(node, i, *wide);
    return QN_OK;
}

static enum qn_status narrow_output(struct widener *w, struct qn_node *node, int i, enum qn_dtype dtype)
{
    struct qn_var *var = node->out[i], *wide = add_form(w->graph, var, dtype);

    QN_CHECK_MEM(wide, w->passes->err);
    qn_node_set_out(node, i, wide);
    if (!w->passes->reference) {
        w->wide[var->id] = wide;
        w->exceeds[var->id] = true;
    }
    return add_cast(w, node->next, wide, var);
}

static enum qn_status visit(struct widener *w, struct qn_node *node)
{
    struct qn_site site;
    qn_dtypes types = choose_types(w, node, &site);

    if (!types)
        return QN_OK;
    w->changed = true;
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] && site.in[i]->dtype != node->in[i]->fact.dtype)
            QN_TRY(widen_input(w, node, i, site.in[i]->dtype));
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] && site.out[i]->dtype != node->out[i]->fact.dtype)
            QN_TRY(narrow_output(w, node, i, site.out[i]->dtype));
    return QN_OK;
}

enum qn_status qn_pass_widen(struct qn_passes *passes, struct qn_graph *graph)
{
    struct widener w = {.passes = passes, .graph = graph, .n_vars = graph->n_vars};
    enum qn_status status = QN_OK;
    struct qn_arena tables;

    qn_arena_init(&tables, (size_t)1 << 30);
    qn_arena_init(&w.scratch, (size_t)1 << 30);
    w.wide = qn_arena_array(&tables, w.n_vars, sizeof(struct qn_var *));
    w.exceeds = qn_arena_array(&tables, w.n_vars, sizeof(*w.exceeds));
    if (!w.wide || !w.exceeds)
        status = qn_err_set(passes->err, QN_NOMEM, "out of memory");
    for (struct qn_node *node = graph->first, *next; node && status == QN_OK; node = next) {
        next = node->next;
        status = visit(&w, node);
        if (status != QN_OK)
            qn_err_at(passes->err, status, node->name, node->op_name);
        qn_arena_reset(&w.scratch);
    }
    qn_arena_deinit(&w.scratch);
    qn_arena_deinit(&tables);
    return status == QN_OK && w.changed ? qn_pass_fold(passes, graph) : status;
}
