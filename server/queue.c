/* queue.c: contexts and the line of requests; see queue.h. */
#include "server/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"

/* How often a waiting request looks whether its client is gone. */
static const int64_t look_ns = 250000000;

struct waiter {
    struct waiter *next;
    struct qn_lane *lane; /* set by the one that hands it over */
    pthread_cond_t ready;
};

struct qn_queue {
    pthread_mutex_t lock;
    struct qn_lane *lanes; /* all */
    struct qn_lane **idle; /* the first n_idle of them are free; the last given back is taken first */
    int n_lanes;
    int n_idle;
    int max_waiting;
    int n_waiting;
    struct waiter *first;
    struct waiter **last;
    int64_t mean_ns; /* of recent runs */
};

static enum qn_status add_lane(struct qn_queue *queue, struct qn_session *session, struct qn_err *err)
{
    struct qn_lane *lane = &queue->lanes[queue->n_lanes++];

    QN_TRY(qn_context_create(session, &lane->context, err));
    lane->stack = qn_stack_create(QN_STACK_BYTES);
    QN_CHECK_MEM(lane->stack, err);
    queue->idle[queue->n_idle++] = lane;
    return QN_OK;
}

enum qn_status qn_queue_create(struct qn_session *session, int n_lanes, int max_waiting, struct qn_queue **result,
                               struct qn_err *err)
{
    struct qn_queue *queue = calloc(1, sizeof(*queue));
    enum qn_status status = QN_OK;

    *result = NULL;
    QN_CHECK_MEM(queue, err);
    if (pthread_mutex_init(&queue->lock, NULL) != 0) {
        free(queue);
        QN_FAIL(err, NOMEM, "out of memory");
    }
    queue->last = &queue->first;
    queue->max_waiting = max_waiting;
    queue->lanes = calloc((size_t)n_lanes, sizeof(*queue->lanes));
    queue->idle = calloc((size_t)n_lanes, sizeof(*queue->idle));
    if (queue->lanes == NULL || queue->idle == NULL)
        status = qn_err_set(err, QN_NOMEM, "out of memory");
    while (status == QN_OK && queue->n_lanes < n_lanes)
        status = add_lane(queue, session, err);
    if (status != QN_OK) {
        qn_queue_destroy(queue);
        return status;
    }
    *result = queue;
    return QN_OK;
}

void qn_queue_destroy(struct qn_queue *queue)
{
    if (queue == NULL)
        return;
    for (int i = 0; i < queue->n_lanes; i++) {
        qn_context_destroy(queue->lanes[i].context);
        qn_stack_destroy(queue->lanes[i].stack);
    }
    pthread_mutex_destroy(&queue->lock);
    free(queue->lanes);
    free(queue->idle);
    free(queue);
}

/* ---- waiting; all with the lock held ---- */

static void leave(struct qn_queue *queue, const struct waiter *waiter)
{
    struct waiter **link = &queue->first;

    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (*link == NULL)
        queue->last = link;
    queue->n_waiting--;
}

static bool init_ready(pthread_cond_t *ready)
{
    pthread_condattr_t attributes;
    bool is_ready;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    is_ready =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(ready, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return is_ready;
}

static enum qn_status wait_in_line(struct qn_queue *queue, struct waiter *waiter, int64_t deadline_ns,
                                   const volatile int *cancel, struct qn_err *err)
{
    while (waiter->lane == NULL) {
        int64_t now = qn_now_ns();
        int64_t until_ns = deadline_ns != 0 && deadline_ns < now + look_ns ? deadline_ns : now + look_ns;
        struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

        if (cancel != NULL && *cancel)
            QN_FAIL(err, CANCELLED, "the client is gone");
        QN_CHECK(deadline_ns == 0 || now < deadline_ns, err, BUSY, "the deadline passed while the request waited");
        pthread_cond_timedwait(&waiter->ready, &queue->lock, &until);
    }
    return QN_OK;
}

static enum qn_status join(struct qn_queue *queue, int64_t deadline_ns, const volatile int *cancel,
                           struct qn_lane **lane, struct qn_err *err)
{
    struct waiter waiter = {.next = NULL};
    int64_t expected_ns = queue->mean_ns * (queue->n_waiting + 1) / queue->n_lanes;
    enum qn_status status;

    QN_CHECK(queue->n_waiting < queue->max_waiting, err, BUSY, "the server is busy: %d requests are waiting",
             queue->n_waiting);
    QN_CHECK(deadline_ns == 0 || qn_now_ns() + expected_ns < deadline_ns, err, BUSY,
             "the server is busy: the wait would be longer than the deadline");
    QN_CHECK(init_ready(&waiter.ready), err, NOMEM, "out of memory");
    *queue->last = &waiter;
    queue->last = &waiter.next;
    queue->n_waiting++;
    status = wait_in_line(queue, &waiter, deadline_ns, cancel, err);
    if (status != QN_OK)
        leave(queue, &waiter);
    pthread_cond_destroy(&waiter.ready);
    *lane = waiter.lane;
    return status;
}

enum qn_status qn_queue_acquire(struct qn_queue *queue, int64_t deadline_ns, const volatile int *cancel,
                                struct qn_lane **lane, struct qn_err *err)
{
    enum qn_status status = QN_OK;

    *lane = NULL;
    pthread_mutex_lock(&queue->lock);
    if (queue->n_idle > 0)
        *lane = queue->idle[--queue->n_idle];
    else
        status = join(queue, deadline_ns, cancel, lane, err);
    pthread_mutex_unlock(&queue->lock);
    return status;
}

void qn_queue_release(struct qn_queue *queue, struct qn_lane *lane, int64_t run_ns)
{
    struct waiter *waiter;

    pthread_mutex_lock(&queue->lock);
    queue->mean_ns += (run_ns - queue->mean_ns) / 8;
    waiter = queue->first;
    if (waiter == NULL) {
        queue->idle[queue->n_idle++] = lane;
    } else {
        leave(queue, waiter);
        waiter->lane = lane;
        pthread_cond_signal(&waiter->ready);
    }
    pthread_mutex_unlock(&queue->lock);
}

struct visiting {
    enum qn_status (*visit)(void *arg, struct qn_context *context);
    void *arg;
    struct qn_context *context;
    enum qn_status status;
};

static void visit_on_stack(void *arg)
{
    struct visiting *visiting = arg;

    visiting->status = visiting->visit(visiting->arg, visiting->context);
}

enum qn_status qn_queue_each(struct qn_queue *queue, enum qn_status (*visit)(void *arg, struct qn_context *context),
                             void *arg)
{
    for (int i = 0; i < queue->n_lanes; i++) {
        struct visiting visiting = {visit, arg, queue->lanes[i].context, QN_INTERNAL};

        qn_stack_call(queue->lanes[i].stack, visit_on_stack, &visiting);
        QN_TRY(visiting.status);
    }
    return QN_OK;
}

int qn_queue_waiting(struct qn_queue *queue)
{
    int n;

    pthread_mutex_lock(&queue->lock);
    n = queue->n_waiting;
    pthread_mutex_unlock(&queue->lock);
    return n;
}
