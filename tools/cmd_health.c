/* cmd_health.c: `quern health [URL]`: whether a server is ready, for container health checks in images without a shell.
 * Without a URL it asks the server that `quern serve` would be with the same environment. Exit code 0 when ready, 1
 * when not, 2 for wrong usage. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/server.h"
#include "tools/cmd.h"
#include "tools/options.h"

enum { URL_BYTES = 512, SECONDS = 5 };

struct target {
    char host[256];
    char port[8];
    char path[256];
    bool is_unix; /* host is the path of a socket */
};

/* "http://host[:port][/path]", "host:port", or "unix:/path". */
static bool parse_url(const char *url, struct target *target)
{
    const char *slash;
    const char *colon;
    size_t n;

    *target = (struct target){.port = "80", .path = "/readyz"};
    for (const char *at = url; *at; at++)
        if (*at > 0 && *at <= ' ')
            return false;
    target->is_unix = strncmp(url, "unix:", 5) == 0;
    if (target->is_unix)
        return (size_t)snprintf(target->host, sizeof(target->host), "%s", url + 5) < sizeof(target->host);
    if (strncmp(url, "http://", 7) == 0)
        url += 7;
    else if (strstr(url, "://") != NULL)
        return false;
    n = strcspn(url, "/");
    slash = url + n;
    if (*slash != '\0' && (size_t)snprintf(target->path, sizeof(target->path), "%s", slash) >= sizeof(target->path))
        return false;
    colon = memchr(url, ']', n);
    colon = memchr(colon == NULL ? url : colon, ':', (size_t)(slash - (colon == NULL ? url : colon)));
    if (colon != NULL) {
        size_t n_port = (size_t)(slash - colon) - 1;

        if (n_port == 0 || n_port > 5 || strspn(colon + 1, "0123456789") < n_port ||
            strtol(colon + 1, NULL, 10) > 65535)
            return false;
        snprintf(target->port, sizeof(target->port), "%.*s", (int)n_port, colon + 1);
        n = (size_t)(colon - url);
    }
    if (n > 1 && *url == '[') {
        url++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof(target->host))
        return false;
    memcpy(target->host, url, n);
    target->host[n] = '\0';
    return true;
}

static void limit_time(int fd)
{
    struct timeval time = {SECONDS, 0};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    limit_time(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_tcp(const struct target *target)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;

    if (getaddrinfo(target->host, target->port, &hints, &addresses) != 0)
        return -1;
    for (const struct addrinfo *a = addresses; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd < 0)
            continue;
        limit_time(fd);
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(addresses);
    return fd;
}

/* The status of a GET; 0 when there was no answer. */
static int ask(int fd, const struct target *target)
{
    char text[1024];
    size_t n = 0;
    int status = 0;
    int n_request = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                             target->path, target->is_unix ? "localhost" : target->host);

    if (n_request >= (int)sizeof(text) || send(fd, text, (size_t)n_request, MSG_NOSIGNAL) != n_request)
        return 0;
    while (n < 12) {
        ssize_t got = recv(fd, text + n, 12 - n, 0);

        if (got <= 0)
            return 0;
        n += (size_t)got;
    }
    text[n] = '\0';
    return sscanf(text, "HTTP/1.%*1[01] %3d", &status) == 1 ? status : 0;
}

static int check(const char *url)
{
    struct target target;
    int fd;
    int status;

    if (!parse_url(url, &target)) {
        qn_complain("health", "'%s' is not http://HOST:PORT/PATH or unix:PATH", url);
        return QN_EXIT_USAGE;
    }
    fd = target.is_unix ? connect_unix(target.host) : connect_tcp(&target);
    if (fd < 0) {
        qn_complain("health", "no server answers at %s", url);
        return QN_EXIT_DIFFERENT;
    }
    status = ask(fd, &target);
    close(fd);
    if (status == 200)
        return QN_EXIT_OK;
    if (status == 0)
        qn_complain("health", "%s gives no answer", url);
    else
        qn_complain("health", "%s answers %d", url, status);
    return QN_EXIT_DIFFERENT;
}

int qn_cmd_health(int argc, char **argv)
{
    struct qn_server_config config;
    struct qn_err err = {QN_OK, 0, "", "", ""};
    char serve[] = "serve";
    char *words[] = {serve, NULL};
    char url[URL_BYTES] = "";
    int code;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf(
            "usage: quern health [URL]\n\nExits with 0 when the server at URL is ready. Without URL, the address that\n"
            "'quern serve' would take from the environment is asked.\n");
        return QN_EXIT_OK;
    }
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        qn_complain("usage", "quern health [URL]");
        return QN_EXIT_USAGE;
    }
    if (argc == 2)
        return check(argv[1]);
    if (qn_config_parse(1, words, &config, &err) == QN_OK) {
        qn_config_health_url(&config, url, sizeof(url));
        code = check(url);
    } else {
        qn_complain("health", "%s", err.text);
        code = QN_EXIT_USAGE;
    }
    qn_config_deinit(&config);
    return code;
}
