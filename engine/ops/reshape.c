/* reshape.c: Reshape, Flatten, Squeeze, Unsqueeze, Identity: the same bytes under another shape. All are views: no
 * kernel runs, the result refers to the input's memory. A constant input makes a constant output here, during
 * inference. Axes counted from the end are accepted in every version, also in those that did not have them yet. */
#include "base/checked.h"
#include "ops/args.h"

/* Output 0: input 0 under another shape, its value included. */
static enum qn_status reshaped(struct qn_infer *in, const struct qn_shape *shape)
{
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_fact y = qn_fact_tensor(x->dtype, shape);
    struct qn_tensor *view;
    int64_t n;

    QN_CHECK(!qn_shape_known(shape) || qn_dims_count(shape->dims, 0, shape->rank, &n), in->err, LIMIT,
             "the shape asked for is too large");
    if (x->konst && qn_shape_known(shape)) {
        view = qn_arena_memdup(in->arena, x->konst, sizeof(*view));
        QN_CHECK_MEM(view, in->err);
        view->rank = shape->rank;
        for (int i = 0; i < shape->rank; i++)
            view->dims[i] = shape->dims[i];
        y.konst = view;
    }
    return qn_infer_out_fact(in, 0, &y);
}

/* ---- Reshape -------------------------------------------------------------------------------------------------- */

struct reshape {
    bool allowzero;
};

/* What is left of a shape's size after dims have been divided out: a number, and dims without a number. */
struct size {
    int64_t number;
    int n_named;
    int64_t named; /* the only one when n_named is 1 */
    bool overflow;
};

static void multiply(struct size *size, int64_t dim)
{
    if (qn_dim_known(dim)) {
        size->overflow |= !qn_mul64(size->number, dim, &size->number);
    } else {
        size->n_named++;
        size->named = dim;
    }
}

/* The size of x without the dims that the request copies: these are equal on both sides, known or not. */
static struct size size_left(const struct qn_shape *x, const struct qn_arg *want, bool allowzero)
{
    struct size size = {.number = 1};

    for (int i = 0; i < x->rank; i++)
        if (allowzero || i >= want->n || want->v[i] != 0)
            multiply(&size, x->dims[i]);
    return size;
}

static enum qn_status check_request(const struct qn_arg *want, const struct qn_shape *x, bool allowzero,
                                    struct qn_err *err)
{
    int n_free = 0, n_zeros = 0;

    QN_CHECK(want->n <= QN_MAX_RANK, err, LIMIT, "a tensor of rank %d is asked for, at most %d is possible", want->n,
             QN_MAX_RANK);
    for (int i = 0; i < want->n; i++) {
        QN_CHECK(want->v[i] >= -1, err, SHAPE, "entry %d of the shape is %lld", i, (long long)want->v[i]);
        n_free += want->v[i] == -1;
        n_zeros += want->v[i] == 0;
        QN_CHECK(want->v[i] != 0 || allowzero || x->rank < 0 || i < x->rank, err, SHAPE,
                 "entry %d of the shape copies a dimension that an input of rank %d does not have", i, x->rank);
    }
    QN_CHECK(n_free <= 1, err, SHAPE, "the shape has %d entries of -1, one is allowed", n_free);
    QN_CHECK(!allowzero || n_free == 0 || n_zeros == 0, err, SHAPE,
             "with allowzero the shape cannot have both 0 and -1");
    return QN_OK;
}

/* The dim for -1: what is left of x's size by the product of the other entries. */
static enum qn_status free_dim(const struct size *left, int64_t product, int64_t *dim, struct qn_err *err)
{
    *dim = QN_DIM_UNKNOWN;
    if (left->overflow || left->n_named > 1)
        return QN_OK;
    if (left->n_named == 1) {
        if (left->number == product && product > 0)
            *dim = left->named;
        return QN_OK;
    }
    QN_CHECK(product > 0 && left->number % product == 0, err, SHAPE,
             "%lld elements cannot be divided by the other entries, %lld", (long long)left->number, (long long)product);
    *dim = left->number / product;
    return QN_OK;
}

static enum qn_status resolve(const struct qn_shape *x, const struct qn_arg *want, bool allowzero, struct qn_shape *y,
                              struct qn_err *err)
{
    struct size left = size_left(x, want, allowzero);
    int64_t product = 1;
    int free_axis = -1;
    bool empty = false;

    QN_TRY(check_request(want, x, allowzero, err));
    y->rank = want->n;
    for (int i = 0; i < want->n; i++) {
        y->dims[i] = want->v[i];
        if (want->v[i] == -1)
            free_axis = i;
        else if (want->v[i] == 0 && !allowzero)
            y->dims[i] = x->rank < 0 ? QN_DIM_UNKNOWN : x->dims[i];
        else
            QN_CHECK(qn_mul64(product, want->v[i], &product), err, LIMIT, "the shape asked for is too large");
        empty = empty || (want->v[i] == 0 && y->dims[i] == 0 && !allowzero);
    }
    if (free_axis >= 0 && x->rank >= 0)
        return free_dim(&left, product, &y->dims[free_axis], err);
    /* Where a copied dim is zero, both sides are empty whatever the others are. */
    QN_CHECK(free_axis >= 0 || x->rank < 0 || left.n_named || left.overflow || left.number == product || empty, err,
             SHAPE, "%lld elements do not fill a shape of %lld", (long long)left.number, (long long)product);
    return QN_OK;
}

static enum qn_status infer_reshape(struct qn_infer *in, const void *params)
{
    const struct reshape *p = params;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_arg want;
    bool known;

    QN_TRY(qn_arg_infer(in, 1, "the shape", &want, &known));
    if (known) {
        QN_TRY(resolve(&qn_infer_in(in, 0)->shape, &want, p->allowzero, &y, in->err));
    } else if (want.n >= 0 && want.n <= QN_MAX_RANK) {
        y.rank = want.n;
        for (int i = 0; i < y.rank; i++)
            y.dims[i] = QN_DIM_UNKNOWN;
    }
    return reshaped(in, &y);
}

/* ---- Flatten -------------------------------------------------------------------------------------------------- */

struct flatten {
    int64_t axis;
};

static int64_t product_of(const struct qn_shape *x, int begin, int end)
{
    struct size size = {.number = 1};

    for (int i = begin; i < end; i++)
        multiply(&size, x->dims[i]);
    if (size.overflow || size.n_named > 1 || (size.n_named == 1 && size.number != 1))
        return size.number == 0 && !size.overflow ? 0 : QN_DIM_UNKNOWN;
    return size.n_named ? size.named : size.number;
}

static enum qn_status infer_flatten(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    struct qn_shape y = {.rank = 2, .dims = {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN}};
    int64_t axis = ((const struct flatten *)params)->axis;

    if (x->rank >= 0) {
        QN_CHECK(axis >= -x->rank && axis <= x->rank, in->err, SHAPE, "axis %lld is outside a tensor of rank %d",
                 (long long)axis, x->rank);
        axis += axis < 0 ? x->rank : 0;
        y.dims[0] = product_of(x, 0, (int)axis);
        y.dims[1] = product_of(x, (int)axis, x->rank);
    }
    return reshaped(in, &y);
}

/* ---- Squeeze, Unsqueeze --------------------------------------------------------------------------------------- */

static enum qn_status squeeze(const struct qn_shape *x, const struct qn_arg *axes, struct qn_shape *y,
                              struct qn_err *err)
{
    bool drop[QN_MAX_RANK] = {false};

    for (int i = 0; i < axes->n; i++) {
        int64_t dim = x->dims[axes->v[i]];

        QN_CHECK(dim == 1 || !qn_dim_known(dim), err, SHAPE, "axis %lld of size %lld cannot be squeezed",
                 (long long)axes->v[i], (long long)dim);
        drop[axes->v[i]] = true;
    }
    y->rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(axes->given ? drop[i] : x->dims[i] == 1))
            y->dims[y->rank++] = x->dims[i];
    return QN_OK;
}

static enum qn_status infer_squeeze(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_arg axes;
    bool known;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "axes", &axes, &known));
    /* Without axes, which dims go is known only when none is unknown. */
    if (x->rank >= 0 && known && (axes.given || qn_shape_known(x))) {
        QN_TRY(qn_arg_axes(&axes, x->rank, in->err));
        QN_TRY(squeeze(x, &axes, &y, in->err));
    } else if (x->rank >= 0 && axes.given && axes.n >= 0 && axes.n <= x->rank) {
        y.rank = x->rank - axes.n;
        for (int i = 0; i < y.rank; i++)
            y.dims[i] = QN_DIM_UNKNOWN;
    }
    return reshaped(in, &y);
}

static void unsqueeze(const struct qn_shape *x, const struct qn_arg *axes, bool known, struct qn_shape *y)
{
    bool added[QN_MAX_RANK] = {false};
    int at = 0;

    for (int i = 0; known && i < axes->n; i++)
        added[axes->v[i]] = true;
    for (int i = 0; i < y->rank; i++)
        y->dims[i] = !known ? QN_DIM_UNKNOWN : added[i] ? 1 : x->dims[at++];
}

static enum qn_status infer_unsqueeze(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, 0)->shape;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_arg axes;
    bool known;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "axes", &axes, &known));
    if (x->rank >= 0 && axes.n >= 0) {
        y.rank = x->rank + axes.n;
        QN_CHECK(y.rank <= QN_MAX_RANK, in->err, LIMIT, "a tensor of rank %d is asked for, at most %d is possible",
                 y.rank, QN_MAX_RANK);
        if (known)
            QN_TRY(qn_arg_axes(&axes, y.rank, in->err));
        unsqueeze(x, &axes, known, &y);
    }
    return reshaped(in, &y);
}

/* ---- Identity ------------------------------------------------------------------------------------------------- */

static enum qn_status infer_identity(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out_fact(in, 0, qn_infer_in(in, 0));
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define VIEW(op, first, last, ins, outs, ...)                                                                          \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .flags = QN_VIEW, .in = ins, .out = outs,       \
        __VA_ARGS__                                                                                                    \
    }
#define INT64                   QN_BIT(INT64)
#define DATA_AND(name, types)   QN_FORMALS(QN_IN("data", 'T', types), QN_IN(name, 0, INT64))
#define DATA_MAYBE(name, types) QN_FORMALS(QN_IN("data", 'T', types), QN_OPT(name, 0, INT64))
#define OUTPUT(name, types)     QN_FORMALS(QN_OUT(name, 'T', types))

#define RESHAPE_1(types)                                                                                               \
    VIEW("Reshape", 1, 4, DATA_AND("shape", types), OUTPUT("reshaped", types), QN_PARAMS(reshape),                     \
         .attrs = QN_ATTRS(QN_INPUT_ATTR("shape", INTS, 1), QN_IGNORED_ATTR("consumed_inputs")),                       \
         .infer = infer_reshape)
#define RESHAPE_5(first, last, types)                                                                                  \
    VIEW("Reshape", first, last, DATA_AND("shape", types), OUTPUT("reshaped", types), QN_PARAMS(reshape),              \
         .infer = infer_reshape)
#define RESHAPE_14(first, last, types)                                                                                 \
    VIEW("Reshape", first, last, DATA_AND("shape", types), OUTPUT("reshaped", types), QN_PARAMS(reshape),              \
         .attrs = QN_ATTRS(QN_BOOL_ATTR(reshape, allowzero, 0)), .infer = infer_reshape)
#define FLATTEN(first, last, types)                                                                                    \
    VIEW("Flatten", first, last, QN_FORMALS(QN_IN("input", 'T', types)), OUTPUT("output", types), QN_PARAMS(flatten),  \
         .attrs = QN_ATTRS(QN_INT_ATTR(flatten, axis, 1)), .infer = infer_flatten)
#define SQUEEZE_1(first, last, types)                                                                                  \
    VIEW("Squeeze", first, last, DATA_MAYBE("axes", types), OUTPUT("squeezed", types),                                 \
         .attrs = QN_ATTRS(QN_INPUT_ATTR("axes", INTS, 1)), .infer = infer_squeeze)
#define SQUEEZE_13(first, last, types)                                                                                 \
    VIEW("Squeeze", first, last, DATA_MAYBE("axes", types), OUTPUT("squeezed", types), .infer = infer_squeeze)
#define UNSQUEEZE_1(first, last, types)                                                                                \
    VIEW("Unsqueeze", first, last, DATA_AND("axes", types), OUTPUT("expanded", types),                                 \
         .attrs = QN_ATTRS(QN_INPUT_ATTR("axes", INTS, 1)), .infer = infer_unsqueeze)
#define UNSQUEEZE_13(first, last, types)                                                                               \
    VIEW("Unsqueeze", first, last, DATA_AND("axes", types), OUTPUT("expanded", types), .infer = infer_unsqueeze)
#define IDENTITY(first, last, letter, types, kinds)                                                                    \
    VIEW("Identity", first, last, QN_FORMALS({"input", letter, types, kinds}),                                         \
         QN_FORMALS({"output", letter, types, kinds}), .infer = infer_identity)
#define SEQUENCES (QN_TENSOR_KIND | QN_SEQUENCE_KIND)
#define OPTIONALS (QN_TENSOR_KIND | QN_SEQUENCE_KIND | QN_OPTIONAL_KIND)

const struct qn_op qn_ops_reshape[] = {
    RESHAPE_1(QN_FLOATS_STD),
    RESHAPE_5(5, 12, QN_ALL_IR3),
    RESHAPE_5(13, 13, QN_ALL_IR4),
    RESHAPE_14(14, 18, QN_ALL_IR4),
    RESHAPE_14(19, 20, QN_ALL_IR9),
    RESHAPE_14(21, 22, QN_ALL_IR10),
    RESHAPE_14(23, 23, QN_ALL_IR11),
    RESHAPE_14(24, 24, QN_ALL_IR12),
    RESHAPE_14(25, 27, QN_ALL_IR13),
    FLATTEN(1, 8, QN_FLOATS_STD),
    FLATTEN(9, 12, QN_ALL_IR3),
    FLATTEN(13, 20, QN_ALL_IR4),
    FLATTEN(21, 22, QN_ALL_IR10),
    FLATTEN(23, 23, QN_ALL_IR11),
    FLATTEN(24, 24, QN_ALL_IR12),
    FLATTEN(25, 27, QN_ALL_IR13),
    SQUEEZE_1(1, 12, QN_ALL_IR3),
    SQUEEZE_13(13, 20, QN_ALL_IR4),
    SQUEEZE_13(21, 22, QN_ALL_IR10),
    SQUEEZE_13(23, 23, QN_ALL_IR11),
    SQUEEZE_13(24, 24, QN_ALL_IR12),
    SQUEEZE_13(25, 27, QN_ALL_IR13),
    UNSQUEEZE_1(1, 12, QN_ALL_IR3),
    UNSQUEEZE_13(13, 20, QN_ALL_IR4),
    UNSQUEEZE_13(21, 22, QN_ALL_IR10),
    UNSQUEEZE_13(23, 23, QN_ALL_IR11),
    UNSQUEEZE_13(24, 24, QN_ALL_IR12),
    UNSQUEEZE_13(25, 27, QN_ALL_IR13),
    IDENTITY(1, 12, 'T', QN_ALL_IR3, 0),
    IDENTITY(13, 13, 'T', QN_ALL_IR4, 0),
    IDENTITY(14, 15, 'V', QN_ALL_IR4, SEQUENCES),
    IDENTITY(16, 18, 'V', QN_ALL_IR4, OPTIONALS),
    IDENTITY(19, 20, 'V', QN_ALL_IR9, OPTIONALS),
    IDENTITY(21, 22, 'V', QN_ALL_IR10, OPTIONALS),
    IDENTITY(23, 23, 'V', QN_ALL_IR11, OPTIONALS),
    IDENTITY(24, 24, 'V', QN_ALL_IR12, OPTIONALS),
    IDENTITY(25, 27, 'V', QN_ALL_IR13, OPTIONALS),
    {.name = NULL},
};
