/* prescan.c: checks the wire format of a model or of a file of test data against the table of known messages below.
 * After it, every message is well-formed, every known field has its wire type, nothing nests deeper than
 * QN_MAX_MESSAGE_DEPTH, and the numbers of messages are bounded. It decodes nothing and judges no values: that is the
 * importer's.
 *
 * Unknown fields are skipped, as the format wants it. What the importer never reads (documentation, metadata, training,
 * declared inner types) is treated as plain bytes and may hold anything. */
#include "import/prescan.h"

#include <string.h>

enum form {
    FORM_VARINT,
    FORM_FIXED32,
    FORM_FIXED64,
    FORM_BYTES,   /* anything */
    FORM_NAME,    /* a string without zero bytes, at most QN_MAX_NAME long */
    FORM_MESSAGE, /* looked into */
    N_FORMS
};

enum { ONCE = 1, PACKABLE = 2, MAX_FIELDS = 20 };

struct field_spec {
    unsigned char number;
    unsigned char form;
    unsigned char flags;
    unsigned char child; /* enum qn_proto of a FORM_MESSAGE */
    const char *name;
};

/* clang-format off */
#define VARINT(number, name) { number, FORM_VARINT, 0, 0, name }
#define VARINTS(number, name) { number, FORM_VARINT, PACKABLE, 0, name }
#define FIXED32(number, name) { number, FORM_FIXED32, 0, 0, name }
#define FIXED32S(number, name) { number, FORM_FIXED32, PACKABLE, 0, name }
#define FIXED64S(number, name) { number, FORM_FIXED64, PACKABLE, 0, name }
#define BYTES(number, name) { number, FORM_BYTES, 0, 0, name }
#define BYTES_ONCE(number, name) { number, FORM_BYTES, ONCE, 0, name }
#define NAME(number, name) { number, FORM_NAME, 0, 0, name }
#define MESSAGE(number, child, name) { number, FORM_MESSAGE, ONCE, QN_PROTO_##child, name }
#define MESSAGES(number, child, name) { number, FORM_MESSAGE, 0, QN_PROTO_##child, name }

/* Fields not listed are unknown; those listed as BYTES are known and not looked into. A table ends with number 0. */
static const struct {
    const char *name;
    size_t limit; /* messages of this kind in a file */
    struct field_spec fields[MAX_FIELDS];
} protos[QN_N_PROTO] = {
    [QN_PROTO_MODEL] = { "ModelProto", 1, {
        VARINT(1, "ir_version"), NAME(2, "producer_name"), NAME(3, "producer_version"), NAME(4, "domain"),
        VARINT(5, "model_version"), BYTES(6, "doc_string"), MESSAGE(7, GRAPH, "graph"),
        MESSAGES(8, OPSET, "opset_import"), BYTES(14, "metadata_props"), BYTES(20, "training_info"),
        MESSAGES(25, FUNCTION, "functions"), BYTES(26, "configuration") } },
    [QN_PROTO_FUNCTION] = { "FunctionProto", 100000, {
        NAME(1, "name"), NAME(4, "input"), NAME(5, "output"), NAME(6, "attribute"), MESSAGES(7, NODE, "node"),
        BYTES(8, "doc_string"), MESSAGES(9, OPSET, "opset_import"), NAME(10, "domain"),
        MESSAGES(11, ATTRIBUTE, "attribute_proto"), BYTES(12, "value_info"), NAME(13, "overload"),
        BYTES(14, "metadata_props") } },
    [QN_PROTO_GRAPH] = { "GraphProto", 1000000, {
        MESSAGES(1, NODE, "node"), NAME(2, "name"), MESSAGES(5, TENSOR, "initializer"), BYTES(10, "doc_string"),
        MESSAGES(11, VALUE_INFO, "input"), MESSAGES(12, VALUE_INFO, "output"), BYTES(13, "value_info"),
        BYTES(14, "quantization_annotation"), MESSAGES(15, SPARSE_TENSOR, "sparse_initializer"),
        BYTES(16, "metadata_props") } },
    [QN_PROTO_NODE] = { "NodeProto", QN_MAX_MODEL_NODES, {
        NAME(1, "input"), NAME(2, "output"), NAME(3, "name"), NAME(4, "op_type"), MESSAGES(5, ATTRIBUTE, "attribute"),
        BYTES(6, "doc_string"), NAME(7, "domain"), NAME(8, "overload"), BYTES(9, "metadata_props"),
        BYTES(10, "device_configurations") } },
    [QN_PROTO_ATTRIBUTE] = { "AttributeProto", 4000000, {
        NAME(1, "name"), FIXED32(2, "f"), VARINT(3, "i"), BYTES_ONCE(4, "s"), MESSAGE(5, TENSOR, "t"),
        MESSAGE(6, GRAPH, "g"), FIXED32S(7, "floats"), VARINTS(8, "ints"), BYTES(9, "strings"),
        MESSAGES(10, TENSOR, "tensors"), MESSAGES(11, GRAPH, "graphs"), BYTES(13, "doc_string"),
        MESSAGE(14, TYPE, "tp"), MESSAGES(15, TYPE, "type_protos"), VARINT(20, "type"), NAME(21, "ref_attr_name"),
        MESSAGE(22, SPARSE_TENSOR, "sparse_tensor"), MESSAGES(23, SPARSE_TENSOR, "sparse_tensors") } },
    [QN_PROTO_TENSOR] = { "TensorProto", 4000000, {
        VARINTS(1, "dims"), VARINT(2, "data_type"), BYTES_ONCE(3, "segment"), FIXED32S(4, "float_data"),
        VARINTS(5, "int32_data"), BYTES(6, "string_data"), VARINTS(7, "int64_data"), NAME(8, "name"),
        BYTES_ONCE(9, "raw_data"), FIXED64S(10, "double_data"), VARINTS(11, "uint64_data"), BYTES(12, "doc_string"),
        MESSAGES(13, ENTRY, "external_data"), VARINT(14, "data_location"), BYTES(16, "metadata_props") } },
    [QN_PROTO_SPARSE_TENSOR] = { "SparseTensorProto", 1000000, {
        MESSAGE(1, TENSOR, "values"), MESSAGE(2, TENSOR, "indices"), VARINTS(3, "dims") } },
    [QN_PROTO_VALUE_INFO] = { "ValueInfoProto", 1000000, {
        NAME(1, "name"), MESSAGE(2, TYPE, "type"), BYTES(3, "doc_string"), BYTES(4, "metadata_props") } },
    [QN_PROTO_TYPE] = { "TypeProto", 4000000, {
        MESSAGE(1, TYPE_TENSOR, "tensor_type"), MESSAGE(4, TYPE_HOLDER, "sequence_type"),
        MESSAGE(5, TYPE_MAP, "map_type"), BYTES(6, "denotation"), BYTES_ONCE(7, "opaque_type"),
        MESSAGE(8, TYPE_TENSOR, "sparse_tensor_type"), MESSAGE(9, TYPE_HOLDER, "optional_type") } },
    [QN_PROTO_TYPE_TENSOR] = { "TypeProto.Tensor", 4000000, { VARINT(1, "elem_type"), MESSAGE(2, SHAPE, "shape") } },
    [QN_PROTO_TYPE_HOLDER] = { "TypeProto.Sequence", 4000000, { MESSAGE(1, TYPE, "elem_type") } },
    [QN_PROTO_TYPE_MAP] = { "TypeProto.Map", 4000000, { VARINT(1, "key_type"), MESSAGE(2, TYPE, "value_type") } },
    [QN_PROTO_SHAPE] = { "TensorShapeProto", 4000000, { MESSAGES(1, DIM, "dim") } },
    [QN_PROTO_DIM] = { "Dimension", 16000000, {
        VARINT(1, "dim_value"), NAME(2, "dim_param"), BYTES(3, "denotation") } },
    [QN_PROTO_ENTRY] = { "StringStringEntryProto", 16000000, { NAME(1, "key"), NAME(2, "value") } },
    [QN_PROTO_OPSET] = { "OperatorSetIdProto", 1000000, { NAME(1, "domain"), VARINT(2, "version") } },
    [QN_PROTO_SEQUENCE] = { "SequenceProto", 1000000, {
        NAME(1, "name"), VARINT(2, "elem_type"), MESSAGES(3, TENSOR, "tensor_values"),
        MESSAGES(4, SPARSE_TENSOR, "sparse_tensor_values"), MESSAGES(5, SEQUENCE, "sequence_values"),
        MESSAGES(6, MAP, "map_values"), MESSAGES(7, OPTIONAL, "optional_values") } },
    [QN_PROTO_MAP] = { "MapProto", 1000000, {
        NAME(1, "name"), VARINT(2, "key_type"), VARINTS(3, "keys"), BYTES(4, "string_keys"),
        MESSAGE(5, SEQUENCE, "values") } },
    [QN_PROTO_OPTIONAL] = { "OptionalProto", 1000000, {
        NAME(1, "name"), VARINT(2, "elem_type"), MESSAGE(3, TENSOR, "tensor_value"),
        MESSAGE(4, SPARSE_TENSOR, "sparse_tensor_value"), MESSAGE(5, SEQUENCE, "sequence_value"),
        MESSAGE(6, MAP, "map_value"), MESSAGE(7, OPTIONAL, "optional_value") } },
};
/* clang-format on */

/* Each name costs a multiple of its bytes in memory. */
enum { MAX_NAMES = 16000000 };

/* A message being walked. */
struct level {
    enum qn_proto proto;
    const unsigned char *end;
    uint32_t seen;    /* fields that may stand once, by number */
    uint32_t n_attrs; /* of a node */
};

struct scanner {
    const unsigned char *begin;
    struct qn_wire wire; /* end: of the innermost message */
    struct qn_prescan *scan;
    struct qn_err *err;
    int depth;
    struct level levels[QN_MAX_MESSAGE_DEPTH];
};

static const struct field_spec *find_spec(enum qn_proto proto, uint32_t number)
{
    const struct field_spec *spec = protos[proto].fields;

    while (spec->number != 0 && spec->number != number)
        spec++;
    return spec->number != 0 ? spec : NULL;
}

static size_t offset_of(const struct scanner *s, const unsigned char *at) { return (size_t)(at - s->begin); }

static enum qn_status enter(struct scanner *s, enum qn_proto proto, struct qn_slice bytes)
{
    QN_CHECK(s->depth < QN_MAX_MESSAGE_DEPTH, s->err, FORMAT, "at byte %zu: messages nest deeper than %d",
             offset_of(s, bytes.data), QN_MAX_MESSAGE_DEPTH);
    QN_CHECK(++s->scan->n[proto] <= protos[proto].limit, s->err, LIMIT, "at byte %zu: more than %zu messages %s",
             offset_of(s, bytes.data), protos[proto].limit, protos[proto].name);
    s->levels[s->depth++] = (struct level){.proto = proto, .end = bytes.data + bytes.n};
    s->wire = qn_wire_open(bytes);
    return QN_OK;
}

static enum qn_status check_packed(struct scanner *s, const struct field_spec *spec, struct qn_slice bytes)
{
    const unsigned char *at = bytes.data, *end = bytes.data + bytes.n;
    size_t unit = spec->form == FORM_FIXED32 ? 4 : 8;
    uint64_t value;

    if (spec->form == FORM_VARINT) {
        while (at < end)
            QN_CHECK(qn_wire_varint(&at, end, &value), s->err, FORMAT,
                     "at byte %zu: a number in %s is cut off or too long", offset_of(s, at), spec->name);
        return QN_OK;
    }
    QN_CHECK(bytes.n % unit == 0, s->err, FORMAT, "at byte %zu: %s has %zu bytes, which is no multiple of %zu",
             offset_of(s, at), spec->name, bytes.n, unit);
    return QN_OK;
}

static enum qn_status check_name(struct scanner *s, const struct field_spec *spec, struct qn_slice bytes)
{
    QN_CHECK(bytes.n <= QN_MAX_NAME, s->err, LIMIT, "at byte %zu: %s has %zu bytes, more than %d",
             offset_of(s, bytes.data), spec->name, bytes.n, QN_MAX_NAME);
    QN_CHECK(bytes.n == 0 || !memchr(bytes.data, 0, bytes.n), s->err, FORMAT, "at byte %zu: %s contains a zero byte",
             offset_of(s, bytes.data), spec->name);
    QN_CHECK(++s->scan->n_names <= MAX_NAMES, s->err, LIMIT, "at byte %zu: more than %d names",
             offset_of(s, bytes.data), MAX_NAMES);
    return QN_OK;
}

static enum qn_status check_once(struct scanner *s, const struct field_spec *spec, const struct qn_wire_field *field)
{
    struct level *level = &s->levels[s->depth - 1];
    uint32_t bit = UINT32_C(1) << spec->number;

    QN_CHECK(!(spec->flags & ONCE) || !(level->seen & bit), s->err, FORMAT, "at byte %zu: %s.%s is given twice",
             offset_of(s, field->whole.data), protos[level->proto].name, spec->name);
    level->seen |= bit;
    if (spec->form == FORM_MESSAGE && spec->child == QN_PROTO_ATTRIBUTE)
        QN_CHECK(++level->n_attrs <= QN_MAX_NODE_ATTRS, s->err, LIMIT, "at byte %zu: more than %d attributes",
                 offset_of(s, field->whole.data), QN_MAX_NODE_ATTRS);
    return QN_OK;
}

static enum qn_status scan_known(struct scanner *s, const struct field_spec *spec, const struct qn_wire_field *field)
{
    static const enum qn_wire_type expected[N_FORMS] = {
        [FORM_VARINT] = QN_WIRE_VARINT, [FORM_FIXED32] = QN_WIRE_FIXED32, [FORM_FIXED64] = QN_WIRE_FIXED64,
        [FORM_BYTES] = QN_WIRE_BYTES,   [FORM_NAME] = QN_WIRE_BYTES,      [FORM_MESSAGE] = QN_WIRE_BYTES};
    struct level *level = &s->levels[s->depth - 1];

    QN_TRY(check_once(s, spec, field));
    if ((spec->flags & PACKABLE) && field->type == QN_WIRE_BYTES)
        return check_packed(s, spec, field->bytes);
    QN_CHECK(field->type == expected[spec->form], s->err, FORMAT, "at byte %zu: %s.%s has wire type %d, not %d",
             offset_of(s, field->whole.data), protos[level->proto].name, spec->name, (int)field->type,
             (int)expected[spec->form]);
    if (spec->form == FORM_NAME)
        return check_name(s, spec, field->bytes);
    if (spec->form == FORM_MESSAGE)
        return enter(s, (enum qn_proto)spec->child, field->bytes);
    return QN_OK;
}

static void leave(struct scanner *s)
{
    s->wire.at = s->levels[s->depth - 1].end;
    if (--s->depth > 0)
        s->wire.end = s->levels[s->depth - 1].end;
}

static enum qn_status scan_all(struct scanner *s)
{
    while (s->depth > 0) {
        const struct level *level = &s->levels[s->depth - 1];
        const struct field_spec *spec;
        struct qn_wire_field field;
        const char *why = NULL;

        switch (qn_wire_next(&s->wire, &field, &why)) {
        case QN_WIRE_END:
            leave(s);
            break;
        case QN_WIRE_BAD:
            QN_FAIL(s->err, FORMAT, "at byte %zu, in %s: %s", offset_of(s, s->wire.at), protos[level->proto].name, why);
        case QN_WIRE_FIELD:
            spec = find_spec(level->proto, field.number);
            if (spec)
                QN_TRY(scan_known(s, spec, &field));
            break;
        }
    }
    return QN_OK;
}

enum qn_status qn_prescan(const void *bytes, size_t n, enum qn_proto root, struct qn_prescan *scan, struct qn_err *err)
{
    static const unsigned char nothing[1];
    struct qn_slice whole = {n ? bytes : nothing, n};
    struct scanner s = {.begin = whole.data, .scan = scan, .err = err};

    memset(scan, 0, sizeof(*scan));
    QN_TRY(enter(&s, root, whole));
    return scan_all(&s);
}
