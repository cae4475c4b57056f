/* shape.c: products, broadcast and merge over dimensions that may be unknown or named, and their text form. Shape
 * inference and the loaders of untrusted sizes come here, so every product is checked. Nothing here touches data. */
#include "tensor/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

struct qn_shape qn_shape_make(int rank, const int64_t *dims)
{
    struct qn_shape shape = {.rank = rank};

    assert(rank >= -1 && rank <= QN_MAX_RANK);
    if (rank > 0)
        memcpy(shape.dims, dims, (size_t)rank * sizeof(dims[0]));
    return shape;
}

bool qn_shape_known(const struct qn_shape *shape)
{
    if (shape->rank < 0)
        return false;
    for (int i = 0; i < shape->rank; i++)
        if (!qn_dim_known(shape->dims[i]))
            return false;
    return true;
}

bool qn_shape_equal(const struct qn_shape *a, const struct qn_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

/* The product of the dims other than zero has to fit too: callers take partial products of accepted dims unchecked. */
bool qn_dims_count(const int64_t *dims, int begin, int end, int64_t *count)
{
    int64_t product = 1;
    bool empty = false;

    *count = 0;
    for (int i = begin; i < end; i++) {
        if (!qn_dim_known(dims[i]))
            return false;
        if (dims[i] == 0)
            empty = true;
        else if (!qn_mul64(product, dims[i], &product))
            return false;
    }
    *count = empty ? 0 : product;
    return true;
}

/* Bounds the size in bits, because the sizes of accepted shapes are later computed in bits without checks. That of
 * the dims other than zero is bounded, as in qn_dims_count. */
bool qn_shape_bytes(const struct qn_shape *shape, enum qn_dtype dtype, size_t *bytes)
{
    size_t bits = (size_t)qn_dtype_bits(dtype);
    bool empty = false;

    *bytes = 0;
    if (shape->rank < 0 || bits == 0)
        return false;
    for (int i = 0; i < shape->rank; i++) {
        if (!qn_dim_known(shape->dims[i]) || (uint64_t)shape->dims[i] > SIZE_MAX)
            return false;
        if (shape->dims[i] == 0)
            empty = true;
        else if (!qn_mul(bits, (size_t)shape->dims[i], &bits))
            return false;
    }
    if (!qn_add(bits, 7, &bits))
        return false;
    *bytes = empty ? 0 : bits / 8;
    return true;
}

/* The broadcast of one pair of dims; false when it does not exist. */
static bool broadcast_dim(int64_t a, int64_t b, int64_t *dim)
{
    if (a == b || b == 1)
        *dim = a;
    else if (a == 1)
        *dim = b;
    else if (qn_dim_known(a) && qn_dim_known(b))
        return false;
    else if (qn_dim_known(a))
        *dim = a;
    else if (qn_dim_known(b))
        *dim = b;
    else
        *dim = QN_DIM_UNKNOWN; /* either of two names may be the one that is 1 */
    return true;
}

bool qn_shape_broadcast(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *result)
{
    struct qn_shape out = {.rank = a->rank > b->rank ? a->rank : b->rank};

    if (a->rank < 0 || b->rank < 0) {
        *result = QN_SHAPE_UNKNOWN;
        return true;
    }
    for (int i = 1; i <= out.rank; i++) {
        int64_t dim_a = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t dim_b = i <= b->rank ? b->dims[b->rank - i] : 1;

        if (!broadcast_dim(dim_a, dim_b, &out.dims[out.rank - i]))
            return false;
    }
    *result = out;
    return true;
}

/* A size says more than a name, a name more than nothing; of two names the first stays. */
static bool merge_dim(int64_t a, int64_t b, int64_t *dim)
{
    if (qn_dim_known(a) && qn_dim_known(b) && a != b)
        return false;
    *dim = qn_dim_known(a) || b == QN_DIM_UNKNOWN ? a : qn_dim_known(b) || a == QN_DIM_UNKNOWN ? b : a;
    return true;
}

bool qn_shape_merge(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *result)
{
    struct qn_shape out = {.rank = a->rank};

    if (a->rank < 0 || b->rank < 0) {
        *result = a->rank < 0 ? *b : *a;
        return true;
    }
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (!merge_dim(a->dims[i], b->dims[i], &out.dims[i]))
            return false;
    *result = out;
    return true;
}

enum { DIM_TEXT = 24 };

/* A dim without a name as text: "2", "?", "s3". */
static const char *print_dim(int64_t dim, char text[DIM_TEXT])
{
    if (dim == QN_DIM_UNKNOWN)
        snprintf(text, DIM_TEXT, "?");
    else if (qn_dim_known(dim))
        snprintf(text, DIM_TEXT, "%" PRId64, dim);
    else
        snprintf(text, DIM_TEXT, "s%" PRId64, -2 - dim);
    return text;
}

void qn_shape_print(struct qn_buf *buf, const struct qn_shape *shape, const char *const *names, size_t n_names)
{
    char text[DIM_TEXT];

    qn_buf_puts(buf, shape->rank < 0 ? "[..." : "[");
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dims[i];
        size_t symbol = dim <= qn_dim_symbol(0) ? (size_t)(-2 - dim) : SIZE_MAX;
        const char *name = names && symbol < n_names ? names[symbol] : NULL;

        if (i > 0)
            qn_buf_puts(buf, ",");
        qn_buf_puts(buf, name ? name : print_dim(dim, text));
    }
    qn_buf_puts(buf, "]");
}

/* Dims that do not fit become "...". */
const char *qn_shape_text(const struct qn_shape *shape, char text[QN_SHAPE_TEXT])
{
    static const char more[] = ",...]";
    char dim[DIM_TEXT];
    size_t n = 1;

    if (shape->rank < 0) {
        snprintf(text, QN_SHAPE_TEXT, "[...]");
        return text;
    }
    text[0] = '[';
    for (int i = 0; i < shape->rank; i++) {
        const char *comma = i > 0 ? "," : "";
        size_t length = strlen(comma) + strlen(print_dim(shape->dims[i], dim));

        if (n + length + sizeof(more) > QN_SHAPE_TEXT) {
            memcpy(text + n, more, sizeof(more));
            return text;
        }
        n += (size_t)snprintf(text + n, QN_SHAPE_TEXT - n, "%s%s", comma, dim);
    }
    memcpy(text + n, "]", 2);
    return text;
}
