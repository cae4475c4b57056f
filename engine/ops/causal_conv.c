/* causal_conv.c: CausalConvWithState: a depthwise convolution over time that looks only back, the last positions being
 * carried from call to call. ONNX version 27. input [N][C][L], weight [C][1][k], states [N][C][k - 1]; without a past
 * state zeros lie before the input. */
#include <math.h>
#include <string.h>

#include "ops/op.h"

enum { X, W, BIAS, PAST };
enum { NONE, SILU, SWISH }; /* the last two are one */

static const char *const activations[] = {"none", "silu", "swish", NULL};

struct causal_conv {
    int activation;
};

static enum qn_status check_dim(int64_t a, int64_t b, const char *what, struct qn_err *err)
{
    QN_CHECK(!qn_dim_known(a) || !qn_dim_known(b) || a == b, err, SHAPE, "%s is %lld, expected %lld", what,
             (long long)a, (long long)b);
    return QN_OK;
}

static enum qn_status check_rank(const struct qn_shape *x, int rank, const char *name, struct qn_err *err)
{
    QN_CHECK(x->rank < 0 || x->rank == rank, err, SHAPE, "%s must have rank %d, not %d", name, rank, x->rank);
    return QN_OK;
}

/* Dimension d, unknown for an unknown rank. */
static int64_t dim(const struct qn_shape *x, int d) { return x->rank < 0 ? QN_DIM_UNKNOWN : x->dims[d]; }

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_fact *x = qn_infer_in(in, X), *bias = qn_infer_in(in, BIAS), *past = qn_infer_in(in, PAST);
    const struct qn_shape *w = &qn_infer_in(in, W)->shape;
    struct qn_shape state = {3, {dim(&x->shape, 0), dim(&x->shape, 1), QN_DIM_UNKNOWN}};

    QN_TRY(check_rank(&x->shape, 3, "the input", in->err));
    QN_TRY(check_rank(w, 3, "the weight", in->err));
    QN_TRY(check_dim(dim(w, 0), state.dims[1], "the number of channels of the weight", in->err));
    QN_TRY(check_dim(dim(w, 1), 1, "the middle dimension of the weight", in->err));
    if (qn_dim_known(dim(w, 2))) {
        QN_CHECK(w->dims[2] >= 1, in->err, SHAPE, "the kernel is empty");
        state.dims[2] = w->dims[2] - 1;
    }
    if (bias) {
        QN_TRY(check_rank(&bias->shape, 1, "the bias", in->err));
        QN_TRY(check_dim(dim(&bias->shape, 0), state.dims[1], "the length of the bias", in->err));
    }
    if (past) {
        QN_TRY(check_rank(&past->shape, 3, "the past state", in->err));
        QN_TRY(check_dim(dim(&past->shape, 0), state.dims[0], "the batch size of the past state", in->err));
        QN_TRY(check_dim(dim(&past->shape, 1), state.dims[1], "the number of channels of the past state", in->err));
        QN_TRY(check_dim(dim(&past->shape, 2), state.dims[2], "the length of the past state", in->err));
    }
    QN_TRY(qn_infer_same(in, params));
    return qn_infer_out(in, 1, x->dtype, &state);
}

/* ---- The kernel ----------------------------------------------------------------------------------------------- */

struct job {
    const float *x, *w, *bias, *past; /* bias and past may be NULL */
    float *y, *present;               /* either may be NULL */
    int64_t batch, channels, n, k;
    bool silu;
};

/* y[t] = bias + sum of w[j] padded[t + j], padded being k - 1 elements of past, then x: each a chain over j. */
static void convolve(const struct job *job, const float *x, const float *past, const float *w, float bias, float *y)
{
    for (int64_t t = 0; t < job->n; t++)
        y[t] = bias;
    for (int64_t j = 0; j < job->k; j++) {
        int64_t before = job->k - 1 - j < job->n ? job->k - 1 - j : job->n; /* outputs that this tap reads past for */

        for (int64_t t = 0; past && t < before; t++)
            y[t] = fmaf(w[j], past[t + j], y[t]);
        qn_kern()->axpy(y + before, w[j], x, (size_t)(job->n - before));
    }
    if (job->silu)
        qn_kern()->act(y, y, (size_t)job->n, &(struct qn_act){QN_ACT_SILU, 1, 0});
}

static void carry(const struct job *job, const float *x, const float *past, float *present)
{
    int64_t kept = job->k - 1 > job->n ? job->k - 1 - job->n : 0; /* of the past */

    if (kept > 0 && past)
        memcpy(present, past + job->n, (size_t)kept * sizeof(*present));
    else
        memset(present, 0, (size_t)kept * sizeof(*present));
    memcpy(present + kept, x + job->n - (job->k - 1 - kept), (size_t)(job->k - 1 - kept) * sizeof(*present));
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->batch * job->channels, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        const float *x = job->x + at * job->n, *past = job->past ? job->past + at * (job->k - 1) : NULL;
        int64_t c = at % job->channels;

        if (job->y)
            convolve(job, x, past, job->w + c * job->k, job->bias ? job->bias[c] : 0, job->y + at * job->n);
        if (job->present)
            carry(job, x, past, job->present + at * (job->k - 1));
    }
}

static const void *data_of(const struct qn_tensor *x) { return x ? x->data : NULL; }

static enum qn_status causal_conv_f32(const struct qn_call *call)
{
    const struct causal_conv *p = call->params;
    const struct qn_tensor *x = qn_in(call, X);
    struct job job = {.x = x->data,
                      .w = qn_in(call, W)->data,
                      .bias = data_of(qn_in(call, BIAS)),
                      .past = data_of(qn_in(call, PAST)),
                      .y = (float *)data_of(qn_out(call, 0)),
                      .present = (float *)data_of(qn_out(call, 1)),
                      .batch = x->dims[0],
                      .channels = x->dims[1],
                      .n = x->dims[2],
                      .k = qn_in(call, W)->dims[2],
                      .silu = p->activation != NONE};
    bool small = qn_tensor_count(x) * job.k < 32768;

    qn_pool_run(call->pool, small ? 1 : qn_pool_threads(call->pool), run_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "causal_conv_f32", .accept = qn_accept_f32, .run = causal_conv_f32},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define TYPES (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))

const struct qn_op qn_ops_causal_conv[] = {
    {.name = "CausalConvWithState",
     .domain = "",
     .since = 27,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", 'T', TYPES), QN_IN("weight", 'T', TYPES), QN_OPT("bias", 'T', TYPES),
                      QN_OPT("past_state", 'T', TYPES)),
     .out = QN_FORMALS(QN_OUT("output", 'T', TYPES), QN_OUT("present_state", 'T', TYPES)),
     .attrs = QN_ATTRS(QN_ENUM_ATTR(causal_conv, activation, "none", activations)),
     QN_PARAMS(causal_conv),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
