/* zipmap.c: ZipMap of ai.onnx.ml: each row of scores becomes a map from class labels to its scores.
 * All maps share the attribute's labels as keys; the scores are copied once, for all rows. */
#include <string.h>

#include "ops/key_table.h"
#include "ops/ml.h"

struct zipmap {
    struct qn_ints classlabels_int64s;
    struct qn_strs classlabels_strings;
    struct qn_ml_labels labels;
    struct qn_tensor keys;
};

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct zipmap *p = params;
    struct qn_key_table table;

    (void)node;
    QN_TRY(qn_ml_labels_init(&p->labels, &p->classlabels_int64s, &p->classlabels_strings, err));
    QN_CHECK(p->labels.n > 0, err, FORMAT, "class labels are missing");
    p->keys = p->labels.strings ? qn_list_of_strings(&p->classlabels_strings) : qn_list_of_ints(&p->classlabels_int64s);
    QN_TRY(qn_key_table_init(&table, &p->keys, false, arena, err));
    QN_CHECK(table.repeated < 0, err, FORMAT, "class label %s is given twice",
             qn_element_text(&p->keys, table.repeated, (char[QN_ELEMENT_TEXT]){0}));
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct zipmap *p = params;
    struct qn_fact sequence = QN_FACT_UNKNOWN, *map = qn_arena_alloc(in->arena, sizeof(*map));
    struct qn_ml_rows rows;

    QN_CHECK_MEM(map, in->err);
    QN_TRY(qn_ml_infer_rows(in, &rows));
    QN_TRY(qn_ml_check_features(in, &rows, p->labels.n));
    *map = QN_FACT_UNKNOWN;
    map->kind = QN_MAP;
    map->key = p->keys.dtype;
    map->dtype = QN_FLOAT;
    sequence.kind = QN_SEQUENCE;
    sequence.elem = map;
    return qn_infer_out_fact(in, 0, &sequence);
}

static enum qn_status failed(const struct qn_call *call)
{
    return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
}

static enum qn_status zipmap_ref(const struct qn_call *call)
{
    const struct zipmap *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_ml_rows rows = qn_ml_rows_of(x);
    struct qn_value *out = call->out[0], *maps = qn_call_alloc(call, (size_t)rows.n, sizeof(*maps)), *parts = NULL;
    float *scores = NULL;

    if (maps)
        parts = qn_call_alloc(call, (size_t)rows.n, 2 * sizeof(*parts));
    if (parts)
        scores = qn_call_alloc(call, (size_t)(rows.n * rows.f), sizeof(*scores));
    if (!scores)
        return failed(call);
    if (rows.n * rows.f > 0)
        memcpy(scores, x->data, (size_t)(rows.n * rows.f) * sizeof(*scores));
    for (int64_t i = 0; i < rows.n; i++) {
        struct qn_value *key = &parts[2 * i], *value = key + 1;

        key->tensor = p->keys;
        value->tensor = (struct qn_tensor){.dtype = QN_FLOAT, .rank = 1, .dims = {rows.f}, .data = scores + i * rows.f};
        maps[i] = (struct qn_value){.kind = QN_MAP, .items = key, .n = 2};
    }
    *out = (struct qn_value){.kind = QN_SEQUENCE, .items = maps, .n = (size_t)rows.n};
    return QN_OK;
}

static const struct qn_kernel kernels[] = {{.name = "zipmap_ref", .run = zipmap_ref}, {.name = NULL}};

const struct qn_op qn_ops_zipmap[] = {
    {.domain = "ai.onnx.ml",
     .name = "ZipMap",
     .since = 1,
     .until = QN_NEWEST_ML,
     .in = QN_FORMALS(QN_IN("X", 0, QN_BIT(FLOAT))),
     .out = QN_FORMALS({"Z", 'T', QN_BIT(FLOAT), QN_SEQUENCE_KIND}),
     .attrs = QN_ATTRS(QN_INTS_ATTR(zipmap, classlabels_int64s), QN_STRINGS_ATTR(zipmap, classlabels_strings)),
     QN_PARAMS(zipmap),
     .parse = parse,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT},
    {.name = NULL},
};
