/* pool.c: MaxPool, AveragePool, LpPool, GlobalMaxPool, GlobalAveragePool, GlobalLpPool, MaxUnpool.
 * Windows follow sliding.c: with ceil_mode a window counts when it starts before the padding at the end; auto_pad VALID
 * does not round up. Padding is never a maximum and counts in an average when count_include_pad says so (what hangs
 * over because of rounding up never does). NaN wins; of equal elements the first is indexed. A window that lies in
 * padding alone gives the lowest value of the type, index 0 of its plane, the average 0. MaxUnpool reads indices as
 * positions in the size that follows from its attributes; a larger output_shape adds zeros behind. Not here: ROI
 * pooling, sums over named axes. */
#include <math.h>
#include <string.h>

#include "ops/args.h"
#include "ops/quantized.h"
#include "ops/sliding.h"

enum kind { MAX, AVERAGE, LP };

struct pool {
    struct qn_sliding sliding;
    enum kind kind;
    bool ceil_mode, count_include_pad, column_major;
    int64_t p;
    float p_float; /* version 1 */
    double power;
};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct pool *p = params;

    (void)node, (void)arena;
    p->power = p->p_float != 0 ? (double)p->p_float : (double)p->p;
    QN_CHECK(p->kind != LP || p->power > 0, err, FORMAT, "attribute 'p' must be positive");
    return QN_OK;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static const int64_t no_dims[QN_MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

static enum qn_status check_rank(struct qn_infer *in, const struct qn_sliding *sliding, int *rank)
{
    const struct qn_shape *x = &in->in[0]->shape;
    char text[QN_SHAPE_TEXT];

    *rank = 0;
    QN_CHECK(qn_ints_any(&sliding->kernel_shape), in->err, FORMAT, "attribute 'kernel_shape' is missing");
    QN_CHECK(sliding->kernel_shape.n <= QN_CONV_RANK, in->err, SHAPE, "%zu spatial axes are not supported",
             sliding->kernel_shape.n);
    *rank = (int)sliding->kernel_shape.n;
    QN_CHECK(x->rank < 0 || x->rank == *rank + 2, in->err, SHAPE,
             "a kernel_shape of %d entries needs X of rank %d, not %s", *rank, *rank + 2, qn_shape_text(x, text));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct pool *p = params;
    const struct qn_shape *x = &in->in[0]->shape;
    const int64_t *dims = x->rank < 0 ? no_dims : x->dims;
    struct qn_sliding_size size;
    struct qn_shape y;
    int rank;

    QN_TRY(check_rank(in, &p->sliding, &rank));
    QN_TRY(qn_sliding_resolve(&p->sliding, rank, dims + 2, NULL, p->ceil_mode, &size, in->err));
    y = (struct qn_shape){.rank = rank + 2, .dims = {dims[0], dims[1]}};
    if (rank > 0)
        memcpy(y.dims + 2, size.out, (size_t)rank * sizeof(*size.out));
    QN_TRY(qn_infer_out(in, 0, in->in[0]->dtype, &y));
    return qn_infer_out(in, 1, QN_INT64, &y);
}

static enum qn_status infer_global(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    struct qn_shape y = *x;
    char text[QN_SHAPE_TEXT];

    (void)params;
    QN_CHECK(x->rank < 0 || x->rank >= 2, in->err, SHAPE, "X needs batch and channels: %s", qn_shape_text(x, text));
    for (int i = 2; i < y.rank; i++)
        y.dims[i] = 1;
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- Windows over planes -------------------------------------------------------------------------------------- */

/* One pooling: X is [planes][n_in], Y and indices [planes][n_out]. */
struct job {
    const struct pool *p;
    struct qn_sliding_size size;
    int64_t planes, n_in, n_out;
    const void *x;
    void *y;
    int64_t *indices;
    char *room; /* of each part */
    size_t room_bytes;
};

/* Sizes of a shape that inference has seen. */
static struct job describe(const struct pool *p, const int64_t *dims, int rank)
{
    struct job job = {.p = p, .planes = dims[0] * dims[1]};

    if (qn_sliding_resolve(&p->sliding, rank - 2, dims + 2, NULL, p->ceil_mode, &job.size, NULL) != QN_OK)
        return job; /* inference would have said so */
    job.n_in = qn_sliding_in(&job.size);
    job.n_out = qn_sliding_out(&job.size);
    return job;
}

static struct job describe_call(const struct qn_call *call)
{
    struct job job = describe(call->params, qn_in(call, 0)->dims, qn_in(call, 0)->rank);

    job.x = qn_in(call, 0)->data;
    job.y = qn_out(call, 0)->data;
    job.indices = qn_out(call, 1) ? qn_out(call, 1)->data : NULL;
    return job;
}

/* Elements of X that one window may touch. */
static double window_size(const struct qn_sliding_size *size)
{
    double n = 1;

    for (int i = 0; i < size->rank; i++)
        n *= (double)(size->kernel[i] < size->in[i] ? size->kernel[i] : size->in[i]);
    return n;
}

static double work_of(const struct job *job)
{
    return (double)job->planes * (double)job->n_out * window_size(&job->size);
}

static int parts_for(const struct qn_call *call, double work)
{
    int threads = qn_pool_threads(call->pool);

    threads = threads < call->threads ? threads : call->threads;
    return work < 32768 ? 1 : threads;
}

static double flops(const struct qn_site *site)
{
    struct job job = describe(site->params, site->in[0]->shape.dims, site->in[0]->shape.rank);

    return work_of(&job);
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

/* Position `at` of a plane, counted with the first spatial axis fastest. */
static int64_t column_major(const struct qn_sliding_size *size, int64_t at)
{
    int64_t place[QN_CONV_RANK], index = 0;

    for (int i = size->rank - 1; i >= 0; i--) {
        place[i] = at % size->in[i];
        at /= size->in[i];
    }
    for (int i = size->rank - 1; i >= 0; i--)
        index = index * size->in[i] + place[i];
    return index;
}

static void set_index(const struct job *job, int64_t plane, int64_t out, int64_t at)
{
    if (job->indices)
        job->indices[plane * job->n_out + out] =
            plane * job->n_in + (job->p->column_major ? column_major(&job->size, at) : at);
}

#define MAX_PLANE(name, type, lowest)                                                                                  \
    static void max_plane_##name(const struct job *job, int64_t plane)                                                 \
    {                                                                                                                  \
        const int64_t step = job->size.rank > 0 ? job->size.dilation[job->size.rank - 1] : 1;                          \
        const type *x = (const type *)job->x + plane * job->n_in;                                                      \
        type *y = (type *)job->y + plane * job->n_out;                                                                 \
                                                                                                                       \
        for (int64_t out = 0; out < job->n_out; out++) {                                                               \
            struct qn_sliding_window window;                                                                           \
            struct qn_sliding_row row;                                                                                 \
            int64_t at = -1;                                                                                           \
                                                                                                                       \
            qn_sliding_open(&window, &job->size, out);                                                                 \
            while (qn_sliding_next(&window, &row))                                                                     \
                for (int64_t i = 0; i < row.n; i++) {                                                                  \
                    type v = x[row.x + i * step];                                                                      \
                                                                                                                       \
                    if (at < 0 || (x[at] == x[at] && !(v <= x[at])))                                                   \
                        at = row.x + i * step;                                                                         \
                }                                                                                                      \
            y[out] = at < 0 ? (lowest) : x[at];                                                                        \
            set_index(job, plane, out, at < 0 ? 0 : at);                                                               \
        }                                                                                                              \
    }
MAX_PLANE(f32, float, -INFINITY)
MAX_PLANE(f64, double, -INFINITY)
MAX_PLANE(i8, int8_t, INT8_MIN)
MAX_PLANE(u8, uint8_t, 0)

/* How many taps along axis i count in an average: those inside, or those not beyond the padding. */
static int64_t count_taps(const struct job *job, const struct qn_sliding_window *window, int i, int64_t o)
{
    const struct qn_sliding_size *s = &job->size;
    int64_t start = o * s->stride[i] - s->pad[i], n;

    if (!job->p->count_include_pad)
        return window->n[i];
    n = (s->in[i] + s->pad_end[i] - start + s->dilation[i] - 1) / s->dilation[i];
    return n < 0 ? 0 : n < s->kernel[i] ? n : s->kernel[i];
}

static double count_of(const struct job *job, const struct qn_sliding_window *window, int64_t out)
{
    double n = 1;

    for (int i = job->size.rank - 1; i >= 0; i--) {
        n *= (double)count_taps(job, window, i, out % job->size.out[i]);
        out /= job->size.out[i];
    }
    return n;
}

static double to_power(double x, double power)
{
    return power == 1 ? fabs(x) : power == 2 ? x * x : pow(fabs(x), power);
}

static double root_of(double sum, double power)
{
    return power == 1 ? sum : power == 2 ? sqrt(sum) : pow(sum, 1 / power);
}

#define SUM_PLANE(name, type)                                                                                          \
    static void sum_plane_##name(const struct job *job, int64_t plane)                                                 \
    {                                                                                                                  \
        const int64_t step = job->size.rank > 0 ? job->size.dilation[job->size.rank - 1] : 1;                          \
        const bool average = job->p->kind == AVERAGE;                                                                  \
        const type *x = (const type *)job->x + plane * job->n_in;                                                      \
        type *y = (type *)job->y + plane * job->n_out;                                                                 \
                                                                                                                       \
        for (int64_t out = 0; out < job->n_out; out++) {                                                               \
            struct qn_sliding_window window;                                                                           \
            struct qn_sliding_row row;                                                                                 \
            double sum = 0, n;                                                                                         \
                                                                                                                       \
            qn_sliding_open(&window, &job->size, out);                                                                 \
            n = average ? count_of(job, &window, out) : 0;                                                             \
            while (qn_sliding_next(&window, &row))                                                                     \
                for (int64_t i = 0; i < row.n; i++) {                                                                  \
                    double v = (double)x[row.x + i * step];                                                            \
                                                                                                                       \
                    sum += average ? v : to_power(v, job->p->power);                                                   \
                }                                                                                                      \
            y[out] = (type)(!average ? root_of(sum, job->p->power) : n > 0 ? sum / n : 0);                             \
        }                                                                                                              \
    }
SUM_PLANE(f32, float)
SUM_PLANE(f64, double)

typedef void plane_fn(const struct job *job, int64_t plane);

static plane_fn *plane_of(enum kind kind, enum qn_dtype dtype)
{
    switch (dtype) {
    case QN_INT8:
        return max_plane_i8;
    case QN_UINT8:
        return max_plane_u8;
    case QN_DOUBLE:
        return kind == MAX ? max_plane_f64 : sum_plane_f64;
    default:
        return kind == MAX ? max_plane_f32 : sum_plane_f32;
    }
}

struct planes {
    const struct job *job;
    plane_fn *plane;
};

static void planes_part(void *arg, int part, int n_parts)
{
    const struct planes *planes = arg;
    int64_t begin, end;

    qn_pool_slice(planes->job->planes, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        planes->plane(planes->job, i);
}

static enum qn_status pool_ref(const struct qn_call *call)
{
    const struct job job = describe_call(call);
    struct planes planes = {&job, plane_of(job.p->kind, qn_in(call, 0)->dtype)};

    qn_pool_run(call->pool, parts_for(call, work_of(&job)), planes_part, &planes);
    return QN_OK;
}

/* ---- Maxima of whole rows ------------------------------------------------------------------------------------- */

/* All windows of one row of the output share their taps along the outer axes: first the maximum over those, element by
 * element, of rows of X, then along the row. The room is one row of X. */

#define MAX_ROW(name, type, lowest)                                                                                    \
    static void max_row_##name(const struct job *job, const type *x, struct qn_sliding_window *window, type *best,     \
                               type *y)                                                                                \
    {                                                                                                                  \
        const struct qn_sliding_size *s = &job->size;                                                                  \
        const int last = s->rank - 1;                                                                                  \
        const int64_t width = s->in[last], step = s->dilation[last];                                                   \
        struct qn_sliding_row row;                                                                                     \
                                                                                                                       \
        for (int64_t i = 0; i < width; i++)                                                                            \
            best[i] = (lowest);                                                                                        \
        while (qn_sliding_next(window, &row)) {                                                                        \
            const type *src = x + row.x;                                                                               \
                                                                                                                       \
            for (int64_t i = 0; i < width; i++)                                                                        \
                best[i] = src[i] > best[i] || src[i] != src[i] ? src[i] : best[i];                                     \
        }                                                                                                              \
        for (int64_t o = 0; o < s->out[last]; o++) {                                                                   \
            int64_t start = o * s->stride[last] - s->pad[last];                                                        \
            int64_t first = start < 0 ? (-start + step - 1) / step : 0;                                                \
            int64_t end = start < width ? (width - start + step - 1) / step : 0;                                       \
            type max = (lowest);                                                                                       \
                                                                                                                       \
            end = end < s->kernel[last] ? end : s->kernel[last];                                                       \
            for (int64_t t = first; t < end; t++) {                                                                    \
                type v = best[start + t * step];                                                                       \
                                                                                                                       \
                max = v > max || v != v ? v : max;                                                                     \
            }                                                                                                          \
            y[o] = max;                                                                                                \
        }                                                                                                              \
    }
MAX_ROW(f32, float, -INFINITY)
MAX_ROW(f64, double, -INFINITY)
MAX_ROW(i8, int8_t, INT8_MIN)
MAX_ROW(u8, uint8_t, 0)

/* Row number `row` of all rows of the output of all planes. */
static void run_row(const struct job *job, enum qn_dtype dtype, int64_t row, void *room)
{
    const struct qn_sliding_size *s = &job->size;
    const int last = s->rank - 1;
    int64_t per_plane = job->n_out / s->out[last], at = row * s->out[last];
    int64_t plane = row / per_plane;
    struct qn_sliding_window window;

    /* The window as far as the outer axes go: each row it hands out stands for the whole row of X. */
    qn_sliding_open(&window, s, row % per_plane * s->out[last]);
    window.n_rows = 1;
    for (int i = 0; i < last; i++)
        window.n_rows *= window.n[i];
    window.x0[last] = 0;
    switch (dtype) {
    case QN_FLOAT:
        max_row_f32(job, (const float *)job->x + plane * job->n_in, &window, room, (float *)job->y + at);
        break;
    case QN_DOUBLE:
        max_row_f64(job, (const double *)job->x + plane * job->n_in, &window, room, (double *)job->y + at);
        break;
    case QN_INT8:
        max_row_i8(job, (const int8_t *)job->x + plane * job->n_in, &window, room, (int8_t *)job->y + at);
        break;
    default:
        max_row_u8(job, (const uint8_t *)job->x + plane * job->n_in, &window, room, (uint8_t *)job->y + at);
    }
}

struct rows {
    const struct job *job;
    enum qn_dtype dtype;
    int64_t n_rows;
};

static void rows_part(void *arg, int part, int n_parts)
{
    const struct rows *rows = arg;
    int64_t begin, end;

    qn_pool_slice(rows->n_rows, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_row(rows->job, rows->dtype, i, rows->job->room + (size_t)part * rows->job->room_bytes);
}

/* Bytes of a row of X, in whole cache lines. */
static size_t row_bytes(const struct qn_shape *x, enum qn_dtype dtype)
{
    return ((size_t)x->dims[x->rank - 1] * qn_dtype_bytes(dtype) + 63) & ~(size_t)63;
}

static size_t rows_workspace(const struct qn_site *site)
{
    return row_bytes(&site->in[0]->shape, site->in[0]->dtype) * (size_t)site->threads;
}

static const char *accept_rows(const struct qn_site *site)
{
    const char *reason = qn_accept_not_narrow(site);

    if (reason)
        return reason;
    if (site->n_out > 1 && site->out[1])
        return "indices are wanted";
    return site->in[0]->shape.rank > 2 ? NULL : "no spatial axis";
}

static enum qn_status maxpool_rows(const struct qn_call *call)
{
    struct job job = describe_call(call);
    struct qn_shape x = qn_tensor_shape(qn_in(call, 0));
    struct rows rows = {&job, qn_in(call, 0)->dtype, 0};

    if (job.planes == 0 || job.n_out == 0)
        return QN_OK;
    rows.n_rows = job.planes * (job.n_out / job.size.out[job.size.rank - 1]);
    job.room = call->workspace;
    job.room_bytes = row_bytes(&x, rows.dtype);
    qn_pool_run(call->pool, parts_for(call, work_of(&job)), rows_part, &rows);
    return QN_OK;
}

/* ---- float32 through the kernels ------------------------------------------------------------------------------ */

static struct qn_pooling pooling_of(const struct job *job)
{
    struct qn_pooling pooling = {
        .planes = job->planes, .rank = job->size.rank, .count_include_pad = job->p->count_include_pad};

    memcpy(pooling.in, job->size.in, sizeof(pooling.in));
    memcpy(pooling.out, job->size.out, sizeof(pooling.out));
    memcpy(pooling.kernel, job->size.kernel, sizeof(pooling.kernel));
    memcpy(pooling.stride, job->size.stride, sizeof(pooling.stride));
    memcpy(pooling.dilation, job->size.dilation, sizeof(pooling.dilation));
    memcpy(pooling.pad, job->size.pad, sizeof(pooling.pad));
    memcpy(pooling.pad_end, job->size.pad_end, sizeof(pooling.pad_end));
    return pooling;
}

static const char *accept_f32(const struct qn_site *site)
{
    const struct qn_shape *x = &site->in[0]->shape;
    struct job job;

    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    if (site->n_out > 1 && site->out[1])
        return "indices are wanted";
    if (x->rank < 3 || x->rank > 4)
        return "neither one nor two spatial axes";
    job = describe(site->params, x->dims, x->rank);
    /* The kernels walk over padding too, which a model may make as large as it likes. */
    for (int i = 0; i < job.size.rank; i++)
        if (job.size.kernel[i] > 2 * job.size.in[i] + 64 || job.size.pad[i] > 2 * job.size.in[i] + 64)
            return "a window much larger than the input";
    return NULL;
}

static size_t workspace_f32(const struct qn_site *site)
{
    const struct job job = describe(site->params, site->in[0]->shape.dims, site->in[0]->shape.rank);
    const struct qn_pooling pooling = pooling_of(&job);
    size_t bytes;

    return qn_pooling_bytes(&pooling, site->threads, &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status pool_f32(const struct qn_call *call)
{
    const struct job job = describe_call(call);
    const struct qn_pooling pooling = pooling_of(&job);
    const struct qn_work work = {call->workspace, call->threads, call->pool};

    if (job.planes == 0 || job.n_out == 0)
        return QN_OK;
    if (job.p->kind == MAX)
        qn_maxpool(&pooling, job.x, job.y, NULL, &work);
    else
        qn_avgpool(&pooling, job.x, job.y, &work);
    return QN_OK;
}

static const struct qn_kernel max_kernels[] = {
    {.name = "maxpool_f32", .accept = accept_f32, .workspace = workspace_f32, .run = pool_f32},
    {.name = "maxpool_rows", .accept = accept_rows, .workspace = rows_workspace, .run = maxpool_rows},
    {.name = "maxpool_ref", .accept = qn_accept_not_narrow, .run = pool_ref},
    {.name = NULL},
};
static const struct qn_kernel average_kernels[] = {
    {.name = "avgpool_f32", .accept = accept_f32, .workspace = workspace_f32, .run = pool_f32},
    {.name = "avgpool_ref", .accept = qn_accept_not_narrow, .run = pool_ref},
    {.name = NULL},
};
static const struct qn_kernel lp_kernels[] = {
    {.name = "lppool_ref", .accept = qn_accept_not_narrow, .run = pool_ref},
    {.name = NULL},
};

/* ---- Global pooling: one value per plane ---------------------------------------------------------------------- */

/* A plane is a row of n elements; an empty one has the average NaN, the maximum -inf and the norm 0. */
static double fold_plane(const struct pool *p, const struct qn_tensor *x, int64_t at, int64_t n)
{
    double result = p->kind == MAX ? -INFINITY : 0;

    for (int64_t i = at; i < at + n; i++) {
        double v = qn_tensor_double(x, i);

        if (p->kind == MAX)
            result = v > result || isnan(v) ? v : result;
        else
            result += p->kind == AVERAGE ? v : to_power(v, p->power);
    }
    return p->kind == AVERAGE ? result / (double)n : p->kind == LP ? root_of(result, p->power) : result;
}

static enum qn_status global_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t planes = qn_tensor_span(x, 0, 2), n = qn_tensor_span(x, 2, x->rank);

    for (int64_t i = 0; i < planes; i++)
        qn_tensor_set_double(qn_out(call, 0), i, fold_plane(call->params, x, i * n, n));
    return QN_OK;
}

static float fold_f32(const struct pool *p, const float *x, size_t n)
{
    const struct qn_kern *kern = qn_kern();

    switch (p->kind) {
    case MAX:
        return kern->max(x, n);
    case AVERAGE:
        return kern->sum(x, n) / (float)n;
    default:
        return p->power == 1 ? kern->sum_abs(x, n) : sqrtf(kern->sum_sq(x, n));
    }
}

struct global {
    const struct pool *p;
    const float *x;
    float *y;
    int64_t planes, n;
};

static void global_part(void *arg, int part, int n_parts)
{
    const struct global *g = arg;
    int64_t begin, end;

    qn_pool_slice(g->planes, 16, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        g->y[i] = fold_f32(g->p, g->x + i * g->n, (size_t)g->n);
}

static const char *accept_global_f32(const struct qn_site *site)
{
    const struct pool *p = site->params;

    return p->kind == LP && p->power != 1 && p->power != 2 ? "p is neither 1 nor 2" : qn_accept_f32(site);
}

static enum qn_status global_f32(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct global g = {call->params, x->data, qn_out(call, 0)->data, qn_tensor_span(x, 0, 2),
                       qn_tensor_span(x, 2, x->rank)};

    qn_pool_run(call->pool, parts_for(call, (double)g.planes * (double)g.n), global_part, &g);
    return QN_OK;
}

static const struct qn_kernel global_kernels[] = {
    {.name = "globalpool_f32", .accept = accept_global_f32, .run = global_f32},
    {.name = "globalpool_ref", .accept = qn_accept_not_narrow, .run = global_ref},
    {.name = NULL},
};

/* ---- MaxUnpool ------------------------------------------------------------------------------------------------ */

enum { X, INDICES, OUTPUT_SHAPE };

/* The size that follows from the attributes; unknown where X is. */
static enum qn_status unpooled(const struct qn_sliding *sliding, const struct qn_shape *x, struct qn_shape *y,
                               struct qn_err *err)
{
    struct qn_sliding_size s;

    QN_TRY(qn_sliding_attrs(sliding, x->rank - 2, NULL, &s, err));
    *y = *x;
    for (int i = 0; i < s.rank; i++) {
        int64_t in = x->dims[i + 2], out;

        y->dims[i + 2] = QN_DIM_UNKNOWN;
        if (!qn_dim_known(in))
            continue;
        QN_CHECK(in < INT32_MAX, err, LIMIT, "spatial axis %d is too large", i);
        out = (in - 1) * s.stride[i] + s.kernel[i] - s.pad[i] - s.pad_end[i];
        QN_CHECK(in == 0 || out >= 0, err, SHAPE, "padding leaves nothing of spatial axis %d", i);
        y->dims[i + 2] = in == 0 ? 0 : out;
    }
    return QN_OK;
}

/* The shape that input 2 asks for: at least what follows from the attributes. */
static enum qn_status asked_shape(const struct qn_arg *arg, const struct qn_shape *least, struct qn_shape *y,
                                  struct qn_err *err)
{
    char text[QN_SHAPE_TEXT];

    QN_CHECK(arg->n == least->rank, err, SHAPE, "output_shape has %d entries, %d are expected", arg->n, least->rank);
    *y = qn_shape_make(arg->n, arg->v);
    for (int i = 0; i < y->rank; i++)
        QN_CHECK(y->dims[i] >= 0 && (!qn_dim_known(least->dims[i]) || y->dims[i] >= least->dims[i]), err, SHAPE,
                 "output_shape %s is smaller than the unpooled size", qn_shape_text(y, text));
    return QN_OK;
}

static enum qn_status infer_unpool(struct qn_infer *in, const void *params)
{
    const struct pool *p = params;
    struct qn_shape x = in->in[X]->shape, least, y;
    char x_text[QN_SHAPE_TEXT], i_text[QN_SHAPE_TEXT];
    struct qn_arg asked;
    bool known;
    int rank;

    QN_TRY(check_rank(in, &p->sliding, &rank));
    QN_CHECK(qn_shape_merge(&x, &in->in[INDICES]->shape, &x), in->err, SHAPE, "X %s and indices %s differ in shape",
             qn_shape_text(&in->in[X]->shape, x_text), qn_shape_text(&in->in[INDICES]->shape, i_text));
    if (x.rank < 0)
        x = qn_shape_make(rank + 2, no_dims);
    QN_TRY(unpooled(&p->sliding, &x, &least, in->err));
    QN_TRY(qn_arg_infer(in, OUTPUT_SHAPE, "output_shape", &asked, &known));
    y = least;
    if (!known)
        y = qn_shape_make(least.rank, no_dims);
    else if (asked.given)
        QN_TRY(asked_shape(&asked, &least, &y, in->err));
    return qn_infer_out(in, 0, in->in[X]->dtype, &y);
}

/* From a position in a tensor of one shape to that in a larger one. */
static int64_t place_in(const struct qn_shape *small, const struct qn_tensor *large, int64_t at)
{
    int64_t place = 0, step = 1;

    for (int i = small->rank - 1; i >= 0; i--) {
        place += at % small->dims[i] * step;
        at /= small->dims[i];
        step *= large->dims[i];
    }
    return place;
}

static enum qn_status unpool_ref(const struct qn_call *call)
{
    const struct pool *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *indices = qn_in(call, INDICES);
    struct qn_tensor *y = qn_out(call, 0);
    struct qn_shape x_shape = qn_tensor_shape(x), small;
    size_t size = qn_dtype_bytes(x->dtype);
    int64_t n;

    QN_TRY(unpooled(&p->sliding, &x_shape, &small, call->err));
    QN_CHECK(qn_dims_count(small.dims, 0, small.rank, &n), call->err, LIMIT, "the unpooled size is too large");
    memset(y->data, 0, qn_tensor_bytes(y));
    for (int64_t i = 0, count = qn_tensor_count(x); i < count; i++) {
        int64_t at = ((const int64_t *)indices->data)[i];

        QN_CHECK(at >= 0 && at < n, call->err, RANGE, "index %lld is outside %lld elements", (long long)at,
                 (long long)n);
        memcpy((char *)y->data + (size_t)place_in(&small, y, at) * size, (const char *)x->data + (size_t)i * size,
               size);
    }
    return QN_OK;
}

static const struct qn_kernel unpool_kernels[] = {
    {.name = "maxunpool_ref", .accept = qn_accept_whole_bytes, .run = unpool_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define WINDOW    QN_SLIDING_ATTRS(pool, true)
#define WINDOW_1  QN_SLIDING_ATTRS(pool, false) /* LpPool-1 only: in name an option, but checked by inference */
#define DILATIONS QN_SLIDING_DILATIONS(pool)
#define CEIL      QN_BOOL_ATTR(pool, ceil_mode, 0)
#define INCLUDE   QN_BOOL_ATTR(pool, count_include_pad, 0)
#define POWER     QN_INT_ATTR(pool, p, 2)
#define FLOAT_POWER                                                                                                    \
    {                                                                                                                  \
        .name = "p", .form = QN_FORM_FLOAT, .offset = offsetof(struct pool, p_float), .number = 2                      \
    }
#define STORAGE                                                                                                        \
    {                                                                                                                  \
        .name = "storage_order", .form = QN_FORM_BOOL, .offset = offsetof(struct pool, column_major)                   \
    }

#define ROW(op, first, last, which, types_in, infer_fn, kernel_list, ...)                                              \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", 'T', types_in)),    \
        QN_PRESET(pool, .kind = (which)), .parse = parse, .infer = (infer_fn), .kernels = (kernel_list), __VA_ARGS__   \
    }
#define Y(type_set)         .out = QN_FORMALS(QN_OUT("Y", 'T', type_set))
#define Y_INDICES(type_set) .out = QN_FORMALS(QN_OUT("Y", 'T', type_set), QN_OPT("Indices", 'I', QN_BIT(INT64)))
#define POOL(op, first, last, which, type_set, kernel_list, outputs, level, ...)                                       \
    ROW(op, first, last, which, type_set, infer, kernel_list, outputs(type_set), .tolerance = (level), .flops = flops, \
        .attrs = QN_ATTRS(__VA_ARGS__))
#define MAXPOOL(first, last, type_set, ...)                                                                            \
    ROW("MaxPool", first, last, MAX, type_set, infer, max_kernels, Y_INDICES(type_set), .tolerance = QN_EXACT,         \
        .flops = flops, .flags = QN_MOVES, .attrs = QN_ATTRS(WINDOW, __VA_ARGS__))
#define AVERAGEPOOL(first, last, type_set, ...)                                                                        \
    POOL("AveragePool", first, last, AVERAGE, type_set, average_kernels, Y, QN_ROUNDING, __VA_ARGS__)
#define LPPOOL(first, last, type_set, ...)                                                                             \
    POOL("LpPool", first, last, LP, type_set, lp_kernels, Y, QN_ROUNDING, __VA_ARGS__)
#define GLOBAL(op, first, last, which, type_set, level, ...)                                                           \
    ROW(op, first, last, which, type_set, infer_global, global_kernels, Y(type_set), .tolerance = (level), __VA_ARGS__)
#define UNPOOL(first, last, type_set)                                                                                  \
    {                                                                                                                  \
        .name = "MaxUnpool", .domain = "", .since = (first), .until = (last),                                          \
        .in = QN_FORMALS(QN_IN("X", 'T', type_set), QN_IN("I", 'I', QN_BIT(INT64)),                                    \
                         QN_OPT("output_shape", 'I', QN_BIT(INT64))),                                                  \
        .out = QN_FORMALS(QN_OUT("output", 'T', type_set)),                                                            \
        .attrs = QN_ATTRS(QN_SLIDING_INTS(pool, kernel_shape, 1, true), QN_SLIDING_INTS(pool, strides, 1, false),      \
                          QN_SLIDING_INTS(pool, pads, 0, false)),                                                      \
        QN_PARAMS(pool), .infer = infer_unpool, .kernels = unpool_kernels, .tolerance = QN_EXACT,                      \
    }

#define BYTES_TOO (QN_BIT(INT8) | QN_BIT(UINT8))

const struct qn_op qn_ops_pool[] = {
    POOL("MaxPool", 1, 7, MAX, QN_FLOATS_STD, max_kernels, Y, QN_EXACT, WINDOW),
    MAXPOOL(8, 9, QN_FLOATS_STD, STORAGE),
    MAXPOOL(10, 11, QN_FLOATS_STD, STORAGE, DILATIONS, CEIL),
    MAXPOOL(12, 21, QN_FLOATS_STD | BYTES_TOO, STORAGE, DILATIONS, CEIL),
    MAXPOOL(22, 27, QN_FLOATS | BYTES_TOO, STORAGE, DILATIONS, CEIL),
    AVERAGEPOOL(1, 6, QN_FLOATS_STD, WINDOW),
    AVERAGEPOOL(7, 9, QN_FLOATS_STD, WINDOW, INCLUDE),
    AVERAGEPOOL(10, 18, QN_FLOATS_STD, WINDOW, INCLUDE, CEIL),
    AVERAGEPOOL(19, 21, QN_FLOATS_STD, WINDOW, INCLUDE, CEIL, DILATIONS),
    AVERAGEPOOL(22, 27, QN_FLOATS, WINDOW, INCLUDE, CEIL, DILATIONS),
    LPPOOL(1, 1, QN_FLOATS_STD, WINDOW_1, FLOAT_POWER),
    LPPOOL(2, 17, QN_FLOATS_STD, WINDOW, POWER),
    LPPOOL(18, 21, QN_FLOATS_STD, WINDOW, POWER, CEIL, DILATIONS),
    LPPOOL(22, 27, QN_FLOATS, WINDOW, POWER, CEIL, DILATIONS),
    GLOBAL("GlobalMaxPool", 1, 21, MAX, QN_FLOATS_STD, QN_EXACT),
    GLOBAL("GlobalMaxPool", 22, 27, MAX, QN_FLOATS, QN_EXACT),
    GLOBAL("GlobalAveragePool", 1, 21, AVERAGE, QN_FLOATS_STD, QN_ROUNDING, .integers = qn_qlinear_elements_integers),
    GLOBAL("GlobalAveragePool", 22, 27, AVERAGE, QN_FLOATS, QN_ROUNDING, .integers = qn_qlinear_elements_integers),
    GLOBAL("GlobalLpPool", 1, 1, LP, QN_FLOATS_STD, QN_ROUNDING, .attrs = QN_ATTRS(FLOAT_POWER)),
    GLOBAL("GlobalLpPool", 2, 21, LP, QN_FLOATS_STD, QN_ROUNDING, .attrs = QN_ATTRS(POWER)),
    GLOBAL("GlobalLpPool", 22, 27, LP, QN_FLOATS, QN_ROUNDING, .attrs = QN_ATTRS(POWER)),
    UNPOOL(9, 21, QN_FLOATS_STD),
    UNPOOL(22, 27, QN_FLOATS),
    {.name = NULL},
};
