/* depth_to_space.c: DepthToSpace, SpaceToDepth: a 6-D transposition of blocks of b x b pixels.
 * DCR: input [N, b, b, C, H, W] -> [N, C, H, b, W, b]; CRD: input [N, C, b, b, H, W] -> the same.
 * SpaceToDepth: input [N, C, H, b, W, b] -> [N, b, b, C, H, W]. */
#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

enum { DCR, CRD };
static const char *const modes[] = {"DCR", "CRD", NULL};

struct blocks {
    int64_t blocksize;
    int mode;
};

/* dim / divisor; unknown stays unknown. */
static enum qn_status divided(struct qn_infer *in, int axis, int64_t dim, int64_t divisor, int64_t *result)
{
    *result = QN_DIM_UNKNOWN;
    if (!qn_dim_known(dim))
        return QN_OK;
    QN_CHECK(dim % divisor == 0, in->err, SHAPE, "axis %d of size %lld is not a multiple of %lld", axis, (long long)dim,
             (long long)divisor);
    *result = dim / divisor;
    return QN_OK;
}

static enum qn_status multiplied(struct qn_infer *in, int64_t dim, int64_t factor, int64_t *result)
{
    *result = QN_DIM_UNKNOWN;
    if (qn_dim_known(dim))
        QN_CHECK(qn_mul64(dim, factor, result), in->err, LIMIT, "the result is too large");
    return QN_OK;
}

static enum qn_status infer_sizes(struct qn_infer *in, int64_t b, bool to_space)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    struct qn_shape y = {.rank = 4, .dims = {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN}};

    if (x->rank >= 0) {
        QN_CHECK(x->rank == 4, in->err, SHAPE, "a tensor [N,C,H,W] is expected, not one of rank %d", x->rank);
        y.dims[0] = x->dims[0];
        if (to_space)
            QN_TRY(divided(in, 1, x->dims[1], b * b, &y.dims[1]));
        else
            QN_TRY(multiplied(in, x->dims[1], b * b, &y.dims[1]));
        for (int i = 2; i < 4 && to_space; i++)
            QN_TRY(multiplied(in, x->dims[i], b, &y.dims[i]));
        for (int i = 2; i < 4 && !to_space; i++)
            QN_TRY(divided(in, i, x->dims[i], b, &y.dims[i]));
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status infer_depth_to_space(struct qn_infer *in, const void *params)
{
    return infer_sizes(in, ((const struct blocks *)params)->blocksize, true);
}

static enum qn_status infer_space_to_depth(struct qn_infer *in, const void *params)
{
    return infer_sizes(in, ((const struct blocks *)params)->blocksize, false);
}

/* x seen as x_dims, its axes in the order perm. */
static void permute(const struct qn_call *call, const int64_t x_dims[6], const int perm[6])
{
    int64_t x_steps[6], y_dims[6], y_steps[6];
    struct qn_move move = {0};

    for (int i = 0; i < 6; i++)
        y_dims[i] = x_dims[perm[i]];
    qn_dense_steps(6, x_dims, x_steps);
    qn_dense_steps(6, y_dims, y_steps);
    for (int i = 0; i < 6; i++)
        qn_move_axis(&move, y_dims[i], x_steps[perm[i]], y_steps[i]);
    qn_move_run(&move, qn_dtype_bytes(qn_in(call, 0)->dtype), qn_in(call, 0)->data, qn_out(call, 0)->data, call->pool);
}

static enum qn_status depth_to_space_move(const struct qn_call *call)
{
    static const int orders[][6] = {[DCR] = {0, 3, 4, 1, 5, 2}, [CRD] = {0, 1, 4, 2, 5, 3}};
    const struct blocks *p = call->params;
    const int64_t *d = qn_in(call, 0)->dims, b = p->blocksize, c = d[1] / (b * b);

    permute(call,
            p->mode == DCR ? (const int64_t[]){d[0], b, b, c, d[2], d[3]}
                           : (const int64_t[]){d[0], c, b, b, d[2], d[3]},
            orders[p->mode]);
    return QN_OK;
}

static enum qn_status space_to_depth_move(const struct qn_call *call)
{
    static const int order[6] = {0, 3, 5, 1, 2, 4};
    const struct blocks *p = call->params;
    const int64_t *d = qn_in(call, 0)->dims, b = p->blocksize;

    permute(call, (const int64_t[]){d[0], d[1], d[2] / b, b, d[3] / b, b}, order);
    return QN_OK;
}

static const struct qn_kernel depth_to_space_kernels[] = {
    {.name = "depth_to_space_move", .accept = qn_accept_whole_bytes, .run = depth_to_space_move},
    {.name = NULL},
};
static const struct qn_kernel space_to_depth_kernels[] = {
    {.name = "space_to_depth_move", .accept = qn_accept_whole_bytes, .run = space_to_depth_move},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

/* The square of a block's side fits easily. */
#define BLOCKSIZE                                                                                                      \
    {                                                                                                                  \
        .name = "blocksize", .form = QN_FORM_INT, .offset = offsetof(struct blocks, blocksize), .required = true,      \
        .min = 1, .max = INT32_MAX                                                                                     \
    }
#define ROW(op, first, last, types, infer_fn, kernel_list, ...)                                                        \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("input", 'T', types)),   \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), .attrs = QN_ATTRS(__VA_ARGS__), QN_PARAMS(blocks),            \
        .infer = (infer_fn), .kernels = (kernel_list), .flags = QN_MOVES                                               \
    }
#define TO_SPACE(first, last, types, ...)                                                                              \
    ROW("DepthToSpace", first, last, types, infer_depth_to_space, depth_to_space_kernels, __VA_ARGS__)
#define TO_DEPTH(first, last, types)                                                                                   \
    ROW("SpaceToDepth", first, last, types, infer_space_to_depth, space_to_depth_kernels, BLOCKSIZE)

const struct qn_op qn_ops_depth_to_space[] = {
    TO_SPACE(1, 10, QN_ALL_IR3, BLOCKSIZE),
    TO_SPACE(11, 12, QN_ALL_IR3, BLOCKSIZE, QN_ENUM_ATTR(blocks, mode, "DCR", modes)),
    TO_SPACE(13, 27, QN_ALL_IR4, BLOCKSIZE, QN_ENUM_ATTR(blocks, mode, "DCR", modes)),
    TO_DEPTH(1, 12, QN_ALL_IR3),
    TO_DEPTH(13, 27, QN_ALL_IR4),
    {.name = NULL},
};
