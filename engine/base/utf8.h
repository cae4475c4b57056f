/* utf8.h: reading UTF-8 that may be anything. Used where text from outside is shown again: errors, logs, JSON. */
#ifndef QN_BASE_UTF8_H
#define QN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at the start of text[0..n), 1 to 4; 0 when there is none: overlong forms,
 * surrogates, values above U+10FFFF and cut characters are not well-formed. */
size_t qn_utf8_length(const char *text, size_t n);
/* Whether the well-formed character of n bytes is a control (C0, DEL, C1) or a line or paragraph separator. */
bool qn_utf8_is_control(const char *text, size_t n);

#endif
