/* err.c: fills the caller's struct qn_err. Arguments may carry names out of a hostile file, so the finished text is
 * made printable here, once: controls and bytes that are not UTF-8 become '?'. Nothing is allocated. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Makes text, of at most size - 1 bytes, printable. A character cut in half at the end is dropped. */
static void make_printable(char *text, size_t size)
{
    size_t n = strlen(text);
    bool is_cut = n + 1 == size;

    for (size_t i = 0; i < n;) {
        size_t step = qn_utf8_length(text + i, n - i);

        if (step == 0 && is_cut && n - i < 4 && (unsigned char)text[i] >= 0xC2) {
            text[i] = '\0';
            return;
        }
        if (step == 0 || qn_utf8_is_control(text + i, step)) {
            memset(text + i, '?', step == 0 ? 1 : step);
            step = step == 0 ? 1 : step;
        }
        i += step;
    }
}

static void copy_printable(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    make_printable(to, size);
}

enum qn_status qn_err_set(struct qn_err *err, enum qn_status status, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return status;
    err->status = status;
    va_start(args, format);
    if (vsnprintf(err->text, sizeof(err->text), format, args) < 0)
        snprintf(err->text, sizeof(err->text), "%s", qn_status_text(status));
    va_end(args);
    make_printable(err->text, sizeof(err->text));
    return status;
}

enum qn_status qn_err_at(struct qn_err *err, enum qn_status status, const char *node, const char *op)
{
    if (err == NULL || status == QN_OK || err->node[0] != '\0' || err->op[0] != '\0')
        return status;
    copy_printable(err->node, sizeof(err->node), node == NULL ? "" : node);
    copy_printable(err->op, sizeof(err->op), op == NULL ? "" : op);
    return status;
}
