/* matmul.c: MatMul, as numpy.matmul: operands of rank 1 are a row or a column, leading axes broadcast as batches.
 * Integers wrap. A constant B is packed once; one matrix B for a whole batch of A makes a single tall product. Not
 * here: products with bias, activation or residual, which a MatMul followed by such becomes (quern:Gemm, gemm.c). */
#include <string.h>

#include "ops/fuse.h"
#include "ops/product.h"
#include "ops/quantized.h"

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape y;

    (void)params;
    QN_TRY(qn_product_shape(&in->in[0]->shape, &in->in[1]->shape, &y, in->err));
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static struct qn_product product_of(const struct qn_shape *a, const struct qn_shape *b)
{
    struct qn_product product;

    qn_product_init(&product, a, b);
    qn_product_flatten(&product);
    return product;
}

static struct qn_product product_of_call(const struct qn_call *call)
{
    struct qn_shape a = qn_tensor_shape(qn_in(call, 0)), b = qn_tensor_shape(qn_in(call, 1));

    return product_of(&a, &b);
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static enum qn_status matmul_ref(const struct qn_call *call)
{
    const struct qn_product product = product_of_call(call);
    const struct qn_tensor *a = qn_in(call, 0), *b = qn_in(call, 1);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t size = (int64_t)qn_dtype_bytes(y->dtype);

    for (int64_t i = 0; i < product.batch; i++) {
        struct qn_plain_product plain = {.m = product.m, .n = product.n, .k = product.k};
        int64_t ia, ib;

        qn_product_at(&product, i, &ia, &ib);
        plain.a = (const char *)a->data + ia * product.m * product.k * size;
        plain.b = (const char *)b->data + ib * product.k * product.n * size;
        plain.c = (char *)y->data + i * product.m * product.n * size;
        qn_product_plain(y->dtype, &plain);
    }
    return QN_OK;
}

/* ---- float32 and float64 -------------------------------------------------------------------------------------- */

/* Every matrix of B, one pack after the other. */
static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct qn_tensor *b = site->in[1]->konst;
    const enum qn_gemm_type type = qn_product_type(b->dtype);
    int64_t k = b->dims[b->rank > 1 ? b->rank - 2 : 0], n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    int64_t n_matrices = qn_tensor_span(b, 0, b->rank > 2 ? b->rank - 2 : 0);
    size_t bytes, matrix = (size_t)(k * n) * qn_gemm_elem(type);
    char *made;

    QN_CHECK(qn_gemm_pack_b_bytes(type, k, n, &bytes), err, LIMIT, "B is too large");
    made = qn_arena_array(arena, (size_t)n_matrices, bytes);
    QN_CHECK_MEM(made, err);
    for (int64_t i = 0; i < n_matrices; i++)
        qn_gemm_pack_b(type, k, n, (const char *)b->data + (size_t)i * matrix, n, false, made + (size_t)i * bytes);
    *packed = made;
    return QN_OK;
}

static struct qn_gemm describe(const struct qn_product *product, enum qn_dtype dtype)
{
    return (struct qn_gemm){.type = qn_product_type(dtype),
                            .m = product->m,
                            .n = product->n,
                            .k = product->k,
                            .lda = product->k,
                            .ldb = product->n,
                            .ldc = product->n,
                            .alpha = 1};
}

static size_t workspace(const struct qn_site *site, bool is_packed)
{
    struct qn_product product = product_of(&site->in[0]->shape, &site->in[1]->shape);
    struct qn_gemm g = describe(&product, site->in[0]->dtype);
    size_t bytes;

    g.b_packed = is_packed ? site : NULL; /* only whether it is NULL counts here */
    return qn_product_bytes(&product, &g, site->threads, &bytes) ? bytes : SIZE_MAX;
}

static size_t workspace_packed(const struct qn_site *site) { return workspace(site, true); }
static size_t workspace_plain(const struct qn_site *site) { return workspace(site, false); }

static enum qn_status matmul(const struct qn_call *call)
{
    const struct qn_product product = product_of_call(call);
    struct qn_gemm g = describe(&product, qn_in(call, 0)->dtype);
    const struct qn_work work = {call->workspace, call->threads, call->pool};

    g.a = qn_in(call, 0)->data;
    g.b = qn_in(call, 1)->data;
    g.b_packed = call->packed;
    g.c = qn_out(call, 0)->data;
    qn_product_run(&product, &g, &work);
    return QN_OK;
}

#define PACKED(suffix)                                                                                                 \
    {                                                                                                                  \
        .name = "matmul_packed_" #suffix, .accept = qn_product_packed_##suffix, .prepare = prepare,                    \
        .workspace = workspace_packed, .run = matmul,                                                                  \
    }

static const struct qn_kernel kernels[] = {
    PACKED(f32),
    PACKED(f64),
    {.name = "matmul_f32", .accept = qn_accept_f32, .workspace = workspace_plain, .run = matmul},
    {.name = "matmul_f64", .accept = qn_product_f64, .workspace = workspace_plain, .run = matmul},
    {.name = "matmul_ref", .accept = qn_accept_not_narrow, .run = matmul_ref},
    {.name = NULL},
};

static double flops(const struct qn_site *site)
{
    struct qn_product product = product_of(&site->in[0]->shape, &site->in[1]->shape);

    return 2.0 * (double)product.batch * (double)product.m * (double)product.n * (double)product.k;
}

/* ---- Becoming a fused product --------------------------------------------------------------------------------- */

/* With a matrix B, and followed by something that quern:Gemm can absorb, this is a quern:Gemm. */
static enum qn_status rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    const struct qn_node *next = qn_fuse_next(rewrite, node);
    struct qn_var *y = node->out[0];
    struct qn_node *made;
    struct qn_act act;

    if (!next || node->in[0]->fact.shape.rank < 2 || node->in[1]->fact.shape.rank != 2)
        return QN_OK;
    if (!qn_fuse_activation(next, y, &act) && qn_fuse_addend(next, y) < 0)
        return QN_OK;
    /* Behind this node, so that it is the next one to be offered. */
    made = qn_op_make_node(rewrite->graph, node->next, "quern", "Gemm", 1, node->name, node->in, 2,
                           (struct qn_var *[]){NULL}, 1, NULL, 0, rewrite->err);
    if (!made)
        return rewrite->err && rewrite->err->status ? rewrite->err->status : QN_NOMEM;
    qn_patch_take_output(made, 0, y);
    qn_patch_remove_node(rewrite->graph, node);
    rewrite->changed = true;
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))

#define ROW(first, last, type_set)                                                                                     \
    {                                                                                                                  \
        .name = "MatMul", .domain = "", .since = (first), .until = (last),                                             \
        .in = QN_FORMALS(QN_IN("A", 'T', type_set), QN_IN("B", 'T', type_set)),                                        \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING,   \
        .flops = flops, .integers = qn_qlinear_matmul_integers, .rewrite = rewrite,                                    \
    }

const struct qn_op qn_ops_matmul[] = {
    ROW(1, 8, QN_FLOATS_STD),
    ROW(9, 12, QN_FLOATS_STD | INTS_32),
    ROW(13, 27, QN_FLOATS | INTS_32),
    {.name = NULL},
};
