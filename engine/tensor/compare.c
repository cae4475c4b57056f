/* compare.c: how far two values are apart: element by element with tolerances, and through sequences, optionals and
 * maps. For verification and tests, so the first difference is told in words. Finds differences; does not judge
 * which are fine beyond the tolerance it is given. */
#include "tensor/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/narrow.h"

/* Two values of one kind whose items are being compared. */
struct frame {
    const struct qn_value *got, *want;
    size_t next;
};

struct comparison {
    struct qn_tolerance tolerance;
    struct qn_difference *difference;
    long double dot, got_square, want_square; /* over finite pairs; the range of long double keeps squares finite */
    struct frame stack[QN_VALUE_MAX_DEPTH];
    int depth;
};

/* A real element: its value, and its rank among the type's values, so that neighbours differ by one. */
struct number {
    double value;
    int64_t order;
};

/* How far one element is off. */
struct gap {
    double distance, magnitude, ulps; /* |got - want|; |want|, 0 when infinite; steps of the type between them */
    bool nan;                         /* exactly one of them is NaN */
};

/* Sequences, "item 1, item 0: ", down to the pair at hand. Optionals go without saying. */
static size_t print_place(const struct comparison *c, char *text, size_t size)
{
    size_t n = 0;
    const char *separator = "";

    text[0] = 0;
    for (int i = 0; i < c->depth && n < size / 2; i++) {
        if (c->stack[i].want->kind != QN_SEQUENCE)
            continue;
        n += (size_t)snprintf(text + n, size - n, "%sitem %zu", separator, c->stack[i].next - 1);
        separator = ", ";
    }
    if (n > 0)
        n += (size_t)snprintf(text + n, size - n, ": ");
    return n;
}

/* The first failure writes the reason. */
static void fail(struct comparison *c, const char *format, ...) QN_PRINTF(2, 3);
static void fail(struct comparison *c, const char *format, ...)
{
    struct qn_difference *d = c->difference;

    d->equal = false;
    if (!d->reason[0]) {
        size_t n = print_place(c, d->reason, sizeof(d->reason));
        va_list args;

        va_start(args, format);
        vsnprintf(d->reason + n, sizeof(d->reason) - n, format, args);
        va_end(args);
    }
}

/* The order of a format of sign and magnitude: both zeros are 0. */
static int64_t signed_order(uint64_t bits, uint64_t sign)
{
    int64_t magnitude = (int64_t)(bits & (sign - 1));

    return bits & sign ? -magnitude : magnitude;
}

static struct number load_float(const struct qn_tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    uint64_t wide;
    uint32_t bits;

    switch (tensor->dtype) {
    case QN_FLOAT:
        memcpy(&bits, (const float *)data + i, sizeof(bits));
        return (struct number){(double)bits_float(bits), signed_order(bits, 1u << 31)};
    case QN_DOUBLE:
        memcpy(&wide, (const double *)data + i, sizeof(wide));
        return (struct number){((const double *)data)[i], signed_order(wide, (uint64_t)1 << 63)};
    case QN_FLOAT16:
        bits = ((const uint16_t *)data)[i];
        return (struct number){(double)half_to_float((uint16_t)bits), signed_order(bits, 1u << 15)};
    case QN_BFLOAT16:
        bits = ((const uint16_t *)data)[i];
        return (struct number){(double)bfloat_to_float((uint16_t)bits), signed_order(bits, 1u << 15)};
    case QN_FLOAT4E2M1:
        bits = qn_packed_get(data, i, 4);
        return (struct number){(double)narrow_to_float(tensor->dtype, (uint8_t)bits), signed_order(bits, 1u << 3)};
    default: /* 8 bits; FLOAT8E8M0 has no sign, and its order is its code */
        bits = ((const uint8_t *)data)[i];
        return (struct number){(double)narrow_to_float(tensor->dtype, (uint8_t)bits),
                               signed_order(bits, tensor->dtype == QN_FLOAT8E8M0 ? 1u << 8 : 1u << 7)};
    }
}

static struct number load_number(const struct qn_tensor *tensor, int64_t i)
{
    int64_t whole;

    switch (tensor->dtype) {
    case QN_UINT64: {
        uint64_t x = ((const uint64_t *)tensor->data)[i];

        return (struct number){(double)x, (int64_t)(x ^ (uint64_t)1 << 63)};
    }
    case QN_INT64:
        whole = ((const int64_t *)tensor->data)[i];
        break;
    case QN_INT32:
        whole = ((const int32_t *)tensor->data)[i];
        break;
    case QN_UINT8:
        whole = ((const uint8_t *)tensor->data)[i];
        break;
    default:
        if (qn_dtype_is_float(tensor->dtype))
            return load_float(tensor, i);
        whole = qn_tensor_int(tensor, i);
        break;
    }
    return (struct number){(double)whole, whole};
}

/* Adds a pair to the sums of the cosine, too. */
static struct gap measure_numbers(struct comparison *c, struct number got, struct number want, bool floating)
{
    uint64_t steps = got.order > want.order ? (uint64_t)got.order - (uint64_t)want.order
                                            : (uint64_t)want.order - (uint64_t)got.order;

    if (isnan(got.value) || isnan(want.value))
        return (struct gap){.nan = !isnan(got.value) || !isnan(want.value)};
    if (isinf(got.value) || isinf(want.value)) {
        double distance = got.value == want.value ? 0 : INFINITY;

        return (struct gap){.distance = distance, .ulps = distance};
    }
    c->dot += (long double)got.value * want.value;
    c->got_square += (long double)got.value * got.value;
    c->want_square += (long double)want.value * want.value;
    return (struct gap){.distance = floating ? fabs(got.value - want.value) : (double)steps,
                        .magnitude = fabs(want.value),
                        .ulps = (double)steps};
}

/* Complex numbers are apart by the modulus of their difference, in ULPs by the worse of their parts. */
static struct gap measure_complex(struct comparison *c, const struct qn_tensor *got, int64_t i,
                                  const struct qn_tensor *want, int64_t j)
{
    enum qn_dtype part = got->dtype == QN_COMPLEX64 ? QN_FLOAT : QN_DOUBLE;
    struct qn_tensor got_parts = {.dtype = part, .data = got->data};
    struct qn_tensor want_parts = {.dtype = part, .data = want->data};
    struct gap re = measure_numbers(c, load_float(&got_parts, 2 * i), load_float(&want_parts, 2 * j), true);
    struct gap im = measure_numbers(c, load_float(&got_parts, 2 * i + 1), load_float(&want_parts, 2 * j + 1), true);

    return (struct gap){.distance = hypot(re.distance, im.distance),
                        .magnitude = hypot(re.magnitude, im.magnitude),
                        .ulps = fmax(re.ulps, im.ulps),
                        .nan = re.nan || im.nan};
}

/* Whether one element is within the tolerance; keeps the records. */
static bool judge(struct comparison *c, struct gap gap)
{
    struct qn_difference *d = c->difference;
    const struct qn_tolerance *t = &c->tolerance;

    if (gap.nan) {
        d->n_nan++;
        return false;
    }
    d->max_abs = fmax(d->max_abs, gap.distance);
    d->max_ulp = fmax(d->max_ulp, gap.ulps);
    if (gap.magnitude > 0)
        d->max_rel = fmax(d->max_rel, gap.distance / gap.magnitude);
    return gap.distance <= t->atol + t->rtol * gap.magnitude || (t->ulp > 0 && gap.ulps <= t->ulp);
}

/* A pair of different types, from a map: both are rounded to float32, whose steps are counted. */
static struct gap measure_mixed(struct comparison *c, const struct qn_tensor *got, int64_t i,
                                const struct qn_tensor *want, int64_t j)
{
    struct number a = load_number(got, i), b = load_number(want, j);
    float rounded[2] = {(float)a.value, (float)b.value};
    struct qn_tensor floats = {.dtype = QN_FLOAT, .data = rounded};

    a.order = load_float(&floats, 0).order;
    b.order = load_float(&floats, 1).order;
    return measure_numbers(c, a, b, true);
}

static bool compare_element(struct comparison *c, const struct qn_tensor *got, int64_t i, const struct qn_tensor *want,
                            int64_t j)
{
    if (want->dtype == QN_STRING)
        return qn_str_equal(((const struct qn_str *)got->data)[i], ((const struct qn_str *)want->data)[j]);
    if (qn_dtypes_have(QN_COMPLEXES, want->dtype))
        return judge(c, measure_complex(c, got, i, want, j));
    if (got->dtype != want->dtype)
        return judge(c, measure_mixed(c, got, i, want, j));
    return judge(c, measure_numbers(c, load_number(got, i), load_number(want, j), qn_dtype_is_float(want->dtype)));
}

/* An element with as many digits as tell every two values apart. */
static const char *print_element(const struct qn_tensor *tensor, int64_t i, char text[QN_ELEMENT_TEXT])
{
    double x;

    if (tensor->dtype != QN_FLOAT && tensor->dtype != QN_DOUBLE)
        return qn_element_text(tensor, i, text);
    x = qn_tensor_double(tensor, i);
    if (isnan(x))
        snprintf(text, QN_ELEMENT_TEXT, "nan");
    else
        snprintf(text, QN_ELEMENT_TEXT, "%.*g", tensor->dtype == QN_FLOAT ? 9 : 17, x);
    return text;
}

/* The index [i,j,k] of element i, as text. */
static const char *print_index(const struct qn_tensor *tensor, int64_t i, char text[QN_SHAPE_TEXT])
{
    struct qn_shape index = {.rank = tensor->rank};

    for (int axis = tensor->rank - 1; axis >= 0; axis--) {
        index.dims[axis] = i % tensor->dims[axis];
        i /= tensor->dims[axis];
    }
    return qn_shape_text(&index, text);
}

/* Two long strings may look alike in a message. */
static size_t first_other_byte(struct qn_str a, struct qn_str b)
{
    size_t n = 0;

    while (n < a.n && n < b.n && a.data[n] == b.data[n])
        n++;
    return n;
}

/* Compares element got_order[k] with want_order[k] for all k; an order of NULL is 0, 1, 2, ... keys, indexed as
 * want, name the elements of a map. Types and counts agree. */
static void compare_elements(struct comparison *c, const struct qn_tensor *got, const struct qn_tensor *want,
                             const int64_t *got_order, const int64_t *want_order, const struct qn_tensor *keys)
{
    struct qn_difference *d = c->difference;
    int64_t n = qn_tensor_count(want), n_bad = 0, bad_got = 0, bad_want = 0;
    char place[QN_SHAPE_TEXT], got_text[QN_ELEMENT_TEXT], want_text[QN_ELEMENT_TEXT], note[64] = "";

    d->n += n;
    for (int64_t k = 0; k < n; k++) {
        int64_t i = got_order ? got_order[k] : k, j = want_order ? want_order[k] : k;

        if (compare_element(c, got, i, want, j))
            continue;
        if (n_bad++ == 0) {
            bad_got = i;
            bad_want = j;
        }
    }
    if (n_bad == 0)
        return;
    if (d->first_bad < 0)
        d->first_bad = bad_want;
    d->n_bad += n_bad;
    if (keys)
        snprintf(place, sizeof(place), "key %s", qn_element_text(keys, bad_want, got_text));
    else
        print_index(want, bad_want, place);
    print_element(got, bad_got, got_text);
    print_element(want, bad_want, want_text);
    if (want->dtype == QN_STRING && strcmp(got_text, want_text) == 0)
        snprintf(note, sizeof(note), " (from byte %zu on)",
                 first_other_byte(((const struct qn_str *)got->data)[bad_got],
                                  ((const struct qn_str *)want->data)[bad_want]));
    fail(c, "at %s expected %s, got %s%s; %" PRId64 " of %" PRId64 " elements differ", place, want_text, got_text, note,
         n_bad, n);
}

static void compare_tensors(struct comparison *c, const struct qn_tensor *got, const struct qn_tensor *want)
{
    struct qn_shape got_shape = qn_tensor_shape(got), want_shape = qn_tensor_shape(want);
    char got_text[QN_SHAPE_TEXT], want_text[QN_SHAPE_TEXT];

    if (got->dtype == want->dtype && qn_shape_equal(&got_shape, &want_shape)) {
        compare_elements(c, got, want, NULL, NULL, NULL);
        return;
    }
    fail(c, "expected %s%.90s, got %s%.90s", qn_dtype_name(want->dtype), qn_shape_text(&want_shape, want_text),
         qn_dtype_name(got->dtype), qn_shape_text(&got_shape, got_text));
}

/* Keys are strings or integers. */
static int compare_keys(const struct qn_tensor *a, int64_t i, const struct qn_tensor *b, int64_t j)
{
    struct number x, y;

    if (a->dtype == QN_STRING)
        return qn_str_compare(((const struct qn_str *)a->data)[i], ((const struct qn_str *)b->data)[j]);
    x = load_number(a, i);
    y = load_number(b, j);
    return (x.order > y.order) - (x.order < y.order);
}

/* Restores the heap order below root: every parent's key is not less than its children's. */
static void sift(const struct qn_tensor *keys, int64_t *order, int64_t root, int64_t n)
{
    for (;;) {
        int64_t child = 2 * root + 1, swapped;

        if (child >= n)
            return;
        if (child + 1 < n && compare_keys(keys, order[child], keys, order[child + 1]) < 0)
            child++;
        if (compare_keys(keys, order[root], keys, order[child]) >= 0)
            return;
        swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
        root = child;
    }
}

/* The indices of keys in ascending order, by heap sort. */
static void sort_keys(const struct qn_tensor *keys, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = n / 2; i-- > 0;)
        sift(keys, order, i, n);
    for (int64_t i = n; i-- > 1;) {
        int64_t largest = order[0];

        order[0] = order[i];
        order[i] = largest;
        sift(keys, order, 0, i);
    }
}

/* Whether two maps have the same keys; the orders are of ascending keys, or NULL for the order they are in. */
static bool match_keys(struct comparison *c, const struct qn_tensor *got, const struct qn_tensor *want,
                       const int64_t *got_order, const int64_t *want_order, bool quiet)
{
    int64_t n = qn_tensor_count(want);
    char text[QN_ELEMENT_TEXT];

    for (int64_t k = 0; k < n; k++) {
        int64_t i = got_order ? got_order[k] : k, j = want_order ? want_order[k] : k;
        int order = compare_keys(got, i, want, j);

        if (order == 0)
            continue;
        if (!quiet && order > 0)
            fail(c, "expected a key %s, which is missing", qn_element_text(want, j, text));
        else if (!quiet)
            fail(c, "got a key %s, which is not expected", qn_element_text(got, i, text));
        return false;
    }
    return true;
}

/* Maps whose keys come in another order are sorted on the side. */
static void compare_entries(struct comparison *c, const struct qn_value *got, const struct qn_value *want)
{
    const struct qn_tensor *got_keys = &got->items[0].tensor, *want_keys = &want->items[0].tensor;
    size_t n = (size_t)qn_tensor_count(want_keys);
    int64_t *orders;

    if (match_keys(c, got_keys, want_keys, NULL, NULL, true)) {
        compare_elements(c, &got->items[1].tensor, &want->items[1].tensor, NULL, NULL, want_keys);
        return;
    }
    orders = (int64_t *)calloc(n, 2 * sizeof(orders[0]));
    if (!orders) {
        fail(c, "out of memory to compare maps of %zu entries", n);
        return;
    }
    sort_keys(got_keys, orders, (int64_t)n);
    sort_keys(want_keys, orders + n, (int64_t)n);
    if (match_keys(c, got_keys, want_keys, orders, orders + n, false))
        compare_elements(c, &got->items[1].tensor, &want->items[1].tensor, orders, orders + n, want_keys);
    free(orders);
}

static void compare_maps(struct comparison *c, const struct qn_value *got, const struct qn_value *want)
{
    const struct qn_tensor *g, *w;

    if (got->n != 2 || want->n != 2) {
        if (got->n != want->n)
            fail(c, "expected %s map, got %s", want->n == 2 ? "a" : "an empty", got->n == 2 ? "one" : "an empty one");
        return;
    }
    for (int i = 0; i < 2; i++) {
        g = &got->items[i].tensor;
        w = &want->items[i].tensor;
        /* A test file written from Python has float64 where the model gives float32. */
        if (g->dtype != w->dtype && !(i == 1 && qn_dtype_is_float(g->dtype) && qn_dtype_is_float(w->dtype))) {
            fail(c, "expected %s as the map's %s, got %s", qn_dtype_name(w->dtype), i == 0 ? "keys" : "values",
                 qn_dtype_name(g->dtype));
            return;
        }
        if (qn_tensor_count(g) != qn_tensor_count(w)) {
            fail(c, "expected a map of %" PRId64 " entries, got %" PRId64, qn_tensor_count(w), qn_tensor_count(g));
            return;
        }
    }
    compare_entries(c, got, want);
}

static const char *kind_text(enum qn_kind kind)
{
    static const char *const texts[] = {"a tensor", "a sequence", "an optional", "a map"};

    return texts[kind];
}

/* Compares a pair as far as it goes; true when their items are to be compared. */
static bool compare_pair(struct comparison *c, const struct qn_value *got, const struct qn_value *want)
{
    if (got->kind != want->kind) {
        fail(c, "expected %s, got %s", kind_text(want->kind), kind_text(got->kind));
        return false;
    }
    switch (want->kind) {
    case QN_TENSOR:
        compare_tensors(c, &got->tensor, &want->tensor);
        return false;
    case QN_MAP:
        compare_maps(c, got, want);
        return false;
    case QN_SEQUENCE:
        if (got->n != want->n)
            fail(c, "expected a sequence of %zu items, got %zu", want->n, got->n);
        return got->n == want->n;
    case QN_OPTIONAL:
        if (got->n != want->n)
            fail(c, "expected an optional %s, got one %s", want->n ? "with a value" : "without a value",
                 got->n ? "with one" : "without");
        return got->n == want->n;
    }
    return false;
}

static void push(struct comparison *c, const struct qn_value *got, const struct qn_value *want)
{
    if (!compare_pair(c, got, want))
        return;
    if (c->depth == QN_VALUE_MAX_DEPTH)
        fail(c, "the values nest deeper than %d", QN_VALUE_MAX_DEPTH);
    else
        c->stack[c->depth++] = (struct frame){got, want, 0};
}

/* 1 where nothing was compared or both are zero; 0 where only one is. */
static double find_cosine(const struct comparison *c)
{
    long double cosine;

    if (c->got_square == 0 || c->want_square == 0)
        return c->got_square == c->want_square ? 1 : 0;
    cosine = c->dot / (sqrtl(c->got_square) * sqrtl(c->want_square));
    return (double)(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine);
}

void qn_value_compare(const struct qn_value *got, const struct qn_value *want, struct qn_tolerance tolerance,
                      struct qn_difference *difference)
{
    struct comparison c = {.tolerance = tolerance, .difference = difference};

    *difference = (struct qn_difference){.equal = true, .first_bad = -1};
    push(&c, got, want);
    while (c.depth > 0) {
        struct frame *top = &c.stack[c.depth - 1];

        if (top->next == top->want->n) {
            c.depth--;
            continue;
        }
        top->next++;
        push(&c, &top->got->items[top->next - 1], &top->want->items[top->next - 1]);
    }
    difference->cosine = find_cosine(&c);
}
