/* reduce.c: ReduceSum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare.
 * Axes are an attribute in old versions and an input in new ones; none means all, or with noop_with_empty_axes each
 * element by itself. Floats of every width are summed in double and rounded once; integers wrap, except that L2, LogSum
 * and LogSumExp of integers are computed in double and truncated, and Mean truncates. NaN wins in Max and Min. An empty
 * set gives 0 (Sum, L1, L2, SumSquare), 1 (Prod), -inf (LogSum, LogSumExp), NaN or for integers 0 (Mean), and the
 * lowest (Max) or highest (Min) value of the type. The order of sums depends on shapes alone, not on threads. */
#include <math.h>
#include <string.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "tensor/convert.h"

enum kind { SUM, MEAN, MAX, MIN, PROD, L1, L2, LOG_SUM, LOG_SUM_EXP, SUM_SQUARE };

struct reduce {
    enum kind kind;
    bool keepdims, noop_with_empty_axes;
};

/* ---- Axes and shapes ------------------------------------------------------------------------------------------ */

/* Every axis, or none, when no axes are named. */
static uint32_t default_mask(const struct reduce *p, int rank)
{
    return p->noop_with_empty_axes ? 0 : (1u << rank) - 1;
}

static void infer_known(const struct reduce *p, const struct qn_shape *x, uint32_t mask, struct qn_shape *y)
{
    *y = QN_SHAPE_SCALAR;
    for (int i = 0; i < x->rank; i++) {
        if (!(mask >> i & 1))
            y->dims[y->rank++] = x->dims[i];
        else if (p->keepdims)
            y->dims[y->rank++] = 1;
    }
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct reduce *p = params;
    const struct qn_shape *x = &in->in[0]->shape;
    const struct qn_fact *axes = qn_infer_in(in, 1);
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_ints list = {NULL, 0, false};
    uint32_t mask = 0;

    if (x->rank >= 0 && (!axes || qn_infer_ints(in, 1, &list))) {
        for (size_t i = 0; i < list.n; i++) {
            int axis;

            QN_TRY(qn_infer_axis(in, list.v[i], x->rank, &axis));
            mask |= 1u << axis;
        }
        infer_known(p, x, list.n ? mask : default_mask(p, x->rank), &y);
    } else if (x->rank >= 0 && p->keepdims) {
        y.rank = x->rank;
        for (int i = 0; i < y.rank; i++)
            y.dims[i] = QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* The tensor as alternating runs of kept and reduced axes, axes of 1 left out, neighbours merged. The innermost run,
 * `inner`, stands apart: it is reduced, and gives one output (rows), or kept, and gives a row of outputs (columns). */
struct axes {
    int n;
    int64_t dims[QN_MAX_RANK], stride[QN_MAX_RANK]; /* outermost first; strides in elements of the input */
};
struct layout {
    struct axes kept, reduced;
    bool columns;
    int64_t inner;
    int64_t n_kept, n_reduced; /* products, without inner */
    int64_t count;             /* elements that make one output */
};

static void push(struct axes *axes, int64_t dim, int64_t stride, int64_t *product)
{
    axes->dims[axes->n] = dim;
    axes->stride[axes->n++] = stride;
    *product *= dim;
}

static void make_layout(const struct qn_tensor *x, uint32_t mask, struct layout *l)
{
    int64_t dims[QN_MAX_RANK], stride = 1;
    bool reduced[QN_MAX_RANK];
    int n = 0;

    *l = (struct layout){.columns = true, .inner = 1, .n_kept = 1, .n_reduced = 1};
    for (int i = 0; i < x->rank; i++) {
        bool here = mask >> i & 1;

        if (x->dims[i] == 1)
            continue;
        if (n > 0 && reduced[n - 1] == here) {
            dims[n - 1] *= x->dims[i];
        } else {
            dims[n] = x->dims[i];
            reduced[n++] = here;
        }
    }
    if (n > 0) {
        l->inner = stride = dims[--n];
        l->columns = !reduced[n];
    }
    for (int i = 0; i < n; i++) {
        int64_t step = stride;

        for (int k = i + 1; k < n; k++)
            step *= dims[k];
        if (reduced[i])
            push(&l->reduced, dims[i], step, &l->n_reduced);
        else
            push(&l->kept, dims[i], step, &l->n_kept);
    }
    l->count = l->columns ? l->n_reduced : l->n_reduced * l->inner;
}

/* A place in a run of axes, and the way to the next. */
struct walk {
    int64_t index[QN_MAX_RANK];
    int64_t offset;
};

static void walk_to(const struct axes *axes, int64_t at, struct walk *walk)
{
    walk->offset = 0;
    for (int i = axes->n - 1; i >= 0; i--) {
        walk->index[i] = at % axes->dims[i];
        walk->offset += walk->index[i] * axes->stride[i];
        at /= axes->dims[i];
    }
}

static void walk_on(const struct axes *axes, struct walk *walk)
{
    for (int i = axes->n - 1; i >= 0; i--) {
        walk->offset += axes->stride[i];
        if (++walk->index[i] < axes->dims[i])
            return;
        walk->offset -= axes->dims[i] * axes->stride[i];
        walk->index[i] = 0;
    }
}

/* ---- Accumulators --------------------------------------------------------------------------------------------- */

/* Outputs at a time, and elements converted at a time. */
enum { BLOCK = 256 };

union accumulators {
    double f64[BLOCK];
    int64_t i64[BLOCK];
    uint64_t u64[BLOCK];
};

/* What becomes of one element on its way into an accumulator. */
enum step { ADD, MULTIPLY, GREATEST, LEAST, ADD_ABS, ADD_SQUARE, ADD_EXP };

static enum step step_of(enum kind kind)
{
    static const enum step steps[] = {
        [SUM] = ADD,    [MEAN] = ADD,      [MAX] = GREATEST, [MIN] = LEAST,           [PROD] = MULTIPLY,
        [L1] = ADD_ABS, [L2] = ADD_SQUARE, [LOG_SUM] = ADD,  [LOG_SUM_EXP] = ADD_EXP, [SUM_SQUARE] = ADD_SQUARE,
    };

    return steps[kind];
}

/* Elements x[0..n) into acc[0..n) one by one, or all into acc[0]. */
#define INTO(acc, next)                                                                                                \
    if (columns)                                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const int64_t at = i;                                                                                      \
            (acc)[at] = (next);                                                                                        \
        }                                                                                                              \
    else                                                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const int64_t at = 0;                                                                                      \
            (acc)[at] = (next);                                                                                        \
        }                                                                                                              \
    break

/* shift: the maximum of ADD_EXP, per accumulator. */
static void step_f64(enum step step, double *acc, const double *shift, const double *x, int64_t n, bool columns)
{
    switch (step) {
    case ADD:
        INTO(acc, acc[at] + x[i]);
    case MULTIPLY:
        INTO(acc, acc[at] * x[i]);
    case GREATEST:
        INTO(acc, x[i] > acc[at] || isnan(x[i]) ? x[i] : acc[at]);
    case LEAST:
        INTO(acc, x[i] < acc[at] || isnan(x[i]) ? x[i] : acc[at]);
    case ADD_ABS:
        INTO(acc, acc[at] + fabs(x[i]));
    case ADD_SQUARE:
        INTO(acc, acc[at] + x[i] * x[i]);
    case ADD_EXP:
        INTO(acc, acc[at] + exp(x[i] - shift[at]));
    }
}

/* Unsigned arithmetic for both signs, where the bits are the same. */
static void step_u64(enum step step, uint64_t *acc, const uint64_t *x, int64_t n, bool columns)
{
    switch (step) {
    case MULTIPLY:
        INTO(acc, acc[at] * x[i]);
    case GREATEST:
        INTO(acc, x[i] > acc[at] ? x[i] : acc[at]);
    case LEAST:
        INTO(acc, x[i] < acc[at] ? x[i] : acc[at]);
    case ADD_SQUARE:
        INTO(acc, acc[at] + x[i] * x[i]);
    default:
        INTO(acc, acc[at] + x[i]);
    }
}

static void step_i64(enum step step, int64_t *acc, const int64_t *x, int64_t n, bool columns)
{
    uint64_t *sum = (uint64_t *)acc;

    switch (step) {
    case GREATEST:
        INTO(acc, x[i] > acc[at] ? x[i] : acc[at]);
    case LEAST:
        INTO(acc, x[i] < acc[at] ? x[i] : acc[at]);
    case ADD_ABS:
        INTO(sum, sum[at] + (x[i] < 0 ? 0 - (uint64_t)x[i] : (uint64_t)x[i]));
    default:
        step_u64(step, sum, (const uint64_t *)x, n, columns);
    }
}

/* The type a reduction is computed in: FLOAT64, INT64 or UINT64. */
static enum qn_dtype common_of(enum kind kind, enum qn_dtype dtype)
{
    if (qn_dtype_is_float(dtype) || kind == L2 || kind == LOG_SUM || kind == LOG_SUM_EXP)
        return QN_DOUBLE;
    return qn_dtypes_have(QN_SIGNED, dtype) ? QN_INT64 : QN_UINT64;
}

/* What an accumulator holds before the first element. */
static void start(enum step step, enum qn_dtype dtype, enum qn_dtype common, union accumulators *acc, int64_t n)
{
    int bits = dtype == QN_BOOL ? 1 : qn_dtype_bits(dtype);

    for (int64_t i = 0; i < n; i++) {
        if (common == QN_DOUBLE)
            acc->f64[i] = step == GREATEST ? -INFINITY : step == LEAST ? INFINITY : step == MULTIPLY;
        else if (common == QN_INT64)
            acc->i64[i] = step == GREATEST ? INT64_MIN >> (64 - bits)
                          : step == LEAST  ? INT64_MAX >> (64 - bits)
                                           : step == MULTIPLY;
        else
            acc->u64[i] = step == LEAST ? UINT64_MAX >> (64 - bits) : step == MULTIPLY;
    }
}

/* From accumulators to results, in place. shift: as above. */
static void finish(enum kind kind, enum qn_dtype common, union accumulators *acc, const double *shift, int64_t n,
                   int64_t count)
{
    for (int64_t i = 0; i < n; i++) {
        double *value = &acc->f64[i];

        if (kind == MEAN && common == QN_DOUBLE)
            *value /= (double)count;
        else if (kind == MEAN && common == QN_INT64)
            acc->i64[i] = count ? acc->i64[i] / count : 0;
        else if (kind == MEAN)
            acc->u64[i] = count ? acc->u64[i] / (uint64_t)count : 0;
        else if (kind == L2)
            *value = sqrt(*value);
        else if (kind == LOG_SUM)
            *value = log(*value);
        else if (kind == LOG_SUM_EXP)
            *value = isinf(shift[i]) ? shift[i] : shift[i] + log(*value);
    }
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

struct job;

/* Takes a run of n inputs at x into acc[0..n) (columns) or acc[0] (rows); acc and shift as for the step functions. */
typedef void take_fn(const struct job *j, enum step step, void *acc, const double *shift, const char *x, int64_t n);

struct job {
    enum kind kind;
    struct layout l;
    enum qn_dtype dtype, common;
    const char *x;
    char *y;
    take_fn *take;
    int64_t n_outer, n_inner; /* outputs: n_inner at a time lie in one run that is cut into blocks */
    int64_t block;
};

/* One pass of a step over all that makes the output, or row of n outputs, whose first input lies at x. */
static void take_all(const struct job *j, enum step step, void *acc, const double *shift, const char *x, int64_t n)
{
    size_t size = qn_dtype_bytes(j->dtype);
    struct walk walk;

    if (j->l.n_reduced > 0)
        walk_to(&j->l.reduced, 0, &walk);
    for (int64_t r = 0; r < j->l.n_reduced; r++) {
        j->take(j, step, acc, shift, x + (size_t)walk.offset * size, n);
        walk_on(&j->l.reduced, &walk);
    }
}

/* The same for outputs [at, at + n) of run `outer`. */
static void pass(const struct job *j, enum step step, union accumulators *acc, const double *shift, int64_t outer,
                 int64_t at, int64_t n)
{
    size_t size = qn_dtype_bytes(j->dtype);
    struct walk walk;

    start(step, j->dtype, j->common, acc, n);
    walk_to(&j->l.kept, j->l.columns ? outer : at, &walk);
    if (j->l.columns) {
        take_all(j, step, acc, shift, j->x + (size_t)(walk.offset + at) * size, n);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        take_all(j, step, &acc->u64[i], shift + i, j->x + (size_t)walk.offset * size, j->l.inner);
        walk_on(&j->l.kept, &walk);
    }
}

static void reduce_block(const struct job *j, int64_t outer, int64_t at, int64_t n)
{
    char *y = j->y + (size_t)(outer * j->n_inner + at) * qn_dtype_bytes(j->dtype);
    union accumulators acc, shift = {.f64 = {0}};

    if (j->kind == LOG_SUM_EXP)
        pass(j, GREATEST, &shift, shift.f64, outer, at, n);
    pass(j, step_of(j->kind), &acc, shift.f64, outer, at, n);
    finish(j->kind, j->common, &acc, shift.f64, n, j->l.count);
    qn_convert(j->common, &acc, j->dtype, y, n, (struct qn_convert_options){.saturate = true});
}

static void reduce_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t n_blocks = (j->n_inner + j->block - 1) / j->block, begin, end;

    qn_pool_slice(j->n_outer * n_blocks, 1, part, n_parts, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t at = unit % n_blocks * j->block;

        reduce_block(j, unit / n_blocks, at, j->n_inner - at < j->block ? j->n_inner - at : j->block);
    }
}

/* Outputs at a time: as many as the accumulators hold, fewer when threads would stay idle. Changes no result. */
static void cut(struct job *j, int n_parts)
{
    int64_t least = j->l.columns ? 16 : 1, even;

    j->n_outer = j->l.columns ? j->l.n_kept : 1;
    j->n_inner = j->l.columns ? j->l.inner : j->l.n_kept;
    even = j->n_outer * j->n_inner / (2 * n_parts);
    j->block = even < least ? least : even < BLOCK ? even : BLOCK;
}

static enum qn_status read_axes(const struct qn_call *call, uint32_t *mask)
{
    const struct qn_tensor *x = qn_in(call, 0), *axes = qn_in(call, 1);

    *mask = 0;
    if (!axes || qn_tensor_count(axes) == 0) {
        *mask = default_mask(call->params, x->rank);
        return QN_OK;
    }
    for (int64_t i = 0; i < qn_tensor_count(axes); i++) {
        int64_t axis = qn_tensor_int(axes, i);

        QN_CHECK(axis >= -x->rank && axis < x->rank, call->err, SHAPE, "axis %lld is outside a tensor of rank %d",
                 (long long)axis, x->rank);
        *mask |= 1u << (axis < 0 ? axis + x->rank : axis);
    }
    return QN_OK;
}

static enum qn_status run(const struct qn_call *call, take_fn *take, int cost)
{
    const struct reduce *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct job j = {.kind = p->kind,
                    .dtype = x->dtype,
                    .common = common_of(p->kind, x->dtype),
                    .x = x->data,
                    .y = qn_out(call, 0)->data,
                    .take = take};
    int n_parts = qn_broadcast_parts(call->pool, qn_tensor_count(x), cost);
    uint32_t mask;

    QN_TRY(read_axes(call, &mask));
    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    make_layout(x, mask, &j.l);
    cut(&j, n_parts);
    qn_pool_run(call->pool, n_parts, reduce_part, &j);
    return QN_OK;
}

/* Converts blocks of elements to the common type, then steps. */
static void take_any(const struct job *j, enum step step, void *acc, const double *shift, const char *x, int64_t n)
{
    size_t size = qn_dtype_bytes(j->dtype);
    bool columns = j->l.columns;
    union accumulators block;

    /* Columns are no more than one block. */
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;

        qn_convert(j->dtype, x + (size_t)done * size, j->common, &block, m, (struct qn_convert_options){0});
        if (j->common == QN_DOUBLE)
            step_f64(step, acc, shift, block.f64, m, columns);
        else if (j->common == QN_INT64)
            step_i64(step, acc, block.i64, m, columns);
        else
            step_u64(step, acc, block.u64, m, columns);
    }
}

static enum qn_status reduce_ref(const struct qn_call *call) { return run(call, take_any, 4); }

/* ---- float32 -------------------------------------------------------------------------------------------------- */

/* A row into as many outputs, or a short one into one. */
static void take_plain(enum step step, double *acc, const double *shift, const float *x, int64_t n, bool columns)
{
    switch (step) {
    case ADD:
        INTO(acc, acc[at] + (double)x[i]);
    case MULTIPLY:
        INTO(acc, acc[at] * (double)x[i]);
    case GREATEST:
        INTO(acc, (double)x[i] > acc[at] || isnan(x[i]) ? (double)x[i] : acc[at]);
    case LEAST:
        INTO(acc, (double)x[i] < acc[at] || isnan(x[i]) ? (double)x[i] : acc[at]);
    case ADD_ABS:
        INTO(acc, acc[at] + (double)fabsf(x[i]));
    case ADD_SQUARE:
        INTO(acc, acc[at] + (double)x[i] * (double)x[i]);
    case ADD_EXP:
        INTO(acc, acc[at] + (double)expf(x[i] - (float)shift[at]));
    }
}

/* Below this length a row is not worth a call into the kernel table. */
enum { SHORT_ROW = 16 };

/* exp(x - shift) by blocks through the kernel table. */
static double sum_exp(const float *x, float shift, int64_t n)
{
    const struct qn_kern *kern = qn_kern();
    float e[BLOCK];
    double sum = 0;

    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;

        kern->vs[QN_SUB](e, x + done, shift, (size_t)m);
        kern->exp(e, e, (size_t)m);
        sum += (double)kern->sum(e, (size_t)m);
    }
    return sum;
}

/* A contiguous run into one output. */
static void take_row(enum step step, double *acc, const double *shift, const float *x, int64_t n)
{
    const struct qn_kern *kern = qn_kern();
    size_t size = (size_t)n;
    double value;

    switch (step) {
    case ADD:
        *acc += (double)kern->sum(x, size);
        return;
    case ADD_ABS:
        *acc += (double)kern->sum_abs(x, size);
        return;
    case ADD_SQUARE:
        *acc += (double)kern->sum_sq(x, size);
        return;
    case ADD_EXP:
        *acc += sum_exp(x, (float)*shift, n);
        return;
    case GREATEST:
        value = (double)kern->max(x, size);
        *acc = value > *acc || isnan(value) ? value : *acc;
        return;
    case LEAST:
        value = (double)kern->min(x, size);
        *acc = value < *acc || isnan(value) ? value : *acc;
        return;
    case MULTIPLY:
        for (int64_t i = 0; i < n; i++)
            *acc *= (double)x[i];
    }
}

static void take_f32(const struct job *j, enum step step, void *acc, const double *shift, const char *x, int64_t n)
{
    if (j->l.columns || n < SHORT_ROW)
        take_plain(step, acc, shift, (const float *)x, n, j->l.columns);
    else
        take_row(step, acc, shift, (const float *)x, n);
}

static enum qn_status reduce_f32(const struct qn_call *call) { return run(call, take_f32, 1); }

static const struct qn_kernel kernels[] = {
    {.name = "reduce_f32", .accept = qn_accept_f32, .run = reduce_f32},
    {.name = "reduce_ref", .accept = qn_accept_whole_bytes, .run = reduce_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define KEEPDIMS   QN_BOOL_ATTR(reduce, keepdims, 1)
#define AXES_ATTRS QN_ATTRS(KEEPDIMS, QN_INPUT_ATTR("axes", INTS, 1))
#define AXES_INPUT QN_ATTRS(KEEPDIMS, QN_BOOL_ATTR(reduce, noop_with_empty_axes, 0))

#define ROW(op, first, last, which, type_set, attr_list, level)                                                        \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("data", 'T', type_set), QN_OPT("axes", 0, QN_BIT(INT64))),                              \
        .out = QN_FORMALS(QN_OUT("reduced", 'T', type_set)), .attrs = attr_list, QN_PRESET(reduce, .kind = (which)),   \
        .infer = infer, .kernels = kernels, .tolerance = (level)                                                       \
    }

#define INTS_32  (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))
#define TYPES_1  (QN_FLOATS_STD | INTS_32)
#define TYPES_13 (QN_FLOATS | INTS_32)
#define BYTES    (QN_BIT(INT8) | QN_BIT(UINT8))

#define ROWS(op, which)                                                                                                \
    ROW(op, 1, 12, which, TYPES_1, AXES_ATTRS, QN_ROUNDING),                                                           \
        ROW(op, 13, 17, which, TYPES_13, AXES_ATTRS, QN_ROUNDING),                                                     \
        ROW(op, 18, 27, which, TYPES_13, AXES_INPUT, QN_ROUNDING)
#define EXTREME_ROWS(op, which)                                                                                        \
    ROW(op, 1, 11, which, TYPES_1, AXES_ATTRS, QN_EXACT),                                                              \
        ROW(op, 12, 12, which, TYPES_1 | BYTES, AXES_ATTRS, QN_EXACT),                                                 \
        ROW(op, 13, 17, which, TYPES_13 | BYTES, AXES_ATTRS, QN_EXACT),                                                \
        ROW(op, 18, 19, which, TYPES_13 | BYTES, AXES_INPUT, QN_EXACT),                                                \
        ROW(op, 20, 27, which, TYPES_13 | BYTES | QN_BIT(BOOL), AXES_INPUT, QN_EXACT)

const struct qn_op qn_ops_reduce[] = {
    ROW("ReduceSum", 1, 12, SUM, TYPES_1, AXES_ATTRS, QN_ROUNDING),
    ROW("ReduceSum", 13, 27, SUM, TYPES_13, AXES_INPUT, QN_ROUNDING),
    ROWS("ReduceMean", MEAN),
    EXTREME_ROWS("ReduceMax", MAX),
    EXTREME_ROWS("ReduceMin", MIN),
    ROWS("ReduceProd", PROD),
    ROWS("ReduceL1", L1),
    ROWS("ReduceL2", L2),
    ROWS("ReduceLogSum", LOG_SUM),
    ROWS("ReduceLogSumExp", LOG_SUM_EXP),
    ROWS("ReduceSumSquare", SUM_SQUARE),
    {.name = NULL},
};
