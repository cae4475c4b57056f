/* dots.c: sums of products of 16-bit integers: the loops of the base instruction set, and the choice of the CPU level's
 * own. */
#include <pthread.h>

#include "base/cpu.h"
#include "kernels/simd/dots_body.h"

#if defined(__x86_64__)
/* Asking the processor costs more than many a product: once is enough. */
static qn_dots_fn *dots_512;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose_512(void) { dots_512 = qn_cpu_has_vnni() ? qn_dots__avx512vnni : qn_dots__avx512; }
#endif

void qn_dots(int64_t m, int64_t n, int64_t stride, const int16_t *a, const int16_t *b, int32_t *c, int64_t ldc)
{
#if defined(__x86_64__)
    if (qn_cpu_level() == QN_CPU_AVX512) {
        pthread_once(&once, choose_512);
        dots_512(m, n, stride, a, b, c, ldc);
        return;
    }
    if (qn_cpu_level() == QN_CPU_AVX2) {
        qn_dots__avx2(m, n, stride, a, b, c, ldc);
        return;
    }
#endif
    dots(m, n, stride, a, b, c, ldc);
}

void qn_tap_sums(int32_t *dst, const int16_t *src, const int64_t *offset, const int16_t *weight, int64_t n_taps,
                 int64_t n)
{
#if defined(__x86_64__)
    if (qn_cpu_level() == QN_CPU_AVX512) {
        qn_tap_sums__avx512(dst, src, offset, weight, n_taps, n);
        return;
    }
    if (qn_cpu_level() == QN_CPU_AVX2) {
        qn_tap_sums__avx2(dst, src, offset, weight, n_taps, n);
        return;
    }
#endif
    tap_sums(dst, src, offset, weight, n_taps, n);
}
