/* product.h: matrix products as numpy.matmul has them: shapes, how batches of matrices broadcast, and the plain loops
 * of every element type. Shared by MatMul, Gemm, Einsum and the products of quantised matrices. The fast
 * product of floats is the kernels'; here is only how to call it for a whole batch. */
#ifndef QN_OPS_PRODUCT_H
#define QN_OPS_PRODUCT_H

#include "kernels/kern.h"
#include "ops/op.h"

/* `batch` products of [m][k] by [k][n]. Operands of rank 1 are a row and a column. */
struct qn_product {
    int64_t m, n, k, batch;
    int rank; /* batch axes of the result */
    int64_t dims[QN_MAX_RANK];
    int64_t a_step[QN_MAX_RANK], b_step[QN_MAX_RANK]; /* in matrices; 0 where the operand broadcasts */
};

/* The shape of A B, unknown where it is not known; SHAPE when the operands cannot be multiplied. */
enum qn_status qn_product_shape(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *y,
                                struct qn_err *err);
/* a and b are known and passed qn_product_shape(). */
void qn_product_init(struct qn_product *p, const struct qn_shape *a, const struct qn_shape *b);
/* One tall product where B is a single matrix for all of A; else as it is. */
void qn_product_flatten(struct qn_product *p);
/* Which matrices product i of the batch multiplies. */
void qn_product_at(const struct qn_product *p, int64_t i, int64_t *a, int64_t *b);

/* C[m][n] = op(A) op(B), dense row-major; op transposes when its flag is set. */
struct qn_plain_product {
    int64_t m, n, k;
    bool a_trans, b_trans;
    const void *a, *b;
    void *c;
};
/* Floats add up in double, integers wrap. dtype is float32, float64 or an integer of whole bytes. One thread. */
void qn_product_plain(enum qn_dtype dtype, const struct qn_plain_product *p);

/* The element type of the kernels' product; dtype is float32 or float64. */
static inline enum qn_gemm_type qn_product_type(enum qn_dtype dtype)
{
    return dtype == QN_DOUBLE ? QN_GEMM_F64 : QN_GEMM_F32;
}
/* Accept functions: B, input 1, is constant and of the type; A, input 0, is float64. */
const char *qn_product_packed_f32(const struct qn_site *site);
const char *qn_product_packed_f64(const struct qn_site *site);
const char *qn_product_f64(const struct qn_site *site);
/* Runs g for every product of the batch, over matrices that lie densely one after the other at a, b (or b_packed, in
 * packs of as many bytes as qn_gemm_pack_b_bytes() says) and c: threads share the batch when it is large, else each
 * product. g's sizes, flags and epilogue are the caller's; its bias and residual would serve every product. */
bool qn_product_bytes(const struct qn_product *p, const struct qn_gemm *g, int n_threads, size_t *n_bytes);
void qn_product_run(const struct qn_product *p, const struct qn_gemm *g, const struct qn_work *work);

#endif
