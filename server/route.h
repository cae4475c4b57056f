/* route.h: the routes as a table, and the state all handlers share. Adding a route is adding a row in route.c; adding a
 * wire format is adding a codec and a row that names it. */
#ifndef QN_SERVER_ROUTE_H
#define QN_SERVER_ROUTE_H

#include "server/problem.h"
#include "server/repo.h"
#include "server/server.h"

struct qn_server {
    const struct qn_server_config *config;
    struct qn_repo *repo;
    struct qn_http *http;
    char *token; /* bearer token asked for; NULL: none */
    size_t n_token;
    enum qn_nan_mode nan;
    _Atomic bool is_ready; /* models are loaded and tested, and the server is not about to end */
};

/* Fills the answer. */
typedef void qn_handler(struct qn_server *server, struct qn_workspace *workspace);

enum qn_method { QN_METHOD_GET = 1, QN_METHOD_POST = 2 };

enum qn_route_flag {
    QN_ROUTE_OPEN = 1,  /* answered without a token: probes */
    QN_ROUTE_MODEL = 2, /* for one model: the path's or the only one; the body is for its codec */
};

struct qn_route {
    enum qn_method method; /* GET answers HEAD too */
    const char *pattern;   /* "/predict/{model}": {model} and {version} stand for one part of a path */
    qn_handler *handler;
    unsigned flags;
    const struct qn_codec *codec;
};

/* The three calls of struct qn_http_app, with a struct qn_server as arg. */
bool qn_route_accept(void *arg, struct qn_workspace *workspace, size_t *max_body);
void qn_route_handle(void *arg, struct qn_workspace *workspace);
void qn_route_decorate(void *arg, struct qn_workspace *workspace);
void qn_route_finish(void *arg, struct qn_workspace *workspace, size_t n_sent);

/* Whether the pattern matches; fills model and version of the request. */
bool qn_route_matches(const char *pattern, const char *path, struct qn_request *request);

/* Handlers. */
qn_handler qn_handle_live;  /* the process answers */
qn_handler qn_handle_ready; /* and wants requests */
qn_handler qn_handle_infer; /* decode, run, encode: by the route's codec */

#endif
