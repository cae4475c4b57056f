/* where.c: Where: x where the condition holds, else y; all three broadcast. Elements are moved by their size, strings
 * as references to the bytes of the inputs. */
#include <string.h>

#include "ops/broadcast.h"

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    struct qn_shape shape = QN_SHAPE_SCALAR;

    (void)params;
    for (int i = 0; i < 3; i++) {
        struct qn_shape other = in->in[i]->shape;
        char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

        QN_CHECK(qn_shape_broadcast(&shape, &other, &shape), in->err, SHAPE, "shapes %s and %s do not broadcast",
                 qn_shape_text(&shape, a), qn_shape_text(&other, b));
    }
    return qn_infer_out(in, 0, in->in[1]->dtype != QN_UNDEFINED ? in->in[1]->dtype : in->in[2]->dtype, &shape);
}

struct bytes_16 {
    uint64_t half[2];
};

/* Both are read before the choice, so that the loops vectorise. */
#define CHOOSE(type, from_x, from_y)                                                                                   \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
        type a = (from_x), b = (from_y);                                                                               \
                                                                                                                       \
        z[i] = condition[i] ? a : b;                                                                                   \
    }

/* A row with one condition is a copy. */
#define WHERE_ROW(name, type)                                                                                          \
    static void name(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)               \
    {                                                                                                                  \
        const uint8_t *condition = src[0];                                                                             \
        const type *x = src[1], *y = src[2];                                                                           \
        const type one_x = *x, one_y = *y;                                                                             \
        type *z = dst;                                                                                                 \
                                                                                                                       \
        (void)arg;                                                                                                     \
        if (!step[0]) {                                                                                                \
            const type *from = *condition ? x : y;                                                                     \
            int64_t by = *condition ? step[1] : step[2];                                                               \
                                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                z[i] = from[i * by];                                                                                   \
        } else if (step[1] && step[2]) {                                                                               \
            CHOOSE(type, x[i], y[i])                                                                                   \
        } else if (step[1]) {                                                                                          \
            CHOOSE(type, x[i], one_y)                                                                                  \
        } else if (step[2]) {                                                                                          \
            CHOOSE(type, one_x, y[i])                                                                                  \
        } else {                                                                                                       \
            CHOOSE(type, one_x, one_y)                                                                                 \
        }                                                                                                              \
    }
WHERE_ROW(where_1, uint8_t)
WHERE_ROW(where_2, uint16_t)
WHERE_ROW(where_4, uint32_t)
WHERE_ROW(where_8, uint64_t)
WHERE_ROW(where_16, struct bytes_16)

static enum qn_status where_ref(const struct qn_call *call)
{
    static qn_row_fn *const rows[17] = {[1] = where_1, [2] = where_2, [4] = where_4, [8] = where_8, [16] = where_16};
    const struct qn_tensor *const ins[] = {qn_in(call, 0), qn_in(call, 1), qn_in(call, 2)};
    struct qn_broadcast broadcast;

    qn_broadcast_init(&broadcast, qn_out(call, 0), 3, ins);
    qn_broadcast_run(&broadcast, call->pool, 1, rows[qn_dtype_bytes(ins[1]->dtype)], NULL);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "where_ref", .accept = qn_accept_whole_bytes, .run = where_ref},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define ROW(first, last, type_set)                                                                                     \
    {                                                                                                                  \
        .name = "Where", .domain = "", .since = (first), .until = (last),                                              \
        .in = QN_FORMALS(QN_IN("condition", 'B', QN_BIT(BOOL)), QN_IN("X", 'T', type_set), QN_IN("Y", 'T', type_set)), \
        .out = QN_FORMALS(QN_OUT("output", 'T', type_set)), .flags = QN_KEEPS_VALUES, .infer = infer,                  \
        .kernels = kernels, .inplace = QN_INPLACE(1) | QN_INPLACE(2), .tolerance = QN_EXACT                            \
    }

const struct qn_op qn_ops_where[] = {
    ROW(9, 15, QN_ALL_IR3),
    ROW(16, 27, QN_ALL_IR4),
    {.name = NULL},
};
