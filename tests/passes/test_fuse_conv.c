/* test_fuse_conv.c: what Conv and ConvTranspose absorb of their successors, and what they must leave alone. */
#include "graphcase.h"

#define X   "in x f32[batch,2,3,3]\n"
#define W   "const w f32[2,2,2,2] 1 -2 .5 3 -1 2 0 1 2 2 -1 1 .25 4 -3 1\n"
#define B   "const b f32[2] .5 -3\n"
#define RUN "run x f32[2,2,3,3] 1 2 3 -4 5 -6 7 8 9 9 8 -7 6 5 4 -3 2 1 1 0 1 0 2 3 4 1 1 1 -2 3 -4 0 ...\n"

static const struct graph_case cases[] = {
    {.name = "scale and shift, then Relu",
     .graph = X W B "const s f32[1,2,1,1] 2 -.5\nconst t f32[2,1,1] 1 2\n"
                    "c = Conv-11 x w b\nm = Mul-14 c s\na = Add-14 t m\ny = Relu-14 a\nout y\n" RUN,
     .nodes = "y: float32[batch,2,2,2] = Conv(x, c.scaled, c+m.bias)  # c+m+a+y\n",
     .rounds = true},
    {.name = "BatchNormalization, then Clip",
     .graph = X W "const g f32[2] 1 -2\nconst h f32[2] 0 1\nconst m f32[2] .5 -1\nconst v f32[2] 4 .25\n"
                  "const lo f32[] 0\nconst hi f32[] 6\n"
                  "c = Conv-11 x w\nn = BatchNormalization-9 c g h m v\ny = Clip-13 n lo hi\nout y\n" RUN,
     .nodes = "y: float32[batch,2,2,2] = Conv(x, c.scaled, c.bias)  # c+n+y\n",
     .rounds = true},
    {.name = "one scale for all, no bias",
     .graph = X W "const s f32[] 3\nc = Conv-11 x w\ny = Div-14 c s\nout y\n" RUN,
     .nodes = "y: float32[batch,2,2,2] = Conv(x, c.scaled, c.bias)  # c+y\n",
     .rounds = true},
    {.name = "groups",
     .graph = X "const w f32[4,1,2,2] 1 -2 .5 3 -1 2 0 1 2 2 -1 1 .25 4 -3 1\nconst s f32[1,4,1,1] 1 2 3 4\n"
                "c = Conv-11 x w {group=2}\ny = Mul-14 c s\nout y\n" RUN,
     .nodes = "y: float32[batch,4,2,2] = Conv(x, c.scaled, c.bias)  # c+y\n",
     .rounds = true},
    {.name = "residual, then activation",
     .graph = X W B "c = Conv-11 x w b\nd = Conv-11 x w {pads=[0,0,0,0] strides=[1,1]}\ns = Add-14 c d\n"
                    "y = Sigmoid-13 s\nout y\n" RUN,
     .nodes = "d: float32[batch,2,2,2] = Conv(x, w)  # d\ny: float32[batch,2,2,2] = Conv(x, w, b, d)  # c+s+y\n"},
    {.name = "residual that is the input",
     .graph = X "const w f32[2,2,1,1] 1 -2 .5 3\nc = Conv-11 x w\ns = Add-14 x c\nout s\n" RUN,
     .nodes = "s: float32[batch,2,3,3] = Conv(x, w, -, x)  # c+s\n"},
    {.name = "an axis of unknown size, one window per element",
     .graph = "in x f32[batch,2,h,w]\nconst k f32[2,2,3,3] 1 -2 .5 3 1 ...\n"
              "c = Conv-11 x k {pads=[1,1,1,1]}\ns = Add-14 c x\nout s\n" RUN,
     .nodes = "s: float32[batch,2,h,w] = Conv(x, k, -, x)  # c+s\n"},
    {.name = "zeros put around before",
     .graph = X W "const p i64[8] 0 0 1 0 0 0 0 2\n"
                  "z = Pad-13 x p\nc = Conv-11 z w {pads=[1,1,0,0]}\ny = Relu-14 c\nout y\n" RUN,
     .nodes = "y: float32[batch,2,4,5] = Conv(x, w)  # c+y\n"},
    {.name = "zeros put around along named axes, before one of no padding",
     .graph = X W "const p i64[2] 1 0\nconst a i64[1] -1\nconst v f32[] 0\n"
                  "z = Pad-18 x p v a\nc = Conv-11 z w {auto_pad='VALID'}\nout c\n" RUN,
     .nodes = "c: float32[batch,2,2,3] = Conv(x, w)  # c\n"},
    {.name = "ones put around before",
     .graph = X W "const p i64[8] 0 0 1 0 0 0 0 1\nconst v f32[] 1\nz = Pad-13 x p v\nc = Conv-11 z w\nout c\n" RUN,
     .nodes = "z: float32[batch,2,4,4] = Pad(x, p, v)  # z\nc: float32[batch,2,3,3] = Conv(z, w)  # c\n"},
    {.name = "a channel of zeros put before",
     .graph = "in x f32[batch,1,3,3]\n" W "const p i64[8] 0 1 0 0 0 0 0 0\nz = Pad-13 x p\nc = Conv-11 z w\nout c\n"
              "run x f32[1,1,3,3] 1 2 3 4 ...\n",
     .nodes = "z: float32[batch,2,3,3] = Pad(x, p)  # z\nc: float32[batch,2,2,2] = Conv(z, w)  # c\n"},
    {.name = "taps that meet only padding",
     .graph = X "const k f32[2,2,3,3] 1 -2 .5 3 1 ...\n"
                "c = Conv-11 x k {pads=[3,3,3,3] dilations=[3,3]}\ny = Relu-14 c\nout y\n" RUN,
     .nodes = "y: float32[batch,2,3,3] = Conv(x, c.taps)  # c+y\n"},
    {.name = "taps that meet only padding on one side, by strides",
     .graph = "in x f32[batch,2,1,5]\nconst k f32[2,2,2,5] 1 -2 .5 3 1 ...\n"
              "c = Conv-11 x k {pads=[1,3,0,2] strides=[2,3] dilations=[1,2]}\nout c\n"
              "run x f32[2,2,1,5] 1 2 3 -4 5 ...\n",
     .nodes = "c: float32[batch,2,1,1] = Conv(x, c.taps)  # c\n"},
    {.name = "taps that meet only padding, named by auto_pad",
     .graph = "in x f32[batch,2,1,4]\nconst k f32[2,2,3,3] 1 -2 .5 3 1 ...\n"
              "c = Conv-11 x k {auto_pad='SAME_LOWER'}\nout c\nrun x f32[2,2,1,4] 1 2 3 -4 5 ...\n",
     .nodes = "c: float32[batch,2,1,4] = Conv(x, c.taps)  # c\n"},
    {.name = "every tap meets something",
     .graph = "in x f32[batch,2,2,2]\nconst k f32[2,2,3,3] 1 -2 .5 3 1 ...\n"
              "c = Conv-11 x k {pads=[1,1,1,1]}\nout c\nrun x f32[2,2,2,2] 1 2 3 -4 5 ...\n",
     .nodes = "c: float32[batch,2,2,2] = Conv(x, k)  # c\n"},
    {.name = "transposed",
     .graph = X "const w f32[2,1,2,2] 1 -2 .5 3 -1 2 0 1\nconst s f32[2,1,1] 2 3\n"
                "c = ConvTranspose-11 x w {group=2 strides=[2,2]}\nm = Mul-14 c s\ny = Relu-14 m\nout y\n" RUN,
     .nodes = "y: float32[batch,2,6,6] = ConvTranspose(x, c.scaled, c.bias)  # c+m+y\n",
     .rounds = true},
    {.name = "transposed, channels per group",
     .graph = X "const w f32[2,2,1,2] 1 -2 .5 3 -1 2 0 1\nconst s f32[2,1,1] 2 3\n"
                "c = ConvTranspose-11 x w\ny = Mul-14 c s\nout y\n" RUN,
     .nodes = "y: float32[batch,2,3,4] = ConvTranspose(x, c.scaled, c.bias)  # c+y\n",
     .rounds = true},

    {.name = "weights that are not constant",
     .graph = X "in w f32[2,2,2,2]\nconst s f32[2,1,1] 2 3\n"
                "c = Conv-11 x w\ny = Mul-14 c s\nout y\n" RUN "run w f32[2,2,2,2] 1 2 ...\n",
     .nodes = "c: float32[batch,2,2,2] = Conv(x, w)  # c\ny: float32[batch,2,2,2] = Mul(c, s)  # y\n"},
    {.name = "a factor along another axis",
     .graph = X W "const s f32[2] 2 3\nc = Conv-11 x w\ny = Mul-14 c s\nout y\n" RUN,
     .nodes = "c: float32[batch,2,2,2] = Conv(x, w)  # c\ny: float32[batch,2,2,2] = Mul(c, s)  # y\n"},
    {.name = "an addend of unknown shape",
     .graph = X W "in r f32[?,2,2,2]\nc = Conv-11 x w\ny = Add-14 c r\nout y\n" RUN "run r f32[1,2,2,2] 1 2 ...\n",
     .nodes = "c: float32[batch,2,2,2] = Conv(x, w)  # c\ny: float32[?,2,2,2] = Add(c, r)  # y\n"},
    {.name = "scale after a residual",
     .graph = X W
     "const s f32[2,1,1] 2 3\nin r f32[batch,2,2,2]\nc = Conv-11 x w\na = Add-14 c r\ny = Mul-14 a s\nout y\n" RUN
     "run r f32[2,2,2,2] 1 2 ...\n",
     .nodes = "a: float32[batch,2,2,2] = Conv(x, w, -, r)  # c+a\ny: float32[batch,2,2,2] = Mul(a, s)  # y\n"},
    {.name = "read twice",
     .graph = X W "c = Conv-11 x w\ny = Relu-14 c\nz = Add-14 y c\nout z\n" RUN,
     .nodes = "c: float32[batch,2,2,2] = Conv(x, w)  # c\ny: float32[batch,2,2,2] = Relu(c)  # y\n"
              "z: float32[batch,2,2,2] = Add(y, c)  # z\n"},
    {.name = "float64",
     .graph = "in x f64[1,1,2]\nconst w f64[1,1,1] -2\nc = Conv-11 x w\ny = Relu-14 c\nout y\nrun x f64[1,1,2] 1 -2\n",
     .nodes = "c: float64[1,1,2] = Conv(x, w)  # c\ny: float64[1,1,2] = Relu(c)  # y\n"},
};

GRAPH_CASES_MAIN(cases)
