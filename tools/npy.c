/* npy.c: reading and writing .npy. The header is a Python dictionary literal; a small strict reader takes the three
 * keys that numpy writes and nothing else. */
#include "tools/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static const struct {
    const char *code; /* kind and size */
    enum qn_dtype dtype;
} codes[] = {
    {"f4", QN_FLOAT},  {"f8", QN_DOUBLE}, {"f2", QN_FLOAT16},   {"i1", QN_INT8},        {"i2", QN_INT16},
    {"i4", QN_INT32},  {"i8", QN_INT64},  {"u1", QN_UINT8},     {"u2", QN_UINT16},      {"u4", QN_UINT32},
    {"u8", QN_UINT64}, {"b1", QN_BOOL},   {"c8", QN_COMPLEX64}, {"c16", QN_COMPLEX128},
};

struct header {
    char type;    /* 'U', 'S', or 0 for a number */
    size_t width; /* of text, in characters */
    enum qn_dtype dtype;
    bool fortran, swapped; /* big-endian */
    struct qn_shape shape;
};

struct reader {
    const char *at, *end;
    struct qn_err *err;
};

static void blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n'))
        r->at++;
}

static bool take(struct reader *r, const char *token)
{
    size_t n = strlen(token);

    blanks(r);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, token, n) != 0)
        return false;
    r->at += n;
    return true;
}

static enum qn_status read_descr(struct reader *r, struct header *h)
{
    char text[16] = {0};
    size_t n = 0;

    QN_CHECK(take(r, "'"), r->err, FORMAT, "the .npy element type is not a plain one");
    while (r->at < r->end && *r->at != '\'' && n < sizeof(text) - 1)
        text[n++] = *r->at++;
    QN_CHECK(take(r, "'") && n >= 2, r->err, FORMAT, "malformed .npy element type");
    QN_CHECK(text[1] != 'O', r->err, UNSUPPORTED, "the .npy file holds pickled objects, which are never read");
    QN_CHECK(text[0] && strchr("<>|=", text[0]), r->err, FORMAT, "malformed .npy element type '%s'", text);
    h->swapped = text[0] == '>';
    if (text[1] == 'U' || text[1] == 'S') {
        h->type = text[1];
        h->width = strtoul(text + 2, NULL, 10);
        h->dtype = QN_STRING;
        QN_CHECK(h->width < (1u << 24), r->err, LIMIT, "text of %zu characters in a .npy file", h->width);
        return QN_OK;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(codes[i].code, text + 1) == 0)
            h->dtype = codes[i].dtype;
    QN_CHECK(h->dtype != QN_UNDEFINED, r->err, UNSUPPORTED, "the .npy element type '%s' is not supported", text);
    return QN_OK;
}

static enum qn_status read_shape(struct reader *r, struct header *h)
{
    QN_CHECK(take(r, "("), r->err, FORMAT, "malformed .npy shape");
    while (!take(r, ")")) {
        int64_t dim = 0;
        bool any = false;

        blanks(r);
        for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, any = true)
            QN_CHECK(qn_mul64(dim, 10, &dim) && qn_add64(dim, *r->at - '0', &dim), r->err, LIMIT,
                     "a .npy dimension is too large");
        take(r, "L");
        QN_CHECK(any, r->err, FORMAT, "malformed .npy shape");
        QN_CHECK(h->shape.rank < QN_MAX_RANK, r->err, LIMIT, "the .npy array has more than %d dimensions", QN_MAX_RANK);
        h->shape.dims[h->shape.rank++] = dim;
        take(r, ",");
    }
    return QN_OK;
}

static enum qn_status read_dictionary(struct reader *r, struct header *h)
{
    bool descr = false, order = false, shape = false;

    QN_CHECK(take(r, "{"), r->err, FORMAT, "malformed .npy header");
    while (!take(r, "}")) {
        if (take(r, "'descr':")) {
            QN_TRY(read_descr(r, h));
            descr = true;
        } else if (take(r, "'fortran_order':")) {
            h->fortran = take(r, "True");
            order = h->fortran || take(r, "False");
        } else if (take(r, "'shape':")) {
            QN_TRY(read_shape(r, h));
            shape = true;
        } else {
            QN_FAIL(r->err, FORMAT, "malformed .npy header");
        }
        take(r, ",");
    }
    QN_CHECK(descr && order && shape, r->err, FORMAT, "the .npy header lacks descr, fortran_order or shape");
    return QN_OK;
}

static enum qn_status read_header(const unsigned char *bytes, size_t n, struct header *h, size_t *n_header,
                                  struct qn_err *err)
{
    size_t start, length;
    struct reader r = {.err = err};

    QN_CHECK(n >= 10 && memcmp(bytes, "\x93NUMPY", 6) == 0, err, FORMAT, "not a .npy file");
    QN_CHECK(bytes[6] >= 1 && bytes[6] <= 3 && bytes[7] == 0, err, UNSUPPORTED, ".npy version %d.%d is not supported",
             bytes[6], bytes[7]);
    start = bytes[6] == 1 ? 10 : 12;
    QN_CHECK(n >= start, err, FORMAT, "the .npy file is cut short");
    length = bytes[8] | (size_t)bytes[9] << 8;
    if (start == 12)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    QN_CHECK(length <= n - start && length <= 65536, err, FORMAT, "the .npy header of %zu bytes is too long", length);
    r.at = (const char *)bytes + start;
    r.end = r.at + length;
    *n_header = start + length;
    return read_dictionary(&r, h);
}

/* The place in row-major order of element i in column-major order. */
static int64_t row_major(const struct qn_shape *shape, int64_t i)
{
    int64_t place = 0, stride = 1, index[QN_MAX_RANK];

    for (int d = 0; d < shape->rank; d++) {
        index[d] = i % shape->dims[d];
        i /= shape->dims[d];
    }
    for (int d = shape->rank - 1; d >= 0; d--) {
        place += index[d] * stride;
        stride *= shape->dims[d];
    }
    return place;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* One element of text; trailing zeros are padding. */
static enum qn_status read_text(const struct header *h, const unsigned char *from, struct qn_arena *arena,
                                struct qn_str *str, struct qn_err *err)
{
    char *text = qn_arena_alloc(arena, h->width * (h->type == 'U' ? 4 : 1) + 1);
    size_t n = 0, last = 0;

    QN_CHECK_MEM(text, err);
    for (size_t i = 0; i < h->width; i++) {
        uint32_t c = from[i];

        if (h->type == 'U')
            memcpy(&c, from + 4 * i, 4);
        if (h->type == 'U' && h->swapped)
            c = __builtin_bswap32(c);
        QN_CHECK(c < 0x110000 && (c < 0xd800 || c > 0xdfff), err, FORMAT, "invalid character in a .npy file");
        if (h->type == 'U')
            n += put_utf8(c, text + n);
        else
            text[n++] = (char)c;
        if (c)
            last = n;
    }
    *str = (struct qn_str){text, last};
    return QN_OK;
}

/* One number. Complex ones are two; a boolean is 0 or 1 whatever its byte. */
static void read_number(const struct header *h, const unsigned char *from, unsigned char *to, size_t size)
{
    size_t part = h->dtype == QN_COMPLEX64 || h->dtype == QN_COMPLEX128 ? size / 2 : size;

    if (h->dtype == QN_BOOL)
        *to = *from != 0;
    else if (!h->swapped)
        memcpy(to, from, size);
    else
        for (size_t i = 0; i < size; i++)
            to[i] = from[i - i % part + part - 1 - i % part];
}

enum qn_status qn_npy_parse(const void *bytes, size_t n, struct qn_arena *arena, struct qn_tensor *tensor,
                            struct qn_err *err)
{
    struct header h = {.dtype = QN_UNDEFINED};
    const unsigned char *data;
    size_t n_header = 0, size, total;
    int64_t count;

    QN_TRY(read_header(bytes, n, &h, &n_header, err));
    QN_CHECK(qn_dims_count(h.shape.dims, 0, h.shape.rank, &count), err, LIMIT, "the .npy array is too large");
    size = h.type ? h.width * (h.type == 'U' ? 4 : 1) : qn_dtype_bytes(h.dtype);
    QN_CHECK(qn_mul((size_t)count, size, &total) && total == n - n_header, err, FORMAT,
             "the .npy file holds %zu bytes of data where its shape needs %zu", n - n_header, total);
    QN_TRY(qn_tensor_create(arena, h.dtype, &h.shape, tensor, err));
    data = (const unsigned char *)bytes + n_header;
    if (!h.type && !h.fortran && !h.swapped && h.dtype != QN_BOOL && total) {
        memcpy(tensor->data, data, total);
        return QN_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t to = h.fortran ? row_major(&h.shape, i) : i;

        if (h.type)
            QN_TRY(read_text(&h, data + (size_t)i * size, arena, (struct qn_str *)tensor->data + to, err));
        else
            read_number(&h, data + (size_t)i * size, (unsigned char *)tensor->data + (size_t)to * size, size);
    }
    return QN_OK;
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static size_t text_width(const struct qn_tensor *tensor)
{
    const struct qn_str *strings = tensor->data;
    size_t width = 1;

    for (int64_t i = 0, n = qn_tensor_count(tensor); i < n; i++)
        width = strings[i].n > width ? strings[i].n : width;
    return width;
}

/* Decodes UTF-8, which the engine checks where text comes in; what is not valid is taken byte by byte. */
static void print_text(struct qn_str str, size_t width, struct qn_buf *buf)
{
    size_t i = 0, n = 0;

    while (i < str.n && n < width) {
        const unsigned char *s = (const unsigned char *)str.data + i;
        int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
        uint32_t c = more == 3 ? s[0] & 7u : more == 2 ? s[0] & 15u : more == 1 ? s[0] & 31u : s[0];

        for (int k = 1; k <= more && i + (size_t)k < str.n; k++)
            c = c << 6 | (s[k] & 63u);
        qn_buf_append(buf, &c, sizeof(c));
        i += 1 + (size_t)more;
        n++;
    }
    for (; n < width; n++)
        qn_buf_append(buf, "\0\0\0", 4);
}

enum qn_status qn_npy_print(const struct qn_tensor *tensor, struct qn_buf *buf, struct qn_err *err)
{
    char descr[32] = "", shape[QN_MAX_RANK * 21 + 4] = "", header[1024];
    size_t at = 0, width = 0, n;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].dtype == tensor->dtype)
            snprintf(descr, sizeof(descr), "%c%s", qn_dtype_bytes(tensor->dtype) == 1 ? '|' : '<', codes[i].code);
    if (tensor->dtype == QN_STRING) {
        width = text_width(tensor);
        snprintf(descr, sizeof(descr), "<U%zu", width);
    }
    QN_CHECK(descr[0], err, UNSUPPORTED, "NumPy has no type for %s", qn_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        at += (size_t)snprintf(shape + at, sizeof(shape) - at, "%lld,%s", (long long)tensor->dims[i],
                               i + 1 < tensor->rank ? " " : "");
    n = (size_t)snprintf(header, sizeof(header), "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr,
                         shape);
    while ((10 + n + 1) % 64 != 0 && n < sizeof(header) - 2)
        header[n++] = ' ';
    header[n++] = '\n';
    qn_buf_append(buf, "\x93NUMPY\x01\0", 8);
    qn_buf_append(buf, (const char[]){(char)(n & 255), (char)(n >> 8)}, 2);
    qn_buf_append(buf, header, n);
    if (tensor->dtype == QN_STRING) {
        for (int64_t i = 0, count = qn_tensor_count(tensor); i < count; i++)
            print_text(((const struct qn_str *)tensor->data)[i], width, buf);
    } else {
        qn_buf_append(buf, tensor->data, qn_tensor_bytes(tensor));
    }
    QN_CHECK(!buf->failed, err, LIMIT, "the output is too large to write");
    return QN_OK;
}
