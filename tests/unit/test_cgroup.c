/* test_cgroup.c: container limits read from made-up trees of both versions, with the values that kernels really write.
 */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup.h"

static char root[64];

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/qn_cgroup_XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file below the root, with the folders above it. */
static void put(const char *name, const char *text)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_limits(int n_cpus, size_t memory)
{
    struct qn_cgroup limits = qn_cgroup_read(root);

    assert_int_equal(limits.n_cpus, n_cpus);
    assert_int_equal(limits.memory, memory);
}

static void nothing_to_read_is_no_limit(void **state)
{
    (void)state;
    assert_limits(0, 0);
    put("proc/self/cgroup", "");
    assert_limits(0, 0);
    put("proc/self/cgroup", "no colon\n::\n0:\n1:cpu:relative\n");
    assert_limits(0, 0);
}

static void version_2_takes_the_tightest_on_the_way_up(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/a/b/c\n");
    put("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/b/c/memory.max", "max\n");
    assert_limits(0, 0);
    put("sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    put("sys/fs/cgroup/a/b/memory.max", "2147483648\n");
    assert_limits(3, 2147483648);
    put("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    put("sys/fs/cgroup/a/memory.max", "1073741824\n");
    assert_limits(2, 1073741824);
    put("sys/fs/cgroup/cpu.max", "10000 100000\n");
    assert_limits(1, 1073741824);
}

static void a_container_sees_its_group_as_the_root(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/system.slice/docker-0123.scope\n");
    put("sys/fs/cgroup/cpu.max", "200000 100000\n");
    put("sys/fs/cgroup/memory.max", "16777216\n");
    assert_limits(2, 16777216);
    put("proc/self/cgroup", "0::/../other\n");
    assert_limits(0, 0);
}

static void version_1_and_mixed_machines(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/job\n1:name=systemd:/x\n0::/\n");
    put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");
    assert_limits(0, 0);
    put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "400000\n");
    put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "536870912\n");
    assert_limits(4, 536870912);
    put("sys/fs/cgroup/unified/memory.max", "268435456\n");
    assert_limits(4, 268435456);
}

static void odd_numbers_are_no_limit(void **state)
{
    static const char *const texts[] = {
        "", "x", "-5 100000", "0 100000", "100000 0", "100000", "99999999999999999999999 1", "99999999999 1"};

    (void)state;
    put("proc/self/cgroup", "0::/\n");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put("sys/fs/cgroup/cpu.max", texts[i]);
        assert_limits(0, 0);
    }
    put("sys/fs/cgroup/memory.max", "0\n");
    assert_limits(0, 0);
    put("sys/fs/cgroup/memory.max", "99999999999999999999999\n");
    assert_limits(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_to_read_is_no_limit, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_2_takes_the_tightest_on_the_way_up, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_container_sees_its_group_as_the_root, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_1_and_mixed_machines, make_root, remove_root),
        cmocka_unit_test_setup_teardown(odd_numbers_are_no_limit, make_root, remove_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
