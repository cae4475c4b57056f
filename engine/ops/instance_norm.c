/* instance_norm.c: InstanceNormalization, GroupNormalization: each group of channels of a sample gets mean 0 and
 * variance 1 (of the population), then a scale and a shift: per channel, in GroupNormalization-18 per group. stash_type
 * is not looked at: narrow types are computed in float32, others in their own precision. */
#include <math.h>

#include "ops/broadcast.h"

struct instance_norm {
    float epsilon;
    bool grouped, per_group; /* scale and bias per group: version 18 */
    int64_t num_groups;
};

enum { X, SCALE, BIAS };

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static enum qn_status check_vector(struct qn_infer *in, int i, int64_t want)
{
    const struct qn_shape *shape = &in->in[i]->shape;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(shape->rank < 0 || shape->rank == 1, in->err, SHAPE, "input %d of shape %s must be of rank 1", i,
             qn_shape_text(shape, text));
    QN_CHECK(shape->rank < 0 || !qn_dim_known(shape->dims[0]) || !qn_dim_known(want) || shape->dims[0] == want, in->err,
             SHAPE, "input %d of shape %s is not one value for each of %lld", i, qn_shape_text(shape, text),
             (long long)want);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct instance_norm *p = params;
    const struct qn_shape *x = &in->in[X]->shape;
    int64_t channels = x->rank < 2 ? QN_DIM_UNKNOWN : x->dims[1];
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank < 0 || x->rank >= 2, in->err, SHAPE, "X needs batch and channels: %s", qn_shape_text(x, text));
    if (p->grouped && qn_dim_known(channels))
        QN_CHECK(channels % p->num_groups == 0, in->err, SHAPE, "%lld channels do not divide into %lld groups",
                 (long long)channels, (long long)p->num_groups);
    QN_TRY(check_vector(in, SCALE, p->per_group ? p->num_groups : channels));
    QN_TRY(check_vector(in, BIAS, p->per_group ? p->num_groups : channels));
    return qn_infer_out(in, 0, in->in[X]->dtype, x);
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

/* X as [n][groups][per_group][inner]. */
struct block {
    int64_t n, groups, per_group, inner;
};

static struct block block_of(const struct instance_norm *p, const struct qn_tensor *x)
{
    struct block b = {x->dims[0], p->grouped ? p->num_groups : x->dims[1], 1, qn_tensor_span(x, 2, x->rank)};

    if (p->grouped)
        b.per_group = x->dims[1] / p->num_groups;
    return b;
}

/* Which entry of scale and bias serves channel c of a group. */
static int64_t entry_of(const struct instance_norm *p, const struct block *b, int64_t group, int64_t c)
{
    return p->per_group ? group : group * b->per_group + c;
}

static double moment(const struct qn_tensor *x, int64_t begin, int64_t n, double mean, int power)
{
    double sum = 0;

    for (int64_t i = begin; i < begin + n; i++) {
        double d = qn_tensor_double(x, i) - mean;

        sum += power == 2 ? d * d : d;
    }
    return sum / (double)n;
}

static enum qn_status instance_norm_ref(const struct qn_call *call)
{
    const struct instance_norm *p = call->params;
    const struct qn_tensor *x = qn_in(call, X);
    const struct block b = block_of(p, x);
    int64_t n = b.per_group * b.inner;

    for (int64_t g = 0; g < b.n * b.groups; g++) {
        double mean = moment(x, g * n, n, 0, 1), var = moment(x, g * n, n, mean, 2);

        for (int64_t i = 0; i < n; i++) {
            int64_t entry = entry_of(p, &b, g % b.groups, i / b.inner);
            double y = (qn_tensor_double(x, g * n + i) - mean) / sqrt(var + (double)p->epsilon);

            y = y * qn_tensor_double(qn_in(call, SCALE), entry) + qn_tensor_double(qn_in(call, BIAS), entry);
            qn_tensor_set_double(qn_out(call, 0), g * n + i, y);
        }
    }
    return QN_OK;
}

struct groups {
    const struct instance_norm *p;
    struct block b;
    const float *x, *scale, *bias;
    float *y;
};

static void run_group(const struct groups *job, int64_t index)
{
    const struct qn_kern *kern = qn_kern();
    const struct block *b = &job->b;
    int64_t n = b->per_group * b->inner;
    const float *x = job->x + index * n;
    float mean = kern->sum(x, (size_t)n) / (float)n;
    float var = kern->sum_sq_diff(x, mean, (size_t)n) / (float)n;
    double inv_std = 1 / sqrt((double)var + (double)job->p->epsilon);

    for (int64_t c = 0; c < b->per_group; c++) {
        int64_t entry = entry_of(job->p, b, index % b->groups, c);
        double scale = (double)job->scale[entry] * inv_std;

        kern->scale_shift(job->y + index * n + c * b->inner, x + c * b->inner, (float)scale,
                          (float)((double)job->bias[entry] - (double)mean * scale), (size_t)b->inner);
    }
}

static void groups_part(void *arg, int part, int n_parts)
{
    const struct groups *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->b.n * job->b.groups, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_group(job, i);
}

static enum qn_status instance_norm_f32(const struct qn_call *call)
{
    struct groups job = {call->params,
                         block_of(call->params, qn_in(call, X)),
                         qn_in(call, X)->data,
                         qn_in(call, SCALE)->data,
                         qn_in(call, BIAS)->data,
                         qn_out(call, 0)->data};
    int64_t n = qn_tensor_count(qn_in(call, X));

    if (n > 0)
        qn_pool_run(call->pool, qn_broadcast_parts(call->pool, n, 2), groups_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "instancenorm_f32", .accept = qn_accept_f32, .run = instance_norm_f32},
    {.name = "instancenorm_ref", .accept = qn_accept_not_narrow, .run = instance_norm_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define EPSILON QN_FLOAT_ATTR(instance_norm, epsilon, 1e-5f)
#define GROUPS                                                                                                         \
    {                                                                                                                  \
        .name = "num_groups", .form = QN_FORM_INT, .offset = offsetof(struct instance_norm, num_groups),               \
        .required = true, .min = 1, .max = INT64_MAX                                                                   \
    }

#define ROW(op, first, last, in_name, bias_name, out_name, type_set, is_grouped, is_per_group, ...)                    \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in =                                                                                                          \
            QN_FORMALS(QN_IN(in_name, 'T', type_set), QN_IN("scale", 'T', type_set), QN_IN(bias_name, 'T', type_set)), \
        .out = QN_FORMALS(QN_OUT(out_name, 'T', type_set)), .attrs = QN_ATTRS(__VA_ARGS__),                            \
        QN_PRESET(instance_norm, .grouped = (is_grouped), .per_group = (is_per_group)), .infer = infer,                \
        .kernels = kernels, .inplace = QN_INPLACE(X), .tolerance = QN_ROUNDING,                                        \
    }
#define INSTANCE(first, last, type_set, ...)                                                                           \
    ROW("InstanceNormalization", first, last, "input", "B", "output", type_set, false, false, __VA_ARGS__)
#define GROUP(first, last, type_set, is_per_group, ...)                                                                \
    ROW("GroupNormalization", first, last, "X", "bias", "Y", type_set, true, is_per_group, __VA_ARGS__)

const struct qn_op qn_ops_instance_norm[] = {
    INSTANCE(1, 5, QN_FLOATS_STD, EPSILON, QN_IGNORED_ATTR("consumed_inputs")),
    INSTANCE(6, 21, QN_FLOATS_STD, EPSILON),
    INSTANCE(22, 27, QN_FLOATS, EPSILON),
    GROUP(18, 20, QN_FLOATS, true, EPSILON, GROUPS),
    GROUP(21, 27, QN_FLOATS, false, EPSILON, GROUPS, QN_IGNORED_ATTR("stash_type")),
    {.name = NULL},
};
