/* broadcast.c: iteration over tensors that broadcast to one shape; see broadcast.h. Shapes were checked by inference.
 */
#include "ops/broadcast.h"

/* Elements of simple work that are worth a thread of their own, and the pieces work is cut at: a multiple of any cache
 * line and vector. */
enum { PART_WORK = 16384, GRAIN = 64 };

/* Rows below this many elements are handled several at a time, up to so many elements. */
enum { SHORT_ROW = 16, BLOCK = 256 };

/* ---- Merging axes --------------------------------------------------------------------------------------------- */

/* Steps of each input along one axis of the output. */
struct axis {
    int64_t dim;
    int64_t stride[QN_BROADCAST_INS];
};

static bool mergeable(const struct axis *inner, const struct axis *outer, int n_in)
{
    for (int i = 0; i < n_in; i++)
        if (outer->stride[i] != inner->stride[i] * inner->dim)
            return false;
    return true;
}

/* Axes of the output that are not 1, the fastest first, neighbours merged where every input walks through both evenly.
 */
static int merge_axes(const struct qn_tensor *out, int n_in, const struct qn_tensor *const *ins, struct axis *axes)
{
    int64_t dense[QN_BROADCAST_INS] = {1, 1, 1};
    int n = 0;

    for (int back = 1; back <= out->rank; back++) {
        struct axis axis = {.dim = out->dims[out->rank - back]};

        for (int i = 0; i < n_in; i++) {
            int64_t dim = back <= ins[i]->rank ? ins[i]->dims[ins[i]->rank - back] : 1;

            axis.stride[i] = dim == 1 ? 0 : dense[i];
            dense[i] *= dim;
        }
        if (axis.dim == 1)
            continue;
        if (n > 0 && mergeable(&axes[n - 1], &axis, n_in))
            axes[n - 1].dim *= axis.dim;
        else
            axes[n++] = axis;
    }
    return n;
}

void qn_broadcast_init(struct qn_broadcast *b, struct qn_tensor *out, int n_in, const struct qn_tensor *const *ins)
{
    struct axis axes[QN_MAX_RANK];
    int64_t total = qn_tensor_count(out);
    int n_axes = total > 0 ? merge_axes(out, n_in, ins, axes) : 0;

    *b = (struct qn_broadcast){.n_in = n_in, .n = n_axes ? axes[0].dim : 1, .total = total, .dst = out->data};
    b->dst_bytes = qn_dtype_bytes(out->dtype);
    for (int i = 0; i < n_in; i++) {
        b->src[i] = ins[i]->data;
        b->src_bytes[i] = qn_dtype_bytes(ins[i]->dtype);
        b->step[i] = n_axes ? axes[0].stride[i] : 0;
    }
    for (int k = 1; k < n_axes; k++, b->rank++) {
        b->dims[b->rank] = axes[k].dim;
        for (int i = 0; i < n_in; i++)
            b->stride[i][b->rank] = axes[k].stride[i];
    }
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

/* A place in the output: the row's index and each input's offset at its start. */
struct place {
    int64_t index[QN_MAX_RANK];
    int64_t offset[QN_BROADCAST_INS];
};

static void seek(const struct qn_broadcast *b, int64_t row, struct place *place)
{
    *place = (struct place){0};
    for (int k = 0; k < b->rank; k++) {
        place->index[k] = row % b->dims[k];
        row /= b->dims[k];
        for (int i = 0; i < b->n_in; i++)
            place->offset[i] += place->index[k] * b->stride[i][k];
    }
}

static void next_row(const struct qn_broadcast *b, struct place *place)
{
    for (int k = 0; k < b->rank; k++) {
        bool carry = ++place->index[k] == b->dims[k];

        for (int i = 0; i < b->n_in; i++)
            place->offset[i] += carry ? -(b->dims[k] - 1) * b->stride[i][k] : b->stride[i][k];
        if (!carry)
            return;
        place->index[k] = 0;
    }
}

/* Forward along the first outer axis, not past its end. */
static void skip_rows(const struct qn_broadcast *b, struct place *place, int64_t n)
{
    place->index[0] += n;
    for (int i = 0; i < b->n_in; i++)
        place->offset[i] += n * b->stride[i][0];
}

/* rows * n elements, of rows `stride` apart, one behind the other. */
static void gather(void *dst, const void *src, int64_t rows, int64_t n, int64_t stride, int64_t step, size_t size)
{
    struct bytes_16 {
        uint64_t half[2];
    };

#define GATHER(type)                                                                                                   \
    for (int64_t r = 0; r < rows; r++)                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                                \
            ((type *)dst)[r * n + i] = ((const type *)src)[r * stride + i * step];                                     \
    return
    switch (size) {
    case 1:
        GATHER(uint8_t);
    case 2:
        GATHER(uint16_t);
    case 4:
        GATHER(uint32_t);
    case 8:
        GATHER(uint64_t);
    default:
        GATHER(struct bytes_16);
    }
#undef GATHER
}

/* Several whole rows along the first outer axis as if they were one: an input that does not run on evenly from row to
 * row is gathered first. */
static void run_rows(const struct qn_broadcast *b, const struct place *place, int64_t begin, int64_t rows,
                     qn_row_fn *row, const void *arg)
{
    static const int64_t steps[QN_BROADCAST_INS] = {1, 1, 1};
    uint64_t gathered[QN_BROADCAST_INS][BLOCK * 2];
    const void *src[QN_BROADCAST_INS];

    for (int i = 0; i < b->n_in; i++) {
        src[i] = b->src[i] + (size_t)place->offset[i] * b->src_bytes[i];
        if (b->step[i] == 1 && b->stride[i][0] == b->n)
            continue;
        gather(gathered[i], src[i], rows, b->n, b->stride[i][0], b->step[i], b->src_bytes[i]);
        src[i] = gathered[i];
    }
    row(b->dst + (size_t)begin * b->dst_bytes, src, steps, rows * b->n, arg);
}

/* As many as run_rows() may take; 1 where a row by itself is long enough. */
static int64_t rows_at_once(const struct qn_broadcast *b, const struct place *place, int64_t n_left)
{
    int64_t rows;

    if (b->n >= SHORT_ROW || b->rank == 0)
        return 1;
    rows = b->dims[0] - place->index[0];
    rows = rows < BLOCK / b->n ? rows : BLOCK / b->n;
    return rows < n_left / b->n ? rows : n_left / b->n;
}

static void run_range(const struct qn_broadcast *b, int64_t begin, int64_t end, qn_row_fn *row, const void *arg)
{
    int64_t column = begin % b->n;
    struct place place;

    seek(b, begin / b->n, &place);
    while (begin < end) {
        int64_t rows = column == 0 ? rows_at_once(b, &place, end - begin) : 1;
        int64_t n = b->n - column < end - begin ? b->n - column : end - begin;
        const void *src[QN_BROADCAST_INS];

        if (rows > 1) {
            run_rows(b, &place, begin, rows, row, arg);
            begin += rows * b->n;
            skip_rows(b, &place, rows - 1);
        } else {
            for (int i = 0; i < b->n_in; i++)
                src[i] = b->src[i] + (size_t)(place.offset[i] + column * b->step[i]) * b->src_bytes[i];
            row(b->dst + (size_t)begin * b->dst_bytes, src, b->step, n, arg);
            begin += n;
            column = 0;
        }
        next_row(b, &place);
    }
}

struct job {
    const struct qn_broadcast *b;
    qn_row_fn *row;
    const void *arg;
};

static void run_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->b->total, GRAIN, part, n_parts, &begin, &end);
    run_range(job->b, begin, end, job->row, job->arg);
}

int qn_broadcast_parts(const struct qn_pool *pool, int64_t n, int cost)
{
    int64_t worth = n / (PART_WORK / cost);
    int threads = qn_pool_threads(pool);

    return worth < 2 ? 1 : worth < threads ? (int)worth : threads;
}

void qn_broadcast_run(const struct qn_broadcast *b, struct qn_pool *pool, int cost, qn_row_fn *row, const void *arg)
{
    struct job job = {b, row, arg};

    if (b->total > 0)
        qn_pool_run(pool, qn_broadcast_parts(pool, b->total, cost), run_part, &job);
}

void qn_map_run(const struct qn_call *call, const struct qn_tensor *x, int cost, qn_row_fn *row, const void *arg)
{
    struct qn_broadcast b;

    qn_broadcast_init(&b, qn_out(call, 0), 1, &x);
    qn_broadcast_run(&b, call->pool, cost, row, arg);
}

/* ---- Operators of opset 1 to 6 -------------------------------------------------------------------------------- */

static bool has_size_one(const struct qn_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] != 1)
            return false;
    return shape->rank >= 0;
}

/* The first axis of A that B covers; may be out of range. */
static int64_t first_axis(const struct qn_align *align, int a_rank, int b_rank)
{
    if (align->axis == QN_ALIGN_NO_AXIS)
        return a_rank - b_rank;
    return align->axis < 0 && align->axis >= -a_rank ? align->axis + a_rank : align->axis;
}

static enum qn_status check_run(struct qn_infer *in, const struct qn_align *align, const struct qn_shape *a,
                                const struct qn_shape *b)
{
    int64_t first = first_axis(align, a->rank, b->rank);
    char a_text[QN_SHAPE_TEXT], b_text[QN_SHAPE_TEXT];
    bool fits = first >= 0 && first <= a->rank - b->rank;

    for (int i = 0; fits && i < b->rank; i++) {
        int64_t want = a->dims[first + i], dim = b->dims[i];

        fits = dim == want || dim == 1 || !qn_dim_known(dim) || !qn_dim_known(want);
    }
    QN_CHECK(fits, in->err, SHAPE, "shape %s does not broadcast to %s from axis %lld", qn_shape_text(b, b_text),
             qn_shape_text(a, a_text), (long long)first);
    return QN_OK;
}

enum qn_status qn_align_infer(struct qn_infer *in, const struct qn_align *align, enum qn_dtype dtype)
{
    const struct qn_shape *a = &in->in[0]->shape, *b = &in->in[1]->shape;
    struct qn_shape shape = *a;
    char a_text[QN_SHAPE_TEXT], b_text[QN_SHAPE_TEXT];

    if (!align->old)
        QN_CHECK(qn_shape_broadcast(a, b, &shape), in->err, SHAPE, "shapes %s and %s do not broadcast",
                 qn_shape_text(a, a_text), qn_shape_text(b, b_text));
    else if (!align->broadcast)
        QN_CHECK(qn_shape_merge(a, b, &shape), in->err, SHAPE, "shapes %s and %s differ and broadcast is not set",
                 qn_shape_text(a, a_text), qn_shape_text(b, b_text));
    else if (a->rank >= 0 && b->rank >= 0 && !has_size_one(b))
        QN_TRY(check_run(in, align, a, b));
    return qn_infer_out(in, 0, dtype, &shape);
}

struct qn_tensor qn_align_view(const struct qn_align *align, const struct qn_tensor *a, const struct qn_tensor *b)
{
    struct qn_tensor view = *b;
    struct qn_shape shape = qn_tensor_shape(b);

    if (!align->old)
        return view;
    if (has_size_one(&shape)) {
        view.rank = 0;
        return view;
    }
    for (int64_t i = first_axis(align, a->rank, b->rank) + b->rank; i < a->rank; i++)
        view.dims[view.rank++] = 1;
    return view;
}
