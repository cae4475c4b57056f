/* bench_conv.c: speed of convolutions and pooling on layers of real models, one line per layer: the minimum of many
 * short repetitions. Usage: bench_conv [threads] [part of a name]. QUERN_CPU chooses the kernels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernels/kern.h"

struct layer {
    const char *name;
    int64_t c_in, c_out, group, in, kernel, stride, pad;
    bool transposed;
};

static const struct layer layers[] = {
    {"resnet_first", 3, 64, 1, 224, 7, 2, 3, false},
    {"resnet_56_64_1x1", 64, 64, 1, 56, 1, 1, 0, false},
    {"resnet_56_64_256_1x1", 64, 256, 1, 56, 1, 1, 0, false},
    {"resnet_56_256_64_1x1", 256, 64, 1, 56, 1, 1, 0, false},
    {"resnet_56_64_3x3", 64, 64, 1, 56, 3, 1, 1, false},
    {"resnet_56_128_3x3s2", 128, 128, 1, 56, 3, 2, 1, false},
    {"resnet_56_256_512_1x1s2", 256, 512, 1, 56, 1, 2, 0, false},
    {"resnet_28_128_3x3", 128, 128, 1, 28, 3, 1, 1, false},
    {"resnet_28_512_128_1x1", 512, 128, 1, 28, 1, 1, 0, false},
    {"resnet_14_256_3x3", 256, 256, 1, 14, 3, 1, 1, false},
    {"resnet_14_256_1024_1x1", 256, 1024, 1, 14, 1, 1, 0, false},
    {"resnet_14_1024_256_1x1", 1024, 256, 1, 14, 1, 1, 0, false},
    {"resnet_7_512_3x3", 512, 512, 1, 7, 3, 1, 1, false},
    {"resnet_7_512_2048_1x1", 512, 2048, 1, 7, 1, 1, 0, false},
    {"mobilenet_first", 3, 32, 1, 224, 3, 2, 1, false},
    {"mobilenet_112_16_96_1x1", 16, 96, 1, 112, 1, 1, 0, false},
    {"mobilenet_56_144_24_1x1", 144, 24, 1, 56, 1, 1, 0, false},
    {"mobilenet_7_320_1280_1x1", 320, 1280, 1, 7, 1, 1, 0, false},
    {"se_1_960_240", 960, 240, 1, 1, 1, 1, 0, false},
    {"dw_112_32", 32, 32, 32, 112, 3, 1, 1, false},
    {"dw_112_96_s2", 96, 96, 96, 112, 3, 2, 1, false},
    {"dw_56_144", 144, 144, 144, 56, 3, 1, 1, false},
    {"dw_28_192", 192, 192, 192, 28, 3, 1, 1, false},
    {"dw_14_576", 576, 576, 576, 14, 3, 1, 1, false},
    {"dw_14_576_s2", 576, 576, 576, 14, 3, 2, 1, false},
    {"dw_7_960", 960, 960, 960, 7, 3, 1, 1, false},
    {"dw_14_672_5x5", 672, 672, 672, 14, 5, 1, 2, false},
    {"dw_56_96_7x7", 96, 96, 96, 56, 7, 1, 3, false},
    {"grouped_56_128_32", 128, 128, 32, 56, 3, 1, 1, false},
    {"unet_up_32_64_32", 64, 32, 1, 32, 2, 2, 0, true},
    {"up_16_256_128_4x4", 256, 128, 1, 16, 4, 2, 1, true},
};

static float *make(size_t n_bytes)
{
    const size_t n = n_bytes / sizeof(float);
    float *p = aligned_alloc(64, (n_bytes + 127) / 64 * 64);

    if (p == NULL)
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(i * 2654435761u % 1024) / 512.0f - 1.0f;
    return p;
}

static const struct qn_conv_algo *choose(const struct layer *l, const struct qn_conv *conv)
{
    return l->transposed ? qn_deconv_choose(conv) : qn_conv_choose(conv);
}

static void measure(const struct layer *l, int n_threads, struct qn_pool *pool)
{
    const int64_t out = l->transposed ? (l->in - 1) * l->stride + l->kernel - 2 * l->pad
                                      : (l->in + 2 * l->pad - l->kernel) / l->stride + 1;
    const int64_t pixels = l->transposed ? l->in * l->in : out * out;
    const double flops = 2.0 * (double)(l->c_in / l->group * l->c_out * l->kernel * l->kernel * pixels);
    const struct qn_conv conv = {1,
                                 l->c_in,
                                 l->c_out,
                                 l->group,
                                 2,
                                 {l->in, l->in},
                                 {out, out},
                                 {l->kernel, l->kernel},
                                 {l->stride, l->stride},
                                 {1, 1},
                                 {l->pad, l->pad}};
    const struct qn_conv_algo *algo = choose(l, &conv);
    struct qn_conv_data data = {.act = {QN_ACT_RELU, 0, 0}};
    struct qn_work work = {.n_threads = n_threads, .pool = pool};
    const int64_t n_w = l->c_in / l->group * l->c_out * l->kernel * l->kernel;
    float *w = make((size_t)n_w * 4), *x = make((size_t)(l->c_in * l->in * l->in) * 4), *packed, *bias;
    const long long end = qn_now_ns() + 300000000;
    double best = 1e30;
    size_t n_bytes;

    if (!algo->accept(&conv) || !algo->pack_bytes(&conv, &n_bytes))
        exit(EXIT_FAILURE);
    algo->pack(&conv, w, packed = make(n_bytes));
    data.x = x;
    data.w = packed;
    data.bias = bias = make((size_t)l->c_out * 4);
    data.y = make((size_t)(l->c_out * out * out) * 4);
    if (!algo->bytes(&conv, n_threads, &n_bytes))
        exit(EXIT_FAILURE);
    work.data = make(n_bytes);
    qn_pool_enter(pool);
    while (qn_now_ns() < end) {
        const long long start = qn_now_ns();
        double ns;

        algo->run(&conv, &data, &work);
        ns = (double)(qn_now_ns() - start);
        best = ns < best ? ns : best;
    }
    qn_pool_leave(pool);
    printf("%-26s %-14s %10.2f us %8.1f GFLOP/s\n", l->name, algo->name, best / 1e3, flops / best);
    free(w);
    free(x);
    free(packed);
    free(bias);
    free(data.y);
    free(work.data);
}

static const struct layer pools[] = {
    {"maxpool_112_64_3x3s2", 64, 64, 64, 112, 3, 2, 1, false},
    {"maxpool_28_192_2x2s2", 192, 192, 192, 28, 2, 2, 0, false},
    {"maxpool_13_256_5x5", 256, 256, 256, 13, 5, 1, 2, false},
    {"avgpool_28_256_3x3", 256, 256, 256, 28, 3, 1, 1, false},
    {"avgpool_7_2048_7x7", 2048, 2048, 2048, 7, 7, 1, 0, false},
};

static void measure_pool(const struct layer *l, int n_threads, struct qn_pool *pool)
{
    const int64_t out = (l->in + 2 * l->pad - l->kernel) / l->stride + 1;
    const struct qn_pooling p = {.planes = l->c_in,
                                 .rank = 2,
                                 .in = {l->in, l->in},
                                 .out = {out, out},
                                 .kernel = {l->kernel, l->kernel},
                                 .stride = {l->stride, l->stride},
                                 .dilation = {1, 1},
                                 .pad = {l->pad, l->pad},
                                 .pad_end = {l->pad, l->pad}};
    struct qn_work work = {.n_threads = n_threads, .pool = pool};
    float *x = make((size_t)(l->c_in * l->in * l->in) * 4), *y = make((size_t)(l->c_in * out * out) * 4);
    const long long end = qn_now_ns() + 300000000;
    double best = 1e30;
    size_t n_bytes;

    if (!qn_pooling_bytes(&p, n_threads, &n_bytes))
        exit(EXIT_FAILURE);
    work.data = make(n_bytes);
    qn_pool_enter(pool);
    while (qn_now_ns() < end) {
        const long long start = qn_now_ns();
        double ns;

        if (l->name[0] == 'm')
            qn_maxpool(&p, x, y, NULL, &work);
        else
            qn_avgpool(&p, x, y, &work);
        ns = (double)(qn_now_ns() - start);
        best = ns < best ? ns : best;
    }
    qn_pool_leave(pool);
    printf("%-26s %-14s %10.2f us\n", l->name, "pooling", best / 1e3);
    free(x);
    free(y);
    free(work.data);
}

int main(int argc, char **argv)
{
    const int n_threads = argc > 1 ? atoi(argv[1]) : 1;
    struct qn_pool *pool = n_threads > 1 ? qn_pool_create(n_threads) : NULL;

    printf("%s, %d threads\n", qn_kern()->name, n_threads);
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        if (argc < 3 || strstr(layers[i].name, argv[2]) != NULL)
            measure(&layers[i], n_threads, pool);
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        if (argc < 3 || strstr(pools[i].name, argv[2]) != NULL)
            measure_pool(&pools[i], n_threads, pool);
    qn_pool_destroy(pool);
    return 0;
}
