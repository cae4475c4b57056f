/* import.h: from the bytes of an ONNX model to a graph. The only folder that knows protobuf.
 *
 * First an iterative pre-scan of the wire format bounds nesting, counts and sizes and notes where tensors' bytes lie;
 * then the structure is decoded, operators are looked up and bound, model-local functions and operators defined by text
 * are expanded, bodies become graphs with captures. Tensors are views into the mapped file where the format allows it.
 */
#ifndef QN_IMPORT_IMPORT_H
#define QN_IMPORT_IMPORT_H

#include "base/file.h"
#include "ir/graph.h"

struct qn_opset {
    const char *domain; /* "" is ai.onnx */
    int64_t version;
};

/* A model after import. Owns the mapping and the arena its graph lives in. */
struct qn_model {
    struct qn_arena arena;
    struct qn_file file;       /* mapping of the model file, empty for bytes of the caller */
    struct qn_file *externals; /* mapped weight files */
    size_t n_externals;
    struct qn_graph *graph;
    const char **output_names; /* of the model's outputs, in order; a variable may be named otherwise */
    int64_t ir_version;
    const char *producer, *producer_version, *model_domain, *graph_name, *doc;
    struct qn_opset *opsets;
    size_t n_opsets;
    size_t n_nodes_in_file;
};

struct qn_import_options {
    bool allow_newer;
    bool no_external;
    size_t max_memory; /* bytes for the arena, and as many again while importing; 0: what the process may use */
    void (*missing_fn)(void *arg, const char *line); /* hears everything the engine lacks for this model */
    void *missing_arg;
};

/* Model from a file (path) or from bytes that outlive the model (path NULL). On failure nothing is left to release. All
 * that is missing is reported line by line, then UNSUPPORTED with a summary is returned. */
enum qn_status qn_import_open(const char *path, const void *bytes, size_t n_bytes,
                              const struct qn_import_options *options, struct qn_model *model, struct qn_err *err);
/* Gives back the memory of mapped bytes that are not needed for a while: see qn_file_release(). Thread-safe. */
void qn_import_release(const struct qn_model *model, const void *data, size_t n);
void qn_import_close(struct qn_model *model); /* zeroed model is fine */

/* One serialized TensorProto, SequenceProto, OptionalProto or MapProto (a test data file) as a value in the arena. A
 * tensor file does not say its kind: `kind` is what the model declares. name (may be NULL) receives the proto's name.
 */
enum qn_status qn_import_value(const void *bytes, size_t n_bytes, enum qn_kind kind, struct qn_arena *arena,
                               struct qn_value *value, const char **name, struct qn_err *err);

#endif
