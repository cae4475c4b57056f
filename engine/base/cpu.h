/* cpu.h: what the processor can do, read once, and how much of it the process may use. */
#ifndef QN_BASE_CPU_H
#define QN_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* Ordered per architecture: a level includes those below it. */
enum qn_cpu_level {
    QN_CPU_GENERIC = 0,
    QN_CPU_AVX2 = 1,   /* AVX2, FMA, F16C, and the operating system saves the registers */
    QN_CPU_AVX512 = 2, /* F, BW, DQ, VL */
    QN_CPU_NEON = 3
};

/* The level in force: the machine's, or a lower one forced by QUERN_CPU=generic|avx2|avx512|neon. */
enum qn_cpu_level qn_cpu_level(void);
/* For tests: kernels chosen after this call see at most this level. */
void qn_cpu_limit(enum qn_cpu_level level);
/* Whether a machine of level AVX512 has VNNI, whichever level is in force. */
bool qn_cpu_has_vnni(void);
const char *qn_cpu_level_name(enum qn_cpu_level level);

/* CPUs this process may use: affinity and cgroup quota, at least 1. */
int qn_cpu_count(void);
/* Bytes of memory this process may use: the least of cgroup limit, RLIMIT_AS and what the machine has available now. */
size_t qn_memory_limit(void);
/* CLOCK_MONOTONIC in nanoseconds. */
long long qn_now_ns(void);

#endif
