/* scratch.h: memory of one request, used again by the next. Allocation moves a pointer through one block; what does not
 * fit comes from the heap for this once, and the next reset makes the block large enough, so that requests of one kind
 * soon allocate nothing. Not thread-safe: one request at a time. */
#ifndef QN_SERVER_SCRATCH_H
#define QN_SERVER_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

struct qn_scratch_extra;

struct qn_scratch {
    char *block;
    size_t capacity;
    size_t used;
    struct qn_scratch_extra *extras; /* heap blocks of this request, the latest first */
    size_t extra_bytes;
    size_t peak;   /* the most this request held at once */
    size_t budget; /* the most bytes one request may take */
};

void qn_scratch_init(struct qn_scratch *scratch, size_t budget); /* takes no memory yet */
void qn_scratch_deinit(struct qn_scratch *scratch);
/* Right after init: a block of n bytes to begin with, its pages taken. False when the heap is spent. */
bool qn_scratch_prepare(struct qn_scratch *scratch, size_t n_bytes);
/* n bytes aligned to 64, not zeroed, followed by at least 64 readable bytes. NULL when the heap or the budget is spent.
 */
void *qn_scratch_alloc(struct qn_scratch *scratch, size_t n);
/* n elements of size bytes, zeroed. NULL on overflow too. */
void *qn_scratch_array(struct qn_scratch *scratch, size_t n, size_t size);
/* Keeps the first n bytes of the latest allocation only. */
void qn_scratch_trim(struct qn_scratch *scratch, void *latest, size_t n);
/* Forgets all allocations. Keeps a block of at most max_kept bytes. */
void qn_scratch_reset(struct qn_scratch *scratch, size_t max_kept);
/* Bytes held now. */
size_t qn_scratch_held(const struct qn_scratch *scratch);

#endif
