/* pow.c: Pow. The exponent may have a type of its own from version 12 on; the result has the base's.
 * Floats: the power in double, rounded once to the base's type. Integers to integer powers wrap; to negative ones they
 * give the truncated quotient, and 0 the largest integer. Integers to float powers truncate and saturate. */
#include <math.h>
#include <string.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"
#include "tensor/convert.h"

struct power {
    struct qn_align align;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct power *p = params;

    return qn_align_infer(in, &p->align, in->in[0]->dtype);
}

static enum qn_status run_rows(const struct qn_call *call, qn_row_fn *row, const void *arg)
{
    const struct power *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_tensor y = qn_align_view(&p->align, x, qn_in(call, 1));
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, (const struct qn_tensor *const[]){x, &y});
    qn_broadcast_run(&broadcast, call->pool, 16, row, arg);
    return QN_OK;
}

/* ---- Reference: blocks of operands, converted ----------------------------------------------------------------- */

enum { BLOCK = 256 };

struct types {
    enum qn_dtype base, exponent;
};

/* n elements of 8 bytes from src, which is walked by step. */
static void load(enum qn_dtype from, const char *src, int64_t step, enum qn_dtype to, void *dst, int64_t n)
{
    int64_t n_read = step ? n : 1;

    qn_convert(from, src, to, dst, n_read, (struct qn_convert_options){0});
    for (int64_t i = n_read; i < n; i++)
        memcpy((char *)dst + 8 * i, dst, 8);
}

/* x^n modulo 2^64. */
static uint64_t wrapping_power(uint64_t x, uint64_t n)
{
    uint64_t power = 1;

    for (; n; n >>= 1, x *= x)
        if (n & 1)
            power *= x;
    return power;
}

static int64_t negative_power(int64_t x, int64_t n)
{
    return x == 0 ? INT64_MAX : x == 1 || (x == -1 && n % 2 == 0) ? 1 : x == -1 ? -1 : 0;
}

static void integer_block(const struct types *t, void *dst, const int64_t *x, const int64_t *y, int64_t n)
{
    bool is_signed = qn_dtypes_have(QN_SIGNED, t->exponent);

    for (int64_t i = 0; i < n; i++) {
        bool negative = is_signed && y[i] < 0;
        int64_t z = negative ? negative_power(x[i], y[i]) : (int64_t)wrapping_power((uint64_t)x[i], (uint64_t)y[i]);

        if (t->base == QN_INT64)
            ((int64_t *)dst)[i] = z;
        else
            ((int32_t *)dst)[i] = negative && x[i] == 0 ? INT32_MAX : (int32_t)z;
    }
}

static void float_block(const struct types *t, void *dst, double *x, const double *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = pow(x[i], y[i]);
    qn_convert(QN_DOUBLE, x, t->base, dst, n, (struct qn_convert_options){0});
}

static void row_ref(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const struct types *t = arg;
    bool integers = qn_dtype_is_integer(t->base) && qn_dtype_is_integer(t->exponent);
    enum qn_dtype common = integers ? QN_INT64 : QN_DOUBLE;
    int64_t x_bytes = (int64_t)qn_dtype_bytes(t->base), y_bytes = (int64_t)qn_dtype_bytes(t->exponent);
    union {
        double f[BLOCK];
        int64_t i[BLOCK];
    } x, y;

    for (int64_t done = 0; done < n; done += BLOCK) {
        int64_t m = n - done < BLOCK ? n - done : BLOCK;
        char *to = (char *)dst + done * x_bytes;

        load(t->base, (const char *)src[0] + done * step[0] * x_bytes, step[0], common, &x, m);
        load(t->exponent, (const char *)src[1] + done * step[1] * y_bytes, step[1], common, &y, m);
        if (integers)
            integer_block(t, to, x.i, y.i, m);
        else
            float_block(t, to, x.f, y.f, m);
    }
}

static enum qn_status pow_ref(const struct qn_call *call)
{
    struct types types = {qn_in(call, 0)->dtype, qn_in(call, 1)->dtype};

    return run_rows(call, row_ref, &types);
}

/* ---- float32 by float32 --------------------------------------------------------------------------------------- */

static const char *accept_f32(const struct qn_site *site)
{
    return site->in[0]->dtype == QN_FLOAT && site->in[1]->dtype == QN_FLOAT ? NULL : "not float32 by float32";
}

/* pow() of -0 is +0 and of -inf is inf, where the square root is not. */
static float root(float x) { return x == -INFINITY ? INFINITY : sqrtf(x + 0.0f); }

/* The exponents that models use, each with at most the error of pow(). False for others. */
static bool row_simple(float *z, const float *x, float y, int64_t n)
{
    const struct qn_kern *kern = qn_kern();

    if (y == 2)
        kern->vv[QN_MUL](z, x, x, (size_t)n);
    else if (y == 1)
        memmove(z, x, (size_t)n * sizeof(*z));
    else if (y == -1)
        kern->sv[QN_DIV](z, 1, x, (size_t)n);
    else if (y == 0.5f)
        for (int64_t i = 0; i < n; i++)
            z[i] = root(x[i]);
    else if (y == 3)
        for (int64_t i = 0; i < n; i++)
            z[i] = x[i] * x[i] * x[i];
    else
        return false;
    return true;
}

/* arg: not NULL when one exponent is for all elements. Only then are there short cuts: whether a row has one exponent
 * may depend on how the work is cut, and the result must not. */
static void row_f32(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    const float *x = src[0], *y = src[1];
    float *z = dst;

    if (arg && row_simple(z, x, *y, n))
        return;
    for (int64_t i = 0; i < n; i++)
        z[i] = powf(x[i * step[0]], y[i * step[1]]);
}

static enum qn_status pow_f32(const struct qn_call *call)
{
    const struct qn_tensor *y = qn_in(call, 1);

    return run_rows(call, row_f32, qn_tensor_count(y) == 1 ? y->data : NULL);
}

static const struct qn_kernel kernels[] = {
    {.name = "pow_f32", .accept = accept_f32, .run = pow_f32},
    {.name = "pow_ref", .accept = NULL, .run = pow_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {QN_ALIGN_ATTRS(power, align), {.name = NULL}};

#define INTS_32 (QN_BIT(INT32) | QN_BIT(INT64))

#define ROW(first, last, is_old, base_types, y_group, y_types, attr_list)                                              \
    {                                                                                                                  \
        .name = "Pow", .domain = "", .since = (first), .until = (last),                                                \
        .in = QN_FORMALS(QN_IN("X", 'T', base_types), QN_IN("Y", y_group, y_types)),                                   \
        .out = QN_FORMALS(QN_OUT("Z", 'T', base_types)), .attrs = (attr_list),                                         \
        QN_PRESET(power, .align.old = (is_old)), .infer = infer, .kernels = kernels, .inplace = QN_INPLACE(0),         \
        .tolerance = QN_ROUNDING,                                                                                      \
    }

const struct qn_op qn_ops_pow[] = {
    ROW(1, 6, true, QN_FLOATS_STD, 'T', QN_FLOATS_STD, attrs_1),
    ROW(7, 11, false, QN_FLOATS_STD, 'T', QN_FLOATS_STD, NULL),
    ROW(12, 12, false, QN_FLOATS_STD | INTS_32, '1', QN_FLOATS_STD | QN_INTS, NULL),
    ROW(13, 14, false, QN_FLOATS | INTS_32, '1', QN_FLOATS_STD | QN_INTS, NULL),
    ROW(15, 27, false, QN_FLOATS | INTS_32, '1', QN_NUMBERS, NULL),
    {.name = NULL},
};
