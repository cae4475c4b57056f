/* rotary.c: RotaryEmbedding: rotates pairs of each head's first elements by angles given as cosines and sines.
 * ONNX version 23. X is [batch, heads, length, size] or [batch, length, heads * size]; the caches are [positions, half]
 * with position_ids, [batch, length, half] without. Computes in the type of X. */
#include <string.h>

#include "base/pool.h"
#include "ops/op.h"

enum { X, COS, SIN, POSITIONS };

struct rotary {
    int64_t num_heads, rotary_embedding_dim;
    bool interleaved;
};

struct sizes {
    int64_t batch, heads, len, size;
    int64_t half; /* pairs that are rotated */
};

/* The size of a head of x, unknown where dims are; x has a known rank. */
static enum qn_status read_sizes(const struct qn_shape *x, const struct rotary *p, struct sizes *s, struct qn_err *err)
{
    QN_CHECK(x->rank == 3 || x->rank == 4, err, SHAPE, "X must have rank 3 or 4, not %d", x->rank);
    if (x->rank == 4) {
        *s = (struct sizes){x->dims[0], x->dims[1], x->dims[2], x->dims[3], 0};
    } else {
        int64_t n = p->num_heads, hidden = x->dims[2];

        QN_CHECK(n > 0, err, SHAPE, "an input of rank 3 needs num_heads");
        QN_CHECK(!qn_dim_known(hidden) || hidden % n == 0, err, SHAPE,
                 "the last dimension of X, %lld, is not a multiple of %lld heads", (long long)hidden, (long long)n);
        *s = (struct sizes){x->dims[0], n, x->dims[1], qn_dim_known(hidden) ? hidden / n : QN_DIM_UNKNOWN, 0};
    }
    int64_t whole = p->rotary_embedding_dim > 0 ? p->rotary_embedding_dim : s->size;

    QN_CHECK(!qn_dim_known(whole) || whole % 2 == 0, err, SHAPE, "%lld elements cannot be rotated in pairs",
             (long long)whole);
    QN_CHECK(!qn_dim_known(s->size) || whole <= s->size, err, SHAPE,
             "rotary_embedding_dim %lld is more than a head of %lld", (long long)whole, (long long)s->size);
    s->half = qn_dim_known(whole) ? whole / 2 : QN_DIM_UNKNOWN;
    return QN_OK;
}

static enum qn_status check_dim(int64_t a, int64_t b, const char *what, struct qn_err *err)
{
    QN_CHECK(!qn_dim_known(a) || !qn_dim_known(b) || a == b, err, SHAPE, "%s is %lld, expected %lld", what,
             (long long)a, (long long)b);
    return QN_OK;
}

static enum qn_status check_cache(const struct qn_shape *cache, const struct sizes *s, bool by_position,
                                  struct qn_err *err)
{
    if (cache->rank < 0)
        return QN_OK;
    QN_CHECK(cache->rank == (by_position ? 2 : 3), err, SHAPE, "a cache must have rank %d %s position_ids, not %d",
             by_position ? 2 : 3, by_position ? "with" : "without", cache->rank);
    if (!by_position) {
        QN_TRY(check_dim(cache->dims[0], s->batch, "the batch size of a cache", err));
        QN_TRY(check_dim(cache->dims[1], s->len, "the length of a cache", err));
    }
    return check_dim(cache->dims[cache->rank - 1], s->half, "the last dimension of a cache", err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &qn_infer_in(in, X)->shape;
    const struct qn_fact *positions = qn_infer_in(in, POSITIONS);
    struct sizes s;

    if (x->rank >= 0) {
        QN_TRY(read_sizes(x, params, &s, in->err));
        QN_TRY(check_cache(&qn_infer_in(in, COS)->shape, &s, positions != NULL, in->err));
        QN_TRY(check_cache(&qn_infer_in(in, SIN)->shape, &s, positions != NULL, in->err));
        if (positions && positions->shape.rank >= 0) {
            QN_CHECK(positions->shape.rank == 2, in->err, SHAPE, "position_ids must have rank 2, not %d",
                     positions->shape.rank);
            QN_TRY(check_dim(positions->shape.dims[0], s.batch, "the batch size of position_ids", in->err));
            QN_TRY(check_dim(positions->shape.dims[1], s.len, "the length of position_ids", in->err));
        }
    }
    return qn_infer_same(in, params);
}

/* ---- The kernel ----------------------------------------------------------------------------------------------- */

struct job {
    struct sizes s;
    const float *x, *cos, *sin;
    float *y;
    const int64_t *positions; /* NULL: none */
    int64_t batch_step, head_step, row_step;
    bool interleaved;
};

/* One head of one token. y may be x. */
static void rotate(const struct job *job, const float *x, float *y, const float *cosine, const float *sine)
{
    const int64_t half = job->s.half, step = job->interleaved ? 2 : 1, other = job->interleaved ? 1 : half;

    for (int64_t k = 0; k < half; k++) {
        float a = x[k * step], b = x[k * step + other];

        y[k * step] = cosine[k] * a - sine[k] * b;
        y[k * step + other] = sine[k] * a + cosine[k] * b;
    }
    if (y != x)
        memcpy(y + 2 * half, x + 2 * half, (size_t)(job->s.size - 2 * half) * sizeof(*y));
}

/* Tokens of all batches; of each, all heads. */
static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    const struct sizes *s = &job->s;
    int64_t begin, end;

    qn_pool_slice(s->batch * s->len, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        int64_t angles = (job->positions ? job->positions[at] : at) * s->half;

        for (int64_t h = 0; h < s->heads; h++) {
            int64_t place = at / s->len * job->batch_step + h * job->head_step + at % s->len * job->row_step;

            rotate(job, job->x + place, job->y + place, job->cos + angles, job->sin + angles);
        }
    }
}

static enum qn_status check_positions(const struct qn_call *call, const struct job *job)
{
    int64_t rows[2] = {qn_in(call, COS)->dims[0], qn_in(call, SIN)->dims[0]};
    int64_t n = rows[0] < rows[1] ? rows[0] : rows[1];

    for (int64_t i = 0; job->positions && i < job->s.batch * job->s.len; i++)
        QN_CHECK(job->positions[i] >= 0 && job->positions[i] < n, call->err, RANGE,
                 "position %lld is outside caches of %lld rows", (long long)job->positions[i], (long long)n);
    return QN_OK;
}

static enum qn_status rotary_f32(const struct qn_call *call)
{
    const struct rotary *p = call->params;
    const struct qn_tensor *x = qn_in(call, X), *positions = qn_in(call, POSITIONS);
    struct qn_shape shape = qn_tensor_shape(x);
    struct job job = {.x = x->data,
                      .cos = qn_in(call, COS)->data,
                      .sin = qn_in(call, SIN)->data,
                      .y = qn_out(call, 0)->data,
                      .positions = positions ? positions->data : NULL,
                      .interleaved = p->interleaved};
    const struct sizes *s = &job.s;

    QN_TRY(read_sizes(&shape, p, &job.s, call->err));
    QN_TRY(check_positions(call, &job));
    job.batch_step = s->heads * s->len * s->size;
    job.head_step = x->rank == 4 ? s->len * s->size : s->size;
    job.row_step = x->rank == 4 ? s->size : s->heads * s->size;
    qn_pool_run(call->pool, qn_tensor_count(x) < 32768 ? 1 : qn_pool_threads(call->pool), run_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "rotary_f32", .accept = qn_accept_f32, .run = rotary_f32},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define TYPES (QN_BIT(FLOAT) | QN_BIT(FLOAT16) | QN_BIT(BFLOAT16))

const struct qn_op qn_ops_rotary[] = {
    {.name = "RotaryEmbedding",
     .domain = "",
     .since = 23,
     .until = 27,
     .in = QN_FORMALS(QN_IN("X", 'T', TYPES), QN_IN("cos_cache", 'T', TYPES), QN_IN("sin_cache", 'T', TYPES),
                      QN_OPT("position_ids", 'M', QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("Y", 'T', TYPES)),
     .attrs = QN_ATTRS(QN_INT_ATTR_RANGE(rotary, num_heads, 0, 0, INT32_MAX),
                       QN_INT_ATTR_RANGE(rotary, rotary_embedding_dim, 0, 0, INT32_MAX),
                       QN_BOOL_ATTR(rotary, interleaved, 0)),
     QN_PARAMS(rotary),
     .infer = infer,
     .kernels = kernels,
     .inplace = QN_INPLACE(0),
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
