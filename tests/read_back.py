"""The printed text of an explanation read back as numbers: by a reader that shares nothing with the writer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from minigrad import Graph, Value
from minigrad.value import gradients

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def bce(a: float, y: float) -> float:
    return -(y * math.log(a) + (1 - y) * math.log(1 - a))


def dot(w: list[float], x: list[float]) -> float:
    return math.sumprod(w, x) if hasattr(math, "sumprod") else sum(map(float.__mul__, w, x))


FUNCTIONS: dict[str, Callable[..., float]] = {
    "sigmoid": sigmoid, "ReLU": lambda x: max(x, 0.0), "exp": math.exp, "log": math.log, "sin": math.sin,
    "cos": math.cos, "tanh": math.tanh, "cosh": math.cosh, "sqrt": math.sqrt, "abs": abs, "max": max, "min": min,
    "bce": bce, "sign": lambda x: math.copysign(1.0, x) if x else 0.0, "log1p": math.log1p, "dot": dot,
    "logit": lambda p: math.log(p / (1 - p)), "softplus": lambda x: math.log1p(math.exp(x)), "sum": lambda *x: sum(x),
    "mean": lambda *x: sum(x) / len(x), "logsumexp": lambda *x: math.log(sum(map(math.exp, x))),
}  # fmt: skip


class Printed(NamedTuple):
    """One printed equation: what is left of the sign, what is right of it, and the reason."""

    left: str
    right: str
    reason: str


def equations(text: str) -> list[list[Printed]]:
    """The chains of equations in a text that was not wrapped: each a list with its left side throughout."""
    chains: list[list[Printed]] = []
    left = ""
    for line in text.splitlines():
        found = re.fullmatch(r"  (?P<left>.*?) ?= (?P<right>.*?)(?:   +(?P<reason>.*))?", line)
        if found is None:
            left = line.strip() if line.startswith("  ") and line.strip() else ""
            continue
        if found["left"].strip():
            left = found["left"].strip()
            chains.append([])
        elif not chains or chains[-1][0].left != left:
            chains.append([])
        chains[-1].append(Printed(left, found["right"].strip(), found["reason"] or ""))
    return chains


def numbers_of(output: Value, names: Mapping[Value, str]) -> dict[str, float]:
    """What every name and every ∂L/∂z of a graph stands for, from the recorded engine alone."""
    graph = Graph(output)
    found = {names[node]: node.data for node in graph}
    for node, gradient in zip(graph, gradients(output, list(graph)), strict=True):
        found[f"∂{names[output]}/∂{names[node]}"] = gradient
    for node in graph:
        totals: dict[Value, float] = {}
        for operand, partial in zip(node.operands, node.partials, strict=True):
            totals[operand] = totals.get(operand, 0.0) + partial
        for operand, total in totals.items():
            if node is not output:
                found[f"∂{names[node]}/∂{names[operand]}"] = total
    return found


def value_of(formula: str, numbers: Mapping[str, float]) -> float:
    """The number of a printed formula."""
    known = dict(FUNCTIONS)
    text = formula
    for k, name in enumerate(sorted((name for name in numbers if "∂" in name), key=len, reverse=True)):
        if name in text:
            text = re.sub(re.escape(name) + r"(?!\w)", f" D{k}_ ", text)
            known[f"D{k}_"] = numbers[name]  # type: ignore[assignment]
    text = text.replace("σ(", "sigmoid(").replace("−", "-").replace("·", "*").replace("^", "**")
    text = text.replace("≤", "<=").replace("≥", ">=").replace("≠", "!=")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(
        f"[{_SUPERSCRIPTS}]+",
        lambda m: "**" + m[0].translate(str.maketrans(_SUPERSCRIPTS, "0123456789-")),
        text,
    )
    text = text.replace(", else ", " else ")
    names = {name: number for name, number in numbers.items() if name.isidentifier()}
    return float(eval(text, {"__builtins__": {}, "inf": math.inf, "nan": math.nan}, {**known, **names}))
