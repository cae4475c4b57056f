/* control.h: what If, Loop, Scan and SequenceMap share: the element types of their versions, and growing outputs. */
#ifndef QN_OPS_CONTROL_H
#define QN_OPS_CONTROL_H

#include "ops/op.h"

#define QN_CONTROL_TENSOR   0u
#define QN_CONTROL_SEQUENCE (QN_TENSOR_KIND | QN_SEQUENCE_KIND)
#define QN_CONTROL_ANY      (QN_TENSOR_KIND | QN_SEQUENCE_KIND | QN_OPTIONAL_KIND)

/* X(since, until, element types, kinds) for the versions of If and Loop. */
#define QN_CONTROL_VERSIONS(X, op)                                                                                     \
    X(op, 1, 10, QN_ALL_IR3, QN_CONTROL_TENSOR)                                                                        \
    X(op, 11, 12, QN_ALL_IR3, QN_CONTROL_TENSOR)                                                                       \
    X(op, 13, 15, QN_ALL_IR3, QN_CONTROL_SEQUENCE)                                                                     \
    X(op, 16, 18, QN_ALL_IR4, QN_CONTROL_ANY)                                                                          \
    X(op, 19, 20, QN_ALL_IR9, QN_CONTROL_ANY)                                                                          \
    X(op, 21, 22, QN_ALL_IR10, QN_CONTROL_ANY)                                                                         \
    X(op, 23, 23, QN_ALL_IR11, QN_CONTROL_ANY)                                                                         \
    X(op, 24, 24, QN_ALL_IR12, QN_CONTROL_ANY)                                                                         \
    X(op, 25, 27, QN_ALL_IR13, QN_CONTROL_ANY)

/* Tensors of one shape, one per iteration, put behind each other: [n, shape...]. Memory comes from the run and doubles.
 */
struct qn_stack {
    struct qn_tensor element; /* type and shape; data unused */
    void *data;
    int64_t n, capacity;
};

/* Copies the tensor (strings too) behind the others; SHAPE when it differs from the first. */
enum qn_status qn_stack_push(const struct qn_call *call, struct qn_stack *stack, const struct qn_value *value,
                             int output);
/* The stack as output i. With none pushed, what was inferred of the output gives type and shape, unknown dims as 0. */
enum qn_status qn_stack_finish(const struct qn_call *call, const struct qn_stack *stack, int output);

#endif
