/* dump_plan.c: a plan as text: one line per step with its kernel, why faster ones declined, and where its outputs lie.
 */
#include "plan/plan.h"

static void print_place(const struct qn_plan *plan, const struct qn_var *var, struct qn_buf *buf)
{
    const struct qn_place *place = &plan->places[var->id];

    switch (place->kind) {
    case QN_PLACE_ARENA:
        qn_buf_printf(buf, "@%zu+%zu", place->offset, place->bytes);
        break;
    case QN_PLACE_INPUT:
        qn_buf_printf(buf, "@input%d", place->input);
        break;
    case QN_PLACE_CONST:
        qn_buf_puts(buf, "@const");
        break;
    default:
        qn_buf_puts(buf, "@run");
    }
}

static void print_var(const struct qn_plan *plan, const struct qn_var *var, struct qn_buf *buf)
{
    const struct qn_symbols *symbols = plan->graph->symbols;

    qn_buf_printf(buf, "%s ", var->name);
    qn_fact_print(buf, &var->fact, symbols->names, symbols->n);
    print_place(plan, var, buf);
}

void qn_plan_print_reasons(const struct qn_plan *plan, const struct qn_step *step, struct qn_buf *buf)
{
    const struct qn_fact *facts[32], *outs[8];
    const struct qn_node *node = step->node;
    struct qn_site site = {.node = node,
                           .params = node->params,
                           .n_in = node->n_formal,
                           .in = facts,
                           .n_out = node->n_out,
                           .out = outs,
                           .cpu = qn_cpu_level(),
                           .threads = plan->program->options->threads};

    if (!step->kernel || node->n_formal > 32 || node->n_out > 8)
        return;
    for (int i = 0; i < node->n_formal; i++)
        facts[i] = node->in[i] ? &node->in[i]->fact : NULL;
    for (int i = 0; i < node->n_out; i++)
        outs[i] = node->out[i] ? &node->out[i]->fact : NULL;
    qn_op_choose(node->op, &site, plan->program->options->reference, buf);
}

static void print_reasons(const struct qn_plan *plan, const struct qn_step *step, struct qn_buf *buf)
{
    struct qn_buf reasons;

    qn_buf_init(&reasons, 2048);
    qn_plan_print_reasons(plan, step, &reasons);
    if (reasons.n)
        qn_buf_printf(buf, "  (%s)", reasons.data);
    qn_buf_deinit(&reasons);
}

void qn_plan_dump(const struct qn_plan *plan, struct qn_buf *buf)
{
    qn_buf_printf(buf, "plan: %zu steps, %zu bytes of buffers%s\n", plan->n_steps, plan->arena_bytes,
                  plan->is_static ? "" : ", some shapes known only while running");
    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct qn_step *step = &plan->steps[s];
        const char *separator = "  ";

        qn_buf_printf(buf, "%4zu %s [%s]", s, step->node->op_name, step->kernel ? step->kernel->name : "while running");
        for (int i = 0; i < step->node->n_out; i++) {
            if (!step->node->out[i])
                continue;
            qn_buf_puts(buf, separator);
            print_var(plan, step->node->out[i], buf);
            separator = ", ";
        }
        if (step->workspace_bytes)
            qn_buf_printf(buf, "  workspace @%zu+%zu", step->workspace, step->workspace_bytes);
        print_reasons(plan, step, buf);
        qn_buf_puts(buf, "\n");
    }
}
