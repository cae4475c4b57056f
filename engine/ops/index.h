/* index.h: index tensors, as the gathering and scattering operators use them: checked against their bounds before
 * anything is copied, and turned into places of a dense tensor. Indices are int32 or int64 and may count from the end.
 */
#ifndef QN_OPS_INDEX_H
#define QN_OPS_INDEX_H

#include "ops/args.h"

/* Fails with RANGE, naming place, index and bound, unless every index is in [-bound, bound). `axis` is for the message.
 */
enum qn_status qn_index_check(const struct qn_tensor *indices, int64_t bound, int axis, struct qn_err *err);

/* The index counted from the front. */
static inline int64_t qn_index_from(int64_t index, int64_t bound) { return index < 0 ? index + bound : index; }

/* Index tensors of the rank of data that replace one coordinate (GatherElements, ScatterElements). Element (row, j) of
 * the indices stands for the place qn_grid_row(grid, row) + j * step + index * axis_step in data. */
struct qn_grid {
    int rank, axis;
    int64_t n_rows, n;              /* of the indices: all but the last dim, the last dim */
    int64_t dims[QN_MAX_RANK];      /* of the indices */
    int64_t steps[QN_MAX_RANK];     /* of data; 0 along the axis */
    int64_t step, axis_step, bound; /* step: along the last dim; bound: of the index */
};
void qn_grid_init(struct qn_grid *grid, const struct qn_tensor *data, const struct qn_tensor *indices, int axis);
int64_t qn_grid_row(const struct qn_grid *grid, int64_t row);
/* Ranks are equal and, beside the axis, no dim of the indices is larger than data's; SHAPE otherwise. */
enum qn_status qn_grid_shapes(const struct qn_shape *data, const struct qn_shape *indices, int axis,
                              struct qn_err *err);

/* Tuples of k indices in the last dim, for the first k dims of data behind `batch` common ones (GatherND, ScatterND).
 */
struct qn_tuples {
    const struct qn_tensor *indices;
    int64_t n, k;       /* tuples, indices of each */
    int64_t per_batch;  /* tuples of one batch entry */
    int64_t batch_step; /* elements of data in one batch entry */
    int64_t run;        /* elements a tuple names */
    int64_t bounds[QN_MAX_RANK], steps[QN_MAX_RANK];
};
/* Checks every index. */
enum qn_status qn_tuples_init(struct qn_tuples *tuples, const struct qn_tensor *data, const struct qn_tensor *indices,
                              int batch, struct qn_err *err);
/* Where in data the run of tuple t begins, in elements. */
int64_t qn_tuple_place(const struct qn_tuples *tuples, int64_t t);

#endif
