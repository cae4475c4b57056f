/* report.h: JSON reports of the commands. */
#ifndef QN_TOOLS_REPORT_H
#define QN_TOOLS_REPORT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Writes the report to a file ("-": standard output), whole or not at all: into a new file that then takes the name. False
 * after one line on standard error. */
bool qn_report_write(const char *path, const cJSON *report);

#endif
