/* cmd_bench.c: `quern bench`: times runs of a model in this process, after a warm-up, each run by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cpu.h"
#include "tools/cmd.h"
#include "tools/fail.h"
#include "tools/format.h"
#include "tools/human.h"
#include "tools/inputs.h"
#include "tools/report.h"

enum { MAX_RUNS = 4000000, LEAST_RUNS = 3 };

struct bench {
    struct qn_inputs inputs;
    struct qn_options options;
    double seconds;
    bool json;
    double load_ms, *times;
    size_t n_runs;
};

static double now_ms(void) { return (double)qn_now_ns() / 1e6; }

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct job {
    struct qn_context *context;
    struct qn_value *inputs, *outputs;
    size_t n_outputs;
};

/* What the run before handed out is cleared, or it would be taken for memory to copy outputs to. */
static enum qn_status run_once(const struct job *job, struct qn_err *err)
{
    memset(job->outputs, 0, job->n_outputs * sizeof(*job->outputs));
    return qn_run(job->context, job->inputs, job->outputs, NULL, err);
}

/* A tenth of the time warms up, at least one run. */
static enum qn_status measure(struct bench *bench, const struct job *job, struct qn_err *err)
{
    double start = now_ms(), end = start + bench->seconds * 100;

    do
        QN_TRY(run_once(job, err));
    while (now_ms() < end);
    end = now_ms() + bench->seconds * 1000;
    for (bench->n_runs = 0; bench->n_runs < MAX_RUNS && (bench->n_runs < LEAST_RUNS || now_ms() < end);) {
        long long before = qn_now_ns();

        QN_TRY(run_once(job, err));
        bench->times[bench->n_runs++] = (double)(qn_now_ns() - before) / 1e6;
    }
    qsort(bench->times, bench->n_runs, sizeof(*bench->times), by_value);
    return QN_OK;
}

static void add_results(const struct bench *bench, cJSON *report)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    cJSON_AddStringToObject(report, "model", bench->inputs.model);
    cJSON_AddNumberToObject(report, "threads", bench->options.threads);
    cJSON_AddNumberToObject(report, "load_ms", bench->load_ms);
    cJSON_AddNumberToObject(report, "min_ms", bench->times[0]);
    cJSON_AddNumberToObject(report, "median_ms", bench->times[bench->n_runs / 2]);
    cJSON_AddNumberToObject(report, "p99_ms", bench->times[bench->n_runs * 99 / 100]);
    cJSON_AddNumberToObject(report, "runs", (double)bench->n_runs);
    cJSON_AddNumberToObject(report, "rss_peak_kb", (double)usage.ru_maxrss);
}

static void print_table(const struct bench *bench, const cJSON *results)
{
    static const struct {
        const char *title, *name;
        const char *(*print)(double x, char text[QN_HUMAN_BYTES]);
        double scale;
    } rows[] = {
        {"load", "load_ms", qn_human_ms, 1},
        {"fastest run", "min_ms", qn_human_ms, 1},
        {"median run", "median_ms", qn_human_ms, 1},
        {"99 % of runs", "p99_ms", qn_human_ms, 1},
        {"peak memory", "rss_peak_kb", qn_human_size, 1024},
    };
    char text[QN_HUMAN_BYTES];

    printf("model         %s\nthreads       %d\nruns          %zu\n", bench->inputs.model, bench->options.threads,
           bench->n_runs);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(results, rows[i].name);

        printf("%-12s  %s\n", rows[i].title, rows[i].print(item ? item->valuedouble * rows[i].scale : 0, text));
    }
}

static int report(const struct bench *bench)
{
    cJSON *results = cJSON_CreateObject();
    bool ok = true;

    add_results(bench, results);
    if (bench->json)
        ok = qn_report_write("-", results);
    else
        print_table(bench, results);
    cJSON_Delete(results);
    return ok ? QN_EXIT_OK : QN_EXIT_IO;
}

static enum qn_status run_bench(struct bench *bench, struct qn_session *session, struct qn_arena *arena, double start,
                                struct qn_err *err)
{
    struct job job = {.n_outputs = qn_session_n_outputs(session)};
    enum qn_status status;

    job.inputs = qn_arena_array(arena, qn_session_n_inputs(session) + 1, sizeof(*job.inputs));
    job.outputs = qn_arena_array(arena, job.n_outputs + 1, sizeof(*job.outputs));
    QN_CHECK_MEM(job.inputs && job.outputs && bench->times ? bench : NULL, err);
    QN_TRY(qn_context_create(session, &job.context, err));
    bench->load_ms = now_ms() - start;
    status = qn_inputs_read(&bench->inputs, session, arena, job.inputs, err);
    if (status == QN_OK)
        status = measure(bench, &job, err);
    qn_context_destroy(job.context);
    return status;
}

static int bench_model(struct bench *bench)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    double start = now_ms();
    struct qn_session *session;
    struct qn_arena arena;
    enum qn_status status;
    int code;

    session = qn_open_or_complain(bench->inputs.model, &bench->options, &code);
    if (!session)
        return code;
    qn_arena_init(&arena, QN_MAX_DATA);
    bench->times = malloc(MAX_RUNS * sizeof(*bench->times));
    status = run_bench(bench, session, &arena, start, &err);
    code = status == QN_OK ? report(bench) : qn_fail(bench->inputs.model, status, &err);
    free(bench->times);
    qn_arena_deinit(&arena);
    qn_session_close(session);
    return code;
}

int qn_cmd_bench(int argc, char **argv)
{
    struct bench bench = {.inputs = {.random = true, .beside = true}, .seconds = 3};
    static const struct qn_usage usage = {
        "bench", "MODEL", "Times a model. Inputs: --data, else test_data_set_0 beside it, else random.",
        1,       1,       "bench takes one model",
    };
    struct qn_texts words;
    int code;
    const struct qn_flag flags[] = {
        {"threads", QN_FLAG_INT, &bench.options.threads, 1, 1024, "N", "compute threads (all CPUs)"},
        {"seconds", QN_FLAG_NUMBER, &bench.seconds, 0.01, 3600, "S", "how long to measure (3)"},
        {"data", QN_FLAG_TEXT, &bench.inputs.data, 0, 0, "DIR",
         "inputs from a folder of input_*.pb, or with an inputs.npz"},
        {"shape", QN_FLAG_TEXTS, &bench.inputs.shapes, 0, 0, "NAME=1x3x8x8", "random input of this shape; repeat"},
        {"seed", QN_FLAG_INT, &bench.inputs.seed, 0, 2147483647, "N", "of the random values (0)"},
        {"reference", QN_FLAG_BOOL, &bench.options.reference, 0, 0, NULL, "plain reference kernels, no rewriting"},
        {"json", QN_FLAG_BOOL, &bench.json, 0, 0, NULL, "as JSON"},
        {NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL},
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    bench.inputs.model = words.items[0];
    if (bench.options.threads == 0)
        bench.options.threads = qn_cpu_count();
    code = bench_model(&bench);
    qn_options_free(flags, &words);
    return code;
}
