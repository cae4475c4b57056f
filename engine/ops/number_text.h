/* number_text.h: numbers as text and back, as the Cast operator writes and reads them. Independent of the process's
 * locale. Not for JSON, which has rules of its own. */
#ifndef QN_OPS_NUMBER_TEXT_H
#define QN_OPS_NUMBER_TEXT_H

#include "tensor/tensor.h"

enum { QN_NUMBER_TEXT = 40 };

/* x, a value of the given floating-point type, with the fewest digits that read back as the same value: plain ("0.1",
 * "100.0") from 1e-4 up to 1e16, else scientific ("1e-05"); "inf", "-inf", "nan". Returns the length. */
size_t qn_number_print(char text[QN_NUMBER_TEXT], enum qn_dtype dtype, double x);

/* What a text says. */
struct qn_number {
    bool integer; /* digits only, and the magnitude fits: exact */
    bool negative;
    uint64_t magnitude; /* when integer */
    double f64;         /* always: the nearest double */
    float f32;          /* and the nearest float, rounded once */
};

/* "3.14", "1e-5", "+INF", "nan" (letters of either case), with blanks around; false for anything else or for more than
 * some 1,200 characters. */
bool qn_number_parse(struct qn_str text, struct qn_number *number);

#endif
