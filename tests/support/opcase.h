/* opcase.h: operator tests as tables. A case is one node written as text; the driver evaluates it with every kernel
 * that accepts it, at every CPU level, with one and several threads, in place where the descriptor allows, and compares
 * with the expected outputs or the expected failure.
 *
 * Values are text: "f32[2,3] 1 2 3 4 5 6", "i64[] 7", "f32[0,4]", "bool[2] 1 0", "str[2] 'a b' 'c'", "f16[1] nan",
 * "f32[2] {0:6:0.5}" is not a thing: write numbers, inf, -inf, nan. A single number before "..." fills the rest:
 * "f32[4,4] 1 ...". "-" is an optional input left out, or an output that is not wanted. "seq(i64) [ i64[1] 3 ; i64[2] 4
 * 5 ]" is a sequence, "opt(f32) [ ]" an empty optional, "map [ i64[2] 1 2 ; f32[2] .5 .5 ]" a map. Attributes are text:
 * "axis=-1 mode='constant' pads=[0,1] alpha=0.5 value=<f32[1] 3>"; a number with a dot, an exponent, or in a list with
 * one, is a float. type=... is not available: use a corpus test. */
#ifndef QN_TESTS_OPCASE_H
#define QN_TESTS_OPCASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/op.h"

enum { QN_CASE_VALUES = 16 };

struct qn_op_case {
    const char *op; /* "Softmax"; "ai.onnx.ml:Scaler" outside the default domain */
    int opset;
    const char *attrs; /* "" for none */
    const char *in[QN_CASE_VALUES];
    const char *out[QN_CASE_VALUES];
    enum qn_status fails; /* expected status; OK: outputs are compared */
    const char *message;  /* a part of the expected error text */
    double rtol, atol;    /* 0: 1e-5 and 1e-6 for rounding operators, exact for exact ones */
};

#define IN(...)                       .in = {__VA_ARGS__}
#define OUT(...)                      .out = {__VA_ARGS__}
#define FAILS(status, text)           .fails = QN_##status, .message = (text)
#define TOLERANCE(relative, absolute) .rtol = (relative), .atol = (absolute)

/* Runs every case; fails the cmocka test, with the case's line of text, on the first that is wrong. */
void qn_run_op_cases(const struct qn_op_case *cases, size_t n_cases);

#define QN_OP_CASES_MAIN(table)                                                                                        \
    static void run_cases(void **state)                                                                                \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        qn_run_op_cases(table, sizeof(table) / sizeof(table[0]));                                                      \
    }                                                                                                                  \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases)};                                               \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                              \
    }

/* The text forms by themselves, for other tests. False with a message printed when the text is wrong. */
bool qn_parse_value(struct qn_arena *arena, const char *text, struct qn_value *value);
bool qn_parse_attrs(struct qn_arena *arena, const char *text, struct qn_attr_value **attrs, size_t *n_attrs);

#endif
