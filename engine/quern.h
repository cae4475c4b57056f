/* quern.h: the public interface of libquern, an ONNX inference engine.
 *
 * Open a session from a model, make one context per thread that runs it, call qn_run(). Nothing here aborts, exits or
 * prints: a call that can fail returns a qn_status and writes one sentence into the caller's qn_err (which may be
 * NULL). Results go through the last pointers and are NULL or zero after a failure.
 */
#ifndef QUERN_H
#define QUERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QN_API __attribute__((visibility("default")))
#else
#define QN_API
#endif

/* X(name, text, HTTP status, exit code of the command) */
#define QN_STATUS_LIST(X)                                                                                              \
    X(OK, "ok", 200, 0)                                                                                                \
    X(NOMEM, "out of memory", 503, 5)                                                                                  \
    X(ARG, "bad argument", 400, 2)                                                                                     \
    X(FORMAT, "malformed", 400, 3)                                                                                     \
    X(UNSUPPORTED, "not supported", 400, 3)                                                                            \
    X(SHAPE, "shape or type mismatch", 400, 4)                                                                         \
    X(RANGE, "value out of range", 422, 4)                                                                             \
    X(LIMIT, "limit exceeded", 422, 5)                                                                                 \
    X(IO, "input or output failed", 500, 6)                                                                            \
    X(TIMEOUT, "deadline passed", 504, 5)                                                                              \
    X(BUSY, "busy", 503, 5)                                                                                            \
    X(CANCELLED, "cancelled", 499, 5)                                                                                  \
    X(INTERNAL, "internal error", 500, 7)

enum qn_status {
#define QN_STATUS_ENUM(name, text, http, exit_code) QN_##name,
    QN_STATUS_LIST(QN_STATUS_ENUM)
#undef QN_STATUS_ENUM
        QN_N_STATUS
};

/* What went wrong, for a person. Owned by the caller; zero-initialise it. */
struct qn_err {
    enum qn_status status;
    int input;      /* index of the offending model or operator input, plus one; 0: none */
    char node[96];  /* name of the node, empty when not inside one */
    char op[48];    /* operator of that node */
    char text[512]; /* one sentence, no full stop, never raw bytes of the input */
};

QN_API const char *qn_status_text(enum qn_status status); /* "shape or type mismatch" */
QN_API const char *qn_status_name(enum qn_status status); /* "SHAPE" */
QN_API int qn_status_http(enum qn_status status);
QN_API int qn_status_exit(enum qn_status status);
QN_API const char *qn_version(void);

/* Element types, with the values of ONNX's TensorProto.DataType. */
enum qn_dtype {
    QN_UNDEFINED = 0,
    QN_FLOAT = 1,
    QN_UINT8 = 2,
    QN_INT8 = 3,
    QN_UINT16 = 4,
    QN_INT16 = 5,
    QN_INT32 = 6,
    QN_INT64 = 7,
    QN_STRING = 8,
    QN_BOOL = 9,
    QN_FLOAT16 = 10,
    QN_DOUBLE = 11,
    QN_UINT32 = 12,
    QN_UINT64 = 13,
    QN_COMPLEX64 = 14,
    QN_COMPLEX128 = 15,
    QN_BFLOAT16 = 16,
    QN_FLOAT8E4M3FN = 17,
    QN_FLOAT8E4M3FNUZ = 18,
    QN_FLOAT8E5M2 = 19,
    QN_FLOAT8E5M2FNUZ = 20,
    QN_UINT4 = 21,
    QN_INT4 = 22,
    QN_FLOAT4E2M1 = 23,
    QN_FLOAT8E8M0 = 24,
    QN_UINT2 = 25,
    QN_INT2 = 26,
    QN_N_DTYPE = 27
};

QN_API const char *qn_dtype_name(enum qn_dtype dtype); /* "float32", "int64", "string", ... */

enum { QN_MAX_RANK = 16 };

/* One element of a string tensor: n bytes of UTF-8, not terminated. */
struct qn_str {
    const char *data;
    size_t n;
};

/* A dense row-major tensor over memory that somebody else owns. Types narrower than a byte are packed, first element in
 * the low bits, the whole padded to a byte. String tensors hold struct qn_str. A tensor of rank 0 has one element. */
struct qn_tensor {
    enum qn_dtype dtype;
    int rank;
    int64_t dims[QN_MAX_RANK];
    void *data;
};

/* Anything a model takes or gives. Every kind uses only the fields named for it. */
enum qn_kind {
    QN_TENSOR = 0,   /* tensor */
    QN_SEQUENCE = 1, /* items[0..n); tensor.dtype is the element type, for a sequence of none */
    QN_OPTIONAL = 2, /* items[0..n), n 0 or 1 */
    QN_MAP = 3       /* items[0]: keys, items[1]: values, two 1-D tensors of one length; n is 2 */
};

struct qn_value {
    enum qn_kind kind;
    struct qn_tensor tensor;
    struct qn_value *items;
    size_t n;
};

/* An input or output of a model. */
struct qn_io {
    const char *name;
    enum qn_kind kind;
    enum qn_dtype dtype;       /* of the tensor, of the sequence's or optional's tensors, of the map's values */
    enum qn_dtype key;         /* of the map's keys */
    int rank;                  /* -1: any */
    int64_t dims[QN_MAX_RANK]; /* -1: any */
    const char *dim_names[QN_MAX_RANK]; /* NULL: not named */
    const char *type_text;              /* "float32[batch,4]", "seq(map(int64,float32))" */
};

struct qn_session;
struct qn_context;

struct qn_options {
    int threads;       /* compute threads for one run; 0: as many CPUs as the process may use */
    size_t max_memory; /* bytes a session and its runs may take; 0: from the container's or machine's limit */
    bool reference;    /* plain reference kernels, no rewriting: the slow, obvious answer */
    bool allow_newer;  /* accept an opset newer than the newest known, as if it were that one */
    bool no_external;  /* refuse weights in other files (always so for qn_session_open_bytes) */
    int max_rewrites;  /* stop the optimiser after this many rewrites; 0: no limit, -1: none at all */
    const char *dump;  /* stage to dump as text: "import", a pass name, "plan", "all"; NULL: none */
    void (*dump_fn)(void *arg, const char *stage, const char *text);
    void *dump_arg;
    void (*missing_fn)(void *arg, const char *line); /* hears every missing operator, type and attribute of a model */
    void *missing_arg;
};

struct qn_control {
    int64_t deadline_ns;        /* CLOCK_MONOTONIC; 0: none */
    const volatile int *cancel; /* another thread writes non-zero to stop the run; NULL: none */
};

struct qn_memory {
    size_t file_bytes;   /* mapped model and weight files */
    size_t weight_bytes; /* constants made by folding, and packed weights */
    size_t arena_bytes;  /* one context's buffers for the latest shapes */
    size_t graph_bytes;  /* the graph and plans themselves */
};

/* A model, loaded, optimised and checked. Immutable and shared by any number of contexts and threads. options may be
 * NULL. With a path, external data is read from below the model's folder only. With bytes, they must outlive the
 * session. A model that needs what the engine lacks gives UNSUPPORTED; options->missing_fn, when set, hears all of it
 * line by line. */
QN_API enum qn_status qn_session_open(const char *path, const struct qn_options *options, struct qn_session **session,
                                      struct qn_err *err);
QN_API enum qn_status qn_session_open_bytes(const void *bytes, size_t n_bytes, const struct qn_options *options,
                                            struct qn_session **session, struct qn_err *err);
/* NULL is fine. Contexts hold a reference: the memory goes with the last of them. */
QN_API void qn_session_close(struct qn_session *session);

QN_API size_t qn_session_n_inputs(const struct qn_session *session);
QN_API size_t qn_session_n_outputs(const struct qn_session *session);
/* Borrowed from the session; NULL when index is out of range. */
QN_API const struct qn_io *qn_session_input(const struct qn_session *session, size_t index);
QN_API const struct qn_io *qn_session_output(const struct qn_session *session, size_t index);
QN_API void qn_session_memory(const struct qn_session *session, struct qn_memory *memory);

/* One caller's working memory. Use from one thread at a time; make as many as there are callers. */
QN_API enum qn_status qn_context_create(struct qn_session *session, struct qn_context **context, struct qn_err *err);
QN_API void qn_context_destroy(struct qn_context *context);

/* Runs the model. inputs: one per model input, caller's memory, borrowed for the call. outputs: one per model output; a
 * tensor whose data the caller set (dtype, rank and dims too) receives a copy when it matches; all others become views
 * into the context, valid until its next run. control may be NULL. Allocates nothing after the first run of a set of
 * shapes unless shapes inside the model depend on data. */
QN_API enum qn_status qn_run(struct qn_context *context, const struct qn_value *inputs, struct qn_value *outputs,
                             const struct qn_control *control, struct qn_err *err);

#ifdef __cplusplus
}
#endif
#endif
