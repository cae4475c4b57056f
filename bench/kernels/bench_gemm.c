/* bench_gemm.c: speed of the products of float32 and float64 on shapes of real models, one line per shape: the minimum
 * of many short repetitions. Usage: bench_gemm [threads] [part of a name]. QUERN_CPU chooses the kernels. Compiled with
 * QN_HAVE_BLAS and linked with OpenBLAS, it measures that in turns with the engine, on one thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(QN_HAVE_BLAS)
#include <cblas.h>
#endif

#include "base/cpu.h"
#include "base/pool.h"
#include "kernels/kern.h"

struct shape {
    const char *name;
    int64_t m, n, k;
    bool pack_a, pack_b; /* which side is constant */
};

static const struct shape shapes_f32[] = {
    {"l1_840x32x320", 140, 32, 320, true, true},
    {"64", 64, 64, 64, false, true},
    {"128", 128, 128, 128, false, true},
    {"256", 256, 256, 256, false, true},
    {"512", 512, 512, 512, false, true},
    {"512_both_dynamic", 512, 512, 512, false, false},
    {"1024", 1024, 1024, 1024, false, true},
    {"bert_128x768x768", 128, 768, 768, false, true},
    {"bert_128x3072x768", 128, 3072, 768, false, true},
    {"bert_128x768x3072", 128, 768, 3072, false, true},
    {"qk_128x128x64", 128, 128, 64, false, false},
    {"mlp_1x128x784", 1, 128, 784, false, true},
    {"mlp_6x128x784", 6, 128, 784, false, true},
    {"fc_1x1000x2048", 1, 1000, 2048, false, true},
    {"fc_4x768x768", 4, 768, 768, false, true},
    {"tiny_1x8x4", 1, 8, 4, false, true},
    {"conv1x1_64x3136x64", 64, 3136, 64, true, false},
    {"conv1x1_256x3136x64", 256, 3136, 64, true, false},
    {"conv1x1_64x3136x256", 64, 3136, 256, true, false},
    {"conv1x1_128x784x512", 128, 784, 512, true, false},
    {"conv1x1_512x784x128", 512, 784, 128, true, false},
    {"conv1x1_1024x196x256", 1024, 196, 256, true, false},
    {"conv1x1_256x196x1024", 256, 196, 1024, true, false},
    {"conv1x1_2048x49x512", 2048, 49, 512, true, false},
    {"conv1x1_512x49x2048", 512, 49, 2048, true, false},
    {"dyn_64x4096x256", 64, 4096, 256, true, false},
    {"dyn_512x4096x256", 512, 4096, 256, true, false},
    {"dyn_128x1000x512", 128, 1000, 512, true, false},
    {"nhwc_3136x64x64", 3136, 64, 64, false, true},
    {"nhwc_3136x256x64", 3136, 256, 64, false, true},
    {"nhwc_784x512x128", 784, 512, 128, false, true},
};

static const struct shape shapes_f64[] = {
    {"f64_64", 64, 64, 64, false, true},
    {"f64_256", 256, 256, 256, false, true},
    {"f64_512", 512, 512, 512, false, true},
    {"f64_1024", 1024, 1024, 1024, false, true},
    {"f64_512_both_dynamic", 512, 512, 512, false, false},
    {"f64_bert_128x768x768", 128, 768, 768, false, true},
    {"f64_mlp_1x128x784", 1, 128, 784, false, true},
    {"f64_mlp_6x128x784", 6, 128, 784, false, true},
    {"f64_tabular_1x3x30", 1, 3, 30, false, true},
    {"f64_tabular_1000x3x30", 1000, 3, 30, false, true},
};

static void *make(size_t n, enum qn_gemm_type type)
{
    void *p = aligned_alloc(64, (n * qn_gemm_elem(type) + 127) / 64 * 64);

    if (p == NULL)
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++) {
        const double x = (double)(i * 2654435761u % 1024) / 512.0 - 1.0;

        if (type == QN_GEMM_F64)
            ((double *)p)[i] = x;
        else
            ((float *)p)[i] = (float)x;
    }
    return p;
}

/* One round of the engine, or of the other library. */
static void run(const struct qn_gemm *g, const struct qn_work *work, bool other)
{
    if (!other) {
        qn_gemm(g, work);
        return;
    }
#if defined(QN_HAVE_BLAS)
    if (g->type == QN_GEMM_F64)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)g->m, (int)g->n, (int)g->k, 1, g->a, (int)g->lda,
                    g->b, (int)g->ldb, 0, g->c, (int)g->ldc);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)g->m, (int)g->n, (int)g->k, 1, g->a, (int)g->lda,
                    g->b, (int)g->ldb, 0, g->c, (int)g->ldc);
#endif
}

static void measure(enum qn_gemm_type type, const struct shape *s, int n_threads, struct qn_pool *pool)
{
    const double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k;
    struct qn_gemm g = {
        .type = type, .m = s->m, .n = s->n, .k = s->k, .lda = s->k, .ldb = s->n, .ldc = s->n, .alpha = 1};
    struct qn_work work = {.n_threads = n_threads, .pool = pool};
    void *a = make((size_t)(s->m * s->k), type), *b = make((size_t)(s->k * s->n), type);
    void *c = make((size_t)(s->m * s->n), type), *pa = NULL, *pb = NULL;
    const int64_t per_round = flops > 2e6 ? 1 : (int64_t)(2e6 / flops) + 1;
#if defined(QN_HAVE_BLAS)
    const int n_others = 2;
#else
    const int n_others = 1;
#endif
    const long long end = qn_now_ns() + n_others * 300000000;
    double best[2] = {1e30, 1e30};
    size_t n_bytes;

    g.a = a;
    g.b = b;
    g.c = c;
    if (s->pack_a && qn_gemm_pack_a_bytes(s->m, s->k, &n_bytes))
        qn_gemm_pack_a(s->m, s->k, a, g.lda, false, pa = make(n_bytes / sizeof(float), QN_GEMM_F32));
    if (s->pack_b && qn_gemm_pack_b_bytes(type, s->k, s->n, &n_bytes))
        qn_gemm_pack_b(type, s->k, s->n, b, g.ldb, false, pb = make(n_bytes / sizeof(float), QN_GEMM_F32));
    g.a_packed = pa;
    g.b_packed = pb;
    if (!qn_gemm_bytes(&g, n_threads, &n_bytes))
        exit(EXIT_FAILURE);
    work.data = make(n_bytes / sizeof(float), QN_GEMM_F32);
    qn_pool_enter(pool);
    while (qn_now_ns() < end) {
        for (int other = 0; other < n_others; other++) {
            const long long start = qn_now_ns();
            double took;

            for (int64_t i = 0; i < per_round; i++)
                run(&g, &work, other != 0);
            took = (double)(qn_now_ns() - start) / (double)per_round;
            best[other] = took < best[other] ? took : best[other];
        }
    }
    qn_pool_leave(pool);
    printf("%-24s %6lld %6lld %6lld  %10.2f us %8.1f GFLOP/s", s->name, (long long)s->m, (long long)s->n,
           (long long)s->k, best[0] / 1e3, flops / best[0]);
    if (n_others == 2)
        printf("  OpenBLAS %8.1f", flops / best[1]);
    printf("\n");
    free(a);
    free(b);
    free(c);
    free(pa);
    free(pb);
    free(work.data);
}

int main(int argc, char **argv)
{
    const int n_threads = argc > 1 ? atoi(argv[1]) : 1;
    struct qn_pool *pool = n_threads > 1 ? qn_pool_create(n_threads) : NULL;

#if defined(QN_HAVE_BLAS)
    openblas_set_num_threads(1);
#endif
    printf("%s, %d threads\n", qn_kern()->name, n_threads);
    for (size_t i = 0; i < sizeof(shapes_f32) / sizeof(shapes_f32[0]); i++)
        if (argc < 3 || strstr(shapes_f32[i].name, argv[2]) != NULL)
            measure(QN_GEMM_F32, &shapes_f32[i], n_threads, pool);
    for (size_t i = 0; i < sizeof(shapes_f64) / sizeof(shapes_f64[0]); i++)
        if (argc < 3 || strstr(shapes_f64[i].name, argv[2]) != NULL)
            measure(QN_GEMM_F64, &shapes_f64[i], n_threads, pool);
    qn_pool_destroy(pool);
    return 0;
}
