/* resample.c: coordinates, filter weights and the resampling pass along one axis. */
#include "ops/resample.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/move.h"

/* ---- Coordinates ---------------------------------------------------------------------------------------------- */

/* Where output element i lies among the elements of the input. */
#define COORDINATE(name, real)                                                                                         \
    static real name(const struct qn_axis *a, int64_t i)                                                               \
    {                                                                                                                  \
        real x = (real)i, in = (real)a->in, scale = (real)a->scale, width = (real)a->width, half = (real)0.5;          \
        real start = (real)a->start, end = (real)a->end;                                                               \
                                                                                                                       \
        switch (a->coordinates) {                                                                                      \
        case QN_PYTORCH_HALF_PIXEL:                                                                                    \
            return a->out > 1 ? (x + half) / scale - half : 0;                                                         \
        case QN_ALIGN_CORNERS:                                                                                         \
            return width == 1 ? 0 : x * (in - 1) / (width - 1);                                                        \
        case QN_ASYMMETRIC:                                                                                            \
            return x / scale;                                                                                          \
        case QN_TF_HALF_PIXEL_FOR_NN:                                                                                  \
            return (x + half) / scale;                                                                                 \
        case QN_TF_CROP_AND_RESIZE:                                                                                    \
            if (a->out <= 1)                                                                                           \
                return half * (start + end) * (in - 1);                                                                \
            return start * (in - 1) + x * (end - start) * (in - 1) / ((real)a->out - 1);                               \
        case QN_HALF_PIXEL_SYMMETRIC:                                                                                  \
            return in / 2 * (1 - (real)a->out / width) + (x + half) / scale - half;                                    \
        default:                                                                                                       \
            return (x + half) / scale - half;                                                                          \
        }                                                                                                              \
    }

COORDINATE(coordinate_f32, float)
COORDINATE(coordinate_f64, double)

static bool is_outside(const struct qn_axis *axis, double x)
{
    return axis->coordinates == QN_TF_CROP_AND_RESIZE && !(x >= 0 && x <= (double)(axis->in - 1));
}

bool qn_axis_outside(const struct qn_axis *axis, int64_t i) { return is_outside(axis, coordinate_f64(axis, i)); }

static float round_place(enum qn_nearest mode, float x, double scale)
{
    switch (mode) {
    case QN_ROUND_PREFER_FLOOR:
        return ceilf(x - 0.5f);
    case QN_ROUND_PREFER_CEIL:
        return roundf(x);
    case QN_CEIL:
        return ceilf(x);
    case QN_SIMPLE:
        return scale < 1 ? ceilf(x) : floorf(x);
    default:
        return floorf(x);
    }
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

int64_t qn_axis_nearest(const struct qn_axis *axis, enum qn_nearest mode, int64_t i)
{
    float x = coordinate_f32(axis, i);

    if (is_outside(axis, x))
        return -1;
    return clamp((int64_t)round_place(mode, x, axis->scale), 0, axis->in - 1);
}

/* ---- Weights -------------------------------------------------------------------------------------------------- */

/* How much the filter is stretched: below 1 when it also smooths. */
static double stretch_of(const struct qn_resampler *r, double scale) { return r->antialias && scale < 1 ? scale : 1; }

int64_t qn_resampler_width(const struct qn_resampler *r, double scale)
{
    double support = r->filter == QN_CUBIC ? 2 : 1;

    return 2 - 2 * ((int64_t)floor(-support / stretch_of(r, scale)) + 1);
}

bool qn_taps_bytes(int64_t out, int64_t width, size_t *n_bytes)
{
    size_t n_taps, n;

    return qn_mul((size_t)out, (size_t)width, &n_taps) && qn_mul(n_taps, sizeof(int64_t) + sizeof(double), n_bytes) &&
           qn_add((size_t)out, 1, &n) && qn_mul(n, sizeof(int64_t), &n) && qn_add(*n_bytes, n, n_bytes);
}

/* The filter at distance x. */
static double filter_at(const struct qn_resampler *r, double x)
{
    double a = r->cubic_a;

    x = fabs(x);
    if (r->filter == QN_LINEAR)
        return x < 1 ? 1 - x : 0;
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void normalise(double *weight, int64_t n)
{
    double sum = 0;

    for (int64_t k = 0; k < n; k++)
        sum += weight[k];
    for (int64_t k = 0; k < n && sum != 0; k++)
        weight[k] /= sum;
}

/* Drops taps without weight, moves those beyond the edges onto the edge, adds up what falls on one element. */
static int64_t compact(int64_t *index, double *weight, int64_t n, int64_t in)
{
    int64_t n_kept = 0;

    for (int64_t k = 0; k < n; k++) {
        int64_t place = clamp(index[k], 0, in - 1);

        if (weight[k] == 0)
            continue;
        if (n_kept && index[n_kept - 1] == place) {
            weight[n_kept - 1] += weight[k];
            continue;
        }
        index[n_kept] = place;
        weight[n_kept++] = weight[k];
    }
    return n_kept;
}

/* Taps of one output element at x of the input; gives how many. The place left of x counts as the base, also when x is
 * whole. */
static int64_t make_taps(const struct qn_resampler *r, const struct qn_axis *axis, double x, int64_t *index,
                         double *weight)
{
    int64_t n = qn_resampler_width(r, axis->scale), base = (int64_t)ceil(x) - 1, first = 1 - n / 2;
    double ratio = x - (double)base, stretch = stretch_of(r, axis->scale);

    for (int64_t k = 0; k < n; k++) {
        index[k] = base + first + k;
        weight[k] = filter_at(r, ((double)(first + k) - ratio) * stretch);
    }
    if (r->antialias)
        normalise(weight, n);
    if (r->exclude_outside) {
        for (int64_t k = 0; k < n; k++)
            if (index[k] < 0 || index[k] >= axis->in)
                weight[k] = 0;
        normalise(weight, n);
    }
    return compact(index, weight, n, axis->in);
}

void qn_taps_make(const struct qn_resampler *r, const struct qn_axis *axis, bool single, void *memory,
                  struct qn_taps *taps)
{
    int64_t width = qn_resampler_width(r, axis->scale), n = 0;
    double *weight;

    taps->at = memory;
    taps->index = taps->at + axis->out + 1;
    taps->weight = weight = (double *)(taps->index + axis->out * width);
    taps->at[0] = 0;
    for (int64_t i = 0; i < axis->out; i++) {
        double x = coordinate_f64(axis, i);

        if (!is_outside(axis, x))
            n += make_taps(r, axis, x, taps->index + n, weight + n);
        taps->at[i + 1] = n;
    }
    /* Front to back: no weight is overwritten before it was read. */
    for (int64_t k = 0; k < n && single; k++) {
        float w = (float)weight[k];

        memcpy((char *)taps->weight + (size_t)k * sizeof(w), &w, sizeof(w));
    }
}

/* ---- Passes --------------------------------------------------------------------------------------------------- */

struct pass {
    const struct qn_taps *taps;
    int64_t outer, in, out, inner;
    const void *src;
    void *dst;
};

/* A row of `inner` elements is a weighted sum of rows; where inner is 1, an element of elements. Sums run in the order
 * of the taps. */
#define PASS(name, real)                                                                                               \
    /* Elements [i, end) of a row. */                                                                                  \
    static void elements_##name(const struct qn_taps *t, int64_t i, int64_t end, const real *x, real *y)               \
    {                                                                                                                  \
        const real *weight = t->weight;                                                                                \
        const int64_t *index = t->index, *at = t->at;                                                                  \
                                                                                                                       \
        for (; i < end; i++) {                                                                                         \
            int64_t k = at[i], stop = at[i + 1];                                                                       \
            real sum = 0;                                                                                              \
                                                                                                                       \
            if (stop - k == 2)                                                                                         \
                sum = weight[k] * x[index[k]] + weight[k + 1] * x[index[k + 1]];                                       \
            else                                                                                                       \
                for (; k < stop; k++)                                                                                  \
                    sum += weight[k] * x[index[k]];                                                                    \
            *y++ = sum;                                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void row_##name(const struct qn_taps *t, int64_t i, int64_t n, const real *x, real *y)                      \
    {                                                                                                                  \
        const real *weight = t->weight;                                                                                \
        int64_t k = t->at[i], end = t->at[i + 1];                                                                      \
                                                                                                                       \
        if (end - k == 2) {                                                                                            \
            const real *a = x + t->index[k] * n, *b = x + t->index[k + 1] * n;                                         \
            real wa = weight[k], wb = weight[k + 1];                                                                   \
                                                                                                                       \
            for (int64_t j = 0; j < n; j++)                                                                            \
                y[j] = wa * a[j] + wb * b[j];                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        memset(y, 0, (size_t)n * sizeof(*y));                                                                          \
        for (; k < end; k++) {                                                                                         \
            const real *a = x + t->index[k] * n;                                                                       \
            real w = weight[k];                                                                                        \
                                                                                                                       \
            for (int64_t j = 0; j < n; j++)                                                                            \
                y[j] += w * a[j];                                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void part_##name(void *arg, int part, int n_parts)                                                          \
    {                                                                                                                  \
        const struct pass *p = arg;                                                                                    \
        int64_t begin, end, o, i;                                                                                      \
                                                                                                                       \
        qn_pool_slice(p->outer * p->out, 1, part, n_parts, &begin, &end);                                              \
        if (begin == end)                                                                                              \
            return;                                                                                                    \
        o = begin / p->out;                                                                                            \
        i = begin % p->out;                                                                                            \
        for (int64_t r = begin; r < end; o++, i = 0) {                                                                 \
            int64_t n = p->out - i < end - r ? p->out - i : end - r;                                                   \
            const real *x = (const real *)p->src + o * p->in * p->inner;                                               \
            real *y = (real *)p->dst + r * p->inner;                                                                   \
                                                                                                                       \
            if (p->inner == 1)                                                                                         \
                elements_##name(p->taps, i, i + n, x, y);                                                              \
            for (int64_t k = 0; k < n && p->inner != 1; k++)                                                           \
                row_##name(p->taps, i + k, p->inner, x, y + k * p->inner);                                             \
            r += n;                                                                                                    \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    void qn_resample_##name(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,         \
                            const real *src, real *dst, struct qn_pool *pool)                                          \
    {                                                                                                                  \
        struct pass pass = {taps, outer, in, out, inner, src, dst};                                                    \
                                                                                                                       \
        qn_pool_run(pool, qn_move_parts(pool, outer *out *inner *(int64_t)sizeof(real)), part_##name, &pass);          \
    }

PASS(f32, float)
PASS(f64, double)
