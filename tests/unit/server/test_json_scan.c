/* test_json_scan.c: the JSON reader: grammar, strings, numbers of every type, nested and flat arrays. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/codec/decimal.h"
#include "server/codec/element.h"
#include "server/codec/json_tensor.h"

/* A copy on the heap of exactly the promised padding, so that a sanitizer sees every byte read beyond it. */
static char *padded(const char *text, size_t n)
{
    char *copy = calloc(1, n + QN_JSON_PADDING);

    assert_non_null(copy);
    memcpy(copy, text, n);
    return copy;
}

/* ---- grammar ---- */

static enum qn_status skip_text(const char *text, size_t n, struct qn_err *err)
{
    char *copy = padded(text, n);
    struct qn_json json;
    enum qn_status status;

    qn_json_open(&json, copy, n, err);
    status = qn_json_skip(&json);
    if (status == QN_OK)
        status = qn_json_end(&json);
    free(copy);
    return status;
}

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }

struct text {
    const char *bytes;
    size_t n;
};

static const struct text accepted[] = {
    TEXT("null"),
    TEXT(" true "),
    TEXT("false"),
    TEXT("0"),
    TEXT("-0"),
    TEXT("-0.0e-0"),
    TEXT("1E+2"),
    TEXT("123456789012345678901234567890"),
    TEXT("0.1"),
    TEXT("1e400"),
    TEXT("\"\""),
    TEXT("\"plain\""),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\""),
    TEXT("\"\\ud83d\\ude00\""),
    TEXT("\"\xF0\x9F\x98\x80 \xC3\xA9 \x7F\""),
    TEXT("[]"),
    TEXT("[ ]"),
    TEXT("{}"),
    TEXT("[[],{}]"),
    TEXT("[1,\"a\",null,true,{\"b\":[false]}]"),
    TEXT("{\"a\":1,\"b\":{\"c\":[]}}"),
    TEXT("\t\n\r [\t1\n,\r2 ]"),
    TEXT("{\"\":0}"),
    TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
         "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};

static const struct text refused[] = {
    TEXT(""),
    TEXT(" "),
    TEXT("nul"),
    TEXT("nulll"),
    TEXT("True"),
    TEXT("NaN"),
    TEXT("Infinity"),
    TEXT("-Infinity"),
    TEXT("-"),
    TEXT("+1"),
    TEXT("01"),
    TEXT("-01"),
    TEXT("00"),
    TEXT("1."),
    TEXT(".5"),
    TEXT("-.5"),
    TEXT("1.e5"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1e1.5"),
    TEXT("0x1"),
    TEXT("1_0"),
    TEXT("--1"),
    TEXT("1 2"),
    TEXT("\xEF\xBC\x91"), /* a full-width digit */
    TEXT("'a'"),
    TEXT("\""),
    TEXT("\"a"),
    TEXT("\"\\\""),
    TEXT("\"\\a\""),
    TEXT("\"\\u12\""),
    TEXT("\"\\u12G4\""),
    TEXT("\"\\ud800\""),
    TEXT("\"\\ud800\\u0041\""),
    TEXT("\"\\udc00\""),
    TEXT("\"\\\0\""),
    TEXT("\"\n\""),
    TEXT("\"\t\""),
    TEXT("\"\0\""),
    TEXT("\"\x1F\""),
    TEXT("\"\xFF\""),
    TEXT("\"\xC0\x80\""),         /* overlong */
    TEXT("\"\xED\xA0\x80\""),     /* a surrogate */
    TEXT("\"\xF4\x90\x80\x80\""), /* above U+10FFFF */
    TEXT("\"\xE2\x82\""),         /* cut */
    TEXT("["),
    TEXT("]"),
    TEXT("[1"),
    TEXT("[1,"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[,]"),
    TEXT("[1,,2]"),
    TEXT("[1 2]"),
    TEXT("[1}"),
    TEXT("[]]"),
    TEXT("{"),
    TEXT("{]"),
    TEXT("{1:2}"),
    TEXT("{a:1}"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\":1,}"),
    TEXT("{,\"a\":1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\":1}}"),
    TEXT("{}{}"),
    TEXT("[1]x"),
    TEXT("[1]\0"),
    TEXT("\0"),
    TEXT("[\0]"),
    TEXT("/*c*/1"),
    TEXT("1//c"),
    TEXT("\xEF\xBB\xBF{}"),
    TEXT("\xFF\xFE{\0}\0"),
    TEXT("\v1"),
    TEXT("\xC2\xA0"
         "1"),
    TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
         "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};

static void accepts_what_the_grammar_allows(void **state)
{
    struct qn_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
        if (skip_text(accepted[i].bytes, accepted[i].n, &err) != QN_OK)
            fail_msg("refused: %s: %s", accepted[i].bytes, err.text);
}

static void refuses_everything_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct qn_err err = {0};

        if (skip_text(refused[i].bytes, refused[i].n, &err) != QN_FORMAT)
            fail_msg("accepted: %s", refused[i].bytes);
        assert_non_null(strstr(err.text, " at byte "));
    }
}

/* Every beginning of a document is refused: no read goes past the end. */
static void refuses_every_prefix(void **state)
{
    static const char text[] = "{\"a\":[1.5e-3,\"x\\u00e9\\ud83d\\ude00\xC3\xA9\",{\"b\":[true,false,null]}],\"c\":{}}";

    (void)state;
    assert_int_equal(skip_text(text, sizeof(text) - 1, NULL), QN_OK);
    for (size_t n = 0; n < sizeof(text) - 1; n++)
        assert_int_equal(skip_text(text, n, NULL), QN_FORMAT);
}

static void does_not_recurse(void **state)
{
    enum { N = 1000000 };
    char *text = malloc(N);
    struct qn_err err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, '[', N);
    assert_int_equal(skip_text(text, N, &err), QN_FORMAT);
    assert_non_null(strstr(err.text, "deeper than 64"));
    for (size_t i = 0; i + 5 <= N; i += 5)
        memcpy(text + i, "{\"\":[", 5);
    assert_int_equal(skip_text(text, N, &err), QN_FORMAT);
    free(text);
}

static void names_the_byte(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[1,2", "malformed JSON at byte 4: expected ',' or ']'"},
        {"{\"a\":01}", "malformed JSON at byte 6: malformed number"},
        {"[\"\xC3\xA9\", \"\\q\"]", "malformed JSON at byte 8: unknown escape in a string"},
        {"[\"ab\x01\"]", "malformed JSON at byte 4: a control character in a string"},
        {"[1,]", "malformed JSON at byte 3: a comma before a closing bracket"},
        {"{\"a\" 1}", "malformed JSON at byte 5: expected ':'"},
        {"{} x", "malformed JSON at byte 3: text after the end of the document"},
        {"", "malformed JSON at byte 0: expected a value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qn_err err = {0};

        assert_int_equal(skip_text(cases[i].text, strlen(cases[i].text), &err), QN_FORMAT);
        assert_string_equal(err.text, cases[i].message);
    }
}

static void unescapes_strings(void **state)
{
    static const char text[] =
        "[\"a\\n\\u00e9\\ud83d\\ude00\\u0000z\", \"long enough to be read by eight \\\\ bytes\"]";
    static const char first[] = "a\n\xC3\xA9\xF0\x9F\x98\x80\0z";
    char *copy = padded(text, sizeof(text) - 1);
    struct qn_json json;
    struct qn_str string;
    bool more;

    (void)state;
    qn_json_open(&json, copy, sizeof(text) - 1, NULL);
    assert_int_equal(qn_json_enter(&json, '[', "an array"), QN_OK);
    assert_int_equal(qn_json_item(&json, &more), QN_OK);
    assert_int_equal(qn_json_string(&json, &string), QN_OK);
    assert_int_equal(string.n, sizeof(first) - 1);
    assert_memory_equal(string.data, first, sizeof(first) - 1);
    assert_false(qn_str_is(string, "a\n\xC3\xA9\xF0\x9F\x98\x80"));
    assert_int_equal(qn_json_item(&json, &more), QN_OK);
    assert_true(more);
    assert_int_equal(qn_json_string(&json, &string), QN_OK);
    assert_true(qn_str_is(string, "long enough to be read by eight \\ bytes"));
    assert_int_equal(qn_json_item(&json, &more), QN_OK);
    assert_false(more);
    assert_int_equal(qn_json_end(&json), QN_OK);
    free(copy);
}

static void reads_settings(void **state)
{
    static const char text[] = "{\"n\" : 12 , \"flag\":true,\"skipped\":[{}],\"last\":-1}";
    char *copy = padded(text, sizeof(text) - 1);
    struct qn_json json;
    struct qn_str key;
    int64_t n = 0;
    bool flag = false;

    (void)state;
    qn_json_open(&json, copy, sizeof(text) - 1, NULL);
    assert_int_equal(qn_json_enter(&json, '{', "an object"), QN_OK);
    assert_int_equal(qn_json_key(&json, &key), QN_OK);
    assert_true(qn_str_is(key, "n"));
    assert_int_equal(qn_json_int(&json, "n", 0, 12, &n), QN_OK);
    assert_int_equal(n, 12);
    assert_int_equal(qn_json_key(&json, &key), QN_OK);
    assert_int_equal(qn_json_bool(&json, &flag), QN_OK);
    assert_true(flag);
    assert_int_equal(qn_json_key(&json, &key), QN_OK);
    assert_int_equal(qn_json_skip(&json), QN_OK);
    assert_int_equal(qn_json_key(&json, &key), QN_OK);
    assert_int_equal(qn_json_int(&json, "last", 0, 12, &n), QN_FORMAT);
    free(copy);
}

/* ---- tensors ---- */

struct read {
    struct qn_scratch scratch;
    struct qn_json_tensor tensor;
    struct qn_err err;
    char *text;
    size_t rest; /* bytes of the text behind the tensor */
};

static enum qn_status read_n(struct read *r, enum qn_dtype dtype, size_t max, bool non_finite, const char *text,
                             size_t n)
{
    struct qn_json json;
    enum qn_status status;

    *r = (struct read){.tensor = {.name = "x", .dtype = dtype, .max = max, .non_finite = non_finite}};
    r->text = padded(text, n);
    qn_scratch_init(&r->scratch, 1 << 24);
    qn_json_open(&json, r->text, n, &r->err);
    status = qn_json_read_tensor(&json, &r->scratch, &r->tensor);
    r->rest = n - (size_t)(json.at - json.text);
    return status;
}

static enum qn_status read_text(struct read *r, enum qn_dtype dtype, const char *text)
{
    return read_n(r, dtype, SIZE_MAX, false, text, strlen(text));
}

static void done(struct read *r)
{
    qn_scratch_deinit(&r->scratch);
    free(r->text);
}

static void reads_nested_arrays(void **state)
{
    static const struct {
        const char *text;
        int rank;
        int64_t dims[4];
        size_t n;
    } cases[] = {
        {"1.5", 0, {0}, 1},
        {"[]", 1, {0}, 0},
        {"[1]", 1, {1}, 1},
        {" [ 1 , 2 , 3 ] ", 1, {3}, 3},
        {"[[1,2,3],[4,5,6]]", 2, {2, 3}, 6},
        {"[[],[]]", 2, {2, 0}, 0},
        {"[[[1],[2]],[[3],[4]],[[5],[6]]]", 3, {3, 2, 1}, 6},
        {"[[[[1]]]]", 4, {1, 1, 1, 1}, 1},
        {"[[[],[]]]", 3, {1, 2, 0}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read r;

        if (read_text(&r, QN_FLOAT, cases[i].text) != QN_OK)
            fail_msg("%s: %s", cases[i].text, r.err.text);
        assert_int_equal(r.tensor.rank, cases[i].rank);
        assert_int_equal(r.tensor.n, cases[i].n);
        for (int d = 0; d < cases[i].rank; d++)
            assert_int_equal(r.tensor.dims[d], cases[i].dims[d]);
        for (size_t e = 0; cases[i].rank > 0 && e < cases[i].n; e++)
            assert_true(((float *)r.tensor.data)[e] == (float)(e + 1));
        done(&r);
    }
}

static void stops_behind_the_tensor(void **state)
{
    static const char *const texts[] = {"[1,2],3", "1 ,3", "[[1]] , 3", "true,3", "\"a\",3"};
    static const enum qn_dtype dtypes[] = {QN_FLOAT, QN_INT32, QN_FLOAT, QN_BOOL, QN_STRING};
    static const size_t rests[] = {2, 2, 4, 2, 2};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct read r;

        assert_int_equal(read_text(&r, dtypes[i], texts[i]), QN_OK);
        assert_int_equal(r.rest, rests[i]);
        done(&r);
    }
}

static void names_the_element(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        const char *text;
        const char *message;
    } cases[] = {
        {QN_INT64, "[1,1.5]", "input \"x\": element [1] is not an integer, expected int64"},
        {QN_UINT8, "[[1,2],[3,256]]", "input \"x\": element [1][1] is out of range for uint8"},
        {QN_UINT8, "[-1]", "input \"x\": element [0] is out of range for uint8"},
        {QN_FLOAT, "[0,1e999]", "input \"x\": element [1] is out of range for float32"},
        {QN_FLOAT, "[0,-3.5e38]", "input \"x\": element [1] is out of range for float32"},
        {QN_DOUBLE, "[1e309]", "input \"x\": element [0] is out of range for float64"},
        {QN_FLOAT16, "[65504,65520]", "input \"x\": element [1] is out of range for float16"},
        {QN_BFLOAT16, "[3.4e38]", "input \"x\": element [0] is out of range for bfloat16"},
        {QN_BOOL, "[true,2]", "input \"x\": element [1] is neither true, false, 0 nor 1"},
        {QN_BOOL, "[-1]", "input \"x\": element [0] is neither true, false, 0 nor 1"},
        {QN_FLOAT, "[1,true]", "input \"x\": element [1] is a boolean, expected a number (float32)"},
        {QN_FLOAT, "[1,null]", "input \"x\": element [1] is null, expected a number (float32)"},
        {QN_FLOAT, "[1,\"2\"]", "input \"x\": element [1] is a string, expected a number (float32)"},
        {QN_FLOAT, "\"2\"", "input \"x\": the value is a string, expected a number (float32)"},
        {QN_FLOAT, "{}", "input \"x\": the value is an object, expected a number (float32)"},
        {QN_STRING, "[\"a\",2]", "input \"x\": element [1] is a number, expected a string (string)"},
        {QN_FLOAT, "[1,[2]]", "input \"x\": element [1] is an array, expected a number (float32)"},
        {QN_FLOAT, "[[1],2]", "input \"x\": element [1] is a number, expected an array (float32)"},
        {QN_FLOAT, "[[1],[[2]]]", "input \"x\": element [1][0] is an array, expected a number (float32)"},
        {QN_FLOAT, "[[[1]],[2]]", "input \"x\": element [1][0] is a number, expected an array (float32)"},
        {QN_FLOAT, "[[1,2],[3]]", "input \"x\": the arrays are ragged: array [1] has 1 elements, those before it 2"},
        {QN_FLOAT, "[[],[3]]", "input \"x\": the arrays are ragged: array [1] has 1 elements, those before it 0"},
        {QN_FLOAT, "[[[1]],[[1],[2]]]",
         "input \"x\": the arrays are ragged: array [1] has 2 elements, those before it 1"},
        {QN_FLOAT, "[1,NaN]", "malformed JSON at byte 3: expected a value"},
        {QN_FLOAT, "[1,-Infinity]", "malformed JSON at byte 4: malformed number"},
        {QN_FLOAT, "[1,2", "malformed JSON at byte 4: expected ',' or ']'"},
        {QN_FLOAT, "[1,]", "malformed JSON at byte 3: expected a value"},
        {QN_FLOAT, "[[1],]", "malformed JSON at byte 5: a comma before a closing bracket"},
        {QN_FLOAT, "[1 2]", "malformed JSON at byte 3: expected ',' or ']'"},
        {QN_FLOAT, "[.5]", "malformed JSON at byte 1: expected a value"},
        {QN_FLOAT, "[1.]", "malformed JSON at byte 3: malformed number"},
        {QN_INT32, "[00]", "malformed JSON at byte 2: malformed number"},
        {QN_FLOAT, "[", "malformed JSON at byte 1: expected a value"},
        {QN_FLOAT, "[[", "malformed JSON at byte 2: expected a value"},
        {QN_FLOAT, "[[1]", "malformed JSON at byte 4: expected ',' or ']'"},
        {QN_FLOAT, "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
         "input \"x\": element [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0] is nested deeper than a tensor can be"},
        {QN_FLOAT8E5M2, "[1]", "input \"x\": values of type float8e5m2 cannot be given as JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read r;
        enum qn_status wanted = cases[i].dtype == QN_FLOAT8E5M2 ? QN_UNSUPPORTED : QN_FORMAT;

        if (read_text(&r, cases[i].dtype, cases[i].text) != wanted)
            fail_msg("accepted: %s", cases[i].text);
        if (strcmp(r.err.text, cases[i].message) != 0)
            fail_msg("%s: \"%s\", wanted \"%s\"", cases[i].text, r.err.text, cases[i].message);
        done(&r);
    }
}

static void reads_integers_exactly(void **state)
{
    struct read r;

    (void)state;
    assert_int_equal(
        read_text(&r, QN_INT64, "[9007199254740993,-9223372036854775808,9223372036854775807,-0,3.0,1e3,12e-1e0]"),
        QN_FORMAT);
    done(&r);
    assert_int_equal(
        read_text(&r, QN_INT64, "[9007199254740993,-9223372036854775808,9223372036854775807,-0,3.0,1e3,1200e-2,0e999]"),
        QN_OK);
    assert_true(((int64_t *)r.tensor.data)[0] == INT64_C(9007199254740993));
    assert_true(((int64_t *)r.tensor.data)[1] == INT64_MIN);
    assert_true(((int64_t *)r.tensor.data)[2] == INT64_MAX);
    assert_true(((int64_t *)r.tensor.data)[3] == 0);
    assert_true(((int64_t *)r.tensor.data)[4] == 3);
    assert_true(((int64_t *)r.tensor.data)[5] == 1000);
    assert_true(((int64_t *)r.tensor.data)[6] == 12);
    assert_true(((int64_t *)r.tensor.data)[7] == 0);
    done(&r);
    assert_int_equal(read_text(&r, QN_UINT64, "[18446744073709551615,0,1.8446744073709551615e19]"), QN_FORMAT);
    done(&r);
    assert_int_equal(read_text(&r, QN_UINT64, "[18446744073709551615,0]"), QN_OK);
    assert_true(((uint64_t *)r.tensor.data)[0] == UINT64_MAX);
    done(&r);
    assert_int_equal(read_text(&r, QN_UINT64, "[18446744073709551616]"), QN_FORMAT);
    done(&r);
    assert_int_equal(read_text(&r, QN_UINT64, "[-1]"), QN_FORMAT);
    done(&r);
    assert_int_equal(read_text(&r, QN_INT64, "[9223372036854775808]"), QN_FORMAT);
    done(&r);
    assert_int_equal(read_text(&r, QN_INT64, "[-9223372036854775809]"), QN_FORMAT);
    done(&r);
}

static void keeps_to_the_range(void **state)
{
    static const struct {
        enum qn_dtype dtype;
        long long min;
        long long max;
    } types[] = {
        {QN_INT8, -128, 127},
        {QN_UINT8, 0, 255},
        {QN_INT16, -32768, 32767},
        {QN_UINT16, 0, 65535},
        {QN_INT32, INT32_MIN, INT32_MAX},
        {QN_UINT32, 0, UINT32_MAX},
        {QN_INT4, -8, 7},
        {QN_UINT4, 0, 15},
        {QN_INT2, -2, 1},
        {QN_UINT2, 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (int k = 0; k < 4; k++) {
            long long value = k == 0   ? types[i].min - 1
                              : k == 1 ? types[i].min
                              : k == 2 ? types[i].max
                                       : types[i].max + 1;
            char text[64];
            struct read r;

            snprintf(text, sizeof(text), "[0,%lld,1]", value);
            assert_int_equal(read_text(&r, types[i].dtype, text), k == 0 || k == 3 ? QN_FORMAT : QN_OK);
            done(&r);
        }
}

static void packs_narrow_types(void **state)
{
    static const uint8_t fours[] = {0x21, 0x83, 0x0f};
    static const uint8_t twos[] = {0xe4, 0x01};
    struct read r;

    (void)state;
    assert_int_equal(read_text(&r, QN_INT4, "[1,2,3,-8,-1]"), QN_OK);
    assert_memory_equal(r.tensor.data, fours, sizeof(fours));
    done(&r);
    assert_int_equal(read_text(&r, QN_UINT2, "[[0,1,2,3,1]]"), QN_OK);
    assert_memory_equal(r.tensor.data, twos, sizeof(twos));
    done(&r);
}

static void reads_booleans_and_strings(void **state)
{
    static const uint8_t booleans[] = {1, 0, 1, 0};
    const struct qn_str *strings;
    struct read r;

    (void)state;
    assert_int_equal(read_text(&r, QN_BOOL, "[true,false,1,0]"), QN_OK);
    assert_memory_equal(r.tensor.data, booleans, sizeof(booleans));
    done(&r);
    assert_int_equal(read_text(&r, QN_BOOL, "[tru]"), QN_FORMAT);
    done(&r);
    assert_int_equal(read_text(&r, QN_STRING, "[[\"a\",\"\"],[\"\\u00e9\",\"x\\\\y\"]]"), QN_OK);
    strings = r.tensor.data;
    assert_int_equal(r.tensor.n, 4);
    assert_true(qn_str_is(strings[0], "a"));
    assert_true(qn_str_is(strings[1], ""));
    assert_true(qn_str_is(strings[2], "\xC3\xA9"));
    assert_true(qn_str_is(strings[3], "x\\y"));
    done(&r);
}

static void counts_what_does_not_fit(void **state)
{
    static const char text[] = "[1,2,3,4,5,6,7,8,9,10]";
    struct read r;

    (void)state;
    assert_int_equal(read_n(&r, QN_FLOAT, 4, false, text, strlen(text)), QN_OK);
    assert_int_equal(r.tensor.n, 10);
    assert_int_equal(r.tensor.dims[0], 10);
    assert_true(((float *)r.tensor.data)[3] == 4);
    done(&r);
    assert_int_equal(read_n(&r, QN_FLOAT, 0, false, text, strlen(text)), QN_OK);
    assert_int_equal(r.tensor.n, 10);
    done(&r);
    assert_int_equal(read_n(&r, QN_UINT8, 2, false, "[1,2,3,256]", 11), QN_FORMAT);
    done(&r);
}

static void takes_non_finite_tokens_when_asked(void **state)
{
    static const char text[] = "[NaN,1,Infinity, -Infinity ,2]";
    const float *values;
    struct read r;

    (void)state;
    assert_int_equal(read_n(&r, QN_FLOAT, SIZE_MAX, true, text, strlen(text)), QN_OK);
    values = r.tensor.data;
    assert_int_equal(r.tensor.n, 5);
    assert_true(isnan(values[0]) && values[1] == 1 && values[2] == INFINITY && values[3] == -INFINITY &&
                values[4] == 2);
    done(&r);
    assert_int_equal(read_n(&r, QN_INT32, SIZE_MAX, true, "[NaN]", 5), QN_FORMAT);
    done(&r);
    assert_int_equal(read_n(&r, QN_FLOAT16, SIZE_MAX, true, "[-Infinity,NaN]", 15), QN_OK);
    assert_int_equal(((uint16_t *)r.tensor.data)[0], 0xfc00);
    assert_int_equal(((uint16_t *)r.tensor.data)[1], 0x7e00);
    done(&r);
    assert_int_equal(read_n(&r, QN_FLOAT, SIZE_MAX, true, "[-Inf]", 6), QN_FORMAT);
    done(&r);
    assert_int_equal(read_n(&r, QN_DOUBLE, SIZE_MAX, true, "Infinity", 8), QN_OK);
    assert_true(((double *)r.tensor.data)[0] == INFINITY);
    done(&r);
}

/* Every beginning of a tensor's text is refused, and read no further than the padding. */
static void refuses_every_tensor_prefix(void **state)
{
    static const char text[] = "[[1.5e-3,2,-3],[0.12345678901234567890,18,7]]";
    struct read r;

    (void)state;
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        assert_int_equal(read_n(&r, QN_FLOAT, SIZE_MAX, false, text, n), QN_FORMAT);
        done(&r);
    }
}

/* ---- floating point ---- */

static uint64_t seed = UINT64_C(88172645463325252);

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Compares with the C library, in its "C" locale. */
static void check_float(const char *text)
{
    size_t n = strlen(text);
    char *copy = padded(text, n);
    struct decimal number;
    const char *fault;
    const char *end = qn_decimal_read(copy, &number, &fault);
    float f32 = 0;
    float wanted_32 = strtof(text, NULL);
    double f64 = 0;
    double wanted_64 = strtod(text, NULL);

    if (end != copy + n)
        fail_msg("refused: %s", text);
    assert_int_equal(qn_decimal_to_f32(&number, &f32), isfinite(wanted_32) != 0);
    assert_int_equal(qn_decimal_to_f64(&number, &f64), isfinite(wanted_64) != 0);
    if (memcmp(&f32, &wanted_32, sizeof(f32)) != 0)
        fail_msg("%s as float32 is %a, wanted %a", text, (double)f32, (double)wanted_32);
    if (memcmp(&f64, &wanted_64, sizeof(f64)) != 0)
        fail_msg("%s as float64 is %a, wanted %a", text, f64, wanted_64);
    free(copy);
}

static void rounds_known_hard_numbers(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0.0",
        "-0e5",
        "1e-400",
        "-1e-400",
        "1e400",
        "3.4028234663852886e38",
        "3.4028235677973366e38", /* the middle above the largest float32 */
        "3.4028235677973365e38",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324", /* below half of the least subnormal */
        "2.4703282292062328e-324",
        "1.401298464324817e-45",
        "7.006492321624085e-46",
        "7.006492321624086e-46",
        "1.1754943508222875e-38",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "9007199254740993",
        "9007199254740993.0000000000000000000000000001",
        "18446744073709551615",
        "16777217",
        "16777217.00000000000000000000000000000000000000001",
        "0.1",
        "0.30000001192092896",
        "0.50000000000000000000",
        "8.5899345916e9",
        "1.00000005960464477539062500", /* the middle of two float32 */
        "1.00000005960464477539062501",
        "1.00000005960464477539062499",
        "123456789012345678901234567890123456789",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000123e75",
        "6929495644600919.5",
        "3.2378839133029012895883524125015321748630094864e-29",
        "5708990770823839207320493820740630171355185152e-25",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_float(texts[i]);
}

static void rounds_random_numbers(void **state)
{
    enum { N = 150000, BYTES = 2048 };
    char *text = malloc(BYTES);

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < N; i++) {
        uint32_t bits_32 = (uint32_t)next_random();
        uint64_t bits_64 = next_random();
        float f32;
        double f64;

        memcpy(&f32, &bits_32, sizeof(f32));
        memcpy(&f64, &bits_64, sizeof(f64));
        if (isfinite(f32)) {
            snprintf(text, BYTES, "%.9g", (double)f32);
            check_float(text);
            snprintf(text, BYTES, "%.*e", (int)(next_random() % 30), (double)f32);
            check_float(text);
        }
        if (isfinite(f64)) {
            snprintf(text, BYTES, "%.17g", f64);
            check_float(text);
            snprintf(text, BYTES, "%.*e", (int)(next_random() % 25), f64);
            check_float(text);
        }
        snprintf(text, BYTES, "%llue%d", (unsigned long long)(next_random() >> next_random() % 64),
                 (int)(next_random() % 700) - 360);
        check_float(text);
        snprintf(text, BYTES, "%llu.%llu", (unsigned long long)(next_random() >> next_random() % 64),
                 (unsigned long long)(next_random() >> next_random() % 64));
        check_float(text);
    }
    free(text);
}

/* The exact middle of two neighbours, with up to 800 digits, and the same with a digit far behind. */
static void rounds_middles(void **state)
{
    enum { N = 4000, BYTES = 4096 };
    char *text = malloc(BYTES);

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < N; i++) {
        uint32_t bits_32 = (uint32_t)next_random();
        uint64_t bits_64 = next_random();
        float f32;
        double f64;
        char *exponent;

        memcpy(&f32, &bits_32, sizeof(f32));
        memcpy(&f64, &bits_64, sizeof(f64));
        if (isfinite(f32) && isfinite(nextafterf(f32, INFINITY))) {
            double middle = ((double)f32 + (double)nextafterf(f32, INFINITY)) / 2;

            snprintf(text, BYTES, "%.900e", middle);
            check_float(text);
            exponent = strchr(text, 'e');
            exponent[-1] = '1';
            check_float(text);
        }
        if (isfinite(f64) && isfinite(nextafter(f64, INFINITY)) && sizeof(long double) > sizeof(double)) {
            long double middle = ((long double)f64 + (long double)nextafter(f64, INFINITY)) / 2;

            snprintf(text, BYTES, "%.1100Le", middle);
            check_float(text);
            exponent = strchr(text, 'e');
            exponent[-1] = '1';
            check_float(text);
        }
    }
    free(text);
}

static void reads_very_long_numbers(void **state)
{
    enum { N = 1000000 };
    char *text = malloc(N + 64);
    struct decimal number;
    const char *fault;
    double value;

    (void)state;
    assert_non_null(text);
    memset(text, 0, N + 64);
    memset(text, '9', N);
    assert_ptr_equal(qn_decimal_read(text, &number, &fault), text + N);
    assert_false(qn_decimal_to_f64(&number, &value));
    snprintf(text + N, 64, "e-%d", N);
    assert_non_null(qn_decimal_read(text, &number, &fault));
    assert_true(qn_decimal_to_f64(&number, &value) && value == 1.0);
    memset(text, '0', N);
    text[1] = '.';
    snprintf(text + N, 64, "1e%d", N - 1);
    assert_non_null(qn_decimal_read(text, &number, &fault));
    assert_true(qn_decimal_to_f64(&number, &value) && value == 1.0);
    snprintf(text, 64, "1e99999999999999999999");
    assert_non_null(qn_decimal_read(text, &number, &fault));
    assert_false(qn_decimal_to_f64(&number, &value));
    snprintf(text, 64, "1e-99999999999999999999");
    assert_non_null(qn_decimal_read(text, &number, &fault));
    assert_true(qn_decimal_to_f64(&number, &value) && value == 0.0);
    free(text);
}

/* The value of a finite 16-bit number. */
static double value_of(uint16_t bits, int mantissa_bits, int bias)
{
    int field = (bits & 0x7fff) >> mantissa_bits;
    int mantissa = bits & ((1 << mantissa_bits) - 1);
    double value = field == 0 ? ldexp(mantissa, 1 - bias - mantissa_bits)
                              : ldexp(mantissa + (1 << mantissa_bits), field - bias - mantissa_bits);

    return (bits & 0x8000) != 0 ? -value : value;
}

/* Every pair of neighbours: both ends, the exact middle (to even), a hair above and a hair below it. */
static void rounds_16_bit_numbers(void **state)
{
    static const struct {
        const struct decimal_format *format;
        int mantissa_bits;
        int bias;
        uint16_t last;
    } types[] = {{&qn_decimal_f16, 10, 15, 0x7bff}, {&qn_decimal_bf16, 7, 127, 0x7f7f}};
    char text[512] = {0};

    (void)state;
    for (int t = 0; t < 2; t++)
        for (unsigned bits = 0; bits < types[t].last; bits++) {
            double low = value_of((uint16_t)bits, types[t].mantissa_bits, types[t].bias);
            double high = value_of((uint16_t)(bits + 1), types[t].mantissa_bits, types[t].bias);
            double middle = (low + high) / 2;
            struct decimal number;
            const char *fault;
            uint64_t got;
            char *exponent;

            snprintf(text, sizeof(text) - 16, "-%.17g", low);
            assert_non_null(qn_decimal_read(text, &number, &fault));
            assert_true(qn_decimal_round(&number, types[t].format, &got));
            assert_int_equal(got, bits | 0x8000);
            snprintf(text, sizeof(text) - 16, "%.160e", middle);
            assert_non_null(qn_decimal_read(text, &number, &fault));
            assert_true(qn_decimal_round(&number, types[t].format, &got));
            assert_int_equal(got, (bits & 1) != 0 ? bits + 1 : bits);
            exponent = strchr(text, 'e');
            exponent[-1] = '1';
            assert_non_null(qn_decimal_read(text, &number, &fault));
            assert_true(qn_decimal_round(&number, types[t].format, &got));
            assert_int_equal(got, bits + 1);
            snprintf(text, sizeof(text) - 16, "%.16g", nextafter(middle, 0));
            assert_non_null(qn_decimal_read(text, &number, &fault));
            assert_true(qn_decimal_round(&number, types[t].format, &got));
            assert_true(got == bits || strtod(text, NULL) >= middle);
        }
}

/* ---- sizes ---- */

static void knows_sizes(void **state)
{
    static const int64_t dims[] = {3, 0, INT64_MAX, INT64_MAX};
    size_t n;

    (void)state;
    assert_true(qn_element_bytes(QN_FLOAT, 3, &n) && n == 12);
    assert_true(qn_element_bytes(QN_INT4, 3, &n) && n == 2);
    assert_true(qn_element_bytes(QN_UINT2, 8, &n) && n == 2);
    assert_true(qn_element_bytes(QN_STRING, 2, &n) && n == 2 * sizeof(struct qn_str));
    assert_false(qn_element_bytes(QN_DOUBLE, SIZE_MAX / 4, &n));
    assert_false(qn_element_bytes(QN_UNDEFINED, 1, &n));
    assert_true(qn_element_count(4, dims, &n) && n == 0);
    assert_false(qn_element_count(2, dims + 2, &n));
    assert_true(qn_element_count(0, dims, &n) && n == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_grammar_allows),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(refuses_every_prefix),
        cmocka_unit_test(does_not_recurse),
        cmocka_unit_test(names_the_byte),
        cmocka_unit_test(unescapes_strings),
        cmocka_unit_test(reads_settings),
        cmocka_unit_test(reads_nested_arrays),
        cmocka_unit_test(stops_behind_the_tensor),
        cmocka_unit_test(names_the_element),
        cmocka_unit_test(reads_integers_exactly),
        cmocka_unit_test(keeps_to_the_range),
        cmocka_unit_test(packs_narrow_types),
        cmocka_unit_test(reads_booleans_and_strings),
        cmocka_unit_test(counts_what_does_not_fit),
        cmocka_unit_test(takes_non_finite_tokens_when_asked),
        cmocka_unit_test(refuses_every_tensor_prefix),
        cmocka_unit_test(rounds_known_hard_numbers),
        cmocka_unit_test(rounds_random_numbers),
        cmocka_unit_test(rounds_middles),
        cmocka_unit_test(reads_very_long_numbers),
        cmocka_unit_test(rounds_16_bit_numbers),
        cmocka_unit_test(knows_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
