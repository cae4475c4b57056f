/* plane_body.h: implicit im2col, and rows of depthwise convolution and pooling, over the vector vocabulary. Included once per
 * CPU level after vec_<isa>.h and vec_math.h. Drivers are conv_im2col.c, planes.c and pooling.c. */
#ifndef QN_KERNELS_PLANE_BODY_H
#define QN_KERNELS_PLANE_BODY_H

#include "kernels/kern_impl.h"

/* ---- im2col ----------------------------------------------------------------------------------------------------------
 * A vector of columns is a run of output positions. It is cut into segments, each within one output row, so that the
 * elements one tap needs lie at equal distances in memory. For each tap the lanes that fall inside the input form one range
 * per segment; pointers and masks are made once per tap and then used for every channel. */

enum { MAX_SEGMENTS = 4 };

struct segment {
    int first, n;    /* lanes */
    int64_t z, y, x; /* input position of the first lane under tap 0; may lie outside */
    int64_t at;      /* its offset in the plane */
};

/* Lanes of one tap: elements at base + lane * stride for the lanes of the range. */
struct reach {
    int64_t base;
    int from, to;
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
        for (int i = 0; i < s->n; i++)
            c->offset[lane + i] = (int32_t)(s->at - c->segments[0].at + i * im->stride[2]);
        lane += s->n;
        ox = 0;
        if (++oy == im->out[1]) {
            oy = 0;
            oz++;
        }
    }
}

/* The lanes of a segment that stay inside the input when moved by (dz, dy, dx). */
static bool find_reach(const struct qn_im2col *im, const struct segment *s, int64_t dz, int64_t dy, int64_t dx,
                       struct reach *r)
{
    const int64_t x = s->x + dx, step = im->stride[2], width = im->size[2];
    int64_t from = 0, to = s->n;

    if (s->z + dz < 0 || s->z + dz >= im->size[0] || s->y + dy < 0 || s->y + dy >= im->size[1])
        return false;
    if (x < 0)
        from = (-x + step - 1) / step;
    if (x + (to - 1) * step >= width)
        to = x >= width ? 0 : (width - x + step - 1) / step;
    if (from >= to)
        return false;
    r->from = s->first + (int)from;
    r->to = s->first + (int)to;
    r->base = s->at + (dz * im->size[1] + dy) * width + dx - s->first * step;
    return true;
}

/* One channel's vector for up to MAX_SEGMENTS reaches at stride 1. */
VF_INLINE void copy_stride1(const float *x, int64_t plane, int64_t n_channels, const struct reach *r, const int n_reaches,
                            float *dst, int64_t dst_step)
{
    vm m[MAX_SEGMENTS];

    for (int s = 0; s < n_reaches; s++)
        m[s] = vm_range((size_t)r[s].from, (size_t)r[s].to);
    for (int64_t c = 0; c < n_channels; c++) {
        vf v = vf_load_m(x + r[0].base, m[0]);

        for (int s = 1; s < n_reaches; s++)
            v = vf_merge_m(v, x + r[s].base, m[s]);
        vf_store(dst, v);
        x += plane;
        dst += dst_step;
    }
}

/* At stride 2 the elements of lanes [from, to) lie in [2 from, 2 to - 1): two loads, of which the even elements count. */
VF_INLINE void copy_stride2(const float *x, int64_t plane, int64_t n_channels, const struct reach *r, const int n_reaches,
                            float *dst, int64_t dst_step)
{
    vm low[MAX_SEGMENTS], high[MAX_SEGMENTS], lanes[MAX_SEGMENTS];

    for (int s = 0; s < n_reaches; s++) {
        const int from = 2 * r[s].from, to = 2 * r[s].to - 1;

        lanes[s] = vm_range((size_t)r[s].from, (size_t)r[s].to);
        low[s] = vm_range((size_t)(from < VF_LANES ? from : VF_LANES), (size_t)(to < VF_LANES ? to : VF_LANES));
        high[s] = vm_range((size_t)(from > VF_LANES ? from - VF_LANES : 0), (size_t)(to > VF_LANES ? to - VF_LANES : 0));
    }
    for (int64_t c = 0; c < n_channels; c++) {
        vf v = vf_even(vf_load_m(x + r[0].base, low[0]), vf_load_m(x + r[0].base + VF_LANES, high[0]));

        for (int s = 1; s < n_reaches; s++)
            v = vf_select(lanes[s],
                          vf_even(vf_load_m(x + r[s].base, low[s]), vf_load_m(x + r[s].base + VF_LANES, high[s])), v);
        vf_store(dst, v);
        x += plane;
        dst += dst_step;
    }
}

static void copy_gather(const float *x, int64_t plane, int64_t n_channels, const struct columns *c, int64_t shift,
                        const struct reach *r, int n_reaches, float *dst, int64_t dst_step)
{
    const vi index = vi_load(c->offset);
    vm m = vm_first(0);

    x += c->segments[0].at + shift;
    for (int s = 0; s < n_reaches; s++)
        m = vm_or(m, vm_range((size_t)r[s].from, (size_t)r[s].to));
    for (int64_t i = 0; i < n_channels; i++) {
        vf_store(dst, vf_gather_m(x, index, m));
        x += plane;
        dst += dst_step;
    }
}

static void copy_zero(int64_t n_channels, float *dst, int64_t dst_step)
{
    for (int64_t c = 0; c < n_channels; c++)
        vf_store(dst + c * dst_step, vf_zero());
}

#define COPY_REACHES(copy)                                                                                             \
    do {                                                                                                               \
        if (n_reaches == 1)                                                                                            \
            copy(x, plane, n_channels, r, 1, dst, dst_step);                                                           \
        else if (n_reaches == 2)                                                                                       \
            copy(x, plane, n_channels, r, 2, dst, dst_step);                                                           \
        else                                                                                                           \
            copy(x, plane, n_channels, r, n_reaches, dst, dst_step);                                                   \
    } while (0)

/* One tap, moved by (dz, dy, dx), of n_channels channels from x on. */
static void copy_tap(const struct qn_im2col *im, const struct columns *c, int64_t dz, int64_t dy, int64_t dx,
                     const float *x, int64_t n_channels, float *dst, int64_t dst_step)
{
    const int64_t plane = im->size[0] * im->size[1] * im->size[2];
    struct reach r[VF_LANES];
    int n_reaches = 0;

    for (int s = 0; s < c->n_segments; s++)
        n_reaches += find_reach(im, &c->segments[s], dz, dy, dx, &r[n_reaches]);
    if (n_reaches == 0)
        copy_zero(n_channels, dst, dst_step);
    else if (n_reaches > MAX_SEGMENTS || im->stride[2] > 2)
        copy_gather(x, plane, n_channels, c, (dz * im->size[1] + dy) * im->size[2] + dx, r, n_reaches, dst, dst_step);
    else if (im->stride[2] == 2)
        COPY_REACHES(copy_stride2);
    else
        COPY_REACHES(copy_stride1);
}

/* Rows k0 .. k0 + k of one vector of n columns; dst is its first lane in the panel. */
static void fill_columns(const struct qn_im2col *im, int64_t k0, int64_t k, const struct columns *c, float *dst)
{
    const int64_t n_taps = im->kernel[0] * im->kernel[1] * im->kernel[2];
    const int64_t plane = im->size[0] * im->size[1] * im->size[2];
    const int64_t first = k0 / n_taps, first_tap = k0 % n_taps;
    const int64_t last = (k0 + k) / n_taps, last_tap = (k0 + k) % n_taps;
    int64_t tap = 0;

    for (int64_t kz = 0; kz < im->kernel[0]; kz++) {
        for (int64_t ky = 0; ky < im->kernel[1]; ky++) {
            for (int64_t kx = 0; kx < im->kernel[2]; kx++, tap++) {
                const int64_t from = first + (tap < first_tap), to = last + (tap < last_tap);

                if (from < to)
                    copy_tap(im, c, kz * im->dilation[0], ky * im->dilation[1], kx * im->dilation[2],
                             im->x + from * plane, to - from, dst + (from * n_taps + tap - k0) * QN_GEMM_PANEL,
                             n_taps * QN_GEMM_PANEL);
            }
        }
    }
}

static void im2col(const struct qn_im2col *im, int64_t k0, int64_t k, int64_t j0, int64_t n, float *dst)
{
    for (int64_t j = 0; j < n; j += QN_GEMM_PANEL) {
        for (int64_t v = 0; v < QN_GEMM_PANEL; v += VF_LANES) {
            const int64_t left = n - j - v;
            struct columns c = { .n_segments = 0 };

            if (left > 0)
                find_segments(im, j0 + j + v, left < VF_LANES ? (int)left : VF_LANES, &c);
            fill_columns(im, k0, k, &c, dst + j * k + v);
        }
    }
}

/* ---- rows of planes -------------------------------------------------------------------------------------------------- */

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
#define TAP_LOAD(p) vf_load(p)
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
    *isa = (struct qn_plane_isa){ .im2col = im2col, .take = take, .conv_row = conv_row, .max_row = max_row,
                                  .avg_row = avg_row };
}

#endif
