/* dtype.h: facts about element types, and sets of them as bit masks. */
#ifndef QN_TENSOR_DTYPE_H
#define QN_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "quern.h"

/* A set of element types: bit i stands for enum qn_dtype i. */
typedef uint32_t qn_dtypes;
#define QN_BIT(dtype) ((qn_dtypes)1 << QN_##dtype)

#define QN_FLOATS_STD (QN_BIT(FLOAT16) | QN_BIT(FLOAT) | QN_BIT(DOUBLE))
#define QN_FLOATS     (QN_FLOATS_STD | QN_BIT(BFLOAT16))
#define QN_SIGNED     (QN_BIT(INT8) | QN_BIT(INT16) | QN_BIT(INT32) | QN_BIT(INT64))
#define QN_UNSIGNED   (QN_BIT(UINT8) | QN_BIT(UINT16) | QN_BIT(UINT32) | QN_BIT(UINT64))
#define QN_INTS       (QN_SIGNED | QN_UNSIGNED)
#define QN_NUMBERS    (QN_FLOATS | QN_INTS) /* the standard's all_numeric_types_ir4 */
#define QN_FLOAT8S    (QN_BIT(FLOAT8E4M3FN) | QN_BIT(FLOAT8E4M3FNUZ) | QN_BIT(FLOAT8E5M2) | QN_BIT(FLOAT8E5M2FNUZ))
#define QN_COMPLEXES  (QN_BIT(COMPLEX64) | QN_BIT(COMPLEX128))
#define QN_INT4S      (QN_BIT(UINT4) | QN_BIT(INT4))
#define QN_INT2S      (QN_BIT(UINT2) | QN_BIT(INT2))
#define QN_SUB_BYTE   (QN_INT4S | QN_INT2S | QN_BIT(FLOAT4E2M1))
#define QN_NARROW     (QN_BIT(FLOAT16) | QN_BIT(BFLOAT16) | QN_FLOAT8S | QN_BIT(FLOAT8E8M0) | QN_SUB_BYTE)
/* What the standard calls all tensor types: before IR 4 (no bfloat16), and with each later addition. */
#define QN_ALL_IR3  (QN_FLOATS_STD | QN_INTS | QN_COMPLEXES | QN_BIT(STRING) | QN_BIT(BOOL))
#define QN_ALL_IR4  (QN_ALL_IR3 | QN_BIT(BFLOAT16))
#define QN_ALL_IR9  (QN_ALL_IR4 | QN_FLOAT8S)
#define QN_ALL_IR10 (QN_ALL_IR9 | QN_INT4S)
#define QN_ALL_IR11 (QN_ALL_IR10 | QN_BIT(FLOAT4E2M1))
#define QN_ALL_IR12 (QN_ALL_IR11 | QN_BIT(FLOAT8E8M0))
#define QN_ALL_IR13 (QN_ALL_IR12 | QN_INT2S)
#define QN_ANY      QN_ALL_IR13

static inline bool qn_dtypes_have(qn_dtypes set, enum qn_dtype dtype) { return (set >> dtype & 1) != 0; }

/* Bits of one element in memory: 32 for FLOAT, 4 for INT4, 128 for STRING (a struct qn_str) and COMPLEX128; 0:
 * unknown. */
int qn_dtype_bits(enum qn_dtype dtype);
/* Bytes of one element; 0 for types narrower than a byte. */
static inline size_t qn_dtype_bytes(enum qn_dtype dtype) { return (size_t)qn_dtype_bits(dtype) / 8; }
bool qn_dtype_valid(int64_t value);            /* a known TensorProto.DataType other than UNDEFINED */
bool qn_dtype_is_float(enum qn_dtype dtype);   /* any real floating-point type, the narrow ones too */
bool qn_dtype_is_integer(enum qn_dtype dtype); /* any integer type, the narrow ones too; not BOOL */
/* The name used in texts and JSON ("float32", "int4"), and back; UNDEFINED when unknown. */
enum qn_dtype qn_dtype_parse(const char *name);

#endif
