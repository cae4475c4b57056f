/* conn.h: who holds a worker, since when, and for how long they may. The HTTP library gives each connection a worker
 * thread and waits as long as bytes trickle in; here a watching thread sees to it that time is limited in all, that
 * idle and slow clients make room when others wait, and that a run ends when its client is gone.
 *
 * A worker marks what it does in its own slot, two plain stores a request. The watcher shuts sockets down from outside,
 * which makes the library's call return; which socket belongs to a slot is found once per connection, by its peer. */
#ifndef QN_SERVER_CONN_H
#define QN_SERVER_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/listen.h"

enum qn_conn_state {
    QN_CONN_FREE, /* no connection */
    QN_CONN_IDLE, /* waiting for a request, or for the rest of its header */
    QN_CONN_BODY, /* reading a body */
    QN_CONN_BUSY, /* at work */
    QN_CONN_WRITE /* writing the answer */
};

enum { QN_CONN_UNKNOWN = -1, QN_CONN_GONE = -2 }; /* a descriptor not found yet; no longer there */

/* One per worker. */
struct qn_conn {
    _Atomic int state;
    _Atomic int64_t since_ns; /* BODY: the time that what has come accounts for at the least rate allowed */
    _Atomic int64_t limit_ns; /* BODY, WRITE: when the client has been too slow */
    volatile int cancel;      /* the client is gone, or the server ends */
    _Atomic bool evicted;     /* shut down by the watcher: the client was too slow, or another one waits */
    /* Under the lock of the table: */
    int fd; /* below 0: one of the two below */
    /* The worker's own: */
    int64_t arrived_ns; /* when the connection was first seen */
    const char *buffer; /* where the library's buffer begins, as far as known */
};

struct qn_conns;

/* n_workers slots; at most n_open descriptors are in use at a time. listeners are borrowed. NULL: no memory or thread.
 */
struct qn_conns *qn_conns_create(int n_workers, int n_open, const struct qn_listener *listeners, size_t n_listeners);
/* Ends the watcher. */
void qn_conns_destroy(struct qn_conns *conns);

/* A slot for the calling worker; NULL when there are no more. */
struct qn_conn *qn_conns_slot(struct qn_conns *conns);
/* A connection begins and ends. */
void qn_conn_open(struct qn_conns *conns, struct qn_conn *conn);
void qn_conn_close(struct qn_conns *conns, struct qn_conn *conn);
/* Finds the connection's socket, by the address (may be "") and port of its peer. */
void qn_conn_claim(struct qn_conns *conns, struct qn_conn *conn, const char *peer, int port);

static inline void qn_conn_mark(struct qn_conn *conn, enum qn_conn_state state, int64_t now_ns, int64_t limit_ns)
{
    atomic_store_explicit(&conn->limit_ns, limit_ns, memory_order_relaxed);
    atomic_store_explicit(&conn->since_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&conn->state, state, memory_order_release);
}

/* Whether all workers are taken and others wait: then an answer should close its connection. */
bool qn_conns_crowded(const struct qn_conns *conns);
int qn_conns_open(const struct qn_conns *conns);
/* Slots in BODY, BUSY or WRITE. */
int qn_conns_in_flight(const struct qn_conns *conns);
/* Closes the listening sockets behind the library's back: their descriptors stay, as ends of a pipe nobody writes to.
 */
void qn_conns_stop_listening(struct qn_conns *conns);
/* Idle connections are closed from now on, also those that become idle. */
void qn_conns_hang_up(struct qn_conns *conns);
/* Makes a poll of the former listening sockets return. */
void qn_conns_wake(struct qn_conns *conns);
void qn_conns_cancel(struct qn_conns *conns);

#endif
