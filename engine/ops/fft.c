/* fft.c: the transform of fft.h. Bluestein: with w[k] = exp(-+ pi i k^2 / n), jk = (j^2 + k^2 - (k - j)^2) / 2 makes
 * the sum a convolution, y[k] = w[k] sum of (x[j] w[j]) conj(w[k - j]), that transforms of length m >= 2 n - 1 compute.
 */
#include <math.h>
#include <string.h>

#include "ops/fft.h"

#define PI 3.14159265358979323846

static int64_t power_for(int64_t n)
{
    int64_t m = 1, wanted = (n & (n - 1)) == 0 ? n : 2 * n - 1;

    while (m < wanted)
        m *= 2;
    return m;
}

bool qn_fft_bytes(int64_t n, size_t *tables, size_t *room)
{
    int64_t m;

    if (n < 0 || n > (int64_t)1 << 31)
        return false;
    m = power_for(n);
    *tables = (size_t)(m / 2 + (m == n ? 0 : n + m)) * sizeof(struct qn_complex);
    *room = (size_t)(m == n ? 0 : m) * sizeof(struct qn_complex);
    return true;
}

static struct qn_complex times(struct qn_complex a, struct qn_complex b)
{
    return (struct qn_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static struct qn_complex conjugate(struct qn_complex a) { return (struct qn_complex){a.re, -a.im}; }

/* x[k] <-> x[k with its bits turned round] */
static void reverse_bits(struct qn_complex *x, int64_t m)
{
    for (int64_t k = 1, r = 0; k < m; k++) {
        int64_t bit = m / 2;

        for (; r & bit; bit /= 2)
            r -= bit;
        r += bit;
        if (k < r) {
            struct qn_complex other = x[k];

            x[k] = x[r];
            x[r] = other;
        }
    }
}

/* The transform of length m, a power of two. */
static void transform(const struct qn_fft *fft, struct qn_complex *x, bool inverse)
{
    const int64_t m = fft->m;

    reverse_bits(x, m);
    for (int64_t half = 1; half < m; half *= 2) {
        const int64_t step = m / 2 / half;

        for (int64_t begin = 0; begin < m; begin += 2 * half) {
            for (int64_t k = 0; k < half; k++) {
                struct qn_complex turn = inverse ? conjugate(fft->turns[k * step]) : fft->turns[k * step];
                struct qn_complex *a = &x[begin + k], *b = a + half, c = times(*b, turn);

                *b = (struct qn_complex){a->re - c.re, a->im - c.im};
                *a = (struct qn_complex){a->re + c.re, a->im + c.im};
            }
        }
    }
}

void qn_fft_init(struct qn_fft *fft, int64_t n, bool inverse, void *tables)
{
    *fft = (struct qn_fft){.n = n, .m = power_for(n), .inverse = inverse, .turns = tables};
    for (int64_t k = 0; k < fft->m / 2; k++) {
        double angle = -2 * PI * (double)k / (double)fft->m;

        fft->turns[k] = (struct qn_complex){cos(angle), sin(angle)};
    }
    if (fft->m == n)
        return;
    fft->chirp = fft->turns + fft->m / 2;
    fft->filter = fft->chirp + n;
    memset(fft->filter, 0, (size_t)fft->m * sizeof(*fft->filter));
    for (int64_t k = 0; k < n; k++) {
        /* Reduced before it becomes an angle, so that long lines stay precise. */
        double angle = PI * (double)(k * k % (2 * n)) / (double)n;

        fft->chirp[k] = (struct qn_complex){cos(angle), inverse ? sin(angle) : -sin(angle)};
        fft->filter[k] = fft->filter[k == 0 ? 0 : fft->m - k] = conjugate(fft->chirp[k]);
    }
    transform(fft, fft->filter, false);
}

void qn_fft_run(const struct qn_fft *fft, struct qn_complex *x, struct qn_complex *room)
{
    const int64_t n = fft->n, m = fft->m;

    if (m == n) {
        transform(fft, x, fft->inverse);
        return;
    }
    for (int64_t k = 0; k < n; k++)
        room[k] = times(x[k], fft->chirp[k]);
    memset(room + n, 0, (size_t)(m - n) * sizeof(*room));
    transform(fft, room, false);
    for (int64_t k = 0; k < m; k++)
        room[k] = times(room[k], fft->filter[k]);
    transform(fft, room, true);
    for (int64_t k = 0; k < n; k++) {
        struct qn_complex y = times(room[k], fft->chirp[k]);

        x[k] = (struct qn_complex){y.re / (double)m, y.im / (double)m};
    }
}
