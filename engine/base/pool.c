/* pool.c: fork and join over persistent helper threads.
 *
 * A job is published in one 64-bit word, the ticket: a generation and the range [begin, end) of parts nobody has
 * claimed. The caller claims from the front, helpers from the back, so that with as many parts as threads each thread
 * keeps meeting the same slice of the data. A claim succeeds only on the ticket it was computed from, and the job's
 * fields do not change while parts of it are open; so a helper that wakes late finds nothing to claim and touches
 * nothing. The caller never waits for a helper to show up, only for parts that were begun.
 *
 * Sleeping uses the futex of two words: `signal`, raised when a job is published while helpers are parked, and
 * `pending`, the parts not finished yet, for the caller. Both sides announce themselves before they look a last time,
 * with sequentially consistent operations, so no wake-up is lost. */
#define _GNU_SOURCE
#include "base/pool.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cpu.h"

enum { LINE = 64, MAX_THREADS = 1024, MAX_PARTS = 0xFFFF, SPIN_NS = 50000, PAUSES_PER_LOOK = 16 };

static const size_t helper_stack = (size_t)1 << 20;

struct qn_pool {
    /* Written per claim. */
    _Alignas(LINE) _Atomic uint64_t ticket;
    /* Written per finished part. */
    _Alignas(LINE) _Atomic uint32_t pending;
    _Atomic uint32_t caller_sleeps;
    /* Written per job, by the thread that holds `taken`. */
    _Alignas(LINE) atomic_bool taken;
    qn_pool_task *_Atomic task;
    void *_Atomic arg;
    _Atomic int n_parts;
    /* Written when helpers sleep or wake. */
    _Alignas(LINE) _Atomic uint32_t signal;
    _Atomic int n_parked;
    /* Written per run. */
    _Alignas(LINE) _Atomic int n_active; /* runs between enter and leave */
    /* Constant after create. */
    _Alignas(LINE) atomic_bool stop;
    bool may_spin;         /* there is a CPU for every thread */
    _Atomic int n_threads; /* what was asked for until create knows how many helpers started */
    int n_helpers;
    pthread_t helpers[];
};

/* The pool this thread has entered and how often, so that a run inside a run counts once. */
static _Thread_local struct {
    const struct qn_pool *pool;
    int depth;
} entered;

static uint64_t make_ticket(uint32_t generation, uint32_t begin, uint32_t end)
{
    return (uint64_t)generation << 32 | (uint64_t)end << 16 | begin;
}

static uint32_t ticket_begin(uint64_t ticket) { return (uint32_t)(ticket & 0xFFFF); }

static uint32_t ticket_end(uint64_t ticket) { return (uint32_t)(ticket >> 16 & 0xFFFF); }

static bool has_parts(uint64_t ticket) { return ticket_begin(ticket) < ticket_end(ticket); }

static int load_relaxed(const _Atomic int *value) { return atomic_load_explicit(value, memory_order_relaxed); }

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* Claims and runs parts until none is left. */
static void work(struct qn_pool *pool, bool from_front)
{
    uint64_t ticket = atomic_load(&pool->ticket);

    while (has_parts(ticket)) {
        qn_pool_task *task = atomic_load_explicit(&pool->task, memory_order_relaxed);
        void *arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
        int n_parts = load_relaxed(&pool->n_parts);
        int part = (int)(from_front ? ticket_begin(ticket) : ticket_end(ticket) - 1);
        uint64_t rest = from_front ? ticket + 1 : ticket - (1 << 16);

        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, rest))
            continue;
        task(arg, part, n_parts);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeps) != 0)
            futex_wake(&pool->pending, 1);
        ticket = atomic_load(&pool->ticket);
    }
}

/* Whether spinning helps: some run is active and there are CPUs that the active runs leave free. */
static bool should_spin(const struct qn_pool *pool)
{
    int n_active = load_relaxed(&pool->n_active);

    return pool->may_spin && n_active > 0 && n_active < load_relaxed(&pool->n_threads);
}

/* Waits for parts to claim, for at most SPIN_NS. */
static bool spin_for_parts(struct qn_pool *pool)
{
    long long end = 0;

    while (should_spin(pool)) {
        long long now = qn_now_ns();

        if (end == 0)
            end = now + SPIN_NS;
        else if (now > end)
            return false;
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if (has_parts(atomic_load_explicit(&pool->ticket, memory_order_acquire)))
                return true;
            relax();
        }
    }
    return false;
}

static void park(struct qn_pool *pool)
{
    uint32_t seen = atomic_load(&pool->signal);

    atomic_fetch_add(&pool->n_parked, 1);
    if (!has_parts(atomic_load(&pool->ticket)) && !atomic_load(&pool->stop))
        futex_wait(&pool->signal, seen);
    atomic_fetch_sub(&pool->n_parked, 1);
}

static void *helper_main(void *arg)
{
    struct qn_pool *pool = arg;

    while (!atomic_load(&pool->stop)) {
        work(pool, false);
        if (!spin_for_parts(pool))
            park(pool);
    }
    return NULL;
}

/* Starts one helper with every signal blocked: handlers belong to the program's own threads. */
static bool start_helper(struct qn_pool *pool, pthread_t *thread)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    bool started;

    if (pthread_attr_init(&attr) != 0)
        return false;
    pthread_attr_setstacksize(&attr, helper_stack);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(thread, &attr, helper_main, pool) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (started)
        pthread_setname_np(*thread, "quern-compute");
    return started;
}

struct qn_pool *qn_pool_create(int n_threads)
{
    size_t n_bytes;
    struct qn_pool *pool;

    if (n_threads < 1)
        n_threads = 1;
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    n_bytes = sizeof(*pool) + (size_t)n_threads * sizeof(pool->helpers[0]);
    pool = aligned_alloc(LINE, (n_bytes + LINE - 1) / LINE * LINE);
    if (pool == NULL)
        return NULL;
    atomic_init(&pool->ticket, 0);
    atomic_init(&pool->pending, 0);
    atomic_init(&pool->caller_sleeps, 0);
    atomic_init(&pool->taken, false);
    atomic_init(&pool->task, NULL);
    atomic_init(&pool->arg, NULL);
    atomic_init(&pool->n_parts, 0);
    atomic_init(&pool->signal, 0);
    atomic_init(&pool->n_parked, 0);
    atomic_init(&pool->n_active, 0);
    atomic_init(&pool->stop, false);
    atomic_init(&pool->n_threads, n_threads);
    pool->may_spin = n_threads <= qn_cpu_count();
    pool->n_helpers = 0;
    while (pool->n_helpers + 1 < n_threads && start_helper(pool, &pool->helpers[pool->n_helpers]))
        pool->n_helpers++;
    atomic_store(&pool->n_threads, pool->n_helpers + 1);
    return pool;
}

void qn_pool_destroy(struct qn_pool *pool)
{
    if (pool == NULL)
        return;
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->signal, 1);
    futex_wake(&pool->signal, INT_MAX);
    for (int i = 0; i < pool->n_helpers; i++)
        pthread_join(pool->helpers[i], NULL);
    free(pool);
}

/* Each active run beyond the caller's own has a thread of its own, which needs a CPU. */
int qn_pool_threads(const struct qn_pool *pool)
{
    int n_others;
    int n_free;

    if (pool == NULL || atomic_load_explicit(&pool->taken, memory_order_relaxed))
        return 1;
    n_others = load_relaxed(&pool->n_active) - (entered.pool == pool ? 1 : 0);
    n_free = load_relaxed(&pool->n_threads) - (n_others > 0 ? n_others : 0);
    return n_free > 1 ? n_free : 1;
}

static void run_alone(int n_parts, qn_pool_task *task, void *arg)
{
    for (int part = 0; part < n_parts; part++)
        task(arg, part, n_parts);
}

/* Opens the parts to everybody and wakes as many sleeping helpers as there are parts for. */
static void publish(struct qn_pool *pool, int n_parts, qn_pool_task *task, void *arg)
{
    uint32_t generation = (uint32_t)(atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    int n_parked;

    atomic_store_explicit(&pool->task, task, memory_order_relaxed);
    atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&pool->n_parts, n_parts, memory_order_relaxed);
    atomic_store_explicit(&pool->pending, (uint32_t)n_parts, memory_order_relaxed);
    atomic_store(&pool->ticket, make_ticket(generation, 0, (uint32_t)n_parts));
    n_parked = atomic_load(&pool->n_parked);
    if (n_parked > 0) {
        atomic_fetch_add(&pool->signal, 1);
        futex_wake(&pool->signal, n_parked < n_parts - 1 ? n_parked : n_parts - 1);
    }
}

/* Waits for the parts that helpers have begun: first spinning, as they are of one size as a rule, then asleep. */
static void wait_for_rest(struct qn_pool *pool)
{
    long long end = qn_now_ns() + (pool->may_spin ? SPIN_NS : 0);
    uint32_t pending;

    do {
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if (atomic_load(&pool->pending) == 0)
                return;
            relax();
        }
    } while (qn_now_ns() < end);
    atomic_store(&pool->caller_sleeps, 1);
    while ((pending = atomic_load(&pool->pending)) != 0)
        futex_wait(&pool->pending, pending);
    atomic_store(&pool->caller_sleeps, 0);
}

void qn_pool_run(struct qn_pool *pool, int n_parts, qn_pool_task *task, void *arg)
{
    if (pool == NULL || n_parts <= 1 || n_parts > MAX_PARTS || pool->n_helpers == 0 ||
        atomic_exchange_explicit(&pool->taken, true, memory_order_acquire)) {
        run_alone(n_parts, task, arg);
        return;
    }
    publish(pool, n_parts, task, arg);
    work(pool, true);
    if (atomic_load(&pool->pending) != 0)
        wait_for_rest(pool);
    atomic_store_explicit(&pool->taken, false, memory_order_release);
}

void qn_pool_enter(struct qn_pool *pool)
{
    if (pool == NULL)
        return;
    if (entered.pool == pool) {
        entered.depth++;
        return;
    }
    if (entered.pool == NULL) {
        entered.pool = pool;
        entered.depth = 1;
    }
    atomic_fetch_add_explicit(&pool->n_active, 1, memory_order_relaxed);
}

void qn_pool_leave(struct qn_pool *pool)
{
    if (pool == NULL)
        return;
    if (entered.pool == pool) {
        if (--entered.depth > 0)
            return;
        entered.pool = NULL;
    }
    atomic_fetch_sub_explicit(&pool->n_active, 1, memory_order_relaxed);
}
