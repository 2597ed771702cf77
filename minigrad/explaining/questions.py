"""The questions that are always asked: why an order, why a sum, what a second backward does.

Room: answers by running: other ways of going backward beside the right one. Below: `naming`, `paths`, `maths`.
Must hold: no `.grad` of the user's is touched; whatever could take time without bound is counted before it is run.
"""

from __future__ import annotations

from typing import NamedTuple

from minigrad.explaining import maths, paths, typeset
from minigrad.explaining.explanation import (
    Block,
    Chain,
    ExplainError,
    Explanation,
    Heading,
    Items,
    Line,
    Row,
    Say,
    Table,
)  # fmt: skip
from minigrad.explaining.maths import Math
from minigrad.explaining.naming import Naming, finite
from minigrad.graph import Graph
from minigrad.value import Value

#: Most visits that a recursion is run for, and most events, paths and nodes that are listed.
MOST_VISITS = 10_000
MOST_EVENTS = 16
MOST_PATHS = 20
MOST_ROWS = 20


def counter_example() -> Value:
    """The two lines on which plain recursion fails: s = 2·x, L = s + s·s at x = 1.5.

    >>> L = counter_example()
    >>> L.data, Graph(L).find("x").data
    (12.0, 1.5)
    """
    x = Value(1.5, label="x")
    s = (2 * x).named("s")
    return (s + s * s).named("L")


# -- why an order -----------------------------------------------------------------------------------------


class Walk(NamedTuple):
    """One way of going backward.

    gradients  what it leaves on each node
    visits     how often a node passed something on
    events     what happened, in order: (consumer, operand, what was passed on, partial, what the operand has then)
    """

    gradients: dict[Value, float]
    visits: int
    events: list[tuple[Value, Value, float, float, float]]


def plain_recursion(output: Value) -> Walk:
    """Backward without an order: every time something arrives at a node, the node passes on all that it has.

    Raises ExplainError where that would take more than 10,000 visits.
    """
    return _recursion(output, again=True)


def first_come(output: Value) -> Walk:
    """Backward without an order, each node once: it passes on what it has when it is reached first."""
    return _recursion(output, again=False)


def _recursion(output: Value, *, again: bool) -> Walk:
    if again and (many := _visits(Graph(output))) > MOST_VISITS:
        raise ExplainError(
            f"plain recursion would pass on {many:,} times in this graph of {len(Graph(output)):,} nodes: "
            f"it is run up to {MOST_VISITS:,} times; take a part of the graph"
        )
    gradients = {output: 1.0}
    events: list[tuple[Value, Value, float, float, float]] = []
    visits = 0
    seen: set[Value] = set()
    waiting: list[tuple[Value | None, Value, float]] = [(None, output, 1.0)]
    while waiting:
        consumer, node, partial = waiting.pop()
        if consumer is not None:  # what the consumer has by now
            passed = gradients[consumer]
            gradients[node] = gradients.get(node, 0.0) + passed * partial
            events.append((consumer, node, passed, partial, gradients[node]))
        if node.is_leaf or (not again and node in seen):
            continue
        seen.add(node)
        visits += 1
        pairs = zip(node.operands, node.partials, strict=True)
        waiting += reversed([(node, operand, p) for operand, p in pairs if operand.op != "const"])
    return Walk(gradients, visits, events)


def _visits(graph: Graph) -> int:
    """How often plain recursion would visit a node that passes something on: the paths to all inner nodes."""
    times = {graph.output: 1}
    total = 0
    for node in reversed(graph.nodes):
        if not node.is_leaf:
            total += times[node]
            for operand in node.operands:
                times[operand] = times.get(operand, 0) + times[node]
    return total


def why_order(output: Value | None = None, *, digits: int = 6) -> Explanation:
    """Why backward goes in topological order, shown by doing without: both ways, with numbers.

    output   a graph of yours; None for the two-line counter-example with a shared node
    return   an `Explanation`; `draw` the graph beside it

    Raises ExplainError where recursion would take more than 10,000 visits, with their number.

    >>> print(why_order().title)
    Why a topological order
    """
    naming = Naming(counter_example() if output is None else output, digits)
    graph = naming.graph
    plain, early = plain_recursion(naming.output), first_come(naming.output)
    nodes = [node for node in reversed(graph.nodes) if node.op != "const"]
    blocks: list[Block] = [Heading(["Why a topological order"], 1)]
    if len(graph) <= MOST_ROWS:
        blocks.append(Items([_definition(naming, node) for node in graph if not node.is_leaf]))
    shared = [node for node in nodes if not node.is_leaf and len(graph.consumers(node)) > 1]
    if shared:
        blocks.append(Say(_shared(naming, shared[0])))
    else:
        blocks.append(
            Say(["No inner node is used twice here, so that any way of going backward gives the same."])
        )
    blocks += _compared(naming, nodes, plain, early)
    if len(plain.events) <= MOST_EVENTS:
        blocks += [Heading(["Plain recursion, move by move"]), _moves(naming, plain)]
        blocks += [Heading(["In order, move by move"]), _moves(naming, _in_order(naming.output))]
    blocks += _cost(naming, plain)
    return Explanation(blocks)


def _definition(naming: Naming, node: Value) -> Line:
    return [naming.name(node), " = ", naming.made(node), " = ", naming.number(node.data)]


def _shared(naming: Naming, node: Value) -> Line:
    name = naming.name(node)
    return [
        name, f" is used {len(naming.graph.consumers(node))} times, so that its gradient arrives in parts. "
        "Plain recursion goes on from ", name, " with every part, and with what had come before it once more: early "
        "parts are counted again. Going on only the first time loses the later parts. In topological order every node "
        "that uses ", name, " has its turn before ", name, " has: its gradient is complete when it is passed on, once.",
    ]  # fmt: skip


def _compared(naming: Naming, nodes: list[Value], plain: Walk, early: Walk) -> list[Block]:
    rows: list[list[str | Math]] = []
    for node in nodes[:MOST_ROWS]:
        right = naming.gradients[node]
        ways = (plain.gradients.get(node, 0.0), early.gradients.get(node, 0.0), right)
        rows.append([naming.text(node), *(_marked(naming, x, right) for x in ways)])
    if len(nodes) > MOST_ROWS:
        rows.append([f"and {len(nodes) - MOST_ROWS:,} more", "", "", ""])
    count = len([node for node in naming.graph if not node.is_leaf])
    rows.append(["times passed on", f"{plain.visits:,}", f"{early.visits:,}", f"{count:,}"])
    return [Table(("gradient of", "plain recursion", "first come", "in order"), rows)]


def _marked(naming: Naming, x: float, right: float) -> str | Math:
    """A number, and a sign behind it where it is wrong."""
    wrong = abs(x - right) > 1e-9 * max(1.0, abs(right)) or x != x
    written = naming.number(x)
    return written if not wrong else f"✗ {typeset.text(written)}"


def _in_order(output: Value) -> Walk:
    graph = Graph(output)
    gradients = {output: 1.0}
    events = []
    visits = 0
    for node in reversed(graph.nodes):
        if node.is_leaf:
            continue
        visits += 1
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if operand.op != "const":
                gradients[operand] = gradients.get(operand, 0.0) + gradients[node] * partial
                events.append((node, operand, gradients[node], partial, gradients[operand]))
    return Walk(gradients, visits, events)


def _moves(naming: Naming, walk: Walk) -> Table:
    rows: list[list[str | Math]] = []
    for consumer, operand, passed, partial, now in walk.events:
        move = f"{naming.text(consumer)} → {naming.text(operand)}"
        product = maths.products([(naming.number(passed), naming.number(partial))])
        rows.append([move, product, naming.number(passed * partial), naming.number(now)])
    return Table(("move", "gradient · partial", "sends", "so far"), rows)


def _cost(naming: Naming, plain: Walk) -> list[Block]:
    count = len([node for node in naming.graph if not node.is_leaf])
    line: Line = [
        f"An order also costs less: {count:,} operations pass on once each, and recursion did it {plain.visits:,} "
        f"times. Thirty nodes in a row that each use the one before twice have 2³⁰ = {2**30:,} paths, and a recursion "
        "that gets the number right, by passing on every part by itself, walks all of them.",
    ]  # fmt: skip
    return [Say(line)]


# -- why a sum --------------------------------------------------------------------------------------------


def why_add(node: Value, output: Value, *, digits: int = 6, most: int = MOST_PATHS) -> Explanation:
    """Why gradients add: every path from a node to the result, the product of its links, and their sum.

    node     whose gradient
    output   the result
    most     list so many paths, and say how many there are
    return   an `Explanation`

    >>> from minigrad import Value
    >>> w = Value(3.0, label="w")
    >>> L = (w * w + 2 * w).named("L")
    >>> for row in why_add(w, L).equations:
    ...     print(row.text)
    ∂L/∂w = 3 + 3 + 2    (the sum over the paths)
    ∂L/∂w = 8    (what backward() leaves there)
    """
    naming = Naming(output, digits)
    naming.check_in(node)
    graph, total = naming.graph, naming.gradients[node]
    if node.op == "const" or node is output:
        what = "a constant" if node.op == "const" else "the result"
        raise ExplainError(f"{naming.text(node)} is {what}: no path leads from it")
    many = paths.count(graph, node)
    found = paths.listed(graph, node, most)
    terms = [_product([link.partial for link in path]) for path in found]
    name, result = naming.name(node), naming.name(output)
    how = "one path leads" if many == 1 else f"{many:,} paths lead"
    title: Line = ["Why gradients add: the paths from ", name, " to ", result]
    first: Line = [
        f"{how[0].upper()}{how[1:]} from ", name, " to ", result, ". A small change of ", name,
        " runs along it and is multiplied by each link on its way." if many == 1 else
        " runs along every one of them and is multiplied by each link on its way; the changes of the result add up. "
        "The derivative is the sum over the paths of the product of their links.",
    ]  # fmt: skip
    rows = [_path_row(naming, path, term) for path, term in zip(found, terms, strict=True)]
    blocks: list[Block] = [Heading(title, 1), Say(first), Table(("path", "links", "product"), rows)]
    rest = many - len(found)
    shown: list[Math] = [naming.number(term) for term in terms]
    if rest:
        blocks.append(
            Say([f"and {rest:,} more paths, which bring ", naming.number(total - sum(terms)), " together."])
        )
        shown.append(naming.number(total - sum(terms)))
    equation = [Row(naming.gradient(node), maths.total(shown), "the sum over the paths")]
    if len(shown) > 1:
        equation.append(Row(None, naming.number(total), "what backward() leaves there"))
    blocks.append(Chain(equation))
    if any(link.via is not None for path in found for link in path):
        blocks.append(
            Say(["A node in parentheses is passed in one move, with the next: the two are computed as one."])
        )
    blocks.append(Say(_by_adding(naming, node)))
    return Explanation(blocks)


def _product(numbers: list[float]) -> float:
    product = 1.0
    for number in numbers:
        product *= number
    return product


def _path_row(naming: Naming, path: tuple[paths.Link, ...], term: float) -> list[str | Math]:
    names = [naming.text(path[-1].operand)]
    for link in reversed(path):
        if link.via is not None:
            names.append(f"({naming.text(link.via)})")
        names.append(naming.text(link.consumer))
    way = names if len(names) <= 8 else [*names[:3], f"… {len(names) - 6:,} …", *names[-3:]]
    factors = [naming.number(link.partial) for link in reversed(path)]
    shown = maths.words(f"{len(factors):,} links")
    if len(factors) <= 6:
        shown = maths.products([tuple(factors)]) if len(factors) > 1 else factors[0]
    return [" → ".join(way), shown, naming.number(term)]


def _by_adding(naming: Naming, node: Value) -> Line:
    count = len(naming.ledger(node))
    parts = "one part" if count == 1 else f"{count:,} parts"
    return [
        "backward() does not walk the paths. Each node adds up what arrives and passes the sum on once, which is "
        "the same by the distributive law: at ", naming.name(node), f" {parts} arrive{'s' if count == 1 else ''}.",
    ]  # fmt: skip


# -- a second backward ------------------------------------------------------------------------------------


def second_backward(output: Value, *, digits: int = 6) -> Explanation:
    """What a second backward() does, tried out on a copy: what doubles, what does not, and how to start afresh.

    return   an `Explanation`

    >>> from minigrad import Value
    >>> w = Value(3.0, label="w")
    >>> print(second_backward((w * w).named("L")).title)
    What a second backward() does
    """
    naming = Naming(output, digits)
    graph = naming.graph
    if not finite(*naming.gradients.values()):
        raise ExplainError(
            "not every gradient is finite, and nan and inf do not double: L.find_nonfinite() says where it began"
        )
    copy = graph.copy()
    copy.zero_grad()
    columns: list[list[float]] = []
    for again in (False, False, True):
        if again:
            copy.zero_grad()
        copy.backward()
        columns.append([node.grad for node in copy])
    rows: list[list[str | Math]] = []
    places = [i for i, node in enumerate(graph) if node.op != "const"]
    for i in places[:MOST_ROWS]:
        node = graph.nodes[i]
        kind = "input" if node.is_leaf else "inner" if node is not output else "result"
        rows.append([naming.text(node), kind, *(naming.number(column[i]) for column in columns)])
    if len(places) > MOST_ROWS:
        rows.append([f"and {len(places) - MOST_ROWS:,} more", "", "", "", ""])
    head = ("node", "kind", "once", "twice", "zero_grad(), once")
    said: list[Line] = [
        ["Inner nodes are cleared at the start of every backward(): their gradient is that of the last one."],
        [
            "Inputs add up: what the second backward() sends comes on top, and their .grad is exactly twice as large."
        ],
        [
            "That is meant: the losses of several examples, or several results, can be added into one gradient."
        ],
        ["To start afresh call L.zero_grad() before backward(), as each step of gradient descent does."],
        ["grad(L, [w, b]) of minigrad gives the derivatives as numbers and touches no .grad at all."],
    ]
    blocks: list[Block] = [Heading(["What a second backward() does"], 1), Table(head, rows), Items(said)]
    return Explanation(blocks)
