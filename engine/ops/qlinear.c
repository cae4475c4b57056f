/* qlinear.c: MatMulInteger and QLinearMatMul: products of matrices of uint8 or int8 less their zero points, shapes as
 * numpy.matmul. Sums are exact in 32 bits and wrap beyond. QLinearMatMul scales them by (a_scale * b_scale) / y_scale
 * in float32, rounds half to even, adds the zero point and saturates; scales and zero points are one for the tensor, or
 * one for each row of A and each column of B, y's are one. quern:QLinearMatMul adds a bias for each column, of scale
 * a_scale * b_scale, to the sums. With float8 among the types everything is added up in float64. Not here: convolutions
 * (qlinear_conv.c). */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/broadcast.h"
#include "ops/product.h"
#include "ops/quantized.h"
#include "tensor/convert.h"

/* Where the inputs are; 0 where the operator has none (A's place is always 0). */
struct places {
    int a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
};
static const struct places integer_places = {.b = 1, .a_zero = 2, .b_zero = 3};
static const struct places linear_places = {1, 2, 3, 4, 5, 6, 7, 0};
static const struct places bias_places = {1, 2, 3, 4, 5, 6, 7, 8};

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

/* One value for each column. */
static enum qn_status check_bias(struct qn_infer *in, int i, const struct qn_shape *y)
{
    const struct qn_fact *fact = i > 0 ? qn_infer_in(in, i) : NULL;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(!fact || y->rank < 1 ||
                 (fact->shape.rank == 1 &&
                  (fact->shape.dims[0] == y->dims[y->rank - 1] || !qn_dim_known(y->dims[y->rank - 1]))),
             in->err, SHAPE, "a bias of shape %s is not one value for each column", qn_shape_text(&fact->shape, text));
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
    QN_TRY(qn_quant_check_one(in, at->y_scale));
    QN_TRY(qn_quant_check_one(in, at->y_zero));
    QN_TRY(check_bias(in, at->bias, &y));
    return qn_infer_out(in, 0, at->y_zero ? in->in[at->y_zero]->dtype : QN_INT32, &y);
}

/* ---- What a call is about ------------------------------------------------------------------------------------- */

/* A matrix of B, packed: sums of its columns, which are rounded up to panels, then the panels. */
struct packing {
    int64_t n_panels, words;
    size_t panels, total;
};

struct job {
    struct qn_product product;
    int64_t words;
    const struct qn_tensor *a, *b, *bias;
    struct qn_tensor *y;
    struct qn_quant a_zero, b_zero, a_scale, b_scale;
    float y_scale;
    int32_t y_zero;
    int64_t a_first, b_first, y_first; /* rows of A, columns of B, elements of y before this product */
    struct packing packing;
    const char *columns; /* of B, packed */
    char *room;          /* for them */
    int32_t *column_add, *column_mul;
    float *scale;      /* of columns, or one */
    int32_t *row_sums; /* of A, packed: all rows, or room for a few of each part */
    char *rows;
    bool by_rows; /* parts share the rows, else the columns */
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
    j.words = qn_bytes_words(j.product.k, qn_bytes_depth());
    j.a_zero = quant_of(call, at->a_zero);
    j.b_zero = quant_of(call, at->b_zero);
    j.bias = at->bias ? qn_in(call, at->bias) : NULL;
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

static uint32_t bias_of(const struct job *j, int64_t column)
{
    return j->bias ? ((const uint32_t *)j->bias->data)[column] : 0;
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

    if (qn_dtypes_have(QN_FLOAT8S, j->y->dtype))
        qn_convert(QN_FLOAT, &y, j->y->dtype, (char *)j->y->data + i, 1, (struct qn_convert_options){.saturate = true});
    else if (qn_dtypes_have(QN_FLOAT8S, j->a->dtype) || qn_dtypes_have(QN_FLOAT8S, j->b->dtype))
        qn_tensor_set_double(j->y, i, rint((float)sum * scale) + zero);
    else
        qn_quant_store(j->y, i, whole, scale, (int32_t)zero);
}

static void product_ref(const struct job *j, int64_t ia, int64_t ib, double y_zero)
{
    const struct qn_product *p = &j->product;

    for (int64_t r = 0; r < p->m; r++)
        for (int64_t c = 0; c < p->n; c++) {
            double sum = (int32_t)bias_of(j, c);

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

static const struct qn_fact *input_of(const struct qn_site *site, int i)
{
    return i > 0 && i < site->n_in ? site->in[i] : NULL;
}

static const char *accept_bytes(const struct qn_site *site)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;
    const struct qn_fact *scale = input_of(site, at->a_scale), *zero = input_of(site, at->a_zero);

    for (int i = 0; i <= at->b; i += at->b)
        if (site->in[i]->dtype != QN_UINT8 && site->in[i]->dtype != QN_INT8)
            return "not of bytes";
    if ((scale && !qn_quant_is_one(&scale->shape)) || (zero && !qn_quant_is_one(&zero->shape)))
        return "a scale or zero point for each row of A";
    return qn_dtypes_have(QN_FLOAT8S, site->out[0]->dtype) ? "to float8" : NULL;
}

static bool packing_of(int64_t k, int64_t n, struct packing *p)
{
    size_t bytes;

    p->n_panels = qn_bytes_words(n, QN_BYTES_PANEL);
    p->words = qn_bytes_words(k, qn_bytes_depth());
    p->panels = (size_t)p->n_panels * QN_BYTES_PANEL * sizeof(int32_t);
    if (!qn_mul((size_t)p->words, p->panels, &bytes) || !qn_add(bytes, p->panels, &p->total))
        return false;
    return p->total <= (size_t)INT64_MAX - 64;
}

/* Columns of panels [begin, end). */
static void pack_panels(char *packed, const struct packing *p, const struct qn_tensor *b, int64_t matrix, int64_t k,
                        int64_t n, int64_t begin, int64_t end)
{
    int64_t first = begin * QN_BYTES_PANEL, last = end * QN_BYTES_PANEL < n ? end * QN_BYTES_PANEL : n;
    char *panels = packed + p->panels + begin * qn_bytes_panel_bytes(p->words);

    if (k > 0)
        qn_bytes_pack_columns(panels, qn_bytes_panel_bytes(p->words), (const char *)b->data + matrix * k * n + first, n,
                              qn_quant_form(b->dtype), k, last - first);
    qn_bytes_column_sums(panels, p->words, k, end - begin, (int32_t *)(void *)packed + first);
}

/* Every matrix of B. */
static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct qn_tensor *b = site->in[((const struct qlinear *)site->params)->at->b]->konst;
    int64_t k, n, n_matrices;
    struct packing p;
    char *made;

    if (!b)
        return QN_OK;
    k = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    n_matrices = qn_tensor_span(b, 0, b->rank > 2 ? b->rank - 2 : 0);
    QN_CHECK(packing_of(k, n, &p), err, LIMIT, "B is too large");
    made = qn_arena_array(arena, (size_t)n_matrices, p.total);
    QN_CHECK_MEM(made, err);
    for (int64_t i = 0; i < n_matrices; i++)
        pack_panels(made + (size_t)i * p.total, &p, b, i, k, n, 0, p.n_panels);
    *packed = made;
    return QN_OK;
}

/* Rows of A at once in the workspace: all of them when they are few, else some for each part. */
static int64_t rows_held(const struct qn_product *p, int threads)
{
    return p->m < (int64_t)ROWS * threads ? p->m : (int64_t)ROWS * threads;
}

/* The workspace: what columns add, are multiplied with and scaled by; B unless it is constant; sums of rows of A, and
 * the rows. */
struct room {
    size_t columns, b, sums, rows, total;
};

static bool room_of(const struct qn_product *product, bool constant, int threads, struct room *room)
{
    const size_t held = (size_t)rows_held(product, threads);
    struct packing p;

    if (!packing_of(product->k, product->n, &p) || !qn_mul(held, (size_t)p.words * 4, &room->rows))
        return false;
    room->columns = qn_round_up(p.panels, 64);
    room->b = constant ? 0 : qn_round_up(p.total, 64);
    room->sums = qn_round_up(held * sizeof(int32_t), 64);
    return qn_add(3 * room->columns, room->b, &room->total) && qn_add(room->total, room->sums, &room->total) &&
           qn_add(room->total, room->rows, &room->total);
}

static size_t workspace(const struct qn_site *site)
{
    const struct places *at = ((const struct qlinear *)site->params)->at;
    struct qn_product p;
    struct room room;

    qn_product_init(&p, &site->in[0]->shape, &site->in[at->b]->shape);
    qn_product_flatten(&p);
    return room_of(&p, site->in[at->b]->konst != NULL, site->threads, &room) ? room.total : SIZE_MAX;
}

/* Zero points once packed. */
static uint32_t a_zero(const struct job *j)
{
    return (uint32_t)(qn_quant_zero(&j->a_zero, 0) - (j->a->dtype == QN_UINT8 ? 128 : 0));
}
static int32_t b_zero(const struct job *j, int64_t column)
{
    return qn_quant_zero(&j->b_zero, j->b_first + column) + (j->b->dtype == QN_INT8 ? 128 : 0);
}

/* With zero points p of a row and q of a column: sum of (a - p)(b - q) = sum of ab - p * (sum of b)
 * + q * (k * p - sum of a). */
static void fill_columns(const struct job *j)
{
    const int32_t *sums = (const int32_t *)(const void *)j->columns;

    for (int64_t c = 0; c < j->product.n; c++) {
        j->column_add[c] = (int32_t)(bias_of(j, c) - a_zero(j) * (uint32_t)sums[c]);
        j->column_mul[c] = b_zero(j, c);
    }
    for (int64_t c = 0; c < (j->a_scale.tensor ? j->b_scale.n == 1 ? 1 : j->product.n : 0); c++)
        j->scale[c] = scale_of(j, 0, c);
}

/* Rows [begin, end) of A to place `to` of those held. */
static void pack_rows(const struct job *j, int64_t to, int64_t begin, int64_t end)
{
    const int64_t k = j->product.k;

    for (int64_t r = begin; r < end; r++, to++)
        j->row_sums[to] =
            qn_bytes_pack_row(j->rows + to * j->words * 4, (const char *)j->a->data + (j->a_first + r) * k,
                              qn_quant_form(j->a->dtype), k);
}

/* Rows [r, r + m) of A, which are held from `held` on, by the columns of panels [begin, end). */
static void multiply(const struct job *j, int64_t held, int64_t r, int64_t m, int64_t begin, int64_t end)
{
    struct qn_bytes_finish finish = {
        .form = qn_quant_form(j->y->dtype), .by_column = j->b_scale.n > 1, .zero = j->y_zero};
    const char *panels = j->columns + j->packing.panels;
    int32_t sums[ROWS * COLUMNS];

    for (int64_t some; begin < end; begin += some) {
        const int64_t c = begin * QN_BYTES_PANEL;
        int64_t n;

        some = end - begin < COLUMNS / QN_BYTES_PANEL ? end - begin : COLUMNS / QN_BYTES_PANEL;
        n = j->product.n - c < some * QN_BYTES_PANEL ? j->product.n - c : some * QN_BYTES_PANEL;
        qn_bytes_product(m, some, j->words, j->rows + held * j->words * 4,
                         panels + begin * qn_bytes_panel_bytes(j->words), sums, COLUMNS);
        finish.column_add = j->column_add + c;
        finish.column_mul = j->column_mul + c;
        finish.scale = j->scale + (finish.by_column ? c : 0);
        for (int64_t i = 0; i < m; i++) {
            finish.mul = (uint32_t)j->product.k * a_zero(j) - (uint32_t)j->row_sums[held + i];
            qn_bytes_finish((char *)j->y->data +
                                (size_t)(j->y_first + (r + i) * j->product.n + c) * qn_dtype_bytes(j->y->dtype),
                            sums + i * COLUMNS, n, &finish);
        }
    }
}

static void multiply_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end, m;

    qn_pool_slice(j->by_rows ? j->product.m : j->packing.n_panels, j->by_rows ? 4 : 1, part, n_parts, &begin, &end);
    if (j->by_rows) {
        for (int64_t r = begin; r < end; r += m) {
            m = end - r < ROWS ? end - r : ROWS;
            pack_rows(j, (int64_t)part * ROWS, r, r + m);
            multiply(j, (int64_t)part * ROWS, r, m, 0, j->packing.n_panels);
        }
        return;
    }
    for (int64_t r = 0; r < j->product.m && begin < end; r += m) {
        m = j->product.m - r < ROWS ? j->product.m - r : ROWS;
        multiply(j, r, r, m, begin, end);
    }
}

static void pack_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end, n = j->product.n;

    qn_pool_slice(j->packing.n_panels, 1, part, n_parts, &begin, &end);
    if (begin < end)
        pack_panels(j->room, &j->packing, j->b, j->b_first / n, j->product.k, n, begin, end);
}

static enum qn_status matmul_bytes(const struct qn_call *call)
{
    struct job j = job_of(call);
    const struct qn_product *p = &j.product;
    int parts = qn_quant_parts(call, (double)p->m * (double)p->n * (double)p->k / 16);
    char *memory = call->workspace;
    int64_t last = -1;
    struct room room = {0};

    if (qn_tensor_count(j.y) == 0)
        return QN_OK;
    packing_of(p->k, p->n, &j.packing);
    room_of(p, call->packed != NULL, call->threads, &room); /* as for the workspace */
    j.column_add = (int32_t *)(void *)memory;
    j.column_mul = (int32_t *)(void *)(memory + room.columns);
    j.scale = (float *)(void *)(memory + 2 * room.columns);
    j.room = memory + 3 * room.columns;
    j.row_sums = (int32_t *)(void *)(j.room + room.b);
    j.rows = j.room + room.b + room.sums;
    j.by_rows = p->m >= (int64_t)ROWS * call->threads;
    for (int64_t i = 0; i < p->batch; i++) {
        int64_t ia, ib;

        qn_product_at(p, i, &ia, &ib);
        j.a_first = ia * p->m;
        j.b_first = ib * p->n;
        j.y_first = i * p->m * p->n;
        j.columns = call->packed ? (const char *)call->packed + (size_t)ib * j.packing.total : j.room;
        if (!call->packed && ib != last)
            qn_pool_run(call->pool, qn_quant_parts(call, (double)p->k * (double)p->n), pack_part, &j);
        if (ib != last)
            fill_columns(&j);
        last = ib;
        if (!j.by_rows)
            pack_rows(&j, 0, 0, p->m);
        qn_pool_run(call->pool, parts, multiply_part, &j);
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "matmul_bytes", .accept = accept_bytes, .prepare = prepare, .workspace = workspace, .run = matmul_bytes},
    {.name = "matmul_quantised_ref", .run = matmul_ref},
    {.name = NULL},
};

/* ---- From MatMul and Gemm -------------------------------------------------------------------------------------- */

/* The depth of a product with B, when it is known and a sum of so many products fits an int32. */
static bool is_shallow(const struct qn_shape *b, bool trans_b, int64_t *k)
{
    if (b->rank < 1)
        return false;
    *k = b->dims[b->rank == 1 ? 0 : b->rank - (trans_b ? 1 : 2)];
    return qn_dim_known(*k) && *k <= INT32_MAX / (255 * 255);
}

static enum qn_status transposed(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_var **b)
{
    struct qn_node *made = NULL;
    struct qn_var *turned = qn_graph_add_var(rewrite->graph, (*b)->name);

    QN_CHECK_MEM(turned, rewrite->err);
    QN_TRY(qn_quantised_make(rewrite, node, "", "Transpose", 13, b, 1, &made));
    turned->fact = qn_fact_tensor((*b)->fact.dtype, &QN_SHAPE_UNKNOWN);
    qn_node_set_out(made, 0, turned);
    *b = turned;
    return QN_OK;
}

enum qn_status qn_qlinear_product_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                           const struct qn_quantised *y, bool trans_b, const struct qn_var *bias,
                                           struct qn_node **made)
{
    const struct qn_shape *shape;
    struct qn_quantised a, b;
    struct qn_var *added = NULL;
    int64_t k;

    if (!qn_dequantised_bytes(node->in[0], &a) || !qn_dequantised(node->in[1], &b) || b.dtype == QN_INT32)
        return QN_OK;
    shape = &b.bytes->fact.shape;
    if (!is_shallow(shape, trans_b, &k) || (b.axis >= 0 && (shape->rank != 2 || b.axis != (trans_b ? 0 : 1))))
        return QN_OK;
    if (bias) {
        if (shape->rank != 2 || !qn_dim_known(shape->dims[trans_b ? 0 : 1]))
            return QN_OK;
        added = qn_quantised_bias(rewrite, node, bias, shape->dims[trans_b ? 0 : 1], k, &a, &b, y);
        if (!added)
            return rewrite->declined ? QN_OK : QN_NOMEM;
    }
    if (trans_b)
        QN_TRY(transposed(rewrite, node, &b.bytes));
    return qn_quantised_make(rewrite, node, added ? "quern" : "", "QLinearMatMul", added ? 1 : 21,
                             (struct qn_var *[]){a.bytes, a.scale, qn_quantised_zero_var(rewrite, node, &a), b.bytes,
                                                 b.scale, qn_quantised_zero_var(rewrite, node, &b), y->scale,
                                                 qn_quantised_zero_var(rewrite, node, y), added},
                             added ? 9 : 8, made);
}

enum qn_status qn_qlinear_matmul_integers(struct qn_rewrite *rewrite, struct qn_node *node,
                                          const struct qn_quantised *y, struct qn_node **made)
{
    return qn_qlinear_product_integers(rewrite, node, y, false, NULL, made);
}

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

#define LINEAR_INS(s, scales, types)                                                                                   \
    QN_IN("a", '1', types), QN_IN("a_scale", s, scales), QN_IN("a_zero_point", '1', types), QN_IN("b", '2', types),    \
        QN_IN("b_scale", s, scales), QN_IN("b_zero_point", '2', types), QN_IN("y_scale", s, scales),                   \
        QN_IN("y_zero_point", '3', types)
/* s: the group of scales; version 10 has float32 alone. */
#define LINEAR(first, last, s, scales, types)                                                                          \
    {                                                                                                                  \
        .name = "QLinearMatMul", .domain = "", .since = (first), .until = (last),                                      \
        .in = QN_FORMALS(LINEAR_INS(s, scales, types)), .out = QN_FORMALS(QN_OUT("y", '3', types)),                    \
        QN_PRESET(qlinear, .at = &linear_places), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING,        \
        .flops = flops                                                                                                 \
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
    {.name = "QLinearMatMul",
     .domain = "quern",
     .since = 1,
     .until = 1,
     .in = QN_FORMALS(LINEAR_INS(0, QN_BIT(FLOAT), BYTES), QN_IN("bias", '4', QN_BIT(INT32))),
     .out = QN_FORMALS(QN_OUT("y", '3', BYTES)),
     QN_PRESET(qlinear, .at = &bias_places),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING,
     .flops = flops},
    {.name = NULL},
};
