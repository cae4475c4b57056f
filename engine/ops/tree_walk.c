/* tree_walk.c: the hot loops of tree ensembles: rows brought to the form that nodes compare with, and the walk of one
 * row through eight trees, or of eight rows through one, without a branch that the data decides. */
#include <math.h>

#include "ops/trees.h"

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

/* n features of one row, `step` elements apart: floats, the slot that is always NaN, and floats with -inf for NaN. */
static void small_row(const struct qn_tree_pack *pack, const float *x, float *row, int step)
{
    int64_t n = pack->width;

    for (int64_t f = 0; f < n; f++)
        row[f * step] = x[f];
    row[n * step] = NAN;
    for (int64_t f = 0; f < pack->slots - n - 1; f++)
        row[(n + 1 + f) * step] = isnan(x[f]) ? -INFINITY : x[f];
}

#define WIDE_ROW(T)                                                                                                    \
    for (int64_t f = 0; f < pack->width; f++)                                                                          \
        row[f * step] = (double)((const T *)x->data)[at + f];                                                          \
    break

static void wide_row(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t at, double *row, int step)
{
    row[0] = 0; /* forests of leaves have no features, and read one */
    switch (x->dtype) {
    case QN_FLOAT:
        WIDE_ROW(float);
    case QN_DOUBLE:
        WIDE_ROW(double);
    case QN_INT32:
        WIDE_ROW(int32_t);
    default:
        WIDE_ROW(int64_t);
    }
}

static void put_row(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t i, void *row, int lane,
                    int step)
{
    int64_t at = i * (x->rank ? x->dims[x->rank - 1] : 1);

    if (pack->wide)
        wide_row(pack, x, at, (double *)row + lane, step);
    else
        small_row(pack, (const float *)x->data + at, (float *)row + lane, step);
}

void qn_tree_row(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t i, void *row)
{
    put_row(pack, x, i, row, 0, 1);
}

void qn_tree_rows(const struct qn_tree_pack *pack, const struct qn_tensor *x, int64_t first, int64_t n, void *rows)
{
    for (int lane = 0; lane < QN_TREE_LANES; lane++)
        put_row(pack, x, lane < n ? first + lane : first, rows, lane, QN_TREE_LANES);
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

static inline uint32_t small_step(const struct qn_tree_small *nodes, uint32_t i, const float *row, size_t stride)
{
    const struct qn_tree_small *node = &nodes[i];

    return i + node->step + (row[node->feature * stride] <= node->threshold);
}

static inline uint32_t wide_step(const struct qn_tree_wide *nodes, uint32_t i, const double *row, size_t stride)
{
    const struct qn_tree_wide *node = &nodes[i];
    double x = row[node->feature * stride], t = node->threshold;
    unsigned is = (x == t) + 2u * (x > t) + 3u * (isnan(x) || isnan(t));

    return i + node->step + (node->when >> is & 1);
}

/* Eight walks of as many steps; at a leaf they stay. */
#define WALK(nodes, step_fn, row, lane_step, stride)                                                                   \
    do {                                                                                                               \
        uint32_t i0 = at[0], i1 = at[1], i2 = at[2], i3 = at[3], i4 = at[4], i5 = at[5], i6 = at[6], i7 = at[7];       \
                                                                                                                       \
        for (uint32_t d = 0; d < depth; d++) {                                                                         \
            i0 = step_fn(nodes, i0, (row), stride);                                                                    \
            i1 = step_fn(nodes, i1, (row) + 1 * (lane_step), stride);                                                  \
            i2 = step_fn(nodes, i2, (row) + 2 * (lane_step), stride);                                                  \
            i3 = step_fn(nodes, i3, (row) + 3 * (lane_step), stride);                                                  \
            i4 = step_fn(nodes, i4, (row) + 4 * (lane_step), stride);                                                  \
            i5 = step_fn(nodes, i5, (row) + 5 * (lane_step), stride);                                                  \
            i6 = step_fn(nodes, i6, (row) + 6 * (lane_step), stride);                                                  \
            i7 = step_fn(nodes, i7, (row) + 7 * (lane_step), stride);                                                  \
        }                                                                                                              \
        at[0] = i0, at[1] = i1, at[2] = i2, at[3] = i3, at[4] = i4, at[5] = i5, at[6] = i6, at[7] = i7;                \
    } while (0)

static void walk_trees(const struct qn_tree_pack *pack, const void *row, uint32_t depth, uint32_t at[QN_TREE_LANES])
{
    if (pack->wide)
        WALK(pack->wide, wide_step, (const double *)row, 0, 1);
    else
        WALK(pack->small, small_step, (const float *)row, 0, 1);
}

void qn_tree_walk_rows(const struct qn_tree_pack *pack, const void *rows, int64_t tree, uint32_t at[QN_TREE_LANES])
{
    uint32_t depth = pack->depths[tree];

    for (int i = 0; i < QN_TREE_LANES; i++)
        at[i] = pack->roots[tree];
    if (pack->wide)
        WALK(pack->wide, wide_step, (const double *)rows, 1, QN_TREE_LANES);
    else
        WALK(pack->small, small_step, (const float *)rows, 1, QN_TREE_LANES);
}

void qn_tree_walk_window(const struct qn_tree_pack *pack, const void *row, int64_t w, uint32_t ends[QN_TREE_WINDOW])
{
    int64_t first = w * QN_TREE_WINDOW, left = pack->forest->n_trees - first;
    const uint32_t *roots = pack->roots + first, *depths = pack->depths + first;
    const uint8_t *order = pack->order + first;
    int64_t n = left < QN_TREE_WINDOW ? left : QN_TREE_WINDOW;

    for (int64_t i = 0; i < n; i += QN_TREE_LANES) {
        int n_lanes = (int)(n - i < QN_TREE_LANES ? n - i : QN_TREE_LANES);
        uint32_t at[QN_TREE_LANES];

        for (int lane = 0; lane < QN_TREE_LANES; lane++)
            at[lane] = roots[order[i + (lane < n_lanes ? lane : 0)]];
        walk_trees(pack, row, depths[order[i + n_lanes - 1]], at);
        for (int lane = 0; lane < n_lanes; lane++)
            ends[order[i + lane]] = at[lane];
    }
}
