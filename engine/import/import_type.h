/* import_type.h: declared types as facts. */
#ifndef QN_IMPORT_IMPORT_TYPE_H
#define QN_IMPORT_IMPORT_TYPE_H

#include "import/proto.h"
#include "ir/graph.h"

/* A scanned TypeProto. Named dims become symbols; a dim that is neither named nor a size is unknown. Facts of elements
 * go to the arena. what names the thing in errors ("input 'x'"). */
enum qn_status qn_import_type(struct qn_arena *arena, struct qn_arena *scratch, struct qn_symbols *symbols,
                              struct qn_slice message, const char *what, struct qn_fact *fact, struct qn_err *err);

#endif
