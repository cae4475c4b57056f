/* cumsum.c: CumSum, CumProd along one axis, which is an input; exclusive ones start from 0 or 1, reversed ones from the
 * end. Floats run in double and every element is rounded once; integers wrap. */
#include "ops/broadcast.h"

struct cumulate {
    bool product;
    bool exclusive, reverse;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *shape = &in->in[1]->shape;
    char text[QN_SHAPE_TEXT];
    struct qn_ints list;
    bool one = true;
    int axis;

    for (int i = 0; i < shape->rank; i++)
        one = one && (!qn_dim_known(shape->dims[i]) || shape->dims[i] == 1);
    QN_CHECK(one, in->err, SHAPE, "axis must be one number, not of shape %s", qn_shape_text(shape, text));
    if (in->in[0]->shape.rank >= 0 && qn_infer_ints(in, 1, &list))
        QN_TRY(qn_infer_axis(in, list.v[0], in->in[0]->shape.rank, &axis));
    return qn_infer_same(in, params);
}

/* The tensor as [outer, n, inner]; columns are cut into blocks. */
enum { BLOCK = 256 };

struct job {
    const struct cumulate *p;
    const char *x;
    char *y;
    int64_t outer, n, inner, n_blocks;
    size_t size;
    void (*columns)(const struct job *j, const void *x, void *y, int64_t width);
};

/* `width` neighbouring columns that begin at x. An element is read before its place is written, for work in place. */
#define COLUMNS(suffix, type, sum_type)                                                                                \
    static void column_##suffix(const struct job *j, const type *x, type *y, int64_t by)                               \
    {                                                                                                                  \
        const bool product = j->p->product, exclusive = j->p->exclusive;                                               \
        sum_type sum = product;                                                                                        \
                                                                                                                       \
        for (int64_t k = 0; k < j->n; k++) {                                                                           \
            sum_type before = sum;                                                                                     \
                                                                                                                       \
            sum = product ? before * x[k * by] : before + x[k * by];                                                   \
            y[k * by] = (type)(exclusive ? before : sum);                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    static void columns_##suffix(const struct job *j, const void *from, void *to, int64_t width)                       \
    {                                                                                                                  \
        const int64_t first = j->p->reverse ? (j->n - 1) * j->inner : 0, by = j->p->reverse ? -j->inner : j->inner;    \
        const bool product = j->p->product, exclusive = j->p->exclusive;                                               \
        const type *x = (const type *)from + first;                                                                    \
        type *y = (type *)to + first;                                                                                  \
        sum_type sums[BLOCK];                                                                                          \
                                                                                                                       \
        if (width == 1) {                                                                                              \
            column_##suffix(j, x, y, by);                                                                              \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t i = 0; i < width; i++)                                                                            \
            sums[i] = product;                                                                                         \
        for (int64_t k = 0; k < j->n; k++, x += by, y += by) {                                                         \
            for (int64_t i = 0; i < width; i++) {                                                                      \
                sum_type before = sums[i];                                                                             \
                                                                                                                       \
                sums[i] = product ? before * x[i] : before + x[i];                                                     \
                y[i] = (type)(exclusive ? before : sums[i]);                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }
COLUMNS(u32, uint32_t, uint32_t)
COLUMNS(u64, uint64_t, uint64_t)
COLUMNS(f32, float, double)
COLUMNS(f64, double, double)

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(j->outer * j->n_blocks, 1, part, n_parts, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t o = unit / j->n_blocks, at = unit % j->n_blocks * BLOCK;
        size_t offset = (size_t)(o * j->n * j->inner + at) * j->size;

        j->columns(j, j->x + offset, j->y + offset, j->inner - at < BLOCK ? j->inner - at : BLOCK);
    }
}

static enum qn_status cumulate_ref(const struct qn_call *call)
{
    static void (*const by_type[QN_N_DTYPE])(const struct job *, const void *, void *, int64_t) = {
        QN_ROWS_FLOATS(columns), [QN_UINT32] = columns_u32, [QN_INT32] = columns_u32, [QN_UINT64] = columns_u64,
        [QN_INT64] = columns_u64};
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t axis = qn_tensor_int(qn_in(call, 1), 0);
    struct job j = {.p = call->params,
                    .x = x->data,
                    .y = qn_out(call, 0)->data,
                    .size = qn_dtype_bytes(x->dtype),
                    .columns = by_type[x->dtype]};

    QN_CHECK(axis >= -x->rank && axis < x->rank, call->err, RANGE, "axis %lld is outside a tensor of rank %d",
             (long long)axis, x->rank);
    axis += axis < 0 ? x->rank : 0;
    j.outer = qn_tensor_span(x, 0, (int)axis);
    j.n = x->dims[axis];
    j.inner = qn_tensor_span(x, (int)axis + 1, x->rank);
    j.n_blocks = (j.inner + BLOCK - 1) / BLOCK;
    if (qn_tensor_count(x) > 0)
        qn_pool_run(call->pool, qn_broadcast_parts(call->pool, qn_tensor_count(x), 1), run_part, &j);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "cumulate_ref", .accept = qn_accept_not_narrow, .run = cumulate_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs[] = {
    QN_BOOL_ATTR(cumulate, exclusive, 0), QN_BOOL_ATTR(cumulate, reverse, 0), {.name = NULL}};

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))

#define ROW(op, first, last, is_product, type_set)                                                                     \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("x", 'T', type_set), QN_IN("axis", '2', QN_BIT(INT32) | QN_BIT(INT64))),                \
        .out = QN_FORMALS(QN_OUT("y", 'T', type_set)), .attrs = attrs, QN_PRESET(cumulate, .product = (is_product)),   \
        .infer = infer, .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = QN_ROUNDING                         \
    }

const struct qn_op qn_ops_cumsum[] = {
    ROW("CumSum", 11, 13, false, QN_BIT(FLOAT) | QN_BIT(DOUBLE) | INTS_32),
    ROW("CumSum", 14, 27, false, QN_FLOATS | INTS_32),
    ROW("CumProd", 26, 27, true, QN_FLOATS | INTS_32),
    {.name = NULL},
};
