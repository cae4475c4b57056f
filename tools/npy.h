/* npy.h: NumPy's .npy format (numpy.lib.format, versions 1.0 to 3.0): either byte order, C or Fortran order; no
 * pickles. */
#ifndef QN_TOOLS_NPY_H
#define QN_TOOLS_NPY_H

#include "base/buf.h"
#include "tensor/tensor.h"

/* The tensor is a copy in the arena. Text ("<U5") and bytes ("|S5") become string tensors. */
enum qn_status qn_npy_parse(const void *bytes, size_t n, struct qn_arena *arena, struct qn_tensor *tensor,
                            struct qn_err *err);
/* Strings as "<U..."; types that NumPy lacks (bfloat16, float8, packed ones) are refused. */
enum qn_status qn_npy_print(const struct qn_tensor *tensor, struct qn_buf *buf, struct qn_err *err);

#endif
