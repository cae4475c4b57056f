/* op.h: the operator contract. One file engine/ops/<stem>.c holds a family and exports one table, qn_ops_<stem>, of
 * descriptors; everything the engine knows of an operator stands there. The rest of the engine asks descriptors.
 *
 * The way of a node: look-up by domain, name and opset; bind (attributes -> params, old attribute forms -> constant
 * inputs); infer (facts in -> facts out) at load, for folding and for each new set of input shapes; choose a kernel;
 * run.
 */
#ifndef QN_OPS_OP_H
#define QN_OPS_OP_H

#include "base/cpu.h"
#include "base/pool.h"
#include "ir/graph.h"
#include "kernels/kern.h"

/* ---- Inputs and outputs ------------------------------------------------------------------------------------------ */

enum qn_formal_flag {
    QN_OPTIONAL_FORMAL = 1, /* may be left out */
    QN_VARIADIC = 2,        /* the last formal, repeated */
    QN_HETEROGENEOUS = 4,   /* repeats need not have one type */
    QN_ANY_KIND = 8,        /* tensor, sequence, optional or map alike */
    QN_SEQUENCE_KIND = 16,  /* a sequence of tensors of `types` */
    QN_OPTIONAL_KIND = 32,
    QN_MAP_KIND = 64,    /* a map */
    QN_TENSOR_KIND = 128 /* only to allow a tensor besides one of the kinds above; a formal without kind is a tensor */
};

struct qn_formal {
    const char *name; /* the specification's; NULL ends the list */
    char group;      /* inputs of one group (the specification's T, 'T'; T1, '1'; ...) have one element type; 0: none */
    qn_dtypes types; /* allowed element types */
    unsigned flags;
};

/* clang-format off */
#define QN_IN(name, group, types) { name, group, types, 0 }
#define QN_OPT(name, group, types) { name, group, types, QN_OPTIONAL_FORMAL }
#define QN_VAR(name, group, types) { name, group, types, QN_VARIADIC }
#define QN_OUT(name, group, types) { name, group, types, 0 }
#define QN_FORMALS(...) ((const struct qn_formal[]){ __VA_ARGS__, { NULL, 0, 0, 0 } })
/* clang-format on */

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

struct qn_ints {
    const int64_t *v;
    size_t n;
    bool given; /* an empty list is not an absent one, */
};
/* except where a number is wanted for each axis: some exporters write what they leave out as empty lists. */
static inline bool qn_ints_any(const struct qn_ints *ints) { return ints->given && ints->n > 0; }
struct qn_floats {
    const float *v;
    size_t n;
    bool given;
};
struct qn_strs {
    const struct qn_str *v;
    size_t n;
    bool given;
};

enum qn_attr_form {
    QN_FORM_INT,     /* int64_t */
    QN_FORM_BOOL,    /* bool, from the ints 0 and 1 (other values count as 1) */
    QN_FORM_FLOAT,   /* float */
    QN_FORM_STRING,  /* struct qn_str */
    QN_FORM_ENUM,    /* int: index of the string in choices */
    QN_FORM_DTYPE,   /* enum qn_dtype, from an int */
    QN_FORM_INTS,    /* struct qn_ints */
    QN_FORM_FLOATS,  /* struct qn_floats */
    QN_FORM_STRINGS, /* struct qn_strs */
    QN_FORM_TENSOR,  /* const struct qn_tensor *, NULL when absent */
    QN_FORM_GRAPH,   /* becomes the node's next body; offset, unless 0, is that of an int: which body, from 1 */
    QN_FORM_TYPE,    /* const struct qn_fact * */
    QN_FORM_INPUT, /* the value becomes constant input `input`: ints -> int64[n], an int -> int64 scalar or [1] (as_1d),
                      a float -> float32 scalar, floats -> float32[n], tensor -> itself; absent: input stays absent */
    QN_FORM_IGNORED /* known, without influence on the result (training-only, hints) */
};

struct qn_attr {
    const char *name; /* NULL ends the list */
    enum qn_attr_form form;
    enum qn_attr_kind kind; /* of the model's attribute, for QN_FORM_INPUT and QN_FORM_IGNORED (0: any) */
    size_t offset;          /* in params */
    bool required;
    bool as_1d;
    int input;
    double number;              /* default of INT, BOOL, FLOAT, DTYPE */
    const char *text;           /* default of STRING, ENUM */
    const char *const *choices; /* ENUM; NULL ends */
    int64_t min, max;           /* allowed range of INT, and of each of INTS; both 0: any */
};

/* clang-format off */
#define QN_ATTR_FIELD(type, field) offsetof(struct type, field)
#define QN_INT_ATTR(type, field, value)                                                                                \
    { .name = #field, .form = QN_FORM_INT, .offset = QN_ATTR_FIELD(type, field), .number = (value) }
#define QN_INT_ATTR_RANGE(type, field, value, low, high)                                                               \
    { .name = #field, .form = QN_FORM_INT, .offset = QN_ATTR_FIELD(type, field), .number = (value), .min = (low),      \
      .max = (high) }
#define QN_INT_ATTR_REQUIRED(type, field)                                                                              \
    { .name = #field, .form = QN_FORM_INT, .offset = QN_ATTR_FIELD(type, field), .required = true }
#define QN_BOOL_ATTR(type, field, value)                                                                               \
    { .name = #field, .form = QN_FORM_BOOL, .offset = QN_ATTR_FIELD(type, field), .number = (value) }
#define QN_FLOAT_ATTR(type, field, value)                                                                              \
    { .name = #field, .form = QN_FORM_FLOAT, .offset = QN_ATTR_FIELD(type, field), .number = (value) }
#define QN_STRING_ATTR(type, field, value)                                                                             \
    { .name = #field, .form = QN_FORM_STRING, .offset = QN_ATTR_FIELD(type, field), .text = (value) }
#define QN_ENUM_ATTR(type, field, value, list)                                                                         \
    { .name = #field, .form = QN_FORM_ENUM, .offset = QN_ATTR_FIELD(type, field), .text = (value), .choices = (list) }
#define QN_DTYPE_ATTR(type, field, value)                                                                              \
    { .name = #field, .form = QN_FORM_DTYPE, .offset = QN_ATTR_FIELD(type, field), .number = (value) }
#define QN_INTS_ATTR(type, field) { .name = #field, .form = QN_FORM_INTS, .offset = QN_ATTR_FIELD(type, field) }
#define QN_FLOATS_ATTR(type, field) { .name = #field, .form = QN_FORM_FLOATS, .offset = QN_ATTR_FIELD(type, field) }
#define QN_STRINGS_ATTR(type, field) { .name = #field, .form = QN_FORM_STRINGS, .offset = QN_ATTR_FIELD(type, field) }
#define QN_TENSOR_ATTR(type, field) { .name = #field, .form = QN_FORM_TENSOR, .offset = QN_ATTR_FIELD(type, field) }
#define QN_TYPE_ATTR(type, field) { .name = #field, .form = QN_FORM_TYPE, .offset = QN_ATTR_FIELD(type, field) }
#define QN_GRAPH_ATTR(text) { .name = (text), .form = QN_FORM_GRAPH, .required = true }
#define QN_INPUT_ATTR(text, attr_kind, index)                                                                          \
    { .name = (text), .form = QN_FORM_INPUT, .kind = QN_ATTR_##attr_kind, .input = (index) }
#define QN_IGNORED_ATTR(text) { .name = (text), .form = QN_FORM_IGNORED }
#define QN_ATTRS(...) ((const struct qn_attr[]){ __VA_ARGS__, { .name = NULL } })
/* clang-format on */

/* ---- Inference --------------------------------------------------------------------------------------------------- */

/* What infer sees. Inputs are facts that the formals' types were checked against; outputs start unknown. */
struct qn_infer {
    const struct qn_node *node;
    struct qn_graph *graph; /* for symbols; infer changes nothing in it */
    const void *params;
    int n_in;                        /* formal inputs */
    const struct qn_fact *const *in; /* NULL: left out */
    int n_captures;
    const struct qn_fact *const *captures;
    int n_out;
    struct qn_fact *out;
    struct qn_arena *arena; /* for facts of elements and for constants made by infer */
    struct qn_err *err;
    int depth; /* nesting of bodies */
};

typedef enum qn_status qn_infer_fn(struct qn_infer *in, const void *params);

/* The fact of input i, NULL when left out. */
const struct qn_fact *qn_infer_in(const struct qn_infer *in, int i);
/* Sets output i's fact; does nothing when the node has no such output. */
enum qn_status qn_infer_out(struct qn_infer *in, int i, enum qn_dtype dtype, const struct qn_shape *shape);
enum qn_status qn_infer_out_fact(struct qn_infer *in, int i, const struct qn_fact *fact);
/* An axis counted from the end when negative, made non-negative; SHAPE with axis and rank when outside. */
enum qn_status qn_infer_axis(struct qn_infer *in, int64_t axis, int rank, int *result);
/* The ints of a constant integer input (any integer type): true and a view in the arena when the value is known. */
bool qn_infer_ints(struct qn_infer *in, int i, struct qn_ints *ints);
/* Facts of body b's outputs for facts of its formal inputs; captures are taken from in->captures. outs: n_outputs of
 * that body. */
enum qn_status qn_infer_body(struct qn_infer *in, int b, const struct qn_fact *const *ins, int n_ins,
                             struct qn_fact *outs);
/* Ready-made: output 0 has input 0's type and shape. Output 0: broadcast of all inputs, type of input 0; the same,
 * BOOL. */
qn_infer_fn qn_infer_same;
qn_infer_fn qn_infer_broadcast;
qn_infer_fn qn_infer_broadcast_bool;

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */

/* Where a kernel would be used. Shapes of inputs are known; those of data-dependent outputs may not be. */
struct qn_site {
    const struct qn_node *node;
    const void *params;
    int n_in; /* formal inputs */
    const struct qn_fact *const *in;
    int n_out;
    const struct qn_fact *const *out; /* NULL: not wanted */
    enum qn_cpu_level cpu;
    int threads;
};

struct qn_call;

/* Services of whoever runs the node. */
struct qn_services {
    /* Memory for an output or its strings that lives as long as the run's values; zeroed; NULL with err set. */
    void *(*alloc)(void *self, size_t n_bytes, struct qn_err *err);
    /* Runs body b on its formal inputs; outs become views that stay valid until the next but one run of that body. */
    enum qn_status (*body)(void *self, const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                           struct qn_value *outs, size_t n_outs);
    /* Deadline and cancellation; cheap enough for every iteration of an outer loop. */
    enum qn_status (*poll)(void *self, struct qn_err *err);
    /* A 64-bit random number for operators without a seed. */
    uint64_t (*random)(void *self);
    void *self;
};

/* One execution of a node. Tensors of inputs are dense; tensors of outputs are placed (dtype, rank, dims and data set)
 * unless the shape depends on data, or the output is not a tensor. An output may lie on an input named by op->inplace.
 */
struct qn_call {
    const struct qn_node *node;
    const void *params;
    const void *packed;         /* from prepare; NULL */
    int n_in;                   /* formal inputs first, captures behind */
    struct qn_value *const *in; /* NULL: left out; read only */
    int n_out;
    struct qn_value *const *out; /* NULL: not wanted */
    void *workspace;             /* 64-byte aligned, as large as asked for, contents undefined */
    int threads;                 /* for so many the workspace was asked for: the most parts that may use it at once */
    struct qn_pool *pool;
    const struct qn_services *services;
    struct qn_err *err;
};

/* Tensor of input or output i; NULL when left out. */
static inline const struct qn_tensor *qn_in(const struct qn_call *call, int i)
{
    return i < call->n_in && call->in[i] ? &call->in[i]->tensor : NULL;
}
static inline struct qn_tensor *qn_out(const struct qn_call *call, int i)
{
    return i < call->n_out && call->out[i] ? &call->out[i]->tensor : NULL;
}
/* Places output i of a data-dependent operator: type, shape and memory (strings start empty). When the plan has placed
 * it already, checks that the shape is the planned one. Does nothing for an output that is not wanted. */
enum qn_status qn_call_place(const struct qn_call *call, int i, enum qn_dtype dtype, int rank, const int64_t *dims);
/* A zeroed array for an output's items or text. NOMEM or LIMIT in call->err when NULL. */
void *qn_call_alloc(const struct qn_call *call, size_t n, size_t size);
/* A copy of text that lives as long as the outputs. */
enum qn_status qn_call_str(const struct qn_call *call, const char *text, size_t n, struct qn_str *str);
/* A deep copy of a value into memory of the outputs. */
enum qn_status qn_call_copy(const struct qn_call *call, const struct qn_value *source, struct qn_value *copy);
enum qn_status qn_call_body(const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                            struct qn_value *outs, size_t n_outs);
enum qn_status qn_call_poll(const struct qn_call *call);

struct qn_kernel {
    const char *name; /* NULL ends the list */
    /* NULL when the kernel takes the site, else a short reason why not ("not float32"). A NULL function takes
     * everything the descriptor allows. Asked before shapes are known too, when inputs are of types narrower than
     * float32: an answer that types give must not look at shapes. */
    const char *(*accept)(const struct qn_site *site);
    /* Optional: a form of constants and params that every run shares. May depend on nothing but kernel, params,
     * constant inputs and the cpu. */
    enum qn_status (*prepare)(const struct qn_site *site, struct qn_arena *arena, const void **packed,
                              struct qn_err *err);
    /* Optional: bytes of workspace wanted for site->threads; SIZE_MAX on overflow. */
    size_t (*workspace)(const struct qn_site *site);
    enum qn_status (*run)(const struct qn_call *call);
};

/* Ready-made accept functions by element type of input 0. */
const char *qn_accept_f32(const struct qn_site *site);
const char *qn_accept_not_narrow(
    const struct qn_site *site); /* no float16, bfloat16, float8 or sub-byte among inputs, outputs */
const char *qn_accept_whole_bytes(
    const struct qn_site *site); /* no sub-byte type: for kernels that move elements of 1..16 bytes */

/* ---- What the optimiser may ask ---------------------------------------------------------------------------------- */

/* y = x * scale + shift, per channel (axis 1) or for all (n 1); float32. */
struct qn_affine {
    const float *scale, *shift; /* n each; NULL: all ones, all zeros */
    int64_t n;
};

struct qn_quantised;

struct qn_rewrite {
    struct qn_graph *graph;
    struct qn_uses uses; /* valid at entry; qn_uses_only() of variables untouched in this call */
    struct qn_arena *arena;
    struct qn_err *err;
    bool changed;         /* out: the node was replaced or altered */
    const char *declined; /* out: why a promising match was left alone; for the log */
};

enum qn_op_flag {
    QN_VIEW = 1, /* output 0 is input 0's bytes under another shape: no kernel, no copy */
    QN_COMMUTATIVE = 2,
    QN_RANDOM = 4,          /* gives another answer every time: neither folded nor shared */
    QN_DATA_DEPENDENT = 8,  /* kernels place outputs whose shape the plan could not know */
    QN_KEEPS_VALUES = 16,   /* outputs refer to memory of inputs (sequences, optionals, strings): inputs stay alive */
    QN_NO_FOLD = 32,        /* never folded though deterministic (has bodies that may not end, or costs too much) */
    QN_CONVERTS = 64,       /* is about element types: inputs must have been rounded to theirs */
    QN_FOLD_LATE = 128,     /* folded only after the rewrites below, which want its constant inputs */
    QN_REWRITE_EARLY = 256, /* rewritten before what folds late is folded; others after */
    QN_MOVES = 512 /* elements of output 0 are those of input 0, whatever their type, or the greatest of some */
};

enum qn_tolerance_kind { QN_EXACT, QN_ROUNDING, QN_RANDOMLY };

struct qn_op {
    const char *domain; /* "" is ai.onnx; "ai.onnx.ml"; "quern" for fused forms */
    const char *name;   /* NULL ends a table */
    int since, until;   /* the versions of the operator set this row is right for, inclusive */
    const struct qn_formal *in, *out;
    const struct qn_attr *attrs; /* NULL: none */
    size_t params_bytes;
    const void *preset; /* params before attributes; NULL: zeros */
    unsigned flags;
    /* Optional: what the attribute table cannot say. params are writable. */
    enum qn_status (*parse)(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err);
    qn_infer_fn *infer;
    const struct qn_kernel *kernels; /* fastest first, reference last; NULL for views and bodies of text */
    unsigned inplace;                /* bit i: output 0 may take over input i's buffer when the sizes are equal */
    enum qn_tolerance_kind tolerance;
    /* Optional: floating-point or integer operations of one run. */
    double (*flops)(const struct qn_site *site);
    /* Optional: the operator as text over other operators, expanded at import (see expand.c for the grammar). */
    const char *body;
    /* Optional: true when the node is, for float32, this activation of its input 0. */
    bool (*activation)(const struct qn_node *node, struct qn_act *act);
    /* Optional: true when the node is this affine map of its input *x. */
    bool (*affine)(const struct qn_node *node, struct qn_arena *arena, int *x, struct qn_affine *affine);
    /* Optional: y, output 0, is read by a quantisation alone: becomes an operator of bytes before that, when inputs are
     * dequantised, and gives the result in bytes; NULL: left alone. See quantized.h. */
    enum qn_status (*integers)(struct qn_rewrite *rewrite, struct qn_node *node, const struct qn_quantised *y,
                               struct qn_node **made);
    /* Optional: tries to absorb neighbours or to become something better. */
    enum qn_status (*rewrite)(struct qn_rewrite *rewrite, struct qn_node *node);
};

#define QN_PARAMS(type) .params_bytes = sizeof(struct type)
#define QN_PRESET(type, ...)                                                                                           \
    .params_bytes = sizeof(struct type), .preset = &(const struct type) { __VA_ARGS__ }
#define QN_INPLACE(i) (1u << (i))
enum { QN_NEWEST_OPSET = 27, QN_NEWEST_ML = 5 };

/* ---- Machinery --------------------------------------------------------------------------------------------------- */

extern const struct qn_op *const qn_ops_tables[]; /* generated from the folder; NULL ends */

/* The row with the largest since <= opset. UNSUPPORTED, with the reason, when there is none or the opset is past
 * `until` (allow_newer: then the newest row is taken). Domain "ai.onnx" is "". */
enum qn_status qn_op_find(const char *domain, const char *name, int64_t opset, bool allow_newer,
                          const struct qn_op **op, struct qn_err *err);
/* Gives a connected node its op and params: arity, attributes (unknown, missing, out of range: FORMAT), parse. Inputs
 * of QN_FORM_INPUT are appended as constants, so node->n_in may grow; body graphs go to node->bodies without captures.
 */
enum qn_status qn_op_bind(struct qn_graph *graph, struct qn_node *node, const struct qn_op *op,
                          const struct qn_attr_value *attrs, size_t n_attrs, struct qn_err *err);
/* Infers one node from the facts of its inputs into its output variables (merged with what they say already). */
enum qn_status qn_op_infer(struct qn_graph *graph, struct qn_node *node, int depth, struct qn_err *err);
/* Infers every node in order; bodies too. */
enum qn_status qn_graph_infer(struct qn_graph *graph, int depth, struct qn_err *err);
/* As qn_op_infer over loose facts: ins (formal, then captures) -> outs[n_out]; checks the formals' types. */
enum qn_status qn_op_infer_facts(struct qn_graph *graph, const struct qn_node *node, const struct qn_fact *const *ins,
                                 struct qn_fact *outs, struct qn_arena *arena, int depth, struct qn_err *err);
/* The first kernel that takes the site (reference: the last); NULL with a reason when none does. reasons (may be NULL)
 * hears "name: reason" of each that declined. */
const struct qn_kernel *qn_op_choose(const struct qn_op *op, const struct qn_site *site, bool reference,
                                     struct qn_buf *reasons);
/* True when the node has one right answer, its inputs are all constant, and no flag forbids folding. */
bool qn_op_foldable(const struct qn_node *node);
/* Evaluates a node over values: infer, choose, place outputs in the arena, prepare, run on one thread. Values of
 * outputs live in the arena; work (workspace, packed weights) in scratch. */
enum qn_status qn_op_eval(struct qn_graph *graph, const struct qn_node *node, struct qn_value *const *ins,
                          struct qn_value *const *outs, struct qn_arena *arena, struct qn_arena *scratch,
                          bool reference, struct qn_err *err);
/* A fresh node of `op_name` (newest version of its domain) bound with the given attributes; for rewrites and bodies of
 * text. */
struct qn_node *qn_op_make_node(struct qn_graph *graph, struct qn_node *before, const char *domain, const char *op_name,
                                int64_t opset, const char *name, struct qn_var *const *ins, int n_ins,
                                struct qn_var *const *outs, int n_outs, const struct qn_attr_value *attrs,
                                size_t n_attrs, struct qn_err *err);
/* Replaces a bound node whose op has a body of text by the nodes of that body. */
enum qn_status qn_op_expand(struct qn_graph *graph, struct qn_node *node, struct qn_err *err);

#endif
