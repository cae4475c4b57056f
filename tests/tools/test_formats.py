"""Files of values: what `quern run` and `quern verify` read and write, against numpy and onnx as the other side.

Environment: see support/paths.py.
"""

import io
import json
import struct
import sys
import tempfile
import unittest
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import command  # noqa: E402
import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import paths  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

PLAIN = "float32 float64 float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
NARROW = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4, ml_dtypes.uint4]
VALUES = np.array([[0, 1, 2], [3, 4, 7]])


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quern-formats-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def identity(self, dtype, shape=("N", "M")):
        return command.identity(self.folder / "model.onnx", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    def ok(self, *words):
        done = command.run(*words, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def refused(self, code, part, *words):
        done = command.run(*words, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("quern: "), lines[0])
        self.assertIn(part, lines[0])

    def same(self, got, want):
        self.assertEqual(got.dtype, want.dtype)
        self.assertEqual(got.shape, want.shape)
        self.assertEqual(got.tobytes(), want.tobytes())


def write(path, array, name="x"):
    """One array as a file of the format that the path's ending names."""
    ending = path.suffix
    if ending == ".npy":
        np.save(path, array)
    elif ending == ".npz":
        np.savez(path, **{name: array})
    elif ending == ".pb":
        path.write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    else:
        path.write_text(json.dumps(array.tolist()))
    return path


def read(folder, form, dtype, name="y"):
    """The output that a run left in the folder."""
    if form == "npy":
        return np.load(folder / f"{name}.npy", allow_pickle=False)
    if form == "npz":
        with np.load(folder / "outputs.npz", allow_pickle=False) as archive:
            return archive[name]
    if form == "pb":
        proto = TensorProto.FromString((folder / f"{name}.pb").read_bytes())
        assert proto.name == name, proto.name
        return numpy_helper.to_array(proto)
    return np.array(json.loads((folder / f"{name}.json").read_text()), dtype=dtype)


class RoundTrips(Case):
    def round_trip(self, array, source, target):
        with self.subTest(dtype=str(array.dtype), shape=array.shape, source=source, target=target):
            self.ok("run", self.folder / "model.onnx", "--input", f"x={write(self.folder / f'in.{source}', array)}",
                    "--output", "out", "--format", target)
            got = read(self.folder / "out", target, array.dtype)
            self.same(got.reshape(array.shape) if target == "json" else got, array)

    def test_every_type_through_every_format(self):
        for number, dtype in enumerate(PLAIN):
            self.identity(dtype)
            for source in ("npy", "npz", "pb", "json"):
                for target in ("npy", "npz", "pb", "json")[number % 2::2]:
                    self.round_trip(VALUES.astype(dtype), source, target)

    def test_every_pair_of_formats(self):
        self.identity("float32")
        values = np.array([[1.5, -0.0, 3.4028235e38], [1e-45, 0.1, -2]], np.float32)
        for source in ("npy", "npz", "pb", "json"):
            for target in ("npy", "npz", "pb", "json"):
                self.round_trip(values, source, target)

    def test_shapes(self):
        for array in (np.float32(3).reshape(()), np.zeros((0, 4), np.float32), np.ones((1, 1, 1, 1, 2), np.float32)):
            self.identity("float32", array.shape)
            for form in ("npy", "npz", "pb"):
                self.round_trip(array, form, form)

    def test_not_a_number_keeps_its_bits(self):
        self.identity("float32", (4,))
        array = np.array([0x7fc00001, 0xffc00000, 0x7f800000, 0xff800000], np.uint32).view(np.float32)
        for form in ("npy", "npz", "pb"):
            self.round_trip(array, form, form)

    def test_narrow_types_as_protobuf(self):
        for dtype in NARROW:
            self.identity(dtype)
            self.round_trip(VALUES.astype(dtype), "pb", "pb")

    def test_types_numpy_lacks(self):
        self.identity(ml_dtypes.bfloat16)
        path = write(self.folder / "in.pb", VALUES.astype(ml_dtypes.bfloat16))
        self.refused(3, "bfloat16", "run", "model.onnx", "--input", f"x={path}", "--output", "out")

    def test_complex(self):
        for dtype in ("complex64", "complex128"):
            self.identity(dtype)
            for form in ("npy", "pb"):
                self.round_trip((VALUES * (1 - 2j)).astype(dtype), form, form)

    def test_text(self):
        texts = np.array([["", "a", "Grüße"], ["漢字", "\U0001f600", 'quote" and \n']], dtype=object)
        command.identity(self.folder / "model.onnx", TensorProto.STRING)
        np.save(self.folder / "in.npy", texts.astype("U"))
        np.savez(self.folder / "in.npz", x=texts.astype("U"))
        (self.folder / "in.pb").write_bytes(helper.make_tensor("x", TensorProto.STRING, texts.shape,
                                                               [t.encode() for t in texts.flat]).SerializeToString())
        (self.folder / "in.json").write_text(json.dumps(texts.tolist()))
        for source in ("npy", "npz", "pb", "json"):
            self.ok("run", "model.onnx", "--input", f"x=in.{source}", "--output", "out")
            self.assertEqual(np.load(self.folder / "out" / "y.npy").tolist(), texts.tolist())
            self.ok("run", "model.onnx", "--input", f"x=in.{source}", "--output", "out", "--format", "pb")
            proto = TensorProto.FromString((self.folder / "out" / "y.pb").read_bytes())
            self.assertEqual([t.decode() for t in proto.string_data], list(texts.flat))
            self.ok("run", "model.onnx", "--input", f"x=in.{source}", "--output", "out", "--format", "json")
            self.assertEqual(json.loads((self.folder / "out" / "y.json").read_text()), texts.tolist())

    def test_sequences_and_maps_as_protobuf(self):
        """What the command writes for values that are no tensors, onnx reads, and the command too."""
        kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
        command.identity(self.folder / "model.onnx", kind)
        items = [np.float32([1, 2]), np.zeros((0, 3), np.float32), np.array(7, np.float32)]
        for values in (items, items[:1]):
            (self.folder / "in.pb").write_bytes(numpy_helper.from_list(values, "x").SerializeToString())
            self.ok("run", "model.onnx", "--input", "x=in.pb", "--output", "out", "--format", "pb")
            proto = onnx.SequenceProto.FromString((self.folder / "out" / "y.pb").read_bytes())
            self.assertEqual(proto.name, "y")
            for got, want in zip(numpy_helper.to_list(proto), values, strict=True):
                self.same(got, want)

    def test_outputs_become_a_data_set(self):
        """A run's own files, renamed, verify; the sequence of maps of a classifier too."""
        model = paths.MODELS / "iris_zipmap" / "model.onnx"
        data = self.folder / "set"
        source = model.parent / "test_data_set_0"
        self.ok("run", model, "--data", source, "--output", data, "--format", "pb")
        (data / "output_label.pb").rename(data / "output_0.pb")
        (data / "output_probability.pb").rename(data / "output_1.pb")
        (data / "input_0.pb").write_bytes((source / "input_0.pb").read_bytes())
        self.ok("verify", model, "--data", data, "--rtol", "0", "--atol", "0")
        proto = onnx.SequenceProto.FromString((data / "output_1.pb").read_bytes())
        self.assertEqual(numpy_helper.to_dict(proto.map_values[0]).keys(), {0, 1, 2})


class Names(Case):
    def setUp(self):
        super().setUp()
        command.add(self.folder / "add.onnx")
        self.a, self.b = np.float32([1, 2, 3]), np.float32([10, 20, 30])
        np.save(self.folder / "a.npy", self.a)
        np.save(self.folder / "b.npy", self.b)
        np.savez_compressed(self.folder / "both.npz", a=self.a, b=self.b)

    def outputs(self, *words):
        return json.loads(self.ok("run", "add.onnx", *words, "--format", "json"))["outputs"]

    def test_ways_to_give_inputs(self):
        want = {"sum": [11, 22, 33], "difference": [-9, -18, -27]}
        for words in (
            ["--input", "a=a.npy", "--input", "b=b.npy"],
            ["--input=b=b.npy", "--input=a=a.npy"],
            ["--input", "both.npz"],
            ["--input", "a=both.npz", "--input", "b=both.npz"],
            ["--input", "a=both.npz:a", "--input", "b=both.npz:b"],
        ):
            self.assertEqual(self.outputs(*words), want, words)
        self.assertEqual(self.outputs("--input", "a=both.npz:b", "--input", "b=b.npy")["difference"], [0, 0, 0])

    def test_names_that_do_not_fit(self):
        for code, part, *words in (
            (2, "no input 'c'", "--input", "c=a.npy"),
            (2, "2 inputs", "--input", "a.npy"),
            (2, "'b'", "--input", "a=a.npy"),
            (2, "twice", "--input", "a=a.npy", "--input", "a=b.npy"),
            (4, "twice", "--input", "a=a.npy", "--input", "both.npz"),
            (4, "'c'", "--input", "a=both.npz:c", "--random"),
            (6, "none.npy", "--input", "a=none.npy", "--random"),
            (2, ".npz", "--input", "a=a.txt", "--random"),
            (2, "a.npy:a", "--input", "a=a.npy:a", "--random"),
        ):
            with self.subTest(words=words):
                self.refused(code, part, "run", "add.onnx", *words)
        np.savez(self.folder / "more.npz", a=self.a, b=self.b, c=self.b)
        self.refused(4, "'c'", "run", "add.onnx", "--input", "more.npz")

    def test_signs_in_names(self):
        """Names with '=' and '/', and outputs that would leave the folder or fall on one file."""
        floats = TensorProto.FLOAT
        nodes = [helper.make_node("Identity", ["x=y"], [name]) for name in ("../up", "a/b", "a_b", "..")]
        command.save_model(self.folder / "m.onnx", nodes, [("x=y", floats, [3])],
                           [(name, floats, [3]) for name in ("../up", "a/b", "a_b", "..")])
        self.ok("run", "m.onnx", "--input", "x=y=a.npy", "--output", "out/")
        names = sorted(path.name for path in (self.folder / "out").iterdir())
        self.assertEqual(len(names), 4, names)
        self.assertFalse((self.folder / "up.npy").exists())
        self.ok("run", "m.onnx", "--input", "x=y=a.npy", "--output", "out", "--format", "npz")
        with np.load(self.folder / "out" / "outputs.npz") as archive:
            self.assertEqual(len(archive.files), 4)
            self.assertIn("a/b", archive.files)
            self.assertFalse([name for name in archive.files if ".." in name])

    def test_archive_pair_is_a_data_set(self):
        folder = self.folder / "pair"
        folder.mkdir()
        command.add(folder / "model.onnx")
        np.savez(folder / "inputs.npz", a=self.a, b=self.b)
        np.savez_compressed(folder / "outputs.npz", sum=self.a + self.b, difference=self.a - self.b)
        self.assertIn("1 of 1", self.ok("verify", folder))
        self.assertIn("1 of 1", self.ok("verify", "add.onnx", "--data", folder))
        self.assertEqual(self.outputs("--data", folder)["sum"], [11, 22, 33])
        np.savez(folder / "outputs.npz", sum=self.a + self.b, difference=self.a)
        self.assertEqual(command.run("verify", folder).returncode, 1)
        np.savez(folder / "outputs.npz", sum=self.a + self.b)
        self.assertEqual(command.run("verify", folder).returncode, 4)


class Npy(Case):
    def setUp(self):
        super().setUp()
        self.identity("float32")
        self.array = np.arange(6, dtype=np.float32).reshape(2, 3)

    def given(self, data):
        (self.folder / "in.npy").write_bytes(data)
        return ["run", "model.onnx", "--input", "x=in.npy", "--output", "out"]

    def accept(self, data, want):
        self.ok(*self.given(data))
        self.same(np.load(self.folder / "out" / "y.npy"), want)

    @staticmethod
    def dump(array, version=None):
        out = io.BytesIO()
        np.lib.format.write_array(out, array, version=version, allow_pickle=True)
        return out.getvalue()

    def test_orders_and_versions(self):
        swapped = self.array.astype(">f4")
        for array in (np.asfortranarray(self.array), swapped, np.asfortranarray(swapped)):
            self.accept(self.dump(array), self.array)
        for version in ((1, 0), (2, 0), (3, 0)):
            self.accept(self.dump(self.array, version), self.array)

    def test_big_endian_of_other_types(self):
        for dtype in (">f8", ">i2", ">u8", ">c8", ">c16"):
            array = (np.arange(6) * (1 + 2j if "c" in dtype else 1)).astype(dtype).reshape(2, 3)
            self.identity(array.dtype.newbyteorder("<"))
            self.accept(self.dump(array), array.astype(array.dtype.newbyteorder("<")))
        command.identity(self.folder / "model.onnx", TensorProto.STRING)
        texts = np.array([["a", "bc"]], dtype=">U2")
        self.accept(self.dump(texts), texts.astype("<U2"))

    def test_damaged(self):
        good = self.dump(self.array)
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        large = b"(99999999999999999999,), }"
        self.assertIn(header + b" " * 20, good)
        cases = [
            (b"", "not a .npy"), (b"PK\3\4", "not a .npy"), (good[:-1], "23 bytes"), (good + b"\0", "25 bytes"),
            (good[:40], "header"), (good.replace(b"\x01\x00v", b"\x09\x00v", 1), "version"),
            (good.replace(b"'<f4'", b"'<f3'"), "<f3"), (good.replace(b"'<f4'", b"'|O8'"), "pickled"),
            (good.replace(b"'<f4'", b"[('a',"), "plain"), (good.replace(b"(2, 3)", b"(2,-3)"), "shape"),
            (good.replace(b"(2, 3), }".ljust(len(large)), large), "large"),
            (good.replace(b"False", b"Maybe"), "header"), (good.replace(b"'shape'", b"'shale'"), "header"),
            (self.dump(np.array([{}, []], dtype=object)), "pickled"),
        ]
        for data, part in cases:
            with self.subTest(part=part, data=data[:16]):
                self.refused(5 if data.count(large) else 4, part, *self.given(data))

    def test_every_cut_is_refused(self):
        good = self.dump(self.array)
        for n in range(0, len(good), 7):
            self.refused(4, "in.npy", *self.given(good[:n]))

    def test_wrong_type_and_shape(self):
        self.refused(4, "float64", *self.given(self.dump(self.array.astype(np.float64))))
        self.refused(4, "'x'", *self.given(self.dump(self.array[0])))


def archive(*entries, method=zipfile.ZIP_STORED):
    """A zip of (name, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in entries:
            file.writestr(name, data)
    return out.getvalue()


class Npz(Case):
    def setUp(self):
        super().setUp()
        self.identity("float32")
        self.npy = Npy.dump(VALUES.astype(np.float32))

    def given(self, data):
        (self.folder / "in.npz").write_bytes(data)
        return ["run", "model.onnx", "--input", "x=in.npz"]

    def test_accepted(self):
        good = archive(("x.npy", self.npy))
        with_comment = good[:-2] + struct.pack("<H", 5) + b"hello"
        for data in (good, with_comment, archive(("x.npy", self.npy), method=zipfile.ZIP_DEFLATED),
                     archive(("deep/er/x.npy", self.npy)), archive(("x.npy", self.npy), ("other.npy", self.npy))):
            self.ok(*self.given(data))

    def test_refused(self):
        good = archive(("x.npy", self.npy))
        deflated = archive(("x.npy", self.npy), method=zipfile.ZIP_DEFLATED)
        central = good.rindex(b"PK\1\2")
        end = good.rindex(b"PK\5\6")

        def patched(data, at, *values):
            return data[:at] + struct.pack("<" + values[0], *values[1:]) + data[at + struct.calcsize("<" + values[0]):]

        flipped = bytearray(good)
        flipped[central - 1] ^= 1
        packed = bytearray(deflated)
        packed[deflated.rindex(b"PK\1\2") - 3] ^= 0x55
        double = archive(("x.npy", self.npy), ("y.npy", self.npy)).replace(b"y.npy", b"x.npy")
        cases = [
            (b"", "zip"), (self.npy, "zip"), (good[:-1], "zip"), (b"PK\5\6", "zip"),
            (archive(), "no array"), (archive(("x.txt", b"hello")), "no .npy"),
            (archive(("../x.npy", self.npy)), "outside"), (archive(("a/../../x.npy", self.npy)), "outside"),
            (double, "two entries"), (archive(("x.npy", self.npy), method=zipfile.ZIP_BZIP2), "method 12"),
            (bytes(flipped), "checksum"), (bytes(packed), "x.npy"),
            (patched(good, central + 8, "H", 1), "encrypted"),
            (patched(good, central + 20, "II", 0xffffffff, 0xffffffff), "zip64"),
            (patched(good, central + 24, "I", 7), "cannot hold"),
            (patched(good, central + 42, "I", 5), "not where"),
            (patched(good, end + 16, "I", 0xffffffff), "zip64"),
            (patched(good, end + 16, "I", central + 1), "damaged"),
            (patched(good, end + 8, "HH", 2, 2), "damaged"),
            (patched(good, end + 4, "HH", 1, 1), "parts"),
            (patched(deflated, deflated.rindex(b"PK\1\2") + 24, "I", 100), "unpack"),
        ]
        for data, part in cases:
            with self.subTest(part=part):
                self.refused(4, part, *self.given(data))

    def test_bombs(self):
        """Sizes that the packed bytes cannot hold are refused unread; so is more than the data may take."""
        deflated = archive(("x.npy", self.npy), method=zipfile.ZIP_DEFLATED)
        at = deflated.rindex(b"PK\1\2") + 24
        self.refused(4, "cannot hold", *self.given(deflated[:at] + struct.pack("<I", 1 << 30) + deflated[at + 4:]))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(2200)) + packer.flush()
        name, size = b"x.npy", 2200 << 20
        common = struct.pack("<HHHIIIIHH", 20, 0, 8, 0x00210000, 0, len(packed), size, len(name), 0)
        local = b"PK\3\4" + common + name + packed
        central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
        end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
        self.refused(5, "unpacks to more", *self.given(local + central + end))

    def test_every_cut_and_flip_is_harmless(self):
        good = archive(("x.npy", self.npy), method=zipfile.ZIP_DEFLATED)
        for n in range(0, len(good), 13):
            self.refused(4, "in.npz", *self.given(good[:n]))
        for at in range(0, len(good), 5):
            data = bytearray(good)
            data[at] ^= 0xff
            done = command.run(*self.given(bytes(data)), cwd=self.folder)
            self.assertIn(done.returncode, (0, 4, 5), done.stderr)


class Json(Case):
    def given(self, text):
        (self.folder / "in.json").write_text(text)
        return ["run", "model.onnx", "--input", "x=in.json", "--format", "json"]

    def test_flat_and_nested(self):
        self.identity("float32", (2, 2))
        for text in ("[[1,2],[3,4]]", "[1,2,3,4]", " [ 1 , 2.0 , 3e0 , 4 ] \n"):
            self.assertEqual(json.loads(self.ok(*self.given(text)))["outputs"]["y"], [[1, 2], [3, 4]])

    def test_integers_are_exact(self):
        self.identity("int64", (2,))
        big = [2**63 - 1, -(2**63)]
        self.assertEqual(json.loads(self.ok(*self.given(json.dumps(big))))["outputs"]["y"], big)

    def test_refused(self):
        self.identity("int64", (2,))
        for text, part in (("", "byte"), ("[1,2", "byte"), ("[1,2] 3", "byte"), ("[1.5,2]", "x"), ("[1,2,3]", "x"),
                           ("[9223372036854775808,1]", "x"), ('["1",2]', "x"), ('{"x":[1,2]}', "x"),
                           ("[" * 100000, "")):
            with self.subTest(text=text[:20]):
                self.refused(4, part, *self.given(text))


if __name__ == "__main__":
    unittest.main()
