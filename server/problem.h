/* problem.h: everything that can be wrong with a request, with its HTTP status and the machine word of the error body;
 * and the error body itself: {"error":"message for a person","code":"machine_word","request_id":"..."}. */
#ifndef QN_SERVER_PROBLEM_H
#define QN_SERVER_PROBLEM_H

#include "server/http.h"

/* X(name, HTTP status, machine word): what the server finds by itself. What the engine and the codecs find comes as a
 * qn_status, which has its HTTP status in quern.h. */
#define QN_PROBLEM_LIST(X)                                                                                             \
    X(BAD_REQUEST, 400, "bad_request")                                                                                 \
    X(UNAUTHORIZED, 401, "unauthorized")                                                                               \
    X(FORBIDDEN, 403, "forbidden")                                                                                     \
    X(NOT_FOUND, 404, "not_found")                                                                                     \
    X(MODEL_NOT_FOUND, 404, "model_not_found")                                                                         \
    X(METHOD_NOT_ALLOWED, 405, "method_not_allowed")                                                                   \
    X(REQUEST_TIMEOUT, 408, "request_timeout")                                                                         \
    X(BODY_TOO_LARGE, 413, "body_too_large")                                                                           \
    X(URI_TOO_LONG, 414, "uri_too_long")                                                                               \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "unsupported_media_type")                                                           \
    X(EXPECTATION_FAILED, 417, "expectation_failed")                                                                   \
    X(HEADER_TOO_LARGE, 431, "header_too_large")                                                                       \
    X(NOT_IMPLEMENTED, 501, "not_implemented")                                                                         \
    X(OVERLOADED, 503, "overloaded")                                                                                   \
    X(DRAINING, 503, "draining")                                                                                       \
    X(NOT_READY, 503, "not_ready")                                                                                     \
    X(VERSION_NOT_SUPPORTED, 505, "version_not_supported")

enum qn_problem {
#define QN_PROBLEM_ENUM(name, http, word) QN_PROBLEM_##name,
    QN_PROBLEM_LIST(QN_PROBLEM_ENUM)
#undef QN_PROBLEM_ENUM
        QN_N_PROBLEMS
};

int qn_problem_http(enum qn_problem problem);
const char *qn_problem_word(enum qn_problem problem);
/* The machine word of a status: "malformed", "shape_mismatch", ... */
const char *qn_status_word(enum qn_status status);
/* The reason phrase, "Not Found"; "" for a status nobody here sends. */
const char *qn_http_reason(int status);

/* Makes the answer an error, whatever was in it. Always false, so that `return qn_refuse(...)` reads well in accept. */
bool qn_refuse(struct qn_workspace *workspace, enum qn_problem problem, const char *format, ...) QN_PRINTF(3, 4);
/* The same for what a codec or the engine found. An internal error is logged, and its incident is the request's id. */
bool qn_refuse_status(struct qn_workspace *workspace, const struct qn_err *err);

#endif
