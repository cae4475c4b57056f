/* wire.h: the fields of one serialized protobuf message, in place. A reader for what the importer walks by itself;
 * every step is checked against the end of the message, so it is safe on any bytes, even those that changed since the
 * pre-scan. */
#ifndef QN_IMPORT_WIRE_H
#define QN_IMPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes somewhere in the file. */
struct qn_slice {
    const unsigned char *data;
    size_t n;
};

enum qn_wire_type { QN_WIRE_VARINT = 0, QN_WIRE_FIXED64 = 1, QN_WIRE_BYTES = 2, QN_WIRE_FIXED32 = 5 };

struct qn_wire_field {
    uint32_t number;
    enum qn_wire_type type;
    uint64_t value;        /* of VARINT, FIXED64, FIXED32 */
    struct qn_slice bytes; /* of BYTES: the contents; of FIXED64 and FIXED32: the bytes themselves */
    struct qn_slice whole; /* tag and contents, as they would stand in a copy of the message */
};

struct qn_wire {
    const unsigned char *at, *end;
};

enum qn_wire_step { QN_WIRE_END, QN_WIRE_FIELD, QN_WIRE_BAD };

static inline struct qn_wire qn_wire_open(struct qn_slice message)
{
    return (struct qn_wire){message.data, message.data + message.n};
}
/* The next field. After BAD the reader stands where the bad field begins; `why` (may be NULL) gets a static sentence.
 */
enum qn_wire_step qn_wire_next(struct qn_wire *wire, struct qn_wire_field *field, const char **why);
/* As qn_wire_next for callers that met a scanned message: false at the end and on damage alike. */
static inline bool qn_wire_more(struct qn_wire *wire, struct qn_wire_field *field)
{
    return qn_wire_next(wire, field, NULL) == QN_WIRE_FIELD;
}
/* One varint of at most 10 bytes and 64 bits; moves *at past it. False when cut or too long. */
bool qn_wire_varint(const unsigned char **at, const unsigned char *end, uint64_t *value);

#endif
