/* http.c: the transport, on top of civetweb; see http.h. The only file that sees that library.
 *
 * Every request is answered in the begin_request callback, by one write. civetweb parses leniently, times out per read
 * and serves a connection by one thread for life; framing.c looks at every header block again, conn.c limits times in
 * all and makes room, and there are many threads. Static files, CGI, forms and WebSocket are never reached.
 *
 * Listening sockets are our own: civetweb opens one of its own on the loopback for each, and dup2() puts ours in its
 * place, so that it accepts from unix and IPv6 sockets without knowing them, and so that listening can end before
 * serving does. */
#include "server/http.h"

#include <civetweb.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/log.h"
#include "server/conn.h"
#include "server/framing.h"
#include "server/http_head.h"
#include "server/workspace.h"

enum {
    BUFFER_BYTES = 16384,     /* header block, and what of the body came with it */
    TOUCHED_STACK = 24576,    /* what a request uses of its worker's stack, roughly, */
    TOUCHED_BUFFER = 4096,    /* and of its buffer */
    LEAST_SLICE = 16384,      /* of a body, read between looks at the clock; grows with the body, */
    MOST_SLICE = 262144,      /* up to this */
    MAX_IGNORED_BODY = 65536, /* thrown away where no body is wanted */
    LINGER_MS = 2000,         /* reading on after a refusal, so that the client gets to see it */
    LINGER_BYTES = 67108864,
    FULL_WAIT_MS = 20, /* for the rest of a header block that is too large */
    AWAITED = 10000,   /* looks at how many workers have begun */
    RESERVED_FDS = 32  /* for files, logs and whatever else the process opens */
};

/* A worker thread's own. */
struct worker {
    struct qn_conn *conn;
    struct qn_http_date date;
    bool is_refused; /* the connection, as malformed */
};

struct qn_http {
    struct qn_http_options options;
    struct qn_http_app app;
    struct mg_context *context;
    struct qn_conns *conns;
    struct qn_workspaces *workspaces;
    struct worker *workers;
    _Atomic int n_workers; /* that have started */
    _Atomic bool closes_connections;
    _Atomic int64_t body_bytes; /* of the bodies being read and worked on */
    _Atomic uint32_t n_requests;
    uint32_t instance; /* makes request ids of one process differ from another's */
    pthread_t master;  /* the thread that accepts, once it runs */
    _Atomic bool has_master;
    size_t n_replaced; /* listeners that are civetweb's now */
    char problem[256]; /* civetweb's, at the start */
    bool lacks_threads;
};

/* ---- one request ---- */

/* What a request needs on its way through this file. */
struct passage {
    struct qn_http *http;
    struct mg_connection *connection;
    const struct mg_request_info *info;
    const char *query;
    struct worker *worker;
    struct qn_conn *conn;
    struct qn_workspace *w;
    struct qn_framing framing;
    bool has_unread_body;
    bool closes;           /* the connection, after the answer */
    bool is_gone;          /* the client; no answer can be written */
    int64_t body_begin_ns; /* since when the client can be sending the body */
    int64_t n_reserved;    /* of the memory for bodies */
};

static bool is_id_char(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; }

/* The client's own id when it is short and harmless, else a new one. */
static void set_request_id(struct qn_http *http, struct qn_request *request)
{
    const char *sent = request->headers[QN_HEADER_REQUEST_ID];
    static const char digits[] = "0123456789abcdef";
    uint64_t number = (uint64_t)http->instance << 32 | atomic_fetch_add(&http->n_requests, 1);
    size_t n = 0;

    if (sent != NULL && !request->repeated[QN_HEADER_REQUEST_ID]) {
        while (n < QN_REQUEST_ID_BYTES && is_id_char(sent[n]))
            n++;
        if (n > 0 && sent[n] == '\0') {
            memcpy(request->id, sent, n + 1);
            return;
        }
    }
    for (n = 0; n < 16; n++)
        request->id[n] = digits[number >> (60 - 4 * n) & 15];
    request->id[16] = '\0';
}

/* The layout of a header block that holds one request line and lines for each field; see framing.h. */
static bool check_framing(struct passage *p)
{
    const struct mg_request_info *info = p->info;
    struct qn_header_block block = {
        .buffer = p->conn->buffer,
        .method = info->request_method,
        .uri = info->request_uri,
        .query = p->query,
        .version = info->http_version,
        .fields = (const struct qn_header_field *)info->http_headers,
        .n_fields = (size_t)info->num_headers,
        .max_fields = MG_MAX_HEADERS,
    };

    /* civetweb's buffer is one allocation per worker, so it is aligned and begins no later than any request in it. */
    if (p->conn->buffer == NULL || block.method < p->conn->buffer) {
        uintptr_t misaligned = (uintptr_t)block.method % 16;

        p->conn->buffer = misaligned == 2 ? block.method - 2 : block.method;
        block.buffer = p->conn->buffer;
        if (misaligned != 0 && misaligned != 2) {
            p->conn->buffer = NULL;
            qn_refuse(p->w, QN_PROBLEM_BAD_REQUEST, "white space before the request line");
            return false;
        }
    }
    if (qn_framing_check(&block, &p->w->request, &p->framing))
        return true;
    set_request_id(p->http, &p->w->request);
    return qn_refuse(p->w, p->framing.problem, "%s", p->framing.reason);
}

/* The target without "http://authority", whoever is named there; "*" stands for no path, and OPTIONS may ask for it. */
static bool set_path(struct passage *p)
{
    const char *uri = p->info->request_uri;
    const char *authority = *uri == '/' ? NULL : strstr(uri, "://");
    char *path = qn_scratch_alloc(&p->w->scratch, strlen(uri) + 1);

    if (authority != NULL)
        uri = authority + 3 + strcspn(authority + 3, "/");
    if (path != NULL && strcmp(uri, "*") == 0 && strcmp(p->info->request_method, "OPTIONS") == 0) {
        memcpy(path, uri, 2);
    } else if (path == NULL || !qn_framing_path(uri, path)) {
        p->w->answer.close = true;
        return qn_refuse(p->w, QN_PROBLEM_BAD_REQUEST, "malformed path");
    }
    p->w->request.path = path;
    return true;
}

/* ---- bodies ---- */

static bool too_large(struct passage *p, size_t max_body)
{
    return qn_refuse(p->w, QN_PROBLEM_BODY_TOO_LARGE, "the body is larger than the limit of %zu bytes (--max-body)",
                     max_body);
}

/* When a body, or an answer, of n bytes must be through. */
static int64_t limit_for(const struct qn_http *http, int64_t started_ns, int ms, int64_t n_bytes)
{
    return started_ns + (ms + n_bytes / http->options.body_bytes_per_ms) * INT64_C(1000000);
}

/* A read gave nothing: too slow, or gone. */
static bool body_failed(struct passage *p, int64_t progress_ns)
{
    int64_t silent_ms = (qn_now_ns() - progress_ns) / 1000000;

    if (atomic_load(&p->conn->evicted) || silent_ms + 100 >= p->http->options.header_ms)
        return qn_refuse(p->w, QN_PROBLEM_REQUEST_TIMEOUT, "the body came too slowly");
    return qn_refuse(p->w, QN_PROBLEM_BAD_REQUEST, "the body is malformed or incomplete");
}

/* Reads up to n more bytes behind the first *n_read; *n_read grows. False when the client failed to send. */
static bool read_some(struct passage *p, char *body, size_t *n_read, size_t n, bool *ended)
{
    int64_t started_ns = p->w->request.started_ns;
    int64_t progress_ns = started_ns;
    size_t end = *n_read + n;

    *ended = false;
    while (*n_read < end && !*ended) {
        size_t slice = *n_read / 2 < LEAST_SLICE ? LEAST_SLICE : *n_read / 2 < MOST_SLICE ? *n_read / 2 : MOST_SLICE;
        int64_t expected = p->framing.content_length >= 0 ? p->framing.content_length : (int64_t)*n_read;
        int got;

        qn_conn_mark(p->conn, QN_CONN_BODY, limit_for(p->http, p->body_begin_ns, 0, (int64_t)*n_read),
                     limit_for(p->http, started_ns, p->http->options.body_ms, expected));
        got = mg_read(p->connection, body + *n_read, slice < end - *n_read ? slice : end - *n_read);
        if (got < 0 || (got == 0 && p->framing.content_length >= 0))
            return body_failed(p, progress_ns);
        *ended = got == 0;
        *n_read += (size_t)got;
        if (end - *n_read > 0)
            progress_ns = qn_now_ns();
    }
    return true;
}

/* The bodies of all requests together, and the tensors made of them, stay below the limit. n is this one's size so far.
 */
static bool reserve(struct passage *p, size_t n)
{
    int64_t more = 2 * (int64_t)n - p->n_reserved;

    if (atomic_fetch_add(&p->http->body_bytes, more) + more > (int64_t)p->http->options.max_memory) {
        atomic_fetch_sub(&p->http->body_bytes, more);
        return qn_refuse(p->w, QN_PROBLEM_OVERLOADED, "the server has no memory for another body of this size now");
    }
    p->n_reserved += more;
    return true;
}

/* A body of unknown length: room doubles, never beyond the limit by more than the byte that shows it is exceeded. */
static bool read_chunked(struct passage *p, size_t max_body)
{
    struct qn_request *request = &p->w->request;
    size_t capacity = max_body < BUFFER_BYTES ? max_body + 1 : BUFFER_BYTES;
    char *body = qn_scratch_alloc(&p->w->scratch, capacity);
    bool ended = false;

    while (body != NULL) {
        char *larger;

        if (!reserve(p, capacity))
            return false;
        if (!read_some(p, body, &request->n_body, capacity - request->n_body, &ended))
            return false;
        if (ended)
            break;
        if (request->n_body > max_body)
            return too_large(p, max_body);
        capacity = capacity > max_body / 2 ? max_body + 1 : 2 * capacity;
        larger = qn_scratch_alloc(&p->w->scratch, capacity);
        if (larger != NULL)
            memcpy(larger, body, request->n_body);
        body = larger;
    }
    if (body == NULL)
        return qn_refuse(p->w, QN_PROBLEM_OVERLOADED, "no memory for the body");
    memset(body + request->n_body, 0, 64);
    request->body = body;
    p->has_unread_body = false;
    return true;
}

static bool read_sized(struct passage *p)
{
    struct qn_request *request = &p->w->request;
    size_t length = (size_t)p->framing.content_length;
    bool ended;

    if (!reserve(p, length))
        return false;
    request->body = qn_scratch_alloc(&p->w->scratch, length);
    if (request->body == NULL)
        return qn_refuse(p->w, QN_PROBLEM_OVERLOADED, "no memory for the body");
    if (!read_some(p, request->body, &request->n_body, length, &ended))
        return false;
    memset(request->body + length, 0, 64);
    p->has_unread_body = false;
    return true;
}

static bool read_body(struct passage *p, size_t limit)
{
    static char empty[64];
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    p->w->request.body = empty;
    if (!p->has_unread_body)
        return true;
    if (p->framing.expects_continue) {
        p->body_begin_ns = qn_now_ns();
        p->is_gone = mg_write(p->connection, go_on, sizeof(go_on) - 1) <= 0;
        if (p->is_gone)
            return false;
    }
    return p->framing.content_length < 0 ? read_chunked(p, limit) : read_sized(p);
}

/* ---- the answer ---- */

/* Whether the client has sent more than was read. */
static bool has_input(const struct qn_conn *conn)
{
    char byte;

    return conn->fd >= 0 && recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* The client may still be sending: closing at once would make it lose the answer to a reset. */
static void linger(struct passage *p)
{
    int64_t end_ns = qn_now_ns() + LINGER_MS * INT64_C(1000000);
    size_t n_left = LINGER_BYTES;
    size_t n_bytes = 65536;
    char *bytes = qn_scratch_alloc(&p->w->scratch, n_bytes);
    struct pollfd client = {p->conn->fd, POLLIN, 0};

    if (p->conn->fd < 0 || bytes == NULL)
        return;
    qn_conn_mark(p->conn, QN_CONN_WRITE, qn_now_ns(), end_ns);
    shutdown(p->conn->fd, SHUT_WR);
    while (n_left > 0 && !qn_conns_crowded(p->http->conns)) {
        int64_t left_ms = (end_ns - qn_now_ns()) / 1000000;
        ssize_t n;

        if (left_ms <= 0 || poll(&client, 1, (int)left_ms) <= 0)
            break;
        n = recv(client.fd, bytes, n_bytes, MSG_DONTWAIT);
        if (n <= 0)
            break;
        n_left -= (size_t)n < n_left ? (size_t)n : n_left;
    }
}

static bool keeps_alive(const struct passage *p)
{
    return p->framing.keep_alive && !p->w->answer.close && !p->has_unread_body && p->framing.reason == NULL &&
           !atomic_load_explicit(&p->http->closes_connections, memory_order_relaxed) &&
           !atomic_load_explicit(&p->conn->evicted, memory_order_relaxed) && !qn_conns_crowded(p->http->conns);
}

/* Head and body in one piece. Returns the bytes written, 0 when the client is gone. */
static size_t write_answer(struct passage *p)
{
    struct qn_answer *answer = &p->w->answer;
    struct qn_buf *out = answer->body;
    const char *version = p->info->http_version;
    bool is_head = p->info->request_method != NULL && strcmp(p->info->request_method, "HEAD") == 0;
    size_t n_body = out->failed ? 0 : out->n - answer->body_at;
    size_t n;
    struct qn_http_head head;
    char *begin;
    int64_t now = qn_now_ns();

    p->closes = !keeps_alive(p);
    qn_http_head_make(&head, p->w, n_body, !p->closes, version != NULL && strcmp(version, "1.0") == 0,
                      &p->worker->date);
    begin = out->data + answer->body_at - head.n;
    memcpy(begin, head.text, head.n);
    n = head.n + (is_head ? 0 : n_body);
    if (p->closes)
        mg_disable_connection_keep_alive(p->connection);
    qn_conn_mark(p->conn, QN_CONN_WRITE, now, limit_for(p->http, now, p->http->options.write_ms, (int64_t)n));
    return mg_write(p->connection, begin, n) == (int)n ? n : 0;
}

static void answer_request(struct passage *p)
{
    size_t n_sent = 0;

    p->http->app.decorate(p->http->app.arg, p->w);
    if (p->is_gone)
        mg_disable_connection_keep_alive(p->connection);
    else
        n_sent = write_answer(p);
    p->http->app.finish(p->http->app.arg, p->w, n_sent);
    if (n_sent > 0 && p->closes && (p->has_unread_body || p->framing.reason != NULL || has_input(p->conn)))
        linger(p);
}

/* A refusal before the body: a short one is read all the same, so that the connection can go on. */
static void skip_body(struct passage *p)
{
    if (p->framing.content_length > 0 && p->framing.content_length <= MAX_IGNORED_BODY && !p->framing.expects_continue)
        read_sized(p);
}

/* From the header to a filled answer. */
static void work(struct passage *p)
{
    const struct qn_http_app *app = &p->http->app;
    size_t max_body = 0;

    if (!check_framing(p))
        return;
    set_request_id(p->http, &p->w->request);
    p->has_unread_body = p->framing.content_length != 0;
    if (!set_path(p))
        return;
    if (!app->accept(app->arg, p->w, &max_body)) {
        skip_body(p);
        return;
    }
    if (max_body == 0)
        max_body = MAX_IGNORED_BODY;
    /* What is too large is refused before a byte of it is read. */
    if (p->framing.content_length > 0 && (uint64_t)p->framing.content_length > max_body) {
        too_large(p, max_body);
        return;
    }
    if (read_body(p, max_body)) {
        qn_conn_mark(p->conn, QN_CONN_BUSY, qn_now_ns(), 0);
        app->handle(app->arg, p->w);
    }
}

static bool begin_passage(struct passage *p, struct mg_connection *connection)
{
    struct qn_request *request;

    *p = (struct passage){.http = mg_get_user_context_data(connection), .connection = connection};
    p->info = mg_get_request_info(connection);
    p->worker = mg_get_thread_pointer(connection);
    if (p->info == NULL || p->worker == NULL)
        return false;
    p->query = p->info->query_string;
    p->conn = p->worker->conn;
    p->body_begin_ns = qn_now_ns();
    if (p->conn->fd == QN_CONN_UNKNOWN) {
        qn_conn_claim(p->http->conns, p->conn, p->info->remote_addr, p->info->remote_port);
        p->body_begin_ns = p->conn->arrived_ns;
    }
    p->w = qn_workspace_take(p->http->workspaces);
    if (p->w == NULL)
        return false;
    request = &p->w->request;
    request->method = request->path = "";
    request->peer = p->info->remote_addr;
    request->cancel = &p->conn->cancel;
    request->started_ns = qn_now_ns();
    p->conn->cancel = 0;
    qn_conn_mark(p->conn, QN_CONN_BUSY, request->started_ns, 0);
    return true;
}

static void end_passage(struct passage *p)
{
    if (p->n_reserved != 0)
        atomic_fetch_sub(&p->http->body_bytes, p->n_reserved);
    qn_workspace_give(p->http->workspaces, p->w);
    qn_conn_mark(p->conn, QN_CONN_IDLE, qn_now_ns(), 0);
}

/* ---- callbacks of civetweb, on its worker threads ---- */

static void refuse_without_memory(struct mg_connection *connection)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                               "Content-Length: 48\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
                               "{\"error\":\"out of memory\",\"code\":\"out_of_memory\"}";

    mg_disable_connection_keep_alive(connection);
    mg_write(connection, text, sizeof(text) - 1);
}

static int begin_request(struct mg_connection *connection)
{
    struct passage p;
    int status;

    if (!begin_passage(&p, connection)) {
        refuse_without_memory(connection);
        return 503;
    }
    work(&p);
    answer_request(&p);
    status = p.w->answer.status;
    end_passage(&p);
    return status;
}

static bool is_known_method(const char *method)
{
    static const char *const known[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "PATCH"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], method) == 0)
            return true;
    return false;
}

static bool is_method(const char *text)
{
    size_t n = 0;

    while (n < 32 && qn_http_is_token(text[n]))
        n++;
    return n > 0 && text[n] == '\0';
}

/* civetweb gives one reason for a malformed block and for one that filled its buffer; in the latter case more has come,
 * or is just about to. */
static bool is_more_coming(const struct passage *p)
{
    struct pollfd client = {p->conn->fd, POLLIN, 0};

    return client.fd >= 0 && poll(&client, 1, FULL_WAIT_MS) == 1 && has_input(p->conn);
}

/* What civetweb could not parse, and told apart as well as can be. */
static void refuse_unparsed(struct passage *p, int status, int64_t waited_ms)
{
    const char *method = p->info->request_method;

    if (status == 413 || (method == NULL && is_more_coming(p)))
        qn_refuse(p->w, QN_PROBLEM_HEADER_TOO_LARGE, "the header block is larger than %d bytes", BUFFER_BYTES);
    else if (status == 505)
        qn_refuse(p->w, QN_PROBLEM_VERSION_NOT_SUPPORTED, "HTTP/1.0 and HTTP/1.1 are spoken here");
    else if (method == NULL && (atomic_load(&p->conn->evicted) || waited_ms + 100 >= p->http->options.header_ms))
        qn_refuse(p->w, QN_PROBLEM_REQUEST_TIMEOUT, "the header came too slowly");
    else if (method != NULL && p->info->http_version != NULL && is_method(method) && !is_known_method(method))
        qn_refuse(p->w, QN_PROBLEM_NOT_IMPLEMENTED, "the method is not known");
    else
        qn_refuse(p->w, QN_PROBLEM_BAD_REQUEST, "malformed request");
}

static int http_error(struct mg_connection *connection, int status, const char *message)
{
    struct worker *worker = mg_get_thread_pointer(connection);
    int64_t since_ns = worker == NULL ? 0 : atomic_load(&worker->conn->since_ns);
    struct passage p;

    (void)message;
    if (!begin_passage(&p, connection)) {
        refuse_without_memory(connection);
        return 0;
    }
    worker->is_refused = true;
    set_request_id(p.http, &p.w->request);
    p.framing.reason = "unparsed";
    refuse_unparsed(&p, status, (p.w->request.started_ns - since_ns) / 1000000);
    answer_request(&p);
    end_passage(&p);
    return 0;
}

static int init_connection(const struct mg_connection *connection, void **data)
{
    struct qn_http *http = mg_get_user_context_data(connection);
    struct worker *worker = mg_get_thread_pointer(connection);

    (void)data;
    if (worker != NULL) {
        worker->is_refused = false;
        qn_conn_open(http->conns, worker->conn);
    }
    return 0;
}

/* Before the socket is closed. A request for "*" or for another authority, which a server has to accept as its own, is
 * dropped by civetweb after it was parsed, but for its query: it is answered here. */
static void connection_close(const struct mg_connection *connection)
{
    struct qn_http *http = mg_get_user_context_data(connection);
    struct worker *worker = mg_get_thread_pointer(connection);
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct passage p;

    if (worker == NULL)
        return;
    if (info != NULL && info->request_method != NULL && info->local_uri == NULL && !worker->is_refused &&
        begin_passage(&p, (struct mg_connection *)(uintptr_t)connection)) {
        char *mark = strchr((char *)(uintptr_t)info->request_uri, '?');

        if (mark != NULL)
            *mark++ = '\0';
        p.query = mark;
        p.w->answer.close = true;
        work(&p);
        answer_request(&p);
        end_passage(&p);
    }
    qn_conn_close(http->conns, worker->conn);
}

static void touch(volatile char *pages, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 4096)
        pages[i] = 0;
}

/* Takes the pages of a worker's stack and buffer when it starts, not when a request comes: what the process needs is
 * seen after loading and does not grow with the number of clients. The buffer is the next that civetweb asks of this
 * thread's heap, so that it gets the memory given back here. */
static void touch_pages(void)
{
    volatile char stack[TOUCHED_STACK];
    char *buffer = malloc(BUFFER_BYTES);

    touch(stack, sizeof(stack));
    if (buffer != NULL)
        touch(buffer, TOUCHED_BUFFER);
    free(buffer);
}

static void *init_thread(const struct mg_context *context, int type)
{
    struct qn_http *http = mg_get_user_data(context);
    struct qn_conn *conn = type == 1 ? qn_conns_slot(http->conns) : NULL;
    struct worker *worker;

    if (type == 0) {
        http->master = pthread_self();
        atomic_store(&http->has_master, true);
    }
    if (conn == NULL)
        return NULL;
    touch_pages();
    worker = &http->workers[atomic_fetch_add(&http->n_workers, 1)];
    worker->conn = conn;
    return worker;
}

static int log_message(const struct mg_connection *connection, const char *message)
{
    struct qn_http *http = mg_get_user_context_data(connection);

    if (http != NULL && http->context == NULL)
        snprintf(http->problem, sizeof(http->problem), "%s", message);
    qn_log(QN_LOG_DEBUG, "http", "civetweb: %s", message);
    return 1;
}

/* ---- life ---- */

static bool is_listening(int fd)
{
    int value = 0;
    socklen_t n = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &n) == 0 && value != 0;
}

/* civetweb's listening sockets: those that listen, less those that did before it started. */
static bool *find_listening(int n_fds)
{
    bool *listening = calloc((size_t)n_fds, sizeof(*listening));

    for (int fd = 0; listening != NULL && fd < n_fds; fd++)
        listening[fd] = is_listening(fd);
    return listening;
}

/* A poll(2) that has begun does not see that a descriptor was exchanged; a signal makes it begin again. A thread that
 * is not polling needs none, as it will look up the new one. */
static void interrupt_accepting(struct qn_http *http)
{
    if (atomic_load(&http->has_master))
        pthread_kill(http->master, SIGURG);
}

static void do_nothing(int number) { (void)number; }

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = do_nothing};

    sigemptyset(&action.sa_mask);
    sigaction(SIGURG, &action, NULL);
}

static enum qn_status replace_listener(struct qn_listener *listener, int placeholder, struct qn_err *err)
{
    QN_CHECK(dup2(listener->fd, placeholder) >= 0, err, IO, "cannot listen on %s: %s", listener->address,
             strerror(errno));
    close(listener->fd);
    listener->fd = placeholder;
    return QN_OK;
}

static enum qn_status replace_listeners(struct qn_http *http, const bool *before, int n_fds, struct qn_err *err)
{
    for (int fd = 0; fd < n_fds && http->n_replaced < http->options.n_listeners; fd++)
        if (!before[fd] && is_listening(fd)) {
            QN_TRY(replace_listener(&http->options.listeners[http->n_replaced], fd, err));
            http->n_replaced++;
        }
    QN_CHECK(http->n_replaced == http->options.n_listeners, err, INTERNAL,
             "the HTTP library's listening sockets were not found");
    interrupt_accepting(http);
    return QN_OK;
}

/* As many descriptors as connections need, at the most; fewer connections when the system gives fewer. */
static enum qn_status limit_connections(struct qn_http_options *options, struct qn_err *err)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)options->n_workers + (rlim_t)options->n_waiting + RESERVED_FDS;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return QN_OK;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return QN_OK;
    QN_CHECK(limit.rlim_cur >= 2 * RESERVED_FDS, err, LIMIT, "%llu open files are too few to serve (ulimit -n)",
             (unsigned long long)limit.rlim_cur);
    qn_log(QN_LOG_WARN, "http", "%llu open files allow fewer connections than asked for (ulimit -n)",
           (unsigned long long)limit.rlim_cur);
    options->n_waiting = (int)(limit.rlim_cur - RESERVED_FDS) / 4;
    if (options->n_workers > (int)limit.rlim_cur - RESERVED_FDS - options->n_waiting)
        options->n_workers = (int)limit.rlim_cur - RESERVED_FDS - options->n_waiting;
    return QN_OK;
}

static enum qn_status start_library(struct qn_http *http, struct qn_err *err)
{
    enum { NUMBER = 16, PORTS = 256 };
    static const struct mg_callbacks callbacks = {
        .begin_request = begin_request,
        .http_error = http_error,
        .init_connection = init_connection,
        .connection_close = connection_close,
        .init_thread = init_thread,
        .log_message = log_message,
    };
    const struct qn_http_options *o = &http->options;
    char ports[PORTS] = "";
    char n_workers[NUMBER], n_waiting[NUMBER], n_buffer[NUMBER], header_ms[NUMBER], idle_ms[NUMBER];
    const char *options[][2] = {
        {"listening_ports", ports},
        {"num_threads", n_workers},
        {"connection_queue", n_waiting},
        {"max_request_size", n_buffer},
        {"request_timeout_ms", header_ms},
        {"keep_alive_timeout_ms", idle_ms},
        {"enable_keep_alive", "yes"},
        {"tcp_nodelay", "1"},
        {"decode_url", "no"},
        {"enable_auth_domain_check", "no"},
        {NULL, NULL},
    };

    QN_CHECK(o->n_listeners * strlen(",127.0.0.1:0") < sizeof(ports), err, LIMIT, "too many addresses to listen on");
    for (size_t i = 0; i < o->n_listeners; i++)
        snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), "%s127.0.0.1:0", i > 0 ? "," : "");
    snprintf(n_workers, NUMBER, "%d", o->n_workers);
    snprintf(n_waiting, NUMBER, "%d", o->n_waiting);
    snprintf(n_buffer, NUMBER, "%d", BUFFER_BYTES);
    snprintf(header_ms, NUMBER, "%d", o->header_ms);
    snprintf(idle_ms, NUMBER, "%d", o->idle_ms);
    catch_interrupts();
    mg_init_library(MG_FEATURES_DEFAULT);
    http->context = mg_start(&callbacks, http, &options[0][0]);
    QN_CHECK(http->context != NULL, err, IO, "cannot start the HTTP library: %s",
             http->problem[0] == '\0' ? "no reason given" : http->problem);
    /* It would go on with fewer, and perhaps without the one that accepts. */
    http->lacks_threads = strstr(http->problem, "thread") != NULL;
    QN_CHECK(!http->lacks_threads, err, LIMIT,
             "%d threads to serve connections are more than the system gives (ulimit -u, or the container's limit); "
             "--max-connections asks for fewer",
             o->n_workers);
    return QN_OK;
}

static enum qn_status allocate(struct qn_http *http, struct qn_err *err)
{
    const struct qn_http_options *o = &http->options;
    int n_open = o->n_workers + o->n_waiting + 4 * RESERVED_FDS;

    if (getrandom(&http->instance, sizeof(http->instance), GRND_NONBLOCK) != (ssize_t)sizeof(http->instance))
        http->instance = (uint32_t)qn_now_ns() ^ (uint32_t)getpid() << 16;
    http->workers = calloc((size_t)o->n_workers, sizeof(*http->workers));
    http->workspaces = qn_workspaces_create(o->max_request_memory, o->max_memory, o->n_workers);
    http->conns = qn_conns_create(o->n_workers, n_open, o->listeners, o->n_listeners);
    QN_CHECK(http->workers != NULL && http->workspaces != NULL && http->conns != NULL, err, NOMEM, "out of memory");
    return QN_OK;
}

static void destroy(struct qn_http *http)
{
    qn_conns_destroy(http->conns);
    qn_workspaces_destroy(http->workspaces);
    free(http->workers);
    free(http);
}

/* Until all workers have begun, so that what memory they need is taken. Requests are served meanwhile. */
static void await_workers(const struct qn_http *http)
{
    const struct timespec pause = {0, 200000};

    for (int i = 0; i < AWAITED && atomic_load(&http->n_workers) < http->options.n_workers; i++)
        nanosleep(&pause, NULL);
}

enum qn_status qn_http_start(const struct qn_http_options *options, const struct qn_http_app *app,
                             struct qn_http **result, struct qn_err *err)
{
    struct qn_http *http = calloc(1, sizeof(*http));
    enum qn_status status;
    bool *before;
    int n_fds;

    *result = NULL;
    QN_CHECK_MEM(http, err);
    http->options = *options;
    http->app = *app;
    status = limit_connections(&http->options, err);
    n_fds = http->options.n_workers + http->options.n_waiting + 4 * RESERVED_FDS;
    before = find_listening(n_fds);
    if (status == QN_OK && before == NULL)
        status = qn_err_set(err, QN_NOMEM, "out of memory");
    if (status == QN_OK)
        status = allocate(http, err);
    if (status == QN_OK)
        status = start_library(http, err);
    if (status == QN_OK)
        status = replace_listeners(http, before, n_fds, err);
    free(before);
    if (http->lacks_threads)
        return status; /* those there are cannot be ended: the process can only end */
    if (status != QN_OK) {
        if (http->context != NULL)
            mg_stop(http->context); /* closes the listeners that took a placeholder's descriptor */
        for (size_t i = 0; i < http->n_replaced; i++)
            http->options.listeners[i].fd = -1;
        destroy(http);
        return status;
    }
    await_workers(http);
    *result = http;
    return QN_OK;
}

void qn_http_close_connections(struct qn_http *http) { atomic_store(&http->closes_connections, true); }

void qn_http_refuse_connections(struct qn_http *http)
{
    for (size_t i = 0; i < http->options.n_listeners; i++)
        qn_listen_refuse(&http->options.listeners[i]);
}

bool qn_http_has_waiting(const struct qn_http *http)
{
    bool has_waiting = false;

    for (size_t i = 0; i < http->options.n_listeners && !has_waiting; i++) {
        struct pollfd listener = {http->options.listeners[i].fd, POLLIN, 0};

        has_waiting = poll(&listener, 1, 0) == 1;
    }
    return has_waiting;
}

void qn_http_stop_listening(struct qn_http *http)
{
    qn_http_close_connections(http);
    qn_conns_stop_listening(http->conns);
    interrupt_accepting(http);
    qn_conns_hang_up(http->conns);
}

int qn_http_in_flight(struct qn_http *http) { return qn_conns_in_flight(http->conns); }

int qn_http_connections(struct qn_http *http) { return qn_conns_open(http->conns); }

void qn_http_cancel(struct qn_http *http) { qn_conns_cancel(http->conns); }

/* mg_stop() cuts off answers being written, so it is not called before all are through. */
bool qn_http_stop(struct qn_http *http)
{
    if (qn_conns_in_flight(http->conns) > 0)
        return false;
    qn_conns_wake(http->conns);
    mg_stop(http->context);
    mg_exit_library();
    destroy(http);
    return true;
}
