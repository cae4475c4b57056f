/* sgemm_ref.c: the float32 product in plain C. fmaf() rounds once wherever it runs, as the vector units do. */
#include <math.h>

#define ELEM               float
#define PANEL              16
#define LINK(a, b, sum)    fmaf(a, b, sum)
#define LEVEL_LINK         LINK
#define ACT(x, activation) qn_act_scalar(x, activation)
#include "kernels/ref/gemm_ref_body.h"

void qn_sgemm_init_ref(struct qn_gemm_isa *isa) { init(isa); }

void qn_sgemm_ref(const struct qn_gemm *g) { product(g); }
