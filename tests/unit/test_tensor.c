/* test_tensor.c: elements by type, tensors and values made and copied in an arena, also a too small one, and their
 * text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/tensor.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct qn_str str(const char *text) { return (struct qn_str){text, strlen(text)}; }

/* Values that keep through a store and a load, and what out-of-range and fractional ones become. */
static void elements_are_stored_as_their_type_allows(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        double x, stored;
    } cases[] = {
        {QN_FLOAT, 0.1, (double)0.1f},
        {QN_DOUBLE, 0.1, 0.1},
        {QN_FLOAT16, 1.0009765625, 1.0009765625},
        {QN_FLOAT16, 1e9, INFINITY},
        {QN_BFLOAT16, 1.01, 1.0078125},
        {QN_FLOAT8E4M3FN, 1000, 448},
        {QN_FLOAT8E5M2, -3.3, -3.5},
        {QN_FLOAT4E2M1, 5.1, 6},
        {QN_FLOAT8E8M0, 3.1, 4},
        {QN_UINT8, 254.5, 254},
        {QN_UINT8, 255.5, 255},
        {QN_UINT8, -3, 0},
        {QN_INT8, -1000, -128},
        {QN_INT8, 2.5, 2},
        {QN_INT8, 3.5, 4},
        {QN_INT16, 40000, 32767},
        {QN_UINT16, 70000, 65535},
        {QN_INT32, -3e9, -2147483648.0},
        {QN_UINT32, 5e9, 4294967295.0},
        {QN_INT64, -1e15, -1e15},
        {QN_UINT64, 0x1p63, 0x1p63},
        {QN_UINT64, -1, 0},
        {QN_INT64, NAN, 0},
        {QN_INT4, 100, 7},
        {QN_INT4, -100, -8},
        {QN_INT4, -3.4, -3},
        {QN_UINT4, 15.4, 15},
        {QN_UINT4, 16, 15},
        {QN_INT2, -5, -2},
        {QN_UINT2, 5, 3},
        {QN_BOOL, 0.5, 1},
        {QN_BOOL, 0, 0},
        {QN_COMPLEX64, 2.5, 2.5},
        {QN_COMPLEX128, -2.5, -2.5},
        {QN_STRING, 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        double memory[8] = {0};
        struct qn_tensor tensor = {cases[i].dtype, 1, {3}, memory};

        qn_tensor_set_double(&tensor, 1, cases[i].x);
        assert_true(qn_tensor_double(&tensor, 1) == cases[i].stored);
        if (qn_dtype_bits(cases[i].dtype) < 128) {
            assert_true(qn_tensor_double(&tensor, 0) == (cases[i].dtype == QN_FLOAT8E8M0 ? 0x1p-127 : 0));
            assert_true(qn_tensor_double(&tensor, 2) == (cases[i].dtype == QN_FLOAT8E8M0 ? 0x1p-127 : 0));
        }
    }
}

static void integers_are_stored_saturating(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        int64_t x, stored;
    } cases[] = {
        {QN_INT64, INT64_MIN, INT64_MIN},
        {QN_INT64, INT64_MAX, INT64_MAX},
        {QN_UINT64, INT64_MAX, INT64_MAX},
        {QN_UINT64, -1, 0},
        {QN_INT32, INT64_MAX, INT32_MAX},
        {QN_INT32, INT64_MIN, INT32_MIN},
        {QN_UINT32, INT64_MAX, UINT32_MAX},
        {QN_INT16, -40000, -32768},
        {QN_UINT16, -1, 0},
        {QN_INT8, 200, 127},
        {QN_UINT8, 300, 255},
        {QN_INT4, 8, 7},
        {QN_INT4, -9, -8},
        {QN_UINT4, -1, 0},
        {QN_INT2, 2, 1},
        {QN_UINT2, 9, 3},
        {QN_BOOL, 256, 1},
        {QN_FLOAT, 16777217, 16777216},
        {QN_DOUBLE, -5, -5},
        {QN_FLOAT16, 2049, 2048},
        {QN_FLOAT8E4M3FN, -17, -16},
    };
    uint64_t large = UINT64_MAX;
    struct qn_tensor tensor = {QN_UINT64, 0, {0}, &large};

    (void)state;
    assert_true(qn_tensor_int(&tensor, 0) == INT64_MAX);
    for (size_t i = 0; i < COUNT(cases); i++) {
        double memory[3] = {0};

        tensor = (struct qn_tensor){cases[i].dtype, 1, {3}, memory};
        qn_tensor_set_int(&tensor, 2, cases[i].x);
        assert_true(qn_tensor_int(&tensor, 2) == cases[i].stored);
        assert_true(qn_tensor_int(&tensor, 1) == 0);
    }
}

static void floats_read_as_integers_truncate(void **state)
{
    float x[] = {1.9f, -1.9f, NAN, 1e30f};
    struct qn_tensor tensor = {QN_FLOAT, 1, {4}, x};

    (void)state;
    assert_true(qn_tensor_int(&tensor, 0) == 1);
    assert_true(qn_tensor_int(&tensor, 1) == -1);
    assert_true(qn_tensor_int(&tensor, 2) == 0);
    assert_true(qn_tensor_int(&tensor, 3) == INT64_MAX);
}

static void tensors_are_created_zero(void **state)
{
    struct qn_arena arena;
    struct qn_shape shape = {.rank = 2, .dims = {3, 5}}, empty = {.rank = 2, .dims = {3, 0}};
    struct qn_tensor tensor;

    (void)state;
    qn_arena_init(&arena, 1 << 20);
    for (int dtype = 1; dtype < QN_N_DTYPE; dtype++) {
        assert_int_equal(qn_tensor_create(&arena, (enum qn_dtype)dtype, &shape, &tensor, NULL), QN_OK);
        assert_int_equal(tensor.dtype, dtype);
        assert_true(tensor.rank == 2 && tensor.dims[0] == 3 && tensor.dims[1] == 5);
        if (dtype == QN_STRING)
            for (int i = 0; i < 15; i++)
                assert_true(qn_str_equal(((struct qn_str *)tensor.data)[i], str("")));
        else
            for (size_t i = 0; i < qn_tensor_bytes(&tensor); i++)
                assert_int_equal(((unsigned char *)tensor.data)[i], 0);
    }
    assert_int_equal(qn_tensor_create(&arena, QN_FLOAT, &empty, &tensor, NULL), QN_OK);
    assert_non_null(tensor.data);
    assert_int_equal(qn_tensor_count(&tensor), 0);
    qn_arena_deinit(&arena);
}

static void what_cannot_be_created_is_refused(void **state)
{
    struct qn_arena arena;
    struct qn_shape vast = {.rank = 2, .dims = {INT64_C(1) << 40, INT64_C(1) << 40}}, large = qn_shape_1d(1000);
    struct qn_shape open = {.rank = 1, .dims = {QN_DIM_UNKNOWN}}, unknown = QN_SHAPE_UNKNOWN;
    struct qn_tensor tensor = {.rank = 7};
    struct qn_err err = {0};

    (void)state;
    qn_arena_init(&arena, 2000);
    assert_int_equal(qn_tensor_create(&arena, QN_FLOAT, &vast, &tensor, &err), QN_LIMIT);
    assert_non_null(strstr(err.text, "float32[1099511627776,1099511627776]"));
    assert_true(tensor.rank == 0 && !tensor.data);
    assert_int_equal(qn_tensor_create(&arena, QN_FLOAT, &open, &tensor, &err), QN_LIMIT);
    assert_int_equal(qn_tensor_create(&arena, QN_FLOAT, &unknown, &tensor, &err), QN_LIMIT);
    assert_int_equal(qn_tensor_create(&arena, QN_UNDEFINED, &large, &tensor, &err), QN_LIMIT);
    assert_int_equal(qn_tensor_create(&arena, QN_FLOAT, &large, &tensor, &err), QN_NOMEM);
    assert_non_null(strstr(err.text, "float32[1000]"));
    qn_arena_deinit(&arena);
}

/* A sequence of a string tensor, a map and an optional, over memory of the caller. */
struct sample {
    char bytes[8];
    struct qn_str strings[2];
    int64_t keys[2];
    float scores[2];
    struct qn_value entries[2], held[1], items[3], value;
};

static void make_sample(struct sample *s)
{
    memcpy(s->bytes, "abcdefgh", 8);
    s->strings[0] = (struct qn_str){s->bytes, 3};
    s->strings[1] = (struct qn_str){s->bytes + 3, 5};
    s->keys[0] = 1;
    s->keys[1] = 20;
    s->scores[0] = 0.5f;
    s->scores[1] = 0.25f;
    s->entries[0] = (struct qn_value){.tensor = {QN_INT64, 1, {2}, s->keys}};
    s->entries[1] = (struct qn_value){.tensor = {QN_FLOAT, 1, {2}, s->scores}};
    s->held[0] = (struct qn_value){.tensor = {QN_FLOAT, 0, {0}, s->scores}};
    s->items[0] = (struct qn_value){.tensor = {QN_STRING, 1, {2}, s->strings}};
    s->items[1] = (struct qn_value){.kind = QN_MAP, .items = s->entries, .n = 2};
    s->items[2] = (struct qn_value){.kind = QN_OPTIONAL, .items = s->held, .n = 1};
    s->value = (struct qn_value){.kind = QN_SEQUENCE, .items = s->items, .n = 3};
}

static const char sample_text[] = "sequence of 3 (string[2] \"abc\" \"defgh\"; map(int64,float32) {1: 0.5, 20: 0.25}; "
                                  "optional (float32[] 0.5))";

static void assert_prints(const struct qn_value *value, int64_t most, const char *text)
{
    struct qn_buf buf;

    qn_buf_init(&buf, 10000);
    qn_value_print(&buf, value, most);
    assert_false(buf.failed);
    assert_string_equal(buf.data, text);
    qn_buf_deinit(&buf);
}

static void values_are_copied_deep(void **state)
{
    struct sample sample;
    struct qn_arena arena;
    struct qn_value copy;

    (void)state;
    make_sample(&sample);
    qn_arena_init(&arena, 1 << 20);
    assert_int_equal(qn_value_copy(&arena, &sample.value, &copy, NULL), QN_OK);
    memset(&sample, 0xee, sizeof(sample));
    assert_prints(&copy, 100, sample_text);
    qn_arena_deinit(&arena);
}

/* Every budget too small for the whole fails cleanly, and one is enough. */
static void copies_run_out_of_memory_cleanly(void **state)
{
    struct sample sample;
    struct qn_err err = {0};
    struct qn_value copy;
    size_t budget = 0, n_failed = 0;
    enum qn_status status;

    (void)state;
    make_sample(&sample);
    do {
        struct qn_arena arena;

        qn_arena_init(&arena, budget);
        status = qn_value_copy(&arena, &sample.value, &copy, &err);
        if (status != QN_OK) {
            assert_int_equal(status, QN_NOMEM);
            assert_true(copy.n == 0 && !copy.items);
            n_failed++;
        }
        qn_arena_deinit(&arena);
        budget += 64;
    } while (status != QN_OK && budget < 1 << 20);
    assert_int_equal(status, QN_OK);
    assert_true(n_failed > 0);
}

#define ALTERNATING_2  "optional (sequence of 1 ("
#define ALTERNATING_6  ALTERNATING_2 ALTERNATING_2 ALTERNATING_2
#define ALTERNATING_14 ALTERNATING_6 ALTERNATING_6 ALTERNATING_2

static void deep_values_are_refused(void **state)
{
    struct qn_value levels[QN_VALUE_MAX_DEPTH + 2];
    float x = 1.5f;
    struct qn_arena arena;
    struct qn_err err = {0};
    struct qn_value copy;
    size_t last = COUNT(levels) - 1;

    (void)state;
    for (size_t i = 0; i < last; i++)
        levels[i] = (struct qn_value){.kind = i % 2 ? QN_SEQUENCE : QN_OPTIONAL, .items = &levels[i + 1], .n = 1};
    levels[last] = (struct qn_value){.tensor = {QN_FLOAT, 0, {0}, &x}};
    qn_arena_init(&arena, 1 << 20);
    assert_int_equal(qn_value_copy(&arena, &levels[1], &copy, &err), QN_OK);
    assert_int_equal(qn_value_copy(&arena, &levels[0], &copy, &err), QN_LIMIT);
    assert_int_equal(copy.n, 0);
    qn_arena_deinit(&arena);
    assert_prints(&levels[last - 2], 10, "sequence of 1 (optional (float32[] 1.5))");
    assert_prints(&levels[2], 10, ALTERNATING_14 "optional (float32[] 1.5)))))))))))))))");
    assert_prints(&levels[0], 10, ALTERNATING_14 "optional (sequence of 1 (optional (...)))))))))))))))))");
}

static void strings_compare_by_bytes(void **state)
{
    struct qn_str none = {NULL, 0};

    (void)state;
    assert_true(qn_str_equal(str("abc"), str("abc")));
    assert_false(qn_str_equal(str("abc"), str("abd")));
    assert_false(qn_str_equal(str("abc"), str("ab")));
    assert_true(qn_str_equal(none, str("")));
    assert_true(qn_str_compare(str("abc"), str("abd")) < 0);
    assert_true(qn_str_compare(str("b"), str("abc")) > 0);
    assert_true(qn_str_compare(str("ab"), str("abc")) < 0);
    assert_true(qn_str_compare(str("\xff"), str("a")) > 0);
    assert_int_equal(qn_str_compare(none, str("")), 0);
}

static void tensors_print_shortly(void **state)
{
    float floats[] = {1, -0.5f, 1e10f, NAN, INFINITY, 0.1f};
    uint64_t large[] = {UINT64_MAX};
    uint8_t packed[] = {0x8f, 0x01}, bools[] = {1, 0};
    float complex[] = {1, -2};
    struct qn_str strings[] = {str("a\"b"), str("tab\there"), str("bad \xff utf"), str("\xc3\xa9")};
    struct qn_value value = {.tensor = {QN_FLOAT, 2, {2, 3}, floats}};

    (void)state;
    assert_prints(&value, 100, "float32[2,3] 1 -0.5 1e+10 nan inf 0.1");
    assert_prints(&value, 2, "float32[2,3] 1 -0.5 ...");
    assert_prints(&value, 0, "float32[2,3] ...");
    value.tensor = (struct qn_tensor){QN_UINT64, 0, {0}, large};
    assert_prints(&value, 5, "uint64[] 18446744073709551615");
    value.tensor = (struct qn_tensor){QN_INT4, 1, {3}, packed};
    assert_prints(&value, 5, "int4[3] -1 -8 1");
    value.tensor = (struct qn_tensor){QN_BOOL, 1, {2}, bools};
    assert_prints(&value, 5, "bool[2] true false");
    value.tensor = (struct qn_tensor){QN_COMPLEX64, 1, {1}, complex};
    assert_prints(&value, 5, "complex64[1] 1-2i");
    value.tensor = (struct qn_tensor){QN_STRING, 1, {4}, strings};
    assert_prints(&value, 5, "string[4] \"a\"b\" \"tab?here\" \"bad ? utf\" \"\xc3\xa9\"");
    value.tensor = (struct qn_tensor){QN_FLOAT, 2, {0, 3}, floats};
    assert_prints(&value, 5, "float32[0,3]");
}

static void nested_values_print_up_to_the_budget(void **state)
{
    struct sample sample;
    struct qn_value empty = {.kind = QN_OPTIONAL};

    (void)state;
    make_sample(&sample);
    assert_prints(&sample.value, 100, sample_text);
    assert_prints(&sample.value, 3, "sequence of 3 (string[2] \"abc\" \"defgh\"; map(int64,float32) {1: 0.5, ...}...)");
    assert_prints(&empty, 3, "optional ()");
}

static void long_strings_are_cut_between_characters(void **state)
{
    char bytes[200], text[QN_ELEMENT_TEXT + 8];
    struct qn_str string = {bytes, sizeof(bytes)};
    struct qn_tensor tensor = {QN_STRING, 0, {0}, &string};

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i += 2)
        memcpy(bytes + i, "\xc3\xa9", 2);
    for (size_t n = 50; n <= 70; n += 2) {
        string.n = n;
        memset(text, 'x', sizeof(text));
        qn_element_text(&tensor, 0, text);
        assert_true(strlen(text) < QN_ELEMENT_TEXT);
        assert_int_equal(text[QN_ELEMENT_TEXT], 'x');
        assert_memory_equal(text, "\"\xc3\xa9", 3);
        assert_int_equal((strlen(text) - (strstr(text, "...") ? 5 : 2)) % 2, 0);
        assert_true(n < 60 ? strlen(text) == n + 2 : strstr(text, "\"...") != NULL);
    }
}

/* A buffer at its maximum stops the walk instead of spinning over the rest. */
static void a_full_buffer_ends_the_printing(void **state)
{
    static float zeros[100000];
    struct qn_value value = {.tensor = {QN_FLOAT, 1, {100000}, zeros}};
    struct qn_buf buf;

    (void)state;
    qn_buf_init(&buf, 100);
    qn_value_print(&buf, &value, INT64_MAX);
    assert_true(buf.failed);
    assert_true(buf.n <= 100);
    qn_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_stored_as_their_type_allows),
        cmocka_unit_test(integers_are_stored_saturating),
        cmocka_unit_test(floats_read_as_integers_truncate),
        cmocka_unit_test(tensors_are_created_zero),
        cmocka_unit_test(what_cannot_be_created_is_refused),
        cmocka_unit_test(values_are_copied_deep),
        cmocka_unit_test(copies_run_out_of_memory_cleanly),
        cmocka_unit_test(deep_values_are_refused),
        cmocka_unit_test(strings_compare_by_bytes),
        cmocka_unit_test(tensors_print_shortly),
        cmocka_unit_test(nested_values_print_up_to_the_budget),
        cmocka_unit_test(long_strings_are_cut_between_characters),
        cmocka_unit_test(a_full_buffer_ends_the_printing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
