/* import_attr.c: AttributeProto to value. Exactly the field that the attribute's type names may be set; a missing one
 * is the type's zero, which some writers leave out. Lists are read in place. Sub-graphs are only pointed at. */
#include "import/import_attr.h"

#include <stdio.h>
#include <string.h>

#include "import/numbers.h"

enum { NAME = 1, F = 2, I = 3, FLOATS = 7, INTS = 8, STRINGS = 9, TENSORS = 10, TYPE = 20, REF = 21 };
enum { SPARSE_TENSORS = 12, TYPES = 14, N_KINDS = 15 }; /* kinds that enum qn_attr_kind leaves out */

static const struct {
    const char *name;
    uint32_t field;
} kinds[N_KINDS] = {
    [QN_ATTR_FLOAT] = {"float", F},
    [QN_ATTR_INT] = {"int", I},
    [QN_ATTR_STRING] = {"string", 4},
    [QN_ATTR_TENSOR] = {"tensor", 5},
    [QN_ATTR_GRAPH] = {"graph", 6},
    [QN_ATTR_FLOATS] = {"floats", FLOATS},
    [QN_ATTR_INTS] = {"ints", INTS},
    [QN_ATTR_STRINGS] = {"strings", STRINGS},
    [QN_ATTR_TENSORS] = {"tensors", TENSORS},
    [QN_ATTR_GRAPHS] = {"graphs", 11},
    [QN_ATTR_SPARSE_TENSOR] = {"sparse tensor", 22},
    [SPARSE_TENSORS] = {"sparse tensors", 23},
    [QN_ATTR_TYPE] = {"type", 14},
    [TYPES] = {"types", 15},
};

static int kind_of_field(uint32_t field)
{
    for (int kind = 1; kind < N_KINDS; kind++)
        if (kinds[kind].field == field)
            return kind;
    return 0;
}

/* The kind whose field is set, 0 when none is. Two different ones contradict. */
static enum qn_status find_kind(struct qn_slice message, const char *name, int *kind, struct qn_err *err)
{
    struct qn_wire wire = qn_wire_open(message);
    struct qn_wire_field field;

    *kind = 0;
    while (qn_wire_more(&wire, &field)) {
        int found = kind_of_field(field.number);

        QN_CHECK(!found || !*kind || found == *kind, err, FORMAT, "attribute '%s' holds both %s and %s", name,
                 kinds[*kind].name, kinds[found].name);
        if (found)
            *kind = found;
    }
    return QN_OK;
}

static enum qn_status check_kind(const QnOnnx__AttributeProto *proto, struct qn_slice message, const char *name,
                                 bool is_ref, int *kind, struct qn_err *err)
{
    int said = proto->has_type ? proto->type : 0, held;

    QN_CHECK(said >= 0 && said < N_KINDS, err, UNSUPPORTED, "attribute '%s' has the unknown type %d", name, said);
    QN_TRY(find_kind(message, name, &held, err));
    QN_CHECK(!is_ref || !held, err, FORMAT, "attribute '%s' has a value and takes one from the function", name);
    QN_CHECK(!said || !held || said == held, err, FORMAT, "attribute '%s' is of type %s and holds %s", name,
             kinds[said].name, kinds[held].name);
    *kind = said ? said : held;
    QN_CHECK(is_ref || *kind, err, FORMAT, "attribute '%s' has neither type nor value", name);
    return QN_OK;
}

/* ---- Lists ---------------------------------------------------------------------------------------------------- */

static enum qn_status read_floats(const struct qn_attr_reader *reader, struct qn_slice message,
                                  struct qn_attr_value *value, struct qn_err *err)
{
    struct qn_slice view;
    float *copy;

    value->n = qn_numbers_count_fixed(message, FLOATS, sizeof(float));
    if (!reader->tensors->copy && qn_numbers_view(message, FLOATS, sizeof(float), &view) &&
        (uintptr_t)view.data % sizeof(float) == 0) {
        value->floats = (const float *)(const void *)view.data;
        return QN_OK;
    }
    copy = qn_arena_array(reader->arena, value->n, sizeof(*copy));
    QN_CHECK_MEM(copy, err);
    value->n = qn_numbers_copy(message, FLOATS, sizeof(float), value->n, copy);
    value->floats = copy;
    return QN_OK;
}

static bool store_int(void *arg, size_t i, uint64_t x)
{
    int64_t *ints = arg;

    ints[i] = (int64_t)x;
    return true;
}

static enum qn_status read_ints(const struct qn_attr_reader *reader, struct qn_slice message,
                                struct qn_attr_value *value, struct qn_err *err)
{
    int64_t *ints;

    value->n = qn_numbers_count_varints(message, INTS);
    ints = qn_arena_array(reader->arena, value->n, sizeof(*ints));
    QN_CHECK_MEM(ints, err);
    value->n = qn_numbers_each(message, INTS, value->n, store_int, ints);
    value->ints = ints;
    return QN_OK;
}

static enum qn_status read_strings(const struct qn_attr_reader *reader, struct qn_slice message,
                                   struct qn_attr_value *value, struct qn_err *err)
{
    struct qn_slice *list;
    struct qn_str *strings;

    list = qn_proto_list(reader->scratch, message, STRINGS, &value->n);
    QN_CHECK_MEM(list, err);
    strings = qn_arena_array(reader->arena, value->n, sizeof(*strings));
    QN_CHECK_MEM(strings, err);
    for (size_t i = 0; i < value->n; i++)
        strings[i] = (struct qn_str){(const char *)list[i].data, list[i].n};
    value->strings = strings;
    return QN_OK;
}

static enum qn_status read_tensors(const struct qn_attr_reader *reader, struct qn_slice message,
                                   struct qn_attr_value *value, struct qn_err *err)
{
    struct qn_slice *list;
    struct qn_tensor *tensors;

    list = qn_proto_list(reader->names, message, TENSORS, &value->n);
    QN_CHECK_MEM(list, err);
    tensors = qn_arena_array(reader->arena, value->n, sizeof(*tensors));
    QN_CHECK_MEM(tensors, err);
    for (size_t i = 0; i < value->n; i++)
        QN_TRY(qn_import_tensor(reader->tensors, list[i], &tensors[i], NULL, err));
    value->tensors = tensors;
    return QN_OK;
}

/* ---- Single values -------------------------------------------------------------------------------------------- */

static enum qn_status read_message(const struct qn_attr_reader *reader, struct qn_slice message, int kind,
                                   struct qn_attr_value *value, struct qn_attr_extra *extra, struct qn_err *err)
{
    struct qn_tensor *tensor = NULL;
    struct qn_fact *fact;
    struct qn_slice inner;
    char what[96];

    QN_CHECK(qn_proto_bytes(message, kinds[kind].field, &inner), err, FORMAT, "attribute '%s' has no %s", value->name,
             kinds[kind].name);
    if (kind == QN_ATTR_GRAPH) {
        extra->graph = inner;
        return QN_OK;
    }
    if (kind == QN_ATTR_TYPE) {
        fact = qn_arena_alloc(reader->arena, sizeof(*fact));
        QN_CHECK_MEM(fact, err);
        snprintf(what, sizeof(what), "attribute '%.60s'", value->name);
        value->type = fact;
        return qn_import_type(reader->arena, reader->scratch, reader->symbols, inner, what, fact, err);
    }
    value->t = tensor = qn_arena_alloc(reader->arena, sizeof(*tensor));
    QN_CHECK_MEM(tensor, err);
    value->kind = QN_ATTR_TENSOR;
    return kind == QN_ATTR_TENSOR ? qn_import_tensor(reader->tensors, inner, tensor, NULL, err)
                                  : qn_import_sparse(reader->tensors, inner, tensor, NULL, err);
}

static enum qn_status read_value(const struct qn_attr_reader *reader, const QnOnnx__AttributeProto *proto,
                                 struct qn_slice message, struct qn_attr_value *value, struct qn_attr_extra *extra,
                                 struct qn_err *err)
{
    struct qn_slice text;

    value->n = 1;
    switch ((int)value->kind) {
    case QN_ATTR_FLOAT:
        value->f = proto->f;
        return QN_OK;
    case QN_ATTR_INT:
        value->i = proto->i;
        return QN_OK;
    case QN_ATTR_STRING:
        qn_proto_bytes(message, kinds[QN_ATTR_STRING].field, &text);
        value->s = (struct qn_str){(const char *)text.data, text.n};
        return QN_OK;
    case QN_ATTR_FLOATS:
        return read_floats(reader, message, value, err);
    case QN_ATTR_INTS:
        return read_ints(reader, message, value, err);
    case QN_ATTR_STRINGS:
        return read_strings(reader, message, value, err);
    case QN_ATTR_TENSORS:
        return read_tensors(reader, message, value, err);
    case QN_ATTR_TENSOR:
    case QN_ATTR_SPARSE_TENSOR:
    case QN_ATTR_GRAPH:
    case QN_ATTR_TYPE:
        return read_message(reader, message, (int)value->kind, value, extra, err);
    default:
        QN_FAIL(err, UNSUPPORTED, "attribute '%s' is of type %s", value->name, kinds[(int)value->kind].name);
    }
}

enum qn_status qn_import_attr(const struct qn_attr_reader *reader, struct qn_slice message, struct qn_attr_value *value,
                              struct qn_attr_extra *extra, struct qn_err *err)
{
    const uint32_t small = QN_FIELD(NAME) | QN_FIELD(F) | QN_FIELD(I) | QN_FIELD(TYPE) | QN_FIELD(REF);
    struct qn_arena_mark mark = qn_arena_mark(reader->scratch);
    const QnOnnx__AttributeProto *proto;
    int kind;

    memset(value, 0, sizeof(*value));
    memset(extra, 0, sizeof(*extra));
    proto = QN_DECODE(attribute_proto, reader->scratch, message, small, err);
    if (!proto)
        return QN_NOMEM;
    QN_CHECK(proto->name && *proto->name, err, FORMAT, "an attribute has no name");
    value->name = qn_arena_strdup(reader->names, proto->name);
    QN_CHECK_MEM(value->name, err);
    if (proto->ref_attr_name && *proto->ref_attr_name) {
        extra->ref = qn_arena_strdup(reader->names, proto->ref_attr_name);
        QN_CHECK_MEM(extra->ref, err);
    }
    QN_TRY(check_kind(proto, message, value->name, extra->ref != NULL, &kind, err));
    value->kind = (enum qn_attr_kind)kind;
    if (!extra->ref)
        QN_TRY(read_value(reader, proto, message, value, extra, err));
    qn_arena_rewind(reader->scratch, mark);
    return QN_OK;
}
