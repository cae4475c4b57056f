/* compress.c: Compress, NonZero: outputs as long as the data says. Both count first, place the output, then fill it. */
#include "ops/args.h"
#include "ops/move.h"

/* ---- Compress ------------------------------------------------------------------------------------------------- */

#define NO_AXIS INT32_MIN /* the input counts as flat */

struct compress {
    int64_t axis;
};

static enum qn_status infer_compress(struct qn_infer *in, const void *params)
{
    const struct compress *p = params;
    const struct qn_shape *x = &in->in[0]->shape, *condition = &in->in[1]->shape;
    struct qn_shape y = p->axis == NO_AXIS ? qn_shape_1d(QN_DIM_UNKNOWN) : *x;
    int axis;

    QN_CHECK(condition->rank < 0 || condition->rank == 1, in->err, SHAPE, "condition must be a list, not of rank %d",
             condition->rank);
    if (p->axis != NO_AXIS && y.rank >= 0) {
        QN_TRY(qn_infer_axis(in, p->axis, y.rank, &axis));
        y.dims[axis] = QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status compress_ref(const struct qn_call *call)
{
    const struct compress *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *condition = qn_in(call, 1);
    bool flat = p->axis == NO_AXIS;
    int axis = flat ? 0 : (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t outer = flat ? 1 : qn_tensor_span(x, 0, axis), bound = flat ? qn_tensor_count(x) : x->dims[axis];
    int64_t n = qn_tensor_count(condition), n_taken = 0, inner = flat ? 1 : qn_tensor_span(x, axis + 1, x->rank);
    size_t run = (size_t)inner * qn_dtype_bytes(x->dtype);
    struct qn_shape y = flat ? qn_shape_1d(0) : qn_tensor_shape(x);
    const uint8_t *take = condition->data;
    char *out;

    QN_CHECK(n <= bound, call->err, SHAPE, "condition has %lld entries for %lld", (long long)n, (long long)bound);
    for (int64_t i = 0; i < n; i++)
        n_taken += take[i] != 0;
    y.dims[axis] = n_taken;
    QN_TRY(qn_call_place(call, 0, x->dtype, y.rank, y.dims));
    out = qn_out(call, 0)->data;
    for (int64_t o = 0; o < outer && n_taken > 0 && run > 0; o++) {
        for (int64_t i = 0; i < n; i++) {
            if (!take[i])
                continue;
            qn_copy_run(out, (const char *)x->data + (size_t)(o * bound + i) * run, run);
            out += run;
        }
    }
    return QN_OK;
}

static const struct qn_kernel compress_kernels[] = {
    {.name = "compress_ref", .accept = qn_accept_whole_bytes, .run = compress_ref},
    {.name = NULL},
};

/* ---- NonZero -------------------------------------------------------------------------------------------------- */

static enum qn_status infer_non_zero(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = {.rank = 2, .dims = {x->rank < 0 ? QN_DIM_UNKNOWN : x->rank, QN_DIM_UNKNOWN}};

    (void)params;
    return qn_infer_out(in, 0, QN_INT64, &y);
}

/* Counts the elements of a row that are not zero and, when `at` is given, lists their places. */
typedef int64_t find_fn(const void *row, int64_t n, int64_t *at);

/* "test" says of x, an element, whether it is set: neither zero of either sign, nor false, nor empty; NaN is set. */
#define FIND(name, type, test)                                                                                         \
    static int64_t name(const void *row, int64_t n, int64_t *at)                                                       \
    {                                                                                                                  \
        int64_t n_found = 0;                                                                                           \
                                                                                                                       \
        for (int64_t i = 0; i < n && !at; i++) {                                                                       \
            type x = ((const type *)row)[i];                                                                           \
                                                                                                                       \
            n_found += (test);                                                                                         \
        }                                                                                                              \
        for (int64_t i = 0; i < n && at; i++) {                                                                        \
            type x = ((const type *)row)[i];                                                                           \
                                                                                                                       \
            if (test)                                                                                                  \
                at[n_found++] = i;                                                                                     \
        }                                                                                                              \
        return n_found;                                                                                                \
    }

struct complex64 {
    float re, im;
};
struct complex128 {
    double re, im;
};
FIND(find_8, uint8_t, x != 0)
FIND(find_16, uint16_t, x != 0)
FIND(find_32, uint32_t, x != 0)
FIND(find_64, uint64_t, x != 0)
FIND(find_f16, uint16_t, (x & 0x7fff) != 0)
FIND(find_f32, float, x != 0)
FIND(find_f64, double, x != 0)
FIND(find_c64, struct complex64, x.re != 0 || x.im != 0)
FIND(find_c128, struct complex128, x.re != 0 || x.im != 0)
FIND(find_str, struct qn_str, x.n != 0)

static find_fn *const finders[QN_N_DTYPE] = {
    [QN_INT8] = find_8,     [QN_UINT8] = find_8,       [QN_BOOL] = find_8,          [QN_INT16] = find_16,
    [QN_UINT16] = find_16,  [QN_INT32] = find_32,      [QN_UINT32] = find_32,       [QN_INT64] = find_64,
    [QN_UINT64] = find_64,  [QN_FLOAT16] = find_f16,   [QN_BFLOAT16] = find_f16,    [QN_FLOAT] = find_f32,
    [QN_DOUBLE] = find_f64, [QN_COMPLEX64] = find_c64, [QN_COMPLEX128] = find_c128, [QN_STRING] = find_str,
};

/* Writes the coordinates of a row's n elements, found at places `out` of the last axis, into the columns of the output.
 */
static void write_outer(int rank, const int64_t *coordinates, int64_t *out, int64_t n, int64_t step)
{
    for (int a = 0; a < rank - 1; a++)
        for (int64_t i = 0; i < n; i++)
            out[(a - (rank - 1)) * step + i] = coordinates[a];
}

static enum qn_status non_zero_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t n_row = x->rank ? x->dims[x->rank - 1] : 1, n_rows = x->rank ? qn_tensor_span(x, 0, x->rank - 1) : 1;
    int64_t n = finders[x->dtype](x->data, n_row * n_rows, NULL), at[QN_MAX_RANK] = {0}, *out;
    const char *row = x->data;

    QN_TRY(qn_call_place(call, 0, QN_INT64, 2, (int64_t[]){x->rank, n}));
    if (x->rank == 0 || n == 0)
        return QN_OK;
    out = (int64_t *)qn_out(call, 0)->data + (x->rank - 1) * n;
    for (int64_t r = 0; r < n_rows; r++, row += (size_t)n_row * qn_dtype_bytes(x->dtype)) {
        int64_t n_found = finders[x->dtype](row, n_row, out);

        write_outer(x->rank, at, out, n_found, n);
        out += n_found;
        for (int a = x->rank - 2; a >= 0 && ++at[a] == x->dims[a]; a--)
            at[a] = 0;
    }
    return QN_OK;
}

static const struct qn_kernel non_zero_kernels[] = {
    {.name = "non_zero_ref", .run = non_zero_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COMPRESS(first, last)                                                                                          \
    {                                                                                                                  \
        .name = "Compress", .domain = "", .since = (first), .until = (last),                                           \
        .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR3), QN_IN("condition", 0, QN_BIT(BOOL))),                        \
        .out = QN_FORMALS(QN_OUT("output", 'T', QN_ALL_IR3)), .attrs = QN_ATTRS(QN_INT_ATTR(compress, axis, NO_AXIS)), \
        QN_PARAMS(compress), .flags = QN_DATA_DEPENDENT, .infer = infer_compress, .kernels = compress_kernels          \
    }
#define NON_ZERO(first, last, types)                                                                                   \
    {                                                                                                                  \
        .name = "NonZero", .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", 'T', types)),  \
        .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(INT64))), .flags = QN_DATA_DEPENDENT, .infer = infer_non_zero,         \
        .kernels = non_zero_kernels                                                                                    \
    }

const struct qn_op qn_ops_compress[] = {
    COMPRESS(9, 27),
    NON_ZERO(9, 12, QN_ALL_IR3),
    NON_ZERO(13, 27, QN_ALL_IR4),
    {.name = NULL},
};
