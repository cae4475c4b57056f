/* framing.h: a second look at a request's header block. The HTTP library splits the block by writing zero bytes over
 * its delimiters and is lenient; two programs that disagree on where a request ends can be played against each other,
 * so here every doubt is a refusal. The check walks the block once, relying only on what was written over: it never
 * reads beyond the block, knows nothing of the library's types, and is tested without it. */
#ifndef QN_SERVER_FRAMING_H
#define QN_SERVER_FRAMING_H

#include "server/http.h"
#include "server/problem.h"

struct qn_header_field {
    const char *name;
    const char *value;
};

/* The block as split: strings that lie one behind the other in one buffer. */
struct qn_header_block {
    const char *buffer;  /* where the buffer begins; NULL: not known yet */
    const char *method;  /* the first string */
    const char *uri;     /* up to '?', which was overwritten too, */
    const char *query;   /* and what followed it; NULL: there was none */
    const char *version; /* "1.1", behind "HTTP/" */
    const struct qn_header_field *fields;
    size_t n_fields;
    size_t max_fields; /* the library's limit: that many may be more */
};

/* What the request says about its body and the connection. */
struct qn_framing {
    int64_t content_length; /* 0 when there is none, -1 for a chunked body */
    bool expects_continue;
    bool keep_alive; /* the client wants the connection kept */
    /* Why not: */
    enum qn_problem problem;
    const char *reason; /* NULL: all is well */
};

/* Fills method, headers and framing. False when refused; then the connection must be closed. */
bool qn_framing_check(const struct qn_header_block *block, struct qn_request *request, struct qn_framing *framing);

/* Decodes %XX of a path into to, which has room for as many bytes. False when it is no path: not from '/' on, bad or
 * zero escapes, control characters, a fragment, invalid UTF-8. */
bool qn_framing_path(const char *uri, char *to);

#endif
