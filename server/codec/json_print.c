/* json_print.c: shortest printing of numbers; see json_print.h.
 *
 * The algorithm is Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020): scale the number and
 * the two ends of its rounding interval by a power of ten, so that at most two candidates of each length remain, and
 * take the shorter one inside the interval, the nearer one when both or none are. Scaling rounds to odd, which keeps
 * every comparison exact. The powers are those of the reader. */
#include "server/codec/json_print.h"

#include <stdbool.h>
#include <string.h>

#include "server/codec/pow10_table.h"
#include "server/codec/wide.h"

/* A finite number above zero: significand * 2^exponent. */
struct binary {
    uint64_t significand;
    int exponent;
    bool lower_is_closer; /* a power of two: the next number below is half as far as the one above */
};

/* digits * 10^exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

/* floor(log10(2^e)), or of 3/4 of it, for |e| <= 1500. */
static int floor_log10_pow2(int e, bool three_quarters) { return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22; }

/* ---- digits ---- */

/* The scaled significands are four times too large, so that halves and quarters are whole. */
struct scaled {
    uint64_t lower; /* of the interval, inclusive */
    uint64_t value;
    uint64_t upper; /* inclusive */
};

static inline struct shortest choose(struct scaled s, int exponent)
{
    uint64_t floor = s.value / 4;
    uint64_t middle = 4 * floor + 2;
    bool down;
    bool up;

    if (floor >= 10) {
        uint64_t tens = floor / 10;

        down = s.lower <= 40 * tens;
        up = 40 * tens + 40 <= s.upper;
        if (down != up)
            return (struct shortest){tens + up, exponent + 1};
    }
    down = s.lower <= 4 * floor;
    up = 4 * floor + 4 <= s.upper;
    if (down == up)
        up = s.value > middle || (s.value == middle && (floor & 1) != 0);
    return (struct shortest){floor + up, exponent};
}

/* Both ends belong to the interval when the significand is even, for then ties round to it. */
static inline struct scaled with_ends(struct scaled s, bool is_even)
{
    s.lower += !is_even;
    s.upper -= !is_even;
    return s;
}

/* The power of ten rounded up to 64 bits, times a number below 2^32: bits 64 and up, the last one odd if anything is
 * below. */
static inline uint64_t scale_32(uint64_t power, uint64_t number)
{
    struct wide product = wide_mul(power, number);

    return product.high | (product.low >> 32 > 1);
}

/* For significands of at most 24 bits. */
static inline struct shortest shortest_32(const struct binary *b)
{
    uint64_t c = b->significand;
    int exponent = floor_log10_pow2(b->exponent, b->lower_is_closer);
    int shift = b->exponent + floor_log2_pow10(-exponent) + 1;
    const uint64_t *row = pow10_bits[-exponent - POW10_MIN];
    uint64_t power = row[0] + (row[1] != 0);
    struct scaled s;

    s.lower = scale_32(power, (4 * c - 2 + b->lower_is_closer) << shift);
    s.value = scale_32(power, (4 * c) << shift);
    s.upper = scale_32(power, (4 * c + 2) << shift);
    return choose(with_ends(s, (c & 1) == 0), exponent);
}

/* The same with 128 bits of the power, for numbers below 2^64. */
static inline uint64_t scale_64(struct wide power, uint64_t number)
{
    uint64_t carry = wide_mul(power.low, number).high;
    struct wide product = wide_mul(power.high, number);

    product.low += carry;
    product.high += product.low < carry;
    return product.high | (product.low > 1);
}

/* For significands of at most 53 bits. */
static inline struct shortest shortest_64(const struct binary *b)
{
    uint64_t c = b->significand;
    int exponent = floor_log10_pow2(b->exponent, b->lower_is_closer);
    int shift = b->exponent + floor_log2_pow10(-exponent) + 1;
    const uint64_t *row = pow10_bits[-exponent - POW10_MIN];
    bool is_exact = -exponent >= 0 && -exponent <= 55;
    struct wide power = {row[0], row[1] + !is_exact};
    struct scaled s;

    power.high += power.low < row[1];
    s.lower = scale_64(power, (4 * c - 2 + b->lower_is_closer) << shift);
    s.value = scale_64(power, (4 * c) << shift);
    s.upper = scale_64(power, (4 * c + 2) << shift);
    return choose(with_ends(s, (c & 1) == 0), exponent);
}

/* ---- text ---- */

static const uint64_t powers[20] = {0,
                                    UINT64_C(10),
                                    UINT64_C(100),
                                    UINT64_C(1000),
                                    UINT64_C(10000),
                                    UINT64_C(100000),
                                    UINT64_C(1000000),
                                    UINT64_C(10000000),
                                    UINT64_C(100000000),
                                    UINT64_C(1000000000),
                                    UINT64_C(10000000000),
                                    UINT64_C(100000000000),
                                    UINT64_C(1000000000000),
                                    UINT64_C(10000000000000),
                                    UINT64_C(100000000000000),
                                    UINT64_C(1000000000000000),
                                    UINT64_C(10000000000000000),
                                    UINT64_C(100000000000000000),
                                    UINT64_C(1000000000000000000),
                                    UINT64_C(10000000000000000000)};

/* Decimal digits of value; 1 for 0. 1233/4096 is just below log10(2). */
static inline int count_digits(uint64_t value)
{
    int n = (64 - __builtin_clzll(value | 1)) * 1233 >> 12;

    return n + (value >= powers[n]);
}

/* The eight digits of value < 10^8 as bytes 0 to 9, the first one lowest: split into fours, pairs, single digits. */
static inline uint64_t split_8(uint32_t value)
{
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fu;
    uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = (pairs * 103 >> 10) & 0x000f000f000f000fu;

    return tens | (pairs - 10 * tens) << 8;
}

static inline void put_8(char *to, uint64_t split)
{
    split |= 0x3030303030303030u;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(to, &split, sizeof(split));
#else
    for (int i = 0; i < 8; i++)
        to[i] = (char)(split >> 8 * i);
#endif
}

/* Zeros at the end of the eight digits. */
static inline int trailing_zeros(uint64_t split) { return split == 0 ? 8 : __builtin_clzll(split) / 8; }

/* Up to 17 digits, the first not zero unless all are: one, eight, eight. They stay in registers until they are put
 * where they belong, for reading back what was just written in pieces is slow. */
struct digits {
    char first;
    uint64_t high;
    uint64_t low;
    int n;     /* up to the last one that is not zero */
    int point; /* digits before the decimal point; may be below 0 or above n */
};

/* At most 9 digits. */
static inline struct digits split_short(struct shortest s)
{
    int n = count_digits(s.digits);
    uint32_t value = (uint32_t)s.digits * (n == 9 ? 1 : (uint32_t)powers[9 - n]);
    uint64_t high = split_8(value % 100000000);

    return (struct digits){(char)('0' + value / 100000000), high, 0, 9 - trailing_zeros(high), n + s.exponent};
}

/* At most 17 digits. */
static inline struct digits split_long(struct shortest s)
{
    int n = count_digits(s.digits);
    uint64_t value = s.digits * (n == 17 ? 1 : powers[17 - n]);
    uint64_t rest = value % UINT64_C(10000000000000000);
    uint64_t high = split_8((uint32_t)(rest / 100000000));
    uint64_t low = split_8((uint32_t)(rest % 100000000));

    return (struct digits){(char)('0' + value / UINT64_C(10000000000000000)), high, low,
                           low != 0 ? 17 - trailing_zeros(low) : 9 - trailing_zeros(high), n + s.exponent};
}

static char *put_exponent(char *to, int exponent)
{
    *to++ = 'e';
    return qn_print_i64(to, exponent);
}

static inline void put_17(char *to, const struct digits *d)
{
    to[0] = d->first;
    put_8(to + 1, d->high);
    put_8(to + 9, d->low);
}

/* The digits behind the point, for 1 to 16 digits before it; then zeros. */
static inline void put_tail(char *to, const struct digits *d)
{
    int skipped = 8 * (d->point - 1);

    if (skipped >= 64) {
        put_8(to, d->low >> (skipped - 64));
        put_8(to + 8, 0);
    } else {
        put_8(to, d->high >> skipped | (skipped == 0 ? 0 : d->low << (64 - skipped)));
        put_8(to + 8, d->low >> skipped);
    }
}

/* Stores are of fixed size and may run over the end of the number, within QN_PRINT_BYTES. */
static inline char *put_digits(char *to, const struct digits *d)
{
    if (d->point > 16 || d->point < -3) {
        to[0] = d->first;
        to[1] = '.';
        put_8(to + 2, d->high);
        put_8(to + 10, d->low);
        return put_exponent(d->n == 1 ? to + 1 : to + 1 + d->n, d->point - 1);
    }
    if (d->point <= 0) {
        memcpy(to, "0.000000", 8);
        put_17(to + 2 - d->point, d);
        return to + 2 - d->point + d->n;
    }
    put_17(to, d);
    to[d->point] = '.';
    put_tail(to + d->point + 1, d);
    return to + 1 + (d->point < d->n ? d->n : d->point + 1);
}

static char *put_zero(char *to)
{
    memcpy(to, "0.0", 3);
    return to + 3;
}

static char *put_non_finite(char *to, bool is_nan, bool is_negative, enum qn_nan_mode mode)
{
    const char *text = mode == QN_NAN_NULL ? "null" : is_nan ? "NaN" : is_negative ? "-Infinity" : "Infinity";
    size_t n = strlen(text);

    if (mode == QN_NAN_STRING)
        *to++ = '"';
    memcpy(to, text, n);
    to += n;
    if (mode == QN_NAN_STRING)
        *to++ = '"';
    return to;
}

/* ---- types ---- */

/* Whole numbers below 2^(mantissa bits + 1) are their own digits. Not for correctness: it is the commonest case. */
static inline bool is_whole(const struct binary *b, int n_bits)
{
    return b->exponent <= 0 && -b->exponent < n_bits && (b->significand & ((UINT64_C(1) << -b->exponent) - 1)) == 0;
}

/* Any format of a sign, exponent bits and mantissa bits, of at most 32 bits. */
static inline char *print_narrow(char *to, uint32_t bits, int mantissa_bits, int exponent_bits, enum qn_nan_mode mode)
{
    uint32_t mantissa = bits & ((UINT32_C(1) << mantissa_bits) - 1);
    int field = (int)(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    bool negative = bits >> (mantissa_bits + exponent_bits) != 0;
    int bias = (1 << (exponent_bits - 1)) - 1 + mantissa_bits;
    struct binary b = {mantissa, 1 - bias, false};
    struct digits digits;

    if (field == (1 << exponent_bits) - 1)
        return put_non_finite(to, mantissa != 0, negative, mode);
    *to = '-';
    to += negative;
    if (field != 0) {
        b.significand |= UINT32_C(1) << mantissa_bits;
        b.exponent = field - bias;
        b.lower_is_closer = mantissa == 0 && field > 1;
    } else if (mantissa == 0) {
        return put_zero(to);
    }
    if (is_whole(&b, mantissa_bits + 1))
        digits = split_short((struct shortest){b.significand >> -b.exponent, 0});
    else
        digits = split_short(shortest_32(&b));
    return put_digits(to, &digits);
}

char *qn_print_f32(char *to, float value, enum qn_nan_mode mode)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return print_narrow(to, bits, 23, 8, mode);
}

char *qn_print_f16(char *to, uint16_t bits, enum qn_nan_mode mode) { return print_narrow(to, bits, 10, 5, mode); }

char *qn_print_bf16(char *to, uint16_t bits, enum qn_nan_mode mode) { return print_narrow(to, bits, 7, 8, mode); }

char *qn_print_f64(char *to, double value, enum qn_nan_mode mode)
{
    uint64_t bits;
    uint64_t mantissa;
    int field;
    struct binary b = {0, -1074, false};
    struct digits digits;

    memcpy(&bits, &value, sizeof(bits));
    mantissa = bits & ((UINT64_C(1) << 52) - 1);
    field = (int)(bits >> 52) & 0x7ff;
    if (field == 0x7ff)
        return put_non_finite(to, mantissa != 0, bits >> 63 != 0, mode);
    *to = '-';
    to += bits >> 63;
    if (bits << 1 == 0)
        return put_zero(to);
    b.significand = mantissa;
    if (field != 0) {
        b.significand |= UINT64_C(1) << 52;
        b.exponent = field - 1075;
        b.lower_is_closer = mantissa == 0 && field > 1;
    }
    if (is_whole(&b, 53))
        digits = split_long((struct shortest){b.significand >> -b.exponent, 0});
    else
        digits = split_long(shortest_64(&b));
    return put_digits(to, &digits);
}

/* Up to 20 digits: groups of eight from the right, the first one shorter. */
char *qn_print_u64(char *to, uint64_t value)
{
    int n = count_digits(value);
    char text[24];

    put_8(text + 16, split_8((uint32_t)(value % 100000000)));
    value /= 100000000;
    if (n > 8) {
        put_8(text + 8, split_8((uint32_t)(value % 100000000)));
        put_8(text, split_8((uint32_t)(value / 100000000)));
    }
    memcpy(to, text + 24 - n, (size_t)n);
    return to + n;
}

char *qn_print_i64(char *to, int64_t value)
{
    *to = '-';
    to += value < 0;
    return qn_print_u64(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}
