/* sliding.c: geometry of convolutions and poolings; see sliding.h. */
#include "ops/sliding.h"

#include "base/checked.h"

const char *const qn_auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "", NULL};

/* ---- Attributes ----------------------------------------------------------------------------------------------- */

static enum qn_status check_length(const struct qn_ints *ints, const char *name, int64_t want, struct qn_err *err)
{
    QN_CHECK(!qn_ints_any(ints) || ints->n == (size_t)want, err, SHAPE, "%s has %zu entries, %lld are expected", name,
             ints->n, (long long)want);
    return QN_OK;
}

static int64_t entry(const struct qn_ints *ints, int i, int64_t otherwise)
{
    return qn_ints_any(ints) ? ints->v[i] : otherwise;
}

static enum qn_status kernel_size(const struct qn_sliding *s, int i, const int64_t *kernel, int64_t *size,
                                  struct qn_err *err)
{
    int64_t given = entry(&s->kernel_shape, i, QN_DIM_UNKNOWN), actual = kernel ? kernel[i] : QN_DIM_UNKNOWN;

    QN_CHECK(!qn_dim_known(given) || !qn_dim_known(actual) || given == actual, err, SHAPE,
             "kernel_shape says %lld on axis %d where the weights have %lld", (long long)given, i, (long long)actual);
    *size = qn_dim_known(actual) ? actual : given;
    return QN_OK;
}

enum qn_status qn_sliding_attrs(const struct qn_sliding *s, int rank, const int64_t *kernel, struct qn_sliding_size *w,
                                struct qn_err *err)
{
    bool explicit_pads = s->auto_pad == QN_PAD_NOTSET || s->auto_pad == QN_PAD_EMPTY;

    QN_CHECK(rank >= 0 && rank <= QN_CONV_RANK, err, SHAPE, "%d spatial axes are not supported", rank);
    QN_TRY(check_length(&s->kernel_shape, "kernel_shape", rank, err));
    QN_TRY(check_length(&s->strides, "strides", rank, err));
    QN_TRY(check_length(&s->dilations, "dilations", rank, err));
    QN_TRY(check_length(&s->pads, "pads", 2 * rank, err));
    w->rank = rank;
    for (int i = 0; i < rank; i++) {
        QN_TRY(kernel_size(s, i, kernel, &w->kernel[i], err));
        w->stride[i] = entry(&s->strides, i, 1);
        w->dilation[i] = entry(&s->dilations, i, 1);
        w->pad[i] = explicit_pads ? entry(&s->pads, i, 0) : 0;
        w->pad_end[i] = explicit_pads ? entry(&s->pads, i + rank, 0) : 0;
        w->in[i] = w->out[i] = QN_DIM_UNKNOWN;
    }
    return QN_OK;
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* From the first to the last element that a window touches. */
static bool extent_of(const struct qn_sliding_size *w, int i, int64_t *extent)
{
    return qn_mul64(w->kernel[i] - 1, w->dilation[i], extent) && qn_add64(*extent, 1, extent);
}

/* As many windows as there are strides; padding is what they need, one more at the end or the beginning when odd. */
static void resolve_same(struct qn_sliding_size *w, int i, int64_t extent, bool upper)
{
    int64_t in = w->in[i], out = in / w->stride[i] + (in % w->stride[i] != 0), missing;

    w->out[i] = out;
    if (out == 0)
        return;
    missing = (out - 1) * w->stride[i] + extent - in;
    missing = missing > 0 ? missing : 0;
    w->pad[i] = upper ? missing / 2 : missing - missing / 2;
    w->pad_end[i] = missing - w->pad[i];
}

static enum qn_status resolve_explicit(struct qn_sliding_size *w, int i, int64_t extent, bool ceil_mode,
                                       struct qn_err *err)
{
    int64_t span, out;

    QN_CHECK(qn_add64(w->in[i], w->pad[i] + w->pad_end[i], &span), err, LIMIT, "spatial axis %d is too large", i);
    if (w->in[i] == 0 && span < extent) {
        w->out[i] = 0;
        return QN_OK;
    }
    span -= extent;
    QN_CHECK(span >= 0 || (ceil_mode && span > -w->stride[i]), err, SHAPE,
             "a window of %lld does not fit into %lld elements of spatial axis %d", (long long)extent,
             (long long)(span + extent), i);
    out = span >= 0 ? span / w->stride[i] + 1 : 0;
    /* A window cut off by the end counts, one that would start in the padding there does not. */
    if (ceil_mode && span % w->stride[i] != 0 && out * w->stride[i] < w->in[i] + w->pad[i])
        out++;
    w->out[i] = out;
    return QN_OK;
}

static enum qn_status resolve_axis(const struct qn_sliding *s, struct qn_sliding_size *w, int i, bool ceil_mode,
                                   struct qn_err *err)
{
    int64_t extent;

    if (!qn_dim_known(w->in[i]) || !qn_dim_known(w->kernel[i])) {
        /* With one window per element, a name stays what it is. */
        if (s->auto_pad == QN_PAD_SAME_UPPER || s->auto_pad == QN_PAD_SAME_LOWER)
            w->out[i] = w->stride[i] == 1 ? w->in[i] : QN_DIM_UNKNOWN;
        else if (qn_dim_known(w->kernel[i]) && w->stride[i] == 1 && extent_of(w, i, &extent) &&
                 w->pad[i] + w->pad_end[i] == extent - 1)
            w->out[i] = w->in[i];
        return QN_OK;
    }
    QN_CHECK(w->kernel[i] > 0, err, SHAPE, "the kernel is empty on spatial axis %d", i);
    QN_CHECK(extent_of(w, i, &extent) && extent < INT64_MAX / 4, err, LIMIT, "the window is too large");
    if (s->auto_pad == QN_PAD_SAME_UPPER || s->auto_pad == QN_PAD_SAME_LOWER)
        resolve_same(w, i, extent, s->auto_pad == QN_PAD_SAME_UPPER);
    else
        QN_TRY(resolve_explicit(w, i, extent, ceil_mode && s->auto_pad != QN_PAD_VALID, err));
    return QN_OK;
}

enum qn_status qn_sliding_resolve(const struct qn_sliding *s, int rank, const int64_t *in, const int64_t *kernel,
                                  bool ceil_mode, struct qn_sliding_size *w, struct qn_err *err)
{
    QN_TRY(qn_sliding_attrs(s, rank, kernel, w, err));
    for (int i = 0; i < rank; i++) {
        w->in[i] = in[i];
        QN_TRY(resolve_axis(s, w, i, ceil_mode, err));
    }
    return QN_OK;
}

static int64_t product(const int64_t *sizes, int rank)
{
    int64_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= sizes[i];
    return n;
}

int64_t qn_sliding_in(const struct qn_sliding_size *w) { return product(w->in, w->rank); }
int64_t qn_sliding_out(const struct qn_sliding_size *w) { return product(w->out, w->rank); }
int64_t qn_sliding_taps(const struct qn_sliding_size *w) { return product(w->kernel, w->rank); }

/* ---- Inside one window ---------------------------------------------------------------------------------------- */

/* The taps of axis i that meet elements of X, when the window starts at `start`. */
static void clip(struct qn_sliding_window *window, const struct qn_sliding_size *w, int i, int64_t start)
{
    int64_t step = w->dilation[i];
    int64_t first = start >= 0 ? 0 : (-start + step - 1) / step;
    int64_t end = start >= w->in[i] ? 0 : (w->in[i] - start + step - 1) / step;

    end = end < w->kernel[i] ? end : w->kernel[i];
    window->first[i] = first;
    window->n[i] = end > first ? end - first : 0;
    window->x0[i] = start + first * step;
}

void qn_sliding_open(struct qn_sliding_window *window, const struct qn_sliding_size *w, int64_t out)
{
    window->windows = w;
    window->n_rows = 1;
    for (int i = w->rank - 1; i >= 0; i--) {
        clip(window, w, i, out % w->out[i] * w->stride[i] - w->pad[i]);
        out /= w->out[i];
        window->index[i] = 0;
        if (window->n[i] == 0)
            window->n_rows = 0;
        else if (i < w->rank - 1)
            window->n_rows *= window->n[i];
    }
}

static void advance(struct qn_sliding_window *window)
{
    for (int i = window->windows->rank - 2; i >= 0; i--) {
        if (++window->index[i] < window->n[i])
            return;
        window->index[i] = 0;
    }
}

bool qn_sliding_next(struct qn_sliding_window *window, struct qn_sliding_row *row)
{
    const struct qn_sliding_size *w = window->windows;
    int last = w->rank - 1;
    uint64_t tap = 0;

    if (window->n_rows == 0)
        return false;
    window->n_rows--;
    *row = (struct qn_sliding_row){0, 0, last < 0 ? 1 : window->n[last]};
    for (int i = 0; i <= last; i++) {
        row->x = row->x * w->in[i] + window->x0[i] + window->index[i] * w->dilation[i];
        /* Without weights a kernel may be larger than anything in memory: then nobody looks at this. */
        tap = tap * (uint64_t)w->kernel[i] + (uint64_t)(window->first[i] + window->index[i]);
    }
    row->tap = (int64_t)tap;
    advance(window);
    return true;
}
