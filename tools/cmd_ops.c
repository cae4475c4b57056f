/* cmd_ops.c: `quern ops`: the supported operators, straight from the descriptors; as a list, Markdown, or JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"
#include "tools/cmd.h"
#include "tools/options.h"
#include "tools/report.h"

static const char *shown_domain(const struct qn_op *op) { return *op->domain ? op->domain : "ai.onnx"; }

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void add_kinds(cJSON *item, const struct qn_formal *formal)
{
    static const struct {
        unsigned flag;
        const char *name;
    } kinds[] = {{QN_TENSOR_KIND, "tensor"},
                 {QN_SEQUENCE_KIND, "sequence"},
                 {QN_OPTIONAL_KIND, "optional"},
                 {QN_MAP_KIND, "map"}};
    cJSON *list = cJSON_AddArrayToObject(item, "kinds");

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (formal->flags & (kinds[i].flag | QN_ANY_KIND))
            cJSON_AddItemToArray(list, cJSON_CreateString(kinds[i].name));
    if (cJSON_GetArraySize(list) == 0)
        cJSON_AddItemToArray(list, cJSON_CreateString("tensor"));
}

static void add_formals(cJSON *row, const char *name, const struct qn_formal *formals)
{
    cJSON *list = cJSON_AddArrayToObject(row, name);

    for (; formals && formals->name; formals++) {
        cJSON *item = cJSON_CreateObject(), *types = cJSON_AddArrayToObject(item, "types");

        cJSON_AddStringToObject(item, "name", formals->name);
        for (int dtype = 1; dtype < QN_N_DTYPE; dtype++)
            if (qn_dtypes_have(formals->types, (enum qn_dtype)dtype))
                cJSON_AddItemToArray(types, cJSON_CreateString(qn_dtype_name((enum qn_dtype)dtype)));
        add_kinds(item, formals);
        cJSON_AddBoolToObject(item, "optional",
                              (formals->flags & (QN_OPTIONAL_FORMAL | QN_VARIADIC)) == QN_OPTIONAL_FORMAL);
        cJSON_AddBoolToObject(item, "variadic", (formals->flags & QN_VARIADIC) != 0);
        cJSON_AddItemToArray(list, item);
    }
}

static const char *attr_kind(const struct qn_attr *attr)
{
    static const char *const by_form[] = {"int",    "int",     "float",  "string", "string", "int", "ints",
                                          "floats", "strings", "tensor", "graph",  "type",   NULL,  NULL};
    static const char *const by_kind[] = {"any",  "float",   "int",     "string", "tensor",        "graph", "floats",
                                          "ints", "strings", "tensors", "graphs", "sparse_tensor", "any",   "type"};

    return by_form[attr->form] ? by_form[attr->form] : by_kind[attr->kind];
}

/* Defaults that stand for "not given": NaN, the smallest integer, no element type. */
static bool means_absent(const struct qn_attr *attr)
{
    return isnan(attr->number) || attr->number <= -0x1p63 || (attr->form == QN_FORM_DTYPE && attr->number == 0);
}

static void add_default(cJSON *item, const struct qn_attr *attr)
{
    switch (attr->form) {
    case QN_FORM_INT:
    case QN_FORM_BOOL:
    case QN_FORM_DTYPE:
    case QN_FORM_FLOAT:
        if (!attr->required && !means_absent(attr))
            cJSON_AddNumberToObject(item, "default", attr->number);
        return;
    case QN_FORM_STRING:
    case QN_FORM_ENUM:
        if (attr->text && !attr->required)
            cJSON_AddStringToObject(item, "default", attr->text);
        return;
    case QN_FORM_INPUT:
        cJSON_AddNumberToObject(item, "input", attr->input);
        return;
    case QN_FORM_IGNORED:
        cJSON_AddTrueToObject(item, "ignored");
        return;
    default:
        return;
    }
}

static void add_attrs(cJSON *row, const struct qn_attr *attrs)
{
    cJSON *list = cJSON_AddArrayToObject(row, "attributes");

    for (; attrs && attrs->name; attrs++) {
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "name", attrs->name);
        cJSON_AddStringToObject(item, "kind", attr_kind(attrs));
        cJSON_AddBoolToObject(item, "required", attrs->required);
        add_default(item, attrs);
        cJSON_AddItemToArray(list, item);
    }
}

static cJSON *describe(const struct qn_op *op)
{
    cJSON *row = cJSON_CreateObject();

    cJSON_AddStringToObject(row, "domain", op->domain);
    cJSON_AddStringToObject(row, "name", op->name);
    cJSON_AddNumberToObject(row, "since", op->since);
    cJSON_AddNumberToObject(row, "until", op->until);
    add_formals(row, "inputs", op->in);
    add_formals(row, "outputs", op->out);
    add_attrs(row, op->attrs);
    return row;
}

/* ---- Lists ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct qn_op *x = *(const struct qn_op *const *)a, *y = *(const struct qn_op *const *)b;
    int order = strcmp(x->domain, y->domain);

    order = order ? order : strcmp(x->name, y->name);
    return order ? order : x->since - y->since;
}

static size_t count_rows(void)
{
    size_t n = 0;

    for (const struct qn_op *const *table = qn_ops_tables; *table; table++)
        for (const struct qn_op *op = *table; op->name; op++)
            n++;
    return n;
}

static const struct qn_op **sorted_rows(size_t *n)
{
    const struct qn_op **rows = calloc(count_rows() + 1, sizeof(*rows));

    *n = 0;
    for (const struct qn_op *const *table = qn_ops_tables; rows && *table; table++)
        for (const struct qn_op *op = *table; op->name; op++)
            rows[(*n)++] = op;
    if (rows)
        qsort(rows, *n, sizeof(*rows), by_name);
    return rows;
}

/* One line per operator: its versions and the kernels of the newest. */
static int print_lines(const struct qn_op **rows, size_t n, bool markdown)
{
    if (markdown)
        printf("| domain | operator | versions | kernels |\n|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || strcmp(rows[i]->name, rows[i - 1]->name) || strcmp(rows[i]->domain, rows[i - 1]->domain);
        bool last =
            i + 1 == n || strcmp(rows[i]->name, rows[i + 1]->name) || strcmp(rows[i]->domain, rows[i + 1]->domain);

        if (first)
            printf(markdown ? "| %s | %s | " : "%-11s %-28s ", shown_domain(rows[i]), rows[i]->name);
        printf("%s%d", first ? "" : ",", rows[i]->since);
        if (!last)
            continue;
        printf("-%d%s", rows[i]->until, markdown ? " | " : "  ");
        for (const struct qn_kernel *kernel = rows[i]->kernels; kernel && kernel->name; kernel++)
            printf("%s%s", kernel == rows[i]->kernels ? "" : " ", kernel->name);
        printf(markdown ? " |\n" : "\n");
    }
    return QN_EXIT_OK;
}

static int print_json(const struct qn_op **rows, size_t n)
{
    cJSON *list = cJSON_CreateArray();
    bool ok;

    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(list, describe(rows[i]));
    ok = qn_report_write("-", list);
    cJSON_Delete(list);
    return ok ? QN_EXIT_OK : QN_EXIT_IO;
}

int qn_cmd_ops(int argc, char **argv)
{
    static const struct qn_usage usage = {"ops", "", "Lists the supported operators.", 0, 0, "ops takes no argument"};
    bool markdown = false, json = false;
    const struct qn_op **rows;
    struct qn_texts words;
    size_t n;
    int code;
    const struct qn_flag flags[] = {
        {"markdown", QN_FLAG_BOOL, &markdown, 0, 0, NULL, "as a Markdown table"},
        {"json", QN_FLAG_BOOL, &json, 0, 0, NULL, "every version with types and attributes"},
        {NULL, QN_FLAG_BOOL, NULL, 0, 0, NULL, NULL},
    };

    code = qn_options_read(&usage, flags, argc, argv, &words);
    if (code != QN_GO_ON)
        return code;
    qn_options_free(flags, &words);
    rows = sorted_rows(&n);
    if (!rows) {
        qn_complain("ops", "out of memory");
        return qn_status_exit(QN_NOMEM);
    }
    code = json ? print_json(rows, n) : print_lines(rows, n, markdown);
    free(rows);
    return code;
}
