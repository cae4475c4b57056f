/* scatter.c: Scatter, ScatterElements, ScatterND, TensorScatter: a copy of data in which places named by indices are
 * replaced by updates, or combined with them. In place when the buffer allows it, as caches do. Indices are checked
 * before anything is written and may count from the end; where they repeat, updates apply in the order they come.
 * Reductions: sums and products of integers wrap, max and min give NaN when either is NaN, bool adds as "or" and
 * multiplies as "and". */
#include <math.h>

#include "ops/index.h"
#include "ops/move.h"

enum { NONE, ADD, MUL, MAX, MIN, N_REDUCTIONS };
static const char *const reductions_16[] = {"none", "add", "mul", NULL};
static const char *const reductions_18[] = {"none", "add", "mul", "max", "min", NULL};

struct scatter {
    int64_t axis;
    int reduction;
};

/* ---- Combining n elements: dst[i] = f(dst[i], src[i]) --------------------------------------------------------- */

typedef void combine_fn(void *dst, const void *src, int64_t n);

#define COMBINE(name, type, formula)                                                                                   \
    static void name(void *dst, const void *src, int64_t n)                                                            \
    {                                                                                                                  \
        type *d = dst;                                                                                                 \
        const type *s = src;                                                                                           \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type a = d[i], b = s[i];                                                                                   \
                                                                                                                       \
            d[i] = (type)(formula);                                                                                    \
        }                                                                                                              \
    }

/* Unsigned arithmetic, so that overflow wraps. */
#define INTEGER(name, type)                                                                                            \
    COMBINE(add_##name, type, (uint64_t)a + (uint64_t)b)                                                               \
    COMBINE(mul_##name, type, (uint64_t)a *(uint64_t)b)                                                                \
    COMBINE(max_##name, type, a > b ? a : b)                                                                           \
    COMBINE(min_##name, type, a < b ? a : b)
#define FLOATING(name, type)                                                                                           \
    COMBINE(add_##name, type, a + b)                                                                                   \
    COMBINE(mul_##name, type, a *b)                                                                                    \
    COMBINE(max_##name, type, a > b || isnan(a) ? a : b)                                                               \
    COMBINE(min_##name, type, a < b || isnan(a) ? a : b)

INTEGER(i8, int8_t)
INTEGER(i16, int16_t)
INTEGER(i32, int32_t)
INTEGER(i64, int64_t)
INTEGER(u8, uint8_t)
INTEGER(u16, uint16_t)
INTEGER(u32, uint32_t)
INTEGER(u64, uint64_t)
FLOATING(f32, float)
FLOATING(f64, double)
COMBINE(or_bool, uint8_t, a || b)
COMBINE(and_bool, uint8_t, a &&b)

struct complex64 {
    float re, im;
};
struct complex128 {
    double re, im;
};
#define COMPLEX(name, type)                                                                                            \
    static void mul_##name(void *dst, const void *src, int64_t n)                                                      \
    {                                                                                                                  \
        type *d = dst;                                                                                                 \
        const type *s = src;                                                                                           \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            d[i] = (type){d[i].re * s[i].re - d[i].im * s[i].im, d[i].re * s[i].im + d[i].im * s[i].re};               \
    }
COMPLEX(c64, struct complex64)
COMPLEX(c128, struct complex128)

static void add_c64(void *dst, const void *src, int64_t n) { add_f32(dst, src, 2 * n); }
static void add_c128(void *dst, const void *src, int64_t n) { add_f64(dst, src, 2 * n); }

#define FOUR(name)                                                                                                     \
    {                                                                                                                  \
        [ADD] = add_##name, [MUL] = mul_##name, [MAX] = max_##name, [MIN] = min_##name                                 \
    }

static combine_fn *const combine[QN_N_DTYPE][N_REDUCTIONS] = {
    [QN_INT8] = FOUR(i8),
    [QN_INT16] = FOUR(i16),
    [QN_INT32] = FOUR(i32),
    [QN_INT64] = FOUR(i64),
    [QN_UINT8] = FOUR(u8),
    [QN_UINT16] = FOUR(u16),
    [QN_UINT32] = FOUR(u32),
    [QN_UINT64] = FOUR(u64),
    [QN_FLOAT] = FOUR(f32),
    [QN_DOUBLE] = FOUR(f64),
    [QN_BOOL] = {[ADD] = or_bool, [MUL] = and_bool, [MAX] = or_bool, [MIN] = and_bool},
    [QN_COMPLEX64] = {[ADD] = add_c64, [MUL] = mul_c64},
    [QN_COMPLEX128] = {[ADD] = add_c128, [MUL] = mul_c128},
};

static const char *accept_copy(const struct qn_site *site)
{
    return ((const struct scatter *)site->params)->reduction != NONE ? "a reduction" : NULL;
}

static const char *accept_combine(const struct qn_site *site)
{
    int reduction = ((const struct scatter *)site->params)->reduction;

    if (reduction == NONE)
        return "no reduction";
    return combine[site->in[0]->dtype][reduction] ? NULL : "no such reduction of this element type";
}

/* Writes n elements of an update. */
static void put(combine_fn *f, char *dst, const char *src, int64_t n, size_t size)
{
    if (f)
        f(dst, src, n);
    else
        qn_copy_run(dst, src, (size_t)n * size);
}

/* ---- ScatterElements ------------------------------------------------------------------------------------------ */

static enum qn_status infer_elements(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *indices = &in->in[1]->shape, *updates = &in->in[2]->shape;
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];
    struct qn_shape both;
    int axis;

    QN_CHECK(qn_shape_merge(indices, updates, &both), in->err, SHAPE,
             "indices of shape %s and updates of shape %s differ", qn_shape_text(indices, a),
             qn_shape_text(updates, b));
    if (x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct scatter *)params)->axis, x->rank, &axis));
        if (both.rank >= 0)
            QN_TRY(qn_grid_shapes(x, &both, axis, in->err));
    }
    return qn_infer_same(in, params);
}

static enum qn_status scatter_elements(const struct qn_call *call)
{
    const struct scatter *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *indices = qn_in(call, 1);
    const char *updates = qn_in(call, 2)->data;
    struct qn_tensor *y = qn_out(call, 0);
    size_t size = qn_dtype_bytes(x->dtype);
    combine_fn *f = combine[x->dtype][p->reduction];
    struct qn_grid grid;

    qn_grid_init(&grid, x, indices, (int)(p->axis < 0 ? p->axis + x->rank : p->axis));
    QN_TRY(qn_index_check(indices, grid.bound, grid.axis, call->err));
    qn_copy(y->data, x->data, qn_tensor_bytes(x), call->pool);
    for (int64_t row = 0; row < grid.n_rows && grid.n > 0; row++) {
        int64_t base = qn_grid_row(&grid, row);

        for (int64_t j = 0; j < grid.n; j++) {
            int64_t at = row * grid.n + j, index = qn_index_from(qn_index(indices, at), grid.bound);
            int64_t place = base + j * grid.step + index * grid.axis_step;

            put(f, (char *)y->data + (size_t)place * size, updates + (size_t)at * size, 1, size);
        }
    }
    return QN_OK;
}

static const struct qn_kernel elements_kernels[] = {
    {.name = "scatter_elements_copy", .accept = accept_copy, .run = scatter_elements},
    {.name = "scatter_elements_combine", .accept = accept_combine, .run = scatter_elements},
    {.name = NULL},
};

/* ---- ScatterND ------------------------------------------------------------------------------------------------ */

static enum qn_status infer_nd(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *indices = &in->in[1]->shape, *updates = &in->in[2]->shape;
    int last = indices->rank - 1;
    int64_t k = indices->rank > 0 ? indices->dims[last] : QN_DIM_UNKNOWN;
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];
    struct qn_shape want, both;

    QN_CHECK(x->rank != 0 && indices->rank != 0, in->err, SHAPE, "data and indices must not be scalars");
    if (x->rank > 0 && qn_dim_known(k)) {
        QN_CHECK(k <= x->rank, in->err, SHAPE, "tuples of %lld indices do not fit data of rank %d", (long long)k,
                 x->rank);
        want.rank = last + x->rank - (int)k;
        QN_CHECK(want.rank <= QN_MAX_RANK, in->err, LIMIT, "updates would be of rank %d, at most %d is possible",
                 want.rank, QN_MAX_RANK);
        for (int i = 0; i < want.rank; i++)
            want.dims[i] = i < last ? indices->dims[i] : x->dims[i - last + k];
        QN_CHECK(qn_shape_merge(&want, updates, &both), in->err, SHAPE, "updates of shape %s are given, %s are needed",
                 qn_shape_text(updates, a), qn_shape_text(&want, b));
    }
    return qn_infer_same(in, params);
}

static enum qn_status scatter_nd(const struct qn_call *call)
{
    const struct scatter *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    const char *updates = qn_in(call, 2)->data;
    struct qn_tensor *y = qn_out(call, 0);
    size_t size = qn_dtype_bytes(x->dtype);
    combine_fn *f = combine[x->dtype][p->reduction];
    struct qn_tuples tuples;

    QN_TRY(qn_tuples_init(&tuples, x, qn_in(call, 1), 0, call->err));
    qn_copy(y->data, x->data, qn_tensor_bytes(x), call->pool);
    for (int64_t t = 0; t < tuples.n && tuples.run > 0; t++)
        put(f, (char *)y->data + (size_t)qn_tuple_place(&tuples, t) * size, updates + (size_t)(t * tuples.run) * size,
            tuples.run, size);
    return QN_OK;
}

static const struct qn_kernel nd_kernels[] = {
    {.name = "scatter_nd_copy", .accept = accept_copy, .run = scatter_nd},
    {.name = "scatter_nd_combine", .accept = accept_combine, .run = scatter_nd},
    {.name = NULL},
};

/* ---- TensorScatter -------------------------------------------------------------------------------------------- */

enum { LINEAR, CIRCULAR };
static const char *const write_modes[] = {"linear", "circular", NULL};

struct tensor_scatter {
    int64_t axis;
    int mode;
};

static enum qn_status check_write_indices(struct qn_infer *in, const struct qn_shape *x)
{
    const struct qn_fact *writes = qn_infer_in(in, 2);
    struct qn_shape batch = qn_shape_1d(x->dims[0]), both;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(!writes || qn_shape_merge(&batch, &writes->shape, &both), in->err, SHAPE,
             "write_indices of shape %s do not name one place for each of the batch",
             qn_shape_text(&writes->shape, text));
    return QN_OK;
}

static enum qn_status infer_tensor(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *update = &in->in[1]->shape;
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];
    struct qn_shape rest, both;
    int axis;

    if (x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct tensor_scatter *)params)->axis, x->rank, &axis));
        QN_CHECK(axis > 0, in->err, SHAPE, "the axis cannot be 0, the batch");
        QN_TRY(check_write_indices(in, x));
        if (update->rank >= 0) {
            rest = *update;
            rest.dims[axis] = x->dims[axis];
            QN_CHECK(qn_shape_merge(x, &rest, &both) &&
                         (!qn_dim_known(x->dims[axis]) || update->dims[axis] <= x->dims[axis]),
                     in->err, SHAPE, "an update of shape %s does not fit a cache of shape %s along axis %d",
                     qn_shape_text(update, a), qn_shape_text(x, b), axis);
        }
    }
    return qn_infer_same(in, params);
}

/* Where the update of a batch entry begins, in [0, capacity). */
static int64_t first_place(const struct qn_tensor *writes, int64_t batch, int64_t capacity, int mode)
{
    int64_t at = writes ? qn_index(writes, batch) : 0;

    if (mode == CIRCULAR && capacity > 0)
        at = (at % capacity + capacity) % capacity;
    return at;
}

static enum qn_status check_writes(const struct qn_call *call, int64_t n_batch, int64_t capacity, int64_t n, int mode)
{
    const struct qn_tensor *writes = qn_in(call, 2);

    for (int64_t b = 0; b < n_batch; b++) {
        int64_t at = first_place(writes, b, capacity, mode);

        QN_CHECK(mode == CIRCULAR || (at >= 0 && at <= capacity - n), call->err, RANGE,
                 "write index %lld of batch entry %lld leaves no room for %lld of %lld places", (long long)at,
                 (long long)b, (long long)n, (long long)capacity);
    }
    return QN_OK;
}

static enum qn_status tensor_scatter(const struct qn_call *call)
{
    const struct tensor_scatter *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *update = qn_in(call, 1);
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t capacity = x->dims[axis], n = update->dims[axis], n_prefix = qn_tensor_span(x, 0, axis);
    size_t row = (size_t)qn_tensor_span(x, axis + 1, x->rank) * qn_dtype_bytes(x->dtype);
    char *y = qn_out(call, 0)->data;
    const char *src = update->data;

    QN_TRY(check_writes(call, x->dims[0], capacity, n, p->mode));
    if (qn_tensor_count(update) == 0)
        n_prefix = 0;
    qn_copy(y, x->data, qn_tensor_bytes(x), call->pool);
    for (int64_t prefix = 0; prefix < n_prefix; prefix++, src += (size_t)n * row) {
        int64_t at = first_place(qn_in(call, 2), prefix / (n_prefix / x->dims[0]), capacity, p->mode);
        int64_t head = n < capacity - at ? n : capacity - at;
        char *cache = y + (size_t)(prefix * capacity) * row;

        memcpy(cache + (size_t)at * row, src, (size_t)head * row);
        memcpy(cache, src + (size_t)head * row, (size_t)(n - head) * row);
    }
    return QN_OK;
}

static const struct qn_kernel tensor_kernels[] = {
    {.name = "tensor_scatter", .accept = qn_accept_whole_bytes, .run = tensor_scatter},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, types, index_types, attributes, infer_fn, kernel_list)                                    \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("data", 'T', types), QN_IN("indices", 0, index_types), QN_IN("updates", 'T', types)),   \
        .out = QN_FORMALS(QN_OUT("output", 'T', types)), .attrs = attributes, QN_PARAMS(scatter), .infer = (infer_fn), \
        .kernels = (kernel_list), .inplace = QN_INPLACE(0)                                                             \
    }
#define INT64           QN_BIT(INT64)
#define AXIS            QN_INT_ATTR(scatter, axis, 0)
#define REDUCTION(list) QN_ENUM_ATTR(scatter, reduction, "none", list)
#define ELEMENTS(op, first, last, types, ...)                                                                          \
    ROW(op, first, last, types, QN_BIT(INT32) | INT64, QN_ATTRS(__VA_ARGS__), infer_elements, elements_kernels)
#define ND(first, last, types, attributes) ROW("ScatterND", first, last, types, INT64, attributes, infer_nd, nd_kernels)

const struct qn_op qn_ops_scatter[] = {
    ELEMENTS("Scatter", 9, 10, QN_ALL_IR3, AXIS),
    ELEMENTS("ScatterElements", 11, 12, QN_ALL_IR3, AXIS),
    ELEMENTS("ScatterElements", 13, 15, QN_ALL_IR4, AXIS),
    ELEMENTS("ScatterElements", 16, 17, QN_ALL_IR4, AXIS, REDUCTION(reductions_16)),
    ELEMENTS("ScatterElements", 18, 27, QN_ALL_IR4, AXIS, REDUCTION(reductions_18)),
    ND(11, 12, QN_ALL_IR3, NULL),
    ND(13, 15, QN_ALL_IR4, NULL),
    ND(16, 17, QN_ALL_IR4, QN_ATTRS(REDUCTION(reductions_16))),
    ND(18, 27, QN_ALL_IR4, QN_ATTRS(REDUCTION(reductions_18))),
    {.name = "TensorScatter",
     .domain = "",
     .since = 24,
     .until = 27,
     .in = QN_FORMALS(QN_IN("past_cache", 'T', QN_ALL_IR12), QN_IN("update", 'T', QN_ALL_IR12),
                      QN_OPT("write_indices", 0, INT64)),
     .out = QN_FORMALS(QN_OUT("present_cache", 'T', QN_ALL_IR12)),
     .attrs =
         QN_ATTRS(QN_INT_ATTR(tensor_scatter, axis, -2), QN_ENUM_ATTR(tensor_scatter, mode, "linear", write_modes)),
     QN_PARAMS(tensor_scatter),
     .infer = infer_tensor,
     .kernels = tensor_kernels,
     .inplace = QN_INPLACE(0)},
    {.name = NULL},
};
