/* topk.c: TopK. Equal values: the lower index first; NaN is larger than everything. `sorted` 0 leaves the order open,
 * so it is always the sorted one. Each row keeps a heap of the k best indices, its worst on top, in the place of the
 * output. */
#include <math.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

struct topk {
    int64_t axis;
    bool largest, sorted;
};

static enum qn_status check_k(const struct qn_arg *k, int64_t n, struct qn_err *err)
{
    QN_CHECK(k->n == 1, err, SHAPE, "k must be one number, not %d", k->n);
    QN_CHECK(k->v[0] >= 0 && (!qn_dim_known(n) || k->v[0] <= n), err, RANGE, "k is %lld, the axis has %lld elements",
             (long long)k->v[0], (long long)n);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y = in->in[0]->shape;
    struct qn_arg k;
    bool known;
    int axis;

    QN_TRY(qn_arg_infer(in, 1, "k", &k, &known));
    if (y.rank >= 0) {
        QN_TRY(qn_infer_axis(in, ((const struct topk *)params)->axis, y.rank, &axis));
        if (known)
            QN_TRY(check_k(&k, y.dims[axis], in->err));
        y.dims[axis] = known ? k.v[0] : QN_DIM_UNKNOWN;
    }
    QN_TRY(qn_infer_out(in, 0, in->in[0]->dtype, &y));
    return qn_infer_out(in, 1, QN_INT64, &y);
}

/* x [outer, n, inner], values and indices [outer, k, inner]. */
struct job {
    const void *x;
    void *values; /* NULL: not wanted */
    int64_t *indices;
    int64_t outer, n, k, inner;
    bool largest;
};

/* One row: elements are `inner` apart. */
typedef void row_fn(const struct job *job, int64_t x_at, int64_t y_at);

/* Whether a comes before b, by value alone. */
#define BEFORE_INT(a, b)   (largest ? (a) > (b) : (a) < (b))
#define BEFORE_FLOAT(a, b) (largest ? (a) > (b) || (isnan(a) && !isnan(b)) : (a) < (b) || (isnan(b) && !isnan(a)))

#define TOPK(name, type, BEFORE)                                                                                       \
    static inline bool before_##name(const type *x, int64_t step, int64_t a, int64_t b, bool largest)                  \
    {                                                                                                                  \
        type va = x[a * step], vb = x[b * step];                                                                       \
                                                                                                                       \
        return BEFORE(va, vb) || (a < b && !(BEFORE(vb, va)));                                                         \
    }                                                                                                                  \
                                                                                                                       \
    /* Lets the element at `at` sink in a heap of n whose parents come after their children. */                        \
    static void sink_##name(const type *x, int64_t *heap, int64_t step, int64_t n, int64_t at, bool largest)           \
    {                                                                                                                  \
        int64_t moving = heap[at * step];                                                                              \
                                                                                                                       \
        for (int64_t child; (child = 2 * at + 1) < n; at = child) {                                                    \
            if (child + 1 < n && before_##name(x, step, heap[child * step], heap[(child + 1) * step], largest))        \
                child++;                                                                                               \
            if (!before_##name(x, step, moving, heap[child * step], largest))                                          \
                break;                                                                                                 \
            heap[at * step] = heap[child * step];                                                                      \
        }                                                                                                              \
        heap[at * step] = moving;                                                                                      \
    }                                                                                                                  \
                                                                                                                       \
    static void row_##name(const struct job *job, int64_t x_at, int64_t y_at)                                          \
    {                                                                                                                  \
        const type *x = (const type *)job->x + x_at;                                                                   \
        int64_t *heap = job->indices + y_at, step = job->inner, k = job->k;                                            \
        bool largest = job->largest;                                                                                   \
                                                                                                                       \
        for (int64_t i = 0; i < k; i++)                                                                                \
            heap[i * step] = i;                                                                                        \
        for (int64_t i = k / 2 - 1; i >= 0; i--)                                                                       \
            sink_##name(x, heap, step, k, i, largest);                                                                 \
        for (int64_t i = k; i < job->n && k > 0; i++) {                                                                \
            type v = x[i * step], worst = x[heap[0] * step];                                                           \
                                                                                                                       \
            if (BEFORE(v, worst)) {                                                                                    \
                heap[0] = i;                                                                                           \
                sink_##name(x, heap, step, k, 0, largest);                                                             \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t end = k - 1; end > 0; end--) {                                                                    \
            int64_t worst = heap[0];                                                                                   \
                                                                                                                       \
            heap[0] = heap[end * step];                                                                                \
            heap[end * step] = worst;                                                                                  \
            sink_##name(x, heap, step, end, 0, largest);                                                               \
        }                                                                                                              \
        for (int64_t i = 0; i < k && job->values; i++)                                                                 \
            ((type *)job->values)[y_at + i * step] = x[heap[i * step] * step];                                         \
    }

TOPK(i8, int8_t, BEFORE_INT)
TOPK(i16, int16_t, BEFORE_INT)
TOPK(i32, int32_t, BEFORE_INT)
TOPK(i64, int64_t, BEFORE_INT)
TOPK(u8, uint8_t, BEFORE_INT)
TOPK(u16, uint16_t, BEFORE_INT)
TOPK(u32, uint32_t, BEFORE_INT)
TOPK(u64, uint64_t, BEFORE_INT)
TOPK(f32, float, BEFORE_FLOAT)
TOPK(f64, double, BEFORE_FLOAT)

static row_fn *const rows[QN_N_DTYPE] = {
    [QN_INT8] = row_i8,  [QN_INT16] = row_i16,  [QN_INT32] = row_i32,  [QN_INT64] = row_i64,  [QN_FLOAT] = row_f32,
    [QN_UINT8] = row_u8, [QN_UINT16] = row_u16, [QN_UINT32] = row_u32, [QN_UINT64] = row_u64, [QN_DOUBLE] = row_f64,
};

struct parts {
    const struct job *job;
    row_fn *row;
};

static void rows_part(void *arg, int part, int n_parts)
{
    const struct parts *p = arg;
    const struct job *job = p->job;
    int64_t begin, end;

    qn_pool_slice(job->outer * job->inner, 1, part, n_parts, &begin, &end);
    for (int64_t r = begin; r < end; r++) {
        int64_t o = r / job->inner, i = r % job->inner;

        p->row(job, o * job->n * job->inner + i, o * job->k * job->inner + i);
    }
}

static enum qn_status topk_heap(const struct qn_call *call)
{
    const struct topk *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    struct job job = {.x = x->data,
                      .values = qn_out(call, 0) ? qn_out(call, 0)->data : NULL,
                      .indices = qn_out(call, 1) ? qn_out(call, 1)->data : call->workspace,
                      .outer = qn_tensor_span(x, 0, axis),
                      .n = x->dims[axis],
                      .inner = qn_tensor_span(x, axis + 1, x->rank),
                      .largest = p->largest};
    struct parts parts = {&job, rows[x->dtype]};
    struct qn_shape y = qn_tensor_shape(x);
    struct qn_arg k;

    QN_TRY(qn_arg_read(qn_in(call, 1), "k", &k, call->err));
    QN_TRY(check_k(&k, job.n, call->err));
    job.k = y.dims[axis] = k.v[0];
    QN_TRY(qn_arg_check_out(call, 0, &y));
    QN_TRY(qn_arg_check_out(call, 1, &y));
    if (job.k > 0)
        qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(x)), rows_part, &parts);
    return QN_OK;
}

/* Where the indices go when nobody wants them. */
static size_t workspace(const struct qn_site *site)
{
    int64_t n;
    size_t bytes;

    if ((site->n_out > 1 && site->out[1]) || !site->out[0])
        return 0;
    if (!qn_dims_count(site->out[0]->shape.dims, 0, site->out[0]->shape.rank, &n))
        return SIZE_MAX;
    return qn_mul((size_t)n, sizeof(int64_t), &bytes) ? bytes : SIZE_MAX;
}

static const struct qn_kernel kernels[] = {
    {.name = "topk_heap", .accept = qn_accept_not_narrow, .workspace = workspace, .run = topk_heap},
    {.name = NULL},
};

#define ROW(first, last, types, ...)                                                                                   \
    {                                                                                                                  \
        .name = "TopK", .domain = "", .since = (first), .until = (last),                                               \
        .in = QN_FORMALS(QN_IN("X", 'T', types), QN_IN("K", 0, QN_BIT(INT64))),                                        \
        .out = QN_FORMALS(QN_OUT("Values", 'T', types), QN_OUT("Indices", 0, QN_BIT(INT64))),                          \
        .attrs = QN_ATTRS(QN_INT_ATTR(topk, axis, -1), __VA_ARGS__), QN_PRESET(topk, .largest = true, .sorted = true), \
        .infer = infer, .kernels = kernels                                                                             \
    }
#define ORDER QN_BOOL_ATTR(topk, largest, 1), QN_BOOL_ATTR(topk, sorted, 1)

const struct qn_op qn_ops_topk[] = {
    ROW(1, 9, QN_FLOATS_STD, {.name = "k", .form = QN_FORM_INPUT, .kind = QN_ATTR_INT, .input = 1, .as_1d = true}),
    {.name = "TopK",
     .domain = "",
     .since = 10,
     .until = 10,
     .in = QN_FORMALS(QN_IN("X", 'T', QN_FLOATS_STD), QN_IN("K", 0, QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("Values", 'T', QN_FLOATS_STD), QN_OUT("Indices", 0, QN_BIT(INT64))),
     .attrs = QN_ATTRS(QN_INT_ATTR(topk, axis, -1)),
     QN_PRESET(topk, .largest = true, .sorted = true),
     .infer = infer,
     .kernels = kernels},
    ROW(11, 23, QN_FLOATS_STD | QN_INTS, ORDER),
    ROW(24, 27, QN_FLOATS | QN_INTS, ORDER),
    {.name = NULL},
};
