/* split.c: Split. The lengths come from the input `split` (an attribute before version 13), or are equal: before
 * version 18 the axis must divide by the number of outputs; from then on the last part is shorter (and parts may be
 * empty). */
#include <limits.h>

#include "ops/args.h"
#include "ops/move.h"

struct split {
    int64_t axis;
    int64_t num_outputs; /* 0: as many as the node has */
    bool uneven;         /* version 18 and newer */
};

static int n_parts_of(const struct split *p, int n_out) { return p->num_outputs > 0 ? (int)p->num_outputs : n_out; }

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct split *p = params;

    (void)arena;
    QN_CHECK(p->num_outputs == 0 || p->num_outputs >= node->n_out, err, FORMAT,
             "attribute 'num_outputs' is %lld where the node has %d outputs", (long long)p->num_outputs, node->n_out);
    QN_CHECK(p->num_outputs == 0 || node->n_in < 2 || !node->in[1], err, FORMAT,
             "attribute 'num_outputs' and input 'split' are both given");
    return QN_OK;
}

/* Length i of n equal parts of dim. */
static int64_t equal_part(int64_t dim, int n, int i)
{
    int64_t chunk = dim / n + (dim % n != 0), begin = chunk <= dim / (i ? i : 1) ? chunk * i : dim;

    return dim - begin < chunk ? dim - begin : chunk;
}

/* Lengths given by the model fill the axis; checked before any is used. */
static enum qn_status check_lengths(const struct qn_tensor *lengths, int64_t dim, int n_out, struct qn_err *err)
{
    int64_t n = qn_tensor_count(lengths), left = dim;

    QN_CHECK(n >= n_out, err, SHAPE, "split has %lld entries for %d outputs", (long long)n, n_out);
    for (int64_t i = 0; i < n; i++) {
        int64_t length = qn_tensor_int(lengths, i);

        QN_CHECK(length >= 0, err, RANGE, "entry %lld of split is %lld", (long long)i, (long long)length);
        QN_CHECK(!qn_dim_known(dim) || length <= left, err, SHAPE, "the lengths of split are more than %lld in all",
                 (long long)dim);
        left -= qn_dim_known(dim) ? length : 0;
    }
    QN_CHECK(!qn_dim_known(dim) || left == 0, err, SHAPE, "the lengths of split are %lld less than the axis, %lld",
             (long long)left, (long long)dim);
    return QN_OK;
}

/* Length of part i; QN_DIM_UNKNOWN when not known yet. */
static int64_t length_of(const struct split *p, const struct qn_tensor *lengths, bool given, int64_t dim, int n_parts,
                         int i)
{
    if (lengths)
        return qn_tensor_int(lengths, i);
    return given || !qn_dim_known(dim) ? QN_DIM_UNKNOWN : equal_part(dim, n_parts_of(p, n_parts), i);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct split *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0), *split = qn_infer_in(in, 1);
    const struct qn_tensor *lengths = split ? split->konst : NULL;
    struct qn_shape y = x->shape;
    int64_t dim = QN_DIM_UNKNOWN;
    int axis = 0;

    if (y.rank >= 0) {
        QN_TRY(qn_infer_axis(in, p->axis, y.rank, &axis));
        dim = y.dims[axis];
    }
    if (lengths)
        QN_TRY(check_lengths(lengths, dim, in->n_out, in->err));
    QN_CHECK(split || p->uneven || !qn_dim_known(dim) || dim % in->n_out == 0, in->err, SHAPE,
             "an axis of %lld cannot be split into %d equal parts", (long long)dim, in->n_out);
    for (int i = 0; i < in->n_out; i++) {
        y.dims[axis] = length_of(p, lengths, split != NULL, dim, in->n_out, i);
        QN_TRY(qn_infer_out(in, i, x->dtype, &y));
    }
    return QN_OK;
}

static enum qn_status check_part(const struct qn_call *call, int i, int axis, int64_t length)
{
    struct qn_shape want = qn_tensor_shape(qn_in(call, 0));

    want.dims[axis] = length;
    return qn_arg_check_out(call, i, &want);
}

static enum qn_status split_move(const struct qn_call *call)
{
    const struct split *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *lengths = qn_in(call, 1);
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t outer = qn_tensor_span(x, 0, axis), row = qn_tensor_span(x, axis, x->rank);
    int64_t inner = qn_tensor_span(x, axis + 1, x->rank), at = 0;
    size_t size = qn_dtype_bytes(x->dtype);

    if (lengths)
        QN_TRY(check_lengths(lengths, x->dims[axis], call->n_out, call->err));
    for (int i = 0; i < call->n_out; i++) {
        int64_t length = length_of(p, lengths, false, x->dims[axis], call->n_out, i), n = length * inner;
        struct qn_move move = {0};

        QN_TRY(check_part(call, i, axis, length));
        qn_move_axis(&move, outer, row, n);
        qn_move_axis(&move, n, 1, 1);
        if (qn_out(call, i))
            qn_move_run(&move, size, (const char *)x->data + (size_t)at * size, qn_out(call, i)->data, call->pool);
        at += n;
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "split_move", .accept = qn_accept_whole_bytes, .run = split_move},
    {.name = NULL},
};

#define ROW(first, last, types, lengths, ...)                                                                          \
    {                                                                                                                  \
        .name = "Split", .domain = "", .since = (first), .until = (last),                                              \
        .in = QN_FORMALS(QN_IN("input", 'T', types), lengths), .out = QN_FORMALS(QN_VAR("outputs", 'T', types)),       \
        .parse = parse, .infer = infer, .kernels = kernels, __VA_ARGS__                                                \
    }
#define AXIS         QN_INT_ATTR(split, axis, 0)
#define LENGTHS_ATTR QN_INPUT_ATTR("split", INTS, 1)
#define LENGTHS      QN_OPT("split", 0, QN_BIT(INT64))

const struct qn_op qn_ops_split[] = {
    /* Here the lengths may also come as a tensor of the data's type. */
    ROW(1, 1, QN_FLOATS_STD, QN_OPT("split", 0, QN_FLOATS_STD | QN_BIT(INT64)), QN_PARAMS(split),
        .attrs = QN_ATTRS(AXIS, LENGTHS_ATTR)),
    ROW(2, 12, QN_ALL_IR3, LENGTHS, QN_PARAMS(split), .attrs = QN_ATTRS(AXIS, LENGTHS_ATTR)),
    ROW(13, 17, QN_ALL_IR4, LENGTHS, QN_PARAMS(split), .attrs = QN_ATTRS(AXIS)),
    ROW(18, 27, QN_ALL_IR4, LENGTHS, QN_PRESET(split, .uneven = true),
        .attrs = QN_ATTRS(AXIS, QN_INT_ATTR_RANGE(split, num_outputs, 0, 1, INT_MAX))),
    {.name = NULL},
};
