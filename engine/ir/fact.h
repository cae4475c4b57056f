/* fact.h: what is known of a value before it exists: kind, element type, shape, perhaps the value itself. */
#ifndef QN_IR_FACT_H
#define QN_IR_FACT_H

#include "tensor/tensor.h"

struct qn_fact {
    enum qn_kind kind;
    enum qn_dtype dtype;           /* tensor: element type, UNDEFINED when unknown; map: of the values */
    enum qn_dtype key;             /* map: of the keys */
    struct qn_shape shape;         /* tensor */
    const struct qn_fact *elem;    /* sequence, optional: what it holds; NULL when unknown */
    const struct qn_tensor *konst; /* tensor: the value when it is known, borrowed; dtype and shape are then its own */
};

#define QN_FACT_UNKNOWN ((struct qn_fact){.shape = {.rank = -1}})
struct qn_fact qn_fact_tensor(enum qn_dtype dtype, const struct qn_shape *shape);
struct qn_fact qn_fact_const(const struct qn_tensor *tensor);
/* Kind, types and whole shape known: memory for it can be planned. */
bool qn_fact_concrete(const struct qn_fact *fact);
/* Both statements hold; false when they contradict. The constant of either survives. */
bool qn_fact_merge(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result);
/* The weaker statement that covers both (branches of If, carried values of Loop); false when kinds or types differ. */
bool qn_fact_join(const struct qn_fact *a, const struct qn_fact *b, struct qn_fact *result);
/* "float32[batch,4]", "seq(map(int64,float32))"; symbol names may be NULL. */
void qn_fact_print(struct qn_buf *buf, const struct qn_fact *fact, const char *const *names, size_t n_names);

#endif
