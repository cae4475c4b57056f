/* route.c: from a path to a handler, with what holds for all routes: methods, tokens, media types, CORS, the log line.
 */
#include "server/route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cpu.h"
#include "base/log.h"

static const struct qn_route routes[] = {
    {QN_METHOD_POST, "/predict", qn_handle_infer, QN_ROUTE_MODEL, &qn_codec_predict},
    {QN_METHOD_POST, "/predict/{model}", qn_handle_infer, QN_ROUTE_MODEL, &qn_codec_predict},
    {QN_METHOD_GET, "/healthz", qn_handle_ready, QN_ROUTE_OPEN, NULL},
    {QN_METHOD_GET, "/readyz", qn_handle_ready, QN_ROUTE_OPEN, NULL},
    {QN_METHOD_GET, "/livez", qn_handle_live, QN_ROUTE_OPEN, NULL},
};

enum { N_ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* ---- matching ---- */

/* A part of a pattern in braces takes all up to the next slash. */
static bool take_part(const char **pattern, const char **path, struct qn_request *request)
{
    static const char model[] = "{model}";
    static const char version[] = "{version}";
    bool is_model = strncmp(*pattern, model, sizeof(model) - 1) == 0;
    struct qn_str part = {*path, strcspn(*path, "/")};

    *pattern += is_model ? sizeof(model) - 1 : sizeof(version) - 1;
    *path += part.n;
    *(is_model ? &request->model : &request->version) = part;
    return part.n > 0;
}

bool qn_route_matches(const char *pattern, const char *path, struct qn_request *request)
{
    request->model = request->version = (struct qn_str){NULL, 0};
    while (*pattern != '\0') {
        if (*pattern == '{') {
            if (!take_part(&pattern, &path, request))
                return false;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static bool takes_method(const struct qn_route *route, const char *method)
{
    if (route->method == QN_METHOD_POST)
        return strcmp(method, "POST") == 0;
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* The route of path and method. NULL with the methods the path does know in *known, 0 for an unknown path; "*"
 * knows all. */
static const struct qn_route *find_route(struct qn_request *request, unsigned *known)
{
    *known = strcmp(request->path, "*") == 0 ? QN_METHOD_GET | QN_METHOD_POST : 0;
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!qn_route_matches(routes[i].pattern, request->path, request))
            continue;
        if (takes_method(&routes[i], request->method))
            return &routes[i];
        *known |= routes[i].method;
    }
    return NULL;
}

static const char *allowed_methods(unsigned known)
{
    static const char *const texts[] = {"OPTIONS", "GET, HEAD, OPTIONS", "POST, OPTIONS", "GET, HEAD, POST, OPTIONS"};

    return texts[known & 3];
}

/* ---- cross-origin access ---- */

/* Whether the settings allow the origin; then what to answer with. */
static const char *allowed_origin(const struct qn_server_config *config, const char *origin)
{
    const char *at = config->cors;
    size_t n_origin;

    if (at == NULL || origin == NULL)
        return NULL;
    if (strcmp(at, "*") == 0)
        return "*";
    n_origin = strcspn(origin, " \t");
    for (;;) {
        size_t n = strcspn(at, ",");

        if (n == n_origin && strncasecmp(at, origin, n) == 0)
            return origin;
        if (at[n] == '\0')
            return NULL;
        at += n + 1;
    }
}

static void answer_options(struct qn_server *server, struct qn_workspace *w, unsigned known)
{
    struct qn_answer *answer = &w->answer;

    answer->status = 204;
    qn_answer_header(answer, "Allow", allowed_methods(known));
    if (w->request.headers[QN_HEADER_CORS_METHOD] == NULL ||
        allowed_origin(server->config, w->request.headers[QN_HEADER_ORIGIN]) == NULL)
        return;
    qn_answer_header(answer, "Access-Control-Allow-Methods", allowed_methods(known));
    qn_answer_header(answer, "Access-Control-Allow-Headers", "Content-Type, Authorization, X-Request-Id");
    qn_answer_header(answer, "Access-Control-Max-Age", "600");
}

/* ---- tokens ---- */

/* Takes the same time whatever differs. */
static bool is_same(const char *a, size_t n_a, const char *b, size_t n_b)
{
    unsigned char difference = n_a != n_b;

    for (size_t i = 0; i < n_b; i++)
        difference |= (unsigned char)(a[n_a == 0 ? 0 : i % n_a] ^ b[i]);
    return difference == 0;
}

static bool check_token(const struct qn_server *server, struct qn_workspace *w)
{
    static const char scheme[] = "Bearer ";
    const char *sent = w->request.headers[QN_HEADER_AUTHORIZATION];
    bool has_scheme = sent != NULL && strncasecmp(sent, scheme, sizeof(scheme) - 1) == 0;
    const char *token = has_scheme ? sent + sizeof(scheme) - 1 : "";

    if (server->token == NULL)
        return true;
    if (!w->request.repeated[QN_HEADER_AUTHORIZATION] &&
        is_same(token, strcspn(token, " \t"), server->token, server->n_token))
        return true;
    qn_answer_header(&w->answer, "WWW-Authenticate", "Bearer");
    return qn_refuse(w, QN_PROBLEM_UNAUTHORIZED, "a bearer token is needed, and it was missing or wrong");
}

/* ---- bodies ---- */

static size_t token_length(const char *text) { return strcspn(text, " \t;"); }

static bool is_word(const char *text, const char *word)
{
    return token_length(text) == strlen(word) && strncasecmp(text, word, strlen(word)) == 0;
}

/* Parameters of a media type: the only one that matters is a charset, and the only charset is UTF-8. */
static bool is_utf8(const char *type)
{
    const char *at = strchr(type, ';');

    while (at != NULL) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "charset=", 8) == 0) {
            at += 8 + (at[8] == '"');
            return strncasecmp(at, "utf-8", 5) == 0 && strchr(" \t;\"", at[5]) != NULL;
        }
        at = strchr(at, ';');
    }
    return true;
}

/* JSON by its name, or by the name that `curl -d` gives any body it is not told the type of. */
static bool is_json(const char *type)
{
    return (is_word(type, "application/json") || is_word(type, "application/x-www-form-urlencoded")) && is_utf8(type);
}

static bool check_media(struct qn_workspace *w)
{
    const char *encoding = w->request.headers[QN_HEADER_CONTENT_ENCODING];
    const char *type = w->request.headers[QN_HEADER_CONTENT_TYPE];

    if (encoding != NULL && !is_word(encoding, "identity"))
        return qn_refuse(w, QN_PROBLEM_UNSUPPORTED_MEDIA_TYPE, "bodies with a Content-Encoding are not supported");
    if (type != NULL && !is_json(type))
        return qn_refuse(w, QN_PROBLEM_UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/json, in UTF-8");
    return true;
}

static bool check_model(struct qn_server *server, struct qn_workspace *w, size_t *max_body)
{
    struct qn_model *model = qn_repo_acquire(server->repo, w->request.model, w->request.version);
    int n = w->request.model.n < 64 ? (int)w->request.model.n : 64;

    if (model == NULL && w->request.model.data == NULL)
        return qn_refuse(w, QN_PROBLEM_MODEL_NOT_FOUND, "there are several models, name one: POST /predict/<name>");
    if (model == NULL)
        return qn_refuse(w, QN_PROBLEM_MODEL_NOT_FOUND, "there is no model \"%.*s\"", n, w->request.model.data);
    *max_body = model->max_body;
    qn_repo_release(model);
    return true;
}

/* ---- the calls of the transport ---- */

bool qn_route_accept(void *arg, struct qn_workspace *w, size_t *max_body)
{
    struct qn_server *server = arg;
    struct qn_request *request = &w->request;
    unsigned known;

    *max_body = 0;
    request->route = find_route(request, &known);
    if (request->route == NULL) {
        if (known == 0)
            return qn_refuse(w, QN_PROBLEM_NOT_FOUND, "there is nothing here");
        if (strcmp(request->method, "OPTIONS") == 0) {
            answer_options(server, w, known);
            return false;
        }
        qn_answer_header(&w->answer, "Allow", allowed_methods(known));
        return qn_refuse(w, QN_PROBLEM_METHOD_NOT_ALLOWED, "this path does not know the method; it knows %s",
                         allowed_methods(known));
    }
    if ((request->route->flags & QN_ROUTE_OPEN) == 0 && !check_token(server, w))
        return false;
    if ((request->route->flags & QN_ROUTE_MODEL) == 0)
        return true;
    return check_media(w) && check_model(server, w, max_body);
}

void qn_route_handle(void *arg, struct qn_workspace *w) { w->request.route->handler(arg, w); }

void qn_route_decorate(void *arg, struct qn_workspace *w)
{
    const struct qn_server *server = arg;
    const char *origin = allowed_origin(server->config, w->request.headers[QN_HEADER_ORIGIN]);

    if (origin == NULL)
        return;
    qn_answer_header(&w->answer, "Access-Control-Allow-Origin", origin);
    qn_answer_header(&w->answer, "Access-Control-Expose-Headers", "X-Request-Id, Server-Timing, Retry-After");
    if (*origin != '*')
        qn_answer_header(&w->answer, "Vary", "Origin");
}

void qn_route_finish(void *arg, struct qn_workspace *w, size_t n_sent)
{
    const struct qn_request *request = &w->request;
    int status = n_sent == 0 ? 499 : w->answer.status;
    char pairs[512];

    (void)arg;
    if (!qn_log_enabled(QN_LOG_INFO, "http"))
        return;
    snprintf(
        pairs, sizeof(pairs),
        "\"id\":\"%s\",\"method\":\"%.16s\",\"route\":\"%s\",\"status\":%d,\"bytes\":%zu,\"us\":%lld,\"parse_us\":%lld,"
        "\"queue_us\":%lld,\"infer_us\":%lld,\"write_us\":%lld",
        request->id, request->method, request->route == NULL ? "" : request->route->pattern, status, n_sent,
        (long long)(qn_now_ns() - request->started_ns) / 1000, (long long)request->parse_ns / 1000,
        (long long)request->queue_ns / 1000, (long long)request->infer_ns / 1000, (long long)request->write_ns / 1000);
    qn_log_fields(QN_LOG_INFO, "http", "request", pairs);
}
