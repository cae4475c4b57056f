/* regex_code.h: what the compiler of regular expressions (regex_parse.c) and the machine that runs them (regex.c)
 * share. A program is a list of instructions; it matches when MATCH is reached at the end of the text. Jumps are
 * relative, so that a piece of program can be moved and copied. */
#ifndef QN_OPS_REGEX_CODE_H
#define QN_OPS_REGEX_CODE_H

#include "ops/regex.h"

enum qn_regex_op {
    QN_REGEX_MATCH,
    QN_REGEX_FAIL,
    QN_REGEX_CHAR,   /* the character a */
    QN_REGEX_FOLD,   /* a character that folds to a */
    QN_REGEX_ANY,    /* any character */
    QN_REGEX_INLINE, /* any but a line end */
    QN_REGEX_CLASS,  /* one of class a */
    QN_REGEX_ASSERT, /* nothing, where a (enum qn_regex_place) holds */
    QN_REGEX_JUMP,   /* to a */
    QN_REGEX_SPLIT   /* to a and to b */
};

enum qn_regex_place {
    QN_REGEX_BEGIN_TEXT,
    QN_REGEX_END_TEXT,
    QN_REGEX_BEGIN_LINE,
    QN_REGEX_END_LINE,
    QN_REGEX_WORD_EDGE,
    QN_REGEX_NO_WORD_EDGE
};

struct qn_regex_inst {
    enum qn_regex_op op;
    int32_t a, b;
};

struct qn_regex_range {
    uint32_t first, last;
};

/* ranges[begin .. begin + n), rising and apart from each other. */
struct qn_regex_class {
    uint32_t begin, n;
    uint64_t ascii[2]; /* the same for the first 128 characters, as bits */
};

struct qn_regex {
    const struct qn_regex_inst *code;
    const struct qn_regex_class *classes;
    const struct qn_regex_range *ranges;
    size_t n_code;
};

#endif
