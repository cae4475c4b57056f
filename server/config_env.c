/* config_env.c: settings from the environment, from hosting variables and from .env. What a name means and which source
 * wins is the business of config.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"

static const char prefix[] = "QUERN_";
enum { PREFIX = sizeof(prefix) - 1, NAME_BYTES = 64 };

/* QUERN_MAX_BODY is "max-body". False for what is not a variable of ours. */
static bool setting_name(const char *variable, size_t n, char name[NAME_BYTES])
{
    if (n <= PREFIX || n - PREFIX >= NAME_BYTES || strncmp(variable, prefix, PREFIX) != 0)
        return false;
    for (size_t i = PREFIX; i < n; i++) {
        if (islower((unsigned char)variable[i]) || variable[i] == '-')
            return false;
        name[i - PREFIX] = variable[i] == '_' ? '-' : (char)tolower((unsigned char)variable[i]);
    }
    name[n - PREFIX] = '\0';
    return true;
}

/* ---- environment ---- */

/* Variables with our prefix that others set: the engine's, and what Kubernetes makes of a service called "quern". */
static bool is_foreign(const char *variable, size_t n)
{
    static const char *const starts[] = {"QUERN_SERVICE_", "QUERN_PORT_"};
    static const char *const names[] = {"QUERN_CPU", "QUERN_PORT"};

    for (size_t i = 0; i < 2; i++)
        if (strncmp(variable, starts[i], strlen(starts[i])) == 0 ||
            (n == strlen(names[i]) && memcmp(variable, names[i], n) == 0))
            return true;
    return false;
}

static enum qn_status read_variable(struct qn_server_config *config, const char *variable, size_t n, const char *value,
                                    struct qn_err *err)
{
    char name[NAME_BYTES];
    char where[NAME_BYTES + PREFIX];

    if (n < PREFIX || strncmp(variable, prefix, PREFIX) != 0 || is_foreign(variable, n))
        return QN_OK;
    QN_CHECK(setting_name(variable, n, name) && qn_config_knows(name), err, ARG, "%.*s is not a setting",
             n < 64 ? (int)n : 64, variable);
    if (*value == '\0')
        return QN_OK; /* as compose files and shells write what is not set */
    snprintf(where, sizeof(where), "%.*s", (int)n, variable);
    return qn_config_set(config, name, value, QN_SOURCE_ENV, where, err);
}

/* Hosts that name a port mean all addresses. */
static enum qn_status read_port(struct qn_server_config *config, const char *variable, struct qn_err *err)
{
    const char *port = getenv(variable);
    char address[32];
    size_t n;

    if (port == NULL || *port == '\0')
        return QN_OK;
    n = strlen(port);
    QN_CHECK(n <= 5 && strspn(port, "0123456789") == n && strtol(port, NULL, 10) >= 1 &&
                 strtol(port, NULL, 10) <= 65535,
             err, ARG, "%s must be a port from 1 to 65535, not \"%s\"", variable, port);
    snprintf(address, sizeof(address), "0.0.0.0:%s", port);
    return qn_config_set(config, "listen", address, QN_SOURCE_HOSTING, variable, err);
}

enum qn_status qn_config_read_environment(struct qn_server_config *config, char **environment, struct qn_err *err)
{
    const char *vertex = getenv("AIP_HTTP_PORT");

    for (char **entry = environment; *entry != NULL; entry++) {
        size_t n = strcspn(*entry, "=");

        if ((*entry)[n] == '=')
            QN_TRY(read_variable(config, *entry, n, *entry + n + 1, err));
    }
    return read_port(config, vertex != NULL && *vertex != '\0' ? "AIP_HTTP_PORT" : "PORT", err);
}

/* ---- .env ---- */

/* The value behind '=', in value: quotes taken off, or a comment behind white space cut off. False for an open quote.
 */
static bool read_value(const char *text, size_t n, char *value)
{
    char quote = n > 0 && (*text == '"' || *text == '\'') ? *text : '\0';
    size_t end = 0;

    if (quote != '\0') {
        const char *closing = memchr(text + 1, quote, n - 1);

        if (closing == NULL)
            return false;
        memcpy(value, text + 1, (size_t)(closing - text - 1));
        value[closing - text - 1] = '\0';
        return true;
    }
    while (end < n && !(text[end] == '#' && (end == 0 || isspace((unsigned char)text[end - 1]))))
        end++;
    while (end > 0 && isspace((unsigned char)text[end - 1]))
        end--;
    memcpy(value, text, end);
    value[end] = '\0';
    return true;
}

/* KEY=VALUE, perhaps after "export". Keys of other programs are theirs. */
static enum qn_status read_line(struct qn_server_config *config, const char *line, size_t n, int number,
                                struct qn_err *err)
{
    enum { VALUE_BYTES = 4096 };
    char value[VALUE_BYTES];
    char name[NAME_BYTES];
    char where[NAME_BYTES + 32];
    size_t n_key;
    size_t equals;

    while (n > 0 && isspace((unsigned char)*line))
        line++, n--;
    if (n > 7 && memcmp(line, "export ", 7) == 0)
        line += 7, n -= 7;
    if (n < PREFIX || memcmp(line, prefix, PREFIX) != 0)
        return QN_OK;
    for (equals = 0; equals < n && line[equals] != '='; equals++)
        continue;
    for (n_key = equals; n_key > 0 && isspace((unsigned char)line[n_key - 1]); n_key--)
        continue;
    QN_CHECK(equals < n, err, ARG, ".env line %d: expected NAME=VALUE", number);
    if (is_foreign(line, n_key))
        return QN_OK;
    QN_CHECK(setting_name(line, n_key, name) && qn_config_knows(name), err, ARG, ".env line %d: %.*s is not a setting",
             number, n_key < 64 ? (int)n_key : 64, line);
    for (equals++; equals < n && isspace((unsigned char)line[equals]); equals++)
        continue;
    QN_CHECK(n - equals < VALUE_BYTES && read_value(line + equals, n - equals, value), err, ARG,
             ".env line %d: the value is too long or its quote is not closed", number);
    snprintf(where, sizeof(where), ".env line %d: %.*s", number, (int)n_key, line);
    return *value == '\0' ? QN_OK : qn_config_set(config, name, value, QN_SOURCE_DOTENV, where, err);
}

enum qn_status qn_config_read_dotenv(struct qn_server_config *config, const char *text, struct qn_err *err)
{
    int number = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");

        QN_TRY(read_line(config, text, n, ++number, err));
        text += n + (text[n] == '\n');
    }
    return QN_OK;
}
