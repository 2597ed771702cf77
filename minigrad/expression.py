"""Expressions: a recorded graph as algebra, each distinct operation on the same operands once.

Room: the store (`Expressions`), reading a graph into it, and recording an expression as a graph again. Below:
`graph`'s order through `value`, `rules`, `templates`, `notation` for the text. Above: `simplify`, `derive`, `program`.
Must hold: ids are ints, operands have smaller ids than results; two expressions with the same operation and
operands have the same id (the operands of a commutative operation in either order); constants are folded by the
arithmetic of the rows, so that folding changes no bit; nothing here recurses over a graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from minigrad import notation
from minigrad import value as _core
from minigrad.rewrites import COMMUTATIVE
from minigrad.rows import CODES
from minigrad.rules import COMPUTED
from minigrad.templates import Template
from minigrad.value import Value


class Expressions:
    """A store of expressions over inputs and constants.

    ops        by id: "input", "const", a name of `rules.RULES` or of `rules.COMPUTED`
    operands   by id: a tuple of ids, all smaller
    number     id -> float of each constant
    leaf       id -> the Value of each input that has one
    node       id -> the Value that was read as this expression, the first if several were
    label      id -> the name that the user gave to it

    >>> x, y = Value(2.0, label="x"), Value(3.0, label="y")
    >>> e = Expressions()
    >>> (z,) = e.read([x * y + y * x])
    >>> e.ops, e.text(z)
    (['input', 'input', 'mul', 'add'], 'x*y + x*y')
    """

    __slots__ = ("_ids", "_separate", "label", "leaf", "node", "number", "operands", "ops")

    def __init__(self) -> None:
        self.ops: list[str] = []
        self.operands: list[tuple[int, ...]] = []
        self.number: dict[int, float] = {}
        self.leaf: dict[int, Value] = {}
        self.node: dict[int, Value] = {}
        self.label: dict[int, str] = {}
        self._ids: dict[object, int] = {}
        self._separate: set[int] = set()

    def __len__(self) -> int:
        return len(self.ops)

    def _new(self, key: object, op: str, operands: tuple[int, ...] = ()) -> int:
        found = self._ids[key] = len(self.ops)
        self.ops.append(op)
        self.operands.append(operands)
        return found

    # -- making ---------------------------------------------------------------------------------------

    def input(self, value: Value) -> int:
        """The id of a leaf."""
        found = self._ids.get(value)
        if found is None:
            found = self._new(value, "input")
            self.leaf[found] = self.node[found] = value
            if value.label:
                self.label[found] = value.label
        return found

    def symbol(self, name: str) -> int:
        """The id of an input that is no Value, by its name."""
        found = self._ids.get(("symbol", name))
        if found is None:
            found = self._new(("symbol", name), "input")
            self.label[found] = name
        return found

    def constant(self, number: float) -> int:
        """The id of a constant; 0.0 and -0.0 are two."""
        if number == 0.0:
            key: object = ("const", str(number))
        else:
            key = ("const", number if number == number else "nan")
        found = self._ids.get(key)
        if found is None:
            found = self._new(key, "const")
            self.number[found] = number
        return found

    def make(self, op: str, operands: tuple[int, ...]) -> int:
        """The id of an operation on operands: the same as before if it was made before, folded if all are constant.

        op   a name of `rules.RULES` or of `rules.COMPUTED`
        """
        key: object = (op, operands)
        if op in COMMUTATIVE and operands[0] > operands[1]:
            key = (op, operands[::-1])
        found = self._ids.get(key)
        if found is not None:
            return found
        number = self.number
        for operand in operands:
            if operand not in number:
                return self._new(key, op, operands)
        found = self._ids[key] = self.constant(_folded(op, [number[operand] for operand in operands]))
        return found

    def build(self, form: Template, letters: Mapping[str, int | Sequence[int]]) -> int:
        """The id of a template, its letters standing for these ids."""
        if form.op == "letter":
            return letters[form.name]  # type: ignore[return-value]
        if form.op == "const":
            return self.constant(form.number)
        operands: list[int] = []
        for part in form.parts:
            if part.name.endswith("*"):
                operands += letters[part.name]  # type: ignore[arg-type]
            else:
                operands.append(self.build(part, letters))
        return self.make(form.op, tuple(operands))

    # -- reading and recording ------------------------------------------------------------------------

    def read(self, outputs: Sequence[Value], apart: Collection[Value] = ()) -> list[int]:
        """The ids of the graphs that lead to `outputs`, as they were recorded.

        apart   nodes that stay apart from others which compute the same

        An operation that looks through another, such as bce of a sigmoid, is read as the two operations.
        """
        ids: dict[Value, int] = {}
        node_of, label, kept = self.node, self.label, set(apart)
        for node in _core.order_of(outputs):
            op = node.op
            if op == "input":
                ids[node] = self.input(node)
                continue
            if op == "const":
                found = self.constant(node.data)
            elif node in kept:
                found = self._apart(node, tuple([ids[operand] for operand in node.operands]))
            else:
                found = self.make(op, tuple([ids[operand] for operand in node.operands]))
            ids[node] = found
            if found not in node_of:
                node_of[found] = node
            if node.label and found not in label:
                label[found] = node.label
                node_of[found] = node
        return [ids[output] for output in outputs]

    def _apart(self, node: Value, operands: tuple[int, ...]) -> int:
        return self._kept_apart(("apart", node), node.op, operands)

    def _kept_apart(self, key: object, op: str, operands: tuple[int, ...]) -> int:
        found = self._ids.get(key)
        if found is None:
            found = self._new(key, op, operands)
            self._separate.add(found)
        return found

    def is_apart(self, i: int) -> bool:
        """Whether an expression stays apart from others which compute the same."""
        return i in self._separate

    def apart(self, i: int, other: int) -> int:
        """What `other` computes, to take the place of `i` and to stay apart as that does.

        What has no operands, and what stays apart itself, comes as the sum of it alone.
        """
        op, operands = self.ops[other], self.operands[other]
        if not operands or other in self._separate:
            op, operands = "sum", (other,)
        return self._kept_apart(("apart", i, op, operands), op, operands)

    def remade(self, i: int, operands: tuple[int, ...]) -> int:
        """An operation on other operands; one that was read apart stays apart."""
        if i not in self._separate:
            return self.make(self.ops[i], operands)
        return self._kept_apart(("apart", i, operands), self.ops[i], operands)

    def record(self, ids: Sequence[int], values: Mapping[int, Value] | None = None) -> list[Value]:
        """Record expressions as a graph.

        values   id -> the Value to use for it; by default `node`, so that the graph hangs on the user's own

        Raises ValueError for an input that is no Value.
        """
        known = dict(self.node if values is None else values)
        for i in self.order(ids, known):
            if i in known:
                continue
            op = self.ops[i]
            if op == "const":
                known[i] = _core.constant(self.number[i])
            elif op == "input":
                raise ValueError(f"{self.label[i]} is a symbol without a Value: it cannot be recorded")
            else:
                known[i] = _core.record(op, [known[operand] for operand in self.operands[i]])
        return [known[i] for i in ids]

    def order(self, ids: Iterable[int], leaves: Mapping[int, object] | Iterable[int] = ()) -> list[int]:
        """Everything that `ids` need, operands first; `leaves` are not looked into."""
        known = leaves if isinstance(leaves, Mapping | set | frozenset) else set(leaves)
        needed: set[int] = set()
        waiting = list(ids)
        operands = self.operands
        while waiting:
            i = waiting.pop()
            if i not in needed:
                needed.add(i)
                if i not in known:
                    waiting += operands[i]
        return sorted(needed)

    def evaluate(self, ids: Sequence[int], numbers: Mapping[int, float] | None = None) -> list[float]:
        """The numbers of expressions, by the arithmetic of the rows.

        numbers   id -> number of an input; by default that of its Value
        """
        results = dict(self.number)
        if numbers:
            results.update(numbers)
        for i in self.order(ids, results):
            if i in results:
                continue
            if self.ops[i] == "input":
                results[i] = self.leaf[i].data
            else:
                results[i] = _folded(self.ops[i], [results[operand] for operand in self.operands[i]])
        return [results[i] for i in ids]

    def text(
        self,
        i: int,
        *,
        limit: int = notation.LIMIT,
        symbols: Mapping[int, str] | None = None,
        top: bool = True,
    ) -> str:
        """An expression in the grammar of `formula`, labelled parts by their label.

        limit    most characters; a longer text is cut and says so
        symbols  id -> name, in place of the labels
        top      write `i` itself out even if it is labelled

        What occurs several times and would make the text long is named first: "t1 = ...; t1*t1".
        """
        return notation.text(
            self, i, limit=limit, symbols=self.label if symbols is None else symbols, top=top
        )


def _folded(op: str, numbers: list[float]) -> float:
    """An operation at numbers: what the row gives, value or computed partial."""
    code = CODES.get(op)
    if code is not None:
        return _core.evaluate(code, numbers)
    computed = COMPUTED[op]
    node = _core.record(computed.rule.name, [_core.constant(number) for number in numbers])
    return node.partials[computed.operand]
