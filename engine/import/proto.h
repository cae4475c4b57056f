/* proto.h: the small, flat part of a message through the generated decoder. */
#ifndef QN_IMPORT_PROTO_H
#define QN_IMPORT_PROTO_H

#include "base/arena.h"
#include "base/err.h"
#include "import/wire.h"
#include "onnx.pb-c.h"

/* A set of fields by number, below 32. */
#define QN_FIELD(number) (UINT32_C(1) << (number))

/* Decodes the given fields of a scanned message; all others are as if absent. The result lives in the arena. NULL when
 * the arena is spent, with err set. Use the typed macro below. */
void *qn_proto_decode(struct qn_arena *arena, struct qn_slice message, uint32_t fields,
                      const ProtobufCMessageDescriptor *descriptor, struct qn_err *err);

/* QN_DECODE(node_proto, ...): the generated name in lower case. */
#define QN_DECODE(name, arena, message, fields, err)                                                                   \
    qn_proto_decode(arena, message, fields, &qn_onnx__##name##__descriptor, err)

/* The last field of a number that holds bytes; empty, with found false, when there is none. */
bool qn_proto_bytes(struct qn_slice message, uint32_t number, struct qn_slice *bytes);
/* How many fields of the number there are. */
size_t qn_proto_count(struct qn_slice message, uint32_t number);
/* The contents of every field of the number, in order; NULL when the arena is spent. */
struct qn_slice *qn_proto_list(struct qn_arena *arena, struct qn_slice message, uint32_t number, size_t *n);

#endif
