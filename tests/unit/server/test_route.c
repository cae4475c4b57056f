/* test_route.c: matching paths, the table's answers for methods, tokens, media types and origins, and the error body.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/route.h"
#include "server/workspace.h"

static void matches_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        const char *model; /* NULL: not named */
        const char *version;
        bool matches;
    } cases[] = {
        {"/predict", "/predict", NULL, NULL, true},
        {"/predict", "/predic", NULL, NULL, false},
        {"/predict", "/predict/", NULL, NULL, false},
        {"/predict", "/predictx", NULL, NULL, false},
        {"/predict/{model}", "/predict/a", "a", NULL, true},
        {"/predict/{model}", "/predict/a b.c", "a b.c", NULL, true},
        {"/predict/{model}", "/predict/", NULL, NULL, false},
        {"/predict/{model}", "/predict", NULL, NULL, false},
        {"/predict/{model}", "/predict/a/b", NULL, NULL, false},
        {"/m/{model}/versions/{version}/x", "/m/net/versions/12/x", "net", "12", true},
        {"/m/{model}/versions/{version}", "/m/net/versions/", NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_request request = {.method = NULL};

        if (qn_route_matches(cases[i].pattern, cases[i].path, &request) != cases[i].matches)
            fail_msg("%s against %s", cases[i].path, cases[i].pattern);
        if (!cases[i].matches)
            continue;
        assert_int_equal(request.model.data != NULL, cases[i].model != NULL);
        assert_int_equal(request.version.data != NULL, cases[i].version != NULL);
        if (cases[i].model != NULL) {
            assert_int_equal(request.model.n, strlen(cases[i].model));
            assert_memory_equal(request.model.data, cases[i].model, request.model.n);
        }
    }
}

/* A server without models: enough for all that is decided before one is needed. */
struct fixture {
    struct qn_server_config config;
    struct qn_server server;
    struct qn_workspaces *pool;
    struct qn_workspace *w;
};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->server.config = &f->config;
    f->pool = qn_workspaces_create(1 << 20, 1 << 20, 1);
    assert_non_null(f->pool);
    f->w = qn_workspace_take(f->pool);
    assert_non_null(f->w);
    memcpy(f->w->request.id, "the-id", 7);
}

static void tear_down(struct fixture *f)
{
    qn_workspace_give(f->pool, f->w);
    qn_workspaces_destroy(f->pool);
}

/* The status, after accept and, when that says so, handle. */
static int ask(struct fixture *f, const char *method, const char *path)
{
    size_t max_body;

    f->w->request.method = method;
    f->w->request.path = path;
    if (qn_route_accept(&f->server, f->w, &max_body))
        qn_route_handle(&f->server, f->w);
    qn_route_decorate(&f->server, f->w);
    f->w->answer.headers[f->w->answer.n_headers] = '\0';
    return f->w->answer.status;
}

static const char *body(const struct fixture *f) { return f->w->answer.body->data + f->w->answer.body_at; }

static void probes_tell_the_state(void **state)
{
    static const struct {
        const char *path;
        bool is_ready;
        int status;
    } cases[] = {
        {"/livez", true, 200},   {"/livez", false, 200},  {"/readyz", true, 200},
        {"/readyz", false, 503}, {"/healthz", true, 200}, {"/healthz", false, 503},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        set_up(&f);
        f.server.is_ready = cases[i].is_ready;
        assert_int_equal(ask(&f, i % 2 == 0 ? "GET" : "HEAD", cases[i].path), cases[i].status);
        assert_int_equal(f.w->answer.retry_after, cases[i].status == 503);
        tear_down(&f);
    }
}

static void unknown_paths_and_methods(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    assert_int_equal(ask(&f, "GET", "/none"), 404);
    assert_string_equal(body(&f),
                        "{\"error\":\"there is nothing here\",\"code\":\"not_found\",\"request_id\":\"the-id\"}");
    tear_down(&f);
    set_up(&f);
    assert_int_equal(ask(&f, "GET", "/predict"), 405);
    assert_non_null(strstr(f.w->answer.headers, "Allow: POST, OPTIONS\r\n"));
    tear_down(&f);
    set_up(&f);
    assert_int_equal(ask(&f, "POST", "/livez"), 405);
    assert_non_null(strstr(f.w->answer.headers, "Allow: GET, HEAD, OPTIONS\r\n"));
    tear_down(&f);
    set_up(&f);
    assert_int_equal(ask(&f, "OPTIONS", "/predict/x"), 204);
    tear_down(&f);
    set_up(&f);
    assert_int_equal(ask(&f, "OPTIONS", "/none"), 404);
    tear_down(&f);
}

static void media_types(void **state)
{
    static const struct {
        const char *type;
        const char *encoding;
    } refused[] = {
        {"text/plain", NULL},         {"application/json; charset=latin1", NULL},
        {"application/jsonp", NULL},  {"", NULL},
        {"application/json", "gzip"}, {NULL, "identity, gzip"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct fixture f;

        set_up(&f);
        f.w->request.headers[QN_HEADER_CONTENT_TYPE] = refused[i].type;
        f.w->request.headers[QN_HEADER_CONTENT_ENCODING] = refused[i].encoding;
        assert_int_equal(ask(&f, "POST", "/predict"), 415);
        tear_down(&f);
    }
}

static void tokens(void **state)
{
    static const char *const wrong[] = {
        NULL, "", "Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Basic secret", "Bearer secretsecret"};
    static char token[] = "secret";
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_up(&f);
        f.server.token = token;
        f.server.n_token = 6;
        f.w->request.headers[QN_HEADER_AUTHORIZATION] = wrong[i];
        assert_int_equal(ask(&f, "POST", "/predict"), 401);
        assert_non_null(strstr(f.w->answer.headers, "WWW-Authenticate: Bearer\r\n"));
        tear_down(&f);
    }
    /* The right one gets as far as the media type. */
    set_up(&f);
    f.server.token = token;
    f.server.n_token = 6;
    f.w->request.headers[QN_HEADER_AUTHORIZATION] = "bearer secret ";
    f.w->request.headers[QN_HEADER_CONTENT_TYPE] = "text/plain";
    assert_int_equal(ask(&f, "POST", "/predict"), 415);
    tear_down(&f);
    set_up(&f);
    f.server.token = token;
    f.server.n_token = 6;
    assert_int_equal(ask(&f, "GET", "/livez"), 200);
    tear_down(&f);
}

static void origins(void **state)
{
    static const struct {
        const char *cors;
        const char *origin;
        const char *allowed; /* NULL: no header */
    } cases[] = {
        {NULL, "http://a", NULL},
        {"*", "http://a", "*"},
        {"*", NULL, NULL},
        {"http://a,https://b:1", "http://a", "http://a"},
        {"http://a,https://b:1", "HTTPS://B:1", "HTTPS://B:1"},
        {"http://a,https://b:1", "https://b", NULL},
        {"http://a", "http://a.evil", NULL},
        {"http://a", "null", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        const char *found;
        char wanted[64] = "Access-Control-Allow-Origin: ";

        set_up(&f);
        f.config.cors = cases[i].cors;
        f.w->request.headers[QN_HEADER_ORIGIN] = cases[i].origin;
        assert_int_equal(ask(&f, "GET", "/livez"), 200);
        if (cases[i].allowed != NULL)
            memcpy(wanted + strlen(wanted), cases[i].allowed, strlen(cases[i].allowed) + 1);
        found = strstr(f.w->answer.headers, wanted);
        assert_int_equal(found != NULL, cases[i].allowed != NULL);
        if (found != NULL)
            assert_memory_equal(found + strlen(wanted), "\r\n", 2);
        tear_down(&f);
    }
}

static void header_lines_cannot_be_broken(void **state)
{
    struct fixture f;
    char value[2 * QN_HEADERS_BYTES];

    (void)state;
    set_up(&f);
    qn_answer_header(&f.w->answer, "A", "b\r\nC: d");
    assert_int_equal(f.w->answer.n_headers, 0);
    qn_answer_header(&f.w->answer, "A", "b");
    assert_memory_equal(f.w->answer.headers, "A: b\r\n", 6);
    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    qn_answer_header(&f.w->answer, "A", value);
    assert_int_equal(f.w->answer.n_headers, 6);
    tear_down(&f);
}

static void every_problem_has_its_status(void **state)
{
    (void)state;
    for (int i = 0; i < QN_N_PROBLEMS; i++) {
        assert_in_range(qn_problem_http((enum qn_problem)i), 400, 599);
        assert_true(strlen(qn_problem_word((enum qn_problem)i)) > 0);
        assert_true(strlen(qn_http_reason(qn_problem_http((enum qn_problem)i))) > 0);
    }
    for (int i = 0; i < QN_N_STATUS; i++) {
        assert_true(strlen(qn_http_reason(qn_status_http((enum qn_status)i))) > 0);
        assert_string_not_equal(qn_status_word((enum qn_status)i), i == QN_INTERNAL ? "" : "internal_error");
    }
}

static void errors_replace_what_was_there(void **state)
{
    struct qn_err err = {QN_RANGE, 0, "node 3", "Gather", "index 7 is outside of 0 to 4"};
    struct fixture f;

    (void)state;
    set_up(&f);
    qn_buf_puts(f.w->answer.body, "half an answer");
    assert_false(qn_refuse_status(f.w, &err));
    assert_int_equal(f.w->answer.status, 422);
    assert_string_equal(body(&f), "{\"error\":\"index 7 is outside of 0 to 4 (Gather node \\\"node 3\\\")\","
                                  "\"code\":\"out_of_range\",\"request_id\":\"the-id\"}");
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_patterns),
        cmocka_unit_test(probes_tell_the_state),
        cmocka_unit_test(unknown_paths_and_methods),
        cmocka_unit_test(media_types),
        cmocka_unit_test(tokens),
        cmocka_unit_test(origins),
        cmocka_unit_test(header_lines_cannot_be_broken),
        cmocka_unit_test(every_problem_has_its_status),
        cmocka_unit_test(errors_replace_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
