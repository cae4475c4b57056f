"""Makes the iris models: four measures of a flower in, its species out; StandardScaler and LogisticRegression.

Two models from one training through skl2onnx: iris (probabilities as a tensor [N,3]) and, in the folder iris_zipmap,
the converter's default, where ZipMap turns them into a sequence of maps from class to probability.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

TEXT = "Sepal length, sepal width, petal length and petal width in cm to 0 setosa, 1 versicolor, 2 virginica"


def make(folder, pipeline, options, probabilities, test_x, test_y):
    """Converts, saves and records one of the two models."""
    model = common.convert(pipeline, folder.name, TEXT, 4, options)
    common.save(model, folder, [test_x[:1], test_x[1:6], test_x])
    common.record(
        folder, "scikit-learn StandardScaler and LogisticRegression through skl2onnx"
        + (" with zipmap=False" if options else ""),
        common.IRIS_LICENCE,
        {"input": "float32 [N,4]: " + TEXT.split(" to ")[0]},
        {model.graph.output[0].name: "int64 [N]: 0 setosa, 1 versicolor, 2 virginica",
         model.graph.output[1].name: probabilities},
        {"of": "scikit-learn's own predictions for the 38 flowers kept out", "flowers": len(test_y),
         "correct": int((pipeline.predict(test_x) == test_y).sum())},
    )


def main():
    x, y = load_iris(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
    make(HERE, pipeline, {"zipmap": False}, "float32 [N,3]: of the three species", test_x, test_y)
    zipmap = "sequence of N maps, int64 species to float32 probability"
    make(HERE.parent / "iris_zipmap", pipeline, None, zipmap, test_x, test_y)


if __name__ == "__main__":
    main()
