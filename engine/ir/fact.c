/* fact.c: what is known of a value, and how two statements about one value combine. No memory is taken: a fact of
 * elements (sequence, optional) is always one of those given, or one of the fixed facts below. Types nest through elem;
 * every function follows that chain in a loop. */
#include <string.h>

#include "ir/fact.h"

/* For each element type, a tensor of any shape and a sequence of such tensors: what is left when shapes differ. */
/* clang-format off */
#define FOR_DTYPES(X)                                                                                                  \
    X(0)                                                                                                               \
    X(1)                                                                                                               \
    X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21)    \
        X(22) X(23) X(24) X(25) X(26)
/* clang-format on */
#define ANY_TENSOR(d)   {.kind = QN_TENSOR, .dtype = (enum qn_dtype)(d), .shape = {.rank = -1}},
#define ANY_SEQUENCE(d) {.kind = QN_SEQUENCE, .shape = {.rank = -1}, .elem = &any_tensor[d]},

static const struct qn_fact any_tensor[] = {FOR_DTYPES(ANY_TENSOR)};
static const struct qn_fact any_sequence[] = {FOR_DTYPES(ANY_SEQUENCE)};
_Static_assert(sizeof(any_tensor) / sizeof(any_tensor[0]) == QN_N_DTYPE, "one row per element type");

struct qn_fact qn_fact_tensor(enum qn_dtype dtype, const struct qn_shape *shape)
{
    return (struct qn_fact){.kind = QN_TENSOR, .dtype = dtype, .shape = *shape};
}

struct qn_fact qn_fact_const(const struct qn_tensor *tensor)
{
    return (struct qn_fact){
        .kind = QN_TENSOR, .dtype = tensor->dtype, .shape = qn_tensor_shape(tensor), .konst = tensor};
}

bool qn_fact_concrete(const struct qn_fact *fact)
{
    return fact->kind == QN_TENSOR && fact->dtype != QN_UNDEFINED && qn_shape_known(&fact->shape);
}

/* Nothing is said at all, not even the kind. */
static bool is_blank(const struct qn_fact *fact)
{
    return fact->kind == QN_TENSOR && fact->dtype == QN_UNDEFINED && fact->shape.rank < 0 && !fact->konst;
}

static bool same_level(const struct qn_fact *a, const struct qn_fact *b)
{
    return a->kind == b->kind && a->dtype == b->dtype && a->key == b->key && a->konst == b->konst &&
           (a->kind != QN_TENSOR || qn_shape_equal(&a->shape, &b->shape));
}

static bool merge_dtype(enum qn_dtype a, enum qn_dtype b, enum qn_dtype *result)
{
    *result = a != QN_UNDEFINED ? a : b;
    return a == QN_UNDEFINED || b == QN_UNDEFINED || a == b;
}

/* Everything but elem. */
static bool merge_level(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result)
{
    struct qn_fact merged = *a;

    if (is_blank(a) || is_blank(b)) {
        *result = is_blank(a) ? *b : *a;
        return true;
    }
    if (a->kind != b->kind || !merge_dtype(a->dtype, b->dtype, &merged.dtype) ||
        !merge_dtype(a->key, b->key, &merged.key))
        return false;
    if (a->kind == QN_TENSOR) {
        if (!qn_shape_merge(&a->shape, &b->shape, &merged.shape))
            return false;
        merged.konst = a->konst ? a->konst : b->konst;
        if (merged.konst)
            merged.shape = qn_tensor_shape(merged.konst);
    }
    *result = merged;
    return true;
}

/* The element facts form a chain. Both chains must agree level by level; the one that says more is taken, a's when each
 * says something the other does not. */
static bool merge_elem(const struct qn_fact *a, const struct qn_fact *b, const struct qn_fact **result)
{
    const struct qn_fact *first = a, *second = b;
    bool b_is_more = false;

    for (; a && b; a = a->elem, b = b->elem) {
        struct qn_fact merged;

        if (!merge_level(a, b, &merged))
            return false;
        b_is_more |= !same_level(a, &merged) && same_level(b, &merged);
    }
    *result = !first || b_is_more || (!a && b) ? second : first;
    return true;
}

bool qn_fact_merge(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result)
{
    const struct qn_fact *elem;
    struct qn_fact merged;

    if (!merge_level(a, b, &merged) || !merge_elem(a->elem, b->elem, &elem))
        return false;
    merged.elem = elem;
    *result = merged;
    return true;
}

static struct qn_shape join_shape(const struct qn_shape *a, const struct qn_shape *b)
{
    struct qn_shape joined = *a;

    if (a->rank != b->rank || a->rank < 0)
        return QN_SHAPE_UNKNOWN;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            joined.dims[i] = QN_DIM_UNKNOWN;
    return joined;
}

static bool join_dtype(enum qn_dtype a, enum qn_dtype b, enum qn_dtype *result)
{
    *result = a == b ? a : QN_UNDEFINED;
    return a == QN_UNDEFINED || b == QN_UNDEFINED || a == b;
}

/* Everything but elem. */
static bool join_level(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result)
{
    struct qn_fact joined = *a;

    if (is_blank(a) || is_blank(b)) {
        *result = QN_FACT_UNKNOWN;
        return true;
    }
    if (a->kind != b->kind || !join_dtype(a->dtype, b->dtype, &joined.dtype) ||
        !join_dtype(a->key, b->key, &joined.key))
        return false;
    if (a->kind == QN_TENSOR)
        joined.shape = join_shape(&a->shape, &b->shape);
    joined.konst = a->konst == b->konst ? a->konst : NULL;
    *result = joined;
    return true;
}

/* A fixed fact with the same kinds and element type as the chain but no shape; NULL when there is none. */
static const struct qn_fact *without_shape(const struct qn_fact *fact)
{
    if (fact->kind == QN_TENSOR)
        return &any_tensor[fact->dtype];
    if (fact->kind == QN_SEQUENCE && fact->elem && fact->elem->kind == QN_TENSOR)
        return &any_sequence[fact->elem->dtype];
    return NULL;
}

static bool join_elem(const struct qn_fact *a, const struct qn_fact *b, const struct qn_fact **result)
{
    const struct qn_fact *first = a, *second = b;
    bool first_covers = true, second_covers = true, types_known = true;

    for (; a && b; a = a->elem, b = b->elem) {
        struct qn_fact joined;

        if (!join_level(a, b, &joined))
            return false;
        first_covers &= same_level(a, &joined);
        second_covers &= same_level(b, &joined);
        types_known &= joined.kind == a->kind && joined.dtype == a->dtype;
    }
    if (!first || !second)
        *result = NULL;
    else if (first_covers && !a)
        *result = first;
    else if (second_covers && !b)
        *result = second;
    else
        *result = types_known && !a && !b ? without_shape(first) : NULL;
    return true;
}

bool qn_fact_join(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result)
{
    const struct qn_fact *elem = NULL;
    struct qn_fact joined;

    if (!join_level(a, b, &joined))
        return false;
    if (!is_blank(&joined) && !join_elem(a->elem, b->elem, &elem))
        return false;
    joined.elem = elem;
    *result = joined;
    return true;
}

static const char *dtype_text(enum qn_dtype dtype) { return dtype == QN_UNDEFINED ? "?" : qn_dtype_name(dtype); }

void qn_fact_print(struct qn_buf *buf, const struct qn_fact *fact, const char *const *names, size_t n_names)
{
    int n_open = 0;

    for (; fact && (fact->kind == QN_SEQUENCE || fact->kind == QN_OPTIONAL); fact = fact->elem, n_open++)
        qn_buf_puts(buf, fact->kind == QN_SEQUENCE ? "seq(" : "optional(");
    if (!fact || is_blank(fact)) {
        qn_buf_puts(buf, "?");
    } else if (fact->kind == QN_MAP) {
        qn_buf_printf(buf, "map(%s,%s)", dtype_text(fact->key), dtype_text(fact->dtype));
    } else {
        qn_buf_puts(buf, dtype_text(fact->dtype));
        if (fact->shape.rank >= 0)
            qn_shape_print(buf, &fact->shape, names, n_names);
    }
    while (n_open-- > 0)
        qn_buf_puts(buf, ")");
}
