/* blas.c: the float64 product, through OpenBLAS when the build has it. The only file that sees that library. Its own
 * threads are switched off: they would spin against the engine's pool. */
#include "kernels/kern.h"

#if defined(QN_HAVE_BLAS)
#include <limits.h>
#include <pthread.h>

#include <cblas.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void limit_threads(void) { openblas_set_num_threads(1); }

/* The library counts in int. */
static bool fits(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t ldc)
{
    return m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX;
}

void qn_dgemm(bool a_trans, bool b_trans, int64_t m, int64_t n, int64_t k, double alpha, const double *a, int64_t lda,
              const double *b, int64_t ldb, double beta, double *c, int64_t ldc)
{
    const int64_t a_width = a_trans ? m : k, b_width = b_trans ? k : n;

    pthread_once(&once, limit_threads);
    /* It refuses a leading dimension below the width, and prints; and it treats k 0 as it likes. */
    if (m == 0 || n == 0 || k == 0 || lda < a_width || ldb < b_width || ldc < n || !fits(m, n, k, lda, ldb, ldc)) {
        qn_dgemm_ref(a_trans, b_trans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    cblas_dgemm(CblasRowMajor, a_trans ? CblasTrans : CblasNoTrans, b_trans ? CblasTrans : CblasNoTrans, (int)m, (int)n,
                (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
#else
void qn_dgemm(bool a_trans, bool b_trans, int64_t m, int64_t n, int64_t k, double alpha, const double *a, int64_t lda,
              const double *b, int64_t ldb, double beta, double *c, int64_t ldc)
{
    qn_dgemm_ref(a_trans, b_trans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
#endif
