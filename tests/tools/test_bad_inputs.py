"""Bad inputs and what each gets: model files, command lines, requests. Every one must end with its exit code or status,
one clear line that names the trouble, and no sanitizer report. Prints the table.

Environment: see support/paths.py.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import paths  # noqa: E402
import servers  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402
from wire import model, piece  # noqa: E402

SECONDS = 60
ROWS = []


def nested(depth):
    """A model whose If nodes hold graphs that hold If nodes, and so on."""
    graph = b""
    for _ in range(depth):
        graph = piece(1, piece(4, b"If") + piece(5, piece(1, b"then_branch") + piece(6, graph)))
    return b"\x08\x08" + piece(7, graph) + piece(8, b"\x10\x11")


def short_weights():
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3], raw_data=b"\0" * 20)
    return model([helper.make_node("Add", ["x", "w"], ["y"])], constants=[weights])


def escaping_weights():
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "../../../../etc/passwd"
    return model([helper.make_node("Add", ["x", "w"], ["y"])], constants=[weights])


def cycle():
    return model([helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
                  helper.make_node("Add", ["x", "b"], ["y"])])


def bomb():
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [1 << 40, 1 << 40])
    return model([helper.make_node("Expand", ["x", "shape"], ["y"])], constants=[shape])


def endless(step):
    """A loop of INT64_MAX iterations."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), step], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []),
         helper.make_tensor_value_info("w", TensorProto.FLOAT, None)])
    trips = helper.make_tensor("m", TensorProto.INT64, [], [(1 << 63) - 1])
    return model([helper.make_node("Loop", ["m", "", "x"], ["y"], body=body)], constants=[trips])


FILES = [  # what, bytes, exit code, part of the message
    ("empty file", b"", 3, ""),
    ("JSON instead of a model", b'{"inputs": []}', 3, ""),
    ("model cut in half", (paths.MODELS / "digits" / "model.onnx").read_bytes()[:9000], 3, "byte"),
    ("5,000 nested bodies", nested(5000), 3, "deep"),
    ("unknown operator", model([helper.make_node("Frobnicate", ["x"], ["y"])]), 3, "Frobnicate"),
    ("weights 4 bytes short", short_weights(), 3, "'w'"),
    ("weights in /etc/passwd", escaping_weights(), 3, "w"),
    ("a cycle", cycle(), 3, "circle"),
    ("shapes that do not fit", model([helper.make_node("MatMul", ["x", "x"], ["y"])]), 3, "MatMul"),
    ("Expand to 2^80 elements", bomb(), 3, "Expand"),
    ("kernel of size 0", model([helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[0])],
                               [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4])]), 3, "kernel"),
    ("a loop that grows for ever", endless(helper.make_node("Concat", ["v", "v"], ["w"], axis=0)), 5, "bytes"),
    ("a loop that never ends", endless(helper.make_node("Neg", ["v"], ["w"])), 5, "deadline"),
]

TUTORIAL = str(paths.MODELS / "tutorial" / "model.onnx")

COMMANDS = [  # words, exit code, part of the message
    ([], 2, "usage"),
    (["frobnicate"], 2, "unknown command 'frobnicate'"),
    (["run"], 2, "one model"),
    (["run", "/nonexistent/model.onnx", "--random"], 6, "nonexistent"),
    (["run", "/dev/zero", "--random"], 6, "regular file"),
    (["run", TUTORIAL], 2, "'input'"),
    (["run", TUTORIAL, "--input", "other=x.npy"], 2, "no input 'other'"),
    (["run", TUTORIAL, "--random", "--threads", "-3"], 2, "--threads"),
    (["run", TUTORIAL, "--random", "--frob"], 2, "unknown flag '--frob'"),
    (["run", TUTORIAL, "--random", "--shape", "input=3x9"], 4, "'input'"),
    (["verify", TUTORIAL, "--rtol", "much"], 2, "--rtol"),
    (["serve", TUTORIAL, "--listen", "127.0.0.1:65536"], 2, "65536"),
    (["serve", TUTORIAL, "--max-body", "1e999"], 2, "max-body"),
]

REQUESTS = [  # what, method, path, body, headers, status, part of the message
    ("malformed JSON", "POST", "/predict", '{"input":[1,2', {}, 400, "byte"),
    ("one number too few", "POST", "/predict", '{"input":[1,2,3]}', {}, 400, "4"),
    ("text for a number", "POST", "/predict", '{"input":[1,2,3,"4"]}', {}, 400, "input"),
    ("a number beyond float32", "POST", "/predict", '{"input":[1,2,3,1e999]}', {}, 400, "3"),
    ("ragged batch", "POST", "/predict", '{"inputs":[[1,2,3,4],[1,2]]}', {}, 400, "ragged"),
    ("nesting of 100,000", "POST", "/predict", '{"input":' + "[" * 100000 + "]" * 100000 + "}", {}, 413, ""),
    ("unknown name", "POST", "/predict", '{"output":[1,2,3,4]}', {}, 400, "input"),
    ("trailing garbage", "POST", "/predict", '{"input":[1,2,3,4]} x', {}, 400, "byte"),
    ("empty body", "POST", "/predict", "", {}, 400, ""),
    ("wrong method", "GET", "/predict", None, {}, 405, ""),
    ("unknown route", "GET", "/nothing", None, {}, 404, ""),
    ("compressed body", "POST", "/predict", '{"input":[1,2,3,4]}', {"Content-Encoding": "gzip"}, 415, ""),
    ("XML", "POST", "/predict", "<a/>", {"Content-Type": "application/xml"}, 415, "json"),
]


def note(kind, what, got, message, wanted, part):
    """Adds a row; gives what is wrong with it, or None."""
    lines = [line for line in message.strip().splitlines() if line]
    ROWS.append((kind, what, got, lines[-1] if lines else ""))
    if servers.SANITIZER.search(message):
        return f"{what}: sanitizer report\n{message}"
    if got != wanted:
        return f"{what}: got {got}, not {wanted}: {message[:300]}"
    if part.lower() not in message.lower():
        return f"{what}: '{part}' is not in {message[:300]!r}"
    return None


def run(words):
    done = subprocess.run([paths.quern(), *words], capture_output=True, text=True, timeout=SECONDS,
                          stdin=subprocess.DEVNULL,
                          env=servers.clean_environment(), check=False)
    return done.returncode, done.stderr


def try_files(scratch):
    for what, data, code, part in FILES:
        file = Path(scratch) / "model.onnx"
        file.write_bytes(data)
        words = ["run", str(file), "--random", "--threads", "1", "--max-memory", "256", "--timeout-ms", "5000"]
        yield note("file", what, *run(words), code, part)


def try_commands():
    for words, code, part in COMMANDS:
        shown = " ".join("MODEL" if word == TUTORIAL else word for word in words)
        yield note("command", f"quern {shown}".strip(), *run(words), code, part)


def try_requests():
    with servers.Server(TUTORIAL, "--max-body", "64KiB") as server:
        for what, method, path, body, headers, status, part in REQUESTS:
            headers = {"Content-Type": "application/json", **headers} if body is not None else headers
            got, _, answer = server.request(method, path, body, headers, fresh=True)
            text = answer.decode() if isinstance(answer, bytes) else answer
            text = text if isinstance(text, str) else json.dumps(text)
            wrong = note("request", what, got, text, status, part)
            fields = set(json.loads(text))
            whole = {"error", "code", "request_id"} <= fields
            yield wrong or (None if whole else f"{what}: the answer lacks fields: {text}")
        good = server.request("POST", "/predict", '{"input":[1,2,3,4]}', {"Content-Type": "application/json"})[0]
        yield None if good == 200 else f"after all of them a good request got {good}"


def main():
    with tempfile.TemporaryDirectory() as scratch:
        wrong = [text for text in (*try_files(scratch), *try_commands(), *try_requests()) if text]
    for kind, what, got, message in ROWS:
        print(f"{kind:8} {what[:48]:48} {got!s:>4}  {message[:150]}")
    for text in wrong:
        print(f"WRONG: {text}")
    print(f"{len(ROWS)} bad inputs, {len(wrong)} not as wanted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
