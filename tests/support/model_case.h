/* model_case.h: tests of the importer as pieces of models and two questions: what does the graph look like, or what is
 * the error. Pieces go on where the writer stands; what they leave open is ended with qn_write_end. */
#ifndef QN_TESTS_MODEL_CASE_H
#define QN_TESTS_MODEL_CASE_H

#include "import/import.h"
#include "support/onnx_writer.h"

enum { QN_CASE_CAPACITY = 1 << 17, QN_CASE_INT = 2, QN_CASE_GRAPH = 5 /* AttributeType */ };

extern const float qn_one_two[2];

/* Reset by qn_model_set_up, a cmocka setup function; missing: every line that was reported, with line ends. */
extern struct qn_import_options qn_model_options;
extern char qn_model_missing[4096];
int qn_model_set_up(void **state);

typedef void qn_build_model(struct qn_writer *w);

/* The model has this dump and passes qn_graph_verify; or it fails with this status and this part of a sentence, and
 * leaves nothing behind. */
void qn_model_dumps(qn_build_model *build, const char *expected);
void qn_model_fails(qn_build_model *build, enum qn_status status, const char *text);
void qn_bytes_dump(const void *bytes, size_t n, const char *expected);
void qn_bytes_fail(const void *bytes, size_t n, enum qn_status status, const char *text);

/* A model's head with graph "g", left open; inputs x: float32[2] and cond: bool[]; an output; a constant float32[2]
 * 1 2. */
void qn_put_model(struct qn_writer *w);
void qn_put_x(struct qn_writer *w);
void qn_put_cond(struct qn_writer *w);
void qn_put_out(struct qn_writer *w, const char *name);
void qn_put_weight(struct qn_writer *w, const char *name);

/* Attributes of an open node: an int; one that takes the function's; a body, whose graph is left open up to
 * qn_put_body_end. */
void qn_put_int(struct qn_writer *w, const char *name, int64_t value);
void qn_put_ref(struct qn_writer *w, const char *name, const char *of);
void qn_put_body(struct qn_writer *w, const char *attr);
void qn_put_body_end(struct qn_writer *w);

/* FunctionProto of domain "local" in a model, left open. Nodes in field `number`: 1 in a graph, 7 in a function; those
 * of domain "local" are calls. */
void qn_put_function(struct qn_writer *w, const char *name, const char *inputs, const char *outputs);
void qn_put_node(struct qn_writer *w, uint32_t number, const char *op, const char *inputs, const char *outputs);
void qn_put_call(struct qn_writer *w, uint32_t number, const char *name, const char *inputs, const char *outputs);
void qn_put_open_call(struct qn_writer *w, uint32_t number, const char *name, const char *inputs, const char *outputs);
/* A whole model: y = name(x). */
void qn_put_calling_model(struct qn_writer *w, const char *name);

#endif
