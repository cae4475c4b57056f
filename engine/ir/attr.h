/* attr.h: attributes as they stand in a model, before an operator's descriptor turns them into typed parameters.
 * Everything is borrowed from the model's arena or mapping. */
#ifndef QN_IR_ATTR_H
#define QN_IR_ATTR_H

#include "tensor/tensor.h"

struct qn_graph;
struct qn_fact;

/* With the values of AttributeProto.AttributeType. */
enum qn_attr_kind {
    QN_ATTR_FLOAT = 1,
    QN_ATTR_INT = 2,
    QN_ATTR_STRING = 3,
    QN_ATTR_TENSOR = 4,
    QN_ATTR_GRAPH = 5,
    QN_ATTR_FLOATS = 6,
    QN_ATTR_INTS = 7,
    QN_ATTR_STRINGS = 8,
    QN_ATTR_TENSORS = 9,
    QN_ATTR_GRAPHS = 10,
    QN_ATTR_SPARSE_TENSOR = 11, /* arrives as a dense TENSOR */
    QN_ATTR_TYPE = 13           /* a type_proto, as a fact */
};

struct qn_attr_value {
    const char *name;
    enum qn_attr_kind kind;
    size_t n; /* of the lists; 1 otherwise */
    float f;
    int64_t i;
    struct qn_str s;
    const struct qn_tensor *t;
    const float *floats;
    const int64_t *ints;
    const struct qn_str *strings;
    const struct qn_tensor *tensors;
    struct qn_graph *g;
    const struct qn_fact *type;
};

#endif
