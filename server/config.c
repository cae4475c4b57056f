/* config.c: the settings of `quern serve` as one table. A row gives the flag --name, the variable QUERN_NAME and the
 * key "name" of a config file at once. Here are also flags, defaults, printing and usage; the other sources are in
 * config_env.c. */
#include "server/config.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/listen.h"

enum kind {
    TEXT,
    LISTEN, /* repeatable */
    NUMBER, /* of what the row says */
    SIZE,   /* bytes: 4096, 64KiB, 10MiB, 2GiB */
    CHOICE, /* one of the words in `value`, separated by | */
    SWITCH  /* no value; a flag only */
};

struct setting {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *initial; /* NULL: none */
    bool may_be_auto;
    int64_t min;
    int64_t max;
    const char *value; /* in the usage text */
    const char *help;
};

#define FIELD(field) offsetof(struct qn_server_config, field)
#define MIB          (INT64_C(1) << 20)
#define TIB          (INT64_C(1) << 40)

static const struct setting settings[] = {
    {"model", TEXT, FIELD(model), NULL, false, 0, 0, "MODEL|DIR", "model file, or folder of models"},
    {"name", TEXT, FIELD(name), NULL, false, 0, 0, "NAME", "name of the model, instead of its file's stem"},
    {"listen", LISTEN, FIELD(listen), "127.0.0.1:8080", false, 0, 0, "ADDR:PORT|unix:PATH",
     "where to listen; repeatable; PORT and AIP_HTTP_PORT listen on 0.0.0.0"},
    {"threads", NUMBER, FIELD(threads), "auto", true, 1, 4096, "N", "compute threads; auto: the CPUs allowed"},
    {"max-body", SIZE, FIELD(max_body), "auto", true, 1024, TIB, "SIZE", "longest request body; auto: from the model"},
    {"max-memory", SIZE, FIELD(max_memory), "auto", true, MIB, 1024 * TIB, "SIZE",
     "memory for models, runs and bodies; auto: the container's or machine's limit"},
    {"max-batch", NUMBER, FIELD(max_batch), "64", false, 1, 1000000, "N", "most examples in one request"},
    {"max-connections", NUMBER, FIELD(max_connections), "1024", false, 8, 60000, "N", "most open connections"},
    {"queue", NUMBER, FIELD(queue), "auto", true, 0, 60000, "N", "most requests waiting for their turn"},
    {"timeout-ms", NUMBER, FIELD(timeout_ms), "30000", false, 1, 86400000, "MS", "longest time for a request"},
    {"drain-ms", NUMBER, FIELD(drain_ms), "25000", false, 0, 86400000, "MS", "longest time from SIGTERM to the end"},
    {"cors", TEXT, FIELD(cors), NULL, false, 0, 0, "ORIGIN[,ORIGIN...]", "origins that browsers may ask from, or *"},
    {"token-file", TEXT, FIELD(token_file), NULL, false, 0, 0, "FILE", "bearer token for all but the health routes"},
    {"nan", CHOICE, FIELD(nan), "null", false, 0, 0, "null|string|token", "NaN and infinities in JSON answers"},
    {"log", TEXT, FIELD(log), "info", false, 0, 0, "LEVEL[,AREA=LEVEL...]", "off, error, warn, info, debug or trace"},
    {"log-format", CHOICE, FIELD(log_format), "auto", false, 0, 0, "auto|text|json",
     "auto: text on a terminal, else json"},
    {"config", TEXT, FIELD(config_file), NULL, false, 0, 0, "FILE", "more settings, as a JSON object"},
    {"print-config", SWITCH, FIELD(print_config), NULL, false, 0, 0, NULL,
     "show the settings and where they come from"},
    {"help", SWITCH, FIELD(help), NULL, false, 0, 0, NULL, "show this text"},
};

enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };

_Static_assert(N_SETTINGS <= sizeof(((struct qn_server_config *)0)->sources), "a source for every setting");

static const struct setting *find(const char *name)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

bool qn_config_knows(const char *name)
{
    const struct setting *setting = find(name);

    return setting != NULL && setting->kind != SWITCH;
}

/* ---- values ---- */

static enum qn_status parse_digits(const struct setting *setting, const char *text, size_t n, const char *where,
                                   int64_t *number, struct qn_err *err)
{
    const char *wanted = setting->kind == SIZE ? "a size such as 65536, 64KiB or 10MiB" : "a whole number";

    *number = 0;
    QN_CHECK(n > 0, err, ARG, "%s takes %s%s, not \"%s\"", where, wanted, setting->may_be_auto ? " or auto" : "", text);
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(*number, (int64_t)10, number) ||
            __builtin_add_overflow(*number, (int64_t)(text[i] - '0'), number))
            QN_FAIL(err, ARG, "%s: %s is too large", where, text);
    return QN_OK;
}

static enum qn_status parse_number(const struct setting *setting, const char *text, const char *where, int64_t *number,
                                   struct qn_err *err)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t n = strspn(text, "0123456789");
    size_t unit = 0;
    size_t n_units = setting->kind == SIZE ? sizeof(units) / sizeof(units[0]) : 1;
    int64_t factor;

    if (setting->may_be_auto && strcmp(text, "auto") == 0) {
        *number = QN_AUTO;
        return QN_OK;
    }
    while (unit < n_units && strcmp(text + n, units[unit]) != 0)
        unit++;
    QN_TRY(parse_digits(setting, text, unit == n_units ? 0 : n, where, number, err));
    factor = INT64_C(1) << 10 * unit;
    if (*number > setting->max / factor || *number * factor < setting->min || *number * factor > setting->max)
        QN_FAIL(err, ARG, "%s must be from %lld to %lld%s, not %s", where, (long long)setting->min,
                (long long)setting->max, setting->kind == SIZE ? " bytes" : "", text);
    *number *= factor;
    return QN_OK;
}

/* One of the words of "a|b|c"; the result is that word in the table's own memory or the given text. */
static enum qn_status check_choice(const struct setting *setting, const char *text, const char *where,
                                   struct qn_err *err)
{
    const char *at = setting->value;
    size_t n_text = strlen(text);

    for (;;) {
        size_t n = strcspn(at, "|");

        if (n == n_text && memcmp(at, text, n) == 0)
            return QN_OK;
        if (at[n] == '\0')
            QN_FAIL(err, ARG, "%s must be one of %s, not \"%s\"", where, setting->value, text);
        at += n + 1;
    }
}

static enum qn_status check_text(const struct setting *setting, const char *text, const char *where, struct qn_err *err)
{
    struct qn_err reason = {QN_OK, 0, "", "", ""};

    QN_CHECK(*text != '\0', err, ARG, "%s must not be empty", where);
    if (setting->kind == LISTEN && qn_listen_check(text, &reason) != QN_OK)
        QN_FAIL(err, ARG, "%s: %s", where, reason.text);
    return setting->kind == CHOICE ? check_choice(setting, text, where, err) : QN_OK;
}

static enum qn_status add_listen(struct qn_server_config *config, const char *text, const char *where,
                                 struct qn_err *err)
{
    QN_CHECK(config->n_listen < QN_MAX_LISTEN, err, ARG, "%s: at most %d addresses", where, QN_MAX_LISTEN);
    config->listen[config->n_listen++] = text;
    return QN_OK;
}

static enum qn_status set_text(struct qn_server_config *config, const struct setting *setting, const char *text,
                               const char *where, struct qn_err *err)
{
    const char *copy = qn_arena_strdup(&config->arena, text);

    QN_CHECK_MEM(copy, err);
    if (setting->kind == LISTEN)
        return add_listen(config, copy, where, err);
    memcpy((char *)config + setting->offset, &copy, sizeof(copy));
    return QN_OK;
}

/* Whether the value is to be taken: no higher source has spoken. A second value from one source is an error, but for
 * addresses. */
static enum qn_status take_turn(struct qn_server_config *config, const struct setting *setting, enum qn_source source,
                                const char *where, bool *taken, struct qn_err *err)
{
    unsigned char *current = &config->sources[setting - settings];

    QN_CHECK(*current != source || setting->kind == LISTEN, err, ARG, "%s is given twice", where);
    *taken = *current == QN_SOURCE_NONE || *current == source;
    if (*taken)
        *current = (unsigned char)source;
    return QN_OK;
}

enum qn_status qn_config_set(struct qn_server_config *config, const char *name, const char *value,
                             enum qn_source source, const char *where, struct qn_err *err)
{
    const struct setting *setting = find(name);
    int64_t number = 0;
    bool taken = false;

    QN_CHECK(setting != NULL, err, ARG, "%s is not a setting", where);
    if (setting->kind == NUMBER || setting->kind == SIZE)
        QN_TRY(parse_number(setting, value, where, &number, err));
    else if (setting->kind != SWITCH)
        QN_TRY(check_text(setting, value, where, err));
    QN_TRY(take_turn(config, setting, source, where, &taken, err));
    if (!taken)
        return QN_OK;
    if (setting->kind == SWITCH)
        *((bool *)((char *)config + setting->offset)) = true;
    else if (setting->kind == NUMBER || setting->kind == SIZE)
        memcpy((char *)config + setting->offset, &number, sizeof(number));
    else
        return set_text(config, setting, value, where, err);
    return QN_OK;
}

/* ---- flags ---- */

/* "--name=value" or "--name" with the value in the next word; *used says how many words. */
static enum qn_status set_flag(struct qn_server_config *config, int argc, char **argv, int *used, struct qn_err *err)
{
    const char *word = argv[0] + 2;
    size_t n = strcspn(word, "=");
    char name[32];
    char where[40];
    const struct setting *setting;

    *used = 1;
    snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, word);
    setting = find(name);
    QN_CHECK(setting != NULL, err, ARG, "unknown flag --%.*s; see 'quern help serve'", n < 64 ? (int)n : 64, word);
    snprintf(where, sizeof(where), "--%s", name);
    if (setting->kind == SWITCH) {
        QN_CHECK(word[n] == '\0', err, ARG, "%s takes no value", where);
        return qn_config_set(config, name, "", QN_SOURCE_FLAG, where, err);
    }
    if (word[n] == '=')
        return qn_config_set(config, name, word + n + 1, QN_SOURCE_FLAG, where, err);
    QN_CHECK(argc > 1, err, ARG, "%s needs a value", where);
    *used = 2;
    return qn_config_set(config, name, argv[1], QN_SOURCE_FLAG, where, err);
}

static enum qn_status read_flags(struct qn_server_config *config, int argc, char **argv, struct qn_err *err)
{
    bool only_words = false;

    for (int i = 1; i < argc;) {
        int used = 1;

        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (!only_words && strcmp(argv[i], "-h") == 0)
            config->help = true;
        else if (!only_words && strncmp(argv[i], "--", 2) == 0)
            QN_TRY(set_flag(config, argc - i, argv + i, &used, err));
        else if (!only_words && argv[i][0] == '-')
            QN_FAIL(err, ARG, "unknown flag %s; see 'quern help serve'", argv[i]);
        else
            QN_TRY(qn_config_set(config, "model", argv[i], QN_SOURCE_FLAG, "the model", err));
        i += used;
    }
    return QN_OK;
}

/* ---- config file ---- */

enum { KEY_BYTES = 64 };

static enum qn_status set_item(struct qn_server_config *config, const char *path, const char *name, const cJSON *item,
                               struct qn_err *err)
{
    char where[256];
    char number[32];

    snprintf(where, sizeof(where), "%s: \"%s\"", path, name);
    if (cJSON_IsString(item))
        return qn_config_set(config, name, item->valuestring, QN_SOURCE_FILE, where, err);
    QN_CHECK(cJSON_IsNumber(item) && item->valuedouble == floor(item->valuedouble) && fabs(item->valuedouble) < 9e15,
             err, ARG, "%s must be a string or a whole number", where);
    snprintf(number, sizeof(number), "%.0f", item->valuedouble);
    return qn_config_set(config, name, number, QN_SOURCE_FILE, where, err);
}

/* "listen" may be a list. Keys may be written as the flags or with underscores. */
static enum qn_status read_member(struct qn_server_config *config, const char *path, const cJSON *member,
                                  struct qn_err *err)
{
    char name[KEY_BYTES];
    const cJSON *item;

    snprintf(name, sizeof(name), "%s", member->string);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '_')
            *c = '-';
    QN_CHECK(strlen(member->string) < KEY_BYTES && qn_config_knows(name), err, ARG, "%s: \"%.60s\" is not a setting",
             path, member->string);
    if (!cJSON_IsArray(member) || strcmp(name, "listen") != 0)
        return set_item(config, path, name, member, err);
    cJSON_ArrayForEach(item, member) QN_TRY(set_item(config, path, name, item, err));
    return QN_OK;
}

static enum qn_status read_json(struct qn_server_config *config, const char *path, const char *text, size_t n,
                                struct qn_err *err)
{
    char *copy = qn_arena_strndup(&config->arena, n == 0 ? "" : text, n);
    enum qn_status status = QN_OK;
    const cJSON *member;
    cJSON *root;

    QN_CHECK(copy != NULL, err, NOMEM, "%s is too large", path);
    root = cJSON_ParseWithOpts(copy, NULL, 1);
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        QN_FAIL(err, ARG, "%s is not a JSON object", path);
    }
    cJSON_ArrayForEach(member, root)
    {
        status = read_member(config, path, member, err);
        if (status != QN_OK)
            break;
    }
    cJSON_Delete(root);
    return status;
}

/* ---- all sources ---- */

static enum qn_status read_dotenv_file(struct qn_server_config *config, struct qn_err *err)
{
    struct qn_file file = {NULL, 0, NULL, 0};
    struct qn_err reason = {QN_OK, 0, "", "", ""};
    FILE *probe = fopen(".env", "re");
    enum qn_status status;
    char *text;

    if (probe == NULL) {
        QN_CHECK(errno == ENOENT || errno == EACCES || errno == ENOTDIR, err, ARG, ".env: %s", strerror(errno));
        return QN_OK;
    }
    fclose(probe);
    if (qn_file_map(".env", &file, &reason) != QN_OK)
        QN_FAIL(err, ARG, ".env: %s", reason.text);
    text = qn_arena_strndup(&config->arena, (const char *)file.data, file.n);
    status = text == NULL ? qn_err_set(err, QN_NOMEM, ".env is too large") : qn_config_read_dotenv(config, text, err);
    qn_file_unmap(&file);
    return status;
}

static enum qn_status read_config_file(struct qn_server_config *config, struct qn_err *err)
{
    struct qn_file file = {NULL, 0, NULL, 0};
    struct qn_err reason = {QN_OK, 0, "", "", ""};
    enum qn_status status;

    if (config->config_file == NULL)
        return QN_OK;
    if (qn_file_map(config->config_file, &file, &reason) != QN_OK)
        QN_FAIL(err, ARG, "%s", reason.text);
    status = read_json(config, config->config_file, (const char *)file.data, file.n, err);
    qn_file_unmap(&file);
    return status;
}

static enum qn_status set_defaults(struct qn_server_config *config, struct qn_err *err)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (config->sources[i] == QN_SOURCE_NONE && settings[i].initial != NULL)
            QN_TRY(
                qn_config_set(config, settings[i].name, settings[i].initial, QN_SOURCE_DEFAULT, settings[i].name, err));
    return QN_OK;
}

static enum qn_status check_cors(const struct qn_server_config *config, struct qn_err *err)
{
    const char *at = config->cors;

    if (at == NULL || strcmp(at, "*") == 0)
        return QN_OK;
    for (;;) {
        size_t n = strcspn(at, ",");
        const char *scheme_end = strstr(at, "://");

        QN_CHECK(scheme_end != NULL && scheme_end > at && scheme_end + 3 < at + n && strcspn(at, " \t*") >= n, err, ARG,
                 "cors takes * or origins such as https://example.org, separated by commas");
        if (at[n] == '\0')
            return QN_OK;
        at += n + 1;
    }
}

extern char **environ;

enum qn_status qn_config_parse(int argc, char **argv, struct qn_server_config *config, struct qn_err *err)
{
    bool json;

    *config = (struct qn_server_config){.model = NULL};
    qn_arena_init(&config->arena, 1 << 20);
    QN_TRY(read_flags(config, argc, argv, err));
    if (config->help)
        return QN_OK;
    QN_TRY(qn_config_read_environment(config, environ, err));
    QN_TRY(read_dotenv_file(config, err));
    QN_TRY(read_config_file(config, err));
    QN_TRY(set_defaults(config, err));
    QN_TRY(check_cors(config, err));
    json = strcmp(config->log_format, "json") == 0 || (strcmp(config->log_format, "auto") == 0 && !isatty(2));
    return qn_log_configure(config->log, json, err);
}

void qn_config_deinit(struct qn_server_config *config) { qn_arena_deinit(&config->arena); }

/* ---- for people ---- */

static void print_value(const struct qn_server_config *config, const struct setting *setting, FILE *to)
{
    const char *text;
    int64_t number;

    if (setting->kind == LISTEN) {
        for (size_t i = 0; i < config->n_listen; i++)
            fprintf(to, "%s%s", i > 0 ? "," : "", config->listen[i]);
    } else if (setting->kind == NUMBER || setting->kind == SIZE) {
        memcpy(&number, (const char *)config + setting->offset, sizeof(number));
        if (number == QN_AUTO)
            fprintf(to, "auto");
        else
            fprintf(to, "%lld", (long long)number);
    } else {
        memcpy(&text, (const char *)config + setting->offset, sizeof(text));
        fprintf(to, "%s", text == NULL ? "" : text);
    }
}

void qn_config_print(const struct qn_server_config *config, FILE *to)
{
    static const char *const sources[] = {"not set", "flag",        "environment", "hosting environment",
                                          ".env",    "config file", "default"};

    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (settings[i].kind == SWITCH)
            continue;
        fprintf(to, "%s = ", settings[i].name);
        print_value(config, &settings[i], to);
        fprintf(to, "  (%s)\n", sources[config->sources[i]]);
    }
}

void qn_config_help(FILE *to)
{
    fprintf(to, "usage: quern serve [MODEL|DIR] [FLAGS]\n\n"
                "Serves a model, or a folder of models, over HTTP. Each flag is also a variable QUERN_NAME, in the\n"
                "environment or in .env, and a key of the JSON file given by --config.\n\n");
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *setting = &settings[i];
        char flag[64];

        if (strcmp(setting->name, "model") == 0)
            continue;
        snprintf(flag, sizeof(flag), "--%s%s%s", setting->name, setting->value == NULL ? "" : " ",
                 setting->value == NULL ? "" : setting->value);
        fprintf(to, "  %-36s %s", flag, setting->help);
        if (setting->initial != NULL)
            fprintf(to, " [%s]", setting->initial);
        fprintf(to, "\n");
    }
}

/* The first address on TCP. A wildcard is asked on the loopback. */
void qn_config_health_url(const struct qn_server_config *config, char *url, size_t n)
{
    const char *address = config->listen[0];

    for (size_t i = config->n_listen; i-- > 0;)
        if (strncmp(config->listen[i], "unix:", 5) != 0)
            address = config->listen[i];
    if (strncmp(address, "0.0.0.0:", 8) == 0)
        snprintf(url, n, "http://127.0.0.1:%s/readyz", address + 8);
    else if (strncmp(address, "[::]:", 5) == 0)
        snprintf(url, n, "http://[::1]:%s/readyz", address + 5);
    else if (strncmp(address, "unix:", 5) == 0)
        snprintf(url, n, "%s", address);
    else
        snprintf(url, n, "http://%s/readyz", address);
}
