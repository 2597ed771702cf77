"""What the benchmarks share: taking turns, spreads, goals, memory, and processes with so many threads.

Room: measures and words; knows nothing of what is measured. Above: the scripts and their sections.
Must hold: contenders take turns within one process, so that whatever else the machine does falls on all.
"""

from __future__ import annotations

import gc
import importlib
import math
import os
import platform
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

# -- words ------------------------------------------------------------------------------------------------


def machine() -> str:
    """The processor, as the system calls it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def spread(numbers: Sequence[float]) -> str:
    """The median, and the least and the most."""
    low, middle, high = min(numbers), statistics.median(numbers), max(numbers)
    digits = 0 if middle >= 100 else 1 if middle >= 1 else 2 if middle >= 0.1 else 3
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def verdict(met: bool, goal: str) -> str:
    """Whether a goal is met, in words."""
    return f"goal {goal}: {'met' if met else 'MISSED'}"


# -- memory -----------------------------------------------------------------------------------------------


def resident() -> tuple[float, float]:
    """Bytes of memory that this process holds now, and the most it ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return tuple(1024.0 * int(lines[name].split()[0]) for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]
    import resource

    most = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    most *= 1.0 if sys.platform == "darwin" else 1024.0
    return most, most


# -- peers ------------------------------------------------------------------------------------------------


def optional(name: str) -> Any:
    """A module that may be missing: it, or None. Whatever else goes wrong with it is told, not hidden."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        return None


def environment(threads: int) -> dict[str, str]:
    """The variables of a process in which every library uses so many threads.

    OPENBLAS_* are left out: a core type or a cache size set there for another machine slows NumPy down.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("OPENBLAS_")}
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        **kept,
        **dict.fromkeys(pools, str(threads)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
    }


def confine(threads: int) -> None:
    """Keep this process on as many processors as it has threads: JAX counts those it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


# -- time -------------------------------------------------------------------------------------------------


class Contender(NamedTuple):
    """One of those that take turns. What `call` returns holds the numbers that must agree."""

    name: str
    call: Callable[[], Any]
    layout: str = ""

    @property
    def key(self) -> str:
        """Name and layout."""
        return f"{self.name}, {self.layout}" if self.layout else self.name


#: Seconds of each contender in each round, by its key.
Times = dict[str, list[float]]


def in_turns(contenders: Sequence[Contender], rounds: int, seconds: float = 0.005) -> Times:
    """Time each contender in each round, in an order that differs from round to round.

    A round runs it once unmeasured, because caches and threads are those of the one before, then as often as
    fits into `seconds`, at least once, and takes the mean.
    """
    times: Times = {contender.key: [] for contender in contenders}
    repeats: dict[str, int] = {}
    for contender in contenders:
        contender.call()
        start = perf_counter()
        contender.call()
        taken = perf_counter() - start
        repeats[contender.key] = max(1, min(1000, math.ceil(seconds / max(taken, 1e-7))))
    order, draw = list(contenders), random.Random(3)
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        draw.shuffle(order)
        for contender in order:
            call, count = contender.call, repeats[contender.key]
            call()
            start = perf_counter()
            for _ in range(count):
                call()
            times[contender.key].append((perf_counter() - start) / count)
    gc.enable()
    return times


def ratios(slower: Sequence[float], faster: Sequence[float]) -> list[float]:
    """How many times as long one took as the other, round by round."""
    return [a / b for a, b in zip(slower, faster, strict=True)]


def fastest(times: Mapping[str, Sequence[float]]) -> str:
    """The key with the least median."""
    return min(times, key=lambda key: statistics.median(times[key]))


# -- agreement --------------------------------------------------------------------------------------------


def numbers(result: Any) -> np.ndarray[Any, Any]:
    """All numbers of a result (numbers, arrays and tensors, in tuples and lists) one after the other."""
    if isinstance(result, list | tuple):
        return np.concatenate([numbers(part) for part in result])
    return np.ravel(np.asarray(result, dtype=np.float64))


def assert_same(contenders: Sequence[Contender], size: Any, tolerance: float) -> None:
    """All contenders compute the numbers of the first, within `tolerance` of `size`, what was added up."""
    expected = numbers(contenders[0].call())
    for contender in contenders[1:]:
        got = numbers(contender.call())
        off = np.max(np.abs(got - expected) / size)
        assert off <= tolerance, (
            f"{contender.key} and {contenders[0].key} differ by {off:.1e}, more than {tolerance:.0e}"
        )


# -- what was found ---------------------------------------------------------------------------------------

UNITS = {"ms": 1e3, "us": 1e6, "s": 1.0}


class Report:
    """Prints what a section finds, and keeps it as records for a file."""

    def __init__(self, section: str, threads: int) -> None:
        self.section, self.threads, self.case = section, threads, ""
        self.records: list[dict[str, Any]] = []

    def begin(self, case: str) -> None:
        """A new case of the section."""
        self.case = case
        count = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        print(f"\n{case}, {count}", flush=True)

    def say(self, text: str) -> None:
        """A line that is no figure."""
        print(f"  {text}", flush=True)

    def row(self, name: str, found: Mapping[str, Sequence[float]], unit: str = "ms") -> None:
        """One contender: its seconds in each round, under a heading for each layout."""
        parts = []
        for heading, seconds in found.items():
            shown = [UNITS[unit] * s for s in seconds]
            parts.append(f"{(heading + ' ' if heading else '') + spread(shown) + ' ' + unit:40}")
            self._keep(name=name, layout=heading, unit=unit, rounds=shown)
        print(f"  {name:32}{''.join(parts)}".rstrip(), flush=True)

    def note(self, text: str, name: str) -> None:
        """Something about the contender above."""
        print(f"  {'':32}{text}", flush=True)
        self._keep(name=name, note=text)

    def figure(self, name: str, values: Sequence[float], unit: str) -> None:
        """Any other number, with its spread."""
        shown = spread(values) if len(values) > 1 else f"{values[0]:.4g}"
        print(f"  {name:58}{shown} {unit}", flush=True)
        self._keep(name=name, layout="", unit=unit, rounds=list(values))

    def goal(self, what: str, values: Sequence[float], bound: float, *, most: bool = False) -> None:
        """Hold the median of some values against a bound from below, or from above (`most`)."""
        middle = statistics.median(values)
        met = middle <= bound if most else middle >= bound
        words = verdict(met, f"{'at most' if most else 'at least'} {bound:g}")
        shown = spread(values) if len(values) > 1 else f"{values[0]:.3g}"
        print(f"  {what:58}{shown}   {words}", flush=True)
        self._keep(goal=what, bound=bound, most=most, rounds=list(values), met=met)

    def _keep(self, **record: Any) -> None:
        self.records.append({"section": self.section, "threads": self.threads, "case": self.case, **record})
