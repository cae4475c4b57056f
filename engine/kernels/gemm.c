/* gemm.c: drives the micro-kernels over a product of float32 or float64: cuts it into parts for threads, parts into
 * blocks that stay in cache, blocks into tiles; packs whatever operand does not come packed. Knows neither instruction
 * set nor element: tiles and packing come through qn_isa(), and places are computed from the element's size. The sum of
 * an element is one chain over k, so nothing decided here changes a bit of the result. */
#include <assert.h>

#include "base/checked.h"
#include "base/pool.h"
#include "kernels/kern_impl.h"

enum { ALIGN = 64 };

/* Below this many multiply-adds a second thread costs more than it brings. */
static const double parallel_from = 0.75e6;

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Element i of an operand, of a workspace or of C. */
static const void *at(const struct qn_gemm_isa *isa, const void *p, int64_t i)
{
    return (const char *)p + i * isa->elem;
}
static void *place(const struct qn_gemm_isa *isa, void *p, int64_t i) { return (char *)p + i * isa->elem; }
static const void *at_or_null(const struct qn_gemm_isa *isa, const void *p, int64_t i)
{
    return p == NULL ? NULL : at(isa, p, i);
}

/* Rows of a tile when m rows are cut into as few and as even tiles as possible. */
static int64_t tile_height(const struct qn_gemm_isa *isa, int64_t m)
{
    return m <= isa->max_rows ? (m > 0 ? m : 1) : ceil_div(m, ceil_div(m, isa->max_rows));
}

/* How a product is blocked: a function of sizes, operand forms and CPU level alone. */
struct layout {
    int64_t height;      /* rows of a tile; the last may be lower */
    int64_t n_tiles;     /* of rows */
    int64_t block_tiles; /* of rows per block */
    int64_t kc, nc;
    bool pack_a;    /* else read in place */
    int64_t a_step; /* elements per k of a tile in the workspace */
    bool direct_b;  /* whole panels of a row-major B are read in place, only a last partial one is packed */
    size_t a_room, b_room, c_room; /* elements of a part's workspace */
};

static bool builds_b(const struct qn_gemm *g) { return g->b_packed == NULL; }

/* Whether to read a row-major B where it stands: few rows do not repay packing, as long as lines of B do not straddle
 * cache lines or fall on each other in the cache. */
static bool read_directly(const struct qn_gemm *g, const struct qn_gemm_isa *isa, const struct layout *l)
{
    if (g->b_packed != NULL || g->b_fill != NULL || g->b_trans)
        return false;
    return l->n_tiles <= 2 || (g->m <= 128 && g->ldb % isa->panel == 0 && g->ldb * isa->elem % 4096 != 0);
}

/* As many lines as fit into `lines` of the usual depth when they are kc deep, in multiples of unit, at least one. */
static int64_t fit_block(int64_t lines, int64_t unit, int64_t usual_kc, int64_t kc)
{
    lines = lines * usual_kc / kc;
    return lines > unit ? lines / unit * unit : unit;
}

/* whole_k: never cut k. */
static struct layout make_layout(const struct qn_gemm *g, const struct qn_gemm_isa *isa, bool whole_k)
{
    const int64_t panel = isa->panel, n_panels = ceil_div(g->n, panel);
    struct layout l;
    int64_t n_blocks;

    l.height = tile_height(isa, g->m);
    l.n_tiles = ceil_div(g->m, l.height);
    l.direct_b = read_directly(g, isa, &l);
    /* One tile of rows revisits nothing, so its block may be as deep as its A stays in cache. */
    l.kc = l.n_tiles == 1 && (!builds_b(g) || l.direct_b) ? 32768 / isa->elem / l.height : isa->kc;
    n_blocks = g->k > l.kc && !whole_k ? ceil_div(g->k, l.kc) : 1;
    l.kc = ceil_div(g->k, n_blocks);
    l.nc = n_panels * panel;
    if (g->c_trans) /* the block that is turned over should stay in cache */
        l.nc = min_i64(l.nc, fit_block(256, panel, 128, max_i64(1, min_i64(g->m, 128))));
    if (builds_b(g))
        l.nc = min_i64(l.nc, fit_block(isa->nc, panel, isa->kc, max_i64(isa->kc, l.kc)));
    l.block_tiles = min_i64(l.n_tiles, fit_block(isa->mc, l.height, isa->kc, max_i64(isa->kc, l.kc)) / l.height);
    if (g->a_packed != NULL || g->a_fill != NULL)
        l.pack_a = g->a_packed == NULL;
    else if (g->a_trans)
        l.pack_a = n_panels > 2 * isa->panels[l.height];
    else
        l.pack_a = l.height > isa->max_rows_in_place;
    l.a_step = g->a_packed == NULL && g->a_fill != NULL ? panel : l.height;
    l.a_room = l.pack_a ? qn_round_up((size_t)(l.block_tiles * l.a_step * l.kc), (size_t)panel) : 0;
    l.b_room = 0;
    if (builds_b(g))
        l.b_room = (size_t)(l.direct_b ? (g->n % panel != 0 ? panel : 0) : l.nc) * (size_t)l.kc;
    /* Transposed: the block as it comes out of the tiles, and a panel of its columns as rows. */
    l.c_room = g->c_trans ? (size_t)(l.n_tiles * l.height) * (size_t)(l.nc + panel) : 0;
    return l;
}

struct part {
    const struct qn_gemm *g;
    const struct qn_isa *all;
    const struct qn_gemm_isa *isa;
    struct layout l;
    void *a_room, *b_room, *c_room;
    int64_t tile0, tile1; /* rows */
};

/* Where a block of B stands: panels from `first` on. */
struct b_place {
    const void *data;
    int64_t panel, step;
};

static struct b_place take_b(const struct part *p, int64_t k0, int64_t kc, int64_t j0, int64_t n)
{
    const struct qn_gemm *g = p->g;
    const struct qn_gemm_isa *isa = p->isa;
    const int64_t panel = isa->panel;
    const struct b_place packed_here = {p->b_room, kc * panel, panel};

    if (g->b_packed != NULL)
        return (struct b_place){at(isa, g->b_packed, j0 * g->k + k0 * panel), g->k * panel, panel};
    if (g->b_fill != NULL) {
        if (kc > 0)
            g->b_fill(g->b_arg, k0, kc, j0, n, p->b_room);
        return packed_here;
    }
    for (int64_t j = 0; j < n; j += panel) {
        const int64_t cols = min_i64(panel, n - j);
        void *room = place(isa, p->b_room, p->l.direct_b ? 0 : j * kc);

        if (p->l.direct_b && cols == panel)
            continue;
        if (g->b_trans)
            isa->pack_trans(room, panel, at(isa, g->b, (j0 + j) * g->ldb + k0), g->ldb, cols, kc);
        else
            isa->pack_plain(room, panel, at(isa, g->b, k0 * g->ldb + j0 + j), g->ldb, cols, kc);
    }
    if (p->l.direct_b && n >= panel)
        return (struct b_place){at(isa, g->b, k0 * g->ldb + j0), panel, g->ldb};
    return packed_here;
}

/* Points the tile at row tile number `index` of A and k0. Packs nothing: pack_rows() did. */
static void aim_a(const struct part *p, struct qn_tile *t, int64_t index, int64_t first, int64_t k0, int64_t kc)
{
    const struct qn_gemm *g = p->g;
    const struct qn_gemm_isa *isa = p->isa;
    const int64_t height = p->l.height, i0 = index * height;

    t->a_row = 1;
    t->a_step = p->l.a_step;
    if (g->a_packed != NULL) {
        t->a = at(isa, g->a_packed, i0 * g->k + k0 * height);
    } else if (p->l.pack_a) {
        t->a = at(isa, p->a_room, (index - first) * p->l.a_step * kc);
    } else if (g->a_trans) {
        t->a = at(isa, g->a, k0 * g->lda + i0);
        t->a_step = g->lda;
    } else {
        t->a = at(isa, g->a, i0 * g->lda + k0);
        t->a_row = g->lda;
        t->a_step = 1;
    }
}

static void pack_rows(const struct part *p, int64_t first, int64_t end, int64_t k0, int64_t kc)
{
    const struct qn_gemm *g = p->g;
    const struct qn_gemm_isa *isa = p->isa;
    const int64_t height = p->l.height;

    for (int64_t index = first; index < end; index++) {
        const int64_t i0 = index * height, rows = min_i64(height, g->m - i0);
        void *room = place(isa, p->a_room, (index - first) * p->l.a_step * kc);

        if (g->a_fill != NULL && kc > 0)
            g->a_fill(g->a_arg, k0, kc, i0, rows, room);
        else if (g->a_trans)
            isa->pack_plain(room, height, at(isa, g->a, k0 * g->lda + i0), g->lda, rows, kc);
        else
            isa->pack_trans(room, height, at(isa, g->a, i0 * g->lda + k0), g->lda, rows, kc);
    }
}

/* The widest tile the level has for that many panels. */
static int tile_panels(int64_t n_panels, int widest)
{
    static const int fit[QN_TILE_MAX_PANELS + 1] = {0, 1, 2, 3, 4, 4, 4, 4, 8};
    int panels = fit[n_panels < QN_TILE_MAX_PANELS ? n_panels : QN_TILE_MAX_PANELS];

    return panels <= widest ? panels : widest;
}

/* One block of k and columns. */
struct block {
    int64_t k0, kc;
    int64_t j0, n;
};

/* Points the tile at its place in C, or in the block that is transposed into C later. */
static void aim_c(const struct part *p, struct qn_tile *t, const struct block *block, int64_t i0, int64_t j)
{
    const struct qn_gemm *g = p->g;

    t->bias_row = at_or_null(p->isa, g->bias_row, i0);
    if (g->c_trans) {
        t->c = place(p->isa, p->c_room, (i0 - p->tile0 * p->l.height) * p->l.nc + j - block->j0);
    } else {
        t->c = place(p->isa, g->c, i0 * g->ldc + j);
        t->residual = at_or_null(p->isa, g->residual, i0 * g->ld_residual + j);
    }
}

/* A packed B comes from afar: the first tiles of a column of tiles fetch the panels of the next one, a panel each.
 * n_left: columns that follow. */
static void fetch_next(const struct part *p, struct qn_tile *t, int64_t tile, int panels, int64_t n_left)
{
    const bool worth = p->g->b_packed != NULL && tile < panels && tile * p->isa->panel < n_left;

    t->next = worth ? at(p->isa, t->b, (panels + tile) * t->b_panel) : t->b;
    t->next_step = worth ? p->isa->panel : 0;
}

/* Tiles [first, end) of rows times columns [j0, j0 + n), whose panels of B start at t->b. */
static void run_tiles(const struct part *p, struct qn_tile *t, const struct block *block, int64_t first, int64_t end,
                      int64_t j0, int64_t n)
{
    const struct qn_gemm *g = p->g;
    const int64_t panel = p->isa->panel;
    const void *b = t->b;
    int64_t j = 0;

    while (j < n) {
        const int panels = tile_panels(ceil_div(n - j, panel), p->isa->panels[p->l.height]);

        t->b = at(p->isa, b, j / panel * t->b_panel);
        t->n_cols = min_i64(n - j, panels * panel);
        t->bias_col = at_or_null(p->isa, g->bias_col, j0 + j);
        for (int64_t index = first; index < end; index++) {
            const int64_t i0 = index * p->l.height;

            fetch_next(p, t, index - first, panels, n - j - t->n_cols);
            aim_a(p, t, index, first, block->k0, block->kc);
            aim_c(p, t, block, i0, j0 + j);
            p->isa->tile(t, (int)min_i64(p->l.height, g->m - i0), panels);
        }
        j += t->n_cols;
    }
}

/* One block against all the part's rows. */
static void run_block(const struct part *p, const struct block *block)
{
    const struct qn_gemm *g = p->g;
    const struct b_place b = take_b(p, block->k0, block->kc, block->j0, block->n);
    const int64_t panel = p->isa->panel, whole = p->l.direct_b ? block->n / panel * panel : block->n;
    struct qn_tile t = {.k = block->kc,
                        .ldc = g->c_trans ? p->l.nc : g->ldc,
                        .from_c = block->k0 > 0,
                        .last = block->k0 + block->kc == g->k,
                        .alpha = g->alpha,
                        .ld_residual = g->ld_residual};

    if (!g->c_trans || g->residual == NULL)
        t.act = g->act;
    for (int64_t i = p->tile0; i < p->tile1; i += p->l.block_tiles) {
        const int64_t end = min_i64(p->tile1, i + p->l.block_tiles);

        if (p->l.pack_a)
            pack_rows(p, i, end, block->k0, block->kc);
        t.b = b.data;
        t.b_panel = b.panel;
        t.b_step = b.step;
        run_tiles(p, &t, block, i, end, block->j0, whole);
        if (whole < block->n) {
            t.b = p->b_room;
            t.b_panel = block->kc * panel;
            t.b_step = panel;
            run_tiles(p, &t, block, i, end, block->j0 + whole, block->n - whole);
        }
    }
}

/* Turns the finished block over into C; float32 only. With a residual, which may be C itself, a few columns at a time.
 */
static void transpose_block(const struct part *p, const struct block *block)
{
    const struct qn_gemm *g = p->g;
    const struct qn_kern *kern = &p->all->kern;
    const int64_t i0 = p->tile0 * p->l.height, rows = min_i64(p->tile1 * p->l.height, g->m) - i0;
    const float *room = p->c_room, *residual = g->residual;
    float *strip = (float *)p->c_room + p->l.n_tiles * p->l.height * p->l.nc, *c = (float *)g->c + i0;

    if (residual == NULL) {
        kern->transpose_4b(c + block->j0 * g->ldc, g->ldc, room, p->l.nc, rows, block->n);
        return;
    }
    residual += i0;
    for (int64_t j = 0; j < block->n; j += QN_GEMM_PANEL) {
        const int64_t n = min_i64(QN_GEMM_PANEL, block->n - j);

        kern->transpose_4b(strip, rows, room + j, p->l.nc, rows, n);
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = block->j0 + j + i;

            kern->vv[QN_ADD](c + row * g->ldc, strip + i * rows, residual + row * g->ld_residual, (size_t)rows);
            if (g->act.kind != QN_ACT_NONE)
                kern->act(c + row * g->ldc, c + row * g->ldc, (size_t)rows, &g->act);
        }
    }
}

struct job {
    const struct qn_gemm *g;
    const struct qn_isa *all;
    const struct qn_gemm_isa *isa;
    struct layout l;
    int row_parts, col_parts;
    void *room; /* [part][a_room + b_room + c_room] */
};

static size_t part_room(const struct layout *l) { return l->a_room + l->b_room + l->c_room; }

static void run_part(void *arg, int index, int n_parts)
{
    const struct job *job = arg;
    const struct layout *l = &job->l;
    struct part p = {.g = job->g, .all = job->all, .isa = job->isa, .l = *l};
    int64_t n0, n1;

    (void)n_parts;
    p.a_room = place(p.isa, job->room, index * (int64_t)part_room(l));
    p.b_room = place(p.isa, p.a_room, (int64_t)l->a_room);
    p.c_room = place(p.isa, p.b_room, (int64_t)l->b_room);
    qn_pool_slice(l->n_tiles, 1, index / job->col_parts, job->row_parts, &p.tile0, &p.tile1);
    qn_pool_slice(job->g->n, p.isa->panel, index % job->col_parts, job->col_parts, &n0, &n1);
    for (int64_t j = n0; j < n1; j += l->nc) {
        struct block block = {.j0 = j, .n = min_i64(l->nc, n1 - j)};

        do {
            block.kc = min_i64(l->kc, job->g->k - block.k0);
            run_block(&p, &block);
            block.k0 += block.kc;
        } while (block.k0 < job->g->k);
        if (job->g->c_trans)
            transpose_block(&p, &block);
    }
}

/* Cuts rows and columns so that the largest part, with the packing it must do itself, is cheapest. Costs are in
 * elements per vector step: a multiply-add moves 32 of them a cycle, packing 2 to 4, reading a packed B 4. */
static void cut(struct job *job, int n_parts)
{
    const struct qn_gemm *g = job->g;
    const int64_t n_panels = ceil_div(g->n, job->isa->panel);
    const double a_cost = job->l.pack_a ? 16 : 0, b_cost = g->b_packed != NULL || job->l.direct_b ? 8 : 16;
    double best = -1;

    for (int rows = 1; rows <= n_parts; rows++) {
        const int cols = n_parts / rows;
        const double part_rows = (double)(ceil_div(job->l.n_tiles, rows) * job->l.height);
        const double part_cols = (double)(ceil_div(n_panels, cols) * job->isa->panel);
        const double cost = part_rows * part_cols + part_rows * a_cost + part_cols * b_cost;

        if (best < 0 || cost < best) {
            best = cost;
            job->row_parts = rows;
            job->col_parts = cols;
        }
    }
}

static const struct qn_gemm_isa *isa_of(enum qn_gemm_type type) { return &qn_isa()->gemm[type]; }

/* Bytes of `lines` lines of k elements, in whole multiples of `unit` lines. */
static bool packed_bytes(const struct qn_gemm_isa *isa, int64_t lines, int64_t unit, int64_t k, size_t *n_bytes)
{
    size_t whole;

    return qn_add((size_t)lines, (size_t)unit - 1, &whole) &&
           qn_mul(whole / (size_t)unit * (size_t)unit, (size_t)k, n_bytes) &&
           qn_mul(*n_bytes, (size_t)isa->elem, n_bytes);
}

/* Columns of a panel in packed B. */
static int64_t b_panel(const struct qn_gemm_isa *isa, int64_t n)
{
    return isa->whole == NULL ? isa->panel : max_i64(n, 1);
}

bool qn_gemm_pack_b_bytes(enum qn_gemm_type type, int64_t k, int64_t n, size_t *n_bytes)
{
    const struct qn_gemm_isa *isa = isa_of(type);

    return packed_bytes(isa, n, b_panel(isa, n), k, n_bytes);
}

void qn_gemm_pack_b(enum qn_gemm_type type, int64_t k, int64_t n, const void *b, int64_t ldb, bool trans, void *packed)
{
    const struct qn_gemm_isa *isa = isa_of(type);
    const int64_t panel = b_panel(isa, n);

    for (int64_t j = 0; j < n; j += panel) {
        const int64_t cols = min_i64(panel, n - j);

        if (trans)
            isa->pack_trans(place(isa, packed, j * k), panel, at(isa, b, j * ldb), ldb, cols, k);
        else
            isa->pack_plain(place(isa, packed, j * k), panel, at(isa, b, j), ldb, cols, k);
    }
}

bool qn_gemm_pack_a_bytes(int64_t m, int64_t k, size_t *n_bytes)
{
    const struct qn_gemm_isa *isa = isa_of(QN_GEMM_F32);

    return packed_bytes(isa, m, tile_height(isa, m), k, n_bytes);
}

void qn_gemm_pack_a(int64_t m, int64_t k, const float *a, int64_t lda, bool trans, float *packed)
{
    const struct qn_gemm_isa *isa = isa_of(QN_GEMM_F32);
    const int64_t height = tile_height(isa, m);

    for (int64_t i = 0; i < m; i += height) {
        const int64_t rows = min_i64(height, m - i);

        if (trans)
            isa->pack_plain(packed + i * k, height, a + i, lda, rows, k);
        else
            isa->pack_trans(packed + i * k, height, a + i * lda, lda, rows, k);
    }
}

bool qn_gemm_bytes(const struct qn_gemm *g, int n_threads, size_t *n_bytes)
{
    const struct qn_gemm_isa *isa = isa_of(g->type);
    size_t room = 0;

    *n_bytes = 0;
    if (isa->whole != NULL)
        return true;
    for (int whole_k = 0; whole_k <= 1; whole_k++) {
        const struct layout l = make_layout(g, isa, whole_k != 0);

        room = part_room(&l) > room ? part_room(&l) : room;
    }
    if (!qn_mul(room, (size_t)n_threads * (size_t)isa->elem, n_bytes))
        return false;
    return *n_bytes == 0 || qn_add(*n_bytes, ALIGN, n_bytes);
}

void qn_gemm(const struct qn_gemm *g, const struct qn_work *work)
{
    struct job job = {.g = g, .all = qn_isa(), .row_parts = 1, .col_parts = 1};
    int n_parts = 1;

    assert(g->type == QN_GEMM_F32 ||
           (!g->a_packed && !g->a_fill && !g->b_fill && !g->c_trans && g->act.kind == QN_ACT_NONE));
    if (g->m == 0 || g->n == 0)
        return;
    job.isa = &job.all->gemm[g->type];
    if (job.isa->whole != NULL) {
        job.isa->whole(g, work);
        return;
    }
    /* Between blocks of k, C holds sums so far: not where it still holds the residual. */
    job.l = make_layout(g, job.isa, !g->c_trans && g->residual == g->c);
    if (work->data != NULL)
        job.room = (void *)qn_round_up((size_t)(uintptr_t)work->data, ALIGN);
    if ((double)g->m * (double)g->n * (double)g->k >= parallel_from && work->n_threads > 1)
        n_parts = (int)min_i64(work->n_threads, qn_pool_threads(work->pool));
    if (n_parts == 1) {
        run_part(&job, 0, 1);
        return;
    }
    cut(&job, n_parts);
    qn_pool_run(work->pool, job.row_parts * job.col_parts, run_part, &job);
}

void qn_gemm_ref(const struct qn_gemm *g)
{
    if (g->type == QN_GEMM_F64)
        qn_dgemm_ref(g);
    else
        qn_sgemm_ref(g);
}
