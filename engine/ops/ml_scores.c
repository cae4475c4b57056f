/* ml_scores.c: the transforms that classifiers and regressors of ai.onnx.ml put on their scores. The same code for
 * float and double, each in its own precision. */
#include <math.h>

#include "ops/ml.h"

const char *const qn_ml_posts[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT", NULL};

/* PROBIT is the inverse of the normal distribution by Winitzki's approximation of the inverse error function, with the
 * constants everyone uses for it. SOFTMAX_ZERO leaves scores of zero out of the sum's exponentials. A row of zeros is 0
 * / 0 there, and stays NaN. */
#define SCORES(T, name, exp_fn, log_fn, sqrt_fn, abs_fn)                                                               \
    static T logistic_##name(T x)                                                                                      \
    {                                                                                                                  \
        T v = 1 / (1 + exp_fn(-abs_fn(x)));                                                                            \
                                                                                                                       \
        return x < 0 ? 1 - v : v;                                                                                      \
    }                                                                                                                  \
                                                                                                                       \
    static T probit_##name(T p)                                                                                        \
    {                                                                                                                  \
        T x = 2 * p - 1, sign = x < 0 ? (T)-1 : (T)1, l = log_fn((1 - x) * (1 + x));                                   \
        T v = 2 / ((T)3.14159 * (T)0.147) + (T)0.5 * l, w = 1 / (T)0.147 * l;                                          \
                                                                                                                       \
        return (T)1.41421356 * sign * sqrt_fn(-v + sqrt_fn(v * v - w));                                                \
    }                                                                                                                  \
                                                                                                                       \
    static T greatest_##name(const T *x, int64_t n)                                                                    \
    {                                                                                                                  \
        T max = -INFINITY;                                                                                             \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                \
            max = x[i] > max ? x[i] : max;                                                                             \
        return max;                                                                                                    \
    }                                                                                                                  \
                                                                                                                       \
    static void softmax_##name(T *x, int64_t n, bool leave_zeros)                                                      \
    {                                                                                                                  \
        T max = greatest_##name(x, n), sum = 0;                                                                        \
                                                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            if (leave_zeros && x[i] <= (T)1e-7 && x[i] >= (T)-1e-7) {                                                  \
                x[i] *= exp_fn(-max);                                                                                  \
            } else {                                                                                                   \
                x[i] = exp_fn(x[i] - max);                                                                             \
                sum += x[i];                                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                                                \
            x[i] /= sum;                                                                                               \
    }                                                                                                                  \
                                                                                                                       \
    static void post_##name(enum qn_ml_post post, T *x, int64_t n)                                                     \
    {                                                                                                                  \
        if (n < 2 && post != QN_ML_PROBIT)                                                                             \
            return;                                                                                                    \
        switch (post) {                                                                                                \
        case QN_ML_SOFTMAX:                                                                                            \
        case QN_ML_SOFTMAX_ZERO:                                                                                       \
            softmax_##name(x, n, post == QN_ML_SOFTMAX_ZERO);                                                          \
            break;                                                                                                     \
        case QN_ML_LOGISTIC:                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                            \
                x[i] = logistic_##name(x[i]);                                                                          \
            break;                                                                                                     \
        case QN_ML_PROBIT:                                                                                             \
            for (int64_t i = 0; i < n; i++)                                                                            \
                x[i] = probit_##name(x[i]);                                                                            \
            break;                                                                                                     \
        case QN_ML_NONE:                                                                                               \
            break;                                                                                                     \
        }                                                                                                              \
    }

SCORES(float, f32, expf, logf, sqrtf, fabsf)
SCORES(double, f64, exp, log, sqrt, fabs)

void qn_ml_post(enum qn_ml_post post, float *scores, int64_t n) { post_f32(post, scores, n); }
void qn_ml_post_double(enum qn_ml_post post, double *scores, int64_t n) { post_f64(post, scores, n); }

void qn_ml_post_pair(enum qn_ml_post post, bool probability, float score, float pair[2])
{
    bool logistic = post == QN_ML_LOGISTIC;

    pair[0] = logistic ? logistic_f32(-score) : probability ? 1 - score : -score;
    pair[1] = logistic ? logistic_f32(score) : score;
    if (post == QN_ML_PROBIT)
        post_f32(post, pair, 2);
}
