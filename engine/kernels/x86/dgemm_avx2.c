/* dgemm_avx2.c: the float64 product for AVX2 with FMA. */
#include "kernels/simd/vec64_avx2.h"

#define TILE_ACTS 0
#include "kernels/x86/gemm_avx2_body.h"

void qn_dgemm_init__avx2(struct qn_gemm_isa *isa) { init(isa); }
