"""What the make.py scripts share: the digits' split, building and saving a model, data sets, the manifest.

Import it before numpy: it limits the linear algebra to one thread and starts the script anew with a fixed hash seed
(the order of nodes in skl2onnx follows sets), so that a run gives the same bits every time on one kind of machine. Run
a script as `python models/<name>/make.py` with the packages of tests/requirements.txt; it rewrites model.onnx, the
test_data_set_* folders and its own entry in manifest.json.
"""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

MODELS = Path(__file__).resolve().parent
OPSET = 17
IR_VERSION = 8
DIGITS_LICENCE = (
    "model: Apache-2.0; data: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, "
    "UCI Machine Learning Repository, doi 10.24432/C50P49, CC BY 4.0"
)
IRIS_LICENCE = (
    "model: Apache-2.0; data: Iris, R. A. Fisher, 1936, UCI Machine Learning Repository, doi 10.24432/C56C76, CC BY 4.0"
)


def digits():
    """scikit-learn's digits as (train images, train labels, test images, test labels); images [N,64], values 0..16.

    The split is fixed and stratified: a quarter is for testing.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    return train_x, train_y, test_x, test_y


def float_io(name, *dims):
    """A float32 input or output; a dimension given as text is a symbol."""
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(dims))


def constant(name, values):
    """A float32 initializer."""
    return numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name)


def build(name, text, nodes, inputs, outputs, constants):
    """A checked model of the standard operators, documented by `text`."""
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "quern models"
    model.doc_string = text
    onnx.checker.check_model(model, full_check=True)
    return model


def convert(estimator, name, text, n_features, options=None):
    """A scikit-learn estimator through skl2onnx; one float32 input `input` [N, n_features]."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model = convert_sklearn(
        estimator, name, [("input", FloatTensorType([None, n_features]))], options=options,
        target_opset={"": OPSET, "ai.onnx.ml": 3}
    )
    model.doc_string = text
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model, full_check=True)
    return model


def run(model, feeds):
    """Outputs of onnxruntime with its optimisations off, on one thread."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def to_proto(value, name):
    """A value of onnxruntime as the message a test_data_set file holds; a list of maps becomes a sequence of maps."""
    if isinstance(value, np.ndarray):
        return numpy_helper.from_array(value, name)
    sequence = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.MAP)
    for entry in value:
        item = sequence.map_values.add()
        item.key_type = onnx.TensorProto.INT64
        item.keys.extend(entry.keys())
        item.values.elem_type = onnx.SequenceProto.TENSOR
        for number in entry.values():
            item.values.tensor_values.append(numpy_helper.from_array(np.array(number, dtype=np.float32)))
    return sequence


def save(model, folder, batches):
    """Writes model.onnx and one test_data_set_<i> for each batch: an array for the only input."""
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    for old in folder.glob("test_data_set_*"):
        shutil.rmtree(old)
    input_name = model.graph.input[0].name
    for index, batch in enumerate(batches):
        data_set = folder / f"test_data_set_{index}"
        data_set.mkdir()
        batch = np.ascontiguousarray(batch, dtype=np.float32)
        write(data_set / "input_0.pb", to_proto(batch, input_name))
        for position, value in enumerate(run(model, {input_name: batch})):
            write(data_set / f"output_{position}.pb", to_proto(value, model.graph.output[position].name))


def write(path, message):
    """Writes one protobuf message."""
    path.write_bytes(message.SerializeToString(deterministic=True))


def record(folder, made, licence, inputs, outputs, accuracy):
    """Writes the model's entry in manifest.json. inputs, outputs: name -> description; accuracy: what was measured."""
    data = (folder / "model.onnx").read_bytes()
    entry = {
        "name": folder.name,
        "file": f"{folder.name}/model.onnx",
        "script": f"{folder.name}/make.py",
        "made": made,
        "licence": licence,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "inputs": inputs,
        "outputs": outputs,
        "accuracy": accuracy,
    }
    path = MODELS / "manifest.json"
    old = json.loads(path.read_text())["models"] if path.exists() else []
    models = sorted([m for m in old if m["name"] != folder.name] + [entry], key=lambda m: m["name"])
    path.write_text(json.dumps({"models": models}, indent=2, ensure_ascii=False) + "\n")
    print(f"{folder.name}: {len(data)} bytes, {accuracy}")
