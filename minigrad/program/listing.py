"""A program as text that can be read.

Room: a view of `Lowered`; changes nothing. Below: `expression`, `instructions`, `text`.
Must hold: one line for each step, in the order in which they run; names are the user's where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minigrad.expression import Expressions
from minigrad.program.instructions import Both, Dots, Products, Row, Step, Store, Sum, Uniform
from minigrad.program.lower import Lowered
from minigrad.rules import COMPUTED
from minigrad.text import shown

#: Summands that one line shows before it says how many more there are, and lines that one section shows.
SUMMANDS, LINES = 8, 200


class Listing:
    """The lines of one program.

    lowered   the program
    e         the expressions it was made from
    columns   names of the columns
    results   names of what is added up or written down
    """

    def __init__(
        self, lowered: Lowered, e: Expressions, columns: Sequence[str], results: Sequence[str]
    ) -> None:
        self.lowered = lowered
        self.code = lowered.code
        self.e = e
        self.results = results
        self._columns = [shown(name, 40) for name in columns]
        self._slots: dict[int, str] = {}
        self._steps: dict[int, str] = {}
        self._cells = {cell: self._cell_name(cell, x) for cell, x in lowered.uniforms.items()}
        self._cells[self.code.count] = "m"
        self._unnamed = 0

    def _cell_name(self, cell: int, x: int) -> str:
        if self.e.ops[x] == "const":
            number = self.e.number[x]
            return f"{number:g}" if number == float(f"{number:g}") else repr(number)
        return shown(self.e.label[x], 40) if self.e.label.get(x) else f"u{cell}"

    def _name(self, operand: int) -> str:
        if operand < 0:
            return self._cells[~operand]
        if operand < self.code.sources:
            return self._columns[operand]
        return self._slots[operand]

    def _named(self, slot: int, x: int) -> str:
        name = shown(self.e.label[x], 40) if self.e.label.get(x) else ""
        if not name and self.e.ops[x] in COMPUTED:
            name = self._partial_name(x)
        if not name:
            self._unnamed += 1
            name = f"v{self._unnamed}"
        self._slots[slot] = name
        return name

    def _partial_name(self, x: int) -> str:
        """The name of a computed partial of a named step: L.dz."""
        computed = COMPUTED[self.e.ops[x]]
        for y, name in self.e.label.items():
            if self.e.ops[y] == computed.rule.name and self.e.operands[y] == self.e.operands[x]:
                return f"{shown(name, 40)}.d{computed.operands[computed.operand]}"
        return ""

    # -- lines ----------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The whole program."""
        parameters = [self._cells[cell] for _, cell in sorted(self.lowered.parameters.items())]
        result = [
            _field("columns", self._columns),
            _field("parameters", parameters),
        ]
        result += self._section("once", self.code.before, self._uniform)
        body = list(zip(self.code.body, self.lowered.made, strict=True))
        result.append(f"for each block of {self.code.block:,} rows")
        result += self._limited([self._step(step, made) for step, made in body[: LINES + 1]], len(body))
        return result + self._results()

    def _results(self) -> list[str]:
        """What each result is, in terms of what was added up."""
        for cell, keys in zip(self.code.totals, self.lowered.sums, strict=True):
            added = ["·".join(self._varying(x) for x in key) for key in keys[:SUMMANDS]]
            added += [f"… ({len(keys) - SUMMANDS} more)"] * (len(keys) > SUMMANDS)
            self._cells[cell] = f"Σ {added[0]}" if len(keys) == 1 else f"Σ ({' + '.join(added)})"
        for operation in self.code.after:
            self._cells[operation.dst] = shown(self._written(operation), 120)
        lines = [
            f"{name} = {self._cells[cell]}"
            for name, cell in zip(self.results, self.lowered.results, strict=False)
        ]
        return ["after the last row", *self._limited(lines, len(lines))] if lines else []

    def _written(self, operation: Uniform) -> str:
        """An operation on totals as one writes it."""
        x, y = (self._cells[cell] for cell in operation.operands)
        if operation.op == "div":
            return f"{x} / {y}"
        return f"{x}·({y})" if operation.op == "mul" else f"{x} + {y}"

    def _varying(self, x: int) -> str:
        return self._steps.get(x) or shown(self.e.label.get(x, "") or "…", 40)

    def _section(
        self, title: str, operations: Sequence[Uniform], line: Callable[[Uniform], str]
    ) -> list[str]:
        if not operations:
            return []
        return [title, *self._limited([line(operation) for operation in operations], len(operations))]

    def _limited(self, lines: Sequence[str], count: int) -> list[str]:
        result = [f"  {line}" for line in lines[:LINES]]
        return [*result, f"  … {count - LINES:,} more"] if count > LINES else result

    def _uniform(self, operation: Uniform) -> str:
        name = self._cells.setdefault(operation.dst, f"u{operation.dst}")
        return f"{name} = {operation.op}({', '.join(self._cells[cell] for cell in operation.operands)})"

    def _step(self, step: Step, made: tuple[int, ...]) -> str:
        if isinstance(step, Row):
            right = f"{step.op}({', '.join(map(self._name, step.operands))})"
            return f"{self._result(step.dst, made[0])} = {right}"
        if isinstance(step, Both):
            right = f"{step.op}({', '.join(map(self._name, step.operands))})"
            left = f"{self._result(step.dst, made[0])}, {self._result(step.partial, made[1])}"
            return f"{left} = {right} and its partial"
        if isinstance(step, Products):
            summands = [
                self._name(x) if self._cells[u] == "1" else f"{self._cells[u]}·{self._name(x)}"
                for u, x in zip(step.cells[:SUMMANDS], step.columns, strict=False)
            ]
            more = len(step.cells) - SUMMANDS
            summands += [f"… ({more} more)"] * (more > 0)
            summands += [self._cells[step.constant]] if step.constant >= 0 else []
            return f"{self._result(step.dst, made[0])} = {' + '.join(summands)}"
        if isinstance(step, Sum):
            return f"Σ {self._name(step.x)}"
        if isinstance(step, Dots):
            columns = [self._name(x) for x in step.columns[:SUMMANDS]]
            more = len(step.columns) - SUMMANDS
            columns += [f"… ({more} more)"] * (more > 0)
            by = columns[0] if len(step.columns) == 1 else f"({', '.join(columns)})"
            return f"Σ {self._name(step.d)}·{by}"
        assert isinstance(step, Store)
        return f"write {self._name(step.x)} as {self.results[step.output]}"

    def _result(self, slot: int, x: int) -> str:
        self._steps[x] = self._named(slot, x)
        return self._steps[x]


def _field(name: str, values: Sequence[str]) -> str:
    listed = ", ".join(values[:SUMMANDS]) or "none"
    more = len(values) - SUMMANDS
    return f"{name:<11} {listed}{f', … ({more} more)' if more > 0 else ''}"
