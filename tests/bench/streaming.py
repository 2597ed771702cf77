"""How fast rows come out of a file, and how much memory that takes: few rows against many, and pyarrow itself.

    python tests/bench/streaming.py [--quick] [--rows M]

Room: makes files in a folder that is thrown away, times and prints; no test depends on a time. The peer is
pyarrow's own reader, which gives batches of Arrow arrays and checks nothing.
Must hold: both sides read the same columns of the same file, in turns, and count the same rows; memory is that
of a process which does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from measuring import resident, spread

import minigrad
from minigrad.tables import open_rows, write_table
from minigrad.tables.stream import BATCH_ROWS

NAMES = ["x1", "x2", "y"]


def batches(m: int) -> Iterator[dict[str, Any]]:
    """Two features, one of them float32, and a label."""
    rng = np.random.default_rng(0)
    for start in range(0, m, 1 << 20):
        count = min(1 << 20, m - start)
        yield {
            "x1": rng.normal(size=count),
            "x2": rng.normal(size=count).astype(np.float32),
            "y": rng.integers(0, 2, count, dtype=np.int8),
        }


def ours(path: str) -> int:
    """Rows, counted batch by batch."""
    return sum(len(batch[0]) for batch in open_rows(path, NAMES).batches())


def csv_of_pyarrow(path: str) -> int:
    """The same by pyarrow's streaming reader, told the types."""
    kinds = pa.csv.ConvertOptions(column_types=dict.fromkeys(NAMES, pa.float64()))
    return sum(batch.num_rows for batch in pa.csv.open_csv(path, convert_options=kinds))


def parquet_of_pyarrow(path: str) -> int:
    """The same by pyarrow's, in batches of the same length."""
    return sum(batch.num_rows for batch in pa.parquet.ParquetFile(path).iter_batches(BATCH_ROWS))


def arrow_of_pyarrow(path: str) -> int:
    """The same by pyarrow's; the file is mapped, and no number is looked at."""
    with pa.memory_map(path) as mapped, pa.ipc.open_file(mapped) as reader:
        return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))


PEERS: dict[str, Callable[[str], int]] = {
    "csv": csv_of_pyarrow,
    "parquet": parquet_of_pyarrow,
    "arrow": arrow_of_pyarrow,
}


def seconds(read: Callable[[str], int], path: str, m: int) -> float:
    """How long one pass takes; it must find m rows."""
    start = perf_counter()
    found = read(path)
    taken = perf_counter() - start
    assert found == m, f"{path}: {found} rows of {m}"
    return taken


def speed(end: str, path: str, m: int, rounds: int) -> None:
    """Print how both do, in turns."""
    taken = [(seconds(ours, path, m), seconds(PEERS[end], path, m)) for _ in range(rounds)]
    mine = statistics.median(mine for mine, _ in taken)
    print(
        f"  {end:8}{m:12,} rows   {m / mine / 1e6:.1f} million rows a second   "
        f"times pyarrow's time: {spread([mine / theirs for mine, theirs in taken])}"
    )


def measure(path: str) -> None:
    """Go through a file; print rows and bytes of memory at the most as JSON. Runs in a process of its own."""
    found = ours(path)
    print(json.dumps([found, resident()[1], pa.default_memory_pool().max_memory()]))


def memory(end: str, path: str, m: int) -> None:
    """Print what one pass takes of memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", path], text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{path}: exit status {done.returncode}\n{done.stderr}")
    found, most, by_arrow = json.loads(done.stdout)
    assert found == m, f"{path}: {found} rows of {m}"
    print(
        f"  {end:8}{m:12,} rows   {os.path.getsize(path) / 1e6:8,.1f} MB of file   at most {most / 1e6:.0f} MB of "
        f"memory, {by_arrow / 1e6:.0f} of it Arrow's"
    )


def main() -> None:
    """Make the files, read them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small files: shows that it runs")
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the large files")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    large = 200_000 if arguments.quick else arguments.rows
    small = large // 20
    print(
        f"minigrad {minigrad.__version__}, pyarrow {pa.__version__}; three columns, batches of {BATCH_ROWS:,} rows"
    )
    with tempfile.TemporaryDirectory() as folder:
        files = {
            (end, m): str(write_table(Path(folder) / f"{m}.{end}", batches(m)))
            for end in PEERS
            for m in (small, large)
        }
        print("memory of a process that goes through the file")
        for (end, m), path in files.items():
            memory(end, path, m)
        print("speed")
        for end in PEERS:
            speed(end, files[end, small], small, 3 if arguments.quick else 9)


if __name__ == "__main__":
    main()
