/* col2im.c: Col2Im: columns of blocks, [N, C * block, L], are added up where their blocks lie in an image [N, C,
 * image...], the inverse of cutting an image into sliding blocks. Each image plane is summed by one thread in the order
 * of the block's elements. Integers wrap, bool adds as "or"; strings cannot be added. */
#include <string.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

struct col2im {
    struct qn_ints dilations, pads, strides;
};

/* What blocks there are, per spatial axis. */
struct blocks {
    int rank;
    int64_t image[QN_MAX_RANK], block[QN_MAX_RANK], dilation[QN_MAX_RANK], pad[QN_MAX_RANK], stride[QN_MAX_RANK];
    int64_t n[QN_MAX_RANK]; /* blocks along the axis */
    int64_t block_size, n_blocks, image_size;
};

static enum qn_status check_list(const struct qn_ints *list, const char *name, size_t n, struct qn_err *err)
{
    QN_CHECK(!qn_ints_any(list) || list->n == n, err, SHAPE, "attribute '%s' has %zu entries, %zu are needed", name,
             list->n, n);
    return QN_OK;
}

/* How many blocks fit along axis i. */
static enum qn_status count_blocks(struct blocks *b, int i, int64_t pad_end, struct qn_err *err)
{
    int64_t padded, reach;

    QN_CHECK(b->image[i] >= 0 && b->block[i] >= 1, err, RANGE, "an image of %lld and a block of %lld make no sense",
             (long long)b->image[i], (long long)b->block[i]);
    QN_CHECK(qn_add64(b->image[i], b->pad[i], &padded) && qn_add64(padded, pad_end, &padded) &&
                 qn_mul64(b->dilation[i], b->block[i] - 1, &reach) && qn_add64(reach, 1, &reach),
             err, LIMIT, "sizes of axis %d are too large", i);
    QN_CHECK(padded >= reach, err, SHAPE, "a block of %lld with its dilation does not fit an image of %lld",
             (long long)b->block[i], (long long)b->image[i]);
    b->n[i] = (padded - reach) / b->stride[i] + 1;
    return QN_OK;
}

static enum qn_status make_blocks(const struct col2im *p, const struct qn_arg *image, const struct qn_arg *block,
                                  struct blocks *b, struct qn_err *err)
{
    size_t n = (size_t)image->n;

    QN_CHECK(image->n >= 1 && image->n <= QN_MAX_RANK - 2, err, SHAPE, "an image of %d axes makes no sense", image->n);
    QN_CHECK(block->n == image->n, err, SHAPE, "the block has %d axes, the image %d", block->n, image->n);
    QN_TRY(check_list(&p->dilations, "dilations", n, err));
    QN_TRY(check_list(&p->strides, "strides", n, err));
    QN_TRY(check_list(&p->pads, "pads", 2 * n, err));
    b->rank = image->n;
    b->block_size = b->n_blocks = b->image_size = 1;
    for (int i = 0; i < b->rank; i++) {
        b->image[i] = image->v[i];
        b->block[i] = block->v[i];
        b->dilation[i] = qn_ints_any(&p->dilations) ? p->dilations.v[i] : 1;
        b->stride[i] = qn_ints_any(&p->strides) ? p->strides.v[i] : 1;
        b->pad[i] = qn_ints_any(&p->pads) ? p->pads.v[i] : 0;
        QN_TRY(count_blocks(b, i, qn_ints_any(&p->pads) ? p->pads.v[n + (size_t)i] : 0, err));
        QN_CHECK(qn_mul64(b->block_size, b->block[i], &b->block_size) && qn_mul64(b->n_blocks, b->n[i], &b->n_blocks) &&
                     qn_mul64(b->image_size, b->image[i], &b->image_size),
                 err, LIMIT, "the image is too large");
    }
    return QN_OK;
}

static enum qn_status resolve(const struct blocks *b, const struct qn_shape *x, struct qn_shape *y, struct qn_err *err)
{
    QN_CHECK(x->rank == 3, err, SHAPE, "columns [N,C*block,L] are expected, not a tensor of rank %d", x->rank);
    QN_CHECK(!qn_dim_known(x->dims[1]) || x->dims[1] % b->block_size == 0, err, SHAPE,
             "axis 1 of size %lld is not a multiple of the block's %lld elements", (long long)x->dims[1],
             (long long)b->block_size);
    QN_CHECK(!qn_dim_known(x->dims[2]) || x->dims[2] == b->n_blocks, err, SHAPE,
             "%lld columns are given where the image has %lld blocks", (long long)x->dims[2], (long long)b->n_blocks);
    y->rank = b->rank + 2;
    y->dims[0] = x->dims[0];
    y->dims[1] = qn_dim_known(x->dims[1]) ? x->dims[1] / b->block_size : QN_DIM_UNKNOWN;
    for (int i = 0; i < b->rank; i++)
        y->dims[i + 2] = b->image[i];
    return QN_OK;
}

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *x = &in->in[0]->shape;
    bool image_known, block_known;
    struct qn_arg image, block;
    struct qn_shape y = QN_SHAPE_UNKNOWN;
    struct blocks b;

    QN_TRY(qn_arg_infer(in, 1, "image_shape", &image, &image_known));
    QN_TRY(qn_arg_infer(in, 2, "block_shape", &block, &block_known));
    if (image_known && block_known && x->rank >= 0) {
        QN_TRY(make_blocks(params, &image, &block, &b, in->err));
        QN_TRY(resolve(&b, x, &y, in->err));
    }
    return qn_infer_out(in, 0, in->in[0]->dtype, &y);
}

/* ---- Adding --------------------------------------------------------------------------------------------------- */

/* dst[0], dst[dst_step], ... += src[0], src[1], ... */
typedef void add_fn(void *dst, int64_t dst_step, const void *src, int64_t n);

#define ADD(name, type, formula)                                                                                       \
    static void name(void *dst, int64_t dst_step, const void *src, int64_t n)                                          \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            type a = ((type *)dst)[i * dst_step], b = ((const type *)src)[i];                                          \
                                                                                                                       \
            ((type *)dst)[i * dst_step] = (type)(formula);                                                             \
        }                                                                                                              \
    }
#define ADD_COMPLEX(name, type)                                                                                        \
    static void name(void *dst, int64_t dst_step, const void *src, int64_t n)                                          \
    {                                                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            ((type *)dst)[2 * i * dst_step] += ((const type *)src)[2 * i];                                             \
            ((type *)dst)[2 * i * dst_step + 1] += ((const type *)src)[2 * i + 1];                                     \
        }                                                                                                              \
    }

ADD(add_8, uint8_t, a + b)
ADD(add_16, uint16_t, a + b)
ADD(add_32, uint32_t, a + b)
ADD(add_64, uint64_t, a + b)
ADD(add_f32, float, a + b)
ADD(add_f64, double, a + b)
ADD(add_bool, uint8_t, a || b)
ADD_COMPLEX(add_c64, float)
ADD_COMPLEX(add_c128, double)

static add_fn *const adders[QN_N_DTYPE] = {
    [QN_INT8] = add_8,          [QN_INT16] = add_16,   [QN_INT32] = add_32,  [QN_INT64] = add_64,
    [QN_UINT8] = add_8,         [QN_UINT16] = add_16,  [QN_UINT32] = add_32, [QN_UINT64] = add_64,
    [QN_FLOAT] = add_f32,       [QN_DOUBLE] = add_f64, [QN_BOOL] = add_bool, [QN_COMPLEX64] = add_c64,
    [QN_COMPLEX128] = add_c128,
};

struct job {
    struct blocks b;
    const char *x;
    char *y;
    int64_t n_planes;
    size_t size;
    add_fn *add;
};

/* Which blocks [*begin, *end) of an axis have element `offset` of the block inside the image. */
static void inside(const struct blocks *b, int axis, int64_t offset, int64_t *begin, int64_t *end)
{
    int64_t first = offset * b->dilation[axis] - b->pad[axis], stride = b->stride[axis];

    *begin = first < 0 ? (-first + stride - 1) / stride : 0;
    *end = b->image[axis] > first ? (b->image[axis] - first + stride - 1) / stride : 0;
    *end = *end < b->n[axis] ? *end : b->n[axis];
}

/* Adds one element of the block of all blocks to a plane. offsets: of that element, per axis. */
static void add_element(const struct job *job, const int64_t *offsets, const char *columns, char *plane)
{
    const struct blocks *b = &job->b;
    int64_t begin[QN_MAX_RANK], end[QN_MAX_RANK], at[QN_MAX_RANK];
    int last = b->rank - 1, i;

    for (i = 0; i <= last; i++) {
        inside(b, i, offsets[i], &begin[i], &end[i]);
        at[i] = begin[i];
        if (begin[i] >= end[i])
            return;
    }
    do {
        int64_t column = 0, pixel = 0;

        for (i = 0; i <= last; i++) {
            column = column * b->n[i] + at[i];
            pixel = pixel * b->image[i] + at[i] * b->stride[i] - b->pad[i] + offsets[i] * b->dilation[i];
        }
        job->add(plane + (size_t)pixel * job->size, b->stride[last], columns + (size_t)column * job->size,
                 end[last] - begin[last]);
        for (i = last - 1; i >= 0 && ++at[i] == end[i]; i--)
            at[i] = begin[i];
    } while (i >= 0);
}

static void planes_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    const struct blocks *b = &job->b;
    int64_t begin, end;

    qn_pool_slice(job->n_planes, 1, part, n_parts, &begin, &end);
    for (int64_t p = begin; p < end; p++) {
        char *plane = job->y + (size_t)(p * b->image_size) * job->size;
        int64_t offsets[QN_MAX_RANK] = {0};

        memset(plane, 0, (size_t)b->image_size * job->size);
        for (int64_t e = 0; e < b->block_size; e++) {
            add_element(job, offsets, job->x + (size_t)((p * b->block_size + e) * b->n_blocks) * job->size, plane);
            for (int i = b->rank - 1; i >= 0 && ++offsets[i] == b->block[i]; i--)
                offsets[i] = 0;
        }
    }
}

static const char *accept(const struct qn_site *site)
{
    return adders[site->in[0]->dtype] ? NULL : "elements that cannot be added";
}

static enum qn_status col2im_planes(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0);
    struct qn_shape x_shape = qn_tensor_shape(x), y;
    struct job job = {
        .x = x->data, .y = qn_out(call, 0)->data, .size = qn_dtype_bytes(x->dtype), .add = adders[x->dtype]};
    struct qn_arg image, block;

    QN_TRY(qn_arg_read(qn_in(call, 1), "image_shape", &image, call->err));
    QN_TRY(qn_arg_read(qn_in(call, 2), "block_shape", &block, call->err));
    QN_TRY(make_blocks(call->params, &image, &block, &job.b, call->err));
    QN_TRY(resolve(&job.b, &x_shape, &y, call->err));
    QN_TRY(qn_arg_check_out(call, 0, &y));
    job.n_planes = y.dims[0] * y.dims[1];
    qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(x)), planes_part, &job);
    return QN_OK;
}

static const struct qn_kernel kernels[] = {
    {.name = "col2im_planes", .accept = accept, .run = col2im_planes},
    {.name = NULL},
};

#define LIST(field, low)                                                                                               \
    {                                                                                                                  \
        .name = #field, .form = QN_FORM_INTS, .offset = QN_ATTR_FIELD(col2im, field), .min = (low), .max = INT32_MAX   \
    }

const struct qn_op qn_ops_col2im[] = {
    {.name = "Col2Im",
     .domain = "",
     .since = 18,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", 'T', QN_ALL_IR4), QN_IN("image_shape", 0, QN_BIT(INT64)),
                      QN_IN("block_shape", 0, QN_BIT(INT64))),
     .out = QN_FORMALS(QN_OUT("output", 'T', QN_ALL_IR4)),
     .attrs = QN_ATTRS(LIST(dilations, 1), LIST(pads, 0), LIST(strides, 1)),
     QN_PARAMS(col2im),
     .tolerance = QN_ROUNDING,
     .infer = infer,
     .kernels = kernels},
    {.name = NULL},
};
