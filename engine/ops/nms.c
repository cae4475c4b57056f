/* nms.c: NonMaxSuppression. For each batch entry and class boxes are taken in order of falling score (equal scores: the
 * lower index first) unless they overlap one taken before by more than the threshold. Boxes whose score is not a number
 * are never taken. Arithmetic is float32, so that comparisons with the thresholds come out as in other runtimes.
 *
 * Classes run in parallel. Each has a list of its own in the workspace: a heap of candidates in front; what was taken
 * grows from the back into the room that the heap gives up. */
#include <math.h>

#include "base/checked.h"
#include "ops/args.h"
#include "ops/move.h"

struct nms {
    bool center_point_box; /* boxes are x, y of the centre, width, height; else two opposite corners y, x, y, x */
};

static enum qn_status infer(struct qn_infer *in, const void *params)
{
    const struct qn_shape *boxes = &in->in[0]->shape, *scores = &in->in[1]->shape;
    const struct qn_shape y = {.rank = 2, .dims = {QN_DIM_UNKNOWN, 3}};
    char a[QN_SHAPE_TEXT], b[QN_SHAPE_TEXT];
    struct qn_shape want, both;

    (void)params;
    want = (struct qn_shape){.rank = 3, .dims = {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, 4}};
    QN_CHECK(qn_shape_merge(&want, boxes, &both), in->err, SHAPE, "boxes of shape %s are not [batch,boxes,4]",
             qn_shape_text(boxes, a));
    want = (struct qn_shape){.rank = 3, .dims = {both.dims[0], QN_DIM_UNKNOWN, both.dims[1]}};
    QN_CHECK(qn_shape_merge(&want, scores, &both), in->err, SHAPE,
             "scores of shape %s do not go with boxes of shape %s", qn_shape_text(scores, a), qn_shape_text(boxes, b));
    return qn_infer_out(in, 0, QN_INT64, &y);
}

/* ---- One class ------------------------------------------------------------------------------------------------ */

struct box {
    float x0, y0, x1, y1, area; /* x0 <= x1, y0 <= y1 as far as the input allows */
};

struct job {
    const float *scores;
    const struct box *boxes;
    int32_t *lists; /* per batch entry and class: n_taken, n_candidates, n_boxes places */
    int64_t n_batch, n_classes, n_boxes;
    int64_t max_taken;
    float iou_threshold, score_threshold; /* score_threshold -inf: none */
    bool has_score_threshold;
};

static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline float larger(float a, float b) { return a > b ? a : b; }

static bool overlaps(const struct box *a, const struct box *b, float threshold)
{
    float w = smaller(a->x1, b->x1) - larger(a->x0, b->x0), h = smaller(a->y1, b->y1) - larger(a->y0, b->y0), shared,
          all;

    if (!(w > 0) || !(h > 0))
        return false;
    shared = w * h;
    all = a->area + b->area - shared;
    if (!(shared > 0) || !(a->area > 0) || !(b->area > 0) || !(all > 0))
        return false;
    return shared / all > threshold;
}

static bool before(const float *scores, int32_t a, int32_t b)
{
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
}

/* A heap with the best candidate in front. */
static void sink(const float *scores, int32_t *heap, int64_t n, int64_t at)
{
    int32_t moving = heap[at];

    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(scores, heap[child + 1], heap[child]))
            child++;
        if (!before(scores, heap[child], moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static int32_t find_candidates(const struct job *job, const float *scores, int32_t *heap)
{
    int32_t n = 0;

    for (int64_t i = 0; i < job->n_boxes; i++)
        if (job->has_score_threshold ? scores[i] > job->score_threshold : !isnan(scores[i]))
            heap[n++] = (int32_t)i;
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sink(scores, heap, n, i);
    return n;
}

static void run_class(const struct job *job, int64_t index)
{
    const float *scores = job->scores + index * job->n_boxes;
    const struct box *boxes = job->boxes + index / job->n_classes * job->n_boxes;
    int32_t *list = job->lists + index * (job->n_boxes + 2), *heap = list + 2;
    int32_t n = find_candidates(job, scores, heap), n_taken = 0, *taken = heap + n - 1;

    for (int32_t left = n; left > 0 && n_taken < job->max_taken;) {
        int32_t best = heap[0];
        bool keep = true;

        heap[0] = heap[--left];
        sink(scores, heap, left, 0);
        for (int32_t i = 0; i < n_taken && keep; i++)
            keep = !overlaps(&boxes[best], &boxes[taken[-i]], job->iou_threshold);
        if (keep)
            taken[-n_taken++] = best;
    }
    list[0] = n_taken;
    list[1] = n;
}

static void classes_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    int64_t begin, end;

    qn_pool_slice(job->n_batch * job->n_classes, 1, part, n_parts, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        run_class(job, i);
}

/* ---- Kernel --------------------------------------------------------------------------------------------------- */

static void read_boxes(const float *src, bool center, struct box *boxes, int64_t n)
{
    for (int64_t i = 0; i < n; i++, src += 4) {
        struct box *b = &boxes[i];

        if (center)
            *b = (struct box){src[0] - src[2] / 2, src[1] - src[3] / 2, src[0] + src[2] / 2, src[1] + src[3] / 2, 0};
        else
            *b = (struct box){smaller(src[1], src[3]), smaller(src[0], src[2]), larger(src[1], src[3]),
                              larger(src[0], src[2]), 0};
        b->area = (b->x1 - b->x0) * (b->y1 - b->y0);
    }
}

/* An optional number; empty counts as left out. */
static enum qn_status read_number(const struct qn_call *call, int i, const char *what, bool *given, double *number)
{
    const struct qn_tensor *tensor = qn_in(call, i);
    int64_t n = tensor ? qn_tensor_count(tensor) : 0;

    QN_CHECK(n <= 1, call->err, SHAPE, "%s must be one number, not %lld", what, (long long)n);
    *given = n == 1;
    if (n == 1)
        *number = qn_tensor_double(tensor, 0);
    return QN_OK;
}

static enum qn_status read_limits(const struct qn_call *call, struct job *job)
{
    double max_taken = 0, iou = 0, score = 0;
    bool given;

    QN_TRY(read_number(call, 2, "max_output_boxes_per_class", &given, &max_taken));
    QN_TRY(read_number(call, 3, "iou_threshold", &given, &iou));
    QN_TRY(read_number(call, 4, "score_threshold", &job->has_score_threshold, &score));
    QN_CHECK(iou >= 0 && iou <= 1, call->err, RANGE, "iou_threshold is %g, outside 0..1", iou);
    job->max_taken = max_taken < 0 ? 0 : max_taken > (double)job->n_boxes ? job->n_boxes : (int64_t)max_taken;
    job->iou_threshold = (float)iou;
    job->score_threshold = (float)score;
    return QN_OK;
}

static enum qn_status write_taken(const struct qn_call *call, const struct job *job)
{
    int64_t n_lists = job->n_batch * job->n_classes, dims[2] = {0, 3}, *out;

    for (int64_t i = 0; i < n_lists; i++)
        dims[0] += job->lists[i * (job->n_boxes + 2)];
    QN_TRY(qn_call_place(call, 0, QN_INT64, 2, dims));
    out = qn_out(call, 0)->data;
    for (int64_t i = 0; i < n_lists; i++) {
        const int32_t *list = job->lists + i * (job->n_boxes + 2), *last = list + 2 + list[1] - 1;

        for (int32_t k = 0; k < list[0]; k++, out += 3) {
            out[0] = i / job->n_classes;
            out[1] = i % job->n_classes;
            out[2] = last[-k];
        }
    }
    return QN_OK;
}

static enum qn_status nms_f32(const struct qn_call *call)
{
    const struct nms *p = call->params;
    const struct qn_tensor *boxes = qn_in(call, 0), *scores = qn_in(call, 1);
    struct job job = {.scores = scores->data,
                      .n_batch = boxes->dims[0],
                      .n_classes = scores->dims[1],
                      .n_boxes = boxes->dims[1],
                      .boxes = call->workspace};
    int64_t n_boxes = job.n_batch * job.n_boxes;

    QN_CHECK(job.n_boxes <= INT32_MAX, call->err, LIMIT, "%lld boxes are too many", (long long)job.n_boxes);
    QN_TRY(read_limits(call, &job));
    read_boxes(boxes->data, p->center_point_box, call->workspace, n_boxes);
    job.lists = (int32_t *)((struct box *)call->workspace + n_boxes);
    qn_pool_run(call->pool, qn_move_parts(call->pool, (int64_t)qn_tensor_bytes(scores)), classes_part, &job);
    return write_taken(call, &job);
}

static size_t workspace(const struct qn_site *site)
{
    const int64_t *b = site->in[0]->shape.dims, *s = site->in[1]->shape.dims;
    size_t n_boxes, n_lists, boxes, lists, total;

    if (!qn_mul((size_t)b[0], (size_t)b[1], &n_boxes) || !qn_mul(n_boxes, sizeof(struct box), &boxes) ||
        !qn_mul((size_t)s[0], (size_t)s[1], &n_lists) || !qn_mul(n_lists, (size_t)b[1] + 2, &lists) ||
        !qn_mul(lists, sizeof(int32_t), &lists) || !qn_add(boxes, lists, &total))
        return SIZE_MAX;
    return total;
}

static const struct qn_kernel kernels[] = {
    {.name = "nms_f32", .workspace = workspace, .run = nms_f32},
    {.name = NULL},
};

const struct qn_op qn_ops_nms[] = {
    {.name = "NonMaxSuppression",
     .domain = "",
     .since = 10,
     .until = 27,
     .in = QN_FORMALS(QN_IN("boxes", 0, QN_BIT(FLOAT)), QN_IN("scores", 0, QN_BIT(FLOAT)),
                      QN_OPT("max_output_boxes_per_class", 0, QN_BIT(INT64)), QN_OPT("iou_threshold", 0, QN_BIT(FLOAT)),
                      QN_OPT("score_threshold", 0, QN_BIT(FLOAT))),
     .out = QN_FORMALS(QN_OUT("selected_indices", 0, QN_BIT(INT64))),
     .attrs = QN_ATTRS(QN_BOOL_ATTR(nms, center_point_box, 0)),
     QN_PARAMS(nms),
     .flags = QN_DATA_DEPENDENT,
     .infer = infer,
     .kernels = kernels},
    {.name = NULL},
};
