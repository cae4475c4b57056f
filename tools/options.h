/* options.h: command-line flags as a table, the same for every sub-command: --name VALUE, --name=VALUE, -x VALUE for flags of one
 * letter; "--" ends the flags. Unknown flags, missing and malformed values are errors that name the flag. */
#ifndef QN_TOOLS_OPTIONS_H
#define QN_TOOLS_OPTIONS_H

#include "base/err.h"

enum qn_flag_kind {
    QN_FLAG_BOOL,   /* bool */
    QN_FLAG_TEXT,   /* const char * */
    QN_FLAG_TEXTS,  /* struct qn_texts, repeatable */
    QN_FLAG_INT,    /* int, within min..max */
    QN_FLAG_NUMBER, /* double, within min..max */
};

struct qn_texts {
    const char **items;
    int n;
};

struct qn_flag {
    const char *name; /* "rtol"; NULL ends the table */
    enum qn_flag_kind kind;
    void *target;
    double min, max;  /* INT, NUMBER; both 0: any */
    const char *value, *help; /* "R", "relative tolerance" */
};

/* Fills targets and gathers the other words in *words (memory of the process' life). False after one line on standard error. */
bool qn_options_parse(const char *command, const struct qn_flag *flags, int argc, char **argv, struct qn_texts *words);
/* The usage text of a command on standard output. */
void qn_options_help(const char *command, const char *words, const char *summary, const struct qn_flag *flags);
/* "quern: what: why" on standard error. */
void qn_complain(const char *what, const char *format, ...) QN_PRINTF(2, 3);

#endif
