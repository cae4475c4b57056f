/* move.c: the one copier behind the operators that move elements.
 *
 * A nest is brought to bytes, neighbouring axes that lie together in both tensors are merged, and a contiguous
 * innermost run becomes part of the element ("blob"). What is left is a nest of steps over blobs: the two innermost
 * axes go through a loop made for the blob's size, the others through an odometer. When src runs fastest along another
 * axis than dst, that axis is moved next to the innermost one and the pair is copied in square blocks, so that both
 * sides use whole cache lines. */
#include "ops/move.h"

#include <string.h>

#include "kernels/kern.h"

/* Below this many bytes waking helpers costs more than it saves. */
enum { MIN_PARALLEL_BYTES = 128 * 1024, BLOCK = 16 };

/* Steps in bytes; the last axis is the fastest. */
struct nest {
    int rank;
    int64_t dims[QN_MOVE_RANK], src_step[QN_MOVE_RANK], dst_step[QN_MOVE_RANK];
    int64_t blob;   /* bytes that are copied together */
    bool transpose; /* src is contiguous along the last axis but one */
    const char *src;
    char *dst;
};

/* Two innermost axes of a nest. */
struct plane {
    int64_t rows, cols, src_row, src_col, dst_row, dst_col, blob;
};

/* ---- Two innermost axes --------------------------------------------------------------------------------------- */

#define STRIDED(type, name)                                                                                            \
    static void name(const struct plane *p, const char *src, char *dst)                                                \
    {                                                                                                                  \
        int64_t rows = p->rows, cols = p->cols, src_row = p->src_row, dst_row = p->dst_row;                            \
        int64_t src_col = p->src_col, dst_col = p->dst_col;                                                            \
                                                                                                                       \
        for (int64_t r = 0; r < rows; r++, src += src_row, dst += dst_row) {                                           \
            type v;                                                                                                    \
                                                                                                                       \
            memcpy(&v, src, sizeof(v));                                                                                \
            for (int64_t c = 0; c < cols && src_col == 0 && dst_col == sizeof(v); c++)                                 \
                memcpy(dst + c * (int64_t)sizeof(v), &v, sizeof(v));                                                   \
            for (int64_t c = 0; c < cols && src_col == 0 && dst_col != sizeof(v); c++)                                 \
                memcpy(dst + c * dst_col, &v, sizeof(v));                                                              \
            for (int64_t c = 0; c < cols && src_col != 0; c++) {                                                       \
                memcpy(&v, src + c * src_col, sizeof(v));                                                              \
                memcpy(dst + c * dst_col, &v, sizeof(v));                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }

/* As above for pairs that are contiguous along different axes, src along rows, dst along columns: in blocks, or, where
 * one side is as narrow as the channels of an image, along the other side at once. */
#define TRANSPOSED(type, name)                                                                                         \
    static inline void name##_part(const char *src, char *dst, int64_t rows, int64_t cols, int64_t src_col,            \
                                   int64_t dst_row)                                                                    \
    {                                                                                                                  \
        for (int64_t i = 0; i < rows; i++) {                                                                           \
            for (int64_t j = 0; j < cols; j++) {                                                                       \
                type v;                                                                                                \
                                                                                                                       \
                memcpy(&v, src + i * (int64_t)sizeof(v) + j * src_col, sizeof(v));                                     \
                memcpy(dst + i * dst_row + j * (int64_t)sizeof(v), &v, sizeof(v));                                     \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static inline void name##_narrow(const char *src, char *dst, int n, int64_t cols, int64_t src_col,                 \
                                     int64_t dst_row)                                                                  \
    {                                                                                                                  \
        for (int64_t j = 0; j < cols; j++, src += src_col, dst += sizeof(type)) {                                      \
            for (int i = 0; i < n; i++) {                                                                              \
                type v;                                                                                                \
                                                                                                                       \
                memcpy(&v, src + i * (int64_t)sizeof(v), sizeof(v));                                                   \
                memcpy(dst + i * dst_row, &v, sizeof(v));                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void name(const struct plane *p, const char *src, char *dst)                                                \
    {                                                                                                                  \
        int64_t rows = p->rows, cols = p->cols, src_col = p->src_col, dst_row = p->dst_row;                            \
                                                                                                                       \
        if (rows == 2)                                                                                                 \
            name##_narrow(src, dst, 2, cols, src_col, dst_row);                                                        \
        else if (rows == 3)                                                                                            \
            name##_narrow(src, dst, 3, cols, src_col, dst_row);                                                        \
        else if (rows == 4)                                                                                            \
            name##_narrow(src, dst, 4, cols, src_col, dst_row);                                                        \
        else if (cols == 3)                                                                                            \
            name##_part(src, dst, rows, 3, src_col, dst_row);                                                          \
        else if (cols <= BLOCK)                                                                                        \
            name##_part(src, dst, rows, cols, src_col, dst_row);                                                       \
        else                                                                                                           \
            for (int64_t r = 0; r < rows; r += BLOCK) {                                                                \
                int64_t n_rows = rows - r < BLOCK ? rows - r : BLOCK;                                                  \
                                                                                                                       \
                for (int64_t c = 0; c < cols; c += BLOCK)                                                              \
                    name##_part(src + r * (int64_t)sizeof(type) + c * src_col,                                         \
                                dst + r * dst_row + c * (int64_t)sizeof(type), n_rows,                                 \
                                cols - c < BLOCK ? cols - c : BLOCK, src_col, dst_row);                                \
            }                                                                                                          \
    }

struct bytes16 {
    uint64_t v[2];
};

STRIDED(uint8_t, strided_1)
STRIDED(uint16_t, strided_2)
STRIDED(uint32_t, strided_4)
STRIDED(uint64_t, strided_8)
STRIDED(struct bytes16, strided_16)
TRANSPOSED(uint8_t, transposed_1)
TRANSPOSED(uint16_t, transposed_2)
TRANSPOSED(uint32_t, transposed_4)
TRANSPOSED(uint64_t, transposed_8)
TRANSPOSED(struct bytes16, transposed_16)

static void strided_any(const struct plane *p, const char *src, char *dst)
{
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->cols; c++)
            memcpy(dst + r * p->dst_row + c * p->dst_col, src + r * p->src_row + c * p->src_col, (size_t)p->blob);
}

/* 4-byte elements, rows of src and dst that go forward: the kernels have a way with registers. */
static void transposed_kern(const struct plane *p, const char *src, char *dst)
{
    qn_kern()->transpose_4b(dst, p->dst_row / 4, src, p->src_col / 4, p->cols, p->rows);
}

typedef void plane_fn(const struct plane *p, const char *src, char *dst);

static plane_fn *choose(const struct nest *nest, const struct plane *p)
{
    switch (nest->blob) {
    case 1:
        return nest->transpose ? transposed_1 : strided_1;
    case 2:
        return nest->transpose ? transposed_2 : strided_2;
    case 4:
        if (nest->transpose && p->cols > 4 && p->src_col > 0 && p->src_col % 4 == 0 && p->dst_row > 0 &&
            p->dst_row % 4 == 0)
            return transposed_kern;
        return nest->transpose ? transposed_4 : strided_4;
    case 8:
        return nest->transpose ? transposed_8 : strided_8;
    case 16:
        return nest->transpose ? transposed_16 : strided_16;
    default:
        return strided_any;
    }
}

/* ---- One thread's share --------------------------------------------------------------------------------------- */

static struct plane plane_of(const struct nest *nest)
{
    struct plane p = {.rows = 1, .cols = 1, .blob = nest->blob};
    int last = nest->rank - 1;

    if (last >= 0) {
        p.cols = nest->dims[last];
        p.src_col = nest->src_step[last];
        p.dst_col = nest->dst_step[last];
    }
    if (last >= 1) {
        p.rows = nest->dims[last - 1];
        p.src_row = nest->src_step[last - 1];
        p.dst_row = nest->dst_step[last - 1];
    }
    return p;
}

static void walk(const struct nest *nest)
{
    struct plane p = plane_of(nest);
    plane_fn *copy = choose(nest, &p);
    int64_t at[QN_MOVE_RANK] = {0}, src = 0, dst = 0;
    int n_outer = nest->rank > 2 ? nest->rank - 2 : 0, i;

    if (nest->rank == 0) {
        memcpy(nest->dst, nest->src, (size_t)nest->blob);
        return;
    }
    do {
        copy(&p, nest->src + src, nest->dst + dst);
        for (i = n_outer - 1; i >= 0; i--) {
            src += nest->src_step[i];
            dst += nest->dst_step[i];
            if (++at[i] < nest->dims[i])
                break;
            src -= nest->src_step[i] * nest->dims[i];
            dst -= nest->dst_step[i] * nest->dims[i];
            at[i] = 0;
        }
    } while (i >= 0);
}

/* The axis that is cut: the outermost that has enough for every part, else the longest. */
static int axis_to_split(const struct nest *nest, int n_parts)
{
    int best = 0;

    for (int i = 0; i < nest->rank; i++) {
        if (nest->dims[i] >= n_parts)
            return i;
        if (nest->dims[i] > nest->dims[best])
            best = i;
    }
    return best;
}

static void walk_part(void *arg, int part, int n_parts)
{
    struct nest nest = *(const struct nest *)arg;
    int64_t begin, end;

    if (nest.rank == 0) {
        qn_pool_slice(nest.blob, 64, part, n_parts, &begin, &end);
        nest.src += begin;
        nest.dst += begin;
        nest.blob = end - begin;
    } else {
        int axis = axis_to_split(&nest, n_parts);

        qn_pool_slice(nest.dims[axis], nest.transpose && axis >= nest.rank - 2 ? BLOCK : 1, part, n_parts, &begin,
                      &end);
        nest.src += begin * nest.src_step[axis];
        nest.dst += begin * nest.dst_step[axis];
        nest.dims[axis] = end - begin;
    }
    if (end > begin)
        walk(&nest);
}

/* ---- Preparation ---------------------------------------------------------------------------------------------- */

static bool lie_together(const struct nest *nest, int i)
{
    return nest->src_step[i - 1] == nest->src_step[i] * nest->dims[i] &&
           nest->dst_step[i - 1] == nest->dst_step[i] * nest->dims[i];
}

static void remove_axis(struct nest *nest, int axis)
{
    nest->rank--;
    for (int i = axis; i < nest->rank; i++) {
        nest->dims[i] = nest->dims[i + 1];
        nest->src_step[i] = nest->src_step[i + 1];
        nest->dst_step[i] = nest->dst_step[i + 1];
    }
}

static void merge(struct nest *nest)
{
    for (int i = nest->rank - 1; i > 0; i--) {
        if (!lie_together(nest, i))
            continue;
        nest->dims[i] *= nest->dims[i - 1];
        remove_axis(nest, i - 1);
    }
    if (nest->rank && nest->src_step[nest->rank - 1] == nest->blob && nest->dst_step[nest->rank - 1] == nest->blob) {
        nest->blob *= nest->dims[nest->rank - 1];
        nest->rank--;
    }
}

/* Brings the axis along which src is contiguous next to the innermost one. */
static void pair_up(struct nest *nest)
{
    int last = nest->rank - 1;

    for (int i = 0; i < last; i++) {
        int64_t dim = nest->dims[i], src = nest->src_step[i], dst = nest->dst_step[i];

        if (src != nest->blob || nest->dst_step[last] != nest->blob)
            continue;
        for (int j = i; j < last - 1; j++) {
            nest->dims[j] = nest->dims[j + 1];
            nest->src_step[j] = nest->src_step[j + 1];
            nest->dst_step[j] = nest->dst_step[j + 1];
        }
        nest->dims[last - 1] = dim;
        nest->src_step[last - 1] = src;
        nest->dst_step[last - 1] = dst;
        nest->transpose = true;
        return;
    }
}

void qn_move_axis(struct qn_move *move, int64_t n, int64_t src_step, int64_t dst_step)
{
    if (n == 1)
        return;
    move->dims[move->rank] = n;
    move->src[move->rank] = src_step;
    move->dst[move->rank] = dst_step;
    move->rank++;
}

void qn_move_run(const struct qn_move *move, size_t size, const void *src, void *dst, struct qn_pool *pool)
{
    struct nest nest = {.rank = move->rank, .blob = (int64_t)size, .src = src, .dst = dst};
    int64_t n_bytes = (int64_t)size;
    int n_parts;

    /* Where nothing moves, steps may be of any size. */
    for (int i = 0; i < move->rank; i++)
        if (move->dims[i] == 0)
            return;
    for (int i = 0; i < move->rank; i++) {
        n_bytes *= move->dims[i];
        nest.dims[i] = move->dims[i];
        nest.src_step[i] = move->src[i] * (int64_t)size;
        nest.dst_step[i] = move->dst[i] * (int64_t)size;
    }
    if (size == 0)
        return;
    merge(&nest);
    pair_up(&nest);
    n_parts = qn_move_parts(pool, n_bytes);
    if (n_parts == 1)
        walk(&nest);
    else
        qn_pool_run(pool, n_parts, walk_part, &nest);
}

void qn_dense_steps(int rank, const int64_t *dims, int64_t *steps)
{
    int64_t step = 1;

    for (int i = rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= dims[i];
    }
}

void qn_fill(void *dst, const void *element, size_t size, int64_t n, struct qn_pool *pool)
{
    struct qn_move move = {0};

    qn_move_axis(&move, n, 0, 1);
    qn_move_run(&move, size, element, dst, pool);
}

void qn_copy(void *dst, const void *src, size_t n, struct qn_pool *pool)
{
    const struct qn_move move = {0};

    if (n > 0 && dst != src)
        qn_move_run(&move, n, src, dst, pool);
}

int qn_move_parts(const struct qn_pool *pool, int64_t n_bytes)
{
    return n_bytes < MIN_PARALLEL_BYTES ? 1 : qn_pool_threads(pool);
}
