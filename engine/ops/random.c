/* random.c: RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike, Multinomial, Bernoulli.
 * With a seed the same values come every time; without, the run's own generator gives others each time. The standard
 * names no generator: numbers come from splitmix64 (Steele, Lea, Flood, OOPSLA 2014), normal ones by Box and Muller's
 * transform. */
#include <math.h>
#include <string.h>

#include "ops/op.h"
#include "tensor/convert.h"

struct random {
    enum qn_dtype dtype; /* UNDEFINED: the input's */
    struct qn_ints shape;
    float seed; /* NaN: none */
    float a, b; /* mean and scale, or low and high */
    int64_t sample_size;
    bool like;
};

/* ---- The generator ----------------------------------------------------------------------------------------------- */

static uint64_t start(const struct qn_call *call)
{
    const struct random *p = call->params;
    uint32_t bits;

    if (isnan(p->seed))
        return call->services->random(call->services->self);
    memcpy(&bits, &p->seed, sizeof(bits));
    return bits * 0x9e3779b97f4a7c15u;
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* In [0, 1). */
static double uniform(uint64_t *state) { return (double)(next(state) >> 11) * 0x1p-53; }

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(1 - uniform(state)));

    return radius * cos(6.283185307179586 * uniform(state));
}

/* ---- Inference --------------------------------------------------------------------------------------------------- */

static enum qn_status infer_fill(struct qn_infer *in, const void *params)
{
    const struct random *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape shape = {.rank = 0};

    if (p->like)
        return qn_infer_out(in, 0, p->dtype != QN_UNDEFINED ? p->dtype : x->dtype, &x->shape);
    QN_CHECK(p->shape.n <= QN_MAX_RANK, in->err, LIMIT, "the shape has %zu dimensions", p->shape.n);
    for (size_t i = 0; i < p->shape.n; i++) {
        QN_CHECK(p->shape.v[i] >= 0, in->err, SHAPE, "dimension %zu is %lld", i, (long long)p->shape.v[i]);
        shape.dims[shape.rank++] = p->shape.v[i];
    }
    return qn_infer_out(in, 0, p->dtype, &shape);
}

static enum qn_status infer_multinomial(struct qn_infer *in, const void *params)
{
    const struct random *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape shape = {.rank = 2, .dims = {QN_DIM_UNKNOWN, p->sample_size}};

    QN_CHECK(x->shape.rank < 0 || x->shape.rank == 2, in->err, SHAPE, "the input must have 2 dimensions, not %d",
             x->shape.rank);
    QN_CHECK(p->dtype == QN_INT32 || p->dtype == QN_INT64, in->err, FORMAT, "the output cannot be %s",
             qn_dtype_name(p->dtype));
    if (x->shape.rank == 2)
        shape.dims[0] = x->shape.dims[0];
    return qn_infer_out(in, 0, p->dtype, &shape);
}

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */

static enum qn_status normal_ref(const struct qn_call *call)
{
    const struct random *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    uint64_t state = start(call);

    for (int64_t i = 0, n = qn_tensor_count(y); i < n; i++)
        qn_tensor_set_double(y, i, p->a + p->b * normal(&state));
    return QN_OK;
}

static enum qn_status uniform_ref(const struct qn_call *call)
{
    const struct random *p = call->params;
    struct qn_tensor *y = qn_out(call, 0);
    uint64_t state = start(call);

    for (int64_t i = 0, n = qn_tensor_count(y); i < n; i++)
        qn_tensor_set_double(y, i, p->a + ((double)p->b - p->a) * uniform(&state));
    return QN_OK;
}

static enum qn_status bernoulli_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    uint64_t state = start(call);

    for (int64_t i = 0, n = qn_tensor_count(y); i < n; i++) {
        double one = uniform(&state) < qn_tensor_double(x, i);

        qn_convert(QN_DOUBLE, &one, y->dtype, (char *)y->data + (size_t)i * qn_dtype_bytes(y->dtype), 1,
                   (struct qn_convert_options){.saturate = true, .round_mode = 'n'});
    }
    return QN_OK;
}

/* Input rows are logarithms of unnormalised probabilities. */
static enum qn_status multinomial_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor *y = qn_out(call, 0);
    int64_t rows = x->dims[0], n = x->dims[1], samples = y->dims[1];
    uint64_t state = start(call);

    QN_CHECK(n > 0 || samples * rows == 0, call->err, SHAPE, "there is no class to draw from");
    for (int64_t r = 0; r < rows; r++) {
        double max = -INFINITY, total = 0;

        for (int64_t k = 0; k < n; k++)
            max = fmax(max, qn_tensor_double(x, r * n + k));
        for (int64_t k = 0; k < n; k++)
            total += exp(qn_tensor_double(x, r * n + k) - max);
        for (int64_t s = 0; s < samples; s++) {
            double left = uniform(&state) * total;
            int64_t k = 0;

            for (; k < n - 1; k++)
                if ((left -= exp(qn_tensor_double(x, r * n + k) - max)) < 0)
                    break;
            qn_tensor_set_int(y, r * samples + s, k);
        }
    }
    return QN_OK;
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

#define KERNELS(stem) ((const struct qn_kernel[]){{.name = #stem, .run = stem}, {.name = NULL}})
#define SEED                                                                                                           \
    {                                                                                                                  \
        .name = "seed", .form = QN_FORM_FLOAT, .offset = offsetof(struct random, seed), .number = NAN                  \
    }
#define NUMBER(text, field_, value)                                                                                    \
    {                                                                                                                  \
        .name = text, .form = QN_FORM_FLOAT, .offset = offsetof(struct random, field_), .number = (value)              \
    }
#define SHAPE                                                                                                          \
    {                                                                                                                  \
        .name = "shape", .form = QN_FORM_INTS, .offset = offsetof(struct random, shape), .required = true              \
    }
#define TYPE(value) QN_DTYPE_ATTR(random, dtype, value)

#define FILL(op, first, last, set, kernel, ...)                                                                        \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS({NULL, 0, 0, 0}),              \
        .out = QN_FORMALS(QN_OUT("output", 'T', set)), .attrs = QN_ATTRS(TYPE(QN_FLOAT), SEED, SHAPE, __VA_ARGS__),    \
        QN_PARAMS(random), .flags = QN_RANDOM, .infer = infer_fill, .kernels = KERNELS(kernel),                        \
        .tolerance = QN_RANDOMLY                                                                                       \
    }
#define LIKE(op, first, last, any, set, kernel, ...)                                                                   \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("input", '1', any)),     \
        .out = QN_FORMALS(QN_OUT("output", '2', set)), .attrs = QN_ATTRS(TYPE(QN_UNDEFINED), SEED, __VA_ARGS__),       \
        QN_PRESET(random, .like = true), .flags = QN_RANDOM, .infer = infer_fill, .kernels = KERNELS(kernel),          \
        .tolerance = QN_RANDOMLY                                                                                       \
    }
#define MEAN NUMBER("mean", a, 0), NUMBER("scale", b, 1)
#define LOW  NUMBER("low", a, 0), NUMBER("high", b, 1)
#define BERNOULLI(first, last, set)                                                                                    \
    {                                                                                                                  \
        .name = "Bernoulli", .domain = "", .since = (first), .until = (last),                                          \
        .in = QN_FORMALS(QN_IN("input", '1', set)),                                                                    \
        .out = QN_FORMALS(QN_OUT("output", '2', QN_NUMBERS | QN_BIT(BOOL))),                                           \
        .attrs = QN_ATTRS(TYPE(QN_UNDEFINED), SEED), QN_PRESET(random, .like = true), .flags = QN_RANDOM,              \
        .infer = infer_fill, .kernels = KERNELS(bernoulli_ref), .tolerance = QN_RANDOMLY                               \
    }
#define MULTINOMIAL(first, last, set)                                                                                  \
    {                                                                                                                  \
        .name = "Multinomial", .domain = "", .since = (first), .until = (last),                                        \
        .in = QN_FORMALS(QN_IN("input", '1', set)),                                                                    \
        .out = QN_FORMALS(QN_OUT("output", '2', QN_BIT(INT32) | QN_BIT(INT64))),                                       \
        .attrs = QN_ATTRS(TYPE(QN_INT32), SEED, QN_INT_ATTR_RANGE(random, sample_size, 1, 0, INT32_MAX)),              \
        QN_PARAMS(random), .flags = QN_RANDOM, .infer = infer_multinomial, .kernels = KERNELS(multinomial_ref),        \
        .tolerance = QN_RANDOMLY                                                                                       \
    }

const struct qn_op qn_ops_random[] = {
    FILL("RandomNormal", 1, 21, QN_FLOATS_STD, normal_ref, MEAN),
    FILL("RandomNormal", 22, 27, QN_FLOATS, normal_ref, MEAN),
    FILL("RandomUniform", 1, 21, QN_FLOATS_STD, uniform_ref, LOW),
    FILL("RandomUniform", 22, 27, QN_FLOATS, uniform_ref, LOW),
    LIKE("RandomNormalLike", 1, 21, QN_ALL_IR3, QN_FLOATS_STD, normal_ref, MEAN),
    LIKE("RandomNormalLike", 22, 27, QN_ALL_IR4, QN_FLOATS, normal_ref, MEAN),
    LIKE("RandomUniformLike", 1, 21, QN_ALL_IR3, QN_FLOATS_STD, uniform_ref, LOW),
    LIKE("RandomUniformLike", 22, 27, QN_ALL_IR4, QN_FLOATS, uniform_ref, LOW),
    BERNOULLI(15, 21, QN_FLOATS_STD),
    BERNOULLI(22, 27, QN_FLOATS),
    MULTINOMIAL(7, 21, QN_FLOATS_STD),
    MULTINOMIAL(22, 27, QN_FLOATS),
    {.name = NULL},
};
