"""Run a student's file in a process of its own, with limits on time and memory.

Room: starts the process, forwards what it prints, ends it, reads its report; and, in that process, loads the file and
checks the function. Below: `function`. Above: `command`.
Must hold: nothing of the file runs in the user's own process; whatever the file does, an outcome comes within the time
limit and a few seconds; what it prints is neither lost nor mixed into the report. It is a guard against accidents,
not against malice: files and network are open to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from minigrad.checking.report import Report
from minigrad.checking.verdict import Verdict
from minigrad.text import message_of, shown

#: Characters of what the file prints that are forwarded; the rest is counted.
FORWARDED = 1_000_000
#: Seconds that the process has, beyond its limit, to load Python and to write its report.
GRACE = 8.0
#: Largest file that the process may write, in bytes.
FILE_SIZE = 256 * 2**20


class SandboxError(ValueError):
    """The file, the function or the data are not there, or cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    path      the student's file
    function  name of the function; "" for the only one
    model     as of `check_function`, or the name of a function of one row in the same file
    data      path of an .npz with w, b, X, Y; "" makes some
    seconds   limit on the time, all calls together
    megabytes limit on the memory, beyond what Python and minigrad take themselves
    picture   whether a picture is wanted, as SVG
    """

    path: str
    function: str = ""
    model: str = ""
    data: str = ""
    seed: int = 0
    seconds: float = 10.0
    megabytes: int = 2048
    picture: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: the report as text and as JSON, its verdict, the picture as SVG, "" if there is none."""

    text: str
    json: str
    verdict: Verdict
    picture: str = ""

    @classmethod
    def of(cls, report: Report, picture: str = "") -> Outcome:
        """The views of a report."""
        return cls(str(report), report.to_json(), report.verdict, picture)


def run(job: Job) -> Outcome:
    """Run the job in a process of its own. Raises SandboxError for what the user must mend."""
    if not Path(job.path).is_file():
        raise SandboxError(f"there is no file {shown(job.path, 200)}")
    with tempfile.TemporaryDirectory(prefix="minigrad-check-") as folder:
        task, result = Path(folder) / "job.json", Path(folder) / "result.json"
        task.write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
        ended = _watched(job, [str(task), str(result)])
        if not result.is_file():
            return Outcome.of(Report(_subject(job), (), (ended, _limits(job))))
        found = json.loads(result.read_text(encoding="utf-8"))
    if "mistake" in found:
        raise SandboxError(found["mistake"])
    return Outcome(**found)


def _subject(job: Job) -> str:
    name = Path(job.path).name
    return f"{name}:{job.function}" if job.function else name


def _limits(job: Job) -> str:
    """A sentence on what is limited and what is not."""
    memory = f"{job.megabytes:,} MB of memory"
    if _limits_memory():
        limited = f"limited to {job.seconds:g} s and {memory}"
    else:
        limited = f"limited to {job.seconds:g} s; its memory is not limited on this system"
    return f"{shown(Path(job.path).name, 60)} ran in a process of its own, {limited}; files and network were open to it"


def _limits_memory() -> bool:
    return sys.platform.startswith("linux")


# -- in the user's process --------------------------------------------------------------------------------


def _watched(job: Job, arguments: list[str]) -> str:
    """Start the process, forward what it prints, end it in time; how it ended, as a sentence."""
    root = str(Path(__file__).parents[2])
    code = f"import sys; sys.path.append({root!r}); from minigrad.checking.sandbox import main; main(*sys.argv[1:])"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "PYTHONSAFEPATH": "1"}
    environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=os.name == "posix",
    )  # fmt: skip
    assert process.stdout is not None
    reader = threading.Thread(target=_forward, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        status = process.wait(job.seconds + GRACE)
    except subprocess.TimeoutExpired:
        return f"{_subject(job)} had not returned after {job.seconds:g} s and was stopped: does it loop for ever?"
    finally:
        _kill(process)
        reader.join(2.0)
        with contextlib.suppress(OSError):
            process.stdout.close()
    return f"the process of {_subject(job)} ended without a report: {_how(status)}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _how(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-status).name
            return f"it was ended by {name}" + (" (out of memory?)" if name in ("SIGKILL", "SIGSEGV") else "")
    return f"it left with exit status {status}"


def _forward(stream: IO[bytes]) -> None:
    """What the process prints goes to standard error."""
    left = FORWARDED
    with contextlib.suppress(OSError, ValueError):
        while piece := os.read(stream.fileno(), 65_536):
            if left > 0:
                sys.stderr.write(piece[:left].decode("utf-8", "replace"))
                sys.stderr.flush()
            left -= len(piece)
        if left < 0:
            print(f"\n… and {-left:,} characters more", file=sys.stderr)


# -- in the process of its own ----------------------------------------------------------------------------


def main(task: str, result: str) -> None:
    """Check what the job says, and write the report where it is looked for."""
    job = Job(**json.loads(Path(task).read_text(encoding="utf-8")))
    try:
        found = dataclasses.asdict(_checked(job))
    except SandboxError as error:
        found = {"mistake": str(error)}
    except BaseException as error:  # the file's KeyboardInterrupt, or what it left behind of Python
        said = f"the check of {_subject(job)} was broken off by {type(error).__name__}"
        message = shown(message_of(error), 120)
        notes = f"{said}: {message}" if message else said, _limits(job)
        found = dataclasses.asdict(Outcome.of(Report(_subject(job), (), notes)))
    beside = Path(result + ".part")
    beside.write_text(json.dumps(found), encoding="utf-8")
    beside.replace(result)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads that the file has started do not hold it up


def _checked(job: Job) -> Outcome:
    from minigrad.checking.calling import CLOCK, OutOfTimeError
    from minigrad.checking.function import FunctionCheck
    from minigrad.checking.models import ModelError
    from minigrad.functions import ShapeError

    data = _data(job.data)
    CLOCK.process = os.getpid()
    lift = _limit(job)
    try:
        module = _loaded(job)
        function = _function(module, job)
        model = _model(module, job.model)
        check = FunctionCheck(function, data, model, None, job.seed, job.seconds)
        report = check.report()
    except OutOfTimeError as error:
        return Outcome.of(
            Report(_subject(job), (), (f"{_subject(job)} had not been loaded after {error} s", _limits(job)))
        )
    except (ModelError, ShapeError, TypeError) as error:
        raise SandboxError(str(error)) from None
    finally:
        lift()
    report = dataclasses.replace(report, notes=(*report.notes, _limits(job)))
    return Outcome.of(report, _picture(report) if job.picture else "")


def _limit(job: Job) -> Callable[[], None]:
    """Set the limits; returns what lifts those that would be in the way of a picture."""
    from minigrad.checking.calling import CLOCK, OutOfTimeError

    if os.name != "posix":  # the process that started this one ends it
        return lambda: None

    def up(*_: object) -> None:
        CLOCK.up = True
        if CLOCK.inside:
            raise OutOfTimeError(f"{job.seconds:g}")

    import resource

    signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, job.seconds, 0.5)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if _limits_memory():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (_used() + job.megabytes * 2**20, memory[1]))

    def lift() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, memory)

    return lift


def _used() -> int:
    """Bytes of address space that are taken already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _loaded(job: Job) -> types.ModuleType:
    """The student's file as a module. Raises SandboxError when it cannot be."""
    import importlib.util

    from minigrad.checking.calling import CLOCK, OutOfTimeError

    path = Path(job.path).resolve()
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else "students_file"
    module = types.ModuleType(name)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    CLOCK.inside = True
    try:
        source = path.read_bytes()
        exec(compile(source, str(path), "exec"), module.__dict__)
    except OutOfTimeError:
        raise
    except (Exception, SystemExit) as error:
        raise SandboxError(f"{shown(path.name, 60)} cannot be loaded: {_line(error, path)}") from None
    finally:
        CLOCK.leave()
    return module


def _line(error: BaseException, path: Path) -> str:
    """An error with the line of the file that it came from."""
    import traceback

    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    message = error.msg if isinstance(error, SyntaxError) else message_of(error)
    where = f" in line {line}" if line else ""
    return f"{type(error).__name__}{where}: {shown(message, 200)}"


def _function(module: types.ModuleType, job: Job) -> Callable[..., Any]:
    """The function to check. Raises SandboxError when it is not clear which."""
    own = [
        name for name, item in vars(module).items()
        if isinstance(item, types.FunctionType) and item.__module__ == module.__name__ and not name.startswith("_")
    ]  # fmt: skip
    name = job.function or ("propagate" if "propagate" in own else own[0] if len(own) == 1 else "")
    file = shown(Path(job.path).name, 60)
    if not name:
        which = f"it has {', '.join(own)}" if own else "it has none"
        raise SandboxError(f"which function of {file}? Name it after a colon, {file}:propagate; {which}")
    function = getattr(module, name, None)
    if not callable(function):
        what = "no function" if function is None else "no function, but something else, called"
        there = f"; it has {', '.join(own)}" if own else ""
        raise SandboxError(f"{file} has {what} {shown(name, 60)}{there}")
    return function  # type: ignore[no-any-return]


def _model(module: types.ModuleType, model: str) -> Any:
    """The model by its name, its formula, or a function of the file."""
    from minigrad.checking.models import FAMILIES

    if model in FAMILIES or not model:
        return model or None
    return getattr(module, model, None) or model


def _data(path: str) -> tuple[Any, ...] | None:
    """w, b, X and Y of an .npz file."""
    if not path:
        return None
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name.lower(): stored[name] for name in stored}
    except FileNotFoundError:
        raise SandboxError(f"--data: there is no file {shown(path, 200)}") from None
    except Exception as error:
        raise SandboxError(
            f"--data {shown(path, 200)} is no .npz of numbers: {shown(str(error), 120)}"
        ) from None
    missing = [name for name in ("w", "x", "y") if name not in arrays]
    if missing:
        raise SandboxError(
            f"--data {shown(path, 200)} needs arrays named w, b, X and Y (b only if the function takes it); it has "
            f"{', '.join(map(shown, arrays)) or 'none'}"
        )
    names = ("w", "b", "x", "y") if "b" in arrays else ("w", "x", "y")
    return tuple(arrays[name] for name in names)


def _picture(report: Report) -> str:
    """The picture as SVG; "" when there is no graph to draw."""
    return "" if report.graph is None else str(report.draw().svg)
