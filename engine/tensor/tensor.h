/* tensor.h: small helpers over struct qn_tensor and struct qn_value of quern.h: counts, element access by type, deep
 * copies. Tensors are dense and row-major; nothing here allocates except the copies into an arena. */
#ifndef QN_TENSOR_TENSOR_H
#define QN_TENSOR_TENSOR_H

#include "base/arena.h"
#include "tensor/shape.h"

const char *qn_kind_name(enum qn_kind kind); /* "a tensor" */

/* Number of elements of a tensor whose dims were checked when it was made. */
static inline int64_t qn_tensor_count(const struct qn_tensor *tensor)
{
    int64_t n = 1;

    for (int i = 0; i < tensor->rank; i++)
        n *= tensor->dims[i];
    return n;
}
/* Product of dims [begin, end). */
static inline int64_t qn_tensor_span(const struct qn_tensor *tensor, int begin, int end)
{
    int64_t n = 1;

    for (int i = begin; i < end; i++)
        n *= tensor->dims[i];
    return n;
}
/* Bytes of n elements, sub-byte types packed. */
static inline size_t qn_dtype_span(enum qn_dtype dtype, int64_t n)
{
    return ((size_t)n * (size_t)qn_dtype_bits(dtype) + 7) / 8;
}
static inline size_t qn_tensor_bytes(const struct qn_tensor *tensor)
{
    return qn_dtype_span(tensor->dtype, qn_tensor_count(tensor));
}
static inline struct qn_shape qn_tensor_shape(const struct qn_tensor *tensor)
{
    return qn_shape_make(tensor->rank, tensor->dims);
}

/* Element i as a double or an int64, converted from any real type (floats to int64 saturate, NaN gives 0; strings
 * give 0). Slow: for attributes-turned-inputs such as axes, not for kernels' loops. */
double qn_tensor_double(const struct qn_tensor *tensor, int64_t i);
int64_t qn_tensor_int(const struct qn_tensor *tensor, int64_t i);
/* Stores x as element i, rounded to the tensor's type (integers saturate). */
void qn_tensor_set_double(struct qn_tensor *tensor, int64_t i, double x);
void qn_tensor_set_int(struct qn_tensor *tensor, int64_t i, int64_t x);

/* A new tensor in the arena with zeroed data; strings are empty. NOMEM or LIMIT. */
enum qn_status qn_tensor_create(struct qn_arena *arena, enum qn_dtype dtype, const struct qn_shape *shape,
                                struct qn_tensor *tensor, struct qn_err *err);
/* Deep copies, strings included, into the arena. */
enum qn_status qn_tensor_copy(struct qn_arena *arena, const struct qn_tensor *source, struct qn_tensor *copy,
                              struct qn_err *err);
enum qn_status qn_value_copy(struct qn_arena *arena, const struct qn_value *source, struct qn_value *copy,
                             struct qn_err *err);
/* Values nest no deeper than this: a tensor in a sequence in an optional is 3 deep. */
enum { QN_VALUE_MAX_DEPTH = 16 };

bool qn_str_equal(struct qn_str a, struct qn_str b);
int qn_str_compare(struct qn_str a, struct qn_str b);

/* Element i as short text in a buffer of the caller: "0.5", "-3", "true", "1+2i", strings in quotes and cut:
 * qn_element_text(tensor, i, (char[QN_ELEMENT_TEXT]){0}). */
enum { QN_ELEMENT_TEXT = 64 };
const char *qn_element_text(const struct qn_tensor *tensor, int64_t i, char text[QN_ELEMENT_TEXT]);

/* Short text of values for people: "float32[2,3] 1 2 3 4 5 6", cut after max_elements. */
void qn_value_print(struct qn_buf *buf, const struct qn_value *value, int64_t max_elements);

#endif
