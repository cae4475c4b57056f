/* tensor.c: single elements of tensors by type, and tensors made and copied in an arena. For the slow paths:
 * attributes that became inputs, values of requests, tests. Kernels have loops of their own. Whole values are
 * value.c's. */
#include "tensor/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "tensor/convert.h"

static const struct qn_convert_options saturating = {.saturate = true, .round_mode = 'n'};

/* One element in a place of its own: sub-byte types unpacked to their stored bits. */
union element {
    uint8_t bits;
    double align;
    unsigned char bytes[16];
};

static void load(const struct qn_tensor *tensor, int64_t i, union element *element)
{
    int bits = qn_dtype_bits(tensor->dtype);
    size_t bytes = (size_t)bits / 8;

    if (bits < 8)
        element->bits = qn_packed_get(tensor->data, i, bits);
    else
        memcpy(element->bytes, (const unsigned char *)tensor->data + (size_t)i * bytes, bytes);
}

static void store(struct qn_tensor *tensor, int64_t i, const union element *element)
{
    int bits = qn_dtype_bits(tensor->dtype);
    size_t bytes = (size_t)bits / 8;

    if (bits < 8)
        qn_packed_set(tensor->data, i, bits, element->bits);
    else
        memcpy((unsigned char *)tensor->data + (size_t)i * bytes, element->bytes, bytes);
}

/* The real type an element is read and written as: the part type of complex ones, whose imaginary part counts as 0;
 * UNDEFINED for strings. */
static enum qn_dtype real_type(enum qn_dtype dtype)
{
    switch (dtype) {
    case QN_COMPLEX64:
        return QN_FLOAT;
    case QN_COMPLEX128:
        return QN_DOUBLE;
    case QN_STRING:
        return QN_UNDEFINED;
    default:
        return dtype;
    }
}

double qn_tensor_double(const struct qn_tensor *tensor, int64_t i)
{
    enum qn_dtype type = real_type(tensor->dtype);
    union element element;
    double x = 0;

    if (type != QN_UNDEFINED) {
        load(tensor, i, &element);
        qn_convert(type, element.bytes, QN_DOUBLE, &x, 1, saturating);
    }
    return x;
}

/* UINT64 saturates like the floats: an axis or size must not turn negative. */
int64_t qn_tensor_int(const struct qn_tensor *tensor, int64_t i)
{
    enum qn_dtype type = real_type(tensor->dtype);
    union element element;
    int64_t x = 0;

    if (type != QN_UNDEFINED) {
        load(tensor, i, &element);
        qn_convert(type, element.bytes, QN_INT64, &x, 1, saturating);
        if (type == QN_UINT64 && x < 0)
            x = INT64_MAX;
    }
    return x;
}

/* Bounds of an integer type of at most 64 bits; those above INT64_MAX are not reached. */
static void integer_bounds(enum qn_dtype dtype, int64_t *lowest, int64_t *highest)
{
    int bits = qn_dtype_bits(dtype);
    bool is_unsigned = (QN_UNSIGNED | QN_BIT(UINT4) | QN_BIT(UINT2)) >> dtype & 1;

    if (is_unsigned) {
        *lowest = 0;
        *highest = bits == 64 ? INT64_MAX : ((int64_t)1 << bits) - 1;
    } else {
        *highest = (int64_t)(UINT64_MAX >> (65 - bits));
        *lowest = -*highest - 1;
    }
}

static void set_from(struct qn_tensor *tensor, int64_t i, enum qn_dtype from, const void *x)
{
    enum qn_dtype type = real_type(tensor->dtype);
    union element element = {.bytes = {0}};

    if (type == QN_UNDEFINED)
        return;
    qn_convert(from, x, type, element.bytes, 1, saturating);
    store(tensor, i, &element);
}

void qn_tensor_set_int(struct qn_tensor *tensor, int64_t i, int64_t x)
{
    if (qn_dtype_is_integer(tensor->dtype)) {
        int64_t lowest, highest;

        integer_bounds(tensor->dtype, &lowest, &highest);
        x = x < lowest ? lowest : x > highest ? highest : x;
    }
    set_from(tensor, i, QN_INT64, &x);
}

/* Integers take the nearest whole number, ties to even; NaN gives 0. */
void qn_tensor_set_double(struct qn_tensor *tensor, int64_t i, double x)
{
    if (!qn_dtype_is_integer(tensor->dtype)) {
        set_from(tensor, i, QN_DOUBLE, &x);
    } else if (tensor->dtype == QN_UINT64) {
        x = rint(x);
        set_from(tensor, i, QN_DOUBLE, &x);
    } else {
        int64_t whole;

        x = rint(x);
        qn_convert(QN_DOUBLE, &x, QN_INT64, &whole, 1, saturating);
        qn_tensor_set_int(tensor, i, whole);
    }
}

enum qn_status qn_tensor_create(struct qn_arena *arena, enum qn_dtype dtype, const struct qn_shape *shape,
                                struct qn_tensor *tensor, struct qn_err *err)
{
    struct qn_tensor result = {.dtype = dtype, .rank = shape->rank};
    size_t bytes;

    *tensor = (struct qn_tensor){0};
    QN_CHECK(qn_shape_bytes(shape, dtype, &bytes), err, LIMIT, "a tensor %s%s has no size that fits in memory",
             qn_dtype_name(dtype), qn_shape_text(shape, (char[QN_SHAPE_TEXT]){0}));
    memcpy(result.dims, shape->dims, (size_t)shape->rank * sizeof(shape->dims[0]));
    result.data = qn_arena_alloc(arena, bytes);
    QN_CHECK(result.data, err, NOMEM, "out of memory for a tensor %s%s of %zu bytes", qn_dtype_name(dtype),
             qn_shape_text(shape, (char[QN_SHAPE_TEXT]){0}), bytes);
    if (dtype == QN_STRING)
        for (size_t i = 0; i < bytes / sizeof(struct qn_str); i++)
            ((struct qn_str *)result.data)[i].data = "";
    *tensor = result;
    return QN_OK;
}

/* Bytes of all strings go to one piece of the arena, one after another. */
static enum qn_status copy_strings(struct qn_arena *arena, const struct qn_str *source, struct qn_str *copy, int64_t n,
                                   struct qn_err *err)
{
    size_t total = 0;
    char *bytes;

    for (int64_t i = 0; i < n; i++)
        QN_CHECK(qn_add(total, source[i].n, &total), err, LIMIT, "strings of a tensor exceed the address space");
    bytes = (char *)qn_arena_alloc_raw(arena, total);
    QN_CHECK(bytes, err, NOMEM, "out of memory for %zu bytes of strings", total);
    for (int64_t i = 0; i < n; i++) {
        copy[i] = (struct qn_str){bytes, source[i].n};
        if (source[i].n > 0)
            memcpy(bytes, source[i].data, source[i].n);
        bytes += source[i].n;
    }
    return QN_OK;
}

enum qn_status qn_tensor_copy(struct qn_arena *arena, const struct qn_tensor *source, struct qn_tensor *copy,
                              struct qn_err *err)
{
    struct qn_shape shape = qn_tensor_shape(source);
    struct qn_tensor result;

    *copy = (struct qn_tensor){0};
    QN_TRY(qn_tensor_create(arena, source->dtype, &shape, &result, err));
    if (source->dtype == QN_STRING)
        QN_TRY(copy_strings(arena, (const struct qn_str *)source->data, (struct qn_str *)result.data,
                            qn_tensor_count(source), err));
    else if (qn_tensor_bytes(source) > 0)
        memcpy(result.data, source->data, qn_tensor_bytes(source));
    *copy = result;
    return QN_OK;
}

bool qn_str_equal(struct qn_str a, struct qn_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
}

int qn_str_compare(struct qn_str a, struct qn_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* The string in quotes, controls and what is not UTF-8 as '?', cut with "..." where it does not fit. */
static void quote(struct qn_str string, char text[QN_ELEMENT_TEXT])
{
    static const char more[] = "\"...";
    size_t n = 1, i = 0;

    text[0] = '"';
    while (i < string.n) {
        size_t length = qn_utf8_length(string.data + i, string.n - i);
        bool shown = length > 0 && !qn_utf8_is_control(string.data + i, length);

        if (n + (shown ? length : 1) + sizeof(more) > QN_ELEMENT_TEXT)
            break;
        if (shown)
            memcpy(text + n, string.data + i, length);
        else
            text[n] = '?';
        n += shown ? length : 1;
        i += length > 0 ? length : 1;
    }
    snprintf(text + n, QN_ELEMENT_TEXT - n, "%s", i < string.n ? more : "\"");
}

/* The digits that tell a value of the type from its neighbours in most cases, without the noise of all of them. */
static int digits(enum qn_dtype dtype)
{
    switch (dtype) {
    case QN_DOUBLE:
    case QN_COMPLEX128:
        return 12;
    case QN_FLOAT:
    case QN_COMPLEX64:
        return 7;
    default:
        return 5;
    }
}

static void print_complex(const struct qn_tensor *tensor, int64_t i, char text[QN_ELEMENT_TEXT])
{
    double re, im;

    if (tensor->dtype == QN_COMPLEX64) {
        re = (double)((const float *)tensor->data)[2 * i];
        im = (double)((const float *)tensor->data)[2 * i + 1];
    } else {
        re = ((const double *)tensor->data)[2 * i];
        im = ((const double *)tensor->data)[2 * i + 1];
    }
    snprintf(text, QN_ELEMENT_TEXT, "%.*g%+.*gi", digits(tensor->dtype), re, digits(tensor->dtype), im);
}

const char *qn_element_text(const struct qn_tensor *tensor, int64_t i, char text[QN_ELEMENT_TEXT])
{
    if (tensor->dtype == QN_STRING) {
        quote(((const struct qn_str *)tensor->data)[i], text);
    } else if (tensor->dtype == QN_BOOL) {
        snprintf(text, QN_ELEMENT_TEXT, "%s", ((const uint8_t *)tensor->data)[i] ? "true" : "false");
    } else if (tensor->dtype == QN_UINT64) {
        snprintf(text, QN_ELEMENT_TEXT, "%" PRIu64, ((const uint64_t *)tensor->data)[i]);
    } else if (qn_dtype_is_integer(tensor->dtype)) {
        snprintf(text, QN_ELEMENT_TEXT, "%" PRId64, qn_tensor_int(tensor, i));
    } else if (qn_dtypes_have(QN_COMPLEXES, tensor->dtype)) {
        print_complex(tensor, i, text);
    } else {
        double x = qn_tensor_double(tensor, i);

        if (isnan(x))
            snprintf(text, QN_ELEMENT_TEXT, "nan"); /* the sign of a NaN would only confuse */
        else
            snprintf(text, QN_ELEMENT_TEXT, "%.*g", digits(tensor->dtype), x);
    }
    return text;
}
