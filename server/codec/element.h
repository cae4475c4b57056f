/* element.h: sizes of tensors as every codec needs them: bytes of elements, elements of a shape. */
#ifndef QN_CODEC_ELEMENT_H
#define QN_CODEC_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "quern.h"

/* Bits of one element; a string is a struct qn_str. 0 for a type that does not exist. */
unsigned qn_element_bits(enum qn_dtype dtype);
/* Bytes of n elements, sub-byte types packed. False on overflow or for a type that does not exist. */
bool qn_element_bytes(enum qn_dtype dtype, size_t n, size_t *n_bytes);
/* Elements of a shape without unknown dims. False on overflow or a negative dim. */
bool qn_element_count(int rank, const int64_t *dims, size_t *n);

#endif
