/* fit.c: shapes for JSON arrays; see fit.h. */
#include "server/codec/fit.h"

#include <stdio.h>
#include <string.h>

#include "server/codec/element.h"

size_t qn_fit_count(const struct qn_io *io)
{
    size_t n;

    return io->rank >= 0 && qn_element_count(io->rank, io->dims, &n) ? n : SIZE_MAX;
}

/* ---- messages ---- */

enum { SHAPE_BYTES = 160 };

/* "[N,3,?]": names of dims where the model has some. io may be NULL: plain dims. */
static const char *shape_text(const struct qn_io *io, int rank, const int64_t *dims, char *text)
{
    size_t n = 1;

    snprintf(text, SHAPE_BYTES, "[");
    for (int i = 0; i < rank && n + 26 < SHAPE_BYTES; i++) {
        const char *comma = i > 0 ? "," : "";

        if (dims[i] >= 0)
            n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%s%lld", comma, (long long)dims[i]);
        else if (io != NULL && io->dim_names[i] != NULL)
            n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%s%.20s", comma, io->dim_names[i]);
        else
            n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%s?", comma);
    }
    snprintf(text + n, SHAPE_BYTES - n, "]");
    return text;
}

/* A flat list has the wrong count; a nested one the wrong shape. */
static enum qn_status misfit(const struct qn_io *io, const struct qn_json_tensor *array, bool as_examples,
                             struct qn_err *err)
{
    char expected[SHAPE_BYTES];
    char received[SHAPE_BYTES];
    const char *examples = as_examples ? "examples of " : "";
    size_t count = qn_fit_count(io);

    shape_text(io, io->rank, io->dims, expected);
    if (array->rank > 1 || as_examples)
        QN_FAIL(err, SHAPE, "input \"%s\": expected %sshape %s, received %s", io->name, examples, expected,
                array->rank == 0 ? "one value" : shape_text(NULL, array->rank, array->dims, received));
    if (count != SIZE_MAX)
        QN_FAIL(err, SHAPE, "input \"%s\": expected %zu value%s for shape %s, received %zu", io->name, count,
                count == 1 ? "" : "s", expected, array->n);
    QN_FAIL(err, SHAPE, "input \"%s\": expected shape %s, received %zu value%s", io->name, expected, array->n,
            array->n == 1 ? "" : "s");
}

/* ---- dims ---- */

static bool matches(int rank, const int64_t *expected, const int64_t *dims)
{
    for (int i = 0; i < rank; i++)
        if (expected[i] >= 0 && expected[i] != dims[i])
            return false;
    return true;
}

static bool is_batch_dim(int64_t dim) { return dim == -1 || dim == 1; }

/* Fills the unknown ones of dims so that they hold n elements; one may be unknown. */
static bool complete(int rank, int64_t *dims, size_t n)
{
    int unknown = -1;
    size_t known = 1;

    for (int i = 0; i < rank; i++) {
        size_t product;

        if (dims[i] < 0) {
            if (unknown >= 0)
                return false;
            unknown = i;
            continue;
        }
        if (__builtin_mul_overflow(known, (size_t)dims[i], &product))
            return false;
        known = product;
    }
    if (unknown < 0)
        return known == n;
    if (known == 0 ? n != 0 : n % known != 0)
        return false;
    dims[unknown] = known == 0 ? 0 : (int64_t)(n / known);
    return true;
}

static void set_tensor(struct qn_tensor *tensor, const struct qn_json_tensor *array, int rank, const int64_t *dims)
{
    *tensor = (struct qn_tensor){.dtype = array->dtype, .rank = rank, .data = array->data};
    if (rank > 0)
        memcpy(tensor->dims, dims, (size_t)rank * sizeof(dims[0]));
}

/* ---- a whole input ---- */

/* A flat list, or one value, for any shape. */
static bool fit_flat(const struct qn_io *io, const struct qn_json_tensor *array, int64_t *dims)
{
    if (array->rank > 1)
        return false;
    memcpy(dims, io->dims, sizeof(io->dims));
    if (complete(io->rank, dims, array->n))
        return true;
    memcpy(dims, io->dims, sizeof(io->dims));
    if (io->rank == 0 || dims[0] != -1)
        return false;
    dims[0] = 1;
    return complete(io->rank, dims, array->n);
}

/* An empty array cannot show the dims behind its first zero: [[],[]] is [2,0], and [2,0,8] as well. */
static bool fit_empty(const struct qn_io *io, const struct qn_json_tensor *array, int64_t *dims)
{
    if (array->n != 0 || array->rank < 1 || array->rank >= io->rank || !matches(array->rank, io->dims, array->dims))
        return false;
    for (int i = 0; i < io->rank; i++)
        dims[i] = i < array->rank ? array->dims[i] : io->dims[i] < 0 ? 1 : io->dims[i];
    return true;
}

enum qn_status qn_fit_whole(const struct qn_io *io, const struct qn_json_tensor *array, struct qn_tensor *tensor,
                            struct qn_err *err)
{
    int64_t dims[QN_MAX_RANK] = {1};

    if (io->rank < 0 || (array->rank == io->rank && matches(io->rank, io->dims, array->dims))) {
        set_tensor(tensor, array, array->rank, array->dims);
        return QN_OK;
    }
    if (array->rank == io->rank - 1 && is_batch_dim(io->dims[0]) && array->rank > 0 &&
        matches(array->rank, io->dims + 1, array->dims)) {
        memcpy(dims + 1, array->dims, (size_t)array->rank * sizeof(dims[0]));
        set_tensor(tensor, array, io->rank, dims);
        return QN_OK;
    }
    if (!fit_empty(io, array, dims) && !fit_flat(io, array, dims))
        return misfit(io, array, false, err);
    set_tensor(tensor, array, io->rank, dims);
    return QN_OK;
}

/* ---- a list of examples ---- */

/* Whether each example, of the array's dims from 1 on, is a tensor of these dims: nested, flat, or with a 1 in front.
 * The dims come back without unknowns. */
static bool fit_example(const struct qn_json_tensor *array, int rank, int64_t *dims)
{
    const int64_t *given = array->dims + 1;
    int n_given = array->rank - 1;
    size_t n = array->dims[0] > 0 ? array->n / (size_t)array->dims[0] : 0;

    if (n_given == rank + 1 && given[0] == 1) {
        given++;
        n_given--;
    }
    if (n_given == rank && matches(rank, dims, given)) {
        if (rank > 0)
            memcpy(dims, given, (size_t)rank * sizeof(dims[0]));
        return true;
    }
    return n_given <= 1 && complete(rank, dims, n);
}

/* No examples: unknown dims are 1, the batch is 0. */
static void fit_none(const struct qn_io *io, const struct qn_json_tensor *array, struct qn_tensor *tensor)
{
    set_tensor(tensor, array, io->rank < 0 ? 1 : io->rank, io->dims);
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] < 0)
            tensor->dims[i] = 1;
    tensor->dims[0] = 0;
}

enum qn_status qn_fit_examples(const struct qn_io *io, const struct qn_json_tensor *array, struct qn_tensor *tensor,
                               bool *turns, size_t *n, struct qn_err *err)
{
    bool is_batched = io->rank < 0 || (io->rank > 0 && io->dims[0] == -1);
    int64_t dims[QN_MAX_RANK + 1];
    size_t n_elements;

    *turns = !is_batched;
    QN_CHECK(array->rank > 0, err, SHAPE, "\"inputs\" must be a list of examples, or an object of inputs by name");
    *n = (size_t)array->dims[0];
    if (array->n == 0 && *n == 0) {
        fit_none(io, array, tensor);
        return QN_OK;
    }
    if (io->rank < 0) {
        set_tensor(tensor, array, array->rank, array->dims);
        return QN_OK;
    }
    dims[0] = (int64_t)*n;
    memcpy(dims + 1, io->dims, sizeof(io->dims));
    if (is_batched) {
        memmove(dims + 1, dims + 2, (QN_MAX_RANK - 1) * sizeof(dims[0]));
        if (!fit_example(array, io->rank - 1, dims + 1))
            return misfit(io, array, true, err);
        set_tensor(tensor, array, io->rank, dims);
        return QN_OK;
    }
    /* A batch of fixed size above 1, and that many examples. */
    if (io->rank == array->rank && io->dims[0] > 1 && matches(io->rank, io->dims, array->dims)) {
        *turns = false;
        set_tensor(tensor, array, array->rank, array->dims);
        return QN_OK;
    }
    if (io->rank > 0 && io->dims[0] == 1 && array->rank == io->rank &&
        matches(io->rank - 1, io->dims + 1, array->dims + 1)) {
        dims[1] = 1;
        memcpy(dims + 2, array->dims + 1, (size_t)(io->rank - 1) * sizeof(dims[0]));
    } else if (!fit_example(array, io->rank, dims + 1)) {
        return misfit(io, array, true, err);
    }
    set_tensor(tensor, array, io->rank, dims + 1);
    QN_CHECK(qn_element_count(io->rank, dims + 1, &n_elements) && n_elements * *n == array->n, err, SHAPE,
             "input \"%s\": the examples do not have the same size", io->name);
    return QN_OK;
}
