"""How fast programs over rows are: medians of rounds in turns with NumPy, PyTorch, JAX and scikit-learn.

    python tests/bench/rows.py [SECTION ...] [--threads 1 2] [--quick] [--json FILE]

Room: names the sections and starts a process for each, with as many threads as asked for all libraries in it. The
peers come from `pip install "minigrad[bench]"`; those that are missing are left out. No test depends on a time.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from measuring import Report, confine, environment, machine


class Section(NamedTuple):
    """A part of the figures: where it is measured, and whether it is worth a second thread."""

    module: str
    function: str
    about: str
    threaded: bool = True

    def load(self) -> Callable[[Report, bool], None]:
        """Its function, imported in the process that runs it."""
        import importlib

        found: Callable[[Report, bool], None] = getattr(importlib.import_module(self.module), self.function)
        return found


SECTIONS = {
    "gradient": Section("gradient", "gradient", "mean loss and gradient of logistic regression"),
    "division": Section("gradient", "division", "how its time divides"),
    "hessian": Section("gradient", "hessian", "its second derivatives"),
    "optimum": Section("optimum", "optimum", "to the optimum, beside solvers"),
    "network": Section("network", "network", "a training step of a small perceptron", threaded=False),
    "compiling": Section("compiling", "compiling", "compiling, and one call at one row", threaded=False),
    "memory": Section("memory", "memory", "memory, and streams", threaded=False),
}

PEERS = ("numpy", "torch", "jax", "scikit-learn", "scipy", "casadi", "pytensor", "pyarrow")


def versions() -> str:
    """The peers that are installed."""
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def run_section(name: str, threads: int, quick: bool) -> list[dict[str, Any]]:
    """Run one section in a process of its own, which prints as it goes; its records."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder, "records.json")
        command = [sys.executable, __file__, name, "--child", str(into), "--threads", str(threads)]
        done = subprocess.run(command + ["--quick"] * quick, env=environment(threads), check=False)
        if done.returncode:
            raise SystemExit(f"{name}, {threads} threads: exit status {done.returncode}")
        records: list[dict[str, Any]] = json.loads(into.read_text())
        return records


def child(name: str, threads: int, quick: bool, into: str) -> None:
    """What runs in that process."""
    confine(threads)
    report = Report(name, threads)
    SECTIONS[name].load()(report, quick)
    Path(into).write_text(json.dumps(report.records))


def summary(records: list[dict[str, Any]]) -> None:
    """The goals that were missed, after all is measured."""
    goals = [record for record in records if "goal" in record]
    missed = [goal for goal in goals if not goal["met"]]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals met")
    for goal in missed:
        print(f"  MISSED: {goal['case']}, {goal['threads']} threads: {goal['goal']}")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="programs over rows beside their peers")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"all, or some of: {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "--threads", nargs="+", type=int, default=[1, 2], help="how many, one after the other"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, two rounds: to see that it runs")
    parser.add_argument("--json", metavar="FILE", help="write every round of every contender there")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if given.child:
        child(given.sections[0], given.threads[0], given.quick, given.child)
        return

    import minigrad

    print(f"minigrad {minigrad.__version__}, COMPILED = {minigrad.COMPILED}; {versions()}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}, {machine()}")
    print("medians (least to most) of rounds in turns")
    records: list[dict[str, Any]] = []
    for name in given.sections or SECTIONS:
        print(f"\n== {name}: {SECTIONS[name].about}", flush=True)
        for threads in given.threads if SECTIONS[name].threaded else [1]:
            records += run_section(name, threads, given.quick)
    summary(records)
    if given.json:
        Path(given.json).write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
