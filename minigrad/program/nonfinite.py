"""Which rows made a result nan, and what is nan in them.

Room: runs a program again, row by row, after it has given a nan. Below: `graph` and `nonfinite` of the package,
`binding`. Above: `program`.
Must hold: takes constant memory for a stream, and names rows as the table counts them, from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from minigrad.graph import Graph
from minigrad.program.binding import Bound, bind, is_stream, panels
from minigrad.text import shown
from minigrad.value import Value

if TYPE_CHECKING:
    from minigrad.program.program import At, Program

#: Rows that a message names, and rows looked at in one go.
NAMED, CHUNK = 3, 65536


class NonFiniteError(ArithmeticError):
    """A result over many rows is nan; the message names the first rows and what is nan in them."""


def located(program: Program, table: Any, at: At | None) -> str:
    """Why a result is nan."""
    found: list[str] = []
    bad = rows = 0
    for start, columns in _chunks(program, table):
        losses, gradients = program.per_row(Bound(len(columns[0]), columns), at=at)
        m = len(losses)
        wrong = np.isnan(losses.reshape(m, -1)).any(axis=1) | np.isnan(gradients.reshape(m, -1)).any(axis=1)
        if program._plan.weight is not None:
            wrong |= np.isnan(columns[-1].astype(np.float64))
        for i in np.flatnonzero(wrong)[: NAMED - len(found)]:
            found.append(f"row {start + i}: {_why(program, columns, int(i), at)}")
        bad += int(wrong.sum())
        rows += m
    if not found:
        return (
            f"the result over {rows:,} rows is nan although no row is: infinities of both signs were added up, or the "
            "weights add up to 0"
        )
    more = f"\n  … {bad - len(found):,} more" if bad > len(found) else ""
    many = f"{bad:,} of {rows:,} rows give nan" if bad > 1 else f"1 of {rows:,} rows gives nan"
    lines = "".join(f"\n  {line}" for line in found)
    return f"{many} (counted from 0){lines}{more}\n  what to do: leave these rows out, or mend what is nan in them"


def _chunks(program: Program, table: Any) -> Iterator[tuple[int, list[npt.NDArray[Any]]]]:
    if is_stream(table):
        start = 0
        for m, columns in panels(table.batches(program.columns)):
            yield start, columns
            start += m
        return
    columns = bind(table, program.columns).columns()
    for start in range(0, len(columns[0]), CHUNK):
        yield start, [column[start : start + CHUNK] for column in columns]


def _why(program: Program, columns: list[npt.NDArray[Any]], i: int, at: At | None) -> str:
    """What is nan in one row: its columns, or the operation that made it."""
    numbers = {name: float(column[i]) for name, column in zip(program.columns, columns, strict=True)}
    strange = [f"{shown(name, 40)} = {number!r}" for name, number in numbers.items() if number != number]
    if strange:
        return ", ".join(strange)
    graph = Graph(program._outputs).copy()
    copies = dict(zip(Graph(program._outputs).nodes, graph.nodes, strict=True))
    values: dict[Value | str, float] = {copies[node]: numbers[node.label] for node in program._plan.rows}
    for key, number in (at or {}).items():
        original = next(node for node in copies if node is key or (node.op == "input" and node.label == key))
        values[copies[original]] = number
    graph.forward(values)
    for output in graph.outputs:
        if report := output.find_nonfinite():
            return str(report).split("\n", 1)[0]
    return ", ".join(f"{shown(name, 40)} = {number!r}" for name, number in list(numbers.items())[:6])
