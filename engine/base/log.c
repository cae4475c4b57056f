/* log.c: one event, one line, one write(2). A line is at most PIPE_BUF bytes, so that lines of several processes do not
 * mix and a pipe with any room takes it whole; a longer one loses its fields and the end of its message. Before
 * writing, poll(2) asks for room, and after a short wait the line is dropped; the next line that gets through says how
 * many were.
 *
 * What is shown came from outside: controls, escapes and bytes that are not UTF-8 never reach the terminal. */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

enum { MAX_AREAS = 16, AREA_BYTES = 24, MESSAGE_BYTES = 1024, CUT_MESSAGE = 400, MAX_LINE = 4096, BUILD_BYTES = 16384 };
enum { WAIT_MS = 20, QN_LOG_OFF = -1 };

struct area_level {
    char area[AREA_BYTES];
    int level;
};

/* Set before other threads log, constant afterwards. */
static struct {
    int level;
    bool json;
    bool colour;
    size_t n_areas;
    struct area_level areas[MAX_AREAS];
} config = {.level = QN_LOG_INFO};

/* Serialises writers, so that the room poll() found is still there. */
static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;
static unsigned long n_lost;

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
enum { N_LEVELS = sizeof(level_names) / sizeof(level_names[0]) };

static bool parse_level(const char *text, size_t n, int *level)
{
    if (n == 3 && memcmp(text, "off", 3) == 0) {
        *level = QN_LOG_OFF;
        return true;
    }
    for (int i = 0; i < N_LEVELS; i++) {
        if (strlen(level_names[i]) == n && memcmp(level_names[i], text, n) == 0) {
            *level = i;
            return true;
        }
    }
    return false;
}

static bool wants_colour(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

enum qn_status qn_log_configure(const char *filter, bool json, struct qn_err *err)
{
    struct area_level areas[MAX_AREAS];
    size_t n_areas = 0;
    int default_level = QN_LOG_INFO;
    const char *at = filter;

    for (;;) {
        size_t n = strcspn(at, ",");
        const char *equals = memchr(at, '=', n);
        const char *level = equals == NULL ? at : equals + 1;
        size_t n_area = equals == NULL ? 0 : (size_t)(equals - at);
        int value;

        QN_CHECK(parse_level(level, n - (size_t)(level - at), &value), err, ARG,
                 "log filter \"%s\": a level is one of off, error, warn, info, debug, trace", filter);
        if (equals == NULL) {
            default_level = value;
        } else {
            QN_CHECK(n_area > 0 && n_area < AREA_BYTES, err, ARG,
                     "log filter \"%s\": the name of an area has 1 to %d characters", filter, AREA_BYTES - 1);
            QN_CHECK(n_areas < MAX_AREAS, err, ARG, "log filter \"%s\" names more than %d areas", filter, MAX_AREAS);
            memcpy(areas[n_areas].area, at, n_area);
            areas[n_areas].area[n_area] = '\0';
            areas[n_areas++].level = value;
        }
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    config.level = default_level;
    config.json = json;
    config.colour = !json && wants_colour();
    config.n_areas = n_areas;
    memcpy(config.areas, areas, n_areas * sizeof(areas[0]));
    return QN_OK;
}

bool qn_log_enabled(enum qn_log_level level, const char *area)
{
    int limit = config.level;

    for (size_t i = 0; i < config.n_areas; i++)
        if (strcmp(config.areas[i].area, area) == 0)
            limit = config.areas[i].level;
    return (int)level <= limit;
}

/* Text that is safe on a terminal and stays on one line. */
static void put_safe(struct qn_buf *line, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n;) {
        size_t length = qn_utf8_length(text + i, n - i);

        if (length == 0)
            qn_buf_printf(line, "\\x%02x", (unsigned char)text[i]);
        else if (!qn_utf8_is_control(text + i, length))
            qn_buf_append(line, text + i, length);
        else if (text[i] == '\n')
            qn_buf_puts(line, "\\n");
        else
            for (size_t j = 0; j < length; j++)
                qn_buf_printf(line, "\\x%02x", (unsigned char)text[i + j]);
        i += length == 0 ? 1 : length;
    }
}

/* Bytes of the JSON string at the start of text, with both quotes. */
static size_t string_length(const char *text)
{
    size_t i = 1;

    while (text[i] != '\0' && text[i] != '"')
        i += text[i] == '\\' && text[i + 1] != '\0' ? 2 : 1;
    return text[i] == '"' ? i + 1 : i;
}

/* The body of a JSON object as " key=value key=value". Values stay as JSON writes them. */
static void put_pairs(struct qn_buf *line, const char *pairs)
{
    int depth = 0;
    bool at_key = true;

    qn_buf_puts(line, " ");
    while (*pairs != '\0') {
        if (*pairs == '"') {
            size_t n = string_length(pairs);
            size_t quotes = at_key && n >= 2 ? 1 : 0;

            qn_buf_append(line, pairs + quotes, n - 2 * quotes);
            pairs += n;
            continue;
        }
        depth += *pairs == '{' || *pairs == '[';
        depth -= *pairs == '}' || *pairs == ']';
        if (depth == 0 && *pairs == ':')
            qn_buf_puts(line, "=");
        else if (depth == 0 && *pairs == ',')
            qn_buf_puts(line, " ");
        else if (depth != 0 || *pairs != ' ')
            qn_buf_append(line, pairs, 1);
        if (depth == 0 && (*pairs == ':' || *pairs == ','))
            at_key = *pairs == ',';
        pairs++;
    }
}

static void put_time(struct qn_buf *line)
{
    struct timespec now;
    struct tm parts;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    qn_buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                  parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000);
}

static void put_json_line(struct qn_buf *line, int level, const char *area, const char *message, const char *pairs)
{
    qn_buf_puts(line, "{\"time\":\"");
    put_time(line);
    qn_buf_printf(line, "\",\"level\":\"%s\",\"area\":", level_names[level]);
    qn_buf_json_string(line, area, strlen(area));
    qn_buf_puts(line, ",\"message\":");
    qn_buf_json_string(line, message, strlen(message));
    if (pairs != NULL && *pairs != '\0') {
        qn_buf_puts(line, ",");
        qn_buf_puts(line, pairs);
    }
    qn_buf_puts(line, "}\n");
}

static void put_text_line(struct qn_buf *line, int level, const char *area, const char *message, const char *pairs)
{
    static const char *const colours[N_LEVELS] = {"\033[31m", "\033[33m", "\033[32m", "\033[36m", "\033[2m"};
    static const char *const padded[N_LEVELS] = {"ERROR", "WARN ", "INFO ", "DEBUG", "TRACE"};

    put_time(line);
    if (config.colour)
        qn_buf_printf(line, " %s%s\033[0m ", colours[level], padded[level]);
    else
        qn_buf_printf(line, " %s ", padded[level]);
    put_safe(line, area);
    qn_buf_puts(line, ": ");
    put_safe(line, message);
    if (pairs != NULL && *pairs != '\0')
        put_pairs(line, pairs);
    qn_buf_puts(line, "\n");
}

/* Builds the line; false when it came out longer than MAX_LINE, or memory is short. */
static bool build_line(struct qn_buf *line, int level, const char *area, const char *message, const char *pairs)
{
    qn_buf_clear(line);
    if (config.json)
        put_json_line(line, level, area, message, pairs);
    else
        put_text_line(line, level, area, message, pairs);
    return !line->failed && line->n <= MAX_LINE;
}

/* Writes the line if standard error takes it within timeout_ms; false when it was lost. */
static bool write_line(const char *bytes, size_t n, int timeout_ms)
{
    struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
    ssize_t written;

    if (poll(&ready, 1, timeout_ms) <= 0 || (ready.revents & POLLOUT) == 0 || (ready.revents & POLLERR) != 0)
        return false;
    do {
        written = write(STDERR_FILENO, bytes, n);
    } while (written < 0 && errno == EINTR);
    return written == (ssize_t)n;
}

/* After a loss there is no waiting any more until a line gets through, so a stalled reader costs one wait in all. */
static void emit(const char *bytes, size_t n)
{
    char note[128];
    int n_note;

    pthread_mutex_lock(&writer);
    if (n_lost > 0) {
        n_note =
            snprintf(note, sizeof(note),
                     config.json ? "{\"level\":\"warn\",\"area\":\"log\",\"message\":\"lines lost\",\"lines\":%lu}\n"
                                 : "log: %lu lines lost\n",
                     n_lost);
        if (write_line(note, (size_t)n_note, 0))
            n_lost = 0;
    }
    if (n_lost > 0 || !write_line(bytes, n, WAIT_MS))
        n_lost++;
    pthread_mutex_unlock(&writer);
}

void qn_log_fields(enum qn_log_level level, const char *area, const char *message, const char *pairs)
{
    struct qn_buf line;
    char cut[CUT_MESSAGE];

    if ((unsigned)level >= N_LEVELS || !qn_log_enabled(level, area))
        return;
    qn_buf_init(&line, BUILD_BYTES);
    if (!build_line(&line, (int)level, area, message, pairs)) {
        snprintf(cut, sizeof(cut), "%s", message);
        build_line(&line, (int)level, area, cut, "\"cut\":true");
    }
    if (!line.failed)
        emit(line.data, line.n);
    qn_buf_deinit(&line);
}

void qn_log(enum qn_log_level level, const char *area, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    if (!qn_log_enabled(level, area))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    qn_log_fields(level, area, message, NULL);
}
