/* onnx_writer.h: writes serialized protobuf messages byte by byte, right ones and wrong ones, for tests of the
 * importer. A message inside a message stands between qn_write_begin and qn_write_end. Names of values come as one text
 * with blanks between them; "-" is an empty name. The buffer is the writer's; running out of it fails the test. */
#ifndef QN_TESTS_ONNX_WRITER_H
#define QN_TESTS_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "quern.h"

enum { QN_WRITER_DEPTH = 512 };

struct qn_writer {
    unsigned char *data;
    size_t n, capacity;
    size_t open[QN_WRITER_DEPTH]; /* where the contents of each open message begin */
    int depth;
};

void qn_writer_init(struct qn_writer *w, size_t capacity);
void qn_writer_deinit(struct qn_writer *w);

/* The wire format. */
void qn_write_raw(struct qn_writer *w, const void *bytes, size_t n);
void qn_write_varint(struct qn_writer *w, uint64_t x); /* without a tag */
void qn_write_tag(struct qn_writer *w, uint32_t number, int type);
void qn_write_int(struct qn_writer *w, uint32_t number, int64_t x);
void qn_write_float(struct qn_writer *w, uint32_t number, float x);
void qn_write_bytes(struct qn_writer *w, uint32_t number, const void *bytes, size_t n);
void qn_write_text(struct qn_writer *w, uint32_t number, const char *text);
void qn_write_names(struct qn_writer *w, uint32_t number, const char *names);
void qn_write_begin(struct qn_writer *w, uint32_t number);
void qn_write_end(struct qn_writer *w);

/* ONNX. ModelProto up to its graph, which stays open: end it with qn_write_end. */
void qn_write_model_head(struct qn_writer *w, int64_t ir_version, int64_t opset);
void qn_write_opset(struct qn_writer *w, uint32_t number, const char *domain, int64_t version);
/* A ValueInfoProto in field `number` (11: input, 12: output); dims -1: unknown. dtype 0: no type at all. */
void qn_write_value_info(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank,
                         const int64_t *dims);
/* A NodeProto in field 1 of a graph, closed; begin_node leaves it open for attributes. */
void qn_write_node(struct qn_writer *w, const char *op, const char *inputs, const char *outputs);
void qn_write_begin_node(struct qn_writer *w, uint32_t number, const char *op, const char *inputs, const char *outputs);
/* The head of an AttributeProto in field 5 of a node, left open. */
void qn_write_begin_attr(struct qn_writer *w, const char *name, int type);
/* A TensorProto in field `number` with raw data, closed; the head leaves it open for data. */
void qn_write_tensor(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank, const int64_t *dims,
                     const void *raw, size_t n_raw);
void qn_write_begin_tensor(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank,
                           const int64_t *dims);

#define QN_DIMS(...)                                                                                                   \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { __VA_ARGS__ }

#endif
