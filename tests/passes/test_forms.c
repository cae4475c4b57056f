/* test_forms.c: functions written out in primitive operators become one node, whatever the order and grouping of their
 * factors; what only looks like one is left alone. */
#include "graphcase.h"

#define X   "in x f32[batch,3]\n"
#define RUN "run x f32[2,3] 1 -2 3 .5 5 -6\n"
#define ERF                                                                                                            \
    "const r f32[] 1.4142135\nconst one f32[] 1\nconst half f32[] .5\n"                                                \
    "d = Div-14 x r\ne = Erf-13 d\na = Add-14 e one\n"
#define CUBE "const k f32[] .044715\nconst s f32[] .7978846\nconst one f32[] 1\nconst half f32[] .5\n"
#define NORM                                                                                                           \
    "const w f32[3] 1 2 -1\nconst b f32[3] .5 0 1\nconst two f32[] 2\nconst tiny f32[] .001\n"                         \
    "m = ReduceMean-13 x {axes=[-1]}\nd = Sub-14 x m\np = Pow-13 d two\nv = ReduceMean-13 p {axes=[-1]}\n"             \
    "a = Add-14 v tiny\ns = Sqrt-13 a\nn = Div-14 d s\n"

static const struct graph_case cases[] = {
    {.name = "SiLU",
     .graph = X "s = Sigmoid-13 x\ny = Mul-14 s x\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Swish(x)  # y\n",
     .rounds = true},
    {.name = "SiLU after MatMul",
     .graph = X "const w f32[3,1] 1 2 3\nm = MatMul-13 x w\ns = Sigmoid-13 m\ny = Mul-14 m s\nout y\n" RUN,
     .nodes = "y: float32[batch,1] = Gemm(x, w)  # m+y\n",
     .rounds = true},
    {.name = "x * Sigmoid(1.702 x)",
     .graph = X "const k f32[1] 1.702\nt = Mul-14 x k\ns = Sigmoid-13 t\ny = Mul-14 x s\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Swish(x)  # y\n",
     .rounds = true},
    {.name = "Mish",
     .graph = X "s = Softplus-1 x\nt = Tanh-13 s\ny = Mul-14 x t\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Mish(x)  # y\n",
     .rounds = true},
    {.name = "HardSwish by HardSigmoid",
     .graph = X "h = HardSigmoid-6 x {alpha=.16666667 beta=.5}\ny = Mul-14 x h\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = HardSwish(x)  # y\n",
     .rounds = true},
    {.name = "HardSwish by Clip",
     .graph = X "const three f32[] 3\nconst low f32[] 0\nconst six f32[] 6\n"
                "a = Add-14 x three\nc = Clip-13 a low six\nm = Mul-14 x c\ny = Div-14 m six\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = HardSwish(x)  # y\n",
     .rounds = true},
    {.name = "Gelu: (x * a) * half",
     .graph = X ERF "m = Mul-14 x a\ny = Mul-14 m half\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Gelu(x)  # y\n",
     .rounds = true},
    {.name = "Gelu: (half * x) * a",
     .graph = X ERF "m = Mul-14 half x\ny = Mul-14 m a\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Gelu(x)  # y\n",
     .rounds = true},
    {.name = "Gelu: x * (a * half)",
     .graph = X ERF "m = Mul-14 a half\ny = Mul-14 x m\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Gelu(x)  # y\n",
     .rounds = true},
    {.name = "Gelu by Tanh and Pow",
     .graph = X CUBE "const three f32[] 3\nc = Pow-13 x three\nq = Mul-14 k c\nu = Add-14 x q\nv = Mul-14 s u\n"
                     "t = Tanh-13 v\na = Add-14 one t\nh = Mul-14 half x\ny = Mul-14 h a\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Gelu(x)  # y\n",
     .rounds = true},
    {.name = "Gelu by Tanh and products",
     .graph = X CUBE "c = Mul-14 x x\nd = Mul-14 c x\nq = Mul-14 d k\nu = Add-14 q x\nv = Mul-14 u s\n"
                     "t = Tanh-13 v\na = Add-14 t one\nh = Mul-14 x half\ny = Mul-14 a h\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = Gelu(x)  # y\n",
     .rounds = true},
    {.name = "Gelu of a model in float16",
     .graph = "in x f16[batch,3]\nconst r f16[] 1.4140625\nconst one f16[] 1\nconst half f16[] .5\n"
              "d = Div-14 x r\ne = Erf-13 d\na = Add-14 e one\nm = Mul-14 x a\ny = Mul-14 m half\nout y\n"
              "run x f16[1,3] 1 -2 .5\n",
     .nodes = "x.float32: float32[batch,3] = Cast(x)  # x.float32\n"
              "y.float32: float32[batch,3] = Gelu(x.float32)  # y\ny: float16[batch,3] = Cast(y.float32)  # y\n",
     .want = "f16[1,3] .84134 -.0455 .34573",
     .rounds = true},
    {.name = "LayerNormalization",
     .graph = X NORM "k = Mul-14 n w\ny = Add-14 k b\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = LayerNormalization(x, w, b)  # y\n",
     .rounds = true},
    {.name = "LayerNormalization without a bias, the square as a product",
     .graph = X "const w f32[3] 1 2 -1\nconst tiny f32[1,1] .001\nm = ReduceMean-13 x {axes=[1]}\n"
                "d = Sub-14 x m\np = Mul-14 d d\nv = ReduceMean-13 p {axes=[1]}\na = Add-14 tiny v\ns = Sqrt-13 a\n"
                "n = Div-14 d s\ny = Mul-14 w n\nout y\n" RUN,
     .nodes = "y: float32[batch,3] = LayerNormalization(x, w)  # y\n",
     .rounds = true},

    {.name = "another reader",
     .graph = X "s = Sigmoid-13 x\ny = Mul-14 s x\nout y\nout s\n" RUN,
     .nodes = "s: float32[batch,3] = Sigmoid(x)  # s\ny: float32[batch,3] = Mul(s, x)  # y\n"},
    {.name = "the sigmoid of another function",
     .graph = X "a = Abs-13 x\ns = Sigmoid-13 a\ny = Mul-14 x s\nout y\n" RUN,
     .nodes = "a: float32[batch,3] = Abs(x)  # a\ns: float32[batch,3] = Sigmoid(a)  # s\n"
              "y: float32[batch,3] = Mul(x, s)  # y\n"},
    {.name = "the sigmoid of something else",
     .graph = X "in z f32[batch,3]\ns = Sigmoid-13 z\ny = Mul-14 x s\nout y\n" RUN "run z f32[2,3] 1 2 3 4 5 6\n",
     .nodes = "s: float32[batch,3] = Sigmoid(z)  # s\ny: float32[batch,3] = Mul(x, s)  # y\n"},
    {.name = "a constant that adds an axis",
     .graph = X "const k f32[1,1,1] 2\nt = Mul-14 x k\ns = Sigmoid-13 t\ny = Mul-14 x s\nout y\n" RUN,
     .nodes = "t: float32[1,batch,3] = Mul(x, k)  # t\ns: float32[1,batch,3] = Sigmoid(t)  # s\n"
              "y: float32[1,batch,3] = Mul(x, s)  # y\n"},
    {.name = "another constant than Gelu's",
     .graph = X "const one f32[] 1\nconst half f32[] .5\n"
                "e = Erf-13 x\na = Add-14 e one\nm = Mul-14 x a\ny = Mul-14 m half\nout y\n" RUN,
     .nodes = "e: float32[batch,3] = Erf(x)  # e\na: float32[batch,3] = Add(e, one)  # a\n"
              "m: float32[batch,3] = Mul(x, a)  # m\ny: float32[batch,3] = Mul(m, half)  # y\n"},
    {.name = "the mean over another axis",
     .graph = X "const w f32[3] 1 2 -1\nconst two f32[] 2\nconst tiny f32[] .001\n"
                "m = ReduceMean-13 x {axes=[0]}\nd = Sub-14 x m\np = Pow-13 d two\n"
                "v = ReduceMean-13 p {axes=[-1]}\na = Add-14 v tiny\ns = Sqrt-13 a\nn = Div-14 d s\ny = Mul-14 n w\n"
                "out y\n" RUN,
     .nodes = "m: float32[1,3] = ReduceMean(x, m.axes)  # m\nd: float32[batch,3] = Sub(x, m)  # d\n"
              "p: float32[batch,3] = Pow(d, two)  # p\nv: float32[batch,1] = ReduceMean(p, v.axes)  # v\n"
              "a: float32[batch,1] = Add(v, tiny)  # a\ns: float32[batch,1] = Sqrt(a)  # s\n"
              "n: float32[batch,3] = Div(d, s)  # n\ny: float32[batch,3] = Mul(n, w)  # y\n"},
    {.name = "float64",
     .graph = "in x f64[2]\ns = Sigmoid-13 x\ny = Mul-14 s x\nout y\nrun x f64[2] 1 2\n",
     .nodes = "s: float64[2] = Sigmoid(x)  # s\ny: float64[2] = Mul(s, x)  # y\n"},
};

GRAPH_CASES_MAIN(cases)
