/* sgemm_avx2.c: micro-kernels of the float32 product for AVX2 with FMA: 6 rows by 16 columns (12 of 16 registers hold
 * sums), lower and wider ones for few rows; and the packing routines, which serve AVX-512 too. Drivers are in sgemm.c.
 */
#include <string.h>

#include "kernels/simd/vec_avx2.h"

#include "kernels/simd/vec_math.h"

#define TILE_MAX_ACC 12
#include "kernels/simd/sgemm_body.h"

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

/* k steps of up to eight source rows into dst columns [0, room), rows at and beyond n zero; room is 1 to 8. */
static void pack_strip(float *dst, int64_t width, const float *src, int64_t ld, int64_t n, int64_t room, int64_t k)
{
    vf r[8];

    for (int64_t kk = 0; kk < k; kk += 8) {
        const size_t part = k - kk < 8 ? (size_t)(k - kk) : 8;

        for (int i = 0; i < 8; i++)
            r[i] = i >= n ? vf_zero() : part == 8 ? vf_load(src + i * ld + kk) : vf_load_n(src + i * ld + kk, part);
        vf_transpose_8x8(r);
        for (size_t j = 0; j < part; j++) {
            if (room == 8)
                vf_store(dst + (kk + (int64_t)j) * width, r[j]);
            else
                vf_store_n(dst + (kk + (int64_t)j) * width, r[j], (size_t)room);
        }
    }
}

static void pack_trans(float *dst, int64_t width, const float *src, int64_t ld, int64_t n, int64_t k)
{
    for (int64_t i = 0; i < width; i += 8) {
        const int64_t room = width - i < 8 ? width - i : 8;
        const int64_t left = n - i < 0 ? 0 : n - i < 8 ? n - i : 8;

        pack_strip(dst + i, width, src + (left > 0 ? i * ld : 0), ld, left, room, k);
    }
}

static void pack_plain(float *dst, int64_t width, const float *src, int64_t ld, int64_t n, int64_t k)
{
    if (width == 16 && n == 16) {
        for (int64_t kk = 0; kk < k; kk++, src += ld, dst += 16) {
            vf_store(dst, vf_load(src));
            vf_store(dst + 8, vf_load(src + 8));
        }
        return;
    }
    for (int64_t kk = 0; kk < k; kk++, src += ld, dst += width) {
        memcpy(dst, src, (size_t)n * sizeof(float));
        memset(dst + n, 0, (size_t)(width - n) * sizeof(float));
    }
}

void qn_sgemm_init__avx2(struct qn_sgemm_isa *isa)
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
