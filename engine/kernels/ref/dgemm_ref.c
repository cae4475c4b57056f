/* dgemm_ref.c: the float64 product in plain C. Without fused multiply-add in the processor's base instruction set,
 * fma() would be a call, and on processors that lack it a hundred times slower than the two roundings taken instead. */
#include <math.h>

#define ELEM  double
#define PANEL 8
#if defined(FP_FAST_FMA)
#define LINK(a, b, sum) fma(a, b, sum)
#else
#define LINK(a, b, sum) ((a) * (b) + (sum))
#endif
#define LEVEL_LINK(a, b, sum) (qn_cpu_level() == QN_CPU_GENERIC ? LINK(a, b, sum) : fma(a, b, sum))
#define ACT(x, activation)    ((void)(activation), (x))
#include "kernels/ref/gemm_ref_body.h"

void qn_dgemm_init_ref(struct qn_gemm_isa *isa) { init(isa); }

void qn_dgemm_ref(const struct qn_gemm *g) { product(g); }
