/* arena.h: memory that lives and dies together: a model's graph, a run's strings, a request.
 * Blocks are taken from the heap as needed, never above the budget given at init; nothing is freed one by one.
 * Not thread-safe: one owner at a time. */
#ifndef QN_BASE_ARENA_H
#define QN_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct qn_arena_block;

struct qn_arena {
    struct qn_arena_block *first; /* every block, in the order of use */
    struct qn_arena_block *current;
    size_t used;   /* bytes of heap blocks held */
    size_t budget; /* the most that used may become */
};

struct qn_arena_mark {
    struct qn_arena_block *block;
    size_t at;
};

void qn_arena_init(struct qn_arena *arena, size_t budget); /* takes no memory yet */
void qn_arena_deinit(struct qn_arena *arena);
/* Zeroed memory aligned to 64 bytes for sizes of 64 and more, else 16; NULL when the heap or budget is spent. Size 0
 * gives a valid pointer. */
void *qn_arena_alloc(struct qn_arena *arena, size_t n_bytes);
/* As qn_arena_alloc, not zeroed. */
void *qn_arena_alloc_raw(struct qn_arena *arena, size_t n_bytes);
/* n elements of size bytes each, zeroed; NULL on overflow too. */
void *qn_arena_array(struct qn_arena *arena, size_t n, size_t size);
/* Whether the budget allows a block for n_bytes more: when not, it is to blame for a NULL, else the heap is. */
bool qn_arena_may_grow(const struct qn_arena *arena, size_t n_bytes);
char *qn_arena_strdup(struct qn_arena *arena, const char *text);
char *qn_arena_strndup(struct qn_arena *arena, const char *text, size_t n); /* adds the final zero */
void *qn_arena_memdup(struct qn_arena *arena, const void *bytes, size_t n);
/* Whether the pointer lies in memory of the arena; linear in its blocks. */
bool qn_arena_owns(const struct qn_arena *arena, const void *pointer);
/* Forgets every allocation and keeps the blocks for the next round. */
void qn_arena_reset(struct qn_arena *arena);
/* Forgets what was allocated since the mark. */
struct qn_arena_mark qn_arena_mark(const struct qn_arena *arena);
void qn_arena_rewind(struct qn_arena *arena, struct qn_arena_mark mark);

#endif
