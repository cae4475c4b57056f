/* plane_avx512.c: im2col and rows of depthwise convolution and pooling for AVX-512. */
#include "kernels/simd/vec_avx512.h"

#include "kernels/simd/vec_math.h"

#include "kernels/simd/depthwise_body.h"
#include "kernels/simd/plane_body.h"
#include "kernels/simd/pooling_body.h"

void qn_plane_init__avx512(struct qn_plane_isa *isa)
{
    fill_plane(isa);
    isa->conv_plane = conv_plane;
    isa->pool_plane = pool_plane;
}
