/* listen.h: listening sockets from "127.0.0.1:8080", "[::1]:8080", "localhost:0" or "unix:/run/quern.sock". */
#ifndef QN_SERVER_LISTEN_H
#define QN_SERVER_LISTEN_H

#include "base/err.h"

enum { QN_ADDRESS_BYTES = 128 };

struct qn_listener {
    int fd;
    char address[QN_ADDRESS_BYTES];   /* as bound, with the port that was given for 0 */
    char unix_path[QN_ADDRESS_BYTES]; /* removed when closed; "" for none */
};

/* ARG when spec is no address. */
enum qn_status qn_listen_check(const char *spec, struct qn_err *err);
/* IO when it cannot be bound. */
enum qn_status qn_listen_open(const char *spec, int backlog, struct qn_listener *listener, struct qn_err *err);
/* Lets in nobody new: who has connected is still handed out, so that the socket can be closed when it has run empty. */
void qn_listen_refuse(const struct qn_listener *listener);
void qn_listen_close(struct qn_listener *listener);

#endif
