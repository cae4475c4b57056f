/* roi_align.c: RoiAlign, MaxRoiPool.
 * RoiAlign samples each bin of a region at a grid of points. The sample points of a region are the product of those
 * along y and along x, so both lists are made once and shared by all channels; points more than a pixel outside the
 * image count as zero and are not listed, which also bounds the work for regions of any size. "max" takes the largest
 * weighted pixel, not the largest interpolated value, as every implementation does. Geometry is computed in the data's
 * own precision, because the number of points follows from it. */
#include <math.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

/* ---- RoiAlign ------------------------------------------------------------------------------------------------- */

enum { AVG, MAX };
enum { HALF_PIXEL, OUTPUT_HALF_PIXEL };
static const char *const pool_modes[] = {"avg", "max", NULL};
static const char *const coordinates[] = {"half_pixel", "output_half_pixel", NULL};

struct roi_align {
    int mode, coordinate_transformation_mode;
    int64_t output_height, output_width, sampling_ratio; /* sampling_ratio 0: as many as the bin has pixels */
    float spatial_scale;
};

/* [rois, channels, height, width] from [N,C,H,W] and [rois, columns]. */
static enum qn_status pooled_shape(struct qn_infer *in, int64_t height, int64_t width, int64_t columns)
{
    const struct qn_shape *x = &in->in[0]->shape, *rois = &in->in[1]->shape;
    struct qn_shape want = {.rank = 2, .dims = {QN_DIM_UNKNOWN, columns}}, both;
    struct qn_shape y = {.rank = 4, .dims = {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, height, width}};
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank < 0 || x->rank == 4, in->err, SHAPE, "a tensor [N,C,H,W] is expected, not one of rank %d",
             x->rank);
    QN_CHECK(qn_shape_merge(&want, rois, &both), in->err, SHAPE, "rois of shape %s are not [rois,%lld]",
             qn_shape_text(rois, text), (long long)columns);
    if (in->n_in > 2) {
        want = qn_shape_1d(both.dims[0]);
        QN_CHECK(qn_shape_merge(&want, &in->in[2]->shape, &both), in->err, SHAPE,
                 "batch_indices of shape %s do not name one image for each roi",
                 qn_shape_text(&in->in[2]->shape, text));
    }
    y.dims[0] = both.dims[0];
    y.dims[1] = x->rank < 0 ? QN_DIM_UNKNOWN : x->dims[1];
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

static enum qn_status infer_roi_align(struct qn_infer *in, const void *params)
{
    const struct roi_align *p = params;

    return pooled_shape(in, p->output_height, p->output_width, 4);
}

/* A sample point along one axis: two pixels and their weights. */
struct sample {
    int64_t low, high;
    double w_low, w_high;
};

/* The samples of one axis, bin by bin. */
struct line {
    int64_t n, n_bins;       /* pixels of the image, bins of the output */
    int64_t capacity, ratio; /* room for samples; the attribute */
    double grid;             /* sample points of a bin, those outside included */
    int64_t *first;          /* first sample of each bin, and the end */
    struct sample *samples;
};

/* With a ratio of 0 points are more than half a pixel apart, or there is one for each bin. */
static int64_t capacity_of(int64_t n, int64_t n_bins, int64_t ratio)
{
    int64_t dense = 2 * n + 16;

    return ratio > 0 ? n_bins * ratio : n_bins > dense ? n_bins : dense;
}

static void add_sample(struct line *line, int64_t *n, double at)
{
    struct sample *s = &line->samples[*n];
    double x = at > 0 ? at : 0;

    s->low = s->high = (int64_t)x;
    if (s->low >= line->n - 1) {
        s->low = s->high = line->n - 1;
        x = (double)s->low;
    } else {
        s->high++;
    }
    s->w_high = x - (double)s->low;
    s->w_low = 1 - s->w_high;
    ++*n;
}

/* Lists the points of all bins that are not outside: a region of `size` from `start`, in pixels. */
#define FILL(name, real)                                                                                               \
    static void fill_##name(struct line *line, real start, real size)                                                  \
    {                                                                                                                  \
        real bin = size / (real)line->n_bins, grid = line->ratio > 0 ? (real)line->ratio : (real)ceil((double)bin);    \
        int64_t n = 0;                                                                                                 \
                                                                                                                       \
        line->grid = (double)grid;                                                                                     \
        for (int64_t b = 0; b < line->n_bins; b++) {                                                                   \
            double base = (double)start + (double)b * (double)bin, step = (double)bin / (double)grid;                  \
            double skipped = line->ratio > 0 || grid <= 0 ? 0 : floor((-1 - base) / step - 2);                         \
            real k = (real)(skipped > 0 ? skipped : 0);                                                                \
            int64_t limit = line->ratio > 0 ? line->ratio : 2 * line->n + 16;                                          \
                                                                                                                       \
            line->first[b] = n;                                                                                        \
            for (int64_t i = 0; i < limit && k < grid && n < line->capacity && line->n > 0; i++, k++) {                \
                real at = start + (real)b * bin + (k + (real)0.5) * bin / grid;                                        \
                                                                                                                       \
                if (at >= -1 && at <= (real)line->n)                                                                   \
                    add_sample(line, &n, (double)at);                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        line->first[line->n_bins] = n;                                                                                 \
    }

FILL(f32, float)
FILL(f64, double)

struct roi_job {
    const struct roi_align *p;
    struct line y, x;
    const void *image; /* the first channel of the image */
    void *out;         /* the first channel of the region */
    int64_t n_channels;
};

/* One bin of one channel. */
#define BIN(name, real)                                                                                                \
    static real avg_##name(const struct roi_job *job, const real *plane, int64_t by, int64_t bx)                       \
    {                                                                                                                  \
        double count = job->y.grid * job->x.grid;                                                                      \
        real sum = 0;                                                                                                  \
                                                                                                                       \
        for (int64_t i = job->y.first[by]; i < job->y.first[by + 1]; i++) {                                            \
            const struct sample *y = &job->y.samples[i];                                                               \
            const real *low = plane + y->low * job->x.n, *high = plane + y->high * job->x.n;                           \
                                                                                                                       \
            for (int64_t j = job->x.first[bx]; j < job->x.first[bx + 1]; j++) {                                        \
                const struct sample *x = &job->x.samples[j];                                                           \
                                                                                                                       \
                sum += (real)(y->w_low * x->w_low) * low[x->low] + (real)(y->w_low * x->w_high) * low[x->high] +       \
                       (real)(y->w_high * x->w_low) * high[x->low] + (real)(y->w_high * x->w_high) * high[x->high];    \
            }                                                                                                          \
        }                                                                                                              \
        return sum / (real)(count > 1 ? count : 1);                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static real max_##name(const struct roi_job *job, const real *plane, int64_t by, int64_t bx)                       \
    {                                                                                                                  \
        int64_t n_y = job->y.first[by + 1] - job->y.first[by], n_x = job->x.first[bx + 1] - job->x.first[bx];          \
        bool all_inside = (double)n_y >= job->y.grid && (double)n_x >= job->x.grid && n_y > 0 && n_x > 0;              \
        real max = all_inside ? -(real)INFINITY : 0;                                                                   \
                                                                                                                       \
        for (int64_t i = job->y.first[by]; i < job->y.first[by + 1]; i++) {                                            \
            const struct sample *y = &job->y.samples[i];                                                               \
            const real *low = plane + y->low * job->x.n, *high = plane + y->high * job->x.n;                           \
                                                                                                                       \
            for (int64_t j = job->x.first[bx]; j < job->x.first[bx + 1]; j++) {                                        \
                const struct sample *x = &job->x.samples[j];                                                           \
                real v[4] = {(real)(y->w_low * x->w_low) * low[x->low], (real)(y->w_low * x->w_high) * low[x->high],   \
                             (real)(y->w_high * x->w_low) * high[x->low],                                              \
                             (real)(y->w_high * x->w_high) * high[x->high]};                                           \
                                                                                                                       \
                for (int k = 0; k < 4; k++)                                                                            \
                    max = v[k] > max ? v[k] : max;                                                                     \
            }                                                                                                          \
        }                                                                                                              \
        return max;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static void channels_##name(void *arg, int part, int n_parts)                                                      \
    {                                                                                                                  \
        const struct roi_job *job = arg;                                                                               \
        int64_t begin, end;                                                                                            \
                                                                                                                       \
        qn_pool_slice(job->n_channels, 1, part, n_parts, &begin, &end);                                                \
        for (int64_t c = begin; c < end; c++) {                                                                        \
            const real *plane = (const real *)job->image + c * job->y.n * job->x.n;                                    \
            real *out = (real *)job->out + c * job->y.n_bins * job->x.n_bins;                                          \
                                                                                                                       \
            for (int64_t by = 0; by < job->y.n_bins; by++)                                                             \
                for (int64_t bx = 0; bx < job->x.n_bins; bx++)                                                         \
                    *out++ = job->p->mode == AVG ? avg_##name(job, plane, by, bx) : max_##name(job, plane, by, bx);    \
        }                                                                                                              \
    }

BIN(f32, float)
BIN(f64, double)

/* Where the tables lie in the workspace. */
static void set_tables(struct roi_job *job, const struct roi_align *p, void *workspace)
{
    job->y.capacity = capacity_of(job->y.n, job->y.n_bins, p->sampling_ratio);
    job->x.capacity = capacity_of(job->x.n, job->x.n_bins, p->sampling_ratio);
    job->y.ratio = job->x.ratio = p->sampling_ratio;
    job->y.samples = workspace;
    job->x.samples = job->y.samples + job->y.capacity;
    job->y.first = (int64_t *)(job->x.samples + job->x.capacity);
    job->x.first = job->y.first + job->y.n_bins + 1;
}

/* The region of roi r in pixels: start and size along x and y. */
#define REGION(name, real)                                                                                             \
    static enum qn_status region_##name(const struct qn_call *call, int64_t r, real start[2], real size[2])            \
    {                                                                                                                  \
        const struct roi_align *p = call->params;                                                                      \
        const real *roi = (const real *)qn_in(call, 1)->data + 4 * r;                                                  \
        bool half = p->coordinate_transformation_mode == HALF_PIXEL;                                                   \
        real scale = (real)p->spatial_scale, offset = half ? (real)0.5 : 0;                                            \
                                                                                                                       \
        for (int i = 0; i < 2; i++) {                                                                                  \
            start[i] = roi[i] * scale - offset;                                                                        \
            size[i] = roi[i + 2] * scale - offset - start[i];                                                          \
            QN_CHECK(isfinite(start[i]) && isfinite(size[i]), call->err, RANGE, "roi %lld is not finite",              \
                     (long long)r);                                                                                    \
            if (!half && size[i] < 1)                                                                                  \
                size[i] = 1;                                                                                           \
        }                                                                                                              \
        return QN_OK;                                                                                                  \
    }                                                                                                                  \
                                                                                                                       \
    static enum qn_status roi_align_##name(const struct qn_call *call)                                                 \
    {                                                                                                                  \
        const struct roi_align *p = call->params;                                                                      \
        const struct qn_tensor *x = qn_in(call, 0), *batch = qn_in(call, 2);                                           \
        struct qn_tensor *y = qn_out(call, 0);                                                                         \
        struct roi_job job = {.p = p,                                                                                  \
                              .n_channels = x->dims[1],                                                                \
                              .y = {.n = x->dims[2], .n_bins = y->dims[2]},                                            \
                              .x = {.n = x->dims[3], .n_bins = y->dims[3]}};                                           \
        int64_t n_image = qn_tensor_span(x, 1, 4), n_out = qn_tensor_span(y, 1, 4);                                    \
                                                                                                                       \
        set_tables(&job, p, call->workspace);                                                                          \
        for (int64_t r = 0; r < y->dims[0]; r++) {                                                                     \
            int64_t image = qn_index(batch, r);                                                                        \
            real start[2] = {0}, size[2] = {0};                                                                        \
                                                                                                                       \
            QN_CHECK(image >= 0 && image < x->dims[0], call->err, RANGE,                                               \
                     "batch_indices[%lld] is %lld, there are %lld images", (long long)r, (long long)image,             \
                     (long long)x->dims[0]);                                                                           \
            QN_TRY(region_##name(call, r, start, size));                                                               \
            fill_##name(&job.x, start[0], size[0]);                                                                    \
            fill_##name(&job.y, start[1], size[1]);                                                                    \
            job.image = (const real *)x->data + image * n_image;                                                       \
            job.out = (real *)y->data + r * n_out;                                                                     \
            qn_pool_run(call->pool, qn_move_parts(call->pool, n_out * 16), channels_##name, &job);                     \
        }                                                                                                              \
        return QN_OK;                                                                                                  \
    }

REGION(f32, float)
REGION(f64, double)

static size_t roi_align_workspace(const struct qn_site *site)
{
    const struct roi_align *p = site->params;
    const int64_t *x = site->in[0]->shape.dims;
    size_t samples, bins, total;

    if (x[2] > INT64_MAX / 8 || x[3] > INT64_MAX / 8)
        return SIZE_MAX;
    if (!qn_add((size_t)capacity_of(x[2], p->output_height, p->sampling_ratio),
                (size_t)capacity_of(x[3], p->output_width, p->sampling_ratio), &samples) ||
        !qn_mul(samples, sizeof(struct sample), &samples) ||
        !qn_mul((size_t)p->output_height + (size_t)p->output_width + 2, sizeof(int64_t), &bins) ||
        !qn_add(samples, bins, &total))
        return SIZE_MAX;
    return total;
}

static const char *accept_f64(const struct qn_site *site)
{
    return site->in[0]->dtype == QN_DOUBLE ? NULL : "not float64";
}

static const struct qn_kernel roi_align_kernels[] = {
    {.name = "roi_align_f32", .accept = qn_accept_f32, .workspace = roi_align_workspace, .run = roi_align_f32},
    {.name = "roi_align_f64", .accept = accept_f64, .workspace = roi_align_workspace, .run = roi_align_f64},
    {.name = NULL},
};

/* ---- MaxRoiPool ----------------------------------------------------------------------------------------------- */

struct max_roi_pool {
    struct qn_ints pooled_shape; /* height, width */
    float spatial_scale;
};

static enum qn_status parse_max_roi_pool(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct max_roi_pool *p = params;

    (void)node, (void)arena;
    QN_CHECK(p->pooled_shape.n == 2, err, FORMAT, "attribute 'pooled_shape' has %zu entries, 2 are needed",
             p->pooled_shape.n);
    return QN_OK;
}

static enum qn_status infer_max_roi_pool(struct qn_infer *in, const void *params)
{
    const struct max_roi_pool *p = params;

    return pooled_shape(in, p->pooled_shape.v[0], p->pooled_shape.v[1], 5);
}

/* A region in whole pixels along one axis, and its bins. */
struct extent {
    int64_t start, n_bins, n;
    double bin; /* pixels of a bin */
};

static enum qn_status make_extent(const struct qn_call *call, int64_t r, double from, double to, struct extent *extent)
{
    QN_CHECK(fabs(from) < INT32_MAX && fabs(to) < INT32_MAX, call->err, RANGE, "roi %lld is out of any image",
             (long long)r);
    extent->start = (int64_t)round(from);
    extent->bin = fmax(round(to) - round(from) + 1, 1) / (double)extent->n_bins;
    return QN_OK;
}

/* Pixels [*begin, *end) of bin b. */
static void bin_range(const struct extent *e, int64_t b, int64_t *begin, int64_t *end)
{
    int64_t low = e->start + (int64_t)floor((double)b * e->bin),
            high = e->start + (int64_t)ceil((double)(b + 1) * e->bin);

    *begin = low < 0 ? 0 : low < e->n ? low : e->n;
    *end = high < 0 ? 0 : high < e->n ? high : e->n;
}

#define POOL(name, real)                                                                                               \
    static real pool_bin_##name(const real *plane, const struct extent *y, const struct extent *x, int64_t by,         \
                                int64_t bx)                                                                            \
    {                                                                                                                  \
        int64_t top, bottom, left, right;                                                                              \
        real max = -(real)INFINITY;                                                                                    \
                                                                                                                       \
        bin_range(y, by, &top, &bottom);                                                                               \
        bin_range(x, bx, &left, &right);                                                                               \
        if (top >= bottom || left >= right)                                                                            \
            return 0;                                                                                                  \
        for (int64_t i = top; i < bottom; i++)                                                                         \
            for (int64_t j = left; j < right; j++)                                                                     \
                max = plane[i * x->n + j] > max || isnan(plane[i * x->n + j]) ? plane[i * x->n + j] : max;             \
        return max;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static enum qn_status max_roi_pool_##name(const struct qn_call *call)                                              \
    {                                                                                                                  \
        const struct max_roi_pool *p = call->params;                                                                   \
        const struct qn_tensor *x = qn_in(call, 0);                                                                    \
        struct qn_tensor *y = qn_out(call, 0);                                                                         \
        struct extent vertical = {.n = x->dims[2], .n_bins = y->dims[2]};                                              \
        struct extent horizontal = {.n = x->dims[3], .n_bins = y->dims[3]};                                            \
        real *out = y->data;                                                                                           \
                                                                                                                       \
        for (int64_t r = 0; r < y->dims[0]; r++) {                                                                     \
            const real *roi = (const real *)qn_in(call, 1)->data + 5 * r;                                              \
            real scale = (real)p->spatial_scale;                                                                       \
                                                                                                                       \
            QN_CHECK(roi[0] >= 0 && roi[0] < (real)x->dims[0], call->err, RANGE, "roi %lld is for image %g of %lld",   \
                     (long long)r, (double)roi[0], (long long)x->dims[0]);                                             \
            QN_TRY(make_extent(call, r, (double)(roi[1] * scale), (double)(roi[3] * scale), &horizontal));             \
            QN_TRY(make_extent(call, r, (double)(roi[2] * scale), (double)(roi[4] * scale), &vertical));               \
            for (int64_t c = 0; c < x->dims[1]; c++) {                                                                 \
                const real *plane =                                                                                    \
                    (const real *)x->data + ((int64_t)roi[0] * x->dims[1] + c) * vertical.n * horizontal.n;            \
                                                                                                                       \
                for (int64_t by = 0; by < vertical.n_bins; by++)                                                       \
                    for (int64_t bx = 0; bx < horizontal.n_bins; bx++)                                                 \
                        *out++ = pool_bin_##name(plane, &vertical, &horizontal, by, bx);                               \
            }                                                                                                          \
        }                                                                                                              \
        return QN_OK;                                                                                                  \
    }

POOL(f32, float)
POOL(f64, double)

static const struct qn_kernel max_roi_pool_kernels[] = {
    {.name = "max_roi_pool_f32", .accept = qn_accept_f32, .run = max_roi_pool_f32},
    {.name = "max_roi_pool_f64", .accept = accept_f64, .run = max_roi_pool_f64},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define SIZE(field)                                                                                                    \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INT, .offset = QN_ATTR_FIELD(roi_align, field), .number = 1, .min = 1,         \
        .max = 1 << 24                                                                                                 \
    }
#define RATIO                                                                                                          \
    {                                                                                                                  \
        .name = "sampling_ratio", .form = QN_FORM_INT, .offset = QN_ATTR_FIELD(roi_align, sampling_ratio), .min = 0,   \
        .max = 1 << 16                                                                                                 \
    }
#define ROI_ALIGN(first, last, types, preset, ...)                                                                     \
    {                                                                                                                  \
        .name = "RoiAlign", .domain = "", .since = (first), .until = (last),                                           \
        .in = QN_FORMALS(QN_IN("X", 'T', types), QN_IN("rois", 'T', types), QN_IN("batch_indices", 0, QN_BIT(INT64))), \
        .out = QN_FORMALS(QN_OUT("Y", 'T', types)),                                                                    \
        .attrs = QN_ATTRS(QN_ENUM_ATTR(roi_align, mode, "avg", pool_modes), SIZE(output_height), SIZE(output_width),   \
                          RATIO, QN_FLOAT_ATTR(roi_align, spatial_scale, 1), __VA_ARGS__),                             \
        QN_PRESET(roi_align, .coordinate_transformation_mode = (preset)), .tolerance = QN_ROUNDING,                    \
        .infer = infer_roi_align, .kernels = roi_align_kernels                                                         \
    }
#define COORDINATES QN_ENUM_ATTR(roi_align, coordinate_transformation_mode, "half_pixel", coordinates)
#define MAX_ROI_POOL(first, last, types)                                                                               \
    {                                                                                                                  \
        .name = "MaxRoiPool", .domain = "", .since = (first), .until = (last),                                         \
        .in = QN_FORMALS(QN_IN("X", 'T', types), QN_IN("rois", 'T', types)),                                           \
        .out = QN_FORMALS(QN_OUT("Y", 'T', types)),                                                                    \
        .attrs = QN_ATTRS(QN_FLOAT_ATTR(max_roi_pool, spatial_scale, 1),                                               \
                          {.name = "pooled_shape",                                                                     \
                           .form = QN_FORM_INTS,                                                                       \
                           .offset = QN_ATTR_FIELD(max_roi_pool, pooled_shape),                                        \
                           .required = true,                                                                           \
                           .min = 1,                                                                                   \
                           .max = 1 << 24}),                                                                           \
        QN_PARAMS(max_roi_pool), .parse = parse_max_roi_pool, .infer = infer_max_roi_pool,                             \
        .kernels = max_roi_pool_kernels                                                                                \
    }

const struct qn_op qn_ops_roi_align[] = {
    /* Before version 16 there is no shift by half a pixel. */
    ROI_ALIGN(10, 15, QN_FLOATS_STD, OUTPUT_HALF_PIXEL, {.name = NULL}),
    ROI_ALIGN(16, 21, QN_FLOATS_STD, HALF_PIXEL, COORDINATES),
    ROI_ALIGN(22, 27, QN_FLOATS, HALF_PIXEL, COORDINATES),
    MAX_ROI_POOL(1, 21, QN_FLOATS_STD),
    MAX_ROI_POOL(22, 27, QN_FLOATS),
    {.name = NULL},
};
