/* http_head.c: status line and headers of an answer; see http_head.h. Made by hand, not by printf, as it is part of
 * every request. */
#include "server/http_head.h"

#include <string.h>

#include "server/codec/json_print.h"
#include "server/problem.h"

static void put_n(struct qn_http_head *head, const char *text, size_t n)
{
    if (n <= sizeof(head->text) - head->n) {
        memcpy(head->text + head->n, text, n);
        head->n += n;
    }
}

static void put(struct qn_http_head *head, const char *text) { put_n(head, text, strlen(text)); }

static void put_number(struct qn_http_head *head, uint64_t value)
{
    char digits[QN_PRINT_BYTES];

    put_n(head, digits, (size_t)(qn_print_u64(digits, value) - digits));
}

/* ";dur=" takes milliseconds; microseconds are what can be told apart. */
static void put_duration(struct qn_http_head *head, const char *name, int64_t ns)
{
    uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
    char fraction[4] = {(char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10), (char)('0' + us % 10)};

    put(head, name);
    put(head, ";dur=");
    put_number(head, us / 1000);
    put(head, ".");
    put(head, fraction);
}

static const char *date_now(struct qn_http_date *date)
{
    time_t now = time(NULL);
    struct tm parts;

    if (now != date->second && gmtime_r(&now, &parts) != NULL) {
        strftime(date->text, sizeof(date->text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        date->second = now;
    }
    return date->text;
}

static void put_server_timing(struct qn_http_head *head, const struct qn_request *request)
{
    if (request->parse_ns == 0)
        return;
    put_duration(head, "Server-Timing: parse", request->parse_ns);
    put_duration(head, ", queue", request->queue_ns);
    put_duration(head, ", infer", request->infer_ns);
    put_duration(head, ", write", request->write_ns);
    put(head, "\r\n");
}

void qn_http_head_make(struct qn_http_head *head, const struct qn_workspace *w, size_t n_body, bool keep, bool is_1_0,
                       struct qn_http_date *date)
{
    const struct qn_answer *answer = &w->answer;

    head->n = 0;
    put(head, "HTTP/1.1 ");
    put_number(head, (uint64_t)answer->status);
    put(head, " ");
    put(head, qn_http_reason(answer->status));
    put(head, "\r\nDate: ");
    put(head, date_now(date));
    if (answer->content_type != NULL) {
        put(head, "\r\nContent-Type: ");
        put(head, answer->content_type);
    }
    if (answer->status != 204) {
        put(head, "\r\nContent-Length: ");
        put_number(head, n_body);
    }
    put(head, "\r\nX-Request-Id: ");
    put(head, w->request.id);
    put(head, "\r\n");
    put_server_timing(head, &w->request);
    if (answer->retry_after > 0) {
        put(head, "Retry-After: ");
        put_number(head, (uint64_t)answer->retry_after);
        put(head, "\r\n");
    }
    put_n(head, answer->headers, answer->n_headers);
    if (!keep)
        put(head, "Connection: close\r\n");
    else if (is_1_0)
        put(head, "Connection: keep-alive\r\n");
    put(head, "\r\n");
}

void qn_answer_header(struct qn_answer *answer, const char *name, const char *value)
{
    size_t n_name = strlen(name);
    size_t n_value = strlen(value);
    char *to = answer->headers + answer->n_headers;

    if (n_name + n_value + 4 > sizeof(answer->headers) - answer->n_headers)
        return;
    for (size_t i = 0; i < n_value; i++)
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return;
    memcpy(to, name, n_name);
    memcpy(to + n_name, ": ", 2);
    memcpy(to + n_name + 2, value, n_value);
    memcpy(to + n_name + 2 + n_value, "\r\n", 2);
    answer->n_headers += n_name + n_value + 4;
}
