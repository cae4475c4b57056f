/* attention.c: Attention: softmax(scale * Q K^T, capped and masked) V for each batch and query head.
 * ONNX versions 23 and 24, operands [batch, heads, length, size] or [batch, length, heads * size]; heads of K and V
 * serve groups of query heads. Scores exist for a block of query rows at a time, never for a whole head, unless they
 * are an output. A row with every key masked gives zeros where the standard's formula gives NaN. softmax_precision is
 * known but nothing is computed in less than float32. In version 24 a mask shorter than the keys is padded, even one
 * of length 1. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/move.h"
#include "ops/op.h"

enum { Q, K, V, MASK, PAST_K, PAST_V, NONPAD, N_IN };
enum { Y, PRESENT_K, PRESENT_V, SCORES };
enum { RAW, CAPPED, MASKED, WEIGHTS }; /* what output SCORES shows */

struct attention {
    int64_t qk_matmul_output_mode, kv_num_heads, q_num_heads;
    enum qn_dtype softmax_precision;
    float softcap, scale;
    bool is_causal;
    bool pads_mask; /* since version 24 */
};

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

struct sizes {
    int64_t batch, q_heads, kv_heads, q_len, kv_len, past_len, total_len;
    int64_t size, v_size; /* of a head */
};

/* One operand as heads. */
struct heads {
    int64_t batch, heads, len, size;
};

/* Two statements about one dim: *a becomes the more precise. */
static enum qn_status agree(int64_t *a, int64_t b, const char *what, struct qn_err *err)
{
    QN_CHECK(!qn_dim_known(*a) || !qn_dim_known(b) || *a == b, err, SHAPE, "%s is %lld in one input, %lld in another",
             what, (long long)*a, (long long)b);
    if (!qn_dim_known(*a) && b != QN_DIM_UNKNOWN)
        *a = b;
    return QN_OK;
}

/* x has rank 3 or 4; n is the attribute that tells the number of heads, 0 when absent. */
static enum qn_status read_heads(const struct qn_shape *x, int64_t n, const char *name, struct heads *h,
                                 struct qn_err *err)
{
    if (x->rank == 4) {
        *h = (struct heads){x->dims[0], x->dims[1], x->dims[2], x->dims[3]};
        QN_CHECK(n == 0 || !qn_dim_known(h->heads) || h->heads == n, err, SHAPE,
                 "%s has %lld heads, the attribute says %lld", name, (long long)h->heads, (long long)n);
        return QN_OK;
    }
    QN_CHECK(n > 0, err, SHAPE, "inputs of rank 3 need q_num_heads and kv_num_heads");
    *h = (struct heads){x->dims[0], n, x->dims[1], QN_DIM_UNKNOWN};
    if (qn_dim_known(x->dims[2])) {
        QN_CHECK(x->dims[2] % n == 0, err, SHAPE, "the last dimension of %s, %lld, is not a multiple of %lld heads",
                 name, (long long)x->dims[2], (long long)n);
        h->size = x->dims[2] / n;
    }
    return QN_OK;
}

/* One of the past states: [batch, kv_heads, past_len, size]. */
static enum qn_status read_past(const struct qn_shape *x, struct sizes *s, int64_t *size, struct qn_err *err)
{
    if (x->rank < 0)
        return QN_OK;
    QN_CHECK(x->rank == 4, err, SHAPE, "a past state must have rank 4, not %d", x->rank);
    QN_TRY(agree(&s->batch, x->dims[0], "the batch size", err));
    QN_TRY(agree(&s->kv_heads, x->dims[1], "the number of key and value heads", err));
    QN_TRY(agree(&s->past_len, x->dims[2], "the length of the past", err));
    return agree(size, x->dims[3], "the size of a head", err);
}

static enum qn_status read_mask(const struct qn_shape *x, const struct attention *p, const struct sizes *s,
                                struct qn_err *err)
{
    const int64_t full[] = {s->batch, s->q_heads, s->q_len, s->total_len};
    char text[QN_SHAPE_TEXT];

    QN_CHECK(x->rank != 0 && x->rank <= 4, err, SHAPE, "the mask must have rank 1 to 4, not %d", x->rank);
    for (int d = 0; d < x->rank; d++) {
        int64_t n = x->dims[d], want = full[4 - x->rank + d];
        bool last = d == x->rank - 1;

        QN_CHECK(!qn_dim_known(n) || !qn_dim_known(want) || n == want || n == 1 || (last && p->pads_mask && n < want),
                 err, SHAPE, "the mask %s does not broadcast to %lld in dimension %d", qn_shape_text(x, text),
                 (long long)want, d);
    }
    return QN_OK;
}

/* Sizes from shapes (NULL: left out), unknown where dims are; Q, K and V have known ranks. */
static enum qn_status read_sizes(const struct qn_shape *const x[N_IN], const struct attention *p, struct sizes *s,
                                 struct qn_err *err)
{
    struct heads q, k, v;

    QN_CHECK(x[Q]->rank == 3 || x[Q]->rank == 4, err, SHAPE, "Q must have rank 3 or 4, not %d", x[Q]->rank);
    QN_CHECK(x[K]->rank == x[Q]->rank && x[V]->rank == x[Q]->rank, err, SHAPE,
             "Q, K and V must have one rank, not %d, %d and %d", x[Q]->rank, x[K]->rank, x[V]->rank);
    QN_TRY(read_heads(x[Q], p->q_num_heads, "Q", &q, err));
    QN_TRY(read_heads(x[K], p->kv_num_heads, "K", &k, err));
    QN_TRY(read_heads(x[V], p->kv_num_heads, "V", &v, err));
    *s = (struct sizes){q.batch, q.heads, k.heads, q.len, k.len, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, q.size, v.size};
    QN_TRY(agree(&s->batch, k.batch, "the batch size", err));
    QN_TRY(agree(&s->batch, v.batch, "the batch size", err));
    QN_TRY(agree(&s->kv_heads, v.heads, "the number of key and value heads", err));
    QN_TRY(agree(&s->kv_len, v.len, "the length of keys and values", err));
    QN_TRY(agree(&s->size, k.size, "the size of a head", err));
    QN_CHECK(!x[PAST_K] == !x[PAST_V], err, SHAPE, "past_key and past_value go together");
    if (x[PAST_K]) {
        QN_TRY(read_past(x[PAST_K], s, &s->size, err));
        QN_TRY(read_past(x[PAST_V], s, &s->v_size, err));
        if (qn_dim_known(s->kv_len) && qn_dim_known(s->past_len))
            QN_CHECK(qn_add64(s->kv_len, s->past_len, &s->total_len), err, LIMIT, "too many keys");
    } else {
        s->past_len = 0;
        s->total_len = s->kv_len;
    }
    if (qn_dim_known(s->q_heads) && qn_dim_known(s->kv_heads))
        QN_CHECK(s->kv_heads ? s->q_heads % s->kv_heads == 0 : s->q_heads == 0, err, SHAPE,
                 "%lld query heads cannot share %lld key and value heads", (long long)s->q_heads,
                 (long long)s->kv_heads);
    if (x[MASK])
        QN_TRY(read_mask(x[MASK], p, s, err));
    if (x[NONPAD] && x[NONPAD]->rank >= 0) {
        QN_CHECK(x[NONPAD]->rank == 1, err, SHAPE, "nonpad_kv_seqlen must have rank 1, not %d", x[NONPAD]->rank);
        QN_TRY(agree(&s->batch, x[NONPAD]->dims[0], "the batch size", err));
    }
    return QN_OK;
}

static int64_t product(int64_t a, int64_t b)
{
    int64_t n;

    return qn_dim_known(a) && qn_dim_known(b) && qn_mul64(a, b, &n) ? n : QN_DIM_UNKNOWN;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x[N_IN] = {NULL};
    struct qn_shape y = QN_SHAPE_UNKNOWN, key = y, value = y, scores = y;
    struct sizes s;

    for (int i = 0; i < N_IN; i++)
        x[i] = qn_infer_in(in, i) ? &qn_infer_in(in, i)->shape : NULL;
    if (x[Q]->rank >= 0 && x[K]->rank >= 0 && x[V]->rank >= 0) {
        QN_TRY(read_sizes(x, params, &s, in->err));
        y = x[Q]->rank == 4 ? qn_shape_make(4, (int64_t[]){s.batch, s.q_heads, s.q_len, s.v_size})
                            : qn_shape_make(3, (int64_t[]){s.batch, s.q_len, product(s.q_heads, s.v_size)});
        key = qn_shape_make(4, (int64_t[]){s.batch, s.kv_heads, s.total_len, s.size});
        value = qn_shape_make(4, (int64_t[]){s.batch, s.kv_heads, s.total_len, s.v_size});
        scores = qn_shape_make(4, (int64_t[]){s.batch, s.q_heads, s.q_len, s.total_len});
    }
    QN_TRY(qn_infer_out(in, Y, qn_infer_in(in, Q)->dtype, &y));
    QN_TRY(qn_infer_out(in, PRESENT_K, qn_infer_in(in, K)->dtype, &key));
    QN_TRY(qn_infer_out(in, PRESENT_V, qn_infer_in(in, V)->dtype, &value));
    return qn_infer_out(in, SCORES, qn_infer_in(in, Q)->dtype, &scores);
}

/* ---- What both kernels share ---------------------------------------------------------------------------------- */

/* Where the rows of an operand lie, in elements. */
struct view {
    const struct qn_tensor *x; /* NULL: there is none */
    int64_t batch, head, row;
};

struct job {
    const struct attention *p;
    struct sizes s;
    struct view q, k, v, past_k, past_v, y, scores;
    float scale;
    const struct qn_tensor *mask; /* NULL: none */
    int64_t mask_len;             /* elements of a row of the mask; total_len when there is none */
    int64_t mask_step[3];         /* of batch, head and row, in elements; 0 where it broadcasts */
    bool mask_spreads;            /* one element serves a whole row */
    const int64_t *nonpad;        /* NULL: none */
    int64_t block;                /* float32: rows of a block */
    bool stacked;                 /* float32: they are the heads of a group, for one query each */
    char *workspace;              /* a slot for each part */
    size_t slot_bytes;
};

static struct view view_of(const struct qn_tensor *x, int64_t n_heads, int64_t size)
{
    if (!x)
        return (struct view){NULL, 0, 0, 0};
    if (x->rank == 4)
        return (struct view){x, n_heads * x->dims[2] * size, x->dims[2] * size, size};
    return (struct view){x, x->dims[1] * n_heads * size, size, n_heads * size};
}

static int64_t place_of(const struct view *view, int64_t b, int64_t head, int64_t row)
{
    return b * view->batch + head * view->head + row * view->row;
}

static void take_mask(struct job *job, const struct qn_tensor *mask)
{
    int64_t step = 1;

    job->mask = mask;
    job->mask_len = job->s.total_len;
    if (!mask)
        return;
    job->mask_len = mask->dims[mask->rank - 1];
    job->mask_spreads = job->mask_len == 1 && !job->p->pads_mask;
    for (int d = mask->rank - 1, axis = 3; d >= 0; d--, axis--) {
        if (axis < 3)
            job->mask_step[axis] = mask->dims[d] == 1 ? 0 : step;
        step *= mask->dims[d];
    }
}

static struct job job_of(const struct qn_call *call)
{
    struct qn_shape shapes[N_IN];
    const struct qn_shape *x[N_IN] = {NULL};
    struct job job = {.p = call->params};
    struct sizes *s = &job.s;

    for (int i = 0; i < N_IN; i++) {
        if (!qn_in(call, i))
            continue;
        shapes[i] = qn_tensor_shape(qn_in(call, i));
        x[i] = &shapes[i];
    }
    read_sizes(x, job.p, s, NULL); /* as inference did, which found no fault */
    job.q = view_of(qn_in(call, Q), s->q_heads, s->size);
    job.k = view_of(qn_in(call, K), s->kv_heads, s->size);
    job.v = view_of(qn_in(call, V), s->kv_heads, s->v_size);
    job.past_k = view_of(qn_in(call, PAST_K), s->kv_heads, s->size);
    job.past_v = view_of(qn_in(call, PAST_V), s->kv_heads, s->v_size);
    job.y = view_of(qn_out(call, Y), s->q_heads, s->v_size);
    job.scores = view_of(qn_out(call, SCORES), s->q_heads, s->total_len);
    job.scale = isnan(job.p->scale) ? (float)(1 / sqrt((double)s->size)) : job.p->scale;
    take_mask(&job, qn_in(call, MASK));
    job.nonpad = qn_in(call, NONPAD) ? qn_in(call, NONPAD)->data : NULL;
    job.workspace = call->workspace;
    return job;
}

static enum qn_status check_nonpad(const struct job *job, struct qn_err *err)
{
    for (int64_t b = 0; job->nonpad && b < job->s.batch; b++)
        QN_CHECK(job->nonpad[b] >= 0 && job->nonpad[b] <= job->s.total_len, err, RANGE,
                 "nonpad_kv_seqlen %lld is outside 0..%lld", (long long)job->nonpad[b], (long long)job->s.total_len);
    return QN_OK;
}

/* How many keys row i can see as far as shapes tell. */
static int64_t width_of(const struct attention *p, const struct sizes *s, int64_t mask_len, bool mask_spreads,
                        int64_t i)
{
    int64_t n = s->total_len;

    if (!mask_spreads && mask_len < n)
        n = mask_len;
    if (p->is_causal && i + 1 < n - s->past_len)
        n = s->past_len + i + 1;
    return n;
}

static int64_t visible(const struct job *job, int64_t b, int64_t i)
{
    int64_t n = width_of(job->p, &job->s, job->mask_len, job->mask_spreads, i);

    return job->nonpad && job->nonpad[b] < n ? job->nonpad[b] : n;
}

static int64_t mask_place(const struct job *job, int64_t b, int64_t head, int64_t i)
{
    return b * job->mask_step[0] + head * job->mask_step[1] + i * job->mask_step[2];
}

/* What the mask adds to a score: element `at` of it. */
static double mask_value(const struct qn_tensor *mask, int64_t at)
{
    if (mask->dtype == QN_BOOL)
        return ((const bool *)mask->data)[at] ? 0 : -INFINITY;
    return qn_tensor_double(mask, at);
}

/* present = past, then x. */
static void write_present(const struct qn_call *call, int out, const struct view *past, const struct view *x,
                          int64_t n_heads, int64_t size)
{
    struct qn_tensor *y = qn_out(call, out);
    int64_t past_len = past->x ? past->x->dims[2] : 0;

    if (!y)
        return;
    for (int i = 0; i < 2; i++) {
        const struct view *from = i ? x : past;
        const struct view to = view_of(y, n_heads, size);
        struct qn_move move = {.rank = 0};
        size_t bytes = qn_dtype_bytes(y->dtype);

        if (!from->x)
            continue;
        qn_move_axis(&move, y->dims[0], from->batch, to.batch);
        qn_move_axis(&move, n_heads, from->head, to.head);
        qn_move_axis(&move, i ? y->dims[2] - past_len : past_len, from->row, to.row);
        qn_move_axis(&move, size, 1, 1);
        qn_move_run(&move, bytes, from->x->data, (char *)y->data + (size_t)(i ? past_len * size : 0) * bytes,
                    call->pool);
    }
}

static void write_presents(const struct qn_call *call, const struct job *job)
{
    write_present(call, PRESENT_K, &job->past_k, &job->k, job->s.kv_heads, job->s.size);
    write_present(call, PRESENT_V, &job->past_v, &job->v, job->s.kv_heads, job->s.v_size);
}

static int64_t group_of(const struct sizes *s, int64_t head) { return head / (s->q_heads / s->kv_heads); }

/* ---- Reference: one row in double ----------------------------------------------------------------------------- */

/* Element `at` of row j of past and new rows together. */
static double row_element(const struct view *past, const struct view *x, int64_t past_len, int64_t b, int64_t head,
                          int64_t j, int64_t at)
{
    if (j < past_len)
        return qn_tensor_double(past->x, place_of(past, b, head, j) + at);
    return qn_tensor_double(x->x, place_of(x, b, head, j - past_len) + at);
}

static void show(const struct job *job, int mode, int64_t b, int64_t head, int64_t i, const double *row)
{
    if (!job->scores.x || job->p->qk_matmul_output_mode != mode)
        return;
    for (int64_t j = 0; j < job->s.total_len; j++)
        qn_tensor_set_double((struct qn_tensor *)job->scores.x, place_of(&job->scores, b, head, i) + j, row[j]);
}

static void softmax(double *row, int64_t n)
{
    double max = -INFINITY, sum = 0;

    for (int64_t j = 0; j < n; j++)
        max = row[j] > max || isnan(row[j]) ? row[j] : max;
    for (int64_t j = 0; j < n; j++) {
        row[j] = max == -INFINITY ? 0 : exp(row[j] - max);
        sum += row[j];
    }
    for (int64_t j = 0; j < n; j++)
        row[j] = max == -INFINITY ? 0 : row[j] / sum;
}

static void weigh(const struct job *job, int64_t b, int64_t head, int64_t i, double *row)
{
    const struct sizes *s = &job->s;
    const int64_t kv_head = group_of(s, head), n = visible(job, b, i);
    const double cap = job->p->softcap;

    for (int64_t j = 0; j < s->total_len; j++) {
        double sum = 0;

        for (int64_t e = 0; e < s->size; e++)
            sum += qn_tensor_double(job->q.x, place_of(&job->q, b, head, i) + e) *
                   row_element(&job->past_k, &job->k, s->past_len, b, kv_head, j, e);
        row[j] = sum * (double)job->scale;
    }
    show(job, RAW, b, head, i, row);
    for (int64_t j = 0; cap > 0 && j < s->total_len; j++)
        row[j] = tanh(row[j] / cap) * cap;
    show(job, CAPPED, b, head, i, row);
    for (int64_t j = 0; j < n && job->mask; j++)
        row[j] += mask_value(job->mask, mask_place(job, b, head, i) + (job->mask_spreads ? 0 : j));
    for (int64_t j = n; j < s->total_len; j++)
        row[j] = -INFINITY;
    show(job, MASKED, b, head, i, row);
    softmax(row, s->total_len);
    show(job, WEIGHTS, b, head, i, row);
}

static enum qn_status attention_ref(const struct qn_call *call)
{
    const struct job job = job_of(call);
    const struct sizes *s = &job.s;
    double *row = call->workspace;

    QN_TRY(check_nonpad(&job, call->err));
    for (int64_t at = 0; at < s->batch * s->q_heads * s->q_len; at++) {
        int64_t i = at % s->q_len, head = at / s->q_len % s->q_heads, b = at / s->q_len / s->q_heads;
        int64_t n = visible(&job, b, i);

        weigh(&job, b, head, i, row);
        for (int64_t e = 0; e < s->v_size; e++) {
            double sum = 0;

            for (int64_t j = 0; j < n; j++)
                sum += row[j] * row_element(&job.past_v, &job.v, s->past_len, b, group_of(s, head), j, e);
            qn_tensor_set_double(qn_out(call, Y), place_of(&job.y, b, head, i) + e, sum);
        }
    }
    write_presents(call, &job);
    return QN_OK;
}

static struct sizes sizes_of_site(const struct qn_site *site)
{
    const struct qn_shape *x[N_IN] = {NULL};
    struct sizes s;

    for (int i = 0; i < N_IN && i < site->n_in; i++)
        x[i] = site->in[i] ? &site->in[i]->shape : NULL;
    read_sizes(x, site->params, &s, NULL);
    return s;
}

static size_t ref_workspace(const struct qn_site *site)
{
    size_t bytes;

    return qn_mul((size_t)sizes_of_site(site).total_len, sizeof(double), &bytes) ? bytes : SIZE_MAX;
}

/* ---- float32: blocks of rows ---------------------------------------------------------------------------------- */

/* The most rows of a block: enough to repay the packing of K and V, few enough for scores to stay in cache. */
enum { BLOCK = 64 };

static const char *accept_f32(const struct qn_site *site)
{
    return site->in[Q]->dtype == QN_FLOAT && site->in[V]->dtype == QN_FLOAT ? NULL : "not float32";
}

/* Decides what a block is. With one query per head, the heads of a group are worked on together, so that their K and V
 * are read once. */
static void cut_blocks(struct job *job)
{
    const struct sizes *s = &job->s;
    const int64_t group = s->kv_heads > 0 ? s->q_heads / s->kv_heads : 0;

    job->stacked = s->q_len == 1 && group > 1 && group <= BLOCK;
    job->block = job->stacked ? group : s->q_len < BLOCK ? s->q_len : BLOCK;
}

static int64_t row_step(const struct job *job, const struct view *view)
{
    return job->stacked ? view->head : view->row;
}

static size_t scores_bytes(const struct job *job)
{
    return qn_round_up((size_t)(job->block * job->s.total_len) * sizeof(float), 64);
}

/* scores [rows][0..n) = scale * Q K^T; only sizes and strides when views have no tensor. */
static struct qn_gemm score_product(const struct job *job, int64_t rows, int64_t n, const struct view *k)
{
    return (struct qn_gemm){.m = rows,
                            .n = n,
                            .k = job->s.size,
                            .lda = row_step(job, &job->q),
                            .ldb = k->row,
                            .b_trans = true,
                            .ldc = job->s.total_len,
                            .alpha = job->scale};
}

/* y [rows][v_size] = weights [rows][0..n) V */
static struct qn_gemm value_product(const struct job *job, int64_t rows, int64_t n, const struct view *v)
{
    return (struct qn_gemm){.m = rows,
                            .n = job->s.v_size,
                            .k = n,
                            .lda = job->s.total_len,
                            .ldb = v->row,
                            .ldc = row_step(job, &job->y),
                            .alpha = 1};
}

static void mask_row(const struct job *job, float *row, int64_t n, int64_t at)
{
    const struct qn_tensor *mask = job->mask;

    if (job->mask_spreads) {
        qn_kern()->vs[QN_ADD](row, row, (float)mask_value(mask, at), (size_t)n);
    } else if (mask->dtype == QN_FLOAT) {
        qn_kern()->vv[QN_ADD](row, row, (const float *)mask->data + at, (size_t)n);
    } else if (mask->dtype == QN_BOOL) {
        for (int64_t j = 0; j < n; j++)
            row[j] = ((const bool *)mask->data)[at + j] ? row[j] : -INFINITY;
    } else {
        for (int64_t j = 0; j < n; j++)
            row[j] += (float)mask_value(mask, at + j);
    }
}

static void show_f32(const struct job *job, int mode, float *to, const float *row)
{
    if (to && job->p->qk_matmul_output_mode == mode)
        memcpy(to, row, (size_t)job->s.total_len * sizeof(*row));
}

/* Scores of a row become weights; `width` of them are there, but all when they are an output. */
static void weigh_f32(const struct job *job, int64_t b, int64_t head, int64_t i, float *row, int64_t width)
{
    const struct qn_kern *kern = qn_kern();
    const int64_t n = visible(job, b, i);
    const float cap = job->p->softcap;
    float *to = job->scores.x ? (float *)job->scores.x->data + place_of(&job->scores, b, head, i) : NULL;

    show_f32(job, RAW, to, row);
    if (cap > 0) {
        kern->vs[QN_DIV](row, row, cap, (size_t)width);
        kern->tanh(row, row, (size_t)width);
        kern->vs[QN_MUL](row, row, cap, (size_t)width);
    }
    show_f32(job, CAPPED, to, row);
    if (job->mask && n > 0)
        mask_row(job, row, n, mask_place(job, b, head, i));
    for (int64_t j = n; j < width; j++)
        row[j] = -INFINITY;
    show_f32(job, MASKED, to, row);
    if (job->mask && kern->max(row, (size_t)n) == -INFINITY)
        memset(row, 0, (size_t)width * sizeof(*row));
    else
        kern->softmax(row, row, NULL, 1, (size_t)n);
    for (int64_t j = n; j < width; j++)
        row[j] = 0;
    show_f32(job, WEIGHTS, to, row);
}

/* The width without padding keys, when the products of that width fit into the workspace. */
static int64_t padless(const struct job *job, int64_t b, int64_t rows, int64_t width)
{
    const int64_t n = job->nonpad && job->nonpad[b] < width ? job->nonpad[b] : width;
    const struct qn_gemm score = score_product(job, rows, n, &job->k), value = value_product(job, rows, n, &job->v);
    size_t one, other;

    if (n == width || n == 0 || job->s.past_len > 0)
        return width;
    if (!qn_gemm_bytes(&score, 1, &one) || !qn_gemm_bytes(&value, 1, &other))
        return width;
    return (one > other ? one : other) <= job->slot_bytes - scores_bytes(job) ? n : width;
}

/* Rows [i, i + rows) of one head; stacked, row i of heads [head, head + rows). */
static void run_block(const struct job *job, int64_t b, int64_t head, int64_t i, int64_t rows, char *slot)
{
    const struct sizes *s = &job->s;
    const int64_t kv = group_of(s, head);
    int64_t width = width_of(job->p, s, job->mask_len, job->mask_spreads, job->stacked ? i : i + rows - 1);
    const int64_t ld = s->total_len, place = place_of(&job->y, b, head, i);
    float *scores = (float *)slot, *y = (float *)job->y.x->data + place;
    const struct qn_work work = {slot + scores_bytes(job), 1, NULL};
    bool began = false;

    width = job->scores.x ? s->total_len : padless(job, b, rows, width);
    for (int part = 0; part < 2; part++) {
        const struct view *k = part ? &job->k : &job->past_k;
        int64_t from = part ? s->past_len : 0, to = part || width < s->past_len ? width : s->past_len;
        struct qn_gemm g = score_product(job, rows, to - from, k);

        if (to <= from)
            continue;
        g.a = (const float *)job->q.x->data + place_of(&job->q, b, head, i);
        g.b = (const float *)k->x->data + place_of(k, b, kv, 0);
        g.c = scores + from;
        qn_gemm(&g, &work);
    }
    for (int64_t r = 0; r < rows; r++)
        weigh_f32(job, b, job->stacked ? head + r : head, job->stacked ? i : i + r, scores + r * ld, width);
    for (int part = 0; part < 2; part++) {
        const struct view *v = part ? &job->v : &job->past_v;
        int64_t from = part ? s->past_len : 0, to = part || width < s->past_len ? width : s->past_len;
        struct qn_gemm g = value_product(job, rows, to - from, v);

        if (to <= from)
            continue;
        g.a = scores + from;
        g.b = (const float *)v->x->data + place_of(v, b, kv, 0);
        g.c = y;
        g.residual = began ? y : NULL;
        g.ld_residual = g.ldc;
        qn_gemm(&g, &work);
        began = true;
    }
    for (int64_t r = 0; !began && r < rows; r++)
        memset(y + r * row_step(job, &job->y), 0, (size_t)s->v_size * sizeof(*y));
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    const struct sizes *s = &job->s;
    const int64_t block = job->block, n_blocks = job->stacked ? 1 : (s->q_len + block - 1) / block;
    const int64_t n_heads = job->stacked ? s->kv_heads : s->q_heads;
    int64_t begin, end;

    qn_pool_slice(s->batch * n_heads * n_blocks, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        int64_t i = at % n_blocks * block, head = at / n_blocks % n_heads, b = at / n_blocks / n_heads;
        int64_t rows = job->stacked || s->q_len - i > block ? block : s->q_len - i;

        run_block(job, b, job->stacked ? head * block : head, i, rows, job->workspace + (size_t)part * job->slot_bytes);
    }
}

/* Bytes of a part's workspace: a block of scores, and what the largest product wants; SIZE_MAX on overflow. */
static size_t slot_bytes(const struct job *job)
{
    const struct sizes *s = &job->s;
    size_t bytes, most = 0;

    if (!qn_mul((size_t)job->block * sizeof(float), (size_t)s->total_len, &bytes) || bytes > SIZE_MAX / 4)
        return SIZE_MAX;
    for (int64_t i = 0; i < s->q_len; i += job->stacked ? 1 : job->block) {
        int64_t rows = job->stacked || s->q_len - i > job->block ? job->block : s->q_len - i;
        int64_t last = job->stacked ? i : i + rows - 1;
        int64_t widths[2] = {s->total_len, width_of(job->p, s, job->mask_len, job->mask_spreads, last)};

        for (int w = 0; w < 4; w++) {
            int64_t past = widths[w / 2] < s->past_len ? widths[w / 2] : s->past_len;
            int64_t n = w % 2 ? widths[w / 2] - past : past;
            struct qn_gemm g[2] = {score_product(job, rows, n, w % 2 ? &job->k : &job->past_k),
                                   value_product(job, rows, n, w % 2 ? &job->v : &job->past_v)};

            for (int k = 0; k < 2; k++) {
                size_t wanted;

                if (n <= 0)
                    continue;
                if (!qn_gemm_bytes(&g[k], 1, &wanted) || wanted > SIZE_MAX / 4)
                    return SIZE_MAX;
                most = wanted > most ? wanted : most;
            }
        }
        if (!job->p->is_causal && i == 0 && s->q_len > BLOCK)
            i = (s->q_len - 1) / BLOCK * BLOCK - BLOCK; /* the blocks between are alike */
    }
    return scores_bytes(job) + qn_round_up(most, 64);
}

/* A tensor of which only the shape is known. */
static const struct qn_tensor *shape_only(const struct qn_fact *fact, struct qn_tensor *tensor)
{
    if (!fact)
        return NULL;
    *tensor = (struct qn_tensor){.dtype = fact->dtype, .rank = fact->shape.rank};
    memcpy(tensor->dims, fact->shape.dims, sizeof(tensor->dims));
    return tensor;
}

static size_t f32_workspace(const struct qn_site *site)
{
    struct qn_tensor tensors[N_IN + 1];
    const struct qn_tensor *x[N_IN] = {NULL};
    struct job job = {.p = site->params, .s = sizes_of_site(site)};
    const struct sizes *s = &job.s;
    size_t bytes;

    for (int i = 0; i < N_IN && i < site->n_in; i++)
        x[i] = shape_only(site->in[i], &tensors[i]);
    job.q = view_of(x[Q], s->q_heads, s->size);
    job.k = view_of(x[K], s->kv_heads, s->size);
    job.v = view_of(x[V], s->kv_heads, s->v_size);
    job.past_k = view_of(x[PAST_K], s->kv_heads, s->size);
    job.past_v = view_of(x[PAST_V], s->kv_heads, s->v_size);
    job.y = view_of(shape_only(site->out[Y], &tensors[N_IN]), s->q_heads, s->v_size);
    take_mask(&job, x[MASK]);
    cut_blocks(&job);
    bytes = slot_bytes(&job);
    return bytes != SIZE_MAX && qn_mul(bytes, (size_t)site->threads, &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status attention_f32(const struct qn_call *call)
{
    struct job job = job_of(call);
    const struct sizes *s = &job.s;
    const double work = (double)s->batch * (double)s->q_heads * (double)s->q_len * (double)s->total_len;
    int n_parts = qn_pool_threads(call->pool);

    QN_TRY(check_nonpad(&job, call->err));
    cut_blocks(&job);
    job.slot_bytes = slot_bytes(&job);
    n_parts = n_parts < call->threads ? n_parts : call->threads;
    if (work * (double)(s->size + s->v_size) < 32768)
        n_parts = 1;
    if (qn_out(call, Y) && s->q_heads > 0 && s->q_len > 0)
        qn_pool_run(call->pool, n_parts, run_part, &job);
    write_presents(call, &job);
    return QN_OK;
}

static double flops(const struct qn_site *site)
{
    struct sizes s = sizes_of_site(site);

    return 2.0 * (double)s.batch * (double)s.q_heads * (double)s.q_len * (double)s.total_len *
           (double)(s.size + s.v_size);
}

static const struct qn_kernel kernels[] = {
    {.name = "attention_f32", .accept = accept_f32, .workspace = f32_workspace, .run = attention_f32},
    {.name = "attention_ref", .accept = qn_accept_not_narrow, .workspace = ref_workspace, .run = attention_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs[] = {
    QN_INT_ATTR_RANGE(attention, qk_matmul_output_mode, 0, 0, 3),
    QN_INT_ATTR_RANGE(attention, kv_num_heads, 0, 0, INT32_MAX),
    QN_INT_ATTR_RANGE(attention, q_num_heads, 0, 0, INT32_MAX),
    QN_DTYPE_ATTR(attention, softmax_precision, 0),
    QN_FLOAT_ATTR(attention, softcap, 0),
    QN_FLOAT_ATTR(attention, scale, NAN),
    QN_BOOL_ATTR(attention, is_causal, 0),
    {.name = NULL},
};

#define OUTPUTS                                                                                                        \
    QN_FORMALS(QN_OUT("Y", '1', QN_FLOATS), QN_OPT("present_key", '1', QN_FLOATS),                                     \
               QN_OPT("present_value", '2', QN_FLOATS), QN_OPT("qk_matmul_output", '1', QN_FLOATS))
#define ROW(first, last, pads, ...)                                                                                    \
    {                                                                                                                  \
        .name = "Attention", .domain = "", .since = (first), .until = (last),                                          \
        .in = QN_FORMALS(QN_IN("Q", '1', QN_FLOATS), QN_IN("K", '1', QN_FLOATS), QN_IN("V", '2', QN_FLOATS),           \
                         QN_OPT("attn_mask", 'U', QN_NUMBERS | QN_BIT(BOOL)), QN_OPT("past_key", '1', QN_FLOATS),      \
                         QN_OPT("past_value", '2', QN_FLOATS), __VA_ARGS__),                                           \
        .out = OUTPUTS, .attrs = attrs, QN_PRESET(attention, .pads_mask = (pads)), .infer = infer, .kernels = kernels, \
        .tolerance = QN_ROUNDING, .flops = flops                                                                       \
    }

const struct qn_op qn_ops_attention[] = {
    ROW(23, 23, false, {NULL, 0, 0, 0}),
    ROW(24, 27, true, QN_OPT("nonpad_kv_seqlen", 'N', QN_BIT(INT64))),
    {.name = NULL},
};
