/* strmap.c: open addressing with linear probing, at most three quarters full. Growing leaves the old table in the
 * arena, which doubles the memory at worst. The hash is SipHash-1-3, keyed by the process's seed: strings come from
 * files, and a weaker hash could be steered into one slot. */
#define _GNU_SOURCE
#include "base/strmap.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t rotate(uint64_t x, int n) { return x << n | x >> (64 - n); }

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein) of the bytes read as little-endian words. The second half of the key is made from
 * the first, which is enough for tables: the secret is the seed. */
uint64_t qn_hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t key = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    uint64_t v[4] = {seed ^ UINT64_C(0x736F6D6570736575), key ^ UINT64_C(0x646F72616E646F6D),
                     seed ^ UINT64_C(0x6C7967656E657261), key ^ UINT64_C(0x7465646279746573)};
    uint64_t word;

    for (size_t left = n; left >= 8; left -= 8, p += 8) {
        word = 0;
        for (int i = 0; i < 8; i++)
            word |= (uint64_t)p[i] << (8 * i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)n << 56;
    for (size_t i = 0; i < n % 8; i++)
        word |= (uint64_t)p[i] << (8 * i);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Drawn once per process; never 0, which stands for "not drawn". */
static uint64_t process_seed(void)
{
    static _Atomic uint64_t shared;
    uint64_t seed = atomic_load_explicit(&shared, memory_order_relaxed);
    uint64_t none = 0;

    if (seed != 0)
        return seed;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        struct timespec now = {0};

        clock_gettime(CLOCK_REALTIME, &now); /* no entropy yet: the time and where the stack was placed */
        seed = (uint64_t)now.tv_nsec * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)&now;
    }
    seed |= 1;
    return atomic_compare_exchange_strong(&shared, &none, seed) ? seed : none;
}

static uint32_t hash_key(const char *key) { return (uint32_t)qn_hash_bytes(key, strlen(key), process_seed()); }

void qn_strmap_init(struct qn_strmap *map, struct qn_arena *arena) { *map = (struct qn_strmap){.arena = arena}; }

/* The slot that holds the key, or the free one where it belongs. There is always a free one. */
static struct qn_strmap_slot *find(struct qn_strmap_slot *slots, size_t n_slots, const char *key, uint32_t hash)
{
    size_t mask = n_slots - 1;
    size_t at = hash & mask;

    while (slots[at].key != NULL && (slots[at].hash != hash || strcmp(slots[at].key, key) != 0))
        at = (at + 1) & mask;
    return &slots[at];
}

static bool grow(struct qn_strmap *map)
{
    size_t n_slots = map->n_slots == 0 ? 16 : map->n_slots * 2;
    struct qn_strmap_slot *slots;

    if (n_slots == 0 || n_slots > (size_t)1 << 31)
        return false;
    slots = qn_arena_array(map->arena, n_slots, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < map->n_slots; i++)
        if (map->slots[i].key != NULL)
            *find(slots, n_slots, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    map->slots = slots;
    map->n_slots = n_slots;
    return true;
}

bool qn_strmap_set(struct qn_strmap *map, const char *key, void *value)
{
    uint32_t hash = hash_key(key);
    struct qn_strmap_slot *slot;

    if (map->n >= map->n_slots - map->n_slots / 4 && !grow(map))
        return false;
    slot = find(map->slots, map->n_slots, key, hash);
    if (slot->key == NULL) {
        slot->key = key;
        slot->hash = hash;
        map->n++;
    }
    slot->value = value;
    return true;
}

void *qn_strmap_get(const struct qn_strmap *map, const char *key)
{
    if (map->n == 0)
        return NULL;
    return find(map->slots, map->n_slots, key, hash_key(key))->value;
}
