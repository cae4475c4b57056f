/* bitwise.c: BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot. Work on bits: types of one size are alike.
 * A shift by the width of the type or more gives 0. */
#include "ops/broadcast.h"

enum kind { AND, OR, XOR, NOT, LEFT, RIGHT };

struct bitwise {
    enum kind kind;
    int direction; /* of BitShift: index in directions */
};

static const char *const directions[] = {"LEFT", "RIGHT", NULL};

static enum qn_status parse_shift(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct bitwise *p = params;

    (void)node, (void)arena, (void)err;
    p->kind = p->direction == 0 ? LEFT : RIGHT;
    return QN_OK;
}

#define BIT_ROWS(bits)                                                                                                 \
    QN_BINARY_ROW(band_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t, (x & y))                               \
    QN_BINARY_ROW(bor_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t, x | y)                                  \
    QN_BINARY_ROW(bxor_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t, x ^ y)                                 \
    QN_UNARY_ROW(bnot_u##bits, uint##bits##_t, uint##bits##_t, (uint##bits##_t)(~x))                                   \
    QN_BINARY_ROW(left_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t,                                        \
                  y >= bits ? 0 : (uint##bits##_t)((uint64_t)x << y))                                                  \
    QN_BINARY_ROW(right_u##bits, uint##bits##_t, uint##bits##_t, uint##bits##_t,                                       \
                  y >= bits ? 0 : (uint##bits##_t)(x >> y))
BIT_ROWS(8)
BIT_ROWS(16)
BIT_ROWS(32)
BIT_ROWS(64)

#define ROWS_OF(name)                                                                                                  \
    {                                                                                                                  \
        QN_ROWS_UNSIGNED(name), QN_ROWS_SIGNED_AS_UNSIGNED(name)                                                       \
    }
static qn_row_fn *const rows[][QN_N_DTYPE] = {
    [AND] = ROWS_OF(band), [OR] = ROWS_OF(bor),    [XOR] = ROWS_OF(bxor),
    [NOT] = ROWS_OF(bnot), [LEFT] = ROWS_OF(left), [RIGHT] = ROWS_OF(right),
};

static enum qn_status bitwise_ref(const struct qn_call *call)
{
    const struct bitwise *p = call->params;
    const struct qn_tensor *const ins[] = {qn_in(call, 0), qn_in(call, 1)};
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), p->kind == NOT ? 1 : 2, ins);
    qn_broadcast_run(&broadcast, call->pool, 1, rows[p->kind][ins[0]->dtype], NULL);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "bitwise_ref", .accept = NULL, .run = bitwise_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_attr attrs_shift[] = {
    {.name = "direction",
     .form = QN_FORM_ENUM,
     .offset = QN_ATTR_FIELD(bitwise, direction),
     .required = true,
     .choices = directions},
    {.name = NULL},
};

#define BINARY(op, first, a, b, c, which, type_set, ...)                                                               \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = (first), .until = 27,                                                     \
        .in = QN_FORMALS(QN_IN(a, 'T', type_set), QN_IN(b, 'T', type_set)),                                            \
        .out = QN_FORMALS(QN_OUT(c, 'T', type_set)), QN_PRESET(bitwise, .kind = (which)), .infer = qn_infer_broadcast, \
        .kernels = kernels, .inplace = QN_INPLACE(0) | QN_INPLACE(1), .tolerance = QN_EXACT, __VA_ARGS__               \
    }

const struct qn_op qn_ops_bitwise[] = {
    BINARY("BitShift", 11, "X", "Y", "Z", LEFT, QN_UNSIGNED, .attrs = attrs_shift, .parse = parse_shift),
    BINARY("BitwiseAnd", 18, "A", "B", "C", AND, QN_INTS, .flags = QN_COMMUTATIVE),
    BINARY("BitwiseOr", 18, "A", "B", "C", OR, QN_INTS, .flags = QN_COMMUTATIVE),
    BINARY("BitwiseXor", 18, "A", "B", "C", XOR, QN_INTS, .flags = QN_COMMUTATIVE),
    {.name = "BitwiseNot",
     .domain = "",
     .since = 18,
     .until = 27,
     .in = QN_FORMALS(QN_IN("X", 'T', QN_INTS)),
     .out = QN_FORMALS(QN_OUT("Y", 'T', QN_INTS)),
     QN_PRESET(bitwise, .kind = NOT),
     .infer = qn_infer_same,
     .kernels = kernels,
     .inplace = QN_INPLACE(0),
     .tolerance = QN_EXACT},
    {.name = NULL},
};
