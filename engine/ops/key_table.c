/* key_table.c: open addressing with linear probing, at most half full. Numbers of every type are looked up as one word:
 * integers by value, floats as doubles with one zero and one NaN. */
#include "ops/key_table.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

/* A key as the bytes that are hashed and compared. */
struct key {
    uint64_t word;
    struct qn_str text;
    bool is_text;
};

static uint64_t float_word(double x)
{
    uint64_t word;

    x = isnan(x) ? (double)NAN : x == 0 ? 0 : x;
    memcpy(&word, &x, sizeof(word));
    return word;
}

static struct key key_at(enum qn_dtype dtype, const void *key)
{
    switch (dtype) {
    case QN_STRING:
        return (struct key){.text = *(const struct qn_str *)key, .is_text = true};
    case QN_INT8:
        return (struct key){.word = (uint64_t)(int64_t) * (const int8_t *)key};
    case QN_INT16:
        return (struct key){.word = (uint64_t)(int64_t) * (const int16_t *)key};
    case QN_INT32:
        return (struct key){.word = (uint64_t)(int64_t) * (const int32_t *)key};
    case QN_FLOAT:
        return (struct key){.word = float_word((double)*(const float *)key)};
    case QN_DOUBLE:
        return (struct key){.word = float_word(*(const double *)key)};
    default:
        return (struct key){.word = (uint64_t) * (const int64_t *)key};
    }
}

static struct key key_of(const struct qn_key_table *table, size_t i)
{
    return key_at(table->keys.dtype, (const char *)table->keys.data + i * qn_dtype_bytes(table->keys.dtype));
}

static bool same(const struct key *a, const struct key *b)
{
    return a->is_text ? qn_str_equal(a->text, b->text) : a->word == b->word;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *find_slot(const struct qn_key_table *table, const struct key *key)
{
    uint64_t seed = (uint64_t)(uintptr_t)table->slots;
    uint64_t hash = key->is_text ? qn_hash_bytes(key->text.data, key->text.n, seed)
                                 : qn_hash_bytes(&key->word, sizeof(key->word), seed);

    for (size_t at = (size_t)hash & table->mask;; at = (at + 1) & table->mask) {
        struct key there;

        if (table->slots[at] == 0)
            return &table->slots[at];
        there = key_of(table, table->slots[at] - 1);
        if (same(&there, key))
            return &table->slots[at];
    }
}

enum qn_status qn_key_table_init(struct qn_key_table *table, const struct qn_tensor *keys, bool last_counts,
                                 struct qn_arena *arena, struct qn_err *err)
{
    size_t n = (size_t)qn_tensor_count(keys), n_slots = 4;

    QN_CHECK(n < UINT32_MAX / 4, err, LIMIT, "a list of %zu keys is too long", n);
    while (n_slots < 2 * n)
        n_slots *= 2;
    *table = (struct qn_key_table){.keys = *keys, .mask = n_slots - 1, .repeated = -1};
    table->slots = qn_arena_array(arena, n_slots, sizeof(*table->slots));
    QN_CHECK_MEM(table->slots, err);
    for (size_t i = 0; i < n; i++) {
        struct key key = key_of(table, i);
        uint32_t *slot = find_slot(table, &key);

        if (*slot)
            table->repeated = (int64_t)i;
        if (!*slot || last_counts)
            *slot = (uint32_t)(i + 1);
    }
    return QN_OK;
}

int64_t qn_key_table_find(const struct qn_key_table *table, const void *key)
{
    struct key wanted = key_at(table->keys.dtype, key);

    return (int64_t)*find_slot(table, &wanted) - 1;
}

static struct qn_tensor list_of(enum qn_dtype dtype, const void *v, size_t n)
{
    return (struct qn_tensor){.dtype = dtype, .rank = 1, .dims = {(int64_t)n}, .data = (void *)(uintptr_t)v};
}

struct qn_tensor qn_list_of_ints(const struct qn_ints *list) { return list_of(QN_INT64, list->v, list->n); }
struct qn_tensor qn_list_of_floats(const struct qn_floats *list) { return list_of(QN_FLOAT, list->v, list->n); }
struct qn_tensor qn_list_of_strings(const struct qn_strs *list) { return list_of(QN_STRING, list->v, list->n); }
