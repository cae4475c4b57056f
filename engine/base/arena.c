/* arena.c: a list of heap blocks, filled one after the other. Blocks double from 4 KiB to 1 MiB; a request that does
 * not fit gets a block of its own size. Rewinding keeps the blocks behind the mark, all empty; the next allocations
 * take the first of them that is large enough, so rounds of varying sizes do not pile up blocks. Under the address
 * sanitizer, what is not handed out is poisoned, and every allocation is followed by a red zone. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n)   ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

enum { SMALL_ALIGN = 16, LARGE_ALIGN = 64 };

static const size_t first_block = 4096;
static const size_t largest_block = (size_t)1 << 20;

/* The header takes the first LARGE_ALIGN bytes of the heap block; the data follows, aligned to LARGE_ALIGN. */
struct qn_arena_block {
    struct qn_arena_block *next;
    size_t n_bytes; /* of data */
    size_t at;      /* bytes of data handed out, counting padding */
};

_Static_assert(sizeof(struct qn_arena_block) <= LARGE_ALIGN, "the header must fit before the data");

static unsigned char *block_data(struct qn_arena_block *block) { return (unsigned char *)block + LARGE_ALIGN; }

void qn_arena_init(struct qn_arena *arena, size_t budget) { *arena = (struct qn_arena){.budget = budget}; }

void qn_arena_deinit(struct qn_arena *arena)
{
    struct qn_arena_block *block = arena->first;

    while (block != NULL) {
        struct qn_arena_block *next = block->next;

        ASAN_UNPOISON_MEMORY_REGION(block_data(block), block->n_bytes);
        free(block);
        block = next;
    }
    *arena = (struct qn_arena){.budget = arena->budget};
}

/* Takes n_bytes from the block, or NULL when they do not fit. */
static void *take(struct qn_arena_block *block, size_t n_bytes, size_t align)
{
    size_t begin = qn_round_up(block->at, align);

    if (begin > block->n_bytes || n_bytes > block->n_bytes - begin)
        return NULL;
    block->at = begin + n_bytes;
#ifdef ARENA_ASAN
    if (block->n_bytes - block->at >= SMALL_ALIGN)
        block->at += SMALL_ALIGN; /* stays poisoned */
#endif
    ASAN_UNPOISON_MEMORY_REGION(block_data(block) + begin, n_bytes);
    return block_data(block) + begin;
}

/* The size of the next ordinary block: as much as the arena holds already, within the two bounds. */
static size_t usual_block(const struct qn_arena *arena)
{
    size_t size = arena->used;

    if (size < first_block)
        size = first_block;
    return size > largest_block ? largest_block : size;
}

/* The size of a fresh block with room for n_bytes; 0 when it is beyond the budget. */
static size_t fresh_size(const struct qn_arena *arena, size_t n_bytes)
{
    size_t left = (arena->budget - arena->used) & ~(size_t)(LARGE_ALIGN - 1);
    size_t size = usual_block(arena);

    if (n_bytes > SIZE_MAX - 2 * LARGE_ALIGN)
        return 0;
    n_bytes = qn_round_up(n_bytes + LARGE_ALIGN, LARGE_ALIGN);
    if (n_bytes > left)
        return 0;
    size = qn_round_up(size < n_bytes ? n_bytes : size, LARGE_ALIGN);
    return size < left ? size : left;
}

bool qn_arena_may_grow(const struct qn_arena *arena, size_t n_bytes) { return fresh_size(arena, n_bytes) != 0; }

/* A fresh block with room for n_bytes, placed behind current and made current; NULL when heap or budget refuse. */
static struct qn_arena_block *add_block(struct qn_arena *arena, size_t n_bytes)
{
    size_t size = fresh_size(arena, n_bytes);
    struct qn_arena_block *block;

    if (size == 0)
        return NULL;
    block = aligned_alloc(LARGE_ALIGN, size);
    if (block == NULL)
        return NULL;
    *block = (struct qn_arena_block){.n_bytes = size - LARGE_ALIGN};
    ASAN_POISON_MEMORY_REGION(block_data(block), block->n_bytes);
    arena->used += size;
    if (arena->current == NULL) {
        arena->first = block;
    } else {
        block->next = arena->current->next;
        arena->current->next = block;
    }
    arena->current = block;
    return block;
}

/* Moves the first empty block with room for n_bytes directly behind current and makes it current; NULL when there is
 * none. */
static struct qn_arena_block *reuse_block(struct qn_arena *arena, size_t n_bytes)
{
    struct qn_arena_block *before = arena->current;
    struct qn_arena_block *block;

    while (before->next != NULL && before->next->n_bytes < n_bytes)
        before = before->next;
    block = before->next;
    if (block == NULL)
        return NULL;
    before->next = block->next;
    block->next = arena->current->next;
    arena->current->next = block;
    arena->current = block;
    return block;
}

void *qn_arena_alloc_raw(struct qn_arena *arena, size_t n_bytes)
{
    size_t align = n_bytes >= LARGE_ALIGN ? LARGE_ALIGN : SMALL_ALIGN;
    struct qn_arena_block *block = arena->current;
    void *memory;

    if (n_bytes == 0)
        n_bytes = 1;
    if (block != NULL) {
        memory = take(block, n_bytes, align);
        if (memory != NULL)
            return memory;
        block = reuse_block(arena, n_bytes);
    }
    if (block == NULL)
        block = add_block(arena, n_bytes);
    return block == NULL ? NULL : take(block, n_bytes, align);
}

void *qn_arena_alloc(struct qn_arena *arena, size_t n_bytes)
{
    void *memory = qn_arena_alloc_raw(arena, n_bytes);

    if (memory != NULL)
        memset(memory, 0, n_bytes);
    return memory;
}

void *qn_arena_array(struct qn_arena *arena, size_t n, size_t size)
{
    size_t n_bytes;

    return qn_mul(n, size, &n_bytes) ? qn_arena_alloc(arena, n_bytes) : NULL;
}

void *qn_arena_memdup(struct qn_arena *arena, const void *bytes, size_t n)
{
    void *copy = qn_arena_alloc_raw(arena, n);

    if (copy != NULL && n != 0)
        memcpy(copy, bytes, n);
    return copy;
}

char *qn_arena_strndup(struct qn_arena *arena, const char *text, size_t n)
{
    char *copy = n == SIZE_MAX ? NULL : qn_arena_alloc_raw(arena, n + 1);

    if (copy == NULL)
        return NULL;
    if (n != 0)
        memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *qn_arena_strdup(struct qn_arena *arena, const char *text) { return qn_arena_strndup(arena, text, strlen(text)); }

/* Marks everything from `at` of this block, and all of the blocks behind it, as free. */
static void empty_from(struct qn_arena_block *block, size_t at)
{
    for (; block != NULL; block = block->next) {
        if (block->at > at)
            ASAN_POISON_MEMORY_REGION(block_data(block) + at, block->n_bytes - at);
        block->at = at;
        at = 0;
    }
}

void qn_arena_reset(struct qn_arena *arena)
{
    empty_from(arena->first, 0);
    arena->current = arena->first;
}

struct qn_arena_mark qn_arena_mark(const struct qn_arena *arena)
{
    if (arena->current == NULL)
        return (struct qn_arena_mark){NULL, 0};
    return (struct qn_arena_mark){arena->current, arena->current->at};
}

void qn_arena_rewind(struct qn_arena *arena, struct qn_arena_mark mark)
{
    if (mark.block == NULL) {
        qn_arena_reset(arena);
        return;
    }
    empty_from(mark.block, mark.at);
    arena->current = mark.block;
}

bool qn_arena_owns(const struct qn_arena *arena, const void *pointer)
{
    uintptr_t at = (uintptr_t)pointer;

    for (struct qn_arena_block *block = arena->first; block != NULL; block = block->next) {
        uintptr_t begin = (uintptr_t)block_data(block);

        if (at >= begin && at - begin < block->n_bytes)
            return true;
    }
    return false;
}
