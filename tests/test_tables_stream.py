"""Rows in batches: the same rows as in memory, however they arrive, in memory that does not grow with them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.files import CannotReadError
from minigrad.functions import ShapeError
from minigrad.tables import DataError, Stream, columns_of, open_rows, read_table, write_table

M = 1000
RNG = np.random.default_rng(20261125)
TABLE = pa.table(
    {
        "x": RNG.normal(size=M),
        "f": RNG.normal(size=M).astype(np.float32),
        "n": RNG.integers(-5, 5, M, dtype=np.int16),
        "b": RNG.random(M) < 0.5,
        "t": ["no", "yes"] * (M // 2),
    }
)
NAMES = ["n", "x", "b", "f"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files are named as in messages, without a folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def whole(stream: Stream, names: list[str] | None = None) -> list[list[Any]]:
    """All rows, column by column."""
    return [np.concatenate(parts).tolist() for parts in zip(*stream.batches(names), strict=True)]


def arrow_stream() -> str:
    with pa.OSFile("rows.arrow", "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=33)
    return "rows.arrow"


def partitioned() -> Any:
    """A dataset in files by the value of one of its columns."""
    pa.dataset.write_dataset(TABLE.select(["x", "n"]), "parts", partitioning=["n"], format="parquet",
                             partitioning_flavor="hive")  # fmt: skip
    return pa.dataset.dataset("parts", partitioning="hive")


def files(kind: str) -> str:
    os.mkdir("many")
    for i in range(0, M, 300):
        write_table(f"many/{i:04}.{kind}", TABLE.slice(i, 300))
    Path("many/_SUCCESS").touch()
    Path("many/.hidden").touch()
    return "many"


#: The same rows from everywhere.
SOURCES: dict[str, Callable[[], Any]] = {
    "CSV": lambda: write_table("rows.csv", TABLE),
    "tabs, compressed": lambda: write_table("rows.tsv.gz", TABLE),
    "Parquet": lambda: pa.parquet.write_table(TABLE, "rows.parquet", row_group_size=77) or "rows.parquet",
    "Parquet by another name": lambda: pa.parquet.write_table(TABLE, "rows.dat") or "rows.dat",
    "Feather": lambda: pa.feather.write_feather(TABLE, "rows.feather", chunksize=64) or "rows.feather",
    "Arrow stream": arrow_stream,
    "folder of Parquet": lambda: files("parquet"),
    "folder of CSV": lambda: files("csv"),
    "pattern": lambda: os.path.join(files("parquet"), "*.parquet"),
    "list of paths of several kinds": lambda: [
        write_table("1.csv", TABLE.slice(0, 10)), str(write_table("2.parquet", TABLE.slice(10)))
    ],
    "dataset": lambda: pa.dataset.dataset(files("parquet")),
    "table": lambda: TABLE,
    "pandas": lambda: TABLE.to_pandas(),
    "polars": lambda: pl.from_arrow(TABLE),
    "dict": lambda: {name: TABLE[name].to_numpy() for name in TABLE.column_names},
    "list of tables of several kinds": lambda: [
        TABLE.slice(0, 5), TABLE.slice(5, 0).to_pandas(), TABLE.slice(5, 400).to_pandas(), pl.from_arrow(TABLE[405:])
    ],
    "iterator": lambda: iter(TABLE.to_batches(max_chunksize=7)),
    "function": lambda: lambda: (batch.to_pandas() for batch in TABLE.to_batches(max_chunksize=250)),
    "record batch reader": lambda: TABLE.to_reader(max_chunksize=100),
    "pandas, in chunks": lambda: pd.read_csv(
        write_table("rows.csv", TABLE), chunksize=99, converters={"x": float, "f": float}
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch_rows", [64, 1000, 10**6])
@pytest.mark.parametrize("kind", SOURCES)
def test_the_rows_are_those_of_the_table(kind: str, batch_rows: int) -> None:
    """In the same order, in batches of one length but the last."""
    stream = open_rows(SOURCES[kind](), batch_rows=batch_rows)
    assert stream.names == tuple(TABLE.column_names)
    batches = list(stream.batches(NAMES))
    lengths = [len(batch[0]) for batch in batches]
    assert lengths == [min(batch_rows, M - start) for start in range(0, M, batch_rows)]
    expected = columns_of(TABLE, NAMES)
    for parts, column in zip(zip(*batches, strict=True), expected, strict=True):
        found = np.concatenate(parts).astype(
            column.dtype
        )  # a text says 0.1 of a float32 that is nearest to it
        assert found.tolist() == column.tolist()


@pytest.mark.parametrize(
    "kind", sorted(set(SOURCES) - {"iterator", "record batch reader", "pandas, in chunks"})
)
def test_a_second_pass_begins_anew(kind: str) -> None:
    """Even where the first was left in the middle."""
    stream = open_rows(SOURCES[kind](), ["x"], batch_rows=100)
    next(stream.batches())
    assert whole(stream) == whole(stream) == [TABLE["x"].to_pylist()]


@pytest.mark.parametrize("kind", ["iterator", "record batch reader", "pandas, in chunks"])
def test_an_iterator_is_gone_through_once(kind: str) -> None:
    """Its names can be looked at first; the second pass says why there is none, and what to give instead."""
    stream = open_rows(SOURCES[kind]())
    assert stream.names == tuple(TABLE.column_names)
    assert whole(stream, ["x"]) == [TABLE["x"].to_pylist()]
    assert stream.names == tuple(TABLE.column_names)
    with pytest.raises(DataError, match=r"from an iterator, which can be gone through once: give a file"):
        stream.batches(["x"])


def test_names_of_an_iterator_are_known_after_the_pass_too() -> None:
    stream = open_rows(iter([TABLE]))
    whole(stream, ["x"])
    assert stream.names == tuple(TABLE.column_names)


#: An Arrow file does not say how many rows it holds; later versions of pyarrow count them without reading any.
COUNTED = M if hasattr(pa.ipc.RecordBatchFileReader, "count_rows") else None


@pytest.mark.parametrize(
    ("kind", "rows", "estimated"),
    [
        ("Parquet", M, M), ("Feather", COUNTED, COUNTED), ("dataset", M, M), ("folder of Parquet", M, M),
        ("CSV", None, M),
        ("folder of CSV", None, M), ("tabs, compressed", None, None), ("iterator", None, None),
        ("list of paths of several kinds", None, M),
    ],
)  # fmt: skip
def test_the_number_of_rows_is_known_or_estimated(kind: str, rows: int | None, estimated: int | None) -> None:
    stream = open_rows(SOURCES[kind]())
    assert (stream.rows, stream.estimated) == (rows, estimated)


def test_a_dataset_brings_its_partitions() -> None:
    """The column that is in the names of the folders only."""
    stream = open_rows(partitioned(), ["x", "n"])
    assert stream.rows == M
    rows = sorted(zip(*whole(stream), strict=True))
    assert rows == sorted(zip(TABLE["x"].to_pylist(), TABLE["n"].to_pylist(), strict=True))


def test_arrays_have_no_names_until_they_are_given() -> None:
    stream = open_rows([np.ones((3, 2)), np.zeros((2, 2))])
    with pytest.raises(DataError, match=r"columns of an array have no names: give them as columns=\[...\]"):
        _ = stream.names
    assert whole(open_rows([np.ones((3, 2)), np.zeros((2, 2))], ["u", "v"])) == [[1, 1, 1, 0, 0]] * 2


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_the_cut_does_not_depend_on_how_rows_arrive(lengths: list[int], batch_rows: int) -> None:
    """Pieces of any length, empty ones too, come out as if they had been one."""
    ends = np.cumsum([0, *lengths])
    m = int(ends[-1])
    pieces = [{"x": np.arange(a, b)} for a, b in itertools.pairwise(ends)]
    stream = open_rows(pieces, ["x"], batch_rows=batch_rows)
    if not m:
        with pytest.raises(ShapeError, match=r"there are no rows"):
            list(stream.batches())
        return
    batches = [batch[0].tolist() for batch in stream.batches()]
    assert batches == [list(range(start, min(start + batch_rows, m))) for start in range(0, m, batch_rows)]


def test_a_batch_that_fits_is_not_copied() -> None:
    array = np.arange(10.0)
    (batch,) = open_rows([{"x": array}]).batches()
    assert np.shares_memory(batch[0], array)


def test_integers_and_fractions_in_turn_become_fractions() -> None:
    """One type to a batch, the one that holds both."""
    assert whole(open_rows([{"x": [1]}, {"x": [0.5]}])) == [[1.0, 0.5]]


# -- labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["CSV", "Parquet", "folder of CSV", "dataset", "pandas", "polars", "iterator", "dict"]
)
def test_labels_in_words_become_true_and_false(kind: str) -> None:
    stream = open_rows(SOURCES[kind](), ["x", "t"], labels={"t": "yes"}, batch_rows=7)
    x, t = whole(stream)
    assert t == [False, True] * (M // 2)
    assert x == TABLE["x"].to_pylist()


def test_labels_that_are_numbers_can_be_others_than_0_and_1() -> None:
    Path("rows.csv").write_text("y\n1\n2\n2\n")
    for positive in (2, "2"):
        assert whole(open_rows("rows.csv", labels={"y": positive})) == [[False, True, True]]
    assert whole(open_rows([{"y": [1, 2]}, {"y": [2.0]}], labels={"y": "2"})) == [[False, True, True]]


def test_a_third_label_is_refused_when_it_comes() -> None:
    """It is not taken for a 0; nor is a positive label that never comes a column of zeros."""
    Path("rows.csv").write_text("y\nno\nyes\nYes\n")
    with pytest.raises(DataError, match=r"'y' holds more than two values, 'Yes', 'no', 'yes'"):
        whole(open_rows("rows.csv", labels={"y": "yes"}))
    stream = open_rows([{"y": ["no"]}, {"y": ["Yes"]}], labels={"y": "yes"})
    with pytest.raises(DataError, match=r"column 'y' never holds 'yes', but 'Yes', 'no'"):
        whole(stream)


def test_a_missing_label_is_refused() -> None:
    Path("rows.csv").write_text("x,y\n1,no\n2,\n")
    with pytest.raises(DataError, match=r"rows.csv: line 3 \(row 1\), column 'y' is missing"):
        whole(open_rows("rows.csv", labels={"y": "no"}), ["y"])
    with pytest.raises(DataError, match=r"rows.csv has no column 'z'"):
        open_rows("rows.csv", labels={"z": "no"})


# -- what is refused --------------------------------------------------------------------------------------


def test_a_missing_number_has_the_row_of_the_file_and_of_the_stream() -> None:
    """In the second of several files: its own row is said, the row over all files is in the error."""
    write_table("1.parquet", TABLE)
    write_table("2.parquet", pa.table({"x": [1.0, 2.0, None]}))
    with pytest.raises(DataError, match=r"2.parquet: row 2, column 'x' is missing") as caught:
        whole(open_rows(["1.parquet", "2.parquet"], ["x"]))
    assert (caught.value.file, caught.value.row) == ("2.parquet", M + 2)


def test_a_bad_row_of_a_later_batch_has_its_row() -> None:
    batches = [{"x": [1.0] * 10}, {"x": [1.0, None]}]
    with pytest.raises(DataError, match=r"batch 1: row 11, column 'x' is missing"):
        whole(open_rows(batches))


def test_batches_must_have_the_same_columns() -> None:
    with pytest.raises(DataError, match=r"batch 1 has no column 'x'; its columns are 'y'"):
        whole(open_rows([{"x": [1]}, {"y": [1]}]))
    with pytest.raises(ShapeError, match=r"the array has 3 columns, but 2 are needed"):
        whole(open_rows([np.ones((2, 2)), np.ones((2, 3))], ["x", "y"]))


def test_files_must_have_the_same_columns() -> None:
    """Said before the first row is read, not after hours."""
    write_table("1.parquet", TABLE)
    write_table("2.parquet", TABLE.drop(["x"]).append_column("X", TABLE["x"]))
    with pytest.raises(DataError, match=r"2.parquet has no column 'x'; did you mean 'X'"):
        open_rows(["1.parquet", "2.parquet"], ["x"])
    with pytest.raises(DataError, match=r"2.parquet has no column 'x'"):
        open_rows(["1.parquet", "2.parquet"]).batches(["x"])


@pytest.mark.parametrize("kind", ["Parquet", "Feather", "Arrow stream", "dataset", "CSV"])
def test_a_text_in_a_file_has_its_file_and_row(kind: str) -> None:
    with pytest.raises(DataError, match=r"row 0.*, column 't' holds 'no', which is text") as caught:
        whole(open_rows(SOURCES[kind]()), ["x", "t"])
    assert caught.value.file is not None


def damaged(name: str, damage: Callable[[bytes], bytes]) -> str:
    """A copy of a Parquet or Arrow file with something done to it."""
    path = SOURCES["Parquet" if name.endswith("parquet") else "Feather"]()
    Path(name).write_bytes(damage(Path(path).read_bytes()))
    return name


@pytest.mark.parametrize("name", ["cut.parquet", "cut.feather"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-50],
        lambda data: data[: len(data) // 2],
        lambda data: data[:20],
        lambda data: data[:40] + b"x" * 400 + data[440:],
        lambda data: data[:-300] + b"x" * 300,
    ],
    ids=["end cut", "half", "begin only", "bytes changed", "footer changed"],
)
def test_a_damaged_file_is_refused_or_read(name: str, damage: Callable[[bytes], bytes]) -> None:
    """With its name, in one line; bytes of numbers are only guarded by a checksum where there is one."""
    path = damaged(name, damage)
    try:
        whole(open_rows(path), ["x"])
    except DataError as error:
        assert str(error).startswith(f"{name} cannot be read; it may be cut off or damaged: ")  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert len(Path(path).read_bytes()) == len(Path(path.replace("cut", "rows")).read_bytes())


def test_a_name_that_promises_something_else() -> None:
    """A CSV called .parquet is said to be one; a Parquet file called .csv is read as what it is."""
    Path("rows.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(
        DataError, match=r"rows.parquet is not a Parquet file: it begins with 'a,b␊1,2␊'; .* call it"
    ):
        open_rows("rows.parquet")
    Path("empty.feather").touch()
    with pytest.raises(DataError, match=r"empty.feather is empty"):
        open_rows("empty.feather")
    pa.parquet.write_table(TABLE, "really.csv")
    assert whole(open_rows("really.csv"), ["x"]) == [TABLE["x"].to_pylist()]


def test_a_path_that_leads_nowhere(folder: Path) -> None:
    """The near name is suggested; a folder and a pattern without files say so."""
    write_table("Rows.parquet", TABLE)
    for path, says in (
        ("rows.parquet", "cannot read 'rows.parquet': there is no such file; did you mean 'Rows.parquet'?"),
        ("nowhere/rows.csv", "cannot read 'nowhere/rows.csv': the folder 'nowhere' does not exist"),
        ("*.csv", "cannot read '*.csv': no file matches this pattern"),
        ("", "cannot read '': "),
        ("a\0b", "this is not a file name"),
    ):
        with pytest.raises(CannotReadError) as caught:
            open_rows(path)
        assert says in str(caught.value)
    (folder / "empty").mkdir()
    with pytest.raises(CannotReadError, match=r"cannot read 'empty': it is a folder without files"):
        open_rows("empty")


def test_a_pipe_is_refused() -> None:
    """It could be read once only, and not from its start."""
    os.mkfifo("pipe.csv")
    with pytest.raises(CannotReadError, match=r"no file but a pipe or device; save it to a file first"):
        open_rows("pipe.csv")


@pytest.mark.parametrize("source", [7, None, 1.5])
def test_what_holds_no_rows_is_refused(source: object) -> None:
    with pytest.raises(DataError, match=r"holds no rows: give a path, a table"):
        open_rows(source)


def test_no_rows_at_all_are_refused() -> None:
    nothing: list[Any] = [[], [{"x": []}], iter([]), lambda: iter([]), TABLE.slice(0, 0)]
    for source in nothing:
        with pytest.raises(ShapeError, match=r"there are no rows"):
            list(open_rows(source, ["x"]).batches())


def test_an_error_of_the_callers_own_iterator_is_his() -> None:
    def batches() -> Iterator[Any]:
        yield {"x": [1.0]}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(open_rows(batches).batches())


# -- whole files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["CSV", "Parquet", "Feather", "Arrow stream", "folder of Parquet", "folder of CSV", "pattern"]
)
def test_a_whole_file_is_a_table(kind: str) -> None:
    """Every column as it is there, or those that are asked for."""
    path = SOURCES[kind]()
    table = read_table(path)
    assert table.column_names == TABLE.column_names
    assert table["t"].to_pylist() == TABLE["t"].to_pylist()
    chosen = read_table(path, ["n", "x"], text=["t"])
    assert chosen.column_names == ["n", "x", "t"]
    assert chosen["n"].to_pylist() == TABLE["n"].to_pylist()
    with pytest.raises(DataError, match=r"column 't' holds 'no', which is text"):
        read_table(path, ["t"])


def test_files_whose_types_differ_are_one_table() -> None:
    """Integers in the first, fractions in the second."""
    Path("1.csv").write_text("x\n1\n")
    Path("2.csv").write_text("x\n0.5\n")
    assert read_table(["1.csv", "2.csv"])["x"].to_pylist() == [1.0, 0.5]


# -- memory -----------------------------------------------------------------------------------------------

#: Runs over a file in a fresh Python, and prints how many rows there were and how much memory was ever used:
#: by Arrow, and by the process, its mapped files left out.
MEASURE = """
import json, sys
from minigrad.tables import open_rows
m = sum(len(batch[0]) for batch in open_rows(sys.argv[1]).batches(["x", "y"]))
import pyarrow
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([m, pyarrow.default_memory_pool().max_memory(), 1024 * int(status["RssAnon"].split()[0])]))
"""


def used(path: str) -> tuple[int, int, int]:
    environment = {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, path]
    done = subprocess.run(command, text=True, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    m, arrow, resident = json.loads(done.stdout)
    return m, arrow, resident


def batches(m: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for start in range(0, m, 100_000):
        count = min(100_000, m - start)
        yield {"x": rng.normal(size=count), "y": rng.integers(0, 2, count)}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory of a process")
@pytest.mark.parametrize("end", ["csv", "parquet", "arrow"])
def test_memory_does_not_grow_with_the_rows(end: str) -> None:
    """Six times the rows in at most a quarter more, and in less than their columns would take.

    pyarrow reads some blocks of a CSV ahead, more where it is waited for less: up to 64 MB in all.
    """
    small, large = 1_000_000, 6_000_000
    used_by = {m: used(str(write_table(f"{m}.{end}", batches(m)))) for m in (small, large)}
    print(used_by)
    for m, (read, _, _) in used_by.items():
        assert read == m
    (_, arrow_small, resident_small), (_, arrow_large, resident_large) = used_by[small], used_by[large]
    assert arrow_large < max(1.25 * arrow_small, 64e6) < large * 16
    assert resident_large < 1.25 * resident_small
