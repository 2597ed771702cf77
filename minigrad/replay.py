"""Backward, one node at a time: who sends what to whom, and what has come together so far.

Room: reads a recorded graph and does the additions of `Value.backward` once more, on the side. Below: `graph`,
`expression` for the text, `rules`. Hung on Value as `steps` and `ledger`. Above: `explain`, `check`.
Must hold: the same numbers as `backward()`, bit for bit, because they are added in the same order; no `.grad` is
read or touched, so that it may be done as often as one likes; a generator, without recursion, for any depth.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from minigrad import value as _core
from minigrad.expression import Expressions
from minigrad.graph import Graph
from minigrad.rules import RULES
from minigrad.text import shown
from minigrad.value import Value

__all__ = ["BackwardStep", "Ledger", "Term", "ledger", "steps"]

#: Most terms that are printed of a step or of a ledger.
MOST_PRINTED = 20


class Term(NamedTuple):
    """What one node sends to one of its operands.

    operand   who gets it
    consumer  who sends it; None for the seed, which starts the result's own gradient
    position  which operand of the consumer gets it (`a + a` has two); of a term past `via`: which one is `via`
    gradient  the consumer's own gradient, as far as it is passed on here
    partial   the local derivative of the consumer by this operand; of a term past `via`: by the operand of `via`
    term      gradient * partial; 0 where a partial of 0 is a branch not taken, whatever the gradient is
    before    what the operand had been sent in all before this term
    after     and with it
    via       None; or the node that two operations computed as one go past, as bce(sigmoid(z), y) past sigmoid
    """

    operand: Value
    consumer: Value | None
    position: int
    gradient: float
    partial: float
    term: float
    before: float
    after: float
    via: Value | None = None


class BackwardStep:
    """One node of `backward()`: its gradient is complete, and it sends each operand a term.

    number    1 for the result itself
    node      whose turn it is
    op        its operation
    gradient  what has come together for it: its `.grad` after `backward()`
    passes    the part of it that is passed on now; less than `gradient` only where some has gone past this node
              already (see `Term.via`)
    terms     a tuple of `Term`, one for each operand; none for constants, and none at all where `passes` is 0
    """

    __slots__ = ("_graph", "gradient", "node", "number", "passes", "terms")

    def __init__(
        self, graph: Graph, number: int, node: Value, gradient: float, passes: float, terms: tuple[Term, ...]
    ) -> None:
        self._graph = graph
        self.number = number
        self.node = node
        self.gradient = gradient
        self.passes = passes
        self.terms = terms

    @property
    def op(self) -> str:
        """The operation of the node."""
        return self.node.op

    def __str__(self) -> str:
        first = f"{_written(self._graph, self.node)}, gradient {_short(self.gradient)}"
        lines = [f"  {self._told(term)}" for term in self.terms[:MOST_PRINTED]]
        if len(self.terms) > MOST_PRINTED:
            lines.append(f"  and {len(self.terms) - MOST_PRINTED:,} more")
        return "\n".join([first, *(lines or [f"  sends nothing: {self._why_nothing()}"])])

    def _told(self, term: Term) -> str:
        name = _name(self._graph, term.operand)
        past = f", past {_name(self._graph, term.via)}" if term.via is not None else ""
        product = f"{_short(term.gradient)} * {_short(term.partial)} = {_short(term.term)}"
        return f"to {name}: {product}{past}; {_short(term.before)} -> {_short(term.after)}"

    def _why_nothing(self) -> str:
        if self.passes == 0.0:
            return "its gradient is 0" if self.gradient == 0.0 else "all of it went past this node already"
        return "constants get no gradient"

    def __repr__(self) -> str:
        return f"<BackwardStep {self.number}: {_written(self._graph, self.node)}, {len(self.terms)} terms>"


class Ledger:
    """The gradient of one node as the list of terms that were sent to it.

    node   whose gradient
    of     the result it is the derivative of
    seed   what the result started from
    terms  a tuple of `Term`, in the order in which backward adds them
    total  their sum: the bits that `backward()` leaves in `node.grad`

    `len(ledger)` is the number of terms, `for term in ledger` walks them, `print(ledger)` is a table.
    """

    __slots__ = ("_graph", "node", "of", "seed", "terms", "total")

    def __init__(self, graph: Graph, node: Value, seed: float, terms: tuple[Term, ...]) -> None:
        self._graph = graph
        self.node = node
        self.of = graph.output
        self.seed = seed
        self.terms = terms
        self.total = terms[-1].after if terms else 0.0

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    def __str__(self) -> str:
        head = f"gradient of {_name(self._graph, self.node)}: {_short(self.total)}"
        if not self.terms:
            return f"{head}\n{self._why_empty()}"
        rows: list[tuple[str, ...]] = [("sent by", "operand", "its gradient", "partial", "term", "in all")]
        rows += [self._row(term) for term in self.terms[:MOST_PRINTED]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [_aligned(row, widths) for row in rows]
        if len(self.terms) > MOST_PRINTED:
            lines.append(f"and {len(self.terms) - MOST_PRINTED:,} more")
        return "\n".join([head, *lines])

    def _row(self, term: Term) -> tuple[str, ...]:
        numbers = (term.gradient, term.partial, term.term, term.after)
        if term.consumer is None:
            return ("the seed", "", *map(_short, numbers))
        past = f" past {_name(self._graph, term.via)}" if term.via is not None else ""
        return (_written(self._graph, term.consumer), f"{term.position}{past}", *map(_short, numbers))

    def _why_empty(self) -> str:
        if self.node.op == "const":
            return "a constant: constants get no gradient"
        return "no terms: the gradient of every node that uses it is 0"

    def __repr__(self) -> str:
        return f"<Ledger of {_name(self._graph, self.node)}: {len(self)} terms, total {self.total!r}>"


def steps(output: Value, *, seed: float = 1.0) -> Iterator[BackwardStep]:
    """`backward()` as a replay: one step for each operation, results before operands.

    seed     as of `Value.backward`
    return   a generator of `BackwardStep`; leaves only receive, and have no step of their own

    No `.grad` is touched, and the gradients are those of `backward()` from cleared leaves, bit for bit.

    >>> w, x = Value(3.0, label="w"), Value(2.0, label="x")
    >>> L = (w * w + x).named("L")
    >>> for step in L.steps():
    ...     print(step)
    L = v1 + x, gradient 1
      to v1: 1 * 1 = 1; 0 -> 1
      to x: 1 * 1 = 1; 0 -> 1
    v1 = w*w, gradient 1
      to w: 1 * 3 = 3; 0 -> 3
      to w: 1 * 3 = 3; 3 -> 6
    """
    return _steps(Graph(output), _core.constant(seed).data)


def ledger(node: Value, output: Value, *, seed: float = 1.0) -> Ledger:
    """The gradient of a node as the list of its terms, and who sent each.

    output   the result that is differentiated
    seed     as of `Value.backward`
    return   a `Ledger`

    Raises ValueError when the node has no part in the graph of output.

    >>> w, x = Value(3.0, label="w"), Value(2.0, label="x")
    >>> L = (w * w + w * x).named("L")
    >>> print(w.ledger(L))
    gradient of w: 8
    sent by  operand  its gradient  partial  term  in all
    v3 = w*x       0             1        2     2       2
    v1 = w*w       0             1        3     3       5
    v1 = w*w       1             1        3     3       8
    """
    if not isinstance(output, Value):
        raise TypeError(f"w.ledger(L) takes the result L, a Value, not {type(output).__name__}")
    graph, start = Graph(output), _core.constant(seed).data
    if node not in graph:
        raise ValueError(_no_part(graph, node))
    found = [Term(node, None, 0, start, 1.0, start, 0.0, 0.0 + start)] if node is output else []
    for step in _steps(graph, start):
        found += [term for term in step.terms if term.operand is node]
    return Ledger(graph, node, start, tuple(found))


def _no_part(graph: Graph, node: Value) -> str:
    result = shown(graph.name(graph.output), 40)
    name = f'"{shown(node.label, 40)}"' if node.label else "this node"
    if graph.output in Graph(node):
        return f"{result} is computed before {name}: the node comes first, then the result, as in w.ledger(L)"
    return f"{name} has no part in the graph of {result}: no term is sent to it"


def _steps(graph: Graph, seed: float) -> Iterator[BackwardStep]:
    kept = {graph.output: 0.0 + seed}  # what a node still has to pass on
    gone: dict[Value, float] = {}  # what has gone past it to its operand: see rules.Through
    number = 0
    for node in reversed(graph.nodes):
        passes = kept.pop(node, 0.0)
        if node.is_leaf:
            continue
        number += 1
        gradient = passes + gone.pop(node, 0.0)
        terms = () if passes == 0.0 else tuple(_terms(node, passes, kept, gone))
        yield BackwardStep(graph, number, node, gradient, passes, terms)


def _terms(node: Value, g: float, kept: dict[Value, float], gone: dict[Value, float]) -> Iterator[Term]:
    """What a node sends, in the order of `backward()`; adds it up on the way."""
    chained = node.chained_partial
    if chained is not None:
        yield from _terms_past(node, g, chained, kept, gone)
        return
    exact_zero = node.op in _choices()
    for position, (operand, partial) in enumerate(zip(node.operands, node.partials, strict=True)):
        if operand.op != "const":
            term = g * partial
            if term != term and partial == 0.0 and exact_zero:
                term = 0.0
            yield _added(operand, node, position, g, partial, term, kept, gone)


def _terms_past(
    node: Value, g: float, chained: float, kept: dict[Value, float], gone: dict[Value, float]
) -> Iterator[Term]:
    """What a node sends whose first operand is computed together with it: see `rules.Through`."""
    (inner, second), (partial, other) = node.operands, node.partials
    term = g * partial
    before, so_far = kept.get(inner, 0.0), gone.get(inner, 0.0)
    gone[inner] = so_far + term
    yield Term(inner, node, 0, g, partial, term, before + so_far, before + gone[inner])
    if second.op != "const":
        yield _added(second, node, 1, g, other, g * other, kept, gone)
    (far,) = inner.operands
    if far.op != "const":
        yield _added(far, node, 0, g, chained, g * chained, kept, gone, inner)


def _added(
    operand: Value,
    node: Value,
    position: int,
    g: float,
    partial: float,
    term: float,
    kept: dict[Value, float],
    gone: dict[Value, float],
    via: Value | None = None,
) -> Term:
    so_far = kept.get(operand, 0.0)
    now = kept[operand] = so_far + term
    past = gone.get(operand, 0.0)
    return Term(operand, node, position, g, partial, term, so_far + past, now + past, via)


@cache
def _choices() -> frozenset[str]:
    """Operations whose partials are chosen constants, so that a 0 among them is exact (as in `codegen`)."""

    def chosen(node: ast.expr) -> bool:
        if isinstance(node, ast.IfExp):
            return chosen(node.body) and chosen(node.orelse)
        return isinstance(node, ast.Constant)

    parsed = {
        name: [ast.parse(text, mode="eval").body for text in rule.partials] for name, rule in RULES.items()
    }
    return frozenset(name for name, partials in parsed.items() if all(map(chosen, partials)))


# -- text -------------------------------------------------------------------------------------------------


def _short(x: float) -> str:
    return f"{x:.6g}"


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    others = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *others]).rstrip()


def _name(graph: Graph, node: Value) -> str:
    e = Expressions()
    return e.text(e.symbol(graph.name(node)))


def _written(graph: Graph, node: Value) -> str:
    """A node and its operation: z = v2 + b."""
    e, operands = Expressions(), node.operands
    if len(operands) > 6:
        some = ", ".join(_name(graph, operand) for operand in operands[:3])
        return f"{_name(graph, node)} = {node.op}({some}, … {len(operands):,} operands)"
    ids = [e.constant(x.data) if x.op == "const" else e.symbol(graph.name(x)) for x in operands]
    return f"{_name(graph, node)} = {e.text(e.make(node.op, tuple(ids)))}"
