/* qlinear.c: MatMulInteger and QLinearMatMul: products of matrices of uint8 or int8 less their zero points, shapes as
 * numpy.matmul. Sums are exact in 32 bits and wrap beyond. QLinearMatMul scales them by (a_scale * b_scale) / y_scale
 * in float32, rounds half to even, adds the zero point and saturates; scales and zero points are one for the tensor, or
 * one for each row of A and each column of B, y's are one. With float8 among the types everything is added up in
 * float64. Not here: convolutions (qlinear_conv.c). */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/product.h"
#include "ops/quantized.h"
#include "tensor/convert.h"

/* Where the inputs are; 0 where the operator has none (A's place is always 0). */
struct places {
    int a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero;
};
static const struct places integer_places = {.b = 1, .a_zero = 2, .b_zero = 3};
static const struct places linear_places = {1, 2, 3, 4, 5, 6, 7};

struct qlinear {
    const struct places *at;
};

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* A scale or zero point: one element, or a vector of the rows (of B: columns), or shaped as the matrices with 1 for the
 * axis that is added over. */
static enum qn_status check_parameter(struct qn_infer *in, int i, const struct qn_shape *matrix, bool by_column)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char p_text[QN_SHAPE_TEXT], m_text[QN_SHAPE_TEXT];
    const struct qn_shape *shape = fact ? &fact->shape : NULL;
    struct qn_shape want = *matrix, both;

    if (!shape || qn_quant_is_one(shape) || matrix->rank < 0)
        return QN_OK;
    if (shape->rank == 1 && matrix->rank > 1)
        want = qn_shape_1d(matrix->dims[matrix->rank - (by_column ? 1 : 2)]);
    else if (matrix->rank > 0)
        want.dims[matrix->rank > 1 && by_column ? matrix->rank - 2 : matrix->rank - 1] = 1;
    QN_CHECK(qn_shape_merge(shape, &want, &both), in->err, SHAPE, "%s of shape %s does not fit the %s of %s",
             in->node->op->in[i].name, qn_shape_text(shape, p_text), by_column ? "columns" : "rows",
             qn_shape_text(matrix, m_text));
    return QN_OK;
}

static enum qn_status check_one(struct qn_infer *in, int i)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(!fact || qn_quant_is_one(&fact->shape), in->err, SHAPE, "%s of shape %s is not one element",
             in->node->op->in[i].name, qn_shape_text(&fact->shape, text));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct places *at = ((const struct qlinear *)params)->at;
    const struct qn_shape *a = &in->in[0]->shape, *b = &in->in[at->b]->shape;
    struct qn_shape y;

    QN_TRY(qn_product_shape(a, b, &y, in->err));
    QN_TRY(check_parameter(in, at->a_scale, a, false));
    QN_TRY(check_parameter(in, at->a_zero, a, false));
    QN_TRY(check_parameter(in, at->b_scale, b, true));
    QN_TRY(check_parameter(in, at->b_zero, b, true));
    QN_TRY(check_one(in, at->y_scale));
    QN_TRY(check_one(in, at->y_zero));
    return qn_infer_out(in, 0, at->y_zero ? in->in[at->y_zero]->dtype : QN_INT32, &y);
}

/* ---- What a call is about ------------------------------------------------------------------------------------- */

struct job {
    struct qn_product product;
    int64_t stride; /* of rows of widened operands */
    const struct qn_tensor *a, *b;
    struct qn_tensor *y;
    struct qn_quant a_zero, b_zero, a_scale, b_scale;
    float y_scale;
    int32_t y_zero;
    int64_t a_first, b_first, y_first; /* rows of A, columns of B, elements of y before this product */
    const int16_t *columns;            /* of B, widened */
    int16_t *rows, *room;              /* of A, widened: all, or room for a few of each part */
    bool by_rows;                      /* parts share the rows, else the columns */
};

static struct qn_quant quant_of(const struct qn_call *call, int i)
{
    return qn_quant_of(i > 0 ? qn_in(call, i) : NULL);
}

static struct job job_of(const struct qn_call *call)
{
    const struct places *at = ((const struct qlinear *)call->params)->at;
    const struct qn_tensor *a = qn_in(call, 0), *b = qn_in(call, at->b);
    struct qn_shape a_shape = qn_tensor_shape(a), b_shape = qn_tensor_shape(b);
    struct job j = {.a = a, .b = b, .y = qn_out(call, 0)};

    qn_product_init(&j.product, &a_shape, &b_shape);
    qn_product_flatten(&j.product);
    j.stride = qn_dots_stride(j.product.k);
    j.a_zero = quant_of(call, at->a_zero);
    j.b_zero = quant_of(call, at->b_zero);
    if (at->y_zero) {
        j.a_scale = quant_of(call, at->a_scale);
        j.b_scale = quant_of(call, at->b_scale);
        j.y_scale = (float)qn_tensor_double(qn_in(call, at->y_scale), 0);
        j.y_zero = (int32_t)qn_tensor_int(qn_in(call, at->y_zero), 0);
    }
    return j;
}

static float scale_of(const struct job *j, int64_t row, int64_t column)
{
    return qn_quant_scale(&j->a_scale, j->a_first + row) * qn_quant_scale(&j->b_scale, j->b_first + column) /
           j->y_scale;
}

/* ---- Reference: any types, every element by itself ------------------------------------------------------------ */

static double value_at(const struct qn_tensor *x, int64_t i, const struct qn_quant *zero, int64_t row)
{
    return qn_tensor_double(x, i) - (zero->tensor ? qn_tensor_double(zero->tensor, row % zero->n) : 0);
}

static void store(const struct job *j, int64_t i, double sum, float scale, double zero)
{
    int32_t whole = qn_dtype_is_integer(j->y->dtype) && fabs(sum) < 0x1p62 ? (int32_t)(uint32_t)(int64_t)sum : 0;
    float y = (float)sum * scale + (float)zero;

    if (j->y->dtype == QN_INT32)
        ((int32_t *)j->y->data)[i] = whole;
    else if (qn_dtypes_have(QN_FLOAT8S, j->y->dtype))
        qn_convert(QN_FLOAT, &y, j->y->dtype, (char *)j->y->data + i, 1, (struct qn_convert_options){.saturate = true});
    else if (qn_dtypes_have(QN_FLOAT8S, j->a->dtype) || qn_dtypes_have(QN_FLOAT8S, j->b->dtype))
        qn_tensor_set_double(j->y, i, rint((float)sum * scale) + zero);
    else
        qn_quant_narrow((char *)j->y->data + i, j->y->dtype, &whole, &scale, 0, (int32_t)zero, 1);
}

static void product_ref(const struct job *j, int64_t ia, int64_t ib, double y_zero)
{
    const struct qn_product *p = &j->product;

    for (int64_t r = 0; r < p->m; r++)
        for (int64_t c = 0; c < p->n; c++) {
            double sum = 0;

            for (int64_t x = 0; x < p->k; x++)
                sum += value_at(j->a, (ia * p->m + r) * p->k + x, &j->a_zero, j->a_first + r) *
                       value_at(j->b, (ib * p->k + x) * p->n + c, &j->b_zero, j->b_first + c);
            store(j, j->y_first + r * p->n + c, sum, j->a_scale.tensor ? scale_of(j, r, c) : 1, y_zero);
        }
}

static enum qn_status matmul_ref(const struct qn_call *call)
{
    const struct places *at = ((const struct qlinear *)call->params)->at;
    struct job j = job_of(call);

    for (int64_t i = 0; i < j.product.batch; i++) {
        int64_t ia, ib;

        qn_product_at(&j.product, i, &ia, &ib);
        j.a_first = ia * j.product.m;
        j.b_first = ib * j.product.n;
        j.y_first = i * j.product.m * j.product.n;
        product_ref(&j, ia, ib, at->y_zero ? qn_tensor_double(qn_in(call, at->y_zero), 0) : 0);
    }
    return QN_OK;
}

/* ---- uint8 and int8 ------------------------------------------------------------------------------------------- */

/* Tiles of y: so many rows of A stay in the first cache, and columns of B in the second. */
enum { ROWS = 16, COLUMNS = 64 };

static const char *accept_bytes(const struct qn_site *site)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;

    for (int i = 0; i <= at->b; i += at->b)
        if (site->in[i]->dtype != QN_UINT8 && site->in[i]->dtype != QN_INT8)
            return "not of bytes";
    return qn_dtypes_have(QN_FLOAT8S, site->out[0]->dtype) ? "to float8" : NULL;
}

static bool b_is_constant(const struct qn_site *site)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;
    const struct qn_fact *zero = at->b_zero < site->n_in ? site->in[at->b_zero] : NULL;

    return site->in[at->b]->konst && (!zero || zero->konst);
}

/* Columns [begin, end) of a matrix of B, [k][n], as rows. */
static void widen_columns(int16_t *dst, const struct qn_tensor *b, int64_t matrix, int64_t k, int64_t n,
                          const struct qn_quant *zero, int64_t begin, int64_t end)
{
    const char *src = (const char *)b->data + matrix * k * n;
    int64_t stride = qn_dots_stride(k);

    qn_quant_widen_turned(dst + begin * stride, stride, b->dtype, src + begin, n,
                          zero->n == 1 ? qn_quant_zero(zero, 0) : 0, k, end - begin);
    for (int64_t c = begin; c < end; c++) {
        int16_t z = (int16_t)(zero->n == 1 ? 0 : qn_quant_zero(zero, matrix * n + c));

        for (int64_t x = 0; x < k && z != 0; x++)
            dst[c * stride + x] = (int16_t)(dst[c * stride + x] - z);
        memset(dst + c * stride + k, 0, (size_t)(stride - k) * sizeof(*dst));
    }
}

static bool room_for(int64_t rows, int64_t stride, size_t *bytes)
{
    return qn_mul((size_t)rows, sizeof(int16_t), bytes) && qn_mul(*bytes, (size_t)stride, bytes);
}

/* Every matrix of B. */
static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;
    const struct qn_tensor *b = site->in[at->b]->konst;
    int64_t k, n, n_matrices;
    struct qn_quant zero;
    int16_t *made;
    size_t bytes;

    if (!b_is_constant(site))
        return QN_OK;
    k = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    n_matrices = qn_tensor_span(b, 0, b->rank > 2 ? b->rank - 2 : 0);
    zero = qn_quant_of(at->b_zero < site->n_in && site->in[at->b_zero] ? site->in[at->b_zero]->konst : NULL);
    QN_CHECK(room_for(n, qn_dots_stride(k), &bytes), err, LIMIT, "B is too large");
    made = qn_arena_array(arena, (size_t)n_matrices, bytes);
    QN_CHECK_MEM(made, err);
    for (int64_t i = 0; i < n_matrices; i++)
        widen_columns(made + i * n * qn_dots_stride(k), b, i, k, n, &zero, 0, n);
    *packed = made;
    return QN_OK;
}

/* Rows of A at once in the workspace: all of them when they are few, else some for each part. */
static int64_t rows_held(const struct qn_product *p, int threads)
{
    return p->m < (int64_t)ROWS * threads ? p->m : (int64_t)ROWS * threads;
}

static size_t workspace(const struct qn_site *site)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;
    struct qn_product p;
    size_t rows, columns = 0;

    qn_product_init(&p, &site->in[0]->shape, &site->in[at->b]->shape);
    qn_product_flatten(&p);
    if (!room_for(rows_held(&p, site->threads), qn_dots_stride(p.k), &rows) ||
        (!b_is_constant(site) && !room_for(p.n, qn_dots_stride(p.k), &columns)) || !qn_add(rows, columns, &rows))
        return SIZE_MAX;
    return rows;
}

static void widen_rows(const struct job *j, int16_t *dst, int64_t begin, int64_t end)
{
    int64_t k = j->product.k;

    for (int64_t r = begin; r < end; r++, dst += j->stride) {
        qn_quant_widen(dst, j->a->dtype, (const char *)j->a->data + (j->a_first + r) * k, 1,
                       qn_quant_zero(&j->a_zero, j->a_first + r), k);
        memset(dst + k, 0, (size_t)(j->stride - k) * sizeof(*dst));
    }
}

/* Sums of one row of a tile to y. */
static void finish(const struct job *j, const int32_t *sums, int64_t row, int64_t column, int64_t n)
{
    char *dst = (char *)j->y->data + (size_t)(j->y_first + row * j->product.n + column) * qn_dtype_bytes(j->y->dtype);
    float scale[COLUMNS], a_scale;
    int64_t b_first, step = j->b_scale.n == 1 ? 0 : 1;

    if (j->y->dtype == QN_INT32) {
        memcpy(dst, sums, (size_t)n * sizeof(*sums));
        return;
    }
    a_scale = qn_quant_scale(&j->a_scale, j->a_first + row);
    b_first = step ? (j->b_first + column) % j->b_scale.n : 0;
    for (int64_t i = 0; i < (step ? n : 1); i++)
        scale[i] = a_scale * qn_quant_scale_at(&j->b_scale, b_first + i) / j->y_scale;
    qn_quant_narrow(dst, j->y->dtype, sums, scale, step, j->y_zero, n);
}

/* Rows [r, r + m) of A, which lie widened at `rows`, by columns [c, end). */
static void multiply(const struct job *j, const int16_t *rows, int64_t r, int64_t m, int64_t c, int64_t end)
{
    int32_t sums[ROWS * COLUMNS];

    for (; c < end; c += COLUMNS) {
        int64_t n = end - c < COLUMNS ? end - c : COLUMNS;

        qn_dots(m, n, j->stride, rows, j->columns + c * j->stride, sums, COLUMNS);
        for (int64_t i = 0; i < m; i++)
            finish(j, sums + i * COLUMNS, r + i, c, n);
    }
}

static void multiply_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int16_t *rows = j->rows + (j->by_rows ? part * ROWS * j->stride : 0);
    int64_t begin, end, m;

    qn_pool_slice(j->by_rows ? j->product.m : j->product.n, j->by_rows ? 2 : 4, part, n_parts, &begin, &end);
    if (j->by_rows) {
        for (int64_t r = begin; r < end; r += m) {
            m = end - r < ROWS ? end - r : ROWS;
            widen_rows(j, rows, r, r + m);
            multiply(j, rows, r, m, 0, j->product.n);
        }
        return;
    }
    for (int64_t r = 0; r < j->product.m && begin < end; r += m) {
        m = j->product.m - r < ROWS ? j->product.m - r : ROWS;
        multiply(j, rows + r * j->stride, r, m, begin, end);
    }
}

static void widen_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end, n = j->product.n;

    qn_pool_slice(n, COLUMNS, part, n_parts, &begin, &end);
    if (begin < end)
        widen_columns(j->room, j->b, j->b_first / n, j->product.k, n, &j->b_zero, begin, end);
}

static int parts_of(const struct qn_call *call, int64_t work)
{
    int parts = qn_broadcast_parts(call->pool, work, 1);

    return parts < call->threads ? parts : call->threads;
}

static enum qn_status matmul_bytes(const struct qn_call *call)
{
    struct job j = job_of(call);
    const struct qn_product *p = &j.product;
    int64_t matrix = p->n * j.stride, last = -1;
    int parts = parts_of(call, (int64_t)fmin((double)p->m * (double)p->n * (double)p->k / 8, 0x1p40));

    if (qn_tensor_count(j.y) == 0)
        return QN_OK;
    j.rows = call->workspace;
    j.room = j.rows + rows_held(p, call->threads) * j.stride;
    j.by_rows = p->m >= (int64_t)ROWS * call->threads;
    for (int64_t i = 0; i < p->batch; i++) {
        int64_t ia, ib;

        qn_product_at(p, i, &ia, &ib);
        j.a_first = ia * p->m;
        j.b_first = ib * p->n;
        j.y_first = i * p->m * p->n;
        j.columns = call->packed ? (const int16_t *)call->packed + ib * matrix : j.room;
        if (!call->packed && ib != last)
            qn_pool_run(call->pool, parts_of(call, p->k * p->n / 2), widen_part, &j);
        last = ib;
        if (!j.by_rows)
            widen_rows(&j, j.rows, 0, p->m);
        qn_pool_run(call->pool, parts, multiply_part, &j);
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "matmul_bytes", .accept = accept_bytes, .prepare = prepare, .workspace = workspace, .run = matmul_bytes},
    {.name = "matmul_quantised_ref", .run = matmul_ref},
    {.name = NULL},
};

static double flops(const struct qn_site *site)
{
    struct qn_product p;

    qn_product_init(&p, &site->in[0]->shape, &site->in[((const struct qlinear *)site->params)->at->b]->shape);
    return 2.0 * (double)p.batch * (double)p.m * (double)p.n * (double)p.k;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BYTES   (QN_BIT(UINT8) | QN_BIT(INT8))
#define BYTES_8 (BYTES | QN_FLOAT8S)
#define SCALES  (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))

/* s: the group of scales; version 10 has float32 alone. */
#define LINEAR(first, last, s, scales, types)                                                                          \
    {                                                                                                                  \
        .name = "QLinearMatMul", .domain = "", .since = (first), .until = (last),                                      \
        .in = QN_FORMALS(QN_IN("a", '1', types), QN_IN("a_scale", s, scales), QN_IN("a_zero_point", '1', types),       \
                         QN_IN("b", '2', types), QN_IN("b_scale", s, scales), QN_IN("b_zero_point", '2', types),       \
                         QN_IN("y_scale", s, scales), QN_IN("y_zero_point", '3', types)),                              \
        .out = QN_FORMALS(QN_OUT("y", '3', types)), QN_PRESET(qlinear, .at = &linear_places), .infer = infer,          \
        .kernels = kernels, .tolerance = QN_ROUNDING, .flops = flops                                                   \
    }

const struct qn_op qn_ops_qlinear[] = {
    {.name = "MatMulInteger",
     .domain = "",
     .since = 10,
     .until = 27,
     .in = QN_FORMALS(QN_IN("A", '1', BYTES), QN_IN("B", '2', BYTES), QN_OPT("a_zero_point", '1', BYTES),
                      QN_OPT("b_zero_point", '2', BYTES)),
     .out = QN_FORMALS(QN_OUT("Y", '3', QN_BIT(INT32))),
     QN_PRESET(qlinear, .at = &integer_places),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT,
     .flops = flops},
    LINEAR(10, 20, 0, QN_BIT(FLOAT), BYTES),
    LINEAR(21, 27, 'S', SCALES, BYTES_8),
    {.name = NULL},
};
