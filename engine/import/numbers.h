/* numbers.h: the repeated number fields of a message (tensor data, lists in attributes), read in place. A list may be
 * packed into one field, spread over one field per element, or both. */
#ifndef QN_IMPORT_NUMBERS_H
#define QN_IMPORT_NUMBERS_H

#include "base/arena.h"
#include "import/wire.h"

/* Elements of a list of varints; of fixed-size numbers of `unit` bytes (4 or 8). */
size_t qn_numbers_count_varints(struct qn_slice message, uint32_t number);
size_t qn_numbers_count_fixed(struct qn_slice message, uint32_t number, size_t unit);
/* Hands up to n elements to `take` in order, sign or bits as on the wire; stops when it returns false. Gives the number
 * of elements taken. */
size_t qn_numbers_each(struct qn_slice message, uint32_t number, size_t n,
                       bool (*take)(void *arg, size_t i, uint64_t x), void *arg);
/* Copies up to n fixed-size elements to dst; gives how many. */
size_t qn_numbers_copy(struct qn_slice message, uint32_t number, size_t unit, size_t n, void *dst);
/* The bytes of a fixed-size list when it is one packed field; false otherwise. */
bool qn_numbers_view(struct qn_slice message, uint32_t number, size_t unit, struct qn_slice *view);

#endif
