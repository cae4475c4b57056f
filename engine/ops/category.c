/* category.c: CategoryMapper, DictVectorizer, CastMap of ai.onnx.ml: categories to numbers and back, maps to tensors.
 * As in onnxruntime, the outputs made of maps have the shape [1, n], of repeated categories the last counts, keys that
 * a vocabulary lacks are left out, and CastMap writes "0.f" where a string is missing. A key that CastMap has no place
 * for is an error. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/key_table.h"
#include "ops/ml.h"
#include "ops/number_text.h"
#include "tensor/convert.h"

/* ---- CategoryMapper ------------------------------------------------------------------------------------------- */

struct mapper {
    struct qn_ints cats_int64s;
    struct qn_strs cats_strings;
    int64_t default_int64;
    struct qn_str default_string;
    struct qn_key_table ints, strings;
};

static enum qn_status parse_mapper(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct mapper *p = params;
    struct qn_tensor ints = qn_list_of_ints(&p->cats_int64s), strings = qn_list_of_strings(&p->cats_strings);

    (void)node;
    QN_CHECK(p->cats_int64s.n == p->cats_strings.n, err, FORMAT, "%zu integers stand against %zu strings",
             p->cats_int64s.n, p->cats_strings.n);
    QN_TRY(qn_key_table_init(&p->ints, &ints, true, arena, err));
    return qn_key_table_init(&p->strings, &strings, true, arena, err);
}

static enum qn_status infer_mapper(struct qn_infer *in, const void *params)
{
    const struct qn_fact *x = qn_infer_in(in, 0);

    (void)params;
    return qn_infer_out(in, 0,
                        x->dtype == QN_STRING  ? QN_INT64
                        : x->dtype == QN_INT64 ? QN_STRING
                                               : QN_UNDEFINED,
                        &x->shape);
}

static enum qn_status mapper_ref(const struct qn_call *call)
{
    const struct mapper *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    void *y = qn_out(call, 0)->data;

    for (int64_t i = 0, n = qn_tensor_count(x); i < n; i++) {
        if (x->dtype == QN_STRING) {
            int64_t at = qn_key_table_find(&p->strings, (const struct qn_str *)x->data + i);

            ((int64_t *)y)[i] = at < 0 ? p->default_int64 : p->cats_int64s.v[at];
        } else {
            int64_t at = qn_key_table_find(&p->ints, (const int64_t *)x->data + i);

            ((struct qn_str *)y)[i] = at < 0 ? p->default_string : p->cats_strings.v[at];
        }
    }
    return QN_OK;
}

/* ---- DictVectorizer ------------------------------------------------------------------------------------------- */

#define MAP_VALUES (QN_BIT(INT64) | QN_BIT(FLOAT) | QN_BIT(DOUBLE) | QN_BIT(STRING))

struct vectorizer {
    struct qn_ints int64_vocabulary;
    struct qn_strs string_vocabulary;
    struct qn_key_table vocabulary;
};

static enum qn_status parse_vectorizer(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct vectorizer *p = params;
    struct qn_tensor list =
        p->int64_vocabulary.n ? qn_list_of_ints(&p->int64_vocabulary) : qn_list_of_strings(&p->string_vocabulary);

    (void)node;
    QN_CHECK((p->int64_vocabulary.n > 0) + (p->string_vocabulary.n > 0) == 1, err, FORMAT,
             "one vocabulary expected, of integers or of strings");
    return qn_key_table_init(&p->vocabulary, &list, false, arena, err);
}

static enum qn_status infer_vectorizer(struct qn_infer *in, const void *params)
{
    const struct vectorizer *p = params;
    const struct qn_fact *map = qn_infer_in(in, 0);

    QN_CHECK(map->key == QN_UNDEFINED || map->key == p->vocabulary.keys.dtype, in->err, SHAPE,
             "the vocabulary is of %s, the map's keys are %s", qn_dtype_name(p->vocabulary.keys.dtype),
             qn_dtype_name(map->key));
    QN_CHECK(map->dtype == QN_UNDEFINED || qn_dtypes_have(MAP_VALUES, map->dtype), in->err, SHAPE,
             "the map's values cannot be %s", qn_dtype_name(map->dtype));
    return qn_infer_out(in, 0, map->dtype, &(struct qn_shape){2, {1, p->vocabulary.keys.dims[0]}});
}

/* Copies element i of a tensor to place k of y. */
static void copy_element(const struct qn_tensor *from, int64_t i, struct qn_tensor *to, int64_t k)
{
    size_t size = qn_dtype_bytes(to->dtype);

    memcpy((char *)to->data + (size_t)k * size, (const char *)from->data + (size_t)i * size, size);
}

static enum qn_status vectorizer_ref(const struct qn_call *call)
{
    const struct vectorizer *p = call->params;
    const struct qn_tensor *keys = &call->in[0]->items[0].tensor, *values = &call->in[0]->items[1].tensor;
    const struct qn_key_table *table = &p->vocabulary;
    size_t key_size = qn_dtype_bytes(keys->dtype);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t n = table->keys.dims[0];

    memset(y->data, 0, (size_t)n * qn_dtype_bytes(y->dtype));
    for (int64_t i = 0, n_entries = qn_tensor_count(keys); i < n_entries; i++) {
        int64_t at = qn_key_table_find(table, (const char *)keys->data + (size_t)i * key_size);

        if (at >= 0)
            copy_element(values, i, y, at);
    }
    /* A word that stands in the vocabulary again has the value of its first place. */
    for (int64_t i = 0; i < n && table->repeated >= 0; i++)
        copy_element(y, qn_key_table_find(table, (const char *)table->keys.data + (size_t)i * key_size), y, i);
    return QN_OK;
}

/* ---- CastMap -------------------------------------------------------------------------------------------------- */

enum cast { TO_FLOAT, TO_STRING, TO_INT64 };
static const char *const casts[] = {"TO_FLOAT", "TO_STRING", "TO_INT64", NULL};
static const enum qn_dtype cast_types[] = {QN_FLOAT, QN_STRING, QN_INT64};

enum form { DENSE, SPARSE };
static const char *const forms[] = {"DENSE", "SPARSE", NULL};

struct cast_map {
    int cast_to, map_form;
    int64_t max_map;
};

static enum qn_status infer_cast_map(struct qn_infer *in, const void *params)
{
    const struct cast_map *p = params;
    const struct qn_fact *map = qn_infer_in(in, 0);
    int64_t n = p->map_form == SPARSE ? p->max_map : QN_DIM_UNKNOWN;

    QN_CHECK(map->key == QN_UNDEFINED || map->key == QN_INT64, in->err, SHAPE, "the map's keys must be int64, not %s",
             qn_dtype_name(map->key));
    QN_CHECK(map->dtype == QN_UNDEFINED || map->dtype == QN_FLOAT || map->dtype == QN_STRING, in->err, SHAPE,
             "the map's values cannot be %s", qn_dtype_name(map->dtype));
    return qn_infer_out(in, 0, cast_types[p->cast_to], &(struct qn_shape){2, {1, n}});
}

/* ---- One value of the map, as the output's type ---- */

static enum qn_status from_text(const struct qn_call *call, struct qn_str text, struct qn_tensor *y, int64_t at)
{
    struct qn_number number;
    int64_t whole;

    if (y->dtype == QN_STRING) {
        ((struct qn_str *)y->data)[at] = text;
        return QN_OK;
    }
    QN_CHECK(qn_number_parse(text, &number), call->err, RANGE, "a value of the map is not a number");
    if (y->dtype == QN_FLOAT) {
        ((float *)y->data)[at] = number.f32;
        return QN_OK;
    }
    qn_convert(QN_DOUBLE, &number.f64, QN_INT64, &whole, 1, (struct qn_convert_options){.saturate = true});
    if (number.integer && number.magnitude <= INT64_MAX)
        whole = number.negative ? -(int64_t)number.magnitude : (int64_t)number.magnitude;
    ((int64_t *)y->data)[at] = whole;
    return QN_OK;
}

static enum qn_status from_number(const struct qn_call *call, float x, struct qn_tensor *y, int64_t at)
{
    char text[64];
    int n;

    switch (y->dtype) {
    case QN_FLOAT:
        ((float *)y->data)[at] = x;
        return QN_OK;
    case QN_INT64:
        qn_convert(QN_FLOAT, &x, QN_INT64, (int64_t *)y->data + at, 1, (struct qn_convert_options){.saturate = true});
        return QN_OK;
    default:
        n = snprintf(text, sizeof(text), "%.6f", (double)x);
        if (isfinite(x))
            text[n - 7] = '.'; /* whatever the process's locale */
        return qn_call_str(call, text, (size_t)n, (struct qn_str *)y->data + at);
    }
}

static enum qn_status cast_entry(const struct qn_call *call, int64_t i, int64_t at)
{
    const struct qn_tensor *values = &call->in[0]->items[1].tensor;

    if (values->dtype == QN_STRING)
        return from_text(call, ((const struct qn_str *)values->data)[i], qn_out(call, 0), at);
    return from_number(call, ((const float *)values->data)[i], qn_out(call, 0), at);
}

/* Every entry at the place its key names; elsewhere the value for what is missing. */
static enum qn_status cast_sparse(const struct qn_call *call, const int64_t *keys, int64_t n, int64_t max_map)
{
    struct qn_tensor *y = qn_out(call, 0);

    if (max_map > 0)
        memset(y->data, 0, (size_t)max_map * qn_dtype_bytes(y->dtype));
    for (int64_t i = 0; y->dtype == QN_STRING && i < max_map; i++)
        ((struct qn_str *)y->data)[i] = (struct qn_str){"0.f", 3};
    for (int64_t i = 0; i < n; i++) {
        QN_CHECK(keys[i] >= 0 && keys[i] < max_map, call->err, RANGE, "key %lld is outside 0..%lld", (long long)keys[i],
                 (long long)max_map - 1);
        QN_TRY(cast_entry(call, i, keys[i]));
    }
    return QN_OK;
}

struct place {
    int64_t key, at;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : (x->at > y->at) - (x->at < y->at);
}

/* Every entry, in the order of the keys. */
static enum qn_status cast_dense(const struct qn_call *call, const int64_t *keys, int64_t n)
{
    struct place *places = qn_call_alloc(call, (size_t)n, sizeof(*places));

    if (!places)
        return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
    for (int64_t i = 0; i < n; i++)
        places[i] = (struct place){keys[i], i};
    qsort(places, (size_t)n, sizeof(*places), by_key);
    for (int64_t i = 0; i < n; i++)
        QN_TRY(cast_entry(call, places[i].at, i));
    return QN_OK;
}

static enum qn_status cast_map_ref(const struct qn_call *call)
{
    const struct cast_map *p = call->params;
    const struct qn_tensor *keys = &call->in[0]->items[0].tensor;
    int64_t n = qn_tensor_count(keys);

    QN_TRY(qn_call_place(call, 0, cast_types[p->cast_to], 2,
                         (const int64_t[]){1, p->map_form == SPARSE ? p->max_map : n}));
    return p->map_form == SPARSE ? cast_sparse(call, keys->data, n, p->max_map) : cast_dense(call, keys->data, n);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel mapper_kernels[] = {{.name = "category_mapper_ref", .run = mapper_ref}, {.name = NULL}};
static const struct qn_kernel vectorizer_kernels[] = {{.name = "dict_vectorizer_ref", .run = vectorizer_ref},
                                                      {.name = NULL}};
static const struct qn_kernel cast_map_kernels[] = {{.name = "cast_map_ref", .run = cast_map_ref}, {.name = NULL}};

#define ROW(op, ...)                                                                                                   \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = 1, .until = QN_NEWEST_ML, .tolerance = QN_EXACT, __VA_ARGS__    \
    }

const struct qn_op qn_ops_category[] = {
    ROW("CategoryMapper", .in = QN_FORMALS(QN_IN("X", '1', QN_BIT(STRING) | QN_BIT(INT64))),
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING) | QN_BIT(INT64))),
        .attrs = QN_ATTRS(QN_INTS_ATTR(mapper, cats_int64s), QN_STRINGS_ATTR(mapper, cats_strings),
                          QN_INT_ATTR(mapper, default_int64, -1), QN_STRING_ATTR(mapper, default_string, "_Unused")),
        QN_PARAMS(mapper), .parse = parse_mapper, .infer = infer_mapper, .kernels = mapper_kernels),
    ROW("DictVectorizer", .in = QN_FORMALS({"X", '1', MAP_VALUES, QN_MAP_KIND}),
        .out = QN_FORMALS(QN_OUT("Y", '2', MAP_VALUES)),
        .attrs = QN_ATTRS(QN_INTS_ATTR(vectorizer, int64_vocabulary), QN_STRINGS_ATTR(vectorizer, string_vocabulary)),
        QN_PARAMS(vectorizer), .flags = QN_KEEPS_VALUES, .parse = parse_vectorizer, .infer = infer_vectorizer,
        .kernels = vectorizer_kernels),
    ROW("CastMap", .in = QN_FORMALS({"X", '1', QN_BIT(STRING) | QN_BIT(FLOAT), QN_MAP_KIND}),
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING) | QN_BIT(FLOAT) | QN_BIT(INT64))),
        .attrs = QN_ATTRS(QN_ENUM_ATTR(cast_map, cast_to, "TO_FLOAT", casts),
                          QN_ENUM_ATTR(cast_map, map_form, "DENSE", forms),
                          QN_INT_ATTR_RANGE(cast_map, max_map, 1, 0, INT64_MAX)),
        QN_PARAMS(cast_map), .flags = QN_KEEPS_VALUES | QN_DATA_DEPENDENT, .infer = infer_cast_map,
        .kernels = cast_map_kernels),
    {.name = NULL},
};
