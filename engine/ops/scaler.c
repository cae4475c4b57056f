/* scaler.c: Scaler, Normalizer, Binarizer, Imputer of ai.onnx.ml: features one by one, the last dimension being theirs.
 * Scaler takes scale or offset alone, the other then changing nothing. Normalizer divides by the greatest value, not by
 * the greatest magnitude, as the standard and onnxruntime have it; a divisor of zero leaves the row as it is. A NaN is
 * not above Binarizer's threshold. */
#include <math.h>

#include "ops/ml.h"

/* What is common to the four: rows of `f` elements from x to y. */
struct rows {
    const char *x;
    char *y;
    size_t x_row, y_row; /* bytes */
    int64_t n, f;
    const void *params;
    void (*run)(const void *params, const void *x, void *y, int64_t f);
};

static void run_part(void *arg, int part, int n_parts)
{
    const struct rows *r = arg;
    int64_t begin, end;

    qn_pool_slice(r->n, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        r->run(r->params, r->x + (size_t)i * r->x_row, r->y + (size_t)i * r->y_row, r->f);
}

typedef void row_fn(const void *params, const void *x, void *y, int64_t f);

static enum qn_status each_row(const struct qn_call *call, double cost, row_fn *run)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t f = x->rank ? x->dims[x->rank - 1] : 1, n = f ? qn_tensor_count(x) / f : 0;
    struct rows r = {.x = x->data, .y = y->data, .n = n, .f = f, .params = call->params, .run = run};

    r.x_row = (size_t)f * qn_dtype_bytes(x->dtype);
    r.y_row = (size_t)f * qn_dtype_bytes(y->dtype);
    qn_pool_run(call->pool, qn_ml_parts(call->pool, n, cost * (double)f), run_part, &r);
    return QN_OK;
}

/* The row function of an operator for the type of its input. */
#define BY_TYPE(name)                                                                                                  \
    static enum qn_status name##_ref(const struct qn_call *call)                                                       \
    {                                                                                                                  \
        switch (qn_in(call, 0)->dtype) {                                                                               \
        case QN_FLOAT:                                                                                                 \
            return each_row(call, 2, name##_f32);                                                                      \
        case QN_DOUBLE:                                                                                                \
            return each_row(call, 2, name##_f64);                                                                      \
        case QN_INT32:                                                                                                 \
            return each_row(call, 2, name##_i32);                                                                      \
        default:                                                                                                       \
            return each_row(call, 2, name##_i64);                                                                      \
        }                                                                                                              \
    }

/* The number of features is known, and not one of those that a list of `n` values serves. */
static enum qn_status check_values(const struct qn_infer *in, const char *what, size_t n)
{
    const struct qn_shape *shape = &qn_infer_in(in, 0)->shape;
    int64_t f = shape->rank < 0 ? QN_DIM_UNKNOWN : shape->rank == 0 ? 1 : shape->dims[shape->rank - 1];

    QN_CHECK(n == 1 || !qn_dim_known(f) || f == (int64_t)n, in->err, SHAPE,
             "%zu values of %s for rows of %lld features", n, what, (long long)f);
    return QN_OK;
}

/* ---- Scaler --------------------------------------------------------------------------------------------------- */

struct scaler {
    struct qn_floats offset, scale; /* after parse of one length, at least 1 */
};

/* A list of n values: those given, or one value n times. */
static enum qn_status stretch(struct qn_floats *list, float otherwise, size_t n, struct qn_arena *arena,
                              struct qn_err *err)
{
    float *v;

    if (list->n == n)
        return QN_OK;
    QN_CHECK(list->n <= 1, err, FORMAT, "%zu offsets or scales stand against %zu of the other", list->n, n);
    v = qn_arena_array(arena, n, sizeof(*v));
    QN_CHECK_MEM(v, err);
    for (size_t i = 0; i < n; i++)
        v[i] = list->n ? list->v[0] : otherwise;
    *list = (struct qn_floats){v, n, true};
    return QN_OK;
}

static enum qn_status parse_scaler(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct scaler *p = params;
    size_t n = p->offset.n > p->scale.n ? p->offset.n : p->scale.n;

    (void)node;
    n = n ? n : 1;
    QN_TRY(stretch(&p->offset, 0, n, arena, err));
    return stretch(&p->scale, 1, n, arena, err);
}

static enum qn_status infer_scaler(struct qn_infer *in, const void *params)
{
    const struct scaler *p = params;

    QN_TRY(check_values(in, "scale and offset", p->scale.n));
    return qn_infer_out(in, 0, QN_FLOAT, &qn_infer_in(in, 0)->shape);
}

/* Doubles are scaled as doubles, everything else as float32. */
#define SCALER(T, W, suffix)                                                                                           \
    static void scaler_##suffix(const void *params, const void *src, void *dst, int64_t f)                             \
    {                                                                                                                  \
        const struct scaler *p = params;                                                                               \
        const float *offset = p->offset.v, *scale = p->scale.v;                                                        \
        const T *x = src;                                                                                              \
        float *y = dst;                                                                                                \
                                                                                                                       \
        if (p->scale.n == 1)                                                                                           \
            for (int64_t i = 0; i < f; i++)                                                                            \
                y[i] = (float)(((W)x[i] - offset[0]) * scale[0]);                                                      \
        else                                                                                                           \
            for (int64_t i = 0; i < f; i++)                                                                            \
                y[i] = (float)(((W)x[i] - offset[i]) * scale[i]);                                                      \
    }
SCALER(float, float, f32)
SCALER(double, double, f64)
SCALER(int32_t, float, i32)
SCALER(int64_t, float, i64)
BY_TYPE(scaler)

/* ---- Normalizer ----------------------------------------------------------------------------------------------- */

enum norm { NORM_MAX, NORM_L1, NORM_L2 };
static const char *const norms[] = {"MAX", "L1", "L2", NULL};

struct normalizer {
    int norm;
};

static enum qn_status infer_normalizer(struct qn_infer *in, const void *params)
{
    struct qn_ml_rows rows;

    (void)params;
    QN_TRY(qn_ml_infer_rows(in, &rows));
    return qn_infer_out(in, 0, QN_FLOAT, &qn_infer_in(in, 0)->shape);
}

#define NORMALIZER(T, suffix)                                                                                          \
    static void normalizer_##suffix(const void *params, const void *src, void *dst, int64_t f)                         \
    {                                                                                                                  \
        const struct normalizer *p = params;                                                                           \
        const T *x = src;                                                                                              \
        float *y = dst;                                                                                                \
        double max = -INFINITY, sum = 0, by;                                                                           \
                                                                                                                       \
        for (int64_t i = 0; i < f; i++) {                                                                              \
            double v = (double)x[i];                                                                                   \
                                                                                                                       \
            max = v > max ? v : max;                                                                                   \
            sum += p->norm == NORM_L1 ? fabs(v) : v * v;                                                               \
        }                                                                                                              \
        by = p->norm == NORM_MAX ? max : p->norm == NORM_L1 ? sum : sqrt(sum);                                         \
        by = by == 0 ? 1 : by;                                                                                         \
        for (int64_t i = 0; i < f; i++)                                                                                \
            y[i] = (float)((double)x[i] / by);                                                                         \
    }
NORMALIZER(float, f32)
NORMALIZER(double, f64)
NORMALIZER(int32_t, i32)
NORMALIZER(int64_t, i64)
BY_TYPE(normalizer)

/* Sums by vectors; where they leave the range of float32, once more in double. */
static void normalizer_f32_sums(const void *params, const void *src, void *dst, int64_t f)
{
    const struct normalizer *p = params;
    const struct qn_kern *kern = qn_kern();
    float sum = p->norm == NORM_L1 ? kern->sum_abs(src, (size_t)f) : kern->sum_sq(src, (size_t)f);

    if (!(sum > 1e-30f && sum < 1e30f))
        normalizer_f32(params, src, dst, f);
    else
        kern->vs[QN_DIV](dst, src, p->norm == NORM_L1 ? sum : sqrtf(sum), (size_t)f);
}

static const char *accept_sums(const struct qn_site *site)
{
    const struct normalizer *p = site->params;

    return p->norm == NORM_MAX ? "not a sum" : qn_accept_f32(site);
}

static enum qn_status normalizer_sums(const struct qn_call *call) { return each_row(call, 1, normalizer_f32_sums); }

/* ---- Binarizer ------------------------------------------------------------------------------------------------ */

struct binarizer {
    float threshold;
};

#define BINARIZER(T, suffix)                                                                                           \
    static void binarizer_##suffix(const void *params, const void *src, void *dst, int64_t f)                          \
    {                                                                                                                  \
        const struct binarizer *p = params;                                                                            \
        const T *x = src;                                                                                              \
        T *y = dst;                                                                                                    \
                                                                                                                       \
        for (int64_t i = 0; i < f; i++)                                                                                \
            y[i] = x[i] > p->threshold;                                                                                \
    }
BINARIZER(float, f32)
BINARIZER(double, f64)

/* An integer is above a threshold when it is above its floor: compared as integers, where no digit is lost. */
#define BINARIZER_INT(T, suffix)                                                                                       \
    static void binarizer_##suffix(const void *params, const void *src, void *dst, int64_t f)                          \
    {                                                                                                                  \
        const struct binarizer *p = params;                                                                            \
        double floor_of = floor((double)p->threshold);                                                                 \
        bool all = floor_of < -0x1p63, none = !(floor_of < 0x1p63);                                                    \
        int64_t limit = all || none ? 0 : (int64_t)floor_of;                                                           \
        const T *x = src;                                                                                              \
        T *y = dst;                                                                                                    \
                                                                                                                       \
        for (int64_t i = 0; i < f; i++)                                                                                \
            y[i] = all || (!none && x[i] > limit);                                                                     \
    }
BINARIZER_INT(int32_t, i32)
BINARIZER_INT(int64_t, i64)
BY_TYPE(binarizer)

/* ---- Imputer -------------------------------------------------------------------------------------------------- */

struct imputer {
    struct qn_floats imputed_value_floats;
    struct qn_ints imputed_value_int64s;
    float replaced_value_float;
    int64_t replaced_value_int64;
};

static enum qn_status parse_imputer(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    const struct imputer *p = params;

    (void)node, (void)arena;
    QN_CHECK(p->imputed_value_floats.n == 0 || p->imputed_value_int64s.n == 0, err, FORMAT,
             "imputed values are given twice, as floats and as ints");
    QN_CHECK(p->imputed_value_floats.n || p->imputed_value_int64s.n, err, FORMAT, "imputed values are missing");
    return QN_OK;
}

static enum qn_status infer_imputer(struct qn_infer *in, const void *params)
{
    const struct imputer *p = params;
    enum qn_dtype dtype = qn_infer_in(in, 0)->dtype;
    size_t n = qn_dtype_is_float(dtype) ? p->imputed_value_floats.n : p->imputed_value_int64s.n;

    QN_CHECK(n || dtype == QN_UNDEFINED, in->err, FORMAT, "the imputed values are not of the kind of %s",
             qn_dtype_name(dtype));
    for (size_t i = 0; dtype == QN_INT32 && i < n; i++)
        QN_CHECK(p->imputed_value_int64s.v[i] == (int32_t)p->imputed_value_int64s.v[i], in->err, RANGE,
                 "imputed value %lld does not fit in int32", (long long)p->imputed_value_int64s.v[i]);
    if (n)
        QN_TRY(check_values(in, "the imputer", n));
    return qn_infer_same(in, params);
}

#define IMPUTER(T, suffix, list, replaced, is_it)                                                                      \
    static void imputer_##suffix(const void *params, const void *src, void *dst, int64_t f)                            \
    {                                                                                                                  \
        const struct imputer *p = params;                                                                              \
        size_t step = p->list.n > 1;                                                                                   \
        const T *x = src;                                                                                              \
        T *y = dst;                                                                                                    \
                                                                                                                       \
        for (int64_t i = 0; i < f; i++)                                                                                \
            y[i] = is_it(x[i], p->replaced) ? (T)p->list.v[(size_t)i * step] : x[i];                                   \
    }
#define IS_EQUAL(x, y)        ((x) == (y))
#define IS_EQUAL_OR_NAN(x, y) ((x) == (y) || (isnan(x) && isnan(y)))
IMPUTER(float, f32, imputed_value_floats, replaced_value_float, IS_EQUAL_OR_NAN)
IMPUTER(double, f64, imputed_value_floats, replaced_value_float, IS_EQUAL_OR_NAN)
IMPUTER(int32_t, i32, imputed_value_int64s, replaced_value_int64, IS_EQUAL)
IMPUTER(int64_t, i64, imputed_value_int64s, replaced_value_int64, IS_EQUAL)
BY_TYPE(imputer)

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel scaler_kernels[] = {{.name = "scaler_ref", .run = scaler_ref}, {.name = NULL}};
static const struct qn_kernel normalizer_kernels[] = {
    {.name = "normalizer_f32_sums", .accept = accept_sums, .run = normalizer_sums},
    {.name = "normalizer_ref", .run = normalizer_ref},
    {.name = NULL},
};
static const struct qn_kernel binarizer_kernels[] = {{.name = "binarizer_ref", .run = binarizer_ref}, {.name = NULL}};
static const struct qn_kernel imputer_kernels[] = {{.name = "imputer_ref", .run = imputer_ref}, {.name = NULL}};

#define ROW(op, out_group, out_types, ...)                                                                             \
    {                                                                                                                  \
        .domain = "ai.onnx.ml", .name = (op), .since = 1, .until = QN_NEWEST_ML,                                       \
        .in = QN_FORMALS(QN_IN("X", 'T', QN_ML_NUMBERS)), .out = QN_FORMALS(QN_OUT("Y", out_group, out_types)),        \
        .inplace = QN_INPLACE(0), __VA_ARGS__                                                                          \
    }

const struct qn_op qn_ops_scaler[] = {
    ROW("Scaler", 0, QN_BIT(FLOAT), .attrs = QN_ATTRS(QN_FLOATS_ATTR(scaler, offset), QN_FLOATS_ATTR(scaler, scale)),
        QN_PARAMS(scaler), .parse = parse_scaler, .infer = infer_scaler, .kernels = scaler_kernels,
        .tolerance = QN_ROUNDING),
    ROW("Normalizer", 0, QN_BIT(FLOAT), .attrs = QN_ATTRS(QN_ENUM_ATTR(normalizer, norm, "MAX", norms)),
        QN_PARAMS(normalizer), .infer = infer_normalizer, .kernels = normalizer_kernels, .tolerance = QN_ROUNDING),
    ROW("Binarizer", 'T', QN_ML_NUMBERS, .attrs = QN_ATTRS(QN_FLOAT_ATTR(binarizer, threshold, 0)),
        QN_PARAMS(binarizer), .infer = qn_infer_same, .kernels = binarizer_kernels, .tolerance = QN_EXACT),
    ROW("Imputer", 'T', QN_ML_NUMBERS,
        .attrs =
            QN_ATTRS(QN_FLOATS_ATTR(imputer, imputed_value_floats), QN_INTS_ATTR(imputer, imputed_value_int64s),
                     QN_FLOAT_ATTR(imputer, replaced_value_float, 0), QN_INT_ATTR(imputer, replaced_value_int64, 0)),
        QN_PARAMS(imputer), .parse = parse_imputer, .infer = infer_imputer, .kernels = imputer_kernels,
        .tolerance = QN_EXACT),
    {.name = NULL},
};
