/* gemm_avx2_body.h: AVX2's part of the matrix product of one element type, whose vocabulary is included before: tiles
 * of 6 rows by 2 vectors per panel (12 of 16 registers hold sums), lower and wider ones for few rows; and the packing
 * routines, which serve AVX-512 too. TILE_ACTS as in simd/gemm_body.h. The driver is gemm.c. */
#ifndef QN_KERNELS_GEMM_AVX2_BODY_H
#define QN_KERNELS_GEMM_AVX2_BODY_H

#include <string.h>

#define TILE_MAX_ACC 12
#include "kernels/simd/gemm_body.h"

/* clang-format off */
#define TILES_LOW(T) T(1, 1) T(1, 2) T(1, 3) T(1, 4) T(2, 1) T(2, 2) T(2, 3) T(3, 1) T(3, 2)
#define TILES_TALL(T) T(4, 1) T(5, 1) T(6, 1)
/* clang-format on */

TILES_LOW(TILE_DEFINE)
TILES_TALL(TILE_DEFINE)
TILES_LOW(TILE_DEFINE_IN_PLACE)
TILES_TALL(TILE_DEFINE_IN_PLACE)

static tile_fn *const tiles[7][5] = {TILES_LOW(TILE_ENTRY) TILES_TALL(TILE_ENTRY)};
static tile_fn *const tiles_in_place[7][5] = {TILES_LOW(TILE_ENTRY_IN_PLACE) TILES_TALL(TILE_ENTRY_IN_PLACE)};

static void tile(const struct qn_tile *t, int rows, int panels)
{
    if (t->a_row == 1)
        tiles[rows][panels](t);
    else
        tiles_in_place[rows][panels](t);
}

/* k steps of up to VF_LANES source rows into dst columns [0, room), 1 to VF_LANES; rows at and beyond n are zero. */
static void pack_strip(vf_elem *dst, int64_t width, const vf_elem *src, int64_t ld, int64_t n, int64_t room, int64_t k)
{
    vf r[VF_LANES];

    for (int64_t kk = 0; kk < k; kk += VF_LANES) {
        const size_t part = k - kk < VF_LANES ? (size_t)(k - kk) : VF_LANES;

        for (int i = 0; i < VF_LANES; i++) {
            const vf_elem *row = src + i * ld + kk;

            r[i] = i >= n ? vf_zero() : part == VF_LANES ? vf_load(row) : vf_load_n(row, part);
        }
        vf_transpose(r);
        for (size_t j = 0; j < part; j++) {
            if (room == VF_LANES)
                vf_store(dst + (kk + (int64_t)j) * width, r[j]);
            else
                vf_store_n(dst + (kk + (int64_t)j) * width, r[j], (size_t)room);
        }
    }
}

static void pack_trans(void *packed, int64_t width, const void *plain, int64_t ld, int64_t n, int64_t k)
{
    const vf_elem *src = plain;
    vf_elem *dst = packed;

    for (int64_t i = 0; i < width; i += VF_LANES) {
        const int64_t room = width - i < VF_LANES ? width - i : VF_LANES;
        const int64_t left = n - i < 0 ? 0 : n - i < VF_LANES ? n - i : VF_LANES;

        pack_strip(dst + i, width, src + (left > 0 ? i * ld : 0), ld, left, room, k);
    }
}

static void pack_plain(void *packed, int64_t width, const void *plain, int64_t ld, int64_t n, int64_t k)
{
    const vf_elem *src = plain;
    vf_elem *dst = packed;

    if (width == PANEL && n == PANEL) {
        for (int64_t kk = 0; kk < k; kk++, src += ld, dst += PANEL) {
            vf_store(dst, vf_load(src));
            vf_store(dst + VF_LANES, vf_load(src + VF_LANES));
        }
        return;
    }
    for (int64_t kk = 0; kk < k; kk++, src += ld, dst += width) {
        memcpy(dst, src, (size_t)n * sizeof(*dst));
        memset(dst + n, 0, (size_t)(width - n) * sizeof(*dst));
    }
}

static void init(struct qn_gemm_isa *isa)
{
    static const int panels[] = {0, 4, 3, 2, 1, 1, 1};

    for (int rows = 0; rows <= QN_TILE_MAX_ROWS; rows++)
        isa->panels[rows] = rows <= 6 ? panels[rows] : 0;
    isa->max_rows = 6;
    isa->max_rows_in_place = 6;
    isa->kc = 320;
    isa->mc = 120;
    isa->nc = 256;
    isa->tile = tile;
    isa->pack_trans = pack_trans;
    isa->pack_plain = pack_plain;
}

#endif
