/* one_hot_encoder.c: OneHotEncoder of ai.onnx.ml: each element becomes a row of zeros with a one at its category.
 * Numbers are read as integers, truncated; NaN is of no category. Of repeated categories the last counts. */
#include <math.h>
#include <string.h>

#include "ops/key_table.h"
#include "tensor/convert.h"

struct encoder {
    struct qn_ints cats_int64s;
    struct qn_strs cats_strings;
    bool zeros; /* an unknown category gives zeros; else it is an error */
    struct qn_key_table cats;
};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct encoder *p = params;
    struct qn_tensor list = p->cats_int64s.n ? qn_list_of_ints(&p->cats_int64s) : qn_list_of_strings(&p->cats_strings);

    (void)node;
    QN_CHECK((p->cats_int64s.n > 0) + (p->cats_strings.n > 0) == 1, err, FORMAT,
             "one list of categories expected, of integers or of strings");
    return qn_key_table_init(&p->cats, &list, true, arena, err);
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct encoder *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape shape = x->shape;

    QN_CHECK(x->dtype == QN_UNDEFINED || (x->dtype == QN_STRING) == (p->cats.keys.dtype == QN_STRING), in->err, SHAPE,
             "the categories are %s, the input is %s", qn_dtype_name(p->cats.keys.dtype), qn_dtype_name(x->dtype));
    if (shape.rank < 0)
        return qn_infer_out(in, 0, QN_FLOAT, &shape);
    QN_CHECK(shape.rank < QN_MAX_RANK, in->err, LIMIT, "the output would have more than %d dimensions", QN_MAX_RANK);
    shape.dims[shape.rank++] = p->cats.keys.dims[0];
    return qn_infer_out(in, 0, QN_FLOAT, &shape);
}

static int64_t find(const struct encoder *p, const struct qn_tensor *x, int64_t i)
{
    int64_t whole;

    if (x->dtype == QN_STRING)
        return qn_key_table_find(&p->cats, (const struct qn_str *)x->data + i);
    if (qn_dtype_is_float(x->dtype) && isnan(qn_tensor_double(x, i)))
        return -1;
    qn_convert(x->dtype, (const char *)x->data + (size_t)i * qn_dtype_bytes(x->dtype), QN_INT64, &whole, 1,
               (struct qn_convert_options){.saturate = true});
    return qn_key_table_find(&p->cats, &whole);
}

static enum qn_status one_hot_encoder_ref(const struct qn_call *call)
{
    const struct encoder *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    int64_t n = qn_tensor_count(x), n_cats = p->cats.keys.dims[0];
    float *y = qn_out(call, 0)->data;

    if (n > 0)
        memset(y, 0, (size_t)(n * n_cats) * sizeof(*y));
    for (int64_t i = 0; i < n; i++) {
        int64_t at = find(p, x, i);

        if (at >= 0)
            y[i * n_cats + at] = 1;
        else
            QN_CHECK(p->zeros, call->err, RANGE, "element %lld is of no known category", (long long)i);
    }
    return QN_OK;
}

static const struct qn_kernel kernels[] = {{.name = "one_hot_encoder_ref", .run = one_hot_encoder_ref}, {.name = NULL}};

#define TYPES (QN_BIT(STRING) | QN_BIT(INT64) | QN_BIT(INT32) | QN_BIT(FLOAT) | QN_BIT(DOUBLE))

const struct qn_op qn_ops_one_hot_encoder[] = {
    {.domain = "ai.onnx.ml",
     .name = "OneHotEncoder",
     .since = 1,
     .until = QN_NEWEST_ML,
     .in = QN_FORMALS(QN_IN("X", 'T', TYPES)),
     .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(FLOAT))),
     .attrs = QN_ATTRS(QN_INTS_ATTR(encoder, cats_int64s), QN_STRINGS_ATTR(encoder, cats_strings),
                       QN_BOOL_ATTR(encoder, zeros, 1)),
     QN_PARAMS(encoder),
     .parse = parse,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT},
    {.name = NULL},
};
