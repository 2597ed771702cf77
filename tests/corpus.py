"""A corpus of wrong gradients: ten losses, and the slips that people make with each, as formulas written by hand.

Each row is the key of the slip in the catalogue, the node whose derivative is claimed, the claim, and other keys that
give the same numbers at every point. The claims are worked out on paper from the closed form of the loss; nothing of
minigrad makes them. `python tests/corpus.py` checks them all and prints a table: slip by slip, how often it was named.

Formulas are written so that Python reads them as minigrad's `formula` does: `Case.f` and `Case.claimed` evaluate them
with NumPy, or with any module that has its functions (`xp`), and so put the same cases to other checkers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any

import numpy as np
from seeded import SEED

Numbers = dict[str, Any]


@dataclass(frozen=True)
class Loss:
    """A loss of one row.

    steps    name -> formula, in order; the last is "L"
    inputs   name -> the interval that its numbers are drawn from, or the list of numbers
    right    name -> its derivative in closed form
    """

    name: str
    steps: Mapping[str, str]
    inputs: Mapping[str, tuple[float, float] | list[float]]
    right: Mapping[str, str]
    slips: tuple[tuple[str, ...], ...] = ()

    @property
    def formula(self) -> str:
        """The loss as a text for `minigrad.formula.formula`."""
        *inner, (_, last) = self.steps.items()
        return "; ".join([*(f"{name} = {step}" for name, step in inner), last])

    def point(self, draw: random.Random) -> Numbers:
        """Random numbers for the inputs."""
        return {
            name: draw.choice(span) if isinstance(span, list) else draw.uniform(*span)
            for name, span in self.inputs.items()
        }

    def values(self, numbers: Mapping[str, Any], xp: Any = np) -> Numbers:
        """Every named node; one for which a number is given keeps it."""
        known = dict(numbers)
        for name, step in self.steps.items():
            if name not in known:
                known[name] = evaluated(step, known, xp)
        return known


@dataclass(frozen=True)
class Case:
    """One claim at one point.

    slip     its key in the catalogue; None for a slip that the catalogue does not hold; "" for a right derivative
    wrt      the node: a leaf or an inner node
    claim    the formula claimed
    same     other keys that give the same numbers
    point    numbers of the inputs
    single   the claim is computed in single precision
    """

    loss: Loss
    slip: str | None
    wrt: str
    claim: str
    point: Numbers
    same: tuple[str, ...] = ()
    single: bool = False
    name: str = field(default="", compare=False)

    @property
    def at(self) -> float:
        """The number of the node at the point."""
        return float(self.loss.values(self.point)[self.wrt])

    def f(self, t: Any, xp: Any = np) -> Any:
        """The loss as a function of the node alone, all else as at the point."""
        return self.loss.values(self._moved(t), xp)["L"]

    def claimed(self, t: Any, xp: Any = np) -> Any:
        """What is claimed to be the derivative of `f`."""
        return evaluated(self.claim, self.loss.values(self._moved(t), xp), xp)

    def right(self, t: Any, xp: Any = np) -> Any:
        """The derivative of `f`, in closed form."""
        return evaluated(self.loss.right[self.wrt], self.loss.values(self._moved(t), xp), xp)

    def _moved(self, t: Any) -> Numbers:
        """The inputs with the node at t. What lies before an inner node stays as it is."""
        if self.wrt in self.point:
            return {**self.point, self.wrt: t}
        before = self.loss.values(self.point)
        names = list(self.loss.steps)
        kept = {name: before[name] for name in names[: names.index(self.wrt)]}
        return {**self.point, **kept, self.wrt: t}


# -- formulas as Python -----------------------------------------------------------------------------------


def evaluated(text: str, known: Mapping[str, Any], xp: Any = np) -> Any:
    """The number of a formula of this file."""
    with np.errstate(all="ignore"):
        return eval(_compiled(text), {"__builtins__": {}, **_functions(xp)}, dict(known))


@cache
def _compiled(text: str) -> CodeType:
    return compile(text, "<corpus>", "eval")


@cache
def _functions(xp: Any) -> dict[str, Any]:
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + xp.exp(-x))

    def softplus(x: Any) -> Any:
        return xp.log(1 + xp.exp(x))

    def relu(x: Any) -> Any:
        return xp.where(x > 0, x, 0 * x)

    def larger(x: Any, y: Any) -> Any:
        return xp.where(x > y, x, y)

    return {
        "exp": xp.exp, "log": xp.log, "tanh": xp.tanh, "sqrt": xp.sqrt,
        "sinh": xp.sinh, "cosh": xp.cosh, "sin": xp.sin, "atan": xp.arctan,
        "abs": xp.abs, "sign": xp.sign, "where": xp.where, "sigmoid": sigmoid, "softplus": softplus, "relu": relu,
        "max": larger,
    }  # fmt: skip


# -- the losses, and the slips with each ------------------------------------------------------------------

_W, _X, _B = (-1.5, 1.5), (0.3, 2.0), (-1.0, 1.0)

LOGISTIC = Loss(
    "logistic",
    {
        "z": "w1*x1 + w2*x2 + b",
        "a": "sigmoid(z)",
        "L": "-(y*log(a) + (1 - y)*log(1 - a))",
    },
    {"w1": _W, "x1": _X, "w2": _W, "x2": _X, "b": _B, "y": [0.0, 1.0]},
    {
        "a": "-y/a + (1 - y)/(1 - a)",
        "z": "a - y",
        "w1": "x1*(a - y)",
        "w2": "x2*(a - y)",
        "b": "a - y",
        "x1": "w1*(a - y)",
    },
    (
        ("sign flipped", "z", "y - a", "nodes swapped"),
        ("sign flipped", "w1", "-x1*(a - y)"),
        ("sign flipped", "a", "y/a - (1 - y)/(1 - a)"),
        ("inner sign forgotten", "a", "-y/a - (1 - y)/(1 - a)", "sign of a link"),
        ("factor missing", "w1", "a - y", "another derivative"),
        ("factor missing", "x1", "a - y", "another derivative"),
        ("factor missing", "z", "-y/a + (1 - y)/(1 - a)", "another derivative"),
        ("factor twice", "z", "(a - y)*a*(1 - a)"),
        ("factor twice", "w2", "x2**2*(a - y)"),
        ("wrong operand", "w1", "w1*(a - y)", "another derivative"),
        ("path forgotten", "a", "-y/a", "overwritten"),
        ("path forgotten", "a", "(1 - y)/(1 - a)", "overwritten"),
        ("at the output", "z", "(-y/a + (1 - y)/(1 - a))*sigmoid(a)*(1 - sigmoid(a))"),
        ("at the input", "z", "(-y/a + (1 - y)/(1 - a))*z*(1 - z)"),
        ("upstream forgotten", "z", "a*(1 - a)"),
        ("upstream forgotten", "w1", "x1"),
        ("another derivative", "z", "x1*(a - y)"),
        ("another derivative", "w1", "x2*(a - y)", "nodes swapped"),
        ("nodes swapped", "w2", "x2*(y - a)", "sign flipped"),
        ("labels -1/1", "z", "a - (2*y - 1)"),
        ("labels -1/1", "w1", "x1*(a - (2*y - 1))"),
        ("complement", "z", "a - (1 - y)"),
        ("bias outside", "w1", "x1*(sigmoid(w1*x1 + w2*x2) + b - y)"),
        ("bias outside", "w2", "x2*(sigmoid(w1*x1 + w2*x2 - b) - y)"),
        ("input left out", "w1", "x1*(sigmoid(w1*x1 + w2*x2) - y)"),
        ("log base", "z", "(a - y)/2.302585092994046"),
        ("log base", "a", "(-y/a + (1 - y)/(1 - a))*2.302585092994046"),
        ("constant factor", "b", "2*(a - y)"),
        ("constant factor", "w1", "x1*(a - y)/100"),
        ("constant offset", "z", "a - y + 1"),
    ),
)

LINEAR = Loss(
    "linear",
    {"p": "w1*x1 + w2*x2 + b", "r": "p - y", "L": "r**2"},
    {"w1": _W, "x1": _X, "w2": _W, "x2": _X, "b": _B, "y": (-2.0, 2.0)},
    {"r": "2*r", "p": "2*(p - y)", "w1": "2*r*x1", "w2": "2*r*x2", "b": "2*r", "y": "-2*r", "x2": "2*r*w2"},
    (
        ("sign flipped", "p", "2*(y - p)", "nodes swapped"),
        ("sign flipped", "w1", "-2*r*x1"),
        ("sign flipped", "y", "2*r", "inner sign forgotten", "another derivative"),
        ("power rule", "r", "r", "constant factor", "factor missing"),
        ("power rule", "w1", "x1*(p - y)", "constant factor", "factor missing"),
        ("power rule", "r", "2*r**2", "at the output"),
        ("constant factor", "b", "4*r"),
        ("constant factor", "w2", "r*x2/2"),
        ("constant factor", "w1", "2*r*x1/40"),
        ("factor missing", "w1", "2*r", "another derivative"),
        ("factor missing", "w2", "2*(p - y)", "another derivative"),
        ("factor missing", "x2", "2*r", "another derivative"),
        ("factor twice", "w1", "2*r*x1**2"),
        ("factor twice", "r", "4*r**2"),
        ("wrong operand", "w1", "2*r*w1", "another derivative"),
        ("upstream forgotten", "w1", "x1"),
        ("upstream forgotten", "x2", "w2"),
        ("another derivative", "b", "2*r*x1"),
        ("another derivative", "w1", "2*r*x2", "nodes swapped"),
        ("constant offset", "b", "2*r + 1"),
        ("constant offset", "p", "2*r - 0.5"),
        ("bias outside", "w1", "2*x1*(w1*x1 + w2*x2 - b - y)"),
        ("input left out", "w2", "2*x2*(w1*x1 + w2*x2 - y)"),
        ("labels -1/1", "p", "2*(p - (2*y - 1))"),
        ("complement", "p", "2*(p - (1 - y))"),
    ),
)

POISSON = Loss(
    "Poisson",
    {"z": "w*x + b", "m": "exp(z)", "L": "m - y*log(m)"},
    {"w": _W, "x": _X, "b": _B, "y": (0.5, 6.0)},
    {"m": "1 - y/m", "z": "m - y", "w": "x*(m - y)", "b": "m - y", "x": "w*(m - y)", "y": "-log(m)"},
    (
        ("sign flipped", "z", "y - m", "nodes swapped"),
        ("sign flipped", "w", "-x*(m - y)"),
        ("sign of a link", "m", "1 + y/m", "inner sign forgotten"),
        ("sign of a link", "z", "m + y", "inner sign forgotten"),
        ("path forgotten", "m", "-y/m", "overwritten"),
        ("path forgotten", "z", "m", "overwritten", "upstream forgotten"),
        ("path forgotten", "w", "-x*y", "overwritten"),
        ("factor missing", "w", "m - y", "another derivative"),
        ("factor missing", "z", "1 - y/m", "another derivative"),
        ("factor missing", "m", "1 - 1/m"),
        ("factor twice", "z", "m*(m - y)"),
        ("factor twice", "w", "x**2*(m - y)"),
        ("wrong operand", "w", "w*(m - y)", "another derivative"),
        ("at the input", "z", "(1 - y/m)*z"),
        ("at the output", "z", "(1 - y/m)*exp(m)"),
        ("upstream forgotten", "w", "x"),
        ("another derivative", "z", "x*(m - y)"),
        ("log base", "m", "1 - y/(m*2.302585092994046)"),
        ("log base", "z", "m - y/2.302585092994046"),
        ("log base", "w", "x*(m - y/0.6931471805599453)"),
        ("constant factor", "b", "(m - y)/2"),
        ("constant offset", "b", "m - y + 1"),
        ("nodes swapped", "m", "1 - m/y"),
        ("bias outside", "w", "x*(exp(w*x) + b - y)"),
        ("bias outside", "x", "w*(exp(w*x - b) - y)"),
        ("input left out", "w", "x*(exp(w*x) - y)"),
    ),
)

SOFTPLUS = Loss(
    "softplus",
    {"s": "w1*x1 + w2*x2 + b", "L": "softplus(s) - y*s"},
    {"w1": _W, "x1": _X, "w2": _W, "x2": _X, "b": _B, "y": [0.0, 1.0]},
    {
        "s": "sigmoid(s) - y",
        "w1": "x1*(sigmoid(s) - y)",
        "w2": "x2*(sigmoid(s) - y)",
        "b": "sigmoid(s) - y",
        "x2": "w2*(sigmoid(s) - y)",
        "y": "-s",
    },
    (
        ("sign flipped", "s", "y - sigmoid(s)"),
        ("sign flipped", "w1", "x1*(y - sigmoid(s))"),
        ("sign of a link", "s", "sigmoid(s) + y", "inner sign forgotten"),
        ("sign of a link", "s", "-sigmoid(s) - y"),
        ("path forgotten", "s", "sigmoid(s)", "overwritten", "upstream forgotten"),
        ("path forgotten", "s", "-y", "overwritten"),
        ("path forgotten", "w1", "x1*sigmoid(s)", "overwritten"),
        ("factor missing", "s", "1 - y"),
        ("factor missing", "w1", "sigmoid(s) - y", "another derivative"),
        ("factor missing", "s", "sigmoid(s) - 1"),
        ("factor twice", "s", "sigmoid(s)**2 - y"),
        ("factor twice", "w2", "x2**2*(sigmoid(s) - y)"),
        ("at the output", "s", "sigmoid(softplus(s)) - y"),
        ("wrong operand", "w1", "w1*(sigmoid(s) - y)", "another derivative"),
        ("wrong operand", "s", "sigmoid(s) - s"),
        ("upstream forgotten", "w2", "x2"),
        ("another derivative", "s", "x1*(sigmoid(s) - y)"),
        ("another derivative", "w1", "x2*(sigmoid(s) - y)", "nodes swapped"),
        ("labels -1/1", "s", "sigmoid(s) - (2*y - 1)"),
        ("complement", "s", "sigmoid(s) - (1 - y)"),
        ("complement", "s", "sigmoid(-s) - y", "sign of a link"),
        ("constant factor", "b", "(sigmoid(s) - y)/100"),
        ("constant offset", "b", "sigmoid(s) - y + 0.5"),
        ("bias outside", "w1", "x1*(sigmoid(w1*x1 + w2*x2 - b) - y)"),
        ("input left out", "w1", "x1*(sigmoid(w1*x1 + w2*x2) - y)"),
    ),
)

HINGE = Loss(
    "hinge",
    {"s": "w1*x1 + w2*x2 + b", "m": "y*s", "L": "relu(1 - m)"},
    {"w1": (-0.6, 0.6), "x1": _X, "w2": (-0.6, 0.6), "x2": _X, "b": (-0.3, 0.3), "y": [-1.0, 1.0]},
    {
        "m": "where(m < 1, -1, 0)",
        "s": "where(m < 1, -y, 0)",
        "w1": "where(m < 1, -y*x1, 0)",
        "w2": "where(m < 1, -y*x2, 0)",
        "b": "where(m < 1, -y, 0)",
        "x1": "where(m < 1, -y*w1, 0)",
    },
    (
        ("sign flipped", "s", "where(m < 1, y, 0)", "inner sign forgotten", "sign of a link"),
        ("sign flipped", "w1", "where(m < 1, y*x1, 0)", "inner sign forgotten", "sign of a link"),
        (
            "sign flipped",
            "m",
            "where(m < 1, 1, 0)",
            "inner sign forgotten",
            "sign of a link",
            "factor missing",
        ),
        ("factor missing", "s", "where(m < 1, -1, 0)", "another derivative"),
        ("factor missing", "w1", "where(m < 1, -y, 0)", "another derivative"),
        ("factor missing", "w1", "where(m < 1, -x1, 0)"),
        ("factor missing", "s", "-y", "condition forgotten"),
        ("factor missing", "w2", "-y*x2", "condition forgotten"),
        ("condition reversed", "s", "where(m < 1, 0, -y)", "complement"),
        ("condition reversed", "w1", "where(m < 1, 0, -y*x1)", "complement"),
        ("factor twice", "w1", "where(m < 1, -y*x1**2, 0)"),
        ("factor twice", "s", "where(m < 1, -y**2, 0)"),
        ("wrong operand", "w1", "where(m < 1, -y*w1, 0)", "another derivative"),
        ("wrong operand", "s", "where(m < 1, -s, 0)", "another derivative"),
        ("upstream forgotten", "w1", "x1"),
        ("upstream forgotten", "s", "y"),
        ("another derivative", "s", "where(m < 1, -y*x1, 0)"),
        ("another derivative", "w1", "where(m < 1, -y*x2, 0)", "nodes swapped"),
        ("labels -1/1", "s", "where(m < 1, -(y + 1)/2, 0)"),
        ("complement", "s", "where(m < 1, -(1 - y), 0)"),
        ("constant factor", "s", "where(m < 1, -2*y, 0)"),
        ("constant factor", "w1", "where(m < 1, -y*x1/10, 0)"),
        ("constant offset", "s", "where(m < 1, 1 - y, 1)"),
        ("sign flipped", "x1", "where(m < 1, y*w1, 0)", "inner sign forgotten", "sign of a link"),
        ("factor missing", "x1", "where(m < 1, -y, 0)", "another derivative"),
    ),
)

TANH = Loss(
    "tanh network",
    {
        "p1": "u1*x + c1",
        "h1": "tanh(p1)",
        "p2": "u2*x + c2",
        "h2": "tanh(p2)",
        "z": "v1*h1 + v2*h2 + c",
        "a": "tanh(z)",
        "L": "(a - y)**2/2",
    },
    {
        "u1": _W,
        "u2": _W,
        "x": _X,
        "c1": _B,
        "c2": _B,
        "v1": (0.4, 1.5),
        "v2": (-1.5, -0.4),
        "c": _B,
        "y": (-1.0, 1.0),
    },
    {
        "a": "a - y",
        "z": "(a - y)*(1 - a**2)",
        "v1": "h1*(a - y)*(1 - a**2)",
        "h1": "v1*(a - y)*(1 - a**2)",
        "p1": "v1*(a - y)*(1 - a**2)*(1 - h1**2)",
        "u1": "x*v1*(a - y)*(1 - a**2)*(1 - h1**2)",
        "c2": "v2*(a - y)*(1 - a**2)*(1 - h2**2)",
        "x": "(a - y)*(1 - a**2)*(u1*v1*(1 - h1**2) + u2*v2*(1 - h2**2))",
    },
    (
        ("sign flipped", "z", "(y - a)*(1 - a**2)"),
        ("sign flipped", "u1", "-x*v1*(a - y)*(1 - a**2)*(1 - h1**2)"),
        ("at the input", "z", "(a - y)*(1 - z**2)"),
        ("at the input", "p1", "v1*(a - y)*(1 - a**2)*(1 - p1**2)"),
        ("at the output", "z", "(a - y)*(1 - tanh(a)**2)"),
        ("at the output", "u1", "x*v1*(a - y)*(1 - a**2)*(1 - tanh(h1)**2)"),
        ("factor missing", "z", "a - y", "another derivative"),
        ("factor missing", "p1", "v1*(a - y)*(1 - a**2)", "another derivative"),
        ("factor missing", "u1", "v1*(a - y)*(1 - a**2)*(1 - h1**2)", "another derivative"),
        ("factor missing", "u1", "x*v1*(a - y)*(1 - h1**2)"),
        ("factor missing", "h1", "(a - y)*(1 - a**2)", "another derivative"),
        ("factor twice", "z", "(a - y)*(1 - a**2)**2"),
        ("factor twice", "p1", "v1*(a - y)*(1 - a**2)*(1 - h1**2)**2"),
        ("factor twice", "u1", "x*v1**2*(a - y)*(1 - a**2)*(1 - h1**2)"),
        ("complement", "z", "(a - y)*a**2"),
        ("complement", "p1", "v1*(a - y)*(1 - a**2)*h1**2"),
        ("path forgotten", "x", "(a - y)*(1 - a**2)*u1*v1*(1 - h1**2)", "overwritten"),
        ("path forgotten", "x", "(a - y)*(1 - a**2)*u2*v2*(1 - h2**2)", "overwritten"),
        ("sign of a link", "x", "(a - y)*(1 - a**2)*(u1*v1*(1 - h1**2) - u2*v2*(1 - h2**2))"),
        ("wrong operand", "v1", "v1*(a - y)*(1 - a**2)", "another derivative"),
        ("wrong operand", "h1", "h1*(a - y)*(1 - a**2)", "another derivative"),
        ("upstream forgotten", "z", "1 - a**2"),
        ("upstream forgotten", "v1", "h1"),
        ("another derivative", "p1", "v2*(a - y)*(1 - a**2)*(1 - h2**2)"),
        ("constant factor", "z", "2*(a - y)*(1 - a**2)", "factor missing"),  # the 1/2 of the loss
        ("constant factor", "v1", "h1*(a - y)*(1 - a**2)/100"),
        ("constant offset", "a", "a - y + 1"),
        ("nodes swapped", "z", "(y - a)*(1 - y**2)"),
    ),
)

COX = Loss(
    "Cox-like",
    {
        "e1": "exp(b*x1)",
        "e2": "exp(b*x2)",
        "e3": "exp(b*x3)",
        "S": "e1 + e2 + e3",
        "L": "log(S) - b*x1",
    },
    {"b": _W, "x1": _X, "x2": _X, "x3": (-2.0, -0.3)},
    {
        "S": "1/S",
        "e2": "1/S",
        "b": "(x1*e1 + x2*e2 + x3*e3)/S - x1",
        "x1": "b*e1/S - b",
        "x2": "b*e2/S",
        "x3": "b*e3/S",
    },
    (
        ("sign flipped", "b", "x1 - (x1*e1 + x2*e2 + x3*e3)/S"),
        ("sign flipped", "x2", "-b*e2/S"),
        ("sign of a link", "b", "(x1*e1 + x2*e2 + x3*e3)/S + x1", "inner sign forgotten"),
        ("sign of a link", "b", "(x1*e1 + x2*e2 - x3*e3)/S - x1"),
        ("path forgotten", "b", "(x1*e1 + x2*e2 + x3*e3)/S"),
        ("path forgotten", "b", "(x2*e2 + x3*e3)/S - x1"),
        ("path forgotten", "x1", "b*e1/S", "overwritten"),
        ("path forgotten", "x1", "-b", "overwritten"),
        ("overwritten", "b", "-x1", "path forgotten"),
        ("overwritten", "b", "x1*e1/S"),
        ("factor missing", "x2", "e2/S"),
        ("factor missing", "x2", "b*e2", "upstream forgotten"),
        ("factor missing", "x2", "b/S"),
        ("factor missing", "b", "x1*e1 + x2*e2 + x3*e3 - x1"),
        ("factor missing", "S", "1", "power rule"),
        ("factor twice", "b", "(x1*e1 + x2*e2**2 + x3*e3)/S - x1"),
        ("factor twice", "S", "1/S**2"),
        ("factor twice", "x2", "b*e2/S**2"),
        ("wrong operand", "x2", "x2*e2/S"),
        ("at the input", "x2", "b*(b*x2)/S"),
        ("at the output", "S", "1/log(S)"),
        ("upstream forgotten", "x3", "b*e3", "factor missing"),
        ("upstream forgotten", "e2", "1"),
        ("another derivative", "x2", "b*e3/S", "nodes swapped"),
        ("log base", "S", "1/(S*2.302585092994046)"),
        ("log base", "b", "(x1*e1 + x2*e2 + x3*e3)/S/2.302585092994046 - x1"),
        ("log base", "x2", "b*e2/S/0.6931471805599453"),
        ("constant factor", "b", "((x1*e1 + x2*e2 + x3*e3)/S - x1)/3"),
        ("constant offset", "S", "1/S + 1"),
        ("nodes swapped", "b", "(x1*e2 + x2*e1 + x3*e3)/S - x1"),
    ),
)

HUBER = Loss(
    "Huber",
    {"p": "w*x + b", "r": "p - y", "L": "where(abs(r) < d, r**2/2, d*(abs(r) - d/2))"},
    {"w": _W, "x": _X, "b": _B, "y": (-2.0, 2.0), "d": (0.6, 1.2)},
    {
        "r": "where(abs(r) < d, r, d*sign(r))",
        "p": "where(abs(r) < d, r, d*sign(r))",
        "w": "x*where(abs(r) < d, r, d*sign(r))",
        "b": "where(abs(r) < d, r, d*sign(r))",
        "y": "-where(abs(r) < d, r, d*sign(r))",
        "x": "w*where(abs(r) < d, r, d*sign(r))",
    },
    (
        ("sign flipped", "r", "where(abs(r) < d, -r, -d*sign(r))"),
        ("sign flipped", "w", "-x*where(abs(r) < d, r, d*sign(r))"),
        (
            "sign flipped",
            "y",
            "where(abs(r) < d, r, d*sign(r))",
            "inner sign forgotten",
            "another derivative",
        ),
        ("sign of a link", "r", "where(abs(r) < d, r, -d*sign(r))"),
        ("sign of a link", "w", "x*where(abs(r) < d, -r, d*sign(r))"),
        ("factor missing", "r", "where(abs(r) < d, r, d)"),
        ("factor missing", "r", "where(abs(r) < d, r, sign(r))"),
        ("factor missing", "w", "where(abs(r) < d, r, d*sign(r))", "another derivative"),
        ("factor missing", "x", "where(abs(r) < d, r, d*sign(r))", "another derivative"),
        ("path forgotten", "r", "where(abs(r) < d, r, 0)", "overwritten"),
        ("path forgotten", "r", "where(abs(r) < d, 0, d*sign(r))", "overwritten"),
        ("path forgotten", "w", "x*where(abs(r) < d, r, 0)", "overwritten"),
        ("condition reversed", "r", "where(abs(r) < d, d*sign(r), r)"),
        ("condition reversed", "w", "x*where(abs(r) < d, d*sign(r), r)"),
        ("condition forgotten", "r", "r"),
        ("condition forgotten", "w", "x*r"),
        ("condition forgotten", "r", "d*sign(r)"),
        ("factor twice", "w", "x**2*where(abs(r) < d, r, d*sign(r))"),
        ("factor twice", "r", "where(abs(r) < d, r, d**2*sign(r))"),
        (
            "power rule",
            "r",
            "where(abs(r) < d, r/2, d*sign(r))",
            "constant factor",
            "factor missing",
            "factor twice",
        ),
        ("constant factor", "r", "where(abs(r) < d, 2*r, d*sign(r))", "factor missing"),
        ("constant factor", "b", "2*where(abs(r) < d, r, d*sign(r))"),
        ("wrong operand", "w", "w*where(abs(r) < d, r, d*sign(r))", "another derivative"),
        ("upstream forgotten", "w", "x"),
        ("constant offset", "b", "where(abs(r) < d, r, d*sign(r)) + 1"),
        ("another derivative", "b", "x*where(abs(r) < d, r, d*sign(r))"),
    ),
)

RATIO = Loss(
    "ratio",
    {"n": "u*v + w", "q": "u + v**2", "L": "n/q"},
    {"u": (0.5, 2.0), "v": (0.5, 2.0), "w": (-2.0, 2.0)},
    {
        "n": "1/q",
        "q": "-n/q**2",
        "u": "v/q - n/q**2",
        "v": "u/q - 2*v*n/q**2",
        "w": "1/q",
    },
    (
        ("sign flipped", "q", "n/q**2"),
        ("sign flipped", "u", "(n - v*q)/q**2"),
        ("sign of a link", "u", "v/q + n/q**2", "inner sign forgotten"),
        ("sign of a link", "v", "u/q + 2*v*n/q**2", "inner sign forgotten"),
        ("path forgotten", "u", "v/q", "overwritten"),
        ("path forgotten", "u", "-n/q**2", "overwritten"),
        ("path forgotten", "v", "u/q", "overwritten"),
        ("path forgotten", "v", "-2*v*n/q**2", "overwritten"),
        ("quotient rule", "q", "-n/q", "factor missing"),
        ("quotient rule", "u", "v/q - n/q"),
        ("quotient rule", "v", "u/q - 2*v*n/q"),
        ("power rule", "v", "u/q - v*n/q**2", "constant factor", "factor missing"),
        ("power rule", "v", "u/q - 2*v**2*n/q**2", "at the output"),
        ("factor missing", "u", "v - n/q**2"),
        ("factor missing", "u", "1/q - n/q**2"),
        ("factor missing", "v", "u/q - n/q**2"),
        ("factor missing", "n", "1"),
        ("factor twice", "n", "1/q**2"),
        ("factor twice", "u", "v**2/q - n/q**2"),
        ("wrong operand", "u", "u/q - n/q**2"),
        ("wrong operand", "v", "v/q - 2*v*n/q**2"),
        ("another derivative", "n", "-n/q**2", "wrong operand"),
        ("another derivative", "q", "1/q", "wrong operand"),
        ("nodes swapped", "q", "-q/n**2"),
        ("nodes swapped", "n", "1/n"),
        ("upstream forgotten", "u", "v"),
        ("constant factor", "w", "10/q"),
        ("constant offset", "w", "1/q + 1"),
    ),
)

PINBALL = Loss(
    "pinball",
    {"p": "w*x + b", "r": "y - p", "L": "max(q*r, (q - 1)*r)"},
    {"w": _W, "x": _X, "b": _B, "y": (-2.0, 2.0), "q": (0.15, 0.45)},
    {
        "r": "where(r > 0, q, q - 1)",
        "p": "-where(r > 0, q, q - 1)",
        "w": "-x*where(r > 0, q, q - 1)",
        "b": "-where(r > 0, q, q - 1)",
        "x": "-w*where(r > 0, q, q - 1)",
        "y": "where(r > 0, q, q - 1)",
    },
    (
        ("sign flipped", "w", "x*where(r > 0, q, q - 1)", "inner sign forgotten"),
        ("sign flipped", "p", "where(r > 0, q, q - 1)", "inner sign forgotten", "another derivative"),
        ("sign flipped", "r", "where(r > 0, -q, 1 - q)"),
        ("sign of a link", "r", "where(r > 0, q, 1 - q)"),
        ("sign of a link", "w", "-x*where(r > 0, -q, q - 1)"),
        ("condition reversed", "r", "where(r > 0, q - 1, q)"),
        ("condition reversed", "w", "-x*where(r > 0, q - 1, q)"),
        ("condition forgotten", "r", "q"),
        ("condition forgotten", "w", "-x*(q - 1)"),
        ("path forgotten", "r", "where(r > 0, q, 0)", "overwritten"),
        ("path forgotten", "w", "-x*where(r > 0, 0, q - 1)", "overwritten"),
        ("factor missing", "w", "-where(r > 0, q, q - 1)", "another derivative"),
        ("factor missing", "r", "where(r > 0, 1, q - 1)"),
        ("factor missing", "x", "-where(r > 0, q, q - 1)", "another derivative"),
        ("factor twice", "r", "where(r > 0, q**2, q - 1)"),
        ("factor twice", "w", "-x**2*where(r > 0, q, q - 1)"),
        ("wrong operand", "w", "-w*where(r > 0, q, q - 1)", "another derivative"),
        ("wrong operand", "r", "where(r > 0, r, q - 1)"),
        ("upstream forgotten", "w", "x"),
        ("constant factor", "b", "-2*where(r > 0, q, q - 1)"),
        ("constant factor", "w", "-x*where(r > 0, q, q - 1)/50"),
        ("constant offset", "b", "1 - where(r > 0, q, q - 1)"),
        ("another derivative", "b", "-x*where(r > 0, q, q - 1)"),
        ("complement", "r", "where(r > 0, 1 - q, -q)"),
    ),
)

LOSSES = (LOGISTIC, LINEAR, POISSON, SOFTPLUS, HINGE, TANH, COX, HUBER, RATIO, PINBALL)

#: Derivatives that are also claimed in single precision.
SINGLE = (
    (LOGISTIC, "z"), (LOGISTIC, "w1"), (LINEAR, "w1"), (POISSON, "w"), (SOFTPLUS, "s"), (TANH, "z"), (TANH, "u1"),
    (COX, "b"), (RATIO, "u"), (RATIO, "v"),
)  # fmt: skip


# -- cases ------------------------------------------------------------------------------------------------


def wrong(points: int = 3, losses: Sequence[Loss] = LOSSES) -> Iterator[Case]:
    """Every slip of the tables, each at some random points."""
    draw = random.Random(SEED)
    for loss in losses:
        for slip, wrt, claim, *same in loss.slips:
            for k in range(points):
                name = f"{loss.name}, {slip}, d{wrt} = {claim}, point {k}"
                yield Case(loss, slip, wrt, claim, _telling(loss, wrt, claim, draw), tuple(same), name=name)


def single() -> Iterator[Case]:
    """Right formulas computed in single precision."""
    draw = random.Random(SEED + 1)
    for loss, wrt in SINGLE:
        name = f"{loss.name}, float32 used, d{wrt}"
        yield Case(loss, "float32 used", wrt, loss.right[wrt], loss.point(draw), single=True, name=name)


def right(points: int = 3) -> Iterator[Case]:
    """The right derivatives, by closed forms worked out by hand."""
    draw = random.Random(SEED + 2)
    for k in range(points):
        for loss in LOSSES:
            for wrt, claim in loss.right.items():
                yield Case(
                    loss, "", wrt, claim, loss.point(draw), name=f"{loss.name}, d{wrt}, right, point {k}"
                )


def outside(count: int = 600) -> Iterator[Case]:
    """Wrong formulas that are no slip of the catalogue: odd factors, mixes of wrong terms, wrong functions."""
    draw = random.Random(SEED + 3)
    for k in range(count):
        loss = LOSSES[k % len(LOSSES)]
        wrt = draw.choice(list(loss.right))
        claim = _odd(loss, wrt, draw)
        while not _odd_enough(loss, wrt, claim, draw):
            claim = _odd(loss, wrt, draw)
        point = _telling(loss, wrt, claim, draw)
        yield Case(loss, None, wrt, claim, point, name=f"{loss.name}, outside, d{wrt} = {claim}")


def _telling(loss: Loss, wrt: str, claim: str, draw: random.Random) -> Numbers:
    """Random numbers at which a claim differs from the derivative, if such are found."""
    for _ in range(20):
        numbers = loss.point(draw)
        values = loss.values(numbers)
        given, true = (float(evaluated(text, values)) for text in (claim, loss.right[wrt]))
        if not abs(given - true) <= 1e-3 * abs(true):
            break
    return numbers


def _odd(loss: Loss, wrt: str, draw: random.Random) -> str:
    """A wrong formula that nobody would call by a name."""
    true = loss.right[wrt]
    names = [name for name in (*loss.inputs, *loss.steps) if name != "L"]
    first, second = draw.sample(names, 2)
    c, k = (round(draw.uniform(0.2, 3.0), 9) for _ in range(2))
    inside = [name for name in _names_of(true) if not re.search(rf"\b{name}\b\)? *[<>]|[<>] *{name}\b", true)]
    inside = [name for name in names if name in inside]
    replaced = draw.choice(inside) if inside else None
    kinds = [
        f"({true})*(1 + {c}*sin({k}*{first}))",
        f"({true}) + {c}*{first}*tanh({second})",
        f"{c}*({true}) + {k}*{first}",
        f"{c}*{first} - {k}*{second}**2",
        f"({true})*({c} + {first}**2)",
        f"({true})**2 + {c}*{first}",
        f"atan({true}) + {c}*{second}",
        f"{c}*({draw.choice(list(loss.right.values()))}) + {k}*({true})*{first}",
    ]
    if replaced:
        worse = (
            f"atan({replaced})",
            f"({replaced}**3 + {c})",
            f"sqrt({c} + {replaced}**2)",
            f"({c}*{replaced} + {k})",
        )
        kinds += [_with(true, replaced, text) for text in worse] * 2
    return draw.choice(kinds)


def _odd_enough(loss: Loss, wrt: str, claim: str, draw: random.Random) -> bool:
    """Whether a claim is another function than the derivative, and not 0: a changed condition may change nothing."""
    values = [loss.values(loss.point(draw)) for _ in range(20)]
    given, true = ([float(evaluated(text, one)) for one in values] for text in (claim, loss.right[wrt]))
    pairs = [(c, g) for c, g in zip(given, true, strict=True) if g]
    ratios, away = [c / g for c, g in pairs], [c - g for c, g in pairs]
    telling = sum(abs(ratio - 1) > 1e-6 for ratio in ratios) >= 4
    return any(given) and telling and min(max(ratios) - min(ratios), max(away) - min(away)) > 1e-6


def _names_of(text: str) -> set[str]:
    return set(_compiled(text).co_names)


def _with(text: str, name: str, other: str) -> str:
    return re.sub(rf"\b{name}\b", other, text)


# -- what minigrad says -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What `check` says of one case: its verdict, the slip named first, and the others that fit as well."""

    case: Case
    verdict: str
    first: str | None
    also: tuple[str, ...]
    sentence: str

    @property
    def how(self) -> str:
        """ "named" first, "same" (a name that gives the same numbers), "also", "none", or "falsely"."""
        if self.first is None:
            return "none"
        if self.case.slip is None:
            return "falsely"
        if self.first == self.case.slip:
            return "named"
        if self.first in self.case.same:
            return "same"
        return "also" if {self.case.slip, *self.case.same} & set(self.also) else "falsely"


def ask(case: Case) -> Said:
    """Put one case to `check`: the claim as text, or in single precision as a function."""
    from minigrad.checking.recorded import check
    from minigrad.formula import formula

    output = formula(case.loss.formula, **case.point)
    claim: Any = case.claim
    if case.single:
        claim = _in_single(case)
    (finding,) = check(output, {f"d{case.wrt}": claim})
    slip = finding.slip
    if slip is None:
        return Said(case, finding.verdict, None, (), finding.reason)
    return Said(case, finding.verdict, slip.key, slip.also, slip.sentence)


def _in_single(case: Case) -> Any:
    """The claim as a function of the numbers it takes, computed in float32."""
    taken = [name for name in (*case.loss.inputs, *case.loss.steps) if name in _names_of(case.claim)]
    known: dict[str, Any] = {"case": case, "evaluated": evaluated, "single": np.float32}
    numbers = ", ".join(f"{name!r}: single({name})" for name in taken)
    exec(f"def claim({', '.join(taken)}): return evaluated(case.claim, {{{numbers}}})", known)
    return known["claim"]


def table(said: list[Said]) -> str:
    """Slip by slip: how often it was named first, by a name of the same numbers, as another that fits, or not."""
    ways = ("named", "same", "also", "none", "falsely")
    rows: dict[str, dict[str, int]] = {}
    for one in said:
        row = rows.setdefault(one.case.slip or "(outside the catalogue)", dict.fromkeys(ways, 0))
        row[one.how] += 1
    rows["all"] = {way: sum(row[way] for name, row in rows.items()) for way in ways}
    width = max(map(len, rows))
    lines = [" ".join([f"{'slip':{width}}", *(f"{way:>8}" for way in ways)])]
    lines += [
        " ".join([f"{name:{width}}", *(f"{row[way] or '·':>8}" for way in ways)])
        for name, row in rows.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    answers = [ask(case) for case in (*wrong(), *single())]
    print(table(answers))
    beyond = [ask(case) for case in outside()]
    falsely = [one for one in beyond if one.how == "falsely"]
    fine = [ask(case) for case in right()]
    print()
    print(f"wrong ones found wrong: {sum(one.verdict == 'wrong' for one in answers)} of {len(answers)}")
    print(f"outside the catalogue: found wrong {sum(one.verdict == 'wrong' for one in beyond)}", end="")
    print(f", named falsely {len(falsely)}, of {len(beyond)}")
    print(f"right ones called wrong: {sum(one.verdict == 'wrong' for one in fine)} of {len(fine)}")
    for one in [
        one for one in (*answers, *beyond) if one.how in ("also", "falsely", "none") and one.case.slip
    ]:
        print(f"  {one.case.name}: {one.how}: {one.first} {one.also}: {one.sentence}")
    for one in falsely:
        print(f"  {one.case.name}: {one.sentence}")
