/* test_fuse_gemm.c: what MatMul and Gemm absorb of their successors, and what they must leave alone. */
#include "graphcase.h"

#define X23  "run x f32[2,3] 1 -2 3 .5 5 -6\n"
#define W32  "const w f32[3,2] 1 2 -3 4 .5 -6\n"
#define CALM "x f32[batch,3]\n" W32

static const struct graph_case cases[] = {
    {.name = "MatMul, bias, Relu",
     .graph = "in " CALM "const b f32[2] .25 -1\n"
              "m = MatMul-13 x w\na = Add-14 m b\ny = Relu-14 a\nout y\n" X23,
     .nodes = "y: float32[batch,2] = Gemm(x, w, b)  # m+a+y\n"},
    {.name = "bias before the product, of rank 2",
     .graph = "in " CALM "const b f32[1,2] .25 -1\n"
              "m = MatMul-13 x w\na = Add-14 b m\nout a\n" X23,
     .nodes = "a: float32[batch,2] = Gemm(x, w, m.bias)  # m+a\n"},
    {.name = "batches of rows",
     .graph = "in x f32[batch,seq,3]\n" W32 "const b f32[2] .25 -1\n"
              "m = MatMul-13 x w\na = Add-14 m b\ny = Sigmoid-13 a\nout y\n"
              "run x f32[1,2,3] 1 -2 3 .5 5 -6\n",
     .nodes = "y: float32[batch,seq,2] = Gemm(x, w, b)  # m+a+y\n"},
    {.name = "residual, then activation",
     .graph = "in x f32[batch,3]\n" W32 "const v f32[3,2] 1 1 2 2 3 3\n"
              "m = MatMul-13 x w\nn = MatMul-13 x v\na = Add-14 m n\ny = Tanh-13 a\nout y\n" X23,
     .nodes = "n: float32[batch,2] = MatMul(x, v)  # n\ny: float32[batch,2] = Gemm(x, w, -, n)  # m+a+y\n"},
    {.name = "Gemm: bias, scale, shift",
     .graph = "in " CALM "const b f32[2] .25 -1\nconst s f32[2] 2 3\nconst t f32[] .5\n"
              "g = Gemm-13 x w b {alpha=.5 beta=2.0}\nm = Mul-14 g s\na = Sub-14 m t\ny = LeakyRelu-16 a "
              "{alpha=.1}\nout y\n" X23,
     .nodes = "y: float32[batch,2] = Gemm(x, g.scaled, g+m.bias)  # g+m+a+y\n",
     .rounds = true},
    {.name = "Gemm with B transposed: BatchNormalization-like scale",
     .graph = "in x f32[batch,3]\nconst w f32[2,3] 1 2 -3 4 .5 -6\nconst s f32[1,2] 2 3\n"
              "g = Gemm-13 x w {transB=1}\ny = Mul-14 g s\nout y\n" X23,
     .nodes = "y: float32[batch,2] = Gemm(x, g.scaled, g.bias)  # g+y\n",
     .rounds = true},
    {.name = "Gemm-6 with broadcast",
     .graph = "in " CALM "const b f32[2] .25 -1\n"
              "g = Gemm-6 x w b {broadcast=1}\ny = Relu-6 g\nout y\n" X23,
     .nodes = "y: float32[batch,2] = Gemm(x, w, b)  # g+y\n"},

    {.name = "read twice",
     .graph = "in " CALM "m = MatMul-13 x w\ny = Relu-14 m\nz = Add-14 m y\nout z\n" X23,
     .nodes = "m: float32[batch,2] = MatMul(x, w)  # m\ny: float32[batch,2] = Relu(m)  # y\n"
              "z: float32[batch,2] = Add(m, y)  # z\n"},
    {.name = "an output of the graph",
     .graph = "in " CALM "m = MatMul-13 x w\ny = Relu-14 m\nout y\nout m\n" X23,
     .nodes = "m: float32[batch,2] = MatMul(x, w)  # m\ny: float32[batch,2] = Relu(m)  # y\n"},
    {.name = "nothing after an activation",
     .graph = "in " CALM "const b f32[2] .25 -1\nm = MatMul-13 x w\na = Relu-14 m\ny = Add-14 a b\nout y\n" X23,
     .nodes = "a: float32[batch,2] = Gemm(x, w)  # m+a\ny: float32[batch,2] = Add(a, b)  # y\n"},
    {.name = "an addend of another shape",
     .graph = "in x f32[batch,3]\nin r f32[other,2]\n" W32 "m = MatMul-13 x w\ny = Add-14 m r\nout y\n" X23
              "run r f32[1,2] 1 2\n",
     .nodes = "m: float32[batch,2] = Gemm(x, w)  # m\ny: float32[?,2] = Add(m, r)  # y\n"},
    {.name = "an addend that makes Y larger",
     .graph = "in x f32[1,3]\nconst w f32[3,1] 1 2 3\nconst b f32[2] 1 2\n"
              "m = MatMul-13 x w\ny = Add-14 m b\nout y\nrun x f32[1,3] 1 2 3\n",
     .nodes = "m: float32[1,1] = Gemm(x, w)  # m\ny: float32[1,2] = Add(m, b)  # y\n"},
    {.name = "float64",
     .graph = "in x f64[batch,2]\nconst w f64[2,1] 1 -2\nm = MatMul-13 x w\ny = Relu-14 m\nout y\n"
              "run x f64[1,2] 1 2\n",
     .nodes = "m: float64[batch,1] = MatMul(x, w)  # m\ny: float64[batch,1] = Relu(m)  # y\n"},
};

GRAPH_CASES_MAIN(cases)
