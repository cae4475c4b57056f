/* scratch.c: request memory; see scratch.h. */
#include "server/scratch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

enum { ALIGN = 64, TAIL = 64 };

struct qn_scratch_extra {
    struct qn_scratch_extra *next;
    size_t n_bytes;
    char padding[ALIGN - 2 * sizeof(size_t)];
};

void qn_scratch_init(struct qn_scratch *scratch, size_t budget) { *scratch = (struct qn_scratch){.budget = budget}; }

bool qn_scratch_prepare(struct qn_scratch *scratch, size_t n_bytes)
{
    n_bytes = qn_round_up(n_bytes, ALIGN);
    if (posix_memalign((void **)&scratch->block, ALIGN, n_bytes) != 0) {
        scratch->block = NULL;
        return false;
    }
    memset(scratch->block, 0, n_bytes);
    scratch->capacity = n_bytes;
    return true;
}

static void free_extras(struct qn_scratch *scratch)
{
    while (scratch->extras != NULL) {
        struct qn_scratch_extra *next = scratch->extras->next;

        free(scratch->extras);
        scratch->extras = next;
    }
    scratch->extra_bytes = 0;
}

void qn_scratch_deinit(struct qn_scratch *scratch)
{
    free_extras(scratch);
    free(scratch->block);
    qn_scratch_init(scratch, scratch->budget);
}

static void *alloc_extra(struct qn_scratch *scratch, size_t n_bytes)
{
    struct qn_scratch_extra *extra = NULL;

    if (posix_memalign((void **)&extra, ALIGN, sizeof(*extra) + n_bytes) != 0)
        return NULL;
    extra->next = scratch->extras;
    extra->n_bytes = n_bytes;
    scratch->extras = extra;
    scratch->extra_bytes += n_bytes;
    return extra + 1;
}

void *qn_scratch_alloc(struct qn_scratch *scratch, size_t n)
{
    size_t n_bytes;
    void *pointer;

    if (n > SIZE_MAX / 2)
        return NULL;
    n_bytes = qn_round_up(n + TAIL, ALIGN);
    if (scratch->used + scratch->extra_bytes > scratch->budget ||
        n_bytes > scratch->budget - scratch->used - scratch->extra_bytes)
        return NULL;
    if (n_bytes > scratch->capacity - scratch->used) {
        pointer = alloc_extra(scratch, n_bytes);
    } else {
        pointer = scratch->block + scratch->used;
        scratch->used += n_bytes;
    }
    if (scratch->peak < scratch->used + scratch->extra_bytes)
        scratch->peak = scratch->used + scratch->extra_bytes;
    return pointer;
}

void *qn_scratch_array(struct qn_scratch *scratch, size_t n, size_t size)
{
    size_t n_bytes;
    void *pointer;

    if (!qn_mul(n, size, &n_bytes))
        return NULL;
    pointer = qn_scratch_alloc(scratch, n_bytes);
    if (pointer != NULL)
        memset(pointer, 0, n_bytes);
    return pointer;
}

void qn_scratch_trim(struct qn_scratch *scratch, void *latest, size_t n)
{
    size_t n_bytes = qn_round_up(n + TAIL, ALIGN);
    struct qn_scratch_extra *extra = scratch->extras;

    if (extra != NULL && latest == (void *)(extra + 1)) {
        /* The heap block stays as it is; only the account shrinks. */
        scratch->extra_bytes -= extra->n_bytes - n_bytes;
        extra->n_bytes = n_bytes;
    } else if (scratch->block != NULL && (char *)latest >= scratch->block &&
               (char *)latest + n_bytes <= scratch->block + scratch->used) {
        scratch->used = (size_t)((char *)latest - scratch->block) + n_bytes;
    }
}

void qn_scratch_reset(struct qn_scratch *scratch, size_t max_kept)
{
    size_t wanted = scratch->peak;
    bool grows = scratch->extras != NULL && wanted <= max_kept;

    free_extras(scratch);
    scratch->used = 0;
    scratch->peak = 0;
    if (scratch->capacity > max_kept || (grows && wanted > scratch->capacity)) {
        free(scratch->block);
        scratch->block = NULL;
        scratch->capacity = 0;
    }
    if (grows && scratch->block == NULL) {
        wanted = qn_round_up(wanted + wanted / 4 + 4096, ALIGN);
        if (posix_memalign((void **)&scratch->block, ALIGN, wanted) == 0)
            scratch->capacity = wanted;
        else
            scratch->block = NULL;
    }
}

size_t qn_scratch_held(const struct qn_scratch *scratch) { return scratch->capacity + scratch->extra_bytes; }
