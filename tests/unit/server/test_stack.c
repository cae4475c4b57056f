/* test_stack.c: calls on stacks of their own, from threads that have hardly any. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/stack.h"

enum { FRAME = 4000, DEPTH = 1500, SMALL = 262144 };

struct dive {
    int depth;
    int result;
    struct qn_stack *next; /* to go on from one stack to another */
};

/* DEPTH of these need six megabytes. */
static int dive_deep(int depth)
{
    volatile char frame[FRAME];

    memset((char *)(uintptr_t)frame, depth & 63, FRAME);
    return depth == 0 ? 1 : dive_deep(depth - 1) + (frame[depth % FRAME] == (depth & 63));
}

static void dive(void *arg)
{
    struct dive *d = arg;

    d->result = dive_deep(d->depth);
    if (d->next != NULL) {
        struct dive second = {.depth = d->depth};

        qn_stack_call(d->next, dive, &second);
        d->result += second.result;
    }
}

static void *call_from_here(void *arg)
{
    struct qn_stack **stacks = arg;
    double before = 1.5 * (double)(uintptr_t)arg; /* lives in a register across the calls, or is saved */
    struct dive d = {.depth = DEPTH};
    intptr_t sum = 0;

    for (int i = 0; i < 3; i++) {
        d.result = 0;
        qn_stack_call(stacks[0], dive, &d);
        sum += d.result;
    }
    d.next = stacks[1];
    qn_stack_call(stacks[0], dive, &d);
    sum += d.result;
    return before == 1.5 * (double)(uintptr_t)arg ? (void *)sum : NULL;
}

static void calls_deep_from_small_threads(void **state)
{
    enum { N = 4 };
    struct qn_stack *stacks[N][2];
    pthread_t threads[N];
    pthread_attr_t attributes;

    (void)state;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL), 0);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 2; k++) {
            stacks[i][k] = qn_stack_create(QN_STACK_BYTES);
            assert_non_null(stacks[i][k]);
        }
        assert_int_equal(pthread_create(&threads[i], &attributes, call_from_here, stacks[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        void *sum;

        pthread_join(threads[i], &sum);
        assert_int_equal((intptr_t)sum, 5 * (DEPTH + 1));
        qn_stack_destroy(stacks[i][0]);
        qn_stack_destroy(stacks[i][1]);
    }
    pthread_attr_destroy(&attributes);
}

static void destroys_nothing(void **state)
{
    (void)state;
    qn_stack_destroy(NULL);
    assert_null(qn_stack_create(SIZE_MAX / 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_deep_from_small_threads),
        cmocka_unit_test(destroys_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
