/* conv_im2col.c: convolution as a product per image and group, Y[c_out][pixels] = W[c_out][c_in * taps] X'[c_in *
 * taps][pixels], whose right side, the im2col matrix, is never stored: panels of it are built as the product needs
 * them. Where a tap is a whole image (1x1, stride 1, no padding) the right side is the input itself. Up to three axes.
 * A second form turns the product over, Y' = X'^T W^T, so that pixels are rows of tiles and channels their columns:
 * with few pixels, or a number just above a multiple of a panel, that wastes less. */
#include "base/checked.h"
#include "base/pool.h"
#include "kernels/conv_impl.h"

enum { ALIGN = 64 };

/* Products this large are worth cutting up themselves; smaller ones are run side by side. */
static const double parallel_from = 2e6;

struct sizes {
    int64_t m, n, k; /* of one group's product */
    int64_t n_in;    /* elements of an input plane */
};

static struct sizes find_sizes(const struct qn_conv *conv)
{
    return (struct sizes){conv->c_out / conv->group, qn_conv_product(conv->out, conv->rank),
                          conv->c_in / conv->group * qn_conv_product(conv->kernel, conv->rank),
                          qn_conv_product(conv->in, conv->rank)};
}

/* The gather counts in 32 bits from lane to lane, over planes with their padding. */
static bool accept(const struct qn_conv *conv)
{
    int64_t padded = 1, n_out = 1, k = conv->c_in;

    if (conv->rank < 0 || conv->rank > 3 || conv->group <= 0)
        return false;
    for (int i = 0; i < conv->rank; i++) {
        int64_t steps, reach, total;

        if (!qn_mul64(conv->out[i], conv->stride[i], &steps) || !qn_mul64(conv->kernel[i], conv->dilation[i], &reach) ||
            !qn_add64(steps, reach, &total) || !qn_mul64(padded, total > conv->in[i] ? total : conv->in[i], &padded) ||
            padded > INT32_MAX / 4 || !qn_mul64(n_out, conv->out[i], &n_out) || !qn_mul64(k, conv->kernel[i], &k))
            return false;
    }
    return true;
}

static bool pack_bytes(const struct qn_conv *conv, size_t *n_bytes, bool turned)
{
    const struct sizes s = find_sizes(conv);

    if (!(turned ? qn_gemm_pack_b_bytes(QN_GEMM_F32, s.k, s.m, n_bytes) : qn_gemm_pack_a_bytes(s.m, s.k, n_bytes)) ||
        *n_bytes > SIZE_MAX / 2)
        return false;
    *n_bytes = qn_round_up(*n_bytes, ALIGN);
    return qn_mul(*n_bytes, (size_t)conv->group, n_bytes);
}

/* Floats of one group's packed weights. */
static size_t group_floats(const struct qn_conv *conv, bool turned)
{
    size_t n_bytes = 0;

    return pack_bytes(conv, &n_bytes, turned) ? n_bytes / (size_t)conv->group / sizeof(float) : 0;
}

static void pack(const struct qn_conv *conv, const float *w, float *packed, bool turned)
{
    const struct sizes s = find_sizes(conv);
    const size_t step = group_floats(conv, turned);

    for (int64_t g = 0; g < conv->group; g++, w += s.m * s.k, packed += step) {
        if (turned)
            qn_gemm_pack_b(QN_GEMM_F32, s.k, s.m, w, s.k, true, packed);
        else
            qn_gemm_pack_a(s.m, s.k, w, s.k, false, packed);
    }
}

/* Whether the im2col matrix is the input. */
static bool is_plain(const struct qn_conv *conv)
{
    for (int i = 0; i < conv->rank; i++)
        if (conv->kernel[i] != 1 || conv->stride[i] != 1 || conv->pad[i] != 0 || conv->out[i] != conv->in[i])
            return false;
    return true;
}

static void fill(const void *arg, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst)
{
    qn_isa()->plane.im2col(arg, k0, k, j0, n, dst);
}

static struct qn_im2col make_im2col(const struct qn_conv *conv)
{
    struct qn_im2col im = {.channels = conv->c_in / conv->group};

    for (int axis = 0; axis < 3; axis++) {
        const int i = axis - (3 - conv->rank);

        im.size[axis] = i < 0 ? 1 : conv->in[i];
        im.out[axis] = i < 0 ? 1 : conv->out[i];
        im.kernel[axis] = i < 0 ? 1 : conv->kernel[i];
        im.stride[axis] = i < 0 ? 1 : conv->stride[i];
        im.dilation[axis] = i < 0 ? 1 : conv->dilation[i];
        im.pad[axis] = i < 0 ? 0 : conv->pad[i];
    }
    return im;
}

/* One group's product; its pointers only say which forms the operands have. */
static struct qn_gemm make_gemm(const struct qn_conv *conv, bool turned)
{
    static const float packed_somewhere = 0;
    const struct sizes s = find_sizes(conv);
    qn_gemm_fill *const builder = is_plain(conv) ? NULL : fill;

    if (turned)
        return (struct qn_gemm){.m = s.n,
                                .n = s.m,
                                .k = s.k,
                                .b_packed = &packed_somewhere,
                                .a_fill = builder,
                                .a_trans = true,
                                .lda = s.n,
                                .c_trans = true,
                                .ldc = s.n,
                                .ld_residual = s.n,
                                .alpha = 1};
    return (struct qn_gemm){.m = s.m,
                            .n = s.n,
                            .k = s.k,
                            .a_packed = &packed_somewhere,
                            .b_fill = builder,
                            .ldb = s.n,
                            .ldc = s.n,
                            .ld_residual = s.n,
                            .alpha = 1};
}

static bool bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes, bool turned)
{
    const struct qn_gemm g = make_gemm(conv, turned);
    size_t one;

    /* Products side by side need a whole workspace each. */
    if (!qn_gemm_bytes(&g, n_threads, n_bytes) || !qn_gemm_bytes(&g, 1, &one) || one > SIZE_MAX / 2 ||
        !qn_mul(qn_round_up(one, ALIGN), (size_t)n_threads, &one))
        return false;
    *n_bytes = one > *n_bytes ? one : *n_bytes;
    return true;
}

struct run {
    const struct qn_conv *conv;
    const struct qn_conv_data *data;
    bool turned;
    struct qn_gemm gemm;
    struct qn_im2col im;
    struct sizes sizes;
    size_t w_step; /* floats of a group's weights */
    char *room;
    size_t room_bytes; /* of a part, when products run side by side */
};

/* Product number `index` of batch * group. */
static void run_product(const struct run *run, int64_t index, const struct qn_work *work)
{
    const struct qn_conv_data *data = run->data;
    const struct sizes *s = &run->sizes;
    const int64_t group = index % run->conv->group;
    const float *w = (const float *)data->w + (size_t)group * run->w_step;
    const float *bias = data->bias == NULL ? NULL : data->bias + group * s->m;
    struct qn_im2col im = run->im;
    struct qn_gemm g = run->gemm;

    im.x = data->x + index * im.channels * s->n_in;
    g.a_arg = g.b_arg = &im;
    if (run->turned) {
        g.a = im.x;
        g.b_packed = w;
        g.bias_col = bias;
    } else {
        g.a_packed = w;
        g.b = im.x;
        g.bias_row = bias;
    }
    g.c = data->y + index * s->m * s->n;
    g.residual = data->residual == NULL ? NULL : data->residual + index * s->m * s->n;
    g.act = data->act;
    qn_gemm(&g, work);
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct run *run = arg;
    const struct qn_work work = {run->room + (size_t)part * run->room_bytes, 1, NULL};
    int64_t begin, end;

    qn_pool_slice(run->conv->batch * run->conv->group, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_product(run, i, &work);
}

static void run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work, bool turned)
{
    struct run run = {.conv = conv,
                      .data = data,
                      .turned = turned,
                      .gemm = make_gemm(conv, turned),
                      .im = make_im2col(conv),
                      .sizes = find_sizes(conv),
                      .w_step = group_floats(conv, turned),
                      .room = work->data};
    const double flops = (double)run.sizes.m * (double)run.sizes.n * (double)run.sizes.k;
    const int64_t n = conv->batch * conv->group;
    int n_parts = work->n_threads;

    if (n_parts > 1)
        n_parts = qn_pool_threads(work->pool) < n_parts ? qn_pool_threads(work->pool) : n_parts;
    if (n_parts == 1 || n < n_parts || flops >= parallel_from || flops * (double)n < 0.5e6) {
        for (int64_t i = 0; i < n; i++)
            run_product(&run, i, work);
        return;
    }
    if (!qn_gemm_bytes(&run.gemm, 1, &run.room_bytes))
        return; /* bytes() refused it already */
    run.room_bytes = qn_round_up(run.room_bytes, ALIGN);
    qn_pool_run(work->pool, n_parts, run_part, &run);
}

/* ---- the two algorithms ---- */

static bool gemm_pack_bytes(const struct qn_conv *conv, size_t *n_bytes) { return pack_bytes(conv, n_bytes, false); }
static void gemm_pack(const struct qn_conv *conv, const float *w, void *packed) { pack(conv, w, packed, false); }
static bool gemm_bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    return bytes(conv, n_threads, n_bytes, false);
}
static void gemm_run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    run(conv, data, work, false);
}

/* Cycles of a product whose columns fill panels badly, against one whose rows do not mind, but which must be turned
 * over. */
static bool turned_accept(const struct qn_conv *conv)
{
    double m, n, k, plain, turned;
    struct sizes s;

    if (!accept(conv))
        return false;
    s = find_sizes(conv);
    m = (double)s.m;
    n = (double)s.n;
    k = (double)s.k;
    plain = (double)((s.n + QN_GEMM_PANEL - 1) / QN_GEMM_PANEL * QN_GEMM_PANEL) * m * k / 32;
    turned = (double)((s.m + QN_GEMM_PANEL - 1) / QN_GEMM_PANEL * QN_GEMM_PANEL) * n * k / 32 + m * n;
    return turned < 0.95 * plain;
}

static bool turned_pack_bytes(const struct qn_conv *conv, size_t *n_bytes) { return pack_bytes(conv, n_bytes, true); }
static void turned_pack(const struct qn_conv *conv, const float *w, void *packed) { pack(conv, w, packed, true); }
static bool turned_bytes(const struct qn_conv *conv, int n_threads, size_t *n_bytes)
{
    return bytes(conv, n_threads, n_bytes, true);
}
static void turned_run(const struct qn_conv *conv, const struct qn_conv_data *data, const struct qn_work *work)
{
    run(conv, data, work, true);
}

const struct qn_conv_algo qn_conv_gemm = {"conv_gemm", accept, gemm_pack_bytes, gemm_pack, gemm_bytes, gemm_run};
const struct qn_conv_algo qn_conv_gemm_t = {"conv_gemm_t", turned_accept, turned_pack_bytes,
                                            turned_pack,   turned_bytes,  turned_run};

const struct qn_conv_algo *qn_conv_choose(const struct qn_conv *conv)
{
    static const struct qn_conv_algo *const algos[] = {&qn_conv_depthwise, &qn_conv_gemm_t, &qn_conv_gemm};

    for (size_t i = 0; i < sizeof(algos) / sizeof(algos[0]); i++)
        if (algos[i]->accept(conv))
            return algos[i];
    return &qn_conv_ref;
}
