/* onnx_writer.c: see the header. Lengths are written when a message ends: its contents move up to make room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/onnx_writer.h"

void qn_writer_init(struct qn_writer *w, size_t capacity)
{
    memset(w, 0, sizeof(*w));
    w->capacity = capacity;
    w->data = malloc(capacity);
    assert_non_null(w->data);
}

void qn_writer_deinit(struct qn_writer *w)
{
    free(w->data);
    w->data = NULL;
}

void qn_write_raw(struct qn_writer *w, const void *bytes, size_t n)
{
    assert_true(n <= w->capacity - w->n);
    if (n)
        memcpy(w->data + w->n, bytes, n);
    w->n += n;
}

static size_t encode(uint64_t x, unsigned char out[10])
{
    size_t n = 0;

    for (; x >= 0x80; x >>= 7)
        out[n++] = (unsigned char)(x | 0x80);
    out[n++] = (unsigned char)x;
    return n;
}

void qn_write_varint(struct qn_writer *w, uint64_t x)
{
    unsigned char bytes[10];

    qn_write_raw(w, bytes, encode(x, bytes));
}

void qn_write_tag(struct qn_writer *w, uint32_t number, int type)
{
    qn_write_varint(w, (uint64_t)number << 3 | (uint64_t)type);
}

void qn_write_int(struct qn_writer *w, uint32_t number, int64_t x)
{
    qn_write_tag(w, number, 0);
    qn_write_varint(w, (uint64_t)x);
}

void qn_write_float(struct qn_writer *w, uint32_t number, float x)
{
    qn_write_tag(w, number, 5);
    qn_write_raw(w, &x, sizeof(x));
}

void qn_write_bytes(struct qn_writer *w, uint32_t number, const void *bytes, size_t n)
{
    qn_write_tag(w, number, 2);
    qn_write_varint(w, n);
    qn_write_raw(w, bytes, n);
}

void qn_write_text(struct qn_writer *w, uint32_t number, const char *text)
{
    qn_write_bytes(w, number, text, strlen(text));
}

void qn_write_names(struct qn_writer *w, uint32_t number, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, " ");

        qn_write_bytes(w, number, names, n == 1 && names[0] == '-' ? 0 : n);
        names += n;
        names += *names == ' ';
    }
}

void qn_write_begin(struct qn_writer *w, uint32_t number)
{
    assert_true(w->depth < QN_WRITER_DEPTH);
    qn_write_tag(w, number, 2);
    w->open[w->depth++] = w->n;
}

void qn_write_end(struct qn_writer *w)
{
    unsigned char length[10];
    size_t begin, n, n_length;

    assert_true(w->depth > 0);
    begin = w->open[--w->depth];
    n = w->n - begin;
    n_length = encode(n, length);
    assert_true(n_length <= w->capacity - w->n);
    memmove(w->data + begin + n_length, w->data + begin, n);
    memcpy(w->data + begin, length, n_length);
    w->n += n_length;
}

void qn_write_opset(struct qn_writer *w, uint32_t number, const char *domain, int64_t version)
{
    qn_write_begin(w, number);
    qn_write_text(w, 1, domain);
    qn_write_int(w, 2, version);
    qn_write_end(w);
}

void qn_write_model_head(struct qn_writer *w, int64_t ir_version, int64_t opset)
{
    qn_write_int(w, 1, ir_version);
    qn_write_opset(w, 8, "", opset);
    qn_write_begin(w, 7);
    qn_write_text(w, 2, "g");
}

static void write_shape(struct qn_writer *w, int rank, const int64_t *dims)
{
    qn_write_begin(w, 2);
    for (int i = 0; i < rank; i++) {
        qn_write_begin(w, 1);
        if (dims[i] != -1)
            qn_write_int(w, 1, dims[i]);
        qn_write_end(w);
    }
    qn_write_end(w);
}

void qn_write_value_info(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank,
                         const int64_t *dims)
{
    qn_write_begin(w, number);
    qn_write_text(w, 1, name);
    if (dtype) {
        qn_write_begin(w, 2);
        qn_write_begin(w, 1);
        qn_write_int(w, 1, dtype);
        write_shape(w, rank, dims);
        qn_write_end(w);
        qn_write_end(w);
    }
    qn_write_end(w);
}

void qn_write_begin_node(struct qn_writer *w, uint32_t number, const char *op, const char *inputs, const char *outputs)
{
    qn_write_begin(w, number);
    qn_write_names(w, 1, inputs);
    qn_write_names(w, 2, outputs);
    qn_write_text(w, 4, op);
}

void qn_write_node(struct qn_writer *w, const char *op, const char *inputs, const char *outputs)
{
    qn_write_begin_node(w, 1, op, inputs, outputs);
    qn_write_end(w);
}

void qn_write_begin_attr(struct qn_writer *w, const char *name, int type)
{
    qn_write_begin(w, 5);
    qn_write_text(w, 1, name);
    qn_write_int(w, 20, type);
}

void qn_write_begin_tensor(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank,
                           const int64_t *dims)
{
    qn_write_begin(w, number);
    for (int i = 0; i < rank; i++)
        qn_write_int(w, 1, dims[i]);
    qn_write_int(w, 2, dtype);
    qn_write_text(w, 8, name);
}

void qn_write_tensor(struct qn_writer *w, uint32_t number, const char *name, int dtype, int rank, const int64_t *dims,
                     const void *raw, size_t n_raw)
{
    qn_write_begin_tensor(w, number, name, dtype, rank, dims);
    qn_write_bytes(w, 9, raw, n_raw);
    qn_write_end(w);
}
