/* expand_tile.c: Expand, Tile: repeating along axes, as a nest whose source steps are zero where it repeats.
 * Tile-1 repeats along one axis; `tiles` and `axis` are scalars of the data's type. */
#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

/* ---- Expand --------------------------------------------------------------------------------------------------- */

static enum qn_status expanded(const struct qn_shape *x, const struct qn_arg *shape, struct qn_shape *y,
                               struct qn_err *err)
{
    struct qn_shape want = {.rank = shape->n};
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

    QN_CHECK(shape->n <= QN_MAX_RANK, err, LIMIT, "a tensor of rank %d is asked for, at most %d is possible", shape->n,
             QN_MAX_RANK);
    for (int i = 0; i < shape->n; i++) {
        QN_CHECK(shape->v[i] >= 0, err, RANGE, "entry %d of the shape is %lld", i, (long long)shape->v[i]);
        want.dims[i] = shape->v[i];
    }
    QN_CHECK(qn_shape_broadcast(x, &want, y), err, SHAPE, "a tensor of shape %s cannot be expanded to %s",
             qn_shape_text(x, a), qn_shape_text(&want, b));
    return QN_OK;
}

static enum qn_status infer_expand(struct qn_infer *in, const void *params)
{
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape want = QN_SHAPE_UNKNOWN, y;
    struct qn_arg shape;
    bool known;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "the shape", &shape, &known));
    if (known) {
        QN_TRY(expanded(&x->shape, &shape, &y, in->err));
        return qn_infer_out(in, 0, x->dtype, &y);
    }
    if (shape.n >= 0 && shape.n <= QN_MAX_RANK) {
        want.rank = shape.n;
        for (int i = 0; i < want.rank; i++)
            want.dims[i] = QN_DIM_UNKNOWN;
    }
    qn_shape_broadcast(&x->shape, &want, &y);
    return qn_infer_out(in, 0, x->dtype, &y);
}

static enum qn_status expand_move(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape x_shape = qn_tensor_shape(x), y;
    int64_t x_steps[QN_MAX_RANK], y_steps[QN_MAX_RANK];
    struct qn_move move = {0};
    struct qn_arg shape;

    QN_TRY(qn_arg_read(qn_in(call, 1), "the shape", &shape, call->err));
    QN_TRY(expanded(&x_shape, &shape, &y, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &y));
    qn_dense_steps(x->rank, x->dims, x_steps);
    qn_dense_steps(y.rank, y.dims, y_steps);
    for (int i = 0; i < y.rank; i++) {
        int axis = i - (y.rank - x->rank);

        qn_move_axis(&move, y.dims[i], axis < 0 || x->dims[axis] == 1 ? 0 : x_steps[axis], y_steps[i]);
    }
    qn_move_run(&move, qn_dtype_bytes(x->dtype), x->data, qn_out(call, 0)->data, call->pool);
    return QN_OK;
}

static const struct qn_kernel expand_kernels[] = {
    {.name = "expand_move", .accept = qn_accept_whole_bytes, .run = expand_move},
    {.name = NULL},
};

/* ---- Tile ----------------------------------------------------------------------------------------------------- */

struct tile {
    bool old; /* version 1 */
};

/* One repeat per axis from either form. */
static enum qn_status read_repeats(const struct tile *p, const struct qn_tensor *first, const struct qn_tensor *second,
                                   int rank, struct qn_arg *repeats, struct qn_err *err)
{
    struct qn_arg axis;
    int at;

    QN_TRY(qn_arg_read(first, p->old ? "tiles" : "repeats", repeats, err));
    if (p->old) {
        QN_TRY(qn_arg_read(second, "axis", &axis, err));
        QN_CHECK(repeats->n == 1 && axis.n == 1, err, SHAPE, "tiles and axis must be one number each");
        QN_TRY(qn_arg_axis(axis.v[0], rank, &at, err));
        repeats->v[at] = repeats->v[0];
        for (int i = 0; i < rank; i++)
            repeats->v[i] = i == at ? repeats->v[i] : 1;
        repeats->n = rank;
    }
    QN_CHECK(repeats->n == rank, err, SHAPE, "repeats has %d entries for a tensor of rank %d", repeats->n, rank);
    for (int i = 0; i < rank; i++)
        QN_CHECK(repeats->v[i] >= 0, err, RANGE, "entry %d of repeats is %lld", i, (long long)repeats->v[i]);
    return QN_OK;
}

static enum qn_status infer_tile(struct qn_infer *in, const void *params)
{
    const struct tile *p = params;
    const struct qn_fact *first = qn_infer_in(in, 1), *second = qn_infer_in(in, 2);
    struct qn_shape y = qn_infer_in(in, 0)->shape;
    bool known = first->konst && (!p->old || second->konst);
    struct qn_arg repeats;

    if (y.rank >= 0 && known)
        QN_TRY(read_repeats(p, first->konst, second ? second->konst : NULL, y.rank, &repeats, in->err));
    for (int i = 0; i < y.rank; i++) {
        if (!known || (!qn_dim_known(y.dims[i]) && repeats.v[i] != 1))
            y.dims[i] = QN_DIM_UNKNOWN;
        else if (qn_dim_known(y.dims[i]))
            QN_CHECK(qn_mul64(y.dims[i], repeats.v[i], &y.dims[i]), in->err, LIMIT, "the result is too large");
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status tile_move(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape y = qn_tensor_shape(x);
    int64_t x_steps[QN_MAX_RANK], y_steps[QN_MAX_RANK];
    struct qn_move move = {0};
    struct qn_arg repeats;

    QN_TRY(read_repeats(call->params, qn_in(call, 1), qn_in(call, 2), x->rank, &repeats, call->err));
    for (int i = 0; i < y.rank; i++)
        QN_CHECK(qn_mul64(y.dims[i], repeats.v[i], &y.dims[i]), call->err, LIMIT, "the result is too large");
    QN_TRY(qn_arg_check_out(call, 0, &y));
    qn_dense_steps(x->rank, x->dims, x_steps);
    qn_dense_steps(y.rank, y.dims, y_steps);
    for (int i = 0; i < y.rank; i++) {
        qn_move_axis(&move, repeats.v[i], 0, x->dims[i] * y_steps[i]);
        qn_move_axis(&move, x->dims[i], x_steps[i], y_steps[i]);
    }
    qn_move_run(&move, qn_dtype_bytes(x->dtype), x->data, qn_out(call, 0)->data, call->pool);
    return QN_OK;
}

static const struct qn_kernel tile_kernels[] = {
    {.name = "tile_move", .accept = qn_accept_whole_bytes, .run = tile_move},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, ins, types, ...)                                                                          \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = ins,                                      \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), __VA_ARGS__                                                   \
    }
#define EXPAND(first, last, types)                                                                                     \
    ROW("Expand", first, last, QN_FORMALS(QN_IN("input", 'T', types), QN_IN("shape", 0, QN_BIT(INT64))), types,        \
        .infer = infer_expand, .kernels = expand_kernels, .flags = QN_MOVES)
#define TILE_1(first, last, types)                                                                                     \
    ROW("Tile", first, last,                                                                                           \
        QN_FORMALS(QN_IN("input", 'T', types), QN_IN("tiles", 'T', types), QN_IN("axis", 'T', types)), types,          \
        QN_PRESET(tile, .old = true), .infer = infer_tile, .kernels = tile_kernels)
#define TILE_6(first, last, types)                                                                                     \
    ROW("Tile", first, last, QN_FORMALS(QN_IN("input", 'T', types), QN_IN("repeats", 0, QN_BIT(INT64))), types,        \
        QN_PARAMS(tile), .infer = infer_tile, .kernels = tile_kernels, .flags = QN_MOVES)

const struct qn_op qn_ops_expand_tile[] = {
    EXPAND(8, 12, QN_ALL_IR3), EXPAND(13, 27, QN_ALL_IR4), TILE_1(1, 5, QN_FLOATS_STD),
    TILE_6(6, 12, QN_ALL_IR3), TILE_6(13, 27, QN_ALL_IR4), {.name = NULL},
};
