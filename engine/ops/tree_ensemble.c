/* tree_ensemble.c: TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble of ai.onnx.ml: what leaves add up to,
 * and what becomes of the sums. The trees themselves are in trees.h.
 *
 * Sums are made in the order of the trees, in float32, or in float64 where the weights are doubles: the same bits for
 * every batch and any number of threads, and those of onnxruntime on one thread. Where the standard leaves room, scores
 * and labels are onnxruntime's:
 * - One target knows no transform but PROBIT.
 * - Two classes with weights for one of them have one score s. The label is the second above 0.5 when no weight is
 * negative, else above 0; the scores are (1 - s, s) or (-s, s), with LOGISTIC both probabilities.
 * - Two classes with weights for both: the label is the second when its score is above 0; of two base values the second
 * is added to the first class's score, which is the second's negated.
 * - One class: the label is 1 or 0.
 * - A class that got no weight and no base value on the way is not chosen.
 * Unlike there, base values are added to targets without weights too, and all weights of a leaf count. Weights at
 * branches are without effect. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/ml.h"
#include "ops/trees.h"

enum aggregate { AVERAGE, SUM, MIN, MAX }; /* with the numbers of version 5 */
static const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX", NULL};

struct ensemble {
    /* versions 1 and 3 */
    struct qn_ints nodes_treeids, nodes_nodeids, nodes_featureids, nodes_truenodeids, nodes_falsenodeids;
    struct qn_ints nodes_missing_value_tracks_true;
    struct qn_strs nodes_modes;
    struct qn_floats nodes_values, weights, base_values;
    struct qn_ints vote_treeids, vote_nodeids, vote_targets;
    const struct qn_tensor *nodes_values_as_tensor, *weights_as_tensor, *base_values_as_tensor;
    struct qn_ints classlabels_int64s;
    struct qn_strs classlabels_strings;
    int aggregate, post;
    /* version 5 */
    struct qn_ints tree_roots, nodes_trueleafs, nodes_falseleafs, leaf_targetids;
    const struct qn_tensor *nodes_modes_tensor, *nodes_splits, *leaf_weights, *membership_values;
    int64_t aggregate_function, post_transform;

    int64_t n_targets;
    bool classifier;
    bool same_type; /* the output has the type of the input (version 5); else float32 */

    /* made by parse */
    struct qn_forest forest;
    struct qn_ml_labels labels;
    double *base;
    size_t n_base;
    bool wide_sums;   /* in double */
    bool one_sided;   /* two classes with weights for one of them */
    bool no_negative; /* no weight is */
    bool fits_small, fits_wide;
};

/* ---- Load ----------------------------------------------------------------------------------------------------- */

/* A list of floats or the tensor that stands for it; an empty list of floats when there is neither. */
static enum qn_status choose(const char *what, const struct qn_floats *floats, const struct qn_tensor *tensor,
                             struct qn_tensor *list, struct qn_err *err)
{
    QN_CHECK(floats->n == 0 || !tensor || qn_tensor_count(tensor) == 0, err, FORMAT,
             "%s and %s_as_tensor are both given", what, what);
    *list = tensor && floats->n == 0
                ? *tensor
                : (struct qn_tensor){
                      .dtype = QN_FLOAT, .rank = 1, .dims = {(int64_t)floats->n}, .data = (void *)(uintptr_t)floats->v};
    return QN_OK;
}

static enum qn_status read_base(struct ensemble *p, struct qn_arena *arena, struct qn_err *err)
{
    struct qn_tensor list;

    QN_TRY(choose("base_values", &p->base_values, p->base_values_as_tensor, &list, err));
    p->n_base = (size_t)qn_tensor_count(&list);
    QN_CHECK(p->n_base == 0 || (int64_t)p->n_base == p->n_targets ||
                 (p->classifier && p->n_targets == 2 && p->n_base == 1),
             err, FORMAT, "%zu base values for %lld %s", p->n_base, (long long)p->n_targets,
             p->classifier ? "classes" : "targets");
    p->base = qn_arena_array(arena, p->n_base, sizeof(*p->base));
    QN_CHECK_MEM(p->base, err);
    for (size_t i = 0; i < p->n_base; i++)
        p->base[i] = qn_tensor_double(&list, (int64_t)i);
    return QN_OK;
}

static enum qn_status read_nodes(struct ensemble *p, const char *weights_name, struct qn_arena *arena,
                                 struct qn_err *err)
{
    struct qn_tree_nodes nodes = {
        .tree_ids = p->nodes_treeids,
        .node_ids = p->nodes_nodeids,
        .feature_ids = p->nodes_featureids,
        .true_ids = p->nodes_truenodeids,
        .false_ids = p->nodes_falsenodeids,
        .missing_true = p->nodes_missing_value_tracks_true,
        .modes = p->nodes_modes,
        .vote_tree_ids = p->vote_treeids,
        .vote_node_ids = p->vote_nodeids,
        .vote_targets = p->vote_targets,
    };

    QN_TRY(choose("nodes_values", &p->nodes_values, p->nodes_values_as_tensor, &nodes.values, err));
    QN_TRY(choose(weights_name, &p->weights, p->weights_as_tensor, &nodes.vote_weights, err));
    p->forest.n_targets = p->n_targets;
    QN_TRY(qn_forest_of_nodes(&p->forest, &nodes, arena, err));
    p->wide_sums = nodes.vote_weights.dtype == QN_DOUBLE;
    p->no_negative = true;
    for (int64_t i = 0, n = qn_tensor_count(&nodes.vote_weights); i < n; i++)
        p->no_negative = p->no_negative && !(qn_tensor_double(&nodes.vote_weights, i) < 0);
    return QN_OK;
}

static void read_forms(struct ensemble *p)
{
    p->fits_small = qn_tree_fits_small(&p->forest);
    p->fits_wide = qn_tree_fits_wide(&p->forest);
}

static enum qn_status parse_classifier(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct ensemble *p = params;

    (void)node;
    p->classifier = true;
    p->aggregate = SUM;
    QN_TRY(qn_ml_labels_init(&p->labels, &p->classlabels_int64s, &p->classlabels_strings, err));
    p->n_targets = p->labels.n;
    QN_CHECK(p->n_targets > 0, err, FORMAT, "class labels are missing");
    QN_CHECK(p->n_targets > 1 || p->labels.ints, err, FORMAT, "one string is not enough as class labels");
    QN_TRY(read_base(p, arena, err));
    QN_TRY(read_nodes(p, "class_weights", arena, err));
    p->one_sided = p->n_targets == 2 && p->vote_targets.n > 0;
    for (size_t i = 0; i < p->vote_targets.n; i++)
        p->one_sided = p->one_sided && p->vote_targets.v[i] == p->vote_targets.v[0];
    read_forms(p);
    return QN_OK;
}

static enum qn_status parse_regressor(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct ensemble *p = params;

    (void)node;
    QN_TRY(read_base(p, arena, err));
    QN_TRY(read_nodes(p, "target_weights", arena, err));
    read_forms(p);
    return QN_OK;
}

static enum qn_status parse_5(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct ensemble *p = params;
    const struct qn_tree_splits splits = {
        .roots = p->tree_roots,
        .feature_ids = p->nodes_featureids,
        .true_ids = p->nodes_truenodeids,
        .false_ids = p->nodes_falsenodeids,
        .true_leafs = p->nodes_trueleafs,
        .false_leafs = p->nodes_falseleafs,
        .missing_true = p->nodes_missing_value_tracks_true,
        .leaf_targets = p->leaf_targetids,
        .modes = p->nodes_modes_tensor,
        .splits = p->nodes_splits,
        .leaf_weights = p->leaf_weights,
        .members = p->membership_values,
    };

    (void)node;
    p->same_type = true;
    p->aggregate = (int)p->aggregate_function;
    p->post = (int)p->post_transform;
    p->forest.n_targets = p->n_targets;
    QN_TRY(qn_forest_of_splits(&p->forest, &splits, arena, err));
    p->wide_sums = p->leaf_weights->dtype == QN_DOUBLE;
    read_forms(p);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct ensemble *p = params;
    struct qn_ml_rows rows;

    QN_TRY(qn_ml_infer_rows(in, &rows));
    QN_CHECK(!qn_dim_known(rows.f) || rows.f >= p->forest.width, in->err, SHAPE,
             "the trees read feature %lld of rows of %lld", (long long)p->forest.width - 1, (long long)rows.f);
    if (p->classifier)
        QN_TRY(qn_infer_out(in, 0, qn_ml_labels_dtype(&p->labels), &(struct qn_shape){1, {rows.n}}));
    return qn_infer_out(in, p->classifier, p->same_type ? qn_infer_in(in, 0)->dtype : QN_FLOAT,
                        &(struct qn_shape){2, {rows.n, p->n_targets}});
}

/* ---- Sums ----------------------------------------------------------------------------------------------------- */

/* Sums of a row by target, float or double as p->wide_sums says, and which targets got any vote. */
struct sums {
    void *v;
    uint8_t *has;
};

#define SUMS(T, name)                                                                                                  \
    static void add_leaf_##name(const struct ensemble *p, size_t leaf, T *sums, uint8_t *has)                          \
    {                                                                                                                  \
        const struct qn_forest *forest = &p->forest;                                                                   \
                                                                                                                       \
        for (size_t i = forest->first_vote[leaf]; i < forest->first_vote[leaf + 1]; i++) {                             \
            const struct qn_tree_vote *vote = &forest->votes[i];                                                       \
            T w = (T)vote->weight, *sum = &sums[vote->target];                                                         \
                                                                                                                       \
            if (p->aggregate == SUM || p->aggregate == AVERAGE)                                                        \
                *sum += w;                                                                                             \
            else if (!has[vote->target] || (p->aggregate == MIN ? w < *sum : w > *sum))                                \
                *sum = w;                                                                                              \
            has[vote->target] = 1;                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    /* One row: where it ended in n trees from `first` on. */                                                          \
    static void add_trees_##name(const struct ensemble *p, const struct qn_tree_pack *pack, int64_t first, int64_t n,  \
                                 const uint32_t *ends, struct sums s)                                                  \
    {                                                                                                                  \
        T *sums = s.v;                                                                                                 \
                                                                                                                       \
        if (!pack->direct) {                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                add_leaf_##name(p, qn_tree_leaf(pack, ends[i]), sums, s.has);                                          \
        } else if (pack->targets) {                                                                                    \
            for (int64_t i = 0; i < n; i++)                                                                            \
                sums[pack->targets[first + i]] += (T)qn_tree_value(pack, ends[i]);                                     \
        } else {                                                                                                       \
            T sum = sums[pack->target];                                                                                \
                                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                sum += (T)qn_tree_value(pack, ends[i]);                                                                \
            sums[pack->target] = sum;                                                                                  \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    /* One tree: where n rows ended in it. */                                                                          \
    static void add_rows_##name(const struct ensemble *p, const struct qn_tree_pack *pack, int64_t tree, int64_t n,    \
                                const uint32_t *ends, struct sums s)                                                   \
    {                                                                                                                  \
        int64_t step = p->n_targets, target = pack->targets ? pack->targets[tree] : pack->target;                      \
        T *sums = s.v;                                                                                                 \
                                                                                                                       \
        if (pack->direct) {                                                                                            \
            for (int64_t i = 0; i < n; i++)                                                                            \
                sums[i * step + target] += (T)qn_tree_value(pack, ends[i]);                                            \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                add_leaf_##name(p, qn_tree_leaf(pack, ends[i]), sums + i * step, s.has + i * step);                    \
        }                                                                                                              \
    }

SUMS(float, f32)
SUMS(double, f64)

static double sum_at(const struct ensemble *p, struct sums s, int64_t k)
{
    return p->wide_sums ? ((const double *)s.v)[k] : (double)((const float *)s.v)[k];
}

/* Arithmetic on floats done in double and rounded is that of floats. */
static double rounded(const struct ensemble *p, double x) { return p->wide_sums ? x : (double)(float)x; }

/* ---- What becomes of the sums of a row ------------------------------------------------------------------------ */

/* labels: NULL for regressors. */
struct output {
    struct qn_tensor *labels, *scores;
};

static void put_scores(const struct ensemble *p, const struct output *out, int64_t row, const double *values, int64_t n)
{
    int64_t at = row * p->n_targets;

    if (out->scores->dtype == QN_DOUBLE) {
        double *z = (double *)out->scores->data + at;

        memcpy(z, values, (size_t)n * sizeof(*z));
        qn_ml_post_double(p->post, z, n);
    } else {
        float *z = (float *)out->scores->data + at;

        for (int64_t k = 0; k < n; k++)
            z[k] = (float)values[k];
        qn_ml_post(p->post, z, n);
    }
}

static void finish_targets(const struct ensemble *p, const struct output *out, int64_t row, struct sums s,
                           double *values)
{
    for (int64_t k = 0; k < p->n_targets; k++) {
        double sum = sum_at(p, s, k);

        if (p->aggregate == AVERAGE)
            sum = rounded(p, sum / (double)p->forest.n_trees);
        values[k] = p->n_base ? rounded(p, sum + p->base[k]) : sum;
    }
    put_scores(p, out, row, values, p->n_targets);
}

static void finish_classes(const struct ensemble *p, const struct output *out, int64_t row, struct sums s,
                           double *values)
{
    int64_t best = -1;

    for (int64_t k = 0; k < p->n_targets; k++) {
        double sum = sum_at(p, s, k);

        values[k] = p->n_base ? rounded(p, sum + p->base[k]) : sum;
        if ((s.has[k] || p->n_base) && (best < 0 || values[k] > values[best]))
            best = k;
    }
    qn_ml_labels_put(&p->labels, best < 0 ? 0 : best, out->labels, row);
    put_scores(p, out, row, values, p->n_targets);
}

static void finish_two_classes(const struct ensemble *p, const struct output *out, int64_t row, struct sums s)
{
    double v[2] = {sum_at(p, s, 0), sum_at(p, s, 1)}, decisive;

    if (p->n_base == 2 && s.has[1]) {
        v[1] = rounded(p, p->base[1] + v[0]);
        v[0] = -v[1];
    } else if (p->n_base > 0) {
        v[0] = rounded(p, v[0] + p->base[0]);
    }
    decisive = s.has[1] ? v[1] : v[0];
    qn_ml_labels_put(&p->labels, decisive > (p->one_sided && p->no_negative ? 0.5 : 0.0), out->labels, row);
    if (s.has[1] || p->n_base == 2)
        put_scores(p, out, row, (const double[]){s.has[0] ? v[0] : 0, s.has[1] ? v[1] : 0}, 2);
    else
        qn_ml_post_pair(p->post, p->one_sided && p->no_negative, (float)v[0], (float *)out->scores->data + 2 * row);
}

static void finish_one_class(const struct ensemble *p, const struct output *out, int64_t row, struct sums s)
{
    double sum = sum_at(p, s, 0);

    if (p->n_base)
        sum = rounded(p, sum + p->base[0]);
    ((int64_t *)out->labels->data)[row] = sum > 0;
    put_scores(p, out, row, &sum, 1);
}

/* values: room for a double per target. */
static void finish(const struct ensemble *p, const struct output *out, int64_t row, struct sums s, double *values)
{
    if (!p->classifier)
        finish_targets(p, out, row, s, values);
    else if (p->n_targets > 2)
        finish_classes(p, out, row, s, values);
    else if (p->n_targets == 2)
        finish_two_classes(p, out, row, s);
    else
        finish_one_class(p, out, row, s);
}

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

enum { MAX_BLOCK = 64, BLOCK_BYTES = 1 << 18, CHUNK_VISITS = 1 << 26 };

/* Parts of the workspace of one thread, as offsets. Rows come in blocks of `block`, a multiple of QN_TREE_LANES. */
struct layout {
    int64_t block;
    size_t row_bytes; /* of QN_TREE_LANES rows */
    size_t sums, has, values, total;
};

static bool make_layout(const struct ensemble *p, int64_t slots, size_t element, struct layout *l)
{
    size_t n_targets = (size_t)p->n_targets, rows, sums, values;

    if (!qn_mul((size_t)slots * QN_TREE_LANES, element, &l->row_bytes) || l->row_bytes > SIZE_MAX / 64 ||
        !qn_mul(n_targets, MAX_BLOCK * sizeof(double), &sums) || sums > SIZE_MAX / 64)
        return false;
    l->row_bytes = qn_round_up(l->row_bytes, 64);
    l->block =
        l->row_bytes * (MAX_BLOCK / QN_TREE_LANES) > BLOCK_BYTES || sums > BLOCK_BYTES ? QN_TREE_LANES : MAX_BLOCK;
    rows = l->row_bytes * (size_t)(l->block / QN_TREE_LANES);
    sums = qn_round_up(n_targets * (size_t)l->block * sizeof(double), 64);
    values = qn_round_up(n_targets * sizeof(double), 64);
    l->sums = rows;
    l->values = rows + sums;
    l->has = l->values + values;
    l->total = qn_round_up(l->has + n_targets * (size_t)l->block, 64);
    return true;
}

struct run {
    const struct ensemble *p;
    const struct qn_tree_pack *pack; /* NULL: the plain walk */
    const struct qn_tensor *x;
    struct output out;
    struct layout l;
    char *rooms;      /* [threads][l.total] */
    uint32_t *ends;   /* [n_trees], of one row */
    int64_t first, n; /* rows */
    int n_parts;
};

static size_t workspace_for(const struct qn_site *site, int64_t slots, size_t element)
{
    const struct ensemble *p = site->params;
    struct layout l;
    size_t total, ends = (size_t)p->forest.n_trees * sizeof(uint32_t);

    if (!make_layout(p, slots, element, &l) || !qn_mul(l.total, (size_t)site->threads, &total) ||
        !qn_add(total, ends, &total))
        return SIZE_MAX;
    return total;
}

/* Slots are known before packing only as an upper bound. */
static int64_t most_slots(const struct ensemble *p) { return 2 * p->forest.width + 1; }
static size_t workspace_small(const struct qn_site *site)
{
    return workspace_for(site, most_slots(site->params), sizeof(float));
}
static size_t workspace_wide(const struct qn_site *site)
{
    return workspace_for(site, most_slots(site->params), sizeof(double));
}

static bool start(const struct qn_call *call, const struct qn_tree_pack *pack, size_t element, struct run *r)
{
    const struct ensemble *p = call->params;

    *r = (struct run){.p = p, .pack = pack, .x = qn_in(call, 0), .rooms = call->workspace};
    r->out = (struct output){p->classifier ? qn_out(call, 0) : NULL, qn_out(call, p->classifier)};
    if (!make_layout(p, most_slots(p), element, &r->l))
        return false;
    r->ends = (uint32_t *)(void *)(r->rooms + r->l.total * (size_t)call->threads);
    return true;
}

/* Sums of n rows set to nothing; a direct pack knows beforehand which targets get votes. */
static struct sums clear(const struct run *r, char *room, int64_t n)
{
    const struct ensemble *p = r->p;
    struct sums s = {room + r->l.sums, (uint8_t *)room + r->l.has};
    bool direct = r->pack && r->pack->direct;

    memset(s.v, 0, (size_t)(n * p->n_targets) * (p->wide_sums ? sizeof(double) : sizeof(float)));
    memset(s.has, 0, (size_t)((direct ? 1 : n) * p->n_targets));
    for (int64_t t = 0; direct && r->pack->targets && t < p->forest.n_trees; t++)
        s.has[r->pack->targets[t]] = 1;
    if (direct && !r->pack->targets && p->forest.n_trees > 0)
        s.has[r->pack->target] = 1;
    return s;
}

/* Row i of a block's sums. */
static struct sums row_sums(const struct run *r, struct sums s, int64_t i)
{
    size_t size = r->p->wide_sums ? sizeof(double) : sizeof(float);
    int64_t at = i * r->p->n_targets;

    return (struct sums){(char *)s.v + (size_t)at * size, r->pack && r->pack->direct ? s.has : s.has + at};
}

static void add_trees(const struct run *r, int64_t first, int64_t n, const uint32_t *ends, struct sums s)
{
    if (r->p->wide_sums)
        add_trees_f64(r->p, r->pack, first, n, ends, s);
    else
        add_trees_f32(r->p, r->pack, first, n, ends, s);
}

static void add_rows(const struct run *r, int64_t tree, int64_t n, const uint32_t *ends, struct sums s)
{
    if (r->p->wide_sums)
        add_rows_f64(r->p, r->pack, tree, n, ends, s);
    else
        add_rows_f32(r->p, r->pack, tree, n, ends, s);
}

/* ---- One row through all trees ---- */

static int64_t window_size(const struct run *r, int64_t w)
{
    int64_t left = r->p->forest.n_trees - w * QN_TREE_WINDOW;

    return left < QN_TREE_WINDOW ? left : QN_TREE_WINDOW;
}

static int64_t count_windows(const struct run *r)
{
    return (r->p->forest.n_trees + QN_TREE_WINDOW - 1) / QN_TREE_WINDOW;
}

/* Walks only: the sums need their order. */
static void walk_part(void *arg, int part, int n_parts)
{
    const struct run *r = arg;
    int64_t begin, end;

    qn_pool_slice(count_windows(r), 1, part, n_parts, &begin, &end);
    for (int64_t w = begin; w < end; w++)
        qn_tree_walk_window(r->pack, r->rooms, w, r->ends + w * QN_TREE_WINDOW);
}

static void run_row(struct run *r, struct qn_pool *pool, int n_parts, int64_t i)
{
    struct sums s = clear(r, r->rooms, 1);

    qn_tree_row(r->pack, r->x, i, r->rooms);
    if (n_parts > 1) {
        qn_pool_run(pool, n_parts, walk_part, r);
        add_trees(r, 0, r->p->forest.n_trees, r->ends, s);
    } else {
        for (int64_t w = 0, n = count_windows(r); w < n; w++) {
            uint32_t ends[QN_TREE_WINDOW];

            qn_tree_walk_window(r->pack, r->rooms, w, ends);
            add_trees(r, w * QN_TREE_WINDOW, window_size(r, w), ends, s);
        }
    }
    finish(r->p, &r->out, i, s, (double *)(void *)(r->rooms + r->l.values));
}

/* ---- Blocks of rows ---- */

static void run_block(const struct run *r, char *room, int64_t first, int64_t n)
{
    struct sums s = clear(r, room, n);

    for (int64_t g = 0; g < n; g += QN_TREE_LANES)
        qn_tree_rows(r->pack, r->x, first + g, n - g < QN_TREE_LANES ? n - g : QN_TREE_LANES,
                     room + r->l.row_bytes * (size_t)(g / QN_TREE_LANES));
    for (int64_t t = 0; t < r->p->forest.n_trees; t++) {
        for (int64_t g = 0; g < n; g += QN_TREE_LANES) {
            uint32_t ends[QN_TREE_LANES];

            qn_tree_walk_rows(r->pack, room + r->l.row_bytes * (size_t)(g / QN_TREE_LANES), t, ends);
            add_rows(r, t, n - g < QN_TREE_LANES ? n - g : QN_TREE_LANES, ends, row_sums(r, s, g));
        }
    }
    for (int64_t i = 0; i < n; i++)
        finish(r->p, &r->out, first + i, row_sums(r, s, i), (double *)(void *)(room + r->l.values));
}

static void block_part(void *arg, int part, int n_parts)
{
    const struct run *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->n, QN_TREE_LANES, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i += r->l.block)
        run_block(r, r->rooms + r->l.total * (size_t)part, r->first + i, end - i < r->l.block ? end - i : r->l.block);
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

/* A step of a walk costs about as much as four simple operations. */
static double row_cost(const struct run *r) { return 4 * r->pack->visits + (double)r->p->forest.n_trees; }

static int count_parts(const struct qn_call *call, int64_t n, double cost)
{
    int parts = qn_ml_parts(call->pool, n, cost);

    return parts < call->threads ? parts : call->threads;
}

static enum qn_status run_packed(const struct qn_call *call, size_t element)
{
    int64_t n = qn_ml_rows_of(qn_in(call, 0)).n, chunk;
    struct run r;

    QN_CHECK(start(call, call->packed, element, &r), call->err, LIMIT, "the rows are too large");
    for (int64_t i = 0; n < QN_TREE_LANES && i < n; i++)
        run_row(&r, call->pool, count_parts(call, count_windows(&r), row_cost(&r) / (double)(count_windows(&r) + 1)),
                i);
    if (n < QN_TREE_LANES)
        return QN_OK;
    chunk = (int64_t)((double)CHUNK_VISITS / (r.pack->visits + 1)) / MAX_BLOCK * MAX_BLOCK + MAX_BLOCK * call->threads;
    for (r.first = 0; r.first < n; r.first += chunk) {
        r.n = n - r.first < chunk ? n - r.first : chunk;
        QN_TRY(qn_call_poll(call));
        qn_pool_run(call->pool, count_parts(call, r.n / QN_TREE_LANES + 1, row_cost(&r) * QN_TREE_LANES), block_part,
                    &r);
    }
    return QN_OK;
}

static enum qn_status trees_small(const struct qn_call *call) { return run_packed(call, sizeof(float)); }
static enum qn_status trees_wide(const struct qn_call *call) { return run_packed(call, sizeof(double)); }

static enum qn_status prepare(const struct qn_site *site, bool wide, struct qn_arena *arena, const void **packed,
                              struct qn_err *err)
{
    const struct ensemble *p = site->params;
    bool direct = (p->aggregate == SUM || p->aggregate == AVERAGE) && (wide || !p->wide_sums);
    const struct qn_tree_pack *pack;

    *packed = NULL;
    QN_TRY(qn_tree_pack_make(&p->forest, wide, direct, arena, &pack, err));
    *packed = pack;
    return QN_OK;
}

static enum qn_status prepare_small(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                                    struct qn_err *err)
{
    return prepare(site, false, arena, packed, err);
}

static enum qn_status prepare_wide(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                                   struct qn_err *err)
{
    return prepare(site, true, arena, packed, err);
}

static const char *accept_small(const struct qn_site *site)
{
    const struct ensemble *p = site->params;

    if (site->in[0]->dtype != QN_FLOAT)
        return "not float32";
    return p->fits_small ? NULL : "not only orders of few features in small trees";
}

static const char *accept_wide(const struct qn_site *site)
{
    const struct ensemble *p = site->params;

    return p->fits_wide ? qn_accept_not_narrow(site) : "membership in sets, or shared branches";
}

/* The plain walk, row after row. */
static enum qn_status trees_ref(const struct qn_call *call)
{
    struct qn_ml_rows rows = qn_ml_rows_of(qn_in(call, 0));
    struct run r;
    double *x;

    QN_CHECK(start(call, NULL, sizeof(double), &r), call->err, LIMIT, "the rows are too large");
    x = (double *)(void *)r.rooms;
    for (int64_t i = 0; i < rows.n; i++) {
        struct sums s = clear(&r, r.rooms, 1);

        QN_TRY(qn_call_poll(call));
        for (int64_t f = 0; f < r.p->forest.width; f++)
            x[f] = qn_tensor_double(r.x, i * rows.f + f);
        for (int64_t t = 0; t < r.p->forest.n_trees; t++) {
            size_t leaf = (size_t)qn_forest_leaf(&r.p->forest, t, x);

            if (r.p->wide_sums)
                add_leaf_f64(r.p, leaf, s.v, s.has);
            else
                add_leaf_f32(r.p, leaf, s.v, s.has);
        }
        finish(r.p, &r.out, i, s, (double *)(void *)(r.rooms + r.l.values));
    }
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {
    {.name = "trees_small",
     .accept = accept_small,
     .prepare = prepare_small,
     .workspace = workspace_small,
     .run = trees_small},
    {.name = "trees_wide",
     .accept = accept_wide,
     .prepare = prepare_wide,
     .workspace = workspace_wide,
     .run = trees_wide},
    {.name = "trees_ref", .accept = qn_accept_not_narrow, .workspace = workspace_wide, .run = trees_ref},
    {.name = NULL},
};

#define RENAMED(text, attr_form, field)                                                                                \
    {                                                                                                                  \
        .name = (text), .form = QN_FORM_##attr_form, .offset = offsetof(struct ensemble, field)                        \
    }
#define REQUIRED(text, attr_form, field)                                                                               \
    {                                                                                                                  \
        .name = (text), .form = QN_FORM_##attr_form, .offset = offsetof(struct ensemble, field), .required = true      \
    }
#define IGNORED(text, attr_kind)                                                                                       \
    {                                                                                                                  \
        .name = (text), .form = QN_FORM_IGNORED, .kind = QN_ATTR_##attr_kind                                           \
    }

#define NODES_1                                                                                                        \
    QN_INTS_ATTR(ensemble, nodes_treeids), QN_INTS_ATTR(ensemble, nodes_nodeids),                                      \
        QN_INTS_ATTR(ensemble, nodes_featureids), QN_STRINGS_ATTR(ensemble, nodes_modes),                              \
        QN_FLOATS_ATTR(ensemble, nodes_values), QN_INTS_ATTR(ensemble, nodes_truenodeids),                             \
        QN_INTS_ATTR(ensemble, nodes_falsenodeids), QN_INTS_ATTR(ensemble, nodes_missing_value_tracks_true),           \
        IGNORED("nodes_hitrates", FLOATS), QN_FLOATS_ATTR(ensemble, base_values),                                      \
    {                                                                                                                  \
        .name = "post_transform", .form = QN_FORM_ENUM, .offset = offsetof(struct ensemble, post), .text = "NONE",     \
        .choices = qn_ml_posts                                                                                         \
    }
#define CLASSIFIER_1                                                                                                   \
    NODES_1, RENAMED("class_treeids", INTS, vote_treeids), RENAMED("class_nodeids", INTS, vote_nodeids),               \
        RENAMED("class_ids", INTS, vote_targets), RENAMED("class_weights", FLOATS, weights),                           \
        QN_INTS_ATTR(ensemble, classlabels_int64s), QN_STRINGS_ATTR(ensemble, classlabels_strings)
#define REGRESSOR_1                                                                                                    \
    NODES_1, RENAMED("target_treeids", INTS, vote_treeids), RENAMED("target_nodeids", INTS, vote_nodeids),             \
        RENAMED("target_ids", INTS, vote_targets), RENAMED("target_weights", FLOATS, weights),                         \
        QN_INT_ATTR_RANGE(ensemble, n_targets, 1, 1, INT32_MAX),                                                       \
    {                                                                                                                  \
        .name = "aggregate_function", .form = QN_FORM_ENUM, .offset = offsetof(struct ensemble, aggregate),            \
        .text = "SUM", .choices = aggregates                                                                           \
    }
#define TENSORS_3                                                                                                      \
    QN_TENSOR_ATTR(ensemble, nodes_values_as_tensor), QN_TENSOR_ATTR(ensemble, base_values_as_tensor),                 \
        IGNORED("nodes_hitrates_as_tensor", TENSOR)
#define ATTRS_5                                                                                                        \
    REQUIRED("tree_roots", INTS, tree_roots), REQUIRED("nodes_modes", TENSOR, nodes_modes_tensor),                     \
        REQUIRED("nodes_splits", TENSOR, nodes_splits), REQUIRED("nodes_featureids", INTS, nodes_featureids),          \
        REQUIRED("nodes_truenodeids", INTS, nodes_truenodeids),                                                        \
        REQUIRED("nodes_falsenodeids", INTS, nodes_falsenodeids), REQUIRED("nodes_trueleafs", INTS, nodes_trueleafs),  \
        REQUIRED("nodes_falseleafs", INTS, nodes_falseleafs), REQUIRED("leaf_targetids", INTS, leaf_targetids),        \
        REQUIRED("leaf_weights", TENSOR, leaf_weights), QN_INTS_ATTR(ensemble, nodes_missing_value_tracks_true),       \
        QN_TENSOR_ATTR(ensemble, membership_values), IGNORED("nodes_hitrates", TENSOR),                                \
        QN_INT_ATTR_RANGE(ensemble, n_targets, 1, 1, INT32_MAX),                                                       \
        QN_INT_ATTR_RANGE(ensemble, aggregate_function, SUM, AVERAGE, MAX),                                            \
        QN_INT_ATTR_RANGE(ensemble, post_transform, QN_ML_NONE, QN_ML_NONE, QN_ML_PROBIT)

#define TYPES_5 (QN_BIT(FLOAT) | QN_BIT(DOUBLE) | QN_BIT(FLOAT16))

#define ROW(op, first, last, parse_fn, inputs, outputs, ...)                                                           \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = (first), .until = (last), .in = inputs, .out = outputs,         \
        .attrs = QN_ATTRS(__VA_ARGS__), QN_PARAMS(ensemble), .parse = (parse_fn), .infer = infer, .kernels = kernels,  \
        .tolerance = QN_ROUNDING                                                                                       \
    }
#define IN(group)      QN_FORMALS(QN_IN("X", group, QN_ML_NUMBERS))
#define CLASSIFIER_OUT QN_FORMALS(QN_OUT("Y", '2', QN_BIT(STRING) | QN_BIT(INT64)), QN_OUT("Z", 0, QN_BIT(FLOAT)))
#define REGRESSOR_OUT  QN_FORMALS(QN_OUT("Y", 0, QN_BIT(FLOAT)))

const struct qn_op qn_ops_tree_ensemble[] = {
    ROW("TreeEnsembleClassifier", 1, 2, parse_classifier, IN('1'), CLASSIFIER_OUT, CLASSIFIER_1),
    ROW("TreeEnsembleClassifier", 3, QN_NEWEST_ML, parse_classifier, IN('1'), CLASSIFIER_OUT, CLASSIFIER_1, TENSORS_3,
        RENAMED("class_weights_as_tensor", TENSOR, weights_as_tensor)),
    ROW("TreeEnsembleRegressor", 1, 2, parse_regressor, IN('T'), REGRESSOR_OUT, REGRESSOR_1),
    ROW("TreeEnsembleRegressor", 3, QN_NEWEST_ML, parse_regressor, IN('T'), REGRESSOR_OUT, REGRESSOR_1, TENSORS_3,
        RENAMED("target_weights_as_tensor", TENSOR, weights_as_tensor)),
    ROW("TreeEnsemble", 5, QN_NEWEST_ML, parse_5, QN_FORMALS(QN_IN("X", 'T', TYPES_5)),
        QN_FORMALS(QN_OUT("Y", 'T', TYPES_5)), ATTRS_5),
    {.name = NULL},
};
