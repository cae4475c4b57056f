/* test_framing.c: the strict second look at header blocks, on blocks split as the HTTP library splits them, and paths.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/framing.h"

enum { MAX_FIELDS = 64 };

/* A request as the library leaves it behind: delimiters overwritten by zero bytes. */
struct block {
    char *buffer;
    struct qn_header_field fields[MAX_FIELDS];
    struct qn_header_block block;
};

/* Ends the word at p, and goes on to the next one. */
static char *end_word(char *p)
{
    while (isgraph((unsigned char)*p))
        p++;
    do {
        *p++ = '\0';
    } while (isspace((unsigned char)*p));
    return p;
}

static void split_fields(struct block *b, char *p)
{
    size_t n = 0;

    for (; n < MAX_FIELDS; n++) {
        char *at = p;

        while (*at != ':' && *at >= 33 && *at <= 126)
            at++;
        if (at == p)
            break;
        while (*at == ' ')
            *at++ = '\0';
        if (*at != ':')
            break;
        *at = '\0';
        b->fields[n].name = p;
        do {
            at++;
        } while (*at == ' ' || *at == '\t');
        b->fields[n].value = at;
        while (*at != '\0' && *at != '\r' && *at != '\n')
            at++;
        if (*at == '\r')
            *at++ = '\0';
        if (*at == '\0') {
            n++;
            break;
        }
        *at++ = '\0';
        p = at;
        if (*p == '\r' || *p == '\n') {
            n++;
            break;
        }
    }
    b->block.fields = b->fields;
    b->block.n_fields = n;
    b->block.max_fields = MAX_FIELDS;
}

/* text must end the header block; false when the library itself would refuse it. */
static bool split(struct block *b, const char *text)
{
    size_t n = strlen(text);
    char *p;
    char *mark;

    *b = (struct block){.buffer = malloc(n + 3)};
    assert_non_null(b->buffer);
    memcpy(b->buffer, text, n);
    memset(b->buffer + n, 'Z', 3);
    b->buffer[n - 1] = '\0';
    p = b->buffer;
    while (isspace((unsigned char)*p))
        p++;
    b->block.buffer = b->buffer;
    b->block.method = p;
    p = end_word(p);
    b->block.uri = p;
    p = end_word(p);
    if (strncmp(p, "HTTP/", 5) != 0)
        return false;
    b->block.version = p + 5;
    p = end_word(p);
    mark = strchr(b->block.uri, '?');
    if (mark != NULL) {
        *mark = '\0';
        b->block.query = mark + 1;
    }
    split_fields(b, p);
    return true;
}

static bool check(const char *text, struct qn_request *request, struct qn_framing *framing)
{
    struct block b;
    bool is_fine = split(&b, text) && qn_framing_check(&b.block, request, framing);

    free(b.buffer);
    return is_fine;
}

static void takes_what_is_right(void **state)
{
    static const struct {
        const char *text;
        int64_t length;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, true},
        {"GET / HTTP/1.0\r\n\r\n", 0, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade, Close\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: a , Keep-Alive ,b\r\n\r\n", 0, true},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", 0, false},
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: te\r\n\r\n", 0, true},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, true},
        {"GET / HTTP/1.1\r\nHost: a-b.c_d~%7E:8080 \r\n\r\n", 0, true},
        {"GET /?a=b HTTP/1.1\r\nHost:\r\n\r\n", 0, true},
        {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, true},
        {"POST /a?b HTTP/1.1\r\nHost: x:1\r\ncontent-length:  12 \r\n\r\n", 12, true},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 0, true},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999999\r\n\r\n", INT64_C(999999999999999999), true},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n", -1, true},
        {"POST / HTTP/1.1\r\nA:\r\nHost: x\r\nB: \t c\r\n\r\n", 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_request request = {.method = NULL};
        struct qn_framing framing;

        if (!check(cases[i].text, &request, &framing))
            fail_msg("refused: %s: %s", cases[i].text, framing.reason);
        assert_true(framing.content_length == cases[i].length);
        assert_int_equal(framing.keep_alive, cases[i].keep_alive);
    }
}

static void refuses_what_is_doubtful(void **state)
{
    static const struct {
        const char *text;
        enum qn_problem problem;
    } cases[] = {
        {"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {" GET / HTTP/1.1\r\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET /  HTTP/1.1\r\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\nHost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\n\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA :\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nA{: b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nA: b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x:80x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x:80:81\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n",
         QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000000000\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", QN_PROBLEM_BAD_REQUEST},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", QN_PROBLEM_EXPECTATION_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_request request = {.method = NULL};
        struct qn_framing framing = {.reason = NULL};

        if (check(cases[i].text, &request, &framing))
            fail_msg("accepted: %s", cases[i].text);
        assert_non_null(framing.reason);
        assert_int_equal(framing.problem, cases[i].problem);
    }
}

static void has_limits(void **state)
{
    enum { N = 20000 };
    char *text = malloc(N);
    struct qn_request request = {.method = NULL};
    struct qn_framing framing;
    size_t n;

    (void)state;
    assert_non_null(text);
    for (int n_fields = 62; n_fields <= 63; n_fields++) {
        n = (size_t)snprintf(text, N, "GET / HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < n_fields; i++)
            n += (size_t)snprintf(text + n, N - n, "A: b\r\n");
        snprintf(text + n, N - n, "\r\n");
        assert_int_equal(check(text, &request, &framing), n_fields == 62);
    }
    assert_int_equal(framing.problem, QN_PROBLEM_HEADER_TOO_LARGE);
    snprintf(text, N, "GET /%08181d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    assert_true(check(text, &request, &framing));
    snprintf(text, N, "GET /%08191d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    assert_false(check(text, &request, &framing));
    assert_int_equal(framing.problem, QN_PROBLEM_URI_TOO_LONG);
    free(text);
}

static void finds_headers(void **state)
{
    struct qn_request request = {.method = NULL};
    struct qn_framing framing;
    struct block b;

    (void)state;
    assert_true(split(&b, "POST /p?q=1 HTTP/1.1\r\nHOST: x\r\nX-Request-ID: a\r\nx-request-id: b\r\nOrigin: o\r\n"
                          "Expect: 100-Continue\r\nX-Other: c\r\n\r\n"));
    assert_true(qn_framing_check(&b.block, &request, &framing));
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.query, "q=1");
    assert_string_equal(request.headers[QN_HEADER_HOST], "x");
    assert_string_equal(request.headers[QN_HEADER_REQUEST_ID], "a");
    assert_true(request.repeated[QN_HEADER_REQUEST_ID]);
    assert_string_equal(request.headers[QN_HEADER_ORIGIN], "o");
    assert_null(request.headers[QN_HEADER_AUTHORIZATION]);
    assert_true(framing.expects_continue);
    free(b.buffer);
}

/* Random damage never makes the check read outside of the block, and whatever passes has one meaning. */
static void survives_damage(void **state)
{
    static const char whole[] = "POST /p?q HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-A: b\r\nTransfer-E: c\r\n\r\n";
    static const char bytes[] = "\r\n :\t,a5?/%;\x01\x7f";
    uint64_t seed = 12345;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[sizeof(whole)];
        struct qn_request request = {.method = NULL};
        struct qn_framing framing;

        memcpy(text, whole, sizeof(whole));
        for (int k = 0; k < 1 + i % 3; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[(seed >> 33) % (sizeof(whole) - 5)] = bytes[(seed >> 20) % (sizeof(bytes) - 1)];
        }
        if (strstr(text, "\r\n\r\n") != text + sizeof(whole) - 5 || strstr(text, "\n\n") != NULL ||
            !isgraph((unsigned char)text[0]))
            continue; /* the library would cut the block elsewhere */
        if (check(text, &request, &framing))
            assert_true(framing.content_length >= 0);
    }
}

static void decodes_paths(void **state)
{
    static const struct {
        const char *uri;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"/", "/"},
        {"/predict", "/predict"},
        {"/%70redict", "/predict"},
        {"/a%2Fb", "/a/b"},
        {"/a%2fb%25", "/a/b%"},
        {"/%c3%a9", "/\xC3\xA9"},
        {"/a+b", "/a+b"},
        {"/..", "/.."},
        {"", NULL},
        {"predict", NULL},
        {"*", NULL},
        {"/a%00b", NULL},
        {"/a%0ab", NULL},
        {"/a%7f", NULL},
        {"/%", NULL},
        {"/%4", NULL},
        {"/%4g", NULL},
        {"/%zz", NULL},
        {"/%ff", NULL},
        {"/%c3", NULL},
        {"/a#b", NULL},
        {"/\x01", NULL},
    };
    char path[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(qn_framing_path(cases[i].uri, path), cases[i].path != NULL);
        if (cases[i].path != NULL)
            assert_string_equal(path, cases[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_right), cmocka_unit_test(refuses_what_is_doubtful),
        cmocka_unit_test(has_limits),          cmocka_unit_test(finds_headers),
        cmocka_unit_test(survives_damage),     cmocka_unit_test(decodes_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
