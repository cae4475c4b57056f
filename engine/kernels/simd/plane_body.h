/* plane_body.h: implicit im2col, and rows of depthwise convolution and pooling, over the vector vocabulary. Included
 * once per CPU level after vec_<isa>.h and vec_math.h. Drivers are conv_im2col.c, planes.c and pooling.c. */
#ifndef QN_KERNELS_PLANE_BODY_H
#define QN_KERNELS_PLANE_BODY_H

#include "kernels/kern_impl.h"

/* ---- im2col ----
 * A vector of columns is a run of output positions. It is cut into segments, each within one output row, so that the
 * elements one tap needs lie at equal distances in memory. Which lanes of a segment fall inside the input depends on
 * the tap's x alone, apart from rows that are outside altogether; those masks are made once per vector of columns, for
 * MAX_KX columns of the kernel at a time. A tap then costs a pointer and a mask per segment, and one masked load of
 * each per channel. */

enum { MAX_SEGMENTS = 4, MAX_KX = 16 };

struct segment {
    int first, n;    /* lanes */
    int64_t z, y, x; /* input position of the first lane under tap 0; may lie outside */
    int64_t at;      /* its offset in the plane */
};

struct columns {
    struct segment segments[VF_LANES];
    int n_segments;
    int32_t offset[VF_LANES]; /* of each lane from segments[0].at, for the gather */
};

/* The segments of n columns from j0 on. */
static void find_segments(const struct qn_im2col *im, int64_t j0, int n, struct columns *c)
{
    int64_t ox = j0 % im->out[2], rest = j0 / im->out[2];
    int64_t oy = rest % im->out[1], oz = rest / im->out[1];
    int lane = 0;

    c->n_segments = 0;
    while (lane < n) {
        struct segment *s = &c->segments[c->n_segments++];
        const int64_t left = im->out[2] - ox;

        s->first = lane;
        s->n = left < n - lane ? (int)left : n - lane;
        s->z = oz * im->stride[0] - im->pad[0];
        s->y = oy * im->stride[1] - im->pad[1];
        s->x = ox * im->stride[2] - im->pad[2];
        s->at = (s->z * im->size[1] + s->y) * im->size[2] + s->x;
        lane += s->n;
        ox = 0;
        if (++oy == im->out[1]) {
            oy = 0;
            oz++;
        }
    }
}

/* Lanes [from, to) of a segment that stay inside a row of the input when moved by dx. */
static void find_lanes(const struct qn_im2col *im, const struct segment *s, int64_t dx, int *from, int *to)
{
    const int64_t x = s->x + dx, step = im->stride[2], width = im->size[2];
    int64_t low = 0, high = s->n;

    if (x < 0)
        low = step == 1 ? -x : (-x + step - 1) / step;
    if (x + (high - 1) * step >= width)
        high = x >= width ? 0 : step == 1 ? width - x : (width - x + step - 1) / step;
    if (low >= high)
        low = high = 0;
    *from = s->first + (int)low;
    *to = s->first + (int)high;
}

/* Masks of columns [kx0, kx0 + MAX_KX) of the kernel for every segment. At stride 2 the elements of lanes [from, to)
 * lie in [2 from, 2 to - 1): two loads, of which the even elements count. */
struct masks {
    vm lanes[MAX_SEGMENTS][MAX_KX];
    vm low[MAX_SEGMENTS][MAX_KX], high[MAX_SEGMENTS][MAX_KX]; /* of the two loads at stride 2 */
};

static void find_masks(const struct qn_im2col *im, const struct columns *c, int64_t kx0, struct masks *m)
{
    for (int s = 0; s < c->n_segments; s++) {
        for (int64_t kx = 0; kx < MAX_KX && kx0 + kx < im->kernel[2]; kx++) {
            int from, to;

            find_lanes(im, &c->segments[s], (kx0 + kx) * im->dilation[2], &from, &to);
            m->lanes[s][kx] = vm_range((size_t)from, (size_t)to);
            if (im->stride[2] == 2) {
                const int low = 2 * from, high = to > from ? 2 * to - 1 : low;

                m->low[s][kx] =
                    vm_range((size_t)(low < VF_LANES ? low : VF_LANES), (size_t)(high < VF_LANES ? high : VF_LANES));
                m->high[s][kx] = vm_range((size_t)(low > VF_LANES ? low - VF_LANES : 0),
                                          (size_t)(high > VF_LANES ? high - VF_LANES : 0));
            }
        }
    }
}

/* Where a tap moves each segment: element of lane i at base + i * stride; rows outside the input have no lanes. */
struct reach {
    int64_t base[MAX_SEGMENTS];
    bool inside[MAX_SEGMENTS];
};

static void find_reach(const struct qn_im2col *im, const struct columns *c, int64_t dz, int64_t dy, struct reach *r)
{
    for (int i = 0; i < c->n_segments; i++) {
        const struct segment *s = &c->segments[i];

        r->inside[i] = s->z + dz >= 0 && s->z + dz < im->size[0] && s->y + dy >= 0 && s->y + dy < im->size[1];
        r->base[i] = s->at + (dz * im->size[1] + dy) * im->size[2] - s->first * im->stride[2];
    }
}

/* One tap of a run of channels. */
struct run_of_channels {
    const float *x;
    int64_t plane, n;
    float *dst;
    int64_t dst_step;
};

VF_INLINE void copy_stride1(const struct run_of_channels *run, const struct masks *m, const struct reach *r, int64_t kx,
                            int64_t dx, const int n_segments)
{
    const float *p[MAX_SEGMENTS];
    vm mask[MAX_SEGMENTS];
    float *dst = run->dst;

    for (int s = 0; s < n_segments; s++) {
        mask[s] = r->inside[s] ? m->lanes[s][kx] : vm_first(0);
        p[s] = run->x + (vm_any(mask[s]) ? r->base[s] + dx : 0);
    }
    for (int64_t c = 0; c < run->n; c++) {
        vf v = vf_load_m(p[0], mask[0]);

        p[0] += run->plane;
        for (int s = 1; s < n_segments; s++) {
            v = vf_merge_m(v, p[s], mask[s]);
            p[s] += run->plane;
        }
        vf_store(dst, v);
        dst += run->dst_step;
    }
}

VF_INLINE void copy_stride2(const struct run_of_channels *run, const struct masks *m, const struct reach *r, int64_t kx,
                            int64_t dx, const int n_segments)
{
    const float *p[MAX_SEGMENTS];
    float *dst = run->dst;
    vm mask[MAX_SEGMENTS], low[MAX_SEGMENTS], high[MAX_SEGMENTS];

    for (int s = 0; s < n_segments; s++) {
        const vm none = vm_first(0);

        mask[s] = r->inside[s] ? m->lanes[s][kx] : none;
        low[s] = r->inside[s] ? m->low[s][kx] : none;
        high[s] = r->inside[s] ? m->high[s][kx] : none;
        p[s] = run->x + (vm_any(mask[s]) ? r->base[s] + dx : 0);
    }
    for (int64_t c = 0; c < run->n; c++) {
        vf v = vf_even(vf_load_m(p[0], low[0]), vf_load_m(p[0] + VF_LANES, high[0]));

        p[0] += run->plane;
        for (int s = 1; s < n_segments; s++) {
            v = vf_select(mask[s], vf_even(vf_load_m(p[s], low[s]), vf_load_m(p[s] + VF_LANES, high[s])), v);
            p[s] += run->plane;
        }
        vf_store(dst, v);
        dst += run->dst_step;
    }
}

#define COPY_SEGMENTS(copy)                                                                                            \
    do {                                                                                                               \
        if (c->n_segments == 1)                                                                                        \
            copy(run, m, r, kx, dx, 1);                                                                                \
        else if (c->n_segments == 2)                                                                                   \
            copy(run, m, r, kx, dx, 2);                                                                                \
        else if (c->n_segments == 3)                                                                                   \
            copy(run, m, r, kx, dx, 3);                                                                                \
        else                                                                                                           \
            copy(run, m, r, kx, dx, 4);                                                                                \
    } while (0)

static void copy_tap(const struct qn_im2col *im, const struct columns *c, const struct masks *m, const struct reach *r,
                     int64_t kx, int64_t dx, const struct run_of_channels *run)
{
    if (im->stride[2] == 1)
        COPY_SEGMENTS(copy_stride1);
    else
        COPY_SEGMENTS(copy_stride2);
}

/* Any stride and number of segments, lane by lane through the gather. */
static void gather_tap(const struct qn_im2col *im, struct columns *c, int64_t dz, int64_t dy, int64_t dx,
                       const struct run_of_channels *run)
{
    const float *x = run->x + c->segments[0].at + (dz * im->size[1] + dy) * im->size[2] + dx;
    vm m = vm_first(0);

    for (int i = 0; i < c->n_segments; i++) {
        const struct segment *s = &c->segments[i];
        int from, to;

        if (s->z + dz < 0 || s->z + dz >= im->size[0] || s->y + dy < 0 || s->y + dy >= im->size[1])
            continue;
        find_lanes(im, s, dx, &from, &to);
        m = vm_or(m, vm_range((size_t)from, (size_t)to));
    }
    for (int64_t i = 0; i < run->n; i++)
        vf_store(run->dst + i * run->dst_step, vf_gather_m(x + i * run->plane, vi_load(c->offset), m));
}

static void find_offsets(const struct qn_im2col *im, struct columns *c)
{
    for (int lane = 0; lane < VF_LANES; lane++)
        c->offset[lane] = 0;
    for (int s = 0; s < c->n_segments; s++)
        for (int i = 0; i < c->segments[s].n; i++)
            c->offset[c->segments[s].first + i] = (int32_t)(c->segments[s].at - c->segments[0].at + i * im->stride[2]);
}

/* Rows k0 .. k0 + k of one vector of columns; dst is its first lane in the panel. */
static void fill_columns(const struct qn_im2col *im, int64_t k0, int64_t k, struct columns *c, float *dst)
{
    const int64_t n_taps = im->kernel[0] * im->kernel[1] * im->kernel[2];
    const int64_t plane = im->size[0] * im->size[1] * im->size[2];
    const int64_t first = k0 / n_taps, first_tap = k0 % n_taps;
    const int64_t last = (k0 + k) / n_taps, last_tap = (k0 + k) % n_taps;
    const bool gather = im->stride[2] > 2 || c->n_segments > MAX_SEGMENTS;
    struct masks m;
    struct reach r;

    if (gather)
        find_offsets(im, c);
    for (int64_t kx0 = 0; kx0 < im->kernel[2]; kx0 += MAX_KX) {
        if (!gather)
            find_masks(im, c, kx0, &m);
        for (int64_t row = 0; row < im->kernel[0] * im->kernel[1]; row++) {
            const int64_t dz = row / im->kernel[1] * im->dilation[0], dy = row % im->kernel[1] * im->dilation[1];

            if (!gather)
                find_reach(im, c, dz, dy, &r);
            for (int64_t kx = kx0; kx < kx0 + MAX_KX && kx < im->kernel[2]; kx++) {
                const int64_t tap = row * im->kernel[2] + kx, dx = kx * im->dilation[2];
                const int64_t from = first + (tap < first_tap), to = last + (tap < last_tap);
                const struct run_of_channels run = {im->x + from * plane, plane, to - from,
                                                    dst + (from * n_taps + tap - k0) * QN_GEMM_PANEL,
                                                    n_taps * QN_GEMM_PANEL};

                if (from >= to)
                    continue;
                if (gather)
                    gather_tap(im, c, dz, dy, dx, &run);
                else
                    copy_tap(im, c, &m, &r, kx - kx0, dx, &run);
            }
        }
    }
}

static void zero_columns(int64_t k, float *dst)
{
    for (int64_t kk = 0; kk < k; kk++)
        vf_store(dst + kk * QN_GEMM_PANEL, vf_zero());
}

static void im2col(const struct qn_im2col *im, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst)
{
    struct columns c;

    for (int64_t j = 0; j < n; j += QN_GEMM_PANEL) {
        for (int64_t v = 0; v < QN_GEMM_PANEL; v += VF_LANES) {
            const int64_t left = n - j - v;

            if (left > 0) {
                find_segments(im, j0 + j + v, left < VF_LANES ? (int)left : VF_LANES, &c);
                fill_columns(im, k0, k, &c, dst + j * k + v);
            } else {
                zero_columns(k, dst + j * k + v);
            }
        }
    }
}

/* ---- rows of planes ---- */

static void take(float *dst, const float *src, int64_t stride, int64_t n)
{
    int64_t i = 0;

    if (stride == 1)
        for (; i + VF_LANES <= n; i += VF_LANES)
            vf_store(dst + i, vf_load(src + i));
    else if (stride == 2) /* the last element of the second load is not among the n */
        for (; i + VF_LANES < n; i += VF_LANES)
            vf_store(dst + i, vf_even(vf_load(src + 2 * i), vf_load(src + 2 * i + VF_LANES)));
    for (; i < n; i++)
        dst[i] = src[i * stride];
}

/* Runs BODY(n_vectors, LOAD) over the row: four vectors at a time, then one, then the rest. */
#define TAP_LOAD(p)      vf_load(p)
#define TAP_LOAD_REST(p) vf_load_n(p, (size_t)(n - i))
#define EACH_STRIP(BODY)                                                                                               \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
                                                                                                                       \
        for (; i + 4 * VF_LANES <= n; i += 4 * VF_LANES)                                                               \
            BODY(4, TAP_LOAD, vf_store);                                                                               \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                                       \
            BODY(1, TAP_LOAD, vf_store);                                                                               \
        if (i < n)                                                                                                     \
            BODY(1, TAP_LOAD_REST, STORE_STRIP_REST);                                                                  \
    } while (0)
#define STORE_STRIP_REST(p, v) vf_store_n(p, v, (size_t)(n - i))

static void conv_row(float *dst, const float *src, const struct qn_taps *taps, float bias, const float *residual,
                     const struct qn_act *act, int64_t n)
{
    const vf b = vf_set1(bias), act_a = vf_set1(act->a), act_b = vf_set1(act->b);

#define CONV_STRIP(n_vectors, LOAD, STORE)                                                                             \
    do {                                                                                                               \
        vf acc[n_vectors];                                                                                             \
                                                                                                                       \
        for (int v = 0; v < n_vectors; v++)                                                                            \
            acc[v] = vf_zero();                                                                                        \
        for (int64_t t = 0; t < taps->n_taps; t++) {                                                                   \
            const vf w = vf_load1(taps->weight + t);                                                                   \
                                                                                                                       \
            for (int v = 0; v < n_vectors; v++)                                                                        \
                acc[v] = vf_fma(w, LOAD(src + taps->offset[t] + i + v * VF_LANES), acc[v]);                            \
        }                                                                                                              \
        for (int v = 0; v < n_vectors; v++) {                                                                          \
            acc[v] = vf_add(acc[v], b);                                                                                \
            if (residual != NULL)                                                                                      \
                acc[v] = vf_add(acc[v], LOAD(residual + i + v * VF_LANES));                                            \
            STORE(dst + i + v * VF_LANES, vf_act(acc[v], act->kind, act_a, act_b));                                    \
        }                                                                                                              \
    } while (0)
    EACH_STRIP(CONV_STRIP);
}

static void max_row(float *dst, const float *src, const struct qn_taps *taps, int64_t n)
{
#define MAX_STRIP(n_vectors, LOAD, STORE)                                                                              \
    do {                                                                                                               \
        vf acc[n_vectors];                                                                                             \
                                                                                                                       \
        for (int v = 0; v < n_vectors; v++)                                                                            \
            acc[v] = LOAD(src + taps->offset[0] + i + v * VF_LANES);                                                   \
        for (int64_t t = 1; t < taps->n_taps; t++) {                                                                   \
            for (int v = 0; v < n_vectors; v++) {                                                                      \
                const vf x = LOAD(src + taps->offset[t] + i + v * VF_LANES);                                           \
                                                                                                                       \
                acc[v] = vf_select(vf_is_nan(x), x, vf_max(x, acc[v]));                                                \
            }                                                                                                          \
        }                                                                                                              \
        for (int v = 0; v < n_vectors; v++)                                                                            \
            STORE(dst + i + v * VF_LANES, acc[v]);                                                                     \
    } while (0)
    EACH_STRIP(MAX_STRIP);
}

static void avg_row(float *dst, const float *src, const struct qn_taps *taps, const float *divisor, int64_t n)
{
#define AVG_STRIP(n_vectors, LOAD, STORE)                                                                              \
    do {                                                                                                               \
        vf acc[n_vectors];                                                                                             \
                                                                                                                       \
        for (int v = 0; v < n_vectors; v++)                                                                            \
            acc[v] = vf_zero();                                                                                        \
        for (int64_t t = 0; t < taps->n_taps; t++)                                                                     \
            for (int v = 0; v < n_vectors; v++)                                                                        \
                acc[v] = vf_add(acc[v], LOAD(src + taps->offset[t] + i + v * VF_LANES));                               \
        for (int v = 0; v < n_vectors; v++)                                                                            \
            STORE(dst + i + v * VF_LANES, vf_div(acc[v], LOAD(divisor + i + v * VF_LANES)));                           \
    } while (0)
    EACH_STRIP(AVG_STRIP);
}

static void fill_plane(struct qn_plane_isa *isa)
{
    *isa = (struct qn_plane_isa){
        .im2col = im2col, .take = take, .conv_row = conv_row, .max_row = max_row, .avg_row = avg_row};
}

#endif
