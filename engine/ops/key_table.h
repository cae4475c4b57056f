/* key_table.h: where a key stands in a list of an attribute: labels, categories, vocabularies, stop words. Built once
 * at load; finding is a hash away and may be done by any number of threads. Lists come from files: the hash is keyed by
 * where the table lies, so that no list can be made to fall into one slot. */
#ifndef QN_OPS_KEY_TABLE_H
#define QN_OPS_KEY_TABLE_H

#include "ops/op.h"

struct qn_key_table {
    struct qn_tensor keys; /* borrowed; of one dimension */
    uint32_t *slots;       /* position + 1, 0: free */
    size_t mask;
    int64_t repeated; /* position of a key that also stands before it, -1: all are different */
};

/* The types that keys may have. */
#define QN_KEY_TYPES (QN_BIT(STRING) | QN_SIGNED | QN_BIT(FLOAT) | QN_BIT(DOUBLE))

/* Of equal keys the first counts, or the last. NaN equals NaN, -0 equals 0. The keys must outlive the table. */
enum qn_status qn_key_table_init(struct qn_key_table *table, const struct qn_tensor *keys, bool last_counts,
                                 struct qn_arena *arena, struct qn_err *err);
/* The position of a key that lies in memory as the list's own do; -1 when it is not in the list. */
int64_t qn_key_table_find(const struct qn_key_table *table, const void *key);

/* Lists of attributes as tensors. */
struct qn_tensor qn_list_of_ints(const struct qn_ints *list);
struct qn_tensor qn_list_of_floats(const struct qn_floats *list);
struct qn_tensor qn_list_of_strings(const struct qn_strs *list);

#endif
