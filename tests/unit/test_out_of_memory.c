/* test_out_of_memory.c: models are opened and run while calls for memory fail: the first, the second and so on, until
 * all of the work passes without meeting the failure; each of them once alone and once with all that follow. A failure
 * must be told as OUT OF MEMORY or be made up for, with the right answer; nothing may stay behind (which the address
 * sanitizer watches), and the same session must work again when memory is back.
 *
 * The build links this program so that the engine's calls of the functions below come here first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "import/import.h"
#include "support/model_case.h"
#include "tensor/compare.h"

/* ---- Calls that fail ------------------------------------------------------------------------------------------- */

static struct {
    long n, fail_at; /* calls so far; the one that fails, 0: none */
    bool persists;   /* and every one after it */
} calls;

static bool fails(void)
{
    calls.n++;
    if (calls.fail_at == 0 || (calls.persists ? calls.n < calls.fail_at : calls.n != calls.fail_at))
        return false;
    errno = ENOMEM;
    return true;
}

#define FAILING(type, name, failure, parameters, arguments)                                                            \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters { return fails() ? failure : __real_##name arguments; }

FAILING(void *, malloc, NULL, (size_t n), (n))
FAILING(void *, calloc, NULL, (size_t n, size_t size), (n, size))
FAILING(void *, realloc, NULL, (void *memory, size_t n), (memory, n))
FAILING(void *, aligned_alloc, NULL, (size_t align, size_t n), (align, n))
FAILING(void *, mmap64, MAP_FAILED, (void *at, size_t n, int protection, int flags, int fd, off_t offset),
        (at, n, protection, flags, fd, offset))
FAILING(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
FAILING(int, pthread_create, EAGAIN,
        (pthread_t * thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg), (thread, attr, start, arg))

/* ---- A model with and without trouble ------------------------------------------------------------------------- */

enum { MAX_OUTPUTS = 2 };

/* What to open, its input, and, from a session that met no failure, what it says and answers. */
struct model {
    char path[512]; /* "": the bytes of the writer */
    struct qn_writer bytes;
    struct qn_arena arena;
    struct qn_value in;
    struct qn_session *session;
    struct qn_context *context;
    struct qn_value want[MAX_OUTPUTS]; /* views into the context */
};

static enum qn_status open_model(const struct model *model, struct qn_session **session, struct qn_err *err)
{
    static const struct qn_options options = {.threads = 2, .max_memory = (size_t)64 << 20};

    if (model->path[0])
        return qn_session_open(model->path, &options, session, err);
    return qn_session_open_bytes(model->bytes.data, model->bytes.n, &options, session, err);
}

static void learn_answer(struct model *model)
{
    assert_int_equal(open_model(model, &model->session, NULL), QN_OK);
    assert_true(qn_session_n_outputs(model->session) <= MAX_OUTPUTS);
    assert_int_equal(qn_context_create(model->session, &model->context, NULL), QN_OK);
    assert_int_equal(qn_run(model->context, &model->in, model->want, NULL, NULL), QN_OK);
}

static void forget(struct model *model)
{
    qn_context_destroy(model->context);
    qn_session_close(model->session);
    qn_arena_deinit(&model->arena);
    qn_writer_deinit(&model->bytes);
}

static void check_description(const struct model *model, const struct qn_session *session)
{
    for (size_t i = 0; i < qn_session_n_outputs(model->session); i++) {
        assert_string_equal(qn_session_output(session, i)->name, qn_session_output(model->session, i)->name);
        assert_string_equal(qn_session_output(session, i)->type_text, qn_session_output(model->session, i)->type_text);
    }
}

static enum qn_status run_model(const struct model *model, struct qn_context *context, struct qn_err *err)
{
    struct qn_value got[MAX_OUTPUTS] = {{.kind = QN_TENSOR}};
    enum qn_status status = qn_run(context, &model->in, got, NULL, err);

    for (size_t i = 0; i < qn_session_n_outputs(model->session) && status == QN_OK; i++) {
        long fail_at = calls.fail_at;
        struct qn_difference difference;

        calls.fail_at = 0;
        qn_value_compare(&got[i], &model->want[i], (struct qn_tolerance){1e-5, 1e-6, 0}, &difference);
        calls.fail_at = fail_at;
        if (!difference.equal)
            fail_msg("%s, call %ld fails: %s", model->path, fail_at, difference.reason);
    }
    return status;
}

/* Everything once; after a failure of a run, once more with all the memory there is. */
static enum qn_status use(const struct model *model, struct qn_err *err)
{
    struct qn_session *session;
    struct qn_context *context = NULL;
    enum qn_status status = open_model(model, &session, err);

    if (status != QN_OK) {
        assert_null(session);
        return status;
    }
    check_description(model, session);
    status = qn_context_create(session, &context, err);
    if (status == QN_OK) {
        status = run_model(model, context, err);
        calls.fail_at = 0;
        assert_int_equal(run_model(model, context, NULL), QN_OK);
    } else {
        assert_null(context);
    }
    qn_context_destroy(context);
    qn_session_close(session);
    return status;
}

/* Every call of the work fails in its turn. */
static void fail_each(const struct model *model, bool persists)
{
    long n_told = 0;

    calls.persists = persists;
    for (long at = 1;; at++) {
        struct qn_err err = {0};
        enum qn_status status;

        calls.n = 0;
        calls.fail_at = at;
        status = use(model, &err);
        calls.fail_at = 0;
        if (status != QN_OK && (status != QN_NOMEM || !strstr(err.text, "memory")))
            fail_msg("%s, call %ld fails: %s, '%s'", model->path, at, qn_status_name(status), err.text);
        n_told += status != QN_OK;
        if (calls.n < at) {
            print_message("%s: %ld calls, %ld failures told\n", model->path, at - 1, n_told);
            assert_true(n_told > 10);
            return;
        }
    }
}

static void fail_everywhere(struct model *model)
{
    learn_answer(model);
    fail_each(model, false);
    fail_each(model, true);
    forget(model);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static void models_in_files(void **state)
{
    static const char *const names[] = {"tutorial", "digits", "digits_cnn", "iris", "iris_zipmap", "diabetes_gbr"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct model model = {.in = {.kind = QN_TENSOR}};
        struct qn_file file;

        snprintf(model.path, sizeof(model.path), "%s/models/%s/test_data_set_0/input_0.pb", QN_SOURCE_DIR, names[i]);
        qn_arena_init(&model.arena, 1 << 24);
        assert_int_equal(qn_file_map(model.path, &file, NULL), QN_OK);
        assert_int_equal(qn_import_value(file.data, file.n, QN_TENSOR, &model.arena, &model.in, NULL, NULL), QN_OK);
        qn_file_unmap(&file);
        snprintf(model.path, sizeof(model.path), "%s/models/%s/model.onnx", QN_SOURCE_DIR, names[i]);
        fail_everywhere(&model);
    }
}

/* A loop whose size is known to the run only, around a branch and a call of a function. */
static void write_loop(struct qn_writer *w)
{
    const int64_t three = 3;

    qn_put_model(w);
    qn_put_x(w);
    qn_put_weight(w, "w");
    qn_write_tensor(w, 5, "m", QN_INT64, 0, NULL, &three, sizeof(three));
    qn_put_out(w, "y");
    qn_put_out(w, "all");
    qn_write_begin_node(w, 1, "Loop", "m - x", "y all");
    qn_put_body(w, "body");
    qn_write_value_info(w, 11, "i", QN_INT64, 0, NULL);
    qn_write_value_info(w, 11, "go", QN_BOOL, 0, NULL);
    qn_write_value_info(w, 11, "v", QN_FLOAT, QN_DIMS(2));
    qn_write_node(w, "Identity", "go", "on");
    qn_write_begin_node(w, 1, "Cast", "i", "late");
    qn_put_int(w, "to", QN_BOOL);
    qn_write_end(w);
    qn_write_begin_node(w, 1, "If", "late", "u");
    qn_put_body(w, "then_branch");
    qn_write_node(w, "Add", "v w", "a");
    qn_put_out(w, "a");
    qn_put_body_end(w);
    qn_put_body(w, "else_branch");
    qn_put_call(w, 1, "twice", "v", "b");
    qn_put_out(w, "b");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_node(w, "Mul", "u x", "part");
    qn_put_out(w, "on");
    qn_put_out(w, "u");
    qn_put_out(w, "part");
    qn_put_body_end(w);
    qn_write_end(w);
    qn_write_end(w);
    qn_put_function(w, "twice", "p", "q");
    qn_put_node(w, 7, "Add", "p p", "q");
    qn_write_end(w);
}

static void a_model_with_bodies(void **state)
{
    float x[2] = {3, 4};
    struct model model = {.in = {.kind = QN_TENSOR, .tensor = {.dtype = QN_FLOAT, .rank = 1, .dims = {2}, .data = x}}};

    (void)state;
    qn_writer_init(&model.bytes, QN_CASE_CAPACITY);
    write_loop(&model.bytes);
    fail_everywhere(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_in_files),
        cmocka_unit_test(a_model_with_bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
