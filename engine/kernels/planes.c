/* planes.c: cuts planes into parts for threads, and slides windows over planes, for depthwise convolution and pooling
 * of one or two axes. A band of input rows is copied once into scratch memory with its padding written out and its
 * columns sorted by stride phase; after that every tap of the window is one contiguous run of floats per output row,
 * whatever the stride, dilation and padding. */
#include <stdint.h>
#include <string.h>

#include "base/checked.h"
#include "base/pool.h"
#include "kernels/conv_impl.h"

enum { ALIGN = 64, BAND_FLOATS = 16384 }; /* a band should stay in a small second-level cache */

/* Below this many taps of work a second thread costs more than it brings. */
static const double parallel_from = 0.3e6;

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

struct planes {
    qn_plane_rows *rows;
    const void *arg;
    int64_t n_planes, n_rows;
    int64_t n_bands; /* of a plane */
};

static void run_planes(void *arg, int part, int n_parts)
{
    const struct planes *p = arg;
    int64_t begin, end, row0, row1;

    qn_pool_slice(p->n_planes * p->n_bands, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        qn_pool_slice(p->n_rows, 1, (int)(i % p->n_bands), (int)p->n_bands, &row0, &row1);
        p->rows(p->arg, i / p->n_bands, row0, row1);
    }
}

void qn_planes_run(qn_plane_rows *rows, const void *arg, int64_t n_planes, int64_t n_rows, double total,
                   const struct qn_work *work)
{
    struct planes p = {rows, arg, n_planes, n_rows, 1};
    int n_parts = 1;

    if (work->n_threads > 1 && total >= parallel_from)
        n_parts = (int)min_i64(work->n_threads, qn_pool_threads(work->pool));
    if (n_parts > 1 && n_planes < 4 * n_parts) /* too few planes to share evenly */
        p.n_bands = min_i64(n_rows, n_parts);
    qn_pool_run(work->pool, n_parts, run_planes, &p);
}

bool qn_window_direct(const struct qn_window *w)
{
    return qn_isa()->plane.conv_plane != NULL && w->stride[1] <= 2 && w->kernel[1] <= 16;
}

/* Input positions from the first to the last that `out` outputs see along an axis, padding included. */
static int64_t span(const struct qn_window *w, int axis, int64_t out)
{
    return (out - 1) * w->stride[axis] + (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

bool qn_window_make(struct qn_window *w, int64_t n_planes, int rank, const int64_t *in, const int64_t *out,
                    const int64_t *kernel, const int64_t *stride, const int64_t *dilation, const int64_t *pad)
{
    *w = (struct qn_window){n_planes, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}};
    if (rank < 1 || rank > 2)
        return false;
    for (int i = 0; i < rank; i++) {
        const int axis = 2 - rank + i;
        int64_t steps, reach, total;

        if (!qn_mul64(out[i], stride[i], &steps) || !qn_mul64(kernel[i], dilation[i], &reach) ||
            !qn_add64(steps, reach, &total) || total > INT32_MAX)
            return false;
        w->in[axis] = in[i];
        w->out[axis] = out[i];
        w->kernel[axis] = kernel[i];
        w->stride[axis] = out[i] == 1 ? 1 : stride[i]; /* nothing strides, and phases would be of no use */
        w->dilation[axis] = dilation[i];
        w->pad[axis] = pad[i];
    }
    return true;
}

/* The scratch layout of a band: rows of `stride` phases of `phase` columns. */
struct layout {
    bool direct; /* taps read the input itself */
    int64_t phase, pitch;
    int64_t band_rows, n_bands; /* output rows of a band; bands of a plane */
    int64_t band_floats;
};

static bool make_layout(const struct qn_window *w, struct layout *l)
{
    const int64_t rows = span(w, 0, w->out[0]), columns = span(w, 1, w->out[1]);
    const int64_t overlap = (w->kernel[0] - 1) * w->dilation[0] + 1;
    int64_t fit;

    l->direct = w->stride[1] == 1 && w->pad[0] == 0 && w->pad[1] == 0 && rows <= w->in[0] && columns <= w->in[1];
    l->phase = (columns + w->stride[1] - 1) / w->stride[1];
    l->pitch = l->direct ? w->in[1] : l->phase * w->stride[1];
    fit = (BAND_FLOATS / l->pitch - overlap) / w->stride[0] + 1;
    l->band_rows = min_i64(w->out[0], max_i64(fit, 1));
    l->n_bands = (w->out[0] + l->band_rows - 1) / l->band_rows;
    l->band_floats = 0;
    return l->direct || qn_mul64(span(w, 0, l->band_rows), l->pitch, &l->band_floats);
}

static int64_t n_taps(const struct qn_window *w) { return w->kernel[0] * w->kernel[1]; }

/* A part's floats: its band and one output row. */
static bool part_floats(const struct qn_window *w, const struct layout *l, size_t *n)
{
    if (!qn_add((size_t)l->band_floats, (size_t)w->out[1], n) || *n > SIZE_MAX / 2)
        return false;
    *n = qn_round_up(*n, ALIGN / sizeof(float));
    return true;
}

bool qn_window_bytes(const struct qn_window *w, int n_threads, size_t *n_bytes)
{
    struct layout l;
    size_t taps, floats;

    *n_bytes = 0;
    if (w->out[0] == 0 || w->out[1] == 0 || w->n_planes == 0)
        return true;
    return make_layout(w, &l) && part_floats(w, &l, &floats) &&
           qn_mul(floats, sizeof(float) * (size_t)n_threads, n_bytes) &&
           qn_mul((size_t)w->kernel[0], (size_t)w->kernel[1], &taps) && qn_mul(taps, sizeof(int64_t), &taps) &&
           qn_add(*n_bytes, taps, n_bytes) && qn_add(*n_bytes, 2 * ALIGN, n_bytes);
}

static void fill_floats(float *dst, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = value;
}

/* One input row, padded, by phases. */
static void copy_row(const struct qn_window *w, const struct layout *l, const struct qn_plane_isa *isa,
                     const float *src, float fill, float *dst)
{
    const int64_t step = w->stride[1], columns = span(w, 1, w->out[1]);

    for (int64_t p = 0; p < step; p++, dst += l->phase) {
        const int64_t n = (columns - p + step - 1) / step; /* positions p, p + step, ... of the padded row */
        const int64_t before = w->pad[1] - p, until = w->in[1] + w->pad[1] - p;
        const int64_t from = min_i64(n, before <= 0 ? 0 : (before + step - 1) / step);
        const int64_t to = max_i64(from, min_i64(n, until <= 0 ? 0 : (until + step - 1) / step));

        if (n <= 0)
            continue;
        fill_floats(dst, from, fill);
        if (to > from)
            isa->take(dst + from, src + (p + from * step - w->pad[1]), step, to - from);
        fill_floats(dst + to, n - to, fill);
    }
}

/* The input rows that output rows [row, row + n_rows) see. */
static void copy_band(const struct qn_window *w, const struct layout *l, const struct qn_plane_isa *isa,
                      const float *plane, float fill, int64_t row, int64_t n_rows, float *band)
{
    const int64_t first = row * w->stride[0] - w->pad[0], n = span(w, 0, n_rows);

    for (int64_t i = 0; i < n; i++) {
        const int64_t y = first + i;

        if (y < 0 || y >= w->in[0])
            fill_floats(band + i * l->pitch, l->pitch, fill);
        else
            copy_row(w, l, isa, plane + y * w->in[1], fill, band + i * l->pitch);
    }
}

struct run {
    const struct qn_window_job *job;
    const struct qn_plane_isa *isa;
    struct layout l;
    const int64_t *offsets;
    float *room;
    size_t part_floats;
};

static void run_band(const struct run *run, int64_t plane, int64_t band, float *room, struct qn_taps *taps)
{
    const struct qn_window_job *job = run->job;
    const struct qn_window *w = job->window;
    const int64_t first = band * run->l.band_rows, n = min_i64(run->l.band_rows, w->out[0] - first);
    const float *src = job->plane(job->arg, plane);

    if (run->l.direct) {
        src += first * w->stride[0] * run->l.pitch;
    } else {
        copy_band(w, &run->l, run->isa, src, job->fill, first, n, room);
        src = room;
    }
    for (int64_t i = 0; i < n; i++)
        job->row(job->arg, plane, first + i, src + i * w->stride[0] * run->l.pitch, taps, room + run->l.band_floats);
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct run *run = arg;
    struct qn_taps taps = {n_taps(run->job->window), run->offsets, NULL};
    int64_t begin, end;

    qn_pool_slice(run->job->window->n_planes * run->l.n_bands, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_band(run, i / run->l.n_bands, i % run->l.n_bands, run->room + (size_t)part * run->part_floats, &taps);
}

void qn_window_run(const struct qn_window_job *job, const struct qn_work *work)
{
    const struct qn_window *w = job->window;
    struct run run = {.job = job, .isa = &qn_isa()->plane};
    const double total = (double)w->n_planes * (double)w->out[0] * (double)w->out[1] * (double)n_taps(w);
    int64_t *offsets;
    int64_t n_parts = 1;

    if (total == 0 || !make_layout(w, &run.l) || !part_floats(w, &run.l, &run.part_floats))
        return;
    offsets = (int64_t *)qn_round_up((size_t)(uintptr_t)work->data, ALIGN);
    for (int64_t t = 0; t < n_taps(w); t++) {
        const int64_t x = t % w->kernel[1] * w->dilation[1];

        offsets[t] =
            t / w->kernel[1] * w->dilation[0] * run.l.pitch + x % w->stride[1] * run.l.phase + x / w->stride[1];
    }
    run.offsets = offsets;
    run.room = (float *)qn_round_up((size_t)(uintptr_t)(offsets + n_taps(w)), ALIGN);
    if (total >= parallel_from && work->n_threads > 1)
        n_parts = min_i64(min_i64(work->n_threads, qn_pool_threads(work->pool)), w->n_planes * run.l.n_bands);
    qn_pool_run(work->pool, (int)n_parts, run_part, &run);
}
