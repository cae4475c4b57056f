/* loss.c: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
 * ONNX versions 12 to 22. Scores [N, C, d...], labels [N, d...], class weights [C]; reductions none, sum and the
 * weighted mean; a label equal to ignore_index counts nothing. Labels outside 0..C-1 are errors. */
#include <math.h>

#include "ops/op.h"

enum { NONE, SUM, MEAN };

static const char *const reductions[] = {"none", "sum", "mean", NULL};

struct loss {
    int64_t ignore_index;
    int reduction;
    bool softmax; /* scores, not log probabilities, come in */
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct loss *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0), *labels = qn_infer_in(in, 1);

    QN_CHECK(x->shape.rank < 0 || x->shape.rank >= 2, in->err, SHAPE,
             "the scores must have 2 dimensions or more, not %d", x->shape.rank);
    QN_CHECK(x->shape.rank < 0 || labels->shape.rank < 0 || labels->shape.rank == x->shape.rank - 1, in->err, SHAPE,
             "scores of rank %d need labels of rank %d, not %d", x->shape.rank, x->shape.rank - 1, labels->shape.rank);
    for (int d = 0; x->shape.rank >= 0 && d < labels->shape.rank; d++) {
        int64_t a = labels->shape.dims[d], b = x->shape.dims[d ? d + 1 : 0];

        QN_CHECK(!qn_dim_known(a) || !qn_dim_known(b) || a == b, in->err, SHAPE,
                 "dimension %d of the labels is %lld, of the scores %lld", d, (long long)a, (long long)b);
    }
    QN_TRY(qn_infer_out(in, 0, x->dtype, p->reduction == NONE ? &labels->shape : &QN_SHAPE_SCALAR));
    return qn_infer_out(in, 1, x->dtype, &x->shape);
}

struct job {
    const struct qn_tensor *x, *labels, *weights;
    int64_t n, c, inner;
    bool softmax;
};

/* log softmax over the classes at one place, less the score itself for the plain form: x[c] - log_sum(place) */
static double log_sum(const struct job *j, int64_t n, int64_t i)
{
    double max = -INFINITY, sum = 0;

    if (!j->softmax)
        return 0;
    for (int64_t c = 0; c < j->c; c++)
        max = fmax(max, qn_tensor_double(j->x, (n * j->c + c) * j->inner + i));
    for (int64_t c = 0; c < j->c; c++)
        sum += exp(qn_tensor_double(j->x, (n * j->c + c) * j->inner + i) - max);
    return max + log(sum);
}

/* The loss of one place and its weight, both 0 when it is ignored. */
static enum qn_status place_loss(const struct qn_call *call, const struct job *j, int64_t n, int64_t i, double *loss,
                                 double *weight)
{
    const struct loss *p = call->params;
    int64_t label = qn_tensor_int(j->labels, n * j->inner + i);

    *loss = *weight = 0;
    if (label == p->ignore_index)
        return QN_OK;
    QN_CHECK(label >= 0 && label < j->c, call->err, RANGE, "label %lld is outside 0..%lld", (long long)label,
             (long long)j->c - 1);
    *weight = j->weights ? qn_tensor_double(j->weights, label) : 1;
    *loss = *weight * (log_sum(j, n, i) - qn_tensor_double(j->x, (n * j->c + label) * j->inner + i));
    return QN_OK;
}

static void write_log_prob(const struct qn_call *call, const struct job *j)
{
    struct qn_tensor *out = qn_out(call, 1);

    for (int64_t n = 0; out && n < j->n; n++) {
        for (int64_t i = 0; i < j->inner; i++) {
            double less = log_sum(j, n, i);

            for (int64_t c = 0; c < j->c; c++) {
                int64_t at = (n * j->c + c) * j->inner + i;

                qn_tensor_set_double(out, at, qn_tensor_double(j->x, at) - less);
            }
        }
    }
}

static enum qn_status loss_ref(const struct qn_call *call)
{
    const struct loss *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct job j = {x,         qn_in(call, 1), qn_in(call, 2), x->dims[0], x->dims[1], qn_tensor_span(x, 2, x->rank),
                    p->softmax};
    double total = 0, total_weight = 0;

    QN_CHECK(!j.weights || qn_tensor_count(j.weights) == j.c, call->err, SHAPE,
             "%lld weights are given for %lld classes", (long long)qn_tensor_count(j.weights), (long long)j.c);
    for (int64_t n = 0; n < j.n; n++) {
        for (int64_t i = 0; i < j.inner; i++) {
            double loss, weight;

            QN_TRY(place_loss(call, &j, n, i, &loss, &weight));
            total += loss;
            total_weight += weight;
            if (p->reduction == NONE)
                qn_tensor_set_double(qn_out(call, 0), n * j.inner + i, loss);
        }
    }
    if (p->reduction != NONE)
        qn_tensor_set_double(qn_out(call, 0), 0, p->reduction == SUM ? total : total / total_weight);
    write_log_prob(call, &j);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "loss_ref", .accept = qn_accept_not_narrow, .run = loss_ref},
    {.name = NULL},
};

/* No label is ignored unless the attribute says so. */
#define ATTRS                                                                                                          \
    QN_ATTRS(QN_ENUM_ATTR(loss, reduction, "mean", reductions), {.name = "ignore_index",                               \
                                                                 .form = QN_FORM_INT,                                  \
                                                                 .offset = offsetof(struct loss, ignore_index),        \
                                                                 .number = -9223372036854775808.0})
#define LABELS(name) QN_IN(name, 'I', QN_BIT(INT32) | QN_BIT(INT64))
#define NLL(first, last, set)                                                                                          \
    {                                                                                                                  \
        .name = "NegativeLogLikelihoodLoss", .domain = "", .since = (first), .until = (last),                          \
        .in = QN_FORMALS(QN_IN("input", 'T', set), LABELS("target"), QN_OPT("weight", 'T', set)),                      \
        .out = QN_FORMALS(QN_OUT("loss", 'T', set)), .attrs = ATTRS, QN_PARAMS(loss), .infer = infer,                  \
        .kernels = kernels, .tolerance = QN_ROUNDING                                                                   \
    }
#define SCE(first, last, set)                                                                                          \
    {                                                                                                                  \
        .name = "SoftmaxCrossEntropyLoss", .domain = "", .since = (first), .until = (last),                            \
        .in = QN_FORMALS(QN_IN("scores", 'T', set), LABELS("labels"), QN_OPT("weights", 'T', set)),                    \
        .out = QN_FORMALS(QN_OUT("output", 'T', set), QN_OPT("log_prob", 'T', set)), .attrs = ATTRS,                   \
        QN_PRESET(loss, .softmax = true), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING                 \
    }

const struct qn_op qn_ops_loss[] = {
    NLL(12, 12, QN_FLOATS_STD), NLL(13, 21, QN_FLOATS_STD), NLL(22, 27, QN_FLOATS),
    SCE(12, 12, QN_FLOATS_STD), SCE(13, 27, QN_FLOATS),     {.name = NULL},
};
