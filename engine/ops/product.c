/* product.c: shapes, batches and plain loops of matrix products; see product.h. */
#include "ops/product.h"

#include "base/checked.h"

enum { ALIGN = 64 };

/* ---- Shapes --------------------------------------------------------------------------------------------------- */

/* The batch axes of an operand: all but its last two. */
static struct qn_shape batch_of(const struct qn_shape *shape)
{
    return qn_shape_make(shape->rank > 2 ? shape->rank - 2 : 0, shape->dims);
}

static enum qn_status check_inner(const struct qn_shape *a, const struct qn_shape *b, struct qn_err *err)
{
    char a_text[QN_SHAPE_TEXT], b_text[QN_SHAPE_TEXT];
    int64_t a_inner, b_inner;

    QN_CHECK(a->rank != 0 && b->rank != 0, err, SHAPE, "a scalar cannot be multiplied as a matrix");
    if (a->rank < 0 || b->rank < 0)
        return QN_OK;
    a_inner = a->dims[a->rank - 1];
    b_inner = b->dims[b->rank == 1 ? 0 : b->rank - 2];
    QN_CHECK(a_inner == b_inner || !qn_dim_known(a_inner) || !qn_dim_known(b_inner), err, SHAPE,
             "%s and %s cannot be multiplied: the inner sizes are %lld and %lld", qn_shape_text(a, a_text),
             qn_shape_text(b, b_text), (long long)a_inner, (long long)b_inner);
    return QN_OK;
}

enum qn_status qn_product_shape(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *y,
                                struct qn_err *err)
{
    struct qn_shape a_batch, b_batch;
    char a_text[QN_SHAPE_TEXT], b_text[QN_SHAPE_TEXT];

    *y = QN_SHAPE_UNKNOWN;
    QN_TRY(check_inner(a, b, err));
    if (a->rank < 0 || b->rank < 0)
        return QN_OK;
    a_batch = batch_of(a);
    b_batch = batch_of(b);
    QN_CHECK(qn_shape_broadcast(&a_batch, &b_batch, y), err, SHAPE, "batches of %s and %s do not broadcast",
             qn_shape_text(a, a_text), qn_shape_text(b, b_text));
    if (a->rank > 1)
        y->dims[y->rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        y->dims[y->rank++] = b->dims[b->rank - 1];
    return QN_OK;
}

/* Steps of an operand along the batch axes of the result. */
static void batch_steps(const struct qn_product *p, const struct qn_shape *batch, int64_t *step)
{
    int64_t dense = 1;

    for (int i = 1; i <= p->rank; i++) {
        int64_t dim = i <= batch->rank ? batch->dims[batch->rank - i] : 1;

        step[p->rank - i] = dim == 1 ? 0 : dense;
        dense *= dim;
    }
}

void qn_product_init(struct qn_product *p, const struct qn_shape *a, const struct qn_shape *b)
{
    struct qn_shape a_batch = batch_of(a), b_batch = batch_of(b), batch = QN_SHAPE_SCALAR;

    qn_shape_broadcast(&a_batch, &b_batch, &batch);
    *p = (struct qn_product){.m = a->rank > 1 ? a->dims[a->rank - 2] : 1,
                             .n = b->rank > 1 ? b->dims[b->rank - 1] : 1,
                             .k = a->dims[a->rank - 1],
                             .batch = 1,
                             .rank = batch.rank};
    for (int i = 0; i < batch.rank; i++) {
        p->dims[i] = batch.dims[i];
        p->batch *= batch.dims[i];
    }
    batch_steps(p, &a_batch, p->a_step);
    batch_steps(p, &b_batch, p->b_step);
}

void qn_product_flatten(struct qn_product *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->b_step[i] != 0 || (p->a_step[i] == 0 && p->dims[i] != 1))
            return;
    p->m *= p->batch;
    p->batch = 1;
    p->rank = 0;
}

void qn_product_at(const struct qn_product *p, int64_t i, int64_t *a, int64_t *b)
{
    *a = *b = 0;
    for (int axis = p->rank - 1; axis >= 0; axis--) {
        int64_t index = i % p->dims[axis];

        i /= p->dims[axis];
        *a += index * p->a_step[axis];
        *b += index * p->b_step[axis];
    }
}

/* ---- Plain loops ---------------------------------------------------------------------------------------------- */

#define PLAIN(name, type, wide)                                                                                        \
    static void plain_##name(const struct qn_plain_product *p)                                                         \
    {                                                                                                                  \
        const type *a = p->a, *b = p->b;                                                                               \
        const int64_t a_row = p->a_trans ? 1 : p->k, a_step = p->a_trans ? p->m : 1;                                   \
        const int64_t b_step = p->b_trans ? 1 : p->n, b_col = p->b_trans ? p->k : 1;                                   \
        type *c = p->c;                                                                                                \
                                                                                                                       \
        for (int64_t i = 0; i < p->m; i++)                                                                             \
            for (int64_t j = 0; j < p->n; j++) {                                                                       \
                wide sum = 0;                                                                                          \
                                                                                                                       \
                for (int64_t x = 0; x < p->k; x++)                                                                     \
                    sum += (wide)a[i * a_row + x * a_step] * (wide)b[x * b_step + j * b_col];                          \
                c[i * p->n + j] = (type)sum;                                                                           \
            }                                                                                                          \
    }
PLAIN(f32, float, double)
PLAIN(f64, double, double)
/* Unsigned arithmetic gives the bits of signed types too, and may wrap. */
PLAIN(u8, uint8_t, uint32_t)
PLAIN(u16, uint16_t, uint32_t)
PLAIN(u32, uint32_t, uint32_t)
PLAIN(u64, uint64_t, uint64_t)

void qn_product_plain(enum qn_dtype dtype, const struct qn_plain_product *p)
{
    static void (*const plain[QN_N_DTYPE])(const struct qn_plain_product *) = {
        [QN_FLOAT] = plain_f32,  [QN_DOUBLE] = plain_f64, [QN_UINT8] = plain_u8,   [QN_INT8] = plain_u8,
        [QN_UINT16] = plain_u16, [QN_INT16] = plain_u16,  [QN_UINT32] = plain_u32, [QN_INT32] = plain_u32,
        [QN_UINT64] = plain_u64, [QN_INT64] = plain_u64,
    };

    plain[dtype](p);
}

/* ---- Batches through the kernels ------------------------------------------------------------------------------ */

const char *qn_product_f64(const struct qn_site *site)
{
    return site->in[0]->dtype == QN_DOUBLE ? NULL : "not float64";
}

static const char *accept_packed(const struct qn_site *site, const char *reason)
{
    return reason ? reason : site->in[1]->konst ? NULL : "B is not constant";
}

const char *qn_product_packed_f32(const struct qn_site *site) { return accept_packed(site, qn_accept_f32(site)); }
const char *qn_product_packed_f64(const struct qn_site *site) { return accept_packed(site, qn_product_f64(site)); }

/* From so many products per thread on, a thread takes whole products. */
static bool shares_batch(const struct qn_product *p, int n_threads) { return p->batch >= 2 * n_threads; }

bool qn_product_bytes(const struct qn_product *p, const struct qn_gemm *g, int n_threads, size_t *n_bytes)
{
    size_t one;

    if (!qn_gemm_bytes(g, n_threads, n_bytes))
        return false;
    if (!shares_batch(p, 1))
        return true;
    /* The pool may offer fewer threads later, so either way must fit. */
    if (!qn_gemm_bytes(g, 1, &one) || !qn_add(one, ALIGN - 1, &one) ||
        !qn_mul(one / ALIGN * ALIGN, (size_t)n_threads, &one))
        return false;
    *n_bytes = one > *n_bytes ? one : *n_bytes;
    return true;
}

struct job {
    const struct qn_product *p;
    const struct qn_gemm *g;
    size_t pack_bytes, room_bytes;
    const struct qn_work *work;
};

static void run_one(const struct job *job, int64_t i, const struct qn_work *work)
{
    const struct qn_product *p = job->p;
    const int64_t elem = (int64_t)qn_gemm_elem(job->g->type);
    struct qn_gemm g = *job->g;
    int64_t a, b;

    qn_product_at(p, i, &a, &b);
    g.a = (const char *)g.a + a * p->m * p->k * elem;
    if (g.b_packed)
        g.b_packed = (const char *)g.b_packed + (size_t)b * job->pack_bytes;
    else
        g.b = (const char *)g.b + b * p->k * p->n * elem;
    g.c = (char *)g.c + i * p->m * p->n * elem;
    qn_gemm(&g, work);
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    char *room = job->work->data;
    const struct qn_work work = {room ? room + (size_t)part * job->room_bytes : NULL, 1, NULL};
    int64_t begin, end;

    qn_pool_slice(job->p->batch, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_one(job, i, &work);
}

/* Below so many multiply-adds in all, waking other threads costs more than it brings. */
static const double parallel_from = 0.75e6;

void qn_product_run(const struct qn_product *p, const struct qn_gemm *g, const struct qn_work *work)
{
    struct job job = {.p = p, .g = g, .work = work};
    int n_threads = qn_pool_threads(work->pool);
    size_t bytes;

    n_threads = n_threads < work->n_threads ? n_threads : work->n_threads;
    /* Both sizes passed qn_product_bytes() or the packing. */
    if (qn_gemm_pack_b_bytes(g->type, p->k, p->n, &bytes))
        job.pack_bytes = bytes;
    if (qn_gemm_bytes(g, 1, &bytes))
        job.room_bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if ((double)p->batch * (double)p->m * (double)p->n * (double)p->k < parallel_from)
        n_threads = 1;
    if (n_threads > 1 && shares_batch(p, n_threads)) {
        qn_pool_run(work->pool, n_threads, run_part, &job);
        return;
    }
    for (int64_t i = 0; i < p->batch; i++)
        run_one(&job, i, work);
}
