/* buf.h: a growing text or byte buffer with a mandatory maximum. After a failed append (no memory, over the maximum)
 * `failed` stays set and further appends do nothing, so a writer checks once at the end. */
#ifndef QN_BASE_BUF_H
#define QN_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct qn_buf {
    char *data; /* zero-terminated after every append; NULL while nothing was appended */
    size_t n;   /* bytes without that zero */
    size_t capacity;
    size_t max; /* the most that n may become */
    bool failed;
};

void qn_buf_init(struct qn_buf *buf, size_t max);
void qn_buf_deinit(struct qn_buf *buf);
void qn_buf_clear(struct qn_buf *buf); /* keeps the memory; clears failed */
bool qn_buf_append(struct qn_buf *buf, const void *bytes, size_t n);
bool qn_buf_puts(struct qn_buf *buf, const char *text);
bool qn_buf_printf(struct qn_buf *buf, const char *format, ...) QN_PRINTF(2, 3);
/* Room for n more bytes at data + n of the buffer, for a writer that then adds to buf->n itself; NULL when refused. */
char *qn_buf_reserve(struct qn_buf *buf, size_t n);
/* A JSON string literal with quotes: escapes controls, quotes, backslashes; bytes that are not UTF-8 become U+FFFD. */
bool qn_buf_json_string(struct qn_buf *buf, const char *text, size_t n);

#endif
