/* activations.c: Relu LeakyRelu ThresholdedRelu, Elu Selu Celu, Sigmoid HardSigmoid HardSwish Swish Gelu, Tanh Softplus
 * Softsign Mish, Shrink.
 * What kernels know as an activation is offered to the optimiser by the hook. Integers (Relu, Shrink) stay in their
 * type; Shrink lets them wrap. Not here: Clip (clip.c), PRelu (prelu.c), Softmax (softmax.c). */
#include <math.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"

enum kind {
    RELU,
    LEAKY_RELU,
    THRESHOLDED_RELU,
    ELU,
    SELU,
    CELU,
    SIGMOID,
    HARD_SIGMOID,
    HARD_SWISH,
    SWISH,
    GELU,
    TANH,
    SOFTPLUS,
    SOFTSIGN,
    MISH,
    SHRINK
};

struct activation {
    enum kind kind;
    float alpha, beta, gamma, bias, lambd; /* named as the attributes */
    int approximate;                       /* of Gelu: index in approximations */
};

static const char *const approximations[] = {"none", "tanh", NULL};

/* ---- Reference ------------------------------------------------------------------------------------------------ */

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

static double gelu(double x, bool by_tanh)
{
    return by_tanh ? x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)))
                   : x / 2 * (1 + erf(x / sqrt(2)));
}

/* The formulas of the standard. */
static double value_of(const struct activation *p, double x)
{
    switch (p->kind) {
    case RELU:
        return 0 > x ? 0 : x;
    case LEAKY_RELU:
        return x < 0 ? (double)p->alpha * x : x;
    case THRESHOLDED_RELU:
        return x > (double)p->alpha ? x : 0;
    case ELU:
        return x < 0 ? (double)p->alpha * expm1(x) : x;
    case SELU:
        return (double)p->gamma * (x > 0 ? x : (double)p->alpha * expm1(x));
    case CELU:
        return x > 0 ? x : (double)p->alpha * expm1(x / (double)p->alpha);
    case SIGMOID:
        return 1 / (1 + exp(-x));
    case HARD_SIGMOID:
        return clamp((double)p->alpha * x + (double)p->beta, 0, 1);
    case HARD_SWISH:
        return x * clamp(x / 6 + 0.5, 0, 1);
    case SWISH:
        return x / (1 + exp(-(double)p->alpha * x));
    case GELU:
        return gelu(x, p->approximate == 1);
    case TANH:
        return tanh(x);
    case SOFTPLUS:
        return softplus(x);
    case SOFTSIGN:
        return x / (1 + fabs(x));
    case MISH:
        return x * tanh(softplus(x));
    case SHRINK:
        return x < -(double)p->lambd ? x + (double)p->bias : x > (double)p->lambd ? x - (double)p->bias : 0;
    }
    return NAN;
}

/* arg: the params, here and below. */
QN_UNARY_ROW(any_f32, float, float, (float)value_of(arg, x))
QN_UNARY_ROW(any_f64, double, double, value_of(arg, x))

/* In long double, which holds every integer where it has 64 bits of mantissa. What does not fit the type loses its high
 * bits there. */
static inline uint64_t shrink_integer(const struct activation *p, long double x)
{
    long double y = x < -p->lambd ? x + p->bias : x > p->lambd ? x - p->bias : 0;

    if (!(y > -0x1p63L && y < 0x1p64L))
        return (uint64_t)1 << 63;
    return y < 0 ? (uint64_t)(int64_t)y : (uint64_t)y;
}

#define SHRINK_ROW(suffix, type) QN_UNARY_ROW(shrink_##suffix, type, type, (type)shrink_integer(arg, x))
#define OF_SIGNED(suffix, type)                                                                                        \
    QN_UNARY_ROW(relu_##suffix, type, type, x > 0 ? x : 0)                                                             \
    SHRINK_ROW(suffix, type)
OF_SIGNED(i8, int8_t)
OF_SIGNED(i16, int16_t)
OF_SIGNED(i32, int32_t)
OF_SIGNED(i64, int64_t)
SHRINK_ROW(u8, uint8_t)
SHRINK_ROW(u16, uint16_t)
SHRINK_ROW(u32, uint32_t)
SHRINK_ROW(u64, uint64_t)

static qn_row_fn *const any_rows[QN_N_DTYPE] = {QN_ROWS_FLOATS(any)};
static qn_row_fn *const relu_rows[QN_N_DTYPE] = {QN_ROWS_SIGNED(relu)};
static qn_row_fn *const shrink_rows[QN_N_DTYPE] = {QN_ROWS_SIGNED(shrink), QN_ROWS_UNSIGNED(shrink)};

static enum qn_status activation_ref(const struct qn_call *call)
{
    const struct activation *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    qn_row_fn *row = any_rows[x->dtype];

    if (!row)
        row = p->kind == RELU ? relu_rows[x->dtype] : shrink_rows[x->dtype];
    qn_map_run(call, x, p->kind == RELU ? 1 : 8, row, p);
    return QN_OK;
}

/* ---- float32: what the kernel table knows ---------------------------------------------------------------------- */

static bool as_act(const struct activation *p, struct qn_act *act)
{
    static const enum qn_act_kind kinds[] = {
        [RELU] = QN_ACT_RELU,
        [LEAKY_RELU] = QN_ACT_LEAKY,
        [ELU] = QN_ACT_ELU,
        [SIGMOID] = QN_ACT_SIGMOID,
        [HARD_SIGMOID] = QN_ACT_HARDSIGMOID,
        [HARD_SWISH] = QN_ACT_HARDSWISH,
        [SWISH] = QN_ACT_SILU,
        [GELU] = QN_ACT_GELU,
        [TANH] = QN_ACT_TANH,
        [SHRINK] = QN_ACT_NONE,
    };

    *act = (struct qn_act){.kind = kinds[p->kind], .a = p->alpha, .b = p->beta};
    if (p->kind == GELU && p->approximate == 1)
        act->kind = QN_ACT_GELU_TANH;
    return act->kind != QN_ACT_NONE;
}

static bool activation(const struct qn_node *node, struct qn_act *act) { return as_act(node->params, act); }

static const char *accept_act(const struct qn_site *site)
{
    struct qn_act act;

    return as_act(site->params, &act) ? qn_accept_f32(site) : "not in the kernel table";
}

/* arg: the activation. */
static void act_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    (void)step;
    qn_kern()->act(dst, src[0], (size_t)n, arg);
}

static enum qn_status activation_act(const struct qn_call *call)
{
    const struct activation *p = call->params;
    struct qn_act act;
    bool cheap = p->kind == RELU || p->kind == LEAKY_RELU || p->kind == HARD_SIGMOID || p->kind == HARD_SWISH;

    as_act(p, &act);
    qn_map_run(call, qn_in(call, 0), cheap ? 1 : 4, act_row, &act);
    return QN_OK;
}

/* ---- float32: the others, by blocks over the table's exp and log ------------------------------------------------ */

enum { BLOCK = 256 };

/* e: exp(x), or of something near it; see prepare_block(). */
static void finish_block(const struct activation *p, float *y, const float *x, const float *e, int64_t n)
{
    float a = p->alpha, g = p->gamma;

    if (p->kind == SELU)
        for (int64_t i = 0; i < n; i++)
            y[i] = g * (x[i] > 0 ? x[i] : a * (e[i] - 1));
    else if (p->kind == CELU)
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] > 0 ? x[i] : a * (e[i] - 1);
    else /* MISH: tanh(log(1 + e)) is (e^2 + 2 e) / (e^2 + 2 e + 2) */
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] * (e[i] * (e[i] + 2) / (e[i] * (e[i] + 2) + 2));
}

/* The exponent's argument: never so large for MISH that its square overflows; the quotient is 1 long before. */
static void prepare_block(const struct activation *p, float *e, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        e[i] = p->kind == CELU ? x[i] / p->alpha : p->kind == MISH && x[i] > 20 ? 20 : x[i];
    qn_kern()->exp(e, e, (size_t)n);
}

static void exp_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const float *x = src[0];
    float *y = dst, e[BLOCK];

    (void)step;
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;

        prepare_block(arg, e, x + done, m);
        finish_block(arg, y + done, x + done, e, m);
    }
}

/* max(x, 0) + log(1 + e) with e = exp(-|x|). What 1 + e loses of e is put back to first order. */
static void softplus_row(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const float *x = src[0];
    float *y = dst, e[BLOCK], w[BLOCK], log_w[BLOCK];

    (void)step, (void)arg;
    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;

        for (int64_t i = 0; i < m; i++)
            e[i] = -fabsf(x[done + i]);
        qn_kern()->exp(e, e, (size_t)m);
        for (int64_t i = 0; i < m; i++)
            w[i] = 1 + e[i];
        qn_kern()->log(log_w, w, (size_t)m);
        for (int64_t i = 0; i < m; i++)
            y[done + i] = (x[done + i] > 0 ? x[done + i] : 0) + (log_w[i] + (e[i] - (w[i] - 1)) / w[i]);
    }
}

QN_UNARY_ROW(softsign_row, float, float, x / (1 + fabsf(x)))
QN_UNARY_ROW(thresholded_row, float, float, x > ((const struct activation *)arg)->alpha ? x : 0)

static float shrink(const struct activation *p, float x)
{
    return x < -p->lambd ? x + p->bias : x > p->lambd ? x - p->bias : 0;
}
QN_UNARY_ROW(shrink_row, float, float, shrink(arg, x))

static enum qn_status activation_f32(const struct qn_call *call)
{
    static qn_row_fn *const rows[] = {[THRESHOLDED_RELU] = thresholded_row,
                                      [SELU] = exp_row,
                                      [CELU] = exp_row,
                                      [SOFTPLUS] = softplus_row,
                                      [SOFTSIGN] = softsign_row,
                                      [MISH] = exp_row,
                                      [SHRINK] = shrink_row};
    const struct activation *p = call->params;

    qn_map_run(call, qn_in(call, 0), 4, rows[p->kind], p);
    return QN_OK;
}

static const struct qn_kernel act_kernels[] = {
    {.name = "activation_act", .accept = accept_act, .run = activation_act},
    {.name = "activation_ref", .accept = qn_accept_not_narrow, .run = activation_ref},
    {.name = NULL},
};
static const struct qn_kernel kernels[] = {
    {.name = "activation_f32", .accept = qn_accept_f32, .run = activation_f32},
    {.name = "activation_ref", .accept = qn_accept_not_narrow, .run = activation_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define CONSUMED            QN_IGNORED_ATTR("consumed_inputs")
#define FLOAT(field, value) QN_FLOAT_ATTR(activation, field, value)
#define NO_ATTRS            QN_ATTRS({.name = NULL})

#define ROW(op, x, y, first, last, which, type_set, attr_list, kernel_list, ...)                                       \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN(x, 'T', type_set)),      \
        .out = QN_FORMALS(QN_OUT(y, 'T', type_set)), .attrs = attr_list, QN_PRESET(activation, .kind = (which)),       \
        .infer = qn_infer_same, .kernels = kernel_list, .inplace = QN_INPLACE(0), .tolerance = QN_ROUNDING,            \
        __VA_ARGS__                                                                                                    \
    }
#define KNOWN(op, x, y, first, last, which, type_set, attr_list)                                                       \
    ROW(op, x, y, first, last, which, type_set, attr_list, act_kernels, .activation = activation)
#define OTHER(op, x, y, first, last, which, type_set, attr_list)                                                       \
    ROW(op, x, y, first, last, which, type_set, attr_list, kernels, .flags = 0)

const struct qn_op qn_ops_activations[] = {
    KNOWN("Relu", "X", "Y", 1, 5, RELU, QN_FLOATS_STD, QN_ATTRS(CONSUMED)),
    KNOWN("Relu", "X", "Y", 6, 12, RELU, QN_FLOATS_STD, NO_ATTRS),
    KNOWN("Relu", "X", "Y", 13, 13, RELU, QN_FLOATS, NO_ATTRS),
    KNOWN("Relu", "X", "Y", 14, 27, RELU, QN_FLOATS | QN_SIGNED, NO_ATTRS),
    KNOWN("LeakyRelu", "X", "Y", 1, 5, LEAKY_RELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 0.01), CONSUMED)),
    KNOWN("LeakyRelu", "X", "Y", 6, 15, LEAKY_RELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 0.01))),
    KNOWN("LeakyRelu", "X", "Y", 16, 27, LEAKY_RELU, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 0.01))),
    OTHER("ThresholdedRelu", "X", "Y", 10, 21, THRESHOLDED_RELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 1))),
    OTHER("ThresholdedRelu", "X", "Y", 22, 27, THRESHOLDED_RELU, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 1))),
    KNOWN("Elu", "X", "Y", 1, 5, ELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 1), CONSUMED)),
    KNOWN("Elu", "X", "Y", 6, 21, ELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 1))),
    KNOWN("Elu", "X", "Y", 22, 27, ELU, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 1))),
    OTHER("Selu", "X", "Y", 1, 5, SELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 1.6732), FLOAT(gamma, 1.0507), CONSUMED)),
    OTHER("Selu", "X", "Y", 6, 21, SELU, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 1.67326319), FLOAT(gamma, 1.05070102))),
    OTHER("Selu", "X", "Y", 22, 27, SELU, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 1.67326319), FLOAT(gamma, 1.05070102))),
    OTHER("Celu", "X", "Y", 12, 27, CELU, QN_BIT(FLOAT), QN_ATTRS(FLOAT(alpha, 1))),
    KNOWN("Sigmoid", "X", "Y", 1, 5, SIGMOID, QN_FLOATS_STD, QN_ATTRS(CONSUMED)),
    KNOWN("Sigmoid", "X", "Y", 6, 12, SIGMOID, QN_FLOATS_STD, NO_ATTRS),
    KNOWN("Sigmoid", "X", "Y", 13, 27, SIGMOID, QN_FLOATS, NO_ATTRS),
    KNOWN("HardSigmoid", "X", "Y", 1, 5, HARD_SIGMOID, QN_FLOATS_STD,
          QN_ATTRS(FLOAT(alpha, 0.2), FLOAT(beta, 0.5), CONSUMED)),
    KNOWN("HardSigmoid", "X", "Y", 6, 21, HARD_SIGMOID, QN_FLOATS_STD, QN_ATTRS(FLOAT(alpha, 0.2), FLOAT(beta, 0.5))),
    KNOWN("HardSigmoid", "X", "Y", 22, 27, HARD_SIGMOID, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 0.2), FLOAT(beta, 0.5))),
    KNOWN("HardSwish", "X", "Y", 14, 21, HARD_SWISH, QN_FLOATS_STD, NO_ATTRS),
    KNOWN("HardSwish", "X", "Y", 22, 27, HARD_SWISH, QN_FLOATS, NO_ATTRS),
    KNOWN("Swish", "X", "Y", 24, 27, SWISH, QN_FLOATS, QN_ATTRS(FLOAT(alpha, 1))),
    KNOWN("Gelu", "X", "Y", 20, 27, GELU, QN_FLOATS,
          QN_ATTRS(QN_ENUM_ATTR(activation, approximate, "none", approximations))),
    KNOWN("Tanh", "input", "output", 1, 5, TANH, QN_FLOATS_STD, QN_ATTRS(CONSUMED)),
    KNOWN("Tanh", "input", "output", 6, 12, TANH, QN_FLOATS_STD, NO_ATTRS),
    KNOWN("Tanh", "input", "output", 13, 27, TANH, QN_FLOATS, NO_ATTRS),
    OTHER("Softplus", "X", "Y", 1, 21, SOFTPLUS, QN_FLOATS_STD, NO_ATTRS),
    OTHER("Softplus", "X", "Y", 22, 27, SOFTPLUS, QN_FLOATS, NO_ATTRS),
    OTHER("Softsign", "input", "output", 1, 21, SOFTSIGN, QN_FLOATS_STD, NO_ATTRS),
    OTHER("Softsign", "input", "output", 22, 27, SOFTSIGN, QN_FLOATS, NO_ATTRS),
    OTHER("Mish", "X", "Y", 18, 21, MISH, QN_FLOATS_STD, NO_ATTRS),
    OTHER("Mish", "X", "Y", 22, 27, MISH, QN_FLOATS, NO_ATTRS),
    OTHER("Shrink", "input", "output", 9, 27, SHRINK, QN_FLOATS_STD | QN_INTS,
          QN_ATTRS(FLOAT(bias, 0), FLOAT(lambd, 0.5))),
    {.name = NULL},
};
