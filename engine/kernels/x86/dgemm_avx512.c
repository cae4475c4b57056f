/* dgemm_avx512.c: the float64 product for AVX-512. */
#include "kernels/simd/vec64_avx512.h"

#define TILE_ACTS 0
#include "kernels/x86/gemm_avx512_body.h"

void qn_dgemm_init__avx512(struct qn_gemm_isa *isa) { init(isa); }
