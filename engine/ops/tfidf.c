/* tfidf.c: TfIdfVectorizer: how often each n-gram of a pool stands in a row of tokens, with gaps of up to
 * max_skip_count tokens between the tokens of an n-gram. The pool is made into a tree of tokens at load. As the
 * standard says and onnxruntime does, weights belong to n-grams, not to columns; a 1-gram is counted once, whatever the
 * gaps. */
#include <string.h>

#include "base/checked.h"
#include "ops/key_table.h"
#include "ops/ml.h"

enum mode { TF, IDF, TFIDF };
static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};

/* From a node of the tree by a token to another node. */
struct edge {
    uint32_t from, token;
    uint32_t to; /* 0: free, as nothing leads to the root */
};

struct tfidf {
    struct qn_ints ngram_counts, ngram_indexes, pool_int64s;
    struct qn_strs pool_strings;
    struct qn_floats weights;
    int64_t max_gram_length, min_gram_length, max_skip_count;
    int mode;

    struct qn_key_table tokens; /* a token is the place in the pool where it first stands */
    int32_t *gram;              /* [nodes]: the n-gram that ends there, -1: none */
    uint32_t n_nodes;
    struct edge *edges; /* open addressing; size mask + 1 */
    size_t mask;
    int64_t width; /* of a row of the output */
};

/* ---- The tree ------------------------------------------------------------------------------------------------- */

/* The slot of the edge, or the free one where it belongs. Keyed by where the table lies, which no file knows. */
static struct edge *find_edge(const struct tfidf *p, uint32_t from, uint32_t token)
{
    uint32_t key[2] = {from, token};

    for (size_t at = qn_hash_bytes(key, sizeof(key), (uint64_t)(uintptr_t)p->edges) & p->mask;;
         at = (at + 1) & p->mask) {
        struct edge *edge = &p->edges[at];

        if (edge->to == 0 || (edge->from == from && edge->token == token))
            return edge;
    }
}

/* 0 when there is none. */
static uint32_t follow(const struct tfidf *p, uint32_t from, uint32_t token) { return find_edge(p, from, token)->to; }

static uint32_t grow(struct tfidf *p, uint32_t from, uint32_t token)
{
    struct edge *edge = find_edge(p, from, token);

    if (edge->to == 0) {
        *edge = (struct edge){from, token, p->n_nodes};
        p->gram[p->n_nodes++] = -1;
    }
    return edge->to;
}

static uint32_t token_at(const struct tfidf *p, int64_t place)
{
    size_t size = qn_dtype_bytes(p->tokens.keys.dtype);

    return (uint32_t)qn_key_table_find(&p->tokens, (const char *)p->tokens.keys.data + (size_t)place * size);
}

/* N-grams of `length` tokens at places [begin, end) of the pool, numbered from *n_grams on. */
static enum qn_status add_grams(struct tfidf *p, int64_t length, int64_t begin, int64_t end, int32_t *n_grams,
                                struct qn_err *err)
{
    QN_CHECK((end - begin) % length == 0, err, FORMAT, "%lld tokens of the pool are no whole number of %lld-grams",
             (long long)(end - begin), (long long)length);
    QN_CHECK((end - begin) / length <= (int64_t)p->ngram_indexes.n - *n_grams, err, FORMAT,
             "the pool has more n-grams than the %zu indexes", p->ngram_indexes.n);
    for (; begin < end; begin += length) {
        uint32_t node = 0;

        for (int64_t i = 0; i < length; i++)
            node = grow(p, node, token_at(p, begin + i));
        QN_CHECK(p->gram[node] < 0, err, FORMAT, "the pool has a %lld-gram twice", (long long)length);
        p->gram[node] = (*n_grams)++;
    }
    return QN_OK;
}

static enum qn_status build(struct tfidf *p, struct qn_err *err)
{
    int64_t n_pool = p->tokens.keys.dims[0];
    int32_t n_grams = 0;

    for (size_t k = 0; k < p->ngram_counts.n; k++) {
        int64_t begin = p->ngram_counts.v[k], end = k + 1 < p->ngram_counts.n ? p->ngram_counts.v[k + 1] : n_pool;
        int64_t length = (int64_t)k + 1;

        QN_CHECK(begin >= 0 && begin <= end && end <= n_pool, err, FORMAT,
                 "ngram_counts puts %lld-grams at %lld..%lld of a pool of %lld", (long long)length, (long long)begin,
                 (long long)end, (long long)n_pool);
        if (length >= p->min_gram_length && length <= p->max_gram_length)
            QN_TRY(add_grams(p, length, begin, end, &n_grams, err));
        else
            n_grams += (int32_t)((end - begin) / length);
    }
    return QN_OK;
}

/* ---- Load ----------------------------------------------------------------------------------------------------- */

static enum qn_status check(struct tfidf *p, struct qn_err *err)
{
    QN_CHECK((p->pool_int64s.n > 0) + (p->pool_strings.n > 0) == 1, err, FORMAT,
             "one pool expected, of integers or of strings");
    QN_CHECK(p->pool_int64s.n + p->pool_strings.n < INT32_MAX / 4, err, LIMIT, "the pool is too large");
    QN_CHECK(p->max_gram_length >= p->min_gram_length, err, FORMAT, "n-grams of %lld to %lld tokens",
             (long long)p->min_gram_length, (long long)p->max_gram_length);
    QN_CHECK(p->max_gram_length <= (int64_t)p->ngram_counts.n, err, FORMAT,
             "ngram_counts has %zu entries for n-grams of up to %lld tokens", p->ngram_counts.n,
             (long long)p->max_gram_length);
    QN_CHECK(p->weights.n == 0 || p->weights.n == p->ngram_indexes.n, err, FORMAT, "%zu weights for %zu n-grams",
             p->weights.n, p->ngram_indexes.n);
    for (size_t i = 0; i < p->ngram_indexes.n; i++) {
        int64_t index = p->ngram_indexes.v[i];

        QN_CHECK(index >= 0 && index < INT64_MAX, err, FORMAT, "ngram_indexes has the entry %lld", (long long)index);
        p->width = index >= p->width ? index + 1 : p->width;
    }
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct tfidf *p = params;
    struct qn_tensor pool = p->pool_int64s.n ? qn_list_of_ints(&p->pool_int64s) : qn_list_of_strings(&p->pool_strings);
    size_t n = (size_t)pool.dims[0], n_slots = 4;

    (void)node;
    QN_TRY(check(p, err));
    QN_TRY(qn_key_table_init(&p->tokens, &pool, false, arena, err));
    while (n_slots < 2 * n)
        n_slots *= 2;
    p->mask = n_slots - 1;
    p->edges = qn_arena_array(arena, n_slots, sizeof(*p->edges));
    p->gram = qn_arena_array(arena, n + 1, sizeof(*p->gram));
    QN_CHECK_MEM(p->edges, err);
    QN_CHECK_MEM(p->gram, err);
    p->gram[0] = -1;
    p->n_nodes = 1;
    return build(p, err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct tfidf *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape shape = x->shape;

    QN_CHECK(x->dtype == QN_UNDEFINED || (x->dtype == QN_STRING) == (p->pool_strings.n > 0), in->err, SHAPE,
             "the pool is of %s, the input is %s", p->pool_strings.n ? "strings" : "integers", qn_dtype_name(x->dtype));
    QN_CHECK(shape.rank <= 2, in->err, SHAPE, "tokens of shape [C] or [N,C] expected, a tensor of rank %d came",
             shape.rank);
    if (shape.rank >= 0) {
        shape.rank = shape.rank ? shape.rank : 1;
        shape.dims[shape.rank - 1] = p->width;
    }
    return qn_infer_out(in, 0, QN_FLOAT, &shape);
}

/* ---- Run ------------------------------------------------------------------------------------------------------ */

struct job {
    const struct tfidf *p;
    const struct qn_tensor *x;
    struct qn_ml_rows rows;
    int32_t *tokens; /* of all elements; -1: not in the pool */
    float *y;
};

static int32_t find_token(const struct tfidf *p, const struct qn_tensor *x, int64_t i)
{
    int64_t number;

    if (x->dtype == QN_STRING)
        return (int32_t)qn_key_table_find(&p->tokens, (const struct qn_str *)x->data + i);
    number = x->dtype == QN_INT32 ? ((const int32_t *)x->data)[i] : ((const int64_t *)x->data)[i];
    return (int32_t)qn_key_table_find(&p->tokens, &number);
}

static void count(const struct tfidf *p, int32_t gram, float *y)
{
    float weight = p->weights.n ? p->weights.v[gram] : 1, *at = &y[p->ngram_indexes.v[gram]];

    *at = p->mode == IDF ? weight : *at + (p->mode == TFIDF ? weight : 1);
}

/* N-grams of at least min_length that begin at a place, their tokens `step` apart. */
static void count_from(const struct tfidf *p, const int32_t *tokens, int64_t n, int64_t at, int64_t step,
                       int64_t min_length, float *y)
{
    uint32_t node = 0;

    for (int64_t length = 1; length <= p->max_gram_length && tokens[at] >= 0; length++) {
        node = follow(p, node, (uint32_t)tokens[at]);
        if (node == 0)
            return;
        if (length >= min_length && p->gram[node] >= 0)
            count(p, p->gram[node], y);
        if (step >= n - at)
            return;
        at += step;
    }
}

static void vectorize_row(const struct job *j, int64_t row)
{
    const struct tfidf *p = j->p;
    int32_t *tokens = j->tokens + row * j->rows.f;
    int64_t n = j->rows.f, min_length = p->min_gram_length;
    float *y = j->y + row * p->width;

    if (p->width == 0)
        return;
    memset(y, 0, (size_t)p->width * sizeof(*y));
    for (int64_t i = 0; i < n; i++)
        tokens[i] = find_token(p, j->x, row * n + i);
    /* A step as long as the row leaves no second token. */
    for (int64_t step = 1; step <= n && step - 1 <= p->max_skip_count && min_length <= p->max_gram_length; step++) {
        int64_t span;

        if (!qn_mul64(step, min_length - 1, &span) || span >= n)
            return;
        for (int64_t at = 0; at < n - span; at++)
            count_from(p, tokens, n, at, step, min_length, y);
        min_length = min_length == 1 ? 2 : min_length;
    }
}

static void vectorize_part(void *arg, int part, int n_parts)
{
    const struct job *j = arg;
    int64_t begin, end;

    qn_pool_slice(j->rows.n, 1, part, n_parts, &begin, &end);
    for (int64_t row = begin; row < end; row++)
        vectorize_row(j, row);
}

static size_t workspace(const struct qn_site *site)
{
    size_t bytes;

    /* Not less than a tensor of the same count that exists. */
    return qn_shape_bytes(&site->in[0]->shape, QN_INT32, &bytes) ? bytes : SIZE_MAX;
}

static enum qn_status tfidf_ref(const struct qn_call *call)
{
    const struct tfidf *p = call->params;
    struct job j = {p, qn_in(call, 0), qn_ml_rows_of(qn_in(call, 0)), call->workspace, qn_out(call, 0)->data};
    double steps = (double)(p->max_skip_count < j.rows.f ? p->max_skip_count : j.rows.f) + 2;

    qn_pool_run(call->pool, qn_ml_parts(call->pool, j.rows.n, 32 * steps * (double)j.rows.f + (double)p->width / 4),
                vectorize_part, &j);
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {{.name = "tfidf_ref", .workspace = workspace, .run = tfidf_ref},
                                           {.name = NULL}};

#define REQUIRED_INT(field, low)                                                                                       \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INT, .offset = offsetof(struct tfidf, field), .required = true, .min = (low),  \
        .max = INT64_MAX                                                                                               \
    }
#define REQUIRED_INTS(field)                                                                                           \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INTS, .offset = offsetof(struct tfidf, field), .required = true                \
    }

const struct qn_op qn_ops_tfidf[] = {
    {.domain = "",
     .name = "TfIdfVectorizer",
     .since = 9,
     .until = QN_NEWEST_OPSET,
     .in = QN_FORMALS(QN_IN("X", 'T', QN_BIT(STRING) | QN_BIT(INT32) | QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("Y", '1', QN_BIT(FLOAT))),
     .attrs =
         QN_ATTRS(REQUIRED_INT(max_gram_length, 1), REQUIRED_INT(min_gram_length, 1), REQUIRED_INT(max_skip_count, 0),
                  {.name = "mode",
                   .form = QN_FORM_ENUM,
                   .offset = offsetof(struct tfidf, mode),
                   .required = true,
                   .choices = modes},
                  REQUIRED_INTS(ngram_counts), REQUIRED_INTS(ngram_indexes), QN_INTS_ATTR(tfidf, pool_int64s),
                  QN_STRINGS_ATTR(tfidf, pool_strings), QN_FLOATS_ATTR(tfidf, weights)),
     QN_PARAMS(tfidf),
     .parse = parse,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
