"""Makes the diabetes_gbr model: gradient-boosted trees from ten clinical measures to the progress of diabetes.

scikit-learn's GradientBoostingRegressor on its diabetes data (unscaled), through skl2onnx: one TreeEnsembleRegressor.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import common  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.datasets import load_diabetes  # noqa: E402
from sklearn.ensemble import GradientBoostingRegressor  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

TEXT = "Diabetes progression after one year from age, sex, bmi, blood pressure and six blood serum measures"
LICENCE = (
    "model: Apache-2.0; data: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, 2004, "
    "as shipped with scikit-learn (BSD-3-Clause)"
)


def main():
    x, y = load_diabetes(return_X_y=True, scaled=False)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=0.25, random_state=42)
    trees = GradientBoostingRegressor(n_estimators=100, learning_rate=0.03, max_depth=3, subsample=0.7, random_state=0)
    trees.fit(train_x, train_y)
    model = common.convert(trees, "diabetes_gbr", TEXT, x.shape[1])
    common.save(model, HERE, [test_x[:1], test_x[1:18], test_x])
    error = np.abs(trees.predict(test_x) - test_y)
    common.record(
        HERE, "scikit-learn GradientBoostingRegressor (100 trees of depth 3) through skl2onnx",
        LICENCE,
        {"input": "float32 [N,10]: age, sex (1, 2), bmi, blood pressure, s1 to s6"},
        {model.graph.output[0].name: "float32 [N,1]: progression, 25 to 346 in the data"},
        {"of": "scikit-learn's own predictions for the 111 patients kept out", "patients": len(test_y),
         "mean_abs_error": round(float(error.mean()), 3), "r2": round(float(trees.score(test_x, test_y)), 4)},
    )


if __name__ == "__main__":
    main()
