/* cmd_run.c: `quern run`: one inference on files. Prints a short table of the outputs, or all their values as JSON;
 * writes them to a folder when asked. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "server/codec/json_value.h"
#include "tensor/tensor.h"
#include "tools/cmd.h"
#include "tools/fail.h"
#include "tools/format.h"
#include "tools/inputs.h"
#include "tools/outputs.h"
#include "tools/report.h"

enum { SHOWN = 8 };

struct run {
    struct qn_inputs inputs;
    struct qn_options options;
    const char *output, *format;
    double max_memory_mib, timeout_ms; /* 0: none */
};

static void print_table(const struct qn_session *session, const struct qn_value *outputs)
{
    int width = 0;

    for (size_t i = 0; i < qn_session_n_outputs(session); i++) {
        int n = (int)strlen(qn_session_output(session, i)->name);

        width = n > width && n <= 60 ? n : width;
    }
    for (size_t i = 0; i < qn_session_n_outputs(session); i++) {
        struct qn_buf text;

        qn_buf_init(&text, 1 << 20);
        qn_value_print(&text, &outputs[i], SHOWN);
        printf("%-*s  %s\n", width, qn_session_output(session, i)->name, text.data ? text.data : "");
        qn_buf_deinit(&text);
    }
}

/* {"outputs":{name: values, ...}} */
static enum qn_status print_json(const struct qn_session *session, const struct qn_value *outputs, struct qn_err *err)
{
    struct qn_buf text;
    enum qn_status status = QN_OK;

    qn_buf_init(&text, (size_t)4 << 30);
    qn_buf_puts(&text, "{\"outputs\":{");
    for (size_t i = 0; status == QN_OK && i < qn_session_n_outputs(session); i++) {
        const char *name = qn_session_output(session, i)->name;

        qn_buf_puts(&text, i ? "," : "");
        qn_buf_json_string(&text, name, strlen(name));
        qn_buf_puts(&text, ":");
        status = qn_json_put_value(&text, &outputs[i], QN_NAN_NULL, name, err);
    }
    qn_buf_puts(&text, "}}\n");
    if (status == QN_OK && text.failed)
        status = qn_err_set(err, QN_LIMIT, "the outputs are too large to print");
    if (status == QN_OK)
        status = qn_report_bytes("-", text.data, text.n, err);
    qn_buf_deinit(&text);
    return status;
}

static enum qn_status show(const struct run *run, const struct qn_session *session, const struct qn_value *outputs,
                           struct qn_err *err)
{
    bool table = strcmp(run->format, "table") == 0;

    if (run->output)
        QN_TRY(qn_outputs_write(run->output, table ? "npy" : run->format, session, outputs, err));
    else if (!table)
        return print_json(session, outputs, err);
    print_table(session, outputs);
    return QN_OK;
}

static enum qn_status run_once(const struct run *run, struct qn_session *session, struct qn_arena *arena,
                               struct qn_err *err)
{
    struct qn_value *inputs = qn_arena_array(arena, qn_session_n_inputs(session) + 1, sizeof(*inputs));
    struct qn_value *outputs = qn_arena_array(arena, qn_session_n_outputs(session) + 1, sizeof(*outputs));
    struct qn_context *context = NULL;
    struct qn_control control = {0};
    enum qn_status status;

    QN_CHECK_MEM(inputs && outputs ? arena : NULL, err);
    QN_TRY(qn_inputs_read(&run->inputs, session, arena, inputs, err));
    QN_TRY(qn_context_create(session, &context, err));
    control.deadline_ns = run->timeout_ms > 0 ? qn_now_ns() + (int64_t)(run->timeout_ms * 1e6) : 0;
    status = qn_run(context, inputs, outputs, &control, err);
    if (status == QN_OK)
        status = show(run, session, outputs, err);
    qn_context_destroy(context);
    return status;
}

static int run_model(struct run *run)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct qn_session *session;
    struct qn_arena arena;
    enum qn_status status;
    int code;

    run->options.max_memory = (size_t)(run->max_memory_mib * (1 << 20));
    session = qn_open_or_complain(run->inputs.model, &run->options, &code);
    if (!session)
        return code;
    qn_arena_init(&arena, QN_MAX_DATA);
    status = run_once(run, session, &arena, &err);
    if (status != QN_OK)
        code = qn_fail(run->inputs.model, status, &err);
    qn_arena_deinit(&arena);
    qn_session_close(session);
    return status == QN_FORMAT ? QN_EXIT_DATA : code;
}

static bool format_is_known(const struct run *run)
{
    static const struct {
        const char *name;
        bool prints; /* without --output */
    } formats[] = {{"table", true}, {"json", true}, {"npy", false}, {"npz", false}, {"pb", false}};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, run->format) != 0)
            continue;
        if (!run->output && !formats[i].prints)
            qn_complain("usage", "--format %s needs --output DIR", run->format);
        return run->output || formats[i].prints;
    }
    qn_complain("usage", "--format is table, json, npy, npz or pb, not '%s'", run->format);
    return false;
}

int qn_cmd_run(int argc, char **argv)
{
    struct run run = {.format = "table"};
    static const struct qn_usage usage = {
        "run", "MODEL", "Runs a model once and prints its outputs.", 1, 1, "run takes one model",
    };
    struct qn_texts words;
    int code;
    const struct qn_flag flags[] = {
        {"input", QN_FLAG_TEXTS, &run.inputs.files, 0, 0, "NAME=FILE",
         "a .npy, .npz, .pb or .json file for an input; FILE.npz:KEY for one array; FILE.npz alone for inputs by key; "
         "repeat"},
        {"data", QN_FLAG_TEXT, &run.inputs.data, 0, 0, "DIR", "a folder of input_*.pb, or with an inputs.npz"},
        {"random", QN_FLAG_BOOL, &run.inputs.random, 0, 0, NULL, "fill missing inputs with seeded random values"},
        {"shape", QN_FLAG_TEXTS, &run.inputs.shapes, 0, 0, "NAME=1x3x8x8", "shape of a random input; repeat"},
        {"seed", QN_FLAG_INT, &run.inputs.seed, 0, 2147483647, "N", "of the random values (0)"},
        {"output", QN_FLAG_TEXT, &run.output, 0, 0, "DIR", "write the outputs to files of this folder"},
        {"format", QN_FLAG_TEXT, &run.format, 0, 0, "FORMAT",
         "of the files: npy (default), npz, pb, json; without --output: table (default) or json"},
        {"threads", QN_FLAG_INT, &run.options.threads, 1, 1024, "N", "compute threads (all CPUs)"},
        {"max-memory", QN_FLAG_NUMBER, &run.max_memory_mib, 0, 1e9, "MIB",
         "memory the model may take (what the process may)"},
        {"timeout-ms", QN_FLAG_NUMBER, &run.timeout_ms, 0, 1e12, "MS", "give up after this time (never)"},
        {"reference", QN_FLAG_BOOL, &run.options.reference, 0, 0, NULL, "plain reference kernels, no rewriting"},
        {NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL},
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    run.inputs.model = words.items[0];
    code = format_is_known(&run) ? run_model(&run) : QN_EXIT_USAGE;
    qn_options_free(flags, &words);
    return code;
}
