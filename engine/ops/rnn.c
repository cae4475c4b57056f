/* rnn.c: RNN, GRU, LSTM.
 * ONNX versions 1 to 22: forward, reverse and bidirectional, sequence lengths, peepholes, clipping, any of the
 * standard's activations, both layouts. The fast kernel multiplies all steps' inputs by W in one product, then walks
 * the steps with one product by R each; weights that are constant are packed once. Shapes, with D directions and G
 * gates (1, 3 or 4): X [T,B,I], W [D,G*H,I], R [D,G*H,H], B [D,2*G*H], initial_h and initial_c [D,B,H], P [D,3*H]; Y
 * [T,D,B,H], Y_h and Y_c [D,B,H]. Layout 1 puts B first everywhere. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/op.h"

enum cell { CELL_RNN, CELL_GRU, CELL_LSTM };
enum direction { FORWARD, REVERSE, BIDIRECTIONAL };

static const char *const directions[] = {"forward", "reverse", "bidirectional", NULL};

enum activation {
    RELU,
    TANH,
    SIGMOID,
    AFFINE,
    LEAKY_RELU,
    THRESHOLDED_RELU,
    SCALED_TANH,
    HARD_SIGMOID,
    ELU,
    SOFTSIGN,
    SOFTPLUS
};

/* Names with the parameters they take and their defaults. */
static const struct {
    const char *name;
    float alpha, beta;
    bool takes_alpha, takes_beta;
} activations[] = {
    {"Relu", 0, 0, false, false},         {"Tanh", 0, 0, false, false},
    {"Sigmoid", 0, 0, false, false},      {"Affine", 1, 0, true, true},
    {"LeakyRelu", 0.01f, 0, true, false}, {"ThresholdedRelu", 1, 0, true, false},
    {"ScaledTanh", 1, 1, true, true},     {"HardSigmoid", 0.2f, 0.5f, true, true},
    {"Elu", 1, 0, true, false},           {"Softsign", 0, 0, false, false},
    {"Softplus", 0, 0, false, false},
};

struct act {
    enum activation kind;
    float alpha, beta;
};

struct rnn {
    struct qn_strs activations;
    struct qn_floats activation_alpha, activation_beta;
    float clip; /* 0: none */
    int direction;
    int64_t hidden_size, input_forget, linear_before_reset, layout;
    enum cell cell;
    struct act acts[6]; /* 3 for each direction at the most */
};

static int n_gates(enum cell cell) { return cell == CELL_LSTM ? 4 : cell == CELL_GRU ? 3 : 1; }
static int n_acts(enum cell cell) { return cell == CELL_LSTM ? 3 : cell == CELL_GRU ? 2 : 1; }
static int n_directions(const struct rnn *p) { return p->direction == BIDIRECTIONAL ? 2 : 1; }

/* ---- Parsing ----------------------------------------------------------------------------------------------------- */

static bool same_word(struct qn_str text, const char *word)
{
    if (text.n != strlen(word))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if ((text.data[i] | 32) != (word[i] | 32))
            return false;
    return true;
}

static enum qn_status find_activation(struct qn_str text, enum activation *kind, struct qn_err *err)
{
    for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
        if (same_word(text, activations[i].name)) {
            *kind = (enum activation)i;
            return QN_OK;
        }
    }
    QN_FAIL(err, FORMAT, "unknown activation '%.*s'", (int)(text.n < 40 ? text.n : 40), text.data);
}

static enum activation default_activation(enum cell cell, int i) { return cell != CELL_RNN && i == 0 ? SIGMOID : TANH; }

/* Parameters are taken from the lists in order, by the activations that have one. */
static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct rnn *p = params;
    int per = n_acts(p->cell), n = per * n_directions(p);
    size_t next_alpha = 0, next_beta = 0;

    (void)node, (void)arena;
    QN_CHECK(!p->activations.given || p->activations.n == (size_t)n, err, FORMAT,
             "%zu activations are given where %d are needed", p->activations.n, n);
    for (int i = 0; i < n; i++) {
        struct act *act = &p->acts[i];

        act->kind = default_activation(p->cell, i % per);
        if (p->activations.given)
            QN_TRY(find_activation(p->activations.v[i], &act->kind, err));
        act->alpha = activations[act->kind].alpha;
        act->beta = activations[act->kind].beta;
        if (activations[act->kind].takes_alpha && next_alpha < p->activation_alpha.n)
            act->alpha = p->activation_alpha.v[next_alpha++];
        if (activations[act->kind].takes_beta && next_beta < p->activation_beta.n)
            act->beta = p->activation_beta.v[next_beta++];
    }
    return QN_OK;
}

/* ---- Inference --------------------------------------------------------------------------------------------------- */

enum { X, W, R, B, LENGTHS, INITIAL_H, INITIAL_C, P };

/* The input's dims must be these where both are known. */
static enum qn_status expect(struct qn_infer *in, int i, const char *name, int rank, const int64_t *want)
{
    const struct qn_fact *fact = qn_infer_in(in, i);

    if (!fact || fact->shape.rank < 0)
        return QN_OK;
    QN_CHECK(fact->shape.rank == rank, in->err, SHAPE, "%s must have %d dimensions, it has %d", name, rank,
             fact->shape.rank);
    for (int d = 0; d < rank; d++)
        QN_CHECK(!qn_dim_known(want[d]) || !qn_dim_known(fact->shape.dims[d]) || want[d] == fact->shape.dims[d],
                 in->err, SHAPE, "dimension %d of %s is %lld where %lld is expected", d, name,
                 (long long)fact->shape.dims[d], (long long)want[d]);
    return QN_OK;
}

static int64_t dim_of(const struct qn_fact *fact, int d)
{
    return fact && fact->shape.rank > d ? fact->shape.dims[d] : QN_DIM_UNKNOWN;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct rnn *p = params;
    const struct qn_fact *x = qn_infer_in(in, X), *r = qn_infer_in(in, R);
    int64_t d = n_directions(p), g = n_gates(p->cell), h = p->hidden_size, size = dim_of(x, 2);
    int64_t t = dim_of(x, p->layout ? 1 : 0), b = dim_of(x, p->layout ? 0 : 1);
    struct qn_shape y = {.rank = 4}, y_h = {.rank = 3};

    QN_CHECK(x->shape.rank < 0 || x->shape.rank == 3, in->err, SHAPE, "X must have 3 dimensions, it has %d",
             x->shape.rank);
    if (h <= 0)
        h = dim_of(r, 2);
    QN_CHECK(!qn_dim_known(h) || h <= INT32_MAX, in->err, LIMIT, "the hidden size %lld is too large", (long long)h);
    QN_TRY(expect(in, W, "W", 3, (const int64_t[]){d, qn_dim_known(h) ? g * h : -1, size}));
    QN_TRY(expect(in, R, "R", 3, (const int64_t[]){d, qn_dim_known(h) ? g * h : -1, h}));
    QN_TRY(expect(in, B, "B", 2, (const int64_t[]){d, qn_dim_known(h) ? 2 * g * h : -1}));
    QN_TRY(expect(in, LENGTHS, "sequence_lens", 1, &b));
    QN_TRY(expect(in, INITIAL_H, "initial_h", 3, p->layout ? (const int64_t[]){b, d, h} : (const int64_t[]){d, b, h}));
    if (p->cell == CELL_LSTM) {
        QN_TRY(
            expect(in, INITIAL_C, "initial_c", 3, p->layout ? (const int64_t[]){b, d, h} : (const int64_t[]){d, b, h}));
        QN_TRY(expect(in, P, "P", 2, (const int64_t[]){d, qn_dim_known(h) ? 3 * h : -1}));
    }
    memcpy(y.dims, p->layout ? (const int64_t[]){b, t, d, h} : (const int64_t[]){t, d, b, h}, 4 * sizeof(int64_t));
    memcpy(y_h.dims, p->layout ? (const int64_t[]){b, d, h} : (const int64_t[]){d, b, h}, 3 * sizeof(int64_t));
    QN_TRY(qn_infer_out(in, 0, x->dtype, &y));
    QN_TRY(qn_infer_out(in, 1, x->dtype, &y_h));
    return qn_infer_out(in, 2, x->dtype, &y_h);
}

/* ---- What both kernels share ------------------------------------------------------------------------------------- */

struct sizes {
    int64_t t, b, i, h, d;
    int g;
    /* strides in elements: of X by step and batch entry, of Y by step, direction and entry, of states by direction and
     * entry */
    int64_t x_t, x_b, y_t, y_d, y_b, s_d, s_b;
};

static struct sizes sizes_of(const struct rnn *p, const int64_t *x, const int64_t *r)
{
    struct sizes s = {.d = n_directions(p), .g = n_gates(p->cell), .i = x[2], .h = r[2]};

    s.t = x[p->layout ? 1 : 0];
    s.b = x[p->layout ? 0 : 1];
    if (p->layout) {
        s.x_t = s.i, s.x_b = s.t * s.i;
        s.y_d = s.h, s.y_t = s.d * s.h, s.y_b = s.t * s.d * s.h;
        s.s_d = s.h, s.s_b = s.d * s.h;
    } else {
        s.x_b = s.i, s.x_t = s.b * s.i;
        s.y_b = s.h, s.y_d = s.b * s.h, s.y_t = s.d * s.b * s.h;
        s.s_b = s.h, s.s_d = s.b * s.h;
    }
    return s;
}

static bool is_reverse(const struct rnn *p, int64_t direction) { return p->direction == REVERSE || direction == 1; }

static enum qn_status check_lengths(const struct qn_call *call, const struct sizes *s)
{
    const struct qn_tensor *lengths = qn_in(call, LENGTHS);

    for (int64_t b = 0; lengths && b < s->b; b++) {
        int64_t n = qn_tensor_int(lengths, b);

        QN_CHECK(n >= 0 && n <= s->t, call->err, RANGE, "sequence length %lld is outside 0..%lld", (long long)n,
                 (long long)s->t);
    }
    return QN_OK;
}

static int64_t length_of(const struct qn_call *call, const struct sizes *s, int64_t b)
{
    const struct qn_tensor *lengths = qn_in(call, LENGTHS);

    return lengths ? qn_tensor_int(lengths, b) : s->t;
}

static double apply(const struct act *act, double x)
{
    double a = act->alpha, b = act->beta;

    switch (act->kind) {
    case RELU:
        return x > 0 ? x : 0;
    case TANH:
        return tanh(x);
    case SIGMOID:
        return 1 / (1 + exp(-x));
    case AFFINE:
        return a * x + b;
    case LEAKY_RELU:
        return x >= 0 ? x : a * x;
    case THRESHOLDED_RELU:
        return x > a ? x : 0;
    case SCALED_TANH:
        return a * tanh(b * x);
    case HARD_SIGMOID:
        return fmin(1, fmax(0, a * x + b));
    case ELU:
        return x >= 0 ? x : a * (exp(x) - 1);
    case SOFTSIGN:
        return x / (1 + fabs(x));
    default:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    }
}

/* ---- Reference: one direction, one batch entry, one step at a time, in double ------------------------------------ */

struct entry {
    const struct qn_call *call;
    const struct rnn *p;
    const struct sizes *s;
    int64_t d, b;
    double *h, *c, *gates, *next; /* [H], [H], [G*H], [H] */
};

static double read(const struct qn_call *call, int input, int64_t at)
{
    return qn_in(call, input) ? qn_tensor_double(qn_in(call, input), at) : 0;
}

static double clipped(const struct rnn *p, double x)
{
    return p->clip > 0 ? fmin(p->clip, fmax(-(double)p->clip, x)) : x;
}

/* W x + b of gate row j, without R h. */
static double from_input(const struct entry *e, int64_t t, int64_t j)
{
    const struct sizes *s = e->s;
    double sum = read(e->call, B, e->d * 2 * s->g * s->h + j);

    for (int64_t i = 0; i < s->i; i++)
        sum += read(e->call, X, t * s->x_t + e->b * s->x_b + i) * read(e->call, W, (e->d * s->g * s->h + j) * s->i + i);
    return sum;
}

/* R v + b of gate row j. */
static double from_state(const struct entry *e, const double *v, int64_t j)
{
    const struct sizes *s = e->s;
    double sum = read(e->call, B, (e->d * 2 + 1) * s->g * s->h + j);

    for (int64_t k = 0; k < s->h; k++)
        sum += v[k] * read(e->call, R, (e->d * s->g * s->h + j) * s->h + k);
    return sum;
}

static void lstm_step(struct entry *e, int64_t t)
{
    const struct act *acts = e->p->acts + 3 * e->d;
    int64_t h = e->s->h;

    for (int64_t j = 0; j < 4 * h; j++)
        e->gates[j] = from_input(e, t, j) + from_state(e, e->h, j);
    for (int64_t k = 0; k < h; k++) {
        const double *g = e->gates + k;
        double pi = read(e->call, P, e->d * 3 * h + k), po = read(e->call, P, e->d * 3 * h + h + k);
        double pf = read(e->call, P, e->d * 3 * h + 2 * h + k);
        double i = apply(&acts[0], clipped(e->p, g[0] + pi * e->c[k]));
        double f = e->p->input_forget ? 1 - i : apply(&acts[0], clipped(e->p, g[2 * h] + pf * e->c[k]));
        double c = f * e->c[k] + i * apply(&acts[1], clipped(e->p, g[3 * h]));
        double o = apply(&acts[0], clipped(e->p, g[h] + po * c));

        e->c[k] = c;
        e->next[k] = o * apply(&acts[2], c);
    }
}

static void gru_step(struct entry *e, int64_t t)
{
    const struct act *acts = e->p->acts + 2 * e->d;
    int64_t h = e->s->h;

    for (int64_t j = 0; j < 2 * h; j++)
        e->gates[j] = apply(&acts[0], clipped(e->p, from_input(e, t, j) + from_state(e, e->h, j)));
    for (int64_t k = 0; k < h; k++)
        e->c[k] = e->gates[h + k] * e->h[k]; /* the reset state */
    for (int64_t k = 0; k < h; k++) {
        double inner = e->p->linear_before_reset ? e->gates[h + k] * from_state(e, e->h, 2 * h + k)
                                                 : from_state(e, e->c, 2 * h + k);
        double candidate = apply(&acts[1], clipped(e->p, from_input(e, t, 2 * h + k) + inner));

        e->next[k] = (1 - e->gates[k]) * candidate + e->gates[k] * e->h[k];
    }
}

static void rnn_step(struct entry *e, int64_t t)
{
    for (int64_t k = 0; k < e->s->h; k++)
        e->next[k] = apply(&e->p->acts[e->d], clipped(e->p, from_input(e, t, k) + from_state(e, e->h, k)));
}

static void write(const struct qn_call *call, int output, int64_t at, double x)
{
    if (qn_out(call, output))
        qn_tensor_set_double(qn_out(call, output), at, x);
}

static void run_entry(struct entry *e)
{
    const struct sizes *s = e->s;
    int64_t length = length_of(e->call, s, e->b), state = e->d * s->s_d + e->b * s->s_b;

    for (int64_t k = 0; k < s->h; k++) {
        e->h[k] = read(e->call, INITIAL_H, state + k);
        e->c[k] = e->p->cell == CELL_LSTM ? read(e->call, INITIAL_C, state + k) : 0;
    }
    for (int64_t step = 0; step < s->t; step++) {
        int64_t t = step < length && is_reverse(e->p, e->d) ? length - 1 - step : step;

        if (step < length) {
            e->p->cell == CELL_LSTM ? lstm_step(e, t) : e->p->cell == CELL_GRU ? gru_step(e, t) : rnn_step(e, t);
            memcpy(e->h, e->next, (size_t)s->h * sizeof(double));
        }
        for (int64_t k = 0; k < s->h; k++)
            write(e->call, 0, t * s->y_t + e->d * s->y_d + e->b * s->y_b + k, step < length ? e->h[k] : 0);
    }
    for (int64_t k = 0; k < s->h; k++) {
        write(e->call, 1, state + k, e->h[k]);
        if (e->p->cell == CELL_LSTM)
            write(e->call, 2, state + k, e->c[k]);
    }
}

static size_t ref_workspace(const struct qn_site *site)
{
    size_t bytes, h = (size_t)site->in[R]->shape.dims[2];

    return qn_mul(h, 8 * sizeof(double), &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status rnn_ref(const struct qn_call *call)
{
    const struct rnn *p = call->params;
    struct sizes s = sizes_of(p, qn_in(call, X)->dims, qn_in(call, R)->dims);
    double *work = call->workspace;
    struct entry e = {
        .call = call, .p = p, .s = &s, .h = work, .c = work + s.h, .next = work + 2 * s.h, .gates = work + 3 * s.h};

    QN_TRY(check_lengths(call, &s));
    for (e.d = 0; e.d < s.d; e.d++)
        for (e.b = 0; e.b < s.b; e.b++)
            run_entry(&e);
    return QN_OK;
}

/* ---- Fast: float32, all entries of a batch together -------------------------------------------------------------- */

/* Packed W and R of every direction, and B's two halves added up (GRU's hidden gate keeps the state's half apart). */
struct packed {
    const float *w[2], *r[2];
    float *bias[2], *state_bias[2]; /* [G*H] each; state_bias only for GRU */
};

static const char *accept_f32_constant(const struct qn_site *site)
{
    if (site->in[X]->dtype != QN_FLOAT)
        return "not float32";
    if (!site->in[W]->konst || !site->in[R]->konst)
        return "weights are not constant";
    return site->n_in > B && site->in[B] && !site->in[B]->konst ? "bias is not constant" : NULL;
}

static enum qn_status pack_one(struct qn_arena *arena, int64_t k, int64_t n, const float *weights, const float **packed,
                               struct qn_err *err)
{
    size_t bytes;
    float *memory;

    QN_CHECK(qn_gemm_pack_b_bytes(QN_GEMM_F32, k, n, &bytes), err, LIMIT, "the weights are too large");
    memory = qn_arena_alloc_raw(arena, bytes);
    QN_CHECK_MEM(memory, err);
    qn_gemm_pack_b(QN_GEMM_F32, k, n, weights, k, true, memory);
    *packed = memory;
    return QN_OK;
}

static enum qn_status pack_bias(struct qn_arena *arena, const struct rnn *p, const struct sizes *s, const float *bias,
                                float **sum, float **state, struct qn_err *err)
{
    int64_t n = s->g * s->h;

    *sum = qn_arena_array(arena, (size_t)n, sizeof(float));
    *state = qn_arena_array(arena, (size_t)n, sizeof(float));
    QN_CHECK_MEM(*sum && *state ? arena : NULL, err);
    for (int64_t j = 0; bias && j < n; j++) {
        bool apart = p->cell == CELL_GRU && j >= 2 * s->h;

        (*sum)[j] = apart ? bias[j] : bias[j] + bias[n + j];
        (*state)[j] = apart ? bias[n + j] : 0;
    }
    return QN_OK;
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct rnn *p = site->params;
    const struct qn_tensor *w = site->in[W]->konst, *r = site->in[R]->konst;
    const struct qn_tensor *bias = site->n_in > B && site->in[B] ? site->in[B]->konst : NULL;
    struct sizes s = {.d = n_directions(p), .g = n_gates(p->cell), .i = w->dims[2], .h = r->dims[2]};
    struct packed *pack = qn_arena_alloc(arena, sizeof(*pack));
    int64_t n = s.g * s.h;

    QN_CHECK_MEM(pack, err);
    for (int64_t d = 0; d < s.d; d++) {
        const float *own_bias = bias ? (const float *)bias->data + d * 2 * n : NULL;

        QN_TRY(pack_one(arena, s.i, n, (const float *)w->data + d * n * s.i, &pack->w[d], err));
        QN_TRY(pack_one(arena, s.h, n, (const float *)r->data + d * n * s.h, &pack->r[d], err));
        QN_TRY(pack_bias(arena, p, &s, own_bias, &pack->bias[d], &pack->state_bias[d], err));
    }
    *packed = pack;
    return QN_OK;
}

/* Workspace: gates of all steps [T,B,G*H]; what R gives [B,G*H]; states h and c [B,H] each; a row [H]; times [B]; then
 * the products' own. */
struct layout {
    size_t gates, state, h, c, row, times, product, total; /* byte offsets */
};

static struct qn_gemm input_product(const struct sizes *s)
{
    return (struct qn_gemm){.m = s->t * s->b,
                            .n = s->g * s->h,
                            .k = s->i,
                            .lda = s->i,
                            .ldc = s->g * s->h,
                            .alpha = 1,
                            .b_packed = (const float *)1,
                            .a = (const float *)1,
                            .bias_col = (const float *)1};
}

static struct qn_gemm state_product(const struct sizes *s)
{
    return (struct qn_gemm){.m = s->b,
                            .n = s->g * s->h,
                            .k = s->h,
                            .lda = s->h,
                            .ldc = s->g * s->h,
                            .alpha = 1,
                            .b_packed = (const float *)1,
                            .a = (const float *)1,
                            .bias_col = (const float *)1};
}

static bool make_layout(const struct sizes *s, int n_threads, struct layout *l)
{
    struct qn_gemm input = input_product(s), state = state_product(s);
    size_t row, gates, n_input, n_state, at = 0;
    size_t *const offsets[] = {&l->gates, &l->state, &l->h, &l->c, &l->row, &l->times, &l->product};
    size_t sizes[7];

    if (!qn_mul((size_t)s->g * (size_t)s->h, sizeof(float), &row) || !qn_mul(row, (size_t)s->b, &sizes[1]) ||
        !qn_mul(sizes[1], (size_t)s->t, &gates) || !qn_gemm_bytes(&input, n_threads, &n_input) ||
        !qn_gemm_bytes(&state, n_threads, &n_state))
        return false;
    sizes[0] = gates;
    sizes[2] = sizes[3] = sizes[1];
    sizes[4] = row;
    sizes[5] = (size_t)s->b * sizeof(int64_t);
    sizes[6] = n_input > n_state ? n_input : n_state;
    for (int i = 0; i < 7; i++) {
        *offsets[i] = at;
        if (sizes[i] > SIZE_MAX / 16)
            return false;
        at += qn_round_up(sizes[i], 64);
    }
    l->total = at;
    return true;
}

static size_t workspace(const struct qn_site *site)
{
    struct sizes s = sizes_of(site->params, site->in[X]->shape.dims, site->in[R]->shape.dims);
    struct layout l;

    return make_layout(&s, site->threads, &l) ? l.total : SIZE_MAX;
}

static void activate(const struct rnn *p, const struct act *act, float *x, int64_t n)
{
    const struct qn_kern *kern = qn_kern();

    if (p->clip > 0) {
        const struct qn_act clip = {QN_ACT_CLIP, -p->clip, p->clip};

        kern->act(x, x, (size_t)n, &clip);
    }
    if (act->kind == SIGMOID)
        kern->sigmoid(x, x, (size_t)n);
    else if (act->kind == TANH)
        kern->tanh(x, x, (size_t)n);
    else
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)apply(act, x[i]);
}

static void activate_unclipped(const struct act *act, float *x, int64_t n)
{
    static const struct rnn no_clip;

    activate(&no_clip, act, x, n);
}

/* One step of one entry. x: what the input gives [G*H], overwritten; r: what the state gives [G*H]; h, c: states [H].
 */
static void lstm_cell(const struct rnn *p, const struct act *acts, const float *peephole, int64_t h, float *x,
                      const float *r, float *state, float *c, float *row)
{
    float *i = x, *o = x + h, *f = x + 2 * h, *g = x + 3 * h;

    for (int64_t k = 0; k < 4 * h; k++)
        x[k] += r[k];
    for (int64_t k = 0; peephole && k < h; k++) {
        i[k] += peephole[k] * c[k];
        f[k] += peephole[2 * h + k] * c[k];
    }
    activate(p, &acts[0], i, h);
    activate(p, &acts[0], f, h);
    activate(p, &acts[1], g, h);
    for (int64_t k = 0; k < h; k++) {
        c[k] = (p->input_forget ? 1 - i[k] : f[k]) * c[k] + i[k] * g[k];
        row[k] = c[k];
        if (peephole)
            o[k] += peephole[h + k] * c[k];
    }
    activate(p, &acts[0], o, h);
    activate_unclipped(&acts[2], row, h);
    for (int64_t k = 0; k < h; k++)
        state[k] = o[k] * row[k];
}

/* linear_before_reset: r holds all three gates. */
static void gru_cell_linear(const struct rnn *p, const struct act *acts, int64_t h, float *x, const float *r,
                            float *state)
{
    for (int64_t k = 0; k < 2 * h; k++)
        x[k] += r[k];
    activate(p, &acts[0], x, 2 * h);
    for (int64_t k = 0; k < h; k++)
        x[2 * h + k] += x[h + k] * r[2 * h + k];
    activate(p, &acts[1], x + 2 * h, h);
    for (int64_t k = 0; k < h; k++)
        state[k] = (1 - x[k]) * x[2 * h + k] + x[k] * state[k];
}

struct pass {
    const struct qn_call *call;
    const struct rnn *p;
    const struct packed *packed;
    struct sizes s;
    int64_t d;
    float *gates, *state, *h, *c, *row;
    struct qn_work work;
};

/* What R gives for all entries: state[B, G*H] = from[B, H] R^T + state bias. */
static void multiply_state(const struct pass *a, const float *from)
{
    struct qn_gemm gemm = state_product(&a->s);

    gemm.a = from;
    gemm.b_packed = a->packed->r[a->d];
    gemm.bias_col = a->p->cell == CELL_GRU ? a->packed->state_bias[a->d] : NULL;
    gemm.c = a->state;
    qn_gemm(&gemm, &a->work);
}

static float *gates_of(const struct pass *a, int64_t t, int64_t b)
{
    return a->gates + (a->p->layout ? b * a->s.t + t : t * a->s.b + b) * a->s.g * a->s.h;
}

/* GRU with the reset before the product: two products a step. c holds the reset state. */
static void gru_step_reset_first(const struct pass *a, const int64_t *times)
{
    const struct act *acts = a->p->acts + 2 * a->d;
    int64_t h = a->s.h;

    multiply_state(a, a->h);
    for (int64_t b = 0; b < a->s.b; b++) {
        float *x = times[b] >= 0 ? gates_of(a, times[b], b) : NULL;

        for (int64_t k = 0; x && k < 2 * h; k++)
            x[k] += a->state[b * 3 * h + k];
        if (x)
            activate(a->p, &acts[0], x, 2 * h);
        for (int64_t k = 0; k < h; k++)
            a->c[b * h + k] = x ? x[h + k] * a->h[b * h + k] : 0;
    }
    multiply_state(a, a->c);
    for (int64_t b = 0; b < a->s.b; b++) {
        float *x = times[b] >= 0 ? gates_of(a, times[b], b) : NULL;

        for (int64_t k = 0; x && k < h; k++)
            x[2 * h + k] += a->state[b * 3 * h + 2 * h + k];
        if (x)
            activate(a->p, &acts[1], x + 2 * h, h);
        for (int64_t k = 0; x && k < h; k++)
            a->h[b * h + k] = (1 - x[k]) * x[2 * h + k] + x[k] * a->h[b * h + k];
    }
}

static void plain_step(const struct pass *a, const int64_t *times)
{
    const struct qn_tensor *p = a->p->cell == CELL_LSTM ? qn_in(a->call, P) : NULL;
    int64_t h = a->s.h, n = a->s.g * h;

    multiply_state(a, a->h);
    for (int64_t b = 0; b < a->s.b; b++) {
        float *x, *state = a->h + b * h;
        const float *r = a->state + b * n;

        if (times[b] < 0)
            continue;
        x = gates_of(a, times[b], b);
        if (a->p->cell == CELL_LSTM) {
            lstm_cell(a->p, a->p->acts + 3 * a->d, p ? (const float *)p->data + a->d * 3 * h : NULL, h, x, r, state,
                      a->c + b * h, a->row);
        } else if (a->p->cell == CELL_GRU) {
            gru_cell_linear(a->p, a->p->acts + 2 * a->d, h, x, r, state);
        } else {
            for (int64_t k = 0; k < h; k++)
                state[k] = x[k] + r[k];
            activate(a->p, &a->p->acts[a->d], state, h);
        }
    }
}

/* Copies states between an input or output tensor and [B,H]; a missing input is zeros. */
static void load_state(const struct pass *a, const struct qn_tensor *from, float *to)
{
    for (int64_t b = 0; b < a->s.b; b++) {
        if (from)
            memcpy(to + b * a->s.h, (const float *)from->data + a->d * a->s.s_d + b * a->s.s_b,
                   (size_t)a->s.h * sizeof(float));
        else
            memset(to + b * a->s.h, 0, (size_t)a->s.h * sizeof(float));
    }
}

static void store_state(const struct pass *a, const float *from, struct qn_tensor *to)
{
    for (int64_t b = 0; to && b < a->s.b; b++)
        memcpy((float *)to->data + a->d * a->s.s_d + b * a->s.s_b, from + b * a->s.h, (size_t)a->s.h * sizeof(float));
}

static void store_step(const struct pass *a, int64_t step, const int64_t *times)
{
    struct qn_tensor *y = qn_out(a->call, 0);

    for (int64_t b = 0; y && b < a->s.b; b++) {
        int64_t t = times[b] >= 0 ? times[b] : step;
        float *to = (float *)y->data + t * a->s.y_t + a->d * a->s.y_d + b * a->s.y_b;

        if (times[b] >= 0)
            memcpy(to, a->h + b * a->s.h, (size_t)a->s.h * sizeof(float));
        else
            memset(to, 0, (size_t)a->s.h * sizeof(float));
    }
}

static void multiply_input(const struct pass *a)
{
    struct qn_gemm gemm = input_product(&a->s);

    gemm.a = qn_in(a->call, X)->data;
    gemm.b_packed = a->packed->w[a->d];
    gemm.bias_col = a->packed->bias[a->d];
    gemm.c = a->gates;
    qn_gemm(&gemm, &a->work);
}

/* times: for each entry the step's place in time, or -1 when its sequence has ended. */
static void run_direction(struct pass *a, int64_t *times)
{
    load_state(a, qn_in(a->call, INITIAL_H), a->h);
    if (a->p->cell == CELL_LSTM)
        load_state(a, qn_in(a->call, INITIAL_C), a->c);
    multiply_input(a);
    for (int64_t step = 0; step < a->s.t; step++) {
        for (int64_t b = 0; b < a->s.b; b++) {
            int64_t n = length_of(a->call, &a->s, b);

            times[b] = step >= n ? -1 : is_reverse(a->p, a->d) ? n - 1 - step : step;
        }
        if (a->p->cell == CELL_GRU && !a->p->linear_before_reset)
            gru_step_reset_first(a, times);
        else
            plain_step(a, times);
        store_step(a, step, times);
    }
    store_state(a, a->h, qn_out(a->call, 1));
    if (a->p->cell == CELL_LSTM)
        store_state(a, a->c, qn_out(a->call, 2));
}

static enum qn_status rnn_f32(const struct qn_call *call)
{
    struct pass a = {.call = call, .p = call->params, .packed = call->packed};
    char *work = call->workspace;
    struct layout l;

    a.s = sizes_of(a.p, qn_in(call, X)->dims, qn_in(call, R)->dims);
    QN_TRY(check_lengths(call, &a.s));
    make_layout(&a.s, qn_pool_threads(call->pool), &l);
    a.gates = (float *)(work + l.gates);
    a.state = (float *)(work + l.state);
    a.h = (float *)(work + l.h);
    a.c = (float *)(work + l.c);
    a.row = (float *)(work + l.row);
    a.work = (struct qn_work){work + l.product, qn_pool_threads(call->pool), call->pool};
    for (a.d = 0; a.d < a.s.d; a.d++)
        run_direction(&a, (int64_t *)(work + l.times));
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "rnn_f32", .accept = accept_f32_constant, .prepare = prepare, .workspace = workspace, .run = rnn_f32},
    {.name = "rnn_ref", .accept = qn_accept_not_narrow, .workspace = ref_workspace, .run = rnn_ref},
    {.name = NULL},
};

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

#define COMMON_ATTRS                                                                                                   \
    QN_STRINGS_ATTR(rnn, activations), QN_FLOATS_ATTR(rnn, activation_alpha), QN_FLOATS_ATTR(rnn, activation_beta),    \
        QN_FLOAT_ATTR(rnn, clip, 0), QN_ENUM_ATTR(rnn, direction, "forward", directions),                              \
        QN_INT_ATTR_RANGE(rnn, hidden_size, 0, 0, INT32_MAX)
#define OLD    QN_IGNORED_ATTR("output_sequence")
#define LAYOUT QN_INT_ATTR_RANGE(rnn, layout, 0, 0, 1)
#define FORGET QN_INT_ATTR(rnn, input_forget, 0)
#define LINEAR QN_INT_ATTR(rnn, linear_before_reset, 0)

#define COMMON_INPUTS(set)                                                                                             \
    QN_IN("X", 'T', set), QN_IN("W", 'T', set), QN_IN("R", 'T', set), QN_OPT("B", 'T', set),                           \
        QN_OPT("sequence_lens", '1', QN_BIT(INT32)), QN_OPT("initial_h", 'T', set)
#define ONE_STATE(set)  QN_FORMALS(COMMON_INPUTS(set))
#define TWO_STATES(set) QN_FORMALS(COMMON_INPUTS(set), QN_OPT("initial_c", 'T', set), QN_OPT("P", 'T', set))
#define TWO_OUTS(set)   QN_FORMALS(QN_OPT("Y", 'T', set), QN_OPT("Y_h", 'T', set))
#define THREE_OUTS(set) QN_FORMALS(QN_OPT("Y", 'T', set), QN_OPT("Y_h", 'T', set), QN_OPT("Y_c", 'T', set))

#define ROW(op, first, last, which, set, ins, outs, ...)                                                               \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = ins(set), .out = outs(set),               \
        .attrs = QN_ATTRS(COMMON_ATTRS, __VA_ARGS__), QN_PRESET(rnn, .cell = (which)), .parse = parse, .infer = infer, \
        .kernels = kernels, .tolerance = QN_ROUNDING                                                                   \
    }

const struct qn_op qn_ops_rnn[] = {
    ROW("RNN", 1, 6, CELL_RNN, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, OLD),
    ROW("RNN", 7, 13, CELL_RNN, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, {.name = NULL}),
    ROW("RNN", 14, 21, CELL_RNN, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, LAYOUT),
    ROW("RNN", 22, 27, CELL_RNN, QN_FLOATS, ONE_STATE, TWO_OUTS, LAYOUT),
    ROW("GRU", 1, 2, CELL_GRU, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, OLD),
    ROW("GRU", 3, 6, CELL_GRU, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, OLD, LINEAR),
    ROW("GRU", 7, 13, CELL_GRU, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, LINEAR),
    ROW("GRU", 14, 21, CELL_GRU, QN_FLOATS_STD, ONE_STATE, TWO_OUTS, LINEAR, LAYOUT),
    ROW("GRU", 22, 27, CELL_GRU, QN_FLOATS, ONE_STATE, TWO_OUTS, LINEAR, LAYOUT),
    ROW("LSTM", 1, 6, CELL_LSTM, QN_FLOATS_STD, TWO_STATES, THREE_OUTS, FORGET, OLD),
    ROW("LSTM", 7, 13, CELL_LSTM, QN_FLOATS_STD, TWO_STATES, THREE_OUTS, FORGET),
    ROW("LSTM", 14, 21, CELL_LSTM, QN_FLOATS_STD, TWO_STATES, THREE_OUTS, FORGET, LAYOUT),
    ROW("LSTM", 22, 27, CELL_LSTM, QN_FLOATS, TWO_STATES, THREE_OUTS, FORGET, LAYOUT),
    {.name = NULL},
};
