/* import_attr.h: attributes of nodes as struct qn_attr_value. */
#ifndef QN_IMPORT_IMPORT_ATTR_H
#define QN_IMPORT_IMPORT_ATTR_H

#include "import/import_tensor.h"
#include "import/import_type.h"

struct qn_attr_reader {
    const struct qn_tensor_reader *tensors;
    struct qn_arena *arena; /* of the values' data; lives as long as the model */
    struct qn_arena *names; /* of the attributes' names; lives while the node is imported */
    struct qn_arena *scratch;
    struct qn_symbols *symbols;
};

/* What an attribute may be besides a value. */
struct qn_attr_extra {
    const char *ref;       /* takes the value of this attribute of the function; NULL: does not */
    struct qn_slice graph; /* of QN_ATTR_GRAPH: value->g is left to the caller */
};

/* A scanned AttributeProto. With a ref, value holds the name and perhaps the kind (0: not said). Sparse tensors arrive
 * as QN_ATTR_TENSOR. Errors name the attribute. */
enum qn_status qn_import_attr(const struct qn_attr_reader *reader, struct qn_slice message, struct qn_attr_value *value,
                              struct qn_attr_extra *extra, struct qn_err *err);

#endif
