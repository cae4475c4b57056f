/* blas.c: the float64 product through OpenBLAS, for processors that have no kernels here and builds that have the
 * library (QN_BLAS). The only file that sees it. Its own threads are switched off: they would spin against the engine's
 * pool. */
#if defined(QN_HAVE_BLAS)
#include <limits.h>
#include <pthread.h>

#include <cblas.h>

#include "base/pool.h"
#include "kernels/kern_impl.h"

/* Rows of A that one call multiplies: a fixed number, because the library's blocking, and with it the last bits, depend
 * on it, and the answer must not depend on the number of threads. */
enum { ROWS = 128 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void limit_threads(void) { openblas_set_num_threads(1); }

/* C = bias + residual, for the product to add to. */
static void start_rows(const struct qn_gemm *g, int64_t row, int64_t rows)
{
    const double *col = g->bias_col, *bias_row = g->bias_row, *residual = g->residual;

    for (int64_t i = row; i < row + rows; i++) {
        double *c = (double *)g->c + i * g->ldc;

        for (int64_t j = 0; j < g->n; j++)
            c[j] =
                (col ? col[j] : 0) + (bias_row ? bias_row[i] : 0) + (residual ? residual[i * g->ld_residual + j] : 0);
    }
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct qn_gemm *g = arg;
    int64_t begin, end;

    qn_pool_slice(g->m, ROWS, part, n_parts, &begin, &end);
    for (int64_t row = begin; row < end; row += ROWS) {
        const int64_t rows = end - row < ROWS ? end - row : ROWS;
        const double *a = (const double *)g->a + (g->a_trans ? row : row * g->lda);

        start_rows(g, row, rows);
        cblas_dgemm(CblasRowMajor, g->a_trans ? CblasTrans : CblasNoTrans, g->b_trans ? CblasTrans : CblasNoTrans,
                    (int)rows, (int)g->n, (int)g->k, g->alpha, a, (int)g->lda, g->b, (int)g->ldb, 1,
                    (double *)g->c + row * g->ldc, (int)g->ldc);
    }
}

static void whole(const struct qn_gemm *plain, const struct qn_work *work)
{
    struct qn_gemm g = *plain;

    if (g.b_packed != NULL) {
        g.b = g.b_packed;
        g.ldb = g.n;
        g.b_trans = false;
    }
    /* The library counts in int, and treats k 0 as it likes. */
    if (g.k == 0 || g.k > INT_MAX || g.n > INT_MAX || g.lda > INT_MAX || g.ldb > INT_MAX || g.ldc > INT_MAX) {
        qn_gemm_ref(&g);
        return;
    }
    pthread_once(&once, limit_threads);
    qn_pool_run(work->pool, g.m < 2 * ROWS ? 1 : work->n_threads, run_part, &g);
}

void qn_dgemm_init_blas(struct qn_gemm_isa *isa) { isa->whole = whole; }
#endif
