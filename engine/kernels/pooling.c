/* pooling.c: MaxPool and AveragePool over one or two axes, by the CPU level's kernel for whole planes or else through
 * the windows of planes.c; everything else, and maxima with indices, goes to the reference. */
#include <math.h>

#include "base/checked.h"
#include "base/pool.h"
#include "kernels/conv_impl.h"

static bool make_window(const struct qn_pooling *p, struct qn_window *w)
{
    return qn_window_make(w, p->planes, p->rank, p->in, p->out, p->kernel, p->stride, p->dilation, p->pad);
}

bool qn_pooling_bytes(const struct qn_pooling *p, int n_threads, size_t *n_bytes)
{
    struct qn_window w;

    *n_bytes = 0;
    if (!make_window(p, &w))
        return true;
    if (!qn_window_direct(&w))
        return qn_window_bytes(&w, n_threads, n_bytes);
    return qn_add((size_t)w.out[0], (size_t)w.out[1], n_bytes) && qn_mul(*n_bytes, sizeof(float), n_bytes);
}

/* One window that is the whole plane. */
bool qn_pooling_global(const struct qn_pooling *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->out[i] != 1 || p->kernel[i] != p->in[i] || p->dilation[i] != 1 || p->pad[i] != 0 || p->pad_end[i] != 0)
            return false;
    return true;
}

struct pooling {
    const struct qn_pooling *p;
    const struct qn_plane_isa *isa;
    const struct qn_window *window;
    const float *x;
    float *y;
    const float *column_counts, *row_counts; /* NULL: maxima */
};

static const float *input_plane(const void *arg, int64_t plane)
{
    const struct pooling *s = arg;

    return s->x + plane * s->window->in[0] * s->window->in[1];
}

static float *output_at(const struct pooling *s, int64_t plane, int64_t row)
{
    return s->y + (plane * s->window->out[0] + row) * s->window->out[1];
}

static void max_row(const void *arg, int64_t plane, int64_t row, const float *src, struct qn_taps *taps, float *room)
{
    const struct pooling *s = arg;

    (void)room;
    s->isa->max_row(output_at(s, plane, row), src, taps, s->window->out[1]);
}

/* How many taps of output o count along an axis of the pooling. */
int64_t qn_pooling_count(const struct qn_pooling *p, int axis, int64_t o)
{
    const int64_t low = p->count_include_pad ? -p->pad[axis] : 0;
    const int64_t high = p->count_include_pad ? p->in[axis] + p->pad_end[axis] : p->in[axis];
    const int64_t first = o * p->stride[axis] - p->pad[axis], step = p->dilation[axis], n = p->kernel[axis];
    int64_t from = 0, to = n;

    if (first < low)
        from = (low - first + step - 1) / step;
    if (first + (n - 1) * step >= high)
        to = high > first ? (high - first + step - 1) / step : 0;
    return to > from ? to - from : 0;
}

static void avg_row(const void *arg, int64_t plane, int64_t row, const float *src, struct qn_taps *taps, float *room)
{
    const struct pooling *s = arg;
    const int64_t height = s->p->rank == 2 ? qn_pooling_count(s->p, 0, row) : 1;

    for (int64_t i = 0; i < s->window->out[1]; i++) {
        const int64_t n = height * qn_pooling_count(s->p, s->p->rank - 1, i);

        room[i] = n > 0 ? (float)n : 1; /* of nothing the sum is 0 already */
    }
    s->isa->avg_row(output_at(s, plane, row), src, taps, room, s->window->out[1]);
}

static void direct_rows(const void *arg, int64_t plane, int64_t row0, int64_t row1)
{
    const struct pooling *s = arg;

    s->isa->pool_plane(s->window, input_plane(s, plane), s->column_counts, s->row_counts, output_at(s, plane, 0), row0,
                       row1);
}

/* Counts of every output along an axis of the window. Where nothing counts the sum is 0, and stays so divided by 1. */
static void fill_counts(const struct qn_pooling *p, const struct qn_window *w, int axis, float *counts)
{
    const int own = axis - (2 - p->rank);

    for (int64_t i = 0; i < w->out[axis]; i++) {
        const int64_t n = own < 0 ? 1 : qn_pooling_count(p, own, i);

        counts[i] = n > 0 ? (float)n : 1;
    }
}

static void run_direct(struct pooling *s, bool max, const struct qn_work *work)
{
    const struct qn_window *w = s->window;
    const double taps = (double)w->kernel[0] * (double)w->kernel[1];
    float *counts = work->data;

    if (!max) {
        fill_counts(s->p, w, 0, counts);
        fill_counts(s->p, w, 1, counts + w->out[0]);
        s->row_counts = counts;
        s->column_counts = counts + w->out[0];
    }
    qn_planes_run(direct_rows, s, w->n_planes, w->out[0],
                  (double)w->n_planes * (double)w->out[0] * (double)w->out[1] * taps, work);
}

static void slide(const struct qn_pooling *p, const struct qn_window *w, const float *x, float *y, bool max,
                  const struct qn_work *work)
{
    struct pooling s = {p, &qn_isa()->plane, w, x, y, NULL, NULL};
    const struct qn_window_job job = {
        .window = w, .fill = max ? -INFINITY : 0, .arg = &s, .plane = input_plane, .row = max ? max_row : avg_row};

    if (qn_window_direct(w))
        run_direct(&s, max, work);
    else
        qn_window_run(&job, work);
}

void qn_maxpool(const struct qn_pooling *p, const float *x, float *y, int64_t *indices, const struct qn_work *work)
{
    struct qn_window w;

    if (indices != NULL || !make_window(p, &w))
        qn_maxpool_ref(p, x, y, indices);
    else
        slide(p, &w, x, y, true, work);
}

struct means {
    const struct qn_pooling *p;
    const float *x;
    float *y;
    int64_t n;
};

static void plane_means(void *arg, int part, int n_parts)
{
    const struct means *s = arg;
    const struct qn_kern *kern = qn_kern();
    int64_t begin, end;

    qn_pool_slice(s->p->planes, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        s->y[i] = kern->sum(s->x + i * s->n, (size_t)s->n) / (float)s->n;
}

void qn_avgpool(const struct qn_pooling *p, const float *x, float *y, const struct qn_work *work)
{
    struct means means = {p, x, y, qn_conv_product(p->in, p->rank)};
    struct qn_window w;

    if (qn_pooling_global(p) && means.n > 0) {
        const bool large = (double)means.n * (double)p->planes >= 0.5e6;

        qn_pool_run(work->pool, large && work->n_threads > 1 ? qn_pool_threads(work->pool) : 1, plane_means, &means);
    } else if (make_window(p, &w)) {
        slide(p, &w, x, y, false, work);
    } else {
        qn_avgpool_ref(p, x, y);
    }
}
