/* cmd_inspect.c: `quern inspect`: what a model takes, gives and needs; all that is missing; memory; the plan; dumps of
 * stages. Everything is gathered as JSON first; the text is printed from that, section by section. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "import/import.h"
#include "ops/op.h"
#include "plan/plan.h"
#include "session.h"
#include "tools/cmd.h"
#include "tools/fail.h"
#include "tools/human.h"
#include "tools/inputs.h"
#include "tools/options.h"
#include "tools/report.h"

struct inspection {
    const char *model;
    struct qn_inputs inputs; /* random, in the shapes given */
    bool json, ops, plan, memory;
    bool dumped; /* some stage was */
    cJSON *report, *missing, *dumps;
};

static void add_missing(void *arg, const char *line)
{
    cJSON_AddItemToArray(((struct inspection *)arg)->missing, cJSON_CreateString(line));
}

/* Dumps come while the model is opened: before all else in text, within the report in JSON. */
static void take_stage(void *arg, const char *stage, const char *text)
{
    struct inspection *i = arg;

    i->dumped = true;
    if (!i->json)
        printf("== %s\n%s", stage, text);
    else if (!cJSON_HasObjectItem(i->dumps, stage))
        cJSON_AddStringToObject(i->dumps, stage, text);
}

/* ---- The report ----------------------------------------------------------------------------------------------- */

static void add_ios(cJSON *report, const char *name, const struct qn_session *session, bool inputs)
{
    size_t n = inputs ? qn_session_n_inputs(session) : qn_session_n_outputs(session);
    cJSON *list = cJSON_AddArrayToObject(report, name);

    for (size_t i = 0; i < n; i++) {
        const struct qn_io *io = inputs ? qn_session_input(session, i) : qn_session_output(session, i);
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "name", io->name);
        cJSON_AddStringToObject(item, "type", io->type_text);
        cJSON_AddItemToArray(list, item);
    }
}

static void add_counts(cJSON *report, const struct qn_graph *graph)
{
    cJSON *counts = cJSON_AddObjectToObject(report, "operators");

    for (const struct qn_node *node = graph->first; node; node = node->next) {
        char name[96];
        cJSON *count;

        snprintf(name, sizeof(name), "%.40s%s%.48s", node->op->domain, *node->op->domain ? ":" : "", node->op_name);
        count = cJSON_GetObjectItemCaseSensitive(counts, name);
        if (count)
            cJSON_SetNumberValue(count, count->valuedouble + 1);
        else
            cJSON_AddNumberToObject(counts, name, 1);
    }
}

/* plan: for the shapes in question; NULL when they are not enough for one. */
static void add_memory(cJSON *report, const struct qn_session *session, const struct qn_plan *plan)
{
    cJSON *item = cJSON_AddObjectToObject(report, "memory");
    struct qn_memory memory;

    qn_session_memory(session, &memory);
    cJSON_AddNumberToObject(item, "file_bytes", (double)memory.file_bytes);
    cJSON_AddNumberToObject(item, "weight_bytes", (double)memory.weight_bytes);
    cJSON_AddNumberToObject(item, "arena_bytes_per_context", plan ? (double)plan->arena_bytes : 0);
    cJSON_AddNumberToObject(item, "graph_bytes", (double)memory.graph_bytes);
}

static void add_model(cJSON *report, const struct qn_model *model)
{
    cJSON *opsets = cJSON_AddObjectToObject(report, "opsets");

    cJSON_AddNumberToObject(report, "ir_version", (double)model->ir_version);
    cJSON_AddStringToObject(report, "producer", model->producer ? model->producer : "");
    cJSON_AddStringToObject(report, "graph", model->graph_name ? model->graph_name : "");
    for (size_t i = 0; i < model->n_opsets; i++)
        if (!cJSON_HasObjectItem(opsets, *model->opsets[i].domain ? model->opsets[i].domain : "ai.onnx"))
            cJSON_AddNumberToObject(opsets, *model->opsets[i].domain ? model->opsets[i].domain : "ai.onnx",
                                    (double)model->opsets[i].version);
    cJSON_AddNumberToObject(report, "nodes_in_file", (double)model->n_nodes_in_file);
    cJSON_AddNumberToObject(report, "nodes", (double)model->graph->n_nodes);
}

/* ---- The plan ------------------------------------------------------------------------------------------------- */

static void print_place(const struct qn_plan *plan, const struct qn_var *var, struct qn_buf *buf)
{
    static const char *const names[] = {
        [QN_PLACE_NONE] = "run",    [QN_PLACE_CONST] = "const", [QN_PLACE_DYNAMIC] = "run",
        [QN_PLACE_INPUT] = "input", [QN_PLACE_ARENA] = "arena",
    };
    const struct qn_place *place = &plan->places[var->id];

    qn_buf_puts(buf, names[place->kind]);
    if (place->kind == QN_PLACE_INPUT)
        qn_buf_printf(buf, " %d", place->input);
    else if (place->kind == QN_PLACE_ARENA)
        qn_buf_printf(buf, " %zu+%zu", place->offset, place->bytes);
}

static void add_text(cJSON *item, const char *name, struct qn_buf *text)
{
    cJSON_AddStringToObject(item, name, text->data ? text->data : "");
    qn_buf_clear(text);
    if (text->data)
        text->data[0] = '\0';
}

static void add_step(cJSON *list, const struct qn_plan *plan, size_t index, struct qn_buf *text)
{
    const struct qn_step *step = &plan->steps[index];
    cJSON *item = cJSON_CreateObject(), *outputs;

    cJSON_AddItemToArray(list, item);
    cJSON_AddNumberToObject(item, "step", (double)index);
    cJSON_AddStringToObject(item, "op", step->node->op_name);
    cJSON_AddStringToObject(item, "node", step->node->name);
    cJSON_AddStringToObject(item, "kernel", step->kernel ? step->kernel->name : "while running");
    qn_plan_print_reasons(plan, step, text);
    add_text(item, "declined", text);
    cJSON_AddNumberToObject(item, "workspace_bytes", (double)step->workspace_bytes);
    outputs = cJSON_AddArrayToObject(item, "outputs");
    for (int i = 0; i < step->node->n_out; i++) {
        const struct qn_var *var = step->node->out[i];
        cJSON *output;

        if (!var)
            continue;
        output = cJSON_CreateObject();
        cJSON_AddItemToArray(outputs, output);
        cJSON_AddStringToObject(output, "name", var->name);
        qn_fact_print(text, &var->fact, plan->graph->symbols->names, plan->graph->symbols->n);
        add_text(output, "type", text);
        print_place(plan, var, text);
        add_text(output, "place", text);
    }
}

static void add_plan(cJSON *report, const struct qn_plan *plan)
{
    cJSON *list = cJSON_AddArrayToObject(report, "plan");
    struct qn_buf text;

    qn_buf_init(&text, 1 << 16);
    for (size_t s = 0; s < plan->n_steps; s++)
        add_step(list, plan, s, &text);
    qn_buf_deinit(&text);
}

/* For the shapes given, else for the declared ones with unknown dims as 1. */
static enum qn_status make_plan(const struct inspection *i, struct qn_session *session, struct qn_plan **plan,
                                struct qn_err *err)
{
    struct qn_arena arena;
    struct qn_value *values;
    enum qn_status status;

    if (i->inputs.shapes.n == 0)
        return qn_session_acquire_plan(session, NULL, plan, err);
    qn_arena_init(&arena, SIZE_MAX);
    values = qn_arena_array(&arena, qn_session_n_inputs(session), sizeof(*values));
    status = values ? qn_inputs_read(&i->inputs, session, &arena, values, err) : QN_NOMEM;
    if (status == QN_OK)
        status = qn_session_acquire_plan(session, values, plan, err);
    qn_arena_deinit(&arena);
    return status;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static const char *text_of(const cJSON *report, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(report, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

/* Columns of bytes, not of characters: close enough for names. */
static int widest(const cJSON *list, const char *name)
{
    int width = 0;

    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        int n = (int)strlen(name ? text_of(item, name) : item->string);

        width = n > width && n <= 60 ? n : width;
    }
    return width;
}

static void print_ios(const cJSON *report, const char *name)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(report, name);
    int width = widest(list, "name");

    printf("\n%s\n", name);
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        printf("  %-*s  %s\n", width, text_of(item, "name"), text_of(item, "type"));
}

static void print_memory(const cJSON *report)
{
    static const struct {
        const char *name, *title;
    } rows[] = {
        {"file_bytes", "model file"},
        {"weight_bytes", "prepared weights"},
        {"graph_bytes", "graph"},
        {"arena_bytes_per_context", "buffers, each context"},
    };
    const cJSON *memory = cJSON_GetObjectItemCaseSensitive(report, "memory");
    char size[QN_HUMAN_BYTES];

    printf("\nmemory\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(memory, rows[i].name);

        printf("  %-22s %10s\n", rows[i].title, qn_human_size(item ? item->valuedouble : 0, size));
    }
}

static void print_ops(const cJSON *report)
{
    const cJSON *counts = cJSON_GetObjectItemCaseSensitive(report, "operators");
    int width = widest(counts, NULL);

    printf("\noperators\n");
    for (const cJSON *item = counts ? counts->child : NULL; item; item = item->next)
        printf("  %-*s %6.0f\n", width, item->string, item->valuedouble);
}

static void print_plan(const cJSON *report)
{
    const cJSON *plan = cJSON_GetObjectItemCaseSensitive(report, "plan");
    int op = widest(plan, "op"), kernel = widest(plan, "kernel"), number = 0;

    printf("\nplan\n");
    for (const cJSON *step = plan ? plan->child : NULL; step; step = step->next, number++) {
        const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(step, "outputs");
        const char *declined = text_of(step, "declined");

        printf("  %4d  %-*s  %-*s", number, op, text_of(step, "op"), kernel, text_of(step, "kernel"));
        for (const cJSON *out = outputs ? outputs->child : NULL; out; out = out->next)
            printf("%s%s %s @ %s", out == outputs->child ? "  " : ", ", text_of(out, "name"), text_of(out, "type"),
                   text_of(out, "place"));
        printf("%s%s%s\n", *declined ? "  (" : "", declined, *declined ? ")" : "");
    }
}

static double number_of(const cJSON *report, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(report, name);

    return item ? item->valuedouble : 0;
}

static void print_summary(const cJSON *report)
{
    const cJSON *opsets = cJSON_GetObjectItemCaseSensitive(report, "opsets");

    if (*text_of(report, "graph"))
        printf("graph     %s\n", text_of(report, "graph"));
    if (*text_of(report, "producer"))
        printf("producer  %s\n", text_of(report, "producer"));
    printf("opsets   ");
    for (const cJSON *item = opsets->child; item; item = item->next)
        printf(" %s %.0f%s", item->string, item->valuedouble, item->next ? "," : "");
    printf(" (IR version %.0f)\nnodes     %.0f in the file, %.0f after rewriting\n", number_of(report, "ir_version"),
           number_of(report, "nodes_in_file"), number_of(report, "nodes"));
    print_ios(report, "inputs");
    print_ios(report, "outputs");
    print_memory(report);
}

static void print_report(const struct inspection *i, bool opened)
{
    const struct {
        bool wanted;
        void (*print)(const cJSON *report);
    } sections[] = {
        {!i->ops && !i->memory && !i->plan, print_summary},
        {i->ops, print_ops},
        {i->memory, print_memory},
        {i->plan, print_plan},
    };

    printf("model     %s\n", i->model);
    if (cJSON_GetArraySize(i->missing))
        printf("\nmissing\n");
    for (const cJSON *line = i->missing->child; line; line = line->next)
        printf("  %s\n", line->valuestring);
    for (size_t s = 0; opened && s < sizeof(sections) / sizeof(sections[0]); s++)
        if (sections[s].wanted)
            sections[s].print(i->report);
}

/* ---- All ------------------------------------------------------------------------------------------------------- */

/* Without a plan all the rest is told; that there is none is an error where it was asked for. */
static enum qn_status describe(struct inspection *i, struct qn_session *session, struct qn_err *err)
{
    struct qn_plan *plan = NULL;
    enum qn_status status = make_plan(i, session, &plan, err);

    add_model(i->report, qn_session_model(session));
    add_ios(i->report, "inputs", session, true);
    add_ios(i->report, "outputs", session, false);
    add_counts(i->report, qn_session_model(session)->graph);
    add_memory(i->report, session, plan);
    if (plan && i->plan)
        add_plan(i->report, plan);
    qn_plan_release(plan);
    return i->plan || i->inputs.shapes.n > 0 ? status : QN_OK;
}

static int inspect(struct inspection *i, struct qn_options *options)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct qn_session *session;
    enum qn_status status = qn_session_open(i->model, options, &session, &err), planned;
    bool opened = status == QN_OK;
    int code = opened ? QN_EXIT_OK : qn_fail(i->model, status, &err);

    cJSON_AddStringToObject(i->report, "model", i->model);
    if (opened) {
        planned = describe(i, session, &err);
        if (planned != QN_OK)
            code = qn_fail("plan", planned, &err);
        qn_session_close(session);
    }
    if (code == QN_EXIT_OK && options->dump && !i->dumped) {
        qn_complain("usage", "--dump: '%s' is no stage that the model goes through", options->dump);
        code = QN_EXIT_USAGE;
    }
    if (cJSON_GetArraySize(i->missing))
        cJSON_AddItemToObject(i->report, "missing", cJSON_Duplicate(i->missing, true));
    if (i->json && i->dumps->child)
        cJSON_AddItemToObject(i->report, "dumps", cJSON_Duplicate(i->dumps, true));
    if (!i->json)
        print_report(i, opened);
    else if (!qn_report_write("-", i->report))
        code = QN_EXIT_IO;
    return code == QN_EXIT_DATA ? QN_EXIT_MODEL : code;
}

int qn_cmd_inspect(int argc, char **argv)
{
    struct inspection i = {.inputs.random = true};
    struct qn_options options = {.missing_fn = add_missing, .missing_arg = &i, .dump_fn = take_stage, .dump_arg = &i};
    static const struct qn_usage usage = {
        "inspect", "MODEL", "Tells what a model takes, gives, needs and lacks.", 1, 1, "inspect takes one model",
    };
    struct qn_texts words;
    int code;
    const struct qn_flag flags[] = {
        {"json", QN_FLAG_BOOL, &i.json, 0, 0, NULL, "all of it as JSON; the plan with --plan"},
        {"ops", QN_FLAG_BOOL, &i.ops, 0, 0, NULL, "only this: operators and how often"},
        {"memory", QN_FLAG_BOOL, &i.memory, 0, 0, NULL, "only this: memory by kind"},
        {"plan", QN_FLAG_BOOL, &i.plan, 0, 0, NULL, "only this: steps, kernels, why others declined, buffers"},
        {"shape", QN_FLAG_TEXTS, &i.inputs.shapes, 0, 0, "NAME=1x3x8x8",
         "memory and plan for this input shape; repeat"},
        {"dump", QN_FLAG_TEXT, &options.dump, 0, 0, "STAGE",
         "the graph after import, fold, cse, fuse, ..., plan, or all"},
        {"threads", QN_FLAG_INT, &options.threads, 1, 1024, "N", "plan for so many threads (all CPUs)"},
        {"reference", QN_FLAG_BOOL, &options.reference, 0, 0, NULL, "plain reference kernels, no rewriting"},
        {NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL},
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    i.model = words.items[0];
    i.report = cJSON_CreateObject();
    i.missing = cJSON_CreateArray();
    i.dumps = cJSON_CreateObject();
    if (i.report && i.missing && i.dumps) {
        code = inspect(&i, &options);
    } else {
        qn_complain("inspect", "out of memory");
        code = qn_status_exit(QN_NOMEM);
    }
    cJSON_Delete(i.report);
    cJSON_Delete(i.missing);
    cJSON_Delete(i.dumps);
    qn_options_free(flags, &words);
    return code;
}
