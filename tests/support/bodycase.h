/* bodycase.h: tests of operators with bodies. A body is an operator defined by text (see expand.c): its formals name
 * the body's inputs and outputs. The node runs through a program and a frame, as in a model. */
#ifndef QN_TESTS_BODYCASE_H
#define QN_TESTS_BODYCASE_H

#include "opcase.h"

struct qn_body_case {
    const char *op;
    const char *domain; /* NULL: the default one */
    int opset;
    const char *attrs;
    const char *body_attrs[2];     /* names of the graph attributes */
    const struct qn_op *bodies[2]; /* their texts */
    const char *in[QN_CASE_VALUES];
    const char *out[QN_CASE_VALUES];
    enum qn_status fails;
    const char *message;
};

void qn_run_body_cases(const struct qn_body_case *cases, size_t n_cases);

#define QN_BODY_CASES_MAIN(table)                                                                                      \
    static void run_cases(void **state)                                                                                \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        qn_run_body_cases(table, sizeof(table) / sizeof(table[0]));                                                    \
    }                                                                                                                  \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases)};                                               \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                              \
    }

#endif
