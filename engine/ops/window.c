/* window.c: HannWindow, HammingWindow, BlackmanWindow: functions of other operators, as the standard defines them.
 * `size` may depend on data; a periodic window of n is a symmetric one of n + 1 without its last element. */
#include "ops/op.h"

struct window {
    enum qn_dtype output_datatype;
    int64_t periodic;
};

static const struct qn_attr window_attrs[] = {
    QN_DTYPE_ATTR(window, output_datatype, QN_FLOAT),
    QN_INT_ATTR(window, periodic, 1),
    {.name = NULL},
};

/* a = i * 2 pi / (n - 1 + periodic), and its cosine. A symmetric window of one element divides by zero, as the
 * standard's own definition does, and is NaN. */
#define ANGLES                                                                                                         \
    "zero = Constant<value_float=0.0>();"                                                                              \
    "one = Constant<value_float=1.0>();"                                                                               \
    "turn = Constant<value_float=6.283185307179586>();"                                                                \
    "periodic = Constant<value_int=$periodic>();"                                                                      \
    "extra = Cast<to=1>(periodic);"                                                                                    \
    "n = Cast<to=1>(size);"                                                                                            \
    "less = Sub(n, one);"                                                                                              \
    "period = Add(less, extra);"                                                                                       \
    "i = Range(zero, n, one);"                                                                                         \
    "step = Div(turn, period);"                                                                                        \
    "a = Mul(i, step);"                                                                                                \
    "c = Cos(a);"

#define ROW(op, text)                                                                                                  \
    {                                                                                                                  \
        .name = (op), .domain = "", .since = 17, .until = 27,                                                          \
        .in = QN_FORMALS(QN_IN("size", '1', QN_BIT(INT32) | QN_BIT(INT64))),                                           \
        .out = QN_FORMALS(QN_OUT("output", '2', QN_NUMBERS)), .attrs = window_attrs, QN_PARAMS(window),                \
        .infer = qn_infer_same, .tolerance = QN_ROUNDING, .body = ANGLES text                                          \
    }

const struct qn_op qn_ops_window[] = {
    ROW("HannWindow", "half = Constant<value_float=0.5>();"
                      "scaled = Mul(c, half);"
                      "value = Sub(half, scaled);"
                      "output = Cast<to=$output_datatype>(value);"),
    ROW("HammingWindow", "alpha = Constant<value_float=0.543478260869565>();"
                         "beta = Constant<value_float=0.456521739130435>();"
                         "scaled = Mul(c, beta);"
                         "value = Sub(alpha, scaled);"
                         "output = Cast<to=$output_datatype>(value);"),
    ROW("BlackmanWindow", "a0 = Constant<value_float=0.42>();"
                          "a1 = Constant<value_float=0.5>();"
                          "a2 = Constant<value_float=0.08>();"
                          "two = Constant<value_float=2.0>();"
                          "twice = Mul(a, two);"
                          "c2 = Cos(twice);"
                          "first = Mul(c, a1);"
                          "second = Mul(c2, a2);"
                          "difference = Sub(a0, first);"
                          "value = Add(difference, second);"
                          "output = Cast<to=$output_datatype>(value);"),
    {.name = NULL},
};
