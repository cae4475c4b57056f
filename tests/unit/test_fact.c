/* test_fact.c: facts as text; which pairs of statements agree, and what the stronger and the weaker of them are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ir/fact.h"

/* ---- Facts as text, both ways --------------------------------------------------------------------------------- */

enum { MAX_LEVELS = 4 };

/* "?" | dtype | dtype[2,?,s0] | seq(...) | optional(...) | map(dtype,dtype) */
static const char *parse(const char *text, struct qn_fact *levels)
{
    struct qn_fact *fact = levels;
    char word[32];
    size_t n;

    *fact = QN_FACT_UNKNOWN;
    for (; strncmp(text, "seq(", 4) == 0 || strncmp(text, "optional(", 9) == 0; fact++) {
        fact->kind = text[0] == 's' ? QN_SEQUENCE : QN_OPTIONAL;
        text = strchr(text, '(') + 1;
        if (*text == ')')
            return text;
        fact->elem = fact + 1;
        fact[1] = QN_FACT_UNKNOWN;
    }
    if (strncmp(text, "map(", 4) == 0) {
        fact->kind = QN_MAP;
        fact->key = QN_INT64;
        fact->dtype = strstr(text, "float64") ? QN_DOUBLE : QN_FLOAT;
        return text;
    }
    n = strcspn(text, "[)");
    memcpy(word, text, n);
    word[n] = '\0';
    fact->dtype = strcmp(word, "?") == 0 ? QN_UNDEFINED : qn_dtype_parse(word);
    if (text[n] != '[')
        return text;
    fact->shape.rank = 0;
    for (text += n + 1; *text && *text != ']'; text += *text == ',') {
        int64_t dim = *text == '?' ? QN_DIM_UNKNOWN : *text == 's' ? qn_dim_symbol(text[1] - '0') : *text - '0';

        fact->shape.dims[fact->shape.rank++] = dim;
        text += *text == 's' ? 2 : 1;
    }
    return text;
}

static void assert_prints(const struct qn_fact *fact, const char *expected)
{
    struct qn_buf buf;

    qn_buf_init(&buf, 1000);
    qn_fact_print(&buf, fact, NULL, 0);
    assert_string_equal(buf.data, expected);
    qn_buf_deinit(&buf);
}

static void texts(void **state)
{
    static const char *const all[] = {"?",
                                      "float32",
                                      "float32[]",
                                      "int64[2,3]",
                                      "?[2]",
                                      "seq(float32[2])",
                                      "optional(seq(string))",
                                      "map(int64,float32)",
                                      "seq(map(int64,float64))"};
    struct qn_fact fact[MAX_LEVELS];

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        parse(all[i], fact);
        assert_prints(fact, all[i]);
    }
    fact[0] = (struct qn_fact){.kind = QN_SEQUENCE};
    assert_prints(fact, "seq(?)");
}

static void names_of_dims(void **state)
{
    const char *const names[] = {"batch"};
    struct qn_fact fact[MAX_LEVELS];
    struct qn_buf buf;

    (void)state;
    parse("float32[s0,4]", fact);
    qn_buf_init(&buf, 1000);
    qn_fact_print(&buf, fact, names, 1);
    assert_string_equal(buf.data, "float32[batch,4]");
    qn_buf_deinit(&buf);
}

/* ---- Pairs ---------------------------------------------------------------------------------------------------- */

/* NULL: the two contradict. */
static const struct {
    const char *a, *b, *merged, *joined;
} pairs[] = {
    {"?", "?", "?", "?"},
    {"?", "float32[2]", "float32[2]", "?"},
    {"?", "seq(float32)", "seq(float32)", "?"},
    {"float32", "float32[2]", "float32[2]", "float32"},
    {"float32[2,?]", "float32[?,3]", "float32[2,3]", "float32[?,?]"},
    {"float32[2,3]", "float32[2,3]", "float32[2,3]", "float32[2,3]"},
    {"float32[2]", "float32[3]", NULL, "float32[?]"},
    {"float32[2]", "float32[2,1]", NULL, "float32"},
    {"float32[2]", "int64[2]", NULL, NULL},
    {"?[2]", "int64[?]", "int64[2]", "?[?]"},
    {"float32", "seq(float32)", NULL, NULL},
    {"seq(float32)", "optional(float32)", NULL, NULL},
    {"seq(float32)", "seq(int64)", NULL, NULL},
    {"seq(float32[2])", "seq(float32)", "seq(float32[2])", "seq(float32)"},
    {"seq(float32)", "seq(float32[2])", "seq(float32[2])", "seq(float32)"},
    {"seq(float32[2])", "seq(float32[3])", NULL, "seq(float32)"},
    {"seq()", "seq(float32[3])", "seq(float32[3])", "seq(?)"},
    {"optional(seq(int64[2]))", "optional(seq(int64[3]))", NULL, "optional(seq(int64))"},
    {"optional(seq())", "optional(seq(int64))", "optional(seq(int64))", "optional(seq(?))"},
    {"map(int64,float32)", "map(int64,float32)", "map(int64,float32)", "map(int64,float32)"},
    {"map(int64,float32)", "map(int64,float64)", NULL, NULL},
};

static void check_pair(const char *a, const char *b, const char *expected, bool join)
{
    struct qn_fact fact_a[MAX_LEVELS], fact_b[MAX_LEVELS], result;
    bool ok;

    parse(a, fact_a);
    parse(b, fact_b);
    ok = join ? qn_fact_join(fact_a, fact_b, &result) : qn_fact_merge(fact_a, fact_b, &result);
    if (ok != (expected != NULL))
        fail_msg("%s of %s and %s: %d", join ? "join" : "merge", a, b, ok);
    if (ok)
        assert_prints(&result, expected);
}

static void merge_and_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        check_pair(pairs[i].a, pairs[i].b, pairs[i].merged, false);
        check_pair(pairs[i].b, pairs[i].a, pairs[i].merged, false);
        check_pair(pairs[i].a, pairs[i].b, pairs[i].joined, true);
        check_pair(pairs[i].b, pairs[i].a, pairs[i].joined, true);
    }
}

/* ---- Constants ------------------------------------------------------------------------------------------------ */

static void constants(void **state)
{
    float data[2] = {1, 2};
    struct qn_tensor tensor = {.dtype = QN_FLOAT, .rank = 1, .dims = {2}, .data = data}, other = tensor;
    struct qn_fact known = qn_fact_const(&tensor), same = qn_fact_const(&tensor), differs = qn_fact_const(&other);
    struct qn_fact type[MAX_LEVELS], result;

    (void)state;
    parse("float32[?]", type);
    assert_prints(&known, "float32[2]");
    assert_true(qn_fact_merge(type, &known, &result));
    assert_ptr_equal(result.konst, &tensor);
    assert_int_equal(result.shape.dims[0], 2);
    assert_true(qn_fact_join(&known, &same, &result));
    assert_ptr_equal(result.konst, &tensor);
    assert_true(qn_fact_join(&known, &differs, &result));
    assert_null(result.konst);
    assert_prints(&result, "float32[2]");
}

static void concrete(void **state)
{
    static const struct {
        const char *text;
        bool concrete;
    } cases[] = {{"?", false},           {"float32", false},      {"?[2]", false},        {"float32[]", true},
                 {"float32[2,3]", true}, {"float32[2,?]", false}, {"float32[s0]", false}, {"seq(float32[2])", false}};
    struct qn_fact fact[MAX_LEVELS];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse(cases[i].text, fact);
        assert_int_equal(qn_fact_concrete(fact), cases[i].concrete);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),     cmocka_unit_test(names_of_dims), cmocka_unit_test(merge_and_join),
        cmocka_unit_test(constants), cmocka_unit_test(concrete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
