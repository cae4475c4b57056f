/* import_tensor.h: serialized tensors as struct qn_tensor. */
#ifndef QN_IMPORT_IMPORT_TENSOR_H
#define QN_IMPORT_IMPORT_TENSOR_H

#include "import/external.h"
#include "tensor/tensor.h"

/* Where tensors come from and where their data goes. */
struct qn_tensor_reader {
    struct qn_arena *arena;         /* data that cannot be a view; lives as long as the tensors */
    struct qn_arena *scratch;       /* rewound after each tensor; not the same arena */
    struct qn_externals *externals; /* NULL: external data is refused */
    bool copy;                      /* never views: the bytes go away before the tensors */
};

/* A scanned TensorProto. The data is a view into the bytes where their alignment allows it. name (may be NULL) gets the
 * tensor's name in the arena, "" when it has none. Errors name the tensor. */
enum qn_status qn_import_tensor(const struct qn_tensor_reader *reader, struct qn_slice message,
                                struct qn_tensor *tensor, const char **name, struct qn_err *err);
/* A scanned SparseTensorProto made dense; its name is that of its values. */
enum qn_status qn_import_sparse(const struct qn_tensor_reader *reader, struct qn_slice message,
                                struct qn_tensor *tensor, const char **name, struct qn_err *err);

#endif
