/* test_log.c: filters, both formats and their escaping, and what happens when standard error is full, closed or gone.
 * Standard error is replaced by a pipe while a test logs. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/log.h"

static int saved_stderr = -1;
static int pipe_read = -1;
static char output[1 << 20];

static void begin_capture(void)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(saved_stderr >= 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    pipe_read = ends[0];
    fcntl(pipe_read, F_SETFL, O_NONBLOCK);
}

/* What was logged since begin_capture() or the last drain(). */
static const char *drain(void)
{
    size_t n = 0;
    ssize_t got;

    while ((got = read(pipe_read, output + n, sizeof(output) - 1 - n)) > 0)
        n += (size_t)got;
    output[n] = '\0';
    return output;
}

static const char *end_capture(void)
{
    drain();
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(pipe_read);
    return output;
}

/* The line behind its time stamp, which must have the one form there is. */
static const char *after_time(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
            fail_msg("no time at the start of: %s", line);
    return line + sizeof(form) - 1;
}

static void configure(const char *filter, bool json)
{
    struct qn_err err = {0};

    if (qn_log_configure(filter, json, &err) != QN_OK)
        fail_msg("%s", err.text);
}

static void filters_select_by_area(void **state)
{
    (void)state;
    configure("warn,http=trace,plan=off", false);
    assert_true(qn_log_enabled(QN_LOG_ERROR, "run"));
    assert_true(qn_log_enabled(QN_LOG_WARN, "run"));
    assert_false(qn_log_enabled(QN_LOG_INFO, "run"));
    assert_true(qn_log_enabled(QN_LOG_TRACE, "http"));
    assert_false(qn_log_enabled(QN_LOG_ERROR, "plan"));
    configure("off", false);
    assert_false(qn_log_enabled(QN_LOG_ERROR, "run"));
    configure("run=debug", false);
    assert_true(qn_log_enabled(QN_LOG_DEBUG, "run"));
    assert_true(qn_log_enabled(QN_LOG_INFO, "http"));
    assert_false(qn_log_enabled(QN_LOG_DEBUG, "http"));
}

static void bad_filters_change_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "loud",
        "info,",
        ",info",
        "http=",
        "=info",
        "INFO ",
        "info,,warn",
        "http=info=warn",
        "an_area_with_a_name_that_is_too_long=info",
        "a=info,b=info,c=info,d=info,e=info,f=info,g=info,h=info,i=info,j=info,k=info,l=info,m=info,n=info,o=info,p="
        "info,"
        "q=info",
    };

    (void)state;
    configure("error", false);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct qn_err err = {0};

        if (qn_log_configure(bad[i], false, &err) != QN_ARG)
            fail_msg("\"%s\" was accepted", bad[i]);
        assert_non_null(strstr(err.text, "log filter"));
    }
    assert_false(qn_log_enabled(QN_LOG_WARN, "run"));
}

static void text_lines_are_plain_and_safe(void **state)
{
    const char *line;

    (void)state;
    configure("info", false);
    begin_capture();
    qn_log(QN_LOG_WARN, "http", "took %d ms", 5);
    line = after_time(drain());
    assert_string_equal(line, " WARN  http: took 5 ms\n");
    qn_log(QN_LOG_INFO, "http", "%s", "a\nb\r\x1b[31m\xC2\x9B\xFF gr\xC3\xBC\xC3\x9F");
    line = after_time(drain());
    assert_string_equal(line, " INFO  http: a\\nb\\x0d\\x1b[31m\\xc2\\x9b\\xff gr\xC3\xBC\xC3\x9F\n");
    qn_log(QN_LOG_DEBUG, "http", "not shown");
    assert_string_equal(end_capture(), "");
}

static void text_lines_show_fields(void **state)
{
    (void)state;
    configure("info", false);
    begin_capture();
    qn_log_fields(QN_LOG_ERROR, "http", "done",
                  "\"status\":200,\"ms\":1.2,\"id\":\"a,b:\\\"c\",\"shape\":[1, 2],\"x\":{\"y\":1}");
    assert_string_equal(after_time(end_capture()),
                        " ERROR http: done status=200 ms=1.2 id=\"a,b:\\\"c\" shape=[1, 2] x={\"y\":1}\n");
}

static void json_lines_are_json(void **state)
{
    const char *line;

    (void)state;
    configure("info", true);
    begin_capture();
    qn_log_fields(QN_LOG_INFO, "ht\"tp", "a\nb\x1b\xFF", "\"status\":200");
    line = end_capture();
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_string_equal(after_time(line + 9), "\",\"level\":\"info\",\"area\":\"ht\\\"tp\",\"message\":\"a\\nb\\u001b"
                                              "\xEF\xBF\xBD\",\"status\":200}\n");
}

/* One write must take the whole line, so it stays within a pipe's atomic size. */
static void long_lines_are_cut(void **state)
{
    static char long_fields[9000];
    static char message[3000];
    const char *line;

    (void)state;
    memcpy(long_fields, "\"x\":\"", 5);
    memset(long_fields + 5, 'y', sizeof(long_fields) - 7);
    long_fields[sizeof(long_fields) - 2] = '"';
    memset(message, '\x01', sizeof(message) - 1);
    for (int json = 0; json <= 1; json++) {
        configure("info", json);
        begin_capture();
        qn_log_fields(QN_LOG_INFO, "run", "short", long_fields);
        line = drain();
        assert_in_range(strlen(line), 30, 4096);
        assert_non_null(strstr(line, "short"));
        assert_non_null(strstr(line, json ? "\"cut\":true}\n" : "cut=true\n"));
        qn_log_fields(QN_LOG_INFO, "run", message, NULL);
        line = end_capture();
        assert_in_range(strlen(line), 1000, 4096);
        assert_int_equal(line[strlen(line) - 1], '\n');
    }
}

/* A reader that stalls costs a short wait once; later the log says how much was lost. */
static void a_full_pipe_loses_lines(void **state)
{
    long long begin;
    const char *text;

    (void)state;
    configure("info", true);
    begin_capture();
    begin = qn_now_ns();
    for (int i = 0; i < 3000; i++)
        qn_log(QN_LOG_INFO, "run", "%d %0500d", i, 0);
    assert_in_range(qn_now_ns() - begin, 0, 3000000000);
    drain();
    qn_log(QN_LOG_INFO, "run", "after");
    text = end_capture();
    assert_non_null(strstr(text, "\"message\":\"lines lost\",\"lines\":2"));
    assert_non_null(strstr(text, "\"message\":\"after\""));
}

static void a_broken_standard_error_is_survived(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;

    (void)state;
    sigaction(SIGPIPE, &ignore, &before);
    configure("info", false);
    begin_capture();
    close(pipe_read);
    pipe_read = open("/dev/null", O_RDONLY | O_CLOEXEC);
    qn_log(QN_LOG_INFO, "run", "nobody reads this");
    close(STDERR_FILENO);
    qn_log(QN_LOG_INFO, "run", "nobody takes this");
    end_capture();
    sigaction(SIGPIPE, &before, NULL);
    begin_capture();
    qn_log(QN_LOG_INFO, "run", "back");
    assert_non_null(strstr(end_capture(), "log: 2 lines lost\n"));
}

enum { N_WRITERS = 4, N_LINES = 20 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < N_LINES; i++)
        qn_log(QN_LOG_INFO, "run", "writer %s line %d", (const char *)arg, i);
    return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
    static char names[N_WRITERS][2];
    pthread_t threads[N_WRITERS];
    int n_lines = 0;

    (void)state;
    configure("info", false);
    begin_capture();
    for (int i = 0; i < N_WRITERS; i++) {
        names[i][0] = (char)('a' + i);
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    for (int i = 0; i < N_WRITERS; i++)
        pthread_join(threads[i], NULL);
    end_capture();
    for (char *line = strtok(output, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_non_null(strstr(after_time(line), " INFO  run: writer "));
        n_lines++;
    }
    assert_int_equal(n_lines, N_WRITERS * N_LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_select_by_area),        cmocka_unit_test(bad_filters_change_nothing),
        cmocka_unit_test(text_lines_are_plain_and_safe), cmocka_unit_test(text_lines_show_fields),
        cmocka_unit_test(json_lines_are_json),           cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_full_pipe_loses_lines),       cmocka_unit_test(a_broken_standard_error_is_survived),
        cmocka_unit_test(threads_do_not_mix_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
