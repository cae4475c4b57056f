/* test_predict_codec.c: the predict format: which JSON means which tensor, and how outputs are answered. Models are
 * signatures only; outputs are made by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/codec/turns.h"

enum { MAX_BATCH = 4 };

static struct qn_io io_of(const char *name, enum qn_dtype dtype, int rank, const int64_t *dims)
{
    struct qn_io io = {.name = name, .dtype = dtype, .rank = rank, .type_text = "a type"};

    for (int i = 0; i < rank; i++)
        io.dims[i] = dims[i];
    if (rank > 0 && dims[0] < 0)
        io.dim_names[0] = "N";
    return io;
}

/* A request through decode; the memory it needs. */
struct call {
    struct qn_scratch scratch;
    struct qn_signature signature;
    const struct qn_io *inputs[4];
    const struct qn_io *outputs[4];
    struct qn_exchange x;
    struct qn_err err;
    char *body;
};

static void begin(struct call *call, const struct qn_io *inputs, size_t n_inputs, const struct qn_io *outputs,
                  size_t n_outputs)
{
    *call = (struct call){.body = NULL};
    qn_scratch_init(&call->scratch, 1 << 24);
    for (size_t i = 0; i < n_inputs; i++)
        call->inputs[i] = &inputs[i];
    for (size_t i = 0; i < n_outputs; i++)
        call->outputs[i] = &outputs[i];
    call->signature = (struct qn_signature){call->inputs, call->outputs, n_inputs, n_outputs};
}

static enum qn_status decode(struct call *call, const char *text)
{
    size_t n = strlen(text);

    call->body = calloc(1, n + 64);
    assert_non_null(call->body);
    memcpy(call->body, text, n);
    call->x = (struct qn_exchange){
        .model = &call->signature, .scratch = &call->scratch, .body = call->body, .n_body = n, .max_batch = MAX_BATCH};
    return qn_codec_predict.decode(&call->x, &call->err);
}

static void end(struct call *call)
{
    qn_scratch_deinit(&call->scratch);
    free(call->body);
}

/* ---- shapes ---- */

struct shape_case {
    int rank; /* of the input, -1: any */
    int64_t dims[4];
    const char *text;
    int got_rank; /* -1: refused */
    int64_t got[4];
    size_t n_runs; /* 0 here stands for one that is no turn */
};

static const struct shape_case shape_cases[] = {
    /* one example, unknown batch */
    {2, {-1, 4}, "{\"input\":[1,2,3,4]}", 2, {1, 4}, 0},
    {2, {-1, 4}, "{\"input\":[[1,2,3,4]]}", 2, {1, 4}, 0},
    {2, {-1, 4}, "{\"input\":[[1,2,3,4],[5,6,7,8]]}", 2, {2, 4}, 0},
    {2, {-1, 4}, "{\"input\":[1,2,3,4,5,6,7,8]}", 2, {2, 4}, 0},
    {2, {-1, 4}, "{\"input\":[]}", 2, {0, 4}, 0},
    {2, {-1, 4}, "{\"input\":[1,2,3]}", -1, {0}, 0},
    {2, {-1, 4}, "{\"input\":1}", -1, {0}, 0},
    {2, {-1, 4}, "{\"input\":[[[1,2,3,4]]]}", -1, {0}, 0},
    {2, {-1, 1}, "{\"input\":5}", 2, {1, 1}, 0},
    /* fixed shapes */
    {2, {1, 4}, "{\"input\":[1,2,3,4]}", 2, {1, 4}, 0},
    {2, {1, 4}, "{\"input\":[[1,2,3,4]]}", 2, {1, 4}, 0},
    {2, {1, 4}, "{\"input\":[1,2,3,4,5,6,7,8]}", -1, {0}, 0},
    {2, {2, 2}, "{\"input\":[1,2,3,4]}", 2, {2, 2}, 0},
    {2, {2, 2}, "{\"input\":[[1,2],[3,4]]}", 2, {2, 2}, 0},
    {2, {2, 2}, "{\"input\":[[1,2]]}", -1, {0}, 0},
    {4, {1, 1, 2, 2}, "{\"input\":[[[1,2],[3,4]]]}", 4, {1, 1, 2, 2}, 0},
    {4, {1, 1, 2, 2}, "{\"input\":[1,2,3,4]}", 4, {1, 1, 2, 2}, 0},
    {4, {1, 1, 2, 2}, "{\"input\":[[1,2],[3,4]]}", -1, {0}, 0},
    {1, {4}, "{\"input\":[1,2,3,4]}", 1, {4}, 0},
    {1, {-1}, "{\"input\":[1,2,3]}", 1, {3}, 0},
    {1, {-1}, "{\"input\":7}", 1, {1}, 0},
    {0, {0}, "{\"input\":7}", 0, {0}, 0},
    {0, {0}, "{\"input\":[7]}", 0, {0}, 0},
    {0, {0}, "{\"input\":[7,8]}", -1, {0}, 0},
    {2, {0, 4}, "{\"input\":[]}", 2, {0, 4}, 0},
    /* several unknown dims */
    {2, {-1, -1}, "{\"input\":[1,2,3]}", 2, {1, 3}, 0},
    {2, {-1, -1}, "{\"input\":[[1,2,3],[4,5,6]]}", 2, {2, 3}, 0},
    {3, {-1, -1, 2}, "{\"input\":[1,2,3,4]}", 3, {1, 2, 2}, 0},
    {3, {-1, -1, 2}, "{\"input\":[1,2,3]}", -1, {0}, 0},
    {3, {-1, -1, -1}, "{\"input\":[1,2,3,4]}", -1, {0}, 0},
    {-1, {0}, "{\"input\":[[1],[2]]}", 2, {2, 1}, 0},
    {-1, {0}, "{\"input\":3}", 0, {0}, 0},
    /* empty arrays */
    {4, {-1, 4, -1, 2}, "{\"input\":[[[],[],[],[]]]}", 4, {1, 4, 0, 2}, 0},
    {4, {-1, 4, -1, 2}, "{\"inputs\":{\"x\":[[[],[],[],[]],[[],[],[],[]]]}}", 4, {2, 4, 0, 2}, 0},
    {3, {-1, 0, 5}, "{\"input\":[[],[]]}", 3, {2, 0, 5}, 0},
    {4, {-1, 4, -1, 2}, "{\"input\":[[[],[],[]]]}", -1, {0}, 0},
    /* lists of examples, unknown batch */
    {2, {-1, 4}, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}", 2, {2, 4}, 0},
    {2, {-1, 4}, "{\"inputs\":[[[1,2,3,4]],[[5,6,7,8]]]}", 2, {2, 4}, 0},
    {2, {-1, 4}, "{\"inputs\":[[1,2,3,4]]}", 2, {1, 4}, 0},
    {2, {-1, 4}, "{\"inputs\":[]}", 2, {0, 4}, 0},
    {2, {-1, 4}, "{\"inputs\":[1,2,3,4]}", -1, {0}, 0},
    {2, {-1, 4}, "{\"inputs\":[[1,2],[3,4]]}", -1, {0}, 0},
    {2, {-1, 4}, "{\"inputs\":3}", -1, {0}, 0},
    {2, {-1, 1}, "{\"inputs\":[1,2,3]}", 2, {3, 1}, 0},
    {4, {-1, 1, 2, 2}, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}", 4, {2, 1, 2, 2}, 0},
    {4, {-1, 1, 2, 2}, "{\"inputs\":[[[[1,2],[3,4]]],[[[5,6],[7,8]]]]}", 4, {2, 1, 2, 2}, 0},
    {4, {-1, 1, 2, 2}, "{\"inputs\":[[[[[1,2],[3,4]]]],[[[[5,6],[7,8]]]]]}", 4, {2, 1, 2, 2}, 0},
    {3, {-1, -1, 2}, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}", 3, {2, 2, 2}, 0},
    {1, {-1}, "{\"inputs\":[1,2,3]}", 1, {3}, 0},
    {-1, {0}, "{\"inputs\":[[1],[2]]}", 2, {2, 1}, 0},
    /* one example at a time */
    {2, {1, 4}, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}", 2, {1, 4}, 2},
    {2, {1, 4}, "{\"inputs\":[[[1,2,3,4]],[[5,6,7,8]]]}", 2, {1, 4}, 2},
    {2, {1, 4}, "{\"inputs\":[[1,2,3,4]]}", 2, {1, 4}, 1},
    {2, {1, 4}, "{\"inputs\":[[1,2,3]]}", -1, {0}, 0},
    {4, {1, 1, 2, 2}, "{\"inputs\":[[1,2,3,4],[5,6,7,8],[1,1,1,1]]}", 4, {1, 1, 2, 2}, 3},
    {1, {4}, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}", 1, {4}, 2},
    {0, {0}, "{\"inputs\":[1,2,3]}", 0, {0}, 3},
    {2, {1, -1}, "{\"inputs\":[[1,2,3],[4,5,6]]}", 2, {1, 3}, 2},
    /* a fixed batch */
    {2, {2, 2}, "{\"inputs\":[[1,2],[3,4]]}", 2, {2, 2}, 0},
    {2, {2, 2}, "{\"inputs\":[[[1,2],[3,4]],[[5,6],[7,8]],[[5,6],[7,8]]]}", 2, {2, 2}, 3},
    /* by name */
    {2, {-1, 4}, "{\"inputs\":{\"x\":[[1,2,3,4],[5,6,7,8]]}}", 2, {2, 4}, 0},
    {2, {-1, 4}, "{\"inputs\":{\"x\":[1,2,3,4]}}", 2, {1, 4}, 0},
    {2, {-1, 4}, "{\"input\":{\"x\":[1,2,3,4]}}", 2, {1, 4}, 0},
};

static void finds_the_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shape_cases) / sizeof(shape_cases[0]); i++) {
        const struct shape_case *c = &shape_cases[i];
        struct qn_io input = io_of("x", QN_FLOAT, c->rank, c->dims);
        struct call call;
        enum qn_status status;
        const struct qn_tensor *tensor;

        begin(&call, &input, 1, &input, 1);
        status = decode(&call, c->text);
        if (status != (c->got_rank < 0 ? QN_SHAPE : QN_OK))
            fail_msg("%s: status %d: %s", c->text, status, call.err.text);
        if (status == QN_OK) {
            tensor = &call.x.inputs[0].tensor;
            if (tensor->rank != c->got_rank)
                fail_msg("%s: rank %d", c->text, tensor->rank);
            for (int d = 0; d < c->got_rank; d++)
                if (tensor->dims[d] != c->got[d])
                    fail_msg("%s: dim %d is %lld", c->text, d, (long long)tensor->dims[d]);
            assert_int_equal(call.x.turns, c->n_runs > 0);
            assert_int_equal(call.x.n_runs, c->n_runs > 0 ? c->n_runs : 1);
            assert_int_equal(tensor->dtype, QN_FLOAT);
        }
        end(&call);
    }
}

static void data_is_in_order(void **state)
{
    static const int64_t dims[] = {1, 2};
    struct qn_io input = io_of("x", QN_INT32, 2, dims);
    struct call call;

    (void)state;
    begin(&call, &input, 1, &input, 1);
    assert_int_equal(decode(&call, "{\"inputs\":[[1,2],[3,4],[5,6]]}"), QN_OK);
    for (int run = 0; run < 3; run++) {
        const int32_t *data = call.x.inputs[0].tensor.data;

        assert_int_equal(data[0], 2 * run + 1);
        assert_int_equal(data[1], 2 * run + 2);
        qn_turns_advance(&call.x);
    }
    end(&call);
}

/* ---- errors ---- */

static void errors_say_what_is_wrong(void **state)
{
    static const int64_t dims[] = {-1, 4};
    static const struct {
        const char *text;
        enum qn_status status;
        const char *message;
    } cases[] = {
        {"", QN_FORMAT, "expected an object with \"input\" or \"inputs\" at byte 0, found the end of the text"},
        {" 5", QN_FORMAT, "expected an object with \"input\" or \"inputs\" at byte 1, found a number"},
        {"{}", QN_FORMAT, "\"input\" or \"inputs\" is missing"},
        {"{\"Input\":1}", QN_FORMAT, "unknown member \"Input\", expected \"input\" or \"inputs\""},
        {"{\"input\":[1,2,3,4],\"inputs\":[]}", QN_FORMAT, "more than one of \"input\" and \"inputs\""},
        {"{\"input\":[1,2,3,4]}x", QN_FORMAT, "malformed JSON at byte 19: text after the end of the document"},
        {"{\"inputs\":{\"z\":[1]}}", QN_FORMAT, "unknown input \"z\", the model has \"x\""},
        {"{\"inputs\":{}}", QN_FORMAT, "input \"x\" is missing"},
        {"{\"inputs\":{\"x\":[1,2,3,4],\"x\":[1,2,3,4]}}", QN_FORMAT, "input \"x\" is given twice"},
        {"{\"input\":[1,2,3]}", QN_SHAPE, "input \"x\": expected shape [N,4], received 3 values"},
        {"{\"input\":[[1,2,3],[4,5,6]]}", QN_SHAPE, "input \"x\": expected shape [N,4], received [2,3]"},
        {"{\"inputs\":[[1,2,3]]}", QN_SHAPE, "input \"x\": expected examples of shape [N,4], received [1,3]"},
        {"{\"inputs\":[[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4]]}", QN_LIMIT,
         "the request has 5 examples, the limit is 4 (--max-batch)"},
        {"{\"input\":{\"x\":[1,2,3,\"a\"]}}", QN_FORMAT,
         "input \"x\": element [3] is a string, expected a number (float32)"},
        {"{\"input\":[1,2,3,4],}", QN_FORMAT, "malformed JSON at byte 19: a comma before a closing bracket"},
    };
    struct qn_io input = io_of("x", QN_FLOAT, 2, dims);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call call;

        begin(&call, &input, 1, &input, 1);
        assert_int_equal(decode(&call, cases[i].text), cases[i].status);
        assert_string_equal(call.err.text, cases[i].message);
        end(&call);
    }
}

static void fixed_shapes_name_the_count(void **state)
{
    static const int64_t dims[] = {1, 4};
    struct qn_io input = io_of("x", QN_FLOAT, 2, dims);
    struct call call;

    (void)state;
    begin(&call, &input, 1, &input, 1);
    assert_int_equal(decode(&call, "{\"input\":[1,2,3,4,5]}"), QN_SHAPE);
    assert_string_equal(call.err.text, "input \"x\": expected 4 values for shape [1,4], received 5");
    end(&call);
}

static void other_kinds_are_refused(void **state)
{
    struct qn_io input = io_of("x", QN_FLOAT, 0, NULL);
    struct call call;

    (void)state;
    input.kind = QN_SEQUENCE;
    begin(&call, &input, 1, &input, 1);
    assert_int_equal(decode(&call, "{\"input\":[1]}"), QN_UNSUPPORTED);
    assert_string_equal(call.err.text, "input \"x\" of type a type cannot be given here");
    end(&call);
}

static void several_inputs_go_by_name(void **state)
{
    static const int64_t floats[] = {-1, 2};
    static const int64_t one[] = {-1};
    struct qn_io inputs[3] = {io_of("a", QN_FLOAT, 2, floats), io_of("b", QN_INT64, 1, one),
                              io_of("s", QN_STRING, 1, one)};
    struct call call;

    (void)state;
    begin(&call, inputs, 3, inputs, 1);
    assert_int_equal(
        decode(&call, "{\"inputs\":{\"s\":[\"x\",\"y\"],\"a\":[[1,2],[3,4]],\"b\":[9007199254740993,-1]}}"), QN_OK);
    assert_true(((float *)call.x.inputs[0].tensor.data)[3] == 4);
    assert_true(((int64_t *)call.x.inputs[1].tensor.data)[0] == INT64_C(9007199254740993));
    assert_memory_equal(((struct qn_str *)call.x.inputs[2].tensor.data)[1].data, "y", 1);
    end(&call);
    begin(&call, inputs, 3, inputs, 1);
    assert_int_equal(decode(&call, "{\"input\":[1,2]}"), QN_FORMAT);
    assert_string_equal(call.err.text, "the model has 3 inputs, send them by name: {\"inputs\":{\"a\":[...],...}}");
    end(&call);
    begin(&call, inputs, 3, inputs, 1);
    assert_int_equal(decode(&call, "{\"inputs\":{\"s\":[],\"a\":[]}}"), QN_FORMAT);
    assert_string_equal(call.err.text, "input \"b\" is missing");
    end(&call);
    begin(&call, inputs, 3, inputs, 1);
    assert_int_equal(decode(&call, "{\"inputs\":{\"c\":[]}}"), QN_FORMAT);
    assert_string_equal(call.err.text, "unknown input \"c\", the model has \"a\", \"b\", \"s\"");
    end(&call);
}

/* ---- answers ---- */

static struct qn_value tensor_value(enum qn_dtype dtype, int rank, const int64_t *dims, const void *data)
{
    struct qn_value value = {.tensor = {.dtype = dtype, .rank = rank}};

    for (int i = 0; i < rank; i++)
        value.tensor.dims[i] = dims[i];
    memcpy(&value.tensor.data, &data, sizeof(data));
    return value;
}

static void check_answer(struct call *call, const struct qn_value *outputs, const char *wanted)
{
    struct qn_buf out;

    qn_buf_init(&out, 1 << 16);
    if (qn_codec_predict.encode(&call->x, outputs, &out, &call->err) != QN_OK)
        fail_msg("%s: %s", wanted, call->err.text);
    assert_string_equal(out.data, wanted);
    qn_buf_deinit(&out);
}

static void answers_one_output(void **state)
{
    static const float data[] = {0.5f, 1, 2, 3};
    static const int64_t any[] = {-1, 4};
    static const struct {
        const char *request;
        int rank;
        int64_t dims[3];
        const char *answer;
    } cases[] = {
        {"{\"input\":[1,2,3,4]}", 2, {1, 1}, "{\"prediction\":[0.5]}"},
        {"{\"input\":[1,2,3,4]}", 2, {1, 3}, "{\"prediction\":[0.5,1.0,2.0]}"},
        {"{\"input\":[1,2,3,4]}", 3, {1, 2, 2}, "{\"prediction\":[[0.5,1.0],[2.0,3.0]]}"},
        {"{\"input\":[1,2,3,4]}", 2, {2, 1}, "{\"prediction\":[[0.5],[1.0]]}"},
        {"{\"input\":[1,2,3,4]}", 1, {1}, "{\"prediction\":[0.5]}"},
        {"{\"input\":[1,2,3,4]}", 1, {3}, "{\"prediction\":[0.5,1.0,2.0]}"},
        {"{\"input\":[1,2,3,4]}", 0, {0}, "{\"prediction\":[0.5]}"},
        {"{\"input\":[1,2,3,4]}", 1, {0}, "{\"prediction\":[]}"},
        {"{\"inputs\":[[1,2,3,4]]}", 2, {1, 1}, "{\"predictions\":[[0.5]]}"},
        {"{\"inputs\":[[1,2,3,4]]}", 2, {2, 2}, "{\"predictions\":[[0.5,1.0],[2.0,3.0]]}"},
        {"{\"inputs\":[[1,2,3,4]]}", 1, {2}, "{\"predictions\":[0.5,1.0]}"},
        {"{\"inputs\":[[1,2,3,4]]}", 0, {0}, "{\"predictions\":[0.5]}"},
        {"{\"inputs\":{\"x\":[1,2,3,4]}}", 2, {1, 1}, "{\"outputs\":{\"y\":[[0.5]]}}"},
        {"{\"inputs\":{\"x\":[1,2,3,4]}}", 0, {0}, "{\"outputs\":{\"y\":0.5}}"},
    };
    struct qn_io input = io_of("x", QN_FLOAT, 2, any);
    struct qn_io output = io_of("y", QN_FLOAT, -1, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call call;
        struct qn_value value = tensor_value(QN_FLOAT, cases[i].rank, cases[i].dims, data);

        begin(&call, &input, 1, &output, 1);
        assert_int_equal(decode(&call, cases[i].request), QN_OK);
        check_answer(&call, &value, cases[i].answer);
        end(&call);
    }
}

static void answers_several_outputs(void **state)
{
    static const int64_t any[] = {-1, 4};
    static const int64_t labels[] = {1, 0};
    static const float odds[] = {0.25f, 0.75f, 1, 0};
    static const int64_t one[] = {1, 2};
    static const int64_t two[] = {2, 2};
    struct qn_io input = io_of("x", QN_FLOAT, 2, any);
    struct qn_io outputs[2] = {io_of("label", QN_INT64, 1, any), io_of("odds", QN_FLOAT, 2, any)};
    struct qn_value values[2] = {tensor_value(QN_INT64, 1, one, labels), tensor_value(QN_FLOAT, 2, one, odds)};
    struct call call;

    (void)state;
    begin(&call, &input, 1, outputs, 2);
    assert_int_equal(decode(&call, "{\"input\":[1,2,3,4]}"), QN_OK);
    check_answer(&call, values, "{\"prediction\":[1],\"outputs\":{\"label\":[1],\"odds\":[[0.25,0.75]]}}");
    end(&call);
    values[0] = tensor_value(QN_INT64, 1, two, labels);
    values[1] = tensor_value(QN_FLOAT, 2, two, odds);
    begin(&call, &input, 1, outputs, 2);
    assert_int_equal(decode(&call, "{\"inputs\":[[1,2,3,4],[5,6,7,8]]}"), QN_OK);
    check_answer(&call, values,
                 "{\"predictions\":[1,0],\"outputs\":{\"label\":[1,0],\"odds\":[[0.25,0.75],[1.0,0.0]]}}");
    end(&call);
    begin(&call, &input, 1, outputs, 2);
    assert_int_equal(decode(&call, "{\"inputs\":{\"x\":[[1,2,3,4],[5,6,7,8]]}}"), QN_OK);
    check_answer(&call, values, "{\"outputs\":{\"label\":[1,0],\"odds\":[[0.25,0.75],[1.0,0.0]]}}");
    end(&call);
}

/* Two runs of one example: label, a row, a sequence of one map, strings; then the same text as a batch would give. */
static void joins_the_runs(void **state)
{
    static const int64_t fixed[] = {1, 2};
    static const int64_t one[] = {1};
    static const int64_t row[] = {1, 2};
    static const int64_t keys[] = {0, 1};
    static const int64_t n_keys[] = {2};
    struct qn_io input = io_of("x", QN_FLOAT, 2, fixed);
    struct qn_io outputs[4] = {io_of("label", QN_INT64, 1, one), io_of("odds", QN_FLOAT, 2, row),
                               io_of("maps", QN_FLOAT, 0, NULL), io_of("names", QN_STRING, 1, one)};
    struct qn_value *joined;
    struct call call;

    (void)state;
    begin(&call, &input, 1, outputs, 4);
    assert_int_equal(decode(&call, "{\"inputs\":[[1,2],[3,4]]}"), QN_OK);
    assert_true(call.x.turns);
    joined = qn_turns_begin(&call.x);
    assert_non_null(joined);
    for (int run = 0; run < 2; run++) {
        int64_t label = run + 7;
        float odds[2] = {(float)run, 0.5f};
        char name[] = "run 0";
        struct qn_str string = {name, 5};
        struct qn_value parts[2] = {tensor_value(QN_INT64, 1, n_keys, keys), tensor_value(QN_FLOAT, 1, n_keys, odds)};
        struct qn_value map = {.kind = QN_MAP, .items = parts, .n = 2};
        struct qn_value values[4] = {tensor_value(QN_INT64, 1, one, &label),
                                     tensor_value(QN_FLOAT, 2, row, odds),
                                     {.kind = QN_SEQUENCE, .items = &map, .n = 1},
                                     tensor_value(QN_STRING, 1, one, &string)};

        name[4] = (char)('0' + run);
        assert_int_equal(qn_turns_keep(&call.x, joined, (size_t)run, values, &call.err), QN_OK);
        name[4] = '?';
        odds[0] = 99; /* what a run gave is gone after it */
        label = 99;
    }
    check_answer(&call, joined,
                 "{\"predictions\":[7,8],\"outputs\":{\"label\":[7,8],\"odds\":[[0.0,0.5],[1.0,0.5]],"
                 "\"maps\":[{\"0\":0.0,\"1\":0.5},{\"0\":1.0,\"1\":0.5}],\"names\":[\"run 0\",\"run 1\"]}}");
    end(&call);
}

static void no_examples_no_runs(void **state)
{
    static const int64_t fixed[] = {1, 2};
    struct qn_io input = io_of("x", QN_FLOAT, 2, fixed);
    struct qn_value *joined;
    struct call call;

    (void)state;
    begin(&call, &input, 1, &input, 1);
    assert_int_equal(decode(&call, "{\"inputs\":[]}"), QN_OK);
    assert_true(call.x.turns);
    assert_int_equal(call.x.n_runs, 0);
    joined = qn_turns_begin(&call.x);
    assert_non_null(joined);
    check_answer(&call, joined, "{\"predictions\":[]}");
    end(&call);
}

/* ---- memory ---- */

static void scratch_is_reused(void **state)
{
    struct qn_scratch scratch;
    char *first;
    char *second;

    (void)state;
    qn_scratch_init(&scratch, 1 << 20);
    first = qn_scratch_alloc(&scratch, 1000);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 64, 0);
    memset(first, 1, 1000 + 64);
    assert_non_null(qn_scratch_array(&scratch, 10, 10));
    qn_scratch_reset(&scratch, 1 << 20);
    first = qn_scratch_alloc(&scratch, 1000);
    qn_scratch_trim(&scratch, first, 100);
    second = qn_scratch_alloc(&scratch, 100);
    assert_true(second > first && second < first + 1000);
    qn_scratch_reset(&scratch, 1 << 20);
    assert_ptr_equal(qn_scratch_alloc(&scratch, 1000), first);
    assert_null(qn_scratch_alloc(&scratch, 1 << 20));
    assert_null(qn_scratch_alloc(&scratch, SIZE_MAX));
    assert_null(qn_scratch_array(&scratch, SIZE_MAX / 2, 3));
    qn_scratch_reset(&scratch, 100);
    assert_int_equal(qn_scratch_held(&scratch), 0);
    qn_scratch_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_shape),          cmocka_unit_test(data_is_in_order),
        cmocka_unit_test(errors_say_what_is_wrong), cmocka_unit_test(fixed_shapes_name_the_count),
        cmocka_unit_test(other_kinds_are_refused),  cmocka_unit_test(several_inputs_go_by_name),
        cmocka_unit_test(answers_one_output),       cmocka_unit_test(answers_several_outputs),
        cmocka_unit_test(joins_the_runs),           cmocka_unit_test(no_examples_no_runs),
        cmocka_unit_test(scratch_is_reused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
