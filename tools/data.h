/* data.h: test data sets (folders of input_<i>.pb and output_<i>.pb, or of inputs.npz and outputs.npz) and random
 * values. */
#ifndef QN_TOOLS_DATA_H
#define QN_TOOLS_DATA_H

#include "base/arena.h"
#include "quern.h"

/* The inputs (or outputs, by prefix "input" or "output") of a data set folder, n values in the order of ios; files that
 * carry names are matched by name, others by number. SHAPE when one is missing or malformed. */
enum qn_status qn_data_read_set(const char *folder, const char *prefix, const struct qn_io *const *ios, size_t n,
                                struct qn_arena *arena, struct qn_value *values, struct qn_err *err);
/* Folders named test_data_set_* inside `folder`, sorted by number, and the folder itself when it has an inputs.npz; the
 * array and names live in the arena. */
enum qn_status qn_data_find_sets(const char *folder, struct qn_arena *arena, char ***names, size_t *n,
                                 struct qn_err *err);
/* Seeded values for an input: floats in [-1, 1), integers in 0..9, booleans, unknown dims as 1. */
enum qn_status qn_data_random(const struct qn_io *io, const int64_t *dims, int rank, uint64_t *seed,
                              struct qn_arena *arena, struct qn_value *value, struct qn_err *err);

#endif
