/* unique.c: Unique: the different elements of a tensor, or the different slices along an axis, ascending or in order of
 * first occurrence, with the places of first occurrence, each input's place in the output, and counts. Slices compare
 * element by element; strings by bytes, complex numbers by real then imaginary part, NaN equals NaN and comes last. */
#include <math.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

#define NO_AXIS INT32_MIN /* the input counts as flat */

struct unique {
    int64_t axis;
    bool sorted;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct unique *p = params;
    const struct qn_shape *x = &in->in[0]->shape, list = qn_shape_1d(QN_DIM_UNKNOWN);
    struct qn_shape y = p->axis == NO_AXIS ? list : *x, inverse = list;
    int axis;

    if (p->axis != NO_AXIS && x->rank >= 0) {
        QN_TRY(qn_infer_axis(in, p->axis, x->rank, &axis));
        inverse.dims[0] = x->dims[axis];
        y.dims[axis] = QN_DIM_UNKNOWN;
    } else if (x->rank >= 0 && !qn_dims_count(x->dims, 0, x->rank, &inverse.dims[0])) {
        inverse.dims[0] = QN_DIM_UNKNOWN;
    }
    QN_TRY(qn_infer_out(in, 0, in->in[0]->dtype, &y));
    QN_TRY(qn_infer_out(in, 1, QN_INT64, &list));
    QN_TRY(qn_infer_out(in, 2, QN_INT64, &inverse));
    return qn_infer_out(in, 3, QN_INT64, &list);
}

/* ---- Comparing two elements ----------------------------------------------------------------------------------- */

typedef int compare_fn(const void *a, const void *b);

#define COMPARE(name, type)                                                                                            \
    static int name(const void *a, const void *b)                                                                      \
    {                                                                                                                  \
        type x = *(const type *)a, y = *(const type *)b;                                                               \
                                                                                                                       \
        return (x > y) - (x < y);                                                                                      \
    }
#define COMPARE_FLOAT(name, type)                                                                                      \
    static int name(const void *a, const void *b)                                                                      \
    {                                                                                                                  \
        type x = *(const type *)a, y = *(const type *)b;                                                               \
                                                                                                                       \
        if (isnan(x) || isnan(y))                                                                                      \
            return !!isnan(x) - !!isnan(y);                                                                            \
        return (x > y) - (x < y);                                                                                      \
    }
#define COMPARE_COMPLEX(name, part, type)                                                                              \
    static int name(const void *a, const void *b)                                                                      \
    {                                                                                                                  \
        int real = part(a, b);                                                                                         \
                                                                                                                       \
        return real ? real : part((const type *)a + 1, (const type *)b + 1);                                           \
    }

COMPARE(compare_i8, int8_t)
COMPARE(compare_i16, int16_t)
COMPARE(compare_i32, int32_t)
COMPARE(compare_i64, int64_t)
COMPARE(compare_u8, uint8_t)
COMPARE(compare_u16, uint16_t)
COMPARE(compare_u32, uint32_t)
COMPARE(compare_u64, uint64_t)
COMPARE_FLOAT(compare_f32, float)
COMPARE_FLOAT(compare_f64, double)
COMPARE_COMPLEX(compare_c64, compare_f32, float)
COMPARE_COMPLEX(compare_c128, compare_f64, double)

static int compare_str(const void *a, const void *b)
{
    return qn_str_compare(*(const struct qn_str *)a, *(const struct qn_str *)b);
}

static compare_fn *const comparers[QN_N_DTYPE] = {
    [QN_INT8] = compare_i8,    [QN_INT16] = compare_i16,  [QN_INT32] = compare_i32,     [QN_INT64] = compare_i64,
    [QN_UINT8] = compare_u8,   [QN_UINT16] = compare_u16, [QN_UINT32] = compare_u32,    [QN_UINT64] = compare_u64,
    [QN_FLOAT] = compare_f32,  [QN_DOUBLE] = compare_f64, [QN_COMPLEX64] = compare_c64, [QN_COMPLEX128] = compare_c128,
    [QN_STRING] = compare_str, [QN_BOOL] = compare_u8,
};

/* ---- Slices --------------------------------------------------------------------------------------------------- */

/* The tensor as [outer, n, inner]: slice i is everything at [.., i, ..]. */
struct slices {
    const char *data;
    int64_t outer, n, inner;
    size_t size;
    compare_fn *compare;
};

static int compare_slices(const struct slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++) {
        const char *x = s->data + (size_t)((o * s->n + a) * s->inner) * s->size;
        const char *y = s->data + (size_t)((o * s->n + b) * s->inner) * s->size;

        for (int64_t i = 0; i < s->inner; i++, x += s->size, y += s->size) {
            int order = s->compare(x, y);

            if (order)
                return order;
        }
    }
    return 0;
}

static void merge_runs(const struct slices *s, const int64_t *from, int64_t *to, int64_t begin, int64_t middle,
                       int64_t end)
{
    int64_t a = begin, b = middle;

    for (int64_t i = begin; i < end; i++) {
        bool first = b >= end || (a < middle && compare_slices(s, from[a], from[b]) <= 0);

        to[i] = first ? from[a++] : from[b++];
    }
}

/* Sorts 0 .. n-1 by slice, equal ones by place; the result is in one of the two arrays. */
static int64_t *sort_slices(const struct slices *s, int64_t *order, int64_t *other)
{
    for (int64_t i = 0; i < s->n; i++)
        order[i] = i;
    for (int64_t width = 1; width < s->n; width *= 2) {
        int64_t *swap = order;

        for (int64_t begin = 0; begin < s->n; begin += 2 * width) {
            int64_t middle = begin + width < s->n ? begin + width : s->n;
            int64_t end = middle + width < s->n ? middle + width : s->n;

            merge_runs(s, order, other, begin, middle, end);
        }
        order = other;
        other = swap;
    }
    return order;
}

/* ---- Kernel --------------------------------------------------------------------------------------------------- */

static struct slices slices_of(const struct qn_tensor *x, const struct unique *p)
{
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    struct slices s = {.data = x->data, .size = qn_dtype_bytes(x->dtype), .compare = comparers[x->dtype]};

    if (p->axis == NO_AXIS) {
        s.outer = s.inner = 1;
        s.n = qn_tensor_count(x);
    } else {
        s.outer = qn_tensor_span(x, 0, axis);
        s.n = x->dims[axis];
        s.inner = qn_tensor_span(x, axis + 1, x->rank);
        if (s.inner == 0)
            s.outer = 0; /* nothing to look at, whatever the other dims are */
    }
    return s;
}

/* group[i]: which of the different slices slice i is; first[g]: where g occurs first. In ascending order of slices. */
static int64_t make_groups(const struct slices *s, const int64_t *order, int64_t *group, int64_t *first)
{
    int64_t n = 0;

    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || compare_slices(s, order[i - 1], order[i]) != 0)
            first[n++] = order[i];
        group[order[i]] = n - 1;
    }
    return n;
}

/* The same in order of first occurrence; number is room for a table. */
static void renumber(int64_t n, int64_t *group, int64_t *first, int64_t *number)
{
    int64_t n_seen = 0;

    for (int64_t i = 0; i < n; i++)
        if (first[group[i]] == i)
            number[group[i]] = n_seen++;
    n_seen = 0;
    for (int64_t i = 0; i < n; i++) {
        group[i] = number[group[i]];
        if (group[i] == n_seen)
            first[n_seen++] = i;
    }
}

static enum qn_status write_lists(const struct qn_call *call, const struct slices *s, const int64_t *group,
                                  const int64_t *first, int64_t n_groups)
{
    int64_t *counts;

    QN_TRY(qn_call_place(call, 1, QN_INT64, 1, &n_groups));
    QN_TRY(qn_call_place(call, 2, QN_INT64, 1, &s->n));
    QN_TRY(qn_call_place(call, 3, QN_INT64, 1, &n_groups));
    if (qn_out(call, 1))
        memcpy(qn_out(call, 1)->data, first, (size_t)n_groups * sizeof(*first));
    if (qn_out(call, 2))
        memcpy(qn_out(call, 2)->data, group, (size_t)s->n * sizeof(*group));
    if (!qn_out(call, 3))
        return QN_OK;
    counts = qn_out(call, 3)->data;
    memset(counts, 0, (size_t)n_groups * sizeof(*counts));
    for (int64_t i = 0; i < s->n; i++)
        counts[group[i]]++;
    return QN_OK;
}

static enum qn_status write_slices(const struct qn_call *call, const struct slices *s, const int64_t *first,
                                   int64_t n_groups)
{
    const struct unique *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape y = p->axis == NO_AXIS ? qn_shape_1d(0) : qn_tensor_shape(x);
    size_t run = (size_t)s->inner * s->size;
    char *out;

    y.dims[p->axis == NO_AXIS ? 0 : p->axis < 0 ? p->axis + x->rank : p->axis] = n_groups;
    QN_TRY(qn_call_place(call, 0, x->dtype, y.rank, y.dims));
    if (!qn_out(call, 0))
        return QN_OK;
    out = qn_out(call, 0)->data;
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t g = 0; g < n_groups; g++, out += run)
            qn_copy_run(out, s->data + (size_t)(o * s->n + first[g]) * run, run);
    return QN_OK;
}

static enum qn_status unique_ref(const struct qn_call *call)
{
    const struct unique *p = call->params;
    struct slices s = slices_of(qn_in(call, 0), p);
    int64_t *order = call->workspace, *other = order + s.n, *group = other + s.n, *first = group + s.n, n_groups;

    n_groups = make_groups(&s, sort_slices(&s, order, other), group, first);
    if (!p->sorted)
        renumber(s.n, group, first, order);
    QN_TRY(write_slices(call, &s, first, n_groups));
    return write_lists(call, &s, group, first, n_groups);
}

static size_t workspace(const struct qn_site *site)
{
    const struct unique *p = site->params;
    const struct qn_shape *x = &site->in[0]->shape;
    int64_t n;
    size_t bytes;

    if (p->axis != NO_AXIS)
        n = x->dims[p->axis < 0 ? p->axis + x->rank : p->axis];
    else if (!qn_dims_count(x->dims, 0, x->rank, &n))
        return SIZE_MAX;
    return qn_mul((size_t)n, 4 * sizeof(int64_t), &bytes) ? bytes : SIZE_MAX;
}

static const struct qn_kernel kernels[] = {
    {.name = "unique_ref", .accept = qn_accept_not_narrow, .workspace = workspace, .run = unique_ref},
    {.name = NULL},
};

const struct qn_op qn_ops_unique[] = {
    {.name = "Unique",
     .domain = "",
     .since = 11,
     .until = 27,
     .in = QN_FORMALS(QN_IN("X", 'T', QN_ALL_IR3)),
     .out = QN_FORMALS(QN_OUT("Y", 'T', QN_ALL_IR3), QN_OPT("indices", 0, QN_BIT(INT64)),
                       QN_OPT("inverse_indices", 0, QN_BIT(INT64)), QN_OPT("counts", 0, QN_BIT(INT64))),
     .attrs = QN_ATTRS(QN_INT_ATTR(unique, axis, NO_AXIS), QN_BOOL_ATTR(unique, sorted, 1)),
     QN_PARAMS(unique),
     .flags = QN_DATA_DEPENDENT,
     .infer = infer,
     .kernels = kernels},
    {.name = NULL},
};
