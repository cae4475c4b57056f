/* compare.c: Equal, Greater, Less, GreaterOrEqual, LessOrEqual. NaN equals nothing and is in no order; strings compare
 * by bytes, for Equal alone. BOOL inputs count as 0 or 1 whatever their byte. */
#include "ops/broadcast.h"

enum kind { EQUAL, GREATER, LESS, GREATER_EQUAL, LESS_EQUAL };

struct compare {
    enum kind kind;
    struct qn_align align;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct compare *p = params;

    return qn_align_infer(in, &p->align, QN_BOOL);
}

#define COMPARISONS(suffix, type)                                                                                      \
    QN_BINARY_ROW(equal_##suffix, type, type, uint8_t, x == y)                                                         \
    QN_BINARY_ROW(greater_##suffix, type, type, uint8_t, x > y)                                                        \
    QN_BINARY_ROW(less_##suffix, type, type, uint8_t, x < y)                                                           \
    QN_BINARY_ROW(greater_equal_##suffix, type, type, uint8_t, x >= y)                                                 \
    QN_BINARY_ROW(less_equal_##suffix, type, type, uint8_t, x <= y)
COMPARISONS(u8, uint8_t)
COMPARISONS(u16, uint16_t)
COMPARISONS(u32, uint32_t)
COMPARISONS(u64, uint64_t)
COMPARISONS(i8, int8_t)
COMPARISONS(i16, int16_t)
COMPARISONS(i32, int32_t)
COMPARISONS(i64, int64_t)
COMPARISONS(f32, float)
COMPARISONS(f64, double)
QN_BINARY_ROW(equal_bool, uint8_t, uint8_t, uint8_t, (x != 0) == (y != 0))
QN_BINARY_ROW(equal_string, struct qn_str, struct qn_str, uint8_t, qn_str_equal(x, y))

#define ROWS_OF(name) QN_ROWS_FLOATS(name), QN_ROWS_UNSIGNED(name), QN_ROWS_SIGNED(name)
static qn_row_fn *const rows[][QN_N_DTYPE] = {
    [EQUAL] = {ROWS_OF(equal), [QN_BOOL] = equal_bool, [QN_STRING] = equal_string},
    [GREATER] = {ROWS_OF(greater)},
    [LESS] = {ROWS_OF(less)},
    [GREATER_EQUAL] = {ROWS_OF(greater_equal)},
    [LESS_EQUAL] = {ROWS_OF(less_equal)},
};

static enum qn_status compare_ref(const struct qn_call *call)
{
    const struct compare *p = call->params;
    const struct qn_tensor *a = qn_in(call, 0);
    struct qn_tensor b = qn_align_view(&p->align, a, qn_in(call, 1));
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, (const struct qn_tensor *const[]){a, &b});
    qn_broadcast_run(&broadcast, call->pool, 1, rows[p->kind][a->dtype], NULL);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "compare_ref", .accept = qn_accept_not_narrow, .run = compare_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {QN_ALIGN_ATTRS(compare, align), {.name = NULL}};

#define ROW(op, first, last, which, is_old, type_set, attr_list, flag_bits)                                            \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("A", 'T', type_set), QN_IN("B", 'T', type_set)),                                        \
        .out = QN_FORMALS(QN_OUT("C", '1', QN_BIT(BOOL))), .attrs = (attr_list), .flags = (flag_bits),                 \
        QN_PRESET(compare, .kind = (which), .align.old = (is_old)), .infer = infer, .kernels = kernels,                \
        .tolerance = QN_EXACT                                                                                          \
    }
#define ORDER_ROWS(op, which)                                                                                          \
    ROW(op, 1, 6, which, true, QN_FLOATS_STD, attrs_1, 0), ROW(op, 7, 8, which, false, QN_FLOATS_STD, NULL, 0),        \
        ROW(op, 9, 12, which, false, QN_FLOATS_STD | QN_INTS, NULL, 0),                                                \
        ROW(op, 13, 27, which, false, QN_NUMBERS, NULL, 0)

#define EQUAL_1 (QN_BIT(BOOL) | QN_BIT(INT32) | QN_BIT(INT64))

const struct qn_op qn_ops_compare[] = {
    ROW("Equal", 1, 6, EQUAL, true, EQUAL_1, attrs_1, 0),
    ROW("Equal", 7, 10, EQUAL, false, EQUAL_1, NULL, QN_COMMUTATIVE),
    ROW("Equal", 11, 12, EQUAL, false, QN_FLOATS_STD | QN_INTS | QN_BIT(BOOL), NULL, QN_COMMUTATIVE),
    ROW("Equal", 13, 18, EQUAL, false, QN_NUMBERS | QN_BIT(BOOL), NULL, QN_COMMUTATIVE),
    ROW("Equal", 19, 27, EQUAL, false, QN_NUMBERS | QN_BIT(BOOL) | QN_BIT(STRING), NULL, QN_COMMUTATIVE),
    ORDER_ROWS("Greater", GREATER),
    ORDER_ROWS("Less", LESS),
    ROW("GreaterOrEqual", 12, 15, GREATER_EQUAL, false, QN_FLOATS_STD | QN_INTS, NULL, 0),
    ROW("GreaterOrEqual", 16, 27, GREATER_EQUAL, false, QN_NUMBERS, NULL, 0),
    ROW("LessOrEqual", 12, 15, LESS_EQUAL, false, QN_FLOATS_STD | QN_INTS, NULL, 0),
    ROW("LessOrEqual", 16, 27, LESS_EQUAL, false, QN_NUMBERS, NULL, 0),
    {.name = NULL},
};
