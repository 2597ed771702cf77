"""A run on disk: everything it needs to go on to the same bits, in JSON that can be read.

Room: writes and reads the state of a run; the only part of `descent` that touches files. Below: `watch`, `files`.
Must hold: a number that is written is read back to the last bit (Python writes the shortest decimals that are
its own); a file of another problem, one that was damaged, or one from a newer format is refused and left as it
is; what is at the path is always a whole checkpoint, the last one or the one before.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.descent.objective import Floats, Objective, about_of, answer, names_of, rows_of
from minigrad.descent.options import SOLVERS, Options
from minigrad.descent.steps import STEPS
from minigrad.descent.watch import State, Watch
from minigrad.files import CannotWriteError, clear_remains, readable, write_text
from minigrad.text import shown

#: Of the layout of the file; a higher one is refused.
FORMAT = 1

#: Two losses or gradients of the same parameters on the same rows agree to this share, whatever computed them.
SAME = 1e-6


class CheckpointError(ValueError):
    """A file is no checkpoint that this run can go on from; the file is left as it is."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; the run goes on, tries again, and its result is not lost."""


class Saved(NamedTuple):
    """What a file holds: where the run goes on, the curve, the learning rate, where the curve began and how
    steep it was there."""

    state: State
    losses: list[float]
    alpha: float | None
    first: Floats
    slope: Floats


def problem(objective: Objective, options: Options, start: Floats) -> dict[str, Any]:
    """What must be the same for a run to go on: the parameters, the start, and what decides the steps.

    How long to run (epochs, tolerance) is not among it: a run may be made longer.
    """
    drawn = options.batch_rows is not None or "sample" in SOLVERS[options.solver].options
    return {
        "solver": options.solver,
        **{name: getattr(options, name) for name in SOLVERS[options.solver].options},
        "seed": options.seed if drawn else None,
        "rows": rows_of(objective),
        "names": list(names_of(objective, start.size)),
        "start": start.tolist(),
        "about": about_of(objective),
    }


class Keeper:
    """Keeps the checkpoint of a run: reads it, and writes it at most every so many seconds.

    about  what `problem` says of the run
    """

    def __init__(
        self, path: str | os.PathLike[str], options: Options, about: Mapping[str, Any], every: float
    ) -> None:
        self.path, self.options, self.about = path, options, json.loads(json.dumps(about))
        self.name = shown(os.fspath(path), 200)
        self._every, self._due = every, time.monotonic() + every
        self._warned = False

    # -- writing -------------------------------------------------------------------------------------------

    def __call__(self, watch: Watch) -> None:
        """Write if it is time to; a disk that refuses is said once and tried again."""
        if time.monotonic() < self._due:
            return
        refusal = self.write_if_can(watch)
        if refusal and not self._warned:
            warnings.warn(f"no checkpoint: {refusal}", CheckpointWarning, stacklevel=2)
            self._warned = True
        self._due = time.monotonic() + self._every

    def write_if_can(self, watch: Watch) -> str:
        """Write now; why that could not be, or ""."""
        try:
            self.write(watch)
        except CannotWriteError as error:
            return str(error)
        return ""

    def write(self, watch: Watch) -> None:
        """Write now. Raises CannotWriteError, the file being what it was."""
        state = watch.state
        body = {
            "problem": self.about,
            "alpha": watch.alpha,
            "epoch": state.epoch,
            "batch": state.batch,
            "step": state.step,
            "random": state.random,
            "parameters": state.parameters.tolist(),
            "moments": {name: moment.tolist() for name, moment in state.moments.items()},
            "first": watch.first.tolist(),
            "slope": watch.slope.tolist(),
            "losses": watch.losses[: state.losses],
        }
        head = {"minigrad": "checkpoint", "format": FORMAT, "sha256": _digest(body)}
        write_text(self.path, json.dumps({**head, **body}, indent=1, ensure_ascii=False) + "\n")

    # -- reading -------------------------------------------------------------------------------------------

    def read(self) -> Saved | None:
        """What is at the path, None if nothing is.

        Raises CheckpointError when it is no checkpoint, is damaged, is of another run or from a newer version,
        CannotReadError when it cannot be read.
        """
        clear_remains(self.path)
        if not os.path.lexists(self.path):
            return None
        body = self._body(_json(Path(readable(self.path))))
        try:
            self._check_problem(body["problem"])
            saved = _saved(body)
            _check_state(saved, self.options, self.about)
        except CheckpointError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise self.refusal(f"cannot be gone on from: {shown(what, 200)}") from None
        if saved.state.epoch + (saved.state.batch > 0) > self.options.epochs:
            raise CheckpointError(
                f"{self.name} is of epoch {saved.state.epoch}, later than epochs={self.options.epochs}: "
                "ask for more epochs, or choose another file"
            )
        return saved

    def refusal(self, why: str) -> CheckpointError:
        """The error that says why the file is not gone on from, and what to do."""
        return CheckpointError(f"{self.name} {why}: choose another file, or remove it to start anew")

    def check_rows(self, objective: Objective, saved: Saved) -> None:
        """Refuse to go on with other rows: loss and gradient where the curve began tell.

        The loss alone does not: every logistic regression that starts at 0 begins at log 2.
        """
        if not saved.losses:
            return
        loss, gradient = answer(objective, saved.first)
        off = float(np.max(np.abs(gradient - saved.slope)))
        size = float(np.max(np.abs(saved.slope))) + SAME * abs(saved.losses[0])
        if not (abs(loss - saved.losses[0]) <= SAME * abs(saved.losses[0]) and off <= SAME * size):
            raise self.refusal(
                "is the checkpoint of other rows (the loss or its gradient where the run began is not what it was)"
            )

    def _body(self, content: Any) -> dict[str, Any]:
        """The file without its head, which is checked."""
        if content is None:
            raise self.refusal("is no checkpoint, or was damaged")
        if not isinstance(content, dict) or content.get("minigrad") != "checkpoint":
            raise self.refusal("is no checkpoint of minigrad")
        version = content.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise CheckpointError(
                f"{self.name} was written by a newer minigrad (format {version}, this one reads {FORMAT}): "
                "update minigrad, or choose another file"
            )
        body = {key: value for key, value in content.items() if key not in ("minigrad", "format", "sha256")}
        if version != FORMAT or content.get("sha256") != _digest(body):
            raise self.refusal("was changed or damaged since it was written")
        return body

    def _check_problem(self, there: Mapping[str, Any]) -> None:
        for key, value in self.about.items():
            other = there.get(key)
            if other != value:
                long = isinstance(value, list | dict) and key != "betas"
                called = "rows or penalty" if key == "about" else key
                what = f"{called} differ" if long else f"{key}: {other!r} there, {value!r} here"
                raise self.refusal(f"is the checkpoint of another run ({shown(what, 200)})")


def _json(path: Path) -> Any:
    """The content of a file, None when it is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # also where it is no UTF-8
        return None


def _saved(body: Mapping[str, Any]) -> Saved:
    """What the file holds; an error when it is not what a run writes."""
    parameters, first, slope, losses = (
        _floats(body[key]) for key in ("parameters", "first", "slope", "losses")
    )
    moments = {str(name): _floats(moment) for name, moment in body["moments"].items()}
    if any(
        other.shape != (len(body["problem"]["names"]),) for other in (parameters, first, *moments.values())
    ):
        raise ValueError("it has not one number for each parameter")
    epoch, batch, step = (_count(body, name) for name in ("epoch", "batch", "step"))
    state = State(parameters, epoch, batch, step, len(losses), moments, body["random"])
    alpha = None if body["alpha"] is None else float(_floats([body["alpha"]])[0])
    return Saved(state, losses.tolist(), alpha, first, slope)


def _check_state(saved: Saved, options: Options, about: Mapping[str, Any]) -> None:
    """ValueError when the parts do not go together; a right checksum does not mean that minigrad wrote them."""
    state, steps = saved.state, STEPS.get(options.solver)
    if set(state.moments) != set(steps[1] if steps else ()):
        raise ValueError(f"it has not the moments of {options.solver}")
    if (saved.alpha is None) != (steps is None) or (saved.alpha is not None and saved.alpha <= 0.0):
        raise ValueError("its alpha is none")
    batches = 1 if options.batch_rows is None else math.ceil(about["rows"] / options.batch_rows)
    if state.batch >= batches or state.step != state.epoch * batches + state.batch:
        raise ValueError("its epoch, batch and step contradict each other")
    known = state.epoch + (state.batch > 0 if steps else len(saved.losses) > 0)
    if len(saved.losses) != known:
        raise ValueError("it has not one loss for each epoch")
    if (state.random is None) != (options.batch_rows is None):
        raise ValueError("its random numbers are none")
    if state.random is not None:
        np.random.default_rng().bit_generator.state = state.random


def _count(body: Mapping[str, Any], name: str) -> int:
    number = body[name]
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"its {name} is no number of them")
    return number


def _floats(numbers: list[float]) -> Floats:
    if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
        raise ValueError("it holds a number that is not finite")
    return np.array(numbers, dtype=np.float64)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
