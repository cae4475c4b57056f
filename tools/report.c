/* report.c: writes JSON reports so that a reader never meets half of one. */
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/options.h"

static bool write_all(FILE *file, const char *text)
{
    bool ok = fputs(text, file) >= 0 && fputc('\n', file) != EOF;

    return fflush(file) == 0 && ok;
}

static bool write_file(const char *path, const char *text)
{
    char temporary[4200];
    FILE *file;
    bool ok;

    snprintf(temporary, sizeof(temporary), "%.4000s.%ld.part", path, (long)getpid());
    file = fopen(temporary, "w");
    if (!file)
        return false;
    ok = write_all(file, text) && fsync(fileno(file)) == 0;
    ok = fclose(file) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok)
        remove(temporary);
    return ok;
}

bool qn_report_write(const char *path, const cJSON *report)
{
    char *text = cJSON_Print(report);
    bool ok;

    if (!text) {
        qn_complain(path, "out of memory");
        return false;
    }
    ok = strcmp(path, "-") == 0 ? write_all(stdout, text) : write_file(path, text);
    if (!ok)
        qn_complain(path, "%s", strerror(errno));
    free(text);
    return ok;
}
