/* signal.c: DFT, STFT, MelWeightMatrix.
 * ONNX versions 17 and 20. Complex numbers are a last axis of 2, real ones of 1. Lines are transformed in float64,
 * whatever the element type. A signal of STFT may also lack the last axis and is real then; frames beyond its end do
 * not exist. Not here: the transform of one line (fft.c). */
#include <math.h>

#include "base/checked.h"
#include "ops/fft.h"
#include "ops/op.h"
#include "tensor/tensor.h"

struct dft {
    int64_t axis; /* when there is no such input */
    bool inverse, onesided;
};

/* The value of a scalar integer input as inference knows it; false: not known yet. */
static bool read_scalar(struct qn_infer *in, int i, int64_t *value)
{
    struct qn_ints ints;

    if (!qn_infer_ints(in, i, &ints) || ints.n == 0)
        return false;
    *value = ints.v[0];
    return true;
}

/* Fails when input i is known not to be one value. */
static enum qn_status check_scalar(struct qn_infer *in, int i, const char *name)
{
    const struct qn_fact *x = qn_infer_in(in, i);
    int64_t n;

    QN_CHECK(!x || !qn_shape_known(&x->shape) || (qn_dims_count(x->shape.dims, 0, x->shape.rank, &n) && n == 1),
             in->err, SHAPE, "%s must be one value", name);
    return QN_OK;
}

static int64_t bins(int64_t n, bool onesided) { return onesided && qn_dim_known(n) ? n / 2 + 1 : n; }

static double element(const struct qn_tensor *x, int64_t at)
{
    return x->dtype == QN_FLOAT ? (double)((const float *)x->data)[at] : ((const double *)x->data)[at];
}

static void store(struct qn_tensor *y, int64_t at, double value)
{
    if (y->dtype == QN_FLOAT)
        ((float *)y->data)[at] = (float)value;
    else
        ((double *)y->data)[at] = value;
}

/* Lines of n elements, `step` numbers apart, of real (1 part) or complex (2 parts) numbers: element j of x is at
 * (j * step + at) * parts. */
struct line {
    int64_t n, step, at;
    int parts;
};

static void load(const struct qn_tensor *x, const struct line *line, struct qn_complex *to, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        int64_t at = (line->at + j * line->step) * line->parts;
        bool there = j < line->n;

        to[j] = (struct qn_complex){there ? element(x, at) : 0, there && line->parts == 2 ? element(x, at + 1) : 0};
    }
}

/* ---- Work over many lines, each with room of its own ---------------------------------------------------------- */

struct job {
    const struct qn_tensor *x, *window;
    struct qn_tensor *y;
    struct qn_fft fft;
    char *rooms;
    size_t room_bytes; /* of a part: a line, and what fft wants */
    int64_t n_lines, n, n_out, inner, outer_step;
    int parts;
    bool inverse, onesided;
    int64_t frames, frame_step, signal_len; /* STFT */
};

/* Bytes for the tables and for the rooms of so many parts; SIZE_MAX on overflow. */
static size_t workspace_for(int64_t n, int n_parts, size_t *tables, size_t *room)
{
    size_t rooms, total;

    if (!qn_fft_bytes(n, tables, room))
        return SIZE_MAX;
    *room += (size_t)n * sizeof(struct qn_complex);
    if (!qn_mul(*room, (size_t)n_parts, &rooms) || !qn_add(rooms, *tables, &total))
        return SIZE_MAX;
    return total;
}

static void run_lines(const struct qn_call *call, struct job *job, qn_pool_task *task)
{
    int n_parts = qn_pool_threads(call->pool);
    size_t tables;

    workspace_for(job->n, 1, &tables, &job->room_bytes);
    qn_fft_init(&job->fft, job->n, job->inverse, call->workspace);
    job->rooms = (char *)call->workspace + tables;
    n_parts = n_parts < call->threads ? n_parts : call->threads;
    qn_pool_run(call->pool, job->n_lines * job->n < 2048 ? 1 : n_parts, task, job);
}

/* ---- DFT ------------------------------------------------------------------------------------------------------ */

static enum qn_status check_parts(struct qn_infer *in, int64_t n)
{
    QN_CHECK(!qn_dim_known(n) || n == 1 || n == 2, in->err, SHAPE,
             "the last dimension must be 1 (real) or 2 (complex), not %lld", (long long)n);
    return QN_OK;
}

static int64_t default_length(const struct dft *p, int64_t n)
{
    return qn_dim_known(n) && p->inverse && p->onesided ? 2 * (n - 1) : p->inverse && p->onesided ? QN_DIM_UNKNOWN : n;
}

static enum qn_status dft_infer(struct qn_infer *in, const void *params)
{
    const struct dft *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0);
    struct qn_shape y = x->shape;
    int64_t axis = p->axis, length = QN_DIM_UNKNOWN;
    bool axis_known = !qn_infer_in(in, 2) || read_scalar(in, 2, &axis), given = qn_infer_in(in, 1) != NULL;
    bool irfft = p->inverse && p->onesided;
    int a;

    QN_TRY(check_scalar(in, 1, "dft_length"));
    QN_TRY(check_scalar(in, 2, "axis"));
    if (y.rank < 0)
        return qn_infer_out(in, 0, x->dtype, &y);
    QN_CHECK(y.rank >= 2, in->err, SHAPE, "the input must have rank 2 or more, not %d", y.rank);
    QN_TRY(check_parts(in, y.dims[y.rank - 1]));
    QN_CHECK(!p->onesided || !qn_dim_known(y.dims[y.rank - 1]) || y.dims[y.rank - 1] == (p->inverse ? 2 : 1), in->err,
             SHAPE,
             p->inverse ? "a onesided inverse transform needs complex input" : "a onesided transform needs real input");
    y.dims[y.rank - 1] = irfft ? 1 : 2;
    if (given && read_scalar(in, 1, &length))
        QN_CHECK(length >= 1, in->err, RANGE, "dft_length %lld must be at least 1", (long long)length);
    if (!axis_known) {
        for (int d = 0; d < y.rank - 1; d++)
            y.dims[d] = QN_DIM_UNKNOWN;
        return qn_infer_out(in, 0, x->dtype, &y);
    }
    QN_TRY(qn_infer_axis(in, axis, y.rank, &a));
    QN_CHECK(a != y.rank - 1, in->err, SHAPE, "axis %lld is the one of real and imaginary parts", (long long)axis);
    if (!given) {
        length = default_length(p, y.dims[a]);
        QN_CHECK(!qn_dim_known(length) || length >= 1, in->err, SHAPE, "a transform of axis %d of length %lld is empty",
                 a, (long long)y.dims[a]);
    }
    y.dims[a] = bins(length, p->onesided && !p->inverse);
    return qn_infer_out(in, 0, x->dtype, &y);
}

/* Only the first half of a spectrum is given: the rest are its conjugates. */
static void complete_spectrum(struct qn_complex *x, int64_t n)
{
    x[0].im = 0;
    if (n % 2 == 0)
        x[n / 2].im = 0;
    for (int64_t k = n / 2 + 1; k < n; k++)
        x[k] = (struct qn_complex){x[n - k].re, -x[n - k].im};
}

static void dft_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    struct qn_complex *x = (struct qn_complex *)(job->rooms + (size_t)part * job->room_bytes), *room = x + job->n;
    const bool irfft = job->inverse && job->onesided;
    const double scale = job->inverse ? 1 / (double)job->n : 1;
    struct line line = {.n = job->outer_step / job->inner, .step = job->inner, .parts = job->parts};
    int64_t begin, end;

    qn_pool_slice(job->n_lines, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        int64_t to = at / job->inner * job->n_out * job->inner + at % job->inner;

        line.at = at / job->inner * job->outer_step + at % job->inner;
        load(job->x, &line, x, job->n);
        if (irfft)
            complete_spectrum(x, job->n);
        qn_fft_run(&job->fft, x, room);
        for (int64_t k = 0; k < job->n_out; k++, to += job->inner) {
            store(job->y, irfft ? to : 2 * to, x[k].re * scale);
            if (!irfft)
                store(job->y, 2 * to + 1, x[k].im * scale);
        }
    }
}

static enum qn_status dft_run(const struct qn_call *call)
{
    const struct dft *p = call->params;
    const struct qn_tensor *x = qn_in(call, 0), *length = qn_in(call, 1);
    int64_t axis = qn_in(call, 2) ? qn_tensor_int(qn_in(call, 2), 0) : p->axis;
    struct job job = {.x = x, .y = qn_out(call, 0), .inverse = p->inverse, .onesided = p->onesided};

    axis += axis < 0 ? x->rank : 0;
    job.n = length ? qn_tensor_int(length, 0) : default_length(p, x->dims[axis]);
    job.n_out = job.y->dims[axis];
    job.inner = qn_tensor_span(x, (int)axis + 1, x->rank - 1);
    job.outer_step = x->dims[axis] * job.inner;
    job.parts = (int)x->dims[x->rank - 1];
    job.n_lines = qn_tensor_span(x, 0, (int)axis) * job.inner;
    if (job.n_lines > 0)
        run_lines(call, &job, dft_part);
    return QN_OK;
}

/* The axis when the plan knows it, else -1. */
static int64_t axis_of_site(const struct qn_site *site)
{
    const struct dft *p = site->params;
    const struct qn_fact *given = site->n_in > 2 ? site->in[2] : NULL;
    int64_t axis = given && given->konst ? qn_tensor_int(given->konst, 0) : p->axis;

    if (given && !given->konst)
        return -1;
    return axis < 0 ? axis + site->in[0]->shape.rank : axis;
}

/* The most that a onesided spectrum may come from is one more than twice its last bin. */
static size_t dft_workspace(const struct qn_site *site)
{
    const struct dft *p = site->params;
    const struct qn_shape *y = &site->out[0]->shape;
    size_t tables, room, bytes, most = 0;
    int64_t axis = axis_of_site(site);

    for (int d = 0; d < y->rank - 1; d++) {
        if (axis >= 0 && d != axis)
            continue;
        for (int odd = 0; odd < 2; odd++) {
            int64_t n = p->onesided && !p->inverse && y->dims[d] > 0 ? 2 * (y->dims[d] - 1) + odd : y->dims[d];

            bytes = workspace_for(n, site->threads, &tables, &room);
            most = bytes > most ? bytes : most;
        }
    }
    return most;
}

/* ---- STFT ----------------------------------------------------------------------------------------------------- */

struct stft {
    bool onesided;
};

/* The length of a frame from inputs' shapes and values: frame_length, else the window's, else the signal's. */
static int64_t frame_length(struct qn_infer *in, int64_t signal_len)
{
    const struct qn_fact *window = qn_infer_in(in, 2);
    int64_t n = QN_DIM_UNKNOWN;

    if (qn_infer_in(in, 3))
        return read_scalar(in, 3, &n) ? n : QN_DIM_UNKNOWN;
    if (window)
        return window->shape.rank == 1 ? window->shape.dims[0] : QN_DIM_UNKNOWN;
    return signal_len;
}

static enum qn_status stft_infer(struct qn_infer *in, const void *params)
{
    const struct stft *p = params;
    const struct qn_fact *x = qn_infer_in(in, 0), *window = qn_infer_in(in, 2);
    const struct qn_shape *s = &x->shape;
    int64_t step = 0, n, frames = QN_DIM_UNKNOWN;
    bool step_known = read_scalar(in, 1, &step), length_known = !qn_infer_in(in, 3) || read_scalar(in, 3, &n);

    QN_TRY(check_scalar(in, 1, "frame_step"));
    QN_TRY(check_scalar(in, 3, "frame_length"));
    QN_CHECK(s->rank < 0 || s->rank == 2 || s->rank == 3, in->err, SHAPE, "the signal must have rank 3, not %d",
             s->rank);
    QN_CHECK(!window || window->shape.rank < 0 || window->shape.rank == 1, in->err, SHAPE,
             "the window must have rank 1, not %d", window ? window->shape.rank : 0);
    QN_CHECK(!step_known || step >= 1, in->err, RANGE, "frame_step %lld must be at least 1", (long long)step);
    if (s->rank < 0)
        return qn_infer_out(in, 0, x->dtype,
                            &(struct qn_shape){4, {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, QN_DIM_UNKNOWN, 2}});
    if (s->rank == 3)
        QN_TRY(check_parts(in, s->dims[2]));
    QN_CHECK(!p->onesided || s->rank == 2 || s->dims[2] != 2, in->err, SHAPE,
             "a onesided transform needs a real signal");
    n = frame_length(in, s->dims[1]);
    if (length_known && qn_dim_known(n))
        QN_CHECK(n >= 1, in->err, RANGE, "the length of a frame, %lld, must be at least 1", (long long)n);
    if (qn_dim_known(n) && qn_dim_known(s->dims[1])) {
        QN_CHECK(n <= s->dims[1], in->err, SHAPE, "a frame of %lld is longer than the signal of %lld", (long long)n,
                 (long long)s->dims[1]);
        frames = step_known ? 1 + (s->dims[1] - n) / step : QN_DIM_UNKNOWN;
    }
    return qn_infer_out(in, 0, x->dtype, &(struct qn_shape){4, {s->dims[0], frames, bins(n, p->onesided), 2}});
}

static void stft_part(void *arg, int part, int n_parts)
{
    const struct job *job = arg;
    struct qn_complex *x = (struct qn_complex *)(job->rooms + (size_t)part * job->room_bytes), *room = x + job->n;
    const int64_t n_window = job->window ? job->window->dims[0] : job->n;
    int64_t begin, end;

    qn_pool_slice(job->n_lines, 1, part, n_parts, &begin, &end);
    for (int64_t at = begin; at < end; at++) {
        int64_t from = at % job->frames * job->frame_step, to = at * job->n_out;
        struct line line = {.n = n_window < job->n ? n_window : job->n, .step = 1, .parts = job->parts};

        line.n = line.n < job->signal_len - from ? line.n : job->signal_len - from;
        line.at = at / job->frames * job->signal_len + from;
        load(job->x, &line, x, job->n);
        for (int64_t j = 0; job->window && j < line.n; j++) {
            x[j].re *= element(job->window, j);
            x[j].im *= element(job->window, j);
        }
        qn_fft_run(&job->fft, x, room);
        for (int64_t k = 0; k < job->n_out; k++, to++) {
            store(job->y, 2 * to, x[k].re);
            store(job->y, 2 * to + 1, x[k].im);
        }
    }
}

static enum qn_status stft_run(const struct qn_call *call)
{
    const struct qn_tensor *x = qn_in(call, 0), *length = qn_in(call, 3);
    struct job job = {.x = x, .y = qn_out(call, 0), .window = qn_in(call, 2)};

    job.signal_len = x->dims[1];
    job.n = length ? qn_tensor_int(length, 0) : job.window ? job.window->dims[0] : x->dims[1];
    job.n_out = job.y->dims[2];
    job.frames = job.y->dims[1];
    job.frame_step = qn_tensor_int(qn_in(call, 1), 0);
    job.parts = x->rank == 3 ? (int)x->dims[2] : 1;
    job.n_lines = job.y->dims[0] * job.frames;
    if (job.n_lines > 0)
        run_lines(call, &job, stft_part);
    return QN_OK;
}

static size_t stft_workspace(const struct qn_site *site)
{
    const struct stft *p = site->params;
    int64_t n = site->out[0]->shape.dims[2];
    size_t tables, room, even, odd;

    if (!p->onesided)
        return workspace_for(n, site->threads, &tables, &room);
    even = workspace_for(2 * (n - 1), site->threads, &tables, &room);
    odd = workspace_for(2 * (n - 1) + 1, site->threads, &tables, &room);
    return even > odd ? even : odd;
}

static const struct qn_kernel dft_kernels[] = {
    {.name = "dft", .accept = qn_accept_not_narrow, .workspace = dft_workspace, .run = dft_run},
    {.name = NULL},
};
static const struct qn_kernel stft_kernels[] = {
    {.name = "stft", .accept = qn_accept_not_narrow, .workspace = stft_workspace, .run = stft_run},
    {.name = NULL},
};

/* ---- MelWeightMatrix ------------------------------------------------------------------------------------------ */

struct mel {
    enum qn_dtype output_datatype;
};

static const char *const mel_inputs[] = {"num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz",
                                         "upper_edge_hertz"};

static enum qn_status mel_infer(struct qn_infer *in, const void *params)
{
    const struct mel *p = params;
    struct qn_shape y = {2, {QN_DIM_UNKNOWN, QN_DIM_UNKNOWN}};
    int64_t value;

    for (int i = 0; i < in->n_in; i++)
        QN_TRY(check_scalar(in, i, mel_inputs[i]));
    QN_CHECK(qn_dtypes_have(QN_NUMBERS, p->output_datatype), in->err, SHAPE, "output_datatype must be a number");
    if (read_scalar(in, 0, &value)) {
        QN_CHECK(value >= 0, in->err, RANGE, "num_mel_bins %lld is negative", (long long)value);
        y.dims[1] = value;
    }
    if (read_scalar(in, 1, &value)) {
        QN_CHECK(value >= 0, in->err, RANGE, "dft_length %lld is negative", (long long)value);
        y.dims[0] = value / 2 + 1;
    }
    return qn_infer_out(in, 0, p->output_datatype, &y);
}

struct bank {
    double low, step; /* of the filters' edges, in mel */
    double n, rate;   /* length of the transform plus one, samples per second */
};

static double mel_of(double hertz) { return 2595 * log10(1 + hertz / 700); }

/* Edge k of the filters, as a bin of the spectrum. */
static double edge(const struct bank *bank, int64_t k)
{
    return floor(bank->n * 700 * (pow(10, (bank->low + (double)k * bank->step) / 2595) - 1) / bank->rate);
}

/* A triangle from 0 at `left` to 1 at `center` and back to 0 at `right`; one of no width is 1 at its center. */
static void fill_filter(struct qn_tensor *y, int64_t at, int64_t left, int64_t center, int64_t right)
{
    int64_t step = y->dims[1];

    if (left == center)
        qn_tensor_set_double(y, center * step + at, 1);
    for (int64_t j = left; j <= center && left != center; j++)
        qn_tensor_set_double(y, j * step + at, (double)(j - left) / (double)(center - left));
    for (int64_t j = center; j < right; j++)
        qn_tensor_set_double(y, j * step + at, (double)(right - j) / (double)(right - center));
}

static enum qn_status mel_run(const struct qn_call *call)
{
    struct qn_tensor *y = qn_out(call, 0);
    int64_t n_bins = y->dims[0], n_mel = y->dims[1], rate = qn_tensor_int(qn_in(call, 2), 0);
    struct bank bank = {.n = (double)qn_tensor_int(qn_in(call, 1), 0) + 1, .rate = (double)rate};
    const double low = qn_tensor_double(qn_in(call, 3), 0), high = qn_tensor_double(qn_in(call, 4), 0);

    QN_CHECK(rate > 0, call->err, RANGE, "sample_rate %lld must be positive", (long long)rate);
    QN_CHECK(low >= 0 && high >= low && isfinite(high), call->err, RANGE, "the band from %g to %g hertz is not one",
             low, high);
    bank.low = mel_of(low);
    bank.step = (mel_of(high) - bank.low) / (double)(n_mel + 2);
    for (int64_t i = 0; i < n_bins * n_mel; i++)
        qn_tensor_set_double(y, i, 0);
    for (int64_t i = 0; i < n_mel; i++) {
        double right = edge(&bank, i + 2);

        QN_CHECK(right <= (double)n_bins && edge(&bank, i + 1) < (double)n_bins, call->err, RANGE,
                 "filter %lld ends beyond the spectrum of %lld bins", (long long)i, (long long)n_bins);
        fill_filter(y, i, (int64_t)edge(&bank, i), (int64_t)edge(&bank, i + 1), (int64_t)right);
    }
    return QN_OK;
}

/* Elements are set one by one in any type, so nothing needs widening. */
static const struct qn_kernel mel_kernels[] = {
    {.name = "mel_weight_matrix", .run = mel_run},
    {.name = NULL},
};

/* ---- Descriptors ---------------------------------------------------------------------------------------------- */

#define COUNTS (QN_BIT(INT32) | QN_BIT(INT64))
#define LENGTH QN_OPT("dft_length", '2', COUNTS)
#define OUTPUT QN_FORMALS(QN_OUT("output", '1', QN_FLOATS))

const struct qn_op qn_ops_signal[] = {
    {.name = "DFT",
     .domain = "",
     .since = 17,
     .until = 19,
     .in = QN_FORMALS(QN_IN("input", '1', QN_FLOATS), LENGTH),
     .out = OUTPUT,
     .attrs = QN_ATTRS(QN_INT_ATTR(dft, axis, 1), QN_BOOL_ATTR(dft, inverse, 0), QN_BOOL_ATTR(dft, onesided, 0)),
     QN_PARAMS(dft),
     .infer = dft_infer,
     .kernels = dft_kernels,
     .tolerance = QN_ROUNDING},
    {.name = "DFT",
     .domain = "",
     .since = 20,
     .until = 27,
     .in = QN_FORMALS(QN_IN("input", '1', QN_FLOATS), LENGTH, QN_OPT("axis", 'A', QN_BIT(INT64))),
     .out = OUTPUT,
     .attrs = QN_ATTRS(QN_BOOL_ATTR(dft, inverse, 0), QN_BOOL_ATTR(dft, onesided, 0)),
     QN_PRESET(dft, .axis = -2),
     .infer = dft_infer,
     .kernels = dft_kernels,
     .tolerance = QN_ROUNDING},
    {.name = "STFT",
     .domain = "",
     .since = 17,
     .until = 27,
     .in = QN_FORMALS(QN_IN("signal", '1', QN_FLOATS), QN_IN("frame_step", '2', COUNTS),
                      QN_OPT("window", '1', QN_FLOATS), QN_OPT("frame_length", '2', COUNTS)),
     .out = OUTPUT,
     .attrs = QN_ATTRS(QN_BOOL_ATTR(stft, onesided, 1)),
     QN_PARAMS(stft),
     .infer = stft_infer,
     .kernels = stft_kernels,
     .tolerance = QN_ROUNDING},
    {.name = "MelWeightMatrix",
     .domain = "",
     .since = 17,
     .until = 27,
     .in = QN_FORMALS(QN_IN("num_mel_bins", '1', COUNTS), QN_IN("dft_length", '1', COUNTS),
                      QN_IN("sample_rate", '1', COUNTS), QN_IN("lower_edge_hertz", '2', QN_FLOATS),
                      QN_IN("upper_edge_hertz", '2', QN_FLOATS)),
     .out = QN_FORMALS(QN_OUT("output", '3', QN_NUMBERS)),
     .attrs = QN_ATTRS(QN_DTYPE_ATTR(mel, output_datatype, QN_FLOAT)),
     QN_PARAMS(mel),
     .infer = mel_infer,
     .kernels = mel_kernels,
     .tolerance = QN_ROUNDING},
    {.name = NULL},
};
