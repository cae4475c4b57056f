/* test_arena.c: alignment, zeroing, budgets, overflow, and that rounds reuse their blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static bool is_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Every piece keeps what was written to it, whatever was handed out after it. */
static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    struct qn_arena arena;
    unsigned char *pieces[400];

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < 400; i++) {
        size_t n = i * 7 % 513;

        pieces[i] = qn_arena_alloc(&arena, n);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % (n >= 64 ? 64 : 16), 0);
        assert_true(is_zero(pieces[i], n));
        memset(pieces[i], (int)(i % 251) + 1, n);
    }
    for (size_t i = 0; i < 400; i++)
        for (size_t j = 0; j < i * 7 % 513; j++)
            assert_int_equal(pieces[i][j], i % 251 + 1);
    qn_arena_deinit(&arena);
    assert_int_equal(arena.used, 0);
}

static void huge_pieces_get_their_own_block(void **state)
{
    struct qn_arena arena;
    char *huge;

    (void)state;
    qn_arena_init(&arena, (size_t)64 << 20);
    assert_non_null(qn_arena_alloc(&arena, 10));
    huge = qn_arena_alloc_raw(&arena, (size_t)20 << 20);
    assert_non_null(huge);
    memset(huge, 1, (size_t)20 << 20);
    assert_in_range(arena.used, (size_t)20 << 20, ((size_t)20 << 20) + 8192);
    qn_arena_deinit(&arena);
}

static void the_budget_holds(void **state)
{
    struct qn_arena arena;
    size_t total = 0;

    (void)state;
    qn_arena_init(&arena, 100000);
    while (qn_arena_alloc(&arena, 1000) != NULL) {
        total += 1000;
        assert_true(arena.used <= 100000);
    }
    assert_in_range(total, 80000, 100000);
    assert_null(qn_arena_alloc(&arena, 50000));
    assert_true(arena.used <= 100000);
    qn_arena_deinit(&arena);

    qn_arena_init(&arena, 0);
    assert_null(qn_arena_alloc(&arena, 0));
    assert_null(qn_arena_alloc(&arena, 1));
    qn_arena_deinit(&arena);
}

static void impossible_sizes_are_refused(void **state)
{
    struct qn_arena arena;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    assert_null(qn_arena_alloc_raw(&arena, SIZE_MAX));
    assert_null(qn_arena_alloc_raw(&arena, SIZE_MAX - 64));
    assert_null(qn_arena_alloc_raw(&arena, SIZE_MAX - 200));
    assert_null(qn_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(qn_arena_array(&arena, (size_t)1 << 32, (size_t)1 << 32));
    assert_null(qn_arena_strndup(&arena, "x", SIZE_MAX));
    assert_non_null(qn_arena_array(&arena, SIZE_MAX, 0));
    assert_non_null(qn_arena_array(&arena, 3, 5));
    qn_arena_deinit(&arena);
}

static void copies_are_equal_and_terminated(void **state)
{
    struct qn_arena arena;
    char text[] = "grain\0of";
    char *copy;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    copy = qn_arena_strdup(&arena, text);
    assert_string_equal(copy, "grain");
    assert_ptr_not_equal(copy, text);
    assert_string_equal(qn_arena_strndup(&arena, text, 3), "gra");
    assert_string_equal(qn_arena_strndup(&arena, NULL, 0), "");
    assert_memory_equal(qn_arena_memdup(&arena, text, sizeof(text)), text, sizeof(text));
    assert_non_null(qn_arena_memdup(&arena, NULL, 0));
    qn_arena_deinit(&arena);
}

/* Rounds of varying sizes and orders settle: they must not take more and more heap. */
static void reset_reuses_blocks(void **state)
{
    struct qn_arena arena;
    size_t used = 0;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    for (int round = 0; round < 100; round++) {
        if (round % 2 != 0)
            assert_non_null(qn_arena_alloc(&arena, 100000));
        for (int i = 0; i < 50; i++) {
            unsigned char *piece = qn_arena_alloc(&arena, (size_t)(1000 + round % 5 * 500));

            assert_non_null(piece);
            assert_true(is_zero(piece, 1000));
            memset(piece, 0xEE, 1000);
        }
        if (round % 2 == 0)
            assert_non_null(qn_arena_alloc(&arena, 100000));
        if (round == 10)
            used = arena.used;
        qn_arena_reset(&arena);
    }
    assert_int_equal(arena.used, used);
    assert_in_range(arena.used, 200000, 1000000);
    qn_arena_deinit(&arena);
}

static void rewind_forgets_only_what_came_after(void **state)
{
    struct qn_arena arena;
    struct qn_arena_mark mark;
    struct qn_arena_mark nothing;
    size_t used = 0;
    char *kept;

    (void)state;
    qn_arena_init(&arena, SIZE_MAX);
    nothing = qn_arena_mark(&arena);
    kept = qn_arena_strdup(&arena, "kept");
    mark = qn_arena_mark(&arena);
    for (int round = 0; round < 20; round++) {
        char *first = qn_arena_alloc(&arena, 8);

        assert_ptr_not_equal(first, kept);
        for (int i = 0; i < 30; i++)
            memset(qn_arena_alloc(&arena, 1000), 0xEE, 1000);
        if (round == 0)
            used = arena.used;
        qn_arena_rewind(&arena, mark);
    }
    assert_int_equal(arena.used, used);
    assert_string_equal(kept, "kept");
    qn_arena_rewind(&arena, nothing);
    assert_ptr_equal(qn_arena_strdup(&arena, "new"), kept);
    qn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(huge_pieces_get_their_own_block),
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(copies_are_equal_and_terminated),
        cmocka_unit_test(reset_reuses_blocks),
        cmocka_unit_test(rewind_forgets_only_what_came_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
