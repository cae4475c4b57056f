/* unary.c: functions of one number: Abs Neg Sign Ceil Floor Round, Sqrt Reciprocal Exp Log Erf, Sin Cos Tan Asin Acos
 * Atan Sinh Cosh Asinh Acosh Atanh, IsNaN IsInf.
 * Outside its domain a function is NaN. Integers wrap: the smallest stays itself under Abs and Neg. Erf of version 9
 * also takes integers: in float32, truncated. Round takes halves to the even neighbour; Sign of NaN is NaN. Not here:
 * activations (activations.c), BitwiseNot (bitwise.c), Not (logic.c). */
#include <math.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"

/* In the order of what an element costs: see cost_of(). */
enum kind {
    ABS,
    NEG,
    SIGN,
    CEIL,
    FLOOR,
    ROUND,
    ISNAN,
    ISINF,
    SQRT,
    RECIPROCAL,
    EXP,
    LOG,
    ERF,
    SIN,
    COS,
    TAN,
    ASIN,
    ACOS,
    ATAN,
    SINH,
    COSH,
    ASINH,
    ACOSH,
    ATANH
};

struct unary {
    enum kind kind;
    bool detect_negative, detect_positive; /* of IsInf */
};

static enum qn_status infer_bool(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out(in, 0, QN_BOOL, &in->in[0]->shape);
}

/* ---- Reference: floats in double, integers in their own type --------------------------------------------------- */

#define OF_FLOATS(name, expression)                                                                                    \
    QN_UNARY_ROW(name##_f32, float, float, (float)(expression))                                                        \
    QN_UNARY_ROW(name##_f64, double, double, expression)

static inline double sign_of(double x) { return isnan(x) ? x : (x > 0) - (x < 0); }

OF_FLOATS(abs, fabs(x))
OF_FLOATS(neg, -x)
OF_FLOATS(sign, sign_of(x))
OF_FLOATS(ceil, ceil(x))
OF_FLOATS(floor, floor(x))
OF_FLOATS(round, rint(x))
OF_FLOATS(sqrt, sqrt(x))
OF_FLOATS(reciprocal, 1 / x)
OF_FLOATS(exp, exp(x))
OF_FLOATS(log, log(x))
OF_FLOATS(erf, erf(x))
OF_FLOATS(sin, sin(x))
OF_FLOATS(cos, cos(x))
OF_FLOATS(tan, tan(x))
OF_FLOATS(asin, asin(x))
OF_FLOATS(acos, acos(x))
OF_FLOATS(atan, atan(x))
OF_FLOATS(sinh, sinh(x))
OF_FLOATS(cosh, cosh(x))
OF_FLOATS(asinh, asinh(x))
OF_FLOATS(acosh, acosh(x))
OF_FLOATS(atanh, atanh(x))

#define OF_UNSIGNED(bits)                                                                                              \
    QN_UNARY_ROW(abs_u##bits, uint##bits##_t, uint##bits##_t, x)                                                       \
    QN_UNARY_ROW(sign_u##bits, uint##bits##_t, uint##bits##_t, x > 0)                                                  \
    QN_UNARY_ROW(erf_u##bits, uint##bits##_t, uint##bits##_t, (uint##bits##_t)(float)erf((double)x))
OF_UNSIGNED(8)
OF_UNSIGNED(16)
OF_UNSIGNED(32)
OF_UNSIGNED(64)

#define OF_SIGNED(bits)                                                                                                \
    QN_UNARY_ROW(abs_i##bits, int##bits##_t, int##bits##_t,                                                            \
                 (int##bits##_t)(x < 0 ? 0u - (uint##bits##_t)x : (uint##bits##_t)x))                                  \
    QN_UNARY_ROW(neg_i##bits, int##bits##_t, int##bits##_t, (int##bits##_t)(0u - (uint##bits##_t)x))                   \
    QN_UNARY_ROW(sign_i##bits, int##bits##_t, int##bits##_t, (int##bits##_t)((x > 0) - (x < 0)))                       \
    QN_UNARY_ROW(erf_i##bits, int##bits##_t, int##bits##_t, (int##bits##_t)(float)erf((double)x))
OF_SIGNED(8)
OF_SIGNED(16)
OF_SIGNED(32)
OF_SIGNED(64)

QN_UNARY_ROW(isnan_f32, float, uint8_t, isnan(x) != 0)
QN_UNARY_ROW(isnan_f64, double, uint8_t, isnan(x) != 0)

/* arg: the params. */
#define IS_INF(x)                                                                                                      \
    (((x) == INFINITY && ((const struct unary *)arg)->detect_positive) ||                                              \
     ((x) == -INFINITY && ((const struct unary *)arg)->detect_negative))
QN_UNARY_ROW(isinf_f32, float, uint8_t, IS_INF(x))
QN_UNARY_ROW(isinf_f64, double, uint8_t, IS_INF(x))

static qn_row_fn *const rows[][QN_N_DTYPE] = {
    [ABS] = {QN_ROWS_FLOATS(abs), QN_ROWS_UNSIGNED(abs), QN_ROWS_SIGNED(abs)},
    [NEG] = {QN_ROWS_FLOATS(neg), QN_ROWS_SIGNED(neg)},
    [SIGN] = {QN_ROWS_FLOATS(sign), QN_ROWS_UNSIGNED(sign), QN_ROWS_SIGNED(sign)},
    [CEIL] = {QN_ROWS_FLOATS(ceil)},
    [FLOOR] = {QN_ROWS_FLOATS(floor)},
    [ROUND] = {QN_ROWS_FLOATS(round)},
    [SQRT] = {QN_ROWS_FLOATS(sqrt)},
    [RECIPROCAL] = {QN_ROWS_FLOATS(reciprocal)},
    [EXP] = {QN_ROWS_FLOATS(exp)},
    [LOG] = {QN_ROWS_FLOATS(log)},
    [ERF] = {QN_ROWS_FLOATS(erf), QN_ROWS_UNSIGNED(erf), QN_ROWS_SIGNED(erf)},
    [SIN] = {QN_ROWS_FLOATS(sin)},
    [COS] = {QN_ROWS_FLOATS(cos)},
    [TAN] = {QN_ROWS_FLOATS(tan)},
    [ASIN] = {QN_ROWS_FLOATS(asin)},
    [ACOS] = {QN_ROWS_FLOATS(acos)},
    [ATAN] = {QN_ROWS_FLOATS(atan)},
    [SINH] = {QN_ROWS_FLOATS(sinh)},
    [COSH] = {QN_ROWS_FLOATS(cosh)},
    [ASINH] = {QN_ROWS_FLOATS(asinh)},
    [ACOSH] = {QN_ROWS_FLOATS(acosh)},
    [ATANH] = {QN_ROWS_FLOATS(atanh)},
    [ISNAN] = {QN_ROWS_FLOATS(isnan)},
    [ISINF] = {QN_ROWS_FLOATS(isinf)},
};

/* Next to an addition; decides about threads. */
static int cost_of(enum kind kind) { return kind < SQRT ? 1 : kind < EXP ? 2 : 8; }

static enum qn_status unary_ref(const struct qn_call *call)
{
    const struct unary *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);

    qn_map_run(call, x, cost_of(p->kind), rows[p->kind][x->dtype], p);
    return QN_OK;
}

/* ---- float32 -------------------------------------------------------------------------------------------------- */

/* Adding and taking away 2^23 leaves no room for a fraction; larger numbers have none. Vectorises, unlike rintf(). */
static inline float round_even(float x)
{
    float magic = copysignf(0x1p23f, x);
    float rounded = (x + magic) - magic;

    return fabsf(x) < 0x1p23f ? copysignf(rounded, x) : x;
}

static inline float round_down(float x)
{
    float rounded = round_even(x);

    return copysignf(rounded > x ? rounded - 1 : rounded, x);
}

static inline float round_up(float x)
{
    float rounded = round_even(x);

    return copysignf(rounded < x ? rounded + 1 : rounded, x);
}

QN_UNARY_ROW(fast_sign, float, float, x != x ? x : (float)((x > 0) - (x < 0)))
QN_UNARY_ROW(fast_ceil, float, float, round_up(x))
QN_UNARY_ROW(fast_floor, float, float, round_down(x))
QN_UNARY_ROW(fast_round, float, float, round_even(x))
QN_UNARY_ROW(fast_sin, float, float, sinf(x))
QN_UNARY_ROW(fast_cos, float, float, cosf(x))
QN_UNARY_ROW(fast_tan, float, float, tanf(x))
QN_UNARY_ROW(fast_asin, float, float, asinf(x))
QN_UNARY_ROW(fast_acos, float, float, acosf(x))
QN_UNARY_ROW(fast_atan, float, float, atanf(x))
QN_UNARY_ROW(fast_sinh, float, float, sinhf(x))
QN_UNARY_ROW(fast_cosh, float, float, coshf(x))
QN_UNARY_ROW(fast_asinh, float, float, asinhf(x))
QN_UNARY_ROW(fast_acosh, float, float, acoshf(x))
QN_UNARY_ROW(fast_atanh, float, float, atanhf(x))

#define KERN_ROW(field)                                                                                                \
    static void fast_##field(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)       \
    {                                                                                                                  \
        (void)step, (void)arg;                                                                                         \
        qn_kern()->field(dst, src[0], (size_t)n);                                                                      \
    }
KERN_ROW(abs)
KERN_ROW(neg)
KERN_ROW(sqrt)
KERN_ROW(reciprocal)
KERN_ROW(exp)
KERN_ROW(log)
KERN_ROW(erf)

static qn_row_fn *const fast_rows[] = {
    [ABS] = fast_abs,     [NEG] = fast_neg,     [SIGN] = fast_sign,  [CEIL] = fast_ceil,
    [FLOOR] = fast_floor, [ROUND] = fast_round, [SQRT] = fast_sqrt,  [RECIPROCAL] = fast_reciprocal,
    [EXP] = fast_exp,     [LOG] = fast_log,     [ERF] = fast_erf,    [SIN] = fast_sin,
    [COS] = fast_cos,     [TAN] = fast_tan,     [ASIN] = fast_asin,  [ACOS] = fast_acos,
    [ATAN] = fast_atan,   [SINH] = fast_sinh,   [COSH] = fast_cosh,  [ASINH] = fast_asinh,
    [ACOSH] = fast_acosh, [ATANH] = fast_atanh, [ISNAN] = isnan_f32, [ISINF] = isinf_f32,
};

static enum qn_status unary_f32(const struct qn_call *call)
{
    const struct unary *p = call->params;

    qn_map_run(call, qn_in(call, 0), cost_of(p->kind), fast_rows[p->kind], p);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "unary_f32", .accept = qn_accept_f32, .run = unary_f32},
    {.name = "unary_ref", .accept = qn_accept_not_narrow, .run = unary_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {QN_IGNORED_ATTR("consumed_inputs"), {.name = NULL}};
static const struct qn_attr attrs_isinf[] = {
    QN_BOOL_ATTR(unary, detect_negative, 1), QN_BOOL_ATTR(unary, detect_positive, 1), {.name = NULL}};

#define ROW(op, x, y, first, last, which, type_set, attr_list, level)                                                  \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN(x, 'T', type_set)),      \
        .out = QN_FORMALS(QN_OUT(y, 'T', type_set)), .attrs = (attr_list), QN_PRESET(unary, .kind = (which)),          \
        .infer = qn_infer_same, .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = (level)                     \
    }
/* Version 1, 6 and 13: the second and third may widen the types. */
#define ROWS_13(op, x, y, which, types_6, types_13, level)                                                             \
    ROW(op, x, y, 1, 5, which, QN_FLOATS_STD, attrs_1, level), ROW(op, x, y, 6, 12, which, types_6, NULL, level),      \
        ROW(op, x, y, 13, 27, which, types_13, NULL, level)
/* A first version, and bfloat16 from version 22. */
#define ROWS_22(op, x, y, first, which, level)                                                                         \
    ROW(op, x, y, first, 21, which, QN_FLOATS_STD, NULL, level), ROW(op, x, y, 22, 27, which, QN_FLOATS, NULL, level)
#define PREDICATE(op, first, last, which, type_set, attr_list)                                                         \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last), .in = QN_FORMALS(QN_IN("X", '1', type_set)),    \
        .out = QN_FORMALS(QN_OUT("Y", '2', QN_BIT(BOOL))), .attrs = (attr_list), QN_PRESET(unary, .kind = (which)),    \
        .infer = infer_bool, .kernels = kernels, .tolerance = QN_EXACT                                                 \
    }

const struct qn_op qn_ops_unary[] = {
    ROWS_13("Abs", "X", "Y", ABS, QN_FLOATS_STD | QN_INTS, QN_NUMBERS, QN_EXACT),
    ROWS_13("Neg", "X", "Y", NEG, QN_FLOATS_STD | QN_SIGNED, QN_FLOATS | QN_SIGNED, QN_EXACT),
    ROW("Sign", "input", "output", 9, 12, SIGN, QN_FLOATS_STD | QN_INTS, NULL, QN_EXACT),
    ROW("Sign", "input", "output", 13, 27, SIGN, QN_NUMBERS, NULL, QN_EXACT),
    ROWS_13("Ceil", "X", "Y", CEIL, QN_FLOATS_STD, QN_FLOATS, QN_EXACT),
    ROWS_13("Floor", "X", "Y", FLOOR, QN_FLOATS_STD, QN_FLOATS, QN_EXACT),
    ROWS_22("Round", "X", "Y", 11, ROUND, QN_EXACT),
    ROWS_13("Sqrt", "X", "Y", SQRT, QN_FLOATS_STD, QN_FLOATS, QN_ROUNDING),
    ROWS_13("Reciprocal", "X", "Y", RECIPROCAL, QN_FLOATS_STD, QN_FLOATS, QN_ROUNDING),
    ROWS_13("Exp", "input", "output", EXP, QN_FLOATS_STD, QN_FLOATS, QN_ROUNDING),
    ROWS_13("Log", "input", "output", LOG, QN_FLOATS_STD, QN_FLOATS, QN_ROUNDING),
    ROW("Erf", "input", "output", 9, 12, ERF, QN_FLOATS_STD | QN_INTS, NULL, QN_ROUNDING),
    ROW("Erf", "input", "output", 13, 27, ERF, QN_FLOATS, NULL, QN_ROUNDING),
    ROWS_22("Sin", "input", "output", 7, SIN, QN_ROUNDING),
    ROWS_22("Cos", "input", "output", 7, COS, QN_ROUNDING),
    ROWS_22("Tan", "input", "output", 7, TAN, QN_ROUNDING),
    ROWS_22("Asin", "input", "output", 7, ASIN, QN_ROUNDING),
    ROWS_22("Acos", "input", "output", 7, ACOS, QN_ROUNDING),
    ROWS_22("Atan", "input", "output", 7, ATAN, QN_ROUNDING),
    ROWS_22("Sinh", "input", "output", 9, SINH, QN_ROUNDING),
    ROWS_22("Cosh", "input", "output", 9, COSH, QN_ROUNDING),
    ROWS_22("Asinh", "input", "output", 9, ASINH, QN_ROUNDING),
    ROWS_22("Acosh", "input", "output", 9, ACOSH, QN_ROUNDING),
    ROWS_22("Atanh", "input", "output", 9, ATANH, QN_ROUNDING),
    PREDICATE("IsNaN", 9, 12, ISNAN, QN_FLOATS_STD, NULL),
    PREDICATE("IsNaN", 13, 19, ISNAN, QN_FLOATS, NULL),
    PREDICATE("IsNaN", 20, 27, ISNAN, QN_FLOATS | QN_FLOAT8S, NULL),
    PREDICATE("IsInf", 10, 19, ISINF, QN_BIT(FLOAT) | QN_BIT(DOUBLE), attrs_isinf),
    PREDICATE("IsInf", 20, 27, ISINF, QN_FLOATS | QN_FLOAT8S, attrs_isinf),
    {.name = NULL},
};
