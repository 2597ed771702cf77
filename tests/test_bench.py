"""The benchmarks run and print their lines. How long anything takes is no test: machines differ."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
}


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
    """Both sides compute the same loss and gradients, or the script would have stopped."""
    lines = run(script)
    assert missing(LINES[script], lines) == [], "\n".join(lines)


def test_every_script_is_tested() -> None:
    """A benchmark that is not run here rots; closures.py is the peer, no script."""
    assert {path.name for path in BENCH.glob("*.py")} == {*LINES, "closures.py"}


def test_the_interpreted_core_can_be_asked_for() -> None:
    """--interpreted holds for the processes that the script starts, too."""
    assert "interpreted (COMPILED = False)" in run("engine.py", "--interpreted")[0]
