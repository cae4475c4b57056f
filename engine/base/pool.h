/* pool.h: the process's compute threads. One job at a time is split over the helpers; a caller that finds them taken by
 * another run does all parts itself, so that under load every request runs on its own thread without waiting.
 * Helpers spin for some tens of microseconds while a run is active, then park: an idle process uses no CPU.
 * Work must be split over outputs only, never over a reduction, so that the result does not depend on n_parts. */
#ifndef QN_BASE_POOL_H
#define QN_BASE_POOL_H

#include "quern.h"

struct qn_pool;

/* part is 0 .. n_parts-1; every part is called exactly once, possibly several by one thread. */
typedef void qn_pool_task(void *arg, int part, int n_parts);

/* n_threads counts the caller: 1 makes no helper. On failure to create some threads, fewer are used. NULL: no memory.
 */
struct qn_pool *qn_pool_create(int n_threads);
void qn_pool_destroy(struct qn_pool *pool);
/* How many parts make sense for a job right now: 1 for a NULL pool, fewer than all threads while others run too. */
int qn_pool_threads(const struct qn_pool *pool);
/* Runs task for every part and returns when all are done. pool may be NULL. */
void qn_pool_run(struct qn_pool *pool, int n_parts, qn_pool_task *task, void *arg);
/* Around a whole inference, both on the thread that runs it: between these, helpers spin instead of parking after every
 * job, unless as many runs are active as there are threads. Nests; cheap. */
void qn_pool_enter(struct qn_pool *pool);
void qn_pool_leave(struct qn_pool *pool);

/* The slice [begin, end) of n items that belongs to a part: even, in order, multiples of grain except the last. */
static inline void qn_pool_slice(int64_t n, int64_t grain, int part, int n_parts, int64_t *begin, int64_t *end)
{
    int64_t n_grains = (n + grain - 1) / grain;
    int64_t b = n_grains * part / n_parts * grain;
    int64_t e = n_grains * (part + 1) / n_parts * grain;

    *begin = b < n ? b : n;
    *end = e < n ? e : n;
}

#endif
