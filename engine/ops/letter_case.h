/* letter_case.h: upper and lower case of UTF-8 text, letter by letter, by Unicode's simple mappings: no letter becomes
 * two, and no language has rules of its own. */
#ifndef QN_OPS_LETTER_CASE_H
#define QN_OPS_LETTER_CASE_H

#include "tensor/tensor.h"

enum qn_letter_case { QN_CASE_AS_IS, QN_CASE_LOWER, QN_CASE_UPPER };

/* Writes text with its letters changed and returns the length; out NULL: only that. Bytes that are not UTF-8 stay.
 * ascii: only the letters A to Z have a case. */
size_t qn_change_case(enum qn_letter_case to, bool ascii, struct qn_str text, char *out);

/* The number of a well-formed character of n bytes. */
uint32_t qn_letter_decode(const char *text, size_t n);
/* What letters that differ in case only have in common. */
uint32_t qn_letter_fold(uint32_t letter);

#endif
