/* cmd_run.c: `quern run`: one inference on files. Prints a short table of the outputs, or all their values as JSON; writes them to a
 * folder as .npy when asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cpu.h"
#include "server/codec/json_value.h"
#include "tensor/tensor.h"
#include "tools/cmd.h"
#include "tools/fail.h"
#include "tools/inputs.h"
#include "tools/npy.h"

enum { MAX_DATA = 2000000000, SHOWN = 8 };

struct run {
    struct qn_inputs inputs;
    struct qn_options options;
    const char *output, *format;
    double max_memory_mib, timeout_ms; /* 0: none */
};

static void print_table(const struct qn_session *session, const struct qn_value *outputs)
{
    for (size_t i = 0; i < qn_session_n_outputs(session); i++) {
        struct qn_buf text;

        qn_buf_init(&text, 1 << 20);
        qn_value_print(&text, &outputs[i], SHOWN);
        printf("%-24s %s\n", qn_session_output(session, i)->name, text.data ? text.data : "");
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
    if (status == QN_OK && (text.failed || fwrite(text.data, 1, text.n, stdout) != text.n || fflush(stdout)))
        status = qn_err_set(err, QN_IO, "standard output: %s", strerror(errno));
    qn_buf_deinit(&text);
    return status;
}

/* A file name from an output's name: letters, digits and a few signs stay. */
static void file_name(const char *folder, const char *name, size_t index, char *path, size_t size)
{
    char safe[128];
    size_t n = 0;

    for (; *name && n < sizeof(safe) - 1; name++)
        safe[n++] = strchr("/\\:\n\r\t \"'", *name) || (unsigned char)*name < 32 ? '_' : *name;
    safe[n] = '\0';
    if (n == 0 || safe[0] == '.')
        snprintf(safe, sizeof(safe), "output_%zu", index);
    snprintf(path, size, "%s/%s.npy", folder, safe);
}

static enum qn_status write_npy(const char *path, const struct qn_value *value, struct qn_err *err)
{
    struct qn_buf bytes;
    enum qn_status status;
    FILE *file;
    bool ok;

    QN_CHECK(value->kind == QN_TENSOR, err, UNSUPPORTED, "%s: only tensors can be written as .npy", path);
    qn_buf_init(&bytes, (size_t)4 << 30);
    status = qn_npy_print(&value->tensor, &bytes, err);
    if (status == QN_OK) {
        file = fopen(path, "wb");
        ok = file && fwrite(bytes.data, 1, bytes.n, file) == bytes.n;
        if (file)
            ok = fclose(file) == 0 && ok;
        if (!ok)
            status = qn_err_set(err, QN_IO, "%s: %s", path, strerror(errno));
    }
    qn_buf_deinit(&bytes);
    return status;
}

static enum qn_status write_outputs(const char *folder, const struct qn_session *session,
                                    const struct qn_value *outputs, struct qn_err *err)
{
    QN_CHECK(mkdir(folder, 0777) == 0 || errno == EEXIST, err, IO, "%s: %s", folder, strerror(errno));
    for (size_t i = 0; i < qn_session_n_outputs(session); i++) {
        char path[4400];

        file_name(folder, qn_session_output(session, i)->name, i, path, sizeof(path));
        QN_TRY(write_npy(path, &outputs[i], err));
    }
    return QN_OK;
}

static enum qn_status show(const struct run *run, const struct qn_session *session, const struct qn_value *outputs,
                           struct qn_err *err)
{
    if (run->output)
        QN_TRY(write_outputs(run->output, session, outputs, err));
    if (strcmp(run->format, "json") == 0)
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
    struct qn_control control = { 0 };
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
    struct qn_err err = { QN_OK, 0, { 0 }, { 0 }, { 0 } };
    struct qn_session *session;
    struct qn_arena arena;
    enum qn_status status;
    int code;

    run->options.max_memory = (size_t)(run->max_memory_mib * (1 << 20));
    session = qn_open_or_complain(run->inputs.model, &run->options, &code);
    if (!session)
        return code;
    qn_arena_init(&arena, MAX_DATA);
    status = run_once(run, session, &arena, &err);
    if (status != QN_OK)
        code = qn_fail(run->inputs.model, status, &err);
    qn_arena_deinit(&arena);
    qn_session_close(session);
    return status == QN_FORMAT ? QN_EXIT_DATA : code;
}

int qn_cmd_run(int argc, char **argv)
{
    struct run run = { .format = "table" };
    static const struct qn_usage usage = {
        "run", "MODEL", "Runs a model once and prints its outputs.", 1, 1, "run takes one model",
    };
    struct qn_texts words;
    int code;
    const struct qn_flag flags[] = {
        { "input", QN_FLAG_TEXTS, &run.inputs.files, 0, 0, "NAME=FILE", "a .npy or .pb file for an input; repeat" },
        { "data", QN_FLAG_TEXT, &run.inputs.data, 0, 0, "DIR", "a folder of input_*.pb" },
        { "random", QN_FLAG_BOOL, &run.inputs.random, 0, 0, NULL, "fill missing inputs with seeded random values" },
        { "shape", QN_FLAG_TEXTS, &run.inputs.shapes, 0, 0, "NAME=1x3x8x8", "shape of a random input; repeat" },
        { "seed", QN_FLAG_INT, &run.inputs.seed, 0, 2147483647, "N", "of the random values (0)" },
        { "output", QN_FLAG_TEXT, &run.output, 0, 0, "DIR", "write each output as .npy" },
        { "format", QN_FLAG_TEXT, &run.format, 0, 0, "table|json|npy", "what standard output gets (table)" },
        { "threads", QN_FLAG_INT, &run.options.threads, 1, 1024, "N", "compute threads (all CPUs)" },
        { "max-memory", QN_FLAG_NUMBER, &run.max_memory_mib, 0, 1e9, "MIB", "memory the model may take (what the process may)" },
        { "timeout-ms", QN_FLAG_NUMBER, &run.timeout_ms, 0, 1e12, "MS", "give up after this time (never)" },
        { "reference", QN_FLAG_BOOL, &run.options.reference, 0, 0, NULL, "plain reference kernels, no rewriting" },
        { NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL },
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    run.inputs.model = words.items[0];
    code = run_model(&run);
    qn_options_free(flags, &words);
    return code;
}
