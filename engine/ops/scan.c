/* scan.c: Scan.
 * ONNX Scan-9..25: a body over slices of the scan inputs along an axis each, forwards or backwards, with state carried
 * along and scan outputs stacked along an axis each. Scan-8: the same for every entry of a leading batch axis, slices
 * along axis 1. */
#include <string.h>

#include "ops/control.h"

struct scan {
    int64_t num_scan_inputs;
    struct qn_ints scan_input_axes, scan_output_axes, scan_input_directions, scan_output_directions;
    bool batched; /* version 8 */
};

static const struct qn_attr scan_attrs_8[] = {
    QN_GRAPH_ATTR("body"),
    {.name = "num_scan_inputs",
     .form = QN_FORM_INT,
     .offset = offsetof(struct scan, num_scan_inputs),
     .required = true,
     .min = 1,
     .max = 65536},
    {.name = "directions", .form = QN_FORM_INTS, .offset = offsetof(struct scan, scan_input_directions)},
    {.name = NULL},
};

static const struct qn_attr scan_attrs_9[] = {
    QN_GRAPH_ATTR("body"),
    {.name = "num_scan_inputs",
     .form = QN_FORM_INT,
     .offset = offsetof(struct scan, num_scan_inputs),
     .required = true,
     .min = 1,
     .max = 65536},
    QN_INTS_ATTR(scan, scan_input_axes),
    QN_INTS_ATTR(scan, scan_output_axes),
    QN_INTS_ATTR(scan, scan_input_directions),
    QN_INTS_ATTR(scan, scan_output_directions),
    {.name = NULL},
};

static int64_t listed(struct qn_ints list, int i) { return (size_t)i < list.n ? list.v[i] : 0; }

/* Index among the node's inputs of the first state; version 8 has the sequence lengths before. */
static int first_state(const struct scan *p) { return p->batched ? 1 : 0; }

static int n_states(const struct scan *p, int n_in) { return n_in - first_state(p) - (int)p->num_scan_inputs; }

/* ---- Inference -------------------------------------------------------------------------------------------------- */

/* The shape without one axis; version 8 also loses the batch. */
static enum qn_status slice_fact(struct qn_infer *in, const struct scan *p, int k, const struct qn_fact *x,
                                 struct qn_fact *slice, int64_t *length)
{
    int axis, first = p->batched ? 1 : 0, n = 0;
    struct qn_shape shape = QN_SHAPE_SCALAR;

    *slice = *x;
    slice->konst = NULL;
    if (x->shape.rank < 0)
        return QN_OK;
    QN_CHECK(x->shape.rank > first, in->err, SHAPE, "scan input %d has no axis to scan", k);
    QN_TRY(qn_infer_axis(in, p->batched ? 1 : listed(p->scan_input_axes, k), x->shape.rank, &axis));
    for (int i = first; i < x->shape.rank; i++)
        if (i != axis)
            shape.dims[n++] = x->shape.dims[i];
    shape.rank = n;
    slice->shape = shape;
    if (!qn_dim_known(*length))
        *length = x->shape.dims[axis];
    QN_CHECK(!qn_dim_known(x->shape.dims[axis]) || *length == x->shape.dims[axis], in->err, SHAPE,
             "scan input %d has length %lld, the first one %lld", k, (long long)x->shape.dims[axis],
             (long long)*length);
    return QN_OK;
}

static struct qn_fact state_fact(const struct scan *p, const struct qn_fact *x)
{
    struct qn_fact state = *x;

    state.konst = NULL;
    if (p->batched && x->shape.rank > 0) {
        state.shape.rank--;
        memmove(state.shape.dims, x->shape.dims + 1, (size_t)state.shape.rank * sizeof(int64_t));
    }
    return state;
}

/* The stacked output: one more axis, and the batch before it in version 8. */
static enum qn_status stacked(struct qn_infer *in, const struct scan *p, int k, const struct qn_shape *element,
                              int64_t length, int64_t batch, struct qn_shape *shape)
{
    int axis, at = 0, rank = element->rank + 1;

    *shape = QN_SHAPE_UNKNOWN;
    if (element->rank < 0)
        return QN_OK;
    QN_CHECK(rank + p->batched <= QN_MAX_RANK, in->err, LIMIT, "scan output %d has too many dimensions", k);
    QN_TRY(qn_infer_axis(in, listed(p->scan_output_axes, k), rank, &axis));
    shape->rank = rank + p->batched;
    if (p->batched)
        shape->dims[at++] = batch;
    for (int i = 0, e = 0; i < rank; i++)
        shape->dims[at++] = i == axis ? length : element->dims[e++];
    return QN_OK;
}

static enum qn_status check_counts(struct qn_infer *in, const struct scan *p, int n_state)
{
    const struct qn_graph *body = in->node->bodies[0].graph;

    QN_CHECK(n_state >= 0, in->err, FORMAT, "num_scan_inputs is %lld, only %d inputs are given",
             (long long)p->num_scan_inputs, in->n_in - first_state(p));
    QN_CHECK(body->n_inputs == n_state + p->num_scan_inputs, in->err, FORMAT,
             "the body takes %d inputs where %lld are given", body->n_inputs,
             (long long)(n_state + p->num_scan_inputs));
    QN_CHECK(body->n_outputs >= n_state && in->n_out <= body->n_outputs, in->err, FORMAT,
             "the body gives %d outputs, the node %d", body->n_outputs, in->n_out);
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct scan *p = params;
    const struct qn_graph *body = in->node->bodies[0].graph;
    int n_state = n_states(p, in->n_in), first = first_state(p);
    int64_t length = QN_DIM_UNKNOWN, batch = QN_DIM_UNKNOWN;
    const struct qn_fact **ins;
    struct qn_fact *facts, *outs;

    QN_TRY(check_counts(in, p, n_state));
    ins = qn_arena_array(in->arena, (size_t)body->n_inputs, sizeof(*ins));
    facts = qn_arena_array(in->arena, (size_t)body->n_inputs, sizeof(*facts));
    outs = qn_arena_array(in->arena, (size_t)body->n_outputs, sizeof(*outs));
    QN_CHECK_MEM(ins && facts && outs ? in : NULL, in->err);
    for (int i = 0; i < body->n_inputs; i++) {
        const struct qn_fact *x = in->in[first + i];

        if (p->batched && x->shape.rank > 0 && !qn_dim_known(batch))
            batch = x->shape.dims[0];
        if (i < n_state)
            facts[i] = state_fact(p, x);
        else
            QN_TRY(slice_fact(in, p, i - n_state, x, &facts[i], &length));
        ins[i] = &facts[i];
    }
    QN_TRY(qn_infer_body(in, 0, ins, body->n_inputs, outs));
    for (int i = 0; i < n_state; i++) {
        struct qn_fact state = *in->in[first + i];

        state.konst = NULL;
        QN_TRY(qn_infer_out_fact(in, i, &state));
    }
    for (int i = n_state; i < body->n_outputs; i++) {
        struct qn_shape shape;

        QN_TRY(stacked(in, p, i - n_state, &outs[i].shape, length, batch, &shape));
        QN_TRY(qn_infer_out(in, i, outs[i].dtype, &shape));
    }
    return QN_OK;
}

/* ---- Running ---------------------------------------------------------------------------------------------------- */

struct job {
    const struct scan *p;
    const struct qn_call *call;
    int n_state, n_outs;
    int64_t length, batch, entry; /* entry: of the batch */
    struct qn_value *ins, *outs;
};

/* The tensor of batch entry b, or the tensor itself. */
static struct qn_tensor entry_of(const struct job *j, const struct qn_tensor *x)
{
    struct qn_tensor entry = *x;

    if (!j->p->batched)
        return entry;
    entry.rank--;
    memmove(entry.dims, x->dims + 1, (size_t)entry.rank * sizeof(int64_t));
    entry.data = (char *)x->data + (size_t)j->entry * qn_tensor_bytes(&entry);
    return entry;
}

/* Copies index t of `axis` of x into (or, with put, out of) the dense slice. */
static void copy_slice(struct qn_tensor *x, int axis, int64_t t, void *slice, bool put)
{
    int64_t outer = qn_tensor_span(x, 0, axis), n = x->dims[axis];
    size_t run = qn_dtype_span(x->dtype, qn_tensor_span(x, axis + 1, x->rank));

    for (int64_t o = 0; o < outer; o++) {
        char *in_x = (char *)x->data + (size_t)(o * n + t) * run, *in_slice = (char *)slice + (size_t)o * run;

        memcpy(put ? in_x : in_slice, put ? in_slice : in_x, run);
    }
}

static int input_axis(const struct job *j, int k, int rank)
{
    int64_t axis = j->p->batched ? 0 : listed(j->p->scan_input_axes, k);

    return (int)(axis < 0 ? axis + rank : axis);
}

/* Body input for scan input k at step t: a view when the axis is the first, else a copy into the value's own memory. */
static enum qn_status set_slice(struct job *j, int k, int64_t t)
{
    const struct qn_call *call = j->call;
    struct qn_tensor x = entry_of(j, qn_in(call, first_state(j->p) + j->n_state + k));
    struct qn_tensor *slice = &j->ins[j->n_state + k].tensor;
    int axis = input_axis(j, k, x.rank);
    void *memory = slice->data;

    if (listed(j->p->scan_input_directions, k))
        t = x.dims[axis] - 1 - t;
    *slice = x;
    slice->rank--;
    memmove(slice->dims + axis, x.dims + axis + 1, (size_t)(slice->rank - axis) * sizeof(int64_t));
    if (axis == 0) {
        slice->data = (char *)x.data + (size_t)t * qn_tensor_bytes(slice);
        return QN_OK;
    }
    if (!memory)
        memory = qn_call_alloc(call, qn_tensor_bytes(slice), 1);
    if (!memory)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    slice->data = memory;
    copy_slice(&x, axis, t, memory, false);
    return QN_OK;
}

/* Scan output k: placed at its first step, whose shape the others must have. */
static enum qn_status put_output(struct job *j, int k, int64_t t)
{
    const struct qn_call *call = j->call;
    const struct qn_tensor *element = &j->outs[j->n_state + k].tensor;
    struct qn_tensor *out = qn_out(call, j->n_state + k), entry;
    int64_t dims[QN_MAX_RANK];
    int axis = (int)listed(j->p->scan_output_axes, k), at = 0;

    if (!out)
        return QN_OK;
    axis = axis < 0 ? axis + element->rank + 1 : axis;
    QN_CHECK(j->outs[j->n_state + k].kind == QN_TENSOR && element->rank + 1 + j->p->batched <= QN_MAX_RANK &&
                 axis >= 0 && axis <= element->rank,
             call->err, SHAPE, "scan output %d cannot be stacked along axis %d", k, axis);
    if (j->p->batched)
        dims[at++] = j->batch;
    for (int i = 0, e = 0; i <= element->rank; i++)
        dims[at++] = i == axis ? j->length : element->dims[e++];
    QN_TRY(qn_call_place(call, j->n_state + k, element->dtype, at, dims));
    entry = entry_of(j, out);
    if (listed(j->p->scan_output_directions, k))
        t = j->length - 1 - t;
    copy_slice(&entry, axis, t, element->data, true);
    if (element->dtype != QN_STRING)
        return QN_OK;
    QN_FAIL(call->err, UNSUPPORTED, "scan outputs of strings");
}

static enum qn_status step(struct job *j, int64_t t)
{
    const struct qn_call *call = j->call;
    int n_scan = (int)j->p->num_scan_inputs;

    QN_TRY(qn_call_poll(call));
    for (int k = 0; k < n_scan; k++)
        QN_TRY(set_slice(j, k, t));
    QN_TRY(qn_call_body(call, 0, j->ins, (size_t)(j->n_state + n_scan), j->outs, (size_t)j->n_outs));
    for (int i = 0; i < j->n_state; i++)
        j->ins[i] = j->outs[i];
    for (int k = 0; k < j->n_outs - j->n_state; k++)
        QN_TRY(put_output(j, k, t));
    return QN_OK;
}

static enum qn_status put_states(struct job *j)
{
    const struct qn_call *call = j->call;

    for (int i = 0; i < j->n_state; i++) {
        const struct qn_tensor *initial = qn_in(call, first_state(j->p) + i), *state = &j->ins[i].tensor;
        struct qn_shape got = qn_tensor_shape(state), want;
        struct qn_tensor entry;

        QN_TRY(qn_call_place(call, i, initial->dtype, initial->rank, initial->dims));
        if (!qn_out(call, i))
            continue;
        entry = entry_of(j, qn_out(call, i));
        want = qn_tensor_shape(&entry);
        QN_CHECK(state->dtype == entry.dtype && qn_shape_equal(&got, &want), call->err, SHAPE,
                 "state %d changed its type or shape in the body", i);
        memcpy(entry.data, state->data, qn_tensor_bytes(&entry));
    }
    return QN_OK;
}

/* Version 8: entries of the batch may be shorter than the longest; their remaining outputs stay zero. */
static enum qn_status entry_length(const struct job *j, int64_t *length)
{
    const struct qn_tensor *lengths = j->p->batched ? qn_in(j->call, 0) : NULL;

    *length = j->length;
    if (!lengths)
        return QN_OK;
    QN_CHECK(qn_tensor_count(lengths) == j->batch, j->call->err, SHAPE, "%lld sequence lengths for a batch of %lld",
             (long long)qn_tensor_count(lengths), (long long)j->batch);
    *length = qn_tensor_int(lengths, j->entry);
    QN_CHECK(*length >= 0 && *length <= j->length, j->call->err, RANGE, "sequence length %lld is outside 0..%lld",
             (long long)*length, (long long)j->length);
    return QN_OK;
}

/* Shapes that only the run knows: every input has the batch and, if scanned, the length. */
static enum qn_status check_inputs(struct job *j)
{
    const struct qn_call *call = j->call;
    int first = first_state(j->p), n_scan = (int)j->p->num_scan_inputs;

    for (int i = 0; i < j->n_state + n_scan; i++) {
        const struct qn_tensor *x = qn_in(call, first + i);

        if (!j->p->batched)
            break;
        QN_CHECK(x->rank > 0, call->err, SHAPE, "input %d has no batch axis", i);
        j->batch = i == 0 ? x->dims[0] : j->batch;
        QN_CHECK(x->dims[0] == j->batch, call->err, SHAPE, "input %d has a batch of %lld, the first one %lld", i,
                 (long long)x->dims[0], (long long)j->batch);
    }
    for (int k = 0; k < n_scan; k++) {
        const struct qn_tensor *x = qn_in(call, first + j->n_state + k);
        int rank = x->rank - first, axis = input_axis(j, k, rank);

        QN_CHECK(axis >= 0 && axis < rank, call->err, SHAPE, "scan input %d of rank %d has no axis to scan", k,
                 x->rank);
        j->length = k == 0 ? x->dims[first + axis] : j->length;
        QN_CHECK(x->dims[first + axis] == j->length, call->err, SHAPE,
                 "scan input %d has length %lld, the first one %lld", k, (long long)x->dims[first + axis],
                 (long long)j->length);
    }
    return QN_OK;
}

static enum qn_status scan_ref(const struct qn_call *call)
{
    const struct scan *p = call->params;
    const struct qn_graph *body = call->node->bodies[0].graph;
    struct job j = {
        .p = p, .call = call, .n_state = n_states(p, call->node->n_formal), .n_outs = body->n_outputs, .batch = 1};

    QN_TRY(check_inputs(&j));
    j.ins = qn_call_alloc(call, (size_t)body->n_inputs, sizeof(*j.ins));
    j.outs = qn_call_alloc(call, (size_t)body->n_outputs, sizeof(*j.outs));
    if (!j.ins || !j.outs)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    for (j.entry = 0; j.entry < j.batch; j.entry++) {
        int64_t length;

        QN_TRY(entry_length(&j, &length));
        for (int i = 0; i < j.n_state; i++)
            j.ins[i] = (struct qn_value){.kind = QN_TENSOR, .tensor = entry_of(&j, qn_in(call, first_state(p) + i))};
        for (int64_t t = 0; t < length; t++)
            QN_TRY(step(&j, t));
        QN_TRY(put_states(&j));
    }
    for (int i = j.n_state; i < j.n_outs && j.length * j.batch == 0; i++)
        QN_TRY(qn_stack_finish(call, &(const struct qn_stack){.n = 0}, i));
    return QN_OK;
}

static const struct qn_kernel kernels[] = {{.name = "scan_ref", .run = scan_ref}, {.name = NULL}};

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

#define VALUES(name, set)                                                                                              \
    {                                                                                                                  \
        name, 'V', set, QN_VARIADIC | QN_HETEROGENEOUS                                                                 \
    }

#define ROW(first, last, set)                                                                                          \
    {                                                                                                                  \
        .name = "Scan", .domain = "", .since = (first), .until = (last),                                               \
        .in = QN_FORMALS(VALUES("initial_state_and_scan_inputs", set)),                                                \
        .out = QN_FORMALS(VALUES("final_state_and_scan_outputs", set)), .attrs = scan_attrs_9, QN_PARAMS(scan),        \
        .flags = QN_DATA_DEPENDENT | QN_NO_FOLD, .infer = infer, .kernels = kernels                                    \
    }

const struct qn_op qn_ops_scan[] = {
    {.name = "Scan",
     .domain = "",
     .since = 8,
     .until = 8,
     .in = QN_FORMALS(QN_OPT("sequence_lens", 'I', QN_BIT(INT64)), VALUES("initial_state_and_scan_inputs", QN_ALL_IR3)),
     .out = QN_FORMALS(VALUES("final_state_and_scan_outputs", QN_ALL_IR3)),
     .attrs = scan_attrs_8,
     QN_PRESET(scan, .batched = true),
     .flags = QN_DATA_DEPENDENT | QN_NO_FOLD,
     .infer = infer,
     .kernels = kernels},
    ROW(9, 10, QN_ALL_IR3),
    ROW(11, 15, QN_ALL_IR3),
    ROW(16, 18, QN_ALL_IR4),
    ROW(19, 20, QN_ALL_IR9),
    ROW(21, 22, QN_ALL_IR10),
    ROW(23, 23, QN_ALL_IR11),
    ROW(24, 24, QN_ALL_IR12),
    ROW(25, 27, QN_ALL_IR13),
    {.name = NULL},
};
