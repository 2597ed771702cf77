"""`derive`: derivatives as graphs, with their closed form and the steps that lead to it.

Room: what a user asks for: reads a recorded graph as expressions, takes adjoints, writes the closed form, records it
on the user's own nodes. Below: `closed`, `expression`, `reverse`, `simplify`. Above: `program`, `check`, `draw`.
Must hold: the closed form is equal to the derivative wherever that exists; nothing of the user's graph is changed;
a derivative is a graph like any other, so that it can be derived again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

from minigrad import value as _core
from minigrad.closed import Closing
from minigrad.expression import Expressions
from minigrad.ranges import Ranges
from minigrad.real import NotANumberError
from minigrad.reverse import adjoints
from minigrad.rewrites import SIMPLIFY, STABILISE
from minigrad.simplify import Rewriting, stabilised
from minigrad.steps import Step, Story
from minigrad.text import shown
from minigrad.value import Value

__all__ = [
    "ClosedForm",
    "Derivative",
    "Step",
    "adjoints",
    "closed_form",
    "derive",
    "hessian",
    "hessian_product",
    "jacobian",
]


class _Apart(Rewriting):
    """Rewriting that leaves what was read apart apart: what is differentiated by becomes no other part of the graph."""

    def _settle(self, i: int) -> int:
        settled = super()._settle(i)
        if settled != i and self.e.is_apart(i):
            settled = self._done[i] = self.e.apart(i, settled)
        return settled


class _Work:
    """One graph being worked on: its expressions, in stable form, its named nodes, its closed forms.

    reached  which of wrt lie in the graph of an output, as it was recorded
    """

    def __init__(self, outputs: Sequence[Value], wrt: Sequence[Value]) -> None:
        self.e = e = Expressions()
        apart = [node for node in wrt if not node.is_leaf]
        read = e.read(outputs, apart)
        wanted = e.read(wrt, apart)
        keep = {i for i in e.label if e.operands[i]} | set(wanted)
        rewriting = _Apart(e, Ranges(e), keep=keep, kinds=(SIMPLIFY, STABILISE))
        self.outputs, self.wrt = rewriting.run(read), rewriting.run(wanted)
        self.applied = rewriting.applied
        for node, i in zip(wrt, self.wrt, strict=True):
            e.node.setdefault(i, node)
        there = set(e.order(read))
        self.reached = [i in there for i in wanted]
        self.named = set(e.label) | {i for i in self.wrt if e.operands[i]}
        self.used = unconditional(e, [*read, *self.outputs])
        self.closing = Closing(e, self.named, self.used)

    def closed(self, ids: Sequence[int], *, written_out: bool = False) -> list[int]:
        """The closed forms of expressions; `written_out`: not the names of those that have one."""
        ranges = Ranges(self.e, real=True, used=self.used)
        stable = Rewriting(self.e, ranges, keep=self.named, kinds=(STABILISE,))
        return stable.run(self.closing.run(ids, written_out=written_out))

    def derivatives(self, output: int) -> list[int]:
        """The adjoints of all that is asked for, in closed form."""
        return self.closed(adjoints(self.e, output, self.wrt, self.e.constant(1.0), computed=False))


def unconditional(e: Expressions, ids: Sequence[int]) -> set[int]:
    """What is computed whatever the inputs are: not what lies in a branch of a `where`."""
    found: set[int] = set()
    waiting = list(ids)
    while waiting:
        i = waiting.pop()
        if i not in found:
            found.add(i)
            waiting += e.operands[i][:1] if e.ops[i] == "where" else e.operands[i]
    return found


class ClosedForm:
    """An expression as one would write it on paper.

    str(form)    the text, in the grammar of `formula`; named nodes stay symbols, a long text is cut and says so
    value        the expression as a graph, recorded on the nodes it was derived from
    data         its number, at the present numbers of the inputs
    steps        how it came about, as a tuple of `Step`
    conditions   what was divided by without a proof that it is not 0, as texts
    """

    def __init__(self, work: _Work, i: int, name: str, origin: int, target: int | None = None) -> None:
        self._work = work
        self._id = i
        self._origin = origin
        self._target = target
        self._value: Value | None = None
        self._steps: tuple[Step, ...] | None = None
        self.name = name

    def __str__(self) -> str:
        return self._work.e.text(self._id, top=self._target is None)

    def __repr__(self) -> str:
        return f"<{self.name} = {self}>"

    @property
    def value(self) -> Value:
        """The expression as a graph, on the nodes it was derived from: to be drawn, run, derived again."""
        if self._value is None:
            known = self._id in self._work.e.node
            (self._value,) = self._work.e.record([self._id])
            if not known and not self._value.label:
                self._value.label = self.name
        return self._value

    @property
    def data(self) -> float:
        """The number at the present numbers of the inputs, computed in the form that is right in floating point."""
        e = self._work.e
        (i,), _ = stabilised(e, [self._id])
        return e.evaluate([i])[0]

    @property
    def conditions(self) -> tuple[str, ...]:
        """What was taken not to be 0 because factors were cancelled, where the domains do not say so."""
        e = self._work.e
        return tuple(f"{e.text(i)} != 0" for i in self._work.closing.conditions)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The identities applied, and for a derivative the chain rule from named node to named node."""
        if self._steps is None:
            work = self._work
            story = Story(work.e, work.named, work.used, work.applied)
            self._steps = tuple(story.told(self._origin, self._target, self.name))
        return self._steps

    def draw(self, path: Any = None, **options: Any) -> Any:
        """Draw the graph of `value`; see `minigrad.draw.draw`."""
        return self.value.draw(path, **options)


class Derivative(ClosedForm):
    """The derivative of one node by another: a `ClosedForm` with `of` and `wrt`, the two Values.

    Accepted wherever a Value to be differentiated is: `derive(derive(L, w1), w2)`.
    """

    of: Value
    wrt: Value


# -- what users call --------------------------------------------------------------------------------------


@overload
def derive(output: Value | Derivative, wrt: Value) -> Derivative: ...
@overload
def derive(output: Value | Derivative, wrt: Iterable[Value]) -> list[Derivative]: ...
def derive(output: Value | Derivative, wrt: Value | Iterable[Value]) -> Derivative | list[Derivative]:
    """The derivative of a result as a graph, with its closed form.

    output  a Value, or a Derivative to derive again
    wrt     a Value of its graph (a leaf or an inner node), or a sequence of them
    return  a Derivative, or a list of them in the order of wrt

    Raises ValueError when a Value of wrt has no part in output, naming it.

    >>> from minigrad import Value, bce, sigmoid
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> z = (w * x).named("z")
    >>> a = sigmoid(z).named("a")
    >>> L = bce(a, y).named("L")
    >>> print(derive(L, z), derive(L, w), sep="; ")
    a - y; x*(a - y)
    >>> print(derive(derive(L, w), w))
    x**2*a*(1 - a)
    >>> for step in derive(L, z).steps:
    ...     print(step)
    dL/da = (a - y)/(a*(1 - a))    (chain rule: bce by a)
    dL/dz = a*sigmoid(-z)*dL/da    (chain rule: sigmoid by x)
    sigmoid(-z) = 1 - a    (sigmoid of minus)
    a*sigmoid(-z)*((a - y)/(a*(1 - a))) = a - y    (terms collected, factors cancelled)
    """
    result = _gradient(output, _listed(wrt))
    return result[0] if isinstance(wrt, Value) else result


def hessian(output: Value | Derivative, wrt: Iterable[Value]) -> list[list[Derivative]]:
    """The second derivatives of a result by all pairs of wrt, as closed forms: a symmetric list of lists."""
    nodes = _listed(wrt)
    gradient = _gradient(output, nodes)
    rows: list[list[Derivative]] = []
    for k, first in enumerate(gradient):
        later = _gradient(first, nodes[k:])
        rows.append([rows[j][k] for j in range(k)] + later)
    return rows


def hessian_product(
    output: Value | Derivative, wrt: Iterable[Value], v: Iterable[Value | float]
) -> list[Derivative]:
    """The Hessian of a result times a vector, without the Hessian: as many derivatives as wrt has nodes.

    v    one number or Value for each node of wrt; Values count as constants unless they are in the graph

    Raises ValueError when v and wrt differ in length.
    """
    nodes, factors = _listed(wrt), list(v)
    if len(nodes) != len(factors):
        raise ValueError(
            f"v has {len(factors)} entries for {len(nodes)} nodes of wrt: one for each is needed"
        )
    gradient = _gradient(output, nodes)
    terms = [derivative.value * factor for derivative, factor in zip(gradient, factors, strict=True)]
    slope = _core.record("sum", terms).named(
        f"{gradient[0].name}…·v" if len(nodes) > 1 else f"{gradient[0].name}·v"
    )
    return _derivatives(slope, nodes, slope.label, known=True)


def jacobian(outputs: Iterable[Value | Derivative], wrt: Iterable[Value]) -> list[list[Derivative]]:
    """The derivative of each of several results by each node of wrt: a list of rows, one for each result.

    Raises ValueError when a node of wrt has no part in any of the results.
    """
    nodes, results = _listed(wrt), [_result(output) for output in outputs]
    work = _Work([result for result, _, _ in results], nodes)
    _refuse_unreached(nodes, work.reached)
    return [_made(work, k, result, nodes, name) for k, (result, name, _) in enumerate(results)]


def closed_form(output: Value) -> ClosedForm:
    """A result itself in closed form, named nodes as symbols.

    >>> from minigrad import Value
    >>> x = Value(3.0, label="x")
    >>> print(closed_form((x + 1) * (x - 1) + 1))
    x**2
    """
    result, name, _ = _result(output)
    work = _Work([result], [])
    (i,) = work.closed(work.outputs, written_out=True)
    return ClosedForm(work, i, name, work.outputs[0])


# -- how --------------------------------------------------------------------------------------------------


def _listed(wrt: Value | Iterable[Value]) -> list[Value]:
    if not isinstance(wrt, Value | Iterable):
        raise NotANumberError(f"wrt is a Value, or a sequence of Values, not {type(wrt).__name__}")
    nodes = [wrt] if isinstance(wrt, Value) else list(wrt)
    for position, node in enumerate(nodes):
        if not isinstance(node, Value):
            raise NotANumberError(f"wrt[{position}] is not a Value but {type(node).__name__}")
    if not nodes:
        raise ValueError("wrt names no node: pass at least one")
    return nodes


def _result(output: Value | Derivative) -> tuple[Value, str, bool]:
    """The Value to differentiate, what it is called, and whether it is a derivative."""
    if isinstance(output, ClosedForm):
        return output.value, output.name, True
    if not isinstance(output, Value):
        raise NotANumberError(f"derive takes a Value or a Derivative, not {type(output).__name__}")
    return output, shown(output.label, 40) if output.label else "L", False


def _gradient(output: Value | Derivative, wrt: list[Value]) -> list[Derivative]:
    result, name, again = _result(output)
    known = again and isinstance(output, ClosedForm) and _all_known(output, wrt)
    return _derivatives(result, wrt, name, known=known)


def _all_known(form: ClosedForm, wrt: list[Value]) -> bool:
    """Whether all of wrt were in the graph that a derivative was taken of: it may be constant in them."""
    nodes = set(form._work.e.node.values())
    return all(node in nodes for node in wrt)


def _derivatives(result: Value, wrt: list[Value], name: str, *, known: bool) -> list[Derivative]:
    work = _Work([result], wrt)
    if not known:
        _refuse_unreached(wrt, work.reached)
    return _made(work, 0, result, wrt, name)


def _made(work: _Work, k: int, result: Value, wrt: list[Value], name: str) -> list[Derivative]:
    made = []
    for node, target, i in zip(wrt, work.wrt, work.derivatives(work.outputs[k]), strict=True):
        derivative = Derivative(work, i, _name(name, work, target), work.outputs[k], target)
        derivative.of, derivative.wrt = result, node
        made.append(derivative)
    return made


def _name(of: str, work: _Work, target: int) -> str:
    """What a derivative is called: dL/dz."""
    above = f"d{of}" if of.isidentifier() else f"d({of})"
    label = work.e.label.get(target)
    below = shown(label, 40) if label else f"({work.e.text(target, limit=40)})"
    return f"{above}/d{below}"


def _refuse_unreached(wrt: list[Value], reached: list[bool]) -> None:
    for position, (node, there) in enumerate(zip(wrt, reached, strict=True)):
        if not there:
            which = f'"{shown(node.label, 60)}"' if node.label else f"wrt[{position}]"
            raise ValueError(
                f"{which} has no part in the graph of this output: its derivative is 0 everywhere, or the graph "
                "was recorded from another Value of the same name"
            )
