/* fail.c: engine errors on standard error. */
#include "tools/fail.h"

#include <stdio.h>

#include "tools/cmd.h"
#include "tools/options.h"

int qn_fail(const char *what, enum qn_status status, const struct qn_err *err)
{
    if (err->node[0] || err->op[0])
        qn_complain(what, "node '%s' (%s): %s", err->node, err->op, err->text);
    else
        qn_complain(what, "%s", err->text[0] ? err->text : qn_status_text(status));
    return qn_status_exit(status);
}

struct missing {
    const char *model;
    bool any;
};

static void print_missing(void *arg, const char *line)
{
    struct missing *missing = arg;

    missing->any = true;
    qn_complain(missing->model, "%s", line);
}

struct qn_session *qn_open_or_complain(const char *model, struct qn_options *options, int *code)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct missing missing = {model, false};
    struct qn_session *session;
    enum qn_status status;

    options->missing_fn = print_missing;
    options->missing_arg = &missing;
    status = qn_session_open(model, options, &session, &err);
    *code = QN_EXIT_OK;
    if (status == QN_OK)
        return session;
    *code = missing.any ? qn_status_exit(status) : qn_fail(model, status, &err);
    /* A model whose own shapes contradict each other is a bad model, not bad data. */
    if (*code == QN_EXIT_DATA)
        *code = QN_EXIT_MODEL;
    return NULL;
}
