/* convolve.c: shared by Conv and ConvTranspose; see convolve.h. */
#include "ops/convolve.h"

#include <string.h>

#include "base/checked.h"

enum { X, W, B, RESIDUAL };

/* ---- Geometry ------------------------------------------------------------------------------------------------- */

/* Output and padding of one axis of a transposed convolution whose input and kernel are known. */
static enum qn_status resolve_transposed(const struct qn_convolve *p, struct qn_sliding_size *s, int i,
                                         struct qn_err *err)
{
    int auto_pad = p->sliding.auto_pad;
    bool same = auto_pad == QN_PAD_SAME_UPPER || auto_pad == QN_PAD_SAME_LOWER;
    int64_t more = qn_ints_any(&p->output_padding) ? p->output_padding.v[i] : 0, reach, full, want = -1, total;
    size_t first = p->output_shape.n == (size_t)s->rank + 2 ? 2 : 0;

    /* The extent of everything that the input reaches; an empty input reaches nothing. */
    QN_CHECK(qn_mul64(s->kernel[i] - 1, s->dilation[i], &reach) && qn_mul64(s->in[i] - 1, s->stride[i], &full) &&
                 qn_add64(full, reach, &full) && qn_add64(full, more + 1, &full),
             err, LIMIT, "spatial axis %d is too large", i);
    if (qn_ints_any(&p->output_shape))
        want = p->output_shape.v[first + (size_t)i];
    else if (same)
        QN_CHECK(qn_mul64(s->in[i], s->stride[i], &want), err, LIMIT, "spatial axis %d is too large", i);
    if (want >= 0) {
        /* What is wanted beyond the full extent lies at the end, as output_padding does. */
        total = full > want ? full - want : 0;
        s->pad[i] = auto_pad == QN_PAD_SAME_UPPER ? total / 2 : total - total / 2;
        s->pad_end[i] = total - s->pad[i];
        s->out[i] = want;
        return QN_OK;
    }
    s->out[i] = s->in[i] == 0 ? 0 : full - s->pad[i] - s->pad_end[i];
    QN_CHECK(s->out[i] >= 0, err, SHAPE, "padding leaves nothing of spatial axis %d", i);
    return QN_OK;
}

static enum qn_status check_lists(const struct qn_convolve *p, int rank, struct qn_err *err)
{
    QN_CHECK(!qn_ints_any(&p->output_padding) || p->output_padding.n == (size_t)rank, err, SHAPE,
             "output_padding has %zu entries, %d are expected", p->output_padding.n, rank);
    QN_CHECK(!qn_ints_any(&p->output_shape) || p->output_shape.n == (size_t)rank ||
                 p->output_shape.n == (size_t)rank + 2,
             err, SHAPE, "output_shape has %zu entries, %d are expected", p->output_shape.n, rank);
    return QN_OK;
}

/* Along the spatial axes; unknown sizes stay unknown. */
static enum qn_status resolve(const struct qn_convolve *p, int rank, const int64_t *in, const int64_t *kernel,
                              struct qn_sliding_size *s, struct qn_err *err)
{
    if (!p->transposed)
        return qn_sliding_resolve(&p->sliding, rank, in, kernel, false, s, err);
    QN_TRY(qn_sliding_attrs(&p->sliding, rank, kernel, s, err));
    QN_TRY(check_lists(p, rank, err));
    for (int i = 0; i < rank; i++) {
        s->in[i] = in[i];
        if (qn_dim_known(in[i]) && qn_dim_known(s->kernel[i])) {
            QN_CHECK(s->kernel[i] > 0, err, SHAPE, "the kernel is empty on spatial axis %d", i);
            QN_TRY(resolve_transposed(p, s, i, err));
        } else if (qn_ints_any(&p->output_shape)) {
            s->out[i] = p->output_shape.v[p->output_shape.n == (size_t)rank ? i : i + 2];
        }
    }
    return QN_OK;
}

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static const int64_t no_dims[QN_MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

static bool agree(int64_t a, int64_t b) { return a == b || !qn_dim_known(a) || !qn_dim_known(b); }

static enum qn_status check_rank(struct qn_infer *in, int *rank)
{
    const struct qn_shape *x = &in->in[X]->shape, *w = &in->in[W]->shape;
    char x_text[QN_SHAPE_TEXT], w_text[QN_SHAPE_TEXT];

    *rank = x->rank >= 0 ? x->rank : w->rank;
    QN_CHECK(*rank < 0 || *rank >= 3, in->err, SHAPE, "X and W need at least one spatial axis: %s and %s",
             qn_shape_text(x, x_text), qn_shape_text(w, w_text));
    QN_CHECK(x->rank < 0 || w->rank < 0 || x->rank == w->rank, in->err, SHAPE, "X %s and W %s differ in rank",
             qn_shape_text(x, x_text), qn_shape_text(w, w_text));
    return QN_OK;
}

/* Channels of Y; checks those of X, W and B. */
static enum qn_status check_channels(struct qn_infer *in, const struct qn_convolve *p, const int64_t *x,
                                     const int64_t *w, int64_t *c_out)
{
    const struct qn_fact *b = qn_infer_in(in, B);
    int64_t per_group = w[1], grouped = QN_DIM_UNKNOWN;
    char text[QN_SHAPE_TEXT];

    if (qn_dim_known(per_group))
        QN_CHECK(qn_mul64(per_group, p->group, &grouped), in->err, LIMIT, "too many channels");
    QN_CHECK(!qn_dim_known(w[0]) || w[0] % p->group == 0, in->err, SHAPE,
             "%lld %s channels do not divide into %lld groups", (long long)w[0], p->transposed ? "input" : "output",
             (long long)p->group);
    QN_CHECK(agree(x[1], p->transposed ? w[0] : grouped), in->err, SHAPE, "X has %lld channels where W expects %lld",
             (long long)x[1], (long long)(p->transposed ? w[0] : grouped));
    *c_out = p->transposed ? grouped : w[0];
    if (b)
        QN_CHECK(b->shape.rank < 0 || (b->shape.rank == 1 && agree(b->shape.dims[0], *c_out)), in->err, SHAPE,
                 "B of shape %s is not one value for each of %lld channels", qn_shape_text(&b->shape, text),
                 (long long)*c_out);
    return QN_OK;
}

enum qn_status qn_convolve_infer(struct qn_infer *in, const void *params)
{
    const struct qn_convolve *p = params;
    const struct qn_fact *residual = qn_infer_in(in, RESIDUAL);
    const int64_t *x = in->in[X]->shape.rank >= 0 ? in->in[X]->shape.dims : no_dims;
    const int64_t *w = in->in[W]->shape.rank >= 0 ? in->in[W]->shape.dims : no_dims;
    char r_text[QN_SHAPE_TEXT], y_text[QN_SHAPE_TEXT];
    struct qn_sliding_size s;
    struct qn_shape y;
    int rank;

    QN_TRY(check_rank(in, &rank));
    y = (struct qn_shape){.rank = rank};
    if (rank >= 0) {
        QN_TRY(check_channels(in, p, x, w, &y.dims[1]));
        QN_TRY(resolve(p, rank - 2, x + 2, w + 2, &s, in->err));
        y.dims[0] = x[0];
        memcpy(y.dims + 2, s.out, (size_t)s.rank * sizeof(*s.out));
    }
    if (residual)
        QN_CHECK(qn_shape_merge(&y, &residual->shape, &y), in->err, SHAPE, "the residual of shape %s is not %s",
                 qn_shape_text(&residual->shape, r_text), qn_shape_text(&y, y_text));
    return qn_infer_out(in, 0, in->in[X]->dtype, &y);
}

/* ---- Through the kernels' algorithms -------------------------------------------------------------------------- */

/* Shapes are known and passed inference. */
static struct qn_conv conv_of(const struct qn_convolve *p, const int64_t *x, const int64_t *w, int rank)
{
    struct qn_conv conv = {.batch = x[0], .c_in = x[1], .group = p->group, .rank = rank - 2};
    struct qn_sliding_size s;

    conv.c_out = p->transposed ? w[1] * p->group : w[0];
    if (resolve(p, rank - 2, x + 2, w + 2, &s, NULL) != QN_OK)
        return conv; /* inference would have said so */
    memcpy(conv.in, s.in, sizeof(conv.in));
    memcpy(conv.out, s.out, sizeof(conv.out));
    memcpy(conv.kernel, s.kernel, sizeof(conv.kernel));
    memcpy(conv.stride, s.stride, sizeof(conv.stride));
    memcpy(conv.dilation, s.dilation, sizeof(conv.dilation));
    memcpy(conv.pad, s.pad, sizeof(conv.pad));
    return conv;
}

static struct qn_conv conv_of_site(const struct qn_site *site)
{
    return conv_of(site->params, site->in[X]->shape.dims, site->in[W]->shape.dims, site->in[X]->shape.rank);
}

static struct qn_conv conv_of_call(const struct qn_call *call)
{
    return conv_of(call->params, qn_in(call, X)->dims, qn_in(call, W)->dims, qn_in(call, X)->rank);
}

static double product(const int64_t *sizes, int rank)
{
    double n = 1;

    for (int i = 0; i < rank; i++)
        n *= (double)sizes[i];
    return n;
}

double qn_convolve_flops(const struct qn_site *site)
{
    const struct qn_conv conv = conv_of_site(site);
    double positions = product(((const struct qn_convolve *)site->params)->transposed ? conv.in : conv.out, conv.rank);

    return 2.0 * (double)conv.batch * (double)conv.c_out * (double)(conv.c_in / conv.group) * positions *
           product(conv.kernel, conv.rank);
}

const char *qn_convolve_accept(const struct qn_site *site, const struct qn_conv_algo *algo)
{
    struct qn_conv conv;

    if (site->in[X]->dtype != QN_FLOAT)
        return "not float32";
    conv = conv_of_site(site);
    return algo->accept(&conv) ? NULL : "not for such sizes";
}

enum qn_status qn_convolve_prepare(const struct qn_site *site, const struct qn_conv_algo *algo, struct qn_arena *arena,
                                   const void **packed, struct qn_err *err)
{
    const struct qn_conv conv = conv_of_site(site);
    const struct qn_tensor *w = site->in[W]->konst;
    size_t bytes;
    void *made;

    *packed = NULL;
    if (!w)
        return QN_OK;
    QN_CHECK(algo->pack_bytes(&conv, &bytes), err, LIMIT, "the weights are too large");
    made = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(made, err);
    algo->pack(&conv, w->data, made);
    *packed = made;
    return QN_OK;
}

/* Room for weights, if they are to be packed in each run, then the algorithm's own. */
static bool pack_room(const struct qn_conv *conv, const struct qn_conv_algo *algo, bool packed, size_t *bytes)
{
    *bytes = 0;
    if (packed)
        return true;
    if (!algo->pack_bytes(conv, bytes) || !qn_add(*bytes, 63, bytes))
        return false;
    *bytes &= ~(size_t)63;
    return true;
}

size_t qn_convolve_workspace(const struct qn_site *site, const struct qn_conv_algo *algo)
{
    const struct qn_conv conv = conv_of_site(site);
    size_t room, bytes;

    if (!pack_room(&conv, algo, site->in[W]->konst != NULL, &room) || !algo->bytes(&conv, site->threads, &bytes) ||
        !qn_add(room, bytes, &bytes))
        return SIZE_MAX;
    return bytes;
}

enum qn_status qn_convolve_run(const struct qn_call *call, const struct qn_conv_algo *algo)
{
    const struct qn_conv conv = conv_of_call(call);
    const struct qn_convolve *p = call->params;
    struct qn_conv_data data = {
        .x = qn_in(call, X)->data, .w = call->packed, .act = p->act, .y = qn_out(call, 0)->data};
    struct qn_work work = {call->workspace, call->threads, call->pool};
    size_t room;

    if (qn_tensor_count(qn_out(call, 0)) == 0)
        return QN_OK;
    if (pack_room(&conv, algo, call->packed != NULL, &room) && room > 0) {
        algo->pack(&conv, qn_in(call, W)->data, call->workspace);
        data.w = call->workspace;
        work.data = (char *)call->workspace + room;
    }
    data.bias = qn_in(call, B) ? qn_in(call, B)->data : NULL;
    data.residual = qn_in(call, RESIDUAL) ? qn_in(call, RESIDUAL)->data : NULL;
    algo->run(&conv, &data, &work);
    return QN_OK;
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

/* A tap of the kernel and the element of X that it meets for one output position. */
struct pair {
    int64_t x, tap;
};

size_t qn_convolve_ref_workspace(const struct qn_site *site)
{
    const struct qn_conv conv = conv_of_site(site);
    size_t n = sizeof(struct pair);

    for (int i = 0; i < conv.rank; i++)
        if (!qn_mul(n, (size_t)conv.kernel[i], &n))
            return SIZE_MAX;
    return n;
}

/* The element along axis i that tap t meets from output o; -1: none. */
static int64_t meet(const struct qn_conv *conv, bool transposed, int i, int64_t o, int64_t t)
{
    int64_t x = o * conv->stride[i] - conv->pad[i] + t * conv->dilation[i];

    if (transposed) {
        x = o + conv->pad[i] - t * conv->dilation[i];
        if (x < 0 || x % conv->stride[i] != 0)
            return -1;
        x /= conv->stride[i];
    }
    return x >= 0 && x < conv->in[i] ? x : -1;
}

/* All pairs of output position `out`, by rising tap. */
static int64_t find_pairs(const struct qn_conv *conv, bool transposed, int64_t out, struct pair *pairs)
{
    int64_t o[QN_CONV_RANK], n_taps = 1, n = 0;

    for (int i = conv->rank - 1; i >= 0; i--) {
        o[i] = out % conv->out[i];
        out /= conv->out[i];
        n_taps *= conv->kernel[i];
    }
    for (int64_t tap = 0; tap < n_taps; tap++) {
        int64_t rest = tap, step = 1, at = 0, x = 0;

        for (int i = conv->rank - 1; i >= 0 && x >= 0; i--) {
            x = meet(conv, transposed, i, o[i], rest % conv->kernel[i]);
            rest /= conv->kernel[i];
            at += x * step;
            step *= conv->in[i];
        }
        if (x >= 0)
            pairs[n++] = (struct pair){at, tap};
    }
    return n;
}

struct reference {
    struct qn_conv conv;
    bool transposed;
    const struct pair *pairs;
    int64_t n_pairs;
    int64_t n_in, n_taps; /* elements of one plane and of one kernel */
};

/* One output element of channel m, without bias. */
#define SUM_OF(name, type)                                                                                             \
    static double sum_##name(const struct reference *r, int64_t image, int64_t m, const type *x, const type *w)        \
    {                                                                                                                  \
        const int64_t per_in = r->conv.c_in / r->conv.group, per_out = r->conv.c_out / r->conv.group;                  \
        const int64_t first = m / per_out * per_in;                                                                    \
        double sum = 0;                                                                                                \
                                                                                                                       \
        for (int64_t c = 0; c < per_in; c++) {                                                                         \
            const int64_t filter = r->transposed ? (first + c) * per_out + m % per_out : m * per_in + c;               \
            const type *plane = x + (image * r->conv.c_in + first + c) * r->n_in, *kernel = w + filter * r->n_taps;    \
                                                                                                                       \
            for (int64_t i = 0; i < r->n_pairs; i++)                                                                   \
                sum += (double)plane[r->pairs[i].x] * (double)kernel[r->pairs[i].tap];                                 \
        }                                                                                                              \
        return sum;                                                                                                    \
    }
SUM_OF(f32, float)
SUM_OF(f64, double)

/* Output position `out` of every image and channel. */
static void fill_position(const struct qn_call *call, const struct reference *r, int64_t out, int64_t n_out)
{
    const struct qn_tensor *x = qn_in(call, X), *w = qn_in(call, W), *b = qn_in(call, B);
    struct qn_tensor *y = qn_out(call, 0);

    for (int64_t image = 0; image < r->conv.batch; image++)
        for (int64_t m = 0; m < r->conv.c_out; m++) {
            double sum =
                x->dtype == QN_FLOAT ? sum_f32(r, image, m, x->data, w->data) : sum_f64(r, image, m, x->data, w->data);
            int64_t at = (image * r->conv.c_out + m) * n_out + out;

            sum += b ? qn_tensor_double(b, m) : 0;
            if (y->dtype == QN_FLOAT)
                ((float *)y->data)[at] = (float)sum;
            else
                ((double *)y->data)[at] = sum;
        }
}

enum qn_status qn_convolve_ref(const struct qn_call *call)
{
    const struct qn_convolve *p = call->params;
    struct reference r = {.conv = conv_of_call(call), .transposed = p->transposed, .pairs = call->workspace};
    size_t n = (size_t)qn_tensor_count(qn_out(call, 0));
    float *y = qn_out(call, 0)->data;
    int64_t n_out = 1;

    if (n == 0)
        return QN_OK;
    r.n_in = r.n_taps = 1;
    for (int i = 0; i < r.conv.rank; i++) {
        r.n_in *= r.conv.in[i];
        r.n_taps *= r.conv.kernel[i];
        n_out *= r.conv.out[i];
    }
    for (int64_t out = 0; out < n_out; out++) {
        r.n_pairs = find_pairs(&r.conv, r.transposed, out, call->workspace);
        fill_position(call, &r, out, n_out);
    }
    if (qn_in(call, RESIDUAL))
        qn_kern_ref()->vv[QN_ADD](y, y, qn_in(call, RESIDUAL)->data, n);
    if (p->act.kind != QN_ACT_NONE)
        qn_kern_ref()->act(y, y, n, &p->act);
    return QN_OK;
}

/* ---- Taps that meet only padding ------------------------------------------------------------------------------ */

/* Whether tap t of axis i meets an element of X from any output. */
static bool meets(const struct qn_sliding_size *s, int i, int64_t t)
{
    int64_t at = t * s->dilation[i] - s->pad[i], o = at < 0 ? (-at + s->stride[i] - 1) / s->stride[i] : 0;

    return o < s->out[i] && at + o * s->stride[i] < s->in[i];
}

/* The taps of axis i without those at its ends that meet nothing, as long as padding is there to go with them. */
static void find_taps(const struct qn_sliding_size *s, int i, int64_t *first, int64_t *end)
{
    *first = 0;
    *end = s->kernel[i];
    while (*first + 1 < *end && (*first + 1) * s->dilation[i] <= s->pad[i] && !meets(s, i, *first))
        ++*first;
    while (*first + 1 < *end && (s->kernel[i] - *end + 1) * s->dilation[i] <= s->pad_end[i] && !meets(s, i, *end - 1))
        --*end;
}

/* The box of `shape` from `first` on of every filter of W. */
static void copy_taps(const struct qn_tensor *w, const struct qn_shape *shape, const int64_t *first, float *dst)
{
    const int64_t n_filters = w->dims[0] * w->dims[1], n_old = qn_tensor_span(w, 2, w->rank);
    int64_t n_new = 1;

    for (int i = 2; i < shape->rank; i++)
        n_new *= shape->dims[i];
    for (int64_t tap = 0; tap < n_new; tap++) {
        int64_t rest = tap, from = 0, step = 1;

        for (int i = shape->rank - 1; i >= 2; i--) {
            from += (first[i - 2] + rest % shape->dims[i]) * step;
            rest /= shape->dims[i];
            step *= w->dims[i];
        }
        for (int64_t f = 0; f < n_filters; f++)
            dst[f * n_new + tap] = ((const float *)w->data)[f * n_old + from];
    }
}

/* What is left of the windows of a convolution of constant weights over planes of known size; false: all of it. */
static bool find_box(const struct qn_node *node, int64_t *first, struct qn_sliding_size *s, struct qn_shape *shape)
{
    const struct qn_tensor *w = node->in[W]->fact.konst;
    const struct qn_shape *x = &node->in[X]->fact.shape;
    const struct qn_convolve *p = node->params;

    if (p->transposed || !w || w->dtype != QN_FLOAT || x->rank != w->rank)
        return false;
    for (int i = 2; i < x->rank; i++)
        if (!qn_dim_known(x->dims[i]))
            return false;
    if (resolve(p, w->rank - 2, x->dims + 2, w->dims + 2, s, NULL) != QN_OK)
        return false; /* inference has said so */
    *shape = qn_tensor_shape(w);
    for (int i = 0; i < s->rank; i++) {
        int64_t end;

        find_taps(s, i, &first[i], &end);
        s->pad[i] -= first[i] * s->dilation[i];
        s->pad_end[i] -= (s->kernel[i] - end) * s->dilation[i];
        s->kernel[i] = shape->dims[2 + i] = end - first[i];
    }
    return memcmp(shape->dims, w->dims, (size_t)w->rank * sizeof(*w->dims)) != 0;
}

/* Small planes under wide or dilated windows: taps that only ever meet padding go, with as much of the padding. */
static enum qn_status trim(struct qn_rewrite *rewrite, struct qn_node *node)
{
    int64_t first[QN_CONV_RANK], *lists;
    struct qn_sliding_size s;
    struct qn_convolve *p;
    struct qn_shape shape;
    struct qn_var *w;
    float *weights;
    size_t n;

    if (!find_box(node, first, &s, &shape))
        return QN_OK;
    n = (size_t)s.rank;
    p = qn_arena_memdup(rewrite->arena, node->params, sizeof(*p));
    lists = qn_arena_array(rewrite->arena, 3 * n, sizeof(*lists));
    w = qn_fuse_const(rewrite, node, "taps", &shape, &weights);
    QN_CHECK_MEM(p && lists && w ? w : NULL, rewrite->err);
    copy_taps(node->in[W]->fact.konst, &shape, first, weights);
    memcpy(lists, s.pad, n * sizeof(*lists));
    memcpy(lists + n, s.pad_end, n * sizeof(*lists));
    memcpy(lists + 2 * n, s.kernel, n * sizeof(*lists));
    p->sliding.auto_pad = QN_PAD_NOTSET;
    p->sliding.pads = (struct qn_ints){.v = lists, .n = 2 * n, .given = true};
    p->sliding.kernel_shape = (struct qn_ints){.v = lists + 2 * n, .n = n, .given = true};
    node->params = p;
    qn_node_set_in(node, W, w);
    rewrite->changed = true;
    return QN_OK;
}

/* ---- Absorbing what follows ----------------------------------------------------------------------------------- */

static struct qn_var *input_of(const struct qn_node *node, int i) { return i < node->n_in ? node->in[i] : NULL; }

static enum qn_status join(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next, struct qn_var *w,
                           struct qn_var *b, struct qn_var *residual, const struct qn_act *act)
{
    struct qn_var *const ins[] = {node->in[X], w, b, residual};
    struct qn_convolve params;

    memcpy(&params, node->params, sizeof(params)); /* with its padding, which common sub-expressions compare */
    if (act)
        params.act = *act;
    return qn_fuse_join(rewrite, node, next, node->op->name, ins, residual ? 4 : b ? 3 : 2, &params);
}

/* The output channel that element i of W, in kernels of n_taps, belongs to. */
static int64_t channel_of(const struct qn_convolve *p, const int64_t *w_dims, int64_t n_taps, int64_t i)
{
    int64_t filter = i / n_taps, second = w_dims[1];

    if (!p->transposed)
        return filter / second;
    return filter / second / (w_dims[0] / p->group) * second + filter % second;
}

/* W' = W * scale and B' = B * scale + shift per output channel, each rounded once from float64. */
static enum qn_status absorb_affine(struct qn_rewrite *rewrite, struct qn_node *node, struct qn_node *next,
                                    const struct qn_affine *affine)
{
    const struct qn_convolve *p = node->params;
    const struct qn_tensor *w = node->in[W]->fact.konst;
    const struct qn_tensor *b = input_of(node, B) ? input_of(node, B)->fact.konst : NULL;
    struct qn_shape w_shape = qn_tensor_shape(w);
    struct qn_shape b_shape = qn_shape_1d(p->transposed ? w->dims[1] * p->group : w->dims[0]);
    struct qn_var *new_w = node->in[W], *new_b;
    int64_t n_taps = qn_tensor_span(w, 2, w->rank);
    float *weights, *bias;

    new_b = qn_fuse_const(rewrite, node, "bias", &b_shape, &bias);
    QN_CHECK_MEM(new_b, rewrite->err);
    for (int64_t m = 0; m < b_shape.dims[0]; m++) {
        int64_t i = affine->n == 1 ? 0 : m;
        double x = b ? ((const float *)b->data)[m] : 0;

        bias[m] = (float)(x * (affine->scale ? affine->scale[i] : 1) + (affine->shift ? affine->shift[i] : 0));
    }
    if (affine->scale) {
        new_w = qn_fuse_const(rewrite, node, "scaled", &w_shape, &weights);
        QN_CHECK_MEM(new_w, rewrite->err);
        for (int64_t i = 0, n = qn_tensor_count(w); i < n; i++) {
            int64_t m = affine->n == 1 ? 0 : channel_of(p, w->dims, n_taps, i);

            weights[i] = (float)((double)((const float *)w->data)[i] * affine->scale[m]);
        }
    }
    return join(rewrite, node, next, new_w, new_b, NULL, NULL);
}

static bool may_absorb_affine(const struct qn_node *node)
{
    const struct qn_var *b = input_of(node, B);

    return node->in[W]->fact.konst && !input_of(node, RESIDUAL) && (!b || b->fact.konst);
}

enum qn_status qn_convolve_rewrite(struct qn_rewrite *rewrite, struct qn_node *node)
{
    const struct qn_convolve *p = node->params;
    struct qn_node *next = p->act.kind == QN_ACT_NONE ? qn_fuse_next(rewrite, node) : NULL;
    struct qn_affine affine;
    struct qn_act act;
    int i, x;

    QN_TRY(trim(rewrite, node));
    if (rewrite->changed || !next)
        return QN_OK;
    if (qn_fuse_activation(next, node->out[0], &act))
        return join(rewrite, node, next, node->in[W], input_of(node, B), input_of(node, RESIDUAL), &act);
    if (next->op->affine && may_absorb_affine(node) && next->op->affine(next, rewrite->arena, &x, &affine) &&
        next->in[x] == node->out[0])
        return absorb_affine(rewrite, node, next, &affine);
    i = qn_fuse_addend(next, node->out[0]);
    if (i < 0 || input_of(node, RESIDUAL) || p->transposed)
        return QN_OK;
    if (!qn_fuse_same_shape(node->out[0], next->in[i])) {
        rewrite->declined = "what is added is not known to have the shape of the convolution";
        return QN_OK;
    }
    return join(rewrite, node, next, node->in[W], input_of(node, B), next->in[i], NULL);
}
