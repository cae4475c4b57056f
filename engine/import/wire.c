/* wire.c: tags, varints and lengths of the protobuf wire format. Knows nothing of messages or fields; allocates
 * nothing. Groups (wire types 3 and 4) are long gone from the format and refused. */
#include "import/wire.h"

#include <string.h>

/* Nine bytes of seven bits, and one more bit. Most are one byte long. */
static inline bool read_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    const unsigned char *p = *at;
    uint64_t x = 0;

    if (p < end && *p < 0x80) {
        *at = p + 1;
        *value = *p;
        return true;
    }

    for (int shift = 0; shift < 70; shift += 7) {
        if (p == end || (shift == 63 && *p > 1))
            return false;
        x |= (uint64_t)(*p & 0x7f) << shift;
        if (*p++ < 0x80) {
            *at = p;
            *value = x;
            return true;
        }
    }
    return false;
}

bool qn_wire_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    return read_varint(at, end, value);
}

/* The host is little-endian, as numbers.c makes sure. */
static const char *read_fixed(const unsigned char **at, const unsigned char *end, size_t n, struct qn_wire_field *field)
{
    if ((size_t)(end - *at) < n)
        return "a fixed-size value is cut off";
    field->bytes = (struct qn_slice){*at, n};
    memcpy(&field->value, *at, n);
    *at += n;
    return NULL;
}

static const char *read_bytes(const unsigned char **at, const unsigned char *end, struct qn_wire_field *field)
{
    uint64_t n;

    if (!read_varint(at, end, &n))
        return "a length is cut off or too long";
    if (n > (uint64_t)(end - *at))
        return "a length reaches past the end";
    field->bytes = (struct qn_slice){*at, (size_t)n};
    *at += n;
    return NULL;
}

/* NULL, or what is wrong. */
static const char *read_field(const unsigned char **at, const unsigned char *end, struct qn_wire_field *field)
{
    uint64_t tag;

    if (!read_varint(at, end, &tag))
        return "a field's tag is cut off or too long";
    if (tag > UINT32_MAX)
        return "a field's tag is too large";
    if (tag >> 3 == 0)
        return "a field has number 0";
    field->number = (uint32_t)(tag >> 3);
    field->type = (enum qn_wire_type)(tag & 7);
    switch (tag & 7) {
    case QN_WIRE_VARINT:
        return read_varint(at, end, &field->value) ? NULL : "a number is cut off or too long";
    case QN_WIRE_FIXED64:
        return read_fixed(at, end, 8, field);
    case QN_WIRE_BYTES:
        return read_bytes(at, end, field);
    case QN_WIRE_FIXED32:
        return read_fixed(at, end, 4, field);
    default:
        return "a field has a wire type that does not exist";
    }
}

enum qn_wire_step qn_wire_next(struct qn_wire *wire, struct qn_wire_field *field, const char **why)
{
    const unsigned char *begin = wire->at;
    const char *wrong;

    if (begin == wire->end)
        return QN_WIRE_END;
    field->value = 0;
    field->bytes = (struct qn_slice){begin, 0};
    wrong = read_field(&wire->at, wire->end, field);
    if (wrong) {
        wire->at = begin;
        if (why)
            *why = wrong;
        return QN_WIRE_BAD;
    }
    field->whole = (struct qn_slice){begin, (size_t)(wire->at - begin)};
    return QN_WIRE_FIELD;
}
