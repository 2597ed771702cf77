"""`check_function`: is the cost of a student's function right, are its gradients, and if not, what is the slip?

Room: what a user calls: data in, trials, the model, a finding each for cost, dw and db. Below: `shapes`, `models`,
`calling`, `array_truth`, `array_diagnosis`, `array_judging`. Above: `assertion`, `command`.
Must hold: whatever the function does, a report comes; the same arguments give the same report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minigrad.checking.array_diagnosis import Trial
from minigrad.checking.array_judging import consistent, finding
from minigrad.checking.array_truth import TARGETS, OwnRows, saturated, settle, settle_by_differences
from minigrad.checking.calling import BUDGET, Answer, Caller, printed
from minigrad.checking.models import MODELS, Model, Named, graph_of_row, models_of, takes_rows
from minigrad.checking.points import check_seed
from minigrad.checking.recognising import recognised
from minigrad.checking.report import Report
from minigrad.checking.shapes import Layout, Rows, layouts
from minigrad.checking.verdict import RIGHT, UNDECIDED, WRONG, Finding
from minigrad.text import shown

#: Fresh data: so many of the same shapes, and these many rows more.
SAME, MORE = 4, (2, 5)

#: Entries of dw by differences: at the user's numbers, at fresh data.
ENTRIES, FRESH_ENTRIES = 48, 8

#: Names of parameters that say which argument is meant.
_ROLES = {
    "w": 0, "weights": 0, "weight": 0, "theta": 0, "b": 1, "bias": 1, "intercept": 1,
    "x": 2, "features": 2, "inputs": 2, "x_train": 2, "y": 3, "labels": 3, "target": 3, "targets": 3, "y_train": 3,
}  # fmt: skip


def check_function(
    propagate: Callable[..., Any],
    data: Sequence[Any] | None = None,
    model: Any = None,
    names: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Report:
    """Check a function that returns gradients and cost of a loss over m rows.

    propagate  called as propagate(w, b, X, Y), in the order of its own parameters if they have these names; returns
               ({"dw": dw, "db": db}, cost), (dw, db, cost), or the like, in either order
    data       (w, b, X, Y): w (n,), (n, 1) or (1, n); b a number; X (n, m) or (m, n); Y (m,), (1, m) or (m, 1).
               (w, X, Y) for a function without bias; None makes some
    model      the loss of one row: a name, such as "logistic", "linear", "poisson" or "hinge"; the recorded graph of
               one row, or its formula as text, with inputs w1 … wn, b, x1 … xn, y; or a function f(w, b, x, y) of one
               row. None recognises the loss by the cost, and if it is no known one takes differences of the cost
    names      keys of the result where they are others: {"grad_weights": "dw"}
    seed       of the fresh data that are tried besides the user's
    return     Report with a finding each for "cost", "dw" and "db"

    The cost is the mean over the rows, its logarithms natural. Besides the user's own, fresh random data are tried,
    of the same shapes and of more rows. The function gets copies, and runs in this process without a limit on its
    time; `minigrad check` limits time and memory.

    Raises ShapeError when the data do not fit each other, TypeError when they are not numbers, ModelError (a
    ValueError) when there is no such model.

    >>> import numpy as np
    >>> def propagate(w, b, X, Y):
    ...     A = 1 / (1 + np.exp(-(w.T @ X + b)))
    ...     cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    ...     return {"dw": X @ (A - Y).T, "db": np.mean(A - Y)}, cost
    >>> data = np.array([[1.0], [2.0]]), 2.0, np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]]), np.array([[1, 0, 1]])
    >>> report = check_function(propagate, data)
    >>> report["cost"].verdict, report["db"].verdict, report["dw"].slip.key
    ('right', 'right', '1/m missing')
    """
    return FunctionCheck(propagate, data, model, names, seed).report()


class FunctionCheck:
    """One check: the function, its data, the trials."""

    def __init__(
        self,
        function: Callable[..., Any],
        data: Sequence[Any] | None,
        model: Any,
        names: Mapping[str, str] | None,
        seed: int,
        budget: float = BUDGET,
    ) -> None:
        if not callable(function):
            raise TypeError(f"a function is needed, not {type(function).__name__}")
        check_seed(seed)
        _check_names(names)
        self.notes: list[str] = []
        self.random = np.random.default_rng(seed)
        if data is not None and not hasattr(data, "__len__"):
            raise TypeError(f"data is (w, b, X, Y), not {type(data).__name__} {shown(repr(data), 40)}")
        self.bias = data is None or len(data) != 3
        order, given = self._ordered(function, data)
        argument_names = ("w", "b", "X", "Y") if self.bias else ("w", "X", "Y")
        self.caller = Caller(function, order, argument_names, names, budget)
        if given is None:
            self.layout, self.own = self._made()
        else:
            self.layout, self.own = self._chosen(layouts(*given))
        self.notes += _not_finite(self.own)
        self.models = models_of(model, self.own.n)
        self.asked = model is not None
        self.trials: list[Trial] = []

    # -- data -----------------------------------------------------------------------------------------

    def _ordered(
        self, function: Callable[..., Any], data: Sequence[Any] | None
    ) -> tuple[tuple[int, ...], tuple[Any, Any, Any, Any] | None]:
        """The place of each of the function's arguments, and the data as w, b, X, Y."""
        if data is not None and (isinstance(data, str | Mapping) or len(data) not in (3, 4)):
            raise TypeError("data is (w, b, X, Y), or (w, X, Y) for a function without bias")
        if not self.bias:
            assert data is not None
            w, x, y = data
            return (0, 1, 2), (w, None, x, y)
        roles = [_ROLES.get(name.lower().strip("_"), -1) for name in takes_rows(function)[:4]]
        order = tuple(roles) if sorted(roles) == [0, 1, 2, 3] else (0, 1, 2, 3)
        if data is None:
            return order, None
        if order != (0, 1, 2, 3) and np.ndim(data[2]) < 2 and np.ndim(data[order.index(2)]) == 2:
            data = [data[order.index(role)] for role in range(4)]  # given in the function's own order
        w, b, x, y = data
        return order, (w, b, x, y)

    def _ask(self, layout: Layout, rows: Rows) -> Answer | str:
        return self.caller(layout.dressed(rows), layout.shape_of_w(rows.n))

    def _chosen(self, found: list[tuple[Layout, Rows]]) -> tuple[Layout, Rows]:
        """The layout; where n = m, the one that the function takes with more rows than features."""
        if len(found) > 1:
            works = [self._takes(layout, rows) for layout, rows in found]
            place = works.index(True) if sum(works) == 1 else 0
            why = (
                "as the function takes them" if sum(works) == 1 else "which the shapes do not decide (n = m)"
            )
            self.notes.append(f"layout: {found[place][0]}; {why}")
            return found[place]
        self.notes.append(f"layout: {found[0][0]}")
        return found[0]

    def _takes(self, layout: Layout, own: Rows) -> bool:
        """Whether the function answers data of this layout, with more rows than features, by a dw of w's shape."""
        rows = self._fresh(own, own.n + 2)
        answer = self._ask(layout, rows)
        return not isinstance(answer, str) and Trial("", rows, layout, answer).fits("dw")

    def _made(self) -> tuple[Layout, Rows]:
        """Example data, in the layout that the function takes."""
        rows = self._draw(5, 3, np.array([0.0, 1.0]))
        tried = [Layout(True, "column", "row"), Layout(False, "flat", "flat"), Layout(False, "column", "column"),
                 Layout(False, "column", "flat"), Layout(True, "flat", "flat"), Layout(True, "row", "row"),
                 Layout(True, "flat", "row")]  # fmt: skip
        scores = [self._score(layout, rows) for layout in tried]
        best = scores.index(max(scores))
        self.notes.append(
            f"no data were given: example data were drawn, {rows.m} rows of {rows.n} features, labels 0 and 1"
        )
        self.notes.append(f"layout: {tried[best]}")
        self.caller.record.printed.clear()
        self.caller.record.warned.clear()
        return tried[best], rows

    def _score(self, layout: Layout, rows: Rows) -> int:
        answer = self._ask(layout, rows)
        if isinstance(answer, str):
            return 0
        trial = Trial("", rows, layout, answer)
        return 1 + 2 * trial.fits("dw") + trial.fits("cost") + trial.fits("db")

    def _fresh(self, own: Rows, m: int) -> Rows:
        return self._draw(m, own.n, own.y, positive=bool(np.all(own.x > 0)))

    def _draw(self, m: int, n: int, labels: np.ndarray[Any, Any], positive: bool = False) -> Rows:
        """Random rows: z of some units, labels of the same kind."""
        random = self.random
        x = random.standard_normal((m, n))
        kind = kind_of(labels)
        if kind in ("01", "±1"):
            y = random.integers(0, 2, m).astype(np.float64)
            y[: min(m, 2)] = (0.0, 1.0)[: min(m, 2)]
            y = y if kind == "01" else 2 * y - 1
        elif kind == "share":
            y = random.random(m)
        elif kind == "count":
            y = random.poisson(2.0, m).astype(np.float64)
        else:
            y = random.standard_normal(m)
        b = float(random.standard_normal()) if self.bias else 0.0
        return Rows(random.standard_normal(n) / np.sqrt(n), b, np.abs(x) + 0.1 if positive else x, y)

    # -- trials ---------------------------------------------------------------------------------------

    def _try_all(self) -> str:
        """Call the function at all data; what is wrong with the call at the user's own, "" if nothing."""
        own = self._ask(self.layout, self.own)
        refused = own if isinstance(own, str) else ""
        if isinstance(own, Answer):
            self.notes += own.notes
            self.trials.append(Trial("at your numbers", self.own, self.layout, own, own=True))
        sizes = [self.own.m] * SAME + [self.own.m + more for more in MORE]
        failed: dict[str, None] = {}
        for k, m in enumerate(sizes):
            if self.caller.exhausted:
                break
            rows = self._fresh(self.own, m)
            answer = self._ask(self.layout, rows)
            if isinstance(answer, Answer):
                where = f"at random data {k + 1}" + (f" ({m} rows)" if m != self.own.m else "")
                self.trials.append(Trial(where, rows, self.layout, answer))
            elif k < SAME and not refused:
                failed[answer] = None
        self.notes += [f"at fresh data of the same shapes {sentence}" for sentence in list(failed)[:1]]
        return refused

    def _wavering(self) -> str:
        """A sentence if a second call at the same numbers gives others."""
        first = self.trials[0]
        again = self._ask(first.layout, first.rows)
        if isinstance(again, str):
            return f"a second call at the same numbers fails: {again}"
        for target in TARGETS:
            one, two = first.answer[target], again[target]
            if one is None or two is None:
                continue
            if one.shape != two.shape:
                return f"two calls at the same numbers gave {target} of shapes {one.shape} and {two.shape}"
            with np.errstate(all="ignore"):
                apart = ~((np.abs(one - two) <= 1e-10 * (np.abs(one) + np.abs(two))) | (one != one) & (two != two)
                          | (one == two))  # fmt: skip
            if np.any(apart):
                k = int(np.flatnonzero(apart)[0])
                return (
                    f"two calls at the same numbers gave different results: {target} {one.flat[k]:.9g}, then "
                    f"{two.flat[k]:.9g}; take out what is random, or what is kept between calls"
                )
        return ""

    # -- the report -----------------------------------------------------------------------------------

    def report(self) -> Report:
        """Call, judge, tell."""
        refused = self._try_all()
        name, model, graph = "", None, None
        if not self.trials:
            findings = [Finding(target, UNDECIDED, "there is nothing to judge") for target in self._targets()]
            self.notes.insert(0, refused)
        elif (wavers := self._wavering()) and not self.caller.exhausted:
            findings = [
                Finding(t, UNDECIDED, "its numbers change from call to call") for t in self._targets()
            ]
            self.notes.insert(0, f"{self.caller.name}: {wavers}")
        else:
            name, model = self._settle()
            findings = [finding(self.trials, target, model) for target in self._judged(model)]
            findings += [
                Finding(target, UNDECIDED, "no real numbers came back for it") for target in self._unread()
            ]
            graph, nodes = graph_of_row(model, self.own)
            findings = [replace(found, node=nodes.get(found.name)) for found in findings]
            if refused:
                self.notes.insert(0, f"at your numbers {refused}")
                findings = [_not_at_own(f) for f in findings]
            self._tell(findings, model)
        self._tell_behaviour()
        rows = f"{self.own.m} row{'s' * (self.own.m > 1)} of {self.own.n} feature{'s' * (self.own.n > 1)}"
        subject = f"{self.caller.name}, {rows}" + (f", {name}" if name else "")
        return Report(subject, tuple(findings), tuple(dict.fromkeys(self.notes)), graph)

    def _targets(self) -> tuple[str, ...]:
        return TARGETS if self.bias else TARGETS[:2]

    def _judged(self, model: Model | None) -> list[str]:
        """What to judge: all that came back, and without a model not the cost."""
        there = [t for t in self._targets() if any(trial.answer[t] is not None for trial in self.trials)]
        missing = [t for t in self._targets() if t not in (*there, *self._unread())]
        if missing:
            words = ", ".join(missing[:-1]) + " and " * (len(missing) > 1) + missing[-1]
            self.notes.insert(
                0,
                f"{self.caller.name} returns no {words}: {'it is' if len(missing) == 1 else 'they are'} not judged",
            )
        return [t for t in there if t != "cost" or not _is_box(model)]

    def _unread(self) -> list[str]:
        """What is missing though something came that is not numbers; and the gradients, if none came at all."""
        answers = [trial.answer for trial in self.trials]
        missing = [t for t in self._targets() if all(answer[t] is None for answer in answers)]
        if any(answer.unread for answer in answers):
            return missing
        gradients = [t for t in self._targets() if t != "cost"]
        return gradients if set(gradients) <= set(missing) else []

    def _settle(self) -> tuple[str, Model | None]:
        """Find the model, and fill in what is right."""
        name, model, self.trials = recognised(self.trials, self.models, self.asked, kind_of(self.own.y))
        if model is not None:
            for trial in self.trials:
                if not trial.right:
                    settle(trial, model)
            return f"model {name}", model
        self.caller.found = next((t.answer.taken for t in self.trials if t.answer.taken), ())
        for trial in self.trials:
            settle_by_differences(trial, self.caller, ENTRIES if trial.own else FRESH_ENTRIES, self.random)
        own = OwnRows(self.caller, self.layout)
        explains = own.explains(self.trials)
        if not explains and self.own.n > ENTRIES and self.trials[0].own:
            settle_by_differences(self.trials[0], self.caller, self.own.n, self.random)
        return "against differences of its own cost", own if explains else None

    def _tell(self, findings: Sequence[Finding], model: Model | None) -> None:
        """What is to be said of the findings together."""
        verdicts = {f.name: f.verdict for f in findings}
        if _is_box(model):
            self.notes.append(
                "the cost is the mean of no loss that is known here, so it is not judged; the gradients are held "
                "against differences of it. Give model=, a name, a graph or a function of one row, to have it judged"
            )
            if kind_of(self.own.y) == "±1":
                self.notes.append("the labels are −1 and 1; y·log(a) + (1 − y)·log(1 − a) needs 0 and 1")
        elif isinstance(model, Named):
            if not self.asked:
                self.notes.append(f"model: {model.name}, the mean of {model.text}")
            if model is MODELS["logistic"] and (why := saturated(self.own)):
                self.notes.append(why)
        if verdicts.get("cost") == WRONG and consistent(self.trials, self.caller, self.random):
            self.notes.append("dw and db are the gradient of the cost as the function computes it")
        if any(trial.answer.single for trial in self.trials):
            self.notes.append(
                "the function computes in single precision (float32): some 7 digits can be right"
            )

    def _tell_behaviour(self) -> None:
        """What the function did besides returning."""
        record, name = self.caller.record, self.caller.name
        for argument, change in record.changed.items():
            self.notes.append(f"{name} changes {argument} in place: {change}; it was given copies")
        if record.warned:
            self.notes.append(f"warnings while {name} ran: {'; '.join(record.warned[:3])}")
        if record.stopped:
            self.notes.append(record.stopped)
        elif self.caller.exhausted:
            times = "once" if record.calls == 1 else f"{record.calls} times"
            self.notes.append(
                f"{name} took {record.slowest:.3g} s for a call: it was called {times}, then no more"
            )
        if said := printed(record, name):
            self.notes.append(said)


def _not_finite(rows: Rows) -> list[str]:
    """A sentence on data that are no numbers."""
    found = [f"X in row {i}" for i in np.flatnonzero(~np.isfinite(rows.x).all(axis=1))[:3]]
    found += [f"Y in row {i}" for i in np.flatnonzero(~np.isfinite(rows.y))[:3]]
    found += [f"w[{i}]" for i in np.flatnonzero(~np.isfinite(rows.w))[:3]] + ["b"] * (not np.isfinite(rows.b))
    return [f"your data hold a nan or an infinity: {', '.join(found)}"] if found else []


def _check_names(names: object) -> None:
    """Refuse what does not map keys of the result to the three that are judged."""
    example = 'names={"grad_weights": "dw"}: from a key of the result to "cost", "dw" or "db"'
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"{example}; not {type(names).__name__} {shown(repr(names), 40)}")
    for known_as in (names or {}).values():
        if known_as not in TARGETS:
            raise ValueError(f"{example}; not to {shown(repr(known_as), 40)}")


def _is_box(model: Model | None) -> bool:
    """Whether nothing but the function's own cost is known."""
    return model is None or isinstance(model, OwnRows)


def kind_of(labels: np.ndarray[Any, Any]) -> str:
    """What labels are: "01", "±1", "share" (between 0 and 1), "count" or "real"."""
    values = set(np.unique(labels).tolist())
    if values <= {0.0, 1.0}:
        return "01"
    if values <= {-1.0, 1.0}:
        return "±1"
    if all(0.0 <= v <= 1.0 for v in values):
        return "share"
    return "count" if all(v >= 0 and v == int(v) for v in values if np.isfinite(v)) else "real"


def _not_at_own(found: Finding) -> Finding:
    """A finding from fresh data only."""
    if found.verdict != RIGHT:
        return found
    return replace(found, verdict=UNDECIDED, reason="right at random data; at your numbers nothing came back")
