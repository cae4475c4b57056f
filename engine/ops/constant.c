/* constant.c: Constant, ConstantOfShape, Range, EyeLike, OneHot: tensors that come from parameters rather than from
 * data. Constant's numeric attributes are bound as a constant input, so it is the identity; the importer hands a sparse
 * value over as a dense one. All types are written here, the narrow ones too: nothing is computed except Range. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"
#include "tensor/convert.h"

/* ---- Constant ------------------------------------------------------------------------------------------------- */

struct constant {
    struct qn_str value_string;
    struct qn_strs value_strings;
};

static const char no_string[] = "";

static enum qn_status parse_constant(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct constant *p = params;
    int n = (node->n_in > 0 && node->in[0]) + (p->value_string.data != no_string) + p->value_strings.given;

    (void)arena;
    QN_CHECK(n == 1, err, FORMAT, "one attribute with a value expected, %d given", n);
    return QN_OK;
}

/* The tensor of the string attributes; data is borrowed from params. */
static struct qn_tensor strings_of(const struct constant *p)
{
    struct qn_tensor tensor = {.dtype = QN_STRING};

    if (p->value_strings.given) {
        tensor.rank = 1;
        tensor.dims[0] = (int64_t)p->value_strings.n;
        tensor.data = (void *)p->value_strings.v;
    } else {
        tensor.data = (void *)&p->value_string;
    }
    return tensor;
}

static enum qn_status infer_constant(struct qn_infer *in, const void *params)
{
    const struct qn_fact *value = qn_infer_in(in, 0);
    struct qn_tensor strings, *copy;
    struct qn_fact fact;

    if (value)
        return qn_infer_out_fact(in, 0, value);
    strings = strings_of(params);
    copy = qn_arena_memdup(in->arena, &strings, sizeof(strings));
    QN_CHECK_MEM(copy, in->err);
    fact = qn_fact_const(copy);
    return qn_infer_out_fact(in, 0, &fact);
}

static enum qn_status constant_ref(const struct qn_call *call)
{
    struct qn_tensor strings = strings_of(call->params);
    const struct qn_tensor *value = qn_in(call, 0) ? qn_in(call, 0) : &strings;

    qn_copy(qn_out(call, 0)->data, value->data, qn_tensor_bytes(value), call->pool);
    return QN_OK;
}

static const struct qn_kernel constant_kernels[] = {
    {.name = "constant_ref", .run = constant_ref},
    {.name = NULL},
};

/* ---- ConstantOfShape ------------------------------------------------------------------------------------------ */

struct constant_of_shape {
    const struct qn_tensor *value; /* one element; NULL: float32 zero */
};

static enum qn_status parse_constant_of_shape(struct qn_node *node, void *params, struct qn_arena *arena,
                                              struct qn_err *err)
{
    const struct constant_of_shape *p = params;

    (void)arena;
    QN_CHECK(!p->value || qn_tensor_count(p->value) == 1, err, FORMAT,
             "attribute 'value' must have one element, not %lld", (long long)qn_tensor_count(p->value));
    QN_CHECK(!p->value || qn_dtypes_have(node->op->out[0].types, p->value->dtype), err, FORMAT,
             "attribute 'value' cannot be %s", qn_dtype_name(p->value->dtype));
    return QN_OK;
}

static enum qn_status wanted_shape(const struct qn_arg *dims, struct qn_shape *shape, struct qn_err *err)
{
    QN_CHECK(dims->n <= QN_MAX_RANK, err, LIMIT, "a tensor of rank %d is asked for, at most %d is possible", dims->n,
             QN_MAX_RANK);
    for (int i = 0; i < dims->n; i++)
        QN_CHECK(dims->v[i] >= 0, err, RANGE, "dimension %d is %lld", i, (long long)dims->v[i]);
    *shape = qn_shape_make(dims->n, dims->v);
    return QN_OK;
}

static enum qn_status infer_constant_of_shape(struct qn_infer *in, const void *params)
{
    const struct constant_of_shape *p = params;
    struct qn_shape shape = QN_SHAPE_UNKNOWN;
    struct qn_arg dims;
    bool known;

    QN_TRY(qn_arg_infer(in, 0, "the shape", &dims, &known));
    if (known) {
        QN_TRY(wanted_shape(&dims, &shape, in->err));
    } else if (dims.n >= 0 && dims.n <= QN_MAX_RANK) {
        shape.rank = dims.n;
        for (int i = 0; i < dims.n; i++)
            shape.dims[i] = QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, p->value ? p->value->dtype : QN_FLOAT, &shape);
}

/* Packed types: every byte holds the same elements, the bits behind the last element stay zero. */
static void fill_packed(struct qn_tensor *y, const struct qn_tensor *value)
{
    int bits = qn_dtype_bits(y->dtype);
    int64_t n = qn_tensor_count(y), whole = n / (8 / bits) * (8 / bits);
    uint8_t element = qn_packed_get(value->data, 0, bits), byte = 0;

    for (int at = 0; at < 8; at += bits)
        byte = (uint8_t)(byte | element << at);
    memset(y->data, byte, qn_dtype_span(y->dtype, whole));
    if (n > whole)
        memset((char *)y->data + qn_dtype_span(y->dtype, whole), 0, 1);
    for (int64_t i = whole; i < n; i++)
        qn_packed_set(y->data, i, bits, element);
}

static enum qn_status constant_of_shape_ref(const struct qn_call *call)
{
    const struct constant_of_shape *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    struct qn_shape shape;
    struct qn_arg dims;
    float zero = 0;

    QN_TRY(qn_arg_read(qn_in(call, 0), "the shape", &dims, call->err));
    QN_TRY(wanted_shape(&dims, &shape, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &shape));
    if (qn_dtype_bytes(y->dtype) == 0)
        fill_packed(y, p->value);
    else
        qn_fill(y->data, p->value ? p->value->data : &zero, qn_dtype_bytes(y->dtype), qn_tensor_count(y), call->pool);
    return QN_OK;
}

static const struct qn_kernel constant_of_shape_kernels[] = {
    {.name = "constant_of_shape_ref", .run = constant_of_shape_ref},
    {.name = NULL},
};

/* ---- Range ---------------------------------------------------------------------------------------------------- */

struct range {
    int64_t stash_type; /* for float16 and bfloat16: the type that is computed in */
};

static enum qn_status parse_range(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct range *p = params;

    (void)node, (void)arena;
    QN_CHECK(p->stash_type == QN_FLOAT || p->stash_type == QN_DOUBLE, err, UNSUPPORTED,
             "attribute 'stash_type' is %lld, only float32 (1) and float64 (11) make sense", (long long)p->stash_type);
    return QN_OK;
}

static enum qn_status count_ints(int64_t start, int64_t limit, int64_t delta, int64_t *n, struct qn_err *err)
{
    bool up = delta > 0;
    uint64_t span = up ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = up ? (uint64_t)delta : 0 - (uint64_t)delta, count;

    *n = 0;
    QN_CHECK(delta != 0, err, RANGE, "delta is zero");
    if (up ? limit <= start : limit >= start)
        return QN_OK;
    count = (span - 1) / step + 1;
    QN_CHECK(count <= INT64_MAX, err, LIMIT, "the range is too long");
    *n = (int64_t)count;
    return QN_OK;
}

static enum qn_status count_floats(double span, double delta, int64_t *n, struct qn_err *err)
{
    double count = ceil(span / delta);

    *n = 0;
    QN_CHECK(delta != 0, err, RANGE, "delta is zero");
    QN_CHECK(!isnan(count), err, RANGE, "start, limit or delta is not a number");
    QN_CHECK(count < 0x1p62, err, LIMIT, "the range is too long");
    *n = count > 0 ? (int64_t)count : 0;
    return QN_OK;
}

static enum qn_status range_count(const struct qn_tensor *start, const struct qn_tensor *limit,
                                  const struct qn_tensor *delta, int64_t *n, struct qn_err *err)
{
    const struct qn_tensor *const all[] = {start, limit, delta};
    double span;

    for (int i = 0; i < 3; i++)
        QN_CHECK(qn_tensor_count(all[i]) == 1, err, SHAPE, "input %d must be a scalar, not %lld elements", i,
                 (long long)qn_tensor_count(all[i]));
    if (qn_dtype_is_integer(start->dtype))
        return count_ints(qn_tensor_int(start, 0), qn_tensor_int(limit, 0), qn_tensor_int(delta, 0), n, err);
    span = qn_tensor_double(limit, 0) - qn_tensor_double(start, 0);
    return count_floats(start->dtype == QN_FLOAT ? (float)span : span, qn_tensor_double(delta, 0), n, err);
}

static enum qn_status infer_range(struct qn_infer *in, const void *params)
{
    struct qn_shape shape = qn_shape_1d(QN_DIM_UNKNOWN);

    (void)params;
    if (in->in[0]->konst && in->in[1]->konst && in->in[2]->konst)
        QN_TRY(range_count(in->in[0]->konst, in->in[1]->konst, in->in[2]->konst, &shape.dims[0], in->err));
    return qn_infer_out(in, 0, in->in[0]->dtype, &shape);
}

/* start + i * delta in the type itself; integers wrap. */
#define RANGE_ROW(type, wide, name)                                                                                    \
    static void name(const struct qn_call *call, struct qn_tensor *y, int64_t n)                                       \
    {                                                                                                                  \
        wide start = (wide) * (const type *)qn_in(call, 0)->data;                                                      \
        wide delta = (wide) * (const type *)qn_in(call, 2)->data;                                                      \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            ((type *)y->data)[i] = (type)(start + (wide)i * delta);                                                    \
    }

RANGE_ROW(float, float, range_f32)
RANGE_ROW(double, double, range_f64)
RANGE_ROW(int16_t, uint64_t, range_i16)
RANGE_ROW(int32_t, uint64_t, range_i32)
RANGE_ROW(int64_t, uint64_t, range_i64)

/* float16 and bfloat16 are computed in the stash type. */
static void range_narrow(const struct qn_call *call, struct qn_tensor *y, int64_t n)
{
    const struct range *p = call->params;
    double start = qn_tensor_double(qn_in(call, 0), 0), delta = qn_tensor_double(qn_in(call, 2), 0);

    for (int64_t i = 0; i < n; i++)
        qn_tensor_set_double(
            y, i, p->stash_type == QN_FLOAT ? (float)start + (float)i * (float)delta : start + (double)i * delta);
}

static enum qn_status range_ref(const struct qn_call *call)
{
    struct qn_tensor *y = qn_out(call, 0);
    int64_t n;

    QN_TRY(range_count(qn_in(call, 0), qn_in(call, 1), qn_in(call, 2), &n, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &(struct qn_shape){.rank = 1, .dims = {n}}));
    if (y->dtype == QN_FLOAT)
        range_f32(call, y, n);
    else if (y->dtype == QN_DOUBLE)
        range_f64(call, y, n);
    else if (y->dtype == QN_INT16)
        range_i16(call, y, n);
    else if (y->dtype == QN_INT32)
        range_i32(call, y, n);
    else if (y->dtype == QN_INT64)
        range_i64(call, y, n);
    else
        range_narrow(call, y, n);
    return QN_OK;
}

static const struct qn_kernel range_kernels[] = {
    {.name = "range_ref", .run = range_ref},
    {.name = NULL},
};

/* ---- EyeLike -------------------------------------------------------------------------------------------------- */

struct eye_like {
    enum qn_dtype dtype; /* UNDEFINED: the input's */
    int64_t k;           /* the diagonal: ones where column - row is k */
};

static enum qn_status parse_eye_like(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct eye_like *p = params;

    (void)arena;
    QN_CHECK(p->dtype == QN_UNDEFINED || qn_dtypes_have(node->op->out[0].types, p->dtype), err, FORMAT,
             "attribute 'dtype' cannot be %s", qn_dtype_name(p->dtype));
    return QN_OK;
}

static enum qn_status infer_eye_like(struct qn_infer *in, const void *params)
{
    const struct eye_like *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);

    QN_CHECK(x->shape.rank == 2 || x->shape.rank < 0, in->err, SHAPE, "a matrix is expected, not a tensor of rank %d",
             x->shape.rank);
    return qn_infer_out(in, 0, p->dtype != QN_UNDEFINED ? p->dtype : x->dtype, &x->shape);
}

static enum qn_status eye_like_ref(const struct qn_call *call)
{
    const struct eye_like *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    int64_t rows = y->dims[0], cols = y->dims[1];

    memset(y->data, 0, qn_tensor_bytes(y));
    if (p->k >= cols || p->k <= -rows)
        return QN_OK;
    for (int64_t r = p->k < 0 ? -p->k : 0; r < rows && r + p->k < cols; r++)
        qn_tensor_set_double(y, r * cols + r + p->k, 1);
    return QN_OK;
}

static const struct qn_kernel eye_like_kernels[] = {
    {.name = "eye_like_ref", .run = eye_like_ref},
    {.name = NULL},
};

/* ---- OneHot --------------------------------------------------------------------------------------------------- */

struct one_hot {
    int64_t axis;  /* of the output */
    bool negative; /* from version 11 on indices count from the end when negative; before they match nothing */
};

static enum qn_status infer_one_hot(struct qn_infer *in, const void *params)
{
    const struct one_hot *p = params;
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_arg depth;
    bool known;
    int axis;

    QN_TRY(qn_arg_infer(in, 1, "depth", &depth, &known));
    QN_CHECK(depth.n == 1 || depth.n < 0, in->err, SHAPE, "depth must be one number, not %d", depth.n);
    QN_CHECK(!known || depth.v[0] >= 0, in->err, RANGE, "depth is %lld", (long long)depth.v[0]);
    if (x->rank >= 0) {
        QN_CHECK(x->rank < QN_MAX_RANK, in->err, LIMIT, "a tensor of rank %d is asked for, at most %d is possible",
                 x->rank + 1, QN_MAX_RANK);
        y.rank = x->rank + 1;
        QN_TRY(qn_infer_axis(in, p->axis, y.rank, &axis));
        for (int i = 0; i < y.rank; i++)
            y.dims[i] = i == axis ? known ? depth.v[0] : QN_DIM_UNKNOWN : x->dims[i - (i > axis)];
    }
    return qn_infer_out(in, 0, in->in[2]->dtype, &y);
}

/* Where the one of an index lies; -1: nowhere. */
static int64_t hot_place(const struct qn_tensor *indices, int64_t i, int64_t depth, bool negative)
{
    int64_t index = qn_tensor_int(indices, i);

    if (negative && index < 0 && index >= -depth)
        index += depth;
    return index >= 0 && index < depth ? index : -1;
}

static enum qn_status one_hot_ref(const struct qn_call *call)
{
    const struct one_hot *p = call->params;
    const struct qn_tensor *indices = qn_in(call, 0), *values = qn_in(call, 2);
    struct qn_tensor *y = qn_out(call, 0);
    size_t size = qn_dtype_bytes(y->dtype);
    const char *off = values->data, *on = off + size;
    int axis = (int)(p->axis < 0 ? p->axis + y->rank : p->axis);
    int64_t inner = qn_tensor_span(y, axis + 1, y->rank), depth = y->dims[axis], n = qn_tensor_count(indices);

    QN_CHECK(qn_tensor_count(values) == 2, call->err, SHAPE, "values must be [off, on], not %lld elements",
             (long long)qn_tensor_count(values));
    QN_CHECK(qn_tensor_count(qn_in(call, 1)) == 1 && qn_tensor_int(qn_in(call, 1), 0) == depth, call->err, SHAPE,
             "depth is not the %lld that was declared", (long long)depth);
    qn_fill(y->data, off, size, qn_tensor_count(y), call->pool);
    for (int64_t i = 0; i < n; i++) {
        int64_t place = hot_place(indices, i, depth, p->negative);

        if (place >= 0)
            memcpy((char *)y->data + (size_t)((i / inner * depth + place) * inner + i % inner) * size, on, size);
    }
    return QN_OK;
}

static const struct qn_kernel one_hot_kernels[] = {
    {.name = "one_hot_ref", .run = one_hot_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, ins, outs, ...)                                                                           \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = ins, .out = outs, __VA_ARGS__             \
    }
#define INT64 QN_BIT(INT64)
#define PLAIN (QN_FLOATS_STD | QN_INTS | QN_BIT(BOOL))
#define CONSTANT(first, last, types, ...)                                                                              \
    ROW("Constant", first, last, QN_FORMALS(QN_OPT("value", 'T', types)), QN_FORMALS(QN_OUT("output", 'T', types)),    \
        .attrs = QN_ATTRS(__VA_ARGS__), .parse = parse_constant, .infer = infer_constant, .kernels = constant_kernels, \
        QN_PRESET(constant, .value_string = {no_string, 0}))
#define TENSOR QN_INPUT_ATTR("value", TENSOR, 0)
#define SPARSE TENSOR, QN_INPUT_ATTR("sparse_value", TENSOR, 0)
#define NUMBERS                                                                                                        \
    SPARSE, QN_INPUT_ATTR("value_float", FLOAT, 0), QN_INPUT_ATTR("value_floats", FLOATS, 0),                          \
        QN_INPUT_ATTR("value_int", INT, 0), QN_INPUT_ATTR("value_ints", INTS, 0)
#define EVERYTHING NUMBERS, QN_STRING_ATTR(constant, value_string, no_string), QN_STRINGS_ATTR(constant, value_strings)
#define CONSTANT_OF_SHAPE(first, last, types)                                                                          \
    ROW("ConstantOfShape", first, last, QN_FORMALS(QN_IN("input", 0, INT64)), QN_FORMALS(QN_OUT("output", 0, types)),  \
        .attrs = QN_ATTRS(QN_TENSOR_ATTR(constant_of_shape, value)), QN_PARAMS(constant_of_shape),                     \
        .parse = parse_constant_of_shape, .infer = infer_constant_of_shape, .kernels = constant_of_shape_kernels)
#define RANGE(first, last, types, ...)                                                                                 \
    ROW("Range", first, last,                                                                                          \
        QN_FORMALS(QN_IN("start", 'T', types), QN_IN("limit", 'T', types), QN_IN("delta", 'T', types)),                \
        QN_FORMALS(QN_OUT("output", 'T', types)), .parse = parse_range, .infer = infer_range,                          \
        .kernels = range_kernels, .tolerance = QN_ROUNDING, __VA_ARGS__)
#define EYE_LIKE(first, last, types)                                                                                   \
    ROW("EyeLike", first, last, QN_FORMALS(QN_IN("input", 0, types)), QN_FORMALS(QN_OUT("output", 0, types)),          \
        .attrs = QN_ATTRS(QN_DTYPE_ATTR(eye_like, dtype, QN_UNDEFINED), QN_INT_ATTR(eye_like, k, 0)),                  \
        QN_PARAMS(eye_like), .parse = parse_eye_like, .infer = infer_eye_like, .kernels = eye_like_kernels)
#define ONE_HOT(first, last, from_the_end)                                                                             \
    ROW("OneHot", first, last,                                                                                         \
        QN_FORMALS(QN_IN("indices", 0, QN_FLOATS_STD | QN_INTS), QN_IN("depth", 0, QN_FLOATS_STD | QN_INTS),           \
                   QN_IN("values", 'T', QN_ALL_IR3)),                                                                  \
        QN_FORMALS(QN_OUT("output", 'T', QN_ALL_IR3)), .attrs = QN_ATTRS(QN_INT_ATTR(one_hot, axis, -1)),              \
        QN_PRESET(one_hot, .negative = (from_the_end)), .infer = infer_one_hot, .kernels = one_hot_kernels)

const struct qn_op qn_ops_constant[] = {
    CONSTANT(1, 8, QN_FLOATS_STD, TENSOR),
    CONSTANT(9, 10, QN_ALL_IR3, TENSOR),
    CONSTANT(11, 11, QN_ALL_IR3, SPARSE),
    CONSTANT(12, 12, QN_ALL_IR3, EVERYTHING),
    CONSTANT(13, 18, QN_ALL_IR4, EVERYTHING),
    CONSTANT(19, 20, QN_ALL_IR9, EVERYTHING),
    CONSTANT(21, 22, QN_ALL_IR10, EVERYTHING),
    CONSTANT(23, 23, QN_ALL_IR11, EVERYTHING),
    CONSTANT(24, 24, QN_ALL_IR12, EVERYTHING),
    CONSTANT(25, 27, QN_ALL_IR13, EVERYTHING),
    CONSTANT_OF_SHAPE(9, 19, PLAIN),
    CONSTANT_OF_SHAPE(20, 20, PLAIN | QN_BIT(BFLOAT16) | QN_FLOAT8S),
    CONSTANT_OF_SHAPE(21, 22, PLAIN | QN_BIT(BFLOAT16) | QN_FLOAT8S | QN_INT4S),
    CONSTANT_OF_SHAPE(23, 23, PLAIN | QN_BIT(BFLOAT16) | QN_FLOAT8S | QN_INT4S | QN_BIT(FLOAT4E2M1)),
    CONSTANT_OF_SHAPE(24, 24,
                      PLAIN | QN_BIT(BFLOAT16) | QN_FLOAT8S | QN_INT4S | QN_BIT(FLOAT4E2M1) | QN_BIT(FLOAT8E8M0)),
    CONSTANT_OF_SHAPE(25, 27, QN_ALL_IR13 & ~(QN_COMPLEXES | QN_BIT(STRING))),
    RANGE(11, 26, QN_BIT(FLOAT) | QN_BIT(DOUBLE) | QN_BIT(INT16) | QN_BIT(INT32) | QN_BIT(INT64),
          QN_PRESET(range, .stash_type = QN_FLOAT)),
    RANGE(27, 27, QN_FLOATS | QN_BIT(INT16) | QN_BIT(INT32) | QN_BIT(INT64), QN_PARAMS(range),
          .attrs = QN_ATTRS(QN_INT_ATTR(range, stash_type, QN_FLOAT))),
    EYE_LIKE(9, 21, PLAIN),
    EYE_LIKE(22, 27, PLAIN | QN_BIT(BFLOAT16)),
    ONE_HOT(9, 10, false),
    ONE_HOT(11, 27, true),
    {.name = NULL},
};
