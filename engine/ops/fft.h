/* fft.h: the discrete Fourier transform of one line of complex float64, of any length: powers of two by the radix-2
 * algorithm of Cooley and Tukey, other lengths through such by Bluestein's. Shared by DFT and STFT, which find the
 * lines. Memory is the caller's. */
#ifndef QN_OPS_FFT_H
#define QN_OPS_FFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qn_complex {
    double re, im;
};

/* y[k] = sum of x[j] exp(-+ 2 pi i j k / n), unscaled in both directions. Read only once made: lines of one length
 * share it. */
struct qn_fft {
    int64_t n, m; /* the length, and the power of two that is computed with */
    bool inverse;
    struct qn_complex *turns;  /* exp(-2 pi i k / m), k < m / 2 */
    struct qn_complex *chirp;  /* [n], when n is no power of two */
    struct qn_complex *filter; /* [m], likewise */
};

/* Bytes of the tables, and of the room that each line in work needs. False when they overflow or n is above 2^31. */
bool qn_fft_bytes(int64_t n, size_t *tables, size_t *room);
/* n is at least 1 and passed qn_fft_bytes(); tables stay the caller's. */
void qn_fft_init(struct qn_fft *fft, int64_t n, bool inverse, void *tables);
/* x[n] becomes its transform. */
void qn_fft_run(const struct qn_fft *fft, struct qn_complex *x, struct qn_complex *room);

#endif
