/* test_import_tensor.c: serialized tensors, dense and sparse, sequences, optionals and maps as values: every element
 * type in every field it may stand in, amounts that do not match, values that do not fit, and where the data ends up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/model_case.h"

enum { FLOATS = 4, INT32S = 5, STRINGS = 6, INT64S = 7, RAW = 9, DOUBLES = 10, UINT64S = 11 };

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static void assert_value(const struct qn_writer *w, enum qn_kind kind, const char *expected)
{
    struct qn_arena arena;
    struct qn_value value;
    struct qn_err err = {0};
    struct qn_buf buf;

    qn_arena_init(&arena, 1 << 20);
    if (qn_import_value(w->data, w->n, kind, &arena, &value, NULL, &err) != QN_OK)
        fail_msg("'%s' expected, got error '%s'", expected, err.text);
    memset(w->data, 0xee, w->n); /* the value must not lean on the bytes */
    qn_buf_init(&buf, 1000);
    qn_value_print(&buf, &value, 100);
    assert_string_equal(buf.data, expected);
    qn_buf_deinit(&buf);
    qn_arena_deinit(&arena);
}

static void assert_no_value(const struct qn_writer *w, enum qn_kind kind, enum qn_status status, const char *text)
{
    struct qn_arena arena;
    struct qn_value value;
    struct qn_err err = {0};
    enum qn_status got;

    qn_arena_init(&arena, 1 << 20);
    got = qn_import_value(w->data, w->n, kind, &arena, &value, NULL, &err);
    if (got != status || !strstr(err.text, text))
        fail_msg("%s '%s' expected, got %s '%s'", qn_status_name(status), text, qn_status_name(got), err.text);
    qn_arena_deinit(&arena);
}

/* ---- Typed fields ------------------------------------------------------------------------------------------------ */

/* Numbers in one of the typed fields, packed or one by one. */
static void write_numbers(struct qn_writer *w, uint32_t field, bool packed, const double *x, int n)
{
    if (packed)
        qn_write_begin(w, field);
    for (int i = 0; i < n; i++) {
        float single = (float)x[i];
        bool is_float = field == FLOATS || field == DOUBLES;

        if (!packed)
            qn_write_tag(w, field, field == FLOATS ? 5 : field == DOUBLES ? 1 : 0);
        if (is_float)
            qn_write_raw(w, field == FLOATS ? (const void *)&single : (const void *)&x[i], field == FLOATS ? 4 : 8);
        else
            qn_write_varint(w, (uint64_t)(int64_t)x[i]);
    }
    if (packed)
        qn_write_end(w);
}

static void typed_fields(void **state)
{
    static const struct {
        int dtype;
        int64_t n; /* elements of the tensor */
        uint32_t field;
        int n_numbers;
        double numbers[4];
        const char *expected;
    } cases[] = {
        {QN_FLOAT, 3, FLOATS, 3, {1, -2.5, 3}, "float32[3] 1 -2.5 3"},
        {QN_DOUBLE, 2, DOUBLES, 2, {0.1, -1}, "float64[2] 0.1 -1"},
        {QN_INT8, 3, INT32S, 3, {-128, 127, 0}, "int8[3] -128 127 0"},
        {QN_UINT8, 2, INT32S, 2, {0, 255}, "uint8[2] 0 255"},
        {QN_INT16, 2, INT32S, 2, {-32768, 32767}, "int16[2] -32768 32767"},
        {QN_UINT16, 2, INT32S, 2, {0, 65535}, "uint16[2] 0 65535"},
        {QN_INT32, 3, INT32S, 3, {-2147483648., 2147483647, 4294967295.}, "int32[3] -2147483648 2147483647 -1"},
        {QN_BOOL, 2, INT32S, 2, {1, 0}, "bool[2] true false"},
        {QN_FLOAT16, 2, INT32S, 2, {0x3c00, 0xc000}, "float16[2] 1 -2"},
        {QN_BFLOAT16, 2, INT32S, 2, {0x3f80, 0xc000}, "bfloat16[2] 1 -2"},
        {QN_FLOAT8E4M3FN, 2, INT32S, 2, {0x38, 0xb8}, "float8e4m3fn[2] 1 -1"},
        {QN_FLOAT8E5M2, 1, INT32S, 1, {0x3c}, "float8e5m2[1] 1"},
        {QN_UINT4, 3, INT32S, 2, {0x21, 0x03}, "uint4[3] 1 2 3"},
        {QN_INT4, 3, INT32S, 2, {-15, 0x07}, "int4[3] 1 -1 7"},
        {QN_UINT2, 3, INT32S, 1, {0x39}, "uint2[3] 1 2 3"},
        {QN_INT64, 2, INT64S, 2, {-9223372036854775808., 5}, "int64[2] -9223372036854775808 5"},
        {QN_UINT32, 2, UINT64S, 2, {4294967295., 1}, "uint32[2] 4294967295 1"},
        {QN_UINT64, 2, UINT64S, 2, {-1, 7}, "uint64[2] 18446744073709551615 7"},
        {QN_INT64, 0, INT64S, 0, {0}, "int64[0]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int packed = 0; packed < 2; packed++) {
            struct qn_writer w;

            qn_writer_init(&w, 1000);
            qn_write_int(&w, 1, cases[i].n);
            qn_write_int(&w, 2, cases[i].dtype);
            write_numbers(&w, cases[i].field, packed, cases[i].numbers, cases[i].n_numbers);
            assert_value(&w, QN_TENSOR, cases[i].expected);
            qn_writer_deinit(&w);
        }
}

static void packed_and_not_packed(void **state)
{
    static const double one = 1, more[2] = {2, 3};
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 1000);
    qn_write_int(&w, 1, 4);
    qn_write_int(&w, 2, QN_INT32);
    write_numbers(&w, INT32S, false, &one, 1);
    write_numbers(&w, INT32S, true, more, 2);
    write_numbers(&w, INT32S, false, &one, 1);
    assert_value(&w, QN_TENSOR, "int32[4] 1 2 3 1");
    qn_writer_deinit(&w);
    qn_writer_init(&w, 1000);
    qn_write_int(&w, 1, 3);
    qn_write_int(&w, 2, QN_FLOAT);
    write_numbers(&w, FLOATS, true, more, 2);
    write_numbers(&w, FLOATS, false, &one, 1);
    assert_value(&w, QN_TENSOR, "float32[3] 2 3 1");
    qn_writer_deinit(&w);
}

static void strings(void **state)
{
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 1000);
    qn_write_int(&w, 1, 3);
    qn_write_int(&w, 2, QN_STRING);
    qn_write_text(&w, STRINGS, "one");
    qn_write_text(&w, STRINGS, "");
    qn_write_text(&w, STRINGS, "three");
    assert_value(&w, QN_TENSOR, "string[3] \"one\" \"\" \"three\"");
    qn_writer_deinit(&w);
}

static void complex_numbers(void **state)
{
    static const double parts[4] = {1, 2, 3, 4};
    struct qn_tensor *tensor;
    struct qn_arena arena;
    struct qn_value value;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 1000);
    qn_write_int(&w, 1, 2);
    qn_write_int(&w, 2, QN_COMPLEX64);
    write_numbers(&w, FLOATS, true, parts, 4);
    qn_arena_init(&arena, 1 << 20);
    assert_int_equal(qn_import_value(w.data, w.n, QN_TENSOR, &arena, &value, NULL, NULL), QN_OK);
    tensor = &value.tensor;
    assert_int_equal(tensor->dims[0], 2);
    assert_true(((const float *)tensor->data)[3] == 4);
    qn_arena_deinit(&arena);
    qn_writer_deinit(&w);
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */

static void shaped(struct qn_writer *w, int dtype, int rank, const int64_t *dims)
{
    for (int i = 0; i < rank; i++)
        qn_write_int(w, 1, dims[i]);
    qn_write_int(w, 2, dtype);
    qn_write_text(w, 8, "t");
}

static void raw_bytes(struct qn_writer *w, size_t n)
{
    static const char zeros[64];

    qn_write_bytes(w, RAW, zeros, n);
}

static void float2_raw7(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(2));
    raw_bytes(w, 7);
}
static void float2_raw9(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(2));
    raw_bytes(w, 9);
}
static void float0_raw4(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(0, 3));
    raw_bytes(w, 4);
}
static void int4_raw(struct qn_writer *w)
{
    shaped(w, QN_INT4, QN_DIMS(3));
    raw_bytes(w, 3);
}
static void no_data(struct qn_writer *w) { shaped(w, QN_FLOAT, QN_DIMS(2)); }
static void no_type(struct qn_writer *w) { raw_bytes(w, 4); }
static void type_0(struct qn_writer *w) { shaped(w, 0, QN_DIMS(1)); }
static void type_99(struct qn_writer *w) { shaped(w, 99, QN_DIMS(1)); }
static void type_minus_1(struct qn_writer *w) { shaped(w, -1, QN_DIMS(1)); }
static void negative_dim(struct qn_writer *w) { shaped(w, QN_FLOAT, QN_DIMS(2, -1)); }
static void product_overflows(struct qn_writer *w) { shaped(w, QN_FLOAT, QN_DIMS(INT64_C(1) << 32, INT64_C(1) << 32)); }
static void product_just_over(struct qn_writer *w)
{
    shaped(w, QN_INT8, QN_DIMS(INT64_C(3037000500), INT64_C(3037000500)));
}
static void bytes_overflow(struct qn_writer *w) { shaped(w, QN_DOUBLE, QN_DIMS(INT64_C(1) << 62)); }
static void zero_hides_overflow(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(0, INT64_C(1) << 62, INT64_C(1) << 62));
}
static void rank_17(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
}
static void rank_10000(struct qn_writer *w)
{
    qn_write_begin(w, 1);
    for (int i = 0; i < 10000; i++)
        qn_write_varint(w, 1);
    qn_write_end(w);
    qn_write_int(w, 2, QN_FLOAT);
}
static void raw_and_typed(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(2));
    raw_bytes(w, 8);
    qn_write_float(w, FLOATS, 1);
}
static void two_typed(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(1));
    qn_write_float(w, FLOATS, 1);
    qn_write_int(w, INT32S, 1);
}
static void wrong_field(struct qn_writer *w)
{
    shaped(w, QN_INT64, QN_DIMS(1));
    qn_write_float(w, FLOATS, 1);
}
static void half_in_floats(struct qn_writer *w)
{
    shaped(w, QN_FLOAT16, QN_DIMS(1));
    qn_write_float(w, FLOATS, 1);
}
static void too_many_ints(struct qn_writer *w)
{
    shaped(w, QN_INT64, QN_DIMS(1));
    qn_write_bytes(w, INT64S, "\1\2", 2);
}
static void too_few_floats(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(3));
    qn_write_float(w, FLOATS, 1);
}
static void too_many_strings(struct qn_writer *w)
{
    shaped(w, QN_STRING, QN_DIMS(0));
    qn_write_text(w, STRINGS, "");
}
static void raw_strings(struct qn_writer *w)
{
    shaped(w, QN_STRING, QN_DIMS(1));
    raw_bytes(w, 16);
}
static void one_int32(struct qn_writer *w, int dtype, int64_t x)
{
    shaped(w, dtype, QN_DIMS(1));
    qn_write_int(w, INT32S, x);
}
static void uint8_300(struct qn_writer *w) { one_int32(w, QN_UINT8, 300); }
static void uint8_minus(struct qn_writer *w) { one_int32(w, QN_UINT8, -1); }
static void int8_128(struct qn_writer *w) { one_int32(w, QN_INT8, 128); }
static void bool_2(struct qn_writer *w) { one_int32(w, QN_BOOL, 2); }
static void half_65536(struct qn_writer *w) { one_int32(w, QN_FLOAT16, 65536); }
static void int32_too_wide(struct qn_writer *w) { one_int32(w, QN_INT32, INT64_C(1) << 40); }
static void uint32_too_wide(struct qn_writer *w)
{
    shaped(w, QN_UINT32, QN_DIMS(1));
    qn_write_int(w, UINT64S, INT64_C(1) << 32);
}
static void raw_bool_2(struct qn_writer *w)
{
    shaped(w, QN_BOOL, QN_DIMS(2));
    qn_write_bytes(w, RAW, "\1\2", 2);
}
static void a_segment(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(1));
    qn_write_bytes(w, 3, "", 0);
    raw_bytes(w, 4);
}
static void external(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(1));
    qn_write_int(w, 14, 1);
}
static void location_2(struct qn_writer *w)
{
    shaped(w, QN_FLOAT, QN_DIMS(1));
    qn_write_int(w, 14, 2);
}

static void wrong_tensors(void **state)
{
    static const struct {
        qn_build_model *build;
        enum qn_status status;
        const char *text;
    } cases[] = {
        {float2_raw7, QN_FORMAT, "tensor 't' has 7 bytes of raw_data where 8 are expected"},
        {float2_raw9, QN_FORMAT, "tensor 't' has 9 bytes of raw_data where 8 are expected"},
        {float0_raw4, QN_FORMAT, "tensor 't' has 4 bytes of raw_data where 0 are expected"},
        {int4_raw, QN_FORMAT, "tensor 't' has 3 bytes of raw_data where 2 are expected"},
        {no_data, QN_FORMAT, "tensor 't' has no data where 2 elements are expected"},
        {no_type, QN_FORMAT, "tensor '' has element type 0, which does not exist"},
        {type_0, QN_FORMAT, "tensor 't' has element type 0, which does not exist"},
        {type_99, QN_FORMAT, "tensor 't' has element type 99, which does not exist"},
        {type_minus_1, QN_FORMAT, "tensor 't' has element type -1, which does not exist"},
        {negative_dim, QN_FORMAT, "tensor 't' has dimension -1"},
        {product_overflows, QN_LIMIT, "tensor 't' is too large"},
        {product_just_over, QN_LIMIT, "tensor 't' is too large"},
        {bytes_overflow, QN_LIMIT, "tensor 't' is too large"},
        {zero_hides_overflow, QN_LIMIT, "tensor 't' is too large"},
        {rank_17, QN_LIMIT, "tensor 't' has rank 17; at most 16 is supported"},
        {rank_10000, QN_LIMIT, "tensor '' has rank 10000; at most 16 is supported"},
        {raw_and_typed, QN_FORMAT, "tensor 't' has data in both raw_data and float_data"},
        {two_typed, QN_FORMAT, "tensor 't' has data in both float_data and int32_data"},
        {wrong_field, QN_FORMAT, "tensor 't' of type int64 has its data in float_data"},
        {half_in_floats, QN_FORMAT, "tensor 't' of type float16 has its data in float_data"},
        {too_many_ints, QN_FORMAT, "tensor 't' has 2 elements in int64_data where 1 are expected"},
        {too_few_floats, QN_FORMAT, "tensor 't' has 1 elements in float_data where 3 are expected"},
        {too_many_strings, QN_FORMAT, "tensor 't' has 1 elements in string_data where 0 are expected"},
        {raw_strings, QN_FORMAT, "tensor 't' has strings in raw_data"},
        {uint8_300, QN_FORMAT, "tensor 't' has the value 300, which uint8 cannot hold"},
        {uint8_minus, QN_FORMAT, "tensor 't' has the value -1, which uint8 cannot hold"},
        {int8_128, QN_FORMAT, "tensor 't' has the value 128, which int8 cannot hold"},
        {bool_2, QN_FORMAT, "tensor 't' has the value 2, which bool cannot hold"},
        {half_65536, QN_FORMAT, "tensor 't' has the value 65536, which float16 cannot hold"},
        {int32_too_wide, QN_FORMAT, "tensor 't' has the value 1099511627776, which int32 cannot hold"},
        {uint32_too_wide, QN_FORMAT, "tensor 't' has the value 4294967296, which uint32 cannot hold"},
        {raw_bool_2, QN_FORMAT, "tensor 't' is bool and holds a byte other than 0 and 1"},
        {a_segment, QN_UNSUPPORTED, "tensor 't' is a segment of a larger one"},
        {external, QN_UNSUPPORTED, "tensor 't': external data is refused"},
        {location_2, QN_FORMAT, "tensor 't' has data location 2, which does not exist"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_writer w;

        qn_writer_init(&w, 1 << 16);
        cases[i].build(&w);
        assert_no_value(&w, QN_TENSOR, cases[i].status, cases[i].text);
        qn_writer_deinit(&w);
    }
}

static void many_strings_within_the_budget(void **state)
{
    const int64_t n = 1000000;
    struct qn_arena arena;
    struct qn_value value;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 4 << 20);
    shaped(&w, QN_STRING, QN_DIMS(n));
    for (int64_t i = 0; i < n; i++)
        qn_write_text(&w, STRINGS, "");
    qn_arena_init(&arena, 4 << 20);
    assert_int_equal(qn_import_value(w.data, w.n, QN_TENSOR, &arena, &value, NULL, NULL), QN_NOMEM);
    qn_arena_deinit(&arena);
    qn_arena_init(&arena, 64 << 20);
    assert_int_equal(qn_import_value(w.data, w.n, QN_TENSOR, &arena, &value, NULL, NULL), QN_OK);
    qn_arena_deinit(&arena);
    qn_writer_deinit(&w);
}

/* ---- Views ------------------------------------------------------------------------------------------------------- */

/* The same model with its weights at every alignment: a view where float32 allows it, else a copy, always the right
 * bytes. */
static void data_stays_in_the_file(void **state)
{
    int n_views = 0;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        const struct qn_tensor *tensor;
        const unsigned char *data;
        struct qn_model model;
        struct qn_writer w;

        qn_writer_init(&w, 1000);
        qn_write_bytes(&w, 6, "docu", shift); /* moves what follows */
        qn_put_model(&w);
        qn_put_weight(&w, "w");
        qn_put_out(&w, "w");
        qn_write_end(&w);
        assert_int_equal(qn_import_open(NULL, w.data, w.n, NULL, &model, NULL), QN_OK);
        tensor = model.graph->outputs[0]->fact.konst;
        data = tensor->data;
        assert_int_equal((uintptr_t)data % sizeof(float), 0);
        assert_memory_equal(data, qn_one_two, sizeof(qn_one_two));
        n_views += data > w.data && data < w.data + w.n;
        qn_import_close(&model);
        qn_writer_deinit(&w);
    }
    assert_int_equal(n_views, 1);
}

/* ---- Sparse tensors ---------------------------------------------------------------------------------------------- */

static void sparse(struct qn_writer *w, int rank, const int64_t *dims, int64_t n, int index_rank,
                   const int64_t *index_dims, const int64_t *indices)
{
    static const float values[] = {1, 2, 3, 4};
    int64_t n_indices = index_rank == 2 ? index_dims[0] * index_dims[1] : index_dims[0];

    qn_put_model(w);
    qn_write_begin(w, 15);
    qn_write_tensor(w, 1, "s", QN_FLOAT, 1, &n, values, (size_t)n * sizeof(float));
    qn_write_tensor(w, 2, "", QN_INT64, index_rank, index_dims, indices, (size_t)n_indices * sizeof(int64_t));
    for (int i = 0; i < rank; i++)
        qn_write_int(w, 3, dims[i]);
    qn_write_end(w);
    qn_put_out(w, "s");
    qn_write_end(w);
}

#define INDICES(...)                                                                                                   \
    (const int64_t[]) { __VA_ARGS__ }

static void flat_indices(struct qn_writer *w) { sparse(w, QN_DIMS(2, 3), 2, QN_DIMS(2), INDICES(1, 5)); }
static void coordinates(struct qn_writer *w) { sparse(w, QN_DIMS(2, 3), 2, QN_DIMS(2, 2), INDICES(0, 2, 1, 0)); }
static void index_outside(struct qn_writer *w) { sparse(w, QN_DIMS(2, 3), 1, QN_DIMS(1), INDICES(6)); }
static void index_negative(struct qn_writer *w) { sparse(w, QN_DIMS(2, 3), 1, QN_DIMS(1), INDICES(-1)); }
static void coordinate_outside(struct qn_writer *w) { sparse(w, QN_DIMS(2, 3), 1, QN_DIMS(1, 2), INDICES(0, 3)); }
static void not_sorted(struct qn_writer *w) { sparse(w, QN_DIMS(6), 2, QN_DIMS(2), INDICES(5, 1)); }
static void same_twice(struct qn_writer *w) { sparse(w, QN_DIMS(6), 2, QN_DIMS(2), INDICES(1, 1)); }
static void too_few_indices(struct qn_writer *w) { sparse(w, QN_DIMS(6), 2, QN_DIMS(1), INDICES(1)); }
static void dense_too_large(struct qn_writer *w) { sparse(w, QN_DIMS(INT64_C(1) << 62), 1, QN_DIMS(1), INDICES(1)); }
static void dense_negative(struct qn_writer *w) { sparse(w, QN_DIMS(-6), 1, QN_DIMS(1), INDICES(1)); }

static void sparse_tensors(void **state)
{
    static const struct {
        qn_build_model *build;
        enum qn_status status;
        const char *text;
    } wrong[] = {
        {index_outside, QN_FORMAT, "sparse tensor 's' has index 6 of 6 elements"},
        {index_negative, QN_FORMAT, "sparse tensor 's' has index -1 of 6 elements"},
        {coordinate_outside, QN_FORMAT, "sparse tensor 's' has index 3 in a dimension of 3"},
        {not_sorted, QN_FORMAT, "sparse tensor 's' has indices that do not rise"},
        {same_twice, QN_FORMAT, "sparse tensor 's' has indices that do not rise"},
        {too_few_indices, QN_FORMAT, "do not have the shape for 2 values of rank 1"},
        {dense_too_large, QN_LIMIT, ""},
        {dense_negative, QN_FORMAT, "sparse tensor 's' has dimension -6"},
    };

    (void)state;
    qn_model_dumps(flat_indices, "graph g\n  const s: float32[2,3] 0 1 0 0 0 2\n  out s\n");
    qn_model_dumps(coordinates, "graph g\n  const s: float32[2,3] 0 0 1 2 0 0\n  out s\n");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        qn_model_fails(wrong[i].build, wrong[i].status, wrong[i].text);
}

/* ---- Sequences, optionals, maps ---------------------------------------------------------------------------------- */

static void one_tensor(struct qn_writer *w, uint32_t field, float x)
{
    qn_write_tensor(w, field, "", QN_FLOAT, 0, NULL, &x, sizeof(x));
}

static void sequence_of_two(struct qn_writer *w)
{
    qn_write_int(w, 2, 1);
    one_tensor(w, 3, 1);
    one_tensor(w, 3, 2);
}
static void sequence_of_none(struct qn_writer *w) { qn_write_int(w, 2, 1); }
static void sequence_of_sequences(struct qn_writer *w)
{
    qn_write_int(w, 2, 3);
    for (int i = 0; i < 2; i++) {
        qn_write_begin(w, 5);
        sequence_of_two(w);
        qn_write_end(w);
    }
}
static void sequence_of_two_kinds(struct qn_writer *w)
{
    one_tensor(w, 3, 1);
    qn_write_bytes(w, 5, "", 0);
}
static void optional_tensor(struct qn_writer *w)
{
    qn_write_int(w, 2, 1);
    one_tensor(w, 3, 3);
}
static void optional_sequence(struct qn_writer *w)
{
    qn_write_int(w, 2, 3);
    qn_write_begin(w, 5);
    sequence_of_two(w);
    qn_write_end(w);
}
static void optional_of_none(struct qn_writer *w) { qn_write_int(w, 2, 0); }
static void map_of(struct qn_writer *w, int key_type, int n_values)
{
    qn_write_int(w, 2, key_type);
    if (key_type == QN_STRING)
        qn_write_names(w, 4, "a b");
    else
        qn_write_bytes(w, 3, "\5\6", 2);
    qn_write_begin(w, 5);
    for (int i = 0; i < n_values; i++)
        one_tensor(w, 3, (float)i);
    qn_write_end(w);
}
static void map_of_ints(struct qn_writer *w) { map_of(w, QN_INT64, 2); }
static void map_of_strings(struct qn_writer *w) { map_of(w, QN_STRING, 2); }
static void map_too_short(struct qn_writer *w) { map_of(w, QN_INT64, 3); }
static void map_of_float_keys(struct qn_writer *w) { map_of(w, QN_FLOAT, 2); }

static void other_kinds(void **state)
{
    static const struct {
        enum qn_kind kind;
        qn_build_model *build;
        const char *expected;
    } good[] = {
        {QN_SEQUENCE, sequence_of_two, "sequence of 2 (float32[] 1; float32[] 2)"},
        {QN_SEQUENCE, sequence_of_none, "sequence of 0 ()"},
        {QN_SEQUENCE, sequence_of_sequences,
         "sequence of 2 (sequence of 2 (float32[] 1; float32[] 2); sequence of 2 (float32[] 1; float32[] 2))"},
        {QN_OPTIONAL, optional_tensor, "optional (float32[] 3)"},
        {QN_OPTIONAL, optional_of_none, "optional ()"},
        {QN_OPTIONAL, optional_sequence, "optional (sequence of 2 (float32[] 1; float32[] 2))"},
        {QN_MAP, map_of_ints, "map(int64,float32) {5: 0, 6: 1}"},
        {QN_MAP, map_of_strings, "map(string,float32) {\"a\": 0, \"b\": 1}"},
    };
    static const struct {
        enum qn_kind kind;
        qn_build_model *build;
        const char *text;
    } wrong[] = {
        {QN_SEQUENCE, sequence_of_two_kinds, "a sequence holds values of two kinds"},
        {QN_OPTIONAL, sequence_of_two, "OptionalProto.tensor_value is given twice"},
        {QN_MAP, map_too_short, "a map has 2 keys and another number of values"},
        {QN_MAP, map_of_float_keys, "a map has keys of type 1"},
    };
    struct qn_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        qn_writer_init(&w, 1000);
        good[i].build(&w);
        assert_value(&w, good[i].kind, good[i].expected);
        qn_writer_deinit(&w);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        qn_writer_init(&w, 1000);
        wrong[i].build(&w);
        assert_no_value(&w, wrong[i].kind, QN_FORMAT, wrong[i].text);
        qn_writer_deinit(&w);
    }
}

static void names_of_values(void **state)
{
    struct qn_arena arena;
    struct qn_value value;
    struct qn_writer w;
    const char *name;

    (void)state;
    qn_arena_init(&arena, 1 << 20);
    qn_writer_init(&w, 1000);
    shaped(&w, QN_FLOAT, 0, NULL);
    raw_bytes(&w, 4);
    assert_int_equal(qn_import_value(w.data, w.n, QN_TENSOR, &arena, &value, &name, NULL), QN_OK);
    assert_string_equal(name, "t");
    assert_int_equal(qn_import_value(NULL, 0, QN_SEQUENCE, &arena, &value, &name, NULL), QN_OK);
    assert_string_equal(name, "");
    assert_int_equal(value.n, 0);
    qn_writer_deinit(&w);
    qn_arena_deinit(&arena);
}

static void values_cut_anywhere(void **state)
{
    static const struct {
        enum qn_kind kind;
        qn_build_model *build;
    } values[] = {{QN_SEQUENCE, sequence_of_sequences}, {QN_OPTIONAL, optional_sequence}, {QN_MAP, map_of_strings}};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct qn_writer w;

        qn_writer_init(&w, 1000);
        values[i].build(&w);
        for (size_t bit = 0; bit < w.n * 8; bit++) {
            struct qn_arena arena;
            struct qn_value value;
            unsigned char *cut = malloc(w.n);

            memcpy(cut, w.data, w.n);
            cut[bit / 8] ^= (unsigned char)(1 << bit % 8);
            qn_arena_init(&arena, 1 << 20);
            qn_import_value(cut, w.n, values[i].kind, &arena, &value, NULL, NULL);
            qn_import_value(w.data, bit / 8, values[i].kind, &arena, &value, NULL, NULL);
            qn_arena_deinit(&arena);
            free(cut);
        }
        qn_writer_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_fields),
        cmocka_unit_test(packed_and_not_packed),
        cmocka_unit_test(strings),
        cmocka_unit_test(complex_numbers),
        cmocka_unit_test(wrong_tensors),
        cmocka_unit_test(many_strings_within_the_budget),
        cmocka_unit_test(data_stays_in_the_file),
        cmocka_unit_test_setup(sparse_tensors, qn_model_set_up),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(names_of_values),
        cmocka_unit_test(values_cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
