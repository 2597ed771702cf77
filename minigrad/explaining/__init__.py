"""The chain rule told: for a node, for a graph, and the questions that are always asked.

    chain        the equations of a node: symbols, numbers              telling    a node, a graph, told whole
    causes       why a gradient is what it is                           notes      what is said once
    questions    order, sums, a second backward                         naming     what nodes are called
    maths        formulas as data                                       typeset    as text, LaTeX, MathML
    explanation  the object that users hold                             forms      its forms

Room: a view. It reads nodes and changes nothing. Below: `derivative`, `replay`, `nonfinite`, `graph`, `rules`,
`rewrites`. Above: the page, the command line.
Must hold: every equation that is printed has the same number on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.explaining import telling as _telling
from minigrad.explaining.causes import why
from minigrad.explaining.explanation import ExplainError, Explanation
from minigrad.explaining.naming import Naming
from minigrad.explaining.questions import counter_example, second_backward, why_add, why_order
from minigrad.formula import formula, names_in
from minigrad.graph import Graph
from minigrad.value import Value

__all__ = [
    "ExplainError", "Explanation", "chain_rule", "chain_rules", "counter_example", "explain", "explained",
    "second_backward", "told_formula", "why", "why_add", "why_order",
]  # fmt: skip

#: Most nodes of a graph that is told whole.
MOST_NODES = 60


def explain(
    output: Value,
    node: Value | None = None,
    *,
    numbers: bool = True,
    digits: int = 6,
    max_nodes: int = MOST_NODES,
) -> Explanation:
    """The chain rule at a node of a graph, or at all of its nodes.

    output     the result that is differentiated
    node       the node to tell about; None for all, in the order in which backward visits them
    numbers    False: symbols only
    digits     significant digits of a number, 1 to 17
    max_nodes  refuse to tell of a graph with more
    return     an `Explanation`: print it, or take `.markdown`, `.latex`, `.mathml`; a notebook shows it

    Nothing is changed, and backward() need not have been called. Raises ExplainError (a ValueError) where node has no
    part in output, the graph is too large, or its leaves hold other numbers than it was computed from.

    >>> from minigrad import Value, bce, sigmoid
    >>> w, x, y = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.0, label="y")
    >>> z = (w * x).named("z")
    >>> L = bce(sigmoid(z).named("a"), y).named("L")
    >>> for row in explain(L, z).equations[:3]:
    ...     print(row.text)
    ∂L/∂z = ∂L/∂a · ∂a/∂z    (chain rule)
    ∂L/∂z = (−y/a + (1 − y)/(1 − a)) · a·(1 − a)    (bce by a: slope of the loss; sigmoid by x; sigmoid of minus)
    ∂L/∂z = a − y    (terms collected, factors cancelled)
    """
    _check("digits", digits, 1, 17)
    _check("max_nodes", max_nodes, 1)
    naming = Naming(output, digits)
    if node is None:
        return _telling.of_graph(naming, numbers_too=numbers, most=max_nodes)
    return _telling.of_node(naming, node, numbers_too=numbers)


def explained(node: Value, output: Value | None = None, **options: bool | int) -> Explanation:
    """`explain` as a method: z.explain(L) is explain(L, z), and L.explain() is explain(L)."""
    if output is None:
        return explain(node, **options)  # type: ignore[arg-type]
    return explain(output, node, **options)  # type: ignore[arg-type]


def chain_rule(node: Value, output: Value, *, numbers: bool = True, digits: int = 6) -> Explanation:
    """The equations of one node and nothing else, to be shown beside a picture.

    return  an `Explanation`, whose `.text`, `.latex` and `.mathml` are short

    Raises as `explain`.
    """
    _check("digits", digits, 1, 17)
    naming = Naming(output, digits)
    naming.check_in(node)
    return _equations(naming, node, numbers)


def chain_rules(
    output: Value, *, numbers: bool = True, digits: int = 6
) -> Iterator[tuple[Value, Explanation]]:
    """`chain_rule` of every node of a graph, in the order of `Graph`: quicker than one by one.

    return  a generator of pairs, the node and its explanation

    Raises as `explain`.
    """
    _check("digits", digits, 1, 17)
    naming = Naming(output, digits)
    return ((node, _equations(naming, node, numbers)) for node in naming.graph)


def _equations(naming: Naming, node: Value, numbers: bool) -> Explanation:
    if node is naming.output or node.op == "const":
        return _telling.of_node(naming, node, numbers_too=numbers)
    return Explanation(_telling.brief(naming, node, numbers_too=numbers))


def told_formula(
    text: str,
    numbers: dict[str, float] | None,
    *,
    wrt: str | None = None,
    why_too: bool = False,
    digits: int = 6,
) -> Explanation:
    """What `minigrad explain` tells of a formula.

    numbers  by name; None for symbols only
    wrt      name of the node, None for all
    why_too  why the gradient is what it is, instead of the chain rule

    Raises FormulaError, and ExplainError where no node has that name.
    """
    if digits > 17:
        raise ExplainError(f"--digits is a whole number from 1 to 17, not {digits}")
    if why_too and (numbers is None or wrt is None):
        raise ExplainError("--why needs --wrt NAME and numbers: --at w=0.5 x=2")
    symbols = numbers is None and bool(names_in(text))
    given = dict.fromkeys(names_in(text), _ANY_NUMBER) if numbers is None else numbers
    output = formula(text, **given)
    graph = Graph(output)
    if not output.label and output.op != "const" and all(node.label != "L" for node in graph):
        output.label = "L"
    try:
        node = None if wrt is None else graph.find(wrt)
    except ValueError as error:
        raise ExplainError(f"--wrt: {error}") from None
    output.backward()
    if why_too and node is not None:
        return why(node, output, digits=digits)
    return explain(output, node, numbers=not symbols, digits=digits)


#: What stands for the inputs where symbols only are told.
_ANY_NUMBER = 0.5


def _check(name: str, given: int, least: int, most: int | None = None) -> None:
    right = isinstance(given, int) and not isinstance(given, bool)
    if not right or given < least or (most is not None and given > most):
        limit = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise ValueError(f"{name} is a whole number, {limit}, not {given!r}")
