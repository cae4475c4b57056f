/* queue.h: a model's run contexts and the bounded line of requests that wait for one. A request runs on its own thread
 * as soon as a context is free; contexts go to waiting requests in the order they came. */
#ifndef QN_SERVER_QUEUE_H
#define QN_SERVER_QUEUE_H

#include "base/err.h"
#include "server/stack.h"

struct qn_queue;

/* What one run needs. */
struct qn_lane {
    struct qn_context *context;
    struct qn_stack *stack; /* to run on: the thread's own may be small */
};

/* n_lanes run at a time, at most max_waiting requests wait. */
enum qn_status qn_queue_create(struct qn_session *session, int n_lanes, int max_waiting, struct qn_queue **queue,
                               struct qn_err *err);
void qn_queue_destroy(struct qn_queue *queue); /* all lanes were released */

/* BUSY when the line is full, or the deadline (CLOCK_MONOTONIC, 0: none) passed or will pass before it is this
 * request's turn; CANCELLED when *cancel became non-zero. */
enum qn_status qn_queue_acquire(struct qn_queue *queue, int64_t deadline_ns, const volatile int *cancel,
                                struct qn_lane **lane, struct qn_err *err);
/* run_ns: how long the run took, for the estimate of the next one's wait. */
void qn_queue_release(struct qn_queue *queue, struct qn_lane *lane, int64_t run_ns);
/* Shows all contexts to visit, each on its lane's stack, before the queue is used; ends at the first failure. */
enum qn_status qn_queue_each(struct qn_queue *queue, enum qn_status (*visit)(void *arg, struct qn_context *context),
                             void *arg);
int qn_queue_waiting(struct qn_queue *queue);

#endif
