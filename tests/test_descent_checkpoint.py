"""A run that was stopped, in whatever way, goes on from its checkpoint to the same bits."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from objectives import Floats, Logistic, logistic
from seeded import generator

from minigrad.descent import (
    CheckpointError,
    CheckpointWarning,
    InterruptedDescent,
    minimise,
)
from minigrad.files import CannotReadError, CannotWriteError

#: Options that decide the steps of a run, each a case.
RUNS: dict[str, dict[str, Any]] = {
    "gd": {"solver": "gd", "alpha": 0.3},
    "safe": {"solver": "gd", "alpha": "safe"},
    "momentum": {"solver": "momentum", "nesterov": True},
    "adam": {"solver": "adam", "alpha": 0.05},
    "gd in batches": {"solver": "gd", "batch_rows": 7, "seed": 3},
    "momentum in batches": {"solver": "momentum", "batch_rows": 12},
    "adam in batches": {"solver": "adam", "batch_rows": 7, "seed": 11},
}


class Counting(Logistic):
    """Calls `at` before the n-th evaluation of loss and gradient, of all rows or of a batch."""

    n: int = 0
    at: Callable[[], None] | None = None

    def count(self) -> None:
        self.n -= 1
        if self.n == 0 and self.at is not None:
            self.at()

    def __call__(self, theta: Floats, /) -> tuple[float, Floats]:
        self.count()
        return super().__call__(theta)

    def batch(self, indices: npt.NDArray[np.intp]) -> Logistic:
        self.count()
        return super().batch(indices)


def counting(n: int = 0, at: Callable[[], None] | None = None) -> Counting:
    whole = logistic(30, 3)
    objective = Counting(whole.x, whole.y)
    objective.n, objective.at = n, at
    return objective


def ctrl_c() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    """Ctrl-C at every evaluation in turn, also in the middle of an epoch; and at several in one run."""
    whole = minimise(counting(), epochs=4, **RUNS[name])
    moment, stopped = 1, True
    while stopped:
        path = tmp_path / f"{moment}.ckpt"
        stopped = False
        for further in (moment, 2, 3, 0):
            try:
                result = minimise(counting(further, ctrl_c), epochs=4, checkpoint=path, **RUNS[name])
                break
            except KeyboardInterrupt:
                stopped = True
        assert result.parameters.tolist() == whole.parameters.tolist(), moment
        assert result.losses == whole.losses
        assert result.alpha == whole.alpha
        moment += 1
    assert moment > 5


@pytest.mark.parametrize("name", RUNS)
def test_a_run_can_be_made_longer(name: str, tmp_path: Path) -> None:
    """Three epochs and then seven are seven; the same run again is done at once."""
    path = tmp_path / "run.ckpt"
    minimise(counting(), epochs=3, checkpoint=path, **RUNS[name])
    longer = minimise(counting(), epochs=7, checkpoint=path, **RUNS[name])
    whole = minimise(counting(), epochs=7, **RUNS[name])
    assert longer.parameters.tolist() == whole.parameters.tolist()
    assert longer.losses == whole.losses
    again = minimise(counting(), epochs=7, checkpoint=path, **RUNS[name])
    assert (again.parameters.tolist(), again.losses, again.evaluations) == (
        whole.parameters.tolist(), whole.losses, 1,
    )  # fmt: skip


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton"])
def test_the_others_go_on_from_the_last_iterate(solver: str, tmp_path: Path) -> None:
    """To the same minimum, with the curve continued."""
    path = tmp_path / "run.ckpt"
    whole = minimise(logistic(2000, 8, condition=100.0), solver=solver)
    first = minimise(logistic(2000, 8, condition=100.0), solver=solver, epochs=2, checkpoint=path)
    rest = minimise(logistic(2000, 8, condition=100.0), solver=solver, checkpoint=path)
    assert rest.converged
    assert rest.losses[:3] == first.losses == whole.losses[:3]
    assert rest.losses[-1] == pytest.approx(whole.losses[-1], rel=1e-8)


def test_a_run_from_a_sample_goes_on(tmp_path: Path) -> None:
    """Its curve does not begin at the start, and that is remembered."""
    path = tmp_path / "run.ckpt"
    objective = logistic(5000, 4)
    first = minimise(objective, solver="lbfgs", sample=200, epochs=1, checkpoint=path)
    rest = minimise(objective, solver="lbfgs", sample=200, checkpoint=path)
    assert rest.losses[:2] == first.losses
    assert rest.converged


# -- killed ------------------------------------------------------------------------------------------------

_SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from objectives import logistic
from minigrad.descent import minimise
{before}
objective = logistic(60, 3)
batch = objective.batch
def slow(indices):
    time.sleep(0.002)
    return batch(indices)
objective.batch = slow
result = minimise(
    objective, solver="adam", alpha=0.05, batch_rows=7, epochs=12, checkpoint={path!r}, every=0.0
)
print([number.hex() for number in result.parameters.tolist()])
"""

_KILL_WHEN_WRITING = """
import os, signal
from minigrad import files
real, count = os.{name}, 0
def killing(*given, **named):
    global count
    count += 1
    if count == {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
os.{name} = killing
"""


def start(path: Path, before: str = "") -> subprocess.Popen[str]:
    text = _SCRIPT.format(tests=str(Path(__file__).parent), path=str(path), before=before)
    return subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    """The bits that a run printed, the last of its lines."""
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    return said.splitlines()[-1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the script prints when nobody kills it."""
    return finished(start(tmp_path_factory.mktemp("undisturbed") / "run.ckpt"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_run_that_is_killed_goes_on_to_the_same_bits(undisturbed: str, tmp_path: Path) -> None:
    """kill -9 at moments drawn at random, as soon as there is a checkpoint, until a run gets to its end."""
    random, path, kills = generator(9), tmp_path / "run.ckpt", 0
    while kills < 4:
        process = start(path)
        written = path.stat().st_mtime_ns if path.exists() else 0
        while process.poll() is None and not (path.exists() and path.stat().st_mtime_ns > written):
            time.sleep(0.001)
        time.sleep(float(random.uniform(0.0, 0.05)))
        process.kill()
        process.communicate()
        kills += 1
        json.loads(path.read_text())
    assert finished(start(path)) == undisturbed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_run_that_is_killed_while_it_writes(undisturbed: str, name: str, tmp_path: Path) -> None:
    """Between any two of the steps in which a checkpoint gets to its place: the one before is whole."""
    path = tmp_path / "run.ckpt"
    for when in (20, 3, 31):
        process = start(path, _KILL_WHEN_WRITING.format(name=name, when=when))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        json.loads(path.read_text())
    if name == "fsync" and hasattr(os, "O_TMPFILE"):
        assert os.listdir(tmp_path) == ["run.ckpt"]
    assert finished(start(path)) == undisturbed
    assert os.listdir(tmp_path) == ["run.ckpt"]


# -- the disk ----------------------------------------------------------------------------------------------


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    objective = counting()
    with pytest.raises(CannotWriteError, match="does not exist; create it first"):
        minimise(objective, checkpoint=tmp_path / "missing" / "run.ckpt")
    assert objective.calls["loss"] == 0
    with pytest.raises(CannotReadError, match="it is a folder"):
        minimise(objective, checkpoint=tmp_path)


class FullDisk:
    """fsync that refuses from the n-th call on, as long as `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.real, self.left, self.full = os.fsync, after, True
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, handle: int) -> None:
        self.left -= 1
        if self.full and self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.real(handle)


def test_a_disk_that_fills_up_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; when there is room again the next checkpoint is written."""
    path = tmp_path / "run.ckpt"
    disk = FullDisk(monkeypatch, 4)

    def room(epoch: int, loss: float) -> None:
        disk.full = epoch < 15

    with pytest.warns(CheckpointWarning, match="the disk is full") as said:
        result = minimise(counting(), epochs=20, checkpoint=path, every=0.0, progress=room)
    assert len(said) == 1
    assert result.parameters.tolist() == minimise(counting(), epochs=20).parameters.tolist()
    assert json.loads(path.read_text())["epoch"] == 20
    assert os.listdir(tmp_path) == ["run.ckpt"]


def test_a_disk_that_stays_full_loses_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back with a warning at the end, too, and the old checkpoint is whole."""
    path = tmp_path / "run.ckpt"
    FullDisk(monkeypatch, 4)
    with pytest.warns(CheckpointWarning) as said:
        result = minimise(counting(), epochs=20, checkpoint=path, every=0.0)
    assert [str(one.message)[:19] for one in said] == ["no checkpoint: cann", "the last checkpoint"]
    assert "the last checkpoint is missing: cannot write" in result.warnings[-1]
    assert result.parameters.tolist() == minimise(counting(), epochs=20).parameters.tolist()
    monkeypatch.undo()
    assert json.loads(path.read_text())["epoch"] in (1, 2, 3)
    assert minimise(counting(), epochs=20, checkpoint=path).losses == result.losses


def test_an_error_of_somebody_else_leaves_a_checkpoint(tmp_path: Path) -> None:
    """Of the progress function, or no memory left: the run goes on from where it was."""

    def fragile(epoch: int, loss: float) -> None:
        if epoch == 5:
            raise MemoryError

    path = tmp_path / "run.ckpt"
    with pytest.raises(MemoryError):
        minimise(counting(), epochs=20, checkpoint=path, progress=fragile)
    assert json.loads(path.read_text())["epoch"] == 5
    assert minimise(counting(), epochs=20, checkpoint=path).losses == minimise(counting(), epochs=20).losses


def test_ctrl_c_says_where_the_checkpoint_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or that it could not be written; the result is carried either way."""
    path = tmp_path / "run.ckpt"
    with pytest.raises(InterruptedDescent, match=r"run\.ckpt goes on from there") as caught:
        minimise(counting(4, ctrl_c), checkpoint=path)
    assert json.loads(path.read_text())["epoch"] == 3
    FullDisk(monkeypatch, 1)
    with pytest.raises(InterruptedDescent, match="the disk is full") as caught:
        minimise(counting(4, ctrl_c), checkpoint=tmp_path / "other.ckpt")
    assert len(caught.value.result.losses) == 3


def test_every_says_how_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is after each step; the default leaves a short run with its first and its last."""
    written: list[int] = []
    real = os.replace

    def counted(*given: Any) -> None:
        written.append(1)
        real(*given)

    monkeypatch.setattr(os, "replace", counted)
    minimise(counting(), epochs=10, checkpoint=tmp_path / "a", every=0.0)
    assert len(written) == 12
    written.clear()
    minimise(counting(), epochs=10, checkpoint=tmp_path / "b")
    assert len(written) == 2


# -- what is refused ---------------------------------------------------------------------------------------


def test_the_file_can_be_read(tmp_path: Path) -> None:
    """JSON with the names of the parameters; every float to its last bit."""
    path = tmp_path / "run.ckpt"
    result = minimise(counting(), epochs=2, checkpoint=path, batch_rows=7, solver="adam")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["minigrad"] == "checkpoint"
    assert content["problem"]["names"] == ["w0", "w1", "w2", "b"]
    assert content["problem"]["solver"] == "adam"
    assert content["parameters"] == result.parameters.tolist()
    assert content["losses"] == list(result.losses[:2])


def resealed(content: dict[str, Any]) -> str:
    """A file whose checksum is right, whatever is in it."""
    body = {name: value for name, value in content.items() if name not in ("minigrad", "format", "sha256")}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest})


def edited(**changes: Any) -> Callable[[str], str]:
    return lambda text: resealed({**json.loads(text), **changes})


def without(name: str) -> Callable[[str], str]:
    return lambda text: resealed({key: value for key, value in json.loads(text).items() if key != name})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "is no checkpoint, or was damaged"),
        (lambda text: text[: len(text) // 2], "is no checkpoint, or was damaged"),
        (lambda text: "[" * 100_000, "is no checkpoint, or was damaged"),
        (lambda text: "[1, 2]", "is no checkpoint of minigrad"),
        (lambda text: '{"loss": 1}', "is no checkpoint of minigrad"),
        (lambda text: text.replace('"epoch": 3', '"epoch": 2'), "was changed or damaged since it was written"),
        (lambda text: text.replace("0.", "0.1", 1), "was changed or damaged since it was written"),
        (edited(format=2), "was written by a newer minigrad (format 2, this one reads 1): update minigrad"),
        (edited(format="x"), "was changed or damaged"),
        (edited(parameters=[float("nan"), 0.0, 0.0, 0.0]), "it holds a number that is not finite"),
        (edited(losses=[float("inf")]), "it holds a number that is not finite"),
        (edited(parameters=[0.0]), "it has not one number for each parameter"),
        (edited(parameters=["0.0"] * 4), "cannot be gone on from"),
        (edited(parameters=1), "cannot be gone on from"),
        (edited(moments={}), "cannot be gone on from: it has not the moments of adam"),
        (edited(random={"bit_generator": "MT19937"}), "cannot be gone on from"),
        (edited(random=None), "cannot be gone on from"),
        (edited(epoch=-1), "its epoch is no number of them"),
        (edited(epoch=True), "its epoch is no number of them"),
        (edited(batch=1000), "its epoch, batch and step contradict each other"),
        (edited(step=7), "its epoch, batch and step contradict each other"),
        (edited(losses=[]), "it has not one loss for each epoch"),
        (edited(alpha=None), "its alpha is none"),
        (edited(alpha=-1.0), "its alpha is none"),
        (edited(alpha="a"), "cannot be gone on from"),
        (without("step"), "'step' is missing"),
        (without("problem"), "'problem' is missing"),
        (edited(problem=3), "cannot be gone on from"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_left_alone(
    change: Callable[[str], str], says: str, tmp_path: Path
) -> None:
    """Cut off, edited, from a newer version, with a nan, or with what no run writes under a right checksum."""
    path = tmp_path / "run.ckpt"
    options: dict[str, Any] = {"solver": "adam", "batch_rows": 7, "checkpoint": path}
    minimise(counting(), epochs=3, **options)
    path.write_text(change(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=re.escape(says)) as caught:
        minimise(counting(), epochs=5, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.ckpt"]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    path.write_bytes(b"\xff\xfe\x00" * 100)
    with pytest.raises(CheckpointError, match="is no checkpoint, or was damaged"):
        minimise(counting(), checkpoint=path)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"alpha": 0.2}, "of another run (alpha: 0.1 there, 0.2 here)"),
        ({"solver": "momentum"}, "solver: 'gd' there, 'momentum' here"),
        ({"batch_rows": 5}, "batch_rows: None there, 5 here"),
        ({"start": [0.0, 0.0, 0.0, 1.0]}, "start differ"),
        ({"epochs": 2}, "is of epoch 3, later than epochs=2: ask for more epochs"),
    ],
)
def test_another_run_is_refused(other: dict[str, Any], says: str, tmp_path: Path) -> None:
    """Options that would give other bits; not the seed where nothing is drawn."""
    path = tmp_path / "run.ckpt"
    minimise(counting(), epochs=3, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=re.escape(says)):
        minimise(counting(), checkpoint=path, **{"epochs": 3, **other})
    assert path.read_bytes() == before
    assert minimise(counting(), epochs=4, seed=9, checkpoint=path).epochs == 4


def test_other_rows_are_refused(tmp_path: Path) -> None:
    """As many, with the same names and the same loss at the start, log 2: the gradient tells."""
    path = tmp_path / "run.ckpt"
    minimise(logistic(30, 3), epochs=3, checkpoint=path, solver="adam")
    before = path.read_bytes()
    for other, says in (
        (logistic(30, 3, 1), "is the checkpoint of other rows"),
        (logistic(31, 3), "rows: 30 there, 31 here"),
    ):
        with pytest.raises(CheckpointError, match=says):
            minimise(other, epochs=5, checkpoint=path, solver="adam")
    assert path.read_bytes() == before
    assert minimise(logistic(30, 3), epochs=5, checkpoint=path, solver="adam").epochs == 5


def test_what_the_objective_says_of_itself_must_agree(tmp_path: Path) -> None:
    """Where loss and gradient at the start say nothing: a penalty on parameters that begin at 0."""

    class Penalised(Logistic):
        about: dict[str, float]

    whole, path = logistic(30, 3), tmp_path / "run.ckpt"
    penalised = Penalised(whole.x, whole.y)
    penalised.about = {"l2": 0.5}
    minimise(penalised, epochs=3, checkpoint=path)
    for other in ({"l2": 1.0}, {}):
        penalised.about = other
        with pytest.raises(CheckpointError, match=r"of another run \(rows or penalty differ\)"):
            minimise(penalised, epochs=5, checkpoint=path)
    with pytest.raises(CheckpointError, match="about: "):
        minimise(whole, epochs=5, checkpoint=path)
    penalised.about = {"l2": 0.5}
    assert minimise(penalised, epochs=5, checkpoint=path).epochs == 5
