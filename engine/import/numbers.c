/* numbers.c: lists of numbers as protobuf writes them. Counting comes first, so that callers can check a count against
 * a shape before they take memory; the copying functions never pass the n they were given, whatever the bytes say now.
 */
#include "import/numbers.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the importer reads little-endian data in place; big-endian machines are not supported"
#endif

/* Every varint ends with the one byte whose high bit is clear. */
static size_t count_ends(struct qn_slice bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < bytes.n; i++)
        n += bytes.data[i] < 0x80;
    return n;
}

size_t qn_numbers_count_varints(struct qn_slice message, uint32_t number)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    size_t n = 0;

    while (qn_wire_more(&wire, &field))
        if (field.number == number)
            n += field.type == QN_WIRE_BYTES ? count_ends(field.bytes) : 1;
    return n;
}

size_t qn_numbers_count_fixed(struct qn_slice message, uint32_t number, size_t unit)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    size_t n = 0;

    while (qn_wire_more(&wire, &field))
        if (field.number == number)
            n += field.bytes.n / unit;
    return n;
}

size_t qn_numbers_each(struct qn_slice message, uint32_t number, size_t n,
                       bool (*take)(void *arg, size_t i, uint64_t x), void *arg)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    size_t i = 0;

    while (i < n && qn_wire_more(&wire, &field)) {
        const unsigned char *at = field.bytes.data, *end = at + field.bytes.n;
        uint64_t x;

        if (field.number != number)
            continue;
        if (field.type == QN_WIRE_VARINT && !take(arg, i++, field.value))
            return i - 1;
        while (field.type == QN_WIRE_BYTES && i < n && at < end) {
            if (!qn_wire_varint(&at, end, &x))
                return i;
            if (!take(arg, i++, x))
                return i - 1;
        }
    }
    return i;
}

size_t qn_numbers_copy(struct qn_slice message, uint32_t number, size_t unit, size_t n, void *dst)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    unsigned char *to = dst;
    size_t left = n;

    while (left > 0 && qn_wire_more(&wire, &field)) {
        size_t here = field.bytes.n / unit < left ? field.bytes.n / unit : left;

        if (field.number != number || here == 0)
            continue;
        memcpy(to, field.bytes.data, here * unit);
        to += here * unit;
        left -= here;
    }
    return n - left;
}

bool qn_numbers_view(struct qn_slice message, uint32_t number, size_t unit, struct qn_slice *view)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    int n_fields = 0;

    while (qn_wire_more(&wire, &field)) {
        if (field.number != number)
            continue;
        n_fields++;
        *view = field.bytes;
    }
    return n_fields == 1 && view->n % unit == 0;
}
