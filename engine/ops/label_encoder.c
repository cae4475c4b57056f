/* label_encoder.c: LabelEncoder of ai.onnx.ml. Version 1: a string becomes its place in a list, an integer the string
 * at that place; 2 and later: a key becomes the value beside it. What is not in the list becomes the default. A NaN key
 * takes every NaN. Of repeated keys the last counts in versions 1 and 4, as the standard says, the first in version 2,
 * as onnxruntime has it. */
#include <string.h>

#include "ops/key_table.h"
#include "ops/ml.h"

struct label_encoder {
    struct qn_strs classes_strings; /* version 1 */
    struct qn_floats keys_floats, values_floats;
    struct qn_ints keys_int64s, values_int64s;
    struct qn_strs keys_strings, values_strings;
    const struct qn_tensor *keys_tensor, *values_tensor, *default_tensor;
    float default_float;
    int64_t default_int64;
    struct qn_str default_string;
    bool by_place, last_counts;

    struct qn_key_table keys;
    struct qn_tensor values;  /* beside the keys; in version 1 places when keys are read, strings when places are */
    struct qn_tensor nothing; /* the default, one element of the type of the values */
};

/* ---- Load ----------------------------------------------------------------------------------------------------- */

/* The one list that is given. */
static enum qn_status choose(const char *what, const struct qn_floats *floats, const struct qn_ints *ints,
                             const struct qn_strs *strings, const struct qn_tensor *tensor, struct qn_tensor *list,
                             struct qn_err *err)
{
    int n_given = (floats->n > 0) + (ints->n > 0) + (strings->n > 0) + (tensor != NULL);

    QN_CHECK(n_given == 1, err, FORMAT, "%d lists of %s are given, 1 expected", n_given, what);
    QN_CHECK(!tensor || tensor->rank == 1, err, FORMAT, "the list of %s has rank %d", what, tensor ? tensor->rank : 0);
    *list = tensor      ? *tensor
            : floats->n ? qn_list_of_floats(floats)
            : ints->n   ? qn_list_of_ints(ints)
                        : qn_list_of_strings(strings);
    QN_CHECK(qn_dtypes_have(QN_KEY_TYPES, list->dtype), err, UNSUPPORTED, "%s of %s cannot be encoded", what,
             qn_dtype_name(list->dtype));
    return QN_OK;
}

/* The default of a type, when no tensor says another. */
static enum qn_status make_default(struct label_encoder *p, enum qn_dtype dtype, struct qn_arena *arena,
                                   struct qn_err *err)
{
    if (p->default_tensor) {
        QN_CHECK(p->default_tensor->dtype == dtype && qn_tensor_count(p->default_tensor) == 1, err, FORMAT,
                 "the default must be one %s", qn_dtype_name(dtype));
        p->nothing = *p->default_tensor;
        return QN_OK;
    }
    QN_TRY(qn_tensor_create(arena, dtype, &QN_SHAPE_SCALAR, &p->nothing, err));
    if (dtype == QN_STRING)
        *(struct qn_str *)p->nothing.data = p->default_string;
    else if (qn_dtype_is_float(dtype))
        qn_tensor_set_double(&p->nothing, 0, (double)p->default_float);
    else
        qn_tensor_set_int(&p->nothing, 0, p->default_int64);
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct label_encoder *p = params;
    struct qn_tensor keys;

    (void)node;
    QN_TRY(choose("keys", &p->keys_floats, &p->keys_int64s, &p->keys_strings, p->keys_tensor, &keys, err));
    QN_TRY(
        choose("values", &p->values_floats, &p->values_int64s, &p->values_strings, p->values_tensor, &p->values, err));
    QN_CHECK(keys.dims[0] == p->values.dims[0], err, FORMAT, "%lld keys stand against %lld values",
             (long long)keys.dims[0], (long long)p->values.dims[0]);
    QN_TRY(make_default(p, p->values.dtype, arena, err));
    return qn_key_table_init(&p->keys, &keys, p->last_counts, arena, err);
}

/* Version 1 goes from strings to places, and from places, which need no table, to strings. */
static enum qn_status parse_1(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct label_encoder *p = params;
    struct qn_tensor keys = qn_list_of_strings(&p->classes_strings);

    (void)node;
    return qn_key_table_init(&p->keys, &keys, p->last_counts, arena, err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct label_encoder *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    enum qn_dtype dtype = p->values.dtype;

    if (p->by_place)
        dtype = x->dtype == QN_STRING ? QN_INT64 : x->dtype == QN_INT64 ? QN_STRING : QN_UNDEFINED;
    else
        QN_CHECK(x->dtype == QN_UNDEFINED || x->dtype == p->keys.keys.dtype, in->err, SHAPE,
                 "the keys are %s, the input is %s", qn_dtype_name(p->keys.keys.dtype), qn_dtype_name(x->dtype));
    return qn_infer_out(in, 0, dtype, &x->shape);
}

/* ---- Run ------------------------------------------------------------------------------------------------------ */

struct job {
    const struct label_encoder *p;
    const struct qn_tensor *x;
    struct qn_tensor *y;
};

static void encode(const struct job *j, int64_t i)
{
    const struct label_encoder *p = j->p;
    size_t x_size = qn_dtype_bytes(j->x->dtype), size = qn_dtype_bytes(p->values.dtype);
    int64_t at = qn_key_table_find(&p->keys, (const char *)j->x->data + (size_t)i * x_size);

    memcpy((char *)j->y->data + (size_t)i * size,
           at < 0 ? p->nothing.data : (const char *)p->values.data + (size_t)at * size, size);
}

static void encode_1(const struct job *j, int64_t i)
{
    const struct qn_strs *classes = &j->p->classes_strings;

    if (j->x->dtype == QN_STRING) {
        int64_t at = qn_key_table_find(&j->p->keys, (const struct qn_str *)j->x->data + i);

        ((int64_t *)j->y->data)[i] = at < 0 ? j->p->default_int64 : at;
    } else {
        uint64_t at = ((const uint64_t *)j->x->data)[i];

        ((struct qn_str *)j->y->data)[i] = at < classes->n ? classes->v[at] : j->p->default_string;
    }
}

static void encode_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(qn_tensor_count(j->x), 64, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        if (j->p->by_place)
            encode_1(j, i);
        else
            encode(j, i);
    }
}

static enum qn_status label_encoder_ref(const struct qn_call *call)
{
    struct job j = {call->params, qn_in(call, 0), qn_out(call, 0)};

    qn_pool_run(call->pool, qn_ml_parts(call->pool, qn_tensor_count(j.x), 32), encode_part, &j);
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {{.name = "label_encoder_ref", .run = label_encoder_ref}, {.name = NULL}};

#define TYPES_1 (QN_BIT(STRING) | QN_BIT(INT64))
#define TYPES_2 (TYPES_1 | QN_BIT(FLOAT))
#define TYPES_4 (TYPES_2 | QN_BIT(INT32) | QN_BIT(INT16) | QN_BIT(DOUBLE))

#define DEFAULTS_1                                                                                                     \
    QN_STRING_ATTR(label_encoder, default_string, "_Unused"), QN_INT_ATTR(label_encoder, default_int64, -1)
#define LISTS_2                                                                                                        \
    DEFAULTS_1, QN_FLOAT_ATTR(label_encoder, default_float, -0.0), QN_FLOATS_ATTR(label_encoder, keys_floats),         \
        QN_INTS_ATTR(label_encoder, keys_int64s), QN_STRINGS_ATTR(label_encoder, keys_strings),                        \
        QN_FLOATS_ATTR(label_encoder, values_floats), QN_INTS_ATTR(label_encoder, values_int64s),                      \
        QN_STRINGS_ATTR(label_encoder, values_strings)

/* Output 0 is written element by element, each after its own key was read. */
#define ROW(first, last, types, parse_fn, places, last_one, ...)                                                       \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = "LabelEncoder", .since = (first), .until = (last),                             \
        .in = QN_FORMALS(QN_IN("X", '1', types)), .out = QN_FORMALS(QN_OUT("Y", '2', types)),                          \
        .attrs = QN_ATTRS(__VA_ARGS__), QN_PRESET(label_encoder, .by_place = (places), .last_counts = (last_one)),     \
        .parse = (parse_fn), .infer = infer, .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = QN_EXACT,      \
    }

const struct qn_op qn_ops_label_encoder[] = {
    ROW(1, 1, TYPES_1, parse_1, true, true, DEFAULTS_1, QN_STRINGS_ATTR(label_encoder, classes_strings)),
    ROW(2, 3, TYPES_2, parse, false, false, LISTS_2),
    ROW(4, QN_NEWEST_ML, TYPES_4, parse, false, true, LISTS_2, QN_TENSOR_ATTR(label_encoder, keys_tensor),
        QN_TENSOR_ATTR(label_encoder, values_tensor), QN_TENSOR_ATTR(label_encoder, default_tensor)),
    {.name = NULL},
};
