/* bytes_ref.c: products of bytes in plain C, words of two. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 1 };
typedef float floats;
typedef int32_t ints;
#define set_float(x)                (x)
#define set_int(x)                  (x)
#define load_ints(p, n)             (*(p))
#define load_floats(p, n)           (*(p))
#define load_bytes(p, is_signed, n) ((is_signed) ? (int8_t) * (p) : *(p))
#define store_ints(p, x, n)         (*(p) = (x))
#define store_floats(p, x, n)       (*(p) = (x))
#define to_floats(x)                ((float)(x))
#define add_ints(a, b)              ((int32_t)((uint32_t)(a) + (uint32_t)(b)))
#define sub_ints(a, b)              ((a) - (b))
#define mul_ints(a, b)              ((int32_t)((uint32_t)(a) * (uint32_t)(b)))
#define mul_floats(a, b)            ((a) * (b))
#define div_floats(a, b)            ((a) / (b))
#define store_bytes(p, x, r, n)     (*(p) = (uint8_t)(round_between(x, (r).low, (r).high) + (r).zero))

/* Adding 1.5 * 2^23 leaves the nearest integer in the last places of the sum. */
static inline int32_t round_between(float x, float low, float high)
{
    const float magic = 0x1.8p23f;
    int32_t bits, nothing;

    x = x > low ? x : low;
    x = (x < high ? x : high) + magic;
    memcpy(&bits, &x, sizeof(bits));
    memcpy(&nothing, &magic, sizeof(nothing));
    return bits - nothing;
}

#define BYTES_DEPTH 2
#include "kernels/simd/bytes_body.h"

static void product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < n_panels; p++) {
            const int16_t *x = (const int16_t *)a + i * words * 2, *y = (const int16_t *)b + p * words * 32;
            uint32_t sums[QN_BYTES_PANEL] = {0};

            for (int64_t w = 0; w < words; w++, x += 2, y += 32)
                for (int j = 0; j < QN_BYTES_PANEL; j++)
                    sums[j] += (uint32_t)(x[0] * y[2 * j] + x[1] * y[2 * j + 1]);
            memcpy(c + i * ldc + p * QN_BYTES_PANEL, sums, sizeof(sums));
        }
}

void qn_bytes_init_ref(struct qn_bytes_isa *isa) { *isa = BYTES_TABLE; }
