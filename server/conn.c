/* conn.c: the table of connections and the thread that watches it; see conn.h. */
#define _GNU_SOURCE /* POLLRDHUP */

#include "server/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/log.h"

enum {
    TICK_MS = 500, /* between looks while there are connections */
    CROWDED_TICK_MS = 10,
    GONE_AFTER_MS = 500,   /* a run this long is asked whether its client is still there */
    IDLE_GRACE_MS = 250,   /* how long a client may be idle between requests before it makes room for others, */
    SILENT_GRACE_MS = 100, /* send nothing of its first request's header, */
    BODY_GRACE_MS = 250,   /* be behind with a body, */
    WRITE_GRACE_MS = 1000  /* and take to receive an answer */
};

static const int64_t ns_per_ms = 1000000;

/* A connected socket that no slot has claimed: waiting for a worker, or its first request is still coming. */
struct stranger {
    uint16_t port; /* of the peer; tells one user of the descriptor from the next */
    bool is_shut;  /* its next read gives the end */
    int64_t since_ns;
};

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

struct qn_conns {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t watcher;
    bool has_watcher;
    bool ends;
    _Atomic bool hangs_up;
    _Atomic bool crowded;
    _Atomic int n_open;
    int n_slots;
    int n_given; /* slots handed out */
    struct qn_conn *slots;
    int n_fds;        /* descriptors looked at: 0 to n_fds - 1 */
    bool *is_claimed; /* by descriptor */
    struct stranger *strangers;
    const struct qn_listener *listeners;
    size_t n_listeners;
    union address *locals; /* what the listeners are bound to, one each */
    int wake[2];           /* the pipe that takes the listeners' place */
};

/* ---- descriptors ---- */

static uint16_t port_of(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->in.sin_port);
    return address->any.sa_family == AF_INET6 ? ntohs(address->in6.sin6_port) : 0;
}

/* The peer of a connected stream socket that nobody has claimed; false for any other descriptor. */
static bool peer_of(const struct qn_conns *conns, int fd, union address *peer)
{
    socklen_t n = sizeof(*peer);

    memset(peer, 0, sizeof(peer->any));
    return !conns->is_claimed[fd] && getpeername(fd, &peer->any, &n) == 0;
}

static bool is_peer(const union address *address, const char *peer, int port)
{
    char text[INET_ADDRSTRLEN];

    if (port_of(address) != port)
        return false;
    if (*peer == '\0' || address->any.sa_family != AF_INET)
        return true;
    return inet_ntop(AF_INET, &address->in.sin_addr, text, sizeof(text)) != NULL && strcmp(text, peer) == 0;
}

static bool local_of(int fd, union address *local)
{
    socklen_t n = sizeof(*local);

    memset(local, 0, sizeof(*local));
    return getsockname(fd, &local->any, &n) == 0;
}

/* Whether the socket came from one of our listeners: same port, or path. */
static bool is_ours(const struct qn_conns *conns, int fd)
{
    union address local;

    if (!local_of(fd, &local))
        return false;
    for (size_t i = 0; i < conns->n_listeners; i++) {
        const union address *listener = &conns->locals[i];

        if (listener->any.sa_family == local.any.sa_family && port_of(listener) == port_of(&local) &&
            (local.any.sa_family != AF_UNIX ||
             memcmp(listener->un.sun_path, local.un.sun_path, sizeof(local.un.sun_path)) == 0))
            return true;
    }
    return false;
}

void qn_conn_claim(struct qn_conns *conns, struct qn_conn *conn, const char *peer, int port)
{
    union address address;
    int found = -1;
    int n_found = 0;

    pthread_mutex_lock(&conns->lock);
    for (int fd = 0; fd < conns->n_fds; fd++) {
        if (!peer_of(conns, fd, &address) || !is_peer(&address, peer, port) || !is_ours(conns, fd))
            continue;
        found = fd;
        n_found++;
        if (address.any.sa_family == AF_INET)
            break; /* address and port: there is one */
    }
    /* Peers without an address of their own can only be told apart when there is one. One that has gone has none. */
    if (n_found == 0)
        conn->fd = QN_CONN_GONE;
    if (n_found == 1) {
        const struct stranger *stranger = &conns->strangers[found];

        conns->is_claimed[found] = true;
        conn->fd = found;
        if (stranger->port == port && stranger->since_ns != 0) {
            conn->arrived_ns = stranger->since_ns;
            atomic_store(&conn->evicted, stranger->is_shut);
        }
    }
    pthread_mutex_unlock(&conns->lock);
}

/* ---- slots ---- */

struct qn_conn *qn_conns_slot(struct qn_conns *conns)
{
    struct qn_conn *conn = NULL;

    pthread_mutex_lock(&conns->lock);
    if (conns->n_given < conns->n_slots)
        conn = &conns->slots[conns->n_given++];
    pthread_mutex_unlock(&conns->lock);
    return conn;
}

void qn_conn_open(struct qn_conns *conns, struct qn_conn *conn)
{
    int n_open;

    pthread_mutex_lock(&conns->lock);
    conn->fd = QN_CONN_UNKNOWN;
    conn->cancel = 0;
    conn->arrived_ns = qn_now_ns();
    atomic_store(&conn->evicted, false);
    qn_conn_mark(conn, QN_CONN_IDLE, qn_now_ns(), 0);
    n_open = atomic_fetch_add(&conns->n_open, 1) + 1;
    if (n_open == 1 || n_open == conns->n_slots)
        pthread_cond_signal(&conns->changed);
    pthread_mutex_unlock(&conns->lock);
}

void qn_conn_close(struct qn_conns *conns, struct qn_conn *conn)
{
    pthread_mutex_lock(&conns->lock);
    if (conn->fd >= 0)
        conns->is_claimed[conn->fd] = false;
    conn->fd = QN_CONN_UNKNOWN;
    qn_conn_mark(conn, QN_CONN_FREE, 0, 0);
    atomic_fetch_sub(&conns->n_open, 1);
    pthread_mutex_unlock(&conns->lock);
}

bool qn_conns_crowded(const struct qn_conns *conns)
{
    return atomic_load_explicit(&conns->crowded, memory_order_relaxed);
}

int qn_conns_open(const struct qn_conns *conns) { return atomic_load(&conns->n_open); }

int qn_conns_in_flight(const struct qn_conns *conns)
{
    int n = 0;

    for (int i = 0; i < conns->n_slots; i++)
        n += atomic_load(&conns->slots[i].state) >= QN_CONN_BODY;
    return n;
}

void qn_conns_cancel(struct qn_conns *conns)
{
    for (int i = 0; i < conns->n_slots; i++)
        conns->slots[i].cancel = 1;
}

/* ---- the watcher; all below with the lock held ---- */

/* The library's next read returns what has arrived, then the end. */
static void evict(struct qn_conn *conn, int how)
{
    if (conn->fd < 0)
        return;
    atomic_store(&conn->evicted, true);
    shutdown(conn->fd, how);
}

static bool is_gone(int fd)
{
    struct pollfd client = {fd, POLLRDHUP, 0};

    return poll(&client, 1, 0) == 1 && (client.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void watch_slot(const struct qn_conns *conns, struct qn_conn *conn, int64_t now)
{
    int state = atomic_load_explicit(&conn->state, memory_order_acquire);
    int64_t limit = atomic_load_explicit(&conn->limit_ns, memory_order_relaxed);
    int64_t since = atomic_load_explicit(&conn->since_ns, memory_order_relaxed);

    switch (state) {
    case QN_CONN_BODY:
        if (limit != 0 && now > limit)
            evict(conn, SHUT_RD);
        break;
    case QN_CONN_WRITE:
        if (limit != 0 && now > limit)
            evict(conn, SHUT_RDWR);
        break;
    case QN_CONN_BUSY:
        /* A socket that was shut down here looks as if its client had gone. */
        if (now - since > GONE_AFTER_MS * ns_per_ms && conn->fd >= 0 && !atomic_load(&conn->evicted) &&
            is_gone(conn->fd))
            conn->cancel = 1;
        break;
    case QN_CONN_IDLE:
        if (atomic_load(&conns->hangs_up))
            evict(conn, SHUT_RD);
        break;
    default:
        break;
    }
}

/* Closes slots that have been in a state for longer than the grace, at most n. Returns how many. */
static int evict_older(struct qn_conns *conns, enum qn_conn_state state, int64_t grace_ms, int how, int n, int64_t now)
{
    int n_evicted = 0;

    for (int i = 0; i < conns->n_slots && n_evicted < n; i++) {
        struct qn_conn *conn = &conns->slots[i];

        if (atomic_load(&conn->state) == (int)state && !atomic_load(&conn->evicted) && conn->fd >= 0 &&
            now - atomic_load(&conn->since_ns) > grace_ms * ns_per_ms) {
            evict(conn, how);
            n_evicted++;
        }
    }
    return n_evicted;
}

/* Looks at the connections nobody has claimed. Those that have sent nothing for the grace are closed when closes is
 * set. Returns how many there are, less those closed. */
static int look_at_strangers(struct qn_conns *conns, bool closes, int64_t grace_ms, int64_t now)
{
    union address peer;
    int n = 0;
    int n_bytes;

    for (int fd = 0; fd < conns->n_fds; fd++) {
        struct stranger *stranger = &conns->strangers[fd];

        if (!peer_of(conns, fd, &peer) || !is_ours(conns, fd)) {
            stranger->since_ns = 0;
            continue;
        }
        if (stranger->since_ns == 0 || stranger->port != port_of(&peer))
            *stranger = (struct stranger){port_of(&peer), false, now};
        n++;
        if (closes && now - stranger->since_ns >= grace_ms * ns_per_ms && ioctl(fd, FIONREAD, &n_bytes) == 0 &&
            n_bytes == 0) {
            shutdown(fd, SHUT_RD);
            stranger->is_shut = true;
            stranger->since_ns = now;
            n--;
        }
    }
    return n;
}

/* Slots whose first request is still coming. */
static int count_unclaimed(const struct qn_conns *conns)
{
    int n = 0;

    for (int i = 0; i < conns->n_slots; i++)
        n += atomic_load(&conns->slots[i].state) != QN_CONN_FREE && conns->slots[i].fd == QN_CONN_UNKNOWN;
    return n;
}

/* All workers are taken. If connections wait for one, the longest idle make room, then the silent, then the slow. */
static void make_room(struct qn_conns *conns, int64_t now)
{
    int n_strangers = look_at_strangers(conns, false, 0, now);
    int n_waiting = n_strangers - count_unclaimed(conns);
    int n = n_waiting;

    atomic_store(&conns->crowded, n_waiting > 0);
    if (n <= 0)
        return;
    n -= evict_older(conns, QN_CONN_IDLE, 5000, SHUT_RD, n, now);
    n -= evict_older(conns, QN_CONN_IDLE, 1000, SHUT_RD, n, now);
    n -= evict_older(conns, QN_CONN_IDLE, IDLE_GRACE_MS, SHUT_RD, n, now);
    if (n > 0)
        n -= n_strangers - look_at_strangers(conns, true, SILENT_GRACE_MS, now);
    n -= evict_older(conns, QN_CONN_BODY, BODY_GRACE_MS, SHUT_RD, n, now);
    n -= evict_older(conns, QN_CONN_WRITE, WRITE_GRACE_MS, SHUT_RDWR, n, now);
}

static void look(struct qn_conns *conns)
{
    int64_t now = qn_now_ns();

    for (int i = 0; i < conns->n_slots; i++)
        watch_slot(conns, &conns->slots[i], now);
    if (atomic_load(&conns->n_open) >= conns->n_slots)
        make_room(conns, now);
    else
        atomic_store(&conns->crowded, false);
    if (atomic_load(&conns->hangs_up))
        look_at_strangers(conns, true, SILENT_GRACE_MS, now);
}

static void wait_ms(struct qn_conns *conns, int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * ns_per_ms;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&conns->changed, &conns->lock, &until);
}

static void *watch(void *arg)
{
    struct qn_conns *conns = arg;

    pthread_mutex_lock(&conns->lock);
    while (!conns->ends) {
        bool is_full = atomic_load(&conns->n_open) >= conns->n_slots;

        if (atomic_load(&conns->n_open) == 0)
            pthread_cond_wait(&conns->changed, &conns->lock);
        else
            wait_ms(conns, is_full || atomic_load(&conns->hangs_up) ? CROWDED_TICK_MS : TICK_MS);
        if (!conns->ends)
            look(conns);
    }
    pthread_mutex_unlock(&conns->lock);
    return NULL;
}

/* ---- life ---- */

void qn_conns_stop_listening(struct qn_conns *conns)
{
    pthread_mutex_lock(&conns->lock);
    for (size_t i = 0; i < conns->n_listeners; i++) {
        shutdown(conns->listeners[i].fd, SHUT_RDWR);
        if (conns->listeners[i].unix_path[0] != '\0')
            unlink(conns->listeners[i].unix_path);
        if (dup2(conns->wake[0], conns->listeners[i].fd) < 0)
            qn_log(QN_LOG_WARN, "http", "cannot close %s: %s", conns->listeners[i].address, strerror(errno));
    }
    pthread_mutex_unlock(&conns->lock);
}

void qn_conns_hang_up(struct qn_conns *conns)
{
    pthread_mutex_lock(&conns->lock);
    atomic_store(&conns->hangs_up, true);
    pthread_cond_signal(&conns->changed);
    pthread_mutex_unlock(&conns->lock);
}

void qn_conns_wake(struct qn_conns *conns)
{
    if (write(conns->wake[1], "", 1) != 1)
        qn_log(QN_LOG_DEBUG, "http", "cannot wake: %s", strerror(errno));
}

static bool init_locks(struct qn_conns *conns)
{
    pthread_condattr_t attributes;
    bool is_ready;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    is_ready = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&conns->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return is_ready && pthread_mutex_init(&conns->lock, NULL) == 0;
}

struct qn_conns *qn_conns_create(int n_workers, int n_open, const struct qn_listener *listeners, size_t n_listeners)
{
    struct qn_conns *conns = calloc(1, sizeof(*conns));

    if (conns == NULL)
        return NULL;
    conns->wake[0] = conns->wake[1] = -1;
    conns->n_slots = n_workers;
    conns->n_fds = n_open;
    conns->listeners = listeners;
    conns->n_listeners = n_listeners;
    conns->slots = calloc((size_t)n_workers, sizeof(*conns->slots));
    conns->is_claimed = calloc((size_t)n_open, sizeof(*conns->is_claimed));
    conns->strangers = calloc((size_t)n_open, sizeof(*conns->strangers));
    conns->locals = calloc(n_listeners, sizeof(*conns->locals));
    if (!init_locks(conns) || conns->slots == NULL || conns->is_claimed == NULL || conns->strangers == NULL ||
        conns->locals == NULL || pipe(conns->wake) != 0)
        goto fail;
    for (int i = 0; i < n_workers; i++)
        conns->slots[i].fd = QN_CONN_UNKNOWN;
    for (size_t i = 0; i < n_listeners; i++)
        if (!local_of(listeners[i].fd, &conns->locals[i]))
            goto fail;
    conns->has_watcher = pthread_create(&conns->watcher, NULL, watch, conns) == 0;
    if (!conns->has_watcher)
        goto fail;
    return conns;

fail:
    qn_conns_destroy(conns);
    return NULL;
}

void qn_conns_destroy(struct qn_conns *conns)
{
    if (conns == NULL)
        return;
    if (conns->has_watcher) {
        pthread_mutex_lock(&conns->lock);
        conns->ends = true;
        pthread_cond_signal(&conns->changed);
        pthread_mutex_unlock(&conns->lock);
        pthread_join(conns->watcher, NULL);
        pthread_mutex_destroy(&conns->lock);
        pthread_cond_destroy(&conns->changed);
    }
    for (int i = 0; i < 2; i++)
        if (conns->wake[i] >= 0)
            close(conns->wake[i]);
    free(conns->slots);
    free(conns->is_claimed);
    free(conns->strangers);
    free(conns->locals);
    free(conns);
}
