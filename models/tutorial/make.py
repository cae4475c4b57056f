"""Makes the tutorial model: four numbers a, b, c, d in, one out, fitted to |a - b| + c/2 - d/4.

A multi-layer perceptron 4 -> 8 -> 1 with ReLU, trained by scikit-learn on random points of [-4, 4]^4. The smallest
model that shows the whole way: {"input":[a,b,c,d]} -> {"prediction":[y]}.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402
import numpy as np  # noqa: E402
from onnx import helper  # noqa: E402
from sklearn.neural_network import MLPRegressor  # noqa: E402

RANGE = 4.0


def target(x):
    """The function to learn, for rows (a, b, c, d)."""
    return np.abs(x[:, 0] - x[:, 1]) + x[:, 2] / 2 - x[:, 3] / 4


def train(random):
    """The trained regressor."""
    x = random.uniform(-RANGE, RANGE, (4000, 4))
    network = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", alpha=0.0, max_iter=5000, tol=1e-9, random_state=3)
    return network.fit(x, target(x))


def to_onnx(network):
    """input [N,4] -> Gemm -> Relu -> Gemm -> output [N,1]."""
    nodes = [
        helper.make_node("Gemm", ["input", "weight1", "bias1"], ["sum1"], "layer1"),
        helper.make_node("Relu", ["sum1"], ["hidden"], "activation"),
        helper.make_node("Gemm", ["hidden", "weight2", "bias2"], ["output"], "layer2"),
    ]
    constants = []
    for layer, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_), 1):
        constants += [common.constant(f"weight{layer}", weight), common.constant(f"bias{layer}", bias)]
    return common.build(
        "tutorial", "y = |a - b| + c/2 - d/4, learned by an MLP 4-8-1", nodes,
        [common.float_io("input", "N", 4)], [common.float_io("output", "N", 1)], constants
    )


def main():
    random = np.random.default_rng(1)
    network = train(random)
    test = random.uniform(-RANGE, RANGE, (2000, 4))
    error = np.abs(network.predict(test) - target(test))
    model = to_onnx(network)
    batches = [[[1, 2, 3, 4]], random.uniform(-RANGE, RANGE, (3, 4)), random.uniform(-RANGE, RANGE, (64, 4))]
    common.save(model, HERE, batches)
    common.record(
        HERE, "scikit-learn MLPRegressor (4-8-1, ReLU) on 4,000 random points, weights written as Gemm and Relu",
        "Apache-2.0",
        {"input": "float32 [N,4]: a, b, c, d, each -4..4 in training"},
        {"output": "float32 [N,1]: about |a - b| + c/2 - d/4"},
        {"points": len(test), "mean_abs_error": round(float(error.mean()), 6),
         "max_abs_error": round(float(error.max()), 6)},
    )


if __name__ == "__main__":
    main()
