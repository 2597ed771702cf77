"""The simplest slip that explains every number.

Room: tries the rows of the catalogue on every link between a node and the result, at all points at once, and compares
what they make with what was claimed. Below: `links`, `slips`, `derivative` for the formula whose names are bent.
Above: `recorded`, `function`.
Must hold: a slip is named only when it gives the claimed number to rounding at every point, and at enough of them; one
number at one point is explained only when a single wrong function explains it. A wrong accusation is worse than none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from functools import partial as bound

import numpy as np

from minigrad.checking import slips
from minigrad.checking.arithmetic import CLOSE, EPS, NOISE, SAFETY, SMALL, TRIALS
from minigrad.checking.links import Array, Links, expanded, recognised, recorded
from minigrad.checking.slips import SlipRow
from minigrad.checking.substitutes import Substitutes
from minigrad.checking.suspects import MOST_LINKS, Suspect, Trials, name_of
from minigrad.checking.verdict import Slip
from minigrad.notation import number_text
from minigrad.text import shown
from minigrad.value import Value

#: Agreement to rounding: relative to the number, and to the largest terms that went into it.
RELATIVE = 1e-9
OF_TERMS = 1e-12
#: Least points at which a slip must be seen at work, and the share of the points at which it must have a number.
LEAST_SEEN = 3
LEAST_SHARE = 0.6
#: Where rounding does more than this to a link, relative to it, nothing is read from the numbers.
SOUND = 1e-9
#: Constant factors that one number alone may be explained by.
SIMPLE = (2.0, 0.5)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed of one derivative.

    numbers  (p,)
    error    (p,): a bound on the rounding of the claim
    known    (p,): the points at which there is a claim
    """

    numbers: Array
    error: Array
    known: Array = field(default_factory=lambda: np.ones(1, dtype=bool))


class Diagnosis:
    """The suspects of one graph.

    output   the result
    columns  input -> its numbers at p points, of which the first is the user's own
    keep     nodes whose derivatives were given
    """

    def __init__(self, output: Value, columns: Mapping[Value, Array], keep: Collection[Value] = ()) -> None:
        self.output = output
        self.base = recorded(output, keep)
        self.columns = dict(columns)
        self.kept = [
            node for node in self.base.ids if not node.is_leaf and (node.label or node in set(keep))
        ] + [node for node in self.base.ids if node.op == "input"]
        self.limited = False

    @property
    def numbers(self) -> dict[int, Array]:
        """The numbers of the inputs, by id."""
        return {self.base.ids[node]: column for node, column in self.columns.items() if node in self.base.ids}

    @cached_property
    def links(self) -> Links:
        """The links of the graph as recorded."""
        return Links(self.base, self.numbers)

    @cached_property
    def _noisy(self) -> tuple[Array, dict[int, Array]]:
        """What artificial rounding errors do: where it is little to any link, and how much to each adjoint."""
        p, times = self.links.points, 1 + TRIALS + CLOSE
        repeated = {i: np.tile(column, times) for i, column in self.numbers.items()}
        noisy = Links(self.base, repeated, noise=np.random.default_rng(0))
        sound, error = np.ones(p, dtype=bool), {}
        with np.errstate(all="ignore"):
            for true, tried in ((self.links.adjoint, noisy.adjoint), (self.links.partial, noisy.partial)):
                for key, numbers in true.items():
                    there = np.broadcast_to(tried[key], (times * p,))  # type: ignore[index]
                    moved = np.abs(there.reshape(times, p) - numbers)
                    far, near = moved[: 1 + TRIALS].max(axis=0), moved[1 + TRIALS :].max(axis=0)
                    away = SAFETY * np.maximum(far * (EPS / NOISE), near * (EPS / SMALL))
                    sound &= away <= SOUND * np.abs(numbers)  # not where it is no number
                    if true is self.links.adjoint:
                        error[key] = away
        return sound, error  # type: ignore[return-value]

    @property
    def sound(self) -> Array:
        """The points at which rounding does little to any link: not where a function is saturated."""
        return self._noisy[0]

    @cached_property
    def readings(self) -> list[Links]:
        """The links of each way to read the graph that differs from those before."""
        found = [self.links]
        if len(self.links.edges) <= MOST_LINKS:
            for read in (recognised, expanded):
                reading = read(self.base, self.kept)
                if all(reading.output != links.reading.output for links in found):
                    found.append(Links(reading, self.numbers))
        return found

    @cached_property
    def substitutes(self) -> Substitutes:
        """The right formulas, to be had at other numbers."""
        return Substitutes(self.output, self.links, self.base)

    def right(self, node: Value, upstream: Mapping[Value, Array] | None = None) -> Array:
        """The derivative by a node; given some adjoints above it, what follows from them."""
        _, adjoint, _ = self._flow(self.links, node, upstream)
        return adjoint.get(self.base.ids[node], np.zeros(self.links.points))

    def _flow(
        self, links: Links, node: Value, upstream: Mapping[Value, Array] | None
    ) -> tuple[int, dict[int, Array], set[int]]:
        """Its id, the adjoints, and the ids at which they were given."""
        i = links.reading.ids[node]
        if not upstream:
            return i, links.adjoint, set()
        given = {
            links.reading.ids[other]: numbers for other, numbers in upstream.items() if other is not node
        }
        return i, links.backward(given=given), set(given)

    # -- finding ------------------------------------------------------------------------------------------

    def slip(
        self, node: Value, claimed: Claimed, upstream: Mapping[Value, Array] | None = None
    ) -> Slip | None:
        """The simplest slip that gives all numbers claimed, or None.

        upstream   adjoints that the user gave for other nodes, to go on from
        """
        with np.errstate(all="ignore"):
            return self._slip(node, claimed, upstream)

    def _slip(self, node: Value, claimed: Claimed, upstream: Mapping[Value, Array] | None) -> Slip | None:
        right = self.right(node, upstream)
        error = claimed.error + 4.0 * np.nan_to_num(self._noisy[1].get(self.base.ids[node], 0.0 * right))
        claimed = Claimed(claimed.numbers, error, claimed.known & self.sound)
        one = int(claimed.known.sum()) == 1
        found = [s for s in self._whole(node, right, claimed) if self._explains(s, claimed, right, one)]
        suspects = list(self._suspects(node, upstream, right))
        found += self._matching(suspects, claimed, right, one)
        if not found:
            return None
        if one and not _alike(found):
            return None
        found.sort(key=lambda suspect: (suspect.rank, suspect.reading))
        first = found[0]
        if first.ratio is None:
            first.ratio = _ratio(claimed, right)
        others = dict.fromkeys(s.row.key for s in found[1:] if s.row.key != first.row.key)
        return first.slip(self._seen(claimed), list(others)[:4], one)

    @staticmethod
    def _seen(claimed: Claimed) -> int:
        return int((claimed.known & np.isfinite(claimed.numbers)).sum())

    def _explains(self, suspect: Suspect, claimed: Claimed, right: Array, one: bool) -> bool:
        return bool(self._matching([suspect], claimed, right, one))

    @staticmethod
    def _matching(suspects: list[Suspect], claimed: Claimed, right: Array, one: bool) -> list[Suspect]:
        """The suspects that give the numbers claimed."""
        if not suspects:
            return []
        with np.errstate(all="ignore"):
            made = np.stack([suspect.numbers for suspect in suspects])
            size = np.stack([suspect.size for suspect in suspects])
            c = claimed.numbers
            room = RELATIVE * np.abs(c) + OF_TERMS * size + claimed.error
            close = (np.abs(made - c) <= room) | (made == c)
            told = (
                np.isfinite(made)
                & np.isfinite(c)
                & claimed.known
                & (claimed.error <= 1e-6 * np.abs(c) + 1e-12)
            )
            refuted = (told & ~close).any(axis=1)
            seen = (told & close).sum(axis=1)
            apart = (told & close & (np.abs(c - right) > 1e-6 * np.abs(right))).sum(axis=1)
            least = 1 if one else max(LEAST_SEEN, LEAST_SHARE * claimed.known.sum())
            fits = ~refuted & (seen >= least) & (apart >= (1 if one else LEAST_SEEN))
        return [suspect for suspect, fit in zip(suspects, fits, strict=True) if fit]

    # -- suspects -----------------------------------------------------------------------------------------

    def _derivative(self, node: Value) -> str:
        return f"d{self._result}/d{name_of(self.links, self.base.ids[node])}"

    @property
    def _result(self) -> str:
        return shown(self.output.label, 30) or "L"

    def _whole(self, node: Value, right: Array, claimed: Claimed) -> Iterator[Suspect]:
        """What can be said of the derivative as a whole."""
        words = {"node": self._derivative(node), "result": self._result}
        size = np.abs(right)
        yield Suspect(slips.SIGN, -right, size, bound(dict, words), ratio=-1.0)
        if not np.any(claimed.numbers[claimed.known]):
            yield Suspect(slips.NOTHING, np.zeros_like(right), size, bound(dict, words), ratio=0.0)
            return
        if int(claimed.known.sum()) == 1:
            for k in SIMPLE:
                told = {**words, "ratio": number_text(k)}
                yield Suspect(slips.CONSTANT, k * right, size, bound(dict, told), ratio=k)
            return
        ratio = _ratio(claimed, right)
        if ratio is not None and ratio != -1.0 and ratio != 1.0:
            row, text = self._constant(ratio)
            yield Suspect(row, ratio * right, size, bound(dict, {**words, "ratio": text}), ratio=ratio)
        offset = _offset(claimed, right)
        if offset is not None and _ratio(claimed, right) is None:
            told = {**words, "offset": number_text(_tidy(offset))}
            yield Suspect(slips.OFFSET, right + offset, size + abs(offset), bound(dict, told))

    def _constant(self, ratio: float) -> tuple[SlipRow, str]:
        """The row of a constant factor, and the factor in words."""
        logs = any(links.e.ops[i] in slips.LOGARITHMS for links in self.readings for i in links.order)
        for name, number in slips.BASES.items():
            for factor, text in (
                (number, f"{name} times the right one"),
                (1 / number, f"the right one divided by {name}"),
            ):
                if logs and abs(ratio / factor - 1) < 1e-9:
                    return slips.BASE, text
        tidy = _tidy(ratio)
        if abs(tidy) < 1 and abs(round(1 / tidy) * tidy - 1) < 1e-9:
            return slips.CONSTANT, f"1/{round(1 / tidy)}" if tidy > 0 else f"-1/{round(-1 / tidy)}"
        return slips.CONSTANT, number_text(tidy)

    def _suspects(
        self, node: Value, upstream: Mapping[Value, Array] | None, right: Array
    ) -> Iterator[Suspect]:
        for k, links in enumerate(self.readings):
            i, adjoint, given = self._flow(links, node, upstream)
            if i not in links.above:
                continue
            tried = Trials(links, k, i, self._result, adjoint, given, right)
            self.limited |= tried.limited
            yield from tried.all()
        if not upstream:
            yield from self._substituted(node)

    def _substituted(self, node: Value) -> Iterator[Suspect]:
        for row, numbers, words in self.substitutes.tried(node):
            told = {**words, "node": self._derivative(node)}
            yield Suspect(row, numbers, np.abs(numbers), bound(dict, told))


# -- numbers ----------------------------------------------------------------------------------------------


def _ratio(claimed: Claimed, right: Array) -> float | None:
    """claimed / right, if that is one number at all points."""
    with np.errstate(all="ignore"):
        usable = claimed.known & np.isfinite(claimed.numbers) & np.isfinite(right) & (right != 0.0)
        room = claimed.error / np.abs(claimed.numbers)
        usable &= room <= 1e-6
        ratios, room = (claimed.numbers / right)[usable], room[usable]
    if ratios.size < LEAST_SEEN:
        return None
    middle = float(np.median(ratios))
    return middle if middle and bool(np.all(np.abs(ratios / middle - 1) < RELATIVE + 4 * room)) else None


def _offset(claimed: Claimed, right: Array) -> float | None:
    """claimed - right, if that is one number at all points."""
    with np.errstate(all="ignore"):
        away = claimed.numbers - right
        size = np.maximum(np.abs(claimed.numbers), np.abs(right))
        usable = claimed.known & np.isfinite(away) & (claimed.error <= 1e-9 * size + 1e-9)
    if int(usable.sum()) < LEAST_SEEN:
        return None
    middle = float(np.median(away[usable]))
    close = (
        np.abs(away - middle)[usable] <= RELATIVE * (size[usable] + abs(middle)) + 4 * claimed.error[usable]
    )
    return middle if abs(middle) > 1e-9 and bool(close.all()) else None


def _tidy(x: float) -> float:
    """A number without the noise of its last digits."""
    return float(f"{x:.9g}")


def _alike(found: Sequence[Suspect]) -> bool:
    """Whether suspects are one function: the same numbers at all points."""
    first = found[0]
    with np.errstate(all="ignore"):
        return all(
            bool(np.all(~np.isfinite(other.numbers - first.numbers)
                        | (np.abs(other.numbers - first.numbers) <= 1e-8 * (np.abs(first.numbers) + other.size))))
            for other in found[1:]
        )  # fmt: skip
