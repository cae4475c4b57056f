/* json_number.h: runs of JSON numbers (and true, false) read straight into tensor memory. One call reads one row: the
 * values of an innermost array, separated by commas. Syntax is JSON's exactly; values are checked against the type's
 * range; floating point is rounded to nearest, ties to even. No allocation, no locale. */
#ifndef QN_CODEC_JSON_NUMBER_H
#define QN_CODEC_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "quern.h"

enum qn_row_end {
    QN_ROW_DONE,    /* what follows the last value is no comma */
    QN_ROW_FULL,    /* max values were read, and a comma: the next value stands at the end */
    QN_ROW_OTHER,   /* no number (nor true or false, for bool) stands at the end; it may still be JSON */
    QN_ROW_SYNTAX,  /* the number at hand is malformed at the end */
    QN_ROW_RANGE,   /* the value at hand does not fit the type */
    QN_ROW_FRACTION /* the value at hand is no integer, or for bool neither 0 nor 1 */
};

struct qn_row {
    enum qn_dtype dtype;
    void *data;      /* the tensor's memory; NULL: check and count only */
    size_t first;    /* index of the row's first element there */
    size_t max;      /* the most elements to read, at least 1 */
    bool non_finite; /* accept the tokens NaN, Infinity and -Infinity for floating point */
    size_t n;        /* out: elements read */
    const char *end; /* out: where reading ended */
};

/* Whether rows of this type can be read: every type but strings, complex and 8- and 4-bit floating point. */
bool qn_row_supports(enum qn_dtype dtype);

/* text is at the first value, no white space before it; 16 bytes after the whole text are readable and zero. */
enum qn_row_end qn_row_read(const char *text, struct qn_row *row);

/* Where the last value read ends, before a comma that was passed. For a row that was not stopped by a fault. */
const char *qn_row_before_comma(const struct qn_row *row, enum qn_row_end end);

static inline bool qn_json_is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static inline const char *qn_json_skip_space(const char *p)
{
    while (qn_json_is_space(*p))
        p++;
    return p;
}

#endif
