/* session.c: the composition root: import, passes, programs; contexts; checks of what callers hand in. The only file
 * that includes every layer. */
#include "session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "import/import.h"
#include "ops/eval.h"
#include "passes/pass.h"
#include "plan/plan.h"
#include "run/frame.h"

struct qn_session {
    atomic_int n_references;
    struct qn_model model;
    struct qn_options options;
    struct qn_plan_options plan_options;
    struct qn_packs *packs;
    struct qn_program *program;
    struct qn_pool *pool;
    struct qn_io *inputs, *outputs;
    size_t n_inputs, n_outputs;
    atomic_size_t arena_bytes; /* of the plan used last */
    size_t folded_bytes;
};

struct qn_context {
    struct qn_session *session;
    struct qn_run run;
    struct qn_frame frame;
    const struct qn_value **inputs;
    struct qn_value *outputs;
    int64_t *symbols; /* sizes that named dims have in this call; -1: not seen */
};

/* ---- Thread pools: one per thread count, shared by the sessions of the process -------------------------------- */

enum { MAX_POOLS = 8 };

static struct shared_pool {
    struct qn_pool *pool;
    int n_threads, n_users;
} pools[MAX_POOLS];
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

static struct qn_pool *acquire_pool(int n_threads)
{
    struct shared_pool *free_slot = NULL;
    struct qn_pool *pool = NULL;

    if (n_threads < 2)
        return NULL;
    pthread_mutex_lock(&pools_lock);
    for (int i = 0; i < MAX_POOLS && !pool; i++) {
        if (pools[i].n_users > 0 && pools[i].n_threads == n_threads) {
            pools[i].n_users++;
            pool = pools[i].pool;
        } else if (pools[i].n_users == 0) {
            free_slot = &pools[i];
        }
    }
    if (!pool && free_slot) {
        pool = qn_pool_create(n_threads);
        *free_slot = (struct shared_pool){pool, n_threads, pool ? 1 : 0};
    }
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

static void release_pool(struct qn_pool *pool)
{
    pthread_mutex_lock(&pools_lock);
    for (int i = 0; pool && i < MAX_POOLS; i++) {
        if (pools[i].pool == pool && --pools[i].n_users == 0) {
            qn_pool_destroy(pool);
            pools[i].pool = NULL;
        }
    }
    pthread_mutex_unlock(&pools_lock);
}

/* ---- Descriptions of inputs and outputs ----------------------------------------------------------------------- */

static enum qn_status describe(struct qn_session *session, const struct qn_var *var, struct qn_io *io,
                               struct qn_err *err)
{
    const struct qn_symbols *symbols = session->model.graph->symbols;
    const struct qn_fact *fact = &var->fact, *leaf = fact;
    struct qn_buf text;

    *io = (struct qn_io){.name = var->name, .kind = fact->kind, .rank = -1};
    while (leaf->elem)
        leaf = leaf->elem;
    io->dtype = leaf->dtype;
    io->key = leaf->key;
    if (fact->kind == QN_TENSOR)
        io->rank = fact->shape.rank;
    for (int i = 0; i < io->rank; i++) {
        int64_t dim = fact->shape.dims[i];

        io->dims[i] = qn_dim_known(dim) ? dim : -1;
        if (dim < QN_DIM_UNKNOWN)
            io->dim_names[i] = symbols->names[-2 - dim];
    }
    qn_buf_init(&text, 4096);
    qn_fact_print(&text, fact, symbols->names, symbols->n);
    if (text.data)
        io->type_text = qn_arena_strdup(&session->model.arena, text.data);
    qn_buf_deinit(&text);
    QN_CHECK_MEM(io->type_text, err);
    return QN_OK;
}

static enum qn_status describe_all(struct qn_session *session, struct qn_var *const *vars, int n, struct qn_io **ios,
                                   struct qn_err *err)
{
    *ios = qn_arena_array(&session->model.arena, (size_t)n, sizeof(**ios));
    QN_CHECK_MEM(*ios, err);
    for (int i = 0; i < n; i++)
        QN_TRY(describe(session, vars[i], &(*ios)[i], err));
    return QN_OK;
}

/* ---- Opening -------------------------------------------------------------------------------------------------- */

static enum qn_status import_model(struct qn_session *session, const char *path, const void *bytes, size_t n_bytes,
                                   struct qn_err *err)
{
    const struct qn_options *options = &session->options;
    const struct qn_import_options import_options = {
        .allow_newer = options->allow_newer,
        .no_external = options->no_external || !path,
        .max_memory = options->max_memory,
        .missing_fn = options->missing_fn,
        .missing_arg = options->missing_arg,
    };

    return qn_import_open(path, bytes, n_bytes, &import_options, &session->model, err);
}

static enum qn_status optimise(struct qn_session *session, struct qn_err *err)
{
    const struct qn_options *options = &session->options;
    struct qn_passes passes = {
        .arena = &session->model.arena,
        .fold_bytes = options->max_memory / 2,
        .reference = options->reference,
        .max_rewrites = options->max_rewrites,
        .dump = options->dump,
        .dump_fn = options->dump_fn,
        .dump_arg = options->dump_arg,
        .err = err,
    };
    size_t before = session->model.arena.used;

    qn_passes_dump(&passes, session->model.graph, "import");
    QN_TRY(qn_passes_run(&passes, session->model.graph));
    session->folded_bytes = session->model.arena.used - before;
    return QN_OK;
}

static void release_packed(void *arg, const void *data, size_t n_bytes)
{
    const struct qn_session *session = arg;

    qn_import_release(&session->model, data, n_bytes);
}

static enum qn_status make_program(struct qn_session *session, struct qn_err *err)
{
    const struct qn_options *options = &session->options;

    session->plan_options = (struct qn_plan_options){
        .reference = options->reference,
        .threads = options->threads,
        .max_memory = options->max_memory,
        .dump = options->dump,
        .dump_fn = options->dump_fn,
        .dump_arg = options->dump_arg,
        .packed_fn = release_packed,
        .packed_arg = session,
    };
    QN_TRY(qn_packs_create(&session->packs, &session->plan_options, err));
    return qn_program_create(session->model.graph, &session->plan_options, session->packs, &session->program, err);
}

static enum qn_status open_session(struct qn_session *session, const char *path, const void *bytes, size_t n_bytes,
                                   struct qn_err *err)
{
    struct qn_graph *graph;

    QN_TRY(import_model(session, path, bytes, n_bytes, err));
    graph = session->model.graph;
    session->n_inputs = (size_t)graph->n_inputs;
    session->n_outputs = (size_t)graph->n_outputs;
    QN_TRY(describe_all(session, graph->inputs, graph->n_inputs, &session->inputs, err));
    QN_TRY(optimise(session, err));
    QN_TRY(describe_all(session, graph->outputs, graph->n_outputs, &session->outputs, err));
    for (size_t i = 0; i < session->n_outputs; i++)
        session->outputs[i].name = session->model.output_names[i];
    QN_TRY(make_program(session, err));
    session->pool = acquire_pool(session->options.threads);
    return QN_OK;
}

static void destroy_session(struct qn_session *session)
{
    qn_program_destroy(session->program);
    qn_packs_destroy(session->packs);
    qn_import_close(&session->model);
    release_pool(session->pool);
    free(session);
}

/* Which memory was short, that of the machine or that of the options, is not known; the caller can raise one of them.
 */
static void add_limit(struct qn_err *err, size_t max_memory)
{
    struct qn_err short_one = *err;

    qn_err_set(err, QN_NOMEM, "%s; the model may take %zu bytes", short_one.text, max_memory);
}

static enum qn_status create_session(const char *path, const void *bytes, size_t n_bytes,
                                     const struct qn_options *options, struct qn_session **session, struct qn_err *err)
{
    struct qn_session *made;
    enum qn_status status;

    *session = NULL;
    if (err)
        memset(err, 0, sizeof(*err));
    made = calloc(1, sizeof(*made));
    QN_CHECK_MEM(made, err);
    atomic_init(&made->n_references, 1);
    if (options)
        made->options = *options;
    if (made->options.threads <= 0)
        made->options.threads = qn_cpu_count();
    if (made->options.max_memory == 0)
        made->options.max_memory = qn_memory_limit();
    status = open_session(made, path, bytes, n_bytes, err);
    if (status == QN_NOMEM && err)
        add_limit(err, made->options.max_memory);
    if (status != QN_OK) {
        destroy_session(made);
        return status;
    }
    *session = made;
    return QN_OK;
}

enum qn_status qn_session_open(const char *path, const struct qn_options *options, struct qn_session **session,
                               struct qn_err *err)
{
    return create_session(path, NULL, 0, options, session, err);
}

enum qn_status qn_session_open_bytes(const void *bytes, size_t n_bytes, const struct qn_options *options,
                                     struct qn_session **session, struct qn_err *err)
{
    return create_session(NULL, bytes, n_bytes, options, session, err);
}

void qn_session_close(struct qn_session *session)
{
    if (session && atomic_fetch_sub(&session->n_references, 1) == 1)
        destroy_session(session);
}

/* ---- Asking --------------------------------------------------------------------------------------------------- */

size_t qn_session_n_inputs(const struct qn_session *session) { return session->n_inputs; }
size_t qn_session_n_outputs(const struct qn_session *session) { return session->n_outputs; }

const struct qn_io *qn_session_input(const struct qn_session *session, size_t index)
{
    return index < session->n_inputs ? &session->inputs[index] : NULL;
}

const struct qn_io *qn_session_output(const struct qn_session *session, size_t index)
{
    return index < session->n_outputs ? &session->outputs[index] : NULL;
}

const struct qn_model *qn_session_model(const struct qn_session *session) { return &session->model; }

void qn_session_memory(const struct qn_session *session, struct qn_memory *memory)
{
    const struct qn_model *model = &session->model;

    *memory = (struct qn_memory){.file_bytes = model->file.n};
    for (size_t i = 0; i < model->n_externals; i++)
        memory->file_bytes += model->externals[i].n;
    memory->weight_bytes = qn_packs_bytes(session->packs) + session->folded_bytes;
    memory->arena_bytes = atomic_load(&((struct qn_session *)session)->arena_bytes);
    memory->graph_bytes = model->arena.used - session->folded_bytes;
}

/* The declared facts with every unknown dim as 1; false when an input's rank or type is unknown. */
static bool smallest_facts(const struct qn_session *session, struct qn_fact *facts)
{
    const struct qn_graph *graph = session->model.graph;

    for (int i = 0; i < graph->n_inputs; i++) {
        facts[i] = graph->inputs[i]->fact;
        if (facts[i].kind != QN_TENSOR)
            continue;
        if (facts[i].shape.rank < 0 || facts[i].dtype == QN_UNDEFINED)
            return false;
        for (int d = 0; d < facts[i].shape.rank; d++)
            if (!qn_dim_known(facts[i].shape.dims[d]))
                facts[i].shape.dims[d] = 1;
    }
    return true;
}

static enum qn_status facts_for(struct qn_session *session, const struct qn_value *inputs, struct qn_arena *arena,
                                struct qn_fact *facts, struct qn_err *err)
{
    if (!inputs) {
        QN_CHECK(smallest_facts(session, facts), err, SHAPE, "an input has no declared rank; give values or shapes");
        return QN_OK;
    }
    for (size_t i = 0; i < session->n_inputs; i++) {
        QN_TRY(qn_value_fact(&inputs[i], arena, &facts[i], err));
        facts[i].konst = NULL;
    }
    return QN_OK;
}

enum qn_status qn_session_acquire_plan(struct qn_session *session, const struct qn_value *inputs, struct qn_plan **plan,
                                       struct qn_err *err)
{
    struct qn_arena arena;
    struct qn_fact *facts;
    enum qn_status status;

    *plan = NULL;
    qn_arena_init(&arena, (size_t)16 << 20);
    facts = qn_arena_array(&arena, session->n_inputs, sizeof(*facts));
    status = facts ? facts_for(session, inputs, &arena, facts, err) : qn_err_set(err, QN_NOMEM, "out of memory");
    if (status == QN_OK)
        status = qn_plan_acquire_facts(session->program, facts, plan, err);
    qn_arena_deinit(&arena);
    return status;
}

enum qn_status qn_session_print_plan(struct qn_session *session, const struct qn_value *inputs, struct qn_buf *buf,
                                     struct qn_err *err)
{
    struct qn_plan *plan;

    QN_TRY(qn_session_acquire_plan(session, inputs, &plan, err));
    qn_plan_dump(plan, buf);
    qn_plan_release(plan);
    return QN_OK;
}

/* ---- Contexts ------------------------------------------------------------------------------------------------- */

static enum qn_status init_context(struct qn_context *context, struct qn_session *session, struct qn_err *err)
{
    size_t n_symbols = session->model.graph->symbols->n;
    struct qn_fact *facts = calloc(session->n_inputs + 1, sizeof(*facts));
    struct qn_err ignored = {QN_OK, 0, {0}, {0}, {0}};

    context->session = session;
    atomic_fetch_add(&session->n_references, 1);
    context->run = (struct qn_run){.pool = session->pool,
                                   .random = (uint64_t)qn_now_ns() | 1,
                                   .max_memory = session->options.max_memory,
                                   .reference = session->options.reference};
    qn_frame_init(&context->frame, &context->run, session->program);
    context->inputs = calloc(session->n_inputs + 1, sizeof(*context->inputs));
    context->outputs = calloc(session->n_outputs + 1, sizeof(*context->outputs));
    context->symbols = calloc(n_symbols + 1, sizeof(*context->symbols));
    if (!facts || !context->inputs || !context->outputs || !context->symbols) {
        free(facts);
        QN_FAIL(err, NOMEM, "out of memory");
    }
    /* The plan for the declared shapes is made now, so that the first request need not wait; a model that cannot take
     * the smallest shapes will say so for the real ones. */
    if (smallest_facts(session, facts) && qn_frame_prepare(&context->frame, facts, &ignored) == QN_OK)
        atomic_store(&session->arena_bytes, context->frame.plan->arena_bytes);
    free(facts);
    return QN_OK;
}

enum qn_status qn_context_create(struct qn_session *session, struct qn_context **context, struct qn_err *err)
{
    struct qn_context *made;
    enum qn_status status;

    *context = NULL;
    made = calloc(1, sizeof(*made));
    QN_CHECK_MEM(made, err);
    status = init_context(made, session, err);
    if (status != QN_OK) {
        qn_context_destroy(made);
        return status;
    }
    *context = made;
    return QN_OK;
}

void qn_context_destroy(struct qn_context *context)
{
    if (!context)
        return;
    qn_frame_deinit(&context->frame);
    free(context->inputs);
    free(context->outputs);
    free(context->symbols);
    qn_session_close(context->session);
    free(context);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static enum qn_status check_dim(struct qn_context *context, const struct qn_io *io, const struct qn_fact *fact, int i,
                                int64_t got, struct qn_err *err)
{
    int64_t want = fact->shape.dims[i], *seen;

    QN_CHECK(got >= 0, err, ARG, "input '%s' has the negative dimension %lld", io->name, (long long)got);
    if (qn_dim_known(want)) {
        QN_CHECK(want == got, err, SHAPE, "input '%s' must be %s, its dimension %d is %lld", io->name, io->type_text, i,
                 (long long)got);
        return QN_OK;
    }
    if (want == QN_DIM_UNKNOWN)
        return QN_OK;
    seen = &context->symbols[-2 - want];
    QN_CHECK(*seen < 0 || *seen == got, err, SHAPE, "input '%s': dimension '%s' is %lld here and %lld before", io->name,
             io->dim_names[i], (long long)got, (long long)*seen);
    *seen = got;
    return QN_OK;
}

static enum qn_status check_map(const struct qn_io *io, const struct qn_value *value, struct qn_err *err)
{
    const struct qn_tensor *keys, *values;

    QN_CHECK(value->n == 2 && value->items, err, ARG, "input '%s' is a map of %zu tensors, not 2", io->name, value->n);
    keys = &value->items[0].tensor;
    values = &value->items[1].tensor;
    QN_CHECK(keys->dtype == io->key && values->dtype == io->dtype, err, SHAPE, "input '%s' must be %s, not map(%s,%s)",
             io->name, io->type_text, qn_dtype_name(keys->dtype), qn_dtype_name(values->dtype));
    QN_CHECK(keys->rank == 1 && values->rank == 1 && keys->dims[0] == values->dims[0] && keys->dims[0] >= 0, err, SHAPE,
             "input '%s' has a map whose keys and values are not equally many", io->name);
    QN_CHECK(keys->dims[0] == 0 || (keys->data && values->data), err, ARG, "input '%s' has no data", io->name);
    return QN_OK;
}

/* A tensor inside a sequence or optional: its shape is its own. */
static enum qn_status check_element(const struct qn_io *io, const struct qn_tensor *tensor, struct qn_err *err)
{
    struct qn_shape shape;
    size_t bytes;

    QN_CHECK(io->dtype == QN_UNDEFINED || tensor->dtype == io->dtype, err, SHAPE, "input '%s' must be %s, it holds %s",
             io->name, io->type_text, qn_dtype_name(tensor->dtype));
    QN_CHECK(tensor->rank >= 0 && tensor->rank <= QN_MAX_RANK, err, ARG, "input '%s' holds a tensor of rank %d",
             io->name, tensor->rank);
    shape = qn_tensor_shape(tensor);
    QN_CHECK(qn_shape_bytes(&shape, tensor->dtype, &bytes), err, LIMIT, "input '%s' is too large", io->name);
    QN_CHECK(tensor->data || bytes == 0, err, ARG, "input '%s' has no data", io->name);
    return QN_OK;
}

/* Everything in a sequence, optional or map is of the kinds and types declared. */
static enum qn_status check_nested(const struct qn_io *io, const struct qn_fact *fact, const struct qn_value *value,
                                   struct qn_err *err)
{
    struct {
        const struct qn_fact *fact;
        const struct qn_value *next;
        size_t n;
    } levels[QN_VALUE_MAX_DEPTH] = {{fact, value, 1}};
    int depth = 1;

    while (depth > 0) {
        if (levels[depth - 1].n-- == 0) {
            depth--;
            continue;
        }
        fact = levels[depth - 1].fact;
        value = levels[depth - 1].next++;
        QN_CHECK(value->kind == fact->kind, err, SHAPE, "input '%s' must be %s, it is or holds %s", io->name,
                 io->type_text, qn_kind_name(value->kind));
        if (value->kind == QN_TENSOR) {
            QN_TRY(check_element(io, &value->tensor, err));
        } else if (value->kind == QN_MAP) {
            QN_TRY(check_map(io, value, err));
        } else if (fact->elem && value->n > 0) {
            QN_CHECK(value->items, err, ARG, "input '%s' has no data", io->name);
            QN_CHECK(value->kind != QN_OPTIONAL || value->n == 1, err, ARG, "input '%s' has an optional of %zu values",
                     io->name, value->n);
            QN_CHECK(depth < QN_VALUE_MAX_DEPTH, err, LIMIT, "input '%s' nests deeper than %d", io->name,
                     QN_VALUE_MAX_DEPTH);
            levels[depth].fact = fact->elem;
            levels[depth].next = value->items;
            levels[depth++].n = value->n;
        }
    }
    return QN_OK;
}

static enum qn_status check_input(struct qn_context *context, size_t index, const struct qn_value *value,
                                  struct qn_err *err)
{
    const struct qn_io *io = &context->session->inputs[index];
    const struct qn_fact *fact = &context->session->model.graph->inputs[index]->fact;
    struct qn_shape shape;
    size_t bytes;

    if (io->kind != QN_TENSOR)
        return check_nested(io, fact, value, err);
    QN_CHECK(value->kind == QN_TENSOR, err, SHAPE, "input '%s' must be %s, not %s", io->name, io->type_text,
             qn_kind_name(value->kind));
    QN_CHECK(io->dtype == QN_UNDEFINED || value->tensor.dtype == io->dtype, err, SHAPE, "input '%s' must be %s, not %s",
             io->name, qn_dtype_name(io->dtype), qn_dtype_name(value->tensor.dtype));
    QN_CHECK(value->tensor.rank >= 0 && value->tensor.rank <= QN_MAX_RANK, err, ARG, "input '%s' has rank %d", io->name,
             value->tensor.rank);
    QN_CHECK(io->rank < 0 || io->rank == value->tensor.rank, err, SHAPE, "input '%s' must be %s, it has %d dimensions",
             io->name, io->type_text, value->tensor.rank);
    for (int i = 0; i < io->rank; i++)
        QN_TRY(check_dim(context, io, fact, i, value->tensor.dims[i], err));
    shape = qn_tensor_shape(&value->tensor);
    QN_CHECK(qn_shape_bytes(&shape, value->tensor.dtype, &bytes), err, LIMIT, "input '%s' is too large", io->name);
    QN_CHECK(value->tensor.data || bytes == 0, err, ARG, "input '%s' has no data", io->name);
    return QN_OK;
}

static enum qn_status check_inputs(struct qn_context *context, const struct qn_value *inputs, struct qn_err *err)
{
    for (size_t i = 0; i < context->session->model.graph->symbols->n; i++)
        context->symbols[i] = -1;
    for (size_t i = 0; i < context->session->n_inputs; i++) {
        enum qn_status status = check_input(context, i, &inputs[i], err);

        if (status != QN_OK) {
            if (err)
                err->input = (int)i + 1;
            return status;
        }
        context->inputs[i] = &inputs[i];
    }
    return QN_OK;
}

/* A caller's own memory receives a copy; otherwise the view is handed out. */
static enum qn_status give(const struct qn_io *io, const struct qn_value *result, struct qn_value *output,
                           struct qn_err *err)
{
    struct qn_shape got = qn_tensor_shape(&result->tensor), want;
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

    if (output->kind != QN_TENSOR || !output->tensor.data || result->kind != QN_TENSOR) {
        *output = *result;
        return QN_OK;
    }
    want = qn_tensor_shape(&output->tensor);
    QN_CHECK(output->tensor.dtype == result->tensor.dtype && qn_shape_equal(&got, &want), err, SHAPE,
             "output '%s' is %s%s, memory for %s%s was given", io->name, qn_dtype_name(result->tensor.dtype),
             qn_shape_text(&got, a), qn_dtype_name(output->tensor.dtype), qn_shape_text(&want, b));
    memcpy(output->tensor.data, result->tensor.data, qn_tensor_bytes(&result->tensor));
    return QN_OK;
}

enum qn_status qn_run(struct qn_context *context, const struct qn_value *inputs, struct qn_value *outputs,
                      const struct qn_control *control, struct qn_err *err)
{
    struct qn_session *session = context->session;
    enum qn_status status;

    if (err)
        memset(err, 0, sizeof(*err));
    QN_TRY(check_inputs(context, inputs, err));
    context->run.control = control;
    qn_pool_enter(session->pool);
    status = qn_frame_run(&context->frame, context->inputs, context->outputs, err);
    qn_pool_leave(session->pool);
    context->run.control = NULL;
    QN_TRY(status);
    atomic_store_explicit(&session->arena_bytes, context->frame.plan->arena_bytes, memory_order_relaxed);
    for (size_t i = 0; i < session->n_outputs; i++)
        QN_TRY(give(&session->outputs[i], &context->outputs[i], &outputs[i], err));
    return QN_OK;
}
