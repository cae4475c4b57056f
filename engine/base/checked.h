/* checked.h: arithmetic on sizes that came from a file or a request. Every helper returns false on overflow. */
#ifndef QN_BASE_CHECKED_H
#define QN_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool qn_mul(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }
static inline bool qn_add(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool qn_mul64(int64_t a, int64_t b, int64_t *product) { return !__builtin_mul_overflow(a, b, product); }
static inline bool qn_add64(int64_t a, int64_t b, int64_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool qn_sub64(int64_t a, int64_t b, int64_t *difference)
{
    return !__builtin_sub_overflow(a, b, difference);
}

/* n rounded up to a multiple of align, a power of two; n must be at most SIZE_MAX - align. */
static inline size_t qn_round_up(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }

#endif
