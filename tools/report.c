/* report.c: writes results so that a reader never meets half of one. */
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/options.h"

static bool write_all(FILE *file, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, file) == n && fflush(file) == 0;
}

static bool is_special(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

/* A device or pipe cannot be replaced: it is written to. */
static bool write_file(const char *path, const void *bytes, size_t n)
{
    bool in_place = is_special(path), ok;
    char temporary[4200];
    FILE *file;

    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.%ld.part", path, (long)getpid()) >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return false;
    }
    file = fopen(in_place ? path : temporary, "wb");
    if (!file)
        return false;
    ok = write_all(file, bytes, n) && (in_place || fsync(fileno(file)) == 0);
    ok = fclose(file) == 0 && ok;
    if (in_place)
        return ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok)
        remove(temporary);
    return ok;
}

enum qn_status qn_report_bytes(const char *path, const void *bytes, size_t n, struct qn_err *err)
{
    bool out = strcmp(path, "-") == 0;

    if (out ? write_all(stdout, bytes, n) : write_file(path, bytes, n))
        return QN_OK;
    QN_FAIL(err, IO, "%s: %s", out ? "standard output" : path, strerror(errno));
}

bool qn_report_write(const char *path, const cJSON *report)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    char *text = cJSON_Print(report);
    size_t n = text ? strlen(text) : 0;
    enum qn_status status = qn_err_set(&err, QN_NOMEM, "out of memory");

    if (text) {
        text[n] = '\n'; /* in the place of the final zero */
        status = qn_report_bytes(path, text, n + 1, &err);
    }
    if (status != QN_OK)
        qn_complain("report", "%s", err.text);
    free(text);
    return status == QN_OK;
}
