/* json_tensor.c: tensors out of JSON; see json_tensor.h. A loop over brackets keeps the index on each level; a whole
 * innermost row is read by one call (json_number.c for numbers, here for strings). */
#include "server/codec/json_tensor.h"

#include <stdio.h>
#include <string.h>

#include "server/codec/element.h"
#include "server/codec/json_number.h"

/* Where the reader stands. Level 0 is outside all brackets; level i has index[i] complete elements so far. */
struct walk {
    struct qn_json *json;
    struct qn_json_tensor *tensor;
    size_t capacity; /* elements that fit into tensor->data */
    int level;
    int rank; /* the level whose elements are values; -1 while unknown */
    size_t index[QN_MAX_RANK + 1];
    int64_t length[QN_MAX_RANK + 1]; /* of the arrays on a level; -1 while unknown */
};

/* ---- messages ---- */

enum { PATH_BYTES = 96 };

/* The indices of the element at hand, "[0][12]". */
static const char *path_of(const struct walk *walk, int level, char *text)
{
    size_t n = 0;

    text[0] = '\0';
    for (int i = 1; i <= level && n + 24 < PATH_BYTES; i++)
        n += (size_t)snprintf(text + n, PATH_BYTES - n, "[%zu]", walk->index[i]);
    return text;
}

static enum qn_status wrong_element(const struct walk *walk, const char *problem, const char *detail)
{
    char path[PATH_BYTES];
    const char *at = path_of(walk, walk->level, path);

    QN_FAIL(walk->json->err, FORMAT, "input \"%s\": %s%s%s%s", walk->tensor->name,
            *at == '\0' ? "the value" : "element ", at, problem, detail);
}

static const char *expected_kind(enum qn_dtype dtype)
{
    return dtype == QN_STRING ? "a string" : dtype == QN_BOOL ? "true or false" : "a number";
}

/* Something that is not the expected value stands at the reader: a JSON value of another kind, or no JSON. */
static enum qn_status wrong_kind(const struct walk *walk, const char *expected)
{
    const char *found = qn_json_kind(walk->json, walk->json->at);
    char detail[128];

    if (*walk->json->at == '\0' || strchr("{[\"tfn-0123456789", *walk->json->at) == NULL)
        return qn_json_malformed(walk->json, walk->json->at, "expected a value");
    snprintf(detail, sizeof(detail), "%s, expected %s (%s)", found, expected, qn_dtype_name(walk->tensor->dtype));
    return wrong_element(walk, " is ", detail);
}

static enum qn_status row_failed(struct walk *walk, enum qn_row_end why)
{
    const char *type = qn_dtype_name(walk->tensor->dtype);

    switch (why) {
    case QN_ROW_SYNTAX:
        return qn_json_malformed(walk->json, walk->json->at, "malformed number");
    case QN_ROW_RANGE:
        return wrong_element(walk, " is out of range for ", type);
    case QN_ROW_FRACTION:
        if (walk->tensor->dtype == QN_BOOL)
            return wrong_element(walk, " is neither true, false, 0 nor 1", "");
        return wrong_element(walk, " is not an integer, expected ", type);
    default:
        return wrong_kind(walk, expected_kind(walk->tensor->dtype));
    }
}

/* ---- rows ---- */

/* Strings until something else than a comma follows. The first value stands at the reader. */
static enum qn_status read_strings(struct walk *walk)
{
    struct qn_json *json = walk->json;
    struct qn_json_tensor *tensor = walk->tensor;
    struct qn_str string;

    for (;;) {
        if (qn_json_peek(json) != '"')
            return wrong_kind(walk, expected_kind(QN_STRING));
        QN_TRY(qn_json_string(json, &string));
        if (tensor->n < walk->capacity)
            ((struct qn_str *)tensor->data)[tensor->n] = string;
        tensor->n++;
        walk->index[walk->level]++;
        if (qn_json_peek(json) != ',')
            return QN_OK;
        json->at++;
    }
}

/* Numbers until something else than a comma follows. What exceeds the capacity is only counted. */
static enum qn_status read_numbers(struct walk *walk)
{
    struct qn_json_tensor *tensor = walk->tensor;
    struct qn_row row = {.dtype = tensor->dtype, .non_finite = tensor->non_finite};
    enum qn_row_end end;

    do {
        bool fits = tensor->n < walk->capacity;

        row.data = fits ? tensor->data : NULL;
        row.first = tensor->n;
        row.max = fits ? walk->capacity - tensor->n : SIZE_MAX;
        end = qn_row_read(walk->json->at, &row);
        walk->json->at += row.end - walk->json->at;
        walk->index[walk->level] += row.n;
        tensor->n += row.n;
    } while (end == QN_ROW_FULL);
    return end == QN_ROW_DONE ? QN_OK : row_failed(walk, end);
}

static enum qn_status read_row(struct walk *walk)
{
    return walk->tensor->dtype == QN_STRING ? read_strings(walk) : read_numbers(walk);
}

/* ---- nesting ---- */

/* Behind an opening bracket: the first element decides whether this is a row, and all rows are on one level. */
static enum qn_status enter_array(struct walk *walk)
{
    struct qn_json *json = walk->json;
    char first;

    if (walk->level == QN_MAX_RANK)
        return wrong_element(walk, " is nested deeper than a tensor can be", "");
    QN_TRY(qn_json_enter(json, '[', "an array"));
    json->fresh = false;
    walk->level++;
    walk->index[walk->level] = 0;
    first = qn_json_peek(json);
    if (first == ']' || (first == '[' && (walk->rank < 0 || walk->level < walk->rank)))
        return QN_OK;
    if (first == '[')
        return wrong_kind(walk, expected_kind(walk->tensor->dtype));
    if (walk->rank < 0)
        walk->rank = walk->level;
    if (walk->level < walk->rank)
        return wrong_kind(walk, "an array");
    return read_row(walk);
}

/* At a closing bracket: arrays of one level are equally long. An empty array is a row when none was met so far. */
static enum qn_status leave_array(struct walk *walk)
{
    int64_t *length = &walk->length[walk->level];
    int64_t n = (int64_t)walk->index[walk->level];
    char path[PATH_BYTES];

    if (n == 0 && walk->rank < 0)
        walk->rank = walk->level;
    if (*length < 0)
        *length = n;
    if (*length != n)
        QN_FAIL(walk->json->err, FORMAT,
                "input \"%s\": the arrays are ragged: array %s has %lld elements, those before it %lld",
                walk->tensor->name, path_of(walk, walk->level - 1, path), (long long)n, (long long)*length);
    walk->json->at++;
    walk->json->depth--;
    walk->level--;
    walk->index[walk->level]++;
    return QN_OK;
}

/* After an element on a level above the rows: the next one is an array again, or the level ends. */
static enum qn_status next_element(struct walk *walk)
{
    struct qn_json *json = walk->json;
    char c = qn_json_peek(json);

    if (c == ']')
        return leave_array(walk);
    if (c != ',' || walk->level == walk->rank)
        return qn_json_malformed(json, json->at, "expected ',' or ']'");
    json->at++;
    c = qn_json_peek(json);
    if (c == ']')
        return qn_json_malformed(json, json->at, "a comma before a closing bracket");
    return c == '[' ? enter_array(walk) : wrong_kind(walk, "an array");
}

static enum qn_status walk_arrays(struct walk *walk)
{
    QN_TRY(enter_array(walk));
    while (walk->level > 0) {
        /* An array that was just opened on another array goes down; all else goes on or up. */
        if (walk->index[walk->level] == 0 && qn_json_peek(walk->json) == '[')
            QN_TRY(enter_array(walk));
        else
            QN_TRY(next_element(walk));
    }
    return QN_OK;
}

/* A value without brackets. */
static enum qn_status read_scalar(struct walk *walk)
{
    struct qn_json_tensor *tensor = walk->tensor;
    struct qn_row row = {.dtype = tensor->dtype, .data = tensor->data, .max = 1, .non_finite = tensor->non_finite};
    enum qn_row_end end;
    char *begin = walk->json->at;

    walk->rank = 0;
    tensor->n = 1;
    if (tensor->dtype == QN_STRING) {
        if (*begin != '"')
            return wrong_kind(walk, expected_kind(QN_STRING));
        return qn_json_string(walk->json, tensor->data);
    }
    end = qn_row_read(begin, &row);
    if (row.n == 0) {
        walk->json->at += row.end - begin;
        return row_failed(walk, end);
    }
    walk->json->at += qn_row_before_comma(&row, end) - begin;
    return QN_OK;
}

/* ---- memory ---- */

/* Every element takes at least two bytes of text, its comma or bracket included. */
static enum qn_status alloc_data(struct walk *walk, struct qn_scratch *scratch)
{
    struct qn_json_tensor *tensor = walk->tensor;
    size_t left = (size_t)(walk->json->text + walk->json->n - walk->json->at);
    size_t n_bytes;

    walk->capacity = left / 2 + 1;
    if (walk->capacity > tensor->max)
        walk->capacity = tensor->max;
    QN_CHECK(qn_element_bytes(tensor->dtype, walk->capacity, &n_bytes), walk->json->err, NOMEM, "out of memory");
    tensor->data = qn_scratch_alloc(scratch, n_bytes);
    QN_CHECK(tensor->data != NULL, walk->json->err, NOMEM, "input \"%s\": out of memory for %zu values", tensor->name,
             walk->capacity);
    return QN_OK;
}

static void trim_data(const struct walk *walk, struct qn_scratch *scratch)
{
    size_t n = walk->tensor->n < walk->capacity ? walk->tensor->n : walk->capacity;
    size_t n_bytes = 0;

    if (qn_element_bytes(walk->tensor->dtype, n, &n_bytes))
        qn_scratch_trim(scratch, walk->tensor->data, n_bytes);
}

enum qn_status qn_json_read_tensor(struct qn_json *json, struct qn_scratch *scratch, struct qn_json_tensor *tensor)
{
    struct walk walk = {.json = json, .tensor = tensor, .rank = -1};

    for (int i = 0; i <= QN_MAX_RANK; i++)
        walk.length[i] = -1;
    tensor->n = 0;
    tensor->rank = 0;
    QN_CHECK(tensor->dtype == QN_STRING || qn_row_supports(tensor->dtype), json->err, UNSUPPORTED,
             "input \"%s\": values of type %s cannot be given as JSON", tensor->name, qn_dtype_name(tensor->dtype));
    QN_TRY(alloc_data(&walk, scratch));
    QN_TRY(qn_json_peek(json) == '[' ? walk_arrays(&walk) : read_scalar(&walk));
    trim_data(&walk, scratch);
    tensor->rank = walk.rank;
    for (int i = 0; i < tensor->rank; i++)
        tensor->dims[i] = walk.length[i + 1];
    return QN_OK;
}
