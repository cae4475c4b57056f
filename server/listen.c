/* listen.c: listening sockets; see listen.h. They do not block, so that a connection gone again stops nobody. */
#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char unix_prefix[] = "unix:";

static bool is_unix(const char *spec) { return strncmp(spec, unix_prefix, sizeof(unix_prefix) - 1) == 0; }

/* Splits "host:port" or "[host]:port"; the port is a decimal from 0 to 65535. */
static bool split_address(const char *spec, char *host, size_t host_bytes, const char **port)
{
    const char *colon = strrchr(spec, ':');
    size_t n = colon == NULL ? 0 : (size_t)(colon - spec);
    size_t n_port = colon == NULL ? 0 : strlen(colon + 1);

    if (n == 0 || n_port == 0 || n_port > 5 || strspn(colon + 1, "0123456789") != n_port ||
        strtol(colon + 1, NULL, 10) > 65535)
        return false;
    if (*spec == '[' && spec[n - 1] == ']') {
        spec++;
        n -= 2;
    } else if (memchr(spec, ':', n) != NULL) {
        return false;
    }
    if (n == 0 || n >= host_bytes)
        return false;
    memcpy(host, spec, n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

enum qn_status qn_listen_check(const char *spec, struct qn_err *err)
{
    char host[QN_ADDRESS_BYTES];
    const char *port;
    size_t n_path;

    if (is_unix(spec)) {
        n_path = strlen(spec) - (sizeof(unix_prefix) - 1);
        QN_CHECK(n_path > 0 && n_path < sizeof(((struct sockaddr_un *)0)->sun_path), err, ARG,
                 "the path of a unix socket has 1 to %zu bytes", sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
        return QN_OK;
    }
    QN_CHECK(split_address(spec, host, sizeof(host), &port), err, ARG,
             "\"%s\" is not ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", spec);
    return QN_OK;
}

/* A client that sends nothing is not handed out, and takes nobody's place, until it has been silent for that long. */
static void wait_for_data(int fd)
{
#if defined(TCP_DEFER_ACCEPT)
    int seconds = 10;

    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
#else
    (void)fd;
#endif
}

/* Packets that ask for a connection (SYN without ACK, in byte 13 of a TCP header) are dropped, all others pass, for
 * they belong to connections the client has already. */
void qn_listen_refuse(const struct qn_listener *listener)
{
#if defined(SO_ATTACH_FILTER)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),          BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    if (listener->unix_path[0] == '\0')
        setsockopt(listener->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
#else
    (void)listener;
#endif
}

static enum qn_status failed(const char *spec, struct qn_err *err)
{
    QN_FAIL(err, IO, "cannot listen on %s: %s", spec, strerror(errno));
}

/* A socket with the two flags every listener has. */
static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A socket file without a server behind it is left over from a process that was killed. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    int fd;

    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

static enum qn_status open_unix(const char *spec, int backlog, struct qn_listener *listener, struct qn_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, spec + sizeof(unix_prefix) - 1, strlen(spec) - (sizeof(unix_prefix) - 1) + 1);
    remove_stale(&address);
    listener->fd = open_socket(AF_UNIX);
    if (listener->fd < 0)
        return failed(spec, err);
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return failed(spec, err);
    snprintf(listener->address, sizeof(listener->address), "%s", spec);
    snprintf(listener->unix_path, sizeof(listener->unix_path), "%s", address.sun_path);
    if (listen(listener->fd, backlog) != 0)
        return failed(spec, err);
    return QN_OK;
}

/* The address with the port in force. */
static void describe(struct qn_listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof(address);
    char host[QN_ADDRESS_BYTES - 16];
    char port[8];
    bool brackets;

    if (getsockname(listener->fd, (struct sockaddr *)&address, &n) != 0 ||
        getnameinfo((struct sockaddr *)&address, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    brackets = address.ss_family == AF_INET6;
    snprintf(listener->address, sizeof(listener->address), "%s%s%s:%s", brackets ? "[" : "", host, brackets ? "]" : "",
             port);
}

static enum qn_status open_tcp(const char *spec, int backlog, struct qn_listener *listener, struct qn_err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    const struct addrinfo *address;
    char host[QN_ADDRESS_BYTES];
    const char *port = NULL;
    int on = 1;
    int problem;

    split_address(spec, host, sizeof(host), &port);
    problem = getaddrinfo(host, port, &hints, &addresses);
    QN_CHECK(problem == 0, err, IO, "cannot listen on %s: %s", spec, gai_strerror(problem));
    /* A name with several addresses, such as localhost: people mean the one of IPv4. */
    for (address = addresses; address->ai_next != NULL && address->ai_family != AF_INET;)
        address = address->ai_next;
    listener->fd = open_socket(address->ai_family);
    if (listener->fd >= 0) {
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        wait_for_data(listener->fd);
        problem = bind(listener->fd, address->ai_addr, address->ai_addrlen) != 0 || listen(listener->fd, backlog) != 0;
    }
    if (listener->fd < 0 || problem)
        failed(spec, err);
    freeaddrinfo(addresses);
    if (listener->fd < 0 || problem)
        return QN_IO;
    describe(listener);
    return QN_OK;
}

enum qn_status qn_listen_open(const char *spec, int backlog, struct qn_listener *listener, struct qn_err *err)
{
    enum qn_status status;

    *listener = (struct qn_listener){.fd = -1};
    QN_TRY(qn_listen_check(spec, err));
    status = is_unix(spec) ? open_unix(spec, backlog, listener, err) : open_tcp(spec, backlog, listener, err);
    if (status != QN_OK)
        qn_listen_close(listener);
    return status;
}

void qn_listen_close(struct qn_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->unix_path[0] != '\0')
        unlink(listener->unix_path);
    *listener = (struct qn_listener){.fd = -1};
}
