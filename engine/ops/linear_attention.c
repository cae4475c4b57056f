/* linear_attention.c: LinearAttention: attention as a recurrence over a state S [d_k][d_v] for each key and value head:
 * S decays (gated), is corrected towards the value that the key should recall (delta), takes up key x value, and every
 * query of the head's group reads it. ONNX version 27; query, key, value, decay and beta are [batch][time][heads * n].
 * Tokens are worked through one by one; chunk_size is a hint to others. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/op.h"

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };
enum { LINEAR, GATED, DELTA, GATED_DELTA };

static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", NULL};

struct linear_attention {
    int64_t kv_num_heads, q_num_heads;
    float scale;
    int update_rule;
};

static bool is_gated(const struct linear_attention *p)
{
    return p->update_rule == GATED || p->update_rule == GATED_DELTA;
}
static bool is_delta(const struct linear_attention *p)
{
    return p->update_rule == DELTA || p->update_rule == GATED_DELTA;
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

struct sizes {
    int64_t batch, time, d_k, d_v;
};

static enum qn_status agree(int64_t *a, int64_t b, const char *what, struct qn_err *err)
{
    QN_CHECK(!qn_dim_known(*a) || !qn_dim_known(b) || *a == b, err, SHAPE, "%s is %lld in one input, %lld in another",
             what, (long long)*a, (long long)b);
    if (!qn_dim_known(*a) && b != QN_DIM_UNKNOWN)
        *a = b;
    return QN_OK;
}

/* An input [batch][time][n * size]; size may be NULL. */
static enum qn_status read_packed(const struct qn_shape *x, int64_t n, const char *name, struct sizes *s, int64_t *size,
                                  struct qn_err *err)
{
    if (x->rank < 0)
        return QN_OK;
    QN_CHECK(x->rank == 3, err, SHAPE, "%s must have rank 3, not %d", name, x->rank);
    QN_TRY(agree(&s->batch, x->dims[0], "the batch size", err));
    QN_TRY(agree(&s->time, x->dims[1], "the length in time", err));
    if (!size || !qn_dim_known(x->dims[2]))
        return QN_OK;
    QN_CHECK(x->dims[2] % n == 0, err, SHAPE, "the last dimension of %s, %lld, is not a multiple of %lld heads", name,
             (long long)x->dims[2], (long long)n);
    return agree(size, x->dims[2] / n, "the size of a head", err);
}

/* decay and beta: which there must be, and their last dimension: one of two. */
static enum qn_status check_gate(const struct qn_shape *x, bool wanted, const char *name, int64_t one, int64_t other,
                                 struct sizes *s, struct qn_err *err)
{
    QN_CHECK(!wanted || x, err, SHAPE, "this update_rule needs %s", name);
    QN_CHECK(wanted || !x, err, SHAPE, "this update_rule has no %s", name);
    if (!x)
        return QN_OK;
    QN_TRY(read_packed(x, 1, name, s, NULL, err));
    QN_CHECK(x->rank < 0 || !qn_dim_known(x->dims[2]) || x->dims[2] == one || !qn_dim_known(other) ||
                 x->dims[2] == other,
             err, SHAPE, "the last dimension of %s must be %lld or %lld, not %lld", name, (long long)one,
             (long long)other, (long long)x->dims[2]);
    return QN_OK;
}

/* Sizes from shapes (NULL: left out), unknown where dims are. */
static enum qn_status read_sizes(const struct qn_shape *const x[BETA + 1], const struct linear_attention *p,
                                 struct sizes *s, struct qn_err *err)
{
    int64_t heads = p->kv_num_heads, decays;

    *s = (struct sizes){QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN};
    QN_CHECK(p->q_num_heads % heads == 0, err, SHAPE, "%lld query heads cannot share %lld key and value heads",
             (long long)p->q_num_heads, (long long)heads);
    QN_TRY(read_packed(x[QUERY], p->q_num_heads, "query", s, &s->d_k, err));
    QN_TRY(read_packed(x[KEY], heads, "key", s, &s->d_k, err));
    QN_TRY(read_packed(x[VALUE], heads, "value", s, &s->d_v, err));
    if (x[PAST] && x[PAST]->rank >= 0) {
        QN_CHECK(x[PAST]->rank == 4, err, SHAPE, "past_state must have rank 4, not %d", x[PAST]->rank);
        QN_TRY(agree(&s->batch, x[PAST]->dims[0], "the batch size", err));
        QN_TRY(agree(&heads, x[PAST]->dims[1], "the number of key and value heads", err));
        QN_TRY(agree(&s->d_k, x[PAST]->dims[2], "the size of a key", err));
        QN_TRY(agree(&s->d_v, x[PAST]->dims[3], "the size of a value", err));
    }
    decays = qn_dim_known(s->d_k) && qn_mul64(heads, s->d_k, &decays) ? decays : QN_DIM_UNKNOWN;
    QN_TRY(check_gate(x[DECAY], is_gated(p), "decay", heads, decays, s, err));
    return check_gate(x[BETA], is_delta(p), "beta", heads, 1, s, err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct linear_attention *p = params;
    const struct qn_fact *past = qn_infer_in(in, PAST);
    const struct qn_shape *x[BETA + 1] = {NULL};
    struct sizes s;
    int64_t n;

    for (int i = QUERY; i <= BETA; i++)
        x[i] = qn_infer_in(in, i) ? &qn_infer_in(in, i)->shape : NULL;
    QN_TRY(read_sizes(x, p, &s, in->err));
    n = qn_dim_known(s.d_v) && qn_mul64(p->q_num_heads, s.d_v, &n) ? n : QN_DIM_UNKNOWN;
    QN_TRY(qn_infer_out(in, 0, qn_infer_in(in, QUERY)->dtype, &(struct qn_shape){3, {s.batch, s.time, n}}));
    return qn_infer_out(in, 1, past ? past->dtype : qn_infer_in(in, QUERY)->dtype,
                        &(struct qn_shape){4, {s.batch, p->kv_num_heads, s.d_k, s.d_v}});
}

/* ---- The kernel ----------------------------------------------------------------------------------------------- */

struct job {
    const struct linear_attention *p;
    struct sizes s;
    const float *query, *key, *value, *past, *decay, *beta; /* the last three may be NULL */
    int64_t n_decays, n_betas;                              /* of a token */
    float *y, *present;                                     /* either may be NULL */
    float scale;
    float *workspace;
    int64_t slot; /* floats of a part: exp(decay) [d_k], a value [d_v], a state when none is an output */
};

/* S takes in one token: its key k [d_k] and value v [d_v]. room: d_k and d_v elements. */
static void take_in(const struct job *job, int64_t token, int64_t head, float *state, float *room)
{
    const struct qn_kern *kern = qn_kern();
    const int64_t heads = job->p->kv_num_heads, d_k = job->s.d_k, d_v = job->s.d_v;
    const float *k = job->key + (token * heads + head) * d_k, *v = job->value + (token * heads + head) * d_v;
    float *factors = room, *change = room + d_k;

    if (job->decay) {
        const int64_t n = job->n_decays / heads; /* 1 or d_k */

        kern->exp(factors, job->decay + token * job->n_decays + head * n, (size_t)n);
        for (int64_t i = 0; i < d_k; i++)
            kern->vs[QN_MUL](state + i * d_v, state + i * d_v, factors[n == 1 ? 0 : i], (size_t)d_v);
    }
    if (job->beta) {
        const float beta = job->beta[token * job->n_betas + (job->n_betas == 1 ? 0 : head)];

        memset(change, 0, (size_t)d_v * sizeof(*change));
        for (int64_t i = 0; i < d_k; i++)
            kern->axpy(change, k[i], state + i * d_v, (size_t)d_v);
        kern->vv[QN_SUB](change, v, change, (size_t)d_v);
        kern->vs[QN_MUL](change, change, beta, (size_t)d_v);
        v = change;
    }
    for (int64_t i = 0; i < d_k; i++)
        kern->axpy(state + i * d_v, k[i], v, (size_t)d_v);
}

/* The queries of the group of `head` read S. */
static void read_out(const struct job *job, int64_t token, int64_t head, const float *state)
{
    const int64_t group = job->p->q_num_heads / job->p->kv_num_heads, d_k = job->s.d_k, d_v = job->s.d_v;

    for (int64_t h = head * group; job->y && h < (head + 1) * group; h++) {
        const float *q = job->query + (token * job->p->q_num_heads + h) * d_k;
        float *y = job->y + (token * job->p->q_num_heads + h) * d_v;

        memset(y, 0, (size_t)d_v * sizeof(*y));
        for (int64_t i = 0; i < d_k; i++)
            qn_kern()->axpy(y, q[i], state + i * d_v, (size_t)d_v);
        qn_kern()->vs[QN_MUL](y, y, job->scale, (size_t)d_v);
    }
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    const struct sizes *s = &job->s;
    const int64_t heads = job->p->kv_num_heads, size = s->d_k * s->d_v;
    float *room = job->workspace + part * job->slot;
    int64_t begin, end;

    qn_pool_slice(s->batch * heads, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        float *state = job->present ? job->present + at * size : room + s->d_k + s->d_v;

        if (job->past)
            memcpy(state, job->past + at * size, (size_t)size * sizeof(*state));
        else
            memset(state, 0, (size_t)size * sizeof(*state));
        for (int64_t t = 0; t < s->time; t++) {
            int64_t token = at / heads * s->time + t;

            take_in(job, token, at % heads, state, room);
            read_out(job, token, at % heads, state);
        }
    }
}

static const void *data_of(const struct qn_tensor *x) { return x ? x->data : NULL; }

/* Floats of a part's room; false on overflow. */
static bool slot_of(const struct sizes *s, int64_t *slot)
{
    int64_t sum;

    return qn_add64(s->d_k, s->d_v, &sum) && qn_mul64(s->d_k, s->d_v, slot) && qn_add64(*slot, sum, slot) &&
           qn_add64(*slot, 16, slot);
}

static size_t workspace(const struct qn_site *site)
{
    const struct qn_shape *x[BETA + 1] = {NULL};
    struct sizes s;
    int64_t slot;
    size_t bytes;

    for (int i = QUERY; i <= BETA && i < site->n_in; i++)
        x[i] = site->in[i] ? &site->in[i]->shape : NULL;
    if (read_sizes(x, site->params, &s, NULL) != QN_OK || !slot_of(&s, &slot))
        return SIZE_MAX;
    return qn_mul((size_t)slot, (size_t)site->threads * sizeof(float), &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status linear_attention_f32(const struct qn_call *call)
{
    const struct linear_attention *p = call->params;
    struct qn_shape shapes[BETA + 1];
    const struct qn_shape *x[BETA + 1] = {NULL};
    struct job job = {.p = p,
                      .query = qn_in(call, QUERY)->data,
                      .key = qn_in(call, KEY)->data,
                      .value = qn_in(call, VALUE)->data,
                      .past = data_of(qn_in(call, PAST)),
                      .decay = data_of(qn_in(call, DECAY)),
                      .beta = data_of(qn_in(call, BETA)),
                      .y = (float *)data_of(qn_out(call, 0)),
                      .present = (float *)data_of(qn_out(call, 1)),
                      .workspace = call->workspace};
    int n_parts = qn_pool_threads(call->pool);

    for (int i = QUERY; i <= BETA; i++) {
        if (qn_in(call, i)) {
            shapes[i] = qn_tensor_shape(qn_in(call, i));
            x[i] = &shapes[i];
        }
    }
    QN_TRY(read_sizes(x, p, &job.s, call->err));
    QN_CHECK(slot_of(&job.s, &job.slot), call->err, LIMIT, "the state is too large");
    job.n_decays = job.decay ? x[DECAY]->dims[2] : 0;
    job.n_betas = job.beta ? x[BETA]->dims[2] : 0;
    job.scale = p->scale != 0 ? p->scale : (float)(1 / sqrt((double)job.s.d_k));
    n_parts = n_parts < call->threads ? n_parts : call->threads;
    if (job.s.batch * p->kv_num_heads * job.s.time * job.s.d_k * job.s.d_v < 8192)
        n_parts = 1;
    qn_pool_run(call->pool, n_parts, run_part, &job);
    return QN_OK;
}

static const char *accept_f32(const struct qn_site *site)
{
    if (site->in[QUERY]->dtype != QN_FLOAT)
        return "not float32";
    return site->n_in <= PAST || !site->in[PAST] || site->in[PAST]->dtype == QN_FLOAT ? NULL
                                                                                      : "the state is not float32";
}

static const struct qn_kernel kernels[] = {
    {.name = "linear_attention_f32", .accept = accept_f32, .workspace = workspace, .run = linear_attention_f32},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define TYPES (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))
#define HEADS(field_name)                                                                                              \
    {                                                                                                                  \
        .name = #field_name, .form = QN_FORM_INT, .offset = offsetof(struct linear_attention, field_name),             \
        .required = true, .min = 1, .max = INT32_MAX                                                                   \
    }

const struct qn_op qn_ops_linear_attention[] = {
    {.name = "LinearAttention",
     .domain = "",
     .since = 27,
     .until = 27,
     .in = QN_FORMALS(QN_IN("query", 'T', TYPES), QN_IN("key", 'T', TYPES), QN_IN("value", 'T', TYPES),
                      QN_OPT("past_state", 'S', TYPES), QN_OPT("decay", 'T', TYPES), QN_OPT("beta", 'T', TYPES)),
     .out = QN_FORMALS(QN_OUT("output", 'T', TYPES), QN_OUT("present_state", 'S', TYPES)),
     .attrs = QN_ATTRS(QN_IGNORED_ATTR("chunk_size"), HEADS(kv_num_heads), HEADS(q_num_heads),
                       QN_FLOAT_ATTR(linear_attention, scale, 0),
                       QN_ENUM_ATTR(linear_attention, update_rule, "gated_delta", rules)),
     QN_PARAMS(linear_attention),
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
