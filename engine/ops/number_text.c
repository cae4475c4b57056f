/* number_text.c: numbers as text and back; see number_text.h. The C library does the rounding, under the C locale; the
 * grammar is checked here first, because strtod() takes more than the standard has (hexadecimal numbers, nan(...)). */
#include "ops/number_text.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tensor/convert.h"

/* More than the digits of the smallest double written out. */
enum { MAX_TEXT = 1200 };

static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* Until the matching uselocale(old). Without memory for a locale, the process's own stays. */
static locale_t enter_c_locale(void)
{
    pthread_once(&once, make_locale);
    return uselocale(c_locale);
}

/* ---- Printing ------------------------------------------------------------------------------------------------- */

static bool reads_back(const char *text, enum qn_dtype dtype, double x)
{
    double read = strtod(text, NULL);
    uint16_t want = 0, got = 0;

    if (dtype == QN_DOUBLE)
        return read == x;
    if (dtype == QN_FLOAT)
        return (double)strtof(text, NULL) == x;
    qn_convert(QN_DOUBLE, &x, dtype, &want, 1, (struct qn_convert_options){.saturate = true, .round_mode = 'n'});
    qn_convert(QN_DOUBLE, &read, dtype, &got, 1, (struct qn_convert_options){.saturate = true, .round_mode = 'n'});
    return want == got;
}

/* The fewest digits of |x|, finite and not 0, without the point; and the decimal exponent of the first. */
static int shortest_digits(enum qn_dtype dtype, double x, char digits[20], int *exponent)
{
    char text[QN_NUMBER_TEXT];
    int n = 0;

    do
        snprintf(text, sizeof(text), "%.*e", n++, x);
    while (n < 17 && !reads_back(text, dtype, x));
    digits[0] = text[0];
    memcpy(digits + 1, text + 2, (size_t)n - 1);
    *exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return n;
}

/* Digits of falling powers of ten, at least one on either side of the point. */
static char *print_plain(char *at, const char *digits, int n, int exponent)
{
    int last = exponent - n + 1 < -1 ? exponent - n + 1 : -1;

    for (int power = exponent > 0 ? exponent : 0; power >= last; power--) {
        int i = exponent - power;

        if (power == -1)
            *at++ = '.';
        *at++ = i >= 0 && i < n ? digits[i] : '0';
    }
    return at;
}

static char *print_scientific(char *at, const char *digits, int n, int exponent)
{
    *at++ = digits[0];
    if (n > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, (size_t)n - 1);
        at += n - 1;
    }
    return at + snprintf(at, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

size_t qn_number_print(char text[QN_NUMBER_TEXT], enum qn_dtype dtype, double x)
{
    locale_t old = enter_c_locale();
    char digits[20] = "0", *at = text;
    int n = 1, exponent = 0;

    if (signbit(x) && !isnan(x))
        *at++ = '-';
    if (isnan(x) || isinf(x)) {
        memcpy(at, isnan(x) ? "nan" : "inf", 3);
        at += 3;
    } else {
        if (x != 0)
            n = shortest_digits(dtype, fabs(x), digits, &exponent);
        at = exponent >= -4 && exponent < 16 ? print_plain(at, digits, n, exponent)
                                             : print_scientific(at, digits, n, exponent);
    }
    uselocale(old);
    return (size_t)(at - text);
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* [digits][.digits][e[sign]digits] up to the end, with a digit in front of any exponent. */
static bool is_decimal(const char *at, bool *integer)
{
    size_t n_digits = strspn(at, "0123456789");

    at += n_digits;
    *integer = *at == '\0';
    if (*at == '.') {
        size_t n = strspn(at + 1, "0123456789");

        at += 1 + n;
        n_digits += n;
    }
    if (n_digits == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        if (!is_digit(*at))
            return false;
        at += strspn(at, "0123456789");
    }
    return *at == '\0';
}

/* False when the digits are more than 64 bits hold. */
static bool read_magnitude(const char *digits, uint64_t *magnitude)
{
    *magnitude = 0;
    for (; *digits; digits++) {
        if (__builtin_mul_overflow(*magnitude, (uint64_t)10, magnitude) ||
            __builtin_add_overflow(*magnitude, (uint64_t)(*digits - '0'), magnitude))
            return false;
    }
    return true;
}

/* text: without blanks and sign, terminated. */
static bool read_unsigned(const char *text, struct qn_number *number)
{
    locale_t old;

    if (strcasecmp(text, "nan") == 0) {
        number->f64 = NAN;
        number->f32 = NAN;
        return true;
    }
    if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0) {
        number->f64 = INFINITY;
        number->f32 = INFINITY;
        return true;
    }
    if (!is_decimal(text, &number->integer))
        return false;
    number->integer = number->integer && read_magnitude(text, &number->magnitude);
    old = enter_c_locale();
    number->f64 = strtod(text, NULL);
    number->f32 = strtof(text, NULL);
    uselocale(old);
    return true;
}

bool qn_number_parse(struct qn_str text, struct qn_number *number)
{
    char copy[MAX_TEXT + 1];

    *number = (struct qn_number){0};
    while (text.n > 0 && isspace((unsigned char)text.data[0]))
        text.data++, text.n--;
    while (text.n > 0 && isspace((unsigned char)text.data[text.n - 1]))
        text.n--;
    if (text.n > 0 && (text.data[0] == '+' || text.data[0] == '-')) {
        number->negative = text.data[0] == '-';
        text.data++, text.n--;
    }
    if (text.n == 0 || text.n > MAX_TEXT || memchr(text.data, '\0', text.n))
        return false;
    memcpy(copy, text.data, text.n);
    copy[text.n] = '\0';
    if (!read_unsigned(copy, number))
        return false;
    if (number->negative) {
        number->f64 = -number->f64;
        number->f32 = -number->f32;
    }
    return true;
}
