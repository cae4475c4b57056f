/* proto.c: protobuf-c, fed with small messages only. The wanted fields of a message are copied side by side, which is
 * again a message, and that is decoded: weights and sub-graphs never pass through here, and what the schema declares
 * nests a few levels at most, so the decoder's recursion is bounded by the schema. Its memory is the caller's arena. */
#include "import/proto.h"

#include <string.h>

static void *arena_alloc(void *data, size_t n) { return qn_arena_alloc_raw(data, n); }

static void arena_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

static bool is_wanted(const struct qn_wire_field *field, uint32_t fields)
{
    return field->number < 32 && (fields & QN_FIELD(field->number)) != 0;
}

static bool pick(struct qn_arena *arena, struct qn_slice message, uint32_t fields, struct qn_slice *picked)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    unsigned char *copy;
    size_t n = 0;

    while (qn_wire_more(&wire, &field))
        if (is_wanted(&field, fields))
            n += field.whole.n;
    copy = qn_arena_alloc_raw(arena, n);
    if (!copy)
        return false;
    *picked = (struct qn_slice){copy, n};
    wire = qn_wire_open(message);
    while (qn_wire_more(&wire, &field)) {
        if (!is_wanted(&field, fields) || field.whole.n > n)
            continue;
        memcpy(copy, field.whole.data, field.whole.n);
        copy += field.whole.n;
        n -= field.whole.n;
    }
    picked->n -= n;
    return true;
}

void *qn_proto_decode(struct qn_arena *arena, struct qn_slice message, uint32_t fields,
                      const ProtobufCMessageDescriptor *descriptor, struct qn_err *err)
{
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    struct qn_slice picked;
    void *decoded = NULL;

    if (pick(arena, message, fields, &picked))
        decoded = protobuf_c_message_unpack(descriptor, &allocator, picked.n, picked.data);
    if (!decoded)
        qn_err_set(err, QN_NOMEM, "out of memory while decoding the model's structure");
    return decoded;
}

bool qn_proto_bytes(struct qn_slice message, uint32_t number, struct qn_slice *bytes)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    bool found = false;

    *bytes = (struct qn_slice){message.data, 0};
    while (qn_wire_more(&wire, &field)) {
        if (field.number != number || field.type != QN_WIRE_BYTES)
            continue;
        *bytes = field.bytes;
        found = true;
    }
    return found;
}

size_t qn_proto_count(struct qn_slice message, uint32_t number)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;
    size_t n = 0;

    while (qn_wire_more(&wire, &field))
        n += field.number == number && field.type == QN_WIRE_BYTES;
    return n;
}

struct qn_slice *qn_proto_list(struct qn_arena *arena, struct qn_slice message, uint32_t number, size_t *n)
{
    size_t capacity = qn_proto_count(message, number);
    struct qn_slice *list = qn_arena_array(arena, capacity, sizeof(*list));
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;

    *n = 0;
    if (!list)
        return NULL;
    while (*n < capacity && qn_wire_more(&wire, &field))
        if (field.number == number && field.type == QN_WIRE_BYTES)
            list[(*n)++] = field.bytes;
    return list;
}
