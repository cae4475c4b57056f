/* value.c: whole values: sequences, optionals and maps around tensors, copied and printed. Values nest as deep as a
 * model's types say, so the walks keep a bounded stack of their own instead of recursing. */
#include <inttypes.h>
#include <string.h>

#include "tensor/tensor.h"

const char *qn_kind_name(enum qn_kind kind)
{
    static const char *const names[] = {"a tensor", "a sequence", "an optional", "a map"};

    return names[kind];
}

/* A value whose items are being copied. */
struct copy_frame {
    const struct qn_value *source;
    struct qn_value *copy;
    size_t next;
};

/* Everything of a value except what its items hold. */
static enum qn_status copy_shallow(struct qn_arena *arena, const struct qn_value *source, struct qn_value *copy,
                                   struct qn_err *err)
{
    *copy = (struct qn_value){.kind = source->kind};
    if (source->kind == QN_TENSOR)
        return qn_tensor_copy(arena, &source->tensor, &copy->tensor, err);
    copy->tensor.dtype = source->tensor.dtype;
    copy->items = (struct qn_value *)qn_arena_array(arena, source->n, sizeof(copy->items[0]));
    QN_CHECK(copy->items, err, NOMEM, "out of memory for a value of %zu items", source->n);
    copy->n = source->n;
    return QN_OK;
}

static enum qn_status copy_items(struct qn_arena *arena, const struct qn_value *source, struct qn_value *copy,
                                 struct qn_err *err)
{
    struct copy_frame stack[QN_VALUE_MAX_DEPTH] = {{source, copy, 0}};
    int depth = 1;

    while (depth > 0) {
        struct copy_frame *top = &stack[depth - 1];
        const struct qn_value *item;
        struct qn_value *item_copy;

        if (top->source->kind == QN_TENSOR || top->next == top->source->n) {
            depth--;
            continue;
        }
        item = &top->source->items[top->next];
        item_copy = &top->copy->items[top->next++];
        QN_TRY(copy_shallow(arena, item, item_copy, err));
        if (item->kind == QN_TENSOR)
            continue;
        QN_CHECK(depth < QN_VALUE_MAX_DEPTH, err, LIMIT, "a value nests deeper than %d", QN_VALUE_MAX_DEPTH);
        stack[depth++] = (struct copy_frame){item, item_copy, 0};
    }
    return QN_OK;
}

enum qn_status qn_value_copy(struct qn_arena *arena, const struct qn_value *source, struct qn_value *copy,
                             struct qn_err *err)
{
    struct qn_value result;
    enum qn_status status = copy_shallow(arena, source, &result, err);

    if (status == QN_OK)
        status = copy_items(arena, source, &result, err);
    *copy = status == QN_OK ? result : (struct qn_value){0};
    return status;
}

/* A value whose items are being printed. */
struct print_frame {
    const struct qn_value *value;
    size_t next;
};

/* At most *budget elements, which it lessens by those it printed. */
static void print_tensor(struct qn_buf *buf, const struct qn_tensor *tensor, int64_t *budget)
{
    struct qn_shape shape = qn_tensor_shape(tensor);
    int64_t n = qn_tensor_count(tensor), shown = n < *budget ? n : *budget;

    qn_buf_puts(buf, qn_dtype_name(tensor->dtype));
    qn_shape_print(buf, &shape, NULL, 0);
    for (int64_t i = 0; i < shown && !buf->failed; i++)
        qn_buf_printf(buf, " %s", qn_element_text(tensor, i, (char[QN_ELEMENT_TEXT]){0}));
    if (shown < n)
        qn_buf_puts(buf, " ...");
    *budget -= shown;
}

/* "{1: 0.5, 2: 0.25}" */
static void print_map(struct qn_buf *buf, const struct qn_value *map, int64_t *budget)
{
    const struct qn_tensor *keys = &map->items[0].tensor, *values = &map->items[1].tensor;
    int64_t n = qn_tensor_count(keys), shown = n < *budget ? n : *budget;

    qn_buf_printf(buf, "map(%s,%s) {", qn_dtype_name(keys->dtype), qn_dtype_name(values->dtype));
    for (int64_t i = 0; i < shown && !buf->failed; i++)
        qn_buf_printf(buf, "%s%s: %s", i > 0 ? ", " : "", qn_element_text(keys, i, (char[QN_ELEMENT_TEXT]){0}),
                      qn_element_text(values, i, (char[QN_ELEMENT_TEXT]){0}));
    qn_buf_puts(buf, shown < n ? ", ...}" : "}");
    *budget -= shown;
}

/* The whole of a tensor or map; the beginning of a sequence or optional, whose items follow. */
static void print_opening(struct qn_buf *buf, const struct qn_value *value, int64_t *budget)
{
    switch (value->kind) {
    case QN_TENSOR:
        print_tensor(buf, &value->tensor, budget);
        break;
    case QN_MAP:
        if (value->n == 2)
            print_map(buf, value, budget);
        else
            qn_buf_puts(buf, "map {}");
        break;
    case QN_SEQUENCE:
        qn_buf_printf(buf, "sequence of %zu (", value->n);
        break;
    case QN_OPTIONAL:
        qn_buf_puts(buf, "optional (");
        break;
    }
}

static bool has_walk(const struct qn_value *value) { return value->kind == QN_SEQUENCE || value->kind == QN_OPTIONAL; }

void qn_value_print(struct qn_buf *buf, const struct qn_value *value, int64_t max_elements)
{
    struct print_frame stack[QN_VALUE_MAX_DEPTH] = {{value, 0}};
    int depth = has_walk(value) ? 1 : 0;
    int64_t budget = max_elements > 0 ? max_elements : 0;

    print_opening(buf, value, &budget);
    while (depth > 0) {
        struct print_frame *top = &stack[depth - 1];
        bool cut = top->next < top->value->n && (budget <= 0 || buf->failed);
        const struct qn_value *item;

        if (cut || top->next == top->value->n) {
            qn_buf_puts(buf, cut ? "...)" : ")");
            depth--;
            continue;
        }
        item = &top->value->items[top->next];
        if (top->next++ > 0)
            qn_buf_puts(buf, "; ");
        print_opening(buf, item, &budget);
        if (!has_walk(item))
            continue;
        if (depth == QN_VALUE_MAX_DEPTH)
            qn_buf_puts(buf, "...)");
        else
            stack[depth++] = (struct print_frame){item, 0};
    }
}
