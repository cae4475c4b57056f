/* lrn.c: LRN, local response normalisation across channels: y = x / (bias + alpha / size * sum of x^2)^beta, the sum
 * over channels from (size - 1) / 2 before, rounded down, to as many after, rounded up. */
#include <math.h>
#include <string.h>

#include "ops/broadcast.h"

struct lrn {
    float alpha, beta, bias;
    int64_t size;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank < 0 || x->rank >= 2, in->err, SHAPE, "X needs batch and channels: %s", qn_shape_text(x, text));
    return qn_infer_same(in, params);
}

/* Channels [first, end) around channel c. */
static void window_of(const struct lrn *p, int64_t channels, int64_t c, int64_t *first, int64_t *end)
{
    int64_t before = (p->size - 1) / 2, after = p->size / 2;

    *first = c > before ? c - before : 0;
    *end = channels - c > after ? c + after + 1 : channels;
}

static enum qn_status lrn_ref(const struct qn_call *call)
{
    const struct lrn *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t channels = x->dims[1], inner = qn_tensor_span(x, 2, x->rank), first, end;

    for (int64_t i = 0, n = qn_tensor_count(x); i < n; i++) {
        int64_t c = i / inner % channels, origin = i - c * inner;
        double sum = 0, v;

        window_of(p, channels, c, &first, &end);
        for (int64_t k = first; k < end; k++) {
            v = qn_tensor_double(x, origin + k * inner);
            sum += v * v;
        }
        sum = (double)p->bias + (double)p->alpha / (double)p->size * sum;
        qn_tensor_set_double(qn_out(call, 0), i, qn_tensor_double(x, i) / pow(sum, (double)p->beta));
    }
    return QN_OK;
}

/* ---- float32: pieces of a channel ----------------------------------------------------------------------------- */

/* Elements of a channel that are worked on at a time; the rooms of a thread are two such pieces. */
enum { PIECE = 1024 };

struct job {
    const struct lrn *p;
    int64_t channels, inner, n_pieces; /* pieces of one channel */
    int64_t planes;
    const float *x;
    float *y, *room;
};

/* base^-beta, by roots where they give it; temp is as long. */
static void to_factor(const struct lrn *p, float *base, float *temp, size_t n)
{
    const struct qn_kern *kern = qn_kern();

    if (p->beta == 0.75f) {
        kern->sqrt(base, base, n);
        kern->sqrt(temp, base, n);
        kern->vv[QN_MUL](base, base, temp, n);
        kern->reciprocal(base, base, n);
    } else if (p->beta == 0.5f) {
        kern->sqrt(base, base, n);
        kern->reciprocal(base, base, n);
    } else if (p->beta == 1) {
        kern->reciprocal(base, base, n);
    } else {
        kern->log(base, base, n);
        kern->vs[QN_MUL](base, base, -p->beta, n);
        kern->exp(base, base, n);
    }
}

static void run_piece(const struct job *job, int64_t index, float *base)
{
    const struct qn_kern *kern = qn_kern();
    float *temp = base + PIECE;
    int64_t plane = index / job->n_pieces, begin = index % job->n_pieces * PIECE, first, end;
    int64_t sample = plane / job->channels, c = plane % job->channels;
    size_t n = (size_t)(job->inner - begin < PIECE ? job->inner - begin : PIECE);
    const float *x = job->x + sample * job->channels * job->inner + begin;

    window_of(job->p, job->channels, c, &first, &end);
    memset(base, 0, n * sizeof(*base));
    for (int64_t k = first; k < end; k++) {
        kern->vv[QN_MUL](temp, x + k * job->inner, x + k * job->inner, n);
        kern->vv[QN_ADD](base, base, temp, n);
    }
    kern->scale_shift(base, base, job->p->alpha / (float)job->p->size, job->p->bias, n);
    to_factor(job->p, base, temp, n);
    kern->vv[QN_MUL](job->y + plane * job->inner + begin, x + c * job->inner, base, n);
}

static void pieces_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->planes * job->n_pieces, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_piece(job, i, job->room + (size_t)part * 2 * PIECE);
}

static size_t workspace_f32(const struct qn_site *site) { return (size_t)site->threads * 2 * PIECE * sizeof(float); }

static enum qn_status lrn_f32(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t inner = qn_tensor_span(x, 2, x->rank);
    struct job job = {
        call->params,          x->dims[1],     inner, (inner + PIECE - 1) / PIECE, x->dims[0] * x->dims[1], x->data,
        qn_out(call, 0)->data, call->workspace};
    int parts = qn_broadcast_parts(call->pool, qn_tensor_count(x), 8);

    qn_pool_run(call->pool, parts < call->threads ? parts : call->threads, pieces_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "lrn_f32", .accept = qn_accept_f32, .workspace = workspace_f32, .run = lrn_f32},
    {.name = "lrn_ref", .accept = qn_accept_not_narrow, .run = lrn_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define SIZE                                                                                                           \
    {                                                                                                                  \
        .name = "size", .form = QN_FORM_INT, .offset = offsetof(struct lrn, size), .required = true, .min = 1,         \
        .max = INT64_MAX                                                                                               \
    }
#define ROW(first, last, type_set)                                                                                     \
    {                                                                                                                  \
        .name = "LRN", .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", 'T', type_set)),   \
        .out = QN_FORMALS(QN_OUT("Y", 'T', type_set)),                                                                 \
        .attrs = QN_ATTRS(QN_FLOAT_ATTR(lrn, alpha, 1e-4f), QN_FLOAT_ATTR(lrn, beta, 0.75f),                           \
                          QN_FLOAT_ATTR(lrn, bias, 1), SIZE),                                                          \
        QN_PARAMS(lrn), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING,                                  \
    }

const struct qn_op qn_ops_lrn[] = {
    ROW(1, 12, QN_FLOATS_STD),
    ROW(13, 27, QN_FLOATS),
    {.name = NULL},
};
