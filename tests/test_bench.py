"""The benchmarks run and print their lines. How long anything takes is no test: machines differ."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import chromium

import minigrad

BENCH = Path(__file__).parent / "bench"

#: A number with its spread, as the scripts print it.
SPREAD = r"[\d.]+ \([\d.]+ to [\d.]+\)"

#: What each script prints, in this order.
LINES = {
    "engine.py": [
        r"minigrad \S+, (compiled|interpreted) \(COMPILED = (True|False)\)",
        r"one training step of a scalar GPT, \d+ tokens; peer: closures.py",
        rf"  minigrad +[\d,]+ nodes   {SPREAD} ms, of which backward [\d.]+",
        rf"  peer +[\d,]+ nodes   {SPREAD} ms, of which backward [\d.]+",
        rf"  ratio    {SPREAD}   goal at least \d+: (met|MISSED)",
        rf"  ratio    {SPREAD}   with Python's garbage collector off",
        r"one training step of a 2-16-16-1 perceptron, \d+ points; peer: closures.py",
        rf"  ratio    {SPREAD}   goal at least \d+: (met|MISSED)",
        r"  chain +[\d,]+ nodes   build .* s, backward .* s, free .* s   \d+ bytes a node, \d+ with the sort",
        r"  tree +[\d,]+ nodes   build .* s, backward .* s, free .* s   \d+ bytes a node, \d+ with the sort",
        r"  python -c pass   [\d.]+ s",
        rf"  import minigrad  {SPREAD} s more   goal under 0.1: (met|MISSED)",
        rf"  import numpy     {SPREAD} s more",
    ],
    "rows.py": [
        r"minigrad \S+, COMPILED = (True|False); numpy \S+, (no )?torch.*",
        r"== gradient: mean loss and gradient of logistic regression",
        r"loss and gradient, 200 x 2 float64, 1 thread",
        rf"  minigrad  +apart {SPREAD} .s +together {SPREAD} .s",
        rf"  NumPy  +apart {SPREAD} .s +together {SPREAD} .s",
        rf"  minigrad, float32 columns +apart {SPREAD} .s +together {SPREAD} .s",
        rf"  x @ x +{SPREAD} .s",
        rf"  \S.*, apart / minigrad +{SPREAD}   goal at least 1: (met|MISSED)",
        rf"  \S.*, together / minigrad +{SPREAD}   goal at least 1: (met|MISSED)",
        rf"  / reading once, by .* +{SPREAD} times",
        r"loss and gradient, 300 x 5 float64, 1 thread",
        r"== division: how its time divides",
        rf"  loss, all derivatives +apart {SPREAD} .s +together {SPREAD} .s",
        rf"  bytes read a second +{SPREAD} GB/s",
        r"== hessian: its second derivatives",
        rf"  NumPy, X'SX by hand +apart {SPREAD} .s +together {SPREAD} .s",
        r"== optimum: to the optimum, beside solvers",
        rf"  minigrad, newton +{SPREAD} ms",
        r" +\d+ evaluations, \S+ above the least, tolerance \S+",
        r"== network: a training step of a small perceptron",
        rf"  minigrad +{SPREAD} us",
        r"== compiling: compiling, and one call at one row",
        r"from a formula to its first result, logistic regression, n = 30, 1 thread",
        rf"  minigrad, ms +{SPREAD}   goal at most 5: (met|MISSED)",
        r"one call at one row, loss and gradient, n = 30, 1 thread",
        rf"  minigrad, us +{SPREAD}   goal at most 10: (met|MISSED)",
        r"compile a wide graph, 1 thread",
        r"compile a deep graph, 1 thread",
        rf"  four times the nodes, times as long +{SPREAD}   goal at most 6: (met|MISSED)",
        r"== memory: memory, and streams",
        r"  10,000 rows, MB +[\d.]+   goal at most 16: (met|MISSED)",
        r"\d+ of \d+ goals met",
    ],
    "checkers.py": [
        r"minigrad \S+; (no )?scipy.*",
        r"wrong gradients: how many each calls wrong, and how many slips minigrad names",
        r" +claims .* minigrad +named",
        r"  sign flipped +\d+( +\d+)+",
        r"  all +\d+( +\d+)+",
        r"  a third, loss times 1e-6 +\d+( +\d+)+",
        r"right gradients: how many each calls wrong",
        r"  in double precision +\d+( +\d+)* +0 +0",
        r"  loss times 1e6 +\d+( +\d+)* +0 +0",
        r"  the sigmoid saturated +\d+( +\d+)* +0 +0",
        r"  in single precision +\d+( +\d+)+",
        r"in their words: logistic, dz = y - a where a - y is right",
        r"  minigrad",
        r" +slip: the sign of dL/dz is flipped.*",
    ],
    "page.py": [
        r"minigrad \S+; Chromium \S+, playwright \S+; .+",
        r"61 nodes: \d+ kB, 61 cards are drawn",
        rf"  opens in +{SPREAD} s   goal at most 2: (met|MISSED)",
        rf"  frames a second {SPREAD}   goal at least 30: (met|MISSED)",
    ],
    "streaming.py": [
        r"minigrad \S+, pyarrow \S+; three columns, batches of [\d,]+ rows",
        *(
            rf"  {end} +[\d,]+ rows +[\d,.]+ MB of file   at most \d+ MB of memory, \d+ of it Arrow's"
            for end in ("csv", "csv", "parquet", "parquet", "arrow", "arrow")
        ),
        *(
            rf"  {end} +[\d,]+ rows   [\d.]+ million rows a second   times pyarrow's time: {SPREAD}"
            for end in ("csv", "parquet", "arrow")
        ),
    ],
}

#: What the scripts are made of: the peer of one, and the sections of the other.
PARTS = {"closures.py", "measuring.py", "peers.py"}
SECTIONS = {"gradient.py", "optimum.py", "network.py", "compiling.py", "memory.py"}


def run(script: str, *arguments: str) -> list[str]:
    """The lines that a script prints."""
    command = [sys.executable, str(BENCH / script), "--quick", *arguments]
    here = {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}  # the minigrad of this run
    done = subprocess.run(command, text=True, capture_output=True, env=here, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def missing(patterns: list[str], lines: list[str]) -> list[str]:
    """The patterns that no line matches, each looked for below the line of the one before."""
    left = iter(lines)
    return [pattern for pattern in patterns if not any(re.fullmatch(pattern, line) for line in left)]


@pytest.mark.parametrize("script", LINES)
def test_each_script_prints_its_lines(script: str) -> None:
    """All contenders compute the same numbers, or the script would have stopped."""
    if script == "page.py" and chromium() is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium")
    lines = run(script, *["--threads", "1"] * (script == "rows.py"))
    assert missing(LINES[script], lines) == [], "\n".join(lines)


def test_every_script_is_tested() -> None:
    """A benchmark that is not run here rots."""
    assert {path.name for path in BENCH.glob("*.py")} == {*LINES, *PARTS, *SECTIONS}


def test_every_goal_is_judged_and_every_round_kept(tmp_path: Path) -> None:
    """--json writes a record for each line of figures, with each of its rounds, and for each goal."""
    file = tmp_path / "figures.json"
    lines = run("rows.py", "gradient", "--threads", "1", "2", "--json", str(file))
    records = json.loads(file.read_text())
    goals = [record for record in records if "goal" in record]
    assert len(goals) == len([line for line in lines if re.search(r"   goal at (least|most) ", line)])
    assert f"{sum(goal['met'] for goal in goals)} of {len(goals)} goals met" in lines
    assert {record["threads"] for record in records} == {1, 2}
    assert all(len(record["rounds"]) == 2 for record in records)


def test_a_section_that_is_not_there_is_refused() -> None:
    """With the names of those that are."""
    command = [sys.executable, str(BENCH / "rows.py"), "gradiant"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert "no such section: gradiant; there are gradient, division" in done.stderr


def test_the_interpreted_core_can_be_asked_for() -> None:
    """--interpreted holds for the processes that the script starts, too."""
    assert "interpreted (COMPILED = False)" in run("engine.py", "--interpreted")[0]
