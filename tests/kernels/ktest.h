/* ktest.h: what the kernel tests share: seeded random numbers (KTEST_SEED in the environment repeats a run), buffers
 * with guard bytes on both sides, and the CPU levels of this machine. Header only, one program per test file. */
#ifndef QN_TESTS_KTEST_H
#define QN_TESTS_KTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernels/kern.h"

static uint64_t ktest_state;

static void ktest_seed(void)
{
    const char *text = getenv("KTEST_SEED");

    ktest_state = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)qn_now_ns();
    printf("KTEST_SEED=%llu\n", (unsigned long long)ktest_state);
}

/* splitmix64 */
static uint64_t ktest_u64(void)
{
    uint64_t z = ktest_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline int64_t ktest_range(int64_t low, int64_t high) /* both included */
{
    return low + (int64_t)(ktest_u64() % (uint64_t)(high - low + 1));
}

static float ktest_float(void) /* -2 .. 2, few of them representable with fewer bits */
{
    return (float)((double)(ktest_u64() >> 11) * 0x1p-51 - 2.0);
}

/* n floats between guards; freed by ktest_free(). Not more than 4-byte aligned on purpose. */
enum { KTEST_GUARD = 16 };

static float *ktest_alloc(size_t n)
{
    float *memory = malloc((n + 2 * KTEST_GUARD + 1) * sizeof(float));

    assert_non_null(memory);
    memset(memory, 0xa5, (n + 2 * KTEST_GUARD + 1) * sizeof(float));
    return memory + KTEST_GUARD + 1;
}

static inline float *ktest_random(size_t n)
{
    float *p = ktest_alloc(n);

    for (size_t i = 0; i < n; i++)
        p[i] = ktest_float();
    return p;
}

static inline void ktest_check_guards(const float *p, size_t n)
{
    unsigned char guard[KTEST_GUARD * sizeof(float)];

    memset(guard, 0xa5, sizeof(guard));
    assert_memory_equal(p - KTEST_GUARD, guard, sizeof(guard));
    assert_memory_equal(p + n, guard, sizeof(guard));
}

static inline void ktest_free(const float *p)
{
    if (p != NULL)
        free((float *)(uintptr_t)p - KTEST_GUARD - 1);
}

static inline void ktest_same_bits(const float *got, const float *want, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0)
            fail_msg("%s: element %zu of %zu is %a, wanted %a", what, i, n, (double)got[i], (double)want[i]);
}

/* Distance in floats; NaN is at 0 from NaN. */
static inline uint32_t ktest_ulps(float a, float b)
{
    int32_t x, y;

    if (a != a || b != b)
        return a != a && b != b ? 0 : UINT32_MAX;
    memcpy(&x, &a, sizeof(x));
    memcpy(&y, &b, sizeof(y));
    if (x < 0)
        x = INT32_MIN - x;
    if (y < 0)
        y = INT32_MIN - y;
    return x > y ? (uint32_t)x - (uint32_t)y : (uint32_t)y - (uint32_t)x;
}

/* Whether this build runs kernels many times slower, so that a test should do with fewer rounds. */
static inline bool ktest_slow(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
    return true;
#else
    return qn_cpu_level() == QN_CPU_GENERIC;
#endif
}

/* Calls body once per CPU level this machine has, lowest first, with the level in force; then lifts the limit. */
static inline void ktest_each_level(void (*body)(void))
{
    static const enum qn_cpu_level levels[] = {QN_CPU_GENERIC, QN_CPU_AVX2, QN_CPU_AVX512, QN_CPU_NEON};
    const enum qn_cpu_level machine = qn_cpu_level();

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (levels[i] > machine)
            break;
        qn_cpu_limit(levels[i]);
        if (qn_cpu_level() == levels[i])
            body();
    }
    qn_cpu_limit(machine);
}

/* Pools of 1, 2 and 3 threads, made once; index 0 is NULL. */
static inline struct qn_pool *ktest_pool(int n_threads)
{
    static struct qn_pool *pools[4];

    if (n_threads > 1 && pools[n_threads] == NULL)
        pools[n_threads] = qn_pool_create(n_threads);
    return n_threads > 1 ? pools[n_threads] : NULL;
}

#endif
