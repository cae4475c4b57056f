/* json_scan.h: reads a JSON document front to back, in place, without a tree. The grammar is RFC 8259's exactly;
 * strings must be valid UTF-8; nesting is limited; nothing recurses or allocates. Every failure names the byte it was
 * found at.
 *
 * The caller walks: qn_json_enter('{'), then qn_json_key() until it gives no key, reading each value by one of the
 * calls here or by qn_json_tensor(). The text is changed: strings are unescaped where they stand. */
#ifndef QN_CODEC_JSON_SCAN_H
#define QN_CODEC_JSON_SCAN_H

#include "base/err.h"

enum { QN_JSON_MAX_DEPTH = 64, QN_JSON_PADDING = 16 };

struct qn_json {
    char *text; /* n bytes, then QN_JSON_PADDING readable bytes of zero */
    size_t n;
    char *at;           /* where reading goes on */
    int depth;          /* open arrays and objects */
    bool fresh;         /* just inside an opened array or object */
    struct qn_err *err; /* the caller's */
};

void qn_json_open(struct qn_json *json, char *text, size_t n, struct qn_err *err);

/* Skips white space; the first character of the next value or bracket, 0 at the end. Anything may stand there. */
char qn_json_peek(struct qn_json *json);

/* Opens an array or object; bracket is '[' or '{'. what names the expected in the message. */
enum qn_status qn_json_enter(struct qn_json *json, char bracket, const char *what);
/* The next key of the object, the colon behind it passed; key->data is NULL and the object closed when there is none.
 */
enum qn_status qn_json_key(struct qn_json *json, struct qn_str *key);
/* Whether another element follows in the array; when not, the array is closed. */
enum qn_status qn_json_item(struct qn_json *json, bool *more);

/* A string, unescaped in place: borrowed from the text, zero-terminated, may hold zero bytes. */
enum qn_status qn_json_string(struct qn_json *json, struct qn_str *string);
enum qn_status qn_json_bool(struct qn_json *json, bool *value);
/* An integer from min to max, called what in the message. */
enum qn_status qn_json_int(struct qn_json *json, const char *what, int64_t min, int64_t max, int64_t *value);
/* Any value, checked and thrown away. */
enum qn_status qn_json_skip(struct qn_json *json);
/* Nothing but white space may follow. */
enum qn_status qn_json_end(struct qn_json *json);

/* FORMAT at the given place: "malformed JSON at byte N: reason". */
enum qn_status qn_json_malformed(const struct qn_json *json, const char *at, const char *reason);
/* What stands at a place, in a word: "a number", "a string", "the end of the text". */
const char *qn_json_kind(const struct qn_json *json, const char *at);

static inline bool qn_str_is(struct qn_str string, const char *text)
{
    size_t i = 0;

    while (i < string.n && text[i] != '\0' && text[i] == string.data[i])
        i++;
    return i == string.n && text[i] == '\0';
}

#endif
