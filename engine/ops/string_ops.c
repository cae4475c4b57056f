/* string_ops.c: StringConcat and StringSplit.
 * White space, where StringSplit splits at it, is Unicode's and the four ASCII separators that Python counts too; none
 * is left at either end, also not where maxsplit leaves the rest in one piece. A negative maxsplit is none. */
#define _GNU_SOURCE
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ops/broadcast.h"

static enum qn_status failed(const struct qn_call *call)
{
    return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
}

/* ---- StringConcat --------------------------------------------------------------------------------------------- */

static void add_lengths(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct qn_str *a = src[0], *b = src[1];
    struct qn_str *c = dst;

    (void)arg;
    for (int64_t i = 0; i < n; i++)
        c[i] = (struct qn_str){NULL, a[i * step[0]].n + b[i * step[1]].n};
}

static void join(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct qn_str *a = src[0], *b = src[1], *c = dst;

    (void)arg;
    for (int64_t i = 0; i < n; i++) {
        const struct qn_str *first = &a[i * step[0]], *second = &b[i * step[1]];
        char *to = (char *)(uintptr_t)c[i].data;

        if (first->n > 0)
            memcpy(to, first->data, first->n);
        if (second->n > 0)
            memcpy(to + first->n, second->data, second->n);
    }
}

/* Lengths first, then one piece of memory for all texts, then the texts. */
static enum qn_status concat_ref(const struct qn_call *call)
{
    struct qn_tensor *out = qn_out(call, 0);
    struct qn_str *texts = out->data;
    int64_t n = qn_tensor_count(out);
    struct qn_broadcast broadcast;
    size_t total = 0;
    char *at;

    qn_broadcast_init(&broadcast, out, 2, (const struct qn_tensor *const[]){qn_in(call, 0), qn_in(call, 1)});
    qn_broadcast_run(&broadcast, call->pool, 1, add_lengths, NULL);
    for (int64_t i = 0; i < n; i++)
        QN_CHECK(qn_add(total, texts[i].n, &total), call->err, LIMIT, "the strings together are too long");
    at = qn_call_alloc(call, total, 1);
    if (!at)
        return failed(call);
    for (int64_t i = 0; i < n; i++) {
        texts[i].data = at;
        at += texts[i].n;
    }
    qn_broadcast_run(&broadcast, call->pool, 4, join, NULL);
    return QN_OK;
}

/* ---- StringSplit ---------------------------------------------------------------------------------------------- */

struct split {
    struct qn_str delimiter;
    int64_t maxsplit;
};

/* Bytes of the white space that text begins with; 0 when it does not. */
static size_t space_length(struct qn_str text)
{
    static const char *const spaces[] = {"\xc2\x85", "\u00a0", "\u1680", "\u2028",
                                         "\u2029",   "\u202f", "\u205f", "\u3000"};
    unsigned char c = text.n > 0 ? (unsigned char)text.data[0] : 'x';

    if (c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31))
        return 1;
    if (c < 0xC2)
        return 0;
    if (text.n >= 3 && c == 0xE2 && (unsigned char)text.data[1] == 0x80 && (unsigned char)text.data[2] >= 0x80 &&
        (unsigned char)text.data[2] <= 0x8A)
        return 3;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        size_t n = strlen(spaces[i]);

        if (text.n >= n && memcmp(text.data, spaces[i], n) == 0)
            return n;
    }
    return 0;
}

/* Without white space at its end: what follows the last character that is none. */
static struct qn_str trim_end(struct qn_str text)
{
    size_t end = 0;

    for (size_t i = 0; i < text.n;) {
        struct qn_str rest = {text.data + i, text.n - i};
        size_t space = space_length(rest), length = space ? space : qn_utf8_length(rest.data, rest.n);

        i += length ? length : 1;
        end = space ? end : i;
    }
    return (struct qn_str){text.data, end};
}

/* The pieces of a text, one after the other. */
struct pieces {
    struct qn_str rest, delimiter;
    int64_t n_splits; /* that may still be made */
    bool done;
};

static struct pieces begin(const struct split *p, struct qn_str text)
{
    return (struct pieces){text, p->delimiter, p->maxsplit < 0 ? INT64_MAX : p->maxsplit, false};
}

static void skip(struct pieces *p, size_t n)
{
    p->rest.data += n;
    p->rest.n -= n;
}

static bool next_word(struct pieces *p, struct qn_str *piece)
{
    size_t n;

    while ((n = space_length(p->rest)) > 0)
        skip(p, n);
    if (p->rest.n == 0)
        return false;
    *piece = (struct qn_str){p->rest.data, 0};
    if (p->n_splits-- == 0) {
        *piece = trim_end(p->rest);
        p->rest.n = 0;
        return true;
    }
    while (p->rest.n > 0 && space_length(p->rest) == 0) {
        n = qn_utf8_length(p->rest.data, p->rest.n);
        n = n ? n : 1;
        skip(p, n);
        piece->n += n;
    }
    return true;
}

static bool next_piece(struct pieces *p, struct qn_str *piece)
{
    const char *found;

    if (p->delimiter.n == 0)
        return next_word(p, piece);
    if (p->done)
        return false;
    *piece = p->rest;
    found =
        p->n_splits-- > 0 && p->rest.n > 0 ? memmem(p->rest.data, p->rest.n, p->delimiter.data, p->delimiter.n) : NULL;
    p->done = found == NULL;
    if (found) {
        piece->n = (size_t)(found - p->rest.data);
        skip(p, piece->n + p->delimiter.n);
    }
    return true;
}

static enum qn_status infer_split(struct qn_infer *in, const void *params)
{
    struct qn_shape shape = qn_infer_in(in, 0)->shape;

    (void)params;
    QN_CHECK(shape.rank < QN_MAX_RANK, in->err, LIMIT, "the output would have more than %d dimensions", QN_MAX_RANK);
    QN_TRY(qn_infer_out(in, 1, QN_INT64, &shape));
    if (shape.rank >= 0)
        shape.dims[shape.rank++] = QN_DIM_UNKNOWN;
    return qn_infer_out(in, 0, QN_STRING, &shape);
}

static enum qn_status split_ref(const struct qn_call *call)
{
    const struct split *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    const struct qn_str *texts = x->data;
    int64_t n = qn_tensor_count(x), most = 0, dims[QN_MAX_RANK], *counts = qn_out(call, 1)->data;
    struct qn_str *out, piece;

    for (int64_t i = 0; i < n; i++) {
        struct pieces pieces = begin(p, texts[i]);

        for (counts[i] = 0; next_piece(&pieces, &piece);)
            counts[i]++;
        most = counts[i] > most ? counts[i] : most;
    }
    memcpy(dims, x->dims, (size_t)x->rank * sizeof(*dims));
    dims[x->rank] = most;
    QN_TRY(qn_call_place(call, 0, QN_STRING, x->rank + 1, dims));
    out = qn_out(call, 0)->data;
    for (int64_t i = 0; i < n; i++) {
        struct pieces pieces = begin(p, texts[i]);

        for (int64_t k = 0; k < most; k++)
            *out++ = next_piece(&pieces, &piece) ? piece : (struct qn_str){"", 0};
    }
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel concat_kernels[] = {{.name = "string_concat_ref", .run = concat_ref}, {.name = NULL}};
static const struct qn_kernel split_kernels[] = {{.name = "string_split_ref", .run = split_ref}, {.name = NULL}};

#define ROW(op, ...)                                                                                                   \
    {                                                                                                                  \
        .domain = "", .name = (op), .since = 20, .until = QN_NEWEST_OPSET, .tolerance = QN_EXACT, __VA_ARGS__          \
    }

const struct qn_op qn_ops_string_ops[] = {
    ROW("StringConcat", .in = QN_FORMALS(QN_IN("X", 'T', QN_BIT(STRING)), QN_IN("Y", 'T', QN_BIT(STRING))),
        .out = QN_FORMALS(QN_OUT("Z", 'T', QN_BIT(STRING))), .infer = qn_infer_broadcast, .kernels = concat_kernels),
    ROW("StringSplit", .in = QN_FORMALS(QN_IN("X", '1', QN_BIT(STRING))),
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING)), QN_OUT("Z", '3', QN_BIT(INT64))),
        .attrs = QN_ATTRS(QN_STRING_ATTR(split, delimiter, ""), QN_INT_ATTR(split, maxsplit, -1)), QN_PARAMS(split),
        .flags = QN_KEEPS_VALUES | QN_DATA_DEPENDENT, .infer = infer_split, .kernels = split_kernels),
    {.name = NULL},
};
