/* gemm_ref_body.h: the product of one element type in plain C: the obvious loops that define its bits, and a portable
 * micro-kernel with packing that lets the driver run on any machine. Included with ELEM (the type), PANEL (columns of a
 * panel), LINK(a, b, sum) (one link of the chain), LEVEL_LINK (the same with the bits of the CPU level in force) and
 * ACT(x, act) defined. The driver is gemm.c. */
#ifndef QN_KERNELS_GEMM_REF_BODY_H
#define QN_KERNELS_GEMM_REF_BODY_H

#include "kernels/kern_impl.h"

/* What follows the sum; NULL: no such term. */
static ELEM finish(ELEM sum, ELEM alpha, const ELEM *col, const ELEM *row, const ELEM *residual,
                   const struct qn_act *act)
{
    if (alpha != 1)
        sum *= alpha;
    if (col != NULL)
        sum += *col;
    if (row != NULL)
        sum += *row;
    if (residual != NULL)
        sum += *residual;
    return ACT(sum, act);
}

static void product(const struct qn_gemm *g)
{
    const ELEM *a = g->a, *b = g->b, *col = g->bias_col, *row = g->bias_row, *residual = g->residual;
    const int64_t a_row = g->a_trans ? 1 : g->lda, a_step = g->a_trans ? g->lda : 1;
    const int64_t b_col = g->b_trans ? g->ldb : 1, b_step = g->b_trans ? 1 : g->ldb;
    ELEM *c = g->c;

    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            const int64_t line = g->c_trans ? j : i, at = g->c_trans ? i : j;
            ELEM sum = 0;

            for (int64_t k = 0; k < g->k; k++)
                sum = LEVEL_LINK(a[i * a_row + k * a_step], b[k * b_step + j * b_col], sum);
            c[line * g->ldc + at] = finish(sum, (ELEM)g->alpha, col ? col + j : NULL, row ? row + i : NULL,
                                           residual ? residual + line * g->ld_residual + at : NULL, &g->act);
        }
    }
}

/* The chains of n neighbours, side by side: where n is a constant the compiler makes vectors of them. */
static inline __attribute__((always_inline)) void run_chains(const struct qn_tile *t, const ELEM *a, const ELEM *b,
                                                             ELEM *sums, int64_t n)
{
    for (int64_t k = 0; k < t->k; k++)
        for (int64_t j = 0; j < n; j++)
            sums[j] = LINK(a[k * t->a_step], b[k * t->b_step + j], sums[j]);
}

/* One row of a panel whose first column is j0. */
static void tile_row(const struct qn_tile *t, int64_t i, int64_t j0)
{
    const int64_t n = t->n_cols - j0 < PANEL ? t->n_cols - j0 : PANEL;
    const ELEM *a = (const ELEM *)t->a + i * t->a_row, *b = (const ELEM *)t->b + j0 / PANEL * t->b_panel;
    const ELEM *col = t->bias_col, *row = t->bias_row, *residual = t->residual;
    ELEM *c = (ELEM *)t->c + i * t->ldc + j0, sums[PANEL];

    for (int64_t j = 0; j < n; j++)
        sums[j] = t->from_c ? c[j] : 0;
    if (n == PANEL)
        run_chains(t, a, b, sums, PANEL);
    else
        run_chains(t, a, b, sums, n);
    for (int64_t j = 0; j < n; j++)
        c[j] = t->last ? finish(sums[j], (ELEM)t->alpha, col ? col + j0 + j : NULL, row ? row + i : NULL,
                                residual ? residual + i * t->ld_residual + j0 + j : NULL, &t->act)
                       : sums[j];
}

static void tile(const struct qn_tile *t, int rows, int panels)
{
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < panels; p++)
            tile_row(t, i, p * PANEL);
}

static void pack_trans(void *packed, int64_t width, const void *plain, int64_t ld, int64_t n, int64_t k)
{
    const ELEM *src = plain;
    ELEM *dst = packed;

    for (int64_t kk = 0; kk < k; kk++)
        for (int64_t i = 0; i < width; i++)
            dst[kk * width + i] = i < n ? src[i * ld + kk] : 0;
}

static void pack_plain(void *packed, int64_t width, const void *plain, int64_t ld, int64_t n, int64_t k)
{
    const ELEM *src = plain;
    ELEM *dst = packed;

    for (int64_t kk = 0; kk < k; kk++)
        for (int64_t i = 0; i < width; i++)
            dst[kk * width + i] = i < n ? src[kk * ld + i] : 0;
}

static void init(struct qn_gemm_isa *isa)
{
    *isa = (struct qn_gemm_isa){.elem = sizeof(ELEM),
                                .panel = PANEL,
                                .max_rows = 4,
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

#endif
