/* bytes.c: products of bytes: the calls of kern.h through the functions of the CPU level. */
#include <string.h>

#include "kernels/kern_impl.h"

int64_t qn_bytes_depth(void) { return qn_isa()->bytes.depth; }

int32_t qn_bytes_pack_row(void *packed, const void *src, enum qn_bytes_form form, int64_t k)
{
    qn_isa()->bytes.pack_row(packed, src, form == QN_BYTES_U8 ? 0x80 : 0, k);
    return (int32_t)(uint32_t)(uint64_t)(qn_isa()->bytes.sum(form, src, k) - (form == QN_BYTES_U8 ? 128 * k : 0));
}

void qn_bytes_pack_columns(void *packed, int64_t panel_bytes, const void *src, int64_t ld, enum qn_bytes_form form,
                           int64_t k, int64_t n)
{
    qn_isa()->bytes.pack_columns(packed, panel_bytes, src, ld, form == QN_BYTES_S8 ? 0x80 : 0, k, n);
}

/* A product with ones, a few words of them at a time. */
void qn_bytes_column_sums(const void *packed, int64_t words, int64_t k, int64_t n_panels, int32_t *sums)
{
    enum { SOME = 64 };
    const struct qn_bytes_isa *isa = &qn_isa()->bytes;
    int64_t n = n_panels * QN_BYTES_PANEL;
    int32_t ones[SOME], part[QN_BYTES_PANEL];
    uint8_t one[SOME * 4];

    memset(one, 1, sizeof(one));
    memset(sums, 0, (size_t)n * sizeof(*sums));
    for (int64_t w = 0; w < words; w += SOME) {
        int64_t some = words - w < SOME ? words - w : SOME;
        int64_t left = k - w * isa->depth;

        isa->pack_row(ones, one, 0, left < some * isa->depth ? left : some * isa->depth);
        for (int64_t j = 0; j < n; j += QN_BYTES_PANEL) {
            const char *panel = (const char *)packed + j / QN_BYTES_PANEL * qn_bytes_panel_bytes(words);

            isa->product(1, 1, some, ones, panel + qn_bytes_panel_bytes(w), part, QN_BYTES_PANEL);
            for (int i = 0; i < QN_BYTES_PANEL; i++)
                sums[j + i] = (int32_t)((uint32_t)sums[j + i] + (uint32_t)part[i]);
        }
    }
}

void qn_bytes_product(int64_t m, int64_t n_panels, int64_t words, const void *a, const void *b, int32_t *c, int64_t ldc)
{
    qn_isa()->bytes.product(m, n_panels, words, a, b, c, ldc);
}

void qn_bytes_finish(void *dst, int32_t *sums, int64_t n, const struct qn_bytes_finish *finish)
{
    qn_isa()->bytes.finish(dst, sums, n, finish);
}

void qn_bytes_quantise(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n)
{
    qn_isa()->bytes.quantise(dst, form, src, scale, zero, n);
}

void qn_bytes_scale(void *dst, enum qn_bytes_form form, const float *src, float scale, int32_t zero, int64_t n)
{
    qn_isa()->bytes.scale(dst, form, src, scale, zero, n);
}

void qn_bytes_dequantise(float *dst, enum qn_bytes_form form, const void *src, float scale, int32_t zero, int64_t n)
{
    qn_isa()->bytes.dequantise(dst, form, src, scale, zero, n);
}

int64_t qn_bytes_sum(enum qn_bytes_form form, const void *src, int64_t n) { return qn_isa()->bytes.sum(form, src, n); }
