/* import_tensor.c: TensorProto to tensor. The small fields go through the decoder, the data is taken from where it
 * lies: raw_data, one typed field, or another file. Its amount must match the shape exactly. Data that is not aligned
 * for its type is copied, because kernels read it as what it is. Sparse tensors are in import_sparse.c. */
#include "import/import_tensor.h"

#include <inttypes.h>
#include <string.h>

#include "import/numbers.h"

enum {
    DIMS = 1,
    DATA_TYPE = 2,
    SEGMENT = 3,
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    STRING_DATA = 6,
    INT64_DATA = 7,
    NAME = 8,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11,
    EXTERNAL_DATA = 13,
    DATA_LOCATION = 14
};

/* One tensor on its way in. */
struct incoming {
    const struct qn_tensor_reader *reader;
    struct qn_slice message;
    const QnOnnx__TensorProto *proto; /* dims, type, name, location */
    struct qn_tensor *tensor;
    size_t n;       /* elements */
    size_t n_bytes; /* of them in memory */
    const char *name;
    struct qn_err *err;
};

/* ---- Which field ---------------------------------------------------------------------------------------------- */

/* The typed field for an element type; 0: none. */
static uint32_t typed_field(enum qn_dtype dtype)
{
    switch (dtype) {
    case QN_FLOAT:
    case QN_COMPLEX64:
        return FLOAT_DATA;
    case QN_DOUBLE:
    case QN_COMPLEX128:
        return DOUBLE_DATA;
    case QN_INT64:
        return INT64_DATA;
    case QN_UINT32:
    case QN_UINT64:
        return UINT64_DATA;
    case QN_STRING:
        return STRING_DATA;
    default:
        return INT32_DATA;
    }
}

static const char *field_name(uint32_t number)
{
    static const char *const names[] = {
        [FLOAT_DATA] = "float_data",  [INT32_DATA] = "int32_data", [STRING_DATA] = "string_data",
        [INT64_DATA] = "int64_data",  [RAW_DATA] = "raw_data",     [DOUBLE_DATA] = "double_data",
        [UINT64_DATA] = "uint64_data"};

    return names[number];
}

static const uint32_t data_fields = QN_FIELD(FLOAT_DATA) | QN_FIELD(INT32_DATA) | QN_FIELD(STRING_DATA) |
                                    QN_FIELD(INT64_DATA) | QN_FIELD(RAW_DATA) | QN_FIELD(DOUBLE_DATA) |
                                    QN_FIELD(UINT64_DATA);

/* The one field that holds data, 0 when there is none. Writers leave empty ones beside it; those do not count. */
static enum qn_status find_data(const struct incoming *in, uint32_t *number)
{
    struct qn_wire wire = qn_wire_open(in->message);
    struct qn_wire_field field;

    *number = 0;
    while (qn_wire_more(&wire, &field)) {
        if (field.number >= 32)
            continue;
        QN_CHECK(field.number != SEGMENT, in->err, UNSUPPORTED, "tensor '%s' is a segment of a larger one", in->name);
        if (!(data_fields & QN_FIELD(field.number)))
            continue;
        if (field.type == QN_WIRE_BYTES && field.bytes.n == 0 && field.number != STRING_DATA)
            continue;
        QN_CHECK(*number == 0 || *number == field.number, in->err, FORMAT, "tensor '%s' has data in both %s and %s",
                 in->name, field_name(*number), field_name(field.number));
        *number = field.number;
    }
    return QN_OK;
}

/* ---- Shape and type ------------------------------------------------------------------------------------------- */

static enum qn_status read_shape(struct incoming *in)
{
    const QnOnnx__TensorProto *proto = in->proto;
    struct qn_shape shape;
    int64_t n;

    QN_CHECK(proto->has_data_type && qn_dtype_valid(proto->data_type), in->err, FORMAT,
             "tensor '%s' has element type %d, which does not exist", in->name, (int)proto->data_type);
    QN_CHECK(proto->n_dims <= QN_MAX_RANK, in->err, LIMIT, "tensor '%s' has rank %zu; at most %d is supported",
             in->name, proto->n_dims, QN_MAX_RANK);
    in->tensor->dtype = (enum qn_dtype)proto->data_type;
    in->tensor->rank = (int)proto->n_dims;
    for (size_t i = 0; i < proto->n_dims; i++) {
        QN_CHECK(proto->dims[i] >= 0, in->err, FORMAT, "tensor '%s' has dimension %lld", in->name,
                 (long long)proto->dims[i]);
        in->tensor->dims[i] = proto->dims[i];
    }
    shape = qn_tensor_shape(in->tensor);
    QN_CHECK(qn_dims_count(shape.dims, 0, shape.rank, &n) && qn_shape_bytes(&shape, in->tensor->dtype, &in->n_bytes),
             in->err, LIMIT, "tensor '%s' is too large", in->name);
    in->n = (size_t)n;
    return QN_OK;
}

/* ---- Bytes as they are ---------------------------------------------------------------------------------------- */

/* What the kernels assume: complex numbers are pairs, packed types are bytes. */
static size_t alignment(enum qn_dtype dtype)
{
    size_t bytes = qn_dtype_bytes(dtype);

    if (dtype == QN_COMPLEX64 || dtype == QN_COMPLEX128)
        return bytes / 2;
    return bytes ? bytes : 1;
}

/* The kernels rely on bools being 0 or 1. */
static enum qn_status check_bools(const struct incoming *in, const unsigned char *bytes)
{
    unsigned char any = 0;

    if (in->tensor->dtype != QN_BOOL)
        return QN_OK;
    for (size_t i = 0; i < in->n; i++)
        any |= bytes[i];
    QN_CHECK(any <= 1, in->err, FORMAT, "tensor '%s' is bool and holds a byte other than 0 and 1", in->name);
    return QN_OK;
}

/* A view of n_bytes, or a copy. */
static enum qn_status take_bytes(const struct incoming *in, struct qn_slice bytes)
{
    bool is_aligned = (uintptr_t)bytes.data % alignment(in->tensor->dtype) == 0;

    QN_TRY(check_bools(in, bytes.data));
    if (is_aligned && !in->reader->copy)
        in->tensor->data = (void *)(uintptr_t)bytes.data;
    else
        in->tensor->data = qn_arena_memdup(in->reader->arena, bytes.data, bytes.n);
    QN_CHECK_MEM(in->tensor->data, in->err);
    return QN_OK;
}

static enum qn_status read_raw(const struct incoming *in)
{
    struct qn_slice bytes;

    qn_proto_bytes(in->message, RAW_DATA, &bytes);
    QN_CHECK(in->tensor->dtype != QN_STRING, in->err, FORMAT, "tensor '%s' has strings in raw_data", in->name);
    QN_CHECK(bytes.n == in->n_bytes, in->err, FORMAT, "tensor '%s' has %zu bytes of raw_data where %zu are expected",
             in->name, bytes.n, in->n_bytes);
    return take_bytes(in, bytes);
}

static enum qn_status read_external(const struct incoming *in, uint32_t number)
{
    struct qn_slice bytes;
    struct qn_err why = {0};
    enum qn_status status;

    QN_CHECK(number == 0, in->err, FORMAT, "tensor '%s' has external data and %s", in->name, field_name(number));
    QN_CHECK(in->tensor->dtype != QN_STRING, in->err, FORMAT, "tensor '%s' has strings in external data", in->name);
    status = qn_external_find(in->reader->externals, in->proto->external_data, in->proto->n_external_data, in->n_bytes,
                              &bytes, &why);
    if (status != QN_OK)
        return qn_err_set(in->err, status, "tensor '%s': %s", in->name, why.text);
    return take_bytes(in, bytes);
}

/* ---- Typed fields --------------------------------------------------------------------------------------------- */

static enum qn_status check_count(const struct incoming *in, uint32_t number, size_t given, size_t expected)
{
    QN_CHECK(given == expected, in->err, FORMAT, "tensor '%s' has %zu elements in %s where %zu are expected", in->name,
             given, field_name(number), expected);
    return QN_OK;
}

static enum qn_status allocate(const struct incoming *in)
{
    in->tensor->data = qn_arena_alloc(in->reader->arena, in->n_bytes);
    QN_CHECK_MEM(in->tensor->data, in->err);
    return QN_OK;
}

/* float_data and double_data: already laid out as in memory. */
static enum qn_status read_floats(const struct incoming *in, uint32_t number)
{
    size_t unit = number == FLOAT_DATA ? 4 : 8, expected = in->n_bytes / unit;
    struct qn_slice view;

    QN_TRY(check_count(in, number, qn_numbers_count_fixed(in->message, number, unit), expected));
    if (qn_numbers_view(in->message, number, unit, &view) && view.n == in->n_bytes)
        return take_bytes(in, view);
    QN_TRY(allocate(in));
    qn_numbers_copy(in->message, number, unit, expected, in->tensor->data);
    return QN_OK;
}

/* A sink for varints: stores what fits the element type, remembers the first that does not. */
struct narrow {
    void *data;
    size_t bytes; /* per element */
    int64_t min, max;
    bool is_int32; /* the field is */
    bool is_whole; /* 64 bits: everything fits */
    size_t n_stored;
    int64_t bad;
};

static bool store(void *arg, size_t i, uint64_t x)
{
    struct narrow *to = arg;

    if (to->is_int32 && x > INT32_MAX && x <= UINT32_MAX)
        x = (uint64_t)(int64_t)(int32_t)x; /* a negative number from a writer that did not extend its sign */
    if (!to->is_whole && ((int64_t)x < to->min || (int64_t)x > to->max)) {
        to->bad = (int64_t)x;
        return false;
    }
    memcpy((unsigned char *)to->data + i * to->bytes, &x, to->bytes);
    to->n_stored = i + 1;
    return true;
}

/* What may stand in int32_data, int64_data and uint64_data for each type. Narrow floats are bit patterns; packed types
 * are whole bytes, which some writers sign-extend. */
static void set_range(enum qn_dtype dtype, struct narrow *to)
{
    int bits = qn_dtype_bits(dtype);

    to->bytes = bits < 8 ? 1 : (size_t)bits / 8;
    to->is_whole = bits == 64;
    to->is_int32 = typed_field(dtype) == INT32_DATA;
    switch (dtype) {
    case QN_INT8:
    case QN_INT16:
    case QN_INT32:
        to->min = -((int64_t)1 << (bits - 1));
        to->max = ((int64_t)1 << (bits - 1)) - 1;
        return;
    case QN_BOOL:
        to->max = 1;
        return;
    default:
        to->min = bits < 8 ? INT8_MIN : 0;
        to->max = bits < 8 ? UINT8_MAX : bits < 64 ? ((int64_t)1 << bits) - 1 : 0;
        return;
    }
}

static enum qn_status read_varints(const struct incoming *in, uint32_t number)
{
    struct narrow to = {0};
    size_t expected;

    set_range(in->tensor->dtype, &to);
    expected = in->n_bytes / to.bytes;
    QN_TRY(check_count(in, number, qn_numbers_count_varints(in->message, number), expected));
    QN_TRY(allocate(in));
    to.data = in->tensor->data;
    qn_numbers_each(in->message, number, expected, store, &to);
    QN_CHECK(to.n_stored == expected, in->err, FORMAT, "tensor '%s' has the value %lld, which %s cannot hold", in->name,
             (long long)to.bad, qn_dtype_name(in->tensor->dtype));
    return QN_OK;
}

static enum qn_status read_strings(const struct incoming *in)
{
    struct qn_wire wire = qn_wire_open(in->message);
    struct qn_wire_field field;
    struct qn_str *strings;
    size_t i = 0;

    QN_TRY(check_count(in, STRING_DATA, qn_proto_count(in->message, STRING_DATA), in->n));
    QN_TRY(allocate(in));
    strings = in->tensor->data;
    while (i < in->n && qn_wire_more(&wire, &field)) {
        const char *text = (const char *)field.bytes.data;

        if (field.number != STRING_DATA || field.type != QN_WIRE_BYTES)
            continue;
        if (in->reader->copy)
            text = qn_arena_strndup(in->reader->arena, text, field.bytes.n);
        QN_CHECK_MEM(text, in->err);
        strings[i++] = (struct qn_str){text, field.bytes.n};
    }
    return QN_OK;
}

static enum qn_status read_data(const struct incoming *in)
{
    enum qn_dtype dtype = in->tensor->dtype;
    uint32_t number;

    QN_TRY(find_data(in, &number));
    if (in->proto->has_data_location && in->proto->data_location != 0) {
        QN_CHECK(in->proto->data_location == 1, in->err, FORMAT,
                 "tensor '%s' has data location %d, which does not exist", in->name, (int)in->proto->data_location);
        return read_external(in, number);
    }
    if (number == RAW_DATA)
        return read_raw(in);
    if (number == 0 && in->n == 0)
        return allocate(in);
    QN_CHECK(number != 0, in->err, FORMAT, "tensor '%s' has no data where %zu elements are expected", in->name, in->n);
    QN_CHECK(number == typed_field(dtype), in->err, FORMAT, "tensor '%s' of type %s has its data in %s", in->name,
             qn_dtype_name(dtype), field_name(number));
    if (number == STRING_DATA)
        return read_strings(in);
    if (number == FLOAT_DATA || number == DOUBLE_DATA)
        return read_floats(in, number);
    return read_varints(in, number);
}

enum qn_status qn_import_tensor(const struct qn_tensor_reader *reader, struct qn_slice message,
                                struct qn_tensor *tensor, const char **name, struct qn_err *err)
{
    const uint32_t small =
        QN_FIELD(DIMS) | QN_FIELD(DATA_TYPE) | QN_FIELD(NAME) | QN_FIELD(EXTERNAL_DATA) | QN_FIELD(DATA_LOCATION);
    struct qn_arena_mark mark = qn_arena_mark(reader->scratch);
    struct incoming in = {.reader = reader, .message = message, .tensor = tensor, .err = err};

    memset(tensor, 0, sizeof(*tensor));
    in.proto = QN_DECODE(tensor_proto, reader->scratch, message, small, err);
    if (!in.proto)
        return QN_NOMEM;
    in.name = in.proto->name ? in.proto->name : "";
    QN_TRY(read_shape(&in));
    QN_TRY(read_data(&in));
    if (name) {
        *name = qn_arena_strdup(reader->arena, in.name);
        QN_CHECK_MEM(*name, err);
    }
    qn_arena_rewind(reader->scratch, mark);
    return QN_OK;
}
