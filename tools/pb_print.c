/* pb_print.c: the protobuf wire format of values, by hand: few fields, and tensors that go out as they lie in memory. A
 * nested message is written first and its length put before it afterwards; a small stack stands for the nesting. Field
 * numbers are those of proto/onnx.proto. */
#include "tools/pb_print.h"

#include <string.h>

#include "tensor/tensor.h"

enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_STRINGS = 6, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { ENTRY_NAME = 1, ELEM_TYPE = 2, MAP_KEYS = 3, MAP_STRING_KEYS = 4, MAP_VALUES = 5 };

/* By kind: the field of a sequence or optional that holds such a value, and the number that stands for the kind there.
 */
static const struct {
    int field, elem_type;
} holders[] = {
    [QN_TENSOR] = {3, 1},
    [QN_SEQUENCE] = {5, 3},
    [QN_MAP] = {6, 4},
    [QN_OPTIONAL] = {7, 5},
};

static void put_varint(struct qn_buf *buf, uint64_t x)
{
    for (; x >= 128; x >>= 7)
        qn_buf_append(buf, (const char[]){(char)(x | 128)}, 1);
    qn_buf_append(buf, (const char[]){(char)x}, 1);
}

static void put_int(struct qn_buf *buf, int field, int64_t x)
{
    put_varint(buf, (uint64_t)field << 3);
    put_varint(buf, (uint64_t)x);
}

static void put_bytes(struct qn_buf *buf, int field, const void *bytes, size_t n)
{
    put_varint(buf, (uint64_t)field << 3 | 2);
    put_varint(buf, n);
    if (n)
        qn_buf_append(buf, bytes, n);
}

/* What was written since `start` becomes the field's message. */
static void wrap(struct qn_buf *buf, int field, size_t start)
{
    size_t n = buf->n - start, n_head;
    char head[20];

    if (buf->failed)
        return;
    put_varint(buf, (uint64_t)field << 3 | 2);
    put_varint(buf, n);
    n_head = buf->n - start - n;
    if (buf->failed || n_head > sizeof(head))
        return;
    memcpy(head, buf->data + start + n, n_head);
    memmove(buf->data + start + n_head, buf->data + start, n);
    memcpy(buf->data + start, head, n_head);
}

static void put_tensor(struct qn_buf *buf, const struct qn_tensor *tensor, const char *name)
{
    const struct qn_str *strings = tensor->data;

    for (int i = 0; i < tensor->rank; i++)
        put_int(buf, TENSOR_DIMS, tensor->dims[i]);
    put_int(buf, TENSOR_TYPE, tensor->dtype);
    if (*name)
        put_bytes(buf, TENSOR_NAME, name, strlen(name));
    if (tensor->dtype != QN_STRING) {
        put_bytes(buf, TENSOR_RAW, tensor->data, qn_tensor_bytes(tensor));
        return;
    }
    for (int64_t i = 0, n = qn_tensor_count(tensor); i < n; i++)
        put_bytes(buf, TENSOR_STRINGS, strings[i].data, strings[i].n);
}

static void put_keys(struct qn_buf *buf, const struct qn_tensor *keys)
{
    const struct qn_str *strings = keys->data;

    put_int(buf, ELEM_TYPE, keys->dtype);
    for (int64_t i = 0, n = qn_tensor_count(keys); i < n; i++)
        if (keys->dtype == QN_STRING)
            put_bytes(buf, MAP_STRING_KEYS, strings[i].data, strings[i].n);
        else
            put_int(buf, MAP_KEYS, qn_tensor_int(keys, i));
}

/* Values are a sequence of tensors of one element each; types narrower than a byte are no values of maps. */
static void put_map(struct qn_buf *buf, const struct qn_value *map)
{
    const struct qn_tensor *values = &map->items[1].tensor;
    size_t start, size = qn_dtype_bytes(values->dtype), inner;

    put_keys(buf, &map->items[0].tensor);
    start = buf->n;
    put_int(buf, ELEM_TYPE, holders[QN_TENSOR].elem_type);
    for (int64_t i = 0, n = qn_tensor_count(values); i < n; i++) {
        struct qn_tensor one = {.dtype = values->dtype, .data = (char *)values->data + (size_t)i * size};

        inner = buf->n;
        put_tensor(buf, &one, "");
        wrap(buf, holders[QN_TENSOR].field, inner);
    }
    wrap(buf, MAP_VALUES, start);
}

/* The part of a value before its items. A tensor or map has no others. */
static void put_opening(struct qn_buf *buf, const struct qn_value *value, const char *name)
{
    enum qn_kind inner = value->n ? value->items[0].kind : QN_TENSOR;

    if (value->kind == QN_TENSOR) {
        put_tensor(buf, &value->tensor, name);
        return;
    }
    if (*name)
        put_bytes(buf, ENTRY_NAME, name, strlen(name));
    if (value->kind == QN_MAP && value->n == 2)
        put_map(buf, value);
    else if (value->kind != QN_MAP)
        put_int(buf, ELEM_TYPE, value->n || value->kind == QN_SEQUENCE ? holders[inner].elem_type : 0);
}

/* Items that come as messages of their own. */
static size_t n_items(const struct qn_value *value)
{
    return value->kind == QN_SEQUENCE || value->kind == QN_OPTIONAL ? value->n : 0;
}

enum qn_status qn_pb_print(const struct qn_value *value, const char *name, struct qn_buf *buf, struct qn_err *err)
{
    struct {
        const struct qn_value *value;
        size_t next, start;
    } stack[QN_VALUE_MAX_DEPTH] = {{value, 0, buf->n}};
    int depth = 1;

    put_opening(buf, value, name);
    while (depth > 0) {
        const struct qn_value *top = stack[depth - 1].value;

        if (stack[depth - 1].next < n_items(top)) {
            const struct qn_value *item = &top->items[stack[depth - 1].next++];

            QN_CHECK(depth < QN_VALUE_MAX_DEPTH, err, LIMIT, "values nest deeper than %d", QN_VALUE_MAX_DEPTH);
            stack[depth].value = item;
            stack[depth].next = 0;
            stack[depth++].start = buf->n;
            put_opening(buf, item, "");
        } else if (--depth > 0) {
            wrap(buf, holders[top->kind].field, stack[depth].start);
        }
    }
    QN_CHECK(!buf->failed, err, LIMIT, "the value is too large to write");
    return QN_OK;
}
