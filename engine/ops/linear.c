/* linear.c: LinearClassifier, LinearRegressor of ai.onnx.ml: rows of features times a matrix of coefficients, plus
 * intercepts, then a transform of the scores. Features of every type are read as float32. As in onnxruntime, one score
 * against two labels becomes two (ml.h), the label being the second one's above 0; one score alone knows no transform
 * but PROBIT; multi_class changes nothing. */
#include "base/checked.h"
#include "ops/ml.h"

struct linear {
    struct qn_floats coefficients; /* [n_scores][features] */
    struct qn_floats intercepts;   /* [n_scores], or none */
    int post_transform;
    int64_t targets; /* of the regressor */
    struct qn_ints classlabels_ints;
    struct qn_strs classlabels_strings;
    struct qn_ml_labels labels;
    bool classifier;
};

/* Rows of coefficients; 0 when only the features can tell. */
static int64_t known_scores(const struct linear *p) { return p->classifier ? (int64_t)p->intercepts.n : p->targets; }

static int64_t count_scores(const struct linear *p, int64_t features)
{
    int64_t n = known_scores(p);

    return n ? n : features ? (int64_t)p->coefficients.n / features : 0;
}

static bool is_pair(const struct linear *p, int64_t n_scores)
{
    return p->classifier && n_scores == 1 && p->labels.n == 2;
}

/* ---- Load ----------------------------------------------------------------------------------------------------- */

static enum qn_status parse_classifier(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct linear *p = params;

    (void)node, (void)arena;
    p->classifier = true;
    return qn_ml_labels_init(&p->labels, &p->classlabels_ints, &p->classlabels_strings, err);
}

static enum qn_status parse_regressor(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct linear *p = params;

    (void)node, (void)arena;
    QN_CHECK(p->intercepts.n == 0 || (int64_t)p->intercepts.n == p->targets, err, FORMAT,
             "%zu intercepts for %lld targets", p->intercepts.n, (long long)p->targets);
    return QN_OK;
}

static enum qn_status check_coefficients(struct qn_infer *in, const struct linear *p, int64_t f, int64_t n_scores)
{
    int64_t want;

    QN_CHECK(n_scores > 0 && qn_mul64(n_scores, f, &want) && want == (int64_t)p->coefficients.n, in->err, SHAPE,
             "%zu coefficients for %lld scores of rows of %lld features", p->coefficients.n, (long long)n_scores,
             (long long)f);
    return QN_OK;
}

static enum qn_status check_labels(struct qn_infer *in, const struct linear *p, int64_t n_scores)
{
    QN_CHECK(p->labels.n == (n_scores == 1 ? 2 : n_scores) || (n_scores == 1 && p->labels.n == 0), in->err, FORMAT,
             "%lld class labels for %lld scores", (long long)p->labels.n, (long long)n_scores);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct linear *p = params;
    int64_t n_scores = known_scores(p);
    struct qn_ml_rows rows;

    QN_TRY(qn_ml_infer_rows(in, &rows));
    if (qn_dim_known(rows.f)) {
        n_scores = count_scores(p, rows.f);
        QN_TRY(check_coefficients(in, p, rows.f, n_scores));
    }
    if (p->classifier && n_scores > 0)
        QN_TRY(check_labels(in, p, n_scores));
    if (n_scores == 0)
        n_scores = QN_DIM_UNKNOWN;
    else if (is_pair(p, n_scores))
        n_scores = 2;
    if (p->classifier)
        QN_TRY(qn_infer_out(in, 0, qn_ml_labels_dtype(&p->labels), &(struct qn_shape){1, {rows.n}}));
    return qn_infer_out(in, p->classifier, QN_FLOAT, &(struct qn_shape){2, {rows.n, n_scores}});
}

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

/* Scores of rows, `step` apart: score[i][r] = x[i] . coefficients[r] + intercepts[r]. */
struct run {
    const struct linear *p;
    const struct qn_tensor *x;
    struct qn_ml_rows rows;
    int64_t n_scores, step;
    float *scores;
};

static struct qn_gemm gemm_of(const struct linear *p, struct qn_ml_rows rows, int64_t n_scores)
{
    return (struct qn_gemm){
        .m = rows.n,
        .n = n_scores,
        .k = rows.f,
        .lda = rows.f,
        .b = p->coefficients.v,
        .ldb = rows.f,
        .b_trans = true,
        .alpha = 1,
        .bias_col = p->intercepts.n ? p->intercepts.v : NULL,
    };
}

static size_t workspace(const struct qn_site *site)
{
    const struct linear *p = site->params;
    const struct qn_shape *shape = &site->in[0]->shape;
    struct qn_ml_rows rows = {shape->rank == 2 ? shape->dims[0] : 1, shape->rank ? shape->dims[shape->rank - 1] : 1};
    int64_t n_scores = count_scores(p, rows.f);
    struct qn_gemm gemm = gemm_of(p, rows, n_scores);
    bool converts = site->in[0]->dtype != QN_FLOAT;
    size_t floats = 0, room, total;

    gemm.b_packed = p->intercepts.n || !p->classifier ? p->coefficients.v : NULL;
    if (converts && (!qn_mul((size_t)rows.n * sizeof(float), (size_t)rows.f, &floats) || floats > SIZE_MAX / 2))
        return SIZE_MAX;
    floats = qn_round_up(floats, 64);
    if (!qn_gemm_bytes(&gemm, site->threads, &room) || !qn_add(floats, room, &total))
        return SIZE_MAX;
    return total;
}

static struct run start(const struct qn_call *call)
{
    const struct linear *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct run r = {.p = p, .x = x, .rows = qn_ml_rows_of(x), .scores = qn_out(call, p->classifier)->data};

    r.n_scores = count_scores(p, r.rows.f);
    r.step = is_pair(p, r.n_scores) ? 2 : r.n_scores;
    return r;
}

/* The first of the greatest scores; a NaN is not greater. */
static int64_t best(const float *score, int64_t n)
{
    int64_t at = 0;

    for (int64_t i = 1; i < n; i++)
        at = score[i] > score[at] ? i : at;
    return at;
}

static enum qn_status finish(const struct run *r, const struct qn_call *call)
{
    const struct linear *p = r->p;

    for (int64_t i = 0; i < r->rows.n; i++) {
        float *score = r->scores + i * r->step;

        if (p->classifier)
            qn_ml_labels_put(&p->labels, r->n_scores == 1 ? *score > 0 : best(score, r->n_scores), qn_out(call, 0), i);
        if (r->step > r->n_scores)
            qn_ml_post_pair(p->post_transform, true, *score, score);
        else
            qn_ml_post(p->post_transform, score, r->n_scores);
    }
    return QN_OK;
}

static enum qn_status linear_ref(const struct qn_call *call)
{
    struct run r = start(call);
    const struct linear *p = r.p;

    for (int64_t i = 0; i < r.rows.n; i++) {
        for (int64_t k = 0; k < r.n_scores; k++) {
            double sum = p->intercepts.n ? (double)p->intercepts.v[k] : 0;

            for (int64_t j = 0; j < r.rows.f; j++)
                sum += (double)(float)qn_tensor_double(r.x, i * r.rows.f + j) *
                       (double)p->coefficients.v[k * r.rows.f + j];
            r.scores[i * r.step + k] = (float)sum;
        }
    }
    return finish(&r, call);
}

/* The number of scores is a matter of parameters, and so is then the packed form; else there is none. */
static enum qn_status prepare(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct linear *p = site->params;
    int64_t n_scores = known_scores(p), f = n_scores ? (int64_t)p->coefficients.n / n_scores : 0;
    float *panels;
    size_t n_bytes;

    *packed = NULL;
    if (n_scores == 0)
        return QN_OK;
    QN_CHECK(qn_gemm_pack_b_bytes(QN_GEMM_F32, f, n_scores, &n_bytes), err, LIMIT, "the coefficients are too many");
    panels = qn_arena_alloc(arena, n_bytes);
    QN_CHECK_MEM(panels, err);
    qn_gemm_pack_b(QN_GEMM_F32, f, n_scores, p->coefficients.v, f, true, panels);
    *packed = panels;
    return QN_OK;
}

static enum qn_status linear_gemm(const struct qn_call *call)
{
    struct run r = start(call);
    struct qn_gemm gemm = gemm_of(r.p, r.rows, r.n_scores);
    char *room = call->workspace;

    gemm.a = qn_ml_floats(r.x, 0, r.rows.n * r.rows.f, (float *)call->workspace);
    gemm.b_packed = call->packed;
    gemm.c = r.scores;
    gemm.ldc = r.step;
    room += r.x->dtype == QN_FLOAT ? 0 : qn_round_up((size_t)(r.rows.n * r.rows.f) * sizeof(float), 64);
    qn_gemm(&gemm, &(struct qn_work){.data = room, .n_threads = call->threads, .pool = call->pool});
    return finish(&r, call);
}

static double flops(const struct qn_site *site)
{
    const struct linear *p = site->params;
    const struct qn_shape *shape = &site->in[0]->shape;

    return 2.0 * (double)p->coefficients.n * (shape->rank == 2 ? (double)shape->dims[0] : 1);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {
    {.name = "linear_gemm", .prepare = prepare, .workspace = workspace, .run = linear_gemm},
    {.name = "linear_ref", .run = linear_ref},
    {.name = NULL},
};

#define ROW(op, ...)                                                                                                   \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = 1, .until = QN_NEWEST_ML, QN_PARAMS(linear), .infer = infer,    \
        .kernels = kernels, .tolerance = QN_ROUNDING, .flops = flops, __VA_ARGS__                                      \
    }

const struct qn_op qn_ops_linear[] = {
    ROW("LinearClassifier", .in = QN_FORMALS(QN_IN("X", '1', QN_ML_NUMBERS)),
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING) | QN_BIT(INT64)), QN_OUT("Z", 0, QN_BIT(FLOAT))),
        .attrs = QN_ATTRS(QN_INTS_ATTR(linear, classlabels_ints), QN_STRINGS_ATTR(linear, classlabels_strings),
                          {.name = "coefficients",
                           .form = QN_FORM_FLOATS,
                           .required = true,
                           .offset = offsetof(struct linear, coefficients)},
                          QN_FLOATS_ATTR(linear, intercepts),
                          {.name = "multi_class", .form = QN_FORM_IGNORED, .kind = QN_ATTR_INT},
                          QN_ENUM_ATTR(linear, post_transform, "NONE", qn_ml_posts)),
        .parse = parse_classifier),
    ROW("LinearRegressor", .in = QN_FORMALS(QN_IN("X", 'T', QN_ML_NUMBERS)),
        .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(FLOAT))),
        .attrs = QN_ATTRS(QN_FLOATS_ATTR(linear, coefficients), QN_FLOATS_ATTR(linear, intercepts),
                          QN_ENUM_ATTR(linear, post_transform, "NONE", qn_ml_posts),
                          QN_INT_ATTR_RANGE(linear, targets, 1, 1, INT64_MAX)),
        .parse = parse_regressor),
    {.name = NULL},
};
