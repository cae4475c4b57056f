"""Compares quern with onnxruntime on the same models, inputs and threads, in turns, and keeps the results.

    compare.py MODEL... [--threads 1,2] [--seconds S] [--rounds N] [--spin on|off|both] [--shape NAME=DIMS] [--note T]

Each round runs `quern bench` and then peers/ort_bench.py (once for each spin setting), every time in a fresh process,
so that a slow phase of the machine meets both. The table shows, for each, the least time of all and the median of the
rounds' medians, and their ratios onnxruntime / quern (of the medians: round by round, then the median): above 1 quern
is faster. onnxruntime is called from Python by its cheapest way; the call's own cost, `floor`, is printed and not
subtracted. With both spin settings the one with the better median stands in the ratio. One JSON line per model and
thread count is appended to results/peers.jsonl, with all rounds, the versions and the processor.

QUERN names the binary (default build/release/quern). Run it on a quiet machine only.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import paths  # noqa: E402
import servers  # noqa: E402

PEER = HERE / "peers" / "ort_bench.py"
RESULTS = HERE / "results" / "peers.jsonl"
KEEP = ("min_ms", "median_ms", "p99_ms", "load_ms", "rss_peak_kb", "runs", "floor_ms", "call")


def run(command):
    """The JSON object a command prints; ends the program when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=servers.clean_environment())
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def words(model, threads, options):
    """Command-line words both programs understand."""
    shapes = [word for shape in options.shape for word in ("--shape", shape)]
    data = ["--data", options.data] if options.data else []
    return [model, "--threads", str(threads), "--seconds", str(options.seconds), *shapes, *data]


def alternate(model, threads, options):
    """{runner: [one result per round]}; runners are quern and onnxruntime with each spin setting."""
    spins = ["on", "off"] if options.spin == "both" else [options.spin]
    common = words(model, threads, options)
    commands = {"quern": [paths.quern(), "bench", *common, "--json"]}
    for spin in spins:
        commands[f"ort spin {spin}"] = [sys.executable, str(PEER), *common, "--spin", spin]
    results = {name: [] for name in commands}
    for _ in range(options.rounds):
        for name, command in commands.items():
            results[name].append(run(command))
    return results


def summarise(results):
    """Least and median time per runner, and the ratio of the best peer to quern by rounds."""
    table = {}
    for name, rounds in results.items():
        table[name] = {
            "min_ms": min(result["min_ms"] for result in rounds),
            "median_ms": statistics.median(result["median_ms"] for result in rounds),
        }
    peer = min((name for name in table if name != "quern"), key=lambda name: table[name]["median_ms"])
    pairs = list(zip(results[peer], results["quern"]))
    return {
        "runners": table,
        "best_peer": peer,
        "ratio_median": statistics.median(p["median_ms"] / q["median_ms"] for p, q in pairs),
        "ratio_min": table[peer]["min_ms"] / table["quern"]["min_ms"],
        "floor_ms": statistics.median(result["floor_ms"] for result in results[peer]),
    }


def processor():
    """The processor's name as the kernel gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions():
    """What was compared, on what."""
    version = subprocess.run([paths.quern(), "--version"], capture_output=True, text=True,
                             env=servers.clean_environment()).stdout.split("\n")[0]
    import onnxruntime

    return {
        "quern": version.strip(), "peer": f"onnxruntime {onnxruntime.__version__}",
        "python": platform.python_version(), "cpu": processor(), "cpus": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
    }


def keep(record):
    """Appends one line to the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS, "a") as file:
        file.write(json.dumps(record) + "\n")


def show(model, threads, summary):
    """Prints one block of the table."""
    for name, times in summary["runners"].items():
        print(f"{model:24} {threads:2}  {name:13} {times['min_ms']:11.5f} {times['median_ms']:11.5f}")
    print(f"{'':27} ratio ort/quern   {summary['ratio_min']:7.2f}x    {summary['ratio_median']:7.2f}x    "
          f"({summary['best_peer']}; floor {summary['floor_ms'] * 1e3:.1f} us)", flush=True)


def model_name(model):
    """A short name: the folder's for model.onnx, else the file's."""
    path = Path(model)
    return path.parent.name if path.name == "model.onnx" else path.stem


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")], default=[1])
    parser.add_argument("--seconds", type=float, default=1.0, help="per process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--spin", choices=("on", "off", "both"), default="both")
    parser.add_argument("--shape", action="append", default=[], metavar="NAME=1x3x224x224")
    parser.add_argument("--data", metavar="DIR")
    parser.add_argument("--note", default="", help="kept with the results")
    parser.add_argument("--dry", action="store_true", help="keep nothing")
    options = parser.parse_args()
    if options.rounds < 5:
        print("fewer than 5 rounds: for a first look only", file=sys.stderr)

    facts = versions()
    print("; ".join(f"{key} {value}" for key, value in facts.items()))
    print(f"{'model':24} {'th':>2}  {'runner':13} {'min ms':>11} {'median ms':>11}")
    for model in options.models:
        for threads in options.threads:
            results = alternate(model, threads, options)
            summary = summarise(results)
            show(model_name(model), threads, summary)
            if options.dry:
                continue
            rounds = {name: [{key: one[key] for key in KEEP if key in one} for one in all_rounds]
                      for name, all_rounds in results.items()}
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            keep({"date": now, "model": model_name(model), "threads": threads, "seconds": options.seconds,
                  "note": options.note, **facts, **summary, "rounds": rounds})


if __name__ == "__main__":
    main()
