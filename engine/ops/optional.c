/* optional.c: Optional, OptionalHasElement, OptionalGetElement.
 * From version 18 the last two take plain tensors and sequences too, and HasElement may have no input at all. */
#include "ops/control.h"

#define TENSOR_OR_SEQUENCE (QN_TENSOR_KIND | QN_SEQUENCE_KIND)

struct optional {
    const struct qn_fact *type; /* of the empty optional; NULL when an input tells */
};

static enum qn_status infer_optional(struct qn_infer *in, const void *params)
{
    const struct optional *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0), *held = x ? x : p->type;
    struct qn_fact *elem = qn_arena_alloc(in->arena, sizeof(*elem)), made = QN_FACT_UNKNOWN;

    QN_CHECK_MEM(elem, in->err);
    QN_CHECK(held, in->err, FORMAT, "an empty optional needs the attribute 'type'");
    if (held->kind == QN_OPTIONAL && held->elem)
        held = held->elem;
    *elem = *held;
    elem->konst = NULL;
    made.kind = QN_OPTIONAL;
    made.dtype = elem->dtype;
    made.elem = elem;
    return qn_infer_out_fact(in, 0, &made);
}

static enum qn_status infer_has(struct qn_infer *in, const void *params)
{
    (void)params;
    return qn_infer_out(in, 0, QN_BOOL, &QN_SHAPE_SCALAR);
}

static enum qn_status infer_get(struct qn_infer *in, const void *params)
{
    struct qn_fact made = *in->in[0];

    (void)params;
    if (made.kind == QN_OPTIONAL)
        made = made.elem ? *made.elem : QN_FACT_UNKNOWN;
    made.konst = NULL;
    return qn_infer_out_fact(in, 0, &made);
}

static enum qn_status optional_ref(const struct qn_call *call)
{
    const struct optional *p = call->params;
    struct qn_value *out = call->out[0], *item;

    *out = (struct qn_value){.kind = QN_OPTIONAL};
    if (call->n_in == 0 || !call->in[0]) {
        out->tensor.dtype = p->type ? p->type->dtype : QN_UNDEFINED;
        return QN_OK;
    }
    item = qn_call_alloc(call, 1, sizeof(*item));
    if (!item)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    *item = *call->in[0];
    out->tensor.dtype = item->tensor.dtype;
    out->items = item;
    out->n = 1;
    return QN_OK;
}

static bool has_element(const struct qn_call *call)
{
    return call->n_in > 0 && call->in[0] && (call->in[0]->kind != QN_OPTIONAL || call->in[0]->n > 0);
}

static enum qn_status has_ref(const struct qn_call *call)
{
    *(bool *)qn_out(call, 0)->data = has_element(call);
    return QN_OK;
}

static enum qn_status get_ref(const struct qn_call *call)
{
    QN_CHECK(has_element(call), call->err, RANGE, "the optional is empty");
    *call->out[0] = call->in[0]->kind == QN_OPTIONAL ? call->in[0]->items[0] : *call->in[0];
    return QN_OK;
}

#define KERNELS(stem) ((const struct qn_kernel[]){{.name = #stem, .run = stem}, {.name = NULL}})
#define MOVES         QN_DATA_DEPENDENT | QN_KEEPS_VALUES | QN_NO_FOLD
#define ANY(name, more)                                                                                                \
    {                                                                                                                  \
        name, 'O', QN_ALL_IR3, more                                                                                    \
    }

const struct qn_op qn_ops_optional[] = {
    {.name = "Optional",
     .domain = "",
     .since = 15,
     .until = 27,
     .in = QN_FORMALS(ANY("input", QN_OPTIONAL_FORMAL | TENSOR_OR_SEQUENCE)),
     .out = QN_FORMALS(ANY("output", QN_OPTIONAL_KIND)),
     .attrs = QN_ATTRS(QN_TYPE_ATTR(optional, type)),
     QN_PARAMS(optional),
     .flags = MOVES,
     .infer = infer_optional,
     .kernels = KERNELS(optional_ref)},
    {.name = "OptionalHasElement",
     .domain = "",
     .since = 15,
     .until = 17,
     .in = QN_FORMALS(ANY("input", QN_OPTIONAL_KIND)),
     .out = QN_FORMALS(QN_OUT("output", 'B', QN_BIT(BOOL))),
     .flags = QN_NO_FOLD,
     .infer = infer_has,
     .kernels = KERNELS(has_ref)},
    {.name = "OptionalHasElement",
     .domain = "",
     .since = 18,
     .until = 27,
     .in = QN_FORMALS(ANY("input", QN_OPTIONAL_FORMAL | QN_OPTIONAL_KIND | TENSOR_OR_SEQUENCE)),
     .out = QN_FORMALS(QN_OUT("output", 'B', QN_BIT(BOOL))),
     .flags = QN_NO_FOLD,
     .infer = infer_has,
     .kernels = KERNELS(has_ref)},
    {.name = "OptionalGetElement",
     .domain = "",
     .since = 15,
     .until = 17,
     .in = QN_FORMALS(ANY("input", QN_OPTIONAL_KIND)),
     .out = QN_FORMALS(ANY("output", TENSOR_OR_SEQUENCE)),
     .flags = MOVES,
     .infer = infer_get,
     .kernels = KERNELS(get_ref)},
    {.name = "OptionalGetElement",
     .domain = "",
     .since = 18,
     .until = 27,
     .in = QN_FORMALS(ANY("input", QN_OPTIONAL_KIND | TENSOR_OR_SEQUENCE)),
     .out = QN_FORMALS(ANY("output", TENSOR_OR_SEQUENCE)),
     .flags = MOVES,
     .infer = infer_get,
     .kernels = KERNELS(get_ref)},
    {.name = NULL},
};
