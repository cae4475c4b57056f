/* serve.c: the server as a whole: settings into parts, start, signals, the orderly end. The composition root of this
 * folder. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/log.h"
#include "server/listen.h"
#include "server/route.h"

enum {
    MIN_WORKERS = 192,     /* connections served at a time, when as many are allowed; others take turns */
    RESERVED_WORKERS = 16, /* never waiting for a run, so that probes are answered */
    BACKLOG = 1024,
    HEADER_MS = 10000,
    IDLE_MS = 60000,
    BODY_MS = 10000,
    WRITE_MS = 30000,
    BODY_BYTES_PER_MS = 64, /* what a client must send or take beyond that time */
    GRACE_MS = 1000,        /* still listening after SIGTERM, as others take a moment to hear of it */
    SETTLE_MS = 250,        /* for the first request of those who have connected by then */
    REPEAT_MS = 100,        /* in which a second signal is the same: sent to a group, and passed on by a parent */
    CANCEL_MS = 500         /* for cancelled runs to end */
};

static int complain(enum qn_status status, const char *what, const char *why)
{
    fprintf(stderr, "quern: %s: %s\n", what, why);
    return qn_status_exit(status);
}

/* ---- parts ---- */

/* The model named, the bundled one, or where hosts put models. */
static enum qn_status choose_model(const struct qn_server_config *config, struct qn_repo_options *options,
                                   struct qn_err *err)
{
    static const char *const usual[] = {"/mnt/models", "/opt/ml/model"};
    struct stat status;

    options->path = config->model;
    options->name = config->name;
    if (config->model != NULL)
        return QN_OK;
    if (config->bundle != NULL) {
        options->bytes = config->bundle;
        options->n_bytes = config->n_bundle;
        return QN_OK;
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (stat(usual[i], &status) == 0) {
            options->path = usual[i];
            return QN_OK;
        }
    QN_FAIL(err, ARG, "no model given, and neither /mnt/models nor /opt/ml/model is there");
}

static int count_workers(const struct qn_server_config *config)
{
    int64_t share = config->max_connections / 8;
    int64_t n = share > MIN_WORKERS ? share : MIN_WORKERS;

    return (int)(n < config->max_connections ? n : config->max_connections) + RESERVED_WORKERS;
}

static enum qn_status open_repo(struct qn_server *server, size_t max_memory, struct qn_err *err)
{
    const struct qn_server_config *config = server->config;
    int threads = config->threads == QN_AUTO ? qn_cpu_count() : (int)config->threads;
    int most_waiting = count_workers(config) - RESERVED_WORKERS;
    struct qn_repo_options options = {
        .threads = threads,
        .max_waiting = config->queue == QN_AUTO || config->queue > most_waiting ? most_waiting : (int)config->queue,
        .max_memory = max_memory,
        .max_batch = (size_t)config->max_batch,
        .max_body = config->max_body == QN_AUTO ? 0 : (size_t)config->max_body,
    };

    QN_TRY(choose_model(config, &options, err));
    return qn_repo_open(&options, &server->repo, err);
}

/* The first line of the file, without white space around it. */
static enum qn_status read_token(struct qn_server *server, struct qn_err *err)
{
    enum { MAX_TOKEN = 4096 };
    const char *path = server->config->token_file;
    struct qn_file file = {NULL, 0, NULL, 0};
    const char *begin;
    size_t n;

    if (path == NULL)
        return QN_OK;
    QN_TRY(qn_file_map(path, &file, err));
    begin = (const char *)file.data;
    for (n = 0; n < file.n && n < MAX_TOKEN && begin[n] > ' ' && begin[n] < 0x7f; n++)
        continue;
    server->token = n == 0 || n == MAX_TOKEN ? NULL : strndup(begin, n);
    server->n_token = n;
    qn_file_unmap(&file);
    QN_CHECK(server->token != NULL, err, ARG, "%s does not begin with a token of 1 to %d visible characters", path,
             MAX_TOKEN - 1);
    return QN_OK;
}

static size_t largest_body(const struct qn_repo *repo)
{
    size_t most = 0;

    for (size_t i = 0; i < qn_repo_n_models(repo); i++)
        if (qn_repo_model(repo, i)->max_body > most)
            most = qn_repo_model(repo, i)->max_body;
    return most;
}

static enum qn_status open_listeners(const struct qn_server_config *config, struct qn_listener *listeners, size_t *n,
                                     struct qn_err *err)
{
    for (*n = 0; *n < config->n_listen; (*n)++)
        QN_TRY(qn_listen_open(config->listen[*n], BACKLOG, &listeners[*n], err));
    return QN_OK;
}

static enum qn_status start_http(struct qn_server *server, size_t max_memory, struct qn_listener *listeners,
                                 size_t n_listeners, struct qn_err *err)
{
    struct qn_http_app app = {server, qn_route_accept, qn_route_handle, qn_route_decorate, qn_route_finish};
    size_t max_body = largest_body(server->repo);
    int n_workers = count_workers(server->config);
    int64_t n_waiting = server->config->max_connections + RESERVED_WORKERS - n_workers;
    struct qn_http_options options = {
        .listeners = listeners,
        .n_listeners = n_listeners,
        .n_workers = n_workers,
        .n_waiting = n_waiting < RESERVED_WORKERS ? RESERVED_WORKERS : (int)n_waiting,
        .header_ms = HEADER_MS,
        .idle_ms = IDLE_MS,
        .body_ms = BODY_MS,
        .body_bytes_per_ms = BODY_BYTES_PER_MS,
        .write_ms = WRITE_MS,
        .max_request_memory = 16 * max_body + ((size_t)64 << 20),
        .max_memory = max_memory / 4 > 2 * max_body ? max_memory / 4 : 2 * max_body,
    };

    return qn_http_start(&options, &app, &server->http, err);
}

/* ---- the start-up line ---- */

static void put_size(struct qn_buf *line, size_t n)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)n;
    int unit = 0;

    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    qn_buf_printf(line, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void put_model(struct qn_buf *line, const struct qn_model *model)
{
    struct qn_memory memory;

    qn_session_memory(model->session, &memory);
    qn_buf_printf(line, "%s (file ", model->name);
    put_size(line, memory.file_bytes);
    qn_buf_puts(line, ", weights ");
    put_size(line, memory.weight_bytes);
    qn_buf_printf(line, ", %d context%s of ", model->n_contexts, model->n_contexts == 1 ? "" : "s");
    put_size(line, memory.arena_bytes);
    qn_buf_printf(line, ", loaded in %.1f ms)", (double)model->load_ns / 1e6);
}

/* Where, what, and how much memory: one line on standard output. */
static void announce(const struct qn_server *server, const struct qn_listener *listeners, size_t n_listeners,
                     size_t max_memory)
{
    struct qn_buf line;

    qn_buf_init(&line, 16384);
    qn_buf_puts(&line, "quern: listening on ");
    for (size_t i = 0; i < n_listeners; i++)
        qn_buf_printf(&line, "%s%s%s", i > 0 ? ", " : "", listeners[i].unix_path[0] == '\0' ? "http://" : "",
                      listeners[i].address);
    qn_buf_puts(&line, ", serving ");
    for (size_t i = 0; i < qn_repo_n_models(server->repo); i++) {
        if (i > 0)
            qn_buf_puts(&line, ", ");
        put_model(&line, qn_repo_model(server->repo, i));
    }
    qn_buf_puts(&line, ", memory limit ");
    put_size(&line, max_memory);
    if (!line.failed)
        printf("%s\n", line.data);
    else
        printf("quern: listening on %s, serving %zu models\n", listeners[0].address, qn_repo_n_models(server->repo));
    fflush(stdout);
    qn_buf_deinit(&line);
}

/* ---- the end ---- */

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static pthread_t waiting_thread;
static int64_t signalled_ns; /* when the first signal came */

/* While models are loaded nothing is served yet, so there is nothing to finish. The default action would do, but not
 * for process 1 of a container, which has none. */
static void end_loading(int number)
{
    if (number != SIGHUP)
        _exit(0);
}

/* Threads that libraries started before us do not block these signals: one that lands there goes on to the thread that
 * waits for it. */
static void pass_on(int number)
{
    int saved = errno;

    pthread_kill(waiting_thread, number);
    errno = saved;
}

static void handle_signals(void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* From here on signals wait until they are asked for, by this thread. */
static void hold_signals(void)
{
    sigset_t set;

    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    waiting_thread = pthread_self();
    handle_signals(pass_on);
}

/* A second signal: the process ends by it, now. */
static void end_at_once(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    qn_log(QN_LOG_WARN, "server", "second signal, ending at once");
    sigaction(number, &action, NULL);
    signal_set(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

/* Waits, unless a second signal comes. */
static void pause_ms(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    sigset_t set;
    int number;

    signal_set(&set);
    sigdelset(&set, SIGHUP);
    while ((number = sigtimedwait(&set, NULL, &time)) > 0)
        if (qn_now_ns() - signalled_ns > REPEAT_MS * INT64_C(1000000))
            end_at_once(number);
}

/* Not ready at once; still listening for a moment; then no new connections, those made are served, and what runs is
 * finished. */
static void drain(struct qn_server *server, bool has_grace)
{
    int64_t drain_ms = server->config->drain_ms;
    int64_t grace_ms = drain_ms / 25 < GRACE_MS ? drain_ms / 25 : GRACE_MS;
    int64_t end_ns = qn_now_ns() + drain_ms * INT64_C(1000000);

    atomic_store(&server->is_ready, false);
    qn_http_close_connections(server->http);
    if (has_grace) {
        pause_ms(grace_ms);
        qn_http_refuse_connections(server->http);
        pause_ms(grace_ms * SETTLE_MS / GRACE_MS);
        while (qn_http_has_waiting(server->http) && qn_now_ns() < end_ns)
            pause_ms(5);
    }
    qn_http_stop_listening(server->http);
    while (qn_http_connections(server->http) > 0 && qn_now_ns() < end_ns)
        pause_ms(5);
    if (qn_http_in_flight(server->http) == 0)
        return;
    qn_log(QN_LOG_WARN, "server", "the time to drain is over, cancelling what runs");
    qn_http_cancel(server->http);
    end_ns = qn_now_ns() + CANCEL_MS * INT64_C(1000000);
    while (qn_http_in_flight(server->http) > 0 && qn_now_ns() < end_ns)
        pause_ms(5);
}

/* Until SIGTERM or SIGINT. */
static int wait_for_end(void)
{
    sigset_t set;
    int number = 0;

    signal_set(&set);
    for (;;) {
        if (sigwait(&set, &number) != 0)
            continue;
        if (number != SIGHUP) {
            signalled_ns = qn_now_ns();
            return number;
        }
        qn_log(QN_LOG_WARN, "server", "SIGHUP: reloading is not supported, nothing is done");
    }
}

static void free_server(struct qn_server *server)
{
    if (server == NULL)
        return;
    qn_repo_close(server->repo);
    free(server->token);
    free(server);
}

/* What is left when runs do not end is left to the end of the process. */
static void finish(struct qn_server *server, bool has_grace)
{
    drain(server, has_grace);
    if (qn_http_stop(server->http))
        free_server(server);
    else
        qn_log(QN_LOG_WARN, "server", "ending with a run that could not be cancelled");
}

static enum qn_nan_mode nan_mode(const char *word)
{
    return strcmp(word, "string") == 0 ? QN_NAN_STRING : strcmp(word, "token") == 0 ? QN_NAN_TOKEN : QN_NAN_NULL;
}

static enum qn_status start(struct qn_server *server, struct qn_listener *listeners, size_t *n_listeners,
                            struct qn_err *err)
{
    const struct qn_server_config *config = server->config;
    size_t max_memory = config->max_memory == QN_AUTO ? qn_memory_limit() : (size_t)config->max_memory;

    server->nan = nan_mode(config->nan);
    QN_TRY(read_token(server, err));
    QN_TRY(open_repo(server, max_memory, err));
    hold_signals();
    QN_TRY(open_listeners(config, listeners, n_listeners, err));
    QN_TRY(start_http(server, max_memory, listeners, *n_listeners, err));
    atomic_store(&server->is_ready, true);
    announce(server, listeners, *n_listeners, max_memory);
    return QN_OK;
}

int qn_serve(const struct qn_server_config *config)
{
    struct qn_server *server = calloc(1, sizeof(*server)); /* outlives this call when a run does */
    struct qn_listener listeners[QN_MAX_LISTEN];
    struct qn_err err = {QN_OK, 0, "", "", ""};
    enum qn_status status;
    size_t n_listeners = 0;
    int number;

    if (server == NULL)
        return complain(QN_NOMEM, "serve", "out of memory");
    handle_signals(end_loading);
    signal(SIGPIPE, SIG_IGN);
    server->config = config;
    status = start(server, listeners, &n_listeners, &err);
    if (status != QN_OK) {
        for (size_t i = 0; i < n_listeners; i++)
            qn_listen_close(&listeners[i]);
        free_server(server);
        return complain(status, "serve", err.text);
    }
    number = wait_for_end();
    qn_log(QN_LOG_INFO, "server", "%s, draining", number == SIGTERM ? "SIGTERM" : "SIGINT");
    finish(server, number == SIGTERM);
    return 0;
}
