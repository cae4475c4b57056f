"""Makes the digits model: an 8x8 grey image of a handwritten digit in, ten probabilities out.

scikit-learn's MLPClassifier (64 -> 64 -> 10) trained on three quarters of its digits data; the weights are written as
Gemm, Relu and Softmax. The division of the pixels by 16 is part of the model: raw values 0..16 go in. The other quarter
is kept as test_images.npy (uint8 [450,64]) and test_labels.npy (uint8 [450]), for this model and digits_cnn, so that a
test can ask a server for every image and compare with the accuracy that scikit-learn itself reaches.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402
import numpy as np  # noqa: E402
from onnx import helper  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402


def train(x, y):
    """The trained classifier over pixels 0..1."""
    network = MLPClassifier(hidden_layer_sizes=(64,), alpha=1e-3, learning_rate_init=2e-3, max_iter=400, random_state=1)
    return network.fit(x / 16, y)


def to_onnx(network):
    """input [N,64] -> Div 16 -> Gemm -> Relu -> Gemm -> Softmax -> probabilities [N,10]."""
    nodes = [
        helper.make_node("Div", ["input", "white"], ["pixels"], "normalise"),
        helper.make_node("Gemm", ["pixels", "weight1", "bias1"], ["sum1"], "layer1"),
        helper.make_node("Relu", ["sum1"], ["hidden"], "activation"),
        helper.make_node("Gemm", ["hidden", "weight2", "bias2"], ["logits"], "layer2"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    constants = [common.constant("white", 16)]
    for layer, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_), 1):
        constants += [common.constant(f"weight{layer}", weight), common.constant(f"bias{layer}", bias)]
    return common.build(
        "digits", "A handwritten digit, 8x8 pixels of 0..16, to the probabilities of 0..9", nodes,
        [common.float_io("input", "N", 64)], [common.float_io("probabilities", "N", 10)], constants
    )


def main():
    train_x, train_y, test_x, test_y = common.digits()
    network = train(train_x, train_y)
    np.save(HERE / "test_images.npy", test_x.astype(np.uint8))
    np.save(HERE / "test_labels.npy", test_y.astype(np.uint8))
    two_best = np.sort(network.predict_proba(test_x / 16), axis=1)[:, -2:]
    margin = float((two_best[:, 1] - two_best[:, 0]).min())
    assert margin > 1e-3, f"an image is undecided to {margin}: float32 might answer otherwise; train with another seed"
    common.save(to_onnx(network), HERE, [test_x[:1], test_x[1:8], test_x[:64]])
    common.record(
        HERE, "scikit-learn MLPClassifier (64-64-10, ReLU), weights written as Div, Gemm, Relu and Softmax",
        common.DIGITS_LICENCE,
        {"input": "float32 [N,64]: an 8x8 image row by row, each pixel 0 (paper) to 16 (ink)"},
        {"probabilities": "float32 [N,10]: of the digits 0 to 9"},
        {"of": "scikit-learn's own predictions for digits/test_images.npy", "images": len(test_y),
         "correct": int((network.predict(test_x / 16) == test_y).sum())},
    )


if __name__ == "__main__":
    main()
