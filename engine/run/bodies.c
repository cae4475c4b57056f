/* bodies.c: runs bodies. Every body of a node has two frames that take turns, so that what one iteration of a loop gave
 * stays valid while the next one reads it. Outputs that lie elsewhere are copied into the frame for the same reason,
 * but for those in memory of the node's own inputs, which stays as it is: what a loop only hands on is never copied.
 * Frames nest as bodies do, which import bounds. */
#include "run/bodies.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 2, MAX_DEPTH = 64 };

struct qn_body_frames {
    struct qn_body_frames *next;
    const struct qn_graph *body;
    uint32_t node_id;
    int turn;
    struct qn_frame frames[TURNS];
    const struct qn_value **inputs; /* formal, then captures */
};

void qn_body_frames_destroy(struct qn_body_frames *bodies)
{
    while (bodies) {
        struct qn_body_frames *next = bodies->next;

        for (int i = 0; i < TURNS; i++)
            qn_frame_deinit(&bodies->frames[i]);
        free(bodies->inputs);
        free(bodies);
        bodies = next;
    }
}

size_t qn_body_frames_bytes(const struct qn_body_frames *bodies)
{
    size_t n = 0;

    for (; bodies; bodies = bodies->next)
        for (int i = 0; i < TURNS; i++)
            n += qn_frame_bytes(&bodies->frames[i]);
    return n;
}

static struct qn_body_frames *find(struct qn_frame *frame, const struct qn_node *node, int b)
{
    const struct qn_graph *body = node->bodies[b].graph;
    struct qn_body_frames *found = frame->bodies;

    while (found && (found->body != body || found->node_id != node->id))
        found = found->next;
    if (found)
        return found;
    found = calloc(1, sizeof(*found));
    if (!found)
        return NULL;
    found->inputs = calloc((size_t)(body->n_inputs + body->n_captures) + 1, sizeof(*found->inputs));
    if (!found->inputs) {
        free(found);
        return NULL;
    }
    found->body = body;
    found->node_id = node->id;
    for (int i = 0; i < TURNS; i++)
        qn_frame_init(&found->frames[i], frame->run, body->program);
    found->next = frame->bodies;
    frame->bodies = found;
    return found;
}

/* ---- Outputs that must outlive their source ------------------------------------------------------------------- */

static bool is_within(const void *data, const void *begin, size_t n_bytes)
{
    return (uintptr_t)data - (uintptr_t)begin < n_bytes;
}

static bool frame_holds(const struct qn_frame *frame, const void *data)
{
    return is_within(data, frame->buffers, frame->n_buffer_bytes) || qn_arena_owns(&frame->dynamic, data);
}

static bool inputs_hold(const struct qn_call *call, const void *data)
{
    for (int i = 0; i < call->n_in; i++)
        if (call->in[i] && call->in[i]->kind == QN_TENSOR && call->in[i]->tensor.data &&
            is_within(data, call->in[i]->tensor.data, qn_tensor_bytes(&call->in[i]->tensor)))
            return true;
    return false;
}

/* Constants folded for one plan go with it. */
static bool is_lasting_constant(const struct qn_frame *frame, int output, const void *data)
{
    return frame->plan->places[frame->plan->graph->outputs[output]->id].kind == QN_PLACE_CONST &&
           !qn_arena_owns(&frame->plan->arena, data);
}

static bool stays(const struct qn_frame *frame, const struct qn_call *call, int output, const struct qn_value *value)
{
    const void *data = value->tensor.data;

    if (value->kind != QN_TENSOR)
        return false;
    if (is_lasting_constant(frame, output, data))
        return true;
    return value->tensor.dtype != QN_STRING && (frame_holds(frame, data) || inputs_hold(call, data));
}

static enum qn_status keep_outputs(struct qn_frame *frame, const struct qn_call *call, struct qn_value *outs, size_t n)
{
    const struct qn_call copier = {.services = &frame->services, .err = call->err};

    for (size_t i = 0; i < n; i++)
        if (!stays(frame, call, (int)i, &outs[i]))
            QN_TRY(qn_call_copy(&copier, &outs[i], &outs[i]));
    return QN_OK;
}

/* ---- The service ---------------------------------------------------------------------------------------------- */

enum qn_status qn_run_body(void *self, const struct qn_call *call, int b, const struct qn_value *ins, size_t n_ins,
                           struct qn_value *outs, size_t n_outs)
{
    struct qn_frame *frame = self, *inner;
    const struct qn_body *body = &call->node->bodies[b];
    const struct qn_graph *graph = body->graph;
    struct qn_body_frames *frames;
    enum qn_status status;

    QN_CHECK(n_ins == (size_t)graph->n_inputs && n_outs == (size_t)graph->n_outputs, call->err, INTERNAL,
             "a body of %d inputs and %d outputs is called with %zu and %zu", graph->n_inputs, graph->n_outputs, n_ins,
             n_outs);
    QN_CHECK(frame->run->depth < MAX_DEPTH, call->err, LIMIT, "bodies nest deeper than %d", MAX_DEPTH);
    frames = find(frame, call->node, b);
    QN_CHECK_MEM(frames, call->err);
    inner = &frames->frames[frames->turn];
    frames->turn = (frames->turn + 1) % TURNS;
    for (size_t i = 0; i < n_ins; i++)
        frames->inputs[i] = &ins[i];
    for (int i = 0; i < graph->n_captures; i++)
        frames->inputs[n_ins + (size_t)i] = call->in[body->capture_input[i]];
    frame->run->depth++;
    status = qn_frame_run(inner, frames->inputs, outs, call->err);
    frame->run->depth--;
    QN_TRY(status);
    return keep_outputs(inner, call, outs, n_outs);
}
