/* index.c: checks of index tensors and the places they stand for. */
#include "ops/index.h"

#include <string.h>

#include "ops/move.h"

static enum qn_status outside(int64_t index, int64_t bound, int axis, int64_t place, struct qn_err *err)
{
    QN_FAIL(err, RANGE, "index %lld at position %lld is outside axis %d of size %lld", (long long)index,
            (long long)place, axis, (long long)bound);
}

/* Whether all of them are inside: without branches, because they are, as a rule. */
#define ALL_INSIDE(name, type)                                                                                         \
    static bool name(const type *index, int64_t n, int64_t bound)                                                      \
    {                                                                                                                  \
        bool inside = true;                                                                                            \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            inside = inside & (index[i] >= -bound) & (index[i] < bound);                                               \
        return inside;                                                                                                 \
    }

ALL_INSIDE(all_inside_32, int32_t)
ALL_INSIDE(all_inside_64, int64_t)

enum qn_status qn_index_check(const struct qn_tensor *indices, int64_t bound, int axis, struct qn_err *err)
{
    int64_t n = qn_tensor_count(indices);

    if (indices->dtype == QN_INT32 ? all_inside_32(indices->data, n, bound) : all_inside_64(indices->data, n, bound))
        return QN_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t index = qn_index(indices, i);

        if (index < -bound || index >= bound)
            return outside(index, bound, axis, i, err);
    }
    return QN_OK;
}

/* ---- Grids ---------------------------------------------------------------------------------------------------- */

void qn_grid_init(struct qn_grid *grid, const struct qn_tensor *data, const struct qn_tensor *indices, int axis)
{
    int last = data->rank - 1;

    *grid = (struct qn_grid){.rank = data->rank, .axis = axis, .bound = data->dims[axis]};
    qn_dense_steps(data->rank, data->dims, grid->steps);
    memcpy(grid->dims, indices->dims, sizeof(grid->dims));
    grid->axis_step = grid->steps[axis];
    grid->steps[axis] = 0;
    grid->step = grid->steps[last];
    grid->n = indices->dims[last];
    grid->n_rows = qn_tensor_span(indices, 0, last);
}

int64_t qn_grid_row(const struct qn_grid *grid, int64_t row)
{
    int64_t place = 0;

    for (int i = grid->rank - 2; i >= 0; i--) {
        place += row % grid->dims[i] * grid->steps[i];
        row /= grid->dims[i];
    }
    return place;
}

enum qn_status qn_grid_shapes(const struct qn_shape *data, const struct qn_shape *indices, int axis, struct qn_err *err)
{
    QN_CHECK(data->rank == indices->rank, err, SHAPE, "indices of rank %d do not fit data of rank %d", indices->rank,
             data->rank);
    for (int i = 0; i < data->rank; i++)
        QN_CHECK(i == axis || !qn_dim_known(data->dims[i]) || indices->dims[i] <= data->dims[i], err, SHAPE,
                 "indices have %lld entries along axis %d, data has %lld", (long long)indices->dims[i], i,
                 (long long)data->dims[i]);
    return QN_OK;
}

/* ---- Tuples --------------------------------------------------------------------------------------------------- */

static enum qn_status check_tuples(const struct qn_tuples *tuples, int batch, struct qn_err *err)
{
    for (int64_t t = 0; t < tuples->n && tuples->k > 0; t++) {
        for (int64_t i = 0; i < tuples->k; i++) {
            int64_t index = qn_index(tuples->indices, t * tuples->k + i), bound = tuples->bounds[i];

            if (index < -bound || index >= bound)
                return outside(index, bound, batch + (int)i, t * tuples->k + i, err);
        }
    }
    return QN_OK;
}

enum qn_status qn_tuples_init(struct qn_tuples *tuples, const struct qn_tensor *data, const struct qn_tensor *indices,
                              int batch, struct qn_err *err)
{
    int last = indices->rank - 1, k = (int)indices->dims[last];
    int64_t steps[QN_MAX_RANK];

    *tuples = (struct qn_tuples){
        .indices = indices,
        .n = qn_tensor_span(indices, 0, last),
        .k = k,
        .per_batch = qn_tensor_span(indices, batch, last),
        .batch_step = qn_tensor_span(data, batch, data->rank),
        .run = qn_tensor_span(data, batch + k, data->rank),
    };
    qn_dense_steps(data->rank, data->dims, steps);
    for (int i = 0; i < k; i++) {
        tuples->bounds[i] = data->dims[batch + i];
        tuples->steps[i] = steps[batch + i];
    }
    return check_tuples(tuples, batch, err);
}

int64_t qn_tuple_place(const struct qn_tuples *tuples, int64_t t)
{
    int64_t place = t / tuples->per_batch * tuples->batch_step;

    for (int64_t i = 0; i < tuples->k; i++)
        place += qn_index_from(qn_index(tuples->indices, t * tuples->k + i), tuples->bounds[i]) * tuples->steps[i];
    return place;
}
