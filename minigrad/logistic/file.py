"""A trained model as a file: JSON that one can read, write by hand, and trust no further than it was checked.

    {
      "format": "minigrad logistic regression",
      "version": 1,
      "minigrad": "0.2.0",
      "target": "ill",
      "classes": [0, 1],
      "b": -3.25,
      "features": [
        {"name": "age", "weight": 0.0625, "mean": 51.5, "scale": 12.0}
      ],
      "training": {"rows": 455, "solver": "newton", "epochs": 6, ...},
      "sha256": "..."
    }

sha256 is that of all other fields. A number that was changed by accident is refused; who changes one on purpose, or
writes a file by hand, leaves it out.

Room: text to numbers and back; nothing in a file is ever run. Below: `files`, `text`. Above: `model`.
Must hold: what is written is read again bit for bit; equal models give equal bytes (no date, no path); what is
not understood to the last field is refused, with the file, the field and what to do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import minigrad
from minigrad.files import readable, write_text
from minigrad.text import shown

FORMAT = "minigrad logistic regression"
VERSION = 1

#: A larger file is no model: 400,000 features take so much.
LARGEST = 64 * 2**20

#: Why a run ended: where the loss is least, by its number of epochs, where rounding hides any further fall, or once
#: all rows were on their label's side.
ENDS = ("converged", "epochs used up", "no lower loss found", "rows told apart")

#: What a class may be called: the text or the number that stands in the column of the target.
Class: TypeAlias = str | int | float


class ModelFileError(ValueError):
    """A file holds no model that can be used; the message gives file, field and what to do."""


@dataclass(frozen=True, slots=True)
class Training:
    """How a model came about.

    rows        number of rows learned from
    solver      as `LogisticRegression.fit` calls it
    epochs      passes over the rows that ended in an update
    alpha       learning rate, None for a solver that has none
    batch_rows  rows for each update, None for all
    l2          the penalty: l2/2 times the sum of squared weights was added to the mean loss
    seed        of the start and of the batches
    loss        where it ended, in nats per example, the penalty left out
    ended       why the run ended, one of `ENDS`
    separation  "complete" or "partial" where the rows do not determine the weights, else ""
    """

    rows: int
    solver: str
    epochs: int
    alpha: float | None
    batch_rows: int | None
    l2: float
    seed: int
    loss: float
    ended: str
    separation: str


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds: numbers for each feature in the order of `features`.

    features  n names
    target    name of the column that was learned
    classes   what stands there for label 0 and for label 1
    weights   n, in log-odds per unit of column
    b         log-odds where every column is 0
    mean      n, in units of the columns, or None where the columns were not standardised
    scale     n, likewise
    training  Training
    """

    features: tuple[str, ...]
    target: str
    classes: tuple[Class, Class]
    weights: tuple[float, ...]
    b: float
    mean: tuple[float, ...] | None
    scale: tuple[float, ...] | None
    training: Training


# -- writing ----------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], model: Saved) -> Path:
    """Write a model, whole or not at all; returns the path. Raises CannotWriteError (an OSError)."""
    return write_text(path, text(model))


def text(model: Saved) -> str:
    """The text of the file: one line for each field and each feature."""
    head: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "minigrad": minigrad.__version__, "target": model.target,
        "classes": list(model.classes), "b": model.b,
    }  # fmt: skip
    features, training = _features(model), dataclasses.asdict(model.training)
    tail = {
        "training": training,
        "sha256": _digest({**head, "features": features, "training": training}),
    }
    lines = [f'  "{name}": {_json(value)},' for name, value in head.items()]
    lines += ['  "features": [', ",\n".join(f"    {_json(each)}" for each in features), "  ],"]
    lines.append(",\n".join(f'  "{name}": {_json(value)}' for name, value in tail.items()))
    return "\n".join(["{", *lines, "}", ""])


def _digest(fields: Mapping[str, object]) -> str:
    """Of all fields but the digest itself, whatever their order, the spaces between them, and 1 written as 1.0."""
    others = json.dumps({name: value for name, value in fields.items() if name != "sha256"}, sort_keys=True)
    return hashlib.sha256(json.dumps(json.loads(others, parse_int=float)).encode()).hexdigest()


def _features(model: Saved) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = [
        {"name": name, "weight": weight} for name, weight in zip(model.features, model.weights, strict=True)
    ]
    if model.mean is not None and model.scale is not None:
        for feature, mean, scale in zip(features, model.mean, model.scale, strict=True):
            feature |= {"mean": mean, "scale": scale}
    return features


def _json(value: object) -> str:
    """One line; a float is written so that the same bits are read from it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# -- reading ----------------------------------------------------------------------------------------------


def read(path: str | os.PathLike[str]) -> Saved:
    """Read a model that `write` wrote, or that was written by hand in its form.

    Raises ModelFileError when the file is no such model (field and what to do are given), CannotReadError (an
    OSError) when it cannot be read.
    """
    name = shown(os.fspath(path), 200)
    with open(readable(path), "rb") as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ModelFileError(f"{name}: larger than {LARGEST // 2**20} MB, so this is no model of minigrad")
    return _Reader(name).model(_parsed(name, data))


def _parsed(name: str, data: bytes) -> object:
    """JSON without what Python allows beyond it: no nan, no key twice."""
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole
        )
    except UnicodeDecodeError:
        raise ModelFileError(f"{name}: this is not text, so it is no model of minigrad") from None
    except RecursionError:
        raise ModelFileError(f"{name}: nested too deeply to be a model of minigrad") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        end = " (the file ends there)" if error.pos >= len(error.doc.rstrip()) else ""
        raise ModelFileError(
            f"{name}: not the JSON of a model at {where}{end}: {error.msg}; save the model again"
        ) from None
    except ValueError as error:  # of the functions below
        raise ModelFileError(f"{name}: {error}; save the model again") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {shown(twice, 60)!r} is there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 400:  # beyond the doubles; Python refuses some thousands, with advice for programmers
        raise ValueError(f"a whole number of {len(digits):,} digits is beyond the largest double")
    return int(digits)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no finite number")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the fields of one file; every method names the field it refuses."""

    file: str

    def refused(self, field: str, what: str, advice: str = "save the model again") -> ModelFileError:
        return ModelFileError(f"{self.file}: {field} {what}; {advice}")

    def model(self, given: object) -> Saved:
        if not isinstance(given, dict) or given.get("format") != FORMAT:
            raise ModelFileError(
                f'{self.file}: no model of minigrad (its first field is "format": "{FORMAT}")'
            )
        self.version(given)
        fields = self.fields(
            "the file", given,
            ("format", "version", "minigrad", "target", "classes", "b", "features", "training"), ("sha256",),
        )  # fmt: skip
        self.name("minigrad", fields["minigrad"])
        features = [self.feature(f"features[{i}]", each) for i, each in enumerate(self.listed(fields))]
        names = tuple(str(feature["name"]) for feature in features)
        target = self.name("target", fields["target"])
        self.distinct((*names, target))
        standardised = {"mean" in feature for feature in features}
        if len(standardised) > 1:
            raise self.refused("features", "have a mean and a scale only in part")
        columns = {
            key: tuple(feature[key] for feature in features) if key in features[0] else None
            for key in ("mean", "scale")
        }
        saved = Saved(
            names, target, self.classes(fields["classes"]),
            tuple(feature["weight"] for feature in features), self.number("b", fields["b"]),
            columns["mean"], columns["scale"], self.training(fields["training"]),
        )  # fmt: skip
        if fields.get("sha256", _digest(fields)) != _digest(fields):
            raise ModelFileError(
                f"{self.file}: something in it was changed after it was saved, for its sha256 does not fit; save the "
                "model again, or take the field out if the change is meant"
            )
        return saved

    def version(self, given: Mapping[str, object]) -> None:
        version = given.get("version")
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise self.refused("version", f"is a whole number from 1 on, not {_what(version)}")
        if version > VERSION:
            by = given.get("minigrad")
            raise ModelFileError(
                f"{self.file}: version {version} of the format, written by minigrad "
                f"{shown(by, 20) if isinstance(by, str) else 'of a later version'}; this is minigrad "
                f"{minigrad.__version__}, which reads up to version {VERSION}: install the newer one"
            )

    def fields(
        self, where: str, given: object, names: Sequence[str], optional: Sequence[str] = ()
    ) -> dict[str, Any]:
        """An object with these fields and no others."""
        if not isinstance(given, dict):
            raise self.refused(where, f"is an object with fields, not {_what(given)}")
        for name in names:
            if name not in given:
                raise self.refused(where, f"lacks the field {name!r}")
        for name in given:
            if name not in names and name not in optional:
                raise self.refused(
                    where, f"has a field {shown(name, 60)!r}, which means nothing here", "take it out"
                )
        return given

    def listed(self, fields: Mapping[str, object]) -> list[object]:
        features = fields["features"]
        if not isinstance(features, list) or not features:
            raise self.refused("features", f"is a list of at least one feature, not {_what(features)}")
        return features

    def feature(self, where: str, given: object) -> dict[str, Any]:
        fields = self.fields(where, given, ("name", "weight"), ("mean", "scale"))
        read: dict[str, Any] = {"name": self.name(f"{where}.name", fields["name"])}
        if ("mean" in fields) != ("scale" in fields):
            raise self.refused(where, "has one of mean and scale without the other")
        for key in ("weight", "mean", "scale"):
            if key in fields:
                read[key] = self.number(f"{where}.{key}", fields[key])
        if read.get("scale", 1.0) <= 0.0:
            raise self.refused(f"{where}.scale", f"is a number above 0, not {read['scale']!r}")
        return read

    def name(self, where: str, given: object) -> str:
        if not isinstance(given, str) or not given:
            raise self.refused(where, f"is a text, not {_what(given)}")
        if any("\ud800" <= character <= "\udfff" for character in given):
            raise self.refused(where, "holds half of a character (a lone surrogate)")
        return given

    def distinct(self, names: Sequence[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise self.refused("features", f"and target name {shown(name, 60)!r} twice")
            seen.add(name)

    def number(self, where: str, given: object, least: float = -math.inf) -> float:
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise self.refused(where, f"is a number, not {_what(given)}")
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refused(where, "is beyond the largest double, 1.8e308")
        if number < least:
            raise self.refused(where, f"is {least:g} or more, not {number!r}")
        return number

    def whole(self, where: str, given: object, least: int) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise self.refused(where, f"is a whole number, {least} or more, not {_what(given)}")
        return given

    def classes(self, given: object) -> tuple[Class, Class]:
        if not isinstance(given, list) or len(given) != 2:
            raise self.refused("classes", f"is a list of two, not {_what(given)}")
        first, second = (self.one_class(f"classes[{i}]", each) for i, each in enumerate(given))
        if first == second:
            raise self.refused("classes", f"names {_what(first)} twice")
        return first, second

    def one_class(self, where: str, given: object) -> Class:
        if isinstance(given, str):
            return self.name(where, given)
        self.number(where, given)
        assert isinstance(given, int | float)
        return given

    def training(self, given: object) -> Training:
        names = [field.name for field in dataclasses.fields(Training)]
        fields = self.fields("training", given, names)

        def optional(name: str, read: Any, least: float) -> Any:
            return None if fields[name] is None else read(f"training.{name}", fields[name], least)

        ended, separation = fields["ended"], fields["separation"]
        if ended not in ENDS:
            listed = ", ".join(f'"{end}"' for end in ENDS)
            raise self.refused("training.ended", f"is one of {listed}, not {_what(ended)}")
        if separation not in ("", "partial", "complete"):
            raise self.refused(
                "training.separation", f'is "", "partial" or "complete", not {_what(separation)}'
            )
        return Training(
            rows=self.whole("training.rows", fields["rows"], 1),
            solver=self.name("training.solver", fields["solver"]),
            epochs=self.whole("training.epochs", fields["epochs"], 0),
            alpha=optional("alpha", self.number, 0.0),
            batch_rows=optional("batch_rows", self.whole, 1),
            l2=self.number("training.l2", fields["l2"], 0.0),
            seed=self.whole("training.seed", fields["seed"], 0),
            loss=self.number("training.loss", fields["loss"], 0.0),
            ended=ended,
            separation=separation,
        )


def _what(given: object) -> str:
    if isinstance(given, dict | list):
        return f"{'an object' if isinstance(given, dict) else 'a list'} of {len(given)}"
    return shown(json.dumps(given, ensure_ascii=False), 40)
