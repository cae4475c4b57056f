"""Runs the quern command for a test, and makes the small models such tests need.

A run that leaves a sanitizer report, or ends with a code outside the documented ones, fails at once.
"""

import subprocess
import tempfile

import onnx
import paths
import servers
from onnx import TensorProto, helper

SECONDS = 120
CODES = range(8)


def run(*words, cwd=None, stdout=subprocess.PIPE, env=None, text=True):
    """Runs the command, by default in an empty folder; the finished process."""
    with tempfile.TemporaryDirectory(prefix="quern-") as empty:
        done = subprocess.run(
            [paths.quern(), *map(str, words)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
            text=text, cwd=cwd or empty, env=servers.clean_environment(env), timeout=SECONDS, check=False,
        )
    complaint = done.stderr if text else done.stderr.decode(errors="replace")
    if servers.SANITIZER.search(complaint) or done.returncode not in CODES:
        raise AssertionError(f"quern {' '.join(map(str, words))} ended with {done.returncode}: {complaint}")
    return done


def save_model(path, nodes, inputs, outputs, opset=21):
    """Writes a model whose inputs and outputs are (name, type or TypeProto, shape); gives the path."""
    def info(name, kind, shape=None):
        if isinstance(kind, onnx.TypeProto):
            return helper.make_value_info(name, kind)
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(nodes, "g", [info(*x) for x in inputs], [info(*x) for x in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


def identity(path, kind=TensorProto.FLOAT, shape=("N", "M"), names=("x", "y")):
    """A model that gives back its input."""
    return save_model(path, [helper.make_node("Identity", [names[0]], [names[1]])], [(names[0], kind, shape)],
                      [(names[1], kind, shape)])


def add(path, shape=("N",)):
    """A model of two inputs, a and b, and two outputs, sum and difference."""
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])]
    floats = TensorProto.FLOAT
    return save_model(path, nodes, [("a", floats, shape), ("b", floats, shape)],
                      [("sum", floats, shape), ("difference", floats, shape)])
