/* array_feature.c: ArrayFeatureExtractor and FeatureVectorizer of ai.onnx.ml: features taken from the last dimension,
 * and rows of features set side by side. A vector counts as one row, so both give two dimensions for it. */
#include <string.h>

#include "base/checked.h"
#include "ops/ml.h"
#include "tensor/convert.h"

/* ---- ArrayFeatureExtractor ------------------------------------------------------------------------------------ */

static enum qn_status infer_extractor(struct qn_infer *in, const void *params)
{
    const struct qn_fact *x = qn_infer_in(in, 0), *y = qn_infer_in(in, 1);
    struct qn_shape shape = x->shape;
    int64_t n;

    (void)params;
    QN_CHECK(shape.rank != 0, in->err, SHAPE, "a scalar has no features to extract");
    if (shape.rank < 0)
        return qn_infer_out(in, 0, x->dtype, &shape);
    if (shape.rank == 1) {
        shape.rank = 2;
        shape.dims[0] = 1;
    }
    shape.dims[shape.rank - 1] =
        y->shape.rank >= 0 && qn_dims_count(y->shape.dims, 0, y->shape.rank, &n) ? n : QN_DIM_UNKNOWN;
    return qn_infer_out(in, 0, x->dtype, &shape);
}

/* dst[i][k] = src[i][index[k]] for elements of any type of that size. */
#define EXTRACT(T)                                                                                                     \
    for (int64_t i = 0; i < rows; i++)                                                                                 \
        for (int64_t k = 0; k < n; k++)                                                                                \
    ((T *)z)[i * n + k] = ((const T *)x->data)[i * f + index[k]]

static enum qn_status extractor_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0), *y = qn_in(call, 1);
    const int64_t *index = y->data;
    int64_t n = qn_tensor_count(y), f = x->dims[x->rank - 1], rows = qn_tensor_span(x, 0, x->rank - 1);
    void *z = qn_out(call, 0)->data;

    for (int64_t k = 0; k < n; k++)
        QN_CHECK(index[k] >= 0 && index[k] < f, call->err, RANGE, "feature %lld is outside 0..%lld",
                 (long long)index[k], (long long)f - 1);
    switch (qn_dtype_bytes(x->dtype)) {
    case 4:
        EXTRACT(uint32_t);
        break;
    case 8:
        EXTRACT(uint64_t);
        break;
    default:
        EXTRACT(struct qn_str);
        break;
    }
    return QN_OK;
}

/* ---- FeatureVectorizer ---------------------------------------------------------------------------------------- */

struct vectorizer {
    struct qn_ints inputdimensions; /* features taken of each input: more than it has are zeros; none: all it has */
};

/* An input as rows: [n, everything else]. */
static void flat_rows(const struct qn_shape *shape, int64_t *n, int64_t *f)
{
    *n = shape->rank < 0 ? QN_DIM_UNKNOWN : shape->rank > 1 ? shape->dims[0] : 1;
    *f = QN_DIM_UNKNOWN;
    if (shape->rank >= 0 && !qn_dims_count(shape->dims, shape->rank > 1 ? 1 : 0, shape->rank, f))
        *f = QN_DIM_UNKNOWN;
}

/* Features that input i has in the output. */
static int64_t width_of(const struct vectorizer *p, int i, int64_t f)
{
    return p->inputdimensions.n ? p->inputdimensions.v[i] : f;
}

static enum qn_status infer_vectorizer(struct qn_infer *in, const void *params)
{
    const struct vectorizer *p = params;
    struct qn_shape shape = {2, {QN_DIM_UNKNOWN, 0}};

    QN_CHECK(p->inputdimensions.n == 0 || (int64_t)p->inputdimensions.n == in->n_in, in->err, FORMAT,
             "%zu input dimensions are given for %d inputs", p->inputdimensions.n, in->n_in);
    for (int i = 0; i < in->n_in; i++) {
        int64_t n, f, width;

        flat_rows(&qn_infer_in(in, i)->shape, &n, &f);
        QN_CHECK(!qn_dim_known(n) || !qn_dim_known(shape.dims[0]) || n == shape.dims[0], in->err, SHAPE,
                 "input %d has %lld rows, those before it %lld", i, (long long)n, (long long)shape.dims[0]);
        shape.dims[0] = shape.dims[0] == QN_DIM_UNKNOWN || qn_dim_known(n) ? n : shape.dims[0];
        width = width_of(p, i, f);
        if (!qn_dim_known(width) || !qn_dim_known(shape.dims[1]))
            shape.dims[1] = QN_DIM_UNKNOWN;
        else
            QN_CHECK(qn_add64(shape.dims[1], width, &shape.dims[1]), in->err, LIMIT, "the features are too many");
    }
    return qn_infer_out(in, 0, QN_FLOAT, &shape);
}

static void put_rows(const struct qn_tensor *x, float *y, int64_t n, int64_t f, int64_t width, int64_t step)
{
    int64_t taken = width < f ? width : f;

    for (int64_t r = 0; width > 0 && r < n; r++, y += step) {
        if (taken > 0)
            qn_convert(x->dtype, (const char *)x->data + (size_t)(r * f) * qn_dtype_bytes(x->dtype), QN_FLOAT, y, taken,
                       (struct qn_convert_options){.saturate = true});
        if (width > taken)
            memset(y + taken, 0, (size_t)(width - taken) * sizeof(*y));
    }
}

static enum qn_status vectorizer_ref(const struct qn_call *call)
{
    const struct vectorizer *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    float *at = y->data;

    for (int i = 0; i < call->n_in; i++) {
        struct qn_shape shape = qn_tensor_shape(qn_in(call, i));
        int64_t n, f, width;

        flat_rows(&shape, &n, &f);
        width = width_of(p, i, f);
        put_rows(qn_in(call, i), at, n, f, width, y->dims[1]);
        at += width;
    }
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel extractor_kernels[] = {{.name = "array_feature_extractor_ref", .run = extractor_ref},
                                                     {.name = NULL}};
static const struct qn_kernel vectorizer_kernels[] = {{.name = "feature_vectorizer_ref", .run = vectorizer_ref},
                                                      {.name = NULL}};

#define ROW(op, ...)                                                                                                   \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = 1, .until = QN_NEWEST_ML, .tolerance = QN_EXACT, __VA_ARGS__    \
    }

const struct qn_op qn_ops_array_feature[] = {
    ROW("ArrayFeatureExtractor",
        .in = QN_FORMALS(QN_IN("X", 'T', QN_ML_NUMBERS | QN_BIT(STRING)), QN_IN("Y", 0, QN_BIT(INT64))),
        .out = QN_FORMALS(QN_OUT("Z", 'T', QN_ML_NUMBERS | QN_BIT(STRING))), .flags = QN_KEEPS_VALUES,
        .infer = infer_extractor, .kernels = extractor_kernels),
    ROW("FeatureVectorizer", .in = QN_FORMALS(QN_VAR("X", '1', QN_ML_NUMBERS)),
        .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(FLOAT))),
        .attrs = QN_ATTRS({.name = "inputdimensions",
                           .form = QN_FORM_INTS,
                           .offset = offsetof(struct vectorizer, inputdimensions),
                           .min = 0,
                           .max = INT64_MAX}),
        QN_PARAMS(vectorizer), .infer = infer_vectorizer, .kernels = vectorizer_kernels),
    {.name = NULL},
};
