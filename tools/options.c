/* options.c: parsing of command-line flags by table. */
#include "tools/options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"

void qn_complain(const char *what, const char *format, ...)
{
    struct qn_err place = {QN_OK, 0, {0}, {0}, {0}}, err = place;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    qn_err_set(&place, QN_ARG, "%.256s", what); /* control characters become '?' */
    qn_err_set(&err, QN_ARG, "%s", text);
    fprintf(stderr, "quern: %s: %s\n", place.text, err.text);
}

/* The flag of a word "--name", "--name=value" or "-n"; *value: what stands behind the sign, or NULL. */
static const struct qn_flag *find(const struct qn_flag *flags, const char *word, const char **value)
{
    const char *name = word + (word[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);

    *value = equals ? equals + 1 : NULL;
    if (word[1] != '-' && n != 1)
        return NULL;
    for (; flags->name; flags++)
        if (strlen(flags->name) == n && memcmp(flags->name, name, n) == 0)
            return flags;
    return NULL;
}

static bool number(const struct qn_flag *flag, const char *text, double *x)
{
    char *end;

    errno = 0;
    *x = strtod(text, &end);
    if (end == text || *end || !isfinite(*x) || (flag->kind == QN_FLAG_INT && *x != floor(*x))) {
        qn_complain("usage", "--%s takes a number, not '%s'", flag->name, text);
        return false;
    }
    if ((flag->min != 0 || flag->max != 0) && (*x < flag->min || *x > flag->max)) {
        qn_complain("usage", "--%s must be from %g to %g, not %s", flag->name, flag->min, flag->max, text);
        return false;
    }
    return true;
}

static bool set(const struct qn_flag *flag, const char *text)
{
    struct qn_texts *texts = flag->target;
    double x;

    if (text && !*text) {
        qn_complain("usage", "--%s needs a value, not an empty one", flag->name);
        return false;
    }
    switch (flag->kind) {
    case QN_FLAG_TEXT:
        *(const char **)flag->target = text;
        return true;
    case QN_FLAG_TEXTS:
        texts->items[texts->n++] = text;
        return true;
    case QN_FLAG_INT:
        if (!number(flag, text, &x))
            return false;
        *(int *)flag->target = (int)x;
        return true;
    case QN_FLAG_NUMBER:
        return number(flag, text, flag->target);
    default:
        *(bool *)flag->target = true;
        return true;
    }
}

/* One word that begins with '-', with the value behind '=' or in the next word. */
static bool take_flag(const char *command, const struct qn_flag *flags, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *value;
    const struct qn_flag *flag = find(flags, word, &value);

    if (!flag) {
        qn_complain("usage", "unknown flag '%s'; see 'quern help %s'", word, command);
        return false;
    }
    if (flag->kind == QN_FLAG_BOOL) {
        if (value)
            qn_complain("usage", "--%s takes no value", flag->name);
        return !value && set(flag, NULL);
    }
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (value)
        return set(flag, value);
    qn_complain("usage", "--%s needs a value", flag->name);
    return false;
}

static void print_help(const struct qn_usage *usage, const struct qn_flag *flags)
{
    printf("usage: quern %s%s%s%s\n\n%s\n", usage->command, *usage->words ? " " : "", usage->words,
           flags->name ? " [FLAGS]" : "", usage->summary);
    if (flags->name)
        printf("\n");
    for (; flags->name; flags++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", flags->name, flags->value ? " " : "",
                 flags->value ? flags->value : "");
        printf("  %-32s %s\n", left, flags->help);
    }
}

/* Every list can hold every word, so that filling them needs no further checks. */
static bool make_room(const struct qn_flag *flags, int argc, struct qn_texts *words)
{
    size_t n = (size_t)argc + 1;
    bool ok;

    *words = (struct qn_texts){calloc(n, sizeof(*words->items)), 0};
    ok = words->items != NULL;
    for (; flags->name; flags++) {
        struct qn_texts *texts = flags->target;

        if (flags->kind != QN_FLAG_TEXTS)
            continue;
        *texts = (struct qn_texts){calloc(n, sizeof(*texts->items)), 0};
        ok = ok && texts->items;
    }
    return ok;
}

void qn_options_free(const struct qn_flag *flags, struct qn_texts *words)
{
    free(words->items);
    *words = (struct qn_texts){NULL, 0};
    for (; flags->name; flags++) {
        if (flags->kind != QN_FLAG_TEXTS)
            continue;
        free(((struct qn_texts *)flags->target)->items);
        *(struct qn_texts *)flags->target = (struct qn_texts){NULL, 0};
    }
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int read_words(const struct qn_usage *usage, const struct qn_flag *flags, int argc, char **argv,
                      struct qn_texts *words)
{
    bool only_words = false;

    for (int i = 1; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (only_words || argv[i][0] != '-' || !argv[i][1]) {
            words->items[words->n++] = argv[i];
        } else if (is_help(argv[i])) {
            print_help(usage, flags);
            return QN_EXIT_OK;
        } else if (!take_flag(usage->command, flags, argc, argv, &i)) {
            return QN_EXIT_USAGE;
        }
    }
    for (int i = 0; i < words->n; i++)
        if (!words->items[i][0]) {
            qn_complain("usage", "argument %d of %s is empty", i + 1, usage->command);
            return QN_EXIT_USAGE;
        }
    if (words->n >= usage->min_words && (usage->max_words < 0 || words->n <= usage->max_words))
        return QN_GO_ON;
    qn_complain("usage", "%s", usage->words_missing);
    return QN_EXIT_USAGE;
}

int qn_options_read(const struct qn_usage *usage, const struct qn_flag *flags, int argc, char **argv,
                    struct qn_texts *words)
{
    int code = qn_status_exit(QN_NOMEM);

    if (make_room(flags, argc, words))
        code = read_words(usage, flags, argc, argv, words);
    else
        qn_complain(usage->command, "out of memory");
    if (code != QN_GO_ON)
        qn_options_free(flags, words);
    return code;
}
