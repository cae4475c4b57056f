/* logic.c: And, Or, Xor, Not. Any byte but 0 counts as true; results are 0 and 1. */
#include "ops/broadcast.h"

enum kind { AND, OR, XOR };

struct logic {
    enum kind kind;
    struct qn_align align;
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct logic *p = params;

    return qn_align_infer(in, &p->align, QN_BOOL);
}

QN_BINARY_ROW(both, uint8_t, uint8_t, uint8_t, (x != 0) & (y != 0))
QN_BINARY_ROW(either, uint8_t, uint8_t, uint8_t, (x != 0) | (y != 0))
QN_BINARY_ROW(differ, uint8_t, uint8_t, uint8_t, (x != 0) ^ (y != 0))
QN_UNARY_ROW(negate, uint8_t, uint8_t, x == 0)

static enum qn_status logic_ref(const struct qn_call *call)
{
    static qn_row_fn *const rows[] = {[AND] = both, [OR] = either, [XOR] = differ};
    const struct logic *p = call->params;
    const struct qn_tensor *a = qn_in(call, 0);
    struct qn_tensor b = qn_align_view(&p->align, a, qn_in(call, 1));
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 2, (const struct qn_tensor *const[]){a, &b});
    qn_broadcast_run(&broadcast, call->pool, 1, rows[p->kind], NULL);
    return QN_OK;
}

static enum qn_status not_ref(const struct qn_call *call)
{
    qn_map_run(call, qn_in(call, 0), 1, negate, NULL);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "logic_ref", .accept = NULL, .run = logic_ref},
    {.name = NULL},
};
static const struct qn_kernel not_kernels[] = {
    {.name = "not_ref", .accept = NULL, .run = not_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_1[] = {QN_ALIGN_ATTRS(logic, align), {.name = NULL}};

#define ROW(op, first, last, which, is_old, attr_list, flag_bits)                                                      \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = (last),                                                 \
        .in = QN_FORMALS(QN_IN("A", 'T', QN_BIT(BOOL)), QN_IN("B", 'T', QN_BIT(BOOL))),                                \
        .out = QN_FORMALS(QN_OUT("C", '1', QN_BIT(BOOL))), .attrs = (attr_list), .flags = (flag_bits),                 \
        QN_PRESET(logic, .kind = (which), .align.old = (is_old)), .infer = infer, .kernels = kernels,                  \
        .inplace = QN_INPLACE(0) | QN_INPLACE(1), .tolerance = QN_EXACT                                                \
    }
#define ROWS(op, which) ROW(op, 1, 6, which, true, attrs_1, 0), ROW(op, 7, 27, which, false, NULL, QN_COMMUTATIVE)

const struct qn_op qn_ops_logic[] = {
    ROWS("And", AND),
    ROWS("Or", OR),
    ROWS("Xor", XOR),
    {.name = "Not",
     .domain = "",
     .since = 1,
     .until = 27,
     .in = QN_FORMALS(QN_IN("X", 'T', QN_BIT(BOOL))),
     .out = QN_FORMALS(QN_OUT("Y", 'T', QN_BIT(BOOL))),
     .infer = qn_infer_same,
     .kernels = not_kernels,
     .inplace = QN_INPLACE(0),
     .tolerance = QN_EXACT},
    {.name = NULL},
};
