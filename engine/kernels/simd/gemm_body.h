/* gemm_body.h: the micro-kernels of matrix products over the vector vocabulary, as one body that every tile shape is
 * instantiated from, with its accumulators in registers for the whole block of k. Included once per CPU level and
 * element type: after vec_<isa>.h and vec_math.h for float32, or after vec64_<isa>.h for float64, with TILE_MAX_ACC
 * (vectors a tile may hold) and TILE_ACTS (1: activations are fused) defined. The driver is gemm.c. */
#ifndef QN_KERNELS_GEMM_BODY_H
#define QN_KERNELS_GEMM_BODY_H

#include "kernels/kern_impl.h"

enum { PANEL = 64 / sizeof(vf_elem), PANEL_VECS = PANEL / VF_LANES };

/* Valid lanes of vector v of a tile row. */
VF_INLINE size_t tile_lanes(const struct qn_tile *t, int v)
{
    const int64_t n = t->n_cols - (int64_t)v * VF_LANES;

    return n <= 0 ? 0 : n < VF_LANES ? (size_t)n : VF_LANES;
}

/* The way into a tile that ends inside a panel: C so far, through memory. */
static __attribute__((noinline)) void tile_fetch(const struct qn_tile *t, vf_elem *sums, int rows, int nv)
{
    const vf_elem *c = t->c;

    for (int i = 0; i < rows; i++)
        for (int v = 0; v < nv; v++)
            vf_store(sums + ((size_t)i * nv + v) * VF_LANES,
                     vf_load_n(c + i * t->ldc + v * VF_LANES, tile_lanes(t, v)));
}

/* The way out of a tile that ends inside a panel or has a costly activation: sums come through memory (nv vectors a
 * row). */
static __attribute__((noinline)) void tile_finish(const struct qn_tile *t, const vf_elem *sums, int rows, int nv)
{
    const vf alpha = vf_set1((vf_elem)t->alpha);
    const vf_elem *bias_col = t->bias_col, *bias_row = t->bias_row;

    for (int i = 0; i < rows; i++) {
        const vf_elem *residual = t->residual == NULL ? NULL : (const vf_elem *)t->residual + i * t->ld_residual;

        for (int v = 0; v < nv; v++) {
            const size_t lanes = tile_lanes(t, v);
            vf x = vf_load(sums + ((size_t)i * nv + v) * VF_LANES);

            if (lanes == 0)
                break;
            if (t->last) {
                if (t->alpha != 1)
                    x = vf_mul(x, alpha);
                if (bias_col != NULL)
                    x = vf_add(x, vf_load_n(bias_col + v * VF_LANES, lanes));
                if (bias_row != NULL)
                    x = vf_add(x, vf_load1(bias_row + i));
                if (residual != NULL)
                    x = vf_add(x, vf_load_n(residual + v * VF_LANES, lanes));
#if TILE_ACTS
                x = vf_act(x, t->act.kind, vf_set1(t->act.a), vf_set1(t->act.b));
#endif
            }
            vf_store_n((vf_elem *)t->c + i * t->ldc + v * VF_LANES, x, lanes);
        }
    }
}

#define EACH_ACC(statement)                                                                                            \
    do {                                                                                                               \
        QN_UNROLL                                                                                                      \
        for (int i = 0; i < rows; i++) {                                                                               \
            QN_UNROLL                                                                                                  \
            for (int v = 0; v < nv; v++) {                                                                             \
                vf *x = &acc[i * nv + v];                                                                              \
                statement;                                                                                             \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* The way out of a whole tile: everything in registers. */
VF_INLINE void tile_store(const struct qn_tile *t, const int rows, const int nv, vf *acc)
{
    const vf_elem *bias_col = t->bias_col, *bias_row = t->bias_row, *residual = t->residual;
    vf_elem *c = t->c;

    if (t->last) {
        if (t->alpha != 1) {
            const vf alpha = vf_set1((vf_elem)t->alpha);

            EACH_ACC(*x = vf_mul(*x, alpha));
        }
        if (bias_col != NULL)
            EACH_ACC(*x = vf_add(*x, vf_load(bias_col + v * VF_LANES)));
        if (bias_row != NULL)
            EACH_ACC(*x = vf_add(*x, vf_load1(bias_row + i)));
        if (residual != NULL)
            EACH_ACC(*x = vf_add(*x, vf_load(residual + i * t->ld_residual + v * VF_LANES)));
#if TILE_ACTS
        if (t->act.kind == QN_ACT_RELU)
            EACH_ACC(*x = vf_max(vf_zero(), *x));
        if (t->act.kind == QN_ACT_CLIP) {
            const vf lo = vf_set1(t->act.a), hi = vf_set1(t->act.b);

            EACH_ACC(*x = vf_clip(*x, lo, hi));
        }
#endif
    }
    EACH_ACC(vf_store(c + i * t->ldc + v * VF_LANES, *x));
}

/* One step of k. The operand with more registers stays, the other streams. */
VF_INLINE void tile_step(const vf_elem *a, const int64_t a_row, const vf_elem *b, const int64_t b_panel, const int rows,
                         const int nv, vf *acc)
{
    if (rows >= nv) {
        vf columns[TILE_MAX_ACC];

        QN_UNROLL
        for (int v = 0; v < nv; v++)
            columns[v] = vf_load(b + v / PANEL_VECS * b_panel + v % PANEL_VECS * VF_LANES);
        QN_UNROLL
        for (int i = 0; i < rows; i++) {
            const vf x = vf_load1(a + i * a_row);

            QN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i * nv + v] = vf_fma(x, columns[v], acc[i * nv + v]);
        }
    } else {
        vf x[TILE_MAX_ACC];

        QN_UNROLL
        for (int i = 0; i < rows; i++)
            x[i] = vf_load1(a + i * a_row);
        QN_UNROLL
        for (int v = 0; v < nv; v++) {
            const vf column = vf_load(b + v / PANEL_VECS * b_panel + v % PANEL_VECS * VF_LANES);

            QN_UNROLL
            for (int i = 0; i < rows; i++)
                acc[i * nv + v] = vf_fma(x[i], column, acc[i * nv + v]);
        }
    }
}

/* rows, panels and in_place are constants at every call. */
VF_INLINE void tile_body(const struct qn_tile *t, const int rows, const int panels, const bool in_place)
{
    const int nv = panels * PANEL_VECS;
    const bool whole = t->n_cols == (int64_t)panels * PANEL;
    const int64_t a_row = in_place ? t->a_row : 1, a_step = in_place ? 1 : t->a_step;
    const int64_t b_step = t->b_step, b_panel = t->b_panel;
    const bool fetch = rows >= 4; /* lower tiles have no time for it */
    const vf_elem *a = t->a, *b = t->b, *next = t->next, *c = t->c;
    vf_elem sums[TILE_MAX_ACC * VF_LANES] __attribute__((aligned(64))); /* only for a tile that is not whole */
    vf acc[TILE_MAX_ACC];

    if (!t->from_c) {
        EACH_ACC(*x = vf_zero());
    } else if (whole) {
        EACH_ACC(*x = vf_load(c + i * t->ldc + v * VF_LANES));
    } else {
        tile_fetch(t, sums, rows, nv);
        EACH_ACC(*x = vf_load(sums + (i * nv + v) * VF_LANES));
    }

    for (int64_t kk = t->k; kk > 0; kk--) {
        tile_step(a, a_row, b, b_panel, rows, nv, acc);
        if (fetch) {
            vf_prefetch(next);
            next += t->next_step;
        }
        a += a_step;
        b += b_step;
    }

    if (whole && (!t->last || t->act.kind <= QN_ACT_CLIP)) {
        tile_store(t, rows, nv, acc);
    } else {
        EACH_ACC(vf_store(sums + (i * nv + v) * VF_LANES, *x));
        tile_finish(t, sums, rows, nv);
    }
}

/* A micro-kernel per shape; T(rows, panels) in lists of the including file. */
#define TILE_DEFINE(rows, panels)                                                                                      \
    static __attribute__((noinline)) void tile_##rows##x##panels(const struct qn_tile *t)                              \
    {                                                                                                                  \
        tile_body(t, rows, panels, false);                                                                             \
    }
#define TILE_DEFINE_IN_PLACE(rows, panels)                                                                             \
    static __attribute__((noinline)) void tile_in_place_##rows##x##panels(const struct qn_tile *t)                     \
    {                                                                                                                  \
        tile_body(t, rows, panels, true);                                                                              \
    }
#define TILE_ENTRY(rows, panels)          [rows][panels] = tile_##rows##x##panels,
#define TILE_ENTRY_IN_PLACE(rows, panels) [rows][panels] = tile_in_place_##rows##x##panels,

typedef void tile_fn(const struct qn_tile *t);

#endif
