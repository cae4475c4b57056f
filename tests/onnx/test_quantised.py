"""Seeded graphs, quantised by onnxruntime's own quantiser, against onnxruntime.

Rounding in another order may flip a step that later layers amplify, and onnxruntime differs from itself with its
optimiser on and off; so results must lie within one step of either, or as near as the two are to each other. Bits must
not depend on threads, nor on what else is in the batch.
"""

import logging
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
import paths  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnxruntime import quantization  # noqa: E402

SEEDS = range(24)
SECONDS = 120


class Feeds(quantization.CalibrationDataReader):
    """Calibration data from a list."""

    def __init__(self, feeds):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


class Builder:
    """A random small network, layer after layer."""

    def __init__(self, rng):
        self.rng, self.nodes, self.constants = rng, [], []
        self.shape = [int(rng.integers(1, 9)), *rng.integers(5, 17, 2).tolist()]
        self.input = list(self.shape)
        self.value = "x"

    def constant(self, array):
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def weights(self, *shape):
        return self.constant(self.rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])))

    def conv(self, c_out, size, stride=1, group=1):
        """A convolution of the last value, padded to keep its size; gives the name and the shape."""
        c, *sizes = self.shape
        inputs = [self.value, self.weights(c_out, c // group, size, size)]
        if self.rng.random() < 0.8:
            inputs.append(self.constant(self.rng.standard_normal(c_out) * 0.2))
        pad = size // 2
        name = self.node("Conv", inputs, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4, group=group)
        return name, [c_out, *((s + 2 * pad - size) // stride + 1 for s in sizes)]

    def layer(self):
        rng, c = self.rng, self.shape[0]
        kind = rng.choice(["conv", "conv", "depthwise", "binary", "pool", "concat", "transpose", "resize"])
        if kind == "conv":
            c_out, size, stride = int(rng.integers(1, 25)), int(rng.choice([1, 3])), int(rng.integers(1, 3))
            self.value, self.shape = self.conv(c_out, size, stride)
        elif kind == "depthwise":
            self.value, self.shape = self.conv(c * int(rng.integers(1, 3)), int(rng.choice([3, 5])), group=c)
        elif kind == "binary":
            self.value = self.node(str(rng.choice(["Add", "Mul"])), [self.conv(c, 3)[0], self.value])
        elif kind == "pool" and min(self.shape[1:]) > 1:
            self.value = self.node(
                str(rng.choice(["MaxPool", "AveragePool"])), [self.value], kernel_shape=[2, 2], strides=[2, 2]
            )
            self.shape = [c, *(s // 2 for s in self.shape[1:])]
        elif kind == "concat":
            parts = [self.conv(int(rng.integers(1, 9)), 1) for _ in range(2)]
            self.value = self.node("Concat", [name for name, _ in parts], axis=1)
            self.shape = [sum(shape[0] for _, shape in parts), *self.shape[1:]]
        elif kind == "transpose":
            self.value = self.node("Transpose", [self.value], perm=[0, 1, 3, 2])
            self.shape = [c, *self.shape[:0:-1]]
        elif kind == "resize":
            self.value = self.node("Resize", [self.value, "", self.constant([1, 1, 2, 2])], mode="nearest")
            self.shape = [c, *(2 * s for s in self.shape[1:])]
        act = rng.integers(0, 6)
        if act == 0:
            self.value = self.node("Relu", [self.value])
        elif act == 1:
            self.value = self.node("Clip", [self.value, self.constant(0), self.constant(rng.choice([1, 6]))])
        elif act == 2:
            self.value = self.node("Sigmoid", [self.value])

    def model(self):
        for _ in range(int(self.rng.integers(2, 7))):
            self.layer()
        if self.rng.random() < 0.5:
            self.value = self.node("GlobalAveragePool", [self.value])
            self.shape[1:] = [1, 1]
        flat, n, m = self.node("Flatten", [self.value]), int(np.prod(self.shape)), int(self.rng.integers(1, 40))
        if self.rng.random() < 0.5:
            bias = self.constant(self.rng.standard_normal(m) * 0.1)
            y = self.node("Gemm", [flat, self.weights(m, n), bias], transB=1)
        else:
            y = self.node("MatMul", [flat, self.constant(self.rng.standard_normal((n, m)) / np.sqrt(n))])
        graph = helper.make_graph(
            self.nodes,
            "quantised",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.input])],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["n", m])],
            self.constants,
        )
        opset = int(self.rng.choice([13, 17, 21]))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def quern(folder, x, threads):
    """The output for x."""
    np.save(folder / "x.npy", x)
    words = ["run", folder / "q.onnx", "--input", f"x={folder / 'x.npy'}", "--threads", str(threads)]
    out = folder / "out"
    done = subprocess.run(
        [paths.quern(), *map(str, words), "--output", str(out)], capture_output=True, text=True, timeout=SECONDS
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    (path,) = out.glob("*.npy")
    return np.load(path)


def peer(folder, x, level):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    return ort.InferenceSession(str(folder / "q.onnx"), options).run(None, {"x": x})[0]


class Quantised(unittest.TestCase):
    def check(self, folder, seed):
        rng = np.random.default_rng(seed)
        builder = Builder(rng)
        onnx.save(builder.model(), folder / "f.onnx")
        feeds = [{"x": rng.standard_normal([2, *builder.input]).astype(np.float32)} for _ in range(3)]
        kinds = quantization.QuantType.QUInt8, quantization.QuantType.QInt8
        activations = kinds[int(rng.random() < 0.3)]
        weights = kinds[int(rng.random() < 0.8 or activations == kinds[1])]
        quantization.quantize_static(
            str(folder / "f.onnx"),
            str(folder / "q.onnx"),
            Feeds(feeds),
            activation_type=activations,
            weight_type=weights,
            per_channel=bool(rng.random() < 0.5) and weights == kinds[1],
        )
        x = rng.standard_normal([3, *builder.input]).astype(np.float32)
        y = quern(folder, x, 1)
        self.assertTrue(np.array_equal(y, quern(folder, x, 2)), "threads")
        self.assertTrue(np.array_equal(y[1:2], quern(folder, x[1:2], 1)), "batch")
        plain = peer(folder, x, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
        best = peer(folder, x, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
        quantised = onnx.load(folder / "q.onnx").graph
        scales = {c.name: numpy_helper.to_array(c).max() for c in quantised.initializer}
        (last,) = [node for node in quantised.node if node.output[0] == quantised.output[0].name]
        step = float(scales[last.input[1]])
        allowed = max(step, float(np.abs(plain - best).max())) * 1.001
        self.assertLessEqual(float(min(np.abs(y - plain).max(), np.abs(y - best).max())), allowed)

    def test_seeds(self):
        logging.disable(logging.WARNING)
        warnings.simplefilter("ignore")
        for seed in SEEDS:
            with self.subTest(seed=seed), tempfile.TemporaryDirectory(prefix="quern-quantised-") as folder:
                self.check(Path(folder), seed)


if __name__ == "__main__":
    unittest.main()
