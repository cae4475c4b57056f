"""Runs the backend test corpora of the installed onnx package through `quern verify` and compares with expect.txt.

Suites: node, simple, pytorch-operator, pytorch-converted, light (its inputs are made here, as onnx's own runner makes
them). Many cases share one process; when a process crashes, hangs or is reported by a sanitizer, its cases are run
again one by one to name the guilty, and that always fails the test. expect.txt has one line per case that does not
pass, `<suite>/<case>  <fail|unsupported|error>: reason`, and the test fails when it is stale in either direction: a
listed case that passes, an unlisted one that does not, another kind of failure than the one listed.

    test_corpus.py [--suite NAME] [--match REGEX] [--update] [--workers N] [--seconds S]

Environment: see support/paths.py.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import paths  # noqa: E402
import servers  # noqa: E402

SUITES = ["light", "pytorch-converted", "pytorch-operator", "simple", "node"]
EXPECT = HERE / "expect.txt"
RTOL, ATOL = 1e-3, 1e-7  # onnx's own, where data.json does not say otherwise
STATUSES = ("fail", "unsupported", "error")
RANDOM = "random"  # in expect.txt: no fixed answer, so the values may agree or not
CRASH = "crash"  # also hangs, sanitizer reports and nonsense answers: never allowed in expect.txt
CHUNK = {"light": 1, "pytorch-converted": 41, "pytorch-operator": 35, "simple": 23, "node": 74}
LINE = re.compile(r"(?P<id>\S+/\S+)\s+(?P<status>\w+): (?P<reason>.*)")
REASON_CHARS = 160

Case = collections.namedtuple("Case", "id folder rtol atol")
Outcome = collections.namedtuple("Outcome", "status reason")
PASS = Outcome("pass", "")


# ---- cases ----

def tolerance(file):
    """(rtol, atol) of a data.json, or the defaults."""
    data = json.loads(file.read_text()) if file.exists() else {}
    return float(data.get("rtol", RTOL)), float(data.get("atol", ATOL))


def suite_cases(suite, corpora):
    """All cases of one suite, in order of name."""
    if suite == "light":
        return light_cases(corpora)
    folders = sorted(path for path in (corpora / suite).iterdir() if (path / "model.onnx").exists())
    return [Case(f"{suite}/{folder.name}", folder, *tolerance(folder / "data.json")) for folder in folders]


def light_cases(corpora):
    """The nets of light/, laid out in the build folder with the inputs that onnx.backend.test.runner would make."""
    cases = []
    for model in sorted((corpora / "light").glob("light_*.onnx")):
        name = "test_" + model.stem.removeprefix("light_")
        folder = paths.build_dir() / "onnx-light" / name
        make_light_case(model, folder)
        cases.append(Case(f"light/{name}", folder, *tolerance(corpora / "real" / name / "data.json")))
    return cases


def make_light_case(model_file, folder):
    """model.onnx and test_data_set_0 of one net: each float input is 0, 1/n, 2/n, ... over its n elements."""
    import onnx
    from onnx import numpy_helper

    data_set = folder / "test_data_set_0"
    data_set.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model_file, folder / "model.onnx")
    graph = onnx.load(model_file).graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    for index, value in enumerate(inputs):
        tensor = numpy_helper.from_array(light_input(value), value.name)
        (data_set / f"input_{index}.pb").write_bytes(tensor.SerializeToString())
    for index in range(len(graph.output)):
        shutil.copyfile(model_file.with_name(f"{model_file.stem}_output_{index}.pb"), data_set / f"output_{index}.pb")


def light_input(value):
    """The array the onnx runner feeds to one input."""
    import numpy as np

    assert value.type.tensor_type.elem_type == 1, f"{value.name} is not float32"
    dims = [dim.dim_value if dim.HasField("dim_value") else 1 for dim in value.type.tensor_type.shape.dim]
    count = int(np.prod(dims))
    return (np.arange(count).reshape(dims) / count).astype(np.float32)


# ---- running ----

class Batch:
    """Runs `quern verify` over some cases of one tolerance, in one process that may take `seconds`."""

    def __init__(self, cases, seconds):
        self.cases = cases
        self.seconds = seconds

    def run(self):
        """Outcomes by case id. One case of a batch that breaks down makes the whole batch run one by one."""
        outcomes, trouble = self.attempt()
        if trouble is None:
            return outcomes
        if len(self.cases) == 1:
            return {self.cases[0].id: Outcome(CRASH, trouble)}
        outcomes = {}
        for case in self.cases:
            outcomes.update(Batch([case], self.seconds / 4).run())
        if all(outcome.status != CRASH for outcome in outcomes.values()):
            first = self.cases[0].id
            outcomes[first] = Outcome(CRASH, f"only together with the {len(self.cases) - 1} cases after it: {trouble}")
        return outcomes

    def attempt(self):
        """(outcomes, None), or (None, what went wrong with the process)."""
        with tempfile.TemporaryDirectory(prefix="quern-corpus-") as scratch:
            report = Path(scratch) / "report.json"
            folders = [str(case.folder) for case in self.cases]
            case = self.cases[0]
            command = [paths.quern(), "verify", "--rtol", repr(case.rtol), "--atol", repr(case.atol),
                       "--json", str(report), *folders]
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, capture_output=True, cwd=scratch, timeout=self.seconds,
                    env=servers.clean_environment()
                )
            except subprocess.TimeoutExpired:
                return None, f"no end after {self.seconds:g} s"
            rows, trouble = read_report(done, report)
            return (None, trouble) if trouble else judge(self.cases, rows, done.returncode)


def read_report(done, report):
    """(rows, None) of a finished process, or (None, what is wrong with how it ended)."""
    errors = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0:
        return None, f"ended by signal {-done.returncode}"
    if servers.SANITIZER.search(errors):
        return None, "sanitizer: " + next(line for line in errors.splitlines() if servers.SANITIZER.search(line))
    try:
        return json.loads(report.read_text())["cases"], None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        return None, f"exit code {done.returncode}, no usable report ({problem}): {errors.strip()[-300:]}"


def judge(cases, rows, code):
    """(outcomes, None) from the report's rows, or (None, how they contradict the cases or the exit code)."""
    by_folder = collections.defaultdict(list)
    for row in rows:
        model = row["model"]
        by_folder[os.path.abspath(os.path.dirname(model) if model.endswith(".onnx") else model)].append(row)
    outcomes = {}
    for case in cases:
        mine = by_folder.pop(str(case.folder), [])
        if not mine:
            return None, f"the report says nothing of {case.id}"
        outcomes[case.id] = worst(case, mine)
    if by_folder:
        return None, f"the report has a model nobody asked for: {next(iter(by_folder))}"
    passed = all(outcome == PASS for outcome in outcomes.values())
    if code == 7 or (code == 0) != passed:
        return None, f"exit code {code} though {'all' if passed else 'not all'} cases pass"
    return outcomes, None


def worst(case, rows):
    """PASS when every data set of the case passes, else the first outcome that does not."""
    for row in rows:
        if row["status"] == "pass":
            continue
        if row["status"] not in STATUSES or not row.get("reason"):
            return Outcome(CRASH, f"status {row['status']!r} with reason {row.get('reason')!r}")
        reason = " ".join(str(row["reason"]).replace(str(case.folder) + os.sep, "").split())
        return Outcome(row["status"], reason[:REASON_CHARS].strip())
    return PASS


def batches(cases, seconds):
    """Cases cut into batches: one suite and one tolerance each, slow ones first."""
    groups = collections.defaultdict(list)
    for case in cases:
        groups[case.id.split("/")[0], case.rtol, case.atol].append(case)
    result = []
    for (suite, _, _), members in groups.items():
        size = CHUNK[suite]
        result += [Batch(members[i:i + size], seconds) for i in range(0, len(members), size)]
    return result


def run_all(cases, workers, seconds):
    """Outcomes of all cases by id."""
    outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for part in pool.map(Batch.run, batches(cases, seconds)):
            outcomes.update(part)
    return outcomes


# ---- expectations ----

def read_expect():
    """expect.txt as {case id: Outcome}."""
    expect = {}
    for number, line in enumerate(EXPECT.read_text().splitlines() if EXPECT.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if not match or match["status"] not in (*STATUSES, RANDOM) or match["id"] in expect:
            sys.exit(f"{EXPECT.name}:{number}: malformed or repeated: {line}")
        expect[match["id"]] = Outcome(match["status"], match["reason"])
    return expect


HEADER = """\
# Cases of the ONNX 1.22.0 backend corpora that do not pass; test_corpus.py fails when this list is stale.
# <suite>/<case>  <fail|unsupported|error>: reason
# Written by `test_corpus.py --update`, which keeps a reason as long as the kind of failure stays the same.
"""


def update(cases, outcomes, expect):
    """Rewrites expect.txt: lines of cases that were not run stay, reasons of unchanged kinds stay."""
    known = {case.id for case in all_cases(paths.onnx_corpora())}
    keep = {name: entry for name, entry in expect.items() if name in known and name not in outcomes}
    for case in cases:
        outcome, old = outcomes[case.id], expect.get(case.id)
        if old and old.status == RANDOM:
            keep[case.id] = old
        if outcome == PASS or outcome.status == CRASH or case.id in keep:
            continue
        keep[case.id] = old if old and old.status == outcome.status else outcome
    lines = [f"{name}  {entry.status}: {entry.reason}\n" for name, entry in sorted(keep.items())]
    EXPECT.write_text(HEADER + "".join(lines))


def disagreements(cases, outcomes, expect, complete):
    """Every way in which outcomes and expectations differ, as text lines."""
    lines = []
    for case in cases:
        got, want = outcomes[case.id], expect.get(case.id)
        if want and want.status == RANDOM and got.status in (PASS.status, "fail"):
            continue
        if got == PASS and want:
            lines.append(f"{case.id}: passes, but {EXPECT.name} lists it as {want.status}")
        elif got != PASS and (not want or got.status == CRASH):
            lines.append(f"{case.id}: {got.status}: {got.reason}")
        elif want and got.status != want.status:
            lines.append(f"{case.id}: {got.status}, but {EXPECT.name} lists it as {want.status}: {got.reason}")
    if complete:
        known = {case.id for case in cases}
        lines += [f"{name}: listed in {EXPECT.name} but there is no such case" for name in expect if name not in known]
    return lines


def summary(cases, outcomes, seconds):
    """One line per suite: cases, passes and the other outcomes."""
    for suite in SUITES:
        mine = [outcomes[case.id] for case in cases if case.id.startswith(suite + "/")]
        if mine:
            counts = collections.Counter(outcome.status for outcome in mine)
            order = [status for status in (PASS.status, *STATUSES, CRASH) if counts[status]]
            text = ", ".join(f"{counts[status]} {status}" for status in order)
            print(f"{suite:18} {len(mine):5} cases: {text}")
    print(f"{len(cases)} cases in {seconds:.1f} s")


def all_cases(corpora):
    """Every case of every suite; an empty suite is a broken installation, not a pass."""
    cases = []
    for suite in SUITES:
        found = suite_cases(suite, corpora)
        if not found:
            sys.exit(f"no cases in {corpora / suite}")
        cases += found
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", choices=SUITES)
    parser.add_argument("--match", help="only cases whose suite/name this regular expression finds")
    parser.add_argument("--update", action="store_true", help="rewrite expect.txt instead of comparing with it")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes at once")
    parser.add_argument("--seconds", type=float, default=120, help="time a process may take")
    options = parser.parse_args()

    cases = [
        case for case in all_cases(paths.onnx_corpora())
        if (not options.suite or case.id.startswith(options.suite + "/"))
        and (not options.match or re.search(options.match, case.id))
    ]
    if not cases:
        sys.exit("no case matches")
    start = time.monotonic()
    outcomes = run_all(cases, options.workers, options.seconds)
    summary(cases, outcomes, time.monotonic() - start)

    expect = read_expect()
    if options.update:
        update(cases, outcomes, expect)
        expect = read_expect()
    bad = disagreements(cases, outcomes, expect, complete=not (options.suite or options.match))
    for line in bad:
        print(line)
    print(f"{len(bad)} disagreements with {EXPECT.name}" if bad else f"as {EXPECT.name} says")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
