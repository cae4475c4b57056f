/* broadcast.h: element-wise work over tensors that broadcast to one shape. An operator gives a function for one row;
 * the iterator merges axes, finds the rows and splits them over threads. Also here: how the operators of opset 1 to 6
 * aligned their second operand. Not here: types and arithmetic. */
#ifndef QN_OPS_BROADCAST_H
#define QN_OPS_BROADCAST_H

#include "ops/op.h"

enum { QN_BROADCAST_INS = 3 };

/* dst[0..n) from src[i][0], src[i][step[i]], ...; a step is 0 (one element for the whole row) or 1. Rows may come in
 * any order and from several threads; a long row may come in pieces. dst is a src exactly, when run in place, or apart
 * from it. */
typedef void qn_row_fn(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg);

struct qn_broadcast {
    int n_in;
    int rank; /* merged axes beside the row's, the fastest first */
    int64_t dims[QN_MAX_RANK];
    int64_t stride[QN_BROADCAST_INS][QN_MAX_RANK]; /* elements */
    int64_t n, total;                              /* elements of a row and of the output */
    int64_t step[QN_BROADCAST_INS];
    const char *src[QN_BROADCAST_INS];
    char *dst;
    size_t src_bytes[QN_BROADCAST_INS], dst_bytes; /* of an element */
};

/* Prepares to compute out, which is placed and has the broadcast shape of ins (not more than QN_BROADCAST_INS;
 * whole-byte types). Tensors are borrowed until the run is over. */
void qn_broadcast_init(struct qn_broadcast *b, struct qn_tensor *out, int n_in, const struct qn_tensor *const *ins);
/* Calls row for everything. cost: how much dearer an element is than an addition; decides about threads. */
void qn_broadcast_run(const struct qn_broadcast *b, struct qn_pool *pool, int cost, qn_row_fn *row, const void *arg);
/* Both in one for the operators with one input. */
void qn_map_run(const struct qn_call *call, const struct qn_tensor *x, int cost, qn_row_fn *row, const void *arg);

/* In how many parts work over so many elements is worth splitting. */
int qn_broadcast_parts(const struct qn_pool *pool, int64_t n, int cost);

/* ---- Row functions ----------------------------------------------------------------------------------------------- */

/* Defines a qn_row_fn that stores `expression`, of x and y (and arg), for each element. */
#define QN_BINARY_ROW(name, a_type, b_type, c_type, expression)                                                        \
    static void name(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)               \
    {                                                                                                                  \
        const a_type *a = src[0];                                                                                      \
        const b_type *b = src[1];                                                                                      \
        c_type *c = dst;                                                                                               \
        a_type x = a[0];                                                                                               \
        b_type y = b[0];                                                                                               \
                                                                                                                       \
        (void)arg;                                                                                                     \
        if (step[0] && step[1]) {                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                x = a[i], y = b[i];                                                                                    \
                c[i] = (expression);                                                                                   \
            }                                                                                                          \
        } else if (step[0]) {                                                                                          \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                x = a[i];                                                                                              \
                c[i] = (expression);                                                                                   \
            }                                                                                                          \
        } else if (step[1]) {                                                                                          \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                y = b[i];                                                                                              \
                c[i] = (expression);                                                                                   \
            }                                                                                                          \
        } else {                                                                                                       \
            for (int64_t i = 0; i < n; i++)                                                                            \
                c[i] = (expression);                                                                                   \
        }                                                                                                              \
    }

/* The same of x alone, for one input; its step is taken to be 1, since the output has its shape. */
#define QN_UNARY_ROW(name, x_type, y_type, expression)                                                                 \
    static void name(void *dst, const void *const *src, const int64_t *step, int64_t n, const void *arg)               \
    {                                                                                                                  \
        const x_type *a = src[0];                                                                                      \
        y_type *c = dst;                                                                                               \
                                                                                                                       \
        (void)step, (void)arg;                                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            x_type x = a[i];                                                                                           \
                                                                                                                       \
            c[i] = (expression);                                                                                       \
        }                                                                                                              \
    }

/* Rows by element type for functions name_u8 ... name_u64, name_i8 ..., name_f32 and name_f64. Where integers wrap and
 * the operation has the same bits for both signs, signed types share the unsigned functions. */
#define QN_ROWS_FLOATS(name) [QN_FLOAT] = name##_f32, [QN_DOUBLE] = name##_f64
#define QN_ROWS_UNSIGNED(name)                                                                                         \
    [QN_UINT8] = name##_u8, [QN_UINT16] = name##_u16, [QN_UINT32] = name##_u32, [QN_UINT64] = name##_u64
#define QN_ROWS_SIGNED(name)                                                                                           \
    [QN_INT8] = name##_i8, [QN_INT16] = name##_i16, [QN_INT32] = name##_i32, [QN_INT64] = name##_i64
#define QN_ROWS_SIGNED_AS_UNSIGNED(name)                                                                               \
    [QN_INT8] = name##_u8, [QN_INT16] = name##_u16, [QN_INT32] = name##_u32, [QN_INT64] = name##_u64

/* ---- Operators of opset 1 to 6 ----------------------------------------------------------------------------------- */

/* With `broadcast`, B is of size 1 or its shape is a run of A's, from `axis` on (absent: the last axes); without,
 * shapes are equal. The result has A's shape. The newest form is all zeros. */
struct qn_align {
    bool old, broadcast;
    int64_t axis;
};
#define QN_ALIGN_NO_AXIS INT64_MIN
#define QN_ALIGN_ATTRS(type, align)                                                                                    \
    {.name = "axis",                                                                                                   \
     .form = QN_FORM_INT,                                                                                              \
     .offset = offsetof(struct type, align.axis),                                                                      \
     .number = (double)QN_ALIGN_NO_AXIS},                                                                              \
    {                                                                                                                  \
        .name = "broadcast", .form = QN_FORM_BOOL, .offset = offsetof(struct type, align.broadcast)                    \
    }

/* Output 0 of the given type, of the broadcast shape of inputs 0 and 1. */
enum qn_status qn_align_infer(struct qn_infer *in, const struct qn_align *align, enum qn_dtype dtype);
/* B under a shape that broadcasts to A's in the newest way; shares its data. */
struct qn_tensor qn_align_view(const struct qn_align *align, const struct qn_tensor *a, const struct qn_tensor *b);

#endif
