/* convert.c: arrays from any real element type to any other, as ONNX Cast defines it.
 *
 * Every type has a carrier, the C type that holds all its values: itself for the types C has, float for the narrow
 * floating-point types, int8_t or uint8_t for the packed integers. A conversion is at most three steps: widen the
 * source to its carrier, cross to the target's carrier by one of a table of plain loops, narrow. Steps that do
 * nothing are left out; where two or three remain, they run over blocks that stay in the nearest cache.
 *
 * Single values of narrow types are narrow.h's; strings and complex numbers are the Cast operator's. */
#include "tensor/convert.h"

#include <assert.h>
#include <string.h>

#include "tensor/narrow.h"

enum { BLOCK = 512 }; /* elements; a multiple of 8, so that packed blocks begin at whole bytes */

enum carrier { U8, I8, U16, I16, U32, I32, U64, I64, F32, F64, B8, N_CARRIERS };

typedef void loop_fn(const void *src, void *dst, int64_t n);

/* How one element goes from any carrier to another. Integers to integers wrap. */
#define TO_SAME(c_type, x) ((c_type)(x))
#define TO_BOOL(x)         ((uint8_t)((x) != 0))

/* Floats to integers truncate toward zero and saturate; NaN gives 0. `below` is the largest float under 2^k, the
 * first value out of range; both as the source type has them. Clamped before the cast, which has to be defined for
 * every lane. */
#define DEFINE_TRUNCATE(name, f_type, i_type, lowest, highest, below)                                                  \
    static inline i_type name(f_type x)                                                                                \
    {                                                                                                                  \
        f_type y = x > (f_type)(lowest) ? x : (f_type)(lowest);                                                        \
        i_type i = (i_type)(y < (below) ? y : (below));                                                                \
                                                                                                                       \
        i = x > (below) ? (highest) : i;                                                                               \
        return x == x ? i : 0;                                                                                         \
    }
DEFINE_TRUNCATE(f32_to_u8, float, uint8_t, 0, UINT8_MAX, 0xffp0f)
DEFINE_TRUNCATE(f32_to_i8, float, int8_t, INT8_MIN, INT8_MAX, 0x7fp0f)
DEFINE_TRUNCATE(f32_to_u16, float, uint16_t, 0, UINT16_MAX, 0xffffp0f)
DEFINE_TRUNCATE(f32_to_i16, float, int16_t, INT16_MIN, INT16_MAX, 0x7fffp0f)
DEFINE_TRUNCATE(f32_to_u32, float, uint32_t, 0, UINT32_MAX, 0x1.fffffep31f)
DEFINE_TRUNCATE(f32_to_i32, float, int32_t, INT32_MIN, INT32_MAX, 0x1.fffffep30f)
DEFINE_TRUNCATE(f32_to_u64, float, uint64_t, 0, UINT64_MAX, 0x1.fffffep63f)
DEFINE_TRUNCATE(f32_to_i64, float, int64_t, INT64_MIN, INT64_MAX, 0x1.fffffep62f)
DEFINE_TRUNCATE(f64_to_u8, double, uint8_t, 0, UINT8_MAX, 0xffp0)
DEFINE_TRUNCATE(f64_to_i8, double, int8_t, INT8_MIN, INT8_MAX, 0x7fp0)
DEFINE_TRUNCATE(f64_to_u16, double, uint16_t, 0, UINT16_MAX, 0xffffp0)
DEFINE_TRUNCATE(f64_to_i16, double, int16_t, INT16_MIN, INT16_MAX, 0x7fffp0)
DEFINE_TRUNCATE(f64_to_u32, double, uint32_t, 0, UINT32_MAX, 0xffffffffp0)
DEFINE_TRUNCATE(f64_to_i32, double, int32_t, INT32_MIN, INT32_MAX, 0x7fffffffp0)
DEFINE_TRUNCATE(f64_to_u64, double, uint64_t, 0, UINT64_MAX, 0x1.fffffffffffffp63)
DEFINE_TRUNCATE(f64_to_i64, double, int64_t, INT64_MIN, INT64_MAX, 0x1.fffffffffffffp62)

#define DEFINE_LOOP(name, s_type, d_type, expression)                                                                  \
    static void name(const void *src, void *dst, int64_t n)                                                            \
    {                                                                                                                  \
        const s_type *restrict s = (const s_type *)src;                                                                \
        d_type *restrict d = (d_type *)dst;                                                                            \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            d[i] = (expression);                                                                                       \
    }

/* The loops from one carrier to all. A BOOL counts as 1 whatever its byte, if not zero. */
#define DEFINE_LOOPS_FROM_INTEGER(s_name, s_type, x)                                                                   \
    DEFINE_LOOP(s_name##_u8, s_type, uint8_t, TO_SAME(uint8_t, x))                                                     \
    DEFINE_LOOP(s_name##_i8, s_type, int8_t, TO_SAME(int8_t, x))                                                       \
    DEFINE_LOOP(s_name##_u16, s_type, uint16_t, TO_SAME(uint16_t, x))                                                  \
    DEFINE_LOOP(s_name##_i16, s_type, int16_t, TO_SAME(int16_t, x))                                                    \
    DEFINE_LOOP(s_name##_u32, s_type, uint32_t, TO_SAME(uint32_t, x))                                                  \
    DEFINE_LOOP(s_name##_i32, s_type, int32_t, TO_SAME(int32_t, x))                                                    \
    DEFINE_LOOP(s_name##_u64, s_type, uint64_t, TO_SAME(uint64_t, x))                                                  \
    DEFINE_LOOP(s_name##_i64, s_type, int64_t, TO_SAME(int64_t, x))                                                    \
    DEFINE_LOOP(s_name##_f32, s_type, float, TO_SAME(float, x))                                                        \
    DEFINE_LOOP(s_name##_f64, s_type, double, TO_SAME(double, x))                                                      \
    DEFINE_LOOP(s_name##_b8, s_type, uint8_t, TO_BOOL(x))

#define DEFINE_LOOPS_FROM_FLOAT(s_name, s_type)                                                                        \
    DEFINE_LOOP(s_name##_u8, s_type, uint8_t, s_name##_to_u8(s[i]))                                                    \
    DEFINE_LOOP(s_name##_i8, s_type, int8_t, s_name##_to_i8(s[i]))                                                     \
    DEFINE_LOOP(s_name##_u16, s_type, uint16_t, s_name##_to_u16(s[i]))                                                 \
    DEFINE_LOOP(s_name##_i16, s_type, int16_t, s_name##_to_i16(s[i]))                                                  \
    DEFINE_LOOP(s_name##_u32, s_type, uint32_t, s_name##_to_u32(s[i]))                                                 \
    DEFINE_LOOP(s_name##_i32, s_type, int32_t, s_name##_to_i32(s[i]))                                                  \
    DEFINE_LOOP(s_name##_u64, s_type, uint64_t, s_name##_to_u64(s[i]))                                                 \
    DEFINE_LOOP(s_name##_i64, s_type, int64_t, s_name##_to_i64(s[i]))                                                  \
    DEFINE_LOOP(s_name##_f32, s_type, float, TO_SAME(float, s[i]))                                                     \
    DEFINE_LOOP(s_name##_f64, s_type, double, TO_SAME(double, s[i]))                                                   \
    DEFINE_LOOP(s_name##_b8, s_type, uint8_t, TO_BOOL(s[i]))

DEFINE_LOOPS_FROM_INTEGER(u8, uint8_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(i8, int8_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(u16, uint16_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(i16, int16_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(u32, uint32_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(i32, int32_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(u64, uint64_t, s[i])
DEFINE_LOOPS_FROM_INTEGER(i64, int64_t, s[i])
DEFINE_LOOPS_FROM_FLOAT(f32, float)
DEFINE_LOOPS_FROM_FLOAT(f64, double)
DEFINE_LOOPS_FROM_INTEGER(b8, uint8_t, (s[i] != 0))

#define LOOPS_FROM(s)                                                                                                  \
    {                                                                                                                  \
        s##_u8, s##_i8, s##_u16, s##_i16, s##_u32, s##_i32, s##_u64, s##_i64, s##_f32, s##_f64, s##_b8                 \
    }
static loop_fn *const cross[N_CARRIERS][N_CARRIERS] = {
    LOOPS_FROM(u8),  LOOPS_FROM(i8),  LOOPS_FROM(u16), LOOPS_FROM(i16), LOOPS_FROM(u32), LOOPS_FROM(i32),
    LOOPS_FROM(u64), LOOPS_FROM(i64), LOOPS_FROM(f32), LOOPS_FROM(f64), LOOPS_FROM(b8),
};

/* Crossings to float on the way to something narrower: what does not fit is rounded to odd, so that the narrowing is
 * the only rounding. 64-bit integers lose their last 11 bits to a sticky one first, if they have more than a double
 * holds. */
static inline double sticky_double(uint64_t magnitude)
{
    uint64_t folded = (magnitude & ~(uint64_t)0x7ff) | (uint64_t)((magnitude & 0x7ff) != 0) << 11;

    return (double)(magnitude >> 53 ? folded : magnitude);
}
static inline double sticky_signed_double(int64_t x)
{
    return x < 0 ? -sticky_double(-(uint64_t)x) : sticky_double((uint64_t)x);
}
DEFINE_LOOP(u32_odd, uint32_t, float, double_to_odd_float(s[i]))
DEFINE_LOOP(i32_odd, int32_t, float, double_to_odd_float(s[i]))
DEFINE_LOOP(u64_odd, uint64_t, float, double_to_odd_float(sticky_double(s[i])))
DEFINE_LOOP(i64_odd, int64_t, float, double_to_odd_float(sticky_signed_double(s[i])))
DEFINE_LOOP(f64_odd, double, float, double_to_odd_float(s[i]))

/* Crossings from floats to packed integers: truncated, and the low bits kept of the whole number that gives. */
static inline uint8_t float_low_bits(double x)
{
    bool in_range = x > -0x1p63 && x < 0x1p63; /* false for NaN; beyond, the low bits of a double are zero */

    return (uint8_t)(in_range ? (int64_t)x : 0);
}
DEFINE_LOOP(f32_low, float, uint8_t, float_low_bits(s[i]))
DEFINE_LOOP(f64_low, double, uint8_t, float_low_bits(s[i]))

/* Narrow floating-point types to float. */
DEFINE_LOOP(widen_half, uint16_t, float, half_to_float(s[i]))
DEFINE_LOOP(widen_bfloat, uint16_t, float, bfloat_to_float(s[i]))
DEFINE_LOOP(widen_e4m3fn, uint8_t, float, format_to_float(&narrow_e4m3fn, s[i]))
DEFINE_LOOP(widen_e4m3fnuz, uint8_t, float, format_to_float(&narrow_e4m3fnuz, s[i]))
DEFINE_LOOP(widen_e5m2, uint8_t, float, format_to_float(&narrow_e5m2, s[i]))
DEFINE_LOOP(widen_e5m2fnuz, uint8_t, float, format_to_float(&narrow_e5m2fnuz, s[i]))
DEFINE_LOOP(widen_e8m0, uint8_t, float, e8m0_to_float(s[i]))
DEFINE_LOOP(widen_e2m1, uint8_t, float, format_to_float(&narrow_e2m1, qn_packed_get(s, i, 4)))

/* Packed integers to bytes; `sign` is the sign bit, 0 without one. Whole bytes first, in a loop that vectorises. */
static inline void unpack(const uint8_t *restrict src, uint8_t *restrict dst, int64_t n, int bits, uint8_t sign)
{
    int per_byte = 8 / bits;
    int64_t whole = n / per_byte;

    for (int64_t i = 0; i < whole; i++)
        for (int k = 0; k < per_byte; k++)
            dst[i * per_byte + k] = (uint8_t)(((src[i] >> (k * bits) & ((1 << bits) - 1)) ^ sign) - sign);
    for (int64_t i = whole * per_byte; i < n; i++)
        dst[i] = (uint8_t)((qn_packed_get(src, i, bits) ^ sign) - sign);
}
static void widen_u4(const void *src, void *dst, int64_t n) { unpack((const uint8_t *)src, (uint8_t *)dst, n, 4, 0); }
static void widen_i4(const void *src, void *dst, int64_t n) { unpack((const uint8_t *)src, (uint8_t *)dst, n, 4, 8); }
static void widen_u2(const void *src, void *dst, int64_t n) { unpack((const uint8_t *)src, (uint8_t *)dst, n, 2, 0); }
static void widen_i2(const void *src, void *dst, int64_t n) { unpack((const uint8_t *)src, (uint8_t *)dst, n, 2, 2); }

/* And back. The last byte of a packed run is padded with zeros. */
DEFINE_LOOP(narrow_half, float, uint16_t, float_to_half(s[i]))
DEFINE_LOOP(narrow_bfloat, float, uint16_t, float_to_bfloat(s[i]))
DEFINE_LOOP(saturate_e4m3fn, float, uint8_t, float_to_format(&narrow_e4m3fn, s[i], true))
DEFINE_LOOP(saturate_e4m3fnuz, float, uint8_t, float_to_format(&narrow_e4m3fnuz, s[i], true))
DEFINE_LOOP(saturate_e5m2, float, uint8_t, float_to_format(&narrow_e5m2, s[i], true))
DEFINE_LOOP(saturate_e5m2fnuz, float, uint8_t, float_to_format(&narrow_e5m2fnuz, s[i], true))
DEFINE_LOOP(overflow_e4m3fn, float, uint8_t, float_to_format(&narrow_e4m3fn, s[i], false))
DEFINE_LOOP(overflow_e4m3fnuz, float, uint8_t, float_to_format(&narrow_e4m3fnuz, s[i], false))
DEFINE_LOOP(overflow_e5m2, float, uint8_t, float_to_format(&narrow_e5m2, s[i], false))
DEFINE_LOOP(overflow_e5m2fnuz, float, uint8_t, float_to_format(&narrow_e5m2fnuz, s[i], false))
DEFINE_LOOP(saturate_up_e8m0, float, uint8_t, float_to_e8m0(s[i], true, 'u'))
DEFINE_LOOP(saturate_down_e8m0, float, uint8_t, float_to_e8m0(s[i], true, 'd'))
DEFINE_LOOP(saturate_nearest_e8m0, float, uint8_t, float_to_e8m0(s[i], true, 'n'))
DEFINE_LOOP(overflow_up_e8m0, float, uint8_t, float_to_e8m0(s[i], false, 'u'))
DEFINE_LOOP(overflow_down_e8m0, float, uint8_t, float_to_e8m0(s[i], false, 'd'))
DEFINE_LOOP(overflow_nearest_e8m0, float, uint8_t, float_to_e8m0(s[i], false, 'n'))

/* Packs the low bits of n bytes. */
static void pack(const uint8_t *restrict src, uint8_t *restrict dst, int64_t n, int bits)
{
    int per_byte = 8 / bits;
    unsigned mask = (1u << bits) - 1;

    for (int64_t i = 0; i < n; i += per_byte) {
        unsigned byte = 0;

        for (int k = 0; k < per_byte && i + k < n; k++)
            byte |= (src[i + k] & mask) << (k * bits);
        dst[i / per_byte] = (uint8_t)byte;
    }
}
static void narrow_int4(const void *src, void *dst, int64_t n) { pack((const uint8_t *)src, (uint8_t *)dst, n, 4); }
static void narrow_int2(const void *src, void *dst, int64_t n) { pack((const uint8_t *)src, (uint8_t *)dst, n, 2); }
static void narrow_e2m1_packed(const void *src, void *dst, int64_t n)
{
    const float *s = (const float *)src;
    uint8_t codes[BLOCK];

    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;

        for (int64_t i = 0; i < m; i++)
            codes[i] = float_to_format(&narrow_e2m1, s[done + i], true);
        pack(codes, (uint8_t *)dst + done / 2, m, 4);
    }
}

/* One type: its carrier, and the loops to and from it; NULL where it is its own carrier. */
struct route {
    enum carrier carrier;
    loop_fn *widen, *narrow;
};
static const struct route routes[QN_N_DTYPE] = {
    [QN_FLOAT] = {F32, NULL, NULL},
    [QN_UINT8] = {U8, NULL, NULL},
    [QN_INT8] = {I8, NULL, NULL},
    [QN_UINT16] = {U16, NULL, NULL},
    [QN_INT16] = {I16, NULL, NULL},
    [QN_INT32] = {I32, NULL, NULL},
    [QN_INT64] = {I64, NULL, NULL},
    [QN_STRING] = {N_CARRIERS, NULL, NULL},
    [QN_BOOL] = {B8, NULL, NULL},
    [QN_FLOAT16] = {F32, widen_half, narrow_half},
    [QN_DOUBLE] = {F64, NULL, NULL},
    [QN_UINT32] = {U32, NULL, NULL},
    [QN_UINT64] = {U64, NULL, NULL},
    [QN_COMPLEX64] = {N_CARRIERS, NULL, NULL},
    [QN_COMPLEX128] = {N_CARRIERS, NULL, NULL},
    [QN_BFLOAT16] = {F32, widen_bfloat, narrow_bfloat},
    [QN_FLOAT8E4M3FN] = {F32, widen_e4m3fn, saturate_e4m3fn},
    [QN_FLOAT8E4M3FNUZ] = {F32, widen_e4m3fnuz, saturate_e4m3fnuz},
    [QN_FLOAT8E5M2] = {F32, widen_e5m2, saturate_e5m2},
    [QN_FLOAT8E5M2FNUZ] = {F32, widen_e5m2fnuz, saturate_e5m2fnuz},
    [QN_UINT4] = {U8, widen_u4, narrow_int4},
    [QN_INT4] = {I8, widen_i4, narrow_int4},
    [QN_FLOAT4E2M1] = {F32, widen_e2m1, narrow_e2m1_packed},
    [QN_FLOAT8E8M0] = {F32, widen_e8m0, saturate_up_e8m0},
    [QN_UINT2] = {U8, widen_u2, narrow_int2},
    [QN_INT2] = {I8, widen_i2, narrow_int2},
};

static bool convertible(enum qn_dtype dtype) { return qn_dtype_valid(dtype) && routes[dtype].carrier != N_CARRIERS; }

static loop_fn *find_narrow(enum qn_dtype to, struct qn_convert_options options)
{
    switch (to) {
    case QN_FLOAT8E4M3FN:
        return options.saturate ? saturate_e4m3fn : overflow_e4m3fn;
    case QN_FLOAT8E4M3FNUZ:
        return options.saturate ? saturate_e4m3fnuz : overflow_e4m3fnuz;
    case QN_FLOAT8E5M2:
        return options.saturate ? saturate_e5m2 : overflow_e5m2;
    case QN_FLOAT8E5M2FNUZ:
        return options.saturate ? saturate_e5m2fnuz : overflow_e5m2fnuz;
    case QN_FLOAT8E8M0:
        switch (options.round_mode) {
        case 'd':
            return options.saturate ? saturate_down_e8m0 : overflow_down_e8m0;
        case 'n':
            return options.saturate ? saturate_nearest_e8m0 : overflow_nearest_e8m0;
        default:
            return options.saturate ? saturate_up_e8m0 : overflow_up_e8m0;
        }
    default:
        return routes[to].narrow;
    }
}

/* The crossing between two types' carriers; NULL when there is nothing to do. */
static loop_fn *find_cross(enum qn_dtype from, enum qn_dtype to)
{
    enum carrier a = routes[from].carrier, b = routes[to].carrier;

    if (b == F32 && routes[to].narrow)
        switch (a) {
        case U32:
            return u32_odd;
        case I32:
            return i32_odd;
        case U64:
            return u64_odd;
        case I64:
            return i64_odd;
        case F64:
            return f64_odd;
        default:
            break;
        }
    if (routes[to].narrow && (b == U8 || b == I8) && (a == F32 || a == F64))
        return a == F32 ? f32_low : f64_low;
    return a == b ? NULL : cross[a][b];
}

/* One to three loops, in order; the types differ. */
static int find_steps(enum qn_dtype from, enum qn_dtype to, struct qn_convert_options options, loop_fn *steps[3])
{
    loop_fn *const all[] = {routes[from].widen, find_cross(from, to), find_narrow(to, options)};
    int n_steps = 0;

    for (int i = 0; i < 3; i++)
        if (all[i])
            steps[n_steps++] = all[i];
    return n_steps;
}

/* The same bytes, BOOLs made 0 or 1 and the padding of packed types zero. */
static void copy(enum qn_dtype dtype, const void *src, void *dst, int64_t n)
{
    int bits = qn_dtype_bits(dtype);
    size_t bytes = ((size_t)n * (size_t)bits + 7) / 8;
    unsigned used = (unsigned)((size_t)n * (size_t)bits % 8);

    if (dtype == QN_BOOL) {
        b8_b8(src, dst, n);
        return;
    }
    memcpy(dst, src, bytes);
    if (used > 0)
        ((uint8_t *)dst)[bytes - 1] &= (uint8_t)((1u << used) - 1);
}

void qn_convert(enum qn_dtype from, const void *src, enum qn_dtype to, void *dst, int64_t n,
                struct qn_convert_options options)
{
    union {
        double align;
        unsigned char bytes[BLOCK * sizeof(double)];
    } wide, crossed;
    loop_fn *steps[3] = {NULL};
    int n_steps;

    assert(convertible(from) && convertible(to));
    if (n <= 0 || !convertible(from) || !convertible(to))
        return;
    if (from == to) {
        copy(from, src, dst, n);
        return;
    }
    n_steps = find_steps(from, to, options, steps);
    if (n_steps == 1) {
        steps[0](src, dst, n);
        return;
    }
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;
        const void *s = (const unsigned char *)src + done / 8 * qn_dtype_bits(from);
        void *d = (unsigned char *)dst + done / 8 * qn_dtype_bits(to);

        steps[0](s, wide.bytes, m);
        if (n_steps == 3)
            steps[1](wide.bytes, crossed.bytes, m);
        steps[n_steps - 1](n_steps == 3 ? crossed.bytes : wide.bytes, d, m);
    }
}
