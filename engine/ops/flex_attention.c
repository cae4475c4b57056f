/* flex_attention.c: FlexAttention of the domain ai.onnx.preview, version 1: softmax(score_mod(scale * Q K^T)), then
 * prob_mod, then the product with V; the two modifiers are bodies over all scores at once and optional. Operands are
 * [batch][heads][length][size], heads of K and V serve groups of query heads. Scores have the type softmax_precision,
 * float32 when it is absent, or float64 for such inputs; sums run in float64. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/op.h"
#include "tensor/tensor.h"

enum { Q, K, V, N_IN };

struct flex {
    float scale;
    enum qn_dtype softmax_precision;
    int score_mod, prob_mod; /* which body, from 1; 0: none */
};

struct sizes {
    int64_t batch, q_heads, kv_heads, q_len, kv_len, size, v_size;
};

static enum qn_status agree(int64_t *a, int64_t b, const char *what, struct qn_err *err)
{
    QN_CHECK(!qn_dim_known(*a) || !qn_dim_known(b) || *a == b, err, SHAPE, "%s is %lld in one input, %lld in another",
             what, (long long)*a, (long long)b);
    if (!qn_dim_known(*a) && b != QN_DIM_UNKNOWN)
        *a = b;
    return QN_OK;
}

/* Sizes from shapes, unknown where dims are. */
static enum qn_status read_sizes(const struct qn_shape *const x[N_IN], struct sizes *s, struct qn_err *err)
{
    struct qn_shape known[N_IN];

    for (int i = 0; i < N_IN; i++) {
        QN_CHECK(x[i]->rank < 0 || x[i]->rank == 4, err, SHAPE, "Q, K and V must have rank 4, not %d", x[i]->rank);
        known[i] = *x[i];
        for (int d = 0; x[i]->rank < 0 && d < 4; d++)
            known[i].dims[d] = QN_DIM_UNKNOWN;
    }
    const int64_t *q = known[Q].dims, *k = known[K].dims, *v = known[V].dims;

    *s = (struct sizes){q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
    QN_TRY(agree(&s->batch, k[0], "the batch size", err));
    QN_TRY(agree(&s->batch, v[0], "the batch size", err));
    QN_TRY(agree(&s->kv_heads, v[1], "the number of key and value heads", err));
    QN_TRY(agree(&s->kv_len, v[2], "the length of keys and values", err));
    QN_TRY(agree(&s->size, k[3], "the size of a head", err));
    if (qn_dim_known(s->q_heads) && qn_dim_known(s->kv_heads))
        QN_CHECK(s->kv_heads ? s->q_heads % s->kv_heads == 0 : s->q_heads == 0, err, SHAPE,
                 "%lld query heads cannot share %lld key and value heads", (long long)s->q_heads,
                 (long long)s->kv_heads);
    return QN_OK;
}

static enum qn_dtype score_type(const struct flex *p, enum qn_dtype inputs)
{
    if (p->softmax_precision != QN_UNDEFINED)
        return p->softmax_precision;
    return inputs == QN_DOUBLE ? QN_DOUBLE : QN_FLOAT;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

/* A modifier gives scores for scores. */
static enum qn_status check_modifier(struct qn_infer *in, int body, const char *name, const struct qn_fact *scores)
{
    const struct qn_graph *graph = body ? in->node->bodies[body - 1].graph : NULL;
    struct qn_fact fact;
    struct qn_shape merged;

    if (!graph)
        return QN_OK;
    QN_CHECK(graph->n_inputs == 1 && graph->n_outputs == 1, in->err, FORMAT,
             "%s must have one input and one output, not %d and %d", name, graph->n_inputs, graph->n_outputs);
    QN_TRY(qn_infer_body(in, body - 1, &scores, 1, &fact));
    QN_CHECK(fact.dtype == QN_UNDEFINED || fact.dtype == scores->dtype, in->err, SHAPE, "%s gives %s for %s", name,
             qn_dtype_name(fact.dtype), qn_dtype_name(scores->dtype));
    QN_CHECK(qn_shape_merge(&fact.shape, &scores->shape, &merged), in->err, SHAPE, "%s changes the shape", name);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct flex *p = params;
    const enum qn_dtype type = qn_infer_in(in, Q)->dtype;
    const struct qn_shape *x[N_IN] = {&in->in[Q]->shape, &in->in[K]->shape, &in->in[V]->shape};
    struct qn_fact scores;
    struct sizes s;

    QN_CHECK(p->softmax_precision == QN_UNDEFINED || qn_dtypes_have(QN_FLOATS, p->softmax_precision), in->err, SHAPE,
             "softmax_precision must be a floating-point type");
    QN_TRY(read_sizes(x, &s, in->err));
    scores = qn_fact_tensor(score_type(p, type), &(struct qn_shape){4, {s.batch, s.q_heads, s.q_len, s.kv_len}});
    QN_TRY(check_modifier(in, p->score_mod, "score_mod", &scores));
    QN_TRY(check_modifier(in, p->prob_mod, "prob_mod", &scores));
    return qn_infer_out(in, 0, type, &(struct qn_shape){4, {s.batch, s.q_heads, s.q_len, s.v_size}});
}

/* ---- The kernel ----------------------------------------------------------------------------------------------- */

static int64_t kv_head(const struct sizes *s, int64_t at)
{
    return at / s->q_heads * s->kv_heads + at % s->q_heads / (s->q_heads / s->kv_heads);
}

/* Rows of all queries: score [kv_len] of query row `row`. */
static void score_rows(const struct qn_call *call, const struct sizes *s, double scale, struct qn_tensor *scores)
{
    const struct qn_tensor *q = qn_in(call, Q), *k = qn_in(call, K);

    for (int64_t row = 0; row < s->batch * s->q_heads * s->q_len; row++) {
        int64_t from = kv_head(s, row / s->q_len) * s->kv_len * s->size;

        for (int64_t j = 0; j < s->kv_len; j++) {
            double sum = 0;

            for (int64_t e = 0; e < s->size; e++)
                sum += qn_tensor_double(q, row * s->size + e) * qn_tensor_double(k, from + j * s->size + e);
            qn_tensor_set_double(scores, row * s->kv_len + j, sum * scale);
        }
    }
}

static void softmax_rows(const struct sizes *s, struct qn_tensor *scores)
{
    for (int64_t row = 0; row < s->batch * s->q_heads * s->q_len; row++) {
        int64_t at = row * s->kv_len;
        double max = -INFINITY, sum = 0;

        for (int64_t j = 0; j < s->kv_len; j++) {
            double x = qn_tensor_double(scores, at + j);

            max = x > max || isnan(x) ? x : max;
        }
        for (int64_t j = 0; j < s->kv_len; j++)
            sum += exp(qn_tensor_double(scores, at + j) - max);
        for (int64_t j = 0; j < s->kv_len; j++)
            qn_tensor_set_double(scores, at + j, exp(qn_tensor_double(scores, at + j) - max) / sum);
    }
}

static void value_rows(const struct qn_call *call, const struct sizes *s, const struct qn_tensor *weights)
{
    const struct qn_tensor *v = qn_in(call, V);

    for (int64_t row = 0; row < s->batch * s->q_heads * s->q_len; row++) {
        int64_t from = kv_head(s, row / s->q_len) * s->kv_len * s->v_size;

        for (int64_t e = 0; e < s->v_size; e++) {
            double sum = 0;

            for (int64_t j = 0; j < s->kv_len; j++)
                sum += qn_tensor_double(weights, row * s->kv_len + j) * qn_tensor_double(v, from + j * s->v_size + e);
            qn_tensor_set_double(qn_out(call, 0), row * s->v_size + e, sum);
        }
    }
}

/* Replaces scores by what a modifier makes of them. */
static enum qn_status modify(const struct qn_call *call, int body, const char *name, struct qn_tensor *scores)
{
    struct qn_value in = {.kind = QN_TENSOR, .tensor = *scores}, out;
    struct qn_shape before, after;

    if (body == 0)
        return QN_OK;
    QN_TRY(qn_call_body(call, body - 1, &in, 1, &out, 1));
    before = qn_tensor_shape(scores);
    QN_CHECK(out.kind == QN_TENSOR && out.tensor.dtype == scores->dtype, call->err, SHAPE, "%s changes the type", name);
    after = qn_tensor_shape(&out.tensor);
    QN_CHECK(qn_shape_equal(&before, &after), call->err, SHAPE, "%s changes the shape", name);
    memmove(scores->data, out.tensor.data, qn_tensor_bytes(scores));
    return QN_OK;
}

static enum qn_status flex_attention(const struct qn_call *call)
{
    const struct flex *p = call->params;
    struct qn_shape shapes[N_IN];
    const struct qn_shape *x[N_IN];
    struct qn_tensor scores = {.dtype = score_type(p, qn_in(call, Q)->dtype), .rank = 4, .data = call->workspace};
    struct sizes s;

    for (int i = 0; i < N_IN; i++) {
        shapes[i] = qn_tensor_shape(qn_in(call, i));
        x[i] = &shapes[i];
    }
    QN_TRY(read_sizes(x, &s, call->err));
    memcpy(scores.dims, (int64_t[]){s.batch, s.q_heads, s.q_len, s.kv_len}, 4 * sizeof(*scores.dims));
    score_rows(call, &s, isnan(p->scale) ? 1 / sqrt((double)s.size) : (double)p->scale, &scores);
    QN_TRY(modify(call, p->score_mod, "score_mod", &scores));
    softmax_rows(&s, &scores);
    QN_TRY(modify(call, p->prob_mod, "prob_mod", &scores));
    value_rows(call, &s, &scores);
    return QN_OK;
}

static size_t workspace(const struct qn_site *site)
{
    const struct qn_shape *x[N_IN] = {&site->in[Q]->shape, &site->in[K]->shape, &site->in[V]->shape};
    struct qn_shape scores = {.rank = 4};
    struct sizes s;
    size_t bytes;

    if (read_sizes(x, &s, NULL) != QN_OK)
        return SIZE_MAX;
    memcpy(scores.dims, (int64_t[]){s.batch, s.q_heads, s.q_len, s.kv_len}, 4 * sizeof(*scores.dims));
    return qn_shape_bytes(&scores, score_type(site->params, site->in[Q]->dtype), &bytes) ? bytes : SIZE_MAX;
}

/* Elements are read and set one by one in any type, so nothing needs widening, and bodies see the type they should. */
static const struct qn_kernel kernels[] = {
    {.name = "flex_attention_ref", .workspace = workspace, .run = flex_attention},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define MODIFIER(field_name)                                                                                           \
    {                                                                                                                  \
        .name = #field_name, .form = QN_FORM_GRAPH, .offset = offsetof(struct flex, field_name)                        \
    }

const struct qn_op qn_ops_flex_attention[] = {
    {.name = "FlexAttention",
     .domain = "ai.onnx.preview",
     .since = 1,
     .until = 1,
     .in = QN_FORMALS(QN_IN("Q", '1', QN_FLOATS), QN_IN("K", '1', QN_FLOATS), QN_IN("V", '1', QN_FLOATS)),
     .out = QN_FORMALS(QN_OUT("Y", '1', QN_FLOATS)),
     .attrs = QN_ATTRS(QN_FLOAT_ATTR(flex, scale, NAN), QN_DTYPE_ATTR(flex, softmax_precision, 0), MODIFIER(score_mod),
                       MODIFIER(prob_mod)),
     QN_PARAMS(flex),
     .flags = QN_NO_FOLD,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
