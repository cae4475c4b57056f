/* test_shape.c: products that must not overflow, broadcast and merge with unknown and named dims, and text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/shape.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { U = -1, A = -2, B = -3 }; /* unknown, and the first two named dims */

/* A shape of a table: dims end at END. */
#define END INT64_MIN
#define DIMS(...)                                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__, END                                                                                               \
    }
typedef int64_t dim_list[QN_MAX_RANK + 1];
#define SCALAR                                                                                                         \
    {                                                                                                                  \
        END                                                                                                            \
    }
enum { UNKNOWN_RANK = -100 };

static struct qn_shape shape_of(const int64_t *dims)
{
    int rank = 0;

    if (dims[0] == UNKNOWN_RANK)
        return QN_SHAPE_UNKNOWN;
    while (dims[rank] != END)
        rank++;
    return qn_shape_make(rank, dims);
}

static void products_are_checked(void **state)
{
    static const struct {
        dim_list dims;
        enum qn_dtype dtype;
        bool counted, sized;
        int64_t count;
        uint64_t bytes;
    } cases[] = {
        {SCALAR, QN_FLOAT, true, true, 1, 4},
        {DIMS(2, 3, 4), QN_DOUBLE, true, true, 24, 192},
        {DIMS(0), QN_FLOAT, true, true, 0, 0},
        {DIMS(5, 0, 7), QN_INT64, true, true, 0, 0},
        {DIMS(3), QN_INT4, true, true, 3, 2},
        {DIMS(4), QN_INT4, true, true, 4, 2},
        {DIMS(5), QN_UINT2, true, true, 5, 2},
        {DIMS(1), QN_INT2, true, true, 1, 1},
        {DIMS(2), QN_STRING, true, true, 2, 2 * sizeof(struct qn_str)},
        {DIMS(2), QN_UNDEFINED, true, false, 2, 0},
        {DIMS(2, U), QN_FLOAT, false, false, 0, 0},
        {DIMS(A), QN_FLOAT, false, false, 0, 0},
        {DIMS(INT64_C(1) << 32, INT64_C(1) << 32), QN_UINT8, false, false, 0, 0},
        {DIMS(INT64_C(1) << 32, INT64_C(1) << 31), QN_UINT8, false, false, 0, 0},
        {DIMS(INT64_MAX), QN_UINT8, true, false, INT64_MAX, 0},
        {DIMS(INT64_MAX, 2), QN_INT2, false, false, 0, 0},
        {DIMS(3037000500, 3037000500), QN_UINT8, false, false, 0, 0}, /* just over 2^63 */
        {DIMS(INT64_C(1) << 62), QN_DOUBLE, true, false, INT64_C(1) << 62, 0},
        /* Empty, yet partial products of it would overflow. */
        {DIMS(INT64_C(1) << 40, INT64_C(1) << 40, 0), QN_FLOAT, false, false, 0, 0},
        {DIMS(0, INT64_C(1) << 40, INT64_C(1) << 40), QN_FLOAT, false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct qn_shape shape = shape_of(cases[i].dims);
        int64_t count = 77;
        size_t bytes = 77;

        assert_int_equal(qn_dims_count(shape.dims, 0, shape.rank, &count), cases[i].counted);
        assert_int_equal(qn_shape_bytes(&shape, cases[i].dtype, &bytes), cases[i].sized);
        assert_true(count == cases[i].count);
        assert_true(bytes == cases[i].bytes);
    }
}

static void a_range_of_dims_is_counted(void **state)
{
    static const int64_t dims[] = {U, 2, 3, 5, U};
    int64_t count;

    (void)state;
    assert_true(qn_dims_count(dims, 1, 4, &count) && count == 30);
    assert_true(qn_dims_count(dims, 2, 2, &count) && count == 1);
    assert_false(qn_dims_count(dims, 0, 2, &count));
    assert_false(qn_dims_count(dims, 3, 5, &count));
}

static void the_unknown_rank_has_no_size(void **state)
{
    struct qn_shape shape = QN_SHAPE_UNKNOWN;
    size_t bytes;

    (void)state;
    assert_false(qn_shape_known(&shape));
    assert_false(qn_shape_bytes(&shape, QN_FLOAT, &bytes));
}

static void shapes_are_known_and_equal(void **state)
{
    struct qn_shape known = shape_of((dim_list)DIMS(2, 3)), named = shape_of((dim_list)DIMS(2, A));
    struct qn_shape scalar = QN_SHAPE_SCALAR, unknown = QN_SHAPE_UNKNOWN, one = qn_shape_1d(2);

    (void)state;
    assert_true(qn_shape_known(&known));
    assert_true(qn_shape_known(&scalar));
    assert_false(qn_shape_known(&named));
    assert_true(qn_shape_equal(&known, &known));
    assert_true(qn_shape_equal(&named, &named));
    assert_true(qn_shape_equal(&unknown, &unknown));
    assert_false(qn_shape_equal(&known, &named));
    assert_false(qn_shape_equal(&one, &known));
    assert_false(qn_shape_equal(&scalar, &unknown));
}

struct pair_case {
    dim_list a, b;
    bool fits;
    dim_list result;
};

static void check_pairs(const struct pair_case *cases, size_t n, bool both_ways,
                        bool (*function)(const struct qn_shape *, const struct qn_shape *, struct qn_shape *))
{
    for (size_t i = 0; i < n; i++) {
        struct qn_shape a = shape_of(cases[i].a), b = shape_of(cases[i].b), expected = shape_of(cases[i].result);
        struct qn_shape result = {.rank = 0};

        assert_int_equal(function(&a, &b, &result), cases[i].fits);
        if (cases[i].fits)
            assert_true(qn_shape_equal(&result, &expected));
        if (both_ways) {
            assert_int_equal(function(&b, &a, &result), cases[i].fits);
            if (cases[i].fits)
                assert_true(qn_shape_equal(&result, &expected));
        }
        if (cases[i].fits) { /* the result may be one of the inputs */
            assert_true(function(&a, &b, &a));
            assert_true(qn_shape_equal(&a, &expected));
        }
    }
}

static void shapes_broadcast(void **state)
{
    static const struct pair_case cases[] = {
        {SCALAR, SCALAR, true, SCALAR},
        {SCALAR, DIMS(2, 3), true, DIMS(2, 3)},
        {DIMS(3), DIMS(2, 3), true, DIMS(2, 3)},
        {DIMS(2, 1), DIMS(1, 3), true, DIMS(2, 3)},
        {DIMS(4, 1, 6), DIMS(5, 1), true, DIMS(4, 5, 6)},
        {DIMS(0), DIMS(1), true, DIMS(0)},
        {DIMS(0), DIMS(3, 1), true, DIMS(3, 0)},
        {DIMS(0), DIMS(2), false, SCALAR},
        {DIMS(2), DIMS(3), false, SCALAR},
        {DIMS(2, 3), DIMS(2, 1, 2), false, SCALAR},
        {DIMS(U), DIMS(1), true, DIMS(U)},
        {DIMS(U), DIMS(5), true, DIMS(5)},
        {DIMS(U), DIMS(0), true, DIMS(0)},
        {DIMS(U), DIMS(U), true, DIMS(U)},
        {DIMS(A), DIMS(A), true, DIMS(A)},
        {DIMS(A), DIMS(1), true, DIMS(A)},
        {DIMS(A), DIMS(5), true, DIMS(5)},
        {DIMS(A), DIMS(B), true, DIMS(U)},
        {DIMS(A), DIMS(U), true, DIMS(U)},
        {DIMS(A), DIMS(7, 1), true, DIMS(7, A)},
        {DIMS(UNKNOWN_RANK), DIMS(2), true, DIMS(UNKNOWN_RANK)},
    };

    (void)state;
    check_pairs(cases, COUNT(cases), true, qn_shape_broadcast);
}

static void shapes_merge(void **state)
{
    static const struct pair_case cases[] = {
        {SCALAR, SCALAR, true, SCALAR},
        {DIMS(2, U), DIMS(U, 3), true, DIMS(2, 3)},
        {DIMS(2, A), DIMS(U, U), true, DIMS(2, A)},
        {DIMS(A), DIMS(5), true, DIMS(5)},
        {DIMS(UNKNOWN_RANK), DIMS(2), true, DIMS(2)},
        {DIMS(UNKNOWN_RANK), DIMS(UNKNOWN_RANK), true, DIMS(UNKNOWN_RANK)},
        {DIMS(1), DIMS(2), false, SCALAR},
        {DIMS(2), DIMS(2, 2), false, SCALAR},
        {DIMS(2), SCALAR, false, SCALAR},
    };
    static const struct pair_case first_name[] = {
        {DIMS(A), DIMS(B), true, DIMS(A)},
        {DIMS(B), DIMS(A), true, DIMS(B)},
    };

    (void)state;
    check_pairs(cases, COUNT(cases), true, qn_shape_merge);
    check_pairs(first_name, COUNT(first_name), false, qn_shape_merge);
}

static void shapes_print(void **state)
{
    static const char *const names[] = {"batch", NULL};
    static const struct {
        dim_list dims;
        const char *text, *named;
    } cases[] = {
        {SCALAR, "[]", "[]"},
        {DIMS(2, U, 30), "[2,?,30]", "[2,?,30]"},
        {DIMS(A, B, -4), "[s0,s1,s2]", "[batch,s1,s2]"},
        {DIMS(UNKNOWN_RANK), "[...]", "[...]"},
        {DIMS(INT64_MAX), "[9223372036854775807]", "[9223372036854775807]"},
    };
    struct qn_buf buf;

    (void)state;
    qn_buf_init(&buf, 1000);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct qn_shape shape = shape_of(cases[i].dims);

        assert_string_equal(qn_shape_text(&shape, (char[QN_SHAPE_TEXT]){0}), cases[i].text);
        qn_buf_clear(&buf);
        qn_shape_print(&buf, &shape, NULL, 0);
        assert_string_equal(buf.data, cases[i].text);
        qn_buf_clear(&buf);
        qn_shape_print(&buf, &shape, names, COUNT(names));
        assert_string_equal(buf.data, cases[i].named);
    }
    qn_buf_deinit(&buf);
}

static void long_text_is_cut_between_dims(void **state)
{
    static const char tail[] = ",9223372036854775807,...]";
    struct qn_shape shape = {.rank = QN_MAX_RANK};
    char text[QN_SHAPE_TEXT + 8];

    (void)state;
    for (int i = 0; i < QN_MAX_RANK; i++)
        shape.dims[i] = INT64_MAX;
    memset(text, 'x', sizeof(text));
    qn_shape_text(&shape, text);
    assert_true(strlen(text) < QN_SHAPE_TEXT);
    assert_int_equal(text[QN_SHAPE_TEXT], 'x');
    assert_string_equal(text + strlen(text) - strlen(tail), tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_checked),
        cmocka_unit_test(a_range_of_dims_is_counted),
        cmocka_unit_test(the_unknown_rank_has_no_size),
        cmocka_unit_test(shapes_are_known_and_equal),
        cmocka_unit_test(shapes_broadcast),
        cmocka_unit_test(shapes_merge),
        cmocka_unit_test(shapes_print),
        cmocka_unit_test(long_text_is_cut_between_dims),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
