/* server.h: the server for those who start it: settings from all their sources, and a call that serves until a signal
 * ends it. What `quern serve` accepts is the table in config.c and nothing else. */
#ifndef QN_SERVER_SERVER_H
#define QN_SERVER_SERVER_H

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

enum { QN_MAX_LISTEN = 8, QN_AUTO = -1 };

struct qn_server_config {
    const char *model;                 /* file or folder; NULL: the bundled model, else the usual folders */
    const char *name;                  /* of a model file; NULL: its stem */
    const char *listen[QN_MAX_LISTEN]; /* addresses, see listen.h */
    size_t n_listen;
    int64_t threads;    /* compute threads; QN_AUTO: as many CPUs as allowed */
    int64_t max_body;   /* bytes; QN_AUTO: from the model */
    int64_t max_memory; /* bytes; QN_AUTO: from the machine's limits */
    int64_t max_batch;  /* examples in one request */
    int64_t max_connections;
    int64_t queue;           /* requests waiting for a context; QN_AUTO: as many as workers can hold */
    int64_t timeout_ms;      /* for one request, from its header on */
    int64_t drain_ms;        /* from SIGTERM to the end */
    const char *cors;        /* "*" or origins separated by commas; NULL: no cross-origin access */
    const char *token_file;  /* NULL: no token is asked for */
    const char *nan;         /* "null", "string" or "token" */
    const char *log;         /* filter, see base/log.h */
    const char *log_format;  /* "text", "json" or "auto" */
    const char *config_file; /* where some of the settings came from; NULL */
    bool print_config;       /* asked to print the settings only */
    bool help;               /* asked for the usage only */
    const void *bundle;      /* a model that is part of the executable, set by the caller; NULL: none */
    size_t n_bundle;

    struct qn_arena arena;     /* the strings above */
    unsigned char sources[32]; /* of each setting, see config.c */
};

/* argv as main got it from its sub-command on: argv[0] is "serve". Reads the environment, .env in the working directory
 * and the file named by --config. ARG with one sentence for anything unknown or malformed. config need not be
 * initialised; deinit it in any case. */
enum qn_status qn_config_parse(int argc, char **argv, struct qn_server_config *config, struct qn_err *err);
void qn_config_deinit(struct qn_server_config *config);
/* One setting a line, with where it came from. */
void qn_config_print(const struct qn_server_config *config, FILE *to);
/* The usage text. */
void qn_config_help(FILE *to);

/* Serves until SIGTERM or SIGINT. Returns the exit code of the process; a failure is one line on standard error. */
int qn_serve(const struct qn_server_config *config);

/* The URL of the readiness probe of a server with these settings, as `quern health` asks it. */
void qn_config_health_url(const struct qn_server_config *config, char *url, size_t n);

#endif
