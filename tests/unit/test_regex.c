/* test_regex.c: regular expressions that are large, deep, slow for others, or noise. Meaning is
 * ops/test_regex_full_match.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "ops/regex.h"

static struct qn_arena arena;

static enum qn_status compile(const char *text, size_t n, const struct qn_regex **regex)
{
    return qn_regex_compile((struct qn_str){text, n}, &arena, regex, NULL);
}

static bool matches(const struct qn_regex *regex, const char *text, size_t n)
{
    void *room = test_malloc(qn_regex_room(regex));
    bool answer = qn_regex_matches(regex, (struct qn_str){text, n}, room);

    test_free(room);
    return answer;
}

static int setup(void **state)
{
    (void)state;
    qn_arena_init(&arena, (size_t)1 << 28);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qn_arena_deinit(&arena);
    return 0;
}

/* Ways through these grow exponentially; the sets of states do not. */
static void test_linear_time(void **state)
{
    static const char *const patterns[] = {"(a*)*b", "(a|aa)+b", "(a?){200}a{200}b", "(.*)(.*)(.*)(.*)(.*)b",
                                           "((a*)*)*b"};
    enum { N = 20000 };
    char *text = test_malloc(N);

    (void)state;
    memset(text, 'a', N);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const struct qn_regex *regex;

        assert_int_equal(compile(patterns[i], strlen(patterns[i]), &regex), QN_OK);
        assert_false(matches(regex, text, N));
        text[N - 1] = 'b';
        assert_int_equal(matches(regex, text, N), i != 2);
        assert_int_equal(matches(regex, text + N - 301, 301), true);
        text[N - 1] = 'a';
    }
    test_free(text);
}

static void test_depth(void **state)
{
    enum { N = 1200 };
    char text[2 * N + 1];
    const struct qn_regex *regex;

    (void)state;
    memset(text, '(', N);
    text[N] = 'a';
    memset(text + N + 1, ')', N);
    assert_int_equal(compile(text, sizeof(text), &regex), QN_LIMIT);
    assert_int_equal(compile(text + N - 900, 1801, &regex), QN_OK);
    assert_true(matches(regex, "a", 1));
    assert_false(matches(regex, "b", 1));
}

static void test_size(void **state)
{
    enum { N = 70000 };
    char *text = test_malloc(N);
    const struct qn_regex *regex;

    (void)state;
    memset(text, 'a', N);
    assert_int_equal(compile(text, N, &regex), QN_LIMIT);
    assert_int_equal(compile(text, 60000, &regex), QN_OK);
    assert_true(matches(regex, text, 60000));
    assert_false(matches(regex, text, 60001));
    for (size_t i = 0; i + 1 < N; i += 2)
        memcpy(text + i, "a|", 2);
    assert_int_equal(compile(text, 30000, &regex), QN_OK);
    assert_true(matches(regex, "a", 1));
    assert_true(matches(regex, "", 0));
    test_free(text);
}

/* Whatever compiles must run, and nothing else may happen. */
static void test_noise(void **state)
{
    static const char *const pieces[] = {"a",   "b",  "(", ")",    "(?i",  ":",    "|",  "*",         "+?",
                                         "{1,", "3}", "[", "]",    "^",    "-",    "\\", "\\d",       "\\Q",
                                         "\\E", ".",  "$", "\xc3", "\xa9", "(?P<", ">",  "[:alpha:]", "x{"};
    uint32_t random = 12345, n_good = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct qn_arena_mark mark = qn_arena_mark(&arena);
        const struct qn_regex *regex;
        char text[200];
        size_t n = 0;

        for (int k = 0; k < 12; k++) {
            const char *piece;

            random = random * 1664525u + 1013904223u;
            piece = pieces[(random >> 8) % (sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
            if (random >> 31)
                break;
        }
        if (compile(text, n, &regex) == QN_OK) {
            n_good++;
            matches(regex, text, n);
            matches(regex, "aab\xc3\xa9", 5);
        } else {
            assert_null(regex);
        }
        qn_arena_rewind(&arena, mark);
    }
    assert_true(n_good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_linear_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
