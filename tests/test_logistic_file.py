"""A model that is saved comes back bit for bit; a file that is not wholly understood is refused by its field."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.files import CannotReadError, CannotWriteError
from minigrad.logistic import LogisticRegression, ModelFileError
from minigrad.logistic.file import LARGEST, Saved, Training, read, text, write

TRAINING = Training(
    rows=100, solver="gd", epochs=50, alpha=0.1, batch_rows=None, l2=0.0, seed=0, loss=0.25, ended="epochs used up",
    separation="",
)  # fmt: skip
MODEL = Saved(
    ("age", "bmi"), "ill", ("no", "yes"), (0.1, -2.5e-300), -1.0, (50.0, 25.0), (10.0, 5.0), TRAINING
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of MODEL."""
    return write(tmp_path / "model.json", MODEL)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(NAME, FINITE, min_size=1, max_size=5), FINITE, NAME, st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(features: dict[str, float], b: float, target: str, scaled: bool) -> None:
    """Any names, any finite numbers, to the last bit; equal models give equal text."""
    names = tuple(name for name in features if name != target)
    n = len(names)
    if n == 0:
        return
    weights = tuple(features[name] for name in names)
    mean, scale = (((0.1,) * n), ((5e-324,) * n)) if scaled else (None, None)
    model = Saved(names, target, (0, 1), weights, b, mean, scale, TRAINING)
    with TemporaryDirectory() as folder:
        again = read(write(os.path.join(folder, "m.json"), model))
    assert again == model
    assert [number.hex() for number in again.weights] == [number.hex() for number in weights]
    assert text(again) == text(model)


def test_the_file_can_be_read_by_people(path: Path) -> None:
    """One line for each feature, UTF-8, no date, no path; other programs read it as JSON."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert '    {"name": "age", "weight": 0.1, "mean": 50.0, "scale": 10.0},' in lines
    assert f'  "minigrad": "{minigrad.__version__}",' in lines
    assert json.loads(path.read_text())["features"][1]["weight"] == -2.5e-300


def test_predictions_are_the_same_to_the_last_bit(tmp_path: Path) -> None:
    """After save and load, standardised or not; a second save gives the same bytes."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(200, 3))
    labels = np.where(rows.sum(axis=1) + generator.normal(size=200) > 0, "b", "ä")
    for standardise in (False, True):
        model = LogisticRegression(3, classes=("ä", "b"), target="kind").fit(
            rows, labels, standardise=standardise
        )
        first = model.save(tmp_path / "first.json")
        again = LogisticRegression.load(first)
        assert again.predict_proba(rows).tobytes() == model.predict_proba(rows).tobytes()
        assert again.predict(rows).tolist() == model.predict(rows).tolist()
        assert (again.training, again.target, again.classes) == (model.training, "kind", ("ä", "b"))
        assert repr(again) == repr(model)
        if standardise:
            assert again.standardised_weights is not None
            assert model.standardised_weights is not None
            assert again.standardised_weights.tolist() == model.standardised_weights.tolist()
        assert again.save(tmp_path / "second.json").read_bytes() == first.read_bytes()


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows, labels = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    files = [
        LogisticRegression(1).fit(rows, labels).save(tmp_path / name).read_bytes()
        for name in ("a.json", "b.json")
    ]
    assert files[0] == files[1]


def test_a_file_written_by_hand_is_taken(tmp_path: Path) -> None:
    """With a byte-order mark, fields in another order, whole numbers for numbers, and no scaling."""
    fields = json.loads(text(dataclasses.replace(MODEL, mean=None, scale=None)))
    fields["features"][0]["weight"] = 3
    del fields["sha256"]
    path = tmp_path / "hand.json"
    path.write_text("\ufeff" + json.dumps(dict(reversed(fields.items())), indent=4), encoding="utf-8")
    assert read(path).weights == (3.0, -2.5e-300)


# -- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"b": -1.0', '"b": -1.5'),
        ('["no", "yes"]', '["yes", "no"]'),
        ('"age"', '"agf"'),
        ('"epochs": 50', '"epochs": 51'),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(path: Path, old: str, new: str) -> None:
    """Each is a model too, but not the one that was saved; spaces, the order of fields, -1 for -1.0 are free."""
    text_ = path.read_text()
    assert old in text_
    path.write_text(text_.replace(old, new))
    with pytest.raises(ModelFileError, match=r"model\.json: something in it was changed after it was saved"):
        read(path)
    path.write_text(json.dumps(dict(reversed(json.loads(text_.replace("-1.0", "-1")).items()))))
    assert read(path) == MODEL


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def put(*keys: Any, value: Any) -> Callable[[dict[str, Any]], object]:
    """Sets fields[keys[0]][keys[1]]... to a value."""

    def change(fields: Any) -> None:
        for key in keys[:-1]:
            fields = fields[key]
        fields[keys[-1]] = value

    return change


TAMPERED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (put("format", value="something else"), "no model of minigrad"),
    (put("version", value=2), "version 2 of the format, written by minigrad .*: install the newer one"),
    (put("version", value="1"), 'version is a whole number from 1 on, not "1"'),
    (put("version", value=True), "version is a whole number from 1 on, not true"),
    (put("minigrad", value=3), "minigrad is a text, not 3"),
    (put("target", value=""), 'target is a text, not ""'),
    (put("target", value="age"), "name 'age' twice"),
    (put("classes", value=["no"]), "classes is a list of two, not a list of 1"),
    (put("classes", value=["no", "no"]), 'classes names "no" twice'),
    (put("classes", value=["no", None]), r"classes\[1\] is a number, not null"),
    (put("b", value=None), "b is a number, not null"),
    (put("b", value="1.0"), 'b is a number, not "1.0"'),
    (put("b", value=True), "b is a number, not true"),
    (put("b", value=10**350), "b is beyond the largest double"),
    (put("features", value=[]), "features is a list of at least one feature, not a list of 0"),
    (put("features", value={}), "features is a list of at least one feature, not an object of 0"),
    (put("features", 0, value=[]), r"features\[0\] is an object with fields, not a list of 0"),
    (put("features", 1, "weight", value=[1.0]), r"features\[1\].weight is a number, not a list of 1"),
    (put("features", 1, "scale", value=0.0), r"features\[1\].scale is a number above 0, not 0.0"),
    (put("features", 1, "scale", value=-1), r"features\[1\].scale is a number above 0, not -1.0"),
    (put("features", 1, "name", value="age"), "name 'age' twice"),
    (put("features", 1, "name", value=7), r"features\[1\].name is a text, not 7"),
    (put("features", 1, "wieght", value=7), r"features\[1\] has a field 'wieght', which means nothing"),
    (put("extra", value=7), "the file has a field 'extra', which means nothing"),
    (lambda fields: fields.pop("b"), "the file lacks the field 'b'"),
    (lambda fields: fields.pop("training"), "the file lacks the field 'training'"),
    (lambda fields: fields["features"][0].pop("weight"), r"features\[0\] lacks the field 'weight'"),
    (
        lambda fields: fields["features"][0].pop("mean"),
        r"features\[0\] has one of mean and scale without the other",
    ),
    (
        lambda fields: (fields["features"][0].pop("mean"), fields["features"][0].pop("scale")),
        "have a mean and a scale only in part",
    ),
    (put("training", value=None), "training is an object with fields, not null"),
    (put("training", "rows", value=0), "training.rows is a whole number, 1 or more, not 0"),
    (put("training", "rows", value=1.5), "training.rows is a whole number, 1 or more, not 1.5"),
    (put("training", "alpha", value="fast"), 'training.alpha is a number, not "fast"'),
    (put("training", "l2", value=-1), "training.l2 is 0 or more, not -1.0"),
    (put("training", "loss", value=None), "training.loss is a number, not null"),
    (put("training", "ended", value=1), 'training.ended is one of "converged", .*, not 1'),
    (put("training", "separation", value="odd"), 'training.separation is "", "partial" or "complete"'),
]


@pytest.mark.parametrize(("change", "says"), TAMPERED, ids=[says[:40] for _, says in TAMPERED])
def test_a_tampered_file_is_refused(
    change: Callable[[dict[str, Any]], object], says: str, path: Path
) -> None:
    """With the name of the file and the field, in one line."""
    changed(path, change)
    with pytest.raises(ModelFileError, match=says) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data) - 2):  # the last two are the brace and the line end
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError):
            read(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file ends there"),
        (b"\x89PNG\r\n\xff", "this is not text"),
        (b"[1, 2]", "no model of minigrad"),
        (b"3", "no model of minigrad"),
        (b'{"format": "minigrad logistic regression", "b": NaN}', "NaN is no finite number"),
        (b'{"format": "minigrad logistic regression", "b": -Infinity}', "-Infinity is no finite number"),
        (b'{"format": 1, "b": 1, "b": 2}', "the field 'b' is there twice"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"b": ' + b"9" * 10_000 + b"}", "a whole number of 10,000 digits"),
        (b'{"format": "minigrad graph 1"}', "no model of minigrad"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_model_is_refused(data: bytes, says: str, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=says):
        read(path)


@pytest.mark.parametrize("literal", ["1e999", "-1e999"])
def test_a_number_beyond_the_doubles_is_refused(literal: str, path: Path) -> None:
    """JSON would make an infinity of it."""
    path.write_text(path.read_text().replace('"b": -1.0', f'"b": {literal}'))
    with pytest.raises(ModelFileError, match="b is beyond the largest double"):
        read(path)


def test_half_a_character_is_refused(path: Path) -> None:
    path.write_text(path.read_text().replace('"age"', '"\\ud800"'))
    with pytest.raises(ModelFileError, match=r"features\[0\].name holds half of a character"):
        read(path)


def test_a_huge_file_is_refused_unread(path: Path) -> None:
    with open(path, "wb") as stream:
        stream.truncate(LARGEST + 10)
    with pytest.raises(ModelFileError, match="larger than 64 MB"):
        read(path)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """With what may have been meant."""
    with pytest.raises(CannotReadError, match=r"no such file; did you mean '.*model\.json'"):
        LogisticRegression.load(path.with_name("modell.json"))
    with pytest.raises(CannotReadError, match="it is a folder"):
        LogisticRegression.load(path.parent)


def test_a_model_that_cannot_be_written_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk; and what is not a number never gets into a file."""
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWriteError, match="the disk is full"):
        write(path, MODEL)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(ValueError, match="not JSON compliant"):
        text(dataclasses.replace(MODEL, b=math.nan))
