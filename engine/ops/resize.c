/* resize.c: Resize, Upsample. Nearest moves elements of any type by an index per axis; linear and cubic run one
 * resampling pass per axis that changes (resample.c), the one that shrinks most first, in float32 for float32, else in
 * float64.
 *
 * Output sizes from scales are floor(dim * scale), computed in float32; the region of tf_crop_and_resize does not
 * enter, as in other implementations and against the letter of the specification. Integer types round to nearest even
 * and saturate. Resize-10 and Upsample map coordinates by division alone; their "nearest" is floor when growing, ceil
 * when shrinking. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"
#include "ops/quantized.h"
#include "ops/resample.h"
#include "tensor/convert.h"

enum { NEAREST, LINEAR, CUBIC };
enum { STRETCH, NOT_LARGER, NOT_SMALLER };

static const char *const modes_1[] = {"nearest", "bilinear", NULL};
static const char *const modes_10[] = {"nearest", "linear", NULL};
static const char *const modes_11[] = {"nearest", "linear", "cubic", NULL};
static const char *const nearest_modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
/* In the order of enum qn_coordinates. */
static const char *const coordinates_11[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                             "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize",
                                             NULL};
static const char *const coordinates_19[] = {
    "half_pixel",           "pytorch_half_pixel", "align_corners",        "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric", NULL};

struct resize {
    int mode, coordinates, nearest, policy;
    float cubic_coeff_a, extrapolation_value;
    bool exclude_outside, antialias;
    struct qn_ints axes;             /* not given: all */
    float height_scale, width_scale; /* Upsample-1: instead of input `scales` */
    int roi_at, scales_at, sizes_at; /* inputs; 0: there is none */
};

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* What the inputs say; tensors that are left out or empty are NULL. */
struct request {
    const struct qn_tensor *roi, *scales, *sizes;
};

struct plan {
    int rank;
    struct qn_axis axes[QN_MAX_RANK];
    bool listed[QN_MAX_RANK]; /* the axis is spoken of */
    bool active[QN_MAX_RANK]; /* it is not copied as it is */
};

static enum qn_status list_axes(const struct resize *p, int rank, struct qn_arg *axes, struct qn_err *err)
{
    *axes = (struct qn_arg){.given = true, .n = p->axes.given ? (int)p->axes.n : rank};
    QN_CHECK(!p->axes.given || p->axes.n <= QN_MAX_RANK, err, SHAPE, "attribute 'axes' has %zu entries", p->axes.n);
    for (int i = 0; i < axes->n; i++)
        axes->v[i] = p->axes.given ? p->axes.v[i] : i;
    return qn_arg_axes(axes, rank, err);
}

static enum qn_status check_length(const struct qn_tensor *tensor, const char *what, int n, struct qn_err *err)
{
    QN_CHECK(!tensor || qn_tensor_count(tensor) == n, err, SHAPE, "%s has %lld entries, %d are needed", what,
             (long long)qn_tensor_count(tensor), n);
    return QN_OK;
}

static enum qn_status check_request(const struct resize *p, const struct request *q, int n_axes, struct qn_err *err)
{
    QN_CHECK(!p->scales_at || !q->scales != !q->sizes, err, SHAPE, "either scales or sizes must be given, %s",
             q->scales ? "not both" : "not none");
    QN_TRY(check_length(q->scales, "scales", n_axes, err));
    QN_TRY(check_length(q->sizes, "sizes", n_axes, err));
    if (p->coordinates != QN_TF_CROP_AND_RESIZE)
        return QN_OK;
    QN_CHECK(q->roi, err, SHAPE, "tf_crop_and_resize needs the input roi");
    QN_TRY(check_length(q->roi, "roi", 2 * n_axes, err));
    for (int i = 0; i < 2 * n_axes; i++)
        QN_CHECK(isfinite(qn_tensor_double(q->roi, i)), err, RANGE, "roi[%d] is not a finite number", i);
    return QN_OK;
}

/* The scale of entry i as a float32, from input or attributes. */
static float scale_of(const struct resize *p, const struct request *q, int i)
{
    if (p->scales_at)
        return (float)qn_tensor_double(q->scales, i);
    return i == 2 ? p->height_scale : i == 3 ? p->width_scale : 1;
}

static enum qn_status axis_by_scale(float scale, struct qn_axis *axis, struct qn_err *err)
{
    float out = floorf((float)axis->in * scale);

    QN_CHECK(isfinite(scale) && scale > 0, err, RANGE, "a scale of %g makes no sense", (double)scale);
    QN_CHECK(out < 0x1p62f, err, LIMIT, "the result is too large");
    axis->out = (int64_t)out;
    axis->scale = scale;
    axis->width = (double)axis->in * axis->scale;
    return QN_OK;
}

static enum qn_status axis_by_size(int64_t size, struct qn_axis *axis, struct qn_err *err)
{
    QN_CHECK(size >= 0, err, RANGE, "a size of %lld makes no sense", (long long)size);
    QN_CHECK(axis->in > 0 || size == 0, err, SHAPE, "an axis without elements cannot be resized to %lld",
             (long long)size);
    axis->out = size;
    axis->scale = size ? (double)size / (double)axis->in : 1;
    axis->width = (double)size;
    return QN_OK;
}

/* One scale for all axes asked for, so that none is larger (or smaller) than its size. */
static enum qn_status keep_aspect(const struct resize *p, const struct qn_arg *axes, struct plan *plan,
                                  struct qn_err *err)
{
    double scale = -1;

    for (int i = 0; i < axes->n; i++) {
        double mine = plan->axes[axes->v[i]].scale;

        if (plan->axes[axes->v[i]].in > 0 && (scale < 0 || (p->policy == NOT_LARGER ? mine < scale : mine > scale)))
            scale = mine;
    }
    for (int i = 0; i < axes->n; i++) {
        struct qn_axis *axis = &plan->axes[axes->v[i]];

        if (axis->in == 0)
            continue;
        QN_CHECK(scale > 0 && axis->out > 0, err, RANGE, "a size of zero cannot keep the aspect ratio");
        axis->scale = scale;
        axis->width = (double)axis->in * scale;
        QN_CHECK(axis->width < 0x1p62, err, LIMIT, "the result is too large");
        axis->out = (int64_t)floor(axis->width + 0.5);
    }
    return QN_OK;
}

/* Whether the axis stays as it is, whatever the coordinates say. */
static bool is_identity(const struct qn_axis *axis)
{
    if (axis->coordinates == QN_TF_CROP_AND_RESIZE && (axis->start != 0 || axis->end != 1))
        return false;
    return axis->scale == 1 && axis->out == axis->in;
}

static enum qn_status make_plan(const struct resize *p, const struct request *q, int rank, const int64_t *dims,
                                struct plan *plan, struct qn_err *err)
{
    struct qn_arg axes;

    *plan = (struct plan){.rank = rank};
    QN_TRY(list_axes(p, rank, &axes, err));
    QN_TRY(check_request(p, q, axes.n, err));
    for (int i = 0; i < rank; i++)
        plan->axes[i] =
            (struct qn_axis){(enum qn_coordinates)p->coordinates, dims[i], dims[i], 1, (double)dims[i], 0, 1};
    for (int i = 0; i < axes.n; i++) {
        struct qn_axis *axis = &plan->axes[axes.v[i]];

        plan->listed[axes.v[i]] = true;
        if (q->sizes)
            QN_TRY(axis_by_size(qn_tensor_int(q->sizes, i), axis, err));
        else
            QN_TRY(axis_by_scale(scale_of(p, q, i), axis, err));
        if (p->coordinates == QN_TF_CROP_AND_RESIZE) {
            axis->start = qn_tensor_double(q->roi, i);
            axis->end = qn_tensor_double(q->roi, axes.n + i);
        }
    }
    if (q->sizes && p->policy != STRETCH)
        QN_TRY(keep_aspect(p, &axes, plan, err));
    for (int i = 0; i < rank; i++)
        plan->active[i] = !is_identity(&plan->axes[i]);
    return QN_OK;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct resize *p = params;

    (void)node, (void)arena;
    QN_CHECK(!p->antialias || p->mode != NEAREST, err, FORMAT, "attribute 'antialias' does not go with mode 'nearest'");
    return QN_OK;
}

/* Value of fact i: false when it is given but not known. Left out and empty are NULL. */
static bool known_input(const struct qn_fact *const *in, int n_in, int i, const struct qn_tensor **tensor)
{
    const struct qn_fact *fact = i > 0 && i < n_in ? in[i] : NULL;

    *tensor = fact ? fact->konst : NULL;
    if (*tensor && qn_tensor_count(*tensor) == 0)
        *tensor = NULL;
    return !fact || fact->konst || (fact->shape.rank == 1 && fact->shape.dims[0] == 0);
}

static bool known_request(const struct resize *p, const struct qn_fact *const *in, int n_in, struct request *q)
{
    bool roi = known_input(in, n_in, p->roi_at, &q->roi), scales = known_input(in, n_in, p->scales_at, &q->scales);

    return known_input(in, n_in, p->sizes_at, &q->sizes) && roi && scales;
}

/* Dims that are not known yet take part as 1 and stay unknown, unless a size or a scale of 1 says what becomes of them.
 */
static enum qn_status infer_dims(struct qn_infer *in, const struct resize *p, const struct request *q,
                                 struct qn_shape *y)
{
    int64_t dims[QN_MAX_RANK];
    struct plan plan;
    bool all_known = qn_shape_known(y);

    for (int i = 0; i < y->rank; i++)
        dims[i] = qn_dim_known(y->dims[i]) ? y->dims[i] : 1;
    QN_TRY(make_plan(p, q, y->rank, dims, &plan, in->err));
    for (int i = 0; i < y->rank; i++) {
        bool sized = q->sizes && plan.listed[i];

        if (sized && p->policy != STRETCH && !all_known)
            y->dims[i] = QN_DIM_UNKNOWN;
        else if (qn_dim_known(y->dims[i]) || sized)
            y->dims[i] = plan.axes[i].out;
        else if (plan.axes[i].scale != 1)
            y->dims[i] = QN_DIM_UNKNOWN;
    }
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct resize *p = params;
    struct qn_shape y = in->in[0]->shape;
    struct request q;

    QN_CHECK(p->scales_at || y.rank < 0 || y.rank == 4, in->err, SHAPE,
             "a tensor [N,C,H,W] is expected, not one of rank %d", y.rank);
    if (y.rank >= 0 && known_request(p, in->in, in->n_in, &q))
        QN_TRY(infer_dims(in, p, &q, &y));
    else
        for (int i = 0; i < y.rank; i++)
            y.dims[i] = QN_DIM_UNKNOWN;
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- What kernels share --------------------------------------------------------------------------------------- */

static const struct qn_tensor *given_input(const struct qn_call *call, int i)
{
    const struct qn_tensor *tensor = i > 0 ? qn_in(call, i) : NULL;

    return tensor && qn_tensor_count(tensor) ? tensor : NULL;
}

static enum qn_status plan_of(const struct qn_call *call, struct plan *plan)
{
    const struct resize *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct request q = {given_input(call, p->roi_at), given_input(call, p->scales_at), given_input(call, p->sizes_at)};
    struct qn_shape y = {.rank = x->rank};

    QN_TRY(make_plan(p, &q, x->rank, x->dims, plan, call->err));
    for (int i = 0; i < y.rank; i++)
        y.dims[i] = plan->axes[i].out;
    return qn_arg_check_out(call, 0, &y);
}

/* Writes the extrapolation value wherever the coordinate of some axis is outside of the input. */
static void fill_outside(const struct qn_call *call, const struct plan *plan)
{
    const struct resize *p = call->params;
    struct qn_tensor *y = qn_out(call, 0), element = {.dtype = y->dtype, .data = (char[16]){0}};
    size_t size = qn_dtype_bytes(y->dtype);

    if (p->coordinates != QN_TF_CROP_AND_RESIZE)
        return;
    qn_tensor_set_double(&element, 0, p->extrapolation_value);
    for (int axis = 0; axis < y->rank; axis++) {
        int64_t outer = qn_tensor_span(y, 0, axis), inner = qn_tensor_span(y, axis + 1, y->rank), n = y->dims[axis];

        for (int64_t i = 0; i < n && plan->active[axis]; i++) {
            struct qn_move move = {0};

            if (!qn_axis_outside(&plan->axes[axis], i))
                continue;
            qn_move_axis(&move, outer, 0, n * inner);
            qn_move_axis(&move, inner, 0, 1);
            qn_move_run(&move, size, element.data, (char *)y->data + (size_t)(i * inner) * size, call->pool);
        }
    }
}

/* ---- Nearest -------------------------------------------------------------------------------------------------- */

static const char *accept_nearest(const struct qn_site *site)
{
    return ((const struct resize *)site->params)->mode != NEAREST ? "not nearest" : NULL;
}

struct nearest {
    const struct qn_tensor *x;
    struct qn_tensor *y;
    int64_t
        *maps[QN_MAX_RANK]; /* per axis, for each output element: the input element, in steps of bytes; -1: outside */
    int last;               /* the last axis that changes: what is behind it moves in runs */
    size_t run;
    bool may_be_outside, doubles;
    char element[16]; /* the extrapolation value */
    size_t size;
};

/* Where the row of coordinates `row` (of the axes before the last that changes) begins in the input; -1: outside. */
static int64_t row_base(const struct nearest *job, int64_t row)
{
    int64_t base = 0;

    for (int i = job->last - 1; i >= 0; i--) {
        int64_t at = job->maps[i][row % job->y->dims[i]];

        if (at < 0)
            return -1;
        base += at;
        row /= job->y->dims[i];
    }
    return base;
}

#define COPY_ROW(type)                                                                                                 \
    for (int64_t i = 0; i < n; i++)                                                                                    \
    memcpy(y + i * (int64_t)sizeof(type), x + map[i], sizeof(type))

/* A row none of whose elements are outside. */
static void copy_row(const int64_t *map, int64_t n, size_t run, const char *x, char *y)
{
    switch (run) {
    case 1:
        COPY_ROW(uint8_t);
        break;
    case 2:
        COPY_ROW(uint16_t);
        break;
    case 4:
        COPY_ROW(uint32_t);
        break;
    case 8:
        COPY_ROW(uint64_t);
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            memcpy(y + (size_t)i * run, x + map[i], run);
    }
}

/* Whether a row is its elements one after the other, each twice: growing by two, the usual factor. */
static bool is_doubling(const int64_t *map, int64_t n, size_t run)
{
    for (int64_t i = 0; i < n; i++)
        if (map[i] != i / 2 * (int64_t)run)
            return false;
    return n % 2 == 0;
}

static void double_row_4b(int64_t n, const char *x, char *y)
{
    for (int64_t i = 0; i < n / 2; i++) {
        uint32_t v;

        memcpy(&v, x + 4 * i, 4);
        memcpy(y + 8 * i, &v, 4);
        memcpy(y + 8 * i + 4, &v, 4);
    }
}

static void nearest_row(const struct nearest *job, int64_t base, char *y)
{
    const int64_t *map = job->maps[job->last];
    const char *x = job->x->data;
    int64_t n = job->y->dims[job->last];

    if (!job->may_be_outside) {
        if (job->doubles)
            double_row_4b(n, x + base, y);
        else
            copy_row(map, n, job->run, x + base, y);
        return;
    }
    for (int64_t i = 0; i < n; i++, y += job->run) {
        if (base >= 0 && map[i] >= 0)
            qn_copy_run(y, x + base + map[i], job->run);
        else
            qn_fill(y, job->element, job->size, (int64_t)(job->run / job->size), NULL);
    }
}

static void nearest_part(void *arg, int part, int n_parts)
{
    const struct nearest *job = arg;
    int64_t begin, end, last_base = -2;
    size_t row_bytes = (size_t)job->y->dims[job->last] * job->run;

    qn_pool_slice(qn_tensor_span(job->y, 0, job->last), 1, part, n_parts, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t base = row_base(job, row);
        char *y = (char *)job->y->data + (size_t)row * row_bytes;

        /* When rows repeat, as in growing by whole factors, the one before is there already. */
        if (base == last_base)
            memcpy(y, y - row_bytes, row_bytes);
        else
            nearest_row(job, base, y);
        last_base = base;
    }
}

static void make_maps(const struct resize *p, const struct plan *plan, struct nearest *job, int64_t *memory)
{
    int64_t steps[QN_MAX_RANK];

    qn_dense_steps(job->x->rank, job->x->dims, steps);
    for (int i = 0; i < plan->rank; i++) {
        const struct qn_axis *axis = &plan->axes[i];

        job->maps[i] = memory;
        for (int64_t k = 0; k < axis->out; k++) {
            int64_t at = plan->active[i] ? qn_axis_nearest(axis, (enum qn_nearest)p->nearest, k) : k;

            memory[k] = at < 0 ? -1 : at * steps[i] * (int64_t)job->size;
        }
        memory += axis->out;
        if (plan->active[i])
            job->last = i;
    }
}

static enum qn_status resize_nearest(const struct qn_call *call)
{
    const struct resize *p = call->params;
    struct nearest job = {.x = qn_in(call, 0), .y = qn_out(call, 0), .size = qn_dtype_bytes(qn_in(call, 0)->dtype)};
    struct qn_tensor element = {.dtype = job.x->dtype, .data = job.element};
    struct plan plan;

    QN_TRY(plan_of(call, &plan));
    if (qn_tensor_count(job.y) == 0)
        return QN_OK;
    if (job.x->rank == 0) {
        memcpy(job.y->data, job.x->data, job.size);
        return QN_OK;
    }
    qn_tensor_set_double(&element, 0, p->extrapolation_value);
    make_maps(p, &plan, &job, call->workspace);
    job.may_be_outside = p->coordinates == QN_TF_CROP_AND_RESIZE;
    job.run = (size_t)qn_tensor_span(job.y, job.last + 1, job.y->rank) * job.size;
    job.doubles = job.run == 4 && is_doubling(job.maps[job.last], job.y->dims[job.last], job.run);
    qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(job.y)), nearest_part, &job);
    return QN_OK;
}

static size_t nearest_workspace(const struct qn_site *site)
{
    const struct qn_shape *y = &site->out[0]->shape;
    size_t n = 0, bytes;

    for (int i = 0; i < y->rank; i++)
        if (!qn_add(n, (size_t)y->dims[i], &n))
            return SIZE_MAX;
    return qn_mul(n, sizeof(int64_t), &bytes) ? bytes : SIZE_MAX;
}

/* ---- Linear and cubic ----------------------------------------------------------------------------------------- */

/* The axes in the order of their passes, and how much memory these need. */
struct passes {
    int n, axes[QN_MAX_RANK];
    size_t table;  /* bytes of the largest table of taps */
    size_t buffer; /* elements of the largest tensor between two passes */
};

static struct qn_resampler resampler_of(const struct resize *p)
{
    return (struct qn_resampler){p->mode == CUBIC ? QN_CUBIC : QN_LINEAR, p->antialias, p->exclude_outside,
                                 p->cubic_coeff_a};
}

/* Whether axis a goes before b, which is further in: shrinking axes first, the most first; then growing ones from
 * within, as a pass along the last axis is the dearest and does best with few rows. */
static bool goes_before(const struct qn_axis *a, const struct qn_axis *b)
{
    double by_a = (double)a->out / (double)a->in, by_b = (double)b->out / (double)b->in;

    return by_a < 1 && by_a <= by_b;
}

static void order_passes(const struct plan *plan, struct passes *passes)
{
    passes->n = 0;
    for (int i = 0; i < plan->rank; i++) {
        int at = passes->n;

        if (!plan->active[i])
            continue;
        for (; at > 0 && !goes_before(&plan->axes[passes->axes[at - 1]], &plan->axes[i]); at--)
            passes->axes[at] = passes->axes[at - 1];
        passes->axes[at] = i;
        passes->n++;
    }
}

static bool measure(const struct resize *p, const struct plan *plan, struct passes *passes)
{
    struct qn_resampler r = resampler_of(p);
    int64_t dims[QN_MAX_RANK];

    order_passes(plan, passes);
    passes->table = passes->buffer = 0;
    for (int i = 0; i < plan->rank; i++)
        dims[i] = plan->axes[i].in;
    for (int i = 0; i < passes->n; i++) {
        const struct qn_axis *axis = &plan->axes[passes->axes[i]];
        size_t table;
        int64_t n;

        dims[passes->axes[i]] = axis->out;
        if (!qn_taps_bytes(axis->out, qn_resampler_width(&r, axis->scale), &table) ||
            !qn_dims_count(dims, 0, plan->rank, &n))
            return false;
        passes->table = table > passes->table ? table : passes->table;
        if (i + 1 < passes->n && (size_t)n > passes->buffer)
            passes->buffer = (size_t)n;
    }
    return true;
}

/* A plan for sizing when scales are not known: every axis changes, by less than the least scale that can give its size.
 */
static void widest_plan(const struct qn_shape *x, const struct qn_shape *y, struct plan *plan)
{
    plan->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        double in = x->dims[i] > 0 ? (double)x->dims[i] : 1, out = y->dims[i] > 1 ? (double)y->dims[i] : 1;

        plan->axes[i] = (struct qn_axis){.in = x->dims[i], .out = y->dims[i], .scale = (out - 0.6) / in * (1 - 1e-6)};
        plan->active[i] = true;
    }
}

/* The workspace: a table of taps, then two buffers for what lies between passes, then, where the data is not of the
 * type that is computed in, input and output in that type. */
static size_t workspace(const struct qn_site *site, size_t size, bool converted)
{
    const struct resize *p = site->params;
    const struct qn_shape *x = &site->in[0]->shape, *y = &site->out[0]->shape;
    struct passes passes;
    struct request q;
    struct plan plan;
    size_t n, bytes;
    int64_t n_x, n_y;

    if (!known_request(p, site->in, site->n_in, &q) || make_plan(p, &q, x->rank, x->dims, &plan, NULL) != QN_OK)
        widest_plan(x, y, &plan);
    if (!measure(p, &plan, &passes) || !qn_dims_count(x->dims, 0, x->rank, &n_x) ||
        !qn_dims_count(y->dims, 0, y->rank, &n_y) || !qn_mul(passes.buffer, 2, &n))
        return SIZE_MAX;
    if (converted && (!qn_add(n, (size_t)n_x, &n) || !qn_add(n, (size_t)n_y, &n)))
        return SIZE_MAX;
    return qn_mul(n, size, &bytes) && qn_add(bytes, passes.table, &bytes) ? bytes : SIZE_MAX;
}

typedef void resample_fn(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                         const void *src, void *dst, struct qn_pool *pool);

static void resample_f32(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                         const void *src, void *dst, struct qn_pool *pool)
{
    qn_resample_f32(taps, outer, in, out, inner, src, dst, pool);
}

static void resample_f64(const struct qn_taps *taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                         const void *src, void *dst, struct qn_pool *pool)
{
    qn_resample_f64(taps, outer, in, out, inner, src, dst, pool);
}

/* All passes from x to y, elements of `size` bytes. memory: the table, then the two buffers. */
static void run_passes(const struct qn_call *call, const struct plan *plan, const struct passes *passes, size_t size,
                       resample_fn *resample, const void *x, void *y)
{
    struct qn_resampler r = resampler_of(call->params);
    char *buffers = (char *)call->workspace + passes->table;
    int64_t dims[QN_MAX_RANK];
    const void *src = x;

    for (int i = 0; i < plan->rank; i++)
        dims[i] = plan->axes[i].in;
    for (int i = 0; i < passes->n; i++) {
        int at = passes->axes[i];
        struct qn_tensor t = {.rank = plan->rank};
        void *dst = i + 1 == passes->n ? y : buffers + (size_t)(i % 2) * passes->buffer * size;
        struct qn_taps taps;

        memcpy(t.dims, dims, sizeof(dims));
        qn_taps_make(&r, &plan->axes[at], size == sizeof(float), call->workspace, &taps);
        resample(&taps, qn_tensor_span(&t, 0, at), dims[at], plan->axes[at].out, qn_tensor_span(&t, at + 1, t.rank),
                 src, dst, call->pool);
        dims[at] = plan->axes[at].out;
        src = dst;
    }
}

/* float32 and float64 in their own type. */
static enum qn_status resize_float(const struct qn_call *call, resample_fn *resample)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    struct passes passes;
    struct plan plan;

    QN_TRY(plan_of(call, &plan));
    if (qn_tensor_count(y) == 0)
        return QN_OK;
    QN_CHECK(measure(call->params, &plan, &passes), call->err, LIMIT, "the result is too large");
    if (passes.n == 0)
        qn_copy(y->data, x->data, qn_tensor_bytes(x), call->pool);
    run_passes(call, &plan, &passes, qn_dtype_bytes(x->dtype), resample, x->data, y->data);
    fill_outside(call, &plan);
    return QN_OK;
}

/* Integers and bool through float64. */
static enum qn_status resize_converted(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t n_x = qn_tensor_count(x), n_y = qn_tensor_count(y);
    struct passes passes;
    struct plan plan;
    double *in, *out;

    QN_TRY(plan_of(call, &plan));
    if (n_y == 0)
        return QN_OK;
    QN_CHECK(measure(call->params, &plan, &passes), call->err, LIMIT, "the result is too large");
    if (passes.n == 0) {
        qn_copy(y->data, x->data, qn_tensor_bytes(x), call->pool);
        return QN_OK;
    }
    in = (double *)((char *)call->workspace + passes.table) + 2 * passes.buffer;
    out = in + n_x;
    qn_convert(x->dtype, x->data, QN_DOUBLE, in, n_x, (struct qn_convert_options){.saturate = true});
    run_passes(call, &plan, &passes, sizeof(double), resample_f64, in, out);
    for (int64_t i = 0; i < n_y; i++)
        qn_tensor_set_double(y, i, rint(out[i]));
    fill_outside(call, &plan);
    return QN_OK;
}

static enum qn_status resize_f32(const struct qn_call *call) { return resize_float(call, resample_f32); }
static enum qn_status resize_f64(const struct qn_call *call) { return resize_float(call, resample_f64); }
static size_t workspace_f32(const struct qn_site *site) { return workspace(site, sizeof(float), false); }
static size_t workspace_f64(const struct qn_site *site) { return workspace(site, sizeof(double), false); }
static size_t workspace_converted(const struct qn_site *site) { return workspace(site, sizeof(double), true); }

/* Interpolation of one of the given types. */
static const char *accept_types(const struct qn_site *site, qn_dtypes types)
{
    if (((const struct resize *)site->params)->mode == NEAREST)
        return "nearest";
    return qn_dtypes_have(types, site->in[0]->dtype) ? NULL : "another element type";
}

static const char *accept_f32(const struct qn_site *site) { return accept_types(site, QN_BIT(FLOAT)); }
static const char *accept_f64(const struct qn_site *site) { return accept_types(site, QN_BIT(DOUBLE)); }
static const char *accept_converted(const struct qn_site *site) { return accept_types(site, QN_INTS | QN_BIT(BOOL)); }

static const struct qn_kernel kernels[] = {
    {.name = "resize_nearest", .accept = accept_nearest, .workspace = nearest_workspace, .run = resize_nearest},
    {.name = "resize_f32", .accept = accept_f32, .workspace = workspace_f32, .run = resize_f32},
    {.name = "resize_f64", .accept = accept_f64, .workspace = workspace_f64, .run = resize_f64},
    {.name = "resize_converted", .accept = accept_converted, .workspace = workspace_converted, .run = resize_converted},
    {.name = NULL},
};

/* ---- On bytes ------------------------------------------------------------------------------------------------- */

static enum qn_status integers(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                               struct qn_node **made)
{
    const struct resize *p = node->params;

    if (p->mode != NEAREST || p->coordinates == QN_TF_CROP_AND_RESIZE)
        return QN_OK;
    return qn_quantised_move(rewrite, node, y, made);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(op, first, last, ins, types, ...)                                                                          \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = ins,                                      \
        .out = QN_FORMALS(QN_OUT("Y", 'T', types)), .parse = parse, .infer = infer, .kernels = kernels,                \
        .tolerance = QN_ROUNDING, .integers = integers, __VA_ARGS__                                                    \
    }
#define ENUM(attribute, field, value, list)                                                                            \
    {                                                                                                                  \
        .name = (attribute), .form = QN_FORM_ENUM, .offset = QN_ATTR_FIELD(resize, field), .text = (value),            \
        .choices = (list)                                                                                              \
    }
#define REQUIRED_FLOAT(field)                                                                                          \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_FLOAT, .offset = QN_ATTR_FIELD(resize, field), .required = true                \
    }
#define MODE(list)    QN_ENUM_ATTR(resize, mode, "nearest", list)
#define SCALES(types) QN_FORMALS(QN_IN("X", 'T', types), QN_IN("scales", 0, QN_BIT(FLOAT)))
/* Division alone, as before Resize-11. */
#define OLD(place) QN_PRESET(resize, .coordinates = QN_ASYMMETRIC, .nearest = QN_SIMPLE, .scales_at = (place))
#define ATTRS_11(list)                                                                                                 \
    MODE(modes_11), ENUM("nearest_mode", nearest, "round_prefer_floor", nearest_modes),                                \
        ENUM("coordinate_transformation_mode", coordinates, "half_pixel", list),                                       \
        QN_FLOAT_ATTR(resize, cubic_coeff_a, -0.75), QN_FLOAT_ATTR(resize, extrapolation_value, 0),                    \
        QN_BOOL_ATTR(resize, exclude_outside, 0)
#define ATTRS_18(list)                                                                                                 \
    ATTRS_11(list), QN_BOOL_ATTR(resize, antialias, 0), QN_INTS_ATTR(resize, axes),                                    \
        ENUM("keep_aspect_ratio_policy", policy, "stretch", policies)
#define RESIZE(first, last, types, ...)                                                                                \
    ROW("Resize", first, last,                                                                                         \
        QN_FORMALS(QN_IN("X", 'T', types), QN_OPT("roi", 0, QN_FLOATS_STD), QN_OPT("scales", 0, QN_BIT(FLOAT)),        \
                   QN_OPT("sizes", 0, QN_BIT(INT64))),                                                                 \
        types, .attrs = QN_ATTRS(__VA_ARGS__), QN_PRESET(resize, .roi_at = 1, .scales_at = 2, .sizes_at = 3))
#define UPSAMPLE_1_TYPES (QN_FLOATS_STD | QN_BIT(BOOL) | QN_BIT(INT32) | QN_BIT(INT64))

const struct qn_op qn_ops_resize[] = {
    ROW("Resize", 10, 10, SCALES(QN_ALL_IR3), QN_ALL_IR3, .attrs = QN_ATTRS(MODE(modes_10)), OLD(1)),
    RESIZE(11, 12, QN_ALL_IR3, ATTRS_11(coordinates_11)),
    RESIZE(13, 17, QN_ALL_IR4, ATTRS_11(coordinates_11)),
    RESIZE(18, 18, QN_ALL_IR4, ATTRS_18(coordinates_11)),
    RESIZE(19, 27, QN_ALL_IR4, ATTRS_18(coordinates_19)),
    ROW("Upsample", 1, 6, QN_FORMALS(QN_IN("X", 'T', UPSAMPLE_1_TYPES)), UPSAMPLE_1_TYPES,
        .attrs = QN_ATTRS(MODE(modes_1), REQUIRED_FLOAT(height_scale), REQUIRED_FLOAT(width_scale)), OLD(0)),
    ROW("Upsample", 7, 8, SCALES(QN_ALL_IR3), QN_ALL_IR3,
        .attrs = QN_ATTRS(MODE(modes_10), QN_INPUT_ATTR("scales", FLOATS, 1)), OLD(1)),
    ROW("Upsample", 9, 9, SCALES(QN_ALL_IR3), QN_ALL_IR3, .attrs = QN_ATTRS(MODE(modes_10)), OLD(1)),
    {.name = NULL},
};
