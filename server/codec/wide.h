/* wide.h: the few operations on 128 bits that reading and printing numbers need, also for compilers without such a
 * type. */
#ifndef QN_CODEC_WIDE_H
#define QN_CODEC_WIDE_H

#include <stdint.h>

struct wide {
    uint64_t high;
    uint64_t low;
};

static inline struct wide wide_mul(uint64_t a, uint64_t b)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)a * b;

    return (struct wide){(uint64_t)(product >> 64), (uint64_t)product};
#else
    uint64_t low_low = (a & 0xffffffffu) * (b & 0xffffffffu);
    uint64_t high_low = (a >> 32) * (b & 0xffffffffu);
    uint64_t low_high = (a & 0xffffffffu) * (b >> 32);
    uint64_t middle = (low_low >> 32) + (high_low & 0xffffffffu) + low_high;

    return (struct wide){(a >> 32) * (b >> 32) + (high_low >> 32) + (middle >> 32),
                         middle << 32 | (low_low & 0xffffffffu)};
#endif
}

/* floor(log2(10^e)) for |e| <= 1650. */
static inline int floor_log2_pow10(int e) { return (int)(((int64_t)e * 1741647) >> 19); }

#endif
