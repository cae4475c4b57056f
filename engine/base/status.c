/* status.c: the texts and classes of enum qn_status, all from the one list in quern.h, and the library's version.
 * A value outside the list is read as INTERNAL. */
#include "quern.h"

#ifndef QN_VERSION
#define QN_VERSION "0.0.0" /* set by the build; this is for a file compiled on its own */
#endif

struct status_row {
    const char *name;
    const char *text;
    int http;
    int exit_code;
};

#define STATUS_ROW(name, text, http, exit_code) {#name, text, http, exit_code},
static const struct status_row status_rows[QN_N_STATUS] = {QN_STATUS_LIST(STATUS_ROW)};
#undef STATUS_ROW

static const struct status_row *row(enum qn_status status)
{
    unsigned index = (unsigned)status;

    return &status_rows[index < QN_N_STATUS ? index : QN_INTERNAL];
}

const char *qn_status_text(enum qn_status status) { return row(status)->text; }

const char *qn_status_name(enum qn_status status) { return row(status)->name; }

int qn_status_http(enum qn_status status) { return row(status)->http; }

int qn_status_exit(enum qn_status status) { return row(status)->exit_code; }

const char *qn_version(void) { return QN_VERSION; }
