/* offsets.c: where in the arena each buffer lies. Greedy by size: the largest buffers first, each at the lowest gap
 * that is free during its whole life. Placed items stand in a list sorted by offset, so the work grows with the square
 * of their number. Where that would take long, buffers are placed in the order in which they are needed instead: each
 * takes a block that is free by then and of its size, rounded up to a power of two, or a new one. */
#include <stdlib.h>

#include "base/checked.h"
#include "plan/plan.h"

static int by_size(const void *a, const void *b)
{
    const struct qn_interval *const *x = a, *const *y = b;

    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes < (*y)->bytes ? 1 : -1;
    return *x < *y ? -1 : 1;
}

static bool meet(const struct qn_interval *a, const struct qn_interval *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Finds the lowest gap among placed[0..n), sorted by offset, and keeps the list sorted. */
static bool place(struct qn_interval **placed, size_t n, struct qn_interval *item)
{
    size_t offset = 0, end, at = n;

    for (size_t i = 0; i < n; i++) {
        if (!meet(placed[i], item))
            continue;
        if (placed[i]->offset >= offset && placed[i]->offset - offset >= item->bytes)
            break;
        if (placed[i]->offset + placed[i]->bytes > offset)
            offset = placed[i]->offset + placed[i]->bytes;
    }
    if (!qn_add(offset, item->bytes, &end))
        return false;
    item->offset = offset;
    for (; at > 0 && placed[at - 1]->offset > offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = item;
    return true;
}

static bool place_by_size(struct qn_interval **order, struct qn_interval **placed, size_t n, size_t *total)
{
    qsort(order, n, sizeof(*order), by_size);
    for (size_t i = 0; i < n; i++) {
        if (!place(placed, i, order[i]))
            return false;
        if (order[i]->offset + order[i]->bytes > *total)
            *total = order[i]->offset + order[i]->bytes;
    }
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct qn_interval *const *x = a, *const *y = b;

    return ((*x)->first > (*y)->first) - ((*x)->first < (*y)->first);
}

static int by_last(const void *a, const void *b)
{
    const struct qn_interval *const *x = a, *const *y = b;

    return ((*x)->last > (*y)->last) - ((*x)->last < (*y)->last);
}

/* Sizes are multiples of 64; class c holds up to 64 << c bytes. */
enum { N_CLASSES = 57 };

static int class_of(size_t bytes)
{
    int c = 0;

    while (c < N_CLASSES && ((size_t)64 << c) < bytes)
        c++;
    return c;
}

/* begin and end are to be sorted by the first and the last step of lives. The blocks of the dead are lists, one for
 * each class, from free_block[] through next[], of indices among the items. */
static bool place_by_time(struct qn_interval **begin, struct qn_interval **end, size_t n, size_t *next, size_t *total,
                          const struct qn_interval *items)
{
    size_t free_block[N_CLASSES], n_dead = 0;

    for (int c = 0; c < N_CLASSES; c++)
        free_block[c] = SIZE_MAX;
    qsort(begin, n, sizeof(*begin), by_first);
    qsort(end, n, sizeof(*end), by_last);
    for (size_t i = 0; i < n; i++) {
        int c = class_of(begin[i]->bytes);

        for (; end[n_dead]->last < begin[i]->first; n_dead++) {
            size_t dead = (size_t)(end[n_dead] - items);
            int of = class_of(items[dead].bytes);

            next[dead] = free_block[of];
            free_block[of] = dead;
        }
        if (c == N_CLASSES)
            return false;
        if (free_block[c] != SIZE_MAX) {
            begin[i]->offset = items[free_block[c]].offset;
            free_block[c] = next[free_block[c]];
            continue;
        }
        begin[i]->offset = *total;
        if (!qn_add(*total, (size_t)64 << c, total))
            return false;
    }
    return true;
}

enum qn_status qn_plan_offsets(struct qn_interval *items, size_t n, size_t *total, struct qn_err *err)
{
    bool many = n > QN_MANY_INTERVALS;
    struct qn_interval **order = malloc((n ? n : 1) * sizeof(*order));
    struct qn_interval **placed = malloc((n ? n : 1) * sizeof(*placed));
    size_t *next = malloc((many ? n : 1) * sizeof(*next));
    bool memory = order && placed && next, fits = true;

    *total = 0;
    for (size_t i = 0; memory && i < n; i++) {
        fits = fits && items[i].bytes < SIZE_MAX - 64;
        items[i].bytes = qn_round_up(items[i].bytes, 64);
        order[i] = placed[i] = &items[i];
    }
    if (memory && fits && many)
        fits = place_by_time(order, placed, n, next, total, items);
    else if (memory && fits)
        fits = place_by_size(order, placed, n, total);
    free(order);
    free(placed);
    free(next);
    QN_CHECK(memory, err, NOMEM, "out of memory");
    QN_CHECK(fits, err, LIMIT, "the buffers together are too large");
    return QN_OK;
}
