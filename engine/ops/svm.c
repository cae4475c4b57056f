/* svm.c: SVMClassifier and SVMRegressor of ai.onnx.ml: rows against support vectors through a kernel function, or,
 * without support vectors, rows times coefficients (liblinear). Features of every type are read as float32.
 *
 * Where the standard is silent, onnxruntime is followed: more than two classes have one score per pair of classes
 * unless there are probabilities; the label is the class most pairs voted for, also beside probabilities; two classes
 * have the scores
 * (-s, s), or with a transform (1 - s, s), of their one pair; without support vectors rho[0] serves all classes, and of
 * two classes the second is chosen when the greater score is above 0, or where no coefficient is negative at least 0.5.
 * The regressor knows no transform. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/ml.h"

enum kernel { LINEAR, POLY, RBF, SIGMOID };
static const char *const kernel_names[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};

struct svm {
    struct qn_ints classlabels_ints, vectors_per_class;
    struct qn_strs classlabels_strings;
    struct qn_floats rho, prob_a, prob_b, coefficients, support_vectors, kernel_params;
    int kernel_type, post_transform;
    int64_t n_supports;
    bool one_class;
    bool classifier;

    /* made by parse */
    struct qn_ml_labels labels;
    int kernel;
    float gamma, coef0, degree;
    const float *vectors; /* [n_vectors][features]: support vectors, or coefficients when there are none */
    int64_t n_vectors, features;
    int64_t n_pairs;  /* of classes; 0: linear */
    int64_t *first;   /* [classes + 1]: support vectors of class c begin at first[c] */
    bool no_negative; /* no coefficient is */
};

/* ---- Load ----------------------------------------------------------------------------------------------------- */

/* The matrix that rows are multiplied with. */
static enum qn_status set_vectors(struct svm *p, int64_t n_supports, int64_t n_rows, struct qn_err *err)
{
    const struct qn_floats *list = n_supports ? &p->support_vectors : &p->coefficients;

    p->n_vectors = n_supports ? n_supports : n_rows;
    p->vectors = list->v;
    QN_CHECK(list->n % (size_t)p->n_vectors == 0, err, FORMAT, "%zu %s for %lld %s", list->n,
             n_supports ? "numbers" : "coefficients", (long long)p->n_vectors,
             n_supports ? "support vectors" : "rows of coefficients");
    p->features = (int64_t)list->n / p->n_vectors;
    p->kernel = n_supports ? p->kernel_type : LINEAR;
    return QN_OK;
}

static enum qn_status parse_common(struct svm *p, struct qn_err *err)
{
    QN_CHECK(p->kernel_params.n == 0 || p->kernel_params.n == 3, err, FORMAT,
             "kernel_params has %zu entries, 3 expected", p->kernel_params.n);
    QN_CHECK(p->coefficients.n > 0, err, FORMAT, "coefficients are missing");
    QN_CHECK(p->rho.n > 0, err, FORMAT, "rho is missing");
    if (p->kernel_params.n) {
        p->gamma = p->kernel_params.v[0];
        p->coef0 = p->kernel_params.v[1];
        p->degree = p->kernel_params.v[2];
    }
    p->no_negative = true;
    for (size_t i = 0; i < p->coefficients.n; i++)
        p->no_negative = p->no_negative && p->coefficients.v[i] >= 0;
    return QN_OK;
}

static enum qn_status parse_regressor(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct svm *p = params;

    (void)node, (void)arena;
    QN_TRY(parse_common(p, err));
    QN_CHECK(p->n_supports == 0 || (int64_t)p->coefficients.n == p->n_supports, err, FORMAT,
             "%zu coefficients for %lld support vectors", p->coefficients.n, (long long)p->n_supports);
    return set_vectors(p, p->n_supports, 1, err);
}

static enum qn_status count_vectors(struct svm *p, struct qn_arena *arena, int64_t *n_supports, struct qn_err *err)
{
    *n_supports = 0;
    p->first = qn_arena_array(arena, p->vectors_per_class.n + 1, sizeof(*p->first));
    QN_CHECK_MEM(p->first, err);
    for (size_t c = 0; c < p->vectors_per_class.n; c++) {
        int64_t n = p->vectors_per_class.v[c];

        QN_CHECK(n >= 0 && qn_add64(*n_supports, n, n_supports), err, FORMAT, "class %zu has %lld support vectors", c,
                 (long long)n);
        p->first[c + 1] = *n_supports;
    }
    return QN_OK;
}

/* Every pair of classes has a rho and, where there are any, probabilities; every support vector a coefficient against
 * each other class. */
static enum qn_status check_pairs(struct svm *p, int64_t n_supports, struct qn_err *err)
{
    int64_t n_classes = p->labels.n, n_coefficients;

    QN_CHECK((int64_t)p->vectors_per_class.n == n_classes, err, FORMAT,
             "%zu counts of support vectors for %lld classes", p->vectors_per_class.n, (long long)n_classes);
    QN_CHECK(n_classes > 1 && n_classes < 65536, err, FORMAT, "%lld classes", (long long)n_classes);
    p->n_pairs = n_classes * (n_classes - 1) / 2;
    QN_CHECK((int64_t)p->rho.n >= p->n_pairs, err, FORMAT, "rho has %zu entries for %lld pairs of classes", p->rho.n,
             (long long)p->n_pairs);
    QN_CHECK(p->prob_a.n == 0 || (int64_t)p->prob_a.n >= p->n_pairs, err, FORMAT,
             "prob_a has %zu entries for %lld pairs of classes", p->prob_a.n, (long long)p->n_pairs);
    QN_CHECK(qn_mul64(n_classes - 1, n_supports, &n_coefficients) && (int64_t)p->coefficients.n >= n_coefficients, err,
             FORMAT, "%zu coefficients for %lld support vectors against %lld classes", p->coefficients.n,
             (long long)n_supports, (long long)n_classes - 1);
    return QN_OK;
}

static enum qn_status parse_classifier(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct svm *p = params;
    int64_t n_supports;

    (void)node;
    p->classifier = true;
    QN_TRY(parse_common(p, err));
    QN_TRY(qn_ml_labels_init(&p->labels, &p->classlabels_ints, &p->classlabels_strings, err));
    QN_CHECK(p->labels.n > 0, err, FORMAT, "class labels are missing");
    QN_CHECK(p->prob_a.n == p->prob_b.n, err, FORMAT, "prob_a has %zu entries, prob_b %zu", p->prob_a.n, p->prob_b.n);
    QN_TRY(count_vectors(p, arena, &n_supports, err));
    if (n_supports)
        QN_TRY(check_pairs(p, n_supports, err));
    return set_vectors(p, n_supports, p->labels.n, err);
}

static int64_t n_scores(const struct svm *p)
{
    if (p->n_pairs == 0 || p->prob_a.n)
        return p->labels.n;
    return p->labels.n > 2 ? p->n_pairs : 2;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct svm *p = params;
    struct qn_ml_rows rows;

    QN_TRY(qn_ml_infer_rows(in, &rows));
    QN_TRY(qn_ml_check_features(in, &rows, p->features));
    if (!p->classifier)
        return qn_infer_out(in, 0, QN_FLOAT, &(struct qn_shape){2, {rows.n, 1}});
    QN_TRY(qn_infer_out(in, 0, qn_ml_labels_dtype(&p->labels), &(struct qn_shape){1, {rows.n}}));
    return qn_infer_out(in, 1, QN_FLOAT, &(struct qn_shape){2, {rows.n, n_scores(p)}});
}

/* ---- Probabilities -------------------------------------------------------------------------------------------- */

/* Platt's sigmoid of a pair's score, kept off 0 and 1. */
static float pair_probability(float score, float a, float b)
{
    float v = score * a + b, e = expf(-fabsf(v)), p = v < 0 ? 1 / (1 + e) : e / (1 + e);

    return p < 1e-7f ? 1e-7f : p > 1 - 1e-7f ? 1 - 1e-7f : p;
}

/* Probabilities p[k] of classes from those of pairs, r[i][j] being that of i against j: Wu, Lin and Weng, "Probability
 * Estimates for Multi-class Classification by Pairwise Coupling", second method, with libsvm's limits. q: [k][k], qp:
 * [k]. */
static void couple(int64_t k, const float *r, float *p, float *q, float *qp)
{
    float enough = 0.005f / (float)k;

    for (int64_t i = 0; i < k; i++) {
        float sum = 0;

        for (int64_t j = 0; j < k; j++) {
            sum += j == i ? 0 : r[j * k + i] * r[j * k + i];
            q[i * k + j] = -r[j * k + i] * r[i * k + j];
        }
        q[i * k + i] = sum;
        p[i] = 1 / (float)k;
    }
    for (int round = 0; round < 100; round++) {
        float pqp = 0, worst = 0;

        for (int64_t i = 0; i < k; i++) {
            qp[i] = 0;
            for (int64_t j = 0; j < k; j++)
                qp[i] += q[i * k + j] * p[j];
            pqp += p[i] * qp[i];
        }
        for (int64_t i = 0; i < k; i++)
            worst = fabsf(qp[i] - pqp) > worst ? fabsf(qp[i] - pqp) : worst;
        if (worst < enough)
            return;
        for (int64_t i = 0; i < k; i++) {
            float d = (pqp - qp[i]) / q[i * k + i];

            p[i] += d;
            pqp = (pqp + d * (d * q[i * k + i] + 2 * qp[i])) / (1 + d) / (1 + d);
            for (int64_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + d * q[i * k + j]) / (1 + d);
                p[j] /= 1 + d;
            }
        }
    }
}

/* ---- One row, when its kernel values are known ---------------------------------------------------------------- */

/* Room for one row's way from pairs to classes. */
struct room {
    float *pairs;   /* [n_pairs] */
    float *r, *q;   /* [classes][classes] */
    float *qp;      /* [classes] */
    int64_t *votes; /* [classes] */
};

static size_t room_bytes(const struct svm *p)
{
    size_t k = (size_t)p->labels.n, squares = p->prob_a.n ? 2 * k * k : 0;

    if (p->n_pairs == 0)
        return 0;
    return qn_round_up(((size_t)p->n_pairs + squares + k) * sizeof(float), 64) + qn_round_up(k * sizeof(int64_t), 64);
}

static struct room make_room(const struct svm *p, char *at)
{
    size_t k = (size_t)p->labels.n, squares = p->prob_a.n ? 2 * k * k : 0;
    struct room room = {.pairs = (float *)(void *)at};

    room.r = room.pairs + p->n_pairs;
    room.q = room.r + squares / 2;
    room.qp = room.r + squares;
    room.votes = (int64_t *)(void *)(at + qn_round_up(((size_t)p->n_pairs + squares + k) * sizeof(float), 64));
    return room;
}

/* Support vectors of class i against class j. The coefficients have a row for every class but one: i's own is left out.
 */
static double side(const struct svm *p, const float *values, int64_t i, int64_t j)
{
    const float *c = p->coefficients.v + (j < i ? j : j - 1) * p->n_vectors;
    double sum = 0;

    for (int64_t v = p->first[i]; v < p->first[i + 1]; v++)
        sum += (double)c[v] * (double)values[v];
    return sum;
}

static int64_t vote(const struct svm *p, const float *values, const struct room *room)
{
    int64_t k = p->labels.n, pair = 0, best = 0;

    memset(room->votes, 0, (size_t)k * sizeof(*room->votes));
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = i + 1; j < k; j++, pair++) {
            double score = side(p, values, i, j) + side(p, values, j, i) + (double)p->rho.v[pair];

            room->pairs[pair] = (float)score;
            room->votes[score > 0 ? i : j]++;
        }
    }
    for (int64_t i = 1; i < k; i++)
        best = room->votes[i] > room->votes[best] ? i : best;
    return best;
}

static void put_probabilities(const struct svm *p, const struct room *room, float *z)
{
    int64_t k = p->labels.n, pair = 0;

    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = i + 1; j < k; j++, pair++) {
            float chance = pair_probability(room->pairs[pair], p->prob_a.v[pair], p->prob_b.v[pair]);

            room->r[i * k + j] = chance;
            room->r[j * k + i] = 1 - chance;
        }
    }
    couple(k, room->r, z, room->q, room->qp);
    qn_ml_post(p->post_transform, z, k);
}

static int64_t finish_pairs(const struct svm *p, const float *values, const struct room *room, float *z)
{
    int64_t label = vote(p, values, room);

    if (p->prob_a.n) {
        put_probabilities(p, room, z);
    } else if (p->n_pairs > 1) {
        memcpy(z, room->pairs, (size_t)p->n_pairs * sizeof(*z));
        qn_ml_post(p->post_transform, z, p->n_pairs);
    } else {
        qn_ml_post_pair(p->post_transform, p->post_transform != QN_ML_NONE, room->pairs[0], z);
    }
    return label;
}

static int64_t finish_linear(const struct svm *p, const float *values, float *z)
{
    int64_t k = p->labels.n, best = 0;

    for (int64_t i = 0; i < k; i++) {
        z[i] = values[i] + p->rho.v[0];
        best = z[i] > z[best] ? i : best;
    }
    if (k == 2 && !p->prob_a.n && (p->no_negative ? z[best] >= 0.5f : z[best] > 0))
        best = 1;
    qn_ml_post(p->post_transform, z, k);
    return best;
}

static float finish_regression(const struct svm *p, const float *values)
{
    double sum = (double)p->rho.v[0];

    if (p->n_supports)
        for (int64_t v = 0; v < p->n_vectors; v++)
            sum += (double)p->coefficients.v[v] * (double)values[v];
    else
        sum += (double)values[0];
    return p->one_class ? (sum > 0 ? 1.0f : -1.0f) : (float)sum;
}

static void finish(const struct svm *p, const struct qn_call *call, int64_t row, const float *values, char *room)
{
    float *z = qn_out(call, p->classifier)->data;
    int64_t label;

    if (!p->classifier) {
        z[row] = finish_regression(p, values);
        return;
    }
    z += row * n_scores(p);
    if (p->n_pairs) {
        struct room r = make_room(p, room);

        label = finish_pairs(p, values, &r, z);
    } else {
        label = finish_linear(p, values, z);
    }
    qn_ml_labels_put(&p->labels, label, qn_out(call, 0), row);
}

/* ---- Kernel values -------------------------------------------------------------------------------------------- */

/* From the distance or product of a row and a vector to the kernel's value. */
static float kernel_value(const struct svm *p, float x)
{
    switch (p->kernel) {
    case POLY:
        x = p->gamma * x + p->coef0;
        return p->degree == 2 ? x * x : p->degree == 3 ? x * x * x : powf(x, p->degree);
    case RBF:
        return expf(-p->gamma * x);
    case SIGMOID:
        return tanhf(p->gamma * x + p->coef0);
    default:
        return x;
    }
}

static void kernel_row(const struct svm *p, float *row)
{
    const struct qn_kern *kern = qn_kern();
    size_t n = (size_t)p->n_vectors;

    switch (p->kernel) {
    case RBF:
        kern->vs[QN_MUL](row, row, -p->gamma, n);
        kern->exp(row, row, n);
        break;
    case SIGMOID:
        kern->scale_shift(row, row, p->gamma, p->coef0, n);
        kern->tanh(row, row, n);
        break;
    case POLY:
        for (size_t v = 0; v < n; v++)
            row[v] = kernel_value(p, row[v]);
        break;
    default:
        break;
    }
}

/* ---- Fast: blocks of rows against packed vectors -------------------------------------------------------------- */

enum { BLOCK = 32 };

struct block {
    const struct svm *p;
    const struct qn_call *call;
    const float *x, *panels; /* rows of the block; vectors as panels of [features][QN_GEMM_PANEL] */
    int64_t first, n;        /* rows */
    float *values;           /* [n][n_vectors] */
    char *rooms;             /* [threads][room_bytes] */
};

static int64_t n_panels(const struct svm *p) { return (p->n_vectors + QN_GEMM_PANEL - 1) / QN_GEMM_PANEL; }

/* Squared distances of a row to the vectors of one panel: of differences, because a difference of sums of squares would
 * have no digits left for near neighbours far from the origin. */
static void distances(const struct block *b, int64_t row, int64_t panel)
{
    const float *x = b->x + row * b->p->features, *v = b->panels + panel * QN_GEMM_PANEL * b->p->features;
    int64_t first = panel * QN_GEMM_PANEL, left = b->p->n_vectors - first;
    float sum[QN_GEMM_PANEL] = {0};

    for (int64_t f = 0; f < b->p->features; f++) {
        for (int i = 0; i < QN_GEMM_PANEL; i++) {
            float d = x[f] - v[f * QN_GEMM_PANEL + i];

            sum[i] += d * d;
        }
    }
    memcpy(b->values + row * b->p->n_vectors + first, sum,
           (size_t)(left < QN_GEMM_PANEL ? left : QN_GEMM_PANEL) * sizeof(*sum));
}

static void distances_part(void *arg, int part, int n_parts)
{
    const struct block *b = arg;
    int64_t begin, end, panels = n_panels(b->p);

    qn_pool_slice(b->n * panels, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        distances(b, i / panels, i % panels);
}

static void finish_part(void *arg, int part, int n_parts)
{
    const struct block *b = arg;
    int64_t begin, end;

    qn_pool_slice(b->n, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        float *row = b->values + i * b->p->n_vectors;

        kernel_row(b->p, row);
        finish(b->p, b->call, b->first + i, row, b->rooms + (size_t)part * room_bytes(b->p));
    }
}

static int count_parts(const struct qn_call *call, int64_t n, double cost)
{
    int parts = qn_ml_parts(call->pool, n, cost);

    return parts < call->threads ? parts : call->threads;
}

static struct qn_gemm gemm_of(const struct svm *p, int64_t n)
{
    return (struct qn_gemm){.m = n,
                            .n = p->n_vectors,
                            .k = p->features,
                            .lda = p->features,
                            .b_packed = p->vectors,
                            .ldc = p->n_vectors,
                            .alpha = 1};
}

/* Parts of the workspace. */
struct layout {
    size_t floats, values, rooms, gemm, total; /* offsets: rows as float32, kernel values, rooms, the product's own */
};

static bool make_layout(const struct svm *p, bool converts, int threads, struct layout *l)
{
    struct qn_gemm gemm = gemm_of(p, BLOCK);
    size_t floats, values, rooms, product;

    if (!qn_mul((size_t)p->features, converts ? BLOCK * sizeof(float) : 0, &floats) || floats > SIZE_MAX / 8 ||
        !qn_mul((size_t)p->n_vectors, BLOCK * sizeof(float), &values) || values > SIZE_MAX / 8 ||
        !qn_mul(room_bytes(p), (size_t)threads, &rooms) || rooms > SIZE_MAX / 8 ||
        !qn_gemm_bytes(&gemm, threads, &product) || product > SIZE_MAX / 8)
        return false;
    l->floats = 0;
    l->values = qn_round_up(floats, 64);
    l->rooms = l->values + qn_round_up(values, 64);
    l->gemm = l->rooms + qn_round_up(rooms, 64);
    l->total = l->gemm + product;
    return true;
}

static size_t workspace(const struct qn_site *site)
{
    struct layout l;

    return make_layout(site->params, site->in[0]->dtype != QN_FLOAT, site->threads, &l) ? l.total : SIZE_MAX;
}

static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct svm *p = site->params;
    size_t n_bytes;
    float *panels;

    *packed = NULL;
    QN_CHECK(qn_gemm_pack_b_bytes(QN_GEMM_F32, p->features, p->n_vectors, &n_bytes), err, LIMIT,
             "the support vectors are too many");
    panels = qn_arena_alloc(arena, n_bytes);
    QN_CHECK_MEM(panels, err);
    qn_gemm_pack_b(QN_GEMM_F32, p->features, p->n_vectors, p->vectors, p->features, true, panels);
    *packed = panels;
    return QN_OK;
}

static void run_block(struct block *b, char *gemm_room)
{
    const struct svm *p = b->p;
    double classes = p->n_pairs ? (double)p->labels.n - 1 : 1;

    if (p->kernel == RBF) {
        qn_pool_run(b->call->pool, count_parts(b->call, b->n * n_panels(p), QN_GEMM_PANEL * (double)p->features / 2),
                    distances_part, b);
    } else {
        struct qn_gemm gemm = gemm_of(p, b->n);

        gemm.a = b->x;
        gemm.b_packed = b->panels;
        gemm.c = b->values;
        qn_gemm(&gemm, &(struct qn_work){gemm_room, b->call->threads, b->call->pool});
    }
    qn_pool_run(b->call->pool, count_parts(b->call, b->n, (double)p->n_vectors * (4 + classes)), finish_part, b);
}

static enum qn_status svm_blocks(const struct qn_call *call)
{
    const struct svm *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_ml_rows rows = qn_ml_rows_of(x);
    struct block b = {.p = p, .call = call, .panels = call->packed};
    char *room = call->workspace;
    struct layout l;

    QN_CHECK(make_layout(p, x->dtype != QN_FLOAT, call->threads, &l), call->err, LIMIT, "the workspace is too large");
    b.values = (float *)(void *)(room + l.values);
    b.rooms = room + l.rooms;
    for (b.first = 0; b.first < rows.n; b.first += BLOCK) {
        b.n = rows.n - b.first < BLOCK ? rows.n - b.first : BLOCK;
        b.x = qn_ml_floats(x, b.first * rows.f, b.n * rows.f, (float *)(void *)(room + l.floats));
        QN_TRY(qn_call_poll(call));
        run_block(&b, room + l.gemm);
    }
    return QN_OK;
}

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static float plain_value(const struct svm *p, const struct qn_tensor *x, int64_t row, const float *v)
{
    double sum = 0;

    for (int64_t f = 0; f < p->features; f++) {
        double a = (double)(float)qn_tensor_double(x, row * p->features + f), b = (double)v[f];

        sum += p->kernel == RBF ? (a - b) * (a - b) : a * b;
    }
    return kernel_value(p, (float)sum);
}

static enum qn_status svm_ref(const struct qn_call *call)
{
    const struct svm *p = call->params;
    struct layout l;
    float *values;

    QN_CHECK(make_layout(p, false, call->threads, &l), call->err, LIMIT, "the workspace is too large");
    values = (float *)(void *)((char *)call->workspace + l.values);
    for (int64_t i = 0, n = qn_ml_rows_of(qn_in(call, 0)).n; i < n; i++) {
        for (int64_t v = 0; v < p->n_vectors; v++)
            values[v] = plain_value(p, qn_in(call, 0), i, p->vectors + v * p->features);
        finish(p, call, i, values, (char *)call->workspace + l.rooms);
    }
    return QN_OK;
}

static double flops(const struct qn_site *site)
{
    const struct svm *p = site->params;
    const struct qn_shape *shape = &site->in[0]->shape;

    return 2.0 * (double)p->n_vectors * (double)p->features * (shape->rank == 2 ? (double)shape->dims[0] : 1);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {
    {.name = "svm_blocks", .prepare = prepare, .workspace = workspace, .run = svm_blocks},
    {.name = "svm_ref", .workspace = workspace, .run = svm_ref},
    {.name = NULL},
};

#define COMMON                                                                                                         \
    QN_FLOATS_ATTR(svm, rho), QN_FLOATS_ATTR(svm, coefficients), QN_FLOATS_ATTR(svm, support_vectors),                 \
        QN_FLOATS_ATTR(svm, kernel_params), QN_ENUM_ATTR(svm, kernel_type, "LINEAR", kernel_names),                    \
        QN_ENUM_ATTR(svm, post_transform, "NONE", qn_ml_posts)

#define ROW(op, ...)                                                                                                   \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = 1, .until = QN_NEWEST_ML, QN_PARAMS(svm), .infer = infer,       \
        .kernels = kernels, .tolerance = QN_ROUNDING, .flops = flops, __VA_ARGS__                                      \
    }

const struct qn_op qn_ops_svm[] = {
    ROW("SVMClassifier", .in = QN_FORMALS(QN_IN("X", '1', QN_ML_NUMBERS)),
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING) | QN_BIT(INT64)), QN_OUT("Z", 0, QN_BIT(FLOAT))),
        .attrs =
            QN_ATTRS(COMMON, QN_INTS_ATTR(svm, classlabels_ints), QN_STRINGS_ATTR(svm, classlabels_strings),
                     QN_FLOATS_ATTR(svm, prob_a), QN_FLOATS_ATTR(svm, prob_b), QN_INTS_ATTR(svm, vectors_per_class)),
        .parse = parse_classifier),
    ROW("SVMRegressor", .in = QN_FORMALS(QN_IN("X", 'T', QN_ML_NUMBERS)),
        .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(FLOAT))),
        .attrs = QN_ATTRS(COMMON, QN_INT_ATTR_RANGE(svm, n_supports, 0, 0, INT64_MAX), QN_BOOL_ATTR(svm, one_class, 0)),
        .parse = parse_regressor),
    {.name = NULL},
};
