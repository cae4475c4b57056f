/* strmap.h: a hash map from names to pointers, in an arena. Insert only. The hash is seeded per process, so that a file
 * full of chosen names stays linear. Keys are borrowed. */
#ifndef QN_BASE_STRMAP_H
#define QN_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct qn_strmap_slot {
    const char *key; /* NULL: free */
    void *value;
    uint32_t hash;
};

struct qn_strmap {
    struct qn_arena *arena;
    struct qn_strmap_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    size_t n;
};

void qn_strmap_init(struct qn_strmap *map, struct qn_arena *arena);
/* Adds or replaces; false when out of memory. */
bool qn_strmap_set(struct qn_strmap *map, const char *key, void *value);
/* NULL when absent. */
void *qn_strmap_get(const struct qn_strmap *map, const char *key);

uint64_t qn_hash_bytes(const void *bytes, size_t n, uint64_t seed);

#endif
