/* test_pool.c: every part runs exactly once and what it wrote is seen, with any number of threads, callers, nested jobs
 * and pauses between jobs. Meant to run under the thread sanitizer too. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "base/cpu.h"
#include "base/pool.h"

enum { MAX_COUNTED = 70000 };

/* Plain memory on purpose: the pool alone must order the accesses. */
struct counted {
    int n_parts;
    unsigned char calls[MAX_COUNTED];
    bool wrong;
};

static void count_part(void *arg, int part, int n_parts)
{
    struct counted *job = arg;

    if (n_parts != job->n_parts || part < 0 || part >= n_parts)
        job->wrong = true;
    else
        job->calls[part]++;
}

static void assert_each_once(struct qn_pool *pool, struct counted *job, int n_parts)
{
    job->n_parts = n_parts;
    job->wrong = false;
    memset(job->calls, 0, (size_t)n_parts);
    qn_pool_run(pool, n_parts, count_part, job);
    assert_false(job->wrong);
    for (int i = 0; i < n_parts; i++)
        if (job->calls[i] != 1)
            fail_msg("part %d of %d was called %d times", i, n_parts, job->calls[i]);
}

static void every_part_runs_once(void **state)
{
    static struct counted job;

    (void)state;
    for (int n_threads = 1; n_threads <= 9; n_threads += 2) {
        struct qn_pool *pool = qn_pool_create(n_threads);

        assert_non_null(pool);
        assert_int_equal(qn_pool_threads(pool), n_threads);
        for (int n_parts = 1; n_parts < 40; n_parts++)
            assert_each_once(pool, &job, n_parts);
        assert_each_once(pool, &job, 65535);
        assert_each_once(pool, &job, 65536);
        qn_pool_run(pool, 0, count_part, &job);
        qn_pool_destroy(pool);
    }
}

static void no_pool_is_one_thread(void **state)
{
    static struct counted job;

    (void)state;
    assert_each_once(NULL, &job, 7);
    assert_int_equal(qn_pool_threads(NULL), 1);
    qn_pool_enter(NULL);
    qn_pool_leave(NULL);
    qn_pool_destroy(NULL);
}

/* Jobs back to back, where a late helper meets the next job's fields. */
static void many_short_jobs_in_a_row(void **state)
{
    static struct counted job;
    struct qn_pool *pool = qn_pool_create(4);

    (void)state;
    assert_non_null(pool);
    qn_pool_enter(pool);
    for (int i = 0; i < 5000; i++)
        assert_each_once(pool, &job, 2 + i % 7);
    qn_pool_leave(pool);
    for (int i = 0; i < 200; i++) {
        struct timespec pause = {0, i % 4 * 30000};

        nanosleep(&pause, NULL);
        qn_pool_enter(pool);
        assert_each_once(pool, &job, 4);
        qn_pool_leave(pool);
    }
    qn_pool_destroy(pool);
}

struct sleeper {
    atomic_int n_together;
    atomic_int n_most;
};

static void sleep_a_while(void *arg, int part, int n_parts)
{
    struct sleeper *job = arg;
    struct timespec pause = {0, 20000000};
    int now = atomic_fetch_add(&job->n_together, 1) + 1;
    int most = atomic_load(&job->n_most);

    (void)part;
    (void)n_parts;
    while (now > most && !atomic_compare_exchange_weak(&job->n_most, &most, now))
        ;
    nanosleep(&pause, NULL);
    atomic_fetch_sub(&job->n_together, 1);
}

/* Parts that sleep must overlap, from parked helpers too, and the caller must wait for the last of them. */
static void parts_run_at_the_same_time(void **state)
{
    struct qn_pool *pool = qn_pool_create(4);

    (void)state;
    assert_non_null(pool);
    for (int i = 0; i < 3; i++) {
        struct sleeper job = {0, 0};

        qn_pool_run(pool, 4, sleep_a_while, &job);
        assert_int_equal(atomic_load(&job.n_together), 0);
        assert_in_range(atomic_load(&job.n_most), 2, 4);
    }
    qn_pool_destroy(pool);
}

struct nested {
    struct qn_pool *pool;
    struct counted inner[6];
};

static void run_inner(void *arg, int part, int n_parts)
{
    struct nested *outer = arg;

    (void)n_parts;
    qn_pool_enter(outer->pool);
    qn_pool_run(outer->pool, 5, count_part, &outer->inner[part]);
    qn_pool_leave(outer->pool);
}

static void a_job_inside_a_job_runs_on_its_own_thread(void **state)
{
    static struct nested outer;

    (void)state;
    outer.pool = qn_pool_create(3);
    assert_non_null(outer.pool);
    for (int i = 0; i < 6; i++)
        outer.inner[i].n_parts = 5;
    qn_pool_run(outer.pool, 6, run_inner, &outer);
    for (int i = 0; i < 6; i++) {
        assert_false(outer.inner[i].wrong);
        for (int j = 0; j < 5; j++)
            assert_int_equal(outer.inner[i].calls[j], 1);
    }
    qn_pool_destroy(outer.pool);
}

enum { N_CALLERS = 6, N_ROUNDS = 1500 };

struct caller {
    struct qn_pool *pool;
    struct counted job;
    int n_failures;
};

static void *call_often(void *arg)
{
    struct caller *caller = arg;

    for (int i = 0; i < N_ROUNDS; i++) {
        int n_parts = 1 + i % 6;

        qn_pool_enter(caller->pool);
        caller->job.n_parts = n_parts;
        memset(caller->job.calls, 0, 8);
        qn_pool_run(caller->pool, n_parts, count_part, &caller->job);
        for (int j = 0; j < 8; j++)
            caller->n_failures += caller->job.calls[j] != (j < n_parts);
        if (qn_pool_threads(caller->pool) < 1)
            caller->n_failures++;
        qn_pool_leave(caller->pool);
    }
    return NULL;
}

static void many_callers_share_the_helpers(void **state)
{
    static struct caller callers[N_CALLERS];
    pthread_t threads[N_CALLERS];
    struct qn_pool *pool = qn_pool_create(3);

    (void)state;
    assert_non_null(pool);
    for (int i = 0; i < N_CALLERS; i++) {
        callers[i].pool = pool;
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < N_CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < N_CALLERS; i++)
        assert_int_equal(callers[i].n_failures, 0);
    assert_int_equal(qn_pool_threads(pool), 3);
    qn_pool_destroy(pool);
}

static void *enter_and_stay(void *arg)
{
    qn_pool_enter(arg);
    return NULL;
}

/* Entering twice on one thread is one run; runs of other threads each take a thread away. */
static void active_runs_are_counted_by_thread(void **state)
{
    struct qn_pool *pool = qn_pool_create(3);
    pthread_t thread;

    (void)state;
    assert_non_null(pool);
    qn_pool_enter(pool);
    qn_pool_enter(pool);
    assert_int_equal(qn_pool_threads(pool), 3);
    assert_int_equal(pthread_create(&thread, NULL, enter_and_stay, pool), 0);
    pthread_join(thread, NULL);
    assert_int_equal(qn_pool_threads(pool), 2);
    qn_pool_leave(pool);
    assert_int_equal(qn_pool_threads(pool), 2);
    qn_pool_leave(pool);
    assert_int_equal(qn_pool_threads(pool), 2);
    qn_pool_destroy(pool);
}

static long long cpu_time_ns(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL;
}

/* Between runs, and inside a run that has no job for long, the helpers sleep. */
static void idle_helpers_use_no_cpu(void **state)
{
    static struct counted job;
    struct timespec rest = {0, 300000000};
    struct qn_pool *pool = qn_pool_create(qn_cpu_count() + 1);
    long long before;

    (void)state;
    assert_non_null(pool);
    assert_each_once(pool, &job, 8);
    before = cpu_time_ns();
    nanosleep(&rest, NULL);
    qn_pool_enter(pool);
    nanosleep(&rest, NULL);
    qn_pool_leave(pool);
    assert_in_range(cpu_time_ns() - before, 0, 50000000);
    qn_pool_destroy(pool);
}

static void odd_sizes_are_bounded(void **state)
{
    struct qn_pool *pool = qn_pool_create(-5);

    (void)state;
    assert_non_null(pool);
    assert_int_equal(qn_pool_threads(pool), 1);
    qn_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(no_pool_is_one_thread),
        cmocka_unit_test(many_short_jobs_in_a_row),
        cmocka_unit_test(parts_run_at_the_same_time),
        cmocka_unit_test(a_job_inside_a_job_runs_on_its_own_thread),
        cmocka_unit_test(many_callers_share_the_helpers),
        cmocka_unit_test(active_runs_are_counted_by_thread),
        cmocka_unit_test(idle_helpers_use_no_cpu),
        cmocka_unit_test(odd_sizes_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
