/* optext.c: the text forms of values and attributes that operator tests are written in. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opcase.h"
#include "tensor/convert.h"

struct reader {
    const char *at;
    struct qn_arena *arena;
    bool failed;
};

static bool wrong(struct reader *r, const char *why)
{
    if (!r->failed)
        print_error("test text: %s at '%.30s'\n", why, r->at);
    r->failed = true;
    return false;
}

static void blanks(struct reader *r)
{
    while (isspace((unsigned char)*r->at) || *r->at == ',')
        r->at++;
}

static bool take(struct reader *r, const char *token)
{
    blanks(r);
    if (strncmp(r->at, token, strlen(token)) != 0)
        return false;
    r->at += strlen(token);
    return true;
}

static const struct {
    const char *text;
    enum qn_dtype dtype;
} short_names[] = {
    {"f32", QN_FLOAT},
    {"f64", QN_DOUBLE},
    {"f16", QN_FLOAT16},
    {"bf16", QN_BFLOAT16},
    {"i8", QN_INT8},
    {"i16", QN_INT16},
    {"i32", QN_INT32},
    {"i64", QN_INT64},
    {"u8", QN_UINT8},
    {"u16", QN_UINT16},
    {"u32", QN_UINT32},
    {"u64", QN_UINT64},
    {"bool", QN_BOOL},
    {"str", QN_STRING},
    {"i4", QN_INT4},
    {"u4", QN_UINT4},
    {"i2", QN_INT2},
    {"u2", QN_UINT2},
    {"c64", QN_COMPLEX64},
    {"c128", QN_COMPLEX128},
    {"f8e4m3fn", QN_FLOAT8E4M3FN},
    {"f8e5m2", QN_FLOAT8E5M2},
    {"f8e4m3fnuz", QN_FLOAT8E4M3FNUZ},
    {"f8e5m2fnuz", QN_FLOAT8E5M2FNUZ},
    {"f4e2m1", QN_FLOAT4E2M1},
    {"f8e8m0", QN_FLOAT8E8M0},
};

static enum qn_dtype read_dtype(struct reader *r)
{
    char word[16] = {0};
    size_t n = 0;

    blanks(r);
    while (isalnum((unsigned char)r->at[n]) && n < sizeof(word) - 1)
        n++;
    memcpy(word, r->at, n);
    for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++) {
        if (strcmp(short_names[i].text, word) == 0) {
            r->at += n;
            return short_names[i].dtype;
        }
    }
    wrong(r, "unknown element type");
    return QN_UNDEFINED;
}

static struct qn_str read_string(struct reader *r)
{
    const char *begin = r->at + 1, *end;

    if (*r->at != '\'' || !(end = strchr(begin, '\''))) {
        wrong(r, "'text' expected");
        return (struct qn_str){"", 0};
    }
    r->at = end + 1;
    return (struct qn_str){qn_arena_strndup(r->arena, begin, (size_t)(end - begin)), (size_t)(end - begin)};
}

static double read_number(struct reader *r)
{
    char *end;
    double x = strtod(r->at, &end);

    if (end == r->at)
        wrong(r, "number expected");
    r->at = end;
    return x;
}

static void read_element(struct reader *r, struct qn_tensor *t, int64_t i)
{
    blanks(r);
    if (t->dtype == QN_STRING) {
        ((struct qn_str *)t->data)[i] = read_string(r);
    } else if (t->dtype == QN_COMPLEX64) {
        ((float *)t->data)[2 * i] = (float)read_number(r);
        blanks(r);
        ((float *)t->data)[2 * i + 1] = (float)read_number(r);
    } else if (t->dtype == QN_COMPLEX128) {
        ((double *)t->data)[2 * i] = read_number(r);
        blanks(r);
        ((double *)t->data)[2 * i + 1] = read_number(r);
    } else if (t->dtype == QN_UINT64) {
        char *end;

        ((uint64_t *)t->data)[i] = strtoull(r->at, &end, 10);
        r->at = end;
    } else if (qn_dtype_is_integer(t->dtype)) {
        char *end;
        long long x = strtoll(r->at, &end, 10);

        if (end == r->at)
            wrong(r, "integer expected");
        r->at = end;
        qn_tensor_set_int(t, i, x);
    } else {
        qn_tensor_set_double(t, i, read_number(r));
    }
}

static void repeat_last(struct qn_tensor *t, int64_t i)
{
    size_t size = qn_dtype_bytes(t->dtype);

    if (size)
        memcpy((char *)t->data + (size_t)i * size, (char *)t->data + (size_t)(i - 1) * size, size);
    else
        qn_tensor_set_int(t, i, qn_tensor_int(t, i - 1));
}

static bool read_tensor(struct reader *r, struct qn_tensor *t)
{
    enum qn_dtype dtype = read_dtype(r);
    struct qn_shape shape = QN_SHAPE_SCALAR;
    bool filling = false;

    if (r->failed || !take(r, "["))
        return wrong(r, "[dims] expected");
    while (!take(r, "]")) {
        if (shape.rank == QN_MAX_RANK || !*r->at)
            return wrong(r, "dims expected");
        shape.dims[shape.rank++] = (int64_t)read_number(r);
    }
    if (qn_tensor_create(r->arena, dtype, &shape, t, NULL) != QN_OK)
        return wrong(r, "the tensor is too large");
    for (int64_t i = 0, n = qn_tensor_count(t); i < n && !r->failed; i++) {
        if (i && (filling = filling || take(r, "...")))
            repeat_last(t, i);
        else
            read_element(r, t, i);
    }
    take(r, "...");
    return !r->failed;
}

static bool read_value(struct reader *r, struct qn_value *value);

static bool read_items(struct reader *r, struct qn_value *value)
{
    struct qn_value *items = qn_arena_array(r->arena, 64, sizeof(*items));

    if (!take(r, "["))
        return wrong(r, "[ expected");
    value->items = items;
    while (!take(r, "]")) {
        if (value->n == 64 || !read_value(r, &items[value->n++]))
            return false;
        take(r, ";");
    }
    return true;
}

static bool read_value(struct reader *r, struct qn_value *value)
{
    memset(value, 0, sizeof(*value));
    if (take(r, "map")) {
        value->kind = QN_MAP;
        return read_items(r, value);
    }
    if (take(r, "seq(") || take(r, "opt(")) {
        value->kind = r->at[-4] == 's' ? QN_SEQUENCE : QN_OPTIONAL;
        value->tensor.dtype = take(r, "map") || take(r, "seq") ? QN_UNDEFINED : read_dtype(r);
        if (!take(r, ")"))
            return wrong(r, ") expected");
        return read_items(r, value);
    }
    value->kind = QN_TENSOR;
    return read_tensor(r, &value->tensor);
}

bool qn_parse_value(struct qn_arena *arena, const char *text, struct qn_value *value)
{
    struct reader r = {text, arena, false};

    if (!read_value(&r, value))
        return false;
    blanks(&r);
    return *r.at ? wrong(&r, "nothing more expected") : true;
}

/* ---- Attributes ----------------------------------------------------------------------------------------------- */

static bool is_float(const char *at, const char *stop)
{
    for (; *at && !strchr(stop, *at); at++)
        if (*at == '.' || *at == 'e' || strncmp(at, "inf", 3) == 0 || strncmp(at, "nan", 3) == 0)
            return true;
    return false;
}

static bool read_list(struct reader *r, struct qn_attr_value *attr)
{
    float *floats = qn_arena_array(r->arena, 64, sizeof(*floats));
    int64_t *ints = qn_arena_array(r->arena, 64, sizeof(*ints));
    struct qn_str *strings = qn_arena_array(r->arena, 64, sizeof(*strings));

    attr->kind = is_float(r->at, "]") && !strchr(r->at, '\'') ? QN_ATTR_FLOATS : QN_ATTR_INTS;
    attr->floats = floats;
    attr->ints = ints;
    attr->strings = strings;
    while (!take(r, "]")) {
        if (attr->n == 64 || !*r->at || r->failed)
            return wrong(r, "] expected");
        if (*r->at == '\'') {
            attr->kind = QN_ATTR_STRINGS;
            strings[attr->n++] = read_string(r);
        } else if (attr->kind == QN_ATTR_FLOATS) {
            floats[attr->n++] = (float)read_number(r);
        } else {
            ints[attr->n++] = (int64_t)read_number(r);
        }
    }
    return true;
}

static bool read_tensor_attr(struct reader *r, struct qn_attr_value *attr)
{
    struct qn_tensor *tensor = qn_arena_alloc(r->arena, sizeof(*tensor));

    attr->kind = QN_ATTR_TENSOR;
    attr->t = tensor;
    return read_tensor(r, tensor) && (take(r, ">") || wrong(r, "> expected"));
}

static bool read_attr(struct reader *r, struct qn_attr_value *attr)
{
    const char *equals = strchr(r->at, '=');

    if (!equals)
        return wrong(r, "name=value expected");
    attr->name = qn_arena_strndup(r->arena, r->at, (size_t)(equals - r->at));
    r->at = equals + 1;
    attr->n = 1;
    if (take(r, "[")) {
        attr->n = 0;
        return read_list(r, attr);
    }
    if (take(r, "<"))
        return read_tensor_attr(r, attr);
    if (*r->at == '\'') {
        attr->kind = QN_ATTR_STRING;
        attr->s = read_string(r);
    } else if (is_float(r->at, " ")) {
        attr->kind = QN_ATTR_FLOAT;
        attr->f = (float)read_number(r);
    } else {
        char *end;

        attr->kind = QN_ATTR_INT;
        attr->i = strtoll(r->at, &end, 10);
        r->at = end;
    }
    return !r->failed;
}

bool qn_parse_attrs(struct qn_arena *arena, const char *text, struct qn_attr_value **attrs, size_t *n_attrs)
{
    struct reader r = {text, arena, false};

    *attrs = qn_arena_array(arena, 32, sizeof(**attrs));
    *n_attrs = 0;
    for (blanks(&r); *r.at; blanks(&r))
        if (*n_attrs == 32 || !read_attr(&r, &(*attrs)[(*n_attrs)++]))
            return false;
    return true;
}
