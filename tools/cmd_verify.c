/* cmd_verify.c: `quern verify`: runs every test_data_set_* of models and compares outputs with what the files expect.
 * One row per data set; a model that cannot be loaded is a row too. Finding nothing to verify is a failure. */
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "tensor/compare.h"
#include "tools/cmd.h"
#include "tools/data.h"
#include "tools/format.h"
#include "tools/options.h"
#include "tools/report.h"

enum { TITLE_BYTES = 256, MAX_TITLE = 60 };

struct row {
    const char *model; /* as given */
    char data_set[64];
    const char *status; /* "pass", "fail", "unsupported", "error" */
    char reason[720];
    enum qn_status code;
    struct qn_difference worst;
    double ms;
};

struct job {
    const char *given; /* a folder or a model file */
    struct row *rows;
    size_t n_rows;
};

struct verification {
    struct qn_tolerance tolerance;
    const char *data; /* --data */
    struct qn_options options;
    struct job *jobs;
    size_t n_jobs;
    atomic_size_t next;
};

/* ---- One data set --------------------------------------------------------------------------------------------- */

static void refuse(struct row *row, enum qn_status code, const struct qn_err *err)
{
    row->code = code;
    row->status = code == QN_UNSUPPORTED ? "unsupported" : "error";
    if (err->node[0])
        snprintf(row->reason, sizeof(row->reason), "node '%s' (%s): %s", err->node, err->op, err->text);
    else
        snprintf(row->reason, sizeof(row->reason), "%s", err->text[0] ? err->text : qn_status_text(code));
}

static const struct qn_io **ios_of(const struct qn_session *session, bool inputs, struct qn_arena *arena, size_t *n)
{
    const struct qn_io **ios;

    *n = inputs ? qn_session_n_inputs(session) : qn_session_n_outputs(session);
    ios = qn_arena_array(arena, *n + 1, sizeof(*ios));
    for (size_t i = 0; ios && i < *n; i++)
        ios[i] = inputs ? qn_session_input(session, i) : qn_session_output(session, i);
    return ios;
}

static void keep_worst(struct qn_difference *worst, const struct qn_difference *one)
{
    if (one->max_abs > worst->max_abs || one->n_bad > worst->n_bad || worst->n == 0) {
        int64_t n = worst->n + one->n;

        *worst = *one;
        worst->n = n;
    } else {
        worst->n += one->n;
    }
}

static void compare_outputs(const struct verification *v, struct row *row, const struct qn_io *const *ios,
                            const struct qn_value *got, const struct qn_value *want, size_t n)
{
    row->status = "pass";
    for (size_t i = 0; i < n; i++) {
        struct qn_difference difference;

        qn_value_compare(&got[i], &want[i], v->tolerance, &difference);
        keep_worst(&row->worst, &difference);
        if (difference.equal || strcmp(row->status, "fail") == 0)
            continue;
        row->status = "fail";
        snprintf(row->reason, sizeof(row->reason), "output '%s': %s", ios[i]->name, difference.reason);
    }
}

static enum qn_status run_set(const struct verification *v, struct qn_session *session, const char *folder,
                              struct row *row, struct qn_arena *arena, struct qn_err *err)
{
    struct qn_context *context = NULL;
    size_t n_in, n_out;
    const struct qn_io **ins = ios_of(session, true, arena, &n_in), **outs = ios_of(session, false, arena, &n_out);
    struct qn_value *inputs = qn_arena_array(arena, n_in + 1, sizeof(*inputs));
    struct qn_value *wanted = qn_arena_array(arena, n_out + 1, sizeof(*wanted));
    struct qn_value *got = qn_arena_array(arena, n_out + 1, sizeof(*got));
    enum qn_status status;
    long long start;

    QN_CHECK_MEM(ins && outs && inputs && wanted && got ? row : NULL, err);
    QN_TRY(qn_data_read_set(folder, "input", ins, n_in, arena, inputs, err));
    QN_TRY(qn_data_read_set(folder, "output", outs, n_out, arena, wanted, err));
    QN_TRY(qn_context_create(session, &context, err));
    start = qn_now_ns();
    status = qn_run(context, inputs, got, NULL, err);
    row->ms = (double)(qn_now_ns() - start) / 1e6;
    if (status == QN_OK)
        compare_outputs(v, row, outs, got, wanted, n_out);
    qn_context_destroy(context);
    return status;
}

static void verify_set(const struct verification *v, struct qn_session *session, const char *folder, struct row *row)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    const char *slash = strrchr(folder, '/');
    struct qn_arena arena;
    enum qn_status status;

    snprintf(row->data_set, sizeof(row->data_set), "%s", slash && slash[1] ? slash + 1 : folder);
    qn_arena_init(&arena, QN_MAX_DATA);
    status = run_set(v, session, folder, row, &arena, &err);
    if (status != QN_OK)
        refuse(row, status, &err);
    qn_arena_deinit(&arena);
}

/* ---- One model ------------------------------------------------------------------------------------------------ */

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The model's file and the folder where its data sets are. */
static void split(const char *given, char *model, char *folder, size_t size)
{
    char *slash;

    snprintf(folder, size, "%s", given);
    if (is_folder(given)) {
        snprintf(model, size, "%s/model.onnx", given);
        return;
    }
    snprintf(model, size, "%s", given);
    slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    else
        snprintf(folder, size, ".");
}

static struct row *add_row(struct job *job)
{
    struct row *rows = realloc(job->rows, (job->n_rows + 1) * sizeof(*rows));

    if (!rows)
        return NULL;
    job->rows = rows;
    memset(&rows[job->n_rows], 0, sizeof(*rows));
    rows[job->n_rows].model = job->given;
    return &rows[job->n_rows++];
}

static void verify_sets(const struct verification *v, struct job *job, struct qn_session *session, const char *folder,
                        struct qn_arena *arena)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    enum qn_status status = QN_OK;
    char *only[1] = {(char *)v->data}, **sets = only;
    struct row *row;
    size_t n = 1;

    if (!v->data)
        status = qn_data_find_sets(folder, arena, &sets, &n, &err);
    if (status == QN_OK && n == 0)
        status = qn_err_set(&err, QN_IO, "no test_data_set_* folder and no inputs.npz beside the model");
    if (status != QN_OK) {
        if ((row = add_row(job)))
            refuse(row, status, &err);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if ((row = add_row(job)))
            verify_set(v, session, sets[i], row);
}

static void verify_model(const struct verification *v, struct job *job)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    char model[4200], folder[4200];
    struct qn_session *session;
    struct qn_arena arena;
    enum qn_status status;

    split(job->given, model, folder, sizeof(model));
    status = qn_session_open(model, &v->options, &session, &err);
    if (status != QN_OK) {
        struct row *row = add_row(job);

        /* A model whose own shapes contradict each other is a bad model, not bad data. */
        if (row)
            refuse(row, qn_status_exit(status) == QN_EXIT_DATA ? QN_FORMAT : status, &err);
        return;
    }
    qn_arena_init(&arena, QN_MAX_DATA);
    verify_sets(v, job, session, folder, &arena);
    qn_arena_deinit(&arena);
    qn_session_close(session);
}

/* ---- All of them ---------------------------------------------------------------------------------------------- */

static void show_progress(const struct verification *v, size_t done)
{
    int n = v->n_jobs ? (int)(done * 30 / v->n_jobs) : 0;

    fprintf(stderr, "\r[%.*s%.*s] %zu/%zu", n, "##############################", 30 - n,
            "..............................", done, v->n_jobs);
    if (done == v->n_jobs)
        fprintf(stderr, "\r\033[K");
}

static void *work(void *arg)
{
    struct verification *v = arg;
    bool show = isatty(STDERR_FILENO) && v->n_jobs > 1;
    size_t i;

    while ((i = atomic_fetch_add(&v->next, 1)) < v->n_jobs) {
        verify_model(v, &v->jobs[i]);
        if (show)
            show_progress(v, i + 1);
    }
    return NULL;
}

enum { MAX_WORKERS = 64, WORKER_STACK = 8 << 20 };

static void run_jobs(struct verification *v, int n_workers)
{
    pthread_t threads[MAX_WORKERS];
    pthread_attr_t attr;
    int n = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK);
    while (n < n_workers - 1 && pthread_create(&threads[n], &attr, work, v) == 0)
        n++;
    work(v);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_attr_destroy(&attr);
}

/* ---- Reports -------------------------------------------------------------------------------------------------- */

static void add_numbers(cJSON *item, const struct qn_difference *d)
{
    cJSON_AddNumberToObject(item, "elements", (double)d->n);
    cJSON_AddNumberToObject(item, "bad", (double)d->n_bad);
    cJSON_AddNumberToObject(item, "first_bad", (double)d->first_bad);
    cJSON_AddNumberToObject(item, "nan", (double)d->n_nan);
    cJSON_AddNumberToObject(item, "max_abs", d->max_abs);
    cJSON_AddNumberToObject(item, "max_rel", d->max_rel);
    cJSON_AddNumberToObject(item, "max_ulp", d->max_ulp);
    cJSON_AddNumberToObject(item, "cosine", d->cosine);
}

static bool write_json(const struct verification *v, const char *path)
{
    cJSON *report = cJSON_CreateObject(), *cases = cJSON_AddArrayToObject(report, "cases");
    bool written;

    for (size_t j = 0; j < v->n_jobs; j++) {
        for (size_t r = 0; r < v->jobs[j].n_rows; r++) {
            const struct row *row = &v->jobs[j].rows[r];
            cJSON *item = cJSON_CreateObject();

            cJSON_AddStringToObject(item, "model", row->model);
            cJSON_AddStringToObject(item, "data_set", row->data_set);
            cJSON_AddStringToObject(item, "status", row->status);
            if (row->reason[0])
                cJSON_AddStringToObject(item, "reason", row->reason);
            if (row->worst.n)
                add_numbers(item, &row->worst);
            cJSON_AddNumberToObject(item, "ms", row->ms);
            cJSON_AddItemToArray(cases, item);
        }
    }
    written = qn_report_write(path, report);
    cJSON_Delete(report);
    return written;
}

/* What a row is called: the folder of a model.onnx, else the file's name, and the data set. */
static void make_title(const struct row *row, char *title, size_t size)
{
    const char *given = row->model, *set = row->data_set, *start, *end = given + strlen(given);

    while (end > given + 1 && end[-1] == '/')
        end--;
    if (end - given > 11 && memcmp(end - 11, "/model.onnx", 11) == 0)
        end -= 11;
    for (start = end; start > given && start[-1] != '/';)
        start--;
    if (strncmp(set, "test_data_set_", 14) == 0)
        set += 14;
    snprintf(title, size, "%.*s%s%s", (int)(end - start), start, *set ? " " : "", set);
}

static int title_width(const struct verification *v)
{
    int width = 5;

    for (size_t j = 0; j < v->n_jobs; j++)
        for (size_t r = 0; r < v->jobs[j].n_rows; r++) {
            char title[TITLE_BYTES];
            int n;

            make_title(&v->jobs[j].rows[r], title, sizeof(title));
            n = (int)strlen(title);
            width = n > width && n <= MAX_TITLE ? n : width;
        }
    return width;
}

static void print_row(const struct row *row, int width)
{
    bool colour = isatty(STDOUT_FILENO), pass = strcmp(row->status, "pass") == 0;
    const char *on = !colour ? "" : pass ? "\033[32m" : "\033[31m", *off = colour ? "\033[0m" : "";
    char title[TITLE_BYTES];

    make_title(row, title, sizeof(title));
    printf("%s%-11s%s  %-*s", on, row->status, off, width, title);
    if (row->worst.n)
        printf("  %9.3g  %9.3g  %9.3g  %11.9f  %9.4g", row->worst.max_abs, row->worst.max_rel, row->worst.max_ulp,
               row->worst.cosine, row->ms);
    printf("%s%s\n", row->reason[0] ? "  " : "", row->reason);
}

/* 0 only when something was verified and all of it passed; else the code of the worst kind of failure. */
static int summarise(const struct verification *v)
{
    size_t n = 0, n_pass = 0;
    int code = QN_EXIT_OK, width = title_width(v);

    printf("%-11s  %-*s  %9s  %9s  %9s  %11s  %9s\n", "result", width, "model", "max abs", "max rel", "max ulp",
           "cosine", "ms");
    for (size_t j = 0; j < v->n_jobs; j++) {
        for (size_t r = 0; r < v->jobs[j].n_rows; r++, n++) {
            const struct row *row = &v->jobs[j].rows[r];
            int own = strcmp(row->status, "fail") == 0 ? QN_EXIT_DIFFERENT : qn_status_exit(row->code);

            print_row(row, width);
            if (row->status[0] != 'p' && row->status[0] != 'f')
                qn_complain(row->model, "%s%s%s", row->data_set, row->data_set[0] ? ": " : "", row->reason);
            n_pass += strcmp(row->status, "pass") == 0;
            if (own && (!code || own == QN_EXIT_DIFFERENT))
                code = own;
        }
    }
    printf("%zu of %zu data sets pass\n", n_pass, n);
    return n == 0 ? QN_EXIT_DIFFERENT : code;
}

static int verify_all(struct verification *v, int n_workers, const char *json)
{
    int code;

    if (!v->jobs) {
        qn_complain("verify", "out of memory");
        return qn_status_exit(QN_NOMEM);
    }
    run_jobs(v, n_workers);
    code = summarise(v);
    if (json && !write_json(v, json))
        code = QN_EXIT_IO;
    for (size_t i = 0; i < v->n_jobs; i++)
        free(v->jobs[i].rows);
    free(v->jobs);
    return code;
}

int qn_cmd_verify(int argc, char **argv)
{
    struct verification v = {.tolerance = {.rtol = 1e-3, .atol = 1e-5}, .options = {.threads = 1}};
    static const struct qn_usage usage = {
        "verify",
        "DIR|MODEL...",
        "Runs every test_data_set_*, or inputs.npz with outputs.npz, beside a model and compares.",
        1,
        -1,
        "verify needs a model, or a folder with a model.onnx",
    };
    const char *json = NULL;
    struct qn_texts words;
    int jobs = 1, code;
    const struct qn_flag flags[] = {
        {"data", QN_FLAG_TEXT, &v.data, 0, 0, "DIR",
         "one folder of input_*.pb and output_*.pb, or of inputs.npz and outputs.npz"},
        {"rtol", QN_FLAG_NUMBER, &v.tolerance.rtol, 0, 1e9, "R", "relative tolerance (0.001)"},
        {"atol", QN_FLAG_NUMBER, &v.tolerance.atol, 0, 1e9, "A", "absolute tolerance (0.00001)"},
        {"ulp", QN_FLAG_NUMBER, &v.tolerance.ulp, 0, 1e9, "N", "also accept this many units in the last place"},
        {"threads", QN_FLAG_INT, &v.options.threads, 1, 1024, "N", "compute threads of one run (1)"},
        {"jobs", QN_FLAG_INT, &jobs, 1, MAX_WORKERS, "N", "models verified at a time (1)"},
        {"json", QN_FLAG_TEXT, &json, 0, 0, "FILE", "write a report"},
        {"reference", QN_FLAG_BOOL, &v.options.reference, 0, 0, NULL,
         "run the plain reference kernels, without rewriting"},
        {NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL},
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    v.n_jobs = (size_t)words.n;
    v.jobs = calloc(v.n_jobs, sizeof(*v.jobs));
    for (int i = 0; v.jobs && i < words.n; i++)
        v.jobs[i].given = words.items[i];
    code = verify_all(&v, jobs, json);
    qn_options_free(flags, &words);
    return code;
}
