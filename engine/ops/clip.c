/* clip.c: Clip: elements below min become min, then those above max become max; so max wins where they cross. NaN
 * stays. Versions 1 and 6 have the bounds as attributes, version 6 with the finite numbers as their default; later
 * versions as inputs of one element and of the data's type. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kern.h"
#include "ops/broadcast.h"

struct clip {
    float min, max; /* the attributes; infinite when the bounds are inputs */
};

static bool may_be_one(const struct qn_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (qn_dim_known(shape->dims[i]) && shape->dims[i] != 1)
            return false;
    return true;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    char text[QN_SHAPE_TEXT];

    for (int i = 1; i < in->n_in; i++)
        QN_CHECK(!in->in[i] || may_be_one(&in->in[i]->shape), in->err, SHAPE, "%s must be one number, not of shape %s",
                 i == 1 ? "min" : "max", qn_shape_text(&in->in[i]->shape, text));
    return qn_infer_same(in, params);
}

/* ---- Bounds --------------------------------------------------------------------------------------------------- */

union number {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    float f32;
    double f64;
};

struct bounds {
    union number low, high;
};

static const struct bounds widest[QN_N_DTYPE] = {
    [QN_UINT8] = {{.u8 = 0}, {.u8 = UINT8_MAX}},           [QN_UINT16] = {{.u16 = 0}, {.u16 = UINT16_MAX}},
    [QN_UINT32] = {{.u32 = 0}, {.u32 = UINT32_MAX}},       [QN_UINT64] = {{.u64 = 0}, {.u64 = UINT64_MAX}},
    [QN_INT8] = {{.i8 = INT8_MIN}, {.i8 = INT8_MAX}},      [QN_INT16] = {{.i16 = INT16_MIN}, {.i16 = INT16_MAX}},
    [QN_INT32] = {{.i32 = INT32_MIN}, {.i32 = INT32_MAX}}, [QN_INT64] = {{.i64 = INT64_MIN}, {.i64 = INT64_MAX}},
};

/* min and max: the inputs, or NULL. */
static struct bounds bounds_of(const struct clip *p, enum qn_dtype dtype, const struct qn_tensor *min,
                               const struct qn_tensor *max)
{
    struct bounds bounds = widest[dtype];

    if (dtype == QN_FLOAT)
        bounds.low.f32 = p->min, bounds.high.f32 = p->max;
    else if (dtype == QN_DOUBLE)
        bounds.low.f64 = p->min, bounds.high.f64 = p->max;
    if (min)
        memcpy(&bounds.low, min->data, qn_dtype_bytes(dtype));
    if (max)
        memcpy(&bounds.high, max->data, qn_dtype_bytes(dtype));
    return bounds;
}

/* ---- Kernels -------------------------------------------------------------------------------------------------- */

#define CLIP_ROW(suffix, type)                                                                                         \
    static void clip_##suffix(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)      \
    {                                                                                                                  \
        const type low = ((const struct bounds *)arg)->low.suffix, high = ((const struct bounds *)arg)->high.suffix;   \
        const type *x = src[0];                                                                                        \
        type *y = dst;                                                                                                 \
                                                                                                                       \
        (void)step;                                                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type raised = x[i] < low ? low : x[i];                                                                     \
                                                                                                                       \
            y[i] = raised > high ? high : raised;                                                                      \
        }                                                                                                              \
    }
CLIP_ROW(u8, uint8_t)
CLIP_ROW(u16, uint16_t)
CLIP_ROW(u32, uint32_t)
CLIP_ROW(u64, uint64_t)
CLIP_ROW(i8, int8_t)
CLIP_ROW(i16, int16_t)
CLIP_ROW(i32, int32_t)
CLIP_ROW(i64, int64_t)
CLIP_ROW(f32, float)
CLIP_ROW(f64, double)

static qn_row_fn *const rows[QN_N_DTYPE] = {QN_ROWS_FLOATS(clip), QN_ROWS_UNSIGNED(clip), QN_ROWS_SIGNED(clip)};

static enum qn_status clip_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct bounds bounds = bounds_of(call->params, x->dtype, qn_in(call, 1), qn_in(call, 2));

    qn_map_run(call, x, 1, rows[x->dtype], &bounds);
    return QN_OK;
}

static void row_f32(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)
{
    (void)step;
    qn_kern()->act(dst, src[0], (size_t)n, arg);
}

static enum qn_status clip_act_f32(const struct qn_call *call)
{
    struct bounds bounds = bounds_of(call->params, QN_FLOAT, qn_in(call, 1), qn_in(call, 2));
    struct qn_act act = {QN_ACT_CLIP, bounds.low.f32, bounds.high.f32};

    qn_map_run(call, qn_in(call, 0), 1, row_f32, &act);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "clip_f32", .accept = qn_accept_f32, .run = clip_act_f32},
    {.name = "clip_ref", .accept = qn_accept_not_narrow, .run = clip_ref},
    {.name = NULL},
};

/* ---- As an activation ----------------------------------------------------------------------------------------- */

/* An absent bound is fine; a given one must be a float32 constant. */
static bool constant_bound(const struct qn_node *node, int i, const struct qn_tensor **bound)
{
    *bound = i < node->n_formal && node->in[i] ? node->in[i]->fact.konst : NULL;
    if (i >= node->n_formal || !node->in[i])
        return true;
    return *bound && (*bound)->dtype == QN_FLOAT && qn_tensor_count(*bound) == 1;
}

static bool activation(const struct qn_node *node, struct qn_act *act)
{
    const struct qn_tensor *min, *max;
    struct bounds bounds;

    if (!constant_bound(node, 1, &min) || !constant_bound(node, 2, &max))
        return false;
    bounds = bounds_of(node->params, QN_FLOAT, min, max);
    *act = (struct qn_act){QN_ACT_CLIP, bounds.low.f32, bounds.high.f32};
    if (act->a == 0 && act->b == INFINITY)
        act->kind = QN_ACT_RELU;
    return true;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define BOUNDS(low, high) QN_FLOAT_ATTR(clip, min, low), QN_FLOAT_ATTR(clip, max, high)

#define ROW(first, last, inputs, type_set, ...)                                                                        \
    {                                                                                                                  \
        .name = "Clip", .domain = "", .since = (first), .until = (last), .in = inputs,                                 \
        .out = QN_FORMALS(QN_OUT("output", 'T', type_set)), QN_PRESET(clip, -INFINITY, INFINITY), .infer = infer,      \
        .kernels = kernels, .inplace = QN_INPLACE(0), .tolerance = QN_EXACT, .activation = activation, __VA_ARGS__     \
    }
#define OLD_ROW(first, last, attr_list)                                                                                \
    ROW(first, last, QN_FORMALS(QN_IN("input", 'T', QN_FLOATS_STD)), QN_FLOATS_STD, .attrs = attr_list)
#define NEW_ROW(first, last, type_set)                                                                                 \
    ROW(first, last,                                                                                                   \
        QN_FORMALS(QN_IN("input", 'T', type_set), QN_OPT("min", 'T', type_set), QN_OPT("max", 'T', type_set)),         \
        type_set, .attrs = NULL)

const struct qn_op qn_ops_clip[] = {
    OLD_ROW(1, 5, QN_ATTRS(BOUNDS(-INFINITY, INFINITY), QN_IGNORED_ATTR("consumed_inputs"))),
    OLD_ROW(6, 10, QN_ATTRS(BOUNDS(-FLT_MAX, FLT_MAX))),
    NEW_ROW(11, 11, QN_FLOATS_STD),
    NEW_ROW(12, 12, QN_FLOATS_STD | QN_INTS),
    NEW_ROW(13, 27, QN_NUMBERS),
    {.name = NULL},
};
