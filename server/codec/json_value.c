/* json_value.c: values as JSON text; see json_value.h. Nothing recurses: nested values are walked with a small stack,
 * nested arrays by counting. */
#include "server/codec/json_value.h"

#include "server/codec/element.h"

/* ---- elements ---- */

static int unpack(const void *data, size_t index, int n_bits, bool is_signed)
{
    size_t per_byte = 8 / (size_t)n_bits;
    int shift = (int)(index % per_byte) * n_bits;
    int value = ((const uint8_t *)data)[index / per_byte] >> shift & ((1 << n_bits) - 1);

    return is_signed && value >> (n_bits - 1) != 0 ? value - (1 << n_bits) : value;
}

static char *put_bool(char *to, bool value)
{
    const char *text = value ? "true" : "false";

    while (*text != '\0')
        *to++ = *text++;
    return to;
}

/* Rows of one type: `put` writes element i of `data` to `to`. */
#define ROW(name, type, put)                                                                                           \
    static char *row_##name(char *to, const void *bytes, size_t i, size_t end, enum qn_nan_mode nan)                   \
    {                                                                                                                  \
        const type *data = bytes;                                                                                      \
                                                                                                                       \
        (void)nan;                                                                                                     \
        for (; i < end; i++) {                                                                                         \
            to = put;                                                                                                  \
            *to++ = ',';                                                                                               \
        }                                                                                                              \
        return to;                                                                                                     \
    }

ROW(f32, float, qn_print_f32(to, data[i], nan))
ROW(f64, double, qn_print_f64(to, data[i], nan))
ROW(f16, uint16_t, qn_print_f16(to, data[i], nan))
ROW(bf16, uint16_t, qn_print_bf16(to, data[i], nan))
ROW(i8, int8_t, qn_print_i64(to, data[i]))
ROW(u8, uint8_t, qn_print_u64(to, data[i]))
ROW(i16, int16_t, qn_print_i64(to, data[i]))
ROW(u16, uint16_t, qn_print_u64(to, data[i]))
ROW(i32, int32_t, qn_print_i64(to, data[i]))
ROW(u32, uint32_t, qn_print_u64(to, data[i]))
ROW(i64, int64_t, qn_print_i64(to, data[i]))
ROW(u64, uint64_t, qn_print_u64(to, data[i]))
ROW(bool, uint8_t, put_bool(to, data[i] != 0))
ROW(i4, uint8_t, qn_print_i64(to, unpack(data, i, 4, true)))
ROW(u4, uint8_t, qn_print_i64(to, unpack(data, i, 4, false)))
ROW(i2, uint8_t, qn_print_i64(to, unpack(data, i, 2, true)))
ROW(u2, uint8_t, qn_print_i64(to, unpack(data, i, 2, false)))

typedef char *row_writer(char *to, const void *bytes, size_t i, size_t end, enum qn_nan_mode nan);

static row_writer *const writers[QN_N_DTYPE] = {
    [QN_FLOAT] = row_f32, [QN_DOUBLE] = row_f64, [QN_FLOAT16] = row_f16, [QN_BFLOAT16] = row_bf16,
    [QN_INT8] = row_i8,   [QN_UINT8] = row_u8,   [QN_INT16] = row_i16,   [QN_UINT16] = row_u16,
    [QN_INT32] = row_i32, [QN_UINT32] = row_u32, [QN_INT64] = row_i64,   [QN_UINT64] = row_u64,
    [QN_BOOL] = row_bool, [QN_INT4] = row_i4,    [QN_UINT4] = row_u4,    [QN_INT2] = row_i2,
    [QN_UINT2] = row_u2,
};

static bool put_strings(struct qn_buf *out, const struct qn_str *strings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            qn_buf_append(out, ",", 1);
        qn_buf_json_string(out, strings[i].data, strings[i].n);
    }
    return !out->failed;
}

static enum qn_status full(struct qn_err *err) { QN_FAIL(err, LIMIT, "the answer is larger than the server may send"); }

/* A few hundred at a time, so that the room asked for stays small. Each element brings a comma; the last one goes
 * again. */
enum qn_status qn_json_put_elements(struct qn_buf *out, const struct qn_tensor *tensor, size_t first, size_t n,
                                    enum qn_nan_mode nan, const char *name, struct qn_err *err)
{
    enum { STEP = 256 };
    row_writer *writer = (unsigned)tensor->dtype < QN_N_DTYPE ? writers[tensor->dtype] : NULL;

    if (tensor->dtype == QN_STRING)
        return put_strings(out, (const struct qn_str *)tensor->data + first, n) ? QN_OK : full(err);
    QN_CHECK(writer != NULL, err, UNSUPPORTED, "output \"%s\": values of type %s cannot be written as JSON", name,
             qn_dtype_name(tensor->dtype));
    for (size_t i = 0; i < n; i += STEP) {
        size_t end = n - i < STEP ? n : i + STEP;
        char *to = qn_buf_reserve(out, (end - i) * (QN_PRINT_BYTES + 1));

        if (to == NULL)
            return full(err);
        out->n += (size_t)(writer(to, tensor->data, first + i, first + end, nan) - to);
    }
    if (n > 0)
        out->data[--out->n] = '\0';
    return QN_OK;
}

/* ---- tensors ---- */

static void put_repeated(struct qn_buf *out, const char *text, int n)
{
    for (int i = 0; i < n; i++)
        qn_buf_append(out, text, 1);
}

/* An empty tensor: the dims before the first zero are nested, and that one is an empty array. */
static void put_empty(struct qn_buf *out, const struct qn_tensor *tensor)
{
    int64_t index[QN_MAX_RANK] = {0};
    int rank = 0;
    int level;

    while (tensor->dims[rank] != 0)
        rank++;
    put_repeated(out, "[", rank);
    do {
        qn_buf_puts(out, "[]");
        for (level = rank - 1; level >= 0 && ++index[level] == tensor->dims[level]; level--)
            index[level] = 0;
        put_repeated(out, "]", rank - 1 - level);
        if (level >= 0)
            qn_buf_puts(out, ",");
        put_repeated(out, "[", level < 0 ? 0 : rank - 1 - level);
    } while (level >= 0 && !out->failed);
}

static enum qn_status put_tensor(struct qn_buf *out, const struct qn_tensor *tensor, enum qn_nan_mode nan,
                                 const char *name, struct qn_err *err)
{
    int64_t index[QN_MAX_RANK] = {0};
    int rank = tensor->rank;
    size_t n_row = rank == 0 ? 1 : (size_t)tensor->dims[rank - 1];
    size_t n;
    int level;

    QN_CHECK(qn_element_count(rank, tensor->dims, &n), err, INTERNAL, "output \"%s\" has no valid shape", name);
    if (n == 0) {
        put_empty(out, tensor);
        return out->failed ? full(err) : QN_OK;
    }
    put_repeated(out, "[", rank);
    for (size_t first = 0;; first += n_row) {
        QN_TRY(qn_json_put_elements(out, tensor, first, n_row, nan, name, err));
        for (level = rank - 2; level >= 0 && ++index[level] == tensor->dims[level]; level--)
            index[level] = 0;
        if (level < 0)
            break;
        put_repeated(out, "]", rank - 1 - level);
        qn_buf_append(out, ",", 1);
        put_repeated(out, "[", rank - 1 - level);
    }
    put_repeated(out, "]", rank);
    return out->failed ? full(err) : QN_OK;
}

/* ---- maps ---- */

static enum qn_status put_key(struct qn_buf *out, const struct qn_tensor *keys, size_t i, const char *name,
                              struct qn_err *err)
{
    if (keys->dtype == QN_STRING)
        return qn_json_put_elements(out, keys, i, 1, QN_NAN_NULL, name, err);
    qn_buf_append(out, "\"", 1);
    QN_TRY(qn_json_put_elements(out, keys, i, 1, QN_NAN_NULL, name, err));
    qn_buf_append(out, "\"", 1);
    return QN_OK;
}

static enum qn_status put_map(struct qn_buf *out, const struct qn_value *map, enum qn_nan_mode nan, const char *name,
                              struct qn_err *err)
{
    const struct qn_tensor *keys;
    const struct qn_tensor *values;
    size_t n;

    QN_CHECK(map->n == 2 && map->items[0].kind == QN_TENSOR && map->items[1].kind == QN_TENSOR, err, INTERNAL,
             "output \"%s\" holds a malformed map", name);
    keys = &map->items[0].tensor;
    values = &map->items[1].tensor;
    QN_CHECK(qn_element_count(keys->rank, keys->dims, &n), err, INTERNAL, "output \"%s\" has no valid shape", name);
    qn_buf_append(out, "{", 1);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            qn_buf_append(out, ",", 1);
        QN_TRY(put_key(out, keys, i, name, err));
        qn_buf_append(out, ":", 1);
        QN_TRY(qn_json_put_elements(out, values, i, 1, nan, name, err));
    }
    qn_buf_append(out, "}", 1);
    return out->failed ? full(err) : QN_OK;
}

/* ---- values ---- */

enum { MAX_NESTING = 16 };

/* A value that is complete by itself: all but sequences and present optionals. */
static enum qn_status put_leaf(struct qn_buf *out, const struct qn_value *value, enum qn_nan_mode nan, const char *name,
                               struct qn_err *err)
{
    if (value->kind == QN_TENSOR)
        return put_tensor(out, &value->tensor, nan, name, err);
    if (value->kind == QN_MAP)
        return put_map(out, value, nan, name, err);
    qn_buf_puts(out, "null");
    return out->failed ? full(err) : QN_OK;
}

enum qn_status qn_json_put_value(struct qn_buf *out, const struct qn_value *value, enum qn_nan_mode nan,
                                 const char *name, struct qn_err *err)
{
    const struct qn_value *sequences[MAX_NESTING]; /* open ones, */
    size_t indices[MAX_NESTING];                   /* and how many items of each are written */
    int depth = 0;

    for (;;) {
        while (value->kind == QN_OPTIONAL && value->n == 1)
            value = value->items;
        if (value->kind == QN_SEQUENCE) {
            QN_CHECK(depth < MAX_NESTING, err, UNSUPPORTED, "output \"%s\" is nested too deep for JSON", name);
            qn_buf_append(out, "[", 1);
            sequences[depth] = value;
            indices[depth++] = 0;
        } else {
            QN_TRY(put_leaf(out, value, nan, name, err));
        }
        while (depth > 0 && indices[depth - 1] == sequences[depth - 1]->n) {
            qn_buf_append(out, "]", 1);
            depth--;
        }
        if (depth == 0)
            return out->failed ? full(err) : QN_OK;
        if (indices[depth - 1] > 0)
            qn_buf_append(out, ",", 1);
        value = &sequences[depth - 1]->items[indices[depth - 1]++];
    }
}
