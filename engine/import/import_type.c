/* import_type.c: TypeProto to fact. Types nest (a sequence of optionals of maps ...); the nest is followed in a loop,
 * one level of the decoder at a time. */
#include "import/import_type.h"

#include <string.h>

enum { TENSOR = 1, SEQUENCE = 4, MAP = 5, OPAQUE = 7, SPARSE = 8, OPTIONAL = 9 };

struct typing {
    struct qn_arena *arena, *scratch;
    struct qn_symbols *symbols;
    const char *what;
    struct qn_err *err;
};

static enum qn_status read_dtype(const struct typing *t, bool given, int32_t value, enum qn_dtype *dtype)
{
    QN_CHECK(given && qn_dtype_valid(value), t->err, FORMAT, "%s has element type %d, which does not exist", t->what,
             (int)(given ? value : 0));
    *dtype = (enum qn_dtype)value;
    return QN_OK;
}

/* Names that exporters give to every dim they know nothing of: equal names, unrelated sizes. */
static bool is_anonymous(const char *name)
{
    return name[0] == '\0' || strcmp(name, "?") == 0 || strcmp(name, "-1") == 0 || strcmp(name, "None") == 0;
}

/* Exporters write negative sizes for "any" too. */
static enum qn_status read_dim(const struct typing *t, const QnOnnx__TensorShapeProto__Dimension *dim, int64_t *size)
{
    *size = QN_DIM_UNKNOWN;
    if (dim->value_case == QN_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
        if (dim->dim_value >= 0)
            *size = dim->dim_value;
    } else if (dim->value_case == QN_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
               !is_anonymous(dim->dim_param)) {
        *size = qn_symbols_dim(t->symbols, dim->dim_param);
        QN_CHECK(*size != QN_DIM_UNKNOWN, t->err, NOMEM, "out of memory");
    }
    return QN_OK;
}

static enum qn_status read_tensor(const struct typing *t, const QnOnnx__TypeProto__Tensor *tensor, struct qn_fact *fact)
{
    int64_t n;

    QN_TRY(read_dtype(t, tensor->has_elem_type, tensor->elem_type, &fact->dtype));
    fact->kind = QN_TENSOR;
    if (!tensor->shape)
        return QN_OK;
    QN_CHECK(tensor->shape->n_dim <= QN_MAX_RANK, t->err, LIMIT, "%s has rank %zu; at most %d is supported", t->what,
             tensor->shape->n_dim, QN_MAX_RANK);
    fact->shape.rank = (int)tensor->shape->n_dim;
    for (int i = 0; i < fact->shape.rank; i++)
        QN_TRY(read_dim(t, tensor->shape->dim[i], &fact->shape.dims[i]));
    QN_CHECK(!qn_shape_known(&fact->shape) || qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &n), t->err, LIMIT,
             "%s is too large", t->what);
    return QN_OK;
}

/* A map's values are tensors of rank 0 in the format; only their element type is kept. */
static enum qn_status read_map(const struct typing *t, const QnOnnx__TypeProto__Map *map, struct qn_fact *fact)
{
    struct qn_slice value = {map->value_type.data, map->value_type.len};
    const QnOnnx__TypeProto *type = NULL;

    fact->kind = QN_MAP;
    QN_TRY(read_dtype(t, map->has_key_type, map->key_type, &fact->key));
    if (value.n > 0) {
        type = QN_DECODE(type_proto, t->scratch, value, QN_FIELD(TENSOR), t->err);
        if (!type)
            return QN_NOMEM;
    }
    QN_CHECK(type && type->value_case == QN_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE, t->err, UNSUPPORTED,
             "%s is a map whose values are not tensors", t->what);
    return read_dtype(t, type->tensor_type->has_elem_type, type->tensor_type->elem_type, &fact->dtype);
}

/* One level. inner: the serialized type of the elements when the level is a sequence or optional; else data NULL. */
static enum qn_status read_level(const struct typing *t, struct qn_slice message, struct qn_fact *fact,
                                 struct qn_slice *inner)
{
    const uint32_t known = QN_FIELD(TENSOR) | QN_FIELD(SEQUENCE) | QN_FIELD(MAP) | QN_FIELD(OPTIONAL);
    const QnOnnx__TypeProto *type = QN_DECODE(type_proto, t->scratch, message, known, t->err);
    struct qn_slice other;

    if (!type)
        return QN_NOMEM;
    *fact = QN_FACT_UNKNOWN;
    *inner = (struct qn_slice){0};
    switch (type->value_case) {
    case QN_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
        return read_tensor(t, type->tensor_type, fact);
    case QN_ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        return read_map(t, type->map_type, fact);
    case QN_ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        fact->kind = QN_SEQUENCE;
        *inner = (struct qn_slice){type->sequence_type->elem_type.data, type->sequence_type->elem_type.len};
        return QN_OK;
    case QN_ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        fact->kind = QN_OPTIONAL;
        *inner = (struct qn_slice){type->optional_type->elem_type.data, type->optional_type->elem_type.len};
        return QN_OK;
    default:
        QN_CHECK(!qn_proto_bytes(message, SPARSE, &other), t->err, UNSUPPORTED, "%s is a sparse tensor", t->what);
        QN_CHECK(!qn_proto_bytes(message, OPAQUE, &other), t->err, UNSUPPORTED, "%s is of an opaque type", t->what);
        QN_FAIL(t->err, FORMAT, "%s has no type", t->what);
    }
}

enum qn_status qn_import_type(struct qn_arena *arena, struct qn_arena *scratch, struct qn_symbols *symbols,
                              struct qn_slice message, const char *what, struct qn_fact *fact, struct qn_err *err)
{
    struct typing t = {.arena = arena, .scratch = scratch, .symbols = symbols, .what = what, .err = err};
    struct qn_arena_mark mark = qn_arena_mark(scratch);
    struct qn_slice inner = message;
    struct qn_fact *level = fact;

    for (;;) {
        QN_TRY(read_level(&t, inner, level, &inner));
        if (!inner.data || inner.n == 0)
            break;
        level->elem = qn_arena_alloc(arena, sizeof(*level));
        QN_CHECK_MEM(level->elem, err);
        level = (struct qn_fact *)(uintptr_t)level->elem;
    }
    qn_arena_rewind(scratch, mark);
    return QN_OK;
}
