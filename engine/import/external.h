/* external.h: weights that lie in other files beside the model. */
#ifndef QN_IMPORT_EXTERNAL_H
#define QN_IMPORT_EXTERNAL_H

#include "import/import.h"
#include "import/proto.h"

/* The weight files of one model, each mapped once. */
struct qn_externals {
    struct qn_model *model;     /* owns the mappings */
    struct qn_arena *arena;     /* of the import: names */
    const char *dir, *real_dir; /* where the model lies; NULL dir: external data is refused */
    const char *refusal;        /* why, when it is */
    struct qn_strmap files;     /* location -> index plus one */
    size_t capacity;
};

/* The n_bytes of data that the entries (location, offset, length) of a tensor point to, in the mapping. Other keys are
 * ignored: writers keep checksums and packed forms of their own there. */
enum qn_status qn_external_find(struct qn_externals *externals, QnOnnx__StringStringEntryProto *const *entries,
                                size_t n_entries, size_t n_bytes, struct qn_slice *bytes, struct qn_err *err);

#endif
