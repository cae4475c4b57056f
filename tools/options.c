/* options.c: parsing of command-line flags by table. */
#include "tools/options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void qn_complain(const char *what, const char *format, ...)
{
    struct qn_err err = { QN_OK, 0, { 0 }, { 0 }, { 0 } };
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    qn_err_set(&err, QN_ARG, "%s", text); /* control characters become '?' */
    fprintf(stderr, "quern: %s: %s\n", what, err.text);
}

static const struct qn_flag *find(const struct qn_flag *flags, const char *name, size_t n)
{
    for (; flags->name; flags++)
        if (strlen(flags->name) == n && strncmp(flags->name, name, n) == 0)
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
    const char *word = argv[*at], *name = word + (word[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct qn_flag *flag = find(flags, name, n);

    if (!flag) {
        qn_complain("usage", "unknown flag '%s'; see 'quern help %s'", word, command);
        return false;
    }
    if (flag->kind == QN_FLAG_BOOL) {
        if (equals)
            qn_complain("usage", "--%s takes no value", flag->name);
        return !equals && set(flag, NULL);
    }
    if (equals)
        return set(flag, equals + 1);
    if (*at + 1 >= argc) {
        qn_complain("usage", "--%s needs a value", flag->name);
        return false;
    }
    return set(flag, argv[++*at]);
}

static bool make_room(const struct qn_flag *flags, int argc, struct qn_texts *words)
{
    words->n = 0;
    words->items = calloc((size_t)argc + 1, sizeof(*words->items));
    for (; flags->name && words->items; flags++) {
        struct qn_texts *texts = flags->target;

        if (flags->kind != QN_FLAG_TEXTS)
            continue;
        texts->n = 0;
        texts->items = calloc((size_t)argc + 1, sizeof(*texts->items));
        if (!texts->items)
            words->items = NULL;
    }
    if (!words->items)
        qn_complain("memory", "out of memory");
    return words->items != NULL;
}

bool qn_options_parse(const char *command, const struct qn_flag *flags, int argc, char **argv, struct qn_texts *words)
{
    bool only_words = false;

    if (!make_room(flags, argc, words))
        return false;
    for (int i = 1; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (!only_words && argv[i][0] == '-' && argv[i][1])
            if (!take_flag(command, flags, argc, argv, &i))
                return false;
            else
                continue;
        else
            words->items[words->n++] = argv[i];
    }
    return true;
}

void qn_options_help(const char *command, const char *words, const char *summary, const struct qn_flag *flags)
{
    printf("usage: quern %s %s%s\n\n%s\n", command, words, flags->name ? " [FLAGS]" : "", summary);
    if (flags->name)
        printf("\n");
    for (; flags->name; flags++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", flags->name, flags->value ? " " : "", flags->value ? flags->value : "");
        printf("  %-26s %s\n", left, flags->help);
    }
}
