"""The catalogue of slips, as data: one row for each way in which a derivative goes wrong.

Room: rows, and how each makes a wrong derivative of the right one; finds nothing. Below: `arithmetic`, `templates`.
Above: `diagnose` tries the rows on a graph, `array_slips` adds those of arrays.
Must hold: a row bends numbers only; it knows no graph beyond the one link it is tried on.

How a row bends depends on its kind:

    link        the partial p of one link becomes another; `make(link)` gives it, or None where it has no meaning
    everywhere  the same at all links of one operation
    choice      all links below one operation at a kink change together; `make(links)` gives their partials
    whole       the derivative as a whole
    upstream    what stands above the node, or below, is given alone, or that of another node
    input       the right formula with other numbers for some names
    precision   the right formula, computed in too few digits
    array       the derivative of many rows or entries: see `array_slips`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from minigrad.checking.arithmetic import evaluate
from minigrad.expression import Expressions
from minigrad.reverse import sent
from minigrad.templates import template

Array: TypeAlias = npt.NDArray[Any]
Kind: TypeAlias = Literal["link", "everywhere", "choice", "whole", "upstream", "input", "precision", "array"]

#: Derivatives in terms of the output, as they are remembered: a(1 - a).
BY_OUTPUT = {
    "sigmoid": "out * (1 - out)", "tanh": "1 - out ** 2", "exp": "out", "sqrt": "0.5 / out",
    "softplus": "1 - exp(-out)", "logsigmoid": "1 - exp(out)", "tan": "1 + out ** 2",
}  # fmt: skip

#: Operations that choose: their partials are 0, 1 or 1/2.
CHOOSING = ("relu", "max", "min", "where")
#: Operations whose partial lies between 0 and 1, so that 1 - p is mistaken for p.
BETWEEN = ("tanh", "softplus", "logsigmoid", "logaddexp")
LOGARITHMS = ("log", "log2", "log10", "log1p", "logsumexp", "exp2")
PRODUCTS = ("mul", "dot")
#: What the ratio of a derivative in one base of logarithms to that in another can be.
BASES = {"ln 10": math.log(10.0), "ln 2": math.log(2.0)}


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain, at p points: an operation and one of its operands.

    op        the operation; "" for the way from one named node to another through several
    place     which operand
    partial   (p,)
    operands  their numbers, each (p,)
    out       the result's (p,)
    others    partials by the other operands
    """

    op: str
    place: int
    partial: Array
    operands: Sequence[Array]
    out: Array
    others: Sequence[Array] = ()


@dataclass(frozen=True, slots=True)
class SlipRow:
    """One way to go wrong.

    key       what the slip is called
    kind      see above
    rank      simplicity: of two rows that explain the same numbers the smaller is named
    sentence  with {node}, {link}, {factor}, {ratio}, {name}, {other}, … as its kind fills in
    make      how the right becomes wrong
    """

    key: str
    kind: Kind
    rank: float
    sentence: str
    make: Callable[..., Any] = lambda *_: None


# -- what rows make of a link -----------------------------------------------------------------------------


def _at_output(link: Link) -> Array | None:
    """f'(f(x)) for f'(x)."""
    if link.place != 0 or len(link.operands) > 2 or (len(link.operands) == 2 and link.op != "pow"):
        return None
    if not link.op or link.op in ("neg", *CHOOSING):
        return None
    e, x, rest, partial = _alone(link.op, len(link.operands))
    numbers = {x: link.out} | ({rest: link.operands[1]} if rest is not None else {})
    result: Array = evaluate(e, [partial], numbers)[0]
    return result


@cache
def _alone(op: str, count: int) -> tuple[Expressions, int, int | None, int]:
    """The partial of an operation by its first operand, in a store of its own."""
    e = Expressions()
    letters = [e.symbol(letter) for letter in "xy"[:count]]
    i = e.make(op, tuple(letters))
    return e, letters[0], letters[1] if count == 2 else None, sent(e, e.constant(1.0), i, 0, computed=True)


def _at_input(link: Link) -> Array | None:
    """The derivative in terms of the output, with the input in its place: z(1 - z)."""
    form = BY_OUTPUT.get(link.op)
    if form is None:
        return None
    e, out, i = _by_output(form)
    result: Array = evaluate(e, [i], {out: link.operands[0]})[0]
    return result


@cache
def _by_output(form: str) -> tuple[Expressions, int, int]:
    e = Expressions()
    out = e.symbol("out")
    return e, out, e.build(template(form), {"out": out})


def _other_operand(link: Link) -> Array | None:
    return link.others[0] if len(link.others) == 1 and link.op not in ("add", "sub", "where") else None


def _wrong_factor(link: Link) -> Array | None:
    """The operand itself for its partner in a product of many."""
    return link.operands[link.place] if link.op == "dot" and len(link.operands) > 2 else None


def _whole_power(link: Link) -> Array | None:
    return link.partial * link.operands[0] if _power(link) else None


def _bare_power(link: Link) -> Array | None:
    return link.partial / link.operands[1] if _power(link) else None


def _power(link: Link) -> bool:
    return link.op == "pow" and link.place == 0


def _not_squared(link: Link) -> Array | None:
    return link.partial * link.operands[1] if link.op == "div" and link.place == 1 else None


def _is(link: Link, number: float) -> bool:
    return bool(np.all(link.partial == number))


def _missing(link: Link) -> Array | None:
    return None if _is(link, -1.0) or _is(link, 1.0) else np.ones_like(link.partial)


def _unsigned(link: Link) -> Array | None:
    return np.ones_like(link.partial) if _is(link, -1.0) else None


def _scaled(factor: float, ops: Sequence[str] = ()) -> Callable[[Link], Array | None]:
    def make(link: Link) -> Array | None:
        return link.partial * factor if not ops or link.op in ops else None

    return make


def _complement(link: Link) -> Array | None:
    return 1.0 - link.partial if link.op in BETWEEN else None


def _zero(link: Link) -> Array:
    return np.zeros_like(link.partial)


# -- what rows make of an operation that chooses ----------------------------------------------------------


def _reversed(links: Sequence[Link]) -> list[Array] | None:
    return [1.0 - link.partial for link in links]


def _always(k: int) -> Callable[[Sequence[Link]], list[Array] | None]:
    """The operand number k, whatever the condition says."""

    def make(links: Sequence[Link]) -> list[Array] | None:
        if k >= len(links):
            return None
        return [np.full_like(link.partial, float(j == k)) for j, link in enumerate(links)]

    return make


# -- the catalogue ----------------------------------------------------------------------------------------

SIGN = SlipRow("sign flipped", "whole", 1, "the sign of {node} is flipped", lambda right: -right)
NOTHING = SlipRow("nothing arrives", "whole", 2, "{node} is given as 0: nothing of {result} arrives there")
INNER_SIGN = SlipRow(
    "inner sign forgotten", "link", 2, "the inner -1 of {upper} is forgotten (link {link})", _unsigned
)
BASE = SlipRow(
    "log base", "whole", 2.5, "the logarithm is natural here; {node} is {ratio}, as with another base"
)
CONSTANT = SlipRow("constant factor", "whole", 4.5, "{node} has a constant factor too many: {ratio}")
OFFSET = SlipRow("constant offset", "whole", 5.5, "{node} is off by a constant: {offset} is added to it")
SINGLE = SlipRow("float32 used", "precision", 0, "{node} is computed in single precision (float32)")

#: Of a minus before a term of the result: there it is inside of nothing.
TERM_SIGN = SlipRow("sign of a link", "link", 2, "the sign of {lower} in {upper} is flipped", _unsigned)
LINK_SIGN = SlipRow(
    "sign of a link", "link", 4.2, "the sign of one link is flipped: {link}", lambda link: -link.partial
)

LINKS: tuple[SlipRow, ...] = (
    INNER_SIGN,
    TERM_SIGN,
    SlipRow("power rule", "link", 2.6, "the exponent {exponent} of {upper} is forgotten as a factor", _bare_power),
    SlipRow("power rule", "link", 2.7, "the exponent {exponent} of {upper} is not lowered by 1", _whole_power),
    SlipRow("quotient rule", "link", 2.8, "the denominator of {upper} is not squared (link {link})", _not_squared),
    SlipRow("log base", "link", 2.9, "the base of {upper}: log is natural here, log10 has 1/ln 10 more",
            _scaled(1 / BASES["ln 10"], LOGARITHMS)),
    SlipRow("log base", "link", 2.9, "the base of {upper}: a factor 1/ln 2 too many",
            _scaled(1 / BASES["ln 2"], LOGARITHMS)),
    SlipRow("log base", "link", 2.9, "the base of {upper}: a factor ln 10 too many",
            _scaled(BASES["ln 10"], LOGARITHMS)),
    SlipRow("log base", "link", 2.9, "the base of {upper}: a factor ln 2 too many",
            _scaled(BASES["ln 2"], LOGARITHMS)),
    SlipRow("factor missing", "link", 3, "the factor {factor} is missing (link {link})", _missing),
    SlipRow("factor twice", "link", 4, "the factor {factor} is applied twice (link {link})",
            lambda link: link.partial * link.partial),
    SlipRow("path forgotten", "link", 2.92, "the path {link} is forgotten", _zero),
    LINK_SIGN,
    SlipRow("at the input", "link", 4.3, "the derivative of {op} is taken at its input, where "
            "{factor} needs the output (link {link})", _at_input),
    SlipRow("at the output", "link", 4.3, "the derivative of {op} is taken at its output instead of its "
            "input (link {link})", _at_output),
    SlipRow("wrong operand", "link", 4.4, "the derivative of {upper} by its other operand is used, not by {lower}",
            _other_operand),
    SlipRow("wrong operand", "link", 4.4, "{lower} itself is used for {factor} in {upper}", _wrong_factor),
    SlipRow("complement", "link", 5, "1 - {factor} stands for {factor} (link {link})", _complement),
    SlipRow("constant factor", "link", 6, "the link {link} has a factor 2 too many", _scaled(2.0)),
    SlipRow("constant factor", "link", 6, "the link {link} has a factor 1/2 too many", _scaled(0.5)),
)  # fmt: skip

#: Of one operation, wherever it stands.
EVERYWHERE: tuple[SlipRow, ...] = (
    SlipRow("log base", "everywhere", 3.4, "log is natural here; with log10 there is 1/ln 10 more at each",
            _scaled(1 / BASES["ln 10"], LOGARITHMS)),
    SlipRow("log base", "everywhere", 3.4, "each logarithm has a factor ln 10 too many",
            _scaled(BASES["ln 10"], LOGARITHMS)),
    SlipRow("factor missing", "everywhere", 5.2, "the derivative of {op} is missing at each {op}", _missing),
    SlipRow("factor twice", "everywhere", 5.3, "the derivative of {op} is applied twice at each {op}",
            lambda link: link.partial * link.partial),
    SlipRow("at the input", "everywhere", 5.3, "the derivative of {op} is taken at the input, at each {op}", _at_input),
    SlipRow("at the output", "everywhere", 5.3, "the derivative of {op} is taken at the output, at each {op}",
            _at_output),
    SlipRow("power rule", "everywhere", 5.3, "the exponent of each power is forgotten as a factor", _bare_power),
)  # fmt: skip

CHOICES: tuple[SlipRow, ...] = (
    SlipRow("condition reversed", "choice", 4.1, "the condition of {upper} is reversed", _reversed),
    SlipRow("condition forgotten", "choice", 2.95, "the condition of {upper} is forgotten: the first case everywhere",
            _always(0)),
    SlipRow("condition forgotten", "choice", 2.95, "the condition of {upper} is forgotten: the second case everywhere",
            _always(1)),
)  # fmt: skip

OVERWRITTEN = SlipRow(
    "overwritten", "upstream", 2.94,
    "what arrives at {lower} is overwritten instead of accumulated: only {link} is kept",
)  # fmt: skip
LOCAL = SlipRow(
    "upstream forgotten", "upstream", 2.96,
    "the local derivative of {upper} by {node_name} is given alone: what comes from above it is not multiplied in",
)  # fmt: skip
LOCAL_INSIDE = replace(LOCAL, rank=4.0)  # of a node without a name
ANOTHER = SlipRow(
    "another derivative", "upstream", 7, "this is d{result}/d{other}, not d{result}/d{node_name}"
)
ANOTHER_ASIDE = replace(
    ANOTHER, rank=4.55
)  # of a node that is on no way with this one: no link is bent there

#: The right formula at other numbers: name, then the numbers from those of the inputs.
SWAPPED = SlipRow("nodes swapped", "input", 4.6, "{name} and {other} are swapped")
SWAPPED_WITH_ITSELF = replace(SWAPPED, rank=7.1)  # of the node and another: that is another derivative
#: Where the other name does not occur in the formula, to swap it is to put it there.
STANDS_FOR = replace(SWAPPED, sentence="{other} stands for {name}")
STANDS_FOR_WITH_ITSELF = replace(SWAPPED_WITH_ITSELF, sentence=STANDS_FOR.sentence)
LABELS = SlipRow(
    "labels -1/1", "input", 4.7, "labels: {name} is taken as -1 or 1 ({form}) where the formula has 0 or 1"
)
LABELS_BACK = SlipRow(
    "labels -1/1", "input", 4.7, "labels: {name} is taken as 0 or 1 ({form}) where the formula has -1 or 1"
)
NEGATED = SlipRow("sign of a link", "input", 4.25, "the sign of {name} is flipped")
COMPLEMENT = SlipRow("complement", "input", 4.8, "1 - {name} stands for {name}")
LEFT_OUT = SlipRow("input left out", "input", 5, "{name} is left out of {upper}")
DROPPED = SlipRow("input left out", "input", 5.05, "the term with {name} is left out")
FACTOR = SlipRow("factor missing", "input", 3.05, "the factor {factor} is missing")
DIVIDED = SlipRow(
    "factor missing", "input", 7.4, "{node} is the right one divided by {factor}: that factor is missing"
)
SURPLUS = SlipRow("factor twice", "input", 7.5, "the factor {factor} is one too many")
OUTSIDE_SIGN = SlipRow(
    "bias outside", "input", 5.1, "{name} stands outside the bracket: its sign in {upper} is the other one"
)
OUTSIDE = SlipRow(
    "bias outside", "input", 5.1, "{name} stands outside the bracket: it is added after {upper}"
)
WRONG_NODE = SlipRow("wrong node", "input", 6.5, "{other} stands for {name}")

#: Every row but those of arrays.
ROWS: tuple[SlipRow, ...] = (
    SINGLE, SIGN, NOTHING, BASE, CONSTANT, OFFSET, *LINKS, *EVERYWHERE, *CHOICES, OVERWRITTEN, LOCAL, LOCAL_INSIDE,
    ANOTHER, ANOTHER_ASIDE, SWAPPED, SWAPPED_WITH_ITSELF, STANDS_FOR, STANDS_FOR_WITH_ITSELF, LABELS, LABELS_BACK,
    NEGATED, COMPLEMENT, LEFT_OUT, DROPPED, FACTOR, DIVIDED, SURPLUS, OUTSIDE_SIGN, OUTSIDE, WRONG_NODE,
)  # fmt: skip
