/* test_prescan.c: the first look at a file. Bytes that are no message, fields of the wrong kind, nests and crowds, and
 * that nothing at all, cut anywhere or with any bit turned, does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import/prescan.h"
#include "support/onnx_writer.h"

/* ---- Single wrong bytes --------------------------------------------------------------------------------------- */

#define CASE(proto, bytes, status, text)                                                                               \
    {                                                                                                                  \
        QN_PROTO_##proto, bytes, sizeof(bytes) - 1, QN_##status, text                                                  \
    }

static const struct {
    enum qn_proto proto;
    const char *bytes;
    size_t n;
    enum qn_status status;
    const char *text;
} cases[] = {
    CASE(MODEL, "", OK, ""),
    CASE(MODEL, "\x08\x0d", OK, ""),
    CASE(MODEL, "\x08", FORMAT, "at byte 0, in ModelProto: a number is cut off or too long"),
    CASE(MODEL, "\x88", FORMAT, "at byte 0, in ModelProto: a field's tag is cut off"),
    CASE(MODEL, "\x00\x00", FORMAT, "a field has number 0"),
    CASE(MODEL, "\x0b", FORMAT, "a wire type that does not exist"),
    CASE(MODEL, "\x0c", FORMAT, "a wire type that does not exist"),
    CASE(MODEL, "\x0e", FORMAT, "a wire type that does not exist"),
    CASE(MODEL, "\x0f", FORMAT, "a wire type that does not exist"),
    /* Varints: ten bytes hold 64 bits, no more. */
    CASE(MODEL, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", OK, ""),
    CASE(MODEL, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", FORMAT, "cut off or too long"),
    CASE(MODEL, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", FORMAT, "cut off or too long"),
    CASE(MODEL, "\xf8\xff\xff\xff\x1f\x01", FORMAT, "a field's tag is too large"),
    CASE(MODEL, "\xf8\xff\xff\xff\x0f\x01", OK, ""),
    /* Lengths. */
    CASE(MODEL, "\x12", FORMAT, "a length is cut off"),
    CASE(MODEL,
         "\x12\x02"
         "a",
         FORMAT, "a length reaches past the end"),
    CASE(MODEL, "\x12\x80\x80\x80\x80\x08", FORMAT, "a length reaches past the end"),
    CASE(MODEL, "\x12\x80\x80\x80\x80\x10", FORMAT, "a length reaches past the end"),
    CASE(MODEL, "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", FORMAT, "a length reaches past the end"),
    CASE(MODEL,
         "\x3a\x02\x12\x05"
         "hello",
         FORMAT, "at byte 2, in GraphProto: a length reaches past the end"),
    CASE(MODEL, "\x0d\x01\x02\x03", FORMAT, "a fixed-size value is cut off"),
    CASE(MODEL, "\x09\x01\x02\x03\x04\x05\x06\x07", FORMAT, "a fixed-size value is cut off"),
    /* Known fields with the wrong wire type; unknown fields with any. */
    CASE(MODEL, "\x0d\x01\x02\x03\x04", FORMAT, "ModelProto.ir_version has wire type 5, not 0"),
    CASE(MODEL, "\x38\x01", FORMAT, "ModelProto.graph has wire type 0, not 2"),
    CASE(TENSOR, "\x10\x01\x48\x01", FORMAT, "at byte 2: TensorProto.raw_data has wire type 0, not 2"),
    CASE(MODEL, "\xfd\x07\x01\x02\x03\x04\xfa\x07\x01z", OK, ""),
    /* Packed, not packed, both. */
    CASE(TENSOR, "\x08\x02\x0a\x02\x03\x04\x08\x05", OK, ""),
    CASE(TENSOR, "\x0a\x02\x03\x84", FORMAT, "at byte 3: a number in dims is cut off"),
    CASE(TENSOR, "\x25\x00\x00\x80\x3f\x22\x04\x00\x00\x80\x3f", OK, ""),
    CASE(TENSOR, "\x22\x05\x00\x00\x80\x3f\x00", FORMAT, "float_data has 5 bytes, which is no multiple of 4"),
    CASE(TENSOR, "\x52\x04\x00\x00\x80\x3f", FORMAT, "double_data has 4 bytes, which is no multiple of 8"),
    CASE(TENSOR, "\x10\x01\x12\x01\x01", FORMAT, "TensorProto.data_type has wire type 2, not 0"),
    /* What may stand once. */
    CASE(MODEL, "\x3a\x00\x3a\x00", FORMAT, "at byte 2: ModelProto.graph is given twice"),
    CASE(TENSOR, "\x4a\x00\x4a\x00", FORMAT, "TensorProto.raw_data is given twice"),
    CASE(ATTRIBUTE, "\x2a\x00\x2a\x00", FORMAT, "AttributeProto.t is given twice"),
    CASE(GRAPH, "\x0a\x00\x0a\x00", OK, ""),
    /* Names. */
    CASE(NODE,
         "\x0a\x03"
         "a\0b",
         FORMAT, "at byte 2: input contains a zero byte"),
    CASE(NODE,
         "\x32\x03"
         "a\0b",
         OK, ""),
    CASE(OPTIONAL, "\x1a\x02\x08\x03", OK, ""),
    CASE(MAP, "\x1a\x01\x01\x22\x01k\x2a\x00", OK, ""),
    CASE(SEQUENCE, "\x2a\x04\x2a\x02\x2a\x00", OK, ""),
};

static void wrong_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* A copy of exactly that size, so that a read past the end is seen. */
        char *bytes = malloc(cases[i].n ? cases[i].n : 1);
        struct qn_prescan scan;
        struct qn_err err = {0};
        enum qn_status status;

        memcpy(bytes, cases[i].bytes, cases[i].n);
        status = qn_prescan(bytes, cases[i].n, cases[i].proto, &scan, &err);
        if (status != cases[i].status || !strstr(err.text, cases[i].text))
            fail_msg("case %zu: '%s' expected, got %s '%s'", i, cases[i].text, qn_status_name(status), err.text);
        free(bytes);
    }
}

static void no_bytes_at_all(void **state)
{
    struct qn_prescan scan;

    (void)state;
    assert_int_equal(qn_prescan(NULL, 0, QN_PROTO_MODEL, &scan, NULL), QN_OK);
    assert_int_equal(scan.n[QN_PROTO_MODEL], 1);
}

/* ---- Depth ---------------------------------------------------------------------------------------------------- */

/* Bodies in bodies: GraphProto, NodeProto, AttributeProto, GraphProto, ... Written from the inside out, since lengths
 * come first. */
static unsigned char *nest(int depth, const unsigned char *fields, int n_fields, size_t *n)
{
    size_t capacity = (size_t)depth * 8 * (size_t)n_fields + 16, at = capacity;
    unsigned char *bytes = malloc(capacity), *exact;

    for (int level = 0; level < depth; level++) {
        for (int k = n_fields - 1; k >= 0; k--) {
            uint64_t length = capacity - at;
            unsigned char encoded[10];
            size_t n_encoded = 0;

            for (; length >= 0x80; length >>= 7)
                encoded[n_encoded++] = (unsigned char)(length | 0x80);
            encoded[n_encoded++] = (unsigned char)length;
            at -= n_encoded;
            memcpy(bytes + at, encoded, n_encoded);
            bytes[--at] = fields[k];
        }
    }
    *n = capacity - at;
    exact = malloc(*n);
    memcpy(exact, bytes + at, *n);
    free(bytes);
    return exact;
}

static void nests(void **state)
{
    static const unsigned char graph_fields[] = {0x0a, 0x2a, 0x32}, type_fields[] = {0x22, 0x0a},
                               sequence_fields[] = {0x2a};
    static const struct {
        enum qn_proto root;
        const unsigned char *fields;
        int n_fields, depth;
        enum qn_status status;
    } nested[] = {
        {QN_PROTO_GRAPH, graph_fields, 3, 4, QN_OK},
        {QN_PROTO_GRAPH, graph_fields, 3, 21, QN_OK},
        {QN_PROTO_GRAPH, graph_fields, 3, 22, QN_FORMAT},
        {QN_PROTO_GRAPH, graph_fields, 3, 44, QN_FORMAT},
        {QN_PROTO_GRAPH, graph_fields, 3, 100, QN_FORMAT},
        {QN_PROTO_GRAPH, graph_fields, 3, 3000, QN_FORMAT},
        {QN_PROTO_GRAPH, graph_fields, 3, 100000, QN_FORMAT},
        {QN_PROTO_TYPE, type_fields, 2, 31, QN_OK},
        {QN_PROTO_TYPE, type_fields, 2, 10000, QN_FORMAT},
        {QN_PROTO_SEQUENCE, sequence_fields, 1, 63, QN_OK},
        {QN_PROTO_SEQUENCE, sequence_fields, 1, 64, QN_FORMAT},
        {QN_PROTO_SEQUENCE, sequence_fields, 1, 100000, QN_FORMAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
        struct qn_err err = {0};
        struct qn_prescan scan;
        size_t n;
        unsigned char *bytes = nest(nested[i].depth, nested[i].fields, nested[i].n_fields, &n);

        assert_int_equal(qn_prescan(bytes, n, nested[i].root, &scan, &err), nested[i].status);
        if (nested[i].status != QN_OK)
            assert_non_null(strstr(err.text, "messages nest deeper than 64"));
        free(bytes);
    }
}

/* ---- Crowds --------------------------------------------------------------------------------------------------- */

static void crowds(void **state)
{
    static const struct {
        enum qn_proto root;
        const char *bytes;
        size_t count;
        const char *text;
    } crowded[] = {
        {QN_PROTO_GRAPH, "\x0a\x00", 1000001, "more than 1000000 messages NodeProto"},
        {QN_PROTO_GRAPH, "\x2a\x00", 4000001, "more than 4000000 messages TensorProto"},
        {QN_PROTO_MODEL, "\xca\x01", 100001, "more than 100000 messages FunctionProto"},
        {QN_PROTO_NODE, "\x2a\x00", 257, "more than 256 attributes"},
        {QN_PROTO_NODE, "\x0a\x00", 16000001, "more than 16000000 names"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(crowded) / sizeof(crowded[0]); i++) {
        size_t unit = crowded[i].root == QN_PROTO_MODEL ? 3 : 2, n = crowded[i].count * unit;
        unsigned char *bytes = calloc(n, 1);
        struct qn_err err = {0};
        struct qn_prescan scan;

        for (size_t k = 0; k < crowded[i].count; k++)
            memcpy(bytes + k * unit, crowded[i].bytes, unit);
        assert_int_equal(qn_prescan(bytes, n - unit, crowded[i].root, &scan, &err), QN_OK);
        assert_int_equal(qn_prescan(bytes, n, crowded[i].root, &scan, &err), QN_LIMIT);
        if (!strstr(err.text, crowded[i].text))
            fail_msg("'%s' expected, got '%s'", crowded[i].text, err.text);
        free(bytes);
    }
}

static void a_million_unknown_fields(void **state)
{
    size_t n = 2000000;
    unsigned char *bytes = malloc(n);
    struct qn_prescan scan;

    (void)state;
    memset(bytes, 0x78, n); /* field 15, varint 0x78 */
    assert_int_equal(qn_prescan(bytes, n, QN_PROTO_MODEL, &scan, NULL), QN_OK);
    free(bytes);
}

static void long_names(void **state)
{
    char *name = calloc(QN_MAX_NAME + 2, 1);
    struct qn_err err = {0};
    struct qn_prescan scan;
    struct qn_writer w;

    (void)state;
    memset(name, 'n', QN_MAX_NAME + 1);
    for (int extra = 0; extra < 2; extra++) {
        qn_writer_init(&w, QN_MAX_NAME + 100);
        qn_write_bytes(&w, 4, name, (size_t)QN_MAX_NAME + (size_t)extra);
        assert_int_equal(qn_prescan(w.data, w.n, QN_PROTO_NODE, &scan, &err), extra ? QN_LIMIT : QN_OK);
        qn_writer_deinit(&w);
    }
    assert_non_null(strstr(err.text, "op_type has 65536 bytes, more than 65535"));
    free(name);
}

/* ---- Anything ------------------------------------------------------------------------------------------------- */

static void write_small_model(struct qn_writer *w)
{
    const float weights[2] = {1, 2};

    qn_write_model_head(w, 8, 17);
    qn_write_value_info(w, 11, "x", QN_FLOAT, QN_DIMS(2));
    qn_write_value_info(w, 12, "y", QN_FLOAT, QN_DIMS(2));
    qn_write_tensor(w, 5, "w", QN_FLOAT, QN_DIMS(2), weights, sizeof(weights));
    qn_write_node(w, "Add", "x w", "y");
    qn_write_end(w);
}

static void counts_are_reported(void **state)
{
    struct qn_prescan scan;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 1000);
    write_small_model(&w);
    assert_int_equal(qn_prescan(w.data, w.n, QN_PROTO_MODEL, &scan, NULL), QN_OK);
    assert_int_equal(scan.n[QN_PROTO_GRAPH], 1);
    assert_int_equal(scan.n[QN_PROTO_NODE], 1);
    assert_int_equal(scan.n[QN_PROTO_TENSOR], 1);
    assert_int_equal(scan.n[QN_PROTO_VALUE_INFO], 2);
    qn_writer_deinit(&w);
}

/* Cut inside the last field, the scan must fail; between fields of the model it may not know that something is missing.
 */
static void cut_anywhere(void **state)
{
    struct qn_writer w;
    int n_ok = 0;

    (void)state;
    qn_writer_init(&w, 1000);
    write_small_model(&w);
    for (size_t n = 0; n < w.n; n++) {
        unsigned char *cut = malloc(n ? n : 1);
        struct qn_prescan scan;

        memcpy(cut, w.data, n);
        n_ok += qn_prescan(cut, n, QN_PROTO_MODEL, &scan, NULL) == QN_OK;
        free(cut);
    }
    assert_int_equal(n_ok, 3); /* nothing, after ir_version, after opset_import */
    qn_writer_deinit(&w);
}

/* As every kind of message, since most bytes are a message of some kind for a while. */
static void random_bytes(void **state)
{
    uint64_t seed = 12345;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[64];
        struct qn_prescan scan;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (unsigned char)(seed >> 56);
            if (seed >> 40 & 1)
                bytes[i] &= 0x3f;
        }
        qn_prescan(bytes, (size_t)round % 65, (enum qn_proto)(round % QN_N_PROTO), &scan, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_bytes),
        cmocka_unit_test(no_bytes_at_all),
        cmocka_unit_test(nests),
        cmocka_unit_test(crowds),
        cmocka_unit_test(a_million_unknown_fields),
        cmocka_unit_test(long_names),
        cmocka_unit_test(counts_are_reported),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
