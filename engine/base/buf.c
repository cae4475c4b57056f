/* buf.c: the growing buffer. The one place that allocates is grow(); it doubles, never beyond the maximum, and always
 * keeps a byte for the final zero. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void qn_buf_init(struct qn_buf *buf, size_t max)
{
    *buf = (struct qn_buf){.max = max == SIZE_MAX ? SIZE_MAX - 1 : max};
}

void qn_buf_deinit(struct qn_buf *buf)
{
    free(buf->data);
    qn_buf_init(buf, buf->max);
}

void qn_buf_clear(struct qn_buf *buf)
{
    buf->n = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Makes room for n more bytes and the final zero. */
static bool grow(struct qn_buf *buf, size_t n)
{
    size_t wanted;
    size_t capacity;
    char *data;

    if (buf->failed || buf->n > buf->max || n > buf->max - buf->n) {
        buf->failed = true;
        return false;
    }
    wanted = buf->n + n + 1;
    if (wanted <= buf->capacity)
        return true;
    capacity = buf->capacity > SIZE_MAX / 2 ? SIZE_MAX : buf->capacity * 2;
    if (capacity < 64)
        capacity = 64;
    if (capacity < wanted)
        capacity = wanted;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    data[buf->n] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

char *qn_buf_reserve(struct qn_buf *buf, size_t n) { return grow(buf, n) ? buf->data + buf->n : NULL; }

bool qn_buf_append(struct qn_buf *buf, const void *bytes, size_t n)
{
    if (!grow(buf, n))
        return false;
    if (n != 0)
        memcpy(buf->data + buf->n, bytes, n);
    buf->n += n;
    buf->data[buf->n] = '\0';
    return true;
}

bool qn_buf_puts(struct qn_buf *buf, const char *text) { return qn_buf_append(buf, text, strlen(text)); }

/* Tries in the room there is; when the text is longer, grows to the length that try reported. */
bool qn_buf_printf(struct qn_buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    size_t room;
    int n;

    if (!grow(buf, 0))
        return false;
    room = buf->capacity - buf->n;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(buf->data + buf->n, room, format, args);
    if (n >= 0 && (size_t)n >= room && grow(buf, (size_t)n))
        n = vsnprintf(buf->data + buf->n, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    if (n < 0)
        buf->failed = true;
    if (buf->failed) {
        buf->data[buf->n] = '\0';
        return false;
    }
    buf->n += (size_t)n;
    return true;
}

/* The two-character escape of a control, quote or backslash; NULL where \u00XX is needed or nothing. */
static const char *short_escape(unsigned char byte)
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return NULL;
    }
}

/* One character, or one byte that is not part of any. */
static void put_json_char(struct qn_buf *buf, const char *text, size_t length)
{
    unsigned char byte = (unsigned char)text[0];
    const char *escape = short_escape(byte);

    if (length == 0)
        qn_buf_puts(buf, "\xEF\xBF\xBD");
    else if (escape != NULL)
        qn_buf_puts(buf, escape);
    else if (qn_utf8_is_control(text, length)) /* controls of one or two bytes, or U+2028 and U+2029 */
        qn_buf_printf(buf, "\\u%04x", (length == 3 ? 0x1F80u : 0u) + (unsigned char)text[length - 1]);
    else
        qn_buf_append(buf, text, length);
}

static bool is_plain(unsigned char byte) { return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\'; }

bool qn_buf_json_string(struct qn_buf *buf, const char *text, size_t n)
{
    size_t i = 0;

    qn_buf_append(buf, "\"", 1);
    while (i < n && !buf->failed) {
        size_t begin = i;
        size_t length;

        while (i < n && is_plain((unsigned char)text[i]))
            i++;
        qn_buf_append(buf, text + begin, i - begin);
        if (i == n)
            break;
        length = qn_utf8_length(text + i, n - i);
        put_json_char(buf, text + i, length);
        i += length == 0 ? 1 : length;
    }
    return qn_buf_append(buf, "\"", 1);
}
