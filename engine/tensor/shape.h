/* shape.h: dimensions, known or not, and the checked products over them.
 * A dim is a size (>= 0), QN_DIM_UNKNOWN, or a named dim of a graph: qn_dim_symbol(k), k = 0, 1, ... Equal symbols are
 * equal sizes. */
#ifndef QN_TENSOR_SHAPE_H
#define QN_TENSOR_SHAPE_H

#include "base/buf.h"
#include "base/err.h"
#include "tensor/dtype.h"

#define QN_DIM_UNKNOWN ((int64_t)-1)
static inline int64_t qn_dim_symbol(int64_t k) { return -2 - k; }
static inline bool qn_dim_known(int64_t dim) { return dim >= 0; }

struct qn_shape {
    int rank; /* -1: unknown */
    int64_t dims[QN_MAX_RANK];
};

#define QN_SHAPE_UNKNOWN ((struct qn_shape){.rank = -1})
#define QN_SHAPE_SCALAR  ((struct qn_shape){.rank = 0})

static inline struct qn_shape qn_shape_1d(int64_t n) { return (struct qn_shape){.rank = 1, .dims = {n}}; }
struct qn_shape qn_shape_make(int rank, const int64_t *dims);

bool qn_shape_known(const struct qn_shape *shape); /* rank and every dim */
bool qn_shape_equal(const struct qn_shape *a, const struct qn_shape *b);
/* Number of elements of known dims [begin, end); false on overflow or an unknown dim. */
bool qn_dims_count(const int64_t *dims, int begin, int end, int64_t *count);
/* Bytes of a tensor of known shape, sub-byte types packed and rounded up; false when not known or over INT64_MAX. */
bool qn_shape_bytes(const struct qn_shape *shape, enum qn_dtype dtype, size_t *bytes);
/* The multidirectional broadcast of two shapes (unknown dims allowed); false when they cannot be broadcast. A
 * broadcast of an unknown dim with a known one other than 1 gives the known one. */
bool qn_shape_broadcast(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *result);
/* The more precise of two statements about one value; false when they contradict. */
bool qn_shape_merge(const struct qn_shape *a, const struct qn_shape *b, struct qn_shape *result);
/* "[2,?,s3]"; names may be NULL or map symbol k to its name. */
void qn_shape_print(struct qn_buf *buf, const struct qn_shape *shape, const char *const *names, size_t n_names);
/* As text in a buffer of the caller, for error messages:
 * qn_shape_text(&shape, (char[QN_SHAPE_TEXT]){0}). */
enum { QN_SHAPE_TEXT = 128 };
const char *qn_shape_text(const struct qn_shape *shape, char text[QN_SHAPE_TEXT]);

#endif
