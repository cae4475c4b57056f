/* ml.h: what the operators of ai.onnx.ml share: inputs as rows of features, class labels of either type, and the
 * transforms of scores. Everything follows onnxruntime where the standard leaves room, because models are made and
 * checked with it. */
#ifndef QN_OPS_ML_H
#define QN_OPS_ML_H

#include "ops/op.h"

/* The element types of numeric features. */
#define QN_ML_NUMBERS (QN_BIT(FLOAT) | QN_BIT(DOUBLE) | QN_BIT(INT32) | QN_BIT(INT64))

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

/* An input as n rows of f features; a vector is one row, a scalar one row of one. */
struct qn_ml_rows {
    int64_t n, f;
};

/* Rows of input 0 while inferring: dims may be unknown or symbols. SHAPE for more than two dimensions. */
enum qn_status qn_ml_infer_rows(struct qn_infer *in, struct qn_ml_rows *rows);
struct qn_ml_rows qn_ml_rows_of(const struct qn_tensor *x);
/* SHAPE unless the rows have `want` features; unknown ones pass. */
enum qn_status qn_ml_check_features(const struct qn_infer *in, const struct qn_ml_rows *rows, int64_t want);
/* n elements of x from `at` on as float32: x's own memory, or a converted copy in buffer. */
const float *qn_ml_floats(const struct qn_tensor *x, int64_t at, int64_t n, float *buffer);
/* In how many parts rows of `cost` simple operations each are worth splitting. */
int qn_ml_parts(const struct qn_pool *pool, int64_t n, double cost);

/* ---- Labels --------------------------------------------------------------------------------------------------- */

/* Class labels: strings when strings is not NULL, else ints; both NULL when there are none, and the label is the index.
 */
struct qn_ml_labels {
    const int64_t *ints;
    const struct qn_str *strings;
    int64_t n;
};

/* Empty lists count as absent. FORMAT when both are given. */
enum qn_status qn_ml_labels_init(struct qn_ml_labels *labels, const struct qn_ints *ints, const struct qn_strs *strings,
                                 struct qn_err *err);
enum qn_dtype qn_ml_labels_dtype(const struct qn_ml_labels *labels);
/* Stores label i as element `at` of a tensor of that type; strings refer to the attribute's bytes. */
void qn_ml_labels_put(const struct qn_ml_labels *labels, int64_t i, struct qn_tensor *out, int64_t at);

/* ---- Scores --------------------------------------------------------------------------------------------------- */

/* With the numbers that TreeEnsemble 5 gives them. */
enum qn_ml_post { QN_ML_NONE, QN_ML_SOFTMAX, QN_ML_LOGISTIC, QN_ML_SOFTMAX_ZERO, QN_ML_PROBIT };
extern const char *const qn_ml_posts[]; /* their names, for QN_FORM_ENUM */

/* Transforms a row of n scores in place. A single score is changed by PROBIT only, as in onnxruntime. */
void qn_ml_post(enum qn_ml_post post, float *scores, int64_t n);
void qn_ml_post_double(enum qn_ml_post post, double *scores, int64_t n);
/* The scores of two classes from the score of the second: after LOGISTIC its two probabilities; else (1 - s, s) for a
 * score that is a probability, (-s, s) for one that is not. */
void qn_ml_post_pair(enum qn_ml_post post, bool probability, float score, float pair[2]);

#endif
