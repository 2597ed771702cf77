"""An operation of the table over a block of rows, by its name.

Room: what `machine` calls where it runs interpreted, and what the tests call in both forms: operands are arrays or
single numbers. Compiled, it hands their addresses to `kernels`; interpreted, it does with NumPy what they do. Below:
`kernels` (generated), `lanes`.
Must hold: the numbers are those of the rows to a few ulp, inf and nan included, and NumPy warns of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from minigrad.program import kernels
from minigrad.program.lanes import exp_of_difference, product_error, sum_error
from minigrad.rules import COMPUTED, RULES
from minigrad.value import evaluate as evaluate_row

Block = npt.NDArray[np.float64]
Operand = Block | float

CODES: dict[str, int] = kernels.CODES
PAIRS: dict[tuple[str, str], int] = kernels.PAIRS


def evaluate(name: str, operands: Sequence[Operand], out: Block, level: ModuleType = kernels) -> None:
    """out = name(operands), row by row.

    name      of a row of RULES or an entry of COMPUTED
    operands  float64 arrays (n,), contiguous, or numbers: the same for all rows
    out       float64 (n,), contiguous, not one of the operands
    level     which compiled form of the kernels

    >>> out = np.empty(2)
    >>> evaluate("mul", [np.array([1.0, 2.0]), 3.0], out)
    >>> out
    array([3., 6.])
    """
    if level.POINTERS is None:
        with np.errstate(all="ignore"):
            out[...] = _interpreted(name, operands, level)
    elif name in RULES and RULES[name].arity not in (1, 2):
        arrays = [np.ascontiguousarray(np.broadcast_to(x, out.shape), dtype=np.float64) for x in operands]
        addresses = np.array([_address(a) for a in arrays], dtype=np.uintp)
        level.runn(CODES[name], _address(addresses), len(arrays), _address(out), out.size)
    elif len(operands) == 1:
        (x,) = _arrays(operands)
        level.run1(CODES[name], _address(_whole(x, out)), _address(out), out.size)
    else:
        x, y, mode = _mode(operands, out)
        level.run2(CODES[name], mode, _address(x), _address(y), _address(out), out.size)


def evaluate_pair(
    row: str,
    computed: str,
    operands: Sequence[Operand],
    out: Block,
    partial: Block,
    level: ModuleType = kernels,
) -> None:
    """out = row(operands) and partial = computed(operands), in one pass: see `evaluate`."""
    if level.POINTERS is None:
        evaluate(row, operands, out, level)
        evaluate(computed, operands, partial, level)
        return
    x, y, mode = _mode(operands if len(operands) == 2 else [*operands, 0.0], out)
    if len(operands) == 1:
        x = _whole(x, out)
    pair = PAIRS[row, computed]
    level.run_both(pair, mode, _address(x), _address(y), _address(out), _address(partial), out.size)


# -- addresses ----------------------------------------------------------------------------------------------


def _address(array: npt.NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _arrays(operands: Sequence[Operand]) -> list[Block]:
    return [np.ascontiguousarray(x, dtype=np.float64) for x in operands]


def _whole(x: Block, out: Block) -> Block:
    return np.ascontiguousarray(np.broadcast_to(x, out.shape))


def _mode(operands: Sequence[Operand], out: Block) -> tuple[Block, Block, int]:
    """Both operands as arrays, and which of them varies."""
    x, y = _arrays(operands)
    uniform = [np.ndim(given) == 0 for given in operands]
    if uniform == [True, True]:
        return _whole(x, out), y, 1
    return x, y, 1 if uniform[1] else 2 if uniform[0] else 0


# -- interpreted --------------------------------------------------------------------------------------------


def _interpreted(name: str, operands: Sequence[Operand], level: ModuleType) -> Any:
    if name in _FOLDS:
        return _folded(name, operands)
    rule = RULES[name] if name in RULES else COMPUTED[name].rule
    arrays = [np.asarray(x, dtype=np.float64) for x in operands]
    if rule.arity is None:
        return _exactly(lambda *row: evaluate_row(CODES[name], row), np.broadcast_arrays(*arrays))
    lane, unsure, exact = level.FORMS[name]
    if lane is None:
        return _exactly(exact, np.broadcast_arrays(*arrays))
    result = lane(*arrays)
    if unsure is not None:
        _retake(result := np.array(result), unsure(*arrays), exact, arrays)
    return result


def _exactly(function: Callable[..., float], arrays: Sequence[Block]) -> Block:
    rows = zip(*(a.tolist() if a.ndim else [a.item()] for a in arrays), strict=True)
    return np.array([function(*row) for row in rows], dtype=np.float64).reshape(arrays[0].shape)


def _retake(result: Block, doubtful: Any, function: Callable[..., float], arrays: Sequence[Block]) -> None:
    """Rows where the form without branches may be a few ulp off are taken again, exactly."""
    if np.any(doubtful):
        where = np.broadcast_to(doubtful, result.shape)
        result[where] = _exactly(function, [np.broadcast_to(a, result.shape)[where] for a in arrays])


def _folded(name: str, operands: Sequence[Operand]) -> Any:
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in operands))
    result, doubtful = _FOLDS[name](arrays)
    _retake(result, doubtful, lambda *row: evaluate_row(CODES[name], row), arrays)
    return result


def _settled(s: Block, error: Block, magnitude: Block, count: int) -> Any:
    """Whether the compensated sum is as good as the exact one, as in `folds`."""
    bound = 1e-31 * magnitude * count * count
    return (
        (bound <= 1e-17 * np.abs(s + error))
        & (magnitude < np.inf)
        & ((magnitude > 1e-290) | (magnitude == 0.0))
    )


def _sum(x: Sequence[Block]) -> tuple[Block, Any]:
    s = np.zeros_like(x[0])
    error, magnitude, infinite = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for v in x:
        t = s + v
        error += sum_error(s, v, t)
        magnitude += np.abs(v)
        infinite += np.where(np.isfinite(v), 0.0, v)
        s = t
    special = infinite != 0.0
    return np.where(special, infinite, s + error), ~special & ~_settled(s, error, magnitude, len(x))


def _mean(x: Sequence[Block]) -> tuple[Block, Any]:
    total, doubtful = _sum(x)
    return total / len(x), doubtful


def _dot(operands: Sequence[Block]) -> tuple[Block, Any]:
    half = len(operands) // 2
    s = np.zeros_like(operands[0])
    error, magnitude, infinite = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    small = np.zeros(s.shape, dtype=bool)
    for w, x in zip(operands[:half], operands[half:], strict=True):
        p = w * x
        t = s + p
        error += sum_error(s, p, t) + product_error(w, x, p)
        magnitude += np.where((np.abs(w) > 1e290) | (np.abs(x) > 1e290), np.inf, np.abs(p))
        infinite += np.where(np.isfinite(w) & np.isfinite(x), 0.0, p)
        small |= (np.abs(p) < 1e-290) & (w != 0.0) & (x != 0.0)
        s = t
    special = infinite != 0.0
    doubtful = ~special & (small | ~_settled(s, error, magnitude, half))
    return np.where(special, infinite, s + error), doubtful


def _logsumexp(x: Sequence[Block]) -> tuple[Block, Any]:
    stacked = np.stack(x)
    place = np.argmax(stacked, axis=0)  # a nan counts as the largest
    m = np.take_along_axis(stacked, place[np.newaxis], axis=0)[0]
    excess = np.zeros_like(m)
    for k, v in enumerate(x):
        excess += np.where(place == k, 0.0, exp_of_difference(v, m))
    r = m + np.log1p(excess)
    doubtful = (m < 0.0) & (0.5 * m < r) & (r < -2.0 * m) & (len(x) > 1) & (m > -np.inf)
    return np.where(np.isfinite(m), r, m), doubtful


_FOLDS: dict[str, Callable[[Sequence[Block]], tuple[Block, Any]]] = {
    "sum": _sum, "mean": _mean, "dot": _dot, "logsumexp": _logsumexp,
}  # fmt: skip
