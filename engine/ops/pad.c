/* pad.c: Pad. Negative pads crop; what is left in the middle is copied, then the edges are filled axis by axis, the
 * innermost first, each from what is there already. So cropping comes before reflect, edge and wrap look at the data,
 * and pads longer than the data repeat it. Versions 1 and 2 have pads and a float32 value as attributes. */
#include <string.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/convolve.h"
#include "ops/move.h"

enum { CONSTANT, REFLECT, EDGE, WRAP };
static const char *const old_modes[] = {"constant", "reflect", "edge", NULL};
static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};

struct pad {
    int mode;
};

/* Pads of every axis. */
struct pads {
    int64_t begin[QN_MAX_RANK], end[QN_MAX_RANK];
};

static enum qn_status spread(const struct qn_arg *list, struct qn_arg *axes, int rank, struct pads *pads,
                             struct qn_err *err)
{
    int n = axes->given ? axes->n : rank;

    memset(pads, 0, sizeof(*pads));
    QN_TRY(qn_arg_axes(axes, rank, err));
    QN_CHECK(list->n == 2 * n, err, SHAPE, "pads has %d entries for %d axes", list->n, n);
    for (int i = 0; i < n; i++) {
        int axis = axes->given ? (int)axes->v[i] : i;

        pads->begin[axis] = list->v[i];
        pads->end[axis] = list->v[n + i];
    }
    return QN_OK;
}

/* A dim with its pads; an unknown one stays when it is not padded. */
static enum qn_status padded(int64_t dim, int64_t begin, int64_t end, int64_t *result, struct qn_err *err)
{
    *result = begin == 0 && end == 0 ? dim : QN_DIM_UNKNOWN;
    if (!qn_dim_known(dim))
        return QN_OK;
    QN_CHECK(qn_add64(dim, begin, result) && qn_add64(*result, end, result), err, LIMIT, "the result is too large");
    QN_CHECK(*result >= 0, err, RANGE, "pads of %lld and %lld take more than the %lld that are there", (long long)begin,
             (long long)end, (long long)dim);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y = qn_infer_in(in, 0)->shape;
    bool list_known, axes_known;
    struct qn_arg list, axes;
    struct pads pads;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "pads", &list, &list_known));
    QN_TRY(qn_arg_infer(in, 3, "axes", &axes, &axes_known));
    if (y.rank >= 0 && list_known && axes_known)
        QN_TRY(spread(&list, &axes, y.rank, &pads, in->err));
    for (int i = 0; i < y.rank; i++) {
        if (list_known && axes_known)
            QN_TRY(padded(y.dims[i], pads.begin[i], pads.end[i], &y.dims[i], in->err));
        else
            y.dims[i] = QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- Kernel --------------------------------------------------------------------------------------------------- */

struct job {
    const struct qn_call *call;
    struct qn_shape y;
    int64_t y_steps[QN_MAX_RANK];
    int64_t low[QN_MAX_RANK], high[QN_MAX_RANK]; /* of the output: where data is copied */
    char element[16];                            /* the constant */
    size_t size;
    char *out;
};

static int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static void copy_middle(const struct job *job, const struct qn_tensor *x, const struct pads *pads)
{
    int64_t x_steps[QN_MAX_RANK], from = 0, to = 0;
    struct qn_move move = {0};

    qn_dense_steps(x->rank, x->dims, x_steps);
    for (int i = 0; i < x->rank; i++) {
        int64_t n = job->high[i] - job->low[i];

        from += n ? (job->low[i] - pads->begin[i]) * x_steps[i] : 0;
        to += job->low[i] * job->y_steps[i];
        qn_move_axis(&move, n, x_steps[i], job->y_steps[i]);
    }
    qn_move_run(&move, job->size, (const char *)x->data + from * (int64_t)job->size, job->out + to * (int64_t)job->size,
                job->call->pool);
}

/* Fills [at, at + n) of an axis, for the middle of the axes before it and all of the axes behind it: with the constant,
 * or with n copies of position `source` of the axis (constant when negative). */
static void fill_edge(const struct job *job, int axis, int64_t at, int64_t n, int64_t source)
{
    int64_t to = at * job->y_steps[axis], from = source * job->y_steps[axis];
    struct qn_move move = {0};

    for (int i = 0; i < job->y.rank; i++) {
        int64_t dim = i < axis ? job->high[i] - job->low[i] : i == axis ? n : job->y.dims[i];
        int64_t before = i < axis ? job->low[i] * job->y_steps[i] : 0;

        to += before;
        from += before;
        qn_move_axis(&move, dim, source < 0 || i == axis ? 0 : job->y_steps[i], job->y_steps[i]);
    }
    qn_move_run(&move, job->size, source < 0 ? job->element : job->out + from * (int64_t)job->size,
                job->out + to * (int64_t)job->size, job->call->pool);
}

/* Which position of the middle repeats at `at`, outside of it. */
static int64_t source_of(int mode, int64_t at, int64_t low, int64_t high)
{
    int64_t n = high - low, period = mode == REFLECT ? 2 * (n - 1) : n, i;

    if (period == 0)
        return low;
    i = (at - low) % period;
    i += i < 0 ? period : 0;
    return low + (i < n ? i : period - i);
}

static void fill_axis(const struct job *job, int mode, int axis)
{
    int64_t low = job->low[axis], high = job->high[axis], dim = job->y.dims[axis];

    if (mode == CONSTANT || mode == EDGE) {
        fill_edge(job, axis, 0, low, mode == EDGE ? low : -1);
        fill_edge(job, axis, high, dim - high, mode == EDGE ? high - 1 : -1);
        return;
    }
    for (int64_t at = 0; at < low; at++)
        fill_edge(job, axis, at, 1, source_of(mode, at, low, high));
    for (int64_t at = high; at < dim; at++)
        fill_edge(job, axis, at, 1, source_of(mode, at, low, high));
}

/* The constant in the data's type; the attribute of old versions is float32 whatever the data is. */
static enum qn_status read_constant(struct job *job, enum qn_dtype dtype)
{
    const struct qn_tensor *value = qn_in(job->call, 2);
    struct qn_tensor element = {.dtype = dtype, .data = job->element};

    if (!value)
        return QN_OK;
    QN_CHECK(qn_tensor_count(value) == 1, job->call->err, SHAPE, "the constant has %lld elements",
             (long long)qn_tensor_count(value));
    if (value->dtype == dtype)
        memcpy(job->element, value->data, job->size);
    else
        qn_tensor_set_double(&element, 0, qn_tensor_double(value, 0));
    return QN_OK;
}

static enum qn_status place_middle(struct job *job, int mode, const struct qn_tensor *x, const struct pads *pads)
{
    for (int i = 0; i < x->rank; i++) {
        int64_t dim;

        QN_TRY(padded(x->dims[i], pads->begin[i], pads->end[i], &dim, job->call->err));
        job->y.dims[i] = dim;
        job->low[i] = clamp(pads->begin[i], 0, dim);
        job->high[i] = clamp(dim - pads->end[i], job->low[i], dim);
        QN_CHECK(mode == CONSTANT || job->high[i] > job->low[i] || dim == 0, job->call->err, RANGE,
                 "axis %d has nothing left that could be repeated", i);
    }
    return QN_OK;
}

static enum qn_status pad_move(const struct qn_call *call)
{
    int mode = ((const struct pad *)call->params)->mode;
    const struct qn_tensor *x = qn_in(call, 0);
    struct job job = {.call = call, .y.rank = x->rank, .size = qn_dtype_bytes(x->dtype), .out = qn_out(call, 0)->data};
    struct qn_arg list, axes;
    struct pads pads;

    QN_TRY(qn_arg_read(qn_in(call, 1), "pads", &list, call->err));
    QN_TRY(qn_arg_read(qn_in(call, 3), "axes", &axes, call->err));
    QN_TRY(spread(&list, &axes, x->rank, &pads, call->err));
    QN_TRY(read_constant(&job, x->dtype));
    QN_TRY(place_middle(&job, mode, x, &pads));
    QN_TRY(qn_arg_check_out(call, 0, &job.y));
    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    qn_dense_steps(job.y.rank, job.y.dims, job.y_steps);
    copy_middle(&job, x, &pads);
    for (int axis = x->rank - 1; axis >= 0; axis--)
        fill_axis(&job, mode, axis);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "pad_move", .accept = qn_accept_whole_bytes, .run = pad_move},
    {.name = NULL},
};

/* ---- Rewriting --------------------------------------------------------------------------------------------------- */

/* The convolution that alone reads the zeros put around; NULL. */
static struct qn_node *padded_convolution(const struct qn_rewrite *rewrite, const struct qn_node *node)
{
    const struct qn_tensor *value = node->n_in > 2 && node->in[2] ? node->in[2]->fact.konst : NULL;
    struct qn_node *next = qn_fuse_next(rewrite, node);

    if (((const struct pad *)node->params)->mode != CONSTANT || !next || strcmp(next->op->name, "Conv") != 0 ||
        next->in[0] != node->out[0])
        return NULL;
    if (node->n_in > 2 && node->in[2] && (!value || qn_tensor_count(value) != 1 || qn_tensor_double(value, 0) != 0))
        return NULL;
    return next;
}

/* Constant pads of spatial axes that only add; false for others. */
static bool read_pads(const struct qn_node *node, struct pads *pads)
{
    const struct qn_var *axes_var = node->n_in > 3 ? node->in[3] : NULL;
    int rank = node->in[0]->fact.shape.rank;
    struct qn_arg list, axes;

    if (rank < 3 || rank > QN_CONV_RANK + 2 || !node->in[1]->fact.konst || (axes_var && !axes_var->fact.konst) ||
        qn_arg_read(node->in[1]->fact.konst, "pads", &list, NULL) != QN_OK ||
        qn_arg_read(axes_var ? axes_var->fact.konst : NULL, "axes", &axes, NULL) != QN_OK ||
        spread(&list, &axes, rank, pads, NULL) != QN_OK)
        return false;
    for (int i = 0; i < rank; i++)
        if (pads->begin[i] < 0 || pads->end[i] < 0 || (i < 2 && (pads->begin[i] > 0 || pads->end[i] > 0)))
            return false;
    return true;
}

/* Zeros around a convolution's input become its own padding. */
static enum qn_status rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    struct qn_node *next = padded_convolution(rewrite, node);
    struct qn_convolve *p = next ? next->params : NULL;
    int spatial = node->in[0]->fact.shape.rank - 2;
    struct pads pads;
    int64_t *sums;

    if (!p || p->sliding.auto_pad == QN_PAD_SAME_UPPER || p->sliding.auto_pad == QN_PAD_SAME_LOWER ||
        !read_pads(node, &pads) || (qn_ints_any(&p->sliding.pads) && p->sliding.pads.n != 2 * (size_t)spatial))
        return QN_OK;
    p = qn_arena_memdup(rewrite->arena, p, sizeof(*p));
    sums = qn_arena_array(rewrite->arena, 2 * (size_t)spatial, sizeof(*sums));
    QN_CHECK_MEM(p && sums ? p : NULL, rewrite->err);
    for (int i = 0; i < 2 * spatial; i++) {
        bool own = qn_ints_any(&p->sliding.pads) && p->sliding.auto_pad != QN_PAD_VALID;

        sums[i] = i < spatial ? pads.begin[2 + i] : pads.end[2 + i - spatial];
        if (sums[i] > INT32_MAX || !qn_add64(sums[i], own ? p->sliding.pads.v[i] : 0, &sums[i]) || sums[i] > INT32_MAX)
            return QN_OK;
    }
    p->sliding.auto_pad = QN_PAD_NOTSET;
    p->sliding.pads = (struct qn_ints){.v = sums, .n = 2 * (size_t)spatial, .given = true};
    next->params = p;
    qn_node_set_in(next, 0, node->in[0]);
    qn_patch_remove_node(rewrite->graph, node);
    rewrite->changed = true;
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(first, last, types, value, ...)                                                                            \
    {                                                                                                                  \
        .name = "Pad", .domain = "", .since = (first), .until = (last),                                                \
        .in = QN_FORMALS(QN_IN("data", 'T', types), QN_IN("pads", 0, QN_BIT(INT64)), value,                            \
                         QN_OPT("axes", 0, QN_BIT(INT32) | QN_BIT(INT64))),                                            \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), .attrs = QN_ATTRS(__VA_ARGS__), QN_PARAMS(pad),               \
        .infer = infer, .kernels = kernels, .rewrite = rewrite                                                         \
    }
#define OLD(first, last, name)                                                                                         \
    ROW(first, last, QN_FLOATS_STD, QN_OPT("value", 0, QN_BIT(FLOAT)), QN_ENUM_ATTR(pad, mode, "constant", old_modes), \
        QN_INPUT_ATTR(name, INTS, 1), QN_INPUT_ATTR("value", FLOAT, 2))
#define NEW(first, last, types, mode_list)                                                                             \
    ROW(first, last, types, QN_OPT("constant_value", 'T', types), QN_ENUM_ATTR(pad, mode, "constant", mode_list))

const struct qn_op qn_ops_pad[] = {
    OLD(1, 1, "paddings"),
    OLD(2, 10, "pads"),
    NEW(11, 12, QN_FLOATS_STD | QN_INTS, old_modes),
    NEW(13, 17, QN_ALL_IR4, old_modes),
    NEW(18, 18, QN_ALL_IR4, old_modes),
    NEW(19, 20, QN_ALL_IR4, modes),
    NEW(21, 22, QN_ALL_IR10, modes),
    NEW(23, 23, QN_ALL_IR11, modes),
    NEW(24, 24, QN_ALL_IR12, modes),
    NEW(25, 27, QN_ALL_IR13, modes),
    {.name = NULL},
};
