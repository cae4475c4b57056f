/* argreduce.c: ArgMax, ArgMin: the index, along one axis, of the first or with select_last_index the last of the
 * greatest or least elements. NaN counts as the greatest and the least at once, as in NumPy. */
#include <math.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"

struct argreduce {
    bool least;
    int64_t axis;
    bool keepdims, select_last_index;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct argreduce *p = params;
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = QN_SHAPE_SCALAR;
    bool empty = false;
    int axis;

    if (x->rank < 0)
        return qn_infer_out(in, 0, QN_INT64, x);
    if (x->rank == 0 && (p->axis == 0 || p->axis == -1))
        return qn_infer_out(in, 0, QN_INT64, &y);
    QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
    for (int i = 0; i < x->rank; i++) {
        empty = empty || (i != axis && x->dims[i] == 0);
        if (i != axis)
            y.dims[y.rank++] = x->dims[i];
        else if (p->keepdims)
            y.dims[y.rank++] = 1;
    }
    QN_CHECK(x->dims[axis] != 0 || empty || !qn_shape_known(x), in->err, SHAPE, "axis %d is empty and has no %s", axis,
             p->least ? "least element" : "greatest element");
    return qn_infer_out(in, 0, QN_INT64, &y);
}

/* The tensor as [outer, n, inner]; columns are cut into blocks. */
enum { BLOCK = 256 };

/* Rows below this length are not worth two passes. */
enum { SHORT_ROW = 32 };

struct job {
    const struct argreduce *p;
    const char *x;
    int64_t *y;
    int64_t outer, n, inner, n_blocks;
    size_t size;
    void (*columns)(const struct job *j, const void *x, int64_t *y, int64_t width);
};

/* The indices for `width` neighbouring columns that begin at x. */
#define COLUMNS(suffix, type, is_nan)                                                                                  \
    static inline bool beats_##suffix(const struct argreduce *p, type x, type best)                                    \
    {                                                                                                                  \
        if (is_nan(best))                                                                                              \
            return p->select_last_index && is_nan(x);                                                                  \
        if (is_nan(x) || (p->select_last_index && x == best))                                                          \
            return true;                                                                                               \
        return p->least ? x < best : x > best;                                                                         \
    }                                                                                                                  \
    static void columns_##suffix(const struct job *j, const void *from, int64_t *y, int64_t width)                     \
    {                                                                                                                  \
        const type *x = from;                                                                                          \
        type best[BLOCK];                                                                                              \
                                                                                                                       \
        for (int64_t i = 0; i < width; i++) {                                                                          \
            best[i] = x[i];                                                                                            \
            y[i] = 0;                                                                                                  \
        }                                                                                                              \
        for (int64_t k = 1; k < j->n; k++) {                                                                           \
            x += j->inner;                                                                                             \
            for (int64_t i = 0; i < width; i++) {                                                                      \
                if (beats_##suffix(j->p, x[i], best[i])) {                                                             \
                    best[i] = x[i];                                                                                    \
                    y[i] = k;                                                                                          \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
#define NEVER(x) ((void)(x), false)
COLUMNS(u8, uint8_t, NEVER)
COLUMNS(u16, uint16_t, NEVER)
COLUMNS(u32, uint32_t, NEVER)
COLUMNS(u64, uint64_t, NEVER)
COLUMNS(i8, int8_t, NEVER)
COLUMNS(i16, int16_t, NEVER)
COLUMNS(i32, int32_t, NEVER)
COLUMNS(i64, int64_t, NEVER)
COLUMNS(f32, float, isnan)
COLUMNS(f64, double, isnan)

/* One contiguous row of float32: the extreme first, then where it stands. */
static void row_f32(const struct job *j, const void *from, int64_t *y, int64_t width)
{
    const struct qn_kern *kern = qn_kern();
    const float *x = from;
    float best = j->p->least ? kern->min(x, (size_t)j->n) : kern->max(x, (size_t)j->n);
    bool last = j->p->select_last_index, want_nan = isnan(best);
    int64_t k = last ? j->n - 1 : 0;

    (void)width;
    for (int64_t i = 1; i < j->n && !(want_nan ? isnan(x[k]) : x[k] == best); i++)
        k += last ? -1 : 1;
    *y = k;
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(j->outer * j->n_blocks, 1, part, n_parts, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t o = unit / j->n_blocks, at = unit % j->n_blocks * BLOCK;

        j->columns(j, j->x + (size_t)(o * j->n * j->inner + at) * j->size, j->y + o * j->inner + at,
                   j->inner - at < BLOCK ? j->inner - at : BLOCK);
    }
}

static enum qn_status run(const struct qn_call *call,
                          void (*columns)(const struct job *j, const void *x, int64_t *y, int64_t width))
{
    const struct argreduce *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    struct job j = {.p = p,
                    .x = x->data,
                    .y = qn_out(call, 0)->data,
                    .outer = 1,
                    .n = 1,
                    .inner = 1,
                    .size = qn_dtype_bytes(x->dtype),
                    .columns = columns};

    if (x->rank > 0) {
        j.outer = qn_tensor_span(x, 0, axis);
        j.n = x->dims[axis];
        j.inner = qn_tensor_span(x, axis + 1, x->rank);
    }
    j.n_blocks = (j.inner + BLOCK - 1) / BLOCK;
    if (j.outer * j.inner > 0)
        qn_pool_run(call->pool, qn_broadcast_parts(call->pool, qn_tensor_count(x), 1), run_part, &j);
    return QN_OK;
}

static enum qn_status argreduce_ref(const struct qn_call *call)
{
    static void (*const by_type[QN_N_DTYPE])(const struct job *, const void *, int64_t *, int64_t) = {
        QN_ROWS_FLOATS(columns), QN_ROWS_UNSIGNED(columns), QN_ROWS_SIGNED(columns)};

    return run(call, by_type[qn_in(call, 0)->dtype]);
}

static const char *accept_row_f32(const struct qn_site *site)
{
    const struct argreduce *p = site->params;
    const struct qn_shape *x = &site->in[0]->shape;
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t inner = 1;

    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    if (x->rank == 0 || x->dims[axis] < SHORT_ROW)
        return "short rows";
    qn_dims_count(x->dims, axis + 1, x->rank, &inner);
    return inner == 1 ? NULL : "the axis is not the innermost";
}

static enum qn_status argreduce_row_f32(const struct qn_call *call) { return run(call, row_f32); }

static const struct qn_kernel kernels[] = {
    {.name = "argreduce_f32", .accept = accept_row_f32, .run = argreduce_row_f32},
    {.name = "argreduce_ref", .accept = qn_accept_not_narrow, .run = argreduce_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define AXIS QN_INT_ATTR(argreduce, axis, 0), QN_BOOL_ATTR(argreduce, keepdims, 1)
#define LAST QN_BOOL_ATTR(argreduce, select_last_index, 0)

#define ROW(op, first, until_version, is_least, type_set, attr_list)                                                   \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (until_version),                                        \
        .in = QN_FORMALS(QN_IN("data", 'T', type_set)), .out = QN_FORMALS(QN_OUT("reduced", 0, QN_BIT(INT64))),        \
        .attrs = attr_list, QN_PRESET(argreduce, .least = (is_least)), .infer = infer, .kernels = kernels,             \
        .tolerance = QN_EXACT                                                                                          \
    }
#define ROWS(op, is_least)                                                                                             \
    ROW(op, 1, 11, is_least, QN_FLOATS_STD | QN_INTS, QN_ATTRS(AXIS)),                                                 \
        ROW(op, 12, 12, is_least, QN_FLOATS_STD | QN_INTS, QN_ATTRS(AXIS, LAST)),                                      \
        ROW(op, 13, 27, is_least, QN_NUMBERS, QN_ATTRS(AXIS, LAST))

const struct qn_op qn_ops_argreduce[] = {
    ROWS("ArgMax", false),
    ROWS("ArgMin", true),
    {.name = NULL},
};
