"""CSV files as they are found: read at the speed of pyarrow, refused with file, line, row and column."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.functions import ShapeError
from minigrad.tables import DataError, open_rows, read_table, write_table
from minigrad.tables import delimited as module

BOTH = [[1.0, 3.0], [2.0, 4.0]]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path for a file, named in messages as rows.csv."""
    monkeypatch.chdir(tmp_path)
    return Path("rows.csv")


def columns(path: Path, names: list[str] | None = None, **options: Any) -> list[list[Any]]:
    """All rows of a stream, column by column."""
    batches = list(open_rows(path, **options).batches(names))
    return [np.concatenate(parts).tolist() for parts in zip(*batches, strict=True)]


#: Files that hold columns a = 1, 3 and b = 2, 4, and what must be said to read them.
READ: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (b"a,b\n1,2\n3,4\n", {}),
    "no end of the last line": (b"a,b\n1,2\n3,4", {}),
    "CRLF": (b"a,b\r\n1,2\r\n3,4\r\n", {}),
    "CR alone": (b"a,b\r1,2\r3,4\r", {}),
    "semicolons": (b"a;b\n1;2\n3;4\n", {}),
    "tabs": (b"a\tb\n1\t2\n3\t4\n", {}),
    "bars": (b"a|b\n1|2\n3|4\n", {}),
    "semicolons, decimal comma": (b"a;b\n1,0;2,0\n3,0;4\n", {"decimal": ","}),
    "spaces, said so": (b"a b\n1 2\n3 4\n", {"delimiter": " "}),
    "BOM": (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", {}),
    "BOM and quotes": (b'\xef\xbb\xbf"a","b"\n1,2\n3,4\n', {}),
    "spaces around names and numbers": (b" a , b \n 1, 2 \n3 ,\t4\n", {}),
    "quoted": (b'"a","b"\n"1","2"\n"3","4"\n', {}),
    "empty lines": (b"\n\na,b\n1,2\n\n\n3,4\n\n", {}),
    "a text with line ends beside": (b'a,c,b\n1,"x\n\n""y"", z",2\n3,,4\n', {}),
    "a name with a line end beside": (b'"c\nd",a,b\nx,1,2\ny,3,4\n', {}),
    "signs, exponents": (b"a,b\n+1,.2e1\n3.,40E-1\n", {}),
    "Latin-1, said so": ("a,b,größe\n1,2,ö\n3,4,ö\n".encode("latin-1"), {"encoding": "latin-1"}),
    "Latin-1 in a column that is not read": (b"a,b,c\n1,2,\xf6\n3,4,\xf6\n", {}),
    "UTF-16, said so": ("a,b\n1,2\n3,4\n".encode("utf-16"), {"encoding": "UTF-16"}),
    "no header": (b"1,2\n3,4\n", {"header": False, "columns": ["a", "b"]}),
    "gzip": (gzip.compress(b"a,b\n1,2\n3,4\n"), {}),
    "gzip in two parts": (gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"), {}),
    "bzip2": (bz2.compress(b"a,b\n1,2\n3,4\n"), {}),
    "zstd": (pa.compress(b"a,b\n1,2\n3,4\n", "zstd", asbytes=True), {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_a_file_as_it_is_found_is_read(kind: str, path: Path) -> None:
    """As a stream and as a whole, with nothing said that need not be."""
    content, options = READ[kind]
    path.write_bytes(content)
    assert columns(path, ["a", "b"], **options) == BOTH
    table = read_table(path, options.pop("columns", ["a", "b"]), **options)
    assert [table["a"].to_pylist(), table["b"].to_pylist()] == BOTH


#: Files that cannot be read, what is asked for, and what is said.
REFUSED: list[tuple[bytes, dict[str, Any], str]] = [
    (b"", {}, "rows.csv is empty"),
    (b"\n \n"[:1], {}, "rows.csv is empty"),
    (b"a,b\n", {}, "rows.csv holds a header line but no rows"),
    (b"a,b\n\n\n", {}, "rows.csv holds a header line but no rows"),
    (b"1,2\n3,4\n", {}, r"rows.csv: line 1 holds numbers \(1, 2\), and the names .* header=False"),
    (b"1,2\n3,4\n", {"header": False, "columns": ["a"]}, "no header and 2 columns, but 1 name was given"),
    (b"a,b\n1,2\n3\n", {}, r"rows.csv: line 3 \(row 1\) has 1 field, and the file has 2 columns"),
    (b"a,b\n1,2,\n", {}, r"rows.csv: line 2 \(row 0\) has 3 fields, and the file has 2 columns"),
    (b"a,b\n1,2\n\n,4\n", {}, r"rows.csv: line 4 \(row 1\), column 'a' is missing: fill it in"),
    (b"a,b\n1,2\nNA,4\n", {}, r"line 3 \(row 1\), column 'a' is missing"),
    (b"a,b\n1,2\nnan,4\n", {}, r"line 3 \(row 1\), column 'a' is missing"),
    (b"a,b\n1,None\n", {}, r"line 2 \(row 0\), column 'b' is missing"),
    (b"a\n1\n\n2\n", {}, r"line 3 \(row 1\), column 'a' is missing"),
    (b'a,b\n1,"x\ny"\n,2\n', {"columns": ["a"]}, r"line 4 \(row 1\), column 'a' is missing"),
    (b"a,b\n1,2\n3,four\n", {}, r"line 3 \(row 1\), column 'b' holds 'four', which is text, and a number is"),
    (b"a,b\n1,2\n3,0x10\n", {"columns": ["a", "b"]}, r"line 3 \(row 1\), column 'b' holds '0x10', which is text"),
    (b'a,b\n1,"2\n3,4\n', {}, r"line 2 \(row 0\), column 'b' holds '2␊3,4␊', which is text"),
    (b"a,b\n2024-01-05,2\n", {}, "column 'a' holds '?(2024-01-05|dates)"),
    (b"a;b\n1,5;2\n", {}, r"line 2 \(row 0\), column 'a' holds '1,5': if the comma .* decimal=','"),
    (b"a,b\n" + b"true,1\n" * 9 + b"2,1\n", {}, "column 'a' holds 'true', which is text"),
    (b"a,a\n1,2\n", {"columns": ["a"]}, r"column 'a' is there 2 times \(columns 1 and 2 of 2\): rename one"),
    (b"Length,b\n1,2\n", {"columns": ["lenght"]}, "rows.csv has no column 'lenght'; did you mean 'Length'"),
    (b"a b c\n1 2 3\n", {"columns": ["a"]}, "rows.csv has no column 'a'; its columns are 'a b c'"),
    ("größe,b\n1,2\n".encode("latin-1"), {}, "rows.csv is not UTF-8: byte 2 is 0xF6; save it as UTF-8"),
    (b"a,b\n1,\xf6\n", {}, "rows.csv is not UTF-8: byte 6 is 0xF6"),
    (b"a,b\n" + "1,é\n".encode() * 100_000 + b"\xf6,1\n", {"columns": ["a"]},
     "rows.csv is not UTF-8: byte 500,004 is 0xF6"),
    ("a,b\n1,2\n".encode("utf-16"), {}, "rows.csv is UTF-16, not UTF-8: .* give encoding='utf-16'"),
    (b"a,b\n1,\x002\n", {}, "rows.csv is not text: byte 6 is zero"),
    (gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-12], {}, "rows.csv cannot be read; it may be cut off"),
    (gzip.compress("\n".join(map(str, np.random.default_rng(0).integers(10**9, size=400_000))).encode())[:-12],
     {"columns": ["x"], "header": False}, "rows.csv cannot be read; it may be cut off"),
    (b"PK\x03\x04 and so on", {}, "rows.csv is a zip archive .* save the table as CSV"),
    (b"\x93NUMPY", {}, r"rows.csv is a NumPy file: load it with numpy.load"),
    (b"\x80\x04\x95 and so on", {}, "rows.csv is a pickle, which is not opened"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "says"), REFUSED, ids=[says[:45] for *_, says in REFUSED])
def test_what_is_wrong_is_said_with_its_place(
    content: bytes, options: dict[str, Any], says: str, path: Path
) -> None:
    """In one line, the same as a stream and as a whole."""
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        columns(path, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.file == "rows.csv"
    if "columns" not in options:
        with pytest.raises(DataError, match=says):
            read_table(path, open_rows(path, **options).names, **options)


def test_the_error_can_be_read_by_programs(path: Path) -> None:
    path.write_text("a,b\n1,2\n\n3,four\n")
    with pytest.raises(DataError) as caught:
        columns(path)
    error = caught.value
    assert (error.file, error.row, error.line, error.column) == ("rows.csv", 1, 4, "b")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delimiter": ",,"}, "delimiter is one character"),
        ({"delimiter": "\n"}, "delimiter is one character"),
        ({"decimal": "x"}, "decimal is"),
        ({"decimal": ",", "delimiter": ","}, "cannot both be ','"),
        ({"encoding": "utf-99"}, "no such encoding: 'utf-99'"),
        ({"batch_rows": 0}, "at least 1: got 0"),
    ],
)
def test_options_that_are_none_are_refused(options: dict[str, Any], says: str, path: Path) -> None:
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=says):
        open_rows(path, **options)


# -- types ------------------------------------------------------------------------------------------------


def test_a_number_that_comes_late_is_no_surprise(path: Path) -> None:
    """pyarrow takes the types of a stream from its first block: here integers, for longer than that."""
    count = module.BLOCK // 4 + 1000
    path.write_text("a,b\n" + "1,2\n" * count + "0.5,1e300\n")
    a, b = columns(path)
    assert (len(a), a[0], a[-1], b[-1]) == (count + 1, 1.0, 0.5, 1e300)
    assert read_table(path)["a"][-1].as_py() == 0.5


def test_a_text_that_comes_late_has_its_line(path: Path) -> None:
    """Behind the first block, where pyarrow has long settled on numbers."""
    count = module.BLOCK // 4 + 1000
    path.write_text("a,b\n" + "1,2\n" * count + "1,oops\n" + "1\n")
    says = rf"rows.csv: line {count + 2:,} \(row {count:,}\), column 'b' holds 'oops'"
    with pytest.raises(DataError, match=says):
        columns(path)
    with pytest.raises(DataError, match=says):
        read_table(path, ["a", "b"])


def test_true_and_false_are_read_as_such(path: Path) -> None:
    """Integers are read as float64 from a stream, for a fraction may follow; a whole file knows better."""
    path.write_text("a,b,c\ntrue,False,1\nfalse,True,0\n")
    (batch,) = open_rows(path).batches()
    assert [column.dtype.kind for column in batch] == ["b", "b", "f"]
    assert [str(kind) for kind in read_table(path).schema.types] == ["bool", "bool", "int64"]


def test_a_text_among_true_and_false_is_refused(path: Path) -> None:
    path.write_text("a\n" + "true\n" * (module.BLOCK // 4) + "maybe\n")
    with pytest.raises(DataError, match="column 'a' holds 'maybe' in a column of true and false"):
        columns(path)


def test_a_whole_file_may_hold_texts_where_nobody_asks_for_numbers(path: Path) -> None:
    path.write_text("a,b,c\n1,x,\n2,,3\n")
    assert read_table(path).to_pydict() == {"a": [1, 2], "b": ["x", None], "c": [None, 3]}
    assert read_table(path, ["a"], text=["b"]).to_pydict() == {"a": [1, 2], "b": ["x", None]}
    with pytest.raises(DataError, match=r"line 2 \(row 0\), column 'c' is missing"):
        read_table(path, ["a", "c"])


def test_names_that_are_numbers_can_be_meant(path: Path) -> None:
    path.write_text("0,1\n5,6\n")
    assert columns(path, header=True) == [[5.0], [6.0]]
    assert columns(path, header=False) == [[0.0, 5.0], [1.0, 6.0]]


def test_the_rows_are_estimated_for_a_progress_bar(path: Path) -> None:
    """Exactly where the sample is the file, else from its first lines; not for a compressed file."""
    lines = [f"{i / 7:.6f},{i % 2}" for i in range(200_000)]
    path.write_text("a,b\n" + "\n".join(lines) + "\n")
    stream = open_rows(path)
    assert stream.rows is None
    assert stream.estimated == pytest.approx(200_000, rel=0.2)
    path.write_text("a,b\n1,2\n\n3,4\n")
    assert open_rows(path).estimated == 2
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert open_rows(path).estimated is None


def test_a_header_longer_than_the_sample_is_read(path: Path) -> None:
    names = [f"a_rather_long_name_of_a_column_{i}" for i in range(20_000)]
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    assert columns(path, [names[-1], names[0]]) == [[1.0], [1.0]]


# -- anything at all --------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
FLOATS = st.floats(allow_nan=False)


@given(
    st.lists(st.tuples(FLOATS, TEXTS, st.integers(-(2**53), 2**53)), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None)
def test_what_pythons_csv_module_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str, int]], delimiter: str, end: str
) -> None:
    """The witness is the writer of the standard library: the same doubles, whatever texts stand between."""
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(
            stream, csv.excel, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_NONNUMERIC
        )
        writer.writerows([("x", "text", "n"), *((repr(x), text, n) for x, text, n in rows)])
    x, n = columns(path, ["x", "n"], delimiter=delimiter)
    assert x == [row[0] for row in rows]
    assert [math.copysign(1, number) for number in x] == [math.copysign(1, row[0]) for row in rows]
    assert n == [row[2] for row in rows]


@given(st.lists(st.lists(FLOATS, min_size=3, max_size=3), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]
) -> None:
    """To the last bit, signs of zeros too."""
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    array = np.array(rows)
    write_table(path, dict(zip("abc", array.T, strict=True)))
    (batch,) = open_rows(path).batches()
    assert np.column_stack(batch).tobytes() == array.tobytes()


def said(read: Callable[[], Any]) -> str:
    """What an error says; nothing if there is none."""
    try:
        read()
    except (DataError, ShapeError) as error:
        return str(error)
    return ""


PIECES = [
    b"a", b"b", b",", b";", b"\n", b"\r\n", b"\r", b'"', b"1", b"2.5", b"-", b"\xff", b"\0", b" ", b"true", b"nan",
    b"\t", "é".encode(), b"a,b\n", b"1,2\n", b"PAR1", b"ARROW1\0\0", b"\x1f\x8b", b"\xff\xff\xff\xff", b"x" * 200_000,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, beginning: bool
) -> None:
    """Never another error, never a message of several lines."""
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    path.write_bytes(b"a,b\n1,2\n" * beginning + content)
    for read in (
        lambda: list(open_rows(path).batches()),
        lambda: read_table(path),
        lambda: read_table(path, ["a"]),
        lambda: list(open_rows(path, labels={"a": "1"}).batches(["a"])),
    ):
        assert "\n" not in said(read)


def test_the_witness_and_the_reader_agree_on_missing_fields() -> None:
    """What is called missing here is what pyarrow takes for it, and Python's None."""
    theirs = set(pa.csv.ConvertOptions().null_values)
    from minigrad.tables.lines import NULLS

    assert set(NULLS) == theirs | {"None"}


def test_what_counts_as_a_number_is_what_pyarrow_reads() -> None:
    """`lines` must not blame a field that pyarrow took, nor take one that it refused."""
    from minigrad.tables.lines import NUMBER

    for text in "1 +1 -1 1. .5 1e5 1E-5 +.5e+3 inf -Infinity 1_0 0x1 1d3 - . e5 1e 1,0 ١ −1 1e400".split():  # noqa: SIM905
        options = pa.csv.ConvertOptions(column_types={"a": pa.float64()})
        try:
            pa.csv.read_csv(
                io.BytesIO(f"a\n{text}\n".encode()),
                convert_options=options,
                parse_options=pa.csv.ParseOptions(delimiter=";"),
            )
            taken = True
        except pa.ArrowInvalid:
            taken = False
        assert bool(NUMBER.fullmatch(text)) == taken, text
