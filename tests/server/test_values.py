"""Values through a running server, against Python's own JSON and numpy: every type both ways, several inputs, empty
outputs, NaN; and models that say no, or take long. The codec itself is tested in tests/unit/server."""

import itertools
import json
import signal
import struct
import sys
import tempfile
import time
import unittest
from decimal import Decimal
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import command  # noqa: E402
import servers  # noqa: E402

INTEGERS = {"int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "uint64": 64}
FLOATS = {"float16": np.uint16, "float": np.uint32, "double": np.uint64}
EVERY = [chr(i) for i in range(0x80)] + list("é\u2028\ufffe\ud7ff\ue000\U0001f600\U0010ffff")


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def slow_model(path, n):
    """A loop of float n turns; n None: of the input n."""
    body = helper.make_graph(
        [node("Identity", "c", "d"), node("Sin", "v", "w")], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("c", TensorProto.BOOL, []), helper.make_tensor_value_info("v", 1, [1])],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []), helper.make_tensor_value_info("w", 1, [1])])
    count = [node("Cast", "n", "k", to=TensorProto.INT64)] if n is None else [
        node("Constant", "", "k", value=helper.make_tensor("", TensorProto.INT64, [], [n]))]
    always = node("Constant", "", "t", value=helper.make_tensor("", TensorProto.BOOL, [], [True]))
    inputs = [("x", 1, [1])] + ([("n", 1, [])] if n is None else [])
    nodes = count + [always, node("Loop", "k t x", "y", body=body)]
    return command.save_model(path, nodes, inputs, [("y", 1, [1])])


def make_models(folder):
    for name in [*INTEGERS, *FLOATS, "bool", "string"]:
        command.identity(folder / f"{name}.onnx", TensorProto.DataType.Value(name.upper()), ("N",))
    pair = ("N", 2)
    command.save_model(folder / "three.onnx", [node("Sub", "a b", "difference"), node("Identity", "s", "echo")],
                       [("a", 1, pair), ("b", 1, pair), ("s", 8, ("M",))],
                       [("difference", 1, pair), ("echo", 8, ("M",))])
    command.save_model(folder / "log.onnx", [node("Log", "x", "y")], [("x", 1, ("N",))], [("y", 1, ("N",))])
    command.save_model(folder / "nonzero.onnx", [node("NonZero", "x", "y")], [("x", 1, ("N",))], [("y", 7, (1, "K"))])
    command.save_model(folder / "div.onnx", [node("Div", "a b", "y")], [("a", 6, ("N",)), ("b", 6, ("N",))],
                       [("y", 6, ("N",))])
    command.save_model(folder / "none.onnx", [node("Constant", "", "y", value_float=3.5)], [], [("y", 1, ())])
    slow_model(folder / "slow.onnx", None)


class ValuesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="quern-")
        make_models(Path(cls.folder.name))
        cls.server = servers.Server(cls.folder.name, "--drain-ms", "500", "--timeout-ms", "1500",
                                    "--log-format", "json").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def ask(self, model, body, status=200):
        """The answer's text."""
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        got, _, data = self.server.request("POST", f"/predict/{model}", text)
        self.assertEqual(got, status, data[:200])
        return data.decode()

    def numbers(self, model, texts):
        """The numbers of the answer as they are written."""
        answer = self.ask(model, '{"inputs":{"x":[%s]}}' % ",".join(texts))
        self.assertTrue(answer.startswith('{"outputs":{"y":[') and answer.endswith("]}}"), answer[:100])
        return answer[17:-3].split(",")

    def test_floats_are_exact_and_short(self):
        random = np.random.default_rng(7)
        for name, bits in FLOATS.items():
            with self.subTest(name):
                n_bits = 8 * np.dtype(bits).itemsize
                kind = np.dtype(f"float{n_bits}")
                values = random.integers(0, 2**n_bits, 10000, dtype=np.uint64).astype(bits).view(kind)
                values = values[np.isfinite(values)]
                texts = self.numbers(name, [repr(float(value)) for value in values])
                back = np.array([kind.type(text) for text in texts])
                self.assertTrue(np.array_equal(back.view(bits), values.view(bits)))
                for text, value in zip(texts, values):
                    digits = text.lstrip("-").split("e")[0].replace(".", "").strip("0")
                    shortest = np.format_float_scientific(value, trim="-").lstrip("-").split("e")[0]
                    self.assertLessEqual(len(digits), len(shortest.replace(".", "").strip("0")), (text, value))

    def test_decimals_between_floats_round_to_the_nearest(self):
        texts, wanted = [], []
        for bits in range(1, 0x7F000000, 0x7F0007):
            low, high = struct.unpack("<2f", struct.pack("<2I", bits, bits + 1))
            middle = format(Decimal((low + high) / 2), "f")  # all its digits
            texts += [middle, middle + ("" if "." in middle else ".0") + "1"]
            wanted += [low if bits % 2 == 0 else high, high]
        self.assertEqual([np.float32(text) for text in self.numbers("float", texts)], wanted)

    def test_integers_keep_all_digits(self):
        for name, n_bits in INTEGERS.items():
            with self.subTest(name):
                low, high = (0, 2**n_bits - 1) if name[0] == "u" else (-(2 ** (n_bits - 1)), 2 ** (n_bits - 1) - 1)
                texts = [str(value) for value in (low, high, 0, high // 3, low // 3, high - 1)]
                self.assertEqual(self.numbers(name, texts), texts)
                self.assertEqual(self.numbers(name, ["1.0", "1e1", "-0", "10e-1"]), ["1", "10", "0", "1"])
                for text, problem in [(low - 1, "out of range"), (high + 1, "out of range"), ("1.5", "integer")]:
                    error = json.loads(self.ask(name, '{"inputs":{"x":[0,%s]}}' % text, 400))["error"]
                    self.assertRegex(error, rf'^input "x": element \[1\] is .*{problem}.* {name}$')

    def test_limits_of_float16(self):
        self.assertEqual(self.numbers("float16", ["65504", "65519.99", "-1e-400"]), ["65500.0", "65500.0", "-0.0"])
        for text in ("65520", "1e999", "-1e999"):
            self.assertIn("out of range for float16", self.ask("float16", '{"inputs":{"x":[%s]}}' % text, 400))

    def test_booleans(self):
        self.assertEqual(self.numbers("bool", ["true", "false", "1", "0"]), ["true", "false", "true", "false"])
        for text, problem in [("2", "neither true"), ('"true"', "a string"), ("null", "null"), ("tru", "malformed")]:
            self.assertIn(problem, self.ask("bool", '{"inputs":{"x":[%s]}}' % text, 400))

    def test_strings(self):
        values = EVERY + ["".join(EVERY), "", 'a"b\\c/d', "\0\0"]
        for ascii_only in (True, False):
            body = json.dumps({"inputs": {"x": values}}, ensure_ascii=ascii_only).encode()
            self.assertEqual(json.loads(self.ask("string", body))["outputs"]["y"], values)
        self.assertEqual(json.loads(self.ask("string", r'{"input":["\/\b\f\n\r\t\u00E9\uD83D\ude00"]}'))["prediction"],
                         ["/\b\f\n\r\té😀"])
        for text in (rb'"\ud800"', rb'"\udc00\ud800"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xff"', b'"\n"', rb'"\x"'):
            self.assertIn("malformed JSON at byte 1", self.ask("string", b'{"input":[%s]}' % text, 400))
        self.assertIn("is a number, expected a string", self.ask("string", '{"input":["a",1]}', 400))

    def test_inputs_by_name_in_any_order(self):
        inputs = {"a": [[5, 7]], "b": [[3, 4]], "s": ["x", "y", "z"]}
        wanted = {"difference": [[2, 3]], "echo": ["x", "y", "z"]}
        for names in itertools.permutations(inputs):
            answer = json.loads(self.ask("three", {"inputs": {name: inputs[name] for name in names}}))
            self.assertEqual(answer, {"outputs": wanted})
        self.assertEqual(json.loads(self.ask("three", {"input": inputs})), {"prediction": [2, 3], "outputs": wanted})
        self.assertEqual(json.loads(self.ask("three", {"inputs": {**inputs, "a": [5, 7], "s": []}})),
                         {"outputs": {"difference": [[2, 3]], "echo": []}})
        for changes, problem in [
            ({"c": 1}, 'unknown input "c", the model has "a", "b", "s"'),
            ({"a": [[1, 2, 3]]}, 'input "a": expected shape [N,2], received [1,3]'),
            ({"a": 1}, 'input "a": expected shape [N,2], received 1 value'),
            ({"a": None}, 'input "a": the value is null, expected a number (float32)'),
            ({"s": "x"}, None),
        ]:
            text = self.ask("three", {"inputs": {**inputs, **changes}}, 200 if problem is None else 400)
            if problem is not None:
                self.assertEqual(json.loads(text)["error"], problem)
        del inputs["b"]
        self.assertIn('input \\"b\\" is missing', self.ask("three", {"inputs": inputs}, 400))
        self.assertIn("send them by name", self.ask("three", {"inputs": [[1, 2]]}, 400))

    def test_nothing_in_and_nothing_out(self):
        self.assertEqual(self.ask("nonzero", {"inputs": {"x": [0, 0]}}), '{"outputs":{"y":[[]]}}')
        self.assertEqual(self.ask("nonzero", {"input": [0, 5]}), '{"prediction":[1]}')
        self.assertEqual(self.ask("float", {"input": []}), '{"prediction":[]}')
        self.assertEqual(self.ask("none", {"inputs": {}}), '{"outputs":{"y":3.5}}')
        self.assertIn("the model has no inputs", self.ask("none", {"input": [1]}, 400))

    def test_nan_in_each_mode(self):
        self.assertEqual(self.ask("log", {"input": [-1, 0, 1]}), '{"prediction":[null,null,0.0]}')
        path = Path(self.folder.name) / "log.onnx"
        for mode, wanted in [("string", '["NaN","-Infinity",0.0]'), ("token", "[NaN,-Infinity,0.0]")]:
            with servers.Server(path, "--drain-ms", "0", "--nan", mode) as server:
                self.assertEqual(server.request("POST", "/predict", '{"input":[-1,0,1]}')[2].decode(),
                                 '{"prediction":%s}' % wanted)

    def test_what_the_model_refuses(self):
        """Also that it is served, though it refuses the zeros of the self-test."""
        self.assertEqual(self.ask("div", {"inputs": {"a": [7, -(2**31)], "b": [2, -1]}}),
                         '{"outputs":{"y":[3,-2147483648]}}')
        answer = json.loads(self.ask("div", {"inputs": {"a": [1], "b": [0]}}, 422))
        self.assertEqual(answer["code"], "out_of_range")
        self.assertIn("integer division by zero (Div node", answer["error"])

    # ---- time ----

    def slow(self, turns):
        return json.dumps({"inputs": {"n": turns, "x": [1]}})

    def test_deadline(self):
        start = time.monotonic()
        self.assertEqual(json.loads(self.ask("slow", self.slow(1e12), 504))["code"], "deadline_passed")
        self.assertLess(time.monotonic() - start, 5)
        self.ask("slow", self.slow(10))

    def test_a_client_that_goes(self):
        connection = self.server.connect(0.2)
        connection.request("POST", "/predict/slow", self.slow(1e12), {"X-Request-Id": "gone"})
        with self.assertRaises(OSError):
            connection.getresponse()
        connection.close()
        time.sleep(1.3)
        lines = [json.loads(line) for line in self.server.stderr().splitlines()]
        self.assertEqual([line["status"] for line in lines if line.get("id") == "gone"], [499])

    def test_a_crowd_is_not_taken_for_gone(self):
        """More clients than workers, with runs long enough to be asked for: everybody is answered, nobody 499."""
        path = Path(self.folder.name) / "slow.onnx"
        with servers.Server(path, "--drain-ms", "500", "--max-connections", "8", "--timeout-ms", "3000") as server:
            clients = [server.connect(20) for _ in range(72)]
            for client in clients:
                client.request("POST", "/predict", self.slow(1e12))
            statuses = [client.getresponse().status for client in clients]
            for client in clients:
                client.close()
        self.assertEqual(set(statuses) - {503, 504}, set())

    def test_a_signal_while_loading(self):
        """The self-test of this model takes for ever; nothing is served yet."""
        path = slow_model(Path(self.folder.name).parent / f"{Path(self.folder.name).name}.onnx", 10**12)
        try:
            server = servers.Server(path).start(wait=False)
            time.sleep(1)
            start = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(10), 0)
            self.assertLess(time.monotonic() - start, 2)
            server._forget()  # it ended as it should
        finally:
            path.unlink()

    def test_cancelled_runs_end_the_drain(self):
        path = Path(self.folder.name) / "slow.onnx"
        server = servers.Server(path, "--drain-ms", "500").start()
        client = server.connect(20)
        client.request("POST", "/predict", self.slow(1e12))
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        answer = client.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["code"]), (503, "draining"))
        client.close()
        self.assertEqual(server.wait(5), 0)
        server._forget()  # it ended as it should


if __name__ == "__main__":
    unittest.main()
