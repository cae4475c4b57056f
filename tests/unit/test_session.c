/* test_session.c: sessions and contexts through the public interface, on the models in the tree: right answers, shapes,
 * errors, sharing between threads, cancellation, and no heap call in a run after the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "import/import.h"
#include "quern.h"
#include "session.h"
#include "support/model_case.h"
#include "tensor/compare.h"

/* ---- Counting heap calls ----------------------------------------------------------------------------------------- */

static _Thread_local size_t n_heap_calls;

#if defined(__SANITIZE_ADDRESS__)
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                                     void (*on_free)(const volatile void *));
static void on_malloc(const volatile void *memory, size_t n)
{
    (void)memory, (void)n;
    n_heap_calls++;
}
static void on_free(const volatile void *memory)
{
    (void)memory;
    n_heap_calls++;
}
static void count_heap_calls(void) { __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free); }
#elif defined(__SANITIZE_THREAD__)
static void count_heap_calls(void) {}
#else
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *memory);
void *malloc(size_t n)
{
    n_heap_calls++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    n_heap_calls++;
    return __libc_calloc(n, size);
}
void *realloc(void *memory, size_t n)
{
    n_heap_calls++;
    return __libc_realloc(memory, n);
}
void *aligned_alloc(size_t align, size_t n)
{
    n_heap_calls++;
    return __libc_memalign(align, n);
}
void free(void *memory)
{
    n_heap_calls++;
    __libc_free(memory);
}
static void count_heap_calls(void) {}
#endif

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */

static struct qn_session *open_model(const char *name, const struct qn_options *options)
{
    struct qn_err err = {QN_OK, 0, {0}, {0}, {0}};
    struct qn_session *session = NULL;
    char path[512];

    snprintf(path, sizeof(path), "%s/models/%s/model.onnx", QN_SOURCE_DIR, name);
    if (qn_session_open(path, options, &session, &err) != QN_OK)
        fail_msg("%s: %s", path, err.text);
    return session;
}

static struct qn_context *make_context(struct qn_session *session)
{
    struct qn_context *context = NULL;

    assert_int_equal(qn_context_create(session, &context, NULL), QN_OK);
    return context;
}

static struct qn_value floats(float *data, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (struct qn_value){.kind = QN_TENSOR,
                             .tensor = {.dtype = QN_FLOAT, .rank = rank, .dims = {a, b, c, d}, .data = data}};
}

static struct qn_value file_value(struct qn_arena *arena, const char *model, const char *file)
{
    struct qn_value value;
    struct qn_file mapped;
    char path[512];

    snprintf(path, sizeof(path), "%s/models/%s/test_data_set_0/%s", QN_SOURCE_DIR, model, file);
    assert_int_equal(qn_file_map(path, &mapped, NULL), QN_OK);
    assert_int_equal(
        qn_import_value(qn_arena_memdup(arena, mapped.data, mapped.n), mapped.n, QN_TENSOR, arena, &value, NULL, NULL),
        QN_OK);
    qn_file_unmap(&mapped);
    return value;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static void describes_the_model(void **state)
{
    struct qn_session *session = open_model("tutorial", NULL);
    struct qn_memory memory;

    (void)state;
    assert_int_equal(qn_session_n_inputs(session), 1);
    assert_int_equal(qn_session_n_outputs(session), 1);
    assert_string_equal(qn_session_input(session, 0)->name, "input");
    assert_string_equal(qn_session_output(session, 0)->name, "output");
    assert_int_equal(qn_session_input(session, 0)->rank, 2);
    assert_int_equal(qn_session_input(session, 0)->dims[0], -1);
    assert_int_equal(qn_session_input(session, 0)->dims[1], 4);
    assert_non_null(qn_session_input(session, 0)->dim_names[0]);
    assert_null(qn_session_input(session, 1));
    assert_null(qn_session_output(session, 1));
    qn_session_memory(session, &memory);
    assert_true(memory.file_bytes > 0);
    qn_session_close(session);
    qn_session_close(NULL);
}

static void answers_like_the_data_sets(void **state)
{
    static const char *const models[] = {"tutorial", "digits", "digits_cnn"};
    static const struct qn_options variants[] = {
        {.threads = 1}, {.threads = 2}, {.reference = true}, {.max_rewrites = -1}};

    (void)state;
    for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++) {
        struct qn_arena arena;
        struct qn_value input, want;

        qn_arena_init(&arena, 1 << 24);
        input = file_value(&arena, models[m], "input_0.pb");
        want = file_value(&arena, models[m], "output_0.pb");
        for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
            struct qn_session *session = open_model(models[m], &variants[v]);
            struct qn_context *context = make_context(session);
            struct qn_difference difference;
            struct qn_value got = {QN_TENSOR, {QN_UNDEFINED, 0, {0}, NULL}, NULL, 0};

            assert_int_equal(qn_run(context, &input, &got, NULL, NULL), QN_OK);
            qn_value_compare(&got, &want, (struct qn_tolerance){1e-4, 1e-6, 0}, &difference);
            if (!difference.equal)
                fail_msg("%s, variant %zu: %s", models[m], v, difference.reason);
            qn_context_destroy(context);
            qn_session_close(session);
        }
        qn_arena_deinit(&arena);
    }
}

static void batch_rows_have_the_same_bits(void **state)
{
    struct qn_session *session = open_model("digits", &(const struct qn_options){.threads = 2});
    struct qn_context *context = make_context(session);
    float rows[33][64], one[10];

    (void)state;
    for (int i = 0; i < 33; i++)
        for (int k = 0; k < 64; k++)
            rows[i][k] = (float)((i * 7 + k * 5) % 17);
    for (int64_t n = 1; n <= 33; n++) {
        struct qn_value all = floats(rows[0], 2, n, 64, 0, 0), single, got = {.kind = QN_TENSOR};
        float kept[330];

        assert_int_equal(qn_run(context, &all, &got, NULL, NULL), QN_OK);
        memcpy(kept, got.tensor.data, (size_t)n * sizeof(one));
        single = floats(rows[n - 1], 2, 1, 64, 0, 0);
        got = (struct qn_value){.kind = QN_TENSOR};
        assert_int_equal(qn_run(context, &single, &got, NULL, NULL), QN_OK);
        assert_memory_equal(got.tensor.data, kept + (n - 1) * 10, sizeof(one));
    }
    qn_context_destroy(context);
    qn_session_close(session);
}

static void writes_into_the_callers_memory(void **state)
{
    struct qn_session *session = open_model("tutorial", NULL);
    struct qn_context *context = make_context(session);
    struct qn_err err;
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[2] = {NAN, NAN};
    struct qn_value in = floats(x, 2, 2, 4, 0, 0), out = floats(y, 2, 2, 1, 0, 0);

    (void)state;
    assert_int_equal(qn_run(context, &in, &out, NULL, &err), QN_OK);
    assert_ptr_equal(out.tensor.data, y);
    assert_false(isnan(y[0]) || isnan(y[1]));
    out = floats(y, 2, 1, 1, 0, 0);
    assert_int_equal(qn_run(context, &in, &out, NULL, &err), QN_SHAPE);
    assert_non_null(strstr(err.text, "output 'output'"));
    qn_context_destroy(context);
    qn_session_close(session);
}

static void refuses_wrong_inputs(void **state)
{
    struct qn_session *session = open_model("tutorial", NULL);
    struct qn_context *context = make_context(session);
    struct qn_err err;
    float x[8] = {0};
    struct qn_value bad[] = {
        floats(x, 2, 1, 5, 0, 0),    floats(x, 1, 4, 0, 0, 0),         floats(x, 2, -1, 4, 0, 0),
        floats(NULL, 2, 1, 4, 0, 0), floats(x, 2, INT64_MAX, 4, 0, 0), floats(x, 17, 1, 4, 0, 0),
        floats(x, 2, 1, 4, 0, 0),
    };
    static const enum qn_status want[] = {QN_SHAPE, QN_SHAPE, QN_ARG, QN_ARG, QN_LIMIT, QN_ARG, QN_SHAPE};

    (void)state;
    bad[6].tensor.dtype = QN_INT64;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct qn_value out = {.kind = QN_TENSOR};

        assert_int_equal(qn_run(context, &bad[i], &out, NULL, &err), want[i]);
        assert_int_equal(err.input, 1);
        assert_non_null(strstr(err.text, "'input'"));
    }
    qn_context_destroy(context);
    qn_session_close(session);
}

static void obeys_cancel_and_deadline(void **state)
{
    struct qn_session *session = open_model("digits_cnn", NULL);
    struct qn_context *context = make_context(session);
    volatile int cancel = 1;
    struct qn_control control = {.cancel = &cancel};
    struct qn_err err;
    float x[64] = {0};
    struct qn_value in = floats(x, 4, 1, 1, 8, 8), out = {.kind = QN_TENSOR};

    (void)state;
    assert_int_equal(qn_run(context, &in, &out, &control, &err), QN_CANCELLED);
    control = (struct qn_control){.deadline_ns = 1};
    assert_int_equal(qn_run(context, &in, &out, &control, &err), QN_TIMEOUT);
    cancel = 0;
    control = (struct qn_control){.deadline_ns = qn_now_ns() + 60000000000, .cancel = &cancel};
    assert_int_equal(qn_run(context, &in, &out, &control, &err), QN_OK);
    qn_context_destroy(context);
    qn_session_close(session);
}

static void run_calls_no_heap(void **state)
{
    static const char *const models[] = {"tutorial", "digits", "digits_cnn"};

    (void)state;
    count_heap_calls();
    for (size_t m = 0; m < sizeof(models) / sizeof(models[0]); m++) {
        struct qn_session *session = open_model(models[m], NULL);
        struct qn_context *context = make_context(session);
        struct qn_arena arena;
        struct qn_value in, out = {.kind = QN_TENSOR};
        size_t before;

        qn_arena_init(&arena, 1 << 24);
        in = file_value(&arena, models[m], "input_0.pb");
        assert_int_equal(qn_run(context, &in, &out, NULL, NULL), QN_OK);
        before = n_heap_calls;
        for (int i = 0; i < 1000; i++) {
            out = (struct qn_value){.kind = QN_TENSOR};
            if (qn_run(context, &in, &out, NULL, NULL) != QN_OK)
                fail();
        }
        print_message("%s: %zu heap calls in 1000 runs\n", models[m], n_heap_calls - before);
        assert_int_equal(n_heap_calls - before, 0);
        qn_arena_deinit(&arena);
        qn_context_destroy(context);
        qn_session_close(session);
    }
}

/* Eight iterations that hand a tensor on as it is and keep the numbers of the last two iterations. */
static struct qn_session *open_loop(void)
{
    const int64_t trips = 8, zero = 0;
    struct qn_session *session = NULL;
    struct qn_writer w;

    qn_writer_init(&w, QN_CASE_CAPACITY);
    qn_put_model(&w);
    qn_write_value_info(&w, 11, "a", QN_FLOAT, QN_DIMS(1024));
    qn_write_value_info(&w, 11, "cond", QN_BOOL, 0, NULL);
    qn_write_tensor(&w, 5, "trips", QN_INT64, 0, NULL, &trips, sizeof(trips));
    qn_write_tensor(&w, 5, "zero", QN_INT64, 0, NULL, &zero, sizeof(zero));
    qn_write_begin_node(&w, 1, "Loop", "trips cond a zero zero", "same last before");
    qn_put_body(&w, "body");
    qn_write_value_info(&w, 11, "i", QN_INT64, 0, NULL);
    qn_write_value_info(&w, 11, "go", QN_BOOL, 0, NULL);
    qn_write_value_info(&w, 11, "x", QN_FLOAT, QN_DIMS(1024));
    qn_write_value_info(&w, 11, "p", QN_INT64, 0, NULL);
    qn_write_value_info(&w, 11, "q", QN_INT64, 0, NULL);
    qn_write_node(&w, "Identity", "go", "go_on");
    qn_write_node(&w, "Identity", "x", "x_on");
    qn_write_node(&w, "Identity", "i", "p_on");
    qn_write_node(&w, "Identity", "p", "q_on");
    qn_write_value_info(&w, 12, "go_on", QN_BOOL, 0, NULL);
    qn_write_value_info(&w, 12, "x_on", QN_FLOAT, QN_DIMS(1024));
    qn_write_value_info(&w, 12, "p_on", QN_INT64, 0, NULL);
    qn_write_value_info(&w, 12, "q_on", QN_INT64, 0, NULL);
    qn_put_body_end(&w);
    qn_write_end(&w);
    qn_put_out(&w, "same");
    qn_put_out(&w, "last");
    qn_put_out(&w, "before");
    qn_write_end(&w);
    assert_int_equal(qn_session_open_bytes(w.data, w.n, NULL, &session, NULL), QN_OK);
    qn_writer_deinit(&w);
    return session;
}

static void loops_call_no_heap(void **state)
{
    struct qn_session *session = open_loop();
    struct qn_context *context = make_context(session);
    float a[1024] = {1, 2, 3};
    bool cond = true;
    struct qn_value in[2] = {floats(a, 1, 1024, 0, 0, 0), {.kind = QN_TENSOR, .tensor = {QN_BOOL, 0, {0}, &cond}}};
    size_t before = 0;

    (void)state;
    count_heap_calls();
    for (int i = 0; i < 1000; i++) {
        struct qn_value out[3] = {{.kind = QN_TENSOR}, {.kind = QN_TENSOR}, {.kind = QN_TENSOR}};

        assert_int_equal(qn_run(context, in, out, NULL, NULL), QN_OK);
        assert_memory_equal(out[0].tensor.data, a, sizeof(a));
        assert_int_equal(*(const int64_t *)out[1].tensor.data, 7);
        assert_int_equal(*(const int64_t *)out[2].tensor.data, 6);
        before = i < 2 ? n_heap_calls : before;
    }
    assert_int_equal(n_heap_calls - before, 0);
    qn_context_destroy(context);
    qn_session_close(session);
}

/* y = GlobalAveragePool(Relu(Conv(x, w))) + b in float16. */
static void write_float16(struct qn_writer *w)
{
    uint16_t weights[4 * 3 * 3 * 3], bias[1] = {0x3c00};

    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
        weights[i] = (uint16_t)(0x2c00 + i * 37 % 0x1000 + (i % 3 == 0 ? 0x8000 : 0));
    qn_write_model_head(w, 8, 17);
    qn_write_value_info(w, 11, "x", QN_FLOAT16, QN_DIMS(-1, 3, 9, 9));
    qn_write_value_info(w, 12, "y", QN_FLOAT16, 0, NULL);
    qn_write_tensor(w, 5, "w", QN_FLOAT16, QN_DIMS(4, 3, 3, 3), weights, sizeof(weights));
    qn_write_tensor(w, 5, "b", QN_FLOAT16, QN_DIMS(1), bias, sizeof(bias));
    qn_write_node(w, "Conv", "x w", "c");
    qn_write_node(w, "Relu", "c", "r");
    qn_write_node(w, "GlobalAveragePool", "r", "g");
    qn_write_node(w, "Add", "g b", "y");
    qn_write_end(w);
}

static void float16_runs_as_float32_does(void **state)
{
    static const struct qn_options variants[] = {{.threads = 1}, {.threads = 2}, {.reference = true}};
    struct qn_writer w;
    uint16_t x[2 * 3 * 9 * 9], y[3][8];
    struct qn_value in = {.tensor = {.dtype = QN_FLOAT16, .rank = 4, .dims = {2, 3, 9, 9}, .data = x}};

    (void)state;
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
        x[i] = (uint16_t)(0x3000 + i * 101 % 0x1000 + (i % 2 ? 0x8000 : 0));
    qn_writer_init(&w, 1 << 16);
    write_float16(&w);
    for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
        struct qn_session *session;
        struct qn_context *context;
        size_t before = 0;

        assert_int_equal(qn_session_open_bytes(w.data, w.n, &variants[v], &session, NULL), QN_OK);
        context = make_context(session);
        for (int i = 0; i < 10; i++) {
            struct qn_value out = {.kind = QN_TENSOR};

            assert_int_equal(qn_run(context, &in, &out, NULL, NULL), QN_OK);
            assert_int_equal(out.tensor.dtype, QN_FLOAT16);
            memcpy(y[v], out.tensor.data, sizeof(y[v]));
            before = i == 0 ? n_heap_calls : before;
        }
        assert_int_equal(n_heap_calls, before);
        qn_context_destroy(context);
        qn_session_close(session);
    }
    qn_writer_deinit(&w);
    assert_memory_equal(y[0], y[1], sizeof(y[0]));
    for (int i = 0; i < 8; i++) /* rounded once or after every node: a few units in the last place */
        assert_in_range(y[0][i] - y[2][i] + 4, 0, 8);
}

/* ---- Many threads ------------------------------------------------------------------------------------------------ */

struct caller {
    struct qn_session *session;
    struct qn_value in;
    const float *want;
    size_t n;
    int n_wrong;
};

static void *call_often(void *arg)
{
    struct caller *caller = arg;
    struct qn_context *context = NULL;

    caller->n_wrong = qn_context_create(caller->session, &context, NULL) != QN_OK;
    for (int i = 0; i < 200 && !caller->n_wrong; i++) {
        struct qn_value out = {.kind = QN_TENSOR};

        caller->n_wrong += qn_run(context, &caller->in, &out, NULL, NULL) != QN_OK ||
                           memcmp(out.tensor.data, caller->want, caller->n * sizeof(float)) != 0;
    }
    qn_context_destroy(context);
    return NULL;
}

static void contexts_run_at_one_time(void **state)
{
    struct qn_session *session = open_model("digits_cnn", &(const struct qn_options){.threads = 3});
    struct qn_context *context = make_context(session);
    struct qn_arena arena;
    struct qn_value in, out = {.kind = QN_TENSOR};
    struct caller callers[4];
    pthread_t threads[4];

    (void)state;
    qn_arena_init(&arena, 1 << 24);
    in = file_value(&arena, "digits_cnn", "input_0.pb");
    assert_int_equal(qn_run(context, &in, &out, NULL, NULL), QN_OK);
    for (int i = 0; i < 4; i++) {
        callers[i] = (struct caller){session, in, out.tensor.data, (size_t)qn_tensor_count(&out.tensor), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    qn_session_close(session); /* contexts keep it */
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].n_wrong, 0);
    }
    qn_context_destroy(context);
    qn_arena_deinit(&arena);
}

static void refuses_what_is_no_model(void **state)
{
    struct qn_session *session;
    struct qn_err err;

    (void)state;
    assert_int_equal(qn_session_open("/nonexistent.onnx", NULL, &session, &err), QN_IO);
    assert_null(session);
    assert_int_equal(qn_session_open_bytes("", 0, NULL, &session, &err), QN_FORMAT);
    assert_int_equal(qn_session_open_bytes("{\"a\":1}", 7, NULL, &session, &err), QN_FORMAT);
    assert_true(err.text[0] != '\0');
    assert_int_equal(qn_session_open("/", NULL, &session, &err), QN_IO);
}

/* Axes that are computed, and are none: an empty value has no memory and is known all the same. */
static void empty_values_decide_shapes(void **state)
{
    static const uint8_t bytes[3] = {7, 5, 6};
    static const int64_t zero = 0;
    struct qn_value axes = {.tensor = {.dtype = QN_INT64, .rank = 1}}, y = {QN_TENSOR};
    struct qn_session *session;
    struct qn_context *context;
    struct qn_writer w;

    (void)state;
    qn_writer_init(&w, 4096);
    qn_write_model_head(&w, 10, 20);
    qn_write_text(&w, 2, "g");
    qn_write_begin(&w, 11); /* of any rank */
    qn_write_text(&w, 1, "axes");
    qn_write_begin(&w, 2);
    qn_write_begin(&w, 1);
    qn_write_int(&w, 1, QN_INT64);
    for (int i = 0; i < 3; i++)
        qn_write_end(&w);
    qn_write_value_info(&w, 12, "y", 0, 0, NULL);
    qn_write_tensor(&w, 5, "x", QN_UINT8, QN_DIMS(3), bytes, sizeof(bytes));
    qn_write_tensor(&w, 5, "zero", QN_INT64, 0, NULL, &zero, sizeof(zero));
    qn_write_node(&w, "Add", "axes zero", "sum");
    qn_write_node(&w, "ReduceMin", "x sum", "y");
    qn_write_end(&w);
    assert_int_equal(qn_session_open_bytes(w.data, w.n, NULL, &session, NULL), QN_OK);
    assert_int_equal(qn_context_create(session, &context, NULL), QN_OK);
    assert_int_equal(qn_run(context, &axes, &y, NULL, NULL), QN_OK);
    assert_int_equal(y.tensor.rank, 1);
    assert_int_equal(*(uint8_t *)y.tensor.data, 5);
    qn_context_destroy(context);
    qn_session_close(session);
    qn_writer_deinit(&w);
}

static void prints_a_plan(void **state)
{
    struct qn_session *session = open_model("digits_cnn", NULL);
    struct qn_buf text;

    (void)state;
    qn_buf_init(&text, 1 << 20);
    assert_int_equal(qn_session_print_plan(session, NULL, &text, NULL), QN_OK);
    assert_non_null(strstr(text.data, "Conv"));
    qn_buf_deinit(&text);
    qn_session_close(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_the_model),
        cmocka_unit_test(answers_like_the_data_sets),
        cmocka_unit_test(batch_rows_have_the_same_bits),
        cmocka_unit_test(writes_into_the_callers_memory),
        cmocka_unit_test(refuses_wrong_inputs),
        cmocka_unit_test(obeys_cancel_and_deadline),
        cmocka_unit_test(run_calls_no_heap),
        cmocka_unit_test(loops_call_no_heap),
        cmocka_unit_test(float16_runs_as_float32_does),
        cmocka_unit_test(contexts_run_at_one_time),
        cmocka_unit_test(refuses_what_is_no_model),
        cmocka_unit_test(empty_values_decide_shapes),
        cmocka_unit_test(prints_a_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
