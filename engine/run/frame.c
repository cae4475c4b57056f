/* frame.c: frames: binding to a plan, and the loop over its steps. */
#include "run/frame.h"

#include <stdlib.h>
#include <string.h>

#include "ops/eval.h"
#include "run/bodies.h"

static void *alloc_dynamic(void *self, size_t n_bytes, struct qn_err *err)
{
    struct qn_frame *frame = self;
    void *memory = qn_arena_alloc(&frame->dynamic, n_bytes);

    if (!memory && qn_arena_may_grow(&frame->dynamic, n_bytes))
        qn_err_set(err, QN_NOMEM, "out of memory");
    else if (!memory)
        qn_err_set(err, QN_LIMIT, "%zu more bytes are beyond the memory limit of %zu", n_bytes, frame->dynamic.budget);
    return memory;
}

static enum qn_status poll(void *self, struct qn_err *err)
{
    const struct qn_control *control = ((struct qn_frame *)self)->run->control;

    if (!control)
        return QN_OK;
    QN_CHECK(!control->cancel || !*control->cancel, err, CANCELLED, "the run was cancelled");
    QN_CHECK(control->deadline_ns == 0 || qn_now_ns() < control->deadline_ns, err, TIMEOUT,
             "the run took longer than its deadline allows");
    return QN_OK;
}

/* xorshift64* (Vigna, arXiv 1402.6246). */
static uint64_t next_random(void *self)
{
    uint64_t *x = &((struct qn_frame *)self)->run->random;

    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * 0x2545f4914f6cdd1du;
}

void qn_frame_init(struct qn_frame *frame, struct qn_run *run, struct qn_program *program)
{
    memset(frame, 0, sizeof(*frame));
    frame->run = run;
    frame->program = program;
    qn_arena_init(&frame->bound, run->max_memory);
    qn_arena_init(&frame->dynamic, run->max_memory);
    qn_arena_init(&frame->scratch, run->max_memory);
    frame->services = (struct qn_services){alloc_dynamic, qn_run_body, poll, next_random, frame};
}

void qn_frame_deinit(struct qn_frame *frame)
{
    qn_body_frames_destroy(frame->bodies);
    qn_plan_release(frame->plan);
    qn_arena_deinit(&frame->bound);
    qn_arena_deinit(&frame->dynamic);
    qn_arena_deinit(&frame->scratch);
    free(frame->buffers);
    memset(frame, 0, sizeof(*frame));
}

size_t qn_frame_bytes(const struct qn_frame *frame)
{
    return frame->n_buffer_bytes + frame->dynamic.used + frame->scratch.used + qn_body_frames_bytes(frame->bodies);
}

/* ---- Binding -------------------------------------------------------------------------------------------------- */

static enum qn_status grow_buffers(struct qn_frame *frame, size_t n_bytes, struct qn_err *err)
{
    if (n_bytes <= frame->n_buffer_bytes)
        return QN_OK;
    free(frame->buffers);
    frame->n_buffer_bytes = 0;
    frame->buffers = aligned_alloc(64, n_bytes);
    QN_CHECK_MEM(frame->buffers, err);
    frame->n_buffer_bytes = n_bytes;
    return QN_OK;
}

static void bind_value(struct qn_frame *frame, uint32_t id)
{
    const struct qn_place *place = &frame->plan->places[id];
    const struct qn_var *var = frame->plan->vars[id];
    struct qn_value *value = &frame->values[id];

    if (!var)
        return;
    value->kind = var->fact.kind;
    if (place->kind == QN_PLACE_CONST) {
        value->tensor = *var->fact.konst;
        return;
    }
    if (place->kind == QN_PLACE_INPUT)
        frame->patches[frame->n_patches++] = (struct qn_input_patch){id, place->input, var->producer == NULL};
    if (place->kind == QN_PLACE_DYNAMIC || value->kind != QN_TENSOR || var->fact.shape.rank < 0)
        return;
    value->tensor.dtype = var->fact.dtype;
    value->tensor.rank = var->fact.shape.rank;
    memcpy(value->tensor.dims, var->fact.shape.dims, sizeof(value->tensor.dims));
    if (place->kind == QN_PLACE_ARENA)
        value->tensor.data = frame->buffers + place->offset;
}

static enum qn_status bind_call(struct qn_frame *frame, const struct qn_step *step, struct qn_call *call,
                                struct qn_err *err)
{
    const struct qn_node *node = step->node;
    size_t n = (size_t)(node->n_in + node->n_out);
    struct qn_value **pointers = qn_arena_array(&frame->bound, n, sizeof(*pointers));

    QN_CHECK_MEM(pointers, err);
    for (int i = 0; i < node->n_in; i++)
        pointers[i] = node->in[i] ? &frame->values[node->in[i]->id] : NULL;
    for (int i = 0; i < node->n_out; i++)
        pointers[node->n_in + i] = node->out[i] ? &frame->values[node->out[i]->id] : NULL;
    *call = (struct qn_call){.node = node,
                             .params = node->params,
                             .packed = step->packed,
                             .n_in = node->n_in,
                             .in = pointers,
                             .n_out = node->n_out,
                             .out = pointers + node->n_in,
                             .workspace = frame->buffers + step->workspace,
                             .threads = frame->program->options->threads,
                             .pool = frame->run->pool,
                             .services = &frame->services};
    return QN_OK;
}

static enum qn_status bind(struct qn_frame *frame, struct qn_err *err)
{
    const struct qn_plan *plan = frame->plan;
    uint32_t n_vars = plan->graph->n_vars;

    qn_arena_reset(&frame->bound);
    QN_TRY(grow_buffers(frame, plan->arena_bytes, err));
    frame->values = qn_arena_array(&frame->bound, n_vars, sizeof(*frame->values));
    frame->patches = qn_arena_array(&frame->bound, n_vars, sizeof(*frame->patches));
    frame->calls = qn_arena_array(&frame->bound, plan->n_steps, sizeof(*frame->calls));
    frame->n_patches = 0;
    QN_CHECK_MEM(frame->values && frame->patches && frame->calls ? frame : NULL, err);
    for (uint32_t id = 0; id < n_vars; id++)
        bind_value(frame, id);
    for (size_t s = 0; s < plan->n_steps; s++)
        QN_TRY(bind_call(frame, &plan->steps[s], &frame->calls[s], err));
    return QN_OK;
}

/* Takes over the reference to `plan`; on failure the frame is unbound. */
static enum qn_status rebind(struct qn_frame *frame, struct qn_plan *plan, struct qn_err *err)
{
    enum qn_status status;

    qn_plan_release(frame->plan);
    frame->plan = plan;
    status = bind(frame, err);
    if (status != QN_OK) {
        qn_plan_release(frame->plan);
        frame->plan = NULL;
    }
    return status;
}

enum qn_status qn_frame_prepare(struct qn_frame *frame, const struct qn_fact *inputs, struct qn_err *err)
{
    struct qn_plan *plan;

    QN_TRY(qn_plan_acquire_facts(frame->program, inputs, &plan, err));
    return rebind(frame, plan, err);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

static void patch_inputs(struct qn_frame *frame, const struct qn_value *const *inputs)
{
    for (size_t i = 0; i < frame->n_patches; i++) {
        const struct qn_input_patch *patch = &frame->patches[i];

        if (patch->whole && inputs[patch->input])
            frame->values[patch->id] = *inputs[patch->input];
        else if (inputs[patch->input])
            frame->values[patch->id].tensor.data = inputs[patch->input]->tensor.data;
    }
}

/* Values of an earlier run must not look placed. Outputs of a static plan may have been copied there too. */
static void forget_dynamic(struct qn_frame *frame)
{
    const struct qn_plan *plan = frame->plan;

    qn_arena_reset(&frame->dynamic);
    if (plan->is_static)
        return;
    for (uint32_t id = 0; id < plan->graph->n_vars; id++)
        if (plan->places[id].kind == QN_PLACE_DYNAMIC)
            frame->values[id] = (struct qn_value){.kind = plan->vars[id] ? plan->vars[id]->fact.kind : QN_TENSOR};
}

static enum qn_status prepare_pack(void *self, const struct qn_kernel *kernel, const struct qn_site *site,
                                   const void **packed, struct qn_err *err)
{
    struct qn_frame *frame = self;
    bool shared = true;

    for (int i = 0; i < site->n_in; i++)
        if (site->in[i] && site->in[i]->konst)
            shared &= !qn_arena_owns(&frame->plan->arena, site->in[i]->konst->data);
    return qn_packs_get(frame->program->packs, kernel, site, shared, &frame->scratch, packed, err);
}

/* A step whose shapes are known only now. */
static enum qn_status evaluate(struct qn_frame *frame, const struct qn_step *step, const struct qn_call *call,
                               struct qn_err *err)
{
    struct qn_eval how = {.services = &frame->services,
                          .scratch = &frame->scratch,
                          .pool = frame->run->pool,
                          .reference = frame->run->reference,
                          .prepare = prepare_pack,
                          .prepare_self = frame};
    enum qn_status status = qn_op_eval_with(frame->plan->graph, step->node, call->in, call->out, &how, err);

    qn_arena_reset(&frame->scratch);
    return status;
}

/* Control flow places what it gives itself, and what its bodies give is inferred when they are planned. */
static bool is_control_flow(const struct qn_node *node)
{
    return node->n_bodies && (node->op->flags & QN_DATA_DEPENDENT);
}

static enum qn_status run_step(struct qn_frame *frame, const struct qn_step *step, struct qn_call *call,
                               struct qn_err *err)
{
    if (step->kernel)
        return step->kernel->run(call);
    return is_control_flow(step->node) ? step->node->op->kernels->run(call) : evaluate(frame, step, call, err);
}

static enum qn_status run_steps(struct qn_frame *frame, struct qn_err *err)
{
    const struct qn_plan *plan = frame->plan;

    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct qn_step *step = &plan->steps[s];
        struct qn_call *call = &frame->calls[s];
        enum qn_status status = QN_OK;

        call->err = err;
        if (frame->run->control)
            status = poll(frame, err);
        if (status == QN_OK)
            status = run_step(frame, step, call, err);
        if (status != QN_OK)
            return qn_err_at(err, status, step->node->name, step->node->op_name);
    }
    return QN_OK;
}

enum qn_status qn_frame_run(struct qn_frame *frame, const struct qn_value *const *inputs, struct qn_value *outs,
                            struct qn_err *err)
{
    if (!frame->plan || !qn_plan_fits(frame->plan, inputs)) {
        struct qn_plan *plan;

        QN_TRY(qn_plan_acquire(frame->program, inputs, &plan, err));
        QN_TRY(rebind(frame, plan, err));
    }
    patch_inputs(frame, inputs);
    forget_dynamic(frame);
    QN_TRY(run_steps(frame, err));
    for (int i = 0; i < frame->plan->graph->n_outputs; i++)
        outs[i] = frame->values[frame->plan->graph->outputs[i]->id];
    return QN_OK;
}
