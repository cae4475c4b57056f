"""Hostile and odd files by table: what each gets, within seconds and little memory.

Models are run, data sets verified. Every refusal is one line that names the trouble; what is odd but legal works.
Environment: see support/paths.py.
"""

import os
import resource
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import command  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import paths  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from wire import model, number, piece, value, varint  # noqa: E402

BOOL, INT64, STRING = TensorProto.BOOL, TensorProto.INT64, TensorProto.STRING
GREATEST, LEAST = (1 << 63) - 1, -1 << 63
MEMORY_KB = 400 << 10
SECONDS = 10 if "sanitize" not in command.run("--version").stdout else 100

# ---- Pieces ----------------------------------------------------------------------------------------------------------


def node(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def const(name, values, kind=np.int64):
    return numpy_helper.from_array(np.array(values, kind), name)


def floats(name, values):
    return const(name, values, np.float32)


def body(nodes, outputs, inputs=()):
    return helper.make_graph(nodes, "body", [value(*x) for x in inputs], [value(*x) for x in outputs])


def described(number_of, name, kind, dims):
    """An input (11) or output (12) of a graph in bytes."""
    shape = b"".join(piece(1, number(1, dim)) for dim in dims)
    return piece(number_of, piece(1, name) + piece(2, piece(1, number(1, kind) + piece(2, shape))))


HEAD, OPSET = number(1, 8), piece(8, number(2, 17))
X, Y = described(11, b"x", 1, (2, 3)), piece(12, piece(1, b"y"))
RELU = piece(1, piece(1, b"x") + piece(2, b"y") + piece(4, b"Relu"))
ADD = piece(1, piece(1, b"x") + piece(1, b"w") + piece(2, b"y") + piece(4, b"Add"))
GOOD = model([node("Relu", "x")])


def raw(graph, extra=b""):
    return HEAD + OPSET + piece(7, graph) + extra


def weighted(*fields):
    """y = x + w, where w is made of these fields."""
    return raw(X + Y + ADD + piece(5, piece(8, b"w") + b"".join(fields)))


def weights(dims, *fields, kind=1):
    return weighted(number(2, kind), *(number(1, dim) for dim in dims), *fields)


def external(entries):
    pairs = b"".join(piece(13, piece(1, key.encode()) + piece(2, text)) for key, text in entries)
    return weights((2, 3), pairs, number(14, 1))


def nested(depth):
    """Graphs inside If nodes, written from the inside out without copying what is there."""
    parts, n = [], 0
    for _ in range(depth):
        name = piece(1, b"then_branch")
        graph = varint(6 << 3 | 2) + varint(n)
        attribute = varint(5 << 3 | 2) + varint(n + len(graph) + len(name))
        inner = piece(4, b"If") + attribute + name + graph
        n += len(inner)
        whole = varint(1 << 3 | 2) + varint(n)
        n += len(whole)
        parts.append(whole + inner)
    return HEAD + OPSET + varint(7 << 3 | 2) + varint(n) + b"".join(reversed(parts))


def nested_types(depth):
    kind = b""
    for _ in range(depth):
        kind = piece(4, piece(1, kind))
    return raw(piece(11, piece(1, b"x") + piece(2, kind)) + Y + RELU)


def chain(n):
    return model([helper.make_node("Neg", [f"a{i - 1}" if i else "x"], [f"a{i}" if i < n - 1 else "y"])
                  for i in range(n)])


def one_value_many_readers(n):
    readers = b"".join(piece(1, piece(1, b"x") + piece(2, b"o%d" % i) + piece(4, b"Relu")) for i in range(n))
    total = piece(1, b"".join(piece(1, b"o%d" % i) for i in range(n)) + piece(2, b"y") + piece(4, b"Sum"))
    return raw(X + Y + readers + total)


def many_lives(n):
    nodes = [helper.make_node("Add", [f"a{i - 1}" if i else "x"] * 2, [f"a{i}" if i < n - 1 else "y"])
             for i in range(n)]
    return model(nodes)


def function(name, nodes, output="b"):
    return helper.make_function("local", name, ["a"], [output], nodes,
                                [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])


def call(name, inputs="x", outputs="y"):
    return node(name, inputs, outputs, domain="local")


def doubling(n):
    functions = [function("f0", [node("Relu", "a", "b")])]
    functions += [function(f"f{i}", [call(f"f{i - 1}", "a", "c"), call(f"f{i - 1}", "c", "b")]) for i in range(1, n)]
    return model([call(f"f{n - 1}")], functions=functions)


def branches(then, other, condition=()):
    then, other = body(*then), body(*other)
    return model([node("If", "c", then_branch=then, else_branch=other)],
                 [value("c", BOOL, condition), value("x", shape=[2, 3])])


def loop(trips, *steps):
    inner = body([node("Identity", "c", "d"), *steps], [("d", BOOL, []), ("w",)],
                 [("i", INT64, []), ("c", BOOL, []), ("v",)])
    return model([helper.make_node("Loop", ["m", "", "x"], ["y"], body=inner)], constants=[const("m", trips)])


def op(name, *constants, x=(2, 3), outputs="y", opset=17, ml=None, inputs=None, **attributes):
    """One node that reads x, or `inputs`, and then the constants."""
    inputs = "x" if inputs is None else inputs
    names = " ".join([inputs, *(c.name for c in constants)])
    return model([node(name, names, outputs, domain="ai.onnx.ml" if ml else "", **attributes)],
                 [value("x", shape=x)], [value(out) for out in outputs.split()], constants, opset, ml)


def tree(**changes):
    attributes = {
        "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [0, 0, 0],
        "nodes_values": [.5, 0., 0.], "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0], "target_treeids": [0, 0], "target_nodeids": [1, 2], "target_ids": [0, 0],
        "target_weights": [1., 2.], "n_targets": 1, **changes}
    return op("TreeEnsembleRegressor", ml=3, **attributes)


IDENTITY = ([node("Relu", "x", "t")], [("t",)])

# ---- Tables ----------------------------------------------------------------------------------------------------------

MODELS = [  # what, bytes, exit code, part of the message
    # no models at all
    ("text", b"hello, this is not a model\n", 3, "looks like text"),
    ("a pickle", b"\x80\x05\x95\x10\x00\x00\x00", 3, "pickle"),
    ("random bytes", bytes(x * 37 % 251 for x in range(1000)), 3, "byte"),
    ("trailing garbage", GOOD + b"garbage!", 3, f"byte {len(GOOD)}"),
    ("an eleven-byte number", b"\x08" + b"\xff" * 10 + b"\x01", 3, "too long"),
    ("field number 0", GOOD + b"\0\0", 3, "number 0"),
    ("a wire type that is gone", GOOD + varint(100 << 3 | 3), 3, "wire type"),
    ("a length of 2^64-1", HEAD + varint(7 << 3 | 2) + varint(-1) + b"abc", 3, "past the end"),
    ("a graph of wire type 0", HEAD + OPSET + number(7, 1), 3, "ModelProto.graph"),
    ("two graphs", GOOD + piece(7, X + Y + RELU), 3, "twice"),
    ("no graph", HEAD + OPSET, 3, "no graph"),
    ("an empty graph", HEAD + OPSET + piece(7, b""), 3, "no outputs"),
    ("no operator set", HEAD + piece(7, X + Y + RELU), 3, "no operator set"),
    ("opset -1", HEAD + piece(8, number(2, -1)) + piece(7, X + Y + RELU), 3, "version -1"),
    ("opset 999", model([node("Relu", "x")], opset=999), 3, "999"),
    ("IR version 99", number(1, 99) + OPSET + piece(7, X + Y + RELU), 3, "IR version 99"),
    # too much of something
    ("a million unknown fields", GOOD + number(100, 7) * 1000000, 0, ""),
    ("4 million empty nodes", raw(X + Y + piece(1, b"") * 4000000), 5, "NodeProto"),
    ("a million attributes", raw(X + Y + piece(1, piece(4, b"Relu") + piece(5, b"") * 1000000)), 5, "attributes"),
    ("100,000 nested graphs", nested(100000), 3, "nest"),
    ("1,000 nested types", nested_types(1000), 3, "nest"),
    ("a chain of 100,000 nodes", chain(100000), 0, "y"),
    ("100,000 readers of one value", one_value_many_readers(100000), 0, "y"),
    ("60,000 buffers", many_lives(60000), 0, "y"),
    ("a function that calls itself", model([call("f")], functions=[function("f", [call("f", "a", "b")])]), 3,
     "calls itself"),
    ("2^30 calls", doubling(31), 5, "may take 268435456 bytes"),
    # nodes and names
    ("an operator nobody knows", model([node("Frob", "x")]), 3, "ai.onnx:Frob is not known (1 node"),
    ("an operator that was dropped", model([node("Scatter", "x x x")]), 3, "dropped after opset 10"),
    ("a node without operator", raw(X + Y + piece(1, piece(1, b"x") + piece(2, b"y"))), 3, "names no operator"),
    ("too many inputs", model([node("Relu", "x x")]), 3, "at most 1"),
    ("a required input left out", model([helper.make_node("Add", ["", "x"], ["y"])]), 3, "input 0 (A)"),
    ("an input never defined", model([node("Add", "x q")]), 3, "'q' is not defined"),
    ("a value made twice", model([node("Relu", "x"), node("Neg", "x")]), 3, "'y' is made by node 'Relu' and"),
    ("a node that reads itself", model([node("Add", "x y")]), 3, "circle"),
    ("an output never made", model([node("Relu", "x", "z")]), 3, "'y'"),
    ("two inputs of one name", model([node("Relu", "x")], [value("x", shape=[2])] * 2), 3, "'x' is given twice"),
    ("a name with a zero byte", raw(described(11, b"a\0b", 1, (2,)) + Y + RELU), 3, "zero byte"),
    ("control characters in a name", raw(X + Y + piece(1, piece(1, b"x") + piece(2, b"y") + piece(4, b"R\x1b[31m\n"))),
     3, "R?[31m?"),
    ("an input that is an output", model([], outputs=[value("x")]), 0, "x"),
    ("unsorted nodes", model([node("Relu", "a"), node("Neg", "x", "a")]), 0, "y"),
    ("an attribute of the wrong type", model([node("Softmax", "x", axis="a")]), 3, "'axis' must be of type int"),
    ("branches with 1 and 2 outputs", branches(IDENTITY, (IDENTITY[0], [("t",), ("x",)])), 3, "1 and 2 outputs"),
    ("a branch with an input", branches((*IDENTITY, [("q",)]), IDENTITY), 3, "takes no inputs"),
    ("a condition of two values", branches(IDENTITY, IDENTITY, [2]), 3, "must be one value, it has 2"),
    # tensors
    ("a dimension of -1", weights((-1, 3), piece(9, b"\0" * 24)), 3, "dimension -1"),
    ("2^32 by 2^32", weights((1 << 32, 1 << 32)), 5, "'w' is too large"),
    ("rank 10,000", weights([1] * 10000, piece(9, b"\0" * 4)), 5, "rank 10000"),
    ("a byte too few", weights((2, 3), piece(9, b"\0" * 23)), 3, "23 bytes"),
    ("data in two fields", weights((2, 3), piece(9, b"\0" * 24), piece(4, b"\0" * 24)), 3, "both"),
    ("data in the wrong field", weights((2, 3), piece(7, b"\0" * 6)), 3, "int64_data"),
    ("element type 99", weights((2, 3), piece(9, b"\0" * 24), kind=99), 3, "element type 99"),
    ("300 in a byte", weights((1,), number(5, 300), kind=2), 3, "300"),
    ("dims packed and not", weighted(number(1, 2), piece(1, b"\3"), number(2, 1), piece(9, b"\0" * 24)), 0, "y"),
    # weights in files
    ("an absolute path", external([("location", b"/etc/passwd")]), 3, "absolute"),
    ("a path that leads out", external([("location", b"a/../../w")]), 3, "outside"),
    ("a backslash", external([("location", b"..\\w")]), 3, "not allowed"),
    ("a missing file", external([("location", b"w.bin")]), 6, "w.bin"),
    ("the folder", external([("location", b".")]), 3, "outside"),
    ("an offset that is no number", external([("location", b"model.onnx"), ("offset", b"1e3")]), 3, "1e3"),
    ("an offset past the end", external([("location", b"model.onnx"), ("offset", b"1000")]), 3, "past the end"),
    ("a location given twice", external([("location", b"w.bin")] * 2), 3, "twice"),
    # operators
    ("a stride of 0", op("MaxPool", x=(1, 1, 4, 4), kernel_shape=[1, 1], strides=[0, 1]), 3, "strides"),
    ("a group of 0", op("Conv", floats("w", np.ones((3, 2, 3, 3))), x=(1, 2, 5, 5), group=0), 3, "group"),
    ("pads of 2^15", op("Conv", floats("w", np.ones((3, 2, 3, 3))), x=(1, 2, 5, 5), pads=[1 << 15] * 4), 5,
     "more than the 268435456 allowed; 'y' alone"),
    ("a shape with -1 twice", op("Reshape", const("s", [-1, -1])), 3, "2 entries of -1"),
    ("Tile to 2^50", op("Tile", const("s", [1 << 40, 1 << 10])), 5, "'y' alone"),
    ("ConstantOfShape 2^50", op("ConstantOfShape", const("s", [1 << 25, 1 << 25]), inputs=""), 5, "bytes"),
    ("a range without step", op("Range", const("a", 0), const("b", 5), const("c", 0), inputs=""), 3, "zero"),
    ("a slice of INT64_MIN", op("Slice", const("a", [GREATEST]), const("b", [LEAST]), const("c", [0]),
                                const("d", [LEAST])), 0, "y"),
    ("split sizes of INT64_MAX", op("Split", const("s", [GREATEST, GREATEST]), outputs="y z"), 3, "more than 2"),
    ("an index past the end", op("Gather", const("i", [2])), 4, "index 2"),
    ("INT64_MIN by -1", op("Div", const("a", [LEAST]), const("b", [-1]), inputs=""), 0, str(LEAST)),
    ("division by 0", op("Div", const("a", [1]), const("b", [0]), inputs=""), 4, "division by zero"),
    ("one split of INT64_MAX", model([node("SplitToSequence", "x s", "q"), node("SequenceLength", "q")],
                                     constants=[const("s", GREATEST)]), 0, "1"),
    ("a loop of INT64_MAX", loop(GREATEST, node("Neg", "v", "w")), 5, "deadline"),
    ("a loop that doubles its value", loop(GREATEST, node("Concat", "v v", "w", axis=0)), 5, "Loop"),
    ("einsum of 6^13 products", model([node("Einsum", " ".join(["x"] * 13),
                                            equation=",".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i:i + 2]
                                                              for i in range(0, 26, 2)) + "->")]), 5, "deadline"),
    ("a tree that goes in a circle", tree(nodes_truenodeids=[0, 0, 0]), 3, "node 0"),
    ("a tree with a child too far", tree(nodes_truenodeids=[1 << 40, 0, 0]), 3, "1099511627776"),
    ("a pattern that explodes", model([node("RegexFullMatch", "s", pattern="(a+)+$")], [], opset=20,
                                      constants=[const("s", ["a" * 40 + "!"], object)]), 0, "false"),
    ("a softmax over nothing", op("Softmax", x=(2, 0)), 0, "y"),
]

PRESENT = np.array([[1, -2, 3], [4, 5, -6]], np.float32)
TENSOR = numpy_helper.from_array(PRESENT).SerializeToString()
WANTED = numpy_helper.from_array(np.maximum(PRESENT, 0)).SerializeToString()
LIST = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))
FIRST = model([node("SequenceAt", "s i")], [helper.make_value_info("s", LIST)], constants=[const("i", 0)])


def listed(*arrays):
    return onnx.SequenceProto(elem_type=1, tensor_values=[numpy_helper.from_array(a) for a in arrays]
                              ).SerializeToString()


DATA_SETS = [  # what, model, input file, name of the output file, its bytes, exit code, part of the message
    ("as it should be", GOOD, TENSOR, "output_0.pb", WANTED, 0, "1 of 1"),
    ("no expected output", GOOD, TENSOR, "readme", b"", 4, "no file for output 'y'"),
    ("an output of another number", GOOD, TENSOR, "output_1.pb", WANTED, 4, "belongs to no value"),
    ("an empty input file", GOOD, b"", "output_0.pb", WANTED, 4, "input_0.pb"),
    ("a model for an input", GOOD, GOOD, "output_0.pb", WANTED, 4, "input_0.pb"),
    ("NaN expected", GOOD, TENSOR, "output_0.pb",
     numpy_helper.from_array(np.full((2, 3), np.nan, np.float32)).SerializeToString(), 1, "expected nan"),
    ("a sequence", FIRST, listed(PRESENT), "output_0.pb", TENSOR, 0, "1 of 1"),
    ("a sequence of another type", FIRST, listed(PRESENT.astype(np.int64)), "output_0.pb", TENSOR, 4,
     "'s' must be seq(float32), it holds int64"),
    ("a sequence of two types", FIRST, listed(PRESENT, PRESENT.astype(np.int64)), "output_0.pb", TENSOR, 4, "int64"),
    ("a sequence of sequences", FIRST, number(2, 3) + piece(5, listed(PRESENT)), "output_0.pb", TENSOR, 4,
     "holds a sequence"),
    ("a tensor for a sequence", FIRST, TENSOR, "output_0.pb", TENSOR, 4, "SequenceProto"),
]


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quern-hostile-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_on(self, data, *more):
        (self.folder / "model.onnx").write_bytes(data)
        words = [paths.quern(), "run", "model.onnx", "--random", "--threads", "1", "--max-memory", "256",
                 "--timeout-ms", str(SECONDS * 100), *more]
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False)

    def check(self, done, code, part):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(part, done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 0 if code in (0, 1) else 1, done.stderr)
        self.assertTrue(code in (0, 1) or done.stderr.startswith("quern: "), done.stderr)
        self.assertLess(len(done.stderr), 900)

    def test_models(self):
        for what, data, code, part in MODELS:
            with self.subTest(what):
                self.check(self.run_on(data), code, part)
        if SECONDS == 10:
            self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, MEMORY_KB)

    def test_data_sets(self):
        folder = self.folder / "test_data_set_0"
        folder.mkdir()
        for what, data, given, name, wanted, code, part in DATA_SETS:
            for old in folder.iterdir():
                old.unlink()
            (self.folder / "model.onnx").write_bytes(data)
            (folder / "input_0.pb").write_bytes(given)
            (folder / name).write_bytes(wanted)
            with self.subTest(what):
                self.check(command.run("verify", ".", cwd=self.folder), code, part)

    def test_every_cut(self):
        data = (paths.MODELS / "tutorial" / "model.onnx").read_bytes()
        for n in range(0, len(data), 7):
            with self.subTest(n):
                self.check(self.run_on(data[:n]), 3, "model")

    def test_weights_through_links(self):
        weighs = struct.pack("<6f", *range(6))
        (self.folder / "real.bin").write_bytes(weighs)
        (self.folder / "inside").symlink_to("real.bin")
        (self.folder / "outside").symlink_to("/etc/passwd")
        os.mkfifo(self.folder / "fifo")
        for name, code, part in (("inside", 0, "y"), ("outside", 3, "outside"), ("fifo", 6, "regular file")):
            with self.subTest(name):
                self.check(self.run_on(external([("location", name.encode())])), code, part)

    def test_a_model_cache_of_links(self):
        """Model and weights are links into one folder of blobs, which lies beside theirs."""
        (self.folder / "blobs").mkdir()
        (self.folder / "snapshot").mkdir()
        (self.folder / "blobs" / "1").write_bytes(external([("location", b"w.bin")]))
        (self.folder / "blobs" / "2").write_bytes(struct.pack("<6f", *range(6)))
        (self.folder / "snapshot" / "model.onnx").symlink_to("../blobs/1")
        (self.folder / "snapshot" / "w.bin").symlink_to("../blobs/2")
        self.check(command.run("run", "snapshot/model.onnx", "--random", cwd=self.folder), 0, "y")


if __name__ == "__main__":
    unittest.main()
