/* test_queue.c: the line of requests for a model's lanes: order, limits, deadlines, cancellation. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "server/queue.h"

static const int64_t ms = 1000000;

static struct qn_session *session;

static int open_session(void **state)
{
    (void)state;
    return qn_session_open(QN_SOURCE_DIR "/models/tutorial/model.onnx", NULL, &session, NULL) == QN_OK ? 0 : -1;
}

static int close_session(void **state)
{
    (void)state;
    qn_session_close(session);
    return 0;
}

static struct qn_queue *queue_of(int n_lanes, int max_waiting)
{
    struct qn_queue *queue;

    assert_int_equal(qn_queue_create(session, n_lanes, max_waiting, &queue, NULL), QN_OK);
    return queue;
}

static void sleep_ms(long n)
{
    struct timespec time = {n / 1000, n % 1000 * ms};

    nanosleep(&time, NULL);
}

/* Somebody who waits in line, on a thread. */
struct client {
    struct qn_queue *queue;
    int64_t deadline_ns;
    volatile int cancel;
    pthread_t thread;
    enum qn_status status;
    struct qn_err err;
    int *turn; /* counts those who got a lane, under the lane itself */
    int my_turn;
};

static void *wait_in_line(void *arg)
{
    struct client *client = arg;
    struct qn_lane *lane;

    client->status = qn_queue_acquire(client->queue, client->deadline_ns, &client->cancel, &lane, &client->err);
    if (client->status != QN_OK)
        return NULL;
    client->my_turn = (*client->turn)++;
    sleep_ms(2);
    qn_queue_release(client->queue, lane, 2 * ms);
    return NULL;
}

static void start(struct client *client, struct qn_queue *queue, int *turn)
{
    client->queue = queue;
    client->turn = turn;
    assert_int_equal(pthread_create(&client->thread, NULL, wait_in_line, client), 0);
}

/* Until so many wait. */
static void wait_for(struct qn_queue *queue, int n)
{
    for (int i = 0; i < 5000 && qn_queue_waiting(queue) != n; i++)
        sleep_ms(1);
    assert_int_equal(qn_queue_waiting(queue), n);
}

static void gives_out_all_lanes(void **state)
{
    struct qn_queue *queue = queue_of(3, 0);
    struct qn_lane *lanes[3];
    struct qn_lane *more;
    struct qn_err err = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lanes[i], NULL), QN_OK);
        for (int k = 0; k < i; k++)
            assert_ptr_not_equal(lanes[i], lanes[k]);
    }
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &more, &err), QN_BUSY);
    assert_null(more);
    assert_non_null(strstr(err.text, "busy"));
    qn_queue_release(queue, lanes[1], ms);
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &more, NULL), QN_OK);
    assert_ptr_equal(more, lanes[1]);
    for (int i = 0; i < 3; i++)
        qn_queue_release(queue, lanes[i], ms);
    qn_queue_destroy(queue);
}

static void serves_in_order(void **state)
{
    enum { N = 12 };
    struct qn_queue *queue = queue_of(1, N);
    struct client clients[N] = {{NULL}};
    struct qn_lane *lane;
    int turn = 0;

    (void)state;
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
    for (int i = 0; i < N; i++) {
        start(&clients[i], queue, &turn);
        wait_for(queue, i + 1);
    }
    qn_queue_release(queue, lane, ms);
    for (int i = 0; i < N; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].status, QN_OK);
        assert_int_equal(clients[i].my_turn, i);
    }
    qn_queue_destroy(queue);
}

static void refuses_when_the_line_is_full(void **state)
{
    struct qn_queue *queue = queue_of(1, 1);
    struct client client = {NULL};
    struct qn_lane *lane;
    struct qn_lane *more;
    int turn = 0;

    (void)state;
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
    start(&client, queue, &turn);
    wait_for(queue, 1);
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &more, NULL), QN_BUSY);
    qn_queue_release(queue, lane, ms);
    pthread_join(client.thread, NULL);
    assert_int_equal(client.status, QN_OK);
    qn_queue_destroy(queue);
}

static void leaves_at_the_deadline(void **state)
{
    struct qn_queue *queue = queue_of(1, 4);
    struct client early = {NULL};
    struct client late = {NULL};
    struct qn_lane *lane;
    int turn = 0;

    (void)state;
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
    start(&late, queue, &turn);
    wait_for(queue, 1);
    early.deadline_ns = qn_now_ns() + 500 * ms;
    start(&early, queue, &turn);
    pthread_join(early.thread, NULL);
    assert_int_equal(early.status, QN_BUSY);
    assert_non_null(strstr(early.err.text, "deadline passed"));
    assert_true(qn_now_ns() >= early.deadline_ns);
    assert_int_equal(qn_queue_waiting(queue), 1);
    qn_queue_release(queue, lane, ms);
    pthread_join(late.thread, NULL);
    assert_int_equal(late.status, QN_OK);
    qn_queue_destroy(queue);
}

/* Runs of a second: nobody with less time is kept waiting for nothing. */
static void refuses_what_would_come_too_late(void **state)
{
    struct qn_queue *queue = queue_of(1, 4);
    struct qn_lane *lane;
    struct qn_lane *more;
    struct qn_err err = {0};
    int64_t begin_ns;

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
        qn_queue_release(queue, lane, 1000 * ms);
    }
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
    begin_ns = qn_now_ns();
    assert_int_equal(qn_queue_acquire(queue, begin_ns + 500 * ms, NULL, &more, &err), QN_BUSY);
    assert_true(qn_now_ns() - begin_ns < 400 * ms);
    assert_non_null(strstr(err.text, "longer than the deadline"));
    qn_queue_release(queue, lane, ms);
    qn_queue_destroy(queue);
}

static void leaves_when_the_client_is_gone(void **state)
{
    struct qn_queue *queue = queue_of(1, 4);
    struct client client = {NULL};
    struct qn_lane *lane;
    int turn = 0;

    (void)state;
    assert_int_equal(qn_queue_acquire(queue, 0, NULL, &lane, NULL), QN_OK);
    start(&client, queue, &turn);
    wait_for(queue, 1);
    client.cancel = 1;
    pthread_join(client.thread, NULL);
    assert_int_equal(client.status, QN_CANCELLED);
    assert_int_equal(qn_queue_waiting(queue), 0);
    qn_queue_release(queue, lane, ms);
    qn_queue_destroy(queue);
}

static void many_threads_few_lanes(void **state)
{
    enum { N = 40 };
    struct qn_queue *queue = queue_of(1, N);
    struct client clients[N] = {{NULL}};
    int turn = 0;

    (void)state;
    for (int i = 0; i < N; i++)
        start(&clients[i], queue, &turn);
    for (int i = 0; i < N; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].status, QN_OK);
    }
    assert_int_equal(turn, N);
    qn_queue_destroy(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_out_all_lanes),
        cmocka_unit_test(serves_in_order),
        cmocka_unit_test(refuses_when_the_line_is_full),
        cmocka_unit_test(leaves_at_the_deadline),
        cmocka_unit_test(refuses_what_would_come_too_late),
        cmocka_unit_test(leaves_when_the_client_is_gone),
        cmocka_unit_test(many_threads_few_lanes),
    };

    return cmocka_run_group_tests(tests, open_session, close_session);
}
