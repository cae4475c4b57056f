/* options.h: the words of a command line by table, the same for every sub-command: --name VALUE, --name=VALUE, -x VALUE
 * for flags of one letter; "--" ends the flags; --help and -h are known everywhere. A flag given twice has its last
 * value. Unknown flags, missing, empty and malformed values are errors that name the flag. */
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
    const char **items; /* each borrowed from the command line */
    int n;
};

struct qn_flag {
    const char *name; /* "rtol"; NULL ends the table */
    enum qn_flag_kind kind;
    void *target;
    double min, max;          /* INT, NUMBER; both 0: any */
    const char *value, *help; /* "R", "relative tolerance" */
};

/* What a command takes beside its flags, and what help says of it. */
struct qn_usage {
    const char *command;       /* "run" */
    const char *words;         /* "MODEL", as help shows them */
    const char *summary;       /* a sentence or two */
    int min_words, max_words;  /* -1: any number */
    const char *words_missing; /* "run takes one model" */
};

enum { QN_GO_ON = -1 };

/* Fills targets and gathers the other words in *words. QN_GO_ON, or the code to end with: 0 after --help, else that of
 * a usage error, told on standard error. After QN_GO_ON the caller owns the lists and gives them back below. */
int qn_options_read(const struct qn_usage *usage, const struct qn_flag *flags, int argc, char **argv,
                    struct qn_texts *words);
void qn_options_free(const struct qn_flag *flags, struct qn_texts *words);
/* "quern: what: why" on standard error. */
void qn_complain(const char *what, const char *format, ...) QN_PRINTF(2, 3);

#endif
