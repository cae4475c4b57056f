/* test_fuse_integers.c: what becomes an operator of bytes between dequantisations and quantisations, and what stays. */
#include "graphcase.h"

/* Inputs a and b, as float32 from uint8. */
#define X "in a u8[batch,2,3,3]\nconst s f32[] .5\nconst z u8[] 100\nda = DequantizeLinear-13 a s z\n"
#define W                                                                                                              \
    "const w i8[2,2,2,2] 1 -2 5 3 -1 2 0 1 2 2 -1 1 25 4 -3 1\nconst ws f32[2] .5 .25\nconst wz i8[2] 0 0\n"           \
    "dw = DequantizeLinear-13 w ws wz {axis=0}\n"
#define B                                                                                                              \
    "const b i32[2] 5 -30\nconst bs f32[2] .25 .125\nconst bz i32[2] 0 0\n"                                            \
    "db = DequantizeLinear-13 b bs bz {axis=0}\n"
#define Y    "const t f32[] 2\nconst u u8[] 100\n"
#define ZERO "const t f32[] 2\nconst u u8[] 0\n"
#define RUN                                                                                                            \
    "run a u8[2,2,3,3] 1 2 3 4 50 60 170 80 99 99 180 117 206 5 4 253 2 101 100 0 100 0 2 3 4 1 1 1 255 3 4 0 ...\n"
#define M    "in a u8[batch,3]\nconst s f32[] .5\nconst z u8[] 100\nda = DequantizeLinear-13 a s z\n"
#define RUNM "run a u8[4,3] 100 102 150 0 255 7 90 91 92 1 2 3\n"

#define CONV(y) y ": uint8[batch,2,2,2] = QLinearConv(a, s, z, w, ws, wz, t, u, c.bias)  # c\n"

static const struct graph_case cases[] = {
    {.name = "Conv with a bias",
     .graph = X W B Y "c = Conv-13 da dw db\ny = QuantizeLinear-13 c t u\nout y\n" RUN,
     .nodes = CONV("y")},
    {.name = "Conv with a bias in float32, Relu that saturation does, a dequantisation behind",
     .graph = X W ZERO "const b f32[2] .5 -3.75\nc = Conv-11 da dw b\nr = Relu-14 c\ny = QuantizeLinear-13 r t u\n"
                       "dy = DequantizeLinear-13 y t u\nout dy\n" RUN,
     .nodes = CONV("y") "dy: float32[batch,2,2,2] = DequantizeLinear(y, t, u)  # dy\n"},
    {.name = "Conv, then Clip",
     .graph = X W B Y "const lo f32[] -6\nconst hi f32[] 6\nc = Conv-13 da dw db\nr = Clip-13 c lo hi\n"
                      "y = QuantizeLinear-13 r t u\nout y\n" RUN,
     .nodes = CONV("y.bytes") "y: uint8[batch,2,2,2] = ByteTable(y.bytes, y.table)  # y\n"},
    {.name = "one scale, no zero points, int8",
     .graph = "in a i8[1,1,3]\nconst s f32[] .5\nda = DequantizeLinear-13 a s\n"
              "const w i8[1,1,2] 1 -2\nconst ws f32[] 1\ndw = DequantizeLinear-13 w ws\n"
              "const z i8[] 0\nc = Conv-13 da dw\ny = QuantizeLinear-13 c s z\nout y\nrun a i8[1,1,3] 7 -128 127\n",
     .nodes = "y: int8[1,1,2] = QLinearConv(a, s, c.zero, w, ws, c.zero, s, z)  # c\n"},
    {.name = "products",
     .graph = M Y "const w i8[2,3] 1 -2 5 3 -1 2\nconst ws f32[2] .5 .25\nconst wz i8[2] 0 0\n"
                  "dw = DequantizeLinear-13 w ws wz {axis=0}\n" B
                  "g = Gemm-13 da dw db {transB=1}\nqg = QuantizeLinear-13 g t u\ndg = DequantizeLinear-13 qg t u\n"
                  "const v u8[2,1] 7 200\nconst vs f32[] .125\nconst vz u8[] 128\ndv = DequantizeLinear-13 v vs vz\n"
                  "m = MatMul-13 dg dv\ny = QuantizeLinear-13 m t u\nout y\n" RUNM,
     .nodes = "qg: uint8[batch,2] = QLinearMatMul(a, s, z, w, ws, wz, t, u, g.bias)  # g\n"
              "y: uint8[batch,1] = QLinearMatMul(qg, t, u, v, vs, vz, t, u)  # m\n"},
    {.name = "sums and products of elements, both operands the same",
     .graph = X Y "m = Mul-13 da da\nqm = QuantizeLinear-13 m t u\ndm = DequantizeLinear-13 qm t u\n"
                  "p = Add-13 dm da\ny = QuantizeLinear-13 p t u\nout y\n" RUN,
     .nodes = "qm: uint8[batch,2,3,3] = QLinearMul(a, s, z, a, s, z, t, u)  # m\n"
              "y: uint8[batch,2,3,3] = QLinearAdd(qm, t, u, a, s, z, t, u)  # p\n"},
    {.name = "average of planes",
     .graph = X Y "p = GlobalAveragePool-1 da\ny = QuantizeLinear-13 p t u\nout y\n" RUN,
     .nodes = "y: uint8[batch,2,1,1] = QLinearGlobalAveragePool(a, s, z, t, u)  # p\n"},
    {.name = "moves between equal scales",
     .graph = X "t = Transpose-13 da {perm=[0,2,3,1]}\nm = MaxPool-12 t {kernel_shape=[2,2]}\nf = Flatten-13 m\n"
                "y = QuantizeLinear-13 f s z\ndy = DequantizeLinear-13 y s z\nout dy\n" RUN,
     .nodes = "t.bytes: uint8[batch,3,3,2] = Transpose(a)  # t\nm.bytes: uint8[batch,3,2,1] = MaxPool(t.bytes)  # m\n"
              "y: uint8[batch,6] = Flatten(m.bytes)  # f\ndy: float32[batch,6] = DequantizeLinear(y, s, z)  # dy\n"},
    {.name = "nearest neighbours",
     .graph = X "const k f32[4] 1 1 2 2\nr = Resize-13 da - k\ny = QuantizeLinear-13 r s z\nout y\n" RUN,
     .nodes = "y: uint8[batch,2,6,6] = Resize(a, -, k)  # r\n"},
    {.name = "neighbours in between",
     .graph =
         X "const k f32[4] 1 1 2 2\nr = Resize-13 da - k {mode='linear'}\ny = QuantizeLinear-13 r s z\nout y\n" RUN,
     .nodes =
         "da: float32[batch,2,3,3] = DequantizeLinear(a, s, z)  # da\n"
         "r: float32[batch,2,6,6] = Resize(da, -, k)  # r\ny: uint8[batch,2,6,6] = QuantizeLinear(r, s, z)  # y\n"},
    {.name = "another scale, and an activation: tables",
     .graph = X Y "q = QuantizeLinear-13 da t u\nd = DequantizeLinear-13 q t u\nr = Sigmoid-13 d\n"
                  "y = QuantizeLinear-13 r s z\nout y\n" RUN,
     .nodes =
         "q: uint8[batch,2,3,3] = ByteTable(a, q.table)  # q\ny: uint8[batch,2,3,3] = ByteTable(q, y.table)  # y\n"},
    {.name = "parts of one tensor, of two scales",
     .graph = X Y "in b u8[batch,1,3,3]\nd = DequantizeLinear-13 b t u\nc = Concat-13 da d {axis=1}\n"
                  "y = QuantizeLinear-13 c t u\nout y\n" RUN "run b u8[2,1,3,3] 7 ...\n",
     .nodes = "da.bytes: uint8[batch,2,3,3] = ByteTable(a, y.table)  # y\n"
              "y: uint8[batch,3,3,3] = Concat(da.bytes, b)  # c\n"},

    {.name = "weights alone: folded",
     .graph = "in x f32[1,2,3,3]\n" W "c = Conv-13 x dw\nr = Relu-14 c\nout r\nrun x f32[1,2,3,3] 1 2 3 ...\n",
     .nodes = "r: float32[1,2,2,2] = Conv(x, dw)  # c+r\n"},
    {.name = "a bias finer than its step",
     .graph = X W "const t f32[] .01\nconst u u8[] 100\nconst b f32[2] .51 -3\nc = Conv-11 da dw b\n"
                  "y = QuantizeLinear-13 c t u\nout y\n" RUN,
     .nodes = "da: float32[batch,2,3,3] = DequantizeLinear(a, s, z)  # da\n"
              "c: float32[batch,2,2,2] = Conv(da, dw, b)  # c\ny: uint8[batch,2,2,2] = QuantizeLinear(c, t, u)  # y\n",
     .rounds = true},
    {.name = "a result that is read twice",
     .graph = X W B Y "c = Conv-13 da dw db\ny = QuantizeLinear-13 c t u\nout y\nout c\n" RUN,
     .nodes = "da: float32[batch,2,3,3] = DequantizeLinear(a, s, z)  # da\n"
              "c: float32[batch,2,2,2] = Conv(da, dw, db)  # c\ny: uint8[batch,2,2,2] = QuantizeLinear(c, t, u)  # y\n",
     .rounds = true},
    {.name = "an activation that does not clamp",
     .graph = X W B Y "c = Conv-13 da dw db\nr = Sigmoid-13 c\ny = QuantizeLinear-13 r t u\nout y\n" RUN,
     .nodes =
         "da: float32[batch,2,3,3] = DequantizeLinear(a, s, z)  # da\n"
         "r: float32[batch,2,2,2] = Conv(da, dw, db)  # c+r\ny: uint8[batch,2,2,2] = QuantizeLinear(r, t, u)  # y\n",
     .rounds = true},
    {.name = "an operand that is not quantised",
     .graph = X Y "in f f32[]\np = Add-13 da f\ny = QuantizeLinear-13 p t u\nout y\n" RUN "run f f32[] 3\n",
     .nodes = "da: float32[batch,2,3,3] = DequantizeLinear(a, s, z)  # da\n"
              "p: float32[batch,2,3,3] = Add(da, f)  # p\ny: uint8[batch,2,3,3] = QuantizeLinear(p, t, u)  # y\n"},
    {.name = "a scale for each channel of the input",
     .graph = "in a u8[1,2,3]\nconst s f32[2] .5 1\nconst z u8[2] 1 2\nda = DequantizeLinear-13 a s z\n" Y
              "y = QuantizeLinear-13 da t u\nout y\nrun a u8[1,2,3] 1 2 3 ...\n",
     .nodes =
         "da: float32[1,2,3] = DequantizeLinear(a, s, z)  # da\ny: uint8[1,2,3] = QuantizeLinear(da, t, u)  # y\n"},
    {.name = "a scale too small for products",
     .graph = "in a u8[2]\nconst s f32[] 1e-30\nconst z u8[] 1\nda = DequantizeLinear-13 a s z\n"
              "p = Add-13 da da\ny = QuantizeLinear-13 p s z\nout y\nrun a u8[2] 1 2\n",
     .nodes = "da: float32[2] = DequantizeLinear(a, s, z)  # da\np: float32[2] = Add(da, da)  # p\n"
              "y: uint8[2] = QuantizeLinear(p, s, z)  # y\n"},
};

GRAPH_CASES_MAIN(cases)
