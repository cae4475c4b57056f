/* qlinear_matmul.c: MatMulInteger, QLinearMatMul: numpy.matmul of 8-bit integers less their zero points, sums in int32
 * that wrap; the second scales the sums by a_scale * b_scale / y_scale, rounds half to even, adds y's zero point and
 * saturates. Scales and zero points are one for all, one per row of a (column of b), or one per row (column) of every
 * matrix; those of y one for all. float8 operands (QLinearMatMul-21) are multiplied in float64. Not here: quantising
 * itself (quantize.c), the loops (iproduct.c). */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/iproduct.h"
#include "ops/product.h"
#include "tensor/convert.h"

/* Inputs of both; SKIP: not there. */
struct layout {
    int a, b, a_scale, b_scale, a_zero, b_zero, y_scale, y_zero;
};
enum { SKIP = -1 };
static const struct layout integer_layout = {0, 1, SKIP, SKIP, 2, 3, SKIP, SKIP};
static const struct layout qlinear_layout = {0, 3, 1, 4, 2, 5, 6, 7};

struct qmatmul {
    const struct layout *in;
};

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* Whether there is one value for all, one per line of `lines`, or one per line of all n_matrices. */
static enum qn_status check_lines(struct qn_infer *in, int i, int64_t lines, int64_t n_matrices, const char *what)
{
    const struct qn_fact *fact = i == SKIP ? NULL : qn_infer_in(in, i);
    char text[QN_SHAPE_TEXT];
    int64_t n, all;

    if (!fact || fact->shape.rank < 0 || !qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &n) || n == 1 ||
        !qn_dim_known(lines))
        return QN_OK;
    QN_CHECK(n == lines || !qn_dim_known(n_matrices) || (qn_mul64(lines, n_matrices, &all) && n == all), in->err, SHAPE,
             "input %d of shape %s is neither one value nor one for each of %lld %s", i,
             qn_shape_text(&fact->shape, text), (long long)lines, what);
    return QN_OK;
}

/* Rows (or columns) of an operand's matrices, and how many matrices; unknown where the shape is. */
static void lines_of(const struct qn_shape *shape, bool columns, int64_t *lines, int64_t *n_matrices)
{
    *lines = *n_matrices = QN_DIM_UNKNOWN;
    if (shape->rank < 0)
        return;
    *lines = shape->rank < 2 ? 1 : shape->dims[shape->rank - (columns ? 1 : 2)];
    if (!qn_dims_count(shape->dims, 0, shape->rank > 2 ? shape->rank - 2 : 0, n_matrices))
        *n_matrices = QN_DIM_UNKNOWN;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct layout *l = ((const struct qmatmul *)params)->in;
    int64_t lines, n_matrices;
    struct qn_shape y;

    QN_TRY(qn_product_shape(&in->in[l->a]->shape, &in->in[l->b]->shape, &y, in->err));
    lines_of(&in->in[l->a]->shape, false, &lines, &n_matrices);
    QN_TRY(check_lines(in, l->a_zero, lines, n_matrices, "rows of a"));
    QN_TRY(check_lines(in, l->a_scale, lines, n_matrices, "rows of a"));
    lines_of(&in->in[l->b]->shape, true, &lines, &n_matrices);
    QN_TRY(check_lines(in, l->b_zero, lines, n_matrices, "columns of b"));
    QN_TRY(check_lines(in, l->b_scale, lines, n_matrices, "columns of b"));
    QN_TRY(check_lines(in, l->y_scale, 1, 1, "outputs"));
    QN_TRY(check_lines(in, l->y_zero, 1, 1, "outputs"));
    return qn_infer_out(in, 0, l->y_zero == SKIP ? QN_INT32 : in->in[l->y_zero]->dtype, &y);
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static const struct qn_tensor *input(const struct qn_call *call, int i) { return i == SKIP ? NULL : qn_in(call, i); }

/* Where the value for line `line` of matrix `matrix` stands, of n values. */
static int64_t line_at(int64_t n, int64_t lines, int64_t matrix, int64_t line)
{
    return n == 1 ? 0 : n == lines ? line : matrix * lines + line;
}

static double line_value(const struct qn_tensor *tensor, int64_t lines, int64_t matrix, int64_t line, double otherwise)
{
    return tensor ? qn_tensor_double(tensor, line_at(qn_tensor_count(tensor), lines, matrix, line)) : otherwise;
}

/* One element: where its row of a and column of b stand. */
struct element {
    int64_t ia, ib, i, j;
};

/* Sum of products less zero points; of integers as int32. */
static double sum_of(const struct qn_call *call, const struct qn_product *p, const struct element *e)
{
    const struct layout *l = ((const struct qmatmul *)call->params)->in;
    const struct qn_tensor *a = input(call, l->a), *b = input(call, l->b);
    double za = line_value(input(call, l->a_zero), p->m, e->ia, e->i, 0);
    double zb = line_value(input(call, l->b_zero), p->n, e->ib, e->j, 0), sum = 0;
    bool whole = qn_dtype_is_integer(a->dtype) && qn_dtype_is_integer(b->dtype);
    uint32_t bits = 0;

    for (int64_t x = 0; x < p->k; x++) {
        double product = (qn_tensor_double(a, (e->ia * p->m + e->i) * p->k + x) - za) *
                         (qn_tensor_double(b, (e->ib * p->k + x) * p->n + e->j) - zb);

        if (whole)
            bits += (uint32_t)(int32_t)product;
        else
            sum += product;
    }
    return whole ? (double)(int32_t)bits : sum;
}

static void store(const struct qn_call *call, const struct qn_product *p, const struct element *e, int64_t at,
                  double sum)
{
    const struct layout *l = ((const struct qmatmul *)call->params)->in;
    struct qn_tensor *y = qn_out(call, 0);
    float x, zero;

    if (l->y_scale == SKIP) {
        qn_tensor_set_double(y, at, sum);
        return;
    }
    x = (float)sum * qn_combine_scales(input(call, l->a_scale)->dtype,
                                       (float)line_value(input(call, l->a_scale), p->m, e->ia, e->i, 1),
                                       (float)line_value(input(call, l->b_scale), p->n, e->ib, e->j, 1),
                                       (float)qn_tensor_double(input(call, l->y_scale), 0));
    zero = (float)qn_tensor_double(input(call, l->y_zero), 0);
    if (qn_dtype_is_integer(y->dtype))
        qn_tensor_set_double(y, at, (double)((isnan(x) ? 0 : nearbyintf(x)) + zero));
    else
        ((uint8_t *)y->data)[at] = qn_float_to_narrow(y->dtype, zero != 0 ? x + zero : x, true, 'n');
}

static struct qn_product product_of_call(const struct qn_call *call)
{
    const struct layout *l = ((const struct qmatmul *)call->params)->in;
    struct qn_shape a = qn_tensor_shape(input(call, l->a)), b = qn_tensor_shape(input(call, l->b));
    struct qn_product product;

    qn_product_init(&product, &a, &b);
    return product;
}

static enum qn_status qmatmul_ref(const struct qn_call *call)
{
    const struct qn_product p = product_of_call(call);
    struct element e;

    for (int64_t at = 0; at < p.batch * p.m * p.n; at++) {
        qn_product_at(&p, at / (p.m * p.n), &e.ia, &e.ib);
        e.i = at / p.n % p.m;
        e.j = at % p.n;
        store(call, &p, &e, at, sum_of(call, &p, &e));
        if (e.j == 0)
            QN_TRY(qn_call_poll(call));
    }
    return QN_OK;
}

/* ---- 8-bit integers ------------------------------------------------------------------------------------------- */

/* A piece of work: rows and columns of one product. */
enum { PIECE_ROWS = 32, PIECE_COLUMNS = 256 };

static const char *accept_bytes(const struct qn_site *site)
{
    const struct layout *l = ((const struct qmatmul *)site->params)->in;
    const qn_dtypes bytes = QN_BIT(INT8) | QN_BIT(UINT8);

    if (!qn_dtypes_have(bytes, site->in[l->a]->dtype) || !qn_dtypes_have(bytes, site->in[l->b]->dtype) ||
        (l->y_zero != SKIP && !qn_dtypes_have(bytes, site->in[l->y_zero]->dtype)))
        return "not 8-bit integers";
    return NULL;
}

/* All matrices of b, widened. */
static void widen_b(const struct qn_tensor *b, const struct qn_tensor *zero, int64_t k, int64_t n, int16_t *dst)
{
    int64_t n_matrices = k > 0 && n > 0 ? qn_tensor_count(b) / (k * n) : 0, n_zeros = zero ? qn_tensor_count(zero) : 1;

    if (n_zeros == 1) {
        qn_widen_bytes(b->dtype, b->data, n_matrices * k * n, qn_byte_at(zero, 0), dst);
        return;
    }
    for (int64_t row = 0; row < n_matrices * k; row++)
        for (int64_t j = 0; j < n; j++)
            dst[row * n + j] =
                (int16_t)(qn_byte_at(b, row * n + j) - qn_byte_at(zero, line_at(n_zeros, n, row / k, j)));
}

/* b and its zero points, when both are constant; else NULL. */
static const struct qn_tensor *constant_b(const struct qn_site *site, const struct qn_tensor **zero)
{
    const struct layout *l = ((const struct qmatmul *)site->params)->in;
    const struct qn_fact *fact = l->b_zero < site->n_in ? site->in[l->b_zero] : NULL;

    *zero = fact ? fact->konst : NULL;
    return fact && !fact->konst ? NULL : site->in[l->b]->konst;
}

static bool b_bytes(const struct qn_shape *b, size_t *bytes)
{
    int64_t n;

    return qn_dims_count(b->dims, 0, b->rank, &n) && qn_mul((size_t)n, sizeof(int16_t), bytes);
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct qn_tensor *zero, *b = constant_b(site, &zero);
    struct qn_shape shape;
    int16_t *made;
    size_t bytes;

    *packed = NULL;
    if (!b)
        return QN_OK;
    shape = qn_tensor_shape(b);
    QN_CHECK(b_bytes(&shape, &bytes), err, LIMIT, "b is too large");
    made = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(made, err);
    widen_b(b, zero, b->dims[b->rank > 1 ? b->rank - 2 : 0], b->rank > 1 ? b->dims[b->rank - 1] : 1, made);
    *packed = made;
    return QN_OK;
}

/* Of one thread: widened rows of a, then sums. */
static bool room_bytes(int64_t k, size_t *rows, size_t *room)
{
    if (!qn_mul((size_t)k, PIECE_ROWS * sizeof(int16_t), rows) || !qn_add(*rows, 63, rows))
        return false;
    *rows &= ~(size_t)63;
    return qn_add(*rows, (size_t)PIECE_ROWS * PIECE_COLUMNS * sizeof(int32_t), room);
}

static size_t workspace(const struct qn_site *site)
{
    const struct layout *l = ((const struct qmatmul *)site->params)->in;
    const struct qn_shape *a = &site->in[l->a]->shape;
    const struct qn_tensor *zero;
    size_t rows, room, bytes, widened = 0;

    if (!room_bytes(a->dims[a->rank - 1], &rows, &room) || !qn_mul(room, (size_t)site->threads, &bytes) ||
        (!constant_b(site, &zero) && !b_bytes(&site->in[l->b]->shape, &widened)) || !qn_add(bytes, widened, &bytes))
        return SIZE_MAX;
    return bytes;
}

struct job {
    const struct qn_call *call;
    const struct layout *in;
    struct qn_product p;
    const int16_t *b;
    char *room;
    size_t rows_bytes, room_bytes;
    int64_t row_pieces, column_pieces; /* of one product */
};

static void widen_rows(const struct job *job, int64_t ia, int64_t first, int64_t n, int16_t *dst)
{
    const struct qn_tensor *a = input(job->call, job->in->a), *zero = input(job->call, job->in->a_zero);
    int64_t k = job->p.k, n_zeros = zero ? qn_tensor_count(zero) : 1;

    for (int64_t i = first; i < first + n; i++)
        qn_widen_bytes(a->dtype, (const char *)a->data + (ia * job->p.m + i) * k, k,
                       qn_byte_at(zero, line_at(n_zeros, job->p.m, ia, i)), dst + (i - first) * k);
}

/* Row e->i of a piece, columns from e->j on, becomes output. */
static void finish_row(const struct job *job, const struct element *e, const int32_t *sums, int64_t n, int64_t at)
{
    const struct layout *l = job->in;
    const struct qn_tensor *b_scale = input(job->call, l->b_scale), *zero = input(job->call, l->y_zero);
    float scales[PIECE_COLUMNS], a_scale, y_scale;
    int64_t n_scales, n_own;

    if (l->y_scale == SKIP) {
        memcpy((int32_t *)qn_out(job->call, 0)->data + at, sums, (size_t)n * sizeof(*sums));
        return;
    }
    n_scales = qn_tensor_count(b_scale);
    n_own = n_scales == 1 ? 1 : n;
    a_scale = (float)line_value(input(job->call, l->a_scale), job->p.m, e->ia, e->i, 1);
    y_scale = (float)qn_tensor_double(input(job->call, l->y_scale), 0);
    for (int64_t j = 0; j < n_own; j++)
        scales[j] =
            qn_combine_scales(b_scale->dtype, a_scale,
                              (float)qn_tensor_double(b_scale, line_at(n_scales, job->p.n, e->ib, e->j + j)), y_scale);
    qn_requantize(sums, n, scales, n_scales > 1, zero->dtype, qn_byte_at(zero, 0),
                  (char *)qn_out(job->call, 0)->data + at);
}

static void run_piece(const struct job *job, int64_t index, char *room)
{
    const struct qn_product *p = &job->p;
    int64_t column = index % job->column_pieces * PIECE_COLUMNS;
    int64_t row = index / job->column_pieces % job->row_pieces * PIECE_ROWS;
    int64_t product = index / job->column_pieces / job->row_pieces;
    int64_t n_rows = p->m - row < PIECE_ROWS ? p->m - row : PIECE_ROWS;
    int64_t n = p->n - column < PIECE_COLUMNS ? p->n - column : PIECE_COLUMNS;
    int16_t *a = (int16_t *)(void *)room;
    int32_t *sums = (int32_t *)(void *)(room + job->rows_bytes);
    struct element e = {.j = column};

    qn_product_at(p, product, &e.ia, &e.ib);
    widen_rows(job, e.ia, row, n_rows, a);
    qn_iproduct(n_rows, n, p->k, a, p->k, job->b + e.ib * p->k * p->n + column, p->n, sums, PIECE_COLUMNS);
    for (int64_t i = 0; i < n_rows; i++) {
        e.i = row + i;
        finish_row(job, &e, sums + i * PIECE_COLUMNS, n, (product * p->m + e.i) * p->n + column);
    }
}

static void pieces_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->p.batch * job->row_pieces * job->column_pieces, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_piece(job, i, job->room + (size_t)part * job->room_bytes);
}

static enum qn_status qmatmul_bytes(const struct qn_call *call)
{
    struct job job = {.call = call,
                      .in = ((const struct qmatmul *)call->params)->in,
                      .p = product_of_call(call),
                      .b = call->packed,
                      .room = call->workspace};
    double work = (double)job.p.batch * (double)job.p.m * (double)job.p.n * (double)job.p.k;
    int parts = qn_pool_threads(call->pool);

    if (!room_bytes(job.p.k, &job.rows_bytes, &job.room_bytes))
        QN_FAIL(call->err, LIMIT, "a is too large");
    if (!job.b) {
        int16_t *b = (int16_t *)(void *)(job.room + (size_t)call->threads * job.room_bytes);

        widen_b(input(call, job.in->b), input(call, job.in->b_zero), job.p.k, job.p.n, b);
        job.b = b;
    }
    job.row_pieces = (job.p.m + PIECE_ROWS - 1) / PIECE_ROWS;
    job.column_pieces = (job.p.n + PIECE_COLUMNS - 1) / PIECE_COLUMNS;
    parts = work < 100000 ? 1 : parts < call->threads ? parts : call->threads;
    qn_pool_run(call->pool, parts, pieces_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "qmatmul_bytes", .accept = accept_bytes, .prepare = prepare, .workspace = workspace, .run = qmatmul_bytes},
    {.name = "qmatmul_ref", .run = qmatmul_ref},
    {.name = NULL},
};

static double flops(const struct qn_site *site)
{
    const struct layout *l = ((const struct qmatmul *)site->params)->in;
    struct qn_product p;

    qn_product_init(&p, &site->in[l->a]->shape, &site->in[l->b]->shape);
    return 2.0 * (double)p.batch * (double)p.m * (double)p.n * (double)p.k;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BYTES  (QN_BIT(INT8) | QN_BIT(UINT8))
#define SCALES (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))
#define COMMON(which)                                                                                                  \
    QN_PRESET(qmatmul, .in = &(which)), .infer = infer, .kernels = kernels, .tolerance = QN_EXACT, .flops = flops

#define QLINEAR(first, last, value_types, scale_types)                                                                 \
    {                                                                                                                  \
        .name = "QLinearMatMul", .domain = "", .since = (first), .until = (last),                                      \
        .in = QN_FORMALS(QN_IN("a", '1', value_types), QN_IN("a_scale", 'S', scale_types),                             \
                         QN_IN("a_zero_point", '1', value_types), QN_IN("b", '2', value_types),                        \
                         QN_IN("b_scale", 'S', scale_types), QN_IN("b_zero_point", '2', value_types),                  \
                         QN_IN("y_scale", 'S', scale_types), QN_IN("y_zero_point", '3', value_types)),                 \
        .out = QN_FORMALS(QN_OUT("y", '3', value_types)), COMMON(qlinear_layout),                                      \
    }

const struct qn_op qn_ops_qlinear_matmul[] = {
    {
        .name = "MatMulInteger",
        .domain = "",
        .since = 10,
        .until = 27,
        .in = QN_FORMALS(QN_IN("A", '1', BYTES), QN_IN("B", '2', BYTES), QN_OPT("a_zero_point", '1', BYTES),
                         QN_OPT("b_zero_point", '2', BYTES)),
        .out = QN_FORMALS(QN_OUT("Y", '3', QN_BIT(INT32))),
        COMMON(integer_layout),
    },
    QLINEAR(10, 20, BYTES, QN_BIT(FLOAT)),
    QLINEAR(21, 27, BYTES | QN_FLOAT8S, SCALES),
    {.name = NULL},
};
