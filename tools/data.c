/* data.c: data sets on disk and random values, for run, verify and bench. */
#include "tools/data.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/tensor.h"
#include "tools/format.h"

/* ---- Folders -------------------------------------------------------------------------------------------------- */

/* The number behind the prefix of "input_12.pb" or "test_data_set_3"; -1 when there is none. */
static long number_of(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    char *end;
    long number;

    if (strncmp(name, prefix, n) != 0 || !isdigit((unsigned char)name[n]))
        return -1;
    number = strtol(name + n, &end, 10);
    return *end == '\0' || *end == '.' ? number : -1;
}

struct entry {
    char *path;
    long number;
};

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

enum { MAX_ENTRIES = 65536 };

struct listing {
    struct entry *entries;
    size_t n, capacity;
};

static enum qn_status add_entry(struct listing *listing, const char *folder, const char *name, long number,
                                struct qn_arena *arena, struct qn_err *err)
{
    size_t n_path = strlen(folder) + strlen(name) + 2;
    char *path = qn_arena_alloc(arena, n_path);

    QN_CHECK_MEM(path, err);
    QN_CHECK(listing->n < MAX_ENTRIES, err, LIMIT, "%s holds more than %d data sets or files", folder, MAX_ENTRIES);
    if (listing->n == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
        struct entry *more = qn_arena_array(arena, capacity, sizeof(*more));

        QN_CHECK_MEM(more, err);
        if (listing->n)
            memcpy(more, listing->entries, listing->n * sizeof(*more));
        listing->entries = more;
        listing->capacity = capacity;
    }
    snprintf(path, n_path, "%s/%s", folder, name);
    listing->entries[listing->n++] = (struct entry){path, number};
    return QN_OK;
}

/* Paths of the folder's entries named prefix + number [+ ending], in the order of their numbers. */
static enum qn_status list(const char *folder, const char *prefix, struct qn_arena *arena, struct entry **entries,
                           size_t *n, struct qn_err *err)
{
    struct listing listing = {NULL, 0, 0};
    enum qn_status status = QN_OK;
    struct dirent *item;
    DIR *dir = opendir(folder);

    QN_CHECK(dir, err, IO, "%.256s: %s", folder, strerror(errno));
    while (status == QN_OK && (item = readdir(dir))) {
        long number = number_of(item->d_name, prefix);

        if (number >= 0)
            status = add_entry(&listing, folder, item->d_name, number, arena, err);
    }
    closedir(dir);
    *entries = listing.entries;
    *n = listing.n;
    if (status == QN_OK && listing.n)
        qsort(listing.entries, listing.n, sizeof(*listing.entries), by_number);
    return status;
}

/* "inputs.npz" or "outputs.npz" of a folder; whether it is there. */
static bool find_archive(const char *folder, const char *prefix, char *path, size_t size)
{
    return (size_t)snprintf(path, size, "%s/%ss.npz", folder, prefix) < size && access(path, F_OK) == 0;
}

enum qn_status qn_data_find_sets(const char *folder, struct qn_arena *arena, char ***names, size_t *n,
                                 struct qn_err *err)
{
    struct entry *entries;
    char archive[4200];

    QN_TRY(list(folder, "test_data_set_", arena, &entries, n, err));
    *names = qn_arena_array(arena, *n + 1, sizeof(**names));
    QN_CHECK_MEM(*names, err);
    for (size_t i = 0; i < *n; i++)
        (*names)[i] = entries[i].path;
    if (find_archive(folder, "input", archive, sizeof(archive))) {
        (*names)[*n] = qn_arena_strdup(arena, folder);
        QN_CHECK_MEM((*names)[*n], err);
        ++*n;
    }
    return QN_OK;
}

/* ---- Data sets ------------------------------------------------------------------------------------------------ */

/* The value that a file of the set stands for: by the name it carries, else by the number in its own name. */
static size_t index_for(const char *name, size_t place, const struct qn_io *const *ios, size_t n, const bool *taken)
{
    for (size_t i = 0; name && *name && i < n; i++)
        if (!taken[i] && strcmp(ios[i]->name, name) == 0)
            return i;
    return place < n && !taken[place] ? place : n;
}

/* What kind a file holds is known only once it is known which value it is; a tensor file read first gives its name. */
static enum qn_status read_one(const char *path, size_t place, const struct qn_io *const *ios, size_t n, bool *taken,
                               struct qn_arena *arena, struct qn_value *values, struct qn_err *err)
{
    const struct qn_io *guess = place < n ? ios[place] : ios[0];
    struct qn_value value;
    const char *name;
    size_t index;

    QN_TRY(qn_format_read(path, guess, arena, &value, &name, err));
    index = index_for(name, place, ios, n, taken);
    QN_CHECK(index < n, err, SHAPE, "%s belongs to no value of the model", path);
    if (ios[index]->kind != guess->kind)
        QN_TRY(qn_format_read(path, ios[index], arena, &value, &name, err));
    values[index] = value;
    taken[index] = true;
    return QN_OK;
}

static enum qn_status read_files(const char *folder, const char *prefix, const struct qn_io *const *ios, size_t n,
                                 bool *taken, struct qn_arena *arena, struct qn_value *values, struct qn_err *err)
{
    struct entry *entries;
    size_t n_files;
    char start[16];

    snprintf(start, sizeof(start), "%.12s_", prefix);
    QN_TRY(list(folder, start, arena, &entries, &n_files, err));
    QN_CHECK(n_files <= n, err, SHAPE, "%s has %zu files of %ss, the model has %zu", folder, n_files, prefix, n);
    for (size_t i = 0; i < n_files; i++)
        QN_TRY(read_one(entries[i].path, (size_t)entries[i].number, ios, n, taken, arena, values, err));
    return QN_OK;
}

enum qn_status qn_data_read_set(const char *folder, const char *prefix, const struct qn_io *const *ios, size_t n,
                                struct qn_arena *arena, struct qn_value *values, struct qn_err *err)
{
    bool *taken = qn_arena_array(arena, n, sizeof(*taken));
    char archive[4200];

    QN_CHECK_MEM(taken, err);
    if (find_archive(folder, prefix, archive, sizeof(archive)))
        QN_TRY(qn_format_read_all(archive, ios, n, taken, arena, values, err));
    else
        QN_TRY(read_files(folder, prefix, ios, n, taken, arena, values, err));
    for (size_t i = 0; i < n; i++)
        QN_CHECK(taken[i], err, SHAPE, "%s has no file for %s '%s'", folder, prefix, ios[i]->name);
    return QN_OK;
}

/* ---- Random inputs -------------------------------------------------------------------------------------------- */

static uint64_t next(uint64_t *x)
{
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * 0x2545f4914f6cdd1du;
}

enum qn_status qn_data_random(const struct qn_io *io, const int64_t *dims, int rank, uint64_t *seed,
                              struct qn_arena *arena, struct qn_value *value, struct qn_err *err)
{
    struct qn_shape shape = {.rank = dims ? rank : io->rank};

    QN_CHECK(io->kind == QN_TENSOR && io->dtype != QN_UNDEFINED, err, UNSUPPORTED, "input '%s' is %s; give it a file",
             io->name, io->type_text);
    QN_CHECK(shape.rank >= 0, err, SHAPE, "input '%s' has no declared rank; give --shape %s=1x3x8x8 or a file",
             io->name, io->name);
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = dims ? dims[i] : io->dims[i] < 0 ? 1 : io->dims[i];
    memset(value, 0, sizeof(*value));
    QN_TRY(qn_tensor_create(arena, io->dtype, &shape, &value->tensor, err));
    for (int64_t i = 0, n = qn_tensor_count(&value->tensor); i < n && io->dtype != QN_STRING; i++) {
        uint64_t bits = next(seed);

        if (qn_dtype_is_float(io->dtype))
            qn_tensor_set_double(&value->tensor, i, (double)(bits >> 11) * 0x1p-52 - 1.0);
        else
            qn_tensor_set_int(&value->tensor, i, (int64_t)(bits >> 33) % (io->dtype == QN_BOOL ? 2 : 10));
    }
    return QN_OK;
}
