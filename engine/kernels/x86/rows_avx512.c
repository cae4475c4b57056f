/* rows_avx512.c: the row functions for AVX-512. */
#include "kernels/simd/vec_avx512.h"

#include "kernels/simd/vec_math.h"

#include "kernels/simd/rows_body.h"

void qn_rows_init__avx512(struct qn_kern *kern) { fill_rows(kern, "avx512"); }
