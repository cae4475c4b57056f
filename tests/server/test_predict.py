"""POST /predict in all its forms over a running server: shapes, numbers, names, errors. What the codec does with every
type is in tests/unit/server/test_predict_codec.c; here it is seen end to end."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import paths  # noqa: E402
import servers  # noqa: E402


def near(a, b, c, d):
    """What the tutorial model has learned."""
    return abs(a - b) + c / 2 - d / 4


class TutorialTest(unittest.TestCase):
    """float32 [N,4] -> float32 [N,1]."""

    ROWS = [[1, 2, 3, 4], [-1.5, 2.25, 0, 1e-3], [0, 0, 0, 0], [3, -3, 1, -1]]

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Server(paths.MODELS / "tutorial" / "model.onnx", "--drain-ms", "500").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def ask(self, body, status=200):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        got, _, data = self.server.request("POST", "/predict", text)
        self.assertEqual(got, status, data)
        return json.loads(data)

    def failed(self, body, pattern, status=400):
        answer = self.ask(body, status)
        self.assertEqual(sorted(answer), ["code", "error", "request_id"])
        self.assertRegex(answer["error"], pattern)

    def test_example(self):
        for row in self.ROWS:
            answer = self.ask({"input": row})
            self.assertEqual(list(answer), ["prediction"])
            self.assertEqual(len(answer["prediction"]), 1)
            self.assertAlmostEqual(answer["prediction"][0], near(*row), delta=0.05)

    def test_the_forms_agree(self):
        single = [self.ask({"input": row})["prediction"] for row in self.ROWS]
        self.assertEqual(self.ask({"input": [self.ROWS[0]]})["prediction"], single[0])
        self.assertEqual(self.ask({"inputs": self.ROWS})["predictions"], single)
        self.assertEqual(self.ask({"inputs": [[row] for row in self.ROWS]})["predictions"], single)
        self.assertEqual(self.ask({"inputs": {self.name(): self.ROWS}}), {"outputs": {self.output_name(): single}})
        answer = self.ask({"inputs": {self.name(): self.ROWS[1]}})
        self.assertEqual(answer["outputs"], {self.output_name(): [single[1]]})
        self.assertEqual(self.ask({"input": sum(self.ROWS, [])})["prediction"], single)
        self.assertEqual(self.ask({"input": {self.name(): self.ROWS[2]}})["prediction"], single[2])

    def name(self):
        """The input's name, from the error that tells it."""
        answer = self.ask({"inputs": {"no such input": []}}, 400)
        return answer["error"].split('the model has "')[1].rstrip('"')

    def output_name(self):
        return list(self.ask({"inputs": {self.name(): self.ROWS}})["outputs"])[0]

    def test_empty_batch(self):
        answer = self.ask({"inputs": []})
        self.assertEqual(answer, {"predictions": []})

    def test_numbers_as_people_write_them(self):
        value = self.ask({"input": [1, 2, 3, 4]})
        for text in ("[1.0,2.0,3.0,4.0]", "[1e0,0.2e1,30e-1,4]", " [ 1 ,\n2,\t3 , 4 ] ",
                     "[1.00000000000000000000000000,2,3,4]"):
            self.assertEqual(self.ask('{"input":%s}' % text), value)
        self.assertEqual(self.ask('\n{ "input" : [1,2,3,4] }\r\n'), value)

    def test_answers_read_back(self):
        """Every number of an answer is the shortest that reads back as the same float32."""
        import struct

        for i in range(200):
            text = self.server.request("POST", "/predict", '{"input":[%d.%03d,1,2,3]}' % (i % 7, i))[2].decode()
            value = text.split("[")[1].split("]")[0]
            single = struct.unpack("f", struct.pack("f", float(value)))[0]
            digits = len(value.replace(".", "").replace("-", "").lstrip("0").split("e")[0])
            self.assertTrue(digits <= 9, value)
            self.assertEqual(float(f"{single:.{max(digits, 1)}g}"), float(value))

    def test_errors_name_what_is_wrong(self):
        for body, pattern in [
            ({"input": [1, 2, 3]}, r'expected shape \[N,4\], received 3 values'),
            ({"input": [[1, 2, 3]]}, r'expected shape \[N,4\], received \[1,3\]'),
            ({"input": [[1, 2, 3, 4], [1]]}, r"ragged: array \[1\] has 1 elements, those before it 4"),
            ({"input": [1, 2, "3", 4]}, r"element \[2\] is a string, expected a number \(float32\)"),
            ({"input": [[1, 2, 3, None]]}, r"element \[0\]\[3\] is null"),
            ({"input": [1, 2, True, 4]}, r"element \[2\] is a boolean"),
            ('{"input":[1,2,1e999,4]}', r"element \[2\] is out of range for float32"),
            ('{"input":[1,2,NaN,4]}', r"malformed JSON at byte 14: expected a value"),
            ('{"input":[1,2,3,4]', r"malformed JSON at byte 18: expected ',' or '}'"),
            ('{"input":[1,2,3,4]}}', r"malformed JSON at byte 19: text after the end"),
            ('{"input":[1,2,03,4]}', r"malformed JSON at byte 15: malformed number"),
            ("", r"expected an object .* at byte 0, found the end of the text"),
            ("null", r"expected an object .* found null"),
            ("[]", r"expected an object .* found an array"),
            ("{}", r'"input" or "inputs" is missing'),
            ({"input": [1, 2, 3, 4], "x": 1}, r'unknown member "x", expected "input" or "inputs"'),
            ('{"input":[1,2,3,4],"input":[1,2,3,4]}', r'more than one of "input" and "inputs"'),
            ({"input": [1, 2, 3, 4], "inputs": []}, r'more than one of "input" and "inputs"'),
            ({"inputs": {"x": [1]}}, r'unknown input "x"'),
            ({"inputs": {}}, r'input "\w+" is missing'),
            ({"inputs": [1, 2, 3, 4]}, r"expected examples of shape \[N,4\], received \[4\]"),
            ({"inputs": 5}, r'"inputs" must be a list of examples'),
            ({"inputs": [[1, 2], [3, 4]]}, r"expected examples of shape \[N,4\], received \[2,2\]"),
            ({"inputs": {self.name(): {"a": 1}}}, r"is an object, expected a number"),
            ('{"input":' + "[" * 100000, r"deeper than a tensor can be"),
            ('{"x":' * 100000, r'unknown member "x"'),
            (b"\xef\xbb\xbf{}", r"at byte 0"),
            (b'{"inp\xff":1}', r"malformed JSON at byte 5: a string is not valid UTF-8"),
            (b'{"input\\u0000":1}', r"unknown member"),
        ]:
            with self.subTest(str(body)[:60]):
                self.failed(body, pattern)

    def test_batch_limit(self):
        self.assertEqual(len(self.ask({"inputs": [[1, 2, 3, 4]] * 64})["predictions"]), 64)
        self.failed({"inputs": [[1, 2, 3, 4]] * 65}, r"65 examples, the limit is 64", 422)

    def test_a_large_whole_input(self):
        rows = [[i % 5, 1, 2, 3] for i in range(20000)]
        answer = self.ask({"inputs": {self.name(): rows}})["outputs"][self.output_name()]
        self.assertEqual(len(answer), len(rows))
        for i in range(0, len(rows), 997):
            self.assertEqual(answer[i], answer[i % 5])


class RepositoryTest(unittest.TestCase):
    """A folder of models."""

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Server(paths.MODELS, "--drain-ms", "500", "--nan", "string").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_models_by_name(self):
        status, answer = self.server.json("POST", "/predict/tutorial", {"input": [1, 2, 3, 4]})
        self.assertEqual((status, list(answer)), (200, ["prediction"]))
        status, answer = self.server.json("POST", "/predict/digits", {"input": [0] * 64})
        self.assertEqual((status, len(answer["prediction"])), (200, 10))
        self.assertAlmostEqual(sum(answer["prediction"]), 1, delta=1e-5)

    def test_no_name_and_wrong_names(self):
        status, answer = self.server.json("POST", "/predict", {"input": [1, 2, 3, 4]})
        self.assertEqual((status, answer["code"]), (404, "model_not_found"))
        self.assertIn("/predict/<name>", answer["error"])
        status, answer = self.server.json("POST", "/predict/nothing", {"input": [1]})
        self.assertEqual((status, answer["code"]), (404, "model_not_found"))

    def test_nested_input(self):
        """[N,1,8,8], nested without the batch, and flat."""
        flat = [i % 17 for i in range(64)]
        rows = [flat[i * 8 : i * 8 + 8] for i in range(8)]
        values = [self.server.json("POST", "/predict/digits_cnn", body) for body in (
            {"input": flat}, {"input": [rows]}, {"input": [[rows]]})]
        batches = [self.server.json("POST", "/predict/digits_cnn", body) for body in (
            {"inputs": [flat, flat]}, {"inputs": [[rows], [rows]]}, {"inputs": [[[rows]], [[rows]]]})]
        for status, answer in values + batches:
            self.assertEqual(status, 200, answer)
        for _, answer in values:
            self.assertEqual(answer, values[0][1])
        for _, answer in batches:
            self.assertEqual(answer["predictions"], [values[0][1]["prediction"]] * 2)
        status, answer = self.server.json("POST", "/predict/digits_cnn", {"input": rows})
        self.assertEqual(status, 400)
        self.assertRegex(answer["error"], r"expected shape \[N,1,8,8\], received \[8,8\]")

    def test_classifier_with_labels_and_maps(self):
        """Label and ZipMap: the label is the prediction, everything stands under its name."""
        status, answer = self.server.json("POST", "/predict/iris_zipmap", {"input": [5.1, 3.5, 1.4, 0.2]})
        self.assertEqual(status, 200, answer)
        self.assertEqual(list(answer), ["prediction", "outputs"])
        self.assertEqual(len(answer["prediction"]), 1)
        self.assertEqual(len(answer["outputs"]), 2)
        label, maps = answer["outputs"].values()
        self.assertEqual(label, answer["prediction"])
        self.assertEqual(len(maps), 1)
        self.assertEqual(str(label[0]), max(maps[0], key=maps[0].get))
        self.assertAlmostEqual(sum(maps[0].values()), 1, delta=1e-5)
        status, answer = self.server.json("POST", "/predict/iris_zipmap",
                                          {"inputs": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]})
        self.assertEqual((status, len(answer["predictions"])), (200, 2))
        self.assertEqual(len(list(answer["outputs"].values())[1]), 2)


if __name__ == "__main__":
    unittest.main()
