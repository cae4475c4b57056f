/* test_strmap.c: setting, replacing and finding many names; memory refused; the hash against SipHash's properties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strmap.h"

enum { N_NAMES = 20000 };

static void many_names_are_found_again(void **state)
{
    static char names[N_NAMES][16];
    struct qn_arena arena;
    struct qn_strmap map;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    qn_strmap_init(&map, &arena);
    assert_null(qn_strmap_get(&map, "n0"));
    for (int i = 0; i < N_NAMES; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        assert_true(qn_strmap_set(&map, names[i], names[i]));
    }
    assert_int_equal(map.n, N_NAMES);
    for (int i = 0; i < N_NAMES; i++) {
        char key[16];

        snprintf(key, sizeof(key), "n%d", i);
        assert_ptr_equal(qn_strmap_get(&map, key), names[i]);
        snprintf(key, sizeof(key), "m%d", i);
        assert_null(qn_strmap_get(&map, key));
    }
    qn_arena_deinit(&arena);
}

static void setting_again_replaces(void **state)
{
    struct qn_arena arena;
    struct qn_strmap map;
    int a, b;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    qn_strmap_init(&map, &arena);
    assert_true(qn_strmap_set(&map, "", &a));
    assert_true(qn_strmap_set(&map, "x", &a));
    assert_true(qn_strmap_set(&map, "x", &b));
    assert_int_equal(map.n, 2);
    assert_ptr_equal(qn_strmap_get(&map, "x"), &b);
    assert_ptr_equal(qn_strmap_get(&map, ""), &a);
    qn_arena_deinit(&arena);
}

/* When growing is refused, what is in the map stays there. */
static void a_spent_budget_loses_nothing(void **state)
{
    static char names[200][16];
    struct qn_arena arena;
    struct qn_strmap map;
    int n = 0;

    (void)state;
    qn_arena_init(&arena, 4096);
    qn_strmap_init(&map, &arena);
    while (n < 200) {
        snprintf(names[n], sizeof(names[n]), "k%d", n);
        if (!qn_strmap_set(&map, names[n], names[n]))
            break;
        n++;
    }
    assert_in_range(n, 24, 199);
    assert_int_equal(map.n, n);
    for (int i = 0; i < n; i++)
        assert_ptr_equal(qn_strmap_get(&map, names[i]), names[i]);
    assert_null(qn_strmap_get(&map, names[n]));
    qn_arena_deinit(&arena);
}

/* Each input bit and each seed bit flips about half of the result's bits. */
static void the_hash_mixes_every_bit(void **state)
{
    unsigned char bytes[24];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37);
    for (size_t n = 1; n <= sizeof(bytes); n++) {
        uint64_t before = qn_hash_bytes(bytes, n, 42);

        assert_true(before == qn_hash_bytes(bytes, n, 42));
        assert_true(before != qn_hash_bytes(bytes, n - 1, 42));
        for (size_t bit = 0; bit < n * 8; bit++) {
            uint64_t after;

            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            after = qn_hash_bytes(bytes, n, 42);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            assert_in_range(__builtin_popcountll(before ^ after), 10, 54);
        }
        for (int bit = 0; bit < 64; bit++)
            assert_in_range(__builtin_popcountll(before ^ qn_hash_bytes(bytes, n, 42 ^ UINT64_C(1) << bit)), 10, 54);
    }
}

static void the_hash_ignores_alignment(void **state)
{
    char place[64];

    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(place + shift, "the same sixteen", 16);
        assert_true(qn_hash_bytes(place + shift, 16, 7) == qn_hash_bytes("the same sixteen", 16, 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_names_are_found_again),   cmocka_unit_test(setting_again_replaces),
        cmocka_unit_test(a_spent_budget_loses_nothing), cmocka_unit_test(the_hash_mixes_every_bit),
        cmocka_unit_test(the_hash_ignores_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
