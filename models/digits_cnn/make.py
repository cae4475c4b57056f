"""Makes the digits_cnn model: the digits again, by a small convolutional network trained here with plain numpy.

[N,1,8,8] -> /16 -> Conv 3x3, 16 -> Relu -> MaxPool 2 -> Conv 3x3, 32 -> Relu -> MaxPool 2 -> Gemm -> Softmax.
The trainer below is the whole of it: convolution as a matrix product over gathered patches, gradients by hand, Adam.
The same images as digits/test_images.npy are kept out of the training.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402
import numpy as np  # noqa: E402
from onnx import helper  # noqa: E402

EPOCHS = 60
BATCH = 32
RATE = 2e-3
DECAY = 1e-4  # of weights, per step and rate


def patches(x):
    """[N,C,H,W] -> [N,H,W,C*9]: the 3x3 neighbourhood of every pixel, zeros outside."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def scatter(gradient, c):
    """The gradient of patches(): [N,H,W,C*9] -> [N,C,H,W]."""
    n, h, w, _ = gradient.shape
    parts = gradient.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), np.float32)
    for i in range(3):
        for j in range(3):
            padded[:, :, i:i + h, j:j + w] += parts[..., i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


class Conv:
    """3x3 convolution with a border of zeros, then ReLU, then 2x2 maximum."""

    def __init__(self, random, c_in, c_out):
        self.weight = random.normal(0, np.sqrt(2 / (9 * c_in)), (c_out, c_in * 9)).astype(np.float32)
        self.bias = np.zeros(c_out, np.float32)
        self.c_in = c_in

    def forward(self, x):
        self.patches = patches(x)
        y = np.maximum(self.patches @ self.weight.T + self.bias, 0)
        n, h, w, c = y.shape
        cells = y.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
        self.best = cells.argmax(-1)[..., None]
        self.positive = y > 0
        return np.take_along_axis(cells, self.best, -1)[..., 0].transpose(0, 3, 1, 2)

    def backward(self, gradient):
        n, c, h, w = gradient.shape
        cells = np.zeros((n, h, w, c, 4), np.float32)
        np.put_along_axis(cells, self.best, gradient.transpose(0, 2, 3, 1)[..., None], -1)
        full = cells.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * h, 2 * w, c) * self.positive
        flat = full.reshape(-1, c)
        self.gradients = [flat.T @ self.patches.reshape(-1, self.c_in * 9), flat.sum(0)]
        return scatter(full @ self.weight, self.c_in)


class Dense:
    """The last layer: a matrix product over the flattened image."""

    def __init__(self, random, n_in, n_out):
        self.weight = random.normal(0, np.sqrt(1 / n_in), (n_out, n_in)).astype(np.float32)
        self.bias = np.zeros(n_out, np.float32)

    def forward(self, x):
        self.shape = x.shape
        self.flat = x.reshape(len(x), -1)
        return self.flat @ self.weight.T + self.bias

    def backward(self, gradient):
        self.gradients = [gradient.T @ self.flat, gradient.sum(0)]
        return (gradient @ self.weight).reshape(self.shape)


def forward(layers, x):
    """Logits [N,10] of images [N,1,8,8] with pixels 0..1."""
    for layer in layers:
        x = layer.forward(x)
    return x


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def adam(layers, state, step, rate):
    """One step of Adam with decoupled weight decay. state: per parameter, the running mean and mean square."""
    for layer_index, layer in enumerate(layers):
        for name, gradient in zip(("weight", "bias"), layer.gradients):
            mean, square = state.setdefault((layer_index, name), [0.0, 0.0])
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient * gradient
            state[layer_index, name] = [mean, square]
            move = mean / (1 - 0.9 ** step) / (np.sqrt(square / (1 - 0.999 ** step)) + 1e-8)
            value = getattr(layer, name)
            setattr(layer, name, (value - rate * (move + DECAY * value)).astype(np.float32))


def train(x, y):
    """The trained layers; x [N,1,8,8] with pixels 0..1, y labels."""
    random = np.random.default_rng(7)
    layers = [Conv(random, 1, 16), Conv(random, 16, 32), Dense(random, 128, 10)]
    state = {}
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = random.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen = order[start:start + BATCH]
            gradient = softmax(forward(layers, x[chosen]))
            gradient[np.arange(len(chosen)), y[chosen]] -= 1
            gradient /= len(chosen)
            for layer in reversed(layers):
                gradient = layer.backward(gradient)
            step += 1
            adam(layers, state, step, rate)
    return layers


def to_onnx(layers):
    """The layers as nodes."""
    nodes = [helper.make_node("Div", ["input", "white"], ["x0"], "normalise")]
    constants = [common.constant("white", 16)]
    for index, layer in enumerate(layers[:-1], 1):
        nodes += [
            helper.make_node(
                "Conv", [f"x{index - 1}", f"weight{index}", f"bias{index}"], [f"sum{index}"], f"conv{index}",
                kernel_shape=[3, 3], pads=[1, 1, 1, 1]
            ),
            helper.make_node("Relu", [f"sum{index}"], [f"positive{index}"], f"activation{index}"),
            helper.make_node(
                "MaxPool", [f"positive{index}"], [f"x{index}"], f"pool{index}", kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        weight = layer.weight.reshape(-1, layer.c_in, 3, 3)
        constants += [common.constant(f"weight{index}", weight), common.constant(f"bias{index}", layer.bias)]
    nodes += [
        helper.make_node("Flatten", ["x2"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "weight3", "bias3"], ["logits"], "dense", transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    constants += [common.constant("weight3", layers[-1].weight), common.constant("bias3", layers[-1].bias)]
    return common.build(
        "digits_cnn", "A handwritten digit, one channel of 8x8 pixels of 0..16, to the probabilities of 0..9", nodes,
        [common.float_io("input", "N", 1, 8, 8)], [common.float_io("probabilities", "N", 10)], constants
    )


def images(x):
    """[N,64] -> [N,1,8,8] float32."""
    return x.reshape(-1, 1, 8, 8).astype(np.float32)


def main():
    train_x, train_y, test_x, test_y = common.digits()
    layers = train(images(train_x) / 16, train_y)
    probabilities = softmax(forward(layers, images(test_x) / 16))
    correct = int((probabilities.argmax(1) == test_y).sum())
    assert correct >= 0.97 * len(test_y), f"only {correct} of {len(test_y)} right"
    two_best = np.sort(probabilities, axis=1)[:, -2:]
    margin = float((two_best[:, 1] - two_best[:, 0]).min())
    assert margin > 1e-3, f"an image is undecided to {margin}: another runtime might answer otherwise"
    common.save(to_onnx(layers), HERE, [images(test_x[:1]), images(test_x[1:8]), images(test_x[:64])])
    common.record(
        HERE, f"trained by make.py with numpy alone: {EPOCHS} epochs of Adam, batches of {BATCH}",
        common.DIGITS_LICENCE,
        {"input": "float32 [N,1,8,8]: each pixel 0 (paper) to 16 (ink)"},
        {"probabilities": "float32 [N,10]: of the digits 0 to 9"},
        {"of": "numpy's own predictions for digits/test_images.npy", "images": len(test_y), "correct": correct},
    )


if __name__ == "__main__":
    main()
