/* cgroup.c: parses /proc/self/cgroup and looks the limits up below /sys/fs/cgroup. Inside a container the path named by
 * the kernel may not exist there, as the container's own group is mounted as the root; walking up finds it then. */
#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILE_BYTES = 8192 };

/* Reads the beginning of a small file as text; false when it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    if (fd < 0)
        return false;
    while (n + 1 < size) {
        ssize_t got = read(fd, text + n, size - 1 - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    text[n] = '\0';
    return n > 0;
}

static bool read_in(const char *dir, const char *name, char *text, size_t size)
{
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

    return n > 0 && (size_t)n < sizeof(path) && read_text(path, text, size);
}

/* A positive decimal number at the start of text; 0 for anything else, such as "max" or "-1". */
static unsigned long long positive(char *text, char **end)
{
    unsigned long long value;

    *end = text;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    value = strtoull(text, end, 10);
    return errno == 0 ? value : 0;
}

static void lower_cpus(struct qn_cgroup *limits, unsigned long long quota, unsigned long long period)
{
    unsigned long long n_cpus;

    if (quota == 0 || period == 0)
        return;
    n_cpus = quota / period + (quota % period != 0);
    if (n_cpus <= INT_MAX && (limits->n_cpus == 0 || (int)n_cpus < limits->n_cpus))
        limits->n_cpus = (int)n_cpus;
}

/* Version 1 writes "none" as a number near the largest. */
static void lower_memory(struct qn_cgroup *limits, unsigned long long bytes)
{
    if (bytes == 0 || bytes >= (unsigned long long)LLONG_MAX / 4096 * 4096 || bytes > SIZE_MAX)
        return;
    if (limits->memory == 0 || (size_t)bytes < limits->memory)
        limits->memory = (size_t)bytes;
}

/* cpu.max holds "QUOTA PERIOD" or "max PERIOD"; memory.max a number or "max". */
static void read_v2(const char *dir, struct qn_cgroup *limits)
{
    char text[128];
    char *end;

    if (read_in(dir, "cpu.max", text, sizeof(text))) {
        unsigned long long quota = positive(text, &end);

        if (*end == ' ')
            lower_cpus(limits, quota, positive(end + 1, &end));
    }
    if (read_in(dir, "memory.max", text, sizeof(text)))
        lower_memory(limits, positive(text, &end));
}

static void read_v1(const char *dir, struct qn_cgroup *limits)
{
    char quota[128];
    char period[128];
    char *end;

    if (read_in(dir, "cpu.cfs_quota_us", quota, sizeof(quota)) &&
        read_in(dir, "cpu.cfs_period_us", period, sizeof(period)))
        lower_cpus(limits, positive(quota, &end), positive(period, &end));
    if (read_in(dir, "memory.limit_in_bytes", quota, sizeof(quota)))
        lower_memory(limits, positive(quota, &end));
}

/* Reads the limits of group and of every group above it, down to the mount point itself. */
static void walk_up(const char *mount, const char *group, void (*read_dir)(const char *, struct qn_cgroup *),
                    struct qn_cgroup *limits)
{
    char path[PATH_BYTES];
    size_t n_mount = strlen(mount);
    int n = snprintf(path, sizeof(path), "%s%s", mount, strcmp(group, "/") == 0 ? "" : group);

    if (n < 0 || (size_t)n >= sizeof(path))
        n = snprintf(path, sizeof(path), "%s", mount);
    if (n < 0 || (size_t)n >= sizeof(path))
        return;
    for (;;) {
        char *slash;

        read_dir(path, limits);
        slash = strrchr(path + n_mount, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
    }
}

/* One line of /proc/self/cgroup: "ID:CONTROLLERS:/GROUP", with no controllers for version 2. */
static void read_line(const char *root, char *line, struct qn_cgroup *limits)
{
    char mount[PATH_BYTES];
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    int n;

    if (group == NULL || group[1] != '/' || strstr(group, "/..") != NULL)
        return;
    *controllers++ = '\0';
    *group++ = '\0';
    if (*controllers == '\0') {
        static const char *const mounts[] = {"", "/unified"};

        for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
            n = snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup%s", root, mounts[i]);
            if (n > 0 && (size_t)n < sizeof(mount))
                walk_up(mount, group, read_v2, limits);
        }
        return;
    }
    if (strstr(controllers, "cpu") == NULL && strstr(controllers, "memory") == NULL)
        return;
    n = snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/%s", root, controllers);
    if (n > 0 && (size_t)n < sizeof(mount))
        walk_up(mount, group, read_v1, limits);
}

struct qn_cgroup qn_cgroup_read(const char *root)
{
    struct qn_cgroup limits = {0, 0};
    char text[FILE_BYTES];
    char *rest = text;
    char *line;

    if (!read_in(root, "proc/self/cgroup", text, sizeof(text)))
        return limits;
    while ((line = strtok_r(rest, "\n", &rest)) != NULL)
        read_line(root, line, &limits);
    return limits;
}
