/* arithmetic.c: Add, Sub, Mul, Div, Mod.
 * Versions 1 and 6 align the second operand by `axis` and `broadcast`; 7 and later broadcast both ways. Integers wrap,
 * also the smallest divided by -1; integer division truncates, and by zero is an error. Mod follows the divisor's sign,
 * with fmod the dividend's; floats need fmod, as the standard says. Not here: Pow (pow.c), sums and means of many
 * (variadic.c). */
#include <math.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "ops/forms.h"
#include "ops/quantized.h"

enum kind { ADD, SUB, MUL, DIV, MOD, FMOD };

struct arithmetic {
    enum kind kind;
    bool fmod;
    struct qn_align align;
};

static enum qn_status parse_mod(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct arithmetic *p = params;

    (void)node, (void)arena, (void)err;
    p->kind = p->fmod ? FMOD : MOD;
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct arithmetic *p = params;

    QN_CHECK(p->kind != MOD || !qn_dtype_is_float(in->in[0]->dtype), in->err, FORMAT, "fmod must be 1 for %s",
             qn_dtype_name(in->in[0]->dtype));
    return qn_align_infer(in, &p->align, in->in[0]->dtype);
}

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

/* Unsigned arithmetic, so that narrow types do not overflow an int on the way. */
#define WRAPPING(name, op)                                                                                             \
    QN_BINARY_ROW(name##_u8, uint8_t, uint8_t, uint8_t, (uint8_t)(1u * x op y))                                        \
    QN_BINARY_ROW(name##_u16, uint16_t, uint16_t, uint16_t, (uint16_t)(1u * x op y))                                   \
    QN_BINARY_ROW(name##_u32, uint32_t, uint32_t, uint32_t, x op y)                                                    \
    QN_BINARY_ROW(name##_u64, uint64_t, uint64_t, uint64_t, x op y)                                                    \
    QN_BINARY_ROW(name##_f32, float, float, float, x op y)                                                             \
    QN_BINARY_ROW(name##_f64, double, double, double, x op y)
WRAPPING(add, +)
WRAPPING(sub, -)
WRAPPING(mul, *)

#define DIVISIONS_UNSIGNED(bits)                                                                                       \
    QN_BINARY_ROW(div_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t, (uint##bits##_t)(x / y))                \
    QN_BINARY_ROW(mod_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t, (uint##bits##_t)(x % y))
DIVISIONS_UNSIGNED(8)
DIVISIONS_UNSIGNED(16)
DIVISIONS_UNSIGNED(32)
DIVISIONS_UNSIGNED(64)

/* By -1 without dividing: the smallest number would trap. */
#define DIVISIONS_SIGNED(bits)                                                                                         \
    static inline int##bits##_t floor_mod_i##bits(int##bits##_t x, int##bits##_t y)                                    \
    {                                                                                                                  \
        int##bits##_t rest = y == -1 ? 0 : (int##bits##_t)(x % y);                                                     \
                                                                                                                       \
        return (int##bits##_t)(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);                                  \
    }                                                                                                                  \
    QN_BINARY_ROW(div_i##bits, int##bits##_t, int##bits##_t, int##bits##_t,                                            \
                  (int##bits##_t)(y == -1 ? (int##bits##_t)(0u - (uint##bits##_t)x) : x / y))                          \
    QN_BINARY_ROW(mod_i##bits, int##bits##_t, int##bits##_t, int##bits##_t, floor_mod_i##bits(x, y))                   \
    QN_BINARY_ROW(fmod_i##bits, int##bits##_t, int##bits##_t, int##bits##_t, (int##bits##_t)(y == -1 ? 0 : x % y))
DIVISIONS_SIGNED(8)
DIVISIONS_SIGNED(16)
DIVISIONS_SIGNED(32)
DIVISIONS_SIGNED(64)

QN_BINARY_ROW(div_f32, float, float, float, x / y)
QN_BINARY_ROW(div_f64, double, double, double, x / y)
QN_BINARY_ROW(fmod_f32, float, float, float, fmodf(x, y))
QN_BINARY_ROW(fmod_f64, double, double, double, fmod(x, y))

static qn_row_fn *const rows[][QN_N_DTYPE] = {
    [ADD] = {QN_ROWS_FLOATS(add), QN_ROWS_UNSIGNED(add), QN_ROWS_SIGNED_AS_UNSIGNED(add)},
    [SUB] = {QN_ROWS_FLOATS(sub), QN_ROWS_UNSIGNED(sub), QN_ROWS_SIGNED_AS_UNSIGNED(sub)},
    [MUL] = {QN_ROWS_FLOATS(mul), QN_ROWS_UNSIGNED(mul), QN_ROWS_SIGNED_AS_UNSIGNED(mul)},
    [DIV] = {QN_ROWS_FLOATS(div), QN_ROWS_UNSIGNED(div), QN_ROWS_SIGNED(div)},
    [MOD] = {QN_ROWS_UNSIGNED(mod), QN_ROWS_SIGNED(mod)},
    [FMOD] = {QN_ROWS_FLOATS(fmod), QN_ROWS_UNSIGNED(mod), QN_ROWS_SIGNED(fmod)},
};

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

#define FIND_ZERO(type)                                                                                                \
    for (int64_t i = 0, n = qn_tensor_count(t); i < n; i++)                                                            \
        if (((const type *)t->data)[i] == 0)                                                                           \
            return true;                                                                                               \
    return false

/* t is of an integer type. */
static bool has_zero(const struct qn_tensor *t)
{
    switch (qn_dtype_bytes(t->dtype)) {
    case 1:
        FIND_ZERO(uint8_t);
    case 2:
        FIND_ZERO(uint16_t);
    case 4:
        FIND_ZERO(uint32_t);
    default:
        FIND_ZERO(uint64_t);
    }
}

static enum qn_status run_rows(const struct qn_call *call, int cost, qn_row_fn *row, const void *arg)
{
    const struct arithmetic *p = call->params;
    const struct qn_tensor *a = qn_in(call, 0);
    struct qn_tensor b = qn_align_view(&p->align, a, qn_in(call, 1));
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, (const struct qn_tensor *const[]){a, &b});
    if (p->kind >= DIV && broadcast.total > 0 && qn_dtype_is_integer(b.dtype))
        QN_CHECK(!has_zero(&b), call->err, RANGE, "integer division by zero");
    qn_broadcast_run(&broadcast, call->pool, cost, row, arg);
    return QN_OK;
}

static enum qn_status arithmetic_ref(const struct qn_call *call)
{
    const struct arithmetic *p = call->params;

    return run_rows(call, p->kind >= DIV ? 4 : 1, rows[p->kind][qn_out(call, 0)->dtype], NULL);
}

static const char *accept_f32(const struct qn_site *site)
{
    const struct arithmetic *p = site->params;

    return p->kind > DIV ? "no vector form" : qn_accept_f32(site);
}

static const enum qn_binary binary_of[] = {[ADD] = QN_ADD, [SUB] = QN_SUB, [MUL] = QN_MUL, [DIV] = QN_DIV};

static void row_f32(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct qn_kern *kern = qn_kern();
    enum qn_binary op = *(const enum qn_binary *)arg;
    const float *a = src[0], *b = src[1];

    if (step[0] && step[1])
        kern->vv[op](dst, a, b, (size_t)n);
    else if (step[0])
        kern->vs[op](dst, a, *b, (size_t)n);
    else /* of two inputs, one at least walks along the row */
        kern->sv[op](dst, *a, b, (size_t)(step[1] ? n : 1));
}

static enum qn_status arithmetic_f32(const struct qn_call *call)
{
    const struct arithmetic *p = call->params;

    return run_rows(call, 1, row_f32, &binary_of[p->kind]);
}

static const struct qn_kernel kernels[] = {
    {.name = "arithmetic_f32", .accept = accept_f32, .run = arithmetic_f32},
    {.name = "arithmetic_ref", .accept = qn_accept_not_narrow, .run = arithmetic_ref},
    {.name = NULL},
};

/* ---- As an affine map ----------------------------------------------------------------------------------------- */

/* Whether a constant of shape c gives one value for all of a tensor x (n 1), or one for each index of its axis 1. */
static bool is_per_channel(const struct qn_shape *c, const struct qn_shape *x, int first, int64_t *n)
{
    *n = 1;
    if (c->rank == 0)
        return true;
    if (x->rank < 0 || first < 0 || first + c->rank > x->rank)
        return false;
    for (int i = 0; i < c->rank; i++) {
        if (c->dims[i] == 1)
            continue;
        if (first + i != 1 || x->dims[1] != c->dims[i])
            return false;
        *n = c->dims[i];
    }
    return true;
}

/* Where the shape of c begins among the axes of x. */
static int first_axis(const struct arithmetic *p, const struct qn_shape *x, const struct qn_shape *c)
{
    if (p->align.old && p->align.broadcast && p->align.axis != QN_ALIGN_NO_AXIS)
        return p->align.axis >= 0 && p->align.axis <= x->rank ? (int)p->align.axis : -1;
    return x->rank - c->rank;
}

static void fill_affine(enum kind kind, bool c_first, const float *c, float *scale, float *shift, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        scale[i] = kind == MUL ? c[i] : kind == DIV ? 1 / c[i] : kind == SUB && c_first ? -1 : 1;
        shift[i] = kind == ADD || (kind == SUB && c_first) ? c[i] : kind == SUB ? -c[i] : 0;
    }
}

/* With one constant operand, float32; not c / x. */
static bool affine(const struct qn_node *node, struct qn_arena *arena, int *x, struct qn_affine *affine)
{
    const struct arithmetic *p = node->params;
    const struct qn_tensor *c;
    struct qn_shape shape;
    float *values;
    int64_t n;

    *x = node->in[0]->fact.konst ? 1 : 0;
    c = node->in[1 - *x]->fact.konst;
    if (!c || c->dtype != QN_FLOAT || node->in[*x]->fact.konst || (*x == 1 && (p->kind == DIV || p->align.old)))
        return false;
    shape = qn_tensor_shape(c);
    if (!is_per_channel(&shape, &node->in[*x]->fact.shape, first_axis(p, &node->in[*x]->fact.shape, &shape), &n))
        return false;
    values = qn_arena_array(arena, (size_t)n * 2, sizeof(*values));
    if (!values)
        return false;
    fill_affine(p->kind, *x == 1, c->data, values, values + n, n);
    *affine = (struct qn_affine){p->kind == ADD || (p->kind == SUB && *x == 0) ? NULL : values,
                                 p->kind == MUL || p->kind == DIV ? NULL : values + n, n};
    return true;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {
    QN_ALIGN_ATTRS(arithmetic, align), QN_IGNORED_ATTR("consumed_inputs"), {.name = NULL}};
static const struct qn_attr attrs_6[] = {QN_ALIGN_ATTRS(arithmetic, align), {.name = NULL}};
static const struct qn_attr attrs_mod[] = {QN_BOOL_ATTR(arithmetic, fmod, 0), {.name = NULL}};

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64) | QN_BIT(UINT32) | QN_BIT(UINT64))

#define ROW(op, first, last, which, is_old, type_set, attr_list, ...)                                                  \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("A", 'T', type_set), QN_IN("B", 'T', type_set)),                                        \
        .out = QN_FORMALS(QN_OUT("C", 'T', type_set)), .attrs = (attr_list),                                           \
        QN_PRESET(arithmetic, .kind = (which), .align.old = (is_old)), .infer = infer, .kernels = kernels,             \
        .inplace = QN_INPLACE(0) | QN_INPLACE(1), .tolerance = QN_EXACT, __VA_ARGS__                                   \
    }
/* Only the newest form treats its operands alike. */
#define ROWS(op, which, flag_bits)                                                                                     \
    ROW(op, 1, 5, which, true, QN_FLOATS_STD, attrs_1, .affine = affine),                                              \
        ROW(op, 6, 6, which, true, QN_FLOATS_STD | INTS_32, attrs_6, .affine = affine),                                \
        ROW(op, 7, 12, which, false, QN_FLOATS_STD | INTS_32, NULL, .flags = (flag_bits), .affine = affine,            \
            .integers = qn_qlinear_elements_integers, .rewrite = qn_form_rewrite),                                     \
        ROW(op, 13, 13, which, false, QN_FLOATS | INTS_32, NULL, .flags = (flag_bits), .affine = affine,               \
            .integers = qn_qlinear_elements_integers, .rewrite = qn_form_rewrite),                                     \
        ROW(op, 14, 27, which, false, QN_NUMBERS, NULL, .flags = (flag_bits), .affine = affine,                        \
            .integers = qn_qlinear_elements_integers, .rewrite = qn_form_rewrite)

const struct qn_op qn_ops_arithmetic[] = {
    ROWS("Add", ADD, QN_COMMUTATIVE),
    ROWS("Sub", SUB, 0),
    ROWS("Mul", MUL, QN_COMMUTATIVE),
    ROWS("Div", DIV, 0),
    ROW("Mod", 10, 12, MOD, false, QN_FLOATS_STD | QN_INTS, attrs_mod, .parse = parse_mod),
    ROW("Mod", 13, 27, MOD, false, QN_NUMBERS, attrs_mod, .parse = parse_mod),
    {.name = NULL},
};
