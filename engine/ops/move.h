/* move.h: copying elements by position. Operators that only move elements (Transpose, Concat, Slice, Expand, Pad ...)
 * state what goes where as a nest of steps; how it is copied fastest is decided here: axes that lie together are
 * merged, runs become memcpy, transposed pairs go in blocks, large jobs are split over threads. Works by element size;
 * knows no types: strings move as their struct qn_str, their text stays where it is and lives as long as the run. */
#ifndef QN_OPS_MOVE_H
#define QN_OPS_MOVE_H

#include <string.h>

#include "base/pool.h"
#include "tensor/tensor.h"

/* Element (i0, i1, ...) goes from src + i0 * src[0] + i1 * src[1] ... to dst + i0 * dst[0] + ...; steps count elements
 * and may be zero (src) or negative. Axes are best in the order of dst, the fastest last. Places written are all
 * different. */
enum { QN_MOVE_RANK = 2 * QN_MAX_RANK };
struct qn_move {
    int rank;
    int64_t dims[QN_MOVE_RANK], src[QN_MOVE_RANK], dst[QN_MOVE_RANK];
};

/* Adds an axis inside those added before. Axes of size 1 are dropped, so steps of theirs may be anything. */
void qn_move_axis(struct qn_move *move, int64_t n, int64_t src_step, int64_t dst_step);
/* Copies elements of `size` bytes; src and dst are where element (0, 0, ...) lies. They must not overlap, except that
 * the places read and the places written may be different parts of one buffer. pool may be NULL. */
void qn_move_run(const struct qn_move *move, size_t size, const void *src, void *dst, struct qn_pool *pool);

/* Steps of the axes of a dense tensor, in elements. */
void qn_dense_steps(int rank, const int64_t *dims, int64_t *steps);
/* n copies of the element at `element`. */
void qn_fill(void *dst, const void *element, size_t size, int64_t n, struct qn_pool *pool);
/* memcpy over threads when it is worth it. dst == src does nothing. */
void qn_copy(void *dst, const void *src, size_t n, struct qn_pool *pool);
/* memcpy for a run of a few bytes, often the same few: the usual element sizes without a call. */
static inline void qn_copy_run(void *dst, const void *src, size_t n)
{
    switch (n) {
    case 1:
        memcpy(dst, src, 1);
        break;
    case 2:
        memcpy(dst, src, 2);
        break;
    case 4:
        memcpy(dst, src, 4);
        break;
    case 8:
        memcpy(dst, src, 8);
        break;
    case 16:
        memcpy(dst, src, 16);
        break;
    default:
        memcpy(dst, src, n);
    }
}
/* In how many parts work over so many bytes is worth splitting. */
int qn_move_parts(const struct qn_pool *pool, int64_t n_bytes);

#endif
