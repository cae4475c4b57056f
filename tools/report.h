/* report.h: results on their way out: files whole or not at all, JSON reports. */
#ifndef QN_TOOLS_REPORT_H
#define QN_TOOLS_REPORT_H

#include <cjson/cJSON.h>

#include "base/err.h"

/* Writes a file whole or not at all: into a new one that then takes the name. "-" is standard output. IO with the path.
 */
enum qn_status qn_report_bytes(const char *path, const void *bytes, size_t n, struct qn_err *err);
/* The report as text, through the above. False after one line on standard error. */
bool qn_report_write(const char *path, const cJSON *report);

#endif
