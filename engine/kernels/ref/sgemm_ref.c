/* sgemm_ref.c: the float32 product in plain C: the obvious loops that define its bits, and a portable micro-kernel with
 * packing that lets the drivers run on any machine. fmaf() rounds once wherever it runs, as the vector units do. */
#include <math.h>

#include "kernels/kern_impl.h"

static float finish(float sum, const struct qn_gemm *g, int64_t i, int64_t j)
{
    if (g->alpha != 1.0f)
        sum *= g->alpha;
    if (g->bias_col != NULL)
        sum += g->bias_col[j];
    if (g->bias_row != NULL)
        sum += g->bias_row[i];
    if (g->residual != NULL)
        sum += g->residual[g->c_trans ? j * g->ld_residual + i : i * g->ld_residual + j];
    return qn_act_scalar(sum, &g->act);
}

void qn_gemm_ref(const struct qn_gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            float sum = 0;

            for (int64_t k = 0; k < g->k; k++) {
                const float a = g->a_trans ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
                const float b = g->b_trans ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];

                sum = fmaf(a, b, sum);
            }
            g->c[g->c_trans ? j * g->ldc + i : i * g->ldc + j] = finish(sum, g, i, j);
        }
    }
}

static void tile(const struct qn_tile *t, int rows, int panels)
{
    (void)panels; /* n_cols says it */
    for (int i = 0; i < rows; i++) {
        for (int64_t j = 0; j < t->n_cols; j++) {
            const float *a = t->a + i * t->a_row;
            const float *b = t->b + j / QN_GEMM_PANEL * t->b_panel + j % QN_GEMM_PANEL;
            float *c = t->c + i * t->ldc + j;
            float sum = t->from_c ? *c : 0;

            for (int64_t k = 0; k < t->k; k++)
                sum = fmaf(a[k * t->a_step], b[k * t->b_step], sum);
            if (t->last) {
                if (t->alpha != 1.0f)
                    sum *= t->alpha;
                if (t->bias_col != NULL)
                    sum += t->bias_col[j];
                if (t->bias_row != NULL)
                    sum += t->bias_row[i];
                if (t->residual != NULL)
                    sum += t->residual[i * t->ld_residual + j];
                sum = qn_act_scalar(sum, &t->act);
            }
            *c = sum;
        }
    }
}

static void pack_trans(float *dst, int64_t width, const float *src, int64_t ld, int64_t n, int64_t k)
{
    for (int64_t kk = 0; kk < k; kk++)
        for (int64_t i = 0; i < width; i++)
            dst[kk * width + i] = i < n ? src[i * ld + kk] : 0;
}

static void pack_plain(float *dst, int64_t width, const float *src, int64_t ld, int64_t n, int64_t k)
{
    for (int64_t kk = 0; kk < k; kk++)
        for (int64_t i = 0; i < width; i++)
            dst[kk * width + i] = i < n ? src[kk * ld + i] : 0;
}

void qn_sgemm_init_ref(struct qn_sgemm_isa *isa)
{
    *isa = (struct qn_sgemm_isa){.max_rows = 4,
                                 .kc = 256,
                                 .mc = 64,
                                 .nc = 256,
                                 .max_rows_in_place = 4,
                                 .tile = tile,
                                 .pack_trans = pack_trans,
                                 .pack_plain = pack_plain};
    for (int rows = 1; rows <= 4; rows++)
        isa->panels[rows] = 1;
}
