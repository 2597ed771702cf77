"""A node, or a whole graph, told: equations, the ledger as a table, words, steps and notes put together.

Room: builds explanations. Below: `chain`, `notes`, `naming`. Above: `minigrad.explain`.
Must hold: nothing is said that is not looked up or computed; a graph that is too large to tell is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minigrad.explaining import maths
from minigrad.explaining.chain import (
    MOST_STEPS,
    MOST_TOLD,
    Use,
    direct,
    letter_of,
    numbers,
    sent,
    symbols,
    uses,
)
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
)  # fmt: skip
from minigrad.explaining.maths import Math
from minigrad.explaining.naming import Naming, finite
from minigrad.explaining.notes import notes
from minigrad.explaining.typeset import text
from minigrad.rules import RULES
from minigrad.value import Value

# -- words ------------------------------------------------------------------------------------------------


def words(naming: Naming, node: Value, found: list[Use]) -> list[Line]:
    """What each consumer does, as sentences."""
    lines: list[Line] = []
    name = naming.name(node)
    for use in found:
        consumer = naming.name(use.consumer)
        line: list[str | Math] = [
            consumer,
            " = ",
            naming.made(use.consumer),
            f" is the operation {use.consumer.op}. ",
        ]
        line += _rule_words(use)
        line += (
            ["; here it is"]
            if use.consumer is naming.output
            else ["; here ", maths.partial(consumer, name), " ="]
        )
        if text(use.partial) != text(naming.number(use.number)) and use.partial.kind != "partial":
            line += [" ", use.partial, " ="]
        line += [" ", naming.number(use.number), ". "]
        passed = naming.gradients[use.consumer] * use.number
        if not finite(passed):
            line.append("What it sends is told below.")
        elif use.consumer is naming.output:
            line += [f"{naming.text(naming.output)} starts from the gradient 1 and sends ", name, " "]
        else:
            own = naming.number(naming.gradients[use.consumer])
            line += ["Its own gradient is ", own, ", so ", name, " gets "]
        if finite(passed):
            line += [naming.number(passed), "."]
        lines.append(line)
    return lines


def _rule_words(use: Use) -> list[str | Math]:
    rule = RULES[use.consumer.op]
    groups = [letter.rstrip("*") for letter in rule.operands]
    out: list[str | Math] = []
    for letter in dict.fromkeys(letter_of(use.consumer, place) for place in use.places):
        row = rule.partials[groups.index(letter)]
        out += [" and by " if out else "Its derivative by ", maths.name(letter), " is ", maths.read(row, {})]
    if rule.kink and any(" if " in row for row in rule.partials):
        out.append(f" ({rule.kink})")
    return out


def past(naming: Naming, node: Value) -> Line:
    """Where a term comes past a node: why."""
    terms = [term for term in naming.ledger(node) if term.via is not None]
    if not terms:
        return []
    term = terms[0]
    assert term.via is not None
    assert term.consumer is not None
    return [
        f"{term.consumer.op} of {term.via.op} is computed as one operation, so that nothing overflows on the way: ",
        naming.name(term.consumer), " sends ", naming.name(node), " its term past ", naming.name(term.via), ", ",
        maths.products([(naming.number(term.gradient), naming.number(term.partial))]), ", the product of both links.",
    ]  # fmt: skip


# -- a node -----------------------------------------------------------------------------------------------


def made_line(naming: Naming, node: Value, *, numbers: bool, whole: bool = False) -> list[str | Math]:
    """z = w·x + b = 1.35; `whole`: down to the nodes that have a name."""
    line: list[str | Math] = [naming.name(node)]
    if not node.is_leaf:
        line += [" = ", naming.written(node) if whole else naming.made(node)]
    if numbers:
        line += [" = ", naming.number(node.data)]
    return line


def used_line(naming: Naming, node: Value, *, numbers: bool) -> list[str | Math]:
    """How a node was made, and who uses it."""
    line = made_line(naming, node, numbers=numbers, whole=True)
    if node.is_leaf:
        line.append(", an input" if numbers else " is an input")
    consumers = list(dict.fromkeys(consumer for consumer, _ in reversed(naming.graph.consumers(node))))
    if node is naming.output:
        return [*line, ". It is the result."]
    count = "one node" if len(consumers) == 1 else f"{len(consumers):,} nodes"
    line.append(f". It is used by {count}: ")
    for k, consumer in enumerate(consumers[:MOST_TOLD]):
        line += [", " if k else "", naming.name(consumer), " = ", naming.made(consumer)]
    line.append(", …" if len(consumers) > MOST_TOLD else ".")
    return line


def unnamed(naming: Naming, node: Value, rows: Iterable[Row]) -> list[Line]:
    """What the nodes without a name are that stand in equations."""
    mentioned = {name for row in rows for name in _names(row.right)}
    found: list[Line] = []
    for other in naming.graph:
        known = other.label or other.is_leaf or other in (node, naming.output)
        if not known and naming.label(other) in mentioned:
            found.append([naming.name(other), " = ", naming.written(other)])
    return found[: 2 * MOST_TOLD]


def _names(x: Math) -> Iterator[str]:
    if x.kind == "name":
        yield x.text
    for part in x.parts:
        yield from _names(part)


def steps(naming: Naming, node: Value) -> list[Row]:
    """The steps that lead to the closed form, each with its name."""
    rows = []
    found = naming.derivative(node)
    for step in found.steps[:MOST_STEPS] if found is not None else ():
        rows.append(Row(naming.read(step.before), naming.read(step.after), step.name))
    return rows


def of_node(naming: Naming, node: Value, *, numbers_too: bool = True) -> Explanation:
    """The chain rule at one node, told whole."""
    naming.check_in(node)
    title: list[str | Math] = ["How ", naming.name(naming.output), " changes with ", naming.name(node)]
    if node.op == "const":
        return Explanation([Heading(title, 1), Say(_constant(naming, node))])
    if numbers_too:
        title += [": ", naming.gradient(node), " = ", naming.number(naming.gradients[node])]
    blocks: list[Block] = [Heading(title, 1), Say(used_line(naming, node, numbers=numbers_too))]
    if node is naming.output:
        seed: Line = [
            "backward() starts from the seed: ",
            naming.gradient(node),
            " = 1. All else is sent on from here.",
        ]
        return Explanation([*blocks, Say(seed), *_notes(naming, [node], numbers=numbers_too)])
    found = uses(naming, node)
    rows = direct(naming, node, symbols(naming, node, found))
    blocks += [Heading(["In symbols"]), Chain(rows)]
    if where := unnamed(naming, node, rows):
        blocks += [Say(["where ", *_joined(where)])]
    if numbers_too:
        blocks += [Heading(["In numbers"]), Chain(numbers(naming, node, found)), *sent(naming, node)]
        blocks += [Heading(["In words"]), *_told(naming, node, found)]
    blocks += _steps(naming, node)
    return Explanation([*blocks, *_notes(naming, [node], numbers=numbers_too)])


def _joined(lines: list[Line]) -> Iterator[str | Math]:
    for k, line in enumerate(lines):
        if k:
            yield ", "
        yield from line


def _constant(naming: Naming, node: Value) -> Line:
    return [
        naming.name(node), " is a plain number in the formula, a constant: constants get no gradient. "
        "Made with Value(…) it would be an input, and get one.",
    ]  # fmt: skip


def _told(naming: Naming, node: Value, found: list[Use]) -> Iterator[Block]:
    yield Say(["A rule has x and y for the operands of its node" + _letters_of(found) + "."])
    yield Items(words(naming, node, found))
    terms = naming.ledger(node).terms
    if line := past(naming, node):
        yield Say(line)
    if len(terms) > 1:
        yield Say(
            [f"{len(terms):,} terms arrive and are added: ", naming.name(node), " reaches ", naming.name(naming.output),
             " along several paths, and a small change of it acts along all of them."]
        )  # fmt: skip
    elif not terms:
        yield Say(["No term arrives: the gradient of every node that uses it is 0."])


def _letters_of(found: list[Use]) -> str:
    rows = " ".join(row for use in found for row in RULES[use.consumer.op].partials)
    return ", and out for its result" if "out" in rows.replace("(", " ").split() else ""


def _steps(naming: Naming, node: Value) -> Iterator[Block]:
    if not naming.derivable:
        count = f"{len(naming.graph):,}"
        yield Say([f"The closed form is left out: the graph has {count} nodes. derive(L, node) finds it."])
        return
    form = naming.closed(node)
    if form is None:
        yield Say(["The closed form is long; print(derive(L, node)) shows it."])
        return
    rows = steps(naming, node)
    if rows:
        yield Heading(["Steps to the closed form"])
        yield Chain(rows)
    found = naming.derivative(node)
    if conditions := found.conditions if found is not None else ():
        read = [maths.read(text, naming.spoken, digits=naming.digits, condition=True) for text in conditions]
        yield Say(
            ["Factors were cancelled that nothing shows not to be 0: ", *_joined([[c] for c in read]), "."]
        )


def _notes(naming: Naming, nodes: list[Value], *, numbers: bool) -> Iterator[Block]:
    lines = notes(naming, nodes, numbers=numbers)
    if lines:
        yield Heading(["Notes"])
        yield Items(lines)


# -- short, for a page ------------------------------------------------------------------------------------


def brief(naming: Naming, node: Value, *, numbers_too: bool = True) -> list[Block]:
    """The equations of one node and nothing else."""
    found = uses(naming, node)
    rows = direct(naming, node, symbols(naming, node, found))
    if numbers_too:
        last = text(rows[-1].right)
        rows += [
            Row(None, row.right, row.reason)
            for row in numbers(naming, node, found)
            if text(row.right) != last
        ]
    blocks: list[Block] = [Chain(rows)]
    if where := unnamed(naming, node, rows):
        blocks.append(Say(["where ", *_joined(where)]))
    if numbers_too and (line := past(naming, node)):
        blocks.append(Say(line))
    return blocks


def of_graph(naming: Naming, *, numbers_too: bool, most: int) -> Explanation:
    """All nodes, in the order in which backward visits them."""
    graph = naming.graph
    nodes = [node for node in reversed(graph.nodes) if node.op != "const"]
    if len(nodes) > most:
        raise ExplainError(
            f"the graph of {naming.text(naming.output)} has {len(nodes):,} nodes, too many to tell one by one: "
            f"explain(L, node) tells one of them, explain(node) what leads to one, and max_nodes={len(nodes)} all"
        )
    title: list[str | Math] = ["Forward and backward through ", naming.name(naming.output)]
    forward = [made_line(naming, node, numbers=numbers_too) for node in graph if not node.is_leaf]
    blocks: list[Block] = [Heading(title, 1), Heading(["Forward: operands before results"]), Items(forward)]
    blocks.append(Heading(["Backward: results before operands"]))
    result = naming.output
    blocks.append(
        Say(["backward() starts at ", naming.name(result), " with ", naming.gradient(result), " = 1."])
    )
    for node in nodes:
        if node is naming.output:
            continue
        blocks.append(Heading(["At ", *made_line(naming, node, numbers=False)], 3))
        blocks += brief(naming, node, numbers_too=numbers_too)
    return Explanation([*blocks, *_notes(naming, nodes[::-1], numbers=numbers_too)])
