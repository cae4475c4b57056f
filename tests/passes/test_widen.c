/* test_widen.c: where conversions stand around nodes of narrow element types, and where they do not. */
#include "graphcase.h"

#define X   "in x f16[batch,2,3,3]\n"
#define W   "const w f16[2,2,2,2] 1 -2 .5 3 -1 2 0 1 2 2 -1 1 .25 4 -3 1\n"
#define RUN "run x f16[2,2,3,3] 1 2 3 -4 5 -6 7 8 9 9 8 -7 6 5 4 -3 2 1 1 0 1 0 2 3 4 1 1 1 -2 3 -4 0 ...\n"

static const struct graph_case cases[] = {
    {.name = "one node",
     .graph = "in x f16[3]\nin z f16[3]\ny = Add-14 x z\nout y\nrun x f16[3] 1 2 3\nrun z f16[3] .5 -1 8\n",
     .nodes = "x.float32: float32[3] = Cast(x)  # x.float32\n"
              "z.float32: float32[3] = Cast(z)  # z.float32\n"
              "y.float32: float32[3] = Add(x.float32, z.float32)  # y\n"
              "y: float16[3] = Cast(y.float32)  # y\n"},
    {.name = "a chain is fused as in float32",
     .graph = X W "const s f16[1,2,1,1] 2 -.5\nc = Conv-11 x w\nm = Mul-14 c s\ny = Relu-14 m\nout y\n" RUN,
     .nodes = "x.float32: float32[batch,2,3,3] = Cast(x)  # x.float32\n"
              "y.float32: float32[batch,2,2,2] = Conv(x.float32, c.scaled, c.bias)  # c+m+y\n"
              "y: float16[batch,2,2,2] = Cast(y.float32)  # y\n"},
    {.name = "bfloat16, and an output on the way",
     .graph = "in x bf16[4]\na = Neg-13 x\nb = Abs-13 a\nout a\nout b\nrun x bf16[4] 1 -2 3 0\n",
     .nodes = "x.float32: float32[4] = Cast(x)  # x.float32\n"
              "a.float32: float32[4] = Neg(x.float32)  # a\n"
              "a: bfloat16[4] = Cast(a.float32)  # a\n"
              "b.float32: float32[4] = Abs(a.float32)  # b\n"
              "b: bfloat16[4] = Cast(b.float32)  # b\n"},
    {.name = "what overflows on the way does not",
     .graph = "in x f16[3]\nconst k f16[] .25\na = Add-14 x x\ny = Mul-14 a k\nout y\nrun x f16[3] 60000 -1 65504\n",
     .nodes = "x.float32: float32[3] = Cast(x)  # x.float32\n"
              "a.float32: float32[3] = Add(x.float32, x.float32)  # a\n"
              "y.float32: float32[3] = Mul(a.float32, k.float32)  # y\n"
              "y: float16[3] = Cast(y.float32)  # y\n",
     .want = "f16[3] 30000 -.5 32752"},
    {.name = "an output overflows",
     .graph = "in x f16[2]\na = Add-14 x x\ny = Less-13 a x\nout a\nout y\nrun x f16[2] 60000 1\n",
     .nodes = "x.float32: float32[2] = Cast(x)  # x.float32\n"
              "a.float32: float32[2] = Add(x.float32, x.float32)  # a\n"
              "a: float16[2] = Cast(a.float32)  # a\n"
              "y: bool[2] = Less(a.float32, x.float32)  # y\n"},
    {.name = "moves in between are wide",
     .graph = "in x f16[n,3]\nconst k f16[3] 1 2 3\nconst s i64[2] 3 -1\na = Mul-14 x k\nt = Transpose-13 a\n"
              "r = Reshape-14 t s\nc = Concat-13 r r {axis=1}\ny = Neg-13 c\nout y\nrun x f16[2,3] 1 2 3 4 5 6\n",
     .nodes = "x.float32: float32[n,3] = Cast(x)  # x.float32\n"
              "a.float32: float32[n,3] = Mul(x.float32, k.float32)  # a\n"
              "t.float32: float32[3,n] = Transpose(a.float32)  # t\n"
              "r.float32: float32[3,n] = Reshape(t.float32, s)  # r\n"
              "c.float32: float32[3,?] = Concat(r.float32, r.float32)  # c\n"
              "y.float32: float32[3,?] = Neg(c.float32)  # y\n"
              "y: float16[3,?] = Cast(y.float32)  # y\n"},
    {.name = "moves of what was given are not",
     .graph = "const t f16[3,2] 1 2 3 4 5 6\nin i i64[n]\ng = Gather-13 t i\ny = Neg-13 g\nout y\nrun i i64[2] 2 0\n",
     .nodes = "g: float16[n,2] = Gather(t, i)  # g\n"
              "g.float32: float32[n,2] = Cast(g)  # g.float32\n"
              "y.float32: float32[n,2] = Neg(g.float32)  # y\n"
              "y: float16[n,2] = Cast(y.float32)  # y\n"},
    {.name = "a shape does not need the narrow value",
     .graph = "in x f16[n]\na = Neg-13 x\ns = Shape-15 a\nout s\nrun x f16[2] 1 2\n",
     .nodes = "x.float32: float32[n] = Cast(x)  # x.float32\n"
              "a.float32: float32[n] = Neg(x.float32)  # a\n"
              "s: int64[1] = Shape(a.float32)  # s\n"},
    {.name = "a conversion that the model asks for sees a rounded value",
     .graph = "in x f16[2]\nconst k f16[] 3\na = Div-14 x k\nc = Cast-13 a {to=1}\ny = Mul-14 c c\nout y\n"
              "run x f16[2] 1 2\n",
     .nodes = "x.float32: float32[2] = Cast(x)  # x.float32\n"
              "a.float32: float32[2] = Div(x.float32, k.float32)  # a\n"
              "a: float16[2] = Cast(a.float32)  # a\n"
              "c: float32[2] = Cast(a)  # c\n"
              "y: float32[2] = Mul(c, c)  # y\n"},
    {.name = "and gives one",
     .graph = "in x f32[2]\nc = Cast-13 x {to=10}\ny = Neg-13 c\nout y\nrun x f32[2] .1 2\n",
     .nodes = "c: float16[2] = Cast(x)  # c\n"
              "c.float32: float32[2] = Cast(c)  # c.float32\n"
              "y.float32: float32[2] = Neg(c.float32)  # y\n"
              "y: float16[2] = Cast(y.float32)  # y\n"},
    {.name = "a better kernel is wide",
     .graph = "in x f16[n,2]\ny = ReduceMax-13 x {axes=[1] keepdims=0}\nout y\nrun x f16[2,2] 1 2 4 3\n",
     .nodes = "x.float32: float32[n,2] = Cast(x)  # x.float32\n"
              "y.float32: float32[n] = ReduceMax(x.float32, y.axes)  # y\n"
              "y: float16[n] = Cast(y.float32)  # y\n"},
    {.name = "dequantized wide, from float16 scales",
     .graph = "in x i8[n]\nconst s f16[] .5\ny = DequantizeLinear-19 x s\nz = Neg-13 y\nout z\nrun x i8[3] 1 -2 3\n",
     .nodes = "y.float32: float32[n] = DequantizeLinear(x, s.float32)  # y\n"
              "z.float32: float32[n] = Neg(y.float32)  # z\n"
              "z: float16[n] = Cast(z.float32)  # z\n"},
    {.name = "quantized wide",
     .graph = "in x f16[n]\nconst s f16[] .25\nconst z u8[] 128\ny = QuantizeLinear-19 x s z\nout y\n"
              "run x f16[3] 1 -2 300\n",
     .nodes = "x.float32: float32[n] = Cast(x)  # x.float32\n"
              "y: uint8[n] = QuantizeLinear(x.float32, s.float32, z)  # y\n"},
    {.name = "to BOOL",
     .graph = "in x f16[n]\nin z f16[n]\ny = Less-13 x z\nout y\nrun x f16[2] 1 2\nrun z f16[2] 2 1\n",
     .nodes = "x.float32: float32[n] = Cast(x)  # x.float32\n"
              "z.float32: float32[n] = Cast(z)  # z.float32\n"
              "y: bool[n] = Less(x.float32, z.float32)  # y\n"},
    {.name = "packed integers move as bytes",
     .graph = "in x i4[2,3]\nt = Transpose-21 x\ny = Transpose-21 t\nout t\nout y\nrun x i4[2,3] -8 7 1 2 3 -1\n",
     .nodes = "x.int8: int8[2,3] = Cast(x)  # x.int8\n"
              "t.int8: int8[3,2] = Transpose(x.int8)  # t\n"
              "t: int4[3,2] = Cast(t.int8)  # t\n"
              "y.int8: int8[2,3] = Transpose(t.int8)  # y\n"
              "y: int4[2,3] = Cast(y.int8)  # y\n"},
    {.name = "float8 moves as it is",
     .graph = "in x f8e5m2[2,3]\ny = Transpose-21 x\nout y\nrun x f8e5m2[2,3] 1 2 3 4 -5 inf\n",
     .nodes = "y: float8e5m2[3,2] = Transpose(x)  # y\n"},
};

GRAPH_CASES_MAIN(cases)
