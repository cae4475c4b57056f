/* test_move.c: the mover (engine/ops/move.c) against the obvious loop: random nests of every element size, with axes
 * that merge, that repeat, that run backwards and that change places, on one and several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/move.h"

enum { MAX_BYTES = 1 << 20, GUARD = 64 };

static uint32_t seed = 1;

static int64_t random_below(int64_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int64_t)(seed >> 8) % n;
}

/* The meaning of a nest. */
static void move_plainly(const struct qn_move *move, size_t size, const char *src, char *dst)
{
    int64_t at[QN_MOVE_RANK] = {0}, n = 1;

    for (int i = 0; i < move->rank; i++)
        n *= move->dims[i];
    for (int64_t k = 0; k < n; k++) {
        int64_t from = 0, to = 0;

        for (int i = 0; i < move->rank; i++) {
            from += at[i] * move->src[i];
            to += at[i] * move->dst[i];
        }
        memcpy(dst + to * (int64_t)size, src + from * (int64_t)size, size);
        for (int i = move->rank - 1; i >= 0 && ++at[i] == move->dims[i]; i--)
            at[i] = 0;
    }
}

struct nest {
    struct qn_move move;
    int64_t src_first; /* element (0, 0, ...) of src: not 0 when axes run backwards */
    int64_t n;
};

/* A dense output whose axes stand for the axes of a dense input in another order, some of them repeated or backwards.
 */
static struct nest random_nest(int rank, int64_t most)
{
    struct nest nest = {.n = 1};
    int64_t dims[4], src_steps[4], dst_steps[4], src_step = 1;
    int order[4];

    for (int i = 0; i < rank; i++) {
        order[i] = i;
        dims[i] = 1 + random_below(most);
    }
    for (int i = rank - 1; i > 0 && random_below(4); i--) {
        int j = (int)random_below(i + 1), swap = order[i];

        order[i] = order[j];
        order[j] = swap;
    }
    qn_dense_steps(rank, dims, dst_steps);
    for (int i = rank - 1; i >= 0; i--) {
        int axis = order[i];
        int64_t kind = random_below(8);

        src_steps[axis] = kind == 0 ? 0 : kind == 1 ? -src_step : src_step;
        nest.src_first += kind == 1 ? (dims[axis] - 1) * src_step : 0;
        src_step *= dims[axis];
    }
    for (int i = 0; i < rank; i++) {
        qn_move_axis(&nest.move, dims[i], src_steps[i], dst_steps[i]);
        nest.n *= dims[i];
    }
    return nest;
}

struct buffers {
    char *src, *want, *got;
    struct qn_pool *pool;
};

static int set_up(void **state)
{
    struct buffers *b = calloc(1, sizeof(*b));

    b->src = malloc(MAX_BYTES);
    b->want = malloc(MAX_BYTES + 2 * GUARD);
    b->got = malloc(MAX_BYTES + 2 * GUARD);
    b->pool = qn_pool_create(3);
    for (int i = 0; i < MAX_BYTES; i++)
        b->src[i] = (char)random_below(256);
    *state = b;
    return b->src && b->want && b->got ? 0 : -1;
}

static int tear_down(void **state)
{
    struct buffers *b = *state;

    qn_pool_destroy(b->pool);
    free(b->src);
    free(b->want);
    free(b->got);
    free(b);
    return 0;
}

static void check(const struct buffers *b, const struct nest *nest, size_t size, struct qn_pool *pool)
{
    size_t n = (size_t)nest->n * size, first = (size_t)nest->src_first * size;

    memset(b->want, 0xa5, n + 2 * GUARD);
    memset(b->got, 0xa5, n + 2 * GUARD);
    move_plainly(&nest->move, size, b->src + first, b->want + GUARD);
    qn_move_run(&nest->move, size, b->src + first, b->got + GUARD, pool);
    assert_memory_equal(b->got, b->want, n + 2 * GUARD);
}

static void moves_like_the_plain_loop(void **state)
{
    static const size_t sizes[] = {1, 2, 4, 8, 16, 3, 12, 24};
    static const int64_t most[] = {0, 4000, 90, 20, 9};
    const struct buffers *b = *state;

    for (int round = 0; round < 1500; round++) {
        size_t size = sizes[random_below(8)];
        int rank = (int)random_below(5);
        struct nest nest = random_nest(rank, random_below(3) ? most[rank] / 4 + 1 : most[rank]);

        if ((size_t)nest.n * size <= MAX_BYTES)
            check(b, &nest, size, random_below(2) ? b->pool : NULL);
    }
}

/* Pairs of axes that change places, with tails of every length, in a matrix inside a larger one. */
static void transposes_any_tail(void **state)
{
    const struct buffers *b = *state;

    for (int64_t rows = 1; rows < 40; rows += 3) {
        for (int64_t cols = 1; cols < 40; cols += 2) {
            for (size_t size = 1; size <= 16; size *= 2) {
                struct nest nest = {.n = rows * (cols + 5)};

                qn_move_axis(&nest.move, rows, 1, cols + 5);
                qn_move_axis(&nest.move, cols, rows + 3, 1);
                check(b, &nest, size, NULL);
            }
        }
    }
}

static void fills_and_copies(void **state)
{
    const struct buffers *b = *state;
    const struct qn_move scalar = {0}, empty = {.rank = 2, .dims = {3, 0}, .src = {1, 1}, .dst = {1, 1}};

    qn_fill(b->got, "abcd", 4, MAX_BYTES / 4, b->pool);
    for (int i = 0; i < MAX_BYTES; i++)
        assert_int_equal(b->got[i], "abcd"[i % 4]);
    qn_copy(b->got, b->src, MAX_BYTES, b->pool);
    assert_memory_equal(b->got, b->src, MAX_BYTES);
    qn_copy(b->got, b->got, MAX_BYTES, b->pool);
    assert_memory_equal(b->got, b->src, MAX_BYTES);
    qn_move_run(&scalar, 7, "scalar!", b->got, NULL);
    assert_memory_equal(b->got, "scalar!", 7);
    qn_move_run(&empty, 7, "nothing", b->got, NULL);
    assert_memory_equal(b->got, "scalar!", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_like_the_plain_loop),
        cmocka_unit_test(transposes_any_tail),
        cmocka_unit_test(fills_and_copies),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
