/* importer.h: the state of one import, shared by the files that build graphs from nodes.
 *
 * The work is a stack of frames, never recursion. A frame is either a graph (the model's, or a body: a new struct
 * qn_graph) or a call of a model-local function (its nodes go into the caller's graph under new names). Each frame has
 * its own arena, emptied when the frame ends, and its own names; a body's names go on in the frame below it, a call's
 * do not. */
#ifndef QN_IMPORT_IMPORTER_H
#define QN_IMPORT_IMPORTER_H

#include "import/import_attr.h"
#include "import/prescan.h"
#include "ops/op.h"

enum { QN_MAX_FRAMES = 256 };

/* A function defined in the model. */
struct qn_function {
    struct qn_slice message;
    const QnOnnx__FunctionProto *proto; /* names, inputs, outputs, attributes, opsets */
    const char *domain, *name, *overload;
    struct qn_strmap attrs; /* every attribute it has, with or without default */
    const struct qn_opset *opsets;
    size_t n_opsets;
};

struct qn_pending_node {
    struct qn_slice message;
    const QnOnnx__NodeProto *proto; /* without attributes */
};

/* A body whose graph is complete, waiting for its owner. */
struct qn_done_body {
    struct qn_graph *graph;
    struct qn_var **outers; /* what its captures stand for, one each */
};

/* The node at work in a frame. */
struct qn_node_work {
    bool begun;
    const char *name; /* with the frame's prefix; made up when the model has none */
    const char *domain;
    const struct qn_function *function; /* NULL: an operator */
    struct qn_slice *attrs;
    size_t n_attrs, at;
    struct qn_attr_value *values;
    size_t n_values;
    struct qn_done_body *bodies;
    size_t n_bodies;
};

struct qn_frame {
    bool is_call;
    struct qn_arena arena;
    struct qn_graph *graph;
    struct qn_strmap names; /* value name -> struct qn_var, or qn_absent */
    uint32_t first_var;     /* of a call: variables made in it have this id or a larger one */
    struct qn_slice message;
    const char *prefix; /* of names made here; "" in the model's graph */
    /* The function whose text this is, itself or around the body; NULL: the model. */
    const struct qn_function *function;
    const struct qn_strmap *env; /* its attributes: name -> struct qn_attr_value */
    struct qn_pending_node *nodes;
    size_t n_nodes, at;
    const size_t *order; /* NULL: as they stand */
    struct qn_node_work work;
    struct qn_var **outers; /* of a body: what its captures stand for */
    int captures_capacity;
};

/* One thing the engine lacks, with how often and where. */
struct qn_lack {
    char *text;
    size_t n;
    const char *where[3];
};

struct qn_lacks {
    struct qn_strmap map;
    struct qn_lack **all;
    size_t n, capacity;
};

struct qn_importer {
    struct qn_model *model;
    const struct qn_import_options *options;
    struct qn_err *err;
    size_t max_memory;
    struct qn_arena fixed;   /* lives until the import ends */
    struct qn_arena scratch; /* of one step */
    struct qn_externals externals;
    struct qn_tensor_reader tensors;
    struct qn_strmap functions;
    struct qn_lacks lacks;
    struct qn_frame *frames; /* QN_MAX_FRAMES */
    int depth;
    int n_graphs;      /* graph frames among them */
    size_t n_nodes;    /* begun, counting every expansion */
    size_t n_expanded; /* bytes of functions read, counting every expansion */
    size_t max_expanded;
};

/* Stands for an optional input that the caller of a function left out. */
extern struct qn_var qn_absent;

/* import_frame.c: runs until the model's graph is complete. */
enum qn_status qn_import_run(struct qn_importer *imp, struct qn_slice graph);
enum qn_status qn_push_body(struct qn_importer *imp, struct qn_slice graph);
enum qn_status qn_push_call(struct qn_importer *imp);
static inline struct qn_frame *qn_top(struct qn_importer *imp) { return &imp->frames[imp->depth - 1]; }
static inline const struct qn_pending_node *qn_frame_node(const struct qn_frame *frame)
{
    return &frame->nodes[frame->order ? frame->order[frame->at] : frame->at];
}

/* import_node.c: advances the node at work in the top frame; may push a frame and return before the node is done. */
enum qn_status qn_step_node(struct qn_importer *imp);
/* Pops the body or call on top, which is complete, and goes on with the node that pushed it. */
enum qn_status qn_end_body(struct qn_importer *imp);
enum qn_status qn_end_call(struct qn_importer *imp);

/* import_names.c: names of values. */
enum qn_status qn_name_define(struct qn_importer *imp, struct qn_frame *frame, const char *name, struct qn_var *var);
/* What the name means in the frame, captured into it when it comes from outside; var is NULL when nothing has that
 * name. */
enum qn_status qn_name_find(struct qn_importer *imp, int frame, const char *name, struct qn_var **var);
/* prefix + name in the arena; NULL when it is spent. */
const char *qn_name_join(struct qn_arena *arena, const char *prefix, const char *name);

/* import_order.c: sets frame->order. FORMAT on a cycle or a value made twice. */
enum qn_status qn_import_order(struct qn_importer *imp, struct qn_frame *frame);

/* import_function.c */
enum qn_status qn_functions_read(struct qn_importer *imp, struct qn_slice model);
const struct qn_function *qn_functions_find(struct qn_importer *imp, const char *domain, const char *name,
                                            const char *overload);
/* The attributes of a call: those given, then defaults. */
enum qn_status qn_function_env(struct qn_importer *imp, struct qn_frame *call, const struct qn_attr_value *values,
                               size_t n_values);
/* Reads operator set imports into the arena; the largest version of a domain counts. */
enum qn_status qn_opsets_read(struct qn_importer *imp, QnOnnx__OperatorSetIdProto *const *protos, size_t n,
                              struct qn_opset **opsets, size_t *n_opsets);
/* The version in force for a domain in the frame; 0 when the domain is not imported. */
int64_t qn_opset_of(const struct qn_importer *imp, const struct qn_frame *frame, const char *domain);
/* "ai.onnx" is written "". */
const char *qn_domain_plain(const char *domain);

/* import_lack.c: what the engine does not have, collected over the whole model. */
enum qn_status qn_lack_add(struct qn_importer *imp, const char *text, const char *where);
/* Tells the caller's function line by line; OK when nothing is missing, else UNSUPPORTED with a summary. */
enum qn_status qn_lack_report(struct qn_importer *imp);

#endif
