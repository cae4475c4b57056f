/* decimal.c: reading decimal numbers exactly; see decimal.h. Knows nothing of JSON beyond the grammar of a number. */
#include "server/codec/decimal.h"

#include <float.h>
#include <string.h>

#include "server/codec/pow10_table.h"
#include "server/codec/wide.h"

enum { MAX_DIGITS = 19, EXPONENT_CAP = 100000 };
static const int64_t written_cap = INT64_C(1000000000000000); /* longer than any text */

const struct decimal_format qn_decimal_f16 = {10, -14, 31, -27, 4, -22, 5};
const struct decimal_format qn_decimal_bf16 = {7, -126, 255, -65, 38, -24, 3};
const struct decimal_format qn_decimal_f32 = {23, -126, 255, -65, 38, -17, 10};
const struct decimal_format qn_decimal_f64 = {52, -1022, 2047, -342, 308, -4, 23};

/* ---- reading ---- */

static bool is_digit(char c) { return (unsigned)(c - '0') <= 9; }

static uint64_t load_8(const char *p)
{
    uint64_t value = 0;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&value, p, sizeof(value));
#else
    for (int i = 7; i >= 0; i--)
        value = value << 8 | (unsigned char)p[i];
#endif
    return value;
}

/* Whether all eight bytes are '0' to '9': no byte leaves 0x30..0x3f, also not after adding 6. */
static bool is_8_digits(uint64_t bytes)
{
    return ((bytes & 0xf0f0f0f0f0f0f0f0u) | ((bytes + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4) ==
           0x3333333333333333u;
}

/* Eight digits at once: pairs, then fours, then eight. */
static uint32_t value_of_8(uint64_t bytes)
{
    bytes -= 0x3030303030303030u;
    bytes = bytes * 10 + (bytes >> 8);
    return (uint32_t)(((bytes & 0x000000ff000000ffu) * 0x000f424000000064u +
                       ((bytes >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
                      32);
}

/* A digit string: value modulo 2^64, which is the value as long as it has at most 19 digits. */
static const char *read_digits(const char *p, uint64_t *value)
{
    uint64_t bytes = load_8(p);

    while (is_8_digits(bytes)) {
        *value = *value * 100000000 + value_of_8(bytes);
        p += 8;
        bytes = load_8(p);
    }
    while (is_digit(*p))
        *value = *value * 10 + (uint64_t)(*p++ - '0');
    return p;
}

/* After 'e'. */
static const char *read_exponent(const char *p, int64_t *exponent, const char **fault)
{
    bool negative = *p == '-';
    int64_t value = 0;

    if (*p == '-' || *p == '+')
        p++;
    if (!is_digit(*p)) {
        *fault = p;
        return NULL;
    }
    for (; is_digit(*p); p++)
        if (value < written_cap)
            value = value * 10 + (*p - '0');
    *exponent += negative ? -value : value;
    return p;
}

/* Beyond the cap every number is zero or infinite. */
static int32_t cap(int64_t exponent)
{
    return exponent > EXPONENT_CAP ? EXPONENT_CAP : exponent < -EXPONENT_CAP ? -EXPONENT_CAP : (int32_t)exponent;
}

/* More than 19 digits: takes the first 19 significant ones. exponent is the one of the last digit of the text. */
static void cut_digits(struct decimal *number, int64_t exponent)
{
    const char *end = number->text + number->n_text;
    uint64_t value = 0;
    int n_digits = 0;
    int64_t n_dropped = 0;

    number->cut = false;
    for (const char *p = number->text; p < end; p++) {
        if (*p == '.')
            continue;
        if (n_digits == MAX_DIGITS) {
            number->cut |= *p != '0';
            n_dropped++;
        } else if (n_digits > 0 || *p != '0') {
            value = value * 10 + (uint64_t)(*p - '0');
            n_digits++;
        }
    }
    number->digits = value;
    number->exponent = cap(exponent + n_dropped);
}

const char *qn_decimal_read(const char *text, struct decimal *number, const char **fault)
{
    const char *p = text;
    const char *fraction;
    uint64_t value = 0;
    int64_t exponent = 0;
    int64_t n_digits;

    number->cut = false;
    number->negative = *p == '-';
    p += number->negative;
    number->text = p;
    if (*p == '0') {
        p++;
    } else {
        while (is_digit(*p))
            value = value * 10 + (uint64_t)(*p++ - '0');
    }
    n_digits = p - number->text;
    if (n_digits == 0 || (*number->text == '0' && is_digit(*p))) {
        *fault = p;
        return NULL;
    }
    if (*p == '.') {
        fraction = ++p;
        p = read_digits(p, &value);
        if (p == fraction) {
            *fault = p;
            return NULL;
        }
        exponent = fraction - p;
        n_digits += p - fraction;
    }
    number->n_text = (size_t)(p - number->text);
    if (*p == 'e' || *p == 'E') {
        p = read_exponent(p + 1, &exponent, fault);
        if (p == NULL)
            return NULL;
    }
    number->digits = value;
    number->exponent = cap(exponent);
    if (n_digits > MAX_DIGITS)
        cut_digits(number, exponent);
    return p;
}

/* ---- rounding by one product ---- */

/* The bits of digits * 10^power without sign, rounded; false when the product cannot decide. Infinity comes out as
 * such. */
static inline bool round_product(uint64_t digits, int power, const struct decimal_format *f, uint64_t *bits)
{
    int low_bits = f->mantissa_bits + 3;
    int n_zeros;
    int shift;
    int exponent;
    uint64_t mantissa;
    const uint64_t *row;
    struct wide product;
    uint64_t carry;

    *bits = 0;
    if (digits == 0 || power < f->min_power)
        return true;
    *bits = (uint64_t)f->infinity << f->mantissa_bits;
    if (power > f->max_power)
        return true;

    n_zeros = __builtin_clzll(digits);
    digits <<= n_zeros;
    row = pow10_bits[power - POW10_MIN];
    product = wide_mul(digits, row[0]);
    if ((product.high & (UINT64_MAX >> low_bits)) == UINT64_MAX >> low_bits) {
        /* Cut off, the powers -27 to -1 would put a middle a hair below itself; one unit more puts it at 0 or 1. */
        carry = wide_mul(digits, row[1] + (power >= -27 && power < 0)).high;
        product.low += carry;
        product.high += product.low < carry;
        /* Other powers are cut off unless exact, so the true product may still be a little larger. */
        if (product.low == UINT64_MAX && (power < -27 || power > 55))
            return false;
    }
    shift = (int)(product.high >> 63) + 64 - low_bits;
    mantissa = product.high >> shift;
    exponent = floor_log2_pow10(power) + 64 + (int)(product.high >> 63) - n_zeros - f->min_exponent;
    if (exponent <= 0)
        return false; /* below the normal numbers: rare, and left to the exact way */
    if (product.low <= 1 && power >= f->min_even && power <= f->max_even && (mantissa & 3) == 1 &&
        mantissa << shift == product.high)
        mantissa &= ~UINT64_C(1); /* exactly the middle, and the lower neighbour is even */
    mantissa += mantissa & 1;
    mantissa >>= 1;
    /* A carry out of the mantissa lands in the exponent, where it belongs. */
    mantissa += (uint64_t)(exponent - 1) << f->mantissa_bits;
    if (mantissa < *bits)
        *bits = mantissa;
    return true;
}

/* ---- rounding by exact comparison ---- */

/* 800 digits, or a power 5^1143 times a mantissa, and the shifts between them: less than 5,000 bits. */
enum { BIG_LIMBS = 80, BIG_DIGITS = 800 };

struct big {
    int n;
    uint64_t limbs[BIG_LIMBS]; /* least first */
};

static void big_mul_add(struct big *big, uint64_t factor, uint64_t addend)
{
    uint64_t carry = addend;

    for (int i = 0; i < big->n; i++) {
        struct wide product = wide_mul(big->limbs[i], factor);

        product.low += carry;
        big->limbs[i] = product.low;
        carry = product.high + (product.low < carry);
    }
    if (carry != 0 && big->n < BIG_LIMBS)
        big->limbs[big->n++] = carry;
}

static void big_mul_pow5(struct big *big, int power)
{
    const uint64_t pow5_27 = UINT64_C(7450580596923828125);

    for (; power >= 27; power -= 27)
        big_mul_add(big, pow5_27, 0);
    for (; power > 0; power--)
        big_mul_add(big, 5, 0);
}

static void big_shift(struct big *big, int n_bits)
{
    int n_limbs = n_bits / 64;
    int rest = n_bits % 64;

    if (rest != 0)
        big_mul_add(big, UINT64_C(1) << rest, 0);
    if (n_limbs == 0 || big->n == 0 || big->n + n_limbs > BIG_LIMBS)
        return;
    memmove(big->limbs + n_limbs, big->limbs, (size_t)big->n * sizeof(big->limbs[0]));
    memset(big->limbs, 0, (size_t)n_limbs * sizeof(big->limbs[0]));
    big->n += n_limbs;
}

static int big_compare(const struct big *a, const struct big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* The digits of the text as one integer, and the power of ten of its last digit. More than BIG_DIGITS digits cannot
 * change a comparison, except that something follows: *more. */
static void read_big(const struct decimal *number, struct big *big, int *power, bool *more)
{
    const char *end = number->text + number->n_text;
    int n_digits = 0;
    int n_first = 0;

    big->n = 0;
    *more = false;
    for (const char *p = number->text; p < end; p++) {
        if (*p == '.' || (n_digits == 0 && *p == '0'))
            continue;
        if (n_digits == BIG_DIGITS) {
            if (*p != '0') {
                *more = true;
                break;
            }
            continue;
        }
        big_mul_add(big, 10, (uint64_t)(*p - '0'));
        n_digits++;
    }
    /* number->exponent belongs to the 19th digit, or to the last when there are fewer. */
    n_first = n_digits < MAX_DIGITS ? n_digits : MAX_DIGITS;
    *power = number->exponent - (n_digits - n_first);
}

/* Compares the number with middle * 2^exponent. */
static int compare_exactly(const struct decimal *number, uint64_t middle, int exponent)
{
    struct big left;
    struct big right = {.n = middle != 0, .limbs = {middle}};
    int power;
    int shift;
    bool more;
    int order;

    read_big(number, &left, &power, &more);
    if (power >= 0)
        big_mul_pow5(&left, power);
    else
        big_mul_pow5(&right, -power);
    shift = power - exponent; /* 10^power = 5^power * 2^power */
    if (shift >= 0)
        big_shift(&left, shift);
    else
        big_shift(&right, -shift);
    order = big_compare(&left, &right);
    return order == 0 && more ? 1 : order;
}

/* The product, cut off, gives the lower of the two candidates or one that is lower by a hair; the exact comparison with
 * the middle above it decides in both cases. */
static uint64_t round_exactly(const struct decimal *number, const struct decimal_format *f)
{
    uint64_t infinity = (uint64_t)f->infinity << f->mantissa_bits;
    int n_zeros = __builtin_clzll(number->digits);
    uint64_t top = wide_mul(number->digits << n_zeros, pow10_bits[number->exponent - POW10_MIN][0]).high;
    int exponent = floor_log2_pow10(number->exponent) + 1 - n_zeros; /* value = top * 2^exponent */
    int min_unit = f->min_exponent - f->mantissa_bits;
    int unit;
    uint64_t lower;
    int order;

    if (top >> 63 == 0) {
        top <<= 1;
        exponent--;
    }
    unit = exponent + 63 - f->mantissa_bits;
    if (unit < min_unit)
        unit = min_unit;
    lower = unit - exponent > 63 ? 0 : top >> (unit - exponent);
    order = compare_exactly(number, 2 * lower + 1, unit - 1);
    if (order > 0 || (order == 0 && (lower & 1) != 0))
        lower++;
    /* For subnormal numbers unit is min_unit and the mantissa is all; else the hidden bit adds one to the exponent. */
    lower += (uint64_t)(unit - min_unit) << f->mantissa_bits;
    return lower < infinity ? lower : infinity;
}

/* ---- the formats ---- */

static inline bool round_to(const struct decimal *number, const struct decimal_format *f, uint64_t *bits)
{
    uint64_t next;

    if (!round_product(number->digits, number->exponent, f, bits) ||
        (number->cut && (!round_product(number->digits + 1, number->exponent, f, &next) || next != *bits)))
        *bits = round_exactly(number, f);
    return *bits < (uint64_t)f->infinity << f->mantissa_bits;
}

bool qn_decimal_round(const struct decimal *number, const struct decimal_format *format, uint64_t *bits)
{
    bool fits = round_to(number, format, bits);
    int sign = format->mantissa_bits + __builtin_popcount((unsigned)format->infinity);

    *bits |= (uint64_t)number->negative << sign;
    return fits;
}

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Two exact numbers and one operation give the nearest number (Clinger, 1990). Needs arithmetic without extra
 * precision. */
static inline bool round_by_division(const struct decimal *number, double *value)
{
    double digits = (double)number->digits;

    if (FLT_EVAL_METHOD != 0 || number->cut || number->digits > UINT64_C(1) << 53 || number->exponent < -22 ||
        number->exponent > 22)
        return false;
    *value = number->exponent < 0 ? digits / powers[-number->exponent] : digits * powers[number->exponent];
    return true;
}

bool qn_decimal_to_f64(const struct decimal *number, double *value)
{
    uint64_t bits;
    bool fits = true;

    if (round_by_division(number, value)) {
        *value = number->negative ? -*value : *value;
        return true;
    }
    fits = round_to(number, &qn_decimal_f64, &bits);
    bits |= (uint64_t)number->negative << 63;
    memcpy(value, &bits, sizeof(*value));
    return fits;
}

/* The nearest binary64 rounds on to the nearest binary32, unless it lies in the middle of two of those. */
bool qn_decimal_to_f32(const struct decimal *number, float *value)
{
    uint64_t bits;
    uint32_t bits_32;
    double wide;
    bool fits;

    if (round_by_division(number, &wide)) {
        memcpy(&bits, &wide, sizeof(bits));
        if ((bits & 0x1fffffff) != 0x10000000) {
            *value = number->negative ? -(float)wide : (float)wide;
            return true;
        }
    }
    fits = round_to(number, &qn_decimal_f32, &bits);
    bits_32 = (uint32_t)bits | (uint32_t)number->negative << 31;
    memcpy(value, &bits_32, sizeof(*value));
    return fits;
}
