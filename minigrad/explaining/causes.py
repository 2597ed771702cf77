"""Why a gradient is what it is: zero, empty, tiny, huge, or not a number; and which link makes it so.

Room: looks at one node's gradient and names the cause. Below: `naming`, `paths`, `replay`. Above: `minigrad.why`.
Must hold: what is named is a cause, not a consequence: the gradient that arrived there was not 0 (or not large) yet.
"""

from __future__ import annotations

from typing import Literal

from minigrad.explaining import maths, paths
from minigrad.explaining.explanation import Block, Explanation, Heading, Items, Line, Say, Table
from minigrad.explaining.maths import Math
from minigrad.explaining.naming import Local, Naming, finite
from minigrad.explaining.notes import grad_note
from minigrad.explaining.paths import Link
from minigrad.explaining.typeset import text, word
from minigrad.graph import Graph
from minigrad.nonfinite import find_nonfinite
from minigrad.replay import Term, steps
from minigrad.rules import RULES
from minigrad.value import Value

#: From which size on a gradient is called large, and below which small.
LARGE, SMALL = 1e3, 1e-6
#: Most links and causes that are told.
MOST_TOLD = 12

Reason = Literal[
    "no path", "constant", "not run", "more than once", "closed", "saturated", "zero factor", "zero partial",
    "underflow", "cancels", "not finite", "large", "small", "ordinary",
]  # fmt: skip

_CLOSED = frozenset({"relu", "where", "min", "max", "abs"})
_FLAT = frozenset({"sign", "less", "less_equal"})
_SATURATING = frozenset({"sigmoid", "tanh", "erf", "erfc", "logsigmoid", "softplus", "exp", "exp2"})


def why(node: Value, output: Value, *, digits: int = 6) -> Explanation:
    """Why the gradient of a node is zero, empty, tiny, huge or not a number.

    node     whose gradient
    output   the result it is the derivative of
    digits   of a number
    return   an `Explanation`; its `reason` is one of "no path", "constant", "not run", "more than once", "closed",
             "saturated", "zero factor", "zero partial", "underflow", "cancels", "not finite", "large", "small",
             "ordinary"

    >>> from minigrad import Value, relu
    >>> w = Value(-2.0, label="w")
    >>> h = relu(w).named("h")
    >>> L = (h * 3).named("L")
    >>> print(why(w, L))
    Why ∂L/∂w is 0
    ==============
    <BLANKLINE>
    h = ReLU(w) is closed: w = −2, and its derivative is (1 if w > 0, else 0). The
    gradient 3 arrives at h, and 0 of it passes to w.
    """
    naming = Naming(output, digits)
    if not isinstance(node, Value):
        raise TypeError(f"why(w, L) takes a Value, not {type(node).__name__}")
    if node not in naming.graph:
        return _no_path(naming, node)
    if node.op == "const":
        return _constant(naming, node)
    total = naming.gradients[node]
    if not finite(total):
        return _not_finite(naming, node)
    if total == 0.0:
        return _zero(naming, node)
    if note := grad_note(naming, node):
        return _state(naming, node, note)
    return _sized(naming, node)


def _told(naming: Naming, node: Value, said: str | Line, blocks: list[Block], reason: Reason) -> Explanation:
    title: Line = ["Why ", naming.gradient(node), " is ", *([said] if isinstance(said, str) else said)]
    return Explanation([Heading(title, 1), *blocks], reason=reason)


def _no_path(naming: Naming, node: Value) -> Explanation:
    name = word(node.label) if node.label else "this node"
    reason = naming.no_path(node)
    if naming.output in Graph(node):
        lines: list[Block] = [Say([f"{reason}."])]
    else:
        lines = [
            Say([f"{reason}. Its .grad stays 0 whatever backward() does, because no change of it can change ",
                 naming.name(naming.output), "."])
        ]  # fmt: skip
    return Explanation([Heading([f"Why the gradient of {name} is empty"], 1), *lines], reason="no path")


def _constant(naming: Naming, node: Value) -> Explanation:
    line: Line = [
        naming.name(node), " is a plain number in the formula, a constant: backward() computes no gradient for it. "
        "Made with Value(…) it would be an input, and get one.",
    ]  # fmt: skip
    return _told(naming, node, "not computed", [Say(line)], "constant")


def _not_finite(naming: Naming, node: Value) -> Explanation:
    found = find_nonfinite(naming.output)
    number = text(naming.number(naming.gradients[node]))
    first, _, remedy = (found.message if found else "").partition("\n  what to do: ")
    blocks: list[Block] = [Say([f"It began here: {first}."])] if found else []
    if remedy:
        blocks.append(Say([f"What to do: {remedy}."]))
    return _told(naming, node, number, blocks, "not finite")


def _state(naming: Naming, node: Value, note: str) -> Explanation:
    blocks: list[Block] = [
        Say([note]),
        Say(["The derivative is ", naming.gradient(node), " = ", naming.number(naming.gradients[node]), "."]),
    ]
    title: Line = [f"Why {naming.text(node)}.grad is {text(naming.number(node.grad))}"]
    reason: Reason = "not run" if node.grad == 0.0 else "more than once"
    return Explanation([Heading(title, 1), *blocks], reason=reason)


# -- zero -------------------------------------------------------------------------------------------------


def _zero(naming: Naming, node: Value) -> Explanation:
    inside = paths.between(naming.graph, node)
    causes: list[tuple[Reason, Line]] = []
    arrived: dict[Value, list[float]] = {}
    for step in steps(naming.output):
        if step.node in inside and step.gradient == 0.0 and any(arrived.get(step.node, ())):
            causes.append(("cancels", _cancels(naming, step.node, arrived[step.node])))
        for term in step.terms:
            if term.operand in inside:
                arrived.setdefault(term.operand, []).append(term.term)
                if term.term == 0.0:
                    causes.append(_blocked(naming, term))
    if any(arrived.get(node, ())):
        causes.append(("cancels", _cancels(naming, node, arrived[node])))
    lines = [line for _, line in causes]
    blocks: list[Block] = [Say(lines[0])] if len(lines) == 1 else []
    if len(lines) > 1:
        blocks = [
            Say([f"{len(lines):,} links stop it, and no path goes round them:"]),
            Items(lines[:MOST_TOLD]),
        ]
        if len(lines) > MOST_TOLD:
            blocks.append(Say([f"and {len(lines) - MOST_TOLD:,} more."]))
    return _told(naming, node, "0", blocks, causes[0][0] if causes else "zero partial")


def _cancels(naming: Naming, node: Value, terms: list[float]) -> Line:
    shown = [naming.number(term) for term in terms[:MOST_TOLD]]
    return [
        f"{len(terms):,} terms arrive at ", naming.name(node), " and cancel: ", maths.total(shown),
        " …" if len(terms) > len(shown) else "", " = 0. ", naming.name(node),
        " acts on the result along several paths, which undo each other.",
    ]  # fmt: skip


def _blocked(naming: Naming, term: Term) -> tuple[Reason, Line]:
    consumer, operand = term.consumer, term.operand
    assert consumer is not None
    reason, line = _stopped(naming, term, consumer)
    arrives: Line = [
        " The gradient ", naming.number(term.gradient), " arrives at ", naming.name(consumer),
        ", and 0 of it passes to ", naming.name(operand), ".",
    ]  # fmt: skip
    return reason, [*line, *arrives]


def _stopped(naming: Naming, term: Term, consumer: Value) -> tuple[Reason, Line]:
    name, operand = naming.name(consumer), naming.name(term.operand)
    made: list[str | Math] = [name, " = ", naming.made(consumer)]
    value: list[str | Math] = [operand, " = ", naming.number(term.operand.data)]
    op = consumer.op
    if term.partial != 0.0:
        product = maths.products([(naming.number(term.gradient), naming.number(term.partial))])
        return "underflow", [
            *made,
            ": the product ",
            product,
            " is below the smallest double, and becomes 0.",
        ]
    if term.via is not None:
        return "saturated", [*made, " is as low as it can be: ", naming.name(term.via), " = ",
                             naming.number(term.via.data), " has reached the label."]  # fmt: skip
    if op in _CLOSED:
        row = RULES[op].partials[term.position * len(RULES[op].partials) // len(consumer.operands)]
        if op in ("relu", "abs"):
            said = maths.read(row, {"x": operand}, digits=naming.digits)
            state = " is closed: " if op == "relu" else " has its corner here: "
            return "closed", [*made, state, *value, ", and its derivative is ", said, "."]
        at = _others(naming, consumer)
        return "closed", [
            *made,
            " takes its other operand here (",
            *at,
            "), so that ",
            operand,
            " does not matter.",
        ]
    if op in _FLAT:
        return "zero partial", [
            *made,
            " is a step: flat everywhere but at the jump, so that its derivative is 0.",
        ]
    if op in ("mul", "dot"):
        return "zero factor", [*made, ": the factor beside ", operand, " is 0."]
    if op in _SATURATING:
        return "saturated", [*made, " is saturated: at ", *value, " the curve is so flat that its slope is below the "
                             "smallest double."]  # fmt: skip
    partial, _ = Local(naming, consumer).partial(term.operand)
    at = _others(naming, consumer)
    return "zero partial", [*made, ": its derivative by ", operand, ", ", partial, ", is 0 at ", *at, "."]


def _others(naming: Naming, consumer: Value) -> Line:
    out: list[str | Math] = []
    for x in dict.fromkeys(consumer.operands):
        if x.op != "const" or x.label:
            out += [", " if out else "", naming.name(x), " = ", naming.number(x.data)]
    return out


# -- large and small --------------------------------------------------------------------------------------


def _sized(naming: Naming, node: Value) -> Explanation:
    total = naming.gradients[node]
    reason: Reason = "large" if abs(total) >= LARGE else "small" if abs(total) <= SMALL else "ordinary"
    if node is naming.output:
        return _told(naming, node, "1", [Say(["backward() starts there, with the seed 1."])], "ordinary")
    path = paths.strongest(naming.graph, node)
    many = paths.count(naming.graph, node)
    product = 1.0
    rows: list[list[str | Math]] = []
    for link in path:
        product *= link.partial
        rows.append([_link_text(naming, link), naming.number(link.partial), naming.number(product)])
    if len(rows) > MOST_TOLD:
        keep = MOST_TOLD // 2
        rows = [*rows[:keep], [f"… {len(rows) - 2 * keep:,} links", "", ""], *rows[-keep:]]
    blocks: list[Block] = [Say(_about_paths(naming, node, many, product, total))]
    blocks.append(Table(("link", "partial", "product"), rows))
    if culprit := _culprit(path, reason):
        blocks.append(Say(_named_link(naming, culprit, reason)))
    size = "" if reason == "ordinary" else f"{reason}: "
    return _told(naming, node, [size, naming.number(total)], blocks, reason)


def _about_paths(naming: Naming, node: Value, many: int, product: float, total: float) -> Line:
    ends: list[str | Math] = [" from ", naming.name(node), " to ", naming.name(naming.output)]
    if many == 1:
        return ["One path leads", *ends, "; the gradient is the product of its links."]
    shown = f"{many:,}" if many < 10**12 else f"some 10^{len(str(many)) - 1}"
    return [
        f"{shown} paths lead", *ends, ", and the gradient is the sum of their products. The strongest brings ",
        naming.number(product), " of ", naming.number(total), ":",
    ]  # fmt: skip


def _link_text(naming: Naming, link: Link) -> str:
    past = f" past {naming.text(link.via)}" if link.via is not None else ""
    return f"{naming.text(link.operand)} → {naming.text(link.consumer)}{past} ({link.consumer.op})"


def _culprit(path: tuple[Link, ...], reason: Reason) -> Link | None:
    if reason == "ordinary" or not path:
        return None
    return (max if reason == "large" else min)(path, key=lambda link: abs(link.partial))


def _named_link(naming: Naming, link: Link, reason: Reason) -> Line:
    extreme = "largest" if reason == "large" else "smallest"
    line: list[str | Math] = [
        f"The {extreme} link is ", naming.name(link.consumer), " = ", naming.made(link.consumer), ": ",
        maths.partial(naming.name(link.consumer), naming.name(link.operand)),
    ]  # fmt: skip
    if link.via is None and len(link.consumer.operands) <= 12:
        partial, _ = Local(naming, link.consumer).partial(link.operand)
        if partial.kind != "number":
            line += [" = ", partial]
    line += [" = ", naming.number(link.partial), " at ", naming.name(link.operand), " = "]
    line += [naming.number(link.operand.data), "."]
    if reason == "small" and link.consumer.op in _SATURATING:
        line.append(" There the curve is nearly flat: it is saturated.")
    return line
