/* repo.c: finding, loading and handing out models; see repo.h. */
#include "server/repo.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/cpu.h"
#include "base/log.h"
#include "server/codec/element.h"

enum { MAX_MODELS = 1024, PATH_BYTES = 4096 };

struct qn_repo {
    struct qn_repo_options options;
    struct qn_model **models; /* by name, then version */
    size_t n_models;
    struct qn_arena names;
};

/* ---- what a model needs ---- */

/* Bytes of JSON an input may take: unknown dims are 1, but the first may be a whole batch. */
static size_t json_bytes(const struct qn_io *io, size_t max_batch, bool *is_open)
{
    size_t per_element = io->dtype == QN_STRING ? 1024 : 32;
    size_t n = max_batch;

    *is_open |= io->rank < 0 || io->kind != QN_TENSOR;
    for (int i = 0; i < io->rank; i++) {
        *is_open |= io->dims[i] < 0 && i > 0;
        if (io->dims[i] > 0 && __builtin_mul_overflow(n, (size_t)io->dims[i], &n))
            return SIZE_MAX / 2;
    }
    return n > SIZE_MAX / 2 / per_element ? SIZE_MAX / 2 : n * per_element;
}

static size_t default_max_body(const struct qn_signature *signature, size_t max_batch)
{
    const size_t least = (size_t)1 << 20;
    const size_t most = (size_t)1 << 30;
    size_t n = 65536;
    bool is_open = false;

    for (size_t i = 0; i < signature->n_inputs && n < most; i++)
        n += json_bytes(signature->inputs[i], max_batch, &is_open);
    if (is_open && n < 16 * least)
        n = 16 * least;
    return n < least ? least : n > most ? most : n;
}

static enum qn_status read_signature(struct qn_repo *repo, struct qn_model *model, struct qn_err *err)
{
    size_t n_inputs = qn_session_n_inputs(model->session);
    size_t n_outputs = qn_session_n_outputs(model->session);
    const struct qn_io **inputs = qn_arena_array(&repo->names, n_inputs, sizeof(*inputs));
    const struct qn_io **outputs = qn_arena_array(&repo->names, n_outputs, sizeof(*outputs));

    QN_CHECK(inputs != NULL && outputs != NULL, err, NOMEM, "out of memory");
    for (size_t i = 0; i < n_inputs; i++)
        inputs[i] = qn_session_input(model->session, i);
    for (size_t i = 0; i < n_outputs; i++)
        outputs[i] = qn_session_output(model->session, i);
    model->signature = (struct qn_signature){inputs, outputs, n_inputs, n_outputs};
    return QN_OK;
}

/* ---- the self-test ---- */

struct trial {
    const struct qn_signature *signature;
    struct qn_value *inputs;
    struct qn_value *outputs;
    struct qn_scratch scratch;
    bool is_guess; /* a dim besides the first, a rank, a kind, or values that steer had to be made up */
    struct qn_err *err;
};

static bool is_float(enum qn_dtype dtype)
{
    return dtype == QN_FLOAT || dtype == QN_DOUBLE || dtype == QN_FLOAT16 || dtype == QN_BFLOAT16;
}

/* Zeros, or empty strings, in the input's shape with 1 for unknown dims. */
static enum qn_status make_input(struct trial *trial, const struct qn_io *io, struct qn_tensor *tensor)
{
    size_t n;
    size_t n_bytes;

    *tensor = (struct qn_tensor){.dtype = io->dtype, .rank = io->rank < 0 ? 1 : io->rank};
    trial->is_guess |= io->rank < 0 || !is_float(io->dtype);
    for (int i = 0; i < tensor->rank; i++) {
        tensor->dims[i] = io->rank < 0 || io->dims[i] < 0 ? 1 : io->dims[i];
        trial->is_guess |= i > 0 && io->dims[i] < 0;
    }
    QN_CHECK(qn_element_count(tensor->rank, tensor->dims, &n) && qn_element_bytes(io->dtype, n, &n_bytes), trial->err,
             LIMIT, "input \"%s\" is too large", io->name);
    tensor->data = qn_scratch_array(&trial->scratch, 1, n_bytes);
    QN_CHECK(tensor->data != NULL, trial->err, NOMEM, "out of memory for input \"%s\"", io->name);
    for (size_t i = 0; io->dtype == QN_STRING && i < n; i++)
        ((struct qn_str *)tensor->data)[i].data = "";
    return QN_OK;
}

/* Also lays out the context's memory, so that the first request finds it ready. */
static enum qn_status run_trial(void *arg, struct qn_context *context)
{
    struct trial *trial = arg;

    memset(trial->outputs, 0, trial->signature->n_outputs * sizeof(*trial->outputs));
    return qn_run(context, trial->inputs, trial->outputs, NULL, trial->err);
}

/* A model may refuse what had to be guessed, or divide by the zeros: that is no failure. */
static enum qn_status self_test(struct qn_model *model, struct qn_err *err)
{
    struct trial trial = {.signature = &model->signature, .err = err};
    enum qn_status status = QN_OK;
    bool has_values = false;

    qn_scratch_init(&trial.scratch, SIZE_MAX);
    trial.inputs = qn_scratch_array(&trial.scratch, trial.signature->n_inputs, sizeof(*trial.inputs));
    trial.outputs = qn_scratch_array(&trial.scratch, trial.signature->n_outputs, sizeof(*trial.outputs));
    if (trial.inputs == NULL || trial.outputs == NULL)
        status = qn_err_set(err, QN_NOMEM, "out of memory");
    for (size_t i = 0; status == QN_OK && i < trial.signature->n_inputs; i++) {
        has_values |= trial.signature->inputs[i]->kind != QN_TENSOR;
        if (!has_values)
            status = make_input(&trial, trial.signature->inputs[i], &trial.inputs[i].tensor);
    }
    if (status == QN_OK && !has_values)
        status = qn_queue_each(model->queue, run_trial, &trial);
    qn_scratch_deinit(&trial.scratch);
    if (status == QN_RANGE || (status != QN_OK && status != QN_INTERNAL && trial.is_guess)) {
        qn_log(QN_LOG_INFO, "repo", "model %s is not tested: it takes no zeros (%s)", model->name, err->text);
        return QN_OK;
    }
    return status;
}

/* ---- loading ---- */

/* As many runs at a time as compute threads. Small models get more contexts: they cost little, and a thread that loses
 * the processor in the middle of a run then does not hold up the others. */
static int count_contexts(const struct qn_repo *repo, const struct qn_model *model)
{
    enum { SMALL = 262144, MORE = 4 };
    struct qn_memory memory;

    qn_session_memory(model->session, &memory);
    return memory.arena_bytes + memory.weight_bytes + memory.file_bytes < SMALL ? repo->options.threads * MORE
                                                                                : repo->options.threads;
}

static void hear_missing(void *arg, const char *line)
{
    const char *name = arg;

    qn_log(QN_LOG_ERROR, "repo", "model %s: %s", name, line);
}

static void unload(struct qn_model *model)
{
    qn_queue_destroy(model->queue);
    qn_session_close(model->session);
    free(model);
}

static enum qn_status load_here(struct qn_repo *repo, struct qn_model *model, const char *path, struct qn_err *err)
{
    struct qn_options options = {
        .threads = repo->options.threads,
        .max_memory = repo->options.max_memory,
        .missing_fn = hear_missing,
        .missing_arg = (void *)(uintptr_t)model->name,
    };
    int64_t started_ns = qn_now_ns();

    if (path != NULL)
        QN_TRY(qn_session_open(path, &options, &model->session, err));
    else
        QN_TRY(qn_session_open_bytes(repo->options.bytes, repo->options.n_bytes, &options, &model->session, err));
    QN_TRY(read_signature(repo, model, err));
    model->n_contexts = count_contexts(repo, model);
    QN_TRY(qn_queue_create(model->session, model->n_contexts, repo->options.max_waiting, &model->queue, err));
    QN_TRY(self_test(model, err));
    model->max_body = repo->options.max_body;
    if (model->max_body == 0)
        model->max_body = default_max_body(&model->signature, repo->options.max_batch);
    model->load_ns = qn_now_ns() - started_ns;
    return QN_OK;
}

struct loading {
    struct qn_repo *repo;
    struct qn_model *model;
    const char *path;
    enum qn_status status;
    struct qn_err *err;
};

static void load_on_stack(void *arg)
{
    struct loading *loading = arg;

    loading->status = load_here(loading->repo, loading->model, loading->path, loading->err);
}

/* Whatever the stack of this thread is. */
static enum qn_status load(struct qn_repo *repo, struct qn_model *model, const char *path, struct qn_err *err)
{
    struct loading loading = {repo, model, path, QN_INTERNAL, err};
    struct qn_stack *stack = qn_stack_create(QN_STACK_BYTES);

    QN_CHECK_MEM(stack, err);
    qn_stack_call(stack, load_on_stack, &loading);
    qn_stack_destroy(stack);
    return loading.status;
}

/* path NULL: the bytes. The error's text gets the model's name in front. */
static enum qn_status add_model(struct qn_repo *repo, const char *name, int64_t version, const char *path,
                                struct qn_err *err)
{
    struct qn_err reason = {QN_OK, 0, "", "", ""};
    struct qn_model *model;
    enum qn_status status;

    QN_CHECK(repo->n_models < MAX_MODELS, err, LIMIT, "more than %d models", MAX_MODELS);
    model = calloc(1, sizeof(*model));
    QN_CHECK_MEM(model, err);
    model->name = qn_arena_strdup(&repo->names, name);
    model->version = version;
    status = model->name == NULL ? QN_NOMEM : load(repo, model, path, &reason);
    if (status != QN_OK) {
        unload(model);
        if (reason.op[0] != '\0')
            return qn_err_set(err, status, "model %s: %s (%s node \"%s\")", name, reason.text, reason.op, reason.node);
        return qn_err_set(err, status, "model %s: %s", name, reason.text);
    }
    repo->models[repo->n_models++] = model;
    return QN_OK;
}

/* ---- finding ---- */

static const char suffix[] = ".onnx";

static bool is_model_file(const char *name)
{
    size_t n = strlen(name);

    return n > sizeof(suffix) - 1 && strcmp(name + n - (sizeof(suffix) - 1), suffix) == 0;
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* A version is a folder named by a positive number. */
static bool parse_version(const char *name, int64_t *version)
{
    size_t n = strspn(name, "0123456789");

    if (n == 0 || n > 18 || name[n] != '\0')
        return false;
    *version = strtoll(name, NULL, 10);
    return *version > 0;
}

typedef enum qn_status visitor(struct qn_repo *repo, const char *path, const char *name, void *arg, struct qn_err *err);

/* Calls visit for every entry that is not hidden, in the order of their names. */
static enum qn_status each_entry(struct qn_repo *repo, const char *folder, visitor *visit, void *arg,
                                 struct qn_err *err)
{
    struct dirent **entries = NULL;
    enum qn_status status = QN_OK;
    char path[PATH_BYTES];
    int n = scandir(folder, &entries, NULL, alphasort);

    QN_CHECK(n >= 0, err, IO, "cannot read the folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;

        if (status == QN_OK && name[0] != '.') {
            if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path))
                status = visit(repo, path, name, arg, err);
            else
                status = qn_err_set(err, QN_LIMIT, "a path below %s is too long", folder);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* NAME/VERSION; arg is NAME. */
static enum qn_status visit_version(struct qn_repo *repo, const char *path, const char *name, void *arg,
                                    struct qn_err *err)
{
    char file[PATH_BYTES + 16];
    int64_t version;

    if (!parse_version(name, &version))
        return QN_OK;
    snprintf(file, sizeof(file), "%s/model.onnx", path);
    return is_file(file) ? add_model(repo, arg, version, file, err) : QN_OK;
}

static enum qn_status visit_entry(struct qn_repo *repo, const char *path, const char *name, void *arg,
                                  struct qn_err *err)
{
    char text[PATH_BYTES + 16];

    (void)arg;
    if (is_model_file(name) && is_file(path)) {
        snprintf(text, sizeof(text), "%.*s", (int)(strlen(name) - (sizeof(suffix) - 1)), name);
        return add_model(repo, text, 1, path, err);
    }
    if (!is_folder(path))
        return QN_OK;
    snprintf(text, sizeof(text), "%s/model.onnx", path);
    if (is_file(text))
        return add_model(repo, name, 1, text, err);
    snprintf(text, sizeof(text), "%s", name);
    return each_entry(repo, path, visit_version, text, err);
}

/* A file's model is called by the file's stem. */
static enum qn_status add_file(struct qn_repo *repo, struct qn_err *err)
{
    const char *path = repo->options.path;
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    char stem[PATH_BYTES];

    snprintf(stem, sizeof(stem), "%s", path == NULL ? "model" : slash == NULL ? path : slash + 1);
    if (is_model_file(stem))
        stem[strlen(stem) - (sizeof(suffix) - 1)] = '\0';
    return add_model(repo, repo->options.name != NULL ? repo->options.name : stem, 1, path, err);
}

static int compare_models(const void *a, const void *b)
{
    const struct qn_model *left = *(struct qn_model *const *)a;
    const struct qn_model *right = *(struct qn_model *const *)b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : (left->version > right->version) - (left->version < right->version);
}

static enum qn_status find_models(struct qn_repo *repo, struct qn_err *err)
{
    if (repo->options.path == NULL || !is_folder(repo->options.path))
        return add_file(repo, err);
    QN_CHECK(repo->options.name == NULL, err, ARG, "--name goes with a model file, not with a folder");
    QN_TRY(each_entry(repo, repo->options.path, visit_entry, NULL, err));
    QN_CHECK(repo->n_models > 0, err, IO, "no model in %s: expected NAME.onnx or NAME/VERSION/model.onnx",
             repo->options.path);
    qsort(repo->models, repo->n_models, sizeof(*repo->models), compare_models);
    for (size_t i = 1; i < repo->n_models; i++)
        QN_CHECK(compare_models(&repo->models[i - 1], &repo->models[i]) != 0, err, ARG, "two models are called %s",
                 repo->models[i]->name);
    return QN_OK;
}

enum qn_status qn_repo_open(const struct qn_repo_options *options, struct qn_repo **result, struct qn_err *err)
{
    struct qn_repo *repo = calloc(1, sizeof(*repo));
    enum qn_status status;

    *result = NULL;
    QN_CHECK_MEM(repo, err);
    repo->options = *options;
    qn_arena_init(&repo->names, (size_t)64 << 20);
    repo->models = calloc(MAX_MODELS, sizeof(struct qn_model *));
    status = repo->models == NULL ? qn_err_set(err, QN_NOMEM, "out of memory") : find_models(repo, err);
    if (status != QN_OK) {
        qn_repo_close(repo);
        return status;
    }
    *result = repo;
    return QN_OK;
}

void qn_repo_close(struct qn_repo *repo)
{
    if (repo == NULL)
        return;
    for (size_t i = 0; i < repo->n_models; i++)
        unload(repo->models[i]);
    qn_arena_deinit(&repo->names);
    free(repo->models);
    free(repo);
}

/* ---- handing out ---- */

size_t qn_repo_n_models(const struct qn_repo *repo) { return repo->n_models; }

const struct qn_model *qn_repo_model(const struct qn_repo *repo, size_t index)
{
    return index < repo->n_models ? repo->models[index] : NULL;
}

static bool is_version(const struct qn_model *model, struct qn_str version)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)model->version);
    return strlen(text) == version.n && memcmp(text, version.data, version.n) == 0;
}

/* The last one of the name and version asked for, as versions ascend. */
struct qn_model *qn_repo_acquire(struct qn_repo *repo, struct qn_str name, struct qn_str version)
{
    struct qn_model *found = NULL;

    for (size_t i = 0; i < repo->n_models; i++) {
        struct qn_model *model = repo->models[i];

        if (name.data == NULL && found != NULL && strcmp(found->name, model->name) != 0)
            return NULL;
        if (name.data != NULL && (strlen(model->name) != name.n || memcmp(model->name, name.data, name.n) != 0))
            continue;
        if (version.data == NULL || is_version(model, version))
            found = model;
    }
    if (found != NULL)
        atomic_fetch_add(&found->n_users, 1);
    return found;
}

void qn_repo_release(struct qn_model *model) { atomic_fetch_sub(&model->n_users, 1); }
