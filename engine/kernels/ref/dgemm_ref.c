/* dgemm_ref.c: the float64 product in plain C: one chain of multiply and add per element, k ascending. Rows of B run in
 * the inner loop where they are contiguous, which the compiler vectorises without changing any chain. */
#include "kernels/kern.h"

/* One row of C, cleared or scaled. */
static void start_row(double *c, int64_t n, double beta)
{
    for (int64_t j = 0; j < n; j++)
        c[j] = beta == 0 ? 0 : c[j] * beta;
}

static void row_plain(const double *a, int64_t a_step, const double *b, int64_t ldb, int64_t n, int64_t k, double alpha,
                      double beta, double *c)
{
    enum { STRIP = 64 }; /* sums of a strip of columns stay in cache while k runs */
    double sums[STRIP];

    start_row(c, n, beta);
    for (int64_t j0 = 0; j0 < n; j0 += STRIP) {
        const int64_t width = n - j0 < STRIP ? n - j0 : STRIP;

        for (int64_t j = 0; j < width; j++)
            sums[j] = 0;
        for (int64_t l = 0; l < k; l++)
            for (int64_t j = 0; j < width; j++)
                sums[j] += a[l * a_step] * b[l * ldb + j0 + j];
        for (int64_t j = 0; j < width; j++)
            c[j0 + j] += alpha * sums[j];
    }
}

static void row_trans(const double *a, int64_t a_step, const double *b, int64_t ldb, int64_t n, int64_t k, double alpha,
                      double beta, double *c)
{
    start_row(c, n, beta);
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;

        for (int64_t l = 0; l < k; l++)
            sum += a[l * a_step] * b[j * ldb + l];
        c[j] += alpha * sum;
    }
}

void qn_dgemm_ref(bool a_trans, bool b_trans, int64_t m, int64_t n, int64_t k, double alpha, const double *a,
                  int64_t lda, const double *b, int64_t ldb, double beta, double *c, int64_t ldc)
{
    for (int64_t i = 0; i < m; i++) {
        const double *row = a_trans ? a + i : a + i * lda;
        const int64_t step = a_trans ? lda : 1;

        if (b_trans)
            row_trans(row, step, b, ldb, n, k, alpha, beta, c + i * ldc);
        else
            row_plain(row, step, b, ldb, n, k, alpha, beta, c + i * ldc);
    }
}
