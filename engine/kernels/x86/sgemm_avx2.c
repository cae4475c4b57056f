/* sgemm_avx2.c: the float32 product for AVX2 with FMA. */
#include "kernels/simd/vec_avx2.h"

#include "kernels/simd/vec_math.h"

#define TILE_ACTS 1
#include "kernels/x86/gemm_avx2_body.h"

void qn_sgemm_init__avx2(struct qn_gemm_isa *isa) { init(isa); }
