/* cgroup.h: the CPU and memory limits that a container puts on this process. */
#ifndef QN_BASE_CGROUP_H
#define QN_BASE_CGROUP_H

#include <stddef.h>

struct qn_cgroup {
    int n_cpus;    /* quota in whole CPUs, rounded up; 0: none */
    size_t memory; /* bytes; 0: none */
};

/* Reads version 2 and version 1 hierarchies, from the process's group up to the root; the tightest limit counts. root
 * stands before every path: "" for the machine, another folder in tests. Whatever is missing or odd is no limit. */
struct qn_cgroup qn_cgroup_read(const char *root);

#endif
