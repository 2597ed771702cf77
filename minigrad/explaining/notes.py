"""What is said once below an explanation: the lecture's names, and whatever is odd about the graph or its gradients.

Room: words only. Below: `naming`, `nonfinite`. Above: `telling`, `causes`.
Must hold: a graph without names, with doubled names, without gradients, with nan: each is met with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.explaining.explanation import Line
from minigrad.explaining.naming import Naming, finite
from minigrad.explaining.typeset import text, word
from minigrad.nonfinite import find_nonfinite
from minigrad.value import Value


def short_names(naming: Naming, nodes: Iterable[Value]) -> str:
    """The lecture's names, said once."""
    pairs = []
    for node in nodes:
        label = naming.label(node)
        if (
            node is not naming.output
            and node.label
            and label[1:].isdigit() | (len(label) == 1)
            and label[0].isalpha()
        ):
            pairs.append(f"d{label[0].upper()}{label[1:]} for {text(naming.gradient(node))}")
    if not pairs:
        return ""
    return f"Lectures write {', '.join(pairs[:12])}."


def notes(naming: Naming, nodes: list[Value], *, numbers: bool) -> list[Line]:
    """What is said once: short names, the logarithm, digits, and whatever is odd about the graph."""
    said: list[str] = []
    if short := short_names(naming, nodes):
        said.append(short)
    if any("log" in node.op or node.op == "bce" for node in naming.graph):
        said.append("log is the natural logarithm.")
    if numbers:
        said.append(f"Numbers are shown to {naming.digits} digits and computed with all of them.")
    lines: list[Line] = [[" ".join(said)]] if said else []
    lines += [[line] for line in naming_notes(naming)]
    if numbers:
        lines += [[line] for line in state_notes(naming, nodes)]
    return lines


def naming_notes(naming: Naming) -> list[str]:
    """What is to be said about names: none at all, or one for several nodes."""
    nodes = [node for node in naming.graph if node.op != "const"]
    labels: dict[str, int] = {}
    for node in nodes:
        if node.label:
            labels[node.label] = labels.get(node.label, 0) + 1
    if not labels and len(nodes) > 1:
        return [
            'No node has a name, so they are called by their place in the graph, v0, v1, …; Value(2.0, label="w") '
            'and (w * x).named("z") give them names.'
        ]
    doubles = [(label, count) for label, count in labels.items() if count > 1]
    return [
        f"{count:,} nodes are called {word(label)}; from the second on they are told apart as "
        f"{word(label + '_2')}{'' if count == 2 else ', …'} in the order of the graph."
        for label, count in doubles[:3]
    ]


def state_notes(naming: Naming, nodes: list[Value]) -> list[str]:
    """What is to be said about `.grad` as it stands, and about nan and inf."""
    out = []
    told = [node for node in nodes if node.op != "const"]
    if (
        told
        and all(node.grad == 0.0 for node in told)
        and any(naming.gradients[node] != 0.0 for node in told)
    ):
        which = f"{naming.text(told[0])}.grad is" if len(told) == 1 else "Every .grad is"
        out.append(
            f"{which} 0 as yet: backward() has not been called, or zero_grad() came after it. The numbers are those "
            "that backward() will leave."
        )
    else:
        for node in told:
            if message := grad_note(naming, node):
                out.append(message)
                break
    if not all(finite(node.data, naming.gradients[node] or 0.0) for node in naming.graph):
        if trouble := find_nonfinite(naming.output):
            first, _, remedy = trouble.message.partition("\n  what to do: ")
            out.append(f"Not every number is finite. It began here: {first}. What to do: {remedy}.")
    return out


def grad_note(naming: Naming, node: Value) -> str:
    """How `.grad` differs from the gradient, "" if it does not."""
    right, grad = naming.gradients[node], node.grad
    if grad == right or (grad != grad and right != right):
        return ""
    called = f"{naming.text(node)}.grad"
    if finite(right, grad) and right != 0.0 and (grad / right).is_integer() and grad / right > 1:
        return (
            f"{called} is {text(naming.number(grad))}, {int(grad / right)} times the derivative: backward() has been "
            f"called {int(grad / right)} times, and inputs add up until zero_grad()."
        )
    if grad == 0.0:
        return f"{called} is 0: backward() has not been called since it was made or cleared."
    return (
        f"{called} is {text(naming.number(grad))}: another seed, or another result, has left something there; "
        "zero_grad() clears it."
    )
