/* log.h: one line per event on standard error, as text or JSON, with levels per area in the manner of RUST_LOG
 * ("info,http=debug"). Never tensor values. Thread-safe; a closed or full standard error loses lines, never blocks
 * long. */
#ifndef QN_BASE_LOG_H
#define QN_BASE_LOG_H

#include "base/err.h"

enum qn_log_level { QN_LOG_ERROR, QN_LOG_WARN, QN_LOG_INFO, QN_LOG_DEBUG, QN_LOG_TRACE };

/* Parses "LEVEL[,area=LEVEL]..."; level "off" silences. ARG on anything else. Before other threads log. Until then:
 * info, as text. */
enum qn_status qn_log_configure(const char *filter, bool json, struct qn_err *err);
bool qn_log_enabled(enum qn_log_level level, const char *area);
void qn_log(enum qn_log_level level, const char *area, const char *format, ...) QN_PRINTF(3, 4);
/* As qn_log with fields added to the line: pairs is a JSON object body such as "\"status\":200,\"ms\":1.2", shown as
 * key=value in text form. */
void qn_log_fields(enum qn_log_level level, const char *area, const char *message, const char *pairs);

#endif
