"""Derivatives as they are given: Values, closed forms, numbers, functions, texts; by node or by name.

Room: finds the node that is meant and makes of what was given something that has a number at any point. Below:
`formula`, `graph`, `derivative`. Above: `recorded`, `command`.
Must hold: no text is evaluated as code; what cannot be read is told in one sentence (`GivenError`) and stops nothing
else; a name is taken for a derivative only when no node bears it.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from minigrad import value as _core
from minigrad.derivative import ClosedForm, derive
from minigrad.expression import Expressions
from minigrad.formula import CONSTANTS, FormulaError, formula
from minigrad.graph import Graph
from minigrad.real import NotANumberError
from minigrad.text import message_of, shown
from minigrad.value import Value

#: What may be given for a derivative.
Claim: TypeAlias = "Value | ClosedForm | float | str | Callable[..., Any]"


class GivenError(ValueError):
    """What was given cannot be checked; the message is one sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """One derivative as it was given.

    name      as the user wrote it, or "dL/dz"
    node      what the result is differentiated by
    text      the formula as text; "" for numbers and functions
    value     the formula as a graph; None for numbers and functions
    number    of a number, valid at the user's own point only
    function  of a function, with `takes`, the nodes whose numbers it takes
    uses      names of the other derivatives that a text uses
    stands    inputs of `value` that stand for a derivative given as a function
    fixed     a derivative it uses is given as a number: it holds at the user's own point only
    """

    name: str
    node: Value
    text: str = ""
    value: Value | None = None
    number: float | None = None
    function: Callable[..., Any] | None = None
    takes: tuple[Value, ...] = ()
    uses: tuple[str, ...] = ()
    stands: tuple[tuple[Value, Given], ...] = ()
    fixed: bool = False

    @property
    def moves(self) -> bool:
        """Whether it has a number at other points than the user's own."""
        return self.number is None and not self.fixed

    def call(self, numbers: Sequence[float]) -> float:
        """The function at the numbers of the nodes that it takes.

        Raises GivenError when it raises, or returns no number.
        """
        assert self.function is not None
        try:
            with np.errstate(all="ignore"):
                result = self.function(*numbers)
        except (Exception, SystemExit) as error:  # whatever a user's function raises is told
            said = shown(message_of(error), 80)
            raise GivenError(
                f"the function given for {self.name} raises {type(error).__name__}" + f": {said}" * bool(said)
            ) from None
        return _number(result, f"the function given for {self.name} returns")


# -- which node -------------------------------------------------------------------------------------------


class Names:
    """The nodes of a graph by name, and their derivatives."""

    def __init__(self, output: Value) -> None:
        self.output = output
        self.graph = Graph(output)
        self.labels: dict[str, list[Value]] = {}
        for node in self.graph:
            if node.label:
                self.labels.setdefault(node.label, []).append(node)
        self.result = output.label or "L"

    def derivative(self, node: Value) -> str:
        """What the derivative by a node is called: dL/dz."""
        return f"d{self.result}/d{shown(self.graph.name(node), 40)}"

    def node(self, key: object) -> Value:
        """The node that a key means: itself, its label, or the name of its derivative."""
        if isinstance(key, Value):
            if key not in self.graph:
                what = f'"{shown(key.label, 40)}"' if key.label else f"this Value ({key.data:g})"
                raise GivenError(
                    f"{what} is not in the graph of {self.result}: take the node that {self.result} was computed from"
                )
            return key
        if not isinstance(key, str):
            raise GivenError(f"a derivative is named by a node or a text, not by {type(key).__name__}")
        found = self.named(key) or self.differentiated(key)
        if found is None:
            raise GivenError(f'no node is called "{shown(key, 40)}"{self.near(key)}')
        return found

    def named(self, name: str) -> Value | None:
        """The node with this label."""
        nodes = self.labels.get(name, [])
        if not nodes and name == self.result and not self.output.label:
            return self.output
        if len(nodes) > 1:
            raise GivenError(
                f'{len(nodes)} nodes are called "{shown(name, 40)}": pass the node, or label them apart'
            )
        return nodes[0] if nodes else None

    def differentiated(self, name: str) -> Value | None:
        """The node whose derivative bears this name: dz, dZ, dL/dz."""
        match = re.fullmatch(r"\s*[d∂](?:(.+?)\s*/\s*[d∂])?(.+?)\s*", name)
        if match is None:
            return None
        above, below = match.groups()
        if above is not None and above.strip("()") != self.result:
            return None
        below = below[1:-1] if below.startswith("(") and below.endswith(")") else below
        found = self.named(below)
        if found is None:
            alike = [label for label in self.labels if label.casefold() == below.casefold()]
            found = self.named(alike[0]) if len(alike) == 1 else None
        return found

    def near(self, name: str) -> str:
        """A hint at the names that look like this one."""
        known: dict[str, str] = {}
        for label in self.labels:
            for known_as in (label, f"d{label}"):
                known.setdefault(known_as.casefold(), known_as)
        bare = re.sub(r"^d.+/\s*d", "d", name.strip())
        near = difflib.get_close_matches(bare.casefold(), list(known), 1, 0.6)
        if near:
            return f'; did you mean "{known[near[0]]}"?'
        some = ", ".join(shown(label, 20) for label in list(self.labels)[:8])
        return f"; named nodes are {some}" if some else "; no node has a name: label them, or pass the nodes"


# -- what was given ---------------------------------------------------------------------------------------


def read(names: Names, key: object, claim: object, others: Mapping[Value, Given] | None = None) -> Given:
    """What was given for one key.

    others   derivatives that were read before, which a text may use by name

    Raises GivenError, one sentence.
    """
    node = names.node(key)
    if node.op == "const":
        raise GivenError(
            f"{names.graph.name(node)} is a constant of the graph: make it a Value to differentiate by it"
        )
    name = key if isinstance(key, str) and key not in names.labels else names.derivative(node)
    name = shown(name.strip(), 60)
    if isinstance(claim, ClosedForm):
        return Given(name, node, text=str(claim), value=claim.value)
    if isinstance(claim, Value):
        return _value(names, name, node, claim)
    if isinstance(claim, str):
        return _text(names, name, node, claim, others or {})
    if callable(claim):
        return _function(names, name, node, claim)
    return Given(name, node, number=_number(claim, f"{name} is"))


def _number(claim: Any, what: str) -> float:
    """A number, or a sentence that says what it is instead."""
    shape = getattr(claim, "shape", None)
    if shape is None and isinstance(claim, list | tuple):
        shape = np.shape(claim) if claim and not isinstance(claim[0], Value) else (len(claim),)
    if shape:
        if int(np.prod(shape)) != 1:
            raise GivenError(f"{what} an array of shape {tuple(shape)}, where one number belongs")
        claim = np.asarray(claim).reshape(())[()]
    try:
        return float(Value(claim).data)
    except OverflowError:
        raise GivenError(f"{what} too large for a double") from None
    except (NotANumberError, TypeError, ValueError):
        pass
    if claim is None:
        raise GivenError(f"{what} None, where one number belongs: is a return missing?")
    raise GivenError(f"{what} something of type {type(claim).__name__}, where one real number belongs")


def _value(names: Names, name: str, node: Value, claim: Value) -> Given:
    """A recorded formula; a leaf that has no part in the graph is a number."""
    if claim.op == "const" or (claim.op == "input" and claim not in names.graph):
        return Given(name, node, number=claim.data)
    e = Expressions()
    (i,) = e.read([claim])
    return Given(name, node, text=e.text(i, limit=400), value=claim)


def _function(names: Names, name: str, node: Value, claim: Callable[..., Any]) -> Given:
    """A function whose parameters are named after nodes."""
    try:
        parameters = inspect.signature(claim).parameters.values()
    except (TypeError, ValueError):
        raise GivenError(
            f"the parameters of the function given for {name} cannot be read: wrap it, "
            "lambda a, y: ..., with the names of nodes"
        ) from None
    takes: list[Value] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise GivenError(
                f"the function given for {name} takes *arguments: name its parameters after nodes, lambda a, y: ..."
            )
        found = names.named(parameter.name)
        if found is None:
            if parameter.default is not parameter.empty:
                break
            raise GivenError(
                f'the function given for {name} takes "{parameter.name}", but no node is called so'
                + names.near(parameter.name)
            )
        if parameter.kind == parameter.KEYWORD_ONLY:
            raise GivenError(f"the function given for {name} must take {parameter.name} by position")
        takes.append(found)
    return Given(name, node, function=claim, takes=tuple(takes))


# -- texts ------------------------------------------------------------------------------------------------


def _text(names: Names, name: str, node: Value, text: str, others: Mapping[Value, Given]) -> Given:
    """A formula over named nodes and other derivatives, through `formula`."""
    plain = _shortened(names, text)
    values: dict[str, float | Value] = {}
    uses: dict[str, Given] = {}
    stands: list[tuple[Value, Given]] = []
    for word in _words(plain):
        found = names.named(word)
        by = names.differentiated(word) if found is None else None
        if found is not None:
            values[word] = found
        elif by is not None and by is not node:
            other = others.get(by)
            value = values[word] = _derivative(names, word, by, other)
            if other is not None:
                uses[word] = other
                stands += other.stands
                if other.function is not None:
                    stands.append((value, other))
        elif word not in CONSTANTS:
            own = " (it is the derivative asked for)" if by is node else names.near(word)
            raise GivenError(f'in {name} = {shown(text, 60)} no node is called "{shown(word, 40)}"{own}')
    try:
        result = formula(plain, **values)
    except FormulaError as error:
        first = str(error).split("\n", 1)[0]
        raise GivenError(f"{name} = {shown(text, 60)} is no formula: {first}") from None
    return Given(
        name,
        node,
        text=shown(text.strip(), 400),
        value=result,
        uses=tuple(uses),
        stands=tuple(dict.fromkeys(stands)),
        fixed=any(not other.moves for other in uses.values()),
    )


def _shortened(names: Names, text: str) -> str:
    """The text with dz for dL/dz."""
    return re.sub(rf"\bd\(?{re.escape(names.result)}\)?\s*/\s*d(?=\w)", "d", text)


def _derivative(names: Names, word: str, by: Value, other: Given | None) -> Value:
    """Another derivative in a text: the user's own if it was given, else the right one."""
    if other is None:
        return derive(names.output, by).value
    if other.value is not None:
        return other.value
    if other.number is not None:
        return _core.constant(other.number)
    return Value(0.0, label=word)


def needed(names: Names, text: str) -> set[Value]:
    """The nodes whose derivatives a text uses by name."""
    found = set()
    for word in _words(_shortened(names, text)):
        try:
            by = None if names.named(word) is not None else names.differentiated(word)
        except GivenError:
            continue
        if by is not None:
            found.add(by)
    return found


def _words(text: str) -> list[str]:
    """The names that a formula takes from outside, functions left out."""
    translated = text.translate(str.maketrans("−×·÷\t", "-**/ "))
    try:
        tree = ast.parse("\n".join(line.strip() for line in translated.splitlines()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # `formula` says what is wrong with it
    called = {id(part.func) for part in ast.walk(tree) if isinstance(part, ast.Call)}
    stored = {
        part.id for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    words = [
        part.id
        for part in ast.walk(tree)
        if isinstance(part, ast.Name) and id(part) not in called and part.id not in stored
    ]
    return list(dict.fromkeys(words))
