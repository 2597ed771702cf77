"""`minigrad train`: a file in, a model out; a mistake is a line or two, exit status 2, and nothing written."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from minigrad import cli, console
from minigrad.files import CannotWriteError
from minigrad.logistic import LogisticRegression, mean_gradient_on_paper
from minigrad.tables import Floats, split

M, NAMES = 300, ("age", "bmi", "dose")


def columns(m: int = M, seed: int = 0) -> dict[str, Floats]:
    """Three columns and a target `ill` that depends on two of them, with noise."""
    generator = np.random.default_rng(seed)
    x = {
        "age": generator.normal(50, 10, m),
        "bmi": generator.normal(25, 4, m),
        "dose": generator.exponential(2, m),
    }
    z = 0.1 * (x["age"] - 50) - 0.3 * (x["bmi"] - 25)
    return {**x, "ill": (generator.random(m) < 1 / (1 + np.exp(-z))).astype(float)}


def write_csv(
    name: str, table: dict[str, Floats], *, target: str = "ill", texts: tuple[str, str] | None = None
) -> None:
    """A CSV with every digit; the target as 0 and 1, or as two texts; and a column `id` of texts."""
    lines = [",".join(["id", *table])]
    for i, row in enumerate(zip(*table.values(), strict=True)):
        fields = [repr(float(number)) for number in row]
        label = int(row[list(table).index(target)])
        fields[list(table).index(target)] = texts[label] if texts else str(label)
        lines.append(",".join([f"p{i}", *fields]))
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with a table, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_csv("data.csv", columns())


def minigrad_(line: str) -> int:
    """Run the command here; its exit status."""
    try:
        return cli.main(shlex.split(line))
    except SystemExit as end:  # argparse's way out
        return int(end.code or 0)


def process(line: str, **environment: str) -> subprocess.Popen[bytes]:
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "minigrad", *shlex.split(line)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, env={**os.environ, **environment})


# -- what it shows ----------------------------------------------------------------------------------------


def test_a_table_becomes_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    """The weights are those of the same rows by the library; nothing on standard error, no colours."""
    assert minigrad_("train data.csv --target ill --exclude id --save model.json") == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    assert "\x1b" not in text
    table = columns()
    training, held_out = split(M, seed=0)
    rows, labels = np.column_stack([table[name] for name in NAMES]), table["ill"]
    witness = LogisticRegression(NAMES, target="ill").fit(rows[training], labels[training])
    model = LogisticRegression.load("model.json")
    np.testing.assert_allclose(model.parameters, witness.parameters, rtol=1e-12)
    assert model.features == NAMES
    for name, weight in zip(NAMES, model.weights, strict=True):
        assert re.search(rf"^{name} +\{weight:+.5g} +{math.exp(weight):.4g} ", text, re.MULTILINE)
    deviation = rows[training].std(axis=0)[0] * model.weights[0]
    assert re.search(rf"^age .* \{deviation:+.4f}$", text, re.MULTILINE)
    for part, name in ((training, "learned from"), (held_out, "held out")):
        right = round(model.accuracy(rows[part], labels[part]) * len(part))
        loss = model.log_loss(rows[part], labels[part])
        assert re.search(rf"^{name} +{right} +{len(part)} .* {loss:.4f} ", text, re.MULTILINE), name


def test_the_base_rate_is_that_of_the_rows_learned_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Its log-loss on rows of share s is -(s log p + (1 - s) log(1 - p)); its accuracy that of the likelier label."""
    minigrad_("train data.csv --target ill --exclude id")
    text = capsys.readouterr().out
    labels = columns()["ill"]
    training, held_out = split(M, seed=0)
    p = labels[training].mean()
    for part, name in ((training, "learned from"), (held_out, "held out")):
        s = labels[part].mean()
        loss = -(s * math.log(p) + (1 - s) * math.log(1 - p))
        accuracy = s if p >= 0.5 else 1 - s
        assert re.search(rf"^{name} .* {accuracy * 100:.1f}% .* {loss:.4f}$", text, re.MULTILINE), name


def test_what_must_be_said_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Split and seed, scaling or none, penalty or none, units, the closed form, where nothing was kept."""
    minigrad_("train data.csv --target ill --exclude id --seed 3")
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "300 rows × 3 columns", "drawn with seed 3", "as they are, not scaled", "penalty none", "log-odds",
        "odds ratio", "One unit more", "standard deviation", "All agree.", "ended where the loss is least",
        "nats per example",
        "--save model.json keeps the model",
    ):  # fmt: skip
        assert words in text, words
    minigrad_("train data.csv --target ill --exclude id --standardise --l2 0.01 --test-size 0")
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "standardised for the solver",
        "none held out",
        "l2 = 0.01",
        "penalty added",
        "the penalty left out",
    ):
        assert words in text, words
    assert "held out 6" not in text


def test_a_gradient_that_disagrees_is_exit_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking the check: m - 1 in place of m."""
    right = mean_gradient_on_paper

    def wrong(*given: Floats) -> tuple[Floats, Floats]:
        gradient, allowed = right(*given)
        return gradient + 1e-9, allowed

    monkeypatch.setattr(console, "mean_gradient_on_paper", wrong)
    assert minigrad_("train data.csv --target ill --exclude id") == 1
    assert "THE GRAPH IS WRONG" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_too_long(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    minigrad_("train data.csv --target ill --exclude id")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= width


def test_many_features_are_cut_to_the_largest(capsys: pytest.CaptureFixture[str]) -> None:
    """And it is said how many are left out."""
    generator = np.random.default_rng(0)
    table = {f"x{j}": generator.normal(size=400) for j in range(60)}
    table["ill"] = (table["x7"] + generator.normal(size=400) > 0).astype(float)
    write_csv("wide.csv", table)
    assert minigrad_("train wide.csv --target ill --exclude id --l2 0.01") == 0
    text = capsys.readouterr().out
    assert len(re.findall(r"^x\d+ ", text, re.MULTILINE)) == 40
    assert re.search(r"^x7 ", text, re.MULTILINE)
    assert "The 20 smaller ones are left out here." in " ".join(text.split())


def test_pictures_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the curve, and of the first held-out row with its numbers."""
    assert minigrad_("train data.csv --target ill --exclude id --out a/b") == 0
    assert sorted(os.listdir("a/b")) == ["loss.png", "row.dot", "row.svg"]
    row = int(split(M, seed=0).held_out[0])
    assert f"the graph of row {row} (counted from 0), held out" in capsys.readouterr().out
    text = Path("a/b/row.svg").read_text(encoding="utf-8")
    assert f"row {row}, held out: ill = {columns()['ill'][row]:g}<" in text
    for word in ("w[age]", "bmi", "dose", "bce"):
        assert word in text


def test_without_matplotlib_the_rest_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert minigrad_("train data.csv --target ill --exclude id --out a") == 0
    assert sorted(os.listdir("a")) == ["row.dot", "row.svg"]
    assert 'pip install "minigrad[plot]"' in capsys.readouterr().out


def test_the_same_arguments_give_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """Text, model and pictures, for any number of threads; another seed holds out other rows."""
    line = "train data.csv --target ill --exclude id --solver adam --alpha 0.01 --epochs 5 --batch-rows 32"
    made = []
    for folder, more in (("a", ""), ("b", " --threads 2"), ("c", " --seed 1")):
        assert minigrad_(f"{line} --save {folder}.json --out {folder}{more}") == 0
        text = capsys.readouterr().out.replace(f"{folder}.json", "").replace(f"{folder}/", "")
        files = [Path(f"{folder}.json").read_bytes()]
        files += [(Path(folder) / name).read_bytes() for name in sorted(os.listdir(folder))]
        made.append((text, files))
    assert made[0] == made[1]
    assert made[0][1][0] != made[2][1][0]


# -- what it reads ----------------------------------------------------------------------------------------


def test_parquet_and_arrow_give_what_csv_gives(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the type of the label, and whatever else is in the file."""
    table: dict[str, Any] = dict(columns())
    ill = table["ill"]
    pyarrow.parquet.write_table(
        pa.table({**table, "ill": ill.astype(np.int8), "note": ["x"] * M}), "data.parquet"
    )
    pyarrow.feather.write_feather(pa.table({**table, "ill": ill == 1}), "data.arrow")
    write_csv("words.csv", columns(), texts=("FALSE", "True"))
    line = "--target ill --features age,bmi,dose --save"
    made = []
    for name in ("data.csv", "data.parquet", "data.arrow", "words.csv"):
        assert minigrad_(f"train {name} {line} {name}.json") == 0
        made.append(Path(f"{name}.json").read_bytes())
    capsys.readouterr()
    assert made[1:] == made[:1] * 3


def test_a_csv_may_be_written_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    """With a decimal comma and in another encoding: the same model, and the option is named where it is needed."""
    text = Path("data.csv").read_text()
    lines = [line.replace(",", ";").replace(".", ",") for line in text.splitlines()]
    Path("other.csv").write_text("\n".join(lines).replace("bmi", "größe", 1), encoding="latin-1")
    plain, line = (
        "train data.csv --target ill --exclude id --save a.json",
        "train other.csv --target ill --exclude id",
    )
    assert minigrad_(plain) == minigrad_(f"{line} --decimal , --encoding latin-1 --save b.json") == 0
    first, second = (LogisticRegression.load(name) for name in ("a.json", "b.json"))
    assert first.parameters.tolist() == second.parameters.tolist()
    assert minigrad_("predict a.json data.csv --out a.csv") == 0
    assert minigrad_("predict b.json other.csv --decimal , --encoding latin-1 --out b.csv") == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    capsys.readouterr()
    for command in (line, "predict b.json other.csv"):
        assert minigrad_(f"{command} --encoding latin-1") == 2
        assert "if the comma is a decimal point, give --decimal ,\n" in capsys.readouterr().err
        assert minigrad_(f"{command} --decimal ,") == 2
        assert "or give its encoding, such as --encoding latin-1\n" in capsys.readouterr().err
    Path("bare.csv").write_text("1,1\n2,0\n")
    assert minigrad_("train bare.csv --target ill") == 2
    assert "write one, with a name for each column\n" in capsys.readouterr().err


def test_labels_may_be_texts(capsys: pytest.CaptureFixture[str]) -> None:
    """--positive says which is 1; the model knows their names."""
    write_csv("text.csv", columns(), texts=("no", "yes"))
    assert minigrad_("train text.csv --target ill --exclude id --positive yes --save a.json") == 0
    assert "1 is yes, " in capsys.readouterr().out
    assert minigrad_("train text.csv --target ill --exclude id --positive no --save b.json") == 0
    first, second = (LogisticRegression.load(name) for name in ("a.json", "b.json"))
    assert (first.classes, second.classes) == (("no", "yes"), ("yes", "no"))
    np.testing.assert_allclose(first.parameters, -second.parameters, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "option", "classes"),
    [(("1", "2"), "--positive 2", ("1", "2")), (("True", "False"), "--positive True", ("False", "True"))],
)
def test_labels_may_be_other_numbers(
    values: tuple[str, str], option: str, classes: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_csv("other.csv", columns(), texts=values)
    assert minigrad_(f"train other.csv --target ill --exclude id {option} --save a.json") == 0
    assert tuple(map(str, LogisticRegression.load("a.json").classes)) == classes


def test_features_may_be_named_or_excluded(capsys: pytest.CaptureFixture[str]) -> None:
    """Repeated or between commas, in quotes where a name has a comma."""
    assert minigrad_("train data.csv --target ill --features age --features bmi --save a.json") == 0
    assert minigrad_("train data.csv --target ill --exclude id,dose --save b.json") == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    text = Path("data.csv").read_text().replace("id,age,", 'id,"age, years",', 1)
    Path("comma.csv").write_text(text)
    assert minigrad_("""train comma.csv --target ill --features '"age, years",bmi'  --save c.json""") == 0
    assert LogisticRegression.load("c.json").features == ("age, years", "bmi")


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "newton-cg", "gd", "momentum", "adam"])
def test_every_solver_is_there(solver: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = "--alpha 0.05" if solver == "adam" else ""
    assert (
        minigrad_(
            f"train data.csv --target ill --exclude id --standardise --solver {solver} --epochs 100 {more}"
        )
        == 0
    )
    (loss,) = re.findall(r"^learned from .*% +(\d\.\d+) ", capsys.readouterr().out, re.MULTILINE)
    assert float(loss) < 0.6


# -- mistakes ---------------------------------------------------------------------------------------------

MISTAKES = [
    ("train", "the following arguments are required: FILE, --target"),
    ("train data.csv", "Name it with --target COLUMN"),
    ("train none.csv --target ill", "there is no such file"),
    ("train dta.csv --target ill", "did you mean 'data.csv'?"),
    ("train data.csv --target il", "--target: data.csv has no column 'il'; did you mean 'ill'?"),
    (
        "train data.csv --target ill --features agee",
        "--features: data.csv has no column 'agee'; did you mean 'age'?",
    ),
    (
        "train data.csv --target ill --exclude agee",
        "--exclude: data.csv has no column 'agee'; did you mean 'age'?",
    ),
    ("train data.csv --target ill --features ill,age", "'ill' is the target and cannot be a feature"),
    ("train data.csv --target ill --exclude id,age,bmi,dose", "no feature is left"),
    (
        "train data.csv --target ill",
        "column 'id' holds text, and features are numbers: leave out with --exclude id",
    ),
    ("train data.csv --target id --positive p0", "holds 300 different values"),
    ("train data.csv --target age --exclude id", "holds 300 different values"),
    (
        "train text.csv --target ill --exclude id",
        "holds 'no' and 'yes', not 0 and 1: say which of them is label 1",
    ),
    (
        "train text.csv --target ill --exclude id --positive Yes",
        "--positive: the target 'ill' holds no 'Yes', but ",
    ),
    ("train three.csv --target ill", "holds 3 different values ('a', 'b', 'c')"),
    ("train one.csv --target ill", "'ill' holds '1' in every row: there is nothing to tell apart"),
    ("train few.csv --target ill --test-size 0.7", "only '0' is left in 'ill' to learn from (1 of 3 rows)"),
    (
        "train index.csv --target ill",
        "index.csv: column 1 of 3 has no name (row numbers, as pandas writes them?): take it out or name it, or say "
        "with --features which columns are meant",
    ),
    (
        "train twice.csv --target ill",
        "twice.csv: column 'age' is there 2 times (columns 1 and 3 of 3): rename one",
    ),
    ("train data.csv --target ill --features age,age", "--features names 'age' twice"),
    ("train zero.parquet --target ill", "zero.parquet holds no rows"),
    ("train list.parquet --target ill", "list.parquet: column 'ill' holds list<element: int64>"),
    ("train when.parquet --target ill", "when.parquet: column 'ill' holds timestamp[ms]"),
    ("train nan.parquet --target ill", "nan.parquet: row 1, column 'ill' is missing: fill it in"),
    ("train row.csv --target ill", "'ill' holds '1' in every row"),
    ("train header.csv --target ill", "no rows"),
    ("train empty.csv --target ill", "is empty"),
    ("train missing.csv --target ill", "missing.csv: line 3 (row 1), column 'age' is missing"),
    ("train nolabel.csv --target ill", "nolabel.csv: line 3 (row 1), column 'ill' is missing: fill it in"),
    ("train infinite.csv --target ill", "infinite.csv: row 1, column 'age' holds inf"),
    ("train ragged.csv --target ill", "ragged.csv: line 3"),
    ("train word.csv --target ill", "word.csv: line 3 (row 1), column 'age' holds 'old'"),
    ("train data.csv --target ill --exclude id --test-size 1", "is 0 or more and below 1, not 1"),
    ("train data.csv --target ill --exclude id --test-size some", "is 0 or more and below 1, not some"),
    ("train data.csv --target ill --exclude id --alpha 0", "a finite number above 0, not 0"),
    ("train data.csv --target ill --exclude id --alpha 1", "--alpha means nothing to Newton's method"),
    (
        "train data.csv --target ill --exclude id --batch-rows 10",
        "--batch-rows means nothing to Newton's method",
    ),
    (
        "train data.csv --target ill --exclude id --solver adam --alpha safe",
        "--alpha safe is for gd and momentum",
    ),
    ("train data.csv --target ill --exclude id --solver sgd", "invalid choice: 'sgd'"),
    (
        "train data.csv --target ill --exclude id --solver gd --alpha 1e3",
        "--alpha safe takes it, --solver newton",
    ),
    (
        "train data.csv --target ill --exclude id --solver adam --alpha 1e300",
        "standardise the columns if they are not; --solver newton needs none",
    ),
    ("train '' --target ill", "argument FILE: a name is needed, not ''"),
    ("train data.csv --target ill --save ''", "argument --save: a name is needed, not ''"),
    (
        "train data.csv --target ill --exclude id --solver gd --alpha 0.2 --epochs 9",
        "take an alpha of at most",
    ),
    ("train data.csv --target ill --exclude id --epochs 0", "1 or more, not 0"),
    ("train data.csv --target ill --exclude id --decimal ;", "invalid choice: ';'"),
    (
        "train data.csv --target ill --exclude id --encoding base64",
        "no such encoding: 'base64'; utf-8 or latin-1",
    ),
    ("train data.csv --target ill --exclude id --threads 0", "1 or more, not 0"),
    ("train data.csv --target ill --exclude id --l2 -1", "a finite number, 0 or more, not -1"),
    ("train data.csv --target ill --exclude ,", "names of columns are needed"),
    ("train data.csv --target ill --exclude id --save data.csv", "--save data.csv is the table itself"),
    ("train data.csv --target ill --exclude id --save none/m.json", "the folder 'none' does not exist"),
    ("train data.csv --target ill --exclude id --save .", "it is a folder"),
    (
        "train data.csv --target ill --exclude id --checkpoint data.csv",
        "--checkpoint data.csv is the table itself",
    ),
    (
        "train data.csv --target ill --exclude id --checkpoint text.csv",
        "is there already: go on from it with --resume",
    ),
    ("train data.csv --target ill --exclude id --checkpoint text.csv --resume", "is no checkpoint"),
    ("train data.csv --target ill --exclude id --checkpoint a --save a", "are the same file"),
    ("train data.csv --target ill --exclude id --checkpoint a --save {here}/a", "are the same file"),
    ("train data.csv --target ill --exclude id --resume", "--resume needs --checkpoint"),
    ("train data.csv --target ill --exclude id --out data.csv", "a file is in its place"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_a_line_or_two(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and nothing written."""
    write_csv("text.csv", columns(), texts=("no", "yes"))
    for name, lines in {
        "three": "age,ill\n1,a\n2,b\n3,c\n4,a",
        "one": "age,ill\n1,1\n2,1\n3,1\n4,1\n5,1",
        "row": "age,ill\n1,1",
        "header": "age,ill",
        "empty": "",
        "missing": "age,ill\n1,1\n,0\n2,0",
        "nolabel": "age,ill\n1,1\n2,\n2,0",
        "infinite": "age,ill\n1,1\ninf,0\n2,0",
        "ragged": "age,ill\n1,1\n2,0,7\n2,0",
        "word": "age,ill\n1,1\nold,0\n2,0",
        "few": "age,ill\n1,1\n2,0\n3,0",
        "index": ",age,ill\n0,1,1\n1,2,0",
        "twice": "age,ill,age\n1,1,1\n2,0,2",
    }.items():
        Path(f"{name}.csv").write_text(lines)
    for name, ill in {
        "zero": pa.array([], pa.int64()),
        "list": pa.array([[0], [1]]),
        "when": pa.array([0, 1], pa.timestamp("s")).cast(pa.timestamp("ms")),
        "nan": pa.array([0.0, math.nan]),
    }.items():
        pyarrow.parquet.write_table(
            pa.table({"age": np.arange(float(len(ill))), "ill": ill}), f"{name}.parquet"
        )
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert minigrad_(line.replace("{here}", f"../{Path.cwd().name}")) == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.startswith("minigrad")
    assert len(errors.splitlines()) <= 2
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_all_columns_of_text_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("texts.csv").write_text("id,age,town,ill\na,1,x,0\nb,2,y,1\n")
    assert minigrad_("train texts.csv --target ill") == 2
    assert "columns 'id', 'town' hold text" in (errors := capsys.readouterr().err)
    assert "--exclude id,town" in errors


def test_what_cannot_be_written_is_known_before_the_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object, **__: object) -> None:
        raise AssertionError("trained all the same")

    monkeypatch.setattr(LogisticRegression, "fit", fit)
    Path("pictures/row.dot").mkdir(parents=True)
    options = [
        "--save none/m.json", "--checkpoint none/run.json", "--out data.csv", "--out data.csv/below", "--out pictures",
    ]  # fmt: skip
    if os.path.exists("/dev/full"):
        options += ["--save /dev/full", "--checkpoint /dev/full", "--out /proc", "--out /proc/below"]
    for option in options:
        assert minigrad_(f"train data.csv --target ill --exclude id {option}") == 2, option
        assert "cannot" in capsys.readouterr().err
    assert minigrad_("train data.csv --target ill --exclude id --positive 7 --out new/folder") == 2
    assert not Path("new").exists()


def test_what_was_written_is_said_when_the_rest_cannot_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full after the model: the model is there, and the table of files names it."""

    def draw(*_: object, **__: object) -> None:
        raise CannotWriteError(28, "cannot write 'row.svg': the disk is full; free some space")

    monkeypatch.setattr(LogisticRegression, "draw", draw)
    assert minigrad_("train data.csv --target ill --exclude id --save m.json --out pictures") == 2
    text, errors = capsys.readouterr()
    assert errors == "minigrad train: cannot write 'row.svg': the disk is full; free some space\n"
    assert "m.json" in text
    assert "row.svg" not in text
    LogisticRegression.load("m.json")


def test_a_reader_that_leaves_does_not_lose_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """minigrad train ... | head -1: what was asked for is kept before the rest is printed."""

    def leave(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("minigrad.train._show_run", leave)
    assert minigrad_("train data.csv --target ill --exclude id --save m.json --out pictures") == 1
    LogisticRegression.load("m.json")
    assert {"row.dot", "row.svg"} <= set(os.listdir("pictures"))


def test_separation_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """As a remark: the model is there all the same, and the way out is named."""
    table = columns()
    table["leak"] = table["ill"] * 2 + 1
    write_csv("leak.csv", table)
    assert minigrad_("train leak.csv --target ill --exclude id --save m.json") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "column 'leak' alone tells the classes apart, at 2" in text
    assert "set a penalty" in text
    assert json.loads(Path("m.json").read_text())["training"]["separation"] == "complete"


def test_uneven_columns_are_remarked_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Where they make gradient descent slow; with --standardise they do not."""
    table = columns()
    table["dose"] = table["dose"] * 1e4
    write_csv("uneven.csv", table)
    assert minigrad_("train uneven.csv --target ill --exclude id --solver gd") == 0
    assert "which makes gradient descent slow: --standardise, or" in " ".join(capsys.readouterr().out.split())
    assert minigrad_("train uneven.csv --target ill --exclude id --solver gd --standardise") == 0
    assert "slow" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "extra", "option"), [("pyarrow", "tables", ""), ("scipy", "fit", "--solver lbfgs")]
)
def test_a_package_that_is_missing_is_a_line(
    package: str, extra: str, option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, name, None)
    assert minigrad_(f"train data.csv --target ill --exclude id {option}") == 2
    assert f'pip install "minigrad[{extra}]"' in capsys.readouterr().err


def test_columns_that_determine_one_another_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    table = columns()
    table["both"] = table["age"] + table["bmi"]
    write_csv("both.csv", table)
    assert minigrad_("train both.csv --target ill --exclude id,dose") == 0
    assert "'age', 'bmi', 'both' determine one another" in " ".join(capsys.readouterr().out.split())


# -- as a process -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_any_encoding_will_do(encoding: str) -> None:
    """Letters that it lacks are spelt out."""
    with process("train data.csv --target ill --exclude id", PYTHONIOENCODING=encoding) as running:
        text, errors = running.communicate(timeout=120)
    assert (running.returncode, errors) == (0, b"")
    assert "?" not in text.decode(encoding)


LONG = "train data.csv --target ill --exclude id --solver adam --alpha 0.001 --batch-rows 8 --epochs 400 --save m.json"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(how: signal.Signals) -> None:
    """Killed, or by Ctrl-C, which ends with 130; no half-written file is left, and the model is the same."""
    with process(LONG) as whole:
        assert whole.wait(timeout=300) == 0
    expected = Path("m.json").read_bytes()
    Path("m.json").unlink()
    line = f"{LONG} --checkpoint run.json --every 0"
    with process(line) as running:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if Path("run.json").exists() and json.loads(Path("run.json").read_text())["epoch"] >= 2:
                break
            time.sleep(0.02)
        running.send_signal(how)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert b"Traceback" not in errors
    assert (b"--resume goes on from run.json" in errors) == (how == signal.SIGINT)
    assert not Path("m.json").exists()
    epoch = json.loads(Path("run.json").read_text())["epoch"]
    assert 2 <= epoch < 400
    with process(f"{LONG} --checkpoint run.json --resume") as resumed:
        assert resumed.wait(timeout=300) == 0
    assert Path("m.json").read_bytes() == expected


def test_a_checkpoint_of_other_rows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """And of another penalty; nothing is changed."""
    line = "--target ill --exclude id --solver gd --epochs 3 --checkpoint run.json"
    assert minigrad_(f"train data.csv {line}") == 0
    write_csv("other.csv", columns(seed=1))
    before = Path("run.json").read_bytes()
    for other in ("other.csv", "data.csv --l2 0.1", "data.csv --standardise", "data.csv --alpha 1e-5"):
        assert minigrad_(f"train {other} {line} --resume") == 2
        assert "is the checkpoint of another run" in capsys.readouterr().err
    assert Path("run.json").read_bytes() == before


def test_a_terminal_sees_a_progress_bar() -> None:
    """Of epochs with the loss; it goes away."""
    import io

    from rich.console import Console

    from minigrad import train

    bar, text = io.StringIO(), io.StringIO()
    order = train.Order(Path("data.csv"), "ill", exclude=("id",))
    train.run(order, console=Console(file=text), bar=Console(file=bar, force_terminal=True, width=80))
    assert "epochs, loss 0." in bar.getvalue()
    assert "held out" in text.getvalue()
