/* bytes_body.h: products of bytes: packing and rows, over a vocabulary that the CPU level's file defines before it;
 * compiled once for each level. BYTES_DEPTH is how many elements of k a word holds; INTERLEAVE may be a function that
 * packs one word of 16 columns. Not here: the products themselves. */
#ifndef QN_KERNELS_BYTES_BODY_H
#define QN_KERNELS_BYTES_BODY_H

#include <string.h>

#include "kernels/kern_impl.h"

#if BYTES_DEPTH == 4
typedef int8_t row_element;
typedef uint8_t column_element;
#else
typedef int16_t row_element;
typedef int16_t column_element;
#endif

enum { WORD_BYTES = 4 * QN_BYTES_PANEL };

/* ---- Packing -------------------------------------------------------------------------------------------------- */

static void pack_row(void *packed, const uint8_t *src, uint8_t flip, int64_t k)
{
    row_element *restrict dst = packed;
    int64_t padded = qn_bytes_words(k, BYTES_DEPTH) * BYTES_DEPTH;

    for (int64_t i = 0; i < k; i++)
        dst[i] = (row_element)(int8_t)(src[i] ^ flip);
    for (int64_t i = k; i < padded; i++)
        dst[i] = 0;
}

#ifndef INTERLEAVE
/* One word of 16 columns: dst[j][u] = rows[u][j]. */
static void interleave(column_element *restrict dst, const uint8_t *const *rows, uint8_t flip)
{
    for (int u = 0; u < BYTES_DEPTH; u++)
        for (int j = 0; j < QN_BYTES_PANEL; j++)
            dst[j * BYTES_DEPTH + u] = (column_element)(uint8_t)(rows[u][j] ^ flip);
}
#define INTERLEAVE interleave
#endif

/* Beyond k and n anything will do: the other operand has zeros there, or the column is not wanted. */
static void pack_columns(void *packed, int64_t panel_bytes, const uint8_t *src, int64_t ld, uint8_t flip, int64_t k,
                         int64_t n)
{
    for (int64_t j = 0; j < n; j += QN_BYTES_PANEL) {
        char *dst = (char *)packed + j / QN_BYTES_PANEL * panel_bytes;

        for (int64_t i = 0; i < k; i += BYTES_DEPTH, dst += WORD_BYTES) {
            uint8_t edge[BYTES_DEPTH][QN_BYTES_PANEL] = {{0}};
            const uint8_t *rows[BYTES_DEPTH];

            for (int u = 0; u < BYTES_DEPTH; u++) {
                rows[u] = src + (i + u < k ? i + u : k - 1) * ld + j;
                if (j + QN_BYTES_PANEL > n) {
                    memcpy(edge[u], rows[u], (size_t)(n - j));
                    rows[u] = edge[u];
                }
            }
            INTERLEAVE((column_element *)(void *)dst, rows, flip);
        }
    }
}

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

/* The level's vocabulary, LANES at a time; loads and stores touch the first n, and with n = LANES need no mask:
 * load_ints, load_floats, load_bytes (as integers), store_floats, store_bytes (rounded half to even between low and
 * high, NaN as low, then plus zero), to_floats, set_*, add_ints, mul_ints, sub_ints, mul_floats, div_floats. */

/* Runs BODY(i, n) over n elements. */
#define EACH_VECTOR(n, BODY)                                                                                           \
    do {                                                                                                               \
        int64_t at_ = 0;                                                                                               \
                                                                                                                       \
        for (; at_ + LANES <= (n); at_ += LANES)                                                                       \
            BODY(at_, LANES);                                                                                          \
        if (at_ < (n))                                                                                                 \
            BODY(at_, (int)((n)-at_));                                                                                 \
    } while (0)

/* Where rounded results lie before their zero point is added. */
struct range {
    floats low, high;
    ints zero;
};

static struct range range_of(enum qn_bytes_form form, int32_t zero)
{
    const int32_t least = form == QN_BYTES_S8 ? INT8_MIN : 0;

    return (struct range){set_float((float)(least - zero)), set_float((float)(least + 255 - zero)), set_int(zero)};
}

static void finish(void *dst, int32_t *sums, int64_t n, const struct qn_bytes_finish *f)
{
    const struct range range = range_of(f->form, f->zero);
    const ints add = set_int((int32_t)f->add), mul = set_int((int32_t)f->mul);
    const floats scale = set_float(f->form == QN_BYTES_S32 ? 1 : f->scale[0]);

#define ADD_COLUMN(i, some)                                                                                            \
    store_ints(sums + (i), add_ints(load_ints(sums + (i), some), load_ints(f->column_add + (i), some)), some)
#define MUL_COLUMN(i, some)                                                                                            \
    store_ints(sums + (i), add_ints(load_ints(sums + (i), some), mul_ints(load_ints(f->column_mul + (i), some), mul)), \
               some)
#define TO_INTS(i, some) store_ints((int32_t *)dst + (i), add_ints(load_ints(sums + (i), some), add), some)
#define TO_BYTES(i, some)                                                                                              \
    store_bytes((uint8_t *)dst + (i), mul_floats(to_floats(add_ints(load_ints(sums + (i), some), add)), scale), range, \
                some)
#define TO_BYTES_BY_COLUMN(i, some)                                                                                    \
    store_bytes((uint8_t *)dst + (i),                                                                                  \
                mul_floats(to_floats(add_ints(load_ints(sums + (i), some), add)), load_floats(f->scale + (i), some)),  \
                range, some)
    if (f->column_add)
        EACH_VECTOR(n, ADD_COLUMN);
    if (f->column_mul)
        EACH_VECTOR(n, MUL_COLUMN);
    if (f->form == QN_BYTES_S32)
        EACH_VECTOR(n, TO_INTS);
    else if (f->by_column)
        EACH_VECTOR(n, TO_BYTES_BY_COLUMN);
    else
        EACH_VECTOR(n, TO_BYTES);
}

static void quantise(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n)
{
    const struct range range = range_of(form, zero);
    const floats s = set_float(scale);

#define QUANTISE(i, some) store_bytes((uint8_t *)dst + (i), div_floats(load_floats(src + (i), some), s), range, some)
    EACH_VECTOR(n, QUANTISE);
}

static void scale_floats(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n)
{
    const struct range range = range_of(form, zero);
    const floats s = set_float(scale);

#define SCALE(i, some) store_bytes((uint8_t *)dst + (i), mul_floats(load_floats(src + (i), some), s), range, some)
    EACH_VECTOR(n, SCALE);
}

static void dequantise(float *dst, enum qn_bytes_form form, const void *src, float scale, int32_t zero, int64_t n)
{
    const floats s = set_float(scale);
    const ints z = set_int(zero);

#define DEQUANTISE(i, some, is_signed)                                                                                 \
    store_floats(dst + (i),                                                                                            \
                 mul_floats(to_floats(sub_ints(load_bytes((const uint8_t *)src + (i), is_signed, some), z)), s), some)
#define DEQUANTISE_U8(i, some) DEQUANTISE(i, some, false)
#define DEQUANTISE_S8(i, some) DEQUANTISE(i, some, true)
    if (form == QN_BYTES_U8)
        EACH_VECTOR(n, DEQUANTISE_U8);
    else
        EACH_VECTOR(n, DEQUANTISE_S8);
}

#define DEFINE_SUM(name, type)                                                                                         \
    static int32_t sum_##name(const type *src, int64_t n)                                                              \
    {                                                                                                                  \
        int32_t sum = 0;                                                                                               \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            sum += src[i];                                                                                             \
        return sum;                                                                                                    \
    }
DEFINE_SUM(u8, uint8_t)
DEFINE_SUM(s8, int8_t)

static int64_t sum(enum qn_bytes_form form, const void *src, int64_t n)
{
    const int64_t most = 1 << 23; /* whose sum an int32 holds */
    int64_t total = 0;

    for (int64_t i = 0; i < n; i += most) {
        int64_t some = n - i < most ? n - i : most;

        total += form == QN_BYTES_U8 ? sum_u8((const uint8_t *)src + i, some) : sum_s8((const int8_t *)src + i, some);
    }
    return total;
}

#define BYTES_TABLE                                                                                                    \
    (struct qn_bytes_isa)                                                                                              \
    {                                                                                                                  \
        .depth = BYTES_DEPTH, .pack_row = pack_row, .pack_columns = pack_columns, .product = product,                  \
        .finish = finish, .quantise = quantise, .scale = scale_floats, .dequantise = dequantise, .sum = sum            \
    }

#endif
