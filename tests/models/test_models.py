"""The models of models/ through the quern command: hashes and size, `verify`, and the digits' accuracy two ways.

The accuracy of every test image over `quern run` and `quern serve` must be exactly the one that the
training program itself reached and the manifest records; no image lies near a tie (make.py insists on it).
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import numpy as np  # noqa: E402
import paths  # noqa: E402
import servers  # noqa: E402

MAX_BYTES = 1_000_000
DIGITS = paths.MODELS / "digits"
CNN = paths.MODELS / "digits_cnn"
SECONDS = 120


def manifest():
    """{name: entry} of models/manifest.json."""
    return {entry["name"]: entry for entry in json.loads((paths.MODELS / "manifest.json").read_text())["models"]}


def test_images():
    """(images uint8 [N,64], labels uint8 [N])"""
    return np.load(DIGITS / "test_images.npy"), np.load(DIGITS / "test_labels.npy")


def quern(*words, stdin=None):
    """Runs the command in an empty folder; the finished process, text streams."""
    with tempfile.TemporaryDirectory(prefix="quern-models-") as cwd:
        return subprocess.run(
            [paths.quern(), *map(str, words)], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, text=True, cwd=cwd, timeout=SECONDS, env=servers.clean_environment()
        )


class Tree(unittest.TestCase):
    """The files are what the manifest says."""

    def test_every_folder_is_in_the_manifest(self):
        folders = {path.parent.name for path in paths.MODELS.glob("*/model.onnx")}
        self.assertEqual(folders, set(manifest()))

    def test_hash_and_size(self):
        for name, entry in manifest().items():
            data = (paths.MODELS / entry["file"]).read_bytes()
            self.assertEqual(len(data), entry["bytes"], name)
            self.assertEqual(hashlib.sha256(data).hexdigest(), entry["sha256"], name)
            self.assertTrue((paths.MODELS / entry["script"]).is_file(), name)

    def test_whole_folder_is_small(self):
        files = [path for path in paths.MODELS.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        self.assertLess(sum(path.stat().st_size for path in files), MAX_BYTES)


class Verify(unittest.TestCase):
    """Every data set of every model passes `quern verify`."""

    def test_all(self):
        folders = sorted(path.parent for path in paths.MODELS.glob("*/model.onnx"))
        sets = {(folder.name, data_set.name) for folder in folders for data_set in folder.glob("test_data_set_*")}
        with tempfile.TemporaryDirectory() as scratch:
            report = Path(scratch) / "report.json"
            done = quern("verify", *folders, "--json", report)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            cases = json.loads(report.read_text())["cases"]
        self.assertEqual({case["status"] for case in cases}, {"pass"})
        seen = [(Path(case["model"].removesuffix("/model.onnx")).name, case["data_set"]) for case in cases]
        self.assertEqual(sorted(seen), sorted(sets))

    def test_wrong_expectation_is_found(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "tutorial"
            (folder / "test_data_set_0").mkdir(parents=True)
            original = paths.MODELS / "tutorial"
            (folder / "model.onnx").write_bytes((original / "model.onnx").read_bytes())
            for name in ("input_0.pb", "output_0.pb"):
                (folder / "test_data_set_0" / name).write_bytes((original / "test_data_set_0" / name).read_bytes())
            self.assertEqual(quern("verify", folder).returncode, 0)
            spoil(folder / "test_data_set_0" / "output_0.pb")
            done = quern("verify", folder)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)


def spoil(file):
    """Adds 1/8 to every float of a tensor file."""
    import onnx
    from onnx import numpy_helper

    tensor = onnx.TensorProto.FromString(file.read_bytes())
    changed = numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(0.125), tensor.name)
    file.write_bytes(changed.SerializeToString())


class Accuracy(unittest.TestCase):
    """The digits that are recognised."""

    def check(self, name, probabilities):
        """Compares the number of right answers, probabilities [N,10], with the manifest's."""
        _, labels = test_images()
        wanted = manifest()[name]["accuracy"]
        probabilities = np.asarray(probabilities, dtype=np.float64)
        self.assertEqual(probabilities.shape, (len(labels), 10))
        self.assertEqual(len(labels), wanted["images"])
        self.assertTrue(np.all(np.abs(probabilities.sum(axis=1) - 1) < 1e-5))
        self.assertEqual(int((probabilities.argmax(axis=1) == labels).sum()), wanted["correct"])

    def test_run(self):
        images, _ = test_images()
        for name, shape in (("digits", (-1, 64)), ("digits_cnn", (-1, 1, 8, 8))):
            with tempfile.TemporaryDirectory() as scratch:
                file, output = Path(scratch) / "images.npy", Path(scratch) / "out"
                np.save(file, images.reshape(shape).astype(np.float32))
                model = paths.MODELS / name / "model.onnx"
                done = quern("run", model, "--input", f"input={file}", "--output", output, "--format", "npy")
                self.assertEqual(done.returncode, 0, done.stderr)
                files = list(output.glob("*.npy"))
                self.assertEqual(len(files), 1, files)
                self.check(name, np.load(files[0]))

    def test_server(self):
        images, _ = test_images()
        with servers.Server(DIGITS / "model.onnx") as server:
            self.check("digits", [predict(server, {"input": image.tolist()}) for image in images])

    def test_server_batch(self):
        images, _ = test_images()
        with servers.Server(CNN / "model.onnx") as server:
            predictions = []
            for start in range(0, len(images), 50):
                body = {"inputs": images[start:start + 50].reshape(-1, 1, 8, 8).tolist()}
                predictions += predict(server, body, "predictions")
            self.check("digits_cnn", predictions)


def predict(server, body, key="prediction"):
    """The prediction for one image, or the predictions for several."""
    status, answer = server.json("POST", "/predict", body)
    if status != 200:
        raise AssertionError(f"{status}: {answer}")
    return answer[key]


class Tutorial(unittest.TestCase):
    """The first thing anyone tries."""

    def test_predict(self):
        with servers.Server(paths.MODELS / "tutorial" / "model.onnx") as server:
            for a, b, c, d in ((1, 2, 3, 4), (-2.5, 1.5, 0, 1), (0, 0, 0, 0)):
                (y,) = predict(server, {"input": [a, b, c, d]})
                self.assertAlmostEqual(y, abs(a - b) + c / 2 - d / 4, delta=0.05)


if __name__ == "__main__":
    unittest.main()
