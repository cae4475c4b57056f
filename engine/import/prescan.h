/* prescan.h: the first look at a file. Walks the whole wire format once, without recursion and without memory, and
 * refuses what is malformed, too deep or too much before anything is allocated for it. */
#ifndef QN_IMPORT_PRESCAN_H
#define QN_IMPORT_PRESCAN_H

#include "base/err.h"
#include "import/wire.h"

/* The messages of the format that the scan looks into. */
enum qn_proto {
    QN_PROTO_MODEL,
    QN_PROTO_FUNCTION,
    QN_PROTO_GRAPH,
    QN_PROTO_NODE,
    QN_PROTO_ATTRIBUTE,
    QN_PROTO_TENSOR,
    QN_PROTO_SPARSE_TENSOR,
    QN_PROTO_VALUE_INFO,
    QN_PROTO_TYPE,
    QN_PROTO_TYPE_TENSOR, /* also of sparse tensors */
    QN_PROTO_TYPE_HOLDER, /* of sequences and optionals */
    QN_PROTO_TYPE_MAP,
    QN_PROTO_SHAPE,
    QN_PROTO_DIM,
    QN_PROTO_ENTRY,
    QN_PROTO_OPSET,
    QN_PROTO_SEQUENCE,
    QN_PROTO_MAP,
    QN_PROTO_OPTIONAL,
    QN_N_PROTO
};

enum {
    QN_MAX_MESSAGE_DEPTH = 64,    /* messages inside messages: some twenty bodies inside bodies */
    QN_MAX_MODEL_NODES = 1000000, /* in all graphs and functions, and again after expansion of functions */
    QN_MAX_NODE_ATTRS = 256,      /* of one node */
    QN_MAX_NAME = 65535           /* bytes of a name */
};

/* What was met, for limits and statistics. */
struct qn_prescan {
    size_t n[QN_N_PROTO]; /* messages of each kind */
    size_t n_names;       /* strings: names of values, nodes, attributes ... */
};

/* FORMAT with the byte offset, or LIMIT. bytes may be NULL when n is 0. */
enum qn_status qn_prescan(const void *bytes, size_t n, enum qn_proto root, struct qn_prescan *scan, struct qn_err *err);

#endif
