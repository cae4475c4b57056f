/* json_number.c: rows of numbers; see json_number.h. One reader per element type, one loop around them made by a macro,
 * so that the compiler sees each pair as a whole. */
#include "server/codec/json_number.h"

#include <math.h>
#include <string.h>

#include "server/codec/decimal.h"

/* ---- one value ---- */

/* Each reader returns the end of the number; on failure NULL, with the reason and place in fault. */
struct fault {
    enum qn_row_end why;
    const char *at;
};

static const char *fail(struct fault *fault, enum qn_row_end why, const char *at)
{
    fault->why = why;
    fault->at = at;
    return NULL;
}

static const char *read_decimal(const char *p, struct decimal *number, struct fault *fault)
{
    fault->why = QN_ROW_SYNTAX;
    return qn_decimal_read(p, number, &fault->at);
}

static inline const char *read_f32(const char *p, float *value, struct fault *fault)
{
    struct decimal number;
    const char *end = read_decimal(p, &number, fault);

    if (end != NULL && !qn_decimal_to_f32(&number, value))
        return fail(fault, QN_ROW_RANGE, p);
    return end;
}

static inline const char *read_f64(const char *p, double *value, struct fault *fault)
{
    struct decimal number;
    const char *end = read_decimal(p, &number, fault);

    if (end != NULL && !qn_decimal_to_f64(&number, value))
        return fail(fault, QN_ROW_RANGE, p);
    return end;
}

static const char *read_16(const char *p, const struct decimal_format *format, uint16_t *value, struct fault *fault)
{
    struct decimal number;
    const char *end = read_decimal(p, &number, fault);
    uint64_t bits;

    if (end == NULL)
        return NULL;
    if (!qn_decimal_round(&number, format, &bits))
        return fail(fault, QN_ROW_RANGE, p);
    *value = (uint16_t)bits;
    return end;
}

static inline const char *read_f16(const char *p, uint16_t *value, struct fault *fault)
{
    return read_16(p, &qn_decimal_f16, value, fault);
}

static inline const char *read_bf16(const char *p, uint16_t *value, struct fault *fault)
{
    return read_16(p, &qn_decimal_bf16, value, fault);
}

/* An integer written with a fraction or an exponent: 3.0, 1e3. */
static const char *read_written_long(const char *p, uint64_t *magnitude, struct fault *fault)
{
    struct decimal number;
    const char *end = read_decimal(p, &number, fault);
    int32_t exponent;

    if (end == NULL)
        return NULL;
    *magnitude = number.digits;
    exponent = number.digits == 0 ? 0 : number.exponent;
    for (; exponent < 0 && *magnitude % 10 == 0; exponent++)
        *magnitude /= 10;
    if (exponent < 0 || number.cut)
        return fail(fault, exponent < 0 ? QN_ROW_FRACTION : QN_ROW_RANGE, p);
    for (; exponent > 0; exponent--)
        if (__builtin_mul_overflow(*magnitude, (uint64_t)10, magnitude))
            return fail(fault, QN_ROW_RANGE, p);
    return end;
}

static inline const char *read_magnitude(const char *p, bool *negative, uint64_t *magnitude, struct fault *fault)
{
    const char *begin = p;
    const char *digits;
    uint64_t value = 0;
    bool overflow = false;

    *negative = *p == '-';
    digits = p += *negative;
    if (*p == '0')
        p++;
    else
        for (unsigned digit; (digit = (unsigned)(*p - '0')) <= 9; p++) {
            overflow |= __builtin_mul_overflow(value, (uint64_t)10, &value);
            overflow |= __builtin_add_overflow(value, (uint64_t)digit, &value);
        }
    if (p == digits || (*digits == '0' && (unsigned)(*p - '0') <= 9))
        return fail(fault, QN_ROW_SYNTAX, p);
    if (*p == '.' || *p == 'e' || *p == 'E')
        return read_written_long(begin, magnitude, fault);
    if (overflow)
        return fail(fault, QN_ROW_RANGE, begin);
    *magnitude = value;
    return p;
}

/* Any integer from min (0 or less) to max. The result is the bits in two's complement. */
static inline const char *read_integer(const char *p, int64_t min, uint64_t max, uint64_t *bits, struct fault *fault)
{
    bool negative;
    uint64_t magnitude;
    const char *end = read_magnitude(p, &negative, &magnitude, fault);

    if (end == NULL)
        return NULL;
    if (magnitude > (negative ? 0 - (uint64_t)min : max))
        return fail(fault, QN_ROW_RANGE, p);
    *bits = negative ? 0 - magnitude : magnitude;
    return end;
}

#define READ_INTEGER(name, type, min, max)                                                                             \
    static inline const char *read_##name(const char *p, type *value, struct fault *fault)                             \
    {                                                                                                                  \
        uint64_t bits = 0;                                                                                             \
        const char *end = read_integer(p, min, max, &bits, fault);                                                     \
                                                                                                                       \
        *value = (type)bits;                                                                                           \
        return end;                                                                                                    \
    }

READ_INTEGER(i8, int8_t, INT8_MIN, INT8_MAX)
READ_INTEGER(u8, uint8_t, 0, UINT8_MAX)
READ_INTEGER(i16, int16_t, INT16_MIN, INT16_MAX)
READ_INTEGER(u16, uint16_t, 0, UINT16_MAX)
READ_INTEGER(i32, int32_t, INT32_MIN, INT32_MAX)
READ_INTEGER(u32, uint32_t, 0, UINT32_MAX)
READ_INTEGER(i64, int64_t, INT64_MIN, INT64_MAX)
READ_INTEGER(u64, uint64_t, 0, UINT64_MAX)

static const char *read_bool(const char *p, uint8_t *value, struct fault *fault)
{
    bool is_true = *p == 't';
    bool negative;
    uint64_t magnitude;
    const char *end;

    if (*p == 't' || *p == 'f') {
        *value = is_true;
        if (strncmp(p, is_true ? "true" : "false", is_true ? 4 : 5) != 0)
            return fail(fault, QN_ROW_SYNTAX, p);
        return p + (is_true ? 4 : 5);
    }
    end = read_magnitude(p, &negative, &magnitude, fault);
    if (end != NULL && magnitude > 1)
        return fail(fault, QN_ROW_FRACTION, p);
    *value = end != NULL && magnitude == 1;
    return end != NULL && negative && magnitude == 1 ? fail(fault, QN_ROW_FRACTION, p) : end;
}

/* ---- one row ---- */

static bool is_number_start(char c) { return (unsigned)(c - '0') <= 9 || c == '-'; }

/* After a value: whether another one follows, with *p moved to it or to what stands there instead. */
static inline bool next_value(const char **p)
{
    *p = qn_json_skip_space(*p);
    if (**p != ',')
        return false;
    *p = qn_json_skip_space(*p + 1);
    return true;
}

static enum qn_row_end end_row(struct qn_row *row, size_t n, const char *end, enum qn_row_end why)
{
    row->n = n;
    row->end = end;
    return why;
}

/* The loop around a reader. `starts` says what a value may begin with, `store` puts value number n into row->data. */
#define ROW(name, type, starts, store)                                                                                 \
    static enum qn_row_end row_##name(const char *p, struct qn_row *row)                                               \
    {                                                                                                                  \
        struct fault fault;                                                                                            \
        size_t n = 0;                                                                                                  \
        type value;                                                                                                    \
                                                                                                                       \
        for (;;) {                                                                                                     \
            const char *end;                                                                                           \
                                                                                                                       \
            if (!(starts))                                                                                             \
                return end_row(row, n, p, QN_ROW_OTHER);                                                               \
            end = read_##name(p, &value, &fault);                                                                      \
            if (end == NULL)                                                                                           \
                return end_row(row, n, fault.at, fault.why);                                                           \
            p = end;                                                                                                   \
            if (row->data != NULL) {                                                                                   \
                store;                                                                                                 \
            }                                                                                                          \
            n++;                                                                                                       \
            if (!next_value(&p))                                                                                       \
                return end_row(row, n, p, QN_ROW_DONE);                                                                \
            if (n == row->max)                                                                                         \
                return end_row(row, n, p, QN_ROW_FULL);                                                                \
        }                                                                                                              \
    }

#define PLAIN_ROW(name, type) ROW(name, type, is_number_start(*p), ((type *)row->data)[row->first + n] = value)

PLAIN_ROW(f32, float)
PLAIN_ROW(f64, double)
PLAIN_ROW(f16, uint16_t)
PLAIN_ROW(bf16, uint16_t)
PLAIN_ROW(i8, int8_t)
PLAIN_ROW(u8, uint8_t)
PLAIN_ROW(i16, int16_t)
PLAIN_ROW(u16, uint16_t)
PLAIN_ROW(i32, int32_t)
PLAIN_ROW(u32, uint32_t)
PLAIN_ROW(i64, int64_t)
PLAIN_ROW(u64, uint64_t)
ROW(bool, uint8_t, is_number_start(*p) || *p == 't' || *p == 'f', ((uint8_t *)row->data)[row->first + n] = value)

/* Elements of 4 or 2 bits: the first of a byte lies lowest, and clears the rest of the byte. */
static void store_packed(void *data, size_t index, int n_bits, uint8_t value)
{
    int per_byte = 8 / n_bits;
    int shift = (int)(index % (size_t)per_byte) * n_bits;
    uint8_t *byte = (uint8_t *)data + index / (size_t)per_byte;

    value = (uint8_t)((value & ((1 << n_bits) - 1)) << shift);
    *byte = shift == 0 ? value : (uint8_t)(*byte | value);
}

#define PACKED_ROW(name, type, min, max, n_bits)                                                                       \
    READ_INTEGER(name, type, min, max)                                                                                 \
    ROW(name, type, is_number_start(*p), store_packed(row->data, row->first + n, n_bits, (uint8_t)value))

PACKED_ROW(i4, int8_t, -8, 7, 4)
PACKED_ROW(u4, uint8_t, 0, 15, 4)
PACKED_ROW(i2, int8_t, -2, 1, 2)
PACKED_ROW(u2, uint8_t, 0, 3, 2)

typedef enum qn_row_end row_reader(const char *text, struct qn_row *row);

static row_reader *const readers[QN_N_DTYPE] = {
    [QN_FLOAT] = row_f32, [QN_DOUBLE] = row_f64, [QN_FLOAT16] = row_f16, [QN_BFLOAT16] = row_bf16,
    [QN_INT8] = row_i8,   [QN_UINT8] = row_u8,   [QN_INT16] = row_i16,   [QN_UINT16] = row_u16,
    [QN_INT32] = row_i32, [QN_UINT32] = row_u32, [QN_INT64] = row_i64,   [QN_UINT64] = row_u64,
    [QN_BOOL] = row_bool, [QN_INT4] = row_i4,    [QN_UINT4] = row_u4,    [QN_INT2] = row_i2,
    [QN_UINT2] = row_u2,
};

bool qn_row_supports(enum qn_dtype dtype) { return (unsigned)dtype < QN_N_DTYPE && readers[dtype] != NULL; }

/* ---- NaN and infinities ---- */

/* The token at p, if it is one of the three: its value and length, else 0. */
static size_t non_finite_token(const char *p, double *value)
{
    if (strncmp(p, "NaN", 3) == 0) {
        *value = (double)NAN;
        return 3;
    }
    *value = *p == '-' ? -(double)INFINITY : (double)INFINITY;
    p += *p == '-';
    return strncmp(p, "Infinity", 8) != 0 ? 0 : signbit(*value) ? 9 : 8;
}

static bool store_non_finite(const struct qn_row *row, size_t index, double value)
{
    uint16_t high = (uint16_t)(signbit(value) ? 0x8000 : 0);

    if (row->data == NULL)
        return row->dtype == QN_FLOAT || row->dtype == QN_DOUBLE || row->dtype == QN_FLOAT16 ||
               row->dtype == QN_BFLOAT16;
    index += row->first;
    switch (row->dtype) {
    case QN_FLOAT:
        ((float *)row->data)[index] = (float)value;
        return true;
    case QN_DOUBLE:
        ((double *)row->data)[index] = value;
        return true;
    case QN_FLOAT16:
        ((uint16_t *)row->data)[index] = (uint16_t)(high | (isnan(value) ? 0x7e00 : 0x7c00));
        return true;
    case QN_BFLOAT16:
        ((uint16_t *)row->data)[index] = (uint16_t)(high | (isnan(value) ? 0x7fc0 : 0x7f80));
        return true;
    default:
        return false;
    }
}

/* The plain reader stops at such a token; it is stored here and the plain reader goes on behind it. */
static enum qn_row_end read_with_tokens(const char *p, struct qn_row *row)
{
    struct qn_row part = *row;
    size_t n = 0;

    for (;;) {
        enum qn_row_end end;
        double value;
        size_t n_token;

        part.first = row->first + n;
        part.max = row->max - n;
        end = readers[row->dtype](p, &part);
        n += part.n;
        p = part.end;
        /* "-Infinity" begins like a number, and fails behind the sign. */
        if (end == QN_ROW_SYNTAX && p[-1] == '-')
            p--;
        n_token = end == QN_ROW_OTHER || end == QN_ROW_SYNTAX ? non_finite_token(p, &value) : 0;
        part.first = row->first;
        if (n_token == 0 || !store_non_finite(&part, n, value))
            return end_row(row, n, part.end, end);
        n++;
        p += n_token;
        if (!next_value(&p))
            return end_row(row, n, p, QN_ROW_DONE);
        if (n == row->max)
            return end_row(row, n, p, QN_ROW_FULL);
    }
}

enum qn_row_end qn_row_read(const char *text, struct qn_row *row)
{
    return row->non_finite ? read_with_tokens(text, row) : readers[row->dtype](text, row);
}

const char *qn_row_before_comma(const struct qn_row *row, enum qn_row_end end)
{
    const char *p = row->end;

    if (end == QN_ROW_FULL)
        while (*p != ',')
            p--;
    return p;
}
