/* external.c: finds a tensor's bytes in a weight file. The location comes from the model and is hostile: base/file.h
 * keeps it below the model's folder; offset and length are checked against the file. Checksums are not verified. */
#include "import/external.h"

#include <string.h>

#include "base/checked.h"

struct place {
    const char *location, *offset, *length; /* NULL: not given */
};

static enum qn_status set_once(const char **field, const char *key, const char *value, struct qn_err *err)
{
    QN_CHECK(!*field, err, FORMAT, "external data gives '%s' twice", key);
    *field = value ? value : "";
    return QN_OK;
}

static enum qn_status read_entries(QnOnnx__StringStringEntryProto *const *entries, size_t n, struct place *place,
                                   struct qn_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *key = entries[i]->key ? entries[i]->key : "";

        if (strcmp(key, "location") == 0)
            QN_TRY(set_once(&place->location, key, entries[i]->value, err));
        else if (strcmp(key, "offset") == 0)
            QN_TRY(set_once(&place->offset, key, entries[i]->value, err));
        else if (strcmp(key, "length") == 0)
            QN_TRY(set_once(&place->length, key, entries[i]->value, err));
    }
    QN_CHECK(place->location && *place->location, err, FORMAT, "external data has no location");
    return QN_OK;
}

/* Digits only; nothing that a library's parser would forgive. */
static enum qn_status parse_size(const char *text, const char *key, uint64_t *size, struct qn_err *err)
{
    uint64_t x = 0;

    QN_CHECK(*text, err, FORMAT, "external data has an empty %s", key);
    for (const char *p = text; *p; p++) {
        QN_CHECK(*p >= '0' && *p <= '9', err, FORMAT, "external data's %s is '%.40s', not a decimal number", key, text);
        QN_CHECK(!__builtin_mul_overflow(x, (uint64_t)10, &x) && !__builtin_add_overflow(x, (uint64_t)(*p - '0'), &x) &&
                     x <= INT64_MAX,
                 err, FORMAT, "external data's %s of '%.40s' is too large", key, text);
    }
    *size = x;
    return QN_OK;
}

/* Room for one more mapping. The old array stays in the arena: the mappings' list doubles. */
static bool grow(struct qn_externals *externals)
{
    struct qn_model *model = externals->model;
    size_t capacity = externals->capacity ? externals->capacity * 2 : 4;
    struct qn_file *files;

    if (model->n_externals < externals->capacity)
        return true;
    files = qn_arena_array(&model->arena, capacity, sizeof(*files));
    if (!files)
        return false;
    if (model->n_externals)
        memcpy(files, model->externals, model->n_externals * sizeof(*files));
    model->externals = files;
    externals->capacity = capacity;
    return true;
}

static enum qn_status map_file(struct qn_externals *externals, const char *location, const struct qn_file **file,
                               struct qn_err *err)
{
    uintptr_t found = (uintptr_t)qn_strmap_get(&externals->files, location);
    struct qn_model *model = externals->model;
    const char *name;

    if (found) {
        *file = &model->externals[found - 1];
        return QN_OK;
    }
    name = qn_arena_strdup(externals->arena, location);
    QN_CHECK_MEM(name, err);
    QN_CHECK(grow(externals), err, NOMEM, "out of memory");
    QN_CHECK(qn_strmap_set(&externals->files, name, (void *)(uintptr_t)(model->n_externals + 1)), err, NOMEM,
             "out of memory");
    QN_TRY(
        qn_file_map_below(externals->dir, externals->real_dir, location, &model->externals[model->n_externals], err));
    *file = &model->externals[model->n_externals++];
    return QN_OK;
}

enum qn_status qn_external_find(struct qn_externals *externals, QnOnnx__StringStringEntryProto *const *entries,
                                size_t n_entries, size_t n_bytes, struct qn_slice *bytes, struct qn_err *err)
{
    static const unsigned char nothing[1];
    const struct qn_file *file = NULL;
    struct place place = {0};
    uint64_t offset = 0, length = n_bytes;

    QN_CHECK(externals && externals->dir, err, UNSUPPORTED, "external data is refused%s%s", externals ? ": " : "",
             externals ? externals->refusal : "");
    QN_TRY(read_entries(entries, n_entries, &place, err));
    if (place.offset)
        QN_TRY(parse_size(place.offset, "offset", &offset, err));
    if (place.length)
        QN_TRY(parse_size(place.length, "length", &length, err));
    QN_CHECK(length == n_bytes, err, FORMAT, "external data has length %llu where %zu bytes are expected",
             (unsigned long long)length, n_bytes);
    QN_TRY(map_file(externals, place.location, &file, err));
    QN_CHECK(offset <= file->n && length <= file->n - offset, err, FORMAT,
             "external data at %llu with %llu bytes reaches past the end of '%s', which has %zu bytes",
             (unsigned long long)offset, (unsigned long long)length, place.location, file->n);
    *bytes = (struct qn_slice){file->data ? file->data + offset : nothing, n_bytes};
    return QN_OK;
}
