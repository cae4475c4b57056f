/* string_normalizer.c: StringNormalizer: leaves stop words out, then changes the case of what is left. Elements are
 * compared as wholes. When case does not count, both sides are compared in the case asked for, else in lower case.
 * Letters are mapped one by one: the rules of English, which is the default, and in locale "C" of ASCII alone. Locales
 * whose rules may differ are refused where they would matter. */
#include <string.h>

#include "ops/key_table.h"
#include "ops/letter_case.h"

static const char *const actions[] = {"NONE", "LOWER", "UPPER", NULL}; /* as enum qn_letter_case */

struct normalizer {
    struct qn_strs stopwords;
    struct qn_str locale;
    bool is_case_sensitive;
    int case_change_action;
    bool ascii;
    enum qn_letter_case compared; /* the case in which elements are compared */
    struct qn_key_table stops;
};

/* ---- Load ----------------------------------------------------------------------------------------------------- */

static bool starts_with(struct qn_str text, const char *word)
{
    return text.n >= strlen(word) && memcmp(text.data, word, strlen(word)) == 0;
}

static bool is_word(struct qn_str text, const char *word) { return text.n == strlen(word) && starts_with(text, word); }

static enum qn_status read_locale(struct normalizer *p, struct qn_err *err)
{
    struct qn_str l = p->locale;

    p->ascii = is_word(l, "C") || is_word(l, "POSIX");
    if (p->ascii || l.n == 0 || is_word(l, "en") || starts_with(l, "en_") || starts_with(l, "en-") ||
        starts_with(l, "C."))
        return QN_OK;
    QN_CHECK(p->case_change_action == QN_CASE_AS_IS && (p->is_case_sensitive || p->stopwords.n == 0), err, UNSUPPORTED,
             "the case of letters in locale '%.*s' is not known", (int)(l.n < 40 ? l.n : 40), l.data);
    return QN_OK;
}

/* The stop words in the case in which they are compared. */
static enum qn_status fold_stopwords(struct normalizer *p, struct qn_arena *arena, struct qn_strs *folded,
                                     struct qn_err *err)
{
    struct qn_str *v = qn_arena_array(arena, p->stopwords.n, sizeof(*v));

    QN_CHECK_MEM(v, err);
    for (size_t i = 0; i < p->stopwords.n; i++) {
        size_t n = qn_change_case(p->compared, p->ascii, p->stopwords.v[i], NULL);
        char *text = qn_arena_alloc_raw(arena, n);

        QN_CHECK_MEM(text, err);
        v[i] = (struct qn_str){text, qn_change_case(p->compared, p->ascii, p->stopwords.v[i], text)};
    }
    *folded = (struct qn_strs){v, p->stopwords.n, true};
    return QN_OK;
}

static enum qn_status parse(struct qn_node *node, void *params, struct qn_arena *arena, struct qn_err *err)
{
    struct normalizer *p = params;
    struct qn_strs folded;
    struct qn_tensor list;

    (void)node;
    QN_TRY(read_locale(p, err));
    p->compared = p->is_case_sensitive                     ? QN_CASE_AS_IS
                  : p->case_change_action == QN_CASE_UPPER ? QN_CASE_UPPER
                                                           : QN_CASE_LOWER;
    QN_TRY(fold_stopwords(p, arena, &folded, err));
    list = qn_list_of_strings(&folded);
    return qn_key_table_init(&p->stops, &list, false, arena, err);
}

/* [C] or [1, C]; what is left of nothing is one empty string. */
static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct normalizer *p = params;
    struct qn_shape shape = qn_infer_in(in, 0)->shape;
    int64_t *c = &shape.dims[shape.rank > 0 ? shape.rank - 1 : 0];

    if (shape.rank < 0)
        return qn_infer_out(in, 0, QN_STRING, &shape);
    QN_CHECK(shape.rank == 1 || (shape.rank == 2 && (!qn_dim_known(shape.dims[0]) || shape.dims[0] == 1)), in->err,
             SHAPE, "strings of shape [C] or [1,C] expected, %s came", qn_shape_text(&shape, (char[QN_SHAPE_TEXT]){0}));
    if (shape.rank == 2)
        shape.dims[0] = 1;
    if (qn_dim_known(*c) && (*c == 0 || p->stopwords.n == 0))
        *c = *c ? *c : 1;
    else
        *c = QN_DIM_UNKNOWN;
    return qn_infer_out(in, 0, QN_STRING, &shape);
}

/* ---- Run ------------------------------------------------------------------------------------------------------ */

static enum qn_status change(const struct qn_call *call, enum qn_letter_case to, struct qn_str text,
                             struct qn_str *changed)
{
    const struct normalizer *p = call->params;
    size_t n;
    char *out;

    *changed = text;
    if (to == QN_CASE_AS_IS)
        return QN_OK;
    n = qn_change_case(to, p->ascii, text, NULL);
    out = qn_call_alloc(call, n, 1);
    if (!out)
        return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
    *changed = (struct qn_str){out, qn_change_case(to, p->ascii, text, out)};
    return QN_OK;
}

/* What becomes of an element; *kept is false for a stop word. */
static enum qn_status normalize(const struct qn_call *call, struct qn_str text, struct qn_str *result, bool *kept)
{
    const struct normalizer *p = call->params;
    struct qn_str compared = text;

    if (p->stopwords.n > 0) {
        QN_TRY(change(call, p->compared, text, &compared));
        *kept = qn_key_table_find(&p->stops, &compared) < 0;
        if (!*kept)
            return QN_OK;
        if ((int)p->compared == p->case_change_action) {
            *result = compared;
            return QN_OK;
        }
    }
    *kept = true;
    return change(call, (enum qn_letter_case)p->case_change_action, text, result);
}

static enum qn_status string_normalizer_ref(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    const struct qn_str *texts = x->data;
    int64_t n = qn_tensor_count(x), n_kept = 0, dims[2] = {1, 1};
    struct qn_str *results = qn_call_alloc(call, (size_t)n + 1, sizeof(*results));

    if (!results)
        return call->err && call->err->status != QN_OK ? call->err->status : QN_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        bool kept;

        QN_TRY(normalize(call, texts[i], &results[n_kept], &kept));
        n_kept += kept;
    }
    if (n_kept == 0)
        results[n_kept++] = (struct qn_str){"", 0};
    dims[x->rank - 1] = n_kept;
    QN_TRY(qn_call_place(call, 0, QN_STRING, x->rank, dims));
    memcpy(qn_out(call, 0)->data, results, (size_t)n_kept * sizeof(*results));
    return QN_OK;
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

static const struct qn_kernel kernels[] = {{.name = "string_normalizer_ref", .run = string_normalizer_ref},
                                           {.name = NULL}};

const struct qn_op qn_ops_string_normalizer[] = {
    {.domain = "",
     .name = "StringNormalizer",
     .since = 10,
     .until = QN_NEWEST_OPSET,
     .in = QN_FORMALS(QN_IN("X", 0, QN_BIT(STRING))),
     .out = QN_FORMALS(QN_OUT("Y", 0, QN_BIT(STRING))),
     .attrs = QN_ATTRS(QN_STRINGS_ATTR(normalizer, stopwords), QN_STRING_ATTR(normalizer, locale, ""),
                       QN_BOOL_ATTR(normalizer, is_case_sensitive, 0),
                       QN_ENUM_ATTR(normalizer, case_change_action, "NONE", actions)),
     QN_PARAMS(normalizer),
     .flags = QN_KEEPS_VALUES | QN_DATA_DEPENDENT,
     .parse = parse,
     .infer = infer,
     .kernels = kernels,
     .tolerance = QN_EXACT},
    {.name = NULL},
};
