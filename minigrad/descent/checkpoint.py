"""A run on disk: everything it needs to go on to the same bits, in JSON that can be read.

Room: writes and reads `State`s; the only part of `descent` that touches files. Below: `watch`, `files`.
Must hold: a number that is written is read back to the last bit (floats are hexadecimal); a file of another
problem, one that was damaged, or one from a newer format is refused and left as it is; what is at the path is
always a whole checkpoint, the last one or the one before.
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
from typing import Any

import numpy as np

from minigrad.descent.objective import Descent, Floats, about_of, names_of, rows_of
from minigrad.descent.options import Options
from minigrad.descent.watch import State, Watch
from minigrad.files import CannotWriteError, readable, write_text
from minigrad.text import shown

#: Of the layout of the file; a higher one is refused.
FORMAT = 1

#: Two losses at the same start on the same rows agree to this share, whatever computed them.
SAME_LOSS = 1e-6


class CheckpointError(ValueError):
    """A file is no checkpoint that this run can go on from; the file is left as it is."""


class CheckpointNotWrittenError(CannotWriteError):
    """The run is over and its last checkpoint could not be written; `result` is what it found."""

    result: Descent


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; the run goes on and tries again."""


# -- one file ----------------------------------------------------------------------------------------------


def problem(objective: object, options: Options, start: Floats) -> dict[str, Any]:
    """What must be the same for a run to go on: the parameters, the start, and what decides the steps.

    How long to run (epochs, tolerance) is not among it: a run may be made longer.
    """
    told = {
        name: getattr(options, name)
        for name in (
            "solver",
            "alpha",
            "batch_rows",
            "momentum",
            "nesterov",
            "betas",
            "epsilon",
            "history",
        )
    }
    told["seed"] = None if options.batch_rows is None else options.seed
    return {
        **{name: _written(value) for name, value in told.items()},
        "rows": rows_of(objective),
        "names": list(names_of(objective, start.size)),
        "start": _written(start),
        "about": about_of(objective),
    }


def written(about: Mapping[str, Any], state: State, losses: list[float], alpha: float | None) -> str:
    """The text of a checkpoint."""
    body = {
        "problem": dict(about),
        "alpha": _written(alpha),
        "epoch": state.epoch,
        "batch": state.batch,
        "step": state.step,
        "random": state.random,
        "parameters": _written(state.parameters),
        "moments": {name: _written(moment) for name, moment in state.moments.items()},
        "losses": _written(losses[: state.losses]),
    }
    head = {"minigrad": "checkpoint", "format": FORMAT, "sha256": _digest(body)}
    return json.dumps({**head, **body}, indent=1, ensure_ascii=False) + "\n"


def read(path: str | os.PathLike[str], about: Mapping[str, Any]) -> tuple[State, list[float], float | None]:
    """State, losses and alpha of a checkpoint of this problem.

    Raises CheckpointError when the file is none, is damaged, is of another problem or from a newer version.
    """
    name = shown(os.fspath(path), 80)
    try:
        content = json.loads(Path(readable(path)).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # of the text, of UTF-8
        raise CheckpointError(_refusal(name, "is no checkpoint, or was damaged")) from None
    if not isinstance(content, dict) or content.get("minigrad") != "checkpoint":
        raise CheckpointError(_refusal(name, "is no checkpoint of minigrad"))
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise CheckpointError(
            f"{name} was written by a newer minigrad (format {version}, this one reads {FORMAT}): update minigrad, "
            "or choose another file"
        )
    body = {key: value for key, value in content.items() if key not in ("minigrad", "format", "sha256")}
    if version != FORMAT or content.get("sha256") != _digest(body):
        raise CheckpointError(_refusal(name, "was changed or damaged since it was written"))
    _check_problem(name, body["problem"], about)
    try:
        state, losses, alpha = _state(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(_refusal(name, f"cannot be gone on from: {error}")) from None
    return state, losses, alpha


def _refusal(name: str, why: str) -> str:
    return f"{name} {why}: choose another file, or remove it to start anew"


def _check_problem(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    for key, value in json.loads(json.dumps(here)).items():
        other = there.get(key)
        if other != value:
            what = (
                f"its {'rows or penalty' if key == 'about' else key} differ"
                if isinstance(value, list | dict)
                else f"{key} is {other!r} there and {value!r} here"
            )
            raise CheckpointError(_refusal(name, f"is the checkpoint of another run: {shown(what, 200)}"))


def _state(body: Mapping[str, Any]) -> tuple[State, list[float], float | None]:
    """The state in a file; ValueError when it holds what no run writes."""
    parameters, losses = _floats(body["parameters"]), _floats(body["losses"])
    moments = {str(name): _floats(moment) for name, moment in body["moments"].items()}
    if parameters.shape != (len(body["problem"]["names"]),) or any(
        moment.shape != parameters.shape for moment in moments.values()
    ):
        raise ValueError("it has not one number for each parameter")
    if body["random"] is not None:
        np.random.default_rng().bit_generator.state = body["random"]
    alpha = None if body["alpha"] is None else float(_floats([body["alpha"]])[0])
    state = State(
        parameters,
        int(body["epoch"]),
        int(body["batch"]),
        int(body["step"]),
        len(losses),
        moments,
        body["random"],
    )
    return state, losses.tolist(), alpha


def _written(value: Any) -> Any:
    """Floats as hexadecimal text, exact; anything else as it is."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, np.ndarray | list | tuple):
        return [_written(float(number)) for number in value]
    return value


def _floats(texts: list[str]) -> Floats:
    numbers = [float.fromhex(text) for text in texts]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("it holds a number that is not finite")
    return np.array(numbers, dtype=np.float64)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


# -- while a run goes --------------------------------------------------------------------------------------


class Keeper:
    """Writes the checkpoint of a run, at most every so many seconds."""

    def __init__(self, path: str | os.PathLike[str], about: Mapping[str, Any], every: float) -> None:
        self.path, self.about, self.every = path, about, every
        self._due = time.monotonic() + every
        self._warned = False

    def __call__(self, watch: Watch) -> None:
        """Write if it is time to; a disk that refuses is said once and tried again."""
        if time.monotonic() < self._due:
            return
        try:
            self.write(watch)
        except CannotWriteError as error:
            if not self._warned:
                warnings.warn(f"no checkpoint: {error}", CheckpointWarning, stacklevel=2)
            self._warned = True
        self._due = time.monotonic() + self.every

    def write(self, watch: Watch) -> None:
        """Write now. Raises CannotWriteError, the file being what it was."""
        write_text(self.path, written(self.about, watch.state, watch.losses, watch.alpha))

    def write_last(self, watch: Watch, result: Descent) -> None:
        """Write at the end. Raises CheckpointNotWrittenError, which has the result."""
        try:
            self.write(watch)
        except CannotWriteError as error:
            last = CheckpointNotWrittenError(error.errno, f"{error}\n  the run itself is done: see .result")
            last.result = result
            raise last from error
