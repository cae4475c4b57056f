/* sequence.c: SequenceEmpty, SequenceConstruct, SequenceAt, SequenceInsert, SequenceErase, SequenceLength,
 * SplitToSequence, ConcatFromSequence, SequenceMap. A sequence is an array of values; operators that hand elements on
 * share the memory of tensors, never copy it. */
#include <string.h>

#include "base/checked.h"
#include "ops/control.h"

#define SEQ(name)                                                                                                      \
    {                                                                                                                  \
        name, 'S', QN_ALL_IR3, QN_SEQUENCE_KIND                                                                        \
    }
#define POSITION QN_OPT("position", 'I', QN_BIT(INT32) | QN_BIT(INT64))

static enum qn_status no_memory(const struct qn_call *call)
{
    return call->err && call->err->status ? call->err->status : QN_NOMEM;
}

/* ---- Inference -------------------------------------------------------------------------------------------------- */

static enum qn_status infer_sequence_of(struct qn_infer *in, enum qn_dtype dtype, const struct qn_shape *shape)
{
    struct qn_fact *elem = qn_arena_alloc(in->arena, sizeof(*elem)), sequence = QN_FACT_UNKNOWN;

    QN_CHECK_MEM(elem, in->err);
    *elem = qn_fact_tensor(dtype, shape);
    sequence.kind = QN_SEQUENCE;
    sequence.dtype = dtype;
    sequence.elem = elem;
    return qn_infer_out_fact(in, 0, &sequence);
}

static enum qn_dtype element_type(const struct qn_fact *sequence)
{
    return sequence->elem ? sequence->elem->dtype : sequence->dtype;
}

struct empty {
    enum qn_dtype dtype;
};

static enum qn_status infer_empty(struct qn_infer *in, const void *params)
{
    return infer_sequence_of(in, ((const struct empty *)params)->dtype, &QN_SHAPE_UNKNOWN);
}

static enum qn_status infer_construct(struct qn_infer *in, const void *params)
{
    (void)params;
    return infer_sequence_of(in, in->in[0]->dtype, &QN_SHAPE_UNKNOWN);
}

static enum qn_status infer_same_sequence(struct qn_infer *in, const void *params)
{
    (void)params;
    return infer_sequence_of(in, element_type(in->in[0]), &QN_SHAPE_UNKNOWN);
}

static enum qn_status infer_element(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out(in, 0, element_type(in->in[0]), &QN_SHAPE_UNKNOWN);
}

static enum qn_status infer_length(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out(in, 0, QN_INT64, &QN_SHAPE_SCALAR);
}

/* ---- Elements --------------------------------------------------------------------------------------------------- */

/* The position given by input i, counted from the end when negative; `last` when it is left out. n_places: how many
 * there are. */
static enum qn_status position(const struct qn_call *call, int i, size_t n_places, size_t last, size_t *place)
{
    const struct qn_tensor *tensor = qn_in(call, i);
    int64_t at;

    *place = last;
    if (!tensor)
        return QN_OK;
    QN_CHECK(qn_tensor_count(tensor) == 1, call->err, SHAPE, "a position is one number");
    at = qn_tensor_int(tensor, 0);
    if (at < 0)
        at += (int64_t)n_places;
    QN_CHECK(at >= 0 && at < (int64_t)n_places, call->err, RANGE, "position %lld is outside a sequence of %zu",
             (long long)qn_tensor_int(tensor, 0), n_places);
    *place = (size_t)at;
    return QN_OK;
}

static enum qn_status make_sequence(const struct qn_call *call, size_t n, enum qn_dtype dtype, struct qn_value **out)
{
    struct qn_value *items = qn_call_alloc(call, n, sizeof(*items));

    *out = call->out[0];
    if (!items)
        return no_memory(call);
    **out = (struct qn_value){.kind = QN_SEQUENCE, .tensor.dtype = dtype, .items = items, .n = n};
    return QN_OK;
}

static enum qn_status empty_ref(const struct qn_call *call)
{
    struct qn_value *out;

    return make_sequence(call, 0, ((const struct empty *)call->params)->dtype, &out);
}

static enum qn_status construct_ref(const struct qn_call *call)
{
    struct qn_value *out;

    QN_TRY(make_sequence(call, (size_t)call->n_in, call->in[0]->tensor.dtype, &out));
    for (int i = 0; i < call->n_in; i++)
        out->items[i] = *call->in[i];
    return QN_OK;
}

static enum qn_status at_ref(const struct qn_call *call)
{
    size_t place;

    QN_TRY(position(call, 1, call->in[0]->n, 0, &place));
    *call->out[0] = call->in[0]->items[place];
    return QN_OK;
}

static enum qn_status insert_ref(const struct qn_call *call)
{
    const struct qn_value *sequence = call->in[0];
    struct qn_value *out;
    size_t place;
    int64_t at = qn_in(call, 2) ? qn_tensor_int(qn_in(call, 2), 0) : 0;

    /* Position n, behind the last element, is allowed; negative ones count from the end of the old sequence. */
    QN_TRY(position(call, 2, sequence->n + (at >= 0), sequence->n, &place));
    QN_TRY(make_sequence(call, sequence->n + 1, call->in[1]->tensor.dtype, &out));
    for (size_t i = 0; i <= sequence->n; i++)
        out->items[i] = i == place ? *call->in[1] : sequence->items[i - (i > place)];
    return QN_OK;
}

static enum qn_status erase_ref(const struct qn_call *call)
{
    const struct qn_value *sequence = call->in[0];
    struct qn_value *out;
    size_t place;

    QN_CHECK(sequence->n > 0, call->err, RANGE, "nothing can be erased from an empty sequence");
    QN_TRY(position(call, 1, sequence->n, sequence->n - 1, &place));
    QN_TRY(make_sequence(call, sequence->n - 1, sequence->tensor.dtype, &out));
    for (size_t i = 0; i + 1 < sequence->n; i++)
        out->items[i] = sequence->items[i + (i >= place)];
    return QN_OK;
}

static enum qn_status length_ref(const struct qn_call *call)
{
    *(int64_t *)qn_out(call, 0)->data = (int64_t)call->in[0]->n;
    return QN_OK;
}

/* ---- SplitToSequence -------------------------------------------------------------------------------------------- */

struct split {
    int64_t axis, keepdims;
};

static enum qn_status infer_split(struct qn_infer *in, const void *params)
{
    const struct split *p = params;
    int axis;

    if (in->in[0]->shape.rank >= 0)
        QN_TRY(qn_infer_axis(in, p->axis, in->in[0]->shape.rank, &axis));
    return infer_sequence_of(in, in->in[0]->dtype, &QN_SHAPE_UNKNOWN);
}

/* How many pieces, and the size of piece i: from a list, one size for all (the last may be smaller), or 1 each. */
static enum qn_status split_sizes(const struct qn_call *call, int64_t n, size_t *n_pieces, int64_t **sizes)
{
    const struct qn_tensor *split = qn_in(call, 1);
    int64_t each = split && split->rank == 0 ? qn_tensor_int(split, 0) : 1, total = 0;

    QN_CHECK(each > 0, call->err, RANGE, "a split size must be positive, not %lld", (long long)each);
    *n_pieces = split && split->rank > 0 ? (size_t)qn_tensor_count(split) : (size_t)(n / each + (n % each != 0));
    *sizes = qn_call_alloc(call, *n_pieces, sizeof(**sizes));
    if (!*sizes)
        return no_memory(call);
    for (size_t i = 0; i < *n_pieces; i++) {
        int64_t left = n - total;

        (*sizes)[i] = split && split->rank > 0 ? qn_tensor_int(split, (int64_t)i) : each < left ? each : left;
        QN_CHECK((*sizes)[i] >= 0 && (*sizes)[i] <= left, call->err, RANGE, "split sizes do not add up to %lld",
                 (long long)n);
        total += (*sizes)[i];
    }
    QN_CHECK(total == n, call->err, RANGE, "split sizes add up to %lld, not %lld", (long long)total, (long long)n);
    return QN_OK;
}

static enum qn_status copy_piece(const struct qn_call *call, const struct qn_tensor *x, int axis, int64_t begin,
                                 int64_t n, struct qn_tensor *piece)
{
    int64_t outer = qn_tensor_span(x, 0, axis);
    size_t inner = qn_dtype_span(x->dtype, qn_tensor_span(x, axis + 1, x->rank));

    *piece = *x;
    piece->dims[axis] = n;
    piece->data = qn_call_alloc(call, qn_tensor_bytes(piece), 1);
    if (!piece->data)
        return no_memory(call);
    for (int64_t o = 0; o < outer; o++)
        memcpy((char *)piece->data + (size_t)(o * n) * inner,
               (const char *)x->data + (size_t)(o * x->dims[axis] + begin) * inner, (size_t)n * inner);
    return QN_OK;
}

static enum qn_status split_ref(const struct qn_call *call)
{
    const struct split *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    int axis = (int)(p->axis < 0 ? p->axis + x->rank : p->axis);
    int64_t *sizes = NULL, begin = 0;
    struct qn_value *out;
    size_t n = 0;

    QN_TRY(split_sizes(call, x->dims[axis], &n, &sizes));
    QN_TRY(make_sequence(call, n, x->dtype, &out));
    for (size_t i = 0; i < n; i++) {
        struct qn_tensor *piece = &out->items[i].tensor;

        QN_TRY(copy_piece(call, x, axis, begin, sizes[i], piece));
        begin += sizes[i];
        if (p->keepdims || qn_in(call, 1))
            continue;
        piece->rank--;
        memmove(piece->dims + axis, piece->dims + axis + 1, (size_t)(piece->rank - axis) * sizeof(int64_t));
    }
    return QN_OK;
}

/* ---- ConcatFromSequence ----------------------------------------------------------------------------------------- */

struct concat {
    int64_t axis, new_axis;
};

static enum qn_status joined_shape(const struct qn_call *call, int axis, bool new_axis, struct qn_shape *shape)
{
    const struct qn_value *sequence = call->in[0];
    const struct qn_tensor *first = &sequence->items[0].tensor;

    *shape = qn_tensor_shape(first);
    if (new_axis) {
        QN_CHECK(shape->rank < QN_MAX_RANK, call->err, LIMIT, "the result has more than %d dimensions", QN_MAX_RANK);
        memmove(shape->dims + axis + 1, shape->dims + axis, (size_t)(shape->rank - axis) * sizeof(int64_t));
        shape->dims[axis] = (int64_t)sequence->n;
        shape->rank++;
    }
    for (size_t i = 1; i < sequence->n; i++) {
        const struct qn_tensor *item = &sequence->items[i].tensor;

        QN_CHECK(item->dtype == first->dtype && item->rank == first->rank, call->err, SHAPE,
                 "element %zu is not like element 0", i);
        for (int d = 0; d < first->rank; d++)
            QN_CHECK(item->dims[d] == first->dims[d] || (d == axis && !new_axis), call->err, SHAPE,
                     "dimension %d of element %zu is %lld where element 0 has %lld", d, i, (long long)item->dims[d],
                     (long long)first->dims[d]);
        if (!new_axis)
            QN_CHECK(qn_add64(shape->dims[axis], item->dims[axis], &shape->dims[axis]), call->err, LIMIT,
                     "the result is too large");
    }
    return QN_OK;
}

static enum qn_status concat_ref(const struct qn_call *call)
{
    const struct concat *p = call->params;
    const struct qn_value *sequence = call->in[0];
    const struct qn_tensor *first = sequence->n ? &sequence->items[0].tensor : NULL;
    struct qn_shape shape;
    int64_t rank, axis, outer;
    size_t row, at = 0;

    QN_CHECK(first, call->err, SHAPE, "an empty sequence cannot be concatenated");
    rank = first->rank + (p->new_axis != 0);
    axis = p->axis < 0 ? p->axis + rank : p->axis;
    QN_CHECK(axis >= 0 && axis < rank, call->err, SHAPE, "axis %lld is outside a tensor of rank %lld",
             (long long)p->axis, (long long)rank);
    QN_TRY(joined_shape(call, (int)axis, p->new_axis != 0, &shape));
    QN_TRY(qn_call_place(call, 0, first->dtype, shape.rank, shape.dims));
    outer = qn_tensor_span(first, 0, (int)axis);
    row = outer ? qn_tensor_bytes(qn_out(call, 0)) / (size_t)outer : 0;
    for (size_t i = 0; i < sequence->n && outer; i++) {
        const struct qn_tensor *item = &sequence->items[i].tensor;
        size_t run = qn_tensor_bytes(item) / (size_t)outer;

        for (int64_t o = 0; o < outer; o++)
            memcpy((char *)qn_out(call, 0)->data + (size_t)o * row + at, (const char *)item->data + (size_t)o * run,
                   run);
        at += run;
    }
    return QN_OK;
}

/* ---- SequenceMap ------------------------------------------------------------------------------------------------ */

static enum qn_status infer_map(struct qn_infer *in, const void *params)
{
    const struct qn_graph *body = in->node->bodies[0].graph;
    const struct qn_fact **ins = qn_arena_array(in->arena, (size_t)in->n_in, sizeof(*ins));
    struct qn_fact *outs = qn_arena_array(in->arena, (size_t)body->n_outputs, sizeof(*outs));

    (void)params;
    QN_CHECK_MEM(ins && outs ? in : NULL, in->err);
    QN_CHECK(body->n_outputs >= in->n_out, in->err, FORMAT, "the body gives %d outputs, the node %d", body->n_outputs,
             in->n_out);
    for (int i = 0; i < in->n_in; i++) {
        struct qn_fact *fact = qn_arena_alloc(in->arena, sizeof(*fact));

        QN_CHECK_MEM(fact, in->err);
        *fact = *in->in[i];
        if (fact->kind == QN_SEQUENCE)
            *fact = qn_fact_tensor(element_type(in->in[i]), &QN_SHAPE_UNKNOWN);
        fact->konst = NULL;
        ins[i] = fact;
    }
    QN_TRY(qn_infer_body(in, 0, ins, in->n_in, outs));
    for (int i = 0; i < in->n_out; i++) {
        struct qn_fact *elem = qn_arena_memdup(in->arena, &outs[i], sizeof(*elem)), sequence = QN_FACT_UNKNOWN;

        QN_CHECK_MEM(elem, in->err);
        elem->shape = QN_SHAPE_UNKNOWN;
        sequence.kind = QN_SEQUENCE;
        sequence.dtype = elem->dtype;
        sequence.elem = elem;
        QN_TRY(qn_infer_out_fact(in, i, &sequence));
    }
    return QN_OK;
}

static enum qn_status map_ref(const struct qn_call *call)
{
    const struct qn_graph *body = call->node->bodies[0].graph;
    size_t n = call->in[0]->n, n_ins = (size_t)call->node->n_formal, n_outs = (size_t)body->n_outputs;
    struct qn_value *ins = qn_call_alloc(call, n_ins, sizeof(*ins));
    struct qn_value *outs = qn_call_alloc(call, n_outs, sizeof(*outs));

    if (!ins || !outs)
        return no_memory(call);
    for (int o = 0; o < call->n_out; o++) {
        if (!call->out[o])
            continue;
        *call->out[o] = (struct qn_value){.kind = QN_SEQUENCE, .n = n, .tensor.dtype = body->outputs[o]->fact.dtype};
        call->out[o]->items = qn_call_alloc(call, n, sizeof(*call->out[o]->items));
        if (!call->out[o]->items)
            return no_memory(call);
    }
    for (size_t i = 0; i < n; i++) {
        QN_TRY(qn_call_poll(call));
        for (size_t k = 0; k < n_ins; k++) {
            QN_CHECK(call->in[k]->kind != QN_SEQUENCE || call->in[k]->n == n, call->err, SHAPE,
                     "input %zu has %zu elements where the first has %zu", k, call->in[k]->n, n);
            ins[k] = call->in[k]->kind == QN_SEQUENCE ? call->in[k]->items[i] : *call->in[k];
        }
        QN_TRY(qn_call_body(call, 0, ins, n_ins, outs, n_outs));
        for (int o = 0; o < call->n_out; o++)
            if (call->out[o])
                QN_TRY(qn_call_copy(call, &outs[o], &call->out[o]->items[i]));
    }
    return QN_OK;
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------ */

#define KERNELS(stem) ((const struct qn_kernel[]){{.name = #stem, .run = stem}, {.name = NULL}})
#define MOVES         QN_DATA_DEPENDENT | QN_KEEPS_VALUES | QN_NO_FOLD
#define FROM_11(op)   .name = (op), .domain = "", .since = 11, .until = 27

const struct qn_op qn_ops_sequence[] = {
    {FROM_11("SequenceEmpty"), .in = QN_FORMALS({NULL, 0, 0, 0}), .out = QN_FORMALS(SEQ("output")),
     .attrs = QN_ATTRS(QN_DTYPE_ATTR(empty, dtype, QN_FLOAT)), QN_PARAMS(empty), .flags = MOVES, .infer = infer_empty,
     .kernels = KERNELS(empty_ref)},
    {FROM_11("SequenceConstruct"), .in = QN_FORMALS(QN_VAR("inputs", 'T', QN_ALL_IR3)),
     .out = QN_FORMALS(SEQ("output_sequence")), .flags = MOVES, .infer = infer_construct,
     .kernels = KERNELS(construct_ref)},
    {FROM_11("SequenceAt"),
     .in = QN_FORMALS(SEQ("input_sequence"), QN_IN("position", 'I', QN_BIT(INT32) | QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("tensor", 'T', QN_ALL_IR3)), .flags = MOVES, .infer = infer_element,
     .kernels = KERNELS(at_ref)},
    {FROM_11("SequenceInsert"), .in = QN_FORMALS(SEQ("input_sequence"), QN_IN("tensor", 'S', QN_ALL_IR3), POSITION),
     .out = QN_FORMALS(SEQ("output_sequence")), .flags = MOVES, .infer = infer_same_sequence,
     .kernels = KERNELS(insert_ref)},
    {FROM_11("SequenceErase"), .in = QN_FORMALS(SEQ("input_sequence"), POSITION),
     .out = QN_FORMALS(SEQ("output_sequence")), .flags = MOVES, .infer = infer_same_sequence,
     .kernels = KERNELS(erase_ref)},
    {FROM_11("SequenceLength"), .in = QN_FORMALS(SEQ("input_sequence")),
     .out = QN_FORMALS(QN_OUT("length", 'I', QN_BIT(INT64))), .flags = QN_NO_FOLD, .infer = infer_length,
     .kernels = KERNELS(length_ref)},
    {.name = "SplitToSequence",
     .domain = "",
     .since = 11,
     .until = 23,
     .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR3), QN_OPT("split", 'I', QN_BIT(INT32) | QN_BIT(INT64))),
     .out = QN_FORMALS(SEQ("output_sequence")),
     .attrs = QN_ATTRS(QN_INT_ATTR(split, axis, 0), QN_INT_ATTR(split, keepdims, 1)),
     QN_PARAMS(split),
     .flags = MOVES,
     .infer = infer_split,
     .kernels = KERNELS(split_ref)},
    {.name = "SplitToSequence",
     .domain = "",
     .since = 24,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR4), QN_OPT("split", 'I', QN_BIT(INT32) | QN_BIT(INT64))),
     .out = QN_FORMALS({"output_sequence", 'S', QN_ALL_IR4, QN_SEQUENCE_KIND}),
     .attrs = QN_ATTRS(QN_INT_ATTR(split, axis, 0), QN_INT_ATTR(split, keepdims, 1)),
     QN_PARAMS(split),
     .flags = MOVES,
     .infer = infer_split,
     .kernels = KERNELS(split_ref)},
    {FROM_11("ConcatFromSequence"), .in = QN_FORMALS(SEQ("input_sequence")),
     .out = QN_FORMALS(QN_OUT("concat_result", 'T', QN_ALL_IR3)),
     .attrs = QN_ATTRS(QN_INT_ATTR_REQUIRED(concat, axis), QN_INT_ATTR_RANGE(concat, new_axis, 0, 0, 1)),
     QN_PARAMS(concat), .flags = MOVES, .infer = infer_element, .kernels = KERNELS(concat_ref)},
    {.name = "SequenceMap",
     .domain = "",
     .since = 17,
     .until = 27,
     .in =
         QN_FORMALS(SEQ("input_sequence"), {"additional_inputs", 'V', QN_ALL_IR3,
                                            QN_VARIADIC | QN_HETEROGENEOUS | QN_OPTIONAL_FORMAL | QN_CONTROL_SEQUENCE}),
     .out = QN_FORMALS({"out_sequence", 'S', QN_ALL_IR3, QN_VARIADIC | QN_HETEROGENEOUS | QN_SEQUENCE_KIND}),
     .attrs = QN_ATTRS(QN_GRAPH_ATTR("body")),
     .flags = MOVES,
     .infer = infer_map,
     .kernels = KERNELS(map_ref)},
    {.name = NULL},
};
