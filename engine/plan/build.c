/* build.c: from a graph and concrete input facts to a plan: clone, specialise (inference and folding with the shapes
 * known), choose kernels and pack weights, find out how long every value lives and who may take over whose buffer,
 * place buffers. */
#include "plan/build.h"

#include <stdlib.h>
#include <string.h>

/* A value while the plan is made. */
struct life {
    uint32_t root;      /* the value whose memory this one uses; itself for most */
    size_t first, last; /* steps; of roots: over everything that lives there */
    bool forever;       /* a graph output: lives to the end */
};

struct builder {
    struct qn_plan *plan;
    struct qn_program *program;
    const struct qn_plan_options *options;
    struct qn_graph *graph;
    struct life *lives;
    struct qn_arena scratch;
    struct qn_err *err;
};

void qn_plan_free(struct qn_plan *plan)
{
    if (!plan)
        return;
    qn_arena_deinit(&plan->arena);
    free(plan);
}

/* ---- Specialising --------------------------------------------------------------------------------------------- */

static enum qn_status clone_graph(struct builder *b, const struct qn_fact *inputs)
{
    const struct qn_graph *source = b->program->graph;
    struct qn_arena *arena = &b->plan->arena;
    int n = source->n_inputs + source->n_captures;

    b->graph = b->plan->graph = qn_graph_clone(source, arena);
    b->plan->inputs = qn_arena_array(arena, (size_t)n, sizeof(*inputs));
    QN_CHECK_MEM(b->graph && b->plan->inputs ? b : NULL, b->err);
    for (int i = 0; i < n; i++) {
        struct qn_var *var = i < source->n_inputs ? b->graph->inputs[i] : b->graph->captures[i - source->n_inputs];

        b->plan->inputs[i] = inputs[i];
        for (struct qn_fact *fact = &b->plan->inputs[i]; fact->elem; fact = (struct qn_fact *)fact->elem) {
            fact->elem = qn_arena_memdup(arena, fact->elem, sizeof(*fact->elem));
            QN_CHECK_MEM(fact->elem, b->err);
        }
        if (!var->fact.konst) /* a capture may have turned out to be a constant of the outer graph */
            var->fact = b->plan->inputs[i];
    }
    return QN_OK;
}

static enum qn_status specialise(struct builder *b)
{
    struct qn_passes passes = {
        .arena = &b->plan->arena,
        .fold_bytes = (size_t)64 << 20,
        .reference = b->options->reference,
        .dump = b->options->dump,
        .dump_fn = b->options->dump_fn,
        .dump_arg = b->options->dump_arg,
        .err = b->err,
    };

    return qn_passes_specialise(&passes, b->graph);
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

static bool all_concrete(struct qn_var *const *vars, int n)
{
    for (int i = 0; i < n; i++)
        if (vars[i] && !qn_fact_concrete(&vars[i]->fact))
            return false;
    return true;
}

static bool is_view(const struct qn_node *node) { return (node->op->flags & QN_VIEW) != 0; }

static enum qn_status make_site(struct builder *b, const struct qn_node *node, struct qn_site *site)
{
    const struct qn_fact **facts = qn_arena_array(&b->scratch, (size_t)(node->n_in + node->n_out), sizeof(*facts));

    QN_CHECK_MEM(facts, b->err);
    for (int i = 0; i < node->n_in; i++)
        facts[i] = node->in[i] ? &node->in[i]->fact : NULL;
    for (int i = 0; i < node->n_out; i++)
        facts[node->n_in + i] = node->out[i] ? &node->out[i]->fact : NULL;
    *site = (struct qn_site){.node = node,
                             .params = node->params,
                             .n_in = node->n_formal,
                             .in = facts,
                             .n_out = node->n_out,
                             .out = facts + node->n_in,
                             .cpu = qn_cpu_level(),
                             .threads = b->options->threads};
    return QN_OK;
}

/* Constants of the model outlive every plan; those folded for these shapes do not. */
static bool constants_are_shared(const struct builder *b, const struct qn_node *node)
{
    for (int i = 0; i < node->n_in; i++)
        if (node->in[i] && node->in[i]->fact.konst && qn_arena_owns(&b->plan->arena, node->in[i]->fact.konst->data))
            return false;
    return true;
}

static enum qn_status make_step(struct builder *b, const struct qn_node *node, struct qn_step *step)
{
    struct qn_site site;

    step->node = node;
    if (node->n_bodies || !all_concrete(node->in, node->n_in) || !all_concrete(node->out, node->n_out))
        return QN_OK;
    QN_TRY(make_site(b, node, &site));
    step->kernel = qn_op_choose(node->op, &site, b->options->reference, NULL);
    if (!step->kernel)
        return QN_OK;
    if (step->kernel->prepare)
        QN_TRY(qn_packs_get(b->program->packs, step->kernel, &site, constants_are_shared(b, node), &b->plan->arena,
                            &step->packed, b->err));
    if (step->kernel->workspace)
        step->workspace_bytes = step->kernel->workspace(&site);
    QN_CHECK(step->workspace_bytes < SIZE_MAX - 64, b->err, LIMIT, "the workspace is too large");
    return QN_OK;
}

/* A view of memory whose place the plan knows needs no step. */
static bool needs_step(const struct qn_plan *plan, const struct qn_node *node)
{
    return !is_view(node) || plan->places[node->in[0]->id].kind == QN_PLACE_DYNAMIC || !plan->vars[node->out[0]->id] ||
           plan->places[node->out[0]->id].kind == QN_PLACE_DYNAMIC;
}

/* Where the outputs of a node will live, apart from offsets. */
static void place_outputs(struct builder *b, const struct qn_node *node, const struct qn_step *step)
{
    struct qn_place *places = b->plan->places;
    const struct qn_var *source = node->in && node->n_in ? node->in[0] : NULL;

    for (int i = 0; i < node->n_out; i++) {
        const struct qn_var *var = node->out[i];

        if (!var)
            continue;
        if (is_view(node) && i == 0 && qn_fact_concrete(&var->fact) && places[source->id].kind != QN_PLACE_DYNAMIC) {
            places[var->id] = places[source->id];
            b->lives[var->id].root = b->lives[source->id].root;
        } else if (!is_view(node) && !node->n_bodies && qn_fact_concrete(&var->fact) &&
                   all_concrete(node->in, node->n_in) && (step->kernel || !(node->op->flags & QN_KEEPS_VALUES))) {
            places[var->id].kind = QN_PLACE_ARENA;
        } else {
            places[var->id].kind = QN_PLACE_DYNAMIC;
        }
    }
}

static enum qn_status add_step(struct builder *b, const struct qn_node *node)
{
    struct qn_plan *plan = b->plan;
    struct qn_step step = {.node = node};

    if (!is_view(node))
        QN_TRY(make_step(b, node, &step));
    place_outputs(b, node, &step);
    if (!needs_step(plan, node))
        return QN_OK;
    plan->is_static &= step.kernel != NULL;
    plan->steps[plan->n_steps++] = step;
    return QN_OK;
}

static void register_var(struct qn_plan *plan, struct qn_var *var, enum qn_place_kind kind, int input)
{
    if (!var)
        return;
    plan->vars[var->id] = var;
    if (var->fact.konst)
        plan->places[var->id].kind = QN_PLACE_CONST;
    else if (kind != QN_PLACE_NONE)
        plan->places[var->id] = (struct qn_place){.kind = kind, .input = input};
}

/* Every variable that anything refers to. */
static void register_vars(struct qn_plan *plan, const struct qn_graph *graph)
{
    for (const struct qn_node *node = graph->first; node; node = node->next) {
        for (int i = 0; i < node->n_in; i++)
            register_var(plan, node->in[i], QN_PLACE_NONE, 0);
        for (int i = 0; i < node->n_out; i++)
            register_var(plan, node->out[i], QN_PLACE_NONE, 0);
    }
    for (int i = 0; i < graph->n_outputs; i++)
        register_var(plan, graph->outputs[i], QN_PLACE_NONE, 0);
    for (int i = 0; i < graph->n_inputs; i++)
        register_var(plan, graph->inputs[i], QN_PLACE_INPUT, i);
    for (int i = 0; i < graph->n_captures; i++)
        register_var(plan, graph->captures[i], QN_PLACE_INPUT, graph->n_inputs + i);
}

static enum qn_status make_steps(struct builder *b)
{
    struct qn_plan *plan = b->plan;
    size_t n_vars = b->graph->n_vars;

    plan->vars = qn_arena_array(&plan->arena, n_vars, sizeof(struct qn_var *));
    plan->places = qn_arena_array(&plan->arena, n_vars, sizeof(*plan->places));
    plan->steps = qn_arena_array(&plan->arena, b->graph->n_nodes, sizeof(*plan->steps));
    b->lives = qn_arena_array(&b->scratch, n_vars, sizeof(*b->lives));
    QN_CHECK_MEM(plan->vars && plan->places && plan->steps && b->lives ? b : NULL, b->err);
    for (uint32_t i = 0; i < n_vars; i++)
        b->lives[i].root = i;
    register_vars(plan, b->graph);
    plan->is_static = true;
    for (const struct qn_node *node = b->graph->first; node; node = node->next) {
        enum qn_status status = add_step(b, node);

        if (status != QN_OK)
            return qn_err_at(b->err, status, node->name, node->op_name);
    }
    return QN_OK;
}

/* ---- Lives ---------------------------------------------------------------------------------------------------- */

/* The value that owns the memory: views and takers-over form chains to it. */
static uint32_t final_root(const struct builder *b, uint32_t id)
{
    while (b->lives[id].root != id)
        id = b->lives[id].root;
    return id;
}

static struct life *root_of(struct builder *b, const struct qn_var *var) { return &b->lives[final_root(b, var->id)]; }

static bool is_placed(const struct builder *b, const struct qn_var *var)
{
    return var && b->plan->places[var->id].kind == QN_PLACE_ARENA;
}

static void find_lives(struct builder *b)
{
    const struct qn_plan *plan = b->plan;

    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct qn_node *node = plan->steps[s].node;
        bool keeps = !plan->steps[s].kernel || (node->op->flags & QN_KEEPS_VALUES);

        for (int i = 0; i < node->n_out; i++)
            if (is_placed(b, node->out[i]))
                root_of(b, node->out[i])->first = root_of(b, node->out[i])->last = s;
        for (int i = 0; i < node->n_in; i++) {
            if (!is_placed(b, node->in[i]))
                continue;
            root_of(b, node->in[i])->last = s;
            /* Steps evaluated while running may hand out views of what they read. */
            root_of(b, node->in[i])->forever |= keeps;
        }
    }
    for (int i = 0; i < b->graph->n_outputs; i++)
        if (is_placed(b, b->graph->outputs[i]))
            root_of(b, b->graph->outputs[i])->forever = true;
}

static size_t bytes_of(const struct qn_var *var)
{
    size_t bytes = 0;

    qn_shape_bytes(&var->fact.shape, var->fact.dtype, &bytes);
    return bytes;
}

/* Output 0 may take over a buffer that dies here. */
static bool may_take_over(struct builder *b, size_t s, const struct qn_node *node, int i)
{
    const struct qn_var *in = node->in[i], *out = node->out[0];
    const struct life *root;

    if (!(node->op->inplace >> i & 1) || !is_placed(b, in) || !is_placed(b, out) || bytes_of(in) != bytes_of(out))
        return false;
    root = root_of(b, in);
    if (root->forever || root->last != s || root == root_of(b, out))
        return false;
    for (int k = 0; k < node->n_in; k++)
        if (k != i && is_placed(b, node->in[k]) && root_of(b, node->in[k]) == root)
            return false;
    return true;
}

static void join(struct builder *b, const struct qn_var *out, const struct qn_var *in)
{
    uint32_t from = final_root(b, out->id), to = final_root(b, in->id);

    b->lives[to].last = b->lives[from].last;
    b->lives[to].forever |= b->lives[from].forever;
    b->lives[from].root = to;
}

static void take_over(struct builder *b)
{
    for (size_t s = 0; s < b->plan->n_steps; s++) {
        const struct qn_node *node = b->plan->steps[s].node;

        if (!b->plan->steps[s].kernel || node->n_out < 1 || !node->out[0])
            continue;
        for (int i = 0; i < node->n_formal && i < 32; i++) {
            if (node->in[i] && may_take_over(b, s, node, i)) {
                join(b, node->out[0], node->in[i]);
                break;
            }
        }
    }
}

/* ---- Offsets -------------------------------------------------------------------------------------------------- */

static size_t add_buffers(struct builder *b, struct qn_interval *items, uint32_t *owner)
{
    const struct qn_plan *plan = b->plan;
    size_t n = 0;

    for (uint32_t id = 0; id < b->graph->n_vars; id++) {
        const struct life *life = &b->lives[id];

        if (!plan->vars[id] || plan->places[id].kind != QN_PLACE_ARENA || life->root != id)
            continue;
        owner[n] = id;
        items[n++] = (struct qn_interval){.first = life->first,
                                          .last = life->forever ? plan->n_steps : life->last,
                                          .bytes = bytes_of(plan->vars[id])};
    }
    return n;
}

/* Too much memory for one run; the largest value is as a rule to blame. */
static enum qn_status refuse_size(const struct builder *b)
{
    const struct qn_plan *plan = b->plan;
    const struct qn_var *largest = NULL;
    size_t most = 0;

    for (uint32_t id = 0; id < b->graph->n_vars; id++) {
        if (!plan->vars[id] || plan->places[id].kind != QN_PLACE_ARENA || plan->places[id].bytes <= most)
            continue;
        largest = plan->vars[id];
        most = plan->places[id].bytes;
    }
    QN_CHECK(largest, b->err, LIMIT, "the buffers of one run take %zu bytes, more than the %zu allowed",
             plan->arena_bytes, b->options->max_memory);
    QN_FAIL(b->err, LIMIT, "the buffers of one run take %zu bytes, more than the %zu allowed; '%.64s' alone is %zu",
            plan->arena_bytes, b->options->max_memory, largest->name, most);
}

static enum qn_status place_buffers(struct builder *b)
{
    struct qn_plan *plan = b->plan;
    size_t n_max = b->graph->n_vars + plan->n_steps, n, n_buffers;
    struct qn_interval *items = qn_arena_array(&b->scratch, n_max, sizeof(*items));
    uint32_t *owner = qn_arena_array(&b->scratch, n_max, sizeof(*owner));

    QN_CHECK_MEM(items && owner ? b : NULL, b->err);
    n = n_buffers = add_buffers(b, items, owner);
    for (size_t s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].workspace_bytes)
            items[n++] = (struct qn_interval){.first = s, .last = s, .bytes = plan->steps[s].workspace_bytes};
    QN_TRY(qn_plan_offsets(items, n, &plan->arena_bytes, b->err));
    for (size_t i = 0; i < n_buffers; i++)
        plan->places[owner[i]].offset = items[i].offset;
    n = n_buffers;
    for (size_t s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].workspace_bytes)
            plan->steps[s].workspace = items[n++].offset;
    for (uint32_t id = 0; id < b->graph->n_vars; id++) {
        if (!plan->vars[id] || plan->places[id].kind != QN_PLACE_ARENA)
            continue;
        plan->places[id].offset = plan->places[final_root(b, id)].offset;
        plan->places[id].bytes = bytes_of(plan->vars[id]);
    }
    return plan->arena_bytes <= b->options->max_memory ? QN_OK : refuse_size(b);
}

/* ---- Together ------------------------------------------------------------------------------------------------- */

static enum qn_status build(struct builder *b, const struct qn_fact *inputs)
{
    QN_TRY(clone_graph(b, inputs));
    QN_TRY(specialise(b));
    QN_TRY(make_steps(b));
    find_lives(b);
    take_over(b);
    return place_buffers(b);
}

static void dump(const struct qn_plan *plan, const struct qn_plan_options *options)
{
    struct qn_buf text;

    if (!options->dump_fn || !options->dump || (strcmp(options->dump, "all") && strcmp(options->dump, "plan")))
        return;
    qn_buf_init(&text, (size_t)64 << 20);
    qn_plan_dump(plan, &text);
    options->dump_fn(options->dump_arg, "plan", text.data ? text.data : "");
    qn_buf_deinit(&text);
}

enum qn_status qn_plan_build(struct qn_program *program, const struct qn_fact *inputs, struct qn_plan **plan,
                             struct qn_err *err)
{
    struct builder b = {.program = program, .options = program->options, .err = err};
    enum qn_status status;

    *plan = NULL;
    b.plan = calloc(1, sizeof(*b.plan));
    QN_CHECK_MEM(b.plan, err);
    b.plan->program = program;
    qn_arena_init(&b.plan->arena, program->options->max_memory);
    qn_arena_init(&b.scratch, program->options->max_memory);
    status = build(&b, inputs);
    qn_arena_deinit(&b.scratch);
    if (status != QN_OK) {
        qn_plan_free(b.plan);
        return status;
    }
    dump(b.plan, program->options);
    *plan = b.plan;
    return QN_OK;
}
