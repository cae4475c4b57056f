"""The quern command as its users meet it: exit codes, help, reports, odd arguments, output that cannot be written.

Environment: see support/paths.py.
"""

import json
import os
import re
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
from onnx import TensorProto, helper  # noqa: E402

COMMANDS = ["serve", "run", "verify", "inspect", "bench", "health", "ops", "help"]
MODELS = sorted(paths.MODELS.glob("*/model.onnx"))
DIGITS = paths.MODELS / "digits" / "model.onnx"
TUTORIAL = paths.MODELS / "tutorial" / "model.onnx"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quern-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_with(self, code, *words, **options):
        done = command.run(*words, cwd=self.folder, **options)
        self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
        return done

    def ok(self, *words, **options):
        done = self.run_with(0, *words, **options)
        self.assertEqual(done.stderr, "", words)
        return done.stdout

    def refused(self, code, part, *words, **options):
        """One line on standard error that has the part; nothing on standard output."""
        done = self.run_with(code, *words, **options)
        self.assertEqual(done.stdout or "", "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, r"^quern: [^:]+: .")
        self.assertIn(part, done.stderr)


class Words(Case):
    def test_help(self):
        self.assertEqual(self.ok("help"), self.ok("--help"))
        for name in COMMANDS:
            text = self.ok("help", name)
            self.assertIn("usage: quern", text)
            if name != "help":
                self.assertEqual(text, self.ok(name, "--help"))
                self.assertIn(name, self.ok("help"))
        for name in ("run", "verify", "inspect", "bench", "ops"):
            self.assertEqual(self.ok(name, "-h"), self.ok("help", name))
            self.assertTrue(all(len(line) < 160 for line in self.ok("help", name).splitlines()))

    def test_version(self):
        fields = [line.split(" ", 1) for line in self.ok("--version").splitlines()]
        self.assertEqual([name for name, _ in fields], ["quern", "commit", "build", "libraries", "cpu"])
        values = dict(fields)
        self.assertRegex(values["quern"], r"^\d+\.\d+\.\d+$")
        self.assertIn("blas=", values["build"])
        for library in ("protobuf-c", "civetweb", "cJSON", "zlib"):
            self.assertRegex(values["libraries"], rf"{library} \d")
        self.assertIn(values["cpu"], ("generic", "avx2", "avx512", "neon"))
        self.assertEqual(self.ok("-V"), self.ok("--version"))

    def test_no_command(self):
        done = self.run_with(2)
        self.assertEqual(done.stdout, "")
        self.assertIn("usage: quern", done.stderr)

    def test_usage_errors(self):
        for part, *words in (
            ("unknown command 'x'", "x"), ("unknown command 'x'", "help", "x"), ("'ops'", "help", "run", "ops"),
            ("unknown command ''", ""),
            ("one model", "run"), ("one model", "run", "a", "b"), ("one model", "bench"),
            ("one model", "inspect", "--json"),
            ("needs a model", "verify"), ("no argument", "ops", "x"),
            ("empty", "run", ""), ("empty", "verify", "a", ""), ("empty", "run", "--data", "", "m"),
            ("empty", "run", "--data=", "m"),
            ("--frob", "run", "m", "--frob"), ("--frob=1", "run", "--frob=1", "m"), ("-random", "run", "-random", "m"),
            ("--data needs", "run", "m", "--data"), ("--json takes no value", "ops", "--json=yes"),
            ("--threads takes", "run", "m", "--threads", "two"), ("--threads takes", "run", "m", "--threads=1.5"),
            ("--threads must", "run", "m", "--threads", "0"), ("--threads must", "run", "m", "--threads", "1e9"),
            ("--rtol takes", "verify", "m", "--rtol", "nan"), ("--rtol must", "verify", "m", "--rtol", "-1"),
            ("--rtol takes", "verify", "m", "--rtol", "0,5"), ("--seconds must", "bench", "m", "--seconds", "0"),
            ("--format", "run", "m", "--format", "xml"), ("--output", "run", "m", "--format", "npy"),
            ("two words?and control?", "run", "m", "--two words\nand control\t"),
        ):
            with self.subTest(words=words):
                self.refused(2, part, *words)

    def test_word_order_and_repeats(self):
        want = self.ok("run", TUTORIAL, "--random", "--seed", "5")
        self.assertEqual(self.ok("run", "--random", "--seed=5", TUTORIAL), want)
        self.assertEqual(self.ok("run", "--random", "--seed", "5", "--", TUTORIAL), want)
        self.assertEqual(self.ok("run", "--seed", "4", "--random", "--random", "--seed", "5", TUTORIAL), want)
        self.assertNotEqual(self.ok("run", TUTORIAL, "--random", "--seed", "6"), want)

    def test_words_behind_two_dashes(self):
        (self.folder / "--model").write_bytes(TUTORIAL.read_bytes())
        self.ok("run", "--random", "--", "--model")
        self.refused(2, "one model", "run", "--random", TUTORIAL, "--", "--json")
        self.refused(6, "-: ", "run", "--random", "-")

    def test_environment(self):
        want = self.ok("run", DIGITS, "--random", "--format", "json")
        self.assertEqual(self.ok("run", DIGITS, "--random", "--format", "json", env={"LC_ALL": "de_DE.UTF-8"}), want)
        for level in ("", "sse", "AVX2"):
            self.refused(2, "QUERN_CPU", "ops", env={"QUERN_CPU": level})
        self.assertIn("cpu generic", self.ok("--version", env={"QUERN_CPU": "generic"}))


class LostOutput(Case):
    """A result that does not arrive is a failure, whatever the command."""

    WORDS = [
        ["help"], ["--version"], ["ops"], ["ops", "--json"], ["ops", "--markdown"], ["inspect", DIGITS],
        ["inspect", DIGITS, "--json", "--plan"], ["inspect", DIGITS, "--plan"], ["run", DIGITS, "--random"],
        ["run", DIGITS, "--random", "--format", "json"], ["verify", DIGITS], ["bench", DIGITS, "--seconds", "0.01"],
        ["bench", DIGITS, "--seconds", "0.01", "--json"],
    ]

    def test_full_disk(self):
        for words in self.WORDS:
            with self.subTest(words=words), open("/dev/full", "w", encoding="utf-8") as full:
                self.refused(6, "No space", *words, stdout=full)

    def test_closed_output(self):
        for words in self.WORDS:
            line = " ".join(f"'{word}'" for word in [paths.quern(), *words])
            done = subprocess.run(["/bin/sh", "-c", f"{line} >&-"], capture_output=True, text=True, timeout=60,
                                  check=False)
            self.assertEqual(done.returncode, 6, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_reader_that_left(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as gone:
            self.refused(6, "pipe", "ops", stdout=gone)

    def test_files_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        (self.folder / "full").mkdir()
        (self.folder / "full" / "probabilities.npy").mkdir()
        for words in (["verify", DIGITS, "--json", "none/report.json"], ["verify", DIGITS, "--json", "/dev/full"],
                      ["run", DIGITS, "--random", "--output", "file"],
                      ["run", DIGITS, "--random", "--output", "none/out"],
                      ["run", DIGITS, "--random", "--output", "full"]):
            with self.subTest(words=words):
                done = self.run_with(6, *words)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.rglob("*.part")), [])


class Run(Case):
    def test_table_and_json(self):
        table = self.ok("run", DIGITS, "--random")
        self.assertRegex(table, r"^probabilities  float32\[1,10\] ")
        outputs = json.loads(self.ok("run", DIGITS, "--random", "--format", "json"))["outputs"]
        self.assertEqual(np.shape(outputs["probabilities"]), (1, 10))
        self.assertAlmostEqual(sum(outputs["probabilities"][0]), 1, places=5)

    def test_output_folder(self):
        for form in ("npy", "pb", "json", "npz"):
            self.assertEqual(self.ok("run", DIGITS, "--random", "--output", "out", "--format", form),
                             self.ok("run", DIGITS, "--random"))
        self.assertEqual(sorted(path.name for path in (self.folder / "out").iterdir()),
                         ["outputs.npz", "probabilities.json", "probabilities.npy", "probabilities.pb"])

    def test_shapes(self):
        command.add(self.folder / "add.onnx")
        got = json.loads(self.ok("run", "add.onnx", "--shape", "a=3", "--shape", "b=3", "--format", "json"))["outputs"]
        self.assertEqual({name: len(values) for name, values in got.items()}, {"sum": 3, "difference": 3})
        for code, part, *words in ((4, "N", "--shape", "a=3", "--shape", "b=4"), (2, "'c'", "--shape", "c=3"),
                                   (2, "3x", "--shape", "a=3x"), (2, "-3", "--shape", "a=-3"),
                                   (2, "'b'", "--shape", "a=3"),
                                   (2, "99999999999999999999", "--shape", "a=99999999999999999999"),
                                   (5, "", "--shape", "a=999999999999", "--random"),
                                   (4, "", "--shape", "a=3x3", "--random")):
            with self.subTest(words=words):
                self.refused(code, part, "run", "add.onnx", *words)
        self.ok("run", DIGITS, "--shape", "2x64")

    def test_shape_of_an_input_with_a_file(self):
        command.identity(self.folder / "model.onnx")
        np.save(self.folder / "x.npy", np.zeros((2, 3), np.float32))
        self.refused(2, "--shape", "run", "model.onnx", "--input", "x.npy", "--shape", "x=2x3")


class Verify(Case):
    def test_report(self):
        folders = [DIGITS.parent, TUTORIAL.parent]
        text = self.ok("verify", *folders, "--json", "report.json", "--jobs", "2")
        cases = json.loads((self.folder / "report.json").read_text())["cases"]
        self.assertEqual([(case["model"], case["data_set"]) for case in cases],
                         [(str(folder), f"test_data_set_{i}") for folder in folders for i in range(3)])
        fields = {"elements", "bad", "first_bad", "nan", "max_abs", "max_rel", "max_ulp", "cosine", "ms"}
        for case in cases:
            self.assertEqual(case["status"], "pass")
            self.assertLessEqual(fields, set(case))
        lines = text.splitlines()
        self.assertEqual(len(lines), 8)
        self.assertEqual(len({len(line) for line in lines[:7]}), 1, text)
        self.assertEqual(lines[-1], "6 of 6 data sets pass")
        self.assertNotIn("/", text)

    def test_a_difference(self):
        folder = self.folder / "wrong"
        command.identity(folder.with_suffix(".onnx"), shape=("N",))
        data = self.folder / "set"
        data.mkdir()
        np.savez(data / "inputs.npz", x=np.float32([1, 2, 3]))
        np.savez(data / "outputs.npz", y=np.float32([1, 2, 4]))
        done = self.run_with(1, "verify", "wrong.onnx", "--data", data, "--json", "-")
        self.assertIn("at [2] expected 4, got 3; 1 of 3 elements differ", done.stdout)
        self.ok("verify", "wrong.onnx", "--data", data, "--atol", "1")
        self.run_with(1, "verify", "wrong.onnx", "--data", data, "--ulp", "100")
        self.ok("verify", "wrong.onnx", "--data", data, "--ulp", "1e8")

    def test_nothing_to_verify(self):
        command.identity(self.folder / "model.onnx")
        for words in (["."], ["model.onnx"]):
            self.assertIn(self.run_with(6, "verify", *words).returncode, range(1, 8))
        self.assertIn("0 of 1", self.run_with(6, "verify", "/nonexistent").stdout)

    def test_maps_of_two_types_are_near(self):
        """The expected float64 values of a map of float32 are a few steps away, not 1e18."""
        self.ok("verify", paths.MODELS / "iris_zipmap", "--json", "report.json")
        for case in json.loads((self.folder / "report.json").read_text())["cases"]:
            self.assertLess(case["max_ulp"], 1000)


class Inspect(Case):
    def test_every_model(self):
        for path in MODELS:
            done = command.run("inspect", path, "--json", "--plan")
            report = json.loads(done.stdout)
            self.assertEqual(report["model"], str(path))
            if done.returncode != 0:
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertTrue(report["missing"])
                continue
            model = onnx.load(path)
            self.assertEqual([x["name"] for x in report["inputs"]], [x.name for x in model.graph.input])
            self.assertEqual([x["name"] for x in report["outputs"]], [x.name for x in model.graph.output])
            self.assertEqual(report["opsets"], {x.domain or "ai.onnx": x.version for x in model.opset_import})
            self.assertEqual(report["nodes_in_file"], len(model.graph.node))
            self.assertEqual(sum(report["operators"].values()), report["nodes"])
            self.assertEqual(report["memory"]["file_bytes"], path.stat().st_size)
            self.assertEqual([step["step"] for step in report["plan"]], list(range(len(report["plan"]))))
            for step in report["plan"]:
                self.assertTrue(step["kernel"] and step["op"])
                for output in step["outputs"]:
                    self.assertRegex(output["place"], r"^(run|const|input \d+|arena \d+\+\d+)$")

    def test_sections(self):
        titles = ("inputs", "outputs", "memory", "operators", "plan")
        for words, shown in (([], {"inputs", "outputs", "memory"}), (["--ops"], {"operators"}),
                             (["--memory"], {"memory"}),
                             (["--plan"], {"plan"}), (["--ops", "--memory"], {"operators", "memory"})):
            lines = self.ok("inspect", DIGITS, *words).splitlines()
            self.assertEqual({title for title in titles if title in lines}, shown, words)
        self.assertRegex(self.ok("inspect", DIGITS), r"model file +[0-9.]+ KiB")
        self.assertNotIn("plan", json.loads(self.ok("inspect", DIGITS, "--json")))
        one, many = (json.loads(self.ok("inspect", DIGITS, "--json", "--shape", f"input={n}x64")) for n in (1, 100))
        grown = [report["memory"]["arena_bytes_per_context"] for report in (one, many)]
        self.assertGreater(grown[1], 50 * grown[0])

    def test_dumps(self):
        self.assertTrue(self.ok("inspect", DIGITS, "--dump", "import").startswith("== import\n"))
        dumps = json.loads(self.ok("inspect", DIGITS, "--dump", "all", "--json"))["dumps"]
        self.assertIn("import", dumps)
        self.assertIn("plan", dumps)

    def test_what_is_missing(self):
        path = self.folder / "bad.onnx"
        nodes = [helper.make_node("Frob", ["x"], ["t"]), helper.make_node("Nicate", ["t"], ["y"])]
        command.save_model(path, nodes, [("x", TensorProto.FLOAT, [1])], [("y", TensorProto.FLOAT, [1])])
        done = self.run_with(3, "inspect", path)
        self.assertIn("Frob", done.stdout)
        self.assertIn("Nicate", done.stdout)
        report = json.loads(self.run_with(3, "inspect", path, "--json").stdout)
        self.assertEqual(len(report["missing"]), 2, report)


class Bench(Case):
    def test_json(self):
        report = json.loads(self.ok("bench", DIGITS, "--seconds", "0.05", "--threads", "1", "--json"))
        self.assertEqual(" ".join(report), "model threads load_ms min_ms median_ms p99_ms runs rss_peak_kb")
        self.assertEqual((report["model"], report["threads"]), (str(DIGITS), 1))
        self.assertLessEqual(report["min_ms"], report["median_ms"])
        self.assertLessEqual(report["median_ms"], report["p99_ms"])
        self.assertGreaterEqual(report["runs"], 3)
        self.assertGreater(report["rss_peak_kb"], 1000)

    def test_text(self):
        text = self.ok("bench", DIGITS, "--seconds", "0.05")
        for line in (r"median run +[0-9.]+ [num]?s", r"peak memory +[0-9.]+ MiB", r"runs +\d+"):
            self.assertTrue(re.search(f"^{line}$", text, re.MULTILINE), text)

    def test_inputs(self):
        command.add(self.folder / "add.onnx")
        self.ok("bench", "add.onnx", "--seconds", "0.01", "--shape", "a=100", "--shape=b=100", "--seed", "3")
        self.ok("bench", DIGITS, "--seconds", "0.01", "--data", DIGITS.parent / "test_data_set_1")
        self.refused(4, "'b'", "bench", "add.onnx", "--seconds", "0.01", "--shape", "a=100", "--shape=b=7")
        self.refused(6, "none", "bench", "add.onnx", "--data", "none")

    def test_outputs_of_another_size_each_run(self):
        nodes = [
            helper.make_node("RandomUniform", [], ["r"], shape=[100]),
            helper.make_node("Round", ["r"], ["bits"]),
            helper.make_node("NonZero", ["bits"], ["y"]),
        ]
        y = helper.make_tensor_value_info("y", TensorProto.INT64, [1, None])
        model = helper.make_model(helper.make_graph(nodes, "g", [], [y]), opset_imports=[helper.make_opsetid("", 17)])
        onnx.save(model, self.folder / "ones.onnx")
        self.ok("bench", "ones.onnx", "--seconds", "0.05")

    def test_unknown_rank(self):
        command.identity(self.folder / "any.onnx", shape=None)
        self.refused(4, "--shape x=", "bench", "any.onnx", "--seconds", "0.01")
        self.ok("bench", "any.onnx", "--seconds", "0.01", "--shape", "x=2x3")


class Ops(Case):
    def test_forms(self):
        rows = json.loads(self.ok("ops", "--json"))
        self.assertGreater(len(rows), 100)
        self.assertIn("Conv", {row["name"] for row in rows})
        table = self.ok("ops", "--markdown").splitlines()
        self.assertTrue(all(line.startswith("| ") and line.endswith(" |") for line in [table[0], *table[2:]]))
        self.assertEqual(len(self.ok("ops").splitlines()), len(table) - 2)


class Health(Case):
    def test_nobody_there(self):
        self.refused(1, "no server", "health", "http://127.0.0.1:1/readyz")
        self.refused(2, "health", "health", "a", "b")


if __name__ == "__main__":
    unittest.main()
