/* stack.c: outputs of loops that grow by one element an iteration. */
#include <string.h>

#include "base/checked.h"
#include "ops/control.h"

static enum qn_status grow(const struct qn_call *call, struct qn_stack *stack)
{
    size_t size = qn_tensor_bytes(&stack->element);
    int64_t capacity = stack->capacity ? stack->capacity * 2 : 8;
    void *data = qn_call_alloc(call, (size_t)capacity, size);

    if (!data)
        return call->err && call->err->status ? call->err->status : QN_NOMEM;
    if (stack->n)
        memcpy(data, stack->data, (size_t)stack->n * size);
    stack->data = data;
    stack->capacity = capacity;
    return QN_OK;
}

static enum qn_status copy_element(const struct qn_call *call, void *to, const struct qn_tensor *from)
{
    memcpy(to, from->data, qn_tensor_bytes(from));
    if (from->dtype != QN_STRING)
        return QN_OK;
    for (int64_t i = 0, n = qn_tensor_count(from); i < n; i++) {
        const struct qn_str *str = (const struct qn_str *)from->data + i;

        QN_TRY(qn_call_str(call, str->data, str->n, (struct qn_str *)to + i));
    }
    return QN_OK;
}

enum qn_status qn_stack_push(const struct qn_call *call, struct qn_stack *stack, const struct qn_value *value,
                             int output)
{
    const struct qn_tensor *tensor = &value->tensor;
    struct qn_shape want = qn_tensor_shape(&stack->element), got = qn_tensor_shape(tensor);
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];

    QN_CHECK(value->kind == QN_TENSOR, call->err, SHAPE, "output %d collects tensors only", output);
    QN_CHECK(qn_dtype_bits(tensor->dtype) >= 8, call->err, UNSUPPORTED, "output %d cannot collect %s", output,
             qn_dtype_name(tensor->dtype));
    if (stack->n == 0)
        stack->element = *tensor;
    else
        QN_CHECK(tensor->dtype == stack->element.dtype && qn_shape_equal(&want, &got), call->err, SHAPE,
                 "output %d was %s%s in the first iteration and is %s%s in iteration %lld", output,
                 qn_dtype_name(stack->element.dtype), qn_shape_text(&want, a), qn_dtype_name(tensor->dtype),
                 qn_shape_text(&got, b), (long long)stack->n);
    QN_CHECK(tensor->rank < QN_MAX_RANK, call->err, LIMIT, "output %d would have more than %d dimensions", output,
             QN_MAX_RANK);
    if (stack->n == stack->capacity)
        QN_TRY(grow(call, stack));
    QN_TRY(copy_element(call, (char *)stack->data + (size_t)stack->n * qn_tensor_bytes(tensor), tensor));
    stack->n++;
    return QN_OK;
}

enum qn_status qn_stack_finish(const struct qn_call *call, const struct qn_stack *stack, int output)
{
    struct qn_value *out = output < call->n_out ? call->out[output] : NULL;
    const struct qn_fact *fact = out ? &call->node->out[output]->fact : NULL;
    int64_t dims[QN_MAX_RANK] = {0};

    if (!out)
        return QN_OK;
    if (stack->n == 0) {
        QN_CHECK(fact->dtype != QN_UNDEFINED, call->err, SHAPE, "output %d of no iteration has no known type", output);
        for (int i = 0; i < fact->shape.rank; i++)
            dims[i] = qn_dim_known(fact->shape.dims[i]) ? fact->shape.dims[i] : 0;
        return qn_call_place(call, output, fact->dtype, fact->shape.rank < 0 ? 1 : fact->shape.rank, dims);
    }
    out->kind = QN_TENSOR;
    out->tensor = stack->element;
    out->tensor.rank = stack->element.rank + 1;
    out->tensor.dims[0] = stack->n;
    memcpy(out->tensor.dims + 1, stack->element.dims, (size_t)stack->element.rank * sizeof(int64_t));
    out->tensor.data = stack->data;
    return QN_OK;
}
