/* gather.c: Gather, GatherElements, GatherND. Indices are checked first, then runs are copied, split over threads by
 * output. Indices may count from the end in every version. */
#include "ops/index.h"
#include "ops/move.h"

/* Nothing is done for an output without elements: its other dims may be of any size. */
static void run_parts(const struct qn_call *call, qn_pool_task *task, void *job)
{
    int64_t n = (int64_t)qn_tensor_bytes(qn_out(call, 0));

    if (n > 0)
        qn_pool_run(call->pool, qn_move_parts(call->pool, n), task, job);
}

/* ---- Gather --------------------------------------------------------------------------------------------------- */

struct gather {
    int64_t axis;
};

static enum qn_status infer_gather(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *indices = &in->in[1]->shape;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    int axis;

    if (x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct gather *)params)->axis, x->rank, &axis));
        if (indices->rank >= 0) {
            y.rank = x->rank - 1 + indices->rank;
            QN_CHECK(y.rank <= QN_MAX_RANK, in->err, LIMIT, "the result would be of rank %d, at most %d is possible",
                     y.rank, QN_MAX_RANK);
            for (int i = 0; i < y.rank; i++)
                y.dims[i] = i < axis                   ? x->dims[i]
                            : i < axis + indices->rank ? indices->dims[i - axis]
                                                       : x->dims[i - indices->rank + 1];
        }
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* data [outer, bound, run bytes] -> out [outer, n, run bytes]. */
struct gather_job {
    const char *data;
    char *out;
    const struct qn_tensor *indices;
    int64_t outer, bound, n;
    size_t run;
};

static void gather_part(void *arg, int part, int n_parts)
{
    const struct gather_job *job = arg;
    int64_t begin, end, block, k;

    qn_pool_slice(job->outer * job->n, 1, part, n_parts, &begin, &end);
    if (begin == end)
        return;
    block = begin / job->n * job->bound;
    k = begin % job->n;
    for (int64_t i = begin; i < end; i++) {
        int64_t index = qn_index_from(qn_index(job->indices, k), job->bound);

        qn_copy_run(job->out + (size_t)i * job->run, job->data + (size_t)(block + index) * job->run, job->run);
        if (++k == job->n) {
            k = 0;
            block += job->bound;
        }
    }
}

static enum qn_status gather_runs(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0), *indices = qn_in(call, 1);
    int64_t axis = ((const struct gather *)call->params)->axis;
    int at = (int)(axis < 0 ? axis + x->rank : axis);
    struct gather_job job = {.data = x->data,
                             .out = qn_out(call, 0)->data,
                             .indices = indices,
                             .outer = qn_tensor_span(x, 0, at),
                             .bound = x->dims[at],
                             .n = qn_tensor_count(indices),
                             .run = (size_t)qn_tensor_span(x, at + 1, x->rank) * qn_dtype_bytes(x->dtype)};

    QN_TRY(qn_index_check(indices, job.bound, at, call->err));
    run_parts(call, gather_part, &job);
    return QN_OK;
}

static const struct qn_kernel gather_kernels[] = {
    {.name = "gather_runs", .accept = qn_accept_whole_bytes, .run = gather_runs},
    {.name = NULL},
};

/* ---- GatherElements ------------------------------------------------------------------------------------------- */

static enum qn_status infer_gather_elements(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *indices = &in->in[1]->shape;
    int axis;

    if (x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct gather *)params)->axis, x->rank, &axis));
        if (indices->rank >= 0)
            QN_TRY(qn_grid_shapes(x, indices, axis, in->err));
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, indices);
}

struct elements_job {
    struct qn_grid grid;
    const char *data;
    char *out;
    const struct qn_tensor *indices;
    size_t size;
};

/* One row of the indices: elements from `data`, where the row's coordinates begin. */
typedef void pick_fn(const struct qn_grid *grid, const char *data, const void *indices, char *out);

#define PICK(name, type, index_type)                                                                                   \
    static void name(const struct qn_grid *grid, const char *data, const void *indices, char *out)                     \
    {                                                                                                                  \
        int64_t n = grid->n, step = grid->step, axis_step = grid->axis_step, bound = grid->bound;                      \
                                                                                                                       \
        for (int64_t j = 0; j < n; j++) {                                                                              \
            int64_t index = qn_index_from(((const index_type *)indices)[j], bound);                                    \
                                                                                                                       \
            ((type *)out)[j] = ((const type *)data)[j * step + index * axis_step];                                     \
        }                                                                                                              \
    }

struct bytes16 {
    uint64_t v[2];
};
PICK(pick_1_i32, uint8_t, int32_t)
PICK(pick_2_i32, uint16_t, int32_t)
PICK(pick_4_i32, uint32_t, int32_t)
PICK(pick_8_i32, uint64_t, int32_t)
PICK(pick_16_i32, struct bytes16, int32_t)
PICK(pick_1_i64, uint8_t, int64_t)
PICK(pick_2_i64, uint16_t, int64_t)
PICK(pick_4_i64, uint32_t, int64_t)
PICK(pick_8_i64, uint64_t, int64_t)
PICK(pick_16_i64, struct bytes16, int64_t)

/* By element size, for int32 and int64 indices. */
static pick_fn *const pickers[17][2] = {
    [1] = {pick_1_i32, pick_1_i64}, [2] = {pick_2_i32, pick_2_i64},    [4] = {pick_4_i32, pick_4_i64},
    [8] = {pick_8_i32, pick_8_i64}, [16] = {pick_16_i32, pick_16_i64},
};

static void elements_part(void *arg, int part, int n_parts)
{
    const struct elements_job *job = arg;
    const struct qn_grid *grid = &job->grid;
    bool wide = job->indices->dtype == QN_INT64;
    int64_t begin, end;

    qn_pool_slice(grid->n_rows, 1, part, n_parts, &begin, &end);
    for (int64_t row = begin; row < end; row++)
        pickers[job->size][wide](grid, job->data + (size_t)qn_grid_row(grid, row) * job->size,
                                 (const char *)job->indices->data + row * grid->n * (wide ? 8 : 4),
                                 job->out + (size_t)(row * grid->n) * job->size);
}

static enum qn_status gather_elements(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t axis = ((const struct gather *)call->params)->axis;
    struct elements_job job = {
        .data = x->data, .out = qn_out(call, 0)->data, .indices = qn_in(call, 1), .size = qn_dtype_bytes(x->dtype)};

    qn_grid_init(&job.grid, x, job.indices, (int)(axis < 0 ? axis + x->rank : axis));
    QN_TRY(qn_index_check(job.indices, job.grid.bound, job.grid.axis, call->err));
    run_parts(call, elements_part, &job);
    return QN_OK;
}

static const struct qn_kernel gather_elements_kernels[] = {
    {.name = "gather_elements", .accept = qn_accept_whole_bytes, .run = gather_elements},
    {.name = NULL},
};

/* ---- GatherND ------------------------------------------------------------------------------------------------- */

struct gather_nd {
    int64_t batch_dims;
};

static enum qn_status check_batch(struct qn_infer *in, int batch, const struct qn_shape *x,
                                  const struct qn_shape *indices)
{
    QN_CHECK(batch < x->rank && batch < indices->rank, in->err, SHAPE,
             "batch_dims is %d with data of rank %d and indices of rank %d", batch, x->rank, indices->rank);
    for (int i = 0; i < batch; i++)
        QN_CHECK(!qn_dim_known(x->dims[i]) || !qn_dim_known(indices->dims[i]) || x->dims[i] == indices->dims[i],
                 in->err, SHAPE, "axis %d of the batch has %lld entries in data and %lld in indices", i,
                 (long long)x->dims[i], (long long)indices->dims[i]);
    return QN_OK;
}

static enum qn_status infer_gather_nd(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *indices = &in->in[1]->shape;
    int batch = (int)((const struct gather_nd *)params)->batch_dims, last = indices->rank - 1;
    struct qn_shape y = QN_SHAPE_UNKNOWN;

    if (x->rank >= 0 && indices->rank >= 0) {
        int64_t k;

        QN_TRY(check_batch(in, batch, x, indices));
        k = indices->dims[last];
        QN_CHECK(k <= x->rank - batch, in->err, SHAPE, "tuples of %lld indices do not fit data of rank %d",
                 (long long)k, x->rank - batch);
        if (qn_dim_known(k)) {
            QN_CHECK(last + x->rank - batch - k <= QN_MAX_RANK, in->err, LIMIT,
                     "the result would be of rank %lld, at most %d is possible",
                     (long long)(last + x->rank - batch - k), QN_MAX_RANK);
            y.rank = last + x->rank - batch - (int)k;
            for (int i = 0; i < y.rank; i++)
                y.dims[i] = i < last ? indices->dims[i] : x->dims[i - last + batch + k];
        }
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

struct tuples_job {
    struct qn_tuples tuples;
    const char *data;
    char *out;
    size_t size;
};

static void tuples_part(void *arg, int part, int n_parts)
{
    const struct tuples_job *job = arg;
    size_t run = (size_t)job->tuples.run * job->size;
    int64_t begin, end;

    qn_pool_slice(job->tuples.n, 1, part, n_parts, &begin, &end);
    for (int64_t t = begin; t < end; t++)
        qn_copy_run(job->out + (size_t)t * run, job->data + (size_t)qn_tuple_place(&job->tuples, t) * job->size, run);
}

static enum qn_status gather_nd(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct tuples_job job = {.data = x->data, .out = qn_out(call, 0)->data, .size = qn_dtype_bytes(x->dtype)};

    QN_TRY(qn_tuples_init(&job.tuples, x, qn_in(call, 1), (int)((const struct gather_nd *)call->params)->batch_dims,
                          call->err));
    run_parts(call, tuples_part, &job);
    return QN_OK;
}

static const struct qn_kernel gather_nd_kernels[] = {
    {.name = "gather_nd", .accept = qn_accept_whole_bytes, .run = gather_nd},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, types, index_types, ...)                                                                  \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("data", 'T', types), QN_IN("indices", 0, index_types)),                                 \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), __VA_ARGS__                                                   \
    }
#define INT64 QN_BIT(INT64)
#define GATHER(first, last, types)                                                                                     \
    ROW("Gather", first, last, types, QN_BIT(INT32) | INT64, QN_PARAMS(gather), .infer = infer_gather,                 \
        .attrs = QN_ATTRS(QN_INT_ATTR(gather, axis, 0)), .kernels = gather_kernels, .flags = QN_MOVES)
#define GATHER_ELEMENTS(first, last, types)                                                                            \
    ROW("GatherElements", first, last, types, QN_BIT(INT32) | INT64, QN_PARAMS(gather),                                \
        .infer = infer_gather_elements, .attrs = QN_ATTRS(QN_INT_ATTR(gather, axis, 0)),                               \
        .kernels = gather_elements_kernels)
#define GATHER_ND(first, last, types, attributes)                                                                      \
    ROW("GatherND", first, last, types, INT64, QN_PARAMS(gather_nd), .infer = infer_gather_nd, .attrs = attributes,    \
        .kernels = gather_nd_kernels)
#define BATCH QN_ATTRS(QN_INT_ATTR_RANGE(gather_nd, batch_dims, 0, 0, QN_MAX_RANK))

const struct qn_op qn_ops_gather[] = {
    GATHER(1, 12, QN_ALL_IR3),
    GATHER(13, 27, QN_ALL_IR4),
    GATHER_ELEMENTS(11, 12, QN_ALL_IR3),
    GATHER_ELEMENTS(13, 27, QN_ALL_IR4),
    GATHER_ND(11, 11, QN_ALL_IR3, NULL),
    GATHER_ND(12, 12, QN_ALL_IR3, BATCH),
    GATHER_ND(13, 27, QN_ALL_IR4, BATCH),
    {.name = NULL},
};
