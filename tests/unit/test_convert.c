/* test_convert.c: narrow floating-point formats against their definitions, code by code and at every rounding
 * boundary, the special values of the standard's Cast tables, and every pair of types over sizes around the blocks
 * of the conversion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/convert.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct qn_convert_options saturating = {true, 'u'}, overflowing = {false, 'u'};

/* A format by its definition. Codes without sign above max are infinity (if inf) or NaN. */
static const struct format {
    enum qn_dtype dtype;
    int bits, mantissa_bits, bias;
    unsigned max, inf;
    bool unsigned_zero; /* FNUZ: the code of negative zero is NaN */
} formats[] = {
    {QN_FLOAT16, 16, 10, 15, 0x7bff, 0x7c00, false}, {QN_BFLOAT16, 16, 7, 127, 0x7f7f, 0x7f80, false},
    {QN_FLOAT8E4M3FN, 8, 3, 7, 0x7e, 0, false},      {QN_FLOAT8E4M3FNUZ, 8, 3, 8, 0x7f, 0, true},
    {QN_FLOAT8E5M2, 8, 2, 15, 0x7b, 0x7c, false},    {QN_FLOAT8E5M2FNUZ, 8, 2, 16, 0x7f, 0, true},
    {QN_FLOAT4E2M1, 4, 1, 1, 0x7, 0, false},
};

static unsigned sign_bit(const struct format *f) { return 1u << (f->bits - 1); }

static double decode(const struct format *f, unsigned code)
{
    unsigned magnitude = code & (sign_bit(f) - 1);
    int exponent = (int)(magnitude >> f->mantissa_bits), mantissa = (int)(magnitude & ((1u << f->mantissa_bits) - 1));
    double value;

    if (f->unsigned_zero && code == sign_bit(f))
        return NAN;
    if (magnitude > f->max)
        return f->inf && magnitude == f->inf ? (code & sign_bit(f) ? -INFINITY : INFINITY) : NAN;
    if (exponent == 0)
        value = ldexp(mantissa, 1 - f->bias - f->mantissa_bits);
    else
        value = ldexp((1 << f->mantissa_bits) + mantissa, exponent - f->bias - f->mantissa_bits);
    return code & sign_bit(f) ? -value : value;
}

static bool same(double a, double b) { return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b); }

/* One element through qn_convert; the code of a packed type. */
static unsigned convert_to_code(enum qn_dtype from, const void *x, enum qn_dtype to, struct qn_convert_options options)
{
    uint16_t code = 0;

    qn_convert(from, x, to, &code, 1, options);
    return code;
}

static double convert_to_double(enum qn_dtype from, unsigned code)
{
    uint16_t bits = (uint16_t)code;
    double x;

    qn_convert(from, &bits, QN_DOUBLE, &x, 1, saturating);
    return x;
}

static void every_code_decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];

        for (unsigned code = 0; code < 1u << f->bits; code++) {
            double x = decode(f, code);

            assert_true(same(convert_to_double(f->dtype, code), x));
            if (f->bits <= 8)
                assert_true(same((double)qn_narrow_to_float(f->dtype, (uint8_t)code), x));
            if (f->dtype == QN_FLOAT16)
                assert_true(same((double)qn_half_to_float((uint16_t)code), x));
            if (f->dtype == QN_BFLOAT16)
                assert_true(same((double)qn_bfloat_to_float((uint16_t)code), x));
        }
    }
}

/* x must give the code by every way there is from a double, and from a float where x is one. */
static void check_encode(const struct format *f, double x, unsigned code, struct qn_convert_options options)
{
    float single = (float)x;

    assert_int_equal(convert_to_code(QN_DOUBLE, &x, f->dtype, options), code);
    if (f->dtype == QN_FLOAT16)
        assert_int_equal(qn_double_to_half(x), code);
    if ((double)single != x)
        return;
    assert_int_equal(convert_to_code(QN_FLOAT, &single, f->dtype, options), code);
    if (f->dtype == QN_FLOAT16)
        assert_int_equal(qn_float_to_half(single), code);
    else if (f->dtype == QN_BFLOAT16)
        assert_int_equal(qn_float_to_bfloat(single), code);
    else
        assert_int_equal(qn_float_to_narrow(f->dtype, single, options.saturate, options.round_mode), code);
}

/* Just below, at and just above the middle of a code and the next: floats' neighbours, and doubles' that only one
 * rounding gets right. */
static void check_boundary(const struct format *f, double middle, unsigned below, unsigned at, unsigned above,
                           struct qn_convert_options options)
{
    check_encode(f, middle, at, options);
    check_encode(f, nextafter(middle, 0), below, options);
    check_encode(f, nextafter(middle, INFINITY), above, options);
    check_encode(f, (double)nextafterf((float)middle, 0), below, options);
    check_encode(f, (double)nextafterf((float)middle, INFINITY), above, options);
    if (f->unsigned_zero && (below == 0 || at == 0 || above == 0 || above > f->max))
        return;
    check_encode(f, -middle, at | sign_bit(f), options);
    check_encode(f, nextafter(-middle, 0), below | sign_bit(f), options);
    check_encode(f, nextafter(-middle, -INFINITY), above | sign_bit(f), options);
}

static void every_boundary_rounds_to_even(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];

        for (unsigned code = 0; code < f->max; code++) {
            double x = decode(f, code), next = decode(f, code + 1);

            check_encode(f, x, code, saturating);
            check_boundary(f, (x + next) / 2, code, code + (code & 1), code + 1, saturating);
        }
    }
}

/* What follows the largest value is cut off at half a step above it. */
static void overflow_begins_half_a_step_above_the_largest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format *f = &formats[i];
        double largest = decode(f, f->max), middle = largest + (largest - decode(f, f->max - 1)) / 2;
        bool always = f->bits == 16;                          /* half and bfloat16 know no saturation */
        unsigned nan = f->unsigned_zero ? sign_bit(f) : 0x7f; /* of the formats without infinity */
        unsigned over = f->dtype == QN_FLOAT4E2M1 ? f->max : f->inf ? f->inf : nan;
        unsigned at = f->max & 1 ? over : f->max;

        check_encode(f, largest, f->max, saturating);
        check_encode(f, largest, f->max, overflowing);
        check_boundary(f, middle, f->max, at, over, overflowing);
        if (always)
            check_boundary(f, middle, f->max, at, over, saturating);
        else
            check_boundary(f, middle, f->max, f->max, f->max, saturating);
    }
}

/* The rows of the standard's two tables: the code of x when saturating, and when not. */
static void special_values_follow_the_tables(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        double x;
        unsigned saturated, overflowed;
    } rows[] = {
        {QN_FLOAT8E4M3FN, 0.0, 0x00, 0x00},        {QN_FLOAT8E4M3FN, -0.0, 0x80, 0x80},
        {QN_FLOAT8E4M3FN, INFINITY, 0x7e, 0x7f},   {QN_FLOAT8E4M3FN, -INFINITY, 0xfe, 0xff},
        {QN_FLOAT8E4M3FN, 464, 0x7e, 0x7e},        {QN_FLOAT8E4M3FN, 480, 0x7e, 0x7f},
        {QN_FLOAT8E4M3FN, 1e300, 0x7e, 0x7f},      {QN_FLOAT8E4M3FN, -1e300, 0xfe, 0xff},
        {QN_FLOAT8E4M3FNUZ, 0.0, 0x00, 0x00},      {QN_FLOAT8E4M3FNUZ, -0.0, 0x00, 0x00},
        {QN_FLOAT8E4M3FNUZ, INFINITY, 0x7f, 0x80}, {QN_FLOAT8E4M3FNUZ, -INFINITY, 0xff, 0x80},
        {QN_FLOAT8E4M3FNUZ, 1e10, 0x7f, 0x80},     {QN_FLOAT8E4M3FNUZ, -1e10, 0xff, 0x80},
        {QN_FLOAT8E4M3FNUZ, -1e-10, 0x00, 0x00},   {QN_FLOAT8E5M2, -0.0, 0x80, 0x80},
        {QN_FLOAT8E5M2, INFINITY, 0x7b, 0x7c},     {QN_FLOAT8E5M2, -INFINITY, 0xfb, 0xfc},
        {QN_FLOAT8E5M2, 1e6, 0x7b, 0x7c},          {QN_FLOAT8E5M2, -1e6, 0xfb, 0xfc},
        {QN_FLOAT8E5M2FNUZ, -0.0, 0x00, 0x00},     {QN_FLOAT8E5M2FNUZ, INFINITY, 0x7f, 0x80},
        {QN_FLOAT8E5M2FNUZ, -1e6, 0xff, 0x80},     {QN_FLOAT4E2M1, -0.0, 0x8, 0x8},
        {QN_FLOAT4E2M1, INFINITY, 0x7, 0x7},       {QN_FLOAT4E2M1, -INFINITY, 0xf, 0xf},
        {QN_FLOAT4E2M1, 1e300, 0x7, 0x7},          {QN_FLOAT4E2M1, NAN, 0x8, 0x8},
        {QN_FLOAT16, INFINITY, 0x7c00, 0x7c00},    {QN_FLOAT16, -1e300, 0xfc00, 0xfc00},
        {QN_BFLOAT16, -INFINITY, 0xff80, 0xff80},  {QN_BFLOAT16, 1e300, 0x7f80, 0x7f80},
        {QN_FLOAT16, -1e-300, 0x8000, 0x8000},     {QN_BFLOAT16, 1e-300, 0x0000, 0x0000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const double x = rows[i].x;

        assert_int_equal(convert_to_code(QN_DOUBLE, &x, rows[i].dtype, saturating), rows[i].saturated);
        assert_int_equal(convert_to_code(QN_DOUBLE, &x, rows[i].dtype, overflowing), rows[i].overflowed);
    }
}

static void nan_stays_nan(void **state)
{
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff};
    static const enum qn_dtype types[] = {QN_DOUBLE,         QN_FLOAT16,    QN_BFLOAT16,       QN_FLOAT8E4M3FN,
                                          QN_FLOAT8E4M3FNUZ, QN_FLOAT8E5M2, QN_FLOAT8E5M2FNUZ, QN_FLOAT8E8M0};

    (void)state;
    for (size_t i = 0; i < COUNT(nans); i++)
        for (size_t k = 0; k < COUNT(types); k++)
            for (int saturate = 0; saturate < 2; saturate++) {
                struct qn_convert_options options = {saturate, 'n'};
                uint64_t narrow = 0;
                float back = 0;

                qn_convert(QN_FLOAT, &nans[i], types[k], &narrow, 1, options);
                qn_convert(types[k], &narrow, QN_FLOAT, &back, 1, options);
                assert_true(isnan(back));
            }
    /* The one NaN of these formats is the code of negative zero, and keeps its sign. */
    assert_true(signbit(qn_narrow_to_float(QN_FLOAT8E4M3FNUZ, 0x80)));
    assert_true(signbit(qn_narrow_to_float(QN_FLOAT8E5M2FNUZ, 0x80)));
}

static void e8m0_is_a_power_of_two(void **state)
{
    (void)state;
    for (int code = 0; code < 255; code++) {
        assert_true((double)qn_narrow_to_float(QN_FLOAT8E8M0, (uint8_t)code) == ldexp(1, code - 127));
        for (const char *mode = "udn"; *mode; mode++)
            for (int saturate = 0; saturate < 2; saturate++)
                assert_int_equal(qn_float_to_narrow(QN_FLOAT8E8M0, ldexpf(1, code - 127), saturate, *mode), code);
    }
    assert_true(isnan(qn_narrow_to_float(QN_FLOAT8E8M0, 255)));
}

/* Codes for x, saturating and not, by rounding mode. */
static void e8m0_rounds_by_mode(void **state)
{
    static const struct {
        double x;
        int up, down, nearest, up_over, down_over, nearest_over;
    } rows[] = {
        {1.25, 128, 127, 127, 128, 127, 127},
        {1.5, 128, 127, 128, 128, 127, 128}, /* ties go up */
        {0x1.7ffffep0, 128, 127, 127, 128, 127, 127},
        {0x1.000002p5, 133, 132, 132, 133, 132, 132},
        {0x1.0000000000001p5, 133, 132, 132, 133, 132, 132}, /* no float: one rounding */
        {0x1.7ffffffffffffp5, 133, 132, 132, 133, 132, 132},
        {-3.0, 129, 128, 129, 129, 128, 129}, /* only the magnitude counts */
        {0.0, 0, 0, 0, 255, 255, 255},
        {0x1p-127, 0, 0, 0, 0, 0, 0},
        {0x1.8p-127, 1, 0, 1, 1, 0, 1},
        {0x1p-128, 0, 0, 0, 255, 255, 255},
        {0x1.8p-128, 0, 0, 0, 0, 255, 0},
        {0x1p-149, 0, 0, 0, 255, 255, 255},
        {1e-300, 0, 0, 0, 255, 255, 255},
        {0x1.4p127, 254, 254, 254, 255, 254, 254},
        {0x1.8p127, 254, 254, 254, 255, 254, 255},
        {0x1p128, 254, 254, 254, 255, 255, 255},
        {1e300, 254, 254, 254, 255, 255, 255},
        {INFINITY, 254, 254, 254, 255, 255, 255},
        {NAN, 255, 255, 255, 255, 255, 255},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int codes[] = {rows[i].up,      rows[i].down,      rows[i].nearest,
                             rows[i].up_over, rows[i].down_over, rows[i].nearest_over};

        for (int k = 0; k < 6; k++) {
            struct qn_convert_options options = {k < 3, "udn"[k % 3]};
            float single = (float)rows[i].x;

            assert_int_equal(convert_to_code(QN_DOUBLE, &rows[i].x, QN_FLOAT8E8M0, options), codes[k]);
            if ((double)single == rows[i].x)
                assert_int_equal(qn_float_to_narrow(QN_FLOAT8E8M0, single, options.saturate, options.round_mode),
                                 codes[k]);
        }
    }
}

/* Just above a middle by less than a float, or a double, can tell: rounding twice would go down. */
static void integers_round_once(void **state)
{
    const int32_t i32 = (1 << 24) + (1 << 16) + 1;
    const uint32_t u32 = (1u << 31) + (1u << 23) + 1;
    const int64_t i64 = ((int64_t)1 << 62) + ((int64_t)1 << 54) + 1, negative = -i64, even = i64 - 1;
    const uint64_t u64 = ((uint64_t)1 << 63) + ((uint64_t)1 << 55) + 1;
    const double f64 = 1 + 0x1p-8 + 0x1p-50;

    (void)state;
    assert_int_equal(convert_to_code(QN_INT32, &i32, QN_BFLOAT16, saturating), 0x4b81);
    assert_int_equal(convert_to_code(QN_UINT32, &u32, QN_BFLOAT16, saturating), 0x4f01);
    assert_int_equal(convert_to_code(QN_INT64, &i64, QN_BFLOAT16, saturating), 0x5e81);
    assert_int_equal(convert_to_code(QN_INT64, &negative, QN_BFLOAT16, saturating), 0xde81);
    assert_int_equal(convert_to_code(QN_INT64, &even, QN_BFLOAT16, saturating), 0x5e80);
    assert_int_equal(convert_to_code(QN_UINT64, &u64, QN_BFLOAT16, saturating), 0x5f01);
    assert_int_equal(convert_to_code(QN_DOUBLE, &f64, QN_BFLOAT16, saturating), 0x3f81);
}

static void floats_truncate_and_saturate(void **state)
{
    static const struct {
        double x;
        int64_t i8, u8, i16, u16, i32, u32, i64;
        uint64_t u64;
    } rows[] = {
        {0.0, 0, 0, 0, 0, 0, 0, 0, 0},
        {-0.99, 0, 0, 0, 0, 0, 0, 0, 0},
        {1.99, 1, 1, 1, 1, 1, 1, 1, 1},
        {-1.99, -1, 0, -1, 0, -1, 0, -1, 0},
        {127.5, 127, 127, 127, 127, 127, 127, 127, 127},
        {128, 127, 128, 128, 128, 128, 128, 128, 128},
        {-128.5, -128, 0, -128, 0, -128, 0, -128, 0},
        {-129, -128, 0, -129, 0, -129, 0, -129, 0},
        {255.5, 127, 255, 255, 255, 255, 255, 255, 255},
        {256, 127, 255, 256, 256, 256, 256, 256, 256},
        {32768, 127, 255, 32767, 32768, 32768, 32768, 32768, 32768},
        {-32769, -128, 0, -32768, 0, -32769, 0, -32769, 0},
        {65536, 127, 255, 32767, 65535, 65536, 65536, 65536, 65536},
        {0x1.fffffep30, 127, 255, 32767, 65535, 2147483520, 2147483520, 2147483520, 2147483520},
        {0x1p31, 127, 255, 32767, 65535, INT32_MAX, 2147483648, 2147483648, 2147483648},
        {-0x1p31, -128, 0, -32768, 0, INT32_MIN, 0, INT32_MIN, 0},
        {0x1p32, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, 4294967296, 4294967296},
        {0x1.fffffep62, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, 0x7fffff8000000000, 0x7fffff8000000000},
        {0x1p63, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, 0x8000000000000000},
        {-0x1p63, -128, 0, -32768, 0, INT32_MIN, 0, INT64_MIN, 0},
        {0x1p64, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX},
        {1e30, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX},
        {-1e30, -128, 0, -32768, 0, INT32_MIN, 0, INT64_MIN, 0},
        {INFINITY, 127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX},
        {-INFINITY, -128, 0, -32768, 0, INT32_MIN, 0, INT64_MIN, 0},
        {NAN, 0, 0, 0, 0, 0, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        float single = (float)rows[i].x;

        for (int k = 0; k < 2; k++) {
            enum qn_dtype from = k ? QN_FLOAT : QN_DOUBLE;
            const void *x = k ? (const void *)&single : (const void *)&rows[i].x;
            int8_t i8;
            uint8_t u8;
            int16_t i16;
            uint16_t u16;
            int32_t i32;
            uint32_t u32;
            int64_t i64;
            uint64_t u64;

            qn_convert(from, x, QN_INT8, &i8, 1, saturating);
            qn_convert(from, x, QN_UINT8, &u8, 1, saturating);
            qn_convert(from, x, QN_INT16, &i16, 1, saturating);
            qn_convert(from, x, QN_UINT16, &u16, 1, saturating);
            qn_convert(from, x, QN_INT32, &i32, 1, saturating);
            qn_convert(from, x, QN_UINT32, &u32, 1, saturating);
            qn_convert(from, x, QN_INT64, &i64, 1, saturating);
            qn_convert(from, x, QN_UINT64, &u64, 1, saturating);
            assert_true(i8 == rows[i].i8 && u8 == rows[i].u8 && i16 == rows[i].i16 && u16 == rows[i].u16);
            assert_true(i32 == rows[i].i32 && u32 == rows[i].u32 && i64 == rows[i].i64 && u64 == rows[i].u64);
        }
    }
}

/* As in the standard's cases from -9 to 15, and beyond. */
static void floats_wrap_to_packed_integers(void **state)
{
    static const struct {
        float x;
        unsigned bits4, bits2;
    } rows[] = {
        {7.9f, 7, 3}, {8, 8, 0},    {15, 15, 3},   {16, 0, 0},  {-1.5f, 15, 3},   {-8, 8, 0},        {-9, 7, 3},
        {0.9f, 0, 0}, {1e9f, 0, 0}, {1e30f, 0, 0}, {NAN, 0, 0}, {INFINITY, 0, 0}, {-INFINITY, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(convert_to_code(QN_FLOAT, &rows[i].x, QN_INT4, saturating), rows[i].bits4);
        assert_int_equal(convert_to_code(QN_FLOAT, &rows[i].x, QN_UINT4, saturating), rows[i].bits4);
        assert_int_equal(convert_to_code(QN_FLOAT, &rows[i].x, QN_INT2, saturating), rows[i].bits2);
        assert_int_equal(convert_to_code(QN_FLOAT, &rows[i].x, QN_UINT2, saturating), rows[i].bits2);
    }
}

static void integers_wrap_and_extend(void **state)
{
    const int64_t wide[] = {200, -56, 0x123456789abcdef0, -1};
    const uint8_t int4s[] = {0x8f, 0x07}, int2s[] = {0xe4};
    int8_t i8[4];
    uint16_t u16[4];
    int32_t i32[4];
    double f64[4];

    (void)state;
    qn_convert(QN_INT64, wide, QN_INT8, i8, 4, saturating);
    assert_true(i8[0] == -56 && i8[1] == -56 && i8[2] == -16 && i8[3] == -1);
    qn_convert(QN_INT64, wide, QN_UINT16, u16, 4, saturating);
    assert_true(u16[0] == 200 && u16[1] == 0xffc8 && u16[2] == 0xdef0 && u16[3] == 0xffff);
    qn_convert(QN_INT4, int4s, QN_INT32, i32, 3, saturating);
    assert_true(i32[0] == -1 && i32[1] == -8 && i32[2] == 7);
    qn_convert(QN_UINT4, int4s, QN_DOUBLE, f64, 3, saturating);
    assert_true(f64[0] == 15 && f64[1] == 8 && f64[2] == 7);
    qn_convert(QN_INT2, int2s, QN_INT32, i32, 4, saturating);
    assert_true(i32[0] == 0 && i32[1] == 1 && i32[2] == -2 && i32[3] == -1);
    qn_convert(QN_UINT2, int2s, QN_INT32, i32, 4, saturating);
    assert_true(i32[0] == 0 && i32[1] == 1 && i32[2] == 2 && i32[3] == 3);
}

static void booleans_are_zero_or_one(void **state)
{
    const float floats[] = {0.0f, -0.0f, 0.25f, NAN, INFINITY};
    const uint8_t sloppy[] = {0, 1, 2, 255};
    const uint8_t packed[] = {0x10};
    uint8_t bools[5];
    int64_t i64[4];

    (void)state;
    qn_convert(QN_FLOAT, floats, QN_BOOL, bools, 5, saturating);
    assert_memory_equal(bools, ((uint8_t[]){0, 0, 1, 1, 1}), 5);
    qn_convert(QN_BOOL, sloppy, QN_INT64, i64, 4, saturating);
    assert_true(i64[0] == 0 && i64[1] == 1 && i64[2] == 1 && i64[3] == 1);
    qn_convert(QN_BOOL, sloppy, QN_BOOL, bools, 4, saturating);
    assert_memory_equal(bools, ((uint8_t[]){0, 1, 1, 1}), 4);
    qn_convert(QN_UINT4, packed, QN_BOOL, bools, 2, saturating);
    assert_memory_equal(bools, ((uint8_t[]){0, 1}), 2);
}

static bool is_real(enum qn_dtype dtype)
{
    return dtype == QN_BOOL || qn_dtype_is_float(dtype) || qn_dtype_is_integer(dtype);
}

enum { MOST = 1040, GUARD = 16 };
static const int64_t sizes[] = {0, 1, 2, 3, 5, 7, 8, 9, 31, 33, 511, 512, 513, 1023, 1025, 1039};

static size_t span(enum qn_dtype dtype, int64_t n) { return ((size_t)n * (size_t)qn_dtype_bits(dtype) + 7) / 8; }

/* One element of src, converted alone. */
static void convert_one(enum qn_dtype from, const unsigned char *src, enum qn_dtype to, unsigned char *dst, int64_t i)
{
    int from_bits = qn_dtype_bits(from), to_bits = qn_dtype_bits(to);
    unsigned char in[8] = {0}, out[8] = {0};

    if (from_bits < 8)
        in[0] = qn_packed_get(src, i, from_bits);
    else
        memcpy(in, src + (size_t)i * qn_dtype_bytes(from), qn_dtype_bytes(from));
    qn_convert(from, in, to, out, 1, saturating);
    if (to_bits < 8)
        qn_packed_set(dst, i, to_bits, out[0]);
    else
        memcpy(dst + (size_t)i * qn_dtype_bytes(to), out, qn_dtype_bytes(to));
}

/* A run of any length is what its elements are, and not a byte more is written. */
static void check_pair(enum qn_dtype from, enum qn_dtype to, const unsigned char *src)
{
    static unsigned char singles[MOST * 8], whole[MOST * 8 + GUARD];

    memset(singles, 0, sizeof(singles));
    for (int64_t i = 0; i < MOST; i++)
        convert_one(from, src, to, singles, i);
    for (size_t k = 0; k < COUNT(sizes); k++) {
        size_t bytes = span(to, sizes[k]);
        unsigned used = (unsigned)((size_t)sizes[k] * (size_t)qn_dtype_bits(to) % 8);
        unsigned mask = used ? (1u << used) - 1 : 255;

        memset(whole, 0xa5, sizeof(whole));
        qn_convert(from, src, to, whole, sizes[k], saturating);
        if (bytes > 0) {
            assert_memory_equal(whole, singles, bytes - 1);
            assert_int_equal(whole[bytes - 1], singles[bytes - 1] & mask);
        }
        for (int i = 0; i < GUARD; i++)
            assert_int_equal(whole[bytes + (size_t)i], 0xa5);
    }
}

static void every_pair_of_types_agrees_with_single_elements(void **state)
{
    static uint64_t src[MOST];
    uint64_t random = 88172645463325252;

    (void)state;
    for (int i = 0; i < MOST; i++) { /* xorshift; every third value small, so that integers fit narrow types too */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        src[i] = i % 3 == 0 ? random >> 58 : random;
    }
    for (int from = 1; from < QN_N_DTYPE; from++)
        for (int to = 1; to < QN_N_DTYPE; to++)
            if (is_real((enum qn_dtype)from) && is_real((enum qn_dtype)to))
                check_pair((enum qn_dtype)from, (enum qn_dtype)to, (const unsigned char *)src);
}

static void packed_elements_keep_their_neighbours(void **state)
{
    uint8_t fours[3], twos[2];

    (void)state;
    memset(fours, 0xff, sizeof(fours));
    memset(twos, 0xff, sizeof(twos));
    qn_packed_set(fours, 2, 4, 0x1a);
    qn_packed_set(fours, 3, 4, 0x05);
    qn_packed_set(twos, 5, 2, 0x06);
    assert_memory_equal(fours, ((uint8_t[]){0xff, 0x5a, 0xff}), 3);
    assert_memory_equal(twos, ((uint8_t[]){0xff, 0xfb}), 2);
    assert_int_equal(qn_packed_get(fours, 2, 4), 0xa);
    assert_int_equal(qn_packed_get(fours, 3, 4), 0x5);
    assert_int_equal(qn_packed_get(twos, 5, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_decodes),
        cmocka_unit_test(every_boundary_rounds_to_even),
        cmocka_unit_test(overflow_begins_half_a_step_above_the_largest),
        cmocka_unit_test(special_values_follow_the_tables),
        cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(e8m0_is_a_power_of_two),
        cmocka_unit_test(e8m0_rounds_by_mode),
        cmocka_unit_test(integers_round_once),
        cmocka_unit_test(floats_truncate_and_saturate),
        cmocka_unit_test(floats_wrap_to_packed_integers),
        cmocka_unit_test(integers_wrap_and_extend),
        cmocka_unit_test(booleans_are_zero_or_one),
        cmocka_unit_test(every_pair_of_types_agrees_with_single_elements),
        cmocka_unit_test(packed_elements_keep_their_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
