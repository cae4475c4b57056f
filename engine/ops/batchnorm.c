/* batchnorm.c: BatchNormalization: per channel (x - mean) / sqrt(var + epsilon) * scale + B.
 * Training, with statistics of the batch: versions 1 and 6 unless is_test, 7 and 9 when more than Y is asked for, 14
 * and 15 by training_mode. Variances are those of the population. Without training further outputs repeat the given
 * statistics. spatial 0 (until version 8) takes every element of a sample for a channel. X of rank 1 has one channel.
 */
#include <math.h>

#include "base/checked.h"
#include "ops/broadcast.h"

enum mode { BY_TEST, BY_OUTPUTS, BY_FLAG };

struct batchnorm {
    float epsilon, momentum;
    enum mode mode;
    bool spatial, is_test, training;
};

enum { X, SCALE, BIAS, MEAN, VAR, N_IN };

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct batchnorm *p = params;

    (void)arena, (void)err;
    if (p->mode == BY_TEST)
        p->training = !p->is_test;
    for (int i = 1; p->mode == BY_OUTPUTS && i < node->n_out; i++)
        p->training |= node->out[i] != NULL;
    return QN_OK;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* Channels of X; unknown where they are. */
static int64_t channels_of(const struct batchnorm *p, const struct qn_shape *x)
{
    int64_t n;

    if (x->rank < 0)
        return QN_DIM_UNKNOWN;
    if (x->rank < 2)
        return 1;
    if (p->spatial)
        return x->dims[1];
    return qn_dims_count(x->dims, 1, x->rank, &n) ? n : QN_DIM_UNKNOWN;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct batchnorm *p = params;
    const struct qn_shape *x = &in->in[X]->shape;
    int64_t channels = channels_of(p, x), n;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank != 0, in->err, SHAPE, "X must not be a scalar");
    for (int i = SCALE; i < N_IN; i++) {
        const struct qn_shape *shape = &in->in[i]->shape;

        if (shape->rank < 0 || !qn_dims_count(shape->dims, 0, shape->rank, &n))
            continue;
        QN_CHECK(!p->spatial || shape->rank == 1, in->err, SHAPE, "input %d of shape %s must be of rank 1", i,
                 qn_shape_text(shape, text));
        QN_CHECK(!qn_dim_known(channels) || n == channels, in->err, SHAPE,
                 "input %d of shape %s is not one value for each of %lld channels", i, qn_shape_text(shape, text),
                 (long long)channels);
    }
    for (int i = 1; i < in->n_out; i++)
        QN_TRY(qn_infer_out(in, i, in->in[MEAN]->dtype, &in->in[MEAN]->shape));
    return qn_infer_out(in, 0, in->in[X]->dtype, x);
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

/* X as [n][c][inner]. */
struct block {
    int64_t n, c, inner;
};

static struct block block_of(const struct batchnorm *p, const struct qn_tensor *x)
{
    if (x->rank < 2)
        return (struct block){x->dims[0], 1, 1};
    if (!p->spatial)
        return (struct block){x->dims[0], qn_tensor_span(x, 1, x->rank), 1};
    return (struct block){x->dims[0], x->dims[1], qn_tensor_span(x, 2, x->rank)};
}

/* Sum of (x - mean)^power over a channel. */
static double moment(const struct qn_tensor *x, const struct block *b, int64_t c, double mean, int power)
{
    double sum = 0;

    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = (n * b->c + c) * b->inner, end = i + b->inner; i < end; i++) {
            double d = qn_tensor_double(x, i) - mean;

            sum += power == 2 ? d * d : d;
        }
    return sum / ((double)b->n * (double)b->inner);
}

/* Output i takes the value for channel c, when it is wanted. */
static void store(const struct qn_call *call, int i, int64_t c, double value)
{
    if (qn_out(call, i))
        qn_tensor_set_double(qn_out(call, i), c, value);
}

static void normalize(const struct qn_call *call, const struct block *b, int64_t c, double mean, double var)
{
    const struct batchnorm *p = call->params;
    double scale = qn_tensor_double(qn_in(call, SCALE), c) / sqrt(var + (double)p->epsilon);
    double bias = qn_tensor_double(qn_in(call, BIAS), c);

    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = (n * b->c + c) * b->inner, end = i + b->inner; i < end; i++)
            qn_tensor_set_double(qn_out(call, 0), i, (qn_tensor_double(qn_in(call, X), i) - mean) * scale + bias);
}

static enum qn_status batchnorm_ref(const struct qn_call *call)
{
    const struct batchnorm *p = call->params;
    const struct qn_tensor *x = qn_in(call, X);
    const struct block b = block_of(p, x);

    for (int64_t c = 0; c < b.c; c++) {
        double mean = qn_tensor_double(qn_in(call, MEAN), c), var = qn_tensor_double(qn_in(call, VAR), c);
        double running_mean = mean, running_var = var, keep = p->momentum;

        if (p->training) {
            mean = moment(x, &b, c, 0, 1);
            var = moment(x, &b, c, mean, 2);
            running_mean = running_mean * keep + mean * (1 - keep);
            running_var = running_var * keep + var * (1 - keep);
        }
        normalize(call, &b, c, mean, var);
        store(call, 1, c, running_mean);
        store(call, 2, c, running_var);
        store(call, 3, c, mean);
        store(call, 4, c, var);
    }
    return QN_OK;
}

/* ---- float32, not training ------------------------------------------------------------------------------------ */

/* y = x * scale + shift: from the four constants of a channel, computed in double and rounded once. */
static void to_affine(const struct batchnorm *p, const float *const in[N_IN], int64_t n, float *scale, float *shift)
{
    for (int64_t c = 0; c < n; c++) {
        double factor = (double)in[SCALE][c] / sqrt((double)in[VAR][c] + (double)p->epsilon);

        scale[c] = (float)factor;
        shift[c] = (float)((double)in[BIAS][c] - (double)in[MEAN][c] * factor);
    }
}

static const char *accept_f32(const struct qn_site *site)
{
    const struct batchnorm *p = site->params;

    for (int i = 0; i < N_IN; i++)
        if (site->in[i]->dtype != QN_FLOAT)
            return "not float32";
    for (int i = 1; i < site->n_out; i++)
        if (site->out[i])
            return "statistics are wanted";
    return p->training ? "training" : NULL;
}

static size_t workspace_f32(const struct qn_site *site)
{
    int64_t channels = channels_of(site->params, &site->in[X]->shape);
    size_t bytes;

    return qn_mul((size_t)channels, 2 * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

struct rows {
    struct block b;
    const float *x, *scale, *shift;
    float *y;
};

static void planes_part(void *arg, int part, int n_parts)
{
    const struct rows *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->b.n * r->b.c, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        qn_kern()->scale_shift(r->y + i * r->b.inner, r->x + i * r->b.inner, r->scale[i % r->b.c], r->shift[i % r->b.c],
                               (size_t)r->b.inner);
}

static void samples_part(void *arg, int part, int n_parts)
{
    const struct rows *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->b.n, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        qn_kern()->scale_shift_vv(r->y + i * r->b.c, r->x + i * r->b.c, r->scale, r->shift, (size_t)r->b.c);
}

static enum qn_status batchnorm_f32(const struct qn_call *call)
{
    const struct block b = block_of(call->params, qn_in(call, X));
    float *scale = call->workspace, *shift = scale + b.c;
    struct rows rows = {b, qn_in(call, X)->data, scale, shift, qn_out(call, 0)->data};
    const float *in[N_IN];
    int parts = qn_broadcast_parts(call->pool, b.n * b.c * b.inner, 1);

    for (int i = 0; i < N_IN; i++)
        in[i] = qn_in(call, i)->data;
    to_affine(call->params, in, b.c, scale, shift);
    qn_pool_run(call->pool, parts, b.inner == 1 ? samples_part : planes_part, &rows);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "batchnorm_f32", .accept = accept_f32, .workspace = workspace_f32, .run = batchnorm_f32},
    {.name = "batchnorm_ref", .accept = qn_accept_not_narrow, .run = batchnorm_ref},
    {.name = NULL},
};

/* ---- As an affine map ----------------------------------------------------------------------------------------- */

static bool affine(const struct qn_node *node, struct qn_arena *arena, int *x, struct qn_affine *affine)
{
    const struct batchnorm *p = node->params;
    const float *in[N_IN] = {NULL};
    float *values;
    int64_t n;

    *x = X;
    if (p->training || !p->spatial || node->in[X]->fact.shape.rank < 2 || node->in[X]->fact.konst)
        return false;
    for (int i = 1; i < node->n_out; i++)
        if (node->out[i])
            return false;
    for (int i = SCALE; i < N_IN; i++) {
        const struct qn_tensor *konst = node->in[i]->fact.konst;

        if (!konst || konst->dtype != QN_FLOAT)
            return false;
        in[i] = konst->data;
    }
    n = qn_tensor_count(node->in[SCALE]->fact.konst);
    values = qn_arena_array(arena, (size_t)n * 2, sizeof(*values));
    if (!values || node->in[X]->fact.shape.dims[1] != n)
        return false;
    to_affine(p, in, n, values, values + n);
    *affine = (struct qn_affine){values, values + n, n};
    return true;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define EPSILON QN_FLOAT_ATTR(batchnorm, epsilon, 1e-5f), QN_FLOAT_ATTR(batchnorm, momentum, 0.9f)
#define IS_TEST QN_BOOL_ATTR(batchnorm, is_test, 0)
#define SPATIAL QN_BOOL_ATTR(batchnorm, spatial, 1)
#define TRAINING                                                                                                       \
    {                                                                                                                  \
        .name = "training_mode", .form = QN_FORM_BOOL, .offset = offsetof(struct batchnorm, training)                  \
    }
#define CONSUMED                                                                                                       \
    {                                                                                                                  \
        .name = "consumed_inputs", .form = QN_FORM_IGNORED, .required = true                                           \
    }

#define ROW(first, last, which, type_set, inputs, outputs, ...)                                                        \
    {                                                                                                                  \
        .name = "BatchNormalization", .domain = "", .since = (first), .until = (last), .in = (inputs(type_set)),       \
        .out = (outputs(type_set)), .attrs = QN_ATTRS(EPSILON, __VA_ARGS__),                                           \
        QN_PRESET(batchnorm, .mode = (which), .spatial = true), .parse = parse, .infer = infer, .kernels = kernels,    \
        .inplace = QN_INPLACE(X), .tolerance = QN_ROUNDING, .affine = affine,                                          \
    }
#define INPUTS(t, scale_group, mean, mean_group, var)                                                                  \
    QN_FORMALS(QN_IN("X", 'T', t), QN_IN("scale", scale_group, t), QN_IN("B", scale_group, t),                         \
               QN_IN(mean, mean_group, t), QN_IN(var, mean_group, t))
#define INPUTS_1(t)  INPUTS(t, 'T', "mean", 'T', "var")
#define INPUTS_14(t) INPUTS(t, 'T', "input_mean", 'U', "input_var")
#define INPUTS_15(t) INPUTS(t, '1', "input_mean", '2', "input_var")
#define OUTPUTS_1(t)                                                                                                   \
    QN_FORMALS(QN_OUT("Y", 'T', t), QN_OPT("mean", 'T', t), QN_OPT("var", 'T', t), QN_OPT("saved_mean", 'T', t),       \
               QN_OPT("saved_var", 'T', t))
#define OUTPUTS_14(t) QN_FORMALS(QN_OUT("Y", 'T', t), QN_OPT("running_mean", 'U', t), QN_OPT("running_var", 'U', t))
#define OUTPUTS_15(t) QN_FORMALS(QN_OUT("Y", 'T', t), QN_OPT("running_mean", '2', t), QN_OPT("running_var", '2', t))

const struct qn_op qn_ops_batchnorm[] = {
    ROW(1, 5, BY_TEST, QN_FLOATS_STD, INPUTS_1, OUTPUTS_1, IS_TEST, SPATIAL, CONSUMED),
    ROW(6, 6, BY_TEST, QN_FLOATS_STD, INPUTS_1, OUTPUTS_1, IS_TEST, SPATIAL),
    ROW(7, 8, BY_OUTPUTS, QN_FLOATS_STD, INPUTS_1, OUTPUTS_1, SPATIAL),
    ROW(9, 13, BY_OUTPUTS, QN_FLOATS_STD, INPUTS_1, OUTPUTS_1, {.name = NULL}),
    ROW(14, 14, BY_FLAG, QN_FLOATS, INPUTS_14, OUTPUTS_14, TRAINING),
    ROW(15, 27, BY_FLAG, QN_FLOATS, INPUTS_15, OUTPUTS_15, TRAINING),
    {.name = NULL},
};
