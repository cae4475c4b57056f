/* import_sparse.c: SparseTensorProto to a dense tensor. The engine has no sparse kernels; the format's sparse constants
 * are small. Positions must be inside the shape and rise strictly, as the format demands. */
#include <string.h>

#include "import/import_tensor.h"
#include "tensor/convert.h"

enum { VALUES = 1, INDICES = 2, DIMS = 3 };

struct sparse {
    struct qn_tensor values, indices;
    const char *name;
    int64_t n; /* values */
    struct qn_tensor *dense;
    struct qn_err *err;
};

static enum qn_status read_parts(const struct qn_tensor_reader *reader, struct qn_slice message, struct sparse *s)
{
    struct qn_slice values, indices;

    QN_CHECK(qn_proto_bytes(message, VALUES, &values), s->err, FORMAT, "a sparse tensor has no values");
    QN_TRY(qn_import_tensor(reader, values, &s->values, &s->name, s->err));
    QN_CHECK(s->values.rank == 1, s->err, FORMAT, "sparse tensor '%s' has values of rank %d, not 1", s->name,
             s->values.rank);
    s->n = s->values.dims[0];
    if (!qn_proto_bytes(message, INDICES, &indices)) {
        QN_CHECK(s->n == 0, s->err, FORMAT, "sparse tensor '%s' has no indices", s->name);
        s->indices = (struct qn_tensor){.dtype = QN_INT64, .rank = 1};
        return QN_OK;
    }
    return qn_import_tensor(reader, indices, &s->indices, NULL, s->err);
}

static enum qn_status create_dense(const struct qn_tensor_reader *reader, struct qn_slice message, struct sparse *s)
{
    struct qn_arena_mark mark = qn_arena_mark(reader->scratch);
    const QnOnnx__SparseTensorProto *proto;
    struct qn_shape shape = {0};

    proto = QN_DECODE(sparse_tensor_proto, reader->scratch, message, QN_FIELD(DIMS), s->err);
    if (!proto)
        return QN_NOMEM;
    QN_CHECK(proto->n_dims <= QN_MAX_RANK, s->err, LIMIT, "sparse tensor '%s' has rank %zu; at most %d is supported",
             s->name, proto->n_dims, QN_MAX_RANK);
    shape.rank = (int)proto->n_dims;
    for (int i = 0; i < shape.rank; i++) {
        QN_CHECK(proto->dims[i] >= 0, s->err, FORMAT, "sparse tensor '%s' has dimension %lld", s->name,
                 (long long)proto->dims[i]);
        shape.dims[i] = proto->dims[i];
    }
    qn_arena_rewind(reader->scratch, mark);
    return qn_tensor_create(reader->arena, s->values.dtype, &shape, s->dense, s->err);
}

static enum qn_status check_indices(const struct sparse *s)
{
    const struct qn_tensor *indices = &s->indices;

    QN_CHECK(indices->dtype == QN_INT64, s->err, FORMAT, "sparse tensor '%s' has indices of type %s, not int64",
             s->name, qn_dtype_name(indices->dtype));
    QN_CHECK((indices->rank == 1 && indices->dims[0] == s->n) ||
                 (indices->rank == 2 && indices->dims[0] == s->n && indices->dims[1] == s->dense->rank),
             s->err, FORMAT, "the indices of sparse tensor '%s' do not have the shape for %lld values of rank %d",
             s->name, (long long)s->n, s->dense->rank);
    return QN_OK;
}

/* The flat position of value i. */
static enum qn_status position(const struct sparse *s, int64_t i, int64_t *flat)
{
    const int64_t *index = s->indices.data;
    int64_t at = 0;

    if (s->indices.rank == 1) {
        QN_CHECK(index[i] >= 0 && index[i] < qn_tensor_count(s->dense), s->err, FORMAT,
                 "sparse tensor '%s' has index %lld of %lld elements", s->name, (long long)index[i],
                 (long long)qn_tensor_count(s->dense));
        *flat = index[i];
        return QN_OK;
    }
    index += i * s->dense->rank;
    for (int k = 0; k < s->dense->rank; k++) {
        QN_CHECK(index[k] >= 0 && index[k] < s->dense->dims[k], s->err, FORMAT,
                 "sparse tensor '%s' has index %lld in a dimension of %lld", s->name, (long long)index[k],
                 (long long)s->dense->dims[k]);
        at = at * s->dense->dims[k] + index[k];
    }
    *flat = at;
    return QN_OK;
}

static void put(const struct sparse *s, int64_t i, int64_t flat)
{
    size_t bytes = qn_dtype_bytes(s->dense->dtype);
    int bits = qn_dtype_bits(s->dense->dtype);

    if (bytes > 0)
        memcpy((char *)s->dense->data + (size_t)flat * bytes, (const char *)s->values.data + (size_t)i * bytes, bytes);
    else
        qn_packed_set(s->dense->data, flat, bits, qn_packed_get(s->values.data, i, bits));
}

enum qn_status qn_import_sparse(const struct qn_tensor_reader *reader, struct qn_slice message,
                                struct qn_tensor *tensor, const char **name, struct qn_err *err)
{
    struct sparse s = {.dense = tensor, .err = err, .name = ""};
    int64_t last = -1, flat = 0;

    memset(tensor, 0, sizeof(*tensor));
    QN_TRY(read_parts(reader, message, &s));
    QN_TRY(create_dense(reader, message, &s));
    QN_TRY(check_indices(&s));
    for (int64_t i = 0; i < s.n; i++) {
        QN_TRY(position(&s, i, &flat));
        QN_CHECK(flat > last, err, FORMAT, "sparse tensor '%s' has indices that do not rise", s.name);
        put(&s, i, flat);
        last = flat;
    }
    if (name)
        *name = s.name;
    return QN_OK;
}
