/* fail.h: an engine error as the one line a command prints, and its exit code. */
#ifndef QN_TOOLS_FAIL_H
#define QN_TOOLS_FAIL_H

#include "quern.h"

/* Prints "quern: WHAT: [node 'x' (Op): ]text" on standard error; gives the exit code. A bad or unreadable model is 3
 * or 6. */
int qn_fail(const char *what, enum qn_status status, const struct qn_err *err);
/* Opens a model for a command; prints all that is missing on standard error when that is why it fails. NULL: *code is
 * set. */
struct qn_session *qn_open_or_complain(const char *model, struct qn_options *options, int *code);

#endif
