/* gemm_avx512_body.h: AVX-512's part of the matrix product of one element type, whose vocabulary is included before:
 * tiles of 14 rows by 2 panels of a vector (28 of 32 registers hold sums), lower and wider ones for few rows. TILE_ACTS
 * as in simd/gemm_body.h. Packing is shared with AVX2. The driver is gemm.c. */
#ifndef QN_KERNELS_GEMM_AVX512_BODY_H
#define QN_KERNELS_GEMM_AVX512_BODY_H

#define TILE_MAX_ACC 28
#include "kernels/simd/gemm_body.h"

/* clang-format off */
#define TILES_LOW(T) \
    T(1, 1) T(1, 2) T(1, 3) T(1, 4) T(1, 8) T(2, 1) T(2, 2) T(2, 3) T(2, 4) T(2, 8) T(3, 1) T(3, 2) T(3, 3) T(3, 4) \
    T(3, 8) T(4, 1) T(4, 2) T(4, 3) T(4, 4) T(5, 1) T(5, 2) T(5, 3) T(5, 4) T(6, 1) T(6, 2) T(6, 3) T(6, 4)
#define TILES_TALL(T) \
    T(7, 1) T(7, 2) T(8, 1) T(8, 2) T(9, 1) T(9, 2) T(10, 1) T(10, 2) T(11, 1) T(11, 2) T(12, 1) T(12, 2) T(13, 1) \
    T(13, 2) T(14, 1) T(14, 2)
/* clang-format on */

TILES_LOW(TILE_DEFINE)
TILES_TALL(TILE_DEFINE)
TILES_LOW(TILE_DEFINE_IN_PLACE)

static tile_fn *const tiles[15][9] = {TILES_LOW(TILE_ENTRY) TILES_TALL(TILE_ENTRY)};
static tile_fn *const tiles_in_place[15][9] = {TILES_LOW(TILE_ENTRY_IN_PLACE)};

static void tile(const struct qn_tile *t, int rows, int panels)
{
    if (t->a_row == 1)
        tiles[rows][panels](t);
    else
        tiles_in_place[rows][panels](t);
}

static void init(struct qn_gemm_isa *isa)
{
    static const int panels[QN_TILE_MAX_ROWS + 1] = {0, 8, 8, 8, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0};

    for (int rows = 0; rows <= QN_TILE_MAX_ROWS; rows++)
        isa->panels[rows] = panels[rows];
    isa->max_rows = 14;
    isa->max_rows_in_place = 6;
    isa->kc = 320;
    isa->mc = 140;
    isa->nc = 512;
    isa->tile = tile;
}

#endif
