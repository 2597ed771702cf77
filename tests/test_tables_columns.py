"""Columns by name: the same numbers from every kind of table, the same memory where that is possible, and a row
and a column where something is no number."""

from __future__ import annotations

import datetime
import decimal
import fractions
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.functions import ShapeError
from minigrad.tables import DataError, columns_of

DAY = datetime.date(2020, 1, 1)

X = np.array([0.5, -1.5, 2.0])
N = np.array([1, 2, 3], dtype=np.int32)
B = np.array([True, False, True])


class Capsule:
    """What knows nothing but Arrow's C stream."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


class Exchange:
    """What knows nothing but the older interchange protocol."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __dataframe__(self, *arguments: Any, **options: Any) -> Any:
        return self._table.__dataframe__(*arguments, **options)


class Sparse:
    """What scipy.sparse has in common."""

    def toarray(self) -> Any:
        return np.eye(2)


def structured() -> np.ndarray[Any, Any]:
    table = np.empty(3, dtype=[("n", np.int32), ("pad", "S3"), ("x", np.float64), ("b", np.bool_)])
    table["x"], table["n"], table["b"], table["pad"] = X, N, B, b"no"
    return table


#: The same three columns, each in another kind of table; a text column that nobody asks for is in most of them.
TABLES: dict[str, Callable[[], Any]] = {
    "structured array": structured,
    "dict of arrays": lambda: {"b": B, "t": ["no", "no", "no"], "x": X, "n": N},
    "dict of lists": lambda: {"b": B.tolist(), "t": ["no"], "x": X.tolist(), "n": N.tolist()},
    "dict of everything": lambda: {"b": pa.array(B), "x": pl.Series(X), "n": pd.Series(N, index=[7, 8, 9])},
    "pandas": lambda: pd.DataFrame({"b": B, "t": "no", "x": X, "n": N}, index=[3, 1, 2]),
    "pandas, nullable": lambda: pd.DataFrame({"b": B, "t": "no", "x": X, "n": N}).convert_dtypes(),
    "pandas, Arrow": lambda: pd.DataFrame({"b": B, "t": "no", "x": X, "n": N}).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "polars": lambda: pl.DataFrame({"b": B, "t": "no", "x": X, "n": N}),
    "polars, in pieces": lambda: pl.concat([pl.DataFrame({"b": B[i:], "x": X[i:], "n": N[i:]})[:1] for i in range(3)],
                                           rechunk=False),
    "Arrow table": lambda: pa.table({"b": B, "t": ["no", "no", "no"], "x": X, "n": N}),
    "Arrow table in pieces": lambda: pa.concat_tables(
        [pa.table({"b": B[i:], "x": X[i:], "n": N[i:]}).slice(0, 1) for i in range(3)]
    ),
    "Arrow table, sliced": lambda: pa.table({"b": [False, *B], "x": [9.0, *X], "n": [9, *N]}).slice(1),
    "record batch": lambda: pa.record_batch({"b": B, "x": X, "n": N}),
    "Arrow dictionary and run ends": lambda: pa.table(
        {"b": B, "x": pa.array(X).dictionary_encode(), "n": pa.compute.run_end_encode(pa.array(N))}
    ),
    "Arrow decimals": lambda: pa.table({"b": B, "n": N, "x": pa.array(X).cast(pa.decimal128(5, 2))}),
    "C stream": lambda: Capsule(pa.table({"b": B, "x": X, "n": N})),
    "interchange protocol": lambda: Exchange(pa.table({"x": X, "n": N, "b": N % 2})),
    "big-endian, strided": lambda: {"b": B, "x": np.repeat(X, 2).astype(">f8")[::2], "n": N[::-1][::-1]},
    "objects": lambda: {
        "b": B.astype(object), "x": [decimal.Decimal("0.5"), fractions.Fraction(-3, 2), 2], "n": tuple(N)
    },
    "masked, nothing missing": lambda: {"b": B, "n": N, "x": np.ma.array(X, mask=[False] * 3)},
    "range": lambda: {"b": B, "x": X, "n": range(1, 4)},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The Dataframe Interchange Protocol is deprecated")
@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_gives_the_same_numbers(kind: str) -> None:
    """In the order of the names, one real number a row, in a type that programs read."""
    x, n, b = columns_of(TABLES[kind](), ["x", "n", "b"])
    assert (x.tolist(), n.tolist(), b.tolist()) == (X.tolist(), N.tolist(), B.tolist())
    for column in (x, n, b):
        assert column.dtype.kind in "fiub"
        assert column.dtype.isnative
        assert column.flags.aligned
        assert column.shape == (3,)


LARGE = np.random.default_rng(0).normal(size=(1000, 2))

#: Tables whose memory is looked at in place: the table, and the array its column "x" lies in.
SHARED: dict[str, Callable[[], tuple[Any, Any]]] = {
    "array": lambda: (LARGE, LARGE),
    "array, columns apart": lambda: (table := np.asfortranarray(LARGE), table),
    "dict": lambda: ({"x": LARGE[:, 0], "y": LARGE[:, 1]}, LARGE),
    "pandas": lambda: (frame := pd.DataFrame({"x": LARGE[:, 0], "y": 1}), frame["x"].to_numpy()),
    "pandas, nullable": lambda: (
        frame := pd.DataFrame({"x": pd.array(np.arange(9), "Int64"), "y": 1}), np.asarray(frame["x"].array._data)
    ),
    "pandas, Arrow": lambda: (
        frame := pd.DataFrame({"x": pd.array(np.arange(9.0), "double[pyarrow]"), "y": 1}),
        frame["x"].array.__arrow_array__().chunk(0).to_numpy(),
    ),
    "polars": lambda: (frame := pl.DataFrame({"x": np.arange(9.0), "y": np.ones(9)}), frame["x"].to_numpy()),
    "Arrow": lambda: (table := pa.table({"x": LARGE[:, 0], "y": LARGE[:, 1]}), table["x"].chunk(0).to_numpy()),
}  # fmt: skip


@pytest.mark.parametrize("kind", SHARED)
def test_memory_is_shared_where_it_can_be(kind: str) -> None:
    table, memory = SHARED[kind]()
    x, _ = columns_of(table, ["x", "y"])
    assert np.shares_memory(x, memory)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_dtypes_stay_as_they_are(data: st.DataObject) -> None:
    """float64, float32, every integer type and bool; an array without names in the order of its columns."""
    dtype = data.draw(st.sampled_from(["f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]))
    m, k = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    array = np.arange(m * k).reshape(m, k).astype(dtype)
    names = [f"x{i}" for i in range(k)]
    for table in (array, dict(zip(names, array.T, strict=True)), pa.table(list(array.T.copy()), names=names)):
        for i, column in enumerate(columns_of(table, names)):
            assert column.dtype == array.dtype
            assert column.tolist() == array[:, i].tolist()


def test_half_and_extended_precision_become_what_programs_read() -> None:
    """float16 -> float32 and longdouble -> float64; a large integer stays an integer."""
    table = {
        "h": np.array([0.5], np.float16),
        "l": np.array([0.25], np.longdouble),
        "i": [2**53 + 1],
        "big": [2**64],
        "u": [2**64 - 1],
    }
    columns = columns_of(table, ["h", "l", "i", "big", "u"])
    assert [column.dtype.str[1:] for column in columns] == ["f4", "f8", "i8", "f8", "u8"]
    assert [column[0] for column in columns] == [0.5, 0.25, 2**53 + 1, 2.0**64, 2**64 - 1]
    assert columns_of(pa.table({"h": np.array([0.5], np.float16)}), ["h"])[0].dtype == np.float32


def test_nan_in_a_float_column_is_a_number_here() -> None:
    """The program names such rows; only null, None and NA are missing."""
    for table in ({"x": [1.0, np.nan]}, pd.DataFrame({"x": [1.0, None]}), pl.DataFrame({"x": [1.0, np.nan]})):
        assert np.isnan(columns_of(table, ["x"])[0][1])


class Tensor:
    """What a tensor of another library has in common with an array."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._array


def test_lists_of_rows_and_tensors_are_arrays() -> None:
    """What numpy.asarray takes."""
    rows = [[1, 2.5], [3, 4.5]]
    for table in (rows, Tensor(rows)):
        assert [column.tolist() for column in columns_of(table, ["x", "y"])] == [[1, 3], [2.5, 4.5]]
    assert columns_of({"x": Tensor([1, 2])}, ["x"])[0].tolist() == [1, 2]
    assert columns_of(np.ones(3), ["x"])[0].tolist() == [1, 1, 1]


NUMBERS = [1.0, 2.0]

#: What is no column of numbers, and what is said of it.
REFUSED: list[tuple[Any, type[Exception], str]] = [
    ({"x": [1.0, None]}, DataError, "row 1, column 'x' is missing: fill it in or leave the row out"),
    ({"x": np.ma.array([1.0, 2.0], mask=[False, True])}, DataError, "row 1, column 'x' is missing"),
    (np.ma.array([[1.0]], mask=[[True]]), DataError, "row 0, column 'x' is missing"),
    (np.array([[1], [None]], dtype=object), DataError, "row 1, column 'x' is missing"),
    (pa.table({"x": [1, None, None]}), DataError, r"row 1, column 'x' is missing \(2 such in all\)"),
    (pa.table({"x": pa.nulls(2)}), DataError, r"row 0, column 'x' is missing \(2 such"),
    (pd.DataFrame({"x": pd.array([1, None], "Int64")}), DataError, "row 1, column 'x' is missing"),
    (pd.DataFrame({"x": pd.array([1, None], "int64[pyarrow]")}), DataError, "row 1, column 'x' is missing"),
    (pd.DataFrame({"x": [pd.NA, 1]}), DataError, "row 0, column 'x' is missing"),
    (pl.DataFrame({"x": [1, None]}), DataError, "row 1, column 'x' is missing"),
    (pl.DataFrame({"x": [None, None]}), DataError, r"row 0, column 'x' is missing \(2"),
    ({"x": [1.0, "two"]}, DataError, "row 1, column 'x' holds 'two', which is text, and a number is needed"),
    ({"x": np.array(["one"])}, DataError, "row 0, column 'x' holds 'one', which is text"),
    ({"x": ["a\nb\u202e"]}, DataError, "holds 'a␊b⟨U\\+202E⟩', which is text"),
    (pd.DataFrame({"x": ["a", "b"]}), DataError, "row 0, column 'x' holds 'a', which is text"),
    (pd.DataFrame({"x": pd.Categorical(["a", "b"])}), DataError, "holds 'a', which is text"),
    (pl.DataFrame({"x": ["a", "b"]}), DataError, "row 0, column 'x' holds 'a', which is text"),
    (pl.DataFrame({"x": pl.Series(["a"], dtype=pl.Categorical)}), DataError, "holds 'a', which is text"),
    (pa.table({"x": ["a"]}), DataError, "row 0, column 'x' holds 'a', which is text"),
    (pa.table({"x": pa.array(["a"]).dictionary_encode()}), DataError, "holds 'a', which is text"),
    (pa.table({"x": pa.array(["a"], pa.string_view())}), DataError, "holds 'a', which is text"),
    ({"x": [DAY]}, DataError, "row 0, column 'x' holds '2020-01-01', a date or duration: take a number"),
    ({"x": np.array(["2020"], "M8[D]")}, DataError, r"column 'x' holds dates or durations \(datetime64\[D\]\)"),
    (pd.DataFrame({"x": pd.to_datetime(["2020"])}), DataError, "column 'x' holds dates"),
    (pd.DataFrame({"x": pd.to_datetime(["2020"], utc=True)}), DataError, "column 'x' holds dates"),
    (pl.DataFrame({"x": [DAY]}), DataError, "column 'x' holds dates"),
    (pa.table({"x": [DAY]}), DataError, "column 'x' holds dates"),
    ({"x": [[1], [2]]}, DataError, "row 0, column 'x' holds list, and one real number is needed"),
    (pl.DataFrame({"x": [[1]]}), DataError, "column 'x' holds nested values"),
    (pa.table({"x": [[1]]}), DataError, r"column 'x' holds nested values \(list"),
    (pa.table({"x": [{"a": 1}]}), DataError, "column 'x' holds nested values"),
    ({"x": [1j]}, DataError, "row 0, column 'x' holds a complex number"),
    ({"x": np.array([1j])}, DataError, "column 'x' holds complex numbers"),
    ({"x": [10**400]}, DataError, "row 0, column 'x' holds a number that does not fit in a double"),
    ({"x": np.ones((2, 2))}, ShapeError, r"column 'x' has the shape \(2, 2\)"),
    ({"x": "text"}, DataError, "column 'x' is str, not a list"),
    ({"x": 1.0}, DataError, "column 'x' is float, not a list"),
    ({"x": {1.0, 2.0}}, DataError, "column 'x' is set, not a list"),
    ({"y": NUMBERS}, DataError, "the table has no column 'x'; its columns are 'y'"),
    ({}, DataError, "the table has no column 'x'; it has no columns"),
    ({"x ": NUMBERS}, DataError, "no column 'x'; did you mean 'x '?"),
    (pd.DataFrame([[1, 2]], columns=["x", "x"]), DataError, r"column 'x' is there 2 times \(columns 1 and 2 of 2\)"),
    (pa.table([[1], [2]], names=["x", "x"]), DataError, "column 'x' is there 2 times"),
    (pl.LazyFrame({"x": [1]}), DataError, r"call \.collect\(\) first"),
    ("rows.csv", DataError, "'rows.csv' is the name of a table, not one: read it with tables.open_rows"),
    (Path("rows.csv"), DataError, "is the name of a table"),
    (7, DataError, "int is no table"),
    (None, DataError, "NoneType is no table"),
    (iter([1]), DataError, "list_iterator is no table"),
    (Sparse(), DataError, "sparse"),
    ([[1.0], [1.0, 2.0]], ShapeError, "rows differ in length"),
    (np.ones((2, 2)), ShapeError, "the array has 2 columns, but 1 are needed, in this order: 'x'"),
    (np.ones((2, 2, 2)), ShapeError, r"an array of shape \(2, 2, 2\) is no table"),
    (np.ones((0, 1)), ShapeError, "no rows"),
    ({"x": []}, ShapeError, "no rows"),
    (pa.table({"x": pa.array([], pa.float64())}), ShapeError, "no rows"),
    (pd.DataFrame({"x": []}), ShapeError, "no rows"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "error", "says"), REFUSED, ids=[says[:40] for _, _, says in REFUSED])
def test_what_is_no_column_of_numbers_is_refused(table: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        columns_of(table, ["x"])
    assert "\n" not in str(caught.value)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="column 'x' has 2 rows, but column 'y' has 1"):
        columns_of({"x": [1, 2], "y": [1]}, ["x", "y"])


def test_names_must_be_told_apart() -> None:
    """The same name twice would bind two inputs to one column; no name binds nothing."""
    with pytest.raises(DataError, match="column 'x' is asked for twice"):
        columns_of({"x": [1]}, ["x", "x"])
    with pytest.raises(ShapeError, match="no column was asked for"):
        columns_of({"x": [1]}, [])
    with pytest.raises(TypeError, match="text: got 1"):
        columns_of({"x": [1]}, [1])  # type: ignore[list-item]
    assert columns_of({"x": [1]}, "x")[0].tolist() == [1]


def test_a_misspelt_name_brings_the_near_one() -> None:
    frame = pd.DataFrame({"Mean radius": [1.0], "texture": [2.0]})
    with pytest.raises(DataError, match=r"no column 'mean_radius'; did you mean 'Mean radius'\?"):
        columns_of(frame, ["mean_radius"])


def test_the_error_can_be_read_by_programs() -> None:
    with pytest.raises(DataError) as caught:
        columns_of({"x": [1.0, 2.0, None]}, ["x"])
    error = caught.value
    assert (error.file, error.row, error.line, error.column) == (None, 2, None, "x")


def python(code: str) -> str:
    """What a fresh Python prints."""
    environment = {"PYTHONPATH": str(Path(minigrad.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        text=True,
        capture_output=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_library_is_imported_that_is_not_there_already() -> None:
    """Columns of NumPy arrays and lists need neither pyarrow nor pandas nor polars."""
    code = """if True:
        import sys
        from minigrad.tables import columns_of, labels01, open_rows
        columns_of({"x": [1.0]}, ["x"])
        labels01([0, 1])
        list(open_rows([{"x": [1.0]}]).batches(["x"]))
        print([name for name in ("pyarrow", "pandas", "polars") if name in sys.modules])
    """
    assert python(code) == "[]\n"


def test_without_pyarrow_the_extra_is_named(tmp_path: Path) -> None:
    """Where a file is to be read or written."""
    (tmp_path / "rows.csv").write_text("x\n1\n")
    code = f"""if True:
        import sys
        sys.modules["pyarrow"] = None
        from minigrad.tables import open_rows, read_table, write_table
        for function, arguments in (
            (open_rows, ()), (read_table, ()), (write_table, ({{"x": [1]}},))
        ):
            try:
                function({str(tmp_path / "rows.csv")!r}, *arguments)
            except ImportError as error:
                print(error)
    """
    assert python(code) == 'reading and writing tables needs pyarrow: pip install "minigrad[tables]"\n' * 3


@pytest.mark.parametrize("name", ["x", None])
def test_a_series_is_a_table_of_one_column(name: str | None) -> None:
    """By its name where it has one; one without a name has no column x, which is said."""
    for series in (pd.Series([1.0, 2.0], name=name), pl.Series(name or "", [1.0, 2.0])):
        if name is None:
            with pytest.raises(DataError, match="the table has no column 'x'"):
                columns_of(series, ["x"])
        else:
            (column,) = columns_of(series, ["x"])
            assert column.tolist() == [1.0, 2.0]
