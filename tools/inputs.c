/* inputs.c: gathers a model's inputs for run and bench. */
#include "tools/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct qn_io *find(const struct qn_session *session, const char *name, size_t n_name, size_t *index)
{
    for (*index = 0; *index < qn_session_n_inputs(session); ++*index) {
        const struct qn_io *io = qn_session_input(session, *index);

        if (strlen(io->name) == n_name && memcmp(io->name, name, n_name) == 0)
            return io;
    }
    return NULL;
}

/* The input that "NAME=rest" speaks of, and the rest. */
static enum qn_status split(const struct qn_session *session, const char *text, const struct qn_io **io, size_t *index,
                            const char **rest, struct qn_err *err)
{
    const char *equals = strrchr(text, '=');

    QN_CHECK(equals && equals > text, err, ARG, "'%s' is not of the form NAME=VALUE", text);
    *io = find(session, text, (size_t)(equals - text), index);
    QN_CHECK(*io, err, ARG, "the model has no input '%.*s'", (int)(equals - text), text);
    *rest = equals + 1;
    return QN_OK;
}

static enum qn_status parse_dims(const char *text, int64_t dims[QN_MAX_RANK], int *rank, struct qn_err *err)
{
    *rank = 0;
    while (*text) {
        char *end;
        long long dim = strtoll(text, &end, 10);

        QN_CHECK(end != text && dim >= 0 && (*end == 'x' || *end == ',' || !*end) && *rank < QN_MAX_RANK, err, ARG,
                 "'%s' is not a shape such as 1x3x224x224", text);
        dims[(*rank)++] = dim;
        text = *end ? end + 1 : end;
    }
    return QN_OK;
}

static enum qn_status read_files(const struct qn_inputs *inputs, const struct qn_session *session,
                                 struct qn_arena *arena, struct qn_value *values, bool *given, struct qn_err *err)
{
    for (int i = 0; i < inputs->files.n; i++) {
        const struct qn_io *io;
        const char *path;
        size_t index;

        QN_TRY(split(session, inputs->files.items[i], &io, &index, &path, err));
        QN_TRY(qn_data_read(path, io, arena, &values[index], NULL, err));
        given[index] = true;
    }
    return QN_OK;
}

static enum qn_status fill_random(const struct qn_inputs *inputs, const struct qn_session *session,
                                  struct qn_arena *arena, struct qn_value *values, const bool *given, struct qn_err *err)
{
    uint64_t seed = (uint64_t)inputs->seed * 0x9e3779b97f4a7c15u + 88172645463325252u;

    for (size_t i = 0; i < qn_session_n_inputs(session); i++) {
        const struct qn_io *io = qn_session_input(session, i);
        int64_t dims[QN_MAX_RANK];
        int rank = -1;

        for (int s = 0; s < inputs->shapes.n; s++) {
            const struct qn_io *meant;
            const char *text;
            size_t index;

            QN_TRY(split(session, inputs->shapes.items[s], &meant, &index, &text, err));
            if (index == i)
                QN_TRY(parse_dims(text, dims, &rank, err));
        }
        if (given[i])
            continue;
        QN_CHECK(inputs->random, err, ARG, "input '%s' (%s) is not given; --input %s=FILE, or --random", io->name,
                 io->type_text, io->name);
        QN_TRY(qn_data_random(io, rank >= 0 ? dims : NULL, rank, &seed, arena, &values[i], err));
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
    if (!data && inputs->beside && inputs->shapes.n == 0 && inputs->files.n == 0 &&
        folder_beside(inputs->model, folder, sizeof(folder)))
        data = folder;
    for (size_t i = 0; i < n; i++) {
        ios[i] = qn_session_input(session, i);
        given[i] = data != NULL;
    }
    if (data)
        QN_TRY(qn_data_read_set(data, "input", ios, n, arena, values, err));
    QN_TRY(read_files(inputs, session, arena, values, given, err));
    return fill_random(inputs, session, arena, values, given, err);
}
