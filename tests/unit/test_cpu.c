/* test_cpu.c: levels and their names, lowering a level, counts and limits that must make sense on any machine. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(qn_cpu_level_name(QN_CPU_GENERIC), "generic");
    assert_string_equal(qn_cpu_level_name(QN_CPU_AVX2), "avx2");
    assert_string_equal(qn_cpu_level_name(QN_CPU_AVX512), "avx512");
    assert_string_equal(qn_cpu_level_name(QN_CPU_NEON), "neon");
    assert_string_equal(qn_cpu_level_name((enum qn_cpu_level)17), "unknown");
}

static void a_limit_lowers_and_gives_back(void **state)
{
    enum qn_cpu_level before = qn_cpu_level();

    (void)state;
    qn_cpu_limit(QN_CPU_GENERIC);
    assert_int_equal(qn_cpu_level(), QN_CPU_GENERIC);
    qn_cpu_limit(before);
    assert_int_equal(qn_cpu_level(), before);
    for (int i = 0; i <= QN_CPU_NEON; i++) {
        qn_cpu_limit((enum qn_cpu_level)i);
        assert_true(qn_cpu_level() == QN_CPU_GENERIC || (int)qn_cpu_level() == i || qn_cpu_level() == before);
        assert_true((int)qn_cpu_level() <= i);
    }
    qn_cpu_limit(before);
}

#if defined(__x86_64__)
/* The compiler's run-time library asks the same questions on its own. */
static void the_level_agrees_with_the_compiler(void **state)
{
    enum qn_cpu_level level = qn_cpu_level();

    (void)state;
    if (getenv("QUERN_CPU") != NULL)
        skip();
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        assert_int_equal(level, QN_CPU_AVX512);
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_int_equal(level, QN_CPU_AVX2);
    else
        assert_int_equal(level, QN_CPU_GENERIC);
    assert_int_equal(qn_cpu_has_vnni(), __builtin_cpu_supports("avx512vnni") != 0);
}
#endif

/* Runs check in a child process and gives back its exit code, so that limits and affinity stay there. */
static int in_child(int (*check)(void))
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(check());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int count_with_one_cpu(void)
{
    cpu_set_t set;
    int first = 0;

    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 90;
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        return 91;
    return qn_cpu_count();
}

static void affinity_is_respected(void **state)
{
    (void)state;
    assert_in_range(qn_cpu_count(), 1, 1 << 20);
    assert_int_equal(in_child(count_with_one_cpu), 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static int limit_of_64_mib(void)
{
    const struct rlimit limit = {64 << 20, 64 << 20};

    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 91;
    return qn_memory_limit() == 64 << 20 ? 0 : 1;
}

static void the_address_space_limit_is_respected(void **state)
{
    (void)state;
    assert_int_equal(in_child(limit_of_64_mib), 0);
}
#endif

static int level_from_environment(const char *value)
{
    setenv("QUERN_CPU", value, 1);
    return (int)qn_cpu_level();
}

static int level_generic(void) { return level_from_environment("generic"); }

static int level_nonsense(void) { return level_from_environment("pentium"); }

/* The variable is read once, so this test must come before every other that asks for the level. */
static void the_environment_forces_a_level(void **state)
{
    (void)state;
    assert_int_equal(in_child(level_generic), QN_CPU_GENERIC);
    assert_int_equal(in_child(level_nonsense), qn_cpu_level());
}

static void memory_and_time_make_sense(void **state)
{
    long long before = qn_now_ns();

    (void)state;
    assert_true(qn_memory_limit() >= 1 << 20);
    assert_true(before > 0);
    assert_true(qn_now_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_forces_a_level),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(a_limit_lowers_and_gives_back),
#if defined(__x86_64__)
        cmocka_unit_test(the_level_agrees_with_the_compiler),
#endif
        cmocka_unit_test(affinity_is_respected),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(the_address_space_limit_is_respected),
#endif
        cmocka_unit_test(memory_and_time_make_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
