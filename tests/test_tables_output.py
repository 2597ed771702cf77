"""Tables to files: read again as they were, and never half of one."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from minigrad.files import CannotWriteError
from minigrad.functions import ShapeError
from minigrad.tables import DataError, read_table, write_table

ENDS = [
    ".csv",
    ".txt",
    ".tsv",
    ".csv.gz",
    ".csv.bz2",
    ".tsv.zst",
    ".parquet",
    ".pq",
    ".arrow",
    ".feather",
    ".ipc",
]

COLUMNS: dict[str, Any] = {
    "x": np.array([0.1, -1e300, 5e-324]),
    "n": np.array([1, 2, 2**53]),
    "b": np.array([True, False, True]),
    "t": ["a", 'quote " and, comma', "line\nend"],
    "name, with\n\"all\"": [1, 2, 3],
    "re\rturn": [1, 2, 3],
}  # fmt: skip
LISTS = {name: list(column) for name, column in COLUMNS.items()}


@pytest.mark.parametrize("end", ENDS)
def test_what_is_written_is_read_again(end: str, tmp_path: Path) -> None:
    """Numbers to the last bit, texts with what separates fields, one table or several after each other."""
    path = write_table(tmp_path / f"rows{end}", COLUMNS)
    assert read_table(path).to_pydict() == LISTS
    path = write_table(path, iter([COLUMNS, pd.DataFrame(COLUMNS)]))
    assert read_table(path).to_pydict() == {name: column * 2 for name, column in LISTS.items()}
    assert [file.name for file in tmp_path.iterdir()] == [f"rows{end}"]


@pytest.mark.parametrize(
    "table",
    [
        {"x": [1.5, 2.5], "n": range(2)},
        pd.DataFrame({"x": [1.5, 2.5], "n": [0, 1]}, index=[7, 8]),
        pl.DataFrame({"x": [1.5, 2.5], "n": [0, 1]}),
        pa.table({"x": [1.5, 2.5], "n": [0, 1]}),
        pa.record_batch({"x": [1.5, 2.5], "n": [0, 1]}),
        [{"x": [1.5], "n": [0]}, {"x": [2.5], "n": [1]}],
    ],
    ids=["dict", "pandas", "polars", "Arrow", "record batch", "list of tables"],
)
def test_every_kind_of_table_is_written(table: Any, tmp_path: Path) -> None:
    """Names without quotes where they need none, as everyone's files have them."""
    assert write_table(tmp_path / "rows.csv", table).read_text() == "x,n\n1.5,0\n2.5,1\n"


def test_names_that_are_numbers_are_written(tmp_path: Path) -> None:
    assert write_table(tmp_path / "rows.csv", pd.DataFrame({0: [1], 1: [2]})).read_text() == "0,1\n1,2\n"


@pytest.mark.parametrize(
    ("name", "table", "error", "says"),
    [
        ("rows.xls", COLUMNS, ValueError, "'rows.xls' does not say how .* end it in .csv, .tsv, .parquet or .arrow"),
        ("rows", COLUMNS, ValueError, "does not say how"),
        ("rows.parquet.gz", COLUMNS, ValueError, "does not say how"),
        ("rows.csv", {}, DataError, "without columns"),
        ("rows.csv", [], DataError, "nothing to write"),
        ("rows.csv", 7, DataError, "int is no table"),
        ("rows.csv", np.ones((2, 2)), DataError, "ndarray is no table with named columns"),
        ("rows.csv", {"x": [1], "y": [1, 2]}, ShapeError, "column 'x' has 1 rows, but column 'y' has 2"),
        ("rows.csv", {"x": [1, "a"]}, DataError, "column 'x' cannot be written"),
        ("rows.csv", [{"x": [1]}, {"y": [1]}], DataError, r"table 1 has the columns \['y'\], but the first"),
        ("rows.csv", [{"x": [1]}, {"x": [0.5]}], DataError, "table 1 differ in type"),
        ("nowhere/rows.csv", COLUMNS, CannotWriteError, "the folder '.*nowhere' does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(
    name: str, table: Any, error: type[Exception], says: str, tmp_path: Path
) -> None:
    """And nothing is left behind."""
    with pytest.raises(error, match=says):
        write_table(tmp_path / name, table)
    assert list(tmp_path.iterdir()) == []


def large() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for _ in range(10):
        yield {"x": rng.random(100_000)}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may be longer than 100 kB (Python leaves the signal out, so that writing fails)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("end", ENDS)
def test_a_full_disk_leaves_the_old_file(end: str, tmp_path: Path, full_disk: None) -> None:
    path = write_table(tmp_path / f"rows{end}", {"x": [1.0]})
    with pytest.raises(CannotWriteError, match="cannot write"):
        write_table(path, large())
    assert read_table(path).to_pydict() == {"x": [1.0]}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_an_interruption_leaves_the_old_file(end: str, tmp_path: Path) -> None:
    """Ctrl-C while the second table is made."""

    def interrupted() -> Iterator[dict[str, Any]]:
        yield {"x": [2.0]}
        raise KeyboardInterrupt

    path = write_table(tmp_path / f"rows{end}", {"x": [1.0]})
    with pytest.raises(KeyboardInterrupt):
        write_table(path, interrupted())
    assert read_table(path).to_pydict() == {"x": [1.0]}
    assert os.listdir(tmp_path) == [path.name]
