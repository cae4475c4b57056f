/* decimal.h: a number as it stands in JSON text, and the binary floating-point number nearest to it.
 *
 * The reader collects the first 19 significant digits. The nearest binary number comes from one 128-bit product with a
 * power of ten (Lemire, "Number Parsing at a Gigabyte per Second", 2021, after Eisel), and from exact comparison with
 * the middle between two candidates where that is not decisive. Rounding is to nearest, ties to even; no locale, no
 * errno, no allocation. */
#ifndef QN_CODEC_DECIMAL_H
#define QN_CODEC_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decimal {
    uint64_t digits;  /* the first 19 significant digits */
    int32_t exponent; /* the value is digits * 10^exponent, */
    bool cut;         /* or, when set, more than that and less than (digits + 1) * 10^exponent */
    bool negative;
    const char *text; /* the first digit, */
    size_t n_text;    /* and the length up to the end of the fraction: for the exact comparison */
};

/* A binary format: mantissa bits without the hidden one, exponent of the least normal number, exponent field of
 * infinity. */
struct decimal_format {
    int mantissa_bits;
    int min_exponent;
    int infinity;
    int min_power; /* below it every 19 digits * 10^power round to zero */
    int max_power; /* above it every digit gives infinity */
    int min_even;  /* powers between these can hit the middle of two numbers exactly */
    int max_even;
};

extern const struct decimal_format qn_decimal_f16;
extern const struct decimal_format qn_decimal_bf16;
extern const struct decimal_format qn_decimal_f32;
extern const struct decimal_format qn_decimal_f64;

/* Reads the JSON number that starts at text ('-' or a digit). Returns its end, or NULL with *fault at the byte that
 * does not belong. 8 bytes after the end must be readable. */
const char *qn_decimal_read(const char *text, struct decimal *number, const char **fault);

/* The bits of the nearest number, with the sign where the format has it. False when it would be infinite. */
bool qn_decimal_round(const struct decimal *number, const struct decimal_format *format, uint64_t *bits);

bool qn_decimal_to_f32(const struct decimal *number, float *value);
bool qn_decimal_to_f64(const struct decimal *number, double *value);

#endif
