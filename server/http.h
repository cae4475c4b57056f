/* http.h: HTTP as the rest of the server sees it, whatever library speaks it. A transport reads requests, checks their
 * framing, calls the application three times for each (before the body, with the body, after the answer) and writes the
 * answer in one piece. Only http.c knows which library that is; it can be replaced by anything that keeps this page. */
#ifndef QN_SERVER_HTTP_H
#define QN_SERVER_HTTP_H

#include <stdint.h>

#include "base/buf.h"
#include "server/listen.h"
#include "server/scratch.h"

/* The headers anybody here looks at; first those that may be sent once. */
#define QN_HEADER_LIST(X)                                                                                              \
    X(HOST, "host")                                                                                                    \
    X(CONTENT_LENGTH, "content-length")                                                                                \
    X(TRANSFER_ENCODING, "transfer-encoding")                                                                          \
    X(CONTENT_TYPE, "content-type")                                                                                    \
    X(CONTENT_ENCODING, "content-encoding")                                                                            \
    X(EXPECT, "expect")                                                                                                \
    X(CONNECTION, "connection")                                                                                        \
    X(REQUEST_ID, "x-request-id")                                                                                      \
    X(AUTHORIZATION, "authorization")                                                                                  \
    X(ORIGIN, "origin")                                                                                                \
    X(CORS_METHOD, "access-control-request-method")                                                                    \
    X(CORS_HEADERS, "access-control-request-headers")

enum qn_header {
#define QN_HEADER_ENUM(name, text) QN_HEADER_##name,
    QN_HEADER_LIST(QN_HEADER_ENUM)
#undef QN_HEADER_ENUM
        QN_N_HEADERS,
    QN_HEADER_LAST_SINGLE = QN_HEADER_EXPECT
};

enum { QN_REQUEST_ID_BYTES = 128, QN_HEAD_BYTES = 1536, QN_HEADERS_BYTES = 640 };

struct qn_route;

struct qn_request {
    /* Set by the transport; borrowed until the answer is written. */
    const char *method;
    const char *path;                  /* decoded, from '/' on, no control characters */
    const char *query;                 /* as sent, without '?'; NULL */
    const char *headers[QN_N_HEADERS]; /* the value, white space may follow it; NULL: not sent */
    bool repeated[QN_N_HEADERS];       /* sent more than once; the first counts */
    char *body;                        /* n_body bytes and 64 readable bytes of zero; may be changed */
    size_t n_body;
    int64_t started_ns;               /* when the header had arrived */
    const volatile int *cancel;       /* becomes non-zero when the client is gone */
    const char *peer;                 /* address of the client, for the log; "" when unknown */
    char id[QN_REQUEST_ID_BYTES + 1]; /* X-Request-Id, sent or made */
    /* Set by the application on the way. */
    const struct qn_route *route;
    struct qn_str model; /* named in the path; data NULL: not named */
    struct qn_str version;
    int64_t parse_ns; /* how long the parts took; 0: not done */
    int64_t queue_ns;
    int64_t infer_ns;
    int64_t write_ns;
};

/* What the application fills. */
struct qn_answer {
    int status;
    const char *content_type; /* NULL: no body */
    struct qn_buf *body;      /* empty; the application appends */
    size_t body_at;           /* where in the buffer the body begins, for the transport's header before it */
    bool close;               /* close the connection after the answer */
    int retry_after;          /* seconds; 0: no such header */
    size_t n_headers;         /* of further header lines, each ended by CR LF */
    char headers[QN_HEADERS_BYTES];
};

/* Memory of one request. Taken from a pool, so that there are as many as requests at a time, not as connections. */
struct qn_workspace {
    struct qn_workspace *next;
    struct qn_scratch scratch;
    struct qn_buf out;
    struct qn_request request;
    struct qn_answer answer;
};

struct qn_http_app {
    void *arg;
    /* With method, path and headers, no body. True to go on, with *max_body the longest body to read (0: no body is
     * wanted, a small one is thrown away); false when the answer is filled already. */
    bool (*accept)(void *arg, struct qn_workspace *workspace, size_t *max_body);
    /* With the body. Fills the answer. */
    void (*handle)(void *arg, struct qn_workspace *workspace);
    /* Before every answer is written, refusals of the transport included: adds headers. */
    void (*decorate)(void *arg, struct qn_workspace *workspace);
    /* After it. n_sent is 0 when the client was gone. */
    void (*finish)(void *arg, struct qn_workspace *workspace, size_t n_sent);
};

struct qn_http_options {
    struct qn_listener
        *listeners; /* open sockets; the transport's until it stops, the caller's again when it cannot start */
    size_t n_listeners;
    int n_workers; /* connections served at a time */
    int n_waiting; /* connections accepted and waiting for a worker */
    int header_ms; /* for the header of a connection's first request, in all */
    int idle_ms;   /* between requests, header of the next included */
    int body_ms;   /* for a body, in all, beside the minimum rate */
    int body_bytes_per_ms;
    int write_ms;              /* for the client to take an answer, beside the minimum rate */
    size_t max_request_memory; /* the most one request may take, */
    size_t max_memory;         /* and the bodies of all together, with the tensors made of them */
};

struct qn_http;

/* Starts to serve; returns when every worker has begun. */
enum qn_status qn_http_start(const struct qn_http_options *options, const struct qn_http_app *app,
                             struct qn_http **http, struct qn_err *err);
/* Every answer from now on says that the connection closes. */
void qn_http_close_connections(struct qn_http *http);
/* Nobody new may connect; who has connected is still accepted. */
void qn_http_refuse_connections(struct qn_http *http);
/* Whether there are such that were not accepted yet. */
bool qn_http_has_waiting(const struct qn_http *http);
/* No new connections; those without a request are closed. */
void qn_http_stop_listening(struct qn_http *http);
/* Requests being read, run or answered. */
int qn_http_in_flight(struct qn_http *http);
/* Open connections that a worker holds. */
int qn_http_connections(struct qn_http *http);
/* Asks all running requests to end. */
void qn_http_cancel(struct qn_http *http);
/* Ends all threads and frees; true. When requests are still running it does neither and returns false: the process can
 * only end. */
bool qn_http_stop(struct qn_http *http);

/* Adds "Name: value" to the answer; left out when there is no room or the value has control characters. */
void qn_answer_header(struct qn_answer *answer, const char *name, const char *value);

/* Whether c may stand in a token (method, header name) of HTTP. */
bool qn_http_is_token(char c);

#endif
