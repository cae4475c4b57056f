/* ml.c: rows of features and class labels for the operators of ai.onnx.ml. Score transforms are in ml_scores.c. */
#include "ops/ml.h"

#include "tensor/convert.h"

enum qn_status qn_ml_infer_rows(struct qn_infer *in, struct qn_ml_rows *rows)
{
    const struct qn_shape *shape = &qn_infer_in(in, 0)->shape;

    *rows = (struct qn_ml_rows){QN_DIM_UNKNOWN, QN_DIM_UNKNOWN};
    QN_CHECK(shape->rank <= 2, in->err, SHAPE, "rows of features expected, a tensor of rank %d came", shape->rank);
    if (shape->rank < 0)
        return QN_OK;
    rows->n = shape->rank == 2 ? shape->dims[0] : 1;
    rows->f = shape->rank == 0 ? 1 : shape->dims[shape->rank - 1];
    return QN_OK;
}

struct qn_ml_rows qn_ml_rows_of(const struct qn_tensor *x)
{
    return (struct qn_ml_rows){x->rank == 2 ? x->dims[0] : 1, x->rank == 0 ? 1 : x->dims[x->rank - 1]};
}

enum qn_status qn_ml_check_features(const struct qn_infer *in, const struct qn_ml_rows *rows, int64_t want)
{
    QN_CHECK(!qn_dim_known(rows->f) || rows->f == want, in->err, SHAPE, "rows of %lld features expected, %lld came",
             (long long)want, (long long)rows->f);
    return QN_OK;
}

const float *qn_ml_floats(const struct qn_tensor *x, int64_t at, int64_t n, float *buffer)
{
    if (x->dtype == QN_FLOAT)
        return (const float *)x->data + at;
    qn_convert(x->dtype, (const char *)x->data + (size_t)at * qn_dtype_bytes(x->dtype), QN_FLOAT, buffer, n,
               (struct qn_convert_options){.saturate = true, .round_mode = 'n'});
    return buffer;
}

int qn_ml_parts(const struct qn_pool *pool, int64_t n, double cost)
{
    double total = (double)n * cost;
    int threads = qn_pool_threads(pool);

    if (total < 65536 || n < 2)
        return 1;
    if (total < 32768.0 * threads)
        threads = (int)(total / 32768);
    return n < threads ? (int)n : threads;
}

enum qn_status qn_ml_labels_init(struct qn_ml_labels *labels, const struct qn_ints *ints, const struct qn_strs *strings,
                                 struct qn_err *err)
{
    QN_CHECK(ints->n == 0 || strings->n == 0, err, FORMAT, "class labels are given twice, as ints and as strings");
    *labels = (struct qn_ml_labels){ints->n ? ints->v : NULL, strings->n ? strings->v : NULL,
                                    (int64_t)(ints->n + strings->n)};
    return QN_OK;
}

enum qn_dtype qn_ml_labels_dtype(const struct qn_ml_labels *labels) { return labels->strings ? QN_STRING : QN_INT64; }

void qn_ml_labels_put(const struct qn_ml_labels *labels, int64_t i, struct qn_tensor *out, int64_t at)
{
    if (labels->strings)
        ((struct qn_str *)out->data)[at] = labels->strings[i];
    else
        ((int64_t *)out->data)[at] = labels->ints ? labels->ints[i] : i;
}
