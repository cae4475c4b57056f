/* sgemm_avx512.c: the float32 product for AVX-512. */
#include "kernels/simd/vec_avx512.h"

#include "kernels/simd/vec_math.h"

#define TILE_ACTS 1
#include "kernels/x86/gemm_avx512_body.h"

void qn_sgemm_init__avx512(struct qn_gemm_isa *isa) { init(isa); }
