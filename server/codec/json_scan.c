/* json_scan.c: the JSON reader; see json_scan.h. Tensors are read by json_tensor.c on top of it. */
#include "server/codec/json_scan.h"

#include <string.h>

#include "base/utf8.h"
#include "server/codec/decimal.h"
#include "server/codec/json_number.h"

void qn_json_open(struct qn_json *json, char *text, size_t n, struct qn_err *err)
{
    *json = (struct qn_json){.text = text, .n = n, .at = text, .err = err};
}

enum qn_status qn_json_malformed(const struct qn_json *json, const char *at, const char *reason)
{
    QN_FAIL(json->err, FORMAT, "malformed JSON at byte %zu: %s", (size_t)(at - json->text), reason);
}

const char *qn_json_kind(const struct qn_json *json, const char *at)
{
    if (at >= json->text + json->n)
        return "the end of the text";
    switch (*at) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case '"':
        return "a string";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    case ']':
    case '}':
        return "a closing bracket";
    case ',':
        return "a comma";
    case '\xef':
        return strncmp(at, "\xef\xbb\xbf", 3) == 0 ? "a byte order mark" : "something else";
    default:
        return *at == '-' || (*at >= '0' && *at <= '9') ? "a number" : "something else";
    }
}

static void skip_space(struct qn_json *json)
{
    while (qn_json_is_space(*json->at))
        json->at++;
}

char qn_json_peek(struct qn_json *json)
{
    skip_space(json);
    return *json->at;
}

/* ---- structure ---- */

enum qn_status qn_json_enter(struct qn_json *json, char bracket, const char *what)
{
    skip_space(json);
    if (*json->at != bracket)
        QN_FAIL(json->err, FORMAT, "expected %s at byte %zu, found %s", what, (size_t)(json->at - json->text),
                qn_json_kind(json, json->at));
    if (json->depth == QN_JSON_MAX_DEPTH)
        return qn_json_malformed(json, json->at, "nested deeper than 64 levels");
    json->at++;
    json->depth++;
    json->fresh = true;
    return QN_OK;
}

/* Before the next key or element: passes the comma, or the closing bracket. */
static enum qn_status step(struct qn_json *json, char closing, bool *more)
{
    bool fresh = json->fresh;

    json->fresh = false;
    skip_space(json);
    *more = *json->at != closing;
    if (!*more) {
        json->at++;
        json->depth--;
        return QN_OK;
    }
    if (fresh)
        return QN_OK;
    if (*json->at != ',')
        return qn_json_malformed(json, json->at, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    json->at++;
    skip_space(json);
    if (*json->at == closing)
        return qn_json_malformed(json, json->at, "a comma before a closing bracket");
    return QN_OK;
}

enum qn_status qn_json_key(struct qn_json *json, struct qn_str *key)
{
    bool more;

    *key = (struct qn_str){NULL, 0};
    QN_TRY(step(json, '}', &more));
    if (!more)
        return QN_OK;
    if (*json->at != '"')
        return qn_json_malformed(json, json->at, "expected a key in quotes");
    QN_TRY(qn_json_string(json, key));
    skip_space(json);
    if (*json->at != ':')
        return qn_json_malformed(json, json->at, "expected ':'");
    json->at++;
    return QN_OK;
}

enum qn_status qn_json_item(struct qn_json *json, bool *more) { return step(json, ']', more); }

enum qn_status qn_json_end(struct qn_json *json)
{
    skip_space(json);
    if (json->at != json->text + json->n)
        return qn_json_malformed(json, json->at, "text after the end of the document");
    return QN_OK;
}

/* ---- strings ---- */

/* The first of eight bytes at a time that is a quote, a backslash, a control or not ASCII. The zeros behind the text
 * are controls, so this ends. */
static char *skip_plain(char *p)
{
    for (;;) {
        uint64_t bytes;
        uint64_t quotes;
        uint64_t slashes;

        memcpy(&bytes, p, sizeof(bytes));
        quotes = bytes ^ 0x2222222222222222u;
        slashes = bytes ^ 0x5c5c5c5c5c5c5c5cu;
        quotes = (quotes - 0x0101010101010101u) & ~quotes;
        slashes = (slashes - 0x0101010101010101u) & ~slashes;
        if (((quotes | slashes | (bytes - 0x2020202020202020u) | bytes) & 0x8080808080808080u) != 0)
            break;
        p += 8;
    }
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1 when one is none. */
static int32_t read_hex_4(const char *p)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* \uXXXX at *p, with its second half for a surrogate; *p moves behind. The result is never longer than the escape. */
static enum qn_status read_unicode_escape(const struct qn_json *json, char **p, char **to)
{
    int32_t code = read_hex_4(*p + 2);
    int32_t low;

    if (code < 0)
        return qn_json_malformed(json, *p, "\\u needs four hexadecimal digits");
    if (code >= 0xdc00 && code <= 0xdfff)
        return qn_json_malformed(json, *p, "half of a surrogate pair");
    if (code >= 0xd800 && code <= 0xdbff) {
        low = (*p)[6] == '\\' && (*p)[7] == 'u' ? read_hex_4(*p + 8) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return qn_json_malformed(json, *p, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *p += 6;
    }
    *p += 6;
    *to = put_utf8(*to, (uint32_t)code);
    return QN_OK;
}

static enum qn_status read_escape(const struct qn_json *json, char **p, char **to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char c = (*p)[1];
    const char *name = c == '\0' ? NULL : strchr(names, c);

    if (c == 'u')
        return read_unicode_escape(json, p, to);
    if (name == NULL)
        return qn_json_malformed(json, *p, "unknown escape in a string");
    *(*to)++ = values[name - names];
    *p += 2;
    return QN_OK;
}

/* What plain ASCII did not cover: an escape or a character of several bytes, copied to *to. */
static enum qn_status read_special(const struct qn_json *json, char **p, char **to)
{
    size_t left = (size_t)(json->text + json->n - *p);
    size_t length;

    if (left == 0)
        return qn_json_malformed(json, *p, "the text ends inside a string");
    if (**p == '\\')
        return read_escape(json, p, to);
    length = qn_utf8_length(*p, left);
    if (length == 0)
        return qn_json_malformed(json, *p, "a string is not valid UTF-8");
    if (length == 1)
        return qn_json_malformed(json, *p, "a control character in a string");
    memmove(*to, *p, length);
    *p += length;
    *to += length;
    return QN_OK;
}

enum qn_status qn_json_string(struct qn_json *json, struct qn_str *string)
{
    char *begin;
    char *p;
    char *to;

    skip_space(json);
    if (*json->at != '"')
        QN_FAIL(json->err, FORMAT, "expected a string at byte %zu, found %s", (size_t)(json->at - json->text),
                qn_json_kind(json, json->at));
    begin = json->at + 1;
    p = to = skip_plain(begin);
    while (*p != '"') {
        char *plain;

        QN_TRY(read_special(json, &p, &to));
        plain = p;
        p = skip_plain(p);
        if (to != plain)
            memmove(to, plain, (size_t)(p - plain));
        to += p - plain;
    }
    json->at = p + 1;
    *to = '\0';
    *string = (struct qn_str){begin, (size_t)(to - begin)};
    return QN_OK;
}

/* ---- other values ---- */

static enum qn_status read_literal(struct qn_json *json, const char *text)
{
    size_t n = strlen(text);

    if (strncmp(json->at, text, n) != 0)
        return qn_json_malformed(json, json->at, "expected a value");
    json->at += n;
    return QN_OK;
}

enum qn_status qn_json_bool(struct qn_json *json, bool *value)
{
    skip_space(json);
    *value = *json->at == 't';
    return read_literal(json, *value ? "true" : "false");
}

static enum qn_status read_number(struct qn_json *json)
{
    struct decimal number;
    const char *fault;
    const char *end = qn_decimal_read(json->at, &number, &fault);

    if (end == NULL)
        return qn_json_malformed(json, fault, "malformed number");
    json->at += end - json->at;
    return QN_OK;
}

enum qn_status qn_json_int(struct qn_json *json, const char *what, int64_t min, int64_t max, int64_t *value)
{
    struct qn_row row = {.dtype = QN_INT64, .data = value, .max = 1};
    enum qn_row_end end;

    skip_space(json);
    end = qn_row_read(json->at, &row);
    if (end == QN_ROW_SYNTAX)
        return qn_json_malformed(json, row.end, "malformed number");
    if (row.n != 1 || *value < min || *value > max)
        QN_FAIL(json->err, FORMAT, "%s must be an integer from %lld to %lld", what, (long long)min, (long long)max);
    json->at += qn_row_before_comma(&row, end) - json->at;
    return QN_OK;
}

/* One value that is neither array nor object. */
static enum qn_status skip_scalar(struct qn_json *json)
{
    struct qn_str string;

    switch (*json->at) {
    case '"':
        return qn_json_string(json, &string);
    case 't':
        return read_literal(json, "true");
    case 'f':
        return read_literal(json, "false");
    case 'n':
        return read_literal(json, "null");
    default:
        if (*json->at != '-' && (*json->at < '0' || *json->at > '9'))
            return qn_json_malformed(json, json->at, "expected a value");
        return read_number(json);
    }
}

/* Whether anything is left to read in the innermost open array or object, with its key passed. Bit i of objects says
 * whether level i is an object. */
static enum qn_status skip_step(struct qn_json *json, uint64_t objects, bool *more)
{
    struct qn_str key;

    if ((objects >> (json->depth - 1) & 1) == 0)
        return qn_json_item(json, more);
    QN_TRY(qn_json_key(json, &key));
    *more = key.data != NULL;
    return QN_OK;
}

enum qn_status qn_json_skip(struct qn_json *json)
{
    int depth = json->depth;
    uint64_t objects = 0;
    bool more;

    do {
        char c = qn_json_peek(json);

        if (c == '[' || c == '{') {
            QN_TRY(qn_json_enter(json, c, "a value"));
            objects &= ~(UINT64_C(1) << (json->depth - 1));
            objects |= (uint64_t)(c == '{') << (json->depth - 1);
        } else {
            QN_TRY(skip_scalar(json));
        }
        more = false;
        while (!more && json->depth > depth)
            QN_TRY(skip_step(json, objects, &more));
    } while (json->depth > depth);
    return QN_OK;
}
