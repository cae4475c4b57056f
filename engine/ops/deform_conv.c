/* deform_conv.c: DeformConv: a convolution whose taps lie at offsets of their own, read by linear interpolation.
 * ONNX versions 19 and 22, any number of spatial axes: X [N][C][spatial...], W [M][C / group][kernel...], offset
 * [N][offset_group * taps * axes][out...], mask [N][offset_group * taps][out...]. Outside X, and at an offset that is
 * NaN, lies zero. float32 gathers blocks of samples into a matrix and multiplies. */
#include <math.h>

#include "base/checked.h"
#include "ops/sliding.h"

enum { X, W, OFFSET, B, MASK };

struct deform {
    struct qn_sliding sliding;
    int64_t group, offset_group;
};

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* x, one of offset and mask, must be [N][n][out...]; n unknown: any. */
static enum qn_status check_field(const struct qn_shape *x, const struct qn_shape *y, int64_t n, const char *name,
                                  struct qn_err *err)
{
    if (x->rank < 0)
        return QN_OK;
    QN_CHECK(x->rank == y->rank, err, SHAPE, "%s must have rank %d, not %d", name, y->rank, x->rank);
    for (int d = 0; d < x->rank; d++) {
        int64_t want = d == 1 ? n : y->dims[d];

        QN_CHECK(!qn_dim_known(x->dims[d]) || !qn_dim_known(want) || x->dims[d] == want, err, SHAPE,
                 "dimension %d of %s is %lld, expected %lld", d, name, (long long)x->dims[d], (long long)want);
    }
    return QN_OK;
}

static enum qn_status check_channels(const struct deform *p, const struct qn_shape *x, const struct qn_shape *w,
                                     struct qn_err *err)
{
    int64_t c = x->dims[1], m = w->dims[0], per_group = w->dims[1], all;

    QN_CHECK(!qn_dim_known(c) || c % p->offset_group == 0, err, SHAPE, "%lld channels cannot be in %lld offset groups",
             (long long)c, (long long)p->offset_group);
    QN_CHECK(!qn_dim_known(m) || m % p->group == 0, err, SHAPE, "%lld output channels cannot be in %lld groups",
             (long long)m, (long long)p->group);
    QN_CHECK(!qn_dim_known(c) || !qn_dim_known(per_group) || (qn_mul64(per_group, p->group, &all) && all == c), err,
             SHAPE, "W is for %lld groups of %lld channels, X has %lld", (long long)p->group, (long long)per_group,
             (long long)c);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct deform *p = params;
    const struct qn_shape *x = &qn_infer_in(in, X)->shape, *w = &qn_infer_in(in, W)->shape;
    const struct qn_fact *bias = qn_infer_in(in, B), *mask = qn_infer_in(in, MASK);
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct qn_sliding_size windows;
    int64_t taps = p->offset_group, n_offsets;

    if (x->rank < 0 || w->rank < 0)
        return qn_infer_out(in, 0, qn_infer_in(in, X)->dtype, &y);
    QN_CHECK(x->rank >= 3, in->err, SHAPE, "X must have rank 3 or more, not %d", x->rank);
    QN_CHECK(w->rank == x->rank, in->err, SHAPE, "W must have rank %d as X, not %d", x->rank, w->rank);
    QN_TRY(check_channels(p, x, w, in->err));
    QN_TRY(qn_sliding_resolve(&p->sliding, x->rank - 2, x->dims + 2, w->dims + 2, false, &windows, in->err));
    y.rank = x->rank;
    y.dims[0] = x->dims[0];
    y.dims[1] = w->dims[0];
    for (int d = 0; d < windows.rank; d++) {
        y.dims[2 + d] = windows.out[d];
        if (qn_dim_known(taps))
            taps = qn_dim_known(windows.kernel[d]) && qn_mul64(taps, windows.kernel[d], &taps) ? taps : QN_DIM_UNKNOWN;
    }
    n_offsets = qn_dim_known(taps) && qn_mul64(taps, windows.rank, &n_offsets) ? n_offsets : QN_DIM_UNKNOWN;
    QN_TRY(check_field(&qn_infer_in(in, OFFSET)->shape, &y, n_offsets, "offset", in->err));
    if (mask)
        QN_TRY(check_field(&mask->shape, &y, taps, "the mask", in->err));
    if (bias && bias->shape.rank >= 0)
        QN_CHECK(bias->shape.rank == 1 && (!qn_dim_known(bias->shape.dims[0]) || !qn_dim_known(y.dims[1]) ||
                                           bias->shape.dims[0] == y.dims[1]),
                 in->err, SHAPE, "B must have one element for each of %lld output channels", (long long)y.dims[1]);
    return qn_infer_out(in, 0, qn_infer_in(in, X)->dtype, &y);
}

/* ---- Where a tap reads ---------------------------------------------------------------------------------------- */

struct job {
    const struct qn_tensor *x, *w, *offset, *bias, *mask;
    struct qn_tensor *y;
    struct qn_sliding_size windows;
    int64_t batch, channels, filters, group, offset_group;
    int64_t in_plane, out_plane, taps;
    int64_t block; /* float32: output positions of a block */
    char *workspace;
    size_t slot_bytes, samples_bytes, corners_bytes;
};

static enum qn_status make_job(const struct deform *p, const struct qn_shape *x, const struct qn_shape *w,
                               struct job *job, struct qn_err *err)
{
    *job = (struct job){.batch = x->dims[0],
                        .channels = x->dims[1],
                        .filters = w->dims[0],
                        .group = p->group,
                        .offset_group = p->offset_group};
    QN_TRY(qn_sliding_resolve(&p->sliding, x->rank - 2, x->dims + 2, w->dims + 2, false, &job->windows, err));
    job->in_plane = qn_sliding_in(&job->windows);
    job->out_plane = qn_sliding_out(&job->windows);
    job->taps = qn_sliding_taps(&job->windows);
    return QN_OK;
}

static enum qn_status job_of(const struct qn_call *call, struct job *job)
{
    struct qn_shape x = qn_tensor_shape(qn_in(call, X)), w = qn_tensor_shape(qn_in(call, W));

    QN_TRY(make_job(call->params, &x, &w, job, call->err));
    job->x = qn_in(call, X);
    job->w = qn_in(call, W);
    job->offset = qn_in(call, OFFSET);
    job->bias = qn_in(call, B);
    job->mask = qn_in(call, MASK);
    job->y = qn_out(call, 0);
    job->workspace = call->workspace;
    return QN_OK;
}

/* A point of a plane of X: its cell's first corner and the way into the cell, along each axis. */
struct point {
    int64_t floor[QN_CONV_RANK];
    double part[QN_CONV_RANK];
};

/* Where tap `tap` of output position `out` reads; false when that is outside X. */
static bool find_point(const struct job *job, int64_t n, int64_t offset_group, int64_t tap, int64_t out,
                       struct point *point)
{
    const struct qn_sliding_size *s = &job->windows;
    int64_t field = ((n * job->offset_group + offset_group) * job->taps + tap) * s->rank;
    int64_t o = out, t = tap;

    for (int d = s->rank - 1; d >= 0; d--) {
        int64_t start = o % s->out[d] * s->stride[d] - s->pad[d] + t % s->kernel[d] * s->dilation[d];
        double at = (double)start + qn_tensor_double(job->offset, (field + d) * job->out_plane + out);

        if (!(at > -1 && at < (double)s->in[d]))
            return false;
        point->floor[d] = (int64_t)floor(at);
        point->part[d] = at - floor(at);
        o /= s->out[d];
        t /= s->kernel[d];
    }
    return true;
}

/* Corner c of the point's cell: its place in the plane and its weight; false when it is outside X. */
static bool find_corner(const struct job *job, const struct point *point, int c, int64_t *place, double *weight)
{
    const struct qn_sliding_size *s = &job->windows;

    *place = 0;
    *weight = 1;
    for (int d = 0; d < s->rank; d++) {
        int far = c >> d & 1;
        int64_t at = point->floor[d] + far;

        if (at < 0 || at >= s->in[d])
            return false;
        *place = *place * s->in[d] + at;
        *weight *= far ? point->part[d] : 1 - point->part[d];
    }
    return true;
}

static double mask_at(const struct job *job, int64_t n, int64_t offset_group, int64_t tap, int64_t out)
{
    int64_t field = (n * job->offset_group + offset_group) * job->taps + tap;

    return job->mask ? qn_tensor_double(job->mask, field * job->out_plane + out) : 1;
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static double sample(const struct job *job, int64_t n, int64_t channel, int64_t tap, int64_t out)
{
    int64_t plane = (n * job->channels + channel) * job->in_plane, place;
    int64_t offset_group = channel / (job->channels / job->offset_group);
    double sum = 0, weight;
    struct point point;

    if (!find_point(job, n, offset_group, tap, out, &point))
        return 0;
    for (int c = 0; c < 1 << job->windows.rank; c++)
        if (find_corner(job, &point, c, &place, &weight))
            sum += weight * qn_tensor_double(job->x, plane + place);
    return sum * mask_at(job, n, offset_group, tap, out);
}

static enum qn_status deform_conv_ref(const struct qn_call *call)
{
    struct job job;

    QN_TRY(job_of(call, &job));
    const int64_t per_group = job.channels / job.group;

    for (int64_t at = 0; at < job.batch * job.filters * job.out_plane; at++) {
        int64_t out = at % job.out_plane, m = at / job.out_plane % job.filters, n = at / job.out_plane / job.filters;
        double sum = job.bias ? qn_tensor_double(job.bias, m) : 0;

        for (int64_t c = 0; c < per_group; c++)
            for (int64_t tap = 0; tap < job.taps; tap++)
                sum += qn_tensor_double(job.w, (m * per_group + c) * job.taps + tap) *
                       sample(&job, n, m / (job.filters / job.group) * per_group + c, tap, out);
        qn_tensor_set_double(job.y, at, sum);
    }
    return QN_OK;
}

/* ---- float32: samples of a block as a matrix ------------------------------------------------------------------ */

enum { BLOCK = 128, MAX_AXES = 3, MAX_CORNERS = 1 << MAX_AXES };

/* What one tap reads at one output position, mask included; corners outside X weigh 0. */
struct corners {
    int64_t place[MAX_CORNERS];
    float weight[MAX_CORNERS];
};

static const char *accept_f32(const struct qn_site *site)
{
    if (site->in[X]->dtype != QN_FLOAT)
        return "not float32";
    return site->in[X]->shape.rank - 2 <= MAX_AXES ? NULL : "more than 3 spatial axes";
}

static void find_corners(const struct job *job, int64_t n, int64_t offset_group, int64_t tap, int64_t out,
                         struct corners *corners)
{
    const double mask = mask_at(job, n, offset_group, tap, out);
    struct point point;
    bool inside = find_point(job, n, offset_group, tap, out, &point);

    for (int c = 0; c < 1 << job->windows.rank; c++) {
        double weight;
        bool there = inside && find_corner(job, &point, c, &corners->place[c], &weight);

        corners->place[c] = there ? corners->place[c] : 0;
        corners->weight[c] = there ? (float)(weight * mask) : 0;
    }
}

static void gather(const struct job *job, const float *plane, const struct corners *corners, int64_t n, float *to)
{
    const int n_corners = 1 << job->windows.rank;

    for (int64_t i = 0; i < n; i++) {
        float sum = 0;

        for (int c = 0; c < n_corners; c++)
            if (corners[i].weight[c] != 0)
                sum += corners[i].weight[c] * plane[corners[i].place[c]];
        to[i] = sum;
    }
}

/* Samples of all channels of a group at positions [from, from + count): [channel][tap][block]. */
static void fill_samples(const struct job *job, int64_t n, int64_t group, int64_t from, int64_t count, float *samples,
                         struct corners *corners)
{
    const int64_t per_group = job->channels / job->group, per_offset = job->channels / job->offset_group;
    const int64_t end = (group + 1) * per_group;

    for (int64_t first = group * per_group, next; first < end; first = next) {
        int64_t offset_group = first / per_offset;

        next = (offset_group + 1) * per_offset < end ? (offset_group + 1) * per_offset : end;
        for (int64_t tap = 0; tap < job->taps; tap++) {
            for (int64_t i = 0; i < count; i++)
                find_corners(job, n, offset_group, tap, from + i, &corners[i]);
            for (int64_t c = first; c < next; c++)
                gather(job, (const float *)job->x->data + (n * job->channels + c) * job->in_plane, corners, count,
                       samples + ((c - group * per_group) * job->taps + tap) * job->block);
        }
    }
}

/* Filters of a group times the samples of `count` positions. */
static struct qn_gemm describe(const struct job *job, int64_t count)
{
    const int64_t k = job->channels / job->group * job->taps;

    return (struct qn_gemm){.m = job->filters / job->group,
                            .n = count,
                            .k = k,
                            .lda = k,
                            .ldb = job->block,
                            .ldc = job->out_plane,
                            .alpha = 1};
}

static int64_t n_blocks(const struct job *job) { return (job->out_plane + job->block - 1) / job->block; }

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    const int64_t filters = job->filters / job->group, blocks = n_blocks(job);
    char *slot = job->workspace + (size_t)part * job->slot_bytes;
    float *samples = (float *)slot;
    struct corners *corners = (struct corners *)(slot + job->samples_bytes);
    const struct qn_work work = {slot + job->samples_bytes + job->corners_bytes, 1, NULL};
    int64_t begin, end;

    qn_pool_slice(job->batch * job->group * blocks, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        int64_t from = at % blocks * job->block, group = at / blocks % job->group, n = at / blocks / job->group;
        int64_t count = job->out_plane - from < job->block ? job->out_plane - from : job->block;
        struct qn_gemm g = describe(job, count);

        fill_samples(job, n, group, from, count, samples, corners);
        g.a = (const float *)job->w->data + group * filters * g.k;
        g.b = samples;
        g.c = (float *)job->y->data + (n * job->filters + group * filters) * job->out_plane + from;
        g.bias_row = job->bias ? (const float *)job->bias->data + group * filters : NULL;
        qn_gemm(&g, &work);
    }
}

/* Sets the block and the sizes of a part's workspace; false on overflow. */
static bool lay_out(struct job *job)
{
    size_t full = 0, last = 0;
    struct qn_gemm g;

    job->block = job->out_plane < BLOCK ? (job->out_plane > 0 ? job->out_plane : 1) : BLOCK;
    g = describe(job, job->block);
    if (!qn_gemm_bytes(&g, 1, &full))
        return false;
    g = describe(job, job->out_plane % job->block);
    if (g.n > 0 && !qn_gemm_bytes(&g, 1, &last))
        return false;
    if (!qn_mul((size_t)g.k, (size_t)job->block * sizeof(float), &job->samples_bytes) ||
        job->samples_bytes > SIZE_MAX / 4 || full > SIZE_MAX / 4 || last > SIZE_MAX / 4)
        return false;
    job->samples_bytes = qn_round_up(job->samples_bytes, 64);
    job->corners_bytes = qn_round_up((size_t)job->block * sizeof(struct corners), 64);
    job->slot_bytes = job->samples_bytes + job->corners_bytes + qn_round_up(full > last ? full : last, 64);
    return true;
}

static size_t workspace(const struct qn_site *site)
{
    struct job job;
    size_t bytes;

    if (make_job(site->params, &site->in[X]->shape, &site->in[W]->shape, &job, NULL) != QN_OK || !lay_out(&job))
        return SIZE_MAX;
    return qn_mul(job.slot_bytes, (size_t)site->threads, &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status deform_conv_f32(const struct qn_call *call)
{
    int n_parts = qn_pool_threads(call->pool);
    struct job job;

    QN_TRY(job_of(call, &job));
    QN_CHECK(lay_out(&job), call->err, LIMIT, "the convolution is too large");
    n_parts = n_parts < call->threads ? n_parts : call->threads;
    if (qn_tensor_count(job.y) > 0)
        qn_pool_run(call->pool, n_parts, run_part, &job);
    return QN_OK;
}

static double flops(const struct qn_site *site)
{
    struct job job;

    if (make_job(site->params, &site->in[X]->shape, &site->in[W]->shape, &job, NULL) != QN_OK)
        return 0;
    return 2.0 * (double)job.batch * (double)job.filters * (double)job.out_plane * (double)job.taps *
           (double)(job.channels / job.group);
}

static const struct qn_kernel kernels[] = {
    {.name = "deform_conv_f32", .accept = accept_f32, .workspace = workspace, .run = deform_conv_f32},
    {.name = "deform_conv_ref", .accept = qn_accept_not_narrow, .run = deform_conv_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs[] = {
    QN_SLIDING_INTS(deform, kernel_shape, 1, false),
    QN_SLIDING_INTS(deform, strides, 1, false),
    QN_SLIDING_INTS(deform, pads, 0, false),
    QN_SLIDING_DILATIONS(deform),
    QN_INT_ATTR_RANGE(deform, group, 1, 1, INT32_MAX),
    QN_INT_ATTR_RANGE(deform, offset_group, 1, 1, INT32_MAX),
    {.name = NULL},
};

#define ROW(first, last, set)                                                                                          \
    {                                                                                                                  \
        .name = "DeformConv", .domain = "", .since = (first), .until = (last),                                         \
        .in = QN_FORMALS(QN_IN("X", 'T', set), QN_IN("W", 'T', set), QN_IN("offset", 'T', set), QN_OPT("B", 'T', set), \
                         QN_OPT("mask", 'T', set)),                                                                    \
        .out = QN_FORMALS(QN_OUT("Y", 'T', set)), .attrs = attrs, QN_PARAMS(deform), .infer = infer,                   \
        .kernels = kernels, .tolerance = QN_ROUNDING, .flops = flops                                                   \
    }

const struct qn_op qn_ops_deform_conv[] = {
    ROW(19, 21, QN_FLOATS_STD),
    ROW(22, 27, QN_FLOATS),
    {.name = NULL},
};
