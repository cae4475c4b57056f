/* dtype.c: the one table of facts about element types: name, width in memory and class. Everything that asks "how
 * wide" or "is it a float" ends here. It knows nothing of values; convert.c does. */
#include "tensor/dtype.h"

#include <string.h>

enum class { OTHER, FLOATING, INTEGER };

struct fact {
    const char *name;
    int bits;
    enum class class;
};

static const struct fact facts[QN_N_DTYPE] = {
    [QN_UNDEFINED] = {"undefined", 0, OTHER},
    [QN_FLOAT] = {"float32", 32, FLOATING},
    [QN_UINT8] = {"uint8", 8, INTEGER},
    [QN_INT8] = {"int8", 8, INTEGER},
    [QN_UINT16] = {"uint16", 16, INTEGER},
    [QN_INT16] = {"int16", 16, INTEGER},
    [QN_INT32] = {"int32", 32, INTEGER},
    [QN_INT64] = {"int64", 64, INTEGER},
    [QN_STRING] = {"string", (int)sizeof(struct qn_str) * 8, OTHER},
    [QN_BOOL] = {"bool", 8, OTHER},
    [QN_FLOAT16] = {"float16", 16, FLOATING},
    [QN_DOUBLE] = {"float64", 64, FLOATING},
    [QN_UINT32] = {"uint32", 32, INTEGER},
    [QN_UINT64] = {"uint64", 64, INTEGER},
    [QN_COMPLEX64] = {"complex64", 64, OTHER},
    [QN_COMPLEX128] = {"complex128", 128, OTHER},
    [QN_BFLOAT16] = {"bfloat16", 16, FLOATING},
    [QN_FLOAT8E4M3FN] = {"float8e4m3fn", 8, FLOATING},
    [QN_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 8, FLOATING},
    [QN_FLOAT8E5M2] = {"float8e5m2", 8, FLOATING},
    [QN_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 8, FLOATING},
    [QN_UINT4] = {"uint4", 4, INTEGER},
    [QN_INT4] = {"int4", 4, INTEGER},
    [QN_FLOAT4E2M1] = {"float4e2m1", 4, FLOATING},
    [QN_FLOAT8E8M0] = {"float8e8m0", 8, FLOATING},
    [QN_UINT2] = {"uint2", 2, INTEGER},
    [QN_INT2] = {"int2", 2, INTEGER},
};

/* Values outside the enum get the facts of UNDEFINED. */
static const struct fact *find(enum qn_dtype dtype)
{
    return &facts[(unsigned)dtype < QN_N_DTYPE ? dtype : QN_UNDEFINED];
}

const char *qn_dtype_name(enum qn_dtype dtype) { return find(dtype)->name; }

int qn_dtype_bits(enum qn_dtype dtype) { return find(dtype)->bits; }

bool qn_dtype_valid(int64_t value) { return value > QN_UNDEFINED && value < QN_N_DTYPE; }

bool qn_dtype_is_float(enum qn_dtype dtype) { return find(dtype)->class == FLOATING; }

bool qn_dtype_is_integer(enum qn_dtype dtype) { return find(dtype)->class == INTEGER; }

enum qn_dtype qn_dtype_parse(const char *name)
{
    for (int i = QN_UNDEFINED + 1; i < QN_N_DTYPE; i++)
        if (strcmp(facts[i].name, name) == 0)
            return (enum qn_dtype)i;
    return QN_UNDEFINED;
}
