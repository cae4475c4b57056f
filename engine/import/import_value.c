/* import_value.c: files of test data: one serialized tensor, sequence, optional or map as a value. Everything is
 * copied: the bytes may go away. Values nest; what is still to be read waits in a list, so nothing recurses. */
#include <string.h>

#include "import/import_tensor.h"
#include "import/numbers.h"
#include "import/prescan.h"

enum { ENTRY_NAME = 1, ELEM_TYPE = 2, MAP_KEYS = 3, MAP_STRING_KEYS = 4, MAP_VALUES = 5, SEQUENCE_TENSORS = 3 };

/* The fields of a SequenceProto and an OptionalProto that hold values have the same numbers. */
enum holder { HOLDS_TENSOR = 3, HOLDS_SPARSE = 4, HOLDS_SEQUENCE = 5, HOLDS_MAP = 6, HOLDS_OPTIONAL = 7 };

/* A value to be read. */
struct job {
    struct qn_slice message;
    enum holder what;
    struct qn_value *value;
    struct job *next;
};

struct reading {
    struct qn_tensor_reader tensors;
    struct qn_arena *arena;
    struct qn_arena scratch; /* of the decoder */
    struct qn_arena list;    /* of jobs and what they point to */
    struct job *jobs;
    struct qn_err *err;
};

static enum qn_status add_job(struct reading *r, struct qn_slice message, enum holder what, struct qn_value *value)
{
    struct job *job = qn_arena_alloc(&r->list, sizeof(*job));

    QN_CHECK_MEM(job, r->err);
    *job = (struct job){message, what, value, r->jobs};
    r->jobs = job;
    return QN_OK;
}

/* ---- Sequences and optionals ------------------------------------------------------------------------------------ */

/* The one field that holds values; 0 when there are none. */
static enum qn_status find_holder(struct reading *r, struct qn_slice message, uint32_t *number)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;

    *number = 0;
    while (qn_wire_more(&wire, &field)) {
        if (field.number < HOLDS_TENSOR || field.number > HOLDS_OPTIONAL)
            continue;
        QN_CHECK(*number == 0 || *number == field.number, r->err, FORMAT, "a sequence holds values of two kinds");
        *number = field.number;
    }
    return QN_OK;
}

/* The element type of a sequence of tensors, from its first; unknown when it is empty or holds something else. */
static enum qn_status first_dtype(struct reading *r, const struct qn_slice *items, size_t n, enum qn_dtype *dtype)
{
    const QnOnnx__TensorProto *proto;

    *dtype = QN_UNDEFINED;
    if (n == 0)
        return QN_OK;
    proto = QN_DECODE(tensor_proto, &r->list, items[0], QN_FIELD(2), r->err);
    if (!proto)
        return QN_NOMEM;
    if (qn_dtype_valid(proto->data_type))
        *dtype = (enum qn_dtype)proto->data_type;
    return QN_OK;
}

static enum qn_status read_holder(struct reading *r, const struct job *job)
{
    struct qn_value *value = job->value;
    struct qn_slice *items;
    uint32_t number;

    value->kind = job->what == HOLDS_SEQUENCE ? QN_SEQUENCE : QN_OPTIONAL;
    QN_TRY(find_holder(r, job->message, &number));
    items = qn_proto_list(&r->list, job->message, number, &value->n);
    QN_CHECK_MEM(items, r->err);
    QN_CHECK(value->kind == QN_SEQUENCE || value->n <= 1, r->err, FORMAT, "an optional holds %zu values", value->n);
    value->items = qn_arena_array(r->arena, value->n, sizeof(*value->items));
    QN_CHECK_MEM(value->items, r->err);
    if (number == HOLDS_TENSOR && value->kind == QN_SEQUENCE)
        QN_TRY(first_dtype(r, items, value->n, &value->tensor.dtype));
    for (size_t i = 0; i < value->n; i++)
        QN_TRY(add_job(r, items[i], (enum holder)number, &value->items[i]));
    return QN_OK;
}

/* ---- Maps ------------------------------------------------------------------------------------------------------- */

static bool store_key(void *arg, size_t i, uint64_t x)
{
    qn_tensor_set_int(arg, (int64_t)i, (int64_t)x);
    return true;
}

static enum qn_status read_string_keys(struct reading *r, struct qn_slice message, struct qn_tensor *keys)
{
    struct qn_shape shape;
    struct qn_slice *list;
    struct qn_str *strings;
    size_t n;

    list = qn_proto_list(&r->list, message, MAP_STRING_KEYS, &n);
    QN_CHECK_MEM(list, r->err);
    shape = qn_shape_1d((int64_t)n);
    QN_TRY(qn_tensor_create(r->arena, QN_STRING, &shape, keys, r->err));
    strings = keys->data;
    for (size_t i = 0; i < n; i++) {
        strings[i].n = list[i].n;
        strings[i].data = qn_arena_strndup(r->arena, (const char *)list[i].data, list[i].n);
        QN_CHECK_MEM(strings[i].data, r->err);
    }
    return QN_OK;
}

static enum qn_status read_keys(struct reading *r, struct qn_slice message, struct qn_tensor *keys)
{
    const QnOnnx__MapProto *proto = QN_DECODE(map_proto, &r->list, message, QN_FIELD(ELEM_TYPE), r->err);
    struct qn_shape shape;

    if (!proto)
        return QN_NOMEM;
    if (proto->key_type == QN_STRING)
        return read_string_keys(r, message, keys);
    QN_CHECK(qn_dtype_valid(proto->key_type) && qn_dtypes_have(QN_INTS, (enum qn_dtype)proto->key_type), r->err, FORMAT,
             "a map has keys of type %d", (int)proto->key_type);
    shape = qn_shape_1d((int64_t)qn_numbers_count_varints(message, MAP_KEYS));
    QN_TRY(qn_tensor_create(r->arena, (enum qn_dtype)proto->key_type, &shape, keys, r->err));
    qn_numbers_each(message, MAP_KEYS, (size_t)shape.dims[0], store_key, keys);
    return QN_OK;
}

/* Values come as one tensor of one element each; they become one tensor. */
static enum qn_status join_values(struct reading *r, const struct qn_slice *list, size_t n, struct qn_tensor *values)
{
    struct qn_shape shape = qn_shape_1d((int64_t)n);
    enum qn_dtype dtype;
    size_t bytes;

    QN_TRY(first_dtype(r, list, n, &dtype));
    if (dtype == QN_UNDEFINED)
        dtype = QN_FLOAT;
    QN_TRY(qn_tensor_create(r->arena, dtype, &shape, values, r->err));
    bytes = qn_dtype_bytes(dtype);
    QN_CHECK(bytes > 0, r->err, UNSUPPORTED, "a map has values of type %s", qn_dtype_name(dtype));
    for (size_t i = 0; i < n; i++) {
        struct qn_tensor one;

        QN_TRY(qn_import_tensor(&r->tensors, list[i], &one, NULL, r->err));
        QN_CHECK(one.dtype == dtype && qn_tensor_count(&one) == 1, r->err, FORMAT,
                 "the values of a map are not single elements of one type");
        memcpy((char *)values->data + i * bytes, one.data, bytes);
    }
    return QN_OK;
}

static enum qn_status read_map(struct reading *r, const struct job *job)
{
    struct qn_value *value = job->value;
    struct qn_slice sequence, *list;
    int64_t n_keys;
    uint32_t number;
    size_t n;

    value->kind = QN_MAP;
    value->n = 2;
    value->items = qn_arena_array(r->arena, 2, sizeof(*value->items));
    QN_CHECK_MEM(value->items, r->err);
    QN_TRY(read_keys(r, job->message, &value->items[0].tensor));
    n_keys = value->items[0].tensor.dims[0];
    qn_proto_bytes(job->message, MAP_VALUES, &sequence);
    QN_TRY(find_holder(r, sequence, &number));
    QN_CHECK(number == 0 || number == HOLDS_TENSOR, r->err, UNSUPPORTED, "a map has values that are not tensors");
    list = qn_proto_list(&r->list, sequence, SEQUENCE_TENSORS, &n);
    QN_CHECK_MEM(list, r->err);
    if (n == 1 && n_keys != 1)
        QN_TRY(qn_import_tensor(&r->tensors, list[0], &value->items[1].tensor, NULL, r->err));
    else
        QN_TRY(join_values(r, list, n, &value->items[1].tensor));
    QN_CHECK(value->items[1].tensor.rank == 1 && value->items[1].tensor.dims[0] == n_keys, r->err, FORMAT,
             "a map has %lld keys and another number of values", (long long)n_keys);
    return QN_OK;
}

/* ---- All -------------------------------------------------------------------------------------------------------- */

static enum qn_status read_job(struct reading *r, const struct job *job)
{
    switch (job->what) {
    case HOLDS_TENSOR:
        return qn_import_tensor(&r->tensors, job->message, &job->value->tensor, NULL, r->err);
    case HOLDS_SPARSE:
        return qn_import_sparse(&r->tensors, job->message, &job->value->tensor, NULL, r->err);
    case HOLDS_MAP:
        return read_map(r, job);
    default:
        return read_holder(r, job);
    }
}

/* TensorProto has its name in field 8, the others in field 1. */
static enum qn_status read_name(struct reading *r, struct qn_slice message, enum qn_kind kind, const char **name)
{
    struct qn_slice text;

    qn_proto_bytes(message, kind == QN_TENSOR ? 8 : ENTRY_NAME, &text);
    *name = qn_arena_strndup(r->arena, (const char *)text.data, text.n);
    QN_CHECK_MEM(*name, r->err);
    return QN_OK;
}

static enum qn_status read_all(struct reading *r, struct qn_slice message, enum qn_kind kind, struct qn_value *value,
                               const char **name)
{
    static const struct {
        enum qn_proto proto;
        enum holder what;
    } roots[] = {
        [QN_TENSOR] = {QN_PROTO_TENSOR, HOLDS_TENSOR},
        [QN_SEQUENCE] = {QN_PROTO_SEQUENCE, HOLDS_SEQUENCE},
        [QN_OPTIONAL] = {QN_PROTO_OPTIONAL, HOLDS_OPTIONAL},
        [QN_MAP] = {QN_PROTO_MAP, HOLDS_MAP},
    };
    struct qn_prescan scan;

    QN_TRY(qn_prescan(message.data, message.n, roots[kind].proto, &scan, r->err));
    if (name)
        QN_TRY(read_name(r, message, kind, name));
    QN_TRY(add_job(r, message, roots[kind].what, value));
    while (r->jobs) {
        const struct job *job = r->jobs;

        r->jobs = job->next;
        QN_TRY(read_job(r, job));
    }
    return QN_OK;
}

enum qn_status qn_import_value(const void *bytes, size_t n_bytes, enum qn_kind kind, struct qn_arena *arena,
                               struct qn_value *value, const char **name, struct qn_err *err)
{
    static const unsigned char nothing[1];
    struct reading r = {.arena = arena, .err = err};
    enum qn_status status;

    memset(value, 0, sizeof(*value));
    if (name)
        *name = "";
    qn_arena_init(&r.scratch, arena->budget);
    qn_arena_init(&r.list, arena->budget);
    r.tensors = (struct qn_tensor_reader){arena, &r.scratch, NULL, true};
    status = read_all(&r, (struct qn_slice){n_bytes ? bytes : nothing, n_bytes}, kind, value, name);
    qn_arena_deinit(&r.list);
    qn_arena_deinit(&r.scratch);
    return status;
}
