/* cast.c: Cast, CastLike: between all real types, and strings both ways.
 * Numbers convert as tensor/convert.h has it. Texts are read strictly: what is no number is an error, and an integer
 * that the target cannot hold is one too; a text with a fraction given to an integer type is truncated and saturates.
 * BOOL also reads "true" and "false". Floats print shortest, as NumPy does; BOOL prints "True" and "False". A Cast to
 * the type the input has copies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "ops/number_text.h"
#include "tensor/convert.h"

struct cast {
    enum qn_dtype to; /* UNDEFINED: the type of input 1 */
    int to_name;      /* of version 1: index in type_names */
    bool by_name;
    bool saturate;
    int round_mode; /* index in round_modes */
};

static const char *const round_modes[] = {"up", "down", "nearest", NULL};

static const char *const type_names[] = {"FLOAT", "FLOAT16", "DOUBLE", "INT8",   "INT16", "INT32", "INT64",
                                         "UINT8", "UINT16",  "UINT32", "UINT64", "BOOL",  NULL};
static const enum qn_dtype named_types[] = {QN_FLOAT, QN_FLOAT16, QN_DOUBLE, QN_INT8,   QN_INT16,  QN_INT32,
                                            QN_INT64, QN_UINT8,   QN_UINT16, QN_UINT32, QN_UINT64, QN_BOOL};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct cast *p = params;

    (void)arena;
    if (p->by_name)
        p->to = named_types[p->to_name];
    QN_CHECK(qn_dtypes_have(node->op->out[0].types, p->to), err, FORMAT, "version %d does not cast to %s",
             node->op->since, qn_dtype_name(p->to));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct cast *p = params;

    return qn_infer_out(in, 0, p->to != QN_UNDEFINED ? p->to : in->in[1]->dtype, &in->in[0]->shape);
}

/* ---- Numbers -------------------------------------------------------------------------------------------------- */

struct job {
    enum qn_dtype from, to;
    const char *src;
    char *dst;
    int64_t n;
    struct qn_convert_options options;
};

/* float32 from and to its two halves has functions in the kernel table. */
static void convert(const struct job *j, const void *src, void *dst, int64_t n)
{
    const struct qn_kern *kern = qn_kern();

    if (j->from == QN_FLOAT16 && j->to == QN_FLOAT)
        kern->f16_to_f32(dst, src, (size_t)n);
    else if (j->from == QN_FLOAT && j->to == QN_FLOAT16)
        kern->f32_to_f16(dst, src, (size_t)n);
    else if (j->from == QN_BFLOAT16 && j->to == QN_FLOAT)
        kern->bf16_to_f32(dst, src, (size_t)n);
    else if (j->from == QN_FLOAT && j->to == QN_BFLOAT16)
        kern->f32_to_bf16(dst, src, (size_t)n);
    else
        qn_convert(j->from, src, j->to, dst, n, j->options);
}

static void convert_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    /* Whole bytes of packed types, and whole cache lines of the others. */
    qn_pool_slice(j->n, 256, part, n_parts, &begin, &end);
    if (begin < end)
        convert(j, j->src + qn_dtype_span(j->from, begin), j->dst + qn_dtype_span(j->to, begin), end - begin);
}

static const char *accept_numbers(const struct qn_site *site)
{
    return site->in[0]->dtype == QN_STRING || site->out[0]->dtype == QN_STRING ? "strings" : NULL;
}

static const char *accept_strings(const struct qn_site *site) { return accept_numbers(site) ? NULL : "numbers"; }

static struct qn_convert_options options_of(const struct qn_call *call)
{
    const struct cast *p = call->params;

    return (struct qn_convert_options){.saturate = p->saturate, .round_mode = "udn"[p->round_mode]};
}

static enum qn_status cast_numbers(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    struct job job = {x->dtype, y->dtype, x->data, y->data, qn_tensor_count(x), options_of(call)};

    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.n, 1), convert_part, &job);
    return QN_OK;
}

/* ---- Strings -------------------------------------------------------------------------------------------------- */

/* Element i by itself, at bytes; packed types become the first of their byte. */
static void load_one(const struct qn_tensor *x, int64_t i, unsigned char bytes[16])
{
    size_t size = qn_dtype_bytes(x->dtype);

    if (size)
        memcpy(bytes, (const char *)x->data + (size_t)i * size, size);
    else
        bytes[0] = qn_packed_get(x->data, i, qn_dtype_bits(x->dtype));
}

static void store_one(struct qn_tensor *y, int64_t i, const unsigned char bytes[16])
{
    size_t size = qn_dtype_bytes(y->dtype);

    if (size)
        memcpy((char *)y->data + (size_t)i * size, bytes, size);
    else
        qn_packed_set(y->data, i, qn_dtype_bits(y->dtype), bytes[0]);
}

static size_t print_one(const struct qn_tensor *x, int64_t i, char text[QN_NUMBER_TEXT])
{
    unsigned char bytes[16] = {0};
    uint64_t u64;
    int64_t i64;
    double f64;

    load_one(x, i, bytes);
    if (x->dtype == QN_BOOL)
        return (size_t)snprintf(text, QN_NUMBER_TEXT, "%s", bytes[0] ? "True" : "False");
    if (qn_dtype_is_float(x->dtype)) {
        qn_convert(x->dtype, bytes, QN_DOUBLE, &f64, 1, (struct qn_convert_options){0});
        return qn_number_print(text, x->dtype, f64);
    }
    if (x->dtype == QN_UINT64) {
        memcpy(&u64, bytes, sizeof(u64));
        return (size_t)snprintf(text, QN_NUMBER_TEXT, "%" PRIu64, u64);
    }
    qn_convert(x->dtype, bytes, QN_INT64, &i64, 1, (struct qn_convert_options){0});
    return (size_t)snprintf(text, QN_NUMBER_TEXT, "%" PRId64, i64);
}

static bool equals(struct qn_str text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.data, word, text.n) == 0;
}

/* Whether an integer of so many bits, signed or not, can be the number. */
static bool fits(enum qn_dtype dtype, const struct qn_number *number)
{
    int bits = qn_dtype_bits(dtype);
    bool is_signed = qn_dtypes_have(QN_SIGNED | QN_BIT(INT4) | QN_BIT(INT2), dtype);
    uint64_t most = UINT64_MAX >> (64 - bits + is_signed);

    return number->negative ? number->magnitude <= (is_signed ? most + 1 : 0) : number->magnitude <= most;
}

static enum qn_status read_one(const struct qn_call *call, struct qn_str text, int64_t i)
{
    struct qn_tensor *y = qn_out(call, 0);
    unsigned char bytes[16] = {0};
    struct qn_number number = {0};
    const char *shown = text.n > 0 ? text.data : "";
    int n_shown = (int)(text.n < 40 ? text.n : 40);

    if (y->dtype == QN_BOOL && (equals(text, "true") || equals(text, "false"))) {
        number.f64 = equals(text, "true");
    } else {
        QN_CHECK(qn_number_parse(text, &number), call->err, RANGE, "'%.*s' is not a number", n_shown, shown);
    }
    if (qn_dtype_is_integer(y->dtype) && number.integer) {
        int64_t value = (int64_t)(number.negative ? -number.magnitude : number.magnitude);

        QN_CHECK(fits(y->dtype, &number), call->err, RANGE, "'%.*s' is outside %s", n_shown, shown,
                 qn_dtype_name(y->dtype));
        qn_convert(QN_INT64, &value, y->dtype, bytes, 1, options_of(call));
    } else if (y->dtype == QN_FLOAT) {
        memcpy(bytes, &number.f32, sizeof(number.f32));
    } else {
        qn_convert(QN_DOUBLE, &number.f64, y->dtype, bytes, 1, options_of(call));
    }
    store_one(y, i, bytes);
    return QN_OK;
}

static enum qn_status cast_strings(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    const struct qn_str *from = x->data;

    if (qn_dtype_bytes(y->dtype) == 0) /* the padding of packed types */
        memset(y->data, 0, qn_tensor_bytes(y));
    for (int64_t i = 0, n = qn_tensor_count(x); i < n; i++) {
        char text[QN_NUMBER_TEXT];

        if (y->dtype != QN_STRING)
            QN_TRY(read_one(call, from[i], i));
        else if (x->dtype == QN_STRING)
            QN_TRY(qn_call_str(call, from[i].data, from[i].n, (struct qn_str *)y->data + i));
        else
            QN_TRY(qn_call_str(call, text, print_one(x, i, text), (struct qn_str *)y->data + i));
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "cast_numbers", .accept = accept_numbers, .run = cast_numbers},
    {.name = "cast_strings", .accept = accept_strings, .run = cast_strings},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define TYPES_1  (QN_FLOATS_STD | QN_INTS | QN_BIT(BOOL))
#define TYPES_9  (TYPES_1 | QN_BIT(STRING))
#define TYPES_13 (TYPES_9 | QN_BIT(BFLOAT16))
#define TYPES_19 (TYPES_13 | QN_FLOAT8S)
#define TYPES_21 (TYPES_19 | QN_INT4S)
#define TYPES_23 (TYPES_21 | QN_BIT(FLOAT4E2M1))
#define TYPES_24 (TYPES_23 | QN_BIT(FLOAT8E8M0))
#define TYPES_25 (TYPES_24 | QN_INT2S)

#define TO                                                                                                             \
    {                                                                                                                  \
        .name = "to", .form = QN_FORM_DTYPE, .offset = QN_ATTR_FIELD(cast, to), .required = true                       \
    }
#define TO_BY_NAME                                                                                                     \
    {                                                                                                                  \
        .name = "to", .form = QN_FORM_ENUM, .offset = QN_ATTR_FIELD(cast, to_name), .required = true,                  \
        .choices = type_names                                                                                          \
    }
#define SATURATE   QN_BOOL_ATTR(cast, saturate, 1)
#define ROUND_MODE QN_ENUM_ATTR(cast, round_mode, "up", round_modes)
#define NO_ATTRS   QN_ATTRS({.name = NULL})

#define COMMON(first, last)                                                                                            \
    .domain = "", .since = (first), .until = (last), .flags = QN_CONVERTS, .infer = infer, .kernels = kernels,         \
    .tolerance = QN_EXACT
#define CAST(first, last, type_set, attr_list, named)                                                                  \
    {                                                                                                                  \
        .name = "Cast", COMMON(first, last), .in = QN_FORMALS(QN_IN("input", '1', type_set)),                          \
        .out = QN_FORMALS(QN_OUT("output", '2', type_set)), .attrs = attr_list, .parse = parse,                        \
        QN_PRESET(cast, .saturate = true, .by_name = (named))                                                          \
    }
#define CAST_LIKE(first, last, type_set, attr_list)                                                                    \
    {                                                                                                                  \
        .name = "CastLike", COMMON(first, last),                                                                       \
        .in = QN_FORMALS(QN_IN("input", '1', type_set), QN_IN("target_type", '2', type_set)),                          \
        .out = QN_FORMALS(QN_OUT("output", '2', type_set)), .attrs = attr_list, QN_PRESET(cast, .saturate = true)      \
    }

const struct qn_op qn_ops_cast[] = {
    CAST(1, 5, TYPES_1, QN_ATTRS(TO_BY_NAME), true),
    CAST(6, 8, TYPES_1, QN_ATTRS(TO), false),
    CAST(9, 12, TYPES_9, QN_ATTRS(TO), false),
    CAST(13, 18, TYPES_13, QN_ATTRS(TO), false),
    CAST(19, 20, TYPES_19, QN_ATTRS(TO, SATURATE), false),
    CAST(21, 22, TYPES_21, QN_ATTRS(TO, SATURATE), false),
    CAST(23, 23, TYPES_23, QN_ATTRS(TO, SATURATE), false),
    CAST(24, 24, TYPES_24, QN_ATTRS(TO, SATURATE, ROUND_MODE), false),
    CAST(25, 27, TYPES_25, QN_ATTRS(TO, SATURATE, ROUND_MODE), false),
    CAST_LIKE(15, 18, TYPES_13, NO_ATTRS),
    CAST_LIKE(19, 20, TYPES_19, QN_ATTRS(SATURATE)),
    CAST_LIKE(21, 22, TYPES_21, QN_ATTRS(SATURATE)),
    CAST_LIKE(23, 23, TYPES_23, QN_ATTRS(SATURATE)),
    CAST_LIKE(24, 24, TYPES_24, QN_ATTRS(SATURATE, ROUND_MODE)),
    CAST_LIKE(25, 27, TYPES_25, QN_ATTRS(SATURATE, ROUND_MODE)),
    {.name = NULL},
};
