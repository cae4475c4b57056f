/* layer_norm.c: LayerNormalization, RMSNormalization, MeanVarianceNormalization.
 * The first two normalise everything from `axis` on; scale and bias broadcast to X. Mean and InvStdDev have the type
 * that stash_type names; the computation itself is in float32 for float32 and narrower types, else in float64, whatever
 * stash_type says. MeanVarianceNormalization normalises over any axes and adds 1e-9 to the deviation.
 * Not here: group and instance normalisation (instance_norm.c). */
#include <math.h>

#include "ops/args.h"
#include "ops/broadcast.h"

struct layer_norm {
    int64_t axis;
    float epsilon;
    enum qn_dtype stash_type;
    bool rms;
};

enum { X, SCALE, BIAS };

/* ---- LayerNormalization and RMSNormalization: inference ------------------------------------------------------- */

/* Scale and bias broadcast to X and make it no larger. */
static enum qn_status check_factor(struct qn_infer *in, int i, const struct qn_shape *x)
{
    const struct qn_fact *fact = qn_infer_in(in, i);
    char text[QN_SHAPE_TEXT], x_text[QN_SHAPE_TEXT];
    bool fits;

    if (!fact || fact->shape.rank < 0)
        return QN_OK;
    fits = fact->shape.rank <= x->rank;
    for (int k = 1; fits && k <= fact->shape.rank; k++) {
        int64_t dim = fact->shape.dims[fact->shape.rank - k], want = x->dims[x->rank - k];

        fits = dim == 1 || dim == want || !qn_dim_known(dim) || !qn_dim_known(want);
    }
    QN_CHECK(fits, in->err, SHAPE, "input %d of shape %s does not broadcast to %s", i,
             qn_shape_text(&fact->shape, text), qn_shape_text(x, x_text));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct layer_norm *p = params;
    const struct qn_shape *x = &in->in[X]->shape;
    struct qn_shape statistics = *x;
    int axis;

    QN_CHECK(p->stash_type == QN_FLOAT || p->stash_type == QN_BFLOAT16, in->err, FORMAT,
             "stash_type must be float32 or bfloat16, not %s", qn_dtype_name(p->stash_type));
    QN_TRY(qn_infer_out(in, 0, in->in[p->rms ? SCALE : X]->dtype, x));
    if (x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
        QN_TRY(check_factor(in, SCALE, x));
        QN_TRY(check_factor(in, BIAS, x));
        for (int i = axis; i < x->rank; i++)
            statistics.dims[i] = 1;
    }
    QN_TRY(qn_infer_out(in, 1, p->stash_type, &statistics));
    return qn_infer_out(in, 2, p->stash_type, &statistics);
}

/* ---- LayerNormalization and RMSNormalization: kernels --------------------------------------------------------- */

/* X as rows of n elements. */
struct rows {
    int64_t rows, n;
};

static struct rows rows_of(const struct layer_norm *p, int rank, const int64_t *dims)
{
    int axis = (int)(p->axis < 0 ? p->axis + rank : p->axis);
    struct rows r = {1, 1};

    for (int i = 0; i < rank; i++)
        *(i < axis ? &r.rows : &r.n) *= dims[i];
    return r;
}

/* The element of a scale or bias that meets element i of X. */
static double factor_at(const struct qn_tensor *factor, const struct qn_tensor *x, int64_t i)
{
    int64_t at = 0, step = 1;

    for (int k = 1; k <= factor->rank; k++) {
        int64_t dim = factor->dims[factor->rank - k];

        at += dim == 1 ? 0 : i % x->dims[x->rank - k] * step;
        i /= x->dims[x->rank - k];
        step *= dim;
    }
    return qn_tensor_double(factor, at);
}

/* Mean of (x - mean)^power over a row. */
static double moment(const struct qn_tensor *x, int64_t begin, int64_t n, double mean, int power)
{
    double sum = 0;

    for (int64_t i = begin; i < begin + n; i++) {
        double d = qn_tensor_double(x, i) - mean;

        sum += power == 2 ? d * d : d;
    }
    return sum / (double)n;
}

/* Types of X and factors; statistics may be narrow: they are stored one by one. */
static const char *accept_ref(const struct qn_site *site)
{
    struct qn_site without_statistics = *site;

    without_statistics.n_out = 1;
    return qn_accept_not_narrow(&without_statistics);
}

static void store(const struct qn_call *call, int i, int64_t row, double value)
{
    if (qn_out(call, i))
        qn_tensor_set_double(qn_out(call, i), row, value);
}

static enum qn_status layer_norm_ref(const struct qn_call *call)
{
    const struct layer_norm *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *bias = p->rms ? NULL : qn_in(call, BIAS);
    const struct rows r = rows_of(p, x->rank, x->dims);

    for (int64_t row = 0; row < r.rows; row++) {
        double mean = p->rms ? 0 : moment(x, row * r.n, r.n, 0, 1);
        double inv_std = 1 / sqrt(moment(x, row * r.n, r.n, mean, 2) + (double)p->epsilon);

        for (int64_t i = row * r.n; i < (row + 1) * r.n; i++) {
            double y = (qn_tensor_double(x, i) - mean) * inv_std * factor_at(qn_in(call, SCALE), x, i);

            qn_tensor_set_double(qn_out(call, 0), i, bias ? y + factor_at(bias, x, i) : y);
        }
        store(call, 1, row, mean);
        store(call, 2, row, inv_std);
    }
    return QN_OK;
}

/* Whether a factor is one value for each element of a row. */
static bool is_row(const struct qn_fact *fact, const struct qn_shape *x, int64_t n)
{
    int64_t count;

    if (!qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &count) || count != n)
        return false;
    for (int k = 1; k <= fact->shape.rank && count > 1; k++) {
        if (fact->shape.dims[fact->shape.rank - k] != x->dims[x->rank - k])
            return false;
        count /= x->dims[x->rank - k];
    }
    return true;
}

static const char *accept_f32(const struct qn_site *site)
{
    const struct qn_shape *x = &site->in[X]->shape;
    struct rows r;

    for (int i = X; i <= BIAS && i < site->n_in; i++)
        if (site->in[i] && site->in[i]->dtype != QN_FLOAT)
            return "not float32";
    r = rows_of(site->params, x->rank, x->dims);
    for (int i = SCALE; i <= BIAS && i < site->n_in; i++)
        if (site->in[i] && !is_row(site->in[i], x, r.n))
            return "scale or bias is not a row";
    return NULL;
}

struct job {
    const struct qn_call *call;
    const struct layer_norm *p;
    struct rows r;
    const float *x, *scale, *bias;
    float *y;
};

static void run_row(const struct job *job, int64_t row)
{
    const struct qn_kern *kern = qn_kern();
    const float *x = job->x + row * job->r.n;
    float *y = job->y + row * job->r.n, mean, inv_std;

    if (job->p->rms) {
        kern->rmsnorm(y, x, job->scale, job->p->epsilon, (size_t)job->r.n);
        return;
    }
    kern->layernorm(y, x, job->scale, job->bias, job->p->epsilon, (size_t)job->r.n, &mean, &inv_std);
    store(job->call, 1, row, (double)mean);
    store(job->call, 2, row, (double)inv_std);
}

static void rows_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->r.rows, 1, part, n_parts, &begin, &end);
    for (int64_t row = begin; row < end; row++)
        run_row(job, row);
}

static enum qn_status layer_norm_f32(const struct qn_call *call)
{
    const struct layer_norm *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *bias = p->rms ? NULL : qn_in(call, BIAS);
    struct job job = {
        call, p, rows_of(p, x->rank, x->dims), x->data, qn_in(call, SCALE)->data, NULL, qn_out(call, 0)->data};

    job.bias = bias ? bias->data : NULL;
    if (job.r.n == 0)
        return layer_norm_ref(call);
    qn_pool_run(call->pool, qn_broadcast_parts(call->pool, job.r.rows * job.r.n, 4), rows_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "layernorm_f32", .accept = accept_f32, .run = layer_norm_f32},
    {.name = "layernorm_ref", .accept = accept_ref, .run = layer_norm_ref},
    {.name = NULL},
};
static const struct qn_kernel rms_kernels[] = {
    {.name = "rmsnorm_f32", .accept = accept_f32, .run = layer_norm_f32},
    {.name = "rmsnorm_ref", .accept = accept_ref, .run = layer_norm_ref},
    {.name = NULL},
};

/* ---- MeanVarianceNormalization -------------------------------------------------------------------------------- */

struct mean_variance {
    struct qn_ints axes;
};

static const int64_t default_axes[] = {0, 2, 3};

/* Which axes are reduced. */
static enum qn_status read_axes(const struct mean_variance *p, int rank, bool reduced[QN_MAX_RANK], struct qn_err *err)
{
    const int64_t *axes = p->axes.given ? p->axes.v : default_axes;
    size_t n = p->axes.given ? p->axes.n : 3;
    struct qn_arg arg = {.given = true, .n = (int)n};

    QN_CHECK(n <= QN_MAX_RANK, err, SHAPE, "%zu axes are more than a tensor has", n);
    for (size_t i = 0; i < n; i++)
        arg.v[i] = axes[i];
    QN_TRY(qn_arg_axes(&arg, rank, err));
    for (int i = 0; i < rank; i++)
        reduced[i] = false;
    for (size_t i = 0; i < n; i++)
        reduced[arg.v[i]] = true;
    return QN_OK;
}

static enum qn_status infer_mean_variance(struct qn_infer *in, const void *params)
{
    bool reduced[QN_MAX_RANK];

    if (in->in[X]->shape.rank >= 0)
        QN_TRY(read_axes(params, in->in[X]->shape.rank, reduced, in->err));
    return qn_infer_same(in, params);
}

/* A walk over the elements that differ in some of the axes only. */
struct walk {
    int n_axes;
    int64_t dims[QN_MAX_RANK], steps[QN_MAX_RANK], count;
};

/* Walks over the kept axes and over the reduced ones, the last axis of each fastest. */
static void split_axes(const struct qn_tensor *x, const bool *reduced, struct walk walks[2])
{
    int64_t step = 1;

    walks[0] = walks[1] = (struct walk){.count = 1};
    for (int i = x->rank - 1; i >= 0; i--) {
        struct walk *walk = &walks[reduced[i]];

        walk->dims[walk->n_axes] = x->dims[i];
        walk->steps[walk->n_axes++] = step;
        walk->count *= x->dims[i];
        step *= x->dims[i];
    }
}

static int64_t place_of(const struct walk *walk, int64_t index)
{
    int64_t at = 0;

    for (int i = 0; i < walk->n_axes; i++) {
        at += index % walk->dims[i] * walk->steps[i];
        index /= walk->dims[i];
    }
    return at;
}

static void normalize_from(const struct qn_tensor *x, struct qn_tensor *y, int64_t first, const struct walk *walk)
{
    double sum = 0, squares = 0, mean, std;

    for (int64_t i = 0; i < walk->count; i++)
        sum += qn_tensor_double(x, first + place_of(walk, i));
    mean = sum / (double)walk->count;
    for (int64_t i = 0; i < walk->count; i++) {
        double d = qn_tensor_double(x, first + place_of(walk, i)) - mean;

        squares += d * d;
    }
    std = sqrt(squares / (double)walk->count) + 1e-9;
    for (int64_t i = 0; i < walk->count; i++) {
        int64_t at = first + place_of(walk, i);

        qn_tensor_set_double(y, at, (qn_tensor_double(x, at) - mean) / std);
    }
}

static enum qn_status mean_variance_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, X);
    bool reduced[QN_MAX_RANK];
    struct walk walks[2];

    QN_TRY(read_axes(call->params, x->rank, reduced, call->err));
    split_axes(x, reduced, walks);
    for (int64_t i = 0; i < walks[0].count; i++)
        normalize_from(x, qn_out(call, 0), place_of(&walks[0], i), &walks[1]);
    return QN_OK;
}

static const struct qn_kernel mean_variance_kernels[] = {
    {.name = "meanvariance_ref", .accept = qn_accept_not_narrow, .run = mean_variance_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define STASHED (QN_BIT(FLOAT) | QN_BIT(BFLOAT16))
#define ATTRS                                                                                                          \
    QN_ATTRS(QN_INT_ATTR(layer_norm, axis, -1), QN_FLOAT_ATTR(layer_norm, epsilon, 1e-5f),                             \
             QN_DTYPE_ATTR(layer_norm, stash_type, QN_FLOAT))
#define MEAN_VARIANCE(first, last, type_set)                                                                           \
    {                                                                                                                  \
        .name = "MeanVarianceNormalization", .domain = "", .since = (first), .until = (last),                          \
        .in = QN_FORMALS(QN_IN("X", 'T', type_set)), .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)),                    \
        .attrs = QN_ATTRS(QN_INTS_ATTR(mean_variance, axes)), QN_PARAMS(mean_variance), .infer = infer_mean_variance,  \
        .kernels = mean_variance_kernels, .inplace = QN_INPLACE(X), .tolerance = QN_ROUNDING,                          \
    }

const struct qn_op qn_ops_layer_norm[] = {
    {
        .name = "LayerNormalization",
        .domain = "",
        .since = 17,
        .until = 27,
        .in = QN_FORMALS(QN_IN("X", 'T', QN_FLOATS), QN_IN("Scale", 'T', QN_FLOATS), QN_OPT("B", 'T', QN_FLOATS)),
        .out = QN_FORMALS(QN_OUT("Y", 'T', QN_FLOATS), QN_OPT("Mean", 'U', STASHED), QN_OPT("InvStdDev", 'U', STASHED)),
        .attrs = ATTRS,
        QN_PRESET(layer_norm, .rms = false),
        .infer = infer,
        .kernels = kernels,
        .inplace = QN_INPLACE(X),
        .tolerance = QN_ROUNDING,
    },
    {
        .name = "RMSNormalization",
        .domain = "",
        .since = 23,
        .until = 27,
        .in = QN_FORMALS(QN_IN("X", 'T', QN_FLOATS), QN_IN("scale", 'V', QN_FLOATS)),
        .out = QN_FORMALS(QN_OUT("Y", 'V', QN_FLOATS)),
        .attrs = ATTRS,
        QN_PRESET(layer_norm, .rms = true),
        .infer = infer,
        .kernels = rms_kernels,
        .inplace = QN_INPLACE(X),
        .tolerance = QN_ROUNDING,
    },
    MEAN_VARIANCE(9, 12, QN_FLOATS_STD),
    MEAN_VARIANCE(13, 27, QN_FLOATS),
    {.name = NULL},
};
