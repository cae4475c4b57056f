/* kern.c: the tables of kernels, one per CPU level, filled once: the plain C functions first, then every level the
 * build and the machine have overwrites what it does better. */
#include <pthread.h>

#include "kernels/kern_impl.h"

static struct qn_isa isas[QN_CPU_NEON + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
    for (int level = QN_CPU_GENERIC; level <= QN_CPU_NEON; level++) {
        struct qn_isa *isa = &isas[level];

        qn_sgemm_init_ref(&isa->gemm[QN_GEMM_F32]);
        qn_dgemm_init_ref(&isa->gemm[QN_GEMM_F64]);
#if defined(QN_HAVE_BLAS)
        if (level == QN_CPU_GENERIC)
            qn_dgemm_init_blas(&isa->gemm[QN_GEMM_F64]);
#endif
        qn_rows_init_ref(&isa->kern);
        qn_plane_init_ref(&isa->plane);
        qn_bytes_init_ref(&isa->bytes);
#if defined(__x86_64__)
        if (level == QN_CPU_AVX2 || level == QN_CPU_AVX512) {
            qn_sgemm_init__avx2(&isa->gemm[QN_GEMM_F32]);
            qn_dgemm_init__avx2(&isa->gemm[QN_GEMM_F64]);
            qn_rows_init__avx2(&isa->kern);
            qn_plane_init__avx2(&isa->plane);
            qn_bytes_init__avx2(&isa->bytes);
        }
        if (level == QN_CPU_AVX512) {
            qn_sgemm_init__avx512(&isa->gemm[QN_GEMM_F32]);
            qn_dgemm_init__avx512(&isa->gemm[QN_GEMM_F64]);
            qn_rows_init__avx512(&isa->kern);
            qn_plane_init__avx512(&isa->plane);
            if (qn_cpu_has_vnni())
                qn_bytes_init__avx512vnni(&isa->bytes);
        }
#endif
    }
}

const struct qn_isa *qn_isa(void)
{
    pthread_once(&once, fill);
    return &isas[qn_cpu_level()];
}

const struct qn_kern *qn_kern(void) { return &qn_isa()->kern; }

const struct qn_kern *qn_kern_ref(void)
{
    pthread_once(&once, fill);
    return &isas[QN_CPU_GENERIC].kern;
}
