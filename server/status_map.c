/* status_map.c: from what went wrong to HTTP; see problem.h. The only place that knows status numbers' texts and words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/problem.h"

static const struct {
    int http;
    const char *word;
} problems[] = {
#define ROW(name, http, word) {http, word},
    QN_PROBLEM_LIST(ROW)
#undef ROW
};

int qn_problem_http(enum qn_problem problem)
{
    return (unsigned)problem < QN_N_PROBLEMS ? problems[problem].http : 500;
}

const char *qn_problem_word(enum qn_problem problem)
{
    return (unsigned)problem < QN_N_PROBLEMS ? problems[problem].word : "internal_error";
}

const char *qn_status_word(enum qn_status status)
{
    static const char *const words[QN_N_STATUS] = {
        [QN_OK] = "ok",
        [QN_NOMEM] = "out_of_memory",
        [QN_ARG] = "bad_argument",
        [QN_FORMAT] = "malformed",
        [QN_UNSUPPORTED] = "not_supported",
        [QN_SHAPE] = "shape_mismatch",
        [QN_RANGE] = "out_of_range",
        [QN_LIMIT] = "limit_exceeded",
        [QN_IO] = "io_error",
        [QN_TIMEOUT] = "deadline_passed",
        [QN_BUSY] = "overloaded",
        [QN_CANCELLED] = "cancelled",
        [QN_INTERNAL] = "internal_error",
    };

    return (unsigned)status < QN_N_STATUS && words[status] != NULL ? words[status] : "internal_error";
}

const char *qn_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

static void set_error(struct qn_workspace *workspace, int status, const char *word, const char *text)
{
    struct qn_answer *answer = &workspace->answer;
    struct qn_buf *body = answer->body;

    body->failed = false;
    body->n = answer->body_at;
    answer->status = status;
    answer->content_type = "application/json";
    if (status == 503 || status == 429)
        answer->retry_after = 1;
    qn_buf_puts(body, "{\"error\":");
    qn_buf_json_string(body, text, strlen(text));
    qn_buf_printf(body, ",\"code\":\"%s\",\"request_id\":", word);
    qn_buf_json_string(body, workspace->request.id, strlen(workspace->request.id));
    qn_buf_puts(body, "}");
}

bool qn_refuse(struct qn_workspace *workspace, enum qn_problem problem, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    set_error(workspace, qn_problem_http(problem), qn_problem_word(problem), text);
    return false;
}

bool qn_refuse_status(struct qn_workspace *workspace, const struct qn_err *err)
{
    char text[sizeof(err->text) + sizeof(err->node) + sizeof(err->op) + 32];

    if (err->op[0] != '\0')
        snprintf(text, sizeof(text), "%s (%s node \"%s\")", err->text, err->op, err->node);
    else
        snprintf(text, sizeof(text), "%s", err->text);
    if (err->status == QN_INTERNAL)
        qn_log(QN_LOG_ERROR, "server", "incident %s: %s", workspace->request.id, text);
    set_error(workspace, qn_status_http(err->status), qn_status_word(err->status), text);
    return false;
}
