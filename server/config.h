/* config.h: between the table of settings (config.c) and the places they come from (config_env.c). */
#ifndef QN_SERVER_CONFIG_H
#define QN_SERVER_CONFIG_H

#include "server/server.h"

/* Highest first: a setting keeps the value of the first source that gives one. */
enum qn_source {
    QN_SOURCE_NONE,
    QN_SOURCE_FLAG,
    QN_SOURCE_ENV,     /* QUERN_* */
    QN_SOURCE_HOSTING, /* PORT, AIP_HTTP_PORT */
    QN_SOURCE_DOTENV,
    QN_SOURCE_FILE,
    QN_SOURCE_DEFAULT
};

/* Sets a setting by its name ("max-body") unless a higher source has; checks the value in any case. where names the
 * place in messages: "--max-body", "QUERN_MAX_BODY", ".env line 3". ARG for an unknown name, a malformed value, or a
 * second value from one source. */
enum qn_status qn_config_set(struct qn_server_config *config, const char *name, const char *value,
                             enum qn_source source, const char *where, struct qn_err *err);
/* Whether there is a setting of this name that files and the environment may give. */
bool qn_config_knows(const char *name);

enum qn_status qn_config_read_environment(struct qn_server_config *config, char **environment, struct qn_err *err);
/* text: the file's content. */
enum qn_status qn_config_read_dotenv(struct qn_server_config *config, const char *text, struct qn_err *err);

#endif
