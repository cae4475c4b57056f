/* cmd_inspect.c: `quern inspect`: what a model takes, gives and needs; all that is missing; memory; the plan; dumps of
 * stages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "import/import.h"
#include "ops/op.h"
#include "session.h"
#include "tools/cmd.h"
#include "tools/fail.h"
#include "tools/options.h"
#include "tools/report.h"

struct inspection {
    const char *model;
    bool json, ops, plan, memory;
    cJSON *report, *missing;
};

static void add_missing(void *arg, const char *line)
{
    cJSON_AddItemToArray(((struct inspection *)arg)->missing, cJSON_CreateString(line));
}

static void print_stage(void *arg, const char *stage, const char *text)
{
    (void)arg;
    printf("== %s\n%s", stage, text);
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

static void add_memory(cJSON *report, struct qn_session *session)
{
    cJSON *item = cJSON_AddObjectToObject(report, "memory");
    struct qn_memory memory;

    qn_session_memory(session, &memory);
    cJSON_AddNumberToObject(item, "file_bytes", (double)memory.file_bytes);
    cJSON_AddNumberToObject(item, "weight_bytes", (double)memory.weight_bytes);
    cJSON_AddNumberToObject(item, "arena_bytes_per_context", (double)memory.arena_bytes);
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

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void print_item(const cJSON *item)
{
    if (cJSON_IsNumber(item))
        printf("%.15g", item->valuedouble);
    else if (cJSON_IsString(item))
        printf("%s", item->valuestring);
}

static void print_text(const cJSON *report)
{
    for (const cJSON *part = report->child; part; part = part->next) {
        if (!part->child) {
            printf("%-14s ", part->string);
            print_item(part);
            printf("\n");
            continue;
        }
        printf("%s\n", part->string);
        for (const cJSON *item = part->child; item; item = item->next) {
            if (item->child) {
                printf("  %-24s %s\n", item->child->valuestring, item->child->next->valuestring);
                continue;
            }
            if (item->string)
                printf("  %-24s ", item->string);
            else
                printf("  ");
            print_item(item);
            printf("\n");
        }
    }
}

static int print_plan(struct qn_session *session)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct qn_buf text;
    enum qn_status status;

    qn_buf_init(&text, (size_t)256 << 20);
    status = qn_session_print_plan(session, NULL, &text, &err);
    if (status == QN_OK)
        fputs(text.data ? text.data : "", stdout);
    qn_buf_deinit(&text);
    return status == QN_OK ? QN_EXIT_OK : qn_fail("plan", status, &err);
}

static void describe(struct inspection *i, struct qn_session *session)
{
    struct qn_context *context = NULL;

    add_model(i->report, qn_session_model(session));
    add_ios(i->report, "inputs", session, true);
    add_ios(i->report, "outputs", session, false);
    add_counts(i->report, qn_session_model(session)->graph);
    qn_context_create(session, &context, NULL); /* so that the plan for the declared shapes is counted */
    add_memory(i->report, session);
    qn_context_destroy(context);
}

static int inspect(struct inspection *i, struct qn_options *options)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct qn_session *session;
    enum qn_status status;
    int code = QN_EXIT_OK;

    cJSON_AddStringToObject(i->report, "model", i->model);
    status = qn_session_open(i->model, options, &session, &err);
    if (status == QN_OK)
        describe(i, session);
    else
        code = qn_fail(i->model, status, &err);
    if (cJSON_GetArraySize(i->missing))
        cJSON_AddItemToObject(i->report, "missing", cJSON_Duplicate(i->missing, true));
    if (i->json)
        code = qn_report_write("-", i->report) ? code : QN_EXIT_IO;
    else
        print_text(i->report);
    if (status == QN_OK && i->plan)
        code = print_plan(session);
    if (status == QN_OK)
        qn_session_close(session);
    return code == QN_EXIT_DATA ? QN_EXIT_MODEL : code;
}

int qn_cmd_inspect(int argc, char **argv)
{
    struct inspection i = {0};
    struct qn_options options = {.missing_fn = add_missing, .missing_arg = &i, .dump_fn = print_stage};
    static const struct qn_usage usage = {
        "inspect", "MODEL", "Tells what a model takes, gives, needs and lacks.", 1, 1, "inspect takes one model",
    };
    struct qn_texts words;
    int code;
    const struct qn_flag flags[] = {
        {"json", QN_FLAG_BOOL, &i.json, 0, 0, NULL, "as JSON"},
        {"ops", QN_FLAG_BOOL, &i.ops, 0, 0, NULL, "operators and how often (always shown)"},
        {"memory", QN_FLAG_BOOL, &i.memory, 0, 0, NULL, "memory by kind (always shown)"},
        {"plan", QN_FLAG_BOOL, &i.plan, 0, 0, NULL, "steps, kernels, why others declined, buffers"},
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
    code = inspect(&i, &options);
    cJSON_Delete(i.report);
    cJSON_Delete(i.missing);
    qn_options_free(flags, &words);
    return code;
}
