"""Times a model in onnxruntime the way `quern bench` times it, and prints the same JSON fields.

Inputs: --data DIR, else test_data_set_0 beside the model, else random floats (and zeros of other types) in the shapes
of --shape, unknown dimensions 1. CPU provider, all optimisations, N threads within an operator. The call under the
clock is the cheapest that Python offers: a bound call with inputs and outputs in place, else (outputs that are no plain
tensors) a call with ready-made values. What such a call costs by itself, onnxruntime's own per-call work included, is
measured with a model of one Identity of one number and reported as floor_ms; nothing is subtracted.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
WARM_UP = 0.2  # of the time, at least
WARM_UP_RUNS = 3


def open_session(model, threads, spin):
    """A session as a server would have it; spin: threads wait for the next run in a busy loop."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def random_input(value, shapes):
    """An array for one input of the session."""
    dims = shapes.get(value.name) or [dim if isinstance(dim, int) and dim > 0 else 1 for dim in value.shape]
    if value.type in DTYPES:
        return np.random.default_rng(0).random(dims, np.float32).astype(DTYPES[value.type])
    names = {"tensor(bool)": "bool", "tensor(string)": "object"}
    return np.zeros(dims, names.get(value.type) or value.type[len("tensor("):-1])


def read_inputs(session, model, data, shapes):
    """{name: array} for every input of the session."""
    folder = Path(data) if data else Path(model).parent / "test_data_set_0"
    values = session.get_inputs()
    if shapes or not (folder / "input_0.pb").exists():
        if data:
            sys.exit(f"no input_0.pb in {data}")
        return {value.name: random_input(value, shapes) for value in values}
    feeds = {}
    for index, value in enumerate(values):
        tensor = onnx.TensorProto.FromString((folder / f"input_{index}.pb").read_bytes())
        feeds[value.name] = numpy_helper.to_array(tensor)
    return feeds


def prepare(session, feeds):
    """(how it is called, function, its arguments) of the cheapest call that runs the session on feeds."""
    names = [value.name for value in session.get_outputs()]
    bare = session._sess  # the compiled object below the Python class, where this version has it
    results = session.run(names, feeds)
    if any(array.dtype == object for array in feeds.values()):
        return "run", session.run, (names, feeds)
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in feeds.items()}
    if any(not isinstance(result, np.ndarray) or result.dtype == object for result in results):
        below = {name: value._ortvalue for name, value in values.items()}
        return "run_with_ort_values", bare.run_with_ort_values, (below, names, None)
    binding = session.io_binding()
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    for name, result in zip(names, results):
        binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(result))
    prepare.alive = binding  # the argument below refers to memory of it
    return "io binding", bare.run_with_iobinding, (binding._iobinding, None)


def measure(call, arguments, seconds):
    """Sorted times in nanoseconds of single calls over `seconds`, after a warm-up."""
    clock = time.perf_counter_ns
    end, runs = clock() + int(seconds * WARM_UP * 1e9), 0
    while clock() < end or runs < WARM_UP_RUNS:
        call(*arguments)
        runs += 1
    times = []
    end = clock() + int(seconds * 1e9)
    while True:
        start = clock()
        call(*arguments)
        stop = clock()
        times.append(stop - start)
        if stop >= end:
            return sorted(times)


def floor_ms(threads, spin):
    """Median time of a call that does nothing: Identity of one float."""
    value = [helper.make_tensor_value_info(name, 1, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "floor", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), threads, spin)
    _, call, arguments = prepare(session, {"x": np.zeros(1, np.float32)})
    times = measure(call, arguments, 0.05)
    return times[len(times) // 2] / 1e6


def parse_shape(text):
    """'NAME=1x3x224x224' -> (name, dims)."""
    name, _, dims = text.rpartition("=")
    return name, [int(dim) for dim in dims.split("x")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--data", metavar="DIR")
    parser.add_argument("--shape", type=parse_shape, action="append", default=[], metavar="NAME=1x3x224x224")
    parser.add_argument("--spin", choices=("on", "off"), default="on")
    options = parser.parse_args()

    start = time.perf_counter()
    session = open_session(options.model, options.threads, options.spin == "on")
    load = time.perf_counter() - start
    how, call, arguments = prepare(session, read_inputs(session, options.model, options.data, dict(options.shape)))
    times = measure(call, arguments, options.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({
        "model": options.model, "runtime": f"onnxruntime {onnxruntime.__version__}", "threads": options.threads,
        "spin": options.spin, "call": how, "load_ms": load * 1e3, "min_ms": times[0] / 1e6,
        "median_ms": times[len(times) // 2] / 1e6, "p99_ms": times[int(len(times) * 0.99)] / 1e6, "runs": len(times),
        "rss_peak_kb": peak, "floor_ms": floor_ms(options.threads, options.spin == "on"),
    }))


if __name__ == "__main__":
    main()
