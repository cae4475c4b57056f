/* inputs.c: gathers a model's inputs for run and bench. */
#include "tools/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/format.h"

/* The input whose name stands before a '=' in the text: the longest, for names may have that sign too. *rest is what
 * follows it. Without a name the text speaks of a model's only input. */
static enum qn_status split(const struct qn_session *session, const char *text, size_t *index, const char **rest,
                            struct qn_err *err)
{
    size_t n = qn_session_n_inputs(session), best = 0;
    const char *equals = strchr(text, '=');

    *rest = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t n_name = strlen(qn_session_input(session, i)->name);

        if (strncmp(text, qn_session_input(session, i)->name, n_name) != 0 || text[n_name] != '=' || n_name < best)
            continue;
        *index = i;
        *rest = text + n_name + 1;
        best = n_name;
    }
    if (*rest)
        return QN_OK;
    QN_CHECK(!equals || access(text, F_OK) == 0, err, ARG, "the model has no input '%.*s'", (int)(equals - text), text);
    QN_CHECK(n == 1, err, ARG, "'%s' is not of the form NAME=VALUE, and the model has %zu inputs", text, n);
    *index = 0;
    *rest = text;
    return QN_OK;
}

static enum qn_status parse_dims(const char *text, int64_t dims[QN_MAX_RANK], int *rank, struct qn_err *err)
{
    const char *at = text;

    *rank = 0;
    while (*at) {
        char *end;
        long long dim;

        errno = 0;
        dim = strtoll(at, &end, 10);
        QN_CHECK(*at >= '0' && *at <= '9' && errno == 0 && (*end == '\0' || (strchr("x,", *end) && end[1])) &&
                     *rank < QN_MAX_RANK,
                 err, ARG, "'%s' is not a shape such as 1x3x224x224", text);
        dims[(*rank)++] = dim;
        at = *end ? end + 1 : end;
    }
    return QN_OK;
}

/* A bare FILE.npz fills the inputs that its arrays are named for. */
static enum qn_status read_files(const struct qn_inputs *inputs, const struct qn_session *session,
                                 const struct qn_io *const *ios, bool *named, struct qn_arena *arena,
                                 struct qn_value *values, struct qn_err *err)
{
    for (int i = 0; i < inputs->files.n; i++) {
        const char *text = inputs->files.items[i], *path;
        size_t index;

        if (qn_format_is_archive(text) && access(text, F_OK) == 0) {
            QN_TRY(qn_format_read_all(text, ios, qn_session_n_inputs(session), named, arena, values, err));
            continue;
        }
        QN_TRY(split(session, text, &index, &path, err));
        QN_CHECK(!named[index], err, ARG, "input '%s' is given twice", ios[index]->name);
        QN_TRY(qn_format_read(path, ios[index], arena, &values[index], NULL, err));
        named[index] = true;
    }
    return QN_OK;
}

struct dims {
    int rank; /* -1: not given */
    int64_t dims[QN_MAX_RANK];
};

static enum qn_status read_shapes(const struct qn_inputs *inputs, const struct qn_session *session, const bool *given,
                                  struct dims *shapes, struct qn_err *err)
{
    for (size_t i = 0; i < qn_session_n_inputs(session); i++)
        shapes[i].rank = -1;
    for (int s = 0; s < inputs->shapes.n; s++) {
        const char *text;
        size_t index;

        QN_TRY(split(session, inputs->shapes.items[s], &index, &text, err));
        QN_CHECK(!given[index], err, ARG, "input '%s' has its values from a file; --shape is for random ones",
                 qn_session_input(session, index)->name);
        QN_TRY(parse_dims(text, shapes[index].dims, &shapes[index].rank, err));
    }
    return QN_OK;
}

static enum qn_status fill_random(const struct qn_inputs *inputs, const struct qn_session *session,
                                  struct qn_arena *arena, struct qn_value *values, const bool *given,
                                  struct qn_err *err)
{
    uint64_t seed = (uint64_t)inputs->seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
    struct dims *shapes = qn_arena_array(arena, qn_session_n_inputs(session) + 1, sizeof(*shapes));

    QN_CHECK_MEM(shapes, err);
    QN_TRY(read_shapes(inputs, session, given, shapes, err));
    for (size_t i = 0; i < qn_session_n_inputs(session); i++) {
        const struct qn_io *io = qn_session_input(session, i);
        int rank = shapes[i].rank;

        if (given[i])
            continue;
        QN_CHECK(inputs->random || rank >= 0, err, ARG, "input '%s' (%s) is not given; --input %s=FILE, or --random",
                 io->name, io->type_text, io->name);
        QN_TRY(qn_data_random(io, rank >= 0 ? shapes[i].dims : NULL, rank, &seed, arena, &values[i], err));
    }
    return QN_OK;
}

/* test_data_set_0 beside the model, when there is one. */
static bool folder_beside(const char *model, char *folder, size_t size)
{
    const char *slash = strrchr(model, '/');
    struct stat info;

    snprintf(folder, size, "%.*stest_data_set_0", slash ? (int)(slash - model + 1) : 0, model);
    return stat(folder, &info) == 0 && S_ISDIR(info.st_mode);
}

enum qn_status qn_inputs_read(const struct qn_inputs *inputs, const struct qn_session *session, struct qn_arena *arena,
                              struct qn_value *values, struct qn_err *err)
{
    size_t n = qn_session_n_inputs(session);
    const struct qn_io **ios = qn_arena_array(arena, n + 1, sizeof(*ios));
    bool *given = qn_arena_array(arena, n + 1, sizeof(*given));
    const char *data = inputs->data;
    char folder[4200];

    QN_CHECK_MEM(ios && given ? inputs : NULL, err);
    for (size_t i = 0; i < n; i++)
        ios[i] = qn_session_input(session, i);
    if (!data && inputs->beside && inputs->shapes.n == 0 && inputs->files.n == 0 &&
        folder_beside(inputs->model, folder, sizeof(folder)))
        data = folder;
    if (data)
        QN_TRY(qn_data_read_set(data, "input", ios, n, arena, values, err));
    QN_TRY(read_files(inputs, session, ios, given, arena, values, err));
    for (size_t i = 0; i < n; i++)
        given[i] = given[i] || data;
    return fill_random(inputs, session, arena, values, given, err);
}
