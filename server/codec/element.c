/* element.c: sizes of tensors; see element.h. */
#include "server/codec/element.h"

#include "base/checked.h"

unsigned qn_element_bits(enum qn_dtype dtype)
{
    static const unsigned char n_bits[QN_N_DTYPE] = {
        [QN_FLOAT] = 32,       [QN_UINT8] = 8,          [QN_INT8] = 8,         [QN_UINT16] = 16,
        [QN_INT16] = 16,       [QN_INT32] = 32,         [QN_INT64] = 64,       [QN_STRING] = sizeof(struct qn_str) * 8,
        [QN_BOOL] = 8,         [QN_FLOAT16] = 16,       [QN_DOUBLE] = 64,      [QN_UINT32] = 32,
        [QN_UINT64] = 64,      [QN_COMPLEX64] = 64,     [QN_COMPLEX128] = 128, [QN_BFLOAT16] = 16,
        [QN_FLOAT8E4M3FN] = 8, [QN_FLOAT8E4M3FNUZ] = 8, [QN_FLOAT8E5M2] = 8,   [QN_FLOAT8E5M2FNUZ] = 8,
        [QN_UINT4] = 4,        [QN_INT4] = 4,           [QN_FLOAT4E2M1] = 4,   [QN_FLOAT8E8M0] = 8,
        [QN_UINT2] = 2,        [QN_INT2] = 2,
    };

    return (unsigned)dtype < QN_N_DTYPE ? n_bits[dtype] : 0;
}

bool qn_element_bytes(enum qn_dtype dtype, size_t n, size_t *n_bytes)
{
    unsigned bits = qn_element_bits(dtype);

    if (bits >= 8)
        return qn_mul(n, bits / 8, n_bytes);
    if (bits == 0)
        return false;
    *n_bytes = n / (8 / bits) + (n % (8 / bits) != 0);
    return true;
}

bool qn_element_count(int rank, const int64_t *dims, size_t *n)
{
    bool fits = true;
    bool is_empty = false;

    *n = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        is_empty |= dims[i] == 0;
        fits = fits && qn_mul(*n, (size_t)dims[i], n);
    }
    if (is_empty)
        *n = 0;
    return fits || is_empty;
}
