"""Call a student's function as one would handle what may bite: copies in, prints caught, errors told.

Room: one call -> cost and gradients as arrays, and a record of how the function behaves. Below: `shapes`. Above:
`function`.
Must hold: the user's data are never changed; whatever the function raises or returns, there is an answer or a
sentence; nothing is asked once the budget is used up.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.text import message_of, shown

Floats: TypeAlias = npt.NDArray[np.float64]

#: Seconds after which a function is not called again.
BUDGET = 20.0


class OutOfTimeError(BaseException):
    """Raised inside the function by whoever limits its time; no `except Exception` holds it up."""


@dataclass(slots=True)
class Clock:
    """For whoever limits the time: whether the function runs just now, and whether its time is up.

    process   the only process that goes on after a call: copies of it that the function makes end there; 0: none does
    """

    inside: bool = False
    up: bool = False
    process: int = 0

    def leave(self) -> None:
        """The function has returned, or raised."""
        self.inside = False
        if self.process not in (0, os.getpid()):
            os._exit(0)


CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call returned: cost, dw and db as arrays of any shape; None for what is not there.

    notes    what is odd about the form of it
    unread   something came back that is not numbers
    single   the numbers came in single precision
    parts    results that came without names; `orders`: what they may be, likelier first; `taken`: one of them
    """

    cost: Floats | None
    dw: Floats | None
    db: Floats | None
    notes: tuple[str, ...] = ()
    single: bool = False
    parts: tuple[Floats | None, ...] = ()
    orders: tuple[tuple[str, ...], ...] = ()
    taken: tuple[str, ...] = ()
    unread: bool = False

    def __getitem__(self, target: str) -> Floats | None:
        return {"cost": self.cost, "dw": self.dw, "db": self.db}[target]

    def ordered(self, order: tuple[str, ...]) -> Answer:
        """The results without names taken in another order."""
        found = {"cost": None, "dw": None, "db": None} | dict(zip(order, self.parts, strict=False))
        return replace(self, cost=found["cost"], dw=found["dw"], db=found["db"], taken=order)


@dataclass(slots=True)
class Record:
    """How the function behaved, over all calls."""

    calls: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    printed: list[str] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    stopped: str = ""
    failed: str = ""


class Caller:
    """A function to be called with data in its own layout.

    function   propagate(w, b, X, Y) or the like
    order      for each parameter of the function, the place of its argument in w, b, X, Y
    names      what the arguments are called in messages, in the order w, b, X, Y
    keys       keys of the result -> "cost", "dw", "db", beside those that are known anyway
    """

    def __init__(
        self,
        function: Callable[..., Any],
        order: Sequence[int],
        names: Sequence[str],
        keys: Mapping[str, str] | None = None,
        budget: float = BUDGET,
    ) -> None:
        self.function, self.order, self.names = function, tuple(order), tuple(names)
        self.keys = dict(keys or {})
        self.record = Record()
        self.budget = budget
        self.found: tuple[str, ...] = ()
        self.name = getattr(function, "__name__", type(function).__name__)

    @property
    def exhausted(self) -> bool:
        """Whether it takes too long to be asked again."""
        record = self.record
        return CLOCK.up or bool(record.stopped) or record.seconds + record.slowest > self.budget

    def __call__(self, arguments: Sequence[Any], shape_of_w: tuple[int, ...]) -> Answer | str:
        """The answer at these arguments (w, b, X, Y), or a sentence that says why there is none."""
        if self.exhausted:
            return (
                self.record.stopped
                or self.record.failed
                or "it was not called any more: its calls took too long"
            )
        given = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
        before = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
        started = time.perf_counter()
        try:
            with self._caught():
                CLOCK.inside = True
                try:
                    result = self.function(*(given[place] for place in self.order))
                finally:
                    CLOCK.leave()
        except OutOfTimeError as error:
            self.record.stopped = (
                f"{self.name} had not returned after {error} s and was stopped: does it loop for ever?"
            )
            return self.record.stopped
        except (Exception, SystemExit) as error:
            self.record.failed = self._raised(error)
            return self.record.failed
        finally:
            took = time.perf_counter() - started
            self.record.calls += 1
            self.record.seconds += took
            self.record.slowest = max(self.record.slowest, took)
        self._note_changes(before, given)
        return self._answer(result, shape_of_w)

    @contextlib.contextmanager
    def costs(
        self, arguments: Sequence[Any], shape_of_w: tuple[int, ...]
    ) -> Iterator[Callable[[Any, Any], float]]:
        """The cost as a function of w and b (shaped as the function takes them), for many calls at the same rows.

        X and Y are copied once, or for every call where the function is known to change them. nan where it fails.
        """
        fresh = bool(self.record.changed)
        held = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]

        def cost(w: Any, b: Any) -> float:
            if self.exhausted:
                return float("nan")
            given = [np.array(a) if fresh and isinstance(a, np.ndarray) else a for a in held]
            given[0] = np.array(w)
            if len(given) == 4:
                given[1] = np.array(b) if isinstance(b, np.ndarray) else b
            started = time.perf_counter()
            CLOCK.inside = True
            try:
                result = self.function(*(given[place] for place in self.order))
            except OutOfTimeError as error:
                self.record.stopped = f"{self.name} had not returned after {error} s and was stopped"
                return float("nan")
            except (Exception, SystemExit):
                return float("nan")
            finally:
                CLOCK.leave()
                self.record.calls += 1
                self.record.seconds += time.perf_counter() - started
            answer = self._answer(result, shape_of_w)
            found = None if isinstance(answer, str) else self._as_before(answer).cost
            return float(found.reshape(-1)[0]) if found is not None and found.size == 1 else float("nan")

        with self._caught():
            yield cost

    def _as_before(self, answer: Answer) -> Answer:
        """Results without names in the order that was found out."""
        return answer.ordered(self.found) if self.found in answer.orders else answer

    @contextlib.contextmanager
    def _caught(self) -> Iterator[None]:
        text = io.StringIO()
        with contextlib.ExitStack() as stack:
            said = stack.enter_context(warnings.catch_warnings(record=True))
            warnings.simplefilter("always")
            stack.enter_context(np.errstate(all="warn"))
            stack.enter_context(contextlib.redirect_stdout(text))
            try:
                yield
            finally:
                self.record.printed.append(text.getvalue())
                for warning in said:
                    sentence = shown(str(warning.message), 120)
                    if sentence not in self.record.warned:
                        self.record.warned.append(sentence)

    def _raised(self, error: BaseException) -> str:
        """The error, and the line of the student's that raised it."""
        if isinstance(error, SystemExit):
            return f"{self.name} ends the program (exit): it must return its results instead"
        own = getattr(getattr(self.function, "__code__", None), "co_filename", "")
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == own and own]
        where = f" in line {lines[-1]}" if lines else ""
        message = shown(message_of(error), 200)
        if isinstance(error, MemoryError):
            message = message or "it asked for more memory than it may have"
        return f"{self.name} raises {type(error).__name__}{where}: {message or 'without a message'}"

    def _note_changes(self, before: Sequence[Any], after: Sequence[Any]) -> None:
        for name, old, new in zip(self.names, before, after, strict=True):
            if not isinstance(old, np.ndarray) or name in self.record.changed:
                continue
            if old.shape != new.shape:
                self.record.changed[name] = f"its shape, from {old.shape} to {new.shape}"
            elif not np.array_equal(old, new, equal_nan=True):
                where = tuple(int(i) for i in np.argwhere(~((old == new) | ((old != old) & (new != new))))[0])
                place = ", ".join(map(str, where))
                self.record.changed[name] = f"{name}[{place}] from {old[where]:.6g} to {new[where]:.6g}"

    # -- reading what came back -----------------------------------------------------------------------

    def _answer(self, result: Any, shape_of_w: tuple[int, ...]) -> Answer | str:
        if result is None:
            return f"{self.name} returns None: is its return statement missing?"
        if isinstance(result, Mapping):
            parts: list[Any] = [result]
        elif isinstance(result, tuple | list):
            parts = list(result)
        elif _numbers(result) is None:
            return f"{self.name} returns {_kind(result)}: the gradients and the cost are needed"
        else:
            parts = [result]
        notes: list[str] = []
        found: dict[str, Any] = {}
        rest = []
        for part in parts:
            if isinstance(part, Mapping):
                self._from_mapping(part, found, notes)
            else:
                rest.append(part)
        if len(rest) < len(parts):  # names for the gradients; what is left is the cost
            if rest:
                found.setdefault("cost", rest[0])
            if len(rest) > 1:
                notes.append(
                    f"{self.name} returns {len(parts)} results; the first number is taken as the cost"
                )
            return self._checked(found, notes)
        pairs = [
            part
            for part in parts
            if isinstance(part, tuple | list) and len(part) == 2 and not _is_vector(part)
        ]
        if len(parts) == 2 and len(pairs) == 1:
            found["dw"], found["db"] = _weights_first(pairs[0], shape_of_w)
            found["cost"] = parts[1] if parts[0] is pairs[0] else parts[0]
            return self._checked(found, notes)
        return self._without_names(parts, shape_of_w, notes)

    def _checked(self, found: dict[str, Any], notes: list[str]) -> Answer:
        arrays = {target: _numbers(part) for target, part in found.items()}
        unread = [name for name, part in arrays.items() if part is None]
        notes += [f"{name} is {_kind(found[name])}, not real numbers" for name in unread]
        cost, dw, db = map(arrays.get, ("cost", "dw", "db"))
        return Answer(cost, dw, db, tuple(notes), _single(found.values()), unread=bool(unread))

    def _without_names(self, parts: list[Any], shape_of_w: tuple[int, ...], notes: list[str]) -> Answer:
        """Results that only their shapes tell apart."""
        arrays = tuple(_numbers(part) for part in parts[:3])
        if len(parts) > 3:
            notes.append(f"{self.name} returns {len(parts)} results; the gradients and the cost are needed")
        if len(parts) == 1:
            notes.append(f"{self.name} returns one result only; the gradients and the cost are needed")
        notes += [
            f"result {k + 1} is {_kind(part)}, not real numbers"
            for k, (part, array) in enumerate(zip(parts[:3], arrays, strict=True))
            if array is None
        ]
        orders = _ORDERS[len(arrays)]
        place = _place_of_dw(arrays, shape_of_w)
        if place is not None:
            orders = tuple(order for order in orders if "dw" in order and order.index("dw") == place)
        else:
            orders = tuple(order for order in orders if order != ("dw",) or int(np.prod(shape_of_w)) == 1)
        unread = any(array is None for array in arrays)
        answer = Answer(None, None, None, tuple(notes), _single(parts[:3]), arrays, orders, unread=unread)
        return answer.ordered(orders[0]) if orders else answer

    def _from_mapping(self, mapping: Mapping[Any, Any], found: dict[str, Any], notes: list[str]) -> None:
        unknown = []
        for key, value in mapping.items():
            target = self.keys.get(str(key)) or _KEYS.get(_plain_key(str(key)))
            if target is None:
                unknown.append(shown(repr(key), 40))
            else:
                found[target] = value
        if unknown:
            notes.append(f"keys of the result that are not known: {', '.join(unknown)}; dw, db and cost are")


#: What results without names may be, by their number, likelier first.
_ORDERS: dict[int, tuple[tuple[str, ...], ...]] = {
    0: (),
    1: (("cost",), ("dw",)),
    2: (("dw", "db"), ("cost", "dw"), ("dw", "cost"), ("db", "dw")),
    3: (("dw", "db", "cost"), ("cost", "dw", "db"), ("db", "dw", "cost"), ("cost", "db", "dw"),
        ("dw", "cost", "db"), ("db", "cost", "dw")),
}  # fmt: skip


def _place_of_dw(arrays: Sequence[Floats | None], shape_of_w: tuple[int, ...]) -> int | None:
    """Which of the results must be dw, if shapes say so."""
    there = [k for k, array in enumerate(arrays) if array is not None]
    same = [k for k in there if arrays[k].shape == shape_of_w]  # type: ignore[union-attr]
    big = [k for k in there if arrays[k].size > 1]  # type: ignore[union-attr]
    return same[0] if len(same) == 1 else big[0] if big and not same else None


def _single(parts: Iterable[Any]) -> bool:
    return any(getattr(part, "dtype", None) in (np.float32, np.float16) for part in parts)


_KEYS = {
    "w": "dw", "weights": "dw", "weight": "dw", "theta": "dw", "b": "db", "bias": "db", "intercept": "db",
    "cost": "cost", "loss": "cost", "j": "cost", "l": "cost",
}  # fmt: skip


def _plain_key(key: str) -> str:
    """A key without the marks of a derivative: "dW", "dJ_dw", "grad_w" -> "w"."""
    name = key.lower().replace(" ", "").removesuffix("_grad").removesuffix("grad")
    for mark in ("dj_d", "dl_d", "dj/d", "dl/d", "dcost_d", "grad_", "gradient_", "d_", "d"):
        if name.startswith(mark) and len(name) > len(mark):
            return name.removeprefix(mark).strip("_")
    return name


def _weights_first(pair: Sequence[Any], shape_of_w: tuple[int, ...]) -> tuple[Any, Any]:
    """dw and db of a pair in either order."""
    first, second = (_numbers(part) for part in pair)
    size = int(np.prod(shape_of_w))
    if size > 1 and first is not None and second is not None and first.size == 1 and second.size > 1:
        return pair[1], pair[0]
    return pair[0], pair[1]


def _is_vector(pair: Sequence[Any]) -> bool:
    return all(isinstance(part, int | float | np.number) for part in pair)


def _numbers(part: Any) -> Floats | None:
    """float64, or None for what does not hold real numbers."""
    with contextlib.suppress(Exception):
        array = np.asarray(part)
        if array.dtype == object:
            array = array.astype(np.float64)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
    return None


def _kind(part: Any) -> str:
    array = np.asarray(part) if not isinstance(part, str | bytes | Mapping) else None
    if array is not None and array.dtype.kind == "c":
        return "complex numbers"
    return "None" if part is None else f"a {type(part).__name__}"


def printed(record: Record, name: str) -> str | None:
    """A sentence on what the function printed; the whole of its first call goes to standard error."""
    text = next((text for text in record.printed if text), "")
    if not text:
        return None
    print(text, end="" if text.endswith("\n") else "\n", file=sys.stderr)
    lines = [shown(line, 60) for line in text.splitlines()]
    count = sum(len(text.splitlines()) for text in record.printed)
    return (
        f"{name} prints ({count:,} line{'s' * (count != 1)} in {record.calls:,} calls; those of the first are on "
        f"standard error): {' | '.join(lines[:3])}{' …' if len(lines) > 3 else ''}"
    )
