/* format.c: values from and to files of each format. Reading keeps the whole file in the caller's arena, where the
 * values may refer to it. */
#include "tools/format.h"

#include <string.h>

#include "base/file.h"
#include "import/import.h"
#include "server/codec/fit.h"
#include "server/codec/json_value.h"
#include "tensor/tensor.h"
#include "tools/npy.h"
#include "tools/pb_print.h"
#include "tools/zip.h"

/* A file, in the arena, with zeros behind it for the readers of text. */
struct source {
    const char *key; /* the array of an archive; NULL: not said */
    char *bytes;
    size_t n;
    const struct qn_io *io;
    struct qn_arena *arena;
    struct qn_err *err;
};

enum { PADDING = 64 };

static enum qn_status load(const char *path, struct source *source)
{
    struct qn_file file;

    QN_TRY(qn_file_map(path, &file, source->err));
    source->n = file.n;
    source->bytes = qn_arena_alloc_raw(source->arena, file.n + PADDING);
    if (source->bytes) {
        if (file.n)
            memcpy(source->bytes, file.data, file.n);
        memset(source->bytes + file.n, 0, PADDING);
    }
    qn_file_unmap(&file);
    QN_CHECK(source->bytes, source->err, LIMIT, "%zu bytes are more than the data may take", source->n);
    return QN_OK;
}

/* ---- Reading -------------------------------------------------------------------------------------------------- */

static enum qn_status read_pb(const struct source *source, struct qn_value *value, const char **name)
{
    return qn_import_value(source->bytes, source->n, source->io->kind, source->arena, value, name, source->err);
}

static enum qn_status read_npy(const struct source *source, struct qn_value *value, const char **name)
{
    (void)name;
    return qn_npy_parse(source->bytes, source->n, source->arena, &value->tensor, source->err);
}

static enum qn_status read_json_text(const struct source *source, struct qn_scratch *scratch, struct qn_tensor *tensor)
{
    struct qn_json_tensor array = {
        .name = source->io->name, .dtype = source->io->dtype, .max = SIZE_MAX, .non_finite = true};
    struct qn_json json;

    qn_json_open(&json, source->bytes, source->n, source->err);
    QN_TRY(qn_json_read_tensor(&json, scratch, &array));
    QN_TRY(qn_json_end(&json));
    return qn_fit_whole(source->io, &array, tensor, source->err);
}

static enum qn_status read_json(const struct source *source, struct qn_value *value, const char **name)
{
    struct qn_tensor tensor = {.dtype = source->io->dtype};
    struct qn_scratch scratch;
    enum qn_status status;

    (void)name;
    QN_CHECK(source->io->kind == QN_TENSOR && source->io->dtype != QN_UNDEFINED, source->err, UNSUPPORTED,
             "JSON holds tensors of a known type only, and '%s' is %s", source->io->name, source->io->type_text);
    qn_scratch_init(&scratch, QN_MAX_DATA);
    status = read_json_text(source, &scratch, &tensor);
    if (status == QN_OK)
        status = qn_tensor_copy(source->arena, &tensor, &value->tensor, source->err);
    qn_scratch_deinit(&scratch);
    return status;
}

/* The key of an archive's entry: its name without ".npy". */
static enum qn_status key_of(const struct qn_zip_entry *entry, size_t *n_key, struct qn_err *err)
{
    size_t n = strlen(entry->name);

    QN_CHECK(n > 4 && strcmp(entry->name + n - 4, ".npy") == 0, err, FORMAT,
             "the archive's entry '%.80s' is no .npy file", entry->name);
    *n_key = n - 4;
    return QN_OK;
}

static enum qn_status find_key(const struct qn_zip *zip, const char *key, const struct qn_zip_entry **entry,
                               struct qn_err *err)
{
    size_t n = 0;

    *entry = NULL;
    for (size_t i = 0; i < zip->n; i++) {
        QN_TRY(key_of(&zip->entries[i], &n, err));
        if (strlen(key) == n && memcmp(zip->entries[i].name, key, n) == 0)
            *entry = &zip->entries[i];
    }
    return QN_OK;
}

static enum qn_status read_entry(const struct qn_zip *zip, const struct qn_zip_entry *entry, struct qn_arena *arena,
                                 struct qn_value *value, struct qn_err *err)
{
    const void *bytes;

    QN_TRY(qn_zip_read(zip, entry, arena, &bytes, err));
    return qn_npy_parse(bytes, entry->size, arena, &value->tensor, err);
}

static enum qn_status read_npz(const struct source *source, struct qn_value *value, const char **name)
{
    const char *key = source->key ? source->key : source->io->name;
    const struct qn_zip_entry *entry;
    struct qn_zip zip;

    (void)name;
    QN_TRY(qn_zip_open(source->bytes, source->n, QN_MAX_DATA, source->arena, &zip, source->err));
    QN_TRY(find_key(&zip, key, &entry, source->err));
    if (!entry && !source->key && zip.n == 1)
        entry = zip.entries;
    QN_CHECK(entry, source->err, FORMAT, "no array '%.80s' among the %zu of the archive%s", key, zip.n,
             source->key ? "" : "; FILE.npz:KEY names one");
    return read_entry(&zip, entry, source->arena, value, source->err);
}

/* ---- Writing -------------------------------------------------------------------------------------------------- */

static enum qn_status print_npy(const struct qn_value *value, const char *name, struct qn_buf *buf, struct qn_err *err)
{
    QN_CHECK(value->kind == QN_TENSOR, err, ARG,
             "output '%.80s' is not a tensor, and NumPy files hold nothing else; --format pb can", name);
    return qn_npy_print(&value->tensor, buf, err);
}

static enum qn_status print_json(const struct qn_value *value, const char *name, struct qn_buf *buf, struct qn_err *err)
{
    QN_TRY(qn_json_put_value(buf, value, QN_NAN_NULL, name, err));
    QN_CHECK(qn_buf_puts(buf, "\n"), err, LIMIT, "output '%.80s' is too large to write", name);
    return QN_OK;
}

/* ---- By format ------------------------------------------------------------------------------------------------ */

static const struct format {
    const char *name;
    enum qn_status (*read)(const struct source *source, struct qn_value *value, const char **name);
    enum qn_status (*print)(const struct qn_value *value, const char *name, struct qn_buf *buf, struct qn_err *err);
} formats[] = {
    {"pb", read_pb, qn_pb_print},
    {"npy", read_npy, print_npy},
    {"npz", read_npz, NULL},
    {"json", read_json, print_json},
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* By what stands behind the last dot of the first n bytes. */
static const struct format *format_of(const char *path, size_t n)
{
    for (int i = 0; i < N_FORMATS; i++) {
        size_t m = strlen(formats[i].name);

        if (n > m && path[n - m - 1] == '.' && memcmp(path + n - m, formats[i].name, m) == 0)
            return &formats[i];
    }
    return NULL;
}

bool qn_format_is_archive(const char *path)
{
    const struct format *format = format_of(path, strlen(path));

    return format && format->read == read_npz;
}

/* The path goes before the message. Whatever is wrong inside a file of data is the data's fault: none of the codes for
 * bad models. */
static enum qn_status in_file(const char *path, enum qn_status status, struct qn_err *err)
{
    struct qn_err inner = *err;

    if (status == QN_OK)
        return QN_OK;
    if (status == QN_FORMAT || status == QN_UNSUPPORTED)
        status = QN_SHAPE;
    if (strncmp(inner.text, path, strlen(path)) != 0)
        qn_err_set(err, status, "%s: %s", path, inner.text);
    err->status = status;
    return status;
}

enum qn_status qn_format_read(const char *path, const struct qn_io *io, struct qn_arena *arena, struct qn_value *value,
                              const char **name, struct qn_err *err)
{
    struct qn_err inner = {QN_OK, 0, {0}, {0}, {0}};
    struct source source = {.io = io, .arena = arena, .err = &inner};
    const char *colon = strrchr(path, ':'), *inside = NULL;
    const struct format *format = format_of(path, strlen(path));
    enum qn_status status;
    char *file = qn_arena_strdup(arena, path);

    memset(value, 0, sizeof(*value));
    QN_CHECK_MEM(file, err);
    if (!format && colon && (format = format_of(path, (size_t)(colon - path)))) {
        file[colon - path] = '\0';
        source.key = colon + 1;
    }
    QN_CHECK(format && (!source.key || format->read == read_npz), err, ARG,
             "%s: the name must end in .npy, .npz, .pb or .json (or .npz:KEY)", path);
    status = load(file, &source);
    if (status == QN_OK)
        status = format->read(&source, value, &inside);
    if (name)
        *name = inside;
    if (err)
        *err = inner;
    return err ? in_file(file, status, err) : status;
}

static enum qn_status fill(const struct qn_zip *zip, const struct qn_io *const *ios, size_t n, bool *taken,
                           struct qn_arena *arena, struct qn_value *values, struct qn_err *err)
{
    bool only = zip->n == 1 && n == 1;

    for (size_t e = 0; e < zip->n; e++) {
        const char *name = zip->entries[e].name;
        size_t i = 0, n_key = 0;

        QN_TRY(key_of(&zip->entries[e], &n_key, err));
        while (i < n && !only && (strlen(ios[i]->name) != n_key || memcmp(ios[i]->name, name, n_key) != 0))
            i++;
        QN_CHECK(i < n, err, SHAPE, "the array '%.*s' has no place in the model", (int)n_key, name);
        QN_CHECK(!taken[i], err, SHAPE, "'%s' is given twice", ios[i]->name);
        memset(&values[i], 0, sizeof(values[i]));
        QN_TRY(read_entry(zip, &zip->entries[e], arena, &values[i], err));
        taken[i] = true;
    }
    return QN_OK;
}

enum qn_status qn_format_read_all(const char *path, const struct qn_io *const *ios, size_t n, bool *taken,
                                  struct qn_arena *arena, struct qn_value *values, struct qn_err *err)
{
    struct qn_err inner = {QN_OK, 0, {0}, {0}, {0}};
    struct source source = {.arena = arena, .err = &inner};
    struct qn_zip zip;
    enum qn_status status = load(path, &source);

    if (status == QN_OK)
        status = qn_zip_open(source.bytes, source.n, QN_MAX_DATA, arena, &zip, &inner);
    if (status == QN_OK)
        status = fill(&zip, ios, n, taken, arena, values, &inner);
    if (err)
        *err = inner;
    return err ? in_file(path, status, err) : status;
}

enum qn_status qn_format_print(const char *format, const struct qn_value *value, const char *name, struct qn_buf *buf,
                               struct qn_err *err)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (formats[i].print && strcmp(formats[i].name, format) == 0)
            return formats[i].print(value, name, buf, err);
    QN_FAIL(err, ARG, "no values can be written as '%s'", format);
}
