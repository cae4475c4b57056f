/* test_config.c: settings: values, sources and their order. Whole command lines are in tests/server/test_life.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/config.h"

static void begin(struct qn_server_config *config)
{
    memset(config, 0, sizeof(*config));
    qn_arena_init(&config->arena, 1 << 20);
}

static void takes_sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t n; /* -2: refused */
    } cases[] = {
        {"65536", 65536},
        {"64KiB", 65536},
        {"10MiB", 10 << 20},
        {"1GiB", 1 << 30},
        {"1TiB", INT64_C(1) << 40},
        {"auto", QN_AUTO},
        {"", -2},
        {"1G", -2},
        {"1kib", -2},
        {"1 KiB", -2},
        {"KiB", -2},
        {"-1", -2},
        {"+1", -2},
        {"0x1000", -2},
        {"1e3", -2},
        {"1023", -2},
        {"2TiB", -2},
        {"9223372036854775807", -2},
        {"9223372036854775808", -2},
        {"9007199254740993TiB", -2},
        {"99999999999999999999999999999999", -2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_server_config config;
        struct qn_err err = {0};
        enum qn_status status;

        begin(&config);
        status = qn_config_set(&config, "max-body", cases[i].text, QN_SOURCE_FLAG, "--max-body", &err);
        if (status != (cases[i].n == -2 ? QN_ARG : QN_OK))
            fail_msg("\"%s\": %s", cases[i].text, err.text);
        if (status == QN_OK)
            assert_true(config.max_body == cases[i].n);
        else
            assert_non_null(strstr(err.text, "--max-body"));
        qn_config_deinit(&config);
    }
}

static void the_higher_source_wins(void **state)
{
    struct qn_server_config config;

    (void)state;
    begin(&config);
    assert_int_equal(qn_config_set(&config, "queue", "1", QN_SOURCE_FLAG, "--queue", NULL), QN_OK);
    assert_int_equal(qn_config_set(&config, "queue", "2", QN_SOURCE_ENV, "QUERN_QUEUE", NULL), QN_OK);
    assert_int_equal(qn_config_set(&config, "queue", "x", QN_SOURCE_DOTENV, ".env", NULL), QN_ARG);
    assert_true(config.queue == 1);
    assert_int_equal(qn_config_set(&config, "queue", "3", QN_SOURCE_FLAG, "--queue", NULL), QN_ARG); /* twice */
    assert_int_equal(qn_config_set(&config, "nothing", "3", QN_SOURCE_FLAG, "--nothing", NULL), QN_ARG);
    qn_config_deinit(&config);
}

static void addresses_add_up_within_a_source(void **state)
{
    struct qn_server_config config;

    (void)state;
    begin(&config);
    assert_int_equal(qn_config_set(&config, "listen", "127.0.0.1:1", QN_SOURCE_FLAG, "--listen", NULL), QN_OK);
    assert_int_equal(qn_config_set(&config, "listen", "[::1]:2", QN_SOURCE_FLAG, "--listen", NULL), QN_OK);
    assert_int_equal(qn_config_set(&config, "listen", "127.0.0.1:3", QN_SOURCE_ENV, "QUERN_LISTEN", NULL), QN_OK);
    assert_int_equal(config.n_listen, 2);
    assert_string_equal(config.listen[1], "[::1]:2");
    for (int i = 2; i < QN_MAX_LISTEN; i++)
        assert_int_equal(qn_config_set(&config, "listen", "localhost:1", QN_SOURCE_FLAG, "--listen", NULL), QN_OK);
    assert_int_equal(qn_config_set(&config, "listen", "localhost:1", QN_SOURCE_FLAG, "--listen", NULL), QN_ARG);
    qn_config_deinit(&config);
}

static void refuses_addresses(void **state)
{
    static const char *const wrong[] = {"",     "8080",   ":8080", "a:",       "a:b",  "a:65536", "a:-1",
                                        "a:1 ", "::1:80", "unix:", "a:123456", "[]:1", "[::1]80", "http://x:1/"};
    struct qn_server_config config;

    (void)state;
    begin(&config);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (qn_config_set(&config, "listen", wrong[i], QN_SOURCE_FLAG, "--listen", NULL) != QN_ARG)
            fail_msg("accepted: %s", wrong[i]);
    qn_config_deinit(&config);
}

static void reads_the_environment(void **state)
{
    static char batch[] = "QUERN_MAX_BATCH=7";
    static char empty[] = "QUERN_CORS=";
    static char other[] = "QUERNX=1";
    static char engine[] = "QUERN_CPU=generic";
    static char service[] = "QUERN_SERVICE_PORT=80";
    static char wrong[] = "QUERN_BATCH=1";
    static char lower[] = "QUERN_max_batch=1";
    char *fine[] = {batch, empty, other, engine, service, NULL};
    char *unknown[] = {wrong, NULL};
    char *in_lower_case[] = {lower, NULL};
    struct qn_server_config config;
    struct qn_err err = {0};

    (void)state;
    begin(&config);
    assert_int_equal(qn_config_read_environment(&config, fine, &err), QN_OK);
    assert_true(config.max_batch == 7);
    assert_null(config.cors);
    assert_int_equal(qn_config_read_environment(&config, unknown, &err), QN_ARG);
    assert_string_equal(err.text, "QUERN_BATCH is not a setting");
    assert_int_equal(qn_config_read_environment(&config, in_lower_case, &err), QN_ARG);
    qn_config_deinit(&config);
}

static void reads_dotenv(void **state)
{
    static const struct {
        const char *text;
        const char *name; /* the value of "name"; NULL: not set */
        bool is_fine;
    } cases[] = {
        {"", NULL, true},
        {"QUERN_NAME=a", "a", true},
        {"QUERN_NAME=a\r\n", "a", true},
        {"\n\n  export QUERN_NAME = a b # c\n", "a b", true},
        {"QUERN_NAME=a#b", "a#b", true},
        {"QUERN_NAME=\"a # b\" # c", "a # b", true},
        {"QUERN_NAME='\"'", "\"", true},
        {"QUERN_NAME=", NULL, true},
        {"QUERN_NAME=#", NULL, true},
        {"#QUERN_NAME=a", NULL, true},
        {"NAME=a\nnonsense\n=\n", NULL, true},
        {"QUERN_NAME", NULL, false},
        {"QUERN_NAME='a", NULL, false},
        {"QUERN_NAME=a\nQUERN_NAME=b", "a", false},
        {"QUERN_NOTHING=a", NULL, false},
        {"QUERN_=a", NULL, false},
        {"QUERN_CPU=avx2", NULL, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_server_config config;

        begin(&config);
        if (qn_config_read_dotenv(&config, cases[i].text, NULL) != (cases[i].is_fine ? QN_OK : QN_ARG))
            fail_msg("%s", cases[i].text);
        if (cases[i].name == NULL)
            assert_null(config.name);
        else
            assert_string_equal(config.name, cases[i].name);
        qn_config_deinit(&config);
    }
}

static void knows_where_to_ask(void **state)
{
    static const char *const cases[][2] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080/readyz"},
        {"0.0.0.0:80", "http://127.0.0.1:80/readyz"},
        {"[::]:80", "http://[::1]:80/readyz"},
        {"unix:/run/x", "unix:/run/x"},
        {"localhost:1", "http://localhost:1/readyz"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_server_config config = {.listen = {cases[i][0]}, .n_listen = 1};
        char url[128];

        qn_config_health_url(&config, url, sizeof(url));
        assert_string_equal(url, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_sizes),        cmocka_unit_test(the_higher_source_wins),
        cmocka_unit_test(refuses_addresses),  cmocka_unit_test(addresses_add_up_within_a_source),
        cmocka_unit_test(reads_dotenv),       cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(knows_where_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
