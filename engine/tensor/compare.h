/* compare.h: how far two values are apart, for verification and tests. */
#ifndef QN_TENSOR_COMPARE_H
#define QN_TENSOR_COMPARE_H

#include "tensor/tensor.h"

struct qn_tolerance {
    double rtol, atol; /* |got - want| <= atol + rtol * |want| */
    double ulp;        /* > 0: also accept this many units in the last place of the tensor's own type */
};

struct qn_difference {
    bool equal; /* within tolerance everywhere, types and shapes included */
    int64_t n;  /* elements compared */
    int64_t n_bad;
    int64_t first_bad; /* -1: none */
    int64_t n_nan;     /* NaNs in got that are not NaN in want, and the reverse */
    double max_abs, max_rel, max_ulp, cosine;
    char reason[256]; /* one sentence when not equal: what was expected, what came, where */
};

/* NaN equals NaN, infinities equal when of one sign. Strings, sequences, maps and optionals compare by content. */
void qn_value_compare(const struct qn_value *got, const struct qn_value *want, struct qn_tolerance tolerance,
                      struct qn_difference *difference);

#endif
