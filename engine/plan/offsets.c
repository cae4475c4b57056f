/* offsets.c: where in the arena each buffer lies. Greedy by size: the largest buffers first, each at the lowest gap
 * that is free during its whole life. Placed items stand in a list sorted by offset. */
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

enum qn_status qn_plan_offsets(struct qn_interval *items, size_t n, size_t *total, struct qn_err *err)
{
    struct qn_interval **order = malloc((n ? n : 1) * sizeof(*order));
    struct qn_interval **placed = malloc((n ? n : 1) * sizeof(*placed));
    bool memory = order && placed, fits = true;

    *total = 0;
    for (size_t i = 0; memory && i < n; i++) {
        fits = fits && items[i].bytes < SIZE_MAX - 64;
        items[i].bytes = qn_round_up(items[i].bytes, 64);
        order[i] = &items[i];
    }
    if (memory && fits) {
        qsort(order, n, sizeof(*order), by_size);
        for (size_t i = 0; fits && i < n; i++) {
            fits = place(placed, i, order[i]);
            if (fits && order[i]->offset + order[i]->bytes > *total)
                *total = order[i]->offset + order[i]->bytes;
        }
    }
    free(order);
    free(placed);
    QN_CHECK(memory, err, NOMEM, "out of memory");
    QN_CHECK(fits, err, LIMIT, "the buffers together are too large");
    return QN_OK;
}
