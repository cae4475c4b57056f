/* cpu.c: instruction sets by CPUID and XGETBV (a CPU may offer registers that the operating system does not save), and
 * what affinity, containers and limits leave of the machine. The level is found once; everything else is asked each
 * time, at start-up only. */
#define _GNU_SOURCE
#include "base/cpu.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cgroup.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Levels that a machine of this architecture can have, lowest first. */
static const enum qn_cpu_level ladder[] = {
    QN_CPU_GENERIC,
#if defined(__x86_64__)
    QN_CPU_AVX2,
    QN_CPU_AVX512,
#elif defined(__aarch64__)
    QN_CPU_NEON,
#endif
};
enum { LADDER = sizeof(ladder) / sizeof(ladder[0]) };

static _Atomic int forced = -1; /* by qn_cpu_limit(); -1: not */

#if defined(__x86_64__)
/* Bits of XCR0: the register states that the operating system saves. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xE6 };

static unsigned read_xcr0(void)
{
    unsigned low;
    unsigned high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static enum qn_cpu_level detect(void)
{
    const unsigned wanted1 = bit_FMA | bit_F16C | bit_OSXSAVE | bit_AVX;
    const unsigned wanted512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    unsigned a, b, c, d;
    unsigned xcr0;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & wanted1) != wanted1)
        return QN_CPU_GENERIC;
    xcr0 = read_xcr0();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (xcr0 & XCR0_AVX) != XCR0_AVX || (b & bit_AVX2) == 0)
        return QN_CPU_GENERIC;
    return (xcr0 & XCR0_AVX512) == XCR0_AVX512 && (b & wanted512) == wanted512 ? QN_CPU_AVX512 : QN_CPU_AVX2;
}

static bool detect_vnni(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_AVX512VNNI) != 0;
}
#else
static enum qn_cpu_level detect(void) { return ladder[LADDER - 1]; }

static bool detect_vnni(void) { return false; }
#endif

static const char *const level_names[] = {"generic", "avx2", "avx512", "neon"};

const char *qn_cpu_level_name(enum qn_cpu_level level)
{
    unsigned index = (unsigned)level;

    return index < sizeof(level_names) / sizeof(level_names[0]) ? level_names[index] : "unknown";
}

/* The highest level up to both. A limit of another architecture leaves GENERIC. */
static enum qn_cpu_level at_most(enum qn_cpu_level level, enum qn_cpu_level limit)
{
    bool known = false;

    for (int i = 0; i < LADDER; i++)
        known |= ladder[i] == limit;
    if (!known)
        return QN_CPU_GENERIC;
    return limit < level ? limit : level;
}

/* The machine's level, or what QUERN_CPU leaves of it. A name that is none is not obeyed: the command rejects it. */
static enum qn_cpu_level machine_level(void)
{
    static _Atomic int found = -1;
    int level = atomic_load_explicit(&found, memory_order_relaxed);
    const char *name;

    if (level >= 0)
        return (enum qn_cpu_level)level;
    level = (int)detect();
    name = getenv("QUERN_CPU");
    for (int i = 0; name != NULL && i <= QN_CPU_NEON; i++)
        if (strcmp(name, level_names[i]) == 0)
            level = (int)at_most((enum qn_cpu_level)level, (enum qn_cpu_level)i);
    atomic_store_explicit(&found, level, memory_order_relaxed);
    return (enum qn_cpu_level)level;
}

enum qn_cpu_level qn_cpu_level(void)
{
    int limit = atomic_load_explicit(&forced, memory_order_relaxed);

    return limit < 0 ? machine_level() : at_most(machine_level(), (enum qn_cpu_level)limit);
}

void qn_cpu_limit(enum qn_cpu_level level) { atomic_store_explicit(&forced, (int)level, memory_order_relaxed); }

bool qn_cpu_has_vnni(void)
{
    static _Atomic int found = -1;

    if (atomic_load_explicit(&found, memory_order_relaxed) < 0)
        atomic_store_explicit(&found, detect_vnni(), memory_order_relaxed);
    return atomic_load_explicit(&found, memory_order_relaxed) != 0;
}

/* CPUs in the affinity mask. The kernel's mask may be wider than cpu_set_t, so the set grows until it fits. */
static int affinity_count(void)
{
    for (int n = 1024; n <= 1 << 18; n *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)n);
        size_t size = CPU_ALLOC_SIZE((size_t)n);
        int count = 0;

        if (set == NULL)
            return 0;
        if (sched_getaffinity(0, size, set) == 0)
            count = CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
    return 0;
}

int qn_cpu_count(void)
{
    int count = affinity_count();
    int quota = qn_cgroup_read("").n_cpus;

    if (count < 1) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);

        count = online > 0 && online < INT_MAX ? (int)online : 1;
    }
    return quota > 0 && quota < count ? quota : count;
}

/* The line MemAvailable of /proc/meminfo in bytes: free memory and caches that can be dropped. 0 when unknown. */
static unsigned long long available_memory(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kib = strtoull(line + 13, NULL, 10);
    fclose(file);
    return kib > ULLONG_MAX / 1024 ? 0 : kib * 1024;
}

/* All of the machine's memory; without an answer, all that can be addressed. */
static unsigned long long physical_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (unsigned long long)pages * (unsigned long long)page : SIZE_MAX;
}

size_t qn_memory_limit(void)
{
    unsigned long long limit = available_memory();
    size_t group = qn_cgroup_read("").memory;
    struct rlimit address_space;

    if (limit == 0)
        limit = physical_memory();
    if (limit > SIZE_MAX)
        limit = SIZE_MAX;
    if (group != 0 && group < limit)
        limit = group;
    if (getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY &&
        address_space.rlim_cur < limit)
        limit = address_space.rlim_cur;
    return (size_t)limit;
}

long long qn_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}
