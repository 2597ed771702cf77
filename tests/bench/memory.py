"""Section: no temporary grows with the rows, and a file larger than memory is read in constant memory.

Room: measures, each size in a process of its own. Below: `peers`, `measuring`; pyarrow for the files.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from measuring import Report, environment, optional, resident
from peers import model

import minigrad

#: Bytes that a run may add to what is resident, at any size: code that is met for the first time, and buffers.
#: And how much more a stream of ten times the rows may take.
GOALS = {"table": 16e6, "stream": 64e6}

COLUMNS = 5
ROWS = (10**5, 10**6, 10**7)
QUICK_ROWS = (10**4, 10**5)

STREAMED = (10**7, 10**8)
QUICK_STREAMED = (10**4, 10**5)

#: Rows of a row group of the file.
GROUP = 10**6


def in_a_process(what: str, *arguments: object, threads: int = 1) -> dict[str, Any]:
    """Run `what` of this file on its own, and read the JSON that it prints."""
    command = [sys.executable, __file__, what, *map(str, arguments)]
    done = subprocess.run(command, text=True, capture_output=True, env=environment(threads), check=False)
    if done.returncode:
        raise SystemExit(f"{what} {arguments}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_table(rows: int) -> None:
    """Make a table of so many rows, run a program over it, and tell what that added to the most ever resident."""
    table = np.empty((rows, COLUMNS + 1), order="F")
    draw = np.random.default_rng(17)
    for first in range(0, rows, 10**5):
        part = slice(first, min(first + 10**5, rows))
        table[part] = draw.standard_normal((part.stop - part.start, COLUMNS + 1))
        table[part, -1] = table[part, -1] > 0
    g = model(np.zeros(COLUMNS + 1))
    program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt)
    program(table[:100])  # the code, once
    _, before = resident()
    held, _ = resident()
    program(table)
    program.hessian(table)
    now, most = resident()
    print(json.dumps({"table": table.nbytes, "added": max(most - before, now - held), "held": held}))


def write_rows(rows: int, path: str) -> None:
    """A Parquet file of x1, x2 and y, made and written one row group at a time."""
    arrow, parquet = optional("pyarrow"), optional("pyarrow.parquet")
    draw = np.random.default_rng(19)
    schema = arrow.schema([("x1", arrow.float64()), ("x2", arrow.float64()), ("y", arrow.int8())])
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for first in range(0, rows, GROUP):
            count = min(GROUP, rows - first)
            x1, x2 = draw.standard_normal((2, count))
            y = (draw.random(count) < 1.0 / (1.0 + np.exp(-(x1 - x2)))).astype(np.int8)
            writer.write_table(arrow.table([x1, x2, y], schema=schema), row_group_size=GROUP)
    print(json.dumps({"bytes": Path(path).stat().st_size}))


def run_stream(path: str) -> None:
    """Loss and gradient over the file; seconds, and the most ever resident."""
    from minigrad.tables import open_rows

    g = model(np.array([0.5, -0.5, 0.1]))
    program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt)
    stream = open_rows(path)
    start = perf_counter()
    loss, gradient = program(stream)
    seconds = perf_counter() - start
    print(json.dumps({"seconds": seconds, "most": resident()[1], "numbers": [loss, *gradient.tolist()]}))


def check_stream(path: str) -> None:
    """The same numbers from the file in memory at once."""
    parquet = optional("pyarrow.parquet")
    g = model(np.array([0.5, -0.5, 0.1]))
    program = minigrad.compile(g.loss, rows=g.rows, wrt=g.wrt)
    loss, gradient = program(parquet.read_table(path))
    print(json.dumps({"most": resident()[1], "numbers": [loss, *gradient.tolist()]}))


def memory(report: Report, quick: bool) -> None:
    """Tables in memory, then files."""
    report.begin(f"what loss, gradient and Hessian add to resident memory, {COLUMNS} columns")
    for rows in QUICK_ROWS if quick else ROWS:
        found = in_a_process("table", rows)
        report.figure(f"{rows:,} rows, {found['table'] / 1e6:.0f} MB", [found["added"] / 1e6], "MB more")
        report.goal(f"{rows:,} rows, MB", [found["added"] / 1e6], GOALS["table"] / 1e6, most=True)
    if optional("pyarrow") is None:
        report.say("pyarrow is not installed: no files")
        return
    report.begin("a Parquet file streamed: loss and gradient of x1, x2, y")
    with tempfile.TemporaryDirectory() as folder:
        streamed(report, QUICK_STREAMED if quick else STREAMED, Path(folder))


def streamed(report: Report, sizes: tuple[int, ...], folder: Path) -> None:
    """Write, run and remove a file of each size; the least is held against its rows in memory at once."""
    most = []
    for rows in sizes:
        path = folder / f"{rows}.parquet"
        written = in_a_process("write", rows, path)
        found = in_a_process("stream", path)
        if rows == sizes[0]:
            whole = in_a_process("check", path)
            assert found["numbers"] == whole["numbers"], (
                f"streamed {found['numbers']}, at once {whole['numbers']}"
            )
            report.figure(f"{rows:,} rows read at once, resident", [whole["most"] / 1e6], "MB")
        path.unlink()
        most.append(found["most"])
        report.row(f"{rows:,} rows, {written['bytes'] / 1e6:,.0f} MB", {"": [found["seconds"]]}, "s")
        report.figure("the most resident", [most[-1] / 1e6], "MB")
    report.goal(
        "more for ten times the rows, MB", [(most[-1] - most[0]) / 1e6], GOALS["stream"] / 1e6, most=True
    )


def main(what: str, *arguments: str) -> None:
    """What a process of its own does."""
    if what == "table":
        run_table(int(arguments[0]))
    elif what == "write":
        write_rows(int(arguments[0]), arguments[1])
    else:
        {"stream": run_stream, "check": check_stream}[what](arguments[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
