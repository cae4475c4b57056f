/* import_function.c: functions that a model brings along: the table of them, the attributes of a call, and the operator
 * sets that their text and the model's refer to. A function goes before an operator of the same name. Their nodes are
 * put in place of each call by import_frame.c and import_node.c. */
#include <string.h>

#include "import/importer.h"

enum { MODEL_FUNCTIONS = 25, FUNCTION_DEFAULTS = 11 };

const char *qn_domain_plain(const char *domain) { return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain; }

/* ---- Operator sets -------------------------------------------------------------------------------------------- */

static const struct qn_opset *find_opset(const struct qn_opset *opsets, size_t n, const char *domain)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(opsets[i].domain, domain) == 0)
            return &opsets[i];
    return NULL;
}

enum { MAX_OPSETS = 256 };

enum qn_status qn_opsets_read(struct qn_importer *imp, QnOnnx__OperatorSetIdProto *const *protos, size_t n,
                              struct qn_opset **opsets, size_t *n_opsets)
{
    struct qn_arena *arena = &imp->model->arena;

    QN_CHECK(n <= MAX_OPSETS, imp->err, LIMIT, "%zu operator sets are imported; at most %d are allowed", n, MAX_OPSETS);
    *opsets = qn_arena_array(arena, n, sizeof(**opsets));
    QN_CHECK_MEM(*opsets, imp->err);
    for (size_t i = 0; i < n; i++) {
        const char *domain = qn_domain_plain(protos[i]->domain);
        struct qn_opset *known = (struct qn_opset *)find_opset(*opsets, *n_opsets, domain);

        QN_CHECK(protos[i]->version > 0, imp->err, FORMAT, "operator set '%s' is imported with version %lld",
                 *domain ? domain : "ai.onnx", (long long)protos[i]->version);
        if (!known) {
            known = &(*opsets)[(*n_opsets)++];
            known->domain = qn_arena_strdup(arena, domain);
            QN_CHECK_MEM(known->domain, imp->err);
        }
        if (protos[i]->version > known->version)
            known->version = protos[i]->version;
    }
    return QN_OK;
}

/* A function's own imports count; what it does not import itself is taken from the model. */
int64_t qn_opset_of(const struct qn_importer *imp, const struct qn_frame *frame, const char *domain)
{
    const struct qn_function *function = frame->function;
    const struct qn_opset *found = NULL;

    if (function)
        found = find_opset(function->opsets, function->n_opsets, domain);
    if (!found)
        found = find_opset(imp->model->opsets, imp->model->n_opsets, domain);
    return found ? found->version : 0;
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

/* One string for the three that name a function. A name may contain the separator, so whoever finds something compares
 * domain and name again; then the overload is equal too. */
static char *make_key(struct qn_arena *arena, const char *domain, const char *name, const char *overload)
{
    size_t a = strlen(domain), b = strlen(name), c = strlen(overload);
    char *key = qn_arena_alloc(arena, a + b + c + 3);

    if (!key)
        return NULL;
    memcpy(key, domain, a);
    key[a] = '\x1f';
    memcpy(key + a + 1, name, b);
    key[a + 1 + b] = '\x1f';
    memcpy(key + a + b + 2, overload, c);
    return key;
}

static enum qn_status read_attr_names(struct qn_importer *imp, struct qn_function *function)
{
    struct qn_slice *defaults;
    size_t n;

    qn_strmap_init(&function->attrs, &imp->fixed);
    for (size_t i = 0; i < function->proto->n_attribute; i++)
        QN_CHECK(qn_strmap_set(&function->attrs, function->proto->attribute[i], function), imp->err, NOMEM,
                 "out of memory");
    defaults = qn_proto_list(&imp->fixed, function->message, FUNCTION_DEFAULTS, &n);
    QN_CHECK_MEM(defaults, imp->err);
    for (size_t i = 0; i < n; i++) {
        const QnOnnx__AttributeProto *proto;

        proto = QN_DECODE(attribute_proto, &imp->fixed, defaults[i], QN_FIELD(1), imp->err);
        if (!proto)
            return QN_NOMEM;
        QN_CHECK(proto->name && *proto->name, imp->err, FORMAT, "an attribute of function '%s' has no name",
                 function->name);
        QN_CHECK(qn_strmap_set(&function->attrs, proto->name, function), imp->err, NOMEM, "out of memory");
    }
    return QN_OK;
}

static enum qn_status read_function(struct qn_importer *imp, struct qn_slice message)
{
    const uint32_t small =
        QN_FIELD(1) | QN_FIELD(4) | QN_FIELD(5) | QN_FIELD(6) | QN_FIELD(9) | QN_FIELD(10) | QN_FIELD(13);
    struct qn_function *function = qn_arena_alloc(&imp->fixed, sizeof(*function));
    struct qn_opset *opsets;
    char *key;

    QN_CHECK_MEM(function, imp->err);
    function->message = message;
    function->proto = QN_DECODE(function_proto, &imp->fixed, message, small, imp->err);
    if (!function->proto)
        return QN_NOMEM;
    function->domain = qn_domain_plain(function->proto->domain);
    function->name = function->proto->name ? function->proto->name : "";
    function->overload = function->proto->overload ? function->proto->overload : "";
    QN_CHECK(*function->name, imp->err, FORMAT, "a function has no name");
    QN_TRY(qn_opsets_read(imp, function->proto->opset_import, function->proto->n_opset_import, &opsets,
                          &function->n_opsets));
    function->opsets = opsets;
    QN_TRY(read_attr_names(imp, function));
    key = make_key(&imp->fixed, function->domain, function->name, function->overload);
    QN_CHECK_MEM(key, imp->err);
    QN_CHECK(!qn_strmap_get(&imp->functions, key), imp->err, FORMAT, "function '%s:%s' is defined twice",
             function->domain, function->name);
    QN_CHECK(qn_strmap_set(&imp->functions, key, function), imp->err, NOMEM, "out of memory");
    return QN_OK;
}

enum qn_status qn_functions_read(struct qn_importer *imp, struct qn_slice model)
{
    struct qn_wire wire = qn_wire_open(model);
    struct qn_wire_field field;

    qn_strmap_init(&imp->functions, &imp->fixed);
    while (qn_wire_more(&wire, &field))
        if (field.number == MODEL_FUNCTIONS && field.type == QN_WIRE_BYTES)
            QN_TRY(read_function(imp, field.bytes));
    return QN_OK;
}

const struct qn_function *qn_functions_find(struct qn_importer *imp, const char *domain, const char *name,
                                            const char *overload)
{
    struct qn_arena_mark mark = qn_arena_mark(&imp->scratch);
    const struct qn_function *found = NULL;
    const char *key;

    if (imp->functions.n == 0)
        return NULL;
    key = make_key(&imp->scratch, domain, name, overload);
    if (key)
        found = qn_strmap_get(&imp->functions, key);
    qn_arena_rewind(&imp->scratch, mark);
    if (!found || strcmp(found->domain, domain) != 0 || strcmp(found->name, name) != 0)
        return NULL;
    return found;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

static enum qn_status set_value(struct qn_importer *imp, struct qn_strmap *env, const struct qn_attr_value *value)
{
    QN_CHECK(qn_strmap_set(env, value->name, (void *)(uintptr_t)value), imp->err, NOMEM, "out of memory");
    return QN_OK;
}

static enum qn_status set_defaults(struct qn_importer *imp, struct qn_frame *call, struct qn_strmap *env)
{
    const struct qn_attr_reader reader = {&imp->tensors, &imp->model->arena, &call->arena, &imp->scratch,
                                          imp->model->graph->symbols};
    struct qn_slice *defaults;
    struct qn_attr_extra extra;
    size_t n;

    defaults = qn_proto_list(&call->arena, call->message, FUNCTION_DEFAULTS, &n);
    QN_CHECK_MEM(defaults, imp->err);
    for (size_t i = 0; i < n; i++) {
        struct qn_attr_value *value = qn_arena_alloc(&call->arena, sizeof(*value));

        QN_CHECK_MEM(value, imp->err);
        QN_TRY(qn_import_attr(&reader, defaults[i], value, &extra, imp->err));
        QN_CHECK(!extra.ref && value->kind != QN_ATTR_GRAPH, imp->err, UNSUPPORTED,
                 "attribute '%s' of function '%s' has a graph or a reference for its default", value->name,
                 call->function->name);
        QN_TRY(set_value(imp, env, value));
    }
    return QN_OK;
}

enum qn_status qn_function_env(struct qn_importer *imp, struct qn_frame *call, const struct qn_attr_value *values,
                               size_t n_values)
{
    struct qn_strmap *env = qn_arena_alloc(&call->arena, sizeof(*env));

    QN_CHECK_MEM(env, imp->err);
    qn_strmap_init(env, &call->arena);
    QN_TRY(set_defaults(imp, call, env));
    for (size_t i = 0; i < n_values; i++) {
        QN_CHECK(qn_strmap_get(&call->function->attrs, values[i].name), imp->err, FORMAT,
                 "function '%s' has no attribute '%s'", call->function->name, values[i].name);
        QN_TRY(set_value(imp, env, &values[i]));
    }
    call->env = env;
    return QN_OK;
}
