"""`minigrad predict`: a line out for each row in, whatever the files; a mistake leaves no file behind."""

from __future__ import annotations

import csv
import os
import shlex
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from minigrad import cli, predict
from minigrad.logistic import LogisticRegression
from minigrad.tables import Floats

M = 500


def rows(m: int = M, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(m, 2))


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with a model and rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    x = rows()
    labels = np.where(x.sum(axis=1) + np.random.default_rng(1).normal(size=M) > 0, "yes", "no")
    LogisticRegression(["a", "b"], target="t", classes=("no", "yes")).fit(x, labels).save("model.json")
    write("new.csv", rows(seed=2))


def arrow(columns: dict[str, Any]) -> Any:
    """The columns as an Arrow table."""
    return pa.table(columns)


def write(name: str, x: Floats) -> None:
    """A CSV with the columns in another order, and one more."""
    lines = [f"{b!r},{i},{a!r}" for i, (a, b) in enumerate(x.tolist())]
    Path(name).write_text("\n".join(["b,id,a", *lines]) + "\n", encoding="utf-8")


def minigrad_(line: str) -> int:
    """Run the command here; its exit status."""
    try:
        return cli.main(shlex.split(line))
    except SystemExit as end:  # argparse's way out
        return int(end.code or 0)


def read(text: str) -> tuple[list[float], list[str]]:
    """The two columns of a CSV of predictions."""
    header, *lines = csv.reader(text.splitlines())
    assert header == ["probability", "prediction"]
    return [float(line[0]) for line in lines], [line[1] for line in lines]


def test_every_row_gets_what_the_model_says(capsys: pytest.CaptureFixture[str]) -> None:
    """To the last digit, in the same order, and said how many."""
    assert minigrad_("predict model.json new.csv --out p.csv") == 0
    probabilities, predictions = read(Path("p.csv").read_text())
    model = LogisticRegression.load("model.json")
    assert probabilities == model.predict_proba(rows(seed=2))[:, 1].tolist()
    assert predictions == model.predict(rows(seed=2)).tolist()
    text, errors = capsys.readouterr()
    assert (text, errors) == (f"p.csv: {M} rows, {predictions.count('yes')} more likely yes\n", "")


def test_standard_output_takes_the_same_bytes() -> None:
    """As a process of its own; nothing else is printed there."""
    minigrad_("predict model.json new.csv --out p.csv")
    command = [sys.executable, "-m", "minigrad", "predict", "model.json", "new.csv"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (Path("p.csv").read_bytes(), b"")


def test_parquet_in_and_out() -> None:
    """The same numbers; the type of the class is kept."""
    x = rows(seed=2)
    pyarrow.parquet.write_table(arrow({"b": x[:, 1], "a": x[:, 0]}), "new.parquet")
    assert minigrad_("predict model.json new.parquet -o p.parquet") == 0
    assert minigrad_("predict model.json new.csv -o p.csv") == 0
    made = pyarrow.parquet.read_table("p.parquet")
    assert made.schema.names == ["probability", "prediction"]
    assert (made["probability"].to_pylist(), made["prediction"].to_pylist()) == read(
        Path("p.csv").read_text()
    )
    LogisticRegression(["a", "b"]).fit(x, x[:, 0] + rows(seed=3)[:, 1] > 0).save("numbers.json")
    assert minigrad_("predict numbers.json new.parquet -o n.parquet") == 0
    assert set(pyarrow.parquet.read_table("n.parquet")["prediction"].to_pylist()) == {0, 1}


def test_a_class_with_a_comma_is_quoted() -> None:
    labels = np.where(rows()[:, 0] + rows(seed=5)[:, 0] > 0, 'a "b", c', "d")
    LogisticRegression(["a", "b"], classes=("d", 'a "b", c')).fit(rows(), labels).save("comma.json")
    assert minigrad_("predict comma.json new.csv -o p.csv") == 0
    assert set(read(Path("p.csv").read_text())[1]) == {"d", 'a "b", c'}


def test_memory_does_not_grow_with_the_file() -> None:
    """Ten times the rows, about the same memory."""
    peaks = []
    for m in (200_000, 2_000_000):
        with pyarrow.parquet.ParquetWriter(
            "big.parquet", pa.schema([("a", pa.float64()), ("b", pa.float64())])
        ) as big:
            for part in range(m // 100_000):
                x = rows(100_000, part)
                big.write_table(arrow({"a": x[:, 0], "b": x[:, 1]}))
        tracemalloc.start()
        done = predict.run(Path("model.json"), Path("big.parquet"), "p.parquet")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done.rows == m
    assert peaks[1] < 1.5 * peaks[0]
    assert pyarrow.parquet.ParquetFile("p.parquet").metadata.num_rows == 2_000_000


def test_progress_hears_of_rows() -> None:
    heard: list[tuple[int, int | None]] = []
    predict.run(
        Path("model.json"), Path("new.csv"), "p.csv", progress=lambda done, of: heard.append((done, of))
    )
    assert heard[-1][0] == M


MISTAKES = [
    ("predict", "the following arguments are required: MODEL, FILE"),
    ("predict model.json", "the following arguments are required: FILE"),
    ("predict modl.json new.csv", "did you mean 'model.json'?"),
    ("predict new.csv new.csv", "new.csv: not the JSON of a model"),
    ("predict newer.json new.csv", "install the newer one"),
    ("predict model.json none.csv", "there is no such file"),
    ("predict model.json new.csv --out p.xls", "does not say how the table is to be written"),
    ("predict model.json new.csv --out new.csv", "--out new.csv is the table itself"),
    ("predict model.json new.csv --out ./new.csv", "is the table itself"),
    ("predict model.json new.csv --out none/p.csv", "the folder 'none' does not exist"),
    ("predict model.json lacks.csv", "lacks.csv has no column 'b'; did you mean 'B1'?"),
    (
        "predict model.json lacks2.csv --out p.csv",
        "lacks2.csv lacks 2 of the 2 columns of the model: 'a', 'b'",
    ),
    ("predict model.json word.csv --out p.csv", "word.csv: line 3 (row 1), column 'a' holds 'x'"),
    ("predict model.json missing.csv --out p.csv", "missing.csv: line 3 (row 1), column 'b' is missing"),
    ("predict model.json infinite.csv --out p.csv", "infinite.csv: row 1, column 'a' holds -inf"),
    ("predict model.json new.csv --threads 0", "1 or more, not 0"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_a_line_or_two(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and nothing written."""
    text = Path("model.json").read_text().replace('"version": 1', '"version": 9')
    Path("newer.json").write_text(text)
    for name, lines in {
        "lacks": "a,B1\n1,2",
        "lacks2": "A1,B1\n1,2",
        "word": "a,b\n1,2\nx,2",
        "missing": "a,b\n1,2\n1,",
        "infinite": "a,b\n1,2\n-inf,2",
    }.items():
        Path(f"{name}.csv").write_text(lines)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert minigrad_(line) == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.startswith("minigrad predict: ")
    assert len(errors.splitlines()) <= 2
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_the_old_file_stays_when_a_row_is_bad() -> None:
    """The first batches were written by then, but not in place."""
    Path("p.csv").write_text("old")
    x = rows(200_000)
    x[-1, 0] = np.inf
    write("late.csv", x)
    assert minigrad_("predict model.json late.csv --out p.csv") == 2
    assert Path("p.csv").read_text() == "old"
    assert sorted(os.listdir()) == ["late.csv", "model.json", "new.csv", "p.csv"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_leaves_is_no_error() -> None:
    """As in `minigrad predict model.json big.csv | head -1`."""
    write("big.csv", rows(100_000))
    command = [sys.executable, "-m", "minigrad", "predict", "model.json", "big.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=60) == 1
