/* training.c: Adagrad, Adam and Momentum of the domain ai.onnx.preview.training, version 1: one step of an optimiser
 * over any number of tensors. Inputs are R (learning rate), T (steps so far), then all X, all G (gradients), and one or
 * two runs of running averages; outputs the new X and averages in the same order. All tensors of one X have its shape
 * and type; the formulas run in float64. */
#include <math.h>

#include "base/pool.h"
#include "ops/op.h"
#include "tensor/tensor.h"

enum { R, T, FIRST }; /* inputs */
enum { ADAGRAD, ADAM, MOMENTUM };
enum { STANDARD, NESTEROV };
enum { MAX_RUNS = 4 }; /* of input tensors: X, G, V, H */

static const char *const modes[] = {"standard", "nesterov", NULL};

struct training {
    int rule;
    int mode;
    float alpha, beta, epsilon, norm_coefficient, norm_coefficient_post, decay_factor;
};

static int runs_of(const struct training *p) { return p->rule == ADAM ? 4 : 3; }

/* ---- Inference ------------------------------------------------------------------------------------------------ */

static enum qn_status check_scalar(const struct qn_fact *fact, const char *name, struct qn_err *err)
{
    int64_t n;

    QN_CHECK(!qn_shape_known(&fact->shape) || (qn_dims_count(fact->shape.dims, 0, fact->shape.rank, &n) && n == 1), err,
             SHAPE, "%s must be a scalar", name);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const int runs = runs_of(params), n = (in->n_in - FIRST) / runs;

    QN_TRY(check_scalar(qn_infer_in(in, R), "R", in->err));
    QN_TRY(check_scalar(qn_infer_in(in, T), "T", in->err));
    QN_CHECK(in->n_in == FIRST + n * runs, in->err, SHAPE, "%d tensors are not a multiple of %d", in->n_in - FIRST,
             runs);
    QN_CHECK(in->n_out == n * (runs - 1), in->err, SHAPE, "%d tensors give %d outputs, not %d", in->n_in - FIRST,
             n * (runs - 1), in->n_out);
    for (int i = 0; i < n; i++) {
        const struct qn_fact *x = qn_infer_in(in, FIRST + i);
        struct qn_shape shape = x->shape;

        for (int run = 1; run < runs; run++) {
            const struct qn_fact *other = qn_infer_in(in, FIRST + run * n + i);
            char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

            QN_CHECK(other->dtype == x->dtype, in->err, SHAPE, "inputs %d and %d must have one type", FIRST + i,
                     FIRST + run * n + i);
            QN_CHECK(qn_shape_merge(&shape, &other->shape, &shape), in->err, SHAPE,
                     "inputs %d and %d must have one shape, not %s and %s", FIRST + i, FIRST + run * n + i,
                     qn_shape_text(&shape, a), qn_shape_text(&other->shape, b));
        }
        for (int run = 0; run < runs - 1; run++)
            QN_TRY(qn_infer_out(in, run * n + i, x->dtype, &shape));
    }
    return QN_OK;
}

/* ---- The kernel ----------------------------------------------------------------------------------------------- */

struct step {
    const struct training *p;
    double rate; /* with everything that T decides */
    double beta; /* Momentum: 1 in the first step */
    enum qn_dtype dtype;
    int64_t n;
    const void *in[MAX_RUNS];
    void *out[MAX_RUNS - 1]; /* NULL: not wanted */
};

/* One element: x, g and the averages a[] become the new x and a[]. */
static double move(const struct step *s, double x, double g, double a[2])
{
    const struct training *p = s->p;

    g += (double)p->norm_coefficient * x;
    switch (p->rule) {
    case ADAGRAD:
        a[0] += g * g;
        return x - s->rate * g / (sqrt(a[0]) + (double)p->epsilon);
    case ADAM:
        a[0] = (double)p->alpha * a[0] + (1 - (double)p->alpha) * g;
        a[1] = (double)p->beta * a[1] + (1 - (double)p->beta) * g * g;
        x -= s->rate * a[0] / (sqrt(a[1]) + (double)p->epsilon);
        return (1 - (double)p->norm_coefficient_post) * x;
    default:
        a[0] = (double)p->alpha * a[0] + s->beta * g;
        return x - s->rate * (p->mode == NESTEROV ? g + (double)p->alpha * a[0] : a[0]);
    }
}

static double load(const struct step *s, int run, int64_t i)
{
    return s->dtype == QN_FLOAT ? (double)((const float *)s->in[run])[i] : ((const double *)s->in[run])[i];
}

static void store(const struct step *s, int run, int64_t i, double value)
{
    if (s->out[run] && s->dtype == QN_FLOAT)
        ((float *)s->out[run])[i] = (float)value;
    else if (s->out[run])
        ((double *)s->out[run])[i] = value;
}

static void run_part(void *arg, int part, int n_parts)
{
    const struct step *s = arg;
    const int runs = runs_of(s->p);
    int64_t begin, end;

    qn_pool_slice(s->n, 16, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        double a[2] = {load(s, 2, i), runs == 4 ? load(s, 3, i) : 0};

        store(s, 0, i, move(s, load(s, 0, i), load(s, 1, i), a));
        store(s, 1, i, a[0]);
        if (runs == 4)
            store(s, 2, i, a[1]);
    }
}

/* The learning rate of this step. */
static double rate_of(const struct training *p, double rate, int64_t t)
{
    if (p->rule == ADAGRAD)
        return rate / (1 + (double)t * (double)p->decay_factor);
    if (p->rule == ADAM && t > 0)
        return rate * sqrt(1 - pow((double)p->beta, (double)t)) / (1 - pow((double)p->alpha, (double)t));
    return rate;
}

static enum qn_status training_run(const struct qn_call *call)
{
    const struct training *p = call->params;
    const int runs = runs_of(p), n = (call->n_in - FIRST) / runs;
    const int64_t t = qn_tensor_int(qn_in(call, T), 0);
    struct step s = {.p = p, .rate = rate_of(p, qn_tensor_double(qn_in(call, R), 0), t)};

    s.beta = t > 0 ? (double)p->beta : 1;
    for (int i = 0; i < n; i++) {
        s.dtype = qn_in(call, FIRST + i)->dtype;
        s.n = qn_tensor_count(qn_in(call, FIRST + i));
        for (int run = 0; run < runs; run++)
            s.in[run] = qn_in(call, FIRST + run * n + i)->data;
        for (int run = 0; run < runs - 1; run++)
            s.out[run] = qn_out(call, run * n + i) ? qn_out(call, run * n + i)->data : NULL;
        qn_pool_run(call->pool, s.n < 8192 ? 1 : qn_pool_threads(call->pool), run_part, &s);
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "training", .run = training_run},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define REALS (QN_BIT(FLOAT) | QN_BIT(DOUBLE))
#define TENSORS(name)                                                                                                  \
    {                                                                                                                  \
        name, '3', REALS, QN_VARIADIC | QN_HETEROGENEOUS                                                               \
    }
#define FLOAT(field_name, value) QN_FLOAT_ATTR(training, field_name, value)
#define REQUIRED(field_name)                                                                                           \
    {                                                                                                                  \
        .name = #field_name, .form = QN_FORM_FLOAT, .offset = offsetof(struct training, field_name), .required = true  \
    }
#define ROW(op, rule_value, ...)                                                                                       \
    {                                                                                                                  \
        .name = (op), .domain = "ai.onnx.preview.training", .since = 1, .until = 1,                                    \
        .in = QN_FORMALS(QN_IN("R", '1', REALS), QN_IN("T", '2', QN_BIT(INT64)), TENSORS("inputs")),                   \
        .out = QN_FORMALS(TENSORS("outputs")), .attrs = QN_ATTRS(__VA_ARGS__),                                         \
        QN_PRESET(training, .rule = (rule_value)), .infer = infer, .kernels = kernels, .tolerance = QN_ROUNDING        \
    }

const struct qn_op qn_ops_training[] = {
    ROW("Adagrad", ADAGRAD, FLOAT(norm_coefficient, 0), FLOAT(decay_factor, 0), FLOAT(epsilon, 1e-6f)),
    ROW("Adam", ADAM, FLOAT(alpha, .9f), FLOAT(beta, .999f), FLOAT(epsilon, 1e-6f), FLOAT(norm_coefficient, 0),
        FLOAT(norm_coefficient_post, 0)),
    ROW("Momentum", MOMENTUM, REQUIRED(alpha), REQUIRED(beta), REQUIRED(norm_coefficient),
        {.name = "mode",
         .form = QN_FORM_ENUM,
         .offset = offsetof(struct training, mode),
         .required = true,
         .choices = modes}),
    {.name = NULL},
};
