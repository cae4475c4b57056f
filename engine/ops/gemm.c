/* gemm.c: Gemm: Y = alpha * op(A) op(B) + beta * C, and the fused quern:Gemm: Y = act(that + residual).
 * C broadcasts to Y; versions 1 and 6 need `broadcast` for it. beta 0 leaves C unread. Integers wrap; with alpha or
 * beta other than 1 they are scaled in float64 and rounded. quern:Gemm is float32 alone; its A may have any rank from 2
 * on, whose leading axes are the rows of Y (C is then one row or a scalar), and its residual has the shape of Y. Here
 * too: what Gemm absorbs of its successors. Not here: the product loops (product.c, the kernels). */
#include <string.h>

#include "base/checked.h"
#include "ops/fuse.h"
#include "ops/product.h"
#include "ops/quantized.h"

struct gemm {
    float alpha, beta;
    bool trans_a, trans_b;
    bool old, broadcast; /* versions 1 and 6 */
    struct qn_act act;
};

enum { A, B, C, RESIDUAL };

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* An operand that is used transposed, as it is used. */
static struct qn_shape turned(const struct qn_shape *shape, bool trans)
{
    struct qn_shape result = *shape;

    if (trans && shape->rank == 2) {
        result.dims[0] = shape->dims[1];
        result.dims[1] = shape->dims[0];
    }
    return result;
}

static enum qn_status check_ranks(struct qn_infer *in, const struct gemm *p, const struct qn_shape *a,
                                  const struct qn_shape *b)
{
    bool any_a = in->node->op->domain[0] && !p->trans_a;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(a->rank == 2 || a->rank < 0 || (any_a && a->rank > 2), in->err, SHAPE, "A must be a matrix, not %s",
             qn_shape_text(a, text));
    QN_CHECK(b->rank == 2 || b->rank < 0, in->err, SHAPE, "B must be a matrix, not %s", qn_shape_text(b, text));
    return QN_OK;
}

/* Whether C broadcasts to Y without making it larger, as far as is known. */
static bool fits(const struct qn_shape *c, const struct qn_shape *y)
{
    int max_rank = y->rank > 2 ? 1 : 2;

    if (c->rank < 0 || y->rank < 0)
        return true;
    if (c->rank > max_rank)
        return false;
    for (int i = 1; i <= c->rank; i++) {
        int64_t dim = c->dims[c->rank - i], want = y->dims[y->rank - i];

        if (dim != 1 && dim != want && qn_dim_known(dim) && qn_dim_known(want))
            return false;
    }
    return true;
}

static enum qn_status check_c(struct qn_infer *in, const struct gemm *p, const struct qn_shape *y)
{
    const struct qn_fact *c = qn_infer_in(in, C);
    char c_text[QN_SHAPE_TEXT], y_text[QN_SHAPE_TEXT];
    struct qn_shape merged;

    if (!c)
        return QN_OK;
    QN_CHECK(fits(&c->shape, y), in->err, SHAPE, "C of shape %s does not broadcast to %s",
             qn_shape_text(&c->shape, c_text), qn_shape_text(y, y_text));
    if (p->old && !p->broadcast)
        QN_CHECK(qn_shape_merge(&c->shape, y, &merged), in->err, SHAPE,
                 "C of shape %s is not %s and broadcast is not set", qn_shape_text(&c->shape, c_text),
                 qn_shape_text(y, y_text));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct gemm *p = params;
    struct qn_shape a = turned(&in->in[A]->shape, p->trans_a), b = turned(&in->in[B]->shape, p->trans_b), y;
    const struct qn_fact *residual = qn_infer_in(in, RESIDUAL);
    char r_text[QN_SHAPE_TEXT], y_text[QN_SHAPE_TEXT];

    QN_TRY(check_ranks(in, p, &a, &b));
    QN_TRY(qn_product_shape(&a, &b, &y, in->err));
    if (y.rank < 0 && !in->node->op->domain[0])
        y = (struct qn_shape){2, {a.rank < 0 ? QN_DIM_UNKNOWN : a.dims[0], b.rank < 0 ? QN_DIM_UNKNOWN : b.dims[1]}};
    QN_TRY(check_c(in, p, &y));
    if (residual)
        QN_CHECK(qn_shape_merge(&y, &residual->shape, &y), in->err, SHAPE, "the residual of shape %s is not %s",
                 qn_shape_text(&residual->shape, r_text), qn_shape_text(&y, y_text));
    return qn_infer_out(in, 0, in->in[A]->dtype, &y);
}

/* ---- Sizes and C ---------------------------------------------------------------------------------------------- */

/* A with its leading axes as rows. */
static struct qn_product product_of(const struct gemm *p, const struct qn_shape *a, const struct qn_shape *b)
{
    struct qn_product product = {.batch = 1, .m = 1};

    for (int i = 0; i < a->rank - 1; i++)
        product.m *= a->dims[i];
    product.k = a->dims[a->rank - 1];
    if (p->trans_a) {
        product.m = a->dims[1];
        product.k = a->dims[0];
    }
    product.n = b->dims[p->trans_b ? 0 : 1];
    return product;
}

static struct qn_product product_of_call(const struct qn_call *call)
{
    struct qn_shape a = qn_tensor_shape(qn_in(call, A)), b = qn_tensor_shape(qn_in(call, B));

    return product_of(call->params, &a, &b);
}

/* Element [i][j] of C is data[i * row + j * col]. */
struct addend {
    const struct qn_tensor *tensor;
    int64_t row, col;
};

/* tensor NULL where there is nothing to add. */
static struct addend addend_of(const struct gemm *p, const struct qn_tensor *c)
{
    struct addend addend = {.tensor = p->beta == 0 ? NULL : c};

    if (!addend.tensor || c->rank == 0)
        return addend;
    addend.col = c->dims[c->rank - 1] == 1 ? 0 : 1;
    if (c->rank == 2 && c->dims[0] != 1)
        addend.row = c->dims[1];
    return addend;
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

#define ADD_WRAPPING(type)                                                                                             \
    for (int64_t i = 0; i < p->m; i++)                                                                                 \
        for (int64_t j = 0; j < p->n; j++)                                                                             \
    ((type *)y->data)[i * p->n + j] += ((const type *)c->tensor->data)[i * c->row + j * c->col]

static void add_integers(const struct qn_product *p, const struct addend *c, struct qn_tensor *y)
{
    if (qn_dtype_bytes(y->dtype) == 4)
        ADD_WRAPPING(uint32_t);
    else
        ADD_WRAPPING(uint64_t);
}

static void scale_and_add(const struct gemm *p, const struct qn_product *size, const struct addend *c,
                          struct qn_tensor *y)
{
    for (int64_t i = 0; i < size->m; i++)
        for (int64_t j = 0; j < size->n; j++) {
            double x = p->alpha * qn_tensor_double(y, i * size->n + j);

            if (c->tensor)
                x += p->beta * qn_tensor_double(c->tensor, i * c->row + j * c->col);
            qn_tensor_set_double(y, i * size->n + j, x);
        }
}

static enum qn_status gemm_ref(const struct qn_call *call)
{
    const struct gemm *p = call->params;
    struct qn_product size = product_of_call(call);
    struct addend c = addend_of(p, qn_in(call, C));
    struct qn_tensor *y = qn_out(call, 0);
    struct qn_plain_product plain = {
        size.m, size.n, size.k, p->trans_a, p->trans_b, qn_in(call, A)->data, qn_in(call, B)->data, y->data};

    qn_product_plain(y->dtype, &plain);
    if (qn_dtype_is_integer(y->dtype) && p->alpha == 1 && p->beta == 1) {
        if (c.tensor)
            add_integers(&size, &c, y);
    } else if (c.tensor || p->alpha != 1) {
        scale_and_add(p, &size, &c, y);
    }
    if (qn_in(call, RESIDUAL))
        qn_kern_ref()->vv[QN_ADD](y->data, y->data, qn_in(call, RESIDUAL)->data, (size_t)(size.m * size.n));
    if (p->act.kind != QN_ACT_NONE)
        qn_kern_ref()->act(y->data, y->data, (size_t)(size.m * size.n), &p->act);
    return QN_OK;
}

/* ---- float32 and float64 -------------------------------------------------------------------------------------- */

/* What is prepared when B is constant. */
struct packed {
    const void *b;
    const void *bias; /* beta * C for each column; NULL when C is not a constant row or scalar */
};

static struct qn_gemm describe(const struct gemm *p, const struct qn_product *size, enum qn_dtype dtype)
{
    return (struct qn_gemm){.type = qn_product_type(dtype),
                            .m = size->m,
                            .n = size->n,
                            .k = size->k,
                            .lda = p->trans_a ? size->m : size->k,
                            .a_trans = p->trans_a,
                            .ldb = p->trans_b ? size->k : size->n,
                            .b_trans = p->trans_b,
                            .ldc = size->n,
                            .alpha = (double)p->alpha,
                            .ld_residual = size->n,
                            .act = p->act};
}

/* fill_bias: beta * C for each column. fill_y: Y = beta * C + residual, for the product to add to. */
#define FILL(name, type)                                                                                               \
    static void fill_bias_##name(const struct gemm *p, const struct addend *c, int64_t n, void *dst)                   \
    {                                                                                                                  \
        const type *data = c->tensor->data;                                                                            \
        type *bias = dst;                                                                                              \
                                                                                                                       \
        for (int64_t j = 0; j < n; j++)                                                                                \
            bias[j] = (type)p->beta * data[j * c->col];                                                                \
    }                                                                                                                  \
    static void fill_y_##name(const struct gemm *p, const struct addend *c, const struct qn_gemm *g)                   \
    {                                                                                                                  \
        const type *data = c->tensor->data, *residual = g->residual;                                                   \
        type *y = g->c;                                                                                                \
                                                                                                                       \
        for (int64_t i = 0; i < g->m; i++)                                                                             \
            for (int64_t j = 0; j < g->n; j++) {                                                                       \
                type x = (type)p->beta * data[i * c->row + j * c->col];                                                \
                                                                                                                       \
                y[i * g->n + j] = residual ? x + residual[i * g->n + j] : x;                                           \
            }                                                                                                          \
    }
FILL(f32, float)
FILL(f64, double)

static void fill_bias(const struct gemm *p, const struct addend *c, int64_t n, void *bias)
{
    if (c->tensor->dtype == QN_DOUBLE)
        fill_bias_f64(p, c, n, bias);
    else
        fill_bias_f32(p, c, n, bias);
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct gemm *p = site->params;
    const struct qn_tensor *b = site->in[B]->konst;
    const struct qn_fact *c = site->n_in > C ? site->in[C] : NULL;
    const enum qn_gemm_type type = qn_product_type(b->dtype);
    int64_t n = b->dims[p->trans_b ? 0 : 1], k = b->dims[p->trans_b ? 1 : 0];
    struct addend addend = addend_of(p, c ? c->konst : NULL);
    struct packed *made = qn_arena_alloc(arena, sizeof(*made));
    void *b_panels, *bias;
    size_t bytes;

    QN_CHECK(qn_gemm_pack_b_bytes(type, k, n, &bytes), err, LIMIT, "B is too large");
    b_panels = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(made && b_panels ? made : NULL, err);
    qn_gemm_pack_b(type, k, n, b->data, p->trans_b ? k : n, p->trans_b, b_panels);
    *made = (struct packed){b_panels, NULL};
    if (addend.tensor && addend.row == 0) {
        bias = qn_arena_array(arena, (size_t)n, qn_gemm_elem(type));
        QN_CHECK_MEM(bias, err);
        fill_bias(p, &addend, n, bias);
        made->bias = bias;
    }
    *packed = made;
    return QN_OK;
}

/* Room for a bias, then the product's own. */
static size_t bias_bytes(const struct qn_gemm *g) { return qn_round_up((size_t)g->n * qn_gemm_elem(g->type), 64); }

static size_t workspace(const struct qn_site *site, bool is_packed)
{
    struct qn_product size = product_of(site->params, &site->in[A]->shape, &site->in[B]->shape);
    struct qn_gemm g = describe(site->params, &size, site->in[A]->dtype);
    size_t bytes;

    g.b_packed = is_packed ? site : NULL; /* only whether it is NULL counts here */
    if (!qn_gemm_bytes(&g, site->threads, &bytes) || !qn_add(bytes, bias_bytes(&g), &bytes))
        return SIZE_MAX;
    return bytes;
}

static size_t workspace_packed(const struct qn_site *site) { return workspace(site, true); }
static size_t workspace_plain(const struct qn_site *site) { return workspace(site, false); }

/* Gives the product what it adds: C in the form that costs least, and the residual. */
static void add_terms(const struct qn_call *call, const struct packed *packed, struct qn_gemm *g)
{
    const struct gemm *p = call->params;
    struct addend c = addend_of(p, qn_in(call, C));
    const void *data = c.tensor ? c.tensor->data : NULL;

    g->residual = qn_in(call, RESIDUAL) ? qn_in(call, RESIDUAL)->data : NULL;
    if (!c.tensor)
        return;
    if (packed && packed->bias) {
        g->bias_col = packed->bias;
    } else if (c.row == 0 && c.col == 1 && p->beta == 1) {
        g->bias_col = data;
    } else if (c.row == 0) {
        fill_bias(p, &c, g->n, call->workspace);
        g->bias_col = call->workspace;
    } else if (c.col == 0 && p->beta == 1) {
        g->bias_row = data;
    } else if (c.col == 1 && p->beta == 1 && !g->residual) {
        g->residual = data;
    } else {
        if (g->type == QN_GEMM_F64)
            fill_y_f64(p, &c, g);
        else
            fill_y_f32(p, &c, g);
        g->residual = g->c;
    }
}

static enum qn_status run(const struct qn_call *call, const struct packed *packed)
{
    struct qn_product size = product_of_call(call);
    struct qn_gemm g = describe(call->params, &size, qn_in(call, A)->dtype);
    const struct qn_work work = {(char *)call->workspace + bias_bytes(&g), call->threads, call->pool};

    g.a = qn_in(call, A)->data;
    g.b = qn_in(call, B)->data;
    g.b_packed = packed ? packed->b : NULL;
    g.c = qn_out(call, 0)->data;
    if (size.m == 0 || size.n == 0)
        return QN_OK;
    add_terms(call, packed, &g);
    qn_gemm(&g, &work);
    return QN_OK;
}

static enum qn_status run_packed(const struct qn_call *call) { return run(call, call->packed); }
static enum qn_status run_plain(const struct qn_call *call) { return run(call, NULL); }

#define PACKED(suffix)                                                                                                 \
    {                                                                                                                  \
        .name = "gemm_packed_" #suffix, .accept = qn_product_packed_##suffix, .prepare = prepare,                      \
        .workspace = workspace_packed, .run = run_packed,                                                              \
    }

static const struct qn_kernel kernels[] = {
    PACKED(f32),
    PACKED(f64),
    {.name = "gemm_f32", .accept = qn_accept_f32, .workspace = workspace_plain, .run = run_plain},
    {.name = "gemm_f64", .accept = qn_product_f64, .workspace = workspace_plain, .run = run_plain},
    {.name = "gemm_ref", .accept = qn_accept_not_narrow, .run = gemm_ref},
    {.name = NULL},
};

static double flops(const struct qn_site *site)
{
    struct qn_product size = product_of(site->params, &site->in[A]->shape, &site->in[B]->shape);

    return 2.0 * (double)size.m * (double)size.n * (double)size.k;
}

/* ---- Absorbing what follows ----------------------------------------------------------------------------------- */

static struct qn_var *input_of(const struct qn_node *node, int i) { return i < node->n_in ? node->in[i] : NULL; }

static enum qn_status join(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, struct qn_var *c,
                           struct qn_var *residual, const struct qn_act *act)
{
    struct qn_var *const ins[] = {node->in[A], node->in[B], c, residual};
    struct gemm params;

    memcpy(&params, node->params, sizeof(params)); /* with its padding, which common sub-expressions compare */
    if (act)
        params.act = *act;
    return qn_fuse_join(rewrite, node, next, "Gemm", ins, residual ? 4 : c ? 3 : 2, &params);
}

/* A constant that is one row for all of Y, as a vector; NULL when it is not. Made anew where its rank has to change. */
static struct qn_var *as_row(struct qn_rewrite *rewrite, const struct qn_node *node, struct qn_var *c, int64_t n)
{
    const struct qn_tensor *tensor = c->fact.konst;
    const struct qn_shape shape = qn_shape_1d(n);
    struct qn_var *row;
    float *data;

    if (!tensor || tensor->rank > node->out[0]->fact.shape.rank || qn_tensor_count(tensor) != n ||
        (tensor->rank > 0 && tensor->dims[tensor->rank - 1] != n) || n < 1)
        return NULL;
    if (tensor->rank <= 1)
        return c;
    row = qn_fuse_const(rewrite, node, "bias", &shape, &data);
    if (row)
        memcpy(data, tensor->data, (size_t)n * sizeof(*data));
    return row;
}

/* Sum of Y and a constant row: C, when there is none yet. */
static enum qn_status absorb_row(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, int i)
{
    const struct qn_shape *y = &node->out[0]->fact.shape;
    const struct gemm *p = node->params;
    struct qn_var *row;

    if (input_of(node, C) || p->beta != 1 || y->rank < 2)
        return QN_OK;
    row = as_row(rewrite, node, next->in[i], y->dims[y->rank - 1]);
    return row ? join(rewrite, node, next, row, input_of(node, RESIDUAL), NULL) : QN_OK;
}

static enum qn_status absorb_residual(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, int i)
{
    if (input_of(node, RESIDUAL))
        return QN_OK;
    if (!qn_fuse_same_shape(node->out[0], next->in[i])) {
        rewrite->declined = "what is added is not known to have the shape of the product";
        return QN_OK;
    }
    return join(rewrite, node, next, input_of(node, C), next->in[i], NULL);
}

/* B' = B * scale per column, C' = (beta * C) * scale + shift, both rounded once from float64. */
static enum qn_status absorb_affine(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next,
                                    const struct qn_affine *affine)
{
    struct gemm *p = node->params;
    const struct qn_tensor *b = node->in[B]->fact.konst;
    struct qn_var *c_var = input_of(node, C), *ins[3] = {node->in[A], node->in[B], NULL};
    struct addend c = addend_of(p, c_var ? c_var->fact.konst : NULL);
    int64_t n = b->dims[p->trans_b ? 0 : 1], k = b->dims[p->trans_b ? 1 : 0];
    struct qn_shape b_shape = qn_tensor_shape(b), c_shape = qn_shape_1d(n);
    struct gemm params;
    float *weights, *bias;

    ins[2] = qn_fuse_const(rewrite, node, "bias", &c_shape, &bias);
    QN_CHECK_MEM(ins[2], rewrite->err);
    for (int64_t j = 0; j < n; j++) {
        double scale = affine->scale ? affine->scale[affine->n == 1 ? 0 : j] : 1;
        double x = c.tensor ? (double)p->beta * ((const float *)c.tensor->data)[j * c.col] : 0;

        bias[j] = (float)(x * scale + (affine->shift ? affine->shift[affine->n == 1 ? 0 : j] : 0));
    }
    if (affine->scale) {
        ins[1] = qn_fuse_const(rewrite, node, "scaled", &b_shape, &weights);
        QN_CHECK_MEM(ins[1], rewrite->err);
        for (int64_t i = 0; i < n * k; i++) {
            int64_t j = p->trans_b ? i / k : i % n;

            weights[i] = (float)((double)((const float *)b->data)[i] * affine->scale[affine->n == 1 ? 0 : j]);
        }
    }
    memcpy(&params, p, sizeof(params));
    params.beta = 1;
    params.old = false;
    return qn_fuse_join(rewrite, node, next, "Gemm", ins, 3, &params);
}

/* Only where axis 1 is the columns, and every factor is a constant. */
static bool may_absorb_affine(const struct qn_node *node)
{
    const struct qn_var *c = input_of(node, C);
    const struct gemm *p = node->params;

    if (node->out[0]->fact.shape.rank != 2 || !node->in[B]->fact.konst || input_of(node, RESIDUAL))
        return false;
    return !c || (c->fact.konst && addend_of(p, c->fact.konst).row == 0);
}

static enum qn_status rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    const struct gemm *p = node->params;
    struct qn_node *next = p->act.kind == QN_ACT_NONE ? qn_fuse_next(rewrite, node) : NULL;
    struct qn_affine affine;
    struct qn_act act;
    int i, x;

    if (!next)
        return QN_OK;
    if (qn_fuse_activation(next, node->out[0], &act))
        return join(rewrite, node, next, input_of(node, C), input_of(node, RESIDUAL), &act);
    i = qn_fuse_addend(next, node->out[0]);
    if (i >= 0)
        QN_TRY(absorb_row(rewrite, node, next, i));
    if (!rewrite->changed && may_absorb_affine(node) && next->op->affine &&
        next->op->affine(next, rewrite->arena, &x, &affine) && next->in[x] == node->out[0])
        return absorb_affine(rewrite, node, next, &affine);
    return i >= 0 && !rewrite->changed ? absorb_residual(rewrite, node, next, i) : QN_OK;
}

/* ---- On bytes -------------------------------------------------------------------------------------------------- */

/* With C a vector of the columns, or none. */
static enum qn_status integers(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                               struct qn_node **made)
{
    const struct gemm *p = node->params;
    const struct qn_var *c = input_of(node, C);

    if (p->alpha != 1 || p->trans_a || (c && (p->beta != 1 || c->fact.shape.rank != 1)))
        return QN_OK;
    return qn_qlinear_product_integers(rewrite, node, y, p->trans_b, c, made);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COMMON_ATTRS                                                                                                   \
    QN_FLOAT_ATTR(gemm, alpha, 1), QN_FLOAT_ATTR(gemm, beta, 1),                                                       \
        {.name = "transA", .form = QN_FORM_BOOL, .offset = offsetof(struct gemm, trans_a)},                            \
    {                                                                                                                  \
        .name = "transB", .form = QN_FORM_BOOL, .offset = offsetof(struct gemm, trans_b)                               \
    }

static const struct qn_attr attrs_1[] = {COMMON_ATTRS, QN_BOOL_ATTR(gemm, broadcast, 0), {.name = NULL}};
static const struct qn_attr attrs_7[] = {COMMON_ATTRS, {.name = NULL}};
static const struct qn_attr attrs_quern[] = {COMMON_ATTRS, QN_ACT_ATTRS(gemm, act), {.name = NULL}};

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))
#define FLOAT   QN_BIT(FLOAT)

#define ROW(first, last, is_old, type_set, attr_list, c_formal)                                                        \
    {                                                                                                                  \
        .name = "Gemm", .domain = "", .since = (first), .until = (last),                                               \
        .in = QN_FORMALS(QN_IN("A", 'T', type_set), QN_IN("B", 'T', type_set), c_formal("C", 'T', type_set)),          \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .attrs = (attr_list), QN_PRESET(gemm, .old = (is_old)),         \
        .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING, .flops = flops, .integers = integers,            \
        .rewrite = rewrite,                                                                                            \
    }

const struct qn_op qn_ops_gemm[] = {
    ROW(1, 5, true, QN_FLOATS_STD, attrs_1, QN_IN),
    ROW(6, 6, true, QN_FLOATS_STD, attrs_1, QN_IN),
    ROW(7, 8, false, QN_FLOATS_STD, attrs_7, QN_IN),
    ROW(9, 10, false, QN_FLOATS_STD | INTS_32, attrs_7, QN_IN),
    ROW(11, 12, false, QN_FLOATS_STD | INTS_32, attrs_7, QN_OPT),
    ROW(13, 27, false, QN_FLOATS | INTS_32, attrs_7, QN_OPT),
    {
        .name = "Gemm",
        .domain = "quern",
        .since = 1,
        .until = 1,
        .in = QN_FORMALS(QN_IN("A", 'T', FLOAT), QN_IN("B", 'T', FLOAT), QN_OPT("C", 'T', FLOAT),
                         QN_OPT("residual", 'T', FLOAT)),
        .out = QN_FORMALS(QN_OUT("Y", 'T', FLOAT)),
        .attrs = attrs_quern,
        QN_PRESET(gemm, .old = false),
        .infer = infer,
        .kernels = kernels,
        .tolerance = QN_ROUNDING,
        .flops = flops,
        .rewrite = rewrite,
    },
    {.name = NULL},
};
