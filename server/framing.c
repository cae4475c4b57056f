/* framing.c: strict checks on a request's header block; see framing.h. Sources: RFC 9110, RFC 9112. */
#include "server/framing.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum { MAX_URI = 8192 };

static bool refuse(struct qn_framing *framing, enum qn_problem problem, const char *reason)
{
    framing->problem = problem;
    framing->reason = reason;
    return false;
}

static bool bad(struct qn_framing *framing, const char *reason)
{
    return refuse(framing, QN_PROBLEM_BAD_REQUEST, reason);
}

/* ---- the layout ---- */

bool qn_http_is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text)
{
    const char *p = text;

    while (qn_http_is_token(*p))
        p++;
    return p > text && *p == '\0';
}

/* METHOD SP URI SP HTTP/1.x CR LF, with one space each; returns the end of the version, NULL when not so. */
static const char *request_line_end(const struct qn_header_block *b)
{
    const char *uri_end = (b->query != NULL ? b->query : b->uri) + strlen(b->query != NULL ? b->query : b->uri);

    if (b->uri != b->method + strlen(b->method) + 1 || b->version != uri_end + 1 + strlen("HTTP/"))
        return NULL;
    if (b->query != NULL && b->query != b->uri + strlen(b->uri) + 1)
        return NULL;
    return b->version + strlen(b->version);
}

/* Between a name and its value were a colon and white space; had a space been before the colon, two bytes were
 * overwritten. */
static bool is_colon_tight(const struct qn_header_field *field, const char *name_end)
{
    for (const char *p = name_end + 1; p < field->value; p++)
        if (*p != ' ' && *p != '\t')
            return false;
    return true;
}

/* Lines end by CR LF, both overwritten, so each line begins two bytes behind the one before. After the last, CR is
 * still there and the final LF overwritten: anything else was a folded line, a line without a name, or one too many. */
static bool check_lines(const struct qn_header_block *b, const char *line_end, struct qn_framing *framing)
{
    for (size_t i = 0; i < b->n_fields; i++) {
        const struct qn_header_field *field = &b->fields[i];

        if (field->name != line_end + 2)
            return bad(framing, "a header line does not end with CR LF, or is folded");
        if (!is_token(field->name))
            return bad(framing, "a header name has characters that are not allowed");
        if (!is_colon_tight(field, field->name + strlen(field->name)))
            return bad(framing, "white space before the colon of a header");
        line_end = field->value + strlen(field->value);
    }
    if (b->n_fields > 0 && (line_end[1] != '\0' || line_end[2] != '\r' || line_end[3] != '\0'))
        return bad(framing, "the header block holds a malformed or folded line");
    return true;
}

/* An empty line before the request line is tolerated, as RFC 9112 asks; anything longer may hide a second request. */
static bool check_begin(const struct qn_header_block *b, struct qn_framing *framing)
{
    size_t n_before = b->buffer == NULL ? 0 : (size_t)(b->method - b->buffer);

    if (n_before != 0 && (n_before != 2 || memcmp(b->buffer, "\r\n", 2) != 0))
        return bad(framing, "white space before the request line");
    return true;
}

/* ---- the fields ---- */

static const char *const header_names[] = {
#define NAME(name, text) text,
    QN_HEADER_LIST(NAME)
#undef NAME
};

static const unsigned char header_lengths[] = {
#define LENGTH(name, text) sizeof(text) - 1,
    QN_HEADER_LIST(LENGTH)
#undef LENGTH
};

static const char *const twice[] = {
#define TWICE(name, text) text " is sent twice",
    QN_HEADER_LIST(TWICE)
#undef TWICE
};

/* Names have different lengths, most of them; so one comparison is made for a name that is known, none for others. */
static enum qn_header find_header(const char *name)
{
    size_t n = strlen(name);
    int i = 0;

    while (i < QN_N_HEADERS && (header_lengths[i] != n || strcasecmp(header_names[i], name) != 0))
        i++;
    return (enum qn_header)i;
}

/* The value without white space behind it (none is before it). */
static size_t trimmed(const char *value)
{
    size_t n = strlen(value);

    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    return n;
}

static bool value_is(const char *value, const char *text)
{
    return trimmed(value) == strlen(text) && strncasecmp(value, text, strlen(text)) == 0;
}

/* Whether a comma-separated list has the option. */
static bool has_option(const char *list, const char *option)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        size_t skipped = strspn(list, " \t");
        size_t n_option = n;

        while (n_option > skipped && (list[n_option - 1] == ' ' || list[n_option - 1] == '\t'))
            n_option--;
        if (n_option > skipped && n_option - skipped == strlen(option) &&
            strncasecmp(list + skipped, option, n_option - skipped) == 0)
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* "name", "name:port", "[address]" or "[address]:port". Empty is allowed: the client has no name for us. */
static bool is_host(const char *value)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%";
    const char *end = value + trimmed(value);
    const char *p = value;

    if (*p == '[') {
        p += 1 + strspn(p + 1, "0123456789abcdefABCDEF:.");
        if (*p++ != ']')
            return false;
    } else {
        p += strspn(p, name);
    }
    if (*p == ':')
        p += 1 + strspn(p + 1, "0123456789");
    return p == end;
}

static bool parse_length(const char *value, int64_t *length)
{
    size_t n = trimmed(value);

    *length = 0;
    if (n == 0 || n > 18)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        *length = *length * 10 + (value[i] - '0');
    }
    return true;
}

/* One Content-Length of digits, or one "Transfer-Encoding: chunked" of HTTP/1.1, or neither. */
static bool check_length(const struct qn_request *request, bool is_1_1, struct qn_framing *framing)
{
    const char *length = request->headers[QN_HEADER_CONTENT_LENGTH];
    const char *encoding = request->headers[QN_HEADER_TRANSFER_ENCODING];

    framing->content_length = 0;
    if (encoding != NULL) {
        if (length != NULL)
            return bad(framing, "both Content-Length and Transfer-Encoding are sent");
        if (!is_1_1 || !value_is(encoding, "chunked"))
            return bad(framing, "the only Transfer-Encoding is \"chunked\", with HTTP/1.1");
        framing->content_length = -1;
        return true;
    }
    if (length != NULL && !parse_length(length, &framing->content_length))
        return bad(framing, "Content-Length must be a decimal number of at most 18 digits");
    return true;
}

static bool check_host(const struct qn_request *request, bool is_1_1, struct qn_framing *framing)
{
    const char *host = request->headers[QN_HEADER_HOST];

    if (host == NULL && is_1_1)
        return bad(framing, "Host is missing");
    if (host != NULL && !is_host(host))
        return bad(framing, "Host is no host, or host and port");
    return true;
}

static bool check_fields(struct qn_request *request, bool is_1_1, struct qn_framing *framing)
{
    const char *expect = request->headers[QN_HEADER_EXPECT];

    if (!check_length(request, is_1_1, framing) || !check_host(request, is_1_1, framing))
        return false;
    framing->expects_continue = expect != NULL && is_1_1;
    if (expect != NULL && is_1_1 && !value_is(expect, "100-continue"))
        return refuse(framing, QN_PROBLEM_EXPECTATION_FAILED, "the only expectation known is \"100-continue\"");
    return true;
}

/* Fills request->headers. Of fields that can stand there once, a second one is a doubt about the first; Connection is a
 * list, and its lines add up. */
static bool collect_headers(const struct qn_header_block *b, struct qn_request *request, struct qn_framing *framing)
{
    memset(request->headers, 0, sizeof(request->headers));
    memset(request->repeated, 0, sizeof(request->repeated));
    framing->keep_alive = strcmp(b->version, "1.1") == 0;
    for (size_t i = 0; i < b->n_fields; i++) {
        const char *value = b->fields[i].value;
        enum qn_header header = find_header(b->fields[i].name);

        if (header == QN_N_HEADERS)
            continue;
        request->repeated[header] = request->headers[header] != NULL;
        if (request->repeated[header] && header <= QN_HEADER_LAST_SINGLE)
            return bad(framing, twice[header]);
        if (header == QN_HEADER_CONNECTION)
            framing->keep_alive = !has_option(value, "close") &&
                                  (request->repeated[header] ? framing->keep_alive : has_option(value, "keep-alive"));
        if (request->headers[header] == NULL)
            request->headers[header] = value;
    }
    return true;
}

bool qn_framing_check(const struct qn_header_block *b, struct qn_request *request, struct qn_framing *framing)
{
    const char *line_end = request_line_end(b);
    bool is_1_1 = strcmp(b->version, "1.1") == 0;

    *framing = (struct qn_framing){.reason = NULL};
    if (!check_begin(b, framing))
        return false;
    if (line_end == NULL || !is_token(b->method))
        return bad(framing, "malformed request line");
    if (line_end - b->uri > MAX_URI)
        return refuse(framing, QN_PROBLEM_URI_TOO_LONG, "the URI is longer than 8192 bytes");
    if (b->n_fields >= b->max_fields)
        return refuse(framing, QN_PROBLEM_HEADER_TOO_LARGE, "too many header lines");
    if (!check_lines(b, line_end, framing))
        return false;
    request->method = b->method;
    request->query = b->query;
    return collect_headers(b, request, framing) && check_fields(request, is_1_1, framing);
}

/* ---- the path ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool qn_framing_path(const char *uri, char *to)
{
    char *begin = to;

    if (*uri != '/')
        return false;
    while (*uri != '\0') {
        if (*uri == '#')
            return false;
        if (*uri == '%') {
            int high = hex_value(uri[1]);
            int low = high < 0 ? -1 : hex_value(uri[2]);

            if (low < 0)
                return false;
            *to++ = (char)(high << 4 | low);
            uri += 3;
        } else {
            *to++ = *uri++;
        }
        if (to[-1] == '\0')
            return false;
    }
    *to = '\0';
    for (const char *p = begin; *p != '\0';) {
        size_t length = qn_utf8_length(p, (size_t)(to - p));

        if (length == 0 || qn_utf8_is_control(p, length))
            return false;
        p += length;
    }
    return true;
}
