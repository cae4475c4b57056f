/* grid_sample.c: GridSample, AffineGrid.
 * GridSample: for every point of the grid the coordinate is brought to pixels, moved inside by the padding mode, and
 * turned into taps per axis (1 nearest, 2 linear, 4 cubic with a = -0.75); their products are the pixels and weights
 * that all channels share. Pixels beyond the edge have weight 0 ("zeros"), are the edge's ("border") or the mirrored
 * one
 * ("reflection"). Pixels without weight are not read, so infinities do not leak. A coordinate that is not finite counts
 * as far outside (zeros) or as the first pixel. Integers truncate at the end. Any number of axes up to what MAX_TAPS
 * allows. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
enum { MAX_TAPS = 1024 }; /* pixels behind one output */

static const char *const modes_16[] = {"bilinear", "nearest", "bicubic", NULL};
static const char *const modes_20[] = {"linear", "nearest", "cubic", NULL};
static const char *const paddings[] = {"zeros", "border", "reflection", NULL};

struct grid_sample {
    int mode, padding_mode;
    bool align_corners;
};

static int taps_of(const struct grid_sample *p) { return p->mode == NEAREST ? 1 : p->mode == LINEAR ? 2 : 4; }

static enum qn_status check_axes(const struct grid_sample *p, int rank, struct qn_err *err)
{
    int64_t n = 1;

    QN_CHECK(rank >= 3, err, SHAPE, "images [N,C,...] are expected, not a tensor of rank %d", rank);
    for (int i = 2; i < rank; i++)
        n *= taps_of(p);
    QN_CHECK(n <= MAX_TAPS, err, UNSUPPORTED, "interpolation over %d axes at once", rank - 2);
    return QN_OK;
}

static enum qn_status infer_grid_sample(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape, *grid = &in->in[1]->shape;
    int rank = x->rank >= 0 ? x->rank : grid->rank;
    struct qn_shape y = QN_SHAPE_UNKNOWN;

    if (rank >= 0) {
        QN_TRY(check_axes(params, rank, in->err));
        QN_CHECK(grid->rank < 0 || grid->rank == rank, in->err, SHAPE,
                 "a grid of rank %d does not go with images of rank %d", grid->rank, rank);
        y.rank = rank;
        for (int i = 0; i < rank; i++)
            y.dims[i] = i < 2            ? x->rank < 0 ? QN_DIM_UNKNOWN : x->dims[i]
                                   : grid->rank < 0 ? QN_DIM_UNKNOWN
                                         : grid->dims[i - 1];
    }
    if (x->rank >= 0 && grid->rank >= 0) {
        QN_CHECK(!qn_dim_known(grid->dims[rank - 1]) || grid->dims[rank - 1] == rank - 2, in->err, SHAPE,
                 "the grid has %lld coordinates per point, %d are needed", (long long)grid->dims[rank - 1], rank - 2);
        QN_CHECK(!qn_dim_known(x->dims[0]) || !qn_dim_known(grid->dims[0]) || x->dims[0] == grid->dims[0], in->err,
                 SHAPE, "the grid is for %lld images, %lld are given", (long long)grid->dims[0], (long long)x->dims[0]);
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- From a coordinate to taps -------------------------------------------------------------------------------- */

struct axis {
    int64_t n;        /* pixels */
    int64_t step;     /* elements between two of them */
    double low, high; /* the border that reflects */
};

/* In pixels. In the grid's own precision: which pixel is nearest depends on it. */
static double denormalise(const struct grid_sample *p, const struct qn_tensor *grid, int64_t i, int64_t n)
{
    if (grid->dtype == QN_FLOAT) {
        float x = ((const float *)grid->data)[i];

        return p->align_corners ? (x + 1) / 2 * (float)(n - 1) : ((x + 1) * (float)n - 1) / 2;
    } else {
        double x = ((const double *)grid->data)[i];

        return p->align_corners ? (x + 1) / 2 * (double)(n - 1) : ((x + 1) * (double)n - 1) / 2;
    }
}

static double reflect(const struct axis *axis, double x)
{
    double span = axis->high - axis->low, past, n, rest;

    if (x >= axis->low && x <= axis->high)
        return x;
    if (!(span > 0))
        return axis->low;
    past = x < axis->low ? axis->low - x : x - axis->high;
    n = floor(past / span);
    rest = past - n * span;
    return (x < axis->low) == (fmod(n, 2) == 0) ? axis->low + rest : axis->high - rest;
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Moves a coordinate inside. For cubic only its pixels move: all four are needed where the coordinate is. */
static double move_inside(const struct grid_sample *p, const struct axis *axis, double x)
{
    if ((x >= axis->low && x <= axis->high) || (p->mode == CUBIC && fabs(x) < 0x1p52))
        return x;
    if (p->padding_mode == BORDER)
        return isnan(x) ? 0 : clamp(x, 0, (double)(axis->n - 1));
    if (p->padding_mode == REFLECTION)
        return isfinite(x) ? reflect(axis, x) : 0;
    return fabs(x) < 0x1p52 ? x : -0x1p52;
}

/* The pixel that stands at place i; -1: none. */
static int64_t pixel_at(const struct grid_sample *p, const struct axis *axis, int64_t i)
{
    if (i >= 0 && i < axis->n)
        return i;
    if (p->padding_mode == ZEROS)
        return -1;
    if (p->padding_mode == REFLECTION)
        i = (int64_t)reflect(axis, (double)i);
    return i < 0 ? 0 : i >= axis->n ? axis->n - 1 : i;
}

static void weights_of(int mode, double t, double weights[4])
{
    const double a = -0.75;

    switch (mode) {
    case LINEAR:
        weights[0] = 1 - t;
        weights[1] = t;
        break;
    case CUBIC:
        weights[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
        weights[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
        weights[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
        weights[3] = ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a;
        break;
    default:
        weights[0] = 1;
    }
}

/* Pixels, as places in a channel's plane, and their weights, for one point after the other. */
struct taps {
    int n_points;
    int first[MAX_TAPS + 1]; /* of each point, and the end */
    int64_t at[MAX_TAPS];
    double weight[MAX_TAPS];
};

/* Every one of the n taps so far times every tap of one more axis; gives how many there are then. */
static int multiply_taps(const struct grid_sample *p, const struct axis *axis, double x, int n, int64_t *at,
                         double *weight)
{
    int n_new = 0;
    int64_t first, places[4];
    double weights[4];

    x = move_inside(p, axis, p->mode == NEAREST ? rint(x) : x);
    first = (int64_t)floor(x);
    weights_of(p->mode, x - (double)first, weights);
    for (int k = 0; k < taps_of(p); k++) {
        int64_t pixel = pixel_at(p, axis, first + k - (p->mode == CUBIC));

        if (pixel < 0 || weights[k] == 0)
            continue;
        places[n_new] = pixel * axis->step;
        weights[n_new++] = weights[k];
    }
    /* From the back, so that old taps are read before they are overwritten. */
    for (int i = n - 1; i >= 0 && n_new > 0; i--) {
        int64_t old_at = at[i];
        double old_weight = weight[i];

        for (int k = n_new - 1; k >= 0; k--) {
            at[i * n_new + k] = old_at + places[k];
            weight[i * n_new + k] = old_weight * weights[k];
        }
    }
    return n * n_new;
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

struct job;
/* Writes a block of points of all channels of an image: from the planes that begin at element `from`, to elements `to`
 * and on. */
typedef void sum_fn(const struct job *job, const struct taps *taps, int64_t from, int64_t to);

struct job {
    const struct grid_sample *p;
    const struct qn_tensor *x, *grid;
    struct qn_tensor *y;
    struct axis axes[QN_MAX_RANK];
    int n_axes, block;       /* points whose taps fit the table */
    int64_t plane, n_points; /* elements of a channel in x and in y */
    sum_fn *sum;
};

#define SUM(name, type)                                                                                                \
    static void name(const struct job *job, const struct taps *taps, int64_t from, int64_t to)                         \
    {                                                                                                                  \
        const type *x = (const type *)job->x->data + from;                                                             \
        type *y = (type *)job->y->data + to, weight[MAX_TAPS];                                                         \
        int n_points = taps->n_points;                                                                                 \
                                                                                                                       \
        for (int k = 0; k < taps->first[n_points]; k++)                                                                \
            weight[k] = (type)taps->weight[k];                                                                         \
        for (int64_t c = job->x->dims[1]; c > 0; c--, x += job->plane, y += job->n_points) {                           \
            for (int i = 0; i < n_points; i++) {                                                                       \
                type sum = 0;                                                                                          \
                                                                                                                       \
                for (int k = taps->first[i]; k < taps->first[i + 1]; k++)                                              \
                    sum += weight[k] * x[taps->at[k]];                                                                 \
                y[i] = sum;                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }

SUM(sum_f32, float)
SUM(sum_f64, double)

static void sum_any(const struct job *job, const struct taps *taps, int64_t from, int64_t to)
{
    for (int64_t c = job->x->dims[1]; c > 0; c--, from += job->plane, to += job->n_points) {
        for (int i = 0; i < taps->n_points; i++) {
            double sum = 0;

            for (int k = taps->first[i]; k < taps->first[i + 1]; k++)
                sum += taps->weight[k] * qn_tensor_double(job->x, from + taps->at[k]);
            qn_tensor_set_double(job->y, to + i, trunc(sum));
        }
    }
}

/* Nearest: one pixel or none. */
static void copy_one(const struct job *job, const struct taps *taps, int64_t from, int64_t to)
{
    size_t size = qn_dtype_bytes(job->x->dtype);

    for (int64_t c = job->x->dims[1]; c > 0; c--, from += job->plane, to += job->n_points) {
        for (int i = 0; i < taps->n_points; i++) {
            char *y = (char *)job->y->data + (size_t)(to + i) * size;
            int k = taps->first[i];

            if (taps->first[i + 1] > k)
                qn_copy_run(y, (const char *)job->x->data + (size_t)(from + taps->at[k]) * size, size);
            else
                memset(y, 0, size);
        }
    }
}

/* Taps of n points from point `at` of the grid on. */
static void make_taps(const struct job *job, int64_t at, int n, struct taps *taps)
{
    taps->n_points = n;
    taps->first[0] = 0;
    for (int i = 0; i < n; i++) {
        int first = taps->first[i], n_taps = 1;

        taps->at[first] = 0;
        taps->weight[first] = 1;
        /* Coordinates stand from the innermost axis to the outermost. */
        for (int a = 0; a < job->n_axes; a++) {
            const struct axis *axis = &job->axes[a];
            double x = denormalise(job->p, job->grid, (at + i + 1) * job->n_axes - 1 - a, axis->n);

            n_taps = multiply_taps(job->p, axis, x, n_taps, taps->at + first, taps->weight + first);
        }
        taps->first[i + 1] = first + n_taps;
    }
}

static void points_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end, n_channels = job->x->dims[1];
    struct taps taps;

    qn_pool_slice(job->x->dims[0] * job->n_points, 1, part, n_parts, &begin, &end);
    while (begin < end) {
        int64_t image = begin / job->n_points, point = begin % job->n_points, n = job->n_points - point;

        n = n < end - begin ? n : end - begin;
        n = n < job->block ? n : job->block;
        make_taps(job, begin, (int)n, &taps);
        job->sum(job, &taps, image * n_channels * job->plane, image * n_channels * job->n_points + point);
        begin += n;
    }
}

static enum qn_status sample(const struct qn_call *call, sum_fn *sum)
{
    const struct grid_sample *p = call->params;
    struct job job = {.p = p, .x = qn_in(call, 0), .grid = qn_in(call, 1), .y = qn_out(call, 0), .sum = sum};

    if (qn_tensor_count(job.y) == 0)
        return QN_OK;
    job.n_axes = job.x->rank - 2;
    job.block = MAX_TAPS;
    for (int i = 0; i < job.n_axes; i++)
        job.block /= taps_of(p);
    job.plane = qn_tensor_span(job.x, 2, job.x->rank);
    job.n_points = qn_tensor_span(job.y, 2, job.y->rank);
    QN_CHECK(job.plane > 0, call->err, SHAPE, "an image without pixels cannot be sampled");
    for (int i = 0; i < job.n_axes; i++) {
        double n = (double)job.x->dims[i + 2];

        job.axes[i] = (struct axis){job.x->dims[i + 2], qn_tensor_span(job.x, i + 3, job.x->rank),
                                    p->align_corners ? 0 : -0.5, p->align_corners ? n - 1 : n - 0.5};
    }
    qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(job.y)), points_part, &job);
    return QN_OK;
}

static enum qn_status sample_nearest(const struct qn_call *call) { return sample(call, copy_one); }
static enum qn_status sample_f32(const struct qn_call *call) { return sample(call, sum_f32); }
static enum qn_status sample_f64(const struct qn_call *call) { return sample(call, sum_f64); }
static enum qn_status sample_any(const struct qn_call *call) { return sample(call, sum_any); }

static const char *accept(const struct qn_site *site, qn_dtypes types)
{
    enum qn_dtype grid = site->in[1]->dtype;

    if (grid != QN_FLOAT && grid != QN_DOUBLE)
        return "a grid narrower than float32";
    return qn_dtypes_have(types, site->in[0]->dtype) ? NULL : "another element type";
}

static const char *accept_nearest(const struct qn_site *site)
{
    return ((const struct grid_sample *)site->params)->mode == NEAREST ? accept(site, QN_ALL_IR4) : "not nearest";
}

static const char *accept_f32(const struct qn_site *site) { return accept(site, QN_BIT(FLOAT)); }
static const char *accept_f64(const struct qn_site *site) { return accept(site, QN_BIT(DOUBLE)); }
static const char *accept_any(const struct qn_site *site) { return accept(site, QN_INTS | QN_BIT(BOOL)); }

static const struct qn_kernel grid_sample_kernels[] = {
    {.name = "grid_sample_nearest", .accept = accept_nearest, .run = sample_nearest},
    {.name = "grid_sample_f32", .accept = accept_f32, .run = sample_f32},
    {.name = "grid_sample_f64", .accept = accept_f64, .run = sample_f64},
    {.name = "grid_sample_any", .accept = accept_any, .run = sample_any},
    {.name = NULL},
};

/* ---- AffineGrid ----------------------------------------------------------------------------------------------- */

struct affine_grid {
    bool align_corners;
};

/* size [N,C,H,W] or [N,C,D,H,W] -> grid [N,H,W,2] or [N,D,H,W,3]. */
static enum qn_status grid_shape(const struct qn_arg *size, const struct qn_shape *theta, struct qn_shape *y,
                                 struct qn_err *err)
{
    struct qn_shape want = {.rank = 3}, both;
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];
    int n = size->n - 2;

    QN_CHECK(size->n == 4 || size->n == 5, err, SHAPE, "size has %d entries, 4 or 5 are needed", size->n);
    for (int i = 0; i < size->n; i++)
        QN_CHECK(size->v[i] >= 0, err, RANGE, "entry %d of size is %lld", i, (long long)size->v[i]);
    want.dims[0] = size->v[0];
    want.dims[1] = n;
    want.dims[2] = n + 1;
    QN_CHECK(qn_shape_merge(&want, theta, &both), err, SHAPE, "theta of shape %s is given, %s is needed",
             qn_shape_text(theta, a), qn_shape_text(&want, b));
    y->rank = n + 2;
    y->dims[0] = size->v[0];
    for (int i = 0; i < n; i++)
        y->dims[i + 1] = size->v[i + 2];
    y->dims[n + 1] = n;
    return QN_OK;
}

static enum qn_status infer_affine_grid(struct qn_infer *in, const void *params)
{
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_arg size;
    bool known;

    (void)params;
    QN_TRY(qn_arg_infer(in, 1, "size", &size, &known));
    if (known)
        QN_TRY(grid_shape(&size, &in->in[0]->shape, &y, in->err));
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* Where pixel i of n lies between -1 and 1; a single one in the middle. */
static double normal_place(int64_t i, int64_t n, bool align_corners)
{
    if (align_corners)
        return n > 1 ? -1 + 2 * (double)i / (double)(n - 1) : 0;
    return -1 + (2 * (double)i + 1) / (double)n;
}

static enum qn_status affine_grid_ref(const struct qn_call *call)
{
    bool align = ((const struct affine_grid *)call->params)->align_corners;
    const struct qn_tensor *theta = qn_in(call, 0);
    struct qn_shape theta_shape = qn_tensor_shape(theta), shape;
    struct qn_tensor *y = qn_out(call, 0);
    int64_t n_points, at[3] = {0};
    struct qn_arg size;
    int n;

    QN_TRY(qn_arg_read(qn_in(call, 1), "size", &size, call->err));
    QN_TRY(grid_shape(&size, &theta_shape, &shape, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &shape));
    n = size.n - 2;
    n_points = qn_tensor_span(y, 0, y->rank - 1);
    for (int64_t i = 0; i < n_points; i++) {
        int64_t row = i / (n_points / y->dims[0]) * n * (n + 1);

        for (int r = 0; r < n; r++) {
            double sum = qn_tensor_double(theta, row + r * (n + 1) + n);

            /* Columns of theta go from the innermost axis outwards. */
            for (int c = 0; c < n; c++)
                sum +=
                    qn_tensor_double(theta, row + r * (n + 1) + c) * normal_place(at[n - 1 - c], y->dims[n - c], align);
            qn_tensor_set_double(y, i * n + r, sum);
        }
        for (int a = n - 1; a >= 0 && ++at[a] == y->dims[a + 1]; a--)
            at[a] = 0;
    }
    return QN_OK;
}

static const struct qn_kernel affine_grid_kernels[] = {
    {.name = "affine_grid_ref", .run = affine_grid_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define GRID_SAMPLE(first, last, image_types, grid_types, default_mode, mode_list)                                     \
    {                                                                                                                  \
        .name = "GridSample", .domain = "", .since = (first), .until = (last),                                         \
        .in = QN_FORMALS(QN_IN("X", 'T', image_types), QN_IN("grid", 0, grid_types)),                                  \
        .out = QN_FORMALS(QN_OUT("Y", 'T', image_types)),                                                              \
        .attrs = QN_ATTRS(QN_ENUM_ATTR(grid_sample, mode, default_mode, mode_list),                                    \
                          QN_ENUM_ATTR(grid_sample, padding_mode, "zeros", paddings),                                  \
                          QN_BOOL_ATTR(grid_sample, align_corners, 0)),                                                \
        QN_PARAMS(grid_sample), .tolerance = QN_ROUNDING, .infer = infer_grid_sample, .kernels = grid_sample_kernels   \
    }

const struct qn_op qn_ops_grid_sample[] = {
    GRID_SAMPLE(16, 19, QN_ALL_IR3, QN_FLOATS_STD, "bilinear", modes_16),
    GRID_SAMPLE(20, 21, QN_ALL_IR3, QN_FLOATS_STD, "linear", modes_20),
    GRID_SAMPLE(22, 27, QN_ALL_IR4, QN_FLOATS, "linear", modes_20),
    {.name = "AffineGrid",
     .domain = "",
     .since = 20,
     .until = 27,
     .in = QN_FORMALS(QN_IN("theta", 'T', QN_FLOATS), QN_IN("size", 0, QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("grid", 'T', QN_FLOATS)),
     .attrs = QN_ATTRS(QN_BOOL_ATTR(affine_grid, align_corners, 0)),
     QN_PARAMS(affine_grid),
     .tolerance = QN_ROUNDING,
     .infer = infer_affine_grid,
     .kernels = affine_grid_kernels},
    {.name = NULL},
};
