/* http_head.h: the head of an answer as text, the same for every transport of HTTP/1. */
#ifndef QN_SERVER_HTTP_HEAD_H
#define QN_SERVER_HTTP_HEAD_H

#include <time.h>

#include "server/http.h"

struct qn_http_head {
    char text[QN_HEAD_BYTES];
    size_t n;
};

/* The date as a header has it, made once a second. One per thread. */
struct qn_http_date {
    time_t second;
    char text[32];
};

/* From the status line to the empty line. keep: the connection stays open, which clients of HTTP/1.0 want to be told.
 */
void qn_http_head_make(struct qn_http_head *head, const struct qn_workspace *workspace, size_t n_body, bool keep,
                       bool is_1_0, struct qn_http_date *date);

#endif
