/* import_lack.c: collects what the engine lacks for a model, so that one attempt tells all of it: one line per distinct
 * lack, with how many nodes need it and the first of them. */
#include <stdio.h>
#include <string.h>

#include "import/importer.h"

enum { MAX_LINES = 1000, N_WHERE = 3 };

static struct qn_lack *find_lack(struct qn_importer *imp, const char *text)
{
    struct qn_lacks *lacks = &imp->lacks;
    struct qn_lack *lack = qn_strmap_get(&lacks->map, text);

    if (lack)
        return lack;
    if (lacks->n == lacks->capacity) {
        size_t capacity = lacks->capacity ? lacks->capacity * 2 : 16;
        struct qn_lack **all = qn_arena_array(&imp->fixed, capacity, sizeof(struct qn_lack *));

        if (!all)
            return NULL;
        if (lacks->n)
            memcpy(all, lacks->all, lacks->n * sizeof(struct qn_lack *));
        lacks->all = all;
        lacks->capacity = capacity;
    }
    lack = qn_arena_alloc(&imp->fixed, sizeof(*lack));
    if (!lack)
        return NULL;
    lack->text = qn_arena_strdup(&imp->fixed, text);
    if (!lack->text || !qn_strmap_set(&lacks->map, lack->text, lack))
        return NULL;
    lacks->all[lacks->n++] = lack;
    return lack;
}

enum qn_status qn_lack_add(struct qn_importer *imp, const char *text, const char *where)
{
    struct qn_lack *lack = find_lack(imp, text);

    QN_CHECK_MEM(lack, imp->err);
    if (where && lack->n < N_WHERE) {
        lack->where[lack->n] = qn_arena_strdup(&imp->fixed, where);
        QN_CHECK_MEM(lack->where[lack->n], imp->err);
    }
    lack->n++;
    return QN_OK;
}

/* qn_err_set makes text from a file printable, so the line is built as an error is. */
static void tell(const struct qn_importer *imp, const struct qn_lack *lack)
{
    struct qn_err line = {0};

    if (!lack->where[0])
        qn_err_set(&line, QN_UNSUPPORTED, "%s", lack->text);
    else
        qn_err_set(&line, QN_UNSUPPORTED, "%.300s (%zu node%s: %.50s%s%.50s%s%.50s%s)", lack->text, lack->n,
                   lack->n == 1 ? "" : "s", lack->where[0], lack->where[1] ? ", " : "",
                   lack->where[1] ? lack->where[1] : "", lack->where[2] ? ", " : "",
                   lack->where[2] ? lack->where[2] : "", lack->n > N_WHERE ? ", ..." : "");
    imp->options->missing_fn(imp->options->missing_arg, line.text);
}

enum qn_status qn_lack_report(struct qn_importer *imp)
{
    const struct qn_lacks *lacks = &imp->lacks;
    char more[64];

    if (lacks->n == 0)
        return QN_OK;
    for (size_t i = 0; imp->options->missing_fn && i < lacks->n && i < MAX_LINES; i++)
        tell(imp, lacks->all[i]);
    if (imp->options->missing_fn && lacks->n > MAX_LINES) {
        snprintf(more, sizeof(more), "and %zu more", lacks->n - MAX_LINES);
        imp->options->missing_fn(imp->options->missing_arg, more);
    }
    if (lacks->n == 1)
        QN_FAIL(imp->err, UNSUPPORTED, "%s", lacks->all[0]->text);
    QN_FAIL(imp->err, UNSUPPORTED, "%zu things are missing for this model, first: %s", lacks->n, lacks->all[0]->text);
}
