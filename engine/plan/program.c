/* program.c: programs and their caches of plans: one per concrete set of input shapes, a small number of them, the
 * least recently used one dropped. Plans in use stay alive by their references. */
#include <stdlib.h>
#include <string.h>

#include "ops/eval.h"
#include "plan/build.h"
#include "plan/plan.h"

/* Plans kept per program besides those in use. */
enum { MAX_PLANS = 8 };

/* ---- Programs ------------------------------------------------------------------------------------------------- */

static enum qn_status create_one(struct qn_graph *graph, const struct qn_plan_options *options, struct qn_packs *packs,
                                 struct qn_program **list, struct qn_err *err)
{
    struct qn_program *program = calloc(1, sizeof(*program));

    QN_CHECK_MEM(program, err);
    program->graph = graph;
    program->options = options;
    program->packs = packs;
    pthread_mutex_init(&program->lock, NULL);
    graph->program = program;
    program->next = *list;
    *list = program;
    return QN_OK;
}

/* The list grows at its head while its unvisited part is walked through `from`. */
static enum qn_status create_bodies(const struct qn_graph *graph, const struct qn_plan_options *options,
                                    struct qn_packs *packs, struct qn_program **list, struct qn_err *err)
{
    for (const struct qn_node *node = graph->first; node; node = node->next)
        for (int b = 0; b < node->n_bodies; b++)
            QN_TRY(create_one(node->bodies[b].graph, options, packs, list, err));
    return QN_OK;
}

enum qn_status qn_program_create(struct qn_graph *graph, const struct qn_plan_options *options, struct qn_packs *packs,
                                 struct qn_program **program, struct qn_err *err)
{
    struct qn_program *list = NULL, *tail, *done = NULL;
    enum qn_status status = create_one(graph, options, packs, &list, err);

    /* A work list: its head is taken, the bodies of its graph are put before the rest. */
    *program = NULL;
    while (status == QN_OK && list) {
        struct qn_program *head = list;

        list = head->next;
        head->next = NULL;
        status = create_bodies(head->graph, options, packs, &list, err);
        if (done) {
            tail->next = head;
        } else {
            done = head;
        }
        tail = head;
    }
    if (status != QN_OK) {
        qn_program_destroy(list);
        qn_program_destroy(done);
        return status;
    }
    *program = done;
    return QN_OK;
}

void qn_program_destroy(struct qn_program *program)
{
    while (program) {
        struct qn_program *next = program->next;

        while (program->plans) {
            struct qn_plan *plan = program->plans;

            program->plans = plan->next;
            qn_plan_free(plan);
        }
        pthread_mutex_destroy(&program->lock);
        free(program);
        program = next;
    }
}

/* ---- Keys ----------------------------------------------------------------------------------------------------- */

static bool same_fact(const struct qn_fact *a, const struct qn_fact *b)
{
    if (a->kind != b->kind || a->dtype != b->dtype)
        return false;
    return a->kind != QN_TENSOR || qn_shape_equal(&a->shape, &b->shape);
}

static bool fact_fits(const struct qn_fact *fact, const struct qn_value *value)
{
    if (!value)
        return fact->kind == QN_TENSOR && fact->dtype == QN_UNDEFINED;
    if (fact->kind != value->kind)
        return false;
    if (fact->kind != QN_TENSOR)
        return true;
    if (fact->dtype != value->tensor.dtype || fact->shape.rank != value->tensor.rank)
        return false;
    for (int i = 0; i < fact->shape.rank; i++)
        if (fact->shape.dims[i] != value->tensor.dims[i])
            return false;
    return true;
}

static int n_inputs(const struct qn_graph *graph) { return graph->n_inputs + graph->n_captures; }

bool qn_plan_fits(const struct qn_plan *plan, const struct qn_value *const *inputs)
{
    for (int i = 0; i < n_inputs(plan->program->graph); i++)
        if (!fact_fits(&plan->inputs[i], inputs[i]))
            return false;
    return true;
}

/* ---- The cache ------------------------------------------------------------------------------------------------ */

static struct qn_plan *find(struct qn_program *program, const struct qn_fact *inputs)
{
    for (struct qn_plan **at = &program->plans; *at; at = &(*at)->next) {
        struct qn_plan *plan = *at;
        bool same = true;

        for (int i = 0; same && i < n_inputs(program->graph); i++)
            same = same_fact(&plan->inputs[i], &inputs[i]);
        if (!same)
            continue;
        *at = plan->next;
        plan->next = program->plans;
        program->plans = plan;
        return plan;
    }
    return NULL;
}

/* Frees unused plans from the end of the list until it is short enough. */
static void trim(struct qn_program *program)
{
    while (program->n_plans > MAX_PLANS) {
        struct qn_plan **last_unused = NULL, *plan;

        for (struct qn_plan **at = &program->plans; *at; at = &(*at)->next)
            if ((*at)->n_references == 0)
                last_unused = at;
        if (!last_unused)
            return;
        plan = *last_unused;
        *last_unused = plan->next;
        program->n_plans--;
        qn_plan_free(plan);
    }
}

enum qn_status qn_plan_acquire_facts(struct qn_program *program, const struct qn_fact *inputs, struct qn_plan **plan,
                                     struct qn_err *err)
{
    enum qn_status status = QN_OK;

    pthread_mutex_lock(&program->lock);
    *plan = find(program, inputs);
    if (!*plan) {
        status = qn_plan_build(program, inputs, plan, err);
        if (status == QN_OK) {
            (*plan)->next = program->plans;
            program->plans = *plan;
            program->n_plans++;
        }
    }
    if (status == QN_OK)
        (*plan)->n_references++;
    trim(program);
    pthread_mutex_unlock(&program->lock);
    return status;
}

enum qn_status qn_plan_acquire(struct qn_program *program, const struct qn_value *const *inputs, struct qn_plan **plan,
                               struct qn_err *err)
{
    int n = n_inputs(program->graph);
    struct qn_arena scratch;
    struct qn_fact *facts;
    enum qn_status status = QN_OK;

    *plan = NULL;
    qn_arena_init(&scratch, (size_t)64 << 20);
    facts = qn_arena_array(&scratch, (size_t)n, sizeof(*facts));
    if (!facts)
        status = qn_err_set(err, QN_NOMEM, "out of memory");
    for (int i = 0; status == QN_OK && i < n; i++) {
        facts[i] = QN_FACT_UNKNOWN;
        if (!inputs[i])
            continue;
        status = qn_value_fact(inputs[i], &scratch, &facts[i], err);
        facts[i].konst = NULL;
    }
    if (status == QN_OK)
        status = qn_plan_acquire_facts(program, facts, plan, err);
    qn_arena_deinit(&scratch);
    return status;
}

void qn_plan_release(struct qn_plan *plan)
{
    if (!plan)
        return;
    pthread_mutex_lock(&plan->program->lock);
    plan->n_references--;
    trim(plan->program);
    pthread_mutex_unlock(&plan->program->lock);
}
